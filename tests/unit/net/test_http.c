/* The client and the server against each other, and the client against answers that break. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "data/json.h"
#include "net/http.h"

static bool spool_puts(void *user, struct str method, struct str path)
{
    return str_is(method, "PUT") && str_starts(path, S("/spool"));
}

static struct str spooled_body(struct http_server_request *r)
{
    if (r->body_fd < 0)
        return r->body;
    off_t n = lseek(r->body_fd, 0, SEEK_END);
    char *bytes = arena_alloc(r->a, (size_t)n + 1);
    ssize_t got = pread(r->body_fd, bytes, (size_t)n, 0);
    return (struct str){ bytes, got < 0 ? 0 : (size_t)got };
}

/* Tells what it was asked, as JSON. */
static void echo(struct http_server_request *r, struct http_exchange *x)
{
    struct value v = value_map(r->a);
    struct str body = spooled_body(r);
    value_set_str(r->a, &v, "method", r->method);
    value_set(r->a, &v, "head", value_bool(r->head));
    value_set_str(r->a, &v, "path", r->path);
    value_set_str(r->a, &v, "target", r->raw_target);
    value_set_str(r->a, &v, "query", r->query);
    value_set_str(r->a, &v, "q", http_query(r, "q"));
    value_set_str(r->a, &v, "peer", r->peer);
    value_set_str(r->a, &v, "host", r->host);
    value_set_str(r->a, &v, "agent", http_header_get(&r->headers, "user-agent"));
    value_set_str(r->a, &v, "x", http_header_get(&r->headers, "X-Test"));
    value_set(r->a, &v, "body_bytes", value_int((int64_t)body.n));
    value_set_str(r->a, &v, "body", str_slice(body, 0, 100));
    value_set(r->a, &v, "spooled", value_bool(r->body_fd >= 0));
    http_reply_header(x, "X-Answer", S("yes"));
    http_reply_json(x, 200, &v);
}

static void handle(void *user, struct http_server_request *r, struct http_exchange *x)
{
    if (str_is(r->path, "/redirect")) {
        http_reply_header(x, "Location", S("/echo?q=moved"));
        http_reply(x, 302, NULL, S(""));
    } else if (str_is(r->path, "/missing")) {
        http_reply(x, 404, "text/plain", S("nothing here"));
    } else if (str_is(r->path, "/file")) {
        http_reply_fd(x, 200, "application/octet-stream", open("/proc/self/exe", O_RDONLY | O_CLOEXEC), 4, 1000);
    } else if (str_is(r->path, "/silent")) {
        return;
    } else if (str_is(r->path, "/none")) {
        http_reply(x, 204, NULL, S(""));
    } else {
        echo(r, x);
    }
}

struct world {
    struct http_server *server;
    struct arena a;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct err e = { 0 };
    struct http_server_options o = { .handle = handle, .spool = spool_puts, .body_max = 100000, .threads = 2 };
    if (!http_server_open(&o, &w->server, &e))
        fail_msg("%s", e.text);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    http_server_close(w->server);
    arena_close(&w->a);
    free(w);
    return 0;
}

static struct str url_of(struct world *w, const char *path)
{
    return arena_fmt(&w->a, "http://127.0.0.1:%u%s", http_server_port(w->server), path);
}

static struct http_response must_do(struct world *w, struct http_request r)
{
    struct http_response out = { 0 };
    struct err e = { 0 };
    if (!http_do(&w->a, &r, &out, &e))
        fail_msg("%s", e.text);
    return out;
}

static struct value must_json(struct world *w, struct http_response r)
{
    struct value v = { 0 };
    struct err e = { 0 };
    if (!json_parse(&w->a, r.body, &v, &e))
        fail_msg("%s", e.text);
    return v;
}

static void is(struct world *w, const struct value *v, const char *path, const char *expected)
{
    assert_string_equal(arena_c(&w->a, value_str_at(v, path)), expected);
}

static void gets(void **state)
{
    struct world *w = *state;
    struct http_header test = { S("X-Test"), S("value") };
    struct http_response r =
        must_do(w, (struct http_request){ .url = url_of(w, "/a%20b%2Fc?q=x+y%21&z"), .headers = { &test, 1 } });
    struct value v = must_json(w, r);
    assert_int_equal(r.status, 200);
    assert_true(str_is(http_header_get(&r.headers, "x-answer"), "yes"));
    is(w, &v, "method", "GET");
    is(w, &v, "path", "/a b/c");
    is(w, &v, "target", "/a%20b%2Fc?q=x+y%21&z");
    is(w, &v, "query", "q=x+y%21&z");
    is(w, &v, "q", "x y!");
    is(w, &v, "peer", "127.0.0.1");
    is(w, &v, "host", arena_fmt(&w->a, "127.0.0.1:%u", http_server_port(w->server)).p);
    is(w, &v, "x", "value");
    is(w, &v, "agent", http_user_agent);
}

static void heads(void **state)
{
    struct world *w = *state;
    struct http_response get = must_do(w, (struct http_request){ .url = url_of(w, "/echo") });
    struct http_response r = must_do(w, (struct http_request){ .url = url_of(w, "/file"), .method = "HEAD" });
    assert_int_equal(r.status, 200);
    assert_int_equal(r.body.n, 0);
    assert_true(str_is(http_header_get(&r.headers, "Content-Length"), "1000"));
    assert_true(get.body.n > 0);
}

static void sends_bodies(void **state)
{
    struct world *w = *state;
    static const char *const methods[] = { "POST", "PUT", "PATCH", "DELETE" };
    for (size_t i = 0; i < COUNT(methods); i++) {
        for (int empty = 0; empty < 2; empty++) {
            struct str body = empty ? S("") : S("hello");
            struct http_response r =
                must_do(w, (struct http_request){ .url = url_of(w, "/echo"), .method = methods[i], .body = body });
            struct value v = must_json(w, r);
            is(w, &v, "method", methods[i]);
            is(w, &v, "body", empty ? "" : "hello");
        }
    }
}

static int big_file(size_t n)
{
    char path[] = "/tmp/vitrine-test-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(ftruncate(fd, (off_t)n), 0);
    return fd;
}

static void spools_files(void **state)
{
    struct world *w = *state;
    CLEANUP(fd_close) int fd = big_file(3000000);
    struct http_response r =
        must_do(w, (struct http_request){ .url = url_of(w, "/spool/x"), .method = "PUT", .body_fd = fd });
    struct value v = must_json(w, r);
    assert_int_equal(value_int_at(&v, "body_bytes", 0), 3000000);
    assert_true(value_bool_at(&v, "spooled", false));
}

static void refuses_large_bodies(void **state)
{
    struct world *w = *state;
    CLEANUP(fd_close) int fd = big_file(350000);
    struct http_response r =
        must_do(w, (struct http_request){ .url = url_of(w, "/echo"), .method = "POST", .body_fd = fd });
    assert_int_equal(r.status, 413);
}

static void follows_redirects(void **state)
{
    struct world *w = *state;
    struct http_response r = must_do(w, (struct http_request){ .url = url_of(w, "/redirect") });
    assert_int_equal(r.status, 302);
    r = must_do(w, (struct http_request){ .url = url_of(w, "/redirect"), .follow_redirects = true });
    struct value v = must_json(w, r);
    is(w, &v, "q", "moved");
    assert_string_equal(arena_c(&w->a, r.final_url), url_of(w, "/echo?q=moved").p);
}

static void sinks(void **state)
{
    struct world *w = *state;
    CLEANUP(fd_close) int fd = big_file(0);
    struct http_response r = must_do(w, (struct http_request){ .url = url_of(w, "/file"), .sink_fd = fd });
    assert_int_equal(r.body_bytes, 1000);
    assert_int_equal(lseek(fd, 0, SEEK_END), 1000);
    r = must_do(w, (struct http_request){ .url = url_of(w, "/missing"), .sink_fd = fd });
    assert_true(str_is(r.body, "nothing here"));
    assert_int_equal(lseek(fd, 0, SEEK_END), 1000);
}

static void limits_answers(void **state)
{
    struct world *w = *state;
    struct http_request r = { .url = url_of(w, "/file"), .response_max = 999 };
    struct http_response out = { 0 };
    struct err e = { 0 };
    assert_false(http_do(&w->a, &r, &out, &e));
    assert_int_equal(e.kind, ERR_LIMIT);
}

static void answers_for_silent_handlers(void **state)
{
    struct world *w = *state;
    assert_int_equal(must_do(w, (struct http_request){ .url = url_of(w, "/silent") }).status, 500);
    assert_int_equal(must_do(w, (struct http_request){ .url = url_of(w, "/none") }).status, 204);
}

static void gets_json(void **state)
{
    struct world *w = *state;
    struct value v = { 0 };
    struct err e = { 0 };
    assert_true(http_get_json(&w->a, url_of(w, "/echo"), (struct http_headers){ 0 }, &v, &e));
    is(w, &v, "path", "/echo");
    assert_false(http_get_json(&w->a, url_of(w, "/missing"), (struct http_headers){ 0 }, &v, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_string_equal(e.text, arena_fmt(&w->a, "GET %s: status 404: nothing here", url_of(w, "/missing").p).p);
}

static void speaks_unix_sockets(void **state)
{
    struct world *w = *state;
    struct http_server *server = NULL;
    const char *dir = NULL;
    struct err e = { 0 };
    assert_true(fs_temp_dir(&w->a, "http", &dir, &e));
    const char *path = fs_join(&w->a, dir, "s.sock");
    struct http_server_options o = { .handle = handle, .unix_socket = path };
    assert_true(http_server_open(&o, &server, &e));
    struct http_response r = must_do(w, (struct http_request){ .url = S("http://any.test/echo"), .unix_socket = path });
    struct value v = must_json(w, r);
    is(w, &v, "host", "any.test");
    http_server_close(server);
    assert_false(fs_exists(path));
    struct http_request again = { .url = S("http://any.test/echo"), .unix_socket = path };
    assert_false(http_do(&w->a, &again, &r, &e));
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    assert_true(fs_remove_tree(dir, &e));
}

static void says_who_holds_the_port(void **state)
{
    struct world *w = *state;
    struct http_server *server = NULL;
    struct err e = { 0 };
    struct http_server_options o = { .handle = handle, .port = http_server_port(w->server) };
    assert_false(http_server_open(&o, &server, &e));
    const char *expected =
        arena_fmt(&w->a, "listen on 127.0.0.1 port %u: Address already in use", http_server_port(w->server)).p;
    assert_string_equal(e.text, expected);
    o = (struct http_server_options){ .handle = handle, .address = "localhost" };
    assert_false(http_server_open(&o, &server, &e));
    assert_string_equal(e.text, "listen on localhost: not an IP address");
}

/* ---- raw bytes both ways ------------------------------------------------------------------ */

static int connect_to(uint16_t port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static struct str read_all(struct arena *a, int fd)
{
    struct buf b = { .a = a };
    char piece[4096];
    for (ssize_t n = read(fd, piece, sizeof piece); n > 0; n = read(fd, piece, sizeof piece))
        buf_add(&b, (struct str){ piece, (size_t)n });
    return buf_str(&b);
}

static const char *const raw_rows[][2] = {
    { "GET http://other.test/echo?q=1 HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n",
      "\"path\":\"/echo\"" },
    { "GET http://other.test HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n", "\"path\":\"/\"" },
    { "GET /%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 400 " },
    { "GET /echo HTTP/1.0\r\n\r\n", "\"path\":\"/echo\"" },
    { "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: "
      "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      "\"body\":\"hello\"" },
};

static void serves_raw_requests(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < COUNT(raw_rows); i++) {
        struct err e = { 0 };
        CLEANUP(fd_close) int fd = connect_to(http_server_port(w->server));
        assert_true(fd_write_all(fd, str_c(raw_rows[i][0]), &e));
        struct str answer = read_all(&w->a, fd);
        if (str_find(answer, str_c(raw_rows[i][1])) < 0)
            fail_msg("%s\ngave\n%.*s", raw_rows[i][0], STR(answer));
    }
}

struct canned { /* answers one connection with fixed bytes, then closes it */
    int listener;
    uint16_t port;
    struct str bytes;
    pthread_t thread;
};

static void *answer_once(void *arg)
{
    struct canned *s = arg;
    struct err e = { 0 };
    char request[4096];
    CLEANUP(fd_close) int fd = accept(s->listener, NULL, NULL);
    if (fd >= 0 && read(fd, request, sizeof request) > 0 && !fd_write_all(fd, s->bytes, &e))
        return s;
    return NULL;
}

static void canned_open(struct canned *s, const char *bytes)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t n = sizeof at;
    struct err e = { 0 };
    s->bytes = str_c(bytes);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&at, n), 0);
    assert_int_equal(listen(s->listener, 5), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &n), 0);
    s->port = ntohs(at.sin_port);
    assert_true(thread_start(&s->thread, "canned", answer_once, s, &e));
}

static const struct broken_row {
    const char *bytes, *text; /* %u: the port */
} broken_rows[] = {
    { "", "127.0.0.1:%u closed the connection without an answer" },
    { "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "127.0.0.1:%u: answer is cut short after 3 bytes" },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc", NULL },
    { "SSH-2.0-OpenSSH_9.2\r\n", "127.0.0.1:%u: answer is not HTTP (Received HTTP/0.9 when not allowed)" },
};

static void tells_broken_answers(void **state)
{
    for (size_t i = 0; i < COUNT(broken_rows); i++) {
        CLEANUP(arena_close) struct arena a = { 0 };
        struct canned s = { 0 };
        struct err e = { 0 };
        struct http_response out = { 0 };
        canned_open(&s, broken_rows[i].bytes);
        struct http_request r = { .url = arena_fmt(&a, "http://127.0.0.1:%u/", s.port), .timeout_ms = 5000 };
        assert_false(http_do(&a, &r, &out, &e));
        pthread_join(s.thread, NULL);
        close(s.listener);
        assert_int_equal(e.kind, ERR_UNAVAILABLE);
        if (broken_rows[i].text != NULL)
            assert_string_equal(e.text, arena_fmt(&a, broken_rows[i].text, s.port).p);
    }
}

static void tells_refused_connections(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct err e = { 0 };
    struct http_response out = { 0 };
    struct canned s = { 0 };
    canned_open(&s, ""); /* a port that was free a moment ago */
    close(connect_to(s.port));
    pthread_join(s.thread, NULL);
    close(s.listener);
    struct http_request r = { .url = arena_fmt(&a, "http://127.0.0.1:%u/", s.port) };
    assert_false(http_do(&a, &r, &out, &e));
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    assert_string_equal(e.text, arena_fmt(&a, "connect to 127.0.0.1:%u: connection refused", s.port).p);
    r.url = S("ftp://127.0.0.1/");
    assert_false(http_do(&a, &r, &out, &e));
    assert_int_equal(e.kind, ERR_INVALID);
    assert_string_equal(e.text, "ftp://127.0.0.1/: not an http or https URL");
    struct http_header split = { S("X"), S("a\r\nb: c") };
    r = (struct http_request){ .url = S("http://127.0.0.1/"), .headers = { &split, 1 } };
    assert_false(http_do(&a, &r, &out, &e));
    assert_string_equal(e.text, "header X holds a line break");
}

static void keeps_connections(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 200; i++)
        assert_int_equal(must_do(w, (struct http_request){ .url = url_of(w, "/echo") }).status, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gets),
        cmocka_unit_test(heads),
        cmocka_unit_test(sends_bodies),
        cmocka_unit_test(spools_files),
        cmocka_unit_test(refuses_large_bodies),
        cmocka_unit_test(follows_redirects),
        cmocka_unit_test(sinks),
        cmocka_unit_test(limits_answers),
        cmocka_unit_test(answers_for_silent_handlers),
        cmocka_unit_test(gets_json),
        cmocka_unit_test(speaks_unix_sockets),
        cmocka_unit_test(says_who_holds_the_port),
        cmocka_unit_test(serves_raw_requests),
        cmocka_unit_test(tells_broken_answers),
        cmocka_unit_test(tells_refused_connections),
        cmocka_unit_test(keeps_connections),
    };
    return cmocka_run_group_tests_name("http", tests, setup, teardown);
}
