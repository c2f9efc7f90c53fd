/* One apply: configuration and live object become the new object, in the order of the API server: merge, default,
 * validate, store. */
#include "base/sys.h"
#include "cluster/local/admit.h"
#include "cluster/local/merge.h"
#include "cluster/local/objects.h"

#define APPLY_TRIES 8                 /* against writers that change the object between our read and write */
#define SERVICE_NET "198.19"          /* addresses of Services inside every environment */
#define SERVICE_ADDRESSES (256 * 254) /* 198.19.H.L, L from 1 to 254 */

struct application { /* one apply under way */
    struct objects *o;
    struct arena *a;
    const struct cluster_apply *options;
    const struct kind_row *row; /* NULL: a kind that is only kept */
    struct cluster_key key;
    struct value config;
};

/* ---- the configuration -------------------------------------------------------------------- */

/* Copy, name and namespace settled. */
static bool read_config(struct application *w, const struct value *object, struct err *e)
{
    if (!value_is(object, VALUE_MAP))
        return err_set(e, ERR_INVALID, "a manifest must be a map, not a %s",
                       value_kind_name((enum value_kind)object->kind));
    w->config = merge_without_nulls(w->a, object);
    const struct value *meta = value_get(&w->config, "metadata");
    struct str prefix = value_str_at(meta, "generateName");
    if (value_is(meta, VALUE_MAP) && value_str_at(meta, "name").n == 0 && prefix.n > 0)
        value_set(w->a, meta, "name", value_fmt(w->a, "%.*s%.*s", STR(prefix), STR(random_suffix(w->a, 5))));
    if (!cluster_key_of(&w->config, &w->key, e))
        return false;
    w->row = kind_find(w->key.group, w->key.kind);
    if (!objects_namespaced(w->o, w->key.group, w->key.kind)) {
        w->key.ns = S("");
        value_del(meta, "namespace");
    } else {
        w->key.ns = w->key.ns.n > 0 ? w->key.ns : S("default");
        value_set(w->a, meta, "namespace", value_str(w->key.ns));
    }
    if (w->row != NULL && strcmp(w->row->kind, "Secret") == 0)
        admit_secret(w->a, &w->config);
    return true;
}

/* New objects need a namespace that exists and stays. */
static bool check_namespace(struct application *w, struct err *e)
{
    struct value ns;
    const struct store_key key = { "local", S(""), S("Namespace"), S(""), w->key.ns };
    if (w->key.ns.n == 0)
        return true;
    if (!store_get(w->a, w->o->store, &key, &ns, e)) {
        if (e->kind == ERR_NOT_FOUND)
            return err_set(e, ERR_NOT_FOUND, "namespaces \"%.*s\" not found", STR(w->key.ns));
        return false;
    }
    if (object_is_deleting(&ns))
        return err_set(e, ERR_CONFLICT,
                       "%.*s \"%.*s\" cannot be created: namespace %.*s is being terminated; try again when it is gone",
                       STR(kind_resource(w->a, w->key.group, w->key.kind)), STR(w->key.name), STR(w->key.ns));
    return true;
}

/* ---- the new object ----------------------------------------------------------------------- */

static const struct value *managed_entry(const struct value *live)
{
    const struct value *entries = value_at(live, "metadata.managedFields");
    for (size_t i = 0; i < value_len(entries); i++)
        if (str_is(value_str_at(value_item(entries, i), "manager"), OBJECTS_MANAGER))
            return value_item(entries, i);
    return &value_nil;
}

/* Record what the configuration sets; an unchanged record keeps its time, so that nothing is written for nothing. */
static void record_fields(struct application *w, const struct value *merged, const struct value *before)
{
    struct value fields = fields_of(w->a, &w->config, schema_of(w->key.group, w->key.kind));
    struct value entry = value_map(w->a), list = value_list(w->a);
    bool same = value_equal(value_get(before, "fieldsV1"), &fields);
    value_set(w->a, &entry, "manager", value_c(OBJECTS_MANAGER));
    value_set(w->a, &entry, "operation", value_c("Apply"));
    value_set(w->a, &entry, "apiVersion", *value_get(&w->config, "apiVersion"));
    value_set(w->a, &entry, "time",
              same ? *value_get(before, "time") : value_str(clock_rfc3339(w->a, clock_wall_ms())));
    value_set(w->a, &entry, "fieldsType", value_c("FieldsV1"));
    value_set(w->a, &entry, "fieldsV1", fields);
    list_push(w->a, list.list, entry);
    value_put_at(w->a, merged, "metadata.managedFields", list);
}

static struct value bare_object(struct application *w)
{
    struct value doc = value_map(w->a);
    value_set(w->a, &doc, "apiVersion", *value_get(&w->config, "apiVersion"));
    value_set(w->a, &doc, "kind", *value_get(&w->config, "kind"));
    value_put_at(w->a, &doc, "metadata.name", value_str(w->key.name));
    if (w->key.ns.n > 0)
        value_put_at(w->a, &doc, "metadata.namespace", value_str(w->key.ns));
    return doc;
}

/* A replace keeps only what the server set: identity, status, addresses. */
static struct value replaced_object(struct application *w, const struct value *live)
{
    static const char *const kept[] = { "metadata.uid",
                                        "metadata.resourceVersion",
                                        "metadata.creationTimestamp",
                                        "metadata.generation",
                                        "metadata.deletionTimestamp",
                                        "metadata.deletionGracePeriodSeconds",
                                        "status" };
    struct value doc = value_clone(w->a, &w->config);
    value_del(&doc, "status");
    for (size_t i = 0; i < COUNT(kept); i++)
        if (!value_is(value_at(live, kept[i]), VALUE_NULL))
            value_put_at(w->a, &doc, kept[i], *value_at(live, kept[i]));
    return doc;
}

static struct value next_object(struct application *w, const struct value *live, bool exists)
{
    if (exists && w->options->replace)
        return replaced_object(w, live);
    struct value base = exists ? *live : bare_object(w);
    const struct value *before = managed_entry(live);
    struct value merged =
        merge_apply(w->a, &base, &w->config, value_get(before, "fieldsV1"), schema_of(w->key.group, w->key.kind));
    record_fields(w, &merged, before);
    return merged;
}

/* ---- Service addresses -------------------------------------------------------------------- */

static bool address_taken(const struct value *services, struct str ip)
{
    for (size_t i = 0; i < value_len(services); i++)
        if (str_eq(value_str_at(value_item(services, i), "spec.clusterIP"), ip))
            return true;
    return false;
}

/* The same name gets the same address when it is free: easier to recognise in logs. */
static bool choose_address(struct application *w, struct str *out, struct err *e)
{
    struct value services;
    const struct store_key all = { "local", S(""), S("Service"), w->key.ns, S("") };
    if (!store_list(w->a, w->o->store, &all, &services, e))
        return false;
    uint64_t start = str_hash(w->key.name);
    for (size_t i = 0; i < SERVICE_ADDRESSES; i++) {
        unsigned slot = (unsigned)((start + i) % SERVICE_ADDRESSES);
        struct str ip = arena_fmt(w->a, SERVICE_NET ".%u.%u", slot / 254, slot % 254 + 1);
        if (!address_taken(&services, ip)) {
            *out = ip;
            return true;
        }
    }
    return err_set(e, ERR_LIMIT, "namespace %.*s has no Service address left", STR(w->key.ns));
}

static bool give_address(struct application *w, const struct value *doc, const struct value *live, struct err *e)
{
    const struct value *spec = value_get(doc, "spec");
    struct str ip = value_str_at(spec, "clusterIP");
    if (ip.n == 0 && str_is(value_str_at(spec, "type"), "ExternalName"))
        return true;
    if (ip.n == 0)
        ip = value_str_at(live, "spec.clusterIP");
    if (ip.n == 0 && !choose_address(w, &ip, e))
        return false;
    if (!str_is(ip, "None") && !str_starts(ip, S(SERVICE_NET ".")))
        return admit_invalid(doc, e,
                             "spec.clusterIP: Invalid value: \"%.*s\": addresses here are in " SERVICE_NET
                             ".0.0/16; leave it out",
                             STR(ip));
    struct value ips = value_list(w->a);
    list_push(w->a, ips.list, value_str(ip));
    value_set(w->a, spec, "clusterIP", value_str(ip));
    value_set(w->a, spec, "clusterIPs", ips);
    return true;
}

/* ---- carrying it out ---------------------------------------------------------------------- */

static bool admit(struct application *w, const struct value *doc, struct err *e)
{
    admit_defaults(w->a, w->row, doc);
    if (!admit_refusals(w->a, w->row, doc, e))
        return false;
    return admit_validate(w->a, w->options->validate, w->row, doc, e);
}

static bool same_but_version(struct arena *a, const struct value *live, const struct value *doc)
{
    struct value x = value_clone(a, live), y = value_clone(a, doc);
    value_del(value_get(&x, "metadata"), "resourceVersion");
    value_del(value_get(&y, "metadata"), "resourceVersion");
    return value_equal(&x, &y);
}

static bool store_it(struct application *w, const struct value *doc, const struct value *live, bool exists,
                     struct value *out, enum cluster_verb *verb, struct err *e)
{
    *verb = !exists ? CLUSTER_CREATED : same_but_version(w->a, live, doc) ? CLUSTER_UNCHANGED : CLUSTER_CONFIGURED;
    *out = *doc;
    if (w->options->dry_run || *verb == CLUSTER_UNCHANGED)
        return true;
    if (!objects_put(w->o, w->a, doc, e))
        return false;
    struct err gone = { 0 }; /* an object whose last finalizer went is gone now: then what was written is the answer */
    if (!objects_get(w->o, w->a, &w->key, out, &gone))
        *out = *doc;
    return true;
}

/* force: an object whose immutable field differs is deleted and made anew. */
static bool clear_the_way(struct application *w, struct err *e)
{
    return objects_remove(w->o, &w->key, CLUSTER_BACKGROUND, e)
           && err_set(e, ERR_CONFLICT, "%.*s \"%.*s\" is being deleted before it is made anew",
                      STR(kind_resource(w->a, w->key.group, w->key.kind)), STR(w->key.name));
}

static bool try_apply(struct application *w, struct value *out, enum cluster_verb *verb, struct err *e)
{
    struct value live = value_null();
    struct err missing = { 0 };
    bool exists = objects_get(w->o, w->a, &w->key, &live, &missing);
    if (!exists && missing.kind != ERR_NOT_FOUND) {
        *e = missing;
        return false;
    }
    if (!exists && !check_namespace(w, e))
        return false;
    struct value doc = next_object(w, &live, exists);
    if (!admit(w, &doc, e))
        return false;
    bool service = w->row != NULL && strcmp(w->row->kind, "Service") == 0;
    CLEANUP(mutex_release) pthread_mutex_t *held = service ? mutex_hold(&w->o->addresses) : NULL;
    if (service && !give_address(w, &doc, &live, e))
        return false;
    if (exists && !admit_immutable(w->a, w->row, &live, &doc, e))
        return w->options->force && !w->options->dry_run ? clear_the_way(w, e) : false;
    return store_it(w, &doc, &live, exists, out, verb, e);
}

bool objects_apply(struct objects *o, struct arena *a, const struct value *object, const struct cluster_apply *options,
                   struct value *out_live, enum cluster_verb *out_verb, struct err *e)
{
    struct application w = { .o = o, .a = a, .options = options };
    if (!read_config(&w, object, e))
        return false;
    for (int i = 0;; i++) {
        struct value live;
        enum cluster_verb verb;
        if (try_apply(&w, &live, &verb, e)) {
            *out_live = live;
            *out_verb = verb;
            return true;
        }
        if (e->kind != ERR_CONFLICT || i + 1 == APPLY_TRIES)
            return false;
    }
}
