/*
 * chart/archive.c - the files of a packaged chart (.tgz).
 *
 * libarchive does the reading. Every entry is taken into memory; nothing is ever unpacked to disk. Links are not
 * followed: one that points outside of the chart refuses the package, another one counts as an empty file (as in Helm).
 */
#include "chart/internal.h"
#include "chart/libarchive.h"

struct reader {
    const struct libarchive *lib;
    struct archive *archive;
};

static void reader_free(struct reader *r)
{
    if (r->archive != NULL)
        r->lib->archive_read_free(r->archive);
}

static bool has_drive_letter(struct str s)
{
    return s.n >= 3 && s.p[1] == ':' && s.p[2] == '/' && ((s.p[0] | 0x20) >= 'a' && (s.p[0] | 0x20) <= 'z');
}

/* The name inside the chart: the first part of the entry's path is cut off, and nothing may lead outside. */
static bool entry_name(struct arena *a, struct str path, struct str *out, struct err *e)
{
    struct str rest = path, first;
    char *slashed = (char *)arena_str(a, path).p;

    if (memchr(path.p, '\\', path.n) != NULL) { /* made on Windows */
        for (size_t i = 0; i < path.n; i++)
            if (slashed[i] == '\\')
                slashed[i] = '/';
    }
    rest.p = slashed;
    str_split(&rest, S("/"), &first);
    if (str_starts(rest, S("/")) || (first.n == 0 && path.n > 0)) /* Helm takes "/etc/x" for "etc/x" */
        return err_set(e, ERR_INVALID, "chart illegally contains absolute paths");
    struct str name = path_clean(a, rest);
    if (str_is(name, "."))
        return err_set(e, ERR_INVALID, "chart illegally contains content outside the base directory: %.*s",
                       STR(go_quote(a, path)));
    if (str_starts(name, S("..")))
        return err_set(e, ERR_INVALID, "chart illegally references parent directory");
    if (has_drive_letter(name))
        return err_set(e, ERR_INVALID, "chart contains illegally named files");
    if (str_is(first, "Chart.yaml"))
        return err_set(e, ERR_INVALID, "chart yaml not in base directory");
    *out = name;
    return true;
}

static bool check_link(struct arena *a, const char *target, struct str name, struct err *e)
{
    if (target == NULL)
        return true;
    ptrdiff_t slash = str_rfind(name, S("/"));
    struct str folder = str_slice(name, 0, slash < 0 ? 0 : (size_t)slash);
    struct str to = path_clean(a, arena_fmt(a, "%.*s%s%s", STR(folder), slash < 0 ? "" : "/", target));
    if (target[0] == '/' || str_is(to, "..") || str_starts(to, S("../")))
        return err_set(e, ERR_INVALID, "chart illegally contains a link to the outside: %.*s -> %s", STR(name), target);
    return true;
}

static bool read_entry(struct arena *a, const struct reader *r, size_t room, struct str name, struct str *out,
                       struct err *e)
{
    struct buf b = { .a = a };

    for (;;) {
        buf_reserve(&b, 64 << 10);
        ssize_t n = r->lib->archive_read_data(r->archive, b.p + b.n, 64 << 10);
        if (n < 0)
            return err_set(e, ERR_INVALID, "%s", r->lib->archive_error_string(r->archive));
        if (n == 0)
            break;
        b.n += (size_t)n;
        if (b.n > CHART_FILE_MAX)
            return err_set(e, ERR_LIMIT, "decompressed chart file %.*s is larger than the maximum file size %zu",
                           STR(go_quote(a, name)), CHART_FILE_MAX);
        if (b.n > room)
            return err_set(e, ERR_LIMIT, "decompressed chart is larger than the maximum size %zu", CHART_BYTES_MAX);
    }
    *out = buf_str(&b);
    return true;
}

static bool read_entries(struct arena *a, const struct reader *r, struct chart_files *out, struct err *e)
{
    struct archive_entry *entry;
    size_t total = 0;
    int status;

    while ((status = r->lib->archive_read_next_header(r->archive, &entry)) == ARCHIVE_OK || status == ARCHIVE_WARN) {
        struct str path = str_c(r->lib->archive_entry_pathname(entry)), name, data;
        if (r->lib->archive_entry_filetype(entry) == AE_IFDIR)
            continue;
        if (!entry_name(a, path, &name, e) || !check_link(a, r->lib->archive_entry_symlink(entry), name, e)
            || !read_entry(a, r, CHART_BYTES_MAX - total, path, &data, e))
            return false;
        if (out->n == CHART_FILES_MAX)
            return err_set(e, ERR_LIMIT, "chart archive has more than %d files", CHART_FILES_MAX);
        total += data.n;
        chart_files_add(a, out, name, data);
    }
    if (status != ARCHIVE_EOF)
        return err_set(e, ERR_INVALID, "%s", r->lib->archive_error_string(r->archive));
    return true;
}

bool chart_read_archive(struct arena *a, struct str bytes, struct chart_files *out, struct err *e)
{
    CLEANUP(reader_free) struct reader r = { .lib = libarchive_open(e) };

    if (r.lib == NULL)
        return false;
    if (bytes.n < 10)
        return err_set(e, ERR_INVALID, bytes.n == 0 ? "EOF" : "unexpected EOF");
    if (!str_starts(bytes, S("\x1f\x8b")))
        return err_set(e, ERR_INVALID, "gzip: invalid header");
    r.archive = r.lib->archive_read_new();
    if (r.archive == NULL)
        return err_set(e, ERR_LIMIT, "no memory to read a chart archive");
    r.lib->archive_read_support_filter_gzip(r.archive);
    r.lib->archive_read_support_format_tar(r.archive);
    if (r.lib->archive_read_open_memory(r.archive, bytes.p, bytes.n) != ARCHIVE_OK)
        return err_set(e, ERR_INVALID, "%s", r.lib->archive_error_string(r.archive));
    if (!read_entries(a, &r, out, e))
        return false;
    if (out->n == 0)
        return err_set(e, ERR_INVALID, "no files in chart archive");
    return true;
}
