/*
 * cli/download_cache.h - what was fetched before: packages by digest, indexes by URL.
 *
 *     $XDG_CACHE_HOME/vitrine/charts (or ~/.cache/vitrine/charts)
 *         blobs/SHA256        bytes, verified whenever they are used; a damaged one is removed
 *         index/SHA256.json   of a repository's URL: its ETag, its time, the digest of its index.yaml
 *
 * Files appear whole (written beside, renamed). At most DOWNLOAD_CACHE_MAX bytes of blobs stay; the longest unused go.
 * A cache that cannot be written is no error: everything works without it.
 */
#pragma once
#include "data/value.h"

#define DOWNLOAD_CACHE_MAX ((int64_t)1 << 30)

struct download_cache {
    const char *dir; /* NULL: there is no place for it */
};

struct download_cache download_cache_open(struct arena *a);

/* Bytes of that SHA-256 (64 hex digits). */
bool download_cache_get(struct arena *a, const struct download_cache *c, struct str digest, struct str *out);
void download_cache_put(struct arena *a, const struct download_cache *c, struct str bytes);

struct cached_index {
    struct str text;
    struct str etag, last_modified; /* as the server said; empty: it did not */
    int64_t fetched_ms;             /* wall clock: when the server last said that this is it */
};
bool download_cache_index(struct arena *a, const struct download_cache *c, struct str url, struct cached_index *out);
void download_cache_put_index(struct arena *a, const struct download_cache *c, struct str url,
                              const struct cached_index *index);
