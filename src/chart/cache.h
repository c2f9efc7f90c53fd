/*
 * chart/cache.h - parsed charts, kept by what their files say and shared by threads.
 *
 * The files are read each time; a chart with the very same files is not parsed again, nor are its templates. Links to
 * libcrypto.
 */
#pragma once
#include "chart/chart.h"

struct chart_cache;
/* bytes_max, charts_max: how much is kept of what nobody uses at the moment; those not used for longest go first, and a
 * chart that takes more than half of the bytes by itself goes at once. */
MUST_CHECK bool chart_cache_open(size_t bytes_max, size_t charts_max, struct chart_cache **out, struct err *e);
/* No chart may be in use. NULL is fine. */
void chart_cache_close(struct chart_cache *k);

struct chart_use { /* of one chart, by one thread at a time; the chart may be handed to any number of them */
    const struct chart *chart;
    struct chart_cache *cache;
    struct cached_chart *entry;
};
/* As chart_load_within, into `a`, but the chart may lie in the cache, as may the bytes that a render of it makes (of
 * CRDs above all): they are there until chart_use_end. Without a cache (NULL) the chart is loaded. */
MUST_CHECK bool chart_cache_load(struct chart_cache *k, struct arena *a, const char *path, const char *links_within,
                                 struct chart_use *out, struct err *e);
/* For CLEANUP(chart_use_end); one that is zeroed is fine. Leaves it zeroed. */
void chart_use_end(struct chart_use *use);

struct chart_cache_counters {
    int64_t hits, misses;  /* of chart_cache_load, so far; a chart that is wrong is a miss */
    int64_t charts, bytes; /* there now, those in use among them */
};
/* All zero for NULL. */
struct chart_cache_counters chart_cache_counters(struct chart_cache *k);
