/* data/quantity.h - amounts as Kubernetes writes them: "0.5", "250m", "128Mi", "1e3". */
#pragma once
#include "base/base.h"

/* The number that the text stands for; false, and *out untouched, when it is no quantity. Exact as far as a double is:
 * up to 2^53 units. */
bool quantity_read(struct str text, double *out);
