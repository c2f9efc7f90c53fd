/*
 * Documents from templates: { 'id': $id, 'url': '$api/users/$login' }.
 *
 * GitHub's documents are mostly fixed text with a few names in it. Written as templates they read like the
 * documentation. Templates are part of the program, so a mistake in one is a bug: it aborts, and every one is built by
 * the tests.
 */
#include <assert.h>

#include "data/json.h"
#include "sandbox/internal.h"

struct shaper {
    struct arena *a;
    const struct value *vars;
    struct str in;
};

static void skip_blanks(struct shaper *s)
{
    while (s->in.n > 0 && (s->in.p[0] == ' ' || s->in.p[0] == '\n'))
        str_cut(&s->in, 1);
}

static char peek(struct shaper *s)
{
    skip_blanks(s);
    assert(s->in.n > 0);
    return s->in.p[0];
}

/* Take the character if it comes next. */
static bool take(struct shaper *s, char c)
{
    if (peek(s) != c)
        return false;
    str_cut(&s->in, 1);
    return true;
}

/* name = 1*( a-z / "_" ) */
static const struct value *take_variable(struct shaper *s)
{
    size_t n = 1;

    while (n < s->in.n && ((s->in.p[n] >= 'a' && s->in.p[n] <= 'z') || s->in.p[n] == '_'))
        n++;
    struct str name = str_cut(&s->in, n);
    const struct value *found = map_get(s->vars->map, str_slice(name, 1, name.n));
    if (found == NULL)
        log_error("template variable %.*s is missing", STR(name));
    assert(found != NULL);
    return found;
}

static void add_text(struct buf *b, const struct value *v)
{
    assert(value_is(v, VALUE_STRING) || value_is(v, VALUE_INT));
    if (value_is(v, VALUE_INT))
        buf_fmt(b, "%lld", (long long)v->i);
    else
        buf_add(b, value_as_str(v));
}

/* string = "'" *( char / "$" name ) "'" */
static struct str take_string(struct shaper *s)
{
    struct buf b = { .a = s->a };

    bool opened = take(s, '\'');
    assert(opened);
    while (s->in.n > 0 && s->in.p[0] != '\'') {
        if (s->in.p[0] == '$')
            add_text(&b, take_variable(s));
        else
            buf_byte(&b, *str_cut(&s->in, 1).p);
    }
    str_cut(&s->in, 1);
    return b.n > 0 ? buf_str(&b) : S("");
}

static struct value take_value(struct shaper *s);

static struct value take_map(struct shaper *s)
{
    struct value out = value_map(s->a);

    while (!take(s, '}')) {
        struct str key = take_string(s);
        bool colon = take(s, ':');
        assert(colon);
        map_put(s->a, out.map, key, take_value(s));
        if (peek(s) != '}')
            take(s, ',');
    }
    return out;
}

static struct value take_list(struct shaper *s)
{
    struct value out = value_list(s->a);

    while (!take(s, ']')) {
        list_push(s->a, out.list, take_value(s));
        if (peek(s) != ']')
            take(s, ',');
    }
    return out;
}

/* true, false, null, numbers */
static struct value take_word(struct shaper *s)
{
    struct value out;
    struct err e = { 0 };
    size_t n = 0;

    while (n < s->in.n && strchr(",}] \n", s->in.p[n]) == NULL)
        n++;
    bool ok = json_parse(s->a, str_cut(&s->in, n), &out, &e);
    assert(ok);
    return out;
}

static struct value take_value(struct shaper *s)
{
    switch (peek(s)) {
    case '{': take(s, '{'); return take_map(s);
    case '[': take(s, '['); return take_list(s);
    case '$': return *take_variable(s);
    case '\'': return value_str(take_string(s));
    default: return take_word(s);
    }
}

struct value shape(struct arena *a, const struct value *vars, const char *text)
{
    struct shaper s = { a, vars, str_c(text) };

    return take_value(&s);
}
