/* The GraphQL reader. Grammar: the October 2021 specification, section 2, without types, mutations and subscriptions.
 */
#include "sandbox/graphql.h"

struct reader {
    struct arena *a;
    const char *begin;
    struct str in;
    const struct value *variables;
    int depth;
};

static bool fail(struct reader *r, struct err *e, const char *expected)
{
    return err_set(e, ERR_INVALID, "GraphQL: expected %s at byte %td", expected, r->in.p - r->begin);
}

/* White space, commas and comments mean nothing. */
static void skip(struct reader *r)
{
    while (r->in.n > 0) {
        char c = r->in.p[0];
        if (c == '#') {
            struct str line;
            str_split(&r->in, S("\n"), &line);
        } else if (c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == ',') {
            str_cut(&r->in, 1);
        } else {
            return;
        }
    }
}

static bool next_is(struct reader *r, const char *token)
{
    skip(r);
    return str_starts(r->in, str_c(token));
}

static bool take(struct reader *r, const char *token)
{
    if (!next_is(r, token))
        return false;
    str_cut(&r->in, strlen(token));
    return true;
}

/* Name = [_A-Za-z][_0-9A-Za-z]* */
static struct str take_name(struct reader *r)
{
    size_t n = 0;

    skip(r);
    while (n < r->in.n) {
        char c = r->in.p[n];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (n == 0 || c < '0' || c > '9'))
            break;
        n++;
    }
    return str_cut(&r->in, n);
}

static bool take_value(struct reader *r, struct value *out, struct err *e);

static bool take_string(struct reader *r, struct value *out, struct err *e)
{
    struct buf b = { .a = r->a };

    str_cut(&r->in, 1);
    while (r->in.n > 0 && r->in.p[0] != '"') {
        if (r->in.p[0] == '\\' && r->in.n > 1)
            str_cut(&r->in, 1);
        buf_byte(&b, *str_cut(&r->in, 1).p);
    }
    if (!take(r, "\""))
        return fail(r, e, "the end of a string");
    *out = value_str(b.n > 0 ? buf_str(&b) : S(""));
    return true;
}

static bool take_list(struct reader *r, struct value *out, struct err *e)
{
    *out = value_list(r->a);
    while (!take(r, "]")) {
        struct value item;
        if (!take_value(r, &item, e))
            return false;
        list_push(r->a, out->list, item);
    }
    return true;
}

/* Name ":" Value, until the closing token */
static bool take_pairs(struct reader *r, const char *close, struct value *out, struct err *e)
{
    *out = value_map(r->a);
    while (!take(r, close)) {
        struct str name = take_name(r);
        struct value v;
        if (name.n == 0 || !take(r, ":"))
            return fail(r, e, "name: value");
        if (!take_value(r, &v, e))
            return false;
        map_put(r->a, out->map, name, v);
    }
    return true;
}

/* An enum word stays a string. */
static bool take_word(struct reader *r, struct value *out, struct err *e)
{
    struct str name = take_name(r);
    size_t n = 0;
    int64_t number = 0;

    if (name.n > 0) {
        *out = str_is(name, "null")                            ? value_null()
               : str_is(name, "true") || str_is(name, "false") ? value_bool(str_is(name, "true"))
                                                               : value_str(name);
        return true;
    }
    while (n < r->in.n && strchr("+-0123456789", r->in.p[n]) != NULL && r->in.p[n] != '\0')
        n++;
    if (!str_to_int(str_slice(r->in, 0, n), &number))
        return fail(r, e, "a value");
    str_cut(&r->in, n);
    *out = value_int(number);
    return true;
}

static bool take_any(struct reader *r, struct value *out, struct err *e)
{
    if (take(r, "$")) {
        *out = *value_get(r->variables, arena_c(r->a, take_name(r)));
        return true;
    }
    if (next_is(r, "\""))
        return take_string(r, out, e);
    if (take(r, "["))
        return take_list(r, out, e);
    if (take(r, "{"))
        return take_pairs(r, "}", out, e);
    return take_word(r, out, e);
}

static bool take_value(struct reader *r, struct value *out, struct err *e)
{
    if (++r->depth > GRAPHQL_DEPTH_MAX)
        return err_set(e, ERR_LIMIT, "GraphQL: nested deeper than %d", GRAPHQL_DEPTH_MAX);
    bool ok = take_any(r, out, e);
    r->depth--;
    return ok;
}

/* @include and @skip with a constant are nothing gh sends; their arguments are read and forgotten. */
static bool skip_directives(struct reader *r, struct err *e)
{
    struct value ignored;

    while (take(r, "@")) {
        take_name(r);
        if (take(r, "(") && !take_pairs(r, ")", &ignored, e))
            return false;
    }
    return true;
}

static bool take_set(struct reader *r, struct graphql_set **out, struct err *e);

static bool take_spread(struct reader *r, struct graphql_selection *s, struct err *e)
{
    struct str name = take_name(r);

    if (str_is(name, "on"))
        s->on = take_name(r);
    else if (name.n > 0)
        s->spread = name;
    if (!skip_directives(r, e))
        return false;
    return s->spread.n > 0 || take_set(r, &s->set, e);
}

/* [Alias ":"] Name ["(" Arguments ")"] [Directives] [SelectionSet] */
static bool take_field(struct reader *r, struct graphql_selection *s, struct err *e)
{
    s->alias = s->name = take_name(r);
    if (s->name.n == 0)
        return fail(r, e, "a field");
    if (take(r, ":"))
        s->name = take_name(r);
    s->arguments = value_map(r->a);
    if (take(r, "(") && !take_pairs(r, ")", &s->arguments, e))
        return false;
    return skip_directives(r, e) && (!next_is(r, "{") || take_set(r, &s->set, e));
}

static bool take_set(struct reader *r, struct graphql_set **out, struct err *e)
{
    struct graphql_set *set = arena_new(r->a, struct graphql_set, 1);

    if (!take(r, "{"))
        return fail(r, e, "'{'");
    if (++r->depth > GRAPHQL_DEPTH_MAX)
        return err_set(e, ERR_LIMIT, "GraphQL: nested deeper than %d", GRAPHQL_DEPTH_MAX);
    while (!take(r, "}")) {
        struct graphql_selection s = { 0 };
        if (!(take(r, "...") ? take_spread(r, &s, e) : take_field(r, &s, e)))
            return false;
        *vec_push(r->a, &set->v) = s;
    }
    r->depth--;
    *out = set;
    return true;
}

static bool take_fragment(struct reader *r, struct graphql_document *d, struct err *e)
{
    struct str name = take_name(r);
    struct graphql_set *set = NULL;

    if (!str_is(take_name(r), "on") || take_name(r).n == 0)
        return fail(r, e, "on TYPE");
    if (!skip_directives(r, e) || !take_set(r, &set, e))
        return false;
    map_put(r->a, &d->fragments, name, (struct value){ .kind = VALUE_OPAQUE, .opaque = set });
    return true;
}

/* The types of variables are not checked; their list ends at its parenthesis. */
static bool take_operation(struct reader *r, struct graphql_document *d, struct err *e)
{
    take_name(r);
    if (take(r, "(")) {
        struct str ignored;
        if (!str_split(&r->in, S(")"), &ignored))
            return fail(r, e, "')'");
    }
    return skip_directives(r, e) && take_set(r, &d->query, e);
}

static bool take_definition(struct reader *r, struct graphql_document *d, struct err *e)
{
    if (next_is(r, "{"))
        return take_set(r, &d->query, e);
    struct str word = take_name(r);
    if (str_is(word, "fragment"))
        return take_fragment(r, d, e);
    if (str_is(word, "query"))
        return take_operation(r, d, e);
    if (str_is(word, "mutation"))
        return err_set(e, ERR_INVALID, "GraphQL: the sandbox takes no mutations; use its REST calls");
    return fail(r, e, "query or fragment");
}

bool graphql_parse(struct arena *a, struct str text, const struct value *variables, struct graphql_document *out,
                   struct err *e)
{
    struct reader r = { .a = a, .begin = text.p, .in = text, .variables = variables };
    struct graphql_document d = { 0 };

    if (text.n > GRAPHQL_TEXT_MAX)
        return err_set(e, ERR_LIMIT, "GraphQL: the query is longer than %zu bytes", GRAPHQL_TEXT_MAX);
    for (skip(&r); r.in.n > 0; skip(&r))
        if (!take_definition(&r, &d, e))
            return false;
    if (d.query == NULL)
        return fail(&r, e, "a query");
    *out = d;
    return true;
}
