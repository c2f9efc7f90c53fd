/* Heads, bodies and routes of the ingress proxy. */
#include "../cmocka_all.h"

#include "cluster/local/proxy_internal.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n"

static const struct {
    const char *head;
    int status; /* 0: fine; -1: incomplete */
    const char *host, *target;
} heads[] = {
    { GET "\r\n", 0, "a", "/" },
    { "GET /p?q=1 HTTP/1.1\r\nhost: web.localhost:8088\r\n\r\n", 0, "web.localhost", "/p?q=1" },
    { "GET http://b.example/x HTTP/1.1\r\nHost: a\r\n\r\n", 0, "b.example", "/x" },
    { "GET http://b.example HTTP/1.1\r\nHost: a\r\n\r\n", 0, "b.example", "/" },
    { "GET / HTTP/1.0\r\n\r\n", 0, "", "/" },
    { "OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0, "[::1]", "*" },
    { GET "Content-Length: 0\r\n\r\n", 0, "a", "/" },
    { GET, -1, NULL, NULL },
    { "GE", -1, NULL, NULL },
    { "", -1, NULL, NULL },
    { "GET / HTTP/1.1\r\n\r\n", 400, NULL, NULL },                                      /* no Host */
    { GET "Host: b\r\n\r\n", 400, NULL, NULL },                                         /* two Hosts */
    { GET "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, NULL, NULL }, /* both */
    { GET "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, NULL, NULL },          /* differ */
    { GET "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400, NULL, NULL },          /* twice */
    { GET "Content-Length: 1, 1\r\n\r\n", 400, NULL, NULL },
    { GET "Content-Length: +1\r\n\r\n", 400, NULL, NULL },
    { GET "Content-Length: 0x1\r\n\r\n", 400, NULL, NULL },
    { GET "Content-Length:\r\n\r\n", 400, NULL, NULL },
    { GET "Content-Length: 99999999999999999999\r\n\r\n", 400, NULL, NULL },
    { GET "Transfer-Encoding: gzip, chunked\r\n\r\n", 400, NULL, NULL },
    { GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400, NULL, NULL },
    { GET "Transfer-Encoding: xchunked\r\n\r\n", 400, NULL, NULL },
    { "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, NULL, NULL },
    { GET "X : y\r\n\r\n", 400, NULL, NULL },           /* space before the colon */
    { GET "X: y\r\n folded\r\n\r\n", 400, NULL, NULL }, /* obs-fold */
    { "GET / HTTP/1.1\nHost: a\n\n", 400, NULL, NULL }, /* bare LF */
    { GET "X: a\rb\r\n\r\n", 400, NULL, NULL },         /* bare CR */
    { GET "X: a\001b\r\n\r\n", 400, NULL, NULL },       /* control character */
    { GET "no colon\r\n\r\n", 400, NULL, NULL },
    { GET ": empty\r\n\r\n", 400, NULL, NULL },
    { "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL, NULL },
    { "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400, NULL, NULL },
    { "GET /\r\nHost: a\r\n\r\n", 400, NULL, NULL },
    { "GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL, NULL },
    { "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL, NULL },
    { "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, NULL, NULL },
    { "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, NULL, NULL },
    { "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, NULL, NULL },
    { "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 405, NULL, NULL },
};

static void parses_heads(void **state)
{
    for (size_t i = 0; i < COUNT(heads); i++) {
        struct request_head h;
        enum head_result r = request_head_parse(str_c(heads[i].head), &h);
        int got = r == HEAD_OK ? 0 : r == HEAD_INCOMPLETE ? -1 : h.status;
        if (got != heads[i].status)
            fail_msg("row %zu: %d (%s)", i, got, h.why != NULL ? h.why : "");
        if (r != HEAD_OK)
            continue;
        assert_true(str_is(h.host, heads[i].host));
        assert_true(str_is(h.target, heads[i].target));
        assert_int_equal(h.size, strlen(heads[i].head));
    }
}

static void long_heads_are_refused(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct buf b = { .a = &a };
    struct request_head h;
    buf_c(&b, GET "X: ");
    buf_fill(&b, 'x', HEAD_BYTES_MAX);
    assert_int_equal(request_head_parse(str_slice(buf_str(&b), 0, HEAD_BYTES_MAX - 1), &h), HEAD_INCOMPLETE);
    assert_int_equal(request_head_parse(buf_str(&b), &h), HEAD_BAD);
    assert_int_equal(h.status, 400);
    b.n = 0;
    buf_c(&b, GET);
    for (int i = 0; i <= HEAD_FIELDS_MAX; i++)
        buf_c(&b, "A: b\r\n");
    buf_c(&b, "\r\n");
    assert_int_equal(request_head_parse(buf_str(&b), &h), HEAD_BAD);
}

static void forged_headers_go(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct buf b = { .a = &a };
    struct request_head h;
    const char *in = "GET /x HTTP/1.1\r\nHost: a:80\r\nX-Forwarded-For: 6.6.6.6\r\nx_forwarded_for: "
                     "6.6.6.6\r\nForwarded: for=6.6.6.6\r\n"
                     "X-Real-IP: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nConnection: keep-alive, X-Hop\r\nX-Hop: "
                     "1\r\nKeep-Alive: 5\r\n"
                     "TE: trailers\r\nUpgrade: h2c\r\nCookie: c\r\nAccept: */*\r\n\r\n";
    assert_int_equal(request_head_parse(str_c(in), &h), HEAD_OK);
    request_head_write(&b, &h, S("127.0.0.1"));
    assert_string_equal(
        b.p, "GET /x HTTP/1.1\r\nHost: a:80\r\nCookie: c\r\nAccept: */*\r\nX-Forwarded-For: 127.0.0.1\r\nX-Real-IP: "
             "127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a:80\r\n\r\n");
}

static void upgrades_pass(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct buf b = { .a = &a };
    struct request_head h;
    assert_int_equal(request_head_parse(S(GET "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"), &h), HEAD_OK);
    assert_true(h.upgrade);
    request_head_write(&b, &h, S("::1"));
    assert_true(str_find(buf_str(&b), S("Upgrade: websocket\r\n")) > 0);
    assert_true(str_find(buf_str(&b), S("Connection: Upgrade\r\n")) > 0);
}

static void parses_responses(void **state)
{
    static const struct {
        const char *head;
        bool to_head;
        enum head_result result;
        enum body_kind body;
        bool keep;
    } rows[] = {
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false, HEAD_OK, BODY_LENGTH, true },
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true, HEAD_OK, BODY_NONE, true },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, HEAD_OK, BODY_CHUNKED, true },
        { "HTTP/1.1 200 OK\r\n\r\n", false, HEAD_OK, BODY_UNTIL_CLOSE, false },
        { "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", false, HEAD_OK, BODY_LENGTH, false },
        { "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", false, HEAD_OK, BODY_NONE, false },
        { "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false, HEAD_OK, BODY_NONE, true },
        { "HTTP/1.1 100 Continue\r\n\r\n", false, HEAD_OK, BODY_NONE, true },
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", false, HEAD_BAD, BODY_NONE,
          false },
        { "SSH-2.0-OpenSSH\r\n\r\n", false, HEAD_BAD, BODY_NONE, false },
        { "HTTP/1.1 20x OK\r\n\r\n", false, HEAD_BAD, BODY_NONE, false },
        { "HTTP/1.1 200 OK\r\n", false, HEAD_INCOMPLETE, BODY_NONE, false },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct response_head h;
        enum head_result r = response_head_parse(str_c(rows[i].head), rows[i].to_head, &h);
        if (r != rows[i].result || (r == HEAD_OK && (h.body != rows[i].body || h.keep_alive != rows[i].keep)))
            fail_msg("row %zu: %d, body %d, keep %d", i, r, h.body, h.keep_alive);
    }
}

static void frames_bodies(void **state)
{
    static const struct {
        enum body_kind kind;
        int64_t length;
        const char *bytes;
        size_t taken;
        bool done, bad;
    } rows[] = {
        { BODY_NONE, 0, "GET /", 0, true, false },
        { BODY_LENGTH, 5, "helloGET", 5, true, false },
        { BODY_LENGTH, 5, "hel", 3, false, false },
        { BODY_UNTIL_CLOSE, 0, "anything", 8, false, false },
        { BODY_CHUNKED, 0, "5\r\nhello\r\n0\r\n\r\nGET", 15, true, false },
        { BODY_CHUNKED, 0, "5;ext=\"v\"\r\nhello\r\n0\r\nTrailer: t\r\n\r\n", 35, true, false },
        { BODY_CHUNKED, 0, "A\r\n0123456789\r\n0\r\n\r\n", 20, true, false },
        { BODY_CHUNKED, 0, "5\r\nhel", 6, false, false },
        { BODY_CHUNKED, 0, "5\nhello", 1, true, true },
        { BODY_CHUNKED, 0, "x\r\n", 0, true, true },
        { BODY_CHUNKED, 0, "\r\n", 0, true, true },
        { BODY_CHUNKED, 0, "-5\r\n", 0, true, true },
        { BODY_CHUNKED, 0, "5\r\nhelloX", 8, true, true },
        { BODY_CHUNKED, 0, "fffffffffffffff\r\n", 12, true, true },
        { BODY_CHUNKED, 0, "0\r\nA\nB\r\n\r\n", 4, true, true },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct body whole = body_begin(rows[i].kind, rows[i].length), bytewise = whole;
        struct str s = str_c(rows[i].bytes);
        size_t taken = body_take(&whole, s), one = 0;
        if (taken != rows[i].taken || whole.done != rows[i].done || whole.bad != rows[i].bad)
            fail_msg("row %zu: %zu, done %d, bad %d", i, taken, whole.done, whole.bad);
        while (one < s.n
               && body_take(&bytewise, str_slice(s, one, one + 1)) == 1) /* pieces of any size mean the same */
            one++;
        assert_int_equal(one, taken);
        assert_int_equal(bytewise.done, whole.done);
    }
}

/* ---- routes -------------------------------------------------------------------------------- */

static void matches_routes(void **state)
{
    struct runtime_endpoint ready = { S("198.18.0.2"), 8080 };
    struct proxy_route five[] = {
        { S("demo-web-pr-5.example.com"), S("/"), PATH_PREFIX, S("web"), &ready, 1 },
        { S("demo-web-pr-5.example.com"), S("/api"), PATH_PREFIX, S("api"), &ready, 1 },
        { S("demo-web-pr-5.example.com"), S("/api/v1"), PATH_EXACT, S("exact"), &ready, 1 },
        { S("demo-web-pr-5.example.com"), S("/slow/"), PATH_PREFIX, S("slow"), NULL, 0 },
    };
    struct proxy_route six[] = { { S("six.example.com"), S("/only"), PATH_PREFIX, S("web"), &ready, 1 },
                                 { S("shared.one.com"), S("/"), PATH_PREFIX, S("one"), &ready, 1 },
                                 { S("shared.two.com"), S("/"), PATH_PREFIX, S("two"), &ready, 1 },
                                 { S("*.wild.com"), S("/"), PATH_PREFIX, S("wild"), &ready, 1 } };
    struct proxy_route any[] = { { S(""), S("/"), PATH_PREFIX, S("any"), &ready, 1 } };
    static const struct {
        const char *host, *path;
        enum route_verdict verdict;
        const char *service;
    } rows[] = {
        { "demo-web-pr-5.example.com", "/", ROUTE_OK, "web" },
        { "DEMO-web-pr-5.Example.com", "/x", ROUTE_OK, "web" },
        { "demo-web-pr-5.localhost", "/", ROUTE_OK, "web" },
        { "demo-web-pr-5.example.com", "/api", ROUTE_OK, "api" },
        { "demo-web-pr-5.example.com", "/api/", ROUTE_OK, "api" },
        { "demo-web-pr-5.example.com", "/api/v2", ROUTE_OK, "api" },
        { "demo-web-pr-5.example.com", "/apis", ROUTE_OK, "web" },
        { "demo-web-pr-5.example.com", "/api/v1", ROUTE_OK, "exact" },
        { "demo-web-pr-5.example.com", "/slow", ROUTE_NOT_READY, "slow" },
        { "demo-web-pr-5.example.com", "/slow/x", ROUTE_NOT_READY, "slow" },
        { "six.example.com", "/", ROUTE_NO_PATH, "" },
        { "six.example.com", "/only", ROUTE_OK, "web" },
        { "shared.localhost", "/", ROUTE_NO_HOST, "" }, /* two hosts begin with it */
        { "shared.two.com", "/", ROUTE_OK, "two" },
        { "x.wild.com", "/", ROUTE_OK, "wild" },
        { "x.y.wild.com", "/", ROUTE_NO_HOST, "" },
        { "nobody.example.com", "/", ROUTE_NO_HOST, "" },
        { "", "/", ROUTE_NO_HOST, "" },
    };
    struct route_table *t = routes_open();
    struct route_choice c;
    routes_put(t, S("env5"), five, COUNT(five));
    routes_put(t, S("env6"), six, COUNT(six));
    for (size_t i = 0; i < COUNT(rows); i++) {
        routes_match(t, str_c(rows[i].host), str_c(rows[i].path), &c);
        if (c.verdict != rows[i].verdict || strcmp(c.service, rows[i].service) != 0)
            fail_msg("%s%s: %d %s", rows[i].host, rows[i].path, c.verdict, c.service);
    }
    routes_put(t, S("env7"), any, COUNT(any)); /* rules without a host take every other name */
    routes_match(t, S("nobody.example.com"), S("/"), &c);
    assert_string_equal(c.service, "any");
    routes_match(t, S("env7.localhost"), S("/"), &c);
    assert_string_equal(c.env, "env7");
    routes_put(t, S("thief"), five, COUNT(five)); /* a host stays with who claimed it first, also after changes */
    routes_put(t, S("env5"), five, COUNT(five));
    routes_match(t, S("demo-web-pr-5.localhost"), S("/"), &c);
    assert_string_equal(c.env, "env5");
    routes_put(t, S("thief"), NULL, 0);
    routes_put(t, S("env5"), NULL, 0);
    routes_match(t, S("demo-web-pr-5.localhost"), S("/"), &c);
    assert_string_equal(c.service, "any");
    routes_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(parses_heads),      cmocka_unit_test(long_heads_are_refused),
                                        cmocka_unit_test(forged_headers_go), cmocka_unit_test(upgrades_pass),
                                        cmocka_unit_test(parses_responses),  cmocka_unit_test(frames_bodies),
                                        cmocka_unit_test(matches_routes) };
    return cmocka_run_group_tests_name("local http", tests, NULL, NULL);
}
