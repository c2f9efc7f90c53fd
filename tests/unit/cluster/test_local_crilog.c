/* What a program prints, in whatever pieces, becomes CRI lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>

#include "base/sys.h"
#include "cluster/local/crilog.h"

static const struct row {
    const char *name;
    const char *pieces[5];
    const char *expect;
} rows[] = {
    { "one line", { "hello\n" }, "stdout F hello\n" },
    { "several at once", { "a\nb\n\nc\n" }, "stdout F a\nstdout F b\nstdout F \nstdout F c\n" },
    { "in pieces", { "he", "ll", "o\nwor", "ld\n" }, "stdout F hello\nstdout F world\n" },
    { "no end of line", { "hello" }, "stdout P hello\n" },
    { "nothing", { "" }, "" },
    { "carriage returns stay", { "a\r\n" }, "stdout F a\r\n" },
};

static struct str feed(struct arena *a, const struct row *r, struct str *whole)
{
    struct err e = { 0 };
    struct crilog l;
    static struct crilog_stream s;
    const char *dir;
    struct buf b = { .a = a };
    buf_c(&b, "");
    assert_true(fs_temp_dir(a, "vitrine-log", &dir, &e) && crilog_open(&l, fs_join(a, dir, "0.log"), &e));
    s = (struct crilog_stream){ .name = "stdout" };
    for (size_t i = 0; i < COUNT(r->pieces) && r->pieces[i] != NULL; i++)
        crilog_feed(&l, &s, str_c(r->pieces[i]));
    crilog_flush(&l, &s);
    crilog_close(&l);
    assert_true(fs_read(a, AT_FDCWD, fs_join(a, dir, "0.log"), 1 << 20, whole, &e) && fs_remove_tree(dir, &e));
    for (struct str rest = *whole, line; rest.n > 0;) {
        str_split(&rest, S("\n"), &line);
        assert_true(line.n > 31 && line.p[10] == 'T' && line.p[29] == 'Z');
        buf_fmt(&b, "%.*s\n", STR(str_slice(line, 31, line.n)));
    }
    return buf_str(&b);
}

static void writes_row(void **state)
{
    const struct row *r = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    struct str whole;
    struct str text = feed(&a, r, &whole);
    assert_string_equal(text.n > 0 ? text.p : "", r->expect);
}

/* A line of any length is cut into parts that join to what was printed. */
static void long_lines(void **state)
{
    for (size_t n = CRILOG_LINE_MAX - 1; n <= 2 * CRILOG_LINE_MAX + 1;
         n += n < CRILOG_LINE_MAX + 1 ? 1 : CRILOG_LINE_MAX / 2) {
        CLEANUP(arena_close) struct arena a = { 0 };
        struct buf b = { .a = &a }, joined = { .a = &a };
        struct str whole, line;
        buf_fill(&b, 'x', n);
        buf_byte(&b, '\n');
        struct row r = { "", { b.p }, NULL };
        struct str text = feed(&a, &r, &whole);
        bool last = false;
        while (text.n > 0) {
            str_split(&text, S("\n"), &line);
            last = str_starts(line, S("stdout F "));
            buf_add(&joined, str_slice(line, 9, line.n));
            assert_true(line.n <= 9 + CRILOG_LINE_MAX);
        }
        assert_true(last);
        assert_int_equal(joined.n, n);
    }
}

int main(void)
{
    struct CMUnitTest tests[COUNT(rows) + 1];
    for (size_t i = 0; i < COUNT(rows); i++)
        tests[i] = (struct CMUnitTest){ rows[i].name, writes_row, NULL, NULL, (void *)(uintptr_t)&rows[i] };
    tests[COUNT(rows)] = (struct CMUnitTest)cmocka_unit_test(long_lines);
    return _cmocka_run_group_tests("crilog", tests, COUNT(tests), NULL, NULL);
}
