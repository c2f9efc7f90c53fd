/* The environment's network: bridge, pods' namespaces and links, name server sockets, sockets for the runtime. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cluster/local/dns.h"
#include "cluster/local/holder.h"
#include "cluster/local/netlink.h"

#define BRIDGE "br0"
enum { DNS_PORT = 53, DNS_CLIENTS_MAX = 64, DNS_BATCH = 64, SOCKETS_MAX = 16 };

/* ---- name server -------------------------------------------------------------------------------- */

static void udp_ready(struct watch *w, uint32_t events)
{
    struct holder *h = w->owner;
    for (int i = 0; i < DNS_BATCH; i++) {
        uint8_t query[DNS_UDP_MAX], answer[DNS_UDP_MAX];
        struct sockaddr_in from;
        socklen_t from_n = sizeof from;
        ssize_t n = recvfrom(w->fd, query, sizeof query, MSG_DONTWAIT, (struct sockaddr *)&from, &from_n);
        if (n < 0)
            return;
        size_t m = dns_answer(&h->services, query, (size_t)n, answer, sizeof answer);
        if (m > 0)
            (void)!sendto(w->fd, answer, m, MSG_DONTWAIT, (struct sockaddr *)&from, from_n);
    }
}

struct dns_client {
    struct holder *h;
    struct watch watch;
    uint8_t in[2 + DNS_UDP_MAX];
    size_t n;
};

static void dns_hang_up(struct dns_client *c)
{
    c->h->n_dns_clients--;
    loop_unwatch(&c->h->loop, &c->watch);
    loop_free(&c->h->loop, c);
}

/* A message by TCP has its length in front. False: the client is through, or talks nonsense. */
static bool dns_serve(struct dns_client *c)
{
    uint8_t out[2 + DNS_TCP_MAX];
    while (c->n >= 2) {
        size_t length = (size_t)c->in[0] << 8 | c->in[1];
        if (length > DNS_UDP_MAX)
            return false;
        if (c->n < 2 + length)
            return true;
        size_t m = dns_answer(&c->h->services, c->in + 2, length, out + 2, DNS_TCP_MAX);
        out[0] = (uint8_t)(m >> 8);
        out[1] = (uint8_t)m;
        if (m == 0 || send(c->watch.fd, out, m + 2, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)(m + 2))
            return false;
        c->n -= 2 + length;
        memmove(c->in, c->in + 2 + length, c->n);
    }
    return true;
}

static void dns_client_ready(struct watch *w, uint32_t events)
{
    struct dns_client *c = w->owner;
    ssize_t n = read(w->fd, c->in + c->n, sizeof c->in - c->n);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        c->n += (size_t)n;
    if (n <= 0 || !dns_serve(c))
        dns_hang_up(c);
}

static void tcp_ready(struct watch *w, uint32_t events)
{
    struct holder *h = w->owner;
    struct err ignored;
    int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct dns_client *c = fd >= 0 && h->n_dns_clients < DNS_CLIENTS_MAX ? calloc(1, sizeof *c) : NULL;
    if (c == NULL) {
        fd_close(&fd);
        return;
    }
    c->h = h;
    h->n_dns_clients++;
    if (!loop_watch(&h->loop, &c->watch, fd, EPOLLIN, dns_client_ready, c, &ignored))
        dns_hang_up(c);
}

static int bound(int type, struct err *e)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons(DNS_PORT),
                             .sin_addr.s_addr = htonl(ADDRESS_HOLDER) };
    int one = 1;
    int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0
        || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || (type == SOCK_STREAM && listen(fd, 64) != 0)) {
        err_sys_(e, "open the name server's socket");
        fd_close(&fd);
        return -1;
    }
    return fd;
}

static bool open_name_server(struct holder *h, struct err *e)
{
    int udp = bound(SOCK_DGRAM, e);
    if (udp < 0 || !loop_watch(&h->loop, &h->dns_udp, udp, EPOLLIN, udp_ready, h, e))
        return false;
    int tcp = bound(SOCK_STREAM, e);
    return tcp >= 0 && loop_watch(&h->loop, &h->dns_tcp, tcp, EPOLLIN, tcp_ready, h, e);
}

bool network_services(struct holder *h, struct request *r, struct err *e)
{
    struct arena a = { 0 };
    struct services made;
    if (!services_from_value(&a, value_get(&r->m->body, "services"), &made, e)) {
        arena_close(&a);
        return false;
    }
    bool ok = forward_update(&h->forwarder, &made, e);
    arena_close(&h->services_arena);
    h->services_arena = a;
    h->services = made;
    h->forwarder.table = &h->services;
    if (ok)
        holder_reply_ok(h, r->peer->id);
    return ok;
}

/* A read-only /proc leaves a setting as it is: then port 80 needs root, and the world is a time-out instead of an
 * error. */
static void set(const char *path, const char *value)
{
    CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, value, strlen(value)) < 0)
        fprintf(stderr, "%s stays as it is: %s\n", path, strerror(errno));
}

/* ---- bridge and pods ---------------------------------------------------------------------------- */

bool network_open(struct holder *h, struct err *e)
{
    h->netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (h->netns < 0)
        return err_sys(e, "open /proc/self/ns/net");
    /* There is no route out of here. Only who may forward says so ("network is unreachable"); else pods wait for
     * nothing. */
    set("/proc/sys/net/ipv4/ip_forward", "1");
    set("/proc/sys/net/ipv4/icmp_ratelimit", "0");
    h->forwarder.loop = &h->loop;
    h->forwarder.table = &h->services;
    return netlink_open(&h->netlink, e) && netlink_link_up(h->netlink, "lo", e)
           && netlink_bridge_add(h->netlink, BRIDGE, e)
           && netlink_address_add(h->netlink, if_nametoindex(BRIDGE), ADDRESS_HOLDER, ADDRESS_PREFIX, e)
           && netlink_link_up(h->netlink, BRIDGE, e)
           && netlink_route_local(h->netlink, if_nametoindex("lo"), ADDRESS_SERVICES, ADDRESS_PREFIX, e)
           && open_name_server(h, e);
}

bool network_enter(struct holder *h, int netns, struct err *e)
{
    return setns(netns, CLONE_NEWNET) == 0 || err_sys(e, "enter the pod's network namespace");
}

void network_leave(struct holder *h)
{
    if (setns(h->netns, CLONE_NEWNET) != 0) {
        fprintf(stderr, "cannot return to the environment's network namespace\n");
        _exit(1); /* going on in a pod's namespace would mix environments up */
    }
}

static bool configure_pod(struct holder *h, unsigned index, int netns, struct err *e)
{
    CLEANUP(fd_close) int nl = -1;
    char link[IFNAMSIZ];
    /* root of a container has no CAP_NET_BIND_SERVICE in the namespace that owns the network: port 80 is an ordinary
     * one */
    set("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
    set("/proc/sys/net/ipv4/ping_group_range", "0 65534");
    if (!netlink_open(&nl, e)) {
        network_leave(h);
        return false;
    }
    snprintf(link, sizeof link, "v%u", index);
    network_leave(h);
    /* an address keeps its hardware address from pod to pod, so that no neighbour's memory of it is ever wrong */
    const uint8_t mac[6] = { 0x02, 0x00, 0xc6, 0x12, (uint8_t)(index >> 8), (uint8_t)index };
    if (!netlink_veth_add(h->netlink, link, if_nametoindex(BRIDGE), "eth0", netns, mac, e)
        || !network_enter(h, netns, e))
        return false;
    bool ok = netlink_link_up(nl, "lo", e)
              && netlink_address_add(nl, if_nametoindex("eth0"), ADDRESS_PODS + index, ADDRESS_PREFIX, e)
              && netlink_link_up(nl, "eth0", e) && netlink_route_default(nl, ADDRESS_HOLDER, e);
    network_leave(h);
    return ok;
}

bool network_pod(struct holder *h, unsigned index, int *out_netns, struct err *e)
{
    if (unshare(CLONE_NEWNET) != 0)
        return err_sys(e, "create the pod's network namespace");
    CLEANUP(fd_close) int netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (netns < 0) {
        err_sys_(e, "open /proc/self/ns/net");
        network_leave(h);
        return false;
    }
    if (!configure_pod(h, index, netns, e))
        return false;
    *out_netns = fd_take(&netns);
    return true;
}

void network_pod_close(struct holder *h, struct pod *p)
{
    char link[IFNAMSIZ];
    struct err ignored;
    snprintf(link, sizeof link, "v%u", p->index);
    fd_close(&p->netns);
    /* the namespace would take the link along, but later: the address may be given again before */
    (void)!netlink_link_delete(h->netlink, link, &ignored);
}

/* ---- sockets for the runtime ---------------------------------------------------------------------- */

/* A socket belongs for ever to the namespace it was made in: whoever gets it can dial pods, without any right to enter.
 */
bool network_sockets(struct holder *h, struct request *r, struct err *e)
{
    int fds[SOCKETS_MAX], n = 0;
    struct value body = value_map(r->a);
    while (n < SOCKETS_MAX) {
        fds[n] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fds[n] < 0)
            break;
        n++;
    }
    if (n == 0)
        return err_sys(e, "open a socket");
    holder_reply(h, r->peer->id, r->a, &body, fds, n);
    while (n > 0)
        close(fds[--n]);
    return true;
}
