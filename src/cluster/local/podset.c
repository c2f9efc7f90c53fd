/* Pods as the controllers above them see and make them. */
#include "cluster/local/admit.h"
#include "cluster/local/engine.h"

#include "data/json.h"

bool pod_is_active(const struct value *pod)
{
    struct str phase = value_str_at(pod, "status.phase");
    return !object_is_deleting(pod) && !str_is(phase, "Succeeded") && !str_is(phase, "Failed");
}

static const struct value *ready_condition(const struct value *pod)
{
    return condition_get(value_at(pod, "status.conditions"), "Ready");
}

bool pod_is_ready(const struct value *pod)
{
    return str_is(value_str_at(ready_condition(pod), "status"), "True");
}

bool pod_is_available(struct world *w, const struct value *pod, int64_t min_ready_ms)
{
    int64_t since = 0;
    if (!pod_is_ready(pod))
        return false;
    if (min_ready_ms == 0)
        return true;
    if (!clock_parse_rfc3339(value_str_at(ready_condition(pod), "lastTransitionTime"), &since))
        return false;
    if (since + min_ready_ms <= w->now_ms)
        return true;
    world_due(w, since + min_ready_ms);
    return false;
}

struct str template_hash(struct arena *a, const struct value *template)
{
    /* the alphabet of Kubernetes: no vowels, so that no words appear in names */
    static const char digits[] = "bcdfghjklmnpqrstvwxz2456789";
    uint64_t h = str_hash(json_str(a, template, JSON_SORT_KEYS));
    char out[10];
    for (size_t i = 0; i < sizeof out; i++, h /= sizeof digits - 1)
        out[i] = digits[h % (sizeof digits - 1)];
    return arena_str(a, (struct str){ out, sizeof out });
}

static struct value owner_reference(struct arena *a, const struct value *owner)
{
    struct value ref = value_map(a), list = value_list(a);
    value_set(a, &ref, "apiVersion", *value_get(owner, "apiVersion"));
    value_set(a, &ref, "kind", *value_get(owner, "kind"));
    value_set(a, &ref, "name", *value_at(owner, "metadata.name"));
    value_set(a, &ref, "uid", *value_at(owner, "metadata.uid"));
    value_set(a, &ref, "controller", value_bool(true));
    value_set(a, &ref, "blockOwnerDeletion", value_bool(true));
    list_push(a, list.list, ref);
    return list;
}

static void add_labels(struct arena *a, const struct value *pod, const struct value *labels)
{
    if (!value_is(labels, VALUE_MAP))
        return;
    if (!value_is(value_at(pod, "metadata.labels"), VALUE_MAP))
        value_put_at(a, pod, "metadata.labels", value_map(a));
    const struct value *own = value_at(pod, "metadata.labels");
    for (size_t i = 0; i < labels->map->n; i++)
        map_put(a, own->map, labels->map->v[i].key, labels->map->v[i].value);
}

struct value pod_from_template(struct arena *a, const struct value *owner, const struct value *template,
                               struct str name, const struct value *labels)
{
    struct value pod = value_map(a);
    const struct value *meta = value_get(template, "metadata"), *spec = value_get(template, "spec");
    struct str prefix = value_str_at(owner, "metadata.name");
    value_set(a, &pod, "apiVersion", value_c("v1"));
    value_set(a, &pod, "kind", value_c("Pod"));
    value_set(a, &pod, "metadata", value_is(meta, VALUE_MAP) ? value_clone(a, meta) : value_map(a));
    value_set(a, &pod, "spec", value_is(spec, VALUE_MAP) ? value_clone(a, spec) : value_map(a));
    if (name.n == 0) /* 63 bytes: the name becomes the pod's host name */
        name = arena_fmt(a, "%.*s-%.*s", STR(str_slice(prefix, 0, 57)), STR(random_suffix(a, 5)));
    value_put_at(a, &pod, "metadata.name", value_str(name));
    value_put_at(a, &pod, "metadata.namespace", *value_at(owner, "metadata.namespace"));
    value_put_at(a, &pod, "metadata.ownerReferences", owner_reference(a, owner));
    value_put_at(a, &pod, "status.phase", value_c("Pending"));
    add_labels(a, &pod, labels);
    return pod;
}

/* As Kubernetes: a pod whose service account is missing is refused, and its controller says so. */
static bool check_service_account(struct world *w, const struct value *pod, struct err *e)
{
    struct str account = value_str_at(pod, "spec.serviceAccountName");
    if (account.n == 0 || str_is(account, "default") || world_find(w, "", "ServiceAccount", account) != NULL)
        return true;
    return err_set(
        e, ERR_DENIED,
        "pods \"%.*s\" is forbidden: error looking up service account %s/%.*s: serviceaccount \"%.*s\" not found",
        STR(value_str_at(pod, "metadata.name")), w->env->name, STR(account), STR(account));
}

bool pod_add(struct world *w, const struct value *pod, struct err *e)
{
    const struct kind_row *row = kind_find(S(""), S("Pod"));
    admit_defaults(w->a, row, pod);
    return check_service_account(w, pod, e) && admit_refusals(w->a, row, pod, e)
           && admit_validate(w->a, true, row, pod, e) && objects_create(&w->l->objects, w->a, pod, e);
}
