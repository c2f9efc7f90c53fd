#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cluster/local/agent.h"
#include "cluster/local/confine.h"

enum { CAPABILITY_LAST_POSSIBLE = 63, CORE_NONE = 0, DESCRIPTORS = 65536 };

static bool lower(int which, int64_t to, const char *name, struct err *e)
{
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)which, &now) != 0)
        return err_sys(e, "read limit %s", name);
    rlim_t want = (rlim_t)to;
    if (now.rlim_max != RLIM_INFINITY && want > now.rlim_max)
        want = now.rlim_max; /* raising would need CAP_SYS_RESOURCE on the host */
    struct rlimit limit = { want, want };
    return setrlimit((__rlimit_resource_t)which, &limit) == 0 || err_sys(e, "set limit %s", name);
}

static bool limits(const struct confinement *c, struct err *e)
{
    return lower(RLIMIT_CORE, CORE_NONE, "core", e) && lower(RLIMIT_NOFILE, DESCRIPTORS, "descriptors", e)
           && (c->pids_max <= 0 || lower(RLIMIT_NPROC, c->pids_max, "processes", e));
}

static bool become(const struct user *u, bool fake_ids, struct err *e)
{
    gid_t groups[USER_GROUPS_MAX];
    for (size_t i = 0; i < u->n_groups; i++)
        groups[i] = u->groups[i];
    /* with one mapped id setgroups is denied for good, and the process already is the user */
    if (!fake_ids && setgroups(u->n_groups, groups) != 0)
        return err_sys(e, "set the supplementary groups");
    if (!fake_ids && setresgid(u->gid, u->gid, u->gid) != 0)
        return err_sys(e, "become group %u", u->gid);
    if (!fake_ids && setresuid(u->uid, u->uid, u->uid) != 0)
        return err_sys(e, "become user %u", u->uid);
    return true;
}

static bool bound_capabilities(uint64_t mask, struct err *e)
{
    for (unsigned long cap = 0; cap <= CAPABILITY_LAST_POSSIBLE; cap++)
        if ((mask >> cap & 1) == 0 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 && errno != EINVAL)
            return err_sys(e, "drop capability %lu", cap);
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 || err_sys(e, "clear ambient capabilities");
}

static bool set_capabilities(uint64_t mask, struct err *e)
{
    struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2] = { { 0 } };
    for (int i = 0; i < 2; i++)
        data[i].effective = data[i].permitted = (uint32_t)(mask >> (32 * i));
    return syscall(SYS_capset, &head, data) == 0 || err_sys(e, "set capabilities");
}

bool confine_capabilities(uint64_t mask, struct err *e)
{
    return bound_capabilities(mask, e) && set_capabilities(mask, e);
}

bool confine(const struct confinement *c, struct err *e)
{
    uint64_t kept = c->user->uid == 0 ? CAPABILITIES_KEPT : 0;
    if (!limits(c, e))
        return false;
    /* the bounding set first: leaving uid 0 takes the right to change it along */
    if (!bound_capabilities(kept, e) || !become(c->user, c->fake_ids, e) || !set_capabilities(kept, e))
        return false;
    /* after the ids: setresuid clears it */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return err_sys(e, "set the death signal");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return err_sys(e, "set no_new_privs");
    /* memory last: the steps before may need some, and the filter allows this call */
    return confine_seccomp(c->filters, e) && (c->memory_max <= 0 || lower(RLIMIT_DATA, c->memory_max, "data", e));
}
