/* Hosts and paths. Each environment brings its own rows; the table is small and searched whole. */
#include <stdlib.h>

#include "cluster/local/proxy_internal.h"

struct env_routes {
    struct env_routes *next;
    struct arena a;
    struct str env;
    struct proxy_route *v;
    size_t n, turn; /* turn: round robin over endpoints */
};
struct route_table {
    pthread_mutex_t lock;
    struct env_routes *envs;
};

struct route_table *routes_open(void)
{
    struct route_table *t = calloc(1, sizeof *t);
    if (t != NULL)
        pthread_mutex_init(&t->lock, NULL);
    return t;
}

static void env_free(struct env_routes *r)
{
    struct arena a = r->a;
    arena_close(&a);
    free(r);
}

void routes_close(struct route_table *t)
{
    if (t == NULL)
        return;
    while (t->envs != NULL) {
        struct env_routes *r = t->envs;
        t->envs = r->next;
        env_free(r);
    }
    pthread_mutex_destroy(&t->lock);
    free(t);
}

static struct proxy_route copy_route(struct arena *a, const struct proxy_route *r)
{
    struct proxy_route out = *r;
    out.host = arena_str(a, r->host);
    out.path = arena_str(a, r->path);
    out.service = arena_str(a, r->service);
    out.endpoints = arena_new(a, struct runtime_endpoint, r->n_endpoints + 1);
    for (size_t i = 0; i < r->n_endpoints; i++)
        out.endpoints[i] = (struct runtime_endpoint){ arena_str(a, r->endpoints[i].ip), r->endpoints[i].port };
    return out;
}

static struct env_routes *env_new(struct str env, const struct proxy_route *v, size_t n)
{
    struct env_routes *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->env = arena_str(&r->a, env);
    r->v = arena_new(&r->a, struct proxy_route, n);
    r->n = n;
    for (size_t i = 0; i < n; i++)
        r->v[i] = copy_route(&r->a, &v[i]);
    return r;
}

/* The order is that of the first claim: an environment never takes a host from an older one. */
void routes_put(struct route_table *t, struct str env, const struct proxy_route *v, size_t n)
{
    struct env_routes *made = n > 0 ? env_new(env, v, n) : NULL;
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&t->lock);
    struct env_routes **at = &t->envs;
    while (*at != NULL && !str_eq((*at)->env, env))
        at = &(*at)->next;
    struct env_routes *old = *at, *next = old != NULL ? old->next : NULL;
    if (made != NULL)
        made->next = next;
    *at = made != NULL ? made : next;
    if (old != NULL)
        env_free(old);
}

/* ---- which host ---------------------------------------------------------------------------- */

static struct str first_label(struct str host)
{
    struct str label, rest = host;
    (void)str_split(&rest, S("."), &label);
    return label;
}

/* How well a rule's host fits: 3 exactly, 2 by wildcard of one label, 0 not at all. */
static int host_fits(struct str rule, struct str host)
{
    if (rule.n > 0 && str_ieq(rule, host))
        return 3;
    ptrdiff_t dot = str_find(host, S("."));
    if (str_starts(rule, S("*.")) && dot > 0
        && str_ieq(str_slice(rule, 1, rule.n), str_slice(host, (size_t)dot, host.n)))
        return 2;
    return 0;
}

/* LABEL.localhost stands for the one host that begins with LABEL, or for the environment of that name. */
static bool alias_fits(const struct env_routes *r, struct str rule, struct str label)
{
    return rule.n > 0 ? str_ieq(first_label(rule), label) : str_ieq(r->env, label);
}

struct found {
    struct env_routes *env;
    struct str host; /* the rule's; empty: a rule without a host */
};

static bool find_host(struct route_table *t, struct str host, struct found *out)
{
    int best = 0;
    for (struct env_routes *r = t->envs; r != NULL; r = r->next)
        for (size_t i = 0; i < r->n; i++) {
            int fits = host_fits(r->v[i].host, host);
            if (fits > best) {
                best = fits;
                *out = (struct found){ r, r->v[i].host };
            }
        }
    return best > 0;
}

static bool find_alias(struct route_table *t, struct str host, struct found *out)
{
    struct str suffix = S(".localhost");
    size_t n = 0;
    if (host.n <= suffix.n || !str_ieq(str_slice(host, host.n - suffix.n, host.n), suffix))
        return false;
    struct str label = str_slice(host, 0, host.n - suffix.n);
    for (struct env_routes *r = t->envs; r != NULL; r = r->next)
        for (size_t i = 0; i < r->n; i++) {
            struct str rule = r->v[i].host;
            bool known = n > 0 && str_ieq(out->host, rule) && (rule.n > 0 || out->env == r);
            if (known || !alias_fits(r, rule, label))
                continue;
            *out = (struct found){ r, rule };
            n++;
        }
    return n == 1; /* two hosts with that label: the full name must be used */
}

/* Rules without a host answer to any name, as long as only one environment has such rules. */
static bool find_any(struct route_table *t, struct found *out)
{
    size_t n = 0;
    for (struct env_routes *r = t->envs; r != NULL; r = r->next)
        for (size_t i = 0; i < r->n; i++)
            if (r->v[i].host.n == 0 && (n == 0 || out->env != r)) {
                *out = (struct found){ r, S("") };
                n++;
            }
    return n == 1;
}

/* ---- which path ---------------------------------------------------------------------------- */

/* "/a" is a prefix of "/a", "/a/" and "/a/b", not of "/ab". */
static bool path_fits(const struct proxy_route *r, struct str path)
{
    struct str rule = r->path;
    if (r->type == PATH_EXACT)
        return str_eq(rule, path);
    if (rule.n > 1 && rule.p[rule.n - 1] == '/')
        rule = str_slice(rule, 0, rule.n - 1);
    if (rule.n <= 1)
        return true;
    return str_starts(path, rule) && (path.n == rule.n || path.p[rule.n] == '/');
}

static const struct proxy_route *best_path(const struct found *f, struct str path)
{
    const struct proxy_route *best = NULL;
    for (size_t i = 0; i < f->env->n; i++) {
        const struct proxy_route *r = &f->env->v[i];
        if (!str_eq(r->host, f->host) || !path_fits(r, path))
            continue;
        bool better = best == NULL || (r->type == PATH_EXACT && best->type != PATH_EXACT)
                      || (r->type == best->type && r->path.n > best->path.n);
        if (better)
            best = r;
    }
    return best;
}

static void copy_text(char *out, size_t size, struct str text)
{
    size_t n = text.n < size ? text.n : size - 1;
    memcpy(out, text.p, n);
    out[n] = '\0';
}

static void choose(const struct proxy_route *r, struct env_routes *env, struct route_choice *out)
{
    copy_text(out->service, sizeof out->service, r->service);
    out->verdict = r->n_endpoints > 0 ? ROUTE_OK : ROUTE_NOT_READY;
    size_t first = env->turn++;
    for (size_t i = 0; i < r->n_endpoints && out->n < COUNT(out->endpoints); i++) {
        const struct runtime_endpoint *e = &r->endpoints[(first + i) % r->n_endpoints];
        copy_text(out->endpoints[out->n].ip, sizeof out->endpoints[0].ip, e->ip);
        out->endpoints[out->n++].port = e->port;
    }
}

void routes_match(struct route_table *t, struct str host, struct str path, struct route_choice *out)
{
    struct found f = { 0 };
    *out = (struct route_choice){ .verdict = ROUTE_NO_HOST };
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&t->lock);
    if (!find_host(t, host, &f) && !find_alias(t, host, &f) && !find_any(t, &f))
        return;
    copy_text(out->env, sizeof out->env, f.env->env);
    out->verdict = ROUTE_NO_PATH;
    const struct proxy_route *r = best_path(&f, path);
    if (r != NULL)
        choose(r, f.env, out);
}

static int by_bytes(const void *x, const void *y)
{
    return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

size_t routes_hosts(struct arena *a, struct route_table *t, struct str **out)
{
    VEC(struct str) all = { 0 };
    size_t n = 0;
    pthread_mutex_lock(&t->lock);
    for (struct env_routes *r = t->envs; r != NULL; r = r->next)
        for (size_t i = 0; i < r->n; i++)
            *vec_push(a, &all) =
                r->v[i].host.n > 0 ? arena_str(a, r->v[i].host) : arena_fmt(a, "%.*s.localhost", STR(r->env));
    pthread_mutex_unlock(&t->lock);
    if (all.n > 0)
        qsort(all.v, all.n, sizeof *all.v, by_bytes);
    for (size_t i = 0; i < all.n; i++)
        if (n == 0 || !str_eq(all.v[n - 1], all.v[i]))
            all.v[n++] = all.v[i];
    *out = all.v;
    return n;
}
