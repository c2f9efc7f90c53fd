/* Rows from expr-lang: what Go's %v prints, or "error": true. Arguments: the rows, the environment. */
#include "../cases.h"
#include "expr/expr.h"

static struct value environment;

static bool run(struct arena *a, struct str text, struct value *out, struct err *e)
{
    struct expr *x = NULL;
    struct value env = value_clone(a, &environment);

    expr_add_std(a, &env);
    return expr_compile(a, text, &x, e) && expr_run(a, x, &env, out, e);
}

static void evaluates_row(void **state)
{
    const struct value *row = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value v = { 0 };
    struct err e = { 0 };
    bool ok = run(&a, case_str(row, "text"), &v, &e), wanted = !value_bool_at(row, "error", false);

    if (ok != wanted)
        fail_msg("%s", ok ? "no error" : e.text);
    if (ok)
        assert_str(expr_print(&a, &v), case_str(row, "expect"));
}

static void says_what_is_wrong(void **state)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        { "app.status.nope.phase", "cannot fetch phase from nil (1:17)" },
        { "1 +", "unexpected end of the expression (1:4)" },
        { "a b", "unexpected \"b\" (1:3)" },
        { "true and\n  1", "expected a bool, not int (2:3)" },
        { "list[10]", "index out of range: 10 (array length is 4) (1:5)" },
        { "1 + 'a'", "operator + is not defined on int and string (1:3)" },
        { "time.Parse('x')",
          "parsing time \"x\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"x\" as \"2006\" (1:6)" },
        { "s matches '['", "error parsing regexp: missing closing ]: `[` (1:3)" },
        { "nope()", "nil is not a function (1:1)" },
        { "len()", "not enough arguments to call len (1:1)" },
        { "\"x", "literal not terminated (1:1)" },
        { "1 ?? 2 + 3", "an operator and ?? cannot be mixed: put one of them in parentheses (1:8)" },
        { "time.Now().Nope()", "time.Time has no method Nope (1:12)" },
    };
    CLEANUP(arena_close) struct arena a = { 0 };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct value v = { 0 };
        struct err e = { 0 };
        assert_false(run(&a, str_c(rows[i].text), &v, &e));
        assert_string_equal(e.text, rows[i].error);
        assert_int_equal(e.kind, ERR_INVALID);
        assert_int_equal(v.kind, VALUE_NULL);
    }
}

static void stays_within_limits(void **state)
{
    static const char *const rows[] = {
        "1..1000000000",
        "map(1..2000, {map(1..2000, #)})",
        "repeat('a', 100000000)",
        "reduce(1..60, {#acc + #acc}, 'aaaaaaaa')",
        "count(map(1..500, repeat('a', 40)), # matches '^(a|aa)+[bc]$') > 0",
    };
    CLEANUP(arena_close) struct arena a = { 0 };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct value v = { 0 };
        struct err e = { 0 };
        if (run(&a, str_c(rows[i]), &v, &e) || e.kind != ERR_LIMIT)
            fail_msg("%s: %s", rows[i], e.text);
    }
}

static void bounds_nesting(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct buf deep = { .a = &a }, wide = { .a = &a };
    struct value v = { 0 };
    struct err e = { 0 };

    buf_fill(&deep, '(', 5000);
    assert_false(run(&a, buf_str(&deep), &v, &e));
    assert_int_equal(e.kind, ERR_LIMIT);
    buf_c(&wide, "1");
    for (int i = 0; i < 3000; i++)
        buf_c(&wide, "+1");
    assert_false(run(&a, buf_str(&wide), &v, &e));
    assert_int_equal(e.kind, ERR_LIMIT);
}

static void clock_is_the_rooms(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value v = { 0 };
    struct err e = { 0 };

    clock_freeze_wall(1714979289000);
    assert_true(run(&a, S("time.Now().Format(time.RFC3339)"), &v, &e));
    clock_freeze_wall(-1);
    assert_str(expr_print(&a, &v), S("2024-05-06T07:08:09Z"));
}

int main(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(stays_within_limits),
        cmocka_unit_test(bounds_nesting),
        cmocka_unit_test(clock_is_the_rooms),
    };

    if (argc != 3)
        return 2;
    if (!case_load(&a, argv[2], &environment))
        return 1;
    return case_run(&a, argv[1], evaluates_row) + cmocka_run_group_tests(tests, NULL, NULL);
}
