/*
 * A constraint, a line break, two versions apart by a line break. What is written reads the same; the order is one:
 * turned round it has the other sign; a reason is given exactly when a version does not satisfy the constraint.
 */
#include <assert.h>

#include "data/semver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read_version(struct arena *a, struct str text, struct semver *v)
{
    struct semver again = { 0 };
    struct err e = { 0 };

    if (!semver_parse(text, v, &e))
        return false;
    bool ok = semver_parse_strict(semver_str(a, v), &again, &e);
    assert(ok);
    assert(semver_compare(v, &again) == 0 && semver_compare(v, v) == 0);
    return true;
}

static void check_constraint(struct arena *a, const struct semver_constraint *c, const struct semver *v)
{
    assert(semver_constraint_check(c, v) == (semver_constraint_why(a, c, v).n == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = 64 << 20 };
    struct str rest = { (const char *)data, size < 4096 ? size : 4096 }, constraint, first;
    struct semver_constraint *c = NULL;
    struct semver v = { 0 }, w = { 0 };
    struct err e = { 0 };

    str_split(&rest, S("\n"), &constraint);
    str_split(&rest, S("\n"), &first);
    bool has_constraint = semver_constraint_parse(&a, constraint, &c, &e);
    bool has_first = read_version(&a, first, &v), has_second = read_version(&a, rest, &w);
    if (has_first && has_second)
        assert(semver_compare(&v, &w) == -semver_compare(&w, &v));
    if (has_constraint && has_first)
        check_constraint(&a, c, &v);
    if (has_constraint && has_second)
        check_constraint(&a, c, &w);
    return 0;
}
