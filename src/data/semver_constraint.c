/*
 * Constraints as Masterminds has them.
 *
 *     constraint  = alternative *( "||" alternative )
 *     alternative = condition *( separator condition )      separator: blanks, or one comma with blanks
 *     condition   = [operator] blanks pattern
 *     pattern     = [v] part [.part [.part]] [-PRE] [+META]  part: digits, or x X * for "any"
 *
 * "a - b" is rewritten to ">= a, <= b " first, wherever it stands.
 */
#include "data/semver.h"

#define CONDITIONS_MAX 1000

enum operation { OP_EQUAL, OP_NOT_EQUAL, OP_GREATER, OP_LESS, OP_GREATER_EQUAL, OP_LESS_EQUAL, OP_TILDE, OP_CARET };

/* Longer spellings stand before their prefixes. */
static const struct {
    const char *text;
    enum operation op;
} operators[] = {
    { ">=", OP_GREATER_EQUAL }, { "=>", OP_GREATER_EQUAL }, { "<=", OP_LESS_EQUAL }, { "=<", OP_LESS_EQUAL },
    { "!=", OP_NOT_EQUAL },     { "~>", OP_TILDE },         { "~", OP_TILDE },       { "^", OP_CARET },
    { ">", OP_GREATER },        { "<", OP_LESS },           { "=", OP_EQUAL },
};

struct condition {
    enum operation op;
    struct semver version;
    struct str original;                  /* the pattern, for reasons */
    bool any_major, any_minor, any_patch; /* which part is the first that is missing or x */
};

struct alternative {
    VEC(struct condition) conditions;
    bool has_pre; /* some condition names a pre-release: others may match too */
};

struct semver_constraint {
    VEC(struct alternative) alternatives;
};

struct pattern { /* slices of one pattern's parts, without their dots; empty when absent */
    struct str whole, parts[3], tail_pre;
};

/* ---- scanning ------------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static size_t skip_blanks(struct str *s)
{
    size_t n = 0;

    while (n < s->n && is_blank(s->p[n]))
        n++;
    str_cut(s, n);
    return n;
}

/* The bar too: the classes in Masterminds' patterns hold one, so that "1||2 - 3" is ">= 1 || 2, <= 3". */
static bool is_part(char c)
{
    return (c >= '0' && c <= '9') || c == 'x' || c == 'X' || c == '*' || c == '|';
}

static bool is_ident(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

static struct str take_while(struct str *s, bool (*belongs)(char))
{
    size_t n = 0;

    while (n < s->n && belongs(s->p[n]))
        n++;
    return str_cut(s, n);
}

/* A mark, then identifiers with dots between them; what was taken, empty when there is none. */
static struct str take_tail(struct str *s, char mark)
{
    const char *start = s->p;

    if (s->n < 2 || s->p[0] != mark || !is_ident(s->p[1]))
        return (struct str){ 0 };
    str_cut(s, 1);
    take_while(s, is_ident);
    while (s->n > 1 && s->p[0] == '.' && is_ident(s->p[1])) {
        str_cut(s, 1);
        take_while(s, is_ident);
    }
    return (struct str){ start, (size_t)(s->p - start) };
}

static bool take_pattern(struct str *s, struct pattern *out)
{
    struct str rest = *s;
    struct pattern p = { 0 };

    if (rest.n > 0 && rest.p[0] == 'v')
        str_cut(&rest, 1);
    for (int i = 0; i < 3; i++) {
        if (i > 0 && (rest.n < 2 || rest.p[0] != '.' || !is_part(rest.p[1])))
            break;
        if (i > 0)
            str_cut(&rest, 1);
        p.parts[i] = take_while(&rest, is_part);
        if (p.parts[i].n == 0)
            return false;
    }
    p.tail_pre = take_tail(&rest, '-');
    take_tail(&rest, '+');
    p.whole = str_cut(s, (size_t)(rest.p - s->p));
    *out = p;
    return true;
}

/* "a - b" at the front of `s`. */
static bool take_range(struct str *s, struct pattern *low, struct pattern *high)
{
    struct str rest = *s;

    skip_blanks(&rest);
    if (!take_pattern(&rest, low) || skip_blanks(&rest) == 0 || rest.n == 0 || *str_cut(&rest, 1).p != '-'
        || skip_blanks(&rest) == 0 || !take_pattern(&rest, high))
        return false;
    skip_blanks(&rest);
    *s = rest;
    return true;
}

static struct str rewrite_ranges(struct arena *a, struct str text)
{
    struct buf b = { .a = a };
    struct pattern low, high;

    while (text.n > 0) {
        if (take_range(&text, &low, &high))
            buf_fmt(&b, ">= %.*s, <= %.*s ", STR(low.whole), STR(high.whole));
        else
            buf_byte(&b, *str_cut(&text, 1).p);
    }
    return b.n == 0 ? S("") : buf_str(&b);
}

/* ---- parsing -------------------------------------------------------------------------------------- */

static enum operation take_operator(struct str *s)
{
    for (size_t i = 0; i < COUNT(operators); i++) {
        struct str text = str_c(operators[i].text);
        if (!str_starts(*s, text))
            continue;
        str_cut(s, text.n);
        return operators[i].op;
    }
    return OP_EQUAL;
}

static bool is_any(struct str part)
{
    return part.n == 0 || str_is(part, "x") || str_is(part, "X") || str_is(part, "*");
}

/* The version that a pattern stands for: missing and "any" parts are zero. */
static bool resolve_pattern(struct arena *a, const struct pattern *p, struct condition *c, struct err *e)
{
    struct str text = p->whole;

    c->any_major = is_any(p->parts[0]);
    c->any_minor = !c->any_major && is_any(p->parts[1]);
    c->any_patch = !c->any_major && !c->any_minor && is_any(p->parts[2]);
    if (c->any_major)
        text = arena_fmt(a, "0.0.0%.*s", STR(p->tail_pre));
    else if (c->any_minor)
        text = arena_fmt(a, "%.*s.0.0%.*s", STR(p->parts[0]), STR(p->tail_pre));
    else if (c->any_patch)
        text = arena_fmt(a, "%.*s.%.*s.0%.*s", STR(p->parts[0]), STR(p->parts[1]), STR(p->tail_pre));
    return semver_parse(text, &c->version, e) || err_set(e, ERR_INVALID, "constraint parser error");
}

/* False when no condition stands here. */
static bool take_condition(struct str *s, enum operation *op, struct pattern *out)
{
    skip_blanks(s);
    *op = take_operator(s);
    skip_blanks(s);
    return take_pattern(s, out);
}

/* What stands between two conditions. */
static bool take_separator(struct str *s)
{
    bool blank = skip_blanks(s) > 0;

    if (s->n == 0 || s->p[0] != ',')
        return blank;
    str_cut(s, 1);
    return true;
}

/* The grammar alone: Masterminds complains about it before it looks at any version. */
static bool is_proper(struct str text)
{
    struct pattern p;
    enum operation op;
    size_t n = 0;

    do {
        if (!take_condition(&text, &op, &p) || ++n > CONDITIONS_MAX)
            return false;
        struct str rest = text;
        skip_blanks(&rest);
        if (rest.n == 0)
            return true;
    } while (take_separator(&text));
    return false;
}

static bool parse_alternative(struct arena *a, struct str text, struct alternative *out, struct err *e)
{
    struct pattern p;
    struct condition c = { 0 };

    if (!is_proper(text))
        return err_set(e, ERR_INVALID, "improper constraint: %.*s", STR(text));
    while (take_condition(&text, &c.op, &p)) {
        c.original = p.whole;
        if (!resolve_pattern(a, &p, &c, e))
            return false;
        out->has_pre = out->has_pre || c.version.pre.n > 0;
        *vec_push(a, &out->conditions) = c;
        take_separator(&text);
    }
    return true;
}

bool semver_constraint_parse(struct arena *a, struct str text, struct semver_constraint **out, struct err *e)
{
    struct semver_constraint *c = arena_new(a, struct semver_constraint, 1);
    struct str rest = rewrite_ranges(a, text), part;

    for (bool more = true; more;) {
        struct alternative one = { 0 };
        more = str_split(&rest, S("||"), &part);
        if (!parse_alternative(a, part, &one, e))
            return false;
        *vec_push(a, &c->alternatives) = one;
    }
    *out = c;
    return true;
}

/* ---- checking: each returns NULL when the version fits, else why not ------------------------------- */

static bool is_loose(const struct condition *c)
{
    return c->any_major || c->any_minor || c->any_patch;
}

static const char *check_not_equal(const struct condition *c, const struct semver *v)
{
    static const char reason[] = "is equal to";
    const struct semver *w = &c->version;

    if (is_loose(c)) {
        if (w->major != v->major)
            return NULL;
        if (c->any_minor)
            return reason;
        if (w->minor != v->minor)
            return NULL;
        if (c->any_patch) {
            struct semver x = { .pre = v->pre }, y = { .pre = w->pre };
            return semver_compare(&x, &y) != 0 ? NULL : reason;
        }
    }
    return semver_compare(v, w) != 0 ? NULL : reason;
}

static const char *check_greater(const struct condition *c, const struct semver *v)
{
    static const char reason[] = "is less than or equal to";
    const struct semver *w = &c->version;

    if (is_loose(c) && v->major != w->major)
        return v->major > w->major ? NULL : reason;
    if (c->any_minor)
        return reason;
    if (c->any_patch)
        return v->minor > w->minor ? NULL : reason;
    return semver_compare(v, w) > 0 ? NULL : reason;
}

static const char *check_less_equal(const struct condition *c, const struct semver *v)
{
    static const char reason[] = "is greater than";
    const struct semver *w = &c->version;

    if (!is_loose(c))
        return semver_compare(v, w) <= 0 ? NULL : reason;
    if (v->major > w->major || (v->major == w->major && v->minor > w->minor && !c->any_minor))
        return reason;
    return NULL;
}

static const char *check_tilde(const struct condition *c, const struct semver *v)
{
    const struct semver *w = &c->version;

    if (semver_compare(v, w) < 0)
        return "is less than";
    if (w->major == 0 && w->minor == 0 && w->patch == 0 && !c->any_minor && !c->any_patch)
        return NULL;
    if (v->major != w->major)
        return "does not have same major version as";
    if (v->minor != w->minor && !c->any_minor)
        return "does not have same major and minor version as";
    return NULL;
}

static const char *check_caret(const struct condition *c, const struct semver *v, const char **after)
{
    const struct semver *w = &c->version;

    if (semver_compare(v, w) < 0)
        return "is less than";
    if (v->major != w->major)
        return "does not have same major version as";
    if (w->major > 0 || c->any_minor)
        return NULL;
    if (w->minor > 0 || c->any_patch) {
        *after = ". Expected minor versions to match when constraint major version is 0";
        return v->minor == w->minor ? NULL : "does not have same minor version as";
    }
    if (v->minor > 0)
        return "does not have same minor version as";
    *after = ". Expect version and constraint to equal when major and minor versions are 0";
    return v->patch == w->patch ? NULL : "does not equal";
}

/* `after`: words that follow the constraint in the reason. */
static const char *check_condition(const struct condition *c, const struct semver *v, const char **after)
{
    *after = "";
    switch (c->op) {
    case OP_EQUAL:
        if (is_loose(c))
            return check_tilde(c, v);
        return semver_compare(v, &c->version) == 0 ? NULL : "is not equal to";
    case OP_NOT_EQUAL: return check_not_equal(c, v);
    case OP_GREATER: return check_greater(c, v);
    case OP_LESS: return semver_compare(v, &c->version) < 0 ? NULL : "is greater than or equal to";
    case OP_GREATER_EQUAL: return semver_compare(v, &c->version) >= 0 ? NULL : "is less than";
    case OP_LESS_EQUAL: return check_less_equal(c, v);
    case OP_TILDE: return check_tilde(c, v);
    case OP_CARET: return check_caret(c, v, after);
    }
    return NULL;
}

/* The first condition that fails, or NULL; a pre-release needs an alternative that names one. */
static const struct condition *failing(const struct alternative *alt, const struct semver *v, const char **reason,
                                       const char **after)
{
    for (size_t i = 0; i < alt->conditions.n; i++) {
        *reason = check_condition(&alt->conditions.v[i], v, after);
        if (*reason != NULL)
            return &alt->conditions.v[i];
    }
    return NULL;
}

static bool is_excluded(const struct alternative *alt, const struct semver *v)
{
    return v->pre.n > 0 && !alt->has_pre;
}

bool semver_constraint_check(const struct semver_constraint *c, const struct semver *v)
{
    const char *reason = NULL, *after = NULL;

    for (size_t i = 0; i < c->alternatives.n; i++)
        if (!is_excluded(&c->alternatives.v[i], v) && failing(&c->alternatives.v[i], v, &reason, &after) == NULL)
            return true;
    return false;
}

static struct str why_not(struct arena *a, const struct alternative *alt, const struct semver *v)
{
    const char *reason = NULL, *after = NULL;

    if (is_excluded(alt, v))
        return arena_fmt(a, "%.*s is a prerelease version and the constraint is only looking for release versions",
                         STR(semver_str(a, v)));
    const struct condition *c = failing(alt, v, &reason, &after);
    return arena_fmt(a, "%.*s %s %.*s%s", STR(semver_str(a, v)), reason, STR(c->original), after);
}

struct str semver_constraint_why(struct arena *a, const struct semver_constraint *c, const struct semver *v)
{
    if (semver_constraint_check(c, v))
        return (struct str){ "", 0 };
    return why_not(a, &c->alternatives.v[0], v);
}
