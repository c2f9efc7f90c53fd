/* TOML as github.com/BurntSushi/toml writes it: keys sorted, plain values before tables, tables indented by level. */
#include <math.h>

#include "data/gofmt.h"
#include "data/gotime.h"
#include "template/formats.h"
#include "template/funcs.h"

enum { DEPTH_MAX = 1000 };

struct writer {
    struct buf *out;
    size_t start; /* of what was written here */
    struct err *e;
    int depth;
};

/* The name of a table, "a"."b c": one link per level. */
struct key {
    const struct key *outer;
    struct str name;
};

static const char *const nil_in_list = "toml: cannot encode array with nil element";

/* ---- scalars ------------------------------------------------------------------------------ */

static void write_quoted(struct buf *out, struct str s)
{
    buf_byte(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        static const char names[] = "btn\0fr";
        uint8_t ch = (uint8_t)s.p[i];
        if (ch == '"' || ch == '\\')
            buf_fmt(out, "\\%c", ch);
        else if (ch >= '\b' && ch <= '\r' && ch != '\v')
            buf_fmt(out, "\\%c", names[ch - '\b']);
        else if (ch < 0x20 || ch == 0x7f)
            buf_fmt(out, "\\u%04x", ch);
        else
            buf_byte(out, s.p[i]);
    }
    buf_byte(out, '"');
}

static void write_key_part(struct buf *out, struct str name)
{
    bool bare = name.n > 0;
    for (size_t i = 0; i < name.n; i++)
        bare = bare && (uint8_t)name.p[i] < 0x80
               && (rune_is_letter((uint8_t)name.p[i]) || rune_is_digit((uint8_t)name.p[i]) || name.p[i] == '_'
                   || name.p[i] == '-');
    if (bare)
        buf_add(out, name);
    else
        write_quoted(out, name);
}

static void write_key(struct buf *out, const struct key *k)
{
    if (k->outer != NULL) {
        write_key(out, k->outer);
        buf_byte(out, '.');
    }
    write_key_part(out, k->name);
}

static size_t key_depth(const struct key *k)
{
    size_t n = 0;
    for (; k != NULL; k = k->outer)
        n++;
    return n;
}

static void write_indent(struct writer *w, const struct key *k)
{
    buf_fill(w->out, ' ', 2 * (key_depth(k) - 1));
}

static void write_newline(struct writer *w)
{
    if (w->out->n > w->start)
        buf_byte(w->out, '\n');
}

static void write_float(struct buf *out, double f)
{
    char room[GO_FLOAT_MAX];
    struct str text = go_float(room, f, 64);
    if (!isfinite(f)) {
        buf_c(out, isnan(f) ? "nan" : f > 0 ? "+inf" : "-inf");
        return;
    }
    buf_add(out, text);
    if (str_find(text, S(".")) < 0 && str_find(text, S("e")) < 0)
        buf_c(out, ".0");
}

/* ---- what is a table ---------------------------------------------------------------------- */

static bool is_table_list(struct arena *a, const struct value *v)
{
    const struct list *l = list_in(a, v);
    for (size_t i = 0; l != NULL && i < l->n; i++)
        if (map_in(a, &l->v[i]) == NULL)
            return false;
    return l != NULL && l->n > 0;
}

static bool is_table(struct arena *a, const struct value *v)
{
    return map_in(a, v) != NULL || is_table_list(a, v);
}

/* ---- elements ----------------------------------------------------------------------------- */

static bool write_element(struct writer *w, const struct value *v);

static bool write_array(struct writer *w, const struct list *l)
{
    buf_byte(w->out, '[');
    for (size_t i = 0; i < l->n; i++) {
        buf_c(w->out, i > 0 ? ", " : "");
        if (l->v[i].kind == VALUE_NULL)
            return err_set(w->e, ERR_INVALID, "%s", nil_in_list);
        if (!write_element(w, &l->v[i]))
            return false;
    }
    buf_byte(w->out, ']');
    return true;
}

/* The pairs of an inline table that are tables, or the ones that are not. A comma follows all but the last, null or
 * not; with `more`, the last too: BurntSushi's commas do not look whether anything comes. */
static bool write_inline_pairs(struct writer *w, const struct map_entry **pairs, size_t n, bool more)
{
    for (size_t i = 0; i < n; i++) {
        if (pairs[i]->value.kind == VALUE_NULL)
            continue;
        write_key_part(w->out, pairs[i]->key);
        buf_c(w->out, " = ");
        if (!write_element(w, &pairs[i]->value))
            return false;
        buf_c(w->out, more || i + 1 < n ? ", " : "");
    }
    return true;
}

static bool write_inline_table(struct writer *w, const struct map *m)
{
    struct arena *a = w->out->a;
    const struct map_entry **sorted = map_sorted(a, m);
    const struct map_entry **plain = arena_new(a, const struct map_entry *, m->n + 1);
    const struct map_entry **tables = arena_new(a, const struct map_entry *, m->n + 1);
    size_t n_plain = 0, n_tables = 0;

    for (size_t i = 0; i < m->n; i++) {
        if (is_table(a, &sorted[i]->value))
            tables[n_tables++] = sorted[i];
        else
            plain[n_plain++] = sorted[i];
    }
    buf_byte(w->out, '{');
    bool ok = write_inline_pairs(w, plain, n_plain, n_tables > 0) && write_inline_pairs(w, tables, n_tables, false);
    buf_byte(w->out, '}');
    return ok;
}

static bool write_container(struct writer *w, const struct value *v)
{
    struct arena *a = w->out->a;
    const struct gotime *t = as_time(v);
    const struct map *m = map_in(a, v);
    const struct list *l = list_in(a, v);
    const struct value number = as_number(v);
    double real, imaginary;
    if (as_complex(v, &real, &imaginary))
        return err_set(w->e, ERR_INVALID,
                       w->out->n > w->start ? "unsupported type: complex128"
                                            : "unsupported type for key '': complex128");
    if (++w->depth > DEPTH_MAX)
        return err_set(w->e, ERR_LIMIT, "toml: more than %d levels", DEPTH_MAX);
    bool ok = true;
    if (t != NULL)
        buf_add(w->out, gotime_format_time(a, t, S(GOTIME_RFC3339_NANO)));
    else if (m != NULL)
        ok = write_inline_table(w, m);
    else if (l != NULL)
        ok = write_array(w, l);
    else if (number.kind == VALUE_INT)
        print_value(w->out, &number);
    else
        write_quoted(w->out, text_of(a, v));
    w->depth--;
    return ok;
}

static bool write_element(struct writer *w, const struct value *v)
{
    switch ((enum value_kind)v->kind) {
    case VALUE_BOOL: buf_c(w->out, v->b ? "true" : "false"); return true;
    case VALUE_INT: print_value(w->out, v); return true;
    case VALUE_FLOAT: write_float(w->out, v->f); return true;
    case VALUE_STRING:
        if (type_tag(v) == TEMPLATE_BYTES)
            return write_array(w, list_in(w->out->a, v));
        write_quoted(w->out, value_as_str(v));
        return true;
    case VALUE_NULL:
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_OPAQUE: break;
    }
    return write_container(w, v);
}

/* ---- tables ------------------------------------------------------------------------------- */

static bool write_table(struct writer *w, const struct key *k, const struct map *m);

static bool write_table_list(struct writer *w, const struct key *k, const struct list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        write_newline(w);
        write_indent(w, k);
        buf_c(w->out, "[[");
        write_key(w->out, k);
        buf_c(w->out, "]]\n");
        if (!write_table(w, k, map_in(w->out->a, &l->v[i])))
            return false;
    }
    return true;
}

static bool write_subtable(struct writer *w, const struct key *k, const struct value *v)
{
    struct arena *a = w->out->a;
    if (is_table_list(a, v))
        return write_table_list(w, k, list_in(a, v));
    if (k->outer == NULL)
        write_newline(w);
    write_indent(w, k);
    buf_byte(w->out, '[');
    write_key(w->out, k);
    buf_c(w->out, "]\n");
    return write_table(w, k, map_in(a, v));
}

static bool write_pair(struct writer *w, const struct key *k, const struct value *v)
{
    write_indent(w, k);
    write_key_part(w->out, k->name);
    buf_c(w->out, " = ");
    if (!write_element(w, v))
        return false;
    write_newline(w);
    return true;
}

/* First what fits on a line, then the tables: a plain key after a table's header would belong to that table. */
static bool write_table(struct writer *w, const struct key *outer, const struct map *m)
{
    struct arena *a = w->out->a;
    const struct map_entry **sorted = map_sorted(a, m);
    if (++w->depth > DEPTH_MAX)
        return err_set(w->e, ERR_LIMIT, "toml: more than %d levels", DEPTH_MAX);
    for (int tables = 0; tables < 2; tables++)
        for (size_t i = 0; i < m->n; i++) {
            const struct value *v = &sorted[i]->value;
            struct key k = { outer, sorted[i]->key };
            if (v->kind == VALUE_NULL || is_table(a, v) != (tables == 1))
                continue;
            if (!(tables == 1 ? write_subtable(w, &k, v) : write_pair(w, &k, v)))
                return false;
        }
    w->depth--;
    return true;
}

bool toml_write(struct buf *out, const struct value *v, struct err *e)
{
    struct writer w = { .out = out, .start = out->n, .e = e };
    const struct map *m = map_in(out->a, v);
    if (is_table_list(out->a, v))
        return err_set(e, ERR_INVALID, "toml: top-level values must be Go maps or structs");
    return m != NULL ? write_table(&w, NULL, m) : write_element(&w, v);
}
