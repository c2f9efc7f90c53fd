/*
 * One call of the sync engine. Looks at the tasks and their results so far and does the next thing: validate and
 * dry-run, wait, fail, or run the lowest phase and wave. The caller comes back on every change of a live object.
 */
#include <stdlib.h>

#include "gitops/sync_internal.h"

/* Each stage ends the call or lets the next one look. */
enum stage { STAGE_DONE, STAGE_NEXT };

static enum stage finish(struct sync_run *r, const char *phase, struct str message)
{
    r->out->phase = str_c(phase);
    r->out->message = arena_str(r->a, message);
    return STAGE_DONE;
}

static sync_tasks filter(struct arena *a, const sync_tasks *tasks, bool (*wanted)(const struct sync_task *t))
{
    sync_tasks found = { 0 };
    for (size_t i = 0; i < tasks->n; i++)
        if (wanted(&tasks->v[i]))
            *vec_push(a, &found) = tasks->v[i];
    return found;
}

/* ---- validity ----------------------------------------------------------------------------- */

static bool defines_kind(const struct sync_run *r, const struct cluster_key *k)
{
    for (size_t i = 0; i < r->tasks.n; i++) {
        const struct value *crd = r->tasks.v[i].target;
        if (crd != NULL && str_is(r->tasks.v[i].key.kind, "CustomResourceDefinition")
            && str_eq(value_str_at(crd, "spec.group"), k->group)
            && str_eq(value_str_at(crd, "spec.names.kind"), k->kind))
            return true;
    }
    return false;
}

static struct str why_not_valid(struct sync_run *r, const struct sync_task *t)
{
    struct cluster_kind kind = { .namespaced = true };
    struct err e = { 0 };
    const struct value *object = t->target != NULL ? t->target : t->live;
    bool known = cluster_kind(r->in->cluster, t->key.group, t->key.kind, &kind, &e);
    if (!known && e.kind != ERR_NOT_FOUND)
        return arena_str(r->a, str_c(e.text));
    if (!known && t->target != NULL && !cluster_keeps_unknown_kinds(r->in->cluster) && !defines_kind(r, &t->key)
        && !resource_option(object, "SkipDryRunOnMissingResource=true")
        && !application_sync_option(r->in->app, "SkipDryRunOnMissingResource=true"))
        return arena_fmt(
            r->a,
            "The Kubernetes API could not find %.*s/%.*s for requested resource %.*s/%.*s. Make sure the \"%.*s\" CRD "
            "is installed on the destination cluster.",
            STR(t->key.group), STR(t->key.kind), STR(t->key.ns), STR(t->key.name), STR(t->key.kind));
    if (!sync_is_permitted(r, t, known ? kind.namespaced : t->key.ns.n > 0))
        return arena_fmt(r->a, "resource %.*s:%.*s is not permitted in project %.*s", STR(t->key.group),
                         STR(t->key.kind), STR(value_str_at(r->in->app, "spec.project")));
    return (struct str){ "", 0 };
}

typedef VEC(struct str) messages;

static int by_text(const void *x, const void *y)
{
    return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

static void check_valid(struct sync_run *r, struct sync_task *t, messages *found)
{
    struct str why = why_not_valid(r, t);
    if (why.n == 0)
        return;
    task_record(r, t, "SyncFailed", "", why);
    for (size_t i = 0; i < found->n; i++)
        if (str_eq(found->v[i], why))
            return;
    *vec_push(r->a, found) = why;
}

static enum stage validate(struct sync_run *r)
{
    messages found = { 0 };
    struct buf text = { .a = r->a };
    if (r->has_namespace_task)
        check_valid(r, &r->namespace_task, &found);
    for (size_t i = 0; i < r->tasks.n; i++)
        check_valid(r, &r->tasks.v[i], &found);
    if (found.n == 0)
        return STAGE_NEXT;
    qsort(found.v, found.n, sizeof *found.v, by_text);
    buf_c(&text, "one or more synchronization tasks are not valid: ");
    for (size_t i = 0; i < found.n; i++)
        buf_fmt(&text, "%s%.*s", i > 0 ? "; " : "", STR(found.v[i]));
    return finish(r, "Failed", buf_str(&text));
}

/* ---- first call --------------------------------------------------------------------------- */

/* What comes earlier in the same sync is not there yet for a trial: a CRD, a Namespace; an old hook of the same name
 * goes first. */
static bool can_dry_run(struct sync_run *r, const struct sync_task *t)
{
    struct cluster_kind kind;
    struct err e = { 0 };
    if (t->hook && t->live != NULL && (hook_delete_policy(t->target) & HOOK_BEFORE_CREATION) != 0)
        return false;
    for (size_t i = 0; i < r->tasks.n; i++) {
        const struct sync_task *other = &r->tasks.v[i];
        if (other->live == NULL && str_is(other->key.kind, "Namespace") && str_eq(other->key.name, t->key.ns))
            return false;
    }
    return cluster_kind(r->in->cluster, t->key.group, t->key.kind, &kind, &e);
}

static bool dry_run_all(struct sync_run *r, sync_tasks *tasks)
{
    bool ok = true;
    for (size_t i = 0; i < tasks->n; i++) {
        struct sync_task *t = &tasks->v[i];
        if (t->target == NULL)
            ok = task_prune(r, t, true) && ok;
        else if (can_dry_run(r, t))
            ok = task_apply(r, t, true) && ok;
    }
    return ok;
}

static enum stage make_namespace(struct sync_run *r, bool dry)
{
    if (r->namespace_leaving)
        return finish(
            r, "Running",
            arena_fmt(r->a, "waiting for deletion of /Namespace/%.*s", STR(application_namespace(r->in->app))));
    if (!r->has_namespace_task || task_apply(r, &r->namespace_task, dry))
        return STAGE_NEXT;
    return finish(r, "Failed",
                  arena_fmt(r->a, "the namespace failed to apply, reason: %.*s",
                            STR(value_as_str(value_get(r->namespace_task.result, "message")))));
}

static enum stage first_call(struct sync_run *r)
{
    bool dry = value_bool_at(r->in->operation, "dryRun", false), first = value_len(&r->out->resources) == 0;
    if (make_namespace(r, dry) == STAGE_DONE)
        return STAGE_DONE;
    if (!first)
        return STAGE_NEXT;
    bool fits = !dry || !r->has_namespace_task; /* nothing can be tried in a namespace that a dry run did not make */
    if (fits && (!dry_run_all(r, &r->tasks) || !dry_run_all(r, &r->on_fail)))
        return finish(r, "Failed", S("one or more objects failed to apply (dry run)"));
    return dry ? finish(r, "Succeeded", S("successfully synced (all tasks run)")) : STAGE_NEXT;
}

/* ---- running tasks ------------------------------------------------------------------------ */

static void refresh_hook(struct sync_run *r, struct sync_task *t, struct health h)
{
    const char *status = arena_c(r->a, value_as_str(value_get(t->result, "status")));
    struct str created = arena_fmt(r->a, "%.*s created", STR(t->key.name));
    switch (h.status) {
    case HEALTH_NONE: task_record(r, t, status, "Succeeded", created); break;
    case HEALTH_HEALTHY: task_record(r, t, status, "Succeeded", h.message); break;
    case HEALTH_DEGRADED:
    case HEALTH_UNKNOWN:
    case HEALTH_MISSING: task_record(r, t, status, "Failed", h.message); break;
    case HEALTH_PROGRESSING:
    case HEALTH_SUSPENDED:
        if (h.message.n > 0)
            task_record(r, t, status, "Running", h.message);
        break;
    }
}

static void refresh_running(struct sync_run *r, struct sync_task *t)
{
    if (!task_is_running(t) || t->fresh)
        return;
    struct str message = value_as_str(value_get(t->result, "message"));
    const char *status = arena_c(r->a, value_as_str(value_get(t->result, "status")));
    if (t->live == NULL) {
        task_record(r, t, status, "Error",
                    arena_fmt(r->a, "Resource %.*s/%.*s/%.*s is missing, it might have been deleted", STR(t->key.group),
                              STR(t->key.kind), STR(t->key.name)));
        return;
    }
    struct health h = health_of(r->a, t->live);
    if (t->hook)
        refresh_hook(r, t, h);
    else if (h.status == HEALTH_NONE || h.status == HEALTH_HEALTHY)
        task_record(r, t, status, "Succeeded", message);
    else if (h.status == HEALTH_DEGRADED)
        task_record(r, t, status, "Failed", h.message);
}

static bool is_unfinished(const struct sync_task *t)
{
    return !task_is_completed(t);
}

static bool spans_steps(const sync_tasks *tasks)
{
    for (size_t i = 1; i < tasks->n; i++)
        if (tasks->v[i].phase != tasks->v[0].phase || tasks->v[i].wave != tasks->v[0].wave)
            return true;
    return false;
}

static enum stage wait_for_running(struct sync_run *r)
{
    sync_tasks rest = filter(r->a, &r->tasks, is_unfinished), running = { 0 };
    if (r->has_namespace_task)
        *vec_push(r->a, &rest) = r->namespace_task;
    bool steps = spans_steps(&rest);
    for (size_t i = 0; i < rest.n; i++)
        if (task_is_running(&rest.v[i]) && (steps || rest.v[i].hook))
            *vec_push(r->a, &running) = rest.v[i];
    if (running.n > 0)
        return finish(r, "Running", sync_waiting_message(r->a, &running, false));
    return STAGE_NEXT;
}

static bool is_leaving(const struct sync_task *t)
{
    return t->target == NULL && t->result != NULL && str_is(value_as_str(value_get(t->result, "status")), "Pruned");
}

static enum stage wait_for_pruned(struct sync_run *r)
{
    sync_tasks leaving = filter(r->a, &r->tasks, is_leaving);
    if (leaving.n > 0)
        return finish(r, "Running", sync_waiting_message(r->a, &leaving, true));
    return STAGE_NEXT;
}

/* ---- failure ------------------------------------------------------------------------------ */

static void delete_hooks(struct sync_run *r, const sync_tasks *tasks, unsigned policy)
{
    struct err e = { 0 };
    for (size_t i = 0; i < tasks->n; i++) {
        const struct sync_task *t = &tasks->v[i];
        if (!t->hook || t->result == NULL || t->live == NULL || (hook_delete_policy(t->target) & policy) == 0)
            continue;
        if (cluster_remove(r->in->cluster, &t->key, sync_propagation(r->in->app), &e))
            r->out->changed = true;
    }
}

/* SyncFail hooks run once, then the failure is final. */
static enum stage fail(struct sync_run *r, const char *sentence)
{
    struct str reasons = sync_failure_reasons(r->a, &r->tasks);
    struct str message = str_c(sentence);
    if (reasons.n > 0)
        message = arena_fmt(r->a, "%s, reason: %.*s", sentence, STR(reasons));
    for (size_t i = 0; i < r->on_fail.n; i++) {
        if (task_is_pending(&r->on_fail.v[i]) && !task_apply(r, &r->on_fail.v[i], false))
            continue; /* its row says why */
        refresh_running(r, &r->on_fail.v[i]);
    }
    sync_tasks waiting = filter(r->a, &r->on_fail, is_unfinished);
    if (waiting.n > 0)
        return finish(r, "Running", sync_waiting_message(r->a, &waiting, false));
    delete_hooks(r, &r->tasks, HOOK_FAILED);
    sync_tasks failed = filter(r->a, &r->on_fail, task_has_failed);
    if (failed.n > 0)
        message = arena_fmt(r->a, "%.*s\none or more SyncFail hooks failed, reason: %.*s", STR(message),
                            STR(sync_failure_reasons(r->a, &failed)));
    return finish(r, "Failed", message);
}

static enum stage check_failed(struct sync_run *r)
{
    for (size_t i = 0; i < r->tasks.n; i++)
        if (task_has_failed(&r->tasks.v[i]))
            return fail(r, "one or more synchronization tasks completed unsuccessfully");
    return STAGE_NEXT;
}

/* ---- the next wave ------------------------------------------------------------------------ */

/* Pointers into the tasks, so that results stick. */
typedef VEC(struct sync_task *) task_pointers;

static task_pointers pending_tasks(struct sync_run *r)
{
    bool only_changed = application_sync_option(r->in->app, "ApplyOutOfSyncOnly=true");
    task_pointers found = { 0 };
    for (size_t i = 0; i < r->tasks.n; i++) {
        struct sync_task *t = &r->tasks.v[i];
        bool idle = only_changed && !t->hook && t->target != NULL && t->live != NULL && !t->modified;
        if (task_is_pending(t) && !idle)
            *vec_push(r->a, &found) = t;
    }
    return found;
}

/* Old hooks of the same name go first; the call ends until they are gone. */
static enum stage clear_old_hooks(struct sync_run *r, const task_pointers *wave)
{
    sync_tasks leaving = { 0 };
    for (size_t i = 0; i < wave->n; i++) {
        struct sync_task *t = wave->v[i];
        struct err e = { 0 };
        if (!t->hook || t->live == NULL || (hook_delete_policy(t->target) & HOOK_BEFORE_CREATION) == 0)
            continue;
        if (value_str_at(t->live, "metadata.deletionTimestamp").n == 0
            && !cluster_remove(r->in->cluster, &t->key, sync_propagation(r->in->app), &e))
            return finish(r, "Failed", arena_fmt(r->a, "failed to delete hook: %s", e.text));
        *vec_push(r->a, &leaving) = *t;
    }
    if (leaving.n == 0)
        return STAGE_NEXT;
    r->out->changed = true;
    return finish(r, "Running", sync_waiting_message(r->a, &leaving, true));
}

/* Objects of one kind all get their try; the next kind only when they worked. */
static bool run_wave(struct sync_run *r, const task_pointers *wave)
{
    bool ok = true;
    int last = -1;
    for (size_t i = 0; i < wave->n; i++)
        if (wave->v[i]->target == NULL)
            ok = task_prune(r, wave->v[i], false) && ok;
    for (size_t i = 0; i < wave->n; i++) {
        struct sync_task *t = wave->v[i];
        int rank = sync_kind_rank(t->key.kind);
        if (!ok && rank != last)
            return false;
        if (t->target == NULL)
            continue;
        last = rank;
        ok = task_apply(r, t, false) && ok;
    }
    return ok;
}

static enum stage next_wave(struct sync_run *r)
{
    task_pointers pending = pending_tasks(r), wave = { 0 };
    bool more = false;
    if (pending.n == 0) {
        delete_hooks(r, &r->tasks, HOOK_SUCCEEDED);
        return finish(r, "Succeeded", S("successfully synced (no more tasks)"));
    }
    for (size_t i = 0; i < pending.n; i++) {
        struct sync_task *t = pending.v[i];
        bool now = t->phase == pending.v[0]->phase && t->wave == pending.v[0]->wave;
        if (now)
            *vec_push(r->a, &wave) = t;
        more = more || !now || t->hook;
    }
    if (clear_old_hooks(r, &wave) == STAGE_DONE)
        return STAGE_DONE;
    if (!run_wave(r, &wave))
        return fail(r, "one or more objects failed to apply");
    if (more)
        return finish(r, "Running", S("one or more tasks are running"));
    delete_hooks(r, &r->tasks, HOOK_SUCCEEDED);
    return finish(r, "Succeeded", S("successfully synced (all tasks run)"));
}

/* ---- the call ----------------------------------------------------------------------------- */

static enum stage terminate(struct sync_run *r)
{
    bool ok = true;
    struct err e = { 0 };
    for (size_t i = 0; i < r->tasks.n; i++) {
        struct sync_task *t = &r->tasks.v[i];
        if (!t->hook || !task_is_running(t))
            continue;
        ok = cluster_remove(r->in->cluster, &t->key, CLUSTER_BACKGROUND, &e) && ok;
        task_record(r, t, "Synced", "Failed", S("Terminated"));
    }
    return ok ? finish(r, "Failed", S("Operation terminated"))
              : finish(r, "Error", S("Operation termination had errors"));
}

void sync_step(struct arena *a, const struct sync_input *in, const struct value *previous, struct sync_output *out)
{
    struct sync_run r = { .a = a, .in = in, .out = out };
    struct err e = { 0 };
    *out =
        (struct sync_output){ .resources = value_is(previous, VALUE_LIST) ? value_clone(a, previous) : value_list(a) };
    if (!sync_build_tasks(&r, &e)) {
        finish(&r, "Error", str_c(e.text));
        return;
    }
    sync_attach_results(&r);
    if (in->terminate) {
        terminate(&r);
        return;
    }
    if (validate(&r) == STAGE_DONE || first_call(&r) == STAGE_DONE)
        return;
    for (size_t i = 0; i < r.tasks.n; i++)
        refresh_running(&r, &r.tasks.v[i]);
    if (wait_for_running(&r) == STAGE_NEXT && wait_for_pruned(&r) == STAGE_NEXT && check_failed(&r) == STAGE_NEXT)
        next_wave(&r);
}
