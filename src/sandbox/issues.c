/* The part of a pull request that GitHub calls an issue: comments and labels. */
#include "sandbox/internal.h"

#define COMMENT_MAX 65536 /* characters */

static const struct value *issue_of(struct call *c, size_t param)
{
    const struct value *pull = state_by_int(value_get(&c->repo, "pulls"), "number", call_param_int(c, param));

    if (!value_is(pull, VALUE_MAP))
        call_refuse(c, 404, "Not Found");
    return pull;
}

void get_issue(struct call *c)
{
    const struct value *pull = issue_of(c, 0);

    if (value_is(pull, VALUE_MAP))
        call_reply(c, 200, view_issue(&c->view, &c->repo, pull));
}

/* Only what is not a pull request's own affair: labels. Title and state go through pulls. */
void edit_issue(struct call *c)
{
    const struct value *pull = issue_of(c, 0);

    if (!value_is(pull, VALUE_MAP))
        return;
    if (value_is(value_get(&c->body, "labels"), VALUE_LIST))
        set_labels(c);
    if (c->status == 0 || c->status == 200) {
        c->status = 0;
        edit_pull(c);
    }
    if (c->status == 200)
        call_reply(c, 200, view_issue(&c->view, &c->repo, pull));
}

/* ---- comments -------------------------------------------------------------------------------------- */

static bool check_body(struct call *c)
{
    struct str body = value_str_at(&c->body, "body");

    if (str_trim(body).n == 0)
        call_refuse_field(c, "IssueComment", "body", "missing_field", "body can't be blank");
    else if (utf8_count(body) > COMMENT_MAX)
        call_refuse_field(c, "IssueComment", "body", "custom", "body is too long (maximum is %d characters)",
                          COMMENT_MAX);
    else
        return true;
    return false;
}

static void tell_comment(struct call *c, const struct value *comment, const char *action, const struct value *changes)
{
    struct view v = view_own(c->a, c->s);
    const struct value *pull = state_by_int(value_get(&c->repo, "pulls"), "number", value_int_at(comment, "issue", 0));
    struct value payload = value_map(c->a);

    value_set(c->a, &payload, "action", value_c(action));
    if (changes != NULL)
        value_set(c->a, &payload, "changes", *changes);
    value_set(c->a, &payload, "issue", view_issue(&v, &c->repo, pull));
    value_set(c->a, &payload, "comment", view_comment(&v, &c->repo, comment));
    hook_emit(c->s, &c->repo, "issue_comment", c->login, payload);
}

void list_comments(struct call *c)
{
    const struct value *pull = issue_of(c, 0), *all = value_get(&c->repo, "comments");
    struct value out = value_list(c->a);
    struct str since = call_query(c, "since");

    if (!value_is(pull, VALUE_MAP))
        return;
    for (size_t i = 0; i < value_len(all); i++) {
        const struct value *one = value_item(all, i);
        if (value_int_at(one, "issue", 0) == call_param_int(c, 0)
            && (since.n == 0 || str_cmp(value_str_at(one, "updated_at"), since) >= 0))
            list_push(c->a, out.list, view_comment(&c->view, &c->repo, one));
    }
    call_reply_page(c, &out);
}

void create_comment(struct call *c)
{
    const struct value *pull = issue_of(c, 0);
    struct value vars = value_map(c->a);

    if (!value_is(pull, VALUE_MAP) || !check_body(c))
        return;
    value_set(c->a, &vars, "id", value_int(state_next_id(c->s)));
    value_set(c->a, &vars, "issue", *value_get(pull, "number"));
    value_set(c->a, &vars, "body", *value_get(&c->body, "body"));
    value_set_str(c->a, &vars, "user", c->login);
    value_set_str(c->a, &vars, "now", clock_rfc3339(c->a, clock_wall_ms()));
    struct value comment = state_push(c->s, value_get(&c->repo, "comments"),
                                      shape(c->a, &vars,
                                            "{'id':$id,'issue':$issue,'body':$body,'user':$user,'created_at':$now,"
                                            "'updated_at':$now}"));
    tell_comment(c, &comment, "created", NULL);
    struct value out = view_comment(&c->view, &c->repo, &comment);
    call_header(c, "Location", value_str_at(&out, "url"));
    call_reply(c, 201, out);
}

static const struct value *comment_of(struct call *c)
{
    const struct value *comment = state_by_int(value_get(&c->repo, "comments"), "id", call_param_int(c, 0));

    if (!value_is(comment, VALUE_MAP))
        call_refuse(c, 404, "Not Found");
    return comment;
}

void get_comment(struct call *c)
{
    const struct value *comment = comment_of(c);

    if (value_is(comment, VALUE_MAP))
        call_reply(c, 200, view_comment(&c->view, &c->repo, comment));
}

void edit_comment(struct call *c)
{
    const struct value *comment = comment_of(c);
    struct value changes = value_map(c->a);

    if (!value_is(comment, VALUE_MAP) || !check_body(c))
        return;
    value_put_at(c->a, &changes, "body.from", *value_get(comment, "body"));
    state_set(c->s, comment, "body", *value_get(&c->body, "body"));
    state_set_now(c->s, comment, "updated_at");
    tell_comment(c, comment, "edited", &changes);
    call_reply(c, 200, view_comment(&c->view, &c->repo, comment));
}

void delete_comment(struct call *c)
{
    const struct value *comment = comment_of(c), *all = value_get(&c->repo, "comments");
    struct value kept = value_list(c->a);

    if (!value_is(comment, VALUE_MAP))
        return;
    tell_comment(c, comment, "deleted", NULL);
    for (size_t i = 0; i < value_len(all); i++)
        if (value_item(all, i)->map != comment->map)
            list_push(c->a, kept.list, *value_item(all, i));
    state_set(c->s, &c->repo, "comments", kept);
    call_reply(c, 204, value_null());
}

/* ---- labels ------------------------------------------------------------------------------------------ */

static bool has_label(const struct value *names, struct str name)
{
    for (size_t i = 0; i < value_len(names); i++)
        if (str_ieq(value_as_str(value_item(names, i)), name))
            return true;
    return false;
}

/* A label that nobody made is made when it is first put on something, as on GitHub. */
static void know_label(struct call *c, struct str name, struct str color, struct str description)
{
    const struct value *labels = value_get(&c->repo, "labels");
    struct value one = value_map(c->a);

    if (map_get(labels->map, name) != NULL)
        return;
    value_set(c->a, &one, "id", value_int(state_next_id(c->s)));
    value_set_str(c->a, &one, "color", color.n > 0 ? color : S("ededed"));
    value_set_str(c->a, &one, "description", description);
    state_set(c->s, labels, arena_c(c->a, name), one);
}

static void tell_label(struct call *c, const struct value *pull, const char *action, struct str name)
{
    struct view v = view_own(c->a, c->s);
    struct value extra = value_map(c->a);

    value_set(c->a, &extra, "label", view_label(&v, &c->repo, name));
    state_set_now(c->s, pull, "updated_at");
    pull_event(c->s, &c->repo, pull, action, c->login, &extra);
}

static void reply_labels(struct call *c, const struct value *pull)
{
    const struct value *names = value_get(pull, "labels");
    struct value out = value_list(c->a);

    for (size_t i = 0; i < value_len(names); i++)
        list_push(c->a, out.list, view_label(&c->view, &c->repo, value_as_str(value_item(names, i))));
    call_reply_page(c, &out);
}

void list_labels(struct call *c)
{
    const struct value *pull = issue_of(c, 0);

    if (value_is(pull, VALUE_MAP))
        reply_labels(c, pull);
}

/* ["a"], {"labels":["a"]} or {"labels":[{"name":"a"}]} */
static bool wanted_labels(struct call *c, struct value *out)
{
    const struct value *list = value_is(&c->body, VALUE_LIST) ? &c->body : value_get(&c->body, "labels");

    *out = value_list(c->a);
    for (size_t i = 0; i < value_len(list); i++) {
        const struct value *item = value_item(list, i);
        struct str name = value_is(item, VALUE_STRING) ? value_as_str(item) : value_str_at(item, "name");
        if (name.n == 0 || name.n > SANDBOX_NAME_MAX) {
            call_refuse_field(c, "Label", "name", "invalid", NULL);
            return false;
        }
        if (!has_label(out, name))
            list_push(c->a, out->list, value_str(name));
    }
    return true;
}

static void attach(struct call *c, const struct value *pull, const struct value *wanted)
{
    for (size_t i = 0; i < value_len(wanted); i++) {
        struct str name = value_as_str(value_item(wanted, i));
        if (has_label(value_get(pull, "labels"), name))
            continue;
        know_label(c, name, S(""), S(""));
        state_push(c->s, value_get(pull, "labels"), value_str(name));
        tell_label(c, pull, "labeled", name);
    }
}

static void detach(struct call *c, const struct value *pull, struct str name)
{
    const struct value *names = value_get(pull, "labels");
    struct value kept = value_list(c->a);

    for (size_t i = 0; i < value_len(names); i++)
        if (!str_ieq(value_as_str(value_item(names, i)), name))
            list_push(c->a, kept.list, *value_item(names, i));
    state_set(c->s, pull, "labels", kept);
    tell_label(c, pull, "unlabeled", name);
}

void add_labels(struct call *c)
{
    const struct value *pull = issue_of(c, 0);
    struct value wanted;

    if (!value_is(pull, VALUE_MAP) || !wanted_labels(c, &wanted))
        return;
    attach(c, pull, &wanted);
    reply_labels(c, pull);
}

void set_labels(struct call *c)
{
    const struct value *pull = issue_of(c, 0);
    struct value wanted;

    if (!value_is(pull, VALUE_MAP) || !wanted_labels(c, &wanted))
        return;
    struct value had = value_clone(c->a, value_get(pull, "labels"));
    for (size_t i = 0; i < value_len(&had); i++)
        if (!has_label(&wanted, value_as_str(value_item(&had, i))))
            detach(c, pull, value_as_str(value_item(&had, i)));
    attach(c, pull, &wanted);
    reply_labels(c, pull);
}

void remove_label(struct call *c)
{
    const struct value *pull = issue_of(c, 0);

    if (!value_is(pull, VALUE_MAP))
        return;
    if (!has_label(value_get(pull, "labels"), c->params[1])) {
        call_refuse(c, 404, "Label does not exist");
        return;
    }
    detach(c, pull, c->params[1]);
    reply_labels(c, pull);
}

void list_repo_labels(struct call *c)
{
    const struct map *labels = value_get(&c->repo, "labels")->map;
    struct value out = value_list(c->a);

    for (size_t i = 0; i < labels->n; i++)
        list_push(c->a, out.list, view_label(&c->view, &c->repo, labels->v[i].key));
    call_reply_page(c, &out);
}

void create_repo_label(struct call *c)
{
    struct str name = value_str_at(&c->body, "name");
    bool known = map_get(value_get(&c->repo, "labels")->map, name) != NULL;

    if (name.n == 0 || name.n > SANDBOX_NAME_MAX || known) {
        call_refuse_field(c, "Label", "name", known ? "already_exists" : "invalid", NULL);
        return;
    }
    know_label(c, name, value_str_at(&c->body, "color"), value_str_at(&c->body, "description"));
    call_reply(c, 201, view_label(&c->view, &c->repo, name));
}
