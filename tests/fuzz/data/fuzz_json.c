/* JSON: what was read must read the same after writing. */
#include <assert.h>

#include "data/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = 64 << 20 };
    struct str text = { (const char *)data, size < 65536 ? size : 65536 };
    struct value v = { 0 }, again = { 0 };
    struct err e = { 0 };

    if (!json_parse(&a, text, &v, &e))
        return 0;
    bool ok = json_parse(&a, json_str(&a, &v, JSON_SORT_KEYS | JSON_ESCAPE_HTML), &again, &e);
    assert(ok);
    assert(!utf8_valid(text) || value_equal(&v, &again)); /* bytes that are no UTF-8 become U+FFFD */
    json_str(&a, &v, JSON_INDENT);
    return 0;
}
