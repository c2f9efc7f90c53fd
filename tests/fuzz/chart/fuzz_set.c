/*
 * The --set grammar: texts apart by NUL bytes, the first byte of each chooses the flag. They go into one tree, one
 * after the other, as several flags do; the same texts must give the same tree and the same words again.
 */
#include <assert.h>

#include "chart/chart.h"
#include "data/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str set_all(struct arena *a, struct str rest, struct value *values)
{
    static const enum chart_set_kind kinds[] = { CHART_SET, CHART_SET_STRING, CHART_SET_JSON, CHART_SET_LITERAL,
                                                 CHART_SET_FILE };
    struct buf said = { .a = a };
    struct str one;
    bool more = true;

    for (int texts = 0; more && texts < 6; texts++) {
        struct err e = { 0 };
        more = str_split(&rest, (struct str){ "\0", 1 }, &one);
        if (one.n == 0)
            continue;
        enum chart_set_kind kind = kinds[(uint8_t)one.p[0] % COUNT(kinds)];
        if (kind == CHART_SET_FILE && (str_find(one, S("/")) >= 0 || str_find(one, S("-")) >= 0))
            continue; /* no pipe, no device, no standard input */
        if (!chart_set(a, values, kind, str_slice(one, 1, one.n), &e))
            assert(e.text[0] != '\0');
        buf_c(&said, e.text);
    }
    return buf_str(&said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = (size_t)1 << 30 };
    const struct str text = { (const char *)data, size < 4096 ? size : 4096 };
    struct value values = value_map(&a), again = value_map(&a);

    struct str said = set_all(&a, text, &values), repeated = set_all(&a, text, &again);
    assert(str_eq(said, repeated));
    assert(str_eq(json_str(&a, &values, 0), json_str(&a, &again, 0)));
    return 0;
}
