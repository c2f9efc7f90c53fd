/*
 * cluster/local/confine.h - taking rights away from a process that is about to become somebody else's program.
 *
 * The order matters and is the same for a container's first process and for exec: ids, death signal, capabilities,
 * no_new_privs, seccomp.
 */
#pragma once
#include "cluster/local/user.h"

struct confinement {
    const struct user *user;
    bool fake_ids;      /* one mapped id only: chown, set*id and mknod say 0 and do nothing */
    int filters;        /* of confine_filters_make */
    int64_t memory_max; /* RLIMIT_DATA, 0: none */
    int64_t pids_max;   /* RLIMIT_NPROC, which the nested user namespace counts by itself */
};
/* Lower (never raise) the limits, change ids, drop capabilities, load the filter. Then only execve is left. */
MUST_CHECK bool confine(const struct confinement *c, struct err *e);
/* Keep `mask` of the capabilities and make sure that no exec gains more. */
MUST_CHECK bool confine_capabilities(uint64_t mask, struct err *e);
/* An allow list for this architecture, compiled into a memory file: that takes milliseconds, so the holder does it
 * once. x32 and foreign architectures are killed. See docs/security.md. */
MUST_CHECK bool confine_filters_make(bool fake_ids, int *out, struct err *e);
/* Load it, for good. */
MUST_CHECK bool confine_seccomp(int filters, struct err *e);
