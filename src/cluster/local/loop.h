/*
 * cluster/local/loop.h - the holder's one epoll loop.
 *
 * A watch is embedded in the struct it serves. loop_unwatch closes its descriptor at once; memory goes through
 * loop_free, which waits until the present batch of events is done, because a later event of the batch may still point
 * there.
 */
#pragma once
#include "base/base.h"

struct watch {
    int fd;
    void (*ready)(struct watch *w, uint32_t events); /* NULL: not watched */
    void *owner;
};
struct loop {
    int epoll;
    bool stopped;
    void **garbage;
    size_t n_garbage, cap_garbage;
};
MUST_CHECK bool loop_open(struct loop *l, struct err *e);
/* Watch `fd` (the watch's own from now on, whatever the outcome) for EPOLLIN and the like. */
MUST_CHECK bool loop_watch(struct loop *l, struct watch *w, int fd, uint32_t events,
                           void (*ready)(struct watch *, uint32_t), void *owner, struct err *e);
void loop_change(struct loop *l, struct watch *w, uint32_t events);
void loop_unwatch(struct loop *l, struct watch *w); /* a zeroed or unwatched watch is fine */
void loop_free(struct loop *l, void *p);
void loop_run(struct loop *l); /* until l->stopped */
