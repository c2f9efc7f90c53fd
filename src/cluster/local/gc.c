/* Garbage collection: dependents whose owners are gone, owners that wait for dependents, namespaces that empty
 * themselves. */
#include "cluster/local/engine.h"

/* An owner in the same namespace, or one without a namespace. */
static bool owner_exists(struct world *w, const struct value *reference)
{
    struct str uid = value_str_at(reference, "uid");
    for (size_t i = 0; i < value_len(&w->objects); i++)
        if (str_eq(value_str_at(value_item(&w->objects, i), "metadata.uid"), uid))
            return true;
    struct str version = value_str_at(reference, "apiVersion"), group = { "", 0 };
    ptrdiff_t slash = str_find(version, S("/"));
    if (slash > 0)
        group = str_slice(version, 0, (size_t)slash);
    if (objects_namespaced(&w->l->objects, group, value_str_at(reference, "kind")))
        return false;
    struct value owner;
    struct err e = { 0 };
    const struct cluster_key k = { group, S(""), value_str_at(reference, "kind"), S(""),
                                   value_str_at(reference, "name") };
    if (!objects_get(&w->l->objects, w->a, &k, &owner, &e))
        return e.kind != ERR_NOT_FOUND; /* when in doubt it lives */
    return str_eq(value_str_at(&owner, "metadata.uid"), uid);
}

static bool is_abandoned(struct world *w, const struct value *doc)
{
    const struct value *owners = value_at(doc, "metadata.ownerReferences");
    for (size_t i = 0; i < value_len(owners); i++)
        if (owner_exists(w, value_item(owners, i)))
            return false;
    return value_len(owners) > 0;
}

static bool has_finalizer(const struct value *doc, const char *name)
{
    const struct value *list = value_at(doc, "metadata.finalizers");
    for (size_t i = 0; i < value_len(list); i++)
        if (str_is(value_as_str(value_item(list, i)), name))
            return true;
    return false;
}

static void remove_finalizer(struct world *w, const struct value *doc, const char *name)
{
    struct value kept = value_list(w->a);
    const struct value *list = value_at(doc, "metadata.finalizers");
    for (size_t i = 0; i < value_len(list); i++)
        if (!str_is(value_as_str(value_item(list, i)), name))
            list_push(w->a, kept.list, *value_item(list, i));
    struct value next = value_clone(w->a, doc);
    value_put_at(w->a, &next, "metadata.finalizers", kept);
    struct err e = { 0 };
    if (!objects_put(&w->l->objects, w->a, &next, &e))
        world_failed(w, "finish deletion of", doc, &e);
}

static void delete_object(struct world *w, const struct value *doc)
{
    struct err e = { 0 };
    if (!object_is_deleting(doc) && !objects_delete(&w->l->objects, doc, &e))
        world_failed(w, "delete", doc, &e);
}

/* Foreground: dependents go first, then the owner. */
static void delete_dependents_first(struct world *w, const struct value *owner)
{
    struct str uid = value_str_at(owner, "metadata.uid");
    bool left = false;
    for (size_t i = 0; i < value_len(&w->objects); i++) {
        const struct value *doc = value_item(&w->objects, i);
        if (!object_is_owned_by(doc, uid))
            continue;
        left = true;
        struct cluster_key k = object_key(doc);
        struct err e = { 0 };
        if (!object_is_deleting(doc) && !objects_remove(&w->l->objects, &k, CLUSTER_FOREGROUND, &e))
            world_failed(w, "delete", doc, &e);
    }
    if (!left)
        remove_finalizer(w, owner, "foregroundDeletion");
}

/* Orphaning: dependents lose the reference, then the owner goes. */
static void release_dependents(struct world *w, const struct value *owner)
{
    struct str uid = value_str_at(owner, "metadata.uid");
    for (size_t i = 0; i < value_len(&w->objects); i++) {
        const struct value *doc = value_item(&w->objects, i), *owners = value_at(doc, "metadata.ownerReferences");
        struct value kept = value_list(w->a), next = value_clone(w->a, doc);
        struct err e = { 0 };
        if (!object_is_owned_by(doc, uid))
            continue;
        for (size_t j = 0; j < value_len(owners); j++)
            if (!str_eq(value_str_at(value_item(owners, j), "uid"), uid))
                list_push(w->a, kept.list, *value_item(owners, j));
        value_put_at(w->a, &next, "metadata.ownerReferences", kept);
        if (!objects_put(&w->l->objects, w->a, &next, &e)) {
            world_failed(w, "release", doc, &e);
            return;
        }
    }
    remove_finalizer(w, owner, "orphan");
}

/* What still holds the namespace, in words, for its status. */
static void namespace_remaining(struct world *w)
{
    struct value status = status_copy(w->a, &w->ns), conditions = value_list(w->a);
    size_t finalizers = 0;
    for (size_t i = 0; i < value_len(&w->objects); i++)
        finalizers += value_len(value_at(value_item(&w->objects, i), "metadata.finalizers")) > 0;
    const struct value *old = value_get(&status, "conditions");
    for (size_t i = 0; i < value_len(old); i++)
        list_push(w->a, conditions.list, *value_item(old, i));
    condition_set(w->a, &conditions, "NamespaceContentRemaining", true, "SomeResourcesRemain",
                  arena_fmt(w->a, "%zu objects are still there", value_len(&w->objects)), w->now_ms);
    condition_set(w->a, &conditions, "NamespaceFinalizersRemaining", finalizers > 0,
                  finalizers > 0 ? "SomeFinalizersRemain" : "ContentHasNoFinalizers",
                  arena_fmt(w->a, "%zu objects have finalizers", finalizers), w->now_ms);
    value_set(w->a, &status, "conditions", conditions);
    struct err e = { 0 };
    if (!objects_set_status(&w->l->objects, w->a, &w->ns, &status, &e))
        world_failed(w, "status of", &w->ns, &e);
}

static void empty_namespace(struct world *w)
{
    struct err e = { 0 };
    for (size_t i = 0; i < value_len(&w->objects); i++)
        delete_object(w, value_item(&w->objects, i));
    if (value_len(&w->objects) > 0) {
        namespace_remaining(w);
        return;
    }
    if (!namespace_stop(w->l, w->env, &e) || !objects_drop(&w->l->objects, &w->ns, &e)) {
        world_failed(w, "delete", &w->ns, &e);
        return;
    }
    w->ns = value_null();
}

void gc_reconcile(struct world *w)
{
    for (size_t i = 0; i < value_len(&w->objects); i++) {
        const struct value *doc = value_item(&w->objects, i);
        if (object_is_deleting(doc) && has_finalizer(doc, "foregroundDeletion"))
            delete_dependents_first(w, doc);
        else if (object_is_deleting(doc) && has_finalizer(doc, "orphan"))
            release_dependents(w, doc);
        else if (is_abandoned(w, doc))
            delete_object(w, doc);
    }
    if (object_is_deleting(&w->ns))
        empty_namespace(w);
}
