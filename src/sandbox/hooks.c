/* Webhooks over the API: making, changing, pinging them, and what was delivered. */
#include "sandbox/internal.h"

#define HOOKS_MAX 20 /* per repository, as GitHub (per event) */

static const struct value *hook_of(struct call *c)
{
    const struct value *hook = state_by_int(value_get(&c->repo, "hooks"), "id", call_param_int(c, 0));

    if (!value_is(hook, VALUE_MAP))
        call_refuse(c, 404, "Not Found");
    return hook;
}

static bool check_config(struct call *c, const struct value *config)
{
    struct str url = value_str_at(config, "url"), type = value_str_at(config, "content_type");

    if (!str_starts(url, S("http://")) && !str_starts(url, S("https://")))
        call_refuse_field(c, "Hook", "url", "invalid", "url must be an http or https address");
    else if (type.n > 0 && !str_is(type, "json") && !str_is(type, "form"))
        call_refuse_field(c, "Hook", "content_type", "invalid", "content_type must be json or form");
    else
        return true;
    return false;
}

static bool is_made_already(struct call *c, const struct value *config)
{
    const struct value *hooks = value_get(&c->repo, "hooks"), *events = value_get(&c->body, "events");

    for (size_t i = 0; i < value_len(hooks); i++)
        if (str_eq(value_str_at(value_item(hooks, i), "url"), value_str_at(config, "url"))
            && value_equal(value_get(value_item(hooks, i), "events"), events))
            return true;
    return false;
}

static struct value hook_document(struct call *c, const struct value *config)
{
    struct value vars = value_map(c->a), push = value_list(c->a);
    const struct value *events = value_get(&c->body, "events");
    struct str type = value_str_at(config, "content_type");

    list_push(c->a, push.list, value_c("push"));
    value_set(c->a, &vars, "id", value_int(state_next_id(c->s)));
    value_set(c->a, &vars, "url", *value_get(config, "url"));
    value_set_str(c->a, &vars, "secret", value_str_at(config, "secret"));
    value_set_str(c->a, &vars, "type", type.n > 0 ? type : S("form"));
    value_set(c->a, &vars, "events", value_len(events) > 0 ? *events : push);
    value_set(c->a, &vars, "active", value_bool(value_bool_at(&c->body, "active", true)));
    value_set_str(c->a, &vars, "now", clock_rfc3339(c->a, clock_wall_ms()));
    return shape(c->a, &vars,
                 "{'id':$id,'url':$url,'secret':$secret,'content_type':$type,'events':$events,'active':$active,"
                 "'created_at':$now,'updated_at':$now,'from_options':false,"
                 "'last_response':{'code':null,'status':'unused','message':null}}");
}

static void ping(struct call *c, const struct value *hook)
{
    struct view v = view_own(c->a, c->s);
    struct value vars = value_map(c->a), seen = view_hook(&v, &c->repo, hook);

    value_del(&seen, "test_url"); /* what a ping does not carry */
    value_del(&seen, "last_response");
    value_set(c->a, &vars, "hook", seen);
    value_set(c->a, &vars, "id", *value_get(hook, "id"));
    hook_emit_to(c->s, &c->repo, hook, "ping", c->login,
                 shape(c->a, &vars, "{'zen':'Speak like a human.','hook_id':$id,'hook':$hook}"));
}

void list_hooks(struct call *c)
{
    const struct value *hooks = value_get(&c->repo, "hooks");
    struct value out = value_list(c->a);

    if (c->login.n == 0) {
        call_refuse(c, 404, "Not Found");
        return;
    }
    for (size_t i = 0; i < value_len(hooks); i++)
        list_push(c->a, out.list, view_hook(&c->view, &c->repo, value_item(hooks, i)));
    call_reply_page(c, &out);
}

void create_hook(struct call *c)
{
    const struct value *config = value_get(&c->body, "config");

    if (!check_config(c, config))
        return;
    if (is_made_already(c, config)) {
        call_refuse_field(c, "Hook", "url", "custom", "Hook already exists on this repository");
        return;
    }
    if (value_len(value_get(&c->repo, "hooks")) >= HOOKS_MAX) {
        call_refuse_field(c, "Hook", "url", "custom", "The repository has reached its limit of %d hooks", HOOKS_MAX);
        return;
    }
    struct value hook = state_push(c->s, value_get(&c->repo, "hooks"), hook_document(c, config));
    ping(c, &hook);
    struct value out = view_hook(&c->view, &c->repo, &hook);
    call_header(c, "Location", value_str_at(&out, "url"));
    call_reply(c, 201, out);
}

void get_hook(struct call *c)
{
    const struct value *hook = hook_of(c);

    if (value_is(hook, VALUE_MAP))
        call_reply(c, 200, view_hook(&c->view, &c->repo, hook));
}

/* A config without a secret takes the secret away: GitHub's own trap, kept. */
static void edit_config(struct call *c, const struct value *hook, const struct value *config)
{
    struct str type = value_str_at(config, "content_type");

    state_set(c->s, hook, "url", *value_get(config, "url"));
    state_set_str(c->s, hook, "secret", value_str_at(config, "secret"));
    if (type.n > 0)
        state_set_str(c->s, hook, "content_type", type);
}

static bool has_event(const struct value *events, struct str name)
{
    for (size_t i = 0; i < value_len(events); i++)
        if (str_eq(value_as_str(value_item(events, i)), name))
            return true;
    return false;
}

static void edit_events(struct call *c, const struct value *hook)
{
    const struct value *events = value_get(&c->body, "events"), *add = value_get(&c->body, "add_events");
    const struct value *from = value_is(events, VALUE_LIST) ? events : value_get(hook, "events");
    struct value out = value_list(c->a);

    for (size_t i = 0; i < value_len(from); i++)
        if (!has_event(value_get(&c->body, "remove_events"), value_as_str(value_item(from, i))))
            list_push(c->a, out.list, *value_item(from, i));
    for (size_t i = 0; i < value_len(add); i++)
        if (!has_event(&out, value_as_str(value_item(add, i))))
            list_push(c->a, out.list, *value_item(add, i));
    state_set(c->s, hook, "events", out);
}

void edit_hook(struct call *c)
{
    const struct value *hook = hook_of(c), *config = value_get(&c->body, "config");

    if (!value_is(hook, VALUE_MAP))
        return;
    if (value_is(config, VALUE_MAP) && !check_config(c, config))
        return;
    if (value_is(config, VALUE_MAP))
        edit_config(c, hook, config);
    edit_events(c, hook);
    if (value_is(value_get(&c->body, "active"), VALUE_BOOL))
        state_set(c->s, hook, "active", *value_get(&c->body, "active"));
    state_set_now(c->s, hook, "updated_at");
    call_reply(c, 200, view_hook(&c->view, &c->repo, hook));
}

void delete_hook(struct call *c)
{
    const struct value *hook = hook_of(c), *hooks = value_get(&c->repo, "hooks");
    struct value kept = value_list(c->a);

    if (!value_is(hook, VALUE_MAP))
        return;
    for (size_t i = 0; i < value_len(hooks); i++)
        if (value_item(hooks, i)->map != hook->map)
            list_push(c->a, kept.list, *value_item(hooks, i));
    state_set(c->s, &c->repo, "hooks", kept);
    call_reply(c, 204, value_null());
}

void ping_hook(struct call *c)
{
    const struct value *hook = hook_of(c);

    if (!value_is(hook, VALUE_MAP))
        return;
    ping(c, hook);
    call_reply(c, 204, value_null());
}

/* ---- deliveries ---------------------------------------------------------------------------------------- */

static bool is_success(const struct value *delivery)
{
    int64_t code = value_int_at(delivery, "status_code", 0);

    return code >= 200 && code < 300;
}

/* By cursor, not by page: the cursor is the id to go on below. */
void list_deliveries(struct call *c)
{
    const struct value *hook = hook_of(c);
    struct str status = call_query(c, "status");
    struct value out = value_list(c->a);
    int64_t below = INT64_MAX, size = 30;

    if (!value_is(hook, VALUE_MAP))
        return;
    str_to_int(call_query(c, "cursor"), &below);
    str_to_int(call_query(c, "per_page"), &size);
    struct value all = deliveries_list(c->a, c->s, value_int_at(hook, "id", 0));
    for (size_t i = 0; i < value_len(&all) && value_len(&out) < (size_t)(size < 1 || size > 100 ? 100 : size); i++) {
        const struct value *one = value_item(&all, i);
        if (value_int_at(one, "id", 0) < below && (status.n == 0 || is_success(one) == str_is(status, "success")))
            list_push(c->a, out.list, *one);
    }
    call_reply(c, 200, out);
}

void get_delivery(struct call *c)
{
    const struct value *hook = hook_of(c);

    if (!value_is(hook, VALUE_MAP))
        return;
    struct value one = deliveries_get(c->a, c->s, call_param_int(c, 1));
    if (value_is(&one, VALUE_NULL))
        call_refuse(c, 404, "Not Found");
    else
        call_reply(c, 200, one);
}

void redeliver(struct call *c)
{
    const struct value *hook = hook_of(c);

    if (!value_is(hook, VALUE_MAP))
        return;
    if (deliveries_again(c->s, call_param_int(c, 1)))
        call_reply(c, 202, value_map(c->a));
    else
        call_refuse(c, 404, "Not Found");
}
