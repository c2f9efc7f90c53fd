/*
 * vitrine completion bash|zsh|fish: commands and the words after them come from the table of commands, flags from the
 * command's own --help when they are asked for (all words before that are no flags), files where nothing else is known.
 */
#include "cli/light.h"

/* Standard input: a command's help; out: its long flags, one per line. */
#define LONG_FLAGS "sed -nE 's/^ +(-., +)?(--[a-z-]+).*/\\2/p'"

static void print_names(void)
{
    for (const struct cli_entry *c = cli_commands; c->name != NULL; c++)
        if (c->summary != NULL)
            printf("%s ", c->name);
}

/* One line per command that wants a word: FORMAT gets its name and the words. */
static void print_words(const char *format)
{
    for (const struct cli_entry *c = cli_commands; c->name != NULL; c++)
        if (c->summary != NULL && c->words != NULL)
            printf(format, c->name, c->words);
}

static void bash(void)
{
    printf("_vitrine() {\n"
           "    local word=\"${COMP_WORDS[COMP_CWORD]}\" words=\"\" before=() w\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
           "        words=\"");
    print_names();
    printf("help\"\n"
           "    elif [[ $word == -* ]]; then\n"
           "        for w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do [[ $w == -* ]] || before+=(\"$w\"); done\n"
           "        words=$(vitrine \"${before[@]}\" --help 2>/dev/null | " LONG_FLAGS ")\n"
           "    elif [ \"$COMP_CWORD\" -eq 2 ]; then\n"
           "        case ${COMP_WORDS[1]} in\n");
    print_words("        %s) words=\"%s\" ;;\n");
    printf("        esac\n"
           "    fi\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
           "}\n"
           "complete -o default -F _vitrine vitrine\n");
}

static void zsh(void)
{
    printf("#compdef vitrine\ncompdef _vitrine vitrine\n"
           "_vitrine() {\n"
           "    local -a names found\n"
           "    names=(\n");
    for (const struct cli_entry *c = cli_commands; c->name != NULL; c++)
        if (c->summary != NULL)
            printf("        '%s:%s'\n", c->name, c->summary);
    printf("    )\n"
           "    if (( CURRENT == 2 )); then\n"
           "        _describe command names\n"
           "        return\n"
           "    elif [[ $words[CURRENT] == -* ]]; then\n"
           "        found=(${(f)\"$(vitrine ${(@)words[2,CURRENT-1]:#-*} --help 2>/dev/null | " LONG_FLAGS ")\"})\n"
           "    elif (( CURRENT == 3 )); then\n"
           "        case $words[2] in\n");
    print_words("        %s) found=(%s) ;;\n");
    printf("        esac\n"
           "    fi\n"
           "    if (( $#found )); then compadd -a found; else _files; fi\n"
           "}\n"
           "if [[ $funcstack[1] == _vitrine ]]; then _vitrine \"$@\"; fi\n"); /* else it is being sourced */
}

static void fish(void)
{
    printf("function __vitrine_flags\n"
           "    set -l words (commandline -opc)\n"
           "    vitrine (string match -v -- '-*' $words[2..-1]) --help 2>/dev/null | " LONG_FLAGS "\n"
           "end\n"
           "function __vitrine_at\n"
           "    set -l words (commandline -opc)\n"
           "    test (count $words) -eq 2; and test $words[2] = $argv[1]\n"
           "end\n"
           "complete -c vitrine -n 'string match -q -- \"-*\" (commandline -ct)' -f -a '(__vitrine_flags)'\n");
    for (const struct cli_entry *c = cli_commands; c->name != NULL; c++)
        if (c->summary != NULL)
            printf("complete -c vitrine -n __fish_use_subcommand -f -a %s -d '%s'\n", c->name, c->summary);
    print_words("complete -c vitrine -n '__vitrine_at %s' -f -a '%s'\n");
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
