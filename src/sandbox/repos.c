/* What belongs to no pull request: the service itself, people, repositories, forks, branches. */
#include "sandbox/internal.h"

#define CORE_LIMIT 5000
#define SEARCH_LIMIT 30
#define REPOS_MAX 1000

/* GitHub's whole list: clients look for what they need in it, whether or not this forge serves it. */
static const char root_document[] =
    "{'current_user_url':'$api/user',"
    "'current_user_authorizations_html_url':'$site/settings/connections/applications{/client_id}',"
    "'authorizations_url':'$api/authorizations',"
    "'code_search_url':'$api/search/code?q={query}{&page,per_page,sort,order}',"
    "'commit_search_url':'$api/search/commits?q={query}{&page,per_page,sort,order}',"
    "'emails_url':'$api/user/emails',"
    "'emojis_url':'$api/emojis',"
    "'events_url':'$api/events',"
    "'feeds_url':'$api/feeds',"
    "'followers_url':'$api/user/followers',"
    "'following_url':'$api/user/following{/target}',"
    "'gists_url':'$api/gists{/gist_id}',"
    "'issue_search_url':'$api/search/issues?q={query}{&page,per_page,sort,order}',"
    "'issues_url':'$api/issues',"
    "'keys_url':'$api/user/keys',"
    "'label_search_url':'$api/search/labels?q={query}&repository_id={repository_id}{&page,per_page}',"
    "'notifications_url':'$api/notifications',"
    "'organization_url':'$api/orgs/{org}',"
    "'organization_repositories_url':'$api/orgs/{org}/repos{?type,page,per_page,sort}',"
    "'organization_teams_url':'$api/orgs/{org}/teams',"
    "'public_gists_url':'$api/gists/public',"
    "'rate_limit_url':'$api/rate_limit',"
    "'repository_url':'$api/repos/{owner}/{repo}',"
    "'repository_search_url':'$api/search/repositories?q={query}{&page,per_page,sort,order}',"
    "'current_user_repositories_url':'$api/user/repos{?type,page,per_page,sort}',"
    "'starred_url':'$api/user/starred{/owner}{/repo}',"
    "'starred_gists_url':'$api/gists/starred',"
    "'user_url':'$api/users/{user}',"
    "'user_organizations_url':'$api/user/orgs',"
    "'user_repositories_url':'$api/users/{user}/repos{?type,page,per_page,sort}',"
    "'user_search_url':'$api/search/users?q={query}{&page,per_page,sort,order}'}";

void get_root(struct call *c)
{
    struct value vars = value_map(c->a);

    value_set_str(c->a, &vars, "api", c->view.api);
    value_set_str(c->a, &vars, "site", c->s->url);
    call_reply(c, 200, shape(c->a, &vars, root_document));
}

void get_meta(struct call *c)
{
    struct value vars = value_map(c->a);

    call_reply(c, 200,
               shape(c->a, &vars,
                     "{'verifiable_password_authentication':false,'installed_version':'vitrine-sandbox',"
                     "'description':'A stand-in for GitHub, for demonstrations and tests. It is not GitHub.',"
                     "'hooks':['127.0.0.1/32'],'git':['127.0.0.1/32'],'api':['127.0.0.1/32']}"));
}

static struct value rate_of(struct call *c, int64_t limit, int64_t used, const char *resource)
{
    struct value vars = value_map(c->a);
    int64_t hour = clock_wall_ms() / 3600000;

    value_set(c->a, &vars, "limit", value_int(limit));
    value_set(c->a, &vars, "used", value_int(used));
    value_set(c->a, &vars, "remaining", value_int(used < limit ? limit - used : 0));
    value_set(c->a, &vars, "reset", value_int((hour + 1) * 3600));
    value_set(c->a, &vars, "resource", value_c(resource));
    return shape(c->a, &vars,
                 "{'limit':$limit,'used':$used,'remaining':$remaining,'reset':$reset,'resource':$resource}");
}

/* `used` counts since the start of the stand-in: nothing is refused for it, but tests read what a client costs. */
void get_rate_limit(struct call *c)
{
    struct value vars = value_map(c->a);

    value_set(c->a, &vars, "core", rate_of(c, CORE_LIMIT, c->s->core_used, "core"));
    value_set(c->a, &vars, "search", rate_of(c, SEARCH_LIMIT, c->s->search_used, "search"));
    value_set(c->a, &vars, "graphql", rate_of(c, CORE_LIMIT, 0, "graphql"));
    call_reply(c, 200,
               shape(c->a, &vars, "{'resources':{'core':$core,'search':$search,'graphql':$graphql},'rate':$core}"));
}

/* ---- people ------------------------------------------------------------------------------------------ */

static struct value whole_user(struct call *c, struct str login)
{
    struct value out = view_user(&c->view, login), vars = value_map(c->a);

    value_set_str(c->a, &vars, "login", login);
    struct value more = shape(c->a, &vars,
                              "{'name':$login,'company':null,'blog':'','location':null,'email':null,'hireable':null,"
                              "'bio':null,'public_repos':0,'public_gists':0,'followers':0,'following':0,"
                              "'created_at':'2024-01-01T00:00:00Z','updated_at':'2024-01-01T00:00:00Z'}");
    for (size_t i = 0; i < more.map->n; i++)
        map_put(c->a, out.map, more.map->v[i].key, more.map->v[i].value);
    return out;
}

void get_user(struct call *c)
{
    if (c->login.n == 0)
        call_refuse(c, 401, "Requires authentication");
    else
        call_reply(c, 200, whole_user(c, c->login));
}

void get_user_named(struct call *c)
{
    const struct value *users = value_get(&c->s->state, "users");

    if (map_get(users->map, c->params[0]) == NULL)
        call_refuse(c, 404, "Not Found");
    else
        call_reply(c, 200, whole_user(c, c->params[0]));
}

/* The token's owner may do everything; who else has write access is nobody's but the bot's. */
void get_permission(struct call *c)
{
    struct value vars = value_map(c->a);
    struct str who = c->params[0];
    bool admin = str_ieq(who, c->s->login) || str_ieq(who, value_str_at(&c->repo, "owner"));

    value_set(c->a, &vars, "permission", value_c(admin ? "admin" : str_eq(who, S(SANDBOX_BOT)) ? "write" : "read"));
    struct value user = view_user(&c->view, who);
    value_set(c->a, &user, "role_name", *value_get(&vars, "permission"));
    value_set(c->a, &vars, "user", user);
    call_reply(c, 200, shape(c->a, &vars, "{'permission':$permission,'role_name':$permission,'user':$user}"));
}

/* ---- repositories -------------------------------------------------------------------------------------- */

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        bool word = (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
        if (!word && ch != '-' && (i == 0 || (ch != '.' && ch != '_')))
            return false;
    }
    return s.n > 0 && s.n <= SANDBOX_NAME_MAX && !str_ends(s, S(".git"));
}

static bool check_new(struct call *c, struct str owner, struct str name)
{
    struct str full = arena_fmt(c->a, "%.*s/%.*s", STR(owner), STR(name));

    if (!is_name(owner) || !is_name(name))
        call_refuse_field(c, "Repository", "name", "custom", "name is not valid");
    else if (value_is(state_repo(c->s, full), VALUE_MAP))
        call_refuse_field(c, "Repository", "name", "custom", "name already exists on this account");
    else if (value_get(&c->s->state, "repositories")->map->n >= REPOS_MAX)
        call_refuse(c, 403, "A sandbox holds at most %d repositories", REPOS_MAX);
    else
        return true;
    return false;
}

static void add_option_hook(struct call *c, const struct value *repo)
{
    struct value vars = value_map(c->a);

    if (c->s->webhook_url.n == 0)
        return;
    value_set(c->a, &vars, "id", value_int(state_next_id(c->s)));
    value_set_str(c->a, &vars, "url", c->s->webhook_url);
    value_set_str(c->a, &vars, "secret", c->s->webhook_secret);
    value_set_str(c->a, &vars, "now", clock_rfc3339(c->a, clock_wall_ms()));
    state_push(c->s, value_get(repo, "hooks"),
               shape(c->a, &vars,
                     "{'id':$id,'url':$url,'secret':$secret,'content_type':'json','events':['*'],'active':true,"
                     "'created_at':$now,'updated_at':$now,'from_options':true,"
                     "'last_response':{'code':null,'status':'unused','message':null}}"));
}

static struct value repo_document(struct call *c, struct str owner, struct str name, struct str branch)
{
    struct value vars = value_map(c->a);

    value_set(c->a, &vars, "id", value_int(state_next_id(c->s)));
    value_set_str(c->a, &vars, "owner", owner);
    value_set_str(c->a, &vars, "name", name);
    value_set_str(c->a, &vars, "branch", branch);
    value_set_str(c->a, &vars, "description", value_str_at(&c->body, "description"));
    value_set_str(c->a, &vars, "now", clock_rfc3339(c->a, clock_wall_ms()));
    return shape(c->a, &vars,
                 "{'id':$id,'owner':$owner,'name':$name,'description':$description,'default_branch':$branch,"
                 "'fork_of':'','created_at':$now,'pushed_at':$now,'next_number':1,'next_run':1,'refs':{},'labels':{},"
                 "'pulls':[],'statuses':[],'comments':[],'deployments':[],'hooks':[],'workflows':[],'runs':[]}");
}

static const struct value *add_repo(struct call *c, struct str owner, struct str name, struct str branch)
{
    struct str full = arena_fmt(c->a, "%.*s/%.*s", STR(owner), STR(name));

    state_set(c->s, value_get(&c->s->state, "repositories"), full.p, repo_document(c, owner, name, branch));
    const struct value *repo = state_repo(c->s, full);
    add_option_hook(c, repo);
    return repo;
}

/* The repository as its own answer shows it: a full-repository. */
static struct value whole_repo(struct call *c, const struct value *repo)
{
    struct value out = view_repo(&c->view, repo), vars = value_map(c->a);

    value_set(c->a, &vars, "push", value_bool(c->login.n > 0));
    value_set(c->a, &out, "permissions",
              shape(c->a, &vars, "{'admin':$push,'maintain':$push,'push':$push,'triage':$push,'pull':true}"));
    value_set(c->a, &out, "network_count", *value_get(&out, "forks_count"));
    value_set(c->a, &out, "subscribers_count", value_int(0));
    return out;
}

static void create_repo(struct call *c, struct str owner)
{
    struct str name = value_str_at(&c->body, "name"), branch = value_str_at(&c->body, "default_branch");
    struct value plan = value_map(c->a);
    struct err e = { 0 };

    if (!check_new(c, owner, name))
        return;
    value_set_str(c->a, &plan, "owner", owner);
    value_set_str(c->a, &plan, "name", name);
    branch = is_name(branch) ? branch : S("main");
    if (!repo_init(c->a, repo_dir(c->a, c->s, &plan), branch, &e)) {
        call_refuse(c, 500, "%s", e.text);
        return;
    }
    const struct value *repo = add_repo(c, owner, name, branch);
    refs_refresh(c->s, repo, c->login); /* the folder may have been filled by hand */
    struct value out = whole_repo(c, repo);
    call_header(c, "Location", value_str_at(&out, "url"));
    call_reply(c, 201, out);
}

void create_user_repo(struct call *c)
{
    create_repo(c, c->login);
}

void create_org_repo(struct call *c)
{
    create_repo(c, c->params[0]);
}

/* Branches and tags as they are, without the events of a push. */
static bool copy_refs(struct call *c, const struct value *from, const struct value *to, struct err *e)
{
    const char *dir = repo_dir(c->a, c->s, to);

    if (!sandbox_git(c->a, dir, NULL, e, "fetch", "-q", repo_dir(c->a, c->s, from), "+refs/heads/*:refs/heads/*",
                     "+refs/tags/*:refs/tags/*", NULL))
        return false;
    state_set(c->s, to, "refs", *value_get(from, "refs"));
    return true;
}

void create_fork(struct call *c)
{
    struct str owner = value_str_at(&c->body, "organization"), name = value_str_at(&c->repo, "name");
    struct value plan = value_map(c->a);
    struct err e = { 0 };

    owner = owner.n > 0 ? owner : c->login;
    if (!check_new(c, owner, name))
        return;
    value_set_str(c->a, &plan, "owner", owner);
    value_set_str(c->a, &plan, "name", name);
    struct str branch = value_str_at(&c->repo, "default_branch");
    if (!repo_init(c->a, repo_dir(c->a, c->s, &plan), branch, &e)) {
        call_refuse(c, 500, "%s", e.text);
        return;
    }
    const struct value *fork = add_repo(c, owner, name, branch);
    state_set_str(c->s, fork, "fork_of", repo_full_name(c->a, &c->repo));
    if (!copy_refs(c, &c->repo, fork, &e))
        call_refuse(c, 500, "%s", e.text);
    else
        call_reply(c, 202, whole_repo(c, fork));
}

void get_repo(struct call *c)
{
    call_reply(c, 200, whole_repo(c, &c->repo));
}

void delete_repo(struct call *c)
{
    struct str full = repo_full_name(c->a, &c->repo);
    struct err e = { 0 };

    if (!fs_remove_tree(repo_dir(c->a, c->s, &c->repo), &e)) {
        call_refuse(c, 500, "%s", e.text);
        return;
    }
    map_del(value_get(&c->s->state, "repositories")->map, full);
    c->s->changed = true;
    call_reply(c, 204, value_null());
}

void list_repos(struct call *c)
{
    const struct map *all = value_get(&c->s->state, "repositories")->map;
    struct value out = value_list(c->a);

    if (c->login.n == 0) {
        call_refuse(c, 401, "Requires authentication");
        return;
    }
    for (size_t i = 0; i < all->n; i++)
        list_push(c->a, out.list, view_repo(&c->view, &all->v[i].value));
    call_reply_page(c, &out);
}

/* ---- branches ------------------------------------------------------------------------------------------ */

static struct value short_branch(struct call *c, struct str name, struct str sha)
{
    struct value vars = value_map(c->a);

    value_set_str(c->a, &vars, "name", name);
    value_set_str(c->a, &vars, "sha", sha);
    value_set(c->a, &vars, "u", value_str(call_repo_url(c)));
    return shape(c->a, &vars, "{'name':$name,'commit':{'sha':$sha,'url':'$u/commits/$sha'},'protected':false}");
}

void list_branches(struct call *c)
{
    const struct map *refs = value_get(&c->repo, "refs")->map;
    struct value out = value_list(c->a);
    struct str prefix = S("refs/heads/");

    for (size_t i = 0; i < refs->n; i++)
        if (str_starts(refs->v[i].key, prefix))
            list_push(c->a, out.list,
                      short_branch(c, str_slice(refs->v[i].key, prefix.n, refs->v[i].key.n),
                                   value_as_str(&refs->v[i].value)));
    call_reply_page(c, &out);
}

void get_branch(struct call *c)
{
    struct str sha = state_ref(&c->repo, arena_fmt(c->a, "refs/heads/%.*s", STR(c->params[0])));

    if (sha.n == 0) {
        call_refuse(c, 404, "Branch not found");
        return;
    }
    struct value out = short_branch(c, c->params[0], sha), vars = value_map(c->a);
    value_set(c->a, &out, "commit", view_commit(&c->view, &c->repo, sha));
    value_set_str(c->a, &vars, "name", c->params[0]);
    value_set(c->a, &vars, "u", value_str(call_repo_url(c)));
    value_set(c->a, &out, "_links", shape(c->a, &vars, "{'self':'$u/branches/$name','html':'$u/tree/$name'}"));
    value_set(c->a, &out, "protection", shape(c->a, &vars, "{'enabled':false}"));
    value_set(c->a, &out, "protection_url", shape(c->a, &vars, "'$u/branches/$name/protection'"));
    call_reply(c, 200, out);
}
