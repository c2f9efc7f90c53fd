/* The sync engine against a destination in memory: order, waves, hooks, prune, messages, and the decisions around it.
 */
#include "../cmocka_all.h"
#include "base/sys.h"
#include "data/json.h"
#include "data/yaml.h"
#include "fake_cluster.h"
#include "gitops/controller_internal.h"
#include "gitops/sync.h"

static struct arena a;
static struct cluster *cluster;

struct scene {
    struct value app, targets, operation, results;
    struct sync_output out;
    bool terminate;
};

static struct value yaml(const char *text)
{
    struct value v;
    struct err e = { 0 };
    if (!yaml_parse(&a, str_c(text), "test", &v, &e))
        fail_msg("%s", e.text);
    return v;
}

static struct value docs(const char *text)
{
    struct value v;
    struct err e = { 0 };
    if (!yaml_parse_all(&a, str_c(text), "test", &v, &e))
        fail_msg("%s", e.text);
    return v;
}

static void track(const struct value *targets)
{
    for (size_t i = 0; i < value_len(targets); i++) {
        const struct value *t = value_item(targets, i), *metadata = value_get(t, "metadata");
        struct cluster_key k = { 0 };
        struct err e = { 0 };
        if (!cluster_key_of(t, &k, &e))
            continue;
        if (!value_is(value_get(metadata, "annotations"), VALUE_MAP))
            value_set(&a, metadata, "annotations", value_map(&a));
        value_set_str(&a, value_get(metadata, "annotations"), "argocd.argoproj.io/tracking-id",
                      tracking_id(&a, S("demo"), &k));
    }
}

static struct scene scene_of(const char *options, const char *targets)
{
    struct scene s = {
        .app = yaml(arena_fmt(&a,
                              "metadata: {name: demo}\n"
                              "spec: {project: p, destination: {namespace: ns}, syncPolicy: {syncOptions: [%s]}}",
                              options)
                        .p),
        .operation = yaml("{prune: true, revision: r}"),
        .results = value_null()
    };
    struct value raw = docs(targets);
    s.targets = compare_place(&a, cluster, &raw, S("ns"));
    track(&s.targets);
    return s;
}

static void step(struct scene *s)
{
    struct value live;
    struct compare_result r = { 0 };
    struct err e = { 0 };
    assert_true(compare_live(&a, cluster, &s->app, &s->targets, &live, &e));
    assert_true(compare_application(&a, cluster, &s->app, &s->targets, &live, &r, &e));
    struct sync_input in = { .cluster = cluster,
                             .app = &s->app,
                             .operation = &s->operation,
                             .compare = &r,
                             .targets = &s->targets,
                             .project = &value_nil,
                             .revision = S("d751238e003a92968e2276456f2e0e3ac2ba7216"),
                             .started_ms = 1711296142000,
                             .terminate = s->terminate };
    sync_step(&a, &in, &s->results, &s->out);
    s->results = s->out.resources;
}

static void says(const struct scene *s, const char *phase, const char *message)
{
    assert_string_equal(arena_c(&a, s->out.message), message);
    assert_string_equal(arena_c(&a, s->out.phase), phase);
}

static void did(const char *wanted)
{
    assert_string_equal(arena_c(&a, fake_cluster_log(cluster, &a)), wanted);
}

static const struct value *row(const struct scene *s, const char *kind)
{
    for (size_t i = 0; i < value_len(&s->results); i++)
        if (str_is(value_str_at(value_item(&s->results, i), "kind"), kind))
            return value_item(&s->results, i);
    fail_msg("no row of kind %s", kind);
    return NULL;
}

static void row_is(const struct scene *s, const char *kind, const char *status, const char *phase, const char *message)
{
    const struct value *r = row(s, kind);
    assert_string_equal(arena_c(&a, value_str_at(r, "status")), status);
    assert_string_equal(arena_c(&a, value_str_at(r, "hookPhase")), phase);
    assert_string_equal(arena_c(&a, value_str_at(r, "message")), message);
}

static int set_up(void **state)
{
    cluster = fake_cluster_open();
    return 0;
}

static int tear_down(void **state)
{
    cluster_close(cluster);
    arena_close(&a);
    return 0;
}

static void make_namespace(void)
{
    struct value ns = yaml("{apiVersion: v1, kind: Namespace, metadata: {name: ns}}"), live;
    struct cluster_apply o = { 0 };
    enum cluster_verb verb;
    struct err e = { 0 };
    assert_true(cluster_apply(cluster, &a, &ns, &o, &live, &verb, &e));
    fake_cluster_log(cluster, &a);
}

#define SERVICE "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: ClusterIP}\n---\n"
#define DEPLOYMENT                                                                                                     \
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 1, template: {spec: {containers: " \
    "[{name: c, image: i:1}]}}}\n---\n"
#define INGRESS "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web}\n---\n"
#define E2E                                                                                                            \
    "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: e2e-tests-, annotations: {argocd.argoproj.io/hook: "    \
    "PostSync}}\n---\n"
#define CONFIG "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n---\n"

/* The seed's chart without its test: the namespace first, then everything at once. */
static void the_seed_without_hooks(void **state)
{
    struct scene s =
        scene_of("CreateNamespace=true, ServerSideApply=true, ApplyOutOfSyncOnly=true", INGRESS DEPLOYMENT SERVICE);
    step(&s);
    did("apply Namespace/ns");
    says(&s, "Running", "waiting for healthy state of /Namespace/ns");
    step(&s);
    did("apply Service/web; apply Deployment/web; apply Ingress/web");
    says(&s, "Succeeded", "successfully synced (all tasks run)");
    row_is(&s, "Namespace", "Synced", "Running", "namespace/ns serverside-applied");
    row_is(&s, "Deployment", "Synced", "Running", "deployment.apps/web serverside-applied");
    row_is(&s, "Ingress", "Synced", "Running", "ingress.networking.k8s.io/web serverside-applied");
    assert_string_equal(arena_c(&a, value_as_str(value_item(value_get(row(&s, "Deployment"), "images"), 0))), "i:1");
}

static void a_post_sync_hook_waits_for_health(void **state)
{
    make_namespace();
    struct scene s = scene_of("", E2E DEPLOYMENT SERVICE);
    step(&s);
    did("apply Service/web; apply Deployment/web");
    says(&s, "Running", "one or more tasks are running");
    step(&s);
    says(&s, "Running", "waiting for healthy state of apps/Deployment/web");
    fake_cluster_set(cluster, "Deployment", "web", "status",
                     "{\"observedGeneration\":1,\"updatedReplicas\":1,\"availableReplicas\":1}");
    step(&s);
    did("apply Job/e2e-tests-d751238-postsync-1711296142");
    says(&s, "Running", "one or more tasks are running");
    step(&s);
    says(&s, "Running", "waiting for completion of hook batch/Job/e2e-tests-d751238-postsync-1711296142");
    fake_cluster_set(cluster, "Job", "e2e-tests-d751238-postsync-1711296142", "status",
                     "{\"conditions\":[{\"type\":\"Complete\",\"status\":\"True\"}]}");
    step(&s);
    says(&s, "Succeeded", "successfully synced (no more tasks)");
    row_is(&s, "Job", "Synced", "Succeeded", "");
    did("");
}

static void a_failing_hook_fails_the_sync(void **state)
{
    make_namespace();
    struct scene s = scene_of("", E2E CONFIG);
    step(&s);
    step(&s); /* a ConfigMap has no health: the hook starts at once */
    did("apply ConfigMap/c; apply Job/e2e-tests-d751238-postsync-1711296142");
    fake_cluster_set(cluster, "Job", "e2e-tests-d751238-postsync-1711296142", "status",
                     "{\"conditions\":[{\"type\":\"Failed\",\"status\":\"True\",\"message\":\"Job has reached the "
                     "specified backoff limit\"}]}");
    step(&s);
    says(&s, "Failed",
         "one or more synchronization tasks completed unsuccessfully, reason: Job has reached the specified backoff "
         "limit");
}

static void sync_fail_hooks_run_after_a_failure(void **state)
{
    make_namespace();
    struct scene s = scene_of(
        "", CONFIG
        "apiVersion: v1\nkind: Pod\nmetadata: {name: cleanup, annotations: {argocd.argoproj.io/hook: SyncFail}}\n");
    fake_cluster_refuse(cluster, "ConfigMap", "quota exceeded");
    step(&s);
    did("apply Pod/cleanup");
    says(&s, "Running", "waiting for completion of hook /Pod/cleanup");
    fake_cluster_set(cluster, "Pod", "cleanup", "status", "{\"phase\":\"Succeeded\"}");
    step(&s);
    says(&s, "Failed", "one or more synchronization tasks completed unsuccessfully, reason: quota exceeded");
    row_is(&s, "ConfigMap", "SyncFailed", "Failed", "quota exceeded");
}

static void a_later_kind_waits_for_an_earlier_one(void **state)
{
    make_namespace();
    struct scene s = scene_of("", DEPLOYMENT CONFIG "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: d}\n");
    fake_cluster_refuse(cluster, "ConfigMap", "no");
    step(&s);
    did("");
    says(&s, "Failed", "one or more objects failed to apply, reason: no,no");
}

static void waves_come_one_after_the_other(void **state)
{
    make_namespace();
    struct scene s = scene_of("", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: late, annotations: "
                                  "{argocd.argoproj.io/sync-wave: '2'}}\n---\n"
                                  "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: early, annotations: "
                                  "{argocd.argoproj.io/sync-wave: '-1'}}\n");
    step(&s);
    did("apply Deployment/early");
    step(&s);
    says(&s, "Running", "waiting for healthy state of apps/Deployment/early");
    fake_cluster_set(cluster, "Deployment", "early", "status", "{\"observedGeneration\":1}");
    step(&s);
    did("apply ConfigMap/late");
    says(&s, "Succeeded", "successfully synced (all tasks run)");
}

static void prunes_what_left_the_manifests(void **state)
{
    make_namespace();
    struct scene first = scene_of("", CONFIG SERVICE);
    step(&first);
    fake_cluster_log(cluster, &a);
    struct scene s = scene_of("", SERVICE);
    s.operation = yaml("{}");
    step(&s);
    row_is(&s, "ConfigMap", "PruneSkipped", "Succeeded", "ignored (requires pruning)");
    assert_true(fake_cluster_has(cluster, "ConfigMap", "c"));
    s.operation = yaml("{prune: true}");
    s.results = value_null();
    step(&s);
    row_is(&s, "ConfigMap", "Pruned", "Succeeded", "pruned");
    assert_false(fake_cluster_has(cluster, "ConfigMap", "c"));
    says(&s, "Succeeded", "successfully synced (all tasks run)");
}

static void prune_false_stays(void **state)
{
    make_namespace();
    struct scene first = scene_of("", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, annotations: "
                                      "{argocd.argoproj.io/sync-options: 'Prune=false'}}\n");
    step(&first);
    struct scene s = scene_of("", SERVICE);
    step(&s);
    row_is(&s, "ConfigMap", "PruneSkipped", "Succeeded", "ignored (no prune)");
}

static void apply_out_of_sync_only(void **state)
{
    make_namespace();
    struct scene s = scene_of("ApplyOutOfSyncOnly=true", SERVICE CONFIG);
    step(&s);
    fake_cluster_log(cluster, &a);
    fake_cluster_set(cluster, "Service", "web", "spec.type", "\"NodePort\"");
    s.results = value_null();
    step(&s);
    did("apply Service/web");
    says(&s, "Succeeded", "successfully synced (all tasks run)");
    s.results = value_null();
    step(&s);
    did("");
    says(&s, "Succeeded", "successfully synced (no more tasks)");
}

static void self_heal_runs_no_hooks(void **state)
{
    make_namespace();
    struct scene s = scene_of("", E2E SERVICE CONFIG);
    s.operation = yaml("{resources: [{group: '', kind: Service, name: web, namespace: ns}]}");
    step(&s);
    did("apply Service/web");
    says(&s, "Succeeded", "successfully synced (all tasks run)");
}

static void a_missing_namespace_fails_the_dry_run(void **state)
{
    struct scene s = scene_of("", SERVICE);
    step(&s);
    says(&s, "Failed", "one or more objects failed to apply (dry run)");
    row_is(&s, "Service", "SyncFailed", "Failed", "namespaces \"ns\" not found");
}

static void a_namespace_among_the_manifests_comes_first(void **state)
{
    struct scene s = scene_of("", SERVICE "apiVersion: v1\nkind: Namespace\nmetadata: {name: ns}\n");
    step(&s);
    did("apply Namespace/ns; apply Service/web");
    says(&s, "Succeeded", "successfully synced (all tasks run)");
}

static void unknown_kinds_are_told(void **state)
{
    make_namespace();
    struct scene s = scene_of("", "apiVersion: x.io/v1\nkind: Widget\nmetadata: {name: w}\n");
    step(&s);
    says(&s, "Failed",
         "one or more synchronization tasks are not valid: The Kubernetes API could not find x.io/Widget for requested "
         "resource ns/w. "
         "Make sure the \"Widget\" CRD is installed on the destination cluster.");
}

static void unknown_kinds_are_kept_with_a_warning(void **state)
{
    make_namespace();
    struct scene s = scene_of("", "apiVersion: x.io/v1\nkind: Widget\nmetadata: {name: w}\n");
    fake_cluster_keep_unknown(cluster);
    step(&s);
    says(&s, "Succeeded", "successfully synced (all tasks run)");
    did("apply Widget/w");
    row_is(&s, "Widget", "Synced", "Running", "widget.x.io/w created. Warning: no such kind");
}

static void a_dry_run_changes_nothing(void **state)
{
    make_namespace();
    struct scene s = scene_of("", SERVICE);
    s.operation = yaml("{dryRun: true}");
    step(&s);
    did("");
    says(&s, "Succeeded", "successfully synced (all tasks run)");
    row_is(&s, "Service", "Synced", "Succeeded", "service/web created (dry run)");
}

static void old_hooks_go_before_new_ones(void **state)
{
    make_namespace();
    struct scene s = scene_of("", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate, annotations: "
                                  "{argocd.argoproj.io/hook: PreSync}}\n");
    step(&s);
    did("apply Job/migrate");
    s.results = value_null();
    fake_cluster_linger(cluster, true);
    step(&s);
    did("delete Job/migrate");
    says(&s, "Running", "waiting for deletion of hook batch/Job/migrate");
    fake_cluster_linger(cluster, false);
    step(&s);
    did("apply Job/migrate");
}

static void terminating_removes_running_hooks(void **state)
{
    make_namespace();
    struct scene s = scene_of("", E2E);
    step(&s);
    fake_cluster_log(cluster, &a);
    s.terminate = true;
    step(&s);
    did("delete Job/e2e-tests-d751238-postsync-1711296142");
    says(&s, "Failed", "Operation terminated");
}

/* A killed process: the results of the last stored step are all there is. */
static void steps_can_be_repeated(void **state)
{
    make_namespace();
    struct scene s = scene_of("", E2E CONFIG);
    step(&s);
    step(&s);
    s.results = value_null(); /* nothing of it was stored: the hook is run again, in place of the old one */
    for (int i = 0; i < 3; i++)
        step(&s);
    size_t jobs = 0;
    struct cluster_key k = { .group = S("batch"), .kind = S("Job") };
    struct value list;
    struct err e = { 0 };
    assert_true(cluster_list(cluster, &a, &k, &list, &e));
    jobs = value_len(&list);
    assert_int_equal(jobs, 1);
}

/* ---- decisions ---------------------------------------------------------------------------- */

static void decides_automated_syncs(void **state)
{
    static const struct {
        const char *automated, *status;
        enum sync_status sync;
        enum autosync what;
    } rows[] = {
        { "null", "{}", SYNC_OUTOFSYNC, AUTOSYNC_NO },
        { "{}", "{}", SYNC_SYNCED, AUTOSYNC_NO },
        { "{}", "{}", SYNC_OUTOFSYNC, AUTOSYNC_START },
        { "{enabled: false}", "{}", SYNC_OUTOFSYNC, AUTOSYNC_NO },
        { "{}", "{operationState: {phase: Succeeded, syncResult: {revision: r, source: {path: x}}}}", SYNC_OUTOFSYNC,
          AUTOSYNC_NO },
        { "{selfHeal: true}", "{operationState: {phase: Succeeded, syncResult: {revision: r, source: {path: x}}}}",
          SYNC_OUTOFSYNC, AUTOSYNC_HEAL },
        { "{selfHeal: true}",
          "{operationState: {phase: Succeeded, finishedAt: '2026-01-01T00:00:00Z', operation: {sync: "
          "{autoHealAttemptsCount: 2}}, "
          "syncResult: {revision: r, source: {path: x}}}}",
          SYNC_OUTOFSYNC, AUTOSYNC_WAIT },
        { "{selfHeal: true}",
          "{operationState: {phase: Failed, message: m, syncResult: {revision: r, source: {path: x}}}}", SYNC_OUTOFSYNC,
          AUTOSYNC_REFUSED },
        { "{}", "{operationState: {phase: Failed, syncResult: {revision: other, source: {path: x}}}}", SYNC_OUTOFSYNC,
          AUTOSYNC_START },
        { "{}", "{operationState: {phase: Failed, syncResult: {revision: r, source: {path: y}}}}", SYNC_OUTOFSYNC,
          AUTOSYNC_START },
    };
    struct compare_resource one = { .counted = true, .status = SYNC_OUTOFSYNC };
    int64_t now = 0;
    assert_true(clock_parse_rfc3339(S("2026-01-01T00:00:03Z"), &now));
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct value app = yaml(arena_fmt(&a, "{spec: {source: {path: x}, syncPolicy: {automated: %s}}, status: %s}",
                                          rows[i].automated, rows[i].status)
                                    .p);
        struct compare_result r = { &one, 1, rows[i].sync, { 0 }, NULL, NULL, 0, 0 };
        struct autosync_decision d;
        autosync_decide(&a, &app, &r, S("r"), now, &d);
        if (d.what != rows[i].what)
            fail_msg("row %zu: %d", i, (int)d.what);
        if (d.what == AUTOSYNC_WAIT)
            assert_int_equal(d.wait_ms, 3000); /* 6 s after the end, 3 s have passed */
        if (d.what == AUTOSYNC_REFUSED)
            assert_string_equal(arena_c(&a, d.message), "Failed last sync attempt to [r]: m");
    }
}

static void nothing_is_wiped_out(void **state)
{
    struct value app = yaml("{spec: {source: {path: x}, syncPolicy: {automated: {prune: true}}}}");
    struct compare_resource one = { .counted = true, .status = SYNC_OUTOFSYNC, .requires_pruning = true };
    struct compare_result r = { &one, 1, SYNC_OUTOFSYNC, { 0 }, NULL, NULL, 0, 0 };
    struct autosync_decision d;
    autosync_decide(&a, &app, &r, S("r"), 0, &d);
    assert_int_equal(d.what, AUTOSYNC_REFUSED);
    assert_string_equal(arena_c(&a, d.message), "Skipping sync attempt to [r]: auto-sync will wipe out all resources");
}

static void retries_grow(void **state)
{
    struct value retry = yaml("{limit: 2, backoff: {duration: 5s, factor: 2, maxDuration: 3m}}");
    struct application_retry r = application_retry_of(&retry, 5);
    assert_int_equal(r.limit, 2);
    assert_int_equal(application_retry_wait_ms(&r, 0), 5000);
    assert_int_equal(application_retry_wait_ms(&r, 1), 10000);
    assert_int_equal(application_retry_wait_ms(&r, 2), 20000);
    assert_int_equal(application_retry_wait_ms(&r, 60), 180000);
    assert_int_equal(application_retry_of(&value_nil, 5).limit, 5);
}

static void tells_the_truth_about_a_commit(void **state)
{
    static const struct {
        const char *status;
        enum trouble trouble;
        const char *state, *description;
    } rows[] = {
        { "{}", TROUBLE_NONE, "pending", "Deploying" },
        { "{}", TROUBLE_WAITING, "pending", "why" },
        { "{}", TROUBLE_FAILURE, "failure", "why" },
        { "{}", TROUBLE_ERROR, "error", "why" },
        { "{operationState: {phase: Running, message: m, syncResult: {revision: s, source: *s}}}", TROUBLE_NONE,
          "pending", "Deploying: m" },
        { "{operationState: {phase: Failed, message: m, syncResult: {revision: s, source: *s}}}", TROUBLE_NONE,
          "failure", "Sync failed: m" },
        { "{operationState: {phase: Error, message: m, syncResult: {revision: s, source: *s}}}", TROUBLE_NONE, "error",
          "Sync could not run: m" },
        /* the operation of another commit, or of the same one with other parameters, says nothing */
        { "{operationState: {phase: Failed, message: m, syncResult: {revision: t, source: *s}}}", TROUBLE_NONE,
          "pending", "Deploying" },
        { "{operationState: {phase: Succeeded, syncResult: {revision: s, source: {path: y}}}, health: {status: "
          "Healthy}, sync: {status: Synced}}",
          TROUBLE_NONE, "pending", "Deploying" },
        { "{operationState: {phase: Succeeded, syncResult: {revision: s, source: *s}}, health: {status: "
          "Healthy}, sync: {status: Synced}}",
          TROUBLE_NONE, "success", "Deployed and healthy" },
        { "{operationState: {phase: Succeeded, syncResult: {revision: s, source: *s}}, health: {status: "
          "Healthy}, sync: {status: OutOfSync}}",
          TROUBLE_NONE, "pending", "Waiting to become healthy: " },
        { "{operationState: {phase: Succeeded, syncResult: {revision: s, source: *s}}, health: {status: "
          "Degraded}, resources: [{kind: "
          "Deployment, name: web, health: {status: Degraded, message: 'exceeded its progress deadline'}}]}",
          TROUBLE_NONE, "failure", "Degraded: Deployment web: exceeded its progress deadline" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct value app =
            yaml(arena_fmt(&a,
                           "{metadata: {annotations: {vitrine.dev/branch: b, vitrine.dev/repository: o/r}}, "
                           "spec: {source: &s {path: x, repoURL: 'https://h/o/r', targetRevision: b}}, status: %s}",
                           rows[i].status)
                     .p);
        const char *said = NULL;
        struct str description = { 0 };
        preview_decide(&a, &app, S("s"), rows[i].trouble, S("why"), &said, &description);
        assert_string_equal(said, rows[i].state);
        assert_string_equal(arena_c(&a, description), rows[i].description);
    }
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(the_seed_without_hooks),
        ROW(a_post_sync_hook_waits_for_health),
        ROW(a_failing_hook_fails_the_sync),
        ROW(sync_fail_hooks_run_after_a_failure),
        ROW(a_later_kind_waits_for_an_earlier_one),
        ROW(waves_come_one_after_the_other),
        ROW(prunes_what_left_the_manifests),
        ROW(prune_false_stays),
        ROW(apply_out_of_sync_only),
        ROW(self_heal_runs_no_hooks),
        ROW(a_missing_namespace_fails_the_dry_run),
        ROW(a_namespace_among_the_manifests_comes_first),
        ROW(unknown_kinds_are_told),
        ROW(unknown_kinds_are_kept_with_a_warning),
        ROW(a_dry_run_changes_nothing),
        ROW(old_hooks_go_before_new_ones),
        ROW(terminating_removes_running_hooks),
        ROW(steps_can_be_repeated),
        ROW(decides_automated_syncs),
        ROW(nothing_is_wiped_out),
        ROW(retries_grow),
        ROW(tells_the_truth_about_a_commit),
    };
    return cmocka_run_group_tests_name("sync", tests, NULL, NULL);
}
