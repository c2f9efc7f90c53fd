/*
 * chart/dependencies.c - which subcharts take part in a render, under which names, and what they export.
 *
 * Works on the copied tree of one render: aliases make copies of a subchart, tags and conditions remove some, and
 * import-values move tables of a child's values into its parent's defaults, innermost charts first.
 */
#include "chart/internal.h"
#include "data/semver.h"

struct enabler {
    struct arena *a, *scratch; /* values that only decide lie in `scratch` */
    struct warnings *w;
};

static bool version_fits(struct arena *a, struct str constraint, struct str version)
{
    struct semver_constraint *wanted;
    struct semver found;
    struct err ignored;

    return semver_constraint_parse(a, constraint, &wanted, &ignored) && semver_parse(version, &found, &ignored)
           && semver_constraint_check(wanted, &found);
}

static bool is_wanted_by(const struct enabler *x, const struct chart_dependency *d, const struct chart *sub)
{
    return str_eq(d->name, sub->name) && version_fits(x->a, d->version, sub->version);
}

/* A copy of the first subchart that the entry means, under its alias. */
static struct chart *aliased(const struct enabler *x, const struct chart *c, const struct chart_dependency *d)
{
    for (size_t i = 0; i < c->n_charts; i++) {
        if (!is_wanted_by(x, d, c->charts[i]))
            continue;
        struct chart *copy = chart_copy(x->a, c->charts[i], c);
        if (d->alias.n > 0)
            copy->name = d->alias;
        return copy;
    }
    return NULL;
}

static bool is_declared(const struct enabler *x, const struct chart *c, const struct chart *sub)
{
    for (size_t i = 0; i < c->wants.n; i++)
        if (is_wanted_by(x, &c->wants.v[i], sub))
            return true;
    return false;
}

/* Undeclared subcharts first, then one copy for each entry of Chart.yaml that has its chart. */
static void apply_aliases(const struct enabler *x, struct chart *c)
{
    VEC(struct chart *) kept = { 0 };

    for (size_t i = 0; i < c->n_charts; i++)
        if (!is_declared(x, c, c->charts[i]))
            *vec_push(x->a, &kept) = c->charts[i];
    for (size_t i = 0; i < c->wants.n; i++) {
        struct chart_dependency *d = &c->wants.v[i];
        struct chart *copy = aliased(x, c, d);
        if (copy != NULL)
            *vec_push(x->a, &kept) = copy;
        if (d->alias.n > 0)
            d->name = d->alias;
        d->enabled = true;
    }
    c->charts = kept.v;
    c->n_charts = kept.n;
}

static void warn_non_bool(const struct enabler *x, const char *key, struct str what, struct str chart)
{
    const char *const keys[] = { key, "chart" };
    const struct str values[] = { what, chart };

    warn_log(x->w, "WARN", S("returned non-bool value"), keys, values, 2);
}

static void apply_tags(const struct enabler *x, struct chart_dependency *d, const struct value *tags)
{
    bool any_true = false, any_false = false;

    for (size_t i = 0; i < value_len(&d->tags); i++) {
        struct str tag = value_as_str(value_item(&d->tags, i));
        const struct value *v = map_get(tags->map, tag);
        if (v == NULL)
            continue;
        if (v->kind != VALUE_BOOL)
            warn_non_bool(x, "tag", tag, d->name);
        else if (v->b)
            any_true = true;
        else
            any_false = true;
    }
    d->enabled = any_true || !any_false;
}

/* The value at a dotted path that is no table; NULL when there is none. */
static const struct value *value_at_path(const struct value *v, struct str path)
{
    ptrdiff_t dot = str_rfind(path, S("."));
    struct str missing, last = str_slice(path, (size_t)(dot + 1), path.n);

    if (dot >= 0)
        v = values_table(v, str_slice(path, 0, (size_t)dot), &missing);
    const struct value *found = v != NULL && last.n > 0 ? map_get(v->map, last) : NULL;
    return found != NULL && found->kind != VALUE_MAP ? found : NULL;
}

/* Comma separated paths below `prefix`: the first that names a bool decides. */
static void apply_condition(const struct enabler *x, struct chart_dependency *d, const struct value *values,
                            struct str prefix)
{
    struct str rest = go_trim_space(d->condition), path;

    while (rest.n > 0) {
        str_split(&rest, S(","), &path);
        if (path.n == 0)
            continue;
        const struct value *v = value_at_path(values, arena_fmt(x->a, "%.*s%.*s", STR(prefix), STR(path)));
        if (v != NULL && v->kind == VALUE_BOOL) {
            d->enabled = v->b;
            return;
        }
        if (v != NULL)
            warn_non_bool(x, "path", path, d->name);
    }
}

static bool is_disabled(const struct chart *c, struct str name)
{
    for (size_t i = 0; i < c->wants.n; i++)
        if (!c->wants.v[i].enabled && str_eq(c->wants.v[i].name, name))
            return true;
    return false;
}

static void drop_disabled(struct chart *c)
{
    size_t charts = 0, entries = 0;

    for (size_t i = 0; i < c->n_charts; i++)
        if (!is_disabled(c, c->charts[i]->name))
            c->charts[charts++] = c->charts[i];
    c->n_charts = charts;
    for (size_t i = 0; i < c->wants.n; i++) /* an entry stays or goes with every entry of its name */
        c->wants.v[i].enabled = !is_disabled(c, c->wants.v[i].name);
    for (size_t i = 0; i < c->wants.n; i++)
        if (c->wants.v[i].enabled)
            c->wants.v[entries++] = c->wants.v[i];
    c->wants.n = entries;
    c->wants.declared = entries > 0; /* Helm's list of none left is nil */
}

static bool enable(const struct enabler *x, struct chart *c, const struct value *user, struct str prefix, struct err *e)
{
    CLEANUP(arena_close) struct arena below = { 0 }; /* serves one subchart after the other */
    const struct enabler inner = { .a = x->a, .scratch = &below, .w = x->w };
    struct value values;
    struct str missing;

    if (!c->wants.declared)
        return true;
    if (x->a->total > CHART_VALUES_MAX) /* aliases of aliases multiply at every level */
        return err_set(e, ERR_LIMIT, "the subcharts with all their aliases take more than %zu bytes", CHART_VALUES_MAX);
    apply_aliases(x, c);
    if (!values_coalesce(x->scratch, c, user, false, x->w, &values, e))
        return false;
    const struct value *tags = values_table(&values, S("tags"), &missing);
    for (size_t i = 0; i < c->wants.n; i++) {
        if (tags != NULL)
            apply_tags(x, &c->wants.v[i], tags);
        apply_condition(x, &c->wants.v[i], &values, prefix);
    }
    drop_disabled(c);
    for (size_t i = 0; i < c->n_charts; i++) {
        struct str path = arena_fmt(x->a, "%.*s%.*s.", STR(prefix), STR(c->charts[i]->name));
        if (!enable(&inner, c->charts[i], &values, path, e))
            return false;
        arena_reset(&below);
    }
    return true;
}

/* ---- import-values -------------------------------------------------------------------------- */

#define IMPORT_DEPTH_MAX 500 /* names in the path that a table is imported to */

static size_t count_dots(struct str path)
{
    size_t n = 0;

    for (size_t i = 0; i < path.n; i++)
        n += path.p[i] == '.';
    return n;
}

/* {"a": {"b": table}} for "a.b"; the table itself for ".". */
static struct value wrap_in_path(struct arena *a, struct str path, const struct value *table)
{
    struct value out = value_map(a);
    struct map *inner = out.map;
    struct str first;

    if (str_is(path, "."))
        return *table;
    while (str_split(&path, S("."), &first)) {
        struct value next = value_map(a);
        map_put(a, inner, first, next);
        inner = next.map;
        if (str_is(path, "."))
            path = S("");
    }
    map_put(a, inner, first, *table);
    return out;
}

static struct str import_word(struct arena *a, const struct value *import, const char *key)
{
    struct buf b = { .a = a };

    template_print(&b, value_get(import, key));
    return buf_str(&b);
}

static void warn_missing_table(const struct enabler *x, struct str chart, struct str missing)
{
    static const char *const keys[] = { "chart", "error" };
    struct str error = arena_fmt(x->a, "%.*s is not a table", STR(go_quote(x->a, missing)));
    const struct str values[] = { chart, error };

    if (chart.n > 0)
        warn_log(x->w, "WARN", S("ImportValues missing table from chart"), keys, values, 2);
    else
        warn_log(x->w, "WARN", S("ImportValues missing table"), keys + 1, values + 1, 1);
}

/* One item of import-values: a table of the child's values goes into `imported`. */
static bool import_one(const struct enabler *x, const struct chart_dependency *d, const struct value *import,
                       const struct value *values, struct map *imported, struct err *e)
{
    bool named = import->kind == VALUE_MAP;
    struct str child, parent = S("."), missing;

    if (!named && import->kind != VALUE_STRING)
        return true;
    if (named) {
        child = import_word(x->a, import, "child");
        parent = import_word(x->a, import, "parent");
    } else {
        child = arena_fmt(x->a, "exports.%.*s", STR(value_as_str(import)));
    }
    struct str path = arena_fmt(x->a, "%.*s.%.*s", STR(d->name), STR(child));
    const struct value *table = values_table(values, path, &missing);
    if (table == NULL) {
        warn_missing_table(x, named ? d->name : S(""), missing);
        return true;
    }
    if (count_dots(parent) > IMPORT_DEPTH_MAX) /* walks over values are recursive */
        return err_set(e, ERR_LIMIT, "import-values of %.*s: a parent of more than %d names", STR(d->name),
                       IMPORT_DEPTH_MAX);
    struct value wrapped = wrap_in_path(x->a, parent, table);
    values_merge_tables(x->a, imported, wrapped.map, x->w);
    return true;
}

/* The import as Helm leaves it in .Chart.Dependencies. */
static struct value normalised_imports(struct arena *a, const struct value *imports)
{
    struct value out = value_list(a);

    for (size_t i = 0; i < value_len(imports); i++) {
        const struct value *import = value_item(imports, i);
        struct value pair = value_map(a);
        if (import->kind == VALUE_MAP) {
            value_set(a, &pair, "child", value_str(import_word(a, import, "child")));
            value_set(a, &pair, "parent", value_str(import_word(a, import, "parent")));
        } else if (import->kind == VALUE_STRING) {
            value_set(a, &pair, "child", value_fmt(a, "exports.%.*s", STR(value_as_str(import))));
            value_set(a, &pair, "parent", value_c("."));
        } else {
            continue;
        }
        list_push(a, out.list, pair);
    }
    return out;
}

static bool import_values(const struct enabler *x, struct chart *c, struct err *e)
{
    struct value values, imported = value_map(x->a);
    bool imports = false;

    for (size_t i = 0; i < c->n_charts; i++)
        if (!import_values(x, c->charts[i], e))
            return false;
    if (!c->wants.declared)
        return true;
    if (!values_coalesce(x->a, c, &value_nil, true, x->w, &values, e))
        return false;
    for (size_t i = 0; i < c->wants.n; i++) {
        struct chart_dependency *d = &c->wants.v[i];
        imports = imports || value_len(&d->import_values) > 0;
        for (size_t k = 0; k < value_len(&d->import_values); k++)
            if (!import_one(x, d, value_item(&d->import_values, k), &values, imported.map, e))
                return false;
        d->import_values = normalised_imports(x->a, &d->import_values);
    }
    c->values = imports ? values_copy(x->a, &values) : values; /* the tables that are imported belong to `values` */
    values_merge_tables(x->a, c->values.map, imported.map, x->w);
    return true;
}

bool dependencies_process(struct arena *a, struct chart *c, const struct value *user, struct warnings *w, struct err *e)
{
    CLEANUP(arena_close) struct arena scratch = { 0 };
    const struct enabler x = { .a = a, .scratch = &scratch, .w = w };

    return enable(&x, c, user, S(""), e) && import_values(&x, c, e);
}
