/*
 * cluster/local/pod_run.h - what is remembered of a running pod between two passes, and what is made of its document.
 * Private to the room.
 *
 * Everything here can be lost: after a restart it is rebuilt from the pod's status and from what the runtime says.
 */
#pragma once
#include "cluster/local/engine.h"
#include "cluster/local/pod.h"

/* ---- pulls: images are fetched on threads of their own -------------------------------------- */

struct pull;
enum pull_state { PULL_RUNNING, PULL_DONE, PULL_FAILED };
/* Begin; NULL when the queue is full. The environment becomes dirty at the end. */
struct pull *pull_start(struct local *l, struct str env, struct str reference, bool always_resolve);
enum pull_state pull_state(struct pull *p);
const struct runtime_image *pull_image(const struct pull *p); /* PULL_DONE; lives as long as the pull */
const struct err *pull_error(const struct pull *p);           /* PULL_FAILED */
void pull_drop(struct pull *p);                               /* a running one ends by itself; NULL is fine */

/* ---- hooks: preStop and postStart ------------------------------------------------------------ */

/* Run argv in the container on a thread of its own. Afterwards `then_signal` is sent (0: none); a failure sends
 * `fail_signal`. */
void hook_start(struct local *l, struct str env, struct str pod_uid, struct str container, const struct value *argv,
                int64_t timeout_ms, int then_signal, int fail_signal);

/* ---- what is remembered --------------------------------------------------------------------- */

struct ended { /* how one attempt ended */
    bool set;
    int exit_code, signal;
    int64_t started_ms, finished_ms;
    char reason[32], message[400];
};
struct container_run {
    char name[64];
    bool launched; /* this attempt was given to the runtime (or refused by it: then `now` is set) */
    int attempt;   /* restarts so far */
    int crashes;   /* of those, in a row */
    int64_t started_ms;
    struct ended now, last;
    struct pull *pull;
    int pull_failures;
    int64_t retry_at_ms;
    char wait_reason[40], wait_message[500]; /* why it does not run; empty: ContainerCreating */
    char image_id[160];
    bool stopping, term_sent;
    int64_t term_at_ms, kill_at_ms;
    int stop_signal;
};
struct podlet {
    struct podlet *next;
    char uid[64];
    bool sandbox;         /* the runtime has the pod, as far as the status knows */
    bool confirmed;       /* and said so to us */
    unsigned incarnation; /* of the environment in which it has it */
    char ip[16];
    uint64_t volumes_hash;      /* of what was written into volumes; 0: nothing yet */
    struct container_run *runs; /* init containers first */
    size_t n;
    bool seen; /* its document exists, in this pass */
};

/* The pod's containers in the order of the runs: init containers, then the others. */
const struct value *pod_container(const struct value *pod, size_t i, bool *init);
size_t pod_container_count(const struct value *pod);

/* ---- the document's wishes, resolved (pod_spec.c, volumes.c) --------------------------------- */

/* errors: ERR_NOT_FOUND for a missing ConfigMap, Secret or key, ERR_INVALID; their text is the container's message. */
MUST_CHECK bool container_build(struct world *w, const struct value *pod, const struct value *c, const struct podlet *p,
                                const struct container_run *run, const struct runtime_image *image,
                                struct runtime_container *out, struct err *e);
/* Make the pod's volumes, or write them again when their ConfigMaps and Secrets changed. */
MUST_CHECK bool volumes_write(struct world *w, const struct value *pod, struct podlet *p, struct err *e);
/* Mounts of one container. */
MUST_CHECK bool volumes_mounts(struct world *w, const struct value *pod, const struct value *c,
                               struct runtime_mount **out, size_t *out_n, struct err *e);
/* A field of the pod as the downward API gives it: "metadata.name", "metadata.labels['x']", "status.podIP" ... False:
 * unknown field. */
bool pod_field(struct world *w, const struct value *pod, const struct podlet *p, struct str path, struct str *out);
/* "128Mi", "0.5", "250m" times `scale` (1000 for cpu in thousandths), rounded up; false when malformed. */
bool quantity_parse(struct str text, int64_t scale, int64_t *out);
/* A ConfigMap or Secret of the namespace; ERR_NOT_FOUND `configmap "x" not found`. */
MUST_CHECK bool source_find(struct world *w, const char *kind, struct str name, const struct value **out,
                            struct err *e);
/* The bytes of one key, decoded; false when there is none. */
bool source_key(struct arena *a, const struct value *doc, struct str key, struct str *out);
/* "$(NAME)" replaced by the variable, "$$" by "$"; unknown names stay as they are. `env` holds NAME=value, `n` of them.
 */
struct str expand_variables(struct arena *a, struct str text, const struct str *env, size_t n);

/* ---- status (pod_status.c) ------------------------------------------------------------------- */

struct pod_status_facts {
    const struct pod_facts *facts;
    const struct pod_plan *plan;
    const struct podlet *podlet;
    const char *reason; /* of a pod that ended or cannot begin: "DeadlineExceeded" ...; NULL: none */
    struct str message;
};
struct value pod_status(struct world *w, const struct value *pod, const struct pod_status_facts *f);
