/*
 * chart/schema_validate.c - a value against a schema, keyword by keyword.
 *
 * `type`, `const`, `enum` and `format` decide alone; everything else is gathered. What unevaluatedProperties and
 * unevaluatedItems may still see is tracked only for schemas that ask for it: `left` marks members that nobody has
 * looked at yet.
 */
#include <math.h>
#include <stdio.h>

#include "chart/schema.h"
#include "data/regex.h"

struct left { /* members not evaluated yet; NULL: nobody asks */
    bool *marks;
    size_t n;
};

struct frame { /* the schemas that are being checked, innermost first */
    const struct frame *up;
    const struct value *schema, *instance;
};

struct validator {
    const struct schema_document *d;
    struct arena *a;
    struct map *patterns; /* compiled, by their text */
    int depth, steps;
    struct err *e;
    bool broken; /* *e is set */
};

struct job { /* one value against one schema */
    struct validator *v;
    struct schema_place place;
    const struct value *instance;
    struct str at;
    struct left *left;
    const struct frame *frame;
    struct findings *out;
};

static void check(const struct job *j);

/* ---- helpers -------------------------------------------------------------------------------- */

static bool stop(struct validator *v, const char *why)
{
    if (!v->broken)
        err_set_(v->e, ERR_LIMIT, "%s", why);
    v->broken = true;
    return false;
}

static const struct value *keyword(const struct job *j, const char *name)
{
    return map_get(j->place.schema->map, str_c(name));
}

static void complain(const struct job *j, const char *fmt, ...) PRINTF(2, 3);
static void complain(const struct job *j, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    finding_add(j->v->a, j->out, j->at, arena_vfmt(j->v->a, fmt, args));
    va_end(args);
}

static void complain_with(const struct job *j, struct str message, struct findings causes)
{
    finding_add(j->v->a, j->out, j->at, message)->causes = causes;
}

static bool is_number(const struct value *v)
{
    return v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
}

static double number_of(const struct value *v)
{
    return v->kind == VALUE_INT ? (double)v->i : v->f;
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

/* A number as golang.org/x/text prints it in English: 1,000 and 1.5×10⁰⁶. */
static struct str number_text(struct arena *a, double f)
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
    return buf_str(&b);
}

static bool pattern_fits(struct validator *v, struct str pattern, struct str text)
{
    const struct value *known = map_get(v->patterns, pattern);
    struct regex *re = known != NULL ? (struct regex *)(uintptr_t)known->opaque : NULL;
    struct regex_span *spans;
    bool found = false;
    struct err e;

    if (re == NULL) {
        if (!regex_compile(pattern, &re, &e))
            return stop(v, e.text);
        map_put(v->a, v->patterns, pattern, (struct value){ .kind = VALUE_OPAQUE, .opaque = re });
    }
    spans = arena_new(v->a, struct regex_span, regex_groups(re) + 1);
    return regex_match(re, text, 0, spans, &found, &e) ? found : stop(v, e.text);
}

/* ---- one value against subschemas ----------------------------------------------------------- */

/* The same value against another schema; what it says goes to `out`. True when it fits. */
static bool check_self(const struct job *j, struct schema_place place, struct findings *out)
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
    check(&sub);
    bool fits = out->n == before && !j->v->broken;
    if (fits && j->left != NULL)
        merge_left(j->left, &own);
    return fits;
}

/* Several findings of one schema count as one, a group. */
static void group(const struct job *j, struct findings *list, size_t from)
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

static struct schema_place child(const struct job *j, const struct value *schema)
{
    return (struct schema_place){ schema, j->place.base };
}

/* A member of the value against a schema. */
static void check_member(const struct job *j, const struct value *schema, const struct value *member, struct str token,
                         struct findings *out)
{
    struct job sub = *j;
    size_t before = out->n;

    sub.place = child(j, schema);
    sub.instance = member;
    sub.at = schema_pointer(j->v->a, j->at, token);
    sub.left = NULL;
    sub.out = out;
    check(&sub);
    group(&sub, out, before);
}

static struct str index_token(struct arena *a, size_t i)
{
    return arena_fmt(a, "%zu", i);
}

static bool is_false(const struct value *schema)
{
    return schema->kind == VALUE_BOOL && !schema->b;
}

/* ---- what decides alone --------------------------------------------------------------------- */

static bool type_fits(const struct value *v, struct str type)
{
    if (str_is(type, "integer"))
        return is_number(v) && number_of(v) == floor(number_of(v)) && !isinf(number_of(v));
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
    const struct value *types = keyword(j, "type");
    bool fits = types == NULL || (types->kind == VALUE_STRING && type_fits(j->instance, value_as_str(types)));

    for (size_t i = 0; types != NULL && i < value_len(types); i++)
        fits = fits || type_fits(j->instance, value_as_str(value_item(types, i)));
    if (!fits)
        complain(j, "got %s, want %.*s", schema_type_name(j->instance), STR(wanted_types(j->v->a, types)));
    return fits;
}

static bool check_const(const struct job *j)
{
    const struct value *wanted = j->v->d->draft >= 6 ? keyword(j, "const") : NULL;

    if (wanted == NULL || value_equal(wanted, j->instance))
        return true;
    if (wanted->kind == VALUE_LIST || wanted->kind == VALUE_MAP)
        complain(j, "'const' failed");
    else
        complain(j, "value must be %.*s", STR(display(j->v->a, wanted)));
    return false;
}

static bool check_enum(const struct job *j)
{
    const struct value *list = keyword(j, "enum");
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
        complain(j, "'enum' failed");
    else
        complain(j, "value must be %s%.*s", value_len(list) == 1 ? "" : "one of ", STR(buf_str(&b)));
    return false;
}

/* Asserted up to draft 7, an annotation afterwards. */
static bool check_format(const struct job *j)
{
    const struct value *format = j->v->d->draft < 2019 ? keyword(j, "format") : NULL;
    struct str why;

    if (format == NULL || j->instance->kind != VALUE_STRING
        || schema_format_fits(j->v->a, value_as_str(format), value_as_str(j->instance), &why))
        return true;
    complain(j, "%.*s is not valid %.*s: %.*s", STR(display(j->v->a, j->instance)), STR(value_as_str(format)),
             STR(why));
    return false;
}

/* ---- objects -------------------------------------------------------------------------------- */

static void check_bound(const struct job *j, const char *name, double got, bool at_least)
{
    const struct value *bound = keyword(j, name);

    if (bound == NULL || !is_number(bound))
        return;
    if (at_least ? got < number_of(bound) : got > number_of(bound))
        complain(j, "%s: got %.*s, want %.*s", name, STR(number_text(j->v->a, got)),
                 STR(number_text(j->v->a, number_of(bound))));
}

static struct str missing_names(const struct job *j, const struct value *names, size_t *n)
{
    struct buf b = { .a = j->v->a };

    *n = 0;
    for (size_t i = 0; i < value_len(names); i++) {
        struct str name = value_as_str(value_item(names, i));
        if (map_get(j->instance->map, name) == NULL)
            buf_fmt(&b, "%s%.*s", (*n)++ > 0 ? ", " : "", STR(schema_quote(j->v->a, name)));
    }
    return buf_str(&b);
}

static void check_required(const struct job *j)
{
    const struct value *names = keyword(j, "required");
    size_t n;

    if (names == NULL)
        return;
    struct str missing = missing_names(j, names, &n);
    if (n > 0)
        complain(j, "missing %s %.*s", n == 1 ? "property" : "properties", STR(missing));
}

/* `dependencies`, `dependentSchemas` and `dependentRequired`: what must hold if a property exists. */
static void check_dependents(const struct job *j, const char *name)
{
    const struct value *map = keyword(j, name);
    size_t n;

    for (size_t i = 0; map != NULL && map->kind == VALUE_MAP && i < map->map->n; i++) {
        const struct map_entry *entry = &map->map->v[i];
        if (map_get(j->instance->map, entry->key) == NULL)
            continue;
        if (entry->value.kind != VALUE_LIST) {
            size_t before = j->out->n;
            check_self(j, child(j, &entry->value), j->out);
            group(j, j->out, before);
            continue;
        }
        struct str missing = missing_names(j, &entry->value, &n);
        if (n > 0)
            complain(j, "properties %.*s required, if %.*s exists", STR(missing),
                     STR(schema_quote(j->v->a, entry->key)));
    }
}

static bool check_by_pattern(const struct job *j, const struct map_entry *member)
{
    const struct value *patterns = keyword(j, "patternProperties");
    bool any = false;

    for (size_t i = 0; patterns != NULL && patterns->kind == VALUE_MAP && i < patterns->map->n; i++) {
        const struct map_entry *entry = &patterns->map->v[i];
        if (!pattern_fits(j->v, entry->key, member->key))
            continue;
        any = true;
        check_member(j, &entry->value, &member->value, member->key, j->out);
    }
    return any;
}

static void check_properties(const struct job *j)
{
    const struct value *properties = keyword(j, "properties"), *additional = keyword(j, "additionalProperties");
    const struct map_entry **sorted = map_sorted(j->v->a, j->instance->map);
    struct buf extra = { .a = j->v->a };
    size_t n = j->instance->map->n;

    for (size_t i = 0; i < n && !j->v->broken; i++) {
        const struct map_entry *member = sorted[i];
        const struct value *schema =
            properties != NULL && properties->kind == VALUE_MAP ? map_get(properties->map, member->key) : NULL;
        bool evaluated = schema != NULL;
        if (schema != NULL)
            check_member(j, schema, &member->value, member->key, j->out);
        evaluated = check_by_pattern(j, member) || evaluated;
        if (!evaluated && additional != NULL) {
            evaluated = true;
            if (is_false(additional))
                buf_fmt(&extra, "%s%.*s", extra.n > 0 ? ", " : "", STR(schema_quote(j->v->a, member->key)));
            else
                check_member(j, additional, &member->value, member->key, j->out);
        }
        if (evaluated && j->left != NULL)
            j->left->marks[member - j->instance->map->v] = false;
    }
    if (extra.n > 0)
        complain(j, "additional properties %.*s not allowed", STR(buf_str(&extra)));
}

static void check_property_names(const struct job *j)
{
    const struct value *schema = keyword(j, "propertyNames");

    if (schema == NULL || j->v->d->draft < 6)
        return;
    for (size_t i = 0; i < j->instance->map->n; i++) {
        struct value name = value_str(j->instance->map->v[i].key);
        struct findings causes = { 0 };
        struct job sub = *j;
        sub.place = child(j, schema);
        sub.instance = &name;
        sub.at = S("");
        sub.left = NULL;
        sub.out = &causes;
        check(&sub);
        if (causes.n > 0) {
            struct finding *f = finding_add(
                j->v->a, j->out, S(""),
                arena_fmt(j->v->a, "invalid propertyName %.*s", STR(schema_quote(j->v->a, value_as_str(&name)))));
            f->causes = causes;
        }
    }
}

static void check_object(const struct job *j)
{
    double n = (double)j->instance->map->n;

    check_bound(j, "minProperties", n, true);
    check_bound(j, "maxProperties", n, false);
    check_required(j);
    check_dependents(j, "dependencies");
    check_properties(j);
    check_property_names(j);
    if (j->v->d->draft >= 2019) {
        check_dependents(j, "dependentSchemas");
        check_dependents(j, "dependentRequired");
    }
}

/* ---- arrays --------------------------------------------------------------------------------- */

static void check_unique(const struct job *j)
{
    const struct value *unique = keyword(j, "uniqueItems");
    const struct list *list = j->instance->list;

    if (unique == NULL || unique->kind != VALUE_BOOL || !unique->b)
        return;
    for (size_t i = 0; i < list->n; i++)
        for (size_t k = i + 1; k < list->n; k++) {
            if (++j->v->steps > SCHEMA_STEPS_MAX) {
                stop(j->v, "uniqueItems: the list is too long to compare");
                return;
            }
            if (value_equal(&list->v[i], &list->v[k])) {
                complain(j, "items at %zu and %zu are equal", i, k);
                return;
            }
        }
}

/* Items from `from` on against one schema; their indexes are counted from there, as Helm's validator counts. */
static void check_rest(const struct job *j, const struct value *schema, size_t from)
{
    const struct list *list = j->instance->list;

    for (size_t i = from; i < list->n && !j->v->broken; i++) {
        check_member(j, schema, &list->v[i], index_token(j->v->a, i - from), j->out);
        if (j->left != NULL)
            j->left->marks[i] = false;
    }
}

/* A list of schemas, one for each of the first items; returns how many items that were. */
static size_t check_prefix(const struct job *j, const struct value *schemas)
{
    const struct list *list = j->instance->list;
    size_t n = value_len(schemas) < list->n ? value_len(schemas) : list->n;

    for (size_t i = 0; i < n; i++) {
        check_member(j, value_item(schemas, i), &list->v[i], index_token(j->v->a, i), j->out);
        if (j->left != NULL)
            j->left->marks[i] = false;
    }
    return n;
}

static void check_items(const struct job *j)
{
    const struct value *items = keyword(j, "items"), *prefix = keyword(j, "prefixItems");
    const struct value *additional = keyword(j, "additionalItems");

    if (j->v->d->draft >= 2020) {
        size_t done = prefix != NULL ? check_prefix(j, prefix) : 0;
        if (items != NULL)
            check_rest(j, items, done);
        return;
    }
    if (items == NULL)
        return;
    if (items->kind != VALUE_LIST) {
        check_rest(j, items, 0);
        return;
    }
    size_t done = check_prefix(j, items);
    if (additional != NULL && is_false(additional) && done < j->instance->list->n)
        complain(j, "last %zu additionalItem(s) not allowed", j->instance->list->n - done);
    else if (additional != NULL && !is_false(additional))
        check_rest(j, additional, done);
}

static void check_contains(const struct job *j)
{
    const struct value *schema = j->v->d->draft >= 6 ? keyword(j, "contains") : NULL;
    const struct value *least = j->v->d->draft >= 2019 ? keyword(j, "minContains") : NULL;
    const struct value *most = j->v->d->draft >= 2019 ? keyword(j, "maxContains") : NULL;
    struct findings causes = { 0 };
    struct buf matched = { .a = j->v->a };
    size_t n = 0;

    for (size_t i = 0; schema != NULL && i < j->instance->list->n; i++) {
        size_t before = causes.n;
        check_member(j, schema, &j->instance->list->v[i], index_token(j->v->a, i), &causes);
        if (causes.n > before)
            continue;
        buf_fmt(&matched, "%s%zu", n++ > 0 ? " " : "", i);
        if (j->left != NULL && j->v->d->draft >= 2020)
            j->left->marks[i] = false;
    }
    if (schema == NULL)
        return;
    if (least == NULL && n == 0)
        complain_with(j, S("no items match contains schema"), causes);
    if (least != NULL && (double)n < number_of(least) && n == 0)
        complain_with(j,
                      arena_fmt(j->v->a, "min %.*s items required to match contains schema, but none matched",
                                STR(number_text(j->v->a, number_of(least)))),
                      causes);
    else if (least != NULL && (double)n < number_of(least))
        complain_with(j,
                      arena_fmt(j->v->a,
                                "min %.*s items required to match contains schema, but matched %zu items at %.*s",
                                STR(number_text(j->v->a, number_of(least))), n, STR(buf_str(&matched))),
                      causes);
    if (most != NULL && (double)n > number_of(most))
        complain(j, "max %.*s items required to match contains schema, but matched %zu items at %.*s",
                 STR(number_text(j->v->a, number_of(most))), n, STR(buf_str(&matched)));
}

static void check_array(const struct job *j)
{
    double n = (double)j->instance->list->n;

    check_bound(j, "minItems", n, true);
    check_bound(j, "maxItems", n, false);
    check_unique(j);
    check_items(j);
    check_contains(j);
}

/* ---- texts and numbers ---------------------------------------------------------------------- */

static void check_text(const struct job *j)
{
    struct str text = value_as_str(j->instance);
    const struct value *pattern = keyword(j, "pattern");
    double n = (double)utf8_count(text);

    check_bound(j, "minLength", n, true);
    check_bound(j, "maxLength", n, false);
    if (pattern != NULL && !pattern_fits(j->v, value_as_str(pattern), text) && !j->v->broken)
        complain(j, "%.*s does not match pattern %.*s", STR(schema_quote(j->v->a, text)),
                 STR(schema_quote(j->v->a, value_as_str(pattern))));
}

static void check_exclusive(const struct job *j, const char *name, double got, double bound, bool fits)
{
    if (!fits)
        complain(j, "%s: got %.*s, want %.*s", name, STR(number_text(j->v->a, got)), STR(number_text(j->v->a, bound)));
}

/* Decimal fractions are no binary ones: 0.3 is three times 0.1, as near as numbers of this size can be. */
static bool is_multiple(double value, double of)
{
    double times = round(value / of);

    return fabs(value - times * of) <= fabs(value) * 1e-12;
}

static void check_number(const struct job *j)
{
    static const char *const names[] = { "exclusiveMinimum", "exclusiveMaximum" };
    static const char *const inclusive[] = { "minimum", "maximum" };
    double got = number_of(j->instance);

    for (size_t i = 0; i < COUNT(names); i++) {
        const struct value *bound = keyword(j, inclusive[i]), *exclusive = keyword(j, names[i]);
        bool by_flag = j->v->d->draft == 4 && exclusive != NULL && exclusive->kind == VALUE_BOOL && exclusive->b;
        if (bound != NULL && is_number(bound) && !by_flag)
            check_bound(j, inclusive[i], got, i == 0);
        const struct value *limit = by_flag ? bound : j->v->d->draft == 4 ? NULL : exclusive;
        if (limit != NULL && is_number(limit))
            check_exclusive(j, names[i], got, number_of(limit),
                            i == 0 ? got > number_of(limit) : got < number_of(limit));
    }
    const struct value *of = keyword(j, "multipleOf");
    if (of != NULL && is_number(of))
        check_exclusive(j, "multipleOf", got, number_of(of), is_multiple(got, number_of(of)));
}

/* ---- combinations --------------------------------------------------------------------------- */

static void check_not(const struct job *j)
{
    const struct value *schema = keyword(j, "not");
    struct findings ignored = { 0 };

    if (schema != NULL && check_self(j, child(j, schema), &ignored))
        complain(j, "'not' failed");
}

static void check_all_of(const struct job *j)
{
    const struct value *list = keyword(j, "allOf");
    struct findings causes = { 0 };

    for (size_t i = 0; list != NULL && i < value_len(list); i++) {
        size_t before = causes.n;
        check_self(j, child(j, value_item(list, i)), &causes);
        group(j, &causes, before);
    }
    if (causes.n > 0)
        complain_with(j, S("'allOf' failed"), causes);
}

static void check_any_of(const struct job *j)
{
    const struct value *list = keyword(j, "anyOf");
    struct findings causes = { 0 };
    bool matched = list == NULL;

    for (size_t i = 0; list != NULL && i < value_len(list) && !(matched && j->left == NULL); i++) {
        size_t before = causes.n;
        matched = check_self(j, child(j, value_item(list, i)), &causes) || matched;
        group(j, &causes, before);
    }
    if (!matched)
        complain_with(j, S("'anyOf' failed"), causes);
}

static void check_one_of(const struct job *j)
{
    const struct value *list = keyword(j, "oneOf");
    struct findings causes = { 0 };
    ptrdiff_t matched = -1;

    for (size_t i = 0; list != NULL && i < value_len(list); i++) {
        size_t before = causes.n;
        bool fits = check_self(j, child(j, value_item(list, i)), &causes);
        group(j, &causes, before);
        if (fits && matched >= 0) {
            complain(j, "'oneOf' failed, subschemas %td, %zu matched", matched, i);
            return;
        }
        if (fits)
            matched = (ptrdiff_t)i;
    }
    if (list != NULL && matched < 0)
        complain_with(j, S("'oneOf' failed, none matched"), causes);
}

static void check_condition(const struct job *j)
{
    const struct value *schema = j->v->d->draft >= 7 ? keyword(j, "if") : NULL;
    struct findings ignored = { 0 };

    if (schema == NULL)
        return;
    bool holds = check_self(j, child(j, schema), &ignored);
    const struct value *next = keyword(j, holds ? "then" : "else");
    size_t before = j->out->n;
    if (next != NULL) {
        check_self(j, child(j, next), j->out);
        group(j, j->out, before);
    }
}

static void check_unevaluated(const struct job *j)
{
    bool map = j->instance->kind == VALUE_MAP;
    const struct value *schema = keyword(j, map ? "unevaluatedProperties" : "unevaluatedItems");

    for (size_t i = 0; schema != NULL && j->left != NULL && i < j->left->n; i++) {
        if (!j->left->marks[i])
            continue;
        j->left->marks[i] = false;
        if (map)
            check_member(j, schema, &j->instance->map->v[i].value, j->instance->map->v[i].key, j->out);
        else
            check_member(j, schema, &j->instance->list->v[i], index_token(j->v->a, i), j->out);
    }
}

static void check_reference(const struct job *j, const char *name)
{
    const struct value *ref = keyword(j, name);
    struct schema_place place;
    struct findings causes = { 0 };

    if (ref == NULL || ref->kind != VALUE_STRING || j->v->broken)
        return;
    if (!schema_resolve(j->v->d, j->place.base, value_as_str(ref), &place, j->v->e)) {
        j->v->broken = true;
        return;
    }
    if (check_self(j, place, &causes) || causes.n == 0)
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
    case VALUE_MAP: check_object(j); break;
    case VALUE_LIST: check_array(j); break;
    case VALUE_STRING: check_text(j); break;
    case VALUE_INT:
    case VALUE_FLOAT: check_number(j); break;
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

static void check_map_schema(struct job *j)
{
    const struct frame frame = { j->frame, j->place.schema, j->instance };
    struct left own;
    bool asks = j->v->d->draft >= 2019
                && (keyword(j, "unevaluatedProperties") != NULL || keyword(j, "unevaluatedItems") != NULL);

    if (is_cycle(j)) {
        complain(j, "both %.*s and  resolve to \"%.*s#\" causing reference cycle", STR(S("/$ref")), STR(j->place.base));
        return;
    }
    j->frame = &frame;
    j->place.base = schema_base(j->v->d, j->place.schema, j->place.base);
    if (asks && j->left == NULL) {
        own = left_of(j->v->a, j->instance);
        j->left = &own;
    }
    if (keyword(j, "$ref") != NULL && j->v->d->draft < 2019) {
        check_reference(j, "$ref");
        return;
    }
    if (!check_type(j) || !check_const(j) || !check_enum(j) || !check_format(j))
        return;
    check_reference(j, "$ref");
    check_keywords(j);
}

static void check(const struct job *j)
{
    struct job own = *j;

    if (j->v->broken)
        return;
    if (++j->v->steps > SCHEMA_STEPS_MAX || j->v->depth >= SCHEMA_DEPTH_MAX) {
        stop(j->v, "values.schema.json is nested too deep, or takes too many steps");
        return;
    }
    j->v->depth++;
    if (is_false(j->place.schema))
        complain(j, "false schema");
    else if (j->place.schema->kind == VALUE_MAP)
        check_map_schema(&own);
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
    const struct job j = { .v = &v, .place = { &d->root, SCHEMA_URL }, .instance = instance, .at = S(""), .out = out };

    check(&j);
    if (out->n == 1 && out->v[0].group)
        *out = out->v[0].causes;
    free_patterns(v.patterns);
    return !v.broken;
}
