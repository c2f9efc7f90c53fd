/*
 * data/yaml_locate.h - where in a YAML text something stands: for messages, after a check of the parsed tree failed.
 *
 * The tree keeps no positions, so that reading stays quick; a message reads the text again.
 */
#pragma once
#include "base/base.h"

struct yaml_place {
    unsigned line, column; /* both from 1 */
};

/*
 * The key (of a map) or element (of a list; the name is its index, "0" the first) at the end of `path`, in the first
 * document of `text` that has it. When the path ends early, *known names are there and `out` is the last of them.
 * Returns false when not even the first name is there, or the text is no YAML.
 */
bool yaml_locate(struct str text, const struct str *path, size_t n, struct yaml_place *out, size_t *known);
/* Where the mistake begins that keeps `text` from being read; false when there is none in any of its documents. */
bool yaml_locate_error(struct str text, struct yaml_place *out);
