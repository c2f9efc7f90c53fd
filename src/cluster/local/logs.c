/* Reading the log files of containers: CRI lines, the last so many of them, and what comes after. */
#include "cluster/local/logs.h"

#include <fcntl.h>
#include <unistd.h>

#include "cluster/local/engine.h"

#define CHUNK ((size_t)64 << 10)
#define LINE_MAX_BYTES                                                                                                 \
    ((size_t)1 << 20) /* of one line put together from partial ones; longer ones are cut into several */
#define FOLLOW_MS 100 /* between two looks at a file that is followed */

bool logs_parse_line(struct str line, struct str *time, bool *partial, struct str *text)
{
    struct str stream, flag, rest = line;
    if (!str_split(&rest, S(" "), time) || !str_split(&rest, S(" "), &stream) || time->n == 0)
        return false;
    if (!str_is(stream, "stdout") && !str_is(stream, "stderr"))
        return false;
    (void)str_split(&rest, S(" "), &flag);
    *partial = str_is(flag, "P");
    *text = rest;
    return *partial || str_is(flag, "F");
}

/* ---- which file ---------------------------------------------------------------------------- */

struct source {
    struct local *l;
    struct str env, uid, container;
    int attempt;
};

static const struct value *container_status(const struct value *pod, struct str name)
{
    static const char *const lists[] = { "status.containerStatuses", "status.initContainerStatuses" };
    for (size_t l = 0; l < COUNT(lists); l++) {
        const struct value *list = value_at(pod, lists[l]);
        for (size_t i = 0; i < value_len(list); i++)
            if (str_eq(value_str_at(value_item(list, i), "name"), name))
                return value_item(list, i);
    }
    return &value_nil;
}

static bool has_container(const struct value *pod, struct str name)
{
    static const char *const lists[] = { "spec.containers", "spec.initContainers" };
    for (size_t l = 0; l < COUNT(lists); l++) {
        const struct value *list = value_at(pod, lists[l]);
        for (size_t i = 0; i < value_len(list); i++)
            if (str_eq(value_str_at(value_item(list, i), "name"), name))
                return true;
    }
    return false;
}

/* A container that waits shows its former run, as long as there is one. */
static bool find_source(struct arena *a, struct local *l, const struct cluster_logs *o, struct source *out,
                        struct err *e)
{
    struct value pod;
    const struct cluster_key k = { S(""), S("v1"), S("Pod"), o->ns, o->pod };
    if (!objects_get(&l->objects, a, &k, &pod, e))
        return false;
    struct str name = o->container.n > 0 ? o->container : value_str_at(&pod, "spec.containers.0.name");
    if (!has_container(&pod, name))
        return err_set(e, ERR_NOT_FOUND, "container %.*s is not valid for pod %.*s", STR(name), STR(o->pod));
    const struct value *status = container_status(&pod, name);
    int64_t restarts = value_int_at(status, "restartCount", 0);
    bool waits = !value_is(value_at(status, "state.running"), VALUE_MAP)
                 && !value_is(value_at(status, "state.terminated"), VALUE_MAP);
    if (o->previous && restarts == 0)
        return err_set(e, ERR_NOT_FOUND, "previous terminated container \"%.*s\" in pod \"%.*s\" not found", STR(name),
                       STR(o->pod));
    if (waits && restarts == 0) {
        struct str reason = value_str_at(status, "state.waiting.reason"),
                   message = value_str_at(status, "state.waiting.message");
        return err_set(e, ERR_UNAVAILABLE, "container \"%.*s\" in pod \"%.*s\" is waiting to start: %.*s%s%.*s",
                       STR(name), STR(o->pod), STR(reason.n > 0 ? reason : S("ContainerCreating")),
                       message.n > 0 ? ": " : "", STR(message));
    }
    *out = (struct source){ l, value_str_at(&pod, "metadata.namespace"), value_str_at(&pod, "metadata.uid"), name,
                            (int)restarts - (o->previous || waits ? 1 : 0) };
    return true;
}

/* ---- one file ------------------------------------------------------------------------------ */

struct reader {
    struct arena a;
    struct buf raw;  /* bytes not yet split into lines */
    struct buf text; /* a line put together from partial ones */
    char time[64];
    bool timestamps, stopped;
    bool (*line)(void *user, struct str text);
    void *user;
};

static void deliver(struct reader *r, struct str text)
{
    struct arena_mark mark = arena_mark(&r->a);
    if (r->timestamps)
        text = arena_fmt(&r->a, "%s %.*s", r->time, STR(text));
    r->stopped = !r->line(r->user, text);
    arena_rewind(&r->a, mark);
}

static void take_line(struct reader *r, struct str line)
{
    struct str time, text;
    bool partial;
    if (!logs_parse_line(line, &time, &partial, &text))
        return;
    if (r->text.n == 0) {
        time = str_slice(time, 0, sizeof r->time - 1);
        memcpy(r->time, time.p, time.n);
        r->time[time.n] = '\0';
    }
    if (!partial && r->text.n == 0) {
        deliver(r, text);
        return;
    }
    buf_add(&r->text, text);
    if (partial && r->text.n < LINE_MAX_BYTES)
        return;
    deliver(r, buf_str(&r->text));
    r->text.n = 0;
}

/* Hand on every complete line in `raw`; the rest waits for more. */
static void take_lines(struct reader *r)
{
    struct str all = buf_str(&r->raw), line;
    size_t used = 0;
    while (!r->stopped && str_find(all, S("\n")) >= 0) {
        (void)str_split(&all, S("\n"), &line);
        used += line.n + 1;
        take_line(r, line);
    }
    if (used == 0)
        return;
    memmove(r->raw.p, r->raw.p + used, r->raw.n - used);
    r->raw.n -= used;
}

/* Read what is there. False on an error; at the end of the file it returns true. */
static bool drain(struct reader *r, int fd, struct err *e)
{
    while (!r->stopped) {
        buf_reserve(&r->raw, CHUNK);
        ssize_t n = read(fd, r->raw.p + r->raw.n, CHUNK);
        if (n < 0)
            return err_sys(e, "read log");
        if (n == 0)
            return true;
        r->raw.n += (size_t)n;
        take_lines(r);
        if (r->raw.n > LINE_MAX_BYTES)
            r->raw.n = 0; /* no line end in a megabyte: not a log of ours */
    }
    return true;
}

/* Where the last `lines` whole lines begin. */
static off_t tail_offset(int fd, int64_t lines)
{
    char chunk[4096];
    off_t end = lseek(fd, 0, SEEK_END), at = end;
    int64_t seen = 0;
    if (lines == 0 || end <= 0)
        return end > 0 ? end : 0;
    while (at > 0) {
        size_t n = at < (off_t)sizeof chunk ? (size_t)at : sizeof chunk;
        if (pread(fd, chunk, n, at - (off_t)n) != (ssize_t)n)
            return 0;
        for (size_t i = n; i-- > 0;) {
            bool closes_file = at - (off_t)(n - i) + 1 == end;
            if (chunk[i] == '\n' && !closes_file && ++seen == lines)
                return at - (off_t)(n - i) + 1;
        }
        at -= (off_t)n;
    }
    return 0;
}

/* Is the attempt over? Also when nobody knows: then nothing more will come. */
static bool is_over(struct source *s)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct runtime_state state = { 0 };
    struct err e = { 0 };
    return !runtime_container_state(&a, s->l->runtime, s->env, s->uid, s->container, &state, &e) || !state.exists
           || !state.running;
}

static bool follow(struct reader *r, struct source *s, int fd, struct err *e)
{
    while (!r->stopped) {
        bool over = is_over(s); /* asked before reading: what was written before the end is not missed */
        if (!drain(r, fd, e))
            return false;
        if (over)
            return true;
        int64_t version = store_version(s->l->store);
        (void)store_wait(s->l->store, version, clock_mono_ms() + FOLLOW_MS);
    }
    return true;
}

bool logs_read(struct local *l, const struct cluster_logs *o, bool (*line)(void *user, struct str text), void *user,
               struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct source s;
    if (!find_source(&a, l, o, &s, e))
        return false;
    struct str path = runtime_log_path(&a, l->runtime, s.env, s.uid, s.container, s.attempt);
    CLEANUP(fd_close) int fd = open(arena_c(&a, path), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "open log of container %.*s in pod %.*s", STR(s.container), STR(o->pod));
    if (o->tail >= 0)
        (void)lseek(fd, tail_offset(fd, o->tail), SEEK_SET);
    struct reader r = { .timestamps = o->timestamps, .line = line, .user = user };
    r.raw.a = r.text.a = &r.a;
    bool ok = drain(&r, fd, e) && (!o->follow || o->previous || follow(&r, &s, fd, e));
    if (r.text.n > 0 && !r.stopped)
        deliver(&r, buf_str(&r.text));
    arena_close(&r.a);
    return ok;
}
