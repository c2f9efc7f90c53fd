/* Differences that count and differences that do not. */
#include "../cmocka_all.h"
#include "data/yaml.h"
#include "gitops/compare.h"

#define WEB "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"

static struct row {
    const char *name, *target, *live, *ignore;
    bool modified;
} rows[] = {
    { "equal", WEB "spec: {replicas: 1}", WEB "spec: {replicas: 1}", NULL, false },
    { "other value", WEB "spec: {replicas: 2}", WEB "spec: {replicas: 1}", NULL, true },
    { "defaults of the server", WEB "spec: {replicas: 1}",
      WEB "spec: {replicas: 1, revisionHistoryLimit: 10}\nstatus: {replicas: 1}", NULL, false },
    { "missing in live", WEB "spec: {paused: true}", WEB "spec: {}", NULL, true },
    { "empty is not stored", WEB "spec: {paused: false, template: {metadata: {annotations: {}}}}", WEB "spec: {}", NULL,
      false },
    { "null is absent", WEB "spec: {strategy: null}", WEB "spec: {strategy: {type: Recreate}}", NULL, false },
    { "quantities",
      WEB "spec: {template: {spec: {containers: [{name: c, resources: {limits: {cpu: 1000m, memory: 1Gi}}}]}}}",
      WEB "spec: {template: {spec: {containers: [{name: c, resources: {limits: {cpu: '1', memory: 1024Mi}}}]}}}", NULL,
      false },
    { "lists by key", WEB "spec: {template: {spec: {containers: [{name: b}, {name: a}]}}}",
      WEB "spec: {template: {spec: {containers: [{name: a, image: x}, {name: b}, {name: injected}]}}}", NULL, false },
    { "item missing", WEB "spec: {template: {spec: {containers: [{name: b}]}}}",
      WEB "spec: {template: {spec: {containers: [{name: a}]}}}", NULL, true },
    { "ports", "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80, targetPort: http}]}",
      "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80, protocol: TCP, targetPort: http, "
      "nodePort: 1}]}",
      NULL, false },
    { "atomic list", "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, args: [a, b]}]}",
      "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, args: [a, b, c]}]}", NULL, true },
    { "lists of strangers are atomic",
      "apiVersion: x.example.com/v1\nkind: T\nmetadata: {name: t}\nspec: {env: [{name: a}]}",
      "apiVersion: x.example.com/v1\nkind: T\nmetadata: {name: t}\nspec: {env: [{name: a}, {name: b}]}", NULL, true },
    { "secret text", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: hello}",
      "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {k: aGVsbG8=}", NULL, false },
    { "ignored pointer", WEB "spec: {replicas: 2}", WEB "spec: {replicas: 1}",
      "[{group: apps, kind: Deployment, jsonPointers: [/spec/replicas]}]", false },
    { "ignored for another name", WEB "spec: {replicas: 2}", WEB "spec: {replicas: 1}",
      "[{group: apps, kind: Deployment, name: other, jsonPointers: [/spec/replicas]}]", true },
    { "ignored by jq", WEB "spec: {template: {spec: {containers: [{name: c, image: a}]}}}",
      WEB "spec: {template: {spec: {containers: [{name: c, image: b}]}}}",
      "[{group: '*', kind: '*', jqPathExpressions: ['.spec.template.spec.containers[].image']}]", false },
    { "no longer set, last applied", WEB "spec: {replicas: 1}",
      "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, annotations: "
      "{kubectl.kubernetes.io/last-applied-configuration: "
      "'{\"spec\":{\"paused\":true,\"replicas\":1}}'}}\nspec: {replicas: 1, paused: true}",
      NULL, true },
    { "no longer set, field manager", WEB "spec: {replicas: 1}",
      "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, managedFields: [{manager: argocd-controller, "
      "fieldsV1: {f:spec: "
      "{f:replicas: {}, f:paused: {}}}}]}\nspec: {replicas: 1, paused: true}",
      NULL, true },
    { "set by another manager", WEB "spec: {replicas: 1}",
      "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, managedFields: [{manager: someone, fieldsV1: "
      "{f:spec: "
      "{f:paused: {}}}}]}\nspec: {replicas: 1, paused: true}",
      NULL, false },
    { "env var dropped, field manager",
      WEB "spec: {template: {spec: {containers: [{name: c, env: [{name: A, value: x}]}]}}}",
      "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, managedFields: [{manager: argocd-controller, "
      "fieldsV1: {f:spec: "
      "{f:template: {f:spec: {f:containers: {'k:{\"name\":\"c\"}': {f:env: {'k:{\"name\":\"B\"}': {f:name: "
      "{}}}}}}}}}}]}\n"
      "spec: {template: {spec: {containers: [{name: c, env: [{name: A, value: x}, {name: B, value: y}]}]}}}",
      NULL, true },
};
enum { ROWS = sizeof rows / sizeof *rows };

static void compares_row(void **state)
{
    const struct row *r = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value target, live, ignore = value_null();
    struct err e = { 0 };
    if (!yaml_parse(&a, str_c(r->target), "target", &target, &e) || !yaml_parse(&a, str_c(r->live), "live", &live, &e)
        || (r->ignore != NULL && !yaml_parse(&a, str_c(r->ignore), "ignore", &ignore, &e)))
        fail_msg("%s", e.text);
    assert_int_equal(compare_modified(&a, &target, &live, &ignore), r->modified);
}

static void respects_ignored_fields(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value target, live, ignore;
    struct err e = { 0 };
    assert_true(yaml_parse(&a, S(WEB "spec: {x: 1}"), "t", &target, &e));
    assert_true(yaml_parse(&a, S(WEB "spec: {replicas: 7, x: 2}\nstatus: {s: 1}"), "l", &live, &e));
    assert_true(
        yaml_parse(&a, S("[{group: apps, kind: Deployment, jsonPointers: [/spec/replicas, /status/s, /spec/none]}]"),
                   "i", &ignore, &e));
    struct value out = compare_respect_ignored(&a, &target, &live, &ignore);
    assert_int_equal(value_int_at(&out, "spec.replicas", 0), 7);
    assert_int_equal(value_int_at(&out, "spec.x", 0), 1);
    assert_true(value_is(value_get(&out, "status"), VALUE_NULL));
    assert_true(value_is(value_at(&target, "spec.replicas"), VALUE_NULL));
}

static struct value docs(struct arena *a, const char *text)
{
    struct value v;
    struct err e = { 0 };
    if (!yaml_parse_all(a, str_c(text), "docs", &v, &e))
        fail_msg("%s", e.text);
    return v;
}

#define TRACKED(id) "annotations: {argocd.argoproj.io/tracking-id: '" id "'}"

static void judges_an_application(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value app, targets, live;
    struct compare_result r = { 0 };
    struct err e = { 0 };
    struct value apps = docs(&a, "metadata: {name: demo}\nspec: {destination: {namespace: ns}}");
    app = *value_item(&apps, 0);
    targets = docs(&a, "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: ns}\n---\n"
                       "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: ns}\n---\n"
                       "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: e2e-, namespace: ns, annotations: "
                       "{argocd.argoproj.io/hook: PostSync}}\n");
    live = docs(
        &a,
        "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: ns, " TRACKED(
            "demo:/Service:ns/web") "}\n---\n"
                                    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: old, namespace: ns, " TRACKED(
                                        "demo:/ConfigMap:ns/old") "}\n---\n"
                                                                  "apiVersion: v1\nkind: Endpoints\nmetadata: {name: "
                                                                  "web, namespace: ns, " TRACKED(
                                                                      "demo:/Service:ns/web") "}\n");
    assert_true(compare_application(&a, NULL, &app, &targets, &live, &r, &e));
    assert_int_equal(r.n, 3); /* the copied tracking id of Endpoints does not count, the hook neither */
    assert_int_equal(r.status, SYNC_OUTOFSYNC);
    assert_string_equal(arena_c(&a, r.v[0].key.name), "old");
    assert_true(r.v[0].requires_pruning);
    assert_int_equal(r.v[1].status, SYNC_SYNCED);
    assert_int_equal(r.v[2].health.status, HEALTH_MISSING);
    assert_int_equal(r.health.status, HEALTH_HEALTHY); /* what is missing does not make the application missing */
    struct value none = value_list(&a);
    assert_true(compare_application(&a, NULL, &app, &targets, &none, &r, &e));
    assert_int_equal(r.health.status, HEALTH_MISSING);
}

static void names_the_cause(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct compare_result r = { 0 };
    struct err e = { 0 };
    struct value apps = docs(&a, "metadata: {name: demo}"), none = value_list(&a);
    struct value live =
        docs(&a, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: ns, generation: 2, " TRACKED(
                     "demo:apps/Deployment:ns/web") "}\n");
    assert_true(compare_application(&a, NULL, value_item(&apps, 0), &none, &live, &r, &e));
    assert_int_equal(r.health.status, HEALTH_PROGRESSING);
    assert_string_equal(arena_c(&a, r.health.message), "Caused by apps/Deployment:ns/web");
}

int main(void)
{
    struct CMUnitTest tests[ROWS + 3];
    for (size_t i = 0; i < ROWS; i++)
        tests[i] = (struct CMUnitTest){ rows[i].name, compares_row, NULL, NULL, &rows[i] };
    tests[ROWS] = (struct CMUnitTest){ "respects ignored fields", respects_ignored_fields, NULL, NULL, NULL };
    tests[ROWS + 1] = (struct CMUnitTest){ "judges an application", judges_an_application, NULL, NULL, NULL };
    tests[ROWS + 2] = (struct CMUnitTest){ "names the cause", names_the_cause, NULL, NULL, NULL };
    return cmocka_run_group_tests_name("compare", tests, NULL, NULL);
}
