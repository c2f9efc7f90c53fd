/*
 * One walk over libyaml's events with the path to where it is; only maps and lists on the wanted path are entered.
 */
#include <stdio.h>
#include <yaml.h>

#include "data/yaml.h"
#include "data/yaml_locate.h"

struct walk {
    yaml_parser_t parser;
    const struct str *path;
    size_t n, known; /* names wanted, names found */
    struct yaml_place place;
    bool too_deep; /* the walk ends: libyaml's time grows with the square of the depth */
};

static struct yaml_place place_of(yaml_mark_t mark)
{
    return (struct yaml_place){ (unsigned)mark.line + 1, (unsigned)mark.column + 1 };
}

/* False at an error and, once there was one or the stream has ended, ever after: libyaml then gives empty events. */
static bool next(struct walk *w, yaml_event_t *event)
{
    return !w->too_deep && yaml_parser_parse(&w->parser, event) != 0 && event->type != YAML_NO_EVENT;
}

static bool opens(const yaml_event_t *event)
{
    return event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT;
}

static bool closes(const yaml_event_t *event)
{
    return event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT;
}

static bool is_name(const yaml_event_t *event, struct str name)
{
    return event->type == YAML_SCALAR_EVENT
           && str_eq((struct str){ (const char *)event->data.scalar.value, event->data.scalar.length }, name);
}

/* Jump over the node that `event` begins. */
static bool skip(struct walk *w, yaml_event_t *event)
{
    size_t open = 0;

    for (;;) {
        open += opens(event);
        open -= closes(event);
        if (open == 0)
            return true;
        yaml_event_delete(event);
        w->too_deep = open > YAML_DEPTH_MAX;
        if (!next(w, event))
            return false;
    }
}

static void enter(struct walk *w, yaml_event_t *event, size_t depth);

static void found(struct walk *w, const yaml_event_t *at, size_t depth)
{
    if (depth + 1 > w->known) {
        w->known = depth + 1;
        w->place = place_of(at->start_mark);
    }
}

/* The name at `depth` in the map that has just begun; the last of equal keys counts. */
static void enter_map(struct walk *w, size_t depth)
{
    yaml_event_t key, value;

    while (next(w, &key)) {
        if (key.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&key);
            return;
        }
        bool wanted = is_name(&key, w->path[depth]);
        if (wanted)
            found(w, &key, depth);
        bool more = skip(w, &key);
        yaml_event_delete(&key);
        if (!more || !next(w, &value))
            return;
        if (wanted && depth + 1 < w->n)
            enter(w, &value, depth + 1);
        else if (!skip(w, &value))
            return;
        yaml_event_delete(&value);
    }
}

static void enter_list(struct walk *w, size_t depth)
{
    yaml_event_t item;

    for (size_t i = 0; next(w, &item); i++) {
        char index[24];
        snprintf(index, sizeof index, "%zu", i);
        bool end = item.type == YAML_SEQUENCE_END_EVENT, wanted = str_is(w->path[depth], index);
        if (!end && wanted)
            found(w, &item, depth);
        bool more = !end;
        if (more && wanted && depth + 1 < w->n)
            enter(w, &item, depth + 1);
        else if (more)
            more = skip(w, &item);
        yaml_event_delete(&item);
        if (!more)
            return;
    }
}

/* Leaves the walk behind the node that `event` begins. */
static void enter(struct walk *w, yaml_event_t *event, size_t depth)
{
    if (event->type == YAML_MAPPING_START_EVENT)
        enter_map(w, depth);
    else if (event->type == YAML_SEQUENCE_START_EVENT)
        enter_list(w, depth);
}

static void open_parser(yaml_parser_t *parser, struct str text)
{
    yaml_parser_initialize(parser);
    yaml_parser_set_input_string(parser, (const unsigned char *)text.p, text.n);
}

bool yaml_locate(struct str text, const struct str *path, size_t n, struct yaml_place *out, size_t *known)
{
    struct walk w = { .path = path, .n = n };
    yaml_event_t event;
    bool more = n > 0 && n < YAML_DEPTH_MAX;

    *known = 0;
    open_parser(&w.parser, text);
    while (more && w.known < n && next(&w, &event)) {
        more = event.type != YAML_STREAM_END_EVENT;
        enter(&w, &event, 0);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&w.parser);
    *known = w.known;
    if (w.known > 0)
        *out = w.place;
    return w.known > 0;
}

bool yaml_locate_error(struct str text, struct yaml_place *out)
{
    struct walk w = { 0 };
    yaml_parser_t *parser = &w.parser;
    yaml_event_t event;
    bool more = true;
    size_t open = 0;

    open_parser(parser, text);
    while (more && next(&w, &event)) {
        open += opens(&event);
        open -= closes(&event);
        w.too_deep = open > YAML_DEPTH_MAX;
        more = event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    /* a key without its ':' is noticed only behind it, but the context is where it began */
    bool key = parser->problem != NULL && strcmp(parser->problem, "could not find expected ':'") == 0;
    *out = place_of(key ? parser->context_mark : w.too_deep ? parser->mark : parser->problem_mark);
    yaml_parser_delete(parser);
    return more;
}
