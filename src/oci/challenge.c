/*
 * oci/challenge.c
 *
 *   challenges = challenge *( "," challenge )
 *   challenge  = scheme [ 1*SP ( token68 / params ) ]
 *   params     = param *( "," param )
 *   param      = token "=" ( token / quoted-string )
 *
 * A comma separates both challenges and parameters: what follows it is a parameter when its token is followed by "=",
 * else a new scheme. Quoted scopes hold commas and spaces themselves.
 */
#include "oci/challenge.h"

struct scan {
    const char *begin;
    struct str in; /* what is left to read */
    char *text;    /* room for unescaped bytes */
};

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
           || (c != 0 && strchr("!#$%&'*+-.^_`|~/:", c) != NULL);
}

static struct str take_token(struct scan *s)
{
    size_t n = 0;
    while (n < s->in.n && is_token_char(s->in.p[n]))
        n++;
    return str_cut(&s->in, n);
}

static void skip(struct scan *s, const char *set)
{
    while (s->in.n > 0 && s->in.p[0] != 0 && strchr(set, s->in.p[0]) != NULL)
        str_cut(&s->in, 1);
}

/* quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE, RFC 9110 section 5.6.4 */
static bool take_quoted(struct scan *s, struct str *out, struct err *e)
{
    char *start = s->text;
    str_cut(&s->in, 1); /* the quote that brought us here */
    while (s->in.n > 0) {
        char c = *str_cut(&s->in, 1).p;
        if (c == '"') {
            *out = (struct str){ start, (size_t)(s->text - start) };
            return true;
        }
        if (c == '\\' && s->in.n > 0)
            c = *str_cut(&s->in, 1).p;
        *s->text++ = c; /* unescaping only ever shrinks, so this fits */
    }
    return err_set(e, ERR_INVALID, "login challenge: quoted string is not closed");
}

/* The value after "="; blanks around it are tolerated. */
static bool take_value(struct scan *s, struct str *out, struct err *e)
{
    str_cut(&s->in, 1);
    skip(s, " \t");
    if (s->in.n > 0 && s->in.p[0] == '"')
        return take_quoted(s, out, e);
    *out = take_token(s);
    skip(s, "="); /* the padding of a token68, which other schemes send */
    return true;
}

static void keep_param(struct oci_challenge *c, struct str name, struct str value)
{
    static const struct {
        const char *name;
        size_t at;
    } fields[] = {
        { "realm", offsetof(struct oci_challenge, realm) },
        { "service", offsetof(struct oci_challenge, service) },
        { "scope", offsetof(struct oci_challenge, scope) },
        { "error", offsetof(struct oci_challenge, error) },
    };
    for (size_t i = 0; i < COUNT(fields); i++)
        if (str_ieq(name, str_c(fields[i].name)))
            *(struct str *)(void *)((char *)c + fields[i].at) = value;
}

/* Parameters up to the next challenge or the end; *next is the scheme that follows. */
static bool take_params(struct scan *s, struct oci_challenge *c, struct str *next, struct err *e)
{
    *next = S("");
    for (;;) {
        struct str value = { 0 };
        skip(s, " \t,");
        if (s->in.n == 0)
            return true;
        struct str name = take_token(s);
        if (name.n == 0)
            return err_set(e, ERR_INVALID, "login challenge: expected a name at byte %td", s->in.p - s->begin);
        struct scan after = *s;
        skip(&after, " \t");
        if (after.in.n == 0 || after.in.p[0] != '=') {
            *next = name;
            return true;
        }
        *s = after;
        if (!take_value(s, &value, e))
            return false;
        keep_param(c, name, value);
    }
}

bool oci_challenge_parse(struct arena *a, struct str header, struct oci_challenge *out, struct err *e)
{
    if (header.n > OCI_CHALLENGE_MAX)
        return err_set(e, ERR_LIMIT, "login challenge is longer than %d bytes", OCI_CHALLENGE_MAX);
    struct scan s = { .begin = header.p, .in = header, .text = arena_alloc_raw(a, header.n + 1) };
    skip(&s, " \t,");
    struct str scheme = take_token(&s), next = { 0 };
    while (scheme.n > 0) {
        struct oci_challenge c = { 0 };
        if (!take_params(&s, &c, &next, e))
            return false;
        bool bearer = str_ieq(scheme, S("Bearer"));
        if (bearer && c.realm.n == 0)
            return err_set(e, ERR_INVALID, "login challenge has no realm");
        c.scheme = bearer ? OCI_BEARER : OCI_BASIC;
        if (bearer || str_ieq(scheme, S("Basic"))) {
            *out = c;
            return true;
        }
        scheme = next;
    }
    return err_set(e, ERR_INVALID, "login challenge offers neither Bearer nor Basic");
}
