/*
 * cli/locate.h - a chart that does not lie here: the small program has the full one fetch it.
 */
#pragma once
#include "cli/chart_access.h"

struct chart_remote {
    struct chart_access access;
    const char *repository; /* URL of the repository that has it; NULL: the chart's name says where */
    const char *version;    /* a version, or a constraint; NULL: the newest */
    bool devel;             /* pre-releases too */
};
#define CHART_REMOTE_FLAGS(r)                                                                                          \
    CHART_ACCESS_FLAGS(&(r)->access), { "repo", 0, NULL, &(r)->repository, NULL, "URL of the chart's repository" },    \
        { "version", 0, NULL, &(r)->version, NULL, "the chart's version, or a constraint; else the newest" },          \
    {                                                                                                                  \
        "devel", 0, &(r)->devel, NULL, NULL, "pre-releases of the chart too"                                           \
    }

/* Whether the chart is to be fetched: there is no such path, and its name or --repo leads elsewhere. */
bool cli_is_elsewhere(const char *chart, const struct chart_remote *r);
/* Fetch it into a private folder, *dir, which the caller removes; *path is the package. errors: the other program's. */
MUST_CHECK bool cli_fetch_chart(struct arena *a, const char *chart, const struct chart_remote *r, const char **dir,
                                const char **path, struct err *e);
/* Run the full program's `dependency update` with the same access. */
MUST_CHECK bool cli_update_dependencies(struct arena *a, const char *chart, const struct chart_access *access,
                                        struct err *e);
