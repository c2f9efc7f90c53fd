/*
 * chart/schema_validate.c - a value against a schema, keyword by keyword.
 *
 * `type`, `const`, `enum` and `format` decide alone; everything else is gathered. What unevaluatedProperties and
 * unevaluatedItems may still see is tracked only for schemas that ask for it: `left` marks members that nobody has
 * looked at yet.
 */
#include <math.h>
#include <stdio.h>

#include "chart/schema_job.h"
#include "data/regex.h"

/* ---- helpers -------------------------------------------------------------------------------- */

bool schema_stop(struct validator *v, const char *why)
{
    if (!v->broken)
        err_set_(v->e, ERR_LIMIT, "%s", why);
    v->broken = true;
    return false;
}

const struct value *schema_keyword(const struct job *j, const char *name)
{
    return map_get(j->place.schema->map, str_c(name));
}

void schema_complain(const struct job *j, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    finding_add(j->v->a, j->out, j->at, arena_vfmt(j->v->a, fmt, args));
    va_end(args);
}

void schema_complain_with(const struct job *j, struct str message, struct findings causes)
{
    finding_add(j->v->a, j->out, j->at, message)->causes = causes;
}

static struct left left_of(struct arena *a, const struct value *instance)
{
    size_t n = instance->kind == VALUE_MAP ? instance->map->n : value_len(instance);
    struct left left = { arena_new(a, bool, n + 1), n };

    memset(left.marks, 1, n);
    return left;
}

static void merge_left(struct left *into, const struct left *from)
{
    for (size_t i = 0; i < into->n; i++)
        into->marks[i] = into->marks[i] && from->marks[i];
}

struct str schema_number_text(struct arena *a, double f)
{
    static const char *const raised[] = { "⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹" };
    struct str plain = go_float_str(a, f, 64), whole = plain;
    struct buf b = { .a = a };
    ptrdiff_t e = str_find(plain, S("e")), point = str_find(plain, S("."));

    if (e >= 0) {
        buf_add(&b, str_slice(plain, 0, (size_t)e));
        buf_c(&b, "×10");
        for (size_t i = (size_t)e + 1; i < plain.n; i++)
            buf_c(&b, plain.p[i] == '+' ? "" : plain.p[i] == '-' ? "⁻" : raised[plain.p[i] - '0']);
        return buf_str(&b);
    }
    if (point >= 0)
        whole = str_slice(plain, 0, (size_t)point);
    size_t sign = whole.n > 0 && whole.p[0] == '-';
    for (size_t i = 0; i < whole.n; i++) {
        if (i > sign && (whole.n - i) % 3 == 0)
            buf_byte(&b, ',');
        buf_byte(&b, whole.p[i]);
    }
    if (point >= 0)
        buf_add(&b, str_slice(plain, (size_t)point, plain.n));
    return buf_str(&b);
}

static struct str display(struct arena *a, const struct value *v)
{
    struct buf b = { .a = a };

    if (v->kind == VALUE_STRING)
        return schema_quote(a, value_as_str(v));
    if (v->kind == VALUE_LIST || v->kind == VALUE_MAP)
        return S("value");
    template_print(&b, v);
    /* Numbers stand as they are written; of a float's forms we know that it had a point or an exponent. */
    if (v->kind == VALUE_FLOAT && memchr(b.p, '.', b.n) == NULL && memchr(b.p, 'e', b.n) == NULL)
        buf_c(&b, ".0");
    return buf_str(&b);
}

bool schema_pattern_fits(struct validator *v, struct str pattern, struct str text)
{
    const struct value *known = map_get(v->patterns, pattern);
    struct regex *re = known != NULL ? (struct regex *)(uintptr_t)known->opaque : NULL;
    struct regex_span *spans;
    bool found = false;
    struct err e;

    if (re == NULL) {
        if (!regex_compile(pattern, &re, &e))
            return schema_stop(v, e.text);
        map_put(v->a, v->patterns, pattern, (struct value){ .kind = VALUE_OPAQUE, .opaque = re });
    }
    spans = arena_new(v->a, struct regex_span, regex_groups(re) + 1);
    return regex_match(re, text, 0, spans, &found, &e) ? found : schema_stop(v, e.text);
}

/* ---- one value against subschemas ----------------------------------------------------------- */

bool schema_check_self(const struct job *j, struct schema_place place, struct findings *out)
{
    struct left own = { 0 };
    struct job sub = *j;
    size_t before = out->n;

    sub.place = place;
    sub.out = out;
    sub.left = NULL;
    if (j->left != NULL) {
        own = left_of(j->v->a, j->instance);
        sub.left = &own;
    }
    schema_check_job(&sub);
    bool fits = out->n == before && !j->v->broken;
    if (fits && j->left != NULL)
        merge_left(j->left, &own);
    return fits;
}

void schema_group(const struct job *j, struct findings *list, size_t from)
{
    struct findings causes = { 0 };

    if (list->n - from < 2)
        return;
    for (size_t i = from; i < list->n; i++)
        *vec_push(j->v->a, &causes) = list->v[i];
    list->n = from;
    struct finding *f = finding_add(j->v->a, list, j->at, S("validation failed"));
    f->causes = causes;
    f->group = true;
}

struct schema_place schema_child(const struct job *j, const struct value *schema)
{
    return (struct schema_place){ schema, j->place.base };
}

void schema_check_member(const struct job *j, const struct value *schema, const struct value *member, struct str token,
                         struct findings *out)
{
    struct job sub = *j;
    size_t before = out->n;

    sub.place = schema_child(j, schema);
    sub.instance = member;
    sub.at = schema_pointer(j->v->a, j->at, token);
    sub.left = NULL;
    sub.out = out;
    schema_check_job(&sub);
    schema_group(&sub, out, before);
}

/* ---- what decides alone --------------------------------------------------------------------- */

static bool type_fits(const struct value *v, struct str type)
{
    if (str_is(type, "integer"))
        return schema_is_number(v) && schema_number(v) == floor(schema_number(v)) && !isinf(schema_number(v));
    return str_is(type, schema_type_name(v));
}

static struct str wanted_types(struct arena *a, const struct value *types)
{
    static const char *const order[] = { "null", "boolean", "number", "integer", "string", "array", "object" };
    struct buf b = { .a = a };

    if (types->kind == VALUE_STRING)
        return value_as_str(types);
    for (size_t i = 0; i < COUNT(order); i++)
        for (size_t k = 0; k < value_len(types); k++)
            if (str_is(value_as_str(value_item(types, k)), order[i])) {
                buf_fmt(&b, "%s%s", b.n > 0 ? " or " : "", order[i]);
                break;
            }
    return buf_str(&b);
}

static bool check_type(const struct job *j)
{
    const struct value *types = schema_keyword(j, "type");
    bool fits = types == NULL || (types->kind == VALUE_STRING && type_fits(j->instance, value_as_str(types)));

    for (size_t i = 0; types != NULL && i < value_len(types); i++)
        fits = fits || type_fits(j->instance, value_as_str(value_item(types, i)));
    if (!fits)
        schema_complain(j, "got %s, want %.*s", schema_type_name(j->instance), STR(wanted_types(j->v->a, types)));
    return fits;
}

static bool check_const(const struct job *j)
{
    const struct value *wanted = j->v->d->draft >= 6 ? schema_keyword(j, "const") : NULL;

    if (wanted == NULL || value_equal(wanted, j->instance))
        return true;
    if (wanted->kind == VALUE_LIST || wanted->kind == VALUE_MAP)
        schema_complain(j, "'const' failed");
    else
        schema_complain(j, "value must be %.*s", STR(display(j->v->a, wanted)));
    return false;
}

static bool check_enum(const struct job *j)
{
    const struct value *list = schema_keyword(j, "enum");
    struct buf b = { .a = j->v->a };
    bool simple = true;

    if (list == NULL)
        return true;
    for (size_t i = 0; i < value_len(list); i++) {
        const struct value *one = value_item(list, i);
        if (value_equal(one, j->instance))
            return true;
        simple = simple && one->kind != VALUE_LIST && one->kind != VALUE_MAP;
        buf_fmt(&b, "%s%.*s", i > 0 ? ", " : "", STR(display(j->v->a, one)));
    }
    if (!simple)
        schema_complain(j, "'enum' failed");
    else
        schema_complain(j, "value must be %s%.*s", value_len(list) == 1 ? "" : "one of ", STR(buf_str(&b)));
    return false;
}

/* Asserted up to draft 7, an annotation afterwards. */
static bool check_format(const struct job *j)
{
    const struct value *format = j->v->d->draft < 2019 ? schema_keyword(j, "format") : NULL;
    struct str why;

    if (format == NULL || j->instance->kind != VALUE_STRING
        || schema_format_fits(j->v->a, value_as_str(format), value_as_str(j->instance), &why))
        return true;
    schema_complain(j, "%.*s is not valid %.*s: %.*s", STR(display(j->v->a, j->instance)), STR(value_as_str(format)),
                    STR(why));
    return false;
}

/* ---- combinations --------------------------------------------------------------------------- */

static void check_not(const struct job *j)
{
    const struct value *schema = schema_keyword(j, "not");
    struct findings ignored = { 0 };

    if (schema != NULL && schema_check_self(j, schema_child(j, schema), &ignored))
        schema_complain(j, "'not' failed");
}

static void check_all_of(const struct job *j)
{
    const struct value *list = schema_keyword(j, "allOf");
    struct findings causes = { 0 };

    for (size_t i = 0; list != NULL && i < value_len(list); i++) {
        size_t before = causes.n;
        schema_check_self(j, schema_child(j, value_item(list, i)), &causes);
        schema_group(j, &causes, before);
    }
    if (causes.n > 0)
        schema_complain_with(j, S("'allOf' failed"), causes);
}

static void check_any_of(const struct job *j)
{
    const struct value *list = schema_keyword(j, "anyOf");
    struct findings causes = { 0 };
    bool matched = list == NULL;

    for (size_t i = 0; list != NULL && i < value_len(list) && !(matched && j->left == NULL); i++) {
        size_t before = causes.n;
        matched = schema_check_self(j, schema_child(j, value_item(list, i)), &causes) || matched;
        schema_group(j, &causes, before);
    }
    if (!matched)
        schema_complain_with(j, S("'anyOf' failed"), causes);
}

static void check_one_of(const struct job *j)
{
    const struct value *list = schema_keyword(j, "oneOf");
    struct findings causes = { 0 };
    ptrdiff_t matched = -1;

    for (size_t i = 0; list != NULL && i < value_len(list); i++) {
        size_t before = causes.n;
        bool fits = schema_check_self(j, schema_child(j, value_item(list, i)), &causes);
        schema_group(j, &causes, before);
        if (fits && matched >= 0) {
            schema_complain(j, "'oneOf' failed, subschemas %td, %zu matched", matched, i);
            return;
        }
        if (fits)
            matched = (ptrdiff_t)i;
    }
    if (list != NULL && matched < 0)
        schema_complain_with(j, S("'oneOf' failed, none matched"), causes);
}

static void check_condition(const struct job *j)
{
    const struct value *schema = j->v->d->draft >= 7 ? schema_keyword(j, "if") : NULL;
    struct findings ignored = { 0 };

    if (schema == NULL)
        return;
    bool holds = schema_check_self(j, schema_child(j, schema), &ignored);
    const struct value *next = schema_keyword(j, holds ? "then" : "else");
    size_t before = j->out->n;
    if (next != NULL) {
        schema_check_self(j, schema_child(j, next), j->out);
        schema_group(j, j->out, before);
    }
}

static void check_unevaluated(const struct job *j)
{
    bool map = j->instance->kind == VALUE_MAP;
    const struct value *schema = schema_keyword(j, map ? "unevaluatedProperties" : "unevaluatedItems");

    for (size_t i = 0; schema != NULL && j->left != NULL && i < j->left->n; i++) {
        if (!j->left->marks[i])
            continue;
        j->left->marks[i] = false;
        if (map)
            schema_check_member(j, schema, &j->instance->map->v[i].value, j->instance->map->v[i].key, j->out);
        else
            schema_check_member(j, schema, &j->instance->list->v[i], arena_fmt(j->v->a, "%zu", i), j->out);
    }
}

static void check_reference(const struct job *j, const char *name)
{
    const struct value *ref = schema_keyword(j, name);
    struct schema_place place;
    struct findings causes = { 0 };

    if (ref == NULL || ref->kind != VALUE_STRING || j->v->broken)
        return;
    if (!schema_resolve(j->v->d, j->place.base, value_as_str(ref), &place, j->v->e)) {
        j->v->broken = true;
        return;
    }
    if (schema_check_self(j, place, &causes) || causes.n == 0)
        return;
    struct finding *f = finding_add(j->v->a, j->out, j->at, S("validation failed"));
    f->causes = causes;
    f->reference = true;
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* The same schema again for the same value, with only references in between. */
static bool is_cycle(const struct job *j)
{
    for (const struct frame *f = j->frame; f != NULL && f->instance == j->instance; f = f->up)
        if (f->schema == j->place.schema)
            return true;
    return false;
}

static void check_keywords(const struct job *j)
{
    switch ((enum value_kind)j->instance->kind) {
    case VALUE_MAP: schema_check_object(j); break;
    case VALUE_LIST: schema_check_array(j); break;
    case VALUE_STRING: schema_check_text(j); break;
    case VALUE_INT:
    case VALUE_FLOAT: schema_check_number(j); break;
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_OPAQUE: break;
    }
    if (j->v->d->draft >= 2019) {
        check_reference(j, "$recursiveRef");
        check_reference(j, "$dynamicRef");
    }
    check_not(j);
    check_all_of(j);
    check_any_of(j);
    check_one_of(j);
    check_condition(j);
    if (j->v->d->draft >= 2019)
        check_unevaluated(j);
}

static void check_map_schema(const struct job *given)
{
    const struct frame frame = { given->frame, given->place.schema, given->instance };
    struct job j = *given;
    struct left own;
    bool asks =
        j.v->d->draft >= 2019
        && (schema_keyword(&j, "unevaluatedProperties") != NULL || schema_keyword(&j, "unevaluatedItems") != NULL);

    if (is_cycle(given)) {
        schema_complain(given, "both /$ref and  resolve to \"%.*s#\" causing reference cycle", STR(given->place.base));
        return;
    }
    j.frame = &frame;
    j.place.base = schema_base(j.v->d, j.place.schema, j.place.base);
    if (asks && j.left == NULL) {
        own = left_of(j.v->a, j.instance);
        j.left = &own;
    }
    if (schema_keyword(&j, "$ref") != NULL && j.v->d->draft < 2019) {
        check_reference(&j, "$ref");
        return;
    }
    if (!check_type(&j) || !check_const(&j) || !check_enum(&j) || !check_format(&j))
        return;
    check_reference(&j, "$ref");
    check_keywords(&j);
}

void schema_check_job(const struct job *j)
{
    if (j->v->broken)
        return;
    if (++j->v->steps > SCHEMA_STEPS_MAX || j->v->depth >= SCHEMA_DEPTH_MAX) {
        schema_stop(j->v, "values.schema.json is nested too deep, or takes too many steps");
        return;
    }
    if (j->v->a->total > j->v->memory_end) {
        schema_stop(j->v, "checking values.schema.json, and what it says of the values, takes too much memory");
        return;
    }
    j->v->depth++;
    if (schema_is_false(j->place.schema))
        schema_complain(j, "false schema");
    else if (j->place.schema->kind == VALUE_MAP)
        check_map_schema(j);
    j->v->depth--;
}

static void free_patterns(struct map *patterns)
{
    for (size_t i = 0; i < patterns->n; i++) {
        struct regex *re = (struct regex *)(uintptr_t)patterns->v[i].value.opaque;
        regex_free(&re);
    }
}

bool schema_validate(const struct schema_document *d, const struct value *instance, struct findings *out, struct err *e)
{
    struct value patterns = value_map(d->a);
    struct validator v = { .d = d, .a = d->a, .patterns = patterns.map, .e = e };
    v.memory_end = d->a->total + SCHEMA_MEMORY_MAX;
    const struct job j = { .v = &v, .place = { &d->root, SCHEMA_URL }, .instance = instance, .at = S(""), .out = out };

    schema_check_job(&j);
    if (out->n == 1 && out->v[0].group)
        *out = out->v[0].causes;
    free_patterns(v.patterns);
    return !v.broken;
}
