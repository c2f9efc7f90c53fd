/*
 * Sources (volumes, device nodes, the pod's files) are taken as detached mounts while the host is still visible;
 * targets are resolved after pivot_root, so that symbolic links of a hostile image can lead nowhere but into the
 * container itself. The old root stays until /proc and /sys are mounted: the kernel grants those only where an unmasked
 * one is already in sight.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"
#include "cluster/local/rootfs.h"

enum { OPTIONS_PAGE = 4000 };

static const char *const devices[] = { "null", "zero", "full", "random", "urandom", "tty" };
static const char *const etc_files[] = { "hosts", "resolv.conf", "hostname" };

struct sources {
    int device[COUNT(devices)];
    int etc[COUNT(etc_files)];
    int *volume;
};

/* ---- before the pivot ----------------------------------------------------------------------- */

static struct str overlay_options(struct arena *a, const struct spec *s)
{
    struct buf b = { .a = a };
    buf_c(&b, "lowerdir=");
    for (size_t i = s->n_layers; i-- > 0;)
        buf_fmt(&b, "layers/%.*s%s", STR(s->layers[i]), i > 0 ? ":" : "");
    if (s->n_layers == 0)
        buf_c(&b, "empty");
    buf_fmt(&b, ",upperdir=%.*s/upper,workdir=%.*s/work,userxattr,volatile", STR(s->dir), STR(s->dir));
    return buf_str(&b);
}

static bool configure(int fs, const char *key, const char *value)
{
    return fsconfig(fs, value != NULL ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0) == 0;
}

/* Many layers do not fit into mount(2)'s one page of options; the newer interface takes them one by one (Linux 6.5). */
static bool overlay_long(struct arena *a, const struct spec *s, struct err *e)
{
    CLEANUP(fd_close) int fs = fsopen("overlay", FSOPEN_CLOEXEC);
    if (fs < 0)
        return err_sys(e, "open overlayfs");
    bool ok = true;
    for (size_t i = s->n_layers; ok && i-- > 0;)
        ok = configure(fs, "lowerdir+", arena_fmt(a, "layers/%.*s", STR(s->layers[i])).p);
    ok = ok && configure(fs, "upperdir", arena_fmt(a, "%.*s/upper", STR(s->dir)).p)
         && configure(fs, "workdir", arena_fmt(a, "%.*s/work", STR(s->dir)).p) && configure(fs, "userxattr", NULL)
         && configure(fs, "volatile", NULL) && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0;
    CLEANUP(fd_close) int tree = ok ? fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV) : -1;
    if (tree < 0 || move_mount(tree, "", AT_FDCWD, "root", MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return err_sys(e, "mount the overlay of %zu layers (more than about 55 need Linux 6.5)", s->n_layers);
    return true;
}

static bool mount_overlay(struct arena *a, const struct spec *s, struct err *e)
{
    struct str options = overlay_options(a, s);
    if (options.n >= OPTIONS_PAGE)
        return overlay_long(a, s, e);
    return mount("overlay", "root", "overlay", MS_NOSUID | MS_NODEV, options.p) == 0
           || err_sys(e, "mount the overlay of %zu layers", s->n_layers);
}

static int detached(int dir, const char *path)
{
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (path[0] == '\0' ? AT_EMPTY_PATH : 0);
    return open_tree(dir, path, flags);
}

/* A container may have left symbolic links in a volume that is shared with another one: none are followed. */
static int detached_volume(struct arena *a, struct str source)
{
    struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
    CLEANUP(fd_close) int fd = (int)syscall(SYS_openat2, AT_FDCWD, arena_c(a, source), &how, sizeof how);
    return fd < 0 ? -1 : detached(fd, "");
}

static bool take_sources(struct arena *a, const struct spec *s, struct sources *out, struct err *e)
{
    for (size_t i = 0; i < COUNT(devices); i++) {
        out->device[i] = detached(AT_FDCWD, arena_fmt(a, "/dev/%s", devices[i]).p);
        if (out->device[i] < 0)
            return err_sys(e, "take /dev/%s of the host", devices[i]);
    }
    for (size_t i = 0; i < COUNT(etc_files); i++) {
        out->etc[i] = detached_volume(a, arena_fmt(a, "%.*s/%s", STR(s->etc), etc_files[i]));
        if (out->etc[i] < 0)
            return err_sys(e, "take the pod's %s", etc_files[i]);
    }
    out->volume = arena_new(a, int, s->n_mounts + 1);
    for (size_t i = 0; i < s->n_mounts; i++) {
        out->volume[i] = detached_volume(a, s->mounts[i].source);
        if (out->volume[i] < 0)
            return err_sys(e, "volume for %.*s: open %.*s", STR(s->mounts[i].target), STR(s->mounts[i].source));
    }
    return true;
}

/* ---- after it --------------------------------------------------------------------------------- */

static bool attach(int tree, uint64_t attributes, const char *target, struct err *e)
{
    struct mount_attr set = { .attr_set = attributes };
    if (mount_setattr(tree, "", AT_EMPTY_PATH, &set, sizeof set) != 0)
        return err_sys(e, "set mount flags of %s", target);
    unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS;
    if (move_mount(tree, "", AT_FDCWD, target, flags) != 0)
        return err_sys(e, "mount %s", target);
    close(tree);
    return true;
}

static bool make_file(const char *path, struct err *e)
{
    CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
    return fd >= 0 || err_sys(e, "create %s", path);
}

static bool mount_new(const char *type, const char *target, unsigned long flags, const char *options, struct err *e)
{
    return fs_mkdirs(target, 0755, e)
           && (mount(type, target, type, flags, options) == 0 || err_sys(e, "mount %s on %s", type, target));
}

static bool link_to(const char *target, const char *name, struct err *e)
{
    return symlink(target, name) == 0 || err_sys(e, "link %s", name);
}

static bool fill_dev(struct arena *a, struct sources *from, struct err *e)
{
    if (!mount_new("tmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k", e))
        return false;
    for (size_t i = 0; i < COUNT(devices); i++) {
        const char *path = arena_fmt(a, "/dev/%s", devices[i]).p;
        if (!make_file(path, e) || !attach(from->device[i], MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, path, e))
            return false;
    }
    return mount_new("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620", e)
           && mount_new("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=64m", e)
           && link_to("pts/ptmx", "/dev/ptmx", e) && link_to("/proc/self/fd", "/dev/fd", e)
           && link_to("/proc/self/fd/0", "/dev/stdin", e) && link_to("/proc/self/fd/1", "/dev/stdout", e)
           && link_to("/proc/self/fd/2", "/dev/stderr", e);
}

static bool is_absent(const char *path)
{
    return access(path, F_OK) != 0 && errno == ENOENT;
}

/* What the kernel shows of the whole machine is hidden or made read-only; a kernel without the file is fine. */
static bool mask_proc(struct err *e)
{
    static const char *const hidden[] = { "/proc/kcore",       "/proc/keys",          "/proc/timer_list",
                                          "/proc/sched_debug", "/proc/sysrq-trigger", "/proc/latency_stats",
                                          "/proc/kmsg" };
    static const char *const fixed[] = { "/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs" };
    static const char *const emptied[] = { "/proc/acpi", "/proc/scsi", "/proc/asound", "/sys/firmware",
                                           "/sys/devices/virtual/powercap" };
    for (size_t i = 0; i < COUNT(hidden); i++)
        if (!is_absent(hidden[i]) && mount("/dev/null", hidden[i], NULL, MS_BIND, NULL) != 0)
            return err_sys(e, "hide %s", hidden[i]);
    for (size_t i = 0; i < COUNT(fixed); i++)
        if (!is_absent(fixed[i])
            && (mount(fixed[i], fixed[i], NULL, MS_BIND | MS_REC, NULL) != 0
                || mount(NULL, fixed[i], NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
                         NULL)
                       != 0))
            return err_sys(e, "make %s read-only", fixed[i]);
    for (size_t i = 0; i < COUNT(emptied); i++)
        if (!is_absent(emptied[i])
            && mount("tmpfs", emptied[i], "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=0") != 0)
            return err_sys(e, "empty %s", emptied[i]);
    return true;
}

static bool fill_proc_and_sys(struct err *e)
{
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    return mount_new("proc", "/proc", flags, NULL, e) && mount_new("sysfs", "/sys", flags | MS_RDONLY, NULL, e)
           && mask_proc(e);
}

static bool attach_etc(struct arena *a, struct sources *from, struct err *e)
{
    if (!fs_mkdirs("/etc", 0755, e))
        return false;
    for (size_t i = 0; i < COUNT(etc_files); i++) {
        const char *path = arena_fmt(a, "/etc/%s", etc_files[i]).p;
        struct stat st;
        /* images made from a running system ship resolv.conf as a link to nowhere */
        if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode) && unlink(path) != 0)
            return err_sys(e, "replace %s of the image", path);
        if (!make_file(path, e)
            || !attach(from->etc[i], MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, path, e))
            return false;
    }
    return true;
}

static bool make_target(struct arena *a, int tree, const char *target, struct err *e)
{
    struct stat st;
    if (fstat(tree, &st) != 0)
        return err_sys(e, "volume for %s", target);
    if (S_ISDIR(st.st_mode))
        return fs_mkdirs(target, 0755, e);
    ptrdiff_t slash = str_rfind(str_c(target), S("/"));
    return fs_mkdirs(arena_c(a, (struct str){ target, slash > 0 ? (size_t)slash : 1 }), 0755, e)
           && make_file(target, e);
}

static bool attach_volumes(struct arena *a, const struct spec *s, struct sources *from, struct err *e)
{
    for (size_t i = 0; i < s->n_mounts; i++) {
        const char *target = arena_c(a, s->mounts[i].target);
        uint64_t flags = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (s->mounts[i].read_only ? MOUNT_ATTR_RDONLY : 0);
        if (target[0] != '/')
            return err_set(e, ERR_INVALID, "volume target \"%s\" is not an absolute path", target);
        if (!make_target(a, from->volume[i], target, e) || !attach(from->volume[i], flags, target, e))
            return false;
    }
    return true;
}

static bool seal_root(const struct spec *s, struct err *e)
{
    if (s->cwd.n > 1
        && s->cwd.p[0] == '/') { /* a working directory that the image lacks is made, as other runtimes do */
        CLEANUP(arena_close) struct arena a = { 0 };
        if (!fs_mkdirs(arena_c(&a, s->cwd), 0755, e))
            return false;
    }
    return !s->read_only_root
           || mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) == 0
           || err_sys(e, "make / read-only");
}

bool rootfs_enter(struct arena *a, const struct spec *s, struct err *e)
{
    struct sources from;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return err_sys(e, "make mounts private");
    if (!mount_overlay(a, s, e) || !take_sources(a, s, &from, e))
        return false;
    CLEANUP(fd_close) int old_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (old_root < 0 || chdir("root") != 0 || syscall(SYS_pivot_root, ".", ".") != 0)
        return err_sys(e, "pivot_root");
    if (!fill_dev(a, &from, e) || !fill_proc_and_sys(e) || !attach_etc(a, &from, e) || !attach_volumes(a, s, &from, e))
        return false;
    if (fchdir(old_root) != 0 || umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
        return err_sys(e, "leave the host's root");
    return seal_root(s, e);
}
