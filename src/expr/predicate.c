/*
 * Builtins that take a closure: all, any, none, one, filter, map, find, count, sum, groupBy, sortBy, reduce.
 */
#include "expr/internal.h"

/* The closure's value for element `i`. */
static bool call_closure(struct run *r, const struct node *closure, const struct value *list, int64_t i,
                         const struct value *accumulator, struct value *out)
{
    struct scope s = { .element = list->list->v[i], .index = i, .outer = r->scope };

    if (accumulator != NULL)
        s.accumulator = *accumulator;
    r->scope = &s;
    bool ok = eval(r, closure, out);
    r->scope = s.outer;
    return ok;
}

static bool test(struct run *r, const struct node *n, const struct value *list, int64_t i, bool *out)
{
    struct value v;

    if (!call_closure(r, n->args[1], list, i, NULL, &v))
        return false;
    r->at = n->args[1]->at;
    if (v.kind != VALUE_BOOL)
        return run_fail(r, "%s needs a condition, not %s", n->predicate->name, type_name(&v));
    *out = v.b;
    return true;
}

/* How many elements pass; stops once more than `enough` did. */
static bool count_passing(struct run *r, const struct node *n, const struct value *list, int64_t enough, int64_t *out)
{
    *out = 0;
    for (int64_t i = 0; i < (int64_t)list->list->n && *out <= enough; i++) {
        bool passes = false;
        if (!test(r, n, list, i, &passes))
            return false;
        *out += passes;
    }
    return true;
}

static bool call_all(struct run *r, const struct node *n, const struct value *list, struct value *out)
{
    bool passes = true;

    for (size_t i = 0; i < list->list->n && passes; i++)
        if (!test(r, n, list, (int64_t)i, &passes))
            return false;
    *out = value_bool(passes);
    return true;
}

static bool call_any(struct run *r, const struct node *n, const struct value *list, struct value *out)
{
    int64_t count = 0;

    if (!count_passing(r, n, list, 0, &count))
        return false;
    *out = value_bool(count > 0);
    return true;
}

static bool call_none(struct run *r, const struct node *n, const struct value *list, struct value *out)
{
    if (!call_any(r, n, list, out))
        return false;
    out->b = !out->b;
    return true;
}

static bool call_one(struct run *r, const struct node *n, const struct value *list, struct value *out)
{
    int64_t count = 0;

    if (!count_passing(r, n, list, 1, &count))
        return false;
    *out = value_bool(count == 1);
    return true;
}

/* count(list) counts what is true itself. */
static bool call_count(struct run *r, const struct node *n, const struct value *list, struct value *out)
{
    int64_t count = 0;

    if (n->n > 1 && !count_passing(r, n, list, INT64_MAX - 1, &count))
        return false;
    for (size_t i = 0; n->n == 1 && i < list->list->n; i++)
        count += list->list->v[i].kind == VALUE_BOOL && list->list->v[i].b;
    *out = value_int(count);
    return true;
}

static bool call_filter(struct run *r, const struct node *n, const struct value *list, struct value *out)
{
    *out = value_list(r->a);
    for (size_t i = 0; i < list->list->n; i++) {
        bool passes = false;
        if (!test(r, n, list, (int64_t)i, &passes))
            return false;
        if (passes)
            list_push(r->a, out->list, list->list->v[i]);
    }
    return true;
}

static bool call_map(struct run *r, const struct node *n, const struct value *list, struct value *out)
{
    struct value v;

    *out = value_list(r->a);
    for (size_t i = 0; i < list->list->n; i++) {
        if (!call_closure(r, n->args[1], list, (int64_t)i, NULL, &v))
            return false;
        list_push(r->a, out->list, v);
    }
    return true;
}

/* The position of the first (or last) element that passes, -1 for none. */
static bool find_index(struct run *r, const struct node *n, const struct value *list, bool last, int64_t *out)
{
    int64_t length = (int64_t)list->list->n;

    for (int64_t i = 0; i < length; i++) {
        bool passes = false;
        *out = last ? length - 1 - i : i;
        if (!test(r, n, list, *out, &passes))
            return false;
        if (passes)
            return true;
    }
    *out = -1;
    return true;
}

static bool find_element(struct run *r, const struct node *n, const struct value *list, bool last, struct value *out)
{
    int64_t i = 0;

    if (!find_index(r, n, list, last, &i))
        return false;
    *out = i < 0 ? value_null() : list->list->v[i];
    return true;
}

static bool find_position(struct run *r, const struct node *n, const struct value *list, bool last, struct value *out)
{
    int64_t i = 0;

    if (!find_index(r, n, list, last, &i))
        return false;
    *out = i < 0 ? value_null() : value_int(i);
    return true;
}

static bool call_find(struct run *r, const struct node *n, const struct value *list, struct value *out)
{
    return find_element(r, n, list, false, out);
}

static bool call_find_last(struct run *r, const struct node *n, const struct value *list, struct value *out)
{
    return find_element(r, n, list, true, out);
}

static bool call_find_index(struct run *r, const struct node *n, const struct value *list, struct value *out)
{
    return find_position(r, n, list, false, out);
}

static bool call_find_last_index(struct run *r, const struct node *n, const struct value *list, struct value *out)
{
    return find_position(r, n, list, true, out);
}

/* Numbers, or durations. */
static bool call_sum(struct run *r, const struct node *n, const struct value *list, struct value *out)
{
    struct value total = value_int(0), v, next;

    for (size_t i = 0; i < list->list->n; i++) {
        v = list->list->v[i];
        if (n->n > 1 && !call_closure(r, n->args[1], list, (int64_t)i, NULL, &v))
            return false;
        r->at = n->at;
        next = v;
        if (!run_spend(r, 1) || ((i > 0 || v.kind != VALUE_OPAQUE) && !apply_binary(r, OP_PLUS, &total, &v, &next)))
            return false;
        total = next;
    }
    *out = total;
    return true;
}

static bool call_group_by(struct run *r, const struct node *n, const struct value *list, struct value *out)
{
    struct value key;

    *out = value_map(r->a);
    for (size_t i = 0; i < list->list->n; i++) {
        if (!call_closure(r, n->args[1], list, (int64_t)i, NULL, &key))
            return false;
        struct str name = expr_print(r->a, &key);
        if (map_get(out->map, name) == NULL)
            map_put(r->a, out->map, name, value_list(r->a));
        list_push(r->a, map_get(out->map, name)->list, list->list->v[i]);
    }
    return true;
}

static bool call_sort_by(struct run *r, const struct node *n, const struct value *list, struct value *out)
{
    struct value keys, order;
    bool descending = false;

    if (!call_map(r, n, list, &keys))
        return false;
    if (n->n > 2 && (!eval(r, n->args[2], &order) || !want_direction(r, &order, &descending)))
        return false;
    *out = value_list(r->a);
    for (size_t i = 0; i < list->list->n; i++)
        list_push(r->a, out->list, list->list->v[i]);
    r->at = n->at;
    return sort_by_keys(r, keys.list->v, out->list->v, out->list->n, descending);
}

/* Without a start the first element is it. */
static bool call_reduce(struct run *r, const struct node *n, const struct value *list, struct value *out)
{
    struct value total = value_null();
    size_t i = 0;

    if (n->n > 2 && !eval(r, n->args[2], &total))
        return false;
    if (n->n == 2) {
        if (list->list->n == 0)
            return run_fail(r, "reduce of an empty array without a start");
        total = list->list->v[i++];
    }
    for (; i < list->list->n; i++)
        if (!call_closure(r, n->args[1], list, (int64_t)i, &total, &total))
            return false;
    *out = total;
    return true;
}

static const struct predicate predicates[] = {
    { "all", 2, 2, call_all },
    { "any", 2, 2, call_any },
    { "none", 2, 2, call_none },
    { "one", 2, 2, call_one },
    { "filter", 2, 2, call_filter },
    { "map", 2, 2, call_map },
    { "count", 1, 2, call_count },
    { "sum", 1, 2, call_sum },
    { "find", 2, 2, call_find },
    { "findIndex", 2, 2, call_find_index },
    { "findLast", 2, 2, call_find_last },
    { "findLastIndex", 2, 2, call_find_last_index },
    { "groupBy", 2, 2, call_group_by },
    { "sortBy", 2, 3, call_sort_by },
    { "reduce", 2, 3, call_reduce },
};

const struct predicate *predicate_find(struct str name)
{
    for (size_t i = 0; i < COUNT(predicates); i++)
        if (str_is(name, predicates[i].name))
            return &predicates[i];
    return NULL;
}
