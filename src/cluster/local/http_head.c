/* Reading HTTP heads strictly. */
#include "cluster/local/http_head.h"

static bool refuse(struct request_head *out, int status, const char *why)
{
    out->status = status;
    out->why = why;
    return false;
}

/* ---- lines --------------------------------------------------------------------------------- */

/* Where the empty line ends; 0 while it has not come; *bad on a bare CR, a bare LF or a NUL. */
static size_t head_end(struct str s, const char **bad)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\0')
            *bad = "NUL byte in the head";
        else if (s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r'))
            *bad = "line ends with a bare LF";
        else if (s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] != '\n')
            *bad = "bare CR in the head";
        if (*bad != NULL)
            return 0;
        if (s.p[i] == '\n' && i >= 3 && s.p[i - 2] == '\n')
            return i + 1;
    }
    return 0;
}

static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_token_char(s.p[i]))
            return false;
    return s.n > 0;
}

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' && s.p[i] != '\t')
            return true;
    return false;
}

static const char *take_field(struct str line, struct head_field *out)
{
    struct str value = line, name;
    if (line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t'))
        return "folded header line";
    if (!str_split(&value, S(":"), &name))
        return "header line without a colon";
    if (!is_token(name))
        return "header name with a space or another character that may not be there";
    if (has_control(value))
        return "control character in a header value";
    *out = (struct head_field){ name, str_trim_set(value, " \t") };
    return NULL;
}

/* All fields of a head whose first line is cut off already. NULL, or what is wrong. */
static const char *take_fields(struct str rest, struct head_field *fields, size_t *n)
{
    struct str line;
    *n = 0;
    while (str_split(&rest, S("\r\n"), &line) && line.n > 0) {
        if (*n == HEAD_FIELDS_MAX)
            return "too many header lines";
        const char *why = take_field(line, &fields[*n]);
        if (why != NULL)
            return why;
        ++*n;
    }
    return NULL;
}

/* ---- framing fields, the same for both directions ------------------------------------------- */

/* "close" in "Keep-Alive, Close" */
static bool has_word(struct str list, struct str word)
{
    struct str part;
    bool more = true;
    while (more) {
        more = str_split(&list, S(","), &part);
        if (str_ieq(str_trim_set(part, " \t"), word))
            return true;
    }
    return false;
}

static bool take_length(struct str text, int64_t *out)
{
    if (text.n == 0 || text.n > 18)
        return false;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
    return str_to_int(text, out);
}

struct framing {
    bool has_length, chunked, close, keep_alive, upgrade;
    int64_t length;
};

static const char *read_framing(const struct head_field *fields, size_t n, struct framing *f)
{
    for (size_t i = 0; i < n; i++) {
        int64_t length;
        if (str_ieq(fields[i].name, S("Content-Length"))) {
            if (!take_length(fields[i].value, &length))
                return "Content-Length is not a number";
            if (f->has_length)
                return "two Content-Length headers";
            f->has_length = true;
            f->length = length;
        } else if (str_ieq(fields[i].name, S("Transfer-Encoding"))) {
            if (f->chunked || !str_ieq(fields[i].value, S("chunked")))
                return "Transfer-Encoding other than one chunked";
            f->chunked = true;
        } else if (str_ieq(fields[i].name, S("Connection"))) {
            f->close = f->close || has_word(fields[i].value, S("close"));
            f->keep_alive = f->keep_alive || has_word(fields[i].value, S("keep-alive"));
            f->upgrade = f->upgrade || has_word(fields[i].value, S("upgrade"));
        }
    }
    return f->has_length && f->chunked ? "both Content-Length and Transfer-Encoding" : NULL;
}

/* ---- requests ------------------------------------------------------------------------------ */

static bool take_request_line(struct str line, struct request_head *out)
{
    struct str rest = line, version;
    if (!str_split(&rest, S(" "), &out->method) || !str_split(&rest, S(" "), &out->target))
        return refuse(out, 400, "malformed request line");
    version = rest;
    if (!is_token(out->method) || out->target.n == 0 || has_control(line) || str_find(version, S(" ")) >= 0)
        return refuse(out, 400, "malformed request line");
    if (str_is(version, "HTTP/1.1"))
        out->minor = 1;
    else if (str_is(version, "HTTP/1.0"))
        out->minor = 0;
    else
        return refuse(out, str_starts(version, S("HTTP/")) ? 505 : 400, "HTTP version other than 1.1 and 1.0");
    if (str_is(out->method, "CONNECT"))
        return refuse(out, 405, "CONNECT is not a request to a web application");
    return true;
}

/* "http://host:port/path" names the host itself; "/path" and "*" leave it to the Host header. */
static bool take_target(struct request_head *out, struct str *authority)
{
    struct str rest = out->target;
    if (str_ieq(str_slice(rest, 0, 7), S("http://"))) {
        rest = str_slice(rest, 7, rest.n);
        ptrdiff_t slash = str_find(rest, S("/"));
        *authority = str_slice(rest, 0, slash < 0 ? rest.n : (size_t)slash);
        out->target = slash < 0 ? S("/") : str_slice(rest, (size_t)slash, rest.n);
    } else if (rest.p[0] != '/' && !str_is(rest, "*")) {
        return refuse(out, 400, "request target is neither a path nor an http URL");
    }
    struct str query = out->target;
    (void)str_split(&query, S("?"), &out->path);
    return true;
}

static struct str without_port(struct str authority)
{
    ptrdiff_t colon = str_rfind(authority, S(":"));
    if (colon < 0 || str_ends(authority, S("]")))
        return authority;
    return str_slice(authority, 0, (size_t)colon);
}

static bool host_is_sane(struct str host)
{
    for (size_t i = 0; i < host.n; i++)
        if (!is_token_char(host.p[i]) && strchr("[]:", host.p[i]) == NULL)
            return false;
    return host.n <= 255;
}

static bool take_host(struct request_head *out, struct str authority)
{
    size_t seen = 0;
    for (size_t i = 0; i < out->n; i++) {
        if (!str_ieq(out->fields[i].name, S("Host")))
            continue;
        if (++seen > 1)
            return refuse(out, 400, "two Host headers");
        if (authority.n == 0)
            authority = out->fields[i].value;
    }
    if (seen == 0 && out->minor == 1)
        return refuse(out, 400, "no Host header");
    if (!host_is_sane(authority))
        return refuse(out, 400, "malformed Host header");
    out->authority = authority;
    out->host = without_port(authority);
    return true;
}

static bool take_request_framing(struct request_head *out)
{
    struct framing f = { 0 };
    const char *why = read_framing(out->fields, out->n, &f);
    if (why != NULL)
        return refuse(out, 400, why);
    if (f.chunked && out->minor == 0)
        return refuse(out, 400, "Transfer-Encoding in HTTP/1.0");
    out->body = f.chunked ? BODY_CHUNKED : f.has_length && f.length > 0 ? BODY_LENGTH : BODY_NONE;
    out->content_length = f.length;
    out->keep_alive = out->minor == 1 ? !f.close : false;
    out->upgrade = f.upgrade && out->minor == 1;
    return true;
}

enum head_result request_head_parse(struct str bytes, struct request_head *out)
{
    struct str authority = { "", 0 }, rest, line;
    const char *bad = NULL;
    *out = (struct request_head){ .status = 400 };
    size_t end = head_end(str_slice(bytes, 0, HEAD_BYTES_MAX), &bad);
    if (bad == NULL && end == 0) {
        if (bytes.n < HEAD_BYTES_MAX)
            return HEAD_INCOMPLETE;
        bad = "request head of more than 16 KiB";
    }
    if (bad != NULL) {
        (void)refuse(out, 400, bad);
        return HEAD_BAD;
    }
    rest = str_slice(bytes, 0, end);
    (void)str_split(&rest, S("\r\n"), &line);
    out->size = end;
    if (!take_request_line(line, out) || !take_target(out, &authority))
        return HEAD_BAD;
    bad = take_fields(rest, out->fields, &out->n);
    if (bad != NULL) {
        (void)refuse(out, 400, bad);
        return HEAD_BAD;
    }
    return take_host(out, authority) && take_request_framing(out) ? HEAD_OK : HEAD_BAD;
}

/* ---- the head for the pod ------------------------------------------------------------------- */

/* Some programs read X_Real_IP and X-Real-IP as the same variable, so '_' counts as '-'. */
static bool same_name(struct str name, const char *other)
{
    if (name.n != strlen(other))
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i] == '_' ? '-' : name.p[i];
        if (!str_ieq((struct str){ &c, 1 }, (struct str){ &other[i], 1 }))
            return false;
    }
    return true;
}

static bool is_ours_to_say(struct str name)
{
    static const char *const names[] = { "Forwarded",          "X-Real-IP",          "X-Forwarded-For",
                                         "X-Forwarded-Host",   "X-Forwarded-Proto",  "X-Forwarded-Port",
                                         "X-Forwarded-Server", "X-Forwarded-Prefix", "X-Forwarded-Scheme",
                                         "X-Forwarded-Ssl",    "X-Forwarded-By" };
    for (size_t i = 0; i < COUNT(names); i++)
        if (same_name(name, names[i]))
            return true;
    return name.n > 12 && same_name(str_slice(name, 0, 12), "X-Forwarded-");
}

static bool is_hop_by_hop(const struct request_head *h, struct str name)
{
    static const char *const names[] = { "Connection",          "Keep-Alive", "Proxy-Connection",
                                         "Proxy-Authorization", "TE",         "Trailer" };
    static const char *const essential[] = { "Host",    "Content-Length", "Transfer-Encoding",
                                             "Upgrade", "Cookie",         "Authorization" };
    for (size_t i = 0; i < COUNT(names); i++)
        if (str_ieq(name, str_c(names[i])))
            return true;
    if (str_ieq(name, S("Upgrade")))
        return !h->upgrade;
    for (size_t i = 0; i < COUNT(essential); i++)
        if (str_ieq(name, str_c(essential[i])))
            return false;
    for (size_t i = 0; i < h->n; i++) /* named by Connection */
        if (str_ieq(h->fields[i].name, S("Connection")) && has_word(h->fields[i].value, name))
            return true;
    return false;
}

void request_head_write(struct buf *out, const struct request_head *h, struct str peer)
{
    buf_fmt(out, "%.*s %.*s HTTP/1.%d\r\n", STR(h->method), STR(h->target), h->minor);
    if (h->minor == 1 || h->authority.n > 0)
        buf_fmt(out, "Host: %.*s\r\n", STR(h->authority));
    for (size_t i = 0; i < h->n; i++) {
        struct str name = h->fields[i].name;
        if (!str_ieq(name, S("Host")) && !is_ours_to_say(name) && !is_hop_by_hop(h, name))
            buf_fmt(out, "%.*s: %.*s\r\n", STR(name), STR(h->fields[i].value));
    }
    buf_fmt(out, "X-Forwarded-For: %.*s\r\nX-Real-IP: %.*s\r\nX-Forwarded-Proto: http\r\n", STR(peer), STR(peer));
    if (h->authority.n > 0)
        buf_fmt(out, "X-Forwarded-Host: %.*s\r\n", STR(h->authority));
    if (h->upgrade)
        buf_c(out, "Connection: Upgrade\r\n");
    else if (h->minor == 0)
        buf_c(out, "Connection: close\r\n");
    buf_c(out, "\r\n");
}

/* ---- responses ------------------------------------------------------------------------------ */

enum head_result response_head_parse(struct str bytes, bool to_head, struct response_head *out)
{
    struct head_field fields[HEAD_FIELDS_MAX];
    struct framing f = { 0 };
    struct str rest, line;
    const char *bad = NULL;
    int64_t status;
    size_t n, end = head_end(str_slice(bytes, 0, HEAD_BYTES_MAX), &bad);
    *out = (struct response_head){ 0 };
    if (bad == NULL && end == 0)
        return bytes.n < HEAD_BYTES_MAX ? HEAD_INCOMPLETE : HEAD_BAD;
    if (bad != NULL)
        return HEAD_BAD;
    rest = str_slice(bytes, 0, end);
    (void)str_split(&rest, S("\r\n"), &line);
    bool modern = str_starts(line, S("HTTP/1.1 "));
    if ((!modern && !str_starts(line, S("HTTP/1.0 "))) || !take_length(str_slice(line, 9, 12), &status) || status < 100
        || status > 599)
        return HEAD_BAD;
    if (take_fields(rest, fields, &n) != NULL || read_framing(fields, n, &f) != NULL)
        return HEAD_BAD;
    out->status = (int)status;
    out->size = end;
    bool without_body = to_head || status < 200 || status == 204 || status == 304;
    out->body = without_body ? BODY_NONE : f.chunked ? BODY_CHUNKED : f.has_length ? BODY_LENGTH : BODY_UNTIL_CLOSE;
    out->content_length = f.length;
    out->keep_alive = (modern ? !f.close : f.keep_alive) && out->body != BODY_UNTIL_CLOSE;
    return HEAD_OK;
}
