/* The dynamic tree. Maps are arrays in insertion order with a hash index once they are larger than SMALL. */
#include <assert.h>
#include <sys/auxv.h>

#include "data/value.h"

enum { SMALL = 16, MOST = 1 << 30 };

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

/* Containers start small: most of those in manifests hold two or three. */
static size_t more_than(size_t cap)
{
    return cap == 0 ? 4 : cap * 2;
}

void list_reserve(struct arena *a, struct list *l, size_t n)
{
    if (n <= l->cap)
        return;
    l->v = arena_grow(a, l->v, l->cap * sizeof *l->v, n * sizeof *l->v);
    l->cap = n;
}

void list_push(struct arena *a, struct list *l, struct value v)
{
    if (l->n == l->cap)
        list_reserve(a, l, more_than(l->cap));
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

static uint64_t word_at(const char *p, size_t n)
{
    uint64_t word = 0;

    memcpy(&word, p, n);
    return word;
}

/* Both halves of the product, so that every bit of the operands counts. */
static uint64_t folded_product(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Random bytes that the kernel gives every process; all threads find the same. */
static const uint64_t *secrets(void)
{
    static const uint64_t *_Atomic known;
    const uint64_t *found = known;

    if (found == NULL)
        known = found = (const uint64_t *)(uintptr_t)getauxval(AT_RANDOM);
    return found;
}

static uint64_t key_hash(struct str key)
{
    const uint64_t *secret = secrets();
    uint64_t hash = word_at((const char *)&secret[0], 8) ^ key.n, factor = word_at((const char *)&secret[1], 8) | 1;

    for (; key.n >= 8; key = (struct str){ key.p + 8, key.n - 8 })
        hash = folded_product(hash ^ word_at(key.p, 8), factor);
    return folded_product(hash ^ word_at(key.p, key.n), factor);
}

/* Most keys differ in length or at the first byte. */
static bool same_key(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || (a.p[0] == b.p[0] && memcmp(a.p, b.p, a.n) == 0));
}

/* The slot that holds `key`, or the free one where it belongs. */
static uint32_t *slot_of(const struct map *m, struct str key)
{
    size_t mask = m->index_cap - 1;
    for (size_t i = key_hash(key) & mask;; i = (i + 1) & mask)
        if (m->index[i] == 0 || same_key(m->v[m->index[i] - 1].key, key))
            return &m->index[i];
}

static void fill_index(struct map *m)
{
    memset(m->index, 0, m->index_cap * sizeof *m->index);
    for (size_t i = 0; i < m->n; i++)
        *slot_of(m, m->v[i].key) = (uint32_t)i + 1;
}

/* An index for `n` entries, at most half full. */
static void make_index(struct arena *a, struct map *m, size_t n)
{
    uint32_t cap = 4 * SMALL;

    while (cap < n * 2)
        cap *= 2;
    m->index = arena_alloc_raw(a, cap * sizeof *m->index);
    m->index_cap = cap;
    fill_index(m);
}

struct value *map_get(const struct map *m, struct str key)
{
    if (m->index != NULL) {
        uint32_t at = *slot_of(m, key);
        return at == 0 ? NULL : &m->v[at - 1].value;
    }
    for (size_t i = 0; i < m->n; i++)
        if (same_key(m->v[i].key, key))
            return &m->v[i].value;
    return NULL;
}

void map_reserve(struct arena *a, struct map *m, size_t n)
{
    assert(n <= MOST);
    if (n > m->cap) {
        m->v = arena_grow(a, m->v, m->cap * sizeof *m->v, n * sizeof *m->v);
        m->cap = (uint32_t)n;
    }
    if (n > SMALL && n * 2 > m->index_cap)
        make_index(a, m, n);
}

void map_put(struct arena *a, struct map *m, struct str key, struct value v)
{
    struct value *there = map_get(m, key);
    if (there != NULL) {
        *there = v;
        return;
    }
    if (m->n == m->cap)
        map_reserve(a, m, more_than(m->cap));
    m->v[m->n++] = (struct map_entry){ key, v };
    if (m->index != NULL)
        *slot_of(m, key) = (uint32_t)m->n;
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

/* Merges sorted halves, the left ones first among equals; `room` holds half of the pointers. */
static void merge_sort(const struct map_entry **v, size_t n, const struct map_entry **room,
                       int (*compare)(const void *a, const void *b))
{
    size_t half = n / 2, left = 0, right = half;

    if (n < 2)
        return;
    merge_sort(v, half, room, compare);
    merge_sort(v + half, n - half, room, compare);
    memcpy(room, v, half * sizeof *v);
    for (size_t to = 0; left < half; to++)
        v[to] = right == n || compare(&room[left], &v[right]) <= 0 ? room[left++] : v[right++];
}

void map_order(struct arena *a, const struct map_entry **v, size_t n, int (*compare)(const void *a, const void *b))
{
    const struct map_entry *few[32];

    merge_sort(v, n, n / 2 <= COUNT(few) ? few : arena_alloc_raw(a, n / 2 * sizeof *v), compare);
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
        map_order(a, sorted, m->n, by_key);
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
        list_reserve(a, made.list, v->list->n);
        for (size_t i = 0; i < v->list->n; i++)
            list_push(a, made.list, value_clone(a, &v->list->v[i]));
    } else if (v->kind == VALUE_MAP) {
        made.map = arena_new(a, struct map, 1);
        map_reserve(a, made.map, v->map->n);
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
