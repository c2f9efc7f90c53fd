/*
 * chart/text.c - small texts as Go treats them: white space, paths, log lines.
 */
#include "chart/internal.h"

/* unicode.IsSpace */
static bool is_space(uint32_t r)
{
    return (r >= '\t' && r <= '\r') || r == ' ' || r == 0x85 || r == 0xa0 || r == 0x1680 || (r >= 0x2000 && r <= 0x200a)
           || r == 0x2028 || r == 0x2029 || r == 0x202f || r == 0x205f || r == 0x3000;
}

static size_t rune_before(struct str s, uint32_t *out)
{
    size_t at = s.n - 1;

    while (at > 0 && s.n - at < 4 && ((unsigned char)s.p[at] & 0xc0) == 0x80)
        at--;
    if (utf8_decode(str_slice(s, at, s.n), out) == s.n - at)
        return s.n - at;
    *out = 0xfffd;
    return 1;
}

struct str go_trim_space(struct str s)
{
    uint32_t r;
    size_t width;

    while (s.n > 0 && (width = utf8_decode(s, &r), is_space(r)))
        str_cut(&s, width);
    while (s.n > 0 && (width = rune_before(s, &r), is_space(r)))
        s.n -= width;
    return s;
}

struct str path_base(struct str path)
{
    ptrdiff_t slash = str_rfind(path, S("/"));

    return slash < 0 ? path : str_slice(path, (size_t)slash + 1, path.n);
}

struct str path_clean(struct arena *a, struct str path)
{
    struct buf b = { .a = a };
    bool absolute = path.n > 0 && path.p[0] == '/';
    struct str part;

    while (path.n > 0) {
        str_split(&path, S("/"), &part);
        struct str so_far = buf_str(&b);
        if (part.n == 0 || str_is(part, "."))
            continue;
        if (str_is(part, "..") && so_far.n > 0 && !str_is(path_base(so_far), "..")) {
            ptrdiff_t slash = str_rfind(so_far, S("/"));
            b.n = slash < 0 ? 0 : (size_t)slash;
            continue;
        }
        if (str_is(part, "..") && absolute && so_far.n == 0)
            continue; /* the root's parent is the root */
        if (b.n > 0 || absolute)
            buf_byte(&b, '/');
        buf_add(&b, part);
    }
    return b.n > 0 ? buf_str(&b) : absolute ? S("/") : S(".");
}

/* slog's text handler quotes what has spaces, quotes, '=' or nothing at all. */
static void log_value(struct buf *b, struct str s)
{
    bool plain = s.n > 0;

    for (size_t i = 0; i < s.n && plain; i++) {
        unsigned char c = (unsigned char)s.p[i];
        plain = c > ' ' && c != '"' && c != '=' && c < 0x7f;
    }
    buf_add(b, plain ? s : go_quote(b->a, s));
}

void warn_log(struct warnings *w, const char *level, struct str message, const char *const *keys,
              const struct str *values, size_t n)
{
    struct buf b = { .a = w->a };

    buf_fmt(&b, "level=%s msg=", level);
    log_value(&b, message);
    for (size_t i = 0; i < n; i++) {
        buf_fmt(&b, " %s=", keys[i]);
        log_value(&b, values[i]);
    }
    *vec_push(w->a, w) = buf_str(&b);
}

void warn_info(struct warnings *w, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    struct str message = arena_vfmt(w->a, fmt, args);
    va_end(args);
    warn_log(w, "INFO", message, NULL, NULL, 0);
}
