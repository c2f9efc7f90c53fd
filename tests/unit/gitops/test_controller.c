/*
 * The controller whole: a real git repository, a forge and a registry over HTTP, the real store, a destination in
 * memory. Nothing here sleeps: each expectation waits for the store to change, with a deadline.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../cmocka_all.h"
#include "../shell.h"
#include "base/sys.h"
#include "fake_cluster.h"
#include "gitops/application.h"
#include "gitops/controller.h"
#include "net/http.h"

enum { DEADLINE_MS = 60000 };

struct said {
    char sha[41], state[16], description[600];
};

static struct world {
    struct arena a;
    const char *dir, *work;
    struct store *store;
    struct cluster *cluster;
    struct config *config;
    struct oci_client *images;
    struct forge_cache *forge;
    struct controller *controller;
    struct http_server *server;
    /* what the forge and the registry answer; guarded by lock */
    pthread_mutex_t lock;
    int list_status;
    char list[4000], pull[2000], image_tag[100];
    int64_t image_timeout_ms;
    struct said said[200];
    size_t n_said;
} w;

/* ---- the forge and the registry ----------------------------------------------------------- */

static void answer_manifest(struct http_server_request *r, struct http_exchange *x, struct str tag)
{
    static const char manifest[] =
        "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
        "\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":"
        "\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\",\"size\":2},\"layers\":[]}";
    if (w.image_tag[0] != '\0' && !str_is(tag, w.image_tag)) {
        http_reply(x, 404, "application/json", S("{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\"}]}"));
        return;
    }
    http_reply(x, 200, "application/vnd.oci.image.manifest.v1+json", str_c(manifest));
}

static void answer(void *user, struct http_server_request *r, struct http_exchange *x)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&w.lock);
    struct str tag = r->path;
    (void)user;
    if (str_is(r->path, "/api/v3/repos/o/r/pulls"))
        http_reply(x, w.list_status, "application/json", arena_str(r->a, str_c(w.list)));
    else if (str_is(r->path, "/api/v3/repos/o/r/pulls/5"))
        http_reply(x, w.pull[0] != '\0' ? 200 : 404, "application/json",
                   arena_str(r->a, str_c(w.pull[0] != '\0' ? w.pull : "{}")));
    else if (str_find(r->path, S("/manifests/")) >= 0)
        answer_manifest(r, x, str_slice(tag, (size_t)str_rfind(tag, S("/")) + 1, tag.n));
    else
        http_reply(x, str_is(r->path, "/v2/") ? 200 : 404, "application/json", S("{}"));
}

static void forge_says(int status, const char *list, const char *pull)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&w.lock);
    w.list_status = status;
    snprintf(w.list, sizeof w.list, "%s", list);
    snprintf(w.pull, sizeof w.pull, "%s", pull);
}

static const char *pull_json(struct str sha, const char *state)
{
    return arena_fmt(&w.a,
                     "{\"number\":5,\"title\":\"T\",\"state\":\"%s\",\"html_url\":\"http://h/o/r/pull/"
                     "5\",\"user\":{\"login\":\"u\"},"
                     "\"labels\":[],\"draft\":false,\"head\":{\"ref\":\"feat/"
                     "x\",\"sha\":\"%.*s\",\"repo\":{\"full_name\":\"o/r\"}},"
                     "\"base\":{\"ref\":\"main\",\"sha\":\"%.*s\",\"repo\":{\"full_name\":\"o/r\"}}}",
                     state, STR(sha), STR(sha))
        .p;
}

static void pull_is_open(struct str sha)
{
    const char *pull = pull_json(sha, "open");
    forge_says(200, arena_fmt(&w.a, "[%s]", pull).p, pull);
}

static void image_exists(const char *tag)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&w.lock);
    snprintf(w.image_tag, sizeof w.image_tag, "%s", tag);
}

/* ---- the repository ----------------------------------------------------------------------- */

static struct str git(const char *command)
{
    return shell(&w.a, w.work, command);
}

static void file(const char *name, const char *text)
{
    struct err e = { 0 };
    assert_true(fs_write(fs_join(&w.a, w.work, name), str_c(text), 0600, &e));
}

static struct str commit(const char *message)
{
    git(arena_fmt(&w.a, "git add -A && git commit -q --allow-empty -m '%s' && git push -q ../o/r.git HEAD:feat/x",
                  message)
            .p);
    return git("git rev-parse HEAD");
}

#define TEMPLATE                                                                                                       \
    "apiVersion: v1\nkind: Service\nmetadata: {name: '{{ .Release.Name }}'}\nspec: {type: ClusterIP, ports: [{port: "  \
    "80}]}\n---\n"                                                                                                     \
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: '{{ .Release.Name }}'}\n"                                 \
    "spec: {replicas: 1, template: {spec: {containers: [{name: c, image: '127.0.0.1:%u/app:{{ .Values.tag "            \
    "}}'}]}}}\n---\n"                                                                                                  \
    "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: e2e-, annotations: {argocd.argoproj.io/hook: "          \
    "PostSync}}\nspec: {}\n"

static void make_repository(void)
{
    git("git init -q -b main . && git init -q --bare ../o/r.git && mkdir -p deploy/templates");
    file("deploy/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    file("deploy/values.yaml", "tag: none\n");
    file("deploy/templates/all.yaml", arena_fmt(&w.a, TEMPLATE, http_server_port(w.server)).p);
}

/* ---- the controller ----------------------------------------------------------------------- */

static void heard(void *user, const struct value *app, const struct preview_state *s)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&w.lock);
    (void)user, (void)app;
    if (w.n_said == sizeof w.said / sizeof *w.said)
        return;
    struct said *said = &w.said[w.n_said++];
    snprintf(said->sha, sizeof said->sha, "%.*s", STR(s->sha));
    snprintf(said->state, sizeof said->state, "%s", s->state);
    snprintf(said->description, sizeof said->description, "%.*s", STR(s->description));
}

static void start(void)
{
    struct controller_options o = { .store = w.store,
                                    .cluster = w.cluster,
                                    .config = w.config,
                                    .images = w.images,
                                    .forge = w.forge,
                                    .cache_dir = fs_join(&w.a, w.dir, "cache"),
                                    .workers = 2,
                                    .image_timeout_ms = w.image_timeout_ms,
                                    .on_preview_state = heard };
    struct err e = { 0 };
    if (!controller_open(&o, &w.controller, &e))
        fail_msg("%s", e.text);
}

static void stop(void)
{
    controller_close(w.controller);
    w.controller = NULL;
}

static void load_config(void)
{
    struct err e = { 0 };
    const char *dir = fs_join(&w.a, w.dir, "config");
    assert_true(fs_mkdirs(dir, 0700, &e));
    struct str text =
        arena_fmt(&w.a,
                  "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: preview}\nspec:\n"
                  "  generators:\n  - pullRequest:\n      github: {owner: o, repo: r, api: 'http://127.0.0.1:%u'}\n"
                  "      requeueAfterSeconds: 3600\n"
                  "  template:\n    metadata: {name: 'web-pr-{{number}}'}\n    spec:\n      project: ephemeral\n"
                  "      source:\n        repoURL: file://%s/o/r.git\n        path: deploy/\n        targetRevision: "
                  "'{{branch}}'\n"
                  "        helm: {parameters: [{name: tag, value: 'sha-{{head_sha}}'}]}\n"
                  "      destination: {name: local, namespace: 'web-pr-{{number}}'}\n"
                  "      syncPolicy:\n        automated: {prune: true, selfHeal: true}\n"
                  "        syncOptions: [CreateNamespace=true, ServerSideApply=true]\n"
                  "        retry: {limit: 0}\n",
                  http_server_port(w.server), w.dir);
    assert_true(fs_write(fs_join(&w.a, dir, "set.yaml"), text, 0600, &e));
    if (!config_load(dir, &w.config, &e))
        fail_msg("%s", e.text);
}

static int set_up(void **state)
{
    struct err e = { 0 };
    struct http_server_options so = { .address = "127.0.0.1", .handle = answer, .threads = 4 };
    struct oci_client_options co = { 0 };
    memset(&w, 0, sizeof w);
    pthread_mutex_init(&w.lock, NULL);
    log_set_level(LOG_ERROR);
    setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
    setenv("GIT_AUTHOR_NAME", "A", 1);
    setenv("GIT_AUTHOR_EMAIL", "a@b", 1);
    setenv("GIT_COMMITTER_NAME", "A", 1);
    setenv("GIT_COMMITTER_EMAIL", "a@b", 1);
    unsetenv("GITHUB_TOKEN");
    assert_true(fs_temp_dir(&w.a, "test-controller-", &w.dir, &e));
    w.work = fs_join(&w.a, w.dir, "work");
    assert_true(fs_mkdirs(w.work, 0700, &e));
    assert_true(http_server_open(&so, &w.server, &e));
    assert_true(store_open(fs_join(&w.a, w.dir, "data"), &w.store, &e));
    assert_true(oci_client_open(&co, &w.images, &e));
    w.forge = forge_cache_open();
    w.cluster = fake_cluster_open();
    fake_cluster_auto(w.cluster, true);
    make_repository();
    load_config();
    return 0;
}

static int tear_down(void **state)
{
    struct err e = { 0 };
    stop();
    config_close(w.config);
    http_server_close(w.server);
    store_close(w.store);
    oci_client_close(w.images);
    forge_cache_close(w.forge);
    cluster_close(w.cluster);
    assert_true(fs_remove_tree(w.dir, &e));
    arena_close(&w.a);
    return 0;
}

/* ---- expectations ------------------------------------------------------------------------- */

static struct value document(const char *kind, const char *name)
{
    struct value v = value_null();
    struct err e = { 0 };
    if (!application_find(&w.a, w.store, kind, str_c(name), &v, &e))
        return value_null();
    return v;
}

static struct value app(void)
{
    return document("Application", "web-pr-5");
}

static bool said(struct str sha, const char *state)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&w.lock);
    for (size_t i = 0; i < w.n_said; i++)
        if (str_is(sha, w.said[i].sha) && strcmp(w.said[i].state, state) == 0)
            return true;
    return false;
}

static size_t times_said(struct str sha, const char *state)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&w.lock);
    size_t n = 0;
    for (size_t i = 0; i < w.n_said; i++)
        n += str_is(sha, w.said[i].sha) && strcmp(w.said[i].state, state) == 0;
    return n;
}

static const char *last_words(void)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&w.lock);
    if (w.n_said == 0)
        return "nothing";
    struct said *s = &w.said[w.n_said - 1];
    return arena_fmt(&w.a, "%s %s: %s", s->sha, s->state, s->description).p;
}

/* The store wakes us; what the callbacks say comes right after, so it is looked for a little more often. */
static void wait_for(const char *what, bool (*holds)(const void *arg), const void *arg)
{
    int64_t deadline = clock_mono_ms() + DEADLINE_MS, seen = store_version(w.store);
    while (!holds(arg)) {
        int64_t now = clock_mono_ms();
        if (now > deadline) {
            struct value v = app();
            fail_msg("%s: not reached; last said %s; operation %s %s; conditions %zu", what, last_words(),
                     arena_c(&w.a, value_str_at(&v, "status.operationState.phase")),
                     arena_c(&w.a, value_str_at(&v, "status.operationState.message")),
                     value_len(value_at(&v, "status.conditions")));
        }
        seen = store_wait(w.store, seen, now + 50);
    }
}

struct wanted {
    struct str sha;
    const char *state;
};

static bool is_said(const void *arg)
{
    const struct wanted *wanted = arg;
    return said(wanted->sha, wanted->state);
}

static void wait_said(struct str sha, const char *state)
{
    struct wanted wanted = { sha, state };
    wait_for(arena_fmt(&w.a, "%s of %.7s", state, sha.p).p, is_said, &wanted);
}

static bool is_gone(const void *arg)
{
    struct value v = app();
    (void)arg;
    return value_is(&v, VALUE_NULL);
}

static const struct value *condition(const struct value *doc, const char *type)
{
    const struct value *list = value_at(doc, "status.conditions");
    for (size_t i = 0; i < value_len(list); i++)
        if (str_is(value_str_at(value_item(list, i), "type"), type))
            return value_item(list, i);
    return &value_nil;
}

static bool set_says(const void *arg)
{
    struct value set = document("ApplicationSet", "preview");
    return str_find(value_str_at(condition(&set, "ErrorOccurred"), "message"), str_c(arg)) >= 0
           || str_find(value_str_at(condition(&set, "DeletionFrozen"), "message"), str_c(arg)) >= 0;
}

static bool app_waits_for_image(const void *arg)
{
    struct value v = app();
    (void)arg;
    return str_find(value_str_at(condition(&v, "ImageWait"), "message"), S("Waiting for image 127.0.0.1:")) == 0;
}

static void refresh_set(void)
{
    assert_int_equal(controller_refresh_appset(w.controller, S("O"), S("R")), 1);
}

/* ---- scenes ------------------------------------------------------------------------------- */

static struct str open_first(void)
{
    struct str sha = commit("first");
    pull_is_open(sha);
    start();
    wait_said(sha, "success");
    return sha;
}

static bool is_reconciled(const void *arg)
{
    struct value v = app();
    (void)arg;
    return str_is(value_str_at(&v, "status.sync.status"), "Synced")
           && str_is(value_str_at(&v, "status.health.status"), "Healthy")
           && str_cmp(value_str_at(&v, "status.reconciledAt"), value_str_at(&v, "status.operationState.finishedAt"))
                  >= 0;
}

static void a_pull_request_becomes_an_environment(void **state)
{
    struct str sha = open_first();
    wait_for("reconciled", is_reconciled, NULL);
    struct value v = app();
    assert_true(said(sha, "pending"));
    assert_int_equal(times_said(sha, "success"), 1);
    assert_string_equal(arena_c(&w.a, value_str_at(&v, "status.operationState.operation.sync.revision")),
                        arena_c(&w.a, sha));
    assert_string_equal(arena_c(&w.a, value_str_at(&v, "status.operationState.syncResult.revision")),
                        arena_c(&w.a, sha));
    assert_string_equal(arena_c(&w.a, value_str_at(&v, "status.operationState.message")),
                        "successfully synced (no more tasks)");
    assert_int_equal(value_len(value_at(&v, "status.history")), 1);
    assert_true(value_is(value_get(&v, "operation"), VALUE_NULL));
    assert_string_equal(arena_c(&w.a, value_str_at(&v, "status.sourceType")), "Helm");
    assert_true(fake_cluster_has(w.cluster, "Deployment", "web-pr-5"));
    assert_true(fake_cluster_has(w.cluster, "Namespace", "web-pr-5"));
}

static void the_newest_commit_is_deployed(void **state)
{
    open_first();
    struct str second = commit("second");
    pull_is_open(second);
    refresh_set();
    wait_said(second, "success");
    wait_for("reconciled", is_reconciled, NULL);
    struct value v = app();
    assert_true(str_find(value_as_str(value_item(value_at(&v, "status.summary.images"), 0)), second) > 0);
    assert_int_equal(value_len(value_at(&v, "status.history")), 2);
}

static void a_chart_that_does_not_render_is_told(void **state)
{
    struct str first = open_first();
    file("deploy/templates/all.yaml", "{{ .Values.tag | nosuchfunction }}\n");
    struct str broken = commit("broken");
    pull_is_open(broken);
    refresh_set();
    wait_said(broken, "failure");
    assert_int_equal(times_said(broken, "pending"), 1);
    assert_true(strstr(last_words(), "nosuchfunction") != NULL);
    struct value v = app();
    assert_true(
        str_starts(value_str_at(condition(&v, "ComparisonError"), "message"), S("Failed to load target state: ")));
    assert_true(fake_cluster_has(w.cluster, "Deployment", "web-pr-5")); /* the old preview serves on */
    assert_string_equal(arena_c(&w.a, value_str_at(&v, "status.operationState.syncResult.revision")),
                        arena_c(&w.a, first));
    file("deploy/templates/all.yaml", arena_fmt(&w.a, TEMPLATE, http_server_port(w.server)).p);
    struct str fixed = commit("fix");
    pull_is_open(fixed);
    refresh_set();
    wait_said(fixed, "success");
}

static void a_failing_test_is_told(void **state)
{
    struct str sha = commit("first");
    fake_cluster_refuse(w.cluster, "Job", "no room for tests");
    pull_is_open(sha);
    start();
    wait_said(sha, "failure");
    assert_true(strstr(last_words(), "no room for tests") != NULL);
    assert_false(said(sha, "success"));
}

static void forge_trouble_deletes_nothing(void **state)
{
    static const struct {
        int status;
        const char *list, *says;
    } rows[] = {
        { 500, "boom", "error listing pull requests of o/r" },
        { 401, "{\"message\":\"Bad credentials\"}", "error listing pull requests of o/r" },
        { 404, "{\"message\":\"Not Found\"}", "error listing pull requests of o/r" },
        { 200, "<html>", "error listing pull requests of o/r" },
        { 200, "[]",
          "Application web-pr-5 stays: pull request #5 is still open and selected although the listing lacks it" },
    };
    struct str sha = open_first();
    for (size_t i = 0; i < COUNT(rows); i++) {
        forge_says(rows[i].status, rows[i].list, pull_json(sha, "open"));
        refresh_set();
        wait_for(rows[i].says, set_says, rows[i].says);
        struct value v = app();
        assert_int_equal(value_str_at(&v, "metadata.deletionTimestamp").n, 0);
        pull_is_open(sha);
        refresh_set();
        wait_for("recovered", set_says, "All applications have been generated successfully");
    }
    assert_true(fake_cluster_has(w.cluster, "Deployment", "web-pr-5"));
}

static void a_closed_pull_request_leaves_nothing(void **state)
{
    struct str sha = open_first();
    forge_says(200, "[]", pull_json(sha, "closed"));
    refresh_set();
    wait_for("gone", is_gone, NULL);
    assert_int_equal(fake_cluster_count(w.cluster), 0);
}

static void a_late_image_is_waited_for(void **state)
{
    struct str sha = commit("first");
    image_exists("sha-other");
    pull_is_open(sha);
    start();
    wait_for("image wait", app_waits_for_image, NULL);
    assert_false(fake_cluster_has(w.cluster, "Namespace", "web-pr-5")); /* nothing is applied before */
    wait_said(sha, "pending");
    image_exists(arena_fmt(&w.a, "sha-%.*s", STR(sha)).p);
    wait_said(sha, "success");
}

static void an_image_that_does_not_come_is_told(void **state)
{
    struct str sha = commit("first");
    image_exists("sha-other");
    pull_is_open(sha);
    w.image_timeout_ms = 1;
    start();
    wait_said(sha, "failure");
    assert_true(said(sha, "pending"));
    assert_true(str_find(str_c(last_words()), S("failure: No image within 1ms: 127.0.0.1:")) > 0);
    assert_false(fake_cluster_has(w.cluster, "Namespace", "web-pr-5"));
    image_exists(arena_fmt(&w.a, "sha-%.*s", STR(sha)).p); /* late, and deployed all the same */
    wait_for("reconciled", is_reconciled, NULL);
    assert_true(fake_cluster_has(w.cluster, "Deployment", "web-pr-5"));
}

static bool service_is_back(const void *arg)
{
    (void)arg;
    return fake_cluster_has(w.cluster, "Service", "web-pr-5");
}

static void drift_heals(void **state)
{
    open_first();
    wait_for("reconciled", is_reconciled, NULL);
    struct cluster_key k = { .kind = S("Service"), .ns = S("web-pr-5"), .name = S("web-pr-5") };
    struct err e = { 0 };
    assert_true(cluster_remove(w.cluster, &k, CLUSTER_BACKGROUND, &e));
    wait_for("healed", service_is_back, NULL);
    wait_for("reconciled", is_reconciled, NULL);
    struct value v = app();
    assert_int_equal(value_len(value_at(&v, "status.history")), 1); /* a partial sync is no deployment */
}

static bool is_running(const void *arg)
{
    struct value v = app();
    (void)arg;
    return str_starts(value_str_at(&v, "status.operationState.message"),
                      S("waiting for healthy state of apps/Deployment/web-pr-5"));
}

static void a_restart_goes_on(void **state)
{
    struct str sha = commit("first");
    fake_cluster_auto(w.cluster, false);
    pull_is_open(sha);
    start();
    wait_for("running", is_running, NULL);
    stop();
    struct value before = app();
    fake_cluster_auto(w.cluster, true);
    fake_cluster_set(w.cluster, "Deployment", "web-pr-5", "status",
                     "{\"observedGeneration\":9,\"replicas\":1,\"updatedReplicas\":1,\"availableReplicas\":1}");
    start();
    wait_said(sha, "success");
    struct value after = app();
    assert_string_equal(arena_c(&w.a, value_str_at(&after, "status.operationState.startedAt")),
                        arena_c(&w.a, value_str_at(&before, "status.operationState.startedAt")));
    assert_int_equal(times_said(sha, "success"), 1);
}

static void a_newer_commit_supersedes_a_running_operation(void **state)
{
    struct str first = commit("first");
    fake_cluster_auto(w.cluster, false);
    pull_is_open(first);
    start();
    wait_for("running", is_running, NULL);
    fake_cluster_auto(w.cluster, true);
    struct str second = commit("second");
    pull_is_open(second);
    refresh_set();
    wait_said(second, "success");
    assert_true(said(first, "error"));
    assert_false(said(first, "success"));
}

static void people_can_sync_and_delete(void **state)
{
    struct controller_sync o = { .dry_run = true };
    struct err e = { 0 };
    open_first();
    wait_for("reconciled", is_reconciled, NULL);
    assert_true(controller_sync(w.controller, S("web-pr-5"), &o, &e));
    assert_false(controller_sync(w.controller, S("none"), &o, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_false(controller_terminate(w.controller, S("none"), &e));
    struct compare_result r = { 0 };
    assert_true(controller_compare(w.controller, &w.a, S("web-pr-5"), &r, &e));
    assert_int_equal(r.n, 2);
    struct controller_sync other = { .revision = S("main") };
    assert_false(controller_sync(w.controller, S("web-pr-5"), &other, &e));
    forge_says(200, "[]", pull_json(S("0123456789012345678901234567890123456789"), "closed"));
    assert_true(controller_delete(w.controller, S("web-pr-5"), true, &e));
    wait_for("gone", is_gone, NULL);
    assert_false(fake_cluster_has(w.cluster, "Namespace", "web-pr-5"));
}

int main(void)
{
#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SCENE(a_pull_request_becomes_an_environment),
        SCENE(the_newest_commit_is_deployed),
        SCENE(a_chart_that_does_not_render_is_told),
        SCENE(a_failing_test_is_told),
        SCENE(forge_trouble_deletes_nothing),
        SCENE(a_closed_pull_request_leaves_nothing),
        SCENE(a_late_image_is_waited_for),
        SCENE(an_image_that_does_not_come_is_told),
        SCENE(drift_heals),
        SCENE(a_restart_goes_on),
        SCENE(a_newer_commit_supersedes_a_running_operation),
        SCENE(people_can_sync_and_delete),
    };
    return cmocka_run_group_tests_name("controller", tests, NULL, NULL);
}
