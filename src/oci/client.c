/* oci/client.c - requests to a registry: where it is, who asks, what its errors mean. */
#include <stdlib.h>
#include <time.h>

#include "data/json.h"
#include "net/url.h"
#include "oci/internal.h"

enum { TRIES = 3, FIRST_PAUSE_MS = 300, PAUSE_MAX_MS = 5000, TIMEOUT_MS = 60000, TIMEOUT_MAX_MS = 3600000 };
enum { SLOWEST_BYTES_PER_MS = 50 }; /* a blob may travel this slowly before its request is given up */

bool oci_client_open(const struct oci_client_options *o, struct oci_client **out, struct err *e)
{
    struct oci_client *c = calloc(1, sizeof *c);
    if (c == NULL)
        return err_set(e, ERR_LIMIT, "out of memory for a registry client");
    if (o != NULL)
        c->options = *o;
    pthread_mutex_init(&c->lock, NULL);
    *out = c;
    return true;
}

void oci_client_close(struct oci_client *c)
{
    if (c == NULL)
        return;
    oci_logins_free(c);
    oci_seen_free(c);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

int64_t oci_client_requests(const struct oci_client *c)
{
    return atomic_load(&c->requests);
}

/* ---- where -------------------------------------------------------------------------------- */

static const char *find_alias(const struct oci_client *c, struct str registry)
{
    for (const char *const *pair = c->options.aliases; pair != NULL && pair[0] != NULL; pair += 2)
        if (str_is(registry, pair[0]))
            return pair[1];
    return NULL;
}

static bool is_loopback(struct str registry)
{
    struct url u = { .host = registry };
    return url_is_loopback(url_hostname(&u));
}

bool oci_is_plain(const struct oci_client *c, struct str registry)
{
    return c->options.plain_http || find_alias(c, registry) != NULL || is_loopback(registry);
}

struct str oci_base_url(struct arena *a, const struct oci_client *c, struct str registry)
{
    const char *alias = find_alias(c, registry);
    if (alias != NULL)
        return arena_fmt(a, "http://%s", alias);
    if (str_is(registry, "docker.io"))
        return S("https://registry-1.docker.io");
    return arena_fmt(a, "%s://%.*s", c->options.plain_http || is_loopback(registry) ? "http" : "https", STR(registry));
}

/* ---- one exchange ------------------------------------------------------------------------- */

static bool is_passing(int status)
{
    return status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

static int64_t pause_ms(const struct http_response *response, int attempt)
{
    int64_t seconds = 0, ms = FIRST_PAUSE_MS << (2 * attempt);
    if (str_to_int(http_header_get(&response->headers, "Retry-After"), &seconds) && seconds >= 0)
        ms = seconds > PAUSE_MAX_MS ? PAUSE_MAX_MS : seconds * 1000;
    return ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
}

bool oci_http(struct arena *a, struct oci_client *c, const struct http_request *request, struct http_response *out,
              struct err *e)
{
    bool once = str_is(str_c(request->method), "POST") || str_is(str_c(request->method), "PATCH");
    struct http_request r = *request;
    r.outside_only = c->options.outside_only;
    r.insecure_tls = c->options.insecure_tls;
    r.ca_file = c->options.ca_file;
    r.cert_file = c->options.cert_file;
    r.key_file = c->options.key_file;
    for (int attempt = 0;; attempt++) {
        atomic_fetch_add(&c->requests, 1);
        if (!http_do(a, &r, out, e))
            return false;
        if (once || attempt + 1 >= TRIES || !is_passing(out->status))
            return true;
        int64_t ms = pause_ms(out, attempt);
        nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
    }
}

static struct str call_url(struct arena *a, struct oci_client *c, const struct oci_reference *r, struct str path)
{
    if (str_starts(path, S("http://")) || str_starts(path, S("https://")))
        return path;
    return arena_fmt(a, "%.*s/v2/%.*s/%.*s", STR(oci_base_url(a, c, r->registry)), STR(r->repository), STR(path));
}

/* Uploads may be sent elsewhere (object storage with a signed URL): the login stays at home. */
static bool is_at_home(struct arena *a, struct oci_client *c, const struct oci_reference *r, struct str url)
{
    struct url home = { 0 }, there = { 0 };
    struct err ignored = { 0 };
    return url_parse(oci_base_url(a, c, r->registry), &home, &ignored) && url_parse(url, &there, &ignored)
           && str_ieq(home.scheme, there.scheme) && str_ieq(url_hostname(&home), url_hostname(&there))
           && url_port(&home) == url_port(&there);
}

static bool exchange(struct arena *a, struct oci_client *c, const struct oci_reference *r, const struct oci_call *call,
                     struct str authorization, struct http_response *out, struct err *e)
{
    int64_t timeout = TIMEOUT_MS + call->bytes / SLOWEST_BYTES_PER_MS;
    struct http_headers headers = { 0 };
    struct http_request request = {
        .method = call->method,
        .url = call_url(a, c, r, call->path),
        .body = call->body,
        .body_fd = call->body_fd,
        .sink_fd = call->sink_fd,
        .response_max = call->response_max,
        .timeout_ms = timeout < TIMEOUT_MAX_MS ? timeout : TIMEOUT_MAX_MS,
        .follow_redirects = str_is(str_c(call->method), "GET") || str_is(str_c(call->method), "HEAD"),
    };
    for (size_t i = 0; i < call->headers.n; i++)
        http_header_add(a, &headers, arena_c(a, call->headers.v[i].name), call->headers.v[i].value);
    if (authorization.n > 0 && is_at_home(a, c, r, request.url))
        http_header_add(a, &headers, "Authorization", authorization);
    request.headers = headers;
    return oci_http(a, c, &request, out, e);
}

/* ---- errors ------------------------------------------------------------------------------- */

/* {"errors":[{"code","message","detail"}]}, or whatever the registry sent. */
static struct str complaint(struct arena *a, const struct http_response *response)
{
    struct value v = { 0 };
    struct err ignored = { 0 };
    if (!json_parse(a, response->body, &v, &ignored))
        return utf8_prefix(str_trim(response->body), 200);
    const struct value *first = value_at(&v, "errors.0");
    struct str code = value_as_str(value_get(first, "code")), message = value_as_str(value_get(first, "message"));
    if (code.n == 0)
        return message;
    return arena_fmt(a, "%.*s: %.*s", STR(code), STR(utf8_prefix(message, 200)));
}

static const char *status_words(enum err_kind kind, int status)
{
    if (status == 429)
        return "the registry limits our rate";
    if (kind == ERR_DENIED)
        return "the registry denies access";
    if (kind == ERR_NOT_FOUND)
        return "not found in the registry";
    return kind == ERR_UNAVAILABLE ? "the registry is in trouble" : "the registry refuses";
}

bool oci_fail(struct arena *a, const struct http_response *response, struct err *e)
{
    struct str said = complaint(a, response);
    enum err_kind kind = http_status_kind(response->status);
    if (kind == ERR_NONE)
        kind = ERR_INVALID; /* a success, but not the one that was due */
    return err_set(e, kind, "%s (status %d%s%.*s)", status_words(kind, response->status), response->status,
                   said.n > 0 ? ", " : "", STR(said));
}

/* ---- logged in ---------------------------------------------------------------------------- */

bool oci_send(struct arena *a, struct oci_client *c, const struct oci_reference *r, const struct oci_call *call,
              struct http_response *out, struct err *e)
{
    struct str authorization = { 0 };
    if (!oci_login_known(a, c, r, call, &authorization, e))
        return false;
    if (!exchange(a, c, r, call, authorization, out, e))
        return false;
    if (out->status == 401) {
        if (!oci_login_answer(a, c, r, call, out, &authorization, e))
            return false;
        if (!exchange(a, c, r, call, authorization, out, e))
            return false;
    }
    bool welcome = (out->status >= 200 && out->status < 300) || (call->also_404 && out->status == 404);
    return welcome || oci_fail(a, out, e);
}
