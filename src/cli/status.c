/* vitrine status set|list REPO SHA - commit statuses, the two calls of every preview workflow. */
#include <stdlib.h>

#include "cli/forge.h"
#include "cli/full.h"

static const char usage_text[] = "status set OWNER/NAME SHA --state pending|success|failure|error [flags]\n"
                                 "  vitrine status list OWNER/NAME SHA [flags]";

struct options {
    struct cli_forge forge;
    const char *state, *description, *context, *url, *output;
};

static int set(struct arena *a, const struct options *o, const struct forge_repo *r, struct str sha)
{
    struct forge_status s = { .state = str_c(o->state),
                              .description = str_c(o->description),
                              .context = str_c(o->context),
                              .target_url = str_c(o->url) };
    struct err e = { 0 };

    if (o->state == NULL)
        return cli_usage("status", "status set needs --state pending, success, failure or error");
    if (!forge_status_set(a, r, sha, &s, &e))
        return cli_fail(&e);
    printf("%s %s on %.*s\n", o->context != NULL ? o->context : "default", o->state, STR(sha));
    return CLI_OK;
}

static struct value documents(struct arena *a, const struct forge_status *v, size_t n)
{
    struct value out = value_list(a);

    for (size_t i = 0; i < n; i++) {
        struct value one = value_map(a);
        value_set_str(a, &one, "context", v[i].context);
        value_set_str(a, &one, "state", v[i].state);
        value_set_str(a, &one, "description", v[i].description);
        value_set_str(a, &one, "target_url", v[i].target_url);
        value_set_str(a, &one, "created_at", v[i].created_at);
        value_set_str(a, &one, "creator", v[i].creator);
        list_push(a, out.list, one);
    }
    return out;
}

static int list(struct arena *a, const struct options *o, const struct forge_repo *r, struct str sha)
{
    struct cli_table t = { .a = a, .columns = 4 };
    struct forge_status *v = NULL;
    struct err e = { 0 };
    size_t n = 0;

    if (!forge_status_list(a, r, sha, &v, &n, &e))
        return cli_fail(&e);
    struct value docs = documents(a, v, n);
    if (cli_print_value(o->output, &docs))
        return CLI_OK;
    cli_table_row(&t, (const char *const[]){ "CONTEXT", "STATE", "CREATED", "DESCRIPTION" });
    for (size_t i = 0; i < n; i++) {
        cli_table_cell(&t, v[i].context);
        cli_table_cell(&t, v[i].state);
        cli_table_cell(&t, v[i].created_at);
        cli_table_cell(&t, v[i].description);
    }
    cli_table_print(&t, stdout);
    return CLI_OK;
}

int cmd_status(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct options o = { 0 };
    struct cli_words words = { 0 };
    struct forge_repo repo;
    struct err e = { 0 };
    int status = CLI_OK;
    const struct cli_flag flags[] = {
        { "state", 's', .text = &o.state, .help = "set: pending, success, failure or error" },
        { "description", 'd', .text = &o.description, .help = "set: a short text; cut to 140 characters" },
        { "context", 'c', .text = &o.context, .help = "set: the name of the check (default)" },
        { "target-url", 0, .text = &o.url, .help = "set: where the details are" },
        { "output", 'o', .text = &o.output, .help = "list: json or yaml", .words = "json yaml" },
        CLI_FORGE_FLAGS(o.forge),
        { 0 },
    };

    if (!cli_start(argc, argv, usage_text, flags, &words, &status))
        return status;
    bool setting = words.n > 0 && strcmp(words.v[0], "set") == 0;
    if (words.n != 3 || (!setting && strcmp(words.v[0], "list") != 0))
        return cli_usage("status", "expected: status set|list OWNER/NAME SHA");
    if (!cli_forge_repo(&a, &o.forge, words.v[1], &repo, &e))
        return cli_fail(&e);
    return setting ? set(&a, &o, &repo, str_c(words.v[2])) : list(&a, &o, &repo, str_c(words.v[2]));
}
