/* What there is to do: one task per object and phase, in the order of phase, wave, kind and name. */
#include <stdlib.h>

#include "gitops/sync_internal.h"

/* Argo CD's order. It began as Helm's, but neither follows the other: webhook configurations have no place in this one.
 */
static const char *const kind_order[] = {
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
};

int sync_kind_rank(struct str kind)
{
    for (size_t i = 0; i < COUNT(kind_order); i++)
        if (str_is(kind, kind_order[i]))
            return (int)i;
    return (int)COUNT(kind_order);
}

/* ---- order -------------------------------------------------------------------------------- */

static int compare_tasks(const void *x, const void *y)
{
    const struct sync_task *p = x, *q = y;
    if (p->phase != q->phase)
        return p->phase < q->phase ? -1 : 1;
    if (p->wave != q->wave)
        return p->wave < q->wave ? -1 : 1;
    int rank = sync_kind_rank(p->key.kind) - sync_kind_rank(q->key.kind);
    if (rank != 0)
        return rank;
    int order = str_cmp(p->key.name, q->key.name);
    return order != 0 ? order : str_cmp(p->key.kind, q->key.kind);
}

static bool lives_in(const struct sync_task *t, const struct sync_task *ns)
{
    return t->target != NULL && str_eq(t->key.ns, ns->key.name);
}

static bool is_of(const struct sync_task *t, const struct sync_task *crd)
{
    return t->target != NULL && str_eq(t->key.kind, value_str_at(crd->target, "spec.names.kind"))
           && str_eq(t->key.group, value_str_at(crd->target, "spec.group"));
}

/* Move task `from` in front of task `to` and let it take that one's phase and wave. */
static void move_before(sync_tasks *tasks, size_t from, size_t to)
{
    struct sync_task moved = tasks->v[from];
    moved.phase = tasks->v[to].phase;
    moved.wave = tasks->v[to].wave;
    memmove(&tasks->v[to + 1], &tasks->v[to], (from - to) * sizeof *tasks->v);
    tasks->v[to] = moved;
}

static void pull_forward(sync_tasks *tasks, const char *kind,
                         bool (*belongs)(const struct sync_task *t, const struct sync_task *owner))
{
    for (size_t i = 0; i < tasks->n; i++) {
        if (tasks->v[i].target == NULL || !str_is(tasks->v[i].key.kind, kind))
            continue;
        for (size_t k = 0; k < i; k++)
            if (belongs(&tasks->v[k], &tasks->v[i])) {
                move_before(tasks, i, k);
                break;
            }
    }
}

/* Prune waves run backwards: the lowest distinct wave takes the number of the highest, and so on. */
static void mirror_prune_waves(sync_tasks *tasks)
{
    int64_t waves[256];
    size_t n = 0;
    for (size_t i = 0; i < tasks->n; i++) {
        size_t k = 0;
        while (k < n && waves[k] != tasks->v[i].wave)
            k++;
        if (tasks->v[i].target == NULL && k == n && n < COUNT(waves))
            waves[n++] = tasks->v[i].wave;
    }
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && waves[k] < waves[k - 1]; k--) {
            int64_t swap = waves[k];
            waves[k] = waves[k - 1];
            waves[k - 1] = swap;
        }
    for (size_t i = 0; i < tasks->n; i++)
        for (size_t k = 0; tasks->v[i].target == NULL && k < n; k++)
            if (waves[k] == tasks->v[i].wave) {
                tasks->v[i].wave = waves[n - 1 - k];
                break;
            }
}

static void prune_last(sync_tasks *tasks, const struct value *app)
{
    bool all = application_sync_option(app, "PruneLast=true");
    int64_t last = 0;
    for (size_t i = 0; i < tasks->n; i++)
        if (tasks->v[i].phase == PHASE_SYNC && tasks->v[i].wave > last)
            last = tasks->v[i].wave;
    for (size_t i = 0; i < tasks->n; i++) {
        struct sync_task *t = &tasks->v[i];
        if (t->target == NULL && (all || resource_option(t->live, "PruneLast=true")))
            t->wave = last + 1;
    }
}

static void order_tasks(sync_tasks *tasks)
{
    if (tasks->n == 0)
        return;
    qsort(tasks->v, tasks->n, sizeof *tasks->v, compare_tasks);
    pull_forward(tasks, "Namespace", lives_in);
    pull_forward(tasks, "CustomResourceDefinition", is_of);
}

/* ---- building ----------------------------------------------------------------------------- */

static bool is_selected(const struct value *selected, const struct cluster_key *k)
{
    for (size_t i = 0; i < value_len(selected); i++) {
        const struct value *s = value_item(selected, i);
        struct str ns = value_str_at(s, "namespace");
        if (str_eq(value_str_at(s, "group"), k->group) && str_eq(value_str_at(s, "kind"), k->kind)
            && str_eq(value_str_at(s, "name"), k->name) && (ns.n == 0 || str_eq(ns, k->ns)))
            return true;
    }
    return false;
}

static void add_resources(struct sync_run *r)
{
    const struct value *selected = value_get(r->in->operation, "resources");
    for (size_t i = 0; i < r->in->compare->n; i++) {
        const struct compare_resource *x = &r->in->compare->v[i];
        const struct value *object = x->target != NULL ? x->target : x->live;
        if (x->hook || hook_is(object) || hook_is_skip(object) || (x->target == NULL && !x->requires_pruning)
            || (r->partial && !is_selected(selected, &x->key)))
            continue;
        *vec_push(r->a, &r->tasks) = (struct sync_task){ .phase = PHASE_SYNC,
                                                         .wave = sync_wave(object),
                                                         .key = x->key,
                                                         .target = x->target,
                                                         .live = x->live,
                                                         .modified = x->status != SYNC_SYNCED };
    }
}

/* A hook gets its name before it is applied; several phases are several tasks. */
static bool add_hook(struct sync_run *r, const struct value *target, enum sync_phase phase, struct err *e)
{
    struct value *named = arena_new(r->a, struct value, 1), *live = arena_new(r->a, struct value, 1);
    struct sync_task t = { .phase = phase, .wave = sync_wave(target), .hook = true, .modified = true };
    *named = value_clone(r->a, target);
    value_set_str(r->a, value_get(named, "metadata"), "name",
                  hook_name(r->a, target, r->in->revision, phase, r->in->started_ms));
    value_del(value_get(named, "metadata"), "generateName");
    if (!cluster_key_of(named, &t.key, e))
        return false;
    t.target = named;
    if (cluster_get(r->in->cluster, r->a, &t.key, live, e))
        t.live = live;
    else if (e->kind != ERR_NOT_FOUND)
        return false;
    if (phase == PHASE_SYNCFAIL)
        *vec_push(r->a, &r->on_fail) = t;
    else
        *vec_push(r->a, &r->tasks) = t;
    return true;
}

static bool add_hooks(struct sync_run *r, struct err *e)
{
    for (size_t i = 0; !r->without_hooks && i < value_len(r->in->targets); i++) {
        const struct value *target = value_item(r->in->targets, i);
        unsigned phases = hook_is(target) ? hook_phases(target) : 0;
        for (unsigned p = PHASE_PRESYNC; p <= PHASE_SYNCFAIL; p++)
            if ((phases & 1u << p) != 0 && !add_hook(r, target, (enum sync_phase)p, e))
                return false;
    }
    return true;
}

static struct value namespace_object(struct sync_run *r, struct str name)
{
    const struct value *managed = value_at(r->in->app, "spec.syncPolicy.managedNamespaceMetadata");
    struct value object = value_map(r->a), annotations = value_map(r->a);
    const struct value *given = value_get(managed, "annotations");
    for (size_t i = 0; value_is(given, VALUE_MAP) && i < given->map->n; i++)
        map_put(r->a, annotations.map, given->map->v[i].key, given->map->v[i].value);
    value_set_str(r->a, &annotations, APP_ANNOTATION_NAMESPACE, application_name(r->in->app));
    value_set_str(r->a, &object, "apiVersion", S("v1"));
    value_set_str(r->a, &object, "kind", S("Namespace"));
    value_put_at(r->a, &object, "metadata.name", value_str(name));
    if (value_is(value_get(managed, "labels"), VALUE_MAP))
        value_put_at(r->a, &object, "metadata.labels", *value_get(managed, "labels"));
    value_put_at(r->a, &object, "metadata.annotations", annotations);
    return object;
}

static bool defines_namespace(const struct value *targets, struct str name)
{
    for (size_t i = 0; i < value_len(targets); i++) {
        const struct value *t = value_item(targets, i);
        if (str_is(value_as_str(value_get(t, "kind")), "Namespace") && str_eq(value_str_at(t, "metadata.name"), name))
            return true;
    }
    return false;
}

/* CreateNamespace=true: a task of its own while the namespace is missing, so that it comes before everything else. */
static bool add_namespace(struct sync_run *r, struct err *e)
{
    struct str name = application_namespace(r->in->app);
    struct cluster_key k = { .version = S("v1"), .kind = S("Namespace"), .name = name };
    struct value live, *object = arena_new(r->a, struct value, 1);
    if (!application_sync_option(r->in->app, "CreateNamespace=true") || name.n == 0
        || defines_namespace(r->in->targets, name))
        return true;
    if (cluster_get(r->in->cluster, r->a, &k, &live, e)) {
        r->namespace_leaving = value_str_at(&live, "metadata.deletionTimestamp").n > 0;
        return true;
    }
    if (e->kind != ERR_NOT_FOUND)
        return false;
    *object = namespace_object(r, name);
    r->namespace_task = (struct sync_task){ .phase = PHASE_PRESYNC, .key = k, .target = object, .modified = true };
    r->has_namespace_task = true;
    return true;
}

bool sync_build_tasks(struct sync_run *r, struct err *e)
{
    const struct value *strategy = value_get(r->in->operation, "syncStrategy");
    r->partial = value_len(value_get(r->in->operation, "resources")) > 0;
    r->without_hooks = r->partial || value_is(value_get(strategy, "apply"), VALUE_MAP);
    add_resources(r);
    mirror_prune_waves(&r->tasks);
    prune_last(&r->tasks, r->in->app);
    if (!add_hooks(r, e) || !add_namespace(r, e))
        return false;
    order_tasks(&r->tasks);
    order_tasks(&r->on_fail);
    return true;
}
