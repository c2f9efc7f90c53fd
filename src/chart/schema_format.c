/*
 * chart/schema_format.c - the `format` keyword of JSON Schema, asserted for drafts 4 to 7: names, addresses, pointers.
 */
#include "chart/schema_format.h"
#include "template/url.h"

bool format_refuse(struct str *why, struct str text)
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

    return format_refuse(why, arena_fmt(a, "invalid character '%.*s'", (int)n, rest.p));
}

static bool ipv4(struct arena *a, struct str text, struct str *why)
{
    struct str rest = text, part;
    int parts = 0;
    bool more = true;

    for (struct str count = text; more; parts++)
        more = str_split(&count, S("."), &part);
    if (parts != 4)
        return format_refuse(why, S("expected four decimals"));
    for (int i = 0; i < 4; i++) {
        int64_t n;
        str_split(&rest, S("."), &part);
        if (part.n > 1 && part.p[0] == '0')
            return format_refuse(why, S("leading zeros"));
        if (!str_to_int(part, &n))
            return format_refuse(why,
                                 arena_fmt(a, "strconv.Atoi: parsing %.*s: invalid syntax", STR(go_quote(a, part))));
        if (n < 0 || n > 255)
            return format_refuse(why, S("decimal must be between 0 and 255"));
    }
    return true;
}

static bool hostname_label(struct arena *a, struct str label, struct str *why)
{
    if (label.n < 1 || label.n > 63)
        return format_refuse(why, S("label must be 1 to 63 characters long"));
    if (label.p[0] == '-')
        return format_refuse(why, S("label starts with hyphen"));
    if (label.p[label.n - 1] == '-')
        return format_refuse(why, S("label ends with hyphen"));
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
        return format_refuse(why, S("more than 253 characters long"));
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
        return format_refuse(why, S("local part more than 64 characters long"));
    if (name.n > 1 && name.p[0] == '"') {
        struct str inner = str_slice(name, 1, name.n - 1);
        if (memchr(inner.p, '\\', inner.n) != NULL || memchr(inner.p, '"', inner.n) != NULL)
            return format_refuse(why, S("backslash and quote are not allowed within quoted local part"));
        return true;
    }
    if (str_starts(name, S(".")))
        return format_refuse(why, S("starts with dot"));
    if (str_ends(name, S(".")))
        return format_refuse(why, S("ends with dot"));
    if (str_find(name, S("..")) >= 0)
        return format_refuse(why, S("consecutive dots"));
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
        return format_refuse(why, S("more than 255 characters long"));
    if (at < 0)
        return format_refuse(why, S("missing @"));
    struct str domain = str_slice(text, (size_t)at + 1, text.n);
    if (!mail_name(a, str_slice(text, 0, (size_t)at), why))
        return false;
    if (domain.n > 1 && domain.p[0] == '[' && domain.p[domain.n - 1] == ']') {
        domain = str_slice(domain, 1, domain.n - 1);
        bool six = str_starts(domain, S("IPv6:"));
        if (six ? format_ipv6(a, str_slice(domain, 5, domain.n), &inner) : ipv4(a, domain, &inner))
            return true;
        return format_refuse(why, arena_fmt(a, "invalid ipv%s address: %.*s", six ? "6" : "4", STR(inner)));
    }
    if (hostname(a, domain, &inner))
        return true;
    return format_refuse(why, arena_fmt(a, "invalid domain: %.*s", STR(inner)));
}

static bool uuid(struct arena *a, struct str text, struct str *why)
{
    static const size_t lengths[] = { 8, 4, 4, 4, 12 };
    struct str rest = text, part;
    size_t parts = 1;

    for (size_t i = 0; i < text.n; i++)
        parts += text.p[i] == '-';
    if (parts != COUNT(lengths))
        return format_refuse(why, S("must have 5 elements"));
    for (size_t i = 0; i < COUNT(lengths); i++) {
        str_split(&rest, S("-"), &part);
        if (part.n != lengths[i])
            return format_refuse(why, arena_fmt(a, "element %zu must be %zu characters long", i + 1, lengths[i]));
        for (size_t k = 0; k < part.n; k++)
            if (!is_hex(part.p[k]))
                return format_refuse(why, arena_fmt(a, "non-hex character '%c'", part.p[k]));
    }
    return true;
}

/* Go reads more as a URL than RFC 3986 does, but an IPv6 address has to stand in brackets. */
static bool parse_uri(struct arena *a, struct str text, struct template_url *url, struct str *why)
{
    struct str inner;
    struct err e;

    if (!template_url_parse(a, text, url, &e))
        return format_refuse(why, arena_fmt(a, "%s", e.text));
    if (str_find(url->hostname, S(":")) < 0)
        return true;
    if (str_find(url->host, S("[")) < 0 || str_find(url->host, S("]")) < 0)
        return format_refuse(why, S("ipv6 address not enclosed in brackets"));
    return format_ipv6(a, url->hostname, &inner)
           || format_refuse(why, arena_fmt(a, "invalid ipv6 address: %.*s", STR(inner)));
}

static bool uri(struct arena *a, struct str text, struct str *why)
{
    struct template_url url;

    if (!parse_uri(a, text, &url, why))
        return false;
    return url.scheme.n > 0 || format_refuse(why, S("relative url"));
}

static bool uri_reference(struct arena *a, struct str text, struct str *why)
{
    struct template_url url;

    if (memchr(text.p, '\\', text.n) != NULL)
        return format_refuse(why, S("contains \\"));
    return parse_uri(a, text, &url, why);
}

/* Braces of each part of the path open and close in turn. */
static bool uri_template(struct arena *a, struct str text, struct str *why)
{
    struct template_url url;
    bool open = false;

    if (!parse_uri(a, text, &url, why))
        return false;
    for (size_t i = 0; i < url.path.n; i++) {
        char c = url.path.p[i];
        if (c == '/' && open)
            break;
        if (c != '{' && c != '}')
            continue;
        if (open == (c == '{'))
            return format_refuse(why, S("nested curly braces"));
        open = c == '{';
    }
    return !open || format_refuse(why, S("no matching closing brace"));
}

static bool json_pointer(struct arena *a, struct str text, struct str *why)
{
    if (text.n > 0 && text.p[0] != '/')
        return format_refuse(why, S("not starting with /"));
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '~' && (i + 1 == text.n || (text.p[i + 1] != '0' && text.p[i + 1] != '1')))
            return format_refuse(why, S("~ must be followed by 0 or 1"));
    return true;
}

static bool relative_json_pointer(struct arena *a, struct str text, struct str *why)
{
    size_t digits = 0;

    while (digits < text.n && is_digit(text.p[digits]))
        digits++;
    if (digits == 0)
        return format_refuse(why, S("must start with non-negative integer"));
    if (digits > 1 && text.p[0] == '0')
        return format_refuse(why, S("starts with zero"));
    str_cut(&text, digits);
    return str_is(text, "#") || json_pointer(a, text, why);
}

static const struct {
    const char *name;
    format_check *check;
} formats[] = {
    { "ipv4", ipv4 },
    { "ipv6", format_ipv6 },
    { "hostname", hostname },
    { "email", email },
    { "uuid", uuid },
    { "date", format_date },
    { "date-time", format_date_time },
    { "time", format_time },
    { "duration", format_duration },
    { "period", format_period },
    { "uri", uri },
    { "iri", uri },
    { "uri-reference", uri_reference },
    { "iri-reference", uri_reference },
    { "uri-template", uri_template },
    { "json-pointer", json_pointer },
    { "relative-json-pointer", relative_json_pointer },
    { "semver", format_semver },
    { "regex", schema_regex_fits },
};

bool schema_format_fits(struct arena *a, struct str format, struct str text, struct str *why)
{
    for (size_t i = 0; i < COUNT(formats); i++)
        if (str_is(format, formats[i].name))
            return formats[i].check(a, text, why);
    return true;
}
