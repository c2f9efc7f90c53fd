#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "cluster/local/environment_spawn.h"
#include "cluster/local/launch.h"

enum { ORDERS_MS = 600000 };

/* A copy that is out of the way of the places it will be put to, so that no dup2 can overwrite a later one's source. */
static int clear_of_targets(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, HOLDER_FD_FIRST_FREE);
}

static void place(posix_spawn_file_actions_t *files, const int fds[3], const char *log)
{
    posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(files, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(files, fds[0], HOLDER_FD_LOCK);
    posix_spawn_file_actions_adddup2(files, fds[1], HOLDER_FD_LISTEN);
    posix_spawn_file_actions_adddup2(files, fds[2], HOLDER_FD_CONTROL);
    /* a socket of ours that a library left inheritable would be a way from the environment to the host's network */
    posix_spawn_file_actions_addclosefrom_np(files, HOLDER_FD_CONTROL + 1);
}

struct birth {
    const struct runtime *r;
    const char *name, *role, *log; /* role: "range", "single", "files" */
    int fds[3];                    /* what it finds at HOLDER_FD_LOCK, _LISTEN, _CONTROL */
    int64_t patience_ms;
};

/* The environment is emptied: tokens of ours must not be found in a process that runs strangers' programs. */
static bool spawn(const struct birth *b, pid_t *out, struct err *e)
{
    const char *launcher = b->r->launcher;
    const char *const argv[] = { launcher, "__holder", b->r->data_dir, b->name, b->role, NULL };
    char *const no_environment[] = { NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, pipe_signal;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    place(&files, b->fds, b->log);
    sigemptyset(&none);
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &pipe_signal);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int failed = posix_spawn(out, launcher, &files, &attr, (char *const *)(uintptr_t)argv, no_environment);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    errno = failed;
    return failed == 0 || err_sys(e, "start %s", launcher);
}

static bool map(const struct birth *b, pid_t pid, int control, struct err *e)
{
    return ids_map(&b->r->ids, pid, strcmp(b->role, "files") == 0, e)
           && (write(control, "m", 1) == 1 || err_sys(e, "talk to the agent"));
}

/* 'u': namespaces made, map my ids; 'r': ready (or done); anything else is an error report. */
static bool accompany(const struct birth *b, pid_t pid, int control, struct err *e)
{
    int64_t deadline = clock_mono_ms() + b->patience_ms;
    for (;;) {
        char text[2048];
        struct pollfd p = { control, POLLIN, 0 };
        int64_t left = deadline - clock_mono_ms();
        if (left <= 0)
            return err_set(e, ERR_UNAVAILABLE, "%s was not ready after %lld s", b->r->launcher,
                           (long long)b->patience_ms / 1000);
        if (poll(&p, 1, (int)left) <= 0)
            continue;
        ssize_t n = read(control, text, sizeof text);
        if (n <= 0)
            return err_set(e, ERR_IO, "%s ended at once; what it printed is in %s", b->r->launcher, b->log);
        if (n == 1 && text[0] == 'r')
            return true;
        if (n == 1 && text[0] == 'u') {
            if (!map(b, pid, control, e))
                return false;
            continue;
        }
        if (launch_report_read((struct str){ text, (size_t)n }, e))
            return err_set(e, ERR_IO, "%s failed without a reason", b->r->launcher);
        return false;
    }
}

static void reap(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

/* Start it and stay until it is ready. On failure nothing of it is left. */
static bool deliver(struct birth *b, int lock, int listener, pid_t *out, struct err *e)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return err_sys(e, "create a socket pair");
    CLEANUP(fd_close) int control = pair[0];
    b->fds[0] = clear_of_targets(lock);
    b->fds[1] = clear_of_targets(listener);
    b->fds[2] = clear_of_targets(pair[1]);
    close(pair[1]);
    bool ok = b->fds[0] >= 0 && b->fds[1] >= 0 && b->fds[2] >= 0 ? spawn(b, out, e) : err_sys(e, "copy a descriptor");
    for (size_t i = 0; i < COUNT(b->fds); i++)
        fd_close(&b->fds[i]);
    if (!ok || accompany(b, *out, control, e))
        return ok;
    kill(*out, SIGKILL);
    reap(*out);
    return false;
}

bool holder_spawn(struct environment *env, int lock, int listener, pid_t *out, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct birth b = { .r = env->r,
                       .name = env->name,
                       .role = env->r->ids.range ? "range" : "single",
                       .log = environment_path(&a, env, "holder.log"),
                       .patience_ms = START_MS };
    return deliver(&b, lock, listener, out, e);
}

bool agent_orders(const struct runtime *r, struct str orders, struct err *e)
{
    struct birth b = { .r = r, .name = "-", .role = "files", .log = "/dev/null", .patience_ms = ORDERS_MS };
    pid_t pid;
    CLEANUP(fd_close) int file = wire_memory_file(orders, e);
    if (file < 0 || !deliver(&b, file, file, &pid, e))
        return false;
    reap(pid);
    return true;
}

bool runtime_remove_tree(const struct runtime *r, const char *path, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct buf orders = { .a = &a };
    if (!r->ids.by_agent || !fs_exists(path))
        return fs_remove_tree(path, e);
    ids_order_remove(&orders, path);
    return agent_orders(r, buf_str(&orders), e);
}
