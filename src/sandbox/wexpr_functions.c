/* The functions of expressions. */
#include "data/json.h"
#include "sandbox/wexpr_internal.h"

static bool fn_contains(struct wexpr_call *g, struct value *out, struct err *e)
{
    if (g->v[0].kind == VALUE_LIST) {
        *out = value_bool(false);
        for (size_t i = 0; i < g->v[0].list->n; i++)
            out->b = out->b || wexpr_same(&g->v[0].list->v[i], &g->v[1]);
        return true;
    }
    struct value text = wexpr_lower(g->a, &g->v[0]), word = wexpr_lower(g->a, &g->v[1]);
    *out = value_bool(value_as_str(&word).n == 0 || str_find(value_as_str(&text), value_as_str(&word)) >= 0);
    return true;
}

static bool fn_starts_with(struct wexpr_call *g, struct value *out, struct err *e)
{
    struct value text = wexpr_lower(g->a, &g->v[0]), word = wexpr_lower(g->a, &g->v[1]);

    *out = value_bool(str_starts(value_as_str(&text), value_as_str(&word)));
    return true;
}

static bool fn_ends_with(struct wexpr_call *g, struct value *out, struct err *e)
{
    struct value text = wexpr_lower(g->a, &g->v[0]), word = wexpr_lower(g->a, &g->v[1]);

    *out = value_bool(str_ends(value_as_str(&text), value_as_str(&word)));
    return true;
}

/* format('{0} of {1}', a, b); {{ and }} are braces */
static bool fn_format(struct wexpr_call *g, struct value *out, struct err *e)
{
    struct str f = wexpr_text(g->a, &g->v[0]), inner;
    struct buf b = { .a = g->a };
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
        buf_add(&b, wexpr_text(g->a, &g->v[at + 1]));
    }
    *out = value_str(b.n > 0 ? buf_str(&b) : S(""));
    return true;
}

static bool fn_join(struct wexpr_call *g, struct value *out, struct err *e)
{
    struct buf b = { .a = g->a };
    struct str separator = g->n > 1 ? wexpr_text(g->a, &g->v[1]) : S(",");

    for (size_t i = 0; i < value_len(&g->v[0]); i++) {
        if (i > 0)
            buf_add(&b, separator);
        buf_add(&b, wexpr_text(g->a, value_item(&g->v[0], i)));
    }
    *out = value_str(g->v[0].kind != VALUE_LIST ? wexpr_text(g->a, &g->v[0]) : b.n > 0 ? buf_str(&b) : S(""));
    return true;
}

static bool fn_to_json(struct wexpr_call *g, struct value *out, struct err *e)
{
    *out = value_str(json_str(g->a, &g->v[0], JSON_INDENT));
    return true;
}

static bool fn_from_json(struct wexpr_call *g, struct value *out, struct err *e)
{
    return json_parse(g->a, wexpr_text(g->a, &g->v[0]), out, e) || err_wrap(e, "expression: fromJSON");
}

static bool fn_success(struct wexpr_call *g, struct value *out, struct err *e)
{
    g->asks_state = true;
    *out = value_bool(!g->x->failed && !g->x->cancelled);
    return true;
}

static bool fn_failure(struct wexpr_call *g, struct value *out, struct err *e)
{
    g->asks_state = true;
    *out = value_bool(g->x->failed && !g->x->cancelled);
    return true;
}

static bool fn_always(struct wexpr_call *g, struct value *out, struct err *e)
{
    g->asks_state = true;
    *out = value_bool(true);
    return true;
}

static bool fn_cancelled(struct wexpr_call *g, struct value *out, struct err *e)
{
    g->asks_state = true;
    *out = value_bool(g->x->cancelled);
    return true;
}

static const struct function {
    const char *name;
    size_t least, most; /* arguments */
    bool (*run)(struct wexpr_call *g, struct value *out, struct err *e);
} functions[] = {
    { "contains", 2, 2, fn_contains },   { "startsWith", 2, 2, fn_starts_with },
    { "endsWith", 2, 2, fn_ends_with },  { "format", 1, 32, fn_format },
    { "join", 1, 2, fn_join },           { "toJSON", 1, 1, fn_to_json },
    { "fromJSON", 1, 1, fn_from_json },  { "success", 0, 0, fn_success },
    { "failure", 0, 0, fn_failure },     { "always", 0, 0, fn_always },
    { "cancelled", 0, 0, fn_cancelled },
};

bool wexpr_call(struct wexpr_call *g, struct str name, struct value *out, struct err *e)
{
    for (size_t i = 0; i < COUNT(functions); i++) {
        const struct function *f = &functions[i];
        if (!str_ieq(name, str_c(f->name)))
            continue;
        if (g->n < f->least || g->n > f->most)
            return err_set(e, ERR_INVALID, "expression: %s takes another number of arguments than %zu", f->name, g->n);
        return f->run(g, out, e);
    }
    return err_set(e, ERR_INVALID, "expression: the sandbox knows no function %.*s", STR(utf8_prefix(name, 40)));
}
