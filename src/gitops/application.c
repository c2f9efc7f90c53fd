/* Reading an Application document. */
#include "gitops/application.h"
#include "base/sys.h"

struct str application_name(const struct value *app)
{
    return value_str_at(app, "metadata.name");
}

struct str application_namespace(const struct value *app)
{
    return value_str_at(app, "spec.destination.namespace");
}

struct str application_annotation(const struct value *object, const char *key)
{
    return value_as_str(value_get(value_at(object, "metadata.annotations"), key));
}

struct store_key application_key(const struct value *app)
{
    struct str ns = value_str_at(app, "metadata.namespace");
    return (struct store_key){ "vitrine", S("argoproj.io"), value_as_str(value_get(app, "kind")),
                               ns.n > 0 ? ns : S(APP_NAMESPACE_DEFAULT), application_name(app) };
}

bool application_find(struct arena *a, struct store *s, const char *kind, struct str name, struct value *out,
                      struct err *e)
{
    struct store_key k = { "vitrine", S("argoproj.io"), str_c(kind), { "", 0 }, name };
    struct value found;
    if (!store_list(a, s, &k, &found, e))
        return false;
    if (value_len(&found) == 0)
        return err_set(e, ERR_NOT_FOUND, "%s \"%.*s\" not found", kind, STR(name));
    *out = *value_item(&found, 0);
    return true;
}

const struct value *application_source(const struct value *app)
{
    const struct value *sources = value_at(app, "spec.sources");
    return value_len(sources) > 0 ? value_item(sources, 0) : value_at(app, "spec.source");
}

bool application_sync_option(const struct value *app, const char *option)
{
    const struct value *options = value_at(app, "spec.syncPolicy.syncOptions");
    for (size_t i = 0; i < value_len(options); i++)
        if (str_is(value_as_str(value_item(options, i)), option))
            return true;
    return false;
}

struct application_automated application_automated(const struct value *app)
{
    const struct value *automated = value_at(app, "spec.syncPolicy.automated");
    if (!value_is(automated, VALUE_MAP) || !value_bool_at(automated, "enabled", true))
        return (struct application_automated){ 0 };
    return (struct application_automated){ true, value_bool_at(automated, "prune", false),
                                           value_bool_at(automated, "selfHeal", false),
                                           value_bool_at(automated, "allowEmpty", false) };
}

/* ---- retry -------------------------------------------------------------------------------- */

/* An integer is seconds, text a Go duration or a number of seconds. */
static int64_t duration_ms(const struct value *v, int64_t otherwise)
{
    int64_t n = 0;
    if (value_is(v, VALUE_INT))
        return v->i * 1000;
    if (str_to_int(value_as_str(v), &n))
        return n * 1000;
    if (value_is(v, VALUE_STRING) && duration_parse(value_as_str(v), &n))
        return n / 1000000;
    return otherwise;
}

struct application_retry application_retry_of(const struct value *retry, int64_t limit_without)
{
    const struct value *backoff = value_get(retry, "backoff");
    struct application_retry r = {
        .limit = value_is(retry, VALUE_MAP) ? value_int_at(retry, "limit", 0) : limit_without,
        .duration_ms = duration_ms(value_get(backoff, "duration"), 5000),
        .max_ms = duration_ms(value_get(backoff, "maxDuration"), 180000),
        .factor = value_int_at(backoff, "factor", 2),
        .refresh = value_bool_at(retry, "refresh", false),
    };
    return r;
}

int64_t application_retry_wait_ms(const struct application_retry *r, int64_t n)
{
    int64_t wait = r->duration_ms;
    for (int64_t i = 0; i < n && wait < r->max_ms; i++)
        wait *= r->factor > 0 ? r->factor : 1;
    return wait < r->max_ms ? wait : r->max_ms;
}

/* ---- conditions --------------------------------------------------------------------------- */

static const struct value *conditions_of(struct arena *a, const struct value *status)
{
    if (!value_is(value_get(status, "conditions"), VALUE_LIST))
        value_set(a, status, "conditions", value_list(a));
    return value_get(status, "conditions");
}

void application_condition_set(struct arena *a, const struct value *status, const char *type, struct str message,
                               int64_t now_ms)
{
    const struct value *list = conditions_of(a, status);
    struct value condition = value_map(a);
    value_set_str(a, &condition, "type", str_c(type));
    value_set_str(a, &condition, "message", arena_str(a, message));
    value_set_str(a, &condition, "lastTransitionTime", clock_rfc3339(a, now_ms));
    for (size_t i = 0; i < list->list->n; i++) {
        struct value *old = &list->list->v[i];
        if (!str_is(value_as_str(value_get(old, "type")), type))
            continue;
        if (!str_eq(value_as_str(value_get(old, "message")), message))
            *old = condition;
        return;
    }
    list_push(a, list->list, condition);
}

void application_condition_clear(const struct value *status, const char *type)
{
    const struct value *list = value_get(status, "conditions");
    size_t kept = 0;
    if (!value_is(list, VALUE_LIST))
        return;
    for (size_t i = 0; i < list->list->n; i++)
        if (!str_is(value_as_str(value_get(&list->list->v[i], "type")), type))
            list->list->v[kept++] = list->list->v[i];
    list->list->n = kept;
    if (kept == 0)
        value_del(status, "conditions");
}

/* ---- tracking ----------------------------------------------------------------------------- */

struct str tracking_id(struct arena *a, struct str app, const struct cluster_key *k)
{
    return arena_fmt(a, "%.*s:%.*s/%.*s:%.*s/%.*s", STR(app), STR(k->group), STR(k->kind), STR(k->ns), STR(k->name));
}

struct tracked {
    struct str app, group, kind, ns, name;
};

static bool parse_tracking(const struct value *object, struct tracked *out)
{
    struct str rest = application_annotation(object, "argocd.argoproj.io/tracking-id"), kind;
    if (!str_split(&rest, S(":"), &out->app) || !str_split(&rest, S(":"), &kind) || !str_split(&rest, S("/"), &out->ns))
        return false;
    out->name = rest;
    if (!str_split(&kind, S("/"), &out->group))
        return false;
    out->kind = kind;
    return true;
}

struct str tracking_owner(const struct value *object)
{
    struct tracked t = { 0 };
    return parse_tracking(object, &t) ? t.app : (struct str){ "", 0 };
}

bool tracking_is_ours(struct arena *a, struct str app, const struct value *object)
{
    struct cluster_key k = { 0 };
    struct tracked t = { 0 };
    struct err ignored = { 0 };
    (void)a;
    /* the id of a cluster-scoped object carries the application's namespace: only the object's own counts there */
    return parse_tracking(object, &t) && str_eq(t.app, app) && cluster_key_of(object, &k, &ignored)
           && str_eq(t.group, k.group) && str_eq(t.kind, k.kind) && str_eq(t.name, k.name)
           && (k.ns.n == 0 || str_eq(t.ns, k.ns));
}
