/* vitrine doctor: tries what vitrine needs and says, per line, what works and what to do about what does not. */
#include "cli/full.h"

#include <unistd.h>

#include "base/sys.h"
#include "cluster/local/local.h"
#include "forge/forge.h"
#include "gitops/appset.h"
#include "notify/notify.h"

struct doctor {
    struct arena *a;
    const char *config_dir;
    size_t bad, notes;
    bool colour;
};

enum verdict { GOOD, NOTE, BAD };

static void say(struct doctor *d, enum verdict v, const char *fmt, ...) PRINTF(3, 4);

static void say(struct doctor *d, enum verdict v, const char *fmt, ...)
{
    static const char *const marks[] = { "ok  ", "note", "BAD " };
    static const char *const colours[] = { "\033[32m", "\033[33m", "\033[31m" };
    va_list args;
    d->notes += v == NOTE;
    d->bad += v == BAD;
    if (d->colour)
        printf("%s%s\033[0m  ", colours[v], marks[v]);
    else
        printf("%s  ", marks[v]);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
}

/* ---- the machine -------------------------------------------------------------------------- */

static void check_program(struct doctor *d, const char *name, const char *flag, enum verdict missing, const char *why)
{
    const char *const argv[] = { name, flag, NULL };
    struct proc_result out;
    struct err e;
    if (!proc_run(d->a, &(struct proc_options){ .argv = argv, .timeout_ms = 10000, .merge_stderr = true }, &out, &e)) {
        say(d, missing, "%s is not installed: %s", name, why);
        return;
    }
    struct str line, text = out.out;
    str_split(&text, S("\n"), &line);
    say(d, GOOD, "%.*s", STR(line));
}

static void check_engine(struct doctor *d)
{
    struct local_level l = { 0 };
    local_probe(&l);
    enum verdict v = l.level >= 3 ? GOOD : l.level == 2 ? NOTE : BAD;
    say(d, v, "local engine: step %d of 5 (%s%s%s%s%s)%s%s", l.level, l.root ? "root" : "ordinary user",
        l.userns ? ", user namespaces" : "", l.subuid ? ", subordinate ids" : "", l.overlay ? ", overlay" : "",
        l.veth ? ", veth" : "", l.why[0] != '\0' ? ": " : "", l.why);
}

/* ---- the configuration -------------------------------------------------------------------- */

static void check_generator(struct doctor *d, const struct config *config, const struct value *set,
                            const struct value *generator)
{
    struct forge_repo repo;
    struct forge_pulls pulls;
    struct err e;
    if (!appset_repo(d->a, set, generator, config, &repo, &e)) {
        say(d, BAD, "ApplicationSet %.*s: %s", STR(value_str_at(set, "metadata.name")), e.text);
        return;
    }
    struct forge_cache *cache = forge_cache_open();
    struct patience *busy = patience_begin("asking the forge");
    bool ok = forge_pulls_list(d->a, &repo, cache, &pulls, &e);
    patience_end(busy);
    forge_cache_close(cache);
    if (ok)
        say(d, GOOD, "%.*s/%.*s at %.*s answers%s: %zu open pull requests", STR(repo.owner), STR(repo.name),
            STR(repo.api), repo.token.n > 0 ? ", the token is taken" : " without a token", pulls.n);
    else
        say(d, BAD, "%.*s/%.*s at %.*s: %s", STR(repo.owner), STR(repo.name), STR(repo.api), e.text);
}

static void check_sets(struct doctor *d, const struct config *config)
{
    const struct value *sets = config_documents(config, CONFIG_APPLICATIONSET);
    if (value_len(sets) == 0)
        say(d, NOTE, "the configuration has no ApplicationSet: nothing will be previewed");
    for (size_t s = 0; s < value_len(sets); s++) {
        const struct value *set = value_item(sets, s), *generators = value_at(set, "spec.generators");
        for (size_t g = 0; g < value_len(generators); g++) {
            const struct value *generator = value_item(generators, g);
            if (value_get(generator, "pullRequest")->kind == VALUE_MAP)
                check_generator(d, config, set, generator);
        }
    }
    if (str_trim(value_as_str(value_get(config_secret_data(config, S("argocd-secret")), "webhook.github.secret"))).n
        == 0)
        say(d, NOTE,
            "no webhook secret (webhook.github.secret in Secret argocd-secret): deliveries are refused unless the "
            "server "
            "is given --webhook-secret-file; polling works without");
}

static void check_notifications(struct doctor *d, const struct config *config)
{
    struct notify *n;
    struct err e;
    const struct str *problems;
    struct str *lint;
    if (!notify_load(&(struct notify_options){ .config = config, .cache_dir = "/nonexistent" }, &n, &e)) {
        say(d, BAD, "notifications: %s", e.text);
        return;
    }
    size_t n_problems = notify_problems(n, &problems), n_lint = notify_lint(n, d->a, &lint);
    for (size_t i = 0; i < n_problems; i++)
        say(d, BAD, "notifications: %.*s", STR(problems[i]));
    for (size_t i = 0; i < n_lint; i++)
        say(d, NOTE, "notifications: %.*s", STR(lint[i]));
    if (n_problems + n_lint == 0)
        say(d, GOOD, "notifications: %zu triggers, all of them truthful", notify_names(n, d->a, "trigger").list->n);
    notify_free(n);
}

static void check_config(struct doctor *d)
{
    struct config *config;
    const struct config_problem *problems;
    struct err e;
    if (!config_load(d->config_dir, &config, &e)) {
        say(d, BAD, "%s", e.text);
        return;
    }
    size_t n = config_problems(config, &problems);
    for (size_t i = 0; i < n; i++)
        say(d, problems[i].fatal ? BAD : NOTE, "%.*s: %.*s", STR(problems[i].where), STR(problems[i].text));
    check_sets(d, config);
    check_notifications(d, config);
    config_close(config);
}

int cmd_doctor(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct doctor d = { .a = &a, .colour = cli_is_terminal(stdout) };
    const struct cli_flag flags[] = {
        { "config", 'c', NULL, &d.config_dir, NULL, "folder with the manifests: check it, its tokens and forges too" },
        { NULL },
    };
    struct cli_words rest = { 0 };
    int status;
    if (!cli_start(argc, argv, "doctor [--config DIR]", flags, &rest, &status))
        return status;
    check_engine(&d);
    check_program(&d, "git", "--version", BAD, "sources cannot be fetched; apt-get install git");
    if (geteuid() != 0)
        check_program(&d, "newuidmap", "--help", NOTE,
                      "images with several users need it for an ordinary user; apt-get install uidmap");
    if (d.config_dir != NULL)
        check_config(&d);
    printf("%zu bad, %zu notes\n", d.bad, d.notes);
    return d.bad == 0 ? CLI_OK : CLI_FAILED;
}
