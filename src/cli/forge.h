/*
 * cli/forge.h - how the commands that talk to a forge find it: status, pr, workflow.
 *
 * --api, else $GITHUB_API_URL, else https://api.github.com; the token from the variable that --token-env names, else
 * $GH_TOKEN, else $GITHUB_TOKEN. A token is never an argument: arguments are seen by every user of the machine.
 */
#pragma once
#include "cli/cli.h"
#include "forge/forge.h"

struct cli_forge {
    const char *api, *token_env, *repo;
};
/* `repo` is "OWNER/NAME". errors: ERR_INVALID. */
MUST_CHECK bool cli_forge_repo(struct arena *a, const struct cli_forge *f, const char *repo, struct forge_repo *out,
                               struct err *e);

#define CLI_FORGE_FLAGS(f)                                                                                             \
    { "api", 0, .text = &(f).api, .help = "the API's address ($GITHUB_API_URL, else https://api.github.com)" },        \
    {                                                                                                                  \
        "token-env", 0, .text = &(f).token_env,                                                                        \
                        .help = "variable that holds the token ($GH_TOKEN, else $GITHUB_TOKEN)"                        \
    }
