/*
 * The life of an operation: started, taken step by step, retried with back-off, ended, put into the history. Its whole
 * state is status.operationState; `operation` itself is there from the request to the end.
 */
#include <time.h>

#include "gitops/controller_internal.h"

enum { AUTO_RETRY_LIMIT = 5 };

static const struct value *state_of(const struct pass *p)
{
    return value_get(&p->status, "operationState");
}

static struct str now_text(struct pass *p)
{
    return clock_rfc3339(p->a, p->now_ms);
}

bool operation_is_running(const struct pass *p)
{
    return value_is(&p->operation, VALUE_MAP);
}

/* ---- start -------------------------------------------------------------------------------- */

static struct value resource_reference(struct arena *a, const struct cluster_key *k)
{
    struct value r = value_map(a);
    value_set_str(a, &r, "group", k->group);
    value_set_str(a, &r, "kind", k->kind);
    value_set_str(a, &r, "name", k->name);
    if (k->ns.n > 0)
        value_set_str(a, &r, "namespace", k->ns);
    return r;
}

/* Self-heal touches only what is not in sync. */
static struct value drifted_resources(struct pass *p)
{
    struct value list = value_list(p->a);
    for (size_t i = 0; i < p->compare.n; i++)
        if (p->compare.v[i].counted && p->compare.v[i].status != SYNC_SYNCED)
            list_push(p->a, list.list, resource_reference(p->a, &p->compare.v[i].key));
    return list;
}

void operation_start(struct pass *p, const struct autosync_decision *d)
{
    struct arena *a = p->a;
    const struct value *options = value_at(&p->app, "spec.syncPolicy.syncOptions");
    const struct value *retry = value_at(&p->app, "spec.syncPolicy.retry");
    struct value operation = value_map(a), sync = value_map(a), default_retry = value_map(a);
    value_set_str(a, &sync, "revision", p->revision);
    if (application_automated(&p->app).prune)
        value_set(a, &sync, "prune", value_bool(true));
    if (value_len(options) > 0)
        value_set(a, &sync, "syncOptions", *options);
    value_set(a, &sync, "source", *application_source(&p->app));
    if (d->what == AUTOSYNC_HEAL) {
        value_set(a, &sync, "resources", drifted_resources(p));
        value_set(a, &sync, "autoHealAttemptsCount", value_int(d->heal_attempts));
    }
    value_set(a, &default_retry, "limit", value_int(AUTO_RETRY_LIMIT));
    value_set(a, &operation, "sync", sync);
    value_put_at(a, &operation, "initiatedBy.automated", value_bool(true));
    value_set(a, &operation, "retry", value_is(retry, VALUE_MAP) ? *retry : default_retry);
    p->operation = value_clone(a, &operation);
    value_del(&p->status, "operationState");
    pass_event(p, "Normal", "OperationStarted", "Initiated automated sync to '%.*s'", STR(p->revision));
}

static void begin_result(struct pass *p, const struct value *state, struct str revision)
{
    struct value result = value_map(p->a);
    const struct value *source = value_at(state, "operation.sync.source");
    value_set_str(p->a, &result, "revision", revision);
    value_set(p->a, &result, "source", value_is(source, VALUE_MAP) ? *source : *application_source(&p->app));
    value_set(p->a, state, "syncResult", result);
}

static void begin_state(struct pass *p)
{
    struct value state = value_map(p->a);
    value_set(p->a, &state, "operation", value_clone(p->a, &p->operation));
    value_set_str(p->a, &state, "phase", S("Running"));
    value_set_str(p->a, &state, "message", S("")); /* the first step fills it in */
    value_set_str(p->a, &state, "startedAt", now_text(p));
    value_set(p->a, &p->status, "operationState", state);
}

/* ---- end ---------------------------------------------------------------------------------- */

static struct application_retry retry_of(struct pass *p)
{
    const struct value *retry = value_at(state_of(p), "operation.retry");
    return application_retry_of(retry, 0);
}

/* "5:02PM", as Go's time.Kitchen writes the local time. */
static struct str kitchen(struct arena *a, int64_t wall_ms)
{
    time_t t = (time_t)(wall_ms / 1000);
    struct tm tm;
    localtime_r(&t, &tm);
    int hour = tm.tm_hour % 12 == 0 ? 12 : tm.tm_hour % 12;
    return arena_fmt(a, "%d:%02d%s", hour, tm.tm_min, tm.tm_hour < 12 ? "AM" : "PM");
}

/* True when another attempt was planned. */
static bool plan_retry(struct pass *p, struct str message)
{
    const struct value *state = state_of(p);
    struct application_retry r = retry_of(p);
    int64_t n = value_int_at(state, "retryCount", 0);
    if (r.limit >= 0 && n >= r.limit)
        return false;
    int64_t announced = p->now_ms + application_retry_wait_ms(&r, n);
    value_set_str(p->a, state, "phase", S("Running"));
    value_set_str(p->a, state, "finishedAt", now_text(p));
    value_set(p->a, state, "retryCount", value_int(n + 1));
    value_set_str(p->a, state, "message",
                  arena_fmt(p->a, "%.*s. Retrying attempt #%lld at %.*s.", STR(message), (long long)n + 1,
                            STR(kitchen(p->a, announced))));
    p->next_ms = application_retry_wait_ms(&r, n + 1);
    return true;
}

static void end_operation(struct pass *p, const char *phase, struct str message)
{
    const struct value *state = state_of(p);
    bool succeeded = strcmp(phase, "Succeeded") == 0;
    int64_t n = value_int_at(state, "retryCount", 0);
    if (!succeeded && n > 0)
        message = arena_fmt(p->a, "%.*s (retried %lld times).", STR(message), (long long)n);
    value_set_str(p->a, state, "phase", str_c(phase));
    value_set_str(p->a, state, "message", message);
    value_set_str(p->a, state, "finishedAt", now_text(p));
    p->operation = value_null();
    bool partial = value_len(value_at(state, "operation.sync.resources")) > 0;
    if (succeeded && !partial && !value_bool_at(state, "operation.sync.dryRun", false))
        status_add_history(p);
    p->next_ms = 0;
    p->entry->live_seen = 0;
    pass_event(p, succeeded ? "Normal" : "Warning", "OperationCompleted", "Sync operation to %.*s %s: %.*s",
               STR(value_str_at(state, "syncResult.revision")), succeeded ? "succeeded" : "failed", STR(message));
}

/* The comparison that must follow an operation: its reconciledAt says that sync and health are current. */
static void ask_refresh(struct pass *p)
{
    queue_wake(p->c, application_name(&p->app), false, WAKE_REFRESH);
}

static bool save_end(struct pass *p, struct err *e)
{
    if (!pass_save(p, e))
        return false;
    if (!operation_is_running(p))
        ask_refresh(p);
    return true;
}

static bool is_waiting_for_retry(struct pass *p);

void operation_cannot_run(struct pass *p, struct str message)
{
    if (value_is(state_of(p), VALUE_NULL))
        begin_state(p);
    if (!is_waiting_for_retry(p) && !plan_retry(p, message))
        end_operation(p, "Error", message);
}

/* ---- superseded --------------------------------------------------------------------------- */

bool operation_is_superseded(const struct pass *p)
{
    const struct value *sync = value_get(&p->operation, "sync");
    if (!operation_is_running(p) || !value_bool_at(&p->operation, "initiatedBy.automated", false) || p->revision.n == 0)
        return false;
    return !str_eq(value_str_at(sync, "revision"), p->revision)
           || !value_equal(value_get(sync, "source"), application_source(&p->app));
}

static void step_once(struct pass *p, const struct compare_result *compare, const struct value *targets, bool terminate,
                      struct sync_output *out);

bool operation_supersede(struct pass *p, struct err *e)
{
    struct sync_output out = { 0 };
    if (value_is(state_of(p), VALUE_NULL))
        begin_state(p);
    step_once(p, &p->compare, &p->targets, true, &out);
    end_operation(p, "Failed", arena_fmt(p->a, "Operation terminated: superseded by %.*s", STR(p->revision)));
    return save_end(p, e);
}

/* ---- one step ----------------------------------------------------------------------------- */

/* The operation's own revision: manifests and comparison may differ from what the application wants now. */
struct operation_view {
    struct str revision;
    struct value targets, live;
    struct compare_result compare;
};

static bool view_operation(struct pass *p, struct operation_view *v, struct err *e)
{
    struct str asked = value_str_at(state_of(p), "operation.sync.revision");
    struct source_manifests m = { 0 };
    *v = (struct operation_view){ p->revision, p->targets, p->live, p->compare };
    if (asked.n == 0 || str_eq(asked, p->revision))
        return true;
    if (!source_revision(p->a, &p->source, &p->app, asked, &v->revision, e)
        || !source_generate(p->a, &p->source, &p->app, v->revision, false, &m, e))
        return false;
    v->targets = compare_place(p->a, p->c->o.cluster, &m.objects, application_namespace(&p->app));
    return compare_live(p->a, p->c->o.cluster, &p->app, &v->targets, &v->live, e)
           && compare_application(p->a, p->c->o.cluster, &p->app, &v->targets, &v->live, &v->compare, e);
}

static void step_once(struct pass *p, const struct compare_result *compare, const struct value *targets, bool terminate,
                      struct sync_output *out)
{
    const struct value *state = state_of(p);
    int64_t started = p->now_ms;
    clock_parse_rfc3339(value_str_at(state, "startedAt"), &started);
    struct sync_input in = {
        .cluster = p->c->o.cluster,
        .app = &p->app,
        .operation = value_at(state, "operation.sync"),
        .compare = compare,
        .targets = targets,
        .project = config_document(p->config, CONFIG_PROJECT, value_str_at(&p->app, "spec.project")),
        .revision = value_str_at(state, "syncResult.revision"),
        .started_ms = started,
        .terminate = terminate,
    };
    sync_step(p->a, &in, value_at(state, "syncResult.resources"), out);
    if (value_is(value_get(state, "syncResult"), VALUE_MAP))
        value_set(p->a, value_get(state, "syncResult"), "resources", out->resources);
}

/* Between attempts: wait until the next is due, then forget the results of the last. */
static bool is_waiting_for_retry(struct pass *p)
{
    const struct value *state = state_of(p);
    int64_t finished = 0, n = value_int_at(state, "retryCount", 0);
    struct application_retry r = retry_of(p);
    if (!clock_parse_rfc3339(value_str_at(state, "finishedAt"), &finished))
        return false;
    int64_t due = finished + application_retry_wait_ms(&r, n);
    if (p->now_ms < due) {
        p->next_ms = due - p->now_ms;
        return true;
    }
    value_del(state, "finishedAt");
    value_del(state, "syncResult");
    if (r.refresh && value_is(value_at(state, "operation.sync"), VALUE_MAP))
        value_del(value_at(state, "operation.sync"), "revision");
    value_set_str(p->a, state, "message",
                  arena_fmt(p->a, "Retrying operation%s. Attempt #%lld", r.refresh ? " with latest revisions" : "",
                            (long long)n));
    return false;
}

/* All resources of the Sync phase are applied once nothing of it is pending: the next thing is hooks or the end. */
static void note_stations(struct pass *p, const struct sync_output *out)
{
    bool applied = false, tested = false;
    for (size_t i = 0; i < value_len(&out->resources); i++) {
        const struct value *row = value_item(&out->resources, i);
        applied = applied || str_is(value_str_at(row, "syncPhase"), "Sync");
        tested = tested
                 || (str_is(value_str_at(row, "syncPhase"), "PostSync")
                     && str_is(value_str_at(row, "hookPhase"), "Succeeded"));
    }
    if (applied)
        station_reached(p, "Applied", arena_fmt(p->a, "%zu results", value_len(&out->resources)).p);
    if (tested)
        station_reached(p, "Tested", "PostSync hooks succeeded");
}

static void take_output(struct pass *p, const struct sync_output *out, bool terminating)
{
    const struct value *state = state_of(p);
    value_set_str(p->a, state, "message", out->message);
    if (str_is(out->phase, "Running")) {
        int64_t look = out->changed ? 0 : SYNC_LOOK_MS;
        p->next_ms = look < p->next_ms ? look : p->next_ms;
        return;
    }
    bool failed = !str_is(out->phase, "Succeeded");
    if (failed && !terminating && plan_retry(p, out->message))
        return;
    end_operation(p, arena_c(p->a, out->phase), out->message);
}

/* Only before the first thing is applied: afterwards the operation goes on. */
static bool waits_for_images(struct pass *p, const struct operation_view *v)
{
    const struct value *state = state_of(p);
    if (value_len(value_at(state, "syncResult.resources")) > 0 || images_are_there(p, &v->targets))
        return false;
    value_set_str(p->a, state, "message", p->trouble_why);
    return true;
}

bool operation_step(struct pass *p, struct err *e)
{
    struct operation_view v;
    struct sync_output out = { 0 };
    if (value_is(state_of(p), VALUE_NULL))
        begin_state(p);
    bool terminating = str_is(value_str_at(state_of(p), "phase"), "Terminating");
    if (!terminating && is_waiting_for_retry(p))
        return pass_save(p, e);
    if (!view_operation(p, &v, e)) {
        struct str why = arena_fmt(p->a, "ComparisonError: Failed to load target state: %s", e->text);
        operation_cannot_run(p, why);
        return save_end(p, e);
    }
    if (value_is(value_get(state_of(p), "syncResult"), VALUE_NULL))
        begin_result(p, state_of(p), v.revision);
    if (!terminating && waits_for_images(p, &v))
        return pass_save(p, e);
    /* on disk before anything is done: a killed process knows that it had begun, and its hooks keep their names */
    if (!pass_save(p, e))
        return false;
    step_once(p, &v.compare, &v.targets, terminating, &out);
    note_stations(p, &out);
    take_output(p, &out, terminating);
    return save_end(p, e);
}
