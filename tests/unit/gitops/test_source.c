/* From a commit to manifests: charts with every way of giving values, dependencies, plain folders, the cache. */
#include <fcntl.h>
#include <stdlib.h>

#include "../cmocka_all.h"
#include "../shell.h"
#include "base/sys.h"
#include "chart/chart.h"
#include "data/json.h"
#include "data/yaml.h"
#include "gitops/source.h"
#include "net/http.h"
#include "oci/oci.h"
#include "oci/registry.h"

#define REPOSITORY(name)                                                                                               \
    "kind: Secret\nmetadata: {name: " name ", labels: {argocd.argoproj.io/secret-type: repository}}\n"                 \
    "stringData: {url: '"

static struct world {
    struct arena a;
    const char *dir, *work;
    struct config *config;
    struct http_server *charts;
    struct oci_registry *registry;
    struct source_options o;
} w;

static struct str git(const char *command)
{
    return shell(&w.a, w.work, command);
}

static void file(const char *name, const char *text)
{
    struct err e = { 0 };
    const char *path = fs_join(&w.a, w.work, name);
    assert_true(fs_mkdirs(arena_c(&w.a, str_slice(str_c(path), 0, (size_t)str_rfind(str_c(path), S("/")))), 0700, &e));
    assert_true(fs_write(path, str_c(text), 0600, &e));
}

static struct str commit(void)
{
    git("git add -A && git commit -q --allow-empty -m c");
    return git("git rev-parse HEAD");
}

/* A chart repository, the folder `named`, and a registry. */
static void serve(void *user, struct http_server_request *r, struct http_exchange *x)
{
    struct str text = { 0 };
    struct err e = { 0 };
    (void)user;
    if (oci_registry_owns(r->path))
        oci_registry_handle(w.registry, r, x);
    else if (fs_read(r->a, AT_FDCWD, arena_fmt(r->a, "%s%.*s", w.dir, STR(r->path)).p, 1 << 20, &text, &e))
        http_reply(x, 200, "application/octet-stream", text);
    else
        http_reply(x, 404, "text/plain", S("none"));
}

static int set_up(void **state)
{
    struct err e = { 0 };
    struct http_server_options so = { .address = "127.0.0.1", .handle = serve, .threads = 2 };
    memset(&w, 0, sizeof w);
    setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
    setenv("GIT_AUTHOR_NAME", "A", 1);
    setenv("GIT_AUTHOR_EMAIL", "a@b", 1);
    setenv("GIT_COMMITTER_NAME", "A", 1);
    setenv("GIT_COMMITTER_EMAIL", "a@b", 1);
    assert_true(fs_temp_dir(&w.a, "test-source-", &w.dir, &e));
    w.work = fs_join(&w.a, w.dir, "work");
    assert_true(fs_mkdirs(w.work, 0700, &e));
    assert_true(fs_mkdirs(fs_join(&w.a, w.dir, "config"), 0700, &e));
    assert_true(oci_registry_open(fs_join(&w.a, w.dir, "registry"), &w.registry, &e));
    assert_true(http_server_open(&so, &w.charts, &e));
    assert_true(fs_write(fs_join(&w.a, w.dir, "config/charts.yaml"),
                         arena_fmt(&w.a,
                                   REPOSITORY("charts") "http://127.0.0.1:%u/named'}\n---\n" REPOSITORY(
                                       "registry") "oci://127.0.0.1:%u/named'}\n",
                                   http_server_port(w.charts), http_server_port(w.charts)),
                         0600, &e));
    assert_true(config_load(fs_join(&w.a, w.dir, "config"), &w.config, &e));
    w.o = (struct source_options){ fs_join(&w.a, w.dir, "cache"), w.config, S("v1.33.0"), NULL };
    assert_true(chart_cache_open((size_t)16 << 20, 8, &w.o.charts, &e));
    git("git init -q -b main .");
    return 0;
}

static int tear_down(void **state)
{
    struct err e = { 0 };
    http_server_close(w.charts);
    oci_registry_close(w.registry);
    chart_cache_close(w.o.charts);
    config_close(w.config);
    assert_true(fs_remove_tree(w.dir, &e));
    arena_close(&w.a);
    return 0;
}

static struct value app_of(const char *source)
{
    struct value v;
    struct err e = { 0 };
    struct str text =
        arena_fmt(&w.a,
                  "{metadata: {name: demo}, spec: {project: p, destination: {name: local, namespace: ns}, source: "
                  "{repoURL: 'file://%s', targetRevision: main, %s}}}",
                  w.work, source);
    if (!yaml_parse(&w.a, text, "app", &v, &e))
        fail_msg("%s", e.text);
    return v;
}

static struct source_manifests generate(const char *source, struct str sha)
{
    struct value app = app_of(source);
    struct source_manifests m = { 0 };
    struct err e = { 0 };
    if (!source_generate(&w.a, &w.o, &app, sha, false, &m, &e))
        fail_msg("%s", e.text);
    return m;
}

static void fails(const char *source, struct str sha, const char *words)
{
    struct value app = app_of(source);
    struct source_manifests m = { 0 };
    struct err e = { 0 };
    assert_false(source_generate(&w.a, &w.o, &app, sha, false, &m, &e));
    if (strstr(e.text, words) == NULL)
        fail_msg("%s does not tell %s", e.text, words);
}

static const char *data_of(const struct source_manifests *m)
{
    return json_str(&w.a, value_get(value_item(&m->objects, 0), "data"), JSON_SORT_KEYS).p;
}

#define CHART "apiVersion: v2\nname: web\nversion: 1.0.0\n"
#define MAP "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-{{ .Release.Namespace }}'}\ndata:\n"

static void values_come_in_order(void **state)
{
    file("deploy/Chart.yaml", CHART);
    file("deploy/values.yaml", "a: chart\nb: chart\nc: chart\nd: chart\n");
    file("deploy/prod.yaml", "b: file\nc: file\nd: file\n");
    file("shared/all.yaml", "e: root\n");
    file("deploy/note.txt", "one, two");
    file("deploy/templates/map.yaml", MAP "{{ toYaml .Values | indent 2 }}\n");
    struct str sha = commit();
    struct source_manifests m =
        generate("path: deploy, helm: {releaseName: rel, valueFiles: [prod.yaml, /shared/all.yaml], "
                 "valuesObject: {c: object, d: object}, parameters: [{name: d, value: 'x,y'}, {name: k, value: '7', "
                 "forceString: true}, {name: v, value: '$ARGOCD_APP_NAME-${ARGOCD_APP_REVISION_SHORT}-$$'}, {name: l, "
                 "value: '{1,2}'}], fileParameters: [{name: note, path: note.txt}]}",
                 sha);
    struct str wanted = arena_fmt(
        &w.a,
        "{\"a\":\"chart\",\"b\":\"file\",\"c\":\"object\",\"d\":\"x,y\",\"e\":\"root\",\"k\":\"7\",\"l\":[1,2],"
        "\"note\":\"one, two\",\"v\":\"demo-%.7s-$\"}",
        sha.p);
    assert_string_equal(data_of(&m), arena_c(&w.a, wanted));
    assert_string_equal(arena_c(&w.a, m.type), "Helm");
    assert_string_equal(arena_c(&w.a, value_str_at(value_item(&m.objects, 0), "metadata.name")), "rel-ns");
    assert_string_equal(
        arena_c(&w.a, application_annotation(value_item(&m.objects, 0), "argocd.argoproj.io/tracking-id")),
        "demo:/ConfigMap:ns/rel-ns");
}

static void places_of_mistakes_are_told(void **state)
{
    file("deploy/Chart.yaml", CHART);
    file("deploy/values.yaml", "image: {tag: 1}\n");
    file("deploy/templates/map.yaml", MAP "  tag: {{ .Values.imge.tag }}\n");
    fails("path: deploy", commit(),
          " (web/templates/map.yaml:5:11: `.Values.imge.tag`: .Values.imge is not set; did you mean .Values.image?)");
    file("deploy/templates/map.yaml", MAP "  tag: {{ \"a: b\" }}\n");
    fails("path: deploy", commit(), " (web/templates/map.yaml:5:11: `\"a: b\"`: a \": \" inside a value needs quotes");
}

static void wrong_values_are_told(void **state)
{
    file("deploy/Chart.yaml", CHART);
    file("deploy/templates/map.yaml", MAP "  x: y\n");
    file("deploy/bad.yaml", "- a\n");
    struct str sha = commit();
    fails("path: deploy, helm: {valueFiles: [none.yaml]}", sha, "open none.yaml: no such file or directory");
    fails("path: deploy, helm: {valueFiles: [../../../../../../etc/passwd]}", sha,
          "the path leads out of the repository");
    fails("path: deploy, helm: {valueFiles: [bad.yaml]}", sha, "values must be a map");
    fails("path: deploy, helm: {valueFiles: ['https://x/y.yaml']}", sha, "only files of the repository are supported");
    git("ln -s ../deploy deploy/loop");
    fails("path: deploy", commit(), "chart deploy has folders more than");
    git("rm deploy/loop && ln -s ../../.. deploy/away");
    fails("path: deploy", commit(), "deploy/away: symbolic link leaves the repository");
    fails("path: nowhere", sha, "nowhere: app path does not exist");
    fails("path: ../..", sha, "app path does not exist");
    generate("path: deploy, helm: {valueFiles: [none.yaml], ignoreMissingValueFiles: true}", sha);
    assert_false(fs_exists(fs_join(&w.a, w.dir, "cache/checkouts/x")));
    struct fs_names left = { 0 };
    struct err e = { 0 };
    assert_true(fs_list(&w.a, fs_join(&w.a, w.dir, "cache/checkouts"), &left, &e));
    assert_int_equal(left.n, 0); /* no check-out is left behind, whatever happened */
}

static void overrides_in_the_repository(void **state)
{
    file("deploy/Chart.yaml", CHART);
    file("deploy/values.yaml", "a: chart\n");
    file("deploy/templates/map.yaml", MAP "  a: '{{ .Values.a }}'\n");
    file("deploy/.argocd-source-demo.yaml", "repoURL: elsewhere\nhelm: {parameters: [{name: a, value: override}]}\n");
    struct source_manifests m = generate("path: deploy", commit());
    assert_string_equal(data_of(&m), "{\"a\":\"override\"}");
}

static void equal_trees_share_a_rendering(void **state)
{
    file("deploy/Chart.yaml", CHART);
    file("deploy/templates/map.yaml", MAP "  x: y\n");
    struct str first = commit(), second = commit(); /* the second is empty: another commit of the same tree */
    struct source_manifests m = generate("path: deploy", first);
    assert_false(m.cached);
    m = generate("path: deploy", first);
    assert_true(m.cached);
    m = generate("path: deploy", second);
    assert_true(m.cached);
    m = generate("path: deploy, helm: {parameters: [{name: a, value: b}]}", second);
    assert_false(m.cached);
    struct value app = app_of("path: deploy");
    struct err e = { 0 };
    assert_true(source_generate(&w.a, &w.o, &app, second, true, &m, &e));
    assert_false(m.cached); /* a hard refresh renders anew */
    source_cache_trim(w.o.cache_dir, 0);
    m = generate("path: deploy", second);
    assert_false(m.cached);
}

/* The files decide, not the commit, the Application or its values. */
static void charts_are_parsed_once(void **state)
{
    struct chart_cache_counters before = chart_cache_counters(w.o.charts), after;
    file("deploy/Chart.yaml", CHART);
    file("deploy/values.yaml", "a: only here\n");
    file("deploy/templates/map.yaml", MAP "  x: '{{ .Values.a }}'\n");
    struct source_manifests m = generate("path: deploy", commit());
    assert_string_equal(data_of(&m), "{\"x\":\"only here\"}");
    file("beside.txt", "another tree\n");
    m = generate("path: deploy, helm: {parameters: [{name: a, value: b}]}", commit());
    assert_false(m.cached);
    assert_string_equal(data_of(&m), "{\"x\":\"b\"}");
    after = chart_cache_counters(w.o.charts);
    assert_int_equal(after.misses - before.misses, 1);
    assert_int_equal(after.hits - before.hits, 1);
    file("deploy/values.yaml", "a: c\n");
    m = generate("path: deploy", commit());
    assert_string_equal(data_of(&m), "{\"x\":\"c\"}");
    assert_int_equal(chart_cache_counters(w.o.charts).misses - before.misses, 2);
}

/* Nothing in the manifests leads into the chart: with a cache that keeps none it is gone by then. */
static void manifests_outlive_the_chart(void **state)
{
    struct source_options shared = w.o;
    struct err e = { 0 };
    assert_true(chart_cache_open(0, 0, &w.o.charts, &e));
    file("deploy/Chart.yaml", CHART "deprecated: true\n");
    file("deploy/crds/c.yaml", "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
                               "metadata: {name: things.example.org}\ndata: {kept: as it is}\n");
    struct source_manifests m = generate("path: deploy", commit());
    assert_int_equal(chart_cache_counters(w.o.charts).charts, 0);
    assert_string_equal(data_of(&m), "{\"kept\":\"as it is\"}");
    assert_int_equal(m.n_warnings, 1);
    assert_true(str_find(m.warnings[0], S("this chart is deprecated")) >= 0);
    chart_cache_close(w.o.charts);
    w.o = shared;
}

static void dependencies_come_over_http(void **state)
{
    const char *packed = NULL;
    struct str index = { 0 };
    struct err e = { 0 };
    const char *charts = fs_join(&w.a, w.dir, "named"), *sub = fs_join(&w.a, w.dir, "sub");
    assert_true(fs_mkdirs(charts, 0700, &e));
    assert_true(fs_mkdirs(fs_join(&w.a, sub, "templates"), 0700, &e));
    assert_true(
        fs_write(fs_join(&w.a, sub, "Chart.yaml"), S("apiVersion: v2\nname: demo-web\nversion: 1.2.3\n"), 0600, &e));
    assert_true(fs_write(fs_join(&w.a, sub, "values.yaml"), S("tag: none\n"), 0600, &e));
    assert_true(fs_write(fs_join(&w.a, sub, "templates/m.yaml"), S(MAP "  tag: '{{ .Values.tag }}'\n"), 0600, &e));
    assert_true(chart_package(&w.a, sub, charts, &packed, &e));
    assert_true(chart_repo_index(&w.a, charts, S(""), &index, &e));
    assert_true(fs_write(fs_join(&w.a, charts, "index.yaml"), index, 0600, &e));
    file("deploy/Chart.yaml",
         arena_fmt(&w.a,
                   CHART "dependencies:\n- name: demo-web\n  version: '*'\n  repository: http://127.0.0.1:%u/named\n",
                   http_server_port(w.charts))
             .p);
    struct source_manifests m =
        generate("path: deploy, helm: {parameters: [{name: demo-web.tag, value: sha-1}]}", commit());
    assert_string_equal(data_of(&m), "{\"tag\":\"sha-1\"}");
    file("deploy/Chart.yaml",
         arena_fmt(&w.a,
                   CHART "dependencies:\n- name: other\n  version: '*'\n  repository: http://127.0.0.1:%u/named\n",
                   http_server_port(w.charts))
             .p);
    fails("path: deploy", commit(), "other");
}

static void push_chart(const char *repository)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const char *sub = fs_join(&w.a, w.dir, "pushed"), *packed = NULL;
    struct oci_client *client = NULL;
    struct oci_reference r;
    struct oci_descriptor manifest;
    struct chart *c;
    struct str bytes;
    struct err e = { 0 };
    assert_true(fs_mkdirs(fs_join(&w.a, sub, "templates"), 0700, &e));
    assert_true(
        fs_write(fs_join(&w.a, sub, "Chart.yaml"), S("apiVersion: v2\nname: pushed\nversion: 1.2.3+x\n"), 0600, &e));
    assert_true(fs_write(fs_join(&w.a, sub, "templates/m.yaml"), S(MAP "  from: registry\n"), 0600, &e));
    assert_true(chart_package(&a, sub, w.dir, &packed, &e) && chart_load(&a, packed, &c, &e));
    assert_true(fs_read(&a, AT_FDCWD, packed, 1 << 20, &bytes, &e));
    assert_true(oci_client_open(NULL, &client, &e));
    assert_true(
        oci_chart_reference(&a, arena_fmt(&a, "oci://127.0.0.1:%u/%s/pushed", http_server_port(w.charts), repository),
                            oci_chart_tag(&a, chart_version(c)), &r, &e));
    assert_true(oci_chart_push(&a, client, &r, bytes, chart_metadata(c), &manifest, &e));
    oci_client_close(client);
}

static void dependencies_come_from_registries(void **state)
{
    static const char *const constraints[] = { "^1.0", "1.2.3+x" };
    push_chart("named");
    for (size_t i = 0; i < COUNT(constraints); i++) {
        file("deploy/Chart.yaml",
             arena_fmt(&w.a,
                       CHART "dependencies:\n- {name: pushed, version: '%s', repository: 'oci://127.0.0.1:%u/named'}\n",
                       constraints[i], http_server_port(w.charts))
                 .p);
        struct source_manifests m = generate("path: deploy", commit());
        assert_string_equal(data_of(&m), "{\"from\":\"registry\"}");
    }
}

/* A pull request names what it likes: nothing outside of its check-out, nothing inside of our networks is read. */
static void dependencies_stay_outside_of_our_machine(void **state)
{
    const char *host = fs_join(&w.a, w.dir, "host");
    struct err e = { 0 };
    assert_true(fs_mkdirs(fs_join(&w.a, host, "templates"), 0700, &e));
    assert_true(
        fs_write(fs_join(&w.a, host, "Chart.yaml"), S("apiVersion: v2\nname: host\nversion: 1.0.0\n"), 0600, &e));
    const char *const repositories[] = {
        arena_fmt(&w.a, "file://%s", host).p,
        "file://../../../../host",
        arena_fmt(&w.a, "http://127.0.0.1:%u/other", http_server_port(w.charts)).p,
        arena_fmt(&w.a, "http://localhost:%u/other", http_server_port(w.charts)).p,
        arena_fmt(&w.a, "oci://127.0.0.1:%u/other", http_server_port(w.charts)).p,
    };
    static const char *const words[] = { "outside of the source", "outside of the source", "an address of this machine",
                                         "an address of this machine", "an address of this machine" };
    for (size_t i = 0; i < COUNT(repositories); i++) {
        file("deploy/Chart.yaml",
             arena_fmt(&w.a, CHART "dependencies:\n- {name: host, version: '*', repository: '%s'}\n", repositories[i])
                 .p);
        fails("path: deploy", commit(), words[i]);
    }
}

static void plain_folders(void **state)
{
    file("m/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n# nothing\n---\napiVersion: v1\nkind: "
                     "List\nitems:\n"
                     "- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n");
    file("m/c.json", "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"c\"}}");
    file("m/skipped.yaml", "# +argocd:skip-file-rendering\nnot: a manifest\n");
    file("m/readme.md", "text");
    file("m/sub/d.yml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: d}\n");
    struct str sha = commit();
    struct source_manifests m = generate("path: m", sha);
    assert_int_equal(value_len(&m.objects), 3);
    assert_string_equal(arena_c(&w.a, m.type), "Directory");
    m = generate("path: m, directory: {recurse: true}", sha);
    assert_int_equal(value_len(&m.objects), 4);
    m = generate("path: m, directory: {recurse: true, include: '{*.json,sub/*}'}", sha);
    assert_int_equal(value_len(&m.objects), 2);
    m = generate("path: m, directory: {exclude: '*.json'}", sha);
    assert_int_equal(value_len(&m.objects), 2);
    file("m/wrong.yaml", "x: [\n");
    fails("path: m", commit(), "wrong.yaml");
    file("m/wrong.yaml", "x: 1\n");
    fails("path: m", commit(), "wrong.yaml: a document has no apiVersion or kind");
}

static void the_event_decides_the_commit(void **state)
{
    struct value app = app_of("path: m");
    struct str out = { 0 }, head = S("0123456789012345678901234567890123456789");
    struct err e = { 0 };
    struct str tip = commit();
    assert_true(source_revision(&w.a, &w.o, &app, S("main"), &out, &e));
    assert_string_equal(arena_c(&w.a, out), arena_c(&w.a, tip));
    struct str name = { 0 };
    assert_true(git_full_name(&w.a, value_str_at(&app, "spec.source.repoURL"), &name, &e));
    value_put_at(&w.a, &app, "metadata.annotations", value_map(&w.a));
    const struct value *annotations = value_at(&app, "metadata.annotations");
    value_set_str(&w.a, annotations, APP_ANNOTATION_HEAD_SHA, head);
    value_set_str(&w.a, annotations, APP_ANNOTATION_BRANCH, S("main"));
    value_set_str(&w.a, annotations, APP_ANNOTATION_REPOSITORY, S("some/where"));
    assert_true(source_revision(&w.a, &w.o, &app, S("main"), &out, &e)); /* another repository */
    assert_string_equal(arena_c(&w.a, out), arena_c(&w.a, tip));
    value_set_str(&w.a, annotations, APP_ANNOTATION_REPOSITORY, name);
    assert_true(source_follows_pull(&app));
    assert_true(source_revision(&w.a, &w.o, &app, S("main"), &out, &e));
    assert_string_equal(arena_c(&w.a, out), arena_c(&w.a, head));
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(values_come_in_order),
        ROW(places_of_mistakes_are_told),
        ROW(wrong_values_are_told),
        ROW(overrides_in_the_repository),
        ROW(equal_trees_share_a_rendering),
        ROW(charts_are_parsed_once),
        ROW(manifests_outlive_the_chart),
        ROW(dependencies_come_over_http),
        ROW(dependencies_come_from_registries),
        ROW(plain_folders),
        ROW(the_event_decides_the_commit),
        ROW(dependencies_stay_outside_of_our_machine),
    };
    return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
