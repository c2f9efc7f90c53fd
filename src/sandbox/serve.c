/* HTTP: which part answers, faults in place of answers, ETags and limits around the API's own. */
#include <openssl/evp.h>

#include "base/hex.h"
#include "data/json.h"
#include "net/url.h"
#include "sandbox/internal.h"

#define HANG_MS 600000
#define WAIT_MAX_MS 3600000
#define LIMIT 5000

/* An answer before it is sent, so that a fault can still change it. */
struct reply {
    int status;
    const char *type;
    struct str text;
    struct http_headers headers;
};

bool serve_spools(void *user, struct str method, struct str path)
{
    return is_git_path(path);
}

/* ---- the API ---------------------------------------------------------------------------------------- */

/* /_sandbox/idle?wait_ms=N must not wait with the lock held: runs end only when they can take it. */
static void wait_if_asked(struct call *c)
{
    int64_t ms = 0;

    if (str_is(c->path, "/_sandbox/idle") && str_to_int(call_query(c, "wait_ms"), &ms) && ms > 0)
        (void)sandbox_wait_idle(c->s, clock_mono_ms() + (ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS));
}

void call_execute(struct call *c, bool as_text)
{
    struct sandbox *s = c->s;

    wait_if_asked(c);
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    struct err e = { 0 };

    call_run(c);
    bool empty = value_is(&c->answer, VALUE_NULL);
    if (as_text && c->raw.p == NULL && !empty)
        c->raw = json_str(c->a, &c->answer, 0);
    if (!as_text)
        c->answer = value_clone(c->a, &c->answer);
    c->raw = arena_str(c->a, c->raw);
    if (!state_save(s, &e))
        log_error("sandbox: %s", e.text);
}

/* "/api/v3/x" and "/x" are the same call; Enterprise has GraphQL at /api/graphql. */
static struct str api_path(struct str target, struct str *prefix)
{
    struct str whole = target, rest, ignored;

    if (str_starts(whole, S("http://")) || str_starts(whole, S("https://"))) { /* absolute form, as proxies get it */
        str_split(&whole, S("://"), &ignored);
        ptrdiff_t slash = str_find(whole, S("/"));
        whole = slash < 0 ? S("/") : str_slice(whole, (size_t)slash, whole.n);
    }
    str_split(&whole, S("?"), &rest);
    *prefix = S("");
    if (str_is(rest, "/api/graphql"))
        return S("/graphql");
    if (str_is(rest, "/api/v3") || str_starts(rest, S("/api/v3/"))) {
        *prefix = S("/api/v3");
        str_cut(&rest, prefix->n);
        return rest.n > 0 ? rest : S("/");
    }
    return rest;
}

static struct str entity_tag(struct arena *a, struct str login, struct str text)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    struct str bytes = arena_fmt(a, "%.*s\n%.*s", STR(login), STR(text));

    EVP_Digest(bytes.p, bytes.n, digest, &n, EVP_sha256(), NULL);
    return arena_fmt(a, "W/\"%.*s\"", STR(hex_text(a, (struct str){ (const char *)digest, n })));
}

static void add_limit_headers(struct call *c, int64_t used)
{
    int64_t hour = clock_wall_ms() / 3600000;

    call_header(c, "X-RateLimit-Limit", arena_fmt(c->a, "%d", LIMIT));
    call_header(c, "X-RateLimit-Used", arena_fmt(c->a, "%lld", (long long)used));
    call_header(c, "X-RateLimit-Remaining", arena_fmt(c->a, "%lld", (long long)(used < LIMIT ? LIMIT - used : 0)));
    call_header(c, "X-RateLimit-Reset", arena_fmt(c->a, "%lld", (long long)(hour + 1) * 3600));
    call_header(c, "X-RateLimit-Resource", S("core"));
}

/* Status, ETag and the count that a call costs: nothing for a 304, which only a conditional call can get. */
static void finish(struct call *c, struct http_server_request *r, bool conditional)
{
    bool get = str_is(r->method, "GET"), cheap = false;
    struct str asked = http_header_get(&r->headers, "if-none-match");

    if (get && c->status == 200) {
        struct str tag = entity_tag(c->a, c->login, c->raw);
        call_header(c, "ETag", tag);
        call_header(c, "Cache-Control", S("private, max-age=60, s-maxage=60"));
        if (conditional && asked.n > 0 && str_find(asked, tag) >= 0) {
            c->status = 304;
            c->raw = S("");
            cheap = true;
        }
    }
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&c->s->lock);
    c->s->core_used += !cheap && !str_starts(c->path, S("/_sandbox/")) && !str_is(c->path, "/rate_limit");
    add_limit_headers(c, c->s->core_used);
}

static bool read_body(struct call *c, struct http_server_request *r)
{
    struct err e = { 0 };

    if (str_trim(r->body).n == 0)
        return true;
    if (json_parse(c->a, r->body, &c->body, &e))
        return true;
    call_refuse(c, 400, "Problems parsing JSON");
    return false;
}

static void answer_call(struct call *c, struct http_server_request *r)
{
    if (!authorization_login(c->a, c->s, http_header_get(&r->headers, "authorization"), &c->login))
        call_refuse(c, 401, "Bad credentials");
    else if (read_body(c, r))
        call_execute(c, true);
    if (c->raw.p == NULL && !value_is(&c->answer, VALUE_NULL))
        c->raw = json_str(c->a, &c->answer, 0);
}

static struct str scheme_of(struct http_server_request *r)
{
    return str_is(http_header_get(&r->headers, "x-forwarded-proto"), "https") ? S("https") : S("http");
}

static struct reply api(struct sandbox *s, struct http_server_request *r, bool conditional)
{
    struct str prefix;
    struct call c = { .s = s, .a = r->a, .method = r->method, .query = r->query };

    c.path = api_path(r->raw_target, &prefix);
    c.accept = http_header_get(&r->headers, "accept");
    c.view = (struct view){ r->a, s, arena_fmt(r->a, "%.*s://%.*s%.*s", STR(scheme_of(r)), STR(r->host), STR(prefix)) };
    answer_call(&c, r);
    finish(&c, r, conditional);
    call_header(&c, "X-GitHub-Media-Type", S("github.v3; format=json"));
    call_header(&c, "X-GitHub-Api-Version-Selected", S("2022-11-28"));
    call_header(&c, "X-GitHub-Request-Id", random_uuid(r->a));
    const char *type = c.content_type != NULL ? c.content_type : "application/json; charset=utf-8";
    return (struct reply){ c.status, c.status == 204 || c.status == 304 ? NULL : type, c.raw, c.headers };
}

/* ---- faults ------------------------------------------------------------------------------------------- */

static void header(struct arena *a, struct reply *p, const char *name, struct str value)
{
    p->headers.v =
        arena_grow(a, p->headers.v, p->headers.n * sizeof *p->headers.v, (p->headers.n + 1) * sizeof *p->headers.v);
    p->headers.v[p->headers.n++] = (struct http_header){ str_c(name), value };
}

static struct reply json_reply(int status, const char *text)
{
    return (struct reply){ .status = status, .type = "application/json; charset=utf-8", .text = str_c(text) };
}

static struct reply limited(struct arena *a, bool secondary)
{
    struct reply p = json_reply(403, secondary ? "{\"message\":\"You have exceeded a secondary rate limit.\"}"
                                               : "{\"message\":\"API rate limit exceeded\"}");

    if (secondary) {
        header(a, &p, "Retry-After", S("2"));
        return p;
    }
    header(a, &p, "X-RateLimit-Limit", S("5000"));
    header(a, &p, "X-RateLimit-Remaining", S("0"));
    header(a, &p, "X-RateLimit-Reset", arena_fmt(a, "%lld", (long long)(clock_wall_ms() / 1000 + 2)));
    return p;
}

/* GitHub's own words for the statuses that tests ask for most. */
static const char *words_of(int status)
{
    switch (status) {
    case 401: return "{\"message\":\"Bad credentials\"}";
    case 403: return "{\"message\":\"Resource not accessible by personal access token\"}";
    case 404: return "{\"message\":\"Not Found\"}";
    default: return "{\"message\":\"Server Error\"}";
    }
}

/* False: the true answer is wanted after all. */
static bool faulty(struct sandbox *s, struct http_server_request *r, struct fault_hit hit, struct reply *out)
{
    switch (hit.kind) {
    case FAULT_STATUS: *out = json_reply(hit.status, words_of(hit.status)); return true;
    case FAULT_RATE_LIMIT: *out = limited(r->a, false); return true;
    case FAULT_SECONDARY: *out = limited(r->a, true); return true;
    case FAULT_EMPTY_LIST: *out = json_reply(200, "[]"); return true;
    case FAULT_HTML:
        *out =
            (struct reply){ .status = 200, .type = "text/html", .text = S("<!doctype html><title>Sign in</title>\n") };
        return true;
    case FAULT_NOTHING: *out = json_reply(200, ""); return true;
    case FAULT_HANG:
        faults_wait(s->faults, HANG_MS);
        *out = json_reply(504, "{\"message\":\"hung\"}");
        return true;
    case FAULT_SLOW: faults_wait(s->faults, hit.delay_ms); return false;
    case FAULT_NONE:
    case FAULT_TRUNCATED:
    case FAULT_DROP:
    case FAULT_DUPLICATE: return false;
    }
    return false;
}

/* ---- the whole ------------------------------------------------------------------------------------------ */

static void send_reply(struct http_exchange *x, const struct reply *p)
{
    for (size_t i = 0; i < p->headers.n; i++)
        http_reply_header(x, p->headers.v[i].name.p, p->headers.v[i].value);
    http_reply(x, p->status, p->type, p->text);
}

/* Workflows run as the user: no page of the web may start one. Whoever knows the token is no such page, whatever host
 * it asks for (gh on a unix socket asks for api.github.com). */
static bool is_stranger(const struct sandbox *s, const struct http_server_request *r)
{
    struct str login = { 0 };
    bool known = authorization_login(r->a, s, http_header_get(&r->headers, "authorization"), &login) && login.n > 0;

    return !known && (http_is_foreign(r) || http_host_is_rebound(r, S("")));
}

void serve(void *user, struct http_server_request *r, struct http_exchange *x)
{
    struct sandbox *s = user;
    struct fault_hit hit = { FAULT_NONE, 0, 0 };
    struct reply p;

    if (is_stranger(s, r)) {
        p = json_reply(403, "{\"message\":\"Requests from other sites, or to a public name, are refused\"}");
        send_reply(x, &p);
        return;
    }
    if (str_find(r->path, S("/_sandbox/")) < 0)
        hit = faults_match(s->faults, r->method, r->path, false);
    if (faulty(s, r, hit, &p)) {
        send_reply(x, &p);
        return;
    }
    if (is_git_path(r->path)) {
        git_http(s, r, x);
        return;
    }
    if (page_reply(s, r, x))
        return;
    p = api(s, r, hit.kind != FAULT_TRUNCATED); /* a 304 has no half */
    if (hit.kind == FAULT_TRUNCATED)
        p.text.n /= 2;
    send_reply(x, &p);
}
