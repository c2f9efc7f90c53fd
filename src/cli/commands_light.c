/* The table of the small program: the full program's commands are names only. */
#include "cli/light.h"
#include "cluster/local/local.h"

const struct cli_entry cli_commands[] = {
#define LIGHT(name, run, summary) { name, run, summary },
#define FULL(name, run, summary) { name, NULL, summary },
#include "cli/commands.h"
    { "__holder", local_holder_main, NULL },
    { "__container", local_container_main, NULL },
    { NULL, NULL, NULL },
};
