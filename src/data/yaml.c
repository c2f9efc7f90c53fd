/*
 * The reader of all YAML: libyaml's events in, one tree out, in one pass; the quick reader of simple texts
 * (yaml_simple.c) comes first and leaves the rest. Containers are filled while their events arrive;
 * an alias copies the tree of its anchor (templates may change one of the two), and the copies are counted, so
 * that a few lines cannot grow to gigabytes.
 */
#include <math.h>
#include <yaml.h>

#include "data/gofmt.h"
#include "data/yaml.h"
#include "data/yaml_scalar.h"
#include "data/yaml_simple.h"

#define TAG "tag:yaml.org,2002:"

struct reader {
    struct arena *a;
    yaml_parser_t parser;
    const char *name;    /* for messages; NULL asks for go-yaml's exact words */
    struct map *anchors; /* name -> tree; VALUE_OPAQUE while the anchored node is still being read */
    size_t nodes, copies;
    unsigned depth;
    struct str ahead; /* the text from `ahead_index` (in characters) on; empty unless it has a "\\/" */
    size_t ahead_index;
    struct err *e;
};

static bool read_node(struct reader *r, yaml_event_t *event, struct value *out);

/* ---- errors --------------------------------------------------------------------------------------- */

static bool fail_at(struct reader *r, enum err_kind kind, yaml_mark_t mark, struct str text)
{
    if (r->name == NULL)
        return err_set(r->e, kind, "yaml: %.*s", STR(text));
    return err_set(r->e, kind, "%s:%zu:%zu: %.*s", r->name, mark.line + 1, mark.column + 1, STR(text));
}

/* go-yaml's choice of a line: the context's, else the problem's; scanner errors count from one. */
static size_t go_line(const yaml_parser_t *p)
{
    size_t line = p->context != NULL && p->context_mark.line != 0 ? p->context_mark.line : p->problem_mark.line;

    if (p->error == YAML_READER_ERROR)
        return 0;
    return line != 0 && p->error == YAML_SCANNER_ERROR ? line + 1 : line;
}

static bool fail_syntax(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem != NULL ? p->problem : "out of memory";
    size_t line = go_line(p);

    if (r->name != NULL && p->error == YAML_READER_ERROR)
        return err_set(r->e, ERR_INVALID, "%s: %s at byte %zu", r->name, problem, p->problem_offset);
    if (r->name != NULL || line == 0)
        return fail_at(r, ERR_INVALID, p->problem_mark, str_c(problem));
    return err_set(r->e, ERR_INVALID, "yaml: line %zu: %s", line, problem);
}

static struct str take_runes(struct reader *r, size_t to_index)
{
    const char *start = r->ahead.p;

    for (uint32_t rune; r->ahead_index < to_index && r->ahead.n > 0; r->ahead_index++)
        str_cut(&r->ahead, utf8_decode(r->ahead, &rune));
    return (struct str){ start, (size_t)(r->ahead.p - start) };
}

/* YAML 1.2 and libyaml know the escape \/, go-yaml does not. Marks count characters, hence the walk. */
static bool refuse_slash_escape(struct reader *r, const yaml_event_t *event)
{
    take_runes(r, event->start_mark.index);
    struct str raw = take_runes(r, event->end_mark.index);
    size_t line = event->start_mark.line;

    for (size_t i = 0; i + 1 < raw.n; i++) {
        line += raw.p[i] == '\n';
        if (raw.p[i] != '\\' || raw.p[++i] != '/')
            continue;
        if (r->name == NULL && line > 0)
            return err_set(r->e, ERR_INVALID, "yaml: line %zu: found unknown escape character", line + 1);
        return fail_at(r, ERR_INVALID, event->start_mark, S("found unknown escape character"));
    }
    return true;
}

static bool next_event(struct reader *r, yaml_event_t *event)
{
    if (!yaml_parser_parse(&r->parser, event))
        return fail_syntax(r);
    if (r->ahead.n == 0 || event->type != YAML_SCALAR_EVENT
        || event->data.scalar.style != YAML_DOUBLE_QUOTED_SCALAR_STYLE || refuse_slash_escape(r, event))
        return true;
    yaml_event_delete(event);
    return false;
}

/* ---- scalars -------------------------------------------------------------------------------------- */

static struct str scalar_text(const yaml_event_t *event)
{
    return (struct str){ (const char *)event->data.scalar.value, event->data.scalar.length };
}

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
static bool read_tagged(struct reader *r, const yaml_event_t *event, const char *tag, struct str text,
                        struct value *out)
{
    enum yaml_scalar kind = yaml_resolve(text, out);

    if (strcmp(kind_tag(kind) + 2, tag) == 0)
        return true;
    if (kind == YAML_IS_INT && strcmp(tag, "float") == 0) {
        *out = value_float((double)out->i);
        return true;
    }
    return fail_at(r, ERR_INVALID, event->start_mark,
                   arena_fmt(r->a, "cannot decode %s `%.*s` as a !!%s", kind_tag(kind), STR(text), tag));
}

static bool is_resolvable(const char *tag)
{
    static const char *const tags[] = { "bool", "int", "float", "null", "timestamp" };

    for (size_t i = 0; i < COUNT(tags); i++)
        if (strcmp(tag, tags[i]) == 0)
            return true;
    return false;
}

/* JSON, the way of every document in Kubernetes, has no infinities. */
static bool check_finite(struct reader *r, const yaml_event_t *event, const struct value *v)
{
    if (v->kind != VALUE_FLOAT || isfinite(v->f))
        return true;
    const char *word = isnan(v->f) ? "NaN" : v->f > 0 ? "+Inf" : "-Inf";
    if (r->name == NULL)
        return err_set(r->e, ERR_INVALID, "json: unsupported value: %s", word);
    return fail_at(r, ERR_INVALID, event->start_mark,
                   arena_fmt(r->a, "unsupported value %s: JSON has no such number", word));
}

static bool read_binary(struct reader *r, const yaml_event_t *event, struct str text, struct value *out)
{
    struct str bytes;

    if (!str_unbase64(r->a, text, &bytes))
        return fail_at(r, ERR_INVALID, event->start_mark, S("!!binary value contains invalid base64 data"));
    *out = value_str(bytes);
    return true;
}

static bool read_scalar(struct reader *r, const yaml_event_t *event, struct value *out)
{
    const char *tag = (const char *)event->data.scalar.tag;
    struct str text = scalar_text(event);

    if (tag == NULL && event->data.scalar.plain_implicit && yaml_resolve(text, out) != YAML_IS_STRING
        && out->kind != VALUE_STRING)
        return check_finite(r, event, out);
    text = arena_str(r->a, text);
    *out = value_str(text);
    if (tag == NULL || strncmp(tag, TAG, sizeof TAG - 1) != 0)
        return true;
    tag += sizeof TAG - 1;
    if (strcmp(tag, "binary") == 0)
        return read_binary(r, event, text, out);
    return !is_resolvable(tag) || (read_tagged(r, event, tag, text, out) && check_finite(r, event, out));
}

/* ---- anchors -------------------------------------------------------------------------------------- */

static const char *anchor_of(const yaml_event_t *event)
{
    switch ((int)event->type) {
    case YAML_SCALAR_EVENT: return (const char *)event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT: return (const char *)event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT: return (const char *)event->data.mapping_start.anchor;
    default: return NULL;
    }
}

static bool copy_tree(struct reader *r, const struct value *from, struct value *out);

static bool copy_list(struct reader *r, const struct value *from, struct value *out)
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

static bool copy_map(struct reader *r, const struct value *from, struct value *out)
{
    *out = value_map(r->a);
    for (size_t i = 0; i < from->map->n; i++) {
        struct value member;
        if (!copy_tree(r, &from->map->v[i].value, &member))
            return false;
        map_put(r->a, out->map, from->map->v[i].key, member);
    }
    return true;
}

/* Containers anew, strings shared: they live in the same arena and nobody writes them. */
static bool copy_tree(struct reader *r, const struct value *from, struct value *out)
{
    if (++r->copies > YAML_COPIES_MAX)
        return err_set(r->e, ERR_LIMIT, "yaml: document contains excessive aliasing");
    if (from->kind == VALUE_LIST)
        return copy_list(r, from, out);
    if (from->kind == VALUE_MAP)
        return copy_map(r, from, out);
    *out = *from;
    return true;
}

static bool read_alias(struct reader *r, const yaml_event_t *event, struct value *out)
{
    const char *name = (const char *)event->data.alias.anchor;
    const struct value *target = map_get(r->anchors, str_c(name));

    if (target == NULL)
        return fail_at(r, ERR_INVALID, event->start_mark, arena_fmt(r->a, "unknown anchor '%s' referenced", name));
    if (target->kind == VALUE_OPAQUE)
        return fail_at(r, ERR_INVALID, event->start_mark, arena_fmt(r->a, "anchor '%s' value contains itself", name));
    return copy_tree(r, target, out);
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

/* JSON has string keys only. `null` has no text and stays an error that the value's words complete. */
static bool key_text(struct reader *r, const struct value *key, yaml_mark_t mark, struct str *out)
{
    switch ((enum value_kind)key->kind) {
    case VALUE_STRING: *out = value_as_str(key); return true;
    case VALUE_INT: *out = arena_fmt(r->a, "%lld", (long long)key->i); return true;
    case VALUE_BOOL: *out = key->b ? S("true") : S("false"); return true;
    case VALUE_FLOAT: *out = go_float_str(r->a, key->f, 32); return true;
    case VALUE_NULL: *out = S(""); return true;
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_OPAQUE: break;
    }
    return fail_at(r, ERR_INVALID, mark, arena_fmt(r->a, "invalid map key: %.*s", STR(go_words(r->a, key))));
}

static bool fail_null_key(struct reader *r, const struct value *member, yaml_mark_t mark)
{
    struct str words = go_words(r->a, member);

    if (r->name != NULL)
        return fail_at(r, ERR_INVALID, mark, S("a key must not be null"));
    return err_set(r->e, ERR_INVALID, "unsupported map key of type: %%!s(<nil>), key: <nil>, value: %.*s", STR(words));
}

/* ---- containers ----------------------------------------------------------------------------------- */

static bool is_merge(const yaml_event_t *event)
{
    if (event->type != YAML_SCALAR_EVENT || !str_is(scalar_text(event), "<<"))
        return false;
    const char *tag = (const char *)event->data.scalar.tag;
    return event->data.scalar.plain_implicit || (tag != NULL && strcmp(tag, TAG "merge") == 0);
}

static void merge_map(struct reader *r, struct map *into, const struct map *from)
{
    for (size_t i = 0; i < from->n; i++)
        map_put(r->a, into, from->v[i].key, from->v[i].value);
}

/* The value of "<<": a mapping, or a list of mappings of which the first wins. */
static bool merge_value(struct reader *r, struct map *into, const struct value *v, yaml_mark_t mark)
{
    static const char wrong[] = "map merge requires map or sequence of maps as the value";

    if (v->kind == VALUE_MAP) {
        merge_map(r, into, v->map);
        return true;
    }
    if (v->kind != VALUE_LIST)
        return fail_at(r, ERR_INVALID, mark, str_c(wrong));
    for (size_t i = v->list->n; i-- > 0;) {
        if (v->list->v[i].kind != VALUE_MAP)
            return fail_at(r, ERR_INVALID, mark, str_c(wrong));
        merge_map(r, into, v->list->v[i].map);
    }
    return true;
}

/* One key (its event is given) and its value. */
static bool read_pair(struct reader *r, yaml_event_t *key_event, struct map *into)
{
    yaml_event_t event;
    yaml_mark_t mark = key_event->start_mark;
    struct value key, member;
    struct str text = { 0 };
    bool merge = is_merge(key_event);

    if (!read_node(r, key_event, &key) || !key_text(r, &key, mark, &text) || !next_event(r, &event)
        || !read_node(r, &event, &member))
        return false;
    if (merge)
        return merge_value(r, into, &member, mark);
    if (key.kind == VALUE_NULL)
        return fail_null_key(r, &member, mark);
    map_put(r->a, into, text, member);
    return true;
}

static bool read_map(struct reader *r, struct value *out)
{
    yaml_event_t event;

    *out = value_map(r->a);
    for (;;) {
        if (!next_event(r, &event))
            return false;
        if (event.type == YAML_MAPPING_END_EVENT)
            break;
        if (!read_pair(r, &event, out->map))
            return false;
    }
    yaml_event_delete(&event);
    return true;
}

static bool read_list(struct reader *r, struct value *out)
{
    yaml_event_t event;
    struct value item;

    *out = value_list(r->a);
    for (;;) {
        if (!next_event(r, &event))
            return false;
        if (event.type == YAML_SEQUENCE_END_EVENT)
            break;
        if (!read_node(r, &event, &item))
            return false;
        list_push(r->a, out->list, item);
    }
    yaml_event_delete(&event);
    return true;
}

static bool read_content(struct reader *r, const yaml_event_t *event, struct value *out)
{
    switch ((int)event->type) {
    case YAML_SCALAR_EVENT: return read_scalar(r, event, out);
    case YAML_ALIAS_EVENT: return read_alias(r, event, out);
    case YAML_SEQUENCE_START_EVENT: return read_list(r, out);
    default: return read_map(r, out);
    }
}

/* Read the node that starts with `event`, and release the event. */
static bool read_node(struct reader *r, yaml_event_t *event, struct value *out)
{
    const char *anchor = anchor_of(event);
    struct str anchor_name = { 0 };
    bool ok = false;

    if (anchor != NULL) {
        anchor_name = arena_str(r->a, str_c(anchor));
        map_put(r->a, r->anchors, anchor_name, (struct value){ .kind = VALUE_OPAQUE });
    }
    if (++r->nodes > YAML_NODES_MAX)
        err_set_(r->e, ERR_LIMIT, "yaml: more than %zu values", YAML_NODES_MAX);
    else if (++r->depth > YAML_DEPTH_MAX)
        err_set_(r->e, ERR_LIMIT, "yaml: exceeded max depth of %d", YAML_DEPTH_MAX);
    else
        ok = read_content(r, event, out);
    r->depth--;
    yaml_event_delete(event);
    if (ok && anchor != NULL)
        map_put(r->a, r->anchors, anchor_name, *out);
    return ok;
}

/* ---- documents ------------------------------------------------------------------------------------ */

/* The next document; false in *more at the end of the stream. */
static bool read_document(struct reader *r, struct value *out, bool *more)
{
    yaml_event_t event;

    if (!next_event(r, &event))
        return false;
    *more = event.type == YAML_DOCUMENT_START_EVENT;
    yaml_event_delete(&event);
    if (!*more)
        return true;
    r->anchors = value_map(r->a).map;
    if (!next_event(r, &event) || !read_node(r, &event, out) || !next_event(r, &event))
        return false;
    yaml_event_delete(&event); /* the end of the document */
    return true;
}

static bool read_first(struct reader *r, struct value *out)
{
    struct value v = value_null();
    bool more;

    if (!read_document(r, &v, &more))
        return false;
    *out = v;
    return true;
}

static bool read_all(struct reader *r, struct value *out)
{
    struct value all = value_list(r->a);

    for (bool more = true; more;) {
        struct value v = value_null();
        if (!read_document(r, &v, &more))
            return false;
        if (v.kind != VALUE_NULL)
            list_push(r->a, all.list, v);
    }
    *out = all;
    return true;
}

static bool with_parser(struct reader *r, struct str text, bool (*read)(struct reader *r, struct value *out),
                        struct value *out)
{
    yaml_event_t event;

    if (!yaml_parser_initialize(&r->parser))
        return err_set(r->e, ERR_UNAVAILABLE, "yaml: out of memory");
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)text.p, text.n);
    bool ok = next_event(r, &event);
    if (ok) {
        yaml_event_delete(&event); /* the start of the stream */
        ok = read(r, out);
    }
    yaml_parser_delete(&r->parser);
    return ok;
}

static bool read_text(struct reader *r, struct str text, bool all, struct value *out)
{
    if (text.n > YAML_TEXT_MAX)
        return err_set(r->e, ERR_LIMIT, "yaml: text of %zu bytes; at most %zu are read", text.n, YAML_TEXT_MAX);
    if (str_find(text, S("\\/")) >= 0)
        r->ahead = text;
    return yaml_read_simple(r->a, text, all, out) || with_parser(r, text, all ? read_all : read_first, out);
}

bool yaml_parse(struct arena *a, struct str text, const char *name, struct value *out, struct err *e)
{
    struct reader r = { .a = a, .name = name, .e = e };

    return read_text(&r, text, false, out);
}

bool yaml_parse_all(struct arena *a, struct str text, const char *name, struct value *out, struct err *e)
{
    struct reader r = { .a = a, .name = name, .e = e };

    return read_text(&r, text, true, out);
}
