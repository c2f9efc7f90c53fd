/* The rest of GitHub's API that vitrine calls: commit statuses, workflow dispatch, and any other call. */
#include "forge/internal.h"
#include "net/url.h"

#define DESCRIPTION_MAX 140 /* characters; GitHub refuses more with 422 */

/* Hosts whose API has no /api/v3 before it: api.github.com, api.SUB.ghe.com. */
static bool is_api_host(struct str host)
{
    return str_starts(host, S("api.")) || str_find(host, S(".api.")) >= 0;
}

struct str forge_api_base(struct arena *a, struct str api)
{
    struct url u;
    struct err ignored = { 0 };
    struct str base = str_trim(api);

    while (str_ends(base, S("/")))
        base.n--;
    if (base.n == 0)
        return S("https://api.github.com");
    if (str_ends(base, S("/api/v3")) || (url_parse(base, &u, &ignored) && is_api_host(u.host)))
        return arena_str(a, base);
    return arena_fmt(a, "%.*s/api/v3", STR(base));
}

/* ---- commit statuses ---------------------------------------------------------------------- */

static struct str cut_description(struct arena *a, struct str text)
{
    if (utf8_count(text) <= DESCRIPTION_MAX)
        return text;
    return arena_fmt(a, "%.*s\xe2\x80\xa6", STR(utf8_prefix(text, DESCRIPTION_MAX - 1)));
}

static bool check_status(struct str sha, struct str state, struct err *e)
{
    static const char *const states[] = { "pending", "success", "failure", "error" };

    if (!forge_is_sha(sha))
        return err_set(e, ERR_INVALID, "'%.*s' is not a full commit sha of 40 hex digits", STR(utf8_prefix(sha, 60)));
    for (size_t i = 0; i < COUNT(states); i++)
        if (str_is(state, states[i]))
            return true;
    return err_set(e, ERR_INVALID, "'%.*s' is not a status: use pending, success, failure or error",
                   STR(utf8_prefix(state, 60)));
}

static struct value status_body(struct arena *a, const struct forge_status *s)
{
    struct value body = value_map(a);

    value_set_str(a, &body, "state", s->state);
    if (s->description.n > 0)
        value_set_str(a, &body, "description", cut_description(a, s->description));
    if (s->target_url.n > 0)
        value_set_str(a, &body, "target_url", s->target_url);
    if (s->context.n > 0)
        value_set_str(a, &body, "context", s->context);
    return body;
}

bool forge_status_set(struct arena *a, const struct forge_repo *r, struct str sha, const struct forge_status *s,
                      struct err *e)
{
    struct str url;
    struct forge_answer got = { 0 };
    struct value body = status_body(a, s);

    if (!check_status(sha, s->state, e) || !forge_repo_url(a, r, arena_fmt(a, "/statuses/%.*s", STR(sha)), &url, e)
        || !forge_ask(a, r, &(struct forge_ask){ .method = "POST", .url = url, .body = &body }, &got, e))
        return err_wrap(e, "set status of %.*s", STR(utf8_prefix(sha, 60)));
    return true;
}

static void decode_status(const struct value *v, struct forge_status *out)
{
    *out = (struct forge_status){ .state = value_str_at(v, "state"),
                                  .context = value_str_at(v, "context"),
                                  .description = value_str_at(v, "description"),
                                  .target_url = value_str_at(v, "target_url"),
                                  .created_at = value_str_at(v, "created_at"),
                                  .creator = value_str_at(v, "creator.login") };
}

/* The newest hundred: a list of statuses is a history, and its newest page is what anybody asks for. */
bool forge_status_list(struct arena *a, const struct forge_repo *r, struct str sha, struct forge_status **out,
                       size_t *out_n, struct err *e)
{
    struct str url;
    struct forge_answer got = { 0 };

    if (!forge_repo_url(
            a, r, arena_fmt(a, "/commits/%.*s/statuses?per_page=%d", STR(url_escape_path(a, sha)), FORGE_PAGE_SIZE),
            &url, e)
        || !forge_ask(a, r, &(struct forge_ask){ .method = "GET", .url = url }, &got, e))
        return err_wrap(e, "list statuses of %.*s", STR(utf8_prefix(sha, 60)));
    if (!value_is(&got.json, VALUE_LIST))
        return err_set(e, ERR_UNAVAILABLE, "list statuses of %.*s: the answer is no list", STR(utf8_prefix(sha, 60)));
    *out_n = value_len(&got.json);
    *out = arena_new(a, struct forge_status, *out_n + 1);
    for (size_t i = 0; i < *out_n; i++)
        decode_status(value_item(&got.json, i), &(*out)[i]);
    return true;
}

/* ---- the rest ----------------------------------------------------------------------------- */

bool forge_workflow_dispatch(struct arena *a, const struct forge_repo *r, struct str workflow, struct str git_ref,
                             const struct value *inputs, struct err *e)
{
    struct str url;
    struct forge_answer got = { 0 };
    struct value body = value_map(a);

    value_set_str(a, &body, "ref", git_ref);
    if (inputs != NULL && value_is(inputs, VALUE_MAP) && inputs->map->n > 0)
        value_set(a, &body, "inputs", *inputs);
    struct str tail = arena_fmt(a, "/actions/workflows/%.*s/dispatches", STR(url_escape_path(a, workflow)));
    if (!forge_repo_url(a, r, tail, &url, e)
        || !forge_ask(a, r, &(struct forge_ask){ .method = "POST", .url = url, .body = &body }, &got, e))
        return err_wrap(e, "run workflow %.*s at %.*s", STR(utf8_prefix(workflow, 100)),
                        STR(utf8_prefix(git_ref, 100)));
    return true;
}

bool forge_call(struct arena *a, const struct forge_repo *r, const char *method, struct str path,
                const struct value *body, struct value *out, struct err *e)
{
    struct forge_answer got = { 0 };
    struct str url = arena_fmt(a, "%.*s%.*s", STR(r->api), STR(path));

    if (!str_starts(path, S("/")))
        return err_set(e, ERR_INVALID, "'%.*s' is not a path of the API: it must start with '/'",
                       STR(utf8_prefix(path, 200)));
    if (!forge_ask(a, r, &(struct forge_ask){ .method = method, .url = url, .body = body }, &got, e))
        return false;
    *out = got.json;
    return true;
}
