/* cli/chart.h - the subcommands of `vitrine chart`, one file for each thing they work on. */
#pragma once
#include "cli/chart_source.h"
#include "cli/cli.h"

cli_command chart_dependency, chart_index, chart_lint_command, chart_package_command, chart_pull, chart_push,
    chart_repo, chart_show;

struct chart_subcommand {
    const char *name, *alias; /* alias NULL: none */
    cli_command *run;
    const char *summary;
};
/* Run the one that argv[1] names, or tell which there are; `command` is what stands before it: "chart repo". */
int chart_run(const struct chart_subcommand *table, size_t n, const char *command, int argc, char **argv);

/* `dependency build`, or `update`, for other commands too. resolved: as chart_dependencies_build gives it. */
MUST_CHECK bool chart_fetch_dependencies(struct arena *a, const char *path, bool update,
                                         const struct chart_access *access, struct value *resolved, struct err *e);
