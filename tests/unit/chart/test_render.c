/* Rendering through the room's interface: documents in order, several threads on one chart, failures. */
#include <pthread.h>

#include "data/json.h"
#include "fixture.h"

static struct chart *shop(struct fixture *f)
{
    struct chart *c;

    fixture_chart(f, "shop", "shop", "1.0.0",
                  "kubeVersion: '>=1.20.0-0'\ndependencies:\n"
                  "- {name: web, version: ^1, alias: front, condition: front.enabled, import-values: [shared]}\n"
                  "- {name: web, version: ^1, alias: back, tags: [optional]}\n");
    fixture_write(f, "shop/values.yaml", "global: {region: south}\nfront: {replicas: 2, gone: null}\n");
    fixture_write(f, "shop/crds/crd.yaml", "kind: CustomResourceDefinition\n");
    fixture_write(f, "shop/templates/NOTES.txt", "Welcome to {{ .Release.Name }}\n");
    fixture_write(f, "shop/templates/job.yaml",
                  "kind: Job\nmetadata: {name: j, annotations: {helm.sh/hook: 'post-install,test'}}\n");
    fixture_write(f, "shop/templates/map.yaml",
                  "{{- $_ := set .Values \"seen\" true }}\nkind: ConfigMap\ndata: {{ omit .Values \"front\" \"back\" | "
                  "toJson }}\n---\n"
                  "kind: Namespace\n");
    fixture_chart(f, "shop/charts/web", "web", "1.4.0", "");
    fixture_write(f, "shop/charts/web/values.yaml", "replicas: 1\ngone: 1\nexports: {shared: {theme: dark}}\n");
    fixture_write(
        f, "shop/charts/web/templates/d.yaml",
        "kind: Deployment\nname: {{ .Chart.Name }}\nn: {{ .Values.replicas }}\nr: {{ .Values.global.region }}\n"
        "gone: {{ .Values.gone | toJson }}\n");
    assert_true(chart_load(&f->a, fixture_path(f, "shop"), &c, &f->e));
    return c;
}

static const char expected[] =
    "---\n# Source: shop/crds/crd.yaml\nkind: CustomResourceDefinition\n\n"
    "---\n# Source: shop/templates/map.yaml\nkind: Namespace\n"
    "---\n# Source: shop/templates/map.yaml\nkind: ConfigMap\ndata: "
    "{\"global\":{\"region\":\"south\"},\"seen\":true,\"theme\":\"dark\"}\n"
    "---\n# Source: shop/charts/back/templates/d.yaml\nkind: Deployment\nname: back\nn: 1\nr: south\ngone: 1\n"
    "---\n# Source: shop/charts/front/templates/d.yaml\nkind: Deployment\nname: front\nn: 2\nr: south\ngone: null\n"
    "---\n# Source: shop/templates/job.yaml\n"
    "kind: Job\nmetadata: {name: j, annotations: {helm.sh/hook: 'post-install,test'}}\n";

static void renders_in_order(void **state)
{
    struct fixture *f = *state;
    const struct chart_render o = { .release_name = S("rel"), .include_crds = true };
    struct chart_rendered out;

    assert_true(chart_render(&f->a, shop(f), &o, &out, &f->e));
    assert_string_equal(chart_output_text(&f->a, &out).p, expected);
    assert_int_equal(out.n, 6);
    assert_true(out.v[0].crd && !out.v[0].hook);
    assert_true(out.v[5].hook && str_is(out.v[5].source, "shop/templates/job.yaml"));
    assert_true(str_is(out.notes, "Welcome to rel\n"));
}

static void obeys_conditions_and_tags(void **state)
{
    struct fixture *f = *state;
    struct chart_render o = { .release_name = S("rel"), .no_hooks = true };
    struct chart_rendered out;
    struct chart *c = shop(f);

    assert_true(
        json_parse(&f->a, S("{\"front\":{\"enabled\":false},\"tags\":{\"optional\":false}}"), &o.values, &f->e));
    assert_true(chart_render(&f->a, c, &o, &out, &f->e));
    assert_int_equal(out.n, 2); /* both subcharts are off, the hook too */
}

static void keeps_what_a_template_leaves_behind(void **state)
{
    struct fixture *f = *state;
    const struct chart_render o = { .release_name = S("rel") };
    struct chart_rendered out;
    struct chart *c;

    fixture_chart(f, "demo", "demo", "1.0.0", ""); /* templates run from Z to A */
    fixture_write(f, "demo/templates/c.yaml",
                  "{{- $_ := set .Values \"made\" (dict \"text\" (printf \"%s-%d\" .Release.Name 7)) }}");
    fixture_write(f, "demo/templates/b.yaml", "{{- $big := repeat 100 (printf \"%s-%d\" \"other\" 8) }}");
    fixture_write(f, "demo/templates/a.yaml", "made: {{ .Values.made.text }}\n");
    assert_true(chart_load(&f->a, fixture_path(f, "demo"), &c, &f->e));
    assert_true(chart_render(&f->a, c, &o, &out, &f->e));
    assert_string_equal(chart_output_text(&f->a, &out).p, "---\n# Source: demo/templates/a.yaml\nmade: rel-7\n");
}

struct task {
    const struct chart *chart;
    int wrong;
};

static void *render_often(void *arg)
{
    struct task *t = arg;
    const struct chart_render o = { .release_name = S("rel"), .include_crds = true };

    for (int i = 0; i < 50; i++) {
        CLEANUP(arena_close) struct arena a = { 0 };
        struct chart_rendered out;
        struct err e;
        if (!chart_render(&a, t->chart, &o, &out, &e) || !str_is(chart_output_text(&a, &out), expected))
            t->wrong++;
    }
    return NULL;
}

/* A template that changes .Values changes its own render only. */
static void serves_several_threads(void **state)
{
    struct fixture *f = *state;
    struct task task[4] = { { .chart = shop(f) } };
    pthread_t threads[4];

    for (size_t i = 0; i < COUNT(threads); i++) {
        task[i].chart = task[0].chart;
        assert_int_equal(pthread_create(&threads[i], NULL, render_often, &task[i]), 0);
    }
    for (size_t i = 0; i < COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(task[i].wrong, 0);
    }
}

static void fails_in_helms_words(void **state)
{
    static const struct {
        const char *template, *error;
    } rows[] = {
        { "{{ fail \"no\" }}", "execution error at (bad/templates/t.yaml:1:3): no" },
        { "{{ required \"give x\" .Values.x }}", "execution error at (bad/templates/t.yaml:1:3): give x" },
        { "{{ nope }}", "parse error at (bad/templates/t.yaml:1): function \"nope\" not defined" },
        { "{{ .Values.a.b }}", "bad/templates/t.yaml:1:10\n  executing \"bad/templates/t.yaml\" at <.Values.a.b>:\n"
                               "    nil pointer evaluating interface {}.b" },
        { "{{ include \"x\" . }}",
          "bad/templates/t.yaml:1:3\n  executing \"bad/templates/t.yaml\" at <include \"x\" .>:\n"
          "    error calling include:\ntemplate: no template \"x\" associated with template \"gotpl\"" },
        { "{{ div 1 0 }}",
          "template: bad/templates/t.yaml:1:3: executing \"bad/templates/t.yaml\" at <div 1 0>: error calling "
          "div: runtime error: integer divide by zero" },
        { "a: b: c",
          "YAML parse error on bad/templates/t.yaml: error converting YAML to JSON: yaml: mapping values are not "
          "allowed in this context" },
        { "- a", "YAML parse error on bad/templates/t.yaml: error unmarshaling JSON: while decoding JSON: json: cannot "
                 "unmarshal array into Go value of type util.SimpleHead" },
        { "{{ tpl \"{{ tpl . . }}\" \"{{ tpl . . }}\" }}", NULL },
        { "{{ define \"r\" }}{{ include \"r\" . }}{{ end }}{{ include \"r\" . }}", NULL },
    };
    struct fixture *f = *state;
    const struct chart_render o = { .release_name = S("rel") };
    struct chart_rendered out;
    struct chart *c;

    fixture_chart(f, "bad", "bad", "1.0.0", "");
    for (size_t i = 0; i < COUNT(rows); i++) {
        fixture_write(f, "bad/templates/t.yaml", rows[i].template);
        assert_true(chart_load(&f->a, fixture_path(f, "bad"), &c, &f->e));
        assert_false(chart_render(&f->a, c, &o, &out, &f->e));
        assert_true(out.began);
        if (rows[i].error != NULL)
            assert_string_equal(f->e.text, rows[i].error);
    }
}

static void checks_names_and_versions(void **state)
{
    struct fixture *f = *state;
    struct chart_render o = { .release_name = S("Bad_Name") };
    struct chart_rendered out;
    struct chart *c = shop(f);

    assert_false(chart_render(&f->a, c, &o, &out, &f->e));
    assert_non_null(strstr(f->e.text, "release name check failed: release name \"Bad_Name\": invalid release name"));
    o = (struct chart_render){ .release_name = S("rel"), .kube_version = S("v1.19.3") };
    assert_false(chart_render(&f->a, c, &o, &out, &f->e));
    assert_string_equal(f->e.text,
                        "chart requires kubeVersion: >=1.20.0-0 which is incompatible with Kubernetes v1.19.3");
    struct str only[] = { S("templates/none.yaml") };
    o = (struct chart_render){ .release_name = S("rel"), .show_only = only, .n_show_only = 1 };
    assert_false(chart_render(&f->a, c, &o, &out, &f->e));
    assert_string_equal(f->e.text, "could not find template templates/none.yaml in chart");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        TEST(renders_in_order),       TEST(obeys_conditions_and_tags), TEST(keeps_what_a_template_leaves_behind),
        TEST(serves_several_threads), TEST(fails_in_helms_words),      TEST(checks_names_and_versions),
    };
    return cmocka_run_group_tests_name("chart render", tests, NULL, NULL);
}
