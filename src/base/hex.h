/* base/hex.h - hexadecimal digits, for the many parsers that meet them. */
#pragma once
#include "base/base.h"

/* The value of one hexadecimal digit of either case, 0 to 15; -1 for any other byte. */
int hex_digit(char c);

/* Two lower-case digits per byte; lives in `a`. */
struct str hex_text(struct arena *a, struct str bytes);
