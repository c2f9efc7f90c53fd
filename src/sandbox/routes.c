/*
 * The table of API calls, and finding the one that a request asks for.
 *
 * A pattern's {} matches one segment, {+} one or more (branch names have slashes). Below /repos the first two are owner
 * and repository: they are looked up, and an unknown repository is 404 before any handler runs.
 */
#include "net/url.h"
#include "sandbox/internal.h"

#define R "/repos/{}/{}"
#define SEGMENTS_MAX 24

static const struct route {
    const char *method, *pattern;
    call_handler *run;
} routes[] = {
    { "GET", "/", get_root },
    { "GET", "/meta", get_meta },
    { "GET", "/rate_limit", get_rate_limit },
    { "GET", "/user", get_user },
    { "GET", "/user/repos", list_repos },
    { "POST", "/user/repos", create_user_repo },
    { "GET", "/users/{}", get_user_named },
    { "POST", "/orgs/{}/repos", create_org_repo },
    { "GET", "/search/issues", search_issues },
    { "POST", "/graphql", post_graphql },

    { "GET", R, get_repo },
    { "DELETE", R, delete_repo },
    { "POST", R "/forks", create_fork },
    { "GET", R "/branches", list_branches },
    { "GET", R "/branches/{+}", get_branch },
    { "GET", R "/collaborators/{}/permission", get_permission },

    { "GET", R "/pulls", list_pulls },
    { "POST", R "/pulls", create_pull },
    { "GET", R "/pulls/{}", get_pull },
    { "PATCH", R "/pulls/{}", edit_pull },
    { "GET", R "/pulls/{}/files", list_pull_files },
    { "GET", R "/pulls/{}/commits", list_pull_commits },
    { "GET", R "/pulls/{}/merge", is_pull_merged },
    { "PUT", R "/pulls/{}/merge", merge_pull },
    { "GET", R "/commits/{+}/pulls", list_commit_pulls },

    { "POST", R "/statuses/{+}", create_status },
    { "GET", R "/statuses/{+}", list_statuses },
    { "GET", R "/commits/{+}/statuses", list_statuses },
    { "GET", R "/commits/{+}/status", combined_status },
    { "GET", R "/commits/{+}/check-runs", list_check_runs },
    { "GET", R "/commits", list_commits },
    { "GET", R "/commits/{+}", get_commit },
    { "GET", R "/compare/{+}", compare_commits },
    { "GET", R "/git/ref/{+}", get_git_ref },
    { "GET", R "/git/matching-refs/{+}", list_matching_refs },
    { "POST", R "/git/refs", create_git_ref },
    { "PATCH", R "/git/refs/{+}", move_git_ref },
    { "DELETE", R "/git/refs/{+}", delete_git_ref },
    { "GET", R "/contents/{+}", get_contents },
    { "PUT", R "/contents/{+}", put_contents },

    { "GET", R "/issues/{}", get_issue },
    { "PATCH", R "/issues/{}", edit_issue },
    { "GET", R "/issues/{}/comments", list_comments },
    { "POST", R "/issues/{}/comments", create_comment },
    { "GET", R "/issues/comments/{}", get_comment },
    { "PATCH", R "/issues/comments/{}", edit_comment },
    { "DELETE", R "/issues/comments/{}", delete_comment },
    { "GET", R "/issues/{}/labels", list_labels },
    { "POST", R "/issues/{}/labels", add_labels },
    { "PUT", R "/issues/{}/labels", set_labels },
    { "DELETE", R "/issues/{}/labels/{}", remove_label },
    { "GET", R "/labels", list_repo_labels },
    { "POST", R "/labels", create_repo_label },

    { "GET", R "/deployments", list_deployments },
    { "POST", R "/deployments", create_deployment },
    { "GET", R "/deployments/{}", get_deployment },
    { "DELETE", R "/deployments/{}", delete_deployment },
    { "GET", R "/deployments/{}/statuses", list_deployment_statuses },
    { "POST", R "/deployments/{}/statuses", create_deployment_status },

    { "GET", R "/hooks", list_hooks },
    { "POST", R "/hooks", create_hook },
    { "GET", R "/hooks/{}", get_hook },
    { "PATCH", R "/hooks/{}", edit_hook },
    { "DELETE", R "/hooks/{}", delete_hook },
    { "POST", R "/hooks/{}/pings", ping_hook },
    { "GET", R "/hooks/{}/deliveries", list_deliveries },
    { "GET", R "/hooks/{}/deliveries/{}", get_delivery },
    { "POST", R "/hooks/{}/deliveries/{}/attempts", redeliver },

    { "GET", R "/actions/workflows", list_workflows },
    { "GET", R "/actions/workflows/{}", get_workflow },
    { "POST", R "/actions/workflows/{}/dispatches", dispatch_workflow },
    { "GET", R "/actions/workflows/{}/runs", list_workflow_runs },
    { "GET", R "/actions/runs", list_runs },
    { "GET", R "/actions/runs/{}", get_run },
    { "GET", R "/actions/runs/{}/jobs", list_jobs },
    { "POST", R "/actions/runs/{}/cancel", cancel_run },
    { "POST", R "/actions/runs/{}/rerun", rerun_run },
    { "GET", R "/actions/jobs/{}", get_job },
    { "GET", R "/actions/jobs/{}/logs", get_job_log },

    { "GET", "/_sandbox/fault", list_faults },
    { "POST", "/_sandbox/fault", put_fault },
    { "DELETE", "/_sandbox/fault", clear_faults },
    { "GET", "/_sandbox/idle", get_idle },
    { "PATCH", "/_sandbox/settings", put_settings },
};

struct segments {
    struct str v[SEGMENTS_MAX];
    size_t n;
};

static bool split(struct str path, struct segments *out)
{
    struct str one;

    out->n = 0;
    str_cut(&path, str_starts(path, S("/")) ? 1 : 0);
    while (path.n > 0) {
        if (out->n == SEGMENTS_MAX)
            return false;
        str_split(&path, S("/"), &one);
        out->v[out->n++] = one;
    }
    return true;
}

struct match {
    struct str v[CALL_PARAMS + 2];
    size_t n;
};

/* Several segments as one text; they are neighbours in the path. */
static struct str join(const struct segments *s, size_t from, size_t to)
{
    const char *end = s->v[to - 1].p + s->v[to - 1].n;

    return (struct str){ s->v[from].p, (size_t)(end - s->v[from].p) };
}

static bool fits(const struct segments *pattern, size_t p, const struct segments *path, size_t i, struct match *m)
{
    if (p == pattern->n)
        return i == path->n;
    if (i == path->n)
        return false;
    if (str_is(pattern->v[p], "{}")) {
        m->v[m->n++] = path->v[i];
        if (fits(pattern, p + 1, path, i + 1, m))
            return true;
        m->n--;
        return false;
    }
    if (!str_is(pattern->v[p], "{+}"))
        return str_eq(pattern->v[p], path->v[i]) && fits(pattern, p + 1, path, i + 1, m);
    for (size_t end = path->n; end > i; end--) { /* the longest first: statuses may be a branch's last word */
        m->v[m->n++] = join(path, i, end);
        if (fits(pattern, p + 1, path, end, m))
            return true;
        m->n--;
    }
    return false;
}

/* Copy the parameters; below /repos the first two name the repository. False when there is no such one. */
static bool bind(struct call *c, const struct route *r, const struct match *m)
{
    size_t first = str_starts(str_c(r->pattern), S(R)) ? 2 : 0;

    for (size_t i = first; i < m->n; i++)
        c->params[i - first] = url_unescape(c->a, m->v[i], false);
    if (first == 0)
        return true;
    c->repo = *state_repo(c->s, arena_fmt(c->a, "%.*s/%.*s", STR(url_unescape(c->a, m->v[0], false)),
                                          STR(url_unescape(c->a, m->v[1], false))));
    return value_is(&c->repo, VALUE_MAP);
}

static bool needs_login(const struct sandbox *s, const struct route *r)
{
    if (!s->loopback && str_starts(str_c(r->pattern), S("/_sandbox/")))
        return true;
    return strcmp(r->method, "GET") != 0 && strcmp(r->pattern, "/graphql") != 0
           && !str_starts(str_c(r->pattern), S("/_sandbox/"));
}

static const struct route *find(struct call *c, struct match *m)
{
    struct segments path, pattern;

    if (!split(c->path, &path))
        return NULL;
    for (size_t i = 0; i < COUNT(routes); i++) {
        m->n = 0;
        split(str_c(routes[i].pattern), &pattern);
        if (str_is(c->method, routes[i].method) && fits(&pattern, 0, &path, 0, m))
            return &routes[i];
    }
    return NULL;
}

void call_run(struct call *c)
{
    struct match m = { 0 };
    const struct route *r = find(c, &m);

    if (r == NULL) {
        call_refuse(c, 404, "Not Found");
        return;
    }
    if (needs_login(c->s, r) && c->login.n == 0) {
        call_refuse(c, 401, "Requires authentication");
        return;
    }
    if (!bind(c, r, &m)) {
        call_refuse(c, 404, "Not Found");
        return;
    }
    r->run(c);
}
