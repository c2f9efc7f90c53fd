/* Label selectors, and names as DNS wants them. */
#include "cluster/local/admit.h"

/* ---- names -------------------------------------------------------------------------------- */

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool name_is_label(struct str s)
{
    if (s.n == 0 || s.n > 63 || !is_alnum(s.p[0]) || !is_alnum(s.p[s.n - 1]))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!is_alnum(s.p[i]) && s.p[i] != '-')
            return false;
    return true;
}

bool name_is_subdomain(struct str s)
{
    struct str rest = s, label;
    if (s.n == 0 || s.n > 253)
        return false;
    bool more = true;
    while (more) {
        more = str_split(&rest, S("."), &label);
        if (label.n == 0 || !is_alnum(label.p[0]) || !is_alnum(label.p[label.n - 1]))
            return false;
        for (size_t i = 0; i < label.n; i++)
            if (!is_alnum(label.p[i]) && label.p[i] != '-')
                return false;
    }
    return true;
}

/* ---- selectors ---------------------------------------------------------------------------- */

static bool holds(const struct value *expression, const struct value *labels)
{
    struct str key = value_str_at(expression, "key"), op = value_str_at(expression, "operator");
    const struct value *found = value_is(labels, VALUE_MAP) ? map_get(labels->map, key) : NULL;
    const struct value *values = value_get(expression, "values");
    bool in = false;
    for (size_t i = 0; found != NULL && i < value_len(values); i++)
        in = in || value_equal(found, value_item(values, i));
    if (str_is(op, "In"))
        return in;
    if (str_is(op, "NotIn"))
        return !in;
    return str_is(op, "Exists") ? found != NULL : found == NULL;
}

static bool map_within(const struct value *wanted, const struct value *labels)
{
    for (size_t i = 0; value_is(wanted, VALUE_MAP) && i < wanted->map->n; i++) {
        const struct value *found = value_is(labels, VALUE_MAP) ? map_get(labels->map, wanted->map->v[i].key) : NULL;
        if (found == NULL || !value_equal(found, &wanted->map->v[i].value))
            return false;
    }
    return true;
}

bool selector_matches(const struct value *selector, const struct value *labels)
{
    const struct value *expressions = value_get(selector, "matchExpressions");
    for (size_t i = 0; i < value_len(expressions); i++)
        if (!holds(value_item(expressions, i), labels))
            return false;
    return map_within(value_get(selector, "matchLabels"), labels);
}

bool selector_map_matches(const struct value *selector, const struct value *labels)
{
    return value_is(selector, VALUE_MAP) && selector->map->n > 0 && map_within(selector, labels);
}
