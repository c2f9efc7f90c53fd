/* vitrine demo: open, push, break, mend, merge, promote - each step done for real and measured. */
#include "cli/demo.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/sys.h"
#include "cli/full.h"
#include "cluster/local/local.h"
#include "net/http.h"

enum { STEP_MS = 120000, LOOK_MS = 20 };

volatile sig_atomic_t demo_interrupted;

static void interrupt(int sig)
{
    demo_interrupted = 1;
}

/* ---- conditions, asked over the real interfaces ------------------------------------------- */

struct wish {
    struct demo *d;
    int64_t number; /* pull request */
    struct str sha;
    const char *text; /* what the preview must answer, or the state a status must have */
    const char *context;
    struct str tag;
    struct str found; /* what was seen last */
};
typedef bool condition(struct wish *w, struct arena *a);

static bool wait_for(struct wish *w, condition *met, const char *what, struct err *e)
{
    int64_t deadline = clock_mono_ms() + STEP_MS;
    while (!demo_interrupted) {
        CLEANUP(arena_close) struct arena a = { 0 };
        if (met(w, &a))
            return true;
        if (clock_mono_ms() > deadline)
            return err_set(e, ERR_UNAVAILABLE, "%s did not happen within %d s%s%.*s", what, STEP_MS / 1000,
                           w->found.n > 0 ? "; last seen: " : "", STR(w->found));
        poll(NULL, 0, LOOK_MS);
    }
    return err_set(e, ERR_UNAVAILABLE, "interrupted");
}

static struct str preview_url(struct demo *d, struct arena *a, int64_t number)
{
    return arena_fmt(a, "http://demo-web-pr-%lld.localhost:%d/", (long long)number, d->ingress_port);
}

static void remember(struct wish *w, struct str seen)
{
    seen = utf8_prefix(str_trim(seen), 200);
    if (!str_eq(w->found, seen))
        w->found = arena_str(&w->d->a, seen);
}

static bool preview_answers(struct wish *w, struct arena *a)
{
    struct http_response r;
    struct err e;
    if (!http_do(a, &(struct http_request){ .url = preview_url(w->d, a, w->number), .timeout_ms = 2000 }, &r, &e)) {
        remember(w, str_c(e.text));
        return false;
    }
    remember(w, r.body);
    return r.status == 200 && str_find(r.body, str_c(w->text)) >= 0;
}

static bool status_is(struct wish *w, struct arena *a)
{
    struct forge_status *v;
    struct err e;
    size_t n;
    if (!forge_status_list(a, &w->d->repo, w->sha, &v, &n, &e)) {
        remember(w, str_c(e.text));
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!str_is(v[i].context, w->context))
            continue;
        remember(w, arena_fmt(a, "%.*s: %.*s", STR(v[i].state), STR(v[i].description)));
        return str_is(v[i].state, w->text);
    }
    return false;
}

static bool tag_exists(struct wish *w, struct arena *a)
{
    struct oci_reference r;
    struct oci_descriptor found;
    struct err e;
    if (!oci_reference_parse(a, arena_fmt(a, "%.*s:%.*s", STR(w->d->image), STR(w->tag)), &r, &e)
        || !oci_resolve(a, w->d->images, &r, &found, &e)) {
        remember(w, str_c(e.text));
        return false;
    }
    remember(w, found.digest);
    return true;
}

static bool environment_gone(struct wish *w, struct arena *a)
{
    struct value v;
    struct err e;
    struct str url = arena_fmt(a, "http://127.0.0.1:%d/api/v1/environments", w->d->page_port);
    if (!http_get_json(a, url, (struct http_headers){ 0 }, &v, &e))
        return false;
    struct str name = arena_fmt(a, "demo-web-pr-%lld", (long long)w->number);
    const struct value *items = value_get(&v, "items");
    for (size_t i = 0; i < value_len(items); i++)
        if (str_eq(value_str_at(value_item(items, i), "name"), name))
            return false;
    return true;
}

/* ---- the steps ---------------------------------------------------------------------------- */

static bool wait_status(struct demo *d, struct str sha, const char *context, const char *state, struct err *e)
{
    struct wish w = { .d = d, .sha = sha, .context = context, .text = state };
    if (!wait_for(&w, status_is, arena_fmt(&d->a, "status %s %s of %.7s", context, state, sha.p).p, e))
        return false;
    demo_say(d, "commit status %-32s %.*s", context, STR(w.found));
    return true;
}

static bool wait_serving(struct demo *d, int64_t number, const char *text, int64_t since_ms, struct err *e)
{
    struct wish w = { .d = d, .number = number, .text = text };
    if (!wait_for(&w, preview_answers, "the preview's answer", e))
        return false;
    demo_say(d, "%.*s answers %.*s  (%.2f s after the push)", STR(preview_url(d, &d->a, number)), STR(w.found),
             (double)(clock_mono_ms() - since_ms) / 1000);
    return true;
}

static bool digest_of(struct demo *d, struct str tag, struct str *out, struct err *e)
{
    struct wish w = { .d = d, .tag = tag };
    if (!wait_for(&w, tag_exists, arena_fmt(&d->a, "image tag %.*s", STR(tag)).p, e))
        return false;
    *out = w.found;
    return true;
}

static bool trunk(struct demo *d, struct err *e)
{
    struct str sha, digest;
    demo_title(d, "The trunk: a first push builds the image and publishes the chart");
    if (!demo_git(d, &sha, e, "rev-parse", "HEAD", NULL)
        || !digest_of(d, arena_fmt(&d->a, "sha-%.*s", STR(sha)), &digest, e))
        return false;
    if (!sandbox_wait_idle(d->forge, clock_mono_ms() + STEP_MS))
        return err_set(e, ERR_UNAVAILABLE, "the first workflow run did not end");
    demo_say(d, "image %.*s:sha-%.7s  %.19s...", STR(d->image), sha.p, digest.p);
    return true;
}

static bool open_pull(struct demo *d, const char *branch, const char *title, const char *message, int64_t *number,
                      struct str *sha, struct err *e)
{
    if (!demo_git(d, NULL, e, "checkout", "-q", "-B", branch, "main", NULL) || !demo_write_message(d, message, e))
        return false;
    int64_t pushed = clock_mono_ms();
    if (!demo_push(d, branch, title, sha, e)
        || !sandbox_create_pull(d->forge, DEMO_REPO, str_c(title), str_c(branch), S("main"), number, e))
        return false;
    demo_title(d, "Pull request #%lld \"%s\" is opened (%s at %.7s)", (long long)*number, title, branch, sha->p);
    return wait_serving(d, *number, message, pushed, e) && wait_status(d, *sha, "vitrine/preview", "success", e)
           && wait_status(d, *sha, "continuous-integration/argocd", "success", e);
}

static bool push_again(struct demo *d, int64_t number, const char *branch, struct str *sha, struct err *e)
{
    struct str before, after, tag = arena_fmt(&d->a, "pr-%lld", (long long)number);
    demo_title(d, "A second commit is pushed to #%lld", (long long)number);
    if (!digest_of(d, tag, &before, e) || !demo_write_message(d, "Second thoughts", e))
        return false;
    int64_t pushed = clock_mono_ms();
    if (!demo_push(d, branch, "Second thoughts", sha, e) || !wait_serving(d, number, "Second thoughts", pushed, e)
        || !digest_of(d, tag, &after, e))
        return false;
    demo_say(d, "tag pr-%lld moved from %.15s... to %.15s...", (long long)number, before.p, after.p);
    return wait_status(d, *sha, "vitrine/preview", "success", e);
}

static bool break_it(struct demo *d, int64_t number, const char *branch, struct err *e)
{
    struct wish w = { .d = d, .number = number, .text = "Second thoughts" };
    struct str sha;
    demo_title(d, "A commit whose chart does not render");
    const char *path = fs_join(&d->a, d->copy, "deploy/templates/database.yaml");
    if (!fs_write(path, S("{{ required \"the database's url must be set\" .Values.databaseUrl }}\n"), 0644, e)
        || !demo_push(d, branch, "Use a database", &sha, e) || !wait_status(d, sha, "vitrine/preview", "failure", e)
        || !wait_for(&w, preview_answers, "the old preview", e))
        return false;
    demo_say(d, "the preview of the commit before serves on: %.*s", STR(w.found));
    return true;
}

static bool mend_it(struct demo *d, int64_t number, const char *branch, struct str *sha, struct err *e)
{
    demo_title(d, "The mend");
    if (!demo_git(d, NULL, e, "rm", "-q", "-f", "deploy/templates/database.yaml", NULL)
        || !demo_write_message(d, "Mended", e))
        return false;
    int64_t pushed = clock_mono_ms();
    return demo_push(d, branch, "Do without a database", sha, e) && wait_serving(d, number, "Mended", pushed, e)
           && wait_status(d, *sha, "vitrine/preview", "success", e);
}

static bool merge(struct demo *d, int64_t number, struct str tested, struct err *e)
{
    struct wish gone = { .d = d, .number = number };
    struct str merged, tested_digest, promoted;
    demo_title(d, "#%lld is merged (squash)", (long long)number);
    if (!digest_of(d, arena_fmt(&d->a, "sha-%.*s", STR(tested)), &tested_digest, e)
        || !sandbox_merge(&d->a, d->forge, DEMO_REPO, number, "squash", &merged, e)
        || !wait_for(&gone, environment_gone, "the removal of the environment", e))
        return false;
    demo_say(d, "environment demo-web-pr-%lld is gone, its namespace too", (long long)number);
    if (!digest_of(d, arena_fmt(&d->a, "sha-%.*s", STR(merged)), &promoted, e))
        return false;
    if (!str_eq(tested_digest, promoted))
        return err_set(e, ERR_INVALID, "the promoted image %.*s is not the tested one %.*s", STR(promoted),
                       STR(tested_digest));
    demo_say(d, "promoted: sha-%.7s (merge) is %.19s..., the very image that was tested as sha-%.7s", merged.p,
             promoted.p, tested.p);
    return true;
}

static bool close_it(struct demo *d, int64_t number, struct err *e)
{
    struct wish gone = { .d = d, .number = number };
    demo_title(d, "#%lld is closed without merging", (long long)number);
    if (!sandbox_close_pull(d->forge, DEMO_REPO, number, e)
        || !wait_for(&gone, environment_gone, "the removal of the environment", e))
        return false;
    demo_say(d, "environment demo-web-pr-%lld is gone, nothing was promoted", (long long)number);
    return true;
}

static bool story(struct demo *d, int64_t *other, struct err *e)
{
    int64_t first;
    struct str sha, other_sha;
    return trunk(d, e) && open_pull(d, "feat/greeting", "A friendlier greeting", "Good morning", &first, &sha, e)
           && push_again(d, first, "feat/greeting", &sha, e) && break_it(d, first, "feat/greeting", e)
           && mend_it(d, first, "feat/greeting", &sha, e)
           && open_pull(d, "feat/other", "Something else entirely", "Another preview", other, &other_sha, e)
           && merge(d, first, sha, e);
}

/* ---- the command -------------------------------------------------------------------------- */

static void where_to_look(struct demo *d)
{
    demo_title(d, "Open http://127.0.0.1:%d/", d->page_port);
    demo_say(d,
             "the forge's API is at http://127.0.0.1:%d/api/v3, the registry at 127.0.0.1:%d, previews at "
             "http://demo-web-pr-N.localhost:%d/",
             d->forge_port, d->registry_port, d->ingress_port);
    demo_say(d, "push to %.*s yourself: git clone %.*s", STR(S(DEMO_REPO)), STR(d->repo_url));
}

static int tell_story(struct demo *d, bool quick)
{
    int64_t other = 0;
    struct err e = { 0 };
    struct local_level level = { 0 };
    local_probe(&level);
    if (level.level < 3)
        return cli_fail_text("this machine cannot run the previews: %s", level.why);
    printf("vitrine demo: a forge, a registry, a controller and an engine on this machine; no account, no cluster.\n");
    if (!demo_open(d, &e))
        return cli_fail(&e);
    where_to_look(d);
    if (!story(d, &other, &e))
        return demo_interrupted ? 130 : cli_fail(&e);
    if (quick)
        return close_it(d, other, &e) ? CLI_OK : cli_fail(&e);
    where_to_look(d);
    demo_say(d, "#%lld stays open: %.*s", (long long)other, STR(preview_url(d, &d->a, other)));
    demo_say(d, "Ctrl-C ends the demo and removes everything");
    while (!demo_interrupted)
        poll(NULL, 0, 1000);
    return CLI_OK;
}

int cmd_demo(int argc, char **argv)
{
    struct demo d = { .app = "examples/demo-web", .colour = cli_is_terminal(stdout) };
    const char *name = "full";
    const struct cli_flag flags[] = {
        { "app", 0, NULL, &d.app, NULL, "folder of the example (default examples/demo-web)" },
        { "story", 0, NULL, &name, NULL, "full: goes on until Ctrl-C; quick: ends by itself" },
        { NULL },
    };
    struct cli_words rest = { 0 };
    int status;
    if (!cli_start(argc, argv, "demo [--app DIR] [--story quick]", flags, &rest, &status))
        return status;
    bool quick = strcmp(name, "quick") == 0;
    if (!quick && strcmp(name, "full") != 0)
        return cli_usage("demo", "--story %s: full or quick was expected", name);
    if (!fs_exists(d.app))
        return cli_usage("demo", "%s does not exist: run it in the project's folder, or name the example with --app",
                         d.app);
    struct sigaction action = { .sa_handler = interrupt };
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    log_set_level(LOG_ERROR);
    status = tell_story(&d, quick);
    demo_close(&d);
    return status;
}
