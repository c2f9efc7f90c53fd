/* Workflows, their runs and jobs as GitHub shows them. */
#include "sandbox/internal.h"

static struct value vars_in(const struct view *v, const struct value *repo)
{
    struct value vars = value_map(v->a);
    struct str full = repo_full_name(v->a, repo);

    value_set_str(v->a, &vars, "html", v->s->url);
    value_set_str(v->a, &vars, "full", full);
    value_set_str(v->a, &vars, "u", arena_fmt(v->a, "%.*s/repos/%.*s", STR(v->api), STR(full)));
    return vars;
}

static void copy_all(const struct view *v, struct value *vars, const struct value *doc, const char *const *keys,
                     size_t n)
{
    for (size_t i = 0; i < n; i++)
        value_set(v->a, vars, keys[i], *value_get(doc, keys[i]));
}

struct value view_workflow(const struct view *v, const struct value *repo, const struct value *workflow)
{
    static const char *const same[] = { "id", "name", "path", "created_at" };
    struct value vars = vars_in(v, repo);

    copy_all(v, &vars, workflow, same, COUNT(same));
    return shape(v->a, &vars,
                 "{'id':$id,'node_id':'W_$id','name':$name,'path':$path,'state':'active','created_at':$created_at,"
                 "'updated_at':$created_at,'url':'$u/actions/workflows/$id','html_url':'$html/$full/blob/HEAD/$path',"
                 "'badge_url':'$html/$full/workflows/$name/badge.svg'}");
}

/* Empty for forks, as on GitHub: a run must not point from their side into the base repository. */
static struct value pulls_of(const struct view *v, const struct value *repo, const struct value *run)
{
    struct value out = value_list(v->a), vars = vars_in(v, repo);
    const struct value *pull = state_by_int(value_get(repo, "pulls"), "number", value_int_at(run, "pull", 0));
    struct str full = value_str_at(&vars, "full");

    if (!value_is(pull, VALUE_MAP) || !str_ieq(value_str_at(pull, "head_repo"), full))
        return out;
    static const char *const same[] = { "id", "number", "head_ref", "head_sha", "base_ref", "base_sha" };
    copy_all(v, &vars, pull, same, COUNT(same));
    value_set(v->a, &vars, "rid", *value_get(repo, "id"));
    value_set(v->a, &vars, "rname", *value_get(repo, "name"));
    list_push(v->a, out.list,
              shape(v->a, &vars,
                    "{'url':'$u/pulls/$number','id':$id,'number':$number,'head':{'ref':$head_ref,'sha':$head_sha,"
                    "'repo':{'id':$rid,'url':'$u','name':$rname}},'base':{'ref':$base_ref,'sha':$base_sha,"
                    "'repo':{'id':$rid,'url':'$u','name':$rname}}}"));
    return out;
}

struct value view_run(const struct view *v, const struct value *repo, const struct value *run)
{
    static const char *const same[] = { "id",          "name",       "path",        "title",     "run_number",
                                        "event",       "status",     "head_branch", "head_sha",  "workflow_id",
                                        "run_attempt", "created_at", "updated_at",  "started_at" };
    struct value vars = vars_in(v, repo);

    copy_all(v, &vars, run, same, COUNT(same));
    value_set(v->a, &vars, "conclusion", view_or_null(value_str_at(run, "conclusion")));
    value_set(v->a, &vars, "actor", view_user(v, value_str_at(run, "actor")));
    value_set(v->a, &vars, "commit", view_head_commit(v, repo, value_str_at(run, "head_sha")));
    value_set(v->a, &vars, "repo", view_repo_lite(v, repo));
    value_set(v->a, &vars, "pulls", pulls_of(v, repo, run));
    return shape(
        v->a, &vars,
        "{'id':$id,'name':$name,'node_id':'WFR_$id','head_branch':$head_branch,'head_sha':$head_sha,'path':$path,"
        "'display_title':$title,'run_number':$run_number,'event':$event,'status':$status,"
        "'conclusion':$conclusion,'workflow_id':$workflow_id,'check_suite_id':$id,"
        "'check_suite_node_id':'CS_$id','url':'$u/actions/runs/$id','html_url':'$html/$full/actions/runs/$id',"
        "'pull_requests':$pulls,'created_at':$created_at,'updated_at':$updated_at,'actor':$actor,"
        "'run_attempt':$run_attempt,'referenced_workflows':[],'run_started_at':$started_at,"
        "'triggering_actor':$actor,'jobs_url':'$u/actions/runs/$id/jobs','logs_url':'$u/actions/runs/$id/logs',"
        "'check_suite_url':'$u/check-suites/$id','artifacts_url':'$u/actions/runs/$id/artifacts',"
        "'cancel_url':'$u/actions/runs/$id/cancel','rerun_url':'$u/actions/runs/$id/rerun',"
        "'previous_attempt_url':null,'workflow_url':'$u/actions/workflows/$workflow_id','head_commit':$commit,"
        "'repository':$repo,'head_repository':$repo}");
}

static struct value steps_of(const struct view *v, const struct value *job)
{
    struct value out = value_list(v->a);
    const struct value *steps = value_get(job, "steps");

    for (size_t i = 0; i < value_len(steps); i++) {
        static const char *const same[] = { "name", "status", "number" };
        const struct value *step = value_item(steps, i);
        struct value vars = value_map(v->a);
        copy_all(v, &vars, step, same, COUNT(same));
        value_set(v->a, &vars, "conclusion", view_or_null(value_str_at(step, "conclusion")));
        value_set(v->a, &vars, "started", view_or_null(value_str_at(step, "started_at")));
        value_set(v->a, &vars, "completed", view_or_null(value_str_at(step, "completed_at")));
        list_push(v->a, out.list,
                  shape(v->a, &vars,
                        "{'name':$name,'status':$status,'conclusion':$conclusion,'number':$number,"
                        "'started_at':$started,'completed_at':$completed}"));
    }
    return out;
}

struct value view_job(const struct view *v, const struct value *repo, const struct value *run, const struct value *job)
{
    static const char *const same[] = { "id", "name", "status", "created_at", "started_at" };
    struct value vars = vars_in(v, repo);

    copy_all(v, &vars, job, same, COUNT(same));
    value_set(v->a, &vars, "run", *value_get(run, "id"));
    value_set(v->a, &vars, "workflow", *value_get(run, "name"));
    value_set(v->a, &vars, "branch", *value_get(run, "head_branch"));
    value_set(v->a, &vars, "sha", *value_get(run, "head_sha"));
    value_set(v->a, &vars, "attempt", *value_get(run, "run_attempt"));
    value_set(v->a, &vars, "conclusion", view_or_null(value_str_at(job, "conclusion")));
    value_set(v->a, &vars, "completed", view_or_null(value_str_at(job, "completed_at")));
    value_set(v->a, &vars, "steps", steps_of(v, job));
    return shape(
        v->a, &vars,
        "{'id':$id,'run_id':$run,'workflow_name':$workflow,'head_branch':$branch,'run_url':'$u/actions/runs/$run',"
        "'run_attempt':$attempt,'node_id':'CR_$id','head_sha':$sha,'url':'$u/actions/jobs/$id',"
        "'html_url':'$html/$full/actions/runs/$run/job/$id','status':$status,'conclusion':$conclusion,"
        "'created_at':$created_at,'started_at':$started_at,'completed_at':$completed,'name':$name,"
        "'steps':$steps,'check_run_url':'$u/check-runs/$id','labels':['sandbox'],'runner_id':1,"
        "'runner_name':'sandbox','runner_group_id':1,'runner_group_name':'Default'}");
}
