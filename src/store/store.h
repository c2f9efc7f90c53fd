/*
 * store/store.h - the crash-safe store: every SQL statement of vitrine stands behind this header (SQLite, WAL).
 *
 * One `struct store` is shared by all threads (one connection, one mutex; calls are short and never held across I/O
 * elsewhere). Documents are JSON. Whatever a function says is stored is on disk when it returns.
 */
#pragma once
#include "data/value.h"

struct store;
/* `dir` is created; a second vitrine on the same folder gets ERR_CONFLICT. */
MUST_CHECK bool store_open(const char *dir, struct store **out, struct err *e);
void store_close(struct store *s);

/* ---- objects: Kubernetes-shaped documents, by scope ---------------------------------------
 * `scope` separates worlds: "vitrine" holds Applications, ApplicationSets and AppProjects; "local" the local engine's
 * objects.
 */
struct store_key {
    const char *scope;
    struct str group, kind, ns, name; /* group without version; ns empty for cluster-scoped kinds */
};
/* ERR_NOT_FOUND. */
MUST_CHECK bool store_get(struct arena *a, struct store *s, const struct store_key *k, struct value *out,
                          struct err *e);
/* Create or replace. metadata.uid and creationTimestamp are set at creation, metadata.resourceVersion always, and
 * metadata.generation grows when `spec` (for kinds without spec: anything outside metadata and status) differs. When
 * the document carries a resourceVersion that is not the stored one: ERR_CONFLICT. An equal document is not written and
 * keeps its version. *out (may be NULL) is the stored document; *changed (may be NULL) whether anything was written. */
MUST_CHECK bool store_put(struct arena *a, struct store *s, const struct store_key *k, const struct value *doc,
                          struct value *out, bool *changed, struct err *e);
/* Replace only `status` (and, if meta_annotations is a map, merge it into metadata.annotations: null deletes). No
 * conflict check. */
MUST_CHECK bool store_put_status(struct arena *a, struct store *s, const struct store_key *k,
                                 const struct value *status, const struct value *meta_annotations, struct err *e);
MUST_CHECK bool store_delete(struct store *s, const struct store_key *k, struct err *e); /* absent is success */
/* Empty group, kind, ns or name match everything; ordered by group, kind, namespace, name. A list value. */
MUST_CHECK bool store_list(struct arena *a, struct store *s, const struct store_key *k, struct value *out,
                           struct err *e);
/* The store-wide version: grows with every change of any object. */
int64_t store_version(struct store *s);
/* Wait until store_version(s) > after, or the deadline; returns the version. Level, not edge: look again at what you
 * care for. */
int64_t store_wait(struct store *s, int64_t after, int64_t deadline_mono_ms);

/* ---- outbox: deliveries to the outside, recorded before they are made ----------------------- */
struct outbox_item {
    int64_t id;
    struct str key;       /* unique: a second add with the same key is ignored */
    struct str app;       /* "demo-web-pr-5" */
    struct str service;   /* "webhook", "github-status" ... */
    struct str label;     /* what people see: "on-ephemeral-deployed -> github (success)" */
    struct value request; /* the service's own document; never holds a secret (secrets are put in at delivery) */
    struct str state;     /* pending, sent or failed (given up) */
    int64_t attempts, next_ms, created_ms, done_ms;
    struct str last_error;
    struct str result; /* "201" ... */
};
/* *added is false when the key was there already. */
MUST_CHECK bool store_outbox_add(struct store *s, const struct outbox_item *i, bool *added, struct err *e);
/* Pending items that are due, oldest first, at most `max`. Items of one `serial` (service + app) come in order of id.
 */
MUST_CHECK bool store_outbox_due(struct arena *a, struct store *s, int64_t now_ms, size_t max, struct outbox_item **out,
                                 size_t *out_n, struct err *e);
/* How many items wait. */
MUST_CHECK bool store_outbox_waiting(struct store *s, int64_t *out, struct err *e);
/* When the next pending item is due (wall clock); -1: nothing is pending. */
MUST_CHECK bool store_outbox_next(struct store *s, int64_t *out_ms, struct err *e);
MUST_CHECK bool store_outbox_result(struct store *s, int64_t id, const char *state, int64_t next_ms, struct str result,
                                    struct str error, struct err *e); /* counts an attempt */
/* Newest first; app empty: all. */
MUST_CHECK bool store_outbox_list(struct arena *a, struct store *s, struct str app, size_t max,
                                  struct outbox_item **out, size_t *out_n, struct err *e);
/* Keys that once existed (oncePer memory outlives the outbox rows). */
MUST_CHECK bool store_once_seen(struct store *s, struct str key, bool *out, struct err *e);
MUST_CHECK bool store_once_forget(struct store *s, struct str key, struct err *e);

/* ---- events: what happened, for people ------------------------------------------------------ */
struct store_event {
    int64_t id, at_ms;
    struct str type;   /* Normal, Warning */
    struct str app;    /* may be empty */
    struct str reason; /* CamelCase, as Kubernetes events */
    struct str message;
};
MUST_CHECK bool
store_event_add(struct store *s, const char *type, struct str app, const char *reason, struct str message,
                struct err *e); /* keeps the newest 10,000; an identical newest event of the app is not repeated */
MUST_CHECK bool store_events(struct arena *a, struct store *s, struct str app, int64_t after_id, size_t max,
                             struct store_event **out, size_t *out_n, struct err *e); /* newest first */

/* ---- webhook deliveries (replay memory) and small settings ---------------------------------- */
/* *seen: this delivery id was marked before. */
MUST_CHECK bool store_delivery_seen(struct store *s, struct str guid, bool *seen, struct err *e);
MUST_CHECK bool store_delivery_mark(struct store *s, struct str guid, struct err *e); /* keeps a week */
MUST_CHECK bool store_kv_get(struct arena *a, struct store *s, struct str key, struct str *out,
                             struct err *e); /* ERR_NOT_FOUND */
MUST_CHECK bool store_kv_put(struct store *s, struct str key, struct str value, struct err *e);
MUST_CHECK bool store_kv_delete(struct store *s, struct str key, struct err *e);
