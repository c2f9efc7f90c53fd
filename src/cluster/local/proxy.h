/*
 * cluster/local/proxy.h - the ingress proxy: one port, every Ingress host of every environment behind it. Private to
 * the room.
 *
 * One epoll thread. Every request head is framed, so that each request of a connection is routed by itself; bodies and
 * responses pass through without being copied into the heap. Dialling into an environment happens on a few helper
 * threads.
 */
#pragma once
#include "cluster/local/runtime.h"

enum path_type { PATH_PREFIX, PATH_EXACT };
struct proxy_route {
    struct str host; /* "demo-web-pr-5.example.com", "*.example.com", or empty: any */
    struct str path; /* "/" ... */
    enum path_type type;
    struct str service;                 /* for messages */
    struct runtime_endpoint *endpoints; /* ready ones */
    size_t n_endpoints;
};

struct proxy;
struct proxy_options {
    struct runtime *runtime;
    const char *address; /* NULL: 127.0.0.1 */
    uint16_t port;       /* 0: any free one */
};
MUST_CHECK bool proxy_open(const struct proxy_options *o, struct proxy **out, struct err *e);
uint16_t proxy_port(const struct proxy *p);
void proxy_close(struct proxy *p); /* NULL is fine */
/* Replace the routes of one environment; everything is copied. NULL p is fine. */
void proxy_routes_set(struct proxy *p, struct str env, const struct proxy_route *v, size_t n);
