/*
 * data/yaml_scalar.h - what a plain YAML 1.1 scalar means and how keys are ordered, as go-yaml v2 has both. Inside
 * src/data only.
 */
#pragma once
#include "data/value.h"

/* The kinds a plain scalar can have. */
enum yaml_scalar {
    YAML_IS_STRING,
    YAML_IS_NULL,
    YAML_IS_BOOL,
    YAML_IS_INT,
    YAML_IS_FLOAT,
    YAML_IS_TIMESTAMP, /* *out is the string: times are not converted */
};

/* Resolve `text`; *out shares its bytes when it stays a string. Whole numbers above 64 bits become floats. */
enum yaml_scalar yaml_resolve(struct str text, struct value *out);

/* True when `text` written plainly would be read back as another string or another kind (base 60 numbers too). */
bool yaml_is_ambiguous(struct str text);

/*
 * -1, 0 or 1: letters by code point and after everything else, runs of digits as numbers. v3: as go-yaml v3, where a
 * letter right behind a digit comes first.
 */
int yaml_key_compare(struct str a, struct str b, bool v3);
