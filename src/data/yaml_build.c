/*
 * What the nodes of a YAML document become: scalars by their tag or their form, keys as strings, merges, aliases.
 * An alias copies the tree of its anchor (templates may change one of the two), and the copies are counted, so that a
 * few lines cannot grow to gigabytes.
 */
#include <math.h>

#include "data/gofmt.h"
#include "data/yaml_reader.h"
#include "data/yaml_scalar.h"

#define TAG "tag:yaml.org,2002:"

/* ---- scalars -------------------------------------------------------------------------------------- */

static const char *kind_tag(enum yaml_scalar kind)
{
    switch (kind) {
    case YAML_IS_NULL: return "!!null";
    case YAML_IS_BOOL: return "!!bool";
    case YAML_IS_INT: return "!!int";
    case YAML_IS_FLOAT: return "!!float";
    case YAML_IS_TIMESTAMP: return "!!timestamp";
    case YAML_IS_STRING: break;
    }
    return "!!str";
}

/* A scalar whose tag is one of the resolvable ones: its form has to agree. */
static struct value build_tagged(struct yaml_reader *r, const struct yaml_node *node, const char *tag, struct str text)
{
    struct value v;
    enum yaml_scalar kind = yaml_resolve(text, &v);

    if (strcmp(kind_tag(kind) + 2, tag) == 0)
        return v;
    if (kind == YAML_IS_INT && strcmp(tag, "float") == 0)
        return value_float((double)v.i);
    yaml_note(r, YAML_STEP_DECODE, node->mark,
              arena_fmt(r->a, "cannot decode %s `%.*s` as a !!%s", kind_tag(kind), STR(text), tag));
    return value_null();
}

static struct value build_binary(struct yaml_reader *r, const struct yaml_node *node, struct str text)
{
    struct str bytes;

    if (str_unbase64(r->a, text, &bytes))
        return value_str(bytes);
    yaml_note(r, YAML_STEP_DECODE, node->mark, S("!!binary value contains invalid base64 data"));
    return value_null();
}

static struct value build_plain(struct yaml_reader *r, const struct yaml_node *node, struct str text, bool plain)
{
    static const char *const resolvable[] = { "bool", "int", "float", "null", "timestamp" };
    struct value v = value_str(text);
    struct str tag = node->tag;

    if (tag.n == 0 && plain)
        yaml_resolve(text, &v);
    if (!str_starts(tag, S(TAG)))
        return v;
    str_cut(&tag, sizeof TAG - 1);
    if (str_is(tag, "binary"))
        return build_binary(r, node, text);
    for (size_t i = 0; i < COUNT(resolvable); i++)
        if (str_is(tag, resolvable[i]))
            return build_tagged(r, node, resolvable[i], text);
    return v;
}

struct value yaml_build_scalar(struct yaml_reader *r, const struct yaml_node *node, struct str text, bool plain)
{
    struct value v = build_plain(r, node, text, plain);

    if (v.kind == VALUE_FLOAT && !isfinite(v.f) && !r->infinite) {
        r->infinite = true;
        r->infinite_at = node->mark;
    }
    return v;
}

static const struct value *find_infinite(struct arena *a, const struct value *v)
{
    const struct value *found = v->kind == VALUE_FLOAT && !isfinite(v->f) ? v : NULL;

    for (size_t i = 0; v->kind == VALUE_LIST && found == NULL && i < v->list->n; i++)
        found = find_infinite(a, &v->list->v[i]);
    if (v->kind != VALUE_MAP)
        return found;
    const struct map_entry **sorted = map_sorted(a, v->map);
    for (size_t i = 0; found == NULL && i < v->map->n; i++)
        found = find_infinite(a, &sorted[i]->value);
    return found;
}

void yaml_build_check(struct yaml_reader *r, const struct value *v)
{
    const struct value *found = find_infinite(r->a, v);

    if (found == NULL)
        return;
    const char *word = isnan(found->f) ? "NaN" : found->f > 0 ? "+Inf" : "-Inf";
    yaml_note(
        r, YAML_STEP_JSON, r->infinite_at,
        arena_fmt(r->a,
                  r->name == NULL ? "json: unsupported value: %s" : "unsupported value %s: JSON has no such number",
                  word));
}

/* ---- aliases -------------------------------------------------------------------------------------- */

/* go-yaml's bound: the part of a document that aliases make, the smaller the larger the document. */
static bool is_excessive(const struct yaml_reader *r)
{
    static const double low = 400000, high = 4000000;
    double all = (double)r->decoded;
    double share = all <= low ? 0.99 : all >= high ? 0.10 : 0.99 - 0.89 * ((all - low) / (high - low));

    return r->decoded_again > 100 && r->decoded > 1000 && (double)r->decoded_again / all > share;
}

static bool copy_tree(struct yaml_reader *r, const struct value *from, struct value *out);

static bool copy_list(struct yaml_reader *r, const struct value *from, struct value *out)
{
    *out = value_list(r->a);
    for (size_t i = 0; i < from->list->n; i++) {
        struct value item;
        if (!copy_tree(r, &from->list->v[i], &item))
            return false;
        list_push(r->a, out->list, item);
    }
    return true;
}

static bool copy_map(struct yaml_reader *r, const struct value *from, struct value *out)
{
    *out = value_map(r->a);
    for (size_t i = 0; i < from->map->n; i++) {
        struct value member;
        r->decoded++; /* the key */
        r->decoded_again++;
        if (!copy_tree(r, &from->map->v[i].value, &member))
            return false;
        map_put(r->a, out->map, from->map->v[i].key, member);
    }
    return true;
}

/* Containers anew, strings shared: they live in the same arena and nobody writes them. */
static bool copy_tree(struct yaml_reader *r, const struct value *from, struct value *out)
{
    r->decoded++;
    r->decoded_again++;
    if (++r->copies > YAML_COPIES_MAX || is_excessive(r))
        return err_set(r->e, ERR_LIMIT, "yaml: document contains excessive aliasing");
    if (from->kind == VALUE_LIST)
        return copy_list(r, from, out);
    if (from->kind == VALUE_MAP)
        return copy_map(r, from, out);
    *out = *from;
    return true;
}

bool yaml_build_alias(struct yaml_reader *r, struct yaml_mark mark, struct str name, struct value *out)
{
    const struct value *target = map_get(r->anchors, name);

    *out = value_null();
    r->failed_at = mark; /* if it grows too large */
    if (target == NULL)
        return yaml_fail_at(r, ERR_INVALID, mark, arena_fmt(r->a, "unknown anchor '%.*s' referenced", STR(name)));
    if (target->kind != VALUE_OPAQUE)
        return copy_tree(r, target, out);
    yaml_note(r, YAML_STEP_DECODE, mark, arena_fmt(r->a, "anchor '%.*s' value contains itself", STR(name)));
    return true;
}

/* ---- keys ----------------------------------------------------------------------------------------- */

/* Go's %#v of a decoded value, for the messages about keys that cannot be; containers of containers included. */
static void print_go(struct buf *b, const struct value *v, bool inside)
{
    switch ((enum value_kind)v->kind) {
    case VALUE_NULL: buf_c(b, inside ? "interface {}(nil)" : "<nil>"); break;
    case VALUE_BOOL: buf_c(b, v->b ? "true" : "false"); break;
    case VALUE_INT: buf_fmt(b, "%lld", (long long)v->i); break;
    case VALUE_FLOAT: buf_add(b, go_float_str(b->a, v->f, 64)); break;
    case VALUE_STRING: buf_add(b, go_quote(b->a, value_as_str(v))); break;
    case VALUE_LIST:
        buf_c(b, "[]interface {}{");
        for (size_t i = 0; i < v->list->n; i++) {
            buf_c(b, i > 0 ? ", " : "");
            print_go(b, &v->list->v[i], true);
        }
        buf_byte(b, '}');
        break;
    case VALUE_MAP:
        buf_c(b, "map[interface {}]interface {}{");
        for (size_t i = 0; i < v->map->n; i++) {
            buf_c(b, i > 0 ? ", " : "");
            buf_add(b, go_quote(b->a, v->map->v[i].key));
            buf_byte(b, ':');
            print_go(b, &v->map->v[i].value, true);
        }
        buf_byte(b, '}');
        break;
    case VALUE_OPAQUE: break;
    }
}

static struct str go_words(struct arena *a, const struct value *v)
{
    struct buf b = { .a = a };

    print_go(&b, v, false);
    return buf_str(&b);
}

static struct str float_key(struct arena *a, double f)
{
    if (isnan(f))
        return S(".nan");
    if (isinf((float)f)) /* Go prints keys as 32 bits */
        return f > 0 ? S(".inf") : S("-.inf");
    return go_float_str(a, f, 32);
}

bool yaml_key_text(struct arena *a, const struct value *key, struct str *out)
{
    switch ((enum value_kind)key->kind) {
    case VALUE_STRING: *out = value_as_str(key); return true;
    case VALUE_INT: *out = arena_fmt(a, "%lld", (long long)key->i); return true;
    case VALUE_BOOL: *out = key->b ? S("true") : S("false"); return true;
    case VALUE_FLOAT: *out = float_key(a, key->f); return true;
    case VALUE_NULL:
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_OPAQUE: break;
    }
    return false;
}

static void note_bad_key(struct yaml_reader *r, const struct yaml_pair *pair)
{
    const struct value *key = &pair->key;
    struct yaml_mark mark = pair->key_at;

    if (key->kind != VALUE_NULL)
        yaml_note(r, YAML_STEP_DECODE, mark, arena_fmt(r->a, "invalid map key: %.*s", STR(go_words(r->a, key))));
    else if (r->name != NULL)
        yaml_note(r, YAML_STEP_CONVERT, mark, S("a key must not be null"));
    else
        yaml_note(r, YAML_STEP_CONVERT, mark,
                  arena_fmt(r->a, "unsupported map key of type: %%!s(<nil>), key: <nil>, value: %.*s",
                            STR(go_words(r->a, &pair->member))));
}

/* Go knows 1 and "1" apart. The tree is only for this check, so its keys can be Go's words. */
static void put_strictly(struct yaml_reader *r, struct map *into, const struct yaml_pair *pair)
{
    struct str words = go_words(r->a, &pair->key);

    if (map_get(into, words) != NULL)
        buf_fmt(r->twice, "\n  line %u: key %.*s already set in map", pair->member_at.line + 1, STR(words));
    map_put(r->a, into, words, pair->member);
}

/* ---- merges --------------------------------------------------------------------------------------- */

static void merge_map(struct yaml_reader *r, struct map *into, const struct map *from)
{
    for (size_t i = 0; i < from->n; i++)
        map_put(r->a, into, from->v[i].key, from->v[i].value);
}

/* The value of "<<": a mapping, or a list of mappings of which the first wins. */
static void merge_value(struct yaml_reader *r, struct map *into, const struct value *v, struct yaml_mark mark)
{
    bool fits = v->kind == VALUE_MAP || v->kind == VALUE_LIST;

    if (v->kind == VALUE_MAP)
        merge_map(r, into, v->map);
    for (size_t i = value_len(v); v->kind == VALUE_LIST && fits && i-- > 0;) {
        fits = v->list->v[i].kind == VALUE_MAP;
        if (fits)
            merge_map(r, into, v->list->v[i].map);
    }
    if (!fits)
        yaml_note(r, YAML_STEP_DECODE, mark, S("map merge requires map or sequence of maps as the value"));
}

void yaml_build_pair(struct yaml_reader *r, struct map *into, const struct yaml_pair *pair)
{
    struct str text;

    if (pair->merge)
        merge_value(r, into, &pair->member, pair->key_at);
    else if (!yaml_key_text(r->a, &pair->key, &text))
        note_bad_key(r, pair);
    else if (r->twice != NULL)
        put_strictly(r, into, pair);
    else
        map_put(r->a, into, text, pair->member);
}
