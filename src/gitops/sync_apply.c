/* Carrying one task out: apply or prune, by the options of the application and the resource. */
#include "gitops/glob.h"
#include "gitops/sync_internal.h"

static bool option(const struct sync_run *r, const struct sync_task *t, const char *text)
{
    return application_sync_option(r->in->app, text) || resource_option(t->target, text);
}

static struct cluster_apply apply_options(const struct sync_run *r, const struct sync_task *t, bool dry_run)
{
    bool forced = value_bool_at(r->in->operation, "syncStrategy.apply.force", false)
                  || value_bool_at(r->in->operation, "syncStrategy.hook.force", false)
                  || resource_option(t->target, "Force=true");
    bool server_side = option(r, t, "ServerSideApply=true") && !resource_option(t->target, "ServerSideApply=false");
    return (struct cluster_apply){
        .server_side = server_side && !dry_run, /* a dry run is always the client's */
        .replace = option(r, t, "Replace=true") && t->live != NULL && !dry_run,
        .force = forced,
        .validate = !option(r, t, "Validate=false"),
        .dry_run = dry_run,
    };
}

/* "deployment.apps/web", "service/web" */
static struct str resource_words(struct arena *a, const struct cluster_key *k)
{
    struct buf text = { .a = a };
    for (size_t i = 0; i < k->kind.n; i++) {
        char c = k->kind.p[i];
        buf_byte(&text, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
    }
    if (k->group.n > 0)
        buf_fmt(&text, ".%.*s", STR(k->group));
    buf_fmt(&text, "/%.*s", STR(k->name));
    return buf_str(&text);
}

/* What kubectl would print after the verb: here, that nothing will come of the object. */
static struct str applied_warning(struct sync_run *r, const struct sync_task *t)
{
    struct cluster_kind kind;
    struct err e = { 0 };
    if (cluster_kind(r->in->cluster, t->key.group, t->key.kind, &kind, &e) || e.kind != ERR_NOT_FOUND)
        return S("");
    return arena_fmt(r->a, ". Warning: %s", e.text);
}

static struct str applied_message(struct arena *a, const struct sync_task *t, const struct cluster_apply *o,
                                  enum cluster_verb verb)
{
    static const char *const verbs[] = { "created", "configured", "unchanged" };
    bool updated = str_is(t->key.kind, "CustomResourceDefinition") || str_is(t->key.kind, "Namespace");
    if (o->replace && updated)
        return arena_fmt(a, "%.*s/%.*s updated", STR(t->key.kind), STR(t->key.name));
    const char *word = o->replace ? "replaced" : o->server_side ? "serverside-applied" : verbs[verb];
    return arena_fmt(a, "%.*s %s%s", STR(resource_words(a, &t->key)), word, o->dry_run ? " (dry run)" : "");
}

bool task_apply(struct sync_run *r, struct sync_task *t, bool dry_run)
{
    const struct value *ignore = value_at(r->in->app, "spec.ignoreDifferences");
    struct cluster_apply o = apply_options(r, t, dry_run);
    enum cluster_verb verb = CLUSTER_UNCHANGED;
    struct value object = *t->target, live;
    struct err e = { 0 };
    if (!t->hook && t->live != NULL && application_sync_option(r->in->app, "RespectIgnoreDifferences=true"))
        object = compare_respect_ignored(r->a, t->target, t->live, ignore);
    if (!cluster_apply(r->in->cluster, r->a, &object, &o, &live, &verb, &e)) {
        task_record(r, t, "SyncFailed", "Failed", str_c(e.text));
        return false;
    }
    bool record = !dry_run || value_bool_at(r->in->operation, "dryRun", false);
    if (record)
        task_record(r, t, "Synced", dry_run ? "Succeeded" : "Running",
                    arena_fmt(r->a, "%.*s%.*s", STR(applied_message(r->a, t, &o, verb)), STR(applied_warning(r, t))));
    t->fresh = true;
    r->out->changed = r->out->changed || !dry_run;
    return true;
}

/* ---- pruning ------------------------------------------------------------------------------ */

enum cluster_propagation sync_propagation(const struct value *app)
{
    if (application_sync_option(app, "PrunePropagationPolicy=background"))
        return CLUSTER_BACKGROUND;
    return application_sync_option(app, "PrunePropagationPolicy=orphan") ? CLUSTER_ORPHAN : CLUSTER_FOREGROUND;
}

bool task_prune(struct sync_run *r, struct sync_task *t, bool dry_run)
{
    struct err e = { 0 };
    bool shown = !dry_run || value_bool_at(r->in->operation, "dryRun", false);
    if (!value_bool_at(r->in->operation, "prune", false)) {
        if (shown)
            task_record(r, t, "PruneSkipped", "Succeeded", S("ignored (requires pruning)"));
        return true;
    }
    if (resource_option(t->live, "Prune=false") || application_sync_option(r->in->app, "Prune=false")) {
        if (shown)
            task_record(r, t, "PruneSkipped", "Succeeded", S("ignored (no prune)"));
        return true;
    }
    if (dry_run) {
        if (shown)
            task_record(r, t, "Pruned", "Succeeded", S("pruned (dry run)"));
        return true;
    }
    bool leaving = value_str_at(t->live, "metadata.deletionTimestamp").n > 0;
    if (!leaving && !cluster_remove(r->in->cluster, &t->key, sync_propagation(r->in->app), &e)) {
        task_record(r, t, "SyncFailed", "Failed", str_c(e.text));
        return false;
    }
    task_record(r, t, "Pruned", "Succeeded", S("pruned"));
    r->out->changed = true;
    return true;
}

/* ---- the project's permission ------------------------------------------------------------- */

static bool listed(const struct value *list, const struct cluster_key *k)
{
    for (size_t i = 0; i < value_len(list); i++) {
        const struct value *entry = value_item(list, i);
        struct str name = value_str_at(entry, "name");
        if (glob_matches(value_str_at(entry, "group"), k->group, 0)
            && glob_matches(value_str_at(entry, "kind"), k->kind, 0) && (name.n == 0 || glob_matches(name, k->name, 0)))
            return true;
    }
    return false;
}

bool sync_is_permitted(const struct sync_run *r, const struct sync_task *t, bool namespaced)
{
    const struct value *spec = value_get(r->in->project, "spec");
    if (value_is(r->in->project, VALUE_NULL))
        return true;
    if (!namespaced) /* an empty white list of cluster-wide kinds allows none */
        return listed(value_get(spec, "clusterResourceWhitelist"), &t->key)
               && !listed(value_get(spec, "clusterResourceBlacklist"), &t->key);
    const struct value *white = value_get(spec, "namespaceResourceWhitelist");
    return (value_is(white, VALUE_NULL) || listed(white, &t->key))
           && !listed(value_get(spec, "namespaceResourceBlacklist"), &t->key);
}
