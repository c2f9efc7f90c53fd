#include <arpa/inet.h>
#include <stdio.h>

#include "cluster/local/services.h"

bool address_parse(struct str text, uint32_t *out)
{
    char c[INET_ADDRSTRLEN];
    struct in_addr in;
    if (text.n == 0 || text.n >= sizeof c)
        return false;
    memcpy(c, text.p, text.n);
    c[text.n] = '\0';
    if (inet_pton(AF_INET, c, &in) != 1)
        return false;
    *out = ntohl(in.s_addr);
    return true;
}

static bool to_port(int64_t n, uint16_t *out)
{
    *out = (uint16_t)n;
    return n > 0 && n <= UINT16_MAX;
}

static bool to_endpoint(struct str text, struct service_endpoint *out)
{
    struct str ip;
    int64_t port;
    return str_split(&text, S(":"), &ip) && address_parse(ip, &out->ip) && str_to_int(text, &port)
           && to_port(port, &out->port);
}

static bool to_ports(struct arena *a, const struct value *list, struct service *s, struct err *e)
{
    s->n_ports = value_len(list);
    s->ports = arena_new(a, struct service_port, s->n_ports + 1);
    for (size_t i = 0; i < s->n_ports; i++) {
        struct service_port *p = &s->ports[i];
        const struct value *endpoints = value_get(value_item(list, i), "endpoints");
        if (!to_port(value_int_at(value_item(list, i), "port", 0), &p->port))
            return err_set(e, ERR_INVALID, "service %.*s: bad port", STR(s->name));
        p->n_endpoints = value_len(endpoints);
        p->endpoints = arena_new(a, struct service_endpoint, p->n_endpoints + 1);
        for (size_t j = 0; j < p->n_endpoints; j++)
            if (!to_endpoint(value_as_str(value_item(endpoints, j)), &p->endpoints[j]))
                return err_set(e, ERR_INVALID, "service %.*s: bad endpoint", STR(s->name));
    }
    return true;
}

bool services_from_value(struct arena *a, const struct value *list, struct services *out, struct err *e)
{
    struct services made = { .n = value_len(list) };
    made.v = arena_new(a, struct service, made.n + 1);
    for (size_t i = 0; i < made.n; i++) {
        const struct value *v = value_item(list, i);
        struct service *s = &made.v[i];
        struct str ip = value_str_at(v, "ip");
        *s = (struct service){ .name = arena_str(a, value_str_at(v, "name")),
                               .ns = arena_str(a, value_str_at(v, "ns")) };
        if (ip.n > 0 && !address_parse(ip, &s->ip))
            return err_set(e, ERR_INVALID, "service %.*s: bad address %.*s", STR(s->name), STR(ip));
        if (!to_ports(a, value_get(v, "ports"), s, e))
            return false;
    }
    *out = made;
    return true;
}
