/*
 * cluster/local/netlink.h - the few rtnetlink requests that a pod network is made of.
 *
 * Sources: rtnetlink(7), linux/if_link.h (IFLA_*), linux/veth.h. A socket speaks for the network namespace it was
 * opened in. Addresses are in host byte order. All errors name the request.
 */
#pragma once
#include "base/base.h"

/* A close-on-exec socket; the caller closes it. */
MUST_CHECK bool netlink_open(int *out, struct err *e);
/* Links of this namespace, by name; a bridge is made down. */
MUST_CHECK bool netlink_link_up(int nl, const char *name, struct err *e);
MUST_CHECK bool netlink_link_delete(int nl, const char *name, struct err *e);
MUST_CHECK bool netlink_bridge_add(int nl, const char *name, struct err *e);
/* A pair: `name` here, enslaved to the bridge with index `master`, and `peer` in the namespace behind `peer_ns`. */
MUST_CHECK bool netlink_veth_add(int nl, const char *name, unsigned master, const char *peer, int peer_ns,
                                 const uint8_t peer_mac[6], struct err *e);
/* An IPv4 address for the link with that index; the way for all that has no other route. */
MUST_CHECK bool netlink_address_add(int nl, unsigned index, uint32_t address, uint8_t prefix, struct err *e);
MUST_CHECK bool netlink_route_default(int nl, uint32_t gateway, struct err *e);
/* Every address of net/prefix is this namespace's own ("AnyIP"). */
MUST_CHECK bool netlink_route_local(int nl, unsigned index, uint32_t net, uint8_t prefix, struct err *e);
