/* What people look at: environments, events, notifications, problems, and a stream that says when to look again. */
#include <stdio.h>

#include "server/internal.h"

static struct value rfc3339_or_null(struct arena *a, int64_t ms)
{
    return ms > 0 ? value_str(clock_rfc3339(a, ms)) : value_null();
}

static void copy_str(struct arena *a, const struct value *row, const char *key, struct str text)
{
    if (text.n > 0)
        value_set_str(a, row, key, text);
}

static struct value environment(struct call *c, const struct value *app)
{
    struct arena *a = c->r->a;
    struct value row = value_map(a);
    struct str ns = application_namespace(app), number = application_annotation(app, APP_ANNOTATION_PULL);
    int64_t n;
    value_set_str(a, &row, "name", application_name(app));
    value_set_str(a, &row, "namespace", ns);
    if (str_to_int(number, &n))
        value_set(a, &row, "pullRequest", value_int(n));
    copy_str(a, &row, "pullRequestUrl", application_annotation(app, APP_ANNOTATION_PULL_URL));
    copy_str(a, &row, "title", application_annotation(app, APP_ANNOTATION_TITLE));
    copy_str(a, &row, "branch", application_annotation(app, APP_ANNOTATION_BRANCH));
    copy_str(a, &row, "headSha", application_annotation(app, APP_ANNOTATION_HEAD_SHA));
    copy_str(a, &row, "repository", application_annotation(app, APP_ANNOTATION_REPOSITORY));
    copy_str(a, &row, "revision", value_str_at(app, "status.operationState.syncResult.revision"));
    copy_str(a, &row, "sync", value_str_at(app, "status.sync.status"));
    copy_str(a, &row, "health", value_str_at(app, "status.health.status"));
    copy_str(a, &row, "healthMessage", value_str_at(app, "status.health.message"));
    copy_str(a, &row, "phase", value_str_at(app, "status.operationState.phase"));
    copy_str(a, &row, "message", value_str_at(app, "status.operationState.message"));
    copy_str(a, &row, "url", local_ingress_url(a, c->s->cluster, ns));
    copy_str(a, &row, "createdAt", value_str_at(app, "metadata.creationTimestamp"));
    value_set(a, &row, "deleting", value_bool(value_str_at(app, "metadata.deletionTimestamp").n > 0));
    value_set(a, &row, "conditions", *value_at(app, "status.conditions"));
    return row;
}

static void reply_items(struct call *c, struct value items)
{
    struct value v = value_map(c->r->a);
    value_set(c->r->a, &v, "items", items);
    http_reply_json(c->x, 200, &v);
}

static bool list_kind(struct call *c, const char *kind, struct value *out)
{
    struct err e;
    struct store_key k = { .scope = "vitrine", .group = S("argoproj.io"), .kind = str_c(kind) };
    if (store_list(c->r->a, c->s->store, &k, out, &e))
        return true;
    server_reply_error(c, &e);
    return false;
}

static void environments(struct call *c)
{
    struct value apps, rows = value_list(c->r->a);
    if (!list_kind(c, "Application", &apps))
        return;
    for (size_t i = 0; i < value_len(&apps); i++)
        list_push(c->r->a, rows.list, environment(c, value_item(&apps, i)));
    reply_items(c, rows);
}

static int64_t query_int(struct call *c, const char *name, int64_t otherwise)
{
    int64_t n;
    return str_to_int(http_query(c->r, name), &n) ? n : otherwise;
}

static size_t query_limit(struct call *c)
{
    int64_t n = query_int(c, "limit", 100);
    return n < 1 ? 1 : n > 1000 ? 1000 : (size_t)n;
}

static void events(struct call *c)
{
    struct arena *a = c->r->a;
    struct store_event *v;
    struct err e;
    size_t n;
    if (!store_events(a, c->s->store, http_query(c->r, "app"), query_int(c, "after", 0), query_limit(c), &v, &n, &e)) {
        server_reply_error(c, &e);
        return;
    }
    struct value rows = value_list(a);
    for (size_t i = 0; i < n; i++) {
        struct value row = value_map(a);
        value_set(a, &row, "id", value_int(v[i].id));
        value_set(a, &row, "at", rfc3339_or_null(a, v[i].at_ms));
        value_set(a, &row, "atMs", value_int(v[i].at_ms));
        value_set_str(a, &row, "type", v[i].type);
        value_set_str(a, &row, "app", v[i].app);
        value_set_str(a, &row, "reason", v[i].reason);
        value_set_str(a, &row, "message", v[i].message);
        list_push(a, rows.list, row);
    }
    reply_items(c, rows);
}

static void notifications(struct call *c)
{
    struct arena *a = c->r->a;
    struct outbox_item *v;
    struct err e;
    size_t n;
    if (!store_outbox_list(a, c->s->store, http_query(c->r, "app"), query_limit(c), &v, &n, &e)) {
        server_reply_error(c, &e);
        return;
    }
    struct value rows = value_list(a);
    for (size_t i = 0; i < n; i++) {
        struct value row = value_map(a);
        value_set(a, &row, "id", value_int(v[i].id));
        value_set_str(a, &row, "app", v[i].app);
        value_set_str(a, &row, "service", v[i].service);
        value_set_str(a, &row, "label", v[i].label);
        value_set_str(a, &row, "state", v[i].state);
        value_set(a, &row, "attempts", value_int(v[i].attempts));
        value_set(a, &row, "createdAt", rfc3339_or_null(a, v[i].created_ms));
        value_set(a, &row, "doneAt", rfc3339_or_null(a, v[i].done_ms));
        value_set(a, &row, "nextAt", str_is(v[i].state, "pending") ? rfc3339_or_null(a, v[i].next_ms) : value_null());
        value_set_str(a, &row, "error", v[i].last_error);
        value_set_str(a, &row, "result", v[i].result);
        list_push(a, rows.list, row);
    }
    reply_items(c, rows);
}

static void push_problem(struct arena *a, const struct value *rows, struct str where, struct str text)
{
    struct value row = value_map(a);
    value_set_str(a, &row, "where", where);
    value_set_str(a, &row, "text", text);
    list_push(a, rows->list, row);
}

static void problems(struct call *c)
{
    struct arena *a = c->r->a;
    struct settings g = server_settings(c->s);
    const struct config_problem *config;
    const struct str *notify;
    struct str *lint;
    struct value rows = value_list(a);
    size_t n = config_problems(g.config, &config);
    for (size_t i = 0; i < n; i++)
        push_problem(a, &rows, config[i].where, config[i].text);
    n = notify_problems(g.notify, &notify);
    for (size_t i = 0; i < n; i++)
        push_problem(a, &rows, S("notifications"), notify[i]);
    n = notify_lint(g.notify, a, &lint);
    for (size_t i = 0; i < n; i++)
        push_problem(a, &rows, S("notifications"), lint[i]);
    reply_items(c, rows);
}

static void applicationsets(struct call *c)
{
    struct value sets;
    if (list_kind(c, "ApplicationSet", &sets))
        reply_items(c, sets);
}

static void refresh_sets(struct call *c)
{
    struct value v = value_map(c->r->a);
    size_t n = controller_refresh_appset(c->s->controller, S(""), S(""));
    value_set(c->r->a, &v, "refreshed", value_int((int64_t)n));
    http_reply_json(c->x, 200, &v);
}

/* ---- the stream --------------------------------------------------------------------------- */

enum { HEARTBEAT_MS = 15000, GATHER_MS = 50 };

static void produce_changes(struct http_stream *stream, void *arg)
{
    struct server *s = arg;
    int64_t version = store_version(s->store);
    char text[96];
    int n = snprintf(text, sizeof text, "retry: 1000\nevent: change\ndata: {\"version\":%lld}\n\n", (long long)version);
    bool open = http_stream_write(stream, (struct str){ text, (size_t)n });
    int64_t heartbeat = clock_mono_ms() + HEARTBEAT_MS;
    while (open && !s->closing && !http_stream_closed(stream)) {
        int64_t now = store_wait(s->store, version, clock_mono_ms() + 1000);
        if (now > version) {
            store_wait(s->store, now + 50, clock_mono_ms() + GATHER_MS); /* a burst becomes one event */
            version = store_version(s->store);
            n = snprintf(text, sizeof text, "event: change\ndata: {\"version\":%lld}\n\n", (long long)version);
            open = http_stream_write(stream, (struct str){ text, (size_t)n });
        } else if (clock_mono_ms() > heartbeat) {
            open = http_stream_write(stream, S(": still here\n\n"));
            heartbeat = clock_mono_ms() + HEARTBEAT_MS;
        }
    }
}

bool api_views(struct call *c)
{
    static const struct {
        const char *path, *method;
        void (*run)(struct call *c);
    } views[] = { { "environments", "GET", environments },       { "events", "GET", events },
                  { "notifications", "GET", notifications },     { "problems", "GET", problems },
                  { "applicationsets", "GET", applicationsets }, { "applicationsets/refresh", "POST", refresh_sets } };
    if (str_is(c->rest, "stream")) {
        http_reply_header(c->x, "Cache-Control", S("no-store"));
        http_reply_stream(c->x, 200, "text/event-stream", produce_changes, NULL, c->s);
        return true;
    }
    for (size_t i = 0; i < COUNT(views); i++) {
        if (!str_is(c->rest, views[i].path))
            continue;
        if (str_is(c->r->method, views[i].method) || (str_is(c->r->method, "HEAD") && views[i].method[0] == 'G'))
            views[i].run(c);
        else
            server_reply_text(c, 405, "%s was expected", views[i].method);
        return true;
    }
    return false;
}
