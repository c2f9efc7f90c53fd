/*
 * data/gotime.h - times and durations as Go's package time formats and parses them.
 *
 * A layout shows how the reference time, Mon Jan 2 15:04:05 MST 2006, would look: "2006-01-02T15:04:05Z07:00".
 */
#pragma once
#include "base/base.h"

struct gotime {      /* any time of the years 1 to 9999 */
    int64_t sec;     /* since 1970-01-01T00:00:00Z */
    int32_t ns;      /* 0 to 999999999 */
    int32_t offset;  /* seconds east of UTC that the clock shows */
    struct str zone; /* its abbreviation; empty: formats print the offset instead */
};
#define GOTIME_SECOND INT64_C(1000000000) /* in nanoseconds */
#define GOTIME_ZERO_SEC (-62135596800)    /* 0001-01-01T00:00:00Z, Go's zero time */

#define GOTIME_RFC3339 "2006-01-02T15:04:05Z07:00"
#define GOTIME_RFC3339_NANO "2006-01-02T15:04:05.999999999Z07:00"
#define GOTIME_STRING "2006-01-02 15:04:05.999999999 -0700 MST" /* Time.String and %v */

/* Fields on the clock face of the time's own offset. */
struct gotime_fields {
    int year, month, day, hour, minute, second;
    int weekday; /* 0: Sunday */
    int yday;    /* 1 to 366 */
};
struct gotime_fields gotime_fields(const struct gotime *t);
/* Seconds since the epoch of a date in UTC; months and days beyond their range carry over. */
int64_t gotime_seconds(int64_t year, int month, int day, int hour, int minute, int second);

/* Time.Format. */
struct str gotime_format_time(struct arena *a, const struct gotime *t, struct str layout);
/*
 * time.Parse: a text without a zone is UTC. `out->zone` lives in `text`.
 * errors: ERR_INVALID in Go's words: parsing time "x" as "2006": cannot parse "x" as "2006".
 */
MUST_CHECK bool gotime_parse_time(struct str layout, struct str text, struct gotime *out, struct err *e);

/* The same on nanoseconds since the epoch (years 1678 to 2262; Go's UnixNano). */
struct str gotime_format(struct arena *a, int64_t unix_ns, int offset_s, struct str zone, struct str layout);
MUST_CHECK bool gotime_parse(struct str layout, struct str text, int64_t *out_ns, int *out_offset_s, struct err *e);

/* Duration.String: "1h2m3.5s", "1.5µs", "0s". */
struct str go_duration_str(struct arena *a, int64_t ns);
