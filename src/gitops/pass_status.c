/* The status document in Argo CD's shape: resources, sync, health, summary, history. */
#include <stdlib.h>

#include "gitops/controller_internal.h"
#include "gitops/hooks.h"

static struct value health_value(struct arena *a, struct health h)
{
    struct value v = value_map(a);
    value_set_str(a, &v, "status", str_c(health_name(h.status)));
    if (h.message.n > 0)
        value_set_str(a, &v, "message", arena_str(a, h.message));
    return v;
}

static struct value resource_row(struct arena *a, const struct compare_resource *r)
{
    struct value row = value_map(a);
    const struct value *object = r->target != NULL ? r->target : r->live;
    if (r->key.group.n > 0)
        value_set_str(a, &row, "group", r->key.group);
    value_set_str(a, &row, "version", r->key.version);
    value_set_str(a, &row, "kind", r->key.kind);
    if (r->key.ns.n > 0)
        value_set_str(a, &row, "namespace", r->key.ns);
    value_set_str(a, &row, "name", r->key.name);
    if (!r->hook)
        value_set_str(a, &row, "status", str_c(sync_status_name(r->status)));
    if (r->health.status != HEALTH_NONE)
        value_set(a, &row, "health", health_value(a, r->health));
    if (r->hook)
        value_set(a, &row, "hook", value_bool(true));
    if (r->requires_pruning)
        value_set(a, &row, "requiresPruning", value_bool(true));
    if (sync_wave(object) != 0)
        value_set(a, &row, "syncWave", value_int(sync_wave(object)));
    return row;
}

/* ---- summary ------------------------------------------------------------------------------ */

typedef VEC(struct str) texts;

static void add_text(struct arena *a, texts *list, struct str text)
{
    for (size_t i = 0; i < list->n; i++)
        if (str_eq(list->v[i], text))
            return;
    if (text.n > 0)
        *vec_push(a, list) = text;
}

static void add_images(struct arena *a, texts *images, const struct value *object)
{
    static const char *const pods[] = { "spec", "spec.template.spec", "spec.jobTemplate.spec.template.spec" };
    static const char *const lists[] = { "initContainers", "containers" };
    for (size_t i = 0; i < COUNT(pods); i++)
        for (size_t k = 0; k < COUNT(lists); k++) {
            const struct value *containers = value_get(value_at(object, pods[i]), lists[k]);
            for (size_t n = 0; n < value_len(containers); n++)
                add_text(a, images, value_str_at(value_item(containers, n), "image"));
        }
}

static void add_rule_urls(struct arena *a, texts *urls, const struct value *ingress, const struct value *rule,
                          const char *scheme)
{
    const struct value *paths = value_at(rule, "http.paths"),
                       *balancers = value_at(ingress, "status.loadBalancer.ingress");
    struct str host = value_str_at(rule, "host");
    if (host.n == 0 && value_len(balancers) > 0) {
        host = value_str_at(value_item(balancers, 0), "hostname");
        if (host.n == 0)
            host = value_str_at(value_item(balancers, 0), "ip");
    }
    if (host.n == 0)
        return;
    if (value_len(paths) == 0)
        add_text(a, urls, arena_fmt(a, "%s://%.*s", scheme, STR(host)));
    for (size_t i = 0; i < value_len(paths); i++) {
        struct str path = value_str_at(value_item(paths, i), "path");
        if (str_ends(path, S("*")))
            path.n--;
        add_text(a, urls, arena_fmt(a, "%s://%.*s%.*s", scheme, STR(host), STR(path)));
    }
}

static void add_urls(struct arena *a, texts *urls, const struct value *object)
{
    const struct value *annotations = value_at(object, "metadata.annotations"), *tls = value_at(object, "spec.tls");
    const struct value *rules = value_at(object, "spec.rules");
    bool secure = false;
    for (size_t i = 0; value_is(annotations, VALUE_MAP) && i < annotations->map->n; i++)
        if (str_starts(annotations->map->v[i].key, S("link.argocd.argoproj.io/")))
            add_text(a, urls, value_as_str(&annotations->map->v[i].value));
    if (!str_is(value_as_str(value_get(object, "kind")), "Ingress")
        || str_is(application_annotation(object, "argocd.argoproj.io/ignore-default-links"), "true"))
        return;
    for (size_t i = 0; i < value_len(tls); i++)
        secure = secure || value_str_at(value_item(tls, i), "secretName").n > 0;
    for (size_t i = 0; i < value_len(rules); i++)
        add_rule_urls(a, urls, object, value_item(rules, i), secure ? "https" : "http");
}

static int by_text(const void *x, const void *y)
{
    return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

static void put_texts(struct arena *a, const struct value *summary, const char *key, texts *list)
{
    struct value v = value_list(a);
    if (list->n == 0)
        return;
    qsort(list->v, list->n, sizeof *list->v, by_text);
    for (size_t i = 0; i < list->n; i++)
        list_push(a, v.list, value_str(arena_str(a, list->v[i])));
    value_set(a, summary, key, v);
}

static struct value summary_of(struct pass *p)
{
    struct value summary = value_map(p->a);
    texts images = { 0 }, urls = { 0 };
    for (size_t i = 0; i < p->compare.n; i++) {
        const struct compare_resource *r = &p->compare.v[i];
        if (r->live == NULL || r->hook)
            continue;
        add_images(p->a, &images, r->live);
        add_urls(p->a, &urls, r->live);
    }
    add_urls(p->a, &urls, &p->app);
    put_texts(p->a, &summary, "externalURLs", &urls);
    put_texts(p->a, &summary, "images", &images);
    return summary;
}

/* ---- writing ------------------------------------------------------------------------------ */

static void write_health(struct pass *p, struct health h)
{
    struct value health = health_value(p->a, h);
    const struct value *old = value_get(&p->status, "health");
    struct str since = value_str_at(old, "lastTransitionTime");
    if (!str_eq(value_str_at(old, "status"), str_c(health_name(h.status))) || since.n == 0)
        since = clock_rfc3339(p->a, p->now_ms);
    value_set_str(p->a, &health, "lastTransitionTime", since);
    value_set(p->a, &p->status, "health", health);
}

static void write_warnings(struct pass *p, const char *type, const struct str *messages, size_t n)
{
    struct buf text = { .a = p->a };
    for (size_t i = 0; i < n; i++)
        buf_fmt(&text, "%s%.*s", i > 0 ? "; " : "", STR(messages[i]));
    if (n > 0)
        application_condition_set(p->a, &p->status, type, buf_str(&text), p->now_ms);
    else
        application_condition_clear(&p->status, type);
}

static void write_sync(struct pass *p)
{
    struct value sync = value_map(p->a), to = value_map(p->a), resources = value_list(p->a);
    value_set(p->a, &to, "source", *application_source(&p->app));
    value_set(p->a, &to, "destination", *value_at(&p->app, "spec.destination"));
    if (!value_is(value_at(&p->app, "spec.ignoreDifferences"), VALUE_NULL))
        value_set(p->a, &to, "ignoreDifferences", *value_at(&p->app, "spec.ignoreDifferences"));
    value_set_str(p->a, &sync, "status", str_c(sync_status_name(p->compare.status)));
    value_set_str(p->a, &sync, "revision", p->revision);
    value_set(p->a, &sync, "comparedTo", to);
    value_set(p->a, &p->status, "sync", sync);
    for (size_t i = 0; i < p->compare.n; i++)
        list_push(p->a, resources.list, resource_row(p->a, &p->compare.v[i]));
    value_set(p->a, &p->status, "resources", resources);
}

void status_write_comparison(struct pass *p, bool refreshed)
{
    write_sync(p);
    write_health(p, p->compare.health);
    value_set(p->a, &p->status, "summary", summary_of(p));
    value_set_str(p->a, &p->status, "sourceType", p->manifests.type);
    application_condition_clear(&p->status, "ComparisonError");
    application_condition_clear(&p->status, "InvalidSpecError");
    write_warnings(p, "RepeatedResourceWarning", p->compare.repeated, p->compare.n_repeated);
    write_warnings(p, "SharedResourceWarning", p->compare.shared, p->compare.n_shared);
    if (refreshed)
        value_set_str(p->a, &p->status, "reconciledAt", clock_rfc3339(p->a, p->now_ms));
}

void status_write_unknown(struct pass *p, const char *condition, struct str message, bool health_unknown)
{
    application_condition_set(p->a, &p->status, condition, message, p->now_ms);
    value_put_at(p->a, &p->status, "sync.status", value_c("Unknown"));
    if (health_unknown)
        write_health(p, (struct health){ HEALTH_UNKNOWN, { "", 0 } });
    else if (value_str_at(&p->status, "health.status").n == 0)
        write_health(p, (struct health){ HEALTH_HEALTHY, { "", 0 } }); /* nothing is there that could be ill */
}

void status_add_history(struct pass *p)
{
    struct arena *a = p->a;
    const struct value *state = value_get(&p->status, "operationState"), *old = value_get(&p->status, "history");
    int64_t limit = value_int_at(&p->app, "spec.revisionHistoryLimit", 10), id = 0;
    struct value entry = value_map(a), history = value_list(a);
    size_t n = value_len(old);
    if (limit <= 0)
        return;
    if (n > 0)
        id = value_int_at(value_item(old, n - 1), "id", 0) + 1;
    value_set(a, &entry, "id", value_int(id));
    value_set(a, &entry, "revision", *value_at(state, "syncResult.revision"));
    value_set_str(a, &entry, "deployedAt", value_str_at(state, "finishedAt"));
    value_set_str(a, &entry, "deployStartedAt", value_str_at(state, "startedAt"));
    value_set(a, &entry, "source", *value_at(state, "syncResult.source"));
    value_set(a, &entry, "initiatedBy", *value_at(state, "operation.initiatedBy"));
    for (size_t i = (int64_t)n >= limit ? n - (size_t)limit + 1 : 0; i < n; i++)
        list_push(a, history.list, *value_item(old, i));
    list_push(a, history.list, entry);
    value_set(a, &p->status, "history", history);
}
