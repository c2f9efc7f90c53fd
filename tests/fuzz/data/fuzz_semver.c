/* A constraint, a line break, a version. */
#include <assert.h>

#include "data/semver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = 16 << 20 };
    struct str version = { (const char *)data, size < 4096 ? size : 4096 }, constraint;
    struct semver_constraint *c = NULL;
    struct semver v = { 0 }, again = { 0 };
    struct err e = { 0 };

    str_split(&version, S("\n"), &constraint);
    bool has_version = semver_parse(version, &v, &e), has_constraint = semver_constraint_parse(&a, constraint, &c, &e);
    if (has_version) {
        bool ok = semver_parse_strict(semver_str(&a, &v), &again, &e);
        assert(ok);
        assert(semver_compare(&v, &again) == 0);
    }
    if (has_version && has_constraint)
        assert(semver_constraint_check(c, &v) == (semver_constraint_why(&a, c, &v).n == 0));
    return 0;
}
