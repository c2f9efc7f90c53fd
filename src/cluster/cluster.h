/*
 * cluster/cluster.h - the destination of an Application, behind one interface: the local engine today, the Kubernetes
 * API beside it.
 *
 * Objects are Kubernetes documents (struct value maps with apiVersion, kind, metadata ...).
 */
#pragma once
#include "data/value.h"

struct cluster_key {
    struct str group, version, kind, ns, name; /* version may be empty when reading */
};
/* Key of a document; ns and name from its metadata. False with ERR_INVALID when apiVersion, kind or name is missing. */
MUST_CHECK bool cluster_key_of(const struct value *object, struct cluster_key *out, struct err *e);

struct cluster_kind {
    struct str group, version, kind, plural;
    bool namespaced;
};
struct cluster_apply {
    bool server_side; /* field manager argocd-controller, conflicts forced */
    bool replace;
    bool force;
    bool validate;
    bool dry_run;
};
enum cluster_verb { CLUSTER_CREATED, CLUSTER_CONFIGURED, CLUSTER_UNCHANGED };
enum cluster_propagation { CLUSTER_FOREGROUND, CLUSTER_BACKGROUND, CLUSTER_ORPHAN };

struct cluster_logs {
    struct str ns, pod, container; /* container empty: the first */
    bool previous, follow, timestamps;
    int64_t tail; /* lines; <0: all */
};

struct cluster;
struct cluster_ops {
    const char *type; /* "local", "kubernetes" */
    bool (*kind)(struct cluster *c, struct str group, struct str kind, struct cluster_kind *out, struct err *e);
    bool (*apply)(struct cluster *c, struct arena *a, const struct value *object, const struct cluster_apply *o,
                  struct value *out_live, enum cluster_verb *out_verb, struct err *e);
    bool (*get)(struct cluster *c, struct arena *a, const struct cluster_key *k, struct value *out, struct err *e);
    bool (*list)(struct cluster *c, struct arena *a, const struct cluster_key *k, struct value *out, struct err *e);
    bool (*remove)(struct cluster *c, const struct cluster_key *k, enum cluster_propagation p, struct err *e);
    int64_t (*wait)(struct cluster *c, int64_t after, int64_t deadline_mono_ms);
    bool (*logs)(struct cluster *c, const struct cluster_logs *o, bool (*line)(void *user, struct str text), void *user,
                 struct err *e);
    struct str (*version)(struct cluster *c); /* "v1.33.0": for charts' Capabilities */
    void (*close)(struct cluster *c);
    bool keeps_unknown_kinds; /* objects of kinds it does not know are stored; nothing acts on them */
};
struct cluster {
    const struct cluster_ops *ops; /* first member of each implementation's struct */
};

/* Thin calls through the table; see the rules beside each. */

/* What the destination knows of a kind. Unknown kinds: ERR_NOT_FOUND, with namespaced = true where they are kept all
 * the same. */
MUST_CHECK bool cluster_kind(struct cluster *c, struct str group, struct str kind, struct cluster_kind *out,
                             struct err *e);
bool cluster_keeps_unknown_kinds(const struct cluster *c);
/* Create or patch. Live-only fields (status, defaults) are kept; fields that the last apply set and this one does not
 * are removed (three-way, last-applied or field manager). errors: ERR_INVALID with the field's path, ERR_DENIED for
 * what the destination refuses (privileged, hostPath ...), ERR_NOT_FOUND `namespaces "x" not found`. */
MUST_CHECK bool cluster_apply(struct cluster *c, struct arena *a, const struct value *object,
                              const struct cluster_apply *o, struct value *out_live, enum cluster_verb *out_verb,
                              struct err *e);
MUST_CHECK bool cluster_get(struct cluster *c, struct arena *a, const struct cluster_key *k, struct value *out,
                            struct err *e); /* ERR_NOT_FOUND */
/* A list value; empty group/kind/ns/name match all. */
MUST_CHECK bool cluster_list(struct cluster *c, struct arena *a, const struct cluster_key *k, struct value *out,
                             struct err *e);
/* Deletion begins (metadata.deletionTimestamp); the object is gone when its finalizers are, its children are
 * (foreground) and its processes have ended. An absent object is success. */
MUST_CHECK bool cluster_remove(struct cluster *c, const struct cluster_key *k, enum cluster_propagation p,
                               struct err *e);
/* Wait until something changed after version `after` (0: now) or the deadline; returns the version. */
int64_t cluster_wait(struct cluster *c, int64_t after, int64_t deadline_mono_ms);
/* Lines of a container, oldest first; follow ends when the container is gone or `line` returns false. */
MUST_CHECK bool cluster_logs(struct cluster *c, const struct cluster_logs *o, bool (*line)(void *user, struct str text),
                             void *user, struct err *e);
struct str cluster_version(struct cluster *c);
void cluster_close(struct cluster *c); /* NULL is fine */
