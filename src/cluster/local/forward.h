/*
 * cluster/local/forward.h - Service addresses: accepts on VIP:port in the holder's network namespace and joins each
 * connection with a ready pod, round robin. A port without a ready pod is not listened on: clients are refused at once,
 * as in a cluster.
 */
#pragma once
#include "cluster/local/loop.h"
#include "cluster/local/services.h"

enum { FORWARD_CONNECTIONS_MAX = 2048, FORWARD_BUFFER = 16 << 10 };

struct forward_listener;
struct forwarder {
    struct loop *loop;
    const struct services *table; /* the newest; replaced by forward_update */
    struct forward_listener *listeners;
    size_t n_connections;
};
/* Listen on what the table has, stop listening on what it has not. Established connections live on. errors:
 * ERR_CONFLICT, ERR_IO. */
MUST_CHECK bool forward_update(struct forwarder *f, const struct services *table, struct err *e);
