/* values.schema.json. The reports are those of Helm v4.1.4. */
#include "../cmocka_all.h"
#include "chart/schema.h"
#include "data/json.h"

#define D4 "\"$schema\":\"http://json-schema.org/draft-04/schema#\","
#define D7 "\"$schema\":\"http://json-schema.org/draft-07/schema#\","
#define D19 "\"$schema\":\"https://json-schema.org/draft/2019-09/schema\","
#define META(draft)                                                                                                    \
    "\"file:///values.schema.json#\" is not valid against metaschema: jsonschema validation failed with '" draft "#'"  \
    "\n"

static struct row {
    const char *name, *schema, *values;
    const char *report; /* "" when the values fit */
} rows[] = {
    { "fits", "{\"properties\":{\"a\":{\"type\":\"integer\"}}}", "{\"a\":1.0}", "" },
    { "type", "{\"properties\":{\"a\":{\"type\":\"integer\"}}}", "{\"a\":\"x\"}",
      "- at '/a': got string, want integer\n" },
    { "types", "{\"properties\":{\"a\":{\"type\":[\"string\",\"null\"]}}}", "{\"a\":1}",
      "- at '/a': got number, want null or string\n" },
    { "required", "{\"required\":[\"a\",\"b\"]}", "{}", "- at '': missing properties 'a', 'b'\n" },
    { "additional", "{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "{\"a\":1,\"b\":2}",
      "- at '': additional properties 'b' not allowed\n" },
    { "pattern properties", "{\"patternProperties\":{\"^x\":{\"type\":\"integer\"}}}", "{\"xa\":\"s\",\"b\":1}",
      "- at '/xa': got string, want integer\n" },
    { "two at one value", "{\"properties\":{\"a\":{\"minLength\":2,\"pattern\":\"^z\"}}}", "{\"a\":\"x\"}",
      "- at '/a': minLength: got 1, want 2\n- at '/a': 'x' does not match pattern '^z'\n" },
    { "large numbers", "{\"properties\":{\"a\":{\"minimum\":1234567.5}}}", "{\"a\":1000000}",
      "- at '/a': minimum: got 1×10⁰⁶, want 1.2345675×10⁰⁶\n" },
    { "thousands", "{\"properties\":{\"a\":{\"minimum\":1000}}}", "{\"a\":5}",
      "- at '/a': minimum: got 5, want 1,000\n" },
    { "exclusive flag of draft 4", "{" D4 "\"properties\":{\"a\":{\"minimum\":5,\"exclusiveMinimum\":true}}}",
      "{\"a\":5}", "- at '/a': exclusiveMinimum: got 5, want 5\n" },
    { "multiple", "{\"properties\":{\"a\":{\"multipleOf\":0.1}}}", "{\"a\":0.3}", "" },
    { "one of", "{\"properties\":{\"a\":{\"oneOf\":[{\"type\":\"string\"},{\"minLength\":1}]}}}", "{\"a\":\"x\"}",
      "- at '/a': 'oneOf' failed, subschemas 0, 1 matched\n" },
    { "any of", "{\"properties\":{\"a\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}}}", "{\"a\":5}",
      "- at '/a': 'anyOf' failed\n  - at '/a': got number, want string\n  - at '/a': got number, want null\n" },
    { "condition", "{\"if\":{\"properties\":{\"a\":{\"const\":1}}},\"then\":{\"required\":[\"b\"]}}", "{\"a\":1}",
      "- at '': missing property 'b'\n" },
    { "reference", "{\"$defs\":{\"p\":{\"type\":\"integer\"}},\"properties\":{\"a\":{\"$ref\":\"#/$defs/p\"}}}",
      "{\"a\":\"x\"}", "- at '/a': got string, want integer\n" },
    { "reference with two causes",
      "{\"$defs\":{\"o\":{\"properties\":{\"x\":{\"type\":\"string\"},\"y\":{\"type\":\"string\"}}}},"
      "\"properties\":{\"o\":{\"$ref\":\"#/$defs/o\"}}}",
      "{\"o\":{\"x\":1,\"y\":2}}",
      "- at '/o': validation failed\n  - at '/o/x': got number, want string\n  - at '/o/y': got number, want "
      "string\n" },
    { "anchors and ids",
      "{\"$id\":\"https://example.com/root.json\",\"$defs\":{\"x\":{\"$anchor\":\"foo\",\"type\":\"string\"}},"
      "\"properties\":{\"a\":{\"$ref\":\"#foo\"},\"b\":{\"$ref\":\"root.json#/$defs/x\"}}}",
      "{\"a\":1,\"b\":2}", "- at '/a': got number, want string\n- at '/b': got number, want string\n" },
    { "reference to nothing", "{\"properties\":{\"a\":{\"$ref\":\"#/$defs/nope\"}}}", "{\"a\":1}",
      "json-pointer in \"file:///values.schema.json#/$defs/nope\" not found" },
    { "reference to itself", "{\"$ref\":\"#\"}", "{}",
      "- at '': both /$ref and  resolve to \"file:///values.schema.json#\" causing reference cycle\n" },
    { "recursion over the values",
      "{\"$defs\":{\"n\":{\"properties\":{\"next\":{\"$ref\":\"#/$defs/"
      "n\"},\"v\":{\"type\":\"integer\"}}}},\"$ref\":\"#/$defs/n\"}",
      "{\"v\":1,\"next\":{\"next\":{\"v\":\"x\"}}}", "- at '/next/next/v': got string, want integer\n" },
    { "unevaluated", "{\"unevaluatedProperties\":false,\"allOf\":[{\"properties\":{\"a\":{}}}]}", "{\"a\":1,\"b\":1}",
      "- at '/b': false schema\n" },
    { "format is asserted up to draft 7", "{" D7 "\"properties\":{\"a\":{\"format\":\"email\"}}}", "{\"a\":\"x\"}",
      "- at '/a': 'x' is not valid email: missing @\n" },
    { "and ignored afterwards", "{" D19 "\"properties\":{\"a\":{\"format\":\"email\"}}}", "{\"a\":\"x\"}", "" },
    { "property names", "{\"propertyNames\":{\"pattern\":\"^[a-z]+$\"}}", "{\"OK\":1}",
      "- at '': invalid propertyName 'OK'\n  - at '': 'OK' does not match pattern '^[a-z]+$'\n" },
    { "pointer escapes", "{\"properties\":{\"a/b\":{\"properties\":{\"c~d\":{\"type\":\"string\"}}}}}",
      "{\"a/b\":{\"c~d\":1}}", "- at '/a~1b/c~0d': got number, want string\n" },
    { "false", "false", "{}", "- at '': false schema\n" },
    { "no schema, draft 7", "{" D7 "\"properties\":{\"a\":{\"required\":\"x\"}}}", "{}",
      META("http://json-schema.org/draft-07/schema") "- at '/properties/a/required': got string, want array" },
    { "no schema, draft 2020-12", "{\"properties\":{\"a\":{\"minLength\":-1}}}", "{}",
      META("https://json-schema.org/draft/2020-12/schema") "- at '': 'allOf' failed\n  - at '/properties/a': 'allOf' "
                                                           "failed\n    - at '/properties/a/minLength': minimum: got "
                                                           "-1, want 0" },
    { "list of items is gone in 2020-12", "{\"properties\":{\"a\":{\"items\":[{}]}}}", "{}",
      META("https://json-schema.org/draft/2020-12/schema") "- at '': 'allOf' failed\n  - at '/properties/a': 'allOf' "
                                                           "failed\n    - at '/properties/a/items': got array, want "
                                                           "boolean or object" },
};
enum { ROWS = sizeof rows / sizeof *rows };

static void reports_row(void **state)
{
    const struct row *r = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    const struct chart c = { .name = S("demo"), .schema = str_c(r->schema), .has_schema = true };
    struct value values;
    struct err e = { 0 };

    assert_true(json_parse(&a, str_c(r->values), &values, &e));
    struct str message;
    bool ok = schema_check(&a, &c, &values, &message, &e);
    assert_int_equal(ok, r->report[0] == '\0');
    if (!ok)
        assert_string_equal(e.text, arena_fmt(&a,
                                              "values don't meet the specifications of the schema(s) in the following "
                                              "chart(s):\ndemo:\n%s",
                                              r->report)
                                        .p);
}

int main(void)
{
    struct CMUnitTest tests[ROWS];

    for (size_t i = 0; i < ROWS; i++)
        tests[i] = (struct CMUnitTest){ rows[i].name, reports_row, NULL, NULL, &rows[i] };
    return cmocka_run_group_tests_name("chart schema", tests, NULL, NULL);
}
