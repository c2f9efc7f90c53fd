/*
 * chart/mistake.h - what Helm's message leaves out: where in the user's files the mistake stands, and what to do.
 *
 *     demo/templates/web.yaml:12:17
 *      12 |   image: {{ .Values.image.tag }}
 *         |             ^^^^^^^^^^^^^^^^^
 *       hint: .Values.image is not set; did you mean .Values.images?
 *
 * Everything here runs after a failure and reads again what is needed: a render that succeeds pays nothing for it.
 * Columns are counted in bytes from 1, as editors do; the columns inside Helm's own messages count from 0.
 */
#pragma once
#include "data/value.h"

struct chart_mistake {
    struct str file;       /* "demo/templates/web.yaml", a path as it was given, "--set"; empty: no place is known */
    unsigned line, column; /* from 1; 0: unknown */
    struct str source;     /* that line as it stands there */
    size_t width;          /* bytes of it from `column` on that are meant; 0: unknown */
    struct str rendered;   /* lines of output that it became, with their numbers; empty as a rule */
    struct str hint;       /* why, and what to do; may be empty */
};
struct chart_mistakes {
    struct chart_mistake *v;
    size_t n, cap;
};

/* A place where values come from, for messages about them. */
struct chart_value_source {
    struct str name; /* the path of a values file, or the flag: "--set" */
    struct str text; /* the file's, or the flag's */
    bool flag;
};

/* The lines above, one block for each mistake. */
void chart_mistakes_print(struct buf *out, const struct chart_mistakes *list);
/* The first one on a single line: "demo/templates/web.yaml:12:17: `.Values.image.tag`: HINT"; empty when none is known.
 */
struct str chart_mistakes_line(struct arena *a, const struct chart_mistakes *list);

/* After chart_load of `path` failed with `message`. */
void chart_explain_load(struct arena *a, const char *path, struct str message, struct chart_mistakes *out);
/* After chart_values_parse of a file's text, or chart_set of a flag's text, failed with `message`. */
void chart_explain_values(struct arena *a, const struct chart_value_source *s, struct str message,
                          struct chart_mistakes *out);
/* After a path that was given is not there: what lies beside it. */
void chart_explain_path(struct arena *a, const char *path, struct chart_mistakes *out);
