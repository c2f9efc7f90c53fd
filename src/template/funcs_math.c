/* sprig's arithmetic: on int64, on float64, and on the shortest decimals of floats. */
#include <math.h>

#include "base/sys.h"
#include "template/decimal.h"
#include "template/funcs.h"

/* ---- conversions -------------------------------------------------------------------------- */

static int64_t float_to_int64(double f)
{
    /* what the amd64 instruction gives for everything that does not fit */
    return f >= -9223372036854775808.0 && f < 9223372036854775808.0 ? (int64_t)f : INT64_MIN;
}

/* "12.00" is 12, "12.5" stays as it is. */
static struct str cut_zero_fraction(struct str s)
{
    ptrdiff_t point = str_find(s, S("."));
    if (point < 0)
        return s;
    for (size_t i = (size_t)point + 1; i < s.n; i++)
        if (s.p[i] != '0')
            return s;
    return (size_t)point + 1 < s.n && point > 0 ? str_slice(s, 0, (size_t)point) : s;
}

/* Months and weekdays count for what they are; of a time.Duration sprig makes nothing. */
static struct value as_month(const struct value *v)
{
    struct value number = as_number(v);
    return type_tag(&number) == TEMPLATE_PLAIN ? number : *v;
}

int64_t to_int64(struct arena *a, const struct value *v)
{
    int64_t i;
    struct value month = as_month(v);
    v = &month;
    switch ((enum value_kind)v->kind) {
    case VALUE_BOOL: return v->b;
    case VALUE_INT: return v->i;
    case VALUE_FLOAT: return float_to_int64(v->f);
    case VALUE_STRING: return go_parse_int(a, cut_zero_fraction(value_as_str(v)), &i) ? i : 0;
    case VALUE_NULL:
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_OPAQUE: break;
    }
    return 0;
}

double to_float64(struct arena *a, const struct value *v)
{
    double f;
    struct value month = as_month(v);
    v = &month;
    switch ((enum value_kind)v->kind) {
    case VALUE_BOOL: return v->b;
    case VALUE_INT: return type_tag(v) == TEMPLATE_UINT64 ? (double)(uint64_t)v->i : (double)v->i;
    case VALUE_FLOAT: return v->f;
    case VALUE_STRING: return go_parse_float(a, value_as_str(v), &f) ? f : 0;
    case VALUE_NULL:
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_OPAQUE: break;
    }
    return 0;
}

static bool give_int64(struct value *out, int64_t i)
{
    return give(out, tagged(value_int(i), TEMPLATE_INT64));
}

/* Wraps on overflow, as Go does. */
static int64_t wrap_add(int64_t x, int64_t y)
{
    return (int64_t)((uint64_t)x + (uint64_t)y);
}

/* ---- int64 -------------------------------------------------------------------------------- */

FUNC(fn_add)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum = wrap_add(sum, to_int64(c->a, &args[i]));
    return give_int64(out, sum);
}

FUNC(fn_add1)
{
    return give_int64(out, wrap_add(to_int64(c->a, &args[0]), 1));
}

FUNC(fn_sub)
{
    return give_int64(out, (int64_t)((uint64_t)to_int64(c->a, &args[0]) - (uint64_t)to_int64(c->a, &args[1])));
}

FUNC(fn_mul)
{
    uint64_t product = (uint64_t)to_int64(c->a, &args[0]);
    for (size_t i = 1; i < n; i++)
        product *= (uint64_t)to_int64(c->a, &args[i]);
    return give_int64(out, (int64_t)product);
}

FUNC(fn_div)
{
    int64_t x = to_int64(c->a, &args[0]), y = to_int64(c->a, &args[1]);
    if (y == 0)
        return err_set(e, ERR_INVALID, "runtime error: integer divide by zero");
    return give_int64(out, y == -1 ? (int64_t)(0 - (uint64_t)x) : x / y);
}

FUNC(fn_mod)
{
    int64_t x = to_int64(c->a, &args[0]), y = to_int64(c->a, &args[1]);
    if (y == 0)
        return err_set(e, ERR_INVALID, "runtime error: integer divide by zero");
    return give_int64(out, y == -1 ? 0 : x % y);
}

FUNC(fn_max)
{
    int64_t most = to_int64(c->a, &args[0]);
    for (size_t i = 1; i < n; i++) {
        int64_t x = to_int64(c->a, &args[i]);
        most = x > most ? x : most;
    }
    return give_int64(out, most);
}

FUNC(fn_min)
{
    int64_t least = to_int64(c->a, &args[0]);
    for (size_t i = 1; i < n; i++) {
        int64_t x = to_int64(c->a, &args[i]);
        least = x < least ? x : least;
    }
    return give_int64(out, least);
}

FUNC(fn_rand_int)
{
    uint64_t bits, range = (uint64_t)args[1].i - (uint64_t)args[0].i;
    if (args[1].i <= args[0].i)
        return err_set(e, ERR_INVALID, "invalid argument to Intn");
    random_bytes(&bits, sizeof bits);
    return give(out, value_int(wrap_add(args[0].i, (int64_t)(bits % range))));
}

/* ---- float64 ------------------------------------------------------------------------------ */

/* Go's math.Max and math.Min: one operand that is no number makes the result none. */
static double with_nan(double x, double y, double chosen)
{
    return isnan(x) || isnan(y) ? NAN : chosen;
}

FUNC(fn_maxf)
{
    double most = to_float64(c->a, &args[0]);
    for (size_t i = 1; i < n; i++)
        most = with_nan(most, to_float64(c->a, &args[i]), fmax(most, to_float64(c->a, &args[i])));
    return give(out, value_float(most));
}

FUNC(fn_minf)
{
    double least = to_float64(c->a, &args[0]);
    for (size_t i = 1; i < n; i++)
        least = with_nan(least, to_float64(c->a, &args[i]), fmin(least, to_float64(c->a, &args[i])));
    return give(out, value_float(least));
}

FUNC(fn_ceil)
{
    return give(out, value_float(ceil(to_float64(c->a, &args[0]))));
}

FUNC(fn_floor)
{
    return give(out, value_float(floor(to_float64(c->a, &args[0]))));
}

/* The fraction of a negative number is negative, so those are always rounded down; sprig does that. */
FUNC(fn_round)
{
    double on = n > 2 ? args[2].f : 0.5, whole;
    double power = pow(10, (double)args[1].i), digit = power * to_float64(c->a, &args[0]);
    double rounded = modf(digit, &whole) >= on ? ceil(digit) : floor(digit);
    return give(out, value_float(rounded / power));
}

/* ---- decimals ----------------------------------------------------------------------------- */

enum operation { ADD, SUBTRACT, MULTIPLY, DIVIDE };

static bool apply(struct arena *a, enum operation op, struct decimal *x, struct decimal y, struct err *e)
{
    switch (op) {
    case SUBTRACT:
        y.negative = !y.negative;
        *x = decimal_add(a, x, &y);
        break;
    case ADD: *x = decimal_add(a, x, &y); break;
    case MULTIPLY: *x = decimal_mul(a, x, &y); break;
    case DIVIDE:
        if (y.n == 0)
            return err_set(e, ERR_INVALID, "decimal division by 0");
        *x = decimal_div(a, x, &y);
        break;
    }
    return true;
}

static bool take_decimal(struct arena *a, const struct value *v, struct decimal *out, struct err *e)
{
    double f = to_float64(a, v);
    if (!isfinite(f))
        return err_set(e, ERR_INVALID, "Cannot create a Decimal from %s", isnan(f) ? "NaN" : f > 0 ? "+Inf" : "-Inf");
    *out = decimal_from(a, f);
    return true;
}

static bool on_decimals(struct template_call *c, enum operation op, const struct value *first, const struct value *args,
                        size_t n, struct value *out, struct err *e)
{
    struct decimal x, y;
    if (!take_decimal(c->a, first, &x, e))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!take_decimal(c->a, &args[i], &y, e) || !apply(c->a, op, &x, y, e))
            return false;
    return give(out, value_float(decimal_to(c->a, &x)));
}

FUNC(fn_addf)
{
    struct value zero = value_int(0);
    return on_decimals(c, ADD, &zero, args, n, out, e);
}

FUNC(fn_add1f)
{
    struct value one = value_int(1);
    return on_decimals(c, ADD, &args[0], &one, 1, out, e);
}

FUNC(fn_subf)
{
    return on_decimals(c, SUBTRACT, &args[0], args + 1, n - 1, out, e);
}

FUNC(fn_mulf)
{
    return on_decimals(c, MULTIPLY, &args[0], args + 1, n - 1, out, e);
}

FUNC(fn_divf)
{
    return on_decimals(c, DIVIDE, &args[0], args + 1, n - 1, out, e);
}

/* ---- sequences ---------------------------------------------------------------------------- */

static bool count_up(struct arena *a, int64_t from, int64_t to, int64_t step, struct value *out, struct err *e)
{
    *out = tagged(value_list(a), TEMPLATE_INTS);
    if ((to < from && step >= 0) || (to >= from && step <= 0))
        return true;
    for (int64_t i = from; step > 0 ? i < to : i > to; i = wrap_add(i, step)) {
        if (!list_fits(out->list->n + 1, e))
            return false;
        list_push(a, out->list, value_int(i));
    }
    return true;
}

FUNC(fn_until)
{
    return count_up(c->a, 0, args[0].i, args[0].i < 0 ? -1 : 1, out, e);
}

FUNC(fn_until_step)
{
    return count_up(c->a, args[0].i, args[1].i, args[2].i, out, e);
}

FUNC(fn_seq)
{
    struct buf b = { .a = c->a };
    struct value numbers;
    if (n == 0 || n > 3)
        return give_str(out, S(""));
    int64_t from = n == 1 ? 1 : args[0].i, to = args[n - 1].i;
    int64_t direction = to < from ? -1 : 1, step = n == 3 ? args[1].i : direction;
    if (n == 3 && direction < 0 && step > 0)
        return give_str(out, S(""));
    if (!count_up(c->a, from, wrap_add(to, direction), step, &numbers, e))
        return false;
    for (size_t i = 0; i < numbers.list->n; i++)
        buf_fmt(&b, i > 0 ? " %lld" : "%lld", (long long)numbers.list->v[i].i);
    return give_buf(out, &b);
}
