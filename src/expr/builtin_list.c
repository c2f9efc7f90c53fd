/*
 * Builtins on arrays and maps. All give new containers.
 */
#include "expr/internal.h"

static bool call_len(struct run *r, const struct value *args, size_t n, struct value *out)
{
    if (args[0].kind == VALUE_STRING)
        *out = value_int((int64_t)utf8_count(value_as_str(&args[0])));
    else if (args[0].kind == VALUE_LIST)
        *out = value_int((int64_t)args[0].list->n);
    else if (args[0].kind == VALUE_MAP)
        *out = value_int((int64_t)args[0].map->n);
    else
        return run_fail(r, "invalid argument for len (type %s)", type_name(&args[0]));
    return true;
}

static bool call_first(struct run *r, const struct value *args, size_t n, struct value *out)
{
    *out = *value_item(&args[0], 0);
    return want_list(r, &args[0], "first");
}

static bool call_last(struct run *r, const struct value *args, size_t n, struct value *out)
{
    size_t length = value_len(&args[0]);

    *out = length > 0 ? *value_item(&args[0], length - 1) : value_null();
    return want_list(r, &args[0], "last");
}

/* Like a member, but nil for what is not there. */
static bool call_get(struct run *r, const struct value *args, size_t n, struct value *out)
{
    int64_t i = 0, length = (int64_t)value_len(&args[0]);

    *out = value_null();
    if (args[0].kind == VALUE_LIST && args[1].kind == VALUE_INT) {
        i = args[1].i < 0 ? args[1].i + length : args[1].i;
        if (i >= 0 && i < length)
            *out = args[0].list->v[i];
        return true;
    }
    return args[0].kind != VALUE_MAP || fetch_member(r, &args[0], &args[1], out);
}

static bool call_take(struct run *r, const struct value *args, size_t n, struct value *out)
{
    int64_t count = 0;

    if (!want_list(r, &args[0], "take") || !want_int(r, &args[1], "the number of elements", &count))
        return false;
    if (count < 0)
        return run_fail(r, "the number of elements must not be negative");
    *out = value_list(r->a);
    for (size_t i = 0; i < args[0].list->n && i < (size_t)count; i++)
        list_push(r->a, out->list, args[0].list->v[i]);
    return run_spend(r, out->list->n);
}

static bool want_map(struct run *r, const struct value *v, const char *what)
{
    return v->kind == VALUE_MAP || run_fail(r, "%s needs a map, not %s", what, type_name(v));
}

static struct value pair(struct run *r, struct value a, struct value b)
{
    struct value out = value_list(r->a);

    list_push(r->a, out.list, a);
    list_push(r->a, out.list, b);
    return out;
}

/* Keys, values or pairs, ordered by key: Go's order is random, ours can be tested. */
static bool list_map(struct run *r, const struct value *v, const char *what, struct value *out)
{
    if (!want_map(r, v, what) || !run_spend(r, v->map->n))
        return false;
    const struct map_entry **sorted = map_sorted(r->a, v->map);
    *out = value_list(r->a);
    for (size_t i = 0; i < v->map->n; i++) {
        struct value key = value_str(sorted[i]->key), member = sorted[i]->value;
        list_push(r->a, out->list,
                  strcmp(what, "keys") == 0     ? key
                  : strcmp(what, "values") == 0 ? member
                                                : pair(r, key, member));
    }
    return true;
}

static bool call_keys(struct run *r, const struct value *args, size_t n, struct value *out)
{
    return list_map(r, &args[0], "keys", out);
}

static bool call_values(struct run *r, const struct value *args, size_t n, struct value *out)
{
    return list_map(r, &args[0], "values", out);
}

static bool call_to_pairs(struct run *r, const struct value *args, size_t n, struct value *out)
{
    return list_map(r, &args[0], "toPairs", out);
}

static bool call_from_pairs(struct run *r, const struct value *args, size_t n, struct value *out)
{
    if (!want_list(r, &args[0], "fromPairs") || !run_spend(r, args[0].list->n))
        return false;
    *out = value_map(r->a);
    for (size_t i = 0; i < args[0].list->n; i++) {
        const struct value *p = &args[0].list->v[i];
        if (value_len(p) != 2)
            return run_fail(r, "fromPairs needs arrays of two, not %s", type_name(p));
        map_put(r->a, out->map, expr_print(r->a, value_item(p, 0)), *value_item(p, 1));
    }
    return true;
}

static bool call_reverse(struct run *r, const struct value *args, size_t n, struct value *out)
{
    if (!want_list(r, &args[0], "reverse") || !run_spend(r, args[0].list->n))
        return false;
    *out = value_list(r->a);
    for (size_t i = args[0].list->n; i-- > 0;)
        list_push(r->a, out->list, args[0].list->v[i]);
    return true;
}

static bool holds(const struct list *l, const struct value *v)
{
    for (size_t i = 0; i < l->n; i++)
        if (values_equal(&l->v[i], v))
            return true;
    return false;
}

static bool call_uniq(struct run *r, const struct value *args, size_t n, struct value *out)
{
    if (!want_list(r, &args[0], "uniq"))
        return false;
    *out = value_list(r->a);
    for (size_t i = 0; i < args[0].list->n; i++) {
        if (!run_spend(r, 1 + out->list->n))
            return false;
        if (!holds(out->list, &args[0].list->v[i]))
            list_push(r->a, out->list, args[0].list->v[i]);
    }
    return true;
}

static bool append_all(struct run *r, const struct value *from, struct value *out)
{
    if (!run_spend(r, from->list->n))
        return false;
    for (size_t i = 0; i < from->list->n; i++)
        list_push(r->a, out->list, from->list->v[i]);
    return true;
}

static bool call_concat(struct run *r, const struct value *args, size_t n, struct value *out)
{
    *out = value_list(r->a);
    for (size_t i = 0; i < n; i++)
        if (!want_list(r, &args[i], "concat") || !append_all(r, &args[i], out))
            return false;
    return true;
}

static bool flatten(struct run *r, const struct value *v, struct value *out)
{
    if (!run_spend(r, 1))
        return false;
    if (v->kind != VALUE_LIST) {
        list_push(r->a, out->list, *v);
        return true;
    }
    for (size_t i = 0; i < v->list->n; i++)
        if (!flatten(r, &v->list->v[i], out))
            return false;
    return true;
}

static bool call_flatten(struct run *r, const struct value *args, size_t n, struct value *out)
{
    *out = value_list(r->a);
    return want_list(r, &args[0], "flatten") && flatten(r, &args[0], out);
}

/* "asc" (the default) or "desc". */
bool want_direction(struct run *r, const struct value *v, bool *descending)
{
    struct str s;

    if (!want_string(r, v, "the order", &s))
        return false;
    *descending = str_is(s, "desc");
    return *descending || str_is(s, "asc") || run_fail(r, "the order must be asc or desc, not \"%.*s\"", STR(s));
}

/* Merge sort: stable, and an element that cannot be compared ends it. `keys` decide, `items` move along. */
bool sort_by_keys(struct run *r, struct value *keys, struct value *items, size_t n, bool descending)
{
    if (n < 2)
        return true;
    size_t half = n / 2, i = 0, k = half, at = 0;
    if (!run_spend(r, n) || !sort_by_keys(r, keys, items, half, descending)
        || !sort_by_keys(r, keys + half, items + half, n - half, descending))
        return false;
    struct value *merged = arena_new(r->a, struct value, 2 * n);
    while (i < half || k < n) {
        int order = 0;
        if (i < half && k < n && !values_compare(r, &keys[i], &keys[k], &order))
            return false;
        bool left = k == n || (i < half && (descending ? order >= 0 : order <= 0));
        size_t from = left ? i++ : k++;
        merged[at] = keys[from];
        merged[n + at++] = items[from];
    }
    memcpy(keys, merged, n * sizeof *keys);
    memcpy(items, merged + n, n * sizeof *items);
    return true;
}

static bool call_sort(struct run *r, const struct value *args, size_t n, struct value *out)
{
    bool descending = false;

    *out = value_list(r->a);
    if (!want_list(r, &args[0], "sort") || (n > 1 && !want_direction(r, &args[1], &descending))
        || !append_all(r, &args[0], out))
        return false;
    struct value *keys = arena_new(r->a, struct value, out->list->n);
    if (out->list->n > 0)
        memcpy(keys, out->list->v, out->list->n * sizeof *keys);
    return sort_by_keys(r, keys, out->list->v, out->list->n, descending);
}

const struct builtin builtins_list[] = {
    { "len", 1, 1, call_len },         { "first", 1, 1, call_first },      { "last", 1, 1, call_last },
    { "get", 2, 2, call_get },         { "take", 2, 2, call_take },        { "keys", 1, 1, call_keys },
    { "values", 1, 1, call_values },   { "toPairs", 1, 1, call_to_pairs }, { "fromPairs", 1, 1, call_from_pairs },
    { "reverse", 1, 1, call_reverse }, { "uniq", 1, 1, call_uniq },        { "concat", 1, -1, call_concat },
    { "flatten", 1, 1, call_flatten }, { "sort", 1, 2, call_sort },        { 0 },
};
