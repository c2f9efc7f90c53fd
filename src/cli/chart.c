/*
 * vitrine chart: what people do with charts besides rendering them, under Helm's names. `vitrine dependency` is the
 * first alone.
 */
#include "cli/chart.h"

#include "cli/full.h"

static const struct chart_subcommand subcommands[] = {
    { "dependency", "dep", chart_dependency, "build, update, list what Chart.yaml depends on" },
    { "dependencies", NULL, chart_dependency, NULL },
    { "repo", NULL, chart_repo, "add, list, remove, update named repositories" },
    { "pull", "fetch", chart_pull, "fetch a package from a repository or a registry" },
    { "push", NULL, chart_push, "push a package to a registry" },
    { "show", "inspect", chart_show, "print a chart's Chart.yaml, values, README, crds" },
    { "package", NULL, chart_package_command, "pack charts into NAME-VERSION.tgz" },
    { "index", NULL, chart_index, "index.yaml for a folder of packages" },
    { "lint", NULL, chart_lint_command, "check charts by the rules of helm lint" },
};

static int help(const struct chart_subcommand *table, size_t n, const char *command)
{
    printf("Usage:\n  vitrine %s COMMAND [flags]\n\nCommands:\n", command);
    for (size_t i = 0; i < n; i++)
        if (table[i].summary != NULL)
            printf("  %-12s %s\n", table[i].name, table[i].summary);
    printf("\nRun 'vitrine %s COMMAND --help' for the flags of a command.\n", command);
    return CLI_OK;
}

int chart_run(const struct chart_subcommand *table, size_t n, const char *command, int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";

    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return help(table, n, command);
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, table[i].name) == 0 || (table[i].alias != NULL && strcmp(name, table[i].alias) == 0))
            return table[i].run(argc - 1, argv + 1);
    return name[0] == '\0' ? cli_usage(command, "name a command") : cli_usage(command, "unknown command \"%s\"", name);
}

int cmd_chart(int argc, char **argv)
{
    return chart_run(subcommands, COUNT(subcommands), "chart", argc, argv);
}

int cmd_dependency(int argc, char **argv)
{
    return chart_dependency(argc, argv);
}
