/* The documents of one namespace, and small helpers on status documents that every controller uses. */
#include "cluster/local/engine.h"

bool world_load(struct world *w, struct err *e)
{
    struct str name = str_c(w->env->name);
    const struct store_key of_ns = { "local", S(""), S(""), name, S("") };
    const struct store_key ns = { "local", S(""), S("Namespace"), S(""), name };
    struct err missing = { 0 };
    if (!store_list(w->a, w->l->store, &of_ns, &w->objects, e))
        return false;
    if (store_get(w->a, w->l->store, &ns, &w->ns, &missing))
        return true;
    w->ns = value_null();
    if (missing.kind == ERR_NOT_FOUND)
        return true;
    *e = missing;
    return false;
}

void world_due(struct world *w, int64_t wall_ms)
{
    if (wall_ms < w->due_ms)
        w->due_ms = wall_ms;
}

static bool is_of(const struct value *doc, const char *group, const char *kind)
{
    if (!str_is(value_str_at(doc, "kind"), kind))
        return false;
    struct str version = value_str_at(doc, "apiVersion");
    ptrdiff_t slash = str_find(version, S("/"));
    return str_is(str_slice(version, 0, slash < 0 ? 0 : (size_t)slash), group);
}

const struct value *world_next(const struct world *w, const char *group, const char *kind, size_t *cursor)
{
    while (*cursor < value_len(&w->objects)) {
        const struct value *doc = value_item(&w->objects, (*cursor)++);
        if (is_of(doc, group, kind))
            return doc;
    }
    return NULL;
}

const struct value *world_find(const struct world *w, const char *group, const char *kind, struct str name)
{
    size_t cursor = 0;
    for (const struct value *doc; (doc = world_next(w, group, kind, &cursor)) != NULL;)
        if (str_eq(value_str_at(doc, "metadata.name"), name))
            return doc;
    return NULL;
}

bool world_failed(struct world *w, const char *what, const struct value *doc, const struct err *e)
{
    if (e->kind == ERR_CONFLICT) {
        world_due(w, w->now_ms + 20);
        return false;
    }
    log_warn("%s: %s %.*s/%.*s: %s", w->env->name, what, STR(value_str_at(doc, "kind")),
             STR(value_str_at(doc, "metadata.name")), e->text);
    world_due(w, w->now_ms + 2000);
    return false;
}

void world_event(struct world *w, const char *type, const char *reason, struct str message)
{
    struct err e = { 0 };
    if (!store_event_add(w->l->store, type, str_c(w->env->name), reason, message, &e))
        log_warn("%s: event %s: %s", w->env->name, reason, e.text);
}

/* ---- status documents --------------------------------------------------------------------- */

const struct value *condition_get(const struct value *conditions, const char *type)
{
    for (size_t i = 0; i < value_len(conditions); i++)
        if (str_is(value_str_at(value_item(conditions, i), "type"), type))
            return value_item(conditions, i);
    return &value_nil;
}

void condition_set(struct arena *a, const struct value *conditions, const char *type, bool holds, const char *reason,
                   struct str message, int64_t now_ms)
{
    const struct value *old = condition_get(conditions, type);
    struct value c = value_map(a);
    const char *status = holds ? "True" : "False";
    bool same = str_is(value_str_at(old, "status"), status);
    value_set(a, &c, "type", value_c(type));
    value_set(a, &c, "status", value_c(status));
    value_set(a, &c, "lastTransitionTime",
              same ? *value_get(old, "lastTransitionTime") : value_str(clock_rfc3339(a, now_ms)));
    if (reason != NULL && reason[0] != '\0')
        value_set(a, &c, "reason", value_c(reason));
    if (message.n > 0)
        value_set(a, &c, "message", value_str(message));
    if (value_is(old, VALUE_NULL))
        list_push(a, conditions->list, c);
    else
        conditions->list->v[old - conditions->list->v] = c;
}

void status_count(struct arena *a, const struct value *status, const char *key, int64_t n)
{
    if (n == 0)
        value_del(status, key);
    else
        value_set(a, status, key, value_int(n));
}

struct value status_copy(struct arena *a, const struct value *doc)
{
    const struct value *status = value_get(doc, "status");
    return value_is(status, VALUE_MAP) ? value_clone(a, status) : value_map(a);
}

int64_t int_or_percent(const struct value *v, int64_t total, bool up, int64_t otherwise)
{
    int64_t n;
    struct str text = value_as_str(v);
    if (value_is(v, VALUE_INT))
        return v->i;
    bool percent = str_ends(text, S("%"));
    if (!str_to_int(str_slice(text, 0, text.n - (percent ? 1 : 0)), &n) || n < 0 || n > 1000000)
        return otherwise;
    return percent ? (total * n + (up ? 99 : 0)) / 100 : n;
}
