/* cluster/local/layer_path.h - where a path of a layer's archive really is. Private to layer.c and layer_path.c. */
#pragma once
#include "cluster/local/layer.h"

#define LAYER_OPAQUE "user.overlay.opaque"

/* "./a//b/" to "a/b", "" for the root. errors: ERR_INVALID for "..", NUL-less length limits, too many components. */
MUST_CHECK bool layer_path_clean(struct arena *a, struct str path, struct str *out, struct err *e);
/* Open a folder below `dir` by a clean path of real folders ("" is dir itself); -1 with errno. */
int layer_open(int dir, struct str path, int flags);
/* The folder `path` (clean), made where it is missing. l->parent_fd is it afterwards, l->parent_real its path without
 * links. */
MUST_CHECK bool layer_parent(struct layer *l, struct str path, struct err *e);
void layer_forget_parent(struct layer *l);
struct layer_owner {
    struct str path; /* below the layer's root, without links */
    int64_t uid, gid;
    mode_t mode;
};
/* Give a file (`name` in `dir`, or `dir` itself when it is empty) to the ids of the containers, or order that. */
MUST_CHECK bool layer_own(const struct layer *l, int dir, const char *name, const struct layer_owner *owner,
                          struct err *e);
MUST_CHECK bool layer_mark_opaque(int folder, struct err *e);
bool layer_is_whiteout(mode_t mode, dev_t device);
