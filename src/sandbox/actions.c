/* Workflows, runs, jobs and logs over the API. */
#include <fcntl.h>

#include "data/yaml.h"
#include "sandbox/internal.h"
#include "sandbox/trigger.h"

#define LOG_MAX ((size_t)64 << 20)

/* {"total_count": n, KEY: one page} */
static void reply_counted(struct call *c, const char *key, const struct value *list)
{
    struct value out = value_map(c->a);

    call_reply_page(c, list);
    value_set(c->a, &out, "total_count", value_int((int64_t)value_len(list)));
    value_set(c->a, &out, key, c->answer);
    c->answer = out;
}

/* ---- workflows ---------------------------------------------------------------------------------------- */

static bool read_workflow(struct call *c, struct str git_ref, struct str path, struct value *doc)
{
    struct str spec = arena_fmt(c->a, "%.*s:%.*s", STR(git_ref), STR(path)), text;
    struct err ignored = { 0 };

    return sandbox_git(c->a, repo_dir(c->a, c->s, &c->repo), &text, &ignored, "cat-file", "blob", spec.p, NULL)
           && yaml_parse(c->a, text, NULL, doc, &ignored);
}

/* The files of the default branch become known; those of other branches when they first run. */
static void learn_workflows(struct call *c)
{
    const char *dir = repo_dir(c->a, c->s, &c->repo);
    struct str branch = arena_fmt(c->a, "refs/heads/%.*s", STR(value_str_at(&c->repo, "default_branch"))), path;
    struct str text = git_line(c->a, dir, "ls-tree", "--name-only", branch.p, ".github/workflows/", NULL);
    struct value doc;

    while (text.n > 0) {
        str_split(&text, S("\n"), &path);
        if ((str_ends(path, S(".yml")) || str_ends(path, S(".yaml"))) && read_workflow(c, branch, path, &doc))
            workflow_known(c->s, &c->repo, path, workflow_name(&doc, path));
    }
}

void list_workflows(struct call *c)
{
    struct value out = value_list(c->a);

    learn_workflows(c);
    const struct value *known = value_get(&c->repo, "workflows");
    for (size_t i = 0; i < value_len(known); i++)
        list_push(c->a, out.list, view_workflow(&c->view, &c->repo, value_item(known, i)));
    reply_counted(c, "workflows", &out);
}

/* By id, or by the file's name. */
static const struct value *workflow_of(struct call *c)
{
    int64_t id = call_param_int(c, 0);
    struct str path = arena_fmt(c->a, ".github/workflows/%.*s", STR(c->params[0]));

    learn_workflows(c);
    const struct value *known = value_get(&c->repo, "workflows");
    for (size_t i = 0; i < value_len(known); i++) {
        const struct value *one = value_item(known, i);
        if (value_int_at(one, "id", 0) == id || str_eq(value_str_at(one, "path"), path))
            return one;
    }
    call_refuse(c, 404, "Not Found");
    return &value_nil;
}

void get_workflow(struct call *c)
{
    const struct value *workflow = workflow_of(c);

    if (value_is(workflow, VALUE_MAP))
        call_reply(c, 200, view_workflow(&c->view, &c->repo, workflow));
}

/* ---- workflow_dispatch ---------------------------------------------------------------------------------- */

static bool has_dispatch(const struct value *doc)
{
    struct trigger_event ev = { .name = S("workflow_dispatch") };

    return trigger_wants(doc, &ev);
}

/* A branch or tag; a sha is refused, as GitHub does. */
static bool find_ref(struct call *c, struct str asked, struct str *full, struct str *sha)
{
    const char *const shapes[] = { "%.*s", "refs/heads/%.*s", "refs/tags/%.*s" };

    for (size_t i = 0; i < COUNT(shapes); i++) {
        *full = arena_fmt(c->a, shapes[i], STR(asked));
        *sha = state_ref(&c->repo, *full);
        if (sha->n > 0)
            return true;
    }
    call_refuse(c, 422, "No ref found for: %.*s", STR(asked));
    return false;
}

static void reply_dispatched(struct call *c, const struct value *run)
{
    struct value out = value_map(c->a), seen = view_run(&c->view, &c->repo, run);

    if (!value_bool_at(&c->body, "return_run_details", false)) {
        call_reply(c, 204, value_null());
        return;
    }
    value_set(c->a, &out, "workflow_run_id", *value_get(&seen, "id"));
    value_set(c->a, &out, "run_url", *value_get(&seen, "url"));
    value_set(c->a, &out, "html_url", *value_get(&seen, "html_url"));
    call_reply(c, 200, out);
}

static void dispatch(struct call *c, const struct value *workflow, struct str git_ref, struct str sha,
                     struct value inputs)
{
    struct value payload = value_map(c->a);
    struct str branch = git_ref;
    ptrdiff_t slash = str_find(str_slice(branch, 5, branch.n), S("/"));

    str_cut(&branch, 5 + (size_t)(slash + 1));
    value_set(c->a, &payload, "inputs", inputs);
    value_set_str(c->a, &payload, "ref", git_ref);
    value_set(c->a, &payload, "workflow", *value_get(workflow, "path"));
    hook_emit(c->s, &c->repo, "workflow_dispatch", c->login, payload);
    struct workflow_event ev = { .name = "workflow_dispatch",
                                 .git_ref = git_ref,
                                 .sha = sha,
                                 .head_branch = branch,
                                 .base_branch = S(""),
                                 .actor = c->login,
                                 .payload = payload,
                                 .inputs = inputs };
    struct value run = run_queue(c->s, &c->repo, workflow, &ev);
    reply_dispatched(c, &run);
}

void dispatch_workflow(struct call *c)
{
    const struct value *workflow = workflow_of(c);
    struct str asked = value_str_at(&c->body, "ref"), full, sha;
    struct value doc, inputs;
    struct err e = { 0 };

    if (!value_is(workflow, VALUE_MAP))
        return;
    if (asked.n == 0) {
        call_refuse(c, 422, "Invalid request.\n\n\"ref\" wasn't supplied.");
        return;
    }
    if (!find_ref(c, asked, &full, &sha))
        return;
    if (!read_workflow(c, sha, value_str_at(workflow, "path"), &doc))
        call_refuse(c, 404, "Not Found");
    else if (!has_dispatch(&doc))
        call_refuse(c, 422, "Workflow does not have 'workflow_dispatch' trigger");
    else if (!trigger_inputs(c->a, &doc, value_get(&c->body, "inputs"), &inputs, &e))
        call_refuse(c, 422, "%s", e.text);
    else
        dispatch(c, workflow, full, sha, inputs);
}

/* ---- runs -------------------------------------------------------------------------------------------------- */

static bool is_listed(struct call *c, const struct value *run, int64_t workflow)
{
    static const char *const filters[][2] = {
        { "event", "event" },
        { "branch", "head_branch" },
        { "head_sha", "head_sha" },
        { "actor", "actor" },
    };
    struct str status = call_query(c, "status");

    for (size_t i = 0; i < COUNT(filters); i++) {
        struct str asked = call_query(c, filters[i][0]);
        if (asked.n > 0 && !str_eq(asked, value_str_at(run, filters[i][1])))
            return false;
    }
    return (workflow == 0 || value_int_at(run, "workflow_id", 0) == workflow)
           && (status.n == 0 || str_eq(status, value_str_at(run, "status"))
               || str_eq(status, value_str_at(run, "conclusion")));
}

static void reply_runs(struct call *c, int64_t workflow)
{
    const struct value *runs = value_get(&c->repo, "runs");
    struct value out = value_list(c->a);

    for (size_t i = value_len(runs); i-- > 0;)
        if (is_listed(c, value_item(runs, i), workflow))
            list_push(c->a, out.list, view_run(&c->view, &c->repo, value_item(runs, i)));
    reply_counted(c, "workflow_runs", &out);
}

void list_runs(struct call *c)
{
    reply_runs(c, 0);
}

void list_workflow_runs(struct call *c)
{
    const struct value *workflow = workflow_of(c);

    if (value_is(workflow, VALUE_MAP))
        reply_runs(c, value_int_at(workflow, "id", 0));
}

static const struct value *run_of(struct call *c)
{
    const struct value *run = state_by_int(value_get(&c->repo, "runs"), "id", call_param_int(c, 0));

    if (!value_is(run, VALUE_MAP))
        call_refuse(c, 404, "Not Found");
    return run;
}

void get_run(struct call *c)
{
    const struct value *run = run_of(c);

    if (value_is(run, VALUE_MAP))
        call_reply(c, 200, view_run(&c->view, &c->repo, run));
}

void cancel_run(struct call *c)
{
    const struct value *run = run_of(c);

    if (!value_is(run, VALUE_MAP))
        return;
    if (str_is(value_str_at(run, "status"), "completed")) {
        call_refuse(c, 409, "Cannot cancel a workflow run that is completed.");
        return;
    }
    run_cancel(c->s, &c->repo, run);
    call_reply(c, 202, value_map(c->a));
}

void rerun_run(struct call *c)
{
    const struct value *run = run_of(c);

    if (!value_is(run, VALUE_MAP))
        return;
    if (!str_is(value_str_at(run, "status"), "completed")) {
        call_refuse(c, 403, "This workflow run cannot be rerun: it has not ended yet");
        return;
    }
    state_set_int(c->s, run, "run_attempt", value_int_at(run, "run_attempt", 1) + 1);
    state_set_str(c->s, run, "status", S("queued"));
    state_set_str(c->s, run, "conclusion", S(""));
    state_set(c->s, run, "jobs", value_list(c->a));
    state_set_now(c->s, run, "updated_at");
    run_event(c->s, &c->repo, run, "requested");
    runner_add(c->s);
    call_reply(c, 201, value_map(c->a));
}

/* ---- jobs --------------------------------------------------------------------------------------------------- */

void list_jobs(struct call *c)
{
    const struct value *run = run_of(c), *jobs = value_get(run, "jobs");
    struct value out = value_list(c->a);

    if (!value_is(run, VALUE_MAP))
        return;
    for (size_t i = 0; i < value_len(jobs); i++)
        list_push(c->a, out.list, view_job(&c->view, &c->repo, run, value_item(jobs, i)));
    reply_counted(c, "jobs", &out);
}

static const struct value *job_of(struct call *c, const struct value **run)
{
    const struct value *runs = value_get(&c->repo, "runs");

    for (size_t i = 0; i < value_len(runs); i++) {
        const struct value *job = state_by_int(value_get(value_item(runs, i), "jobs"), "id", call_param_int(c, 0));
        *run = value_item(runs, i);
        if (value_is(job, VALUE_MAP))
            return job;
    }
    call_refuse(c, 404, "Not Found");
    return &value_nil;
}

void get_job(struct call *c)
{
    const struct value *run, *job = job_of(c, &run);

    if (value_is(job, VALUE_MAP))
        call_reply(c, 200, view_job(&c->view, &c->repo, run, job));
}

/* GitHub redirects to a storage service; here the text comes at once. */
void get_job_log(struct call *c)
{
    const struct value *run, *job = job_of(c, &run);
    struct err e = { 0 };

    if (!value_is(job, VALUE_MAP))
        return;
    if (!fs_read(c->a, AT_FDCWD, run_log_path(c->a, c->s, value_int_at(job, "id", 0)), LOG_MAX, &c->raw, &e)) {
        call_refuse(c, 404, "Not Found");
        return;
    }
    c->status = 200;
    c->content_type = "text/plain; charset=utf-8";
}

/* ---- check runs ---------------------------------------------------------------------------------------------- */

static struct value check_run(struct call *c, const struct value *run, const struct value *job)
{
    struct value seen = view_job(&c->view, &c->repo, run, job), vars = value_map(c->a);
    static const char *const same[] = { "id",         "head_sha",     "name",     "status",       "conclusion",
                                        "started_at", "completed_at", "html_url", "check_run_url" };

    for (size_t i = 0; i < COUNT(same); i++)
        value_set(c->a, &vars, same[i], *value_get(&seen, same[i]));
    value_set(c->a, &vars, "run", *value_get(run, "id"));
    return shape(c->a, &vars,
                 "{'id':$id,'node_id':'CR_$id','head_sha':$head_sha,'external_id':'$id','url':$check_run_url,"
                 "'html_url':$html_url,'details_url':$html_url,'status':$status,'conclusion':$conclusion,"
                 "'started_at':$started_at,'completed_at':$completed_at,'name':$name,'check_suite':{'id':$run},"
                 "'output':{'title':null,'summary':null,'text':null,'annotations_count':0,"
                 "'annotations_url':'$check_run_url/annotations'},'app':null,'pull_requests':[]}");
}

void list_check_runs(struct call *c)
{
    struct str sha = git_commit_of(c->a, repo_dir(c->a, c->s, &c->repo), c->params[0]);
    const struct value *runs = value_get(&c->repo, "runs");
    struct value out = value_list(c->a);

    if (sha.n == 0) {
        call_refuse(c, 422, "No commit found for SHA: %.*s", STR(c->params[0]));
        return;
    }
    for (size_t i = value_len(runs); i-- > 0;) {
        const struct value *run = value_item(runs, i), *jobs = value_get(run, "jobs");
        for (size_t k = 0; str_eq(value_str_at(run, "head_sha"), sha) && k < value_len(jobs); k++)
            list_push(c->a, out.list, check_run(c, run, value_item(jobs, k)));
    }
    reply_counted(c, "check_runs", &out);
}
