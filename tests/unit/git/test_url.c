/* What a repository URL says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "git/git.h"

static struct row {
    const char *url, *full_name;
    const char *same_as; /* another spelling, or NULL */
} rows[] = {
    { "https://github.com/ixxeL-DevOps/demo-web-py.git", "ixxeL-DevOps/demo-web-py",
      "https://GitHub.com/ixxeL-DevOps/demo-web-py" },
    { "git@github.com:owner/repo.git", "owner/repo", "https://github.com/owner/repo" },
    { "ssh://git@host:2222/owner/repo", "owner/repo", "ssh://host:2222/owner/repo.git/" },
    { "http://127.0.0.1:8080/a/b/c.git", "a/b", NULL },
    { "https://user:token@host/owner/repo", "owner/repo", "https://host/owner/repo.git" },
    { "https://host/single.git", "single", NULL },
    { "/srv/git/demo.git", "srv/git", "/srv/git/demo" },
};
enum { ROWS = sizeof rows / sizeof *rows };

static void reads_row(void **state)
{
    const struct row *r = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    struct str name = { 0 };
    struct err e = { 0 };
    assert_true(git_full_name(&a, str_c(r->url), &name, &e));
    assert_string_equal(arena_c(&a, name), r->full_name);
    if (r->same_as != NULL)
        assert_true(git_same_repository(str_c(r->url), str_c(r->same_as)));
    assert_false(git_same_repository(str_c(r->url), str_c("https://elsewhere.example/owner/repo")));
}

static void refuses_nothing_at_all(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct str name = { 0 };
    struct err e = { 0 };
    assert_false(git_full_name(&a, str_c("https://"), &name, &e));
    assert_string_equal(e.text, "https://: not a repository URL");
}

int main(void)
{
    struct CMUnitTest tests[ROWS + 1];
    for (size_t i = 0; i < ROWS; i++)
        tests[i] = (struct CMUnitTest){ rows[i].url, reads_row, NULL, NULL, &rows[i] };
    tests[ROWS] = (struct CMUnitTest){ "nothing", refuses_nothing_at_all, NULL, NULL, NULL };
    return cmocka_run_group_tests_name("git url", tests, NULL, NULL);
}
