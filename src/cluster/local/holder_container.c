/* Containers: start, output to the log, status lines of the init, the end. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "cluster/local/holder.h"
#include "cluster/local/launch.h"
#include "cluster/local/spec.h"
#include "data/json.h"

enum { READ_SIZE = 64 << 10, READS_PER_EVENT = 4 };

struct container *container_find(struct pod *p, struct str name)
{
    for (struct container *c = p->containers; c != NULL; c = c->next)
        if (str_is(name, c->name))
            return c;
    return NULL;
}

bool container_of(struct holder *h, struct request *r, struct container **out, struct err *e)
{
    struct pod *p;
    struct str name = value_str_at(&r->m->body, "name");
    if (!pod_of(h, r, &p, e))
        return false;
    *out = container_find(p, name);
    return *out != NULL || err_set(e, ERR_NOT_FOUND, "container %.*s was never started in pod %s", STR(name), p->id);
}

void container_kill(struct container *c, int sig)
{
    if (c->pid != 0)
        syscall(SYS_pidfd_send_signal, c->pidfd, sig, NULL, 0);
}

void container_free(struct container *c)
{
    struct loop *l = &c->pod->h->loop;
    loop_unwatch(l, &c->status);
    loop_unwatch(l, &c->output[0]);
    loop_unwatch(l, &c->output[1]);
    crilog_close(&c->log);
    fd_close(&c->pidfd);
    free(c->spec);
    loop_free(l, c);
}

/* ---- what it prints --------------------------------------------------------------------------------- */

static void read_output(struct container *c, int which, int reads)
{
    static char bytes[READ_SIZE];
    struct watch *w = &c->output[which];
    while (w->ready != NULL && reads-- > 0) {
        ssize_t n = read(w->fd, bytes, sizeof bytes);
        if (n > 0) {
            crilog_feed(&c->log, &c->stream[which], (struct str){ bytes, (size_t)n });
            continue;
        }
        if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            crilog_flush(&c->log, &c->stream[which]);
            loop_unwatch(&c->pod->h->loop, w);
        }
        return;
    }
}

static void output_ready(struct watch *w, uint32_t events)
{
    struct container *c = w->owner;
    read_output(c, w == &c->output[1], READS_PER_EVENT);
}

/* ---- what its init says ------------------------------------------------------------------------------ */

static void answer_start(struct container *c)
{
    if (c->waiter == 0)
        return;
    if (c->start_error.kind != ERR_NONE)
        holder_reply_error(c->pod->h, c->waiter, &c->start_error);
    else
        holder_reply_ok(c->pod->h, c->waiter);
    c->waiter = 0;
}

static void take_line(struct container *c, struct str line)
{
    struct str word;
    int64_t code, sig;
    str_split(&line, S(" "), &word);
    if (str_is(word, "S")) {
        c->started = true;
        answer_start(c);
    } else if (str_is(word, "E")) {
        if (launch_report_read(line, &c->start_error))
            err_set_(&c->start_error, ERR_IO, "the container's init failed without a reason");
    } else if (str_is(word, "O")) {
        c->oom_killed = true;
    } else if (str_is(word, "X") && str_split(&line, S(" "), &word) && str_to_int(word, &code)
               && str_to_int(line, &sig)) {
        c->exit_code = (int)code;
        c->signal = (int)sig;
    }
}

/* The init is ours, but container root shares its ids: lines are bounded and nonsense is passed over. */
static void read_status(struct container *c)
{
    while (c->status.ready != NULL) {
        ssize_t n = read(c->status.fd, c->line + c->line_n, sizeof c->line - c->line_n);
        if (n <= 0) {
            if (n == 0 || (errno != EAGAIN && errno != EINTR))
                loop_unwatch(&c->pod->h->loop, &c->status);
            return;
        }
        c->line_n += (size_t)n;
        for (char *end; (end = memchr(c->line, '\n', c->line_n)) != NULL;) {
            size_t used = (size_t)(end - c->line) + 1;
            take_line(c, (struct str){ c->line, used - 1 });
            c->line_n -= used;
            memmove(c->line, c->line + used, c->line_n);
        }
        if (c->line_n == sizeof c->line)
            c->line_n = 0;
    }
}

static void status_ready(struct watch *w, uint32_t events)
{
    read_status(w->owner);
}

void container_reaped(struct container *c, int status)
{
    enum { ALL = 1 << 20 };
    char path[256];
    struct err e = { 0 };
    struct holder *h = c->pod->h;
    read_status(c);
    for (int which = 0; which < 2; which++) {
        read_output(c, which, ALL); /* all writers are dead: this meets the end */
        crilog_flush(&c->log, &c->stream[which]);
        loop_unwatch(&h->loop, &c->output[which]);
    }
    if (c->exit_code < 0) { /* the init was killed itself, and so could not tell */
        c->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        c->exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    if (!c->started && c->start_error.kind == ERR_NONE)
        err_set_(&c->start_error, ERR_IO, "the container's init ended before its program ran (status %d)",
                 c->exit_code);
    c->pid = 0;
    c->finished_ms = clock_wall_ms();
    fd_close(&c->pidfd);
    crilog_close(&c->log);
    loop_unwatch(&h->loop, &c->status);
    answer_start(c);
    holder_event(h, "exit", c);
    snprintf(path, sizeof path, "env/pods/%s/run/%s.%d", c->pod->id, c->name, c->attempt);
    if (!c->pod->removing && !task_remove_files(h, path, NULL, &e))
        fprintf(stderr, "%s\n", e.text);
    pod_ended(c->pod);
}

/* ---- start -------------------------------------------------------------------------------------------- */

struct ends { /* what the child gets, and what we keep */
    int null, spec, status[2], out[2], err[2];
};

static void close_ends(struct ends *n)
{
    int *all[] = { &n->null, &n->spec, &n->status[0], &n->status[1], &n->out[0], &n->out[1], &n->err[0], &n->err[1] };
    for (size_t i = 0; i < COUNT(all); i++)
        fd_close(all[i]);
}

static bool open_ends(struct ends *n, struct str spec, struct err *e)
{
    *n = (struct ends){ -1, -1, { -1, -1 }, { -1, -1 }, { -1, -1 } };
    n->null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (n->null < 0 || pipe2(n->status, O_CLOEXEC) != 0 || pipe2(n->out, O_CLOEXEC) != 0
        || pipe2(n->err, O_CLOEXEC) != 0)
        return err_sys(e, "create a pipe");
    int ours[] = { n->status[0], n->out[0], n->err[0] };
    for (size_t i = 0; i < COUNT(ours); i++)
        fcntl(ours[i], F_SETFL, O_NONBLOCK);
    n->spec = wire_memory_file(spec, e);
    return n->spec >= 0;
}

/* In the child, where nothing may allocate: descriptors to their places, then become the init. */
static _Noreturn void become_init(const struct holder *h, const struct ends *n)
{
    static char name[] = "vitrine", command[] = "__container";
    char *const argv[] = { name, command, NULL };
    char *const env[] = { NULL };
    const int from[] = { n->null, n->out[1], n->err[1], n->spec, n->status[1], -1 };
    dup2(h->filters, CONTAINER_FD_FILTERS);
    dup2(HOLDER_FD_LOCK, CONTAINER_FD_LOCK); /* before its old place is taken */
    for (int to = 0; to < CONTAINER_FD_LOCK; to++)
        if (dup2(from[to], to) < 0)
            _exit(125);
    syscall(SYS_execveat, h->launcher, "", argv, env, AT_EMPTY_PATH);
    _exit(125);
}

static bool clone_init(struct holder *h, struct container *c, const struct ends *n, struct err *e)
{
    struct clone_args args = {
        .flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)&c->pidfd,
        .exit_signal = SIGCHLD,
    };
    if (!network_enter(h, c->pod->netns, e))
        return false;
    long pid = syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0)
        become_init(h, n);
    int os = errno;
    network_leave(h);
    errno = os;
    if (pid < 0)
        return err_sys(e, "create the container's namespaces");
    c->pid = (pid_t)pid;
    return true;
}

static bool make_folders(struct request *r, const char *dir, struct err *e)
{
    const char *parts[] = { dir, arena_fmt(r->a, "%s/upper", dir).p, arena_fmt(r->a, "%s/work", dir).p };
    for (size_t i = 0; i < COUNT(parts); i++)
        if (mkdir(parts[i], 0755) != 0)
            return err_sys(e, "create %s", parts[i]);
    return true;
}

static bool complete_spec(struct holder *h, struct request *r, const struct container *c, struct str *out,
                          struct err *e)
{
    struct value spec = *value_get(&r->m->body, "spec");
    if (!value_is(&spec, VALUE_MAP))
        return err_set(e, ERR_INVALID, "start of container %s without a specification", c->name);
    struct str dir = arena_fmt(r->a, "env/pods/%s/run/%s.%d", c->pod->id, c->name, c->attempt);
    value_set_str(r->a, &spec, "dir", dir);
    value_set_str(r->a, &spec, "etc", arena_fmt(r->a, "env/pods/%s/etc", c->pod->id));
    value_set(r->a, &spec, "fakeIds", value_bool(h->fake_ids));
    *out = json_str(r->a, &spec, 0);
    return make_folders(r, dir.p, e);
}

static bool watch_ends(struct holder *h, struct container *c, struct ends *n, struct err *e)
{
    return loop_watch(&h->loop, &c->status, fd_take(&n->status[0]), EPOLLIN, status_ready, c, e)
           && loop_watch(&h->loop, &c->output[0], fd_take(&n->out[0]), EPOLLIN, output_ready, c, e)
           && loop_watch(&h->loop, &c->output[1], fd_take(&n->err[0]), EPOLLIN, output_ready, c, e);
}

/* As a kubelet does: the log of this attempt and of the one before stay. */
static void drop_old_logs(struct request *r, const struct container *c)
{
    const char *log = arena_fmt(r->a, "env/pods/%s/logs/%s.%d.log", c->pod->id, c->name, c->attempt - 2).p;
    unlink(log);
    for (int i = 1; i < CRILOG_FILES; i++)
        unlink(arena_fmt(r->a, "%s.%d", log, i).p);
}

static bool launch(struct holder *h, struct request *r, struct container *c, struct err *e)
{
    struct ends n;
    struct str spec;
    const char *log = arena_fmt(r->a, "env/pods/%s/logs/%s.%d.log", c->pod->id, c->name, c->attempt).p;
    struct str search = value_str_at(&r->m->body, "search");
    drop_old_logs(r, c);
    if (search.n > 0 && !pod_resolv_conf(r->a, c->pod, search, e))
        return false;
    if (!complete_spec(h, r, c, &spec, e) || !crilog_open(&c->log, log, e))
        return false;
    c->spec = malloc(spec.n + 1);
    if (c->spec == NULL)
        return err_set(e, ERR_LIMIT, "out of memory");
    memcpy(c->spec, spec.p, spec.n);
    c->spec_n = spec.n;
    bool ok = open_ends(&n, spec, e) && watch_ends(h, c, &n, e) && clone_init(h, c, &n, e);
    close_ends(&n);
    return ok;
}

/* A container of that name that has ended makes room for its next attempt. */
static bool make_room(struct pod *p, struct str name, struct err *e)
{
    for (struct container **at = &p->containers; *at != NULL; at = &(*at)->next) {
        struct container *old = *at;
        if (!str_is(name, old->name))
            continue;
        if (old->pid != 0)
            return err_set(e, ERR_CONFLICT, "container %s of pod %s is running", old->name, p->id);
        *at = old->next;
        container_free(old);
        return true;
    }
    return true;
}

/* An attempt is started once, though it be asked for twice: its main may have been killed before it could write so. */
static bool is_begun(struct holder *h, struct request *r, struct pod *p, struct str name, int attempt)
{
    struct container *c = container_find(p, name);
    if (c == NULL || c->attempt != attempt)
        return false;
    if (c->pid != 0 && !c->started)
        c->waiter = r->peer->id;
    else
        holder_reply_ok(h, r->peer->id);
    return true;
}

bool container_start(struct holder *h, struct request *r, struct err *e)
{
    struct pod *p;
    struct str name = value_str_at(&r->m->body, "name");
    int attempt = (int)value_int_at(&r->m->body, "attempt", 0);
    if (!pod_of(h, r, &p, e) || !holder_name_check(name, e))
        return false;
    if (is_begun(h, r, p, name, attempt))
        return true;
    if (!make_room(p, name, e))
        return false;
    struct container *c = calloc(1, sizeof *c);
    if (c == NULL)
        return err_set(e, ERR_LIMIT, "out of memory");
    snprintf(c->name, sizeof c->name, "%.*s", STR(name));
    c->pod = p;
    c->attempt = attempt;
    c->pidfd = c->log.fd = c->exit_code = -1;
    c->stream[0].name = "stdout";
    c->stream[1].name = "stderr";
    c->started_ms = clock_wall_ms();
    if (!launch(h, r, c, e)) {
        container_free(c);
        return err_wrap(e, "start container %.*s", STR(name));
    }
    c->waiter = r->peer->id; /* answered when the program runs, or cannot */
    c->next = p->containers;
    p->containers = c;
    return true;
}

bool container_signal(struct holder *h, struct request *r, struct err *e)
{
    struct container *c;
    int64_t sig = value_int_at(&r->m->body, "signal", 0);
    if (!container_of(h, r, &c, e))
        return false;
    if (sig <= 0 || sig >= NSIG)
        return err_set(e, ERR_INVALID, "there is no signal %lld", (long long)sig);
    container_kill(c, (int)sig);
    holder_reply_ok(h, r->peer->id);
    return true;
}

bool container_state(struct holder *h, struct request *r, struct err *e)
{
    struct value v = value_map(r->a);
    struct pod *p = pod_find(h, value_str_at(&r->m->body, "pod"));
    struct container *c = p != NULL ? container_find(p, value_str_at(&r->m->body, "name")) : NULL;
    if (c != NULL) {
        value_set(r->a, &v, "attempt", value_int(c->attempt));
        value_set(r->a, &v, "running", value_bool(c->pid != 0));
        value_set(r->a, &v, "exitCode", value_int(c->pid == 0 ? c->exit_code : 0));
        value_set(r->a, &v, "signal", value_int(c->signal));
        value_set(r->a, &v, "oomKilled", value_bool(c->oom_killed));
        value_set(r->a, &v, "startedMs", value_int(c->started_ms));
        value_set(r->a, &v, "finishedMs", value_int(c->finished_ms));
        value_set_str(r->a, &v, "startError", str_c(c->start_error.text));
    }
    value_set(r->a, &v, "exists", value_bool(c != NULL));
    holder_reply(h, r->peer->id, r->a, &v, NULL, 0);
    return true;
}
