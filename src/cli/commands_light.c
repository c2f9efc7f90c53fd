/* The table of the small program: the full program's commands are names only. */
#include "cli/light.h"

const struct cli_entry cli_commands[] = {
#define LIGHT(name, run, words, summary) { name, run, words, summary },
#define FULL(name, run, words, summary) { name, NULL, words, summary },
#include "cli/commands.h"
    { NULL },
};
