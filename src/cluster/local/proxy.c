/* The ingress proxy's thread: accepting, waiting, time-outs; what a connection does stands in proxy_conn.c. */
#include "cluster/local/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cluster/local/proxy_internal.h"

#define EVENTS_MAX 128
#define SWEEP_MS 1000
#define DIAL_QUEUE_MAX 4096

/* ---- dialling ------------------------------------------------------------------------------ */

struct dial_job {
    struct proxy *p;
    uint64_t conn_id;
    char env[64], ip[16];
    int port;
};

static void wake(struct proxy *p)
{
    uint64_t one = 1;
    if (write(p->wake, &one, sizeof one) < 0)
        log_debug("proxy: wake: %d", errno); /* the counter is full: it wakes anyway */
}

static void dial(void *arg)
{
    struct dial_job j = *(struct dial_job *)arg;
    struct dialed *d = calloc(1, sizeof *d);
    struct err e = { 0 };
    int64_t start = clock_mono_ms();
    free(arg);
    if (d == NULL)
        return; /* the connection's time-out ends it */
    d->conn_id = j.conn_id;
    d->fd = -1;
    if (!runtime_dial(j.p->runtime, str_c(j.env), str_c(j.ip), j.port, DIAL_TIMEOUT_MS, &d->fd, &e))
        d->timed_out = clock_mono_ms() - start >= DIAL_TIMEOUT_MS;
    pthread_mutex_lock(&j.p->lock);
    d->next = j.p->dialed;
    j.p->dialed = d;
    pthread_mutex_unlock(&j.p->lock);
    wake(j.p);
}

static void set_text(char *out, size_t size, const char *text)
{
    size_t n = strlen(text);
    n = n < size ? n : size - 1;
    memcpy(out, text, n);
    out[n] = '\0';
}

bool proxy_dial(struct proxy *p, uint64_t conn_id, const char *env, const char *ip, int port)
{
    struct dial_job *j = calloc(1, sizeof *j);
    if (j == NULL)
        return false;
    j->p = p;
    j->conn_id = conn_id;
    j->port = port;
    set_text(j->env, sizeof j->env, env);
    set_text(j->ip, sizeof j->ip, ip);
    if (pool_submit(p->dialers, dial, j))
        return true;
    free(j);
    return false;
}

static void take_dialed(struct proxy *p)
{
    uint64_t count;
    (void)!read(p->wake, &count, sizeof count);
    pthread_mutex_lock(&p->lock);
    struct dialed *list = p->dialed;
    p->dialed = NULL;
    pthread_mutex_unlock(&p->lock);
    while (list != NULL) {
        struct dialed *d = list;
        list = d->next;
        conn_dialed(p, d);
        fd_close(&d->fd);
        free(d);
    }
}

/* ---- the thread ---------------------------------------------------------------------------- */

static struct end listener_end, wake_end; /* only their addresses matter */

static void accept_all(struct proxy *p)
{
    for (;;) {
        struct sockaddr_storage from;
        socklen_t n = sizeof from;
        char peer[INET6_ADDRSTRLEN] = "";
        int fd = accept4(p->listener, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        if (from.ss_family == AF_INET)
            (void)inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)&from)->sin_addr, peer, sizeof peer);
        else if (from.ss_family == AF_INET6)
            (void)inet_ntop(AF_INET6, &((struct sockaddr_in6 *)(void *)&from)->sin6_addr, peer, sizeof peer);
        conn_accept(p, fd, str_c(peer));
    }
}

static bool is_stopping(struct proxy *p)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&p->lock);
    return p->stopping;
}

static void *serve(void *arg)
{
    struct proxy *p = arg;
    struct epoll_event events[EVENTS_MAX];
    int64_t swept = clock_mono_ms();
    while (!is_stopping(p)) {
        int n = epoll_wait(p->epoll, events, EVENTS_MAX, p->n_conns > 0 ? SWEEP_MS : -1);
        for (int i = 0; i < n; i++) {
            struct end *end = events[i].data.ptr;
            if (end == &listener_end)
                accept_all(p);
            else if (end == &wake_end)
                take_dialed(p);
            else
                conn_event(end->c, end->backend, events[i].events);
        }
        int64_t now = clock_mono_ms();
        if (now - swept >= SWEEP_MS) {
            conn_sweep(p, now);
            swept = now;
        }
        conn_bury(p);
    }
    return NULL;
}

/* ---- open and close ------------------------------------------------------------------------ */

static bool listen_on(struct proxy *p, const struct proxy_options *o, struct err *e)
{
    const char *address = o->address != NULL ? o->address : "127.0.0.1";
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(o->port) };
    socklen_t n = sizeof at;
    int on = 1;
    if (inet_pton(AF_INET, address, &at.sin_addr) != 1)
        return err_set(e, ERR_INVALID, "ingress address \"%s\" is no IPv4 address", address);
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->listener < 0)
        return err_sys(e, "ingress socket");
    (void)setsockopt(p->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(p->listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(p->listener, SOMAXCONN) != 0)
        return err_sys(e, "listen for the ingress on %s:%u", address, o->port);
    if (getsockname(p->listener, (struct sockaddr *)&at, &n) != 0)
        return err_sys(e, "ingress port");
    p->port = ntohs(at.sin_port);
    return true;
}

static bool open_parts(struct proxy *p, const struct proxy_options *o, struct err *e)
{
    struct epoll_event listening = { .events = EPOLLIN, .data.ptr = &listener_end },
                       woken = { .events = EPOLLIN, .data.ptr = &wake_end };
    if (p->routes == NULL)
        return err_set(e, ERR_IO, "open ingress: out of memory");
    if (!listen_on(p, o, e))
        return false;
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    p->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (p->epoll < 0 || p->wake < 0 || epoll_ctl(p->epoll, EPOLL_CTL_ADD, p->listener, &listening) != 0
        || epoll_ctl(p->epoll, EPOLL_CTL_ADD, p->wake, &woken) != 0)
        return err_sys(e, "open ingress: epoll");
    if (!pool_open("dial", PROXY_DIALERS, DIAL_QUEUE_MAX, &p->dialers, e))
        return false;
    p->threaded = thread_start(&p->thread, "local-ingress", serve, p, e);
    return p->threaded;
}

bool proxy_open(const struct proxy_options *o, struct proxy **out, struct err *e)
{
    struct proxy *p = calloc(1, sizeof *p);
    if (p == NULL)
        return err_set(e, ERR_IO, "open ingress: out of memory");
    p->runtime = o->runtime;
    p->listener = p->epoll = p->wake = -1;
    p->routes = routes_open();
    pthread_mutex_init(&p->lock, NULL);
    if (!open_parts(p, o, e)) {
        proxy_close(p);
        return false;
    }
    *out = p;
    return true;
}

uint16_t proxy_port(const struct proxy *p)
{
    return p->port;
}

void proxy_routes_set(struct proxy *p, struct str env, const struct proxy_route *v, size_t n)
{
    if (p != NULL)
        routes_put(p->routes, env, v, n);
}

void proxy_close(struct proxy *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_mutex_unlock(&p->lock);
    if (p->threaded) {
        wake(p);
        pthread_join(p->thread, NULL);
    }
    pool_close(p->dialers);
    if (p->wake >= 0)
        take_dialed(p);
    conn_close_all(p);
    routes_close(p->routes);
    fd_close(&p->listener);
    fd_close(&p->epoll);
    fd_close(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
