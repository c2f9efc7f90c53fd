/*
 * chart/unpack.c - a packaged chart as a folder.
 *
 * chart_read_archive has refused every name that leads outside; the folder is made anew, so that no link can stand in
 * the way.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "chart/internal.h"

static bool write_file(struct arena *a, const char *folder, const struct chart_file *f, struct err *e)
{
    const char *path = fs_join(a, folder, arena_c(a, f->name));
    ptrdiff_t slash = str_rfind(str_c(path), S("/"));

    if (!fs_mkdirs(arena_c(a, str_slice(str_c(path), 0, (size_t)slash)), 0755, e))
        return false;
    CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_sys(e, "create %s", path);
    return fd_write_all(fd, f->data, e) || err_wrap(e, "write %s", path);
}

static bool write_files(struct arena *a, const char *folder, const struct chart_files *files, struct err *e)
{
    for (size_t i = 0; i < files->n; i++)
        if (!write_file(a, folder, &files->v[i], e))
            return false;
    return true;
}

static struct str file_text(const struct chart_files *files, const char *name)
{
    for (size_t i = 0; i < files->n; i++)
        if (str_is(files->v[i].name, name))
            return files->v[i].data;
    return S("");
}

/* The folder is named as Chart.yaml names the chart. */
static bool name_of(struct arena *a, const struct chart_files *files, struct str *out, struct err *e)
{
    struct chart c = { 0 };

    if (!metadata_read(a, file_text(files, "Chart.yaml"), "Chart.yaml", &c, e))
        return false;
    *out = value_str_at(&c.metadata, "name");
    bool plain = out->n > 0 && !str_is(*out, ".") && !str_is(*out, "..") && str_find(*out, S("/")) < 0;
    return plain || err_set(e, ERR_INVALID, "chart name %.*s is no name of a folder", STR(go_quote(a, *out)));
}

bool chart_unpack(struct arena *a, const char *path, const char *dir, const char **out, struct err *e)
{
    struct chart_files files = { 0 };
    struct str bytes, name;

    if (!fs_read(a, AT_FDCWD, path, CHART_BYTES_MAX, &bytes, e) || !chart_read_archive(a, bytes, &files, e)
        || !name_of(a, &files, &name, e))
        return err_wrap(e, "unpack %s", path);
    const char *folder = fs_join(a, dir, arena_c(a, name));
    if (!fs_mkdirs(dir, 0755, e))
        return false;
    if (mkdir(folder, 0755) != 0)
        return errno == EEXIST ? err_set(e, ERR_CONFLICT, "%s exists already; remove it first", folder)
                               : err_sys(e, "create %s", folder);
    *out = folder;
    if (write_files(a, folder, &files, e))
        return true;
    fs_discard(&folder); /* half a chart looks like a whole one */
    return false;
}
