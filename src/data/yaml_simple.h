/*
 * data/yaml_simple.h - a quick reader for the YAML that charts and manifests are made of. Inside src/data only.
 *
 * It knows block mappings and lists, scalars in all styles, flow collections and several documents. At anything else -
 * anchors, tags, "? " keys, directives, odd characters, errors - it gives up, and the caller reads the text with the
 * scanner: what it accepts it reads exactly as the scanner and the grammar of yaml.c would.
 */
#pragma once
#include "data/value.h"

/*
 * Read the first document, or all of them as a list without the empty ones. False, and nothing else, when the text is
 * not simple. The tree shares no bytes with `text`.
 */
MUST_CHECK bool yaml_read_simple(struct arena *a, struct str text, bool all, struct value *out);
