/* The ingress proxy over real sockets: the test is the client and the service behind it. */
#include "../cmocka_all.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sys.h"
#include "cluster/local/proxy.h"
#include "fake_runtime.h"

#define WAIT_MS 10000

struct fixture {
    struct arena a;
    struct proxy *p;
    int service; /* listens */
};

static void set_route(struct fixture *f, const char *env, const char *host, bool ready)
{
    struct runtime_endpoint at = { S("198.18.0.2"), 8080 };
    struct proxy_route r = { str_c(host), S("/"), PATH_PREFIX, S("web"), &at, ready ? 1 : 0 };
    proxy_routes_set(f->p, str_c(env), &r, 1);
}

static int open_all(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;
    struct err e = { 0 };
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;
    const struct proxy_options o = { 0 };
    *f = (struct fixture){ .service = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    assert_return_code(bind(f->service, (struct sockaddr *)&at, sizeof at), 0);
    assert_return_code(listen(f->service, 16), 0);
    assert_return_code(getsockname(f->service, (struct sockaddr *)&at, &n), 0);
    fake_dial_port(ntohs(at.sin_port));
    assert_true(proxy_open(&o, &f->p, &e));
    set_route(f, "five", "five.example.com", true);
    set_route(f, "six", "six.example.com", true);
    set_route(f, "cold", "cold.example.com", false);
    *state = f;
    return 0;
}

static int close_all(void **state)
{
    struct fixture *f = *state;
    proxy_close(f->p);
    fd_close(&f->service);
    arena_close(&f->a);
    fake_reset();
    return 0;
}

static int client(struct fixture *f)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                              .sin_port = htons(proxy_port(f->p)) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_return_code(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static void readable(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    assert_int_equal(poll(&p, 1, WAIT_MS), 1);
}

static int taken(struct fixture *f)
{
    readable(f->service);
    int fd = accept4(f->service, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void put(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Read until the text ends with `end`, or to the end of the connection when it is NULL. */
static struct str got(struct fixture *f, int fd, const char *end)
{
    struct buf b = { .a = &f->a };
    char c;
    for (;;) {
        if (end != NULL && b.n > 0 && str_ends(buf_str(&b), str_c(end)))
            return buf_str(&b);
        readable(fd);
        if (recv(fd, &c, 1, 0) <= 0) {
            if (end != NULL)
                fail_msg("connection ended after \"%.*s\"", STR(buf_str(&b)));
            return buf_str(&b);
        }
        buf_byte(&b, c);
    }
}

static void has(struct str text, const char *part)
{
    if (str_find(text, str_c(part)) < 0)
        fail_msg("\"%s\" is not in \"%.*s\"", part, STR(text));
}

#define GET(path, host) "GET " path " HTTP/1.1\r\nHost: " host "\r\n"
#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static void serves_and_frames_every_request(void **state)
{
    struct fixture *f = *state;
    int c = client(f);
    put(c, GET("/one", "five.example.com") "\r\n");
    int s = taken(f);
    has(got(f, s, "\r\n\r\n"), "X-Forwarded-For: 127.0.0.1\r\n");
    put(s, OK_HELLO);
    has(got(f, c, "hello"), "200 OK");
    /* the same connection behind, and what is forged in the second request goes too */
    put(c, GET("/two", "five.localhost") "X-Forwarded-For: 6.6.6.6\r\n\r\n");
    struct str second = got(f, s, "\r\n\r\n");
    has(second, "GET /two");
    assert_true(str_find(second, S("6.6.6.6")) < 0);
    put(s, OK_HELLO);
    (void)got(f, c, "hello");
    /* another host on the same client connection reaches another environment */
    put(c, GET("/three", "six.example.com") "\r\n");
    int other = taken(f);
    has(got(f, other, "\r\n\r\n"), "GET /three");
    put(other, OK_HELLO);
    (void)got(f, c, "hello");
    fd_close(&c);
    fd_close(&s);
    fd_close(&other);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct fixture *f = *state;
    int c = client(f);
    put(c, GET("/one", "five.example.com") "\r\n" GET("/two", "six.example.com") "\r\n");
    int s = taken(f);
    struct str first = got(f, s, "\r\n\r\n");
    assert_true(str_find(first, S("/two")) < 0);
    put(s, OK_HELLO);
    int other = taken(f);
    has(got(f, other, "\r\n\r\n"), "GET /two");
    put(other, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nworld");
    has(got(f, c, "world"), "hello");
    fd_close(&c);
    fd_close(&s);
    fd_close(&other);
}

static void bodies_pass(void **state)
{
    struct fixture *f = *state;
    int c = client(f);
    put(c, "POST / HTTP/1.1\r\nHost: five.example.com\r\nContent-Length: 4\r\n\r\nbo");
    int s = taken(f);
    (void)got(f, s, "bo");
    put(c, "dy");
    (void)got(f, s, "dy");
    put(s, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    (void)got(f, c, "0\r\n\r\n");
    put(c, "POST / HTTP/1.1\r\nHost: five.example.com\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n");
    (void)got(f, s, "0\r\n\r\n");
    put(s, "HTTP/1.1 100 Continue\r\n\r\n");
    put(s, "HTTP/1.1 204 No Content\r\n\r\n");
    has(got(f, c, "204 No Content\r\n\r\n"), "100 Continue");
    put(c, "HEAD / HTTP/1.1\r\nHost: five.example.com\r\n\r\n");
    (void)got(f, s, "\r\n\r\n");
    put(s, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    (void)got(f, c, "5\r\n\r\n");
    put(c, GET("/", "five.example.com") "\r\n"); /* the connection is still in step */
    (void)got(f, s, "\r\n\r\n");
    put(s, OK_HELLO);
    (void)got(f, c, "hello");
    fd_close(&c);
    fd_close(&s);
}

static void large_answers_stream(void **state)
{
    enum { TOTAL = 2000000, PIECE = 10000 };
    struct fixture *f = *state;
    static char piece[PIECE];
    size_t came = 0, sent = 0;
    int c = client(f);
    put(c, GET("/", "five.example.com") "\r\n");
    int s = taken(f);
    (void)got(f, s, "\r\n\r\n");
    put(s, "HTTP/1.1 200 OK\r\n\r\n");
    (void)got(f, c, "\r\n\r\n");
    while (came < TOTAL) {
        ssize_t n = send(s, piece, TOTAL - sent < PIECE ? TOTAL - sent : PIECE, MSG_NOSIGNAL | MSG_DONTWAIT);
        sent += n > 0 ? (size_t)n : 0;
        readable(c);
        n = recv(c, piece, PIECE, 0);
        assert_true(n > 0);
        came += (size_t)n;
    }
    fd_close(&s);
    assert_int_equal(got(f, c, NULL).n, 0); /* the end of the body is the end of the connection */
    fd_close(&c);
}

static void websockets_tunnel(void **state)
{
    struct fixture *f = *state;
    int c = client(f);
    put(c, GET("/ws", "five.example.com") "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    int s = taken(f);
    has(got(f, s, "\r\n\r\n"), "Upgrade: websocket");
    put(s, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst");
    (void)got(f, c, "first");
    put(c, "not HTTP at all\r\n\r\n");
    (void)got(f, s, "all\r\n\r\n");
    put(s, "and back");
    (void)got(f, c, "and back");
    fd_close(&s);
    assert_int_equal(got(f, c, NULL).n, 0);
    fd_close(&c);
}

static void switching_unasked_is_refused(void **state)
{
    struct fixture *f = *state;
    int c = client(f);
    put(c, GET("/", "five.example.com") "\r\n");
    int s = taken(f);
    (void)got(f, s, "\r\n\r\n");
    put(s, "HTTP/1.1 101 Switching Protocols\r\n\r\n");
    has(got(f, c, NULL), "502 Bad Gateway");
    fd_close(&c);
    fd_close(&s);
}

static void smuggling_is_refused(void **state)
{
    struct fixture *f = *state;
    int c = client(f);
    put(c, "POST / HTTP/1.1\r\nHost: five.example.com\r\nContent-Length: 5\r\nTransfer-Encoding: "
           "chunked\r\n\r\n0\r\n\r\nGET /secret");
    has(got(f, c, NULL), "400 Bad Request: both Content-Length and Transfer-Encoding");
    fd_close(&c);
}

static void closed_idle_connections_are_redialled(void **state)
{
    struct fixture *f = *state;
    int c = client(f);
    put(c, GET("/one", "five.example.com") "\r\n");
    int s = taken(f);
    (void)got(f, s, "\r\n\r\n");
    put(s, OK_HELLO);
    (void)got(f, c, "hello");
    fd_close(&s);
    put(c, GET("/two", "five.example.com") "\r\n");
    s = taken(f);
    has(got(f, s, "\r\n\r\n"), "GET /two");
    put(s, OK_HELLO);
    (void)got(f, c, "hello");
    fd_close(&c);
    fd_close(&s);
}

static void repeatable_requests_are_tried_again(void **state)
{
    struct fixture *f = *state;
    int c = client(f);
    put(c, GET("/", "five.example.com") "\r\n");
    int s = taken(f);
    (void)got(f, s, "\r\n\r\n");
    fd_close(&s); /* as a pod that is stopped in the middle */
    s = taken(f);
    has(got(f, s, "\r\n\r\n"), "GET / HTTP/1.1\r\nHost: five.example.com\r\n");
    put(s, OK_HELLO);
    (void)got(f, c, "hello");
    fd_close(&c);
    fd_close(&s);
}

static void silence_is_a_bad_gateway(void **state)
{
    struct fixture *f = *state;
    int c = client(f);
    put(c, "POST / HTTP/1.1\r\nHost: five.example.com\r\nContent-Length: 0\r\n\r\n");
    int s = taken(f);
    (void)got(f, s, "\r\n\r\n");
    fd_close(&s);
    has(got(f, c, NULL), "502 Bad Gateway: the service closed the connection without an answer");
    fd_close(&c);
    fake_dial_port(0);
    c = client(f);
    put(c, GET("/", "five.example.com") "\r\n");
    has(got(f, c, NULL), "502 Bad Gateway: the service refused the connection");
    fd_close(&c);
}

static void own_pages(void **state)
{
    static const struct {
        const char *request, *part;
    } rows[] = {
        { GET("/", "cold.example.com") "\r\n", "503 cold is starting: service web has no ready pod yet" },
        { GET("/", "cold.example.com") "Accept: text/html\r\n\r\n", "<meta http-equiv=\"refresh\" content=\"2\">" },
        { GET("/", "cold.example.com") "\r\n", "Retry-After: 2\r\n" },
        { GET("/", "none.example.com") "\r\n", "  five.example.com\n" },
        { GET("/", "none.example.com") "Accept: text/html\r\n\r\n", ">six.example.com</a>" },
        { "BAD\r\n\r\n", "400 Bad Request" },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int c = client(f);
        put(c, rows[i].request);
        has(got(f, c, NULL), rows[i].part);
        fd_close(&c);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = { T(serves_and_frames_every_request),
                                        T(pipelined_requests_are_answered_in_order),
                                        T(bodies_pass),
                                        T(large_answers_stream),
                                        T(websockets_tunnel),
                                        T(switching_unasked_is_refused),
                                        T(smuggling_is_refused),
                                        T(closed_idle_connections_are_redialled),
                                        T(repeatable_requests_are_tried_again),
                                        T(silence_is_a_bad_gateway),
                                        T(own_pages) };
    return cmocka_run_group_tests_name("local ingress", tests, NULL, NULL);
}
