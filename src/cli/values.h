/*
 * cli/values.h - the flags with which a user gives values to a chart, as Helm has them.
 */
#pragma once
#include "chart/mistake.h"
#include "cli/cli.h"

struct cli_values {
    struct cli_words files, set, set_string, set_json, set_file, set_literal;
    struct chart_value_source *sources; /* what was taken, in that order; for messages */
    size_t n_sources;
    struct chart_mistakes mistakes; /* of a failure */
};

/* Rows for a table of flags. */
#define CLI_VALUES_FLAGS(v)                                                                                            \
    { "values", 'f', NULL, NULL, &(v)->files, "values from a YAML file, or - for standard input" },                    \
        { "set", 0, NULL, NULL, &(v)->set, "values: key1=val1,key2=val2" },                                            \
        { "set-string", 0, NULL, NULL, &(v)->set_string, "values that stay text" },                                    \
        { "set-json", 0, NULL, NULL, &(v)->set_json, "values in JSON: key=JSON, or a whole object" },                  \
        { "set-file", 0, NULL, NULL, &(v)->set_file, "values from files: key=path" },                                  \
    {                                                                                                                  \
        "set-literal", 0, NULL, NULL, &(v)->set_literal, "one value, taken as it is"                                   \
    }

/* All of them merged in Helm's order. errors: in Helm's words. */
MUST_CHECK bool cli_values_gather(struct arena *a, struct cli_values *v, struct value *out, struct err *e);

/* Flags whose words may hold several values, separated by commas. */
struct str *cli_split_commas(struct arena *a, const struct cli_words *w, size_t *n);
