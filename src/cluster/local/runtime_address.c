/* Service tables and sockets into an environment. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sys.h"
#include "cluster/local/environment.h"
#include "cluster/local/services.h"

static struct value port_value(struct arena *a, const struct runtime_service_port *p)
{
    struct value v = value_map(a), endpoints = value_list(a);
    for (size_t i = 0; i < p->n_endpoints; i++)
        list_push(a, endpoints.list, value_fmt(a, "%.*s:%d", STR(p->endpoints[i].ip), p->endpoints[i].port));
    value_set(a, &v, "port", value_int(p->port));
    value_set(a, &v, "endpoints", endpoints);
    return v;
}

static struct value service_value(struct arena *a, const struct runtime_service *s)
{
    struct value v = value_map(a), ports = value_list(a);
    for (size_t i = 0; i < s->n_ports; i++)
        list_push(a, ports.list, port_value(a, &s->ports[i]));
    value_set_str(a, &v, "name", s->name);
    value_set_str(a, &v, "ns", s->ns);
    value_set_str(a, &v, "ip", s->ip);
    value_set(a, &v, "ports", ports);
    return v;
}

bool runtime_services_set(struct runtime *r, struct str env_name, const struct runtime_service *v, size_t n,
                          struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct environment *env;
    struct wire_message m;
    if (!environment_of(r, env_name, &env, e))
        return false;
    struct value body = runtime_request(&a, "services", S(""), S("")), list = value_list(&a);
    for (size_t i = 0; i < n; i++)
        list_push(&a, list.list, service_value(&a, &v[i]));
    value_set(&a, &body, "services", list);
    if (!environment_call(&a, env, &body, NULL, 0, &m, e))
        return err_wrap(e, "set the services of environment %.*s", STR(env_name));
    wire_close(&m);
    return true;
}

/* ---- dialling ---------------------------------------------------------------------------------------------- */

static int take_spare(struct environment *env)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&env->lock);
    return env->n_spare > 0 ? env->spare[--env->n_spare] : -1;
}

static void keep_spares(struct environment *env, struct wire_message *m)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&env->lock);
    while (m->n_fds > 0 && env->n_spare < SPARE_SOCKETS)
        env->spare[env->n_spare++] = m->fds[--m->n_fds];
    wire_close(m);
}

/* An unconnected socket of the environment's network: one request fetches many of them. */
static bool take_socket(struct environment *env, int *out, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct wire_message m;
    *out = environment_alive(env) ? take_spare(env) : -1; /* a dead network's sockets reach nothing */
    if (*out >= 0)
        return true;
    struct value body = runtime_request(&a, "sockets", S(""), S(""));
    if (!environment_call(&a, env, &body, NULL, 0, &m, e))
        return false;
    if (m.n_fds == 0)
        return err_set(e, ERR_UNAVAILABLE, "environment %s gave no socket", env->name);
    *out = m.fds[--m.n_fds];
    keep_spares(env, &m);
    return true;
}

static bool await_connection(int fd, int64_t timeout_ms, struct err *e)
{
    struct pollfd p = { fd, POLLOUT, 0 };
    int64_t deadline = clock_mono_ms() + timeout_ms;
    int failed = 0, n;
    socklen_t size = sizeof failed;
    do {
        int64_t left = deadline - clock_mono_ms();
        n = poll(&p, 1, left > 0 ? (int)left : 0);
    } while (n < 0 && errno == EINTR);
    if (n == 0)
        return err_set(e, ERR_UNAVAILABLE, "no answer within %lld ms", (long long)timeout_ms);
    if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0)
        return err_sys(e, "connect");
    errno = failed;
    return failed == 0 || err_sys(e, "connect");
}

bool runtime_dial(struct runtime *r, struct str env_name, struct str ip, int port, int64_t timeout_ms, int *out_fd,
                  struct err *e)
{
    struct environment *env;
    CLEANUP(fd_close) int fd = -1;
    uint32_t address;
    int one = 1;
    if (!address_parse(ip, &address) || port <= 0 || port > UINT16_MAX)
        return err_set(e, ERR_INVALID, "dial %.*s:%d: not an address", STR(ip), port);
    if (!environment_of(r, env_name, &env, e) || !take_socket(env, &fd, e))
        return false;
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(address) };
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    bool connected = connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    if (!connected)
        connected = errno == EINPROGRESS ? await_connection(fd, timeout_ms, e) : err_sys(e, "connect");
    if (!connected) {
        e->kind = ERR_UNAVAILABLE;
        return err_wrap(e, "dial %.*s:%d", STR(ip), port);
    }
    *out_fd = fd_take(&fd);
    return true;
}
