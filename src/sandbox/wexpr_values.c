/* What a value of an expression is worth as a condition, as a number and as text, and when two are the same. */
#include <math.h>

#include "data/json.h"
#include "sandbox/wexpr_internal.h"

bool wexpr_truth(const struct value *v)
{
    switch ((enum value_kind)v->kind) {
    case VALUE_NULL: return false;
    case VALUE_BOOL: return v->b;
    case VALUE_INT: return v->i != 0;
    case VALUE_FLOAT: return v->f != 0 && !isnan(v->f);
    case VALUE_STRING: return v->n > 0;
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_OPAQUE: return true;
    }
    return false;
}

double wexpr_number(const struct value *v)
{
    double d = 0;

    switch ((enum value_kind)v->kind) {
    case VALUE_NULL: return 0;
    case VALUE_BOOL: return v->b;
    case VALUE_INT: return (double)v->i;
    case VALUE_FLOAT: return v->f;
    case VALUE_STRING: return v->n == 0 ? 0 : str_to_double(value_as_str(v), &d) ? d : NAN;
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_OPAQUE: return NAN;
    }
    return NAN;
}

struct str wexpr_text(struct arena *a, const struct value *v)
{
    struct buf b = { .a = a };

    switch ((enum value_kind)v->kind) {
    case VALUE_NULL:
    case VALUE_OPAQUE: return S("");
    case VALUE_BOOL: return v->b ? S("true") : S("false");
    case VALUE_INT: return arena_fmt(a, "%lld", (long long)v->i);
    case VALUE_FLOAT: json_write_float(&b, v->f); return buf_str(&b);
    case VALUE_STRING: return value_as_str(v);
    case VALUE_LIST: return S("Array");
    case VALUE_MAP: return S("Object");
    }
    return S("");
}

bool wexpr_same(const struct value *a, const struct value *b)
{
    bool numbers = (a->kind == VALUE_INT || a->kind == VALUE_FLOAT) && (b->kind == VALUE_INT || b->kind == VALUE_FLOAT);

    if (a->kind == VALUE_STRING && b->kind == VALUE_STRING)
        return str_ieq(value_as_str(a), value_as_str(b));
    if (a->kind == b->kind && (a->kind == VALUE_LIST || a->kind == VALUE_MAP))
        return a->list == b->list;
    if (a->kind == VALUE_NULL && b->kind == VALUE_NULL)
        return true;
    return (numbers || a->kind != b->kind || a->kind == VALUE_BOOL) && wexpr_number(a) == wexpr_number(b);
}

struct value wexpr_lower(struct arena *a, const struct value *v)
{
    struct str s = wexpr_text(a, v);
    char *p = arena_alloc(a, s.n + 1);

    for (size_t i = 0; i < s.n; i++)
        p[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] - 'A' + 'a') : s.p[i];
    return value_str((struct str){ p, s.n });
}
