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
#include "sandbox/wexpr.h"

#include <math.h>

#include "data/json.h"

#define ARGUMENTS_MAX 32

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

/* ---- values -------------------------------------------------------------------------------------- */

static bool truth(const struct value *v)
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

static double number(const struct value *v)
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

static bool same(const struct value *a, const struct value *b)
{
    bool numbers = (a->kind == VALUE_INT || a->kind == VALUE_FLOAT) && (b->kind == VALUE_INT || b->kind == VALUE_FLOAT);

    if (a->kind == VALUE_STRING && b->kind == VALUE_STRING)
        return str_ieq(value_as_str(a), value_as_str(b));
    if (a->kind == b->kind && (a->kind == VALUE_LIST || a->kind == VALUE_MAP))
        return a->list == b->list;
    if (a->kind == VALUE_NULL && b->kind == VALUE_NULL)
        return true;
    return (numbers || a->kind != b->kind || a->kind == VALUE_BOOL) && number(a) == number(b);
}

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
    double at = number(key);

    if (v->kind == VALUE_MAP)
        return member(v, wexpr_text(a, key));
    if (v->kind == VALUE_LIST && at >= 0 && at < (double)v->list->n)
        return v->list->v[(size_t)at];
    return value_null();
}

/* ---- functions ------------------------------------------------------------------------------------ */

struct arguments {
    struct value v[ARGUMENTS_MAX];
    size_t n;
};

static struct value lower(struct arena *a, const struct value *v)
{
    struct str s = wexpr_text(a, v);
    char *p = arena_alloc(a, s.n + 1);

    for (size_t i = 0; i < s.n; i++)
        p[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] - 'A' + 'a') : s.p[i];
    return value_str((struct str){ p, s.n });
}

static bool fn_contains(struct reader *r, const struct arguments *g, struct value *out, struct err *e)
{
    if (g->v[0].kind == VALUE_LIST) {
        *out = value_bool(false);
        for (size_t i = 0; i < g->v[0].list->n; i++)
            out->b = out->b || same(&g->v[0].list->v[i], &g->v[1]);
        return true;
    }
    struct value text = lower(r->a, &g->v[0]), word = lower(r->a, &g->v[1]);
    *out = value_bool(value_as_str(&word).n == 0 || str_find(value_as_str(&text), value_as_str(&word)) >= 0);
    return true;
}

static bool fn_starts_with(struct reader *r, const struct arguments *g, struct value *out, struct err *e)
{
    struct value text = lower(r->a, &g->v[0]), word = lower(r->a, &g->v[1]);

    *out = value_bool(str_starts(value_as_str(&text), value_as_str(&word)));
    return true;
}

static bool fn_ends_with(struct reader *r, const struct arguments *g, struct value *out, struct err *e)
{
    struct value text = lower(r->a, &g->v[0]), word = lower(r->a, &g->v[1]);

    *out = value_bool(str_ends(value_as_str(&text), value_as_str(&word)));
    return true;
}

/* format('{0} of {1}', a, b); {{ and }} are braces */
static bool fn_format(struct reader *r, const struct arguments *g, struct value *out, struct err *e)
{
    struct str f = wexpr_text(r->a, &g->v[0]), inner;
    struct buf b = { .a = r->a };
    int64_t at = 0;

    while (f.n > 0) {
        char c = *str_cut(&f, 1).p;
        bool doubled = (c == '{' || c == '}') && f.n > 0 && f.p[0] == c;
        if (doubled || c != '{') {
            if (doubled)
                str_cut(&f, 1);
            buf_byte(&b, c);
            continue;
        }
        if (!str_split(&f, S("}"), &inner) || !str_to_int(inner, &at) || at < 0 || (size_t)at + 1 >= g->n)
            return err_set(e, ERR_INVALID, "expression: format has no argument for {%.*s}",
                           STR(utf8_prefix(inner, 20)));
        buf_add(&b, wexpr_text(r->a, &g->v[at + 1]));
    }
    *out = value_str(b.n > 0 ? buf_str(&b) : S(""));
    return true;
}

static bool fn_join(struct reader *r, const struct arguments *g, struct value *out, struct err *e)
{
    struct buf b = { .a = r->a };
    struct str separator = g->n > 1 ? wexpr_text(r->a, &g->v[1]) : S(",");

    for (size_t i = 0; i < value_len(&g->v[0]); i++) {
        if (i > 0)
            buf_add(&b, separator);
        buf_add(&b, wexpr_text(r->a, value_item(&g->v[0], i)));
    }
    *out = value_str(g->v[0].kind != VALUE_LIST ? wexpr_text(r->a, &g->v[0]) : b.n > 0 ? buf_str(&b) : S(""));
    return true;
}

static bool fn_to_json(struct reader *r, const struct arguments *g, struct value *out, struct err *e)
{
    *out = value_str(json_str(r->a, &g->v[0], JSON_INDENT));
    return true;
}

static bool fn_from_json(struct reader *r, const struct arguments *g, struct value *out, struct err *e)
{
    return json_parse(r->a, wexpr_text(r->a, &g->v[0]), out, e) || err_wrap(e, "expression: fromJSON");
}

static bool fn_success(struct reader *r, const struct arguments *g, struct value *out, struct err *e)
{
    r->asks_state = true;
    *out = value_bool(!r->x->failed && !r->x->cancelled);
    return true;
}

static bool fn_failure(struct reader *r, const struct arguments *g, struct value *out, struct err *e)
{
    r->asks_state = true;
    *out = value_bool(r->x->failed && !r->x->cancelled);
    return true;
}

static bool fn_always(struct reader *r, const struct arguments *g, struct value *out, struct err *e)
{
    r->asks_state = true;
    *out = value_bool(true);
    return true;
}

static bool fn_cancelled(struct reader *r, const struct arguments *g, struct value *out, struct err *e)
{
    r->asks_state = true;
    *out = value_bool(r->x->cancelled);
    return true;
}

static const struct function {
    const char *name;
    size_t least, most; /* arguments */
    bool (*run)(struct reader *r, const struct arguments *g, struct value *out, struct err *e);
} functions[] = {
    { "contains", 2, 2, fn_contains },   { "startsWith", 2, 2, fn_starts_with },
    { "endsWith", 2, 2, fn_ends_with },  { "format", 1, 32, fn_format },
    { "join", 1, 2, fn_join },           { "toJSON", 1, 1, fn_to_json },
    { "fromJSON", 1, 1, fn_from_json },  { "success", 0, 0, fn_success },
    { "failure", 0, 0, fn_failure },     { "always", 0, 0, fn_always },
    { "cancelled", 0, 0, fn_cancelled },
};

static bool call(struct reader *r, struct str name, struct value *out, struct err *e)
{
    struct arguments g = { .n = 0 };

    while (!take(r, ")")) {
        if (g.n == ARGUMENTS_MAX || (g.n > 0 && !take(r, ",")))
            return fail(r, e, "',' or ')'");
        if (!read_or(r, &g.v[g.n], e))
            return false;
        g.n++;
    }
    for (size_t i = 0; i < COUNT(functions); i++) {
        const struct function *f = &functions[i];
        if (!str_ieq(name, str_c(f->name)))
            continue;
        if (g.n < f->least || g.n > f->most)
            return err_set(e, ERR_INVALID, "expression: %s takes another number of arguments than %zu", f->name, g.n);
        return f->run(r, &g, out, e);
    }
    return err_set(e, ERR_INVALID, "expression: the sandbox knows no function %.*s", STR(utf8_prefix(name, 40)));
}

/* ---- reading --------------------------------------------------------------------------------------- */

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
        *out = value_bool(!truth(out));
    return true;
}

/* Texts compare without case, in ASCII order of the lower letters; everything else as numbers. */
static int order(struct reader *r, const struct value *a, const struct value *b, bool *ordered)
{
    double x = number(a), y = number(b);

    *ordered = true;
    if (a->kind == VALUE_STRING && b->kind == VALUE_STRING) {
        struct value la = lower(r->a, a), lb = lower(r->a, b);
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
        bool equal = same(out, &right);
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
        if (truth(out))
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
        if (!truth(out))
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
    *out = truth(&v) && (asks_state || (!x->failed && !x->cancelled));
    return true;
}
