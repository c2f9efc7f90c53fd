/* Children by posix_spawn: fork would copy a process that has threads, and their locks with it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"

extern char **environ;

static void give(posix_spawn_file_actions_t *files, int fd, int as)
{
    if (fd >= 0)
        posix_spawn_file_actions_adddup2(files, fd, as);
    else
        posix_spawn_file_actions_addopen(files, as, "/dev/null", as == 0 ? O_RDONLY : O_WRONLY, 0);
}

bool child_start(const struct child *o, pid_t *out, struct err *e)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, pipe_signal;

    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    give(&files, o->in, 0);
    give(&files, o->out, 1);
    give(&files, o->err, 2);
    posix_spawn_file_actions_addclosefrom_np(&files, 3); /* what a library left inheritable */
    if (o->cwd != NULL)
        posix_spawn_file_actions_addchdir_np(&files, o->cwd);
    sigemptyset(&none);
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE); /* ignored in a server, but not in what it starts */
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &pipe_signal);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    char *const *env = o->env != NULL ? (char *const *)(uintptr_t)o->env : environ;
    int failed = posix_spawnp(out, o->argv[0], &files, &attr, (char *const *)(uintptr_t)o->argv, env);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    if (failed == 0)
        return true;
    errno = failed;
    return err_sys(e, "run %s", o->argv[0]);
}

int child_end(pid_t pid, bool kill_first)
{
    int status = 0;

    if (kill_first)
        kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
