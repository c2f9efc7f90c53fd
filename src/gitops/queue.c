/*
 * The queue: one entry per Application and ApplicationSet, a due time each, a fixed set of threads. A name is never
 * worked on by two threads; whatever happens meanwhile makes it due again.
 */
#include <stdlib.h>

#include "gitops/controller_internal.h"

enum { WORKERS_DEFAULT = 4, WORKERS_MAX = 64, WATCH_MS = 1000, ENTRIES_MAX = 100000 };

static struct entry *find_entry(struct controller *c, struct str name, bool is_set)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->entries[i]->is_set == is_set && str_is(name, c->entries[i]->name))
            return c->entries[i];
    return NULL;
}

static struct entry *add_entry(struct controller *c, struct str name, bool is_set)
{
    if (c->n == c->cap) {
        size_t cap = c->cap > 0 ? c->cap * 2 : 32;
        struct entry **grown = c->n < ENTRIES_MAX ? realloc(c->entries, cap * sizeof *grown) : NULL;
        if (grown == NULL)
            return NULL;
        c->entries = grown;
        c->cap = cap;
    }
    struct entry *entry = calloc(1, sizeof *entry);
    char *copy = strndup(name.p, name.n);
    if (entry == NULL || copy == NULL) {
        free(entry);
        free(copy);
        return NULL;
    }
    entry->name = copy;
    entry->is_set = is_set;
    c->entries[c->n++] = entry;
    return entry;
}

static void drop_entry(struct controller *c, struct entry *entry)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->entries[i] == entry)
            c->entries[i] = c->entries[--c->n];
    free(entry->name);
    free(entry);
}

static void make_due(struct entry *entry, unsigned why)
{
    int64_t now = clock_mono_ms();
    entry->wake |= why;
    if (entry->due_ms > now) /* who waits already keeps the place in the line */
        entry->due_ms = now;
    entry->gone = false;
}

void queue_wake(struct controller *c, struct str name, bool is_set, unsigned why)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&c->lock);
    struct entry *entry = find_entry(c, name, is_set);
    if (entry == NULL)
        entry = add_entry(c, name, is_set);
    if (entry != NULL)
        make_due(entry, why);
    pthread_cond_signal(&c->work);
}

void queue_wake_all(struct controller *c, bool is_set, unsigned why)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&c->lock);
    for (size_t i = 0; i < c->n; i++)
        if (c->entries[i]->is_set == is_set)
            make_due(c->entries[i], why);
    pthread_cond_broadcast(&c->work);
}

/* The entry that has been due the longest, or NULL; *until: when the next one will be. */
static struct entry *next_due(struct controller *c, int64_t now, int64_t *until)
{
    struct entry *best = NULL;
    *until = now + 60000;
    for (size_t i = 0; i < c->n; i++) {
        struct entry *entry = c->entries[i];
        if (entry->running)
            continue;
        if (entry->due_ms <= now && (best == NULL || entry->due_ms < best->due_ms))
            best = entry;
        if (entry->due_ms < *until)
            *until = entry->due_ms;
    }
    return best;
}

static int64_t run_entry(struct controller *c, struct entry *entry, const struct config *config, unsigned why)
{
    return entry->is_set ? applicationset_pass(c, entry, config, why) : application_pass(c, entry, config, why);
}

/* With the lock held: take one due entry through a pass; the lock is not held meanwhile. */
static void work_on(struct controller *c, struct entry *entry)
{
    unsigned why = entry->wake;
    const struct config *config = c->config;
    entry->wake = 0;
    entry->running = true;
    entry->gone = true; /* a wake-up during the pass says otherwise */
    entry->due_ms = INT64_MAX;
    pthread_mutex_unlock(&c->lock);
    int64_t next_ms = run_entry(c, entry, config, why);
    pthread_mutex_lock(&c->lock);
    entry->running = false;
    if (next_ms < 0 && entry->gone) {
        drop_entry(c, entry);
        return;
    }
    int64_t due = clock_mono_ms() + (next_ms > 0 ? next_ms : 0);
    if (entry->gone && due < entry->due_ms) /* nobody woke it */
        entry->due_ms = due;
    entry->gone = false;
    pthread_cond_signal(&c->work);
}

static void *worker(void *arg)
{
    struct controller *c = arg;
    pthread_mutex_lock(&c->lock);
    while (!c->closing) {
        int64_t until;
        struct entry *entry = next_due(c, clock_mono_ms(), &until);
        if (entry != NULL)
            work_on(c, entry);
        else
            cond_wait_until(&c->work, &c->lock, until);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static bool is_closing(struct controller *c)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&c->lock);
    return c->closing;
}

/* Something changed in the destination: everybody looks; who sees nothing new goes back to sleep. */
static void *watch(void *arg)
{
    struct controller *c = arg;
    while (!is_closing(c)) {
        int64_t now = cluster_wait(c->o.cluster, c->seen, clock_mono_ms() + WATCH_MS);
        if (now != c->seen)
            queue_wake_all(c, false, WAKE_LIVE);
        c->seen = now;
    }
    return NULL;
}

bool queue_start(struct controller *c, struct err *e)
{
    unsigned n = c->o.workers == 0 ? WORKERS_DEFAULT : c->o.workers;
    n = n > WORKERS_MAX ? WORKERS_MAX : n;
    c->threads = calloc(n, sizeof *c->threads);
    if (c->threads == NULL)
        return err_set(e, ERR_IO, "out of memory");
    /* before the first pass: what changes during it must wake it again */
    c->seen = cluster_wait(c->o.cluster, -1, clock_mono_ms());
    for (; c->n_threads < n; c->n_threads++)
        if (!thread_start(&c->threads[c->n_threads], "reconcile", worker, c, e))
            return false;
    c->has_watcher = thread_start(&c->watcher, "watch", watch, c, e);
    return c->has_watcher;
}

void queue_stop(struct controller *c)
{
    pthread_mutex_lock(&c->lock);
    c->closing = true;
    pthread_cond_broadcast(&c->work);
    pthread_mutex_unlock(&c->lock);
    for (unsigned i = 0; i < c->n_threads; i++)
        pthread_join(c->threads[i], NULL);
    if (c->has_watcher)
        pthread_join(c->watcher, NULL);
    for (size_t i = 0; i < c->n; i++) {
        free(c->entries[i]->name);
        free(c->entries[i]);
    }
    free(c->entries);
    free(c->threads);
}
