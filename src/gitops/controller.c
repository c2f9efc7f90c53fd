/* The controller from outside: open, close, and the requests that people and webhooks make. */
#include <stdlib.h>

#include "gitops/controller_internal.h"

/* ---- open and close ----------------------------------------------------------------------- */

static bool wake_stored(struct controller *c, const char *kind, bool is_set, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct store_key k = { "vitrine", S("argoproj.io"), str_c(kind), { "", 0 }, { "", 0 } };
    struct value all;
    if (!store_list(&a, c->o.store, &k, &all, e))
        return false;
    for (size_t i = 0; i < value_len(&all); i++)
        queue_wake(c, application_name(value_item(&all, i)), is_set, WAKE_REFRESH);
    return true;
}

static void note_undeclared_projects(const struct config *config)
{
    const struct value *sets = config_documents(config, CONFIG_APPLICATIONSET);
    for (size_t i = 0; i < value_len(sets); i++) {
        struct str project = value_str_at(value_item(sets, i), "spec.template.spec.project");
        if (project.n > 0 && !str_is(project, "default") && str_find(project, S("{{")) < 0
            && value_is(config_document(config, CONFIG_PROJECT, project), VALUE_NULL))
            log_info("project %.*s is declared by no AppProject: everything is allowed in it", STR(project));
    }
}

bool controller_configure(struct controller *c, const struct config *config, struct err *e)
{
    if (!configured_store(c, config, e))
        return err_wrap(e, "take over the configuration");
    pthread_mutex_t *held = mutex_hold(&c->lock);
    c->config = config;
    mutex_release(&held);
    note_undeclared_projects(config);
    return wake_stored(c, "Application", false, e) && wake_stored(c, "ApplicationSet", true, e);
}

bool controller_open(const struct controller_options *o, struct controller **out, struct err *e)
{
    struct controller *c = calloc(1, sizeof *c);
    if (c == NULL)
        return err_set(e, ERR_IO, "out of memory");
    c->o = *o;
    c->config = o->config;
    if (c->o.image_timeout_ms <= 0)
        c->o.image_timeout_ms = IMAGE_TIMEOUT_MS;
    if (c->o.unreachable_timeout_ms <= 0)
        c->o.unreachable_timeout_ms = UNREACHABLE_TIMEOUT_MS;
    pthread_mutex_init(&c->lock, NULL);
    cond_init(&c->work);
    /* check-outs of a killed process are of no use to anybody */
    CLEANUP(arena_close) struct arena a = { 0 };
    if (!chart_cache_open(CHARTS_BYTES_KEEP, CHARTS_KEEP, &c->charts, e) || !fs_mkdirs(o->cache_dir, 0700, e)
        || !fs_remove_tree(fs_join(&a, o->cache_dir, "checkouts"), e) || !controller_configure(c, o->config, e)
        || !queue_start(c, e)) {
        controller_close(c);
        return false;
    }
    source_cache_trim(o->cache_dir, CACHE_KEEP);
    *out = c;
    return true;
}

void controller_close(struct controller *c)
{
    if (c == NULL)
        return;
    queue_stop(c);
    source_cache_trim(c->o.cache_dir, CACHE_KEEP);
    chart_cache_close(c->charts);
    pthread_cond_destroy(&c->work);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

struct chart_cache_counters controller_charts(struct controller *c)
{
    return chart_cache_counters(c->charts);
}

/* ---- requests ----------------------------------------------------------------------------- */

static bool watches(const struct value *set, struct str owner, struct str repo)
{
    const struct value *generators = value_at(set, "spec.generators");
    for (size_t i = 0; i < value_len(generators); i++) {
        const struct value *github = value_at(value_item(generators, i), "pullRequest.github");
        if (str_ieq(value_str_at(github, "owner"), owner) && str_ieq(value_str_at(github, "repo"), repo))
            return true;
    }
    return false;
}

size_t controller_refresh_appset(struct controller *c, struct str owner, struct str repo)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct store_key k = { "vitrine", S("argoproj.io"), S("ApplicationSet"), { "", 0 }, { "", 0 } };
    struct value sets;
    struct err e = { 0 };
    size_t woken = 0;
    if (!store_list(&a, c->o.store, &k, &sets, &e)) {
        log_warn("refresh of ApplicationSets: %s", e.text);
        return 0;
    }
    for (size_t i = 0; i < value_len(&sets); i++) {
        if ((owner.n > 0 || repo.n > 0) && !watches(value_item(&sets, i), owner, repo))
            continue;
        queue_wake(c, application_name(value_item(&sets, i)), true, WAKE_REFRESH);
        woken++;
    }
    return woken;
}

bool controller_refresh_app(struct controller *c, struct str name, bool hard, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value app;
    if (!application_find(&a, c->o.store, "Application", name, &app, e))
        return false;
    queue_wake(c, name, false, hard ? WAKE_HARD | WAKE_REFRESH : WAKE_REFRESH);
    return true;
}

static struct value requested_operation(struct arena *a, const struct value *app, const struct controller_sync *o)
{
    const struct value *options = value_at(app, "spec.syncPolicy.syncOptions");
    struct value operation = value_map(a), sync = value_map(a), strategy = value_map(a), force = value_map(a);
    if (o->revision.n > 0)
        value_set_str(a, &sync, "revision", o->revision);
    if (o->prune)
        value_set(a, &sync, "prune", value_bool(true));
    if (o->dry_run)
        value_set(a, &sync, "dryRun", value_bool(true));
    if (o->resources != NULL && value_len(o->resources) > 0)
        value_set(a, &sync, "resources", *o->resources);
    if (value_len(options) > 0)
        value_set(a, &sync, "syncOptions", *options);
    if (o->force)
        value_set(a, &force, "force", value_bool(true));
    value_set(a, &strategy, o->apply_only ? "apply" : "hook", force);
    value_set(a, &sync, "syncStrategy", strategy);
    value_set(a, &operation, "sync", sync);
    value_put_at(a, &operation, "initiatedBy.username", value_str(o->username.n > 0 ? o->username : S("admin")));
    return operation;
}

static bool try_sync(struct controller *c, struct arena *a, struct str name, const struct controller_sync *o,
                     struct err *e)
{
    struct value app;
    if (!application_find(a, c->o.store, "Application", name, &app, e))
        return false;
    struct application_automated automated = application_automated(&app);
    struct str target = value_as_str(value_get(application_source(&app), "targetRevision"));
    if (!value_is(value_get(&app, "operation"), VALUE_NULL))
        return err_set(e, ERR_CONFLICT, "another operation is already in progress");
    if (value_str_at(&app, "metadata.deletionTimestamp").n > 0)
        return err_set(e, ERR_INVALID, "application is deleting");
    if (automated.on && o->revision.n > 0 && !o->dry_run && !str_eq(o->revision, target))
        return err_set(e, ERR_INVALID, "Cannot sync to %.*s: auto-sync currently set to %.*s", STR(o->revision),
                       STR(target));
    struct value doc = value_clone(a, &app);
    struct store_key key = application_key(&app);
    value_set(a, &doc, "operation", requested_operation(a, &app, o));
    if (value_is(value_get(&doc, "status"), VALUE_MAP))
        value_del(value_get(&doc, "status"), "operationState");
    return store_put(a, c->o.store, &key, &doc, NULL, NULL, e);
}

/* A pass may write at the same moment: the request is made anew then. "In progress" is a conflict, too, but told by the
 * document. */
static bool with_retries(struct controller *c, struct str name,
                         bool (*change)(struct controller *, struct arena *, struct str, const void *, struct err *),
                         const void *arg, struct err *e)
{
    for (int tries = 0; tries < 10; tries++) {
        CLEANUP(arena_close) struct arena a = { 0 };
        if (change(c, &a, name, arg, e)) {
            queue_wake(c, name, false, WAKE_REFRESH);
            return true;
        }
        if (e->kind != ERR_CONFLICT || str_starts(str_c(e->text), S("another operation")))
            return false;
    }
    return false;
}

static bool change_sync(struct controller *c, struct arena *a, struct str name, const void *arg, struct err *e)
{
    return try_sync(c, a, name, arg, e);
}

bool controller_sync(struct controller *c, struct str name, const struct controller_sync *o, struct err *e)
{
    return with_retries(c, name, change_sync, o, e);
}

static bool change_terminate(struct controller *c, struct arena *a, struct str name, const void *arg, struct err *e)
{
    struct value app;
    (void)arg;
    if (!application_find(a, c->o.store, "Application", name, &app, e))
        return false;
    if (value_is(value_get(&app, "operation"), VALUE_NULL))
        return err_set(e, ERR_INVALID, "Unable to terminate operation. No operation is in progress");
    struct value doc = value_clone(a, &app);
    struct store_key key = application_key(&app);
    const struct value *state = value_at(&doc, "status.operationState");
    if (value_is(state, VALUE_MAP)) {
        value_set_str(a, state, "phase", S("Terminating"));
        value_set_str(a, state, "message", S("Operation is terminating"));
        value_del(state, "finishedAt");
    } else {
        value_del(&doc, "operation"); /* it had not begun */
    }
    return store_put(a, c->o.store, &key, &doc, NULL, NULL, e);
}

bool controller_terminate(struct controller *c, struct str name, struct err *e)
{
    return with_retries(c, name, change_terminate, NULL, e);
}

static bool change_delete(struct controller *c, struct arena *a, struct str name, const void *arg, struct err *e)
{
    const bool *cascade = arg;
    struct value app;
    if (!application_find(a, c->o.store, "Application", name, &app, e))
        return false;
    const struct value *finalizers = value_at(&app, "metadata.finalizers");
    if (*cascade && value_len(finalizers) == 0) { /* asked for now: as if it had been there */
        struct value list = value_list(a);
        list_push(a, list.list, value_c(APP_FINALIZER));
        value_put_at(a, &app, "metadata.finalizers", list);
    }
    return deletion_begin(a, c->o.store, &app, *cascade, e);
}

bool controller_delete(struct controller *c, struct str name, bool cascade, struct err *e)
{
    return with_retries(c, name, change_delete, &cascade, e);
}

bool controller_compare(struct controller *c, struct arena *a, struct str name, struct compare_result *out,
                        struct err *e)
{
    pthread_mutex_t *held = mutex_hold(&c->lock);
    const struct config *config = c->config;
    mutex_release(&held);
    struct source_options source = { c->o.cache_dir, config, cluster_version(c->o.cluster), c->charts };
    struct source_manifests m = { 0 };
    struct value *app = arena_new(a, struct value, 1), *targets = arena_new(a, struct value, 1),
                 *live = arena_new(a, struct value, 1);
    struct str revision = { 0 };
    if (!application_find(a, c->o.store, "Application", name, app, e)
        || !source_revision(a, &source, app, value_as_str(value_get(application_source(app), "targetRevision")),
                            &revision, e)
        || !source_generate(a, &source, app, revision, false, &m, e))
        return false;
    *targets = compare_place(a, c->o.cluster, &m.objects, application_namespace(app));
    return compare_live(a, c->o.cluster, app, targets, live, e)
           && compare_application(a, c->o.cluster, app, targets, live, out, e);
}
