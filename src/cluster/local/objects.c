/* Objects over the store: reading, writing, deleting. How an apply merges stands in apply.c. */
#include "cluster/local/objects.h"

#include "base/sys.h"
#include "cluster/local/kinds.h"

#define UPDATE_TRIES 8 /* attempts of one read-modify-write against other writers */

struct cluster_key object_key(const struct value *doc)
{
    struct cluster_key k = { 0 };
    struct err e = { 0 };
    if (!cluster_key_of(doc, &k, &e))
        return (struct cluster_key){ 0 };
    return k;
}

static struct store_key key_in_store(const struct cluster_key *k)
{
    return (struct store_key){ "local", k->group, k->kind, k->ns, k->name };
}

static void tell(struct objects *o, const struct cluster_key *k)
{
    bool is_namespace = k->group.n == 0 && str_is(k->kind, "Namespace");
    o->changed(o->user, is_namespace ? k->name : k->ns);
}

bool object_is_deleting(const struct value *doc)
{
    return value_str_at(doc, "metadata.deletionTimestamp").n > 0;
}

bool object_is_owned_by(const struct value *doc, struct str uid)
{
    const struct value *owners = value_at(doc, "metadata.ownerReferences");
    for (size_t i = 0; i < value_len(owners); i++)
        if (str_eq(value_str_at(value_item(owners, i), "uid"), uid))
            return true;
    return false;
}

/* ---- kinds -------------------------------------------------------------------------------- */

/* A CustomResourceDefinition that was applied here tells scope and plural of its kind. */
static bool custom_kind(struct arena *a, struct objects *o, struct str group, struct str kind, struct cluster_kind *out)
{
    struct value list;
    struct err e = { 0 };
    const struct store_key all = { "local", S("apiextensions.k8s.io"), S("CustomResourceDefinition"), S(""), S("") };
    if (!store_list(a, o->store, &all, &list, &e))
        return false;
    for (size_t i = 0; i < value_len(&list); i++) {
        const struct value *crd = value_item(&list, i);
        if (!str_eq(value_str_at(crd, "spec.group"), group) || !str_eq(value_str_at(crd, "spec.names.kind"), kind))
            continue;
        *out = (struct cluster_kind){ group, value_str_at(crd, "spec.versions.0.name"), kind,
                                      value_str_at(crd, "spec.names.plural"),
                                      !str_is(value_str_at(crd, "spec.scope"), "Cluster") };
        return true;
    }
    return false;
}

bool objects_kind(struct arena *a, struct objects *o, struct str group, struct str kind, struct cluster_kind *out)
{
    const struct kind_row *row = kind_find(group, kind);
    if (row != NULL) {
        *out = (struct cluster_kind){ str_c(row->group), str_c(row->version), str_c(row->kind), str_c(row->plural),
                                      row->namespaced };
        return true;
    }
    *out = (struct cluster_kind){ .group = group, .kind = kind, .namespaced = true };
    return group.n > 0 && custom_kind(a, o, group, kind, out);
}

bool objects_namespaced(struct objects *o, struct str group, struct str kind)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct cluster_kind found;
    (void)objects_kind(&a, o, group, kind, &found);
    return found.namespaced;
}

/* Cluster-scoped kinds have no namespace, the others live in "default" when none is named. */
static struct cluster_key normal_key(struct objects *o, const struct cluster_key *k)
{
    struct cluster_key out = *k;
    if (!objects_namespaced(o, k->group, k->kind))
        out.ns = S("");
    else if (out.ns.n == 0)
        out.ns = S("default");
    return out;
}

/* ---- reading ------------------------------------------------------------------------------ */

bool objects_get(struct objects *o, struct arena *a, const struct cluster_key *k, struct value *out, struct err *e)
{
    struct cluster_key normal = normal_key(o, k);
    struct store_key key = key_in_store(&normal);
    if (store_get(a, o->store, &key, out, e))
        return true;
    if (e->kind == ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND, "%.*s \"%.*s\" not found", STR(kind_resource(a, k->group, k->kind)),
                       STR(k->name));
    return false;
}

bool objects_list(struct objects *o, struct arena *a, const struct cluster_key *k, struct value *out, struct err *e)
{
    struct store_key key = key_in_store(k);
    return store_list(a, o->store, &key, out, e);
}

/* ---- writing ------------------------------------------------------------------------------ */

static bool has_finalizers(const struct value *doc)
{
    return value_len(value_at(doc, "metadata.finalizers")) > 0;
}

/* Pods go when their processes have ended, namespaces when they are empty; a controller drops both. */
static bool waits_for_controller(const struct cluster_key *k)
{
    return k->group.n == 0 && (str_is(k->kind, "Pod") || str_is(k->kind, "Namespace"));
}

bool objects_drop(struct objects *o, const struct value *doc, struct err *e)
{
    struct cluster_key k = object_key(doc);
    struct store_key key = key_in_store(&k);
    if (!store_delete(o->store, &key, e))
        return false;
    tell(o, &k);
    return true;
}

bool objects_put(struct objects *o, struct arena *a, const struct value *doc, struct err *e)
{
    struct cluster_key k = object_key(doc);
    struct store_key key = key_in_store(&k);
    bool changed = false;
    if (object_is_deleting(doc) && !has_finalizers(doc) && !waits_for_controller(&k))
        return objects_drop(o, doc, e);
    if (!store_put(a, o->store, &key, doc, NULL, &changed, e))
        return false;
    if (changed)
        tell(o, &k);
    return true;
}

bool objects_create(struct objects *o, struct arena *a, const struct value *doc, struct err *e)
{
    struct value there;
    struct err missing = { 0 };
    struct cluster_key k = object_key(doc);
    struct store_key key = key_in_store(&k);
    if (store_get(a, o->store, &key, &there, &missing))
        return err_set(e, ERR_CONFLICT, "%.*s \"%.*s\" already exists", STR(kind_resource(a, k.group, k.kind)),
                       STR(k.name));
    if (missing.kind == ERR_NOT_FOUND)
        return objects_put(o, a, doc, e);
    *e = missing;
    return false;
}

bool objects_set_status(struct objects *o, struct arena *a, const struct value *doc, const struct value *status,
                        struct err *e)
{
    struct cluster_key k = object_key(doc);
    struct store_key key = key_in_store(&k);
    if (value_equal(value_get(doc, "status"), status))
        return true;
    if (!store_put_status(a, o->store, &key, status, NULL, e))
        return e->kind == ERR_NOT_FOUND; /* deleted meanwhile: nobody needs the status */
    tell(o, &k);
    return true;
}

/* ---- deleting ----------------------------------------------------------------------------- */

static void mark_deleting(struct arena *a, const struct value *doc, const struct cluster_key *k)
{
    value_put_at(a, doc, "metadata.deletionTimestamp", value_str(clock_rfc3339(a, clock_wall_ms())));
    if (str_is(k->kind, "Pod"))
        value_put_at(a, doc, "metadata.deletionGracePeriodSeconds",
                     value_int(value_int_at(doc, "spec.terminationGracePeriodSeconds", 30)));
    if (str_is(k->kind, "Namespace"))
        value_put_at(a, doc, "status.phase", value_c("Terminating"));
}

static void add_finalizer(struct arena *a, const struct value *doc, const char *name)
{
    struct value list = value_list(a);
    const struct value *old = value_at(doc, "metadata.finalizers");
    for (size_t i = 0; i < value_len(old); i++)
        list_push(a, list.list, *value_item(old, i));
    list_push(a, list.list, value_c(name));
    value_put_at(a, doc, "metadata.finalizers", list);
}

static bool try_remove(struct objects *o, struct arena *a, const struct cluster_key *k, enum cluster_propagation p,
                       struct err *e)
{
    struct value doc;
    struct store_key key = key_in_store(k);
    if (!store_get(a, o->store, &key, &doc, e))
        return e->kind == ERR_NOT_FOUND;
    if (object_is_deleting(&doc)) /* under way; a put drops it if nothing holds it any more */
        return objects_put(o, a, &doc, e);
    if (p == CLUSTER_ORPHAN && k->ns.n > 0 && !waits_for_controller(k))
        add_finalizer(a, &doc, "orphan");
    if (p == CLUSTER_FOREGROUND && k->ns.n > 0 && !waits_for_controller(k))
        add_finalizer(a, &doc, "foregroundDeletion");
    mark_deleting(a, &doc, k);
    return objects_put(o, a, &doc, e);
}

bool objects_remove(struct objects *o, const struct cluster_key *k, enum cluster_propagation p, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct cluster_key normal = normal_key(o, k);
    for (int i = 0; i < UPDATE_TRIES; i++) {
        if (try_remove(o, &a, &normal, p, e))
            return true;
        if (e->kind != ERR_CONFLICT)
            break;
    }
    return err_wrap(e, "delete %.*s \"%.*s\"", STR(kind_resource(&a, k->group, k->kind)), STR(k->name));
}

bool objects_delete(struct objects *o, const struct value *doc, struct err *e)
{
    struct cluster_key k = object_key(doc);
    return objects_remove(o, &k, CLUSTER_BACKGROUND, e);
}
