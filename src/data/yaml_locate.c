/*
 * The reader tells a search the names of all that it reads, in the order of the text; the search follows them along
 * its path.
 */
#include "data/yaml_locate.h"
#include "data/yaml_reader.h"

struct yaml_search {
    struct arena *a;
    const struct str *path;
    size_t n;
    size_t on_path; /* names of the path that lead to where the reader is */
    size_t known;   /* the most that ever did, the first time at known_at */
    struct yaml_mark known_at;
};

static bool is_name(struct arena *a, const struct value *key, struct str name)
{
    struct str text;

    return yaml_key_text(a, key, &text) && str_eq(text, name);
}

void yaml_search_leave(struct yaml_search *s, size_t depth)
{
    if (s->on_path >= depth)
        s->on_path = depth - 1;
}

void yaml_search_step(struct yaml_search *s, size_t depth, const struct value *name, struct yaml_mark at)
{
    size_t outer = depth - 1; /* the outermost collection is open in any case */

    yaml_search_leave(s, depth);
    if (s->on_path < outer || outer >= s->n || !is_name(s->a, name, s->path[outer]))
        return;
    s->on_path = depth;
    if (s->known >= depth)
        return;
    s->known = depth;
    s->known_at = at;
}

static struct yaml_place place_of(struct yaml_mark mark)
{
    return (struct yaml_place){ mark.line + 1, mark.column + 1 };
}

bool yaml_locate(struct str text, const struct str *path, size_t n, struct yaml_place *out, size_t *known)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct yaml_search s = { .a = &a, .path = path, .n = n };
    struct err e;
    struct yaml_reader r = { .a = &a, .search = &s, .e = &e };
    struct value all;

    (void)!yaml_read_text(&r, text, true, &all); /* what stands before a mistake is found all the same */
    *known = s.known;
    if (s.known > 0)
        *out = place_of(s.known_at);
    return s.known > 0;
}

bool yaml_locate_error(struct str text, struct yaml_place *out)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct err e;
    struct yaml_reader r = { .a = &a, .e = &e };
    struct value all;
    bool whole = yaml_read_text(&r, text, true, &all);

    *out = place_of(r.failed_at);
    return !whole;
}
