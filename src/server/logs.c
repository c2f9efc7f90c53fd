/* Container logs as text lines, followed on request. */
#include <stdlib.h>

#include "server/internal.h"

struct log_stream {
    struct arena a;
    struct server *s;
    struct cluster_logs o;
    struct http_stream *stream;
};

static bool write_line(void *user, struct str text)
{
    struct log_stream *l = user;
    if (l->s->closing || !http_stream_write(l->stream, text))
        return false;
    return str_ends(text, S("\n")) || http_stream_write(l->stream, S("\n"));
}

static void produce(struct http_stream *stream, void *arg)
{
    struct log_stream *l = arg;
    struct err e;
    l->stream = stream;
    if (!cluster_logs(l->s->cluster, &l->o, write_line, l, &e)) {
        struct str line = arena_fmt(&l->a, "Error: %s\n", e.text);
        if (!http_stream_write(stream, line))
            return;
    }
}

static void done(void *arg)
{
    struct log_stream *l = arg;
    arena_close(&l->a);
    free(l);
}

/* The pod asked for, or the newest one of the namespace whose name is not a finished job's. */
static struct str choose_pod(struct call *c, struct str ns)
{
    struct str asked = http_query(c->r, "podName");
    struct value pods;
    struct err e;
    struct cluster_key k = { .kind = S("Pod"), .ns = ns };
    if (asked.n > 0 || !cluster_list(c->s->cluster, c->r->a, &k, &pods, &e))
        return asked;
    struct str best = S(""), newest = S("");
    for (size_t i = 0; i < value_len(&pods); i++) {
        const struct value *pod = value_item(&pods, i);
        struct str at = value_str_at(pod, "metadata.creationTimestamp");
        bool running = str_is(value_str_at(pod, "status.phase"), "Running");
        if (best.n == 0 || (running && str_cmp(at, newest) >= 0)) {
            best = value_str_at(pod, "metadata.name");
            newest = at;
        }
    }
    return best;
}

void api_logs(struct call *c, const struct value *app)
{
    struct str ns = application_namespace(app), pod = choose_pod(c, ns);
    int64_t tail;
    if (pod.n == 0) {
        server_reply_text(c, 404, "%.*s has no pods", STR(application_name(app)));
        return;
    }
    struct log_stream *l = calloc(1, sizeof *l);
    if (l == NULL) {
        server_reply_text(c, 503, "out of memory");
        return;
    }
    l->s = c->s;
    l->o = (struct cluster_logs){ .ns = arena_str(&l->a, ns),
                                  .pod = arena_str(&l->a, pod),
                                  .container = arena_str(&l->a, http_query(c->r, "container")),
                                  .previous = str_is(http_query(c->r, "previous"), "true"),
                                  .follow = str_is(http_query(c->r, "follow"), "true"),
                                  .timestamps = str_is(http_query(c->r, "timestamps"), "true"),
                                  .tail = str_to_int(http_query(c->r, "tailLines"), &tail) ? tail : -1 };
    http_reply_stream(c->x, 200, "text/plain; charset=utf-8", produce, done, l);
}
