/*
 * base/base.h - what every file of vitrine needs: slices, errors, arenas, growing text.
 *
 * Ownership in one paragraph: a unit of work (one render, one reconcile, one request) opens an
 * arena, passes it down as the first parameter and drops it whole. Nothing inside an arena is ever
 * freed alone. Slices (`struct str`) own nothing. Handles (descriptors, locks) are released by
 * CLEANUP attributes. A function that can fail takes `struct err *` last and returns false.
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define CLEANUP(fn) __attribute__((cleanup(fn), unused)) /* unused: clang would warn of a lock that is only held */
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- slices ------------------------------------------------------------------------------- */

struct str { /* `n` bytes at `p`, no NUL; owned by whoever made the bytes */
    const char *p;
    size_t n;
};

/* printf("%.*s", STR(s)) */
#define STR(s) (int)(s).n, (s).p
/* A slice of a string literal, usable in initialisers. */
#define S(literal) ((struct str){ "" literal, sizeof(literal) - 1 })

struct str str_c(const char *text); /* slice of a C string; NULL gives the empty slice */
bool str_eq(struct str a, struct str b);
bool str_is(struct str a, const char *text); /* equal to a C string */
bool str_ieq(struct str a, struct str b);    /* ASCII case folded */
int str_cmp(struct str a, struct str b);     /* byte order, as Go and strcmp */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Position of the first `needle`, or -1. */
ptrdiff_t str_find(struct str s, struct str needle);
ptrdiff_t str_rfind(struct str s, struct str needle);
struct str str_slice(struct str s, size_t from, size_t to); /* clamped to the length */
struct str str_trim(struct str s);                          /* ASCII white space, both ends */
struct str str_trim_set(struct str s, const char *set);
/* Cut the first `n` bytes off `*s` and return them (clamped). */
struct str str_cut(struct str *s, size_t n);
/* Cut up to and without `sep`; the rest (after sep) stays in `*s`. False when sep is absent: then
 * `*out` is all of it and `*s` is empty. */
bool str_split(struct str *s, struct str sep, struct str *out);
bool str_to_int(struct str s, int64_t *out);   /* whole slice, decimal, optional sign */
bool str_to_double(struct str s, double *out); /* whole slice, C locale */
uint64_t str_hash(struct str s);
/* The one of `names` that was probably meant by `word`: it differs in case or `-_.` only, or in at most a third of its
 * bytes (added, left out, replaced, swapped). Its position, or -1. Words of more than 64 bytes have none. */
ptrdiff_t str_nearest(struct str word, const struct str *names, size_t n);

/* ---- errors ------------------------------------------------------------------------------- */

enum err_kind { /* what a caller can act on; never branch on the text */
                ERR_NONE,
                ERR_INVALID, /* malformed input: retrying cannot help */
                ERR_LIMIT,   /* a stated limit was passed */
                ERR_NOT_FOUND,
                ERR_DENIED,
                ERR_CONFLICT,    /* somebody else holds or changed it */
                ERR_UNAVAILABLE, /* network, timeout, 5xx: retry with back-off */
                ERR_IO,          /* the operating system said no; see `os` */
};

struct err {
    enum err_kind kind;
    int os;              /* errno value, or 0 */
    int64_t retry_at_ms; /* when a retry may help (wall clock), or 0 */
    char text[1024];     /* "outer: inner: cause", NUL-terminated, cut on a code point boundary */
};

/* What the macros below call. */
void err_set_(struct err *e, enum err_kind kind, const char *fmt, ...) PRINTF(3, 4);
void err_sys_(struct err *e, const char *fmt, ...) PRINTF(2, 3);
void err_wrap_(struct err *e, const char *fmt, ...) PRINTF(2, 3);

/* Macros that yield false: one-line returns, and static analysers see the false too. */
#define err_set(...) (err_set_(__VA_ARGS__), false)   /* e, kind, format... */
#define err_sys(...) (err_sys_(__VA_ARGS__), false)   /* e, format...; adds errno's text */
#define err_wrap(...) (err_wrap_(__VA_ARGS__), false) /* e, format...; puts "context: " first */

/* ---- arenas ------------------------------------------------------------------------------- */

struct arena_block;
struct arena {
    char *next, *end;          /* free bytes of the newest block */
    struct arena_block *block; /* newest first */
    size_t total, cap;         /* bytes taken from the system; most that may be (0: ARENA_CAP) */
};
#define ARENA_CAP ((size_t)4 << 30)

/* A zeroed struct is a ready, empty arena. Close frees everything and leaves it ready again. */
void arena_close(struct arena *a);
/* Zeroed bytes, aligned to 16. Never fails: out of memory or over the cap aborts with a message -
 * parsers refuse with ERR_LIMIT long before. */
void *arena_alloc(struct arena *a, size_t n);
void *arena_alloc_raw(struct arena *a, size_t n); /* not zeroed, aligned to 8 */
/* A hint: `n` bytes or so will be asked for in small pieces. Worth it from two megabytes on. */
void arena_expect(struct arena *a, size_t n);
/* Grow the array at `p` from `old_n` to `new_n` bytes, in place when it was the last allocation. */
void *arena_grow(struct arena *a, void *p, size_t old_n, size_t new_n);
/* Give back the end of the last allocation; nothing when another one came after it. */
void arena_shrink(struct arena *a, void *p, size_t old_n, size_t new_n);
#define arena_new(a, type, count) ((type *)arena_alloc((a), sizeof(type) * (size_t)(count)))
struct str arena_str(struct arena *a, struct str s);                      /* copy; NUL follows, for system calls */
const char *arena_c(struct arena *a, struct str s);                       /* NUL-terminated copy */
struct str arena_fmt(struct arena *a, const char *fmt, ...) PRINTF(2, 3); /* NUL follows */
struct str arena_vfmt(struct arena *a, const char *fmt, va_list args);

/* Drops everything, but keeps the newest block for what comes. */
void arena_reset(struct arena *a);
/* Everything in `other` lives on in `a`; `other` is empty and ready again. */
void arena_adopt(struct arena *a, struct arena *other);
/* Everything allocated after a mark is dropped by arena_rewind. */
struct arena_mark {
    char *next;
    struct arena_block *block;
};
struct arena_mark arena_mark(struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark m);

/* ---- growing text ------------------------------------------------------------------------- */

struct buf { /* `n` bytes at `p` in arena `a`; always NUL-terminated once non-empty */
    struct arena *a;
    char *p;
    size_t n, cap;
};
/* struct buf b = { .a = a }; is a ready, empty buffer */
void buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, struct str s);
void buf_c(struct buf *b, const char *text);
void buf_byte(struct buf *b, char c);
void buf_fill(struct buf *b, char c, size_t n);
void buf_fmt(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_rune(struct buf *b, uint32_t code_point); /* UTF-8; invalid ones become U+FFFD */
struct str buf_str(const struct buf *b);
/* The text, once it is complete: room that is left over goes back to the arena when nothing was allocated behind it. */
struct str buf_done(struct buf *b);

/* ---- growing arrays: VEC(struct thing) list = { 0 }; *vec_push(a, &list) = thing; ---------- */

#define VEC(type)                                                                                                      \
    struct {                                                                                                           \
        type *v;                                                                                                       \
        size_t n, cap;                                                                                                 \
    }
#define vec_push(a, vec)                                                                                               \
    ((vec)->n == (vec)->cap ? (void)((vec)->v = vec_grow_((a), (vec)->v, &(vec)->cap, sizeof *(vec)->v)) : (void)0,    \
     &(vec)->v[(vec)->n++])
/* What vec_push calls: room for twice as many items. */
void *vec_grow_(struct arena *a, void *v, size_t *cap, size_t item);

/* ---- base64 (RFC 4648, standard alphabet, padded) ------------------------------------------ */

/* Lives in `a`. */
struct str str_base64(struct arena *a, struct str bytes);
/* Line breaks are skipped. False, and *out untouched, for anything else that is not base64. */
bool str_unbase64(struct arena *a, struct str text, struct str *out);

/* ---- UTF-8 -------------------------------------------------------------------------------- */

/* Decode the first rune of `s` (n > 0); returns its width. Invalid bytes: U+FFFD, width 1 (as Go). */
size_t utf8_decode(struct str s, uint32_t *out);
bool utf8_valid(struct str s);
size_t utf8_count(struct str s); /* runes */
/* The longest prefix of at most `max` code points. */
struct str utf8_prefix(struct str s, size_t max);

/* ---- handles ------------------------------------------------------------------------------ */

void fd_close(int *fd); /* CLEANUP(fd_close) int fd = -1; */
int fd_take(int *fd);   /* give the descriptor away: *fd becomes -1 */
