/*
 * The evaluator: a recursive descent that computes as it reads.
 *
 *     or       = and *( "||" and )
 *     and      = compare *( "&&" compare )
 *     compare  = unary *( ( "==" / "!=" / "<" / "<=" / ">" / ">=" ) unary )
 *     unary    = *"!" postfix
 *     postfix  = primary *( "." name / ".*" / "[" or "]" )
 *     primary  = "(" or ")" / number / 'text' / true / false / null / name "(" arguments ")" / name
 */
#include <math.h>

#include "sandbox/wexpr_internal.h"

struct reader {
    struct arena *a;
    const char *begin;
    struct str in;
    const struct wexpr *x;
    int depth;
    bool asks_state; /* success(), failure(), always() or cancelled() was called */
};

/* A value on its way; `many`: the result of .*, whose members are taken one by one. */
struct term {
    struct value v;
    bool many;
};

static bool read_or(struct reader *r, struct value *out, struct err *e);

static bool fail(struct reader *r, struct err *e, const char *expected)
{
    return err_set(e, ERR_INVALID, "expression: expected %s at character %td", expected, r->in.p - r->begin + 1);
}

static void skip(struct reader *r)
{
    while (r->in.n > 0 && (r->in.p[0] == ' ' || r->in.p[0] == '\n' || r->in.p[0] == '\t' || r->in.p[0] == '\r'))
        str_cut(&r->in, 1);
}

static bool take(struct reader *r, const char *token)
{
    skip(r);
    if (!str_starts(r->in, str_c(token)))
        return false;
    str_cut(&r->in, strlen(token));
    return true;
}

/* ---- members -------------------------------------------------------------------------------------- */

/* Names of members are found without case. */
static struct value member(const struct value *v, struct str name)
{
    for (size_t i = 0; v->kind == VALUE_MAP && i < v->map->n; i++)
        if (str_ieq(v->map->v[i].key, name))
            return v->map->v[i].value;
    return value_null();
}

static struct value indexed(struct arena *a, const struct value *v, const struct value *key)
{
    double at = wexpr_number(key);

    if (v->kind == VALUE_MAP)
        return member(v, wexpr_text(a, key));
    if (v->kind == VALUE_LIST && at >= 0 && at < (double)v->list->n)
        return v->list->v[(size_t)at];
    return value_null();
}

/* ---- reading --------------------------------------------------------------------------------------- */

/* What follows "name(". */
static bool call(struct reader *r, struct str name, struct value *out, struct err *e)
{
    struct wexpr_call g = { .a = r->a, .x = r->x };

    while (!take(r, ")")) {
        if (g.n == WEXPR_ARGUMENTS_MAX || (g.n > 0 && !take(r, ",")))
            return fail(r, e, "',' or ')'");
        if (!read_or(r, &g.v[g.n], e))
            return false;
        g.n++;
    }
    bool ok = wexpr_call(&g, name, out, e);
    r->asks_state = r->asks_state || g.asks_state;
    return ok;
}

/* name = ( letter / "_" ) *( letter / digit / "_" / "-" ) */
static struct str take_name(struct reader *r)
{
    size_t n = 0;

    skip(r);
    while (n < r->in.n) {
        char c = r->in.p[n];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (n == 0 || !((c >= '0' && c <= '9') || c == '-')))
            break;
        n++;
    }
    return str_cut(&r->in, n);
}

static bool read_text(struct reader *r, struct value *out, struct err *e)
{
    struct buf b = { .a = r->a };

    for (;;) {
        if (r->in.n == 0)
            return fail(r, e, "the end of a text");
        char c = *str_cut(&r->in, 1).p;
        if (c == '\'' && !(r->in.n > 0 && r->in.p[0] == '\'')) {
            *out = value_str(b.n > 0 ? buf_str(&b) : S(""));
            return true;
        }
        if (c == '\'') /* a quote is written twice */
            str_cut(&r->in, 1);
        buf_byte(&b, c);
    }
}

static bool read_number(struct reader *r, struct value *out, struct err *e)
{
    size_t n = 0;
    int64_t i;
    double d;

    while (n < r->in.n && r->in.p[n] != '\0' && strchr("+-.0123456789eExXabcdfABCDF", r->in.p[n]) != NULL)
        n++;
    struct str word = str_slice(r->in, 0, n);
    if (str_to_int(word, &i))
        *out = value_int(i);
    else if (n > 0 && str_to_double(word, &d))
        *out = value_float(d);
    else
        return fail(r, e, "a value");
    str_cut(&r->in, n);
    return true;
}

static bool read_primary(struct reader *r, struct value *out, struct err *e)
{
    if (take(r, "("))
        return read_or(r, out, e) && (take(r, ")") || fail(r, e, "')'"));
    if (take(r, "'"))
        return read_text(r, out, e);
    struct str name = take_name(r);
    if (name.n == 0)
        return read_number(r, out, e);
    if (take(r, "("))
        return call(r, name, out, e);
    if (str_is(name, "true") || str_is(name, "false"))
        *out = value_bool(str_is(name, "true"));
    else if (str_is(name, "null"))
        *out = value_null();
    else
        *out = member(&r->x->contexts, name);
    return true;
}

static struct value all_members(struct arena *a, const struct value *v)
{
    struct value out = value_list(a);

    for (size_t i = 0; v->kind == VALUE_MAP && i < v->map->n; i++)
        list_push(a, out.list, v->map->v[i].value);
    for (size_t i = 0; i < value_len(v); i++)
        list_push(a, out.list, *value_item(v, i));
    return out;
}

static void step_into(struct reader *r, struct term *t, struct str name)
{
    if (!t->many) {
        t->v = member(&t->v, name);
        return;
    }
    struct value out = value_list(r->a);
    for (size_t i = 0; i < value_len(&t->v); i++) {
        struct value one = member(value_item(&t->v, i), name);
        if (one.kind != VALUE_NULL)
            list_push(r->a, out.list, one);
    }
    t->v = out;
}

static bool read_postfix(struct reader *r, struct value *out, struct err *e)
{
    struct term t = { .many = false };
    struct value key;

    if (!read_primary(r, &t.v, e))
        return false;
    for (;;) {
        if (take(r, "[")) {
            if (!read_or(r, &key, e) || !(take(r, "]") || fail(r, e, "']'")))
                return false;
            t.v = indexed(r->a, &t.v, &key);
        } else if (take(r, ".*")) {
            t.v = all_members(r->a, &t.v);
            t.many = true;
        } else if (take(r, ".")) {
            struct str name = take_name(r);
            if (name.n == 0)
                return fail(r, e, "a name");
            step_into(r, &t, name);
        } else {
            *out = t.v;
            return true;
        }
    }
}

static bool read_unary(struct reader *r, struct value *out, struct err *e)
{
    size_t nots = 0;

    while (skip(r), r->in.n > 0 && r->in.p[0] == '!' && !str_starts(r->in, S("!="))) {
        str_cut(&r->in, 1);
        nots++;
    }
    if (!read_postfix(r, out, e))
        return false;
    for (; nots > 0; nots--)
        *out = value_bool(!wexpr_truth(out));
    return true;
}

/* Texts compare without case, in ASCII order of the lower letters; everything else as numbers. */
static int order(struct reader *r, const struct value *a, const struct value *b, bool *ordered)
{
    double x = wexpr_number(a), y = wexpr_number(b);

    *ordered = true;
    if (a->kind == VALUE_STRING && b->kind == VALUE_STRING) {
        struct value la = wexpr_lower(r->a, a), lb = wexpr_lower(r->a, b);
        return str_cmp(value_as_str(&la), value_as_str(&lb));
    }
    *ordered = !isnan(x) && !isnan(y);
    return x < y ? -1 : x > y;
}

static bool read_compare(struct reader *r, struct value *out, struct err *e)
{
    static const char *const operators[] = { "==", "!=", "<=", ">=", "<", ">" };
    struct value right;
    size_t op;
    bool ordered;

    if (!read_unary(r, out, e))
        return false;
    for (;;) {
        for (op = 0; op < COUNT(operators) && !take(r, operators[op]);)
            op++;
        if (op == COUNT(operators))
            return true;
        if (!read_unary(r, &right, e))
            return false;
        int cmp = order(r, out, &right, &ordered);
        bool equal = wexpr_same(out, &right);
        *out = value_bool(op == 0   ? equal
                          : op == 1 ? !equal
                          : op == 2 ? ordered && cmp <= 0
                          : op == 3 ? ordered && cmp >= 0
                          : op == 4 ? ordered && cmp < 0
                                    : ordered && cmp > 0);
    }
}

static bool read_and(struct reader *r, struct value *out, struct err *e)
{
    struct value right;

    if (!read_compare(r, out, e))
        return false;
    while (take(r, "&&")) {
        if (!read_compare(r, &right, e))
            return false;
        if (wexpr_truth(out))
            *out = right;
    }
    return true;
}

static bool read_or(struct reader *r, struct value *out, struct err *e)
{
    struct value right;

    if (++r->depth > WEXPR_DEPTH_MAX)
        return err_set(e, ERR_LIMIT, "expression: nested deeper than %d", WEXPR_DEPTH_MAX);
    if (!read_and(r, out, e))
        return false;
    while (take(r, "||")) {
        if (!read_and(r, &right, e))
            return false;
        if (!wexpr_truth(out))
            *out = right;
    }
    r->depth--;
    return true;
}

/* ---- the three ways in ------------------------------------------------------------------------------- */

static bool evaluate(struct arena *a, struct str text, const struct wexpr *x, struct value *out, bool *asks_state,
                     struct err *e)
{
    struct reader r = { .a = a, .begin = text.p, .in = text, .x = x };

    if (text.n > WEXPR_TEXT_MAX)
        return err_set(e, ERR_LIMIT, "expression: longer than %d characters", WEXPR_TEXT_MAX);
    if (!read_or(&r, out, e))
        return false;
    skip(&r);
    if (r.in.n > 0)
        return fail(&r, e, "an operator");
    *asks_state = r.asks_state;
    return true;
}

bool wexpr_eval(struct arena *a, struct str text, const struct wexpr *x, struct value *out, struct err *e)
{
    bool ignored;
    struct value v;

    if (!evaluate(a, text, x, &v, &ignored, e))
        return false;
    *out = v;
    return true;
}

/* The end of an expression: "}}" outside of quotes. */
static ptrdiff_t find_end(struct str s)
{
    bool quoted = false;

    for (size_t i = 0; i + 1 < s.n; i++) {
        if (s.p[i] == '\'')
            quoted = !quoted;
        else if (!quoted && s.p[i] == '}' && s.p[i + 1] == '}')
            return (ptrdiff_t)i;
    }
    return -1;
}

bool wexpr_fill(struct arena *a, struct str text, const struct wexpr *x, struct str *out, struct err *e)
{
    struct buf b = { .a = a };
    struct str plain;
    struct value v;

    if (str_find(text, S("${{")) < 0) {
        *out = text;
        return true;
    }
    while (str_split(&text, S("${{"), &plain)) {
        ptrdiff_t end = find_end(text);
        buf_add(&b, plain);
        if (end < 0)
            return err_set(e, ERR_INVALID, "expression: ${{ is not closed");
        if (!wexpr_eval(a, str_cut(&text, (size_t)end), x, &v, e))
            return false;
        str_cut(&text, 2);
        buf_add(&b, wexpr_text(a, &v));
    }
    buf_add(&b, plain); /* the last piece: str_split gave all of the rest */
    *out = b.n > 0 ? buf_str(&b) : S("");
    return true;
}

bool wexpr_if(struct arena *a, struct str text, const struct wexpr *x, bool *out, struct err *e)
{
    struct value v = value_bool(true);
    bool asks_state = false;

    text = str_trim(text);
    if (str_starts(text, S("${{")) && find_end(text) == (ptrdiff_t)text.n - 2)
        text = str_slice(text, 3, text.n - 2);
    else if (str_find(text, S("${{")) >= 0) {
        /* mixed text is put together first, then taken as an expression of its own */
        if (!wexpr_fill(a, text, x, &text, e))
            return false;
    }
    if (str_trim(text).n > 0 && !evaluate(a, text, x, &v, &asks_state, e))
        return false;
    *out = wexpr_truth(&v) && (asks_state || (!x->failed && !x->cancelled));
    return true;
}
