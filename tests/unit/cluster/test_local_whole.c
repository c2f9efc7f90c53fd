/* The local engine with everything real: a registry, images, namespaces, processes, DNS, services, the ingress. */
#include "../oci/world.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/sys.h"
#include "cluster/local/local.h"
#include "data/json.h"
#include "data/yaml.h"

enum { WAIT_MS = 30000, SKIPPED = 77 };

static struct {
    struct arena a;
    const char *dir, *launcher, *app;
    struct world *w;
    struct store *store;
    struct cluster *c;
} x;

static void start(bool keep_running)
{
    struct err e = { 0 };
    const struct local_options o = { .data_dir = x.dir,
                                     .store = x.store,
                                     .images = x.w->client,
                                     .launcher = x.launcher,
                                     .restart_backoff_ms = 50,
                                     .keep_running = keep_running };
    if (!local_open(&o, &x.c, &e))
        fail_msg("%s", e.text);
}

static void push(const char *tag)
{
    struct oci_descriptor d;
    struct err e = { 0 };
    struct oci_reference ref = world_ref(x.w, tag);
    const char *const entrypoint[] = { "/app", NULL };
    struct oci_assemble spec = { .path = x.app, .name = S("app"), .entrypoint = entrypoint, .user = S("1000") };
    if (!oci_assemble_push(&x.w->a, x.w->client, &ref, &spec, &d, &e))
        fail_msg("%s", e.text);
}

/* Every @ in the text stands for the registry. */
static void apply(const char *yaml)
{
    struct buf text = { .a = &x.a };
    struct value docs, live;
    enum cluster_verb verb;
    struct err e = { 0 };
    const struct cluster_apply o = { .server_side = true, .validate = true };
    for (; *yaml != '\0'; yaml++)
        if (*yaml == '@')
            buf_fmt(&text, "127.0.0.1:%u", http_server_port(x.w->server));
        else
            buf_byte(&text, *yaml);
    if (!yaml_parse_all(&x.a, buf_str(&text), NULL, &docs, &e))
        fail_msg("%s", e.text);
    for (size_t i = 0; i < value_len(&docs); i++)
        if (!cluster_apply(x.c, &x.a, value_item(&docs, i), &o, &live, &verb, &e))
            fail_msg("%s", e.text);
}

static struct str look(const char *group, const char *kind, const char *ns, const char *name, const char *path)
{
    struct value doc;
    struct err e = { 0 };
    const struct cluster_key k = { str_c(group), S(""), str_c(kind), str_c(ns), str_c(name) };
    if (!cluster_get(x.c, &x.a, &k, &doc, &e))
        return S("absent");
    const struct value *v = value_at(&doc, path);
    return value_is(v, VALUE_STRING) ? value_as_str(v) : json_str(&x.a, v, JSON_SORT_KEYS);
}

static void dump(const char *ns)
{
    struct value all;
    struct err e = { 0 };
    const struct cluster_key k = { .ns = str_c(ns) };
    if (cluster_list(x.c, &x.a, &k, &all, &e))
        fprintf(stderr, "%s\n", json_str(&x.a, &all, JSON_INDENT).p);
}

static void await(const char *group, const char *kind, const char *ns, const char *name, const char *path,
                  const char *wanted)
{
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (clock_mono_ms() < deadline) {
        int64_t version = store_version(x.store);
        if (str_is(look(group, kind, ns, name, path), wanted))
            return;
        (void)cluster_wait(x.c, version, deadline);
    }
    dump(ns);
    fail_msg("%s %s/%s: %s is %s, not %s", kind, ns, name, path, look(group, kind, ns, name, path).p, wanted);
}

static struct str browse(const char *host)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                              .sin_port = htons(local_ingress_port(x.c)) };
    struct buf b = { .a = &x.a };
    CLEANUP(fd_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_return_code(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    struct str request = arena_fmt(&x.a, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host);
    assert_int_equal(send(fd, request.p, request.n, MSG_NOSIGNAL), request.n);
    for (;;) {
        struct pollfd p = { fd, POLLIN, 0 };
        char bytes[4096];
        assert_int_equal(poll(&p, 1, WAIT_MS), 1);
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n <= 0)
            return buf_str(&b);
        buf_add(&b, (struct str){ bytes, (size_t)n });
    }
}

static void has(struct str text, const char *part)
{
    if (str_find(text, str_c(part)) < 0)
        fail_msg("\"%s\" is not in \"%.*s\"", part, STR(text));
}

static bool add_line(void *user, struct str text)
{
    struct buf *b = user;
    buf_fmt(b, "%.*s\n", STR(text));
    return true;
}

static struct str logs_of(const char *ns, struct str pod)
{
    struct buf b = { .a = &x.a };
    struct err e = { 0 };
    const struct cluster_logs o = { .ns = str_c(ns), .pod = pod, .tail = -1 };
    if (!cluster_logs(x.c, &o, add_line, &b, &e))
        fail_msg("%s", e.text);
    return buf_str(&b);
}

static struct str pod_of(const char *ns, const char *prefix)
{
    struct value pods;
    struct err e = { 0 };
    const struct cluster_key k = { .kind = S("Pod"), .ns = str_c(ns) };
    assert_true(cluster_list(x.c, &x.a, &k, &pods, &e));
    for (size_t i = 0; i < value_len(&pods); i++)
        if (str_starts(value_str_at(value_item(&pods, i), "metadata.name"), str_c(prefix)))
            return value_str_at(value_item(&pods, i), "metadata.name");
    fail_msg("no pod %s in %s", prefix, ns);
    return S("");
}

#define WEB(ns, image, answer)                                                                                         \
    "{apiVersion: v1, kind: Namespace, metadata: {name: " ns "}}\n---\n"                                               \
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: answer, namespace: " ns "}, data: {TEXT: " answer "}}\n---\n"  \
    "{apiVersion: v1, kind: Service, metadata: {name: web, namespace: " ns                                             \
    "}, spec: {selector: {app: web}, ports: [{port: 80, "                                                              \
    "targetPort: http}]}}\n---\n"                                                                                      \
    "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web, namespace: " ns                           \
    "}, spec: {rules: [{host: " ns ".example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: "      \
    "{name: web, port: {number: 80}}}}]}}]}}\n---\n"                                                                   \
    "apiVersion: apps/v1\n"                                                                                            \
    "kind: Deployment\n"                                                                                               \
    "metadata: {name: web, namespace: " ns "}\n"                                                                       \
    "spec:\n"                                                                                                          \
    "  replicas: 2\n"                                                                                                  \
    "  selector: {matchLabels: {app: web}}\n"                                                                          \
    "  template:\n"                                                                                                    \
    "    metadata: {labels: {app: web}}\n"                                                                             \
    "    spec:\n"                                                                                                      \
    "      terminationGracePeriodSeconds: 5\n"                                                                         \
    "      containers:\n"                                                                                              \
    "      - name: web\n"                                                                                              \
    "        image: '@/" image "'\n"                                                                                   \
    "        args: [http, '8080', '$(TEXT)']\n"                                                                        \
    "        envFrom: [{configMapRef: {name: answer}}]\n"                                                              \
    "        ports: [{name: http, containerPort: 8080}]\n"                                                             \
    "        readinessProbe: {httpGet: {port: http}}\n"                                                                \
    "        livenessProbe: {exec: {command: [/app, exit, '0']}}\n"

#define JOB(ns, name, args)                                                                                            \
    "apiVersion: batch/v1\n"                                                                                           \
    "kind: Job\n"                                                                                                      \
    "metadata: {name: " name ", namespace: " ns "}\n"                                                                  \
    "spec: {backoffLimit: 0, template: {spec: {restartPolicy: Never, containers: [{name: test, image: '@/app:1', "     \
    "args: " args "}]}}}\n"

static void whole_life(void **state)
{
    apply(WEB("five", "app:1", "hello"));
    await("apps", "Deployment", "five", "web", "status.availableReplicas", "2");
    has(browse("five.example.com"), "hello");
    has(browse("five.localhost"), "hello");
    assert_true(str_eq(local_ingress_url(&x.a, x.c, S("five")),
                       arena_fmt(&x.a, "http://five.localhost:%u/", local_ingress_port(x.c))));
    apply(JOB("five", "short", "[fetch, web, '80', hello]") "---\n" JOB(
        "five", "full", "[fetch, web.five.svc.cluster.local, '80', hello]") "---\n" JOB("five", "wrong",
                                                                                        "[fetch, web, '80', goodbye]"));
    await("batch", "Job", "five", "short", "status.succeeded", "1");
    await("batch", "Job", "five", "full", "status.succeeded", "1");
    await("batch", "Job", "five", "wrong", "status.conditions.1.reason", "BackoffLimitExceeded");
    has(logs_of("five", pod_of("five", "wrong")), "hello");
    has(logs_of("five", pod_of("five", "web")), "serving");
    /* a new answer is rolled out without a gap */
    apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: answer, namespace: five}, data: {TEXT: second}}");
    apply(WEB("five", "app:2", "second"));
    await("apps", "Deployment", "five", "web", "status.observedGeneration", "2");
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (!str_is(look("apps", "Deployment", "five", "web", "status.conditions.1.reason"), "NewReplicaSetAvailable")) {
        assert_true(clock_mono_ms() < deadline);
        has(browse("five.example.com"), "200 OK");
    }
    has(browse("five.example.com"), "second");
}

static void environments_are_apart(void **state)
{
    apply(WEB("six", "app:1", "six"));
    await("apps", "Deployment", "six", "web", "status.availableReplicas", "2");
    has(browse("six.localhost"), "six");
    has(browse("five.localhost"), "second");
    apply(JOB("six", "across", "[fetch, web.five.svc.cluster.local, '80', second]"));
    await("batch", "Job", "six", "across", "status.failed", "1");
}

static void volumes_hold_files(void **state)
{
    apply("{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: six}, stringData: {key: hunter2}}\n---\n"
          "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: kept, namespace: six}, spec: {accessModes: "
          "[ReadWriteOnce], "
          "resources: {requests: {storage: 1Gi}}}}\n---\n"
          "apiVersion: v1\n"
          "kind: Pod\n"
          "metadata: {name: files, namespace: six}\n"
          "spec:\n"
          "  restartPolicy: Never\n"
          "  initContainers:\n"
          "  - {name: writes, image: '@/app:1', args: [write, /shared/note, 'from the init container'], volumeMounts: "
          "[{name: e, mountPath: "
          "/shared}]}\n"
          "  - {name: keeps, image: '@/app:1', args: [write, /kept/note, kept], volumeMounts: [{name: k, mountPath: "
          "/kept}]}\n"
          "  containers:\n"
          "  - {name: secret, image: '@/app:1', args: [cat, /s/key], volumeMounts: [{name: s, mountPath: /s}]}\n"
          "  - {name: shared, image: '@/app:1', args: [cat, /shared/note], volumeMounts: [{name: e, mountPath: "
          "/shared}]}\n"
          "  volumes: [{name: e, emptyDir: {}}, {name: s, secret: {secretName: s}}, {name: k, persistentVolumeClaim: "
          "{claimName: kept}}]\n");
    await("", "Pod", "six", "files", "status.phase", "Succeeded");
    assert_string_equal(logs_of("six", S("files")).p, "hunter2\n");
    apply("{apiVersion: v1, kind: Pod, metadata: {name: again, namespace: six}, spec: {restartPolicy: Never, "
          "containers: [{name: c, image: "
          "'@/app:1', args: [cat, /kept/note], volumeMounts: [{name: k, mountPath: /kept}]}], volumes: [{name: k, "
          "persistentVolumeClaim: "
          "{claimName: kept}}]}}");
    await("", "Pod", "six", "again", "status.phase", "Succeeded");
    assert_string_equal(logs_of("six", S("again")).p, "kept\n");
}

static void missing_image_is_told(void **state)
{
    apply("{apiVersion: v1, kind: Pod, metadata: {name: none, namespace: six}, spec: {containers: [{name: c, image: "
          "'@/app:none'}]}}");
    await("", "Pod", "six", "none", "status.containerStatuses.0.state.waiting.reason", "ImagePullBackOff");
    has(look("", "Pod", "six", "none", "status.containerStatuses.0.state.waiting.message"), "app:none");
}

static void crashes_are_restarted(void **state)
{
    apply("{apiVersion: v1, kind: Pod, metadata: {name: crash, namespace: six}, spec: {containers: [{name: c, image: "
          "'@/app:1', args: [exit, "
          "'3']}]}}");
    await("", "Pod", "six", "crash", "status.containerStatuses.0.restartCount", "3");
    assert_string_equal(look("", "Pod", "six", "crash", "status.containerStatuses.0.lastState.terminated.exitCode").p,
                        "3");
}

static void a_new_main_takes_over(void **state)
{
    struct str before = look("", "Pod", "five", pod_of("five", "web").p, "status.containerStatuses.0.containerID");
    cluster_close(x.c);
    start(false);
    await("apps", "Deployment", "five", "web", "status.availableReplicas", "2");
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (str_find(browse("five.example.com"), S("second")) < 0) /* until the first pass has set the routes */
        assert_true(clock_mono_ms() < deadline);
    apply("{apiVersion: v1, kind: Pod, metadata: {name: late, namespace: five}, spec: {restartPolicy: Never, "
          "containers: [{name: c, image: '@/app:1', args: [exit, '0']}]}}");
    await("", "Pod", "five", "late", "status.phase", "Succeeded"); /* whole passes were made over the others too */
    struct str after = look("", "Pod", "five", pod_of("five", "web").p, "status.containerStatuses.0.containerID");
    assert_true(str_eq(before, after));
}

static void deletion_leaves_nothing(void **state)
{
    static const char *const names[] = { "five", "six" };
    struct err e = { 0 };
    for (size_t i = 0; i < COUNT(names); i++) {
        const struct cluster_key k = { .kind = S("Namespace"), .name = str_c(names[i]) };
        assert_true(cluster_remove(x.c, &k, CLUSTER_BACKGROUND, &e));
    }
    for (size_t i = 0; i < COUNT(names); i++) {
        await("", "Namespace", "", names[i], "metadata.name", "absent");
        assert_false(fs_exists(arena_fmt(&x.a, "%s/env/%s", x.dir, names[i]).p));
    }
    has(browse("five.example.com"), "404 no Ingress has the host");
}

static bool can_run(void)
{
    struct local_level level;
    local_probe(&level);
    if (level.level < 3)
        printf("skipped: no containers on this machine: %s\n", level.why);
    return level.level >= 3;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_life),
        cmocka_unit_test(environments_are_apart),
        cmocka_unit_test(volumes_hold_files),
        cmocka_unit_test(missing_image_is_told),
        cmocka_unit_test(crashes_are_restarted),
        cmocka_unit_test(a_new_main_takes_over),
        cmocka_unit_test(deletion_leaves_nothing),
    };
    struct err e = { 0 };
    void *made = NULL;
    if (argc < 3)
        return 2;
    if (!can_run())
        return SKIPPED;
    log_set_level(LOG_ERROR);
    x.launcher = argv[1];
    x.app = argv[2];
    world_open(&made);
    x.w = made;
    if (!fs_temp_dir(&x.a, "vitrine-whole", &x.dir, &e) || !store_open(x.dir, &x.store, &e)) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    push("app:1");
    push("app:2");
    start(true);
    int failed = cmocka_run_group_tests_name("local whole", tests, NULL, NULL);
    cluster_close(x.c);
    store_close(x.store);
    if (!fs_remove_tree(x.dir, &e))
        fprintf(stderr, "%s\n", e.text);
    arena_close(&x.a);
    world_close(&made);
    return failed;
}
