/*
 * sandbox/sandbox.h - the stand-in forge: a GitHub-shaped API over bare git repositories, for the demo and the tests.
 *
 * It is not GitHub and says so (GET /meta). One process serves, on loopback and optionally on a unix socket:
 *     /OWNER/NAME.git          git over smart HTTP; branch pushes keep refs/pull/N/head in step
 *     /api/v3/... and /...     the REST calls that vitrine, gh and the workflow's curl lines make; /graphql for gh
 *     /_sandbox/...            what only a stand-in has: faults, idle, logs
 * It signs and delivers webhooks, and runs the `run:` steps of the repositories' own workflows AS THE USER WHO STARTED
 * IT, without isolation: serve only repositories whose workflows you would run by hand.
 *
 *     struct sandbox_options o = { .dir = "/tmp/forge", .webhook_url = S("http://127.0.0.1:8090/api/webhook") };
 *     if (!sandbox_open(&o, &s, &e) || !sandbox_create_repo(s, "acme/shop", &e)) ...
 *
 * State lives in memory and, rewritten atomically after every change, in DIR/state.json: a restart goes on from there.
 * Webhook deliveries that were waiting and the list of deliveries are not kept.
 */
#pragma once
#include "data/value.h"

struct sandbox;
struct sandbox_options {
    const char *dir;         /* made when absent: repositories, state.json, logs of workflow runs */
    const char *address;     /* NULL: 127.0.0.1 */
    uint16_t port;           /* 0: any free one */
    const char *unix_socket; /* listen here too, for gh's `http_unix_socket`; NULL: no */
    struct str token;        /* has every right; empty: the one in DIR/token, made at random the first time */
    struct str login;        /* whose token it is; empty: "octo" */
    struct str webhook_url, webhook_secret; /* a hook for every event of every repository; empty URL: none */
    struct value secrets;                   /* map of texts: secrets.* in workflows */
    const char *path_first;                 /* a folder put before PATH for workflow steps; NULL: none */
    int64_t job_timeout_ms;                 /* 0: 10 minutes */
    bool no_workflows;                      /* accept workflow files, but run none */
};
/* errors: ERR_CONFLICT when another sandbox uses the folder, ERR_NOT_FOUND without git, ERR_IO. */
MUST_CHECK bool sandbox_open(const struct sandbox_options *o, struct sandbox **out, struct err *e);
/* Ends running workflow steps, answers what is under way, stops. NULL is fine. */
void sandbox_close(struct sandbox *s);
/* "http://127.0.0.1:PORT"; the API is below it at /api/v3. Lives as long as the sandbox. */
struct str sandbox_url(const struct sandbox *s);
uint16_t sandbox_port(const struct sandbox *s);
struct str sandbox_token(const struct sandbox *s);

/*
 * Any call of its own API without HTTP: path as after /api/v3, with a query if need be; body NULL for none. *out (may
 * be NULL) is in `a`. errors: ERR_NOT_FOUND (404), ERR_CONFLICT (405, 409), ERR_INVALID (other 4xx), with the API's
 * message.
 */
MUST_CHECK bool sandbox_call(struct arena *a, struct sandbox *s, const char *method, struct str path,
                             const struct value *body, struct value *out, struct err *e);

/* An empty repository, "OWNER/NAME", default branch main. ERR_INVALID when it is there already. */
MUST_CHECK bool sandbox_create_repo(struct sandbox *s, const char *full_name, struct err *e);
/* head: a branch that was pushed. *number (may be NULL). */
MUST_CHECK bool sandbox_create_pull(struct sandbox *s, const char *full_name, struct str title, struct str head,
                                    struct str base, int64_t *number, struct err *e);
/* method: "merge", "squash" or "rebase". *sha (may be NULL, in `a`) is the resulting commit. ERR_CONFLICT when it
 * cannot be merged. */
MUST_CHECK bool sandbox_merge(struct arena *a, struct sandbox *s, const char *full_name, int64_t number,
                              const char *method, struct str *sha, struct err *e);
MUST_CHECK bool sandbox_close_pull(struct sandbox *s, const char *full_name, int64_t number, struct err *e);

/*
 * Faults: an answer in place of the true one, for requests that match.
 *
 * kinds: "status" (with `status`), "rate-limit" (403, primary), "secondary-limit" (403), "empty-list" ([] with 200),
 * "truncated" (the first half of the true answer), "html" (a page with 200), "nothing" (200, no body), "hang" (no
 * answer until cleared), "slow" (the true answer after `delay_ms`); for webhooks "drop" and "duplicate" (path
 * "webhook").
 */
struct sandbox_fault {
    const char *kind;
    const char *path;   /* a part of the path, as sent; "" matches all; /_sandbox is never hit */
    const char *method; /* NULL: any */
    int status;
    int64_t delay_ms;
    int64_t times; /* 0: until cleared */
};
MUST_CHECK bool sandbox_fault(struct sandbox *s, const struct sandbox_fault *f, struct err *e);
void sandbox_fault_clear(struct sandbox *s);

/* Wait until no workflow run and no webhook delivery is waiting or under way; false at the deadline. */
bool sandbox_wait_idle(struct sandbox *s, int64_t deadline_mono_ms);
