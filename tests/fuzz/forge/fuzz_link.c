/* A Link header as a broken proxy could write it; what comes out must lie within it. */
#include <assert.h>

#include "forge/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str header = { (const char *)data, size };
    struct str next = forge_link_next(header);

    assert(next.n == 0 || (next.p >= header.p && next.p + next.n <= header.p + header.n));
    return 0;
}
