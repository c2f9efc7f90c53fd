/* cli/light.h - the commands of the small program. */
#pragma once
#include "cli/cli.h"

#pragma weak cmd_template
cli_command cmd_version, cmd_completion, cmd_template;
