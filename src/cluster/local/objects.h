/*
 * cluster/local/objects.h - the local engine's documents: apply, read, delete, over the store's scope "local". Private
 * to the room.
 *
 * Every write tells `changed` which namespace to look at again ("" for cluster-scoped kinds; a Namespace counts as
 * itself).
 */
#pragma once
#include <pthread.h>

#include "cluster/cluster.h"
#include "store/store.h"

struct objects {
    struct store *store;
    void (*changed)(void *user, struct str ns);
    void *user;
    pthread_mutex_t addresses; /* held while a Service address is chosen and stored */
};
#define OBJECTS_MANAGER "argocd-controller" /* the field manager of cluster_apply */

/* Does the kind live in namespaces? Unknown kinds: what a stored CustomResourceDefinition says, else yes. */
bool objects_namespaced(struct objects *o, struct str group, struct str kind);
/* *out without plural when the kind is unknown; false then. */
bool objects_kind(struct arena *a, struct objects *o, struct str group, struct str kind, struct cluster_kind *out);

/* What cluster_apply, cluster_get and cluster_list promise; results live in `a`. */
MUST_CHECK bool objects_apply(struct objects *o, struct arena *a, const struct value *object,
                              const struct cluster_apply *options, struct value *out_live, enum cluster_verb *out_verb,
                              struct err *e);
MUST_CHECK bool objects_get(struct objects *o, struct arena *a, const struct cluster_key *k, struct value *out,
                            struct err *e);
MUST_CHECK bool objects_list(struct objects *o, struct arena *a, const struct cluster_key *k, struct value *out,
                             struct err *e);
/* Begin (or finish) deletion, as cluster_remove says. */
MUST_CHECK bool objects_remove(struct objects *o, const struct cluster_key *k, enum cluster_propagation p,
                               struct err *e);

/* ---- for controllers ---------------------------------------------------------------------- */

/* Store a document as it is: create, or replace under its resourceVersion (ERR_CONFLICT when it is stale). */
MUST_CHECK bool objects_put(struct objects *o, struct arena *a, const struct value *doc, struct err *e);
/* Store a new document; ERR_CONFLICT when one of that name is there. */
MUST_CHECK bool objects_create(struct objects *o, struct arena *a, const struct value *doc, struct err *e);
/* Replace the status of `doc`'s object when it differs from doc.status. */
MUST_CHECK bool objects_set_status(struct objects *o, struct arena *a, const struct value *doc,
                                   const struct value *status, struct err *e);
/* The object is gone now, finalizers or not. */
MUST_CHECK bool objects_drop(struct objects *o, const struct value *doc, struct err *e);
/* Begin deletion of `doc` in the background. */
MUST_CHECK bool objects_delete(struct objects *o, const struct value *doc, struct err *e);
bool object_is_deleting(const struct value *doc);
/* `doc` names an owner with this uid. */
bool object_is_owned_by(const struct value *doc, struct str uid);
struct cluster_key object_key(const struct value *doc); /* of a stored document: never fails */
