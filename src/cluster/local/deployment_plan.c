/* How many pods old and new ReplicaSets should have at this moment: the arithmetic of rolling updates. */
#include "cluster/local/deployment.h"

#include "cluster/local/engine.h"

void rollout_limits(const struct value *spec, struct rollout *r)
{
    r->replicas = value_int_at(spec, "replicas", 1);
    r->recreate = str_is(value_str_at(spec, "strategy.type"), "Recreate");
    r->paused = value_bool_at(spec, "paused", false);
    r->max_surge = int_or_percent(value_at(spec, "strategy.rollingUpdate.maxSurge"), r->replicas, true, 0);
    r->max_unavailable = int_or_percent(value_at(spec, "strategy.rollingUpdate.maxUnavailable"), r->replicas, false, 0);
    if (r->max_surge == 0 && r->max_unavailable == 0)
        r->max_unavailable = 1;
    if (r->max_unavailable > r->replicas)
        r->max_unavailable = r->replicas;
}

static int64_t least(int64_t x, int64_t y)
{
    return x < y ? x : y;
}

static int64_t wanted_in_all(const struct rollout *r)
{
    int64_t sum = r->new_set != NULL ? r->new_set->replicas : 0;
    for (size_t i = 0; i < r->n_old; i++)
        sum += r->old[i].replicas;
    return sum;
}

/* New pods up to the surge limit; never more than the Deployment asks for. */
static void scale_new(const struct rollout *r)
{
    struct rollout_set *s = r->new_set;
    if (s == NULL)
        return;
    int64_t room = r->replicas + r->max_surge - wanted_in_all(r);
    s->scale_to = s->replicas;
    if (s->replicas > r->replicas)
        s->scale_to = r->replicas;
    else if (room > 0)
        s->scale_to = s->replicas + least(room, r->replicas - s->replicas);
}

/* Take up to `budget` pods from the old sets; first those that do not serve anyway, then any. */
static void scale_old(struct rollout *r, int64_t budget)
{
    for (size_t i = 0; i < r->n_old; i++) {
        struct rollout_set *s = &r->old[i];
        int64_t broken = least(s->replicas - s->available, budget);
        if (broken > 0) {
            s->scale_to -= broken;
            budget -= broken;
        }
    }
    for (size_t i = 0; i < r->n_old; i++) {
        int64_t n = least(r->old[i].scale_to, budget);
        if (n > 0) {
            r->old[i].scale_to -= n;
            budget -= n;
        }
    }
}

static void plan_rolling(struct rollout *r)
{
    int64_t available_least = r->replicas - r->max_unavailable;
    int64_t new_missing = r->new_set != NULL ? r->new_set->replicas - r->new_set->available : 0;
    scale_new(r);
    if (r->new_set == NULL)
        return;
    /* all that is wanted, less what must serve and what the new set has promised but not delivered */
    int64_t budget = wanted_in_all(r) - available_least - (new_missing > 0 ? new_missing : 0);
    scale_old(r, budget);
}

static bool plan_recreate(struct rollout *r)
{
    bool old_gone = true;
    for (size_t i = 0; i < r->n_old; i++) {
        r->old[i].scale_to = 0;
        old_gone = old_gone && r->old[i].existing == 0;
    }
    if (r->new_set != NULL && old_gone)
        r->new_set->scale_to = r->replicas;
    return old_gone;
}

void rollout_plan(struct rollout *r, bool *create_new)
{
    for (size_t i = 0; i < r->n_old; i++)
        r->old[i].scale_to = r->old[i].replicas;
    if (r->new_set != NULL)
        r->new_set->scale_to = r->new_set->replicas;
    *create_new = false;
    if (r->paused) {
        if (r->new_set != NULL && r->n_old == 0)
            r->new_set->scale_to = r->replicas;
        return;
    }
    if (r->recreate) {
        *create_new = plan_recreate(r);
        return;
    }
    *create_new = true;
    plan_rolling(r);
}

enum progress rollout_progress(const struct progress_facts *f)
{
    if (f->updated == f->replicas && f->total == f->replicas && f->available == f->replicas)
        return PROGRESS_DONE;
    if (f->was_done && f->total == f->updated) /* a pod that fails later does not undo the rollout */
        return PROGRESS_DONE;
    if (f->deadline_ms <= 0)
        return PROGRESS_MOVING;
    if (f->was_late)
        return PROGRESS_LATE;
    return f->now_ms - f->last_progress_ms >= f->deadline_ms ? PROGRESS_LATE : PROGRESS_MOVING;
}
