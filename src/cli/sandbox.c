/* vitrine sandbox - the stand-in forge by itself: serve it, and the few things that people do on a forge's pages. */
#include <signal.h>
#include <stdlib.h>

#include "base/sys.h"
#include "cli/full.h"
#include "forge/forge.h"
#include "sandbox/sandbox.h"

static const char usage_text[] =
    "sandbox serve --data DIR [flags]\n"
    "  vitrine sandbox repo create OWNER/NAME\n"
    "  vitrine sandbox pull list OWNER/NAME\n"
    "  vitrine sandbox pull create OWNER/NAME --head BRANCH [--base BRANCH] [--title TEXT]\n"
    "  vitrine sandbox pull merge|close|reopen OWNER/NAME NUMBER [--method merge|squash|rebase]\n"
    "  vitrine sandbox run list OWNER/NAME\n"
    "  vitrine sandbox fault add KIND [--path PART] [--method GET] [--status N] [--times N]\n"
    "  vitrine sandbox fault list|clear\n"
    "  vitrine sandbox wait\n\n"
    "A stand-in for GitHub on this machine: git over HTTP, the API, webhooks, and workflow runs AS YOU, without "
    "isolation.\n"
    "All but serve talk to a running one: --url or $VITRINE_SANDBOX_URL, --token or $VITRINE_SANDBOX_TOKEN.";

struct options {
    const char *data, *address, *port, *socket, *login, *webhook, *secret, *url, *token, *output;
    const char *title, *head, *base, *method, *path, *status, *times, *timeout, *job_timeout;
    bool no_workflows;
    struct cli_words repos, workflow_secrets;
};

/* ---- serve ------------------------------------------------------------------------------------------ */

static bool read_port(const char *text, uint16_t *out, struct err *e)
{
    int64_t n = 0;

    if (text == NULL)
        return true;
    if (!str_to_int(str_c(text), &n) || n < 0 || n > 65535)
        return err_set(e, ERR_INVALID, "--port %s: expected a number from 0 to 65535", text);
    *out = (uint16_t)n;
    return true;
}

/* NAME=VALUE, or NAME to take the value from the environment */
static bool read_secrets(struct arena *a, const struct cli_words *words, struct value *out, struct err *e)
{
    *out = value_map(a);
    for (size_t i = 0; i < words->n; i++) {
        struct str value = str_c(words->v[i]), name;
        if (!str_split(&value, S("="), &name)) {
            const char *given = getenv(words->v[i]);
            if (given == NULL)
                return err_set(e, ERR_INVALID, "--workflow-secret %s: expected NAME=VALUE, or a set variable's NAME",
                               words->v[i]);
            value = str_c(given);
        }
        value_set_str(a, out, arena_c(a, name), value);
    }
    return true;
}

static bool read_seconds(const char *flag, const char *text, int64_t *out_ms, struct err *e)
{
    int64_t n = 0;

    if (text == NULL)
        return true;
    if (!str_to_int(str_c(text), &n) || n < 1 || n > 86400)
        return err_set(e, ERR_INVALID, "--%s %s: expected seconds, 1 to 86400", flag, text);
    *out_ms = n * 1000;
    return true;
}

static bool make_repos(struct sandbox *s, const struct cli_words *repos, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };

    for (size_t i = 0; i < repos->n; i++) {
        struct err missing = { 0 };
        if (!sandbox_call(&a, s, "GET", arena_fmt(&a, "/repos/%s", repos->v[i]), NULL, NULL, &missing)
            && !sandbox_create_repo(s, repos->v[i], e))
            return false;
    }
    return true;
}

static void say_where(struct sandbox *s, const struct options *o)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value v = value_map(&a);

    value_set_str(&a, &v, "url", sandbox_url(s));
    value_set_str(&a, &v, "api", arena_fmt(&a, "%.*s/api/v3", STR(sandbox_url(s))));
    value_set_str(&a, &v, "token", sandbox_token(s));
    if (!cli_print_value(o->output, &v))
        printf("A stand-in forge, not GitHub, at %.*s (API at %.*s/api/v3)\nToken: %.*s\nWorkflow steps of its "
               "repositories run as you, without isolation. Ctrl-C stops it.\n",
               STR(sandbox_url(s)), STR(sandbox_url(s)), STR(sandbox_token(s)));
    fflush(stdout);
}

static void wait_for_signal(const sigset_t *stop)
{
    int signal_number = 0;

    while (sigwait(stop, &signal_number) != 0)
        ;
}

static int serve(const struct options *o)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct sandbox_options so = { .dir = o->data,
                                  .address = o->address,
                                  .unix_socket = o->socket,
                                  .token = str_c(o->token),
                                  .login = str_c(o->login),
                                  .webhook_url = str_c(o->webhook),
                                  .webhook_secret = str_c(o->secret),
                                  .no_workflows = o->no_workflows };
    struct sandbox *s = NULL;
    struct err e = { 0 };
    sigset_t stop;

    if (o->data == NULL)
        return cli_usage("sandbox", "serve needs --data DIR, the folder for repositories and state");
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stop, NULL); /* before any thread starts, so that only sigwait takes them */
    so.path_first = cli_program_dir(&a);
    if (!read_port(o->port, &so.port, &e) || !read_seconds("job-timeout", o->job_timeout, &so.job_timeout_ms, &e)
        || !read_secrets(&a, &o->workflow_secrets, &so.secrets, &e) || !sandbox_open(&so, &s, &e))
        return cli_fail(&e);
    bool ok = make_repos(s, &o->repos, &e);
    if (ok) {
        say_where(s, o);
        wait_for_signal(&stop);
    }
    sandbox_close(s);
    return ok ? CLI_OK : cli_fail(&e);
}

/* ---- talking to a running one -------------------------------------------------------------------------- */

struct client {
    struct arena *a;
    const struct options *o;
    struct forge_repo at;
};

static const char *given(const char *flag, const char *variable)
{
    return flag != NULL ? flag : getenv(variable);
}

static bool connect_to(struct client *c, struct err *e)
{
    const char *url = given(c->o->url, "VITRINE_SANDBOX_URL");

    if (url == NULL)
        return err_set(e, ERR_INVALID, "where is the sandbox? Give --url or set VITRINE_SANDBOX_URL");
    c->at.api = forge_api_base(c->a, str_c(url));
    c->at.token = str_c(given(c->o->token, "VITRINE_SANDBOX_TOKEN"));
    return true;
}

static bool ask(struct client *c, const char *method, struct str path, const struct value *body, struct value *out,
                struct err *e)
{
    struct value ignored;

    return forge_call(c->a, &c->at, method, path, body, out != NULL ? out : &ignored, e);
}

static void set_text(struct client *c, struct value *body, const char *key, const char *text)
{
    if (text != NULL)
        value_set(c->a, body, key, value_c(text));
}

static bool repo_create(struct client *c, const struct cli_words *w, struct err *e)
{
    struct str name = str_c(w->v[2]), owner;
    struct value body = value_map(c->a), out;

    if (!str_split(&name, S("/"), &owner))
        return err_set(e, ERR_INVALID, "'%s' is not a repository: expected OWNER/NAME", w->v[2]);
    value_set_str(c->a, &body, "name", name);
    if (!ask(c, "POST", arena_fmt(c->a, "/orgs/%.*s/repos", STR(owner)), &body, &out, e))
        return false;
    if (!cli_print_value(c->o->output, &out))
        printf("%.*s\n", STR(value_str_at(&out, "clone_url")));
    return true;
}

static bool pull_create(struct client *c, const struct cli_words *w, struct err *e)
{
    struct value body = value_map(c->a), out;

    if (c->o->head == NULL)
        return err_set(e, ERR_INVALID, "pull create needs --head BRANCH");
    set_text(c, &body, "head", c->o->head);
    set_text(c, &body, "base", c->o->base != NULL ? c->o->base : "main");
    set_text(c, &body, "title", c->o->title != NULL ? c->o->title : c->o->head);
    if (!ask(c, "POST", arena_fmt(c->a, "/repos/%s/pulls", w->v[2]), &body, &out, e))
        return false;
    if (!cli_print_value(c->o->output, &out))
        printf("%.*s\n", STR(value_str_at(&out, "html_url")));
    return true;
}

static bool pull_list(struct client *c, const struct cli_words *w, struct err *e)
{
    struct value out;
    struct cli_table t = { .a = c->a, .columns = 4 };

    if (!ask(c, "GET", arena_fmt(c->a, "/repos/%s/pulls?state=all&per_page=100", w->v[2]), NULL, &out, e))
        return false;
    if (cli_print_value(c->o->output, &out))
        return true;
    cli_table_row(&t, (const char *const[]){ "NUMBER", "STATE", "HEAD", "TITLE" });
    for (size_t i = 0; i < value_len(&out); i++) {
        const struct value *pull = value_item(&out, i);
        bool merged = value_str_at(pull, "merged_at").n > 0;
        cli_table_cell(&t, arena_fmt(c->a, "%lld", (long long)value_int_at(pull, "number", 0)));
        cli_table_cell(&t, merged ? S("merged") : value_str_at(pull, "state"));
        cli_table_cell(&t, value_str_at(pull, "head.ref"));
        cli_table_cell(&t, value_str_at(pull, "title"));
    }
    cli_table_print(&t, stdout);
    return true;
}

static bool pull_merge(struct client *c, const struct cli_words *w, struct err *e)
{
    struct value body = value_map(c->a), out;

    set_text(c, &body, "merge_method", c->o->method);
    if (!ask(c, "PUT", arena_fmt(c->a, "/repos/%s/pulls/%s/merge", w->v[2], w->v[3]), &body, &out, e))
        return false;
    if (!cli_print_value(c->o->output, &out))
        printf("merged as %.*s\n", STR(value_str_at(&out, "sha")));
    return true;
}

static bool pull_state(struct client *c, const struct cli_words *w, struct err *e)
{
    struct value body = value_map(c->a), out;

    set_text(c, &body, "state", strcmp(w->v[1], "close") == 0 ? "closed" : "open");
    if (!ask(c, "PATCH", arena_fmt(c->a, "/repos/%s/pulls/%s", w->v[2], w->v[3]), &body, &out, e))
        return false;
    if (!cli_print_value(c->o->output, &out))
        printf("#%s is %.*s\n", w->v[3], STR(value_str_at(&out, "state")));
    return true;
}

static bool run_list(struct client *c, const struct cli_words *w, struct err *e)
{
    struct value out;
    struct cli_table t = { .a = c->a, .columns = 5 };

    if (!ask(c, "GET", arena_fmt(c->a, "/repos/%s/actions/runs?per_page=100", w->v[2]), NULL, &out, e))
        return false;
    if (cli_print_value(c->o->output, &out))
        return true;
    cli_table_row(&t, (const char *const[]){ "ID", "WORKFLOW", "EVENT", "BRANCH", "STATE" });
    for (size_t i = 0; i < value_len(value_get(&out, "workflow_runs")); i++) {
        const struct value *run = value_item(value_get(&out, "workflow_runs"), i);
        struct str conclusion = value_str_at(run, "conclusion");
        cli_table_cell(&t, arena_fmt(c->a, "%lld", (long long)value_int_at(run, "id", 0)));
        cli_table_cell(&t, value_str_at(run, "name"));
        cli_table_cell(&t, value_str_at(run, "event"));
        cli_table_cell(&t, value_str_at(run, "head_branch"));
        cli_table_cell(&t, conclusion.n > 0 ? conclusion : value_str_at(run, "status"));
    }
    cli_table_print(&t, stdout);
    return true;
}

static bool set_number(struct client *c, struct value *body, const char *key, const char *text, struct err *e)
{
    int64_t n = 0;

    if (text == NULL)
        return true;
    if (!str_to_int(str_c(text), &n))
        return err_set(e, ERR_INVALID, "--%s %s: expected a number", key, text);
    value_set(c->a, body, key, value_int(n));
    return true;
}

/* The API is at /api/v3; the sandbox's own calls answer there as well. */
static bool fault_add(struct client *c, const struct cli_words *w, struct err *e)
{
    struct value body = value_map(c->a);

    set_text(c, &body, "kind", w->v[2]);
    set_text(c, &body, "path", c->o->path);
    set_text(c, &body, "method", c->o->method);
    return set_number(c, &body, "status", c->o->status, e) && set_number(c, &body, "times", c->o->times, e)
           && ask(c, "POST", S("/_sandbox/fault"), &body, NULL, e);
}

static bool fault_list(struct client *c, const struct cli_words *w, struct err *e)
{
    struct value out;

    if (!ask(c, "GET", S("/_sandbox/fault"), NULL, &out, e))
        return false;
    cli_print_value(c->o->output != NULL ? c->o->output : "yaml", &out);
    return true;
}

static bool fault_clear(struct client *c, const struct cli_words *w, struct err *e)
{
    return ask(c, "DELETE", S("/_sandbox/fault"), NULL, NULL, e);
}

/* Asked again and again: one call is shorter than the client's own time-out. */
static bool wait_idle(struct client *c, const struct cli_words *w, struct err *e)
{
    int64_t most_ms = 600000;
    struct value out;

    if (!read_seconds("timeout", c->o->timeout, &most_ms, e))
        return false;
    int64_t deadline = clock_mono_ms() + most_ms;
    do {
        if (!ask(c, "GET", S("/_sandbox/idle?wait_ms=10000"), NULL, &out, e))
            return false;
        if (value_bool_at(&out, "idle", false))
            return true;
    } while (clock_mono_ms() < deadline);
    return err_set(e, ERR_UNAVAILABLE, "workflow runs or webhooks are still under way after %lld s",
                   (long long)most_ms / 1000);
}

static const struct action {
    const char *noun, *verb;
    size_t words; /* in all */
    bool (*run)(struct client *c, const struct cli_words *w, struct err *e);
} actions[] = {
    { "repo", "create", 3, repo_create }, { "pull", "create", 3, pull_create }, { "pull", "list", 3, pull_list },
    { "pull", "merge", 4, pull_merge },   { "pull", "close", 4, pull_state },   { "pull", "reopen", 4, pull_state },
    { "run", "list", 3, run_list },       { "fault", "add", 3, fault_add },     { "fault", "list", 2, fault_list },
    { "fault", "clear", 2, fault_clear }, { "wait", NULL, 1, wait_idle },
};

static const struct action *find_action(const struct cli_words *w)
{
    for (size_t i = 0; i < COUNT(actions); i++)
        if (w->n == actions[i].words && strcmp(w->v[0], actions[i].noun) == 0
            && (actions[i].verb == NULL || strcmp(w->v[1], actions[i].verb) == 0))
            return &actions[i];
    return NULL;
}

int cmd_sandbox(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct options o = { 0 };
    struct cli_words words = { 0 };
    struct client c = { .a = &a, .o = &o };
    struct err e = { 0 };
    int status = CLI_OK;
    const struct cli_flag flags[] = {
        { "data", 0, .text = &o.data, .help = "serve: folder for repositories and state" },
        { "address", 0, .text = &o.address, .help = "serve: address to listen on (127.0.0.1)" },
        { "port", 'p', .text = &o.port, .help = "serve: port to listen on (any free one)" },
        { "socket", 0, .text = &o.socket,
          .help = "serve: listen on this unix socket too, for `gh config set http_unix_socket`" },
        { "login", 0, .text = &o.login, .help = "serve: name of the token's owner (octo)" },
        { "webhook", 0, .text = &o.webhook, .help = "serve: URL that gets every event of every repository" },
        { "secret", 0, .text = &o.secret, .help = "serve: secret that signs the webhooks" },
        { "repo", 0, .many = &o.repos, .help = "serve: make OWNER/NAME if it is not there (again and again)" },
        { "workflow-secret", 0, .many = &o.workflow_secrets, .help = "serve: NAME=VALUE for ${{ secrets.NAME }}" },
        { "job-timeout", 0, .text = &o.job_timeout, .help = "serve: most seconds for a job of a workflow (600)" },
        { "no-workflows", 0, .flag = &o.no_workflows, .help = "serve: run no workflows" },
        { "token", 't', .text = &o.token, .help = "the token with every right (serve: made up and kept by default)" },
        { "url", 'u', .text = &o.url, .help = "address of a running sandbox" },
        { "head", 0, .text = &o.head, .help = "pull create: the branch with the changes" },
        { "base", 0, .text = &o.base, .help = "pull create: the branch to merge into (main)" },
        { "title", 0, .text = &o.title, .help = "pull create: its title (the branch's name)" },
        { "method", 0, .text = &o.method, .help = "pull merge: merge, squash or rebase; fault add: GET, POST ..." },
        { "path", 0, .text = &o.path, .help = "fault add: a part of the paths to hit (all)" },
        { "status", 0, .text = &o.status, .help = "fault add status: the answer's status" },
        { "times", 0, .text = &o.times, .help = "fault add: how often (until cleared)" },
        { "timeout", 0, .text = &o.timeout, .help = "wait: seconds (600)" },
        { "output", 'o', .text = &o.output, .help = "json or yaml", .words = "json yaml" },
        { 0 },
    };

    if (!cli_start(argc, argv, usage_text, flags, &words, &status))
        return status;
    if (words.n == 1 && strcmp(words.v[0], "serve") == 0)
        return serve(&o);
    const struct action *action = words.n > 0 ? find_action(&words) : NULL;
    if (action == NULL)
        return cli_usage("sandbox",
                         words.n > 0 ? "'%s' is not a command of the sandbox, or it lacks arguments"
                                     : "what shall the sandbox do?",
                         words.n > 0 ? words.v[0] : "");
    return connect_to(&c, &e) && action->run(&c, &words, &e) ? CLI_OK : cli_fail(&e);
}
