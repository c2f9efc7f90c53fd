/*
 * template/decimal.h - exact decimal arithmetic for addf, subf, mulf and divf, which compute on the shortest decimal of
 * each float (0.1 + 0.2 is 0.3). Inside src/template only.
 */
#pragma once
#include "base/base.h"

struct decimal { /* (negative ? -1 : 1) * DIGITS * 10^exponent; digits from the highest on, none: zero */
    bool negative;
    uint8_t *digits;
    size_t n;
    int exponent;
};
struct decimal decimal_from(struct arena *a, double f); /* finite */
double decimal_to(struct arena *a, const struct decimal *d);
struct decimal decimal_add(struct arena *a, const struct decimal *x, const struct decimal *y);
struct decimal decimal_mul(struct arena *a, const struct decimal *x, const struct decimal *y);
/* Rounded half away from zero after 16 places; y is not zero. */
struct decimal decimal_div(struct arena *a, const struct decimal *x, const struct decimal *y);
