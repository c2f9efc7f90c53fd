/*
 * vitrine template: renders a chart as `helm template` does, with Helm's flags
 * and Helm's words.
 *
 * Files are written below --output-dir only; chart names and template paths
 * cannot lead outside of it, because the chart room refuses such names.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "chart/chart.h"
#include "cli/light.h"
#include "cli/locate.h"
#include "cli/values.h"
#include "template/template.h"

#define USAGE "template [NAME] CHART [flags]"

struct template_call_args {
    struct cli_words words;
    struct cli_values values;
    struct chart_remote remote;
    const char *fetched; /* a private folder with a chart from elsewhere */
    struct cli_words show_only, api_versions;
    const char *namespace, *kube_version, *name_template, *output_dir, *links_within;
    bool is_upgrade, include_crds, skip_crds, skip_tests, no_hooks, skip_schema, debug, use_release_name, update;
    bool generate_name;
};

/* ---- flags ---------------------------------------------------------------------------------- */

static const char no_cluster[] = "template never talks to a cluster: leave the flag out",
                  no_release[] = "template stores no release: leave the flag out",
                  no_notes[] = "template prints no notes: leave the flag out",
                  no_colours[] = "template prints no colours: leave the flag out",
                  no_plugins[] = "plugins of Helm are not run: pipe the output into the program",
                  no_provenance[] = "packages are not checked against their provenance files: helm verify does so";

/* What `helm template` takes and this command has no use for. */
static const struct refused_flag {
    const char *name, *why;
} refused_flags[] = {
    { "burst-limit", no_cluster },
    { "color", no_colours },
    { "colour", no_colours },
    { "create-namespace", no_cluster },
    { "description", no_release },
    { "disable-openapi-validation", no_cluster },
    { "dry-run", no_cluster },
    { "enable-dns", "template asks no name server, getHostByName gives an empty text: leave the flag out" },
    { "force-conflicts", no_cluster },
    { "force-replace", no_cluster },
    { "hide-notes", no_notes },
    { "keyring", no_provenance },
    { "kube-apiserver", no_cluster },
    { "kube-as-group", no_cluster },
    { "kube-as-user", no_cluster },
    { "kube-ca-file", no_cluster },
    { "kube-context", no_cluster },
    { "kube-insecure-skip-tls-verify", no_cluster },
    { "kube-tls-server-name", no_cluster },
    { "kube-token", no_cluster },
    { "kubeconfig", no_cluster },
    { "labels", no_release },
    { "post-renderer", no_plugins },
    { "post-renderer-args", no_plugins },
    { "qps", no_cluster },
    { "render-subchart-notes", no_notes },
    { "replace", no_release },
    { "rollback-on-failure", no_cluster },
    { "server-side", no_cluster },
    { "take-ownership", no_cluster },
    { "timeout", no_cluster },
    { "validate", no_cluster },
    { "verify", no_provenance },
    { "wait", no_cluster },
    { "wait-for-jobs", no_cluster },
};

/* A flag that Helm knows is no mistyped one: why it is refused stands in the message. */
static void explain_refused(struct err *e)
{
    struct str word = str_c(e->text), head;

    if (str_is(word, "unknown shorthand flag: 'l' in -l"))
        err_set_(e, ERR_INVALID, "flag --labels (-l): %s", no_release);
    if (!str_split(&word, S("unknown flag: --"), &head) || head.n > 0)
        return;
    for (size_t i = 0; i < COUNT(refused_flags); i++) {
        const struct refused_flag *f = &refused_flags[i];
        if (!str_is(word, f->name))
            continue;
        err_set_(e, ERR_INVALID, "flag --%s: %s", f->name, f->why);
        return;
    }
}

static bool parse_args(int argc, char **argv, struct template_call_args *t, int *status)
{
    const struct cli_flag flags[] = {
        CLI_VALUES_FLAGS(&t->values),
        { "namespace", 'n', NULL, &t->namespace, NULL, "the release's namespace" },
        { "show-only", 's', NULL, NULL, &t->show_only, "only documents of this template (shell pattern)" },
        { "api-versions", 'a', NULL, NULL, &t->api_versions, "API versions the cluster has" },
        { "kube-version", 0, NULL, &t->kube_version, NULL, "the cluster's version" },
        { "name-template", 0, NULL, &t->name_template, NULL, "a template for the release's name" },
        { "output-dir", 0, NULL, &t->output_dir, NULL, "write files below this folder" },
        { "release-name", 0, &t->use_release_name, NULL, NULL,
          "put the release's name into the paths of --output-dir" },
        { "is-upgrade", 0, &t->is_upgrade, NULL, NULL, "set .Release.IsUpgrade instead of .Release.IsInstall" },
        { "include-crds", 0, &t->include_crds, NULL, NULL, "print the files in crds/ too" },
        { "skip-crds", 0, &t->skip_crds, NULL, NULL, "nothing changes: only --include-crds prints the files in crds/" },
        { "generate-name", 'g', &t->generate_name, NULL, NULL, "take no NAME: the release is \"release-name\"" },
        { "skip-tests", 0, &t->skip_tests, NULL, NULL, "leave test hooks out" },
        { "no-hooks", 0, &t->no_hooks, NULL, NULL, "leave all hooks out" },
        { "skip-schema-validation", 0, &t->skip_schema, NULL, NULL, "do not check values.schema.json" },
        { "links-within", 0, NULL, &t->links_within, NULL, "symbolic links may lead anywhere below this folder" },
        { "dependency-update", 0, &t->update, NULL, NULL, "fetch missing dependencies first" },
        CHART_REMOTE_FLAGS(&t->remote),
        { "debug", 0, &t->debug, NULL, NULL, "print what was rendered even if it is not YAML" },
        { NULL },
    };

    struct err e;
    bool helped;
    *status = CLI_OK;
    if (cli_parse(argc, argv, USAGE, flags, &t->words, &helped, &e))
        return !helped;
    explain_refused(&e);
    cli_explain_flag(&e, flags);
    cli_fail(&e); /* in Helm's words, and nothing else */
    *status = CLI_USAGE;
    return false;
}

/* ---- the release's name
 * --------------------------------------------------------------------- */

static bool name_from_template(struct arena *a, const char *text, struct str *out, struct err *e)
{
    static const struct template_func *const tables[] = { template_funcs_sprig };
    const struct template_options options = { 0 };
    const struct str name = S("name-template");
    struct template_set *set;
    struct buf b = { .a = a };

    if (!template_set_new(a, tables, COUNT(tables), &set, e) || !template_parse(set, name, str_c(text), e)
        || !template_execute(set, a, name, &value_nil, &options, &b, e))
        return false;
    *out = buf_str(&b);
    return true;
}

static bool name_and_chart(struct arena *a, const struct template_call_args *t, struct str *name, const char **chart,
                           struct err *e)
{
    const struct cli_words *w = &t->words;

    if (w->n > 2) {
        struct buf extra = { .a = a };
        for (size_t i = 2; i < w->n; i++)
            buf_fmt(&extra, "%s%s", i > 2 ? ", " : "", w->v[i]);
        return err_set(e, ERR_INVALID, "expected at most two arguments, unexpected arguments: %s", extra.p);
    }
    if (w->n == 2 && t->generate_name)
        return err_set(e, ERR_INVALID, "cannot set --generate-name and also specify a name");
    if (w->n == 2 && t->name_template != NULL)
        return err_set(e, ERR_INVALID, "cannot set --name-template and also specify a name");
    *chart = w->v[w->n - 1];
    *name = w->n == 2 ? str_c(w->v[0]) : S("release-name");
    return w->n == 2 || t->name_template == NULL || name_from_template(a, t->name_template, name, e);
}

/* ---- output
 * ---------------------------------------------------------------------------------
 */

static bool write_output(const struct chart_rendered *r, struct err *e)
{
    static const struct str nothing = { "\n", 1 };
    bool empty = r->output.n == 0;

    return fd_write_slices(STDOUT_FILENO, empty ? &nothing : r->output.v, empty ? 1 : r->output.n, e);
}

static bool write_document(struct arena *a, const char *dir, const struct chart_manifest *m, bool append, struct err *e)
{
    const char *path = fs_join(a, dir, arena_c(a, m->source));
    struct buf b = { .a = a };
    const char *slash = strrchr(path, '/');

    if (!fs_mkdirs(arena_c(a, (struct str){ path, (size_t)(slash - path) }), 0755, e))
        return false;
    CLEANUP(fd_close)
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (append ? O_APPEND : O_TRUNC), 0644);
    if (fd < 0)
        return err_sys(e, "open %s", path);
    buf_fmt(&b, "---\n# Source: %.*s\n", STR(m->source));
    buf_add(&b, m->text);
    buf_byte(&b, '\n');
    if (!fd_write_all(fd, buf_str(&b), e))
        return err_wrap(e, "%s", path);
    printf("wrote %s\n", path);
    return true;
}

static bool write_all(struct arena *a, const struct template_call_args *t, struct str release,
                      const struct chart_rendered *r, struct err *e)
{
    const char *with_name = t->use_release_name ? fs_join(a, t->output_dir, arena_c(a, release)) : t->output_dir;
    struct value written = value_map(a);

    for (size_t i = 0; i < r->n; i++) {
        const struct chart_manifest *m = &r->v[i];
        const char *dir = m->crd ? t->output_dir : with_name; /* Helm leaves the name out for CRDs */
        bool again = map_get(written.map, m->source) != NULL;
        if (m->hook) /* and adds hooks to a file that an earlier run has left */
            again = fs_exists(fs_join(a, dir, arena_c(a, m->source)));
        if (!write_document(a, dir, m, again, e))
            return false;
        map_put(a, written.map, m->source, value_bool(true));
    }
    puts("");
    return true;
}

/* A name that is no path could be one of a repository's charts. */
static void say_no_repository(const char *path, struct err *e)
{
    err_set_(e, ERR_NOT_FOUND, "non-absolute URLs should be in form of repo_name/path_to_chart, got: %s", path);
}

/* *where becomes the path at which the chart lies. */
static bool load(struct arena *a, struct template_call_args *t, const char **where, struct chart **chart, struct err *e)
{
    const char *path = *where;
    bool elsewhere = cli_is_elsewhere(path, &t->remote);

    if (t->links_within != NULL && !fs_is_dir(t->links_within))
        return err_set(e, ERR_NOT_FOUND, "--links-within: %s is no folder", t->links_within);
    if ((!elsewhere || cli_fetch_chart(a, path, &t->remote, &t->fetched, where, e))
        && chart_load_within(a, *where, t->links_within, chart, e))
        return true;
    if (elsewhere)
        return false;
    if (path[0] != '.' && path[0] != '/' && !fs_exists(path))
        say_no_repository(path, e);
    chart_explain_load(a, path, arena_str(a, str_c(e->text)), &t->values.mistakes);
    return false;
}

static bool render(struct arena *a, struct template_call_args *t, struct chart_rendered *out, struct err *e)
{
    struct chart_render o = {
        .kube_version = str_c(t->kube_version),
        .namespace = str_c(t->namespace),
        .is_upgrade = t->is_upgrade,
        .include_crds = t->include_crds,
        .skip_tests = t->skip_tests,
        .no_hooks = t->no_hooks,
        .skip_schema = t->skip_schema,
        .debug = t->debug,
    };
    const char *path;
    struct chart *chart;
    struct str *show_only = arena_new(a, struct str, t->show_only.n);

    if (t->output_dir != NULL && t->output_dir[0] == '\0')
        t->output_dir = NULL; /* as Helm has it: no folder */
    if (t->name_template != NULL && t->name_template[0] == '\0')
        t->name_template = NULL;
    if (!chart_check_kube_version(a, o.kube_version, e) || !name_and_chart(a, t, &o.release_name, &path, e)
        || !cli_values_gather(a, &t->values, &o.values, e) || !load(a, t, &path, &chart, e))
        return false;
    if (t->update && chart_missing_dependencies(a, chart).p != NULL
        && !(cli_update_dependencies(a, path, &t->remote.access, e)
             && chart_load_within(a, path, t->links_within, &chart, e)))
        return false;
    o.api_versions = cli_split_commas(a, &t->api_versions, &o.n_api_versions);
    for (size_t i = 0; i < t->show_only.n; i++)
        show_only[i] = str_c(t->show_only.v[i]);
    o.show_only = show_only;
    o.n_show_only = t->show_only.n;
    o.sources = t->values.sources;
    o.n_sources = t->values.n_sources;
    if (!chart_render(a, chart, &o, out, e))
        return false;
    return t->output_dir == NULL || write_all(a, t, o.release_name, out, e);
}

/* Where it stands comes first, so that Helm's own words stay together at the end, where a script finds them. */
static void print_mistakes(struct arena *a, const struct chart_mistakes *list)
{
    struct buf b = { .a = a };

    chart_mistakes_print(&b, list);
    fprintf(stderr, "%.*s", STR(buf_str(&b)));
}

static void remove_fetched(const struct template_call_args *t)
{
    struct err ignored;

    if (t->fetched != NULL && !fs_remove_tree(t->fetched, &ignored))
        return; /* a private folder below /tmp: nobody else cares */
}

int cmd_template(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct template_call_args t = { 0 };
    struct chart_rendered out = { 0 };
    struct err e = { 0 };
    int status;

    if (!parse_args(argc, argv, &t, &status))
        return status;
    if (t.words.n == 0)
        return cli_usage("template", "\"vitrine template\" requires at least 1 argument");
    bool ok = render(&a, &t, &out, &e);
    remove_fetched(&t);
    print_mistakes(&a, out.mistakes.n > 0 ? &out.mistakes : &t.values.mistakes);
    for (size_t i = 0; i < out.n_warnings; i++)
        fprintf(stderr, "%.*s\n", STR(out.warnings[i]));
    if ((ok ? t.output_dir == NULL : out.began && t.debug) && !write_output(&out, &e))
        return cli_fail_text("write standard output: %s", e.text);
    if (ok)
        return fflush(stdout) == 0 ? CLI_OK : cli_fail_text("write standard output");
    struct str message = out.message.n > 0 ? out.message : str_c(e.text);
    return cli_fail_text("%.*s%s", STR(message),
                         out.began && !t.debug ? "\n\nUse --debug flag to render out invalid YAML" : "");
}
