/*
 * cluster/local/user.h - who a container runs as: the image's User ("1000", "nginx", "nginx:www", "1000:1000") looked
 * up in the image's own /etc/passwd and /etc/group, as OCI image configuration asks. Files of an image are hostile:
 * lines that do not parse are passed over, sizes are bounded.
 */
#pragma once
#include "base/base.h"

enum { USER_GROUPS_MAX = 32, USER_FILE_MAX = 1 << 20 };

struct user {
    uint32_t uid, gid;
    uint32_t groups[USER_GROUPS_MAX]; /* supplementary, gid not among them */
    size_t n_groups;
    struct str home; /* shares the bytes of `passwd`; "/" when unknown */
};
/*
 * `spec`: the image's User, may be empty (root). uid, gid >= 0 override it (runAsUser, runAsGroup).
 * errors: ERR_INVALID for a name that the files do not have.
 */
MUST_CHECK bool user_resolve(struct str passwd, struct str group, struct str spec, int64_t uid, int64_t gid,
                             struct user *out, struct err *e);
