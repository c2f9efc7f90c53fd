/* Applications on paper: labels in 20 columns, tables with two blanks between columns (argocd's layout up to 2.10). */
#include <time.h>

#include "base/sys.h"
#include "cli/app.h"
#include "gitops/application.h"

static void line(const char *label, struct str value)
{
    printf("%-20s%.*s\n", label, STR(value));
}

struct str app_local_time(struct arena *a, struct str rfc3339)
{
    int64_t ms;
    if (!clock_parse_rfc3339(rfc3339, &ms))
        return S("<nil>");
    time_t seconds = (time_t)(ms / 1000);
    struct tm t;
    char text[64];
    localtime_r(&seconds, &t);
    size_t n = strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %z %Z", &t);
    return arena_str(a, (struct str){ text, n });
}

static bool is_sha(struct str s)
{
    if (s.n != 40)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (strchr("0123456789abcdef", s.p[i]) == NULL)
            return false;
    return true;
}

static struct str sync_policy(const struct value *app)
{
    struct application_automated a = application_automated(app);
    return !a.on ? S("Manual") : a.prune ? S("Automated (Prune)") : S("Automated");
}

static struct str sync_status(struct arena *a, const struct value *app)
{
    struct str status = value_str_at(app, "status.sync.status"), revision = value_str_at(app, "status.sync.revision");
    struct str target = value_str_at(application_source(app), "targetRevision");
    struct str seven =
        revision.n > 0 && !is_sha(target) ? arena_fmt(a, " (%.*s)", STR(str_slice(revision, 0, 7))) : S("");
    if (str_is(status, "Synced"))
        return arena_fmt(a, "Synced to %.*s%.*s", STR(target), STR(seven));
    if (str_is(status, "OutOfSync"))
        return arena_fmt(a, "OutOfSync from %.*s%.*s", STR(target), STR(seven));
    return arena_fmt(a, "%.*s%.*s", STR(status.n > 0 ? status : S("Unknown")), STR(seven));
}

static void print_header(struct arena *a, const struct value *app, struct str server_url)
{
    struct str name = application_name(app), ns = value_str_at(app, "metadata.namespace");
    struct str server = value_str_at(app, "spec.destination.server");
    struct str project = value_str_at(app, "spec.project");
    const struct value *source = application_source(app);
    line("Name:", arena_fmt(a, "%.*s/%.*s", STR(ns.n > 0 ? ns : S(APP_NAMESPACE_DEFAULT)), STR(name)));
    line("Project:", project.n > 0 ? project : S("default"));
    line("Server:", server.n > 0 ? server : value_str_at(app, "spec.destination.name"));
    line("Namespace:", application_namespace(app));
    line("URL:", arena_fmt(a, "%.*s/applications/%.*s", STR(server_url), STR(name)));
    line("Repo:", value_str_at(source, "repoURL"));
    line("Target:", value_str_at(source, "targetRevision"));
    line("Path:", value_str_at(source, "path"));
    line("SyncWindow:", S("Sync Allowed"));
    line("Sync Policy:", sync_policy(app));
    line("Sync Status:", sync_status(a, app));
    struct str health = value_str_at(app, "status.health.status");
    line("Health Status:", health.n > 0 ? health : S("Unknown"));
}

static void print_conditions(struct arena *a, const struct value *app)
{
    static const char *const head[] = { "CONDITION", "MESSAGE", "LAST TRANSITION" };
    const struct value *conditions = value_at(app, "status.conditions");
    struct cli_table t = { .a = a, .columns = COUNT(head) };
    if (value_len(conditions) == 0)
        return;
    cli_table_row(&t, head);
    for (size_t i = 0; i < value_len(conditions); i++) {
        const struct value *c = value_item(conditions, i);
        cli_table_cell(&t, value_str_at(c, "type"));
        cli_table_cell(&t, value_str_at(c, "message"));
        cli_table_cell(&t, app_local_time(a, value_str_at(c, "lastTransitionTime")));
    }
    printf("\n");
    cli_table_print(&t, stdout);
    printf("\n");
}

static void print_operation(struct arena *a, const struct value *app)
{
    const struct value *state = value_at(app, "status.operationState");
    int64_t start, end;
    if (state->kind != VALUE_MAP)
        return;
    printf("\n");
    struct str revision = value_str_at(state, "syncResult.revision");
    if (value_get(state, "syncResult")->kind == VALUE_MAP) {
        line("Operation:", S("Sync"));
        line("Sync Revision:", revision);
    }
    line("Phase:", value_str_at(state, "phase"));
    line("Start:", app_local_time(a, value_str_at(state, "startedAt")));
    line("Finished:", app_local_time(a, value_str_at(state, "finishedAt")));
    if (clock_parse_rfc3339(value_str_at(state, "startedAt"), &start)) {
        if (!clock_parse_rfc3339(value_str_at(state, "finishedAt"), &end))
            end = clock_wall_ms();
        int64_t seconds = (end - start) / 1000;
        struct str text = seconds < 60
                              ? arena_fmt(a, "%llds", (long long)seconds)
                              : arena_fmt(a, "%lldm%llds", (long long)(seconds / 60), (long long)(seconds % 60));
        line("Duration:", text);
    }
    if (value_str_at(state, "message").n > 0)
        line("Message:", value_str_at(state, "message"));
}

static void print_params(struct arena *a, const struct value *app)
{
    static const char *const head[] = { "NAME", "VALUE" };
    const struct value *list = value_at(application_source(app), "helm.parameters");
    struct cli_table t = { .a = a, .columns = COUNT(head) };
    if (value_get(application_source(app), "helm")->kind != VALUE_MAP)
        return;
    cli_table_row(&t, head);
    for (size_t i = 0; i < value_len(list); i++) {
        struct str value = value_str_at(value_item(list, i), "value");
        cli_table_cell(&t, value_str_at(value_item(list, i), "name"));
        cli_table_cell(&t, utf8_count(value) > 80 ? arena_fmt(a, "%.*s...", STR(utf8_prefix(value, 77))) : value);
    }
    printf("\n\n");
    cli_table_print(&t, stdout);
}

/* ---- resources ---------------------------------------------------------------------------- */

static bool same_key(const struct value *x, const struct value *y)
{
    static const char *const parts[] = { "group", "kind", "namespace", "name" };
    for (size_t i = 0; i < COUNT(parts); i++)
        if (!str_eq(value_str_at(x, parts[i]), value_str_at(y, parts[i])))
            return false;
    return true;
}

static const struct value *find_resource(const struct value *list, const struct value *like)
{
    for (size_t i = 0; i < value_len(list); i++)
        if (same_key(value_item(list, i), like))
            return value_item(list, i);
    return NULL;
}

static void resource_row(struct cli_table *t, const struct value *key, struct str status, struct str health,
                         struct str hook, struct str message)
{
    cli_table_cell(t, value_str_at(key, "group"));
    cli_table_cell(t, value_str_at(key, "kind"));
    cli_table_cell(t, value_str_at(key, "namespace"));
    cli_table_cell(t, value_str_at(key, "name"));
    cli_table_cell(t, status);
    cli_table_cell(t, health);
    cli_table_cell(t, hook);
    cli_table_cell(t, message);
}

static void print_resources(struct arena *a, const struct value *app)
{
    static const char *const head[] = { "GROUP", "KIND", "NAMESPACE", "NAME", "STATUS", "HEALTH", "HOOK", "MESSAGE" };
    const struct value *resources = value_at(app, "status.resources");
    const struct value *results = value_at(app, "status.operationState.syncResult.resources");
    struct cli_table t = { .a = a, .columns = COUNT(head) };
    if (value_len(resources) == 0)
        return;
    cli_table_row(&t, head);
    for (size_t i = 0; i < value_len(results); i++) {
        const struct value *r = value_item(results, i), *live = find_resource(resources, r);
        struct str hook = value_str_at(r, "hookType");
        if (live != NULL && hook.n == 0)
            resource_row(&t, r, value_str_at(live, "status"), value_str_at(live, "health.status"), hook,
                         value_str_at(r, "message"));
        else
            resource_row(&t, r, value_str_at(r, "hookPhase"), value_str_at(r, "status"), hook,
                         value_str_at(r, "message"));
    }
    for (size_t i = 0; i < value_len(resources); i++) {
        const struct value *live = value_item(resources, i);
        if (find_resource(results, live) == NULL)
            resource_row(&t, live, value_str_at(live, "status"), value_str_at(live, "health.status"), S(""), S(""));
    }
    printf("\n");
    cli_table_print(&t, stdout);
}

void app_print(const struct value *app, struct str server_url, bool show_operation, bool show_params)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    print_header(&a, app, server_url);
    print_conditions(&a, app);
    if (show_operation)
        print_operation(&a, app);
    if (show_params)
        print_params(&a, app);
    print_resources(&a, app);
}

/* ---- lists -------------------------------------------------------------------------------- */

/* "ComparisonError,SyncError(2)", sorted as they come; "<none>" */
static struct str condition_names(struct arena *a, const struct value *app)
{
    const struct value *list = value_at(app, "status.conditions");
    struct buf b = { .a = a };
    for (size_t i = 0; i < value_len(list); i++) {
        struct str type = value_str_at(value_item(list, i), "type");
        size_t count = 0;
        bool before = false;
        for (size_t j = 0; j < value_len(list); j++) {
            bool same = str_eq(type, value_str_at(value_item(list, j), "type"));
            count += same;
            before = before || (same && j < i);
        }
        if (before)
            continue;
        buf_fmt(&b, "%s%.*s", b.n > 0 ? "," : "", STR(type));
        if (count > 1)
            buf_fmt(&b, "(%zu)", count);
    }
    return b.n > 0 ? buf_str(&b) : S("<none>");
}

void app_print_list(const struct value *apps)
{
    static const char *const head[] = { "NAME",       "CLUSTER",    "NAMESPACE", "PROJECT", "STATUS", "HEALTH",
                                        "SYNCPOLICY", "CONDITIONS", "REPO",      "PATH",    "TARGET" };
    CLEANUP(arena_close) struct arena a = { 0 };
    struct cli_table t = { .a = &a, .columns = COUNT(head) };
    cli_table_row(&t, head);
    for (size_t i = 0; i < value_len(apps); i++) {
        const struct value *app = value_item(apps, i), *source = application_source(app);
        struct application_automated automated = application_automated(app);
        struct str ns = value_str_at(app, "metadata.namespace"), server = value_str_at(app, "spec.destination.server");
        struct str project = value_str_at(app, "spec.project");
        cli_table_cell(
            &t, arena_fmt(&a, "%.*s/%.*s", STR(ns.n > 0 ? ns : S(APP_NAMESPACE_DEFAULT)), STR(application_name(app))));
        cli_table_cell(&t, server.n > 0 ? server : value_str_at(app, "spec.destination.name"));
        cli_table_cell(&t, application_namespace(app));
        cli_table_cell(&t, project.n > 0 ? project : S("default"));
        cli_table_cell(&t, value_str_at(app, "status.sync.status"));
        cli_table_cell(&t, value_str_at(app, "status.health.status"));
        cli_table_cell(&t, !automated.on ? S("Manual") : automated.prune ? S("Auto-Prune") : S("Auto"));
        cli_table_cell(&t, condition_names(&a, app));
        cli_table_cell(&t, value_str_at(source, "repoURL"));
        cli_table_cell(&t, value_str_at(source, "path"));
        cli_table_cell(&t, value_str_at(source, "targetRevision"));
    }
    cli_table_print(&t, stdout);
}

void app_print_history(const struct value *app, bool ids_only)
{
    static const char *const head[] = { "ID", "DATE", "REVISION" };
    CLEANUP(arena_close) struct arena a = { 0 };
    struct cli_table t = { .a = &a, .columns = COUNT(head) };
    const struct value *list = value_at(app, "status.history");
    for (size_t i = 0; ids_only && i < value_len(list); i++)
        printf("%lld\n", (long long)value_int_at(value_item(list, i), "id", 0));
    if (ids_only)
        return;
    printf("SOURCE  %.*s\n", STR(value_str_at(application_source(app), "repoURL")));
    cli_table_row(&t, head);
    for (size_t i = 0; i < value_len(list); i++) {
        const struct value *h = value_item(list, i);
        struct str revision = value_str_at(h, "revision"), target = value_str_at(h, "source.targetRevision");
        cli_table_cell(&t, arena_fmt(&a, "%lld", (long long)value_int_at(h, "id", 0)));
        cli_table_cell(&t, app_local_time(&a, value_str_at(h, "deployedAt")));
        cli_table_cell(&t, arena_fmt(&a, "%.*s (%.*s)", STR(target), STR(str_slice(revision, 0, 7))));
    }
    cli_table_print(&t, stdout);
}
