/*
 * sandbox/wexpr.h - the expressions of workflow files: ${{ github.event_name == 'push' && !cancelled() }}.
 *
 * Source: GitHub's documentation "Evaluate expressions in workflows and actions". Operators () [] . .* ! < <= > >= ==
 * != &&
 * ||; functions contains startsWith endsWith format join toJSON fromJSON success failure always cancelled. Texts
 * compare without case; values of different kinds compare as numbers; what does not exist is null, and null is the
 * empty text.
 */
#pragma once
#include "data/value.h"

#define WEXPR_TEXT_MAX 21000 /* characters, as GitHub */
#define WEXPR_DEPTH_MAX 50

struct wexpr {
    struct value contexts; /* map: github, env, inputs, secrets, steps, needs, ... */
    bool failed;           /* something before failed: success() is false, failure() true */
    bool cancelled;
};
/* One expression without its ${{ }}. errors: ERR_INVALID with the place, ERR_LIMIT. */
MUST_CHECK bool wexpr_eval(struct arena *a, struct str text, const struct wexpr *x, struct value *out, struct err *e);
/* Put the value of every ${{ }} into the text. */
MUST_CHECK bool wexpr_fill(struct arena *a, struct str text, const struct wexpr *x, struct str *out, struct err *e);
/* An `if:`, with or without ${{ }}; success() is implied unless it asks for the state itself. Empty: success(). */
MUST_CHECK bool wexpr_if(struct arena *a, struct str text, const struct wexpr *x, bool *out, struct err *e);
/* A value as text: null is empty, maps and lists are "Object" and "Array". */
struct str wexpr_text(struct arena *a, const struct value *v);
