/* vitrine chart dependency: build, update, list. */
#include <stdlib.h>

#include "base/sys.h"
#include "cli/chart.h"
#include "cli/chart_source.h"
#include "net/url.h"

/* ---- build and update ----------------------------------------------------------------------- */

/* --username and --password are for one host: the only one that the dependencies come from. */
static bool trust_the_host(struct chart_source *source, const struct chart *c, struct err *e)
{
    const struct value *wanted = value_get(chart_metadata(c), "dependencies");
    struct url first = { 0 }, other;

    for (size_t i = 0; i < value_len(wanted); i++) {
        struct str repository = value_str_at(value_item(wanted, i), "repository");
        if (!chart_is_remote(repository) || !url_parse(repository, &other, e))
            continue;
        if (first.host.n > 0 && !str_ieq(first.host, other.host))
            return err_set(e, ERR_INVALID,
                           "the dependencies come from %.*s and from %.*s: --username is for one host; use 'vitrine "
                           "chart repo add' with the credentials of each",
                           STR(first.host), STR(other.host));
        first = other;
        chart_source_trust(source, repository);
    }
    return true;
}

static void print_resolved(const char *chart, const struct value *resolved)
{
    for (size_t i = 0; i < value_len(resolved); i++) {
        const struct value *d = value_item(resolved, i);
        struct str repository = value_str_at(d, "repository");
        printf("%.*s %.*s from %.*s\n", STR(value_str_at(d, "name")), STR(value_str_at(d, "version")),
               STR(repository.n > 0 ? repository : S("charts/")));
    }
    if (value_len(resolved) == 0)
        printf("no dependencies in %s\n", chart);
}

bool chart_fetch_dependencies(struct arena *a, const char *path, bool update, const struct chart_access *access,
                              struct value *resolved, struct err *e)
{
    CLEANUP(chart_source_close) struct chart_source *source = NULL;
    struct chart *c;

    if (!chart_source_open(a, access, &source, e) || !chart_load(a, path, &c, e))
        return false;
    if (access->username != NULL && !trust_the_host(source, c, e))
        return false;
    const struct chart_fetcher fetcher = chart_source_fetcher(source);
    return chart_dependencies_build(a, path, &fetcher, update, true, resolved, e);
}

/* The message has Helm's words; its command has another name here. */
static int fail_to_fetch(const struct err *e)
{
    if (str_starts(str_c(e->text), S("no repository definition for ")))
        fprintf(stderr, "hint: 'vitrine chart repo add NAME URL' adds a repository\n");
    return cli_fail(e);
}

static int fetch(int argc, char **argv, bool update)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct chart_access access = { 0 };
    const struct cli_flag flags[] = {
        CHART_ACCESS_FLAGS(&access),
        { "skip-refresh", 0, &access.skip_refresh, NULL, NULL, "a cached index of a repository will do" },
        { NULL },
    };
    struct cli_words words = { 0 };
    struct value resolved;
    struct err e = { 0 };
    int status;

    if (!cli_start(argc, argv,
                   update ? "chart dependency update [CHART] [flags]" : "chart dependency build [CHART] [flags]", flags,
                   &words, &status))
        return status;
    if (words.n > 1)
        return cli_usage("chart dependency", "give one chart folder");
    const char *chart = words.n == 1 ? words.v[0] : ".";
    if (!chart_fetch_dependencies(&a, chart, update, &access, &resolved, &e))
        return fail_to_fetch(&e);
    print_resolved(chart, &resolved);
    return CLI_OK;
}

static int build(int argc, char **argv)
{
    return fetch(argc, argv, false);
}

static int update(int argc, char **argv)
{
    return fetch(argc, argv, true);
}

/* ---- list ----------------------------------------------------------------------------------- */

static const char *const headings[] = { "NAME", "VERSION", "REPOSITORY", "STATUS" };

/* Helm's table: cells padded to the widest, a tab behind each but the last. */
static void print_table(const struct str *cells, size_t n, size_t width_max)
{
    size_t width[COUNT(headings)] = { 0 };

    for (size_t i = 0; i < n; i++) {
        size_t w = utf8_count(cells[i]);
        if (w > width[i % COUNT(width)])
            width[i % COUNT(width)] = w > width_max ? width_max : w;
    }
    for (size_t i = 0; i < n; i++) {
        struct str cell = cells[i];
        size_t w = width[i % COUNT(width)];
        if (utf8_count(cell) > w)
            printf("%.*s...", STR(utf8_prefix(cell, w - 3)));
        else
            printf("%.*s%*s", STR(cell), (int)(w - utf8_count(cell)), "");
        putchar(i % COUNT(width) == COUNT(width) - 1 ? '\n' : '\t');
    }
}

static bool is_wanted(const struct value *wanted, struct str name)
{
    for (size_t i = 0; i < value_len(wanted); i++)
        if (str_eq(value_str_at(value_item(wanted, i), "name"), name))
            return true;
    return false;
}

/* What lies in charts/ and is no chart, or not a wanted one. */
static void warn_of_others(struct arena *a, const char *path, const struct value *wanted)
{
    const char *charts = fs_join(a, path, "charts");
    struct fs_names names;
    struct chart *c;
    struct err ignored;

    if (!fs_list(a, charts, &names, &ignored))
        return;
    for (size_t i = 0; i < names.n; i++) {
        const char *file = fs_join(a, charts, arena_c(a, names.v[i]));
        if (!fs_is_dir(file) && !str_ends(names.v[i], S(".tgz")))
            continue;
        if (!chart_load(a, file, &c, &ignored))
            printf("WARNING: \"%s\" is not a chart.\n", file);
        else if (!is_wanted(wanted, chart_name(c)))
            printf("WARNING: \"%s\" is not in Chart.yaml.\n", file);
    }
}

static int print_list(const char *path, size_t width_max)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct chart *c;
    struct err e = { 0 };
    VEC(struct str) cells = { 0 };

    if (!chart_load(&a, path, &c, &e))
        return cli_fail(&e);
    const struct value *wanted = value_get(chart_metadata(c), "dependencies");
    if (value_len(wanted) == 0) {
        printf("WARNING: no dependencies at %s/charts\n", path);
        return CLI_OK;
    }
    for (size_t i = 0; i < COUNT(headings); i++)
        *vec_push(&a, &cells) = str_c(headings[i]);
    for (size_t i = 0; i < value_len(wanted); i++) {
        const struct value *d = value_item(wanted, i);
        *vec_push(&a, &cells) = value_str_at(d, "name");
        *vec_push(&a, &cells) = value_str_at(d, "version");
        *vec_push(&a, &cells) = value_str_at(d, "repository");
        *vec_push(&a, &cells) = chart_dependency_status(&a, c, path, i);
    }
    print_table(cells.v, cells.n, width_max);
    puts("");
    warn_of_others(&a, path, wanted);
    return CLI_OK;
}

static int list(int argc, char **argv)
{
    const char *width = "80";
    const struct cli_flag flags[] = {
        { "max-col-width", 0, NULL, &width, NULL, "cut cells that are wider" },
        { NULL },
    };
    struct cli_words words = { 0 };
    int64_t width_max;
    int status;

    if (!cli_start(argc, argv, "chart dependency list [CHART] [flags]", flags, &words, &status))
        return status;
    if (words.n > 1)
        return cli_usage("chart dependency", "give one chart folder");
    if (!str_to_int(str_c(width), &width_max) || width_max < 4 || width_max > 10000)
        return cli_usage("chart dependency", "--max-col-width is a number from 4 to 10000");
    return print_list(words.n == 1 ? words.v[0] : ".", (size_t)width_max);
}

/* ---- the command ---------------------------------------------------------------------------- */

static const struct chart_subcommand subcommands[] = {
    { "build", NULL, build, "fetch what Chart.lock names, or what fits Chart.yaml" },
    { "update", "up", update, "fetch the newest that fits Chart.yaml, and write Chart.lock" },
    { "list", "ls", list, "what Chart.yaml names, and whether it is there" },
};

int chart_dependency(int argc, char **argv)
{
    return chart_run(subcommands, COUNT(subcommands), "chart dependency", argc, argv);
}
