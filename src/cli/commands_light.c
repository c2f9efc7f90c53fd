/* The table of the small program: the full program's commands are names only. */
#include "cli/light.h"

const struct cli_entry cli_commands[] = {
#define LIGHT(name, run, summary) { name, run, summary },
#define FULL(name, run, summary) { name, NULL, summary },
#include "cli/commands.h"
    { NULL, NULL, NULL },
};
