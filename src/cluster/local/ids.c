#include "cluster/local/ids.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include "base/sys.h"
#include "cluster/local/agent.h"

enum { SUBID_MAX = 1 << 20 };

/* "NAME:FIRST:COUNT", where NAME may be the number. */
static bool find_grant(struct arena *a, const char *file, struct str name, uint32_t *out)
{
    struct str text, line, number = arena_fmt(a, "%u", geteuid());
    struct err ignored;
    if (!fs_read(a, AT_FDCWD, file, SUBID_MAX, &text, &ignored))
        return false;
    while (text.n > 0) {
        struct str who, first;
        int64_t from, count;
        str_split(&text, S("\n"), &line);
        str_split(&line, S(":"), &who);
        str_split(&line, S(":"), &first);
        if ((str_eq(who, name) || str_eq(who, number)) && str_to_int(first, &from) && str_to_int(line, &count)
            && count >= IDS_COUNT && from > 0 && from <= UINT32_MAX - IDS_COUNT) {
            *out = (uint32_t)from;
            return true;
        }
    }
    return false;
}

static struct str user_name(struct arena *a)
{
    struct passwd entry, *found = NULL;
    enum { ROOM = 4096 };
    char *room = arena_alloc(a, ROOM);
    return getpwuid_r(geteuid(), &entry, room, ROOM, &found) == 0 && found != NULL ? str_c(found->pw_name) : S("");
}

static bool has_mapper(struct arena *a)
{
    struct proc_result r;
    struct err ignored;
    const char *const argv[] = { "newuidmap", NULL };
    return proc_run(a, &(struct proc_options){ .argv = argv }, &r,
                    &ignored); /* it prints its usage, whatever the status */
}

struct ids ids_held(void)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct ids ids = { .first_uid = IDS_FIRST, .first_gid = IDS_FIRST, .range = geteuid() == 0 };
    if (ids.range)
        return ids;
    struct str name = user_name(&a);
    ids.range = find_grant(&a, "/etc/subuid", name, &ids.first_uid)
                && find_grant(&a, "/etc/subgid", name, &ids.first_gid) && has_mapper(&a);
    ids.by_agent = ids.range;
    return ids;
}

/* ---- maps ------------------------------------------------------------------------------------------------- */

static bool write_map(struct arena *a, pid_t pid, const char *file, uint32_t first, struct err *e)
{
    struct str path = arena_fmt(a, "/proc/%d/%s", (int)pid, file), line = arena_fmt(a, "0 %u %d\n", first, IDS_COUNT);
    CLEANUP(fd_close) int fd = open(path.p, O_WRONLY | O_CLOEXEC);
    return (fd >= 0 && write(fd, line.p, line.n) == (ssize_t)line.n) || err_sys(e, "write %s", path.p);
}

static bool run_mapper(struct arena *a, const char *program, pid_t pid, bool beside, uint32_t self, uint32_t first,
                       struct err *e)
{
    struct proc_result r;
    const char *process = arena_fmt(a, "%d", (int)pid).p, *from = arena_fmt(a, "%u", first).p;
    const char *us = arena_fmt(a, "%u", self).p, *count = arena_fmt(a, "%d", IDS_COUNT).p;
    const char *const plain[] = { program, process, "0", from, count, NULL };
    const char *const both[] = { program, process, "0", us, "1", "1", from, count, NULL };
    if (!proc_run(a, &(struct proc_options){ .argv = beside ? both : plain, .merge_stderr = true }, &r, e))
        return false;
    return r.status == 0 || err_set(e, ERR_DENIED, "%s: %.*s", program, STR(str_trim(r.out)));
}

bool ids_map(const struct ids *ids, pid_t pid, bool beside, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    if (!ids->by_agent)
        return write_map(&a, pid, "uid_map", ids->first_uid, e) && write_map(&a, pid, "gid_map", ids->first_gid, e);
    return run_mapper(&a, "newuidmap", pid, beside, geteuid(), ids->first_uid, e)
           && run_mapper(&a, "newgidmap", pid, beside, getegid(), ids->first_gid, e);
}

/* ---- orders ----------------------------------------------------------------------------------------------- */

void ids_order_remove(struct buf *orders, const char *path)
{
    buf_fmt(orders, "R %s", path);
    buf_byte(orders, '\0');
}

void ids_order_own(struct buf *orders, const char *path)
{
    buf_fmt(orders, "C 0 0 %s", path);
    buf_byte(orders, '\0');
}

void ids_order_layer(struct buf *orders, const char *path)
{
    buf_fmt(orders, "L %s", path);
    buf_byte(orders, '\0');
}

void ids_order_entry(struct buf *orders, int64_t uid, int64_t gid, mode_t mode, struct str path)
{
    buf_fmt(orders, "O %lld %lld %u %.*s", (long long)uid, (long long)gid, (unsigned)mode, STR(path));
    buf_byte(orders, '\0');
}
