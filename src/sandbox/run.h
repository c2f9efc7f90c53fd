/*
 * sandbox/run.h - carrying out one workflow run: shared by run.c, step.c and stepfiles.c.
 *
 * A run works on copies: it takes the state lock only to say how far it is. Its folder, DIR/runs/ID, is removed at the
 * end; the jobs' logs stay.
 */
#pragma once
#include "sandbox/internal.h"
#include "sandbox/wexpr.h"

struct run {
    struct sandbox *s;
    struct arena *a;
    struct str full_name, owner;
    int64_t id;
    struct value doc;      /* the run's state document, a copy */
    struct value workflow; /* the file */
    struct value github;   /* the context, without `job` and `workspace` */
    struct value needs;    /* job key -> { result, outputs } */
    const char *git_dir, *folder;
    bool failed, timed_out;
};

enum step_end { STEP_SUCCESS, STEP_FAILURE, STEP_SKIPPED, STEP_CANCELLED, STEP_TIMED_OUT };

struct job {
    struct run *r;
    struct arena *a;
    struct str key;
    const struct value *def; /* of the file */
    int64_t id;
    int log;            /* descriptor, appended to */
    struct wexpr x;     /* contexts and whether something failed */
    struct value env;   /* workflow's, job's, and what steps added through GITHUB_ENV */
    struct value paths; /* what steps added through GITHUB_PATH, newest first */
    const char *workspace, *temp;
    int64_t deadline_ms;
};

/* The whole life of a claimed run. */
void run_execute(struct sandbox *s, struct str full_name, int64_t id);
/* Runs one step and logs it; its outputs join the contexts. */
enum step_end step_run(struct job *j, const struct value *def, size_t number);
/* A line in the job's log, secrets masked. */
void job_log(struct job *j, const char *fmt, ...) PRINTF(2, 3);
void job_write(struct job *j, struct str text);
/* Evaluate every value of a map of texts into `env`. */
MUST_CHECK bool job_add_env(struct job *j, const struct value *texts, struct value *env, struct err *e);

/* ---- stepfiles.c: what a step says through files ------------------------------------------------------ */
/* "name=value" lines and "name<<WORD ... WORD" blocks, as GITHUB_OUTPUT and GITHUB_ENV take them. */
MUST_CHECK bool stepfile_parse(struct arena *a, struct str text, struct value *out, struct err *e);
