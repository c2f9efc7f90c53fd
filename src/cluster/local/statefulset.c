/* StatefulSets: pods with ordinals, made and replaced in order; claims of the templates belong to the ordinal. */
#include "cluster/local/admit.h"
#include "cluster/local/engine.h"

#define REVISION_LABEL "controller-revision-hash"
#define ORDINAL_LABEL "apps.kubernetes.io/pod-index"
#define REPLICAS_MAX 200

struct stateful_view {
    struct world *w;
    const struct value *doc, *spec;
    struct str revision;
    int64_t replicas;
    const struct value *pods[REPLICAS_MAX]; /* by ordinal; NULL: none */
    int64_t existing, ready, updated;
};

/* "web-3" of "web" is 3; -1 for another pod. */
static int64_t ordinal_of(const struct stateful_view *v, const struct value *pod)
{
    struct str set = value_str_at(v->doc, "metadata.name"), name = value_str_at(pod, "metadata.name");
    int64_t n;
    if (!str_starts(name, set) || name.n <= set.n + 1 || !str_to_int(str_slice(name, set.n + 1, name.n), &n))
        return -1;
    return n >= 0 && n < REPLICAS_MAX ? n : -1;
}

static bool is_current(const struct stateful_view *v, const struct value *pod)
{
    return str_eq(value_as_str(value_get(value_at(pod, "metadata.labels"), REVISION_LABEL)), v->revision);
}

static void collect_pods(struct stateful_view *v)
{
    size_t cursor = 0;
    struct str uid = value_str_at(v->doc, "metadata.uid");
    for (const struct value *pod; (pod = world_next(v->w, "", "Pod", &cursor)) != NULL;) {
        int64_t n = ordinal_of(v, pod);
        if (n < 0 || !object_is_owned_by(pod, uid))
            continue;
        v->pods[n] = pod;
        if (!pod_is_active(pod))
            continue;
        v->existing++;
        v->ready += pod_is_ready(pod);
        v->updated += is_current(v, pod);
    }
}

static struct str claim_name(struct arena *a, const struct value *template, struct str pod)
{
    return arena_fmt(a, "%.*s-%.*s", STR(value_str_at(template, "metadata.name")), STR(pod));
}

/* One claim per template and ordinal, and the pod's volume of the template's name points to it. Claims outlive the set.
 */
static bool bind_claims(struct stateful_view *v, const struct value *pod, struct err *e)
{
    struct arena *a = v->w->a;
    struct str name = value_str_at(pod, "metadata.name");
    const struct value *templates = value_get(v->spec, "volumeClaimTemplates"),
                       *volumes = value_at(pod, "spec.volumes");
    struct value list = value_is(volumes, VALUE_LIST) ? *volumes : value_list(a);
    for (size_t i = 0; i < value_len(templates); i++) {
        struct str claim = claim_name(a, value_item(templates, i), name);
        struct value volume = value_map(a);
        value_set(a, &volume, "name", *value_at(value_item(templates, i), "metadata.name"));
        value_put_at(a, &volume, "persistentVolumeClaim.claimName", value_str(claim));
        list_push(a, list.list, volume);
        if (world_find(v->w, "", "PersistentVolumeClaim", claim) != NULL)
            continue;
        struct value doc = value_clone(a, value_item(templates, i));
        value_set(a, &doc, "apiVersion", value_c("v1"));
        value_set(a, &doc, "kind", value_c("PersistentVolumeClaim"));
        value_put_at(a, &doc, "metadata.name", value_str(claim));
        value_put_at(a, &doc, "metadata.namespace", *value_at(v->doc, "metadata.namespace"));
        admit_defaults(a, kind_find(S(""), S("PersistentVolumeClaim")), &doc);
        if (!objects_create(&v->w->l->objects, a, &doc, e))
            return false;
    }
    if (list.list->n > 0)
        value_put_at(a, pod, "spec.volumes", list);
    return true;
}

static void create_pod(struct stateful_view *v, int64_t ordinal)
{
    struct arena *a = v->w->a;
    struct value labels = value_map(a);
    struct err e = { 0 };
    struct str name = arena_fmt(a, "%.*s-%lld", STR(value_str_at(v->doc, "metadata.name")), (long long)ordinal);
    value_set(a, &labels, REVISION_LABEL, value_str(v->revision));
    value_set(a, &labels, ORDINAL_LABEL, value_fmt(a, "%lld", (long long)ordinal));
    value_set(a, &labels, "statefulset.kubernetes.io/pod-name", value_str(name));
    struct value pod = pod_from_template(a, v->doc, value_get(v->spec, "template"), name, &labels);
    value_put_at(a, &pod, "spec.hostname", value_str(name));
    if (!bind_claims(v, &pod, &e) || !pod_add(v->w, &pod, &e))
        world_failed(v->w, "create a pod of", v->doc, &e);
}

static void delete_pod(struct stateful_view *v, const struct value *pod)
{
    struct err e = { 0 };
    if (!object_is_deleting(pod) && !objects_delete(&v->w->l->objects, pod, &e))
        world_failed(v->w, "delete", pod, &e);
}

/* From 0 upwards: make what is missing; in order, each waits until the one before is ready. True when all are there and
 * ready. */
static bool fill(struct stateful_view *v)
{
    bool parallel = str_is(value_str_at(v->spec, "podManagementPolicy"), "Parallel"), complete = true;
    for (int64_t i = 0; i < v->replicas; i++) {
        const struct value *pod = v->pods[i];
        if (pod == NULL)
            create_pod(v, i);
        else if (!pod_is_active(pod))
            delete_pod(v, pod);
        if (pod != NULL && pod_is_active(pod) && pod_is_ready(pod))
            continue;
        complete = false;
        if (!parallel)
            return false;
    }
    return complete;
}

/* From the highest ordinal downwards: first what is too much, then what is outdated; one at a time. */
static void shrink_and_update(struct stateful_view *v, bool complete)
{
    for (int64_t i = REPLICAS_MAX - 1; i >= v->replicas; i--)
        if (v->pods[i] != NULL) {
            delete_pod(v, v->pods[i]);
            return;
        }
    int64_t partition = value_int_at(v->spec, "updateStrategy.rollingUpdate.partition", 0);
    if (str_is(value_str_at(v->spec, "updateStrategy.type"), "OnDelete"))
        return;
    for (int64_t i = v->replicas - 1; i >= partition; i--) {
        const struct value *pod = v->pods[i];
        /* an outdated pod that never got ready must not block its own replacement */
        if (pod != NULL && !is_current(v, pod) && (complete || !pod_is_ready(pod))) {
            delete_pod(v, pod);
            return;
        }
    }
}

static void write_status(struct stateful_view *v)
{
    struct arena *a = v->w->a;
    struct value status = value_map(a);
    struct str name = value_str_at(v->doc, "metadata.name"), current = value_str_at(v->doc, "status.currentRevision");
    struct str update = arena_fmt(a, "%.*s-%.*s", STR(name), STR(v->revision));
    bool done = v->updated == v->replicas && v->existing == v->replicas;
    if (current.n == 0 || done)
        current = update;
    value_set(a, &status, "observedGeneration", value_int(value_int_at(v->doc, "metadata.generation", 0)));
    value_set(a, &status, "replicas", value_int(v->existing));
    status_count(a, &status, "readyReplicas", v->ready);
    value_set(a, &status, "availableReplicas", value_int(v->ready));
    status_count(a, &status, "updatedReplicas", v->updated);
    status_count(a, &status, "currentReplicas", str_eq(current, update) ? v->updated : v->existing - v->updated);
    value_set(a, &status, "currentRevision", value_str(current));
    value_set(a, &status, "updateRevision", value_str(update));
    struct err e = { 0 };
    if (!objects_set_status(&v->w->l->objects, a, v->doc, &status, &e))
        world_failed(v->w, "status of", v->doc, &e);
}

static void reconcile_one(struct world *w, const struct value *doc)
{
    struct stateful_view v = { .w = w, .doc = doc, .spec = value_get(doc, "spec") };
    int64_t wanted = value_int_at(v.spec, "replicas", 1);
    v.replicas = wanted < REPLICAS_MAX ? wanted : REPLICAS_MAX;
    v.revision = template_hash(w->a, value_get(v.spec, "template"));
    collect_pods(&v);
    shrink_and_update(&v, fill(&v));
    write_status(&v);
}

void stateful_set_reconcile(struct world *w)
{
    size_t cursor = 0;
    for (const struct value *doc; (doc = world_next(w, "apps", "StatefulSet", &cursor)) != NULL;)
        if (!object_is_deleting(doc))
            reconcile_one(w, doc);
}
