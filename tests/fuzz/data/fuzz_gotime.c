/* A layout, a line break, a time. */
#include "data/gotime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = 16 << 20 };
    struct str text = { (const char *)data, size < 1024 ? size : 1024 }, layout;
    struct gotime t = { 0 };
    struct err e = { 0 };

    str_split(&text, S("\n"), &layout);
    if (gotime_parse_time(layout, text, &t, &e))
        gotime_format_time(&a, &t, S(GOTIME_STRING));
    gotime_format_time(&a, &t, layout);
    return 0;
}
