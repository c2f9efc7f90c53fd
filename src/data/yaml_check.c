/*
 * data/yaml_check.c - keys that a mapping has twice, which the reader takes silently.
 */
#include <yaml.h>

#include "data/gofmt.h"
#include "data/yaml.h"

struct level {
    bool mapping;
    size_t items;       /* keys and values so far */
    struct value known; /* keys of a mapping */
};

struct checker {
    struct arena a;
    VEC(struct level) stack;
    struct buf wrong;
};

static void close_checker(struct checker *c)
{
    arena_close(&c->a);
}

static void note_key(struct checker *c, const struct level *l, const yaml_event_t *event)
{
    struct str key = { (const char *)event->data.scalar.value, event->data.scalar.length };

    if (map_get(l->known.map, key) != NULL)
        buf_fmt(&c->wrong, "\n  line %zu: key %.*s already set in map", event->start_mark.line + 1,
                STR(go_quote(&c->a, key)));
    map_put(&c->a, l->known.map, arena_str(&c->a, key), value_null());
}

/* False: the first document ends. */
static bool take_event(struct checker *c, const yaml_event_t *event)
{
    struct level *top = c->stack.n > 0 ? &c->stack.v[c->stack.n - 1] : NULL;
    bool opens = event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT;
    bool node = opens || event->type == YAML_SCALAR_EVENT || event->type == YAML_ALIAS_EVENT;

    if (node && top != NULL) {
        if (event->type == YAML_SCALAR_EVENT && top->mapping && top->items % 2 == 0)
            note_key(c, top, event);
        top->items++;
    }
    if (opens) {
        bool mapping = event->type == YAML_MAPPING_START_EVENT;
        *vec_push(&c->a, &c->stack) = (struct level){ .mapping = mapping, .known = value_map(&c->a) };
    } else if (event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT) {
        c->stack.n--;
    }
    return event->type != YAML_DOCUMENT_END_EVENT && event->type != YAML_STREAM_END_EVENT;
}

bool yaml_check_keys(struct str text, struct err *e)
{
    CLEANUP(close_checker) struct checker c = { 0 };
    CLEANUP(yaml_parser_delete) yaml_parser_t parser;
    yaml_event_t event;

    c.wrong.a = &c.a;
    if (!yaml_parser_initialize(&parser))
        return err_set(e, ERR_LIMIT, "no memory to read YAML");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.p, text.n);
    for (bool more = true; more;) {
        if (!yaml_parser_parse(&parser, &event))
            return err_set(e, ERR_INVALID, "yaml: %s", parser.problem != NULL ? parser.problem : "it cannot be read");
        more = take_event(&c, &event);
        yaml_event_delete(&event);
    }
    return c.wrong.n == 0 || err_set(e, ERR_INVALID, "yaml: unmarshal errors:%.*s", STR(buf_str(&c.wrong)));
}
