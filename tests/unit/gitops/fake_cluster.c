#include "fake_cluster.h"

#include <stdlib.h>

#include "base/sys.h"
#include "data/json.h"

struct fake {
    struct cluster base;
    struct cluster_ops ops;
    struct arena a;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct value objects; /* list */
    int64_t version;
    struct buf log;
    bool automatic, linger;
    const char *refused_kind, *refused_message;
};

static struct fake *of(struct cluster *c)
{
    return (struct fake *)c;
}

static void note_change(struct fake *f)
{
    f->version++;
    pthread_cond_broadcast(&f->changed);
}

static bool matches(const struct value *object, const struct cluster_key *k)
{
    struct cluster_key own = { 0 };
    struct err e;
    return cluster_key_of(object, &own, &e)
           && (k->kind.n == 0 || (str_eq(own.kind, k->kind) && str_eq(own.group, k->group)))
           && (k->ns.n == 0 || str_eq(own.ns, k->ns)) && (k->name.n == 0 || str_eq(own.name, k->name));
}

static struct value *find(struct fake *f, const struct cluster_key *k)
{
    for (size_t i = 0; i < f->objects.list->n; i++)
        if (matches(&f->objects.list->v[i], k))
            return &f->objects.list->v[i];
    return NULL;
}

/* ---- the table ---------------------------------------------------------------------------- */

static bool fake_kind(struct cluster *c, struct str group, struct str kind, struct cluster_kind *out, struct err *e)
{
    static const char *const cluster_wide[] = { "Namespace", "ClusterRole", "CustomResourceDefinition" };
    bool wide = false;
    if (str_is(kind, "Widget"))
        return err_set(e, ERR_NOT_FOUND, "no such kind");
    for (size_t i = 0; i < COUNT(cluster_wide); i++)
        wide = wide || str_is(kind, cluster_wide[i]);
    *out = (struct cluster_kind){ group, S("v1"), kind, kind, !wide };
    return true;
}

static void put(struct fake *f, const struct value *object, const char *path, const char *json)
{
    struct value v;
    struct err e;
    if (!json_parse(&f->a, str_c(json), &v, &e))
        abort();
    value_put_at(&f->a, object, path, v);
}

static void make_healthy(struct fake *f, const struct value *object)
{
    struct str kind = value_str_at(object, "kind");
    if (str_is(kind, "Deployment"))
        put(f, object, "status",
            "{\"replicas\":1,\"updatedReplicas\":1,\"availableReplicas\":1,\"observedGeneration\":999999}");
    if (str_is(kind, "Job"))
        put(f, object, "status",
            "{\"conditions\":[{\"type\":\"Complete\",\"status\":\"True\",\"message\":\"Job completed\"}]}");
    if (str_is(kind, "Ingress"))
        put(f, object, "status", "{\"loadBalancer\":{\"ingress\":[{\"ip\":\"127.0.0.1\"}]}}");
}

static bool same_but_for_server(struct arena *a, const struct value *x, const struct value *y)
{
    struct value p = value_clone(a, x), q = value_clone(a, y);
    static const char *const server[] = { "uid", "resourceVersion", "generation", "creationTimestamp" };
    for (size_t i = 0; i < COUNT(server); i++) {
        value_del(value_get(&p, "metadata"), server[i]);
        value_del(value_get(&q, "metadata"), server[i]);
    }
    value_del(&p, "status");
    value_del(&q, "status");
    return value_equal(&p, &q);
}

static bool check_apply(struct fake *f, const struct value *object, const struct cluster_key *k, bool dry_run,
                        struct err *e)
{
    struct cluster_key ns = { .kind = S("Namespace"), .name = k->ns };
    if (!cluster_key_of(object, &(struct cluster_key){ 0 }, e))
        return false;
    if (k->ns.n > 0 && find(f, &ns) == NULL)
        return err_set(e, ERR_NOT_FOUND, "namespaces \"%.*s\" not found", STR(k->ns));
    if (!dry_run && f->refused_kind != NULL && str_is(k->kind, f->refused_kind))
        return err_set(e, ERR_DENIED, "%s", f->refused_message);
    return true;
}

static bool fake_apply(struct cluster *c, struct arena *a, const struct value *object, const struct cluster_apply *o,
                       struct value *out, enum cluster_verb *verb, struct err *e)
{
    struct fake *f = of(c);
    struct cluster_key k = { 0 };
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&f->lock);
    if (!cluster_key_of(object, &k, e) || !check_apply(f, object, &k, o->dry_run, e))
        return false;
    struct value *live = find(f, &k), made = value_clone(&f->a, object);
    *verb = live == NULL                          ? CLUSTER_CREATED
            : same_but_for_server(a, live, &made) ? CLUSTER_UNCHANGED
                                                  : CLUSTER_CONFIGURED;
    if (!o->dry_run)
        buf_fmt(&f->log, "%sapply %.*s/%.*s", f->log.n > 0 ? "; " : "", STR(k.kind), STR(k.name));
    if (o->dry_run || *verb == CLUSTER_UNCHANGED) {
        *out = value_clone(a, live != NULL ? live : &made);
        return true;
    }
    int64_t generation = live != NULL ? value_int_at(live, "metadata.generation", 0) : 0;
    value_put_at(&f->a, &made, "metadata.uid",
                 live != NULL ? *value_at(live, "metadata.uid") : value_fmt(&f->a, "uid-%lld", (long long)f->version));
    value_put_at(&f->a, &made, "metadata.resourceVersion", value_fmt(&f->a, "%lld", (long long)f->version + 1));
    value_put_at(&f->a, &made, "metadata.generation", value_int(generation + 1));
    if (live != NULL)
        value_set(&f->a, &made, "status", *value_get(live, "status"));
    if (f->automatic)
        make_healthy(f, &made);
    if (live != NULL)
        *live = made;
    else
        list_push(&f->a, f->objects.list, made);
    note_change(f);
    *out = value_clone(a, &made);
    return true;
}

static bool fake_get(struct cluster *c, struct arena *a, const struct cluster_key *k, struct value *out, struct err *e)
{
    struct fake *f = of(c);
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&f->lock);
    struct value *live = find(f, k);
    if (live == NULL)
        return err_set(e, ERR_NOT_FOUND, "%.*s \"%.*s\" not found", STR(k->kind), STR(k->name));
    *out = value_clone(a, live);
    return true;
}

static bool fake_list(struct cluster *c, struct arena *a, const struct cluster_key *k, struct value *out, struct err *e)
{
    struct fake *f = of(c);
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&f->lock);
    (void)e;
    *out = value_list(a);
    for (size_t i = 0; i < f->objects.list->n; i++)
        if (matches(&f->objects.list->v[i], k))
            list_push(a, out->list, value_clone(a, &f->objects.list->v[i]));
    return true;
}

static void drop(struct fake *f, const struct cluster_key *k)
{
    struct list *l = f->objects.list;
    size_t kept = 0;
    bool ns = str_is(k->kind, "Namespace");
    for (size_t i = 0; i < l->n; i++) {
        bool inside = ns && str_eq(value_str_at(&l->v[i], "metadata.namespace"), k->name);
        if (!inside && !matches(&l->v[i], k))
            l->v[kept++] = l->v[i];
    }
    l->n = kept;
}

static bool fake_remove(struct cluster *c, const struct cluster_key *k, enum cluster_propagation p, struct err *e)
{
    struct fake *f = of(c);
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&f->lock);
    (void)p, (void)e;
    struct value *live = find(f, k);
    if (live == NULL)
        return true;
    buf_fmt(&f->log, "%sdelete %.*s/%.*s", f->log.n > 0 ? "; " : "", STR(k->kind), STR(k->name));
    if (f->linger)
        value_put_at(&f->a, live, "metadata.deletionTimestamp", value_c("2026-01-01T00:00:00Z"));
    else
        drop(f, k);
    note_change(f);
    return true;
}

static int64_t fake_wait(struct cluster *c, int64_t after, int64_t deadline_mono_ms)
{
    struct fake *f = of(c);
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&f->lock);
    while (f->version <= after && cond_wait_until(&f->changed, &f->lock, deadline_mono_ms))
        continue;
    return f->version;
}

static bool fake_logs(struct cluster *c, const struct cluster_logs *o, bool (*line)(void *user, struct str text),
                      void *user, struct err *e)
{
    (void)c, (void)o, (void)line, (void)user;
    return err_set(e, ERR_NOT_FOUND, "no logs here");
}

static struct str fake_version(struct cluster *c)
{
    (void)c;
    return S("v1.33.0");
}

static void fake_close(struct cluster *c)
{
    struct fake *f = of(c);
    arena_close(&f->a);
    free(f);
}

struct cluster *fake_cluster_open(void)
{
    static const struct cluster_ops ops = { "fake",      fake_kind, fake_apply, fake_get,     fake_list,
                                            fake_remove, fake_wait, fake_logs,  fake_version, fake_close };
    struct fake *f = calloc(1, sizeof *f);
    if (f == NULL)
        abort();
    f->ops = ops;
    f->base.ops = &f->ops;
    f->objects = value_list(&f->a);
    f->log.a = &f->a;
    pthread_mutex_init(&f->lock, NULL);
    cond_init(&f->changed);
    return &f->base;
}

void fake_cluster_keep_unknown(struct cluster *c)
{
    of(c)->ops.keeps_unknown_kinds = true;
}

/* ---- for tests ---------------------------------------------------------------------------- */

void fake_cluster_auto(struct cluster *c, bool on)
{
    of(c)->automatic = on;
}

void fake_cluster_refuse(struct cluster *c, const char *kind, const char *message)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&of(c)->lock);
    of(c)->refused_kind = message != NULL ? kind : NULL;
    of(c)->refused_message = message;
}

void fake_cluster_linger(struct cluster *c, bool on)
{
    struct fake *f = of(c);
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&f->lock);
    struct list *l = f->objects.list;
    size_t kept = 0;
    f->linger = on;
    for (size_t i = 0; !on && i < l->n; i++)
        if (value_str_at(&l->v[i], "metadata.deletionTimestamp").n == 0)
            l->v[kept++] = l->v[i];
    if (!on)
        l->n = kept;
    note_change(f);
}

void fake_cluster_set(struct cluster *c, const char *kind, const char *name, const char *path, const char *json)
{
    struct fake *f = of(c);
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&f->lock);
    for (size_t i = 0; i < f->objects.list->n; i++) {
        struct value *o = &f->objects.list->v[i];
        if (!str_is(value_str_at(o, "kind"), kind) || !str_is(value_str_at(o, "metadata.name"), name))
            continue;
        put(f, o, path, json);
        value_put_at(&f->a, o, "metadata.resourceVersion", value_fmt(&f->a, "%lld", (long long)f->version + 1));
        note_change(f);
    }
}

struct str fake_cluster_log(struct cluster *c, struct arena *a)
{
    struct fake *f = of(c);
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&f->lock);
    struct str text = arena_str(a, buf_str(&f->log));
    f->log.n = 0;
    return text;
}

size_t fake_cluster_count(struct cluster *c)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&of(c)->lock);
    return of(c)->objects.list->n;
}

bool fake_cluster_has(struct cluster *c, const char *kind, const char *name)
{
    struct fake *f = of(c);
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&f->lock);
    for (size_t i = 0; i < f->objects.list->n; i++)
        if (str_is(value_str_at(&f->objects.list->v[i], "kind"), kind)
            && str_is(value_str_at(&f->objects.list->v[i], "metadata.name"), name))
            return true;
    return false;
}
