/* Resolve, fetch and export against a real bare repository over file://. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "../shell.h"
#include "base/sys.h"
#include "git/git.h"

static struct world {
    struct arena a;
    const char *dir, *work;
    struct git_source source;
    struct str first, second; /* commits of main */
    int exports;
} w;

static struct str git(const char *command)
{
    return shell(&w.a, w.work, command);
}

static int build_world(void **state)
{
    struct err e = { 0 };
    setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
    setenv("GIT_AUTHOR_NAME", "Ada", 1);
    setenv("GIT_AUTHOR_EMAIL", "ada@example.org", 1);
    setenv("GIT_COMMITTER_NAME", "Ada", 1);
    setenv("GIT_COMMITTER_EMAIL", "ada@example.org", 1);
    assert_true(fs_temp_dir(&w.a, "test-git-", &w.dir, &e));
    w.work = fs_join(&w.a, w.dir, "work");
    assert_true(fs_mkdirs(w.work, 0700, &e));
    git("git init -q -b main . && mkdir -p deploy && echo one > deploy/a.yaml && git add . && git commit -qm 'first'");
    w.first = git("git rev-parse HEAD");
    git("git tag v1.0.0 && git tag -a v1.2.0 -m annotated && git checkout -qb feat/x && echo x > deploy/x && git add . "
        "&& "
        "git commit -qm x && git checkout -q main");
    git("echo two > deploy/a.yaml && ln -s deploy/a.yaml good && git add . && git commit -qm 'second\n\nbody' && "
        "git tag v2.0.0-rc1");
    w.second = git("git rev-parse HEAD");
    git("git clone -q --bare . ../bare.git");
    w.source.url = arena_fmt(&w.a, "file://%s/bare.git", w.dir);
    return 0;
}

static int drop_world(void **state)
{
    struct err e = { 0 };
    assert_true(fs_remove_tree(w.dir, &e));
    arena_close(&w.a);
    return 0;
}

static void resolves_as(const char *revision, struct str sha)
{
    struct str out = { 0 };
    struct err e = { 0 };
    if (!git_resolve(&w.a, &w.source, str_c(revision), &out, &e))
        fail_msg("%s: %s", revision, e.text);
    assert_string_equal(arena_c(&w.a, out), arena_c(&w.a, sha));
}

static void resolves_revisions(void **state)
{
    resolves_as("main", w.second);
    resolves_as("", w.second);
    resolves_as("HEAD", w.second);
    resolves_as("refs/heads/main", w.second);
    resolves_as("feat/x", git("git rev-parse feat/x"));
    resolves_as("v1.2.0", w.first); /* the commit, not the tag object */
    resolves_as("1.*", w.first);
    resolves_as("^1.0", w.first);
    resolves_as("0123456789012345678901234567890123456789", S("0123456789012345678901234567890123456789"));
    resolves_as(arena_c(&w.a, str_slice(w.second, 0, 9)), w.second);
}

static void tells_an_unknown_revision(void **state)
{
    struct str out = { 0 };
    struct err e = { 0 };
    assert_false(git_resolve(&w.a, &w.source, S("nope"), &out, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_string_equal(e.text, "unable to resolve 'nope' to a commit SHA");
}

static void tells_an_absent_repository(void **state)
{
    struct git_source s = { .url = arena_fmt(&w.a, "file://%s/none.git", w.dir) };
    struct str out = { 0 };
    struct err e = { 0 };
    assert_false(git_resolve(&w.a, &s, S("main"), &out, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void refuses_urls_that_run_programs(void **state)
{
    struct git_source s = { .url = S("ext::sh -c id") };
    struct str out = { 0 };
    struct err e = { 0 };
    assert_false(git_resolve(&w.a, &s, S("main"), &out, &e));
    assert_int_equal(e.kind, ERR_INVALID);
}

static const char *export(struct git_source s, struct str sha, const char *path, struct err *e)
{
    const char *mirror = NULL;
    const char *dest = arena_fmt(&w.a, "%s/out%d", w.dir, w.exports++).p;
    const char *cache = fs_join(&w.a, w.dir, "cache");
    if (!git_fetch(&w.a, cache, &s, sha, &mirror, e) || !git_export(&w.a, mirror, sha, str_c(path), dest, e))
        return NULL;
    return dest;
}

static void file_is(const char *dir, const char *name, const char *text)
{
    struct str got = { 0 };
    struct err e = { 0 };
    assert_true(fs_read(&w.a, AT_FDCWD, fs_join(&w.a, dir, name), 1000, &got, &e));
    assert_string_equal(arena_c(&w.a, got), text);
}

static void exports_exactly_the_commit(void **state)
{
    struct err e = { 0 };
    const char *old = export(w.source, w.first, "deploy/", &e);
    const char *new = export(w.source, w.second, "", &e);
    assert_non_null(old);
    assert_non_null(new);
    file_is(old, "a.yaml", "one\n");
    file_is(new, "deploy/a.yaml", "two\n");
    file_is(new, "good", "two\n");
    assert_false(fs_exists(fs_join(&w.a, new, ".git")));
}

static void tells_an_absent_path(void **state)
{
    struct err e = { 0 };
    assert_null(export(w.source, w.first, "nowhere", &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_string_equal(e.text, "nowhere: app path does not exist");
}

static void equal_content_has_equal_tree_ids(void **state)
{
    const char *mirror = NULL;
    struct str one = { 0 }, two = { 0 };
    struct err e = { 0 };
    struct str branch = git("git rev-parse feat/x");
    assert_true(git_fetch(&w.a, fs_join(&w.a, w.dir, "cache"), &w.source, w.first, &mirror, &e));
    assert_true(git_fetch(&w.a, fs_join(&w.a, w.dir, "cache"), &w.source, branch, &mirror, &e));
    assert_true(git_tree_id(&w.a, mirror, w.first, S("deploy/a.yaml"), &one, &e));
    assert_true(git_tree_id(&w.a, mirror, branch, S("./deploy/a.yaml"), &two, &e));
    assert_true(str_eq(one, two));
    assert_true(git_tree_id(&w.a, mirror, w.first, S("deploy"), &one, &e));
    assert_true(git_tree_id(&w.a, mirror, branch, S("deploy"), &two, &e));
    assert_false(str_eq(one, two));
}

static void reads_a_commit(void **state)
{
    const char *mirror = NULL;
    struct git_commit c = { 0 };
    struct err e = { 0 };
    assert_true(git_fetch(&w.a, fs_join(&w.a, w.dir, "cache"), &w.source, w.second, &mirror, &e));
    assert_true(git_commit_read(&w.a, mirror, w.second, &c, &e));
    assert_string_equal(arena_c(&w.a, c.author_name), "Ada");
    assert_string_equal(arena_c(&w.a, c.author_email), "ada@example.org");
    assert_string_equal(arena_c(&w.a, c.message), "second\n\nbody");
    assert_true(c.date_ms > 1000000000000);
}

/* Rows: a link, made by a shell command in a fresh repository. */
static void links_that_leave_are_refused(void **state)
{
    static const char *const commands[] = {
        "ln -s /etc/passwd out",
        "ln -s ../../etc out",
        "mkdir -p x/y/z && ln -s ../../../ x/y/z/d && ln -s d/../foo x/y/z/out && echo secret > ../foo",
        "mkdir -p a && ln -s ../../nowhere a/out",
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        struct err e = { 0 };
        git(arena_fmt(&w.a,
                      "git checkout -q --orphan evil%zu && git rm -rqf . && %s && git add . && git commit -qm evil", i,
                      commands[i])
                .p);
        struct str sha = git("git rev-parse HEAD");
        git("git push -q ../bare.git HEAD");
        /* what the chained link would reach from the export folder */
        git(arena_fmt(&w.a, "echo secret > %s/foo", w.dir).p);
        assert_null(export(w.source, sha, "", &e));
        assert_int_equal(e.kind, ERR_DENIED);
        assert_true(str_ends(str_c(e.text), S("symbolic link leaves the repository")));
        git("git checkout -q main");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resolves_revisions),
        cmocka_unit_test(tells_an_unknown_revision),
        cmocka_unit_test(tells_an_absent_repository),
        cmocka_unit_test(refuses_urls_that_run_programs),
        cmocka_unit_test(exports_exactly_the_commit),
        cmocka_unit_test(tells_an_absent_path),
        cmocka_unit_test(equal_content_has_equal_tree_ids),
        cmocka_unit_test(reads_a_commit),
        cmocka_unit_test(links_that_leave_are_refused),
    };
    return cmocka_run_group_tests_name("git repository", tests, build_world, drop_world);
}
