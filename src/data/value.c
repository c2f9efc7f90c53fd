/* The dynamic tree. Maps are arrays in insertion order with a hash index once they are larger than SMALL. */
#include <assert.h>
#include <stdlib.h>

#include "data/value.h"

enum { SMALL = 8 };

const struct value value_nil = { .kind = VALUE_NULL };

struct value value_c(const char *text)
{
    return value_str(str_c(text));
}

struct value value_fmt(struct arena *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str s = arena_vfmt(a, fmt, args);
    va_end(args);
    return value_str(s);
}

struct value value_list(struct arena *a)
{
    return (struct value){ .kind = VALUE_LIST, .list = arena_new(a, struct list, 1) };
}

struct value value_map(struct arena *a)
{
    return (struct value){ .kind = VALUE_MAP, .map = arena_new(a, struct map, 1) };
}

const char *value_kind_name(enum value_kind k)
{
    static const char *const names[] = { "null", "bool", "int", "float", "string", "list", "map", "object" };
    return names[k];
}

/* ---- lists -------------------------------------------------------------------------------- */

void list_push(struct arena *a, struct list *l, struct value v)
{
    if (l->n == l->cap)
        l->v = vec_grow_(a, l->v, &l->cap, sizeof *l->v);
    l->v[l->n++] = v;
}

size_t value_len(const struct value *v)
{
    return v->kind == VALUE_LIST ? v->list->n : 0;
}

const struct value *value_item(const struct value *v, size_t i)
{
    return v->kind == VALUE_LIST && i < v->list->n ? &v->list->v[i] : &value_nil;
}

/* ---- maps --------------------------------------------------------------------------------- */

/* The slot that holds `key`, or the free one where it belongs. */
static uint32_t *slot_of(const struct map *m, struct str key)
{
    size_t mask = m->index_cap - 1;
    for (size_t i = str_hash(key) & mask;; i = (i + 1) & mask)
        if (m->index[i] == 0 || str_eq(m->v[m->index[i] - 1].key, key))
            return &m->index[i];
}

static void fill_index(struct map *m)
{
    memset(m->index, 0, m->index_cap * sizeof *m->index);
    for (size_t i = 0; i < m->n; i++)
        *slot_of(m, m->v[i].key) = (uint32_t)i + 1;
}

static void make_index(struct arena *a, struct map *m)
{
    m->index_cap = m->index_cap == 0 ? 4 * SMALL : m->index_cap * 2;
    m->index = arena_alloc_raw(a, m->index_cap * sizeof *m->index);
    fill_index(m);
}

struct value *map_get(const struct map *m, struct str key)
{
    if (m->index != NULL) {
        uint32_t at = *slot_of(m, key);
        return at == 0 ? NULL : &m->v[at - 1].value;
    }
    for (size_t i = 0; i < m->n; i++)
        if (str_eq(m->v[i].key, key))
            return &m->v[i].value;
    return NULL;
}

void map_put(struct arena *a, struct map *m, struct str key, struct value v)
{
    struct value *there = map_get(m, key);
    if (there != NULL) {
        *there = v;
        return;
    }
    assert(m->n < UINT32_MAX);
    if (m->n == m->cap)
        m->v = vec_grow_(a, m->v, &m->cap, sizeof *m->v);
    m->v[m->n++] = (struct map_entry){ key, v };
    if (m->index != NULL && m->n * 2 <= m->index_cap)
        *slot_of(m, key) = (uint32_t)m->n;
    else if (m->n > SMALL)
        make_index(a, m);
}

bool map_del(struct map *m, struct str key)
{
    struct value *there = map_get(m, key);
    if (there == NULL)
        return false;
    struct map_entry *entry = (struct map_entry *)(void *)((char *)there - offsetof(struct map_entry, value));
    size_t at = (size_t)(entry - m->v);
    memmove(entry, entry + 1, (m->n - at - 1) * sizeof *entry);
    m->n--;
    if (m->index != NULL)
        fill_index(m);
    return true;
}

static int by_key(const void *x, const void *y)
{
    const struct map_entry *const *a = x, *const *b = y;
    return str_cmp((*a)->key, (*b)->key);
}

const struct map_entry **map_sorted(struct arena *a, const struct map *m)
{
    const struct map_entry **sorted = arena_alloc_raw(a, (m->n + 1) * sizeof *sorted);
    bool ordered = true;
    for (size_t i = 0; i < m->n; i++) {
        sorted[i] = &m->v[i];
        ordered = ordered && (i == 0 || str_cmp(m->v[i - 1].key, m->v[i].key) < 0);
    }
    if (!ordered)
        qsort(sorted, m->n, sizeof *sorted, by_key);
    return sorted;
}

/* ---- convenience -------------------------------------------------------------------------- */

static const struct value *member(const struct value *v, struct str key)
{
    const struct value *found = NULL;
    int64_t index;
    if (v->kind == VALUE_MAP)
        found = map_get(v->map, key);
    else if (v->kind == VALUE_LIST && str_to_int(key, &index) && index >= 0 && (size_t)index < v->list->n)
        found = &v->list->v[index];
    return found != NULL ? found : &value_nil;
}

const struct value *value_get(const struct value *v, const char *key)
{
    const struct value *found = v->kind == VALUE_MAP ? map_get(v->map, str_c(key)) : NULL;
    return found != NULL ? found : &value_nil;
}

const struct value *value_at(const struct value *v, const char *path)
{
    struct str rest = str_c(path), key;
    while (rest.n > 0) {
        str_split(&rest, S("."), &key);
        v = member(v, key);
    }
    return v;
}

struct str value_str_at(const struct value *v, const char *path)
{
    return value_as_str(value_at(v, path));
}

int64_t value_int_at(const struct value *v, const char *path, int64_t otherwise)
{
    const struct value *found = value_at(v, path);
    if (found->kind == VALUE_FLOAT && found->f >= -9e18 && found->f <= 9e18)
        return (int64_t)found->f;
    return found->kind == VALUE_INT ? found->i : otherwise;
}

bool value_bool_at(const struct value *v, const char *path, bool otherwise)
{
    const struct value *found = value_at(v, path);
    return found->kind == VALUE_BOOL ? found->b : otherwise;
}

void value_set(struct arena *a, const struct value *v, const char *key, struct value m)
{
    assert(v->kind == VALUE_MAP);
    map_put(a, v->map, arena_str(a, str_c(key)), m);
}

void value_set_str(struct arena *a, const struct value *v, const char *key, struct str text)
{
    value_set(a, v, key, value_str(text));
}

void value_put_at(struct arena *a, const struct value *v, const char *path, struct value m)
{
    assert(v->kind == VALUE_MAP);
    struct str rest = str_c(path), key;
    struct map *at = v->map;
    while (str_split(&rest, S("."), &key)) {
        struct value *next = map_get(at, key);
        if (next == NULL || next->kind != VALUE_MAP) {
            map_put(a, at, arena_str(a, key), value_map(a));
            next = map_get(at, key);
        }
        at = next->map;
    }
    map_put(a, at, arena_str(a, key), m);
}

void value_del(const struct value *v, const char *key)
{
    if (v->kind == VALUE_MAP)
        map_del(v->map, str_c(key));
}

/* ---- whole trees -------------------------------------------------------------------------- */

struct value value_clone(struct arena *a, const struct value *v)
{
    struct value made = *v;
    if (v->kind == VALUE_STRING) {
        made = value_str(arena_str(a, value_as_str(v)));
        made.tag = v->tag;
    } else if (v->kind == VALUE_LIST) {
        made.list = arena_new(a, struct list, 1);
        for (size_t i = 0; i < v->list->n; i++)
            list_push(a, made.list, value_clone(a, &v->list->v[i]));
    } else if (v->kind == VALUE_MAP) {
        made.map = arena_new(a, struct map, 1);
        for (size_t i = 0; i < v->map->n; i++)
            map_put(a, made.map, arena_str(a, v->map->v[i].key), value_clone(a, &v->map->v[i].value));
    }
    return made;
}

static bool lists_equal(const struct list *a, const struct list *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!value_equal(&a->v[i], &b->v[i]))
            return false;
    return true;
}

static bool maps_equal(const struct map *a, const struct map *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        const struct value *other = map_get(b, a->v[i].key);
        if (other == NULL || !value_equal(&a->v[i].value, other))
            return false;
    }
    return true;
}

static double number(const struct value *v)
{
    return v->kind == VALUE_INT ? (double)v->i : v->f;
}

bool value_equal(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind)
        return (a->kind == VALUE_INT || a->kind == VALUE_FLOAT) && (b->kind == VALUE_INT || b->kind == VALUE_FLOAT)
               && number(a) == number(b);
    switch ((enum value_kind)a->kind) {
    case VALUE_NULL: return true;
    case VALUE_BOOL: return a->b == b->b;
    case VALUE_INT: return a->i == b->i;
    case VALUE_FLOAT: return a->f == b->f;
    case VALUE_STRING: return str_eq(value_as_str(a), value_as_str(b));
    case VALUE_LIST: return a->list == b->list || lists_equal(a->list, b->list);
    case VALUE_MAP: return a->map == b->map || maps_equal(a->map, b->map);
    case VALUE_OPAQUE: return a->opaque == b->opaque;
    }
    return false;
}
