/*
 * template/common_values.c - the methods of Helm's common.Values, the Go type of the top level and of .Values. A method
 * goes before a key of the same name.
 */
#include "template/funcs.h"

#include "data/gofmt.h"

struct common_values {
    struct template_object object;
    struct value map;
};

static bool is_table(const struct value *v)
{
    return v != NULL && v->kind == VALUE_MAP && type_tag(v) != TEMPLATE_STRING_MAP
           && type_tag(v) != TEMPLATE_NIL_STRING_MAP;
}

static FUNC(values_as_map)
{
    return give(out, tagged(args[0], TEMPLATE_PLAIN));
}

static FUNC(values_yaml)
{
    struct value map = tagged(args[0], TEMPLATE_PLAIN);

    return fn_must_to_yaml(c, &map, 1, out, e) && give_str(out, arena_fmt(c->a, "%.*s\n", STR(value_as_str(out))));
}

/* The map that the names of a dotted path lead to, one inside the other. */
static FUNC(values_table)
{
    struct str path = str_at(args, 1), name;

    *out = args[0];
    for (bool more = true; more;) {
        more = str_split(&path, S("."), &name);
        const struct value *v = map_get(out->map, name);
        if (!is_table(v))
            return err_set(e, ERR_INVALID, "%.*s is not a table", STR(go_quote(c->a, name)));
        *out = tagged(*v, TEMPLATE_VALUES);
    }
    return true;
}

static FUNC(values_path_value)
{
    struct str path = str_at(args, 1), key = path;
    ptrdiff_t dot = str_rfind(path, S("."));
    struct value table = args[0];

    if (path.n == 0)
        return err_set(e, ERR_INVALID, "YAML path cannot be empty");
    if (dot >= 0) {
        struct value where[2] = { args[0], value_str(str_slice(path, 0, (size_t)dot)) };
        key = str_slice(path, (size_t)dot + 1, path.n);
        if (!values_table(c, where, 2, &table, e))
            return err_set(e, ERR_INVALID, "%.*s is not a value", STR(go_quote(c->a, key)));
    }
    const struct value *v = map_get(table.map, key);
    if (v == NULL || is_table(v))
        return err_set(e, ERR_INVALID, "%.*s is not a value", STR(go_quote(c->a, key)));
    return give(out, *v);
}

/* Encode, the fifth, needs an io.Writer: no template has one. */
static const struct {
    const char *name, *params;
    template_fn *call;
} methods[] = {
    { "AsMap", "", values_as_map },
    { "PathValue", "s", values_path_value },
    { "Table", "s", values_table },
    { "YAML", "", values_yaml },
};

static bool values_member(struct template_call *c, const struct template_object *self, struct str name,
                          const struct value *args, size_t n, struct value *out, struct err *e)
{
    struct value all[2] = { ((const struct common_values *)self)->map, n > 0 ? args[0] : value_null() };

    for (size_t i = 0; i < COUNT(methods); i++)
        if (str_is(name, methods[i].name))
            return methods[i].call(c, all, n + 1, out, e);
    return err_set(e, ERR_NOT_FOUND, "no member %.*s", STR(name));
}

static const char *values_params(const struct template_object *self, struct str name)
{
    for (size_t i = 0; i < COUNT(methods); i++)
        if (str_is(name, methods[i].name))
            return methods[i].params;
    return NULL;
}

static const struct template_class values_class = { .go_type = "common.Values",
                                                    .member = values_member,
                                                    .params = values_params };

const struct template_object *common_values_method(struct arena *a, const struct value *v, struct str name)
{
    if (v->kind != VALUE_MAP || type_tag(v) != TEMPLATE_VALUES || values_params(NULL, name) == NULL)
        return NULL;
    struct common_values *o = arena_new(a, struct common_values, 1);
    *o = (struct common_values){ .object.class = &values_class, .map = unwrapped(*v) };
    return &o->object;
}
