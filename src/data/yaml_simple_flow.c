/* Flow collections: the indentation of their lines means nothing. */
#include "data/yaml.h"
#include "data/yaml_simple_parts.h"

/* Blanks, line breaks and comments. False at a document's end. */
static bool skip_space(struct simple *s)
{
    for (;; s->p++) {
        if (*s->p == '#' && (yaml_simple_blank(s->p[-1]) || s->p[-1] == '\n'))
            while (!yaml_simple_end(*s->p))
                s->p++;
        if (*s->p == '\n') {
            s->line = s->p + 1;
            if (yaml_simple_any_marker(s->line))
                return false;
        } else if (!yaml_simple_blank(*s->p)) {
            return *s->p != '\0';
        }
    }
}

/* A text, or a nested collection. */
static bool read_value(struct simple *s)
{
    struct simple_word word;

    if (++s->nodes > YAML_NODES_MAX)
        return false;
    if (*s->p == '[' || *s->p == '{')
        return yaml_simple_flow(s);
    return yaml_simple_word(s, true, &word) && !word.key && yaml_simple_put(s, &word);
}

/* "key: value" */
static bool read_member(struct simple *s)
{
    struct simple_word word;

    return *s->p != '[' && *s->p != '{' && yaml_simple_word(s, true, &word) && word.key && yaml_simple_put_key(s, &word)
           && skip_space(s) && read_value(s);
}

/* Behind a member: a comma and another one, or the closing bracket (then *more is false). */
static bool read_separator(struct simple *s, char close, bool *more)
{
    if (!skip_space(s))
        return false;
    if (*s->p == ',') {
        s->p++;
        if (!skip_space(s))
            return false;
    } else if (*s->p != close) {
        return false;
    }
    *more = *s->p != close;
    return true;
}

static bool read_members(struct simple *s, char close)
{
    if (!skip_space(s))
        return false;
    for (bool more = *s->p != close; more;)
        if (!(close == '}' ? read_member(s) : read_value(s)) || !read_separator(s, close, &more))
            return false;
    s->p++;
    return true;
}

bool yaml_simple_flow(struct simple *s)
{
    size_t from = s->items.n;
    bool is_map = *s->p++ == '{';

    if (++s->depth > YAML_SIMPLE_DEPTH_MAX || !read_members(s, is_map ? '}' : ']'))
        return false;
    gather(&s->items, is_map ? gather_map(&s->items, from) : gather_list(&s->items, from));
    s->depth--;
    return true;
}
