/*
 * vitrine chart: what people do with charts besides rendering them, under Helm's names. `vitrine dependency` is the
 * first alone.
 */
#include "cli/chart.h"

#include "cli/full.h"

static const struct subcommand {
    const char *name, *alias;
    cli_command *run;
    const char *summary;
} subcommands[] = {
    { "dependency", "dep", chart_dependency, "build, update, list what Chart.yaml depends on" },
    { "lint", NULL, chart_lint_command, "check charts by the rules of helm lint" },
    { "package", NULL, chart_package_command, "pack charts into NAME-VERSION.tgz" },
};

static int help(void)
{
    printf("Usage:\n  vitrine chart COMMAND [flags]\n\nCommands:\n");
    for (size_t i = 0; i < COUNT(subcommands); i++)
        printf("  %-12s %s\n", subcommands[i].name, subcommands[i].summary);
    printf("\nRun 'vitrine chart COMMAND --help' for the flags of a command.\n");
    return CLI_OK;
}

int cmd_chart(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";

    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return help();
    for (size_t i = 0; i < COUNT(subcommands); i++)
        if (strcmp(name, subcommands[i].name) == 0
            || (subcommands[i].alias != NULL && strcmp(name, subcommands[i].alias) == 0))
            return subcommands[i].run(argc - 1, argv + 1);
    return name[0] == '\0' ? cli_usage("chart", "name a command") : cli_usage("chart", "unknown command \"%s\"", name);
}

int cmd_dependency(int argc, char **argv)
{
    return chart_dependency(argc, argv);
}
