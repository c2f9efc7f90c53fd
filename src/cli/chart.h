/* cli/chart.h - the subcommands of `vitrine chart`, one file for each thing they work on. */
#pragma once
#include "cli/cli.h"

cli_command chart_dependency, chart_lint_command, chart_package_command;
