#include "../cmocka_all.h"
#include "base/sys.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>

static void times(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    static const struct {
        const char *text;
        bool ok;
        int64_t ms;
    } rows[] = { { "2024-03-24T16:02:22Z", true, 1711296142000 },
                 { "2024-03-24T17:02:22+01:00", true, 1711296142000 },
                 { "2024-03-24T16:02:22.125Z", true, 1711296142125 },
                 { "2024-13-24T16:02:22Z", false, 0 },
                 { "2024-03-24", false, 0 },
                 { "", false, 0 } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ms = 0;
        assert_int_equal(clock_parse_rfc3339(str_c(rows[i].text), &ms), rows[i].ok);
        assert_int_equal(ms, rows[i].ms);
    }
    assert_true(str_is(clock_rfc3339(&a, 1711296142999), "2024-03-24T16:02:22Z"));
}

static void durations(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t ns;
    } rows[] = { { "5s", true, 5000000000 },
                 { "1h2m3.5s", true, 3723500000000 },
                 { "-300ms", true, -300000000 },
                 { "0", true, 0 },
                 { "5", false, 0 },
                 { "", false, 0 },
                 { "5x", false, 0 },
                 { ".5h", true, 1800000000000 },
                 { ".s", false, 0 },
                 { "1.2.3s", false, 0 },
                 { "1.000000001s", true, 1000000001 },
                 { "9223372036854775807ns", true, INT64_MAX },
                 { "9223372036854775808ns", false, 0 },
                 { "-9223372036854775808ns", true, INT64_MIN },
                 { "2562047h47m16.854775807s", true, INT64_MAX },
                 { "99999999999999999999s", false, 0 } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ns = 0;
        assert_int_equal(duration_parse(str_c(rows[i].text), &ns), rows[i].ok);
        assert_int_equal(ns, rows[i].ns);
    }
}

static void files(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct err e = { 0 };
    const char *dir;
    struct str text;
    struct fs_names names;
    assert_true(fs_temp_dir(&a, "vitrine-test", &dir, &e));
    const char *deep = fs_join(&a, dir, "x/y/z");
    assert_true(fs_mkdirs(deep, 0755, &e));
    assert_true(fs_write(fs_join(&a, deep, "f"), S("hello"), 0640, &e));
    assert_true(fs_read(&a, AT_FDCWD, fs_join(&a, deep, "f"), 5, &text, &e));
    assert_true(str_is(text, "hello"));
    assert_false(fs_read(&a, AT_FDCWD, fs_join(&a, deep, "f"), 4, &text, &e));
    assert_int_equal(e.kind, ERR_LIMIT);
    assert_false(fs_read(&a, AT_FDCWD, fs_join(&a, deep, "none"), 4, &text, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_true(fs_list(&a, deep, &names, &e));
    assert_int_equal(names.n, 1); /* no temporary file is left */
    assert_true(fs_remove_tree(dir, &e));
    assert_false(fs_exists(dir));
}

/* Deeper than a process may have descriptors, and with a name in the way that removal itself uses. */
static void deep_trees(void **state)
{
    enum { DEEP = 3000 };
    CLEANUP(arena_close) struct arena a = { 0 };
    struct err e = { 0 };
    const char *dir;
    assert_true(fs_temp_dir(&a, "vitrine-test", &dir, &e));
    assert_true(fs_mkdirs(fs_join(&a, dir, ".deep-0"), 0755, &e));
    CLEANUP(fd_close) int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < DEEP; i++) {
        assert_int_equal(mkdirat(at, "d", 0700), 0);
        int next = openat(at, "d", O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        fd_close(&at);
        at = next;
    }
    if (!fs_remove_tree(dir, &e))
        fail_msg("%s", e.text);
    assert_false(fs_exists(dir));
}

static void processes(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct err e = { 0 };
    struct proc_result r;
    const char *const cat[] = { "sh", "-c", "cat; echo bad >&2; exit 3", NULL };
    assert_true(proc_run(&a, &(struct proc_options){ .argv = cat, .stdin_bytes = S("in") }, &r, &e));
    assert_int_equal(r.status, 3);
    assert_true(str_is(r.out, "in"));
    assert_true(str_is(r.err, "bad\n"));
    const char *const none[] = { "no-such-program-here", NULL };
    assert_false(proc_run(&a, &(struct proc_options){ .argv = none }, &r, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    const char *const slow[] = { "sh", "-c", "sleep 100 & sleep 100", NULL };
    assert_false(proc_run(&a, &(struct proc_options){ .argv = slow, .timeout_ms = 50 }, &r, &e));
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    const char *const chatty[] = { "sh", "-c", "yes", NULL };
    assert_false(proc_run(&a, &(struct proc_options){ .argv = chatty, .output_max = 1000 }, &r, &e));
    assert_int_equal(e.kind, ERR_LIMIT);
}

static atomic_int done;

static void count(void *arg)
{
    done += *(int *)arg;
}

static void pools(void **state)
{
    struct pool *p;
    struct err e = { 0 };
    int one = 1;
    assert_true(pool_open("test", 3, 100, &p, &e));
    for (int i = 0; i < 100; i++)
        while (!pool_submit(p, count, &one))
            continue;
    pool_close(p);
    assert_int_equal(done, 100);
}

int main(void)
{
    static const struct CMUnitTest tests[] = { cmocka_unit_test(times),     cmocka_unit_test(durations),
                                               cmocka_unit_test(files),     cmocka_unit_test(deep_trees),
                                               cmocka_unit_test(processes), cmocka_unit_test(pools) };
    return cmocka_run_group_tests_name("sys", tests, NULL, NULL);
}
