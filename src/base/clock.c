/* Time: the wall clock can be frozen by tests, the monotonic one only runs. */
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/sys.h"

static _Atomic int64_t frozen_ms = -1;

int64_t clock_wall_ns(void)
{
    int64_t frozen = frozen_ms;
    if (frozen >= 0)
        return frozen * 1000000;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_wall_ms(void)
{
    return clock_wall_ns() / 1000000;
}

int64_t clock_mono_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void clock_freeze_wall(int64_t ms)
{
    frozen_ms = ms;
}

struct str clock_rfc3339(struct arena *a, int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm t;
    gmtime_r(&seconds, &t);
    return arena_fmt(a, "%04d-%02d-%02dT%02d:%02d:%02dZ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
                     t.tm_min, t.tm_sec);
}

static bool digits(struct str *s, size_t n, int *out)
{
    struct str d = str_cut(s, n);
    int sum = 0;
    for (size_t i = 0; i < d.n; i++) {
        if (d.p[i] < '0' || d.p[i] > '9')
            return false;
        sum = sum * 10 + (d.p[i] - '0');
    }
    *out = sum;
    return d.n == n;
}

static bool literal(struct str *s, char c)
{
    return s->n > 0 && str_cut(s, 1).p[0] == c;
}

/* fraction = "." 1*DIGIT, as milliseconds; further digits are dropped */
static int64_t take_fraction(struct str *s)
{
    int64_t ms = 0, scale = 100;
    if (s->n == 0 || s->p[0] != '.')
        return 0;
    str_cut(s, 1);
    while (s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9') {
        ms += scale * (str_cut(s, 1).p[0] - '0');
        scale /= 10;
    }
    return ms;
}

bool clock_parse_rfc3339(struct str s, int64_t *out_wall_ms)
{
    struct tm t = { 0 };
    if (!digits(&s, 4, &t.tm_year) || !literal(&s, '-') || !digits(&s, 2, &t.tm_mon) || !literal(&s, '-')
        || !digits(&s, 2, &t.tm_mday) || s.n == 0 || (s.p[0] != 'T' && s.p[0] != 't'))
        return false;
    str_cut(&s, 1);
    if (!digits(&s, 2, &t.tm_hour) || !literal(&s, ':') || !digits(&s, 2, &t.tm_min) || !literal(&s, ':')
        || !digits(&s, 2, &t.tm_sec))
        return false;
    int64_t ms = take_fraction(&s);
    int hours = 0, minutes = 0, sign = 0;
    if (s.n != 1 || (s.p[0] != 'Z' && s.p[0] != 'z')) {
        if (s.n != 6 || (s.p[0] != '+' && s.p[0] != '-'))
            return false;
        sign = str_cut(&s, 1).p[0] == '-' ? 1 : -1;
        if (!digits(&s, 2, &hours) || !literal(&s, ':') || !digits(&s, 2, &minutes))
            return false;
    }
    if (t.tm_mon < 1 || t.tm_mon > 12 || t.tm_mday < 1 || t.tm_mday > 31 || t.tm_hour > 23 || t.tm_min > 59
        || t.tm_sec > 60)
        return false;
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    *out_wall_ms = ((int64_t)timegm(&t) + sign * (hours * 3600 + minutes * 60)) * 1000 + ms;
    return true;
}

static bool duration_unit(struct str *s, uint64_t *out_ns)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = { { "ns", 1 },       { "us", 1000 },      { "\xc2\xb5s", 1000 }, { "\xce\xbcs", 1000 },
                  { "ms", 1000000 }, { "s", 1000000000 }, { "m", 60000000000 },  { "h", 3600000000000 } };
    for (size_t i = 0; i < COUNT(units); i++) {
        if (!str_starts(*s, str_c(units[i].name)))
            continue;
        str_cut(s, strlen(units[i].name));
        *out_ns = units[i].ns;
        return true;
    }
    return false;
}

/* The digits after the point as a fraction; those that no longer fit say nothing. */
static double duration_fraction(struct str *s)
{
    uint64_t f = 0;
    double scale = 1;
    bool fits = true;
    for (; s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9'; str_cut(s, 1)) {
        fits = fits && f <= (INT64_MAX - 9) / 10;
        if (!fits)
            continue;
        f = f * 10 + (uint64_t)(s->p[0] - '0');
        scale *= 10;
    }
    return (double)f / scale;
}

/* "1.5h": digits, of which one at least, and a unit. Exact in whole numbers, as Go computes it. */
static bool duration_part(struct str *s, uint64_t *sum)
{
    uint64_t whole = 0, unit;
    double fraction = 0;
    const char *start = s->p;
    for (; s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9'; str_cut(s, 1))
        if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, s->p[0] - '0', &whole))
            return false;
    size_t digits = (size_t)(s->p - start);
    if (s->n > 0 && s->p[0] == '.') {
        str_cut(s, 1);
        start = s->p;
        fraction = duration_fraction(s);
        digits += (size_t)(s->p - start);
    }
    return digits > 0 && duration_unit(s, &unit) && !__builtin_mul_overflow(whole, unit, &whole)
           && !__builtin_add_overflow(*sum, whole, sum)
           && !__builtin_add_overflow(*sum, (uint64_t)(fraction * (double)unit), sum)
           && *sum <= (uint64_t)INT64_MAX + 1;
}

bool duration_parse(struct str s, int64_t *out_ns)
{
    bool minus = s.n > 0 && s.p[0] == '-';
    uint64_t sum = 0;
    if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
        str_cut(&s, 1);
    if (str_is(s, "0")) {
        *out_ns = 0;
        return true;
    }
    if (s.n == 0)
        return false;
    while (s.n > 0)
        if (!duration_part(&s, &sum))
            return false;
    if (!minus && sum > INT64_MAX)
        return false;
    *out_ns = (int64_t)(minus ? 0 - sum : sum);
    return true;
}
