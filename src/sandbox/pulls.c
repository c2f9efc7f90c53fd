/* Pull requests over the API: list, read, open, edit, and the requests of a commit. */
#include "sandbox/internal.h"

#define TITLE_MAX 256

static struct value visible(struct call *c, const struct value *pull, bool whole)
{
    return view_pull(&c->view, &c->repo, pull, whole);
}

static const struct value *pull_of(struct call *c)
{
    const struct value *pull = state_by_int(value_get(&c->repo, "pulls"), "number", call_param_int(c, 0));

    if (!value_is(pull, VALUE_MAP))
        call_refuse(c, 404, "Not Found");
    return pull;
}

/* ---- list -------------------------------------------------------------------------------------- */

/* "user:branch" or "branch" */
static bool head_matches(const struct value *pull, struct str wanted)
{
    struct str owner, full = value_str_at(pull, "head_repo"), repo_owner;

    if (str_find(wanted, S(":")) < 0)
        return str_eq(value_str_at(pull, "head_ref"), wanted);
    str_split(&wanted, S(":"), &owner);
    str_split(&full, S("/"), &repo_owner);
    return str_eq(value_str_at(pull, "head_ref"), wanted) && str_ieq(repo_owner, owner);
}

static bool is_listed(const struct value *pull, struct str state, struct str head, struct str base)
{
    return (str_is(state, "all") || str_eq(value_str_at(pull, "state"), state))
           && (head.n == 0 || head_matches(pull, head))
           && (base.n == 0 || str_eq(value_str_at(pull, "base_ref"), base));
}

static bool check_list_query(struct call *c, struct str state)
{
    static const char *const states[] = { "open", "closed", "all" };

    for (size_t i = 0; i < COUNT(states); i++)
        if (str_is(state, states[i]))
            return true;
    call_refuse_field(c, "PullRequest", "state", "invalid", NULL);
    return false;
}

/* Newest first by number, or by the last change with sort=updated; direction=asc turns it round. */
static void sort_pulls(struct call *c, const struct value *list)
{
    bool by_update = str_is(call_query(c, "sort"), "updated"), up = str_is(call_query(c, "direction"), "asc");
    struct value *v = list->list->v;

    for (size_t i = 1; i < list->list->n; i++)
        for (size_t j = i; j > 0; j--) {
            int order =
                by_update ? str_cmp(value_str_at(&v[j], "updated_at"), value_str_at(&v[j - 1], "updated_at")) : 0;
            if (order == 0)
                order = value_int_at(&v[j], "number", 0) > value_int_at(&v[j - 1], "number", 0) ? 1 : -1;
            if ((order > 0) == up)
                break;
            struct value moved = v[j];
            v[j] = v[j - 1];
            v[j - 1] = moved;
        }
}

void list_pulls(struct call *c)
{
    struct str state = call_query(c, "state"), head = call_query(c, "head"), base = call_query(c, "base");
    const struct value *pulls = value_get(&c->repo, "pulls");
    struct value found = value_list(c->a), out = value_list(c->a);
    size_t first, last;

    if (state.n == 0)
        state = S("open");
    if (!check_list_query(c, state))
        return;
    for (size_t i = 0; i < value_len(pulls); i++)
        if (is_listed(value_item(pulls, i), state, head, base))
            list_push(c->a, found.list, *value_item(pulls, i));
    sort_pulls(c, &found);
    call_page(c, value_len(&found), &first, &last);
    for (size_t i = first; i < last; i++)
        list_push(c->a, out.list, visible(c, value_item(&found, i), false));
    call_reply(c, 200, out);
}

/* ---- read --------------------------------------------------------------------------------------- */

void get_pull(struct call *c)
{
    const struct value *pull = pull_of(c);

    if (!value_is(pull, VALUE_MAP))
        return;
    if (str_find(c->accept, S(".diff")) >= 0 || str_find(c->accept, S(".patch")) >= 0) {
        c->status = 200;
        c->content_type = "text/plain; charset=utf-8";
        c->raw = git_line(
            c->a, repo_dir(c->a, c->s, &c->repo), "diff",
            arena_fmt(c->a, "%.*s...%.*s", STR(value_str_at(pull, "base_sha")), STR(value_str_at(pull, "head_sha"))).p,
            NULL);
        return;
    }
    call_reply(c, 200, visible(c, pull, true));
    /* The look has started the "background job": the next one knows. */
    if (!value_bool_at(pull, "mergeable_known", false))
        state_set_bool(c->s, pull, "mergeable_known", true);
}

static struct value file_entry(struct call *c, const struct value *pull, struct str line)
{
    struct value vars = value_map(c->a);
    struct str status, path = line;
    const char *name;

    str_split(&path, S("\t"), &status);
    name = str_starts(status, S("A")) ? "added" : str_starts(status, S("D")) ? "removed" : "modified";
    value_set_str(c->a, &vars, "path", path);
    value_set(c->a, &vars, "status", value_c(name));
    value_set_str(c->a, &vars, "sha", value_str_at(pull, "head_sha"));
    value_set_str(c->a, &vars, "u", call_repo_url(c));
    value_set_str(c->a, &vars, "html", call_repo_page(c));
    return shape(c->a, &vars,
                 "{'sha':$sha,'filename':$path,'status':$status,'additions':0,'deletions':0,'changes':0,"
                 "'blob_url':'$html/blob/$sha/$path','raw_url':'$html/raw/$sha/$path',"
                 "'contents_url':'$u/contents/$path?ref=$sha'}");
}

void list_pull_files(struct call *c)
{
    const struct value *pull = pull_of(c);
    struct value out = value_list(c->a);

    if (!value_is(pull, VALUE_MAP))
        return;
    struct str text = git_line(
        c->a, repo_dir(c->a, c->s, &c->repo), "diff", "--name-status", "--no-renames",
        arena_fmt(c->a, "%.*s...%.*s", STR(value_str_at(pull, "base_sha")), STR(value_str_at(pull, "head_sha"))).p,
        NULL);
    while (text.n > 0) {
        struct str line;
        str_split(&text, S("\n"), &line);
        list_push(c->a, out.list, file_entry(c, pull, line));
    }
    call_reply_page(c, &out);
}

void list_pull_commits(struct call *c)
{
    const struct value *pull = pull_of(c);
    struct value out = value_list(c->a);

    if (!value_is(pull, VALUE_MAP))
        return;
    const struct value *shas = value_get(pull, "commits");
    size_t first, last;
    call_page(c, value_len(shas), &first, &last);
    for (size_t i = first; i < last; i++)
        list_push(c->a, out.list, view_commit(&c->view, &c->repo, value_as_str(value_item(shas, i))));
    call_reply(c, 200, out);
}

void is_pull_merged(struct call *c)
{
    const struct value *pull = pull_of(c);

    if (!value_is(pull, VALUE_MAP))
        return;
    if (value_str_at(pull, "merged_at").n == 0) {
        call_refuse(c, 404, "Not Found");
        return;
    }
    call_reply(c, 204, value_null());
}

/* ---- the requests of a commit --------------------------------------------------------------------- */

static bool is_on_default_branch(struct call *c, struct str sha)
{
    const char *branch = arena_fmt(c->a, "refs/heads/%.*s", STR(value_str_at(&c->repo, "default_branch"))).p;
    struct err ignored = { 0 };

    return sandbox_git(c->a, repo_dir(c->a, c->s, &c->repo), NULL, &ignored, "merge-base", "--is-ancestor",
                       arena_c(c->a, sha), branch, NULL);
}

/* The index lags behind a merge on GitHub; the setting index_lag_ms makes the stand-in do so too. */
static bool is_indexed(struct call *c, const struct value *pull)
{
    int64_t lag = value_int_at(&c->s->state, "index_lag_ms", 0);

    return lag == 0 || value_str_at(pull, "merged_at").n == 0
           || value_int_at(pull, "merged_ms", 0) + lag <= clock_wall_ms();
}

void list_commit_pulls(struct call *c)
{
    struct value out = value_list(c->a);
    const struct value *pulls = value_get(&c->repo, "pulls");
    struct str sha = git_commit_of(c->a, repo_dir(c->a, c->s, &c->repo), c->params[0]);

    if (sha.n == 0) {
        call_refuse(c, 422, "No commit found for SHA: %.*s", STR(c->params[0]));
        return;
    }
    bool trunk = is_on_default_branch(c, sha);
    for (size_t i = value_len(pulls); i-- > 0;) {
        const struct value *pull = value_item(pulls, i);
        bool merged = value_str_at(pull, "merged_at").n > 0, open = str_is(value_str_at(pull, "state"), "open");
        if (pull_has_commit(pull, sha) && is_indexed(c, pull) && (merged || (open && !trunk)))
            list_push(c->a, out.list, visible(c, pull, false));
    }
    call_reply_page(c, &out);
}

/* ---- open ------------------------------------------------------------------------------------------ */

struct proposal {
    struct str title, body, head_repo, head, base, head_sha, base_sha;
};

/* "branch" of this repository, or "owner:branch" of a fork of it. */
static bool find_head(struct call *c, struct str head, struct proposal *p)
{
    struct str owner, full = repo_full_name(c->a, &c->repo);
    const struct value *from = &c->repo;

    p->head = head;
    p->head_repo = full;
    if (str_find(head, S(":")) >= 0) {
        str_split(&p->head, S(":"), &owner);
        p->head_repo = arena_fmt(c->a, "%.*s/%.*s", STR(owner), STR(value_str_at(&c->repo, "name")));
        from = state_repo(c->s, p->head_repo);
        if (!str_ieq(p->head_repo, full) && !str_ieq(value_str_at(from, "fork_of"), full))
            return false;
    }
    p->head_sha = state_ref(from, arena_fmt(c->a, "refs/heads/%.*s", STR(p->head)));
    return p->head_sha.n > 0;
}

static bool is_proposed_already(struct call *c, const struct proposal *p)
{
    const struct value *pulls = value_get(&c->repo, "pulls");

    for (size_t i = 0; i < value_len(pulls); i++) {
        const struct value *pull = value_item(pulls, i);
        if (str_is(value_str_at(pull, "state"), "open") && str_eq(value_str_at(pull, "head_ref"), p->head)
            && str_ieq(value_str_at(pull, "head_repo"), p->head_repo)
            && str_eq(value_str_at(pull, "base_ref"), p->base))
            return true;
    }
    return false;
}

static bool check_proposal(struct call *c, struct proposal *p)
{
    p->title = value_str_at(&c->body, "title");
    p->body = value_str_at(&c->body, "body");
    p->base = value_str_at(&c->body, "base");
    p->base_sha = state_ref(&c->repo, arena_fmt(c->a, "refs/heads/%.*s", STR(p->base)));
    if (p->title.n == 0 || p->title.n > TITLE_MAX)
        call_refuse_field(c, "PullRequest", "title", p->title.n == 0 ? "missing_field" : "invalid", NULL);
    else if (p->base_sha.n == 0)
        call_refuse_field(c, "PullRequest", "base", "invalid", NULL);
    else if (!find_head(c, value_str_at(&c->body, "head"), p))
        call_refuse_field(c, "PullRequest", "head", "invalid", NULL);
    else if (is_proposed_already(c, p))
        call_refuse_field(c, "PullRequest", "head", "custom", "A pull request already exists for %.*s:%.*s.",
                          STR(value_str_at(&c->repo, "owner")), STR(p->head));
    else
        return true;
    return false;
}

static struct value pull_document(struct call *c, const struct proposal *p)
{
    struct value vars = value_map(c->a);
    int64_t number = value_int_at(&c->repo, "next_number", 1);

    state_set_int(c->s, &c->repo, "next_number", number + 1);
    value_set(c->a, &vars, "number", value_int(number));
    value_set(c->a, &vars, "id", value_int(state_next_id(c->s)));
    value_set_str(c->a, &vars, "title", p->title);
    value_set_str(c->a, &vars, "body", p->body);
    value_set_str(c->a, &vars, "user", c->login);
    value_set_str(c->a, &vars, "hrepo", p->head_repo);
    value_set_str(c->a, &vars, "href", p->head);
    value_set_str(c->a, &vars, "hsha", p->head_sha);
    value_set_str(c->a, &vars, "bref", p->base);
    value_set_str(c->a, &vars, "bsha", p->base_sha);
    value_set_str(c->a, &vars, "now", clock_rfc3339(c->a, clock_wall_ms()));
    value_set(c->a, &vars, "draft", value_bool(value_bool_at(&c->body, "draft", false)));
    return shape(c->a, &vars,
                 "{'number':$number,'id':$id,'title':$title,'body':$body,'state':'open','draft':$draft,'user':$user,"
                 "'head_repo':$hrepo,'head_ref':$href,'head_sha':$hsha,'base_ref':$bref,'base_sha':$bsha,'labels':[],"
                 "'created_at':$now,'updated_at':$now,'closed_at':'','merged_at':'','merged_by':'',"
                 "'merge_commit_sha':'','commits':[],'merged_commits':[]}");
}

void create_pull(struct call *c)
{
    struct proposal p = { 0 };

    if (!check_proposal(c, &p))
        return;
    struct value pull = state_push(c->s, value_get(&c->repo, "pulls"), pull_document(c, &p));
    pull_recompute(c->s, &c->repo, &pull);
    if (value_len(value_get(&pull, "commits")) == 0) {
        value_get(&c->repo, "pulls")->list->n--;
        state_set_int(c->s, &c->repo, "next_number", value_int_at(&pull, "number", 1));
        call_refuse_field(c, "PullRequest", "head", "custom", "No commits between %.*s and %.*s", STR(p.base),
                          STR(p.head));
        return;
    }
    pull_event(c->s, &c->repo, &pull, "opened", c->login, NULL);
    struct value out = visible(c, &pull, true);
    call_header(c, "Location", value_str_at(&out, "url"));
    call_reply(c, 201, out);
}

/* ---- edit -------------------------------------------------------------------------------------------- */

static void remember_change(struct call *c, struct value *changes, const struct value *pull, const char *key)
{
    struct value from = value_map(c->a);

    value_set_str(c->a, &from, "from", value_str_at(pull, key));
    value_set(c->a, changes, key, from);
    state_set(c->s, pull, key, *value_get(&c->body, key));
}

static void edit_texts(struct call *c, const struct value *pull)
{
    static const char *const keys[] = { "title", "body" };
    struct value changes = value_map(c->a), extra = value_map(c->a);

    for (size_t i = 0; i < COUNT(keys); i++)
        if (value_is(value_get(&c->body, keys[i]), VALUE_STRING)
            && !str_eq(value_str_at(&c->body, keys[i]), value_str_at(pull, keys[i])))
            remember_change(c, &changes, pull, keys[i]);
    struct str base = value_str_at(&c->body, "base");
    struct str sha = state_ref(&c->repo, arena_fmt(c->a, "refs/heads/%.*s", STR(base)));
    if (sha.n > 0 && !str_eq(base, value_str_at(pull, "base_ref"))) {
        value_put_at(c->a, &changes, "base.ref.from", value_str(arena_str(c->a, value_str_at(pull, "base_ref"))));
        value_put_at(c->a, &changes, "base.sha.from", value_str(arena_str(c->a, value_str_at(pull, "base_sha"))));
        state_set_str(c->s, pull, "base_ref", base);
        state_set_str(c->s, pull, "base_sha", sha);
        pull_recompute(c->s, &c->repo, pull);
    }
    if (changes.map->n == 0)
        return;
    state_set_now(c->s, pull, "updated_at");
    value_set(c->a, &extra, "changes", changes);
    pull_event(c->s, &c->repo, pull, "edited", c->login, &extra);
}

static void reopen(struct call *c, const struct value *pull)
{
    const struct value *from = state_repo(c->s, value_str_at(pull, "head_repo"));
    struct str sha = state_ref(from, arena_fmt(c->a, "refs/heads/%.*s", STR(value_str_at(pull, "head_ref"))));

    if (value_str_at(pull, "merged_at").n > 0 || sha.n == 0) {
        call_refuse_field(c, "PullRequest", "state", "invalid", "state cannot be changed. The %s.",
                          sha.n == 0 ? "head branch has been deleted" : "pull request was merged");
        return;
    }
    state_set_str(c->s, pull, "state", S("open"));
    state_set_str(c->s, pull, "closed_at", S(""));
    state_set_str(c->s, pull, "head_sha", sha);
    state_set_now(c->s, pull, "updated_at");
    pull_recompute(c->s, &c->repo, pull);
    pull_event(c->s, &c->repo, pull, "reopened", c->login, NULL);
}

void edit_pull(struct call *c)
{
    const struct value *pull = pull_of(c);
    struct str state = value_str_at(&c->body, "state");

    if (!value_is(pull, VALUE_MAP))
        return;
    if (state.n > 0 && !str_is(state, "open") && !str_is(state, "closed")) {
        call_refuse_field(c, "PullRequest", "state", "invalid", NULL);
        return;
    }
    edit_texts(c, pull);
    bool open = str_is(value_str_at(pull, "state"), "open");
    if (str_is(state, "closed") && open)
        pull_finish(c->s, &c->repo, pull, c->login, S(""));
    else if (str_is(state, "open") && !open)
        reopen(c, pull);
    if (c->status == 0)
        call_reply(c, 200, visible(c, pull, true));
}
