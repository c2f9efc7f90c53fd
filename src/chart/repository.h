/*
 * chart/repository.h - where dependencies come from and what a lock says about them. Inside src/chart only.
 *
 * Kept apart from internal.h: these files need libcrypto, zlib and URLs, which rendering does not.
 */
#pragma once
#include "chart/internal.h"
#include "data/semver.h"

/* 64 lower-case digits. */
struct str sha256_hex(struct arena *a, struct str bytes);

/* "sha256:..." over what Chart.yaml wants and what was locked: the digest of a Chart.lock. */
struct str lock_digest(struct arena *a, const struct chart_dependencies *wanted,
                       const struct chart_dependencies *locked);
/* The same over the wanted ones alone, as Helm 2 wrote it to requirements.lock. */
struct str lock_digest_v2(struct arena *a, const struct chart_dependencies *wanted);
/* The text of Chart.lock; `generated` is now. */
struct str lock_text(struct arena *a, const struct chart_dependencies *locked, struct str digest);

/* One version of a chart as index.yaml lists it. */
struct repository_entry {
    struct str version;
    struct str url;    /* absolute */
    struct str digest; /* hex, or empty */
};
/* The entries of one chart in an index, newest first; those without a URL or a proper version are left out. */
struct repository_entries {
    struct repository_entry *v;
    size_t n;
};
/*
 * text: index.yaml (or its JSON); base: the repository's URL, which relative URLs are resolved against.
 * errors: ERR_INVALID for a text that is no index, ERR_NOT_FOUND when it does not list the chart.
 */
MUST_CHECK bool repository_find(struct arena *a, struct str text, struct str base, struct str chart,
                                struct repository_entries *out, struct err *e);
/* The newest entry that satisfies the constraint; NULL when none does. */
const struct repository_entry *repository_pick(const struct repository_entries *entries,
                                               const struct semver_constraint *wanted);

/* The bytes of NAME-VERSION.tgz of a loaded chart. */
MUST_CHECK bool package_bytes(struct arena *a, const struct chart *c, struct str *out, struct err *e);
/* Chart.yaml as Helm writes it: known fields that are not empty, sorted. */
struct value metadata_written(struct arena *a, const struct chart *c);
