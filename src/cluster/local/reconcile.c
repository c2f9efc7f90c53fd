/* One pass over one environment. */
#include "cluster/local/engine.h"
#include "cluster/local/proxy.h"

bool environment_ensure(struct world *w, struct err *e)
{
    struct str name = str_c(w->env->name);
    bool alive = runtime_env_alive(w->l->runtime, name);
    if (alive && w->env->started)
        return true;
    w->env->started = false;
    if (!runtime_env_start(w->l->runtime, name, e))
        return false;
    w->env->started = true;
    w->env->incarnation += alive ? 0 : 1;
    w->env->services_hash = 0; /* a new holder knows no services yet */
    return true;
}

bool namespace_stop(struct local *l, struct environment *env, struct err *e)
{
    pods_forget(l, env);
    proxy_routes_set(l->proxy, str_c(env->name), NULL, 0);
    env->started = false;
    env->services_hash = env->routes_hash = 0;
    return runtime_env_stop(l->runtime, str_c(env->name), e);
}

static void run_controllers(struct world *w)
{
    bool alive = !object_is_deleting(&w->ns);
    gc_reconcile(w);
    if (value_is(&w->ns, VALUE_NULL))
        return;
    if (alive) {
        deployment_reconcile(w);
        replica_set_reconcile(w);
        stateful_set_reconcile(w);
        daemon_set_reconcile(w);
        job_reconcile(w);
        claim_reconcile(w);
    }
    service_reconcile(w); /* before the pods: one that is to go loses its traffic before its SIGTERM */
    ingress_reconcile(w);
    pod_reconcile(w);
}

/* When the next pass is wanted, on the monotonic clock. */
static int64_t next_due(const struct world *w)
{
    if (w->due_ms == INT64_MAX)
        return INT64_MAX;
    int64_t wait = w->due_ms - clock_wall_ms();
    return clock_mono_ms() + (wait > 1 ? wait : 1);
}

void reconcile_environment(struct local *l, struct environment *env)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct world w = { .a = &a, .l = l, .env = env, .now_ms = clock_wall_ms(), .due_ms = INT64_MAX };
    struct err e = { 0 };
    bool loaded = world_load(&w, &e);
    if (!loaded) {
        log_warn("%s: read objects: %s", env->name, e.text);
        world_due(&w, w.now_ms + 1000);
    } else {
        run_controllers(&w);
    }
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&l->lock);
    env->due_ms = next_due(&w);
    env->gone = loaded && value_is(&w.ns, VALUE_NULL) && value_len(&w.objects) == 0;
}
