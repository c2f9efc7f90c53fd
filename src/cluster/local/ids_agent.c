/* Orders about files of a range of ids, carried out where the range is mapped from 1 on. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"
#include "cluster/local/ids.h"

enum { FIRST_INSIDE = 1, LAYER_NOWHERE = -1 };

static bool take_number(struct str *order, int64_t *out)
{
    struct str word;
    return str_split(order, S(" "), &word) && str_to_int(word, out);
}

static bool own(const char *path, int64_t uid, int64_t gid, struct err *e)
{
    return lchown(path, (uid_t)(uid + FIRST_INSIDE), (gid_t)(gid + FIRST_INSIDE)) == 0
           || err_sys(e, "set the owner of %s", path);
}

/* What an entry is by now, a later one may have decided; links have no mode. */
static bool own_entry(int layer, const char *path, int64_t uid, int64_t gid, int64_t mode, struct err *e)
{
    struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
                            .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
    struct stat st;
    char self[64];
    CLEANUP(fd_close) int fd = (int)syscall(SYS_openat2, layer, path, &how, sizeof how);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP || err_sys(e, "open %s", path);
    if (fstat(fd, &st) != 0
        || fchownat(fd, "", (uid_t)(uid + FIRST_INSIDE), (gid_t)(gid + FIRST_INSIDE), AT_EMPTY_PATH) != 0)
        return err_sys(e, "set the owner of %s", path);
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    return S_ISLNK(st.st_mode) || chmod(self, (mode_t)mode) == 0 || err_sys(e, "set the mode of %s", path);
}

static bool enter_layer(int *layer, const char *path, struct err *e)
{
    fd_close(layer);
    *layer = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *layer >= 0 || err_sys(e, "open %s", path);
}

static bool carry_out(int *layer, struct arena *a, struct str order, struct err *e)
{
    struct str kind;
    int64_t uid = 0, gid = 0, mode = 0;
    str_split(&order, S(" "), &kind);
    if (str_is(kind, "R"))
        return fs_remove_tree(arena_c(a, order), e);
    if (str_is(kind, "L"))
        return enter_layer(layer, arena_c(a, order), e);
    if (str_is(kind, "C") && take_number(&order, &uid) && take_number(&order, &gid))
        return own(arena_c(a, order), uid, gid, e);
    if (str_is(kind, "O") && *layer >= 0 && take_number(&order, &uid) && take_number(&order, &gid)
        && take_number(&order, &mode))
        return own_entry(*layer, arena_c(a, order), uid, gid, mode, e);
    return err_set(e, ERR_INVALID, "the agent does not understand an order");
}

bool ids_carry_out(struct str orders, struct err *e)
{
    CLEANUP(fd_close) int layer = LAYER_NOWHERE;
    while (orders.n > 0) {
        CLEANUP(arena_close) struct arena a = { 0 };
        struct str order;
        str_split(&orders, (struct str){ "", 1 }, &order);
        if (!carry_out(&layer, &a, order, e))
            return false;
    }
    return true;
}
