/* Rows from Masterminds/semver: "true", "false" and the first reason, or "E " and the error. */
#include "../cases.h"
#include "data/semver.h"

static struct str verdict(struct arena *a, struct str constraint, struct str version)
{
    struct semver_constraint *c = NULL;
    struct semver v = { 0 };
    struct err e = { 0 };

    if (!semver_constraint_parse(a, constraint, &c, &e) || !semver_parse(version, &v, &e))
        return arena_fmt(a, "E %s", e.text);
    return arena_fmt(a, "%s %.*s", semver_constraint_check(c, &v) ? "true" : "false",
                     STR(semver_constraint_why(a, c, &v)));
}

static void checks_row(void **state)
{
    const struct value *row = *state;
    CLEANUP(arena_close) struct arena a = { 0 };

    assert_str(verdict(&a, case_str(row, "constraint"), case_str(row, "version")), case_str(row, "expect"));
}

static void parses_versions(void **state)
{
    static const struct {
        const char *text, *loose, *strict; /* the normal form, or the error */
    } rows[] = {
        { "1.2.3", "1.2.3", "1.2.3" },
        { "v1.2", "1.2.0", "invalid characters in version" },
        { "1", "1.0.0", "invalid semantic version" },
        { "01.2.3", "1.2.3", "version segment starts with 0" },
        { "1.2.3-rc.1+b.5", "1.2.3-rc.1+b.5", "1.2.3-rc.1+b.5" },
        { "1.2.3-01", "version segment starts with 0", "version segment starts with 0" },
        { "1.2.3.4", "invalid semantic version", "invalid semantic version" },
        { "1.2.3-", "invalid semantic version", "invalid semantic version" },
        { "", "invalid semantic version", "version string empty" },
    };
    CLEANUP(arena_close) struct arena a = { 0 };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct semver v = { 0 };
        struct err e = { 0 };
        bool ok = semver_parse(str_c(rows[i].text), &v, &e);
        assert_str(ok ? semver_str(&a, &v) : str_c(e.text), str_c(rows[i].loose));
        ok = semver_parse_strict(str_c(rows[i].text), &v, &e);
        assert_str(ok ? semver_str(&a, &v) : str_c(e.text), str_c(rows[i].strict));
    }
}

static void orders_versions(void **state)
{
    static const char *const rising[] = {
        "0.9.9",      "1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta",
        "1.0.0-beta", "1.0.0",   "1.0.1",   "1.1.0",    "2.0.0"
    };
    struct semver low = { 0 }, high = { 0 };
    struct err e = { 0 };

    for (size_t i = 0; i + 1 < COUNT(rising); i++) {
        assert_true(semver_parse(str_c(rising[i]), &low, &e));
        assert_true(semver_parse(str_c(rising[i + 1]), &high, &e));
        assert_int_equal(semver_compare(&low, &high), -1);
        assert_int_equal(semver_compare(&high, &low), 1);
        assert_int_equal(semver_compare(&low, &low), 0);
    }
}

int main(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const struct CMUnitTest tests[] = { cmocka_unit_test(parses_versions), cmocka_unit_test(orders_versions) };

    if (argc != 2)
        return 2;
    return case_run(&a, argv[1], checks_row) + cmocka_run_group_tests(tests, NULL, NULL);
}
