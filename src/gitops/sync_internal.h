/* gitops/sync_internal.h - tasks of one call of the sync engine. */
#pragma once
#include "gitops/sync.h"

struct sync_task {
    enum sync_phase phase;
    int64_t wave;
    struct cluster_key key;
    const struct value *target; /* NULL: a prune task */
    const struct value *live;   /* NULL: not there */
    bool hook;
    bool modified;        /* the comparison says so; true for hooks */
    bool fresh;           /* applied in this very call */
    struct value *result; /* its row in the results, or NULL: pending */
};
typedef VEC(struct sync_task) sync_tasks;

struct sync_run {
    struct arena *a;
    const struct sync_input *in;
    struct sync_output *out;
    sync_tasks tasks;   /* ordered; without SyncFail */
    sync_tasks on_fail; /* SyncFail hooks */
    struct sync_task namespace_task;
    bool has_namespace_task;
    bool namespace_leaving; /* an earlier one of that name is being deleted */
    bool partial, without_hooks;
};

/* ---- sync_tasks.c ------------------------------------------------------------------------- */
/* ERR_*: the destination could not be asked. */
MUST_CHECK bool sync_build_tasks(struct sync_run *r, struct err *e);

/* ---- sync_results.c ----------------------------------------------------------------------- */
bool task_is_pending(const struct sync_task *t);
bool task_is_running(const struct sync_task *t);
bool task_is_completed(const struct sync_task *t);
bool task_has_failed(const struct sync_task *t);
/* Write or replace the task's row. hook_phase may be empty. */
void task_record(struct sync_run *r, struct sync_task *t, const char *status, const char *hook_phase,
                 struct str message);
/* Point each task at its row. */
void sync_attach_results(struct sync_run *r);
/* "waiting for healthy state of apps/Deployment/web and 2 more resources" */
struct str sync_waiting_message(struct arena *a, const sync_tasks *waiting, bool deletion);
/* Messages of failed tasks, joined by commas; empty when none says anything. */
struct str sync_failure_reasons(struct arena *a, const sync_tasks *tasks);

/* ---- sync_apply.c ------------------------------------------------------------------------- */
MUST_CHECK bool task_apply(struct sync_run *r, struct sync_task *t, bool dry_run);
MUST_CHECK bool task_prune(struct sync_run *r, struct sync_task *t, bool dry_run);
enum cluster_propagation sync_propagation(const struct value *app);
/* May the project have this resource? */
bool sync_is_permitted(const struct sync_run *r, const struct sync_task *t, bool namespaced);
