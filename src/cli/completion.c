/* vitrine completion bash|zsh|fish: the list of commands, made from the table itself. */
#include "cli/light.h"

static void print_names(const char *before, const char *after)
{
    for (const struct cli_entry *c = cli_commands; c->name != NULL; c++)
        if (c->summary != NULL)
            printf("%s%s%s", before, c->name, after);
}

static void bash(void)
{
    printf("_vitrine() {\n    local words=\"");
    print_names("", " ");
    printf("help\"\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
           "        COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[1]}\"))\n"
           "    else\n"
           "        COMPREPLY=($(compgen -W \"$(vitrine \"${COMP_WORDS[1]}\" --help 2>/dev/null | grep -o -- "
           "'--[a-z-]*')\" -- "
           "\"${COMP_WORDS[COMP_CWORD]}\") $(compgen -f -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
           "    fi\n}\ncomplete -F _vitrine vitrine\n");
}

static void zsh(void)
{
    printf("#compdef vitrine\nlocal -a commands\ncommands=(\n");
    for (const struct cli_entry *c = cli_commands; c->name != NULL; c++)
        if (c->summary != NULL)
            printf("  \"%s:%s\"\n", c->name, c->summary);
    printf(")\nif (( CURRENT == 2 )); then _describe command commands; else _files; fi\n");
}

static void fish(void)
{
    for (const struct cli_entry *c = cli_commands; c->name != NULL; c++)
        if (c->summary != NULL)
            printf("complete -c vitrine -n __fish_use_subcommand -f -a %s -d '%s'\n", c->name, c->summary);
}

int cmd_completion(int argc, char **argv)
{
    const struct cli_flag flags[] = { { NULL } };
    struct cli_words rest = { 0 };
    int status;
    if (!cli_start(argc, argv, "completion bash|zsh|fish", flags, &rest, &status))
        return status;
    const char *shell = rest.n == 1 ? rest.v[0] : "";
    if (strcmp(shell, "bash") == 0)
        bash();
    else if (strcmp(shell, "zsh") == 0)
        zsh();
    else if (strcmp(shell, "fish") == 0)
        fish();
    else
        return cli_usage("completion", "one shell was expected: bash, zsh or fish");
    return CLI_OK;
}
