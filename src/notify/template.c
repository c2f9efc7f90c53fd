/*
 * Notification templates: a YAML document whose strings are Go templates, each on its own.
 *
 * A line that is only `{{ $x := ... }}` cannot stand in YAML; Argo CD refuses it. Here such lines are taken out first
 * and put in front of every field, which is what their author meant. Lines inside a block scalar are text and stay.
 */
#include "data/yaml.h"
#include "notify/internal.h"

/* A field that is data, not a template. */
static bool is_plain(struct str path)
{
    return str_ends(path, S(".method"));
}

static size_t indent_of(struct str line)
{
    size_t n = 0;
    while (n < line.n && line.p[n] == ' ')
        n++;
    return n;
}

/* "{{ $x := ... }}", "{{- $x = ... -}}", or a comment action, alone on a line */
static bool is_definition(struct str line)
{
    struct str s = str_trim(line);
    if (!str_starts(s, S("{{")) || !str_ends(s, S("}}")) || s.n < 5)
        return false;
    s = str_slice(s, 2, s.n - 2);
    if (str_find(s, S("}}")) >= 0)
        return false;
    s = str_trim(str_trim_set(s, "-"));
    return str_starts(s, S("/*")) || (str_starts(s, S("$")) && (str_find(s, S(":=")) > 0 || str_find(s, S(" = ")) > 0));
}

/* "key: |", "key: >-", "- |2": the following deeper lines are text */
static bool opens_block(struct str line)
{
    struct str s = str_trim(line);
    ptrdiff_t at = str_rfind(s, S(" "));
    struct str last = at < 0 ? s : str_slice(s, (size_t)at + 1, s.n);
    if (last.n == 0 || last.n > 3 || (last.p[0] != '|' && last.p[0] != '>'))
        return false;
    for (size_t i = 1; i < last.n; i++)
        if (strchr("+-0123456789", last.p[i]) == NULL)
            return false;
    return at > 0 && (s.p[at - 1] == ':' || s.p[at - 1] == '-');
}

static void hoist_lines(struct str text, struct buf *yaml, struct buf *prefix)
{
    bool in_block = false;
    size_t block_indent = 0;
    struct str line;
    for (bool more = text.n > 0; more;) {
        more = str_split(&text, S("\n"), &line);
        bool blank = str_trim(line).n == 0;
        if (in_block && !blank && indent_of(line) <= block_indent)
            in_block = false;
        if (!in_block && is_definition(line)) {
            buf_add(prefix, str_trim(line));
            buf_byte(yaml, '\n'); /* line numbers in messages stay right */
            continue;
        }
        if (!in_block && opens_block(line)) {
            in_block = true;
            block_indent = indent_of(line);
        }
        buf_add(yaml, line);
        if (more)
            buf_byte(yaml, '\n');
    }
}

struct walk {
    struct arena *a;
    struct template_set *set;
    struct str prefix;
    struct err *e;
};

static bool parse_fields(struct walk *w, struct str path, const struct value *v)
{
    if (v->kind == VALUE_STRING && !is_plain(path)) {
        struct str text = arena_fmt(w->a, "%.*s%.*s", STR(w->prefix), STR(value_as_str(v)));
        return template_parse(w->set, path, text, w->e);
    }
    if (v->kind == VALUE_MAP)
        for (size_t i = 0; i < v->map->n; i++) {
            struct str key = v->map->v[i].key;
            struct str below = path.n > 0 ? arena_fmt(w->a, "%.*s.%.*s", STR(path), STR(key)) : key;
            if (!parse_fields(w, below, &v->map->v[i].value))
                return false;
        }
    return true;
}

bool notify_template_parse(struct arena *a, struct str name, struct str text, struct notify_template *out,
                           struct err *e)
{
    static const struct template_func *const tables[] = { template_funcs_sprig };
    struct notify_template t = { .name = name };
    struct buf yaml = { .a = a }, prefix = { .a = a };
    hoist_lines(text, &yaml, &prefix);
    if (!yaml_parse(a, buf_str(&yaml), NULL, &t.document, e))
        return false;
    if (t.document.kind != VALUE_MAP)
        return err_set(e, ERR_INVALID, "a map with `message` or a service's block was expected");
    if (!template_set_new(a, tables, COUNT(tables), &t.set, e))
        return false;
    struct walk w = { a, t.set, arena_str(a, buf_str(&prefix)), e };
    if (!parse_fields(&w, S(""), &t.document))
        return false;
    *out = t;
    return true;
}

static bool render_field(const struct notify_template *t, struct arena *a, struct str path, const struct value *v,
                         const struct value *data, struct value *out, struct err *e)
{
    if (v->kind == VALUE_STRING && !is_plain(path)) {
        struct template_options o = { .output_max = 1 << 20 };
        struct buf text = { .a = a };
        if (!template_execute(t->set, a, path, data, &o, &text, e))
            return false;
        *out = value_str(arena_str(a, buf_str(&text)));
        return true;
    }
    *out = *v;
    if (v->kind != VALUE_MAP)
        return true;
    *out = value_map(a);
    for (size_t i = 0; i < v->map->n; i++) {
        struct str key = v->map->v[i].key;
        struct value below;
        if (!render_field(t, a, path.n > 0 ? arena_fmt(a, "%.*s.%.*s", STR(path), STR(key)) : key, &v->map->v[i].value,
                          data, &below, e))
            return false;
        map_put(a, out->map, key, below);
    }
    return true;
}

bool notify_template_render(const struct notify_template *t, struct arena *a, const struct value *data,
                            struct value *out, struct err *e)
{
    struct value made;
    if (!render_field(t, a, S(""), &t->document, data, &made, e))
        return err_wrap(e, "template %.*s", STR(t->name));
    *out = made;
    return true;
}
