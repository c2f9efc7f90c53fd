/*
 * chart/schema_values.c - the keywords of JSON Schema that look into objects, arrays, texts and numbers.
 */
#include <math.h>

#include "chart/schema_job.h"

static struct str index_token(struct arena *a, size_t i)
{
    return arena_fmt(a, "%zu", i);
}

/* ---- objects -------------------------------------------------------------------------------- */

static void check_bound(const struct job *j, const char *name, double got, bool at_least)
{
    const struct value *bound = schema_keyword(j, name);

    if (bound == NULL || !schema_is_number(bound))
        return;
    if (at_least ? got < schema_number(bound) : got > schema_number(bound))
        schema_complain(j, "%s: got %.*s, want %.*s", name, STR(schema_number_text(j->v->a, got)),
                        STR(schema_number_text(j->v->a, schema_number(bound))));
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
    const struct value *names = schema_keyword(j, "required");
    size_t n;

    if (names == NULL)
        return;
    struct str missing = missing_names(j, names, &n);
    if (n > 0)
        schema_complain(j, "missing %s %.*s", n == 1 ? "property" : "properties", STR(missing));
}

/* `dependencies`, `dependentSchemas` and `dependentRequired`: what must hold if a property exists. */
static void check_dependents(const struct job *j, const char *name)
{
    const struct value *map = schema_keyword(j, name);
    size_t n;

    for (size_t i = 0; map != NULL && map->kind == VALUE_MAP && i < map->map->n; i++) {
        const struct map_entry *entry = &map->map->v[i];
        if (map_get(j->instance->map, entry->key) == NULL)
            continue;
        if (entry->value.kind != VALUE_LIST) {
            size_t before = j->out->n;
            schema_check_self(j, schema_child(j, &entry->value), j->out);
            schema_group(j, j->out, before);
            continue;
        }
        struct str missing = missing_names(j, &entry->value, &n);
        if (n > 0)
            schema_complain(j, "properties %.*s required, if %.*s exists", STR(missing),
                            STR(schema_quote(j->v->a, entry->key)));
    }
}

static bool check_by_pattern(const struct job *j, const struct map_entry *member)
{
    const struct value *patterns = schema_keyword(j, "patternProperties");
    bool any = false;

    for (size_t i = 0; patterns != NULL && patterns->kind == VALUE_MAP && i < patterns->map->n; i++) {
        const struct map_entry *entry = &patterns->map->v[i];
        if (!schema_pattern_fits(j->v, entry->key, member->key))
            continue;
        any = true;
        schema_check_member(j, &entry->value, &member->value, member->key, j->out);
    }
    return any;
}

static void check_properties(const struct job *j)
{
    const struct value *properties = schema_keyword(j, "properties"),
                       *additional = schema_keyword(j, "additionalProperties");
    const struct map_entry **sorted = map_sorted(j->v->a, j->instance->map);
    struct buf extra = { .a = j->v->a };
    size_t n = j->instance->map->n;

    for (size_t i = 0; i < n && !j->v->broken; i++) {
        const struct map_entry *member = sorted[i];
        const struct value *schema =
            properties != NULL && properties->kind == VALUE_MAP ? map_get(properties->map, member->key) : NULL;
        bool evaluated = schema != NULL;
        if (schema != NULL)
            schema_check_member(j, schema, &member->value, member->key, j->out);
        evaluated = check_by_pattern(j, member) || evaluated;
        if (!evaluated && additional != NULL) {
            evaluated = true;
            if (schema_is_false(additional))
                buf_fmt(&extra, "%s%.*s", extra.n > 0 ? ", " : "", STR(schema_quote(j->v->a, member->key)));
            else
                schema_check_member(j, additional, &member->value, member->key, j->out);
        }
        if (evaluated && j->left != NULL)
            j->left->marks[member - j->instance->map->v] = false;
    }
    if (extra.n > 0)
        schema_complain(j, "additional properties %.*s not allowed", STR(buf_str(&extra)));
}

static void check_property_names(const struct job *j)
{
    const struct value *schema = schema_keyword(j, "propertyNames");

    if (schema == NULL || j->v->d->draft < 6)
        return;
    for (size_t i = 0; i < j->instance->map->n; i++) {
        struct value name = value_str(j->instance->map->v[i].key);
        struct findings causes = { 0 };
        struct job sub = *j;
        sub.place = schema_child(j, schema);
        sub.instance = &name;
        sub.at = S("");
        sub.left = NULL;
        sub.out = &causes;
        schema_check_job(&sub);
        if (causes.n > 0) {
            struct finding *f = finding_add(
                j->v->a, j->out, S(""),
                arena_fmt(j->v->a, "invalid propertyName %.*s", STR(schema_quote(j->v->a, value_as_str(&name)))));
            f->causes = causes;
        }
    }
}

void schema_check_object(const struct job *j)
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
    const struct value *unique = schema_keyword(j, "uniqueItems");
    const struct list *list = j->instance->list;

    if (unique == NULL || unique->kind != VALUE_BOOL || !unique->b)
        return;
    for (size_t i = 0; i < list->n; i++)
        for (size_t k = i + 1; k < list->n; k++) {
            if (++j->v->steps > SCHEMA_STEPS_MAX) {
                schema_stop(j->v, "uniqueItems: the list is too long to compare");
                return;
            }
            if (value_equal(&list->v[i], &list->v[k])) {
                schema_complain(j, "items at %zu and %zu are equal", i, k);
                return;
            }
        }
}

/* Items from `from` on against one schema; their indexes are counted from there, as Helm's validator counts. */
static void check_rest(const struct job *j, const struct value *schema, size_t from)
{
    const struct list *list = j->instance->list;

    for (size_t i = from; i < list->n && !j->v->broken; i++) {
        schema_check_member(j, schema, &list->v[i], index_token(j->v->a, i - from), j->out);
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
        schema_check_member(j, value_item(schemas, i), &list->v[i], index_token(j->v->a, i), j->out);
        if (j->left != NULL)
            j->left->marks[i] = false;
    }
    return n;
}

static void check_items(const struct job *j)
{
    const struct value *items = schema_keyword(j, "items"), *prefix = schema_keyword(j, "prefixItems");
    const struct value *additional = schema_keyword(j, "additionalItems");

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
    if (additional != NULL && schema_is_false(additional) && done < j->instance->list->n)
        schema_complain(j, "last %zu additionalItem(s) not allowed", j->instance->list->n - done);
    else if (additional != NULL && !schema_is_false(additional))
        check_rest(j, additional, done);
}

static void check_contains(const struct job *j)
{
    const struct value *schema = j->v->d->draft >= 6 ? schema_keyword(j, "contains") : NULL;
    const struct value *least = j->v->d->draft >= 2019 ? schema_keyword(j, "minContains") : NULL;
    const struct value *most = j->v->d->draft >= 2019 ? schema_keyword(j, "maxContains") : NULL;
    struct findings causes = { 0 };
    struct buf matched = { .a = j->v->a };
    size_t n = 0;

    for (size_t i = 0; schema != NULL && i < j->instance->list->n; i++) {
        size_t before = causes.n;
        schema_check_member(j, schema, &j->instance->list->v[i], index_token(j->v->a, i), &causes);
        if (causes.n > before)
            continue;
        buf_fmt(&matched, "%s%zu", n++ > 0 ? " " : "", i);
        if (j->left != NULL && j->v->d->draft >= 2020)
            j->left->marks[i] = false;
    }
    if (schema == NULL)
        return;
    if (least == NULL && n == 0)
        schema_complain_with(j, S("no items match contains schema"), causes);
    if (least != NULL && (double)n < schema_number(least) && n == 0)
        schema_complain_with(j,
                             arena_fmt(j->v->a, "min %.*s items required to match contains schema, but none matched",
                                       STR(schema_number_text(j->v->a, schema_number(least)))),
                             causes);
    else if (least != NULL && (double)n < schema_number(least))
        schema_complain_with(
            j,
            arena_fmt(j->v->a, "min %.*s items required to match contains schema, but matched %zu items at %.*s",
                      STR(schema_number_text(j->v->a, schema_number(least))), n, STR(buf_str(&matched))),
            causes);
    if (most != NULL && (double)n > schema_number(most))
        schema_complain(j, "max %.*s items required to match contains schema, but matched %zu items at %.*s",
                        STR(schema_number_text(j->v->a, schema_number(most))), n, STR(buf_str(&matched)));
}

void schema_check_array(const struct job *j)
{
    double n = (double)j->instance->list->n;

    check_bound(j, "minItems", n, true);
    check_bound(j, "maxItems", n, false);
    check_unique(j);
    check_items(j);
    check_contains(j);
}

/* ---- texts and numbers ---------------------------------------------------------------------- */

void schema_check_text(const struct job *j)
{
    struct str text = value_as_str(j->instance);
    const struct value *pattern = schema_keyword(j, "pattern");
    double n = (double)utf8_count(text);

    check_bound(j, "minLength", n, true);
    check_bound(j, "maxLength", n, false);
    if (pattern != NULL && !schema_pattern_fits(j->v, value_as_str(pattern), text) && !j->v->broken)
        schema_complain(j, "%.*s does not match pattern %.*s", STR(schema_quote(j->v->a, text)),
                        STR(schema_quote(j->v->a, value_as_str(pattern))));
}

static void check_exclusive(const struct job *j, const char *name, double got, double bound, bool fits)
{
    if (!fits)
        schema_complain(j, "%s: got %.*s, want %.*s", name, STR(schema_number_text(j->v->a, got)),
                        STR(schema_number_text(j->v->a, bound)));
}

/* Decimal fractions are no binary ones: 0.3 is three times 0.1, as near as numbers of this size can be. */
static bool is_multiple(double value, double of)
{
    double times = round(value / of);

    return fabs(value - times * of) <= fabs(value) * 1e-12;
}

void schema_check_number(const struct job *j)
{
    static const char *const names[] = { "exclusiveMinimum", "exclusiveMaximum" };
    static const char *const inclusive[] = { "minimum", "maximum" };
    double got = schema_number(j->instance);

    for (size_t i = 0; i < COUNT(names); i++) {
        const struct value *bound = schema_keyword(j, inclusive[i]), *exclusive = schema_keyword(j, names[i]);
        bool by_flag = j->v->d->draft == 4 && exclusive != NULL && exclusive->kind == VALUE_BOOL && exclusive->b;
        if (bound != NULL && schema_is_number(bound) && !by_flag)
            check_bound(j, inclusive[i], got, i == 0);
        const struct value *limit = by_flag ? bound : j->v->d->draft == 4 ? NULL : exclusive;
        if (limit != NULL && schema_is_number(limit))
            check_exclusive(j, names[i], got, schema_number(limit),
                            i == 0 ? got > schema_number(limit) : got < schema_number(limit));
    }
    const struct value *of = schema_keyword(j, "multipleOf");
    if (of != NULL && schema_is_number(of))
        check_exclusive(j, "multipleOf", got, schema_number(of), is_multiple(got, schema_number(of)));
}
