/*
 * net/server.c - opening and closing an HTTP server.
 *
 * One thread of libmicrohttpd's moves all bytes with epoll. A complete request is suspended there and handed to a pool,
 * where the handler may block; its answer wakes the connection again. So a slow handler costs a pool thread, never the
 * others' bytes.
 */
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/server_internal.h"

enum {
    THREADS = 8,
    QUEUE_MAX = 1024, /* requests that wait for a pool thread; more get 503 */
    CONNECTIONS_MAX = 2000,
    CONNECTION_BYTES = 128 << 10, /* request head, and the window of a body */
    IDLE_TIMEOUT_S = 60,
    CLOSE_GRACE_MS = 2000, /* for answers on their way when the server closes */
};
#define BODY_MAX ((size_t)25 << 20)

/* ---- listening ---------------------------------------------------------------------------- */

static bool listen_unix(const char *path, int *out, struct err *e)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct stat st;
    size_t n = strlen(path);
    if (n >= sizeof address.sun_path)
        return err_set(e, ERR_LIMIT, "socket path %s is longer than %zu bytes", path, sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, n);
    CLEANUP(fd_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) /* left by an earlier run */
        unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, SOMAXCONN) != 0)
        return err_sys(e, "listen on %s", path);
    *out = fd_take(&fd);
    return true;
}

static bool resolve_numeric(const char *address, uint16_t port, struct addrinfo **out, struct err *e)
{
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM };
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(address, service, &hints, out) != 0)
        return err_set(e, ERR_INVALID, "listen on %s: not an IP address", address);
    return true;
}

static bool listen_tcp(const char *address, uint16_t port, int *out, struct err *e)
{
    struct addrinfo *found = NULL;
    int yes = 1;
    if (!resolve_numeric(address, port, &found, e))
        return false;
    CLEANUP(fd_close) int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0
              && bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0;
    int failed = errno;
    freeaddrinfo(found);
    errno = failed;
    if (!ok)
        return err_sys(e, "listen on %s port %u", address, port);
    *out = fd_take(&fd);
    return true;
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage address = { 0 };
    socklen_t n = sizeof address;
    char service[8] = "0";
    if (getsockname(fd, (struct sockaddr *)&address, &n) != 0 || address.ss_family == AF_UNIX)
        return 0;
    getnameinfo((struct sockaddr *)&address, n, NULL, 0, service, sizeof service, NI_NUMERICSERV);
    return (uint16_t)strtoul(service, NULL, 10);
}

static bool start_listening(struct http_server *s, int *out, struct err *e)
{
    const struct http_server_options *o = &s->options;
    if (o->unix_socket == NULL)
        return listen_tcp(o->address != NULL ? o->address : "127.0.0.1", o->port, out, e);
    if (!listen_unix(o->unix_socket, out, e))
        return false;
    memcpy(s->unix_socket, o->unix_socket, strlen(o->unix_socket) + 1); /* listen_unix checked the length */
    return true;
}

/* ---- opening and closing ------------------------------------------------------------------ */

/* libmicrohttpd would decode in place; we decode the raw target ourselves. */
static size_t keep_escapes(void *user, struct MHD_Connection *connection, char *text)
{
    return strlen(text);
}

static bool start_daemon(struct http_server *s, int listen_fd, struct err *e)
{
    sigset_t all, before;
    sigfillset(&all); /* signals belong to the main thread, and libmicrohttpd's thread inherits the mask */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    s->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC, 0, NULL, NULL,
                                 exchange_step, s, MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_URI_LOG_CALLBACK,
                                 exchange_open, s, MHD_OPTION_NOTIFY_COMPLETED, exchange_close, s,
                                 MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_CONNECTION_LIMIT,
                                 (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return s->daemon != NULL || err_set(e, ERR_IO, "start the HTTP server: libmicrohttpd refused");
}

static void server_free(struct http_server *s)
{
    if (s->unix_socket[0] != 0)
        unlink(s->unix_socket);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

bool http_server_open(const struct http_server_options *o, struct http_server **out, struct err *e)
{
    CLEANUP(fd_close) int listen_fd = -1;
    struct http_server *s = calloc(1, sizeof *s);
    if (s == NULL)
        return err_set(e, ERR_LIMIT, "out of memory for an HTTP server");
    signal(SIGPIPE, SIG_IGN);
    s->options = *o;
    s->options.body_max = o->body_max != 0 ? o->body_max : BODY_MAX;
    pthread_mutex_init(&s->lock, NULL);
    cond_init(&s->changed);
    unsigned threads = o->threads != 0 ? o->threads : THREADS;
    if (!start_listening(s, &listen_fd, e) || !pool_open("http", threads, QUEUE_MAX, &s->pool, e)
        || !start_daemon(s, listen_fd, e)) {
        pool_close(s->pool);
        server_free(s);
        return false;
    }
    s->port = bound_port(listen_fd);
    fd_take(&listen_fd); /* libmicrohttpd's from here on */
    *out = s;
    return true;
}

uint16_t http_server_port(const struct http_server *s)
{
    return s->port;
}

/* Handlers and streams must end before the daemon may stop: it refuses to stop with suspended connections. */
static void wait_for_the_last(struct http_server *s)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    while (s->running > 0 || s->streams != NULL)
        pthread_cond_wait(&s->changed, &s->lock);
    int64_t deadline = clock_mono_ms() + CLOSE_GRACE_MS;
    while (s->open > 0 && cond_wait_until(&s->changed, &s->lock, deadline))
        ;
}

void http_server_close(struct http_server *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    streams_end(s);
    pthread_mutex_unlock(&s->lock);
    MHD_socket listen_fd = MHD_quiesce_daemon(s->daemon);
    wait_for_the_last(s);
    pool_close(s->pool);
    MHD_stop_daemon(s->daemon);
    if (listen_fd != MHD_INVALID_SOCKET)
        close(listen_fd);
    server_free(s);
}
