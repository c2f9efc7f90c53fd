#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cluster/local/agent.h"
#include "cluster/local/layer_path.h"

enum { FOLDER_MODE = 0755, COMPONENT_MAX = 255 };

bool layer_path_clean(struct arena *a, struct str path, struct str *out, struct err *e)
{
    struct buf b = { .a = a };
    struct str part, all = path;
    int depth = 0;
    if (path.n > LAYER_PATH_MAX || memchr(path.p, '\0', path.n) != NULL)
        return err_set(e, ERR_INVALID, "path of %zu bytes is too long or has a zero byte", path.n);
    while (path.n > 0) {
        str_split(&path, S("/"), &part);
        if (part.n == 0 || str_is(part, "."))
            continue;
        if (str_is(part, ".."))
            return err_set(e, ERR_INVALID, "path \"%.*s\" has a \"..\"", STR(all));
        if (part.n > COMPONENT_MAX || ++depth > LAYER_DEPTH_MAX)
            return err_set(e, ERR_INVALID, "path \"%.*s\" is too deep", STR(all));
        buf_fmt(&b, "%s%.*s", b.n > 0 ? "/" : "", STR(part));
    }
    *out = b.n > 0 ? buf_str(&b) : S("");
    return true;
}

int layer_open(int dir, struct str path, int flags)
{
    char name[LAYER_PATH_MAX + 1];
    struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC), .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
    if (path.n >= sizeof name) {
        errno = ENAMETOOLONG;
        return -1;
    }
    snprintf(name, sizeof name, "%.*s", STR(path));
    return (int)syscall(SYS_openat2, dir, path.n > 0 ? name : ".", &how, sizeof how);
}

bool layer_is_whiteout(mode_t mode, dev_t device)
{
    return S_ISCHR(mode) && major(device) == 0 && minor(device) == 0;
}

bool layer_mark_opaque(int folder, struct err *e)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", folder); /* the descriptor may be an O_PATH one */
    return setxattr(path, LAYER_OPAQUE, "y", 1, 0) == 0
           || err_sys(e, "mark a folder opaque (the file system must have user attributes)");
}

static bool is_opaque(int folder)
{
    char path[64], value[4];
    snprintf(path, sizeof path, "/proc/self/fd/%d", folder);
    return getxattr(path, LAYER_OPAQUE, value, sizeof value) > 0;
}

static int64_t within(int64_t id)
{
    return id >= 0 && id < IDS_COUNT ? id : IDS_OVERFLOW;
}

bool layer_own(const struct layer *l, int dir, const char *name, const struct layer_owner *owner, struct err *e)
{
    int64_t uid = within(owner->uid), gid = within(owner->gid);
    if (!l->ids.range)
        return true;
    if (l->ids.by_agent) {
        ids_order_entry(l->orders, uid, gid, owner->mode, owner->path);
        return true;
    }
    return fchownat(dir, name, (uid_t)(l->ids.first_uid + uid), (gid_t)(l->ids.first_gid + gid),
                    AT_SYMLINK_NOFOLLOW | (name[0] == '\0' ? AT_EMPTY_PATH : 0))
               == 0
           || err_sys(e, "set the owner of %s", name);
}

void layer_forget_parent(struct layer *l)
{
    if (l->parent_fd >= 0)
        close(l->parent_fd);
    l->parent_fd = -1;
}

/* ---- what is below ------------------------------------------------------------------------------------- */

enum sight { NOTHING, HIDDEN, FOLDER, LINK };

/* Does a layer show anything of `path`, or hide what is below it? Walks the path, because any folder on it may be
 * opaque. */
static enum sight look(int dir, struct str path, struct stat *st, int *out)
{
    bool opaque = false;
    for (size_t i = 1; i <= path.n; i++) {
        if (i < path.n && path.p[i] != '/')
            continue;
        CLEANUP(fd_close) int fd = layer_open(dir, str_slice(path, 0, i), O_PATH | O_NOFOLLOW);
        if (fd < 0 && errno == ENOENT)
            return opaque ? HIDDEN : NOTHING;
        if (fd < 0 || fstat(fd, st) != 0)
            return HIDDEN;
        if (i == path.n && (S_ISDIR(st->st_mode) || S_ISLNK(st->st_mode))) {
            *out = fd_take(&fd);
            return S_ISDIR(st->st_mode) ? FOLDER : LINK;
        }
        if (!S_ISDIR(st->st_mode))
            return HIDDEN; /* a file, or a whiteout, or a link that the path does not go through */
        opaque = opaque || is_opaque(fd);
    }
    return HIDDEN;
}

static bool hidden_by_ourselves(const struct layer *l, struct str folder)
{
    CLEANUP(fd_close) int fd = -1;
    struct stat st;
    CLEANUP(arena_close) struct arena a = { 0 };
    /* a name that cannot be: the walk ends at its folder, and tells whether that one is opaque */
    return look(l->root, arena_fmt(&a, "%.*s%s.wh.", STR(folder), folder.n > 0 ? "/" : ""), &st, &fd) == HIDDEN;
}

static enum sight look_below(const struct layer *l, struct str folder, struct str path, struct stat *st, int *out)
{
    if (l->n_lowers == 0 || hidden_by_ourselves(l, folder))
        return NOTHING;
    for (size_t i = l->n_lowers; i-- > 0;) {
        enum sight s = look(l->lowers[i], path, st, out);
        if (s != NOTHING)
            return s;
    }
    return NOTHING;
}

/* ---- one step ------------------------------------------------------------------------------------------- */

struct walk {
    struct layer *l;
    struct str real; /* so far, without links */
    struct str rest;
    int links;
};

static struct str below(const struct walk *w, const char *name)
{
    return arena_fmt(w->l->a, "%.*s%s%s", STR(w->real), w->real.n > 0 ? "/" : "", name);
}

static bool make_folder(struct walk *w, int dir, const char *name, const struct stat *like, bool opaque, struct err *e)
{
    const struct layer *l = w->l;
    mode_t mode = like != NULL ? like->st_mode & 07777 : FOLDER_MODE;
    if (mkdirat(dir, name, 0700) != 0)
        return err_sys(e, "create folder %.*s/%s", STR(w->real), name);
    CLEANUP(fd_close) int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fchmod(fd, mode | 0700) != 0)
        return err_sys(e, "create folder %.*s/%s", STR(w->real), name);
    struct layer_owner owner = { .path = below(w, name), .mode = mode };
    if (like != NULL) {
        owner.uid = (int64_t)like->st_uid - l->ids.first_uid;
        owner.gid = (int64_t)like->st_gid - l->ids.first_gid;
    }
    return layer_own(l, fd, "", &owner, e) && (!opaque || layer_mark_opaque(fd, e));
}

static bool differs_from_default(const struct layer *l, const struct stat *st)
{
    return (st->st_mode & 07777) != FOLDER_MODE
           || (l->ids.range && (st->st_uid != l->ids.first_uid || st->st_gid != l->ids.first_gid));
}

/* Go on at a link's target: its text before what is left. */
static bool follow(struct walk *w, int link, int dir, const char *name, struct err *e)
{
    char target[LAYER_PATH_MAX];
    ssize_t n = link >= 0 ? readlinkat(link, "", target, sizeof target) : readlinkat(dir, name, target, sizeof target);
    if (n < 0)
        return err_sys(e, "read the link %s", name);
    if (++w->links > LAYER_LINKS_MAX || (size_t)n + w->rest.n >= LAYER_PATH_MAX)
        return err_set(e, ERR_INVALID, "too many symbolic links at %.*s/%s", STR(w->real), name);
    if (n > 0 && target[0] == '/')
        w->real = S("");
    w->rest = arena_fmt(w->l->a, "%.*s/%.*s", (int)n, target, STR(w->rest));
    return true;
}

static void descend(struct walk *w, const char *name)
{
    w->real = below(w, name);
}

/* The name is not in the layer: what the image shows there decides. */
static bool step_below(struct walk *w, int dir, const char *name, bool opaque, struct err *e)
{
    struct stat st;
    CLEANUP(fd_close) int found = -1;
    struct str path = below(w, name);
    enum sight s = opaque ? NOTHING : look_below(w->l, w->real, path, &st, &found);
    if (s == LINK) {
        w->l->uses_lowers = true;
        return follow(w, found, -1, name, e);
    }
    if (s == FOLDER && differs_from_default(w->l, &st))
        w->l->uses_lowers = true;
    if (!make_folder(w, dir, name, s == FOLDER ? &st : NULL, opaque, e))
        return false;
    descend(w, name);
    return true;
}

static bool step(struct walk *w, struct str part, struct err *e)
{
    struct stat st;
    CLEANUP(fd_close) int dir = layer_open(w->l->root, w->real, O_PATH | O_DIRECTORY);
    const char *name = arena_c(w->l->a, part);
    if (dir < 0)
        return err_sys(e, "open folder %.*s", STR(w->real));
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? step_below(w, dir, name, false, e) : err_sys(e, "look at %s", name);
    if (S_ISLNK(st.st_mode))
        return follow(w, -1, dir, name, e);
    if (S_ISDIR(st.st_mode)) {
        descend(w, name);
        return true;
    }
    /* a file in the way of a folder goes; after a whiteout the folder starts empty */
    if (unlinkat(dir, name, 0) != 0)
        return err_sys(e, "replace %s", name);
    return step_below(w, dir, name, layer_is_whiteout(st.st_mode, st.st_rdev), e);
}

/* ".." may stand in a link's target; above the root there is only the root. */
static void ascend(struct walk *w)
{
    ptrdiff_t slash = str_rfind(w->real, S("/"));
    w->real = str_slice(w->real, 0, slash < 0 ? 0 : (size_t)slash);
}

bool layer_parent(struct layer *l, struct str path, struct err *e)
{
    if (l->parent_fd >= 0 && str_eq(path, l->parent))
        return true;
    struct walk w = { .l = l, .real = S(""), .rest = path };
    layer_forget_parent(l);
    while (w.rest.n > 0) {
        struct str part;
        str_split(&w.rest, S("/"), &part);
        if (str_is(part, ".."))
            ascend(&w);
        else if (part.n > 0 && !str_is(part, ".") && !step(&w, part, e))
            return false;
    }
    l->parent_fd = layer_open(l->root, w.real, O_RDONLY | O_DIRECTORY);
    if (l->parent_fd < 0)
        return err_sys(e, "open folder %.*s", STR(w.real));
    l->parent = arena_str(l->a, path);
    l->parent_real = w.real;
    return true;
}
