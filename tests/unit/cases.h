/*
 * Test rows in a JSON file that a user could write: a list of objects, each with a "name". One cmocka test per row.
 */
#pragma once
#include "cmocka_all.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/sys.h"
#include "data/json.h"

static struct value case_rows;

/* A member's text of the row; a missing one is empty. */
static inline struct str case_str(const struct value *row, const char *key)
{
    return value_as_str(value_get(row, key));
}

static inline void assert_str(struct str got, struct str wanted)
{
    if (!str_eq(got, wanted))
        fail_msg("got:\n%.*s\nwanted:\n%.*s", STR(got), STR(wanted));
}

static inline bool case_load(struct arena *a, const char *path, struct value *out)
{
    struct str text;
    struct err e = { 0 };

    if (fs_read(a, AT_FDCWD, path, FS_READ_MAX, &text, &e) && json_parse(a, text, out, &e))
        return true;
    fprintf(stderr, "%s: %s\n", path, e.text);
    return false;
}

/* Run `check` with each row of the file as its state. */
static inline int case_run(struct arena *a, const char *path, CMUnitTestFunction check)
{
    if (!case_load(a, path, &case_rows) || value_len(&case_rows) == 0)
        return 1;
    size_t n = value_len(&case_rows);
    struct CMUnitTest *tests = arena_new(a, struct CMUnitTest, n);
    for (size_t i = 0; i < n; i++) {
        struct value *row = &case_rows.list->v[i];
        tests[i] = (struct CMUnitTest){ arena_c(a, case_str(row, "name")), check, NULL, NULL, row };
    }
    return _cmocka_run_group_tests(path, tests, n, NULL, NULL);
}
