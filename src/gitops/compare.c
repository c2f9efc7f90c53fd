/* Pairing wanted and live objects, and what follows for the application. */
#include <stdlib.h>

#include "gitops/compare_internal.h"
#include "gitops/hooks.h"

const char *sync_status_name(enum sync_status s)
{
    static const char *const names[] = { "Unknown", "Synced", "OutOfSync" };
    return names[s];
}

static bool key_eq(const struct cluster_key *x, const struct cluster_key *y)
{
    return str_eq(x->group, y->group) && str_eq(x->kind, y->kind) && str_eq(x->ns, y->ns) && str_eq(x->name, y->name);
}

/* Namespaced unless the destination says otherwise; unknown kinds count as namespaced. */
static bool is_namespaced(struct cluster *c, const struct value *object)
{
    struct cluster_key k = { 0 };
    struct cluster_kind kind = { 0 };
    struct err ignored = { 0 };
    struct str rest = value_as_str(value_get(object, "apiVersion")), head;
    k.kind = value_as_str(value_get(object, "kind"));
    k.group = str_split(&rest, S("/"), &head) ? head : (struct str){ "", 0 };
    return !cluster_kind(c, k.group, k.kind, &kind, &ignored) || kind.namespaced;
}

struct value compare_place(struct arena *a, struct cluster *c, const struct value *targets, struct str ns)
{
    struct value placed = value_list(a);
    for (size_t i = 0; i < value_len(targets); i++) {
        struct value doc = value_clone(a, value_item(targets, i));
        const struct value *metadata = value_get(&doc, "metadata");
        if (!is_namespaced(c, &doc))
            value_del(metadata, "namespace");
        else if (value_str_at(metadata, "namespace").n == 0)
            value_set_str(a, metadata, "namespace", ns);
        list_push(a, placed.list, doc);
    }
    return placed;
}

/* ---- live objects ------------------------------------------------------------------------- */

static bool is_excluded(const struct cluster_key *k)
{
    return (k->group.n == 0 && str_is(k->kind, "Event")) || str_is(k->group, "events.k8s.io")
           || str_is(k->group, "metrics.k8s.io")
           || (str_is(k->group, "coordination.k8s.io") && str_is(k->kind, "Lease"));
}

static const struct value *find_object(const struct value *list, const struct cluster_key *k)
{
    struct err ignored = { 0 };
    for (size_t i = 0; i < value_len(list); i++) {
        struct cluster_key other = { 0 };
        if (cluster_key_of(value_item(list, i), &other, &ignored) && key_eq(&other, k))
            return value_item(list, i);
    }
    return NULL;
}

/* An object outside the application's namespace is looked up by name. */
static bool add_elsewhere(struct arena *a, struct cluster *c, struct str ns, const struct cluster_key *k,
                          const struct value *into, struct err *e)
{
    struct value object;
    if (k->name.n == 0 || (k->ns.n > 0 && str_eq(k->ns, ns)) || find_object(into, k) != NULL)
        return true;
    if (cluster_get(c, a, k, &object, e)) {
        list_push(a, into->list, object);
        return true;
    }
    return e->kind == ERR_NOT_FOUND;
}

bool compare_live(struct arena *a, struct cluster *c, const struct value *app, const struct value *targets,
                  struct value *out, struct err *e)
{
    struct str ns = application_namespace(app), name = application_name(app);
    struct cluster_key all = { .ns = ns };
    const struct value *known = value_at(app, "status.resources");
    struct value listed = value_list(a), live = value_list(a);
    if (ns.n > 0 && !cluster_list(c, a, &all, &listed, e))
        return false;
    for (size_t i = 0; i < value_len(&listed); i++) {
        const struct value *object = value_item(&listed, i);
        struct cluster_key k = { 0 };
        struct err ignored = { 0 };
        if (cluster_key_of(object, &k, &ignored) && !is_excluded(&k)
            && (tracking_is_ours(a, name, object) || find_object(targets, &k) != NULL))
            list_push(a, live.list, *object);
    }
    for (size_t i = 0; i < value_len(targets); i++) {
        struct cluster_key k = { 0 };
        struct err ignored = { 0 };
        if (cluster_key_of(value_item(targets, i), &k, &ignored) && !add_elsewhere(a, c, ns, &k, &live, e))
            return false;
    }
    for (size_t i = 0; i < value_len(known); i++) { /* what was ours before and left the manifests */
        const struct value *r = value_item(known, i);
        struct cluster_key k = { value_str_at(r, "group"), value_str_at(r, "version"), value_str_at(r, "kind"),
                                 value_str_at(r, "namespace"), value_str_at(r, "name") };
        if (!add_elsewhere(a, c, ns, &k, &live, e))
            return false;
    }
    *out = live;
    return true;
}

/* ---- pairing ------------------------------------------------------------------------------ */

typedef VEC(struct compare_resource) resources;
typedef VEC(struct str) warnings;

struct comparison {
    struct arena *a;
    const struct value *app;
    resources pairs;
    warnings repeated, shared;
};

static struct compare_resource *find_pair(resources *pairs, const struct cluster_key *k)
{
    for (size_t i = 0; i < pairs->n; i++)
        if (key_eq(&pairs->v[i].key, k))
            return &pairs->v[i];
    return NULL;
}

static size_t times_wanted(const struct value *targets, const struct cluster_key *k)
{
    size_t n = 0;
    struct err ignored = { 0 };
    for (size_t i = 0; i < value_len(targets); i++) {
        struct cluster_key other = { 0 };
        n += cluster_key_of(value_item(targets, i), &other, &ignored) && key_eq(&other, k);
    }
    return n;
}

static void add_target(struct comparison *c, const struct value *targets, const struct value *target)
{
    struct cluster_key k = { 0 };
    struct err ignored = { 0 };
    if (hook_is(target) || !cluster_key_of(target, &k, &ignored) || is_excluded(&k))
        return;
    struct compare_resource *pair = find_pair(&c->pairs, &k);
    if (pair != NULL) { /* the last one is kept */
        pair->target = target;
        return;
    }
    size_t times = times_wanted(targets, &k);
    if (times > 1)
        *vec_push(c->a, &c->repeated) =
            arena_fmt(c->a, "Resource %.*s/%.*s/%.*s/%.*s appeared %zu times among application resources.",
                      STR(k.group), STR(k.kind), STR(k.ns), STR(k.name), times);
    *vec_push(c->a, &c->pairs) = (struct compare_resource){ .key = k, .target = target };
}

static void note_shared(struct comparison *c, const struct compare_resource *pair)
{
    struct str owner = tracking_owner(pair->live), name = application_name(c->app);
    if (owner.n > 0 && !str_eq(owner, name))
        *vec_push(c->a, &c->shared) = arena_fmt(c->a, "%.*s/%.*s is part of applications %.*s and %.*s",
                                                STR(pair->key.kind), STR(pair->key.name), STR(name), STR(owner));
}

static void add_live(struct comparison *c, const struct value *object)
{
    struct cluster_key k = { 0 };
    struct err ignored = { 0 };
    if (!cluster_key_of(object, &k, &ignored))
        return;
    struct compare_resource *pair = find_pair(&c->pairs, &k);
    if (pair != NULL) {
        pair->live = object;
        note_shared(c, pair);
    } else if (tracking_is_ours(c->a, application_name(c->app), object)) {
        *vec_push(c->a, &c->pairs) = (struct compare_resource){ .key = k, .live = object };
    }
}

/* ---- judging ------------------------------------------------------------------------------ */

static bool has_compare_option(const struct value *object, const char *option)
{
    struct str list = application_annotation(object, "argocd.argoproj.io/compare-options"), entry;
    while (list.n > 0) {
        str_split(&list, S(","), &entry);
        if (str_is(str_trim(entry), option))
            return true;
    }
    return false;
}

static void judge(struct comparison *c, struct compare_resource *r)
{
    const struct value *object = r->live != NULL ? r->live : r->target;
    r->hook = hook_is(object) && r->target == NULL;
    r->counted = !r->hook && !hook_is_skip(object);
    r->health = r->live != NULL ? health_of(c->a, r->live) : (struct health){ HEALTH_MISSING, { "", 0 } };
    r->requires_pruning = r->live != NULL && r->target == NULL && r->counted;
    bool same = r->live != NULL && r->target != NULL
                && !compare_modified(c->a, r->target, r->live, value_at(c->app, "spec.ignoreDifferences"));
    r->status = same ? SYNC_SYNCED : SYNC_OUTOFSYNC;
    if (r->requires_pruning && has_compare_option(r->live, "IgnoreExtraneous"))
        r->counted = false;
}

static int by_key(const void *x, const void *y)
{
    const struct compare_resource *p = x, *q = y;
    int order = str_cmp(p->key.group, q->key.group);
    if (order == 0)
        order = str_cmp(p->key.kind, q->key.kind);
    if (order == 0)
        order = str_cmp(p->key.ns, q->key.ns);
    return order != 0 ? order : str_cmp(p->key.name, q->key.name);
}

static bool counts_for_health(const struct compare_resource *r)
{
    const struct value *object = r->live != NULL ? r->live : r->target;
    return !r->hook && r->live != NULL && r->health.status != HEALTH_NONE && r->health.status != HEALTH_MISSING
           && !hook_is_skip(object)
           && !str_is(application_annotation(object, "argocd.argoproj.io/ignore-healthcheck"), "true");
}

static struct str caused_by(struct arena *a, const struct compare_result *r, enum health_status worst)
{
    struct buf text = { .a = a };
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) {
        const struct compare_resource *x = &r->v[i];
        if (!counts_for_health(x) || x->health.status != worst)
            continue;
        if (n++ < 3)
            buf_fmt(&text, "%s%.*s%s%.*s:%.*s%s%.*s", n > 1 ? ", " : "Caused by ", STR(x->key.group),
                    x->key.group.n > 0 ? "/" : "", STR(x->key.kind), STR(x->key.ns), x->key.ns.n > 0 ? "/" : "",
                    STR(x->key.name));
    }
    if (n > 3)
        buf_fmt(&text, " and %zu more", n - 3);
    return buf_str(&text);
}

static struct health application_health(struct arena *a, const struct compare_result *r)
{
    enum health_status worst = HEALTH_HEALTHY;
    size_t resources_n = 0, present = 0;
    for (size_t i = 0; i < r->n; i++) {
        resources_n += !r->v[i].hook;
        present += !r->v[i].hook && r->v[i].live != NULL;
        if (counts_for_health(&r->v[i]) && r->v[i].health.status > worst)
            worst = r->v[i].health.status;
    }
    if (resources_n > 0 && present == 0)
        return (struct health){ HEALTH_MISSING, { "", 0 } };
    struct str message = { "", 0 };
    if (worst != HEALTH_HEALTHY)
        message = caused_by(a, r, worst);
    return (struct health){ worst, message };
}

bool compare_application(struct arena *a, struct cluster *c, const struct value *app, const struct value *targets,
                         const struct value *live, struct compare_result *out, struct err *e)
{
    struct comparison job = { .a = a, .app = app };
    (void)c;
    if (!value_is(targets, VALUE_LIST) || !value_is(live, VALUE_LIST))
        return err_set(e, ERR_INVALID, "Failed to compare desired state to live state: no lists of objects");
    for (size_t i = 0; i < value_len(targets); i++)
        add_target(&job, targets, value_item(targets, i));
    for (size_t i = 0; i < value_len(live); i++)
        add_live(&job, value_item(live, i));
    struct compare_result r = { .v = job.pairs.v, .n = job.pairs.n, .status = SYNC_SYNCED };
    for (size_t i = 0; i < r.n; i++) {
        judge(&job, &r.v[i]);
        if (r.v[i].counted && r.v[i].status == SYNC_OUTOFSYNC)
            r.status = SYNC_OUTOFSYNC;
    }
    if (r.n > 0)
        qsort(r.v, r.n, sizeof *r.v, by_key);
    r.health = application_health(a, &r);
    r.repeated = job.repeated.v;
    r.n_repeated = job.repeated.n;
    r.shared = job.shared.v;
    r.n_shared = job.shared.n;
    *out = r;
    return true;
}
