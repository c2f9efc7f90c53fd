/*
 * chart/lint.c - `helm lint`: the rules in their order, and those about values, templates, crds/ and dependencies.
 *
 * Chart.yaml, values.yaml and the folders are looked at as they stand; the rest is asked of the loaded chart, so what
 * .helmignore hides is not seen there. A package is unpacked into a private folder first.
 */
#include "chart/lint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/sys.h"
#include "data/yaml.h"

void lint_say(struct linter *l, enum chart_lint_severity severity, struct str path, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    struct str text = arena_vfmt(l->a, fmt, args);
    va_end(args);
    *vec_push(l->a, &l->messages) = (struct chart_lint_message){ severity, path, text };
}

/* ---- values.yaml ---------------------------------------------------------------------------- */

static bool parse_values(struct linter *l, struct str text, struct value *out, struct err *e)
{
    if (!values_parse_yaml(l->a, text, out, e))
        return false;
    if (out->kind == VALUE_NULL)
        *out = value_map(l->a);
    return out->kind == VALUE_MAP
           || err_set(e, ERR_INVALID,
                      "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal %s into Go value of type "
                      "common.Values",
                      json_kind_word(out));
}

static void check_values_schema(struct linter *l, const struct value *defaults)
{
    struct chart schema = { 0 };
    struct value values = l->o->values.kind == VALUE_MAP ? values_copy(l->a, &l->o->values) : value_map(l->a);
    struct value copy = values_copy(l->a, defaults);
    struct err e;

    values_coalesce_tables(l->a, values.map, copy.map, &l->w);
    if (!fs_read(l->a, AT_FDCWD, fs_join(l->a, l->dir, "values.schema.json"), CHART_FILE_MAX, &schema.schema, &e)
        || schema.schema.n == 0 || l->o->skip_schema)
        return;
    struct str wrong = schema_report(l->a, &schema, &values);
    if (wrong.n > 0)
        lint_say(l, CHART_LINT_ERROR, S("values.yaml"), "%.*s", STR(wrong));
}

static void lint_values(struct linter *l)
{
    const char *path = fs_join(l->a, l->dir, "values.yaml");
    struct str text;
    struct value values;
    struct err e;

    if (!fs_exists(path)) {
        lint_say(l, CHART_LINT_INFO, S("values.yaml"), "file does not exist");
        return;
    }
    if (!fs_read(l->a, AT_FDCWD, path, CHART_FILE_MAX, &text, &e) || !parse_values(l, text, &values, &e))
        lint_say(l, CHART_LINT_ERROR, S("values.yaml"), "unable to parse YAML: %s", e.text);
    else
        check_values_schema(l, &values);
}

/* ---- templates/ ----------------------------------------------------------------------------- */

static struct str extension_of(struct str name)
{
    struct str base = path_base(name);
    ptrdiff_t dot = str_rfind(base, S("."));

    return dot < 0 ? S("") : str_slice(base, (size_t)dot, base.n);
}

static void check_extension(struct linter *l, struct str name)
{
    static const char *const known[] = { ".yaml", ".yml", ".tpl", ".txt" };
    struct str extension = extension_of(name);

    for (size_t i = 0; i < COUNT(known); i++)
        if (str_is(extension, known[i]))
            return;
    lint_say(l, CHART_LINT_ERROR, name,
             "file extension '%.*s' not valid. Valid extensions are .yaml, .yml, .tpl, or .txt", STR(extension));
}

/* The first line that is not blank must not be indented. */
static void check_indent(struct linter *l, struct str name, struct str text)
{
    struct str line;

    for (bool more = true; more;) {
        more = str_split(&text, S("\n"), &line);
        if (go_trim_space(line).n == 0)
            continue;
        if (line.p[0] == ' ' || line.p[0] == '\t')
            lint_say(l, CHART_LINT_WARNING, name,
                     "document starts with an illegal indent: %.*s, which may cause parsing problems",
                     STR(go_quote(l->a, line)));
        return;
    }
}

static struct str rendered_text(const struct rendered_files *files, struct str name)
{
    for (size_t i = 0; i < files->n; i++)
        if (str_eq(files->v[i].name, name))
            return files->v[i].text;
    return S("");
}

static void lint_rendered(struct linter *l, const struct chart *c, const struct rendered_files *files)
{
    for (size_t i = 0; i < c->templates.n; i++) {
        struct str name = c->templates.v[i].name;
        check_extension(l, name);
        if (!str_is(extension_of(name), ".yaml"))
            continue;
        struct str text = rendered_text(files, arena_fmt(l->a, "%.*s/%.*s", STR(c->name), STR(name)));
        if (go_trim_space(text).n == 0)
            continue;
        check_indent(l, name, text);
        if (!lint_objects(l, name, text, false))
            return;
    }
}

/* The chart's copy with dependencies and values settled; false: there is nothing to render, which was said if it
 * matters. */
static bool settle(struct linter *l, struct chart *c, struct value *values)
{
    struct str message;
    struct err e;

    if (!dependencies_process(l->a, c, &l->o->values, &l->w, &e)
        || !values_coalesce(l->a, c, &l->o->values, false, &l->w, values, &e))
        return false;
    if (l->o->skip_schema || schema_check(l->a, c, values, &message, &e))
        return true;
    lint_say(l, CHART_LINT_ERROR, S("templates/"), "%.*s", STR(message));
    return false;
}

static void render(struct linter *l, const struct chart *loaded)
{
    struct chart_render o = *l->o;
    struct chart *c = chart_copy(l->a, loaded, NULL);
    struct rendered_files files = { 0 };
    struct value values;
    struct str message = S("");
    struct err e;

    o.release_name = S("test-release");
    o.lint = true;
    if (!settle(l, c, &values))
        return;
    if (engine_render(l->a, c, &o, &values, l->caps, &files, &l->w, &message, &e))
        lint_rendered(l, c, &files);
    else
        lint_say(l, CHART_LINT_ERROR, S("templates/"), "%.*s", STR(message.n > 0 ? message : str_c(e.text)));
}

/* ---- the loaded chart ----------------------------------------------------------------------- */

/* Any apiVersion will do here: Chart.yaml's own rules have spoken. */
static bool load(struct linter *l, struct chart **out, struct err *e)
{
    struct chart_files files = { 0 };
    struct chart *c;

    if (!chart_read_folder(l->a, l->dir, NULL, &files, e) || !chart_from_files(l->a, &files, 0, &c, e))
        return false;
    for (size_t i = 0; i < c->n_warnings; i++)
        *vec_push(l->a, &l->w) = c->warnings[i];
    *out = c;
    return true;
}

static void lint_templates(struct linter *l, const struct chart *c, const struct err *load_error)
{
    const char *path = fs_join(l->a, l->dir, "templates");

    if (!fs_exists(path))
        lint_say(l, CHART_LINT_WARNING, S("templates/"), "directory does not exist");
    else if (!fs_is_dir(path))
        lint_say(l, CHART_LINT_ERROR, S("templates/"), "not a directory");
    else if (c == NULL)
        lint_say(l, CHART_LINT_ERROR, S("templates/"), "%s", load_error->text);
    else
        render(l, c);
}

static bool is_declared(const struct chart *c, struct str name)
{
    for (size_t i = 0; i < c->wants.n; i++)
        if (str_eq(c->wants.v[i].name, name))
            return true;
    return false;
}

static void lint_dependencies(struct linter *l, const struct chart *c, const struct err *load_error)
{
    struct buf undeclared = { .a = l->a }, missing = { .a = l->a };

    if (c == NULL) {
        lint_say(l, CHART_LINT_ERROR, S(""), "unable to load chart\n\t%s", load_error->text);
        return;
    }
    for (size_t i = 0; i < c->n_charts; i++)
        if (!is_declared(c, c->charts[i]->name))
            buf_fmt(&undeclared, "%s%.*s", undeclared.n > 0 ? "," : "", STR(c->charts[i]->name));
    if (undeclared.n > 0)
        lint_say(l, CHART_LINT_ERROR, str_c(l->dir), "chart metadata is missing these dependencies: %.*s",
                 STR(buf_str(&undeclared)));
    for (size_t i = 0; i < c->wants.n; i++)
        if (!chart_has(c, c->wants.v[i].name))
            buf_fmt(&missing, "%s%.*s", missing.n > 0 ? "," : "", STR(c->wants.v[i].name));
    if (missing.n > 0)
        lint_say(l, CHART_LINT_WARNING, str_c(l->dir), "chart directory is missing these dependencies: %.*s",
                 STR(buf_str(&missing)));
}

static bool lint_crds_of(struct linter *l, const struct chart *c, struct str prefix)
{
    for (size_t i = 0; i < c->files.n; i++) {
        const struct chart_file *f = &c->files.v[i];
        if (chart_is_crd(f->name)
            && !lint_objects(l, arena_fmt(l->a, "%.*s%.*s", STR(prefix), STR(f->name)), f->data, true))
            return false;
    }
    for (size_t i = 0; i < c->n_charts; i++)
        if (!lint_crds_of(l, c->charts[i], prefix))
            return false;
    return true;
}

static void lint_crds(struct linter *l, const struct chart *c, const struct err *load_error)
{
    const char *path = fs_join(l->a, l->dir, "crds");

    if (!fs_exists(path))
        return;
    if (!fs_is_dir(path))
        lint_say(l, CHART_LINT_ERROR, S("crds/"), "not a directory");
    else if (c == NULL)
        lint_say(l, CHART_LINT_ERROR, S("crds/"), "%s", load_error->text);
    else
        lint_crds_of(l, c, S(""));
}

/* ---- the whole ------------------------------------------------------------------------------ */

static bool lint_folder(struct linter *l, const char *path, struct err *e)
{
    const char *chart_yaml = fs_join(l->a, path, "Chart.yaml");
    struct chart *c = NULL;
    struct err load_error = { 0 };
    struct str text = S("");
    struct stat st;

    if (stat(chart_yaml, &st) != 0)
        return err_set(e, ERR_NOT_FOUND, "unable to check Chart.yaml file in chart: stat %s: %s", chart_yaml,
                       errno == ENOENT ? "no such file or directory" : strerror(errno));
    if (S_ISDIR(st.st_mode))
        lint_say(l, CHART_LINT_ERROR, S("Chart.yaml"), "should be a file, not a directory");
    else if (!fs_read(l->a, AT_FDCWD, chart_yaml, CHART_FILE_MAX, &text, e))
        return false;
    char *absolute = realpath(path, NULL);
    l->dir = absolute != NULL ? arena_c(l->a, str_c(absolute)) : path;
    free(absolute);
    lint_chart_yaml(l, text);
    lint_values(l);
    if (!load(l, &c, &load_error))
        c = NULL;
    lint_templates(l, c, &load_error);
    lint_dependencies(l, c, &load_error);
    lint_crds(l, c, &load_error);
    return true;
}

static bool is_package(struct str path)
{
    return str_ends(path, S(".tgz")) || str_ends(path, S(".tar.gz"));
}

static bool lint_package(struct linter *l, const char *path, struct err *e)
{
    CLEANUP(fs_discard) const char *dir = NULL;
    const char *unpacked;

    if (!fs_exists(path))
        return err_set(e, ERR_NOT_FOUND, "unable to open tarball: open %s: no such file or directory", path);
    if (!fs_temp_dir(l->a, "vitrine-lint", &dir, e) || !chart_unpack(l->a, path, dir, &unpacked, e))
        return err_wrap(e, "unable to extract tarball");
    return lint_folder(l, unpacked, e);
}

bool chart_lint(struct arena *a, const char *path, const struct chart_render *o, struct chart_lint *out, struct err *e)
{
    struct linter l = { .a = a, .dir = path, .o = o, .w = { .a = a } };

    if (!capabilities_make(a, o, &l.caps, e) || !semver_parse(capabilities_kube_version(l.caps), &l.kube, e))
        return false;
    if (!(is_package(str_c(path)) ? lint_package : lint_folder)(&l, path, e))
        return false;
    *out = (struct chart_lint){ l.messages.v, l.messages.n, l.w.v, l.w.n };
    return true;
}
