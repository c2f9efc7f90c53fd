/* chart/schema_format.h - the checks of schema_format.c that have files of their own. Inside src/chart only. */
#pragma once
#include "chart/schema.h"

/* Whether `text` has the format; else *why, in the words of the library that Helm uses. */
typedef bool format_check(struct arena *a, struct str text, struct str *why);

format_check format_ipv6, format_date, format_time, format_date_time, format_duration, format_period, format_semver;

/* Set *why; false. */
bool format_refuse(struct str *why, struct str text);
