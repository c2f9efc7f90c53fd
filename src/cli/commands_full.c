/* `vitrine-full`: the commands that need the network, the store or the engine. */
#include <stdlib.h>

#include "cli/full.h"

const struct cli_entry cli_commands[] = {
#define LIGHT(name, run, words, summary)
#define FULL(name, run, words, summary) { name, run, words, summary },
#include "cli/commands.h"
    { NULL },
};

int main(int argc, char **argv)
{
    if (argc < 2)
        return cli_fail_text("vitrine-full is run by vitrine, not by hand");
    for (const struct cli_entry *c = cli_commands; c->name != NULL; c++)
        if (strcmp(c->name, argv[1]) == 0)
            return cli_end(c->run(argc - 1, argv + 1));
    return cli_fail_text("unknown command \"%s\"", argv[1]);
}
