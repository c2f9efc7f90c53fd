/* What the containers of a pod do next: in order for init containers, side by side for the others. */
#include "cluster/local/pod.h"

int64_t crash_pause_ms(int crashes, int64_t base, int64_t most)
{
    int64_t pause = crashes <= 0 ? 0 : base;
    for (int i = 1; i < crashes && pause < most; i++)
        pause *= 2;
    return pause < most ? pause : most;
}

static void due(struct pod_plan *p, int64_t at_ms)
{
    if (at_ms < p->due_ms)
        p->due_ms = at_ms;
}

static enum container_act stop(const struct pod_facts *f, const struct container_facts *c, struct pod_plan *p)
{
    if (!c->stopping)
        return ACT_STOP;
    due(p, c->kill_at_ms);
    if (c->kill_at_ms <= f->now_ms) {
        due(p, f->now_ms + 1000); /* once more, should the first SIGKILL have been lost */
        return ACT_KILL;
    }
    if (c->term_sent)
        return ACT_NONE;
    if (c->term_at_ms <= f->now_ms)
        return ACT_TERM;
    due(p, c->term_at_ms);
    return ACT_NONE;
}

static enum container_act begin(const struct pod_facts *f, const struct container_facts *c, struct pod_plan *p)
{
    if (c->retry_at_ms > f->now_ms) {
        due(p, c->retry_at_ms);
        return ACT_NONE;
    }
    switch (c->image) {
    case IMAGE_NONE: return ACT_PULL;
    case IMAGE_PULLING: return ACT_NONE;
    case IMAGE_READY: break;
    }
    return ACT_START;
}

static bool runs_again(const struct pod_facts *f, const struct container_facts *c)
{
    if (c->sidecar)
        return true;
    if (c->init)
        return c->exit_code != 0 && f->restart != RESTART_NEVER;
    return f->restart == RESTART_ALWAYS || (f->restart == RESTART_ON_FAILURE && c->exit_code != 0);
}

static enum container_act step(const struct pod_facts *f, const struct container_facts *c, struct pod_plan *p)
{
    switch (c->phase) {
    case RUN_WAITING: return begin(f, c, p);
    case RUN_RUNNING: return c->probe.failed || c->stopping ? stop(f, c, p) : ACT_NONE;
    case RUN_ENDED: return runs_again(f, c) ? ACT_RESTART : ACT_NONE;
    }
    return ACT_NONE;
}

/* Init containers one after the other. False when one of them failed for good. */
static bool plan_init(const struct pod_facts *f, struct pod_plan *p)
{
    p->initialized = true;
    for (size_t i = 0; i < f->n && f->c[i].init; i++) {
        const struct container_facts *c = &f->c[i];
        bool done =
            c->sidecar ? c->phase == RUN_RUNNING && c->probe.started : c->phase == RUN_ENDED && c->exit_code == 0;
        if (!p->initialized)
            return true;
        p->act[i] = step(f, c, p);
        if (c->phase == RUN_ENDED && !c->sidecar && c->exit_code != 0 && !runs_again(f, c))
            return false;
        p->initialized = done;
    }
    return true;
}

/* Have the main containers ended for good? */
static enum pod_end end_of_main(const struct pod_facts *f)
{
    enum pod_end end = POD_SUCCEEDED;
    for (size_t i = 0; i < f->n; i++) {
        if (f->c[i].init)
            continue;
        if (f->c[i].phase != RUN_ENDED || runs_again(f, &f->c[i]))
            return POD_GOES_ON;
        if (f->c[i].exit_code != 0)
            end = POD_FAILED;
    }
    return end;
}

static bool nothing_runs(const struct pod_facts *f)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->c[i].phase == RUN_RUNNING)
            return false;
    return true;
}

static void stop_all(const struct pod_facts *f, struct pod_plan *p)
{
    for (size_t i = 0; i < f->n; i++)
        p->act[i] = f->c[i].phase == RUN_RUNNING ? stop(f, &f->c[i], p) : ACT_NONE;
}

void pod_plan(const struct pod_facts *f, struct pod_plan *out)
{
    struct pod_plan p = { .due_ms = INT64_MAX, .all_ended = nothing_runs(f) };
    enum pod_end end = POD_GOES_ON;
    bool init_ok = plan_init(f, &p);
    if (f->deleting || f->past_deadline) {
        end = POD_FAILED;
    } else if (!init_ok) {
        end = POD_FAILED;
    } else if (p.initialized) {
        end = end_of_main(f);
        for (size_t i = 0; end == POD_GOES_ON && i < f->n; i++)
            if (!f->c[i].init)
                p.act[i] = step(f, &f->c[i], &p);
    }
    if (end != POD_GOES_ON) {
        stop_all(f, &p);
        p.end = p.all_ended ? end : POD_GOES_ON;
    }
    *out = p;
}
