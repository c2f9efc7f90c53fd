/* A JSON schema and values: the schema up to the first NUL byte, the values behind it. */
#include "chart/schema.h"
#include "data/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = (size_t)1 << 30 };
    struct str rest = { (const char *)data, size }, schema;
    struct value values;
    struct err e;

    if (size > 65536)
        return 0;
    str_split(&rest, (struct str){ "\0", 1 }, &schema);
    if (!json_parse(&a, rest, &values, &e) || values.kind != VALUE_MAP)
        values = value_map(&a);
    const struct chart c = { .name = S("demo"), .schema = schema, .has_schema = true };
    return schema_check(&a, &c, &values, &e) ? 0 : e.text[0] == '\0';
}
