/* vitrine notify trigger|template: dry runs of the notification configuration; list: what was sent. */
#include "notify/notify.h"
#include "cli/full.h"
#include "data/json.h"
#include "data/yaml.h"

#include <fcntl.h>

#include "base/sys.h"

struct notify_call {
    struct arena *a;
    const char *server, *output, *config, *app, *recipient;
    struct cli_words rest;
};

/* --app FILE or the name of an application of the running server */
static bool read_app(struct notify_call *c, struct value *out, struct err *e)
{
    struct str text;
    if (c->app == NULL)
        return err_set(e, ERR_INVALID, "--app is missing: a file with an Application, or the name of one");
    if (fs_exists(c->app))
        return fs_read(c->a, AT_FDCWD, c->app, YAML_TEXT_MAX, &text, e) && yaml_parse(c->a, text, c->app, out, e);
    struct cli_api api = cli_api_of(c->a, c->server);
    return cli_api_call(c->a, &api, "GET", arena_fmt(c->a, "/api/v1/applications/%s", c->app), NULL, out, e);
}

static void print_rows(struct arena *a, const struct value *rows)
{
    static const char *const head[] = { "RESULT", "ONCEPER", "SEND", "WHEN", "ERROR" };
    struct cli_table t = { .a = a, .columns = COUNT(head) };
    cli_table_row(&t, head);
    for (size_t i = 0; i < value_len(rows); i++) {
        const struct value *row = value_item(rows, i);
        cli_table_cell(&t, value_bool_at(row, "result", false) ? S("true") : S("false"));
        cli_table_cell(&t, value_str_at(row, "oncePer"));
        cli_table_cell(&t, json_str(a, value_get(row, "send"), 0));
        cli_table_cell(&t, value_str_at(row, "when"));
        cli_table_cell(&t, value_str_at(row, "error"));
    }
    cli_table_print(&t, stdout);
}

static int dry_run(struct notify_call *c, const struct notify *n, const char *kind, const char *name)
{
    struct value app, out;
    struct err e;
    bool trigger = strcmp(kind, "trigger") == 0;
    if (name == NULL) {
        out = notify_names(n, c->a, kind);
        for (size_t i = 0; i < value_len(&out); i++)
            printf("%.*s\n", STR(value_as_str(value_item(&out, i))));
        return CLI_OK;
    }
    if (!read_app(c, &app, &e))
        return cli_fail(&e);
    bool ok = trigger ? notify_try_trigger(n, c->a, str_c(name), &app, &out, &e)
                      : notify_try_template(n, c->a, str_c(name), &app, S("webhook"), str_c(c->recipient), &out, &e);
    if (!ok)
        return cli_fail(&e);
    if (!cli_print_value(c->output, &out)) {
        if (trigger)
            print_rows(c->a, &out);
        else
            cli_print_value("yaml", &out);
    }
    return CLI_OK;
}

static int with_config(struct notify_call *c, const char *kind, const char *name)
{
    struct config *config;
    struct notify *n;
    struct err e;
    if (c->config == NULL)
        return cli_usage("notify", "--config is missing: the folder with the manifests");
    if (!config_load(c->config, &config, &e))
        return cli_fail(&e);
    const char *cache;
    if (!fs_temp_dir(c->a, "vitrine-notify", &cache, &e)
        || !notify_load(&(struct notify_options){ .config = config,
                                                  .cache_dir = cache,
                                                  .external_url = cli_api_of(c->a, c->server).base },
                        &n, &e)) {
        config_close(config);
        return cli_fail(&e);
    }
    const struct str *problems;
    size_t n_problems = notify_problems(n, &problems);
    for (size_t i = 0; i < n_problems; i++)
        fprintf(stderr, "Warning: %.*s\n", STR(problems[i]));
    int status = dry_run(c, n, kind, name);
    notify_free(n);
    config_close(config);
    return fs_remove_tree(cache, &e) ? status : cli_fail(&e);
}

static int list_sent(struct notify_call *c)
{
    static const char *const head[] = { "APP", "STATE", "ATTEMPTS", "CREATED", "RESULT", "WHAT" };
    struct cli_api api = cli_api_of(c->a, c->server);
    struct cli_table t = { .a = c->a, .columns = COUNT(head) };
    struct value v;
    struct err e;
    struct str query = c->app != NULL ? arena_fmt(c->a, "?app=%s", c->app) : S("");
    if (!cli_api_call(c->a, &api, "GET", arena_fmt(c->a, "/api/v1/notifications%.*s", STR(query)), NULL, &v, &e))
        return cli_fail(&e);
    const struct value *items = value_get(&v, "items");
    if (cli_print_value(c->output, items))
        return CLI_OK;
    cli_table_row(&t, head);
    for (size_t i = 0; i < value_len(items); i++) {
        const struct value *row = value_item(items, i);
        struct str result = value_str_at(row, "result"), error = value_str_at(row, "error");
        cli_table_cell(&t, value_str_at(row, "app"));
        cli_table_cell(&t, value_str_at(row, "state"));
        cli_table_cell(&t, arena_fmt(c->a, "%lld", (long long)value_int_at(row, "attempts", 0)));
        cli_table_cell(&t, value_str_at(row, "createdAt"));
        cli_table_cell(&t, error.n > 0 ? utf8_prefix(error, 60) : result);
        cli_table_cell(&t, value_str_at(row, "label"));
    }
    cli_table_print(&t, stdout);
    return CLI_OK;
}

int cmd_notify(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct notify_call c = { .a = &a };
    const struct cli_flag flags[] = {
        { "config", 0, NULL, &c.config, NULL, "folder with the manifests" },
        { "app", 0, NULL, &c.app, NULL, "a file with an Application, or the name of one" },
        { "recipient", 0, NULL, &c.recipient, NULL, "template: the recipient" },
        { "server", 0, NULL, &c.server, NULL,
          "address of the server (default $VITRINE_SERVER or http://127.0.0.1:8090)" },
        { "output", 'o', NULL, &c.output, NULL, "json or yaml", "json yaml" },
        { NULL },
    };
    int status;
    if (!cli_start(argc, argv, "notify trigger|template [NAME --app APP] --config DIR | notify list [--app NAME]",
                   flags, &c.rest, &status))
        return status;
    const char *verb = c.rest.n > 0 ? c.rest.v[0] : "";
    if (strcmp(verb, "list") == 0 && c.rest.n == 1)
        return list_sent(&c);
    if ((strcmp(verb, "trigger") == 0 || strcmp(verb, "template") == 0) && c.rest.n <= 2)
        return with_config(&c, verb, c.rest.n == 2 ? c.rest.v[1] : NULL);
    return cli_usage("notify", "trigger, template or list was expected");
}
