/* A search query, and a step's output file. */
#include "sandbox/run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = 64 << 20 };
    struct str text = { (const char *)data, size };
    struct search_query q;
    struct value out;
    struct err e = { 0 };

    (void)!search_parse(&a, text, &q, &e);
    (void)!stepfile_parse(&a, text, &out, &e);
    return 0;
}
