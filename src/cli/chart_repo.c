/* vitrine chart repo: named repositories, in the file that Helm keeps them in. */
#include "base/sys.h"
#include "cli/chart.h"
#include "cli/repositories.h"
#include "net/url.h"

/* ---- add ------------------------------------------------------------------------------------ */

static struct repository entry_of(const char *name, const char *url, const struct chart_access *access)
{
    return (struct repository){
        .name = str_c(name),
        .url = str_c(url),
        .username = str_c(access->username),
        .password = str_c(access->password),
        .ca_file = str_c(access->ca_file),
        .cert_file = str_c(access->cert_file),
        .key_file = str_c(access->key_file),
        .insecure_tls = access->insecure_tls,
        .pass_credentials = access->pass_credentials,
    };
}

static bool same_entry(const struct repository *a, const struct repository *b)
{
    return str_eq(a->url, b->url) && str_eq(a->username, b->username) && str_eq(a->password, b->password)
           && str_eq(a->ca_file, b->ca_file) && str_eq(a->cert_file, b->cert_file) && str_eq(a->key_file, b->key_file)
           && a->insecure_tls == b->insecure_tls && a->pass_credentials == b->pass_credentials;
}

static bool check_entry(const struct repository *one, struct err *e)
{
    struct url u;

    if (one->name.n == 0 || str_find(one->name, S("/")) >= 0)
        return err_set(e, ERR_INVALID,
                       "repository name (%.*s) contains '/', please specify a different name without '/'",
                       STR(one->name));
    if (str_starts(one->url, S("oci://")))
        return err_set(e, ERR_INVALID, "%.*s needs no name: write oci:// URLs where charts are asked for",
                       STR(one->url));
    if (!url_parse(one->url, &u, e))
        return false;
    return chart_is_remote(one->url)
           || err_set(e, ERR_INVALID, "repository URL \"%.*s\" must begin with http:// or https://", STR(one->url));
}

/* *known: the very same is there already. */
static bool add(struct arena *a, const char *name, const char *url, struct chart_access *access, bool force,
                bool *known, struct err *e)
{
    CLEANUP(chart_source_close) struct chart_source *source = NULL;
    struct repositories all;

    if (!chart_read_password(a, access, e) || !repositories_read(a, access->repository_config, &all, e))
        return false;
    const struct repository one = entry_of(name, url, access);
    if (!check_entry(&one, e))
        return false;
    ptrdiff_t at = repositories_find(&all, one.name);
    if (at >= 0) {
        const struct repository old = repositories_at(&all, (size_t)at);
        *known = same_entry(&old, &one);
        if (*known && !force)
            return true;
        if (!force)
            return err_set(e, ERR_CONFLICT,
                           "repository name (%s) already exists, please specify a different name, or "
                           "replace it with --force-update",
                           name);
    }
    if (!chart_source_open(a, access, &source, e))
        return false;
    chart_source_trust(source, one.url);
    if (!chart_source_refresh(source, one.url, e))
        return err_wrap(e, "looks like \"%.*s\" is not a valid chart repository or cannot be reached",
                        STR(url_redact(a, one.url)));
    CLEANUP(fd_close) int lock = -1;
    if (!repositories_lock(a, all.path, &lock, e) || !repositories_read(a, access->repository_config, &all, e))
        return false;
    repositories_put(a, &all, &one);
    return repositories_write(a, &all, e);
}

static int repo_add(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct chart_access access = { 0 };
    bool force = false, known = false;
    const struct cli_flag flags[] = {
        CHART_ACCESS_FLAGS(&access),
        { "force-update", 0, &force, NULL, NULL, "replace the repository of that name" },
        { NULL },
    };
    struct cli_words words = { 0 };
    struct err e = { 0 };
    int status;

    if (!cli_start(argc, argv, "chart repo add NAME URL [flags]", flags, &words, &status))
        return status;
    if (words.n != 2)
        return cli_usage("chart repo", "give a name and a URL");
    if (!add(&a, words.v[0], words.v[1], &access, force, &known, &e))
        return cli_fail(&e);
    printf(known ? "\"%s\" already exists with the same configuration, skipping\n"
                 : "\"%s\" has been added to your repositories\n",
           words.v[0]);
    return CLI_OK;
}

/* ---- list ----------------------------------------------------------------------------------- */

static int repo_list(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const char *config = NULL, *format = NULL;
    bool no_headers = false;
    const struct cli_flag flags[] = {
        { "output", 'o', NULL, &format, NULL, "table, json or yaml", "table json yaml" },
        { "no-headers", 0, &no_headers, NULL, NULL, "leave the headings out" },
        { "repository-config", 0, NULL, &config, NULL, "file of named repositories" },
        { NULL },
    };
    struct cli_words words = { 0 };
    struct cli_table table = { .a = &a, .columns = 2 };
    struct repositories all;
    struct value list = value_list(&a);
    struct err e = { 0 };
    int status;

    if (!cli_start(argc, argv, "chart repo list [flags]", flags, &words, &status))
        return status;
    if (!repositories_read(&a, config, &all, &e))
        return cli_fail(&e);
    if (!no_headers)
        cli_table_row(&table, (const char *const[]){ "NAME", "URL" });
    for (size_t i = 0; i < repositories_count(&all); i++) {
        const struct repository one = repositories_at(&all, i);
        struct value v = value_map(&a);
        value_set(&a, &v, "name", value_str(one.name));
        value_set(&a, &v, "url", value_str(url_redact(&a, one.url)));
        list_push(&a, list.list, v);
        cli_table_cell(&table, one.name);
        cli_table_cell(&table, url_redact(&a, one.url));
    }
    if (cli_print_value(format, &list))
        return CLI_OK;
    if (repositories_count(&all) == 0)
        return cli_fail_text("no repositories to show; add one with 'vitrine chart repo add NAME URL'");
    cli_table_print(&table, stdout);
    return CLI_OK;
}

/* ---- remove and update ---------------------------------------------------------------------- */

static bool remove_all(struct arena *a, const struct cli_words *names, const char *config, struct err *e)
{
    CLEANUP(fd_close) int lock = -1;
    struct repositories all;

    if (!repositories_read(a, config, &all, e) || !repositories_lock(a, all.path, &lock, e)
        || !repositories_read(a, config, &all, e))
        return false;
    for (size_t i = 0; i < names->n; i++) {
        ptrdiff_t at = repositories_find(&all, str_c(names->v[i]));
        if (at < 0)
            return err_set(e, ERR_NOT_FOUND, "no repo named \"%s\" found", names->v[i]);
        repositories_remove(a, &all, (size_t)at);
    }
    if (!repositories_write(a, &all, e))
        return false;
    for (size_t i = 0; i < names->n; i++)
        printf("\"%s\" has been removed from your repositories\n", names->v[i]);
    return true;
}

static int repo_remove(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const char *config = NULL;
    const struct cli_flag flags[] = {
        { "repository-config", 0, NULL, &config, NULL, "file of named repositories" },
        { NULL },
    };
    struct cli_words words = { 0 };
    struct err e = { 0 };
    int status;

    if (!cli_start(argc, argv, "chart repo remove NAME... [flags]", flags, &words, &status))
        return status;
    if (words.n == 0)
        return cli_usage("chart repo", "give at least one name");
    return remove_all(&a, &words, config, &e) ? CLI_OK : cli_fail(&e);
}

static bool is_asked_for(const struct cli_words *names, struct str name)
{
    for (size_t i = 0; i < names->n; i++)
        if (str_is(name, names->v[i]))
            return true;
    return names->n == 0;
}

static bool update_all(struct arena *a, const struct cli_words *names, const struct chart_access *access, struct err *e)
{
    CLEANUP(chart_source_close) struct chart_source *source = NULL;
    struct repositories all;
    size_t failed = 0;

    if (!repositories_read(a, access->repository_config, &all, e) || !chart_source_open(a, access, &source, e))
        return false;
    if (repositories_count(&all) == 0)
        return err_set(e, ERR_NOT_FOUND, "no repositories found. You must add one before updating");
    for (size_t i = 0; i < names->n; i++)
        if (repositories_find(&all, str_c(names->v[i])) < 0)
            return err_set(e, ERR_NOT_FOUND, "no repositories found matching '%s'.  Nothing will be updated",
                           names->v[i]);
    for (size_t i = 0; i < repositories_count(&all); i++) {
        const struct repository one = repositories_at(&all, i);
        if (!is_asked_for(names, one.name))
            continue;
        if (chart_source_refresh(source, one.url, e)) {
            printf("updated \"%.*s\"\n", STR(one.name));
            continue;
        }
        failed++;
        fprintf(stderr, "\"%.*s\" (%.*s): %s\n", STR(one.name), STR(url_redact(a, one.url)), e->text);
    }
    return failed == 0 || err_set(e, ERR_UNAVAILABLE, "%zu of the repositories could not be updated", failed);
}

static int repo_update(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct chart_access access = { 0 };
    const struct cli_flag flags[] = {
        { "repository-config", 0, NULL, &access.repository_config, NULL, "file of named repositories" },
        { NULL },
    };
    struct cli_words words = { 0 };
    struct err e = { 0 };
    int status;

    if (!cli_start(argc, argv, "chart repo update [NAME...] [flags]", flags, &words, &status))
        return status;
    return update_all(&a, &words, &access, &e) ? CLI_OK : cli_fail(&e);
}

static const struct chart_subcommand subcommands[] = {
    { "add", NULL, repo_add, "name a repository, with its credentials" },
    { "list", "ls", repo_list, "the named repositories" },
    { "remove", "rm", repo_remove, "forget repositories" },
    { "update", "up", repo_update, "fetch their indexes, if they changed" },
};

int chart_repo(int argc, char **argv)
{
    return chart_run(subcommands, COUNT(subcommands), "chart repo", argc, argv);
}
