/* Commit statuses, with the rules that GitHub enforces but does not write into its schema. */
#include "sandbox/internal.h"

#define DESCRIPTION_MAX 140 /* characters */
#define CONTEXT_MAX 255
#define PER_CONTEXT_MAX 1000

static bool check_state(struct call *c, struct str state)
{
    static const char *const states[] = { "error", "failure", "pending", "success" };

    for (size_t i = 0; i < COUNT(states); i++)
        if (str_is(state, states[i]))
            return true;
    call_refuse_field(c, "Status", "state", state.n > 0 ? "custom" : "missing_field",
                      state.n > 0 ? "state is not included in the list" : NULL);
    return false;
}

static bool check_text(struct call *c, const char *field, size_t most)
{
    const struct value *v = value_get(&c->body, field);

    if (!value_is(v, VALUE_NULL) && !value_is(v, VALUE_STRING)) {
        call_refuse_field(c, "Status", field, "invalid", "%s must be a string", field);
        return false;
    }
    if (utf8_count(value_as_str(v)) <= most)
        return true;
    call_refuse_field(c, "Status", field, "custom", "%s is too long (maximum is %zu characters)", field, most);
    return false;
}

static bool check_target(struct call *c)
{
    struct str url = value_str_at(&c->body, "target_url");

    if (!check_text(c, "target_url", 2048))
        return false;
    if (url.n == 0 || str_starts(url, S("http://")) || str_starts(url, S("https://")))
        return true;
    call_refuse_field(c, "Status", "target_url", "custom", "target_url must use http(s) scheme");
    return false;
}

static bool check_commit(struct call *c, struct str sha)
{
    if (!is_sha(sha)) {
        call_refuse_field(c, "Status", "sha", "custom", "sha must be a 40 character SHA1");
        return false;
    }
    if (git_commit_of(c->a, repo_dir(c->a, c->s, &c->repo), sha).n > 0)
        return true;
    call_refuse(c, 422, "No commit found for SHA: %.*s", STR(sha));
    return false;
}

static bool check_room(struct call *c, struct str sha, struct str context)
{
    const struct value *all = value_get(&c->repo, "statuses");
    size_t n = 0;

    for (size_t i = 0; i < value_len(all); i++) {
        const struct value *one = value_item(all, i);
        n += str_ieq(value_str_at(one, "sha"), sha) && str_ieq(value_str_at(one, "context"), context);
    }
    if (n < PER_CONTEXT_MAX)
        return true;
    call_refuse_field(c, "Status", "context", "custom",
                      "This SHA and context has reached the maximum number of statuses.");
    return false;
}

static struct value branches_with(struct call *c, struct str sha)
{
    struct value out = value_list(c->a);
    const struct value *refs = value_get(&c->repo, "refs");

    for (size_t i = 0; value_is(refs, VALUE_MAP) && i < refs->map->n; i++) {
        struct str name = refs->map->v[i].key;
        if (!str_starts(name, S("refs/heads/")) || !str_ieq(value_as_str(&refs->map->v[i].value), sha))
            continue;
        struct value vars = value_map(c->a);
        value_set_str(c->a, &vars, "name", str_slice(name, S("refs/heads/").n, name.n));
        value_set_str(c->a, &vars, "sha", sha);
        value_set_str(c->a, &vars, "u", call_repo_url(c));
        list_push(c->a, out.list,
                  shape(c->a, &vars, "{'name':$name,'commit':{'sha':$sha,'url':'$u/commits/$sha'},'protected':false}"));
    }
    return out;
}

/* The `status` event's commit is an older form: it does not say when its signature was looked at. */
static void tell(struct call *c, const struct value *status)
{
    struct view v = view_own(c->a, c->s);
    struct value vars = value_map(c->a), commit = view_commit(&v, &c->repo, value_str_at(status, "sha"));
    static const char *const same[] = { "id", "sha", "state", "context", "created_at", "updated_at" };

    for (size_t i = 0; i < COUNT(same); i++)
        value_set(c->a, &vars, same[i], *value_get(status, same[i]));
    value_set(c->a, &vars, "target", view_or_null(value_str_at(status, "target_url")));
    value_set(c->a, &vars, "description", view_or_null(value_str_at(status, "description")));
    value_del(value_at(&commit, "commit.verification"), "verified_at");
    value_set(c->a, &vars, "commit", commit);
    value_set(c->a, &vars, "branches", branches_with(c, value_str_at(status, "sha")));
    value_set(c->a, &vars, "name", value_str(repo_full_name(c->a, &c->repo)));
    hook_emit(c->s, &c->repo, "status", c->login,
              shape(c->a, &vars,
                    "{'id':$id,'sha':$sha,'name':$name,'target_url':$target,'context':$context,"
                    "'description':$description,'state':$state,'commit':$commit,'branches':$branches,"
                    "'created_at':$created_at,'updated_at':$updated_at}"));
}

static struct value status_document(struct call *c, struct str sha, struct str context)
{
    struct value vars = value_map(c->a);

    value_set(c->a, &vars, "id", value_int(state_next_id(c->s)));
    value_set_str(c->a, &vars, "sha", sha);
    value_set_str(c->a, &vars, "state", value_str_at(&c->body, "state"));
    value_set_str(c->a, &vars, "context", context);
    value_set_str(c->a, &vars, "description", value_str_at(&c->body, "description"));
    value_set_str(c->a, &vars, "target", value_str_at(&c->body, "target_url"));
    value_set_str(c->a, &vars, "creator", c->login);
    value_set_str(c->a, &vars, "now", clock_rfc3339(c->a, clock_wall_ms()));
    return shape(
        c->a, &vars,
        "{'id':$id,'sha':$sha,'state':$state,'context':$context,'description':$description,'target_url':$target,"
        "'creator':$creator,'created_at':$now,'updated_at':$now}");
}

void create_status(struct call *c)
{
    struct str sha = c->params[0], context = value_str_at(&c->body, "context");

    if (context.n == 0)
        context = S("default");
    if (!check_commit(c, sha) || !check_state(c, value_str_at(&c->body, "state")) || !check_target(c)
        || !check_text(c, "description", DESCRIPTION_MAX) || !check_text(c, "context", CONTEXT_MAX)
        || !check_room(c, sha, context))
        return;
    struct value status = state_push(c->s, value_get(&c->repo, "statuses"), status_document(c, sha, context));
    tell(c, &status);
    struct value out = view_status(&c->view, &c->repo, &status);
    call_header(c, "Location", value_str_at(&out, "url"));
    call_reply(c, 201, out);
}

/* Newest first; `latest`: one per context, whose names are compared without case. */
static struct value statuses_of(struct call *c, struct str sha, bool latest)
{
    const struct value *all = value_get(&c->repo, "statuses");
    struct value out = value_list(c->a);

    for (size_t i = value_len(all); i-- > 0;) {
        const struct value *one = value_item(all, i);
        bool wanted = str_ieq(value_str_at(one, "sha"), sha);
        for (size_t j = 0; latest && wanted && j < value_len(&out); j++)
            wanted = !str_ieq(value_str_at(value_item(&out, j), "context"), value_str_at(one, "context"));
        if (wanted)
            list_push(c->a, out.list, *one);
    }
    return out;
}

static struct value page_of(struct call *c, const struct value *statuses)
{
    struct value out = value_list(c->a);
    size_t first, last;

    call_page(c, value_len(statuses), &first, &last);
    for (size_t i = first; i < last; i++)
        list_push(c->a, out.list, view_status(&c->view, &c->repo, value_item(statuses, i)));
    return out;
}

static bool resolve(struct call *c, struct str *sha)
{
    *sha = git_commit_of(c->a, repo_dir(c->a, c->s, &c->repo), c->params[0]);
    if (sha->n > 0)
        return true;
    call_refuse(c, 404, "Not Found");
    return false;
}

void list_statuses(struct call *c)
{
    struct str sha;

    if (!resolve(c, &sha))
        return;
    struct value statuses = statuses_of(c, sha, false);
    call_reply(c, 200, page_of(c, &statuses));
}

/* failure before pending before success; nothing at all is pending */
static const char *combine(const struct value *statuses)
{
    bool pending = value_len(statuses) == 0;

    for (size_t i = 0; i < value_len(statuses); i++) {
        struct str state = value_str_at(value_item(statuses, i), "state");
        if (str_is(state, "failure") || str_is(state, "error"))
            return "failure";
        pending = pending || str_is(state, "pending");
    }
    return pending ? "pending" : "success";
}

void combined_status(struct call *c)
{
    struct str sha;
    struct value vars = value_map(c->a);

    if (!resolve(c, &sha))
        return;
    struct value latest = statuses_of(c, sha, true);
    value_set_str(c->a, &vars, "sha", sha);
    value_set(c->a, &vars, "state", value_c(combine(&latest)));
    value_set(c->a, &vars, "n", value_int((int64_t)value_len(&latest)));
    value_set(c->a, &vars, "statuses", page_of(c, &latest));
    value_set(c->a, &vars, "repo", view_repo_lite(&c->view, &c->repo));
    value_set(c->a, &vars, "u", *value_get(value_get(&vars, "repo"), "url"));
    call_reply(c, 200,
               shape(c->a, &vars,
                     "{'state':$state,'statuses':$statuses,'sha':$sha,'total_count':$n,'repository':$repo,"
                     "'commit_url':'$u/commits/$sha','url':'$u/commits/$sha/status'}"));
}
