/* sandbox/wexpr_internal.h - what the reader of expressions, their values and their functions share. */
#pragma once
#include "sandbox/wexpr.h"

#define WEXPR_ARGUMENTS_MAX 32

/* As `if:` takes it: null, false, 0, NaN and '' are false. */
bool wexpr_truth(const struct value *v);
/* As arithmetic comparisons take it: null is 0, a text what it spells; NaN for what is no number. */
double wexpr_number(const struct value *v);
/* Its text in lower case (ASCII): comparisons of texts know no case. */
struct value wexpr_lower(struct arena *a, const struct value *v);
/* The operator ==: texts without case, lists and maps by identity, else as numbers. */
bool wexpr_same(const struct value *a, const struct value *b);

struct wexpr_call {
    struct arena *a;
    const struct wexpr *x;
    struct value v[WEXPR_ARGUMENTS_MAX];
    size_t n;
    bool asks_state; /* set by success(), failure(), always() and cancelled() */
};
/* Call a function by its name, in any case. errors: ERR_INVALID for an unknown one and for wrong arguments. */
MUST_CHECK bool wexpr_call(struct wexpr_call *g, struct str name, struct value *out, struct err *e);
