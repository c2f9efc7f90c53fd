/* Slices and UTF-8. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base.h"

struct str str_c(const char *text)
{
    return text == NULL ? (struct str){ "", 0 } : (struct str){ text, strlen(text) };
}

bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_is(struct str a, const char *text)
{
    return str_eq(a, str_c(text));
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool str_ieq(struct str a, struct str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

int str_cmp(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n > 0 ? memcmp(a.p, b.p, n) : 0;
    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

ptrdiff_t str_find(struct str s, struct str needle)
{
    if (needle.n == 0)
        return 0;
    const char *at = s.n > 0 ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
    return at == NULL ? -1 : at - s.p;
}

ptrdiff_t str_rfind(struct str s, struct str needle)
{
    for (size_t i = s.n + 1; i-- > 0;)
        if (s.n - i >= needle.n && str_starts((struct str){ s.p + i, s.n - i }, needle))
            return (ptrdiff_t)i;
    return -1;
}

struct str str_slice(struct str s, size_t from, size_t to)
{
    if (to > s.n)
        to = s.n;
    if (from > to)
        from = to;
    return s.p == NULL ? (struct str){ "", 0 } : (struct str){ s.p + from, to - from };
}

struct str str_trim_set(struct str s, const char *set)
{
    while (s.n > 0 && strchr(set, s.p[0]) != NULL && s.p[0] != '\0')
        str_cut(&s, 1);
    while (s.n > 0 && strchr(set, s.p[s.n - 1]) != NULL && s.p[s.n - 1] != '\0')
        s.n--;
    return s;
}

struct str str_trim(struct str s)
{
    return str_trim_set(s, " \t\r\n\v\f");
}

struct str str_cut(struct str *s, size_t n)
{
    if (n > s->n)
        n = s->n;
    struct str head = { s->p, n };
    if (n > 0)
        *s = (struct str){ s->p + n, s->n - n };
    return head;
}

bool str_split(struct str *s, struct str sep, struct str *out)
{
    ptrdiff_t at = sep.n > 0 ? str_find(*s, sep) : -1;
    if (at < 0) {
        *out = *s;
        *s = str_slice(*s, s->n, s->n);
        return false;
    }
    *out = str_cut(s, (size_t)at);
    str_cut(s, sep.n);
    return true;
}

bool str_to_int(struct str s, int64_t *out)
{
    bool minus = s.n > 0 && s.p[0] == '-';
    if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
        str_cut(&s, 1);
    if (s.n == 0)
        return false;
    int64_t sum = 0; /* kept negative: the negative range is the larger one */
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_sub_overflow(sum, s.p[i] - '0', &sum))
            return false;
    }
    if (!minus && sum == INT64_MIN)
        return false;
    *out = minus ? sum : -sum;
    return true;
}

bool str_to_double(struct str s, double *out)
{
    char small[400];
    if (s.n == 0 || s.n >= sizeof small || s.p[0] == ' ')
        return false;
    memcpy(small, s.p, s.n);
    small[s.n] = '\0';
    char *end;
    double d = strtod(small, &end);
    if (end != small + s.n)
        return false;
    *out = d;
    return true;
}

uint64_t str_hash(struct str s)
{
    /* FNV-1a by words: map keys are short */
    uint64_t h = 0xcbf29ce484222325u ^ s.n;
    while (s.n >= 8) {
        uint64_t word;
        memcpy(&word, s.p, 8);
        h = (h ^ word) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
        s.p += 8;
        s.n -= 8;
    }
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (uint8_t)s.p[i]) * 0x100000001b3u;
    return h ^ (h >> 32);
}

/* ---- UTF-8 -------------------------------------------------------------------------------- */

size_t utf8_decode(struct str s, uint32_t *out)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    uint8_t c = (uint8_t)s.p[0];
    size_t width = c < 0x80                 ? 1
                   : c >= 0xf0 && c <= 0xf4 ? 4
                   : c >= 0xe0 && c < 0xf0  ? 3
                   : c >= 0xc2 && c < 0xe0  ? 2
                                            : 0;
    if (width == 1) {
        *out = c;
        return 1;
    }
    *out = 0xfffd;
    if (width == 0 || width > s.n)
        return 1;
    uint32_t rune = c & (0x7fu >> width);
    for (size_t i = 1; i < width; i++) {
        if (((uint8_t)s.p[i] & 0xc0) != 0x80)
            return 1;
        rune = rune << 6 | ((uint8_t)s.p[i] & 0x3f);
    }
    if (rune < least[width] || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff))
        return 1;
    *out = rune;
    return width;
}

bool utf8_valid(struct str s)
{
    while (s.n > 0) {
        uint32_t rune;
        size_t width = utf8_decode(s, &rune);
        if (rune == 0xfffd && width == 1)
            return false;
        str_cut(&s, width);
    }
    return true;
}

size_t utf8_count(struct str s)
{
    size_t count = 0;
    uint32_t rune;
    for (size_t i = 0; i < s.n; count++)
        i += (uint8_t)s.p[i] < 0x80 ? 1 : utf8_decode((struct str){ s.p + i, s.n - i }, &rune);
    return count;
}

struct str utf8_prefix(struct str s, size_t max)
{
    struct str rest = s;
    uint32_t rune;
    for (size_t i = 0; i < max && rest.n > 0; i++)
        str_cut(&rest, utf8_decode(rest, &rune));
    return str_slice(s, 0, s.n - rest.n);
}

/* ---- handles ------------------------------------------------------------------------------ */

void fd_close(int *fd)
{
    if (*fd >= 0) {
        int saved = errno; /* a failing caller has its reason in errno */
        close(*fd);
        errno = saved;
    }
    *fd = -1;
}

int fd_take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}
