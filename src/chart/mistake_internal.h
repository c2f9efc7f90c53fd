/*
 * chart/mistake_internal.h - the makers of mistakes, one file for each kind of text; inside src/chart only.
 */
#pragma once
#include "chart/internal.h"
#include "chart/mistake.h"

/* The mistake at an offset of a file's text, `width` bytes wide. */
struct chart_mistake *mistake_at(struct arena *a, struct chart_mistakes *out, struct str file, struct str text,
                                 size_t offset, size_t width);
/* The same at a line and a column, both from 1; column 0: the first letter of the line. */
struct chart_mistake *mistake_at_line(struct arena *a, struct chart_mistakes *out, struct str file, struct str text,
                                      unsigned line, unsigned column);
/* At a key of a YAML text; where it is missing, at the innermost key around it. */
struct chart_mistake *mistake_at_key(struct arena *a, struct chart_mistakes *out, struct str file, struct str text,
                                     const struct str *path, size_t n);
/* At the place where a text stops being YAML, `message` being ours; false when no place is known. */
bool mistake_at_yaml(struct arena *a, struct chart_mistakes *out, struct str file, struct str text, struct str message);
/* Offset of the start of line `line` (from 1); the text's length when it has fewer. */
size_t line_start(struct str text, unsigned line);
/* The number of the line at an offset, from 1. */
unsigned line_at(struct str text, size_t offset);
/* Lines `from` to `to` with their numbers, a mark at line `at`. */
struct str lines_shown(struct arena *a, struct str text, unsigned from, unsigned to, unsigned at);

/* What to do about a message; empty when there is nothing to say that it does not say itself. */
struct str hint_of(struct arena *a, struct str message);
/* "; did you mean X?", or nothing. `names` are what there is. */
struct str did_you_mean(struct arena *a, struct str word, const struct str *names, size_t n);
/* The first part of a message between double quotes; empty when there is none. */
struct str quoted_part(struct str message);

/* A template that cannot be parsed; `message` is the engine's. */
void explain_parse(struct arena *a, const struct template_set *set, struct str file, struct str text,
                   struct str message, struct chart_mistakes *out);
/* A template that failed; `values` are those of its chart, `demanded` tells that `fail` or `required` spoke. */
void explain_execution(struct arena *a, const struct template_set *set, const struct value *values,
                       const struct template_failure *f, bool demanded, struct chart_mistakes *out);
/* A rendered document that is no manifest. `file` is all of the file's text, `trace` how it came to be. */
void explain_document(struct arena *a, struct str path, struct str file, struct str document, struct str message,
                      const struct template_trace *trace, struct chart_mistakes *out);
/* Values that do not fit a schema of the tree. */
void explain_schema(struct arena *a, const struct chart *root, const struct value *values, const struct chart_render *o,
                    struct chart_mistakes *out);
/* A key of the root's Chart.yaml. */
void explain_metadata(struct arena *a, const struct chart *c, const char *key, struct str hint,
                      struct chart_mistakes *out);
/* Dependencies that are not in charts/. */
void explain_missing_dependencies(struct arena *a, const struct chart *c, struct chart_mistakes *out);
