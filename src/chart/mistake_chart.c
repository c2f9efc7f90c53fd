/*
 * chart/mistake_chart.c - charts that cannot be loaded: the file of the chart and the key in it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/sys.h"
#include "chart/mistake_internal.h"

/* ---- Chart.yaml ----------------------------------------------------------------------------- */

/* The key that a message is about: "chart.metadata.KEY ...", "... Go struct field Metadata.KEY of type ...". */
static struct str key_in(struct str message)
{
    static const char *const marks[] = { "chart.metadata.", "Go struct field " };
    struct str key;

    for (size_t i = 0; i < COUNT(marks); i++) {
        ptrdiff_t at = str_find(message, str_c(marks[i]));
        if (at < 0)
            continue;
        struct str rest = str_slice(message, (size_t)at + strlen(marks[i]), message.n);
        str_split(&rest, S(" "), &key);
        ptrdiff_t dot = str_rfind(key, S("."));
        return str_slice(key, dot < 0 ? 0 : (size_t)dot + 1, key.n);
    }
    if (str_find(message, S("apiVersion")) >= 0 || str_find(message, S("unsupported chart version")) >= 0)
        return S("apiVersion");
    return str_find(message, S("dependenc")) >= 0 ? S("dependencies") : S("");
}

static struct str metadata_file(struct arena *a, const struct chart *c)
{
    return arena_fmt(a, "%.*s/Chart.yaml", STR(chart_full_path(a, c)));
}

void explain_metadata(struct arena *a, const struct chart *c, const char *key, struct str hint,
                      struct chart_mistakes *out)
{
    const struct str path[] = { str_c(key) };

    mistake_at_key(a, out, metadata_file(a, c), c->metadata_text, path, 1)->hint = hint;
}

static bool lies_in_charts(const struct chart *c, struct str name)
{
    for (size_t i = 0; i < c->n_charts; i++)
        if (str_eq(c->charts[i]->name, name))
            return true;
    return false;
}

/* Entry `i` of the dependencies, at its name. */
static void explain_dependency(struct arena *a, const struct chart *c, size_t i, struct chart_mistakes *out)
{
    const struct chart_dependency *d = &c->wants.v[i];
    const struct str path[] = { S("dependencies"), arena_fmt(a, "%zu", i), S("name") };
    bool legacy = c->dependencies_text.p != c->metadata_text.p;
    struct str file = legacy ? arena_fmt(a, "%.*s/requirements.yaml", STR(chart_full_path(a, c))) : metadata_file(a, c);
    struct chart_mistake *m = mistake_at_key(a, out, file, c->dependencies_text, path, COUNT(path));

    if (str_starts(d->repository, S("file://")))
        m->hint =
            arena_fmt(a, "charts/ has no %.*s: run `vitrine chart dependency build` on the chart, or copy %.*s there",
                      STR(d->name), STR(str_slice(d->repository, 7, d->repository.n)));
    else
        m->hint = arena_fmt(a,
                            "charts/ has no %.*s: run `vitrine chart dependency build` on the chart, or pass "
                            "--dependency-update",
                            STR(d->name));
}

void explain_missing_dependencies(struct arena *a, const struct chart *c, struct chart_mistakes *out)
{
    enum { EXPLAINED = 20 }; /* each is searched from the start of the file */

    for (size_t i = 0, explained = 0; i < c->wants.n && explained < EXPLAINED; i++) {
        if (lies_in_charts(c, c->wants.v[i].name))
            continue;
        explain_dependency(a, c, i, out);
        explained++;
    }
}

/* ---- files that cannot be read -------------------------------------------------------------- */

/* A file of a chart or of one below charts/: what follows the folders; empty for templates and the like. */
static struct str own_file(struct str name)
{
    struct str folder;

    while (str_starts(name, S("charts/"))) {
        str_cut(&name, sizeof "charts/" - 1);
        if (!str_split(&name, S("/"), &folder))
            return S("");
    }
    return str_find(name, S("/")) < 0 ? name : S("");
}

/* Whether the file is what makes loading fail. */
static bool is_wrong(struct arena *a, const struct chart_file *f, struct str what, struct err *e)
{
    struct chart c = { 0 };
    struct value ignored;
    struct str version;

    if (str_is(what, "values.yaml"))
        return !values_read(a, f->data, &ignored, e);
    if (str_is(what, "Chart.lock") || str_is(what, "requirements.lock"))
        return !lock_parse(a, f->data, &ignored, e);
    if (str_is(what, "requirements.yaml"))
        return !metadata_read(a, f->data, "requirements.yaml", &c, e);
    return str_is(what, "Chart.yaml")
           && (!metadata_peek_version(a, f->data, &version, e) || !chart_check_version(version, e)
               || !metadata_read(a, f->data, "Chart.yaml", &c, e) || !metadata_check(a, &c, e));
}

static void explain_file(struct arena *a, struct str shown, struct str text, struct str message,
                         struct chart_mistakes *out)
{
    struct str key = key_in(message);

    if (mistake_at_yaml(a, out, shown, text, message))
        return;
    struct chart_mistake *m = mistake_at_key(a, out, shown, text, &key, key.n > 0);
    m->hint = hint_of(a, message);
}

static bool read_files(struct arena *a, const char *path, struct chart_files *files)
{
    struct stat st;
    struct str bytes;
    struct err ignored;

    if (stat(path, &st) != 0)
        return false;
    if (S_ISDIR(st.st_mode))
        return chart_read_folder(a, path, NULL, files, &ignored);
    return fs_read(a, AT_FDCWD, path, CHART_BYTES_MAX, &bytes, &ignored)
           && chart_read_archive(a, bytes, files, &ignored);
}

void chart_explain_load(struct arena *a, const char *path, struct str message, struct chart_mistakes *out)
{
    struct chart_files files = { 0 };
    struct err e = { 0 };

    if (!read_files(a, path, &files)) {
        chart_explain_path(a, path, out);
        return;
    }
    for (size_t i = 0; i < files.n; i++) {
        const struct chart_file *f = &files.v[i];
        struct str what = own_file(f->name), shown = arena_fmt(a, "%s/%.*s", path, STR(f->name));
        if (what.n > 0 && is_wrong(a, f, what, &e)) {
            explain_file(a, shown, f->data, message, out);
            return;
        }
    }
    *vec_push(a, out) =
        (struct chart_mistake){ .file = str_c(path), .hint = S("a chart is a folder with a Chart.yaml") };
}

/* ---- paths ---------------------------------------------------------------------------------- */

void chart_explain_path(struct arena *a, const char *path, struct chart_mistakes *out)
{
    if (fs_exists(path)) /* the message itself says what is wrong with it */
        return;
    struct str whole = str_c(path), base = path_base(whole);
    const char *folder = base.n == whole.n ? "." : arena_c(a, str_slice(whole, 0, whole.n - base.n));
    VEC(struct str) names = { 0 };
    DIR *dir = opendir(folder);
    struct chart_mistake m = { .file = whole };

    for (struct dirent *d; dir != NULL && names.n < 1000 && (d = readdir(dir)) != NULL;)
        if (d->d_name[0] != '.')
            *vec_push(a, &names) = arena_str(a, str_c(d->d_name));
    struct str meant = did_you_mean(a, base, names.v, names.n);
    m.hint = dir == NULL ? arena_fmt(a, "the folder %s cannot be read", folder)
                         : arena_fmt(a, "%s has no %.*s%.*s", strcmp(folder, ".") == 0 ? "this folder" : folder,
                                     STR(base), STR(meant));
    if (dir == NULL || meant.n > 0) /* else the message says all there is */
        *vec_push(a, out) = m;
    if (dir != NULL)
        closedir(dir);
}
