/*
 * chart/metadata.c - Chart.yaml: decoding into known fields, validation, and the .Chart object.
 *
 * Decoding follows what YAML-to-JSON-to-struct does in Go: field names match in any case, scalars become text for text
 * fields (floats in their 32-bit form, so `1.10` is "1.1"), unknown fields are ignored, wrong shapes are errors that
 * name the field and its Go type.
 */
#include <stdio.h>

#include "base/sys.h"
#include "chart/internal.h"
#include "data/semver.h"
#include "data/yaml.h"

enum field_kind { FIELD_TEXT, FIELD_BOOL, FIELD_TEXTS, FIELD_TEXT_MAP, FIELD_OBJECTS, FIELD_ANYTHINGS };
struct field {
    const char *name;    /* in Chart.yaml */
    const char *go_name; /* in .Chart */
    enum field_kind kind;
    const struct shape *item; /* of FIELD_OBJECTS */
    bool uncleaned;           /* Helm does not clean this text */
};
struct shape {
    const char *go_type; /* as Go's JSON errors name it */
    const char *go_path; /* the fields around it, each with its dot, in the same errors */
    const struct field *fields;
    size_t n;
};

static const struct field maintainer_fields[] = {
    { "name", "Name", FIELD_TEXT },
    { "email", "Email", FIELD_TEXT },
    { "url", "URL", FIELD_TEXT },
};
static const struct shape maintainer_shape = { "Maintainer", "maintainers.", maintainer_fields,
                                               COUNT(maintainer_fields) };

static const struct field dependency_fields[] = {
    { "name", "Name", FIELD_TEXT },
    { "version", "Version", FIELD_TEXT },
    { "repository", "Repository", FIELD_TEXT },
    { "condition", "Condition", FIELD_TEXT },
    { "tags", "Tags", FIELD_TEXTS },
    { "enabled", "Enabled", FIELD_BOOL },
    { "import-values", "ImportValues", FIELD_ANYTHINGS },
    { "alias", "Alias", FIELD_TEXT, .uncleaned = true },
};
static const struct shape dependency_shape = { "Dependency", "dependencies.", dependency_fields,
                                               COUNT(dependency_fields) };

static const struct field metadata_fields[] = {
    { "name", "Name", FIELD_TEXT },
    { "home", "Home", FIELD_TEXT },
    { "sources", "Sources", FIELD_TEXTS },
    { "version", "Version", FIELD_TEXT, .uncleaned = true },
    { "description", "Description", FIELD_TEXT },
    { "keywords", "Keywords", FIELD_TEXTS },
    { "maintainers", "Maintainers", FIELD_OBJECTS, &maintainer_shape },
    { "icon", "Icon", FIELD_TEXT },
    { "apiVersion", "APIVersion", FIELD_TEXT, .uncleaned = true },
    { "condition", "Condition", FIELD_TEXT },
    { "tags", "Tags", FIELD_TEXT },
    { "appVersion", "AppVersion", FIELD_TEXT },
    { "deprecated", "Deprecated", FIELD_BOOL },
    { "annotations", "Annotations", FIELD_TEXT_MAP },
    { "kubeVersion", "KubeVersion", FIELD_TEXT },
    { "dependencies", "Dependencies", FIELD_OBJECTS, &dependency_shape },
    { "type", "Type", FIELD_TEXT, .uncleaned = true },
};
static const struct shape metadata_shape = { "Metadata", "", metadata_fields, COUNT(metadata_fields) };

static const struct field peek_fields[] = { { "apiVersion", "APIVersion", FIELD_TEXT } };
static const struct shape peek_shape = { "chartBase", "", peek_fields, COUNT(peek_fields) };

/* ---- decoding ------------------------------------------------------------------------------- */

const char *json_kind_word(const struct value *v)
{
    switch ((enum value_kind)v->kind) {
    case VALUE_BOOL: return "bool";
    case VALUE_INT:
    case VALUE_FLOAT: return "number";
    case VALUE_STRING: return "string";
    case VALUE_LIST: return "array";
    case VALUE_MAP: return "object";
    case VALUE_NULL:
    case VALUE_OPAQUE: break;
    }
    return "null";
}

bool metadata_scalar(struct arena *a, const struct value *v, struct str *out)
{
    switch ((enum value_kind)v->kind) {
    case VALUE_NULL: *out = S(""); return true;
    case VALUE_BOOL: *out = v->b ? S("true") : S("false"); return true;
    case VALUE_INT: *out = arena_fmt(a, "%lld", (long long)v->i); return true;
    case VALUE_FLOAT: *out = go_float_str(a, v->f, 32); return true;
    case VALUE_STRING: *out = value_as_str(v); return true;
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_OPAQUE: break;
    }
    return false;
}

static bool wrong_kind(const struct value *v, const struct shape *shape, const struct field *f, const char *go_type,
                       struct err *e)
{
    return err_set(e, ERR_INVALID,
                   "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal %s into Go struct field "
                   "%s.%s%s of type %s",
                   json_kind_word(v), shape->go_type, shape->go_path, f->name, go_type);
}

static const struct field *find_field(const struct shape *shape, struct str key)
{
    for (size_t i = 0; i < shape->n; i++)
        if (str_is(key, shape->fields[i].name))
            return &shape->fields[i];
    for (size_t i = 0; i < shape->n; i++)
        if (str_ieq(key, str_c(shape->fields[i].name)))
            return &shape->fields[i];
    return NULL;
}

/* Space runes become blanks, what does not print is dropped. */
static struct str cleaned(struct arena *a, struct str s)
{
    struct buf b = { .a = a };

    while (s.n > 0) {
        uint32_t r;
        struct str rune = str_cut(&s, utf8_decode(s, &r));
        if (go_trim_space(rune).n == 0)
            buf_byte(&b, ' ');
        else if (r >= ' ' && (r < 0x7f || r > 0xa0) && r != 0xad && !(r >= 0x200b && r <= 0x200f) && r != 0xfeff)
            buf_rune(&b, r);
    }
    return buf_str(&b);
}

/* A list or map of texts; elements are cleaned when `clean` is set. */
static bool decode_texts(struct arena *a, const struct value *v, const struct shape *shape, const struct field *f,
                         struct value *out, struct err *e)
{
    struct str text;

    if (v->kind != VALUE_LIST)
        return wrong_kind(v, shape, f, "[]string", e);
    *out = value_list(a);
    for (size_t i = 0; i < value_len(v); i++) {
        if (!metadata_scalar(a, value_item(v, i), &text))
            return wrong_kind(value_item(v, i), shape, f, "string", e);
        list_push(a, out->list, value_str(cleaned(a, text)));
    }
    return true;
}

static bool decode_text_map(struct arena *a, const struct value *v, const struct shape *shape, const struct field *f,
                            struct value *out, struct err *e)
{
    struct str text;

    if (v->kind != VALUE_MAP)
        return wrong_kind(v, shape, f, "map[string]string", e);
    *out = value_map(a);
    for (size_t i = 0; i < v->map->n; i++) {
        const struct map_entry *entry = &v->map->v[i];
        if (!metadata_scalar(a, &entry->value, &text))
            return wrong_kind(&entry->value, shape, f, "string", e);
        map_put(a, out->map, entry->key, value_str(text));
    }
    return true;
}

static bool decode_shape(struct arena *a, const struct value *v, const struct shape *shape, struct map *out,
                         struct err *e);

static bool decode_objects(struct arena *a, const struct value *v, const struct shape *shape, const struct field *f,
                           struct value *out, struct err *e)
{
    char go_type[64];

    snprintf(go_type, sizeof go_type, "[]*v2.%s", f->item->go_type);
    if (v->kind != VALUE_LIST)
        return wrong_kind(v, shape, f, go_type, e);
    *out = value_list(a);
    for (size_t i = 0; i < value_len(v); i++) {
        const struct value *item = value_item(v, i);
        struct value object = value_map(a);
        if (item->kind == VALUE_NULL) {
            list_push(a, out->list, value_null()); /* refused later, by metadata_check */
            continue;
        }
        if (item->kind != VALUE_MAP)
            return wrong_kind(item, shape, f, go_type + 3, e);
        if (!decode_shape(a, item, f->item, object.map, e))
            return false;
        list_push(a, out->list, object);
    }
    return true;
}

static bool decode_field(struct arena *a, const struct value *v, const struct shape *shape, const struct field *f,
                         struct value *out, struct err *e)
{
    struct str text;

    switch (f->kind) {
    case FIELD_TEXT:
        if (!metadata_scalar(a, v, &text))
            return wrong_kind(v, shape, f, "string", e);
        *out = value_str(f->uncleaned ? text : cleaned(a, text));
        return true;
    case FIELD_BOOL:
        if (v->kind != VALUE_BOOL)
            return wrong_kind(v, shape, f, "bool", e);
        *out = *v;
        return true;
    case FIELD_TEXTS: return decode_texts(a, v, shape, f, out, e);
    case FIELD_TEXT_MAP: return decode_text_map(a, v, shape, f, out, e);
    case FIELD_OBJECTS: return decode_objects(a, v, shape, f, out, e);
    case FIELD_ANYTHINGS:
        if (v->kind != VALUE_LIST)
            return wrong_kind(v, shape, f, "[]interface {}", e);
        *out = *v;
        return true;
    }
    return false;
}

/* Keys in byte order, as the JSON that Go makes of the YAML has them: the last spelling of a field wins. */
static bool decode_shape(struct arena *a, const struct value *v, const struct shape *shape, struct map *out,
                         struct err *e)
{
    const struct map_entry **sorted = map_sorted(a, v->map);

    for (size_t i = 0; i < v->map->n; i++) {
        const struct field *f = find_field(shape, sorted[i]->key);
        struct value decoded;
        if (f == NULL || sorted[i]->value.kind == VALUE_NULL)
            continue;
        if (!decode_field(a, &sorted[i]->value, shape, f, &decoded, e))
            return false;
        map_put(a, out, str_c(f->name), decoded);
    }
    return true;
}

static struct str unknown_field(struct arena *a, const struct value *v, const struct shape *shape)
{
    if (v->kind != VALUE_MAP)
        return S("");
    const struct map_entry **sorted = map_sorted(a, v->map);
    for (size_t i = 0; i < v->map->n; i++) {
        const struct field *f = find_field(shape, sorted[i]->key);
        struct str inner = S("");
        if (f == NULL)
            return sorted[i]->key;
        for (size_t k = 0; f->kind == FIELD_OBJECTS && inner.n == 0 && k < value_len(&sorted[i]->value); k++)
            inner = unknown_field(a, value_item(&sorted[i]->value, k), f->item);
        if (inner.n > 0)
            return inner;
    }
    return S("");
}

struct str metadata_unknown_field(struct arena *a, const struct value *doc)
{
    return unknown_field(a, doc, &metadata_shape);
}

/* One YAML document into a map of known fields; nothing at all is an empty one. */
static bool decode_document(struct arena *a, struct str text, const char *go_type, const struct shape *shape,
                            struct map *out, struct err *e)
{
    struct value doc;

    if (!yaml_parse(a, text, NULL, &doc, e))
        return err_wrap(e, "error converting YAML to JSON");
    if (doc.kind == VALUE_NULL)
        return true;
    if (doc.kind != VALUE_MAP)
        return err_set(
            e, ERR_INVALID,
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal %s into Go value of type %s",
            json_kind_word(&doc), go_type);
    return decode_shape(a, &doc, shape, out, e);
}

bool metadata_peek_version(struct arena *a, struct str text, struct str *out, struct err *e)
{
    struct value peeked = value_map(a);

    if (!decode_document(a, text, "loader.chartBase", &peek_shape, peeked.map, e))
        return err_wrap(e, "cannot load Chart.yaml");
    *out = value_str_at(&peeked, "apiVersion");
    return true;
}

static const struct field lock_fields[] = {
    { "generated", "Generated", FIELD_TEXT, .uncleaned = true },
    { "digest", "Digest", FIELD_TEXT, .uncleaned = true },
    { "dependencies", "Dependencies", FIELD_OBJECTS, &dependency_shape },
};
static const struct shape lock_shape = { "Lock", "", lock_fields, COUNT(lock_fields) };

bool lock_parse(struct arena *a, struct str text, struct value *out, struct err *e)
{
    struct value lock = value_map(a);
    int64_t when;

    if (!decode_document(a, text, "v2.Lock", &lock_shape, lock.map, e))
        return false;
    struct str generated = value_str_at(&lock, "generated");
    if (value_get(&lock, "generated")->kind != VALUE_NULL && !clock_parse_rfc3339(generated, &when))
        return err_set(e, ERR_INVALID,
                       "error unmarshaling JSON: while decoding JSON: parsing time %.*s as "
                       "\"2006-01-02T15:04:05Z07:00\": cannot parse %.*s as \"2006\"",
                       STR(go_quote(a, generated)), STR(go_quote(a, generated)));
    *out = lock;
    return true;
}

bool metadata_read(struct arena *a, struct str text, const char *what, struct chart *c, struct err *e)
{
    if (c->metadata.kind != VALUE_MAP)
        c->metadata = value_map(a);
    if (!decode_document(a, text, "v2.Metadata", &metadata_shape, c->metadata.map, e))
        return what != NULL ? err_wrap(e, "cannot load %s", what) : false;
    if (value_str_at(&c->metadata, "apiVersion").n == 0)
        value_set(a, &c->metadata, "apiVersion", value_c("v1"));
    c->api_version = value_str_at(&c->metadata, "apiVersion");
    return true;
}

/* ---- validation ----------------------------------------------------------------------------- */

static bool is_alias(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            return false;
    }
    return s.n > 0;
}

static bool check_identity(struct arena *a, const struct chart *c, struct err *e)
{
    struct semver version;
    struct err ignored;

    if (c->name.n == 0)
        return err_set(e, ERR_INVALID, "validation: chart.metadata.name is required");
    if (str_is(c->name, ".") || str_is(c->name, ".."))
        return err_set(e, ERR_INVALID, "validation: chart.metadata.name %.*s is not allowed",
                       STR(go_quote(a, c->name)));
    if (str_find(c->name, S("/")) >= 0)
        return err_set(e, ERR_INVALID, "validation: chart.metadata.name %.*s is invalid", STR(go_quote(a, c->name)));
    if (c->version.n == 0)
        return err_set(e, ERR_INVALID, "validation: chart.metadata.version is required");
    if (!semver_parse(c->version, &version, &ignored))
        return err_set(e, ERR_INVALID, "validation: chart.metadata.version %.*s is invalid",
                       STR(go_quote(a, c->version)));
    if (c->type.n > 0 && !str_is(c->type, "application") && !str_is(c->type, "library"))
        return err_set(e, ERR_INVALID, "validation: chart.metadata.type must be application or library");
    return true;
}

static bool check_dependencies(struct arena *a, const struct chart *c, struct err *e)
{
    struct value seen = value_map(a);
    const struct value *list = value_get(&c->metadata, "dependencies");

    for (size_t i = 0; i < value_len(list); i++) {
        const struct value *d = value_item(list, i);
        if (d->kind == VALUE_NULL)
            return err_set(e, ERR_INVALID, "validation: dependencies must not contain empty or null nodes");
        struct str name = value_str_at(d, "name"), alias = value_str_at(d, "alias");
        if (alias.n > 0 && !is_alias(alias))
            return err_set(e, ERR_INVALID, "validation: dependency %.*s has disallowed characters in the alias",
                           STR(go_quote(a, name)));
        struct str key = alias.n > 0 ? alias : name;
        if (map_get(seen.map, key) != NULL)
            return err_set(e, ERR_INVALID, "validation: more than one dependency with name or alias %.*s",
                           STR(go_quote(a, key)));
        map_put(a, seen.map, key, value_bool(true));
    }
    return true;
}

static void take_dependencies(struct arena *a, struct chart *c)
{
    const struct value *list = value_get(&c->metadata, "dependencies");
    struct chart_dependencies *wants = &c->wants;

    wants->declared = list->kind == VALUE_LIST;
    wants->n = value_len(list);
    wants->v = arena_new(a, struct chart_dependency, wants->n);
    for (size_t i = 0; i < wants->n; i++) {
        const struct value *d = value_item(list, i);
        wants->v[i] = (struct chart_dependency){
            .name = value_str_at(d, "name"),
            .version = value_str_at(d, "version"),
            .repository = value_str_at(d, "repository"),
            .condition = value_str_at(d, "condition"),
            .alias = value_str_at(d, "alias"),
            .tags = *value_get(d, "tags"),
            .import_values = *value_get(d, "import-values"),
            .enabled_as_written = value_bool_at(d, "enabled", false),
        };
    }
}

bool metadata_check(struct arena *a, struct chart *c, struct err *e)
{
    const struct value *maintainers = value_get(&c->metadata, "maintainers");

    c->name = value_str_at(&c->metadata, "name");
    c->version = value_str_at(&c->metadata, "version");
    c->kube_version = value_str_at(&c->metadata, "kubeVersion");
    c->type = value_str_at(&c->metadata, "type");
    c->deprecated = value_bool_at(&c->metadata, "deprecated", false);
    if (!check_identity(a, c, e))
        return false;
    for (size_t i = 0; i < value_len(maintainers); i++)
        if (value_item(maintainers, i)->kind == VALUE_NULL)
            return err_set(e, ERR_INVALID, "validation: maintainers must not contain empty or null nodes");
    if (!check_dependencies(a, c, e))
        return false;
    take_dependencies(a, c);
    return true;
}

bool chart_is_library(const struct chart *c)
{
    return str_ieq(c->type, S("library"));
}

/* ---- the .Chart object ---------------------------------------------------------------------- */

static struct value object_of(struct arena *a, const struct value *decoded, const struct shape *shape);

static struct value field_object(struct arena *a, const struct value *v, const struct field *f)
{
    switch (f->kind) {
    case FIELD_TEXT: return v->kind == VALUE_STRING ? *v : value_c("");
    case FIELD_BOOL: return v->kind == VALUE_BOOL ? *v : value_bool(false);
    case FIELD_TEXT_MAP: {
        struct value map = v->kind == VALUE_MAP ? values_copy(a, v) : value_map(a);
        map.tag = v->kind == VALUE_MAP ? TEMPLATE_STRING_MAP : TEMPLATE_NIL_STRING_MAP;
        return map;
    }
    case FIELD_TEXTS:
    case FIELD_ANYTHINGS: return v->kind == VALUE_LIST ? values_copy(a, v) : value_list(a);
    case FIELD_OBJECTS: break;
    }
    struct value list = value_list(a);
    for (size_t i = 0; i < value_len(v); i++)
        list_push(a, list.list, object_of(a, value_item(v, i), f->item));
    return list;
}

static struct value object_of(struct arena *a, const struct value *decoded, const struct shape *shape)
{
    struct value object = value_map(a);

    for (size_t i = 0; i < shape->n; i++) {
        const struct field *f = &shape->fields[i];
        value_set(a, &object, f->go_name, field_object(a, value_get(decoded, f->name), f));
    }
    return object;
}

/* A render has filtered and renamed the dependencies: the object shows them so. */
static struct value dependency_objects(struct arena *a, const struct chart *c)
{
    struct value list = value_list(a);

    for (size_t i = 0; i < c->wants.n; i++) {
        const struct chart_dependency *d = &c->wants.v[i];
        struct value o = value_map(a);
        value_set(a, &o, "Name", value_str(d->name));
        value_set(a, &o, "Version", value_str(d->version));
        value_set(a, &o, "Repository", value_str(d->repository));
        value_set(a, &o, "Condition", value_str(d->condition));
        value_set(a, &o, "Tags", d->tags.kind == VALUE_LIST ? values_copy(a, &d->tags) : value_list(a));
        value_set(a, &o, "Enabled", value_bool(d->enabled));
        value_set(a, &o, "ImportValues",
                  d->import_values.kind == VALUE_LIST ? values_copy(a, &d->import_values) : value_list(a));
        value_set(a, &o, "Alias", value_str(d->alias));
        list_push(a, list.list, o);
    }
    return list;
}

struct value metadata_object(struct arena *a, const struct chart *c)
{
    struct value object = object_of(a, &c->metadata, &metadata_shape);

    value_set(a, &object, "Name", value_str(c->name));
    value_set(a, &object, "Dependencies", dependency_objects(a, c));
    value_set(a, &object, "IsRoot", value_bool(c->parent == NULL));
    return object;
}
