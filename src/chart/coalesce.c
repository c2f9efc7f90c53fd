/*
 * chart/coalesce.c - one tree of values for a chart and the charts below it.
 *
 * The user's values win over a chart's defaults, key by key; a null of the user deletes a default. A subchart's section
 * is merged keeping nulls first, so that the parent can delete the subchart's defaults by null; the deletion happens
 * when the subchart itself is coalesced. `global` tables flow from parent to child, and the parent's entries win.
 */
#include "chart/internal.h"

struct coalescer {
    struct arena *a;
    struct warnings *w;
    bool merge; /* keep nulls */
};

static struct str join_path(struct arena *a, struct str prefix, struct str key)
{
    return prefix.n == 0 ? key : arena_fmt(a, "%.*s.%.*s", STR(prefix), STR(key));
}

static struct str printed(struct arena *a, const struct value *v)
{
    struct buf b = { .a = a };

    template_print(&b, v);
    return buf_str(&b);
}

/* `src` may be seen again, below another key of import-values, and then with the nulls of `dst`. */
static void copy_nulls(struct arena *a, const struct map *dst, struct map *src)
{
    for (size_t i = 0; i < dst->n; i++)
        if (dst->v[i].value.kind == VALUE_NULL && map_get(src, dst->v[i].key) == NULL)
            map_put(a, src, dst->v[i].key, value_null());
}

/* `dst` wins over `src`; both change. A null of dst over a value of src goes away, unless nulls are kept. */
static void coalesce_tables(const struct coalescer *c, struct map *dst, struct map *src, struct str prefix, bool merge)
{
    copy_nulls(c->a, dst, src);
    for (size_t i = 0; i < src->n; i++) {
        struct str key = src->v[i].key;
        struct value *val = &src->v[i].value, *dv = map_get(dst, key);
        if (dv == NULL) {
            map_put(c->a, dst, key, *val);
        } else if (dv->kind == VALUE_NULL) {
            if (!merge && val->kind != VALUE_NULL)
                map_del(dst, key);
            *val = value_null();
        } else if (val->kind == VALUE_MAP && dv->kind == VALUE_MAP) {
            coalesce_tables(c, dv->map, val->map, join_path(c->a, prefix, key), merge);
        } else if (val->kind == VALUE_MAP) {
            warn_info(c->w, "warning: cannot overwrite table with non table for %.*s (%.*s)",
                      STR(join_path(c->a, prefix, key)), STR(printed(c->a, val)));
        } else if (dv->kind == VALUE_MAP && val->kind != VALUE_NULL) {
            warn_info(c->w, "warning: destination for %.*s is a table. Ignoring non-table value (%.*s)",
                      STR(join_path(c->a, prefix, key)), STR(printed(c->a, val)));
        }
    }
}

void values_merge_tables(struct arena *a, struct map *dst, struct map *src, struct warnings *w)
{
    const struct coalescer c = { .a = a, .w = w, .merge = true };

    coalesce_tables(&c, dst, src, S(""), true);
}

void values_coalesce_tables(struct arena *a, struct map *dst, struct map *src, struct warnings *w)
{
    const struct coalescer c = { .a = a, .w = w };

    coalesce_tables(&c, dst, src, S(""), false);
}

static bool has_subchart(const struct chart *chart, struct str name)
{
    for (size_t i = 0; i < chart->n_charts; i++)
        if (str_eq(chart->charts[i]->name, name))
            return true;
    return false;
}

/* One default of the chart under the user's values `v`. */
static void coalesce_default(const struct coalescer *c, const struct chart *chart, struct map *v, struct str key,
                             const struct value *original, struct str prefix)
{
    struct value *value = map_get(v, key);

    if (value == NULL) {
        map_put(c->a, v, key, values_copy(c->a, original));
    } else if (value->kind == VALUE_NULL) {
        if (!c->merge)
            map_del(v, key);
    } else if (value->kind == VALUE_MAP && original->kind == VALUE_MAP) {
        struct value src = values_copy(c->a, original);
        coalesce_tables(c, value->map, src.map, join_path(c->a, prefix, key), c->merge || has_subchart(chart, key));
    } else if (value->kind == VALUE_MAP && original->kind != VALUE_NULL) {
        warn_info(c->w, "warning: skipped value for %.*s.%.*s: Not a table.", STR(prefix), STR(key));
    }
}

static struct value shallow_copy(struct arena *a, const struct value *v)
{
    struct value out = value_map(a);

    for (size_t i = 0; i < v->map->n; i++)
        map_put(a, out.map, v->map->v[i].key, v->map->v[i].value);
    return out;
}

static void coalesce_global(const struct coalescer *c, struct map *into, struct str key, const struct value *val,
                            struct str prefix)
{
    struct value *own = map_get(into, key);

    if (val->kind != VALUE_MAP) {
        if (own != NULL && own->kind == VALUE_MAP)
            warn_info(c->w, "key %.*s is table. Skipping", STR(key));
        else
            map_put(c->a, into, key, *val);
        return;
    }
    struct value copy = shallow_copy(c->a, val);
    if (own == NULL) {
        map_put(c->a, into, key, copy);
    } else if (own->kind != VALUE_MAP) {
        warn_info(c->w, "Conflict: cannot merge map onto non-map for %.*s. Skipping.", STR(go_quote(c->a, key)));
    } else {
        coalesce_tables(c, copy.map, own->map, join_path(c->a, prefix, key), true);
        map_put(c->a, into, key, copy);
    }
}

/* The parent's `global` table over the one in the subchart's section. */
static void coalesce_globals(const struct coalescer *c, struct map *section, struct map *parent, struct str prefix)
{
    const struct value *own = map_get(section, S("global")), *above = map_get(parent, S("global"));

    if (own != NULL && own->kind != VALUE_MAP) {
        warn_info(c->w, "warning: skipping globals because destination global is not a table.");
        return;
    }
    if (above != NULL && above->kind != VALUE_MAP) {
        warn_info(c->w, "warning: skipping globals because source global is not a table.");
        return;
    }
    struct value into = own != NULL ? *own : value_map(c->a);
    if (above != NULL)
        for (size_t i = 0; i < above->map->n; i++)
            coalesce_global(c, into.map, above->map->v[i].key, &above->map->v[i].value, prefix);
    map_put(c->a, section, S("global"), into);
}

static struct str wrong_verb(struct arena *a, const struct value *v);

/* The same inside a list or a map, where nil is no mistake. */
static struct str wrong_inner(struct arena *a, const struct value *v)
{
    return v->kind == VALUE_NULL ? S("<nil>") : wrong_verb(a, v);
}

/* What fmt's %t makes of a value that is no bool. */
static struct str wrong_verb(struct arena *a, const struct value *v)
{
    static const char *const types[] = {
        [VALUE_NULL] = "<nil>",     [VALUE_BOOL] = "", [VALUE_INT] = "int64=", [VALUE_FLOAT] = "float64=",
        [VALUE_STRING] = "string=", [VALUE_LIST] = "", [VALUE_MAP] = "",       [VALUE_OPAQUE] = "",
    };
    struct buf b = { .a = a };

    if (v->kind == VALUE_BOOL)
        return v->b ? S("true") : S("false");
    if (v->kind == VALUE_LIST) {
        buf_byte(&b, '[');
        for (size_t i = 0; i < v->list->n; i++)
            buf_fmt(&b, "%s%.*s", i > 0 ? " " : "", STR(wrong_inner(a, &v->list->v[i])));
        buf_byte(&b, ']');
        return buf_str(&b);
    }
    if (v->kind == VALUE_MAP) {
        const struct map_entry **sorted = map_sorted(a, v->map);
        buf_c(&b, "map[");
        for (size_t i = 0; i < v->map->n; i++)
            buf_fmt(&b, "%s%%!t(string=%.*s):%.*s", i > 0 ? " " : "", STR(sorted[i]->key),
                    STR(wrong_inner(a, &sorted[i]->value)));
        buf_byte(&b, ']');
        return buf_str(&b);
    }
    return arena_fmt(a, "%%!t(%s%.*s)", types[v->kind], v->kind == VALUE_NULL ? 0 : (int)printed(a, v).n,
                     printed(a, v).p);
}

static bool coalesce(const struct coalescer *c, const struct chart *chart, struct map *dest, struct str prefix,
                     struct err *e);

static bool coalesce_subchart(const struct coalescer *c, const struct chart *sub, struct map *dest, struct str prefix,
                              struct err *e)
{
    struct value *section = map_get(dest, sub->name);

    if (section == NULL) {
        map_put(c->a, dest, sub->name, value_map(c->a));
        section = map_get(dest, sub->name);
    }
    if (section->kind != VALUE_MAP)
        return err_set(e, ERR_INVALID, "type mismatch on %.*s: %.*s", STR(sub->name), STR(wrong_verb(c->a, section)));
    struct map *table = section->map; /* `section` moves when dest grows */
    coalesce_globals(c, table, dest, prefix);
    return coalesce(c, sub, table, prefix, e);
}

static bool coalesce(const struct coalescer *c, const struct chart *chart, struct map *dest, struct str prefix,
                     struct err *e)
{
    struct str path = join_path(c->a, prefix, chart->name);

    if (c->a->total > CHART_VALUES_MAX) /* one subchart may be there under thousands of aliases */
        return err_set(e, ERR_LIMIT, "the values of all subcharts together take more than %zu bytes", CHART_VALUES_MAX);
    for (size_t i = 0; i < chart->values.map->n; i++)
        coalesce_default(c, chart, dest, chart->values.map->v[i].key, &chart->values.map->v[i].value, path);
    for (size_t i = 0; i < chart->n_charts; i++)
        if (!coalesce_subchart(c, chart->charts[i], dest, path, e))
            return false;
    return true;
}

bool values_coalesce(struct arena *a, const struct chart *chart, const struct value *user, bool merge,
                     struct warnings *w, struct value *out, struct err *e)
{
    const struct coalescer c = { .a = a, .w = w, .merge = merge };
    struct value result = user->kind == VALUE_MAP ? values_copy(a, user) : value_map(a);

    if (!coalesce(&c, chart, result.map, S(""), e))
        return false;
    *out = result;
    return true;
}
