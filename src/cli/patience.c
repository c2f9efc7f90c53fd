/* What a person sees while a command works for more than a second. */
#include <stdlib.h>

#include "base/sys.h"
#include "cli/full.h"

enum { TERMINAL_MS = 1000, LOG_MS = 10000 }; /* how often a terminal and the log of a job hear of it */

struct patience {
    const char *what;
    bool terminal, over;
    int64_t begin_ms;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stop;
};

static void *tell(void *arg)
{
    struct patience *p = arg;
    int64_t step = p->terminal ? TERMINAL_MS : LOG_MS;
    bool told = false;
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&p->lock);
    for (int64_t next = p->begin_ms + step; !p->over;) {
        if (cond_wait_until(&p->stop, &p->lock, next) || p->over)
            continue;
        fprintf(stderr, p->terminal ? "\r%s: %lld s " : "%s: %lld s\n", p->what,
                (long long)(clock_mono_ms() - p->begin_ms) / 1000);
        told = true;
        next += step;
    }
    if (told && p->terminal)
        fputs("\r\033[K", stderr);
    return NULL;
}

struct patience *patience_begin(const char *what)
{
    struct err e = { 0 };
    struct patience *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    *p = (struct patience){ .what = what, .terminal = cli_is_terminal(stderr), .begin_ms = clock_mono_ms() };
    pthread_mutex_init(&p->lock, NULL);
    cond_init(&p->stop);
    if (thread_start(&p->thread, "patience", tell, p, &e))
        return p;
    free(p); /* the work goes on in silence */
    return NULL;
}

void patience_end(struct patience *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->over = true;
    pthread_cond_signal(&p->stop);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    pthread_cond_destroy(&p->stop);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
