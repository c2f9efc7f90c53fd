/* gitops/compare_internal.h - what the files of the comparison share. */
#pragma once
#include "gitops/compare.h"

/* A copy without what never counts (status, server-owned metadata) and without the ignored fields. ignore may be null.
 */
struct value compare_normalize(struct arena *a, const struct value *object, const struct value *ignore);
