/*
 * data/yaml.h - YAML, read and written as sigs.k8s.io/yaml (go-yaml v2) does.
 *
 * Reading: YAML 1.1 scalars as go-yaml v3/goyaml.v2 resolves them for Helm and Kubernetes; keys become
 * strings; anchors, aliases and merge keys are followed with a bound on expansion (billion laughs:
 * ERR_LIMIT). The last of several equal keys wins. `.inf` and `.nan` are refused, as JSON has no such numbers.
 * Errors start with "NAME:LINE:COLUMN: "; without a name they are go-yaml's exact words ("yaml: line 2: ...").
 * Writing: the bytes that Helm's toYaml gives (sorted keys, go-yaml quoting rules, folding beyond column 80).
 */
#pragma once
#include "data/value.h"

#define YAML_TEXT_MAX ((size_t)64 << 20)
#define YAML_DEPTH_MAX 1000
#define YAML_NODES_MAX ((size_t)10000000) /* as written */
#define YAML_COPIES_MAX ((size_t)1000000) /* values made by aliases */

/* One document (the first); an empty text gives null. `name` is used in messages; it may be NULL. */
MUST_CHECK bool yaml_parse(struct arena *a, struct str text, const char *name, struct value *out, struct err *e);
/*
 * Whether no mapping of the first document has a key twice, as go-yaml's strict reading sees it (1 and "1" are two
 * keys); a merge may bring keys that are there already, which go-yaml refuses too.
 * errors: "yaml: unmarshal errors:\n  line 4: key \"a\" already set in map", a line for each.
 */
MUST_CHECK bool yaml_check_keys(struct str text, struct err *e);
/* Every document, as a list; empty documents are left out. */
MUST_CHECK bool yaml_parse_all(struct arena *a, struct str text, const char *name, struct value *out, struct err *e);
/* Appends the text with a final newline, as sigs.k8s.io/yaml Marshal does. */
void yaml_write(struct buf *out, const struct value *v);
/*
 * Helm's toYaml: yaml_write for what passes through JSON and back. errors: ERR_INVALID for infinities and NaN
 * ("json: unsupported value: +Inf") and for characters that YAML refuses; `out` is then untouched.
 */
MUST_CHECK bool yaml_marshal(struct buf *out, const struct value *v, struct err *e);
/* Helm's toYamlPretty: lists inside mappings are indented, nothing is folded, floats stay floats. */
void yaml_write_pretty(struct buf *out, const struct value *v);
struct str yaml_str(struct arena *a, const struct value *v);
