/*
 * One look at an ApplicationSet: generate, create and update what is valid, let go of what the forge positively says is
 * over. Any error leaves every Application as it is.
 */
#include <stdlib.h>

#include "gitops/controller_internal.h"

struct set_pass {
    struct controller *c;
    struct entry *entry;
    const struct config *config;
    struct arena *a;
    int64_t now_ms;
    struct value set, status;
    struct appset_generated g;
    struct str frozen; /* what was not deleted and why */
    struct str failed; /* a write that did not work */
    const char *failed_reason;
};

/* ---- conditions --------------------------------------------------------------------------- */

static void set_condition(struct set_pass *p, const char *type, bool is, const char *reason, struct str message)
{
    const struct value *list = value_get(&p->status, "conditions");
    struct value c = value_map(p->a), *place = NULL;
    value_set_str(p->a, &c, "type", str_c(type));
    value_set_str(p->a, &c, "status", is ? S("True") : S("False"));
    value_set_str(p->a, &c, "reason", str_c(reason));
    value_set_str(p->a, &c, "message", arena_str(p->a, message));
    value_set_str(p->a, &c, "lastTransitionTime", clock_rfc3339(p->a, p->now_ms));
    for (size_t i = 0; i < value_len(list); i++)
        if (str_is(value_str_at(&list->list->v[i], "type"), type))
            place = &list->list->v[i];
    if (place == NULL) {
        list_push(p->a, list->list, c);
        return;
    }
    bool same = str_eq(value_str_at(place, "status"), value_str_at(&c, "status"))
                && str_eq(value_str_at(place, "message"), message)
                && str_eq(value_str_at(place, "reason"), str_c(reason));
    if (!same)
        *place = c;
}

static void drop_condition(struct set_pass *p, const char *type)
{
    application_condition_clear(&p->status, type);
    if (!value_is(value_get(&p->status, "conditions"), VALUE_LIST))
        value_set(p->a, &p->status, "conditions", value_list(p->a));
}

static void extra_condition(struct set_pass *p, const char *type, const char *reason, struct str message)
{
    if (message.n > 0)
        set_condition(p, type, true, reason, message);
    else
        drop_condition(p, type);
}

static void write_error(struct set_pass *p, const char *reason, struct str message)
{
    set_condition(p, "ErrorOccurred", true, reason, message);
    set_condition(p, "ParametersGenerated", false, reason, message);
    set_condition(p, "ResourcesUpToDate", false, reason, message);
    value_put_at(p->a, &p->status, "health.status", value_c("Degraded"));
    value_put_at(p->a, &p->status, "health.message", value_str(message));
}

static void write_success(struct set_pass *p)
{
    struct str trouble = p->failed.n > 0 ? p->failed : p->g.invalid;
    const char *reason = p->failed.n > 0 ? p->failed_reason : "ApplicationValidationError";
    set_condition(p, "ParametersGenerated", true, "ParametersGenerated",
                  S("Successfully generated parameters for all Applications"));
    if (trouble.n > 0) {
        if (!str_eq(trouble, value_str_at(&p->status, "health.message")))
            log_warn("ApplicationSet %s: %.*s", p->entry->name, STR(trouble));
        set_condition(p, "ErrorOccurred", true, reason, trouble);
        set_condition(p, "ResourcesUpToDate", false, reason, trouble);
    } else {
        set_condition(p, "ErrorOccurred", false, "ApplicationSetUpToDate",
                      S("All applications have been generated successfully"));
        set_condition(p, "ResourcesUpToDate", true, "ApplicationSetUpToDate",
                      S("All applications have been generated successfully"));
    }
    extra_condition(p, "PullRequestsHeld", "ForkNeedsLabel", p->g.held);
    extra_condition(p, "DeletionFrozen", "NoProof", p->frozen);
    value_put_at(p->a, &p->status, "health.status", value_c(trouble.n > 0 ? "Degraded" : "Healthy"));
    if (trouble.n > 0)
        value_put_at(p->a, &p->status, "health.message", value_str(trouble));
    else
        value_del(value_get(&p->status, "health"), "message");
}

static void event(struct set_pass *p, struct str app, const char *type, const char *reason, struct str message)
{
    struct err e = { 0 };
    if (!store_event_add(p->c->o.store, type, app, reason, message, &e))
        log_warn("event: %s", e.text);
}

/* ---- create and update -------------------------------------------------------------------- */

static bool policy_allows(const struct set_pass *p, const char *what)
{
    struct str policy = value_str_at(&p->set, "spec.syncPolicy.applicationsSync");
    if (policy.n == 0 || str_is(policy, "sync"))
        return true;
    return str_find(policy, str_c(what)) >= 0; /* create-only, create-update, create-delete */
}

static void note_failure(struct set_pass *p, const char *reason, struct str app, const struct err *e)
{
    p->failed = arena_fmt(p->a, "application %.*s: %s", STR(app), e->text);
    p->failed_reason = reason;
}

static void create(struct set_pass *p, const struct value *app)
{
    struct err e = { 0 };
    struct store_key key = application_key(app);
    struct value stored;
    if (!store_put(p->a, p->c->o.store, &key, app, &stored, NULL, &e)) {
        note_failure(p, "CreateApplicationError", key.name, &e);
        return;
    }
    station_seen(p->a, p->c->o.store, key.name, application_annotation(app, APP_ANNOTATION_HEAD_SHA));
    event(p, key.name, "Normal", "Created",
          arena_fmt(p->a, "Application created by ApplicationSet %.*s", STR(value_str_at(&p->set, "metadata.name"))));
    if (p->c->o.on_app != NULL)
        p->c->o.on_app(p->c->o.user, &stored, false);
    queue_wake(p->c, key.name, false, WAKE_REFRESH);
}

static void update(struct set_pass *p, const struct value *app, const struct value *live)
{
    struct err e = { 0 };
    struct store_key key = application_key(live);
    struct value merged = appset_merge_live(p->a, &p->set, app, live);
    struct str head = application_annotation(app, APP_ANNOTATION_HEAD_SHA);
    bool changed = false;
    if (!store_put(p->a, p->c->o.store, &key, &merged, NULL, &changed, &e)) {
        if (e.kind == ERR_CONFLICT)
            queue_wake(p->c, str_c(p->entry->name), true, WAKE_REFRESH); /* written meanwhile: look again */
        else
            note_failure(p, "UpdateApplicationError", key.name, &e);
        return;
    }
    if (!changed)
        return;
    if (!str_eq(head, application_annotation(live, APP_ANNOTATION_HEAD_SHA))) {
        station_seen(p->a, p->c->o.store, key.name, head);
        event(p, key.name, "Normal", "Updated", arena_fmt(p->a, "New commit %.*s", STR(head)));
    }
    queue_wake(p->c, key.name, false, WAKE_REFRESH);
}

static void create_or_update(struct set_pass *p, const struct value *app)
{
    struct str name = application_name(app), own = value_str_at(&p->set, "metadata.name");
    struct value live;
    struct err e = { 0 };
    if (!application_find(p->a, p->c->o.store, "Application", name, &live, &e)) {
        if (e.kind != ERR_NOT_FOUND)
            note_failure(p, "CreateApplicationError", name, &e);
        else if (policy_allows(p, "create"))
            create(p, app);
        return;
    }
    struct str owner = application_annotation(&live, APP_ANNOTATION_SET);
    if (value_str_at(&live, "metadata.deletionTimestamp").n > 0)
        return; /* when it is gone the set looks again */
    if (!str_eq(owner, own)) {
        (void)err_set(&e, ERR_CONFLICT, "it exists already and belongs to %s%.*s",
                      owner.n > 0 ? "ApplicationSet " : "nobody here", STR(owner));
        note_failure(p, "UpdateApplicationError", name, &e);
        return;
    }
    if (policy_allows(p, "update"))
        update(p, app, &live);
}

/* ---- proof and deletion ------------------------------------------------------------------- */

static bool is_generated(const struct set_pass *p, struct str name)
{
    for (size_t i = 0; i < p->g.n_names; i++)
        if (str_eq(p->g.names[i], name))
            return true;
    return false;
}

/* The pullRequest generator that watches this repository, or NULL. */
static const struct value *generator_of(struct set_pass *p, const struct value *app, struct forge_repo *repo,
                                        struct err *e)
{
    const struct value *generators = value_at(&p->set, "spec.generators");
    struct str wanted = application_annotation(app, APP_ANNOTATION_REPOSITORY);
    for (size_t i = 0; i < value_len(generators); i++) {
        const struct value *generator = value_item(generators, i);
        if (!value_is(value_get(generator, "pullRequest"), VALUE_MAP))
            continue;
        if (!appset_repo(p->a, &p->set, generator, p->config, repo, e))
            return NULL;
        if (str_ieq(wanted, arena_fmt(p->a, "%.*s/%.*s", STR(repo->owner), STR(repo->name))))
            return generator;
    }
    (void)err_set(e, ERR_NOT_FOUND, "no generator watches %.*s any more", STR(wanted));
    return NULL;
}

/* Asks for the request itself: only its own word counts. An Application without a request was taken out of a list. */
static bool is_over(struct set_pass *p, const struct value *app, struct str *why, struct err *e)
{
    int64_t number = 0;
    struct forge_repo repo = { 0 };
    struct forge_pull pull = { 0 };
    bool selected = true;
    if (!str_to_int(application_annotation(app, APP_ANNOTATION_PULL), &number)) {
        *why = S("it is no longer generated");
        return true;
    }
    const struct value *generator = generator_of(p, app, &repo, e);
    if (generator == NULL || !forge_pull_get(p->a, &repo, number, &pull, e)
        || !appset_selects(p->a, &p->set, generator, &pull, &selected, why, e))
        return false;
    if (selected)
        return err_set(e, ERR_CONFLICT, "pull request #%lld is still open and selected although the listing lacks it",
                       (long long)number);
    *why = arena_fmt(p->a, "pull request #%lld: %.*s", (long long)number, STR(*why));
    return true;
}

static void freeze(struct set_pass *p, struct str name, const struct err *e)
{
    p->frozen = arena_fmt(p->a, "%.*s%sApplication %.*s stays: %s", STR(p->frozen), p->frozen.n > 0 ? "; " : "",
                          STR(name), e->text);
}

static void let_go(struct set_pass *p, const struct value *app)
{
    struct str name = application_name(app), why = { 0 };
    struct err e = { 0 };
    if (!is_over(p, app, &why, &e)) {
        freeze(p, name, &e);
        return;
    }
    if (!deletion_begin(p->a, p->c->o.store, app, true, &e)) {
        if (e.kind != ERR_CONFLICT)
            note_failure(p, "DeleteApplicationError", name, &e);
        queue_wake(p->c, str_c(p->entry->name), true, WAKE_REFRESH);
        return;
    }
    event(p, name, "Normal", "Deleting", arena_fmt(p->a, "Deleting: %.*s", STR(why)));
    queue_wake(p->c, name, false, WAKE_REFRESH);
}

static bool own_applications(struct set_pass *p, struct value *out, struct err *e)
{
    struct store_key k = { "vitrine", S("argoproj.io"), S("Application"), { "", 0 }, { "", 0 } };
    struct value all, own = value_list(p->a);
    if (!store_list(p->a, p->c->o.store, &k, &all, e))
        return false;
    for (size_t i = 0; i < value_len(&all); i++)
        if (str_eq(application_annotation(value_item(&all, i), APP_ANNOTATION_SET),
                   value_str_at(&p->set, "metadata.name")))
            list_push(p->a, own.list, *value_item(&all, i));
    *out = own;
    return true;
}

static void delete_rest(struct set_pass *p, const struct value *own)
{
    for (size_t i = 0; policy_allows(p, "delete") && i < value_len(own); i++) {
        const struct value *app = value_item(own, i);
        if (!is_generated(p, application_name(app)) && value_str_at(app, "metadata.deletionTimestamp").n == 0)
            let_go(p, app);
    }
}

/* ---- the pass ----------------------------------------------------------------------------- */

static void write_resources(struct set_pass *p, const struct value *own)
{
    struct value resources = value_list(p->a);
    for (size_t i = 0; i < value_len(own); i++) {
        const struct value *app = value_item(own, i);
        struct value row = value_map(p->a);
        value_set_str(p->a, &row, "group", S("argoproj.io"));
        value_set_str(p->a, &row, "kind", S("Application"));
        value_set_str(p->a, &row, "name", application_name(app));
        value_set_str(p->a, &row, "namespace", value_str_at(app, "metadata.namespace"));
        struct str sync = value_str_at(app, "status.sync.status"), health = value_str_at(app, "status.health.status");
        if (sync.n > 0) /* as of this look; a new one has neither yet */
            value_set_str(p->a, &row, "status", sync);
        if (health.n > 0)
            value_put_at(p->a, &row, "health.status", value_str(health));
        list_push(p->a, resources.list, row);
    }
    value_set(p->a, &p->status, "resources", resources);
    value_set(p->a, &p->status, "resourcesCount", value_int((int64_t)value_len(own)));
}

static void save(struct set_pass *p)
{
    struct store_key key = application_key(&p->set);
    struct err e = { 0 };
    if (value_equal(&p->status, value_get(&p->set, "status")))
        return;
    if (!store_put_status(p->a, p->c->o.store, &key, &p->status, NULL, &e))
        log_warn("ApplicationSet %s: %s", p->entry->name, e.text);
}

/* Doubled from 5 s to 3 min; a forge that names the time is believed. */
static int64_t retry_ms(struct set_pass *p, const struct err *e)
{
    int64_t wait = SET_RETRY_MS;
    for (unsigned i = 1; i < p->entry->failures && wait < SET_RETRY_MAX_MS; i++)
        wait *= 2;
    wait = wait < SET_RETRY_MAX_MS ? wait : SET_RETRY_MAX_MS;
    int64_t named = e->retry_at_ms - p->now_ms;
    if (e->retry_at_ms > 0 && named > wait)
        wait = named < 3600000 ? named : 3600000;
    return wait;
}

static int64_t generation_failed(struct set_pass *p, const struct err *e)
{
    p->entry->failures++;
    write_error(p, p->g.reason, str_c(e->text));
    save(p);
    event(p, (struct str){ "", 0 }, "Warning", "GenerationFailed",
          arena_fmt(p->a, "ApplicationSet %s: %s (nothing is changed or deleted)", p->entry->name, e->text));
    log_warn("ApplicationSet %s: %s (nothing is changed or deleted)", p->entry->name, e->text);
    return retry_ms(p, e);
}

static void carry_out(struct set_pass *p)
{
    struct value own;
    struct err e = { 0 };
    for (size_t i = 0; i < value_len(&p->g.applications); i++)
        create_or_update(p, value_item(&p->g.applications, i));
    if (!own_applications(p, &own, &e)) {
        note_failure(p, "DeleteApplicationError", S("list"), &e);
        return;
    }
    delete_rest(p, &own);
    write_resources(p, &own);
}

int64_t applicationset_pass(struct controller *c, struct entry *entry, const struct config *config, unsigned why)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct set_pass p = { .c = c, .entry = entry, .config = config, .a = &a, .now_ms = clock_wall_ms() };
    struct err e = { 0 };
    (void)why;
    if (!application_find(&a, c->o.store, "ApplicationSet", str_c(entry->name), &p.set, &e))
        return e.kind == ERR_NOT_FOUND ? -1 : SET_RETRY_MS;
    p.status =
        value_is(value_get(&p.set, "status"), VALUE_MAP) ? value_clone(&a, value_get(&p.set, "status")) : value_map(&a);
    if (!value_is(value_get(&p.status, "conditions"), VALUE_LIST))
        value_set(&a, &p.status, "conditions", value_list(&a));
    if (!appset_generate(&a, &p.set, config, c->o.forge, &p.g, &e))
        return generation_failed(&p, &e);
    entry->failures = 0;
    carry_out(&p);
    write_success(&p);
    save(&p);
    if (p.frozen.n > 0)
        log_warn("ApplicationSet %s: %.*s", entry->name, STR(p.frozen));
    return p.g.requeue_ms > 0 ? p.g.requeue_ms : 24 * 3600 * 1000;
}
