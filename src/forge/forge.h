/*
 * forge/forge.h - where pull requests live. GitHub first (github.com, GHE.com, Enterprise Server), an interface for
 * others.
 *
 * Every error tells the cases apart that must never be taken for "no pull requests": ERR_UNAVAILABLE (5xx, broken,
 * garbage, truncated page), ERR_DENIED (401, 403), ERR_LIMIT (rate limit; retry_at_ms set), ERR_NOT_FOUND (404 on the
 * repository).
 */
#pragma once
#include "data/value.h"

struct forge_repo {
    struct str api; /* base URL, e.g. https://api.github.com or http://127.0.0.1:8080/api/v3; no final slash */
    struct str owner, name;
    struct str token; /* empty: anonymous */
};
struct forge_pull {
    int64_t number;
    struct str title, branch, target_branch, head_sha, base_sha, author, author_association;
    struct str url; /* html_url */
    struct str *labels;
    size_t n_labels;
    struct str state; /* open, closed */
    bool draft, merged, from_fork;
    struct str merge_commit_sha, merged_at, updated_at;
    struct str head_repo, base_repo; /* full names */
};
struct forge_pulls {
    struct forge_pull *v;
    size_t n;
    bool not_modified; /* every page answered 304: the caller's last list still holds; v is that list from the cache */
};
/* Conditional-request memory: ETags and last bodies per URL and token. Thread-safe; owned by the caller. */
struct forge_cache;
struct forge_cache *forge_cache_open(void);
void forge_cache_close(struct forge_cache *c);
struct forge_counters {
    int64_t requests, counted, not_modified, errors; /* counted: those that cost quota */
};
struct forge_counters forge_cache_counters(struct forge_cache *c);

/* The API base for a generator's `api` field, by Argo CD's Enterprise rule; empty gives
 * https://api.github.com. */
struct str forge_api_base(struct arena *a, struct str api);

/* All open pull requests, every page followed; labels: all must be present (exact). */
MUST_CHECK bool forge_pulls_list(struct arena *a, const struct forge_repo *r, struct forge_cache *c,
                                 struct forge_pulls *out, struct err *e);
MUST_CHECK bool forge_pull_get(struct arena *a, const struct forge_repo *r, int64_t number, struct forge_pull *out,
                               struct err *e);
/* The merged pull request that brought `sha` (merge, squash, rebase or head commit): commits/{sha}/pulls, then search.
 * ERR_NOT_FOUND when the forge positively says there is none. */
MUST_CHECK bool forge_pull_of_commit(struct arena *a, const struct forge_repo *r, struct str sha, bool merged_only,
                                     struct forge_pull *out, struct err *e);

struct forge_status {
    struct str state; /* pending success failure error */
    struct str context, description, target_url;
    struct str created_at, creator; /* answers only */
};
/* description is cut to 140 characters (139 + ellipsis). */
MUST_CHECK bool forge_status_set(struct arena *a, const struct forge_repo *r, struct str sha,
                                 const struct forge_status *s, struct err *e);
MUST_CHECK bool forge_status_list(struct arena *a, const struct forge_repo *r, struct str sha,
                                  struct forge_status **out, size_t *out_n, struct err *e);
MUST_CHECK bool forge_workflow_dispatch(struct arena *a, const struct forge_repo *r, struct str workflow,
                                        struct str git_ref, const struct value *inputs, struct err *e);
/* Any call of the API: path starts with '/'. Status other than 2xx is an error of the kinds above. */
MUST_CHECK bool forge_call(struct arena *a, const struct forge_repo *r, const char *method, struct str path,
                           const struct value *body, struct value *out, struct err *e);

/* ---- webhooks ----------------------------------------------------------------------------- */

/* Constant-time check of X-Hub-Signature-256 ("sha256=HEX") over the raw body. */
bool webhook_verify(struct str secret, struct str body, struct str signature);
/* "sha256=HEX" for a delivery of our own. */
struct str webhook_sign(struct arena *a, struct str secret, struct str body);

struct webhook_event {
    struct str event, action, delivery; /* headers X-GitHub-Event, X-GitHub-Delivery; body.action */
    struct str owner, repo, repo_url;   /* of body.repository */
    int64_t number;                     /* pull request, or 0 */
    struct str git_ref, before, after;  /* push and synchronize */
    bool merged;
    struct str merge_commit_sha, head_sha;
};
/* errors: ERR_INVALID for no or unknown event and malformed JSON. */
MUST_CHECK bool webhook_parse(struct arena *a, struct str event, struct str delivery, struct str body,
                              struct webhook_event *out, struct err *e);
