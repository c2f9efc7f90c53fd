/*
 * chart/package.c - NAME-VERSION.tgz, the same bytes for the same chart.
 *
 * Below NAME/: Chart.yaml (written anew, sorted), Chart.lock, values.yaml, values.schema.json, templates, other files,
 * and subcharts unpacked below charts/. No folders, mode 0644, no times, so that a digest means the content.
 */
#include <archive.h>
#include <archive_entry.h>
#include <zlib.h>

#include "base/sys.h"
#include "chart/repository.h"
#include "data/yaml.h"

/* The mark that Helm leaves in the gzip header. */
#define GZIP_COMMENT "Helm"
#define GZIP_EXTRA "+aHR0cHM6Ly95b3V0dS5iZS96OVV6MWljandyTQo="

struct packer {
    struct arena *a;
    struct chart_files files; /* what goes in, with whole paths */
};

struct value metadata_filled(struct arena *a, const struct chart *c)
{
    struct value out = value_map(a);

    for (size_t i = 0; i < c->metadata.map->n; i++) {
        const struct map_entry *entry = &c->metadata.map->v[i];
        const struct value *v = &entry->value;
        bool empty = (v->kind == VALUE_STRING && v->n == 0) || (v->kind == VALUE_BOOL && !v->b)
                     || (v->kind == VALUE_LIST && v->list->n == 0) || (v->kind == VALUE_MAP && v->map->n == 0);
        if (!empty)
            map_put(a, out.map, entry->key, *v);
    }
    return out;
}

/* v1 charts keep their dependencies in requirements.yaml, which is packed as it is. */
struct value metadata_written(struct arena *a, const struct chart *c)
{
    struct value out = metadata_filled(a, c);

    if (str_is(c->api_version, "v1"))
        value_del(&out, "dependencies");
    return out;
}

static void add(struct packer *p, struct str base, const char *name, struct str data)
{
    *vec_push(p->a, &p->files) = (struct chart_file){ arena_fmt(p->a, "%.*s/%s", STR(base), name), data };
}

static void add_chart(struct packer *p, const struct chart *c, struct str prefix)
{
    struct str base = arena_fmt(p->a, "%.*s%.*s", STR(prefix), STR(c->name));
    struct value metadata = metadata_written(p->a, c);

    add(p, base, "Chart.yaml", yaml_str(p->a, &metadata));
    if (str_is(c->api_version, "v2") && c->lock.kind == VALUE_MAP)
        add(p, base, "Chart.lock", yaml_str(p->a, &c->lock));
    if (c->has_values_text)
        add(p, base, "values.yaml", c->values_text);
    if (c->schema.n > 0)
        add(p, base, "values.schema.json", c->schema);
    for (size_t i = 0; i < c->templates.n; i++)
        add(p, base, arena_c(p->a, c->templates.v[i].name), c->templates.v[i].data);
    for (size_t i = 0; i < c->files.n; i++)
        add(p, base, arena_c(p->a, c->files.v[i].name), c->files.v[i].data);
    for (size_t i = 0; i < c->n_charts; i++)
        add_chart(p, c->charts[i], arena_fmt(p->a, "%.*s/charts/", STR(base)));
}

/* ---- tar ------------------------------------------------------------------------------------ */

struct writer {
    struct archive *archive;
    struct archive_entry *entry;
};

static void writer_free(struct writer *w)
{
    if (w->entry != NULL)
        archive_entry_free(w->entry);
    if (w->archive != NULL)
        archive_write_free(w->archive);
}

static bool write_entry(struct writer *w, const char *name, struct str data, struct err *e)
{
    w->entry = archive_entry_new();
    archive_entry_set_pathname(w->entry, name);
    archive_entry_set_filetype(w->entry, AE_IFREG);
    archive_entry_set_perm(w->entry, 0644);
    archive_entry_set_mtime(w->entry, 0, 0);
    archive_entry_set_size(w->entry, (la_int64_t)data.n);
    bool ok = archive_write_header(w->archive, w->entry) == ARCHIVE_OK
              && archive_write_data(w->archive, data.p, data.n) == (la_ssize_t)data.n;
    archive_entry_free(w->entry);
    w->entry = NULL;
    return ok || err_set(e, ERR_INVALID, "pack %s: %s", name, archive_error_string(w->archive));
}

static bool make_tar(struct arena *a, const struct chart_files *files, struct str *out, struct err *e)
{
    CLEANUP(writer_free) struct writer w = { 0 };
    size_t room = 64 << 10, used = 0;

    for (size_t i = 0; i < files->n; i++) /* headers, long names, padding */
        room += files->v[i].data.n + 4096 + 2 * files->v[i].name.n;
    char *bytes = arena_alloc_raw(a, room);
    w.archive = archive_write_new();
    archive_write_set_format_pax_restricted(w.archive);
    archive_write_set_bytes_in_last_block(w.archive, 1);
    if (archive_write_open_memory(w.archive, bytes, room, &used) != ARCHIVE_OK)
        return err_set(e, ERR_INVALID, "pack chart: %s", archive_error_string(w.archive));
    for (size_t i = 0; i < files->n; i++)
        if (!write_entry(&w, arena_c(a, files->v[i].name), files->v[i].data, e))
            return false;
    if (archive_write_close(w.archive) != ARCHIVE_OK)
        return err_set(e, ERR_INVALID, "pack chart: %s", archive_error_string(w.archive));
    *out = (struct str){ bytes, used };
    return true;
}

static bool make_gzip(struct arena *a, struct str tar, struct str *out, struct err *e)
{
    Bytef comment[] = GZIP_COMMENT, extra[] = GZIP_EXTRA;
    gz_header header = { .os = 255, .extra = extra, .extra_len = sizeof extra - 1, .comment = comment };
    z_stream z = { 0 };

    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return err_set(e, ERR_LIMIT, "no memory to compress a chart");
    deflateSetHeader(&z, &header);
    size_t room = deflateBound(&z, tar.n) + 256;
    char *bytes = arena_alloc_raw(a, room);
    z.next_in = (Bytef *)(uintptr_t)tar.p;
    z.avail_in = (uInt)tar.n; /* at most CHART_BYTES_MAX and headers */
    z.next_out = (Bytef *)bytes;
    z.avail_out = (uInt)room;
    bool ok = deflate(&z, Z_FINISH) == Z_STREAM_END;
    *out = (struct str){ bytes, room - z.avail_out };
    deflateEnd(&z);
    return ok || err_set(e, ERR_INVALID, "compress chart");
}

bool package_bytes(struct arena *a, const struct chart *c, struct str *out, struct err *e)
{
    struct packer p = { .a = a };
    struct str tar;

    add_chart(&p, c, S(""));
    return make_tar(a, &p.files, &tar, e) && make_gzip(a, tar, out, e);
}

static bool rename_version(struct arena *a, struct chart *c, const struct chart_package_as *as, struct err *e)
{
    struct semver version;

    if (as->version.n > 0) {
        if (!semver_parse(as->version, &version, e))
            return err_wrap(e, "version %.*s", STR(go_quote(a, as->version)));
        value_set(a, &c->metadata, "version", value_str(as->version));
        c->version = as->version;
    }
    if (as->app_version.n > 0)
        value_set(a, &c->metadata, "appVersion", value_str(as->app_version));
    return true;
}

bool chart_package(struct arena *a, const char *dir, const char *dest_dir, const char **out_path, struct err *e)
{
    const struct chart_package_as as_it_is = { 0 };

    return chart_package_with(a, dir, dest_dir, &as_it_is, out_path, e);
}

bool chart_package_with(struct arena *a, const char *dir, const char *dest_dir, const struct chart_package_as *as,
                        const char **out_path, struct err *e)
{
    struct chart *c;
    struct str bytes, missing;

    if (!chart_load(a, dir, &c, e) || !rename_version(a, c, as, e))
        return false;
    missing = chart_missing_dependencies(a, c);
    if (missing.p != NULL)
        return err_set(e, ERR_NOT_FOUND, "found in Chart.yaml, but missing in charts/ directory: %.*s", STR(missing));
    if (!package_bytes(a, c, &bytes, e) || !fs_mkdirs(dest_dir, 0755, e))
        return false;
    struct str name = arena_fmt(a, "%.*s-%.*s.tgz", STR(c->name), STR(c->version));
    *out_path = fs_join(a, dest_dir, name.p);
    return fs_write(*out_path, bytes, 0644, e);
}
