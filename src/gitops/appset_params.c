/* Parameter sets: what a pull request or a list element offers to the template. */
#include "gitops/appset_internal.h"

bool appset_is_go(const struct value *set)
{
    return value_bool_at(set, "spec.goTemplate", false);
}

/* A generator's `values`, each substituted with the parameters, put into them. */
static bool add_values(struct arena *a, const struct value *params, const struct value *values, bool go_template,
                       const struct value *options, struct err *e)
{
    if (!value_is(values, VALUE_MAP) || values->map->n == 0)
        return true;
    struct value rendered = value_map(a);
    for (size_t i = 0; i < values->map->n; i++) {
        const struct map_entry *entry = &values->map->v[i];
        struct value one;
        if (!appset_render(a, &entry->value, params, go_template, options, &one, e))
            return err_wrap(e, "values.%.*s", STR(entry->key));
        map_put(a, rendered.map, entry->key, one);
    }
    if (go_template)
        value_set(a, params, "values", rendered);
    for (size_t i = 0; !go_template && i < rendered.map->n; i++)
        value_set(a, params, arena_fmt(a, "values.%.*s", STR(rendered.map->v[i].key)).p, rendered.map->v[i].value);
    return true;
}

bool appset_pull_params(struct arena *a, const struct forge_pull *pull, bool go_template, const struct value *options,
                        const struct value *values, struct value *out, struct err *e)
{
    const struct {
        const char *name;
        struct str text;
    } rows[] = {
        { "number", arena_fmt(a, "%lld", (long long)pull->number) },
        { "title", pull->title },
        { "branch", pull->branch },
        { "branch_slug", slug_branch(a, pull->branch) },
        { "target_branch", pull->target_branch },
        { "target_branch_slug", slug_branch(a, pull->target_branch) },
        { "head_sha", pull->head_sha },
        { "head_short_sha", str_slice(pull->head_sha, 0, 8) },
        { "head_short_sha_7", str_slice(pull->head_sha, 0, 7) },
        { "author", pull->author },
    };
    struct value params = value_map(a);
    for (size_t i = 0; i < COUNT(rows); i++)
        value_set_str(a, &params, rows[i].name, rows[i].text);
    if (go_template) {
        struct value labels = value_list(a);
        for (size_t i = 0; i < pull->n_labels; i++)
            list_push(a, labels.list, value_str(pull->labels[i]));
        value_set(a, &params, "labels", labels);
    }
    if (!add_values(a, &params, values, go_template, options, e))
        return false;
    *out = params;
    return true;
}

bool appset_element_params(struct arena *a, const struct value *element, bool go_template, struct value *out,
                           struct err *e)
{
    if (!value_is(element, VALUE_MAP))
        return err_set(e, ERR_INVALID, "list element must be a map, not %s", value_kind_name(element->kind));
    if (go_template) {
        *out = value_clone(a, element);
        return true;
    }
    struct value params = value_map(a);
    for (size_t i = 0; i < element->map->n; i++) {
        const struct map_entry *entry = &element->map->v[i];
        bool nested = str_is(entry->key, "values") && value_is(&entry->value, VALUE_MAP);
        for (size_t k = 0; nested && k < entry->value.map->n; k++) {
            const struct map_entry *inner = &entry->value.map->v[k];
            if (!value_is(&inner->value, VALUE_STRING))
                return err_set(e, ERR_INVALID, "error parsing value as string: values.%.*s", STR(inner->key));
            value_set(a, &params, arena_fmt(a, "values.%.*s", STR(inner->key)).p, inner->value);
        }
        if (!nested && !value_is(&entry->value, VALUE_STRING))
            return err_set(e, ERR_INVALID, "error parsing value as string: %.*s", STR(entry->key));
        if (!nested)
            map_put(a, params.map, entry->key, entry->value);
    }
    *out = params;
    return true;
}

/* ---- selector over parameters ------------------------------------------------------------- */

/* Nested maps become "outer.inner" keys; values are compared as text. */
static void flatten(struct arena *a, struct str prefix, const struct value *v, const struct value *into)
{
    if (value_is(v, VALUE_MAP)) {
        for (size_t i = 0; i < v->map->n; i++) {
            struct str key = v->map->v[i].key;
            flatten(a, prefix.n > 0 ? arena_fmt(a, "%.*s.%.*s", STR(prefix), STR(key)) : key, &v->map->v[i].value,
                    into);
        }
    } else if (value_is(v, VALUE_STRING)) {
        map_put(a, into->map, prefix, *v);
    } else if (value_is(v, VALUE_INT)) {
        map_put(a, into->map, prefix, value_fmt(a, "%lld", (long long)v->i));
    } else if (value_is(v, VALUE_BOOL)) {
        map_put(a, into->map, prefix, value_c(v->b ? "true" : "false"));
    }
}

static bool is_one_of(const struct value *values, const struct value *wanted)
{
    for (size_t i = 0; wanted != NULL && i < value_len(values); i++)
        if (str_eq(value_as_str(value_item(values, i)), value_as_str(wanted)))
            return true;
    return false;
}

static bool expression_holds(const struct value *expression, const struct value *flat)
{
    struct str op = value_as_str(value_get(expression, "operator"));
    const struct value *found = map_get(flat->map, value_as_str(value_get(expression, "key")));
    const struct value *values = value_get(expression, "values");
    if (str_is(op, "In"))
        return is_one_of(values, found);
    if (str_is(op, "NotIn"))
        return !is_one_of(values, found);
    if (str_is(op, "Exists"))
        return found != NULL;
    return str_is(op, "DoesNotExist") && found == NULL;
}

bool appset_selector_takes(struct arena *a, const struct value *selector, const struct value *params)
{
    const struct value *labels = value_get(selector, "matchLabels");
    const struct value *expressions = value_get(selector, "matchExpressions");
    struct value flat = value_map(a);
    flatten(a, (struct str){ "", 0 }, params, &flat);
    for (size_t i = 0; value_is(labels, VALUE_MAP) && i < labels->map->n; i++) {
        const struct value *found = map_get(flat.map, labels->map->v[i].key);
        if (found == NULL || !str_eq(value_as_str(found), value_as_str(&labels->map->v[i].value)))
            return false;
    }
    for (size_t i = 0; i < value_len(expressions); i++)
        if (!expression_holds(value_item(expressions, i), &flat))
            return false;
    return true;
}
