/* net/exchange.c - one request on its way through the server: reading it, handing it to the pool, answering. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "data/json.h"
#include "net/server_internal.h"
#include "net/url.h"

enum { HEADERS_MAX = 200 };

/* ---- reading the request ------------------------------------------------------------------ */

void *exchange_open(void *server, const char *target, struct MHD_Connection *connection)
{
    struct http_server *s = server;
    struct http_exchange *x = calloc(1, sizeof *x);
    if (x == NULL)
        return NULL; /* exchange_step closes the connection */
    x->server = s;
    x->connection = connection;
    x->request.a = &x->arena;
    x->request.body_fd = -1;
    x->request.raw_target = arena_str(&x->arena, str_c(target));
    x->body.a = &x->arena;
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    s->open++;
    return x;
}

void exchange_close(void *server, struct MHD_Connection *connection, void **exchange,
                    enum MHD_RequestTerminationCode why)
{
    struct http_server *s = server;
    struct http_exchange *x = *exchange;
    if (x == NULL)
        return;
    *exchange = NULL;
    if (x->response != NULL)
        MHD_destroy_response(x->response);
    fd_close(&x->request.body_fd);
    arena_close(&x->arena);
    free(x);
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    s->open--;
    pthread_cond_broadcast(&s->changed);
}

static enum MHD_Result copy_header(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct http_exchange *x = arg;
    if (x->request.headers.n >= HEADERS_MAX)
        return MHD_NO;
    struct str copy = arena_str(&x->arena, str_c(value));
    http_header_add(&x->arena, &x->request.headers, arena_c(&x->arena, str_c(name)), copy);
    return MHD_YES;
}

static struct str peer_name(struct http_exchange *x)
{
    char text[INET6_ADDRSTRLEN] = "";
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info == NULL || info->client_addr == NULL)
        return S("");
    if (info->client_addr->sa_family == AF_INET)
        inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)info->client_addr)->sin_addr, text, sizeof text);
    if (info->client_addr->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((struct sockaddr_in6 *)(void *)info->client_addr)->sin6_addr, text, sizeof text);
    return arena_str(&x->arena, str_c(text));
}

/* origin-form "/path?query", or absolute-form as sent to a proxy: then scheme and host are cut off. */
static bool read_target(struct http_server_request *r)
{
    struct str rest = r->raw_target, path = { 0 };
    if (str_starts(rest, S("http://")) || str_starts(rest, S("https://"))) {
        str_cut(&rest, (size_t)str_find(rest, S("://")) + 3);
        size_t authority = 0;
        while (authority < rest.n && rest.p[authority] != '/' && rest.p[authority] != '?')
            authority++;
        str_cut(&rest, authority);
    }
    str_split(&rest, S("?"), &path);
    r->query = rest;
    r->path = path.n == 0 ? S("/") : url_unescape(r->a, path, false);
    return memchr(r->path.p, 0, r->path.n) == NULL && (r->path.p[0] == '/' || str_is(r->path, "*"));
}

/*
 * A body that is somewhat too large is read to its end all the same: an answer sent over unread bytes is lost to most
 * clients, because the connection is reset under their writing. One far past the limit is not worth that.
 */
static bool is_far_too_large(const struct http_exchange *x, int64_t bytes)
{
    return bytes / 4 > (int64_t)x->server->options.body_max;
}

/* False when the declared body should not even be started. */
static bool read_declared_length(struct http_exchange *x)
{
    int64_t n = 0;
    struct str text = http_header_get(&x->request.headers, "Content-Length");
    if (text.n == 0 || !str_to_int(text, &n) || x->spooled)
        return true;
    x->too_large = n > (int64_t)x->server->options.body_max;
    if (!x->too_large)
        buf_reserve(&x->body, n < (1 << 20) ? (size_t)n + 1 : 1 << 20);
    return !is_far_too_large(x, n);
}

static int open_spool(const char *dir)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
    char path[4096]; /* a file system without unnamed files */
    if (snprintf(path, sizeof path, "%s/.upload-XXXXXX", dir) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

static enum MHD_Result refuse(struct http_exchange *x, int status, const char *text)
{
    http_reply(x, status, "text/plain; charset=utf-8", str_c(text));
    enum MHD_Result result = MHD_queue_response(x->connection, (unsigned)x->status, x->response);
    MHD_destroy_response(x->response);
    x->response = NULL;
    return result;
}

/* The head has arrived: everything that can be refused before the body is. */
static enum MHD_Result begin(struct http_exchange *x, const char *method)
{
    struct http_server_request *r = &x->request;
    const struct http_server_options *o = &x->server->options;
    r->head = strcmp(method, "HEAD") == 0;
    r->method = r->head ? S("GET") : arena_str(&x->arena, str_c(method));
    MHD_get_connection_values(x->connection, MHD_HEADER_KIND, copy_header, x);
    r->host = http_header_get(&r->headers, "Host");
    r->peer = peer_name(x);
    if (!read_target(r))
        return refuse(x, 400, "bad request target\n");
    x->spooled = o->spool != NULL && o->spool(o->user, r->method, r->path);
    if (!read_declared_length(x))
        return refuse(x, 413, "request body is too large\n");
    if (x->spooled && (r->body_fd = open_spool(o->spool_dir != NULL ? o->spool_dir : "/tmp")) < 0)
        return refuse(x, 500, "no room to keep the request body\n");
    return MHD_YES;
}

/* False when the connection should be cut: a client that goes on far past the limit. */
static bool take_body(struct http_exchange *x, struct str piece)
{
    size_t max = x->server->options.body_max;
    struct err e = { 0 };
    x->received += (int64_t)piece.n;
    if (x->spooled) {
        if (x->spool_errno == 0 && !fd_write_all(x->request.body_fd, piece, &e))
            x->spool_errno = e.os != 0 ? e.os : EIO;
        return x->spool_errno == 0;
    }
    if (x->too_large || piece.n > max - x->body.n) {
        x->too_large = true;
        return !is_far_too_large(x, x->received);
    }
    buf_add(&x->body, piece);
    return true;
}

/* ---- handing over ------------------------------------------------------------------------- */

static void run_handler(void *arg)
{
    struct http_exchange *x = arg;
    struct http_server *s = x->server;
    s->options.handle(s->options.user, &x->request, x);
    if (x->response == NULL)
        http_reply(x, 500, "text/plain; charset=utf-8", S("no answer was made\n"));
    MHD_resume_connection(x->connection); /* x may be gone from here on */
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    s->running--;
    pthread_cond_broadcast(&s->changed);
}

static bool count_in(struct http_server *s)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    s->running += s->closing ? 0 : 1;
    return !s->closing;
}

static void count_out(struct http_server *s)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    s->running--;
    pthread_cond_broadcast(&s->changed);
}

static enum MHD_Result submit(struct http_exchange *x)
{
    x->submitted = true;
    if (x->too_large)
        return refuse(x, 413, "request body is too large\n");
    if (!count_in(x->server))
        return refuse(x, 503, "the server is stopping\n");
    x->request.body = x->body.n > 0 ? buf_str(&x->body) : S("");
    if (x->request.body_fd >= 0)
        lseek(x->request.body_fd, 0, SEEK_SET);
    MHD_suspend_connection(x->connection);
    if (!pool_submit(x->server->pool, run_handler, x)) {
        http_reply_header(x, "Retry-After", S("1"));
        http_reply(x, 503, "text/plain; charset=utf-8", S("too many requests are waiting\n"));
        MHD_resume_connection(x->connection);
        count_out(x->server);
    }
    return MHD_YES;
}

static enum MHD_Result queue_answer(struct http_exchange *x)
{
    if (x->response == NULL)
        return MHD_NO;
    enum MHD_Result result = MHD_queue_response(x->connection, (unsigned)x->status, x->response);
    MHD_destroy_response(x->response); /* the connection holds its own reference */
    x->response = NULL;
    return result;
}

enum MHD_Result exchange_step(void *server, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_n, void **exchange)
{
    struct http_exchange *x = *exchange;
    if (x == NULL)
        return MHD_NO;
    if (!x->begun) {
        x->begun = true;
        return begin(x, method);
    }
    if (*upload_n > 0) {
        bool ok = take_body(x, (struct str){ upload, *upload_n });
        *upload_n = 0;
        return ok ? MHD_YES : MHD_NO;
    }
    return x->submitted ? queue_answer(x) : submit(x);
}

/* ---- answering ---------------------------------------------------------------------------- */

void exchange_answer(struct http_exchange *x, int status, const char *content_type, struct MHD_Response *response)
{
    if (response == NULL)
        return; /* run_handler turns "no answer" into 500 */
    if (x->response != NULL)
        MHD_destroy_response(x->response);
    if (content_type != NULL)
        MHD_add_response_header(response, "Content-Type", content_type);
    for (size_t i = 0; i < x->reply_headers.n; i++) {
        struct http_header h = x->reply_headers.v[i];
        MHD_add_response_header(response, h.name.p, h.value.p);
    }
    x->response = response;
    x->status = status;
}

void http_reply_header(struct http_exchange *x, const char *name, struct str value)
{
    struct str copy = arena_str(&x->arena, value);
    http_header_add(&x->arena, &x->reply_headers, arena_c(&x->arena, str_c(name)), copy);
}

void http_reply(struct http_exchange *x, int status, const char *content_type, struct str body)
{
    void *bytes = (void *)(uintptr_t)(body.n > 0 ? body.p : "");
    exchange_answer(x, status, content_type, MHD_create_response_from_buffer(body.n, bytes, MHD_RESPMEM_MUST_COPY));
}

void http_reply_json(struct http_exchange *x, int status, const struct value *v)
{
    struct buf b = { .a = &x->arena };
    json_write(&b, v, 0);
    buf_byte(&b, '\n');
    http_reply(x, status, "application/json", buf_str(&b));
}

void http_reply_fd(struct http_exchange *x, int status, const char *content_type, int fd, int64_t offset, int64_t size)
{
    struct MHD_Response *response = MHD_create_response_from_fd_at_offset64((uint64_t)size, fd, (uint64_t)offset);
    if (response == NULL)
        close(fd);
    exchange_answer(x, status, content_type, response);
}
