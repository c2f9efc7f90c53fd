/* sprig's regular expressions. The plain forms panic on a bad pattern, the must forms return the error: only the words
 * differ. */
#include "data/regex.h"
#include "template/funcs.h"
/* What regexp.MustCompile panics with. */
static bool compile_or_panic(struct template_call *c, struct str pattern, struct regex **re, struct err *e)
{
    if (regex_compile(pattern, re, e))
        return true;
    struct buf quoted = { .a = c->a };
    if (memchr(pattern.p, '`', pattern.n) == NULL && utf8_valid(pattern))
        buf_fmt(&quoted, "`%.*s`", STR(pattern));
    else
        quote_into(&quoted, pattern, '"', 0);
    return err_wrap(e, "regexp: Compile(%s)", quoted.p);
}

typedef bool compiler(struct template_call *c, struct str pattern, struct regex **re, struct err *e);

static bool compile_or_fail(struct template_call *c, struct str pattern, struct regex **re, struct err *e)
{
    return regex_compile(pattern, re, e);
}

/* A match may take a million times longer than another: the budget is looked at after each.
 *
 * The next match from *pos on, as Go's FindAll steps: an empty one right after another match does not count. */
struct finder {
    struct template_call *c;
    struct regex_search search;
    struct str s;
    struct regex_span *spans;
    size_t pos;
    ptrdiff_t last_end;
};

static bool find_next(struct finder *f, bool *found, struct err *e)
{
    while (f->pos <= f->s.n) {
        if (!regex_search_from(&f->search, f->pos, f->spans, found, e))
            return false;
        if (!budget_look(f->c, e))
            return false;
        if (!*found)
            return true;
        bool accept = true;
        if (f->spans[0].to == (ptrdiff_t)f->pos) {
            uint32_t r;
            accept = f->spans[0].from != f->last_end;
            f->pos += f->pos < f->s.n ? utf8_decode(str_slice(f->s, f->pos, f->s.n), &r) : 1;
        } else {
            f->pos = (size_t)f->spans[0].to;
        }
        f->last_end = f->spans[0].to;
        if (accept)
            return true;
    }
    *found = false;
    return true;
}

static bool start(struct template_call *c, const struct regex *re, struct str s, struct finder *out, struct err *e)
{
    *out = (struct finder){
        .c = c, .s = s, .spans = arena_new(c->a, struct regex_span, regex_groups(re) + 1), .last_end = -1
    };
    return regex_search_open(re, s, &out->search, e);
}

static void finish(struct finder *f)
{
    regex_search_close(&f->search);
}

static struct str span_text(struct str s, struct regex_span span)
{
    return str_slice(s, (size_t)span.from, (size_t)span.to);
}

/* ---- match, find -------------------------------------------------------------------------- */

FUNC(fn_must_regex_match)
{
    CLEANUP(regex_free) struct regex *re = NULL;
    bool found;
    CLEANUP(finish) struct finder f = { 0 };
    if (!regex_compile(str_at(args, 0), &re, e) || !start(c, re, str_at(args, 1), &f, e))
        return false;
    return regex_search_from(&f.search, 0, f.spans, &found, e) && budget_look(c, e) && give(out, value_bool(found));
}

FUNC(fn_regex_match)
{
    return fn_must_regex_match(c, args, n, out, e) || (e->kind != ERR_LIMIT && give(out, value_bool(false)));
}

static bool find(struct template_call *c, compiler *compile, const struct value *args, struct value *out, struct err *e)
{
    CLEANUP(regex_free) struct regex *re = NULL;
    bool found;
    CLEANUP(finish) struct finder f = { 0 };
    if (!compile(c, str_at(args, 0), &re, e) || !start(c, re, str_at(args, 1), &f, e)
        || !regex_search_from(&f.search, 0, f.spans, &found, e) || !budget_look(c, e))
        return false;
    return give_str(out, found ? span_text(f.s, f.spans[0]) : S(""));
}

FUNC(fn_regex_find)
{
    return find(c, compile_or_panic, args, out, e);
}

FUNC(fn_must_regex_find)
{
    return find(c, compile_or_fail, args, out, e);
}

static bool find_all(struct template_call *c, compiler *compile, const struct value *args, struct value *out,
                     struct err *e)
{
    CLEANUP(regex_free) struct regex *re = NULL;
    bool found = true;
    CLEANUP(finish) struct finder f = { 0 };
    if (!compile(c, str_at(args, 0), &re, e) || !start(c, re, str_at(args, 1), &f, e))
        return false;
    *out = tagged(value_list(c->a), TEMPLATE_STRINGS);
    while (args[2].i < 0 || out->list->n < (size_t)args[2].i) {
        if (!find_next(&f, &found, e))
            return false;
        if (!found)
            break;
        if (!list_fits(out->list->n + 1, e))
            return false;
        list_push(c->a, out->list, value_str(span_text(f.s, f.spans[0])));
    }
    return give(out, out->list->n > 0 ? *out : tagged(*out, TEMPLATE_NIL_STRINGS));
}

FUNC(fn_regex_find_all)
{
    return find_all(c, compile_or_panic, args, out, e);
}

FUNC(fn_must_regex_find_all)
{
    return find_all(c, compile_or_fail, args, out, e);
}

/* ---- replace ------------------------------------------------------------------------------ */

static bool replace(struct template_call *c, compiler *compile, const struct value *args, bool literal,
                    struct value *out, struct err *e)
{
    CLEANUP(regex_free) struct regex *re = NULL;
    struct str made;
    return compile(c, str_at(args, 0), &re, e)
           && regex_replace(c->a, re, str_at(args, 1), str_at(args, 2), literal, &made, e) && budget_look(c, e)
           && give_str(out, made);
}

FUNC(fn_regex_replace_all)
{
    return replace(c, compile_or_panic, args, false, out, e);
}

FUNC(fn_must_regex_replace_all)
{
    return replace(c, compile_or_fail, args, false, out, e);
}

FUNC(fn_regex_replace_all_literal)
{
    return replace(c, compile_or_panic, args, true, out, e);
}

FUNC(fn_must_regex_replace_all_literal)
{
    return replace(c, compile_or_fail, args, true, out, e);
}

/* ---- split -------------------------------------------------------------------------------- */

static bool split_matches(struct template_call *c, struct finder *f, int64_t most, struct list *pieces, struct err *e)
{
    size_t begin = 0, end = 0;
    for (int64_t i = 0; most < 0 || i < most; i++) {
        bool found;
        if (!find_next(f, &found, e) || !list_fits(pieces->n + 1, e))
            return false;
        if (!found || (most > 0 && pieces->n == (size_t)most - 1))
            break;
        end = (size_t)f->spans[0].from;
        if (f->spans[0].to != 0)
            list_push(c->a, pieces, value_str(str_slice(f->s, begin, end)));
        begin = (size_t)f->spans[0].to;
    }
    if (end != f->s.n)
        list_push(c->a, pieces, value_str(str_slice(f->s, begin, f->s.n)));
    return true;
}

static bool split(struct template_call *c, compiler *compile, const struct value *args, struct value *out,
                  struct err *e)
{
    CLEANUP(regex_free) struct regex *re = NULL;
    CLEANUP(finish) struct finder f = { 0 };
    if (!compile(c, str_at(args, 0), &re, e) || !start(c, re, str_at(args, 1), &f, e))
        return false;
    *out = tagged(value_list(c->a), TEMPLATE_STRINGS);
    if (args[2].i == 0)
        return give(out, tagged(*out, TEMPLATE_NIL_STRINGS));
    if (args[0].n > 0 && f.s.n == 0) {
        list_push(c->a, out->list, value_str(S("")));
        return true;
    }
    return split_matches(c, &f, args[2].i, out->list, e);
}

FUNC(fn_regex_split)
{
    return split(c, compile_or_panic, args, out, e);
}

FUNC(fn_must_regex_split)
{
    return split(c, compile_or_fail, args, out, e);
}

FUNC(fn_regex_quote_meta)
{
    struct buf b = { .a = c->a };
    struct str s = str_at(args, 0);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '\0' && strchr("\\.+*?()|[]{}^$", s.p[i]) != NULL)
            buf_byte(&b, '\\');
        buf_byte(&b, s.p[i]);
    }
    return give_buf(out, &b);
}
