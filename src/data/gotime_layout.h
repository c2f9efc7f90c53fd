/*
 * data/gotime_layout.h - the elements of a Go time layout, for the formatter and the parser. Inside src/data only.
 */
#pragma once
#include "base/base.h"

enum layout_kind {
    LAYOUT_END, /* no element left: `prefix` is all of it */
    LAYOUT_MONTH_LONG,
    LAYOUT_MONTH_SHORT,
    LAYOUT_MONTH,
    LAYOUT_MONTH_ZERO,
    LAYOUT_WEEKDAY_LONG,
    LAYOUT_WEEKDAY_SHORT,
    LAYOUT_DAY,
    LAYOUT_DAY_SPACE,
    LAYOUT_DAY_ZERO,
    LAYOUT_YDAY_SPACE,
    LAYOUT_YDAY_ZERO,
    LAYOUT_HOUR,
    LAYOUT_HOUR12,
    LAYOUT_HOUR12_ZERO,
    LAYOUT_MINUTE,
    LAYOUT_MINUTE_ZERO,
    LAYOUT_SECOND,
    LAYOUT_SECOND_ZERO,
    LAYOUT_YEAR_LONG,
    LAYOUT_YEAR,
    LAYOUT_PM,
    LAYOUT_PM_LOWER,
    LAYOUT_ZONE_NAME,
    LAYOUT_OFFSET,   /* `z`: "Z" stands for UTC; `colon`, `parts` */
    LAYOUT_FRACTION, /* `digits`; `trim`: trailing zeros are left out */
};

struct layout_element {
    enum layout_kind kind;
    struct str prefix; /* text before the element */
    struct str text;   /* the element itself */
    bool z, colon, trim;
    int parts; /* of an offset: 1 hours, 2 and minutes, 3 and seconds */
    int digits;
};

/* Cut the next element and the text before it off `*layout`. */
struct layout_element layout_next(struct str *layout);

extern const char *const layout_months[12], *const layout_weekdays[7];
/* Days of a month (1 to 12). */
int layout_days_in(int64_t year, int month);
