/* The controllers, with a runtime that only writes down what it is asked. */
#include "engine_fixture.h"

#include "data/json.h"

#define DEPLOYMENT(replicas, image)                                                                                    \
    "apiVersion: apps/v1\n"                                                                                            \
    "kind: Deployment\n"                                                                                               \
    "metadata: {name: web}\n"                                                                                          \
    "spec:\n"                                                                                                          \
    "  replicas: " #replicas "\n"                                                                                      \
    "  selector: {matchLabels: {app: web}}\n"                                                                          \
    "  template:\n"                                                                                                    \
    "    metadata: {labels: {app: web}}\n"                                                                             \
    "    spec:\n"                                                                                                      \
    "      containers:\n"                                                                                              \
    "      - name: web\n"                                                                                              \
    "        image: " image "\n"                                                                                       \
    "        ports: [{name: http, containerPort: 8080}]\n"
#define JOB(name, more)                                                                                                \
    "apiVersion: batch/v1\n"                                                                                           \
    "kind: Job\n"                                                                                                      \
    "metadata: {name: " name "}\n"                                                                                     \
    "spec:\n"                                                                                                          \
    "  template: {spec: {restartPolicy: Never, containers: [{name: work, image: 'work:1'}]}}\n" more

struct count {
    size_t n;
    const char *name;
};

static bool runs(struct engine *x, const void *arg)
{
    return fake_running("x") == ((const struct count *)arg)->n;
}

static bool started(struct engine *x, const void *arg)
{
    const struct count *c = arg;
    return fake_started("x", c->name) >= c->n;
}

static bool no_environment(struct engine *x, const void *arg)
{
    return !runtime_env_alive(NULL, S("x"));
}

static void wait_running(struct engine *x, size_t n)
{
    const struct count c = { n, NULL };
    engine_until(x, runs, &c, arena_fmt(&x->a, "%zu containers run", n).p);
}

static void wait_started(struct engine *x, const char *name, size_t n)
{
    const struct count c = { n, name };
    engine_until(x, started, &c, arena_fmt(&x->a, "container %s started %zu times", name, n).p);
}

static void deployment_becomes_available(void **state)
{
    struct engine *x = *state;
    engine_apply(x, DEPLOYMENT(2, "web:1"));
    engine_wait(x, "Deployment", "web", "status.availableReplicas", "2");
    engine_wait_condition(x, "Deployment", "web", "Available", "True", "MinimumReplicasAvailable");
    engine_wait_condition(x, "Deployment", "web", "Progressing", "True", "NewReplicaSetAvailable");
    engine_wait(x, "Deployment", "web", "status.observedGeneration", "1");
    engine_wait_count(x, "ReplicaSet", 1);
    engine_wait_count(x, "Pod", 2);
    assert_int_equal(fake_running("x"), 2);
}

static void new_image_rolls_over(void **state)
{
    struct engine *x = *state;
    engine_apply(x, DEPLOYMENT(3, "web:1"));
    engine_wait(x, "Deployment", "web", "status.availableReplicas", "3");
    engine_apply(x, DEPLOYMENT(3, "web:2"));
    engine_wait(x, "Deployment", "web", "status.observedGeneration", "2");
    engine_wait_condition(x, "Deployment", "web", "Progressing", "True", "NewReplicaSetAvailable");
    engine_wait(x, "Deployment", "web", "status.updatedReplicas", "3");
    engine_wait_count(x, "Pod", 3);
    engine_wait_count(x, "ReplicaSet", 2); /* the old one stays as history */
    struct value doc = engine_get(x, "Deployment", "web");
    assert_string_equal(arena_c(&x->a, value_as_str(value_get(value_at(&doc, "metadata.annotations"),
                                                              "deployment.kubernetes.io/revision"))),
                        "2");
    wait_running(x, 3);
}

static void missing_image_keeps_the_old_pods(void **state)
{
    struct engine *x = *state;
    engine_apply(x, DEPLOYMENT(2, "web:1"));
    engine_wait(x, "Deployment", "web", "status.availableReplicas", "2");
    engine_apply(x, DEPLOYMENT(2, "web:missing"));
    engine_wait_count(x, "Pod", 3);
    engine_wait(x, "Deployment", "web", "status.updatedReplicas", "1");
    struct value doc = engine_get(x, "Deployment", "web");
    assert_int_equal(value_int_at(&doc, "status.availableReplicas", 0), 2);
    struct value pods = engine_list(x, "Pod");
    struct str waiting = S("");
    for (size_t i = 0; i < value_len(&pods); i++)
        if (str_is(value_str_at(value_item(&pods, i), "spec.containers.0.image"), "web:missing"))
            waiting = value_str_at(value_item(&pods, i), "metadata.name");
    engine_wait(x, "Pod", arena_c(&x->a, waiting), "status.containerStatuses.0.state.waiting.reason",
                "ImagePullBackOff");
}

static void late_rollout_is_told(void **state)
{
    struct engine *x = *state;
    engine_apply(x, DEPLOYMENT(1, "web:missing") "  progressDeadlineSeconds: 1\n");
    engine_wait_condition(x, "Deployment", "web", "Progressing", "False", "ProgressDeadlineExceeded");
    engine_wait_condition(x, "Deployment", "web", "Available", "False", "MinimumReplicasUnavailable");
}

static void recreate_waits_for_the_old(void **state)
{
    struct engine *x = *state;
    engine_apply(x, DEPLOYMENT(2, "web:1") "  strategy: {type: Recreate}\n");
    engine_wait(x, "Deployment", "web", "status.availableReplicas", "2");
    engine_apply(x, DEPLOYMENT(2, "web:2") "  strategy: {type: Recreate}\n");
    engine_wait(x, "Deployment", "web", "status.observedGeneration", "2");
    engine_wait(x, "Deployment", "web", "status.updatedReplicas", "2");
    engine_wait(x, "Deployment", "web", "status.availableReplicas", "2");
    engine_wait_count(x, "Pod", 2);
}

static void crashes_back_off(void **state)
{
    struct engine *x = *state;
    engine_apply(x, DEPLOYMENT(1, "web:1"));
    engine_wait(x, "Deployment", "web", "status.availableReplicas", "1");
    for (size_t n = 1; n <= 3; n++) {
        wait_started(x, "web", n);
        fake_end("x", "web", 3);
    }
    wait_started(x, "web", 4);
    struct value pods = engine_list(x, "Pod");
    const char *name = arena_c(&x->a, value_str_at(value_item(&pods, 0), "metadata.name"));
    engine_wait(x, "Pod", name, "status.containerStatuses.0.restartCount", "3");
    engine_wait(x, "Pod", name, "status.containerStatuses.0.lastState.terminated.exitCode", "3");
    engine_wait(x, "Deployment", "web", "status.availableReplicas", "1");
}

static void program_that_is_not_there(void **state)
{
    struct engine *x = *state;
    engine_apply(x, "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {restartPolicy: Never, containers: [{name: "
                    "c, image: 'a:1', "
                    "command: [/absent]}]}\n");
    engine_wait(x, "Pod", "p", "status.phase", "Failed");
    engine_wait(x, "Pod", "p", "status.containerStatuses.0.state.terminated.reason", "StartError");
}

static void job_completes(void **state)
{
    struct engine *x = *state;
    engine_apply(x, JOB("j", ""));
    wait_running(x, 1);
    fake_end("x", "work", 0);
    engine_wait_condition(x, "Job", "j", "Complete", "True", "CompletionsReached");
    engine_wait(x, "Job", "j", "status.succeeded", "1");
    engine_wait(x, "Job", "j", "status.active", "");
}

static void job_runs_several(void **state)
{
    struct engine *x = *state;
    engine_apply(x, JOB("j", "  completions: 3\n  parallelism: 2\n"));
    wait_running(x, 2);
    fake_end("x", "work", 0);
    wait_started(x, "work", 3);
    wait_running(x, 1);
    fake_end("x", "work", 0);
    engine_wait_condition(x, "Job", "j", "Complete", "True", NULL);
    engine_wait(x, "Job", "j", "status.succeeded", "3");
}

static void job_gives_up(void **state)
{
    struct engine *x = *state;
    engine_apply(x, JOB("j", "  backoffLimit: 1\n"));
    for (size_t n = 1; n <= 2; n++) {
        wait_started(x, "work", n);
        fake_end("x", "work", 1);
    }
    engine_wait_condition(x, "Job", "j", "Failed", "True", "BackoffLimitExceeded");
    engine_wait(x, "Job", "j", "status.failed", "2");
    engine_wait_count(x, "Pod", 2); /* both stay for their logs */
}

static void job_is_too_slow(void **state)
{
    struct engine *x = *state;
    engine_apply(x, JOB("j", "  activeDeadlineSeconds: 1\n"));
    engine_wait_condition(x, "Job", "j", "Failed", "True", "DeadlineExceeded");
    wait_running(x, 0);
}

static void finished_job_retires(void **state)
{
    struct engine *x = *state;
    engine_apply(x, JOB("j", "  ttlSecondsAfterFinished: 0\n"));
    wait_running(x, 1);
    fake_end("x", "work", 0);
    engine_wait(x, "Job", "j", "metadata.name", "");
    engine_wait_count(x, "Pod", 0);
}

static void init_containers_go_first(void **state)
{
    struct engine *x = *state;
    engine_apply(x, "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {initContainers: [{name: one, image: "
                    "'a:1'}, {name: two, image: "
                    "'a:1'}], containers: [{name: main, image: 'a:1'}]}\n");
    wait_started(x, "one", 1);
    assert_int_equal(fake_started("x", "two"), 0);
    fake_end("x", "one", 0);
    wait_started(x, "two", 1);
    assert_int_equal(fake_started("x", "main"), 0);
    fake_end("x", "two", 0);
    wait_started(x, "main", 1);
    engine_wait_condition(x, "Pod", "p", "Initialized", "True", NULL);
    engine_wait(x, "Pod", "p", "status.phase", "Running");
    engine_wait_condition(x, "Pod", "p", "Ready", "True", NULL);
}

static void environment_reaches_the_program(void **state)
{
    struct engine *x = *state;
    struct str text = { 0 };
    engine_apply(x, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {COLOR: red, file.txt: hello}\n"
                    "---\n"
                    "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2}\n"
                    "---\n"
                    "apiVersion: v1\n"
                    "kind: Pod\n"
                    "metadata: {name: p, labels: {tier: front}}\n"
                    "spec:\n"
                    "  containers:\n"
                    "  - name: c\n"
                    "    image: a:1\n"
                    "    args: ['--color=$(PREFIX_COLOR)', '$$(NOT)', '$(UNKNOWN)']\n"
                    "    envFrom: [{prefix: PREFIX_, configMapRef: {name: c}}]\n"
                    "    env:\n"
                    "    - {name: PASSWORD, valueFrom: {secretKeyRef: {name: s, key: password}}}\n"
                    "    - {name: TIER, valueFrom: {fieldRef: {fieldPath: \"metadata.labels['tier']\"}}}\n"
                    "    - {name: BOTH, value: '$(TIER)-$(PASSWORD)'}\n"
                    "    - {name: ABSENT, valueFrom: {configMapKeyRef: {name: none, key: k, optional: true}}}\n"
                    "    volumeMounts: [{name: v, mountPath: /etc/v}]\n"
                    "  volumes: [{name: v, configMap: {name: c, items: [{key: file.txt, path: sub/file}]}}]\n");
    engine_wait_condition(x, "Pod", "p", "Ready", "True", NULL);
    assert_true(fake_env_var(&x->a, "c", "BOTH", &text));
    assert_string_equal(text.p, "front-hunter2");
    assert_true(fake_env_var(&x->a, "c", "HOSTNAME", &text));
    assert_string_equal(text.p, "p");
    assert_false(fake_env_var(&x->a, "c", "ABSENT", &text));
    assert_string_equal(fake_argv(&x->a, "c").p, "/app --color=red $(NOT) $(UNKNOWN)");
    assert_string_equal(fake_file(&x->a, "/v/sub/file").p, "hello");
}

static void missing_config_is_told_and_waited_for(void **state)
{
    struct engine *x = *state;
    engine_apply(x, "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: 'a:1', "
                    "envFrom: [{configMapRef: "
                    "{name: late}}]}]}\n");
    engine_wait(x, "Pod", "p", "status.containerStatuses.0.state.waiting.reason", "CreateContainerConfigError");
    engine_wait(x, "Pod", "p", "status.containerStatuses.0.state.waiting.message", "configmap \"late\" not found");
    engine_apply(x, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: late}\ndata: {A: b}\n");
    engine_wait_condition(x, "Pod", "p", "Ready", "True", NULL);
}

static bool services_are(struct engine *x, const void *arg)
{
    return str_is(fake_services(&x->a, "x"), arg);
}

static void service_follows_ready_pods(void **state)
{
    struct engine *x = *state;
    engine_apply(x, "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: 198.19.7.7, selector: "
                    "{app: web}, ports: [{port: "
                    "80, targetPort: http}]}\n"
                    "---\n" DEPLOYMENT(2, "web:1"));
    engine_until(x, services_are, "web 198.19.7.7 80>198.18.0.2:8080,198.18.0.3:8080;", "two endpoints");
    engine_apply(x, DEPLOYMENT(0, "web:1"));
    engine_until(x, services_are, "web 198.19.7.7 80>;", "no endpoint");
}

static void failing_liveness_restarts(void **state)
{
    struct engine *x = *state;
    fake_exec_exit(1);
    engine_apply(x, "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: 'a:1', "
                    "livenessProbe: {exec: {command: "
                    "[check]}, failureThreshold: 1}}]}\n");
    engine_wait(x, "Pod", "p", "status.containerStatuses.0.lastState.terminated.exitCode", "143");
    fake_exec_exit(0);
    engine_wait_condition(x, "Pod", "p", "Ready", "True", NULL);
}

static void readiness_gates(void **state)
{
    struct engine *x = *state;
    fake_exec_exit(1);
    engine_apply(x, "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: 'a:1', "
                    "readinessProbe: {exec: {command: "
                    "[check]}}}]}\n");
    engine_wait(x, "Pod", "p", "status.containerStatuses.0.started", "true");
    engine_wait_condition(x, "Pod", "p", "Ready", "False", "ContainersNotReady");
    fake_exec_exit(0);
    engine_wait_condition(x, "Pod", "p", "Ready", "True", NULL);
}

static void deletion_takes_everything(void **state)
{
    struct engine *x = *state;
    engine_apply(x, DEPLOYMENT(2, "web:1"));
    engine_wait(x, "Deployment", "web", "status.availableReplicas", "2");
    engine_remove(x, "Deployment", "web", CLUSTER_BACKGROUND);
    engine_wait_count(x, "ReplicaSet", 0);
    engine_wait_count(x, "Pod", 0);
    assert_int_equal(fake_running("x"), 0);
    assert_int_equal(fake_pods("x"), 0);
}

static void foreground_waits_for_dependents(void **state)
{
    struct engine *x = *state;
    engine_apply(x, DEPLOYMENT(1, "web:1") "---\n"
                                           "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n");
    engine_wait(x, "Deployment", "web", "status.availableReplicas", "1");
    engine_remove(x, "Deployment", "web", CLUSTER_FOREGROUND);
    engine_wait(x, "Deployment", "web", "metadata.name", "");
    engine_wait_count(x, "Pod", 0);
    engine_wait_count(x, "ConfigMap", 1);
}

static void orphans_live_on(void **state)
{
    struct engine *x = *state;
    engine_apply(x, DEPLOYMENT(1, "web:1"));
    engine_wait(x, "Deployment", "web", "status.availableReplicas", "1");
    engine_remove(x, "Deployment", "web", CLUSTER_ORPHAN);
    engine_wait(x, "Deployment", "web", "metadata.name", "");
    engine_apply(x,
                 "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: again}\n"); /* one more pass over the namespace */
    engine_wait_count(x, "ReplicaSet", 1);
    engine_wait_count(x, "Pod", 1);
}

static void finalizers_hold(void **state)
{
    struct engine *x = *state;
    engine_apply(x, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, finalizers: [example.com/wait]}\n");
    engine_remove(x, "ConfigMap", "c", CLUSTER_BACKGROUND);
    struct value doc = engine_get(x, "ConfigMap", "c");
    assert_true(value_str_at(&doc, "metadata.deletionTimestamp").n > 0);
    engine_apply(x, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n");
    engine_wait(x, "ConfigMap", "c", "metadata.name", "");
}

static void namespace_goes_with_all(void **state)
{
    struct engine *x = *state;
    engine_apply(x,
                 DEPLOYMENT(2, "web:1") "---\n" JOB("j", "") "---\n"
                                                             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n");
    engine_wait(x, "Deployment", "web", "status.availableReplicas", "2");
    engine_remove(x, "Namespace", "x", CLUSTER_BACKGROUND);
    engine_wait(x, "Namespace", "x", "metadata.name", "");
    engine_until(x, no_environment, NULL, "the environment is stopped");
    struct value all;
    struct err e = { 0 };
    const struct cluster_key k = { .ns = S("x") };
    assert_true(cluster_list(x->c, &x->a, &k, &all, &e));
    assert_int_equal(value_len(&all), 0);
    engine_apply(x, DEPLOYMENT(1, "web:1")); /* and can come back */
    engine_wait(x, "Deployment", "web", "status.availableReplicas", "1");
}

static void stubborn_pods_are_killed(void **state)
{
    struct engine *x = *state;
    fake_ignore_term(true);
    engine_apply(x, "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {terminationGracePeriodSeconds: 1, "
                    "containers: [{name: c, image: "
                    "'a:1'}]}\n");
    engine_wait_condition(x, "Pod", "p", "Ready", "True", NULL);
    engine_remove(x, "Pod", "p", CLUSTER_BACKGROUND);
    engine_wait(x, "Pod", "p", "metadata.name", "");
}

static void restart_adopts_what_runs(void **state)
{
    struct engine *x = *state;
    engine_apply(x, DEPLOYMENT(2, "web:1"));
    engine_wait(x, "Deployment", "web", "status.availableReplicas", "2");
    engine_restart(x);
    engine_apply(x, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n");
    engine_wait(x, "Deployment", "web", "status.availableReplicas", "2");
    fake_end("x", "web", 1); /* what was adopted is still looked after */
    wait_started(x, "web", 4);
    engine_wait(x, "Deployment", "web", "status.availableReplicas", "2");
    assert_int_equal(fake_pods("x"), 2);
}

static void dead_holder_is_replaced(void **state)
{
    struct engine *x = *state;
    engine_apply(x, DEPLOYMENT(1, "web:1"));
    engine_wait(x, "Deployment", "web", "status.availableReplicas", "1");
    struct value pods = engine_list(x, "Pod");
    const char *name = arena_c(&x->a, value_str_at(value_item(&pods, 0), "metadata.name"));
    fake_kill_environment("x");
    engine_wait(x, "Pod", name, "status.containerStatuses.0.lastState.terminated.reason", "ContainerStatusUnknown");
    wait_running(x, 1);
    engine_wait(x, "Deployment", "web", "status.availableReplicas", "1");
}

static void stateful_set_in_order(void **state)
{
    struct engine *x = *state;
    engine_apply(x, "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec: {serviceName: db, replicas: "
                    "2, selector: {matchLabels: "
                    "{app: db}}, template: {metadata: {labels: {app: db}}, spec: {containers: [{name: db, image: "
                    "'db:1', volumeMounts: [{name: "
                    "data, mountPath: /data}]}]}}, volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: "
                    "[ReadWriteOnce], "
                    "resources: {requests: {storage: 1Gi}}}}]}\n");
    engine_wait_condition(x, "Pod", "db-0", "Ready", "True", NULL);
    engine_wait_condition(x, "Pod", "db-1", "Ready", "True", NULL);
    engine_wait(x, "StatefulSet", "db", "status.readyReplicas", "2");
    engine_wait(x, "PersistentVolumeClaim", "data-db-1", "status.phase", "Bound");
}

static void daemon_set_runs_once(void **state)
{
    struct engine *x = *state;
    engine_apply(x, "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: d}\nspec: {selector: {matchLabels: {app: "
                    "d}}, template: {metadata: "
                    "{labels: {app: d}}, spec: {containers: [{name: d, image: 'd:1'}]}}}\n");
    engine_wait(x, "DaemonSet", "d", "status.numberAvailable", "1");
    engine_wait(x, "DaemonSet", "d", "status.updatedNumberScheduled", "1");
}

static void other_kinds_are_honest(void **state)
{
    struct engine *x = *state;
    engine_apply(
        x,
        DEPLOYMENT(1, "web:1") "---\n"
                               "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\nspec: "
                               "{maxReplicas: 3, scaleTargetRef: "
                               "{apiVersion: apps/v1, kind: Deployment, name: web}}\n"
                               "---\n"
                               "apiVersion: v1\nkind: Service\nmetadata: {name: lb}\nspec: {type: LoadBalancer, ports: "
                               "[{port: 80}]}\n"
                               "---\n"
                               "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {any: thing}\n");
    engine_wait_condition(x, "HorizontalPodAutoscaler", "h", "AbleToScale", "True", "SucceededGetScale");
    engine_wait_condition(x, "HorizontalPodAutoscaler", "h", "ScalingActive", "False", "LocalEngine");
    struct value service = engine_get(x, "Service", "lb");
    engine_wait(x, "Service", "lb", "status.loadBalancer.ingress.0.ip",
                arena_c(&x->a, value_str_at(&service, "spec.clusterIP")));
    engine_wait(x, "Widget", "w", "spec.any", "thing");
}

static void missing_service_account(void **state)
{
    struct engine *x = *state;
    engine_apply(x, DEPLOYMENT(1, "web:1") "      serviceAccountName: robot\n");
    engine_wait_condition(x, "Deployment", "web", "ReplicaFailure", "True", "FailedCreate");
    engine_apply(x, "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: robot}\n");
    engine_wait(x, "Deployment", "web", "status.availableReplicas", "1");
}

#define T(name) cmocka_unit_test_setup_teardown(name, engine_open, engine_close)

int main(void)
{
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        T(deployment_becomes_available),
        T(new_image_rolls_over),
        T(missing_image_keeps_the_old_pods),
        T(late_rollout_is_told),
        T(recreate_waits_for_the_old),
        T(crashes_back_off),
        T(program_that_is_not_there),
        T(job_completes),
        T(job_runs_several),
        T(job_gives_up),
        T(job_is_too_slow),
        T(finished_job_retires),
        T(init_containers_go_first),
        T(environment_reaches_the_program),
        T(missing_config_is_told_and_waited_for),
        T(service_follows_ready_pods),
        T(failing_liveness_restarts),
        T(readiness_gates),
        T(deletion_takes_everything),
        T(foreground_waits_for_dependents),
        T(orphans_live_on),
        T(finalizers_hold),
        T(namespace_goes_with_all),
        T(stubborn_pods_are_killed),
        T(restart_adopts_what_runs),
        T(dead_holder_is_replaced),
        T(stateful_set_in_order),
        T(daemon_set_runs_once),
        T(other_kinds_are_honest),
        T(missing_service_account),
    };
    return cmocka_run_group_tests_name("local engine", tests, NULL, NULL);
}
