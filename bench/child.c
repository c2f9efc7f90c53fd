/*
 * child.c - runs one program and says what it cost: child SECONDS FD PROGRAM ARGUMENT...
 *
 * One line goes to the descriptor FD: wall, user and system time in microseconds, peak memory in KiB, and the exit
 * status (a signal as 128 plus its number, 124 when the SECONDS were over). Peak memory is why this is a program: the
 * kernel counts the memory of whoever starts a process as the first peak of the new one, and an interpreter is larger
 * than what we measure.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TIMED_OUT 124
#define NOT_STARTED 127

static volatile sig_atomic_t group, late;

static void stop(int signal_number)
{
    late = 1;
    if (group) /* the alarm is set after the start, so it always is */
        kill(-group, SIGKILL);
}

static long long micros(struct timeval t)
{
    return t.tv_sec * 1000000LL + t.tv_usec;
}

static long long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

/* A group of its own, so that a late program goes with all it started. */
static int start(char **argv, pid_t *pid)
{
    posix_spawnattr_t attr;
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attr, 0);
    int code = posix_spawn(pid, argv[0], NULL, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    return code;
}

static int exit_status(int status)
{
    if (late)
        return TIMED_OUT;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: child SECONDS FD PROGRAM ARGUMENT...\n");
        return 2;
    }
    int report = (int)strtol(argv[2], NULL, 10);
    fcntl(report, F_SETFD, FD_CLOEXEC);
    signal(SIGALRM, stop);
    long long begin = now();
    pid_t pid;
    int code = start(argv + 3, &pid);
    if (code) {
        fprintf(stderr, "child: %s: %s\n", argv[3], strerror(code));
        return NOT_STARTED;
    }
    group = pid;
    alarm((unsigned)strtoul(argv[1], NULL, 10));
    int status;
    struct rusage used;
    while (wait4(pid, &status, 0, &used) < 0 && errno == EINTR)
        ;
    long long wall = now() - begin;
    dprintf(report, "%lld %lld %lld %ld %d\n", wall, micros(used.ru_utime), micros(used.ru_stime), used.ru_maxrss,
            exit_status(status));
    return 0;
}
