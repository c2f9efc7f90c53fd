/*
 * The truth about a commit, for its status: pending at once, then one end. What was said last is in the store. A
 * success stays a success; a failure changes only when a new operation brought another end; what is still pending for
 * an older commit is closed as superseded.
 */
#include "data/json.h"
#include "gitops/controller_internal.h"

enum { DESCRIPTION_MAX = 140 };

/* ---- the decision ------------------------------------------------------------------------- */

static void say(const char **state, struct str *description, const char *s, struct str d)
{
    *state = s;
    *description = d;
}

static struct str resource_trouble(struct arena *a, const struct value *app, const char *health)
{
    const struct value *resources = value_at(app, "status.resources");
    for (size_t i = 0; i < value_len(resources); i++) {
        const struct value *r = value_item(resources, i);
        if (str_is(value_str_at(r, "health.status"), health))
            return arena_fmt(a, "%.*s %.*s: %.*s", STR(value_str_at(r, "kind")), STR(value_str_at(r, "name")),
                             STR(value_str_at(r, "health.message")));
    }
    return value_str_at(app, "status.health.message");
}

static void decide_by_health(struct arena *a, const struct value *app, const char **state, struct str *description)
{
    struct str health = value_str_at(app, "status.health.status");
    if (str_is(health, "Degraded"))
        say(state, description, "failure", arena_fmt(a, "Degraded: %.*s", STR(resource_trouble(a, app, "Degraded"))));
    else if (str_is(health, "Healthy") && str_is(value_str_at(app, "status.sync.status"), "Synced"))
        say(state, description, "success", S("Deployed and healthy"));
    else
        say(state, description, "pending",
            arena_fmt(a, "Waiting to become healthy: %.*s", STR(resource_trouble(a, app, "Progressing"))));
}

void preview_decide(struct arena *a, const struct value *app, struct str sha, enum trouble trouble, struct str why,
                    const char **state, struct str *description)
{
    const struct value *op = value_at(app, "status.operationState");
    struct str phase = value_str_at(op, "phase"), revision = value_str_at(op, "syncResult.revision");
    if (trouble != TROUBLE_NONE) {
        say(state, description,
            trouble == TROUBLE_WAITING   ? "pending"
            : trouble == TROUBLE_FAILURE ? "failure"
                                         : "error",
            why);
        return;
    }
    if (revision.n == 0)
        revision = value_str_at(op, "operation.sync.revision");
    bool current =
        str_eq(revision, sha)
        && value_equal(value_is(value_at(op, "syncResult.source"), VALUE_MAP) ? value_at(op, "syncResult.source")
                                                                              : value_at(op, "operation.sync.source"),
                       application_source(app));
    if (value_is(op, VALUE_NULL) || !current)
        say(state, description, "pending", S("Deploying"));
    else if (str_is(phase, "Failed"))
        say(state, description, "failure", arena_fmt(a, "Sync failed: %.*s", STR(value_str_at(op, "message"))));
    else if (str_is(phase, "Error"))
        say(state, description, "error", arena_fmt(a, "Sync could not run: %.*s", STR(value_str_at(op, "message"))));
    else if (str_is(phase, "Succeeded"))
        decide_by_health(a, app, state, description);
    else
        say(state, description, "pending", arena_fmt(a, "Deploying: %.*s", STR(value_str_at(op, "message"))));
}

/* ---- what was said ------------------------------------------------------------------------ */

static struct str key_of(struct pass *p)
{
    return arena_fmt(p->a, "preview/%.*s", STR(application_name(&p->app)));
}

static struct value last_said(struct pass *p)
{
    struct str text = { 0 };
    struct value v;
    struct err ignored = { 0 };
    if (store_kv_get(p->a, p->c->o.store, key_of(p), &text, &ignored) && json_parse(p->a, text, &v, &ignored))
        return v;
    return value_null();
}

/* One line of at most 140 characters. */
static struct str short_line(struct arena *a, struct str text)
{
    struct buf line = { .a = a };
    for (size_t i = 0; i < text.n; i++)
        buf_byte(&line, text.p[i] == '\n' || text.p[i] == '\r' || text.p[i] == '\t' ? ' ' : text.p[i]);
    struct str all = str_trim(buf_str(&line));
    if (utf8_count(all) <= DESCRIPTION_MAX)
        return all;
    return arena_fmt(a, "%.*s\xe2\x80\xa6", STR(utf8_prefix(all, DESCRIPTION_MAX - 1)));
}

static void announce(struct pass *p, struct str sha, const char *state, struct str description)
{
    struct preview_state s = { application_name(&p->app),
                               application_annotation(&p->app, APP_ANNOTATION_API),
                               application_annotation(&p->app, APP_ANNOTATION_REPOSITORY),
                               sha,
                               state,
                               short_line(p->a, description) };
    if (p->c->o.on_preview_state != NULL)
        p->c->o.on_preview_state(p->c->o.user, &p->app, &s);
}

/* Told first, remembered after: a crash in between repeats it, and the outbox knows it by its key. */
static void say_and_remember(struct pass *p, struct str sha, const char *state, struct str description,
                             struct str started)
{
    struct value v = value_map(p->a);
    struct err e = { 0 };
    announce(p, sha, state, description);
    value_set_str(p->a, &v, "sha", sha);
    value_set_str(p->a, &v, "state", str_c(state));
    value_set_str(p->a, &v, "description", short_line(p->a, description));
    value_set_str(p->a, &v, "started", started);
    if (!store_kv_put(p->c->o.store, key_of(p), json_str(p->a, &v, 0), &e))
        log_warn("preview state: %s", e.text);
}

static bool is_news(const struct value *last, const char *state, struct str description, struct str started)
{
    struct str old = value_str_at(last, "state");
    if (str_is(old, "success"))
        return false;
    if (str_is(old, "failure") || str_is(old, "error")) /* only a new operation may bring another end */
        return !str_eq(value_str_at(last, "started"), started) && strcmp(state, "pending") != 0;
    return !str_is(old, state) || !str_eq(value_str_at(last, "description"), description);
}

static bool has_pull(const struct pass *p)
{
    return application_annotation(&p->app, APP_ANNOTATION_HEAD_SHA).n > 0
           && application_annotation(&p->app, APP_ANNOTATION_REPOSITORY).n > 0;
}

/* Pending comes first, whatever follows; what an older commit left open is closed. */
void preview_begin(struct pass *p)
{
    struct str sha = application_annotation(&p->app, APP_ANNOTATION_HEAD_SHA);
    struct value last = last_said(p);
    struct str last_sha = value_str_at(&last, "sha");
    if (!has_pull(p) || str_eq(last_sha, sha))
        return;
    if (last_sha.n > 0 && str_is(value_str_at(&last, "state"), "pending"))
        announce(p, last_sha, "error", arena_fmt(p->a, "Superseded by %.7s", arena_c(p->a, sha)));
    say_and_remember(p, sha, "pending", S("Preparing the preview"), (struct str){ "", 0 });
}

void preview_tell(struct pass *p, enum trouble trouble, struct str why)
{
    struct str sha = application_annotation(&p->app, APP_ANNOTATION_HEAD_SHA), description = { 0 };
    struct str started = value_str_at(&p->app, "status.operationState.startedAt");
    const char *state = "pending";
    if (!has_pull(p))
        return;
    preview_begin(p);
    preview_decide(p->a, &p->app, sha, trouble, why, &state, &description);
    description = short_line(p->a, description);
    struct value last = last_said(p);
    if (!is_news(&last, state, description, started))
        return;
    say_and_remember(p, sha, state, description, started);
    if (strcmp(state, "success") == 0)
        station_reached(p, "Healthy", "");
}

void preview_close(struct pass *p, struct str why)
{
    struct value last = last_said(p);
    struct err ignored = { 0 };
    if (str_is(value_str_at(&last, "state"), "pending"))
        announce(p, value_str_at(&last, "sha"), "error", why);
    if (!store_kv_delete(p->c->o.store, key_of(p), &ignored))
        log_warn("preview state: %s", ignored.text);
}
