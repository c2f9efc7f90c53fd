/*
 * People, repositories and pull requests as GitHub shows them.
 *
 * Complete, because clients and GitHub's own schemas want every field: what the stand-in has no notion of (stars,
 * wikis) has the value it would have in a fresh repository. Pages for people are on the sandbox's own address; API
 * addresses follow the request, so that a client that came by another name is not led away.
 */
#include "sandbox/internal.h"

struct view view_own(struct arena *a, struct sandbox *s)
{
    return (struct view){ a, s, arena_fmt(a, "%.*s/api/v3", STR(s->url)) };
}

struct value view_or_null(struct str text)
{
    return text.n > 0 ? value_str(text) : value_null();
}

struct value view_reactions(struct arena *a, struct str url)
{
    struct value vars = value_map(a);

    value_set_str(a, &vars, "url", url);
    return shape(a, &vars,
                 "{'url':'$url/reactions','total_count':0,'+1':0,'-1':0,'laugh':0,'hooray':0,'confused':0,'heart':0,"
                 "'rocket':0,'eyes':0}");
}

static struct value vars_of(const struct view *v)
{
    struct value vars = value_map(v->a);

    value_set_str(v->a, &vars, "api", v->api);
    value_set_str(v->a, &vars, "html", v->s->url);
    return vars;
}

struct value view_user(const struct view *v, struct str login)
{
    struct value vars = vars_of(v);

    value_set_str(v->a, &vars, "login", login);
    value_set(v->a, &vars, "id", value_int(state_user_id(v->s, login)));
    value_set(v->a, &vars, "type", value_c(str_ends(login, S("[bot]")) ? "Bot" : "User"));
    return shape(
        v->a, &vars,
        "{'login':$login,'id':$id,'node_id':'U_$id','avatar_url':'$html/_sandbox/avatars/$id','gravatar_id':'',"
        "'url':'$api/users/$login','html_url':'$html/$login','followers_url':'$api/users/$login/followers',"
        "'following_url':'$api/users/$login/following{/other_user}',"
        "'gists_url':'$api/users/$login/gists{/gist_id}',"
        "'starred_url':'$api/users/$login/starred{/owner}{/repo}',"
        "'subscriptions_url':'$api/users/$login/subscriptions','organizations_url':'$api/users/$login/orgs',"
        "'repos_url':'$api/users/$login/repos','events_url':'$api/users/$login/events{/privacy}',"
        "'received_events_url':'$api/users/$login/received_events','type':$type,'site_admin':false}");
}

static const char repo_lite_text[] =
    "{'id':$id,'node_id':'R_$id','name':$name,'full_name':$full,'private':false,'owner':$owner,'html_url':'$html/"
    "$full',"
    "'description':$description,'fork':$fork,'url':'$u','forks_url':'$u/forks','keys_url':'$u/keys{/key_id}',"
    "'collaborators_url':'$u/collaborators{/collaborator}','teams_url':'$u/teams','hooks_url':'$u/hooks',"
    "'issue_events_url':'$u/issues/events{/number}','events_url':'$u/events','assignees_url':'$u/assignees{/user}',"
    "'branches_url':'$u/branches{/branch}','tags_url':'$u/tags','blobs_url':'$u/git/blobs{/sha}',"
    "'git_tags_url':'$u/git/tags{/sha}','git_refs_url':'$u/git/refs{/sha}','trees_url':'$u/git/trees{/sha}',"
    "'statuses_url':'$u/statuses/{sha}','languages_url':'$u/languages','stargazers_url':'$u/stargazers',"
    "'contributors_url':'$u/contributors','subscribers_url':'$u/subscribers','subscription_url':'$u/subscription',"
    "'commits_url':'$u/commits{/sha}','git_commits_url':'$u/git/commits{/sha}','comments_url':'$u/comments{/number}',"
    "'issue_comment_url':'$u/issues/comments{/number}','contents_url':'$u/contents/{+path}',"
    "'compare_url':'$u/compare/{base}...{head}','merges_url':'$u/merges','archive_url':'$u/{archive_format}{/ref}',"
    "'downloads_url':'$u/downloads','issues_url':'$u/issues{/number}','pulls_url':'$u/pulls{/number}',"
    "'milestones_url':'$u/milestones{/number}','notifications_url':'$u/notifications{?since,all,participating}',"
    "'labels_url':'$u/labels{/name}','releases_url':'$u/releases{/id}','deployments_url':'$u/deployments'}";

static const char repo_more_text[] =
    "{'created_at':$created,'updated_at':$updated,'pushed_at':$pushed,'git_url':'git://$host/$full.git',"
    "'ssh_url':'git@$host:$full.git','clone_url':'$html/$full.git','svn_url':'$html/$full','homepage':null,'size':0,"
    "'stargazers_count':0,'watchers_count':0,'language':null,'has_issues':true,'has_projects':false,"
    "'has_downloads':false,'has_wiki':false,'has_pages':false,'has_discussions':false,'forks_count':$forks,"
    "'mirror_url':null,'archived':false,'disabled':false,'open_issues_count':$open,'license':null,'allow_forking':true,"
    "'is_template':false,'web_commit_signoff_required':false,'topics':[],'visibility':'public','forks':$forks,"
    "'open_issues':$open,'watchers':0,'default_branch':$branch,'custom_properties':{}}";

struct value view_repo_lite(const struct view *v, const struct value *repo)
{
    struct value vars = vars_of(v);
    struct str full = repo_full_name(v->a, repo);

    value_set_str(v->a, &vars, "full", full);
    value_set_str(v->a, &vars, "u", arena_fmt(v->a, "%.*s/repos/%.*s", STR(v->api), STR(full)));
    value_set(v->a, &vars, "id", *value_get(repo, "id"));
    value_set(v->a, &vars, "name", *value_get(repo, "name"));
    value_set(v->a, &vars, "owner", view_user(v, value_str_at(repo, "owner")));
    value_set(v->a, &vars, "description", view_or_null(value_str_at(repo, "description")));
    value_set(v->a, &vars, "fork", value_bool(value_str_at(repo, "fork_of").n > 0));
    return shape(v->a, &vars, repo_lite_text);
}

static int64_t count_open(const struct value *repo)
{
    const struct value *pulls = value_get(repo, "pulls");
    int64_t n = 0;

    for (size_t i = 0; i < value_len(pulls); i++)
        n += str_is(value_str_at(value_item(pulls, i), "state"), "open");
    return n;
}

static int64_t count_forks(const struct view *v, const struct value *repo)
{
    const struct map *all = value_get(&v->s->state, "repositories")->map;
    struct str full = repo_full_name(v->a, repo);
    int64_t n = 0;

    for (size_t i = 0; i < all->n; i++)
        n += str_ieq(value_str_at(&all->v[i].value, "fork_of"), full);
    return n;
}

struct value view_repo(const struct view *v, const struct value *repo)
{
    struct value vars = vars_of(v), out = view_repo_lite(v, repo);
    struct str created = value_str_at(repo, "created_at"), pushed = value_str_at(repo, "pushed_at");
    struct str host = v->s->url;

    str_cut(&host, S("http://").n);
    value_set_str(v->a, &vars, "host", host);
    value_set_str(v->a, &vars, "full", repo_full_name(v->a, repo));
    value_set_str(v->a, &vars, "created", created);
    value_set_str(v->a, &vars, "updated", pushed.n > 0 ? pushed : created);
    value_set_str(v->a, &vars, "pushed", pushed.n > 0 ? pushed : created);
    value_set(v->a, &vars, "branch", *value_get(repo, "default_branch"));
    value_set(v->a, &vars, "open", value_int(count_open(repo)));
    value_set(v->a, &vars, "forks", value_int(count_forks(v, repo)));
    struct value more = shape(v->a, &vars, repo_more_text);
    for (size_t i = 0; i < more.map->n; i++)
        map_put(v->a, out.map, more.map->v[i].key, more.map->v[i].value);
    return out;
}

struct value view_label(const struct view *v, const struct value *repo, struct str name)
{
    struct value vars = vars_of(v);
    const struct value *labels = value_get(repo, "labels");
    const struct value *known = value_is(labels, VALUE_MAP) ? map_get(labels->map, name) : NULL;

    value_set_str(v->a, &vars, "name", name);
    value_set_str(v->a, &vars, "full", repo_full_name(v->a, repo));
    value_set(v->a, &vars, "id", value_int(known != NULL ? value_int_at(known, "id", 0) : 0));
    value_set(v->a, &vars, "color", known != NULL ? *value_get(known, "color") : value_c("ededed"));
    /* GitHub's schemas disagree on null here; all of them take an empty text */
    value_set_str(v->a, &vars, "description", known != NULL ? value_str_at(known, "description") : S(""));
    return shape(v->a, &vars,
                 "{'id':$id,'node_id':'LA_$id','url':'$api/repos/$full/labels/$name','name':$name,'color':$color,"
                 "'default':false,'description':$description}");
}

/* ---- pull requests -------------------------------------------------------------------------- */

static struct value labels_of(const struct view *v, const struct value *repo, const struct value *pull)
{
    struct value out = value_list(v->a);
    const struct value *names = value_get(pull, "labels");

    for (size_t i = 0; i < value_len(names); i++)
        list_push(v->a, out.list, view_label(v, repo, value_as_str(value_item(names, i))));
    return out;
}

/* head or base: label, ref, sha, and the repository, which is null once a fork was deleted */
static struct value end_of(const struct view *v, struct str repo_name, const struct value *repo, struct str branch,
                           struct str sha)
{
    struct value vars = value_map(v->a);
    struct str owner = { 0 }, rest = repo_name;

    str_split(&rest, S("/"), &owner);
    bool there = value_is(repo, VALUE_MAP);
    value_set_str(v->a, &vars, "label", arena_fmt(v->a, "%.*s:%.*s", STR(owner), STR(branch)));
    value_set_str(v->a, &vars, "ref", branch);
    value_set_str(v->a, &vars, "sha", sha);
    value_set(v->a, &vars, "user", view_user(v, owner));
    value_set(v->a, &vars, "repo", there ? view_repo(v, repo) : value_null());
    return shape(v->a, &vars, "{'label':$label,'ref':$ref,'sha':$sha,'user':$user,'repo':$repo}");
}

/* As GitHub puts it: whose repository it is, or how well the author is known there. */
static const char *association(const struct view *v, const struct value *repo, const struct value *pull)
{
    struct str user = value_str_at(pull, "user");

    if (str_ieq(user, value_str_at(repo, "owner")))
        return "OWNER";
    if (str_eq(user, v->s->login) || str_eq(user, S(SANDBOX_BOT)))
        return "COLLABORATOR";
    return str_ieq(value_str_at(pull, "head_repo"), repo_full_name(v->a, repo)) ? "CONTRIBUTOR" : "NONE";
}

static const char pull_text[] =
    "{'url':'$p','id':$id,'node_id':'PR_$id','html_url':'$h','diff_url':'$h.diff','patch_url':'$h.patch','issue_url':'$"
    "i',"
    "'number':$number,'state':$state,'locked':false,'title':$title,'user':$user,'body':$body,'created_at':$created,"
    "'updated_at':$updated,'closed_at':$closed,'merged_at':$merged,'merge_commit_sha':$merge,'assignee':null,"
    "'assignees':[],'requested_reviewers':[],'requested_teams':[],'labels':$labels,'milestone':null,'draft':$draft,"
    "'commits_url':'$p/commits','review_comments_url':'$p/comments',"
    "'review_comment_url':'$u/pulls/comments{/number}','comments_url':'$i/comments','statuses_url':'$u/statuses/$sha',"
    "'head':$head,'base':$base,'_links':{'self':{'href':'$p'},'html':{'href':'$h'},'issue':{'href':'$i'},"
    "'comments':{'href':'$i/comments'},'review_comments':{'href':'$p/comments'},"
    "'review_comment':{'href':'$u/pulls/comments{/number}'},'commits':{'href':'$p/commits'},"
    "'statuses':{'href':'$u/statuses/$sha'}},'author_association':$association,'auto_merge':null,"
    "'active_lock_reason':null}";

static void pull_addresses(const struct view *v, const struct value *repo, const struct value *pull, struct value *vars)
{
    struct str full = repo_full_name(v->a, repo);
    struct str u = arena_fmt(v->a, "%.*s/repos/%.*s", STR(v->api), STR(full));
    long long number = (long long)value_int_at(pull, "number", 0);

    value_set_str(v->a, vars, "u", u);
    value_set_str(v->a, vars, "p", arena_fmt(v->a, "%.*s/pulls/%lld", STR(u), number));
    value_set_str(v->a, vars, "i", arena_fmt(v->a, "%.*s/issues/%lld", STR(u), number));
    value_set_str(v->a, vars, "h", arena_fmt(v->a, "%.*s/%.*s/pull/%lld", STR(v->s->url), STR(full), number));
}

static void pull_vars(const struct view *v, const struct value *repo, const struct value *pull, struct value *vars)
{
    static const char *const same[] = { "id", "number", "state", "title", "draft" };
    static const char *const texts[][2] = { { "created", "created_at" },
                                            { "updated", "updated_at" },
                                            { "closed", "closed_at" },
                                            { "merged", "merged_at" },
                                            { "body", "body" } };
    struct str merge = value_str_at(pull, "merge_commit_sha");

    for (size_t i = 0; i < COUNT(same); i++)
        value_set(v->a, vars, same[i], *value_get(pull, same[i]));
    for (size_t i = 0; i < COUNT(texts); i++)
        value_set(v->a, vars, texts[i][0], view_or_null(value_str_at(pull, texts[i][1])));
    value_set(v->a, vars, "user", view_user(v, value_str_at(pull, "user")));
    value_set(v->a, vars, "merge", view_or_null(merge.n > 0 ? merge : value_str_at(pull, "test_merge_sha")));
    value_set(v->a, vars, "labels", labels_of(v, repo, pull));
    value_set(v->a, vars, "association", value_c(association(v, repo, pull)));
    value_set_str(v->a, vars, "sha", value_str_at(pull, "head_sha"));
}

static int64_t count_comments(const struct value *repo, int64_t number)
{
    const struct value *comments = value_get(repo, "comments");
    int64_t n = 0;

    for (size_t i = 0; i < value_len(comments); i++)
        n += value_int_at(value_item(comments, i), "issue", 0) == number;
    return n;
}

/* What only one request read by itself has; `mergeable` is null until a background job has looked, as on GitHub. */
static void add_whole(const struct view *v, const struct value *repo, const struct value *pull, const struct value *out)
{
    static const char *const same[] = { "additions", "deletions", "changed_files" };
    bool open = str_is(value_str_at(pull, "state"), "open"), merged = value_str_at(pull, "merged_at").n > 0;
    bool known = open && value_bool_at(pull, "mergeable_known", false), clean = value_bool_at(pull, "mergeable", false);

    value_set(v->a, out, "merged", value_bool(merged));
    value_set(v->a, out, "mergeable", known ? value_bool(clean) : value_null());
    value_set(v->a, out, "rebaseable", known ? value_bool(clean) : value_null());
    value_set(v->a, out, "mergeable_state", value_c(!known ? "unknown" : clean ? "clean" : "dirty"));
    value_set(v->a, out, "merged_by", merged ? view_user(v, value_str_at(pull, "merged_by")) : value_null());
    value_set(v->a, out, "comments", value_int(count_comments(repo, value_int_at(pull, "number", 0))));
    value_set(v->a, out, "review_comments", value_int(0));
    value_set(v->a, out, "maintainer_can_modify", value_bool(false));
    value_set(v->a, out, "commits", value_int((int64_t)value_len(value_get(pull, "commits"))));
    for (size_t i = 0; i < COUNT(same); i++)
        value_set(v->a, out, same[i], value_int(value_int_at(pull, same[i], 0)));
}

struct value view_pull(const struct view *v, const struct value *repo, const struct value *pull, bool whole)
{
    struct value vars = vars_of(v);
    struct str head_repo = value_str_at(pull, "head_repo");

    pull_addresses(v, repo, pull, &vars);
    pull_vars(v, repo, pull, &vars);
    value_set(v->a, &vars, "head",
              end_of(v, head_repo, state_repo(v->s, head_repo), value_str_at(pull, "head_ref"),
                     value_str_at(pull, "head_sha")));
    value_set(
        v->a, &vars, "base",
        end_of(v, repo_full_name(v->a, repo), repo, value_str_at(pull, "base_ref"), value_str_at(pull, "base_sha")));
    struct value out = shape(v->a, &vars, pull_text);
    if (whole)
        add_whole(v, repo, pull, &out);
    return out;
}

struct value view_issue(const struct view *v, const struct value *repo, const struct value *pull)
{
    struct value vars = vars_of(v);

    pull_addresses(v, repo, pull, &vars);
    pull_vars(v, repo, pull, &vars);
    value_set(v->a, &vars, "comments", value_int(count_comments(repo, value_int_at(pull, "number", 0))));
    value_set(v->a, &vars, "reactions", view_reactions(v->a, value_str_at(&vars, "i")));
    return shape(
        v->a, &vars,
        "{'url':'$i','repository_url':'$u','labels_url':'$i/labels{/name}','comments_url':'$i/comments',"
        "'events_url':'$i/events','html_url':'$h','id':$id,'node_id':'PR_$id','number':$number,'title':$title,"
        "'user':$user,'labels':$labels,'state':$state,'locked':false,'assignee':null,'assignees':[],"
        "'milestone':null,'comments':$comments,'created_at':$created,'updated_at':$updated,'closed_at':$closed,"
        "'author_association':$association,'active_lock_reason':null,'draft':$draft,"
        "'pull_request':{'url':'$p','html_url':'$h','diff_url':'$h.diff','patch_url':'$h.patch',"
        "'merged_at':$merged},'body':$body,'reactions':$reactions}");
}
