/*
 * cluster/local/services.h - the table of an environment's Services as the holder keeps it: DNS and the forwarder read
 * it.
 *
 * The table is replaced whole and is immutable: whoever needs it longer than one event looks it up again.
 */
#pragma once
#include "data/value.h"

struct service_endpoint {
    uint32_t ip; /* host byte order */
    uint16_t port;
};
struct service_port {
    uint16_t port;
    struct service_endpoint *endpoints;
    size_t n_endpoints;
};
struct service {
    struct str name, ns;
    uint32_t ip; /* 0: headless */
    struct service_port *ports;
    size_t n_ports;
};
struct services {
    struct service *v;
    size_t n;
};
/* [{"name","ns","ip","ports":[{"port","endpoints":["ip:port"]}]}]. errors: ERR_INVALID. */
MUST_CHECK bool services_from_value(struct arena *a, const struct value *list, struct services *out, struct err *e);
MUST_CHECK bool address_parse(struct str text, uint32_t *out); /* dotted IPv4 to host byte order */
