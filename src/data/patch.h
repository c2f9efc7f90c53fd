/*
 * data/patch.h - JSON pointer (RFC 6901), JSON merge patch (RFC 7396), JSON patch (RFC 6902).
 */
#pragma once
#include "data/value.h"

/* NULL when nothing is there or the pointer is malformed. */
struct value *pointer_get(const struct value *root, struct str pointer);
/* Remove what the pointer names; false when it is absent. */
bool pointer_remove(const struct value *root, struct str pointer);
/* The merge of `patch` into `target`: a new tree in `a`; unchanged parts are shared. */
struct value merge_patch(struct arena *a, const struct value *target, const struct value *patch);
/* The smallest merge patch that turns `from` into `to`. */
struct value merge_patch_diff(struct arena *a, const struct value *from, const struct value *to);

#define JSON_PATCH_MAX 10000 /* operations in one patch */
/*
 * Apply a JSON patch (a list of operations) to a copy of `target`. All of it or nothing.
 * errors: ERR_INVALID for a malformed operation or an absent path, ERR_CONFLICT for a failed "test"; both name the
 * operation's position.
 */
MUST_CHECK bool json_patch(struct arena *a, const struct value *target, const struct value *patch, struct value *out,
                           struct err *e);
