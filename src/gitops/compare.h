/*
 * gitops/compare.h - wanted against live: pairs objects, finds differences, derives sync status.
 */
#pragma once
#include "gitops/application.h"
#include "gitops/health.h"

enum sync_status { SYNC_UNKNOWN, SYNC_SYNCED, SYNC_OUTOFSYNC };
/* "Unknown", "Synced", "OutOfSync". */
const char *sync_status_name(enum sync_status s);

struct compare_resource {
    struct cluster_key key;
    const struct value *target, *live; /* NULL: absent */
    enum sync_status status;
    bool counted; /* false: hook, ignored extraneous or skipped */
    bool hook;
    bool requires_pruning;
    struct health health; /* of the live object; Missing when there is none */
};
struct compare_result {
    struct compare_resource *v; /* sorted by group, kind, namespace, name */
    size_t n;
    enum sync_status status;
    struct health health;          /* of the whole application */
    struct str *repeated, *shared; /* warnings in Argo CD's words */
    size_t n_repeated, n_shared;
};

/* Pair, diff and judge. targets: list of documents, namespaces set or not. live: list of objects (tracked and those
 * with a target's key). The result refers to both lists. */
MUST_CHECK bool compare_application(struct arena *a, struct cluster *c, const struct value *app,
                                    const struct value *targets, const struct value *live, struct compare_result *out,
                                    struct err *e);
/* Live objects that matter to the application: tracked ones in its namespace and cluster-wide, and those that a target
 * names. */
MUST_CHECK bool compare_live(struct arena *a, struct cluster *c, const struct value *app, const struct value *targets,
                             struct value *out, struct err *e);
/* Would applying `target` change `live`? ignore: spec.ignoreDifferences or null. */
bool compare_modified(struct arena *a, const struct value *target, const struct value *live,
                      const struct value *ignore);
/* With the fields that ignoreDifferences names copied from live (RespectIgnoreDifferences=true). */
struct value compare_respect_ignored(struct arena *a, const struct value *target, const struct value *live,
                                     const struct value *ignore);
/* Namespaced targets without a namespace get `ns`, cluster-scoped ones lose theirs. New documents in `a`. */
struct value compare_place(struct arena *a, struct cluster *c, const struct value *targets, struct str ns);
