/* vitrine workflow run FILE --ref R -f k=v - workflow_dispatch. */
#include <stdlib.h>

#include "cli/forge.h"
#include "cli/full.h"

static const char usage_text[] = "workflow run FILE [--ref BRANCH] [-f NAME=VALUE]... [--repo OWNER/NAME] [flags]";

static bool read_inputs(struct arena *a, const struct cli_words *words, struct value *out, struct err *e)
{
    *out = value_map(a);
    for (size_t i = 0; i < words->n; i++) {
        struct str value = str_c(words->v[i]), name;
        if (!str_split(&value, S("="), &name) || name.n == 0)
            return err_set(e, ERR_INVALID, "-f %s: expected NAME=VALUE", words->v[i]);
        value_set_str(a, out, arena_c(a, name), value);
    }
    return true;
}

int cmd_workflow(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct cli_forge forge = { 0 };
    struct cli_words words = { 0 }, fields = { 0 };
    struct forge_repo repo;
    struct value inputs;
    struct err e = { 0 };
    const char *git_ref = "main", *name = getenv("GITHUB_REPOSITORY");
    int status = CLI_OK;
    const struct cli_flag flags[] = {
        { "ref", 'r', .text = &git_ref, .help = "branch or tag whose file is run (main)" },
        { "field", 'f', .many = &fields, .help = "an input, NAME=VALUE (again and again)" },
        { "repo", 'R', .text = &name, .help = "OWNER/NAME ($GITHUB_REPOSITORY)" },
        CLI_FORGE_FLAGS(forge),
        { 0 },
    };

    if (!cli_start(argc, argv, usage_text, flags, &words, &status))
        return status;
    if (words.n != 2 || strcmp(words.v[0], "run") != 0 || name == NULL)
        return cli_usage("workflow", "expected: workflow run FILE --repo OWNER/NAME");
    if (!read_inputs(&a, &fields, &inputs, &e) || !cli_forge_repo(&a, &forge, name, &repo, &e)
        || !forge_workflow_dispatch(&a, &repo, str_c(words.v[1]), str_c(git_ref), &inputs, &e))
        return cli_fail(&e);
    printf("workflow %s of %s is asked to run at %s\n", words.v[1], name, git_ref);
    return CLI_OK;
}
