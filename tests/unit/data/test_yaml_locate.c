#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data/yaml_locate.h"

static const char text[] = "image:\n"
                           "  tag: \"1\" # comment\n"
                           "hosts:\n"
                           "  - name: a\n"
                           "  - name: b\n"
                           "    paths: [x, y]\n"
                           "image: {tag: 2}\n"
                           "pairs: [a, b: {c: 1}]\n"
                           "gaps:\n"
                           "  -\n"
                           "  - 0x10: x\n"
                           "---\n"
                           "image: {other: 3}\n"
                           "hosts: 0\n"
                           "? {0: {tag: 1}}\n"
                           ": port: 1\n";

static struct row {
    const char *name, *path; /* names with blanks between */
    size_t known;
    unsigned line, column;
} rows[] = {
    { "a key", "hosts", 1, 3, 1 },
    { "an element", "hosts 1", 2, 5, 5 },
    { "a key of an element", "hosts 1 paths", 3, 6, 5 },
    { "in a flow list", "hosts 1 paths 1", 4, 6, 16 },
    { "the first of two equal keys that has it", "image tag", 2, 2, 3 },
    { "in a pair of a list", "pairs 1 b c", 4, 8, 16 },
    { "an element that is empty", "gaps 0", 2, 10, 3 },
    { "a key as the tree has it", "gaps 1 16", 3, 11, 5 },
    { "in a later document", "image other", 2, 13, 9 },
    { "not inside a key", "hosts 0 tag", 2, 4, 5 },
    { "up to what is there", "hosts 1 port number", 2, 5, 5 },
    { "nothing of it", "service port", 0, 0, 0 },
};

static void finds(void **state)
{
    const struct row *r = *state;
    struct str path[8], rest = str_c(r->path);
    struct yaml_place place = { 0 };
    size_t n = 0, known;

    while (rest.n > 0)
        str_split(&rest, S(" "), &path[n++]);
    assert_int_equal(yaml_locate(str_c(text), path, n, &place, &known), r->known > 0);
    assert_int_equal(known, r->known);
    assert_int_equal(place.line, r->line);
    assert_int_equal(place.column, r->column);
}

static struct broken {
    const char *name, *text;
    unsigned line, column; /* 0: it is not broken */
} broken[] = {
    { "whole", "a: 1\n", 0, 0 },
    { "a colon too many", "a: 1\nb: c: d\n", 2, 5 },
    { "a key without colon: where it begins", "a: 1\nb\nc: d\n", 2, 1 },
    { "a colon far behind its key", "a: 1\nb: [c, d\ne: f\n", 3, 2 },
    { "an alias of nothing", "a: 1\nb: *c\n", 2, 4 },
    { "a list as a key", "a: 1\n[b]: c\n", 2, 1 },
    { "no whole number", "a: !!int b\n", 1, 4 },
    { "a number that JSON has not", "a: 1\nb: .inf\n", 2, 4 },
    { "a control character", "a: \a\n", 1, 1 },
    { "in the second document", "a: 1\n---\nb: }\n", 3, 4 },
    { "an element in a map", "a: 1\n- b\n", 2, 1 },
};

static void finds_error(void **state)
{
    const struct broken *r = *state;
    struct yaml_place place = { 0 };

    assert_int_equal(yaml_locate_error(str_c(r->text), &place), r->line > 0);
    if (r->line > 0) {
        assert_int_equal(place.line, r->line);
        assert_int_equal(place.column, r->column);
    }
}

int main(void)
{
    struct CMUnitTest tests[COUNT(rows) + COUNT(broken)];

    for (size_t i = 0; i < COUNT(rows); i++)
        tests[i] = (struct CMUnitTest){ rows[i].name, finds, NULL, NULL, &rows[i] };
    for (size_t i = 0; i < COUNT(broken); i++)
        tests[COUNT(rows) + i] = (struct CMUnitTest){ broken[i].name, finds_error, NULL, NULL, &broken[i] };
    return cmocka_run_group_tests_name("yaml_locate", tests, NULL, NULL);
}
