/* vitrine version */
#include "cli/light.h"

int cmd_version(int argc, char **argv)
{
    bool brief = false;
    const struct cli_flag flags[] = { { "short", 0, &brief, NULL, NULL, "only the number" }, { NULL } };
    struct cli_words rest = { 0 };
    int status;
    if (!cli_start(argc, argv, "version [--short]", flags, &rest, &status))
        return status;
    printf(brief ? "%s\n" : "vitrine %s\n", VITRINE_VERSION);
    return CLI_OK;
}
