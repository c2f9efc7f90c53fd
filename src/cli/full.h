/* cli/full.h - the commands of the full program, one file each. */
#pragma once
#include "cli/cli.h"

cli_command cmd_app, cmd_appset, cmd_artefact, cmd_chart, cmd_dependency, cmd_demo, cmd_doctor, cmd_notify, cmd_pr,
    cmd_sandbox, cmd_server, cmd_status, cmd_workflow;

/* Says on standard error that WHAT is still going on: every second on a terminal, every ten seconds elsewhere. `what`
 * must stay until the end. NULL when there is no thread to be had; patience_end takes it. */
struct patience;
struct patience *patience_begin(const char *what);
void patience_end(struct patience *p);
