/* JSON, YAML and TOML. Helm's forms put an error where the text should be; the must forms fail. */
#include <math.h>

#include "data/gotime.h"
#include "data/json.h"
#include "data/yaml.h"
#include "template/crypto.h"
#include "template/formats.h"
#include "template/funcs.h"

enum { PLAIN_DEPTH_MAX = 1000 };

/* ---- plain trees -------------------------------------------------------------------------- */

static bool is_nil_map(const struct value *v)
{
    return v->kind == VALUE_MAP
           && (type_tag(v) == TEMPLATE_NIL_STRING_MAP || (type_tag(v) == TEMPLATE_NIL && v->map->n == 0));
}

static bool is_plain(const struct value *v, int depth)
{
    if (v->kind == VALUE_OPAQUE || is_nil_map(v) || (v->kind == VALUE_STRING && type_tag(v) == TEMPLATE_BYTES)
        || (v->kind == VALUE_LIST && is_nil_list(v)) || (v->kind == VALUE_FLOAT && !isfinite(v->f))
        || depth > PLAIN_DEPTH_MAX)
        return false;
    for (size_t i = 0; v->kind == VALUE_LIST && i < v->list->n; i++)
        if (!is_plain(&v->list->v[i], depth + 1))
            return false;
    for (size_t i = 0; v->kind == VALUE_MAP && i < v->map->n; i++)
        if (!is_plain(&v->map->v[i].value, depth + 1))
            return false;
    return true;
}

static struct value plain_object(struct arena *a, const struct value *v)
{
    const struct gotime *t = as_time(v);
    const struct template_object *o = as_object(v);
    const struct map *m = map_in(a, v);
    const struct list *l = list_in(a, v);
    if (t != NULL)
        return value_str(gotime_format_time(a, t, S(GOTIME_RFC3339_NANO)));
    if (m != NULL)
        return (struct value){ .kind = VALUE_MAP, .map = (struct map *)(uintptr_t)m };
    if (l != NULL)
        return (struct value){ .kind = VALUE_LIST, .list = (struct list *)(uintptr_t)l };
    if (o->class->plain != NULL)
        return o->class->plain(a, o);
    return o->class->print != NULL ? value_str(o->class->print(a, o)) : value_map(a);
}

static bool make_plain(struct arena *a, const struct value *v, int depth, struct value *out, struct err *e);

static bool plain_list(struct arena *a, const struct list *l, int depth, struct value *out, struct err *e)
{
    *out = value_list(a);
    for (size_t i = 0; i < l->n; i++) {
        struct value item;
        if (!make_plain(a, &l->v[i], depth + 1, &item, e))
            return false;
        list_push(a, out->list, item);
    }
    return true;
}

/* Maps are sorted here, so that the writer can leave the order of structs alone. */
static bool plain_map(struct arena *a, const struct map *m, bool is_struct, int depth, struct value *out, struct err *e)
{
    const struct map_entry **sorted = map_sorted(a, m);
    *out = value_map(a);
    for (size_t i = 0; i < m->n; i++) {
        const struct map_entry *entry = is_struct ? &m->v[i] : sorted[i];
        struct value item;
        if (!make_plain(a, &entry->value, depth + 1, &item, e))
            return false;
        map_put(a, out->map, entry->key, item);
    }
    return true;
}

static bool make_plain(struct arena *a, const struct value *v, int depth, struct value *out, struct err *e)
{
    struct value seen = v->kind == VALUE_OPAQUE ? plain_object(a, v) : *v;
    double real, imaginary;
    if (as_complex(v, &real, &imaginary))
        return err_set(e, ERR_INVALID, "json: unsupported type: complex128");
    if (depth > PLAIN_DEPTH_MAX)
        return err_set(e, ERR_INVALID, "json: unsupported value: encountered a cycle or more than %d levels",
                       PLAIN_DEPTH_MAX);
    if (seen.kind == VALUE_FLOAT && !isfinite(seen.f))
        return err_set(e, ERR_INVALID, "json: unsupported value: %s",
                       isnan(seen.f) ? "NaN"
                       : seen.f > 0  ? "+Inf"
                                     : "-Inf");
    *out = seen;
    if (seen.kind == VALUE_STRING && type_tag(&seen) == TEMPLATE_BYTES)
        *out = value_str(base64_encode(a, value_as_str(&seen)));
    else if ((seen.kind == VALUE_LIST && is_nil_list(&seen) && seen.list->n == 0) || is_nil_map(&seen))
        *out = value_null();
    else if (seen.kind == VALUE_LIST)
        return plain_list(a, seen.list, depth, out, e);
    else if (seen.kind == VALUE_MAP)
        return plain_map(a, seen.map, v->kind == VALUE_OPAQUE && map_in(a, v) == NULL, depth, out, e);
    return true;
}

/* What the writers of src/data take; nothing is copied when there is nothing to change. */
static bool to_plain(struct template_call *c, const struct value *v, struct value *out, struct err *e)
{
    int64_t left = (int64_t)TEXT_MAX;
    if (!tree_measure(v, PLAIN_DEPTH_MAX, &left) && left < 0)
        return text_fits(TEXT_MAX + 1, e);
    *out = *v;
    return call_spend(c, ((int64_t)TEXT_MAX - left) / 256, e) && (is_plain(v, 0) || make_plain(c->a, v, 0, out, e));
}

/* Helm's forms that never fail give nothing instead; but what is too much must be told. */
static bool give_nothing(struct value *out, const struct err *e)
{
    return e->kind != ERR_LIMIT && give_str(out, S(""));
}

/* ---- JSON --------------------------------------------------------------------------------- */

static bool write_json(struct template_call *c, const struct value *v, int flags, struct value *out, struct err *e)
{
    struct buf b = { .a = c->a };
    struct value plain;
    if (!to_plain(c, v, &plain, e))
        return false;
    json_write(&b, &plain, is_plain(v, 0) ? JSON_SORT_KEYS | flags : flags); /* make_plain has sorted */
    return give_bounded(out, &b, e);
}

FUNC(fn_must_to_json)
{
    return write_json(c, &args[0], JSON_ESCAPE_HTML, out, e);
}

FUNC(fn_to_json)
{
    return fn_must_to_json(c, args, n, out, e) || give_nothing(out, e);
}

FUNC(fn_must_to_pretty_json)
{
    return write_json(c, &args[0], JSON_ESCAPE_HTML | JSON_INDENT, out, e);
}

FUNC(fn_to_pretty_json)
{
    return fn_must_to_pretty_json(c, args, n, out, e) || give_nothing(out, e);
}

/* Not even this form leaves the two line separators of Unicode alone: JavaScript ends lines at them. */
static struct str escape_separators(struct arena *a, struct str s)
{
    struct buf b = { .a = a };
    ptrdiff_t at;
    while ((at = str_find(s, S("\xe2\x80"))) >= 0 && (size_t)at + 2 < s.n) {
        uint8_t last = (uint8_t)s.p[at + 2];
        buf_add(&b, str_cut(&s, (size_t)at));
        struct str rune = str_cut(&s, 3);
        buf_add(&b, last == 0xa8 ? S("\\u2028") : last == 0xa9 ? S("\\u2029") : rune);
    }
    buf_add(&b, s);
    return buf_str(&b);
}

FUNC(fn_must_to_raw_json)
{
    return write_json(c, &args[0], 0, out, e) && give_str(out, escape_separators(c->a, value_as_str(out)));
}

FUNC(fn_to_raw_json)
{
    return fn_must_to_raw_json(c, args, n, out, e);
}

static bool source_fits(struct str text, struct err *e)
{
    return text.n <= SOURCE_MAX
           || err_set(e, ERR_LIMIT, "a text of %zu bytes; at most %zu are read", text.n, SOURCE_MAX);
}

static bool read_json(struct template_call *c, struct str text, struct value *out, struct err *e)
{
    struct value v;
    if (!source_fits(text, e))
        return false;
    if (!json_parse(c->a, text, &v, e))
        return json_go_error(c->a, text, e);
    return give(out, template_floats(c->a, &v));
}

FUNC(fn_must_from_json)
{
    return read_json(c, str_at(args, 0), out, e);
}

FUNC(fn_from_json)
{
    return read_json(c, str_at(args, 0), out, e) || (e->kind != ERR_LIMIT && give(out, value_null()));
}

/* ---- decoding into a map or a list -------------------------------------------------------- */

static const char *json_kind(const struct value *v)
{
    switch ((enum value_kind)v->kind) {
    case VALUE_BOOL: return "bool";
    case VALUE_INT:
    case VALUE_FLOAT: return "number";
    case VALUE_STRING: return "string";
    case VALUE_LIST: return "array";
    case VALUE_MAP:
    case VALUE_NULL:
    case VALUE_OPAQUE: break;
    }
    return "object";
}

static bool check_shape(const struct value *v, enum value_kind want, struct err *e)
{
    if (v->kind == want || v->kind == VALUE_NULL)
        return true;
    return err_set(e, ERR_INVALID, "json: cannot unmarshal %s into Go value of type %s", json_kind(v),
                   want == VALUE_MAP ? "map[string]interface {}" : "[]interface {}");
}

static bool give_error_map(struct template_call *c, const struct err *e, struct value *out)
{
    *out = value_map(c->a);
    value_set_str(c->a, out, "Error", arena_str(c->a, str_c(e->text)));
    return true;
}

static bool give_error_list(struct template_call *c, const struct err *e, struct value *out)
{
    *out = value_list(c->a);
    list_push(c->a, out->list, value_str(arena_str(c->a, str_c(e->text))));
    return true;
}

static FUNC(fn_helm_from_json)
{
    struct value v;
    if (!read_json(c, str_at(args, 0), &v, e) || !check_shape(&v, VALUE_MAP, e))
        return give_error_map(c, e, out);
    return give(out, v.kind == VALUE_NULL ? tagged(value_map(c->a), TEMPLATE_NIL) : v);
}

static FUNC(fn_helm_from_json_array)
{
    struct value v;
    if (!read_json(c, str_at(args, 0), &v, e) || !check_shape(&v, VALUE_LIST, e))
        return give_error_list(c, e, out);
    return give(out, v.kind == VALUE_NULL ? tagged(value_list(c->a), TEMPLATE_NIL) : v);
}

/* ---- YAML --------------------------------------------------------------------------------- */

FUNC(fn_must_to_yaml)
{
    struct buf b = { .a = c->a };
    struct value plain;
    if (!to_plain(c, &args[0], &plain, e))
        return err_wrap(e, "error marshaling into JSON");
    if (!yaml_marshal(&b, &plain, e))
        return false;
    if (b.n > 0 && b.p[b.n - 1] == '\n')
        b.n--;
    return give_buf(out, &b);
}

static FUNC(fn_to_yaml)
{
    return fn_must_to_yaml(c, args, n, out, e) || give_nothing(out, e);
}

/* This writer has no JSON in between: bytes are a list there, and a nil list is an empty one. */
static struct value pretty_tree(struct arena *a, const struct value *v, int depth)
{
    const struct map *m = map_in(a, v);
    struct value made = *v;
    if (v->kind == VALUE_STRING && type_tag(v) == TEMPLATE_BYTES)
        return (struct value){ .kind = VALUE_LIST, .list = (struct list *)(uintptr_t)list_in(a, v) };
    if (m != NULL) {
        made = value_map(a);
        for (size_t i = 0; i < m->n && depth < PLAIN_DEPTH_MAX; i++)
            map_put(a, made.map, m->v[i].key, pretty_tree(a, &m->v[i].value, depth + 1));
    } else if (v->kind == VALUE_LIST) {
        made = value_list(a);
        for (size_t i = 0; i < v->list->n && depth < PLAIN_DEPTH_MAX; i++)
            list_push(a, made.list, pretty_tree(a, &v->list->v[i], depth + 1));
    }
    return made;
}

static FUNC(fn_to_yaml_pretty)
{
    struct buf b = { .a = c->a };
    struct value plain = args[0];
    double real, imaginary;
    struct err ignored;
    if (!can_print(c, args, 1, e))
        return false;
    if (as_complex(&args[0], &real, &imaginary))
        return err_set(e, ERR_INVALID, "cannot marshal type: complex128");
    if (!is_plain(&args[0], 0)) {
        plain = pretty_tree(c->a, &args[0], 0);
        args = &plain;
    }
    if (!is_plain(&args[0], 0) && !make_plain(c->a, &args[0], 0, &plain, &ignored))
        plain = args[0]; /* infinities, which this writer knows */
    yaml_write_pretty(&b, &plain);
    if (b.n > 0 && b.p[b.n - 1] == '\n')
        b.n--;
    return give_bounded(out, &b, e);
}

static bool read_yaml(struct template_call *c, struct str text, enum value_kind want, struct value *out, struct err *e)
{
    struct value v;
    if (!source_fits(text, e))
        return false;
    if (!yaml_parse(c->a, text, NULL, &v, e))
        return err_wrap(e, "error converting YAML to JSON");
    if (!check_shape(&v, want, e))
        return err_wrap(e, "error unmarshaling JSON: while decoding JSON");
    return give(out, template_floats(c->a, &v));
}

static FUNC(fn_from_yaml)
{
    struct value v;
    if (!read_yaml(c, str_at(args, 0), VALUE_MAP, &v, e))
        return give_error_map(c, e, out);
    return give(out, v.kind == VALUE_NULL ? value_map(c->a) : v);
}

static FUNC(fn_from_yaml_array)
{
    struct value v;
    if (!read_yaml(c, str_at(args, 0), VALUE_LIST, &v, e))
        return give_error_list(c, e, out);
    return give(out, v.kind == VALUE_NULL ? value_list(c->a) : v);
}

/* ---- TOML --------------------------------------------------------------------------------- */

static FUNC(fn_to_toml)
{
    struct buf b = { .a = c->a };
    if (args[0].kind == VALUE_NULL)
        return err_set(e, ERR_INVALID, "reflect: call of reflect.Value.Type on zero Value");
    if (!can_print(c, args, 1, e))
        return false;
    if (!toml_write(&b, &args[0], e))
        return give_str(out, arena_str(c->a, str_c(e->text)));
    return give_bounded(out, &b, e);
}

static FUNC(fn_from_toml)
{
    return source_fits(str_at(args, 0), e) && (toml_parse(c->a, str_at(args, 0), out, e) || give_error_map(c, e, out));
}

/* Sorted by name. */
const struct template_func template_funcs_data[] = {
    { "fromJson", fn_helm_from_json, 1, 1, "s" },
    { "fromJsonArray", fn_helm_from_json_array, 1, 1, "s" },
    { "fromToml", fn_from_toml, 1, 1, "s" },
    { "fromYaml", fn_from_yaml, 1, 1, "s" },
    { "fromYamlArray", fn_from_yaml_array, 1, 1, "s" },
    { "mustToJson", fn_must_to_json, 1, 1, "v" },
    { "mustToYaml", fn_must_to_yaml, 1, 1, "v" },
    { "toJson", fn_to_json, 1, 1, "v" },
    { "toToml", fn_to_toml, 1, 1, "v" },
    { "toYaml", fn_to_yaml, 1, 1, "v" },
    { "toYamlPretty", fn_to_yaml_pretty, 1, 1, "v" },
    { NULL, NULL, 0, 0, NULL },
};
