/*
 * Pull requests: the list with every page, one request, and the request of a commit.
 *
 * A page is believed only when it is a list whose every item has the fields that the product acts on: a list of another
 * shape must never become "fewer pull requests".
 */
#include "data/json.h"
#include "forge/internal.h"
#include "net/url.h"

static bool missing(struct err *e, const char *path, const char *what)
{
    return err_set(e, ERR_UNAVAILABLE, "the answer has another shape than a pull request: %s is not %s", path, what);
}

static bool text_at(const struct value *v, const char *path, struct str *out, struct err *e)
{
    *out = value_str_at(v, path);
    return out->n > 0 || missing(e, path, "a text");
}

static void decode_labels(struct arena *a, const struct value *list, struct forge_pull *p)
{
    p->labels = arena_new(a, struct str, value_len(list));
    for (size_t i = 0; i < value_len(list); i++) {
        struct str name = value_str_at(value_item(list, i), "name");
        if (name.n > 0)
            p->labels[p->n_labels++] = name;
    }
}

static bool decode_pull(struct arena *a, const struct value *v, struct forge_pull *out, struct err *e)
{
    struct forge_pull p = { .number = value_int_at(v, "number", 0) };

    if (p.number <= 0)
        return missing(e, "number", "a positive number");
    if (!text_at(v, "state", &p.state, e) || !text_at(v, "head.ref", &p.branch, e)
        || !text_at(v, "head.sha", &p.head_sha, e) || !text_at(v, "base.ref", &p.target_branch, e))
        return false;
    if (!forge_is_sha(p.head_sha))
        return missing(e, "head.sha", "a commit");
    p.title = value_str_at(v, "title");
    p.base_sha = value_str_at(v, "base.sha");
    p.author = value_str_at(v, "user.login");
    p.author_association = value_str_at(v, "author_association");
    p.url = value_str_at(v, "html_url");
    p.draft = value_bool_at(v, "draft", false);
    p.merged_at = value_str_at(v, "merged_at");
    p.merged = value_bool_at(v, "merged", false) || p.merged_at.n > 0; /* lists have no `merged` */
    p.merge_commit_sha = value_str_at(v, "merge_commit_sha");
    p.updated_at = value_str_at(v, "updated_at");
    p.head_repo = value_str_at(v, "head.repo.full_name");
    p.base_repo = value_str_at(v, "base.repo.full_name");
    p.from_fork = !str_ieq(p.head_repo, p.base_repo); /* head.repo is null once a fork was deleted */
    decode_labels(a, value_get(v, "labels"), &p);
    *out = p;
    return true;
}

typedef VEC(struct forge_pull) pull_vec;

static bool has_number(const pull_vec *pulls, int64_t number)
{
    for (size_t i = 0; i < pulls->n; i++)
        if (pulls->v[i].number == number)
            return true;
    return false;
}

/* A request that moved to the next page between two calls comes twice: the first one counts. */
static bool decode_page(struct arena *a, const struct value *json, pull_vec *pulls, struct err *e)
{
    if (!value_is(json, VALUE_LIST))
        return err_set(e, ERR_UNAVAILABLE, "the answer has another shape: expected a list of pull requests, got a %s",
                       value_kind_name((enum value_kind)json->kind));
    for (size_t i = 0; i < value_len(json); i++) {
        struct forge_pull p;
        if (!decode_pull(a, value_item(json, i), &p, e))
            return err_wrap(e, "item %zu", i + 1);
        if (!has_number(pulls, p.number))
            *vec_push(a, pulls) = p;
    }
    return true;
}

static bool ask_page(struct arena *a, const struct forge_repo *r, struct forge_cache *c, struct str url,
                     struct forge_page *page, struct value *json, bool *modified, struct err *e)
{
    struct forge_page old = { 0 };
    struct forge_answer got = { 0 };
    bool known = forge_cache_get(a, c, url, r->token, &old);

    if (!forge_ask(a, r, &(struct forge_ask){ .method = "GET", .url = url, .etag = known ? old.etag : S("") }, &got,
                   e)) {
        forge_cache_count(c, FORGE_FAILED);
        return false;
    }
    *modified = got.status != 304;
    forge_cache_count(c, *modified ? FORGE_COUNTED : FORGE_NOT_MODIFIED);
    if (!*modified) {
        *page = old;
        return json_parse(a, old.body, json, e);
    }
    *json = got.json;
    *page = (struct forge_page){ http_header_get(&got.headers, "etag"),
                                 forge_link_next(http_header_get(&got.headers, "link")), got.text };
    return true;
}

static bool origin(struct str text, struct url *out)
{
    struct err ignored = { 0 };

    return url_parse(text, out, &ignored);
}

/* The token goes with the call, so the next page must be at the configured API. */
static bool check_next(const struct forge_repo *r, struct str next, struct err *e)
{
    struct url api, to;

    if (origin(r->api, &api) && origin(next, &to) && str_ieq(api.scheme, to.scheme) && str_ieq(api.host, to.host))
        return true;
    return err_set(e, ERR_UNAVAILABLE, "the next page is said to be at %.*s, which is not at the configured API %.*s",
                   STR(utf8_prefix(next, 200)), STR(r->api));
}

static bool list_pages(struct arena *a, const struct forge_repo *r, struct forge_cache *c, struct str url,
                       pull_vec *pulls, bool *any_modified, struct err *e)
{
    for (size_t n = 1; url.n > 0; n++) {
        struct forge_page page = { 0 };
        struct value json;
        bool modified = false;
        if (n > FORGE_PAGES_MAX)
            return err_set(e, ERR_INVALID, "more than %d pages of pull requests", FORGE_PAGES_MAX);
        if (!ask_page(a, r, c, url, &page, &json, &modified, e) || !decode_page(a, &json, pulls, e)
            || (page.next.n > 0 && !check_next(r, page.next, e)))
            return n == 1 ? false : err_wrap(e, "page %zu", n);
        if (modified && page.etag.n > 0)
            forge_cache_put(c, url, r->token, &page);
        *any_modified = *any_modified || modified;
        url = page.next;
    }
    return true;
}

bool forge_pulls_list(struct arena *a, const struct forge_repo *r, struct forge_cache *c, struct forge_pulls *out,
                      struct err *e)
{
    struct str url;
    pull_vec pulls = { 0 };
    bool any_modified = false;

    if (!forge_repo_url(a, r, arena_fmt(a, "/pulls?state=open&per_page=%d", FORGE_PAGE_SIZE), &url, e)
        || !list_pages(a, r, c, url, &pulls, &any_modified, e))
        return err_wrap(e, "list pull requests of %.*s/%.*s", STR(r->owner), STR(r->name));
    *out = (struct forge_pulls){ .v = pulls.v, .n = pulls.n, .not_modified = !any_modified };
    return true;
}

bool forge_pull_get(struct arena *a, const struct forge_repo *r, int64_t number, struct forge_pull *out, struct err *e)
{
    struct str url;
    struct forge_answer got = { 0 };

    if (!forge_repo_url(a, r, arena_fmt(a, "/pulls/%lld", (long long)number), &url, e)
        || !forge_ask(a, r, &(struct forge_ask){ .method = "GET", .url = url }, &got, e)
        || !decode_pull(a, &got.json, out, e))
        return err_wrap(e, "read pull request %.*s/%.*s#%lld", STR(r->owner), STR(r->name), (long long)number);
    return true;
}

/* How well a request explains the commit: made by its merge, its head, or one of its commits. 0: not asked for. */
static int fitness(const struct forge_pull *p, struct str sha, bool merged_only)
{
    if (merged_only && !p->merged)
        return 0;
    if (p->merged && str_ieq(p->merge_commit_sha, sha))
        return 3;
    return str_ieq(p->head_sha, sha) ? 2 : 1;
}

static bool best_of(const pull_vec *pulls, struct str sha, bool merged_only, struct forge_pull *out)
{
    int best = 0;

    for (size_t i = 0; i < pulls->n; i++) {
        int fit = fitness(&pulls->v[i], sha, merged_only);
        if (fit > best) {
            best = fit;
            *out = pulls->v[i];
        }
    }
    return best > 0;
}

/* A commit that the repository does not know is 422 (or 404 for the repository itself, which stays an error). */
static bool ask_commit_pulls(struct arena *a, const struct forge_repo *r, struct str sha, pull_vec *pulls,
                             struct err *e)
{
    struct str url;
    bool ignored = false;

    if (!forge_repo_url(a, r, arena_fmt(a, "/commits/%.*s/pulls?per_page=%d", STR(sha), FORGE_PAGE_SIZE), &url, e))
        return false;
    if (list_pages(a, r, NULL, url, pulls, &ignored, e))
        return true;
    return e->kind == ERR_INVALID || e->kind == ERR_CONFLICT;
}

static bool ask_search(struct arena *a, const struct forge_repo *r, struct str sha, bool merged_only,
                       struct value *items, struct err *e)
{
    struct forge_answer got = { 0 };
    struct str q = arena_fmt(a, "%.*s repo:%.*s/%.*s is:pr%s", STR(sha), STR(r->owner), STR(r->name),
                             merged_only ? " is:merged" : "");
    struct str url = arena_fmt(a, "%.*s/search/issues?q=%.*s", STR(r->api), STR(url_escape_query(a, q)));

    if (!forge_ask(a, r, &(struct forge_ask){ .method = "GET", .url = url }, &got, e))
        return false;
    *items = *value_get(&got.json, "items");
    if (!value_is(items, VALUE_LIST))
        return err_set(e, ERR_UNAVAILABLE, "the search answer has another shape: it has no list of items");
    if (value_len(items) == 0 && value_bool_at(&got.json, "incomplete_results", false))
        return err_set(e, ERR_UNAVAILABLE, "the search was cut short by the forge (incomplete_results)");
    return true;
}

/* Search answers are only hints from a lagging index: each one is read again before it is believed. */
static bool search_commit(struct arena *a, const struct forge_repo *r, struct str sha, bool merged_only,
                          pull_vec *pulls, struct err *e)
{
    struct value items;

    if (!ask_search(a, r, sha, merged_only, &items, e))
        return false;
    for (size_t i = 0; i < value_len(&items) && i < 10; i++) {
        struct forge_pull p;
        if (!forge_pull_get(a, r, value_int_at(value_item(&items, i), "number", 0), &p, e))
            return false;
        *vec_push(a, pulls) = p;
    }
    return true;
}

bool forge_pull_of_commit(struct arena *a, const struct forge_repo *r, struct str sha, bool merged_only,
                          struct forge_pull *out, struct err *e)
{
    pull_vec pulls = { 0 };

    if (!forge_is_sha(sha))
        return err_set(e, ERR_INVALID, "'%.*s' is not a full commit sha of 40 hex digits", STR(utf8_prefix(sha, 60)));
    if (!ask_commit_pulls(a, r, sha, &pulls, e))
        return err_wrap(e, "find the pull request of %.*s", STR(sha));
    if (best_of(&pulls, sha, merged_only, out))
        return true;
    if (!search_commit(a, r, sha, merged_only, &pulls, e))
        return err_wrap(e, "find the pull request of %.*s", STR(sha));
    if (best_of(&pulls, sha, merged_only, out))
        return true;
    return err_set(e, ERR_NOT_FOUND, "commit %.*s has no %spull request in %.*s/%.*s", STR(sha),
                   merged_only ? "merged " : "", STR(r->owner), STR(r->name));
}
