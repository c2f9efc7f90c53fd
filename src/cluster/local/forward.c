/*
 * Plain read and write: splice would win 15% on bulk and lose 10% on setting up. Each direction has one buffer, and an
 * end is only asked for what its buffer can use, so that a slow reader slows its writer down and nothing grows.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cluster/local/forward.h"

/* One repeated SYN: a pod that vanished costs three seconds, not two minutes, before the next one is tried. */
enum { BACKLOG = 128, CLIENT = 0, POD = 1, SYN_REPEATS = 1 };

struct forward_listener {
    struct forward_listener *next;
    struct forwarder *f;
    struct watch watch;
    uint32_t ip;
    uint16_t port;
    size_t turn; /* round robin */
    bool wanted;
};

struct direction { /* from one end to the other */
    char bytes[FORWARD_BUFFER];
    size_t from, to; /* what is to be written */
    bool ended;      /* the source sent its end */
    bool passed;     /* ... and the other end was told */
};

struct connection {
    struct forwarder *f;
    struct watch end[2];
    uint32_t asked[2];       /* events each end is watched for */
    struct direction way[2]; /* way[CLIENT]: what the client sends */
    bool connected;
    /* for trying the next pod when one refuses */
    uint32_t ip;
    uint16_t port;
    size_t turn, tries;
};

/* ---- the two ends ------------------------------------------------------------------------------ */

static void drop(struct connection *c)
{
    loop_unwatch(c->f->loop, &c->end[CLIENT]);
    loop_unwatch(c->f->loop, &c->end[POD]);
    loop_free(c->f->loop, c);
    c->f->n_connections--;
}

/* Refuse as a kernel would: a reset instead of an orderly end. */
static void reset(struct connection *c)
{
    struct linger now = { 1, 0 };
    setsockopt(c->end[CLIENT].fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    drop(c);
}

/*
 * An end that is asked for nothing still reports a hang-up, for ever: edge triggering makes that once, and not asking
 * again for the same keeps it so.
 */
static void want(struct connection *c)
{
    for (int side = CLIENT; side <= POD; side++) {
        struct direction *in = &c->way[side], *out = &c->way[!side];
        uint32_t events = EPOLLET;
        if (!in->ended && in->to == in->from)
            events |= EPOLLIN;
        if (out->to > out->from)
            events |= EPOLLOUT;
        if (events != EPOLLET)
            events &= ~(uint32_t)EPOLLET;
        if (c->end[side].ready != NULL && events != c->asked[side])
            loop_change(c->f->loop, &c->end[side], events);
        c->asked[side] = events;
    }
}

/* False: the connection broke. */
static bool fill(struct direction *d, int fd)
{
    if (d->ended || d->to > d->from)
        return true;
    ssize_t n = read(fd, d->bytes, sizeof d->bytes);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    d->from = 0;
    d->to = (size_t)n;
    d->ended = n == 0;
    return true;
}

static bool empty(struct direction *d, int fd)
{
    while (d->to > d->from) {
        ssize_t n = send(fd, d->bytes + d->from, d->to - d->from, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        d->from += (size_t)n;
    }
    if (d->ended && !d->passed) {
        shutdown(fd, SHUT_WR);
        d->passed = true;
    }
    return true;
}

static void pump(struct connection *c)
{
    int client = c->end[CLIENT].fd, pod = c->end[POD].fd;
    bool ok = fill(&c->way[CLIENT], client) && empty(&c->way[CLIENT], pod) && fill(&c->way[POD], pod)
              && empty(&c->way[POD], client);
    if (!ok || (c->way[CLIENT].passed && c->way[POD].passed))
        drop(c);
    else
        want(c);
}

/* ---- reaching a pod ---------------------------------------------------------------------------- */

static const struct service_port *find_port(const struct services *table, uint32_t ip, uint16_t port)
{
    for (size_t i = 0; table != NULL && i < table->n; i++)
        for (size_t j = 0; table->v[i].ip == ip && j < table->v[i].n_ports; j++)
            if (table->v[i].ports[j].port == port)
                return &table->v[i].ports[j];
    return NULL;
}

static void pod_ready(struct watch *w, uint32_t events);

static bool dial(struct connection *c, struct service_endpoint to)
{
    struct err ignored;
    int one = 1, repeats = SYN_REPEATS;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(to.port), .sin_addr.s_addr = htonl(to.ip) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &repeats, sizeof repeats);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS) {
        close(fd);
        return false;
    }
    c->asked[POD] = EPOLLOUT;
    return loop_watch(c->f->loop, &c->end[POD], fd, EPOLLOUT, pod_ready, c, &ignored);
}

/* The next ready pod, once round at the most. */
static void dial_next(struct connection *c)
{
    const struct service_port *p = find_port(c->f->table, c->ip, c->port);
    while (p != NULL && c->tries < p->n_endpoints) {
        size_t which = (c->turn + c->tries++) % p->n_endpoints;
        if (dial(c, p->endpoints[which]))
            return;
    }
    reset(c);
}

static void pod_ready(struct watch *w, uint32_t events)
{
    struct connection *c = w->owner;
    if (!c->connected) {
        int failed = 0;
        socklen_t n = sizeof failed;
        getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &failed, &n);
        if (failed != 0) {
            loop_unwatch(c->f->loop, w);
            dial_next(c);
            return;
        }
        c->connected = true;
    }
    pump(c);
}

static void client_ready(struct watch *w, uint32_t events)
{
    struct connection *c = w->owner;
    if (c->connected)
        pump(c);
    else if ((events & (EPOLLHUP | EPOLLERR)) != 0)
        drop(c);
}

/* ---- listening --------------------------------------------------------------------------------- */

static void accept_ready(struct watch *w, uint32_t events)
{
    struct forward_listener *l = w->owner;
    struct err ignored;
    int one = 1;
    int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct connection *c = l->f->n_connections < FORWARD_CONNECTIONS_MAX ? malloc(sizeof *c) : NULL;
    if (c == NULL) {
        close(fd);
        return;
    }
    memset(c, 0, offsetof(struct connection, way));
    for (int side = CLIENT; side <= POD; side++) {
        struct direction *d =
            &c->way[side]; /* the buffers stay as they are: clearing 32 KiB for each connection costs */
        d->from = d->to = 0;
        d->ended = d->passed = false;
    }
    c->connected = false;
    c->f = l->f;
    c->ip = l->ip;
    c->port = l->port;
    c->turn = l->turn++;
    c->tries = 0;
    l->f->n_connections++;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->asked[CLIENT] = EPOLLET;
    if (loop_watch(l->f->loop, &c->end[CLIENT], fd, EPOLLET, client_ready, c, &ignored))
        dial_next(c);
    else
        drop(c);
}

static bool listen_on(struct forwarder *f, uint32_t ip, uint16_t port, struct err *e)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(ip) };
    int one = 1;
    CLEANUP(fd_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0
        || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, BACKLOG) != 0)
        return err_sys(e, "listen on service address %s:%u", inet_ntoa(address.sin_addr), port);
    struct forward_listener *l = calloc(1, sizeof *l);
    if (l == NULL)
        return err_set(e, ERR_LIMIT, "out of memory");
    *l = (struct forward_listener){ .next = f->listeners, .f = f, .ip = ip, .port = port, .wanted = true };
    f->listeners = l;
    return loop_watch(f->loop, &l->watch, fd_take(&fd), EPOLLIN, accept_ready, l, e);
}

static struct forward_listener *find_listener(struct forwarder *f, uint32_t ip, uint16_t port)
{
    for (struct forward_listener *l = f->listeners; l != NULL; l = l->next)
        if (l->ip == ip && l->port == port)
            return l;
    return NULL;
}

static void sweep(struct forwarder *f)
{
    for (struct forward_listener **at = &f->listeners; *at != NULL;) {
        struct forward_listener *l = *at;
        if (l->wanted) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        loop_unwatch(f->loop, &l->watch);
        loop_free(f->loop, l);
    }
}

bool forward_update(struct forwarder *f, const struct services *table, struct err *e)
{
    bool ok = true;
    f->table = table;
    for (struct forward_listener *l = f->listeners; l != NULL; l = l->next)
        l->wanted = false;
    for (size_t i = 0; i < table->n; i++)
        for (size_t j = 0; table->v[i].ip != 0 && j < table->v[i].n_ports; j++) {
            const struct service_port *p = &table->v[i].ports[j];
            struct forward_listener *l = find_listener(f, table->v[i].ip, p->port);
            if (l != NULL)
                l->wanted = p->n_endpoints > 0;
            else if (p->n_endpoints > 0 && ok) /* one bad port must not stop the others from going */
                ok = listen_on(f, table->v[i].ip, p->port, e);
        }
    sweep(f);
    return ok;
}
