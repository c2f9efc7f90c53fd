/* Finding the forge for the commands that talk to one. */
#include "cli/forge.h"

#include <stdlib.h>

static const char *first_set(const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *value = names[i] != NULL ? getenv(names[i]) : NULL;
        if (value != NULL && value[0] != '\0')
            return value;
    }
    return NULL;
}

bool cli_forge_repo(struct arena *a, const struct cli_forge *f, const char *repo, struct forge_repo *out, struct err *e)
{
    const char *const tokens[] = { "GH_TOKEN", "GITHUB_TOKEN" }, *const apis[] = { "GITHUB_API_URL" };
    struct forge_repo r = { .name = str_c(repo) };

    if (repo == NULL || !str_split(&r.name, S("/"), &r.owner) || r.name.n == 0 || r.owner.n == 0)
        return err_set(e, ERR_INVALID, "'%s' is not a repository: expected OWNER/NAME", repo != NULL ? repo : "");
    r.api = forge_api_base(a, str_c(f->api != NULL ? f->api : first_set(apis, COUNT(apis))));
    if (f->token_env != NULL && first_set(&f->token_env, 1) == NULL)
        return err_set(e, ERR_INVALID, "--token-env %s: there is no such variable, or it is empty", f->token_env);
    r.token = str_c(f->token_env != NULL ? first_set(&f->token_env, 1) : first_set(tokens, COUNT(tokens)));
    *out = r;
    return true;
}
