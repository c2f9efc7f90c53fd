/*
 * chart/files.c - the .Files object of templates: a map of names to bytes with methods.
 */
#include "chart/internal.h"
#include "data/yaml.h"

struct files {
    struct template_object object;
    struct map *map; /* name -> bytes */
};

static const struct template_class files_class;

static struct value files_value(struct arena *a, struct map *map)
{
    struct files *f = arena_new(a, struct files, 1);

    f->object.class = &files_class;
    f->map = map;
    return (struct value){ .kind = VALUE_OPAQUE, .opaque = f };
}

struct value files_object(struct arena *a, const struct chart_files *files)
{
    struct value map = value_map(a);

    for (size_t i = 0; i < files->n; i++) {
        struct value bytes = value_str(files->v[i].data);
        bytes.tag = TEMPLATE_BYTES;
        map_put(a, map.map, files->v[i].name, bytes);
    }
    return files_value(a, map.map);
}

static struct str bytes_of(const struct files *f, struct str name)
{
    const struct value *v = map_get(f->map, name);

    return v != NULL ? value_as_str(v) : S("");
}

/* ---- methods: each takes the bytes of `name`, or the pattern ---------------------------------- */

typedef bool method(struct arena *a, const struct files *f, struct str arg, struct value *out, struct err *e);

static bool get(struct arena *a, const struct files *f, struct str name, struct value *out, struct err *e)
{
    *out = value_str(bytes_of(f, name));
    return true;
}

static bool get_bytes(struct arena *a, const struct files *f, struct str name, struct value *out, struct err *e)
{
    *out = value_str(bytes_of(f, name));
    out->tag = TEMPLATE_BYTES;
    return true;
}

static bool lines(struct arena *a, const struct files *f, struct str name, struct value *out, struct err *e)
{
    struct str text = bytes_of(f, name), line;
    bool more = true;

    if (map_get(f->map, name) != NULL && text.n == 0)
        return err_set(e, ERR_INVALID, "runtime error: index out of range [-1]");
    *out = value_list(a);
    out->tag = TEMPLATE_STRINGS;
    if (text.n == 0)
        return true;
    if (text.p[text.n - 1] == '\n')
        text.n--;
    while (more) {
        more = str_split(&text, S("\n"), &line);
        list_push(a, out->list, value_str(line));
    }
    return true;
}

static bool glob(struct arena *a, const struct files *f, struct str pattern, struct value *out, struct err *e)
{
    struct value chosen = value_map(a);

    for (size_t i = 0; i < f->map->n; i++) {
        const struct map_entry *entry = &f->map->v[i];
        bool bad = false;
        if (glob_match(pattern, entry->key, &bad) || bad) /* a malformed pattern chooses everything */
            map_put(a, chosen.map, entry->key, entry->value);
    }
    *out = files_value(a, chosen.map);
    return true;
}

/* toYaml of base name -> content; of two files with one base name the last counts. */
static struct value flattened(struct arena *a, const struct files *f, bool encode)
{
    struct value map = value_map(a);
    const struct map_entry **sorted = map_sorted(a, f->map);

    for (size_t i = 0; i < f->map->n; i++) {
        struct str content = value_as_str(&sorted[i]->value);
        map_put(a, map.map, path_base(sorted[i]->key), value_str(encode ? str_base64(a, content) : content));
    }
    struct str yaml = yaml_str(a, &map);
    if (str_ends(yaml, S("\n")))
        yaml.n--;
    return value_str(yaml);
}

static bool as_config(struct arena *a, const struct files *f, struct str arg, struct value *out, struct err *e)
{
    *out = flattened(a, f, false);
    return true;
}

static bool as_secrets(struct arena *a, const struct files *f, struct str arg, struct value *out, struct err *e)
{
    *out = flattened(a, f, true);
    return true;
}

static const struct {
    const char *name, *params; /* in the letters of template_func */
    method *call;
} methods[] = {
    { "Get", "s", get },   { "GetBytes", "s", get_bytes }, { "Lines", "s", lines },
    { "Glob", "s", glob }, { "AsConfig", "", as_config },  { "AsSecrets", "", as_secrets },
};

static const char *files_params(const struct template_object *self, struct str name)
{
    for (size_t i = 0; i < COUNT(methods); i++)
        if (str_is(name, methods[i].name))
            return methods[i].params;
    return NULL;
}

/* A file by its name: {{ .Files.LICENSE }}; missing ones are empty. */
static void take_field(const struct files *f, struct str name, struct value *out)
{
    *out = value_str(bytes_of(f, name));
    out->tag = TEMPLATE_BYTES;
}

static bool files_member(struct template_call *call, const struct template_object *self, struct str name,
                         const struct value *args, size_t n, struct value *out, struct err *e)
{
    const struct files *f = (const struct files *)self;

    for (size_t i = 0; i < COUNT(methods); i++)
        if (str_is(name, methods[i].name))
            return methods[i].call(template_call_arena(call), f, n > 0 ? value_as_str(&args[0]) : S(""), out, e);
    take_field(f, name, out);
    return true;
}

static const struct map *files_map(struct arena *a, const struct template_object *self)
{
    return ((const struct files *)self)->map;
}

static const struct template_class files_class = {
    .go_type = "engine.files",
    .member = files_member,
    .as_map = files_map,
    .params = files_params,
};
