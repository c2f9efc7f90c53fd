/*
 * How much isolation this machine allows: each step is tried, in a forked child, because a number in a sysctl proves
 * nothing (some distributions grant the namespace and strip it of its rights).
 *
 * The child of a process with threads may not allocate: it only makes system calls and formats into the stack.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "cluster/local/ids.h"
#include "cluster/local/local.h"
#include "cluster/local/netlink.h"

enum step { STEP_USERNS, STEP_MOUNT, STEP_LOOPBACK, STEP_OVERLAY, STEP_BRIDGE, STEP_PROC, STEPS };
struct result {
    bool ok[STEPS];
    char why[256]; /* of the first step that failed */
};

/* ---- in the child ----------------------------------------------------------------------------------------- */

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool try_userns(void)
{
    char users[64], groups[64];
    snprintf(users, sizeof users, "0 %u 1\n", geteuid());
    snprintf(groups, sizeof groups, "0 %u 1\n", getegid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS) == 0
           && write_text("/proc/self/setgroups", "deny") && write_text("/proc/self/uid_map", users)
           && write_text("/proc/self/gid_map", groups);
}

static bool try_mount(void)
{
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && mount("tmpfs", "root", "tmpfs", 0, "size=64k") == 0
           && umount("root") == 0;
}

static bool try_loopback(void)
{
    struct err e;
    int nl;
    return netlink_open(&nl, &e) && netlink_link_up(nl, "lo", &e);
}

static bool try_overlay(void)
{
    return mount("overlay", "root", "overlay", MS_NOSUID | MS_NODEV,
                 "lowerdir=lower,upperdir=upper,workdir=work,userxattr")
           == 0;
}

static bool try_bridge(void)
{
    static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
    struct err e;
    int nl, ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    return ns >= 0 && netlink_open(&nl, &e) && netlink_bridge_add(nl, "br0", &e)
           && netlink_veth_add(nl, "v1", if_nametoindex("br0"), "eth0", ns, mac, &e);
}

/* Only in a new pid namespace, whose first process this fork is. */
static bool try_proc(void)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0 ? 0 : errno);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return false;
    errno = WEXITSTATUS(status);
    return errno == 0;
}

static const struct {
    const char *what;
    bool (*run)(void);
} steps[STEPS] = {
    [STEP_USERNS] = { "create a user namespace", try_userns },
    [STEP_MOUNT] = { "mount in a user namespace", try_mount },
    [STEP_LOOPBACK] = { "set lo up in a network namespace", try_loopback },
    [STEP_OVERLAY] = { "mount an overlay", try_overlay },
    [STEP_BRIDGE] = { "create a bridge and a veth pair", try_bridge },
    [STEP_PROC] = { "mount a new /proc", try_proc },
};

static _Noreturn void climb(const char *dir, int out)
{
    struct result r = { 0 };
    bool on = chdir(dir) == 0;
    for (int i = 0; on && i < STEPS; i++) {
        r.ok[i] = steps[i].run();
        if (!r.ok[i] && r.why[0] == '\0')
            snprintf(r.why, sizeof r.why, "cannot %s (%s)", steps[i].what, strerrorname_np(errno));
        on = r.ok[i] || i > STEP_LOOPBACK; /* the later ones do not build on each other */
    }
    _exit(write(out, &r, sizeof r) == sizeof r ? 0 : 1);
}

/* ---- outside ------------------------------------------------------------------------------------------------ */

static bool run_steps(const char *dir, struct result *out)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    pid_t pid = fork();
    if (pid == 0)
        climb(dir, ends[1]);
    close(ends[1]);
    bool ok = pid > 0 && read(ends[0], out, sizeof *out) == sizeof *out;
    close(ends[0]);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    return ok;
}

/* A version 2 group of our own in which groups can be made. */
static bool has_cgroup2(struct arena *a)
{
    struct str text, line;
    struct err ignored;
    if (!fs_read(a, AT_FDCWD, "/proc/self/cgroup", 1 << 16, &text, &ignored))
        return false;
    while (text.n > 0) {
        str_split(&text, S("\n"), &line);
        if (str_starts(line, S("0::")))
            return access(arena_fmt(a, "/sys/fs/cgroup%.*s/cgroup.procs", STR(str_slice(line, 3, line.n))).p, W_OK)
                   == 0;
    }
    return false;
}

static void judge(const struct result *r, struct local_level *out)
{
    bool base = r->ok[STEP_USERNS] && r->ok[STEP_MOUNT] && r->ok[STEP_LOOPBACK];
    out->userns = base;
    out->overlay = r->ok[STEP_OVERLAY];
    out->veth = r->ok[STEP_BRIDGE];
    if (!base || !out->overlay || !out->veth) {
        out->level = 1;
        snprintf(out->why, sizeof out->why,
                 "%s: containers need user namespaces, overlayfs, bridge and veth; set sysctl "
                 "user.max_user_namespaces to 10000, or in a container use --security-opt seccomp=unconfined",
                 r->why);
    } else if (!r->ok[STEP_PROC]) {
        out->level = 2;
        snprintf(out->why, sizeof out->why, "%s: in a container use --security-opt systempaths=unconfined", r->why);
    } else if (!out->subuid) {
        out->level = 3;
        snprintf(out->why, sizeof out->why,
                 "one user id: programs that change theirs see it succeed without effect; install uidmap and give this "
                 "user 65536 ids in "
                 "/etc/subuid and /etc/subgid");
    } else if (!out->cgroup2) {
        out->level = 4;
        snprintf(out->why, sizeof out->why,
                 "no writable cgroup v2: memory and process limits are kept by rlimits and by watching");
    } else {
        out->level = 5;
    }
}

static bool make_folders(struct arena *a, const char *dir)
{
    static const char *const names[] = { "root", "lower", "upper", "work", "proc" };
    struct err ignored;
    for (size_t i = 0; i < COUNT(names); i++)
        if (!fs_mkdirs(fs_join(a, dir, names[i]), 0755, &ignored))
            return false;
    return true;
}

void local_probe(struct local_level *out)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct result r = { 0 };
    struct err e;
    const char *dir;
    *out = (struct local_level){ .root = geteuid() == 0, .subuid = ids_held().range, .cgroup2 = has_cgroup2(&a) };
    if (!fs_temp_dir(&a, "vitrine-probe", &dir, &e)) {
        snprintf(out->why, sizeof out->why, "%.500s", e.text);
        return;
    }
    if (make_folders(&a, dir) && run_steps(dir, &r))
        judge(&r, out);
    else
        snprintf(out->why, sizeof out->why, "cannot try: no child process or no room in %s", dir);
    if (!fs_remove_tree(dir, &e))
        log_warn("remove %s: %s", dir, e.text);
}
