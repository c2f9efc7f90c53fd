/*
 * chart/schema_format_ip.c - IPv6 addresses (RFC 4291) as Go's netip reads them; the words of a refusal are its own.
 */
#include "base/hex.h"
#include "chart/schema_format.h"

#define ADDRESS_BYTES 16

/* An address being read: the whole text, what is left of it, and how many bytes are known. */
struct ip {
    struct arena *a;
    struct str whole, rest;
    size_t bytes;
    ptrdiff_t ellipsis; /* the byte at which "::" stands, or -1 */
    struct str *why;
};

static bool fail(struct ip *ip, const char *problem, struct str at)
{
    struct buf b = { .a = ip->a };

    buf_fmt(&b, "ParseAddr(%.*s): %s", STR(go_quote(ip->a, ip->whole)), problem);
    if (at.n > 0)
        buf_fmt(&b, " (at %.*s)", STR(go_quote(ip->a, at)));
    return format_refuse(ip->why, buf_str(&b));
}

/* Four decimals. `text` ends the whole. */
static bool take_ipv4(struct ip *ip, struct str text)
{
    unsigned value = 0, digits = 0, dots = 0;

    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        struct str at = str_slice(text, i, text.n);
        if (c >= '0' && c <= '9') {
            if (digits == 1 && value == 0)
                return fail(ip, "IPv4 field has octet with leading zero", S(""));
            value = value * 10 + (unsigned)(c - '0');
            digits++;
            if (value > 255)
                return fail(ip, "IPv4 field has value >255", S(""));
        } else if (c != '.') {
            return fail(ip, "unexpected character", at);
        } else if (i == 0 || i + 1 == text.n || text.p[i - 1] == '.') {
            return fail(ip, "IPv4 field must have at least one digit", at);
        } else if (++dots > 3) {
            return fail(ip, "IPv4 address too long", S(""));
        } else {
            value = digits = 0;
        }
    }
    return dots == 3 || fail(ip, "IPv4 address too short", S(""));
}

/* Up to four hexadecimal digits; *n of them. */
static bool take_group(struct ip *ip, size_t *n)
{
    for (*n = 0; *n < ip->rest.n && hex_digit(ip->rest.p[*n]) >= 0; ++*n)
        if (*n > 3)
            return fail(ip, "each group must have 4 or less digits", ip->rest);
    return *n > 0 || fail(ip, "each colon-separated field must have at least one digit", ip->rest);
}

/* The last 32 bits in decimals. */
static bool take_embedded(struct ip *ip)
{
    if (ip->ellipsis < 0 && ip->bytes != ADDRESS_BYTES - 4)
        return fail(ip, "embedded IPv4 address must replace the final 2 fields of the address", ip->rest);
    if (ip->bytes + 4 > ADDRESS_BYTES)
        return fail(ip, "too many hex fields to fit an embedded IPv4 at the end of the address", ip->rest);
    if (!take_ipv4(ip, ip->rest))
        return false;
    ip->rest = S("");
    ip->bytes += 4;
    return true;
}

/* The colon behind a group, and the second one that makes an ellipsis. */
static bool take_colon(struct ip *ip)
{
    if (ip->rest.p[0] != ':')
        return fail(ip, "unexpected character, want colon", ip->rest);
    if (ip->rest.n == 1)
        return fail(ip, "colon must be followed by more characters", ip->rest);
    str_cut(&ip->rest, 1);
    if (ip->rest.p[0] != ':')
        return true;
    if (ip->ellipsis >= 0)
        return fail(ip, "multiple :: in address", ip->rest);
    ip->ellipsis = (ptrdiff_t)ip->bytes;
    str_cut(&ip->rest, 1);
    return true;
}

static bool take_groups(struct ip *ip)
{
    while (ip->bytes < ADDRESS_BYTES) {
        size_t n = 0;
        if (!take_group(ip, &n))
            return false;
        if (n < ip->rest.n && ip->rest.p[n] == '.')
            return take_embedded(ip);
        ip->bytes += 2;
        str_cut(&ip->rest, n);
        if (ip->rest.n == 0)
            return true;
        if (!take_colon(ip))
            return false;
        if (ip->rest.n == 0)
            return true;
    }
    return true;
}

static bool parse_ipv6(struct ip *ip)
{
    if (str_starts(ip->rest, S("::"))) {
        ip->ellipsis = 0;
        str_cut(&ip->rest, 2);
    }
    if (ip->rest.n == 0 && ip->ellipsis == 0)
        return true;
    if (!take_groups(ip))
        return false;
    if (ip->rest.n > 0)
        return fail(ip, "trailing garbage after address", ip->rest);
    if (ip->bytes < ADDRESS_BYTES)
        return ip->ellipsis >= 0 || fail(ip, "address string too short", S(""));
    return ip->ellipsis < 0 || fail(ip, "the :: must expand to at least one field of zeros", S(""));
}

bool format_ipv6(struct arena *a, struct str text, struct str *why)
{
    struct ip ip = { .a = a, .whole = text, .rest = text, .ellipsis = -1, .why = why };
    ptrdiff_t zone = str_find(text, S("%")), colon = str_find(text, S(":")), dot = str_find(text, S("."));

    if (colon < 0)
        return format_refuse(why, S("missing colon"));
    if (dot >= 0 && dot < colon && (zone < 0 || dot < zone))
        return take_ipv4(&ip, text);
    if (zone >= 0 && zone < colon)
        return fail(&ip, "missing IPv6 address", S(""));
    if (zone >= 0 && (size_t)zone + 1 == text.n)
        return fail(&ip, "zone must be a non-empty string", S(""));
    if (zone >= 0)
        ip.rest = str_slice(text, 0, (size_t)zone);
    if (!parse_ipv6(&ip))
        return false;
    return zone < 0 || format_refuse(why, S("zone id is not a part of ipv6 address"));
}
