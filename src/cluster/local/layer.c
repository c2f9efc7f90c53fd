#include "cluster/local/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "cluster/local/layer_path.h"

void layer_begin(struct layer *l, struct arena *a, int root, const int *lowers, size_t n_lowers, const struct ids *ids,
                 struct buf *orders)
{
    *l = (struct layer){
        .a = a, .root = root, .lowers = lowers, .n_lowers = n_lowers, .ids = *ids, .orders = orders, .parent_fd = -1
    };
}

void layer_close(struct layer *l)
{
    layer_forget_parent(l);
}

static bool set_time(int dir, const char *name, int64_t mtime_s, struct err *e)
{
    struct timespec times[2] = { { .tv_sec = mtime_s }, { .tv_sec = mtime_s } };
    return utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) == 0 || err_sys(e, "set the time of %s", name);
}

/* Without a range, root inside is an ordinary user outside: a setuid bit would be that user's, so it goes. The agent
 * gives it back after the owner. */
static mode_t permissions(const struct layer *l, mode_t mode)
{
    return mode & (l->ids.range && !l->ids.by_agent ? 07777 : 01777);
}

/* ---- what stands in the way ------------------------------------------------------------------------------ */

static bool remove_existing(struct layer *l, const char *name, const struct stat *st, struct err *e)
{
    char path[64 + NAME_MAX];
    if (!S_ISDIR(st->st_mode))
        return unlinkat(l->parent_fd, name, 0) == 0 || err_sys(e, "replace %s", name);
    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", l->parent_fd, name);
    return fs_remove_tree(path, e);
}

enum way { CLEAR, WHITED_OUT, IS_FOLDER };

/* Make the name free; a folder stays when a folder comes. */
static bool clear_way(struct layer *l, const char *name, bool for_folder, enum way *out, struct err *e)
{
    struct stat st;
    *out = CLEAR;
    if (fstatat(l->parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT || err_sys(e, "look at %s", name);
    if (for_folder && S_ISDIR(st.st_mode)) {
        *out = IS_FOLDER;
        return true;
    }
    if (layer_is_whiteout(st.st_mode, st.st_rdev))
        *out = WHITED_OUT;
    return remove_existing(l, name, &st, e);
}

/* ---- kinds of entries ------------------------------------------------------------------------------------- */

static struct str real_path(const struct layer *l, const char *name)
{
    if (name[0] == '\0')
        return S("");
    return arena_fmt(l->a, "%.*s%s%s", STR(l->parent_real), l->parent_real.n > 0 ? "/" : "", name);
}

static bool own(const struct layer *l, int dir, const char *name, const char *entry_name,
                const struct layer_entry *entry, struct err *e)
{
    struct layer_owner owner = { real_path(l, entry_name), entry->uid, entry->gid, entry->mode & 07777 };
    return layer_own(l, dir, name, &owner, e);
}

static void remember_folder(struct layer *l, const char *name, const struct layer_entry *entry)
{
    *vec_push(l->a, &l->folders) =
        (struct layer_folder){ real_path(l, name), permissions(l, entry->mode), entry->mtime_s };
}

static bool add_folder(struct layer *l, const char *name, const struct layer_entry *entry, struct err *e)
{
    enum way way;
    if (!clear_way(l, name, true, &way, e))
        return false;
    if (way != IS_FOLDER && mkdirat(l->parent_fd, name, 0700) != 0)
        return err_sys(e, "create folder %s", name);
    CLEANUP(fd_close) int fd = openat(l->parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fchmod(fd, (entry->mode & 01777) | 0700) != 0)
        return err_sys(e, "open folder %s", name);
    remember_folder(l, name, entry);
    return own(l, fd, "", name, entry, e) && (way != WHITED_OUT || layer_mark_opaque(fd, e));
}

static bool add_file(struct layer *l, const char *name, int *out_fd, struct err *e)
{
    enum way way;
    if (!clear_way(l, name, false, &way, e))
        return false;
    *out_fd = openat(l->parent_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return *out_fd >= 0 || err_sys(e, "create %s", name);
}

bool layer_file_end(struct layer *l, const struct layer_entry *entry, int fd, struct err *e)
{
    struct timespec times[2] = { { .tv_sec = entry->mtime_s }, { .tv_sec = entry->mtime_s } };
    /* the owner first: changing it clears setuid */
    ptrdiff_t slash = str_rfind(entry->path, S("/"));
    const char *name = arena_c(l->a, str_slice(entry->path, (size_t)(slash + 1), entry->path.n));
    bool ok = own(l, fd, "", name, entry, e)
              && ((ftruncate(fd, entry->size) == 0 && fchmod(fd, permissions(l, entry->mode)) == 0
                   && futimens(fd, times) == 0)
                  || err_sys(e, "finish %.*s", STR(entry->path)));
    close(fd);
    return ok;
}

static bool add_symlink(struct layer *l, const char *name, const struct layer_entry *entry, struct err *e)
{
    enum way way;
    if (entry->target.n == 0 || entry->target.n >= LAYER_PATH_MAX)
        return err_set(e, ERR_INVALID, "symbolic link %s has no usable target", name);
    if (!clear_way(l, name, false, &way, e))
        return false;
    if (symlinkat(arena_c(l->a, entry->target), l->parent_fd, name) != 0)
        return err_sys(e, "create link %s", name);
    return own(l, l->parent_fd, name, name, entry, e) && set_time(l->parent_fd, name, entry->mtime_s, e);
}

static struct str split_parent(struct str *path)
{
    ptrdiff_t slash = str_rfind(*path, S("/"));
    struct str parent = str_slice(*path, 0, slash < 0 ? 0 : (size_t)slash);
    *path = str_slice(*path, slash < 0 ? 0 : (size_t)slash + 1, path->n);
    return parent;
}

/* The target is a file of the same layer: one of a lower layer comes as a copy, because writers see the whole image. */
static bool add_hardlink(struct layer *l, struct str path, const struct layer_entry *entry, struct err *e)
{
    struct str target, parent = split_parent(&path);
    struct stat st, own;
    if (!layer_path_clean(l->a, entry->target, &target, e))
        return false;
    struct str target_parent = split_parent(&target);
    const char *from = arena_c(l->a, target), *name = arena_c(l->a, path);
    if (!layer_parent(l, target_parent, e))
        return false;
    CLEANUP(fd_close) int dir = fcntl(l->parent_fd, F_DUPFD_CLOEXEC, 3);
    if (dir < 0 || fstatat(dir, from, &st, AT_SYMLINK_NOFOLLOW) != 0 || S_ISDIR(st.st_mode) || S_ISCHR(st.st_mode))
        return err_set(e, ERR_INVALID, "hard link %.*s: its target \"%.*s\" is no file of this layer", STR(entry->path),
                       STR(entry->target));
    if (!layer_parent(l, parent, e))
        return false;
    if (fstatat(l->parent_fd, name, &own, AT_SYMLINK_NOFOLLOW) == 0 && own.st_ino == st.st_ino
        && own.st_dev == st.st_dev)
        return true; /* already the same file, or a link to itself */
    enum way way;
    if (!clear_way(l, name, false, &way, e))
        return false;
    return linkat(dir, from, l->parent_fd, name, 0) == 0 || err_sys(e, "hard link %s", name);
}

static bool add_fifo(struct layer *l, const char *name, const struct layer_entry *entry, struct err *e)
{
    enum way way;
    return clear_way(l, name, false, &way, e)
           && (mkfifoat(l->parent_fd, name, permissions(l, entry->mode)) == 0 || err_sys(e, "create fifo %s", name))
           && own(l, l->parent_fd, name, name, entry, e);
}

/* .wh.NAME hides NAME of the layers below, not one that this layer has brought. */
static bool add_whiteout(struct layer *l, const char *name, struct err *e)
{
    struct stat st;
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return err_set(e, ERR_INVALID, "whiteout without a name");
    if (fstatat(l->parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        if (!S_ISDIR(st.st_mode))
            return true;
        CLEANUP(fd_close) int fd = openat(l->parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd >= 0 ? layer_mark_opaque(fd, e) : err_sys(e, "open %s", name);
    }
    return mknodat(l->parent_fd, name, S_IFCHR, 0) == 0 || err_sys(e, "create the whiteout of %s", name);
}

/* ---- one entry ---------------------------------------------------------------------------------------------- */

static bool add_marker(struct layer *l, struct str name, struct err *e)
{
    if (str_is(name, ".wh..wh..opq"))
        return layer_mark_opaque(l->parent_fd, e);
    if (str_starts(name, S(".wh..wh.")))
        return true; /* an older format's own notes */
    return add_whiteout(l, arena_c(l->a, str_slice(name, 4, name.n)), e);
}

static bool add_named(struct layer *l, struct str path, const struct layer_entry *entry, int *out_fd, struct err *e)
{
    struct str name = path, parent = split_parent(&name);
    if (!layer_parent(l, parent, e))
        return false;
    if (str_starts(name, S(".wh.")))
        return add_marker(l, name, e);
    const char *c = arena_c(l->a, name);
    switch (entry->kind) {
    case LAYER_FILE: return add_file(l, c, out_fd, e);
    case LAYER_FOLDER: return add_folder(l, c, entry, e);
    case LAYER_SYMLINK: return add_symlink(l, c, entry, e);
    case LAYER_HARDLINK: return add_hardlink(l, path, entry, e);
    case LAYER_FIFO: return add_fifo(l, c, entry, e);
    case LAYER_SKIPPED: return true; /* devices: never made, containers have the usual ones anyway */
    }
    return true;
}

static bool within_limits(struct layer *l, const struct layer_entry *entry, struct err *e)
{
    if (++l->n_entries > LAYER_ENTRIES_MAX)
        return err_set(e, ERR_LIMIT, "more than %d entries", LAYER_ENTRIES_MAX);
    if (entry->size < 0 || entry->size > LAYER_BYTES_MAX - l->n_bytes)
        return err_set(e, ERR_LIMIT, "more than %lld bytes of files", (long long)LAYER_BYTES_MAX);
    l->n_bytes += entry->size;
    return true;
}

bool layer_add(struct layer *l, const struct layer_entry *entry, int *out_fd, struct err *e)
{
    struct str path;
    *out_fd = -1;
    if (!within_limits(l, entry, e) || !layer_path_clean(l->a, entry->path, &path, e))
        return false;
    if (path.n > 0)
        return add_named(l, path, entry, out_fd, e) || err_wrap(e, "entry \"%.*s\"", STR(entry->path));
    if (entry->kind == LAYER_FOLDER) /* the root itself */
        remember_folder(l, "", entry);
    return true;
}

bool layer_end(struct layer *l, struct err *e)
{
    for (size_t i = l->folders.n; i-- > 0;) {
        const struct layer_folder *f = &l->folders.v[i];
        struct timespec times[2] = { { .tv_sec = f->mtime_s }, { .tv_sec = f->mtime_s } };
        CLEANUP(fd_close) int fd = layer_open(l->root, f->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (fd < 0)
            continue; /* a later entry replaced it */
        if (fchmod(fd, f->mode) != 0 || futimens(fd, times) != 0)
            return err_sys(e, "finish folder %.*s", STR(f->path));
    }
    return true;
}
