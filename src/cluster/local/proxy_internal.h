/* cluster/local/proxy_internal.h - what the files of the ingress proxy share. */
#pragma once
#include <pthread.h>

#include "base/sys.h"
#include "cluster/local/http_head.h"
#include "cluster/local/proxy.h"

#define PROXY_CONNECTIONS_MAX 2000    /* clients at the same time */
#define PROXY_PER_ENVIRONMENT_MAX 400 /* of those, in exchange with one environment */
#define PROXY_DIALERS 4
#define PROXY_ENDPOINT_TRIES 3 /* other endpoints are tried when one refuses */
#define HEAD_TIMEOUT_MS 15000  /* for a request head to be complete, from its first byte */
#define IDLE_TIMEOUT_MS 75000  /* between two requests */
#define DIAL_TIMEOUT_MS 3000
#define STALL_TIMEOUT_MS 120000   /* without a byte in either direction while a request is answered */
#define TUNNEL_TIMEOUT_MS 3600000 /* the same, after an Upgrade */
#define LINGER_TIMEOUT_MS 2000    /* for the client to read our last words */

/* ---- routes (proxy_route.c) ------------------------------------------------------------------ */

struct route_table;
/* Which Service answers for which host and path; any thread. NULL: no memory. */
struct route_table *routes_open(void);
void routes_close(struct route_table *t);
/* All routes of an environment, instead of those it had; n = 0 forgets it. The routes are copied. */
void routes_put(struct route_table *t, struct str env, const struct proxy_route *v, size_t n);

enum route_verdict { ROUTE_OK, ROUTE_NO_HOST, ROUTE_NO_PATH, ROUTE_NOT_READY };
struct route_choice {
    enum route_verdict verdict;
    char env[64], service[128];
    struct {
        char ip[16];
        int port;
    } endpoints[PROXY_ENDPOINT_TRIES];
    size_t n;
};
/* Which endpoints answer for a host (any case, no port) and a path. Thread-safe. */
void routes_match(struct route_table *t, struct str host, struct str path, struct route_choice *out);
/* Every host there is, sorted, each once: "demo-web-pr-5.example.com". */
size_t routes_hosts(struct arena *a, struct route_table *t, struct str **out);

/* ---- pages (proxy_page.c) -------------------------------------------------------------------- */

/* A whole response that closes the connection. `why` is for people. */
struct str page_error(struct arena *a, int status, const char *why, bool html);
struct str page_not_ready(struct arena *a, const struct route_choice *c, bool html);
struct str page_unknown_host(struct arena *a, struct route_table *t, struct str host, int port, bool html);

/* ---- connections (proxy_conn.c) -------------------------------------------------------------- */

struct conn;
struct end {        /* what epoll hands back: one side of a connection */
    struct conn *c; /* NULL: the listener or the wake-up */
    bool backend;
};

struct dialed { /* a dial that ended; made by a dialer thread */
    struct dialed *next;
    uint64_t conn_id;
    int fd; /* -1: failed */
    bool timed_out;
};

struct proxy {
    struct runtime *runtime;
    struct route_table *routes;
    struct pool *dialers;
    int listener, epoll, wake; /* wake: an eventfd */
    uint16_t port;
    pthread_t thread;
    bool threaded;
    pthread_mutex_t lock; /* dialed, stopping */
    struct dialed *dialed;
    bool stopping;
    /* the epoll thread only */
    struct conn *conns, *dead;
    size_t n_conns;
    uint64_t next_id;
};

/* A client came; the connection owns `fd` from now on, and closes it at once over PROXY_CONNECTIONS_MAX. */
void conn_accept(struct proxy *p, int fd, struct str peer);
/* What epoll says of one of its two sockets. */
void conn_event(struct conn *c, bool backend, uint32_t events);
/* A dial ended; takes d->fd (-1 then) when the connection still waits for it. */
void conn_dialed(struct proxy *p, struct dialed *d);
void conn_sweep(struct proxy *p, int64_t now_ms); /* time-outs */
void conn_bury(struct proxy *p);                  /* free what was closed in this round */
void conn_close_all(struct proxy *p);
/* Start a dial for a connection; the answer comes through conn_dialed. False when the queue is full. */
bool proxy_dial(struct proxy *p, uint64_t conn_id, const char *env, const char *ip, int port);
