/*
 * chart/render.c - `helm template`, from a loaded chart and options to documents and text.
 */
#include <stdlib.h>

#include "chart/mistake_internal.h"
#include "data/semver.h"

/* ---- checks before anything is rendered ----------------------------------------------------- */

static bool is_name_part(struct str part)
{
    for (size_t i = 0; i < part.n; i++) {
        char c = part.p[i];
        bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!alphanumeric && (c != '-' || i == 0 || i + 1 == part.n))
            return false;
    }
    return part.n > 0;
}

static bool check_release_name(struct arena *a, struct str name, struct err *e)
{
    struct str rest = name, part;
    bool good = name.n <= 53, more = true;

    while (more && good) {
        more = str_split(&rest, S("."), &part);
        good = is_name_part(part);
    }
    if (good)
        return true;
    if (name.n == 0)
        return err_set(e, ERR_INVALID, "release name check failed: release name \"\": no name provided");
    return err_set(e, ERR_INVALID,
                   "release name check failed: release name %.*s: invalid release name, must match regex "
                   "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be "
                   "longer than 53",
                   STR(go_quote(a, name)));
}

static bool check_dependencies(struct arena *a, const struct chart *c, struct err *e)
{
    struct str missing = chart_missing_dependencies(a, c);

    if (missing.p == NULL)
        return true;
    return err_set(e, ERR_NOT_FOUND,
                   "an error occurred while checking for chart dependencies. You may need to run `helm dependency "
                   "build` to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: %.*s",
                   STR(missing));
}

static bool check_kube_version(struct arena *a, const struct chart *c, const struct capabilities *caps, struct err *e)
{
    struct semver_constraint *wanted;
    struct semver found;
    struct err ignored;

    if (c->kube_version.n == 0)
        return true;
    if (semver_constraint_parse(a, c->kube_version, &wanted, &ignored)
        && semver_parse(capabilities_kube_normalised(caps), &found, &ignored)
        && semver_constraint_check(wanted, &found))
        return true;
    return err_set(e, ERR_INVALID, "chart requires kubeVersion: %.*s which is incompatible with Kubernetes %.*s",
                   STR(c->kube_version), STR(capabilities_kube_version(caps)));
}

/* ---- output --------------------------------------------------------------------------------- */

bool chart_is_crd(struct str name)
{
    return str_starts(name, S("crds/"))
           && (str_ends(name, S(".yaml")) || str_ends(name, S(".yml")) || str_ends(name, S(".json")));
}

/* Files in crds/ of the chart, then of those below it. */
static void gather_crds(struct arena *a, const struct chart *c, struct documents *out)
{
    struct str root = chart_full_path(a, c);

    for (size_t i = 0; i < c->files.n; i++)
        if (chart_is_crd(c->files.v[i].name))
            *vec_push(a, out) =
                (struct document){ .path = arena_fmt(a, "%.*s/%.*s", STR(root), STR(c->files.v[i].name)),
                                   .text = c->files.v[i].data };
    for (size_t i = 0; i < c->n_charts; i++)
        gather_crds(a, c->charts[i], out);
}

/* NOTES.txt of any chart is rendered but never printed; the root's one is handed to the caller. */
static struct str take_notes(struct arena *a, const struct chart *root, struct rendered_files *files)
{
    struct str own = arena_fmt(a, "%.*s/templates/NOTES.txt", STR(root->name)), notes = S("");
    size_t kept = 0;

    for (size_t i = 0; i < files->n; i++) {
        if (str_eq(files->v[i].name, own))
            notes = files->v[i].text;
        if (!str_ends(files->v[i].name, S("NOTES.txt")))
            files->v[kept++] = files->v[i];
    }
    files->n = kept;
    return notes;
}

static void add_manifests(struct arena *a, struct chart_rendered *out, const struct documents *list, bool crd)
{
    for (size_t i = 0; i < list->n; i++)
        out->v[out->n++] = (struct chart_manifest){
            .source = list->v[i].path, .text = list->v[i].text, .hook = list->v[i].hook, .crd = crd
        };
}

/* ---- the whole ------------------------------------------------------------------------------ */

struct rendering {
    struct arena *a;
    const struct chart *chart; /* as it was loaded */
    const struct chart_render *o;
    struct chart *root; /* this render's copy */
    struct capabilities *caps;
    struct warnings w;
    struct chart_rendered *out;
    struct err *e;
};

/* Helm logs this one too. */
static void refuse_name(struct rendering *r)
{
    static const char *const keys[] = { "error" };
    struct str what = S("release name check failed"), name = r->o->release_name;
    struct str why = arena_str(r->a, str_slice(str_c(r->e->text), what.n + 2, sizeof r->e->text));

    warn_log(&r->w, "ERROR", what, keys, &why, 1);
    *vec_push(r->a, &r->out->mistakes) =
        (struct chart_mistake){ .file = S("release name"),
                                .column = 1,
                                .source = name,
                                .width = name.n,
                                .hint = S("small letters, digits and -, which neither begins nor ends it") };
}

/* Helm tells twice. */
static bool refuse_dependencies(struct rendering *r)
{
    static const char what[] = "chart dependencies processing failed", *const key = "error";
    struct str why = arena_str(r->a, str_c(r->e->text));

    warn_log(&r->w, "ERROR", str_c(what), &key, &why, 1);
    return err_wrap(r->e, "%s", what);
}

static bool prepare(struct rendering *r, struct value *values)
{
    const struct chart_render *o = r->o;
    struct value user = values_copy(r->a, &o->values);
    struct chart_mistakes *mistakes = &r->out->mistakes;

    values_to_floats(&user); /* a caller may hand in a JSON document's whole numbers */
    if (chart_is_library(r->root)) {
        explain_metadata(r->a, r->chart, "type", S("name it as a dependency of an application chart"), mistakes);
        return err_set(r->e, ERR_INVALID, "library charts are not installable");
    }
    if (r->root->deprecated)
        warn_log(&r->w, "WARN", S("this chart is deprecated"), NULL, NULL, 0);
    if (!check_dependencies(r->a, r->root, r->e)) {
        explain_missing_dependencies(r->a, r->chart, mistakes);
        return false;
    }
    if (!check_release_name(r->a, o->release_name, r->e)) {
        refuse_name(r);
        return false;
    }
    if (!dependencies_process(r->a, r->root, &user, &r->w, r->e))
        return refuse_dependencies(r);
    if (!values_coalesce(r->a, r->root, &user, false, &r->w, values, r->e))
        return false;
    if (o->skip_schema || schema_check(r->a, r->root, values, &r->out->message, r->e))
        return true;
    explain_schema(r->a, r->root, values, o, mistakes);
    return false;
}

/* Renders once more and notes which piece of the file's template made what. */
static void trace_file(const struct rendering *r, struct str name, struct template_trace *trace)
{
    struct chart_rendered ignored = { 0 };
    struct err e = { 0 };
    struct rendering again = { .a = r->a,
                               .chart = r->chart,
                               .o = r->o,
                               .root = chart_copy(r->a, r->chart, NULL),
                               .caps = r->caps,
                               .w = { .a = r->a },
                               .out = &ignored,
                               .e = &e };
    struct rendered_files files = { .traced = name, .trace = trace };
    struct value values;

    if (prepare(&again, &values)
        && !engine_render(r->a, again.root, r->o, &values, r->caps, &files, &again.w, &ignored.message, &e))
        *trace = (struct template_trace){ 0 };
}

static void explain_unreadable(const struct rendering *r, const struct rendered_files *files, struct unreadable u)
{
    struct template_trace trace = { 0 };

    trace_file(r, u.path, &trace);
    for (size_t i = 0; i < files->n; i++)
        if (str_eq(files->v[i].name, u.path))
            explain_document(r->a, u.path, files->v[i].text, u.text, arena_str(r->a, str_c(r->e->text)), &trace,
                             &r->out->mistakes);
}

static bool fits_cluster(const struct rendering *r)
{
    if (check_kube_version(r->a, r->root, r->caps, r->e))
        return true;
    explain_metadata(r->a, r->chart, "kubeVersion", S("--kube-version says which version the cluster has"),
                     &r->out->mistakes);
    return false;
}

static void drop_hooks(const struct chart_render *o, struct documents *hooks)
{
    size_t kept = 0;

    for (size_t i = 0; i < hooks->n; i++)
        if (!o->no_hooks && !(o->skip_tests && hooks->v[i].test_hook))
            hooks->v[kept++] = hooks->v[i];
    hooks->n = kept;
}

static bool arrange(struct rendering *r, struct rendered_files *files)
{
    struct documents crds = { 0 }, manifests = { 0 }, hooks = { 0 };
    struct chart_rendered *out = r->out;
    struct unreadable unreadable;

    out->notes = take_notes(r->a, r->root, files);
    if (!documents_sort(r->a, files, &r->w, &manifests, &hooks, &unreadable, r->e)) {
        explain_unreadable(r, files, unreadable);
        if (r->o->debug)
            output_files(r->a, files, &out->output);
        return false;
    }
    if (r->o->include_crds)
        gather_crds(r->a, r->root, &crds);
    drop_hooks(r->o, &hooks);
    out->v = arena_new(r->a, struct chart_manifest, crds.n + manifests.n + hooks.n);
    add_manifests(r->a, out, &crds, true);
    add_manifests(r->a, out, &manifests, false);
    add_manifests(r->a, out, &hooks, false);
    output_manifests(r->a, out);
    if (r->o->n_show_only == 0 || output_show_only(r->a, r->o, out, r->e))
        return true;
    out->began = false; /* nothing is wrong with what was rendered */
    return false;
}

bool chart_render(struct arena *a, const struct chart *c, const struct chart_render *o, struct chart_rendered *out,
                  struct err *e)
{
    struct rendering r = {
        .a = a, .chart = c, .o = o, .root = chart_copy(a, c, NULL), .w = { .a = a }, .out = out, .e = e
    };
    struct rendered_files files = { .mistakes = &out->mistakes };
    struct value values;

    *out = (struct chart_rendered){ 0 };
    for (size_t i = 0; i < c->n_warnings; i++)
        *vec_push(a, &r.w) = c->warnings[i];
    bool ok = capabilities_make(a, o, &r.caps, e) && prepare(&r, &values);
    if (ok) {
        out->began = true;
        ok = fits_cluster(&r) && engine_render(a, r.root, o, &values, r.caps, &files, &r.w, &out->message, e)
             && arrange(&r, &files);
    }
    out->warnings = r.w.v;
    out->n_warnings = r.w.n;
    return ok;
}
