/*
 * gitops/sync.h - the sync engine: tasks by phase, wave and kind; hooks; prune.
 *
 * sync_step is called again and again; all it remembers between calls is state.syncResult.resources, which the caller
 * stores before anything is announced. A crash between two calls repeats at most idempotent applies.
 */
#pragma once
#include "gitops/compare.h"
#include "gitops/hooks.h"

struct sync_input {
    struct cluster *cluster;
    const struct value *app;
    const struct value *operation;        /* operation.sync of operationState */
    const struct compare_result *compare; /* of this moment */
    const struct value *targets;          /* all documents, hooks included, placed */
    const struct value *project;          /* AppProject, or value_nil: everything is permitted */
    struct str revision;
    int64_t started_ms;
    bool terminate;
};
struct sync_output {
    struct str phase; /* Running, Succeeded, Failed, Error */
    struct str message;
    struct value resources; /* list: syncResult.resources */
    bool changed;           /* something was applied or deleted: look again at once */
};
/* One call of Sync. previous: syncResult.resources so far (or null). Never fails: what goes wrong is phase and message.
 */
void sync_step(struct arena *a, const struct sync_input *in, const struct value *previous, struct sync_output *out);

/* Position of a kind in the order of application. */
int sync_kind_rank(struct str kind);

/* ---- automated sync: whether to start one --------------------------------------------------- */
enum autosync { AUTOSYNC_NO, AUTOSYNC_START, AUTOSYNC_HEAL, AUTOSYNC_WAIT, AUTOSYNC_REFUSED };
struct autosync_decision {
    enum autosync what;
    struct str message; /* of condition SyncError when refused */
    int64_t wait_ms;    /* for AUTOSYNC_WAIT */
    int64_t heal_attempts;
};
void autosync_decide(struct arena *a, const struct value *app, const struct compare_result *r, struct str revision,
                     int64_t now_ms, struct autosync_decision *out);
