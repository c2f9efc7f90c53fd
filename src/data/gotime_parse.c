/*
 * time.Parse: layout elements eat the text from the front, the date is checked once it is whole.
 */
#include <strings.h>

#include "data/gotime.h"
#include "data/gotime_layout.h"

struct reading {
    struct str rest; /* of the text */
    int year, month, day, yday, hour, minute, second, ns;
    bool pm, am;
    bool has_offset, utc;
    int offset;
    struct str zone;
    const char *range; /* what was out of range, or NULL */
};

static bool is_digit(struct str s, size_t i)
{
    return i < s.n && s.p[i] >= '0' && s.p[i] <= '9';
}

static bool is_point(struct str s)
{
    return s.n > 0 && (s.p[0] == '.' || s.p[0] == ',');
}

/* Exactly `n` digits. */
static bool take_digits(struct str *s, size_t n, int *out)
{
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(*s, i))
            return false;
        *out = *out * 10 + (s->p[i] - '0');
    }
    str_cut(s, n);
    return true;
}

/* One or two digits; `fixed`: exactly two. */
static bool take_number(struct str *s, bool fixed, int *out)
{
    return take_digits(s, fixed || is_digit(*s, 1) ? 2 : 1, out);
}

static bool in_range(struct reading *r, int n, int low, int high, const char *what)
{
    if (n < low || n > high)
        r->range = what;
    return true;
}

/* The position of a name, whole or its first three letters, in any case. */
static bool take_name(struct str *s, const char *const *names, int count, bool is_short, int *out)
{
    for (int i = 0; i < count; i++) {
        size_t n = is_short ? 3 : strlen(names[i]);
        if (s->n < n || strncasecmp(s->p, names[i], n) != 0)
            continue;
        str_cut(s, n);
        *out = i;
        return true;
    }
    return false;
}

static bool take_year2(struct reading *r)
{
    if (!take_digits(&r->rest, 2, &r->year))
        return false;
    r->year += r->year >= 69 ? 1900 : 2000;
    return true;
}

static bool take_yday(struct reading *r, bool spaces)
{
    size_t digits = 0;

    for (int i = 0; spaces && i < 2 && r->rest.n > 0 && r->rest.p[0] == ' '; i++)
        str_cut(&r->rest, 1);
    while (digits < 3 && is_digit(r->rest, digits))
        digits++;
    if (digits == 0 || (!spaces && digits < 3)) /* blanks before a layout's element are taken with those before it */
        return false;
    return take_digits(&r->rest, digits, &r->yday) && in_range(r, r->yday, 1, 366, "day-of-year");
}

/* `n` bytes: a point and digits; those beyond nine are dropped. */
static bool take_fraction(struct reading *r, size_t n)
{
    int scale = 100000000;

    if (r->rest.n < n || !is_point(r->rest))
        return false;
    r->ns = 0;
    for (size_t i = 1; i < n; i++, scale /= 10) {
        if (!is_digit(r->rest, i))
            return false;
        r->ns += (r->rest.p[i] - '0') * scale;
    }
    str_cut(&r->rest, n);
    return true;
}

static size_t fraction_length(struct str s)
{
    size_t n = 1;

    while (is_digit(s, n))
        n++;
    return n;
}

/* A fraction may follow the seconds although the layout has none. */
static bool take_second(struct reading *r, bool fixed, struct str layout)
{
    if (!take_number(&r->rest, fixed, &r->second))
        return false;
    in_range(r, r->second, 0, 59, "second");
    if (!is_point(r->rest) || !is_digit(r->rest, 1) || layout_next(&layout).kind == LAYOUT_FRACTION)
        return true;
    return take_fraction(r, fraction_length(r->rest));
}

static bool take_half(struct reading *r, const char *pm, const char *am)
{
    if (r->rest.n < 2)
        return false;
    struct str half = str_cut(&r->rest, 2);
    r->pm = str_is(half, pm);
    r->am = str_is(half, am);
    return r->pm || r->am;
}

/* The length of an offset: its sign, and two digits of each part with the colons between them. */
static size_t offset_length(const struct layout_element *el)
{
    return 1 + 2 * (size_t)el->parts + (el->colon ? (size_t)el->parts - 1 : 0);
}

static bool take_offset(struct reading *r, const struct layout_element *el)
{
    int hours = 0, minutes = 0, seconds = 0;
    struct str *s = &r->rest;

    r->has_offset = true;
    r->zone = (struct str){ 0 };
    r->offset = 0;
    if (el->z && s->n > 0 && s->p[0] == 'Z') {
        str_cut(s, 1);
        r->utc = true;
        return true;
    }
    if (s->n < offset_length(el))
        return false;
    char sign = *str_cut(s, 1).p;
    int *const parts[] = { &hours, &minutes, &seconds };
    bool ok = true;
    for (int i = 0; i < el->parts && ok; i++)
        ok = (i == 0 || !el->colon || *str_cut(s, 1).p == ':') && take_digits(s, 2, parts[i]);
    in_range(r, hours, 0, 24, "time zone offset hour");
    in_range(r, minutes, 0, 60, "time zone offset minute");
    in_range(r, seconds, 0, 60, "time zone offset second");
    r->offset = (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds);
    return ok && (sign == '+' || sign == '-');
}

/* "+3", "-11": the hours of a zone without letters; its length, or 0. */
static size_t signed_hours(struct str s)
{
    size_t n = 1;
    int hours = 0;

    while (is_digit(s, n) && hours < 100)
        hours = hours * 10 + (s.p[n++] - '0');
    return n > 1 && hours < 24 ? n : 0;
}

/* The length of a time zone abbreviation at the front, or 0. */
static size_t zone_length(struct str s)
{
    size_t n = 0;

    if (s.n < 3)
        return 0;
    if (str_starts(s, S("ChST")) || str_starts(s, S("MeST")))
        return 4;
    if (str_starts(s, S("GMT"))) {
        bool sign = s.n > 3 && (s.p[3] == '+' || s.p[3] == '-');
        return 3 + (sign ? signed_hours(str_slice(s, 3, s.n)) : 0);
    }
    if (s.p[0] == '+' || s.p[0] == '-')
        return signed_hours(s);
    while (n < 6 && n < s.n && s.p[n] >= 'A' && s.p[n] <= 'Z')
        n++;
    if (n == 3)
        return 3;
    bool ends_in_t = n >= 4 && s.p[n - 1] == 'T';
    return (n == 5 && ends_in_t) || (n == 4 && (ends_in_t || str_starts(s, S("WITA")))) ? n : 0;
}

static bool take_zone_name(struct reading *r)
{
    if (str_starts(r->rest, S("UTC"))) {
        r->utc = true;
        str_cut(&r->rest, 3);
        return true;
    }
    size_t n = zone_length(r->rest);
    if (n == 0)
        return false;
    r->zone = str_cut(&r->rest, n);
    return true;
}

/* "GMT+3" shows its offset - the clock is taken for UTC all the same, as Go does; other names show none. */
static int offset_of_name(struct str zone)
{
    int64_t hours = 0;

    if (zone.n > 3 && str_starts(zone, S("GMT")) && str_to_int(str_slice(zone, 3, zone.n), &hours))
        return (int)hours * 3600;
    return 0;
}

static bool take_date(struct reading *r, const struct layout_element *el, bool *ok)
{
    int ignored = 0, month = 0;

    switch ((int)el->kind) {
    case LAYOUT_YEAR: *ok = take_year2(r); break;
    case LAYOUT_YEAR_LONG: *ok = take_digits(&r->rest, 4, &r->year); break;
    case LAYOUT_MONTH_SHORT:
    case LAYOUT_MONTH_LONG:
        *ok = take_name(&r->rest, layout_months, 12, el->kind == LAYOUT_MONTH_SHORT, &month);
        r->month = month + 1;
        break;
    case LAYOUT_MONTH:
    case LAYOUT_MONTH_ZERO:
        *ok = take_number(&r->rest, el->kind == LAYOUT_MONTH_ZERO, &r->month) && in_range(r, r->month, 1, 12, "month");
        break;
    case LAYOUT_WEEKDAY_SHORT:
    case LAYOUT_WEEKDAY_LONG:
        *ok = take_name(&r->rest, layout_weekdays, 7, el->kind == LAYOUT_WEEKDAY_SHORT, &ignored);
        break;
    case LAYOUT_DAY_SPACE:
        if (r->rest.n > 0 && r->rest.p[0] == ' ')
            str_cut(&r->rest, 1);
        *ok = take_number(&r->rest, false, &r->day);
        break;
    case LAYOUT_DAY:
    case LAYOUT_DAY_ZERO: *ok = take_number(&r->rest, el->kind == LAYOUT_DAY_ZERO, &r->day); break;
    case LAYOUT_YDAY_SPACE:
    case LAYOUT_YDAY_ZERO: *ok = take_yday(r, el->kind == LAYOUT_YDAY_SPACE); break;
    default: return false;
    }
    return true;
}

static bool take_clock(struct reading *r, const struct layout_element *el, struct str layout)
{
    switch ((int)el->kind) {
    case LAYOUT_HOUR: return take_number(&r->rest, false, &r->hour) && in_range(r, r->hour, 0, 23, "hour");
    case LAYOUT_HOUR12:
    case LAYOUT_HOUR12_ZERO:
        return take_number(&r->rest, el->kind == LAYOUT_HOUR12_ZERO, &r->hour) && in_range(r, r->hour, 0, 12, "hour");
    case LAYOUT_MINUTE:
    case LAYOUT_MINUTE_ZERO:
        return take_number(&r->rest, el->kind == LAYOUT_MINUTE_ZERO, &r->minute)
               && in_range(r, r->minute, 0, 59, "minute");
    case LAYOUT_SECOND:
    case LAYOUT_SECOND_ZERO: return take_second(r, el->kind == LAYOUT_SECOND_ZERO, layout);
    case LAYOUT_PM: return take_half(r, "PM", "AM");
    case LAYOUT_PM_LOWER: return take_half(r, "pm", "am");
    case LAYOUT_OFFSET: return take_offset(r, el);
    case LAYOUT_ZONE_NAME: return take_zone_name(r);
    case LAYOUT_FRACTION:
        if (!el->trim)
            return take_fraction(r, 1 + (size_t)el->digits);
        return !is_point(r->rest) || !is_digit(r->rest, 1) || take_fraction(r, fraction_length(r->rest));
    default: return false;
    }
}

/* The layout's text between elements: blanks stand for any number of blanks. */
static bool skip_prefix(struct str *text, struct str prefix)
{
    while (prefix.n > 0) {
        if (prefix.p[0] == ' ') {
            if (text->n > 0 && text->p[0] != ' ')
                return false;
            while (prefix.n > 0 && prefix.p[0] == ' ')
                str_cut(&prefix, 1);
            while (text->n > 0 && text->p[0] == ' ')
                str_cut(text, 1);
            continue;
        }
        if (text->n == 0 || text->p[0] != prefix.p[0])
            return false;
        str_cut(text, 1);
        str_cut(&prefix, 1);
    }
    return true;
}

/* ---- errors --------------------------------------------------------------------------------------- */

/* Package time's own way of quoting: bytes beyond ASCII as \x... */
static struct str quote(struct arena *a, struct str s)
{
    struct buf b = { .a = a };

    buf_byte(&b, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x80 || c < ' ')
            buf_fmt(&b, "\\x%02x", c);
        else
            buf_fmt(&b, c == '"' || c == '\\' ? "\\%c" : "%c", c);
    }
    buf_byte(&b, '"');
    return buf_str(&b);
}

static bool fail_element(struct str text, struct str layout, struct str rest, struct str element, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };

    return err_set(e, ERR_INVALID, "parsing time %.*s as %.*s: cannot parse %.*s as %.*s", STR(quote(&a, text)),
                   STR(quote(&a, layout)), STR(quote(&a, rest)), STR(quote(&a, element)));
}

static bool fail_range(struct str text, const char *what, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };

    return err_set(e, ERR_INVALID, "parsing time %.*s: %s out of range", STR(quote(&a, text)), what);
}

static bool fail_extra(struct str text, struct str rest, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };

    return err_set(e, ERR_INVALID, "parsing time %.*s: extra text: %.*s", STR(quote(&a, text)), STR(quote(&a, rest)));
}

/* ---- the whole ------------------------------------------------------------------------------------ */

static bool read_elements(struct reading *r, struct str all, struct str text, struct err *e)
{
    struct str layout = all;

    for (;;) {
        struct layout_element el = layout_next(&layout);
        if (!skip_prefix(&r->rest, el.prefix))
            return fail_element(text, all, r->rest, el.prefix, e);
        if (el.kind == LAYOUT_END)
            return r->rest.n == 0 || fail_extra(text, r->rest, e);
        struct str held = r->rest;
        bool ok = false;
        if (!take_date(r, &el, &ok))
            ok = take_clock(r, &el, layout);
        if (r->range != NULL)
            return fail_range(text, r->range, e);
        if (!ok)
            return fail_element(text, all, held, el.text, e);
    }
}

/* A day of the year gives month and day; both have to exist. */
static bool check_date(struct reading *r, struct str text, struct err *e)
{
    int day = r->yday, month = 1;

    if (r->yday > 0) {
        while (month <= 12 && day > layout_days_in(r->year, month))
            day -= layout_days_in(r->year, month++);
        if (month > 12)
            return fail_range(text, "day-of-year", e);
        if ((r->month > 0 && r->month != month) || (r->day >= 0 && r->day != day))
            return fail_range(text, "day-of-year does not match", e);
        r->month = month;
        r->day = day;
    }
    r->month = r->month > 0 ? r->month : 1;
    r->day = r->day >= 0 ? r->day : 1;
    if (r->day < 1 || r->day > layout_days_in(r->year, r->month))
        return fail_range(text, "day", e);
    return true;
}

bool gotime_parse_time(struct str layout, struct str text, struct gotime *out, struct err *e)
{
    struct reading r = { .rest = text, .day = -1 };

    if (!read_elements(&r, layout, text, e) || !check_date(&r, text, e))
        return false;
    if (r.pm && r.hour < 12)
        r.hour += 12;
    else if (r.am && r.hour == 12)
        r.hour = 0;
    int offset = r.has_offset ? r.offset : offset_of_name(r.zone);
    bool is_utc = r.utc || (!r.has_offset && r.zone.n == 0);
    *out = (struct gotime){
        .sec = gotime_seconds(r.year, r.month, r.day, r.hour, r.minute, r.second)
               - (r.has_offset && !r.utc ? r.offset : 0),
        .ns = r.ns,
        .offset = r.utc ? 0 : offset,
        .zone = is_utc || (r.has_offset && offset == 0 && r.zone.n == 0) ? S("UTC") : r.zone,
    };
    return true;
}

bool gotime_parse(struct str layout, struct str text, int64_t *out_ns, int *out_offset_s, struct err *e)
{
    struct gotime t;
    int64_t ns = 0;

    if (!gotime_parse_time(layout, text, &t, e))
        return false;
    if (__builtin_mul_overflow(t.sec, (int64_t)1000000000, &ns) || __builtin_add_overflow(ns, t.ns, &ns))
        return fail_range(text, "year", e);
    *out_ns = ns;
    *out_offset_s = t.offset;
    return true;
}
