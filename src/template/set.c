/* Sets of templates and of functions. */
#include "template/internal.h"

static struct func_table measure(const struct template_func *rows)
{
    struct func_table t = { .rows = rows, .sorted = true };
    for (; rows[t.n].name != NULL; t.n++)
        t.sorted = t.sorted && (t.n == 0 || strcmp(rows[t.n - 1].name, rows[t.n].name) < 0);
    return t;
}

bool template_set_new(struct arena *a, const struct template_func *const *tables, size_t n_tables,
                      struct template_set **out, struct err *e)
{
    struct template_set *set = arena_new(a, struct template_set, 1);
    set->a = a;
    set->n_tables = n_tables + 1;
    set->tables = arena_new(a, struct func_table, set->n_tables);
    set->tables[0] = measure(template_builtins);
    for (size_t i = 0; i < n_tables; i++)
        set->tables[i + 1] = measure(tables[i]);
    *out = set;
    return true;
}

bool template_set_over(struct arena *a, const struct template_set *below, struct template_set **out, struct err *e)
{
    struct template_set *set = arena_new(a, struct template_set, 1);
    *set = (struct template_set){ .a = a, .below = below, .tables = below->tables, .n_tables = below->n_tables };
    *out = set;
    return true;
}

const struct tree *set_find(const struct template_set *set, struct str name)
{
    for (; set != NULL; set = set->below) {
        const struct value *there = map_get(&set->trees, name);
        if (there != NULL)
            return there->opaque;
    }
    return NULL;
}

bool template_has(const struct template_set *set, struct str name)
{
    return set_find(set, name) != NULL;
}

static int compare_name(struct str name, const char *row)
{
    int order = strncmp(name.p, row, name.n);
    return order != 0 ? order : -(int)(uint8_t)row[name.n];
}

/* Sorted tables are searched by halves, the small ones of callers from the start. */
static const struct template_func *find_row(const struct func_table *t, struct str name)
{
    size_t low = 0, high = t->sorted ? t->n : 0;
    for (size_t i = 0; !t->sorted && i < t->n; i++)
        if (compare_name(name, t->rows[i].name) == 0)
            return &t->rows[i];
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = compare_name(name, t->rows[middle].name);
        if (order == 0)
            return &t->rows[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct template_func *set_func(const struct template_set *set, struct str name, bool *builtin)
{
    for (size_t i = set->n_tables; i-- > 0;) {
        const struct template_func *f = find_row(&set->tables[i], name);
        *builtin = i == 0;
        if (f != NULL)
            return f;
    }
    return NULL;
}

static bool parse_apart(const struct template_set *set, struct str name, struct str text, struct parsed *out,
                        struct err *e)
{
    if (text.n > UINT32_MAX / 2)
        return err_set(e, ERR_LIMIT, "template: %.*s: larger than 2 GiB", STR(name));
    out->trees.name = name;
    return parse_text(set, name, text, out, e);
}

bool template_parse(struct template_set *set, struct str name, struct str text, struct err *e)
{
    struct parsed parsed = { 0 };
    if (!parse_apart(set, name, text, &parsed, e)) {
        set->stumbled_at = parsed.stumbled_at;
        set->stumbled_n = parsed.stumbled_n;
        return false;
    }
    template_add(set, &parsed.trees);
    return true;
}

bool template_parse_apart(const struct template_set *set, struct arena *a, struct str name, struct str text,
                          const struct template_definitions **out, struct err *e)
{
    const struct template_set functions = { .a = a, .tables = set->tables, .n_tables = set->n_tables };
    struct parsed *parsed = arena_new(a, struct parsed, 1);
    *out = &parsed->trees;
    return parse_apart(&functions, arena_str(a, name), text, parsed, e);
}

void template_add(struct template_set *set, const struct template_definitions *d)
{
    for (size_t i = 0; i < d->n; i++) {
        struct tree *t = d->v[i];
        /* An empty definition never replaces another, but a text on top of a set is executed even if it is blank. */
        bool own = str_eq(t->name, d->name) && set->below != NULL && map_get(&set->trees, d->name) == NULL;
        if (node_list_is_empty(t->root) && !own && set_find(set, t->name) != NULL)
            continue;
        map_put(set->a, &set->trees, t->name, (struct value){ .kind = VALUE_OPAQUE, .opaque = t });
    }
}
