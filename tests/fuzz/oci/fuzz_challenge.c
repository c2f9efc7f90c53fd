/* WWW-Authenticate headers. */
#include <assert.h>

#include "oci/challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = 64 << 10 };
    struct oci_challenge ch = { 0 };
    struct err e = { 0 };
    if (oci_challenge_parse(&a, (struct str){ (const char *)data, size }, &ch, &e))
        assert(ch.scheme == OCI_BASIC || ch.realm.n > 0);
    return 0;
}
