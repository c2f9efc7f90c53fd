/* The holder's main loop: connections of the runtime, requests, ended children. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "cluster/local/confine.h"
#include "cluster/local/holder.h"
#include "cluster/local/ids.h"
#include "cluster/local/launch.h"
#include "cluster/local/local.h"

/* ---- talking -------------------------------------------------------------------------------------------- */

bool holder_name_check(struct str name, struct err *e)
{
    bool ok = name.n > 0 && name.n <= NAME_MAX_BYTES && name.p[0] != '.';
    for (size_t i = 0; ok && i < name.n; i++) {
        char c = name.p[i];
        ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-'
             || c == '_';
    }
    return ok || err_set(e, ERR_INVALID, "bad name \"%.*s\"", STR(name));
}

static void hang_up(struct peer *p)
{
    struct holder *h = p->h;
    struct peer **at = &h->peers;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    h->n_peers--;
    task_peer_gone(h, p->id);
    loop_unwatch(&h->loop, &p->watch);
    loop_free(&h->loop, p);
}

static struct peer *find_peer(struct holder *h, uint64_t id)
{
    for (struct peer *p = h->peers; p != NULL; p = p->next)
        if (p->id == id)
            return p;
    return NULL;
}

/* A peer that does not take its answer is cut off: the holder waits for nobody. It hangs up on its next event. */
static void send_to(struct arena *a, struct peer *p, const struct value *body, const int *fds, int n_fds)
{
    struct err e = { 0 };
    if (!wire_send(a, p->watch.fd, body, fds, n_fds, 0, &e))
        shutdown(p->watch.fd, SHUT_RDWR);
}

void holder_reply(struct holder *h, uint64_t peer, struct arena *a, const struct value *body, const int *fds, int n_fds)
{
    struct peer *p = peer != 0 ? find_peer(h, peer) : NULL;
    if (p != NULL)
        send_to(a, p, body, fds, n_fds);
}

void holder_reply_ok(struct holder *h, uint64_t peer)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value body = value_map(&a);
    holder_reply(h, peer, &a, &body, NULL, 0);
}

void holder_reply_error(struct holder *h, uint64_t peer, const struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value body = value_map(&a);
    wire_put_error(&a, &body, e);
    holder_reply(h, peer, &a, &body, NULL, 0);
}

void holder_event(struct holder *h, const char *event, const struct container *c)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value body = value_map(&a);
    value_set_str(&a, &body, "event", str_c(event));
    value_set_str(&a, &body, "pod", str_c(c->pod->id));
    value_set_str(&a, &body, "name", str_c(c->name));
    for (struct peer *p = h->peers; p != NULL; p = p->next)
        if (p->subscribed)
            send_to(&a, p, &body, NULL, 0);
}

/* ---- requests ------------------------------------------------------------------------------------------- */

static bool hello(struct holder *h, struct request *r, struct err *e)
{
    struct value body = value_map(r->a);
    value_set(r->a, &body, "protocol", value_int(AGENT_PROTOCOL));
    value_set(r->a, &body, "pid", value_int(getpid()));
    r->peer->subscribed = value_bool_at(&r->m->body, "subscribe", false);
    holder_reply(h, r->peer->id, r->a, &body, NULL, 0);
    return true;
}

static void begin_stop(struct holder *h)
{
    if (h->stopping)
        return;
    h->stopping = true;
    struct pod *next;
    for (struct pod *p = h->pods; p != NULL; p = next) {
        next = p->next;
        if (!p->removing)
            pod_begin_removal(p);
    }
    if (h->pods == NULL)
        h->loop.stopped = true;
}

static bool stop(struct holder *h, struct request *r, struct err *e)
{
    h->stop_waiter = r->peer->id;
    begin_stop(h);
    return true;
}

static const struct operation {
    const char *name;
    bool (*run)(struct holder *h, struct request *r, struct err *e);
} operations[] = {
    { "hello", hello },
    { "pod", pod_create },
    { "pod-remove", pod_remove },
    { "volume", pod_volume },
    { "write", pod_write },
    { "start", container_start },
    { "signal", container_signal },
    { "state", container_state },
    { "exec", task_exec },
    { "services", network_services },
    { "sockets", network_sockets },
    { "stop", stop },
};

static bool dispatch(struct holder *h, struct request *r, struct err *e)
{
    struct str op = value_str_at(&r->m->body, "op");
    if (h->stopping)
        return err_set(e, ERR_UNAVAILABLE, "environment %s is being stopped", h->name);
    for (size_t i = 0; i < COUNT(operations); i++)
        if (str_is(op, operations[i].name))
            return operations[i].run(h, r, e);
    return err_set(e, ERR_INVALID, "the holder knows no \"%.*s\"", STR(op));
}

static void peer_ready(struct watch *w, uint32_t events)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct peer *p = w->owner;
    struct holder *h = p->h;
    struct wire_message m;
    struct err e = { 0 };
    if (!wire_receive(&a, w->fd, 0, &m, &e)) {
        hang_up(p);
        return;
    }
    struct request r = { &a, p, &m };
    if (!dispatch(h, &r, &e))
        holder_reply_error(h, p->id, &e);
    wire_close(&m);
}

/*
 * The socket lies in a folder that only the maker may enter. As a second wall, ids of containers are refused: with a
 * whole range the maker is outside of it and shows as the overflow id, with one id it is root in here.
 */
static bool is_maker(const struct holder *h, int fd)
{
    struct ucred peer;
    socklen_t n = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && peer.uid == (h->fake_ids ? 0 : IDS_OVERFLOW);
}

static void listen_ready(struct watch *w, uint32_t events)
{
    struct holder *h = w->owner;
    struct err e = { 0 };
    int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct peer *p = fd >= 0 && is_maker(h, fd) && h->n_peers < PEERS_MAX ? calloc(1, sizeof *p) : NULL;
    if (p == NULL) {
        fd_close(&fd);
        return;
    }
    *p = (struct peer){ .next = h->peers, .h = h, .id = ++h->last_peer };
    h->peers = p;
    h->n_peers++;
    if (!loop_watch(&h->loop, &p->watch, fd, EPOLLIN, peer_ready, p, &e))
        hang_up(p);
}

/* ---- children ------------------------------------------------------------------------------------------- */

static void child_ended(struct holder *h, pid_t pid, int status)
{
    for (struct task *t = h->tasks; t != NULL; t = t->next)
        if (t->pid == pid) {
            task_reaped(t, status);
            return;
        }
    for (struct pod *p = h->pods; p != NULL; p = p->next)
        for (struct container *c = p->containers; c != NULL; c = c->next)
            if (c->pid == pid) {
                container_reaped(c, status);
                return;
            }
}

static void signal_ready(struct watch *w, uint32_t events)
{
    struct holder *h = w->owner;
    struct signalfd_siginfo info;
    int status;
    pid_t pid;
    while (read(w->fd, &info, sizeof info) == sizeof info)
        if (info.ssi_signo == SIGTERM)
            begin_stop(h);
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        child_ended(h, pid, status);
}

/* ---- start ---------------------------------------------------------------------------------------------- */

static bool watch_signals(struct holder *h, struct err *e)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_SETMASK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd >= 0 ? loop_watch(&h->loop, &h->signals, fd, EPOLLIN, signal_ready, h, e) : err_sys(e, "signalfd");
}

/*
 * Somebody removed our folder while we ran (a test's, a demo's). Nobody can find this environment any more, so nobody
 * could ever stop it: it stops itself.
 */
static void lock_ready(struct watch *w, uint32_t events)
{
    struct holder *h = w->owner;
    char event[sizeof(struct inotify_event) + NAME_MAX + 1];
    struct stat st;
    while (read(w->fd, event, sizeof event) > 0)
        continue;
    if (fstat(HOLDER_FD_LOCK, &st) == 0 && st.st_nlink == 0)
        begin_stop(h);
}

/* Before our ids change: the file is the maker's. */
static bool watch_lock(struct holder *h, struct err *e)
{
    char path[64];
    CLEANUP(fd_close) int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    snprintf(path, sizeof path, "/proc/self/fd/%d", HOLDER_FD_LOCK);
    if (fd < 0 || inotify_add_watch(fd, path, IN_ATTRIB | IN_DELETE_SELF) < 0)
        return err_sys(e, "watch the environment's lock file");
    return loop_watch(&h->loop, &h->lock, fd_take(&fd), EPOLLIN, lock_ready, h, e);
}

/* A container takes five descriptors, a connection two. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool begin(struct holder *h, const struct holder_setup *s, struct err *e)
{
    setsid();
    umask(022);
    raise_descriptors();
    /* programs that a container leaves behind can only be its own; but children of exec come to us */
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    return loop_open(&h->loop, e) && watch_signals(h, e) && watch_lock(h, e) && setup_namespaces(h, s, e)
           && network_open(h, e) && confine_filters_make(h->fake_ids, &h->filters, e)
           && loop_watch(&h->loop, &h->listen, HOLDER_FD_LISTEN, EPOLLIN, listen_ready, h, e);
}

/* The first ten descriptors have fixed meanings in children: nothing of ours may come to lie there. */
static bool hold_low_descriptors(void)
{
    for (int fd = HOLDER_FD_LOCK; fd <= HOLDER_FD_CONTROL; fd++)
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
            return false;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = HOLDER_FD_CONTROL + 1; null >= 0 && fd < HOLDER_FD_FIRST_FREE; fd++)
        if (fd != null && dup3(null, fd, O_CLOEXEC) < 0)
            return false;
    return null >= 0;
}

/* Not a holder but the same way into a namespace: orders about files, from the memory file at HOLDER_FD_LOCK. */
static bool run_orders(struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct str orders;
    return setup_files_namespace(e)
           && fs_read(&a, AT_FDCWD, arena_fmt(&a, "/proc/self/fd/%d", HOLDER_FD_LOCK).p, FS_READ_MAX, &orders, e)
           && ids_carry_out(orders, e);
}

static _Noreturn void end_setup(bool ok, const struct err *e)
{
    if (ok)
        _exit(write(HOLDER_FD_CONTROL, "r", 1) == 1 ? 0 : 1);
    launch_report(HOLDER_FD_CONTROL, e);
    _exit(1);
}

int local_holder_main(int argc, char **argv)
{
    static struct holder h = { .launcher = -1, .netns = -1, .netlink = -1 };
    struct err e = { 0 };
    if (argc != 5 || !hold_low_descriptors()) {
        fprintf(stderr, "%s is not for people: the local engine starts it\n", argc > 1 ? argv[1] : "this");
        return 2;
    }
    if (strcmp(argv[4], "files") == 0)
        end_setup(run_orders(&e), &e);
    struct holder_setup s = { argv[2], argv[3], strcmp(argv[4], "range") == 0 };
    if (!begin(&h, &s, &e))
        end_setup(false, &e);
    if (write(HOLDER_FD_CONTROL, "r", 1) != 1) /* ready */
        _exit(1);
    dup3(0, HOLDER_FD_CONTROL, O_CLOEXEC);
    loop_run(&h.loop);
    holder_reply_ok(&h, h.stop_waiter);
    _exit(0);
}
