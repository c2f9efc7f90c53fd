/*
 * chart/schema_meta.c - whether a schema is one: the shape of every keyword's value.
 *
 * From 2019-09 on a draft's own schema is put together from vocabularies by `allOf`, which shows in the report as one
 * more level around what is wrong in each subschema.
 */
#include "chart/schema.h"
#include "data/regex.h"

enum shape {
    SHAPE_SCHEMA,
    SHAPE_SCHEMAS, /* a list of them, not empty */
    SHAPE_SCHEMA_MAP,
    SHAPE_ITEMS,        /* a schema, or before 2020-12 also a list of them */
    SHAPE_DEPENDENCIES, /* a map of schemas or lists of texts */
    SHAPE_TEXT_LISTS,   /* a map of lists of texts */
    SHAPE_COUNT,        /* a whole number from 0 on */
    SHAPE_NUMBER,
    SHAPE_POSITIVE,
    SHAPE_BOOL,
    SHAPE_TEXT,
    SHAPE_TEXTS,
    SHAPE_REGEX,
    SHAPE_TYPE,
    SHAPE_LIST,
    SHAPE_ENUM,  /* a list; until draft 7 not empty, nothing twice */
    SHAPE_LIMIT, /* exclusiveMinimum, exclusiveMaximum: a bool in draft 4, then a number */
};

static const struct {
    const char *keyword;
    enum shape shape;
    int since; /* draft */
} keywords[] = {
    { "$schema", SHAPE_TEXT, 4 },
    { "$ref", SHAPE_TEXT, 4 },
    { "title", SHAPE_TEXT, 4 },
    { "description", SHAPE_TEXT, 4 },
    { "multipleOf", SHAPE_POSITIVE, 4 },
    { "maximum", SHAPE_NUMBER, 4 },
    { "minimum", SHAPE_NUMBER, 4 },
    { "exclusiveMaximum", SHAPE_LIMIT, 4 },
    { "exclusiveMinimum", SHAPE_LIMIT, 4 },
    { "maxLength", SHAPE_COUNT, 4 },
    { "minLength", SHAPE_COUNT, 4 },
    { "pattern", SHAPE_REGEX, 4 },
    { "additionalItems", SHAPE_SCHEMA, 4 },
    { "items", SHAPE_ITEMS, 4 },
    { "maxItems", SHAPE_COUNT, 4 },
    { "minItems", SHAPE_COUNT, 4 },
    { "uniqueItems", SHAPE_BOOL, 4 },
    { "maxProperties", SHAPE_COUNT, 4 },
    { "minProperties", SHAPE_COUNT, 4 },
    { "required", SHAPE_TEXTS, 4 },
    { "additionalProperties", SHAPE_SCHEMA, 4 },
    { "definitions", SHAPE_SCHEMA_MAP, 4 },
    { "properties", SHAPE_SCHEMA_MAP, 4 },
    { "patternProperties", SHAPE_SCHEMA_MAP, 4 },
    { "dependencies", SHAPE_DEPENDENCIES, 4 },
    { "enum", SHAPE_ENUM, 4 },
    { "type", SHAPE_TYPE, 4 },
    { "format", SHAPE_TEXT, 4 },
    { "allOf", SHAPE_SCHEMAS, 4 },
    { "anyOf", SHAPE_SCHEMAS, 4 },
    { "oneOf", SHAPE_SCHEMAS, 4 },
    { "not", SHAPE_SCHEMA, 4 },
    { "contains", SHAPE_SCHEMA, 6 },
    { "propertyNames", SHAPE_SCHEMA, 6 },
    { "examples", SHAPE_LIST, 6 },
    { "if", SHAPE_SCHEMA, 7 },
    { "then", SHAPE_SCHEMA, 7 },
    { "else", SHAPE_SCHEMA, 7 },
    { "readOnly", SHAPE_BOOL, 7 },
    { "writeOnly", SHAPE_BOOL, 7 },
    { "$defs", SHAPE_SCHEMA_MAP, 2019 },
    { "dependentSchemas", SHAPE_SCHEMA_MAP, 2019 },
    { "dependentRequired", SHAPE_TEXT_LISTS, 2019 },
    { "unevaluatedProperties", SHAPE_SCHEMA, 2019 },
    { "unevaluatedItems", SHAPE_SCHEMA, 2019 },
    { "maxContains", SHAPE_COUNT, 2019 },
    { "minContains", SHAPE_COUNT, 2019 },
    { "deprecated", SHAPE_BOOL, 2019 },
    { "prefixItems", SHAPE_SCHEMAS, 2020 },
};

struct checker {
    struct arena *a;
    int draft;
};

static void check_schema(const struct checker *c, const struct value *v, struct str at, int depth,
                         struct findings *out);

static void wrong_type(const struct checker *c, const struct value *v, const char *wanted, struct str at,
                       struct findings *out)
{
    finding_add(c->a, out, at, arena_fmt(c->a, "got %s, want %s", schema_type_name(v), wanted));
}

static bool has_kind(const struct checker *c, const struct value *v, enum value_kind kind, const char *wanted,
                     struct str at, struct findings *out)
{
    if (v->kind == kind)
        return true;
    wrong_type(c, v, wanted, at, out);
    return false;
}

static bool is_number(const struct value *v)
{
    return v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
}

static double number_of(const struct value *v)
{
    return v->kind == VALUE_INT ? (double)v->i : v->f;
}

static void check_number(const struct checker *c, const struct value *v, enum shape shape, struct str at,
                         struct findings *out)
{
    if (!is_number(v)) {
        wrong_type(c, v, shape == SHAPE_COUNT ? "integer" : "number", at, out);
    } else if (shape == SHAPE_COUNT && number_of(v) != (double)(int64_t)number_of(v)) {
        wrong_type(c, v, "integer", at, out);
    } else if (shape == SHAPE_COUNT && number_of(v) < 0) {
        finding_add(c->a, out, at,
                    arena_fmt(c->a, "minimum: got %.*s, want 0", STR(go_float_str(c->a, number_of(v), 64))));
    } else if (shape == SHAPE_POSITIVE && number_of(v) <= 0) {
        finding_add(c->a, out, at,
                    arena_fmt(c->a, "exclusiveMinimum: got %.*s, want 0", STR(go_float_str(c->a, number_of(v), 64))));
    }
}

static struct str at_index(const struct checker *c, struct str at, size_t i)
{
    return arena_fmt(c->a, "%.*s/%zu", STR(at), i);
}

/* Names the first item, in order of the later one, that stands twice. */
static void check_unique(const struct checker *c, const struct list *l, struct str at, struct findings *out)
{
    for (size_t k = 1; k < l->n; k++)
        for (size_t i = 0; i < k; i++)
            if (value_equal(&l->v[i], &l->v[k])) {
                finding_add(c->a, out, at, arena_fmt(c->a, "items at %zu and %zu are equal", i, k));
                return;
            }
}

/* What one subschema of the draft's schema finds: several findings stand below one. */
static void add_group(const struct checker *c, struct findings causes, struct str at, struct findings *out)
{
    if (causes.n == 1)
        *(struct finding *)vec_push(c->a, out) = causes.v[0];
    else if (causes.n > 1)
        finding_add(c->a, out, at, S("validation failed"))->causes = causes;
}

static void check_texts(const struct checker *c, const struct value *v, struct str at, struct findings *out)
{
    struct findings found = { 0 };

    if (!has_kind(c, v, VALUE_LIST, "array", at, out))
        return;
    if (c->draft == 4 && v->list->n == 0)
        finding_add(c->a, &found, at, S("minItems: got 0, want 1"));
    check_unique(c, v->list, at, &found);
    for (size_t i = 0; i < v->list->n; i++)
        has_kind(c, &v->list->v[i], VALUE_STRING, "string", at_index(c, at, i), &found);
    add_group(c, found, at, out);
}

static void check_enum(const struct checker *c, const struct value *v, struct str at, struct findings *out)
{
    if (!has_kind(c, v, VALUE_LIST, "array", at, out) || c->draft > 7)
        return;
    if (v->list->n == 0)
        finding_add(c->a, out, at, S("minItems: got 0, want 1"));
    check_unique(c, v->list, at, out);
}

/* The names that a property asks for, of a keyword that takes a schema as well. */
static void check_dependency(const struct checker *c, const struct value *v, struct str at, struct findings *out)
{
    struct findings names = { 0 }, causes = { 0 };

    check_texts(c, v, at, &names);
    if (names.n == 0)
        return;
    wrong_type(c, v, c->draft == 4 ? "object" : "boolean or object", at, &causes);
    *(struct finding *)vec_push(c->a, &causes) = names.v[0];
    finding_add(c->a, out, at, S("'anyOf' failed"))->causes = causes;
}

static void check_schemas(const struct checker *c, const struct value *v, struct str at, int depth,
                          struct findings *out)
{
    if (!has_kind(c, v, VALUE_LIST, "array", at, out))
        return;
    if (v->list->n == 0)
        finding_add(c->a, out, at, S("minItems: got 0, want 1"));
    for (size_t i = 0; i < v->list->n; i++)
        check_schema(c, &v->list->v[i], at_index(c, at, i), depth, out);
}

static void check_map(const struct checker *c, const struct value *v, enum shape shape, struct str at, int depth,
                      struct findings *out)
{
    if (!has_kind(c, v, VALUE_MAP, "object", at, out))
        return;
    for (size_t i = 0; i < v->map->n; i++) {
        const struct map_entry *entry = &v->map->v[i];
        struct str below = schema_pointer(c->a, at, entry->key);
        if (shape == SHAPE_SCHEMA_MAP || (shape == SHAPE_DEPENDENCIES && entry->value.kind != VALUE_LIST))
            check_schema(c, &entry->value, below, depth, out);
        else if (shape == SHAPE_DEPENDENCIES)
            check_dependency(c, &entry->value, below, out);
        else
            check_texts(c, &entry->value, below, out);
    }
}

bool schema_regex_fits(struct arena *a, struct str pattern, struct str *why)
{
    CLEANUP(regex_free) struct regex *re = NULL;
    struct err e;

    if (regex_compile(pattern, &re, &e))
        return true;
    *why = arena_fmt(a, "%s", e.text);
    return false;
}

static void check_regex(const struct checker *c, const struct value *v, struct str at, struct findings *out)
{
    struct str why;

    if (!has_kind(c, v, VALUE_STRING, "string", at, out) || schema_regex_fits(c->a, value_as_str(v), &why))
        return;
    finding_add(c->a, out, at,
                arena_fmt(c->a, "%.*s is not valid regex: %.*s", STR(schema_quote(c->a, value_as_str(v))), STR(why)));
}

static bool is_type(struct str name)
{
    static const char *const names[] = { "array", "boolean", "integer", "null", "number", "object", "string" };

    for (size_t i = 0; i < COUNT(names); i++)
        if (str_is(name, names[i]))
            return true;
    return false;
}

static void check_type(const struct checker *c, const struct value *v, struct str at, struct findings *out)
{
    static const char unknown[] = "value must be one of 'array', 'boolean', 'integer', 'null', 'number', 'object', "
                                  "'string'";
    struct findings causes = { 0 }, list = { 0 };

    if (v->kind == VALUE_STRING && is_type(value_as_str(v)))
        return;
    finding_add(c->a, &causes, at, str_c(unknown));
    if (v->kind != VALUE_LIST)
        wrong_type(c, v, "array", at, &causes);
    else if (v->list->n == 0)
        finding_add(c->a, &list, at, S("minItems: got 0, want 1"));
    else
        check_unique(c, v->list, at, &list);
    for (size_t i = 0; v->kind == VALUE_LIST && i < v->list->n; i++)
        if (!is_type(value_as_str(&v->list->v[i])))
            finding_add(c->a, &list, at_index(c, at, i), str_c(unknown));
    add_group(c, list, at, &causes);
    if (causes.n > 1)
        finding_add(c->a, out, at, S("'anyOf' failed"))->causes = causes;
}

static void check_keyword(const struct checker *c, enum shape shape, const struct value *v, struct str at, int depth,
                          struct findings *out)
{
    switch (shape) {
    case SHAPE_ITEMS:
        if (v->kind == VALUE_LIST && c->draft < 2020) {
            check_schemas(c, v, at, depth, out);
            return;
        }
        check_schema(c, v, at, depth, out);
        return;
    case SHAPE_SCHEMA: check_schema(c, v, at, depth, out); return;
    case SHAPE_SCHEMAS: check_schemas(c, v, at, depth, out); return;
    case SHAPE_SCHEMA_MAP:
    case SHAPE_DEPENDENCIES:
    case SHAPE_TEXT_LISTS: check_map(c, v, shape, at, depth, out); return;
    case SHAPE_COUNT:
    case SHAPE_NUMBER:
    case SHAPE_POSITIVE: check_number(c, v, shape, at, out); return;
    case SHAPE_LIMIT:
        if (c->draft == 4)
            has_kind(c, v, VALUE_BOOL, "boolean", at, out);
        else
            check_number(c, v, SHAPE_NUMBER, at, out);
        return;
    case SHAPE_BOOL: has_kind(c, v, VALUE_BOOL, "boolean", at, out); return;
    case SHAPE_TEXT: has_kind(c, v, VALUE_STRING, "string", at, out); return;
    case SHAPE_TEXTS: check_texts(c, v, at, out); return;
    case SHAPE_REGEX: check_regex(c, v, at, out); return;
    case SHAPE_TYPE: check_type(c, v, at, out); return;
    case SHAPE_LIST: has_kind(c, v, VALUE_LIST, "array", at, out); return;
    case SHAPE_ENUM: check_enum(c, v, at, out); return;
    }
}

static void check_schema(const struct checker *c, const struct value *v, struct str at, int depth, struct findings *out)
{
    struct findings inner = { 0 };
    struct findings *into = c->draft >= 2019 ? &inner : out;

    if (v->kind == VALUE_BOOL && (c->draft > 4 || depth > 0))
        return;
    if (v->kind != VALUE_MAP) {
        wrong_type(c, v, c->draft == 4 ? "object" : "boolean or object", at, out);
        return;
    }
    if (depth > SCHEMA_DEPTH_MAX) {
        finding_add(c->a, out, at, S("schemas are nested too deep"));
        return;
    }
    for (size_t i = 0; i < COUNT(keywords); i++) {
        const struct value *member = value_get(v, keywords[i].keyword);
        if (keywords[i].since <= c->draft && map_get(v->map, str_c(keywords[i].keyword)) != NULL)
            check_keyword(c, keywords[i].shape, member, schema_pointer(c->a, at, str_c(keywords[i].keyword)), depth + 1,
                          keywords[i].shape == SHAPE_DEPENDENCIES ? out : into); /* no vocabulary has it */
    }
    if (inner.n > 0)
        finding_add(c->a, out, at, S("'allOf' failed"))->causes = inner;
}

void schema_check_itself(const struct schema_document *d, struct findings *out)
{
    const struct checker c = { .a = d->a, .draft = d->draft };

    check_schema(&c, &d->root, S(""), 0, out);
}
