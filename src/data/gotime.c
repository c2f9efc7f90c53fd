#include "data/gotime.h"
#include "data/gotime_layout.h"

#define NS_PER_S 1000000000
#define S_PER_DAY 86400

/* ---- the calendar --------------------------------------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* Days from the epoch to a date of the proleptic Gregorian calendar; years start in March, so that leap days end them.
 */
static int64_t days_of(int64_t year, int month, int day)
{
    year += floor_div(month - 1, 12);
    month = (int)((month - 1) - 12 * floor_div(month - 1, 12)) + 1;
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = floor_div(y, 400), of_era = y - era * 400;
    int64_t yday = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + yday - 719468;
}

int64_t gotime_seconds(int64_t year, int month, int day, int hour, int minute, int second)
{
    return days_of(year, month, day) * S_PER_DAY + (int64_t)hour * 3600 + (int64_t)minute * 60 + second;
}

struct gotime_fields gotime_fields(const struct gotime *t)
{
    int64_t local = t->sec + t->offset, days = floor_div(local, S_PER_DAY);
    int in_day = (int)(local - days * S_PER_DAY);
    int64_t z = days + 719468, era = floor_div(z, 146097), of_era = z - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t yday = of_era - (365 * y + y / 4 - y / 100), m = (5 * yday + 2) / 153;
    struct gotime_fields f = {
        .month = (int)(m < 10 ? m + 3 : m - 9),
        .day = (int)(yday - (153 * m + 2) / 5 + 1),
        .hour = in_day / 3600,
        .minute = in_day / 60 % 60,
        .second = in_day % 60,
        .weekday = (int)((days % 7 + 11) % 7),
    };

    f.year = (int)(y + era * 400 + (f.month <= 2));
    f.yday = (int)(days - days_of(f.year, 1, 1)) + 1;
    return f;
}

/* ---- formatting ----------------------------------------------------------------------------------- */

static void add_offset(struct buf *b, const struct layout_element *el, int offset)
{
    int left = offset < 0 ? -offset : offset;
    const char *colon = el->colon ? ":" : "";

    if (el->z && offset == 0) {
        buf_byte(b, 'Z');
        return;
    }
    /* The sign is of whole minutes, as Go has it: the minute decides for offsets below one. */
    buf_fmt(b, "%c%02d", offset / 60 < 0 ? '-' : '+', left / 3600);
    if (el->parts > 1)
        buf_fmt(b, "%s%02d", colon, left / 60 % 60);
    if (el->parts > 2)
        buf_fmt(b, "%s%02d", colon, left % 60);
}

static void add_zone_name(struct buf *b, const struct gotime *t)
{
    int minutes = (t->offset < 0 ? -t->offset : t->offset) / 60;

    if (t->zone.n > 0)
        buf_add(b, t->zone);
    else
        buf_fmt(b, "%c%02d%02d", t->offset / 60 < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

static void add_fraction(struct buf *b, const struct layout_element *el, int32_t ns)
{
    char digits[10];
    int n = el->digits < 9 ? el->digits : 9;

    for (int i = 8; i >= 0; i--, ns /= 10)
        digits[i] = (char)('0' + ns % 10);
    while (el->trim && n > 0 && digits[n - 1] == '0')
        n--;
    if (n == 0)
        return;
    buf_byte(b, el->text.p[0]);
    buf_add(b, (struct str){ digits, (size_t)n });
    if (!el->trim && el->digits > n)
        buf_fill(b, '0', (size_t)(el->digits - n));
}

static int hour12(int hour)
{
    return hour % 12 == 0 ? 12 : hour % 12;
}

static void add_element(struct buf *b, const struct layout_element *el, const struct gotime *t,
                        const struct gotime_fields *f)
{
    switch (el->kind) {
    case LAYOUT_END: break;
    case LAYOUT_MONTH_LONG: buf_c(b, layout_months[f->month - 1]); break;
    case LAYOUT_MONTH_SHORT: buf_fmt(b, "%.3s", layout_months[f->month - 1]); break;
    case LAYOUT_MONTH: buf_fmt(b, "%d", f->month); break;
    case LAYOUT_MONTH_ZERO: buf_fmt(b, "%02d", f->month); break;
    case LAYOUT_WEEKDAY_LONG: buf_c(b, layout_weekdays[f->weekday]); break;
    case LAYOUT_WEEKDAY_SHORT: buf_fmt(b, "%.3s", layout_weekdays[f->weekday]); break;
    case LAYOUT_DAY: buf_fmt(b, "%d", f->day); break;
    case LAYOUT_DAY_SPACE: buf_fmt(b, "%2d", f->day); break;
    case LAYOUT_DAY_ZERO: buf_fmt(b, "%02d", f->day); break;
    case LAYOUT_YDAY_SPACE: buf_fmt(b, "%3d", f->yday); break;
    case LAYOUT_YDAY_ZERO: buf_fmt(b, "%03d", f->yday); break;
    case LAYOUT_HOUR: buf_fmt(b, "%02d", f->hour); break;
    case LAYOUT_HOUR12: buf_fmt(b, "%d", hour12(f->hour)); break;
    case LAYOUT_HOUR12_ZERO: buf_fmt(b, "%02d", hour12(f->hour)); break;
    case LAYOUT_MINUTE: buf_fmt(b, "%d", f->minute); break;
    case LAYOUT_MINUTE_ZERO: buf_fmt(b, "%02d", f->minute); break;
    case LAYOUT_SECOND: buf_fmt(b, "%d", f->second); break;
    case LAYOUT_SECOND_ZERO: buf_fmt(b, "%02d", f->second); break;
    case LAYOUT_YEAR_LONG: buf_fmt(b, "%04d", f->year); break;
    case LAYOUT_YEAR: buf_fmt(b, "%02d", f->year % 100); break;
    case LAYOUT_PM: buf_c(b, f->hour >= 12 ? "PM" : "AM"); break;
    case LAYOUT_PM_LOWER: buf_c(b, f->hour >= 12 ? "pm" : "am"); break;
    case LAYOUT_ZONE_NAME: add_zone_name(b, t); break;
    case LAYOUT_OFFSET: add_offset(b, el, t->offset); break;
    case LAYOUT_FRACTION: add_fraction(b, el, t->ns); break;
    }
}

struct str gotime_format_time(struct arena *a, const struct gotime *t, struct str layout)
{
    struct gotime_fields f = gotime_fields(t);
    struct buf b = { .a = a };
    struct layout_element el;

    do {
        el = layout_next(&layout);
        buf_add(&b, el.prefix);
        add_element(&b, &el, t, &f);
    } while (el.kind != LAYOUT_END);
    return b.n == 0 ? S("") : buf_str(&b);
}

struct str gotime_format(struct arena *a, int64_t unix_ns, int offset_s, struct str zone, struct str layout)
{
    int64_t sec = floor_div(unix_ns, NS_PER_S);
    struct gotime t = { .sec = sec, .ns = (int32_t)(unix_ns - sec * NS_PER_S), .offset = offset_s, .zone = zone };

    return gotime_format_time(a, &t, layout);
}

/* ---- durations ------------------------------------------------------------------------------------ */

/* `n` units and a fraction of `digits` digits without trailing zeros. */
static void add_decimal(struct buf *b, uint64_t whole, uint64_t fraction, int digits)
{
    buf_fmt(b, "%llu", (unsigned long long)whole);
    while (digits > 0 && fraction % 10 == 0) {
        fraction /= 10;
        digits--;
    }
    if (digits > 0)
        buf_fmt(b, ".%0*llu", digits, (unsigned long long)fraction);
}

static void add_small_duration(struct buf *b, uint64_t n)
{
    if (n < 1000) {
        buf_fmt(b, "%lluns", (unsigned long long)n);
    } else if (n < 1000000) {
        add_decimal(b, n / 1000, n % 1000, 3);
        buf_c(b, "µs");
    } else {
        add_decimal(b, n / 1000000, n % 1000000, 6);
        buf_c(b, "ms");
    }
}

struct str go_duration_str(struct arena *a, int64_t ns)
{
    struct buf b = { .a = a };
    uint64_t n = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns, seconds = n / NS_PER_S;

    if (n == 0)
        return S("0s");
    if (ns < 0)
        buf_byte(&b, '-');
    if (seconds == 0) {
        add_small_duration(&b, n);
        return buf_str(&b);
    }
    if (seconds >= 3600)
        buf_fmt(&b, "%lluh", (unsigned long long)(seconds / 3600));
    if (seconds >= 60)
        buf_fmt(&b, "%llum", (unsigned long long)(seconds / 60 % 60));
    add_decimal(&b, seconds % 60, n % NS_PER_S, 9);
    buf_byte(&b, 's');
    return buf_str(&b);
}
