/* Rows from Helm's fromYaml: the text's value, or go-yaml's words. */
#include "../cases.h"
#include "data/yaml.h"

static void reads_row(void **state)
{
    const struct value *row = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value got = { 0 };
    struct err e = { 0 };
    bool ok = yaml_parse(&a, case_str(row, "text"), NULL, &got, &e);

    assert_str(ok ? S("") : str_c(e.text), case_str(row, "error"));
    if (ok && !value_equal(&got, value_get(row, "value")))
        assert_str(json_str(&a, &got, JSON_SORT_KEYS), json_str(&a, value_get(row, "value"), JSON_SORT_KEYS));
}

static void names_the_place(void **state)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        { "a: 1\nb: [}", "f.yaml:2:5: did not find expected node content" },
        { "a: *x", "f.yaml:1:4: unknown anchor 'x' referenced" },
        { "a:\n  b: .inf", "f.yaml:2:6: unsupported value +Inf: JSON has no such number" },
        { "a: !!int x", "f.yaml:1:4: cannot decode !!str `x` as a !!int" },
        { "~: x", "f.yaml:1:1: a key must not be null" },
        { "a: &x [*x]", "f.yaml:1:8: anchor 'x' value contains itself" },
        { "<<: 1", "f.yaml:1:1: map merge requires map or sequence of maps as the value" },
        { "a: \"\x01\"", "f.yaml: control characters are not allowed at byte 4" },
    };
    CLEANUP(arena_close) struct arena a = { 0 };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct value v = { 0 };
        struct err e = { 0 };
        assert_false(yaml_parse(&a, str_c(rows[i].text), "f.yaml", &v, &e));
        assert_string_equal(e.text, rows[i].error);
        assert_int_equal(e.kind, ERR_INVALID);
        assert_int_equal(v.kind, VALUE_NULL);
    }
}

static void reads_all_documents(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value all = { 0 };
    struct err e = { 0 };

    assert_true(yaml_parse_all(&a, S("---\na: 1\n---\n# none\n---\n[2]\n...\n---\n"), NULL, &all, &e));
    assert_str(json_str(&a, &all, 0), S("[{\"a\":1},[2]]"));
    assert_true(yaml_parse_all(&a, S(""), NULL, &all, &e));
    assert_int_equal(value_len(&all), 0);
}

/* An alias is a copy: changing one leaves the other. */
static void aliases_are_copies(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value v = { 0 };
    struct err e = { 0 };

    assert_true(yaml_parse(&a, S("a: &x {b: {c: 1}}\nd: *x\ne:\n  <<: *x\n"), NULL, &v, &e));
    value_put_at(&a, &v, "d.b.c", value_int(2));
    value_put_at(&a, &v, "e.b.c", value_int(3));
    assert_str(json_str(&a, &v, 0), S("{\"a\":{\"b\":{\"c\":1}},\"d\":{\"b\":{\"c\":2}},\"e\":{\"b\":{\"c\":3}}}"));
}

static void bounds_aliases_and_depth(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct buf laughs = { .a = &a }, deep = { .a = &a };
    struct value v = { 0 };
    struct err e = { 0 };

    buf_c(&laughs, "a0: &a0 [x]\n");
    for (int i = 1; i < 10; i++)
        buf_fmt(&laughs, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1, i - 1, i - 1,
                i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    assert_false(yaml_parse(&a, buf_str(&laughs), NULL, &v, &e));
    assert_int_equal(e.kind, ERR_LIMIT);
    buf_fill(&deep, '[', YAML_DEPTH_MAX + 1);
    assert_false(yaml_parse(&a, buf_str(&deep), NULL, &v, &e));
}

int main(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_place),
        cmocka_unit_test(reads_all_documents),
        cmocka_unit_test(aliases_are_copies),
        cmocka_unit_test(bounds_aliases_and_depth),
    };

    if (argc != 2)
        return 2;
    return case_run(&a, argv[1], reads_row) + cmocka_run_group_tests(tests, NULL, NULL);
}
