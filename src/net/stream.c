/*
 * net/stream.c - answers without an end: server-sent events, logs that follow.
 *
 * The producer writes on a thread of its own into a bounded window; libmicrohttpd's thread empties it. With nothing to
 * send the connection is suspended, and then nobody watches its socket: so every look at a stream asks the socket
 * itself whether the client has hung up. A reader that takes nothing for STALL_MS is dropped.
 */
#include <poll.h>
#include <stdlib.h>

#include "net/server_internal.h"

enum { WINDOW = 256 << 10, STALL_MS = 30000, BLOCK = 32 << 10 };

struct http_stream {
    struct http_server *server;
    struct http_stream *next, *before; /* in server->streams, under its lock */
    struct MHD_Connection *connection;
    int socket;
    void (*produce)(struct http_stream *s, void *arg);
    void (*done)(void *arg);
    void *arg;
    pthread_mutex_t lock; /* for all below */
    pthread_cond_t room;
    bool suspended; /* waits in libmicrohttpd for bytes */
    bool released;  /* libmicrohttpd has let go: `connection` and `socket` are no longer ours to touch */
    bool finished;  /* nothing more will be written */
    bool gone;      /* no reader any more, or the server closes */
    int holders;    /* the producing thread and the response */
    size_t first, n;
    char window[WINDOW];
};

static void stream_release(struct http_stream *s)
{
    pthread_mutex_lock(&s->lock);
    bool last = --s->holders == 0;
    pthread_mutex_unlock(&s->lock);
    if (!last)
        return;
    pthread_cond_destroy(&s->room);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* The stream's lock is held. */
static void wake_connection(struct http_stream *s)
{
    if (!s->suspended || s->released)
        return;
    s->suspended = false;
    MHD_resume_connection(s->connection);
}

/* The stream's lock is held. */
static bool check_gone(struct http_stream *s)
{
    struct pollfd p = { .fd = s->socket, .events = POLLRDHUP };
    if (s->gone || s->released)
        return true;
    if (poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0) {
        s->gone = true;
        wake_connection(s);
    }
    return s->gone;
}

/* ---- libmicrohttpd's side ----------------------------------------------------------------- */

static size_t take_window(struct http_stream *s, char *out, size_t max)
{
    size_t done = 0;
    while (done < max && s->n > 0) {
        size_t piece = WINDOW - s->first;
        piece = piece < s->n ? piece : s->n;
        piece = piece < max - done ? piece : max - done;
        memcpy(out + done, s->window + s->first, piece);
        s->first = (s->first + piece) % WINDOW;
        s->n -= piece;
        done += piece;
    }
    pthread_cond_broadcast(&s->room);
    return done;
}

static ssize_t send_some(void *arg, uint64_t at, char *out, size_t max)
{
    struct http_stream *s = arg;
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    if (s->n > 0)
        return (ssize_t)take_window(s, out, max);
    if (s->finished || s->gone)
        return MHD_CONTENT_READER_END_OF_STREAM;
    s->suspended = true;
    MHD_suspend_connection(s->connection);
    return 0;
}

static void let_go(void *arg)
{
    struct http_stream *s = arg;
    pthread_mutex_lock(&s->lock);
    s->released = true;
    s->gone = true;
    pthread_cond_broadcast(&s->room);
    pthread_mutex_unlock(&s->lock);
    stream_release(s);
}

/* ---- the producer's side ------------------------------------------------------------------ */

static void fill_window(struct http_stream *s, struct str *bytes)
{
    while (bytes->n > 0 && s->n < WINDOW) {
        size_t at = (s->first + s->n) % WINDOW;
        size_t piece = at >= s->first ? WINDOW - at : s->first - at;
        struct str part = str_cut(bytes, piece < bytes->n ? piece : bytes->n);
        memcpy(s->window + at, part.p, part.n);
        s->n += part.n;
    }
}

bool http_stream_write(struct http_stream *s, struct str bytes)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    while (!check_gone(s)) {
        fill_window(s, &bytes);
        wake_connection(s);
        if (bytes.n == 0)
            return true;
        size_t before = s->n;
        bool woken = cond_wait_until(&s->room, &s->lock, clock_mono_ms() + STALL_MS);
        if (!woken && s->n == before)
            s->gone = true;
    }
    return false;
}

bool http_stream_closed(struct http_stream *s)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    return check_gone(s);
}

static void unlink_stream(struct http_stream *s)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->server->lock);
    if (s->before != NULL)
        s->before->next = s->next;
    else
        s->server->streams = s->next;
    if (s->next != NULL)
        s->next->before = s->before;
    pthread_cond_broadcast(&s->server->changed);
}

static void *produce(void *arg)
{
    struct http_stream *s = arg;
    s->produce(s, s->arg);
    if (s->done != NULL)
        s->done(s->arg);
    pthread_mutex_lock(&s->lock);
    s->finished = true;
    wake_connection(s);
    pthread_mutex_unlock(&s->lock);
    unlink_stream(s);
    stream_release(s);
    return NULL;
}

void streams_end(struct http_server *server)
{
    for (struct http_stream *s = server->streams; s != NULL; s = s->next) {
        CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
        s->gone = true;
        wake_connection(s);
        pthread_cond_broadcast(&s->room);
    }
}

static void link_stream(struct http_stream *s)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->server->lock);
    s->next = s->server->streams;
    if (s->next != NULL)
        s->next->before = s;
    s->server->streams = s;
    s->gone = s->server->closing;
}

static struct http_stream *stream_new(struct http_exchange *x)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct http_stream *s = info != NULL ? calloc(1, sizeof *s) : NULL;
    if (s == NULL)
        return NULL;
    s->server = x->server;
    s->connection = x->connection;
    s->socket = info->connect_fd;
    s->holders = 2;
    pthread_mutex_init(&s->lock, NULL);
    cond_init(&s->room);
    return s;
}

static bool start_producer(struct http_stream *s)
{
    pthread_t thread;
    struct err ignored = { 0 };
    link_stream(s);
    if (thread_start(&thread, "http stream", produce, s, &ignored)) {
        pthread_detach(thread);
        return true;
    }
    unlink_stream(s);
    stream_release(s); /* the thread's share */
    return false;
}

void http_reply_stream(struct http_exchange *x, int status, const char *content_type,
                       void (*produce_fn)(struct http_stream *s, void *arg), void (*done)(void *arg), void *arg)
{
    struct http_stream *s = x->request.head ? NULL : stream_new(x);
    if (s != NULL) {
        s->produce = produce_fn;
        s->done = done;
        s->arg = arg;
        struct MHD_Response *response =
            MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, send_some, s, let_go);
        if (response != NULL && start_producer(s)) {
            exchange_answer(x, status, content_type, response);
            return;
        }
        if (response != NULL)
            MHD_destroy_response(response);
        else
            free(s);
    }
    if (done != NULL)
        done(arg);
    if (x->request.head)
        http_reply(x, status, content_type, S(""));
    else
        http_reply(x, 503, "text/plain; charset=utf-8", S("no room for another stream\n"));
}
