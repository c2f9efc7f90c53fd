/* vitrine chart show: what a chart says about itself, whether it lies here or in a repository. */
#include "base/sys.h"
#include "cli/chart.h"

struct show {
    struct chart_access access;
    const char *repository, *version;
    bool devel;
};

static bool load_remote(struct arena *a, const struct show *s, const char *name, struct chart **out, struct err *e)
{
    CLEANUP(chart_source_close) struct chart_source *source = NULL;
    CLEANUP(fs_discard) const char *dir = NULL;
    const struct chart_wanted wanted = {
        .name = str_c(name),
        .repository = str_c(s->repository),
        .version = s->version == NULL && s->devel ? S(">0.0.0-0") : str_c(s->version),
    };
    struct chart_found found;

    if (!chart_source_open(a, &s->access, &source, e) || !chart_source_find(a, source, &wanted, &found, e)
        || !fs_temp_dir(a, "vitrine-chart", &dir, e))
        return false;
    const char *package = fs_join(a, dir, "chart.tgz");
    return fs_write(package, found.bytes, 0600, e) && chart_load(a, package, out, e);
}

static bool load(struct arena *a, const struct show *s, const char *name, struct chart **out, struct err *e)
{
    bool path = name[0] == '/' || name[0] == '.' || fs_exists(name);

    if (!path)
        return load_remote(a, s, name, out, e);
    return chart_load(a, name, out, e);
}

static int show(int argc, char **argv, int parts)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct show s = { 0 };
    const struct cli_flag flags[] = {
        CHART_ACCESS_FLAGS(&s.access),
        { "repo", 0, NULL, &s.repository, NULL, "URL of the repository that has the chart" },
        { "version", 0, NULL, &s.version, NULL, "a version, or a constraint; else the newest" },
        { "devel", 0, &s.devel, NULL, NULL, "pre-releases too" },
        { NULL },
    };
    struct cli_words words = { 0 };
    struct chart *c;
    struct buf out = { .a = &a };
    struct err e = { 0 };
    int status;

    if (!cli_start(argc, argv, "chart show all|chart|values|readme|crds CHART [flags]", flags, &words, &status))
        return status;
    if (words.n != 1)
        return cli_usage("chart show", "name one chart");
    if (!load(&a, &s, words.v[0], &c, &e))
        return cli_fail(&e);
    chart_show_parts(c, parts, &out);
    fwrite(out.p, 1, out.n, stdout);
    return CLI_OK;
}

static int show_all(int argc, char **argv)
{
    return show(argc, argv, CHART_SHOW_ALL);
}

static int show_chart(int argc, char **argv)
{
    return show(argc, argv, CHART_SHOW_CHART);
}

static int show_values(int argc, char **argv)
{
    return show(argc, argv, CHART_SHOW_VALUES);
}

static int show_readme(int argc, char **argv)
{
    return show(argc, argv, CHART_SHOW_README);
}

static int show_crds(int argc, char **argv)
{
    return show(argc, argv, CHART_SHOW_CRDS);
}

static const struct chart_subcommand subcommands[] = {
    { "all", NULL, show_all, "everything below" },     { "chart", NULL, show_chart, "Chart.yaml" },
    { "values", NULL, show_values, "values.yaml" },    { "readme", NULL, show_readme, "the README" },
    { "crds", NULL, show_crds, "the files in crds/" },
};

int chart_show(int argc, char **argv)
{
    return chart_run(subcommands, COUNT(subcommands), "chart show", argc, argv);
}
