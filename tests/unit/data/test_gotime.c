/*
 * Rows from Go's time.Parse. expect: "E " and the error; or "T" and the time as RFC3339Nano, in its own layout, as
 * %v, and in a layout of leftovers.
 */
#include "../cases.h"
#include "data/gofmt.h"
#include "data/gotime.h"

#define LEFTOVERS "Mon Jan _2 __2 002 3:4:5 PM pm 06 .000 ,999 -07 -070000 Z07:00:00 Janet Month"

static void parses_row(void **state)
{
    const struct value *row = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    struct str layout = case_str(row, "layout");
    struct gotime t = { 0 };
    struct err e = { 0 };

    if (!gotime_parse_time(layout, case_str(row, "text"), &t, &e)) {
        assert_str(arena_fmt(&a, "E %s", e.text), case_str(row, "expect"));
        return;
    }
    struct str got =
        arena_fmt(&a, "T %.*s %.*s %.*s %.*s", STR(gotime_format_time(&a, &t, S(GOTIME_RFC3339_NANO))),
                  STR(gotime_format_time(&a, &t, layout)), STR(gotime_format_time(&a, &t, S(GOTIME_STRING))),
                  STR(gotime_format_time(&a, &t, S(LEFTOVERS))));
    assert_str(got, case_str(row, "expect"));
}

static void prints_durations(void **state)
{
    static const struct {
        int64_t ns;
        const char *text;
    } rows[] = {
        { 0, "0s" },
        { 1, "1ns" },
        { 1500, "1.5µs" },
        { 300000000, "300ms" },
        { 3723500000000, "1h2m3.5s" },
        { -120000000000, "-2m0s" },
        { 3600000000000, "1h0m0s" },
        { INT64_MIN, "-2562047h47m16.854775808s" },
    };
    CLEANUP(arena_close) struct arena a = { 0 };

    for (size_t i = 0; i < COUNT(rows); i++)
        assert_str(go_duration_str(&a, rows[i].ns), str_c(rows[i].text));
}

static void prints_floats(void **state)
{
    static const struct {
        double f;
        const char *wide, *narrow;
    } rows[] = {
        { 0.1, "0.1", "0.1" },
        { 1e6, "1e+06", "1e+06" },
        { 100000, "100000", "100000" },
        { 1234567.25, "1.23456725e+06", "1.2345672e+06" },
        { -1.5, "-1.5", "-1.5" },
        { 5e-324, "5e-324", "0" },
        { 1.0 / 3, "0.3333333333333333", "0.33333334" },
        { 1e300, "1e+300", "+Inf" },
    };
    CLEANUP(arena_close) struct arena a = { 0 };

    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_str(go_float_str(&a, rows[i].f, 64), str_c(rows[i].wide));
        assert_str(go_float_str(&a, rows[i].f, 32), str_c(rows[i].narrow));
    }
}

static void works_on_nanoseconds(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct err e = { 0 };
    int64_t ns = 0;
    int offset = 0;

    assert_true(gotime_parse(S(GOTIME_RFC3339), S("2024-05-06T07:08:09.5+02:00"), &ns, &offset, &e));
    assert_int_equal(ns, 1714972089500000000);
    assert_int_equal(offset, 7200);
    assert_str(gotime_format(&a, ns, offset, S(""), S(GOTIME_STRING)), S("2024-05-06 07:08:09.5 +0200 +0200"));
    assert_str(gotime_format(&a, -1, 0, S("UTC"), S(GOTIME_RFC3339_NANO)), S("1969-12-31T23:59:59.999999999Z"));
    assert_false(gotime_parse(S("2006"), S("9999"), &ns, &offset, &e));
    assert_string_equal(e.text, "parsing time \"9999\": year out of range");
}

int main(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_durations),
        cmocka_unit_test(prints_floats),
        cmocka_unit_test(works_on_nanoseconds),
    };

    if (argc != 2)
        return 2;
    return case_run(&a, argv[1], parses_row) + cmocka_run_group_tests(tests, NULL, NULL);
}
