#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/sys.h"
#include "cluster/local/crilog.h"

static bool open_file(struct crilog *l, struct err *e)
{
    l->fd = open(l->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
    struct stat st;
    l->size = l->fd >= 0 && fstat(l->fd, &st) == 0 ? (size_t)st.st_size : 0;
    return l->fd >= 0 || err_sys(e, "open log %s", l->path);
}

bool crilog_open(struct crilog *l, const char *path, struct err *e)
{
    *l = (struct crilog){ .fd = -1 };
    if (snprintf(l->path, sizeof l->path, "%s", path) >= (int)sizeof l->path)
        return err_set(e, ERR_LIMIT, "log path %s is too long", path);
    return open_file(l, e);
}

static void rotate(struct crilog *l)
{
    char from[sizeof l->path + 8], to[sizeof l->path + 8];
    struct err ignored;
    fd_close(&l->fd);
    for (int i = CRILOG_FILES - 1; i > 0; i--) {
        snprintf(to, sizeof to, "%s.%d", l->path, i);
        snprintf(from, sizeof from, i > 1 ? "%s.%d" : "%s", l->path, i - 1);
        rename(from, to);
    }
    if (!open_file(l, &ignored))
        l->fd = -1;
}

/* 2026-01-02T03:04:05.000000006Z */
static size_t timestamp(char *out, size_t room)
{
    struct tm tm;
    int64_t now = clock_wall_ns();
    time_t seconds = (time_t)(now / 1000000000);
    gmtime_r(&seconds, &tm);
    int n = snprintf(out, room, "%04d-%02d-%02dT%02d:%02d:%02d.%09dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                     tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(now % 1000000000));
    return (size_t)n;
}

/* One writev per line: a reader that tails the file never sees a line begun twice. */
static void write_line(struct crilog *l, const char *stream, char mark, struct str before, struct str text)
{
    char head[96];
    size_t n = timestamp(head, sizeof head);
    n += (size_t)snprintf(head + n, sizeof head - n, " %s %c ", stream, mark);
    if (l->size >= CRILOG_FILE_MAX)
        rotate(l);
    struct iovec parts[] = { { head, n },
                             { (void *)(uintptr_t)before.p, before.n },
                             { (void *)(uintptr_t)text.p, text.n },
                             { (void *)(uintptr_t) "\n", 1 } };
    ssize_t written = l->fd >= 0 ? writev(l->fd, parts, COUNT(parts)) : -1;
    if (written > 0)
        l->size += (size_t)written;
}

void crilog_feed(struct crilog *l, struct crilog_stream *s, struct str bytes)
{
    while (bytes.n > 0) {
        size_t room = sizeof s->partial - s->n;
        const char *end = memchr(bytes.p, '\n', bytes.n);
        size_t n = end != NULL ? (size_t)(end - bytes.p) : bytes.n;
        if (n > room || (end == NULL && n == room)) {
            write_line(l, s->name, 'P', (struct str){ s->partial, s->n }, str_cut(&bytes, room));
            s->n = 0;
        } else if (end == NULL) {
            memcpy(s->partial + s->n, bytes.p, n);
            s->n += n;
            return;
        } else {
            write_line(l, s->name, 'F', (struct str){ s->partial, s->n }, str_cut(&bytes, n));
            str_cut(&bytes, 1);
            s->n = 0;
        }
    }
}

void crilog_flush(struct crilog *l, struct crilog_stream *s)
{
    if (s->n > 0)
        write_line(l, s->name, 'P', (struct str){ s->partial, s->n }, S(""));
    s->n = 0;
}

void crilog_close(struct crilog *l)
{
    fd_close(&l->fd);
}
