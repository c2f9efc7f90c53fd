/*
 * The threads that carry runs out: one run at a time per repository, oldest first.
 *
 * Lock order: the state lock, then the runner's. A thread never holds the runner's while it waits for the state's.
 */
#include <stdlib.h>

#include "sandbox/run.h"

#define THREADS 4
#define CANCELLED_MAX 256

struct runner {
    struct sandbox *sandbox;
    pthread_t threads[THREADS];
    size_t n_threads;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    uint64_t generation; /* grows when there may be something new to claim */
    int64_t waiting;     /* runs queued or under way */
    int64_t cancelled[CANCELLED_MAX];
    size_t n_cancelled;
    bool closing;
};

static bool is_state(const struct value *run, const char *status)
{
    return str_is(value_str_at(run, "status"), status);
}

/* The oldest queued run of a repository that has none under way; nil when there is none. */
static const struct value *next_of(const struct value *repo)
{
    const struct value *runs = value_get(repo, "runs"), *found = &value_nil;

    for (size_t i = 0; i < value_len(runs); i++) {
        const struct value *run = value_item(runs, i);
        if (is_state(run, "in_progress"))
            return &value_nil;
        if (value_is(found, VALUE_NULL) && is_state(run, "queued"))
            found = run;
    }
    return found;
}

static bool claim(struct arena *a, struct sandbox *s, struct str *full_name, int64_t *id)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    const struct map *all = value_get(&s->state, "repositories")->map;
    struct err e = { 0 };

    for (size_t i = 0; i < all->n; i++) {
        const struct value *run = next_of(&all->v[i].value);
        if (!value_is(run, VALUE_MAP))
            continue;
        *full_name = arena_str(a, all->v[i].key);
        *id = value_int_at(run, "id", 0);
        state_set_str(s, run, "status", S("in_progress"));
        state_set_now(s, run, "started_at");
        run_event(s, &all->v[i].value, run, "in_progress");
        if (!state_save(s, &e))
            log_error("sandbox: %s", e.text);
        return true;
    }
    return false;
}

static bool wait_for_news(struct runner *r, uint64_t *seen)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&r->lock);

    while (r->generation == *seen && !r->closing)
        pthread_cond_wait(&r->wake, &r->lock);
    *seen = r->generation;
    return !r->closing;
}

static void news(struct runner *r, int64_t more)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&r->lock);
    r->waiting += more;
    r->generation++;
    pthread_cond_broadcast(&r->wake);
}

static void forget_cancelled(struct runner *r, int64_t run)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&r->lock);

    for (size_t i = 0; i < r->n_cancelled; i++)
        if (r->cancelled[i] == run)
            r->cancelled[i--] = r->cancelled[--r->n_cancelled];
}

static void *carry_out(void *arg)
{
    struct runner *r = arg;
    uint64_t seen = UINT64_MAX;

    while (wait_for_news(r, &seen)) {
        CLEANUP(arena_close) struct arena a = { 0 };
        struct str full_name;
        int64_t id;
        while (!runner_stopped(r->sandbox, 0) && claim(&a, r->sandbox, &full_name, &id)) {
            run_execute(r->sandbox, full_name, id);
            forget_cancelled(r, id);
            news(r, -1);
        }
    }
    return NULL;
}

void runner_add(struct sandbox *s)
{
    news(s->runner, 1);
}

void runner_done(struct sandbox *s)
{
    news(s->runner, -1);
}

void runner_cancel(struct sandbox *s, int64_t run)
{
    struct runner *r = s->runner;
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&r->lock);

    if (r->n_cancelled < CANCELLED_MAX)
        r->cancelled[r->n_cancelled++] = run;
}

bool runner_stopped(struct sandbox *s, int64_t run)
{
    struct runner *r = s->runner;
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&r->lock);

    for (size_t i = 0; i < r->n_cancelled; i++)
        if (r->cancelled[i] == run)
            return true;
    return r->closing;
}

bool runner_idle(struct sandbox *s)
{
    struct runner *r = s->runner;
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&r->lock);
    return r->waiting == 0;
}

/* ---- life ------------------------------------------------------------------------------------------- */

/* After a restart: what was queued still is, what was under way was cut off. The state lock is held. */
static void take_over(struct sandbox *s)
{
    const struct map *all = value_get(&s->state, "repositories")->map;

    for (size_t i = 0; i < all->n; i++) {
        const struct value *runs = value_get(&all->v[i].value, "runs");
        for (size_t k = 0; k < value_len(runs); k++) {
            const struct value *run = value_item(runs, k);
            if (is_state(run, "in_progress"))
                run_finish(s, &all->v[i].value, run, "cancelled");
            else if (is_state(run, "queued"))
                s->runner->waiting++;
        }
    }
}

bool runner_open(struct sandbox *s, struct err *e)
{
    struct runner *r = calloc(1, sizeof *r);

    if (r == NULL)
        abort();
    r->sandbox = s;
    pthread_mutex_init(&r->lock, NULL);
    cond_init(&r->wake);
    s->runner = r;
    take_over(s);
    for (; r->n_threads < THREADS; r->n_threads++)
        if (!thread_start(&r->threads[r->n_threads], "workflows", carry_out, r, e))
            return false;
    return true;
}

void runner_close(struct sandbox *s)
{
    struct runner *r = s->runner;

    if (r == NULL)
        return;
    pthread_mutex_lock(&r->lock);
    r->closing = true;
    pthread_cond_broadcast(&r->wake);
    pthread_mutex_unlock(&r->lock);
    for (size_t i = 0; i < r->n_threads; i++)
        pthread_join(r->threads[i], NULL);
    r->n_threads = 0;
}

void runner_free(struct sandbox *s)
{
    if (s->runner == NULL)
        return;
    pthread_cond_destroy(&s->runner->wake);
    pthread_mutex_destroy(&s->runner->lock);
    free(s->runner);
}
