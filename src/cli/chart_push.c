/* vitrine chart push: a package into a registry, under its name and version. */
#include <fcntl.h>

#include "base/sys.h"
#include "cli/chart.h"

#define USAGE "chart push PACKAGE oci://HOST/PATH [flags]"
#define PACKAGE_MAX ((size_t)100 << 20)

static bool push(struct arena *a, const char *package, const char *url, const struct chart_access *access,
                 struct err *e)
{
    CLEANUP(chart_source_close) struct chart_source *source = NULL;
    struct chart *c;
    struct str bytes;
    struct oci_reference r;
    struct oci_descriptor manifest;

    if (!str_starts(str_c(url), S("oci://")))
        return err_set(e, ERR_INVALID, "%s: charts are pushed to registries, oci://HOST/PATH", url);
    if (fs_is_dir(package))
        return err_set(e, ERR_INVALID, "%s is a folder; pack it first with 'vitrine chart package'", package);
    if (!chart_load(a, package, &c, e) || !fs_read(a, AT_FDCWD, package, PACKAGE_MAX, &bytes, e)
        || !chart_source_open(a, access, &source, e))
        return false;
    struct str path = str_c(url);
    while (str_ends(path, S("/")))
        path.n--;
    struct str name = arena_fmt(a, "%.*s/%.*s", STR(path), STR(chart_name(c)));
    chart_source_trust(source, name);
    if (!oci_chart_reference(a, name, oci_chart_tag(a, chart_version(c)), &r, e)
        || !oci_chart_push(a, chart_source_registry(source), &r, bytes, chart_metadata(c), &manifest, e))
        return false;
    printf("Pushed: %.*s\nDigest: %.*s\n", STR(oci_reference_str(a, &r)), STR(manifest.digest));
    return true;
}

int chart_push(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct chart_access access = { 0 };
    const struct cli_flag flags[] = { CHART_ACCESS_FLAGS(&access), { NULL } };
    struct cli_words words = { 0 };
    struct err e = { 0 };
    int status;

    if (!cli_start(argc, argv, USAGE, flags, &words, &status))
        return status;
    if (words.n != 2)
        return cli_usage("chart push", "give a package and a registry");
    return push(&a, words.v[0], words.v[1], &access, &e) ? CLI_OK : cli_fail(&e);
}
