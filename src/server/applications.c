/* /api/v1/applications: read, refresh, sync, terminate, delete, compare, logs. */
#include "data/json.h"
#include "server/internal.h"

static struct value list_document(struct call *c, const struct value *items)
{
    struct value v = value_map(c->r->a);
    value_set(c->r->a, &v, "items", *items);
    value_put_at(c->r->a, &v, "metadata.resourceVersion",
                 value_fmt(c->r->a, "%lld", (long long)store_version(c->s->store)));
    return v;
}

static void list_all(struct call *c)
{
    struct value items;
    struct err e;
    struct store_key k = { .scope = "vitrine", .group = S("argoproj.io"), .kind = S("Application") };
    if (!store_list(c->r->a, c->s->store, &k, &items, &e)) {
        server_reply_error(c, &e);
        return;
    }
    struct value v = list_document(c, &items);
    http_reply_json(c->x, 200, &v);
}

static void get_one(struct call *c, struct str name, struct value *app)
{
    struct str refresh = http_query(c->r, "refresh");
    struct err e;
    if (refresh.n > 0 && !controller_refresh_app(c->s->controller, name, str_is(refresh, "hard"), &e))
        server_reply_error(c, &e);
    else
        http_reply_json(c->x, 200, app);
}

/* An empty body means no options. */
static bool read_body(struct call *c, struct value *out, struct err *e)
{
    *out = value_map(c->r->a);
    if (str_trim(c->r->body).n == 0)
        return true;
    if (!json_parse(c->r->a, c->r->body, out, e))
        return err_wrap(e, "request body");
    return out->kind == VALUE_MAP || err_set(e, ERR_INVALID, "request body: a JSON object was expected");
}

static void sync_one(struct call *c, struct str name)
{
    struct value body, reply = value_map(c->r->a);
    struct err e;
    if (!read_body(c, &body, &e)) {
        server_reply_error(c, &e);
        return;
    }
    const struct value *resources = value_get(&body, "resources");
    struct controller_sync o = {
        .revision = value_str_at(&body, "revision"),
        .prune = value_bool_at(&body, "prune", false),
        .dry_run = value_bool_at(&body, "dryRun", false),
        .force = value_bool_at(&body, "force", false) || value_bool_at(&body, "strategy.apply.force", false),
        .apply_only = value_at(&body, "strategy.apply")->kind == VALUE_MAP,
        .resources = resources->kind == VALUE_LIST ? resources : NULL,
        .username = S("admin"),
    };
    if (controller_sync(c->s->controller, name, &o, &e))
        http_reply_json(c->x, 200, &reply);
    else
        server_reply_error(c, &e);
}

static void delete_one(struct call *c, struct str name)
{
    struct value reply = value_map(c->r->a);
    struct err e;
    if (controller_delete(c->s->controller, name, !str_is(http_query(c->r, "cascade"), "false"), &e))
        http_reply_json(c->x, 200, &reply);
    else
        server_reply_error(c, &e);
}

static void terminate_one(struct call *c, struct str name)
{
    struct value reply = value_map(c->r->a);
    struct err e;
    if (controller_terminate(c->s->controller, name, &e))
        http_reply_json(c->x, 200, &reply);
    else
        server_reply_error(c, &e);
}

/* Secret values are shown as stars; equal ones as equally many. */
static struct value masked(struct arena *a, const struct value *object)
{
    if (object == NULL || !str_is(value_str_at(object, "kind"), "Secret"))
        return object != NULL ? *object : value_null();
    struct value copy = value_clone(a, object);
    static const char *const members[] = { "data", "stringData" };
    for (size_t m = 0; m < COUNT(members); m++) {
        const struct value *data = value_get(&copy, members[m]);
        for (size_t i = 0; data->kind == VALUE_MAP && i < data->map->n; i++)
            data->map->v[i].value = value_c("++++++++");
    }
    /* the last applied configuration repeats them */
    const struct value *notes = value_at(&copy, "metadata.annotations");
    value_del(notes, "kubectl.kubernetes.io/last-applied-configuration");
    return copy;
}

static void compare_one(struct call *c, struct str name)
{
    struct arena *a = c->r->a;
    struct compare_result result;
    struct err e;
    if (!controller_compare(c->s->controller, a, name, &result, &e)) {
        server_reply_error(c, &e);
        return;
    }
    struct value v = value_map(a), items = value_list(a);
    for (size_t i = 0; i < result.n; i++) {
        const struct compare_resource *r = &result.v[i];
        struct value row = value_map(a);
        value_set_str(a, &row, "group", r->key.group);
        value_set_str(a, &row, "kind", r->key.kind);
        value_set_str(a, &row, "namespace", r->key.ns);
        value_set_str(a, &row, "name", r->key.name);
        value_set_str(a, &row, "status", str_c(sync_status_name(r->status)));
        value_set(a, &row, "hook", value_bool(r->hook));
        value_set(a, &row, "requiresPruning", value_bool(r->requires_pruning));
        value_set(a, &row, "target", masked(a, r->target));
        value_set(a, &row, "live", masked(a, r->live));
        list_push(a, items.list, row);
    }
    value_set(a, &v, "items", items);
    http_reply_json(c->x, 200, &v);
}

/* One live object of the application's namespace, as argocd app delete-resource: self-heal may bring it back. */
static void delete_resource(struct call *c, const struct value *app)
{
    struct str ns = http_query(c->r, "namespace");
    struct cluster_key k = { .group = http_query(c->r, "group"),
                             .kind = http_query(c->r, "kind"),
                             .ns = ns.n > 0 ? ns : application_namespace(app),
                             .name = http_query(c->r, "resourceName") };
    struct value live, reply = value_map(c->r->a);
    struct err e;
    if (k.kind.n == 0 || k.name.n == 0)
        server_reply_text(c, 400, "kind and resourceName are needed");
    else if (!cluster_get(c->s->cluster, c->r->a, &k, &live, &e))
        server_reply_error(c, &e);
    else if (!tracking_is_ours(c->r->a, application_name(app), &live))
        server_reply_text(c, 403, "%.*s %.*s does not belong to %.*s", STR(k.kind), STR(k.name),
                          STR(application_name(app)));
    else if (!cluster_remove(c->s->cluster, &k, CLUSTER_FOREGROUND, &e))
        server_reply_error(c, &e);
    else
        http_reply_json(c->x, 200, &reply);
}

static void route_one(struct call *c, struct str name, struct str what, struct value *app)
{
    bool get = str_is(c->r->method, "GET") || str_is(c->r->method, "HEAD"), post = str_is(c->r->method, "POST"),
         delete = str_is(c->r->method, "DELETE");
    if (what.n == 0 && get)
        get_one(c, name, app);
    else if (what.n == 0 && delete)
        delete_one(c, name);
    else if (str_is(what, "sync") && post)
        sync_one(c, name);
    else if (str_is(what, "operation") && delete)
        terminate_one(c, name);
    else if (str_is(what, "resource") && delete)
        delete_resource(c, app);
    else if (str_is(what, "managed-resources") && get)
        compare_one(c, name);
    else if (str_is(what, "logs") && get)
        api_logs(c, app);
    else
        server_reply_text(c, 405, "%.*s %.*s is not possible", STR(c->r->method), STR(c->r->path));
}

bool api_applications(struct call *c)
{
    struct str rest = c->rest, first, name, what = S("");
    str_split(&rest, S("/"), &first);
    if (!str_is(first, "applications"))
        return false;
    if (rest.n == 0) {
        list_all(c);
        return true;
    }
    if (str_split(&rest, S("/"), &name))
        what = rest;
    struct value app;
    struct err e;
    if (application_find(c->r->a, c->s->store, "Application", name, &app, &e))
        route_one(c, name, what, &app);
    else
        server_reply_error(c, &e);
    return true;
}
