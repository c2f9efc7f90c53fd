/*
 * chart/shared.h - what the renders of one kept chart make only once: the syntax trees of its templates. Inside
 * src/chart only.
 *
 * A file is parsed when the first render needs it, so that subcharts which are never enabled cost nothing and may be
 * wrong. What was parsed lies in the chart's own arena and is never changed again; the lock is held only while it is
 * looked up or made.
 */
#pragma once
#include <pthread.h>

#include "chart/internal.h"

#define CHART_SHARED_MAX ((size_t)128 << 20) /* memory of a kept chart beyond which renders parse for themselves */

struct chart_shared {
    pthread_mutex_t lock;
    struct arena *a;      /* the chart's own; who allocates in it holds the lock */
    struct map templates; /* "demo/templates/x.yaml" -> VALUE_OPAQUE kept_template */
};

/* Make it empty, for a chart that lies in `a`. */
void shared_init(struct chart_shared *s, struct arena *a);
void shared_destroy(struct chart_shared *s);
/* The memory of the chart with what is shared. */
size_t shared_bytes(struct chart_shared *s);
/* The definitions of a template file, parsed now or before; `set` has the functions. NULL: it cannot be parsed, or
 * there is no room left, and the render parses it into its own set as if nothing were kept. */
const struct template_definitions *shared_template(struct chart_shared *s, const struct template_set *set,
                                                   struct str name, struct str text);
