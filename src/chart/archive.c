/*
 * chart/archive.c - the files of a packaged chart (.tgz).
 *
 * libarchive does the reading. Every entry is taken into memory; nothing is ever unpacked to disk. Links are not
 * followed: one that points outside of the chart refuses the package, another one counts as an empty file (as in Helm).
 */
#include <archive.h>
#include <archive_entry.h>

#include "chart/internal.h"

static void reader_free(struct archive **reader)
{
    archive_read_free(*reader); /* NULL is fine */
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

/* Room for the size that the header names, which may lie, and for the byte behind that tells the end. */
static size_t first_room(struct archive_entry *entry)
{
    la_int64_t size = archive_entry_size(entry);

    return size < 0 ? 1 : size > (la_int64_t)CHART_FILE_MAX ? CHART_FILE_MAX + 1 : (size_t)size + 1;
}

static bool read_entry(struct arena *a, struct archive *reader, struct archive_entry *entry, size_t room,
                       struct str *out, struct err *e)
{
    struct buf b = { .a = a };

    buf_reserve(&b, first_room(entry));
    for (;;) {
        buf_reserve(&b, 1);
        ssize_t n = archive_read_data(reader, b.p + b.n, b.cap - b.n - 1);
        if (n < 0)
            return err_set(e, ERR_INVALID, "%s", archive_error_string(reader));
        if (n == 0)
            break;
        b.n += (size_t)n;
        if (b.n > CHART_FILE_MAX)
            return err_set(e, ERR_LIMIT, "decompressed chart file %.*s is larger than the maximum file size %zu",
                           STR(go_quote(a, str_c(archive_entry_pathname(entry)))), CHART_FILE_MAX);
        if (b.n > room)
            return err_set(e, ERR_LIMIT, "decompressed chart is larger than the maximum size %zu", CHART_BYTES_MAX);
    }
    *out = buf_str(&b);
    return true;
}

static bool read_entries(struct arena *a, struct archive *reader, struct chart_files *out, struct err *e)
{
    struct archive_entry *entry;
    size_t total = 0;
    int status;

    while ((status = archive_read_next_header(reader, &entry)) == ARCHIVE_OK || status == ARCHIVE_WARN) {
        struct str path = str_c(archive_entry_pathname(entry)), name, data;
        if (archive_entry_filetype(entry) == AE_IFDIR)
            continue;
        if (!entry_name(a, path, &name, e) || !check_link(a, archive_entry_symlink(entry), name, e)
            || !read_entry(a, reader, entry, CHART_BYTES_MAX - total, &data, e))
            return false;
        if (out->n == CHART_FILES_MAX)
            return err_set(e, ERR_LIMIT, "chart archive has more than %d files", CHART_FILES_MAX);
        total += data.n;
        chart_files_add(a, out, name, data);
    }
    if (status != ARCHIVE_EOF)
        return err_set(e, ERR_INVALID, "%s", archive_error_string(reader));
    return true;
}

bool chart_read_archive(struct arena *a, struct str bytes, struct chart_files *out, struct err *e)
{
    CLEANUP(reader_free) struct archive *reader = NULL;

    if (bytes.n < 10)
        return err_set(e, ERR_INVALID, bytes.n == 0 ? "EOF" : "unexpected EOF");
    if (!str_starts(bytes, S("\x1f\x8b")))
        return err_set(e, ERR_INVALID, "gzip: invalid header");
    reader = archive_read_new();
    if (reader == NULL)
        return err_set(e, ERR_LIMIT, "no memory to read a chart archive");
    archive_read_support_filter_gzip(reader);
    archive_read_support_format_tar(reader);
    if (archive_read_open_memory(reader, bytes.p, bytes.n) != ARCHIVE_OK)
        return err_set(e, ERR_INVALID, "%s", archive_error_string(reader));
    if (!read_entries(a, reader, out, e))
        return false;
    if (out->n == 0)
        return err_set(e, ERR_INVALID, "no files in chart archive");
    return true;
}
