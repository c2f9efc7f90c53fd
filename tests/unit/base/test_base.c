#include "../cmocka_all.h"
#include "base/base.h"

#include <errno.h>
#include <stdio.h>

static void arena_keeps_and_rewinds(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    char *first = arena_alloc(&a, 10);
    memcpy(first, "123456789", 10);
    struct arena_mark m = arena_mark(&a);
    for (int i = 0; i < 1000; i++)
        memset(arena_alloc(&a, 1000), 'x', 1000);
    arena_rewind(&a, m);
    char *again = arena_alloc(&a, 16);
    assert_string_equal(first, "123456789");
    for (int i = 0; i < 16; i++)
        assert_int_equal(again[i], 0);
}

static void arena_is_used_again(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    CLEANUP(arena_close) struct arena other = { 0 };

    arena_reset(&a); /* nothing yet */
    for (int i = 0; i < 100; i++)
        memset(arena_alloc(&a, 1000), 'x', 1000);
    size_t before = a.total;
    arena_reset(&a);
    assert_true(a.total > 0 && a.total < before);
    char *first = arena_alloc(&a, 10);
    assert_int_equal(first[0], 0);

    char *kept = arena_alloc(&other, 100 << 10);
    memcpy(kept, "kept", 5);
    arena_alloc(&other, 10);
    arena_adopt(&a, &other);
    assert_int_equal(other.total, 0);
    arena_close(&other);
    assert_string_equal(kept, "kept");
    assert_ptr_equal(arena_alloc(&a, 16), first + 16); /* the block in use stays in use */
}

static void arena_takes_back(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct buf b = { .a = &a };

    buf_reserve(&b, 1000);
    buf_c(&b, "short");
    assert_true(str_is(buf_done(&b), "short"));
    assert_ptr_equal(arena_alloc(&a, 1), b.p + 16);
    buf_c(&b, "er");
    assert_true(str_is(buf_str(&b), "shorter"));
}

static void arena_grows_in_place(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    char *p = arena_alloc(&a, 100);
    assert_ptr_equal(arena_grow(&a, p, 100, 200), p);
    arena_alloc(&a, 1);
    p[199] = 7;
    char *moved = arena_grow(&a, p, 200, 400);
    assert_ptr_not_equal(moved, p);
    assert_int_equal(moved[199], 7);
}

static void buf_grows(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct buf b = { .a = &a };
    for (int i = 0; i < 5000; i++)
        buf_fmt(&b, "%d,", i % 10);
    buf_rune(&b, 0x1f600);
    assert_int_equal(b.n, 10004);
    assert_int_equal(b.p[b.n], 0);
    assert_true(str_ends(buf_str(&b), S("9,\xf0\x9f\x98\x80")));
}

static void err_wrap_keeps_the_cause(void **state)
{
    struct err e = { 0 };
    errno = ENOENT;
    assert_false(err_sys(&e, "open %s", "x"));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_false(err_wrap(&e, "load %d", 5));
    assert_string_equal(e.text, "load 5: open x: No such file or directory");
    char longer[3000];
    memset(longer, 'y', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_false(err_wrap(&e, "%s", longer));
    assert_true(str_ends(str_c(e.text), S("y: load 5: open x: No such file or directory")));
}

static void ints(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t want;
    } rows[] = { { "0", true, 0 },
                 { "-9223372036854775808", true, INT64_MIN },
                 { "9223372036854775807", true, INT64_MAX },
                 { "9223372036854775808", false, 0 },
                 { "", false, 0 },
                 { "-", false, 0 },
                 { "1x", false, 0 },
                 { "+7", true, 7 } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t got = 0;
        assert_int_equal(str_to_int(str_c(rows[i].text), &got), rows[i].ok);
        assert_int_equal(got, rows[i].want);
    }
}

static void slices(void **state)
{
    struct str s = S("a.b.c"), part;
    assert_true(str_split(&s, S("."), &part));
    assert_true(str_is(part, "a"));
    assert_true(str_split(&s, S("."), &part));
    assert_false(str_split(&s, S("."), &part));
    assert_true(str_is(part, "c"));
    assert_int_equal(str_find(S("hello"), S("ll")), 2);
    assert_int_equal(str_rfind(S("a/b/c"), S("/")), 3);
    assert_int_equal(str_rfind(S("abc"), S("/")), -1);
    assert_true(str_is(str_trim(S(" \n x \t")), "x"));
    assert_true(str_ieq(S("ETag"), S("etag")));
    assert_true(str_cmp(S("a"), S("ab")) < 0);
}

static void utf8(void **state)
{
    uint32_t rune;
    assert_int_equal(utf8_decode(S("\xe2\x82\xac"), &rune), 3);
    assert_int_equal(rune, 0x20ac);
    assert_int_equal(utf8_decode(S("\xed\xa0\x80"), &rune), 1); /* a surrogate */
    assert_int_equal(rune, 0xfffd);
    assert_false(utf8_valid(S("a\xc0\x80")));
    assert_int_equal(utf8_count(S("a\xe2\x82\xac"
                                  "b")),
                     3);
    assert_int_equal(utf8_prefix(S("\xe2\x82\xac\xe2\x82\xac"), 1).n, 3);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_keeps_and_rewinds),
        cmocka_unit_test(arena_is_used_again),
        cmocka_unit_test(arena_takes_back),
        cmocka_unit_test(arena_grows_in_place),
        cmocka_unit_test(buf_grows),
        cmocka_unit_test(err_wrap_keeps_the_cause),
        cmocka_unit_test(ints),
        cmocka_unit_test(slices),
        cmocka_unit_test(utf8),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
