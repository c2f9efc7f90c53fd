/* Repository URLs: two lines, compared with each other. */
#include <assert.h>

#include "git/git.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = 1 << 20 };
    struct str second = { (const char *)data, size < 4096 ? size : 4096 }, first, name = { 0 };
    struct err e = { 0 };

    str_split(&second, S("\n"), &first);
    if (git_full_name(&a, first, &name, &e))
        assert(name.n > 0 && git_same_repository(first, first));
    assert(git_same_repository(first, second) == git_same_repository(second, first));
    return 0;
}
