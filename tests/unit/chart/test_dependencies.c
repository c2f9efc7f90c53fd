/* Dependencies from folders and repositories; the lock. */
#include <fcntl.h>
#include <unistd.h>

#include "chart/repository.h"
#include "fixture.h"

#define REPOSITORY "https://charts.example/stable"

struct world { /* a chart repository in a folder; the fetcher's user */
    struct fixture *f;
    int requests;
    bool down, tampered;
};

static bool get(void *user, struct arena *a, struct str url, struct str *out, struct err *e)
{
    struct world *w = user;
    const char *prefix = REPOSITORY "/";

    w->requests++;
    if (w->down)
        return err_set(e, ERR_UNAVAILABLE, "connection refused");
    assert_true(str_starts(url, str_c(prefix)));
    const char *name = arena_fmt(a, "repo/%.*s", (int)(url.n - strlen(prefix)), url.p + strlen(prefix)).p;
    if (!fs_read(a, AT_FDCWD, fixture_path(w->f, name), 1 << 20, out, e))
        return false;
    if (w->tampered && str_ends(url, S(".tgz")))
        ((char *)out->p)[out->n / 2] ^= 1;
    return true;
}

static void publish(struct fixture *f, const char *name, const char *const *versions, size_t n)
{
    const char *path;
    struct str index;

    for (size_t i = 0; i < n; i++) {
        const char *folder = arena_fmt(&f->a, "src-%s-%s", name, versions[i]).p;
        fixture_chart(f, folder, name, versions[i], "");
        assert_true(chart_package(&f->a, fixture_path(f, folder), fixture_path(f, "repo"), &path, &f->e));
    }
    assert_true(chart_repo_index(&f->a, fixture_path(f, "repo"), S(""), &index, &f->e));
    fixture_write(f, "repo/index.yaml", arena_c(&f->a, index));
}

static bool build(struct world *w, bool update, struct value *resolved)
{
    const struct chart_fetcher fetcher = { .get = get, .user = w };

    return chart_dependencies_build(&w->f->a, fixture_path(w->f, "demo"), &fetcher, update, true, resolved, &w->f->e);
}

static void wants(struct fixture *f, const char *constraint)
{
    fixture_chart(
        f, "demo", "demo", "1.0.0",
        arena_fmt(&f->a, "dependencies:\n- {name: web, version: \"%s\", repository: \"" REPOSITORY "\"}\n", constraint)
            .p);
}

/* What a check-out's charts share may be reached by links, also while their dependencies are fetched. */
static void follows_links_below_the_root(void **state)
{
    struct fixture *f = *state;
    struct world w = { .f = f };
    struct chart_fetcher fetcher = { .get = get, .user = &w, .root = f->dir };
    struct value resolved;

    fixture_chart(f, "web", "web", "1.0.0", "");
    fixture_write(f, "shared/_names.tpl", "{{/* shared */}}\n");
    fixture_write(f, "demo/templates/a.yaml", "a: 1\n");
    fixture_chart(f, "demo", "demo", "1.0.0",
                  "dependencies:\n- {name: web, version: 1.0.0, repository: \"file://../web\"}\n");
    assert_int_equal(symlink("../../shared/_names.tpl", fixture_path(f, "demo/templates/_names.tpl")), 0);
    assert_int_equal(symlink("../shared/_names.tpl", fixture_path(f, "web/names.tpl")), 0);
    const char *demo = fixture_path(f, "demo");
    assert_true(chart_dependencies_build(&f->a, demo, &fetcher, true, true, &resolved, &f->e));
    assert_true(fs_exists(fixture_path(f, "demo/charts/web-1.0.0.tgz")));
    fetcher.root = NULL;
    assert_false(chart_dependencies_build(&f->a, demo, &fetcher, true, true, &resolved, &f->e));
    assert_int_equal(f->e.kind, ERR_DENIED);
}

static const char *const versions[] = { "1.0.0", "1.4.0", "1.10.0", "2.0.0-rc.1" };

static void takes_the_newest_that_fits(void **state)
{
    static const struct {
        const char *constraint, *version;
    } rows[] = {
        { "*", "1.10.0" }, { "^1.0", "1.10.0" }, { "~1.4", "1.4.0" }, { "<1.10", "1.4.0" }, { ">0-0", "2.0.0-rc.1" }
    };
    struct fixture *f = *state;
    struct world w = { .f = f };
    struct value resolved;

    publish(f, "web", versions, COUNT(versions));
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fs_names names;
        wants(f, rows[i].constraint);
        assert_true(build(&w, true, &resolved));
        assert_true(str_is(value_str_at(&resolved, "0.version"), rows[i].version));
        assert_true(str_starts(value_str_at(&resolved, "0.digest"), S("sha256:")));
        assert_true(fs_list(&f->a, fixture_path(f, "demo/charts"), &names, &f->e));
        assert_int_equal(names.n, 1); /* the version before is gone */
        assert_string_equal(names.v[0].p, arena_fmt(&f->a, "web-%s.tgz", rows[i].version).p);
    }
}

static void keeps_to_the_lock(void **state)
{
    struct fixture *f = *state;
    struct world w = { .f = f };
    struct value resolved;

    publish(f, "web", versions, 2);
    wants(f, "^1.0");
    assert_true(build(&w, true, &resolved));
    publish(f, "web", versions, 3);
    assert_true(build(&w, false, &resolved));
    assert_true(str_is(value_str_at(&resolved, "0.version"), "1.4.0"));
    wants(f, "~1.0");
    assert_false(build(&w, false, &resolved));
    assert_string_equal(f->e.text, "the lock file (Chart.lock) is out of sync with the dependencies file (Chart.yaml). "
                                   "Please update the dependencies");
}

static void fails_clearly(void **state)
{
    struct fixture *f = *state;
    struct world w = { .f = f };
    struct value resolved;

    publish(f, "web", versions, 1);
    wants(f, "^3");
    assert_false(build(&w, true, &resolved));
    assert_string_equal(f->e.text,
                        "can't get a valid version for 1 subchart(s): \"web\" (repository \"" REPOSITORY
                        "\", version \"^3\"). Make sure a matching chart version exists in the repo, or change "
                        "the version constraint in Chart.yaml");
    assert_false(fs_exists(fixture_path(f, "demo/charts")));
    wants(f, "*");
    w.tampered = true;
    assert_false(build(&w, true, &resolved));
    assert_non_null(strstr(f->e.text, "but the repository's index states sha256:"));
    assert_false(fs_exists(fixture_path(f, "demo/Chart.lock")));
    w.down = true;
    assert_false(build(&w, true, &resolved));
    assert_int_equal(f->e.kind, ERR_UNAVAILABLE);
    assert_string_equal(f->e.text,
                        "looks like \"" REPOSITORY "\" is not a valid chart repository or cannot be reached: "
                        "connection refused");
}

static void packs_folders_below_the_root(void **state)
{
    struct fixture *f = *state;
    struct value resolved;
    struct chart_fetcher fetcher = { .root = fixture_path(f, "source") };

    fixture_chart(f, "source/demo", "demo", "1.0.0",
                  "dependencies:\n- {name: lib, version: ^1, repository: \"file://../lib\"}\n");
    fixture_chart(f, "source/lib", "lib", "1.3.0", "");
    const char *demo = fixture_path(f, "source/demo");
    assert_true(chart_dependencies_build(&f->a, demo, &fetcher, true, true, &resolved, &f->e));
    assert_true(fs_exists(fixture_path(f, "source/demo/charts/lib-1.3.0.tgz")));
    fetcher.root = demo;
    assert_false(chart_dependencies_build(&f->a, demo, &fetcher, true, true, &resolved, &f->e));
    assert_int_equal(f->e.kind, ERR_DENIED);
}

/* The digest that Helm v4.1.4 writes for these entries. */
static void has_helms_digest(void **state)
{
    struct fixture *f = *state;
    struct chart_dependency wanted = { .name = S("a"), .version = S("^1.0.0"), .repository = S("file://../libs/a") };
    struct chart_dependency locked = { .name = S("a"), .version = S("1.2.3"), .repository = S("file://../libs/a") };
    const struct chart_dependencies w = { &wanted, 1, true }, l = { &locked, 1, true };

    assert_string_equal(arena_c(&f->a, lock_digest(&f->a, &w, &l)),
                        "sha256:c47b723f960968cdfaa8b6abb8252154fefb97ec10bb2b9c803faf85f79dc842");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        TEST(takes_the_newest_that_fits),
        TEST(keeps_to_the_lock),
        TEST(fails_clearly),
        TEST(packs_folders_below_the_root),
        TEST(follows_links_below_the_root),
        TEST(has_helms_digest),
    };
    return cmocka_run_group_tests_name("chart dependencies", tests, NULL, NULL);
}
