/* cli/full.h - the commands of the full program, one file each. */
#pragma once
#include "cli/cli.h"

#pragma weak cmd_demo
#pragma weak cmd_server
#pragma weak cmd_app
#pragma weak cmd_appset
#pragma weak cmd_chart
#pragma weak cmd_dependency
#pragma weak cmd_artefact
#pragma weak cmd_status
#pragma weak cmd_pr
#pragma weak cmd_workflow
#pragma weak cmd_notify
#pragma weak cmd_sandbox
#pragma weak cmd_doctor
cli_command cmd_app, cmd_appset, cmd_artefact, cmd_chart, cmd_dependency, cmd_demo, cmd_doctor, cmd_notify, cmd_pr,
    cmd_sandbox, cmd_server, cmd_status, cmd_workflow;

/* Says on standard error that WHAT is still going on: every second on a terminal, every ten seconds elsewhere. `what`
 * must stay until the end. NULL when there is no thread to be had; patience_end takes it. */
struct patience;
struct patience *patience_begin(const char *what);
void patience_end(struct patience *p);
