/*
 * data/yaml_simple.h - a quick reader for the YAML that manifests are made of. Inside src/data only.
 *
 * It knows block mappings and lists, scalars of one line, literal blocks and small flow collections on one line. At
 * anything else - anchors, tags, folded text, tabs, errors - it gives up, and the caller reads the text token by token:
 * what it accepts it reads exactly as that would.
 */
#pragma once
#include "data/value.h"

/*
 * Read the first document, or all of them as a list without the empty ones. False, and nothing else, when the text is
 * not simple. The tree shares no bytes with `text`.
 */
MUST_CHECK bool yaml_read_simple(struct arena *a, struct str text, bool all, struct value *out);
