/* Whether an automated sync starts now: Argo CD's checks, in order. */
#include "base/sys.h"
#include "gitops/sync.h"

enum { HEAL_FIRST_MS = 2000, HEAL_FACTOR = 3, HEAL_MAX_MS = 300000 };

static struct autosync_decision decide(enum autosync what)
{
    return (struct autosync_decision){ .what = what };
}

static bool only_needs_pruning(const struct compare_result *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->v[i].counted && r->v[i].status != SYNC_SYNCED && !r->v[i].requires_pruning)
            return false;
    return true;
}

static bool would_wipe_out(const struct compare_result *r)
{
    bool any = false;
    for (size_t i = 0; i < r->n; i++) {
        if (r->v[i].hook)
            continue;
        if (!r->v[i].requires_pruning)
            return false;
        any = true;
    }
    return any;
}

/* The same revision and source were tried before, whatever came of it. An operation that never came to compare counts,
 * too. */
static bool already_attempted(const struct value *app, const struct value *state, struct str revision)
{
    const struct value *result = value_get(state, "syncResult");
    if (value_is(state, VALUE_NULL))
        return false;
    if (value_is(result, VALUE_NULL)) {
        struct str asked = value_str_at(state, "operation.sync.revision");
        return str_eq(asked, revision)
               && value_equal(value_at(state, "operation.sync.source"), application_source(app));
    }
    return str_eq(value_str_at(result, "revision"), revision)
           && value_equal(value_get(result, "source"), application_source(app));
}

/* 0, 2, 6, 18 ... at most 300 seconds after the last operation ended. */
static int64_t heal_wait_ms(int64_t attempts)
{
    int64_t wait = attempts > 0 ? HEAL_FIRST_MS : 0;
    for (int64_t i = 1; i < attempts && wait < HEAL_MAX_MS; i++)
        wait *= HEAL_FACTOR;
    return wait < HEAL_MAX_MS ? wait : HEAL_MAX_MS;
}

static struct autosync_decision heal(const struct value *state, int64_t now_ms)
{
    struct autosync_decision d = decide(AUTOSYNC_HEAL);
    int64_t finished = 0, attempts = value_int_at(state, "operation.sync.autoHealAttemptsCount", 0);
    clock_parse_rfc3339(value_str_at(state, "finishedAt"), &finished);
    int64_t due = finished + heal_wait_ms(attempts);
    d.heal_attempts = attempts + 1;
    if (due > now_ms) {
        d.what = AUTOSYNC_WAIT;
        d.wait_ms = due - now_ms;
    }
    return d;
}

void autosync_decide(struct arena *a, const struct value *app, const struct compare_result *r, struct str revision,
                     int64_t now_ms, struct autosync_decision *out)
{
    struct application_automated policy = application_automated(app);
    const struct value *state = value_at(app, "status.operationState");
    *out = decide(AUTOSYNC_NO);
    if (!policy.on || !value_is(value_get(app, "operation"), VALUE_NULL)
        || value_str_at(app, "metadata.deletionTimestamp").n > 0 || r->status != SYNC_OUTOFSYNC)
        return;
    if (!policy.prune && only_needs_pruning(r))
        return;
    if (already_attempted(app, state, revision)) {
        if (!str_is(value_str_at(state, "phase"), "Succeeded")) {
            *out = decide(AUTOSYNC_REFUSED);
            out->message = arena_fmt(a, "Failed last sync attempt to [%.*s]: %.*s", STR(revision),
                                     STR(value_str_at(state, "message")));
        } else if (policy.self_heal) {
            *out = heal(state, now_ms);
        }
        return;
    }
    if (policy.prune && !policy.allow_empty && would_wipe_out(r)) {
        *out = decide(AUTOSYNC_REFUSED);
        out->message =
            arena_fmt(a, "Skipping sync attempt to [%.*s]: auto-sync will wipe out all resources", STR(revision));
        return;
    }
    *out = decide(AUTOSYNC_START);
}
