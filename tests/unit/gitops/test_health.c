/* Health per kind: one row per rule. */
#include "../cmocka_all.h"
#include "data/yaml.h"
#include "gitops/health.h"
#include "gitops/hooks.h"

#define DEPLOYMENT "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, generation: 2}\n"
#define STATEFUL "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db, generation: 1}\n"
#define DAEMON "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: d, generation: 1}\n"
#define REPLICA "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: r, generation: 1}\n"
#define POD "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"
#define JOB "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\n"
#define HPA "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\n"

static struct row {
    const char *name, *object, *status, *message;
} rows[] = {
    { "deleting", DEPLOYMENT "x: 1", "", NULL }, /* replaced below: metadata is taken */
    { "deployment paused", DEPLOYMENT "spec: {paused: true}", "Suspended", "Deployment is paused" },
    { "deployment not observed", DEPLOYMENT "status: {observedGeneration: 1}", "Progressing",
      "Waiting for rollout to finish: observed deployment generation less than desired generation" },
    { "deployment deadline",
      DEPLOYMENT "status: {observedGeneration: 2, conditions: [{type: Progressing, reason: ProgressDeadlineExceeded}]}",
      "Degraded", "Deployment \"web\" exceeded its progress deadline" },
    { "deployment updating", DEPLOYMENT "spec: {replicas: 3}\nstatus: {observedGeneration: 2, updatedReplicas: 1}",
      "Progressing", "Waiting for rollout to finish: 1 out of 3 new replicas have been updated..." },
    { "deployment old ones",
      DEPLOYMENT
      "spec: {replicas: 1}\nstatus: {observedGeneration: 2, updatedReplicas: 1, replicas: 3, availableReplicas: 1}",
      "Progressing", "Waiting for rollout to finish: 2 old replicas are pending termination..." },
    { "deployment not available",
      DEPLOYMENT "spec: {replicas: 1}\nstatus: {observedGeneration: 2, updatedReplicas: 1, replicas: 1}", "Progressing",
      "Waiting for rollout to finish: 0 of 1 updated replicas are available..." },
    { "deployment healthy",
      DEPLOYMENT
      "spec: {replicas: 1}\nstatus: {observedGeneration: 2, updatedReplicas: 1, replicas: 1, availableReplicas: 1}",
      "Healthy", "" },
    { "deployment of an old version", "apiVersion: apps/v1beta1\nkind: Deployment\nmetadata: {name: x}", "Unknown",
      "unsupported Deployment GVK: apps/v1beta1, Kind=Deployment" },
    { "stateful set not observed", STATEFUL, "Progressing", "Waiting for statefulset spec update to be observed..." },
    { "stateful set not ready", STATEFUL "spec: {replicas: 2}\nstatus: {observedGeneration: 1, readyReplicas: 1}",
      "Progressing", "Waiting for 1 pods to be ready..." },
    { "stateful set rolled",
      STATEFUL
      "spec: {replicas: 1}\nstatus: {observedGeneration: 1, readyReplicas: 1, currentReplicas: 1, currentRevision: a, "
      "updateRevision: a}",
      "Healthy", "statefulset rolling update complete 1 pods at revision a..." },
    { "daemon set", DAEMON "status: {observedGeneration: 1, desiredNumberScheduled: 2, updatedNumberScheduled: 1}",
      "Progressing", "Waiting for daemon set \"d\" rollout to finish: 1 out of 2 new pods have been updated..." },
    { "replica set failed",
      REPLICA "status: {observedGeneration: 1, conditions: [{type: ReplicaFailure, status: 'True', message: quota}]}",
      "Degraded", "quota" },
    { "pod backing off",
      POD "spec: {restartPolicy: Always}\nstatus: {phase: Pending, containerStatuses: [{state: {waiting: {reason: "
          "ImagePullBackOff, "
          "message: no image}}}]}",
      "Degraded", "no image" },
    { "pod pending", POD "status: {phase: Pending}", "Progressing", "" },
    { "pod failed",
      POD "spec: {restartPolicy: Never}\nstatus: {phase: Failed, containerStatuses: [{name: c, state: {terminated: "
          "{exitCode: 3}}}]}",
      "Degraded", "container \"c\" failed with exit code 3" },
    { "pod ready", POD "status: {phase: Running, conditions: [{type: Ready, status: 'True'}]}", "Healthy", "" },
    { "pod restarted", POD "status: {phase: Running, containerStatuses: [{lastState: {terminated: {exitCode: 1}}}]}",
      "Degraded", "" },
    { "pod once", POD "spec: {restartPolicy: Never}\nstatus: {phase: Running}", "Progressing", "" },
    { "job running", JOB "status: {active: 1}", "Progressing", "" },
    { "job failed", JOB "status: {conditions: [{type: Failed, status: 'False', message: BackoffLimitExceeded}]}",
      "Degraded", "BackoffLimitExceeded" },
    { "job complete", JOB "status: {conditions: [{type: Complete, status: 'True', message: done}]}", "Healthy",
      "done" },
    { "job suspended", JOB "status: {conditions: [{type: Suspended, status: 'True', message: s}]}", "Suspended", "s" },
    { "service", "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {type: ClusterIP}", "Healthy", "" },
    { "load balancer", "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {type: LoadBalancer}", "Progressing",
      "" },
    { "ingress", "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}", "Progressing", "" },
    { "ingress placed",
      "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\nstatus: {loadBalancer: {ingress: [{ip: "
      "1.2.3.4}]}}",
      "Healthy", "" },
    { "claim lost", "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: c}\nstatus: {phase: Lost}",
      "Degraded", "" },
    { "autoscaler failing",
      HPA "status: {conditions: [{type: ScalingActive, status: 'True', reason: FailedGetResourceMetric, message: m}]}",
      "Degraded", "m" },
    { "autoscaler able", HPA "status: {conditions: [{type: AbleToScale, status: 'True', message: ok}]}", "Healthy",
      "ok" },
    { "config map", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}", "", "" },
    { "namespace", "apiVersion: v1\nkind: Namespace\nmetadata: {name: c}", "", "" },
};
enum { ROWS = sizeof rows / sizeof *rows };

static void judges_row(void **state)
{
    const struct row *r = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value object;
    struct err e = { 0 };
    assert_true(yaml_parse(&a, str_c(r->object), "row", &object, &e));
    if (r->message == NULL)
        value_put_at(&a, &object, "metadata.deletionTimestamp", value_c("2026-01-01T00:00:00Z"));
    struct health h = health_of(&a, &object);
    assert_string_equal(health_name(h.status), r->message == NULL ? "Progressing" : r->status);
    assert_string_equal(arena_c(&a, h.message), r->message == NULL ? "Pending deletion" : r->message);
}

/* ---- hooks -------------------------------------------------------------------------------- */

static void reads_hooks(void **state)
{
    static const struct {
        const char *annotations;
        bool hook;
        unsigned phases, policy;
        int64_t wave;
    } cases[] = {
        { "{}", false, 0, HOOK_BEFORE_CREATION, 0 },
        { "{argocd.argoproj.io/hook: PostSync}", true, 1u << PHASE_POSTSYNC, HOOK_BEFORE_CREATION, 0 },
        { "{argocd.argoproj.io/hook: 'PreSync, PostSync'}", true, 1u << PHASE_PRESYNC | 1u << PHASE_POSTSYNC,
          HOOK_BEFORE_CREATION, 0 },
        { "{argocd.argoproj.io/hook: postsync}", true, 0, HOOK_BEFORE_CREATION, 0 },
        { "{argocd.argoproj.io/hook: Skip, helm.sh/hook: pre-install}", true, 0, HOOK_BEFORE_CREATION, 0 },
        { "{helm.sh/hook: 'pre-install,pre-upgrade', helm.sh/hook-weight: '-5', helm.sh/hook-delete-policy: "
          "hook-succeeded}",
          true, 1u << PHASE_PRESYNC, HOOK_SUCCEEDED, -5 },
        { "{helm.sh/hook: crd-install}", false, 0, HOOK_BEFORE_CREATION, 0 },
        { "{helm.sh/hook: test}", true, 0, HOOK_BEFORE_CREATION, 0 },
        { "{argocd.argoproj.io/sync-wave: '3', helm.sh/hook-weight: '1', argocd.argoproj.io/hook-delete-policy: "
          "'HookFailed, x'}",
          false, 0, HOOK_FAILED, 3 },
        { "{argocd.argoproj.io/sync-wave: x, helm.sh/hook-weight: '1'}", false, 0, HOOK_BEFORE_CREATION, 1 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        CLEANUP(arena_close) struct arena a = { 0 };
        struct value object;
        struct err e = { 0 };
        struct str text = arena_fmt(&a, "{metadata: {annotations: %s}}", cases[i].annotations);
        assert_true(yaml_parse(&a, text, "case", &object, &e));
        assert_int_equal(hook_is(&object), cases[i].hook);
        assert_int_equal(hook_phases(&object), cases[i].phases);
        assert_int_equal(hook_delete_policy(&object), cases[i].policy);
        assert_int_equal(sync_wave(&object), cases[i].wave);
    }
}

static void names_generated_hooks(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value object;
    struct err e = { 0 };
    assert_true(yaml_parse(&a, S("{metadata: {generateName: e2e-tests-}}"), "case", &object, &e));
    struct str name =
        hook_name(&a, &object, S("d751238e003a92968e2276456f2e0e3ac2ba7216"), PHASE_POSTSYNC, 1711296142999);
    assert_string_equal(arena_c(&a, name), "e2e-tests-d751238-postsync-1711296142");
}

int main(void)
{
    struct CMUnitTest tests[ROWS + 2];
    for (size_t i = 0; i < ROWS; i++)
        tests[i] = (struct CMUnitTest){ rows[i].name, judges_row, NULL, NULL, &rows[i] };
    tests[ROWS] = (struct CMUnitTest){ "hooks", reads_hooks, NULL, NULL, NULL };
    tests[ROWS + 1] = (struct CMUnitTest){ "generated names", names_generated_hooks, NULL, NULL, NULL };
    return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
