#include "data/gotime_layout.h"

const char *const layout_months[12] = { "January", "February", "March",     "April",   "May",      "June",
                                        "July",    "August",   "September", "October", "November", "December" };
const char *const layout_weekdays[7] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };

/* Longer spellings stand before their prefixes. */
static const struct {
    const char *text;
    enum layout_kind kind;
    bool z, colon;
    int parts;
} elements[] = {
    { "January", LAYOUT_MONTH_LONG, 0, 0, 0 },
    { "Monday", LAYOUT_WEEKDAY_LONG, 0, 0, 0 },
    { "MST", LAYOUT_ZONE_NAME, 0, 0, 0 },
    { "002", LAYOUT_YDAY_ZERO, 0, 0, 0 },
    { "01", LAYOUT_MONTH_ZERO, 0, 0, 0 },
    { "02", LAYOUT_DAY_ZERO, 0, 0, 0 },
    { "03", LAYOUT_HOUR12_ZERO, 0, 0, 0 },
    { "04", LAYOUT_MINUTE_ZERO, 0, 0, 0 },
    { "05", LAYOUT_SECOND_ZERO, 0, 0, 0 },
    { "06", LAYOUT_YEAR, 0, 0, 0 },
    { "15", LAYOUT_HOUR, 0, 0, 0 },
    { "1", LAYOUT_MONTH, 0, 0, 0 },
    { "2006", LAYOUT_YEAR_LONG, 0, 0, 0 },
    { "2", LAYOUT_DAY, 0, 0, 0 },
    { "__2", LAYOUT_YDAY_SPACE, 0, 0, 0 },
    { "_2", LAYOUT_DAY_SPACE, 0, 0, 0 },
    { "3", LAYOUT_HOUR12, 0, 0, 0 },
    { "4", LAYOUT_MINUTE, 0, 0, 0 },
    { "5", LAYOUT_SECOND, 0, 0, 0 },
    { "PM", LAYOUT_PM, 0, 0, 0 },
    { "pm", LAYOUT_PM_LOWER, 0, 0, 0 },
    { "-070000", LAYOUT_OFFSET, 0, 0, 3 },
    { "-07:00:00", LAYOUT_OFFSET, 0, 1, 3 },
    { "-0700", LAYOUT_OFFSET, 0, 0, 2 },
    { "-07:00", LAYOUT_OFFSET, 0, 1, 2 },
    { "-07", LAYOUT_OFFSET, 0, 0, 1 },
    { "Z070000", LAYOUT_OFFSET, 1, 0, 3 },
    { "Z07:00:00", LAYOUT_OFFSET, 1, 1, 3 },
    { "Z0700", LAYOUT_OFFSET, 1, 0, 2 },
    { "Z07:00", LAYOUT_OFFSET, 1, 1, 2 },
    { "Z07", LAYOUT_OFFSET, 1, 0, 1 },
};

static bool is_lower(struct str s, size_t i)
{
    return i < s.n && s.p[i] >= 'a' && s.p[i] <= 'z';
}

/* "Jan" and "Mon" count only where the word ends: "Janet" and "Month" are plain text. */
static bool match_short_name(struct str rest, struct layout_element *out)
{
    bool jan = str_starts(rest, S("Jan")), mon = str_starts(rest, S("Mon"));

    if ((!jan && !mon) || is_lower(rest, 3))
        return false;
    out->kind = jan ? LAYOUT_MONTH_SHORT : LAYOUT_WEEKDAY_SHORT;
    out->text = str_slice(rest, 0, 3);
    return true;
}

/* ".000", ",000", ".999", ",999": equal digits up to the next byte that is none. */
static bool match_fraction(struct str rest, struct layout_element *out)
{
    size_t n = 1;

    if (rest.n < 2 || (rest.p[0] != '.' && rest.p[0] != ',') || (rest.p[1] != '0' && rest.p[1] != '9'))
        return false;
    while (n < rest.n && rest.p[n] == rest.p[1])
        n++;
    if (n < rest.n && rest.p[n] >= '0' && rest.p[n] <= '9')
        return false;
    out->kind = LAYOUT_FRACTION;
    out->trim = rest.p[1] == '9';
    out->digits = (int)(n - 1 < 1000 ? n - 1 : 1000);
    out->text = str_slice(rest, 0, n);
    return true;
}

static bool match_element(struct str rest, struct layout_element *out)
{
    for (size_t i = 0; i < COUNT(elements); i++) {
        struct str text = str_c(elements[i].text);
        if (!str_starts(rest, text))
            continue;
        out->kind = elements[i].kind;
        out->z = elements[i].z;
        out->colon = elements[i].colon;
        out->parts = elements[i].parts;
        out->text = str_slice(rest, 0, text.n);
        return true;
    }
    return match_short_name(rest, out) || match_fraction(rest, out);
}

struct layout_element layout_next(struct str *layout)
{
    struct layout_element out = { 0 };
    struct str all = *layout;

    for (size_t i = 0; i < all.n; i++) {
        struct str rest = str_slice(all, i, all.n);
        if (rest.p[0] == '_' && str_starts(rest, S("_2006"))) /* an underscore before a year, no padded day */
            continue;
        if (!match_element(rest, &out))
            continue;
        out.prefix = str_slice(all, 0, i);
        *layout = str_slice(all, i + out.text.n, all.n);
        return out;
    }
    out.prefix = all;
    *layout = (struct str){ all.p + all.n, 0 };
    return out;
}

int layout_days_in(int64_t year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}
