/*
 * The end of an Application: its resources, highest wave first, then the namespace that vitrine made for it, then the
 * document. Level- triggered: each pass removes what is there and waits for what is still leaving.
 */
#include "gitops/controller_internal.h"
#include "gitops/hooks.h"

enum { DELETION_LOOK_MS = 2000 };

bool deletion_begin(struct arena *a, struct store *s, const struct value *app, bool cascade, struct err *e)
{
    struct value doc = value_clone(a, app);
    struct store_key key = application_key(app);
    const struct value *metadata = value_get(&doc, "metadata");
    if (value_str_at(metadata, "deletionTimestamp").n > 0)
        return true;
    value_set_str(a, metadata, "deletionTimestamp", clock_rfc3339(a, clock_wall_ms()));
    if (!cascade)
        value_del(metadata, "finalizers");
    return store_put(a, s, &key, &doc, NULL, NULL, e);
}

static bool has_finalizer(const struct value *app)
{
    const struct value *finalizers = value_at(app, "metadata.finalizers");
    for (size_t i = 0; i < value_len(finalizers); i++)
        if (str_starts(value_as_str(value_item(finalizers, i)), S(APP_FINALIZER)))
            return true;
    return false;
}

static bool in_background(const struct value *app)
{
    const struct value *finalizers = value_at(app, "metadata.finalizers");
    for (size_t i = 0; i < value_len(finalizers); i++)
        if (str_is(value_as_str(value_item(finalizers, i)), APP_FINALIZER "/background"))
            return true;
    return false;
}

/* Kept: CRDs, Delete=false, helm.sh/resource-policy: keep. */
static bool is_kept(const struct value *app, const struct value *object)
{
    return str_is(value_as_str(value_get(object, "kind")), "CustomResourceDefinition")
           || resource_option(object, "Delete=false") || application_sync_option(app, "Delete=false")
           || str_is(application_annotation(object, "helm.sh/resource-policy"), "keep");
}

/* Everything that carries our tracking id in the namespace, hooks with their generated names included, and what is
 * known elsewhere. */
static bool gather(struct pass *p, struct value *out, struct err *e)
{
    struct str ns = application_namespace(&p->app), name = application_name(&p->app);
    struct cluster_key all = { .ns = ns };
    struct value listed = value_list(p->a), elsewhere, none = value_list(p->a), found = value_list(p->a);
    if (ns.n > 0 && !cluster_list(p->c->o.cluster, p->a, &all, &listed, e))
        return false;
    for (size_t i = 0; i < value_len(&listed); i++) {
        const struct value *object = value_item(&listed, i);
        bool hook = hook_is(object) && str_eq(tracking_owner(object), name);
        if ((hook || tracking_is_ours(p->a, name, object)) && !is_kept(&p->app, object))
            list_push(p->a, found.list, *object);
    }
    if (!compare_live(p->a, p->c->o.cluster, &p->app, &none, &elsewhere, e))
        return false;
    for (size_t i = 0; i < value_len(&elsewhere); i++) {
        const struct value *object = value_item(&elsewhere, i);
        bool here = str_eq(value_str_at(object, "metadata.namespace"), ns);
        if (!here && tracking_is_ours(p->a, name, object) && !is_kept(&p->app, object))
            list_push(p->a, found.list, *object);
    }
    *out = found;
    return true;
}

static int64_t highest_wave(const struct value *objects)
{
    int64_t highest = INT64_MIN;
    for (size_t i = 0; i < value_len(objects); i++)
        if (sync_wave(value_item(objects, i)) > highest)
            highest = sync_wave(value_item(objects, i));
    return highest;
}

/* True in *gone when nothing is left. */
static bool remove_resources(struct pass *p, bool *gone, struct err *e)
{
    struct value objects;
    enum cluster_propagation how = in_background(&p->app) ? CLUSTER_BACKGROUND : CLUSTER_FOREGROUND;
    if (!gather(p, &objects, e))
        return false;
    int64_t wave = highest_wave(&objects);
    for (size_t i = 0; i < value_len(&objects); i++) {
        const struct value *object = value_item(&objects, i);
        struct cluster_key k = { 0 };
        if (sync_wave(object) != wave || value_str_at(object, "metadata.deletionTimestamp").n > 0)
            continue;
        if (!cluster_key_of(object, &k, e) || !cluster_remove(p->c->o.cluster, &k, how, e))
            return false;
    }
    *gone = value_len(&objects) == 0;
    return true;
}

/* Somebody else's objects keep a namespace alive. */
static bool is_shared(struct pass *p, struct str ns, bool *shared, struct err *e)
{
    struct cluster_key all = { .ns = ns };
    struct value listed;
    struct str name = application_name(&p->app);
    if (!cluster_list(p->c->o.cluster, p->a, &all, &listed, e))
        return false;
    for (size_t i = 0; i < value_len(&listed); i++) {
        struct str owner = tracking_owner(value_item(&listed, i));
        *shared = *shared || (owner.n > 0 && !str_eq(owner, name));
    }
    return true;
}

static bool remove_namespace(struct pass *p, bool *gone, struct err *e)
{
    struct str ns = application_namespace(&p->app);
    struct cluster_key k = { .version = S("v1"), .kind = S("Namespace"), .name = ns };
    struct value object;
    bool shared = false;
    *gone = true;
    if (ns.n == 0)
        return true;
    if (!cluster_get(p->c->o.cluster, p->a, &k, &object, e))
        return e->kind == ERR_NOT_FOUND;
    if (!str_eq(application_annotation(&object, APP_ANNOTATION_NAMESPACE), application_name(&p->app)))
        return true; /* not made by us */
    if (!is_shared(p, ns, &shared, e))
        return false;
    *gone = shared;
    return shared || cluster_remove(p->c->o.cluster, &k, CLUSTER_FOREGROUND, e);
}

static int64_t finish(struct pass *p)
{
    struct store_key key = application_key(&p->app);
    struct err e = { 0 };
    struct str name = application_name(&p->app);
    preview_close(p, S("The environment was removed before it was ready"));
    if (!store_delete(p->c->o.store, &key, &e)
        || !store_kv_delete(p->c->o.store, arena_fmt(p->a, "stations/%.*s", STR(name)), &e)) {
        log_warn("delete application %.*s: %s", STR(name), e.text);
        return DELETION_LOOK_MS;
    }
    pass_event(p, "Normal", "Deleted", "Application and its environment are gone");
    if (p->c->o.on_app != NULL)
        p->c->o.on_app(p->c->o.user, &p->app, true);
    struct str set = application_annotation(&p->app, APP_ANNOTATION_SET);
    if (set.n > 0)
        queue_wake(p->c, set, true, WAKE_REFRESH); /* the request may have been opened again meanwhile */
    return -1;
}

static int64_t failed(struct pass *p, const struct err *cause)
{
    struct err e = { 0 };
    application_condition_set(p->a, &p->status, "DeletionError", str_c(cause->text), p->now_ms);
    if (!pass_save(p, &e) && e.kind != ERR_CONFLICT)
        log_warn("application %.*s: %s", STR(application_name(&p->app)), e.text);
    return DELETION_LOOK_MS;
}

int64_t deletion_pass(struct pass *p)
{
    bool gone = true;
    struct err e = { 0 };
    if (!has_finalizer(&p->app))
        return finish(p);
    if (!remove_resources(p, &gone, &e))
        return failed(p, &e);
    if (gone && !remove_namespace(p, &gone, &e))
        return failed(p, &e);
    return gone ? finish(p) : DELETION_LOOK_MS;
}
