/* Files: whole reads with a limit, crash-safe writes, trees. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/sys.h"

bool fs_read(struct arena *a, int dir, const char *path, size_t max, struct str *out, struct err *e)
{
    CLEANUP(fd_close) int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "read %s", path);
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_sys(e, "read %s", path);
    if (S_ISDIR(st.st_mode))
        return err_set(e, ERR_INVALID, "read %s: is a directory", path);
    struct buf b = { .a = a };
    buf_reserve(&b, st.st_size > 0 && (size_t)st.st_size <= max ? (size_t)st.st_size + 1 : 4096);
    for (;;) {
        buf_reserve(&b, 1);
        ssize_t n = read(fd, b.p + b.n, b.cap - b.n - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "read %s", path);
        if (n == 0)
            break;
        b.n += (size_t)n;
        b.p[b.n] = '\0';
        if (b.n > max)
            return err_set(e, ERR_LIMIT, "read %s: larger than %zu bytes", path, max);
    }
    *out = buf_str(&b);
    return true;
}

bool fd_write_all(int fd, struct str bytes, struct err *e)
{
    while (bytes.n > 0) {
        ssize_t n = write(fd, bytes.p, bytes.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "write");
        str_cut(&bytes, (size_t)n);
    }
    return true;
}

/* What is left of the vector goes on with the next call. */
static bool write_vector(int fd, struct iovec *v, size_t n, struct err *e)
{
    while (n > 0) {
        ssize_t got = writev(fd, v, (int)n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_sys(e, "write");
        size_t done = (size_t)got;
        for (; n > 0 && done >= v->iov_len; v++, n--)
            done -= v->iov_len;
        if (n > 0)
            *v = (struct iovec){ (char *)v->iov_base + done, v->iov_len - done };
    }
    return true;
}

bool fd_write_slices(int fd, const struct str *slices, size_t n, struct err *e)
{
    struct iovec v[256];
    while (n > 0) {
        size_t count = 0;
        for (; count < n && count < COUNT(v); count++)
            v[count] = (struct iovec){ (void *)(uintptr_t)slices[count].p, slices[count].n };
        if (!write_vector(fd, v, count, e))
            return false;
        slices += count;
        n -= count;
    }
    return true;
}

static void sync_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    char dir[4096] = ".";
    if (slash != NULL)
        snprintf(dir, sizeof dir, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    CLEANUP(fd_close) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        fsync(fd);
}

bool fs_write(const char *path, struct str content, mode_t mode, struct err *e)
{
    char temp[4096];
    if (snprintf(temp, sizeof temp, "%s.XXXXXX", path) >= (int)sizeof temp)
        return err_set(e, ERR_LIMIT, "write %s: path too long", path);
    CLEANUP(fd_close) int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "write %s", path);
    bool ok = fd_write_all(fd, content, e);
    if (ok && (fchmod(fd, mode) != 0 || fsync(fd) != 0 || rename(temp, path) != 0))
        ok = err_sys(e, "write");
    if (!ok) {
        unlink(temp);
        return err_wrap(e, "%s", path);
    }
    sync_parent(path);
    return true;
}

bool fs_mkdirs(const char *path, mode_t mode, struct err *e)
{
    char step[4096];
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof step)
        return err_set(e, ERR_INVALID, "create folder \"%s\": bad path", path);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(step, path, i);
        step[i] = '\0';
        if (mkdir(step, mode) != 0 && errno != EEXIST)
            return err_sys(e, "create folder %s", step);
    }
    return fs_is_dir(path) || err_set(e, ERR_CONFLICT, "create folder %s: a file is in the way", path);
}

/* A tree that a stranger made may be deeper than we have descriptors: what is too deep is moved to the top, to be
 * removed in the next round. */
enum { REMOVE_DEPTH_MAX = 64 };
struct removal {
    int top;
    unsigned moved;
};

static bool remove_at(struct removal *r, int dir, const char *name, int depth, struct err *e);

static int open_to_remove(int dir, const char *name)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(dir, name, flags);
    if (fd < 0 && errno == EACCES && fchmodat(dir, name, 0700, 0) == 0) /* overlayfs leaves work/work with mode 000 */
        fd = openat(dir, name, flags);
    return fd;
}

static bool remove_inside(struct removal *r, int fd, int depth, struct err *e)
{
    DIR *d = fdopendir(fd);
    if (d == NULL) {
        close(fd);
        return err_sys(e, "open a folder");
    }
    if (depth == 0)
        r->top = dirfd(d);
    bool ok = true;
    for (struct dirent *entry = readdir(d); ok && entry != NULL; entry = readdir(d))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ok = remove_at(r, dirfd(d), entry->d_name, depth + 1, e);
    closedir(d);
    return ok;
}

static bool move_up(struct removal *r, int dir, const char *name, struct err *e)
{
    char temp[32];
    do {
        snprintf(temp, sizeof temp, ".deep-%u", r->moved++);
    } while (faccessat(r->top, temp, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
    return renameat(dir, name, r->top, temp) == 0 || err_sys(e, "remove %s", name);
}

static bool remove_at(struct removal *r, int dir, const char *name, int depth, struct err *e)
{
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return true;
    if (errno != EISDIR && errno != EPERM && errno != ENOTEMPTY)
        return err_sys(e, "remove %s", name);
    int fd = open_to_remove(dir, name);
    if (fd < 0)
        return err_sys(e, "open folder %s", name);
    if (depth > REMOVE_DEPTH_MAX) {
        close(fd);
        return move_up(r, dir, name, e);
    }
    if (!remove_inside(r, fd, depth, e))
        return false;
    if (unlinkat(dir, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        return err_sys(e, "remove %s", name);
    return true;
}

bool fs_remove_tree(const char *path, struct err *e)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return true;
    if (errno != EISDIR && errno != EPERM)
        return err_sys(e, "remove %s", path);
    for (;;) {
        struct removal r = { 0 };
        int fd = open_to_remove(AT_FDCWD, path);
        if (fd < 0)
            return err_sys(e, "open folder %s", path);
        if (!remove_inside(&r, fd, 0, e))
            return false;
        if (rmdir(path) == 0 || errno == ENOENT)
            return true;
        if (errno != ENOTEMPTY || r.moved == 0)
            return err_sys(e, "remove %s", path);
    }
}

bool fs_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool fs_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int by_bytes(const void *x, const void *y)
{
    const struct str *a = x, *b = y;
    return str_cmp(*a, *b);
}

bool fs_list(struct arena *a, const char *path, struct fs_names *out, struct err *e)
{
    DIR *d = opendir(path);
    if (d == NULL)
        return err_sys(e, "list %s", path);
    VEC(struct str) names = { 0 };
    for (struct dirent *entry = readdir(d); entry != NULL; entry = readdir(d))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            *vec_push(a, &names) = arena_str(a, str_c(entry->d_name));
    closedir(d);
    if (names.n > 1)
        qsort(names.v, names.n, sizeof *names.v, by_bytes);
    *out = (struct fs_names){ names.v, names.n };
    return true;
}

const char *fs_join(struct arena *a, const char *dir, const char *name)
{
    return arena_fmt(a, "%s/%s", dir, name).p;
}

bool fs_temp_dir(struct arena *a, const char *prefix, const char **out, struct err *e)
{
    const char *base = getenv("TMPDIR");
    char *path =
        (char *)(uintptr_t)arena_fmt(a, "%s/%s.XXXXXX", base != NULL && *base != '\0' ? base : "/tmp", prefix).p;
    if (mkdtemp(path) == NULL)
        return err_sys(e, "create a temporary folder %s", path);
    *out = path;
    return true;
}

void fs_discard(const char **dir)
{
    struct err ignored;
    if (*dir != NULL && !fs_remove_tree(*dir, &ignored))
        return; /* what is left is nobody's */
}
