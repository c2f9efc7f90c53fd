/* Opening and closing the local engine, the calls of cluster.h, and the scheduler that hands environments to workers.
 */
#include "cluster/local/local.h"

#include <stdlib.h>

#include "cluster/local/engine.h"
#include "cluster/local/kinds.h"
#include "cluster/local/logs.h"
#include "cluster/local/probe.h"
#include "cluster/local/proxy.h"

#define WORKERS 4                    /* environments looked at at the same time */
#define PULLERS 3                    /* images pulled at the same time */
#define HOOKS 4                      /* preStop and postStart commands running at the same time */
#define QUEUE_MAX 4096               /* environments or pulls waiting for a thread */
#define RETRY_SUBMIT_MS 50           /* when a queue was full */
#define IDLE_MS 3600000              /* longest sleep of the scheduler */
#define KUBERNETES_VERSION "v1.33.0" /* the API whose behaviour is imitated: what charts see */

static struct local *local_of(struct cluster *c)
{
    return (struct local *)(void *)c;
}

/* ---- the list of environments ------------------------------------------------------------- */

/* Under l->lock. NULL when memory is short or the name cannot be a namespace. */
static struct environment *find_or_add(struct local *l, struct str ns)
{
    for (struct environment *env = l->environments; env != NULL; env = env->next)
        if (str_is(ns, env->name))
            return env;
    struct environment *env = calloc(1, sizeof *env);
    if (env == NULL || ns.n == 0 || ns.n >= sizeof env->name) {
        free(env);
        return NULL;
    }
    memcpy(env->name, ns.p, ns.n);
    env->local = l;
    env->due_ms = INT64_MAX;
    env->next = l->environments;
    l->environments = env;
    return env;
}

void local_dirty(struct local *l, struct str ns)
{
    if (ns.n == 0) {
        local_dirty_all(l);
        return;
    }
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&l->lock);
    struct environment *env = find_or_add(l, ns);
    if (env != NULL)
        env->dirty = true;
    pthread_cond_signal(&l->wake);
}

void local_dirty_all(struct local *l)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&l->lock);
    for (struct environment *env = l->environments; env != NULL; env = env->next)
        env->dirty = true;
    pthread_cond_signal(&l->wake);
}

static void objects_changed(void *user, struct str ns)
{
    local_dirty(user, ns);
}

static void runtime_woke(void *user)
{
    local_dirty_all(user);
}

/* Under l->lock. */
static void unlink_environment(struct local *l, struct environment *gone)
{
    for (struct environment **at = &l->environments; *at != NULL; at = &(*at)->next)
        if (*at == gone) {
            *at = gone->next;
            free(gone);
            return;
        }
}

/* ---- the scheduler ------------------------------------------------------------------------ */

static void work_on(void *arg)
{
    struct environment *env = arg;
    struct local *l = env->local;
    reconcile_environment(l, env);
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&l->lock);
    env->busy = false;
    if (env->gone && !env->dirty && env->pods == NULL)
        unlink_environment(l, env);
    pthread_cond_signal(&l->wake);
}

/* Submit whatever is dirty or due; returns when to look again. Under l->lock. */
static int64_t submit_ready(struct local *l)
{
    int64_t now = clock_mono_ms(), next = now + IDLE_MS;
    for (struct environment *env = l->environments; env != NULL; env = env->next) {
        if (env->busy)
            continue;
        if (!env->dirty && env->due_ms > now) {
            next = env->due_ms < next ? env->due_ms : next;
            continue;
        }
        if (!pool_submit(l->workers, work_on, env))
            return now + RETRY_SUBMIT_MS;
        env->busy = true;
        env->dirty = false;
        env->due_ms = INT64_MAX;
    }
    return next;
}

static void *schedule(void *arg)
{
    struct local *l = arg;
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&l->lock);
    while (!l->stopping) {
        int64_t next = submit_ready(l);
        (void)cond_wait_until(&l->wake, &l->lock, next);
    }
    return NULL;
}

/* ---- calls of cluster.h ------------------------------------------------------------------- */

static bool local_kind(struct cluster *c, struct str group, struct str kind, struct cluster_kind *out, struct err *e)
{
    const struct kind_row *row = kind_find(group, kind);
    if (row != NULL) {
        *out = (struct cluster_kind){ str_c(row->group), str_c(row->version), str_c(row->kind), str_c(row->plural),
                                      row->namespaced };
        return true;
    }
    *out = (struct cluster_kind){ .group = group,
                                  .kind = kind,
                                  .namespaced = objects_namespaced(&local_of(c)->objects, group, kind) };
    return err_set(e, ERR_NOT_FOUND,
                   "the local engine does not know kind %.*s%s%.*s; it keeps such objects without acting on them",
                   STR(kind), group.n > 0 ? "." : "", STR(group));
}

static bool local_apply(struct cluster *c, struct arena *a, const struct value *object, const struct cluster_apply *o,
                        struct value *out_live, enum cluster_verb *out_verb, struct err *e)
{
    return objects_apply(&local_of(c)->objects, a, object, o, out_live, out_verb, e);
}

static bool local_get(struct cluster *c, struct arena *a, const struct cluster_key *k, struct value *out, struct err *e)
{
    return objects_get(&local_of(c)->objects, a, k, out, e);
}

static bool local_list(struct cluster *c, struct arena *a, const struct cluster_key *k, struct value *out,
                       struct err *e)
{
    return objects_list(&local_of(c)->objects, a, k, out, e);
}

static bool local_remove(struct cluster *c, const struct cluster_key *k, enum cluster_propagation p, struct err *e)
{
    return objects_remove(&local_of(c)->objects, k, p, e);
}

static int64_t local_wait(struct cluster *c, int64_t after, int64_t deadline_mono_ms)
{
    struct store *s = local_of(c)->store;
    return store_wait(s, after > 0 ? after : store_version(s), deadline_mono_ms);
}

static bool local_logs(struct cluster *c, const struct cluster_logs *o, bool (*line)(void *user, struct str text),
                       void *user, struct err *e)
{
    return logs_read(local_of(c), o, line, user, e);
}

static struct str local_version(struct cluster *c)
{
    (void)c;
    return S(KUBERNETES_VERSION);
}

uint16_t local_ingress_port(struct cluster *c)
{
    return proxy_port(local_of(c)->proxy);
}

struct str local_ingress_url(struct arena *a, struct cluster *c, struct str ns)
{
    struct value list;
    struct err e = { 0 };
    const struct cluster_key k = { S("networking.k8s.io"), S("v1"), S("Ingress"), ns, S("") };
    if (!local_list(c, a, &k, &list, &e) || value_len(&list) == 0)
        return S("");
    struct str host = value_str_at(value_item(&list, 0), "spec.rules.0.host"), label = host;
    if (str_starts(host, S("*.")))
        host = str_slice(host, 2, host.n);
    struct str rest = host;
    (void)str_split(&rest, S("."), &label);
    if (label.n == 0)
        return arena_fmt(a, "http://localhost:%u/", local_ingress_port(c));
    return arena_fmt(a, "http://%.*s.localhost:%u/", STR(label), local_ingress_port(c));
}

/* ---- open and close ----------------------------------------------------------------------- */

static void stop_scheduler(struct local *l)
{
    if (!l->scheduling)
        return;
    pthread_mutex_lock(&l->lock);
    l->stopping = true;
    pthread_cond_signal(&l->wake);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->scheduler, NULL);
}

static void local_close(struct cluster *c)
{
    struct local *l = local_of(c);
    stop_scheduler(l);
    pool_close(l->workers); /* from here on nobody makes pods or routes */
    for (struct environment *env = l->environments; env != NULL; env = env->next)
        pods_forget(l, env);
    pool_close(l->pulls);
    pool_close(l->hooks);
    prober_close(l->prober);
    proxy_close(l->proxy);
    if (l->runtime != NULL)
        runtime_close(l->runtime, !l->keep_running);
    while (l->environments != NULL) {
        struct environment *env = l->environments;
        l->environments = env->next;
        free(env);
    }
    pthread_mutex_destroy(&l->objects.addresses);
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->wake);
    free(l);
}

static const struct cluster_ops ops = { "local",    local_kind, local_apply,   local_get,   local_list, local_remove,
                                        local_wait, local_logs, local_version, local_close, true };

/* Every cluster has it, and every namespace that the store remembers may have something running. */
static bool wake_namespaces(struct local *l, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value fallback = value_map(&a), live, list;
    enum cluster_verb verb;
    value_set(&a, &fallback, "apiVersion", value_c("v1"));
    value_set(&a, &fallback, "kind", value_c("Namespace"));
    value_put_at(&a, &fallback, "metadata.name", value_c("default"));
    const struct cluster_apply plain = { .server_side = true, .validate = true };
    if (!objects_apply(&l->objects, &a, &fallback, &plain, &live, &verb, e))
        return false;
    const struct cluster_key all = { .kind = S("Namespace") };
    if (!objects_list(&l->objects, &a, &all, &list, e))
        return false;
    for (size_t i = 0; i < value_len(&list); i++)
        local_dirty(l, value_str_at(value_item(&list, i), "metadata.name"));
    return true;
}

static bool open_parts(struct local *l, const struct local_options *o, struct err *e)
{
    const struct runtime_options r = { o->data_dir, o->launcher, o->images, runtime_woke, l };
    if (!runtime_open(&r, &l->runtime, e))
        return false;
    const struct proxy_options p = { l->runtime, o->ingress_address, o->ingress_port };
    if (!proxy_open(&p, &l->proxy, e) || !prober_open(l, &l->prober, e)
        || !pool_open("local", WORKERS, QUEUE_MAX, &l->workers, e)
        || !pool_open("pull", PULLERS, QUEUE_MAX, &l->pulls, e) || !pool_open("hook", HOOKS, QUEUE_MAX, &l->hooks, e)
        || !wake_namespaces(l, e))
        return false;
    l->scheduling = thread_start(&l->scheduler, "local-plan", schedule, l, e);
    return l->scheduling;
}

bool local_open(const struct local_options *o, struct cluster **out, struct err *e)
{
    struct local *l = calloc(1, sizeof *l);
    if (l == NULL)
        return err_set(e, ERR_IO, "open local engine: out of memory");
    l->base.ops = &ops;
    l->store = o->store;
    l->data_dir = o->data_dir;
    l->keep_running = o->keep_running;
    l->backoff_ms = o->restart_backoff_ms > 0 ? o->restart_backoff_ms : CRASH_BACKOFF_MS;
    l->objects = (struct objects){ .store = o->store, .changed = objects_changed, .user = l };
    pthread_mutex_init(&l->objects.addresses, NULL);
    pthread_mutex_init(&l->lock, NULL);
    cond_init(&l->wake);
    if (!open_parts(l, o, e)) {
        local_close(&l->base);
        return err_wrap(e, "open local engine");
    }
    *out = &l->base;
    return true;
}
