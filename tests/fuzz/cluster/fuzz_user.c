/* passwd, group and User of a hostile image, separated by zero bytes. */
#include <assert.h>

#include "cluster/local/user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = { (const char *)data, size }, passwd, group;
    struct user u;
    struct err e;
    str_split(&rest, (struct str){ "", 1 }, &passwd);
    str_split(&rest, (struct str){ "", 1 }, &group);
    if (user_resolve(passwd, group, rest, -1, -1, &u, &e))
        assert(u.uid < 65536 && u.gid < 65536 && u.n_groups <= USER_GROUPS_MAX);
    return 0;
}
