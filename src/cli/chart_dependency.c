/* vitrine chart dependency: build, update, list. */
#include <unistd.h>

#include "base/sys.h"
#include "chart/chart.h"
#include "cli/chart.h"
#include "data/semver.h"
#include "net/http.h"
#include "net/url.h"

#define USAGE_DEPENDENCY "chart dependency build|update|list CHART"

/* ---- fetching
 * -------------------------------------------------------------------------------
 */

static enum err_kind kind_of(int status)
{
    if (status == 404 || status == 410)
        return ERR_NOT_FOUND;
    if (status == 401 || status == 403)
        return ERR_DENIED;
    return status >= 500 || status == 429 ? ERR_UNAVAILABLE : ERR_INVALID;
}

static bool get(void *user, struct arena *a, struct str url, struct str *out, struct err *e)
{
    const struct http_request request = { .url = url, .follow_redirects = true, .timeout_ms = 120000 };
    struct http_response response;

    (void)user;
    if (cli_is_terminal(stderr))
        fprintf(stderr, "fetching %.*s\n", STR(url_redact(a, url)));
    if (!http_do(a, &request, &response, e))
        return false;
    if (response.status / 100 != 2)
        return err_set(e, kind_of(response.status), "GET %.*s: status %d", STR(url_redact(a, url)), response.status);
    *out = response.body;
    return true;
}

/* ---- dependency
 * -----------------------------------------------------------------------------
 */

static int fetch(const char *chart, bool update)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const struct chart_fetcher fetcher = { .get = get };
    struct value resolved;
    struct err e = { 0 };

    if (!chart_dependencies_build(&a, chart, &fetcher, update, true, &resolved, &e))
        return cli_fail(&e);
    for (size_t i = 0; i < value_len(&resolved); i++) {
        const struct value *d = value_item(&resolved, i);
        struct str repository = value_str_at(d, "repository");
        printf("%.*s %.*s from %.*s\n", STR(value_str_at(d, "name")), STR(value_str_at(d, "version")),
               STR(repository.n > 0 ? repository : S("charts/")));
    }
    if (value_len(&resolved) == 0)
        printf("no dependencies in %s\n", chart);
    return CLI_OK;
}

static int list(const char *path)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct cli_table table = { .a = &a, .columns = 4 };
    struct chart *c;
    struct err e = { 0 };

    if (!chart_load(&a, path, &c, &e))
        return cli_fail(&e);
    const struct value *wanted = value_get(chart_metadata(c), "dependencies");
    if (value_len(wanted) == 0) {
        printf("WARNING: no dependencies at %s/charts\n", path);
        return CLI_OK;
    }
    cli_table_row(&table, (const char *const[]){ "NAME", "VERSION", "REPOSITORY", "STATUS" });
    for (size_t i = 0; i < value_len(wanted); i++) {
        const struct value *d = value_item(wanted, i);
        cli_table_cell(&table, value_str_at(d, "name"));
        cli_table_cell(&table, value_str_at(d, "version"));
        cli_table_cell(&table, value_str_at(d, "repository"));
        cli_table_cell(&table, chart_dependency_status(&a, c, i));
    }
    cli_table_print(&table, stdout);
    return CLI_OK;
}

int chart_dependency(int argc, char **argv)
{
    const struct cli_flag flags[] = { { NULL } };
    struct cli_words words = { 0 };
    int status;

    if (!cli_start(argc, argv, USAGE_DEPENDENCY, flags, &words, &status))
        return status;
    if (words.n == 0 || words.n > 2)
        return cli_usage("dependency", "give one of build, update, list and a chart folder");
    const char *chart = words.n == 2 ? words.v[1] : ".";
    if (strcmp(words.v[0], "update") == 0 || strcmp(words.v[0], "up") == 0)
        return fetch(chart, true);
    if (strcmp(words.v[0], "build") == 0)
        return fetch(chart, false);
    if (strcmp(words.v[0], "list") == 0 || strcmp(words.v[0], "ls") == 0)
        return list(chart);
    return cli_usage("dependency", "unknown command \"%s\"", words.v[0]);
}
