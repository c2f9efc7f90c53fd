/* Loading a configuration directory: what is taken, what is told. */
#include "../cmocka_all.h"
#include "base/sys.h"
#include "gitops/config.h"

static struct arena a;
static const char *dir;

static int make_dir(void **state)
{
    struct err e = { 0 };
    assert_true(fs_temp_dir(&a, "test-config-", &dir, &e));
    return 0;
}

static int drop_dir(void **state)
{
    struct err e = { 0 };
    assert_true(fs_remove_tree(dir, &e));
    arena_close(&a);
    return 0;
}

static void file(const char *name, const char *text)
{
    struct err e = { 0 };
    const char *path = fs_join(&a, dir, name);
    if (strchr(name, '/') != NULL)
        assert_true(
            fs_mkdirs(arena_c(&a, str_slice(str_c(path), 0, (size_t)str_rfind(str_c(path), S("/")))), 0700, &e));
    assert_true(fs_write(path, str_c(text), 0600, &e));
}

static struct config *load(void)
{
    struct config *c = NULL;
    struct err e = { 0 };
    if (!config_load(dir, &c, &e))
        fail_msg("%s", e.text);
    return c;
}

static void is(struct str got, const char *wanted)
{
    assert_string_equal(arena_c(&a, got), wanted);
}

#define SET                                                                                                            \
    "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: good}\nspec: {generators: [], "          \
    "template: {metadata: {}, spec: {}}}\n"

static void a_mistake_stays_where_it_is(void **state)
{
    const struct config_problem *problems = NULL;
    file("a.yaml", SET
         "---\n# comment\n\nkind: ApplicationSet\nmetadata:\n  name: [\n---\nkind: Application\nmetadata: {name: x}\n"
         "spec:\n  source: {repoURL: u, targetRevision: 1.1}\n  destination: {}\n");
    file("sub/b.json", "{\"kind\": \"AppProject\", \"metadata\": {\"name\": \"p\"}}");
    file("readme.txt", "not a manifest");
    struct config *c = load();
    assert_int_equal(config_problems(c, &problems), 2);
    is(problems[0].where, "a.yaml:8");
    is(problems[1].where, "a.yaml:12");
    is(problems[1].text, "Application \"x\": spec.source.targetRevision must be text, not float (put it in quotes)");
    assert_false(config_complete(c));
    assert_int_equal(value_len(config_documents(c, CONFIG_APPLICATIONSET)), 1);
    assert_int_equal(value_len(config_documents(c, CONFIG_PROJECT)), 1);
    config_close(c);
}

/* What is read wrongly would select every pull request. */
static void a_generator_is_read_strictly(void **state)
{
    static const struct {
        const char *generator, *text;
    } rows[] = {
        { "github: {owner: o, repo: r, labels: preview}",
          "spec.generators[0]: pullRequest.github.labels must be a list, not string" },
        { "github: {owner: o, repo: r, label: [x]}", "spec.generators[0].pullRequest.github: unknown field \"label\"" },
        { "filter: [{branchMatch: x}]", "spec.generators[0].pullRequest: unknown field \"filter\"" },
        { "filters: ['^feat']", "spec.generators[0].pullRequest.filters[0] must be a map, not string" },
        { "filters: [{}, {branchMatch: 1}]",
          "spec.generators[0].pullRequest.filters[1]: branchMatch must be text, not int (put it in quotes)" },
        { "filters: [{branch: x}]", "spec.generators[0].pullRequest.filters[0]: unknown field \"branch\"" },
        { "requeueAfterSeconds: 1m",
          "spec.generators[0]: pullRequest.requeueAfterSeconds must be a whole number, not string" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct config_problem *problems = NULL;
        file("a.yaml", arena_fmt(&a,
                                 "kind: ApplicationSet\nmetadata: {name: s}\nspec:\n  generators:\n  - pullRequest: "
                                 "{%s}\n  template: {metadata: {}, spec: {}}\n",
                                 rows[i].generator)
                           .p);
        struct config *c = load();
        assert_int_equal(config_problems(c, &problems), 1);
        is(problems[0].text, arena_fmt(&a, "ApplicationSet \"s\": %s", rows[i].text).p);
        config_close(c);
    }
}

static void what_is_not_supported_is_said(void **state)
{
    const struct config_problem *problems = NULL;
    file("a.yaml", "kind: AppProject\nmetadata: {name: p}\nspec: {syncWindows: [{kind: deny}]}\n");
    struct config *c = load();
    assert_int_equal(config_problems(c, &problems), 1);
    is(problems[0].text, "AppProject \"p\": spec.syncWindows is not supported: a window holds nothing back");
    assert_true(config_complete(c));
    config_close(c);
}

static void secrets_are_decoded(void **state)
{
    struct str out = { 0 };
    struct err e = { 0 };
    file("a.yaml",
         "kind: Secret\nmetadata: {name: github-creds}\ndata: {b64: aGVsbG8K}\nstringData: {github_token: ghp_x}\n---\n"
         "kind: Secret\nmetadata:\n  name: repo\n  labels: {argocd.argoproj.io/secret-type: repo-creds}\n"
         "stringData: {url: 'https://github.com/o', username: u, password: p}\n---\n"
         "kind: Secret\nmetadata: {name: bad}\ndata: {x: '***'}\n");
    struct config *c = load();
    assert_true(config_secret(c, S("argocd"), S("github-creds"), S("github_token"), &out, &e));
    is(out, "ghp_x");
    assert_true(config_secret(c, S("argocd"), S("github-creds"), S("b64"), &out, &e));
    is(out, "hello");
    assert_false(config_secret(c, S("argocd"), S("github-creds"), S("nope"), &out, &e));
    assert_string_equal(e.text, "key \"nope\" in secret argocd/github-creds not found");
    assert_false(config_secret(c, S("argocd"), S("none"), S("k"), &out, &e));
    assert_string_equal(e.text, "error fetching secret argocd/none: secrets \"none\" not found");
    is(config_repo_credentials(c, S("https://github.com/o/r.git")).password, "p");
    assert_int_equal(config_repo_credentials(c, S("https://elsewhere/o/r.git")).password.n, 0);
    static const char *const not_below[] = { "https://github.com/other/r", "https://github.com/o/../other/r",
                                             "https://github.com/o/%2E%2e/other/r",
                                             "https://github.com.example.org/o/r" };
    for (size_t i = 0; i < COUNT(not_below); i++)
        assert_false(config_names_repo(c, str_c(not_below[i])));
    assert_true(config_names_repo(c, S("https://github.com/o/charts")));
    assert_true(value_is(config_document(c, CONFIG_SECRET, S("bad")), VALUE_NULL));
    config_close(c);
}

static void destinations(void **state)
{
    struct value named = value_map(&a), both = value_map(&a);
    struct err e = { 0 };
    value_set_str(&a, &named, "name", S("vk-pprod"));
    value_set_str(&a, &both, "name", S("x"));
    value_set_str(&a, &both, "server", S("y"));
    file("a.yaml", SET);
    struct config *c = load();
    assert_true(config_destination(c, &named, &e)); /* one destination: every name is it */
    assert_false(config_destination(c, &both, &e));
    config_close(c);
    file("a.yaml", "kind: Secret\nmetadata:\n  name: c\n  labels: {argocd.argoproj.io/secret-type: "
                   "cluster}\nstringData: {name: other, server: s}\n");
    c = load();
    assert_false(config_destination(c, &named, &e));
    assert_string_equal(e.text, "there are no clusters with this name: vk-pprod");
    config_close(c);
}

static void the_values_form_is_notifications(void **state)
{
    file("a.yaml", "secret: {name: s}\nnotifiers:\n  service.webhook.github: |\n    url: "
                   "https://api.github.com\n---\nkind: Pod\n");
    struct config *c = load();
    const struct config_problem *problems = NULL;
    assert_int_equal(value_len(config_documents(c, CONFIG_NOTIFICATIONS)), 1);
    assert_int_equal(config_problems(c, &problems), 1);
    assert_false(problems[0].fatal);
    assert_true(config_complete(c));
    config_close(c);
}

static void an_absent_directory_is_an_error(void **state)
{
    struct config *c = NULL;
    struct err e = { 0 };
    assert_false(config_load("/nonexistent/config", &c, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_mistake_stays_where_it_is, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(a_generator_is_read_strictly, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(what_is_not_supported_is_said, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(secrets_are_decoded, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(destinations, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(the_values_form_is_notifications, make_dir, drop_dir),
        cmocka_unit_test(an_absent_directory_is_an_error),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
