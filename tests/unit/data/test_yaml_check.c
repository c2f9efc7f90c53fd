#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data/yaml.h"

#define TWICE "yaml: unmarshal errors:\n  "

/* What Helm's linter says to the same texts. */
static struct row {
    const char *name, *text, *error; /* NULL: nothing is wrong */
} rows[] = {
    { "none", "a: 1\nb: {a: 1}\n", NULL },
    { "a key", "a: 1\na: 2\n", TWICE "line 2: key \"a\" already set in map" },
    { "the line of its value", "a: 1\na:\n  2\n", TWICE "line 3: key \"a\" already set in map" },
    { "no value", "a: 1\na:\nb: 2\n", TWICE "line 2: key \"a\" already set in map" },
    { "three times", "a: 1\na: 2\na: 3\n",
      TWICE "line 2: key \"a\" already set in map\n  line 3: key \"a\" already set in map" },
    { "inner ones first", "a: 1\na:\n  - {b: 1, b: 1}\n",
      TWICE "line 3: key \"b\" already set in map\n  line 3: key \"a\" already set in map" },
    { "numbers", "1: a\n0x1: b\n\"1\": c\n", TWICE "line 2: key 1 already set in map" },
    { "words", "true: a\nyes: b\n", TWICE "line 2: key true already set in map" },
    { "a key that a merge brought", "a: &q {x: 1}\nb:\n  <<: *q\n  x: 2\n",
      TWICE "line 4: key \"x\" already set in map" },
    { "in another document", "a: 1\n---\na: 1\na: 2\n", NULL },
    { "broken", "a: 1\na: 2\nb: }\n", "yaml: line 2: did not find expected node content" },
};

static void checks(void **state)
{
    const struct row *r = *state;
    struct err e = { 0 };

    assert_int_equal(yaml_check_keys(str_c(r->text), &e), r->error == NULL);
    if (r->error != NULL)
        assert_string_equal(e.text, r->error);
}

int main(void)
{
    struct CMUnitTest tests[COUNT(rows)];

    for (size_t i = 0; i < COUNT(rows); i++)
        tests[i] = (struct CMUnitTest){ rows[i].name, checks, NULL, NULL, &rows[i] };
    return cmocka_run_group_tests_name("yaml_check", tests, NULL, NULL);
}
