/* sprig's functions on lists. Those that change a list make a new one; slice shares the elements. */
#include <math.h>

#include "template/funcs.h"

bool fail_nil(struct err *e)
{
    return err_set(e, ERR_INVALID, "runtime error: invalid memory address or nil pointer dereference");
}

/* The list in `v`; else the message, whose %s is the kind. */
static const struct list *take_list(struct template_call *c, const struct value *v, const char *what, struct err *e)
{
    const struct list *l = list_in(c->a, v);
    if (l == NULL && v->kind == VALUE_NULL)
        fail_nil(e);
    else if (l == NULL)
        err_set_(e, ERR_INVALID, what, go_kind(v));
    return l;
}

static struct value make_list(struct arena *a, const struct value *v, size_t n)
{
    struct value made = value_list(a);
    made.list->v = arena_alloc_raw(a, (n > 0 ? n : 1) * sizeof *v);
    made.list->n = made.list->cap = n;
    if (n > 0)
        memcpy(made.list->v, v, n * sizeof *v);
    return made;
}

/* A nil []interface {}: prints [], but is null in JSON. */
static struct value nil_list(struct arena *a)
{
    return tagged(value_list(a), TEMPLATE_NIL);
}

FUNC(fn_list)
{
    return give(out, make_list(c->a, args, n));
}

FUNC(fn_first)
{
    const struct list *l = take_list(c, &args[0], "Cannot find first on type %s", e);
    return l != NULL && give(out, l->n > 0 ? l->v[0] : value_null());
}

FUNC(fn_last)
{
    const struct list *l = take_list(c, &args[0], "Cannot find last on type %s", e);
    return l != NULL && give(out, l->n > 0 ? l->v[l->n - 1] : value_null());
}

FUNC(fn_rest)
{
    const struct list *l = take_list(c, &args[0], "Cannot find rest on type %s", e);
    return l != NULL && give(out, l->n > 0 ? make_list(c->a, l->v + 1, l->n - 1) : nil_list(c->a));
}

FUNC(fn_initial)
{
    const struct list *l = take_list(c, &args[0], "Cannot find initial on type %s", e);
    return l != NULL && give(out, l->n > 0 ? make_list(c->a, l->v, l->n - 1) : nil_list(c->a));
}

FUNC(fn_append)
{
    const struct list *l = take_list(c, &args[0], "Cannot push on type %s", e);
    if (l == NULL)
        return false;
    *out = make_list(c->a, l->v, l->n);
    list_push(c->a, out->list, args[1]);
    return true;
}

FUNC(fn_prepend)
{
    const struct list *l = take_list(c, &args[0], "Cannot prepend on type %s", e);
    if (l == NULL)
        return false;
    *out = make_list(c->a, &args[1], 1);
    for (size_t i = 0; i < l->n; i++)
        list_push(c->a, out->list, l->v[i]);
    return true;
}

FUNC(fn_concat)
{
    struct value made = value_list(c->a);
    for (size_t i = 0; i < n; i++) {
        const struct list *l = take_list(c, &args[i], "Cannot concat type %s as list", e);
        if (l == NULL)
            return false;
        if (!list_fits(made.list->n + l->n, e))
            return false;
        for (size_t k = 0; k < l->n; k++)
            list_push(c->a, made.list, l->v[k]);
    }
    return give(out, made.list->n > 0 ? made : tagged(made, TEMPLATE_NIL));
}

FUNC(fn_reverse)
{
    const struct list *l = take_list(c, &args[0], "Cannot find reverse on type %s", e);
    if (l == NULL)
        return false;
    *out = make_list(c->a, l->v, l->n);
    for (size_t i = 0; i < l->n; i++)
        out->list->v[i] = l->v[l->n - 1 - i];
    return true;
}

/* Comparing many with many is paid for as it is done; the answer means nothing once the steps are used up. */
static bool list_has(struct template_call *c, const struct value *v, size_t n, const struct value *wanted)
{
    for (size_t i = 0; i < n; i++)
        if (go_deep_equal(&v[i], wanted, &c->budget->steps_left))
            return true;
    return false;
}

FUNC(fn_uniq)
{
    const struct list *l = take_list(c, &args[0], "Cannot find uniq on type %s", e);
    if (l == NULL)
        return false;
    *out = value_list(c->a);
    for (size_t i = 0; i < l->n && c->budget->steps_left >= 0; i++)
        if (!list_has(c, out->list->v, out->list->n, &l->v[i]))
            list_push(c->a, out->list, l->v[i]);
    return call_spend(c, 0, e);
}

FUNC(fn_compact)
{
    const struct list *l = take_list(c, &args[0], "Cannot compact on type %s", e);
    if (l == NULL)
        return false;
    *out = value_list(c->a);
    for (size_t i = 0; i < l->n; i++)
        if (template_truth(&l->v[i]))
            list_push(c->a, out->list, l->v[i]);
    return true;
}

FUNC(fn_without)
{
    const struct list *l = take_list(c, &args[0], "Cannot find without on type %s", e);
    if (l == NULL)
        return false;
    *out = value_list(c->a);
    for (size_t i = 0; i < l->n && c->budget->steps_left >= 0; i++)
        if (!list_has(c, args + 1, n - 1, &l->v[i]))
            list_push(c->a, out->list, l->v[i]);
    return call_spend(c, 0, e);
}

FUNC(fn_has)
{
    if (args[1].kind == VALUE_NULL)
        return give(out, value_bool(false));
    const struct list *l = take_list(c, &args[1], "Cannot find has on type %s", e);
    return l != NULL && give(out, value_bool(list_has(c, l->v, l->n, &args[0]))) && call_spend(c, 0, e);
}

/* A part of []uint8 is one again. */
static struct value part_of(struct arena *a, const struct value *v, const struct list *l, size_t from, size_t to)
{
    if (v->kind == VALUE_STRING)
        return tagged(value_str(str_slice(value_as_str(v), from, to)), TEMPLATE_BYTES);
    struct value part = tagged(value_list(a), type_tag(v));
    *part.list = (struct list){ l->v + from, to - from, to - from };
    return part;
}

FUNC(fn_slice)
{
    const struct list *l = take_list(c, &args[0], "list should be type of slice or array but %s", e);
    if (l == NULL)
        return false;
    if (l->n == 0)
        return give(out, value_null());
    int64_t from = n > 1 ? to_int64(c->a, &args[1]) : 0;
    int64_t to = n > 2 ? to_int64(c->a, &args[2]) : (int64_t)l->n;
    if (from < 0 || from > to || to > (int64_t)l->n)
        return err_set(e, ERR_INVALID, "reflect.Value.Slice: slice index out of bounds");
    return give(out, part_of(c->a, &args[0], l, (size_t)from, (size_t)to));
}

FUNC(fn_chunk)
{
    const struct list *l = take_list(c, &args[1], "Cannot chunk type %s", e);
    if (l == NULL)
        return false;
    /* sprig makes floor((n - 1) / size) + 1 chunks: with a negative size that may be none */
    double chunks = floor((double)((int64_t)l->n - 1) / (double)args[0].i) + 1;
    if (args[0].i <= 0 && chunks != 0)
        return err_set(e, ERR_INVALID, "runtime error: makeslice: len out of range");
    *out = tagged(value_list(c->a), TEMPLATE_LISTS);
    for (size_t i = 0; args[0].i > 0 && i < l->n; i += (size_t)args[0].i) {
        size_t left = l->n - i, size = left < (size_t)args[0].i ? left : (size_t)args[0].i;
        list_push(c->a, out->list, make_list(c->a, l->v + i, size));
    }
    return true;
}

FUNC(fn_all)
{
    bool all = true;
    for (size_t i = 0; i < n; i++)
        all = all && template_truth(&args[i]);
    return give(out, value_bool(all));
}

FUNC(fn_any)
{
    bool any = false;
    for (size_t i = 0; i < n; i++)
        any = any || template_truth(&args[i]);
    return give(out, value_bool(any));
}

/* ---- defaults and flow -------------------------------------------------------------------- */

FUNC(fn_default)
{
    return give(out, n > 1 && template_truth(&args[1]) ? args[1] : args[0]);
}

FUNC(fn_empty)
{
    return give(out, value_bool(!template_truth(&args[0])));
}

FUNC(fn_coalesce)
{
    for (size_t i = 0; i < n; i++)
        if (template_truth(&args[i]))
            return give(out, args[i]);
    return give(out, value_null());
}

FUNC(fn_ternary)
{
    return give(out, args[2].b ? args[0] : args[1]);
}

FUNC(fn_fail)
{
    return template_call_fail(c, str_at(args, 0), e);
}
