/* vitrine chart package: NAME-VERSION.tgz as `helm package` makes it. */
#include "chart/chart.h"

#include "base/sys.h"
#include "cli/chart.h"

#define USAGE "chart package CHART... [flags]"

struct package_call {
    struct chart_access access;
    const char *version, *app_version, *destination;
    bool update;
};

static bool package_one(struct arena *a, const struct package_call *call, const char *chart, struct err *e)
{
    const struct chart_package_as as = { str_c(call->version), str_c(call->app_version) };
    const char *path;
    struct value resolved;

    if (call->update && !chart_fetch_dependencies(a, chart, true, &call->access, &resolved, e))
        return false;
    if (!chart_package_with(a, chart, call->destination, &as, &path, e))
        return false;
    printf("Successfully packaged chart and saved it to: %s\n", path);
    return true;
}

int chart_package_command(int argc, char **argv)
{
    struct package_call call = { .destination = "." };
    const struct cli_flag flags[] = {
        { "version", 0, NULL, &call.version, NULL, "the package's version instead of Chart.yaml's" },
        { "app-version", 0, NULL, &call.app_version, NULL, "its appVersion instead of Chart.yaml's" },
        { "destination", 'd', NULL, &call.destination, NULL, "folder to write to" },
        { "dependency-update", 'u', &call.update, NULL, NULL, "fetch what Chart.yaml depends on first" },
        CHART_ACCESS_FLAGS(&call.access),
        { NULL },
    };
    CLEANUP(arena_close) struct arena password = { 0 };
    struct cli_words words = { 0 };
    struct err e = { 0 };
    int status;

    if (!cli_start(argc, argv, USAGE, flags, &words, &status))
        return status;
    if (words.n == 0)
        return cli_usage("chart package", "give at least one chart folder");
    if (call.update && !chart_read_password(&password, &call.access, &e)) /* once, for all charts */
        return cli_fail(&e);
    for (size_t i = 0; i < words.n; i++) {
        CLEANUP(arena_close) struct arena a = { 0 };
        if (!package_one(&a, &call, words.v[i], &e))
            return cli_fail(&e);
    }
    return CLI_OK;
}
