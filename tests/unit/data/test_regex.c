/*
 * Rows from Go's regexp. expect: "E " and the error; or "M", the spans of the match and its groups, and the text
 * after ReplaceAllString in quotes.
 */
#include "../cases.h"
#include "data/regex.h"

#define GROUPS_MAX 32

static void matches_row(void **state)
{
    const struct value *row = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    CLEANUP(regex_free) struct regex *re = NULL;
    struct regex_span spans[1 + GROUPS_MAX];
    struct buf got = { .a = &a };
    struct str subject = case_str(row, "subject"), replaced;
    struct err e = { 0 };
    bool found = false;

    if (!regex_compile(case_str(row, "pattern"), &re, &e)) {
        buf_fmt(&got, "E %s", e.text);
        assert_str(buf_str(&got), case_str(row, "expect"));
        return;
    }
    assert_in_range(regex_groups(re), 0, GROUPS_MAX);
    assert_true(regex_match(re, subject, 0, spans, &found, &e));
    assert_true(regex_replace(&a, re, subject, case_str(row, "with"), false, &replaced, &e));
    buf_c(&got, "M");
    for (size_t i = 0; found && i <= regex_groups(re); i++)
        buf_fmt(&got, " %td,%td", spans[i].from, spans[i].to);
    buf_byte(&got, ' ');
    json_write_string(&got, replaced, 0);
    assert_str(buf_str(&got), case_str(row, "expect"));
}

static void names_groups(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    CLEANUP(regex_free) struct regex *re = NULL;
    struct str out;
    struct err e = { 0 };

    assert_true(regex_compile(S("(?P<first>a)(b)(?<2nd>c)"), &re, &e));
    assert_str(regex_group_name(re, 1), S("first"));
    assert_str(regex_group_name(re, 2), S(""));
    assert_str(regex_group_name(re, 3), S("2nd"));
    assert_true(regex_replace(&a, re, S("abc"), S("$0"), true, &out, &e));
    assert_str(out, S("$0"));
}

static void bounds_matching(void **state)
{
    CLEANUP(regex_free) struct regex *re = NULL;
    struct regex_span spans[4];
    char subject[64];
    struct err e = { 0 };
    bool found = false;

    memset(subject, 'a', sizeof subject);
    assert_true(regex_compile(S("(a|aa)+$b|(a*)*c"), &re, &e));
    assert_false(regex_match(re, (struct str){ subject, sizeof subject }, 0, spans, &found, &e));
    assert_int_equal(e.kind, ERR_LIMIT);
}

int main(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const struct CMUnitTest tests[] = { cmocka_unit_test(names_groups), cmocka_unit_test(bounds_matching) };

    if (argc != 2)
        return 2;
    return case_run(&a, argv[1], matches_row) + cmocka_run_group_tests(tests, NULL, NULL);
}
