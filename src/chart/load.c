/*
 * chart/load.c - from a path, and from the files of a chart, to `struct chart`.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "chart/internal.h"
#include "data/semver.h"
#include "data/yaml.h"

#define PACKAGE_MAX CHART_BYTES_MAX /* bytes of a .tgz itself */

void chart_files_add(struct arena *a, struct chart_files *files, struct str name, struct str data)
{
    if (str_starts(data, S("\xef\xbb\xbf")))
        str_cut(&data, 3);
    *vec_push(a, files) = (struct chart_file){ name, data };
}

static struct str find_file(const struct chart_files *files, const char *name, bool *found)
{
    *found = false;
    for (size_t i = 0; i < files->n; i++) {
        if (str_is(files->v[i].name, name)) {
            *found = true;
            return files->v[i].data;
        }
    }
    return S("");
}

/* ---- the parts of one chart ----------------------------------------------------------------- */

struct builder {
    struct arena *a;
    struct chart *c;
    struct warnings w;
    struct value subcharts; /* first part below charts/ -> position in `sub` */
    VEC(struct chart_files) sub;
    int depth;
    struct err *e;
};

static bool take_metadata(struct builder *b, const struct chart_files *files)
{
    bool found;
    struct str text = find_file(files, "Chart.yaml", &found);

    if (!found)
        return true; /* requirements.yaml alone is told apart later */
    b->c->metadata_text = b->c->dependencies_text = text;
    return metadata_read(b->a, text, "Chart.yaml", b->c, b->e);
}

static bool take_requirements(struct builder *b, const struct chart_file *f)
{
    bool v1 = b->c->metadata.kind == VALUE_MAP && str_is(b->c->api_version, "v1");

    if (!v1)
        warn_info(&b->w, "Warning: Dependencies are handled in Chart.yaml since apiVersion \"v2\". We recommend "
                         "migrating dependencies to Chart.yaml.");
    b->c->dependencies_text = f->data;
    if (!metadata_read(b->a, f->data, "requirements.yaml", b->c, b->e))
        return false;
    if (v1)
        *vec_push(b->a, &b->c->files) = *f;
    return true;
}

static bool take_lock(struct builder *b, const struct chart_file *f, bool legacy)
{
    bool v1 = str_is(b->c->api_version, "v1");
    const char *what = legacy ? "requirements.lock" : "Chart.lock";

    if (!lock_parse(b->a, f->data, &b->c->lock, b->e))
        return err_wrap(b->e, "cannot load %s", what);
    if (legacy && !v1)
        warn_info(&b->w, "Warning: Dependency locking is handled in Chart.lock since apiVersion \"v2\". We recommend "
                         "migrating to Chart.lock.");
    if (legacy && v1)
        *vec_push(b->a, &b->c->files) = *f;
    return true;
}

static void take_subchart_file(struct builder *b, const struct chart_file *f)
{
    struct str rest = str_slice(f->name, sizeof "charts/" - 1, f->name.n), first = rest, inside = rest;

    str_split(&inside, S("/"), &first);
    struct value *at = map_get(b->subcharts.map, first);
    if (at == NULL) {
        map_put(b->a, b->subcharts.map, first, value_int((int64_t)b->sub.n));
        at = map_get(b->subcharts.map, first);
        *vec_push(b->a, &b->sub) = (struct chart_files){ 0 };
    }
    struct chart_file moved = { rest, f->data };
    *vec_push(b->a, &b->sub.v[at->i]) = moved;
}

static bool take_values(struct builder *b, const struct chart_file *f)
{
    b->c->values_text = f->data;
    b->c->has_values_text = true;
    return values_read(b->a, f->data, &b->c->values, b->e) || err_wrap(b->e, "cannot load values.yaml");
}

static bool take_file(struct builder *b, const struct chart_file *f)
{
    if (str_is(f->name, "Chart.yaml"))
        return true;
    if (str_is(f->name, "values.yaml"))
        return take_values(b, f);
    if (str_is(f->name, "Chart.lock"))
        return take_lock(b, f, false);
    if (str_is(f->name, "requirements.yaml"))
        return take_requirements(b, f);
    if (str_is(f->name, "requirements.lock"))
        return take_lock(b, f, true);
    if (str_is(f->name, "values.schema.json")) {
        b->c->schema = f->data;
        b->c->has_schema = true;
    } else if (str_starts(f->name, S("templates/"))) {
        *vec_push(b->a, &b->c->templates) = *f;
    } else if (str_starts(f->name, S("charts/")) && !str_ends(f->name, S(".prov"))) {
        take_subchart_file(b, f);
    } else {
        *vec_push(b->a, &b->c->files) = *f;
    }
    return true;
}

/* ---- subcharts ------------------------------------------------------------------------------ */

static bool unpack_subchart(struct builder *b, struct str name, const struct chart_files *files,
                            struct chart_files *out)
{
    if (str_ends(name, S(".tgz"))) {
        if (!str_eq(files->v[0].name, name))
            return err_set(b->e, ERR_INVALID, "expected %.*s, got %.*s", STR(name), STR(files->v[0].name));
        if (b->a->total > CHART_UNPACKED_MAX)
            return err_set(b->e, ERR_LIMIT, "packages inside of packages take more than %zu bytes", CHART_UNPACKED_MAX);
        return chart_read_archive(b->a, files->v[0].data, out, b->e);
    }
    for (size_t i = 0; i < files->n; i++) {
        struct str inside = files->v[i].name, first;
        if (!str_split(&inside, S("/"), &first))
            continue; /* a stray file of that very name: then no Chart.yaml is found */
        *vec_push(b->a, out) = (struct chart_file){ inside, files->v[i].data };
    }
    return true;
}

static bool add_subchart(struct builder *b, struct str name, const struct chart_files *files)
{
    struct chart_files unpacked = { 0 };
    struct chart *sub;

    if (!unpack_subchart(b, name, files, &unpacked) || !chart_from_files(b->a, &unpacked, b->depth + 1, &sub, b->e))
        return err_wrap(b->e, "error unpacking subchart %.*s in %.*s", STR(name), STR(b->c->name));
    for (size_t i = 0; i < sub->n_warnings; i++)
        *vec_push(b->a, &b->w) = sub->warnings[i];
    sub->packed = str_ends(name, S(".tgz"));
    b->c->charts[b->c->n_charts++] = sub;
    return true;
}

static bool add_subcharts(struct builder *b)
{
    const struct map *names = b->subcharts.map;

    b->c->charts = arena_new(b->a, struct chart *, names->n);
    for (size_t i = 0; i < names->n; i++) {
        struct str name = names->v[i].key;
        if (name.n == 0 || name.p[0] == '_' || name.p[0] == '.')
            continue;
        if (!add_subchart(b, name, &b->sub.v[names->v[i].value.i]))
            return false;
    }
    return true;
}

bool chart_from_files(struct arena *a, const struct chart_files *files, int depth, struct chart **out, struct err *e)
{
    struct chart *c = arena_new(a, struct chart, 1);
    struct builder b = { .a = a, .c = c, .w = { .a = a }, .subcharts = value_map(a), .depth = depth, .e = e };

    if (depth > CHART_NESTING_MAX)
        return err_set(e, ERR_LIMIT, "subcharts are nested more than %d deep", CHART_NESTING_MAX);
    c->values = value_map(a);
    if (!take_metadata(&b, files))
        return false;
    for (size_t i = 0; i < files->n; i++)
        if (!take_file(&b, &files->v[i]))
            return false;
    if (c->metadata.kind != VALUE_MAP)
        return err_set(e, ERR_INVALID, "Chart.yaml file is missing");
    if (!metadata_check(a, c, e) || !add_subcharts(&b))
        return false;
    c->warnings = b.w.v;
    c->n_warnings = b.w.n;
    *out = c;
    return true;
}

/* ---- the tree ------------------------------------------------------------------------------- */

struct chart *chart_copy(struct arena *a, const struct chart *c, const struct chart *parent)
{
    struct chart *copy = arena_new(a, struct chart, 1);

    *copy = *c;
    copy->parent = parent;
    copy->charts = arena_new(a, struct chart *, c->n_charts);
    for (size_t i = 0; i < c->n_charts; i++)
        copy->charts[i] = chart_copy(a, c->charts[i], copy);
    copy->wants.v = arena_new(a, struct chart_dependency, c->wants.n);
    if (c->wants.n > 0)
        memcpy(copy->wants.v, c->wants.v, sizeof *c->wants.v * c->wants.n);
    return copy;
}

struct str chart_full_path(struct arena *a, const struct chart *c)
{
    if (c->parent == NULL)
        return c->name;
    return arena_fmt(a, "%.*s/charts/%.*s", STR(chart_full_path(a, c->parent)), STR(c->name));
}

struct str chart_name(const struct chart *c)
{
    return c->name;
}

struct str chart_version(const struct chart *c)
{
    return c->version;
}

const struct value *chart_metadata(const struct chart *c)
{
    return &c->metadata;
}

const struct value *chart_values(const struct chart *c)
{
    return &c->values;
}

bool chart_has(const struct chart *c, struct str name)
{
    for (size_t i = 0; i < c->n_charts; i++)
        if (str_eq(c->charts[i]->name, name))
            return true;
    return false;
}

struct str chart_missing_dependencies(struct arena *a, const struct chart *c)
{
    struct buf b = { .a = a };
    size_t missing = 0;

    for (size_t i = 0; i < c->wants.n; i++)
        if (!chart_has(c, c->wants.v[i].name))
            buf_fmt(&b, "%s%.*s", missing++ > 0 ? ", " : "", STR(c->wants.v[i].name));
    return missing > 0 ? arena_str(a, buf_str(&b)) : (struct str){ 0 };
}

/* ---- from a path ---------------------------------------------------------------------------- */

bool chart_check_version(struct str version, struct err *e)
{
    if (str_is(version, "v3"))
        return err_set(e, ERR_INVALID, "invalid chart apiVersion");
    if (version.n > 0 && !str_is(version, "v1") && !str_is(version, "v2"))
        return err_set(e, ERR_INVALID, "unsupported chart version");
    return true;
}

static bool check_version(struct arena *a, struct str chart_yaml, struct err *e)
{
    struct str version;

    return metadata_peek_version(a, chart_yaml, &version, e) && chart_check_version(version, e);
}

static bool load_folder(struct arena *a, const char *path, struct chart_links *links, struct chart_files *files,
                        struct err *e)
{
    bool found;

    if (!chart_read_folder(a, path, links, files, e))
        return false;
    struct str text = find_file(files, "Chart.yaml", &found);
    if (!found && fs_exists(fs_join(a, path, "Chart.yaml")))
        return true; /* ignored by .helmignore: chart_from_files misses it */
    if (!found) {
        char *absolute = realpath(path, NULL);
        err_set_(e, ERR_NOT_FOUND,
                 "unable to detect chart at %s/Chart.yaml: open %s/Chart.yaml: no such file or directory",
                 absolute != NULL ? absolute : path, absolute != NULL ? absolute : path);
        free(absolute);
        return false;
    }
    return check_version(a, text, e);
}

static bool load_package(struct arena *a, const char *path, struct chart_files *files, struct err *e)
{
    struct str bytes;
    bool found;

    if (!fs_read(a, AT_FDCWD, path, PACKAGE_MAX, &bytes, e))
        return false;
    if (!str_starts(bytes, S("\x1f\x8b\x08"))) {
        if (str_ends(str_c(path), S(".yaml")) || str_ends(str_c(path), S(".yml")))
            return err_set(e, ERR_INVALID, "file '%s' seems to be a YAML file, but expected a gzipped archive", path);
        return err_set(e, ERR_INVALID, "file '%s' does not appear to be a gzipped archive", path);
    }
    if (!chart_read_archive(a, bytes, files, e))
        return err_wrap(e, "unable to load chart archive %s", path);
    struct str text = find_file(files, "Chart.yaml", &found);
    if (!found)
        return err_set(e, ERR_INVALID, "unable to detect chart version, no Chart.yaml found");
    return check_version(a, text, e);
}

bool chart_load(struct arena *a, const char *path, struct chart **out, struct err *e)
{
    return chart_load_within(a, path, NULL, out, e);
}

void chart_add_notices(struct arena *a, const struct warnings *notices, struct chart *c)
{
    if (notices->n == 0)
        return;
    struct str *all = arena_new(a, struct str, notices->n + c->n_warnings);
    memcpy(all, notices->v, notices->n * sizeof *all);
    if (c->n_warnings > 0)
        memcpy(all + notices->n, c->warnings, c->n_warnings * sizeof *all);
    c->warnings = all;
    c->n_warnings += notices->n;
}

bool chart_read(struct arena *a, const char *path, struct chart_links *links, struct chart_files *out, struct err *e)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        if (errno == ENOENT)
            return err_set(e, ERR_NOT_FOUND, "path \"%s\" not found", path);
        return err_sys(e, "chart %s", path);
    }
    return S_ISDIR(st.st_mode) ? load_folder(a, path, links, out, e) : load_package(a, path, out, e);
}

bool chart_load_within(struct arena *a, const char *path, const char *links_within, struct chart **out, struct err *e)
{
    struct chart_links links = { .within = links_within, .notices.a = a };
    struct chart_files files = { 0 };

    if (!chart_read(a, path, &links, &files, e) || !chart_from_files(a, &files, 0, out, e))
        return false;
    chart_add_notices(a, &links.notices, *out);
    return true;
}
