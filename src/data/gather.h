/*
 * data/gather.h - a stack on which readers collect the members of a container until it is complete. Then the container
 * is made with exactly the room it needs. Inside src/data only.
 *
 *     size_t from = g->n;
 *     while (...) gather(g, item);
 *     *out = gather_list(g, from);
 */
#pragma once
#include "data/value.h"

#define GATHER_ROOM 128 /* small texts need no memory for the stack */

struct gather {
    struct arena *a;    /* containers go here */
    struct arena aside; /* of the stack, when it outgrows its room */
    struct value *v;
    size_t n, cap;
    struct value room[GATHER_ROOM];
};

/* Start with an empty stack; containers will be made in `a`. */
void gather_init(struct gather *g, struct arena *a);
/* Drop the stack; the containers stay. */
void gather_done(struct gather *g);
/* Room for at least one more value. */
void gather_grow(struct gather *g);

/* Put a value on the stack. */
static inline void gather(struct gather *g, struct value v)
{
    if (g->n == g->cap)
        gather_grow(g);
    g->v[g->n++] = v;
}

/* Take what lies above `from` off the stack: as a list, or as a map from keys and values in turn (map_put's rules). */
struct value gather_list(struct gather *g, size_t from);
struct value gather_map(struct gather *g, size_t from);
