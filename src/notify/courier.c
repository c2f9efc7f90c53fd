/*
 * The courier empties the outbox: one thread looks for what is due, a small pool delivers, so that one dead service
 * does not hold up the others. Items of one application and service go in order (the store hands out only the oldest).
 */
#include <stdlib.h>

#include "base/sys.h"
#include "notify/internal.h"

enum { THREADS = 4, FIRST_RETRY_MS = 1000, LAST_RETRY_MS = 300000, GIVE_UP_MS = 86400000, IDLE_MS = 60000 };

struct notify_courier {
    struct notify_courier_options o;
    const struct notify *n;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stirred, closing;
    int64_t in_flight[THREADS]; /* ids, 0: free */
    struct pool *pool;
    pthread_t thread;
    int64_t opened_ms; /* older items may have been under way when an earlier vitrine was killed */
};

struct errand {
    struct notify_courier *c;
    size_t slot;
    struct arena a; /* owns the item */
    struct outbox_item item;
};

/* 1 s, 2 s, 4 s ... 5 min */
static int64_t retry_wait(int64_t attempts)
{
    int64_t wait = FIRST_RETRY_MS;
    while (attempts-- > 0 && wait < LAST_RETRY_MS)
        wait *= 2;
    return wait < LAST_RETRY_MS ? wait : LAST_RETRY_MS;
}

static void note_result(struct errand *r, bool sent, bool permanent, struct str detail, const struct err *why)
{
    struct store *s = r->c->o.store;
    struct err e;
    int64_t now = clock_wall_ms();
    bool over = permanent || now - r->item.created_ms > GIVE_UP_MS;
    int64_t next = why->retry_at_ms > now ? why->retry_at_ms : now + retry_wait(r->item.attempts);
    const char *state = sent ? "sent" : over ? "failed" : "pending";
    if (!store_outbox_result(s, r->item.id, state, next, detail, sent ? S("") : str_c(why->text), &e))
        log_error("outbox: %s", e.text);
    struct str message = sent ? arena_fmt(&r->a, "%.*s: %.*s", STR(r->item.label), STR(detail))
                              : arena_fmt(&r->a, "%.*s: %s%s", STR(r->item.label), why->text,
                                          over ? "; given up" : "; will be tried again");
    if (!store_event_add(s, sent ? "Normal" : "Warning", r->item.app, sent ? "NotificationSent" : "NotificationFailed",
                         message, &e))
        log_error("events: %s", e.text);
    if (r->c->o.on_delivery != NULL)
        r->c->o.on_delivery(r->c->o.user, &r->item, sent, message);
}

static void run_errand(void *arg)
{
    struct errand *r = arg;
    struct notify_courier *c = r->c;
    struct str detail;
    bool permanent, unsure = r->item.attempts > 0 || r->item.created_ms < c->opened_ms;
    struct err e = { 0 };
    pthread_mutex_lock(&c->lock);
    const struct notify *n = c->n;
    const struct config *config = c->o.config;
    pthread_mutex_unlock(&c->lock);
    bool sent = notify_deliver(&r->a, n, config, &r->item, unsure, &detail, &permanent, &e);
    note_result(r, sent, permanent, detail, &e);
    pthread_mutex_lock(&c->lock);
    c->in_flight[r->slot] = 0;
    c->stirred = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    arena_close(&r->a);
    free(r);
}

/* A free slot for this id; SIZE_MAX when it is under way already or all are taken. The lock is held. */
static size_t slot_for(struct notify_courier *c, int64_t id)
{
    size_t slot = SIZE_MAX;
    for (size_t i = 0; i < THREADS; i++) {
        if (c->in_flight[i] == id)
            return SIZE_MAX;
        if (c->in_flight[i] == 0)
            slot = i;
    }
    return slot;
}

static void send_off(struct notify_courier *c, const struct outbox_item *i)
{
    pthread_mutex_lock(&c->lock);
    size_t slot = slot_for(c, i->id);
    if (slot != SIZE_MAX)
        c->in_flight[slot] = i->id;
    pthread_mutex_unlock(&c->lock);
    if (slot == SIZE_MAX)
        return;
    struct errand *r = calloc(1, sizeof *r);
    if (r != NULL) {
        *r = (struct errand){ .c = c, .slot = slot, .item = *i };
        r->item.key = arena_str(&r->a, i->key);
        r->item.app = arena_str(&r->a, i->app);
        r->item.service = arena_str(&r->a, i->service);
        r->item.label = arena_str(&r->a, i->label);
        r->item.request = value_clone(&r->a, &i->request);
        if (pool_submit(c->pool, run_errand, r))
            return;
        arena_close(&r->a);
        free(r);
    }
    pthread_mutex_lock(&c->lock);
    c->in_flight[slot] = 0;
    pthread_mutex_unlock(&c->lock);
}

static void look(struct notify_courier *c)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct outbox_item *due;
    size_t n;
    struct err e;
    if (!store_outbox_due(&a, c->o.store, clock_wall_ms(), 32, &due, &n, &e)) {
        log_error("outbox: %s", e.text);
        return;
    }
    for (size_t i = 0; i < n; i++)
        send_off(c, &due[i]);
}

/* When to look again without being woken. */
static int64_t next_look(struct notify_courier *c)
{
    int64_t next_ms, now = clock_wall_ms();
    struct err e;
    if (!store_outbox_next(c->o.store, &next_ms, &e) || next_ms < 0 || next_ms - now > IDLE_MS)
        return clock_mono_ms() + IDLE_MS;
    int64_t wait = next_ms > now ? next_ms - now : FIRST_RETRY_MS; /* due but under way, or behind an older one */
    return clock_mono_ms() + wait;
}

static void *work(void *arg)
{
    struct notify_courier *c = arg;
    for (;;) {
        look(c);
        int64_t deadline = next_look(c);
        CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&c->lock);
        while (!c->stirred && !c->closing && cond_wait_until(&c->wake, &c->lock, deadline))
            continue;
        c->stirred = false;
        if (c->closing)
            return NULL;
    }
}

bool notify_courier_open(const struct notify_courier_options *o, const struct notify *n, struct notify_courier **out,
                         struct err *e)
{
    struct notify_courier *c = calloc(1, sizeof *c);
    if (c == NULL)
        return err_set(e, ERR_LIMIT, "out of memory");
    c->o = *o;
    c->n = n;
    c->opened_ms = clock_wall_ms();
    pthread_mutex_init(&c->lock, NULL);
    cond_init(&c->wake);
    if (!pool_open("courier", THREADS, THREADS, &c->pool, e) || !thread_start(&c->thread, "outbox", work, c, e)) {
        pool_close(c->pool);
        free(c);
        return false;
    }
    *out = c;
    return true;
}

void notify_courier_wake(struct notify_courier *c)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&c->lock);
    c->stirred = true;
    pthread_cond_signal(&c->wake);
}

void notify_courier_configure(struct notify_courier *c, const struct config *config, const struct notify *n)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&c->lock);
    c->o.config = config;
    c->n = n;
}

void notify_courier_close(struct notify_courier *c)
{
    if (c == NULL)
        return;
    pthread_mutex_lock(&c->lock);
    c->closing = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    pool_close(c->pool);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->wake);
    free(c);
}
