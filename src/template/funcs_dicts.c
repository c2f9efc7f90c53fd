/* sprig's functions on maps. Maps are references: set, unset and merge change the original. */
#include "template/funcs.h"

enum { MERGE_DEPTH_MAX = 1000 };

static void tell_of_change(struct template_call *c)
{
    if (c->options->changed != NULL)
        *c->options->changed = true;
}

/* The entries of a map parameter, NULL for nil. */
static struct map *map_at(const struct value *args, size_t i)
{
    return args[i].kind == VALUE_MAP && type_tag(&args[i]) != TEMPLATE_NIL ? args[i].map : NULL;
}

static const struct value *lookup(const struct map *m, struct str key)
{
    return m != NULL ? map_get(m, key) : NULL;
}

/* `dict "a" $x $y "b" $` makes a key of all there is, .Files too: megabytes, and charts do so again and again. */
static struct str dict_key(struct template_call *c, const struct value *v)
{
    enum { LONG = 64 << 10 };
    struct arena_mark mark = arena_mark(c->a);
    struct str key = text_of(c->a, v);

    if (key.n < LONG || v->kind == VALUE_STRING)
        return key;
    if (!str_eq(key, c->long_key))
        return c->long_key = key;
    arena_rewind(c->a, mark);
    return c->long_key;
}

FUNC(fn_dict)
{
    for (size_t i = 0; i < n; i += 2) /* keys become text */
        if (args[i].kind != VALUE_STRING && !can_print(c, &args[i], 1, e))
            return false;
    *out = value_map(c->a);
    for (size_t i = 0; i < n; i += 2)
        map_put(c->a, out->map, dict_key(c, &args[i]), i + 1 < n ? args[i + 1] : value_str(S("")));
    return true;
}

FUNC(fn_get)
{
    const struct value *there = lookup(map_at(args, 0), str_at(args, 1));
    return give(out, there != NULL ? *there : value_str(S("")));
}

FUNC(fn_set)
{
    struct map *m = map_at(args, 0);
    if (m == NULL)
        return err_set(e, ERR_INVALID, "assignment to entry in nil map");
    map_put(c->a, m, str_at(args, 1), args[2]);
    tell_of_change(c);
    return give(out, args[0]);
}

FUNC(fn_unset)
{
    struct map *m = map_at(args, 0);
    if (m != NULL)
        map_del(m, str_at(args, 1));
    return give(out, m != NULL ? args[0] : tagged(value_map(c->a), TEMPLATE_NIL));
}

FUNC(fn_has_key)
{
    return give(out, value_bool(lookup(map_at(args, 0), str_at(args, 1)) != NULL));
}

FUNC(fn_pluck)
{
    *out = value_list(c->a);
    for (size_t i = 1; i < n; i++) {
        const struct value *there = lookup(map_at(args, i), str_at(args, 0));
        if (there != NULL)
            list_push(c->a, out->list, *there);
    }
    return true;
}

FUNC(fn_pick)
{
    *out = value_map(c->a);
    for (size_t i = 1; i < n; i++) {
        const struct value *there = lookup(map_at(args, 0), str_at(args, i));
        if (there != NULL)
            map_put(c->a, out->map, str_at(args, i), *there);
    }
    return true;
}

static bool is_named(const struct value *names, size_t n, struct str key)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(value_as_str(&names[i]), key))
            return true;
    return false;
}

FUNC(fn_omit)
{
    const struct map *m = map_at(args, 0);
    if (m != NULL && !call_spend(c, (int64_t)(m->n * n / 16), e))
        return false;
    *out = value_map(c->a);
    for (size_t i = 0; m != NULL && i < m->n; i++)
        if (!is_named(args + 1, n - 1, m->v[i].key))
            map_put(c->a, out->map, m->v[i].key, m->v[i].value);
    return true;
}

FUNC(fn_keys)
{
    *out = tagged(value_list(c->a), TEMPLATE_STRINGS);
    for (size_t i = 0; i < n; i++) {
        const struct map *m = map_at(args, i);
        if (m != NULL && !list_fits(out->list->n + m->n, e))
            return false;
        for (size_t k = 0; m != NULL && k < m->n; k++)
            list_push(c->a, out->list, value_str(m->v[k].key));
    }
    return true;
}

FUNC(fn_values)
{
    const struct map *m = map_at(args, 0);
    *out = value_list(c->a);
    for (size_t i = 0; m != NULL && i < m->n; i++)
        list_push(c->a, out->list, m->v[i].value);
    return true;
}

static bool not_a_map(const struct value *v, struct err *e)
{
    return err_set(e, ERR_INVALID, "interface conversion: interface {} is %.*s, not map[string]interface {}",
                   STR(v->kind == VALUE_NULL ? S("nil") : template_type_name(v)));
}

FUNC(fn_dig)
{
    if (n < 3)
        return err_set(e, ERR_INVALID, "dig needs at least three arguments");
    struct value v = args[n - 1];
    for (size_t i = 0; i + 2 < n; i++) {
        if (v.kind != VALUE_MAP || type_tag(&v) == TEMPLATE_VALUES || is_string_map(&v))
            return not_a_map(&v, e);
        if (args[i].kind != VALUE_STRING)
            return err_set(e, ERR_INVALID, "interface conversion: interface {} is %.*s, not string",
                           STR(args[i].kind == VALUE_NULL ? S("nil") : template_type_name(&args[i])));
        const struct value *there = map_get(v.map, value_as_str(&args[i]));
        if (there == NULL)
            return give(out, args[n - 2]);
        v = *there;
    }
    return give(out, v);
}

/* ---- merging ------------------------------------------------------------------------------ */

/* What dst lacks or holds empty comes from src; maps are merged entry by entry. With `over` src wins always, but an
 * empty map does not displace a map. */
static bool merge(struct template_call *c, struct map *dst, const struct map *src, bool over, int depth, struct err *e)
{
    if (depth > MERGE_DEPTH_MAX)
        return err_set(e, ERR_LIMIT, "maps are nested more than %d deep", MERGE_DEPTH_MAX);
    if (!call_spend(c, 1 + (int64_t)src->n, e))
        return false;
    for (size_t i = 0; i < src->n; i++) {
        const struct value *from = &src->v[i].value;
        struct value *to = map_get(dst, src->v[i].key);
        bool both_maps = to != NULL && to->kind == VALUE_MAP && from->kind == VALUE_MAP;
        if (both_maps && to->map == from->map)
            continue;
        if (both_maps) {
            if (!merge(c, to->map, from->map, over, depth + 1, e))
                return false;
        } else if (over || ((to == NULL || !template_truth(to)) && from->kind != VALUE_NULL)) {
            map_put(c->a, dst, src->v[i].key, *from);
        }
    }
    return true;
}

static bool merge_all(struct template_call *c, const struct value *args, size_t n, bool over, struct value *out,
                      struct err *e)
{
    *out = args[0].kind == VALUE_MAP ? args[0] : value_map(c->a);
    struct map *dst = out->map;
    tell_of_change(c);
    for (size_t i = 1; i < n; i++) {
        const struct map *src = map_at(args, i);
        if (src != NULL && src != dst && !merge(c, dst, src, over, 0, e))
            return false;
    }
    return true;
}

FUNC(fn_merge)
{
    return merge_all(c, args, n, false, out, e);
}

FUNC(fn_merge_overwrite)
{
    return merge_all(c, args, n, true, out, e);
}

/* ---- copies ------------------------------------------------------------------------------- */

/* Containers are copied, strings and objects shared. */
static bool copy(struct template_call *c, const struct value *v, int depth, struct value *out, struct err *e)
{
    struct arena *a = c->a;
    if (depth > MERGE_DEPTH_MAX)
        return err_set(e, ERR_LIMIT, "values are nested more than %d deep", MERGE_DEPTH_MAX);
    if (!call_spend(c, 1, e))
        return false;
    *out = *v;
    if (v->kind == VALUE_LIST) {
        *out = tagged(value_list(a), type_tag(v));
        for (size_t i = 0; i < v->list->n; i++) {
            struct value item;
            if (!copy(c, &v->list->v[i], depth + 1, &item, e))
                return false;
            list_push(a, out->list, item);
        }
    } else if (v->kind == VALUE_MAP) {
        *out = tagged(value_map(a), type_tag(v));
        for (size_t i = 0; i < v->map->n; i++) {
            struct value item;
            if (!copy(c, &v->map->v[i].value, depth + 1, &item, e))
                return false;
            map_put(a, out->map, v->map->v[i].key, item);
        }
    }
    return true;
}

FUNC(fn_deep_copy)
{
    if (args[0].kind == VALUE_NULL)
        return err_set(e, ERR_INVALID, "reflect: call of reflect.Value.Type on zero Value");
    return copy(c, &args[0], 0, out, e);
}
