/* ReplicaSets: as many pods of one template as wanted. */
#include "cluster/local/engine.h"

#define CREATE_MAX 50 /* pods made in one pass */

struct set_view {
    struct world *w;
    const struct value *doc;
    const struct value **pods; /* active ones */
    size_t n;
    int64_t ready, available;
    struct str failure;
};

static void collect_pods(struct set_view *v)
{
    size_t cursor = 0;
    struct str uid = value_str_at(v->doc, "metadata.uid");
    int64_t min_ready_ms = value_int_at(v->doc, "spec.minReadySeconds", 0) * 1000;
    v->pods = arena_new(v->w->a, const struct value *, value_len(&v->w->objects) + 1);
    for (const struct value *pod; (pod = world_next(v->w, "", "Pod", &cursor)) != NULL;) {
        if (!object_is_owned_by(pod, uid) || !pod_is_active(pod))
            continue;
        v->pods[v->n++] = pod;
        v->ready += pod_is_ready(pod);
        v->available += pod_is_available(v->w, pod, min_ready_ms);
    }
}

static void create_pods(struct set_view *v, int64_t n)
{
    for (int64_t i = 0; i < n && i < CREATE_MAX; i++) {
        struct err e = { 0 };
        struct value pod = pod_from_template(v->w->a, v->doc, value_at(v->doc, "spec.template"), S(""), &value_nil);
        if (pod_add(v->w, &pod, &e))
            continue;
        if (e.kind != ERR_CONFLICT)
            v->failure = arena_str(v->w->a, str_c(e.text));
        return;
    }
}

/* Pods that do not serve go first, then the youngest. */
static bool goes_before(const struct value *x, const struct value *y)
{
    if (pod_is_ready(x) != pod_is_ready(y))
        return !pod_is_ready(x);
    return str_cmp(value_str_at(x, "metadata.creationTimestamp"), value_str_at(y, "metadata.creationTimestamp")) > 0;
}

static void delete_pods(struct set_view *v, int64_t n)
{
    for (int64_t k = 0; k < n; k++) {
        size_t best = (size_t)k;
        for (size_t i = best + 1; i < v->n; i++)
            if (goes_before(v->pods[i], v->pods[best]))
                best = i;
        const struct value *pod = v->pods[best];
        v->pods[best] = v->pods[k];
        v->pods[k] = pod;
        struct err e = { 0 };
        if (!objects_delete(&v->w->l->objects, pod, &e))
            world_failed(v->w, "delete", pod, &e);
    }
}

static void write_status(struct set_view *v)
{
    struct arena *a = v->w->a;
    struct value status = value_map(a), conditions = value_list(a);
    value_set(a, &status, "replicas", value_int((int64_t)v->n));
    status_count(a, &status, "fullyLabeledReplicas", (int64_t)v->n);
    status_count(a, &status, "readyReplicas", v->ready);
    status_count(a, &status, "availableReplicas", v->available);
    value_set(a, &status, "observedGeneration", value_int(value_int_at(v->doc, "metadata.generation", 0)));
    if (v->failure.n > 0) {
        const struct value *old = condition_get(value_at(v->doc, "status.conditions"), "ReplicaFailure");
        if (!value_is(old, VALUE_NULL))
            list_push(a, conditions.list, value_clone(a, old));
        /* the name in the message is random: an unchanged cause must not be written again and again */
        if (!str_is(value_str_at(old, "status"), "True"))
            condition_set(a, &conditions, "ReplicaFailure", true, "FailedCreate", v->failure, v->w->now_ms);
        value_set(a, &status, "conditions", conditions);
        world_due(v->w, v->w->now_ms + 5000);
    }
    struct err e = { 0 };
    if (!objects_set_status(&v->w->l->objects, a, v->doc, &status, &e))
        world_failed(v->w, "status of", v->doc, &e);
}

static void reconcile_one(struct world *w, const struct value *doc)
{
    struct set_view v = { .w = w, .doc = doc };
    collect_pods(&v);
    int64_t missing = value_int_at(doc, "spec.replicas", 1) - (int64_t)v.n;
    if (missing > 0)
        create_pods(&v, missing);
    else
        delete_pods(&v, -missing);
    write_status(&v);
}

void replica_set_reconcile(struct world *w)
{
    size_t cursor = 0;
    for (const struct value *doc; (doc = world_next(w, "apps", "ReplicaSet", &cursor)) != NULL;)
        if (!object_is_deleting(doc))
            reconcile_one(w, doc);
}
