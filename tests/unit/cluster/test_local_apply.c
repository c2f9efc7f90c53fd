/* Apply on the local engine: merging, defaults, validation, refusals, immutability. Each row applies one document after
 * the other. */
#include <stdio.h>

#include "data/json.h"
#include "data/yaml.h"
#include "engine_fixture.h"

#define ROW_DOCS 3

static const struct merge_row {
    const char *name;
    const char *kind,
        *docs[ROW_DOCS]; /* applied in order; a document that begins with "#update" is put as another writer would */
    const char *path, *wanted; /* JSON at a path of the result */
} merges[] = {
    { "a dropped key goes, a foreign one stays",
      "ConfigMap",
      { "data: {a: '1', b: '2'}", "#update data: {a: '1', b: '2', theirs: x}", "data: {a: '1'}" },
      "data",
      "{\"a\":\"1\",\"theirs\":\"x\"}" },
    { "a map left empty goes", "ConfigMap", { "data: {a: '1'}", "{}" }, "data", "" },
    { "replicas left out stay as another set them",
      "Deployment",
      { "spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, "
        "image: 'i:1'}]}}}",
        "#update spec: {replicas: 3}",
        "spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, "
        "image: 'i:2'}]}}}" },
      "spec.replicas",
      "3" },
    { "containers merge by name, order of the configuration",
      "Pod",
      { "spec: {hostAliases: [{ip: 1.1.1.1, hostnames: [a]}, {ip: 2.2.2.2, hostnames: [b]}, {ip: 3.3.3.3, hostnames: "
        "[c]}], containers: "
        "[{name: c, image: 'i:1'}]}",
        "#update spec: {hostAliases: [{ip: 1.1.1.1, hostnames: [a]}, {ip: 2.2.2.2, hostnames: [b]}, {ip: 3.3.3.3, "
        "hostnames: [c]}, {ip: "
        "9.9.9.9, hostnames: [p]}]}",
        "spec: {hostAliases: [{ip: 3.3.3.3, hostnames: [c]}, {ip: 1.1.1.1, hostnames: [a]}, {ip: 4.4.4.4, hostnames: "
        "[d]}], containers: "
        "[{name: c, image: 'i:1'}]}" },
      "spec.hostAliases",
      "[{\"hostnames\":[\"c\"],\"ip\":\"3.3.3.3\"},{\"hostnames\":[\"p\"],\"ip\":\"9.9.9.9\"},{\"hostnames\":[\"a\"],"
      "\"ip\":\"1.1.1.1\"},"
      "{\"hostnames\":[\"d\"],\"ip\":\"4.4.4.4\"}]" },
    { "a port without protocol is the TCP one",
      "Service",
      { "spec: {ports: [{port: 80, name: a}]}", "spec: {ports: [{port: 80, protocol: TCP, name: b}]}" },
      "spec.ports",
      "[{\"name\":\"b\",\"port\":80,\"protocol\":\"TCP\",\"targetPort\":80}]" },
    { "a Service selector is one piece",
      "Service",
      { "spec: {ports: [{port: 80}], selector: {a: b, c: d}}", "spec: {ports: [{port: 80}], selector: {a: b}}" },
      "spec.selector",
      "{\"a\":\"b\"}" },
    { "finalizers are a set",
      "ConfigMap",
      { "metadata: {finalizers: [x.io/a]}", "#update metadata: {finalizers: [x.io/a, x.io/b]}",
        "metadata: {labels: {l: v}}" },
      "metadata.finalizers",
      "[\"x.io/b\"]" },
    { "null members are nothing", "ConfigMap", { "data: {a: '1', b: null}" }, "data", "{\"a\":\"1\"}" },
    { "stringData becomes data",
      "Secret",
      { "stringData: {p: hunter2}\ndata: {q: eA==}" },
      "data",
      "{\"p\":\"aHVudGVyMg==\",\"q\":\"eA==\"}" },
    { "stringData that is dropped drops its data",
      "Secret",
      { "stringData: {p: a, q: b}", "stringData: {p: a}" },
      "data",
      "{\"p\":\"YQ==\"}" },
    { "status in a manifest is not applied", "ConfigMap", { "status: {phase: x}" }, "status", "" },
    { "defaults: rolling update",
      "Deployment",
      { "spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, "
        "image: 'i:1'}]}}}" },
      "spec.strategy",
      "{\"rollingUpdate\":{\"maxSurge\":\"25%\",\"maxUnavailable\":\"25%\"},\"type\":\"RollingUpdate\"}" },
    { "defaults: pull policy of latest",
      "Pod",
      { "spec: {containers: [{name: c, image: 'host:5000/i'}]}" },
      "spec.containers.0.imagePullPolicy",
      "\"Always\"" },
    { "defaults: pull policy of a tag",
      "Pod",
      { "spec: {containers: [{name: c, image: 'host:5000/i:1'}]}" },
      "spec.containers.0.imagePullPolicy",
      "\"IfNotPresent\"" },
    { "a headless Service keeps None",
      "Service",
      { "spec: {clusterIP: None, ports: [{port: 80}]}" },
      "spec.clusterIP",
      "\"None\"" },
};

static const char *const versions[][2] = { { "Deployment", "apps/v1" },
                                           { "StatefulSet", "apps/v1" },
                                           { "Job", "batch/v1" },
                                           { "Ingress", "networking.k8s.io/v1" },
                                           { "CronJob", "batch/v1" } };

static struct value document(struct engine *x, const char *kind, const char *yaml)
{
    struct value doc;
    struct err e = { 0 };
    const char *version = "v1";
    for (size_t i = 0; i < COUNT(versions); i++)
        if (strcmp(kind, versions[i][0]) == 0)
            version = versions[i][1];
    if (!yaml_parse(&x->a, str_c(yaml), NULL, &doc, &e))
        fail_msg("%s", e.text);
    value_set(&x->a, &doc, "apiVersion", value_c(version));
    value_set(&x->a, &doc, "kind", value_c(kind));
    if (!value_is(value_get(&doc, "metadata"), VALUE_MAP) || value_str_at(&doc, "metadata.name").n == 0)
        value_put_at(&x->a, &doc, "metadata.name", value_c("n"));
    value_put_at(&x->a, &doc, "metadata.namespace", value_c("x"));
    return doc;
}

/* As a controller or kubectl edit would: on top of what is there, owned by nobody. */
static void update(struct engine *x, const struct value *doc)
{
    struct value live = engine_get(x, value_str_at(doc, "kind").p, "n");
    struct err e = { 0 };
    const struct store_key k = { "local", str_is(value_str_at(doc, "kind"), "Deployment") ? S("apps") : S(""),
                                 value_str_at(doc, "kind"), S("x"), S("n") };
    static const char *const parts[] = { "data", "spec" };
    for (size_t i = 0; i < COUNT(parts); i++)
        for (size_t m = 0; value_is(value_get(doc, parts[i]), VALUE_MAP) && m < value_get(doc, parts[i])->map->n; m++)
            map_put(&x->a, value_get(&live, parts[i])->map, value_get(doc, parts[i])->map->v[m].key,
                    value_get(doc, parts[i])->map->v[m].value);
    if (!value_is(value_at(doc, "metadata.finalizers"), VALUE_NULL))
        value_put_at(&x->a, &live, "metadata.finalizers", *value_at(doc, "metadata.finalizers"));
    value_del(value_get(&live, "metadata"), "resourceVersion");
    if (!store_put(&x->a, x->store, &k, &live, NULL, NULL, &e))
        fail_msg("%s", e.text);
}

static void apply(struct engine *x, const char *kind, const char *yaml)
{
    struct value live;
    enum cluster_verb verb;
    struct err e = { 0 };
    const struct cluster_apply o = { .server_side = true, .validate = true };
    bool other = str_starts(str_c(yaml), S("#update "));
    struct value doc = document(x, kind, other ? yaml + 8 : yaml);
    if (other)
        update(x, &doc);
    else if (!cluster_apply(x->c, &x->a, &doc, &o, &live, &verb, &e))
        fail_msg("%s", e.text);
}

static void merges_row(void **state)
{
    for (size_t i = 0; i < COUNT(merges); i++) {
        struct engine *x = *state;
        const struct merge_row *r = &merges[i];
        (void)engine_apply_error(x, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: makes-the-namespace}\n");
        for (size_t d = 0; d < ROW_DOCS && r->docs[d] != NULL; d++)
            apply(x, r->kind, r->docs[d]);
        struct value doc = engine_get(x, r->kind, "n");
        const struct value *found = value_at(&doc, r->path);
        const char *text = value_is(found, VALUE_NULL) ? "" : json_str(&x->a, found, JSON_SORT_KEYS).p;
        if (strcmp(text, r->wanted) != 0)
            fail_msg("%s: %s", r->name, text);
        engine_close(state); /* a fresh world for the next row */
        engine_open(state);
    }
}

/* ---- errors -------------------------------------------------------------------------------- */

#define POD "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: "
#define DEPLOYMENT "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: "
#define INGRESS "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\nspec: "

static const struct {
    const char *yaml, *error;
} refused[] = {
    { "just text", "a manifest must be a map, not a string" },
    { "kind: Pod", "object has no apiVersion" },
    { "apiVersion: v1", "object (v1) has no kind" },
    { "apiVersion: v1\nkind: Pod", "Pod: metadata.name: Required value" },
    { "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Upper}",
      "ConfigMap \"Upper\" is invalid: metadata.name: Invalid value: \"Upper\": must be lower case letters, digits, "
      "'-' or '.', with a letter "
      "or digit at both ends, at most 253 bytes" },
    { "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: nowhere}", "namespaces \"nowhere\" not found" },
    { "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {port: 5}",
      "ConfigMap \"c\" is invalid: data.port: Invalid value: \"int\": must be a string; put it in quotes" },
    { POD "{containers: [{name: c, image: i, args: [run, 5]}]}",
      "Pod \"p\" is invalid: spec.containers[0].args[1]: Invalid value: \"int\": must be a string; put it in quotes" },
    { "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {k: '***'}",
      "Secret \"s\" is invalid: data[k]: Invalid value: must be base64" },
    { DEPLOYMENT "{template: {}}", "Deployment.apps \"d\" is invalid: spec.selector: Required value" },
    { DEPLOYMENT "{replicas: two}", "Deployment.apps \"d\" is invalid: spec.replicas: Invalid value: \"string\": must "
                                    "be a whole number of at least 0" },
    { DEPLOYMENT "{selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: c}}, spec: {containers: []}}}",
      "Deployment.apps \"d\" is invalid: spec.template.metadata.labels: Invalid value: `selector` does not match "
      "template `labels`" },
    { DEPLOYMENT "{selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: "
                 "c, image: i, env: "
                 "[{name: X, value: 5}]}]}}}",
      "Deployment.apps \"d\" is invalid: spec.template.spec.containers[0].env[0].value: Invalid value: \"int\": must "
      "be a string" },
    { DEPLOYMENT "{selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {restartPolicy: "
                 "Never, containers: [{name: "
                 "c, image: i}]}}}",
      "Deployment.apps \"d\" is invalid: spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported "
      "values: \"Always\"" },
    { "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec: {template: {spec: {containers: [{name: c, image: "
      "i}]}}}",
      "Job.batch \"j\" is invalid: spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", "
      "\"Never\"" },
    { POD "{}", "Pod \"p\" is invalid: spec.containers: Required value" },
    { POD "{containers: [{image: i}]}", "Pod \"p\" is invalid: spec.containers[0].name: Required value" },
    { POD "{containers: [{name: c}]}", "Pod \"p\" is invalid: spec.containers[0].image: Required value" },
    { POD "{containers: [{name: c, image: i}, {name: c, image: i}]}",
      "Pod \"p\" is invalid: spec.containers[1].name: Duplicate value: \"c\"" },
    { POD "{containers: [{name: c, image: i, ports: [{containerPort: 70000}]}]}",
      "Pod \"p\" is invalid: spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and "
      "65535" },
    { POD "{containers: [{name: c, image: i, volumeMounts: [{name: v, mountPath: /x}]}]}",
      "Pod \"p\" is invalid: spec.containers[0].volumeMounts[0].name: Not found: \"v\"" },
    { POD "{volumes: [{name: v}], containers: [{name: c, image: i, volumeMounts: [{name: v, mountPath: /x, subPath: "
          "../../etc}]}]}",
      "Pod \"p\" is invalid: spec.containers[0].volumeMounts[0].subPath: Invalid value: \"../../etc\": must be a "
      "relative path without '..'" },
    { POD "{containers: [{name: c, image: i, readinessProbe: {periodSeconds: 1}}]}",
      "Pod \"p\" is invalid: spec.containers[0].readinessProbe: Required value: must specify a handler type (httpGet, "
      "tcpSocket or exec)" },
    { "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80}, {port: 81}]}",
      "Service \"s\" is invalid: spec.ports[0].name: Required value" },
    { "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {clusterIP: 10.0.0.1, ports: [{port: 80}]}",
      "Service \"s\" is invalid: spec.clusterIP: Invalid value: \"10.0.0.1\": addresses here are in 198.19.0.0/16; "
      "leave it out" },
    { INGRESS "{}", "Ingress.networking.k8s.io \"i\" is invalid: spec: Invalid value: either `defaultBackend` or "
                    "`rules` must be specified" },
    { INGRESS "{rules: [{http: {paths: [{path: /, backend: {service: {name: s, port: {number: 80}}}}]}}]}",
      "Ingress.networking.k8s.io \"i\" is invalid: spec.rules[0].http.paths[0].pathType: Required value: pathType must "
      "be specified" },
    /* what the local engine will not do */
    { POD "{hostNetwork: true, containers: [{name: c, image: i}]}",
      "Pod \"p\" is refused by the local engine: spec.hostNetwork: pods never share the host's network" },
    { POD "{containers: [{name: c, image: i, securityContext: {privileged: true}}]}",
      "Pod \"p\" is refused by the local engine: spec.containers[0].securityContext.privileged: containers are never "
      "privileged" },
    { POD "{volumes: [{name: v, hostPath: {path: /}}], containers: [{name: c, image: i}]}",
      "Pod \"p\" is refused by the local engine: spec.volumes[0].hostPath: volumes are emptyDir, configMap, secret, "
      "projected, downwardAPI or "
      "persistentVolumeClaim" },
    { POD "{containers: [{name: c, image: i, ports: [{containerPort: 80, hostPort: 80}]}]}",
      "Pod \"p\" is refused by the local engine: spec.containers[0].ports[0].hostPort: pods take no port of the host; "
      "use an Ingress" },
    { POD "{containers: [{name: c, image: i, securityContext: {capabilities: {add: [SYS_ADMIN]}}}]}",
      "Pod \"p\" is refused by the local engine: spec.containers[0].securityContext.capabilities.add[0]: only CHOWN, "
      "DAC_OVERRIDE, FOWNER, "
      "FSETID, KILL, SETGID, SETUID and NET_BIND_SERVICE can be had" },
    { DEPLOYMENT "{selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: "
                 "{shareProcessNamespace: true, containers: "
                 "[{name: c, image: i}]}}}",
      "Deployment \"d\" is refused by the local engine: spec.template.spec.shareProcessNamespace: containers of a pod "
      "do not share processes "
      "here" },
};

static void refuses(void **state)
{
    struct engine *x = *state;
    for (size_t i = 0; i < COUNT(refused); i++)
        assert_string_equal(engine_apply_error(x, refused[i].yaml), refused[i].error);
}

static void immutable_fields(void **state)
{
    struct engine *x = *state;
    struct value live;
    enum cluster_verb verb;
    struct err e = { 0 };
    const char *job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec: {template: {spec: {restartPolicy: "
                      "Never, containers: [{name: "
                      "c, image: 'i:%d'}]}}}";
    char first[400], second[400];
    snprintf(first, sizeof first, job, 1);
    snprintf(second, sizeof second, job, 2);
    assert_string_equal(engine_apply_error(x, first), "");
    assert_string_equal(engine_apply_error(x, second),
                        "Job.batch \"j\" is invalid: spec.template: Invalid value: field is immutable");
    struct value before = engine_get(x, "Job", "j"), doc = document(x, "Job", strstr(second, "spec:"));
    value_put_at(&x->a, &doc, "metadata.name", value_c("j"));
    const struct cluster_apply force = { .server_side = true, .force = true, .validate = true };
    assert_true(cluster_apply(x->c, &x->a, &doc, &force, &live, &verb, &e));
    assert_int_equal(verb, CLUSTER_CREATED);
    assert_false(str_eq(value_str_at(&before, "metadata.uid"), value_str_at(&live, "metadata.uid")));
}

static void verbs_and_dry_run(void **state)
{
    struct engine *x = *state;
    struct value live, doc;
    enum cluster_verb verb;
    struct err e = { 0 };
    struct cluster_apply o = { .server_side = true, .validate = true };
    assert_string_equal(engine_apply_error(x, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}"), "");
    doc = document(x, "ConfigMap", "data: {a: b}");
    assert_true(cluster_apply(x->c, &x->a, &doc, &o, &live, &verb, &e));
    assert_int_equal(verb, CLUSTER_CREATED);
    struct str version = value_str_at(&live, "metadata.resourceVersion");
    assert_true(cluster_apply(x->c, &x->a, &doc, &o, &live, &verb, &e));
    assert_int_equal(verb, CLUSTER_UNCHANGED);
    assert_true(str_eq(version, value_str_at(&live, "metadata.resourceVersion")));
    doc = document(x, "ConfigMap", "data: {a: c}");
    o.dry_run = true;
    assert_true(cluster_apply(x->c, &x->a, &doc, &o, &live, &verb, &e));
    assert_int_equal(verb, CLUSTER_CONFIGURED);
    struct value stored = engine_get(x, "ConfigMap", "n");
    assert_true(str_is(value_str_at(&stored, "data.a"), "b"));
    o = (struct cluster_apply){ .replace = true, .validate = true };
    doc = document(x, "ConfigMap", "data: {z: z}");
    assert_true(cluster_apply(x->c, &x->a, &doc, &o, &live, &verb, &e));
    assert_string_equal(json_str(&x->a, value_get(&live, "data"), 0).p, "{\"z\":\"z\"}");
}

static void generated_names(void **state)
{
    struct engine *x = *state;
    struct value live;
    enum cluster_verb verb;
    struct err e = { 0 };
    const struct cluster_apply o = { .validate = true };
    assert_string_equal(engine_apply_error(x, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}"), "");
    struct value doc = document(x, "ConfigMap", "metadata: {generateName: tests-}");
    value_del(value_get(&doc, "metadata"), "name");
    assert_true(cluster_apply(x->c, &x->a, &doc, &o, &live, &verb, &e));
    assert_true(str_starts(value_str_at(&live, "metadata.name"), S("tests-")));
    assert_int_equal(value_str_at(&live, "metadata.name").n, strlen("tests-") + 5);
}

static void addresses_are_distinct_and_stay(void **state)
{
    struct engine *x = *state;
    engine_apply(x, "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80}]}\n"
                    "---\napiVersion: v1\nkind: Service\nmetadata: {name: b}\nspec: {ports: [{port: 80}]}\n");
    struct value a = engine_get(x, "Service", "a"), b = engine_get(x, "Service", "b");
    assert_true(str_starts(value_str_at(&a, "spec.clusterIP"), S("198.19.")));
    assert_false(str_eq(value_str_at(&a, "spec.clusterIP"), value_str_at(&b, "spec.clusterIP")));
    engine_apply(x, "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 81}]}\n");
    struct value again = engine_get(x, "Service", "a");
    assert_true(str_eq(value_str_at(&a, "spec.clusterIP"), value_str_at(&again, "spec.clusterIP")));
}

static void kinds(void **state)
{
    struct engine *x = *state;
    struct cluster_kind k;
    struct err e = { 0 };
    assert_true(cluster_kind(x->c, S("apps"), S("Deployment"), &k, &e));
    assert_true(str_is(k.plural, "deployments") && k.namespaced && str_is(k.version, "v1"));
    assert_true(cluster_kind(x->c, S(""), S("Namespace"), &k, &e));
    assert_false(k.namespaced);
    assert_false(cluster_kind(x->c, S("example.com"), S("Widget"), &k, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_true(k.namespaced);
}

#define T(name) cmocka_unit_test_setup_teardown(name, engine_open, engine_close)

int main(void)
{
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = { T(merges_row),
                                        T(refuses),
                                        T(immutable_fields),
                                        T(verbs_and_dry_run),
                                        T(generated_names),
                                        T(addresses_are_distinct_and_stay),
                                        T(kinds) };
    return cmocka_run_group_tests_name("local apply", tests, NULL, NULL);
}
