/*
 * Arenas are chains of malloc'ed blocks, each twice as large as the last (16 KiB to 4 MiB): small units of work cost
 * one malloc, large ones few, and the address sanitizer sees the edges. Big requests get a block of their own.
 * The largest blocks lie on huge pages where the system has them: to touch small pages for the first time costs more
 * than to parse the text that fills them. A small arena has none of them, since a huge page is had whole or not at all;
 * only who expects to fill one gets it.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/base.h"

enum { FIRST_BLOCK = 16 << 10, LARGEST_BLOCK = (4 << 20) - 16, ALIGN = 16, HUGE_PAGE = 2 << 20 };
enum { HUGE_FROM = 32 << 20, HUGE_EXPECTED = 8 << 20 }; /* bytes in small pages first; of what is expected */

struct arena_block {
    struct arena_block *before;
    size_t size; /* of the bytes below */
    _Alignas(16) char bytes[];
};

static void fatal(const char *why, size_t n)
{
    fprintf(stderr, "vitrine: %s (%zu bytes)\n", why, n);
    abort();
}

static struct arena_block *new_block(size_t size, bool huge)
{
    size_t bytes = sizeof(struct arena_block) + size;

    if (!huge)
        return malloc(bytes);
    bytes = (bytes + HUGE_PAGE - 1) & ~(size_t)(HUGE_PAGE - 1);
    struct arena_block *b = aligned_alloc(HUGE_PAGE, bytes);
    if (b != NULL)
        madvise(b, bytes, MADV_HUGEPAGE); /* when refused, small pages do as well */
    return b;
}

static void add_block(struct arena *a, size_t least, bool expected)
{
    size_t size = a->block == NULL ? FIRST_BLOCK : a->block->size * 2;
    if (size > LARGEST_BLOCK)
        size = LARGEST_BLOCK;
    if (size < least)
        size = least;
    size_t cap = a->cap > 0 ? a->cap : ARENA_CAP;
    if (size > cap - a->total)
        size = least;
    if (a->total > cap || least > cap - a->total)
        fatal("a unit of work needs more memory than its limit", a->total + least);
    struct arena_block *b = new_block(size, size >= LARGEST_BLOCK && (expected || a->total >= HUGE_FROM));
    if (b == NULL)
        fatal("out of memory", size);
    *b = (struct arena_block){ .before = a->block, .size = size };
    a->block = b;
    a->total += size;
    a->next = b->bytes;
    a->end = b->bytes + size;
}

void arena_close(struct arena *a)
{
    for (struct arena_block *b = a->block; b != NULL;) {
        struct arena_block *before = b->before;
        free(b);
        b = before;
    }
    *a = (struct arena){ .cap = a->cap };
}

void arena_reset(struct arena *a)
{
    struct arena_block *kept = a->block;
    if (kept == NULL)
        return;
    for (struct arena_block *b = kept->before; b != NULL;) {
        struct arena_block *before = b->before;
        free(b);
        b = before;
    }
    kept->before = NULL;
    *a = (struct arena){
        .next = kept->bytes, .end = kept->bytes + kept->size, .block = kept, .total = kept->size, .cap = a->cap
    };
}

void arena_adopt(struct arena *a, struct arena *other)
{
    struct arena_block *last = other->block;
    if (last == NULL)
        return;
    if (a->block == NULL) {
        size_t cap = a->cap;
        *a = *other;
        a->cap = cap;
    } else { /* below the newest block, which goes on being filled */
        while (last->before != NULL)
            last = last->before;
        last->before = a->block->before;
        a->block->before = other->block;
        a->total += other->total;
    }
    *other = (struct arena){ .cap = other->cap };
}

void arena_expect(struct arena *a, size_t n)
{
    if (n >= HUGE_EXPECTED && n > (size_t)(a->end - a->next))
        add_block(a, n > LARGEST_BLOCK ? n : LARGEST_BLOCK, true);
}

void *arena_alloc_raw(struct arena *a, size_t n)
{
    assert(n < SIZE_MAX / 2);
    n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (a->next == NULL || n > (size_t)(a->end - a->next))
        add_block(a, n, false);
    void *p = a->next;
    a->next += n;
    return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
    return memset(arena_alloc_raw(a, n), 0, n);
}

void *arena_grow(struct arena *a, void *p, size_t old_n, size_t new_n)
{
    size_t old_aligned = (old_n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    size_t new_aligned = (new_n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    assert(new_n >= old_n && new_n < SIZE_MAX / 2);
    if (p != NULL && (char *)p + old_aligned == a->next && new_aligned - old_aligned <= (size_t)(a->end - a->next)) {
        a->next += new_aligned - old_aligned;
        return p;
    }
    void *moved = arena_alloc_raw(a, new_n);
    return old_n > 0 ? memcpy(moved, p, old_n) : moved;
}

void arena_shrink(struct arena *a, void *p, size_t old_n, size_t new_n)
{
    size_t old_aligned = (old_n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    size_t new_aligned = (new_n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (p != NULL && (char *)p + old_aligned == a->next)
        a->next = (char *)p + new_aligned;
}

struct str arena_str(struct arena *a, struct str s)
{
    return (struct str){ arena_c(a, s), s.n };
}

const char *arena_c(struct arena *a, struct str s)
{
    char *p = arena_alloc_raw(a, s.n + 1);
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return p;
}

struct str arena_vfmt(struct arena *a, const char *fmt, va_list args)
{
    char small[512];
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(small, sizeof small, fmt, args);
    assert(n >= 0);
    struct str made;
    if ((size_t)n < sizeof small) {
        made = arena_str(a, (struct str){ small, (size_t)n });
    } else {
        char *p = arena_alloc_raw(a, (size_t)n + 1);
        vsnprintf(p, (size_t)n + 1, fmt, again);
        made = (struct str){ p, (size_t)n };
    }
    va_end(again);
    return made;
}

struct str arena_fmt(struct arena *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str made = arena_vfmt(a, fmt, args);
    va_end(args);
    return made;
}

struct arena_mark arena_mark(struct arena *a)
{
    return (struct arena_mark){ a->next, a->block };
}

void arena_rewind(struct arena *a, struct arena_mark m)
{
    while (a->block != m.block) {
        struct arena_block *b = a->block;
        a->block = b->before;
        a->total -= b->size;
        free(b);
    }
    a->next = m.next;
    a->end = m.block == NULL ? NULL : m.block->bytes + m.block->size;
}

void *vec_grow_(struct arena *a, void *v, size_t *cap, size_t item)
{
    size_t more = *cap == 0 ? 8 : *cap * 2;
    v = arena_grow(a, v, *cap * item, more * item);
    *cap = more;
    return v;
}
