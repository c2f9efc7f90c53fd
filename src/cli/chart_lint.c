/*
 * vitrine chart lint: the rules of `helm lint`, its output and its exit status.
 *
 * Every chart is linted in an arena of its own. Errors fail a chart; with --strict warnings do too.
 */
#include "base/sys.h"
#include "chart/chart.h"
#include "cli/chart.h"
#include "cli/values.h"

#define USAGE "chart lint PATH... [flags]"

struct lint_call {
    struct cli_values values;
    struct cli_words paths;
    struct chart_render o;
    bool strict, quiet, with_subcharts;
    size_t linted, failed, noted; /* charts; noted: with warnings or errors */
};

/* ---- subcharts ------------------------------------------------------------------------------ */

static bool is_package(struct str name)
{
    return str_ends(name, S(".tgz")) || str_ends(name, S(".tar.gz"));
}

struct paths {
    VEC(const char *) list;
};

/* Every folder with a Chart.yaml and every package below `dir`, in the order of their names. */
static bool add_charts_below(struct arena *a, const char *dir, int depth, struct paths *out, struct err *e)
{
    enum { DEPTH_MAX = 32 };
    struct fs_names names;

    if (depth > DEPTH_MAX)
        return err_set(e, ERR_LIMIT, "%s: folders are more than %d deep", dir, DEPTH_MAX);
    if (!fs_is_dir(dir))
        return true;
    if (!fs_list(a, dir, &names, e))
        return false;
    for (size_t i = 0; i < names.n; i++) {
        const char *path = fs_join(a, dir, arena_c(a, names.v[i]));
        if (fs_is_dir(path)) {
            if (!add_charts_below(a, path, depth + 1, out, e))
                return false;
        } else if (str_is(names.v[i], "Chart.yaml")) {
            *vec_push(a, &out->list) = dir;
        } else if (is_package(names.v[i])) {
            *vec_push(a, &out->list) = path;
        }
    }
    return true;
}

static bool gather_paths(struct arena *a, const struct lint_call *call, struct paths *out, struct err *e)
{
    if (call->paths.n == 0)
        *vec_push(a, &out->list) = ".";
    for (size_t i = 0; i < call->paths.n; i++)
        *vec_push(a, &out->list) = call->paths.v[i];
    if (!call->with_subcharts)
        return true;
    size_t asked_for = out->list.n;
    for (size_t i = 0; i < asked_for; i++)
        if (!add_charts_below(a, fs_join(a, out->list.v[i], "charts"), 0, out, e))
            return false;
    return true;
}

/* ---- one chart ------------------------------------------------------------------------------ */

static void print_messages(const struct lint_call *call, const struct chart_lint *found)
{
    static const char *const words[] = {
        [CHART_LINT_INFO] = "INFO", [CHART_LINT_WARNING] = "WARNING", [CHART_LINT_ERROR] = "ERROR"
    };

    for (size_t i = 0; i < found->n; i++) {
        const struct chart_lint_message *m = &found->v[i];
        if (!call->quiet || m->severity > CHART_LINT_INFO)
            printf("[%s] %.*s: %.*s\n", words[m->severity], STR(m->path), STR(m->text));
    }
}

static void print_warnings(const struct chart_lint *found)
{
    fflush(stdout);
    for (size_t i = 0; i < found->n_warnings; i++)
        fprintf(stderr, "%.*s\n", STR(found->warnings[i]));
}

static void lint_one(struct lint_call *call, const char *path)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct chart_lint found = { 0 };
    enum chart_lint_severity worst = CHART_LINT_INFO;
    struct err e = { 0 };
    bool linted = chart_lint(&a, path, &call->o, &found, &e);

    for (size_t i = 0; i < found.n; i++)
        if (found.v[i].severity > worst)
            worst = found.v[i].severity;
    bool noted = !linted || worst > CHART_LINT_INFO;
    call->linted++;
    call->noted += noted;
    call->failed += !linted || worst >= (call->strict ? CHART_LINT_WARNING : CHART_LINT_ERROR);
    if (call->quiet && !noted)
        return;
    print_warnings(&found);
    printf("==> Linting %s\n", path);
    if (!linted)
        printf("Error %s\n", e.text);
    print_messages(call, &found);
    puts("");
}

/* ---- the command ---------------------------------------------------------------------------- */

static bool lint_all(struct arena *a, struct lint_call *call, struct err *e)
{
    struct paths paths = { 0 };

    if (!chart_check_kube_version(a, call->o.kube_version, e) || !gather_paths(a, call, &paths, e)
        || !cli_values_gather(a, &call->values, &call->o.values, e))
        return false;
    for (size_t i = 0; i < paths.list.n; i++)
        lint_one(call, paths.list.v[i]);
    fflush(stdout);
    if (call->failed > 0)
        return err_set(e, ERR_INVALID, "%zu chart(s) linted, %zu chart(s) failed", call->linted, call->failed);
    if (!call->quiet || call->noted > 0)
        printf("%zu chart(s) linted, 0 chart(s) failed\n", call->linted);
    return true;
}

int chart_lint_command(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct lint_call call = { 0 };
    const char *namespace = NULL, *kube_version = NULL;
    const struct cli_flag flags[] = {
        CLI_VALUES_FLAGS(&call.values),
        { "namespace", 'n', NULL, &namespace, NULL, "the release's namespace" },
        { "kube-version", 0, NULL, &kube_version, NULL, "the cluster's version, also for deprecated API versions" },
        { "quiet", 0, &call.quiet, NULL, NULL, "print only warnings and errors" },
        { "strict", 0, &call.strict, NULL, NULL, "fail on warnings" },
        { "with-subcharts", 0, &call.with_subcharts, NULL, NULL, "lint the charts in charts/ too" },
        { "skip-schema-validation", 0, &call.o.skip_schema, NULL, NULL, "do not check values.schema.json" },
        { NULL },
    };
    struct err e = { 0 };
    int status;

    if (!cli_start(argc, argv, USAGE, flags, &call.paths, &status))
        return status;
    call.o.namespace = str_c(namespace);
    call.o.kube_version = str_c(kube_version);
    return lint_all(&a, &call, &e) ? CLI_OK : cli_fail(&e);
}
