/* Streams: delivery, a client that leaves, a server that closes, many at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/sys.h"
#include "net/http.h"

enum { WAIT_MS = 20000 };

static atomic_int ended;

static void pause_a_little(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

static void count_end(void *arg)
{
    atomic_fetch_add(&ended, 1);
}

static void write_numbers(struct http_stream *s, void *arg)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    for (int i = 0; i < 50000; i++) {
        struct arena_mark m = arena_mark(&a);
        if (!http_stream_write(s, arena_fmt(&a, "line %d\n", i)))
            return;
        arena_rewind(&a, m);
    }
}

static void write_until_closed(struct http_stream *s, void *arg)
{
    if (!http_stream_write(s, S("data: first\n\n")))
        return;
    while (!http_stream_closed(s))
        pause_a_little();
}

static void handle(void *user, struct http_server_request *r, struct http_exchange *x)
{
    if (str_is(r->path, "/numbers"))
        http_reply_stream(x, 200, "text/plain", write_numbers, count_end, NULL);
    else
        http_reply_stream(x, 200, "text/event-stream", write_until_closed, count_end, NULL);
}

static struct http_server *must_open(void)
{
    struct http_server *s = NULL;
    struct err e = { 0 };
    struct http_server_options o = { .handle = handle };
    atomic_store(&ended, 0);
    if (!http_server_open(&o, &s, &e))
        fail_msg("%s", e.text);
    return s;
}

static void wait_for_ends(int n)
{
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (atomic_load(&ended) < n && clock_mono_ms() < deadline)
        pause_a_little();
    assert_int_equal(atomic_load(&ended), n);
}

static struct http_request request(struct arena *a, const struct http_server *s, const char *path)
{
    return (struct http_request){ .url = arena_fmt(a, "http://127.0.0.1:%u%s", http_server_port(s), path),
                                  .timeout_ms = WAIT_MS };
}

static void delivers_all(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct http_server *s = must_open();
    struct http_request r = request(&a, s, "/numbers");
    struct http_response out = { 0 };
    struct err e = { 0 };
    assert_true(http_do(&a, &r, &out, &e));
    assert_true(str_starts(out.body, S("line 0\nline 1\n")));
    assert_true(str_ends(out.body, S("line 49998\nline 49999\n")));
    wait_for_ends(1);
    http_server_close(s);
}

static bool stop_at_once(void *user, struct str piece)
{
    struct buf *got = user;
    buf_add(got, piece);
    return false;
}

static void sees_the_client_leave(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct buf got = { .a = &a };
    struct http_server *s = must_open();
    struct http_request r = request(&a, s, "/events");
    struct http_response out = { 0 };
    struct err e = { 0 };
    r.on_data = stop_at_once;
    r.user = &got;
    assert_true(http_do(&a, &r, &out, &e));
    assert_true(str_is(buf_str(&got), "data: first\n\n"));
    wait_for_ends(1);
    http_server_close(s);
}

static void answers_head(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct http_server *s = must_open();
    struct http_request r = request(&a, s, "/events");
    struct http_response out = { 0 };
    struct err e = { 0 };
    r.method = "HEAD";
    assert_true(http_do(&a, &r, &out, &e));
    assert_true(str_is(http_header_get(&out.headers, "content-type"), "text/event-stream"));
    wait_for_ends(1);
    http_server_close(s);
}

struct reader {
    struct http_server *server;
    atomic_int *started;
    pthread_t thread;
    bool cancel;
};

static bool note_start(void *user, struct str piece)
{
    struct reader *r = user;
    atomic_fetch_add(r->started, 1);
    return true;
}

static void *read_events(void *arg)
{
    struct reader *me = arg;
    CLEANUP(arena_close) struct arena a = { 0 };
    struct http_request r = request(&a, me->server, "/events");
    struct http_response out = { 0 };
    struct err e = { 0 };
    r.on_data = note_start;
    r.user = me;
    return http_do(&a, &r, &out, &e) ? NULL : me;
}

static void ends_with_the_server(void **state)
{
    enum { READERS = 40 };
    struct reader readers[READERS];
    atomic_int started = 0;
    struct err e = { 0 };
    struct http_server *s = must_open();
    for (int i = 0; i < READERS; i++) {
        readers[i] = (struct reader){ .server = s, .started = &started };
        assert_true(thread_start(&readers[i].thread, "reader", read_events, &readers[i], &e));
    }
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (atomic_load(&started) < READERS && clock_mono_ms() < deadline)
        pause_a_little();
    http_server_close(s);
    assert_int_equal(atomic_load(&started), READERS);
    assert_int_equal(atomic_load(&ended), READERS);
    for (int i = 0; i < READERS; i++) {
        void *failed = NULL;
        pthread_join(readers[i].thread, &failed);
        assert_null(failed); /* the stream ended in order, not cut */
    }
}

static bool always(void *user)
{
    return true;
}

static void can_be_cancelled(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct http_server *s = must_open();
    struct http_request r = request(&a, s, "/events");
    struct http_response out = { 0 };
    struct err e = { 0 };
    r.cancelled = always;
    assert_false(http_do(&a, &r, &out, &e));
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    assert_true(str_ends(str_c(e.text), S(": cancelled")));
    http_server_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delivers_all),         cmocka_unit_test(sees_the_client_leave), cmocka_unit_test(answers_head),
        cmocka_unit_test(ends_with_the_server), cmocka_unit_test(can_be_cancelled),
    };
    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
