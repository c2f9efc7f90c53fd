/* vitrine chart package: NAME-VERSION.tgz as `helm package` makes it. */
#include "chart/chart.h"
#include "cli/chart.h"

#define USAGE_PACKAGE "chart package CHART [-d FOLDER]"

int chart_package_command(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const char *destination = ".", *path;
    const struct cli_flag flags[] = {
        { "destination", 'd', NULL, &destination, NULL, "folder to write the package to" },
        { NULL },
    };
    struct cli_words words = { 0 };
    struct err e = { 0 };
    int status;

    if (!cli_start(argc, argv, USAGE_PACKAGE, flags, &words, &status))
        return status;
    if (words.n != 1)
        return cli_usage("chart", "give one chart folder");
    if (!chart_package(&a, words.v[0], destination, &path, &e))
        return cli_fail(&e);
    printf("Successfully packaged chart and saved it to: %s\n", path);
    return CLI_OK;
}
