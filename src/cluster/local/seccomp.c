/*
 * The system calls a container may make: an allow list, because a deny list ages. What is not here answers EPERM,
 * except clone3 and the calls newer than the list, which answer ENOSYS so that libc falls back.
 *
 * Left out on purpose: mounting in every form, namespaces, chroot, ptrace and reading other processes' memory or
 * descriptors, bpf, perf, userfaultfd, io_uring, keyrings, file handles, modules, kexec, quotas, clocks, syslog, swap,
 * accounting.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cluster/local/confine.h"

#ifndef TIOCLINUX
#define TIOCLINUX 0x541C
#endif

/* One name a line would be pages. */
/* clang-format off */
static const char *const allowed[] = {
    /* files by descriptor */
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2", "close",
    "close_range", "lseek", "_llseek", "dup", "dup2", "dup3", "pipe", "pipe2", "fcntl", "fcntl64", "flock", "fsync",
    "fdatasync", "sync", "syncfs", "sync_file_range", "fallocate", "fadvise64", "fadvise64_64", "ftruncate",
    "ftruncate64", "readahead", "sendfile", "sendfile64", "splice", "tee", "vmsplice", "copy_file_range", "getdents",
    "getdents64", "fchdir", "fchmod", "fchown", "fchown32", "fstat", "fstat64", "fstatfs", "fstatfs64", "futimesat",
    "utimensat", "utimes", "utime", "inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch",
    "memfd_create", "memfd_secret", "cachestat",
    /* files by name */
    "open", "openat", "openat2", "creat", "access", "faccessat", "faccessat2", "stat", "stat64", "lstat", "lstat64",
    "newfstatat", "fstatat64", "statx", "statfs", "statfs64", "readlink", "readlinkat", "rename", "renameat",
    "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir",
    "mknod", "mknodat", "chmod", "fchmodat", "fchmodat2", "chown", "chown32", "lchown", "lchown32", "fchownat",
    "truncate", "truncate64", "chdir", "getcwd", "umask", "getxattr", "lgetxattr", "fgetxattr", "listxattr",
    "llistxattr", "flistxattr", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr",
    "utimensat_time64",
    /* waiting */
    "poll", "ppoll", "ppoll_time64", "select", "_newselect", "pselect6", "pselect6_time64", "epoll_create",
    "epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_wait", "epoll_wait_old", "epoll_pwait", "epoll_pwait2",
    "eventfd", "eventfd2", "timerfd_create", "timerfd_settime", "timerfd_settime64", "timerfd_gettime",
    "timerfd_gettime64", "signalfd", "signalfd4", "io_setup", "io_submit", "io_cancel", "io_destroy", "io_getevents",
    "io_pgetevents", "io_pgetevents_time64",
    /* memory */
    "brk", "mmap", "mmap2", "munmap", "mremap", "mprotect", "pkey_alloc", "pkey_free", "pkey_mprotect", "madvise",
    "mincore", "msync", "mlock", "mlock2", "mlockall", "munlock", "munlockall", "membarrier", "get_mempolicy",
    "set_mempolicy", "mbind", "remap_file_pages", "map_shadow_stack", "mseal", "process_madvise", "process_mrelease",
    /* processes and threads */
    "fork", "vfork", "execve", "execveat", "exit", "exit_group", "wait4", "waitid", "waitpid", "kill", "tkill",
    "tgkill", "pidfd_open", "pidfd_send_signal", "getpid", "getppid", "gettid", "getpgid", "getpgrp", "setpgid",
    "getsid", "setsid", "set_tid_address", "set_robust_list", "get_robust_list", "futex", "futex_time64",
    "futex_waitv", "futex_wake", "futex_wait", "futex_requeue", "rseq", "sched_yield", "sched_getaffinity",
    "sched_setaffinity", "sched_getparam", "sched_setparam", "sched_getscheduler", "sched_setscheduler",
    "sched_get_priority_max", "sched_get_priority_min", "sched_rr_get_interval", "sched_rr_get_interval_time64",
    "sched_getattr", "sched_setattr", "getpriority", "setpriority", "ioprio_get", "ioprio_set", "nice", "prctl",
    "arch_prctl", "set_thread_area", "get_thread_area", "getcpu", "pause", "restart_syscall", "capget", "capset",
    "seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self",
    /* ids */
    "getuid", "getuid32", "geteuid", "geteuid32", "getgid", "getgid32", "getegid", "getegid32", "getresuid",
    "getresuid32", "getresgid", "getresgid32", "getgroups", "getgroups32", "setuid", "setuid32", "setgid",
    "setgid32", "setreuid", "setreuid32", "setregid", "setregid32", "setresuid", "setresuid32", "setresgid",
    "setresgid32", "setfsuid", "setfsuid32", "setfsgid", "setfsgid32", "setgroups", "setgroups32",
    /* signals and time */
    "rt_sigaction", "rt_sigprocmask", "rt_sigpending", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "rt_sigreturn",
    "rt_sigsuspend", "rt_sigtimedwait", "rt_sigtimedwait_time64", "sigaltstack", "sigreturn", "sigaction",
    "sigprocmask", "alarm", "getitimer", "setitimer", "timer_create", "timer_delete", "timer_getoverrun",
    "timer_gettime", "timer_gettime64", "timer_settime", "timer_settime64", "nanosleep", "clock_gettime",
    "clock_gettime64", "clock_getres", "clock_getres_time64", "clock_nanosleep", "clock_nanosleep_time64",
    "gettimeofday", "time", "times",
    /* sockets; socket itself is filtered below */
    "socketpair", "bind", "listen", "accept", "accept4", "connect", "getsockname", "getpeername", "getsockopt",
    "setsockopt", "shutdown", "send", "sendto", "sendmsg", "sendmmsg", "recv", "recvfrom", "recvmsg", "recvmmsg",
    "recvmmsg_time64", "socketcall",
    /* System V and POSIX inter-process communication: private to the container */
    "shmget", "shmat", "shmdt", "shmctl", "semget", "semop", "semtimedop", "semtimedop_time64", "semctl", "msgget",
    "msgsnd", "msgrcv", "msgctl", "ipc", "mq_open", "mq_unlink", "mq_timedsend", "mq_timedsend_time64",
    "mq_timedreceive", "mq_timedreceive_time64", "mq_notify", "mq_getsetattr",
    /* the system and its limits */
    "ioctl", "uname", "sysinfo", "getrandom", "getrlimit", "ugetrlimit", "setrlimit", "prlimit64", "getrusage",
};

/* With one mapped id the kernel would answer EINVAL; saying "done" lets most images run (apt, nginx, chown in
 * entrypoints). */
static const char *const faked[] = {
    "chown", "chown32", "lchown", "lchown32", "fchown", "fchown32", "fchownat", "setuid", "setuid32", "setgid",
    "setgid32", "setreuid", "setreuid32", "setregid", "setregid32", "setresuid", "setresuid32", "setresgid",
    "setresgid32", "setfsuid", "setfsuid32", "setfsgid", "setfsgid32", "setgroups", "setgroups32", "capset", "mknod",
    "mknodat",
};

/* Too new or too hidden to filter: libc has an older way for each. */
static const char *const absent[] = {
    "clone3", "io_uring_setup", "io_uring_enter", "io_uring_register", "statmount", "listmount",
};
/* clang-format on */

static bool among(const char *const *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

/* Names that this architecture or libseccomp does not know are passed over. */
static int add_all(scmp_filter_ctx f, uint32_t action, const char *const *names, size_t n, bool fake_ids)
{
    for (size_t i = 0; i < n; i++) {
        int number = seccomp_syscall_resolve_name(names[i]);
        if (number == __NR_SCMP_ERROR || number < 0)
            continue;
        if (fake_ids && action == SCMP_ACT_ALLOW && among(faked, COUNT(faked), names[i]))
            continue;
        int failed = seccomp_rule_add(f, action, number, 0);
        if (failed != 0)
            return failed;
    }
    return 0;
}

/* clone without any new namespace, socket of the four ordinary families. */
static int add_filtered(scmp_filter_ctx f)
{
    static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
    const uint64_t namespaces =
        CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
    int failed = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces, 0));
    for (size_t i = 0; failed == 0 && i < COUNT(families); i++)
        failed =
            seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
    return failed;
}

static int allow_list(scmp_filter_ctx f, bool fake_ids)
{
    int failed = add_all(f, SCMP_ACT_ALLOW, allowed, COUNT(allowed), fake_ids);
    if (failed == 0)
        failed = add_all(f, SCMP_ACT_ERRNO(ENOSYS), absent, COUNT(absent), false);
    if (failed == 0 && fake_ids)
        failed = add_all(f, SCMP_ACT_ERRNO(0), faked, COUNT(faked), true);
    return failed != 0 ? failed : add_filtered(f);
}

/*
 * Typing into somebody's terminal. libseccomp cannot say "ioctl, but for two commands" in one filter, so these are a
 * filter of their own (the kernel takes the strictest verdict). Only the lower half is compared: the kernel ignores the
 * upper one, and so must we.
 */
static int deny_typing(scmp_filter_ctx f, bool fake_ids)
{
    static const uint32_t commands[] = { TIOCSTI, TIOCLINUX };
    int failed = 0;
    for (size_t i = 0; failed == 0 && i < COUNT(commands); i++)
        failed = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                                  SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, commands[i]));
    return failed;
}

/* ---- built once, loaded often --------------------------------------------------------------------------------- */

enum { FILTERS = 2, INSTRUCTIONS_MAX = 4096 }; /* the latter is the kernel's limit */

/* Append a filter to the file; *size: its bytes. */
static bool export_filter(int fd, uint32_t otherwise, int (*fill)(scmp_filter_ctx, bool), bool fake_ids, uint32_t *size,
                          struct err *e)
{
    scmp_filter_ctx f = seccomp_init(otherwise);
    if (f == NULL)
        return err_set(e, ERR_IO, "build the system call filter: out of memory");
    off_t before = lseek(fd, 0, SEEK_CUR);
    int failed = fill(f, fake_ids);
    if (failed == 0)
        failed = seccomp_export_bpf(f, fd);
    seccomp_release(f);
    *size = (uint32_t)(lseek(fd, 0, SEEK_CUR) - before);
    errno = -failed;
    return failed == 0 || err_sys(e, "build the system call filter");
}

bool confine_filters_make(bool fake_ids, int *out, struct err *e)
{
    uint32_t sizes[FILTERS];
    CLEANUP(fd_close) int fd = memfd_create("filters", MFD_CLOEXEC);
    if (fd < 0 || lseek(fd, sizeof sizes, SEEK_SET) < 0)
        return err_sys(e, "create a memory file");
    if (!export_filter(fd, SCMP_ACT_ALLOW, deny_typing, false, &sizes[0], e)
        || !export_filter(fd, SCMP_ACT_ERRNO(EPERM), allow_list, fake_ids, &sizes[1], e))
        return false;
    if (pwrite(fd, sizes, sizeof sizes, 0) != sizeof sizes)
        return err_sys(e, "write the system call filter");
    *out = fd_take(&fd);
    return true;
}

bool confine_seccomp(int filters, struct err *e)
{
    static struct sock_filter instructions[INSTRUCTIONS_MAX];
    uint32_t sizes[FILTERS];
    off_t at = sizeof sizes;
    if (pread(filters, sizes, sizeof sizes, 0) != sizeof sizes)
        return err_sys(e, "read the system call filter");
    for (size_t i = 0; i < FILTERS; i++) {
        struct sock_fprog program = { (unsigned short)(sizes[i] / sizeof *instructions), instructions };
        if (sizes[i] > sizeof instructions || pread(filters, instructions, sizes[i], at) != (ssize_t)sizes[i])
            return err_set(e, ERR_IO, "the system call filter is cut short");
        at += sizes[i];
        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
            return err_sys(e, "load the system call filter (kernel option SECCOMP_FILTER)");
    }
    return true;
}
