/*
 * cluster/local/job.h - planning a Job. Pure: counts and limits in, a decision out. Private to the room.
 */
#pragma once
#include "base/base.h"

#define JOB_BACKOFF_MS 10000      /* pause after the first failed pod; doubles */
#define JOB_BACKOFF_MAX_MS 360000 /* longest pause */

struct job_facts {
    int64_t completions; /* <0: none given (a work queue: done when one pod succeeded and none runs) */
    int64_t parallelism, backoff_limit;
    bool suspended;
    int64_t active, succeeded, failed; /* pods; failed counts restarts inside pods too */
    int64_t started_ms;                /* wall clock; 0: not yet */
    int64_t deadline_ms;               /* activeDeadlineSeconds; <0: none */
    int64_t last_failure_ms;           /* when the youngest failed pod ended; 0: none */
    int64_t backoff_ms;                /* pause after the first failure */
    int64_t now_ms;
};
enum job_verdict { JOB_RUNNING, JOB_COMPLETE, JOB_TOO_MANY_FAILURES, JOB_TOO_LATE, JOB_SUSPENDED };
struct job_plan {
    enum job_verdict verdict;
    int64_t create;   /* pods to make now */
    bool stop_active; /* active pods must go */
    int64_t due_ms;   /* wall clock: when to plan again; INT64_MAX: only when something changes */
};
void job_plan(const struct job_facts *f, struct job_plan *out);
