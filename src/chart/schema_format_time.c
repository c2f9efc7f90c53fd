/*
 * chart/schema_format_time.c - dates and times (RFC 3339), durations and periods (ISO 8601) of JSON Schema's `format`.
 */
#include "chart/schema_format.h"
#include "data/gotime.h"

#define DAY_MINUTES (24 * 60)

static size_t count_digits(struct str s)
{
    size_t n = 0;

    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    return n;
}

bool format_date(struct arena *a, struct str text, struct str *why)
{
    struct gotime t;
    struct err e;

    return gotime_parse_time(S("2006-01-02"), text, &t, &e) || format_refuse(why, arena_fmt(a, "%s", e.text));
}

/* Numbers with colons between, `n` of them; a sign makes one negative, more colons spoil the last. */
static bool take_numbers(struct str text, int64_t *out, size_t n, const char *what, struct str *why, struct arena *a)
{
    struct str part;
    size_t found = 0;

    for (bool more = true; more; found++) {
        if (found + 1 == n) {
            part = text;
            more = false;
        } else {
            more = str_split(&text, S(":"), &part);
        }
        if (!str_to_int(part, &out[found]))
            return format_refuse(why, arena_fmt(a, "invalid hour/min%s", what));
        if (out[found] < 0)
            return format_refuse(why, arena_fmt(a, "non-positive hour/min%s", what));
    }
    return found == n || format_refuse(why, S("missing hour/min/sec"));
}

/* "Z" or "+01:00"; *minutes to add for UTC. */
static bool take_offset(struct arena *a, struct str text, int64_t *minutes, struct str *why)
{
    int64_t part[2] = { 0 };

    *minutes = 0;
    if (str_is(text, "z") || str_is(text, "Z"))
        return true;
    if (text.n != 6)
        return format_refuse(why, S("offset must be 6 characters long"));
    if (text.p[0] != '+' && text.p[0] != '-')
        return format_refuse(why, S("offset must begin with plus/minus"));
    if (text.p[3] != ':')
        return format_refuse(why, S("missing colon in offset in correct place"));
    if (!take_numbers(str_slice(text, 1, 6), part, 2, " in offset", why, a))
        return false;
    if (part[0] > 23 || part[1] > 59)
        return format_refuse(why, S("hour/min in offset out of range"));
    *minutes = (part[0] * 60 + part[1]) * (text.p[0] == '+' ? -1 : 1);
    return true;
}

/* A leap second ends the last minute of a day in UTC. */
static bool fits_leap_second(const int64_t clock[static 3], int64_t offset, struct str *why)
{
    int64_t minute = clock[0] * 60 + clock[1] + offset;

    if (minute < 0)
        minute += DAY_MINUTES;
    return clock[2] < 60 || minute == DAY_MINUTES - 1 || format_refuse(why, S("invalid leap second"));
}

bool format_time(struct arena *a, struct str text, struct str *why)
{
    int64_t clock[3] = { 0 }, offset = 0;

    if (text.n < 9)
        return format_refuse(why, S("less than 9 characters long"));
    if (text.p[2] != ':' || text.p[5] != ':')
        return format_refuse(why, S("missing colon in correct place"));
    if (!take_numbers(str_slice(text, 0, 8), clock, 3, "/sec", why, a))
        return false;
    if (clock[0] > 23 || clock[1] > 59 || clock[2] > 60)
        return format_refuse(why, S("hour/min/sec out of range"));
    str_cut(&text, 8);
    if (str_starts(text, S("."))) {
        size_t digits = count_digits(str_slice(text, 1, text.n));
        if (digits == 0)
            return format_refuse(why, S("no digits in second fraction"));
        str_cut(&text, 1 + digits);
    }
    return take_offset(a, text, &offset, why) && fits_leap_second(clock, offset, why);
}

bool format_date_time(struct arena *a, struct str text, struct str *why)
{
    struct str inner;

    if (text.n < 20)
        return format_refuse(why, S("less than 20 characters long"));
    if ((text.p[10] | 0x20) != 't')
        return format_refuse(why, S("11th character must be t or T"));
    if (!format_date(a, str_slice(text, 0, 10), &inner))
        return format_refuse(why, arena_fmt(a, "invalid date element: %.*s", STR(inner)));
    if (!format_time(a, str_slice(text, 11, text.n), &inner))
        return format_refuse(why, arena_fmt(a, "invalid time element: %.*s", STR(inner)));
    return true;
}

/* "1Y2M3D" or "4H5M6S": numbers with `units` in their order. */
static bool check_units(struct arena *a, struct str s, const char *all, struct str *why)
{
    for (const char *units = all; s.n > 0;) {
        size_t digits = count_digits(s);
        if (digits == 0)
            return format_refuse(why, S("missing number"));
        str_cut(&s, digits);
        if (s.n == 0)
            return format_refuse(why, S("missing unit"));
        char unit = str_cut(&s, 1).p[0];
        const char *found = unit != '\0' ? strchr(units, unit) : NULL;
        bool known = unit != '\0' && strchr(all, unit) != NULL;
        if (found == NULL)
            return format_refuse(why, arena_fmt(a, known ? "unit '%c' out of order" : "invalid unit '%c'", unit));
        units = found + 1;
    }
    return true;
}

bool format_duration(struct arena *a, struct str text, struct str *why)
{
    struct str part;

    if (!str_starts(text, S("P")))
        return format_refuse(why, S("must start with P"));
    str_cut(&text, 1);
    if (text.n == 0)
        return format_refuse(why, S("nothing after P"));
    if (str_ends(text, S("W"))) {
        text.n--;
        if (text.n == 0)
            return format_refuse(why, S("no number in week"));
        return count_digits(text) == text.n || format_refuse(why, S("invalid week"));
    }
    bool clock = str_split(&text, S("T"), &part);
    if (!check_units(a, part, "YMD", why))
        return false;
    if (!clock)
        return true;
    bool more = str_split(&text, S("T"), &part);
    if (part.n == 0)
        return format_refuse(why, S("no time elements"));
    if (!check_units(a, part, "HMS", why))
        return false;
    return !more || format_refuse(why, text.n == 0 ? S("no time elements") : S("more than one T"));
}

/* One side of a period. */
static bool check_side(struct arena *a, struct str text, const char *side, bool duration, struct str *why)
{
    struct str inner;

    if (duration ? format_duration(a, text, &inner) : format_date_time(a, text, &inner))
        return true;
    return format_refuse(why,
                         arena_fmt(a, "invalid %s %s: %.*s", side, duration ? "duration" : "date-time", STR(inner)));
}

bool format_period(struct arena *a, struct str text, struct str *why)
{
    struct str start;

    if (!str_split(&text, S("/"), &start))
        return format_refuse(why, S("missing slash"));
    bool duration_first = str_starts(start, S("P"));
    return check_side(a, start, "start", duration_first, why)
           && check_side(a, text, "end", !duration_first && str_starts(text, S("P")), why);
}
