/*
 * chart/lint_name.c - the names that Kubernetes takes for an object, by kind, in its validation's words.
 */
#include "chart/lint.h"

#define SUBDOMAIN                                                                                                      \
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "   \
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "                        \
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define LABEL                                                                                                          \
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "    \
    "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "                     \
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define LABEL_1035                                                                                                     \
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, " \
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "             \
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"

struct complaints {
    struct arena *a;
    struct str name;
    struct buf text;
    size_t n;
};

static void complain(struct complaints *c, const char *why)
{
    buf_fmt(&c->text, "%smetadata.name: Invalid value: %.*s: %s", c->n++ > 0 ? ", " : "", STR(go_quote(c->a, c->name)),
            why);
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_lower_or_digit(char c)
{
    return is_lower(c) || (c >= '0' && c <= '9');
}

static bool is_label(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_lower_or_digit(s.p[i]) && (s.p[i] != '-' || i == 0 || i + 1 == s.n))
            return false;
    return s.n > 0;
}

static bool is_subdomain(struct str s)
{
    struct str label;

    for (bool more = true; more;) {
        more = str_split(&s, S("."), &label);
        if (!is_label(label))
            return false;
    }
    return true;
}

static void check_subdomain(struct complaints *c)
{
    if (c->name.n > 253)
        complain(c, "must be no more than 253 characters");
    if (!is_subdomain(c->name))
        complain(c, SUBDOMAIN);
}

static void check_label(struct complaints *c)
{
    if (c->name.n > 63)
        complain(c, "must be no more than 63 characters");
    if (is_label(c->name))
        return;
    complain(c, is_subdomain(c->name) && c->name.n <= 253 ? "must not contain dots" : LABEL);
}

static void check_label_1035(struct complaints *c)
{
    if (c->name.n > 63)
        complain(c, "must be no more than 63 characters");
    if (!is_label(c->name) || !is_lower(c->name.p[0]))
        complain(c, LABEL_1035);
}

/* One segment of a URL's path. */
static void check_segment(struct complaints *c)
{
    if (str_is(c->name, "."))
        complain(c, "may not be '.'");
    else if (str_is(c->name, ".."))
        complain(c, "may not be '..'");
    if (str_find(c->name, S("/")) >= 0)
        complain(c, "may not contain '/'");
    if (str_find(c->name, S("%")) >= 0)
        complain(c, "may not contain '%'");
}

static void check_nothing(struct complaints *c)
{
}

struct str lint_object_name(struct arena *a, struct str kind, struct str name)
{
    static const struct {
        const char *kind; /* in any case */
        void (*check)(struct complaints *c);
    } rules[] = {
        { "namespace", check_label },
        { "service", check_label_1035 },
        { "role", check_segment },
        { "rolebinding", check_segment },
        { "clusterrole", check_segment },
        { "clusterrolebinding", check_segment },
        { "certificatesigningrequest", check_nothing },
    };
    struct complaints c = { .a = a, .name = name, .text = { .a = a } };
    void (*check)(struct complaints *) = check_subdomain;

    for (size_t i = 0; i < COUNT(rules); i++)
        if (str_ieq(kind, str_c(rules[i].kind)))
            check = rules[i].check;
    check(&c);
    return c.n > 1 ? arena_fmt(a, "[%.*s]", STR(buf_str(&c.text))) : buf_str(&c.text);
}
