/*
 * chart/show.c - the parts of a chart that people read: `helm show`.
 */
#include "chart/internal.h"
#include "data/yaml.h"

static void show_metadata(const struct chart *c, struct buf *out)
{
    struct value m = metadata_filled(out->a, c);

    yaml_write(out, &m);
    buf_byte(out, '\n');
}

static void show_readme(const struct chart *c, bool separate, struct buf *out)
{
    for (size_t i = 0; i < c->files.n; i++) {
        struct str name = c->files.v[i].name;
        if (!str_ieq(name, S("readme.md")) && !str_ieq(name, S("readme.txt")) && !str_ieq(name, S("readme")))
            continue;
        buf_c(out, separate ? "---\n" : "");
        buf_add(out, c->files.v[i].data);
        buf_byte(out, '\n');
        return;
    }
}

static void show_crds(const struct chart *c, struct buf *out)
{
    for (size_t i = 0; i < c->files.n; i++) {
        const struct chart_file *f = &c->files.v[i];
        if (!chart_is_crd(f->name))
            continue;
        buf_c(out, str_starts(f->data, S("---")) ? "" : "---\n");
        buf_add(out, f->data);
        buf_byte(out, '\n');
    }
    for (size_t i = 0; i < c->n_charts; i++)
        show_crds(c->charts[i], out);
}

void chart_show_parts(const struct chart *c, int parts, struct buf *out)
{
    bool all = parts == CHART_SHOW_ALL;

    if ((parts & CHART_SHOW_CHART) != 0)
        show_metadata(c, out);
    if ((parts & CHART_SHOW_VALUES) != 0) {
        buf_c(out, all ? "---\n" : "");
        if (c->has_values_text) {
            buf_add(out, c->values_text);
            buf_byte(out, '\n');
        }
    }
    if ((parts & CHART_SHOW_README) != 0)
        show_readme(c, all, out);
    if ((parts & CHART_SHOW_CRDS) != 0)
        show_crds(c, out);
}
