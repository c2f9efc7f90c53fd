#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "cluster/local/loop.h"

bool loop_open(struct loop *l, struct err *e)
{
    *l = (struct loop){ .epoll = epoll_create1(EPOLL_CLOEXEC) };
    return l->epoll >= 0 || err_sys(e, "epoll_create");
}

bool loop_watch(struct loop *l, struct watch *w, int fd, uint32_t events, void (*ready)(struct watch *, uint32_t),
                void *owner, struct err *e)
{
    *w = (struct watch){ fd, ready, owner };
    struct epoll_event ev = { .events = events, .data.ptr = w };
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) == 0)
        return true;
    err_sys_(e, "epoll_ctl");
    loop_unwatch(l, w);
    return false;
}

void loop_change(struct loop *l, struct watch *w, uint32_t events)
{
    struct epoll_event ev = { .events = events, .data.ptr = w };
    epoll_ctl(l->epoll, EPOLL_CTL_MOD, w->fd, &ev);
}

void loop_unwatch(struct loop *l, struct watch *w)
{
    if (w->ready == NULL)
        return;
    epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->fd, NULL);
    fd_close(&w->fd);
    w->ready = NULL;
}

void loop_free(struct loop *l, void *p)
{
    if (l->n_garbage == l->cap_garbage) {
        size_t cap = l->cap_garbage * 2 + 16;
        void **grown = realloc(l->garbage, cap * sizeof *grown);
        if (grown == NULL)
            return; /* a leak is the smaller evil */
        l->garbage = grown;
        l->cap_garbage = cap;
    }
    l->garbage[l->n_garbage++] = p;
}

void loop_run(struct loop *l)
{
    struct epoll_event events[64];
    while (!l->stopped) {
        int n = epoll_wait(l->epoll, events, COUNT(events), -1);
        if (n < 0 && errno != EINTR)
            return;
        for (int i = 0; i < n; i++) {
            struct watch *w = events[i].data.ptr;
            if (w->ready != NULL)
                w->ready(w, events[i].events);
        }
        for (size_t i = 0; i < l->n_garbage; i++)
            free(l->garbage[i]);
        l->n_garbage = 0;
    }
}
