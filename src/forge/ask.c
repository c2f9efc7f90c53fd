/*
 * One call to the forge and the judgement of its answer.
 *
 * The point of this file is that no failure can look like "nothing there": a proxy's HTML page with status 200, a body
 * cut short, an empty body, a redirect to another host are all errors, and a refusal is told from a limit by GitHub's
 * own rules: `retry-after` first, then `x-ratelimit-remaining: 0` with `x-ratelimit-reset`, then a message that names
 * the secondary limit, and only then a real 403.
 */
#include "base/sys.h"
#include "data/json.h"
#include "forge/internal.h"
#include "net/url.h"

#define QUOTE_MAX 120           /* code points of a foreign message that go into an error */
#define SECONDARY_WAIT_MS 60000 /* GitHub: wait at least a minute when a secondary limit names no time */
#define WAIT_MAX_S 86400        /* a longer wait than a day is not believed */

bool forge_is_sha(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
            return false;
    }
    return s.n == 40;
}

/* Owners and repositories are [A-Za-z0-9._-]+, and "." or ".." would climb out of the path. */
static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!word && c != '.' && c != '_' && c != '-')
            return false;
    }
    return s.n > 0 && !str_is(s, ".") && !str_is(s, "..");
}

bool forge_repo_url(struct arena *a, const struct forge_repo *r, struct str tail, struct str *out, struct err *e)
{
    if (!is_name(r->owner) || !is_name(r->name))
        return err_set(e, ERR_INVALID,
                       "'%.*s/%.*s' is not a repository name: expected OWNER/NAME of letters, digits, '.', '_' and '-'",
                       STR(utf8_prefix(r->owner, QUOTE_MAX)), STR(utf8_prefix(r->name, QUOTE_MAX)));
    *out = arena_fmt(a, "%.*s/repos/%.*s/%.*s%.*s", STR(r->api), STR(r->owner), STR(r->name), STR(tail));
    return true;
}

/* Foreign text on one line: control characters become blanks, the length is bounded. */
static struct str quote(struct arena *a, struct str s)
{
    struct str cut = utf8_prefix(str_trim(s), QUOTE_MAX);
    char *p = arena_alloc(a, cut.n + 1);

    for (size_t i = 0; i < cut.n; i++)
        p[i] = (unsigned char)cut.p[i] < ' ' || cut.p[i] == 127 ? ' ' : cut.p[i];
    return (struct str){ p, cut.n };
}

/* ": MESSAGE (FIELD: MESSAGE)" of GitHub's error document, or the start of whatever came. */
static struct str reason(struct arena *a, struct str body)
{
    struct value doc;
    struct err ignored = { 0 };
    struct buf b = { .a = a };

    if (!json_parse(a, body, &doc, &ignored) || value_str_at(&doc, "message").n == 0)
        return body.n > 0 ? arena_fmt(a, ": %.*s", STR(quote(a, body))) : S("");
    buf_fmt(&b, ": %.*s", STR(quote(a, value_str_at(&doc, "message"))));
    const struct value *first = value_item(value_get(&doc, "errors"), 0);
    struct str detail = value_is(first, VALUE_STRING) ? value_as_str(first) : value_str_at(first, "message");
    if (detail.n == 0 && value_str_at(first, "code").n > 0)
        detail = arena_fmt(a, "%.*s %.*s", STR(value_str_at(first, "field")), STR(value_str_at(first, "code")));
    if (detail.n > 0)
        buf_fmt(&b, " (%.*s)", STR(quote(a, detail)));
    return buf_str(&b);
}

static bool header_int(const struct http_headers *h, const char *name, int64_t *out)
{
    return str_to_int(str_trim(http_header_get(h, name)), out);
}

static bool contains(struct str s, struct str word)
{
    return str_find(s, word) >= 0;
}

/* When a 403 or 429 is a limit: the time to come back at; 0 when it is a refusal. */
static int64_t limit_until(int status, const struct http_headers *h, struct str body, int64_t now_ms)
{
    int64_t seconds = 0;

    if (header_int(h, "retry-after", &seconds) && seconds >= 0)
        return now_ms + (seconds < WAIT_MAX_S ? seconds : WAIT_MAX_S) * 1000;
    if (header_int(h, "x-ratelimit-remaining", &seconds) && seconds == 0) {
        int64_t now_s = now_ms / 1000;
        if (!header_int(h, "x-ratelimit-reset", &seconds) || seconds < now_s)
            seconds = now_s + SECONDARY_WAIT_MS / 1000;
        return (seconds < now_s + WAIT_MAX_S ? seconds : now_s + WAIT_MAX_S) * 1000 + 1000;
    }
    if (status == 429 || contains(body, S("secondary rate limit")) || contains(body, S("abuse detection")))
        return now_ms + SECONDARY_WAIT_MS;
    return 0;
}

static bool refused(struct arena *a, int status, const struct http_headers *h, struct str body, int64_t now_ms,
                    struct err *e)
{
    struct str why = reason(a, body);
    int64_t until = status == 401 ? 0 : limit_until(status, h, body, now_ms);

    if (status == 401)
        return err_set(e, ERR_DENIED,
                       "401%.*s; the forge does not take this token: check that it is right and not expired", STR(why));
    if (until == 0)
        return err_set(e, ERR_DENIED, "403%.*s; the token lacks a right that this call needs", STR(why));
    err_set_(e, ERR_LIMIT, "%d%.*s; rate limit, next try at %.*s", status, STR(why), STR(clock_rfc3339(a, until)));
    e->retry_at_ms = until;
    return false;
}

bool forge_refusal(struct arena *a, int status, const struct http_headers *headers, struct str body, int64_t now_ms,
                   struct err *e)
{
    struct str why = reason(a, body);
    int64_t seconds = 0;

    if (status == 401 || status == 403 || status == 429)
        return refused(a, status, headers, body, now_ms, e);
    if (status == 404 || status == 410)
        return err_set(e, ERR_NOT_FOUND, "%d%.*s; it does not exist, or the token may not see it", status, STR(why));
    if (status == 405 || status == 409)
        return err_set(e, ERR_CONFLICT, "%d%.*s", status, STR(why));
    if (status >= 400 && status < 500 && status != 408)
        return err_set(e, ERR_INVALID, "%d%.*s", status, STR(why));
    err_set_(e, ERR_UNAVAILABLE, "%d%.*s; the forge is in trouble, not the repository", status, STR(why));
    if (header_int(headers, "retry-after", &seconds) && seconds >= 0 && seconds < WAIT_MAX_S)
        e->retry_at_ms = now_ms + seconds * 1000;
    return false;
}

static bool same_host(struct str a, struct str b)
{
    struct url ua, ub;
    struct err ignored = { 0 };

    return url_parse(a, &ua, &ignored) && url_parse(b, &ub, &ignored) && str_ieq(ua.host, ub.host);
}

static void add_header(struct arena *a, struct http_headers *h, const char *name, struct str value)
{
    h->v = arena_grow(a, h->v, h->n * sizeof *h->v, (h->n + 1) * sizeof *h->v);
    h->v[h->n++] = (struct http_header){ str_c(name), value };
}

static bool ask_headers(struct arena *a, struct str token, struct str etag, bool body, struct http_headers *out,
                        struct err *e)
{
    token = str_trim(token); /* secrets from files end in a newline more often than not */
    for (size_t i = 0; i < token.n; i++)
        if (token.p[i] <= ' ' || token.p[i] > '~')
            return err_set(e, ERR_INVALID, "the token holds a blank or a control character at byte %zu", i + 1);
    add_header(a, out, "Accept", S("application/vnd.github+json"));
    add_header(a, out, "X-GitHub-Api-Version", S("2022-11-28"));
    if (token.n > 0)
        add_header(a, out, "Authorization", arena_fmt(a, "Bearer %.*s", STR(token)));
    if (etag.n > 0)
        add_header(a, out, "If-None-Match", etag);
    if (body)
        add_header(a, out, "Content-Type", S("application/json"));
    return true;
}

/* A success must be JSON; only 202 and 204 (and 205) may come without a body. */
static bool judge_body(struct arena *a, struct forge_answer *out, struct err *e)
{
    struct str type = http_header_get(&out->headers, "content-type");
    struct err why = { 0 };

    out->json = value_null();
    if (str_trim(out->text).n == 0) {
        if (out->status == 202 || out->status == 204 || out->status == 205 || out->status == 304)
            return true;
        return err_set(e, ERR_UNAVAILABLE, "%d with an empty body; something between here and the forge cut the answer",
                       out->status);
    }
    if (json_parse(a, out->text, &out->json, &why))
        return true;
    if (contains(type, S("html")) || str_starts(str_trim(out->text), S("<")))
        return err_set(e, ERR_UNAVAILABLE, "%d with an HTML page instead of JSON (a proxy or a login page?): %.*s",
                       out->status, STR(quote(a, out->text)));
    return err_set(e, ERR_UNAVAILABLE, "%d with a body that is no JSON or was cut short after %zu bytes: %s",
                   out->status, out->text.n, why.text);
}

static bool exchange(struct arena *a, const struct forge_repo *r, const struct forge_ask *ask, struct forge_answer *out,
                     struct err *e)
{
    struct http_request q = { .method = ask->method,
                              .url = ask->url,
                              .timeout_ms = FORGE_TIMEOUT_MS,
                              .response_max = FORGE_BODY_MAX,
                              .follow_redirects = true };
    struct http_response got = { 0 };

    if (ask->body != NULL)
        q.body = json_str(a, ask->body, 0);
    if (!ask_headers(a, r->token, ask->etag, ask->body != NULL, &q.headers, e))
        return false;
    if (!http_do(a, &q, &got, e)) {
        if (e->kind == ERR_LIMIT) /* too large an answer; ERR_LIMIT means the rate limit here */
            e->kind = ERR_UNAVAILABLE;
        return false;
    }
    if (got.final_url.n > 0 && !same_host(got.final_url, ask->url))
        return err_set(e, ERR_UNAVAILABLE, "redirected to another host, %.*s; only the configured API is asked",
                       STR(quote(a, url_redact(a, got.final_url))));
    *out = (struct forge_answer){ .status = got.status, .headers = got.headers, .text = got.body };
    if (got.status == 304 && ask->etag.n > 0)
        return true;
    if (got.status < 200 || got.status > 299)
        return forge_refusal(a, got.status, &got.headers, got.body, clock_wall_ms(), e);
    return judge_body(a, out, e);
}

bool forge_ask(struct arena *a, const struct forge_repo *r, const struct forge_ask *ask, struct forge_answer *out,
               struct err *e)
{
    if (exchange(a, r, ask, out, e))
        return true;
    return err_wrap(e, "%s %.*s", ask->method, STR(utf8_prefix(url_redact(a, ask->url), 200)));
}
