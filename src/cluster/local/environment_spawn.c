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
#include "cluster/local/launch.h"
#include "cluster/local/environment_spawn.h"

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
}

/* The environment is emptied: tokens of ours must not be found in a process that runs strangers' programs. */
static bool spawn(struct environment *env, const int fds[3], pid_t *out, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const struct runtime *r = env->r;
    char *const argv[] = { r->launcher,
                           (char *)(uintptr_t) "__holder",
                           r->data_dir,
                           env->name,
                           (char *)(uintptr_t)(r->range ? "range" : "single"),
                           NULL };
    char *const no_environment[] = { NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, pipe_signal;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    place(&files, fds, environment_path(&a, env, "holder.log"));
    sigemptyset(&none);
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &pipe_signal);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int failed = posix_spawn(out, r->launcher, &files, &attr, argv, no_environment);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    errno = failed;
    return failed == 0 || err_sys(e, "start %s", r->launcher);
}

static bool write_map(struct arena *a, pid_t pid, const char *file, struct err *e)
{
    struct str path = arena_fmt(a, "/proc/%d/%s", (int)pid, file),
               line = arena_fmt(a, "0 %d %d\n", IDS_FIRST, IDS_COUNT);
    CLEANUP(fd_close) int fd = open(path.p, O_WRONLY | O_CLOEXEC);
    return (fd >= 0 && write(fd, line.p, line.n) == (ssize_t)line.n) || err_sys(e, "write %s", path.p);
}

static bool map_ids(pid_t pid, int control, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    return write_map(&a, pid, "uid_map", e) && write_map(&a, pid, "gid_map", e)
           && (write(control, "m", 1) == 1 || err_sys(e, "talk to the holder"));
}

/* 'u': namespaces made, map my ids; 'r': ready; anything else is an error report. */
static bool accompany(pid_t pid, int control, struct err *e)
{
    int64_t deadline = clock_mono_ms() + START_MS;
    for (;;) {
        char text[2048];
        struct pollfd p = { control, POLLIN, 0 };
        int64_t left = deadline - clock_mono_ms();
        if (left <= 0)
            return err_set(e, ERR_UNAVAILABLE, "the environment's holder was not ready after %d s", START_MS / 1000);
        if (poll(&p, 1, (int)left) <= 0)
            continue;
        ssize_t n = read(control, text, sizeof text);
        if (n <= 0)
            return err_set(e, ERR_IO,
                           "the environment's holder ended at once: its reason is in holder.log beside its socket");
        if (n == 1 && text[0] == 'r')
            return true;
        if (n == 1 && text[0] == 'u') {
            if (!map_ids(pid, control, e))
                return false;
            continue;
        }
        if (launch_report_read((struct str){ text, (size_t)n }, e))
            return err_set(e, ERR_IO, "the environment's holder failed without a reason");
        return false;
    }
}

bool holder_spawn(struct environment *env, int lock, int listener, pid_t *out, struct err *e)
{
    int pair[2];
    pid_t pid = 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return err_sys(e, "create a socket pair");
    CLEANUP(fd_close) int control = pair[0];
    int fds[] = { clear_of_targets(lock), clear_of_targets(listener), clear_of_targets(pair[1]) };
    close(pair[1]);
    bool ok = (fds[0] >= 0 && fds[1] >= 0 && fds[2] >= 0) ? spawn(env, fds, &pid, e) : err_sys(e, "copy a descriptor");
    for (size_t i = 0; i < COUNT(fds); i++)
        fd_close(&fds[i]);
    if (!ok)
        return false;
    if (accompany(pid, control, e)) {
        *out = pid;
        return true;
    }
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    return false;
}
