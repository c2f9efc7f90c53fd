/* What a Job does next. */
#include "cluster/local/job.h"

static int64_t least(int64_t x, int64_t y)
{
    return x < y ? x : y;
}

static enum job_verdict verdict_of(const struct job_facts *f)
{
    if (f->failed > f->backoff_limit)
        return JOB_TOO_MANY_FAILURES;
    if (f->deadline_ms >= 0 && f->started_ms > 0 && !f->suspended && f->now_ms - f->started_ms >= f->deadline_ms)
        return JOB_TOO_LATE;
    bool enough = f->completions >= 0 ? f->succeeded >= f->completions : f->succeeded > 0 && f->active == 0;
    if (enough)
        return JOB_COMPLETE;
    return f->suspended ? JOB_SUSPENDED : JOB_RUNNING;
}

/* When the next pod may start after failures. */
static int64_t not_before(const struct job_facts *f)
{
    if (f->failed == 0 || f->last_failure_ms == 0)
        return 0;
    int64_t pause = f->backoff_ms;
    for (int64_t i = 1; i < f->failed && pause < JOB_BACKOFF_MAX_MS; i++)
        pause *= 2;
    return f->last_failure_ms + least(pause, JOB_BACKOFF_MAX_MS);
}

static int64_t pods_wanted(const struct job_facts *f)
{
    if (f->completions < 0) /* a work queue: no new pods once one of them found it empty */
        return f->succeeded > 0 ? f->active : f->parallelism;
    return least(f->parallelism, f->completions - f->succeeded);
}

void job_plan(const struct job_facts *f, struct job_plan *out)
{
    struct job_plan p = { .verdict = verdict_of(f), .due_ms = INT64_MAX };
    p.stop_active = p.verdict != JOB_RUNNING && f->active > 0;
    if (p.verdict == JOB_RUNNING) {
        int64_t missing = pods_wanted(f) - f->active, start = not_before(f);
        if (missing > 0 && start <= f->now_ms)
            p.create = missing;
        else if (missing > 0)
            p.due_ms = start;
        if (f->deadline_ms >= 0)
            p.due_ms = least(p.due_ms, (f->started_ms > 0 ? f->started_ms : f->now_ms) + f->deadline_ms);
    }
    *out = p;
}
