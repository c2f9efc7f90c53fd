/* Growing text in an arena: the last allocation grows in place, so writing one long text copies little. */
#include <assert.h>
#include <stdio.h>

#include "base/base.h"

void buf_reserve(struct buf *b, size_t more)
{
    assert(b->a != NULL);
    if (b->cap - b->n > more) /* one byte stays for the NUL */
        return;
    size_t cap = b->cap < 64 ? 128 : b->cap * 2;
    if (cap < b->n + more + 1)
        cap = b->n + more + 1;
    b->p = arena_grow(b->a, b->p, b->cap, cap);
    b->cap = cap;
}

void buf_add(struct buf *b, struct str s)
{
    buf_reserve(b, s.n);
    if (s.n > 0)
        memcpy(b->p + b->n, s.p, s.n);
    b->n += s.n;
    b->p[b->n] = '\0';
}

void buf_c(struct buf *b, const char *text)
{
    buf_add(b, str_c(text));
}

void buf_byte(struct buf *b, char c)
{
    buf_reserve(b, 1);
    b->p[b->n++] = c;
    b->p[b->n] = '\0';
}

void buf_fill(struct buf *b, char c, size_t n)
{
    buf_reserve(b, n);
    memset(b->p + b->n, c, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    buf_reserve(b, 64);
    int n = vsnprintf(b->p + b->n, b->cap - b->n, fmt, args);
    assert(n >= 0);
    if ((size_t)n >= b->cap - b->n) {
        buf_reserve(b, (size_t)n);
        vsnprintf(b->p + b->n, b->cap - b->n, fmt, again);
    }
    b->n += (size_t)n;
    va_end(again);
    va_end(args);
}

void buf_rune(struct buf *b, uint32_t rune)
{
    if (rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff))
        rune = 0xfffd;
    if (rune < 0x80) {
        buf_byte(b, (char)rune);
    } else if (rune < 0x800) {
        buf_add(b, (struct str){ (char[]){ (char)(0xc0 | rune >> 6), (char)(0x80 | (rune & 0x3f)) }, 2 });
    } else if (rune < 0x10000) {
        buf_add(b, (struct str){ (char[]){ (char)(0xe0 | rune >> 12), (char)(0x80 | (rune >> 6 & 0x3f)),
                                           (char)(0x80 | (rune & 0x3f)) },
                                 3 });
    } else {
        buf_add(b, (struct str){ (char[]){ (char)(0xf0 | rune >> 18), (char)(0x80 | (rune >> 12 & 0x3f)),
                                           (char)(0x80 | (rune >> 6 & 0x3f)), (char)(0x80 | (rune & 0x3f)) },
                                 4 });
    }
}

struct str buf_done(struct buf *b)
{
    arena_shrink(b->a, b->p, b->cap, b->n + 1);
    b->cap = b->p != NULL ? b->n + 1 : 0;
    return buf_str(b);
}

struct str buf_str(const struct buf *b)
{
    return b->n > 0 ? (struct str){ b->p, b->n } : (struct str){ "", 0 };
}
