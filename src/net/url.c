/* net/url.c - taking URLs apart, putting them together, escaping (RFC 3986, accept and reject as Go's net/url). */
#include "net/url.h"
#include "base/hex.h"

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_unreserved(char c)
{
    return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '.' || c == '~';
}

static bool is_escape(struct str s, size_t at)
{
    return at + 2 < s.n && hex_digit(s.p[at + 1]) >= 0 && hex_digit(s.p[at + 2]) >= 0;
}

/* Length of the scheme, 0 when the text has none. */
static size_t scheme_length(struct str s)
{
    if (s.n == 0 || !is_alpha(s.p[0]))
        return 0;
    for (size_t i = 1; i < s.n; i++) {
        char c = s.p[i];
        if (c == ':')
            return i;
        if (!is_alpha(c) && !is_digit(c) && c != '+' && c != '-' && c != '.')
            return 0;
    }
    return 0;
}

static ptrdiff_t find_byte(struct str s, char c)
{
    const char *p = s.n > 0 ? memchr(s.p, c, s.n) : NULL;
    return p == NULL ? -1 : p - s.p;
}

/* Where the port's colon stands in host[:port], or -1; the colons of a bracketed IPv6 address do not count. */
static ptrdiff_t port_colon(struct str host)
{
    ptrdiff_t bracket = str_rfind(host, S("]"));
    ptrdiff_t colon = str_rfind(host, S(":"));
    return colon > bracket ? colon : -1;
}

static bool check_host(struct str host, struct err *e)
{
    bool bracketed = host.n > 0 && host.p[0] == '[';
    if (bracketed && find_byte(host, ']') < 0)
        return err_set(e, ERR_INVALID, "missing ']' in host");
    for (size_t i = 0; i < host.n; i++)
        if (strchr(" \"<>\\^`{|}", host.p[i]) != NULL)
            return err_set(e, ERR_INVALID, "invalid character in host name");
    ptrdiff_t colon = port_colon(host);
    struct str port = colon < 0 ? S("") : str_slice(host, (size_t)colon + 1, host.n);
    for (size_t i = 0; i < port.n; i++)
        if (!is_digit(port.p[i]))
            return err_set(e, ERR_INVALID, "invalid port \":%.*s\" after host", STR(port));
    struct str name = colon < 0 ? host : str_slice(host, 0, (size_t)colon);
    if (!bracketed && find_byte(name, ':') >= 0)
        return err_set(e, ERR_INVALID, "an IPv6 address must stand in brackets");
    return true;
}

/* authority = [ userinfo "@" ] host [ ":" port ] */
static bool parse_authority(struct str *rest, struct url *u, struct err *e)
{
    str_cut(rest, 2);
    ptrdiff_t slash = find_byte(*rest, '/');
    struct str authority = str_cut(rest, slash < 0 ? rest->n : (size_t)slash);
    ptrdiff_t at = str_rfind(authority, S("@"));
    if (at >= 0) {
        u->user = str_cut(&authority, (size_t)at);
        str_cut(&authority, 1);
    }
    u->host = authority;
    return check_host(authority, e);
}

static bool check_path(struct str path, bool first_segment_is_bare, struct err *e)
{
    for (size_t i = 0; i < path.n; i++)
        if (path.p[i] == '%' && !is_escape(path, i))
            return err_set(e, ERR_INVALID, "invalid URL escape \"%.*s\"", STR(str_slice(path, i, i + 3)));
    if (!first_segment_is_bare)
        return true;
    ptrdiff_t colon = find_byte(path, ':'), slash = find_byte(path, '/');
    if (colon >= 0 && (slash < 0 || colon < slash))
        return err_set(e, ERR_INVALID, "first path segment in URL cannot contain colon");
    return true;
}

static bool parse_into(struct str rest, struct url *u, struct err *e)
{
    for (size_t i = 0; i < rest.n; i++)
        if ((unsigned char)rest.p[i] < 0x20 || rest.p[i] == 0x7f)
            return err_set(e, ERR_INVALID, "invalid control character in URL");
    ptrdiff_t hash = find_byte(rest, '#');
    if (hash >= 0) {
        u->fragment = str_slice(rest, (size_t)hash + 1, rest.n);
        rest = str_slice(rest, 0, (size_t)hash);
    }
    if (rest.n > 0 && rest.p[0] == ':')
        return err_set(e, ERR_INVALID, "missing protocol scheme");
    size_t scheme = scheme_length(rest);
    if (scheme > 0) {
        u->scheme = str_cut(&rest, scheme);
        str_cut(&rest, 1);
    }
    ptrdiff_t question = find_byte(rest, '?');
    if (question >= 0) {
        u->query = str_slice(rest, (size_t)question + 1, rest.n);
        rest = str_slice(rest, 0, (size_t)question);
    }
    bool has_authority = str_starts(rest, S("//"));
    if (has_authority && !parse_authority(&rest, u, e))
        return false;
    u->path = rest;
    return check_path(rest, !has_authority && scheme == 0, e);
}

bool url_parse(struct str text, struct url *out, struct err *e)
{
    struct url u = { 0 };
    if (!parse_into(text, &u, e))
        return err_wrap(e, "parse URL");
    *out = u;
    return true;
}

struct str url_hostname(const struct url *u)
{
    ptrdiff_t colon = port_colon(u->host);
    struct str name = colon < 0 ? u->host : str_slice(u->host, 0, (size_t)colon);
    if (name.n >= 2 && name.p[0] == '[' && name.p[name.n - 1] == ']')
        return str_slice(name, 1, name.n - 1);
    return name;
}

/* 127.x.y.z; not 127.0.0.1.example.org, which is anybody's name. */
static bool is_loopback_v4(struct str hostname)
{
    for (size_t i = 0; i < hostname.n; i++)
        if (!is_digit(hostname.p[i]) && hostname.p[i] != '.')
            return false;
    return str_starts(hostname, S("127."));
}

bool url_is_loopback(struct str hostname)
{
    return str_is(hostname, "localhost") || str_ends(hostname, S(".localhost")) || is_loopback_v4(hostname)
           || str_is(hostname, "::1");
}

int url_port(const struct url *u)
{
    ptrdiff_t colon = port_colon(u->host);
    int64_t port = 0;
    if (colon >= 0 && (size_t)colon + 1 < u->host.n) {
        bool ok = str_to_int(str_slice(u->host, (size_t)colon + 1, u->host.n), &port);
        return ok && port > 0 && port <= 65535 ? (int)port : 0;
    }
    if (str_ieq(u->scheme, S("http")))
        return 80;
    return str_ieq(u->scheme, S("https")) ? 443 : 0;
}

struct str url_str(struct arena *a, const struct url *u)
{
    struct buf b = { .a = a };
    if (u->scheme.n > 0)
        buf_fmt(&b, "%.*s:", STR(u->scheme));
    if (u->host.n > 0 || u->user.n > 0 || str_is(u->scheme, "file"))
        buf_c(&b, "//");
    if (u->user.n > 0)
        buf_fmt(&b, "%.*s@", STR(u->user));
    buf_add(&b, u->host);
    if (u->host.n > 0 && u->path.n > 0 && u->path.p[0] != '/')
        buf_byte(&b, '/');
    buf_add(&b, u->path);
    if (u->query.n > 0)
        buf_fmt(&b, "?%.*s", STR(u->query));
    if (u->fragment.n > 0)
        buf_fmt(&b, "#%.*s", STR(u->fragment));
    return buf_str(&b);
}

/* ---- resolving ---------------------------------------------------------------------------- */

/* RFC 3986 section 5.2.4, segment by segment. */
static struct str remove_dots(struct arena *a, struct str path)
{
    struct buf out = { .a = a };
    struct str rest = path, segment = { 0 };
    if (rest.n > 0 && rest.p[0] == '/')
        str_cut(&rest, 1);
    bool more = true;
    while (more) {
        more = str_split(&rest, S("/"), &segment);
        if (str_is(segment, "..")) {
            while (out.n > 0 && out.p[--out.n] != '/')
                ;
        } else if (!str_is(segment, ".")) {
            buf_byte(&out, '/');
            buf_add(&out, segment);
            continue;
        }
        if (!more) /* a final dot segment leaves its folder */
            buf_byte(&out, '/');
    }
    return buf_str(&out);
}

/* RFC 3986 section 5.2.3 */
static struct str merge_paths(struct arena *a, const struct url *base, struct str path)
{
    if (base->host.n > 0 && base->path.n == 0)
        return arena_fmt(a, "/%.*s", STR(path));
    ptrdiff_t slash = str_rfind(base->path, S("/"));
    return arena_fmt(a, "%.*s%.*s", STR(str_slice(base->path, 0, (size_t)(slash + 1))), STR(path));
}

struct str url_resolve(struct arena *a, struct str base_text, struct str reference)
{
    struct url base = { 0 }, r = { 0 };
    struct err ignored = { 0 };
    if (!url_parse(base_text, &base, &ignored) || !url_parse(reference, &r, &ignored) || r.scheme.n > 0)
        return arena_str(a, reference);
    struct url target = r;
    target.scheme = base.scheme;
    if (r.host.n > 0)
        return url_str(a, &target);
    target.user = base.user;
    target.host = base.host;
    if (r.path.n == 0) {
        target.path = base.path;
        target.query = r.query.n > 0 ? r.query : base.query;
        return url_str(a, &target);
    }
    target.path = remove_dots(a, r.path.p[0] == '/' ? r.path : merge_paths(a, &base, r.path));
    return url_str(a, &target);
}

/* ---- escaping ----------------------------------------------------------------------------- */

static struct str escape(struct arena *a, struct str s, const char *also_plain, bool space_is_plus)
{
    static const char digits[] = "0123456789ABCDEF";
    struct buf b = { .a = a };
    buf_reserve(&b, s.n + 1);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (is_unreserved((char)c) || (c != 0 && strchr(also_plain, c) != NULL)) {
            buf_byte(&b, (char)c);
        } else if (c == ' ' && space_is_plus) {
            buf_byte(&b, '+');
        } else {
            buf_byte(&b, '%');
            buf_byte(&b, digits[c >> 4]);
            buf_byte(&b, digits[c & 15]);
        }
    }
    return buf_str(&b);
}

struct str url_escape_query(struct arena *a, struct str s)
{
    return escape(a, s, "", true);
}

struct str url_escape_path(struct arena *a, struct str s)
{
    return escape(a, s, "$&+=:@", false);
}

struct str url_unescape(struct arena *a, struct str s, bool plus_is_space)
{
    struct buf b = { .a = a };
    buf_reserve(&b, s.n + 1);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%' && is_escape(s, i)) {
            buf_byte(&b, (char)(hex_digit(s.p[i + 1]) * 16 + hex_digit(s.p[i + 2])));
            i += 2;
        } else {
            buf_byte(&b, s.p[i] == '+' && plus_is_space ? ' ' : s.p[i]);
        }
    }
    return buf_str(&b);
}

struct str url_redact(struct arena *a, struct str text)
{
    struct url u = { 0 };
    struct err ignored = { 0 };
    if (url_parse(text, &u, &ignored)) {
        u.user = S("");
        return url_str(a, &u);
    }
    /* not a URL we can read: whatever stands before an @ may be a secret */
    ptrdiff_t at = str_rfind(text, S("@")), scheme = str_find(text, S("://"));
    if (at < 0)
        return arena_str(a, text);
    size_t kept = scheme >= 0 && scheme < at ? (size_t)scheme + 3 : 0;
    return arena_fmt(a, "%.*s%.*s", STR(str_slice(text, 0, kept)), STR(str_slice(text, (size_t)at + 1, text.n)));
}
