/* oci/registry_files.c - the registry's folder: names, links, publishing. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci/digest.h"
#include "oci/registry_internal.h"

enum { SMALL_FILE_MAX = 5 << 20, PIECE = 256 << 10 };

const char *reg_blob_path(struct visit *v, struct str digest)
{
    struct str hex = oci_digest_hex(digest);
    return arena_fmt(v->a, "%s/blobs/%.*s/%.*s/%.*s", v->reg->dir, STR(oci_digest_algorithm(digest)),
                     STR(str_slice(hex, 0, 2)), STR(hex))
        .p;
}

const char *reg_link_path(struct visit *v, struct str repo, const char *kind, struct str digest)
{
    return arena_fmt(v->a, "%s/repos/%.*s/%s/%.*s/%.*s", v->reg->dir, STR(repo), kind,
                     STR(oci_digest_algorithm(digest)), STR(oci_digest_hex(digest)))
        .p;
}

const char *reg_repo_path(struct visit *v, const char *kind, struct str name)
{
    return arena_fmt(v->a, "%s/repos/%.*s/%s%s%.*s", v->reg->dir, STR(v->repo), kind, name.n > 0 ? "/" : "", STR(name))
        .p;
}

static bool make_parent(struct visit *v, const char *path, struct err *e)
{
    ptrdiff_t slash = str_rfind(str_c(path), S("/"));
    return fs_mkdirs(arena_c(v->a, str_slice(str_c(path), 0, (size_t)slash)), 0755, e);
}

bool reg_read(struct visit *v, const char *path, struct str *out)
{
    struct err missing = { 0 };
    return fs_read(v->a, AT_FDCWD, path, SMALL_FILE_MAX, out, &missing);
}

void reg_touch(const char *path)
{
    utimensat(AT_FDCWD, path, NULL, 0); /* absent is fine */
}

bool reg_has(struct visit *v, struct str repo, const char *kind, struct str digest)
{
    return fs_exists(reg_link_path(v, repo, kind, digest)) && fs_exists(reg_blob_path(v, digest));
}

static bool sync_folder_of(struct visit *v, const char *path, struct err *e)
{
    ptrdiff_t slash = str_rfind(str_c(path), S("/"));
    const char *folder = arena_c(v->a, str_slice(str_c(path), 0, (size_t)slash));
    CLEANUP(fd_close) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return (fd >= 0 && fsync(fd) == 0) || err_sys(e, "sync %s", folder);
}

/* A file in the registry's own folder for unfinished ones: beside its target it could be taken for a tag. */
static bool write_unfinished(struct visit *v, const char *path, struct str content, struct err *e)
{
    CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_sys(e, "create %s", path);
    if (!fd_write_all(fd, content, e))
        return err_wrap(e, "write %s", path);
    return fsync(fd) == 0 || err_sys(e, "sync %s", path);
}

bool reg_write(struct visit *v, const char *path, struct str content, struct err *e)
{
    const char *unfinished = arena_fmt(v->a, "%s/tmp/%.*s", v->reg->dir, STR(random_uuid(v->a))).p;
    if (!make_parent(v, path, e))
        return false;
    bool ok = write_unfinished(v, unfinished, content, e)
              && (rename(unfinished, path) == 0 || err_sys(e, "rename %s to %s", unfinished, path));
    if (!ok)
        unlink(unfinished);
    return ok && sync_folder_of(v, path, e);
}

bool reg_publish(struct visit *v, const char *path, struct str digest, struct err *e)
{
    const char *target = reg_blob_path(v, digest);
    if (fs_exists(target)) { /* the same bytes under the same digest */
        unlink(path);
        return true;
    }
    CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return err_sys(e, "sync %s", path);
    if (!make_parent(v, target, e))
        return false;
    if (rename(path, target) != 0)
        return err_sys(e, "rename %s to %s", path, target);
    return sync_folder_of(v, target, e);
}

struct str reg_tag(struct visit *v, struct str tag)
{
    struct str digest = { 0 };
    if (!oci_tag_valid(tag) || !reg_read(v, reg_repo_path(v, "_tags", tag), &digest) || !oci_digest_valid(digest))
        return S("");
    return digest;
}

static bool copy_by_hand(int to, int from, int64_t done, int64_t size, struct err *e)
{
    char piece[16 << 10];
    while (done < size) {
        ssize_t n = pread(from, piece, sizeof piece, done);
        if (n <= 0)
            return err_sys(e, "read an upload");
        if (!fd_write_all(to, (struct str){ piece, (size_t)n }, e))
            return false;
        done += n;
    }
    return true;
}

bool reg_append(int to, int from, int64_t size, struct err *e)
{
    loff_t at = 0;
    while (at < size) {
        ssize_t n = copy_file_range(from, &at, to, NULL, (size_t)(size - at), 0);
        if (n > 0)
            continue;
        if (n == 0 || errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)
            return copy_by_hand(to, from, at, size, e);
        return err_sys(e, "write an upload");
    }
    return true;
}
