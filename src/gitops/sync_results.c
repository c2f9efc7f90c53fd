/* syncResult.resources: all that the engine remembers between its calls, and the sentences made from it. */
#include "gitops/sync_internal.h"

static struct str member(const struct sync_task *t, const char *key)
{
    return t->result != NULL ? value_as_str(value_get(t->result, key)) : (struct str){ "", 0 };
}

bool task_is_pending(const struct sync_task *t)
{
    return t->result == NULL;
}

bool task_is_running(const struct sync_task *t)
{
    return str_is(member(t, "hookPhase"), "Running");
}

bool task_has_failed(const struct sync_task *t)
{
    struct str phase = member(t, "hookPhase");
    return str_is(phase, "Failed") || str_is(phase, "Error") || str_is(member(t, "status"), "SyncFailed");
}

bool task_is_completed(const struct sync_task *t)
{
    return task_has_failed(t) || str_is(member(t, "hookPhase"), "Succeeded");
}

static bool is_row_of(const struct value *row, const struct sync_task *t)
{
    return str_eq(value_str_at(row, "group"), t->key.group) && str_eq(value_str_at(row, "kind"), t->key.kind)
           && str_eq(value_str_at(row, "namespace"), t->key.ns) && str_eq(value_str_at(row, "name"), t->key.name)
           && str_is(value_str_at(row, "syncPhase"), phase_name(t->phase));
}

static struct value *find_row(const struct value *rows, const struct sync_task *t)
{
    for (size_t i = 0; i < value_len(rows); i++)
        if (is_row_of(&rows->list->v[i], t))
            return &rows->list->v[i];
    return NULL;
}

static void attach(struct sync_run *r, sync_tasks *tasks)
{
    for (size_t i = 0; i < tasks->n; i++)
        tasks->v[i].result = find_row(&r->out->resources, &tasks->v[i]);
}

void sync_attach_results(struct sync_run *r)
{
    attach(r, &r->tasks);
    attach(r, &r->on_fail);
    if (r->has_namespace_task)
        r->namespace_task.result = find_row(&r->out->resources, &r->namespace_task);
}

/* Images of the pod template, wherever it sits. */
static void add_images(struct arena *a, const struct value *object, const struct value *row)
{
    static const char *const pods[] = { "spec", "spec.template.spec", "spec.jobTemplate.spec.template.spec" };
    static const char *const lists[] = { "initContainers", "containers" };
    struct value images = value_list(a);
    for (size_t i = 0; i < COUNT(pods); i++)
        for (size_t k = 0; k < COUNT(lists); k++) {
            const struct value *containers = value_get(value_at(object, pods[i]), lists[k]);
            for (size_t n = 0; n < value_len(containers); n++)
                if (value_str_at(value_item(containers, n), "image").n > 0)
                    list_push(a, images.list, *value_get(value_item(containers, n), "image"));
        }
    if (images.list->n > 0)
        value_set(a, row, "images", images);
}

void task_record(struct sync_run *r, struct sync_task *t, const char *status, const char *hook_phase,
                 struct str message)
{
    struct arena *a = r->a;
    struct value row = value_map(a);
    const struct value *object = t->target != NULL ? t->target : t->live;
    value_set_str(a, &row, "group", t->key.group);
    value_set_str(a, &row, "version", t->key.version);
    value_set_str(a, &row, "kind", t->key.kind);
    value_set_str(a, &row, "namespace", t->key.ns);
    value_set_str(a, &row, "name", t->key.name);
    value_set_str(a, &row, "status", str_c(status));
    value_set_str(a, &row, "message", arena_str(a, message));
    if (t->hook)
        value_set_str(a, &row, "hookType", str_c(phase_name(t->phase)));
    if (hook_phase[0] != '\0')
        value_set_str(a, &row, "hookPhase", str_c(hook_phase));
    value_set_str(a, &row, "syncPhase", str_c(phase_name(t->phase)));
    if (object != NULL)
        add_images(a, object, &row);
    struct value *old = find_row(&r->out->resources, t);
    if (old != NULL)
        *old = row;
    else
        list_push(a, r->out->resources.list, row);
    sync_attach_results(r); /* the list may have moved */
}

struct str sync_waiting_message(struct arena *a, const sync_tasks *waiting, bool deletion)
{
    const struct sync_task *first = NULL;
    size_t hooks = 0;
    for (size_t i = 0; i < waiting->n; i++)
        hooks += waiting->v[i].hook;
    for (size_t i = 0; first == NULL && i < waiting->n; i++)
        if (hooks == 0 || waiting->v[i].hook)
            first = &waiting->v[i];
    if (first == NULL)
        return S("one or more tasks are running");
    const char *what = deletion    ? (hooks > 0 ? "deletion of hook" : "deletion of")
                       : hooks > 0 ? "completion of hook"
                                   : "healthy state of";
    struct str text = arena_fmt(a, "waiting for %s %.*s/%.*s/%.*s", what, STR(first->key.group), STR(first->key.kind),
                                STR(first->key.name));
    if (waiting->n == 1)
        return text;
    return arena_fmt(a, "%.*s and %zu more %s", STR(text), waiting->n - 1, hooks == waiting->n ? "hooks" : "resources");
}

struct str sync_failure_reasons(struct arena *a, const sync_tasks *tasks)
{
    struct buf text = { .a = a };
    for (size_t i = 0; i < tasks->n; i++) {
        struct str message = task_has_failed(&tasks->v[i]) ? member(&tasks->v[i], "message") : (struct str){ "", 0 };
        if (message.n > 0)
            buf_fmt(&text, "%s%.*s", text.n > 0 ? "," : "", STR(message));
    }
    return buf_str(&text);
}
