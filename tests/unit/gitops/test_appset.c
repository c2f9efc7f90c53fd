/* Names, substitution, parameters and rendered Applications. */
#include "../cmocka_all.h"
#include "base/sys.h"
#include "data/json.h"
#include "data/yaml.h"
#include "gitops/application.h"
#include "gitops/appset.h"
#include "gitops/glob.h"

static struct arena a;

static struct value yaml(const char *text)
{
    struct value v;
    struct err e = { 0 };
    if (!yaml_parse(&a, str_c(text), "test", &v, &e))
        fail_msg("%s", e.text);
    return v;
}

static void is(struct str got, const char *wanted)
{
    assert_string_equal(arena_c(&a, got), wanted);
}

static void slugs(void **state)
{
    static const struct {
        const char *branch, *slug;
    } rows[] = {
        { "feat/ephemeral4", "feat-ephemeral4" },
        { "Fix_A&B@C", "fix-aandbatc" },
        { "feat/areally+long_pull_request_name_to_test_argo_slugification_and_branch_name_shortening_feature",
          "feat-areally-long-pull-request-name-to-test-argo" },
        { "  --Ünïcode'Straße\xe2\x80\x94x--  ", "unicodestrasse-x" },
        { "ПРИВЕТ/мир", "privet-mir" },
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
        { "", "" },
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        is(slug_branch(&a, str_c(rows[i].branch)), rows[i].slug);
    is(slug_normalize(&a, S("Feat/A_b.C!")), "feat-a-b.c");
    is(slug_slugify(&a, 8, false, S("feat/areally")), "feat-are");
    is(slug_slugify(&a, 8, true, S("feat/areally")), "feat");
}

static void classic_substitution(void **state)
{
    static const struct {
        const char *text, *result, *error;
    } rows[] = {
        { "{{a}}", "A", NULL },
        { "x{{ a }}y{{a}}", "xAyA", NULL },
        { "{{n}} {{ n }}", "{{n}} {{ n }}", NULL },
        { "{{.a}}{{A}}{{a | upper}}", "{{.a}}{{A}}{{a | upper}}", NULL },
        { "{{}}", "{{}}", NULL },
        { "{{{a}}}", "{{{a}}}", NULL },
        { "{{a}}}}", "A}}", NULL },
        { "{{list}}", "{{list}}", NULL },
        { "{{t}}", "{{a}}", NULL },
        { "{{\na}}", "{{\na}}", NULL },
        { "plain", "plain", NULL },
        { "{{a}} {{b", NULL,
          "invalid template: Cannot find end tag=\"}}\" in the template=\"{{a}} {{b\" starting from \"b\"" },
    };
    struct value params = yaml("{a: A, t: '{{a}}', list: [x]}");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str out = { 0 };
        struct err e = { 0 };
        bool ok = appset_substitute(&a, str_c(rows[i].text), &params, &out, &e);
        assert_int_equal(ok, rows[i].error == NULL);
        if (ok)
            is(out, rows[i].result);
        else
            assert_string_equal(e.text, rows[i].error);
    }
}

static struct forge_pull pull_of(const char *branch)
{
    static struct str labels[] = { { "preview", 7 }, { "x", 1 } };
    return (struct forge_pull){ .number = 5,
                                .title = S("Add {{branch}}"),
                                .branch = str_c(branch),
                                .target_branch = S("main"),
                                .head_sha = S("d751238e003a92968e2276456f2e0e3ac2ba7216"),
                                .author = S("octocat"),
                                .labels = labels,
                                .n_labels = 2,
                                .state = S("open") };
}

static void pull_parameters(void **state)
{
    struct forge_pull p = pull_of("feat/x");
    struct value out, values = yaml("{image: 'sha-{{head_sha}}'}");
    struct err e = { 0 };
    assert_true(appset_pull_params(&a, &p, false, &value_nil, &values, &out, &e));
    is(json_str(&a, &out, 0),
       "{\"number\":\"5\",\"title\":\"Add "
       "{{branch}}\",\"branch\":\"feat/x\",\"branch_slug\":\"feat-x\",\"target_branch\":\"main\","
       "\"target_branch_slug\":\"main\",\"head_sha\":\"d751238e003a92968e2276456f2e0e3ac2ba7216\",\"head_short_sha\":"
       "\"d751238e\","
       "\"head_short_sha_7\":\"d751238\",\"author\":\"octocat\",\"values.image\":\"sha-"
       "d751238e003a92968e2276456f2e0e3ac2ba7216\"}");
}

static const char *const set_text =
    "apiVersion: argoproj.io/v1alpha1\n"
    "kind: ApplicationSet\n"
    "metadata: {name: preview, uid: u1}\n"
    "spec:\n"
    "  generators: []\n"
    "  template:\n"
    "    metadata:\n"
    "      name: 'web-pr-{{number}}'\n"
    "      labels: {'{{branch_slug}}': x}\n"
    "    spec:\n"
    "      project: ephemeral\n"
    "      source:\n"
    "        repoURL: https://github.com/o/r.git\n"
    "        path: deploy/\n"
    "        targetRevision: '{{branch}}'\n"
    "        helm: {parameters: [{name: tag, value: 'sha-{{head_sha}}'}], valuesObject: {n: 3}}\n"
    "      destination: {name: local, namespace: 'web-pr-{{number}}'}\n";

static void renders_an_application(void **state)
{
    struct value set = yaml(set_text), app;
    struct forge_pull pull = pull_of("feat/x");
    struct appset_params p = { .pull = &pull, .repo = { S("https://api.github.com"), S("o"), S("r"), S("") } };
    struct err e = { 0 };
    assert_true(appset_pull_params(&a, &pull, false, &value_nil, &value_nil, &p.params, &e));
    assert_true(appset_application(&a, &set, &p, &app, &e));
    is(application_name(&app), "web-pr-5");
    is(value_str_at(&app, "spec.source.targetRevision"), "feat/x");
    is(value_str_at(value_item(value_at(&app, "spec.source.helm.parameters"), 0), "value"),
       "sha-d751238e003a92968e2276456f2e0e3ac2ba7216");
    is(value_str_at(&app, "metadata.labels.feat-x"), "x");
    is(value_str_at(&app, "metadata.namespace"), "argocd");
    is(value_as_str(value_item(value_at(&app, "metadata.finalizers"), 0)), APP_FINALIZER);
    is(application_annotation(&app, APP_ANNOTATION_REPOSITORY), "o/r");
    is(application_annotation(&app, APP_ANNOTATION_PULL), "5");
    is(value_str_at(value_item(value_at(&app, "metadata.ownerReferences"), 0), "uid"), "u1");
    /* the template itself is untouched: the next parameter set starts from it */
    is(value_str_at(&set, "spec.template.metadata.name"), "web-pr-{{number}}");
}

static void go_templates_and_patch(void **state)
{
    struct value set = yaml(set_text), app;
    struct forge_pull pull = pull_of("feat/x");
    struct appset_params p = { .pull = &pull };
    struct err e = { 0 };
    value_put_at(&a, &set, "spec.goTemplate", value_bool(true));
    value_put_at(&a, &set, "spec.template.metadata.name",
                 value_c("{{ .branch | slugify 10 }}-{{ .number }}{{ range .labels }}-{{ . }}{{ end }}"));
    value_put_at(&a, &set, "spec.template.metadata.labels", value_map(&a));
    value_put_at(&a, &set, "spec.template.spec.source.targetRevision", value_c("{{ .branch }}"));
    value_put_at(&a, &set, "spec.template.spec.destination.namespace", value_c("{{ normalize \"A_b\" }}"));
    value_put_at(&a, &set, "spec.template.spec.source.helm", value_map(&a));
    value_put_at(
        &a, &set, "spec.templatePatch",
        value_c("spec:\n  project: evil\n  syncPolicy:\n    automated:\n      prune: {{ eq .author \"octocat\" }}\n"));
    assert_true(appset_pull_params(&a, &pull, true, &value_nil, &value_nil, &p.params, &e));
    if (!appset_application(&a, &set, &p, &app, &e))
        fail_msg("%s", e.text);
    is(application_name(&app), "feat-x-5-preview-x");
    is(application_namespace(&app), "a-b");
    assert_true(value_bool_at(&app, "spec.syncPolicy.automated.prune", false));
    is(value_str_at(&app, "spec.project"), "ephemeral");
    value_put_at(&a, &set, "spec.template.metadata.name", value_c("{{ .nope"));
    assert_false(appset_application(&a, &set, &p, &app, &e));
    assert_true(str_starts(str_c(e.text), S("failed to parse template {{ .nope: ")));
}

static void selects_pull_requests(void **state)
{
    static const struct {
        const char *generator;
        bool fork, selected;
        const char *state, *error;
    } rows[] = {
        { "{pullRequest: {github: {}}}", false, true, "open", NULL },
        { "{pullRequest: {github: {labels: [preview, x]}}}", false, true, "open", NULL },
        { "{pullRequest: {github: {labels: [Preview]}}}", false, false, "open", NULL },
        { "{pullRequest: {github: {}, filters: [{branchMatch: '^fix/'}, {titleMatch: Add, targetBranchMatch: "
          "'^main$'}]}}",
          false, true, "open", NULL },
        { "{pullRequest: {github: {}, filters: [{branchMatch: '^fix/'}]}}", false, false, "open", NULL },
        { "{pullRequest: {github: {}, filters: [{}]}}", false, true, "open", NULL },
        { "{pullRequest: {github: {}}}", true, false, "open", NULL },
        { "{pullRequest: {github: {}}}", false, false, "closed", NULL },
        { "{pullRequest: {github: {}, filters: [{branchMatch: '('}]}}", false, false, "open",
          "error compiling BranchMatch regexp \"(\"" },
    };
    struct value set = yaml(set_text);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct value generator = yaml(rows[i].generator);
        struct forge_pull p = pull_of("feat/x");
        struct str why = { 0 };
        struct err e = { 0 };
        bool selected = false;
        p.from_fork = rows[i].fork;
        p.state = str_c(rows[i].state);
        bool ok = appset_selects(&a, &set, &generator, &p, &selected, &why, &e);
        assert_int_equal(ok, rows[i].error == NULL);
        if (ok)
            assert_int_equal(selected, rows[i].selected);
        else
            assert_true(str_starts(str_c(e.text), str_c(rows[i].error)));
        assert_int_equal(why.n > 0, ok && !rows[i].selected);
    }
}

static void a_label_lets_a_fork_in(void **state)
{
    struct value set = yaml(set_text), generator = yaml("{pullRequest: {github: {}}}");
    struct forge_pull p = pull_of("feat/x");
    struct err e = { 0 };
    bool selected = false;
    p.from_fork = true;
    value_put_at(&a, &set, "metadata.annotations", value_map(&a));
    value_set_str(&a, value_at(&set, "metadata.annotations"), APP_ANNOTATION_FORK_LABEL, S("preview"));
    assert_true(appset_selects(&a, &set, &generator, &p, &selected, NULL, &e));
    assert_true(selected);
}

static struct config *config_of(const char *text)
{
    const char *dir = NULL;
    struct config *c = NULL;
    struct err e = { 0 };
    assert_true(fs_temp_dir(&a, "test-appset-", &dir, &e));
    assert_true(fs_write(fs_join(&a, dir, "a.yaml"), str_c(text), 0600, &e));
    assert_true(config_load(dir, &c, &e));
    assert_true(fs_remove_tree(dir, &e));
    return c;
}

static void list_generator_and_duplicates(void **state)
{
    struct value set = yaml("metadata: {name: s}\n"
                            "spec:\n"
                            "  generators:\n"
                            "  - list: {elements: [{e: one}, {e: two}, {e: two}, {e: three}]}\n"
                            "    selector: {matchExpressions: [{key: e, operator: NotIn, values: [three]}]}\n"
                            "  template:\n"
                            "    metadata: {name: 'app-{{e}}'}\n"
                            "    spec: {source: {repoURL: u, path: p}, destination: {name: local}}\n");
    struct config *c = config_of("");
    struct appset_generated g = { 0 };
    struct err e = { 0 };
    if (!appset_generate(&a, &set, c, NULL, &g, &e))
        fail_msg("%s", e.text);
    assert_int_equal(value_len(&g.applications), 1);
    is(application_name(value_item(&g.applications, 0)), "app-one");
    assert_int_equal(g.n_names, 3); /* the duplicates are not to be deleted either */
    is(g.invalid, "ApplicationSet s contains applications with duplicate name: app-two");
    config_close(c);
}

static void other_generators_are_refused(void **state)
{
    struct value set =
        yaml("{metadata: {name: s}, spec: {generators: [{clusters: {}}], template: {metadata: {}, spec: {}}}}");
    struct config *c = config_of("");
    struct appset_generated g = { 0 };
    struct err e = { 0 };
    assert_false(appset_generate(&a, &set, c, NULL, &g, &e));
    assert_string_equal(e.text, "generator clusters is not supported (supported: pullRequest with github, list)");
    assert_string_equal(g.reason, "ApplicationGenerationFromParamsError");
    config_close(c);
}

static void updates_keep_what_is_not_the_templates(void **state)
{
    struct value set = yaml("{metadata: {name: s}, spec: {preservedFields: {annotations: [keep], labels: [l]}}}");
    struct value generated = yaml("{kind: Application, metadata: {name: x, annotations: {a: new}}, spec: {v: 2}}");
    struct value live = yaml(
        "{kind: Application, metadata: {name: x, uid: u, resourceVersion: '7', labels: {l: '1', m: '2'}, annotations: "
        "{a: old, keep: k, gone: g, notified.notifications.argoproj.io: x}}, spec: {v: 1}, status: {s: 1}, "
        "operation: {o: 1}}");
    struct value merged = appset_merge_live(&a, &set, &generated, &live);
    is(json_str(&a, &merged, JSON_SORT_KEYS), "{\"kind\":\"Application\",\"metadata\":{\"annotations\":{\"a\":\"new\","
                                              "\"keep\":\"k\",\"notified.notifications.argoproj.io\":"
                                              "\"x\"},\"labels\":{\"l\":\"1\"},\"name\":\"x\",\"resourceVersion\":"
                                              "\"7\",\"uid\":\"u\"},\"operation\":{\"o\":1},\"spec\":{\"v\":2},"
                                              "\"status\":{\"s\":1}}");
}

static void globs(void **state)
{
    static const struct {
        const char *pattern, *subject;
        char separator;
        bool match;
    } rows[] = {
        { "*", "a/b", 0, true },
        { "*", "a/b", '/', false },
        { "**", "a/b", '/', true },
        { "a?c", "abc", 0, true },
        { "a[!b]c", "abc", 0, false },
        { "{x,*.yaml}", "a.yaml", '/', true },
        { "https://github.com/*/r", "https://github.com/o/r", '/', true },
        { "", "", 0, true },
        { "\\*", "*", 0, true },
        { "a*b*c", "aXbYc", 0, true },
        { "a*b", "ac", 0, false },
        { "*a*a*a*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0, false },
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (glob_matches(str_c(rows[i].pattern), str_c(rows[i].subject), rows[i].separator) != rows[i].match)
            fail_msg("%s against %s", rows[i].pattern, rows[i].subject);
}

static int drop(void **state)
{
    arena_close(&a);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slugs),
        cmocka_unit_test(classic_substitution),
        cmocka_unit_test(pull_parameters),
        cmocka_unit_test(renders_an_application),
        cmocka_unit_test(go_templates_and_patch),
        cmocka_unit_test(selects_pull_requests),
        cmocka_unit_test(a_label_lets_a_fork_in),
        cmocka_unit_test(list_generator_and_duplicates),
        cmocka_unit_test(other_generators_are_refused),
        cmocka_unit_test(updates_keep_what_is_not_the_templates),
        cmocka_unit_test(globs),
    };
    return cmocka_run_group_tests_name("appset", tests, NULL, drop);
}
