/*
 * cluster/local/engine.h - how the files of the local engine hang together. Private to the room.
 *
 * A namespace with what runs in it is an "environment". One scheduler thread hands environments that changed or are due
 * to a few workers; at most one worker looks at an environment at a time. A pass reads all documents of the namespace
 * (a `struct world`), lets every controller compare wanted and real, writes what differs and forgets everything again:
 * level, not edge. Whatever a pass cannot do at once (pulling, probing, waiting) happens elsewhere and makes the
 * environment dirty when it is done.
 */
#pragma once
#include <pthread.h>

#include "base/sys.h"
#include "cluster/local/local.h"
#include "cluster/local/objects.h"
#include "cluster/local/runtime.h"

#define CRASH_BACKOFF_MS 10000      /* first pause before a restart; doubles */
#define CRASH_BACKOFF_MAX_MS 300000 /* longest pause */
#define CRASH_FORGIVEN_MS 600000    /* a container that ran this long starts counting anew */

struct prober;
struct proxy;
struct podlet;

struct environment {
    char name[64];
    struct local *local;
    struct environment *next;
    /* under local->lock */
    bool dirty, busy, gone;
    int64_t due_ms; /* monotonic; INT64_MAX: nothing planned */
    /* only the worker that made it busy */
    bool started;           /* runtime_env_start succeeded */
    unsigned incarnation;   /* grows when the holder had to be started anew: nothing of before runs any more */
    struct podlet *pods;    /* what runs, by pod uid */
    uint64_t services_hash; /* of the table the runtime has */
    uint64_t routes_hash;   /* of the routes the proxy has */
};

struct local {
    struct cluster base; /* first: a struct cluster * is a struct local * */
    struct store *store;
    struct objects objects;
    struct runtime *runtime;
    struct prober *prober;
    struct proxy *proxy;
    struct pool *workers, *pulls, *hooks;
    const char *data_dir;
    bool keep_running;
    int64_t backoff_ms; /* CRASH_BACKOFF_MS, or what the options say */
    pthread_t scheduler;
    bool scheduling;
    pthread_mutex_t lock; /* the list, flags and due times; results of pulls */
    pthread_cond_t wake;
    struct environment *environments;
    bool stopping;
};

/* Look at the namespace again, soon. Any thread. */
void local_dirty(struct local *l, struct str ns);
/* Look at every environment again: something ended, nobody knows where. Any thread. */
void local_dirty_all(struct local *l);

/* ---- one pass ----------------------------------------------------------------------------- */

struct world { /* what a controller sees: the documents of one namespace at one moment */
    struct arena *a;
    struct local *l;
    struct environment *env;
    int64_t now_ms;       /* wall clock */
    int64_t due_ms;       /* wall clock: the earliest moment somebody wants another pass */
    struct value ns;      /* the Namespace document; null when it is gone */
    struct value objects; /* list */
};
/* Read it all. */
MUST_CHECK bool world_load(struct world *w, struct err *e);
/* Ask for another pass at `wall_ms` at the latest. */
void world_due(struct world *w, int64_t wall_ms);
/* The i-th object of a kind, from `*cursor` on; NULL at the end. Start with 0. */
const struct value *world_next(const struct world *w, const char *group, const char *kind, size_t *cursor);
const struct value *world_find(const struct world *w, const char *group, const char *kind,
                               struct str name); /* or NULL */
/* Note a failed write: conflicts are normal (the next pass sees the newer document), the rest is logged. False. */
bool world_failed(struct world *w, const char *what, const struct value *doc, const struct err *e);
/* Say something to people, by the namespace's name. */
void world_event(struct world *w, const char *type, const char *reason, struct str message);

/* The controllers; each looks at the whole world. */
void reconcile_environment(struct local *l, struct environment *env); /* calls all of the following in order */
void gc_reconcile(struct world *w);
void deployment_reconcile(struct world *w);
void replica_set_reconcile(struct world *w);
void stateful_set_reconcile(struct world *w);
void daemon_set_reconcile(struct world *w);
void job_reconcile(struct world *w);
void pod_reconcile(struct world *w);
void service_reconcile(struct world *w);
void ingress_reconcile(struct world *w);
void claim_reconcile(struct world *w); /* PersistentVolumeClaim, HorizontalPodAutoscaler */
/* Stop and forget everything that runs in the environment. */
MUST_CHECK bool namespace_stop(struct local *l, struct environment *env, struct err *e);
/* Forget what is known in memory; processes stay as they are. */
void pods_forget(struct local *l, struct environment *env);
/* Start the holder if it is not up, or reattach to it. */
MUST_CHECK bool environment_ensure(struct world *w, struct err *e);

/* ---- helpers of status documents ---------------------------------------------------------- */

/* Set a condition in a list; lastTransitionTime moves only when its status does. Reason and message may be NULL or
 * empty. */
void condition_set(struct arena *a, const struct value *conditions, const char *type, bool holds, const char *reason,
                   struct str message, int64_t now_ms);
/* The condition of a type, or value_nil. */
const struct value *condition_get(const struct value *conditions, const char *type);
/* Set a count, or leave it out when it is 0, as Kubernetes writes status. */
void status_count(struct arena *a, const struct value *status, const char *key, int64_t n);
/* A copy of an object's status to change; an empty map when it has none. */
struct value status_copy(struct arena *a, const struct value *doc);
/* A whole number or a percentage of `total` ("25%"), percentages rounded up or down. */
int64_t int_or_percent(const struct value *v, int64_t total, bool up, int64_t otherwise);

/* ---- pods, as workload controllers see and make them --------------------------------------- */

bool pod_is_active(const struct value *pod); /* neither ended nor being deleted */
bool pod_is_ready(const struct value *pod);
/* Ready for at least `min_ready_ms`; asks for another pass when it will be. */
bool pod_is_available(struct world *w, const struct value *pod, int64_t min_ready_ms);
/* A Pod of the template, owned by `owner`, with extra labels (a map or null). Names without `name` get a random suffix.
 */
struct value pod_from_template(struct arena *a, const struct value *owner, const struct value *template,
                               struct str name, const struct value *labels);
/* Create it, unless the pod is refused (then false: ERR_DENIED, ERR_INVALID ...). */
MUST_CHECK bool pod_add(struct world *w, const struct value *pod, struct err *e);
/* Ten characters that name a pod template: equal templates, equal hash. */
struct str template_hash(struct arena *a, const struct value *template);
