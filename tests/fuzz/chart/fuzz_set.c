/* The --set grammar: the first byte chooses the flag. */
#include "chart/chart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum chart_set_kind kinds[] = { CHART_SET, CHART_SET_STRING, CHART_SET_JSON, CHART_SET_LITERAL };
    CLEANUP(arena_close) struct arena a = { .cap = (size_t)256 << 20 };
    struct value values = value_map(&a);
    struct err e;

    if (size == 0 || size > 4096)
        return 0;
    const struct str text = { (const char *)data + 1, size - 1 };
    bool ok = chart_set(&a, &values, kinds[data[0] % COUNT(kinds)], text, &e);
    return ok && values.kind != VALUE_MAP;
}
