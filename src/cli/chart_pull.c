/* vitrine chart pull: a package from a repository, a registry or a URL, as a file or unpacked. */
#include "base/sys.h"
#include "cli/chart.h"

#define USAGE "chart pull CHART... [flags]"

struct pull {
    struct chart_access access;
    const char *repository, *version, *destination, *untar_dir;
    bool devel, untar, quiet;
};

/* The name comes from a URL: it must not lead anywhere else. */
static bool check_file_name(struct str name, struct err *e)
{
    bool plain = name.n > 0 && name.p[0] != '.' && str_find(name, S("/")) < 0;

    return plain || err_set(e, ERR_INVALID, "the package's URL ends in no file name");
}

static bool save(struct arena *a, const char *dir, const struct chart_found *found, const char **out, struct err *e)
{
    if (!check_file_name(found->file_name, e) || !fs_mkdirs(dir, 0755, e))
        return false;
    *out = fs_join(a, dir, arena_c(a, found->file_name));
    return fs_write(*out, found->bytes, 0644, e);
}

/* Only the chart's folder stays, not the package. */
static bool unpack(struct arena *a, const struct pull *p, const struct chart_found *found, struct err *e)
{
    CLEANUP(fs_discard) const char *dir = NULL;
    const char *folder = p->destination, *package, *unpacked;

    if (p->untar_dir != NULL)
        folder = p->untar_dir[0] == '/' ? p->untar_dir : fs_join(a, folder, p->untar_dir);
    return fs_temp_dir(a, "vitrine-chart", &dir, e) && save(a, dir, found, &package, e)
           && chart_unpack(a, package, folder, &unpacked, e);
}

static bool pull_one(struct arena *a, struct chart_source *source, const struct pull *p, const char *name,
                     struct err *e)
{
    const struct chart_wanted wanted = {
        .name = str_c(name),
        .repository = str_c(p->repository),
        .version = p->version == NULL && p->devel ? S(">0.0.0-0") : str_c(p->version),
    };
    struct chart_found found;
    const char *package;

    if (!chart_source_find(a, source, &wanted, &found, e)
        || !(p->untar ? unpack(a, p, &found, e) : save(a, p->destination, &found, &package, e)))
        return false;
    if (found.reference.n > 0 && !p->quiet)
        printf("Pulled: %.*s\nDigest: %.*s\n", STR(found.reference), STR(found.digest));
    return true;
}

static int pull_all(const struct pull *p, const struct cli_words *names)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    CLEANUP(chart_source_close) struct chart_source *source = NULL;
    struct err e = { 0 };

    if (!chart_source_open(&a, &p->access, &source, &e))
        return cli_fail(&e);
    for (size_t i = 0; i < names->n; i++)
        if (!pull_one(&a, source, p, names->v[i], &e))
            return cli_fail(&e);
    return CLI_OK;
}

int chart_pull(int argc, char **argv)
{
    struct pull p = { .destination = "." };
    const struct cli_flag flags[] = {
        CHART_ACCESS_FLAGS(&p.access),
        { "repo", 0, NULL, &p.repository, NULL, "URL of the repository that has the chart" },
        { "version", 0, NULL, &p.version, NULL, "a version, or a constraint; else the newest" },
        { "devel", 0, &p.devel, NULL, NULL, "pre-releases too" },
        { "destination", 'd', NULL, &p.destination, NULL, "folder to write to" },
        { "untar", 0, &p.untar, NULL, NULL, "unpack the chart" },
        { "untardir", 0, NULL, &p.untar_dir, NULL, "folder below the destination to unpack in" },
        { "quiet", 0, &p.quiet, NULL, NULL, "print nothing" },
        { NULL },
    };
    struct cli_words words = { 0 };
    int status;

    if (!cli_start(argc, argv, USAGE, flags, &words, &status))
        return status;
    if (words.n == 0)
        return cli_usage("chart pull", "name at least one chart");
    p.access.quiet = p.quiet;
    return pull_all(&p, &words);
}
