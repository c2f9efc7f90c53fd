/* cli/light.h - the commands of the small program. */
#pragma once
#include "cli/cli.h"

cli_command cmd_version, cmd_completion, cmd_template;
