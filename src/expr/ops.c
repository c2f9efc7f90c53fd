/*
 * What operators do with values: Go's numbers (ints stay ints, / and ** give floats), strings, lists, times and
 * durations.
 */
#include <math.h>

#include "expr/internal.h"

const char *type_name(const struct value *v)
{
    switch ((enum value_kind)v->kind) {
    case VALUE_NULL: return "nil";
    case VALUE_BOOL: return "bool";
    case VALUE_INT: return "int";
    case VALUE_FLOAT: return "float";
    case VALUE_STRING: return "string";
    case VALUE_LIST: return "array";
    case VALUE_MAP: return "map";
    case VALUE_OPAQUE: return (*(const struct expr_class *const *)v->opaque)->name;
    }
    return "unknown";
}

const void *object_of(const struct value *v, const struct expr_class *class)
{
    return v->kind == VALUE_OPAQUE && *(const struct expr_class *const *)v->opaque == class ? v->opaque : NULL;
}

bool expr_as_number(const struct value *v, double *out)
{
    *out = v->kind == VALUE_INT ? (double)v->i : v->f;
    return v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
}

bool want_int(struct run *r, const struct value *v, const char *what, int64_t *out)
{
    if (v->kind == VALUE_FLOAT && v->f == floor(v->f) && fabs(v->f) < 9e18) {
        *out = (int64_t)v->f;
        return true;
    }
    if (v->kind != VALUE_INT)
        return run_fail(r, "%s must be an int, not %s", what, type_name(v));
    *out = v->i;
    return true;
}

bool want_string(struct run *r, const struct value *v, const char *what, struct str *out)
{
    if (v->kind != VALUE_STRING)
        return run_fail(r, "%s must be a string, not %s", what, type_name(v));
    *out = value_as_str(v);
    return true;
}

bool want_list(struct run *r, const struct value *v, const char *what)
{
    return v->kind == VALUE_LIST || run_fail(r, "%s needs an array, not %s", what, type_name(v));
}

/* ---- equality and order --------------------------------------------------------------------------- */

static bool objects_equal(const struct value *a, const struct value *b)
{
    const struct time_object *t = object_of(a, &time_class), *u = object_of(b, &time_class);
    const struct duration_object *d = object_of(a, &duration_class), *f = object_of(b, &duration_class);
    const struct named_object *m = object_of(a, &named_class), *n = object_of(b, &named_class);

    if (t != NULL && u != NULL)
        return time_compare(&t->time, &u->time) == 0;
    if (d != NULL && f != NULL)
        return d->ns == f->ns;
    if (m != NULL && n != NULL)
        return m->number == n->number && strcmp(m->name, n->name) == 0;
    return a->kind == b->kind && a->opaque == b->opaque;
}

bool values_equal(const struct value *a, const struct value *b)
{
    if (a->kind == VALUE_OPAQUE || b->kind == VALUE_OPAQUE)
        return objects_equal(a, b);
    return value_equal(a, b);
}

static int order_of(double a, double b)
{
    return (a > b) - (a < b);
}

bool values_compare(struct run *r, const struct value *a, const struct value *b, int *out)
{
    const struct time_object *t = object_of(a, &time_class), *u = object_of(b, &time_class);
    const struct duration_object *d = object_of(a, &duration_class), *f = object_of(b, &duration_class);
    double x = 0, y = 0;

    if (a->kind == VALUE_INT && b->kind == VALUE_INT)
        *out = (a->i > b->i) - (a->i < b->i);
    else if (expr_as_number(a, &x) && expr_as_number(b, &y))
        *out = isnan(x) || isnan(y) ? 2 : order_of(x, y);
    else if (a->kind == VALUE_STRING && b->kind == VALUE_STRING)
        *out = str_cmp(value_as_str(a), value_as_str(b));
    else if (t != NULL && u != NULL)
        *out = time_compare(&t->time, &u->time);
    else if (d != NULL && f != NULL)
        *out = (d->ns > f->ns) - (d->ns < f->ns);
    else
        return run_fail(r, "cannot compare %s with %s", type_name(a), type_name(b));
    return true;
}

static bool apply_order(struct run *r, enum op op, const struct value *a, const struct value *b, struct value *out)
{
    int order = 0;

    if (!values_compare(r, a, b, &order))
        return false;
    bool unordered = order == 2; /* NaN: everything is false */
    *out = value_bool(!unordered
                      && (op == OP_LESS            ? order < 0
                          : op == OP_GREATER       ? order > 0
                          : op == OP_GREATER_EQUAL ? order >= 0
                                                   : order <= 0));
    return true;
}

/* ---- membership, text and ranges ------------------------------------------------------------------ */

static bool apply_in(struct run *r, const struct value *a, const struct value *b, struct value *out)
{
    bool found = false;

    if (b->kind == VALUE_LIST) {
        if (!run_spend(r, b->list->n))
            return false;
        for (size_t i = 0; i < b->list->n && !found; i++)
            found = values_equal(a, &b->list->v[i]);
    } else if (b->kind == VALUE_MAP) {
        if (a->kind != VALUE_STRING && a->kind != VALUE_NULL)
            return run_fail(r, "cannot use %s as a key of a map", type_name(a));
        found = a->kind == VALUE_STRING && map_get(b->map, value_as_str(a)) != NULL;
    } else if (b->kind != VALUE_NULL) {
        return run_fail(r, "operator \"in\" is not defined on %s", type_name(b));
    }
    *out = value_bool(found);
    return true;
}

static bool apply_text(struct run *r, enum op op, const struct value *a, const struct value *b, struct value *out)
{
    struct str s = value_as_str(a), t = value_as_str(b);
    bool found = false;

    if (a->kind == VALUE_NULL || b->kind == VALUE_NULL) { /* nil contains nothing */
        *out = value_bool(false);
        return true;
    }
    if (a->kind != VALUE_STRING || b->kind != VALUE_STRING)
        return run_fail(r, "expected two strings, not %s and %s", type_name(a), type_name(b));
    if (op == OP_MATCHES && !run_match(r, t, s, &found))
        return false;
    if (op == OP_CONTAINS)
        found = str_find(s, t) >= 0;
    else if (op == OP_STARTS_WITH)
        found = str_starts(s, t);
    else if (op == OP_ENDS_WITH)
        found = str_ends(s, t);
    *out = value_bool(found);
    return run_spend(r, s.n / 64);
}

static bool apply_range(struct run *r, const struct value *a, const struct value *b, struct value *out)
{
    int64_t from = 0, to = 0;

    if (!want_int(r, a, "a range's start", &from) || !want_int(r, b, "a range's end", &to))
        return false;
    *out = value_list(r->a);
    if (to < from)
        return true;
    uint64_t n = (uint64_t)to - (uint64_t)from;
    if (n >= EXPR_RANGE_MAX || !run_spend(r, n))
        return err_set(r->e, ERR_LIMIT, "a range of more than %d elements", EXPR_RANGE_MAX);
    for (uint64_t i = 0; i <= n; i++) {
        list_push(r->a, out->list, value_int(from + (int64_t)i));
        if (i % 4096 == 0 && !run_spend(r, 0))
            return false;
    }
    return true;
}

/* ---- arithmetic ----------------------------------------------------------------------------------- */

static bool fail_operands(struct run *r, const char *op, const struct value *a, const struct value *b)
{
    return run_fail(r, "operator %s is not defined on %s and %s", op, type_name(a), type_name(b));
}

static const char *op_text(enum op op)
{
    switch ((int)op) {
    case OP_PLUS: return "+";
    case OP_MINUS: return "-";
    case OP_MULTIPLY: return "*";
    case OP_DIVIDE: return "/";
    case OP_MODULO: return "%";
    default: return "**";
    }
}

/* Go's ints wrap around. */
static struct value int_arithmetic(enum op op, int64_t a, int64_t b)
{
    uint64_t x = (uint64_t)a, y = (uint64_t)b;

    return value_int((int64_t)(op == OP_PLUS ? x + y : op == OP_MINUS ? x - y : x * y));
}

static struct value float_arithmetic(enum op op, double a, double b)
{
    switch ((int)op) {
    case OP_PLUS: return value_float(a + b);
    case OP_MINUS: return value_float(a - b);
    case OP_MULTIPLY: return value_float(a * b);
    case OP_DIVIDE: return value_float(a / b);
    default: return value_float(pow(a, b));
    }
}

static bool apply_modulo(struct run *r, const struct value *a, const struct value *b, struct value *out)
{
    if (a->kind != VALUE_INT || b->kind != VALUE_INT)
        return fail_operands(r, "%", a, b);
    if (b->i == 0)
        return run_fail(r, "integer divide by zero");
    *out = value_int(b->i == -1 ? 0 : a->i % b->i);
    return true;
}

/* A duration times a number. */
static bool scale(struct run *r, int64_t ns, const struct value *by, struct value *out)
{
    double x = 0;

    if (by->kind == VALUE_INT) {
        *out = duration_value(r->a, int_arithmetic(OP_MULTIPLY, ns, by->i).i);
        return true;
    }
    if (!expr_as_number(by, &x) || !(fabs((double)ns * x) < 9.2e18))
        return false;
    *out = duration_value(r->a, (int64_t)((double)ns * x));
    return true;
}

/* Times and durations; false in *done when neither side is one. */
static bool apply_time(struct run *r, enum op op, const struct value *a, const struct value *b, struct value *out,
                       bool *done)
{
    const struct time_object *t = object_of(a, &time_class), *u = object_of(b, &time_class);
    const struct duration_object *d = object_of(a, &duration_class), *f = object_of(b, &duration_class);

    *done = true;
    if (t != NULL && f != NULL && (op == OP_PLUS || op == OP_MINUS))
        *out = expr_time_value(r->a, expr_time_add(&t->time, op == OP_PLUS ? f->ns : (int64_t)(0 - (uint64_t)f->ns)));
    else if (d != NULL && u != NULL && op == OP_PLUS)
        *out = expr_time_value(r->a, expr_time_add(&u->time, d->ns));
    else if (t != NULL && u != NULL && op == OP_MINUS)
        *out = duration_value(r->a, time_subtract(&t->time, &u->time));
    else if (d != NULL && f != NULL && op == OP_DIVIDE)
        *out = value_float((double)d->ns / (double)f->ns);
    else if (d != NULL && f != NULL && (op == OP_PLUS || op == OP_MINUS))
        *out = duration_value(r->a, int_arithmetic(op, d->ns, f->ns).i);
    else if (op == OP_MULTIPLY && (d != NULL || f != NULL))
        *done = scale(r, d != NULL ? d->ns : f->ns, d != NULL ? b : a, out);
    else
        *done = false;
    return true;
}

static bool concatenate(struct run *r, struct str a, struct str b, struct value *out)
{
    struct buf text = { .a = r->a };

    if (!run_spend(r, (a.n + b.n) / 64))
        return false;
    buf_reserve(&text, a.n + b.n);
    buf_add(&text, a);
    buf_add(&text, b);
    *out = value_str(text.n == 0 ? S("") : buf_str(&text));
    return true;
}

static bool apply_arithmetic(struct run *r, enum op op, const struct value *a, const struct value *b, struct value *out)
{
    double x = 0, y = 0;
    bool done = false;

    if (a->kind == VALUE_INT && b->kind == VALUE_INT && op != OP_DIVIDE && op != OP_POWER) {
        *out = int_arithmetic(op, a->i, b->i);
        return true;
    }
    if (expr_as_number(a, &x) && expr_as_number(b, &y)) {
        *out = float_arithmetic(op, x, y);
        return true;
    }
    if (op == OP_PLUS && a->kind == VALUE_STRING && b->kind == VALUE_STRING)
        return concatenate(r, value_as_str(a), value_as_str(b), out);
    if (!apply_time(r, op, a, b, out, &done))
        return false;
    return done || fail_operands(r, op_text(op), a, b);
}

bool apply_binary(struct run *r, enum op op, const struct value *a, const struct value *b, struct value *out)
{
    switch ((int)op) {
    case OP_EQUAL:
    case OP_NOT_EQUAL: *out = value_bool(values_equal(a, b) == (op == OP_EQUAL)); return true;
    case OP_LESS:
    case OP_GREATER:
    case OP_GREATER_EQUAL:
    case OP_LESS_EQUAL: return apply_order(r, op, a, b, out);
    case OP_IN: return apply_in(r, a, b, out);
    case OP_MATCHES:
    case OP_CONTAINS:
    case OP_STARTS_WITH:
    case OP_ENDS_WITH: return apply_text(r, op, a, b, out);
    case OP_RANGE: return apply_range(r, a, b, out);
    case OP_MODULO: return apply_modulo(r, a, b, out);
    default: return apply_arithmetic(r, op, a, b, out);
    }
}

bool apply_unary(struct run *r, enum op op, const struct value *a, struct value *out)
{
    const struct duration_object *d = object_of(a, &duration_class);

    *out = *a;
    if (op == OP_NOT) {
        if (a->kind != VALUE_BOOL)
            return run_fail(r, "expected a bool, not %s", type_name(a));
        out->b = !a->b;
        return true;
    }
    if (d != NULL)
        *out = op == OP_MINUS ? duration_value(r->a, (int64_t)(0 - (uint64_t)d->ns)) : *a;
    else if (a->kind == VALUE_INT)
        out->i = op == OP_MINUS ? (int64_t)(0 - (uint64_t)a->i) : a->i;
    else if (a->kind == VALUE_FLOAT)
        out->f = op == OP_MINUS ? -a->f : a->f;
    else
        return run_fail(r, "operator %s is not defined on %s", op == OP_MINUS ? "-" : "+", type_name(a));
    return true;
}
