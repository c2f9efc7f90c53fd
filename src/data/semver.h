/*
 * data/semver.h - versions and constraints as github.com/Masterminds/semver/v3 has them.
 */
#pragma once
#include "base/base.h"

struct semver {
    uint64_t major, minor, patch;
    struct str pre, meta; /* without the leading '-' and '+' */
    struct str original;
};

/* NewVersion: tolerant ("v1", "1.2"). The slices live in `text`. ERR_INVALID: "invalid semantic version". */
MUST_CHECK bool semver_parse(struct str text, struct semver *out, struct err *e);
MUST_CHECK bool semver_parse_strict(struct str text, struct semver *out, struct err *e);
int semver_compare(const struct semver *a, const struct semver *b); /* precedence, -1 0 1 */
struct str semver_str(struct arena *a, const struct semver *v);

/* ">= 1.2 < 2 || ~3.1, ^4 - x *": see Masterminds "Checking Version Constraints". */
struct semver_constraint;
MUST_CHECK bool semver_constraint_parse(struct arena *a, struct str text, struct semver_constraint **out,
                                        struct err *e);
bool semver_constraint_check(const struct semver_constraint *c, const struct semver *v);
/* The first reason, in Masterminds' words, why `v` does not satisfy `c`; empty when it does. */
struct str semver_constraint_why(struct arena *a, const struct semver_constraint *c, const struct semver *v);
