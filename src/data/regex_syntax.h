/*
 * data/regex_syntax.h - checks RE2 syntax and translates it for PCRE2. Inside src/data only.
 */
#pragma once
#include "base/base.h"

#define REGEX_TEXT_MAX ((size_t)64 << 10)
#define REGEX_DEPTH_MAX 1000
#define REGEX_REPEAT_MAX 1000 /* of {n,m}, also multiplied through nested groups */

struct regex_translation {
    struct str pattern;    /* for PCRE2 with UTF, no UCP */
    VEC(struct str) names; /* of the groups in order; empty for those without a name */
};

/* errors: ERR_INVALID and ERR_LIMIT in Go's words, "error parsing regexp: missing closing ): `(a`". */
MUST_CHECK bool regex_translate(struct arena *a, struct str pattern, struct regex_translation *out, struct err *e);
