/*
 * One look at an Application: what is wanted (revision, manifests), what is live, and the next thing to do about the
 * difference. Everything is read anew each time; what a pass decides is stored before anybody hears of it.
 */
#include "data/json.h"
#include "gitops/controller_internal.h"

void pass_event(struct pass *p, const char *type, const char *reason, const char *fmt, ...)
{
    va_list args;
    struct err e = { 0 };
    va_start(args, fmt);
    struct str text = arena_vfmt(p->a, fmt, args);
    va_end(args);
    if (!store_event_add(p->c->o.store, type, application_name(&p->app), reason, text, &e))
        log_warn("event of %.*s: %s", STR(application_name(&p->app)), e.text);
}

struct str pass_commit(const struct pass *p)
{
    struct str head = application_annotation(&p->app, APP_ANNOTATION_HEAD_SHA);
    return head.n > 0 ? head : p->revision;
}

bool pass_save(struct pass *p, struct err *e)
{
    struct value doc = value_clone(p->a, &p->app), stored;
    struct store_key key = application_key(&p->app);
    bool changed = false;
    value_set(p->a, &doc, "status", value_clone(p->a, &p->status));
    if (value_is(&p->operation, VALUE_NULL))
        value_del(&doc, "operation");
    else
        value_set(p->a, &doc, "operation", value_clone(p->a, &p->operation));
    if (p->drop_refresh && value_is(value_at(&doc, "metadata.annotations"), VALUE_MAP))
        value_del(value_at(&doc, "metadata.annotations"), APP_REFRESH);
    if (!store_put(p->a, p->c->o.store, &key, &doc, &stored, &changed, e))
        return false;
    p->app = stored;
    if (changed && p->c->o.on_app != NULL)
        p->c->o.on_app(p->c->o.user, &p->app, false);
    return true;
}

/* ---- what to look at ---------------------------------------------------------------------- */

static struct value compared_to(struct pass *p)
{
    struct value to = value_map(p->a);
    value_set(p->a, &to, "source", *application_source(&p->app));
    value_set(p->a, &to, "destination", *value_at(&p->app, "spec.destination"));
    if (!value_is(value_at(&p->app, "spec.ignoreDifferences"), VALUE_NULL))
        value_set(p->a, &to, "ignoreDifferences", *value_at(&p->app, "spec.ignoreDifferences"));
    return to;
}

static bool is_stale(struct pass *p)
{
    int64_t reconciled = 0;
    int64_t jitter = (int64_t)(str_hash(application_name(&p->app)) % REFRESH_JITTER_MS);
    struct value to = compared_to(p);
    struct str head = application_annotation(&p->app, APP_ANNOTATION_HEAD_SHA);
    if (!clock_parse_rfc3339(value_str_at(&p->status, "reconciledAt"), &reconciled))
        return true;
    return p->now_ms - reconciled > REFRESH_MS + jitter || !value_equal(value_at(&p->status, "sync.comparedTo"), &to)
           || (head.n > 0 && source_follows_pull(&p->app) && !str_eq(head, value_str_at(&p->status, "sync.revision")))
           || application_annotation(&p->app, APP_REFRESH).n > 0;
}

/* Versions of the objects that are ours: equal fingerprints mean that nothing moved. 0: could not be read. */
static uint64_t fingerprint(struct pass *p)
{
    struct buf text = { .a = p->a };
    struct value live, none = value_list(p->a);
    struct err ignored = { 0 };
    if (!compare_live(p->a, p->c->o.cluster, &p->app, &none, &live, &ignored))
        return 0;
    for (size_t i = 0; i < value_len(&live); i++) {
        const struct value *meta = value_get(value_item(&live, i), "metadata");
        buf_fmt(&text, "%.*s %.*s\n", STR(value_str_at(meta, "uid")), STR(value_str_at(meta, "resourceVersion")));
    }
    return str_hash(buf_str(&text)) | 1;
}

/* ---- trouble before anything can be compared ---------------------------------------------- */

static bool invalid_spec(struct pass *p, struct str why, struct err *e)
{
    status_write_unknown(p, "InvalidSpecError", why, true);
    p->next_ms = REFRESH_MS;
    if (operation_is_running(p))
        operation_cannot_run(p, arena_fmt(p->a, "InvalidSpecError: %.*s", STR(why)));
    if (!pass_save(p, e))
        return false;
    preview_tell(p, TROUBLE_ERROR, why);
    return true;
}

/* A repository that does not answer is retried with the old status kept; a chart that does not render is the user's. */
static bool source_failed(struct pass *p, const struct err *cause, struct err *e)
{
    bool transient = cause->kind == ERR_UNAVAILABLE || cause->kind == ERR_IO;
    struct str why = arena_fmt(p->a, "Failed to load target state: %s", cause->text);
    struct entry *entry = p->entry;
    int64_t wait = SOURCE_RETRY_MS;
    if (entry->failures++ == 0)
        entry->failing_since_ms = p->now_ms;
    for (unsigned i = 1; i < entry->failures && wait < SOURCE_RETRY_MAX_MS; i++)
        wait *= 2;
    bool lasting = p->now_ms - entry->failing_since_ms > p->c->o.unreachable_timeout_ms;
    p->next_ms = wait < SOURCE_RETRY_MAX_MS ? wait : SOURCE_RETRY_MAX_MS;
    entry->retry_at_ms = clock_mono_ms() + p->next_ms;
    if (!transient) {
        status_write_unknown(p, "ComparisonError", why, false);
        value_put_at(p->a, &p->status, "sync.revision", value_str(p->revision));
        value_put_at(p->a, &p->status, "sync.comparedTo", compared_to(p));
        value_set_str(p->a, &p->status, "reconciledAt", clock_rfc3339(p->a, p->now_ms));
        p->drop_refresh = true;
        p->next_ms = REFRESH_MS;
        entry->retry_at_ms = 0;
    } else {
        application_condition_set(p->a, &p->status, "ComparisonError", why, p->now_ms);
    }
    if (!transient && operation_is_superseded(p)) {
        if (!operation_supersede(p, e))
            return false;
    } else if (!transient && operation_is_running(p)) {
        operation_cannot_run(p, arena_fmt(p->a, "ComparisonError: %.*s", STR(why)));
    }
    if (!pass_save(p, e))
        return false;
    pass_event(p, "Warning", transient ? "SourceUnavailable" : "RenderFailed", "%s", cause->text);
    preview_tell(p, !transient ? TROUBLE_FAILURE : lasting ? TROUBLE_ERROR : TROUBLE_WAITING, str_c(cause->text));
    return true;
}

/* ---- the comparison ----------------------------------------------------------------------- */

static bool load_targets(struct pass *p, bool refresh, struct err *e)
{
    struct str asked = value_as_str(value_get(application_source(&p->app), "targetRevision"));
    struct str known = value_str_at(&p->status, "sync.revision");
    bool hard = (p->why & WAKE_HARD) != 0 || str_is(application_annotation(&p->app, APP_REFRESH), "hard");
    if (!refresh && known.n > 0)
        p->revision = known;
    else if (!source_revision(p->a, &p->source, &p->app, asked, &p->revision, e))
        return false;
    if (!source_generate(p->a, &p->source, &p->app, p->revision, hard, &p->manifests, e))
        return false;
    if (!p->manifests.cached)
        station_reached(p, "Rendered",
                        arena_fmt(p->a, "fetch %lld ms, render %lld ms, %zu objects", (long long)p->manifests.fetch_ms,
                                  (long long)p->manifests.render_ms, value_len(&p->manifests.objects))
                            .p);
    p->targets = compare_place(p->a, p->c->o.cluster, &p->manifests.objects, application_namespace(&p->app));
    return true;
}

static bool compare_now(struct pass *p, struct err *e)
{
    return compare_live(p->a, p->c->o.cluster, &p->app, &p->targets, &p->live, e)
           && compare_application(p->a, p->c->o.cluster, &p->app, &p->targets, &p->live, &p->compare, e);
}

/* ---- what follows ------------------------------------------------------------------------- */

static bool start_automated(struct pass *p, const struct autosync_decision *d, struct err *e)
{
    if (!images_are_there(p, &p->targets)) {
        application_condition_set(p->a, &p->status, "ImageWait", p->trouble_why, p->now_ms);
        if (!pass_save(p, e))
            return false;
        pass_event(p, p->entry->unreachable_since_ms > 0 ? "Warning" : "Normal", "WaitingForImage", "%.*s",
                   STR(p->trouble_why));
        return true;
    }
    application_condition_clear(&p->status, "ImageWait");
    operation_start(p, d);
    return pass_save(p, e) && operation_step(p, e);
}

static bool act(struct pass *p, struct err *e)
{
    struct autosync_decision d;
    if (operation_is_superseded(p))
        return operation_supersede(p, e);
    if (operation_is_running(p))
        return operation_step(p, e);
    autosync_decide(p->a, &p->app, &p->compare, p->revision, p->now_ms, &d);
    if (d.what == AUTOSYNC_START || d.what == AUTOSYNC_HEAL)
        return start_automated(p, &d, e);
    if (d.what == AUTOSYNC_REFUSED)
        application_condition_set(p->a, &p->status, "SyncError", d.message, p->now_ms);
    else
        application_condition_clear(&p->status, "SyncError");
    if (d.what != AUTOSYNC_REFUSED)
        application_condition_clear(&p->status, "ImageWait");
    if (d.what == AUTOSYNC_WAIT && d.wait_ms < p->next_ms)
        p->next_ms = d.wait_ms;
    return pass_save(p, e);
}

static int64_t until_refresh(struct pass *p)
{
    int64_t reconciled = 0, jitter = (int64_t)(str_hash(application_name(&p->app)) % REFRESH_JITTER_MS);
    clock_parse_rfc3339(value_str_at(&p->status, "reconciledAt"), &reconciled);
    int64_t left = reconciled + REFRESH_MS + jitter + 1000 - p->now_ms;
    return left > 1000 ? left : 1000;
}

/* The cheap way out of most wake-ups: nothing of ours has moved since the last look and nothing waits. */
static bool nothing_new(struct pass *p, bool refresh)
{
    uint64_t seen = fingerprint(p);
    bool quiet = !refresh && p->why == WAKE_LIVE && seen != 0 && seen == p->entry->live_seen && !operation_is_running(p)
                 && p->entry->image_since_ms == 0;
    p->entry->live_seen = seen;
    return quiet;
}

static bool look(struct pass *p, struct err *e)
{
    struct err cause = { 0 };
    bool refresh = (p->why & (WAKE_REFRESH | WAKE_HARD)) != 0 || is_stale(p);
    int64_t early = p->entry->retry_at_ms - clock_mono_ms();
    if (p->why == WAKE_LIVE && early > 0) { /* the repository is left alone until its time has come */
        p->next_ms = early;
        return true;
    }
    p->next_ms = until_refresh(p);
    if (nothing_new(p, refresh))
        return true;
    preview_begin(p);
    if (!application_validate(&p->app, p->config, &cause))
        return invalid_spec(p, str_c(cause.text), e);
    if (!load_targets(p, refresh, &cause))
        return source_failed(p, &cause, e);
    p->entry->failures = 0;
    p->entry->retry_at_ms = 0;
    if (!compare_now(p, e))
        return false;
    status_write_comparison(p, refresh);
    p->drop_refresh = refresh;
    if (!act(p, e))
        return false;
    preview_tell(p, p->trouble, p->trouble_why);
    return true;
}

/* ---- the pass ----------------------------------------------------------------------------- */

static bool load(struct pass *p, struct str name, struct err *e)
{
    if (!application_find(p->a, p->c->o.store, "Application", name, &p->app, e))
        return false;
    p->status = value_is(value_get(&p->app, "status"), VALUE_MAP) ? value_clone(p->a, value_get(&p->app, "status"))
                                                                  : value_map(p->a);
    p->operation = value_clone(p->a, value_get(&p->app, "operation"));
    p->source = (struct source_options){ p->c->o.cache_dir, p->config, cluster_version(p->c->o.cluster), p->c->charts };
    return true;
}

int64_t application_pass(struct controller *c, struct entry *entry, const struct config *config, unsigned why)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct pass p = { .c = c, .entry = entry, .config = config, .a = &a, .why = why, .now_ms = clock_wall_ms() };
    struct err e = { 0 };
    if (!load(&p, str_c(entry->name), &e))
        return e.kind == ERR_NOT_FOUND ? -1 : SOURCE_RETRY_MS;
    if (value_str_at(&p.app, "metadata.deletionTimestamp").n > 0)
        return deletion_pass(&p);
    if (look(&p, &e))
        return p.next_ms;
    if (e.kind == ERR_CONFLICT)
        return 0;
    log_warn("application %s: %s", entry->name, e.text);
    pass_event(&p, "Warning", "ReconcileFailed", "%s", e.text);
    return SOURCE_RETRY_MS;
}
