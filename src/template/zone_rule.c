/*
 *     rule = name offset [name [offset] ["," day ["/" time] "," day ["/" time]]]
 *     name = letters, at least three, or "<" anything ">"
 *     day  = "J" 1..365 (February 29 is never counted) | 0..365 | "M" month "." week "." weekday
 * Offsets count westwards from Greenwich.
 */
#include <ctype.h>

#include "data/gotime.h"
#include "template/zone_rule.h"

enum { DAY = 86400, HOURS_MAX = 24 * 7 };

struct change { /* to or from daylight saving time, once a year */
    char kind;  /* 'J', 'M', or 'N' for a plain number */
    int day, week, month;
    int time; /* on the clock, in seconds */
};

struct clock {
    struct str name;
    int offset; /* east of UTC */
};

static bool take_name(struct str *s, struct str *out)
{
    size_t n = 0;
    if (s->n > 0 && s->p[0] == '<') {
        ptrdiff_t close = str_find(*s, S(">"));
        if (close < 0)
            return false;
        *out = str_slice(*s, 1, (size_t)close);
        str_cut(s, (size_t)close + 1);
        return true;
    }
    while (n < s->n && isalpha((unsigned char)s->p[n]))
        n++;
    *out = str_cut(s, n);
    return n >= 3;
}

static bool take_char(struct str *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    str_cut(s, 1);
    return true;
}

static bool take_number(struct str *s, int low, int high, int *out)
{
    size_t n = 0;
    *out = 0;
    for (; n < s->n && n < 4 && s->p[n] >= '0' && s->p[n] <= '9'; n++)
        *out = *out * 10 + (s->p[n] - '0');
    str_cut(s, n);
    return n > 0 && *out >= low && *out <= high;
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct str *s, int *out)
{
    int hours, minutes = 0, seconds = 0;
    bool minus = take_char(s, '-');
    if (!minus)
        take_char(s, '+');
    if (!take_number(s, 0, HOURS_MAX, &hours))
        return false;
    if (take_char(s, ':')
        && (!take_number(s, 0, 59, &minutes) || (take_char(s, ':') && !take_number(s, 0, 59, &seconds))))
        return false;
    *out = hours * 3600 + minutes * 60 + seconds;
    *out = minus ? -*out : *out;
    return true;
}

static bool take_change(struct str *s, struct change *out)
{
    *out = (struct change){ .kind = 'N', .time = 2 * 3600 };
    if (!take_char(s, ','))
        return false;
    if (take_char(s, 'M')) {
        out->kind = 'M';
        if (!take_number(s, 1, 12, &out->month) || !take_char(s, '.') || !take_number(s, 1, 5, &out->week)
            || !take_char(s, '.') || !take_number(s, 0, 6, &out->day))
            return false;
    } else {
        out->kind = take_char(s, 'J') ? 'J' : 'N';
        if (!take_number(s, out->kind == 'J', 365, &out->day))
            return false;
    }
    return !take_char(s, '/') || take_time(s, &out->time);
}

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from the first of January to the first of `month`. */
static int days_before(int year, int month)
{
    return (int)((gotime_seconds(year, month, 1, 0, 0, 0) - gotime_seconds(year, 1, 1, 0, 0, 0)) / DAY);
}

/* The day of the n-th weekday of a month, counted from the first of January; week 5 is the last one. */
static int nth_weekday(int year, const struct change *c)
{
    struct gotime first = { .sec = gotime_seconds(year, c->month, 1, 0, 0, 0) };
    int start = days_before(year, c->month), length = days_before(year, c->month + 1) - start;
    int day = (c->day - gotime_fields(&first).weekday + 7) % 7 + 7 * (c->week - 1);
    return start + (day >= length ? day - 7 : day);
}

/* Seconds from the start of the year in UTC to a change on a clock that shows `offset`. */
static int64_t change_at(int year, const struct change *c, int offset)
{
    int day = c->kind == 'M'   ? nth_weekday(year, c)
              : c->kind == 'N' ? c->day
                               : c->day - 1 + (is_leap(year) && c->day >= 60);
    return (int64_t)day * DAY + c->time - offset;
}

static bool is_daylight(int64_t sec, const struct change *start, const struct change *end, const struct clock *standard,
                        const struct clock *daylight)
{
    int year = gotime_fields(&(struct gotime){ .sec = sec }).year;
    int64_t in_year = sec - gotime_seconds(year, 1, 1, 0, 0, 0);
    int64_t from = change_at(year, start, standard->offset), to = change_at(year, end, daylight->offset);
    return from <= to ? in_year >= from && in_year < to : in_year < to || in_year >= from;
}

/* [name [offset] [changes]] after the standard time; *now becomes what the clock shows. */
static bool read_daylight(struct str s, int64_t sec, const struct clock *standard, struct clock *now)
{
    struct clock daylight = { .offset = standard->offset + 3600 };
    struct change start, end;
    int west;
    if (!take_name(&s, &daylight.name))
        return false;
    if (s.n > 0 && s.p[0] != ',') {
        if (!take_time(&s, &west))
            return false;
        daylight.offset = -west;
    }
    if (s.n == 0)
        s = S(",M3.2.0,M11.1.0");
    if (!take_change(&s, &start) || !take_change(&s, &end) || s.n > 0)
        return false;
    if (is_daylight(sec, &start, &end, standard, &daylight))
        *now = daylight;
    return true;
}

bool zone_rule_at(struct str rule, int64_t sec, int32_t *offset, struct str *abbreviation)
{
    struct clock standard, now;
    int west;
    if (!take_name(&rule, &standard.name) || !take_time(&rule, &west))
        return false;
    standard.offset = -west;
    now = standard;
    if (rule.n > 0 && !read_daylight(rule, sec, &standard, &now))
        return false;
    *offset = now.offset;
    *abbreviation = now.name;
    return true;
}
