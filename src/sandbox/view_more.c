/* Commits, statuses, comments, deployments and hooks as GitHub shows them. */
#include "sandbox/internal.h"

/* The variables that nearly every document needs: api, html, u (the repository's API address), full, id. */
static struct value vars_in(const struct view *v, const struct value *repo, const struct value *doc)
{
    struct value vars = value_map(v->a);
    struct str full = repo_full_name(v->a, repo);

    value_set_str(v->a, &vars, "api", v->api);
    value_set_str(v->a, &vars, "html", v->s->url);
    value_set_str(v->a, &vars, "full", full);
    value_set_str(v->a, &vars, "u", arena_fmt(v->a, "%.*s/repos/%.*s", STR(v->api), STR(full)));
    value_set(v->a, &vars, "id", *value_get(doc, "id"));
    value_set(v->a, &vars, "created", *value_get(doc, "created_at"));
    value_set(v->a, &vars, "updated", *value_get(doc, "updated_at"));
    return vars;
}

static void copy(const struct view *v, struct value *vars, const struct value *doc, const char *key)
{
    value_set(v->a, vars, key, *value_get(doc, key));
}

/* Texts that GitHub shows as null when they were not given. */
static void copy_text(const struct view *v, struct value *vars, const struct value *doc, const char *key)
{
    value_set(v->a, vars, key, view_or_null(value_str_at(doc, key)));
}

/* ---- commits ---------------------------------------------------------------------------------- */

static struct value commit_vars(const struct view *v, const struct value *repo, struct str sha, bool *found)
{
    struct commit_info info = { 0 };
    struct value vars = vars_in(v, repo, &value_nil);
    struct value *out = &vars;

    *found = git_commit_info(v->a, repo_dir(v->a, v->s, repo), sha, &info);
    const struct {
        const char *name;
        struct str text;
    } fields[] = {
        { "sha", sha },
        { "tree", info.tree },
        { "author", info.author },
        { "amail", info.author_email },
        { "adate", info.author_date },
        { "committer", info.committer },
        { "cmail", info.committer_email },
        { "cdate", info.committer_date },
        { "message", info.message },
    };
    for (size_t i = 0; i < COUNT(fields); i++)
        value_set_str(v->a, out, fields[i].name, fields[i].text);
    struct value parents = value_list(v->a);
    for (size_t i = 0; i < info.n_parents; i++) {
        struct value one = vars_in(v, repo, &value_nil);
        value_set_str(v->a, &one, "sha", info.parents[i]);
        list_push(v->a, parents.list,
                  shape(v->a, &one, "{'sha':$sha,'url':'$u/commits/$sha','html_url':'$html/$full/commit/$sha'}"));
    }
    value_set(v->a, out, "parents", parents);
    return vars;
}

struct value view_commit(const struct view *v, const struct value *repo, struct str sha)
{
    bool found = false;
    struct value vars = commit_vars(v, repo, sha, &found);

    if (!found)
        return value_null();
    value_set(v->a, &vars, "user", view_user(v, value_str_at(&vars, "author")));
    value_set(v->a, &vars, "cuser", view_user(v, value_str_at(&vars, "committer")));
    return shape(v->a, &vars,
                 "{'sha':$sha,'node_id':'C_$sha','commit':{'author':{'name':$author,'email':$amail,'date':$adate},"
                 "'committer':{'name':$committer,'email':$cmail,'date':$cdate},'message':$message,"
                 "'tree':{'sha':$tree,'url':'$u/git/trees/$tree'},'url':'$u/git/commits/$sha','comment_count':0,"
                 "'verification':{'verified':false,'reason':'unsigned','signature':null,'payload':null,"
                 "'verified_at':null}},'url':'$u/commits/$sha',"
                 "'html_url':'$html/$full/commit/$sha',"
                 "'comments_url':'$u/commits/$sha/comments','author':$user,'committer':$cuser,'parents':$parents}");
}

/* added, removed and modified paths of a commit against its first parent */
static void add_changed_paths(const struct view *v, const struct value *repo, struct str sha, struct value *vars)
{
    struct value added = value_list(v->a), removed = value_list(v->a), modified = value_list(v->a);
    struct str text =
        git_line(v->a, repo_dir(v->a, v->s, repo), "diff-tree", "-r", "--root", "--no-commit-id", "--name-status",
                 "--no-renames", "-m", "--first-parent", "--end-of-options", arena_c(v->a, sha), NULL);
    struct str line;

    while (text.n > 0) {
        str_split(&text, S("\n"), &line);
        struct value *to = str_starts(line, S("A")) ? &added : str_starts(line, S("D")) ? &removed : &modified;
        if (line.n > 2 && to->list->n < 3000)
            list_push(v->a, to->list, value_str(str_slice(line, 2, line.n)));
    }
    value_set(v->a, vars, "added", added);
    value_set(v->a, vars, "removed", removed);
    value_set(v->a, vars, "modified", modified);
}

struct value view_push_commit(const struct view *v, const struct value *repo, struct str sha)
{
    bool found = false;
    struct value vars = commit_vars(v, repo, sha, &found);

    if (!found)
        return value_null();
    add_changed_paths(v, repo, sha, &vars);
    return shape(v->a, &vars,
                 "{'id':$sha,'tree_id':$tree,'distinct':true,'message':$message,'timestamp':$cdate,"
                 "'url':'$html/$full/commit/$sha','author':{'name':$author,'email':$amail},"
                 "'committer':{'name':$committer,'email':$cmail},'added':$added,'removed':$removed,"
                 "'modified':$modified}");
}

struct value view_head_commit(const struct view *v, const struct value *repo, struct str sha)
{
    bool found = false;
    struct value vars = commit_vars(v, repo, sha, &found);

    if (!found)
        return value_null();
    return shape(v->a, &vars,
                 "{'id':$sha,'tree_id':$tree,'message':$message,'timestamp':$cdate,"
                 "'author':{'name':$author,'email':$amail},'committer':{'name':$committer,'email':$cmail}}");
}

/* ---- statuses, comments ------------------------------------------------------------------------- */

struct value view_status(const struct view *v, const struct value *repo, const struct value *status)
{
    struct value vars = vars_in(v, repo, status);

    copy(v, &vars, status, "sha");
    copy(v, &vars, status, "state");
    copy(v, &vars, status, "context");
    copy_text(v, &vars, status, "description");
    copy_text(v, &vars, status, "target_url");
    value_set(v->a, &vars, "creator", view_user(v, value_str_at(status, "creator")));
    value_set(v->a, &vars, "avatar", *value_get(value_get(&vars, "creator"), "avatar_url"));
    return shape(v->a, &vars,
                 "{'url':'$u/statuses/$sha','avatar_url':$avatar,'id':$id,'node_id':'SC_$id','state':$state,"
                 "'description':$description,'target_url':$target_url,'context':$context,'created_at':$created,"
                 "'updated_at':$updated,'creator':$creator}");
}

struct value view_comment(const struct view *v, const struct value *repo, const struct value *comment)
{
    struct value vars = vars_in(v, repo, comment);

    copy(v, &vars, comment, "issue");
    copy(v, &vars, comment, "body");
    value_set(v->a, &vars, "user", view_user(v, value_str_at(comment, "user")));
    bool owner = str_ieq(value_str_at(comment, "user"), value_str_at(repo, "owner"));
    value_set(v->a, &vars, "association", value_c(owner ? "OWNER" : "COLLABORATOR"));
    struct str url = arena_fmt(v->a, "%.*s/issues/comments/%lld", STR(value_str_at(&vars, "u")),
                               (long long)value_int_at(comment, "id", 0));
    value_set(v->a, &vars, "reactions", view_reactions(v->a, url));
    return shape(v->a, &vars,
                 "{'url':'$u/issues/comments/$id','html_url':'$html/$full/pull/$issue#issuecomment-$id',"
                 "'issue_url':'$u/issues/$issue','id':$id,'node_id':'IC_$id','user':$user,'created_at':$created,"
                 "'updated_at':$updated,'author_association':$association,'body':$body,'reactions':$reactions,"
                 "'performed_via_github_app':null}");
}

/* ---- deployments ---------------------------------------------------------------------------------- */

struct value view_deployment(const struct view *v, const struct value *repo, const struct value *deployment)
{
    static const char *const same[] = { "sha", "ref", "task", "payload", "environment", "transient", "production" };
    struct value vars = vars_in(v, repo, deployment);

    for (size_t i = 0; i < COUNT(same); i++)
        copy(v, &vars, deployment, same[i]);
    copy_text(v, &vars, deployment, "description");
    value_set(v->a, &vars, "creator", view_user(v, value_str_at(deployment, "creator")));
    return shape(v->a, &vars,
                 "{'url':'$u/deployments/$id','id':$id,'node_id':'DE_$id','sha':$sha,'ref':$ref,'task':$task,"
                 "'payload':$payload,'original_environment':$environment,'environment':$environment,"
                 "'description':$description,'creator':$creator,'created_at':$created,'updated_at':$updated,"
                 "'statuses_url':'$u/deployments/$id/statuses','repository_url':'$u',"
                 "'transient_environment':$transient,'production_environment':$production,"
                 "'performed_via_github_app':null}");
}

struct value view_deployment_status(const struct view *v, const struct value *repo, const struct value *deployment,
                                    const struct value *status)
{
    static const char *const texts[] = { "description", "target_url", "log_url", "environment_url" };
    struct value vars = vars_in(v, repo, status);

    copy(v, &vars, status, "state");
    copy(v, &vars, status, "environment");
    for (size_t i = 0; i < COUNT(texts); i++)
        value_set_str(v->a, &vars, texts[i], value_str_at(status, texts[i]));
    value_set(v->a, &vars, "deployment", *value_get(deployment, "id"));
    value_set(v->a, &vars, "creator", view_user(v, value_str_at(status, "creator")));
    return shape(v->a, &vars,
                 "{'url':'$u/deployments/$deployment/statuses/$id','id':$id,'node_id':'DES_$id','state':$state,"
                 "'creator':$creator,'description':$description,'environment':$environment,'target_url':$log_url,"
                 "'created_at':$created,'updated_at':$updated,'deployment_url':'$u/deployments/$deployment',"
                 "'repository_url':'$u','environment_url':$environment_url,'log_url':$log_url,"
                 "'performed_via_github_app':null}");
}

/* ---- hooks ------------------------------------------------------------------------------------------ */

/* The secret is never shown; GitHub puts stars in its place. */
struct value view_hook(const struct view *v, const struct value *repo, const struct value *hook)
{
    struct value vars = vars_in(v, repo, hook), config = value_map(v->a);

    value_set(v->a, &config, "url", *value_get(hook, "url"));
    value_set(v->a, &config, "content_type", *value_get(hook, "content_type"));
    value_set(v->a, &config, "insecure_ssl", value_c("0"));
    if (value_str_at(hook, "secret").n > 0)
        value_set(v->a, &config, "secret", value_c("********"));
    value_set(v->a, &vars, "config", config);
    copy(v, &vars, hook, "events");
    copy(v, &vars, hook, "active");
    copy(v, &vars, hook, "last_response");
    return shape(v->a, &vars,
                 "{'type':'Repository','id':$id,'name':'web','active':$active,'events':$events,'config':$config,"
                 "'updated_at':$updated,'created_at':$created,'url':'$u/hooks/$id','test_url':'$u/hooks/$id/test',"
                 "'ping_url':'$u/hooks/$id/pings','deliveries_url':'$u/hooks/$id/deliveries',"
                 "'last_response':$last_response}");
}
