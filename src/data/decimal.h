/*
 * data/decimal.h - between decimal digits and doubles, exactly and without locale. Inside src/data only.
 *
 * Nearly all numbers that people write have at most 19 digits and a small power of ten: 128-bit integers hold them
 * exactly, so that one rounding is all that happens. The rest goes the long way through strtod and printf.
 */
#pragma once
#include "base/base.h"

#define DECIMAL_EXACT_DIGITS 19 /* any so many digits fit 64 bits */

/* The double nearest to digits x 10^exponent. False when the exponent is too large for exact arithmetic. */
bool decimal_to_double(uint64_t digits, int exponent, double *out);

/* Any [+-] digits [. digits] [e [+-] digits], the whole slice; the form is the caller's to check. */
bool decimal_parse(struct str text, double *out);

/*
 * The fewest digits that read back as `f` (finite, above zero), nearest to it: f = *digits x 10^*exponent, and the last
 * digit is not 0. False when exact arithmetic does not reach that far.
 */
bool decimal_shortest(double f, uint64_t *digits, int *exponent);

/* Writes `n` in decimal at `to`, which has room for 20 bytes; returns the end. */
char *decimal_write(char *to, uint64_t n);

/*
 * The number with `n` digits of which the first counts 10^exponent, in two forms: "d.ddde+xx" with at least `least` (1
 * or 2) digits of exponent, and with its point where it belongs. They write at `to` and return the end.
 */
char *decimal_put_scientific(char *to, const char *digits, size_t n, int exponent, int least);
char *decimal_put_positional(char *to, const char *digits, size_t n, int exponent);
