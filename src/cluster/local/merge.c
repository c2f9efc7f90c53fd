/*
 * Server-side apply for one manager. The live object says what is; `owned` says what this manager put there last time;
 * the configuration says what it wants now. Whatever nobody claims (defaults, what controllers wrote) stays.
 */
#include "cluster/local/merge.h"

#include "data/json.h"

#define KEY_MAX 2

static const struct schema no_fields[] = { { NULL, MERGE_GRANULAR, { NULL, NULL }, NULL } };
static const struct schema granular = { "", MERGE_GRANULAR, { NULL, NULL }, NULL };

/* The rule for member `key` of a map whose exceptions are `fields`. */
static const struct schema *rule_of(const struct schema *fields, struct str key)
{
    for (const struct schema *s = fields != NULL ? fields : no_fields; s->field != NULL; s++)
        if (str_is(key, s->field))
            return s;
    return &granular;
}

struct value merge_without_nulls(struct arena *a, const struct value *v)
{
    if (value_is(v, VALUE_MAP)) {
        struct value out = value_map(a);
        for (size_t i = 0; i < v->map->n; i++)
            if (!value_is(&v->map->v[i].value, VALUE_NULL))
                map_put(a, out.map, v->map->v[i].key, merge_without_nulls(a, &v->map->v[i].value));
        return out;
    }
    if (value_is(v, VALUE_LIST)) {
        struct value out = value_list(a);
        for (size_t i = 0; i < v->list->n; i++)
            list_push(a, out.list, merge_without_nulls(a, &v->list->v[i]));
        return out;
    }
    return *v;
}

/* ---- identity of list items --------------------------------------------------------------- */

/* Member of an item that is part of its key; a port without protocol means TCP. */
static struct value key_member(const struct value *item, const char *key)
{
    const struct value *v = value_get(item, key);
    if (value_is(v, VALUE_NULL) && strcmp(key, "protocol") == 0)
        return value_c("TCP");
    return *v;
}

static bool same_item(const struct value *x, const struct value *y, const struct schema *s)
{
    for (size_t i = 0; i < KEY_MAX && s->key[i] != NULL; i++) {
        struct value left = key_member(x, s->key[i]), right = key_member(y, s->key[i]);
        if (!value_equal(&left, &right))
            return false;
    }
    return true;
}

static const struct value *find_item(const struct value *list, const struct value *item, const struct schema *s)
{
    for (size_t i = 0; i < value_len(list); i++)
        if (s->rule == MERGE_SET ? value_equal(value_item(list, i), item) : same_item(value_item(list, i), item, s))
            return value_item(list, i);
    return NULL;
}

/* "k:{"name":"c"}" or "v:"x"", the name of an item in FieldsV1. */
static struct str item_path(struct arena *a, const struct value *item, const struct schema *s)
{
    if (s->rule == MERGE_SET)
        return arena_fmt(a, "v:%.*s", STR(json_str(a, item, JSON_SORT_KEYS)));
    struct value key = value_map(a);
    for (size_t i = 0; i < KEY_MAX && s->key[i] != NULL; i++)
        value_set(a, &key, s->key[i], key_member(item, s->key[i]));
    return arena_fmt(a, "k:%.*s", STR(json_str(a, &key, JSON_SORT_KEYS)));
}

static bool is_item_list(const struct value *v, const struct schema *s)
{
    return value_is(v, VALUE_LIST) && (s->rule == MERGE_KEYED || s->rule == MERGE_SET);
}

static bool is_granular_map(const struct value *v, const struct schema *s)
{
    return value_is(v, VALUE_MAP) && s->rule != MERGE_ATOMIC;
}

/* ---- the fields a configuration sets ------------------------------------------------------ */

static struct value fields_under(struct arena *a, const struct value *v, const struct schema *s)
{
    struct value out = value_map(a);
    if (is_item_list(v, s)) {
        const struct schema item_rule = { "", MERGE_GRANULAR, { NULL, NULL }, s->fields };
        for (size_t i = 0; i < v->list->n; i++) {
            struct value below = s->rule == MERGE_SET ? value_map(a) : fields_under(a, &v->list->v[i], &item_rule);
            if (s->rule == MERGE_KEYED)
                value_set(a, &below, ".", value_map(a));
            map_put(a, out.map, item_path(a, &v->list->v[i], s), below);
        }
    } else if (is_granular_map(v, s)) {
        for (size_t i = 0; i < v->map->n; i++) {
            const struct map_entry *m = &v->map->v[i];
            map_put(a, out.map, arena_fmt(a, "f:%.*s", STR(m->key)),
                    fields_under(a, &m->value, rule_of(s->fields, m->key)));
        }
    }
    return out;
}

static const char *const identity[] = { "name",
                                        "namespace",
                                        "uid",
                                        "creationTimestamp",
                                        "generateName",
                                        "generation",
                                        "resourceVersion",
                                        "managedFields",
                                        "selfLink",
                                        "deletionTimestamp",
                                        "deletionGracePeriodSeconds" };
static const char *const not_applied[] = { "apiVersion", "kind", "status" };

/* The configuration without what only the server writes. */
static struct value applied_part(struct arena *a, const struct value *config)
{
    struct value out = value_map(a), meta = value_map(a);
    for (size_t i = 0; i < config->map->n; i++)
        map_put(a, out.map, config->map->v[i].key, config->map->v[i].value);
    for (size_t i = 0; i < COUNT(not_applied); i++)
        value_del(&out, not_applied[i]);
    const struct value *old = value_get(config, "metadata");
    for (size_t i = 0; value_is(old, VALUE_MAP) && i < old->map->n; i++)
        map_put(a, meta.map, old->map->v[i].key, old->map->v[i].value);
    for (size_t i = 0; i < COUNT(identity); i++)
        value_del(&meta, identity[i]);
    value_set(a, &out, "metadata", meta);
    return out;
}

struct value fields_of(struct arena *a, const struct value *config, const struct schema *fields)
{
    const struct schema root = { "", MERGE_GRANULAR, { NULL, NULL }, fields };
    struct value part = applied_part(a, config);
    struct value out = fields_under(a, &part, &root);
    if (value_get(&out, "f:metadata")->map->n == 0)
        value_del(&out, "f:metadata");
    return out;
}

/* ---- overlay ------------------------------------------------------------------------------ */

static struct value overlay(struct arena *a, const struct value *live, const struct value *config,
                            const struct schema *s);

static struct value overlay_map(struct arena *a, const struct value *live, const struct value *config,
                                const struct schema *s)
{
    struct value out = value_map(a);
    for (size_t i = 0; i < live->map->n; i++)
        map_put(a, out.map, live->map->v[i].key, live->map->v[i].value);
    for (size_t i = 0; i < config->map->n; i++) {
        const struct map_entry *m = &config->map->v[i];
        const struct value *before = map_get(live->map, m->key);
        struct value after = before == NULL ? m->value : overlay(a, before, &m->value, rule_of(s->fields, m->key));
        map_put(a, out.map, m->key, after);
    }
    return out;
}

/* Foreign items keep their place behind the item they followed; the configuration's order rules among its own. */
static void push_foreign_after(struct arena *a, struct list *out, const struct value *live, const struct value *after,
                               const struct value *config, const struct schema *s)
{
    size_t i = 0;
    if (after != NULL)
        i = (size_t)(after - live->list->v) + 1;
    for (; i < live->list->n && find_item(config, &live->list->v[i], s) == NULL; i++)
        list_push(a, out, live->list->v[i]);
}

static struct value overlay_list(struct arena *a, const struct value *live, const struct value *config,
                                 const struct schema *s)
{
    const struct schema item_rule = { "", MERGE_GRANULAR, { NULL, NULL }, s->fields };
    struct value out = value_list(a);
    push_foreign_after(a, out.list, live, NULL, config, s);
    for (size_t i = 0; i < config->list->n; i++) {
        const struct value *item = &config->list->v[i];
        const struct value *before = find_item(live, item, s);
        list_push(a, out.list, before == NULL ? *item : overlay(a, before, item, &item_rule));
        if (before != NULL)
            push_foreign_after(a, out.list, live, before, config, s);
    }
    return out;
}

static struct value overlay(struct arena *a, const struct value *live, const struct value *config,
                            const struct schema *s)
{
    if (is_item_list(live, s) && is_item_list(config, s))
        return overlay_list(a, live, config, s);
    if (is_granular_map(live, s) && is_granular_map(config, s))
        return overlay_map(a, live, config, s);
    return *config;
}

/* ---- removal of what is no longer set ----------------------------------------------------- */

static struct value prune(struct arena *a, const struct value *v, const struct value *owned, const struct value *wanted,
                          const struct schema *s);

/* What stays of one member or item: false when it goes. `was` and `is` are its entries in the two field sets. */
static bool keeps(struct arena *a, const struct value *v, const struct value *was, const struct value *is,
                  const struct schema *s, struct value *out)
{
    *out = *v;
    if (was == NULL)
        return true;
    bool leaf = was->map->n == 0 || map_get(was->map, S(".")) != NULL;
    if (is == NULL && leaf)
        return false;
    *out = prune(a, v, was, is != NULL ? is : &value_nil, s);
    bool emptied = (value_is(out, VALUE_MAP) && out->map->n == 0) || (value_is(out, VALUE_LIST) && out->list->n == 0);
    return is != NULL || !emptied;
}

static const struct value *field_entry(const struct value *set, struct str path)
{
    return value_is(set, VALUE_MAP) ? map_get(set->map, path) : NULL;
}

static struct value prune(struct arena *a, const struct value *v, const struct value *owned, const struct value *wanted,
                          const struct schema *s)
{
    struct value kept;
    if (is_item_list(v, s)) {
        const struct schema item_rule = { "", MERGE_GRANULAR, { NULL, NULL }, s->fields };
        struct value out = value_list(a);
        for (size_t i = 0; i < v->list->n; i++) {
            struct str path = item_path(a, &v->list->v[i], s);
            if (keeps(a, &v->list->v[i], field_entry(owned, path), field_entry(wanted, path), &item_rule, &kept))
                list_push(a, out.list, kept);
        }
        return out;
    }
    if (!is_granular_map(v, s))
        return *v;
    struct value out = value_map(a);
    for (size_t i = 0; i < v->map->n; i++) {
        const struct map_entry *m = &v->map->v[i];
        struct str path = arena_fmt(a, "f:%.*s", STR(m->key));
        if (keeps(a, &m->value, field_entry(owned, path), field_entry(wanted, path), rule_of(s->fields, m->key), &kept))
            map_put(a, out.map, m->key, kept);
    }
    return out;
}

struct value merge_apply(struct arena *a, const struct value *live, const struct value *config,
                         const struct value *owned, const struct schema *fields)
{
    const struct schema root = { "", MERGE_GRANULAR, { NULL, NULL }, fields };
    struct value part = applied_part(a, config);
    struct value merged = overlay(a, live, &part, &root);
    struct value wanted = fields_of(a, config, fields);
    merged = prune(a, &merged, owned, &wanted, &root);
    value_set(a, &merged, "apiVersion", *value_get(config, "apiVersion"));
    value_set(a, &merged, "kind", *value_get(config, "kind"));
    return value_clone(a, &merged);
}
