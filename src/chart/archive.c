/*
 * chart/archive.c - the files of a packaged chart (.tgz).
 *
 * libarchive does the reading; it is opened on first use, because its libraries cost milliseconds and most charts are
 * folders. Every entry is taken into memory; nothing is ever unpacked to disk. Links are not followed: one that points
 * outside of the chart refuses the package, another one counts as an empty file (as in Helm).
 */
#include <archive.h>
#include <archive_entry.h>
#include <dlfcn.h>
#include <pthread.h>

#include "chart/internal.h"

#define LIBRARY "libarchive.so.13"

/* The few functions that are used, named and typed as in archive.h. */
#define FUNCTIONS(X)                                                                                                   \
    X(archive_read_new)                                                                                                \
    X(archive_read_free)                                                                                               \
    X(archive_read_support_filter_gzip)                                                                                \
    X(archive_read_support_format_tar) X(archive_read_support_format_gnutar) X(archive_read_open_memory)               \
        X(archive_read_next_header) X(archive_read_data) X(archive_error_string) X(archive_entry_pathname)             \
            X(archive_entry_filetype) X(archive_entry_size) X(archive_entry_size_is_set) X(archive_entry_symlink)      \
                X(archive_entry_hardlink)

struct library {
#define MEMBER(name) __typeof__(name) *name;
    FUNCTIONS(MEMBER)
#undef MEMBER
};

static struct library lib;
static const char *lib_failure;
static pthread_once_t lib_once = PTHREAD_ONCE_INIT;

static void open_library(void)
{
    void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    if (handle == NULL) {
        lib_failure = LIBRARY " cannot be loaded; install libarchive13";
        return;
    }
#define LOAD(name)                                                                                                     \
    if ((*(void **)&lib.name = dlsym(handle, #name)) == NULL)                                                          \
        lib_failure = LIBRARY " has no " #name;
    FUNCTIONS(LOAD)
#undef LOAD
}

static void reader_free(struct archive **r)
{
    if (*r != NULL)
        lib.archive_read_free(*r);
}

/* path.Clean for a relative path: no empty parts, "." or "..", but leading ".." stay. */
static struct str clean(struct arena *a, struct str path)
{
    struct buf b = { .a = a };
    struct str part;

    while (path.n > 0) {
        str_split(&path, S("/"), &part);
        if (part.n == 0 || str_is(part, "."))
            continue;
        struct str so_far = buf_str(&b);
        if (str_is(part, "..") && so_far.n > 0 && !str_is(path_base(so_far), "..")) {
            ptrdiff_t slash = str_rfind(so_far, S("/"));
            b.n = slash < 0 ? 0 : (size_t)slash;
            continue;
        }
        if (b.n > 0)
            buf_byte(&b, '/');
        buf_add(&b, part);
    }
    return b.n > 0 ? buf_str(&b) : S(".");
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
    if (rest.n > 0 && rest.p[0] == '/')
        return err_set(e, ERR_INVALID, "chart illegally contains absolute paths");
    struct str name = clean(a, rest);
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

static bool check_link(struct arena *a, struct archive_entry *entry, struct str name, struct err *e)
{
    const char *target = lib.archive_entry_symlink(entry);

    if (target == NULL)
        return true;
    ptrdiff_t slash = str_rfind(name, S("/"));
    struct str folder = str_slice(name, 0, slash < 0 ? 0 : (size_t)slash);
    struct str to = clean(a, arena_fmt(a, "%.*s/%s", STR(folder), target));
    if (target[0] == '/' || str_is(to, "..") || str_starts(to, S("../")))
        return err_set(e, ERR_INVALID, "chart illegally contains a link to the outside: %.*s -> %s", STR(name), target);
    return true;
}

static bool read_entry(struct arena *a, struct archive *r, size_t room, struct str name, struct str *out, struct err *e)
{
    struct buf b = { .a = a };

    for (;;) {
        buf_reserve(&b, 64 << 10);
        ssize_t n = lib.archive_read_data(r, b.p + b.n, 64 << 10);
        if (n < 0)
            return err_set(e, ERR_INVALID, "%s", lib.archive_error_string(r));
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

static bool read_entries(struct arena *a, struct archive *r, struct chart_files *out, struct err *e)
{
    struct archive_entry *entry;
    size_t total = 0;
    int status;

    while ((status = lib.archive_read_next_header(r, &entry)) == ARCHIVE_OK || status == ARCHIVE_WARN) {
        struct str path = str_c(lib.archive_entry_pathname(entry)), name, data;
        if (lib.archive_entry_filetype(entry) == AE_IFDIR)
            continue;
        if (!entry_name(a, path, &name, e) || !check_link(a, entry, name, e)
            || !read_entry(a, r, CHART_BYTES_MAX - total, path, &data, e))
            return false;
        if (out->n == CHART_FILES_MAX)
            return err_set(e, ERR_LIMIT, "chart archive has more than %d files", CHART_FILES_MAX);
        total += data.n;
        chart_files_add(a, out, name, data);
    }
    if (status != ARCHIVE_EOF)
        return err_set(e, ERR_INVALID, "%s", lib.archive_error_string(r));
    return true;
}

bool chart_read_archive(struct arena *a, struct str bytes, struct chart_files *out, struct err *e)
{
    pthread_once(&lib_once, open_library);
    if (lib_failure != NULL)
        return err_set(e, ERR_UNAVAILABLE, "%s", lib_failure);

    CLEANUP(reader_free) struct archive *r = lib.archive_read_new();
    if (r == NULL)
        return err_set(e, ERR_LIMIT, "no memory to read a chart archive");
    lib.archive_read_support_filter_gzip(r);
    lib.archive_read_support_format_tar(r);
    lib.archive_read_support_format_gnutar(r);
    if (!str_starts(bytes, S("\x1f\x8b")))
        return err_set(e, ERR_INVALID, "gzip: invalid header");
    if (lib.archive_read_open_memory(r, bytes.p, bytes.n) != ARCHIVE_OK)
        return err_set(e, ERR_INVALID, "%s", lib.archive_error_string(r));
    if (!read_entries(a, r, out, e))
        return false;
    if (out->n == 0)
        return err_set(e, ERR_INVALID, "no files in chart archive");
    return true;
}
