/* One environment from outside: start or find its holder, ask it, end it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "cluster/local/environment.h"
#include "cluster/local/environment_spawn.h"

enum { BACKLOG = 64, DYING_MS = 10000, RETRY_MS = 5 };

const char *environment_path(struct arena *a, const struct environment *env, const char *below)
{
    return arena_fmt(a, "%s/env/%s/%s", env->r->data_dir, env->name, below).p;
}

/* ---- the socket ------------------------------------------------------------------------------------- */

/* Socket addresses hold 107 bytes, data folders may be longer: go through the folder's descriptor. */
static bool socket_address(const struct environment *env, int *dir, struct sockaddr_un *out, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const char *path = environment_path(&a, env, "");
    *dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*dir < 0)
        return err_sys(e, "open %s", path);
    *out = (struct sockaddr_un){ .sun_family = AF_UNIX };
    snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d/holder.sock", *dir);
    return true;
}

static bool open_listener(const struct environment *env, int *out, struct err *e)
{
    struct sockaddr_un address;
    CLEANUP(fd_close) int dir = -1;
    if (!socket_address(env, &dir, &address, e))
        return false;
    CLEANUP(fd_close) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if ((unlinkat(dir, "holder.sock", 0) != 0 && errno != ENOENT) || fd < 0
        || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, BACKLOG) != 0)
        return err_sys(e, "open the holder's socket");
    *out = fd_take(&fd);
    return true;
}

bool environment_connect(struct environment *env, int *out, struct err *e)
{
    struct sockaddr_un address;
    CLEANUP(fd_close) int dir = -1, fd = -1;
    if (!socket_address(env, &dir, &address, e)) {
        e->kind = ERR_UNAVAILABLE;
        return err_wrap(e, "environment %s is not running", env->name);
    }
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        err_sys_(e, "environment %s is not running", env->name);
        e->kind = ERR_UNAVAILABLE;
        return false;
    }
    *out = fd_take(&fd);
    return true;
}

static bool hello(struct environment *env, int fd, bool subscribe, pid_t *pid, int64_t *protocol, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct wire_message m;
    struct value body = runtime_request(&a, "hello", S(""), S(""));
    int64_t deadline = clock_mono_ms() + CALL_MS;
    value_set(&a, &body, "subscribe", value_bool(subscribe));
    if (!wire_send(&a, fd, &body, NULL, 0, deadline, e) || !wire_receive(&a, fd, deadline, &m, e))
        return false;
    wire_close(&m);
    *pid = (pid_t)value_int_at(&m.body, "pid", 0);
    *protocol = value_int_at(&m.body, "protocol", 0);
    return *pid > 0 || err_set(e, ERR_INVALID, "environment %s: a stranger answers on its socket", env->name);
}

/* ---- being connected -------------------------------------------------------------------------------- */

static void disconnect(struct environment *env)
{
    fd_close(&env->calls);
    fd_close(&env->pidfd);
    while (env->n_spare > 0)
        close(env->spare[--env->n_spare]);
    env->pid = 0;
}

bool environment_listen(struct environment *env, pid_t child, int pidfd, struct err *e)
{
    CLEANUP(fd_close) int events = -1;
    int64_t protocol;
    pid_t pid;
    return environment_connect(env, &events, e) && hello(env, events, true, &pid, &protocol, e)
           && runtime_subscribe(env, fd_take(&events), child, pidfd, e);
}

static bool attach(struct environment *env, pid_t child, struct err *e)
{
    int64_t protocol = 0;
    pid_t pid = 0;
    disconnect(env);
    if (!environment_connect(env, &env->calls, e) || !hello(env, env->calls, false, &pid, &protocol, e))
        return false;
    /* while the holder answers, the number is surely its own */
    env->pid = pid;
    env->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (protocol != AGENT_PROTOCOL)
        return err_set(e, ERR_CONFLICT, "environment %s: its holder speaks protocol %lld, not %d", env->name,
                       (long long)protocol, AGENT_PROTOCOL);
    return environment_listen(env, child, env->pidfd, e);
}

/* What an earlier vitrine left running is found at the first look. Under env->lock. */
static void find_holder(struct environment *env)
{
    struct err ignored;
    if (env->looked)
        return;
    env->looked = true;
    if (env->calls < 0 && !attach(env, 0, &ignored))
        disconnect(env);
}

bool environment_alive(struct environment *env)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&env->lock);
    find_holder(env);
    struct pollfd p = { env->pidfd, POLLIN, 0 };
    return env->pidfd >= 0 && poll(&p, 1, 0) == 0;
}

bool environment_call(struct arena *a, struct environment *env, const struct value *body, const int *fds, int n_fds,
                      struct wire_message *out, struct err *e)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&env->lock);
    int64_t deadline = clock_mono_ms() + CALL_MS;
    *out = (struct wire_message){ 0 };
    if (env->calls < 0)
        return err_set(e, ERR_UNAVAILABLE, "environment %s is not running", env->name);
    if (!wire_send(a, env->calls, body, fds, n_fds, deadline, e) || !wire_receive(a, env->calls, deadline, out, e)) {
        fd_close(&env->calls); /* an answer that comes later would be taken for the next one's */
        return err_wrap(e, "environment %s", env->name);
    }
    if (wire_take_error(&out->body, e))
        return true;
    wire_close(out);
    return false;
}

/* ---- start ------------------------------------------------------------------------------------------- */

static bool make_folder(const char *path, mode_t mode, struct err *e)
{
    if (mkdir(path, mode) != 0 && errno != EEXIST)
        return err_sys(e, "create %s", path);
    return chmod(path, mode) == 0 || err_sys(e, "set the mode of %s", path); /* whatever the umask */
}

static bool give_to_containers(const struct runtime *r, const char *path, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct buf orders = { .a = &a };
    if (!r->ids.range)
        return true;
    ids_order_own(&orders, path);
    if (r->ids.by_agent)
        return agent_orders(r, buf_str(&orders), e);
    return chown(path, r->ids.first_uid, r->ids.first_gid) == 0 || err_sys(e, "give %s to the containers' ids", path);
}

static bool make_folders(const struct environment *env, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const char *work = environment_path(&a, env, "work");
    return make_folder(environment_path(&a, env, "stage"), 0755, e) && make_folder(work, 0755, e)
           && give_to_containers(env->r, work, e);
}

/* What a dead holder left: nothing is mounted or running any more, the kernel saw to that. */
static bool clean_up(const struct environment *env, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    static const char *const leftovers[] = { "work", "stage", "holder.sock", "holder.log" };
    for (size_t i = 0; i < COUNT(leftovers); i++)
        if (!runtime_remove_tree(env->r, environment_path(&a, env, leftovers[i]), e))
            return err_wrap(e, "clean up environment %s", env->name);
    return true;
}

static bool open_lock(const struct environment *env, int *out, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const char *folder = environment_path(&a, env, ""), *path = environment_path(&a, env, "lock");
    if (!make_folder(folder, 0700, e))
        return false;
    *out = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return *out >= 0 || err_sys(e, "open %s", path);
}

static bool spawn_fresh(struct environment *env, int lock, struct err *e)
{
    CLEANUP(fd_close) int listener = -1;
    pid_t pid;
    if (!clean_up(env, e) || !make_folders(env, e) || !open_listener(env, &listener, e)
        || !holder_spawn(env, lock, listener, &pid, e))
        return err_wrap(e, "start environment %s", env->name);
    fd_close(&listener);
    return attach(env, pid, e);
}

static void pause_briefly(void)
{
    poll(NULL, 0, RETRY_MS);
}

static void kill_holder(struct environment *env)
{
    if (env->pidfd >= 0)
        syscall(SYS_pidfd_send_signal, env->pidfd, SIGKILL, NULL, 0);
}

/*
 * The lock says whether anything lives: the holder and the inits of its containers have it. When it is taken but nobody
 * answers, the environment is dying (its holder was killed) and the lock will soon be free.
 */
static bool start_or_attach(struct environment *env, struct err *e)
{
    int64_t deadline = clock_mono_ms() + DYING_MS;
    CLEANUP(fd_close) int lock = -1;
    if (!open_lock(env, &lock, e))
        return false;
    for (;;) {
        if (flock(lock, LOCK_EX | LOCK_NB) == 0)
            return spawn_fresh(env, lock, e);
        if (errno != EWOULDBLOCK)
            return err_sys(e, "lock environment %s", env->name);
        if (attach(env, 0, e))
            return true;
        if (e->kind == ERR_CONFLICT)
            kill_holder(env); /* of another version: its containers are started again under ours */
        if (clock_mono_ms() > deadline)
            return err_wrap(e, "environment %s is locked, but its holder does not answer", env->name);
        pause_briefly();
    }
}

bool environment_start(struct environment *env, struct err *e)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&env->lock);
    struct pollfd p = { env->pidfd, POLLIN, 0 };
    if (env->calls >= 0 && env->pidfd >= 0 && poll(&p, 1, 0) == 0)
        return true;
    return start_or_attach(env, e);
}

/* ---- stop -------------------------------------------------------------------------------------------- */

static void ask_to_stop(struct environment *env)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct wire_message m;
    struct err ignored;
    struct value body = runtime_request(&a, "stop", S(""), S(""));
    int64_t deadline = clock_mono_ms() + SLOW_CALL_MS;
    if (env->calls >= 0 && wire_send(&a, env->calls, &body, NULL, 0, deadline, &ignored)
        && wire_receive(&a, env->calls, deadline, &m, &ignored))
        wire_close(&m);
}

/* Wait for the lock: when we have it, holder and containers are gone. */
static bool await_lock(struct environment *env, int lock, struct err *e)
{
    int64_t deadline = clock_mono_ms() + DYING_MS;
    bool killed = false;
    while (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        if (clock_mono_ms() > deadline && killed)
            return err_set(e, ERR_UNAVAILABLE, "environment %s: its processes do not end", env->name);
        if (clock_mono_ms() > deadline) {
            kill_holder(env);
            killed = true;
            deadline += DYING_MS;
        }
        pause_briefly();
    }
    return true;
}

bool environment_stop(struct environment *env, struct err *e)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&env->lock);
    CLEANUP(arena_close) struct arena a = { 0 };
    CLEANUP(fd_close) int lock = -1;
    struct err ignored;
    const char *folder = environment_path(&a, env, "");
    if (!fs_is_dir(folder)) {
        disconnect(env);
        return true;
    }
    if (!open_lock(env, &lock, e))
        return false;
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        if (env->calls < 0 && !attach(env, 0, &ignored) && ignored.kind == ERR_CONFLICT)
            kill_holder(env);
        ask_to_stop(env);
        if (!await_lock(env, lock, e))
            return false;
    }
    disconnect(env);
    return runtime_remove_tree(env->r, folder, e) || err_wrap(e, "remove environment %s", env->name);
}
