/*
 * The GraphQL endpoint: gh's searches, lists and views of pull requests.
 *
 * A pull request is written out whole as GitHub's type PullRequest has it, and the query picks from that. A field that
 * the stand-in does not have is an error that names it, as with GitHub: a null would make gh believe something.
 */
#include "sandbox/graphql.h"
#include "sandbox/internal.h"

#define FIRST_MAX 100

struct execution {
    struct call *c;
    const struct graphql_document *doc;
    struct err e;
};

/* ---- documents ------------------------------------------------------------------------------------ */

static struct value connection(struct arena *a, struct value nodes)
{
    struct value vars = value_map(a);

    value_set(a, &vars, "nodes", nodes);
    value_set(a, &vars, "n", value_int((int64_t)value_len(&nodes)));
    return shape(a, &vars,
                 "{'totalCount':$n,'nodes':$nodes,'pageInfo':{'hasNextPage':false,'endCursor':null,"
                 "'hasPreviousPage':false,'startCursor':null}}");
}

static struct value actor(struct call *c, struct str login)
{
    struct value vars = value_map(c->a);

    if (login.n == 0)
        return value_null();
    value_set_str(c->a, &vars, "login", login);
    value_set(c->a, &vars, "id", value_int(state_user_id(c->s, login)));
    value_set_str(c->a, &vars, "html", c->s->url);
    value_set(c->a, &vars, "type", value_c(str_ends(login, S("[bot]")) ? "Bot" : "User"));
    return shape(c->a, &vars, "{'__typename':$type,'login':$login,'id':'U_$id','name':$login,'url':'$html/$login'}");
}

static struct value labels(struct call *c, const struct value *repo, const struct value *pull)
{
    const struct value *names = value_get(pull, "labels");
    struct value nodes = value_list(c->a);

    for (size_t i = 0; i < value_len(names); i++) {
        struct value label = view_label(&c->view, repo, value_as_str(value_item(names, i)));
        value_set(c->a, &label, "id", *value_get(&label, "node_id"));
        list_push(c->a, nodes.list, label);
    }
    return connection(c->a, nodes);
}

static struct str upper(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1);

    for (size_t i = 0; i < s.n; i++)
        p[i] = s.p[i] >= 'a' && s.p[i] <= 'z' ? (char)(s.p[i] - 'a' + 'A') : s.p[i];
    return (struct str){ p, s.n };
}

static bool is_newest_of_context(const struct value *all, size_t i)
{
    const struct value *one = value_item(all, i);

    for (size_t j = i + 1; j < value_len(all); j++) {
        const struct value *later = value_item(all, j);
        if (str_ieq(value_str_at(later, "sha"), value_str_at(one, "sha"))
            && str_ieq(value_str_at(later, "context"), value_str_at(one, "context")))
            return false;
    }
    return true;
}

/* The checks of the head: its newest status per context. */
static struct value rollup(struct call *c, const struct value *repo, struct str sha)
{
    const struct value *all = value_get(repo, "statuses");
    struct value nodes = value_list(c->a), vars = value_map(c->a);
    const char *state = "SUCCESS";

    for (size_t i = 0; i < value_len(all); i++) {
        const struct value *one = value_item(all, i);
        if (!str_ieq(value_str_at(one, "sha"), sha) || !is_newest_of_context(all, i))
            continue;
        struct str is = upper(c->a, value_str_at(one, "state"));
        value_set_str(c->a, &vars, "state", is);
        value_set(c->a, &vars, "context", *value_get(one, "context"));
        value_set(c->a, &vars, "target", *value_get(one, "target_url"));
        value_set(c->a, &vars, "description", *value_get(one, "description"));
        value_set(c->a, &vars, "created", *value_get(one, "created_at"));
        list_push(c->a, nodes.list,
                  shape(c->a, &vars,
                        "{'__typename':'StatusContext','context':$context,'state':$state,'targetUrl':$target,"
                        "'description':$description,'createdAt':$created,'isRequired':false}"));
        if (str_is(is, "FAILURE") || str_is(is, "ERROR"))
            state = "FAILURE";
        else if (str_is(is, "PENDING") && strcmp(state, "SUCCESS") == 0)
            state = "PENDING";
    }
    if (value_len(&nodes) == 0)
        return value_null();
    value_set(c->a, &vars, "state", value_c(state));
    value_set(c->a, &vars, "contexts", connection(c->a, nodes));
    return shape(c->a, &vars, "{'state':$state,'contexts':$contexts}");
}

static struct value commits(struct call *c, const struct value *repo, const struct value *pull)
{
    const struct value *shas = value_get(pull, "commits");
    struct value nodes = value_list(c->a);

    for (size_t i = 0; i < value_len(shas); i++) {
        struct value vars = value_map(c->a);
        struct commit_info info = { 0 };
        struct str sha = value_as_str(value_item(shas, i));
        git_commit_info(c->a, repo_dir(c->a, c->s, repo), sha, &info);
        value_set_str(c->a, &vars, "oid", sha);
        value_set_str(c->a, &vars, "message", info.message);
        value_set_str(c->a, &vars, "date", info.committer_date);
        value_set(c->a, &vars, "rollup", rollup(c, repo, sha));
        struct value checks = value_list(c->a);
        if (!value_is(value_get(&vars, "rollup"), VALUE_NULL))
            list_push(c->a, checks.list, *value_get(&vars, "rollup"));
        list_push(c->a, nodes.list,
                  shape(c->a, &vars,
                        "{'commit':{'oid':$oid,'messageHeadline':$message,'messageBody':'','committedDate':$date,"
                        "'authoredDate':$date,'authors':{'nodes':[],'totalCount':0},'statusCheckRollup':$rollup}}"));
    }
    return connection(c->a, nodes);
}

static struct value repository(struct call *c, const struct value *repo)
{
    struct value vars = value_map(c->a);

    if (!value_is(repo, VALUE_MAP))
        return value_null();
    value_set(c->a, &vars, "id", *value_get(repo, "id"));
    value_set(c->a, &vars, "name", *value_get(repo, "name"));
    value_set(c->a, &vars, "branch", *value_get(repo, "default_branch"));
    value_set_str(c->a, &vars, "full", repo_full_name(c->a, repo));
    value_set(c->a, &vars, "owner", actor(c, value_str_at(repo, "owner")));
    value_set_str(c->a, &vars, "html", c->s->url);
    value_set(c->a, &vars, "fork", value_bool(value_str_at(repo, "fork_of").n > 0));
    return shape(c->a, &vars,
                 "{'__typename':'Repository','id':'R_$id','name':$name,'nameWithOwner':$full,'owner':$owner,"
                 "'url':'$html/$full','isFork':$fork,'isPrivate':false,'hasIssuesEnabled':true,'description':'',"
                 "'viewerPermission':'ADMIN','mergeCommitAllowed':true,'rebaseMergeAllowed':true,"
                 "'squashMergeAllowed':true,'parent':null,"
                 "'defaultBranchRef':{'name':$branch,'target':{'__typename':'Commit'}}}");
}

static struct value oid_or_null(struct call *c, struct str sha)
{
    struct value vars = value_map(c->a);

    value_set_str(c->a, &vars, "oid", sha);
    return sha.n > 0 ? shape(c->a, &vars, "{'__typename':'Commit','oid':$oid}") : value_null();
}

static const char pull_text[] =
    "{'__typename':'PullRequest','id':'PR_$id','number':$number,'title':$title,'url':$url,'body':$body,'state':$state,"
    "'isDraft':$draft,'closed':$closed,'headRefName':$head_ref,'headRefOid':$head_sha,'baseRefName':$base_ref,"
    "'baseRefOid':$base_sha,'isCrossRepository':$cross,'headRepository':$head_repo,'headRepositoryOwner':$head_owner,"
    "'mergeCommit':$merge,'potentialMergeCommit':$test,'author':$author,'mergedBy':$merged_by,'createdAt':$created_at,"
    "'updatedAt':$updated_at,'closedAt':$closed_at,'mergedAt':$merged_at,'labels':$labels,'mergeable':$mergeable,"
    "'mergeStateStatus':$merge_state,'reviewDecision':'','maintainerCanModify':false,'additions':$additions,"
    "'deletions':$deletions,'changedFiles':$changed_files,"
    "'comments':$none,'reviews':$none,'latestReviews':$none,'reviewRequests':$none,'assignees':$none,'projectCards':$"
    "none,"
    "'projectItems':$none,'files':$none,'reactionGroups':[],'milestone':null,'autoMergeRequest':null,'isInMergeQueue':"
    "false,"
    "'isMergeQueueEnabled':false,'viewerCanUpdate':true,'closingIssuesReferences':$none}";

static void pull_people(struct call *c, const struct value *repo, const struct value *pull, struct value *vars)
{
    struct str head_repo = value_str_at(pull, "head_repo"), owner, rest = head_repo;

    str_split(&rest, S("/"), &owner);
    value_set(c->a, vars, "author", actor(c, value_str_at(pull, "user")));
    value_set(c->a, vars, "merged_by", actor(c, value_str_at(pull, "merged_by")));
    value_set(c->a, vars, "head_repo", repository(c, state_repo(c->s, head_repo)));
    value_set(c->a, vars, "head_owner", actor(c, owner));
    value_set(c->a, vars, "cross", value_bool(state_repo(c->s, head_repo)->map != repo->map));
}

static struct value pull_document(struct call *c, const struct value *repo, const struct value *pull)
{
    static const char *const same[] = { "id",        "number",        "title",      "body",      "draft",
                                        "head_ref",  "head_sha",      "base_ref",   "base_sha",  "additions",
                                        "deletions", "changed_files", "created_at", "updated_at" };
    struct value vars = value_map(c->a);
    struct value seen = view_pull(&c->view, repo, pull, false);
    bool open = str_is(value_str_at(pull, "state"), "open"), merged = value_str_at(pull, "merged_at").n > 0;
    bool clean = value_bool_at(pull, "mergeable", false);

    for (size_t i = 0; i < COUNT(same); i++)
        value_set(c->a, &vars, same[i], *value_get(pull, same[i]));
    value_set(c->a, &vars, "url", *value_get(&seen, "html_url"));
    value_set(c->a, &vars, "state", value_c(open ? "OPEN" : merged ? "MERGED" : "CLOSED"));
    value_set(c->a, &vars, "closed", value_bool(!open));
    value_set(c->a, &vars, "closed_at", view_or_null(value_str_at(pull, "closed_at")));
    value_set(c->a, &vars, "merged_at", view_or_null(value_str_at(pull, "merged_at")));
    value_set(c->a, &vars, "mergeable", value_c(!open ? "UNKNOWN" : clean ? "MERGEABLE" : "CONFLICTING"));
    value_set(c->a, &vars, "merge_state", value_c(!open ? "UNKNOWN" : clean ? "CLEAN" : "DIRTY"));
    value_set(c->a, &vars, "merge", oid_or_null(c, value_str_at(pull, "merge_commit_sha")));
    value_set(c->a, &vars, "test", oid_or_null(c, value_str_at(pull, "test_merge_sha")));
    value_set(c->a, &vars, "labels", labels(c, repo, pull));
    value_set(c->a, &vars, "none", connection(c->a, value_list(c->a)));
    pull_people(c, repo, pull, &vars);
    struct value out = shape(c->a, &vars, pull_text);
    value_set(c->a, &out, "state of", *pull); /* for the fields that are dear; no field has a blank in its name */
    value_set(c->a, &out, "state of repository", *repo);
    return out;
}

/* ---- the fields with arguments ----------------------------------------------------------------------- */

/* Cursors are positions: "42" is behind the 42nd. */
static struct value page(struct execution *x, const struct value *all, const struct value *arguments,
                         const char *count_key)
{
    struct arena *a = x->c->a;
    int64_t first = value_int_at(arguments, "first", 30), after = 0;
    struct value nodes = value_list(a), vars = value_map(a);
    size_t n = value_len(all);

    str_to_int(value_str_at(arguments, "after"), &after);
    first = first < 1 ? 1 : first > FIRST_MAX ? FIRST_MAX : first;
    size_t from = after < 0 || (uint64_t)after > n ? n : (size_t)after;
    size_t to = n - from > (size_t)first ? from + (size_t)first : n;
    for (size_t i = from; i < to; i++) {
        const struct value *hit = value_item(all, i);
        list_push(a, nodes.list, pull_document(x->c, value_get(hit, "repo"), value_get(hit, "pull")));
    }
    value_set(a, &vars, "n", value_int((int64_t)n));
    value_set(a, &vars, "nodes", nodes);
    value_set(a, &vars, "more", value_bool(to < n));
    value_set(a, &vars, "end", to > from ? value_fmt(a, "%zu", to) : value_null());
    struct value out = shape(a, &vars, "{'nodes':$nodes,'pageInfo':{'hasNextPage':$more,'endCursor':$end}}");
    value_set(a, &out, count_key, value_int((int64_t)n));
    return out;
}

static struct value resolve_search(struct execution *x, const struct value *arguments)
{
    struct search_query q;

    x->c->s->search_used++;
    if (!search_parse(x->c->a, value_str_at(arguments, "query"), &q, &x->e))
        return value_null();
    struct value hits = search_run(x->c->a, x->c->s, &q);
    return page(x, &hits, arguments, "issueCount");
}

static bool wants_state(const struct value *states, const struct value *pull)
{
    bool open = str_is(value_str_at(pull, "state"), "open"), merged = value_str_at(pull, "merged_at").n > 0;
    const char *is = open ? "OPEN" : merged ? "MERGED" : "CLOSED";

    for (size_t i = 0; i < value_len(states); i++)
        if (str_is(value_as_str(value_item(states, i)), is))
            return true;
    return value_is(states, VALUE_STRING) ? str_is(value_as_str(states), is) : value_len(states) == 0;
}

static struct value resolve_pulls(struct execution *x, const struct value *repo, const struct value *arguments)
{
    struct value hits = value_list(x->c->a);
    const struct value *pulls = value_get(repo, "pulls");
    struct str base = value_str_at(arguments, "baseRefName"), head = value_str_at(arguments, "headRefName");

    for (size_t i = value_len(pulls); i-- > 0;) {
        const struct value *pull = value_item(pulls, i);
        struct value hit = value_map(x->c->a);
        if (!wants_state(value_get(arguments, "states"), pull)
            || (base.n > 0 && !str_eq(base, value_str_at(pull, "base_ref")))
            || (head.n > 0 && !str_eq(head, value_str_at(pull, "head_ref"))))
            continue;
        value_set(x->c->a, &hit, "repo", *repo);
        value_set(x->c->a, &hit, "pull", *pull);
        list_push(x->c->a, hits.list, hit);
    }
    return page(x, &hits, arguments, "totalCount");
}

static struct value resolve_pull(struct execution *x, const struct value *repo, const struct value *arguments)
{
    int64_t number = value_int_at(arguments, "number", 0);
    const struct value *pull = state_by_int(value_get(repo, "pulls"), "number", number);

    if (value_is(pull, VALUE_MAP))
        return pull_document(x->c, repo, pull);
    err_set_(&x->e, ERR_NOT_FOUND, "Could not resolve to a PullRequest with the number of %lld.", (long long)number);
    return value_null();
}

static struct value resolve_repository(struct execution *x, const struct value *arguments)
{
    struct str full =
        arena_fmt(x->c->a, "%.*s/%.*s", STR(value_str_at(arguments, "owner")), STR(value_str_at(arguments, "name")));
    const struct value *repo = state_repo(x->c->s, full);

    if (!value_is(repo, VALUE_MAP)) {
        err_set_(&x->e, ERR_NOT_FOUND, "Could not resolve to a Repository with the name '%.*s'.", STR(full));
        return value_null();
    }
    struct value out = repository(x->c, repo);
    value_set(x->c->a, &out, "state of", *repo); /* for pullRequest(s) below it */
    return out;
}

/* Only pull requests have ids that are asked for. */
static struct value resolve_node(struct execution *x, const struct value *arguments)
{
    const struct map *all = value_get(&x->c->s->state, "repositories")->map;
    struct str id = value_str_at(arguments, "id");
    int64_t number = 0;

    if (str_starts(id, S("PR_")) && str_to_int(str_slice(id, 3, id.n), &number))
        for (size_t i = 0; i < all->n; i++) {
            const struct value *pull = state_by_int(value_get(&all->v[i].value, "pulls"), "id", number);
            if (value_is(pull, VALUE_MAP))
                return pull_document(x->c, &all->v[i].value, pull);
        }
    err_set_(&x->e, ERR_NOT_FOUND, "Could not resolve to a node with the global id of '%.*s'",
             STR(utf8_prefix(id, 60)));
    return value_null();
}

/* gh asks what types have before it uses newer fields: nothing newer is here. */
static struct value resolve_type(struct execution *x, const struct value *arguments)
{
    struct value vars = value_map(x->c->a);

    value_set(x->c->a, &vars, "name", *value_get(arguments, "name"));
    return shape(x->c->a, &vars, "{'__typename':'__Type','name':$name,'fields':[],'enumValues':[],'inputFields':[]}");
}

/* ---- picking ------------------------------------------------------------------------------------------ */

static struct value pick(struct execution *x, const struct value *from, const struct graphql_set *set);

/* Fields whose answer needs arguments, or git: computed when asked for. */
static bool computed(struct execution *x, const struct value *from, const struct graphql_selection *f,
                     struct value *out)
{
    const struct value *state = value_get(from, "state of"), *repo = value_get(from, "state of repository");
    struct str type = value_str_at(from, "__typename"), key = arena_fmt(x->c->a, "%.*s.%.*s", STR(type), STR(f->name));

    if (str_is(key, "Query.search"))
        *out = resolve_search(x, &f->arguments);
    else if (str_is(key, "Query.repository"))
        *out = resolve_repository(x, &f->arguments);
    else if (str_is(key, "Query.node"))
        *out = resolve_node(x, &f->arguments);
    else if (str_is(key, "Query.__type"))
        *out = resolve_type(x, &f->arguments);
    else if (str_is(key, "Query.viewer"))
        *out = actor(x->c, x->c->login);
    else if (str_is(key, "Repository.pullRequests") && value_is(state, VALUE_MAP))
        *out = resolve_pulls(x, state, &f->arguments);
    else if ((str_is(key, "Repository.pullRequest") || str_is(key, "Repository.issueOrPullRequest"))
             && value_is(state, VALUE_MAP))
        *out = resolve_pull(x, state, &f->arguments);
    else if (str_is(key, "PullRequest.commits"))
        *out = commits(x->c, repo, state);
    else if (str_is(key, "PullRequest.statusCheckRollup"))
        *out = rollup(x->c, repo, value_str_at(state, "head_sha"));
    else
        return false;
    return true;
}

static struct value field(struct execution *x, const struct value *from, const struct graphql_selection *f)
{
    const struct value *found = map_get(from->map, f->name);
    struct str type = value_str_at(from, "__typename");
    struct value out;

    if (computed(x, from, f, &out))
        return out;
    if (found != NULL)
        return *found;
    err_set_(&x->e, ERR_INVALID, "Field '%.*s' doesn't exist on type '%.*s' of the sandbox", STR(f->name),
             STR(type.n > 0 ? type : S("Object")));
    return value_null();
}

static struct value pick_each(struct execution *x, const struct value *from, const struct graphql_set *set)
{
    struct value out = value_list(x->c->a);

    for (size_t i = 0; i < value_len(from); i++)
        list_push(x->c->a, out.list, pick(x, value_item(from, i), set));
    return out;
}

/* "... on CheckRun" says nothing about a StatusContext; interfaces fit everything here. */
static bool is_type(const struct value *from, struct str wanted)
{
    static const char *const interfaces[] = { "Actor", "Node", "RepositoryOwner", "IssueOrPullRequest", "Comment" };
    struct str type = value_str_at(from, "__typename");

    for (size_t i = 0; i < COUNT(interfaces); i++)
        if (str_is(wanted, interfaces[i]))
            return true;
    return wanted.n == 0 || type.n == 0 || str_eq(type, wanted);
}

static void pick_into(struct execution *x, const struct value *from, const struct graphql_set *set, struct value *out,
                      int depth)
{
    for (size_t i = 0; i < set->v.n && x->e.kind == ERR_NONE; i++) {
        const struct graphql_selection *s = &set->v.v[i];
        const struct value *fragment = s->spread.n > 0 ? map_get(&x->doc->fragments, s->spread) : NULL;
        if (s->name.n > 0) {
            struct value found = field(x, from, s);
            map_put(x->c->a, out->map, s->alias, s->set != NULL ? pick(x, &found, s->set) : found);
        } else if (s->spread.n == 0) {
            if (is_type(from, s->on))
                pick_into(x, from, s->set, out, depth + 1);
        } else if (fragment == NULL || depth > GRAPHQL_DEPTH_MAX) {
            err_set_(&x->e, ERR_INVALID, "Fragment %.*s is not defined, or spreads itself", STR(s->spread));
        } else {
            pick_into(x, from, fragment->opaque, out, depth + 1);
        }
    }
}

static struct value pick(struct execution *x, const struct value *from, const struct graphql_set *set)
{
    struct value out = value_map(x->c->a);

    if (value_is(from, VALUE_LIST))
        return pick_each(x, from, set);
    if (!value_is(from, VALUE_MAP))
        return value_null();
    pick_into(x, from, set, &out, 0);
    return out;
}

static void reply_error(struct call *c, const struct err *e, struct value data)
{
    struct value vars = value_map(c->a);

    value_set(c->a, &vars, "type", value_c(e->kind == ERR_NOT_FOUND ? "NOT_FOUND" : "INVALID"));
    value_set_str(c->a, &vars, "message", arena_str(c->a, str_c(e->text)));
    value_set(c->a, &vars, "data", data);
    call_reply(c, 200, shape(c->a, &vars, "{'data':$data,'errors':[{'type':$type,'message':$message}]}"));
}

void post_graphql(struct call *c)
{
    struct graphql_document doc;
    struct execution x = { .c = c, .doc = &doc };
    struct value root = value_map(c->a), out = value_map(c->a);

    if (c->login.n == 0) {
        call_refuse(c, 401, "This endpoint requires you to be authenticated.");
        return;
    }
    if (!graphql_parse(c->a, value_str_at(&c->body, "query"), value_get(&c->body, "variables"), &doc, &x.e)) {
        reply_error(c, &x.e, value_null());
        return;
    }
    value_set(c->a, &root, "__typename", value_c("Query"));
    struct value data = pick(&x, &root, doc.query);
    if (x.e.kind != ERR_NONE) {
        reply_error(c, &x.e, value_null());
        return;
    }
    value_set(c->a, &out, "data", data);
    call_reply(c, 200, out);
}
