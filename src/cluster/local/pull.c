/* Images and hooks: whatever takes long happens on pool threads and makes the environment dirty at its end. */
#include <signal.h>
#include <stdlib.h>

#include "cluster/local/pod_run.h"

struct pull {
    struct local *l;
    char env[64];
    struct arena a; /* the job's until it is done, the owner's afterwards */
    struct str reference;
    bool always;
    struct runtime_image image;
    struct err error;
    /* under l->lock */
    enum pull_state state;
    bool dropped;
};

static void pull_free(struct pull *p)
{
    arena_close(&p->a);
    free(p);
}

static void pull_run(void *arg)
{
    struct pull *p = arg;
    struct local *l = p->l;
    char env[64];
    bool ok = runtime_image_ensure(&p->a, l->runtime, p->reference, p->always, &p->image, &p->error);
    memcpy(env, p->env, sizeof env);
    pthread_mutex_lock(&l->lock);
    p->state = ok ? PULL_DONE : PULL_FAILED;
    bool dropped = p->dropped;
    pthread_mutex_unlock(&l->lock);
    if (dropped)
        pull_free(p);
    local_dirty(l, str_c(env));
}

struct pull *pull_start(struct local *l, struct str env, struct str reference, bool always_resolve)
{
    struct pull *p = calloc(1, sizeof *p);
    if (p == NULL || env.n >= sizeof p->env) {
        free(p);
        return NULL;
    }
    memcpy(p->env, env.p, env.n);
    p->l = l;
    p->reference = arena_str(&p->a, reference);
    p->always = always_resolve;
    if (pool_submit(l->pulls, pull_run, p))
        return p;
    pull_free(p);
    return NULL;
}

enum pull_state pull_state(struct pull *p)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&p->l->lock);
    return p->state;
}

const struct runtime_image *pull_image(const struct pull *p)
{
    return &p->image;
}

const struct err *pull_error(const struct pull *p)
{
    return &p->error;
}

void pull_drop(struct pull *p)
{
    if (p == NULL)
        return;
    struct local *l = p->l;
    pthread_mutex_lock(&l->lock);
    bool running = p->state == PULL_RUNNING;
    p->dropped = true;
    pthread_mutex_unlock(&l->lock);
    if (!running)
        pull_free(p);
}

/* ---- hooks -------------------------------------------------------------------------------- */

struct hook {
    struct local *l;
    struct arena a;
    struct str env, pod_uid, container;
    struct str *argv;
    size_t n_argv;
    int64_t timeout_ms;
    int then_signal, fail_signal;
};

static void hook_run(void *arg)
{
    struct hook *h = arg;
    struct str output;
    struct err e = { 0 };
    int exit_code = 0;
    bool ran = runtime_exec(&h->a, h->l->runtime, h->env, h->pod_uid, h->container, h->argv, h->n_argv, h->timeout_ms,
                            &exit_code, &output, &e);
    int sig = ran && exit_code == 0 ? h->then_signal : h->fail_signal;
    if (!ran)
        log_warn("%.*s: hook in container %.*s: %s", STR(h->env), STR(h->container), e.text);
    if (sig != 0 && !runtime_container_signal(h->l->runtime, h->env, h->pod_uid, h->container, sig, &e))
        log_debug("%.*s: signal %.*s: %s", STR(h->env), STR(h->container), e.text); /* it ended by itself meanwhile */
    arena_close(&h->a);
    free(h);
}

void hook_start(struct local *l, struct str env, struct str pod_uid, struct str container, const struct value *argv,
                int64_t timeout_ms, int then_signal, int fail_signal)
{
    struct hook *h = calloc(1, sizeof *h);
    if (h == NULL)
        return;
    *h = (struct hook){ .l = l, .timeout_ms = timeout_ms, .then_signal = then_signal, .fail_signal = fail_signal };
    h->env = arena_str(&h->a, env);
    h->pod_uid = arena_str(&h->a, pod_uid);
    h->container = arena_str(&h->a, container);
    h->argv = arena_new(&h->a, struct str, value_len(argv) + 1);
    for (size_t i = 0; i < value_len(argv); i++)
        h->argv[h->n_argv++] = arena_str(&h->a, value_as_str(value_item(argv, i)));
    if (pool_submit(l->hooks, hook_run, h))
        return;
    arena_close(&h->a);
    free(h);
}
