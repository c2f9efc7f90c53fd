/* The writer of JSON. Strings are copied in runs between the few bytes that need an escape. */
#include <math.h>
#include <stdlib.h>

#include "data/decimal.h"
#include "data/gofmt.h"
#include "data/json.h"
#include "data/scan.h"

#define ESCAPE_MAX 6      /* bytes of \uXXXX */
#define WHOLE_MAX 24      /* bytes that any integer needs */
#define JSON_FLOAT_MAX 48 /* bytes that any float needs */

struct writer {
    struct buf *out;
    int flags, depth;
    struct arena aside; /* orders of keys */
};

static void write_any(struct writer *w, const struct value *v);

/* Room for `n` bytes at the end of the text; put_end takes what was used. */
static inline char *put_start(struct buf *out, size_t n)
{
    if (out->cap - out->n <= n)
        buf_reserve(out, n);
    return out->p + out->n;
}

static inline void put_end(struct buf *out, const char *end)
{
    out->n = (size_t)(end - out->p);
}

static inline void put(struct buf *out, const char *bytes, size_t n)
{
    char *to = put_start(out, n);
    memcpy(to, bytes, n);
    put_end(out, to + n);
}

/* The promise of a buf, kept once at the end of all writing. */
static void terminate(struct buf *out)
{
    *put_start(out, 0) = '\0';
}

/* ---- strings -------------------------------------------------------------------------------------- */

static char short_escape(char c)
{
    switch (c) {
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    case '\b': return 'b';
    case '\f': return 'f';
    case '"': return '"';
    case '\\': return '\\';
    default: return '\0';
    }
}

/* An ASCII character with its escape; returns the end. */
static char *put_escape(char *to, char c)
{
    static const char hex[] = "0123456789abcdef";
    char letter = short_escape(c);

    *to++ = '\\';
    if (letter != '\0') {
        *to++ = letter;
        return to;
    }
    memcpy(to, "u00", 3);
    to[3] = hex[(uint8_t)c >> 4];
    to[4] = hex[(uint8_t)c & 15];
    return to + 5;
}

/* A rune beyond ASCII at *p: as it is, but for line separators and bytes that are no UTF-8. */
static char *put_rune(char *to, const char **p, const char *end, int flags)
{
    uint32_t rune = 0;
    size_t width = utf8_decode((struct str){ *p, (size_t)(end - *p) }, &rune);
    const char *instead = NULL;

    if (rune == 0xfffd && width == 1)
        instead = "\\ufffd";
    else if ((rune == 0x2028 || rune == 0x2029) && flags & JSON_ESCAPE_HTML)
        instead = rune == 0x2028 ? "\\u2028" : "\\u2029";
    memcpy(to, instead != NULL ? instead : *p, instead != NULL ? ESCAPE_MAX : width);
    *p += width;
    return to + (instead != NULL ? ESCAPE_MAX : width);
}

/* From the first byte on that does not stand for itself. */
static void put_special(struct buf *out, const char *p, const char *end, int flags)
{
    while (p < end) {
        char *to = put_start(out, ESCAPE_MAX);
        to = (uint8_t)*p >= 0x80 ? put_rune(to, &p, end, flags) : put_escape(to, *p++);
        put_end(out, to);
        const char *run = p;
        p = scan_json_ascii(p, end, flags & JSON_ESCAPE_HTML);
        put(out, run, (size_t)(p - run));
    }
}

static void put_string(struct buf *out, struct str s, int flags)
{
    const char *p = s.n > 0 ? s.p : "", *end = p + s.n, *stop = scan_json_ascii(p, end, flags & JSON_ESCAPE_HTML);
    size_t run = (size_t)(stop - p);
    char *to = put_start(out, s.n + 2);

    *to++ = '"';
    memcpy(to, p, run);
    put_end(out, to + run);
    if (stop < end)
        put_special(out, stop, end, flags);
    put(out, "\"", 1);
}

void json_write_string(struct buf *out, struct str s, int flags)
{
    put_string(out, s, flags);
    terminate(out);
}

/* ---- numbers -------------------------------------------------------------------------------------- */

static void put_float(struct buf *out, double f)
{
    char digits[GO_FLOAT_MAX];
    double size = fabs(f);
    int exponent = 0;

    if (!isfinite(f)) {
        put(out, "null", 4);
        return;
    }
    size_t n = go_float_parts(digits, size, 64, &exponent);
    char *to = put_start(out, JSON_FLOAT_MAX);
    if (signbit(f))
        *to++ = '-';
    if (size != 0 && (size < 1e-6 || size >= 1e21))
        to = decimal_put_scientific(to, digits, n, exponent, 1);
    else
        to = decimal_put_positional(to, digits, n, exponent);
    put_end(out, to);
}

/* Go: strconv 'f' with the fewest digits, 'e' outside 1e-6 <= |f| < 1e21, exponents without a leading zero. */
void json_write_float(struct buf *out, double f)
{
    put_float(out, f);
    terminate(out);
}

static void put_int(struct buf *out, int64_t i)
{
    char *to = put_start(out, WHOLE_MAX);

    if (i < 0)
        *to++ = '-';
    put_end(out, decimal_write(to, i < 0 ? -(uint64_t)i : (uint64_t)i));
}

/* ---- containers ----------------------------------------------------------------------------------- */

static void write_newline(struct writer *w)
{
    if (!(w->flags & JSON_INDENT))
        return;
    size_t n = (size_t)w->depth * 2;
    char *to = put_start(w->out, n + 1);
    *to = '\n';
    memset(to + 1, ' ', n);
    put_end(w->out, to + 1 + n);
}

/* Before a member: the bracket or a comma, and the start of its line. */
static void write_before(struct writer *w, char bracket, bool first)
{
    put(w->out, first ? &bracket : ",", 1);
    w->depth += first;
    write_newline(w);
}

static void write_close(struct writer *w, char bracket)
{
    w->depth--;
    write_newline(w);
    put(w->out, &bracket, 1);
}

static void write_list(struct writer *w, const struct list *l)
{
    if (l->n == 0) {
        put(w->out, "[]", 2);
        return;
    }
    for (size_t i = 0; i < l->n; i++) {
        write_before(w, '[', i == 0);
        write_any(w, &l->v[i]);
    }
    write_close(w, ']');
}

static void write_map(struct writer *w, const struct map *m)
{
    struct arena_mark mark = arena_mark(&w->aside);
    const struct map_entry **sorted = w->flags & JSON_SORT_KEYS ? map_sorted(&w->aside, m) : NULL;

    if (m->n == 0) {
        put(w->out, "{}", 2);
        return;
    }
    for (size_t i = 0; i < m->n; i++) {
        const struct map_entry *entry = sorted != NULL ? sorted[i] : &m->v[i];
        write_before(w, '{', i == 0);
        put_string(w->out, entry->key, w->flags);
        put(w->out, ": ", w->flags & JSON_INDENT ? 2 : 1);
        write_any(w, &entry->value);
    }
    write_close(w, '}');
    arena_rewind(&w->aside, mark);
}

static void write_any(struct writer *w, const struct value *v)
{
    switch ((enum value_kind)v->kind) {
    case VALUE_NULL:
    case VALUE_OPAQUE: put(w->out, "null", 4); break;
    case VALUE_BOOL: put(w->out, v->b ? "true" : "false", v->b ? 4 : 5); break;
    case VALUE_INT: put_int(w->out, v->i); break;
    case VALUE_FLOAT: put_float(w->out, v->f); break;
    case VALUE_STRING: put_string(w->out, value_as_str(v), w->flags); break;
    case VALUE_LIST: write_list(w, v->list); break;
    case VALUE_MAP: write_map(w, v->map); break;
    }
}

void json_write(struct buf *out, const struct value *v, int flags)
{
    struct writer w = { .out = out, .flags = flags };

    write_any(&w, v);
    terminate(out);
    arena_close(&w.aside);
}

struct str json_str(struct arena *a, const struct value *v, int flags)
{
    struct buf b = { .a = a };

    json_write(&b, v, flags);
    return buf_str(&b);
}
