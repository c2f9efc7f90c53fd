/*
 * chart/values.c - values files, and the plain operations on tables of values.
 */
#include <fcntl.h>

#include "base/sys.h"
#include "chart/internal.h"
#include "data/yaml.h"

void values_to_floats(struct value *v)
{
    switch ((enum value_kind)v->kind) {
    case VALUE_INT:
        if (v->tag != TEMPLATE_INT64) /* --set makes those, and they stay */
            *v = value_float((double)v->i);
        return;
    case VALUE_LIST:
        for (size_t i = 0; i < v->list->n; i++)
            values_to_floats(&v->list->v[i]);
        return;
    case VALUE_MAP:
        for (size_t i = 0; i < v->map->n; i++)
            values_to_floats(&v->map->v[i].value);
        return;
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_FLOAT:
    case VALUE_STRING:
    case VALUE_OPAQUE: return;
    }
}

bool values_parse_yaml(struct arena *a, struct str text, struct value *out, struct err *e)
{
    if (!yaml_parse(a, text, NULL, out, e))
        return err_wrap(e, "error converting YAML to JSON");
    values_to_floats(out);
    return true;
}

bool chart_read_value_file(struct arena *a, struct str path, struct str *out, struct err *e)
{
    const char *name = arena_c(a, path);

    if (memchr(path.p, '\0', path.n) != NULL)
        return err_set(e, ERR_INVALID, "open %s: invalid argument", name);
    if (str_is(go_trim_space(path), "-"))
        return fs_read(a, AT_FDCWD, "/dev/stdin", FS_READ_MAX, out, e) || err_wrap(e, "read standard input");
    if (fs_read(a, AT_FDCWD, name, FS_READ_MAX, out, e))
        return true;
    if (e->kind == ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND, "open %s: no such file or directory", name);
    return false;
}

bool chart_values_parse(struct arena *a, struct str text, struct value *out, struct err *e)
{
    return values_read(a, text, out, e);
}

/* Helm reads values by lines and ends each; that shows in the lines that messages name, and in a block at the end. */
static struct str with_last_newline(struct arena *a, struct str text)
{
    return str_ends(text, S("\n")) ? text : arena_fmt(a, "%.*s\n", STR(text));
}

static bool parse_document(struct arena *a, struct str text, struct value *out, struct err *e)
{
    struct value v;

    text = with_last_newline(a, text);
    if (!values_parse_yaml(a, text, &v, e))
        return err_wrap(e, "cannot unmarshal yaml document");
    if (v.kind == VALUE_NULL)
        v = value_map(a);
    if (v.kind != VALUE_MAP)
        return err_set(e, ERR_INVALID,
                       "cannot unmarshal yaml document: error unmarshaling JSON: while decoding JSON: json: cannot "
                       "unmarshal %s into Go value of type map[string]interface {}",
                       json_kind_word(&v));
    *out = v;
    return true;
}

/* A line of three dashes, perhaps with a comment behind them. */
static bool is_separator(struct str line)
{
    if (!str_starts(line, S("---")))
        return false;
    struct str rest = go_trim_space(str_slice(line, 3, line.n));
    return rest.n == 0 || rest.p[0] == '#';
}

/* Cut the next document off: up to a separator line that has something before it. */
static struct str take_document(struct str *text)
{
    const char *start = text->p;

    while (text->n > 0) {
        struct str rest = *text, line;
        str_split(&rest, S("\n"), &line);
        if (text->p > start && is_separator(line))
            break;
        *text = rest;
    }
    return (struct str){ start, (size_t)(text->p - start) };
}

bool values_read(struct arena *a, struct str text, struct value *out, struct err *e)
{
    struct value merged = value_map(a), one;

    while (text.n > 0) {
        struct str document = take_document(&text);
        if (!parse_document(a, document, &one, e))
            return false;
        merged = merged.map->n == 0 ? one : chart_merge_values(a, &merged, &one);
    }
    *out = merged;
    return true;
}

struct value chart_merge_values(struct arena *a, const struct value *base, const struct value *over)
{
    struct value out = value_map(a);

    if (base->kind == VALUE_MAP)
        for (size_t i = 0; i < base->map->n; i++)
            map_put(a, out.map, base->map->v[i].key, base->map->v[i].value);
    for (size_t i = 0; over->kind == VALUE_MAP && i < over->map->n; i++) {
        const struct map_entry *entry = &over->map->v[i];
        const struct value *below = map_get(out.map, entry->key);
        if (entry->value.kind == VALUE_MAP && below != NULL && below->kind == VALUE_MAP)
            map_put(a, out.map, entry->key, chart_merge_values(a, below, &entry->value));
        else
            map_put(a, out.map, entry->key, entry->value);
    }
    return out;
}

struct value values_copy(struct arena *a, const struct value *v)
{
    struct value out = *v;

    if (v->kind == VALUE_LIST) {
        out = value_list(a);
        out.tag = v->tag;
        list_reserve(a, out.list, v->list->n);
        for (size_t i = 0; i < v->list->n; i++)
            list_push(a, out.list, values_copy(a, &v->list->v[i]));
    } else if (v->kind == VALUE_MAP) {
        out = value_map(a);
        out.tag = v->tag;
        map_reserve(a, out.map, v->map->n);
        for (size_t i = 0; i < v->map->n; i++)
            map_put(a, out.map, v->map->v[i].key, values_copy(a, &v->map->v[i].value));
    }
    return out;
}

const struct value *values_table(const struct value *v, struct str path, struct str *missing)
{
    struct str part;
    bool more = true;

    while (more) {
        more = str_split(&path, S("."), &part);
        v = v->kind == VALUE_MAP ? map_get(v->map, part) : NULL;
        if (v == NULL || v->kind != VALUE_MAP) {
            *missing = part;
            return NULL;
        }
    }
    return v;
}
