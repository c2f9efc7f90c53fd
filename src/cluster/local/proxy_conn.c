/*
 * One client connection of the ingress proxy. Requests are taken one at a time: head, route, dial, exchange, next head.
 * Bodies run through two pairs of buffers; a full buffer stops reading at its source. After 101 Switching Protocols
 * bytes pass unread.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cluster/local/proxy_internal.h"

#define VANISHED_S 20                  /* without any sign of life from a pod's kernel */
#define OUT_BYTES (2 * HEAD_BYTES_MAX) /* a head with what we add fits */

enum phase { PHASE_HEAD, PHASE_DIALING, PHASE_EXCHANGE, PHASE_TUNNEL, PHASE_LINGER };
enum { CLIENT, BACKEND };

struct bytes { /* p[from..n) is filled */
    char *p;
    size_t from, n, cap;
};

struct conn {
    struct conn *next;
    struct proxy *p;
    uint64_t id;
    struct end ends[2];
    int fd[2];
    uint32_t interest[2];
    bool eof[2], closed;
    struct bytes in[2];  /* read from that side */
    struct bytes out[2]; /* to be written to that side */
    enum phase phase;
    int64_t deadline_ms;
    char peer[48];
    /* of the request under way */
    struct body request_body, response_body;
    bool response_headed, replied, keep_alive, backend_keeps, upgrade, to_head, html;
    bool has_body;   /* it passes through and cannot be sent twice */
    bool repeatable; /* GET, HEAD, OPTIONS */
    bool reused, head_started;
    bool moved;        /* bytes went from one side's buffer to the other's in this round */
    size_t head_bytes; /* of the head in out[BACKEND], while nothing of it is dropped */
    struct route_choice choice;
    size_t tries, repeats;
    /* of the backend connection */
    char env[64], ip[16];
    int port;
};

/* ---- buffers ------------------------------------------------------------------------------- */

static bool bytes_open(struct bytes *b, size_t cap)
{
    *b = (struct bytes){ .p = malloc(cap), .cap = cap };
    return b->p != NULL;
}

static struct str filled(const struct bytes *b)
{
    return (struct str){ b->p + b->from, b->n - b->from };
}

static size_t room(struct bytes *b)
{
    if (b->from == b->n)
        b->from = b->n = 0;
    if (b->from > 0 && b->n == b->cap) {
        memmove(b->p, b->p + b->from, b->n - b->from);
        b->n -= b->from;
        b->from = 0;
    }
    return b->cap - b->n;
}

static size_t append(struct bytes *b, struct str s)
{
    size_t n = room(b);
    if (s.n < n)
        n = s.n;
    memcpy(b->p + b->n, s.p, n);
    b->n += n;
    return n;
}

/* ---- sockets ------------------------------------------------------------------------------- */

static void watch(struct conn *c, int side, uint32_t events)
{
    struct epoll_event ev = { .events = events, .data.ptr = &c->ends[side] };
    if (c->fd[side] < 0 || c->interest[side] == events)
        return;
    if (epoll_ctl(c->p->epoll, EPOLL_CTL_MOD, c->fd[side], &ev) == 0)
        c->interest[side] = events;
}

/* A pod that vanished together with its network answers nothing, not even a reset: do not wait for it as for a slow
 * one. */
static void expect_life(int fd)
{
    const struct {
        int level, name, value;
    } options[] = { { SOL_SOCKET, SO_KEEPALIVE, 1 },
                    { IPPROTO_TCP, TCP_KEEPIDLE, VANISHED_S / 4 },
                    { IPPROTO_TCP, TCP_KEEPINTVL, VANISHED_S / 4 },
                    { IPPROTO_TCP, TCP_KEEPCNT, 3 },
                    { IPPROTO_TCP, TCP_USER_TIMEOUT, VANISHED_S * 1000 } };
    for (size_t i = 0; i < COUNT(options); i++)
        (void)setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof options[i].value);
}

static bool attach(struct conn *c, int side, int fd)
{
    if (side == BACKEND)
        expect_life(fd);
    struct epoll_event ev = { .events = 0, .data.ptr = &c->ends[side] };
    if (epoll_ctl(c->p->epoll, EPOLL_CTL_ADD, fd, &ev) != 0)
        return false;
    c->fd[side] = fd;
    c->interest[side] = 0;
    c->eof[side] = false;
    return true;
}

static void detach(struct conn *c, int side)
{
    /* closing alone would not do: a process that was forked meanwhile, or the holder that made the socket, may still
     * have a copy, and the epoll set goes by the open socket, not by the descriptor */
    if (c->fd[side] >= 0)
        (void)epoll_ctl(c->p->epoll, EPOLL_CTL_DEL, c->fd[side], NULL);
    fd_close(&c->fd[side]);
    c->fd[side] = -1;
    c->eof[side] = false;
    c->in[side].from = c->in[side].n = 0;
    if (side == BACKEND)
        c->out[BACKEND].from = c->out[BACKEND].n = 0;
}

/* To the list of the dead: events of this round may still point here. */
static void conn_close(struct conn *c)
{
    if (c->closed)
        return;
    c->closed = true;
    detach(c, CLIENT);
    detach(c, BACKEND);
    for (struct conn **at = &c->p->conns; *at != NULL; at = &(*at)->next)
        if (*at == c) {
            *at = c->next;
            break;
        }
    c->p->n_conns--;
    c->next = c->p->dead;
    c->p->dead = c;
}

static void fill(struct conn *c, int side)
{
    size_t n = room(&c->in[side]);
    if (c->fd[side] < 0 || c->eof[side] || n == 0)
        return;
    ssize_t got = recv(c->fd[side], c->in[side].p + c->in[side].n, n, 0);
    if (got > 0)
        c->in[side].n += (size_t)got;
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        c->eof[side] = true;
}

/* False when that side will not take more. */
static bool flush(struct conn *c, int side)
{
    struct bytes *b = &c->out[side];
    while (c->fd[side] >= 0 && b->from < b->n) {
        ssize_t n = send(c->fd[side], b->p + b->from, b->n - b->from, MSG_NOSIGNAL);
        if (n > 0)
            b->from += (size_t)n;
        else if (errno == EAGAIN)
            return true;
        else if (errno != EINTR)
            return false;
    }
    return true;
}

/* ---- answers of our own -------------------------------------------------------------------- */

static void linger(struct conn *c)
{
    detach(c, BACKEND);
    c->in[CLIENT].from = c->in[CLIENT].n = 0;
    c->phase = PHASE_LINGER;
    c->deadline_ms = clock_mono_ms() + LINGER_TIMEOUT_MS;
}

static void say(struct conn *c, struct str page)
{
    if (append(&c->out[CLIENT], page) < page.n) { /* the client does not read its earlier answer */
        conn_close(c);
        return;
    }
    linger(c);
}

static void give_up(struct conn *c, int status, const char *why)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    if (c->replied)
        conn_close(c); /* half an answer is out: only a broken connection tells the truth */
    else
        say(c, page_error(&a, status, why, c->html));
}

/* ---- from head to backend ------------------------------------------------------------------- */

static bool same_backend(const struct conn *c, const struct route_choice *r)
{
    if (c->fd[BACKEND] < 0 || c->eof[BACKEND] || strcmp(c->env, r->env) != 0)
        return false;
    for (size_t i = 0; i < r->n; i++)
        if (c->port == r->endpoints[i].port && strcmp(c->ip, r->endpoints[i].ip) == 0)
            return true;
    return false;
}

static size_t connections_to(const struct conn *c, const char *env)
{
    size_t n = 0;
    for (const struct conn *other = c->p->conns; other != NULL; other = other->next)
        n += other != c && (other->phase == PHASE_DIALING || other->fd[BACKEND] >= 0)
             && strcmp(other->choice.env, env) == 0;
    return n;
}

static void dial_next(struct conn *c)
{
    const struct route_choice *r = &c->choice;
    size_t i = c->tries++;
    c->phase = PHASE_DIALING;
    c->reused = false;
    c->deadline_ms = clock_mono_ms() + 2 * DIAL_TIMEOUT_MS;
    memcpy(c->env, r->env, sizeof c->env);
    memcpy(c->ip, r->endpoints[i].ip, sizeof c->ip);
    c->port = r->endpoints[i].port;
    if (!proxy_dial(c->p, c->id, c->env, c->ip, c->port))
        give_up(c, 503, "the proxy is busy");
}

static void start_exchange(struct conn *c)
{
    c->phase = PHASE_EXCHANGE;
    c->deadline_ms = clock_mono_ms() + STALL_TIMEOUT_MS;
}

static bool accepts_html(const struct request_head *h)
{
    for (size_t i = 0; i < h->n; i++)
        if (str_ieq(h->fields[i].name, S("Accept")) && str_find(h->fields[i].value, S("text/html")) >= 0)
            return true;
    return false;
}

/* Put the head for the backend aside; `p` of the out buffer is empty between requests. */
static bool prepare_request(struct conn *c, const struct request_head *h)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct buf head = { .a = &a };
    request_head_write(&head, h, str_c(c->peer));
    c->out[BACKEND].from = c->out[BACKEND].n = 0;
    c->request_body = body_begin(h->body, h->content_length);
    c->response_body = (struct body){ 0 };
    c->response_headed = c->replied = false;
    c->keep_alive = h->keep_alive;
    c->upgrade = h->upgrade;
    c->to_head = str_is(h->method, "HEAD");
    c->has_body = !c->request_body.done;
    c->repeatable = str_is(h->method, "GET") || c->to_head || str_is(h->method, "OPTIONS");
    c->tries = c->repeats = 0;
    c->head_bytes = head.n;
    return append(&c->out[BACKEND], buf_str(&head)) == head.n;
}

static void route(struct conn *c, const struct request_head *h)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct str host = arena_str(&a, h->host);
    c->replied = false;
    c->html = accepts_html(h);
    routes_match(c->p->routes, host, h->path, &c->choice);
    switch (c->choice.verdict) {
    case ROUTE_NO_HOST: say(c, page_unknown_host(&a, c->p->routes, host, c->p->port, c->html)); return;
    case ROUTE_NO_PATH: say(c, page_error(&a, 404, "no Ingress rule of this host matches the path", c->html)); return;
    case ROUTE_NOT_READY: say(c, page_not_ready(&a, &c->choice, c->html)); return;
    case ROUTE_OK: break;
    }
    bool reuse = same_backend(c, &c->choice);
    if (!reuse)
        detach(c, BACKEND);
    if (!reuse && connections_to(c, c->choice.env) >= PROXY_PER_ENVIRONMENT_MAX) {
        give_up(c, 503, "too many connections to this environment");
        return;
    }
    if (!prepare_request(c, h)) {
        give_up(c, 400, "request head too large");
        return;
    }
    c->reused = reuse;
    if (reuse)
        start_exchange(c);
    else
        dial_next(c);
}

static void take_head(struct conn *c)
{
    struct request_head h;
    switch (request_head_parse(filled(&c->in[CLIENT]), &h)) {
    case HEAD_INCOMPLETE:
        if (c->eof[CLIENT])
            conn_close(c);
        else if (!c->head_started && c->in[CLIENT].n > c->in[CLIENT].from) {
            c->head_started = true;
            c->deadline_ms = clock_mono_ms() + HEAD_TIMEOUT_MS;
        }
        return;
    case HEAD_BAD:
        c->replied = false;
        give_up(c, h.status, h.why);
        return;
    case HEAD_OK: break;
    }
    c->head_started = false;
    size_t size = h.size;
    route(c, &h); /* the head's slices are in in[CLIENT], which stays until here */
    if (c->phase != PHASE_LINGER)
        c->in[CLIENT].from += size;
}

/* ---- the exchange --------------------------------------------------------------------------- */

static void pump_request(struct conn *c)
{
    struct bytes *in = &c->in[CLIENT];
    while (!c->request_body.done && in->from < in->n) {
        struct str s = str_slice(filled(in), 0, room(&c->out[BACKEND]));
        size_t n = body_take(&c->request_body, s);
        (void)append(&c->out[BACKEND], str_slice(s, 0, n));
        in->from += n;
        if (n == 0)
            break;
        c->head_bytes = 0;
        c->moved = true;
    }
    if (c->request_body.bad)
        give_up(c, 400, "malformed chunk in the request body");
}

static void end_exchange(struct conn *c)
{
    bool keep = c->keep_alive && c->backend_keeps && c->request_body.done && !c->request_body.bad;
    if (!keep) {
        linger(c);
        return;
    }
    c->phase = PHASE_HEAD;
    c->head_started = false;
    c->deadline_ms = clock_mono_ms() + IDLE_TIMEOUT_MS;
}

/* The head of the next response, also of an interim one. False: wait for more, or it is over. */
static bool take_response_head(struct conn *c)
{
    struct response_head h;
    struct str head = filled(&c->in[BACKEND]);
    enum head_result result = response_head_parse(head, c->to_head, &h);
    if (result == HEAD_INCOMPLETE)
        return false;
    bool switching = h.status == 101;
    if (result == HEAD_BAD || (switching && !c->upgrade)) {
        give_up(c, 502, "the service's answer is not HTTP");
        return false;
    }
    if (room(&c->out[CLIENT]) < h.size)
        return false;
    (void)append(&c->out[CLIENT], str_slice(head, 0, h.size));
    c->in[BACKEND].from += h.size;
    c->replied = true;
    if (switching) {
        c->phase = PHASE_TUNNEL;
        c->deadline_ms = clock_mono_ms() + TUNNEL_TIMEOUT_MS;
        return false;
    }
    if (h.status < 200)
        return true;
    c->response_headed = true;
    c->backend_keeps = h.keep_alive;
    c->response_body = body_begin(h.body, h.content_length);
    return true;
}

static void pump_response(struct conn *c)
{
    struct bytes *in = &c->in[BACKEND];
    while (c->phase == PHASE_EXCHANGE && !c->response_headed)
        if (!take_response_head(c))
            return;
    while (!c->response_body.done && in->from < in->n) {
        struct str s = str_slice(filled(in), 0, room(&c->out[CLIENT]));
        size_t n = body_take(&c->response_body, s);
        (void)append(&c->out[CLIENT], str_slice(s, 0, n));
        in->from += n;
        if (n == 0)
            break;
        c->moved = true;
    }
    if (c->response_body.bad)
        conn_close(c);
    else if (c->response_body.done)
        end_exchange(c);
}

/*
 * The connection ended before a byte of the answer. Two cases may be tried again, on whatever endpoint is ready now: an
 * idle connection that was closed just when the request was sent (nobody saw it), and a request that may be repeated by
 * its nature, as when a pod is replaced under it.
 */
static bool send_again(struct conn *c)
{
    struct request_head h;
    bool allowed =
        (c->reused || c->repeatable) && !c->has_body && !c->replied && c->in[BACKEND].n == c->in[BACKEND].from;
    if (!allowed || c->repeats == PROXY_ENDPOINT_TRIES
        || request_head_parse((struct str){ c->out[BACKEND].p, c->head_bytes }, &h) != HEAD_OK)
        return false;
    routes_match(c->p->routes, h.host, h.path, &c->choice);
    if (c->choice.verdict != ROUTE_OK)
        return false;
    detach(c, BACKEND);
    c->out[BACKEND].n = c->head_bytes;
    c->tries = 0;
    c->repeats++;
    dial_next(c);
    return true;
}

static void backend_ended(struct conn *c)
{
    if (c->response_headed && c->response_body.kind == BODY_UNTIL_CLOSE) {
        c->response_body.done = true;
        c->backend_keeps = false;
        end_exchange(c);
    } else if (!send_again(c)) {
        give_up(c, 502, "the service closed the connection without an answer");
    }
}

static void exchange(struct conn *c)
{
    pump_request(c);
    if (c->phase == PHASE_EXCHANGE && !c->closed && !flush(c, BACKEND))
        c->out[BACKEND].from = c->out[BACKEND].n = 0; /* it may have answered before it stopped reading: look at that */
    if (c->phase == PHASE_EXCHANGE && !c->closed)
        pump_response(c);
    bool head_cut = !c->response_headed && c->eof[BACKEND]; /* nothing can follow that would complete it */
    bool drained = c->in[BACKEND].from == c->in[BACKEND].n;
    if (c->phase == PHASE_EXCHANGE && !c->closed && c->eof[BACKEND] && (drained || (head_cut && !c->moved)))
        backend_ended(c);
    if (c->phase == PHASE_EXCHANGE && !c->closed && c->eof[CLIENT] && !c->request_body.done)
        conn_close(c); /* half a request */
}

static void tunnel(struct conn *c)
{
    for (int side = 0; side < 2; side++) {
        struct bytes *in = &c->in[side];
        size_t n = append(&c->out[!side], filled(in));
        in->from += n;
        c->moved = c->moved || n > 0;
        if (!flush(c, !side)) {
            conn_close(c);
            return;
        }
        bool drained = in->from == in->n && c->out[!side].from == c->out[!side].n;
        if (c->eof[side] && drained && c->fd[!side] >= 0)
            (void)shutdown(c->fd[!side], SHUT_WR);
    }
    if (c->eof[CLIENT] && c->eof[BACKEND] && c->out[CLIENT].from == c->out[CLIENT].n)
        conn_close(c);
}

/* Our last words are out; the client may still be sending: read until it stops, else it would see a reset instead of
 * them. */
static void linger_on(struct conn *c)
{
    c->in[CLIENT].from = c->in[CLIENT].n = 0;
    if (c->out[CLIENT].from < c->out[CLIENT].n)
        return;
    (void)shutdown(c->fd[CLIENT], SHUT_WR);
    if (c->eof[CLIENT])
        conn_close(c);
}

/* ---- turning the crank ---------------------------------------------------------------------- */

static void set_interest(struct conn *c)
{
    uint32_t client = 0, backend = 0;
    bool reads = c->phase == PHASE_HEAD || c->phase == PHASE_TUNNEL || c->phase == PHASE_LINGER
                 || (c->phase == PHASE_EXCHANGE && !c->request_body.done);
    if (reads && !c->eof[CLIENT] && room(&c->in[CLIENT]) > 0)
        client |= EPOLLIN;
    if (c->out[CLIENT].from < c->out[CLIENT].n)
        client |= EPOLLOUT;
    if (!c->eof[BACKEND] && room(&c->in[BACKEND]) > 0)
        backend |= EPOLLIN;
    if (c->out[BACKEND].from < c->out[BACKEND].n)
        backend |= EPOLLOUT;
    watch(c, CLIENT, client);
    watch(c, BACKEND, backend);
}

static void step(struct conn *c)
{
    enum phase before;
    do { /* a flush may have made room for what had to wait */
        before = c->phase;
        c->moved = false;
        switch (c->phase) {
        case PHASE_HEAD: take_head(c); break;
        case PHASE_DIALING: break;
        case PHASE_EXCHANGE: exchange(c); break;
        case PHASE_TUNNEL: tunnel(c); break;
        case PHASE_LINGER: break;
        }
        if (!c->closed && !flush(c, CLIENT))
            conn_close(c);
    } while (!c->closed && (c->phase != before || c->moved));
    if (!c->closed && c->phase == PHASE_LINGER)
        linger_on(c);
    if (!c->closed)
        set_interest(c);
}

static void refresh_deadline(struct conn *c)
{
    if (c->phase == PHASE_EXCHANGE)
        c->deadline_ms = clock_mono_ms() + STALL_TIMEOUT_MS;
    else if (c->phase == PHASE_TUNNEL)
        c->deadline_ms = clock_mono_ms() + TUNNEL_TIMEOUT_MS;
}

void conn_event(struct conn *c, bool backend, uint32_t events)
{
    int side = backend ? BACKEND : CLIENT;
    if (c->closed || c->fd[side] < 0)
        return;
    refresh_deadline(c);
    if ((events & (EPOLLHUP | EPOLLERR)) != 0 && !backend && c->phase != PHASE_TUNNEL) {
        conn_close(c);
        return;
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        fill(c, side);
    if (backend && c->phase == PHASE_HEAD) { /* an idle backend that speaks or leaves is of no more use */
        detach(c, BACKEND);
        return;
    }
    step(c);
}

void conn_dialed(struct proxy *p, struct dialed *d)
{
    struct conn *c = p->conns;
    while (c != NULL && c->id != d->conn_id)
        c = c->next;
    if (c == NULL || c->phase != PHASE_DIALING)
        return;
    if (d->fd >= 0 && attach(c, BACKEND, d->fd)) {
        d->fd = -1;
        start_exchange(c);
        step(c);
        return;
    }
    if (c->tries < c->choice.n)
        dial_next(c);
    else
        give_up(c, d->timed_out ? 504 : 502,
                d->timed_out ? "the service did not accept the connection in time"
                             : "the service refused the connection");
    if (!c->closed)
        step(c);
}

static void expire(struct conn *c)
{
    bool silent = c->phase == PHASE_LINGER || c->phase == PHASE_TUNNEL || (c->phase == PHASE_HEAD && !c->head_started);
    if (silent) {
        conn_close(c);
        return;
    }
    if (c->phase == PHASE_HEAD)
        c->replied = false;
    give_up(c, c->phase == PHASE_HEAD ? 408 : 504,
            c->phase == PHASE_HEAD ? "the request head did not arrive in time" : "the service did not answer in time");
    if (!c->closed)
        step(c);
}

void conn_sweep(struct proxy *p, int64_t now_ms)
{
    for (struct conn *c = p->conns, *next; c != NULL; c = next) {
        next = c->next;
        if (now_ms >= c->deadline_ms)
            expire(c);
    }
}

/* ---- birth and death ------------------------------------------------------------------------ */

static void conn_free(struct conn *c)
{
    for (int side = 0; side < 2; side++) {
        free(c->in[side].p);
        free(c->out[side].p);
    }
    free(c);
}

void conn_bury(struct proxy *p)
{
    while (p->dead != NULL) {
        struct conn *c = p->dead;
        p->dead = c->next;
        conn_free(c);
    }
}

void conn_close_all(struct proxy *p)
{
    while (p->conns != NULL)
        conn_close(p->conns);
    conn_bury(p);
}

void conn_accept(struct proxy *p, int fd, struct str peer)
{
    struct conn *c = p->n_conns < PROXY_CONNECTIONS_MAX ? calloc(1, sizeof *c) : NULL;
    if (c == NULL) {
        fd_close(&fd);
        return;
    }
    c->p = p;
    c->id = ++p->next_id;
    c->fd[CLIENT] = c->fd[BACKEND] = -1;
    c->ends[CLIENT] = (struct end){ c, false };
    c->ends[BACKEND] = (struct end){ c, true };
    peer = str_slice(peer, 0, sizeof c->peer - 1);
    memcpy(c->peer, peer.p, peer.n);
    c->deadline_ms = clock_mono_ms() + HEAD_TIMEOUT_MS;
    bool ok = bytes_open(&c->in[CLIENT], HEAD_BYTES_MAX) && bytes_open(&c->in[BACKEND], OUT_BYTES)
              && bytes_open(&c->out[CLIENT], OUT_BYTES) && bytes_open(&c->out[BACKEND], OUT_BYTES);
    if (!ok || !attach(c, CLIENT, fd)) {
        fd_close(&fd);
        conn_free(c);
        return;
    }
    c->next = p->conns;
    p->conns = c;
    p->n_conns++;
    set_interest(c);
}
