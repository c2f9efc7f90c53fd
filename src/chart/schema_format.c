/*
 * chart/schema_format.c - the `format` keyword of JSON Schema, asserted for drafts 4 to 7.
 */
#include <arpa/inet.h>

#include "base/sys.h"
#include "chart/schema.h"
#include "data/semver.h"
#include "net/url.h"

typedef bool format_check(struct arena *a, struct str text, struct str *why);

static bool refuse(struct str *why, struct str text)
{
    *why = text;
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alphanumeric(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool is_hex(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool bad_character(struct arena *a, struct str rest, struct str *why)
{
    uint32_t rune;
    size_t n = utf8_decode(rest, &rune);

    return refuse(why, arena_fmt(a, "invalid character '%.*s'", (int)n, rest.p));
}

static bool ipv4(struct arena *a, struct str text, struct str *why)
{
    struct str rest = text, part;
    int parts = 0;
    bool more = true;

    for (struct str count = text; more; parts++)
        more = str_split(&count, S("."), &part);
    if (parts != 4)
        return refuse(why, S("expected four decimals"));
    for (int i = 0; i < 4; i++) {
        int64_t n;
        str_split(&rest, S("."), &part);
        if (part.n > 1 && part.p[0] == '0')
            return refuse(why, S("leading zeros"));
        if (!str_to_int(part, &n))
            return refuse(why, arena_fmt(a, "strconv.Atoi: parsing %.*s: invalid syntax", STR(go_quote(a, part))));
        if (n < 0 || n > 255)
            return refuse(why, S("decimal must be between 0 and 255"));
    }
    return true;
}

static bool ipv6(struct arena *a, struct str text, struct str *why)
{
    struct in6_addr address;

    if (str_find(text, S(":")) < 0)
        return refuse(why, S("missing colon"));
    if (str_find(text, S("%")) >= 0)
        return refuse(why, S("zone id is not a part of ipv6 address"));
    if (memchr(text.p, '\0', text.n) != NULL || inet_pton(AF_INET6, arena_c(a, text), &address) != 1)
        return refuse(why, arena_fmt(a, "ParseAddr(%.*s): unable to parse IP", STR(go_quote(a, text))));
    return true;
}

static bool hostname_label(struct arena *a, struct str label, struct str *why)
{
    if (label.n < 1 || label.n > 63)
        return refuse(why, S("label must be 1 to 63 characters long"));
    if (label.p[0] == '-')
        return refuse(why, S("label starts with hyphen"));
    if (label.p[label.n - 1] == '-')
        return refuse(why, S("label ends with hyphen"));
    for (size_t i = 0; i < label.n; i++)
        if (!is_alphanumeric(label.p[i]) && label.p[i] != '-')
            return bad_character(a, str_slice(label, i, label.n), why);
    return true;
}

static bool hostname(struct arena *a, struct str text, struct str *why)
{
    struct str label;
    bool more = true;

    if (str_ends(text, S(".")))
        text.n--;
    if (text.n > 253)
        return refuse(why, S("more than 253 characters long"));
    while (more) {
        more = str_split(&text, S("."), &label);
        if (!hostname_label(a, label, why))
            return false;
    }
    return true;
}

static bool mail_name(struct arena *a, struct str name, struct str *why)
{
    if (name.n > 64)
        return refuse(why, S("local part more than 64 characters long"));
    if (name.n > 1 && name.p[0] == '"') {
        struct str inner = str_slice(name, 1, name.n - 1);
        if (memchr(inner.p, '\\', inner.n) != NULL || memchr(inner.p, '"', inner.n) != NULL)
            return refuse(why, S("backslash and quote are not allowed within quoted local part"));
        return true;
    }
    if (str_starts(name, S(".")))
        return refuse(why, S("starts with dot"));
    if (str_ends(name, S(".")))
        return refuse(why, S("ends with dot"));
    if (str_find(name, S("..")) >= 0)
        return refuse(why, S("consecutive dots"));
    for (size_t i = 0; i < name.n; i++)
        if (!is_alphanumeric(name.p[i]) && (name.p[i] == '\0' || strchr(".!#$%&'*+-/=?^_`{|}~", name.p[i]) == NULL))
            return bad_character(a, str_slice(name, i, name.n), why);
    return true;
}

static bool email(struct arena *a, struct str text, struct str *why)
{
    ptrdiff_t at = str_rfind(text, S("@"));
    struct str inner;

    if (text.n > 254)
        return refuse(why, S("more than 255 characters long"));
    if (at < 0)
        return refuse(why, S("missing @"));
    struct str domain = str_slice(text, (size_t)at + 1, text.n);
    if (!mail_name(a, str_slice(text, 0, (size_t)at), why))
        return false;
    if (domain.n > 1 && domain.p[0] == '[' && domain.p[domain.n - 1] == ']') {
        domain = str_slice(domain, 1, domain.n - 1);
        bool six = str_starts(domain, S("IPv6:"));
        if (six ? ipv6(a, str_slice(domain, 5, domain.n), &inner) : ipv4(a, domain, &inner))
            return true;
        return refuse(why, arena_fmt(a, "invalid ipv%s address: %.*s", six ? "6" : "4", STR(inner)));
    }
    if (hostname(a, domain, &inner))
        return true;
    return refuse(why, arena_fmt(a, "invalid domain: %.*s", STR(inner)));
}

static bool uuid(struct arena *a, struct str text, struct str *why)
{
    static const size_t lengths[] = { 8, 4, 4, 4, 12 };
    struct str rest = text, part;
    size_t parts = 1;

    for (size_t i = 0; i < text.n; i++)
        parts += text.p[i] == '-';
    if (parts != COUNT(lengths))
        return refuse(why, S("must have 5 elements"));
    for (size_t i = 0; i < COUNT(lengths); i++) {
        str_split(&rest, S("-"), &part);
        if (part.n != lengths[i])
            return refuse(why, arena_fmt(a, "element %zu must be %zu characters long", i + 1, lengths[i]));
        for (size_t k = 0; k < part.n; k++)
            if (!is_hex(part.p[k]))
                return refuse(why, arena_fmt(a, "non-hex character '%c'", part.p[k]));
    }
    return true;
}

/* "2024-02-29", "2024-02-29T12:00:00Z": judged by reading them as a time. */
static bool date(struct arena *a, struct str text, struct str *why)
{
    int64_t when;

    if (text.n == 10 && clock_parse_rfc3339(arena_fmt(a, "%.*sT00:00:00Z", STR(text)), &when))
        return true;
    return refuse(why, arena_fmt(a, "parsing time %.*s as \"2006-01-02\": cannot parse it", STR(go_quote(a, text))));
}

static bool date_time(struct arena *a, struct str text, struct str *why)
{
    int64_t when;

    if (clock_parse_rfc3339(text, &when))
        return true;
    if (text.n < 20)
        return refuse(why, S("less than 20 characters long"));
    if ((text.p[10] | 0x20) != 't')
        return refuse(why, S("11th character must be t or T"));
    return refuse(why, S("invalid date or time element"));
}

static bool time_of_day(struct arena *a, struct str text, struct str *why)
{
    int64_t when;

    if (text.n < 9)
        return refuse(why, S("less than 9 characters long"));
    if (clock_parse_rfc3339(arena_fmt(a, "2000-01-01T%.*s", STR(text)), &when))
        return true;
    return refuse(why, S("hour/min/sec out of range"));
}

static bool uri(struct arena *a, struct str text, struct str *why)
{
    struct url url;
    struct err e;

    if (!url_parse(text, &url, &e))
        return refuse(why, arena_fmt(a, "%s", e.text));
    return url.scheme.n > 0 || refuse(why, S("relative url"));
}

static bool uri_reference(struct arena *a, struct str text, struct str *why)
{
    struct url url;
    struct err e;

    if (memchr(text.p, '\\', text.n) != NULL)
        return refuse(why, S("contains \\"));
    return url_parse(text, &url, &e) || refuse(why, arena_fmt(a, "%s", e.text));
}

static bool json_pointer(struct arena *a, struct str text, struct str *why)
{
    if (text.n > 0 && text.p[0] != '/')
        return refuse(why, S("not starting with /"));
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '~' && (i + 1 == text.n || (text.p[i + 1] != '0' && text.p[i + 1] != '1')))
            return refuse(why, S("~ must be followed by 0 or 1"));
    return true;
}

static bool semantic_version(struct arena *a, struct str text, struct str *why)
{
    struct semver version;
    struct err e;

    return semver_parse_strict(text, &version, &e) || refuse(why, arena_fmt(a, "%s", e.text));
}

static const struct {
    const char *name;
    format_check *check;
} formats[] = {
    { "ipv4", ipv4 },
    { "ipv6", ipv6 },
    { "hostname", hostname },
    { "email", email },
    { "uuid", uuid },
    { "date", date },
    { "date-time", date_time },
    { "time", time_of_day },
    { "uri", uri },
    { "iri", uri },
    { "uri-reference", uri_reference },
    { "iri-reference", uri_reference },
    { "json-pointer", json_pointer },
    { "semver", semantic_version },
    { "regex", schema_regex_fits },
};

bool schema_format_fits(struct arena *a, struct str format, struct str text, struct str *why)
{
    for (size_t i = 0; i < COUNT(formats); i++)
        if (str_is(format, formats[i].name))
            return formats[i].check(a, text, why);
    return true;
}
