/*
 * data/gofmt.h - numbers as Go's fmt and strconv print them.
 */
#pragma once
#include "base/base.h"

#define GO_FLOAT_MAX 40 /* bytes that any float needs */

/*
 * The shortest digits that read back as the finite `f`, as "d.ddde+xx" (a sign before, two digits of exponent at
 * least); returns how many digits there are. bits: 64, or 32 for the digits that a 32-bit float needs.
 */
int go_float_digits(char room[static GO_FLOAT_MAX], double f, int bits);
/* The same digits without point and sign, and the power of ten of the first one; `f` is zero or above. */
size_t go_float_parts(char room[static GO_FLOAT_MAX], double f, int bits, int *exponent);
/*
 * strconv.FormatFloat(f, 'g', -1, bits): the shortest digits that read back as `f`, with an exponent below 1e-4 and
 * from 1e+06 on; "NaN", "+Inf", "-Inf". What %v prints.
 */
struct str go_float(char room[static GO_FLOAT_MAX], double f, int bits);
struct str go_float_str(struct arena *a, double f, int bits);

/* strconv.Quote: Go's "..." with \n, \x.., \u.... for what cannot be shown. */
struct str go_quote(struct arena *a, struct str s);
