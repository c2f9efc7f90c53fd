/* A packaged chart: whatever is in it, it is refused or loaded, in bounded memory. */
#include "chart/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = (size_t)1 << 30 };
    const struct str bytes = { (const char *)data, size };
    struct chart_files files = { 0 };
    struct chart *c;
    struct err e;

    if (chart_read_archive(&a, bytes, &files, &e) && chart_from_files(&a, &files, 0, &c, &e))
        return chart_name(c).n == 0;
    return 0;
}
