/* How a holder comes to be: namespaces, ids, stage. Everything here happens once, before the first request. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "cluster/local/holder.h"

enum { NAMESPACES = CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS };

static bool write_file(const char *path, const char *text, struct err *e)
{
    CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
    return (fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text)) || err_sys(e, "write %s", path);
}

static bool map_self(uid_t uid, gid_t gid, struct err *e)
{
    char users[64], groups[64];
    snprintf(users, sizeof users, "0 %u 1\n", uid);
    snprintf(groups, sizeof groups, "0 %u 1\n", gid);
    return write_file("/proc/self/setgroups", "deny", e) && write_file("/proc/self/uid_map", users, e)
           && write_file("/proc/self/gid_map", groups, e);
}

/* Only the maker may write a map of ids that are not ours. */
static bool map_by_maker(struct err *e)
{
    char answer = 0;
    if (write(HOLDER_FD_CONTROL, "u", 1) != 1 || read(HOLDER_FD_CONTROL, &answer, 1) != 1 || answer != 'm')
        return err_set(e, ERR_IO, "the ids of the user namespace were not mapped");
    return true;
}

static bool enter_namespaces(bool range, struct err *e)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (unshare(NAMESPACES) != 0) {
        int os = errno;
        err_sys_(e, "create a user namespace");
        if (os == ENOSPC || os == EUSERS)
            return err_set(e, ERR_DENIED,
                           "user namespaces are switched off here: set sysctl user.max_user_namespaces to 10000");
        if (os == EPERM)
            return err_set(e, ERR_DENIED,
                           "user namespaces are forbidden here (seccomp profile, AppArmor, or sysctl "
                           "kernel.unprivileged_userns_clone=0)");
        return false;
    }
    return range ? map_by_maker(e) : map_self(uid, gid, e);
}

static bool become_root(bool range, struct err *e)
{
    if (!range)
        return true; /* we are it already */
    if (setgroups(0, NULL) != 0 || setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)
        return err_sys(e, "become root of the user namespace");
    return true;
}

static bool attach(int tree, const char *target, uint64_t attributes, struct err *e)
{
    struct mount_attr set = { .attr_set = attributes };
    if (mkdir(target, 0755) != 0 || mount_setattr(tree, "", AT_EMPTY_PATH, &set, sizeof set) != 0
        || move_mount(tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return err_sys(e, "attach %s to the stage", target);
    return true;
}

/*
 * The data folder may be closed to the ids of the namespace, so its two parts are taken (as mounts) while we still are
 * who we were; the stage is what its root then stands in.
 */
static bool make_stage(const struct holder_setup *s, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const char *stage = arena_fmt(&a, "env/%s/stage", s->name).p;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return err_sys(e, "make mounts private");
    CLEANUP(fd_close) int layers = open_tree(AT_FDCWD, "images/layers", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    CLEANUP(fd_close)
    int work = open_tree(AT_FDCWD, arena_fmt(&a, "env/%s/work", s->name).p, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (layers < 0 || work < 0)
        return err_sys(e, "take the folders of %s", s->data_dir);
    if (mount("tmpfs", stage, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m,uid=0,gid=0") != 0)
        return err_sys(e, "mount a tmpfs (the user namespace was granted without capabilities?)");
    if (chdir(stage) != 0)
        return err_sys(e, "enter the stage");
    if (!become_root(s->range, e))
        return false;
    const uint64_t plain = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    if (!attach(layers, "layers", plain | MOUNT_ATTR_RDONLY, e) || !attach(work, "env", plain, e))
        return false;
    if (mkdir("root", 0755) != 0 || mkdir("empty", 0755) != 0 || (mkdir("env/pods", 0711) != 0 && errno != EEXIST))
        return err_sys(e, "fill the stage");
    return true;
}

/* A copy in memory of a program that the namespace's ids may not execute where it lies. */
static int copy_program(int program, off_t size, struct err *e)
{
    CLEANUP(fd_close) int copy = memfd_create("vitrine", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (copy < 0) {
        err_sys_(e, "copy the program");
        return -1;
    }
    while (size > 0) {
        ssize_t n = sendfile(copy, program, NULL, (size_t)size);
        if (n <= 0) {
            err_sys_(e, "copy the program");
            return -1;
        }
        size -= n;
    }
    if (fchmod(copy, 0555) != 0
        || fcntl(copy, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        err_sys_(e, "seal the program's copy");
        return -1;
    }
    /* a descriptor that can write would make execve say "text file busy" */
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", copy);
    int read_only = open(path, O_RDONLY | O_CLOEXEC);
    if (read_only < 0)
        err_sys_(e, "copy the program");
    return read_only;
}

static bool open_launcher(struct holder *h, struct err *e)
{
    struct stat st;
    int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (program < 0 || fstat(program, &st) != 0)
        return err_sys(e, "open the running program");
    if ((st.st_mode & 0005) != 0005) {
        h->launcher = copy_program(program, st.st_size, e);
        close(program);
        return h->launcher >= 0;
    }
    h->launcher = program;
    return true;
}

bool setup_namespaces(struct holder *h, const struct holder_setup *s, struct err *e)
{
    h->fake_ids = !s->range;
    h->name = s->name;
    if (!open_launcher(h, e))
        return false;
    if (chdir(s->data_dir) != 0)
        return err_sys(e, "enter %s", s->data_dir);
    return enter_namespaces(s->range, e) && make_stage(s, e);
}

bool setup_files_namespace(struct err *e)
{
    if (unshare(CLONE_NEWUSER) != 0)
        return err_sys(e, "create a user namespace");
    return map_by_maker(e)
           && (setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0 ? true
                                                                  : err_sys(e, "become root of the user namespace"));
}
