#include "data/gather.h"

void gather_init(struct gather *g, struct arena *a)
{
    g->a = a;
    g->aside = (struct arena){ 0 };
    g->v = g->room;
    g->n = 0;
    g->cap = GATHER_ROOM;
}

void gather_done(struct gather *g)
{
    arena_close(&g->aside);
}

void gather_grow(struct gather *g)
{
    g->v = arena_grow(&g->aside, g->v, g->cap * sizeof *g->v, g->cap * 2 * sizeof *g->v);
    g->cap *= 2;
}

/* Header and items in one piece. */
struct value gather_list(struct gather *g, size_t from)
{
    size_t n = g->n - from;
    struct list *l = arena_alloc_raw(g->a, sizeof *l + n * sizeof *l->v);

    *l = (struct list){ .v = (struct value *)(void *)(l + 1), .n = n, .cap = n };
    for (size_t i = 0; i < n; i++)
        l->v[i] = g->v[from + i];
    g->n = from;
    return (struct value){ .kind = VALUE_LIST, .list = l };
}

struct value gather_map(struct gather *g, size_t from)
{
    size_t n = (g->n - from) / 2;
    struct map *m = arena_alloc_raw(g->a, sizeof *m + n * sizeof *m->v);

    *m = (struct map){ .v = (struct map_entry *)(void *)(m + 1), .cap = (uint32_t)n };
    if (n == 1) /* nothing to compare with */
        m->v[m->n++] = (struct map_entry){ value_as_str(&g->v[from]), g->v[from + 1] };
    else
        map_reserve(g->a, m, n);
    for (size_t i = from; n > 1 && i < g->n; i += 2)
        map_put(g->a, m, value_as_str(&g->v[i]), g->v[i + 1]);
    g->n = from;
    return (struct value){ .kind = VALUE_MAP, .map = m };
}
