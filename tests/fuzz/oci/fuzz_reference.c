/* Image references: what is accepted is accepted again as it is written, and means the same. */
#include <assert.h>

#include "oci/oci.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = 256 << 10 };
    struct oci_reference r = { 0 }, again = { 0 };
    struct err e = { 0 };
    if (size > 4096 || !oci_reference_parse(&a, (struct str){ (const char *)data, size }, &r, &e))
        return 0;
    bool ok = oci_reference_parse(&a, oci_reference_str(&a, &r), &again, &e);
    assert(ok);
    assert(str_eq(r.registry, again.registry) && str_eq(r.repository, again.repository));
    assert(str_eq(r.tag, again.tag) && str_eq(r.digest, again.digest));
    return 0;
}
