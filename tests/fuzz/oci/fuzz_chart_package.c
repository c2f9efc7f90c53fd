/* Packages that anybody may upload. */
#include "oci/registry_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = 64 << 20 };
    struct value chart = { 0 };
    struct err e = { 0 };
    if (chart_package_read(&a, (struct str){ (const char *)data, size }, &chart, &e))
        value_str_at(&chart, "name");
    return 0;
}
