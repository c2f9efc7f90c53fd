/* notify/internal.h - inside the room: the parsed configuration and one evaluation. */
#pragma once
#include "expr/expr.h"
#include "notify/notify.h"
#include "template/template.h"

struct notify_condition {
    struct str when, once_per, description;
    struct expr *when_expr, *once_expr; /* once_expr NULL: no oncePer */
    struct str *send;
    size_t n_send;
    struct str key; /* "[i].HASH" */
};
struct notify_trigger {
    struct str name;
    struct notify_condition *conditions;
    size_t n;
};
struct notify_template {
    struct str name;
    struct value document;    /* as parsed from YAML: says which fields exist */
    struct template_set *set; /* a template per string field, named by its path */
};
struct notify_service {
    struct str name, type;
    struct value options; /* secrets not yet put in */
};
struct notify_subscription { /* from the configuration, for all applications */
    struct str *recipients;  /* "service:recipient" */
    size_t n_recipients;
    struct str *triggers;
    size_t n_triggers;
    struct value selector; /* matchLabels only, or null */
};

struct notify {
    struct arena a;
    struct notify_options o;
    VEC(struct notify_trigger) triggers;
    VEC(struct notify_template) templates;
    VEC(struct notify_service) services;
    VEC(struct notify_subscription) subscriptions;
    VEC(struct str) problems;
    struct value context;          /* map of strings */
    struct value default_triggers; /* map: "" or service -> list of names */
    struct value secrets;          /* map of strings */
};

/* By name; NULL when there is none. They live as long as `n`. */
const struct notify_trigger *notify_trigger_find(const struct notify *n, struct str name);
const struct notify_template *notify_template_find(const struct notify *n, struct str name);
const struct notify_service *notify_service_find(const struct notify *n, struct str name);

/* template.c: parse the text of a `template.NAME` entry. */
MUST_CHECK bool notify_template_parse(struct arena *a, struct str name, struct str text, struct notify_template *out,
                                      struct err *e);
/* Render every field into a document of the same shape. */
MUST_CHECK bool notify_template_render(const struct notify_template *t, struct arena *a, const struct value *data,
                                       struct value *out, struct err *e);

/* env.c: what triggers and templates see. */
struct value notify_expr_env(const struct notify *n, struct arena *a, const struct value *app);
struct value notify_template_data(const struct notify *n, struct arena *a, const struct value *app, struct str service,
                                  struct str recipient);
/* Stand-ins for secrets in rendered text, so that the outbox never holds one; put in again at delivery. */
struct str notify_secret_mark(struct arena *a, struct str key);
struct str notify_secrets_fill(struct arena *a, struct str text, const struct value *secrets);

/* repo.c: the functions of `repo`, as expr values. */
struct value notify_repo(const struct notify *n, struct arena *a, const struct value *app);

/* Evaluate one condition. False conditions and errors: *fired is false; *why says what went wrong (empty: nothing). */
void notify_condition_run(struct arena *a, const struct notify_condition *c, const struct value *env, bool *fired,
                          struct str *once, struct str *why);
/* Render all templates of a condition into one notification document. */
MUST_CHECK bool notify_render_all(const struct notify *n, struct arena *a, const struct notify_condition *c,
                                  const struct value *app, struct str service, struct str recipient, struct value *out,
                                  struct err *e);

/*
 * deliver.c: one attempt. *permanent: trying again cannot help. `detail` is the answer in short.
 * unsure: an earlier attempt failed or was cut off, and may have arrived all the same. A commit status is looked for
 * before it is posted again; a webhook cannot be asked and is sent again.
 */
MUST_CHECK bool notify_deliver(struct arena *a, const struct notify *n, const struct config *config,
                               const struct outbox_item *i, bool unsure, struct str *detail, bool *permanent,
                               struct err *e);
