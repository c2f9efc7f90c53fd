/*
 * sandbox/graphql.h - reading a GraphQL query document, as far as gh's queries go.
 *
 * Variables are put in while reading, so arguments are plain values. Fragments are found by name when a selection is
 * carried out. Mutations and subscriptions are refused.
 */
#pragma once
#include "data/value.h"

#define GRAPHQL_TEXT_MAX ((size_t)64 << 10)
#define GRAPHQL_DEPTH_MAX 32

struct graphql_set;
struct graphql_selection {
    struct str spread;       /* "...name"; else empty */
    struct str on;           /* "... on Type" of an inline fragment */
    struct str alias, name;  /* a field; both empty for an inline fragment; alias equals name when none was given */
    struct value arguments;  /* map */
    struct graphql_set *set; /* of a field or inline fragment; NULL: a leaf */
};
struct graphql_set {
    VEC(struct graphql_selection) v;
};
struct graphql_document {
    struct graphql_set *query;
    struct map fragments; /* name -> VALUE_OPAQUE of struct graphql_set */
};
/* errors: ERR_INVALID with the place, ERR_LIMIT. */
MUST_CHECK bool graphql_parse(struct arena *a, struct str text, const struct value *variables,
                              struct graphql_document *out, struct err *e);
