/*
 * Builtins on numbers, conversions, and the ones that make times.
 */
#include <math.h>

#include "base/sys.h"
#include "data/gofmt.h"
#include "expr/internal.h"

static bool want_number(struct run *r, const struct value *v, const char *what, double *out)
{
    return expr_as_number(v, out) || run_fail(r, "%s needs a number, not %s", what, type_name(v));
}

/* ---- conversions ---------------------------------------------------------------------------------- */

static bool call_int(struct run *r, const struct value *args, size_t n, struct value *out)
{
    const struct value *v = &args[0];
    const struct named_object *named = object_of(v, &named_class);
    const struct duration_object *d = object_of(v, &duration_class);
    int64_t i = 0;

    if (v->kind == VALUE_FLOAT && fabs(v->f) < 9.2e18)
        i = (int64_t)v->f;
    else if (v->kind == VALUE_INT)
        i = v->i;
    else if (named != NULL || d != NULL)
        i = named != NULL ? named->number : d->ns;
    else if (v->kind == VALUE_STRING && !str_to_int(value_as_str(v), &i))
        return run_fail(r, "invalid operation: int(%.*s)", STR(go_quote(r->a, value_as_str(v))));
    else if (v->kind != VALUE_STRING)
        return run_fail(r, "invalid operation: int(%s)", type_name(v));
    *out = value_int(i);
    return true;
}

static bool call_float(struct run *r, const struct value *args, size_t n, struct value *out)
{
    const struct value *v = &args[0];
    double f = 0;

    if (v->kind == VALUE_STRING && !str_to_double(value_as_str(v), &f))
        return run_fail(r, "invalid operation: float(%.*s)", STR(go_quote(r->a, value_as_str(v))));
    if (v->kind != VALUE_STRING && !expr_as_number(v, &f))
        return run_fail(r, "invalid operation: float(%s)", type_name(v));
    *out = value_float(f);
    return true;
}

static bool call_string(struct run *r, const struct value *args, size_t n, struct value *out)
{
    *out = value_str(expr_print(r->a, &args[0]));
    return run_spend(r, out->n / 64);
}

static bool call_type(struct run *r, const struct value *args, size_t n, struct value *out)
{
    *out = value_c(type_name(&args[0]));
    return true;
}

/* ---- numbers -------------------------------------------------------------------------------------- */

static bool call_abs(struct run *r, const struct value *args, size_t n, struct value *out)
{
    double f = 0;

    if (!want_number(r, &args[0], "abs", &f))
        return false;
    *out = args[0];
    if (out->kind == VALUE_INT)
        out->i = out->i < 0 ? (int64_t)(0 - (uint64_t)out->i) : out->i;
    else
        out->f = fabs(f);
    return true;
}

static bool call_ceil(struct run *r, const struct value *args, size_t n, struct value *out)
{
    double f = 0;
    bool ok = want_number(r, &args[0], "ceil", &f);

    *out = value_float(ceil(f));
    return ok;
}

static bool call_floor(struct run *r, const struct value *args, size_t n, struct value *out)
{
    double f = 0;
    bool ok = want_number(r, &args[0], "floor", &f);

    *out = value_float(floor(f));
    return ok;
}

static bool call_round(struct run *r, const struct value *args, size_t n, struct value *out)
{
    double f = 0;
    bool ok = want_number(r, &args[0], "round", &f);

    *out = value_float(round(f));
    return ok;
}

/* Numbers given one by one or in arrays, as one array. */
static bool gather(struct run *r, const struct value *args, size_t n, const char *what, struct value *out)
{
    double f = 0;

    *out = value_list(r->a);
    for (size_t i = 0; i < n; i++) {
        bool many = args[i].kind == VALUE_LIST;
        size_t count = many ? args[i].list->n : 1;
        if (!run_spend(r, count))
            return false;
        for (size_t k = 0; k < count; k++) {
            const struct value *v = many ? &args[i].list->v[k] : &args[i];
            if (!want_number(r, v, what, &f))
                return false;
            list_push(r->a, out->list, *v);
        }
    }
    return true;
}

static bool extreme(struct run *r, const struct value *args, size_t n, int sign, struct value *out)
{
    struct value all;
    double best = 0, f = 0;

    if (!gather(r, args, n, sign > 0 ? "max" : "min", &all))
        return false;
    *out = value_null();
    for (size_t i = 0; i < all.list->n; i++) {
        expr_as_number(&all.list->v[i], &f);
        if (i > 0 && !(sign > 0 ? f > best : f < best))
            continue;
        best = f;
        *out = all.list->v[i];
    }
    return true;
}

static bool call_max(struct run *r, const struct value *args, size_t n, struct value *out)
{
    return extreme(r, args, n, 1, out);
}

static bool call_min(struct run *r, const struct value *args, size_t n, struct value *out)
{
    return extreme(r, args, n, -1, out);
}

static bool call_mean(struct run *r, const struct value *args, size_t n, struct value *out)
{
    struct value all;
    double sum = 0, f = 0;

    if (!gather(r, args, n, "mean", &all))
        return false;
    for (size_t i = 0; i < all.list->n; i++, sum += f)
        expr_as_number(&all.list->v[i], &f);
    *out = value_float(all.list->n == 0 ? 0 : sum / (double)all.list->n);
    return true;
}

static bool call_median(struct run *r, const struct value *args, size_t n, struct value *out)
{
    struct value all;
    double low = 0, high = 0;

    *out = value_float(0);
    if (!gather(r, args, n, "median", &all))
        return false;
    size_t count = all.list->n;
    if (count == 0)
        return true;
    struct value *keys = arena_new(r->a, struct value, count);
    memcpy(keys, all.list->v, count * sizeof *keys);
    if (!sort_by_keys(r, keys, all.list->v, count, false))
        return false;
    expr_as_number(&keys[(count - 1) / 2], &low);
    expr_as_number(&keys[count / 2], &high);
    *out = value_float((low + high) / 2);
    return true;
}

/* ---- bits ----------------------------------------------------------------------------------------- */

static bool two_ints(struct run *r, const struct value *args, const char *what, uint64_t *a, uint64_t *b)
{
    int64_t x = 0, y = 0;
    bool ok = want_int(r, &args[0], what, &x) && want_int(r, &args[1], what, &y);

    *a = (uint64_t)x;
    *b = (uint64_t)y;
    return ok;
}

static bool call_bitand(struct run *r, const struct value *args, size_t n, struct value *out)
{
    uint64_t a = 0, b = 0;
    bool ok = two_ints(r, args, "an operand of bitand", &a, &b);

    *out = value_int((int64_t)(a & b));
    return ok;
}

static bool call_bitor(struct run *r, const struct value *args, size_t n, struct value *out)
{
    uint64_t a = 0, b = 0;
    bool ok = two_ints(r, args, "an operand of bitor", &a, &b);

    *out = value_int((int64_t)(a | b));
    return ok;
}

static bool call_bitxor(struct run *r, const struct value *args, size_t n, struct value *out)
{
    uint64_t a = 0, b = 0;
    bool ok = two_ints(r, args, "an operand of bitxor", &a, &b);

    *out = value_int((int64_t)(a ^ b));
    return ok;
}

static bool call_bitnand(struct run *r, const struct value *args, size_t n, struct value *out)
{
    uint64_t a = 0, b = 0;
    bool ok = two_ints(r, args, "an operand of bitnand", &a, &b);

    *out = value_int((int64_t)(a & ~b));
    return ok;
}

static bool call_bitnot(struct run *r, const struct value *args, size_t n, struct value *out)
{
    int64_t i = 0;
    bool ok = want_int(r, &args[0], "an operand of bitnot", &i);

    *out = value_int(~i);
    return ok;
}

static bool shift(struct run *r, const struct value *args, const char *what, uint64_t *a, uint64_t *by)
{
    if (!two_ints(r, args, what, a, by))
        return false;
    return (int64_t)*by >= 0 || run_fail(r, "%s must not be negative", what);
}

static bool call_bitshl(struct run *r, const struct value *args, size_t n, struct value *out)
{
    uint64_t a = 0, by = 0;
    bool ok = shift(r, args, "an operand of bitshl", &a, &by);

    *out = value_int(by > 63 ? 0 : (int64_t)(a << by));
    return ok;
}

static bool call_bitshr(struct run *r, const struct value *args, size_t n, struct value *out)
{
    uint64_t a = 0, by = 0;
    bool ok = shift(r, args, "an operand of bitshr", &a, &by);

    *out = value_int((int64_t)a >> (by > 63 ? 63 : by));
    return ok;
}

static bool call_bitushr(struct run *r, const struct value *args, size_t n, struct value *out)
{
    uint64_t a = 0, by = 0;
    bool ok = shift(r, args, "an operand of bitushr", &a, &by);

    *out = value_int(by > 63 ? 0 : (int64_t)(a >> by));
    return ok;
}

/* ---- times ---------------------------------------------------------------------------------------- */

static bool call_now(struct run *r, const struct value *args, size_t n, struct value *out)
{
    int64_t now = clock_wall_ns();

    *out = expr_time_value(
        r->a, (struct gotime){ .sec = now / 1000000000, .ns = (int32_t)(now % 1000000000), .zone = S("UTC") });
    return true;
}

static bool call_duration(struct run *r, const struct value *args, size_t n, struct value *out)
{
    struct str text;
    int64_t ns = 0;

    if (!want_string(r, &args[0], "a duration", &text))
        return false;
    if (!duration_parse(text, &ns))
        return run_fail(r, "time: invalid duration %.*s", STR(go_quote(r->a, text)));
    *out = duration_value(r->a, ns);
    return true;
}

/* date(text), date(text, layout): without a layout the usual ones are tried. */
static bool call_date(struct run *r, const struct value *args, size_t n, struct value *out)
{
    static const char *const layouts[] = {
        "2006-01-02",
        "15:04:05",
        "2006-01-02 15:04:05",
        GOTIME_RFC3339,
        "02 Jan 06 15:04 MST",
        "Monday, 02-Jan-06 15:04:05 MST",
        "Mon, 02 Jan 2006 15:04:05 MST",
    };
    struct str text, layout;
    struct gotime t;
    struct err why = { 0 };

    if (!want_string(r, &args[0], "a date", &text))
        return false;
    if (n > 1) {
        if (!want_string(r, &args[1], "a layout", &layout))
            return false;
        if (!gotime_parse_time(layout, text, &t, &why))
            return run_fail(r, "%s", why.text);
        *out = expr_time_value(r->a, t);
        return true;
    }
    for (size_t i = 0; i < COUNT(layouts); i++) {
        if (!gotime_parse_time(str_c(layouts[i]), text, &t, &why))
            continue;
        t.zone = t.zone.n > 0 ? arena_str(r->a, t.zone) : t.zone;
        *out = expr_time_value(r->a, t);
        return true;
    }
    return run_fail(r, "invalid date %.*s", STR(text));
}

const struct builtin builtins_number[] = {
    { "int", 1, 1, call_int },           { "float", 1, 1, call_float },     { "string", 1, 1, call_string },
    { "type", 1, 1, call_type },         { "abs", 1, 1, call_abs },         { "ceil", 1, 1, call_ceil },
    { "floor", 1, 1, call_floor },       { "round", 1, 1, call_round },     { "max", 1, -1, call_max },
    { "min", 1, -1, call_min },          { "mean", 1, -1, call_mean },      { "median", 1, -1, call_median },
    { "bitand", 2, 2, call_bitand },     { "bitor", 2, 2, call_bitor },     { "bitxor", 2, 2, call_bitxor },
    { "bitnand", 2, 2, call_bitnand },   { "bitnot", 1, 1, call_bitnot },   { "bitshl", 2, 2, call_bitshl },
    { "bitshr", 2, 2, call_bitshr },     { "bitushr", 2, 2, call_bitushr }, { "now", 0, 0, call_now },
    { "duration", 1, 1, call_duration }, { "date", 1, 2, call_date },       { 0 },
};

const struct builtin *builtin_find(struct str name)
{
    static const struct builtin *const tables[] = { builtins_text, builtins_list, builtins_number };

    for (size_t t = 0; t < COUNT(tables); t++)
        for (const struct builtin *b = tables[t]; b->name != NULL; b++)
            if (str_is(name, b->name))
                return b;
    return NULL;
}
