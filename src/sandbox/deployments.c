/* Deployments and their statuses, the surprising defaults included (auto_merge, required_contexts). */
#include "sandbox/internal.h"

#define DESCRIPTION_MAX 140 /* characters */

static const struct value *deployment_of(struct call *c)
{
    const struct value *one = state_by_int(value_get(&c->repo, "deployments"), "id", call_param_int(c, 0));

    if (!value_is(one, VALUE_MAP))
        call_refuse(c, 404, "Not Found");
    return one;
}

static bool check_description(struct call *c, const char *resource)
{
    if (utf8_count(value_str_at(&c->body, "description")) <= DESCRIPTION_MAX)
        return true;
    call_refuse_field(c, resource, "description", "custom", "description is too long (maximum is %d characters)",
                      DESCRIPTION_MAX);
    return false;
}

/* Without required_contexts every status of the commit must be a success. */
static bool contexts_are_green(struct call *c, struct str sha)
{
    const struct value *wanted = value_get(&c->body, "required_contexts"), *all = value_get(&c->repo, "statuses");
    struct value seen = value_map(c->a);

    for (size_t i = value_len(all); i-- > 0;) {
        const struct value *one = value_item(all, i);
        struct str context = value_str_at(one, "context");
        if (!str_ieq(value_str_at(one, "sha"), sha) || map_get(seen.map, context) != NULL)
            continue;
        map_put(c->a, seen.map, context, value_bool(str_is(value_str_at(one, "state"), "success")));
    }
    for (size_t i = 0; i < value_len(wanted); i++) {
        const struct value *state = map_get(seen.map, value_as_str(value_item(wanted, i)));
        if (state == NULL || !state->b)
            return false;
    }
    for (size_t i = 0; value_is(wanted, VALUE_NULL) && i < seen.map->n; i++)
        if (!seen.map->v[i].value.b)
            return false;
    return true;
}

/* auto_merge: when the branch lacks commits of the default branch, GitHub merges them in and makes no deployment. */
static bool merges_first(struct call *c, struct str git_ref, struct str sha)
{
    struct str head = arena_fmt(c->a, "refs/heads/%.*s", STR(git_ref));
    struct str trunk =
        state_ref(&c->repo, arena_fmt(c->a, "refs/heads/%.*s", STR(value_str_at(&c->repo, "default_branch"))));
    const char *dir = repo_dir(c->a, c->s, &c->repo);
    struct str tree, merged, parents[] = { sha, trunk };
    struct err e = { 0 };

    if (!value_bool_at(&c->body, "auto_merge", true) || trunk.n == 0 || state_ref(&c->repo, head).n == 0
        || sandbox_git(c->a, dir, NULL, &e, "merge-base", "--is-ancestor", arena_c(c->a, trunk), arena_c(c->a, sha),
                       NULL))
        return false;
    struct str text = arena_fmt(c->a, "Auto-merged %.*s into %.*s on deployment.",
                                STR(value_str_at(&c->repo, "default_branch")), STR(git_ref));
    if (!sandbox_git(c->a, dir, &tree, &e, "merge-tree", "--write-tree", arena_c(c->a, sha), arena_c(c->a, trunk), NULL)
        || !git_commit_tree(c->a, dir, tree, c->login, text, parents, 2, &merged, &e)
        || !sandbox_git(c->a, dir, NULL, &e, "update-ref", head.p, arena_c(c->a, merged), arena_c(c->a, sha), NULL)) {
        call_refuse(c, 409, "Conflict merging %.*s into %.*s.", STR(value_str_at(&c->repo, "default_branch")),
                    STR(git_ref));
        return true;
    }
    refs_refresh(c->s, &c->repo, c->login);
    struct value out = value_map(c->a);
    value_set_str(c->a, &out, "message", text);
    call_reply(c, 202, out);
    return true;
}

static struct value deployment_document(struct call *c, struct str git_ref, struct str sha)
{
    struct value vars = value_map(c->a);
    struct str environment = value_str_at(&c->body, "environment"), task = value_str_at(&c->body, "task");
    const struct value *payload = value_get(&c->body, "payload");

    environment = environment.n > 0 ? environment : S("production");
    value_set(c->a, &vars, "id", value_int(state_next_id(c->s)));
    value_set_str(c->a, &vars, "ref", git_ref);
    value_set_str(c->a, &vars, "sha", sha);
    value_set_str(c->a, &vars, "task", task.n > 0 ? task : S("deploy"));
    value_set_str(c->a, &vars, "environment", environment);
    value_set_str(c->a, &vars, "description", value_str_at(&c->body, "description"));
    value_set(c->a, &vars, "payload", value_is(payload, VALUE_NULL) ? value_map(c->a) : *payload);
    value_set(c->a, &vars, "transient", value_bool(value_bool_at(&c->body, "transient_environment", false)));
    value_set(c->a, &vars, "production",
              value_bool(value_bool_at(&c->body, "production_environment", str_is(environment, "production"))));
    value_set_str(c->a, &vars, "creator", c->login);
    value_set_str(c->a, &vars, "now", clock_rfc3339(c->a, clock_wall_ms()));
    return shape(c->a, &vars,
                 "{'id':$id,'ref':$ref,'sha':$sha,'task':$task,'environment':$environment,'description':$description,"
                 "'payload':$payload,'transient':$transient,'production':$production,'creator':$creator,"
                 "'created_at':$now,'updated_at':$now,'statuses':[]}");
}

void create_deployment(struct call *c)
{
    struct str git_ref = value_str_at(&c->body, "ref");
    struct str sha = git_commit_of(c->a, repo_dir(c->a, c->s, &c->repo), git_ref);

    if (sha.n == 0)
        call_refuse_field(c, "Deployment", "ref", git_ref.n > 0 ? "invalid" : "missing_field",
                          git_ref.n > 0 ? "No ref found for: %.*s" : NULL, STR(git_ref));
    if (sha.n == 0 || !check_description(c, "Deployment") || merges_first(c, git_ref, sha))
        return;
    if (!contexts_are_green(c, sha)) {
        call_refuse(c, 409, "Conflict: Commit status checks failed for %.*s.", STR(git_ref));
        return;
    }
    struct value made = state_push(c->s, value_get(&c->repo, "deployments"), deployment_document(c, git_ref, sha));
    struct view v = view_own(c->a, c->s);
    struct value payload = value_map(c->a);
    value_set(c->a, &payload, "action", value_c("created"));
    value_set(c->a, &payload, "deployment", view_deployment(&v, &c->repo, &made));
    value_set(c->a, &payload, "workflow", value_null());
    value_set(c->a, &payload, "workflow_run", value_null());
    hook_emit(c->s, &c->repo, "deployment", c->login, payload);
    struct value out = view_deployment(&c->view, &c->repo, &made);
    call_header(c, "Location", value_str_at(&out, "url"));
    call_reply(c, 201, out);
}

void list_deployments(struct call *c)
{
    static const char *const filters[] = { "sha", "ref", "task", "environment" };
    const struct value *all = value_get(&c->repo, "deployments");
    struct value out = value_list(c->a);

    for (size_t i = value_len(all); i-- > 0;) {
        const struct value *one = value_item(all, i);
        bool wanted = true;
        for (size_t f = 0; f < COUNT(filters); f++) {
            struct str asked = call_query(c, filters[f]);
            wanted = wanted && (asked.n == 0 || str_eq(asked, value_str_at(one, filters[f])));
        }
        if (wanted)
            list_push(c->a, out.list, view_deployment(&c->view, &c->repo, one));
    }
    call_reply_page(c, &out);
}

void get_deployment(struct call *c)
{
    const struct value *one = deployment_of(c);

    if (value_is(one, VALUE_MAP))
        call_reply(c, 200, view_deployment(&c->view, &c->repo, one));
}

static struct str last_state(const struct value *deployment)
{
    const struct value *statuses = value_get(deployment, "statuses");

    return value_len(statuses) > 0 ? value_str_at(value_item(statuses, value_len(statuses) - 1), "state") : S("");
}

void delete_deployment(struct call *c)
{
    const struct value *one = deployment_of(c), *all = value_get(&c->repo, "deployments");
    struct value kept = value_list(c->a);

    if (!value_is(one, VALUE_MAP))
        return;
    struct str state = last_state(one);
    if (value_len(all) > 1 && state.n > 0 && !str_is(state, "inactive")) {
        call_refuse(c, 422,
                    "We cannot delete an active deployment unless it is the only deployment in a given environment.");
        return;
    }
    for (size_t i = 0; i < value_len(all); i++)
        if (value_item(all, i)->map != one->map)
            list_push(c->a, kept.list, *value_item(all, i));
    state_set(c->s, &c->repo, "deployments", kept);
    call_reply(c, 204, value_null());
}

/* ---- statuses ------------------------------------------------------------------------------------------ */

static bool check_state(struct call *c)
{
    static const char *const states[] = {
        "error", "failure", "inactive", "in_progress", "queued", "pending", "success"
    };

    for (size_t i = 0; i < COUNT(states); i++)
        if (str_is(value_str_at(&c->body, "state"), states[i]))
            return true;
    call_refuse_field(c, "DeploymentStatus", "state", "custom", "state is not included in the list");
    return false;
}

static struct value deployment_status_document(struct call *c, const struct value *deployment)
{
    struct value vars = value_map(c->a);
    struct str environment = value_str_at(&c->body, "environment"), log = value_str_at(&c->body, "log_url");

    value_set(c->a, &vars, "id", value_int(state_next_id(c->s)));
    value_set_str(c->a, &vars, "state", value_str_at(&c->body, "state"));
    value_set_str(c->a, &vars, "description", value_str_at(&c->body, "description"));
    value_set_str(c->a, &vars, "log", log.n > 0 ? log : value_str_at(&c->body, "target_url"));
    value_set_str(c->a, &vars, "url", value_str_at(&c->body, "environment_url"));
    value_set_str(c->a, &vars, "environment",
                  environment.n > 0 ? environment : value_str_at(deployment, "environment"));
    value_set_str(c->a, &vars, "creator", c->login);
    value_set_str(c->a, &vars, "now", clock_rfc3339(c->a, clock_wall_ms()));
    return shape(c->a, &vars,
                 "{'id':$id,'state':$state,'description':$description,'log_url':$log,'target_url':$log,"
                 "'environment_url':$url,'environment':$environment,'creator':$creator,'created_at':$now,"
                 "'updated_at':$now}");
}

/* auto_inactive: a success makes earlier, non-transient deployments of the environment inactive. */
static void retire_others(struct call *c, const struct value *deployment)
{
    const struct value *all = value_get(&c->repo, "deployments");

    for (size_t i = 0; i < value_len(all); i++) {
        const struct value *one = value_item(all, i);
        if (one->map == deployment->map || value_bool_at(one, "transient", false) || !str_is(last_state(one), "success")
            || !str_eq(value_str_at(one, "environment"), value_str_at(deployment, "environment")))
            continue;
        struct value status = deployment_status_document(c, one);
        value_set(c->a, &status, "state", value_c("inactive"));
        state_push(c->s, value_get(one, "statuses"), status);
    }
}

/* GitHub makes no event of a deployment that becomes inactive. */
static void emit_deployment_status(struct call *c, const struct value *deployment, const struct value *status)
{
    struct view v = view_own(c->a, c->s);
    struct value payload = value_map(c->a);

    if (str_is(value_str_at(status, "state"), "inactive"))
        return;
    value_set(c->a, &payload, "action", value_c("created"));
    value_set(c->a, &payload, "deployment_status", view_deployment_status(&v, &c->repo, deployment, status));
    value_set(c->a, &payload, "deployment", view_deployment(&v, &c->repo, deployment));
    hook_emit(c->s, &c->repo, "deployment_status", c->login, payload);
}

void create_deployment_status(struct call *c)
{
    const struct value *deployment = deployment_of(c);

    if (!value_is(deployment, VALUE_MAP) || !check_state(c) || !check_description(c, "DeploymentStatus"))
        return;
    if (str_is(value_str_at(&c->body, "state"), "success") && value_bool_at(&c->body, "auto_inactive", true))
        retire_others(c, deployment);
    struct value status =
        state_push(c->s, value_get(deployment, "statuses"), deployment_status_document(c, deployment));
    state_set_now(c->s, deployment, "updated_at");
    emit_deployment_status(c, deployment, &status);
    struct value out = view_deployment_status(&c->view, &c->repo, deployment, &status);
    call_header(c, "Location", value_str_at(&out, "url"));
    call_reply(c, 201, out);
}

void list_deployment_statuses(struct call *c)
{
    const struct value *deployment = deployment_of(c);
    struct value out = value_list(c->a);

    if (!value_is(deployment, VALUE_MAP))
        return;
    const struct value *statuses = value_get(deployment, "statuses");
    for (size_t i = value_len(statuses); i-- > 0;)
        list_push(c->a, out.list, view_deployment_status(&c->view, &c->repo, deployment, value_item(statuses, i)));
    call_reply_page(c, &out);
}
