/*
 * Would applying the target change the live object?
 *
 * Yes when the target sets something that live has otherwise, or when the last apply set something that the target no
 * longer has (the last-applied annotation, or the field manager's record). What only the live object has - defaults,
 * status, other controllers' fields - is no difference. Lists of built-in kinds are matched by the merge keys of the
 * Kubernetes API.
 */
#include <stdlib.h>

#include "data/json.h"
#include "data/quantity.h"
#include "gitops/compare_internal.h"
#include "template/template.h"

enum { DEPTH_MAX = 200 };
#define FIELD_MANAGER "argocd-controller"
#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

/* ---- scalars ------------------------------------------------------------------------------ */

/* Nothing but empty values all the way down. */
static bool is_zero(const struct value *v)
{
    if (!value_is(v, VALUE_MAP))
        return !template_truth(v);
    for (size_t i = 0; i < v->map->n; i++)
        if (!is_zero(&v->map->v[i].value))
            return false;
    return true;
}

/* "1000m" is 1, and so is the number 1. */
static bool quantity(const struct value *v, double *out)
{
    if (value_is(v, VALUE_INT) || value_is(v, VALUE_FLOAT)) {
        *out = value_is(v, VALUE_INT) ? (double)v->i : v->f;
        return true;
    }
    return quantity_read(value_as_str(v), out);
}

static bool same_scalar(const struct value *x, const struct value *y, bool quantities)
{
    double p = 0, q = 0;
    if (value_equal(x, y))
        return true;
    return quantities && quantity(x, &p) && quantity(y, &q) && p == q;
}

/* ---- lists -------------------------------------------------------------------------------- */

/* The members that identify an item of a list with this field name; *second may be NULL. */
static const char *merge_key(struct str field, const struct value *item, const char **second)
{
    static const struct {
        const char *field, *key, *second;
    } rows[] = {
        { "containers", "name", NULL },
        { "initContainers", "name", NULL },
        { "ephemeralContainers", "name", NULL },
        { "volumes", "name", NULL },
        { "env", "name", NULL },
        { "imagePullSecrets", "name", NULL },
        { "secrets", "name", NULL },
        { "volumeMounts", "mountPath", NULL },
        { "volumeDevices", "devicePath", NULL },
        { "hostAliases", "ip", NULL },
        { "topologySpreadConstraints", "topologyKey", "whenUnsatisfiable" },
        { "ownerReferences", "uid", NULL },
        { "ports", "containerPort", "protocol" },
        { "ports", "port", "protocol" },
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (str_is(field, rows[i].field) && !value_is(value_get(item, rows[i].key), VALUE_NULL)) {
            *second = rows[i].second;
            return rows[i].key;
        }
    return NULL;
}

static bool same_member(const struct value *x, const struct value *y, const char *key)
{
    const struct value *p = value_get(x, key), *q = value_get(y, key);
    if (strcmp(key, "protocol") == 0) { /* TCP when left out */
        struct str tcp = S("TCP"), one = value_as_str(p), two = value_as_str(q);
        return str_eq(one.n > 0 ? one : tcp, two.n > 0 ? two : tcp);
    }
    return value_equal(p, q);
}

static const struct value *find_item(const struct value *list, struct str field, const struct value *like)
{
    const char *second = NULL, *key = merge_key(field, like, &second);
    for (size_t i = 0; key != NULL && i < value_len(list); i++) {
        const struct value *item = value_item(list, i);
        if (same_member(item, like, key) && (second == NULL || same_member(item, like, second)))
            return item;
    }
    return NULL;
}

/* ---- set otherwise ------------------------------------------------------------------------ */

struct diff {
    bool builtin; /* the kind is Kubernetes' own: lists have merge keys */
};

static bool differs(const struct diff *d, const struct value *target, const struct value *live, struct str field,
                    bool quantities, int depth);

/* Some item with the same key is as wanted: a name that comes twice must not count against itself. */
static bool keyed_item_is_there(const struct diff *d, const struct value *item, const struct value *live,
                                struct str field, bool quantities, int depth)
{
    const char *second = NULL, *key = merge_key(field, item, &second);
    for (size_t i = 0; i < value_len(live); i++) {
        const struct value *other = value_item(live, i);
        bool same_key =
            key == NULL || (same_member(item, other, key) && (second == NULL || same_member(item, other, second)));
        if (same_key && !differs(d, item, other, (struct str){ "", 0 }, quantities, depth))
            return true;
    }
    return false;
}

static bool list_differs(const struct diff *d, const struct value *target, const struct value *live, struct str field,
                         bool quantities, int depth)
{
    const char *second = NULL;
    bool keyed = d->builtin && value_len(target) > 0 && merge_key(field, value_item(target, 0), &second) != NULL;
    if (!keyed && value_len(target) != value_len(live))
        return true;
    for (size_t i = 0; i < value_len(target); i++) {
        const struct value *item = value_item(target, i);
        bool there = keyed ? keyed_item_is_there(d, item, live, field, quantities, depth)
                           : !differs(d, item, value_item(live, i), (struct str){ "", 0 }, quantities, depth);
        if (!there)
            return true;
    }
    return false;
}

static bool map_differs(const struct diff *d, const struct value *target, const struct value *live, bool quantities,
                        int depth)
{
    static const char *const quantity_maps[] = { "limits", "requests", "capacity", "hard", "sizeLimit" };
    for (size_t i = 0; i < target->map->n; i++) {
        const struct map_entry *entry = &target->map->v[i];
        const struct value *other = map_get(live->map, entry->key);
        bool inner = quantities;
        for (size_t k = 0; k < COUNT(quantity_maps); k++)
            inner = inner || str_is(entry->key, quantity_maps[k]);
        if (differs(d, &entry->value, other != NULL ? other : &value_nil, entry->key, inner, depth))
            return true;
    }
    return false;
}

static bool differs(const struct diff *d, const struct value *target, const struct value *live, struct str field,
                    bool quantities, int depth)
{
    if (depth > DEPTH_MAX)
        return true;
    if (value_is(live, VALUE_NULL))
        return !is_zero(target); /* an empty value is not stored */
    if (value_is(target, VALUE_NULL))
        return false;
    if (value_is(target, VALUE_MAP) && value_is(live, VALUE_MAP))
        return map_differs(d, target, live, quantities, depth + 1);
    if (value_is(target, VALUE_LIST) && value_is(live, VALUE_LIST))
        return list_differs(d, target, live, field, quantities, depth + 1);
    return !same_scalar(target, live, quantities);
}

/* ---- no longer set ------------------------------------------------------------------------ */

static bool dropped(const struct value *before, const struct value *target, const struct value *live, struct str field,
                    int depth)
{
    if (value_is(live, VALUE_NULL) || depth > DEPTH_MAX)
        return false;
    if (value_is(target, VALUE_NULL))
        return !is_zero(before);
    for (size_t i = 0;
         value_is(before, VALUE_MAP) && value_is(target, VALUE_MAP) && value_is(live, VALUE_MAP) && i < before->map->n;
         i++) {
        const struct map_entry *entry = &before->map->v[i];
        const struct value *t = map_get(target->map, entry->key), *l = map_get(live->map, entry->key);
        if (dropped(&entry->value, t != NULL ? t : &value_nil, l != NULL ? l : &value_nil, entry->key, depth + 1))
            return true;
    }
    for (size_t i = 0; value_is(before, VALUE_LIST) && value_is(target, VALUE_LIST) && value_is(live, VALUE_LIST)
                       && i < value_len(before);
         i++) {
        const struct value *item = value_item(before, i), *l = find_item(live, field, item);
        const struct value *t = find_item(target, field, item);
        if (l != NULL && dropped(item, t != NULL ? t : &value_nil, l, (struct str){ "", 0 }, depth + 1))
            return true;
    }
    return false;
}

static bool has_members(const struct value *item, const struct value *members)
{
    if (!value_is(item, VALUE_MAP) || !value_is(members, VALUE_MAP))
        return false;
    for (size_t i = 0; i < members->map->n; i++) {
        const struct value *own = map_get(item->map, members->map->v[i].key), *wanted = &members->map->v[i].value;
        bool defaulted = own == NULL && str_is(value_as_str(wanted), "TCP"); /* protocol left out */
        if (!defaulted && (own == NULL || !value_equal(own, wanted)))
            return false;
    }
    return true;
}

static const struct value *find_with(const struct value *list, const struct value *members)
{
    for (size_t i = 0; i < value_len(list); i++)
        if (has_members(value_item(list, i), members))
            return value_item(list, i);
    return &value_nil;
}

/* The record of a field manager: "f:NAME" for members, "k:{...}" for list items, "." for the thing itself. */
static bool disowned(struct arena *a, const struct value *fields, const struct value *target, const struct value *live,
                     int depth)
{
    for (size_t i = 0; value_is(fields, VALUE_MAP) && depth < DEPTH_MAX && i < fields->map->n; i++) {
        struct str key = fields->map->v[i].key;
        const struct value *inner = &fields->map->v[i].value, *t = &value_nil, *l = &value_nil;
        struct value members;
        struct err ignored = { 0 };
        if (str_starts(key, S("f:"))) {
            t = value_get(target, arena_c(a, str_slice(key, 2, key.n)));
            l = value_get(live, arena_c(a, str_slice(key, 2, key.n)));
        } else if (str_starts(key, S("k:")) && json_parse(a, str_slice(key, 2, key.n), &members, &ignored)) {
            t = find_with(target, &members);
            l = find_with(live, &members);
        }
        if (value_is(l, VALUE_NULL))
            continue;
        if (value_is(t, VALUE_NULL) ? !is_zero(l) : disowned(a, inner, t, l, depth + 1))
            return true;
    }
    return false;
}

static bool no_longer_set(struct arena *a, const struct value *target, const struct value *live,
                          const struct value *raw_live)
{
    struct str last = value_as_str(value_get(value_at(raw_live, "metadata.annotations"), LAST_APPLIED));
    const struct value *managers = value_at(raw_live, "metadata.managedFields");
    struct value before;
    struct err ignored = { 0 };
    if (last.n > 0 && json_parse(a, last, &before, &ignored)) {
        struct value plain = compare_normalize(a, &before, NULL);
        if (dropped(&plain, target, live, (struct str){ "", 0 }, 0))
            return true;
    }
    for (size_t i = 0; i < value_len(managers); i++)
        if (str_is(value_str_at(value_item(managers, i), "manager"), FIELD_MANAGER)
            && disowned(a, value_get(value_item(managers, i), "fieldsV1"), target, live, 0))
            return true;
    return false;
}

/* ---- the whole ---------------------------------------------------------------------------- */

static bool is_builtin(const struct value *object)
{
    struct str rest = value_as_str(value_get(object, "apiVersion")), group;
    if (!str_split(&rest, S("/"), &group))
        return true;
    return str_find(group, S(".")) < 0 || str_ends(group, S(".k8s.io"));
}

bool compare_modified(struct arena *a, const struct value *target, const struct value *live, const struct value *ignore)
{
    struct value wanted = compare_normalize(a, target, ignore), is = compare_normalize(a, live, ignore);
    struct diff d = { is_builtin(target) };
    return differs(&d, &wanted, &is, (struct str){ "", 0 }, false, 0) || no_longer_set(a, &wanted, &is, live);
}
