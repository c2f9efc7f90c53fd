/*
 * gitops/controller.h - keeps Applications and ApplicationSets as their documents say.
 *
 * A fixed pool of threads reconciles Applications, one at a time per name, whenever something may have changed: the
 * store, the destination, a timer, a request. Level, not edge: each pass looks at everything and does the next thing.
 * Every transition is in the store before it is announced, so that a killed process goes on where it was.
 */
#pragma once
#include "chart/cache.h"
#include "cluster/cluster.h"
#include "forge/forge.h"
#include "gitops/compare.h"
#include "gitops/config.h"
#include "oci/oci.h"
#include "store/store.h"

/* The truth about one commit of one preview, for a commit status. */
struct preview_state {
    struct str app;
    struct str api,
        repository; /* API base and owner/name; repository is empty for applications without a pull request */
    struct str sha;
    const char *state;      /* pending, success, failure, error */
    struct str description; /* at most 140 characters */
};

struct controller_options {
    struct store *store;
    struct cluster *cluster;
    const struct config *config;
    struct oci_client *images; /* NULL: do not wait for images */
    struct forge_cache *forge;
    const char *cache_dir;
    unsigned workers;               /* 0: 4 */
    int64_t image_timeout_ms;       /* a commit fails whose image has not come since it was seen; 0: 60 minutes */
    int64_t unreachable_timeout_ms; /* how long a registry or repository may not answer; 0: 10 minutes */
    /* Called on a worker's thread after the store has it; `app` is valid during the call. deleted: the last look at it.
     */
    void (*on_app)(void *user, const struct value *app, bool deleted);
    /* Called when state, sha or description differ from what was said last. At least once: a crash may repeat the last
     * one. */
    void (*on_preview_state)(void *user, const struct value *app, const struct preview_state *s);
    void *user;
};

struct controller;
/* Stores the configured documents, resumes operations, starts the threads. */
MUST_CHECK bool controller_open(const struct controller_options *o, struct controller **out, struct err *e);
/* Lets running passes end, starts no more. NULL is fine. */
void controller_close(struct controller *c);
/* Take over a newly loaded configuration; the old one must stay valid until controller_close. */
MUST_CHECK bool controller_configure(struct controller *c, const struct config *config, struct err *e);

/* Of the parsed charts that renderings share. */
struct chart_cache_counters controller_charts(struct controller *c);

/* A webhook told of a repository: its ApplicationSets look at once. Returns how many were woken. Empty owner and repo:
 * all. */
size_t controller_refresh_appset(struct controller *c, struct str owner, struct str repo);
/* ERR_NOT_FOUND when there is no such Application. hard: render anew. */
MUST_CHECK bool controller_refresh_app(struct controller *c, struct str name, bool hard, struct err *e);

struct controller_sync {
    struct str revision;                    /* empty: the target revision */
    bool prune, dry_run, force, apply_only; /* apply_only: strategy apply, without hooks */
    const struct value *resources;          /* list of {group, kind, namespace, name}, or NULL for all */
    struct str username;
};
/* errors: ERR_NOT_FOUND, ERR_CONFLICT "another operation is already in progress", ERR_INVALID. */
MUST_CHECK bool controller_sync(struct controller *c, struct str name, const struct controller_sync *o, struct err *e);
MUST_CHECK bool controller_terminate(struct controller *c, struct str name, struct err *e);
/* Deletion begins; cascade: resources go too. */
MUST_CHECK bool controller_delete(struct controller *c, struct str name, bool cascade, struct err *e);
/* Wanted and live objects of an application now, for `app diff` and `app manifests`. */
MUST_CHECK bool controller_compare(struct controller *c, struct arena *a, struct str name, struct compare_result *out,
                                   struct err *e);
