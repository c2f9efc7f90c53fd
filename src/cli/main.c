/* `vitrine`: dispatch. Small commands run here, the others in vitrine-full. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/sys.h"
#include "cli/light.h"
#include "cluster/local/local.h"

static int help(FILE *to)
{
    fputs("vitrine shows every pull request running.\n\nUsage:\n  vitrine COMMAND [flags]\n\nCommands:\n", to);
    for (const struct cli_entry *c = cli_commands; c->name != NULL; c++)
        if (c->summary != NULL)
            fprintf(to, "  %-12s %s\n", c->name, c->summary);
    fputs("\nRun 'vitrine COMMAND --help' for the flags of a command.\n", to);
    return to == stdout ? CLI_OK : CLI_USAGE;
}

/* The full program stands beside this one in a build folder, in libexec when installed. */
static int run_full(char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const char *path = proc_sibling(&a, "vitrine-full", "../libexec/vitrine/vitrine-full");
    if (path == NULL)
        return cli_fail_text("vitrine-full is missing beside %s: install vitrine whole", proc_self(&a));
    execv(path, argv);
    return cli_fail_text("run %s: %s", path, strerror(errno));
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return help(stderr);
    if (strcmp(argv[1], "__holder") == 0)
        return local_holder_main(argc, argv);
    if (strcmp(argv[1], "__container") == 0)
        return local_container_main(argc, argv);
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help(stdout);
    const char *name = strcmp(argv[1], "--version") == 0 ? "version" : argv[1];
    for (const struct cli_entry *c = cli_commands; c->name != NULL; c++)
        if (strcmp(c->name, name) == 0)
            return c->run != NULL ? cli_end(c->run(argc - 1, argv + 1)) : run_full(argv);
    fprintf(stderr, "Error: unknown command \"%s\" (see 'vitrine help')\n", argv[1]);
    return CLI_USAGE;
}
