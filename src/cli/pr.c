/* vitrine pr find --sha SHA - the pull request of a commit: what promotion asks. */
#include <stdlib.h>

#include "cli/forge.h"
#include "cli/full.h"

static const char usage_text[] = "pr find --sha SHA [--repo OWNER/NAME] [flags]";

enum { NO_PULL = 3 }; /* a commit without a pull request is an answer, not a failure */

static struct value document(struct arena *a, const struct forge_pull *p)
{
    struct value out = value_map(a);

    value_set(a, &out, "number", value_int(p->number));
    value_set_str(a, &out, "title", p->title);
    value_set_str(a, &out, "url", p->url);
    value_set_str(a, &out, "state", p->merged ? S("merged") : p->state);
    value_set_str(a, &out, "headRefName", p->branch);
    value_set_str(a, &out, "headRefOid", p->head_sha);
    value_set_str(a, &out, "mergeCommit", p->merge_commit_sha);
    return out;
}

static int find(struct arena *a, const struct forge_repo *r, const char *sha, bool any, const char *output)
{
    struct forge_pull p;
    struct err e = { 0 };

    if (!forge_pull_of_commit(a, r, str_c(sha), !any, &p, &e)) {
        cli_fail(&e);
        return e.kind == ERR_NOT_FOUND ? NO_PULL : CLI_FAILED;
    }
    struct value doc = document(a, &p);
    if (!cli_print_value(output, &doc))
        printf("%.*s\n", STR(p.url));
    return CLI_OK;
}

int cmd_pr(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct cli_forge forge = { 0 };
    struct cli_words words = { 0 };
    struct forge_repo repo;
    struct err e = { 0 };
    const char *sha = NULL, *output = NULL, *name = getenv("GITHUB_REPOSITORY");
    bool any = false;
    int status = CLI_OK;
    const struct cli_flag flags[] = {
        { "sha", 0, .text = &sha, .help = "the commit: a merge, squash or rebase result, or a head" },
        { "repo", 'R', .text = &name, .help = "OWNER/NAME ($GITHUB_REPOSITORY)" },
        { "any-state", 0, .flag = &any, .help = "open and closed ones too, not only merged" },
        { "output", 'o', .text = &output, .help = "json or yaml; else the address. Exit status 3: there is none",
          .words = "json yaml" },
        CLI_FORGE_FLAGS(forge),
        { 0 },
    };

    if (!cli_start(argc, argv, usage_text, flags, &words, &status))
        return status;
    if (words.n != 1 || strcmp(words.v[0], "find") != 0 || sha == NULL || name == NULL)
        return cli_usage("pr", "expected: pr find --sha SHA --repo OWNER/NAME");
    if (!cli_forge_repo(&a, &forge, name, &repo, &e))
        return cli_fail(&e);
    return find(&a, &repo, sha, any, output);
}
