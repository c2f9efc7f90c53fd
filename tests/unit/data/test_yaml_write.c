/* Rows from Helm's toYaml, byte for byte. */
#include "../cases.h"
#include "data/yaml.h"

static void writes_row(void **state)
{
    const struct value *row = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    struct buf b = { .a = &a };
    struct value v = { 0 };
    struct err e = { 0 };

    assert_true(yaml_parse(&a, case_str(row, "text"), NULL, &v, &e));
    struct str got = yaml_marshal(&b, &v, &e) ? buf_str(&b) : S("");
    assert_str(str_ends(got, S("\n")) ? str_slice(got, 0, got.n - 1) : got, case_str(row, "yaml"));
}

static void writes_numbers(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    static const struct {
        double f;
        const char *yaml, *pretty;
    } rows[] = {
        { 1e6, "1000000\n", "1e+06\n" }, { 1.5, "1.5\n", "1.5\n" },
        { 1e20, "1e+20\n", "1e+20\n" },  { 1234567.25, "1.23456725e+06\n", "1.23456725e+06\n" },
        { 1e-5, "1e-05\n", "1e-05\n" },  { 9007199254740993.0, "9007199254740992\n", "9.007199254740992e+15\n" },
        { -0.0, "0\n", "-0\n" },         { 3520691927986875392.0, "3520691927986875400\n", "3.5206919279868754e+18\n" },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct value v = value_float(rows[i].f);
        struct buf pretty = { .a = &a };
        yaml_write_pretty(&pretty, &v);
        assert_str(yaml_str(&a, &v), str_c(rows[i].yaml));
        assert_str(buf_str(&pretty), str_c(rows[i].pretty));
    }
}

static void refuses_what_json_has_not(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct buf b = { .a = &a };
    struct value v = value_float(1.0 / 0.0);
    struct err e = { 0 };

    assert_false(yaml_marshal(&b, &v, &e));
    assert_string_equal(e.text, "json: unsupported value: +Inf");
    v = value_c("\x7f");
    assert_false(yaml_marshal(&b, &v, &e));
    assert_string_equal(e.text, "yaml: control characters are not allowed");
    assert_int_equal(b.n, 0);
}

int main(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_numbers),
        cmocka_unit_test(refuses_what_json_has_not),
    };

    if (argc != 2)
        return 2;
    return case_run(&a, argv[1], writes_row) + cmocka_run_group_tests(tests, NULL, NULL);
}
