/* vitrine appset list|get|generate: ApplicationSets, and a dry run that prints what would be generated. */
#include "gitops/appset.h"
#include "cli/full.h"
#include "data/yaml.h"
#include "forge/forge.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/sys.h"

struct appset_call {
    struct arena *a;
    const char *server, *output, *config;
    struct cli_words rest;
};

/* The conditions a person must know of, joined. */
static struct str what_stands(struct arena *a, const struct value *conditions)
{
    static const char *const telling[] = { "ErrorOccurred", "DeletionFrozen", "PullRequestsHeld" };
    struct buf b = { .a = a };
    for (size_t i = 0; i < value_len(conditions); i++) {
        const struct value *c = value_item(conditions, i);
        bool tells = false;
        for (size_t t = 0; t < COUNT(telling); t++)
            tells = tells || str_is(value_str_at(c, "type"), telling[t]);
        if (tells && str_is(value_str_at(c, "status"), "True"))
            buf_fmt(&b, "%s%.*s", b.n > 0 ? "; " : "", STR(value_str_at(c, "message")));
    }
    return buf_str(&b);
}

static void print_sets(struct arena *a, const struct value *sets)
{
    static const char *const head[] = { "NAME", "APPLICATIONS", "HEALTH", "CONDITION" };
    struct cli_table t = { .a = a, .columns = COUNT(head) };
    cli_table_row(&t, head);
    for (size_t i = 0; i < value_len(sets); i++) {
        const struct value *set = value_item(sets, i);
        cli_table_cell(&t, value_str_at(set, "metadata.name"));
        cli_table_cell(&t, arena_fmt(a, "%zu", value_len(value_at(set, "status.resources"))));
        cli_table_cell(&t, value_str_at(set, "status.health.status"));
        cli_table_cell(&t, what_stands(a, value_at(set, "status.conditions")));
    }
    cli_table_print(&t, stdout);
}

static int show(struct appset_call *c, struct str name)
{
    struct cli_api api = cli_api_of(c->a, c->server);
    struct value v, chosen = value_list(c->a);
    struct err e;
    if (!cli_api_call(c->a, &api, "GET", S("/api/v1/applicationsets"), NULL, &v, &e))
        return cli_fail(&e);
    const struct value *all = value_get(&v, "items");
    for (size_t i = 0; i < value_len(all); i++)
        if (name.n == 0 || str_eq(name, value_str_at(value_item(all, i), "metadata.name")))
            list_push(c->a, chosen.list, *value_item(all, i));
    if (name.n > 0 && value_len(&chosen) == 0) {
        cli_fail_text("no ApplicationSet %.*s", STR(name));
        return CLI_REFUSED;
    }
    if (!cli_print_value(c->output, name.n > 0 ? value_item(&chosen, 0) : &chosen)) {
        if (name.n > 0)
            cli_print_value("yaml", value_item(&chosen, 0));
        else
            print_sets(c->a, &chosen);
    }
    return CLI_OK;
}

static void warn_about(const struct value *set, const struct appset_generated *g)
{
    if (g->invalid.n > 0)
        fprintf(stderr, "Warning: %.*s\n", STR(g->invalid));
    if (g->held.n > 0)
        fprintf(stderr, "Warning: %.*s\n", STR(g->held));
    if (g->n_names == 0)
        fprintf(stderr, "ApplicationSet %.*s generates no Application now\n", STR(value_str_at(set, "metadata.name")));
}

static bool generate_set(struct appset_call *c, const struct config *config, const struct value *set,
                         struct forge_cache *cache, struct appset_generated *g, struct err *e)
{
    if (!config_check(c->a, CONFIG_APPLICATIONSET, set, e))
        return false;
    struct patience *busy = patience_begin("asking the forge");
    bool ok = appset_generate(c->a, set, config, cache, g, e);
    patience_end(busy);
    return ok || err_wrap(e, "ApplicationSet %.*s", STR(value_str_at(set, "metadata.name")));
}

/* *good: no Application was left out. */
static bool generate_documents(struct appset_call *c, const struct config *config, const struct value *docs,
                               size_t *made, bool *good, struct err *e)
{
    struct forge_cache *cache = forge_cache_open();
    bool ok = true;
    for (size_t i = 0; ok && i < value_len(docs); i++) {
        const struct value *set = value_item(docs, i);
        struct appset_generated g;
        if (!str_is(value_str_at(set, "kind"), "ApplicationSet"))
            continue;
        ok = generate_set(c, config, set, cache, &g, e);
        if (!ok)
            break;
        ++*made;
        warn_about(set, &g);
        *good = *good && g.invalid.n == 0;
        if (c->output != NULL && strcmp(c->output, "json") == 0) {
            cli_print_value("json", &g.applications);
            continue;
        }
        for (size_t n = 0; n < value_len(&g.applications); n++)
            printf("---\n%.*s", STR(yaml_str(c->a, value_item(&g.applications, n))));
    }
    forge_cache_close(cache);
    return ok;
}

/* Secrets are looked up in --config, else beside the file. */
static int generate(struct appset_call *c, const char *file)
{
    struct str text, dir = str_c(file);
    struct value docs;
    struct config *config;
    struct err e;
    ptrdiff_t slash = str_rfind(dir, S("/"));
    const char *beside = slash < 0 ? "." : arena_c(c->a, str_slice(dir, 0, (size_t)slash));
    size_t made = 0;
    bool good = true;
    if (!fs_read(c->a, AT_FDCWD, file, YAML_TEXT_MAX, &text, &e) || !yaml_parse_all(c->a, text, file, &docs, &e)
        || !config_load(c->config != NULL ? c->config : beside, &config, &e))
        return cli_fail(&e);
    bool ok = generate_documents(c, config, &docs, &made, &good, &e);
    config_close(config);
    if (!ok)
        return cli_fail(&e);
    if (made == 0)
        return cli_fail_text("%s holds no ApplicationSet", file);
    return good ? CLI_OK : CLI_FAILED;
}

int cmd_appset(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct appset_call c = { .a = &a };
    const struct cli_flag flags[] = {
        { "server", 0, NULL, &c.server, NULL,
          "address of the server (default $VITRINE_SERVER or http://127.0.0.1:8090)" },
        { "output", 'o', NULL, &c.output, NULL, "json or yaml", "json yaml" },
        { "config", 0, NULL, &c.config, NULL, "generate: folder with the Secrets (default: the file's own)" },
        { NULL },
    };
    int status;
    if (!cli_start(argc, argv, "appset list | get NAME | generate FILE", flags, &c.rest, &status))
        return status;
    const char *verb = c.rest.n > 0 ? c.rest.v[0] : "";
    if (strcmp(verb, "list") == 0 && c.rest.n == 1)
        return show(&c, S(""));
    if (strcmp(verb, "get") == 0 && c.rest.n == 2)
        return show(&c, str_c(c.rest.v[1]));
    if (strcmp(verb, "generate") == 0 && c.rest.n == 2)
        return generate(&c, c.rest.v[1]);
    return cli_usage("appset", "list, get NAME or generate FILE was expected");
}
