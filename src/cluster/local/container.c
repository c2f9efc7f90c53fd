/*
 * The first process of a container: builds the root, makes the nested user namespace, starts the program as its child,
 * then reaps and forwards signals until the program ends. It is pid 1, so its end is the container's end.
 *
 * Reports on CONTAINER_FD_STATUS, one line each: "E kind os text" (start failed), "S" (program runs), "O" (killed for
 * its memory), "X code signal" (program ended).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "cluster/local/agent.h"
#include "cluster/local/confine.h"
#include "cluster/local/launch.h"
#include "cluster/local/local.h"
#include "cluster/local/rootfs.h"
#include "cluster/local/wire.h"
#include "data/json.h"

enum { MEMORY_CHECK_MS = 500, CAPABILITY_KILL = 1u << 5 };

/* False when the holder is gone. */
static bool report(const char *line)
{
    struct err ignored;
    return fd_write_all(CONTAINER_FD_STATUS, str_c(line), &ignored);
}

static int report_failure(const struct err *e)
{
    report("E ");
    launch_report(CONTAINER_FD_STATUS, e);
    report("\n");
    return 126;
}

static bool read_spec(struct arena *a, struct spec *out, struct err *e)
{
    struct value v;
    off_t size = lseek(CONTAINER_FD_SPEC, 0, SEEK_END);
    if (size < 0 || size > WIRE_BODY_MAX)
        return err_set(e, ERR_LIMIT, "the specification is too large");
    char *p = arena_alloc_raw(a, (size_t)size + 1);
    if (pread(CONTAINER_FD_SPEC, p, (size_t)size, 0) != size)
        return err_sys(e, "read the specification");
    close(CONTAINER_FD_SPEC);
    if (!json_parse(a, (struct str){ p, (size_t)size }, &v, e) || !spec_from_value(a, &v, out, e))
        return false;
    out->filters = CONTAINER_FD_FILTERS;
    return true;
}

/* ---- the nested user namespace ------------------------------------------------------------- */

static bool write_proc(const char *path, struct str text, struct err *e)
{
    CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
    return (fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n) || err_sys(e, "write %s", path);
}

static bool map_all(struct err *e)
{
    char line[64];
    int n = snprintf(line, sizeof line, "0 0 %d\n", IDS_COUNT);
    struct str map = { line, (size_t)n };
    return write_proc("/proc/1/uid_map", map, e) && write_proc("/proc/1/gid_map", map, e);
}

static bool map_one(const struct user *u, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    return write_proc("/proc/1/setgroups", S("deny"), e)
           && write_proc("/proc/1/uid_map", arena_fmt(&a, "%u 0 1\n", u->uid), e)
           && write_proc("/proc/1/gid_map", arena_fmt(&a, "%u 0 1\n", u->gid), e);
}

/* The map of many ids is written by somebody outside: a child that stays behind in the holder's namespace. */
static bool nest(const struct spec *s, const struct user *u, struct err *e)
{
    int go[2], done[2];
    if (pipe2(go, O_CLOEXEC) != 0 || pipe2(done, O_CLOEXEC) != 0)
        return err_sys(e, "create a pipe");
    pid_t mapper = fork();
    if (mapper < 0)
        return err_sys(e, "fork");
    if (mapper == 0) {
        char byte;
        close(go[1]);
        if (read(go[0], &byte, 1) == 1 && !(s->fake_ids ? map_one(u, e) : map_all(e)))
            launch_report(done[1], e);
        _exit(0);
    }
    close(go[0]);
    close(done[1]);
    bool ok = unshare(CLONE_NEWUSER) == 0 || err_sys(e, "create the container's user namespace");
    if (ok)
        ok = write(go[1], "g", 1) == 1 || err_sys(e, "tell the mapper");
    close(go[1]);
    char answer[2048];
    ssize_t n = ok ? read(done[0], answer, sizeof answer) : 0;
    close(done[0]);
    while (waitpid(mapper, NULL, 0) < 0 && errno == EINTR)
        continue;
    return ok && launch_report_read((struct str){ answer, n > 0 ? (size_t)n : 0 }, e);
}

/* ---- the program ---------------------------------------------------------------------------- */

/* Pipes belong to whoever made them: a program that is not root could not open /dev/stdout otherwise. */
static void own_output(const struct spec *s, const struct user *u)
{
    for (int fd = 1; fd <= 2 && !s->fake_ids; fd++)
        if (fchown(fd, u->uid, u->gid) != 0)
            return; /* it can still write to the descriptor it has */
}

static pid_t start_program(struct arena *a, const struct spec *s, const struct user *u, struct err *e)
{
    int failed[2];
    if (pipe2(failed, O_CLOEXEC) != 0) {
        err_sys_(e, "create a pipe");
        return -1;
    }
    pid_t app = fork();
    if (app == 0) {
        close(failed[0]);
        launch_exec(a, s, u, s->argv, s->n_argv, e);
        launch_report(failed[1], e);
        _exit(127);
    }
    close(failed[1]);
    char text[2048];
    ssize_t n = app > 0 ? read(failed[0], text, sizeof text) : 0; /* end of file: execve closed it */
    close(failed[0]);
    if (app < 0)
        err_sys_(e, "fork");
    else if (!launch_report_read((struct str){ text, n > 0 ? (size_t)n : 0 }, e))
        app = -1;
    return app;
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Bytes of its own that one process holds: resident minus shared, by /proc/PID/statm. */
static int64_t private_bytes(struct arena *a, const char *pid)
{
    struct str text, size, resident, shared;
    struct err ignored;
    int64_t r, s;
    if (!fs_read(a, AT_FDCWD, arena_fmt(a, "/proc/%s/statm", pid).p, 4096, &text, &ignored))
        return 0; /* it has just ended */
    str_split(&text, S(" "), &size);
    str_split(&text, S(" "), &resident);
    str_split(&text, S(" "), &shared);
    return str_to_int(resident, &r) && str_to_int(shared, &s) && r > s ? (r - s) * sysconf(_SC_PAGESIZE) : 0;
}

static int64_t memory_used(void)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    int64_t sum = 0;
    DIR *d = opendir("/proc");
    if (d == NULL)
        return 0;
    for (struct dirent *entry = readdir(d); entry != NULL; entry = readdir(d))
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && strcmp(entry->d_name, "1") != 0)
            sum += private_bytes(&a, entry->d_name);
    closedir(d);
    return sum;
}

/* Without a memory cgroup the limit of the whole container is watched from here; RLIMIT_DATA bounds each process
 * meanwhile. */
static void enforce_memory(const struct spec *s)
{
    if (memory_used() <= s->memory_max)
        return;
    report("O\n");
    kill(-1, SIGKILL); /* all but ourselves */
}

/* ---- pid 1 ------------------------------------------------------------------------------------ */

/* Reap whoever ended; true when the program was among them. */
static bool reap(pid_t app, int *status)
{
    bool ended = false;
    for (;;) {
        int st;
        pid_t pid = waitpid(-1, &st, WNOHANG);
        if (pid <= 0)
            return ended;
        if (pid == app) {
            *status = st;
            ended = true;
        }
    }
}

static int supervise(const struct spec *s, pid_t app, int signals)
{
    int status = 0;
    struct pollfd wait_for[] = { { signals, POLLIN, 0 } };
    for (;;) {
        int n = poll(wait_for, 1, s->memory_max > 0 ? MEMORY_CHECK_MS : -1);
        if (n == 0)
            enforce_memory(s);
        struct signalfd_siginfo info;
        if (n <= 0 || read(signals, &info, sizeof info) != sizeof info)
            continue;
        if (info.ssi_signo != SIGCHLD)
            kill(app, (int)info.ssi_signo);
        else if (reap(app, &status))
            return status;
    }
}

/* As little of root as pid 1 needs, now that the program is on its way. */
static bool harden_init(const struct spec *s, struct err *e)
{
    if (!confine_capabilities(CAPABILITY_KILL, e))
        return false;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
        || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return err_sys(e, "prctl");
    return confine_seccomp(s->filters, e);
}

static int block_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    return signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool prepare(struct arena *a, struct spec *s, struct user *u, struct err *e)
{
    /* until the last setuid it would be cleared again, but a holder that dies now must still take us along */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return err_sys(e, "prctl");
    umask(022);
    setsid(); /* a session of its own is a scheduling group of its own */
    if (!read_spec(a, s, e))
        return false;
    if (sethostname(s->hostname.p, s->hostname.n) != 0)
        return err_sys(e, "set the host name");
    if (!rootfs_enter(a, s, e) || !launch_user(a, s, u, e))
        return false;
    own_output(s, u);
    return nest(s, u, e);
}

int local_container_main(int argc, char **argv)
{
    static struct arena a; /* lives as long as the process */
    struct spec s;
    struct user u;
    struct err e = { 0 };
    for (int fd = CONTAINER_FD_SPEC; fd <= CONTAINER_FD_FILTERS; fd++)
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
            fprintf(stderr, "%s is not for people: the holder of an environment starts it\n",
                    argc > 1 ? argv[1] : "this");
            return 2;
        }
    signal(SIGPIPE, SIG_IGN);
    int signals = block_signals();
    if (signals < 0 || !prepare(&a, &s, &u, &e))
        return report_failure(&e);
    pid_t app = start_program(&a, &s, &u, &e);
    if (app < 0 || !harden_init(&s, &e))
        return report_failure(&e);
    if (!report("S\n"))
        _exit(1); /* the holder died before the death signal was set */
    /* the program's pipes are its own: with ours closed their end is seen when it closes them */
    close(1);
    close(2);
    int status = supervise(&s, app, signals);
    char line[64];
    int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    snprintf(line, sizeof line, "X %d %d\n", code, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    report(line);
    _exit(code);
}
