/*
 * sandbox/internal.h - shared by the files of this room only.
 *
 * One lock, `state.lock`, guards the state document and everything hanging off it. A handler runs with it held from the
 * first look to the rendered answer; git is asked meanwhile (milliseconds), but nobody waits for a network with it
 * held. Values of the state document are valid only while the lock is held: after a change the document may be copied
 * into a fresh arena, which is how garbage goes away.
 */
#pragma once
#include "base/child.h"
#include "base/sys.h"
#include "net/http.h"
#include "sandbox/sandbox.h"

#define SANDBOX_NAME_MAX 100 /* bytes of an owner, repository, label or login */
#define SANDBOX_ZERO_SHA "0000000000000000000000000000000000000000"
#define SANDBOX_BOT "github-actions[bot]" /* whose token workflow steps hold; its pushes start no workflows */

struct deliveries; /* deliver.c */
struct runner;     /* runner.c */
struct faults;     /* fault.c */

struct sandbox {
    struct arena own; /* strings that live as long as the sandbox */
    const char *dir;
    struct str url, token, bot_token, login;
    struct str webhook_url, webhook_secret;
    struct value secrets;
    const char *path_first;
    int64_t job_timeout_ms;
    bool no_workflows;
    bool loopback; /* else even /_sandbox needs the token */
    int dir_lock;
    struct http_server *tcp, *socket;
    struct deliveries *deliveries;
    struct runner *runner;
    struct faults *faults;

    pthread_mutex_t lock; /* the state lock */
    struct arena state_arena;
    struct value state;             /* see state.c for its shape */
    size_t compact_at;              /* bytes of state_arena at which it is copied */
    bool changed;                   /* something is to be written */
    int64_t core_used, search_used; /* calls that cost quota, since the start */
};

/* ---- state.c: the document ------------------------------------------------------------------ */
MUST_CHECK bool state_load(struct sandbox *s, struct err *e);
/* Write the document if it changed; copy it into a fresh arena when half of the old one is garbage. */
MUST_CHECK bool state_save(struct sandbox *s, struct err *e);
int64_t state_next_id(struct sandbox *s);
/* Set a member of a map of the document: deep copies into the state's arena. */
void state_set(struct sandbox *s, const struct value *doc, const char *key, struct value v);
void state_set_str(struct sandbox *s, const struct value *doc, const char *key, struct str text);
void state_set_int(struct sandbox *s, const struct value *doc, const char *key, int64_t i);
void state_set_bool(struct sandbox *s, const struct value *doc, const char *key, bool b);
void state_set_now(struct sandbox *s, const struct value *doc, const char *key); /* RFC 3339 */
/* Append a copy to a list of the document; returns the copy. */
struct value state_push(struct sandbox *s, const struct value *list, struct value v);
/* "OWNER/NAME" without case; value_nil when absent. */
const struct value *state_repo(struct sandbox *s, struct str full_name);
/* The item of a list of maps whose `key` is this number; value_nil when absent. */
const struct value *state_by_int(const struct value *list, const char *key, int64_t number);
struct str repo_full_name(struct arena *a, const struct value *repo); /* "OWNER/NAME" */
int64_t state_user_id(struct sandbox *s, struct str login);
/* name -> 40 hex digits for refs/heads and refs/tags, as last seen. */
struct str state_ref(const struct value *repo, struct str full_ref);

/* ---- shape.c: documents from templates ------------------------------------------------------- */
/*
 * A JSON template with single quotes. $name inside quotes is put in as text (strings and whole numbers), outside quotes
 * as a value. A name that `vars` lacks, or a malformed template, is a bug and aborts.
 *     shape(a, &vars, "{'id':$id,'url':'$api/users/$login'}")
 */
struct value shape(struct arena *a, const struct value *vars, const char *text);

/* ---- view*.c: the state as GitHub shows it ---------------------------------------------------- */
struct view {
    struct arena *a;
    struct sandbox *s;
    struct str api; /* base of API URLs: of the request, or the sandbox's own for webhooks */
};
struct view view_own(struct arena *a, struct sandbox *s);
struct value view_user(const struct view *v, struct str login);
struct value view_repo_lite(const struct view *v, const struct value *repo); /* minimal-repository */
struct value view_repo(const struct view *v, const struct value *repo);
struct value view_label(const struct view *v, const struct value *repo, struct str name);
struct value view_pull(const struct view *v, const struct value *repo, const struct value *pull, bool whole);
struct value view_issue(const struct view *v, const struct value *repo,
                        const struct value *pull); /* a pull request as an issue */
struct value view_status(const struct view *v, const struct value *repo, const struct value *status);
struct value view_commit(const struct view *v, const struct value *repo, struct str sha);      /* REST */
struct value view_push_commit(const struct view *v, const struct value *repo, struct str sha); /* in push payloads */
struct value view_head_commit(const struct view *v, const struct value *repo, struct str sha); /* in workflow runs */
struct value view_comment(const struct view *v, const struct value *repo, const struct value *comment);
struct value view_deployment(const struct view *v, const struct value *repo, const struct value *deployment);
struct value view_deployment_status(const struct view *v, const struct value *repo, const struct value *deployment,
                                    const struct value *status);
struct value view_workflow(const struct view *v, const struct value *repo, const struct value *workflow);
struct value view_run(const struct view *v, const struct value *repo, const struct value *run);
struct value view_job(const struct view *v, const struct value *repo, const struct value *run, const struct value *job);
struct value view_hook(const struct view *v, const struct value *repo, const struct value *hook);
/* Nobody has reacted to anything here. */
struct value view_reactions(struct arena *a, struct str url);
struct value view_or_null(struct str text); /* null for the empty text */

/* ---- gitrepo.c: bare repositories through the git program ------------------------------------- */
const char *repo_dir(struct arena *a, const struct sandbox *s, const struct value *repo);
MUST_CHECK bool repo_init(struct arena *a, const char *dir, struct str branch, struct err *e);
/* Run git on a bare repository; arguments end with NULL. False when it fails, with its last line of complaint. *out
 * (may be NULL) is its output without the final newline. */
MUST_CHECK bool sandbox_git(struct arena *a, const char *dir, struct str *out, struct err *e, ...)
    __attribute__((sentinel));
struct str git_line(struct arena *a, const char *dir, ...) __attribute__((sentinel)); /* empty when it fails */
/* Make a commit of a tree; identity is the login's. */
MUST_CHECK bool git_commit_tree(struct arena *a, const char *dir, struct str tree, struct str login, struct str message,
                                const struct str *parents, size_t n_parents, struct str *out, struct err *e);
struct commit_info {
    struct str sha, tree, author, author_email, author_date, committer, committer_email, committer_date, message;
    struct str *parents;
    size_t n_parents;
};
bool git_commit_info(struct arena *a, const char *dir, struct str sha, struct commit_info *out);
bool is_sha(struct str s); /* 40 hex digits */
/* Branch, tag, full ref, refs/pull/N/head or (abbreviated) sha to the commit's sha; empty when unknown. */
struct str git_commit_of(struct arena *a, const char *dir, struct str revision);
extern const char *const *git_environment(struct arena *a, struct str login);

/* ---- refs.c: what a push means ---------------------------------------------------------------- */
/* Compare branches and tags with what was last seen and act on every difference: push events, heads of pull requests,
 * workflows. `login` did it. */
void refs_refresh(struct sandbox *s, const struct value *repo, struct str login);
/* Recompute what follows from head and base of an open pull request: commits, counts, mergeability, refs/pull/N. */
void pull_recompute(struct sandbox *s, const struct value *repo, const struct value *pull);
/* Close without or after a merge, and tell. */
void pull_finish(struct sandbox *s, const struct value *repo, const struct value *pull, struct str login,
                 struct str merge_sha);
void pull_event(struct sandbox *s, const struct value *repo, const struct value *pull, const char *action,
                struct str login, const struct value *extra); /* extra: more keys of the payload, or NULL */

/* ---- deliver.c: webhooks ----------------------------------------------------------------------- */
MUST_CHECK bool deliveries_open(struct sandbox *s, struct err *e);
void deliveries_close(struct sandbox *s);
/* Queue a payload for every hook of the repository that wants the event; adds repository and sender. Takes a copy. */
void hook_emit(struct sandbox *s, const struct value *repo, const char *event, struct str sender, struct value payload);
void hook_emit_to(struct sandbox *s, const struct value *repo, const struct value *hook, const char *event,
                  struct str sender, struct value payload);
/* Add what every payload has: repository and sender. */
void hook_complete(struct view *v, const struct value *repo, const char *event, struct str sender,
                   struct value *payload);
/* Deliveries of one hook, newest first; whole: with request and response. */
struct value deliveries_list(struct arena *a, struct sandbox *s, int64_t hook);
struct value deliveries_get(struct arena *a, struct sandbox *s, int64_t id); /* null when unknown */
bool deliveries_again(struct sandbox *s, int64_t id);
bool deliveries_idle(struct sandbox *s);

/* ---- fault.c ------------------------------------------------------------------------------------ */
struct faults *faults_open(void);
void faults_close(struct faults *f);
enum fault_kind {
    FAULT_NONE,
    FAULT_STATUS,
    FAULT_RATE_LIMIT,
    FAULT_SECONDARY,
    FAULT_EMPTY_LIST,
    FAULT_TRUNCATED,
    FAULT_HTML,
    FAULT_NOTHING,
    FAULT_HANG,
    FAULT_SLOW,
    FAULT_DROP,
    FAULT_DUPLICATE,
};
struct fault_hit {
    enum fault_kind kind;
    int status;
    int64_t delay_ms;
};
/* The fault for this request, counted as used. `webhook`: only "drop" and "duplicate" are looked at, else all others.
 */
struct fault_hit faults_match(struct faults *f, struct str method, struct str path, bool webhook);
/* Wait until the faults were cleared, or `most_ms` passed. */
void faults_wait(struct faults *f, int64_t most_ms);
MUST_CHECK bool faults_add(struct faults *f, const struct sandbox_fault *fault, struct err *e);
void faults_clear(struct faults *f);
struct value faults_list(struct arena *a, struct faults *f);

/* ---- call.c: one API call ----------------------------------------------------------------------- */
#define CALL_PARAMS 4
struct call {
    struct sandbox *s;
    struct arena *a;
    struct view view;
    struct str method, path, query, accept;
    struct str login;               /* empty: anonymous */
    struct value body;              /* null when there was none */
    struct str params[CALL_PARAMS]; /* what the {…} of the route matched */
    struct value repo;              /* null unless the route is below /repos */
    /* the answer */
    int status;
    struct value answer; /* JSON, unless raw.p is set */
    struct str raw;
    const char *content_type;    /* of raw */
    struct http_headers headers; /* more of them */
};
void call_run(struct call *c); /* routes it; the state lock is held */
/* Lock, run, save, unlock. The answer is out of the state's reach afterwards: as JSON in `raw`, or a copy in `answer`.
 */
void call_execute(struct call *c, bool as_text);
void call_header(struct call *c, const char *name, struct str value);
/* Answers. A refusal has GitHub's shape: message, errors, documentation_url, status. */
void call_reply(struct call *c, int status, struct value v);
void call_refuse(struct call *c, int status, const char *fmt, ...) PRINTF(3, 4);
void call_refuse_field(struct call *c, const char *resource, const char *field, const char *code, const char *fmt, ...)
    PRINTF(5, 6); /* 422 Validation Failed; fmt NULL: no message */
struct str call_query(struct call *c, const char *name);
struct str call_repo_url(struct call *c);         /* the repository's address in the API, as the request came */
struct str call_repo_page(struct call *c);        /* and its page for people */
int64_t call_param_int(struct call *c, size_t i); /* -1 when it is no number */
/* One page of `n` items by per_page and page, with the Link header: from *first up to *last. */
void call_page(struct call *c, size_t n, size_t *first, size_t *last);
/* Answer one page of a whole list. */
void call_reply_page(struct call *c, const struct value *list);

/* ---- handlers, one per route (routes.c) ---------------------------------------------------------- */
typedef void call_handler(struct call *c);
call_handler get_meta, get_root, get_rate_limit, get_user, get_user_named;
call_handler create_org_repo, create_user_repo, create_fork, get_repo, list_branches, get_branch, list_repos,
    get_permission, delete_repo;
call_handler list_pulls, create_pull, get_pull, edit_pull, merge_pull, list_pull_files, list_pull_commits,
    is_pull_merged, list_commit_pulls;
call_handler search_issues, post_graphql;
call_handler create_status, list_statuses, combined_status, list_check_runs;
call_handler list_comments, create_comment, get_comment, edit_comment, delete_comment, get_issue, edit_issue,
    list_labels, add_labels, set_labels, remove_label, list_repo_labels, create_repo_label;
call_handler create_deployment, list_deployments, get_deployment, delete_deployment, create_deployment_status,
    list_deployment_statuses;
call_handler get_commit, list_commits, get_git_ref, list_matching_refs, create_git_ref, move_git_ref, delete_git_ref,
    get_contents, put_contents, compare_commits;
call_handler list_hooks, create_hook, get_hook, edit_hook, delete_hook, ping_hook, list_deliveries, get_delivery,
    redeliver;
call_handler list_workflows, get_workflow, dispatch_workflow, list_runs, list_workflow_runs, get_run, list_jobs,
    get_job, get_job_log, cancel_run, rerun_run;
call_handler put_fault, list_faults, clear_faults, get_idle, put_settings;

/* ---- search.c: the query language, as far as gh and vitrine speak it ------------------------------- */
struct search_query {
    struct str words[8]; /* free words, shas among them */
    size_t n_words;
    struct str repo, author, base, head, label;
    bool is_pull, is_issue, is_merged, is_unmerged, is_open, is_closed, is_draft;
};
MUST_CHECK bool search_parse(struct arena *a, struct str q, struct search_query *out, struct err *e);
bool search_matches(struct sandbox *s, const struct search_query *q, const struct value *repo,
                    const struct value *pull);
/* Every match of every repository, newest first: maps { repo, pull } of state values. */
struct value search_run(struct arena *a, struct sandbox *s, const struct search_query *q);
/* Is the commit (or a prefix of 7 and more digits) one of the pull request's? */
bool pull_has_commit(const struct value *pull, struct str sha);

/* ---- serve.c, page.c: HTTP --------------------------------------------------------------------------- */
void serve(void *user, struct http_server_request *r, struct http_exchange *x);
bool serve_spools(void *user, struct str method, struct str path);
/* A page for people, if the path has one. */
bool page_reply(struct sandbox *s, struct http_server_request *r, struct http_exchange *x);

/* ---- cgi.c: git over HTTP --------------------------------------------------------------------------- */
bool is_git_path(struct str path);
void git_http(struct sandbox *s, struct http_server_request *r, struct http_exchange *x);
/* Login of a token, "" for none given; false for a wrong one. */
bool token_login(const struct sandbox *s, struct str token, struct str *login);
/* The login of an Authorization header: Bearer, token or Basic. */
bool authorization_login(struct arena *a, const struct sandbox *s, struct str header, struct str *login);

/* ---- workflow runs ----------------------------------------------------------------------------------- */
struct workflow_event {
    const char *name;   /* pull_request, push, workflow_dispatch */
    const char *action; /* opened, synchronize, ... or NULL */
    struct str git_ref; /* refs/heads/x, refs/pull/N/merge */
    struct str sha;     /* whose workflow files and tree are used */
    struct str head_branch, base_branch;
    struct str before; /* push: for paths */
    struct str actor;
    struct value payload; /* github.event */
    struct value inputs;  /* workflow_dispatch */
    int64_t pull;         /* number, or 0 */
};
/* Start a run of every workflow file at the event's commit that wants the event. */
void workflows_trigger(struct sandbox *s, const struct value *repo, const struct workflow_event *ev);
/* The workflow (state document) of a path ".github/workflows/x.yml", made known if new. */
struct value workflow_known(struct sandbox *s, const struct value *repo, struct str path, struct str name);
/* Queue one run; returns its state document. */
struct value run_queue(struct sandbox *s, const struct value *repo, const struct value *workflow,
                       const struct workflow_event *ev);
void run_event(struct sandbox *s, const struct value *repo, const struct value *run, const char *action);
void run_finish(struct sandbox *s, const struct value *repo, const struct value *run, const char *conclusion);
void run_cancel(struct sandbox *s, const struct value *repo, const struct value *run);
struct str workflow_name(const struct value *doc, struct str path);
const char *run_log_path(struct arena *a, const struct sandbox *s, int64_t job);
const char *run_event_path(struct arena *a, const struct sandbox *s, int64_t run);

/* ---- runner.c: the threads that carry runs out --------------------------------------------------------- */
MUST_CHECK bool runner_open(struct sandbox *s, struct err *e);
void runner_close(struct sandbox *s); /* stops its threads; late requests may still queue */
void runner_free(struct sandbox *s);
void runner_add(struct sandbox *s);                  /* one more run waits */
void runner_done(struct sandbox *s);                 /* one run less is waiting or under way */
void runner_cancel(struct sandbox *s, int64_t run);  /* stop its steps */
bool runner_stopped(struct sandbox *s, int64_t run); /* was it cancelled, or is everything closing? */
bool runner_idle(struct sandbox *s);
