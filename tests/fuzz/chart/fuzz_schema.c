/* A JSON schema and values: the schema up to the first NUL byte, the values behind it. A verdict is given twice. */
#include <assert.h>

#include "chart/schema.h"
#include "data/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = (size_t)1 << 30 };
    struct str rest = { (const char *)data, size < 65536 ? size : 65536 }, schema;
    struct value values;
    struct err e = { 0 }, again = { 0 };

    str_split(&rest, (struct str){ "\0", 1 }, &schema);
    if (!json_parse(&a, rest, &values, &e) || values.kind != VALUE_MAP)
        values = value_map(&a);
    values_to_floats(&values);
    const struct chart c = { .name = S("demo"), .schema = schema, .has_schema = true };
    e = (struct err){ 0 };
    struct str message;
    bool ok = schema_check(&a, &c, &values, &message, &e), same = schema_check(&a, &c, &values, &message, &again);
    assert(ok == same && strcmp(e.text, again.text) == 0);
    assert(ok == (e.text[0] == '\0'));
    return 0;
}
