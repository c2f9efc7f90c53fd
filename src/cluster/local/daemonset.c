/* DaemonSets: there is one node, so one pod. */
#include "cluster/local/engine.h"

#define REVISION_LABEL "controller-revision-hash"

struct daemon_view {
    struct world *w;
    const struct value *doc;
    struct str revision;
    const struct value *pod; /* the one that counts, or NULL */
};

static bool is_current(const struct daemon_view *v)
{
    return str_eq(value_as_str(value_get(value_at(v->pod, "metadata.labels"), REVISION_LABEL)), v->revision);
}

static void find_pod(struct daemon_view *v)
{
    size_t cursor = 0;
    struct str uid = value_str_at(v->doc, "metadata.uid");
    for (const struct value *pod; (pod = world_next(v->w, "", "Pod", &cursor)) != NULL;)
        if (object_is_owned_by(pod, uid) && (v->pod == NULL || pod_is_active(pod)))
            v->pod = pod;
}

static void act(struct daemon_view *v)
{
    struct err e = { 0 };
    if (v->pod == NULL) {
        struct value labels = value_map(v->w->a);
        value_set(v->w->a, &labels, REVISION_LABEL, value_str(v->revision));
        struct value pod = pod_from_template(v->w->a, v->doc, value_at(v->doc, "spec.template"), S(""), &labels);
        if (!pod_add(v->w, &pod, &e))
            world_failed(v->w, "create a pod of", v->doc, &e);
        return;
    }
    bool by_hand = str_is(value_str_at(v->doc, "spec.updateStrategy.type"), "OnDelete");
    bool outdated = !is_current(v) && !by_hand;
    if ((outdated || !pod_is_active(v->pod)) && !object_is_deleting(v->pod)
        && !objects_delete(&v->w->l->objects, v->pod, &e))
        world_failed(v->w, "delete", v->pod, &e);
}

static void write_status(struct daemon_view *v)
{
    struct arena *a = v->w->a;
    struct value status = value_map(a);
    int64_t active = v->pod != NULL && pod_is_active(v->pod);
    int64_t ready = active && pod_is_available(v->w, v->pod, value_int_at(v->doc, "spec.minReadySeconds", 0) * 1000);
    value_set(a, &status, "observedGeneration", value_int(value_int_at(v->doc, "metadata.generation", 0)));
    value_set(a, &status, "desiredNumberScheduled", value_int(1));
    value_set(a, &status, "currentNumberScheduled", value_int(active));
    value_set(a, &status, "numberMisscheduled", value_int(0));
    value_set(a, &status, "numberReady", value_int(ready));
    status_count(a, &status, "numberAvailable", ready);
    status_count(a, &status, "numberUnavailable", 1 - ready);
    status_count(a, &status, "updatedNumberScheduled", active && is_current(v));
    struct err e = { 0 };
    if (!objects_set_status(&v->w->l->objects, a, v->doc, &status, &e))
        world_failed(v->w, "status of", v->doc, &e);
}

void daemon_set_reconcile(struct world *w)
{
    size_t cursor = 0;
    for (const struct value *doc; (doc = world_next(w, "apps", "DaemonSet", &cursor)) != NULL;) {
        struct daemon_view v = { .w = w, .doc = doc, .revision = template_hash(w->a, value_at(doc, "spec.template")) };
        if (object_is_deleting(doc))
            continue;
        find_pod(&v);
        act(&v);
        write_status(&v);
    }
}
