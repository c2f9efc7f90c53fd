/*
 * gitops/application.h - reading an Application document: its source, policy, options, conditions.
 *
 * An Application is held as the JSON document that Argo CD would hold; these functions give names to its parts.
 */
#pragma once
#include "cluster/cluster.h"
#include "data/value.h"
#include "gitops/config.h"
#include "store/store.h"

/* What vitrine adds to the documents. */
#define APP_ANNOTATION_HEAD_SHA "vitrine.dev/head-sha"         /* head commit of the pull request at generation */
#define APP_ANNOTATION_BRANCH "vitrine.dev/branch"             /* its head branch */
#define APP_ANNOTATION_PULL "vitrine.dev/pull-request"         /* its number */
#define APP_ANNOTATION_PULL_URL "vitrine.dev/pull-request-url" /* its page */
#define APP_ANNOTATION_TITLE "vitrine.dev/title"
#define APP_ANNOTATION_REPOSITORY "vitrine.dev/repository" /* owner/name that statuses go to */
#define APP_ANNOTATION_API "vitrine.dev/api"               /* API base of its forge */
#define APP_ANNOTATION_SET "vitrine.dev/applicationset"    /* the ApplicationSet that generated it */
#define APP_ANNOTATION_CONFIGURED                                                                                      \
    "vitrine.dev/configured" /* "true": the document came from the configuration directory */
#define APP_ANNOTATION_NAMESPACE                                                                                       \
    "vitrine.dev/namespace-of" /* on a Namespace: the application that vitrine created it for */
#define APP_ANNOTATION_FORK_LABEL                                                                                      \
    "vitrine.dev/fork-label" /* on an ApplicationSet: label that lets a fork deploy; "*": all forks */
#define APP_FORK_LABEL_DEFAULT "ok-to-preview"

#define APP_FINALIZER "resources-finalizer.argocd.argoproj.io"
#define APP_REFRESH "argocd.argoproj.io/refresh"
#define APP_NAMESPACE_DEFAULT "argocd"

/* Where an Application or ApplicationSet is kept; slices of the document. */
struct store_key application_key(const struct value *app);
/* The stored Application or ApplicationSet of that name, in any namespace. ERR_NOT_FOUND. */
MUST_CHECK bool application_find(struct arena *a, struct store *s, const char *kind, struct str name, struct value *out,
                                 struct err *e);
struct str application_name(const struct value *app);
struct str application_namespace(const struct value *app); /* destination.namespace */
struct str application_annotation(const struct value *object, const char *key);
/* spec.source, or the first of spec.sources; value_nil when there is none. */
const struct value *application_source(const struct value *app);
/* spec.syncPolicy.syncOptions has exactly this string. */
bool application_sync_option(const struct value *app, const char *option);

struct application_automated { /* spec.syncPolicy.automated; all false when it is off */
    bool on, prune, self_heal, allow_empty;
};
/* The policy with its defaults. */
struct application_automated application_automated(const struct value *app);

struct application_retry {
    int64_t limit; /* <0: unlimited */
    int64_t duration_ms, max_ms;
    int64_t factor;
    bool refresh;
};
/* From an operation's or a syncPolicy's `retry` (value_nil: the defaults, limit 5 for automated syncs). */
struct application_retry application_retry_of(const struct value *retry, int64_t limit_without);
/* min(max, duration * factor^n) */
int64_t application_retry_wait_ms(const struct application_retry *r, int64_t n);

/* Does the spec make sense? ERR_INVALID in Argo CD's words: for condition InvalidSpecError. */
MUST_CHECK bool application_validate(const struct value *app, const struct config *c, struct err *e);

/* Conditions of `status`: set (keeping lastTransitionTime when nothing changed) or clear one type. */
void application_condition_set(struct arena *a, const struct value *status, const char *type, struct str message,
                               int64_t now_ms);
void application_condition_clear(const struct value *status, const char *type);

/* "<app>:<group>/<kind>:<namespace>/<name>", the value of annotation argocd.argoproj.io/tracking-id. */
struct str tracking_id(struct arena *a, struct str app, const struct cluster_key *k);
/* Does the object's tracking id name `app` and the object itself? (Copies made by other controllers do not count.) */
bool tracking_is_ours(struct arena *a, struct str app, const struct value *object);
/* The application a tracking id names; empty when there is none. */
struct str tracking_owner(const struct value *object);
