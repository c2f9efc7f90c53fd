/* cli/light.h - the commands of the small program. */
#pragma once
#include "cli/cli.h"

#pragma weak cmd_template
#pragma weak local_holder_main
#pragma weak local_container_main
cli_command cmd_version, cmd_completion, cmd_template;
