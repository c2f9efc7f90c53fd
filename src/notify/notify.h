/*
 * notify/notify.h - Argo CD notifications: triggers (expr), templates (Go templates), services, delivered through an
 * outbox.
 *
 * Configuration: ConfigMap argocd-notifications-cm with Secret argocd-notifications-secret, and documents in the values
 * form of the notifications chart (notifiers, triggers, templates, secret, subscriptions, context, argocdUrl). One
 * wrong entry is a problem with its name and disables only itself.
 *
 * A delivery is a row of the store's outbox before it is a request: at least once, never twice for one oncePer value in
 * normal running, retried while the other side is down.
 *
 * Deviation from Argo CD, on purpose: a line that is only `{{ $x := ... }}` (or a template comment) between the entries
 * of a template is taken out before the YAML is read and put in front of every field.
 */
#pragma once
#include "gitops/config.h"
#include "gitops/controller.h"
#include "store/store.h"

#define NOTIFY_CONTEXT_DEFAULT "vitrine/preview" /* context of vitrine's own commit status */

struct notify; /* the parsed configuration; read-only: any thread may evaluate with it */

struct notify_options {
    const struct config *config;
    const char *cache_dir; /* git mirrors, for GetCommitMetadata and GetAppDetails */
    struct str
        external_url; /* "http://127.0.0.1:8090": .context.argocdUrl when the configuration names none; may be empty */
    struct str status_context; /* of vitrine's own status; empty: none is posted */
};
/* Never fails on a wrong entry: see notify_problems. `o` must outlive the result. */
MUST_CHECK bool notify_load(const struct notify_options *o, struct notify **out, struct err *e);
void notify_free(struct notify *n); /* NULL is fine */

/* Wrong entries ("trigger on-x: ...") and, after notify_lint, untruths of the configuration with the mend. */
size_t notify_problems(const struct notify *n, const struct str **out);
/* Try every template against the phases and healths an application can have: invalid JSON for a commit status,
 * `success` posted while Degraded. A list of one-line findings in `a`. */
size_t notify_lint(const struct notify *n, struct arena *a, struct str **out);

/* ---- evaluating --------------------------------------------------------------------------- */

/* Evaluate every subscription of the application and put what is due into the outbox. Cheap when nothing is. Errors are
 * the store's; a user's mistake becomes an event of the application. *added (may be NULL) counts new deliveries. */
MUST_CHECK bool notify_application(const struct notify *n, struct store *s, const struct value *app, size_t *added,
                                   struct err *e);
/* Vitrine's own status: `pending`, then exactly one of success, failure, error per sha. target_url may be empty. */
MUST_CHECK bool notify_preview_state(const struct notify *n, struct store *s, const struct preview_state *p,
                                     struct str target_url, struct err *e);

/* Names in use, for `vitrine notify ... get`. kind: "trigger", "template", "service". */
struct value notify_names(const struct notify *n, struct arena *a, const char *kind);
/* Dry run of a trigger: a list of {condition, when, result, error, oncePer, send}. ERR_NOT_FOUND. */
MUST_CHECK bool notify_try_trigger(const struct notify *n, struct arena *a, struct str name, const struct value *app,
                                   struct value *out, struct err *e);
/* Dry run of a template: {message, webhook: {name: {method, path, body}}, github: ...}. ERR_NOT_FOUND. */
MUST_CHECK bool notify_try_template(const struct notify *n, struct arena *a, struct str name, const struct value *app,
                                    struct str service, struct str recipient, struct value *out, struct err *e);

/* ---- delivering --------------------------------------------------------------------------- */

struct notify_courier; /* one thread that empties the outbox */
struct notify_courier_options {
    struct store *store;
    const struct config *config; /* tokens and secrets are read at delivery */
    /* Called after each attempt, on the courier's thread; may be NULL. */
    void (*on_delivery)(void *user, const struct outbox_item *i, bool sent, struct str detail);
    void *user;
};
MUST_CHECK bool notify_courier_open(const struct notify_courier_options *o, const struct notify *n,
                                    struct notify_courier **out, struct err *e);
void notify_courier_wake(struct notify_courier *c); /* something was added */
/* Another configuration from now on; the old one must stay valid until the courier is closed. */
void notify_courier_configure(struct notify_courier *c, const struct config *config, const struct notify *n);
void notify_courier_close(struct notify_courier *c); /* NULL is fine */
