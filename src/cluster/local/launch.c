#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "cluster/local/confine.h"
#include "cluster/local/launch.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
enum { DEFAULT_PIDS = 1024 };

static struct str read_or_empty(struct arena *a, const char *path)
{
    struct str text = { 0 };
    struct err ignored;
    struct stat st;
    /* never wait for a writer that a hostile image's fifo does not have */
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || !fs_read(a, AT_FDCWD, path, USER_FILE_MAX, &text, &ignored))
        return S("");
    return text;
}

bool launch_user(struct arena *a, const struct spec *s, struct user *out, struct err *e)
{
    return user_resolve(read_or_empty(a, "/etc/passwd"), read_or_empty(a, "/etc/group"), s->user, s->uid, s->gid, out,
                        e);
}

static struct str variable(const struct spec *s, struct str name_and_equals, struct str otherwise)
{
    for (size_t i = s->n_env; i-- > 0;) /* the last one wins */
        if (str_starts(s->env[i], name_and_equals))
            return str_slice(s->env[i], name_and_equals.n, s->env[i].n);
    return otherwise;
}

static char **environment(struct arena *a, const struct spec *s, const struct user *u)
{
    struct str *env = arena_new(a, struct str, s->n_env + 2);
    size_t n = 0;
    for (; n < s->n_env; n++)
        env[n] = s->env[n];
    if (variable(s, S("PATH="), S("")).n == 0)
        env[n++] = S("PATH=" DEFAULT_PATH);
    if (variable(s, S("HOME="), S("")).n == 0)
        env[n++] = arena_fmt(a, "HOME=%.*s", STR(u->home));
    return spec_vector(a, env, n);
}

/* Try each folder of PATH; EACCES is remembered, because it says more than "not found". */
static void exec_in_path(struct arena *a, struct str path, char **argv, char **env)
{
    int told = ENOENT;
    while (path.n > 0) {
        struct str dir;
        str_split(&path, S(":"), &dir);
        execve(arena_fmt(a, "%.*s/%s", STR(dir), argv[0]).p, argv, env);
        if (errno != ENOENT && errno != ENOTDIR)
            told = errno;
    }
    errno = told;
}

static bool exec_failed(const char *program, struct str path, struct err *e)
{
    int os = errno;
    switch (os) {
    case ENOENT:
    case ENOTDIR:
        err_set_(e, ERR_NOT_FOUND, "exec \"%s\": not found in the image%s%.*s (or its interpreter is missing)", program,
                 strchr(program, '/') == NULL ? " in PATH=" : "", strchr(program, '/') == NULL ? (int)path.n : 0,
                 path.p);
        break;
    case EACCES:
        err_set_(e, ERR_NOT_FOUND, "exec \"%s\": permission denied: not an executable file for this user", program);
        break;
    case ENOEXEC:
        err_set_(e, ERR_INVALID,
                 "exec \"%s\": not a program for this machine (wrong architecture, or a script without #!)", program);
        break;
    default: return err_sys(e, "exec \"%s\"", program);
    }
    e->os = os;
    return false;
}

void launch_exec(struct arena *a, const struct spec *s, const struct user *u, const struct str *argv, size_t n_argv,
                 struct err *e)
{
    char **args = spec_vector(a, argv, n_argv), **env = environment(a, s, u);
    struct str path = variable(s, S("PATH="), S(DEFAULT_PATH));
    const char *cwd = s->cwd.n > 0 ? arena_c(a, s->cwd) : "/";
    sigset_t none;
    sigemptyset(&none);
    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (chdir(cwd) != 0) {
        err_sys_(e, "change to the working folder %s", cwd);
        return;
    }
    struct confinement c = { .user = u,
                             .fake_ids = s->fake_ids,
                             .filters = s->filters,
                             .memory_max = s->memory_max,
                             .pids_max = s->pids_max > 0 ? s->pids_max : DEFAULT_PIDS };
    if (!confine(&c, e))
        return;
    /* whatever was left open: only the standard three are the program's (the report's end must outlive a failed execve)
     */
    if (close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
        err_sys_(e, "close descriptors");
        return;
    }
    if (strchr(args[0], '/') != NULL)
        execve(args[0], args, env);
    else
        exec_in_path(a, path, args, env);
    exec_failed(args[0], path, e);
}

void launch_report(int fd, const struct err *e)
{
    char line[sizeof e->text + 64];
    int n = snprintf(line, sizeof line, "%d %d %s", (int)e->kind, e->os, e->text);
    struct err ignored;
    if (!fd_write_all(fd, (struct str){ line, (size_t)n }, &ignored))
        return;
}

bool launch_report_read(struct str text, struct err *e)
{
    struct str kind, os;
    int64_t k, o;
    if (text.n == 0)
        return true;
    if (!str_split(&text, S(" "), &kind) || !str_split(&text, S(" "), &os) || !str_to_int(kind, &k)
        || !str_to_int(os, &o))
        return err_set(e, ERR_IO, "the container's init reported nonsense");
    err_set_(e, k > ERR_NONE && k <= ERR_IO ? (enum err_kind)k : ERR_IO, "%.*s", STR(text));
    e->os = (int)o;
    return false;
}
