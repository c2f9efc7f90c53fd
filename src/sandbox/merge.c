/* Merging a pull request by its three methods, without a work tree. */
#include "sandbox/internal.h"

struct merge {
    struct call *c;
    const struct value *pull;
    const char *dir;
    struct str base, head; /* shas */
    struct str title, message;
};

/* Two parents, as the test merge has them. */
static bool by_merge(struct merge *m, struct str *out, struct err *e)
{
    struct arena *a = m->c->a;
    struct str tree, parents[] = { m->base, m->head };
    struct str text = arena_fmt(a, "%.*s\n\n%.*s\n", STR(m->title), STR(m->message));

    return sandbox_git(a, m->dir, &tree, e, "merge-tree", "--write-tree", arena_c(a, m->base), arena_c(a, m->head),
                       NULL)
           && git_commit_tree(a, m->dir, tree, m->c->login, text, parents, 2, out, e);
}

/* One commit with the merged tree on top of the base. */
static bool by_squash(struct merge *m, struct str *out, struct err *e)
{
    struct arena *a = m->c->a;
    struct str tree;
    struct str text = arena_fmt(a, "%.*s\n\n%.*s\n", STR(m->title), STR(m->message));

    return sandbox_git(a, m->dir, &tree, e, "merge-tree", "--write-tree", arena_c(a, m->base), arena_c(a, m->head),
                       NULL)
           && git_commit_tree(a, m->dir, tree, m->c->login, text, &m->base, 1, out, e);
}

/*
 * One commit replayed on `onto`: a merge of trees whose base is the commit's own parent. merge-tree of git 2.39 finds
 * the base by itself, so it is given three commits whose history is nothing but that.
 */
static bool replay(struct merge *m, struct str commit, struct str onto, struct str *out, struct err *e)
{
    struct arena *a = m->c->a;
    struct str login = m->c->login, base, ours, theirs, tree;
    struct commit_info info = { 0 }, parent = { 0 }, tip = { 0 };

    if (!git_commit_info(a, m->dir, commit, &info) || info.n_parents != 1
        || !git_commit_info(a, m->dir, info.parents[0], &parent) || !git_commit_info(a, m->dir, onto, &tip))
        return err_set(e, ERR_CONFLICT, "commit %.*s is a merge, which a rebase cannot replay", STR(commit));
    return git_commit_tree(a, m->dir, parent.tree, login, S("base"), NULL, 0, &base, e)
           && git_commit_tree(a, m->dir, tip.tree, login, S("ours"), &base, 1, &ours, e)
           && git_commit_tree(a, m->dir, info.tree, login, S("theirs"), &base, 1, &theirs, e)
           && sandbox_git(a, m->dir, &tree, e, "merge-tree", "--write-tree", arena_c(a, ours), arena_c(a, theirs), NULL)
           && git_commit_tree(a, m->dir, tree, login, info.message, &onto, 1, out, e);
}

static bool by_rebase(struct merge *m, struct str *out, struct err *e)
{
    const struct value *commits = value_get(m->pull, "commits");
    struct value made = value_list(m->c->a);
    struct str tip = m->base;

    for (size_t i = 0; i < value_len(commits); i++) {
        if (!replay(m, value_as_str(value_item(commits, i)), tip, &tip, e))
            return false;
        list_push(m->c->a, made.list, value_str(tip));
    }
    state_set(m->c->s, m->pull, "merged_commits", made);
    *out = tip;
    return true;
}

static void default_texts(struct merge *m, struct str method)
{
    struct arena *a = m->c->a;
    long long number = (long long)value_int_at(m->pull, "number", 0);
    struct str full = value_str_at(m->pull, "head_repo"), owner;

    str_split(&full, S("/"), &owner);
    m->title = value_str_at(&m->c->body, "commit_title");
    m->message = value_str_at(&m->c->body, "commit_message");
    if (m->title.n == 0 && str_is(method, "merge"))
        m->title = arena_fmt(a, "Merge pull request #%lld from %.*s/%.*s", number, STR(owner),
                             STR(value_str_at(m->pull, "head_ref")));
    if (m->title.n == 0)
        m->title = arena_fmt(a, "%.*s (#%lld)", STR(value_str_at(m->pull, "title")), number);
    if (m->message.n == 0 && str_is(method, "merge"))
        m->message = value_str_at(m->pull, "title");
}

static bool check(struct call *c, const struct value *pull, struct str method)
{
    struct str guard = value_str_at(&c->body, "sha");

    if (!value_is(pull, VALUE_MAP))
        call_refuse(c, 404, "Not Found");
    else if (!str_is(method, "merge") && !str_is(method, "squash") && !str_is(method, "rebase"))
        call_refuse(c, 422, "Invalid request. merge_method must be merge, squash or rebase");
    else if (!str_is(value_str_at(pull, "state"), "open") || !value_bool_at(pull, "mergeable", false))
        call_refuse(c, 405, "Pull Request is not mergeable");
    else if (guard.n > 0 && !str_ieq(guard, value_str_at(pull, "head_sha")))
        call_refuse(c, 409, "Head branch was modified. Review and try the merge again.");
    else
        return true;
    return false;
}

/* The request is closed before the push of its base is noticed, so that noticing finds nothing more to close. */
static void conclude(struct merge *m, struct str sha)
{
    struct call *c = m->c;
    struct value out = value_map(c->a);

    pull_finish(c->s, &c->repo, m->pull, c->login, sha);
    refs_refresh(c->s, &c->repo, c->login);
    value_set_str(c->a, &out, "sha", sha);
    value_set(c->a, &out, "merged", value_bool(true));
    value_set(c->a, &out, "message", value_c("Pull Request successfully merged"));
    call_reply(c, 200, out);
}

void merge_pull(struct call *c)
{
    const struct value *pull = state_by_int(value_get(&c->repo, "pulls"), "number", call_param_int(c, 0));
    struct str method = value_str_at(&c->body, "merge_method"), sha = { 0 };
    struct err e = { 0 };

    if (method.n == 0)
        method = S("merge");
    if (!check(c, pull, method))
        return;
    struct merge m = { .c = c,
                       .pull = pull,
                       .dir = repo_dir(c->a, c->s, &c->repo),
                       .base = value_str_at(pull, "base_sha"),
                       .head = value_str_at(pull, "head_sha") };
    default_texts(&m, method);
    bool made = str_is(method, "merge")    ? by_merge(&m, &sha, &e)
                : str_is(method, "squash") ? by_squash(&m, &sha, &e)
                                           : by_rebase(&m, &sha, &e);
    const char *ref = arena_fmt(c->a, "refs/heads/%.*s", STR(value_str_at(pull, "base_ref"))).p;
    if (!made
        || !sandbox_git(c->a, m.dir, NULL, &e, "update-ref", ref, arena_c(c->a, sha), arena_c(c->a, m.base), NULL))
        call_refuse(c, 405, "%s", e.text);
    else
        conclude(&m, sha);
}
