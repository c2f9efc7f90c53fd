/* rtnetlink by hand: one request, one acknowledgement. `ip` would cost a process for each and must be installed. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cluster/local/netlink.h"

struct request {
    union {
        struct nlmsghdr head;
        char bytes[1024];
    };
};

static void *put(struct request *r, size_t n)
{
    void *p = r->bytes + NLMSG_ALIGN(r->head.nlmsg_len);
    r->head.nlmsg_len = (uint32_t)(NLMSG_ALIGN(r->head.nlmsg_len) + NLMSG_ALIGN(n));
    return p;
}

static void *start(struct request *r, uint16_t type, uint16_t flags, size_t header)
{
    *r = (struct request){ .head = { .nlmsg_len = NLMSG_HDRLEN,
                                     .nlmsg_type = type,
                                     .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags) } };
    return put(r, header);
}

static struct rtattr *attribute(struct request *r, uint16_t type, const void *data, size_t n)
{
    struct rtattr *at = put(r, RTA_LENGTH(n));
    at->rta_type = type;
    at->rta_len = (uint16_t)RTA_LENGTH(n);
    if (n > 0)
        memcpy(RTA_DATA(at), data, n);
    return at;
}

static void text(struct request *r, uint16_t type, const char *s)
{
    attribute(r, type, s, strlen(s) + 1);
}

/* The attributes added since `at` are inside of it. */
static void close_nest(struct request *r, struct rtattr *at)
{
    at->rta_len = (uint16_t)(r->bytes + r->head.nlmsg_len - (char *)at);
}

bool netlink_open(int *out, struct err *e)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return err_sys(e, "open an rtnetlink socket");
    *out = fd;
    return true;
}

static bool transact(int nl, struct request *r, const char *what, struct err *e)
{
    union {
        struct nlmsghdr head;
        char bytes[4096];
    } answer;
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
    if (sendto(nl, r->bytes, r->head.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0)
        return err_sys(e, "network: %s", what);
    ssize_t n;
    do {
        n = recv(nl, answer.bytes, sizeof answer.bytes, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_sys(e, "network: %s", what);
    if ((size_t)n < NLMSG_LENGTH(sizeof(struct nlmsgerr)) || answer.head.nlmsg_type != NLMSG_ERROR)
        return err_set(e, ERR_IO, "network: %s: strange answer of the kernel", what);
    struct nlmsgerr *verdict = NLMSG_DATA(&answer.head);
    if (verdict->error == 0)
        return true;
    errno = -verdict->error;
    return err_sys(e, "network: %s", what);
}

bool netlink_link_up(int nl, const char *name, struct err *e)
{
    struct request r;
    struct ifinfomsg *link = start(&r, RTM_NEWLINK, 0, sizeof *link);
    link->ifi_family = AF_UNSPEC;
    link->ifi_flags = IFF_UP;
    link->ifi_change = IFF_UP;
    text(&r, IFLA_IFNAME, name);
    return transact(nl, &r, "set a link up", e);
}

bool netlink_link_delete(int nl, const char *name, struct err *e)
{
    struct request r;
    struct ifinfomsg *link = start(&r, RTM_DELLINK, 0, sizeof *link);
    link->ifi_family = AF_UNSPEC;
    text(&r, IFLA_IFNAME, name);
    return transact(nl, &r, "delete a link", e);
}

bool netlink_bridge_add(int nl, const char *name, struct err *e)
{
    struct request r;
    struct ifinfomsg *link = start(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof *link);
    link->ifi_family = AF_UNSPEC;
    text(&r, IFLA_IFNAME, name);
    struct rtattr *info = attribute(&r, IFLA_LINKINFO, NULL, 0);
    text(&r, IFLA_INFO_KIND, "bridge");
    close_nest(&r, info);
    return transact(nl, &r, "create the bridge (kernel module bridge)", e);
}

bool netlink_veth_add(int nl, const char *name, unsigned master, const char *peer, int peer_ns,
                      const uint8_t peer_mac[6], struct err *e)
{
    struct request r;
    struct ifinfomsg *link = start(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof *link);
    link->ifi_family = AF_UNSPEC;
    link->ifi_flags = IFF_UP;
    link->ifi_change = IFF_UP;
    text(&r, IFLA_IFNAME, name);
    attribute(&r, IFLA_MASTER, &master, sizeof master);
    struct rtattr *info = attribute(&r, IFLA_LINKINFO, NULL, 0);
    text(&r, IFLA_INFO_KIND, "veth");
    struct rtattr *data = attribute(&r, IFLA_INFO_DATA, NULL, 0);
    struct rtattr *end = attribute(&r, VETH_INFO_PEER, NULL, 0);
    struct ifinfomsg *other = put(&r, sizeof *other);
    other->ifi_family = AF_UNSPEC;
    text(&r, IFLA_IFNAME, peer);
    attribute(&r, IFLA_ADDRESS, peer_mac, 6);
    attribute(&r, IFLA_NET_NS_FD, &peer_ns, sizeof peer_ns);
    close_nest(&r, end);
    close_nest(&r, data);
    close_nest(&r, info);
    return transact(nl, &r, "create a link pair (kernel module veth)", e);
}

bool netlink_address_add(int nl, unsigned index, uint32_t address, uint8_t prefix, struct err *e)
{
    struct request r;
    struct ifaddrmsg *m = start(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof *m);
    m->ifa_family = AF_INET;
    m->ifa_prefixlen = prefix;
    m->ifa_index = index;
    uint32_t wire = htonl(address);
    attribute(&r, IFA_LOCAL, &wire, sizeof wire);
    attribute(&r, IFA_ADDRESS, &wire, sizeof wire);
    return transact(nl, &r, "add an address", e);
}

bool netlink_route_default(int nl, uint32_t gateway, struct err *e)
{
    struct request r;
    struct rtmsg *m = start(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof *m);
    m->rtm_family = AF_INET;
    m->rtm_table = RT_TABLE_MAIN;
    m->rtm_protocol = RTPROT_BOOT;
    m->rtm_scope = RT_SCOPE_UNIVERSE;
    m->rtm_type = RTN_UNICAST;
    uint32_t wire = htonl(gateway);
    attribute(&r, RTA_GATEWAY, &wire, sizeof wire);
    return transact(nl, &r, "add the default route", e);
}

bool netlink_route_local(int nl, unsigned index, uint32_t net, uint8_t prefix, struct err *e)
{
    struct request r;
    struct rtmsg *m = start(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof *m);
    m->rtm_family = AF_INET;
    m->rtm_dst_len = prefix;
    m->rtm_table = RT_TABLE_LOCAL;
    m->rtm_protocol = RTPROT_BOOT;
    m->rtm_scope = RT_SCOPE_HOST;
    m->rtm_type = RTN_LOCAL;
    uint32_t wire = htonl(net);
    attribute(&r, RTA_DST, &wire, sizeof wire);
    attribute(&r, RTA_OIF, &index, sizeof index);
    return transact(nl, &r, "add the route of the Services", e);
}
