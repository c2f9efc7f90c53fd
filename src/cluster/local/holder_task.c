/*
 * Children of the holder that are not containers: exec in a container, and removal of files, which may take long and
 * must not stop the name server and the forwarders meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "cluster/local/holder.h"
#include "cluster/local/launch.h"
#include "cluster/local/spec.h"
#include "data/json.h"

enum { EXEC_FAILED = 126, EXEC_NOT_FOUND = 127 };

static struct task *add(struct holder *h, pid_t pid, struct pod *p)
{
    struct task *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    *t = (struct task){ .next = h->tasks, .h = h, .pid = pid, .pod = p };
    h->tasks = t;
    return t;
}

/* Remove a tree in a child; `p` (may be NULL) is the pod that ends with it. */
bool task_remove_files(struct holder *h, const char *path, struct pod *p, struct err *e)
{
    pid_t pid = fork();
    if (pid == 0) {
        bool ok = fs_remove_tree(path, e);
        if (!ok)
            fprintf(stderr, "%s\n", e->text);
        _exit(ok ? 0 : 1);
    }
    if (pid < 0)
        return err_sys(e, "fork");
    return add(h, pid, p) != NULL || err_set(e, ERR_LIMIT, "out of memory");
}

/* ---- exec --------------------------------------------------------------------------------------------- */

struct exec {
    struct spec spec;
    struct str *argv;
    size_t n_argv;
    int pidfd, output;
};

/* The process that becomes the program: already inside every namespace, first of its kind in the pid namespace. */
static _Noreturn void exec_program(struct arena *a, const struct exec *x)
{
    struct err e = { 0 };
    struct user u;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(null, 0);
    dup2(x->output, 1);
    dup2(x->output, 2);
    if (launch_user(a, &x->spec, &u, &e))
        launch_exec(a, &x->spec, &u, x->argv, x->n_argv, &e);
    dprintf(2, "%s\n", e.text);
    _exit(e.kind == ERR_NOT_FOUND ? EXEC_NOT_FOUND : EXEC_FAILED);
}

/* Enter, and stand by: a process cannot change its own pid namespace, only its children's. */
static _Noreturn void exec_enter(struct arena *a, const struct exec *x)
{
    const int all = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP;
    int status = 0;
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* our memory is the holder's: nobody inside may look */
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    setpgid(0, 0);
    if (setns(x->pidfd, all) != 0 || setns(x->pidfd, CLONE_NEWUSER) != 0) {
        dprintf(x->output, "enter the container: %s\n", strerror(errno));
        _exit(EXEC_FAILED);
    }
    pid_t program = fork();
    if (program == 0)
        exec_program(a, x);
    close(x->output);
    if (program < 0)
        _exit(EXEC_FAILED);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* entering changed credentials, which clears it */
    while (waitpid(program, &status, 0) < 0 && errno == EINTR)
        continue;
    _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static bool exec_prepare(struct request *r, struct container *c, struct exec *x, struct err *e)
{
    struct value spec;
    const struct value *argv = value_get(&r->m->body, "argv");
    if (c->pid == 0 || !c->started)
        return err_set(e, ERR_NOT_FOUND, "container %s is not running", c->name);
    if (r->m->n_fds != 1 || value_len(argv) == 0)
        return err_set(e, ERR_INVALID, "exec needs a command and a place for its output");
    if (!json_parse(r->a, (struct str){ c->spec, c->spec_n }, &spec, e) || !spec_from_value(r->a, &spec, &x->spec, e))
        return false;
    x->n_argv = value_len(argv);
    x->argv = arena_new(r->a, struct str, x->n_argv);
    for (size_t i = 0; i < x->n_argv; i++)
        x->argv[i] = value_as_str(value_item(argv, i));
    x->spec.filters = c->pod->h->filters;
    x->pidfd = c->pidfd;
    x->output = r->m->fds[0];
    return true;
}

/* Answered with {"exitCode"} when the program ends; killed when the peer hangs up. */
bool task_exec(struct holder *h, struct request *r, struct err *e)
{
    struct container *c;
    struct exec x;
    if (!container_of(h, r, &c, e) || !exec_prepare(r, c, &x, e))
        return false;
    pid_t pid = fork();
    if (pid == 0)
        exec_enter(r->a, &x);
    if (pid < 0)
        return err_sys(e, "fork");
    struct task *t = add(h, pid, c->pod);
    if (t == NULL)
        return err_set(e, ERR_LIMIT, "out of memory");
    t->is_exec = true;
    t->peer = r->peer->id;
    return true;
}

void task_reaped(struct task *t, int status)
{
    struct holder *h = t->h;
    struct task **at = &h->tasks;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    if (t->is_exec) {
        CLEANUP(arena_close) struct arena a = { 0 };
        struct value v = value_map(&a);
        value_set(&a, &v, "exitCode", value_int(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status)));
        holder_reply(h, t->peer, &a, &v, NULL, 0);
        pod_ended(t->pod);
    } else if (t->pod != NULL) {
        pod_files_removed(t->pod);
    }
    free(t);
}

void task_peer_gone(struct holder *h, uint64_t peer)
{
    for (struct task *t = h->tasks; t != NULL; t = t->next)
        if (t->is_exec && t->peer == peer)
            kill(t->pid, SIGKILL); /* its child goes with it, by its death signal */
}
