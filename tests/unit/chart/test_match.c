/* Shell patterns in two dialects, and .helmignore. */
#include "../cmocka_all.h"
#include "chart/internal.h"

enum dialect { PATH, GLOB, IGNORE, IGNORE_FOLDER };
enum answer { NO, YES, BAD };

static struct row {
    const char *name;
    enum dialect dialect;
    const char *pattern, *text;
    enum answer answer;
} rows[] = {
    { "path star", PATH, "*.yaml", "a.yaml", YES },
    { "path star stops at a slash", PATH, "*.yaml", "a/b.yaml", NO },
    { "path question mark", PATH, "a?c", "a/c", NO },
    { "path class", PATH, "[^a-c]x", "dx", YES },
    { "path class misses", PATH, "[^a-c]x", "bx", NO },
    { "path escape", PATH, "\\*", "*", YES },
    { "path open class", PATH, "[a", "a", BAD },
    { "path lone backslash", PATH, "a\\", "a", BAD },
    { "path many stars", PATH, "*a*a*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NO },
    { "glob two stars", GLOB, "conf/**", "conf/a/b.txt", YES },
    { "glob needs its slash", GLOB, "**/*.txt", "a.txt", NO },
    { "glob alternatives", GLOB, "*.{txt,ini}", "b.ini", YES },
    { "glob nested alternatives", GLOB, "{a,{b,c}}/x", "c/x", YES },
    { "glob not in class", GLOB, "[!a]b", "cb", YES },
    { "glob open brace", GLOB, "{a,b", "a", BAD },
    { "glob open class", GLOB, "[", "a", BAD },
    { "glob too many alternatives", GLOB, "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", "aaaaaaaaaa", BAD },
    { "ignore by name", IGNORE, "*.bak\n", "deep/x.bak", YES },
    { "ignore by path", IGNORE, "/x.bak\n", "deep/x.bak", NO },
    { "ignore comment", IGNORE, "# x.bak\n", "x.bak", NO },
    { "ignore folders only, a file", IGNORE, "tmp/\n", "tmp", NO },
    { "ignore folders only, a folder", IGNORE_FOLDER, "tmp/\n", "tmp", YES },
    { "ignore negation hides the rest", IGNORE, "!keep\n", "other", YES },
    { "ignore negation keeps", IGNORE, "!keep\n", "keep", NO },
    { "ignore dot files in templates", IGNORE, "", "templates/.x", YES },
    { "ignore two stars", IGNORE, "a/**\n", "a/b", BAD },
    { "ignore bad pattern", IGNORE, "[\n", "a", BAD },
};
enum { ROWS = sizeof rows / sizeof *rows };

static enum answer ask_ignore(struct arena *a, const struct row *r)
{
    struct ignore_rules *rules;
    struct err e;

    if (!ignore_parse(a, str_c(r->pattern), &rules, &e))
        return BAD;
    return ignore_matches(rules, str_c(r->text), r->dialect == IGNORE_FOLDER) ? YES : NO;
}

static void answers_row(void **state)
{
    const struct row *r = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    bool bad = false, matched;

    if (r->dialect == IGNORE || r->dialect == IGNORE_FOLDER) {
        assert_int_equal(ask_ignore(&a, r), r->answer);
        return;
    }
    matched = (r->dialect == PATH ? path_match : glob_match)(str_c(r->pattern), str_c(r->text), &bad);
    assert_int_equal(bad ? BAD : matched ? YES : NO, r->answer);
}

int main(void)
{
    struct CMUnitTest tests[ROWS];

    for (size_t i = 0; i < ROWS; i++)
        tests[i] = (struct CMUnitTest){ rows[i].name, answers_row, NULL, NULL, &rows[i] };
    return cmocka_run_group_tests_name("chart match", tests, NULL, NULL);
}
