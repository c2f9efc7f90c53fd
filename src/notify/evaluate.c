/* From an Application to outbox rows: subscriptions, conditions, state keys, rendered notifications. */
#include "base/sys.h"
#include "notify/internal.h"

#define SUBSCRIBE "notifications.argoproj.io/subscribe."

struct destination {
    struct str trigger, service, recipient;
};

struct destinations {
    struct arena *a;
    VEC(struct destination) v;
};

static void add_destination(struct destinations *d, struct str trigger, struct str service, struct str recipient)
{
    for (size_t i = 0; i < d->v.n; i++)
        if (str_eq(d->v.v[i].trigger, trigger) && str_eq(d->v.v[i].service, service)
            && str_eq(d->v.v[i].recipient, recipient))
            return;
    *vec_push(d->a, &d->v) = (struct destination){ trigger, service, recipient };
}

static void add_default_triggers(const struct notify *n, struct destinations *d, struct str service,
                                 struct str recipient)
{
    const struct value *list = map_get(n->default_triggers.map, service);
    if (list == NULL)
        list = map_get(n->default_triggers.map, S(""));
    for (size_t i = 0; list != NULL && i < value_len(list); i++)
        add_destination(d, value_as_str(value_item(list, i)), service, recipient);
}

/* "subscribe.<trigger>.<service>" or "subscribe.<service>"; an empty value is one recipient "". */
static void read_annotation(const struct notify *n, struct destinations *d, struct str key, struct str value)
{
    struct str rest = str_slice(key, strlen(SUBSCRIBE), key.n), first, second = S(""), part;
    bool two = str_split(&rest, S("."), &first);
    if (two)
        str_split(&rest, S("."), &second);
    bool empty = value.n == 0;
    for (bool more = true; more;) {
        more = str_split(&value, S(";"), &part);
        part = str_trim(part);
        if (part.n == 0 && !empty)
            continue;
        if (two)
            add_destination(d, first, second, part);
        else
            add_default_triggers(n, d, first, part);
    }
}

static void read_annotations(const struct notify *n, struct destinations *d, const struct value *object)
{
    const struct value *annotations = value_at(object, "metadata.annotations");
    for (size_t i = 0; annotations->kind == VALUE_MAP && i < annotations->map->n; i++)
        if (str_starts(annotations->map->v[i].key, S(SUBSCRIBE)))
            read_annotation(n, d, annotations->map->v[i].key, value_as_str(&annotations->map->v[i].value));
}

static bool selected(const struct value *selector, const struct value *app)
{
    const struct value *labels = selector->kind == VALUE_MAP && value_get(selector, "matchLabels")->kind == VALUE_MAP
                                     ? value_get(selector, "matchLabels")
                                     : selector;
    for (size_t i = 0; labels->kind == VALUE_MAP && i < labels->map->n; i++) {
        const struct value *have = value_at(app, "metadata.labels");
        const struct value *found = have->kind == VALUE_MAP ? map_get(have->map, labels->map->v[i].key) : NULL;
        if (found == NULL || !value_equal(found, &labels->map->v[i].value))
            return false;
    }
    return true;
}

static void read_configured(const struct notify *n, struct destinations *d, const struct value *app)
{
    for (size_t i = 0; i < n->subscriptions.n; i++) {
        const struct notify_subscription *s = &n->subscriptions.v[i];
        if (!selected(&s->selector, app))
            continue;
        for (size_t r = 0; r < s->n_recipients; r++) {
            struct str recipient = s->recipients[r], service;
            str_split(&recipient, S(":"), &service);
            for (size_t t = 0; t < s->n_triggers; t++)
                add_destination(d, s->triggers[t], service, recipient);
            if (s->n_triggers == 0)
                add_default_triggers(n, d, service, recipient);
        }
    }
}

/* Argo CD skips an application whose status is older than its finished operation. */
static bool is_out_of_date(const struct value *app)
{
    struct str phase = value_str_at(app, "status.operationState.phase");
    int64_t finished, reconciled;
    if (!str_is(phase, "Failed") && !str_is(phase, "Error") && !str_is(phase, "Succeeded"))
        return false;
    if (!clock_parse_rfc3339(value_str_at(app, "status.operationState.finishedAt"), &finished))
        return true;
    return !clock_parse_rfc3339(value_str_at(app, "status.reconciledAt"), &reconciled) || reconciled < finished;
}

void notify_condition_run(struct arena *a, const struct notify_condition *c, const struct value *env, bool *fired,
                          struct str *once, struct str *why)
{
    struct value result;
    struct err e;
    *fired = false;
    *once = S("");
    *why = S("");
    if (c->when_expr == NULL)
        return;
    if (!expr_run(a, c->when_expr, env, &result, &e)) {
        *why = arena_fmt(a, "when: %s", e.text);
        return;
    }
    *fired = result.kind == VALUE_BOOL && result.b;
    if (!*fired || c->once_expr == NULL)
        return;
    if (expr_run(a, c->once_expr, env, &result, &e)) {
        *once = expr_print(a, &result);
    } else {
        *fired = false;
        *why = arena_fmt(a, "oncePer: %s", e.text);
    }
}

/* A later template's message replaces an earlier one's, a later block of a service the whole earlier block. */
static void combine(struct arena *a, const struct value *into, const struct value *rendered)
{
    for (size_t i = 0; i < rendered->map->n; i++) {
        struct str key = rendered->map->v[i].key;
        const struct value *v = &rendered->map->v[i].value, *there = map_get(into->map, key);
        if (str_is(key, "webhook") && there != NULL && there->kind == VALUE_MAP && v->kind == VALUE_MAP)
            for (size_t w = 0; w < v->map->n; w++)
                map_put(a, there->map, v->map->v[w].key, v->map->v[w].value);
        else if (!str_is(key, "message") || value_as_str(v).n > 0)
            map_put(a, into->map, key, *v);
    }
}

bool notify_render_all(const struct notify *n, struct arena *a, const struct notify_condition *c,
                       const struct value *app, struct str service, struct str recipient, struct value *out,
                       struct err *e)
{
    struct value data = notify_template_data(n, a, app, service, recipient), made = value_map(a), one;
    for (size_t i = 0; i < c->n_send; i++) {
        const struct notify_template *t = notify_template_find(n, c->send[i]);
        if (t == NULL)
            return err_set(e, ERR_NOT_FOUND, "template '%.*s' is not supported", STR(c->send[i]));
        if (!notify_template_render(t, a, &data, &one, e))
            return false;
        combine(a, &made, &one);
    }
    *out = made;
    return true;
}

struct pass {
    const struct notify *n;
    struct store *s;
    struct arena *a;
    const struct value *app;
    struct str name, uid;
    size_t added;
    struct err *e;
};

static void user_mistake(struct pass *p, struct str what, struct str text)
{
    struct err aside;
    struct str message = arena_fmt(p->a, "%.*s: %.*s", STR(what), STR(text));
    if (!store_event_add(p->s, "Warning", p->name, "NotificationError", message, &aside))
        log_warn("notifications of %.*s: %.*s", STR(p->name), STR(message));
}

/* The document that stands in the outbox until it is delivered. */
static struct value request_of(struct arena *a, const struct destination *d, const struct value *rendered)
{
    struct value r = value_map(a);
    value_set_str(a, &r, "service", d->service);
    value_set_str(a, &r, "recipient", d->recipient);
    value_set_str(a, &r, "trigger", d->trigger);
    value_set(a, &r, "notification", *rendered);
    return r;
}

static bool queue(struct pass *p, const struct notify_condition *c, const struct destination *d, struct str key)
{
    struct value rendered;
    struct err wrong;
    bool seen = false, added = false;
    if (!store_once_seen(p->s, key, &seen, p->e))
        return false;
    if (seen)
        return true;
    if (!notify_render_all(p->n, p->a, c, p->app, d->service, d->recipient, &rendered, &wrong)) {
        user_mistake(p, d->trigger, str_c(wrong.text));
        return true;
    }
    struct outbox_item i = { .key = key,
                             .app = p->name,
                             .service = d->service,
                             .label = arena_fmt(p->a, "%.*s -> %.*s", STR(d->trigger), STR(d->service)),
                             .request = request_of(p->a, d, &rendered) };
    if (!store_outbox_add(p->s, &i, &added, p->e))
        return false;
    p->added += added;
    return true;
}

/* State keys are Argo CD's, in front of them the application's uid: a new application of an old name starts anew. */
static bool run_condition(struct pass *p, const struct notify_condition *c, const struct destination *d,
                          const struct value *env)
{
    bool fired;
    struct str once, why;
    notify_condition_run(p->a, c, env, &fired, &once, &why);
    struct str state =
        arena_fmt(p->a, "%.*s:%.*s:%.*s:%.*s", STR(d->trigger), STR(c->key), STR(d->service), STR(d->recipient));
    struct str plain = arena_fmt(p->a, "%.*s/%.*s", STR(p->uid), STR(state));
    if (!fired)
        return c->once_expr != NULL || store_once_forget(p->s, plain, p->e);
    if (c->once_expr != NULL)
        plain = arena_fmt(p->a, "%.*s/%.*s:%.*s", STR(p->uid), STR(once), STR(state));
    return queue(p, c, d, plain);
}

static bool run_destination(struct pass *p, const struct destination *d, const struct value *env)
{
    const struct notify_trigger *t = notify_trigger_find(p->n, d->trigger);
    if (t == NULL) {
        user_mistake(p, d->trigger,
                     S("a subscription names this trigger, but the configuration has none of that name"));
        return true;
    }
    if (notify_service_find(p->n, d->service) == NULL) {
        user_mistake(p, d->trigger, arena_fmt(p->a, "notification service '%.*s' is not supported", STR(d->service)));
        return true;
    }
    for (size_t i = 0; i < t->n; i++)
        if (!run_condition(p, &t->conditions[i], d, env))
            return false;
    return true;
}

bool notify_application(const struct notify *n, struct store *s, const struct value *app, size_t *added, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct destinations d = { .a = &a };
    read_annotations(n, &d, app);
    read_annotations(n, &d, config_document(n->o.config, CONFIG_PROJECT, value_str_at(app, "spec.project")));
    read_configured(n, &d, app);
    if (added != NULL)
        *added = 0;
    if (d.v.n == 0 || is_out_of_date(app))
        return true;
    struct pass p = { n, s, &a, app, value_str_at(app, "metadata.name"), value_str_at(app, "metadata.uid"), 0, e };
    struct value env = notify_expr_env(n, &a, app);
    for (size_t i = 0; i < d.v.n; i++)
        if (!run_destination(&p, &d.v.v[i], &env))
            return false;
    if (added != NULL)
        *added = p.added;
    return true;
}

/* ---- dry runs ----------------------------------------------------------------------------- */

bool notify_try_trigger(const struct notify *n, struct arena *a, struct str name, const struct value *app,
                        struct value *out, struct err *e)
{
    const struct notify_trigger *t = notify_trigger_find(n, name);
    if (t == NULL)
        return err_set(e, ERR_NOT_FOUND, "no trigger %.*s in the configuration", STR(name));
    struct value env = notify_expr_env(n, a, app), made = value_list(a);
    for (size_t i = 0; i < t->n; i++) {
        const struct notify_condition *c = &t->conditions[i];
        struct value row = value_map(a), send = value_list(a);
        bool fired;
        struct str once, why;
        notify_condition_run(a, c, &env, &fired, &once, &why);
        for (size_t s = 0; s < c->n_send; s++)
            list_push(a, send.list, value_str(c->send[s]));
        value_set_str(a, &row, "condition", c->key);
        value_set_str(a, &row, "when", c->when);
        value_set(a, &row, "result", value_bool(fired));
        value_set_str(a, &row, "error", why);
        value_set_str(a, &row, "oncePer", once);
        value_set(a, &row, "send", send);
        list_push(a, made.list, row);
    }
    *out = made;
    return true;
}

bool notify_try_template(const struct notify *n, struct arena *a, struct str name, const struct value *app,
                         struct str service, struct str recipient, struct value *out, struct err *e)
{
    const struct notify_template *t = notify_template_find(n, name);
    if (t == NULL)
        return err_set(e, ERR_NOT_FOUND, "no template %.*s in the configuration", STR(name));
    struct value data = notify_template_data(n, a, app, service, recipient);
    return notify_template_render(t, a, &data, out, e);
}
