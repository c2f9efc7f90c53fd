/* Paths and URLs, as Go's path and net/url have them. */
#include <ctype.h>

#include "base/hex.h"
#include "template/funcs.h"
#include "template/url.h"

/* ---- paths -------------------------------------------------------------------------------- */

/* Back to the parent: drops the last element of what was written, never what stands before `floor`. */
static void drop_element(struct buf *b, size_t floor)
{
    while (b->n > floor && b->p[b->n - 1] != '/')
        b->n--;
    if (b->n > floor)
        b->n--;
}

static struct str clean(struct arena *a, struct str path)
{
    struct buf b = { .a = a };
    struct str element;
    bool rooted = path.n > 0 && path.p[0] == '/', more = true;
    size_t floor = rooted ? 1 : 0; /* what ".." cannot take away */
    if (rooted)
        buf_byte(&b, '/');
    while (more) {
        more = str_split(&path, S("/"), &element);
        if (element.n == 0 || str_is(element, "."))
            continue;
        bool up = str_is(element, "..");
        if (up && (rooted || b.n > floor)) {
            drop_element(&b, floor);
            continue;
        }
        if (b.n > 0 && b.p[b.n - 1] != '/')
            buf_byte(&b, '/');
        buf_add(&b, element);
        floor = up ? b.n : floor;
    }
    return b.n > 0 ? buf_str(&b) : S(".");
}

static struct str without_last_slashes(struct str s)
{
    while (s.n > 0 && s.p[s.n - 1] == '/')
        s.n--;
    return s;
}

FUNC(fn_clean)
{
    return give_str(out, clean(c->a, str_at(args, 0)));
}

FUNC(fn_base)
{
    struct str path = str_at(args, 0), s = without_last_slashes(path);
    if (s.n == 0)
        return give_str(out, path.n == 0 ? S(".") : S("/"));
    return give_str(out, str_slice(s, (size_t)(str_rfind(s, S("/")) + 1), s.n));
}

FUNC(fn_dir)
{
    struct str path = str_at(args, 0);
    return give_str(out, clean(c->a, str_slice(path, 0, (size_t)(str_rfind(path, S("/")) + 1))));
}

FUNC(fn_ext)
{
    struct str path = str_at(args, 0);
    for (size_t i = path.n; i-- > 0 && path.p[i] != '/';)
        if (path.p[i] == '.')
            return give_str(out, str_slice(path, i, path.n));
    return give_str(out, S(""));
}

FUNC(fn_is_abs)
{
    return give(out, value_bool(str_starts(str_at(args, 0), S("/"))));
}

/* ---- escaping ----------------------------------------------------------------------------- */

enum part { PART_PATH, PART_USER, PART_HOST, PART_FRAGMENT };

static bool must_escape(uint8_t ch, enum part part)
{
    if (isalnum(ch) || (ch != 0 && strchr("-_.~", ch) != NULL))
        return false;
    if (ch == 0)
        return true;
    if (part == PART_HOST)
        return strchr("!$&'()*+,;=:[]<>\"", ch) == NULL;
    if (strchr("$&+,/:;=?@", ch) != NULL)
        return part == PART_PATH ? ch == '?' : part == PART_USER ? strchr("@/?:", ch) != NULL : false;
    return part != PART_FRAGMENT || strchr("!()*", ch) == NULL;
}

static void add_escaped(struct buf *b, struct str s, enum part part)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t ch = (uint8_t)s.p[i];
        if (must_escape(ch, part))
            buf_fmt(b, "%%%02X", ch);
        else
            buf_byte(b, s.p[i]);
    }
}

static const char *quoted(struct arena *a, struct str s)
{
    struct buf b = { .a = a };
    quote_into(&b, s, '"', 0);
    return b.p;
}

static bool check_escape(struct arena *a, struct str s, size_t i, enum part part, struct err *e)
{
    bool ok = i + 2 < s.n && hex_digit(s.p[i + 1]) >= 0 && hex_digit(s.p[i + 2]) >= 0;
    struct str shown = str_slice(s, i, i + 3);
    if (ok && (part != PART_HOST || hex_digit(s.p[i + 1]) >= 8 || str_is(shown, "%25")))
        return true;
    return err_set(e, ERR_INVALID, "invalid URL escape %s", quoted(a, shown));
}

static bool unescape(struct arena *a, struct str s, enum part part, struct str *out, struct err *e)
{
    struct buf b = { .a = a };
    for (size_t i = 0; i < s.n; i++) {
        uint8_t ch = (uint8_t)s.p[i];
        if (ch == '%') {
            if (!check_escape(a, s, i, part, e))
                return false;
            buf_byte(&b, (char)(hex_digit(s.p[i + 1]) << 4 | hex_digit(s.p[i + 2])));
            i += 2;
            continue;
        }
        if (part == PART_HOST && ch < 0x80 && must_escape(ch, part))
            return err_set(e, ERR_INVALID, "invalid character %s in host name", quoted(a, str_slice(s, i, i + 1)));
        buf_byte(&b, s.p[i]);
    }
    *out = buf_str(&b);
    return true;
}

/* ---- parsing ------------------------------------------------------------------------------ */

struct url_parts {
    struct str scheme, opaque, host, path, query, fragment, user, password;
    bool has_user, has_password;
};

/* Cuts "scheme:" off `*s`. */
static bool take_scheme(struct str *s, struct str *scheme, struct err *e)
{
    *scheme = S("");
    for (size_t i = 0; i < s->n; i++) {
        char ch = s->p[i];
        if (isalpha((uint8_t)ch) || (i > 0 && ch != '\0' && strchr("0123456789+-.", ch) != NULL))
            continue;
        if (ch != ':')
            return true;
        if (i == 0)
            return err_set(e, ERR_INVALID, "missing protocol scheme");
        *scheme = str_cut(s, i);
        str_cut(s, 1);
        return true;
    }
    return true;
}

static bool is_port(struct str s) /* ":123", ":" or nothing */
{
    for (size_t i = 1; i < s.n; i++)
        if (!isdigit((uint8_t)s.p[i]))
            return false;
    return s.n == 0 || s.p[0] == ':';
}

static bool parse_host(struct arena *a, struct str host, struct str *out, struct err *e)
{
    bool literal = str_starts(host, S("["));
    ptrdiff_t end = literal ? str_rfind(host, S("]")) + 1 : str_rfind(host, S(":"));
    if (literal && end == 0)
        return err_set(e, ERR_INVALID, "missing ']' in host");
    struct str port = end >= 0 ? str_slice(host, (size_t)end, host.n) : S("");
    if (!is_port(port))
        return err_set(e, ERR_INVALID, "invalid port %s after host", quoted(a, port));
    return unescape(a, host, PART_HOST, out, e);
}

static bool is_user_info(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!isalnum((uint8_t)s.p[i]) && (s.p[i] == '\0' || strchr("-._:~!$&'()*+,;=%@", s.p[i]) == NULL))
            return false;
    return true;
}

static bool parse_authority(struct arena *a, struct str s, struct url_parts *u, struct err *e)
{
    ptrdiff_t at = str_rfind(s, S("@"));
    if (!parse_host(a, str_slice(s, (size_t)(at + 1), s.n), &u->host, e))
        return false;
    if (at < 0)
        return true;
    struct str info = str_slice(s, 0, (size_t)at), name;
    if (!is_user_info(info))
        return err_set(e, ERR_INVALID, "net/url: invalid userinfo");
    u->has_user = true;
    u->has_password = str_split(&info, S(":"), &name);
    return unescape(a, name, PART_USER, &u->user, e)
           && (!u->has_password || unescape(a, info, PART_USER, &u->password, e));
}

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((uint8_t)s.p[i] < ' ' || s.p[i] == 0x7f)
            return true;
    return false;
}

static bool parse_without_fragment(struct arena *a, struct str s, struct url_parts *u, struct err *e)
{
    if (has_control(s))
        return err_set(e, ERR_INVALID, "net/url: invalid control character in URL");
    if (!take_scheme(&s, &u->scheme, e))
        return false;
    struct buf lower = { .a = a };
    for (size_t i = 0; i < u->scheme.n; i++)
        buf_byte(&lower, (char)tolower((uint8_t)u->scheme.p[i]));
    u->scheme = buf_str(&lower);
    struct str rest;
    str_split(&s, S("?"), &rest);
    u->query = s;
    if (!str_starts(rest, S("/"))) {
        struct str after = rest, segment;
        u->opaque = u->scheme.n > 0 ? rest : S("");
        if (u->scheme.n > 0)
            return true;
        str_split(&after, S("/"), &segment);
        if (str_find(segment, S(":")) >= 0)
            return err_set(e, ERR_INVALID, "first path segment in URL cannot contain colon");
    }
    if (str_starts(rest, S("//")) && (u->scheme.n > 0 || !str_starts(rest, S("///")))) {
        struct str authority = str_slice(rest, 2, rest.n);
        ptrdiff_t slash = str_find(authority, S("/"));
        rest = slash < 0 ? S("") : str_slice(authority, (size_t)slash, authority.n);
        if (!parse_authority(a, slash < 0 ? authority : str_slice(authority, 0, (size_t)slash), u, e))
            return false;
    }
    return unescape(a, rest, PART_PATH, &u->path, e);
}

static bool parse_url(struct arena *a, struct str text, struct url_parts *u, struct err *e)
{
    struct str rest = text, before;
    bool has_fragment = str_split(&rest, S("#"), &before);
    *u = (struct url_parts){ 0 };
    if (!parse_without_fragment(a, before, u, e))
        return err_wrap(e, "parse %s", quoted(a, before));
    if (has_fragment && !unescape(a, rest, PART_FRAGMENT, &u->fragment, e))
        return err_wrap(e, "parse %s", quoted(a, text));
    return true;
}

/* Without the port and the brackets. */
static struct str host_name(struct str host)
{
    ptrdiff_t colon = str_rfind(host, S(":")), bracket = str_rfind(host, S("]"));
    if (colon > bracket)
        host.n = (size_t)colon;
    return str_starts(host, S("[")) && str_ends(host, S("]")) ? str_slice(host, 1, host.n - 1) : host;
}

bool template_url_parse(struct arena *a, struct str text, struct template_url *out, struct err *e)
{
    struct url_parts u;

    if (!parse_url(a, text, &u, e))
        return false;
    *out = (struct template_url){ u.scheme, u.host, host_name(u.host), u.path };
    return true;
}

static void add_user(struct buf *b, const struct url_parts *u)
{
    if (!u->has_user)
        return;
    add_escaped(b, u->user, PART_USER);
    if (u->has_password) {
        buf_byte(b, ':');
        add_escaped(b, u->password, PART_USER);
    }
}

FUNC(fn_url_parse)
{
    struct url_parts u;
    struct buf user = { .a = c->a };
    if (!parse_url(c->a, str_at(args, 0), &u, e))
        return err_wrap(e, "unable to parse url");
    add_user(&user, &u);
    *out = value_map(c->a);
    value_set_str(c->a, out, "scheme", u.scheme);
    value_set_str(c->a, out, "host", u.host);
    value_set_str(c->a, out, "hostname", host_name(u.host));
    value_set_str(c->a, out, "path", u.path);
    value_set_str(c->a, out, "query", u.query);
    value_set_str(c->a, out, "opaque", u.opaque);
    value_set_str(c->a, out, "fragment", u.fragment);
    value_set_str(c->a, out, "userinfo", buf_str(&user));
    return true;
}

/* ---- joining ------------------------------------------------------------------------------ */

static bool take_text(const struct value *dict, const char *key, struct str *out, struct err *e)
{
    const struct value *v = dict->kind == VALUE_MAP ? map_get(dict->map, str_c(key)) : NULL;
    *out = v != NULL ? value_as_str(v) : S("");
    if (v != NULL && v->kind != VALUE_STRING)
        return v->kind == VALUE_NULL
                   ? fail_nil(e)
                   : err_set(e, ERR_INVALID, "unable to parse %s key, must be of type string, but %s found", key,
                             go_kind(v));
    return true;
}

static bool take_parts(struct template_call *c, const struct value *dict, struct url_parts *u, struct err *e)
{
    struct str user;
    struct url_parts parsed;
    if (!take_text(dict, "scheme", &u->scheme, e) || !take_text(dict, "host", &u->host, e)
        || !take_text(dict, "path", &u->path, e) || !take_text(dict, "query", &u->query, e)
        || !take_text(dict, "opaque", &u->opaque, e) || !take_text(dict, "fragment", &u->fragment, e)
        || !take_text(dict, "userinfo", &user, e))
        return false;
    if (user.n == 0)
        return true;
    if (!parse_url(c->a, arena_fmt(c->a, "proto://%.*s@host", STR(user)), &parsed, e))
        return err_wrap(e, "unable to parse userinfo in dict");
    u->has_user = parsed.has_user;
    u->user = parsed.user;
    u->has_password = parsed.has_password;
    u->password = parsed.password;
    return true;
}

static void add_authority_and_path(struct buf *b, const struct url_parts *u)
{
    struct str path = u->path, segment, rest = u->path;
    if (u->host.n > 0 || u->has_user || (u->scheme.n > 0 && path.n > 0))
        buf_c(b, "//");
    add_user(b, u);
    if (u->has_user)
        buf_byte(b, '@');
    add_escaped(b, u->host, PART_HOST);
    if (path.n > 0 && path.p[0] != '/' && u->host.n > 0)
        buf_byte(b, '/');
    str_split(&rest, S("/"), &segment);
    if (b->n == 0 && str_find(segment, S(":")) >= 0)
        buf_c(b, "./"); /* else it would read as a scheme */
    if (str_is(path, "*"))
        buf_add(b, path);
    else
        add_escaped(b, path, PART_PATH);
}

FUNC(fn_url_join)
{
    struct url_parts u = { 0 };
    struct buf b = { .a = c->a };
    if (!take_parts(c, &args[0], &u, e))
        return false;
    if (u.scheme.n > 0)
        buf_fmt(&b, "%.*s:", STR(u.scheme));
    if (u.opaque.n > 0)
        buf_add(&b, u.opaque);
    else
        add_authority_and_path(&b, &u);
    if (u.query.n > 0)
        buf_fmt(&b, "?%.*s", STR(u.query));
    if (u.fragment.n > 0) {
        buf_byte(&b, '#');
        add_escaped(&b, u.fragment, PART_FRAGMENT);
    }
    return give_buf(out, &b);
}
