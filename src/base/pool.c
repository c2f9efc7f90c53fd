/* Threads, and a fixed pool of them with a bounded queue. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/sys.h"

enum { STACK_BYTES = 1 << 20 };

void mutex_release(pthread_mutex_t **m)
{
    if (*m != NULL)
        pthread_mutex_unlock(*m);
}

pthread_mutex_t *mutex_hold(pthread_mutex_t *m)
{
    pthread_mutex_lock(m);
    return m;
}

void cond_init(pthread_cond_t *c)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

bool cond_wait_until(pthread_cond_t *c, pthread_mutex_t *m, int64_t deadline_mono_ms)
{
    struct timespec t = { .tv_sec = (time_t)(deadline_mono_ms / 1000),
                          .tv_nsec = (long)(deadline_mono_ms % 1000 * 1000000) };
    return pthread_cond_timedwait(c, m, &t) != ETIMEDOUT;
}

bool thread_start(pthread_t *out, const char *name, void *(*run)(void *), void *arg, struct err *e)
{
    pthread_attr_t attr;
    sigset_t all, before;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    sigfillset(&all); /* signals belong to the main thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(out, &attr, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (failed != 0) {
        errno = failed;
        return err_sys(e, "start thread %s", name);
    }
    pthread_setname_np(*out, name);
    return true;
}

struct job {
    void (*run)(void *);
    void *arg;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct job *ring;
    size_t first, n, max;
    bool closing;
    unsigned n_threads;
    pthread_t threads[];
};

static void *serve(void *arg)
{
    struct pool *p = arg;
    for (;;) {
        pthread_mutex_lock(&p->lock);
        while (p->n == 0 && !p->closing)
            pthread_cond_wait(&p->work, &p->lock);
        if (p->n == 0) {
            pthread_mutex_unlock(&p->lock);
            return NULL;
        }
        struct job j = p->ring[p->first];
        p->first = (p->first + 1) % p->max;
        p->n--;
        pthread_mutex_unlock(&p->lock);
        j.run(j.arg);
    }
}

bool pool_open(const char *name, unsigned threads, size_t queue_max, struct pool **out, struct err *e)
{
    struct pool *p = calloc(1, sizeof *p + threads * sizeof(pthread_t));
    struct job *ring = calloc(queue_max, sizeof *ring);
    if (p == NULL || ring == NULL) {
        free(p);
        free(ring);
        return err_set(e, ERR_LIMIT, "out of memory for pool %s", name);
    }
    pthread_mutex_init(&p->lock, NULL);
    cond_init(&p->work);
    p->ring = ring;
    p->max = queue_max;
    for (; p->n_threads < threads; p->n_threads++) {
        if (!thread_start(&p->threads[p->n_threads], name, serve, p, e)) {
            pool_close(p);
            return false;
        }
    }
    *out = p;
    return true;
}

bool pool_submit(struct pool *p, void (*run)(void *), void *arg)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&p->lock);
    if (p->closing || p->n == p->max)
        return false;
    p->ring[(p->first + p->n++) % p->max] = (struct job){ run, arg };
    pthread_cond_signal(&p->work);
    return true;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->closing = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->n_threads; i++)
        pthread_join(p->threads[i], NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->work);
    free(p->ring);
    free(p);
}
