/*
 * gitops/source.h - an Application's source (git revision, chart or folder, parameters) becomes manifests.
 */
#pragma once
#include "chart/cache.h"
#include "gitops/application.h"

struct source_options {
    const char *cache_dir; /* mirrors, check-outs and rendered manifests live below it */
    const struct config *config;
    struct str kube_version;    /* of the destination: "v1.33.0" */
    struct chart_cache *charts; /* parsed charts of earlier renderings; NULL: every one is parsed */
};
struct source_manifests {
    struct str revision;  /* 40 hex digits */
    struct str type;      /* "Helm" or "Directory" */
    struct value objects; /* list of documents; hooks among them */
    struct str *warnings;
    size_t n_warnings;
    bool cached;
    int64_t fetch_ms, render_ms;
};

/* Does the source follow the pull request that the Application was generated for: its repository, at its branch?
 * Otherwise only the parameters tell of the commit. */
bool source_follows_pull(const struct value *app);
/* The commit to deploy. A generated Application whose targetRevision is the pull request's branch (or sha) takes the
 * head sha of the event, so that chart, tag and status tell of one commit; anything else is resolved at the remote. */
MUST_CHECK bool source_revision(struct arena *a, const struct source_options *o, const struct value *app,
                                struct str asked, struct str *out, struct err *e);
/* Manifests of the application at `revision`, from the cache when tree and parameters are known (hard: render anew).
 * errors: the chart's or git's own words. */
MUST_CHECK bool source_generate(struct arena *a, const struct source_options *o, const struct value *app,
                                struct str revision, bool hard, struct source_manifests *out, struct err *e);
/* Drop what has not been used for long: keeps `keep` rendered results. */
void source_cache_trim(const char *cache_dir, size_t keep);
