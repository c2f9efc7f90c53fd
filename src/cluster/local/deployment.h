/*
 * cluster/local/deployment.h - planning a rollout. Pure: documents and numbers in, decisions out. Private to the room.
 */
#pragma once
#include "data/value.h"

struct rollout_set {   /* one ReplicaSet of the Deployment */
    int64_t replicas;  /* wanted now */
    int64_t existing;  /* pods there are */
    int64_t available; /* of those */
    int64_t scale_to;  /* out: what it should want */
};
struct rollout {
    int64_t replicas;                   /* of the Deployment */
    int64_t max_surge, max_unavailable; /* resolved to numbers of pods */
    bool recreate, paused;
    struct rollout_set *new_set; /* NULL: not there yet */
    struct rollout_set *old;     /* oldest first */
    size_t n_old;
};
/* Resolve spec.strategy; both numbers 0 is read as "one may be unavailable", as Kubernetes does. */
void rollout_limits(const struct value *spec, struct rollout *r);
/* Set scale_to of every set. *create_new: the new set may be created now (Recreate waits for the old pods to end). */
void rollout_plan(struct rollout *r, bool *create_new);

enum progress { PROGRESS_MOVING, PROGRESS_DONE, PROGRESS_LATE };
struct progress_facts {
    int64_t replicas, updated, total, available; /* wanted, of the new set, of all sets, ready */
    int64_t last_progress_ms, deadline_ms;       /* wall clock of the last step; how long one may take */
    bool was_done;                               /* this generation was complete before */
    bool was_late;                               /* it was late before and nothing has moved since */
    int64_t now_ms;
};
enum progress rollout_progress(const struct progress_facts *f);
