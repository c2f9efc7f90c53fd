/* Children: run to the end with captured output and a deadline. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/child.h"
#include "base/sys.h"

enum { DEFAULT_TIMEOUT_MS = 600000, DEFAULT_OUTPUT_MAX = 64 << 20 };

struct pipes {
    int in[2], out[2], err[2];
};

static void close_pipes(struct pipes *p)
{
    for (int i = 0; i < 2; i++) {
        fd_close(&p->in[i]);
        fd_close(&p->out[i]);
        fd_close(&p->err[i]);
    }
}

static bool open_pipes(struct pipes *p, const struct proc_options *o, struct err *e)
{
    bool ok = pipe2(p->out, O_CLOEXEC) == 0 && (o->merge_stderr || pipe2(p->err, O_CLOEXEC) == 0)
              && (o->stdin_bytes.n == 0 || pipe2(p->in, O_CLOEXEC) == 0);
    return ok || err_sys(e, "create a pipe");
}

static bool start(const struct proc_options *o, const struct pipes *p, pid_t *out, struct err *e)
{
    struct child child = { .argv = o->argv,
                           .env = o->env,
                           .cwd = o->cwd,
                           .in = p->in[0],
                           .out = p->out[1],
                           .err = o->merge_stderr ? p->out[1] : p->err[1] };
    return child_start(&child, out, e);
}

/* Take what is there; closes the descriptor at its end. False with an error over the limit. */
static bool drain(int *fd, struct buf *into, size_t max, struct err *e)
{
    buf_reserve(into, 16384);
    ssize_t n = read(*fd, into->p + into->n, into->cap - into->n - 1);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    if (n <= 0) {
        fd_close(fd);
        return true;
    }
    into->n += (size_t)n;
    into->p[into->n] = '\0';
    return into->n <= max || err_set(e, ERR_LIMIT, "it printed more than %zu bytes", max);
}

static void feed(int *fd, struct str *rest)
{
    ssize_t n = write(*fd, rest->p, rest->n);
    if (n > 0)
        str_cut(rest, (size_t)n);
    if (rest->n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
        fd_close(fd); /* a child may stop reading early: its affair */
}

static bool converse(const struct proc_options *o, struct pipes *p, struct buf *out, struct buf *err, struct err *e)
{
    int64_t deadline = clock_mono_ms() + (o->timeout_ms > 0 ? o->timeout_ms : DEFAULT_TIMEOUT_MS);
    size_t max = o->output_max > 0 ? o->output_max : DEFAULT_OUTPUT_MAX;
    struct str rest = o->stdin_bytes;
    if (p->in[1] >= 0)
        fcntl(p->in[1], F_SETFL, O_NONBLOCK);
    while (p->out[0] >= 0 || p->err[0] >= 0 || p->in[1] >= 0) {
        struct pollfd set[] = { { p->out[0], POLLIN, 0 }, { p->err[0], POLLIN, 0 }, { p->in[1], POLLOUT, 0 } };
        int64_t left = deadline - clock_mono_ms();
        if (left <= 0)
            return err_set(e, ERR_UNAVAILABLE, "no end after %lld s", (long long)(o->timeout_ms / 1000));
        if (poll(set, 3, left > 1000 ? 1000 : (int)left) < 0 && errno != EINTR)
            return err_sys(e, "poll");
        if (set[0].revents != 0 && !drain(&p->out[0], out, max, e))
            return false;
        if (set[1].revents != 0 && !drain(&p->err[0], err, max, e))
            return false;
        if (set[2].revents != 0)
            feed(&p->in[1], &rest);
    }
    return true;
}

bool proc_run(struct arena *a, const struct proc_options *o, struct proc_result *out, struct err *e)
{
    struct pipes p = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
    pid_t child = -1;
    if (!open_pipes(&p, o, e) || !start(o, &p, &child, e)) {
        close_pipes(&p);
        return false;
    }
    fd_close(&p.in[0]);
    fd_close(&p.out[1]);
    fd_close(&p.err[1]);
    /* two arenas' worth of growth in one would copy: stderr is usually short, so it gets the temporary one */
    struct arena aside = { 0 };
    struct buf text = { .a = a }, errors = { .a = &aside };
    bool ok = converse(o, &p, &text, &errors, e);
    close_pipes(&p);
    int status = child_end(child, !ok);
    if (ok)
        *out = (struct proc_result){ status, buf_str(&text), arena_str(a, buf_str(&errors)) };
    else
        err_wrap_(e, "run %s", o->argv[0]);
    arena_close(&aside);
    return ok;
}

const char *proc_self(struct arena *a)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0)
        return "/proc/self/exe";
    return arena_c(a, (struct str){ path, (size_t)n });
}

const char *proc_sibling(struct arena *a, const char *beside, const char *installed)
{
    const char *const places[] = { beside, installed };
    struct str self = str_c(proc_self(a));
    ptrdiff_t slash = str_rfind(self, S("/"));
    const char *dir = arena_c(a, str_slice(self, 0, slash < 0 ? 0 : (size_t)slash));
    for (size_t i = 0; i < COUNT(places); i++) {
        const char *path = fs_join(a, dir, places[i]);
        if (fs_exists(path))
            return path;
    }
    return NULL;
}
