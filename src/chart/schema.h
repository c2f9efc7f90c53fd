/*
 * chart/schema.h - JSON Schema, drafts 4, 6, 7, 2019-09 and 2020-12, for values.schema.json. Inside src/chart only.
 *
 * The schema is walked as it stands, without compiling. What is wrong becomes a tree of findings, which are printed in
 * the words and the layout that Helm's validator has.
 */
#pragma once
#include "chart/internal.h"

#define SCHEMA_DEPTH_MAX 200 /* subschemas and values inside each other */
#define SCHEMA_STEPS_MAX 5000000
#define SCHEMA_MEMORY_MAX ((size_t)256 << 20) /* for one chart's values, with what is said of them */
#define SCHEMA_URL S("file:///values.schema.json")

struct finding;
struct findings {
    struct finding *v;
    size_t n, cap;
};
struct finding {
    struct str at;      /* JSON pointer into the values */
    struct str message; /* "got string, want integer" */
    bool reference;     /* of a $ref: not shown when it has one cause */
    bool group;         /* several findings of one schema; at the top they stand by themselves */
    struct findings causes;
};

/* A schema and the URL that its references are relative to. */
struct schema_place {
    const struct value *schema;
    struct str base;
};

struct schema_document {
    struct arena *a;
    int draft; /* 4, 6, 7, 2019, 2020 */
    struct value root;
    struct map *resources; /* absolute URL (with #anchor) -> VALUE_OPAQUE schema_place */
};

/* Read the text, tell its draft, note every $id and anchor. errors: as Helm prints them below the chart's name. */
MUST_CHECK bool schema_open(struct arena *a, struct str text, struct schema_document *out, struct err *e);
/* What a $ref in a schema with that base means. errors: "failing loading ...", "json-pointer in ... not found". */
MUST_CHECK bool schema_resolve(const struct schema_document *d, struct str base, struct str ref,
                               struct schema_place *out, struct err *e);
/* The base of a schema's children. */
struct str schema_base(const struct schema_document *d, const struct value *schema, struct str base);

/* The schema itself against the rules of its draft; nothing is added to `out` when it is one. */
void schema_check_itself(const struct schema_document *d, struct findings *out);
/* The URL of the draft's own schema, for messages. */
const char *schema_draft_url(int draft);

/* Whether the text has the format; else *why. Unknown formats fit everything. */
bool schema_format_fits(struct arena *a, struct str format, struct str text, struct str *why);

/* Check a value; what is wrong is added to `out`. errors: references that lead nowhere, limits. */
MUST_CHECK bool schema_validate(const struct schema_document *d, const struct value *instance, struct findings *out,
                                struct err *e);

/* Note that the value at the JSON pointer `at` is wrong. */
struct finding *finding_add(struct arena *a, struct findings *list, struct str at, struct str message);
/* The JSON pointer (RFC 6901) one `token` below `at`. */
struct str schema_pointer(struct arena *a, struct str at, struct str token);
struct str schema_quote(struct arena *a, struct str s); /* 'text' */
/* "string", "number", "object" ... */
const char *schema_type_name(const struct value *v);
/* Whether the text is a regular expression; else *why. */
bool schema_regex_fits(struct arena *a, struct str pattern, struct str *why);
