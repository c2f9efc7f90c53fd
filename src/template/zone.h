/*
 * template/zone.h - what clocks show in a time zone: the TZif files of the system (RFC 9636), read without touching TZ.
 * Inside src/template only.
 */
#pragma once
#include "base/base.h"

/* The offset (seconds east of UTC) and the abbreviation at `sec` since the epoch in zone `name` ("Europe/Paris", "UTC",
 * "Local": $TZ or /etc/localtime). False when there is no such zone. */
bool zone_at(struct arena *a, struct str name, int64_t sec, int32_t *offset, struct str *abbreviation);
