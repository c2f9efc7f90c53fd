/*
 * Workflow runs as the state document knows them: which events start one, its life, and the newest wins.
 *
 *     run: { id, run_number, run_attempt, workflow_id, name, path, title, event, status, conclusion, sha, head_sha,
 *            head_branch, base_branch, git_ref, actor, pull, inputs, created_at, updated_at, started_at, jobs: [ ] }
 *     job: { id, key, name, status, conclusion, created_at, started_at, completed_at, steps: [ ] }
 *
 * github.event of a run is a file beside its log, because payloads are large.
 */
#include "data/json.h"
#include "data/yaml.h"
#include "sandbox/internal.h"
#include "sandbox/trigger.h"

#define RUNS_KEPT 200 /* per repository; older ones go, with their logs */

const char *run_log_path(struct arena *a, const struct sandbox *s, int64_t job)
{
    return arena_fmt(a, "%s/runs/%lld.log", s->dir, (long long)job).p;
}

const char *run_event_path(struct arena *a, const struct sandbox *s, int64_t run)
{
    return arena_fmt(a, "%s/runs/%lld.event.json", s->dir, (long long)run).p;
}

struct value workflow_known(struct sandbox *s, const struct value *repo, struct str path, struct str name)
{
    const struct value *known = value_get(repo, "workflows");
    CLEANUP(arena_close) struct arena a = { 0 };

    for (size_t i = 0; i < value_len(known); i++)
        if (str_eq(value_str_at(value_item(known, i), "path"), path)) {
            state_set_str(s, value_item(known, i), "name", name);
            return *value_item(known, i);
        }
    struct value vars = value_map(&a);
    value_set(&a, &vars, "id", value_int(state_next_id(s)));
    value_set_str(&a, &vars, "path", path);
    value_set_str(&a, &vars, "name", name);
    value_set_str(&a, &vars, "now", clock_rfc3339(&a, clock_wall_ms()));
    return state_push(s, known, shape(&a, &vars, "{'id':$id,'path':$path,'name':$name,'created_at':$now}"));
}

/* ---- events ------------------------------------------------------------------------------------------ */

void run_event(struct sandbox *s, const struct value *repo, const struct value *run, const char *action)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct view v = view_own(&a, s);
    struct value payload = value_map(&a);
    const struct value *workflow =
        state_by_int(value_get(repo, "workflows"), "id", value_int_at(run, "workflow_id", 0));

    value_set(&a, &payload, "action", value_c(action));
    value_set(&a, &payload, "workflow", view_workflow(&v, repo, workflow));
    value_set(&a, &payload, "workflow_run", view_run(&v, repo, run));
    hook_emit(s, repo, "workflow_run", value_str_at(run, "actor"), payload);
}

void run_finish(struct sandbox *s, const struct value *repo, const struct value *run, const char *conclusion)
{
    state_set_str(s, run, "status", S("completed"));
    state_set_str(s, run, "conclusion", str_c(conclusion));
    state_set_now(s, run, "updated_at");
    run_event(s, repo, run, "completed");
}

/* ---- queueing ------------------------------------------------------------------------------------------ */

static bool is_over(const struct value *run)
{
    return str_is(value_str_at(run, "status"), "completed");
}

/* An older run of the same workflow for the same pull request has nothing more to tell. */
static void cancel_superseded(struct sandbox *s, const struct value *repo, int64_t workflow, int64_t pull)
{
    const struct value *runs = value_get(repo, "runs");

    for (size_t i = 0; pull > 0 && i < value_len(runs); i++) {
        const struct value *run = value_item(runs, i);
        if (!is_over(run) && value_int_at(run, "pull", 0) == pull && value_int_at(run, "workflow_id", 0) == workflow)
            run_cancel(s, repo, run);
    }
}

void run_cancel(struct sandbox *s, const struct value *repo, const struct value *run)
{
    if (str_is(value_str_at(run, "status"), "queued")) {
        run_finish(s, repo, run, "cancelled");
        runner_done(s);
    } else if (!is_over(run)) {
        runner_cancel(s, value_int_at(run, "id", 0));
    }
}

static void drop_old_runs(struct sandbox *s, const struct value *repo)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const struct value *runs = value_get(repo, "runs");
    struct err ignored = { 0 };

    if (value_len(runs) < RUNS_KEPT || !is_over(value_item(runs, 0)))
        return;
    const struct value *old = value_item(runs, 0), *jobs = value_get(old, "jobs");
    for (size_t i = 0; i < value_len(jobs); i++)
        (void)!fs_remove_tree(run_log_path(&a, s, value_int_at(value_item(jobs, i), "id", 0)), &ignored);
    (void)!fs_remove_tree(run_event_path(&a, s, value_int_at(old, "id", 0)), &ignored);
    struct value kept = value_list(&a);
    for (size_t i = 1; i < value_len(runs); i++)
        list_push(&a, kept.list, *value_item(runs, i));
    state_set(s, repo, "runs", kept);
}

/* What people see in lists: the pull request's title, the commit's first line, or the workflow's name. */
static struct str title_of(struct arena *a, struct sandbox *s, const struct value *repo, const struct value *workflow,
                           const struct workflow_event *ev)
{
    const struct value *pull = state_by_int(value_get(repo, "pulls"), "number", ev->pull);
    struct str subject = S("");

    if (ev->pull > 0 && value_is(pull, VALUE_MAP))
        return value_str_at(pull, "title");
    if (strcmp(ev->name, "push") == 0)
        subject = git_line(a, repo_dir(a, s, repo), "log", "-1", "--format=%s", arena_c(a, ev->sha), NULL);
    return subject.n > 0 ? subject : value_str_at(workflow, "name");
}

static struct str head_sha_of(const struct value *repo, const struct workflow_event *ev)
{
    const struct value *pull = state_by_int(value_get(repo, "pulls"), "number", ev->pull);

    return ev->pull > 0 && value_is(pull, VALUE_MAP) ? value_str_at(pull, "head_sha") : ev->sha;
}

static struct value run_document(struct arena *a, struct sandbox *s, const struct value *repo,
                                 const struct value *workflow, const struct workflow_event *ev)
{
    struct value vars = value_map(a);
    int64_t number = value_int_at(repo, "next_run", 1);

    state_set_int(s, repo, "next_run", number + 1);
    value_set(a, &vars, "id", value_int(state_next_id(s)));
    value_set(a, &vars, "number", value_int(number));
    value_set(a, &vars, "workflow", *value_get(workflow, "id"));
    value_set(a, &vars, "name", *value_get(workflow, "name"));
    value_set(a, &vars, "path", *value_get(workflow, "path"));
    value_set_str(a, &vars, "title", title_of(a, s, repo, workflow, ev));
    value_set(a, &vars, "event", value_c(ev->name));
    value_set_str(a, &vars, "sha", ev->sha);
    value_set_str(a, &vars, "head", head_sha_of(repo, ev));
    value_set_str(a, &vars, "branch", ev->head_branch);
    value_set_str(a, &vars, "base", ev->base_branch);
    value_set_str(a, &vars, "ref", ev->git_ref);
    value_set_str(a, &vars, "actor", ev->actor);
    value_set(a, &vars, "pull", value_int(ev->pull));
    value_set(a, &vars, "inputs", value_is(&ev->inputs, VALUE_MAP) ? ev->inputs : value_map(a));
    value_set_str(a, &vars, "now", clock_rfc3339(a, clock_wall_ms()));
    return shape(
        a, &vars,
        "{'id':$id,'run_number':$number,'run_attempt':1,'workflow_id':$workflow,'name':$name,'path':$path,"
        "'title':$title,'event':$event,'status':'queued','conclusion':'','sha':$sha,'head_sha':$head,"
        "'head_branch':$branch,'base_branch':$base,'git_ref':$ref,'actor':$actor,'pull':$pull,'inputs':$inputs,"
        "'created_at':$now,'updated_at':$now,'started_at':$now,'jobs':[]}");
}

static void write_event_file(struct arena *a, struct sandbox *s, const struct value *repo, const struct value *run,
                             const struct workflow_event *ev)
{
    struct view v = view_own(a, s);
    struct value payload = value_is(&ev->payload, VALUE_MAP) ? value_clone(a, &ev->payload) : value_map(a);
    struct err e = { 0 };

    hook_complete(&v, repo, ev->name, ev->actor, &payload);
    if (!fs_write(run_event_path(a, s, value_int_at(run, "id", 0)), json_str(a, &payload, JSON_INDENT), 0600, &e))
        log_error("sandbox: keep the event of a run: %s", e.text);
}

struct value run_queue(struct sandbox *s, const struct value *repo, const struct value *workflow,
                       const struct workflow_event *ev)
{
    CLEANUP(arena_close) struct arena a = { 0 };

    cancel_superseded(s, repo, value_int_at(workflow, "id", 0), ev->pull);
    drop_old_runs(s, repo);
    struct value run = state_push(s, value_get(repo, "runs"), run_document(&a, s, repo, workflow, ev));
    write_event_file(&a, s, repo, &run, ev);
    run_event(s, repo, &run, "requested");
    runner_add(s);
    return run;
}

/* ---- triggering ----------------------------------------------------------------------------------------- */

static struct value lines_of(struct arena *a, struct str text)
{
    struct value out = value_list(a);
    struct str line;

    while (text.n > 0) {
        str_split(&text, S("\n"), &line);
        list_push(a, out.list, value_str(line));
    }
    return out;
}

static struct value changed_paths(struct arena *a, const char *dir, const struct workflow_event *ev)
{
    const struct value *pull = value_get(&ev->payload, "pull_request");
    struct str range;

    if (value_is(pull, VALUE_MAP))
        range = arena_fmt(a, "%.*s...%.*s", STR(value_str_at(pull, "base.sha")), STR(value_str_at(pull, "head.sha")));
    else if (ev->before.n > 0 && !str_is(ev->before, SANDBOX_ZERO_SHA))
        range = arena_fmt(a, "%.*s..%.*s", STR(ev->before), STR(ev->sha));
    else
        return lines_of(a, git_line(a, dir, "ls-tree", "-r", "--name-only", arena_c(a, ev->sha), NULL));
    return lines_of(a, git_line(a, dir, "diff", "--name-only", "--no-renames", range.p, NULL));
}

struct str workflow_name(const struct value *doc, struct str path)
{
    struct str name = value_str_at(doc, "name");

    return name.n > 0 ? name : path;
}

/* A file that cannot be read still makes a run, which fails with the reason in its log: silence would be worse. */
static void consider(struct arena *a, struct sandbox *s, const struct value *repo, struct str path,
                     const struct workflow_event *ev, const struct value *paths)
{
    struct value doc = value_null();
    struct err e = { 0 };
    struct trigger_event t = { .name = str_c(ev->name),
                               .action = str_c(ev->action),
                               .git_ref = ev->git_ref,
                               .base = ev->base_branch,
                               .paths = paths };
    struct str text = git_line(a, repo_dir(a, s, repo), "cat-file", "blob",
                               arena_fmt(a, "%.*s:%.*s", STR(ev->sha), STR(path)).p, NULL);
    bool readable = yaml_parse(a, text, arena_c(a, path), &doc, &e);

    if (readable && !trigger_wants(&doc, &t))
        return;
    struct value workflow = workflow_known(s, repo, path, workflow_name(&doc, path));
    run_queue(s, repo, &workflow, ev);
}

void workflows_trigger(struct sandbox *s, const struct value *repo, const struct workflow_event *ev)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const char *dir = repo_dir(&a, s, repo);

    if (s->no_workflows)
        return;
    struct value files =
        lines_of(&a, git_line(&a, dir, "ls-tree", "--name-only", arena_c(&a, ev->sha), ".github/workflows/", NULL));
    if (value_len(&files) == 0)
        return;
    struct value paths = changed_paths(&a, dir, ev);
    for (size_t i = 0; i < value_len(&files); i++) {
        struct str path = value_as_str(value_item(&files, i));
        if (str_ends(path, S(".yml")) || str_ends(path, S(".yaml")))
            consider(&a, s, repo, path, ev, &paths);
    }
}
