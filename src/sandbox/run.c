/*
 * One workflow run: its jobs in the order of their `needs`, one after the other, each in a workspace of its own.
 */
#include <fcntl.h>
#include <unistd.h>

#include "data/json.h"
#include "data/yaml.h"
#include "sandbox/run.h"

#define FILE_MAX ((size_t)1 << 20)
#define EVENT_MAX ((size_t)64 << 20)
#define JOBS_MAX 64
#define STEPS_MAX 200

/* ---- telling the state ------------------------------------------------------------------------------ */

/* The run's and the job's documents; the state lock is held. Nil when the repository went away meanwhile. */
static const struct value *find_run(struct run *r)
{
    return state_by_int(value_get(state_repo(r->s, r->full_name), "runs"), "id", r->id);
}

static void save(struct run *r)
{
    struct err e = { 0 };

    if (!state_save(r->s, &e))
        log_error("sandbox: %s", e.text);
}

static void tell_job(struct run *r, int64_t id, const char *status, const char *conclusion)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&r->s->lock);
    const struct value *job = state_by_int(value_get(find_run(r), "jobs"), "id", id);

    if (!value_is(job, VALUE_MAP))
        return;
    state_set_str(r->s, job, "status", str_c(status));
    state_set_str(r->s, job, "conclusion", str_c(conclusion));
    state_set_now(r->s, job, conclusion[0] != '\0' ? "completed_at" : "started_at");
    save(r);
}

static void tell_step(struct job *j, size_t number, const char *status, const char *conclusion)
{
    struct run *r = j->r;
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&r->s->lock);
    const struct value *job = state_by_int(value_get(find_run(r), "jobs"), "id", j->id);
    const struct value *step = state_by_int(value_get(job, "steps"), "number", (int64_t)number);

    if (!value_is(step, VALUE_MAP))
        return;
    state_set_str(r->s, step, "status", str_c(status));
    state_set_str(r->s, step, "conclusion", str_c(conclusion));
    state_set_now(r->s, step, conclusion[0] != '\0' ? "completed_at" : "started_at");
}

static struct str step_name(const struct value *def)
{
    static const char *const keys[] = { "name", "uses", "run" };
    struct str text, line = S("step");

    for (size_t i = 0; i < COUNT(keys); i++) {
        text = value_str_at(def, keys[i]);
        if (text.n > 0) {
            str_split(&text, S("\n"), &line);
            break;
        }
    }
    return utf8_prefix(line, 100);
}

static struct value job_document(struct run *r, struct str key, const struct value *def, int64_t id)
{
    struct value vars = value_map(r->a), steps = value_list(r->a);
    struct str name = value_str_at(def, "name");
    const struct value *defs = value_get(def, "steps");

    for (size_t i = 0; i < value_len(defs); i++) {
        value_set_str(r->a, &vars, "name", step_name(value_item(defs, i)));
        value_set(r->a, &vars, "number", value_int((int64_t)i + 1));
        list_push(
            r->a, steps.list,
            shape(
                r->a, &vars,
                "{'name':$name,'number':$number,'status':'queued','conclusion':'','started_at':'','completed_at':''}"));
    }
    value_set(r->a, &vars, "id", value_int(id));
    value_set_str(r->a, &vars, "key", key);
    value_set_str(r->a, &vars, "name", name.n > 0 && str_find(name, S("${{")) < 0 ? name : key);
    value_set_str(r->a, &vars, "now", clock_rfc3339(r->a, clock_wall_ms()));
    value_set(r->a, &vars, "steps", steps);
    return shape(
        r->a, &vars,
        "{'id':$id,'key':$key,'name':$name,'status':'queued','conclusion':'','created_at':$now,'started_at':$now,"
        "'completed_at':'','steps':$steps}");
}

/* Make the job known; its id is also its log's name. 0 when the run is gone. */
static int64_t add_job(struct run *r, struct str key, const struct value *def)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&r->s->lock);
    const struct value *run = find_run(r);

    if (!value_is(run, VALUE_MAP))
        return 0;
    int64_t id = state_next_id(r->s);
    state_push(r->s, value_get(run, "jobs"), job_document(r, key, def, id));
    return id;
}

/* ---- contexts ---------------------------------------------------------------------------------------- */

static void add_ref_names(struct run *r, struct value *github)
{
    struct str git_ref = value_str_at(&r->doc, "git_ref"), name = git_ref;
    static const char *const prefixes[] = { "refs/heads/", "refs/tags/", "refs/pull/" };
    bool pull = value_int_at(&r->doc, "pull", 0) > 0;

    for (size_t i = 0; i < COUNT(prefixes); i++)
        if (str_starts(name, str_c(prefixes[i])))
            str_cut(&name, strlen(prefixes[i]));
    value_set_str(r->a, github, "ref", git_ref);
    value_set_str(r->a, github, "ref_name", name);
    value_set(r->a, github, "ref_type", value_c(str_starts(git_ref, S("refs/tags/")) ? "tag" : "branch"));
    value_set_str(r->a, github, "head_ref", pull ? value_str_at(&r->doc, "head_branch") : S(""));
    value_set_str(r->a, github, "base_ref", pull ? value_str_at(&r->doc, "base_branch") : S(""));
}

static struct value github_context(struct run *r, const struct value *event)
{
    struct value vars = value_map(r->a);
    static const char *const same[] = { "sha", "event", "actor", "name" };

    for (size_t i = 0; i < COUNT(same); i++)
        value_set(r->a, &vars, same[i], *value_get(&r->doc, same[i]));
    value_set(r->a, &vars, "payload", *event);
    value_set_str(r->a, &vars, "full", r->full_name);
    value_set_str(r->a, &vars, "owner", r->owner);
    value_set_str(r->a, &vars, "html", r->s->url);
    value_set_str(r->a, &vars, "token", r->s->bot_token);
    value_set(r->a, &vars, "id", value_int(r->id));
    value_set(r->a, &vars, "number", *value_get(&r->doc, "run_number"));
    value_set(r->a, &vars, "attempt", *value_get(&r->doc, "run_attempt"));
    value_set(r->a, &vars, "path", value_c(run_event_path(r->a, r->s, r->id)));
    struct value github = shape(r->a, &vars,
                                "{'token':$token,'event_name':$event,'event':$payload,'event_path':$path,'sha':$sha,"
                                "'repository':$full,'repository_owner':$owner,'repositoryUrl':'$html/$full.git',"
                                "'run_id':'$id','run_number':'$number','run_attempt':'$attempt','workflow':$name,"
                                "'actor':$actor,'triggering_actor':$actor,'server_url':$html,'api_url':'$html/api/v3',"
                                "'graphql_url':'$html/api/graphql'}");
    add_ref_names(r, &github);
    return github;
}

static struct value secrets_of(struct run *r)
{
    struct value out = value_clone(r->a, &r->s->secrets);

    value_set_str(r->a, &out, "GITHUB_TOKEN", r->s->bot_token);
    return out;
}

static void set_contexts(struct job *j)
{
    struct run *r = j->r;
    struct value github = value_clone(j->a, &r->github), x = value_map(j->a), needs = value_map(j->a);
    const struct value *names = value_get(j->def, "needs");
    size_t n = value_is(names, VALUE_STRING) ? 1 : value_len(names);

    for (size_t i = 0; i < n; i++) {
        struct str name = value_is(names, VALUE_STRING) ? value_as_str(names) : value_as_str(value_item(names, i));
        value_set(j->a, &needs, arena_c(j->a, name), *value_get(&r->needs, arena_c(j->a, name)));
    }
    value_set_str(j->a, &github, "job", j->key);
    value_set(j->a, &github, "workspace", value_c(j->workspace));
    value_set(j->a, &x, "github", github);
    value_set(j->a, &x, "secrets", secrets_of(r));
    value_set(j->a, &x, "inputs", *value_get(&r->doc, "inputs"));
    value_set(j->a, &x, "needs", needs);
    value_set(j->a, &x, "steps", value_map(j->a));
    value_set(j->a, &x, "env", value_map(j->a));
    value_set(j->a, &x, "vars", value_map(j->a));
    value_put_at(j->a, &x, "runner.os", value_c("Linux"));
    value_put_at(j->a, &x, "runner.temp", value_c(j->temp));
    j->x.contexts = x;
}

/* ---- one job ------------------------------------------------------------------------------------------- */

/* What the sandbox cannot do is said, not left out. */
static bool check_job(struct job *j, struct err *e)
{
    static const char *const unknown[] = { "strategy", "container", "services", "uses" };

    for (size_t i = 0; i < COUNT(unknown); i++)
        if (!value_is(value_get(j->def, unknown[i]), VALUE_NULL))
            return err_set(e, ERR_INVALID, "job %.*s: the sandbox does not know `%s`", STR(j->key), unknown[i]);
    if (value_len(value_get(j->def, "steps")) == 0 || value_len(value_get(j->def, "steps")) > STEPS_MAX)
        return err_set(e, ERR_INVALID, "job %.*s: expected 1 to %d steps", STR(j->key), STEPS_MAX);
    return true;
}

static bool open_job(struct job *j, struct err *e)
{
    struct run *r = j->r;
    int64_t minutes = value_int_at(j->def, "timeout-minutes", 0), most = r->s->job_timeout_ms;

    j->log = open(run_log_path(j->a, r->s, j->id), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (j->log < 0)
        return err_sys(e, "open the log of job %.*s", STR(j->key));
    j->deadline_ms = clock_mono_ms() + (minutes > 0 && minutes * 60000 < most ? minutes * 60000 : most);
    j->env = value_map(j->a);
    j->paths = value_list(j->a);
    return check_job(j, e) && fs_mkdirs(j->workspace, 0755, e) && fs_mkdirs(j->temp, 0755, e)
           && job_add_env(j, value_get(&r->workflow, "env"), &j->env, e)
           && (value_set(j->a, &j->x.contexts, "env", j->env), job_add_env(j, value_get(j->def, "env"), &j->env, e));
}

static const char *conclusion_of(enum step_end end)
{
    switch (end) {
    case STEP_SUCCESS: return "success";
    case STEP_SKIPPED: return "skipped";
    case STEP_CANCELLED: return "cancelled";
    case STEP_FAILURE:
    case STEP_TIMED_OUT: return "failure";
    }
    return "failure";
}

static enum step_end run_steps(struct job *j)
{
    const struct value *defs = value_get(j->def, "steps");
    enum step_end worst = STEP_SUCCESS;

    for (size_t i = 0; i < value_len(defs); i++) {
        tell_step(j, i + 1, "in_progress", "");
        enum step_end end = step_run(j, value_item(defs, i), i + 1);
        bool forgiven = end == STEP_FAILURE && value_bool_at(value_item(defs, i), "continue-on-error", false);
        tell_step(j, i + 1, "completed", forgiven ? "success" : conclusion_of(end));
        if (end == STEP_TIMED_OUT)
            job_log(j, "##[error]The step did not end in time.");
        if (end == STEP_CANCELLED) {
            job_log(j, "##[error]The operation was canceled.");
            j->x.cancelled = true;
        }
        if (forgiven || end == STEP_SUCCESS || end == STEP_SKIPPED)
            continue;
        j->x.failed = true;
        worst = worst == STEP_SUCCESS ? end : worst;
        if (end == STEP_CANCELLED)
            break;
    }
    return worst;
}

static struct value job_outputs(struct job *j)
{
    const struct value *defs = value_get(j->def, "outputs");
    struct value out = value_map(j->a);
    struct err e = { 0 };

    if (!job_add_env(j, defs, &out, &e))
        job_log(j, "##[error]outputs: %s", e.text);
    return out;
}

static void note_need(struct run *r, struct str key, const char *result, struct value outputs)
{
    struct value need = value_map(r->a);

    value_set(r->a, &need, "result", value_c(result));
    value_set(r->a, &need, "outputs", value_clone(r->a, &outputs));
    value_set(r->a, &r->needs, arena_c(r->a, key), need);
}

/* success() of a job looks at what it needs, not at the whole run. */
static bool needs_failed(struct job *j)
{
    const struct map *needs = value_get(&j->x.contexts, "needs")->map;

    for (size_t i = 0; i < needs->n; i++)
        if (!str_is(value_str_at(&needs->v[i].value, "result"), "success"))
            return true;
    return false;
}

static enum step_end carry_out(struct job *j)
{
    struct err e = { 0 };
    bool wanted = false;

    set_contexts(j);
    j->x.failed = needs_failed(j);
    bool ok = wexpr_if(j->a, wexpr_text(j->a, value_get(j->def, "if")), &j->x, &wanted, &e);
    if (ok && !wanted)
        return STEP_SKIPPED;
    j->x.failed = false;
    tell_job(j->r, j->id, "in_progress", "");
    if (ok && open_job(j, &e))
        return run_steps(j);
    if (j->log >= 0)
        job_log(j, "##[error]%s", e.text);
    else
        log_error("sandbox: %s", e.text);
    return STEP_FAILURE;
}

static void run_job(struct run *r, struct str key, const struct value *def, int64_t id)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct job j = { .r = r, .a = &a, .key = key, .def = def, .id = id, .log = -1 };

    j.workspace = arena_fmt(&a, "%s/%lld/work", r->folder, (long long)id).p;
    j.temp = arena_fmt(&a, "%s/%lld/temp", r->folder, (long long)id).p;
    enum step_end end = carry_out(&j);
    struct value outputs = j.log >= 0 ? job_outputs(&j) : value_map(&a);
    note_need(r, key, conclusion_of(end), outputs);
    r->timed_out = r->timed_out || end == STEP_TIMED_OUT;
    r->failed = r->failed || (end != STEP_SUCCESS && end != STEP_SKIPPED);
    tell_job(r, id, "completed", conclusion_of(end));
    fd_close(&j.log);
}

/* ---- all jobs --------------------------------------------------------------------------------------------- */

static bool is_ready(struct run *r, const struct value *def)
{
    const struct value *names = value_get(def, "needs");
    size_t n = value_is(names, VALUE_STRING) ? 1 : value_len(names);

    for (size_t i = 0; i < n; i++) {
        struct str name = value_is(names, VALUE_STRING) ? value_as_str(names) : value_as_str(value_item(names, i));
        if (map_get(r->needs.map, name) == NULL)
            return false;
    }
    return true;
}

static void run_jobs(struct run *r)
{
    const struct map *jobs = value_get(&r->workflow, "jobs")->map;
    int64_t ids[JOBS_MAX] = { 0 };
    bool moved = true;

    for (size_t i = 0; i < jobs->n; i++)
        ids[i] = add_job(r, jobs->v[i].key, &jobs->v[i].value);
    while (moved) {
        moved = false;
        for (size_t i = 0; i < jobs->n; i++) {
            const struct map_entry *job = &jobs->v[i];
            if (map_get(r->needs.map, job->key) != NULL || !is_ready(r, &job->value))
                continue;
            if (runner_stopped(r->s, r->id)) {
                note_need(r, job->key, "cancelled", value_map(r->a));
                tell_job(r, ids[i], "completed", "cancelled");
            } else {
                run_job(r, job->key, &job->value, ids[i]);
            }
            moved = true;
        }
    }
}

static bool check_needs(struct run *r, struct err *e)
{
    const struct value *jobs = value_get(&r->workflow, "jobs");

    if (!value_is(jobs, VALUE_MAP) || jobs->map->n == 0 || jobs->map->n > JOBS_MAX)
        return err_set(e, ERR_INVALID, "%.*s: expected 1 to %d `jobs`", STR(value_str_at(&r->doc, "path")), JOBS_MAX);
    /* Every job must become ready when its needs are taken away one by one. */
    struct value seen = value_map(r->a);
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < jobs->map->n; i++) {
            struct run probe = { .needs = seen };
            if (map_get(seen.map, jobs->map->v[i].key) == NULL && is_ready(&probe, &jobs->map->v[i].value)) {
                map_put(r->a, seen.map, jobs->map->v[i].key, value_bool(true));
                moved = true;
            }
        }
    }
    return seen.map->n == jobs->map->n
           || err_set(e, ERR_INVALID, "%.*s: a job needs one that is not there, or needs itself",
                      STR(value_str_at(&r->doc, "path")));
}

static bool load(struct run *r, struct err *e)
{
    struct str text, event_text;
    struct value event;
    struct str spec =
        arena_fmt(r->a, "%.*s:%.*s", STR(value_str_at(&r->doc, "sha")), STR(value_str_at(&r->doc, "path")));

    if (!sandbox_git(r->a, r->git_dir, &text, e, "cat-file", "blob", spec.p, NULL)
        || !yaml_parse(r->a, text, arena_c(r->a, value_str_at(&r->doc, "path")), &r->workflow, e)
        || !fs_read(r->a, AT_FDCWD, run_event_path(r->a, r->s, r->id), EVENT_MAX, &event_text, e)
        || !json_parse(r->a, event_text, &event, e) || !check_needs(r, e))
        return false;
    r->github = github_context(r, &event);
    return true;
}

/* A run that cannot start has one failed job whose log says why. */
static void fail_whole(struct run *r, const struct err *why)
{
    struct err e = { 0 };
    struct value def = value_map(r->a);
    int64_t id = add_job(r, S("workflow"), &def);
    struct str line = arena_fmt(r->a, "##[error]%s\n", why->text);

    if (!fs_write(run_log_path(r->a, r->s, id), line, 0644, &e))
        log_error("sandbox: %s", e.text);
    tell_job(r, id, "completed", "failure");
    r->failed = true;
}

static bool copy_run(struct run *r)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&r->s->lock);
    const struct value *repo = state_repo(r->s, r->full_name), *doc = find_run(r);

    if (!value_is(doc, VALUE_MAP))
        return false;
    r->doc = value_clone(r->a, doc);
    r->owner = arena_str(r->a, value_str_at(repo, "owner"));
    r->git_dir = repo_dir(r->a, r->s, repo);
    return true;
}

static void conclude(struct run *r)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&r->s->lock);
    const struct value *repo = state_repo(r->s, r->full_name), *doc = find_run(r);
    const char *conclusion = runner_stopped(r->s, r->id) ? "cancelled"
                             : r->timed_out              ? "timed_out"
                             : r->failed                 ? "failure"
                                                         : "success";

    if (value_is(doc, VALUE_MAP))
        run_finish(r->s, repo, doc, conclusion);
    save(r);
}

void run_execute(struct sandbox *s, struct str full_name, int64_t id)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct run r = { .s = s, .a = &a, .full_name = full_name, .id = id, .needs = value_map(&a) };
    struct err e = { 0 };

    r.folder = arena_fmt(&a, "%s/runs/%lld", s->dir, (long long)id).p;
    if (!copy_run(&r))
        return;
    if (load(&r, &e))
        run_jobs(&r);
    else
        fail_whole(&r, &e);
    conclude(&r);
    if (!fs_remove_tree(r.folder, &e))
        log_warn("sandbox: %s", e.text);
}
