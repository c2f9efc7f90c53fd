/* From a path to a function; who may call it. */
#include "data/json.h"
#include "server/internal.h"

void server_reply_text(struct call *c, int status, const char *fmt, ...)
{
    struct value v = value_map(c->r->a);
    va_list args;
    va_start(args, fmt);
    value_set_str(c->r->a, &v, "error", arena_vfmt(c->r->a, fmt, args));
    va_end(args);
    http_reply_json(c->x, status, &v);
}

void server_reply_error(struct call *c, const struct err *e)
{
    static const int status[] = {
        [ERR_NONE] = 500,   [ERR_INVALID] = 400,  [ERR_LIMIT] = 400,       [ERR_NOT_FOUND] = 404,
        [ERR_DENIED] = 403, [ERR_CONFLICT] = 409, [ERR_UNAVAILABLE] = 503, [ERR_IO] = 500
    };
    server_reply_text(c, status[e->kind], "%s", e->text);
}

/* Both of equal length or not: the time says nothing about the content. */
static bool same_secret(struct str a, struct str b)
{
    unsigned char differ = a.n != b.n;
    for (size_t i = 0; i < a.n; i++)
        differ |= (unsigned char)(a.p[i] ^ (i < b.n ? b.p[i] : 0));
    return differ == 0;
}

static bool has_token(struct call *c)
{
    struct str header = http_header_get(&c->r->headers, "Authorization");
    if (c->s->token.n == 0)
        return true;
    return str_starts(header, S("Bearer ")) && same_secret(c->s->token, str_slice(header, 7, header.n));
}

static bool cut_prefix(struct str path, const char *prefix, struct str *rest)
{
    if (!str_starts(path, str_c(prefix)))
        return false;
    *rest = str_slice(path, strlen(prefix), path.n);
    return true;
}

static void reply_version(struct call *c)
{
    struct value v = value_map(c->r->a);
    value_set_str(c->r->a, &v, "version", str_c(VITRINE_VERSION));
    http_reply_json(c->x, 200, &v);
}

static void api(struct call *c)
{
    if (!has_token(c))
        server_reply_text(c, 401, "a token is needed: Authorization: Bearer TOKEN");
    else if (c->s->token.n == 0 && http_host_is_rebound(c->r, c->s->external_url))
        server_reply_text(c, 403, "requests to this name are refused: use 127.0.0.1, or start with --external-url");
    else if (!str_is(c->r->method, "GET") && !str_is(c->r->method, "HEAD") && http_is_foreign(c->r))
        server_reply_text(c, 403, "requests from other sites are refused");
    else if (!api_applications(c) && !api_views(c))
        server_reply_text(c, 404, "no such path: %.*s", STR(c->r->path));
}

void server_handle(void *user, struct http_server_request *r, struct http_exchange *x)
{
    struct call c = { user, r, x, S("") };
    struct str path = r->path;
    if (!c.s->serving)
        server_reply_text(&c, 503, "starting");
    else if (str_is(path, "/api/webhook"))
        api_webhook(&c);
    else if (str_is(path, "/healthz"))
        http_reply(x, 200, "text/plain", S("ok\n"));
    else if (str_is(path, "/version"))
        reply_version(&c);
    else if (str_is(path, "/metrics"))
        api_metrics(&c);
    else if (cut_prefix(path, "/api/v1/", &c.rest))
        api(&c);
    else
        server_asset(&c);
}

void server_asset(struct call *c)
{
    struct str path = c->r->path;
    if (!str_is(c->r->method, "GET") && !str_is(c->r->method, "HEAD")) {
        server_reply_text(c, 405, "only GET is possible here");
        return;
    }
    if (str_is(path, "/") || str_starts(path, S("/applications/"))) /* the page shows one application by its address */
        path = S("/index.html");
    for (const struct asset *at = assets; at->path != NULL; at++) {
        if (!str_is(path, at->path))
            continue;
        http_reply_header(c->x, "Cache-Control", S("no-cache"));
        http_reply_header(
            c->x, "Content-Security-Policy",
            S("default-src 'self'; style-src 'self'; script-src 'self'; img-src 'self' data:; frame-ancestors 'none'"));
        http_reply_header(c->x, "X-Content-Type-Options", S("nosniff"));
        http_reply(c->x, 200, at->type, (struct str){ (const char *)at->bytes, at->n });
        return;
    }
    server_reply_text(c, 404, "no such page");
}
