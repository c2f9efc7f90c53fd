/* The texts that `bench/data` measures with: made on the spot, the same ones every time. */
#pragma once
#include "base/base.h"

struct text_kind {
    const char *name;
    bool json;                                /* else YAML */
    void (*add)(struct buf *out, unsigned i); /* one more piece; `i` counts them */
    const char *open, *close;                 /* around the pieces */
    const char *between;
};

extern const struct text_kind text_kinds[];
extern const size_t text_kind_count;

/* A text of this kind with at least `least` bytes. */
struct str text_make(struct arena *a, const struct text_kind *kind, size_t least);
