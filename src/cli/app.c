/* vitrine app list|get|sync|diff|history|logs|wait|delete|delete-resource: argocd's commands over the server's API. */
#include "cli/app.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/sys.h"
#include "cli/full.h"
#include "data/yaml.h"
#include "gitops/application.h"
#include "net/http.h"
#include "net/url.h"

enum { POLL_MS = 200, DEFAULT_TIMEOUT_S = 600 };

struct app_call {
    struct arena *a;
    struct cli_api api;
    const char *server, *output, *timeout, *revision, *container, *pod, *tail, *project, *group, *kind, *resource_ns,
        *resource_name;
    bool show_operation, show_params, refresh, hard_refresh, prune, dry_run, force, async, sync, health, operation,
        deleted, cascade, yes, wait, follow, previous, exit_code, grpc_web, degraded;
    struct cli_words resources, rest;
    struct str name;
};

static int refused(const struct err *e)
{
    cli_fail(e);
    return CLI_REFUSED;
}

/* "argocd/demo-web-pr-5" and "demo-web-pr-5" name the same application. */
static struct str bare_name(struct str name)
{
    ptrdiff_t slash = str_rfind(name, S("/"));
    return str_slice(name, slash < 0 ? 0 : (size_t)slash + 1, name.n);
}

static struct str app_path(struct app_call *c, const char *tail)
{
    return arena_fmt(c->a, "/api/v1/applications/%.*s%s", STR(url_escape_path(c->a, c->name)), tail);
}

static bool read_app(struct app_call *c, struct arena *a, const char *query, struct value *out, struct err *e)
{
    return cli_api_call(a, &c->api, "GET", app_path(c, query), NULL, out, e);
}

static bool is_count(const char *text)
{
    int64_t n;
    return text == NULL || (str_to_int(str_c(text), &n) && n > 0 && n <= INT32_MAX);
}

static int64_t timeout_ms(const struct app_call *c)
{
    int64_t seconds = DEFAULT_TIMEOUT_S;
    if (c->timeout != NULL)
        (void)str_to_int(str_c(c->timeout), &seconds); /* run_verb has looked at it */
    return seconds * 1000;
}

/* ---- list, get, history ------------------------------------------------------------------- */

static int app_list(struct app_call *c)
{
    struct value v, items = value_list(c->a);
    struct err e;
    if (!cli_api_call(c->a, &c->api, "GET", S("/api/v1/applications"), NULL, &v, &e))
        return refused(&e);
    const struct value *all = value_get(&v, "items");
    for (size_t i = 0; i < value_len(all); i++)
        if (c->project == NULL || str_is(value_str_at(value_item(all, i), "spec.project"), c->project))
            list_push(c->a, items.list, *value_item(all, i));
    if (cli_print_value(c->output, &items))
        return CLI_OK;
    if (c->output != NULL && strcmp(c->output, "name") == 0) {
        for (size_t i = 0; i < value_len(&items); i++)
            printf(APP_NAMESPACE_DEFAULT "/%.*s\n", STR(application_name(value_item(&items, i))));
        return CLI_OK;
    }
    app_print_list(&items);
    return CLI_OK;
}

static int app_get(struct app_call *c)
{
    struct value app;
    struct err e;
    const char *query = c->hard_refresh ? "?refresh=hard" : c->refresh ? "?refresh=normal" : "";
    if (!read_app(c, c->a, query, &app, &e))
        return refused(&e);
    if (!cli_print_value(c->output, &app))
        app_print(&app, c->api.base, c->show_operation, c->show_params);
    return CLI_OK;
}

static int app_history(struct app_call *c)
{
    struct value app;
    struct err e;
    if (!read_app(c, c->a, "", &app, &e))
        return refused(&e);
    if (!cli_print_value(c->output, value_at(&app, "status.history")))
        app_print_history(&app, c->output != NULL && strcmp(c->output, "id") == 0);
    return CLI_OK;
}

/* ---- waiting ------------------------------------------------------------------------------ */

/* An operation counts as running until the comparison after it. */
static bool operation_over(const struct value *app)
{
    struct str phase = value_str_at(app, "status.operationState.phase");
    int64_t finished, reconciled;
    if (value_get(app, "operation")->kind == VALUE_MAP || str_is(phase, "Running") || str_is(phase, "Terminating"))
        return false;
    if (!clock_parse_rfc3339(value_str_at(app, "status.operationState.finishedAt"), &finished))
        return phase.n == 0;
    return clock_parse_rfc3339(value_str_at(app, "status.reconciledAt"), &reconciled) && reconciled >= finished;
}

static bool reached(const struct app_call *c, const struct value *app)
{
    bool any = c->sync || c->health || c->operation || c->degraded;
    if ((c->operation || !any) && !operation_over(app))
        return false;
    if ((c->sync || !any) && !str_is(value_str_at(app, "status.sync.status"), "Synced"))
        return false;
    if (c->degraded && !str_is(value_str_at(app, "status.health.status"), "Degraded"))
        return false;
    return !(c->health || !any) || str_is(value_str_at(app, "status.health.status"), "Healthy");
}

/* A line whenever something visible changed. */
static void show_progress(const struct value *app, char *last, size_t max)
{
    char now[512];
    snprintf(now, sizeof now, "%.*s  %.*s  %.*s  %.*s", STR(value_str_at(app, "status.sync.status")),
             STR(value_str_at(app, "status.health.status")), STR(value_str_at(app, "status.operationState.phase")),
             STR(str_slice(value_str_at(app, "status.operationState.message"), 0, 200)));
    if (strcmp(now, last) == 0)
        return;
    snprintf(last, max, "%s", now);
    fprintf(stderr, "%.*s  %s\n", STR(application_name(app)), now);
}

/* Nobody who waits for health should wait on when it is lost. */
static bool turned_degraded(const struct app_call *c, const struct value *app, char *before, size_t max)
{
    struct str now = value_str_at(app, "status.health.status");
    bool wanted = c->health || !(c->sync || c->operation || c->degraded || c->deleted);
    bool turned = wanted && str_is(now, "Degraded") && before[0] != '\0' && strcmp(before, "Unknown") != 0
                  && strcmp(before, "Degraded") != 0;
    if (turned)
        cli_fail_text("application '%.*s' health state has transitioned from %s to Degraded", STR(c->name), before);
    snprintf(before, max, "%.*s", STR(now));
    return turned;
}

static int wait_until(struct app_call *c)
{
    int64_t deadline = clock_mono_ms() + timeout_ms(c);
    char last[512] = "", health[32] = "";
    for (;;) {
        CLEANUP(arena_close) struct arena a = { 0 };
        struct value app;
        struct err e;
        bool found = read_app(c, &a, "", &app, &e);
        if (!found && c->deleted && e.kind == ERR_NOT_FOUND)
            return CLI_OK;
        if (!found)
            return refused(&e);
        show_progress(&app, last, sizeof last);
        if (turned_degraded(c, &app, health, sizeof health))
            return CLI_REFUSED;
        if (!c->deleted && reached(c, &app)) {
            app_print(&app, c->api.base, true, false);
            return CLI_OK;
        }
        if (clock_mono_ms() > deadline) {
            printf("This is the state of the app after wait timed out:\n");
            app_print(&app, c->api.base, true, false);
            printf("The command timed out waiting for the conditions to be met.\n");
            cli_fail_text("timed out (%llds) waiting for app \"%.*s\" match desired state",
                          (long long)timeout_ms(c) / 1000, STR(c->name));
            return CLI_REFUSED;
        }
        usleep(POLL_MS * 1000);
    }
}

/* ---- sync, delete ------------------------------------------------------------------------- */

/* GROUP:KIND:[NAMESPACE/]NAME */
static bool read_resource(struct app_call *c, const char *text, struct value *out, struct err *e)
{
    struct str rest = str_c(text), group, kind, ns = S("");
    if (!str_split(&rest, S(":"), &group) || !str_split(&rest, S(":"), &kind) || rest.n == 0)
        return err_set(e, ERR_INVALID, "--resource %s: GROUP:KIND:NAME was expected", text);
    ptrdiff_t slash = str_find(rest, S("/"));
    if (slash >= 0)
        str_split(&rest, S("/"), &ns);
    *out = value_map(c->a);
    value_set_str(c->a, out, "group", group);
    value_set_str(c->a, out, "kind", kind);
    value_set_str(c->a, out, "namespace", ns);
    value_set_str(c->a, out, "name", rest);
    return true;
}

/* What a whole sync left behind because pruning was not asked for. */
static size_t prune_skipped(const struct value *app)
{
    const struct value *rows = value_at(app, "status.operationState.syncResult.resources");
    size_t n = 0;
    for (size_t i = 0; i < value_len(rows); i++)
        n += str_is(value_str_at(value_item(rows, i), "status"), "PruneSkipped");
    return str_is(value_str_at(app, "status.sync.status"), "Synced") ? 0 : n;
}

static int sync_result(const struct app_call *c, const struct value *app)
{
    struct str phase = value_str_at(app, "status.operationState.phase");
    size_t left = c->resources.n == 0 ? prune_skipped(app) : 0;
    if (!str_is(phase, "Succeeded"))
        return cli_fail_text("Operation has completed with phase: %.*s", STR(phase));
    return left == 0 ? CLI_OK : cli_fail_text("%zu resources require pruning", left);
}

static int app_sync(struct app_call *c)
{
    struct value body = value_map(c->a), out, resources = value_list(c->a), one;
    struct err e;
    value_set(c->a, &body, "prune", value_bool(c->prune));
    value_set(c->a, &body, "dryRun", value_bool(c->dry_run));
    value_set(c->a, &body, "force", value_bool(c->force));
    if (c->revision != NULL)
        value_set_str(c->a, &body, "revision", str_c(c->revision));
    for (size_t i = 0; i < c->resources.n; i++) {
        if (!read_resource(c, c->resources.v[i], &one, &e))
            return cli_usage("app", "%s", e.text);
        list_push(c->a, resources.list, one);
    }
    if (c->resources.n > 0)
        value_set(c->a, &body, "resources", resources);
    if (!cli_api_call(c->a, &c->api, "POST", app_path(c, "/sync"), &body, &out, &e))
        return refused(&e);
    if (c->async)
        return CLI_OK;
    c->operation = true;
    int status = wait_until(c);
    if (status != CLI_OK || !read_app(c, c->a, "", &out, &e))
        return status;
    return sync_result(c, &out);
}

static int app_delete(struct app_call *c)
{
    struct value out;
    struct err e;
    if (!c->yes && isatty(STDIN_FILENO)) {
        char answer[16];
        printf("Are you sure you want to delete '%.*s' and all its resources? [y/n] ", STR(c->name));
        fflush(stdout);
        if (fgets(answer, sizeof answer, stdin) == NULL || (answer[0] != 'y' && answer[0] != 'Y')) {
            printf("The command to delete '%.*s' was cancelled.\n", STR(c->name));
            return CLI_OK;
        }
    }
    if (!cli_api_call(c->a, &c->api, "DELETE", app_path(c, c->cascade ? "" : "?cascade=false"), NULL, &out, &e))
        return refused(&e);
    printf("application '%.*s' deleted\n", STR(c->name));
    c->deleted = true;
    return c->wait ? wait_until(c) : CLI_OK;
}

static int app_delete_resource(struct app_call *c)
{
    struct value out;
    struct err e;
    if (c->kind == NULL || c->resource_name == NULL)
        return cli_usage("app", "--kind and --resource-name are needed");
    struct str query =
        arena_fmt(c->a, "/resource?kind=%.*s&resourceName=%.*s&group=%.*s&namespace=%.*s",
                  STR(url_escape_query(c->a, str_c(c->kind))), STR(url_escape_query(c->a, str_c(c->resource_name))),
                  STR(url_escape_query(c->a, str_c(c->group))), STR(url_escape_query(c->a, str_c(c->resource_ns))));
    if (!cli_api_call(c->a, &c->api, "DELETE", app_path(c, query.p), NULL, &out, &e))
        return refused(&e);
    printf("Resource '%s' deleted\n", c->resource_name);
    return CLI_OK;
}

/* ---- diff --------------------------------------------------------------------------------- */

static bool write_side(struct app_call *c, const char *dir, const char *name, const struct value *object, struct err *e)
{
    struct str text = object->kind == VALUE_MAP ? yaml_str(c->a, object) : S("");
    return fs_write(fs_join(c->a, dir, name), text, 0600, e);
}

/* Live-only members that no manifest has. */
static struct value comparable(struct app_call *c, const struct value *live, const struct value *target)
{
    static const char *const noise[] = { "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields" };
    struct value copy = value_clone(c->a, live);
    const struct value *meta = value_get(&copy, "metadata");
    if (copy.kind != VALUE_MAP)
        return copy;
    value_del(&copy, "status");
    for (size_t i = 0; i < COUNT(noise); i++)
        if (value_get(value_get(target, "metadata"), noise[i])->kind == VALUE_NULL)
            value_del(meta, noise[i]);
    return copy;
}

static bool diff_one(struct app_call *c, const char *dir, const struct value *r, struct err *e)
{
    const char *tool = getenv("KUBECTL_EXTERNAL_DIFF");
    const char *const argv[] = { tool != NULL && *tool != '\0' ? tool : "diff", "live", "target", NULL };
    struct value live = comparable(c, value_get(r, "live"), value_get(r, "target"));
    struct proc_result out;
    if (!write_side(c, dir, "live", &live, e) || !write_side(c, dir, "target", value_get(r, "target"), e)
        || !proc_run(c->a, &(struct proc_options){ .argv = argv, .cwd = dir }, &out, e))
        return false;
    printf("\n===== %.*s/%.*s %.*s/%.*s ======\n%.*s", STR(value_str_at(r, "group")), STR(value_str_at(r, "kind")),
           STR(value_str_at(r, "namespace")), STR(value_str_at(r, "name")), STR(out.out));
    return true;
}

static int app_diff(struct app_call *c)
{
    struct value v;
    struct err e, aside;
    const char *dir;
    if (!cli_api_call(c->a, &c->api, "GET", app_path(c, "/managed-resources"), NULL, &v, &e))
        return refused(&e);
    if (!fs_temp_dir(c->a, "vitrine-diff", &dir, &e))
        return cli_fail(&e);
    const struct value *items = value_get(&v, "items");
    bool differs = false, ok = true;
    for (size_t i = 0; ok && i < value_len(items); i++) {
        const struct value *r = value_item(items, i);
        if (value_bool_at(r, "hook", false) || !str_is(value_str_at(r, "status"), "OutOfSync"))
            continue;
        differs = true;
        ok = diff_one(c, dir, r, &e);
    }
    bool removed = fs_remove_tree(dir, &aside);
    if (!ok || !removed)
        return cli_fail(ok ? &aside : &e);
    return differs && c->exit_code ? CLI_FAILED : CLI_OK;
}

/* ---- logs --------------------------------------------------------------------------------- */

static bool print_piece(void *user, struct str piece)
{
    return fwrite(piece.p, 1, piece.n, stdout) == piece.n && fflush(stdout) == 0;
}

static int app_logs(struct app_call *c)
{
    struct http_header auth = { S("Authorization"), arena_fmt(c->a, "Bearer %.*s", STR(c->api.token)) };
    struct str url =
        arena_fmt(c->a, "%.*s%.*s?follow=%s&previous=%s&podName=%.*s&container=%.*s&tailLines=%.*s", STR(c->api.base),
                  STR(app_path(c, "/logs")), c->follow ? "true" : "false", c->previous ? "true" : "false",
                  STR(url_escape_query(c->a, str_c(c->pod))), STR(url_escape_query(c->a, str_c(c->container))),
                  STR(url_escape_query(c->a, str_c(c->tail))));
    struct http_request r = { .url = url,
                              .headers = { &auth, c->api.token.n > 0 ? 1 : 0 },
                              .timeout_ms = c->follow ? 86400000 : 60000,
                              .on_data = print_piece };
    struct http_response answer;
    struct err e;
    if (!http_do(c->a, &r, &answer, &e))
        return refused(&e);
    if (answer.status == 200)
        return CLI_OK;
    cli_fail_text("%.*s", STR(str_trim(answer.body)));
    return CLI_REFUSED;
}

/* ---- the command -------------------------------------------------------------------------- */

static const struct {
    const char *name;
    bool named; /* wants an application */
    int (*run)(struct app_call *c);
} verbs[] = {
    { "list", false, app_list },  { "get", true, app_get },       { "sync", true, app_sync },
    { "wait", true, wait_until }, { "diff", true, app_diff },     { "history", true, app_history },
    { "logs", true, app_logs },   { "delete", true, app_delete }, { "delete-resource", true, app_delete_resource }
};

static int run_verb(struct app_call *c)
{
    const char *verb = c->rest.n > 0 ? c->rest.v[0] : "";
    if (!is_count(c->timeout) || !is_count(c->tail))
        return cli_usage("app", "--timeout and --tail want a whole number above 0");
    for (size_t i = 0; i < COUNT(verbs); i++) {
        if (strcmp(verb, verbs[i].name) != 0)
            continue;
        if (c->rest.n != (verbs[i].named ? 2 : 1))
            return cli_usage(
                "app", verbs[i].named ? "app %s wants the name of one application" : "app %s takes no name", verb);
        if (verbs[i].named)
            c->name = bare_name(str_c(c->rest.v[1]));
        return verbs[i].run(c);
    }
    return cli_usage("app", "one of list, get, sync, wait, diff, history, logs, delete, delete-resource was expected");
}

int cmd_app(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct app_call c = { .a = &a, .cascade = true };
    const struct cli_flag flags[] = {
        { "server", 0, NULL, &c.server, NULL,
          "address of the server (default $VITRINE_SERVER or http://127.0.0.1:8090)" },
        { "output", 'o', NULL, &c.output, NULL, "json, yaml or wide; list: name; history: id",
          "json yaml wide name id" },
        { "project", 'p', NULL, &c.project, NULL, "list: only this project" },
        { "show-operation", 0, &c.show_operation, NULL, NULL, "get: the last operation" },
        { "show-params", 0, &c.show_params, NULL, NULL, "get: the source's parameters" },
        { "refresh", 0, &c.refresh, NULL, NULL, "get: compare anew first" },
        { "hard-refresh", 0, &c.hard_refresh, NULL, NULL, "get: render anew first" },
        { "revision", 0, NULL, &c.revision, NULL, "sync: this revision" },
        { "prune", 0, &c.prune, NULL, NULL, "sync: delete what left the manifests" },
        { "dry-run", 0, &c.dry_run, NULL, NULL, "sync: change nothing" },
        { "force", 0, &c.force, NULL, NULL, "sync: delete and create anew what cannot be patched" },
        { "async", 0, &c.async, NULL, NULL, "sync: do not wait" },
        { "resource", 0, NULL, NULL, &c.resources, "sync: only GROUP:KIND:NAME (several times)" },
        { "sync", 0, &c.sync, NULL, NULL, "wait: until synced" },
        { "health", 0, &c.health, NULL, NULL, "wait: until healthy" },
        { "operation", 0, &c.operation, NULL, NULL, "wait: until no operation runs" },
        { "degraded", 0, &c.degraded, NULL, NULL, "wait: until degraded" },
        { "delete", 0, &c.deleted, NULL, NULL, "wait: until it is gone" },
        { "timeout", 0, NULL, &c.timeout, NULL, "wait, sync: seconds (default 600)" },
        { "cascade", 0, &c.cascade, NULL, NULL, "delete: the resources too (default true)" },
        { "yes", 'y', &c.yes, NULL, NULL, "delete: do not ask" },
        { "wait", 0, &c.wait, NULL, NULL, "delete: wait until it is gone" },
        { "follow", 'f', &c.follow, NULL, NULL, "logs: go on" },
        { "previous", 0, &c.previous, NULL, NULL, "logs: of the container before the last restart" },
        { "pod", 0, NULL, &c.pod, NULL, "logs: of this pod" },
        { "container", 'c', NULL, &c.container, NULL, "logs: of this container" },
        { "tail", 0, NULL, &c.tail, NULL, "logs: only so many lines" },
        { "kind", 0, NULL, &c.kind, NULL, "delete-resource: its kind" },
        { "resource-name", 0, NULL, &c.resource_name, NULL, "delete-resource: its name" },
        { "group", 0, NULL, &c.group, NULL, "delete-resource: its API group" },
        { "namespace", 0, NULL, &c.resource_ns, NULL, "delete-resource: its namespace (default: the application's)" },
        { "exit-code", 0, &c.exit_code, NULL, NULL, "diff: status 1 when something differs (default true)" },
        { "grpc-web", 0, &c.grpc_web, NULL, NULL,
          NULL }, /* argocd's lines work as they are: there is only one protocol here */
        { NULL },
    };
    int status;
    c.exit_code = true;
    if (!cli_start(argc, argv, "app list|get|sync|wait|diff|history|logs|delete|delete-resource [NAME]", flags, &c.rest,
                   &status))
        return status;
    c.api = cli_api_of(&a, c.server);
    return run_verb(&c);
}
