/*
 * gitops/health.h - how well an object is, from the object alone, and an application from its resources
 * (6.3).
 */
#pragma once
#include "cluster/cluster.h"

enum health_status { /* best to worst; HEALTH_NONE: the kind has no health and counts nowhere */
                     HEALTH_NONE,
                     HEALTH_HEALTHY,
                     HEALTH_SUSPENDED,
                     HEALTH_PROGRESSING,
                     HEALTH_MISSING,
                     HEALTH_DEGRADED,
                     HEALTH_UNKNOWN,
};
struct health {
    enum health_status status;
    struct str message; /* may be empty */
};
const char *health_name(enum health_status s); /* "Healthy" ...; "" for none */
/* The built-in rules; the message lives in `a` or in the object. */
struct health health_of(struct arena *a, const struct value *object);
