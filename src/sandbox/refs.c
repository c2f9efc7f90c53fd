/*
 * What a push means.
 *
 * There are no hook scripts: after every request that can move a ref, branches and tags are compared with what was last
 * seen, and each difference is acted upon. That makes the work idempotent - two pushes at once are seen once each, a
 * push by file path is seen with the next request - and survives a crash between the push and the events.
 */
#include "sandbox/internal.h"

#define PUSH_COMMITS_MAX 20 /* in a payload, as GitHub */
#define PULL_COMMITS_MAX 250

struct change {
    struct str ref, before, after; /* before or after is the zero sha */
};
typedef VEC(struct change) change_vec;

/* ---- looking ---------------------------------------------------------------------------------- */

static struct value read_refs(struct arena *a, const char *dir)
{
    struct value out = value_map(a);
    struct str text =
        git_line(a, dir, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags", NULL);
    struct str line, sha;

    while (text.n > 0) {
        str_split(&text, S("\n"), &line);
        str_split(&line, S(" "), &sha);
        map_put(a, out.map, line, value_str(sha));
    }
    return out;
}

static struct str at(const struct value *refs, struct str name)
{
    const struct value *found = value_is(refs, VALUE_MAP) ? map_get(refs->map, name) : NULL;

    return found != NULL ? value_as_str(found) : S(SANDBOX_ZERO_SHA);
}

static void differences(struct arena *a, const struct value *old, const struct value *now, change_vec *out)
{
    for (size_t i = 0; i < now->map->n; i++) {
        struct str name = now->map->v[i].key;
        if (!str_eq(at(old, name), at(now, name)))
            *vec_push(a, out) = (struct change){ name, arena_str(a, at(old, name)), at(now, name) };
    }
    for (size_t i = 0; value_is(old, VALUE_MAP) && i < old->map->n; i++) {
        struct str name = old->map->v[i].key;
        if (map_get(now->map, name) == NULL)
            *vec_push(a, out) = (struct change){ arena_str(a, name), arena_str(a, at(old, name)), S(SANDBOX_ZERO_SHA) };
    }
}

static bool is_zero(struct str sha)
{
    return str_is(sha, SANDBOX_ZERO_SHA);
}

/* ---- telling ------------------------------------------------------------------------------------ */

static bool is_ancestor(struct arena *a, const char *dir, struct str older, struct str newer)
{
    struct err ignored = { 0 };

    return sandbox_git(a, dir, NULL, &ignored, "merge-base", "--is-ancestor", arena_c(a, older), arena_c(a, newer),
                       NULL);
}

static struct value pushed_commits(const struct view *v, const struct value *repo, const struct change *ch)
{
    struct value out = value_list(v->a);
    const char *dir = repo_dir(v->a, v->s, repo);
    struct str range = ch->after, line;

    if (is_zero(ch->after))
        return out;
    if (!is_zero(ch->before))
        range = arena_fmt(v->a, "%.*s..%.*s", STR(ch->before), STR(ch->after));
    struct str text = git_line(v->a, dir, "rev-list", "--reverse",
                               arena_fmt(v->a, "--max-count=%d", PUSH_COMMITS_MAX).p, arena_c(v->a, range), NULL);
    while (text.n > 0) {
        str_split(&text, S("\n"), &line);
        struct value commit = view_push_commit(v, repo, line);
        if (value_is(&commit, VALUE_MAP))
            list_push(v->a, out.list, commit);
    }
    return out;
}

static struct value push_payload(const struct view *v, const struct value *repo, const struct change *ch,
                                 struct str login)
{
    struct value vars = value_map(v->a);
    bool created = is_zero(ch->before), deleted = is_zero(ch->after);
    bool forced = !created && !deleted && !is_ancestor(v->a, repo_dir(v->a, v->s, repo), ch->before, ch->after);

    value_set_str(v->a, &vars, "ref", ch->ref);
    value_set_str(v->a, &vars, "before", ch->before);
    value_set_str(v->a, &vars, "after", ch->after);
    value_set(v->a, &vars, "created", value_bool(created));
    value_set(v->a, &vars, "deleted", value_bool(deleted));
    value_set(v->a, &vars, "forced", value_bool(forced));
    value_set(v->a, &vars, "commits", pushed_commits(v, repo, ch));
    value_set(v->a, &vars, "head", deleted ? value_null() : view_push_commit(v, repo, ch->after));
    value_set_str(v->a, &vars, "login", login);
    value_set(v->a, &vars, "compare",
              value_fmt(v->a, "%.*s/%.*s/compare/%.12s...%.12s", STR(v->s->url), STR(repo_full_name(v->a, repo)),
                        ch->before.p, ch->after.p));
    return shape(v->a, &vars,
                 "{'ref':$ref,'before':$before,'after':$after,'created':$created,'deleted':$deleted,'forced':$forced,"
                 "'base_ref':null,'compare':$compare,'commits':$commits,'head_commit':$head,"
                 "'pusher':{'name':$login,'email':'$login@users.noreply.sandbox.invalid'}}");
}

static void tell_push(struct arena *a, struct sandbox *s, const struct value *repo, const struct change *ch,
                      struct str login)
{
    struct view v = view_own(a, s);
    struct value payload = push_payload(&v, repo, ch, login);
    struct str branch = ch->ref;

    hook_emit(s, repo, "push", login, payload);
    if (is_zero(ch->after) || str_eq(login, S(SANDBOX_BOT)))
        return;
    str_cut(&branch, S("refs/heads/").n);
    struct workflow_event ev = { .name = "push",
                                 .git_ref = ch->ref,
                                 .sha = ch->after,
                                 .before = ch->before,
                                 .head_branch = branch,
                                 .base_branch = branch,
                                 .actor = login,
                                 .payload = payload };
    workflows_trigger(s, repo, &ev);
}

/* As on GitHub: the commit that workflows see is the test merge (the result, once merged), and a request that conflicts
 * runs none. What the author pushed is github.event.pull_request.head.sha. */
static void trigger_pull(struct arena *a, struct sandbox *s, const struct value *repo, const struct value *pull,
                         const char *action, struct str login, struct value payload)
{
    struct str merged = value_str_at(pull, "merge_commit_sha"), test = value_str_at(pull, "test_merge_sha");
    bool open = str_is(value_str_at(pull, "state"), "open");
    struct workflow_event ev = { .name = "pull_request", .action = action, .actor = login, .payload = payload };

    if (str_eq(login, S(SANDBOX_BOT)) || (open && test.n == 0))
        return;
    ev.pull = value_int_at(pull, "number", 0);
    ev.sha = open ? test : merged.n > 0 ? merged : value_str_at(pull, "head_sha");
    ev.git_ref = arena_fmt(a, "refs/pull/%lld/merge", (long long)ev.pull);
    ev.head_branch = value_str_at(pull, "head_ref");
    ev.base_branch = value_str_at(pull, "base_ref");
    workflows_trigger(s, repo, &ev);
}

void pull_event(struct sandbox *s, const struct value *repo, const struct value *pull, const char *action,
                struct str login, const struct value *extra)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct view v = view_own(&a, s);
    struct value payload = value_map(&a);
    value_set(&a, &payload, "action", value_c(action));
    value_set(&a, &payload, "number", *value_get(pull, "number"));
    for (size_t i = 0; extra != NULL && i < extra->map->n; i++)
        map_put(&a, payload.map, extra->map->v[i].key, extra->map->v[i].value);
    value_set(&a, &payload, "pull_request", view_pull(&v, repo, pull, true));
    hook_emit(s, repo, "pull_request", login, payload);
    trigger_pull(&a, s, repo, pull, action, login, payload);
}

/* ---- pull requests -------------------------------------------------------------------------------- */

/* refs/pull/N/merge exists while the head merges without a conflict. */
static void test_merge(struct arena *a, struct sandbox *s, const struct value *pull, const char *dir)
{
    struct str base = value_str_at(pull, "base_sha"), head = value_str_at(pull, "head_sha"), tree = { 0 }, sha = { 0 };
    const char *ref = arena_fmt(a, "refs/pull/%lld/merge", (long long)value_int_at(pull, "number", 0)).p;
    struct str parents[] = { base, head };
    struct err e = { 0 };
    struct str message = arena_fmt(a, "Merge %.*s into %.*s", STR(head), STR(base));
    bool clean = sandbox_git(a, dir, &tree, &e, "merge-tree", "--write-tree", arena_c(a, base), arena_c(a, head), NULL)
                 && git_commit_tree(a, dir, tree, value_str_at(pull, "user"), message, parents, 2, &sha, &e)
                 && sandbox_git(a, dir, NULL, &e, "update-ref", ref, arena_c(a, sha), NULL);

    if (!clean)
        (void)git_line(a, dir, "update-ref", "-d", ref, NULL);
    state_set_bool(s, pull, "mergeable", clean);
    state_set_bool(s, pull, "mergeable_known", false);
    state_set_str(s, pull, "test_merge_sha", clean ? sha : S(""));
}

static void count_changes(struct arena *a, struct sandbox *s, const struct value *pull, const char *dir)
{
    const char *range =
        arena_fmt(a, "%.*s...%.*s", STR(value_str_at(pull, "base_sha")), STR(value_str_at(pull, "head_sha"))).p;
    struct str text = git_line(a, dir, "diff", "--numstat", range, NULL), line, plus, minus;
    int64_t files = 0, added = 0, removed = 0, n = 0;

    for (; text.n > 0; files++) {
        str_split(&text, S("\n"), &line);
        str_split(&line, S("\t"), &plus);
        str_split(&line, S("\t"), &minus);
        added += str_to_int(plus, &n) ? n : 0; /* "-" for a binary file */
        removed += str_to_int(minus, &n) ? n : 0;
    }
    state_set_int(s, pull, "additions", added);
    state_set_int(s, pull, "deletions", removed);
    state_set_int(s, pull, "changed_files", files);
}

static void list_commits_of(struct arena *a, struct sandbox *s, const struct value *pull, const char *dir)
{
    const char *range =
        arena_fmt(a, "%.*s..%.*s", STR(value_str_at(pull, "base_sha")), STR(value_str_at(pull, "head_sha"))).p;
    struct str text =
        git_line(a, dir, "rev-list", "--reverse", arena_fmt(a, "--max-count=%d", PULL_COMMITS_MAX).p, range, NULL);
    struct value shas = value_list(a);
    struct str line;

    while (text.n > 0) {
        str_split(&text, S("\n"), &line);
        list_push(a, shas.list, value_str(line));
    }
    state_set(s, pull, "commits", shas);
}

void pull_recompute(struct sandbox *s, const struct value *repo, const struct value *pull)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const char *dir = repo_dir(&a, s, repo);
    const char *ref = arena_fmt(&a, "refs/pull/%lld/head", (long long)value_int_at(pull, "number", 0)).p;
    struct str head_repo = value_str_at(pull, "head_repo");
    const struct value *from = state_repo(s, head_repo);
    struct err e = { 0 };

    /* A fork has its own object store: bring the commits over. */
    if (value_is(from, VALUE_MAP) && from->map != repo->map
        && !sandbox_git(&a, dir, NULL, &e, "fetch", "-q", "--no-tags", repo_dir(&a, s, from),
                        arena_fmt(&a, "+refs/heads/%.*s:%s", STR(value_str_at(pull, "head_ref")), ref).p, NULL))
        log_warn("sandbox: fetch the head of pull request: %s", e.text);
    (void)git_line(&a, dir, "update-ref", ref, arena_c(&a, value_str_at(pull, "head_sha")), NULL);
    list_commits_of(&a, s, pull, dir);
    count_changes(&a, s, pull, dir);
    test_merge(&a, s, pull, dir);
}

void pull_finish(struct sandbox *s, const struct value *repo, const struct value *pull, struct str login,
                 struct str merge_sha)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const char *ref = arena_fmt(&a, "refs/pull/%lld/merge", (long long)value_int_at(pull, "number", 0)).p;

    (void)git_line(&a, repo_dir(&a, s, repo), "update-ref", "-d", ref, NULL);
    state_set_str(s, pull, "state", S("closed"));
    state_set_now(s, pull, "closed_at");
    state_set_now(s, pull, "updated_at");
    state_set_str(s, pull, "test_merge_sha", S(""));
    if (merge_sha.n > 0) {
        state_set_str(s, pull, "merged_at", value_str_at(pull, "closed_at"));
        state_set_int(s, pull, "merged_ms", clock_wall_ms());
        state_set_str(s, pull, "merged_by", login);
        state_set_str(s, pull, "merge_commit_sha", merge_sha);
    }
    pull_event(s, repo, pull, "closed", login, NULL);
}

static void head_moved(struct arena *a, struct sandbox *s, const struct value *repo, const struct value *pull,
                       const struct change *ch, struct str login)
{
    struct value extra = value_map(a);

    if (is_zero(ch->after)) { /* a deleted head closes the request, as on GitHub */
        pull_finish(s, repo, pull, login, S(""));
        return;
    }
    if (str_eq(value_str_at(pull, "head_sha"), ch->after))
        return;
    value_set_str(a, &extra, "before", arena_str(a, value_str_at(pull, "head_sha")));
    value_set_str(a, &extra, "after", ch->after);
    state_set_str(s, pull, "head_sha", ch->after);
    state_set_now(s, pull, "updated_at");
    pull_recompute(s, repo, pull);
    pull_event(s, repo, pull, "synchronize", login, &extra);
}

/* The base moved: it may hold the head now, which GitHub shows as merged. */
static void base_moved(struct arena *a, struct sandbox *s, const struct value *repo, const struct value *pull,
                       const struct change *ch, struct str login)
{
    struct str head = value_str_at(pull, "head_sha");

    if (is_zero(ch->after))
        return;
    bool merged = value_len(value_get(pull, "commits")) > 0 && is_ancestor(a, repo_dir(a, s, repo), head, ch->after);
    if (merged) {
        pull_finish(s, repo, pull, login, ch->after);
        return;
    }
    state_set_str(s, pull, "base_sha", ch->after);
    pull_recompute(s, repo, pull);
}

static void update_pulls(struct arena *a, struct sandbox *s, const struct value *repo, const struct change *ch,
                         struct str login)
{
    const struct map *all = value_get(&s->state, "repositories")->map;
    struct str full = repo_full_name(a, repo);
    struct str branch = str_slice(ch->ref, S("refs/heads/").n, ch->ref.n);

    for (size_t r = 0; r < all->n; r++) {
        const struct value *base = &all->v[r].value, *pulls = value_get(base, "pulls");
        for (size_t i = 0; i < value_len(pulls); i++) {
            const struct value *pull = value_item(pulls, i);
            if (!str_is(value_str_at(pull, "state"), "open"))
                continue;
            if (str_ieq(value_str_at(pull, "head_repo"), full) && str_eq(value_str_at(pull, "head_ref"), branch))
                head_moved(a, s, base, pull, ch, login);
            else if (base->map == repo->map && str_eq(value_str_at(pull, "base_ref"), branch))
                base_moved(a, s, base, pull, ch, login);
        }
    }
}

/* The first branch pushed into an empty repository becomes the default one when there is no other yet. */
static void adopt_default_branch(struct arena *a, struct sandbox *s, const struct value *repo, const struct value *now)
{
    struct str wanted = arena_fmt(a, "refs/heads/%.*s", STR(value_str_at(repo, "default_branch")));
    struct str first = now->map->n > 0 ? now->map->v[0].key : S("");

    if (map_get(now->map, wanted) != NULL || !str_starts(first, S("refs/heads/"))
        || value_len(value_get(repo, "pulls")) > 0)
        return;
    state_set_str(s, repo, "default_branch", str_slice(first, S("refs/heads/").n, first.n));
    (void)git_line(a, repo_dir(a, s, repo), "symbolic-ref", "HEAD", arena_c(a, first), NULL);
}

void refs_refresh(struct sandbox *s, const struct value *repo, struct str login)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value now = read_refs(&a, repo_dir(&a, s, repo));
    change_vec changes = { 0 };

    differences(&a, value_get(repo, "refs"), &now, &changes);
    if (changes.n == 0)
        return;
    state_set(s, repo, "refs", now);
    state_set_now(s, repo, "pushed_at");
    adopt_default_branch(&a, s, repo, &now);
    for (size_t i = 0; i < changes.n; i++) {
        tell_push(&a, s, repo, &changes.v[i], login);
        if (str_starts(changes.v[i].ref, S("refs/heads/")))
            update_pulls(&a, s, repo, &changes.v[i], login);
    }
}
