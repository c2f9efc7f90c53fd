#include "data/yaml_simple.h"
#include "data/yaml.h"
#include "data/yaml_simple_parts.h"

#define TREE_PER_TEXT 3 /* bytes of tree to expect for a byte of text */

static bool read_block(struct simple *s, int parent);

/* ---- lines ---------------------------------------------------------------------------------------- */

static void skip_blanks(struct simple *s)
{
    while (*s->p == ' ')
        s->p++;
}

/* From the start of a line to the next content. */
static void find_content(struct simple *s)
{
    for (;;) {
        s->line = s->p;
        s->p += scan_blanks(s->p, s->end) - s->p;
        if (*s->p != '\n' && *s->p != '#')
            break;
        yaml_simple_skip_line(s);
    }
    s->column = (int)(s->p - s->line);
    if (*s->p == '\0' || (s->column == 0 && yaml_simple_marker(s->p, '-')))
        s->column = YAML_SIMPLE_ENDED;
    else if (s->column == 0 && yaml_simple_marker(s->p, '.'))
        s->column = YAML_SIMPLE_REFUSED;
}

/* Behind a value: nothing but a comment may follow on its line. */
static bool end_line(struct simple *s)
{
    const char *before = s->p;

    while (yaml_simple_blank(*s->p))
        s->p++;
    if (!yaml_simple_end(*s->p) && (*s->p != '#' || s->p == before))
        return false;
    yaml_simple_skip_line(s);
    find_content(s);
    return true;
}

/* The same for a value below column `parent`: deeper lines would go on with it. */
static bool end_value(struct simple *s, int parent)
{
    return end_line(s) && s->column <= parent;
}

static bool rest_is_empty(const struct simple *s)
{
    const char *p = s->p;

    while (*p == ' ')
        p++;
    return yaml_simple_end(*p) || (*p == '#' && p > s->p);
}

static bool is_dash(const char *p)
{
    return p[0] == '-' && (p[1] == ' ' || yaml_simple_end(p[1]));
}

static bool count_node(struct simple *s)
{
    return ++s->nodes <= YAML_NODES_MAX;
}

/* ---- block collections ---------------------------------------------------------------------------- */

/* A value that is no word: a block text or a flow collection. */
static bool read_indicated(struct simple *s, int parent)
{
    if (*s->p == '[' || *s->p == '{')
        return yaml_simple_flow(s) && end_value(s, parent);
    if (!yaml_simple_block(s, parent))
        return false;
    find_content(s);
    return true;
}

static bool is_indicated(char c)
{
    return c == '[' || c == '{' || c == '|' || c == '>';
}

/* The value that begins with a word. */
static bool read_scalar(struct simple *s, int parent, struct simple_word *word)
{
    return (!word->plain || yaml_simple_continue(s, parent, word)) && yaml_simple_put(s, word) && end_value(s, parent);
}

/* A value that starts on this line; `parent` is the column of the collection around it. */
static bool read_inline(struct simple *s, int parent)
{
    struct simple_word word;

    if (is_indicated(*s->p))
        return read_indicated(s, parent);
    return yaml_simple_word(s, false, &word) && !word.key && read_scalar(s, parent, &word);
}

/* The value behind "key:" or "-" when the rest of the line is empty: a deeper block, or nothing. */
static bool read_below(struct simple *s, int column, bool in_map)
{
    if (!end_line(s))
        return false;
    bool indentless = in_map && s->column == column && is_dash(s->p);
    if (s->column > column || indentless)
        return read_block(s, column);
    gather(&s->items, value_null());
    return true;
}

static bool read_member(struct simple *s, int column)
{
    if (rest_is_empty(s))
        return read_below(s, column, true);
    skip_blanks(s);
    return read_inline(s, column);
}

/* The mapping whose first key, at `column`, was read already. */
static bool read_map(struct simple *s, int column, struct simple_word *word)
{
    size_t from = s->items.n;

    for (;;) {
        if (!count_node(s) || !word->key || !yaml_simple_put_key(s, word) || !read_member(s, column))
            return false;
        if (s->column != column)
            break;
        if (!yaml_simple_word(s, false, word))
            return false;
    }
    gather(&s->items, gather_map(&s->items, from));
    return s->column < column;
}

/* What stands behind a dash on its line: a nested list, a mapping that begins there, or a value. */
static bool read_item(struct simple *s, int column)
{
    s->p++;
    if (rest_is_empty(s))
        return read_below(s, column, false);
    skip_blanks(s);
    s->column = (int)(s->p - s->line);
    return read_block(s, column);
}

/* A list may stand at its mapping's own column: then another key ends it, which the mapping looks at. */
static bool read_list(struct simple *s, int column)
{
    size_t from = s->items.n;

    do {
        if (!count_node(s) || !read_item(s, column))
            return false;
    } while (s->column == column && is_dash(s->p));
    gather(&s->items, gather_list(&s->items, from));
    return s->column <= column;
}

/* The mapping that starts at `p`, or a text. */
static bool read_words(struct simple *s, int parent)
{
    struct simple_word word;
    int column = s->column;

    if (!yaml_simple_word(s, false, &word))
        return false;
    return word.key ? read_map(s, column, &word) : read_scalar(s, parent, &word);
}

/* What starts at `p` with nothing but indentation and dashes before it. */
static bool read_block(struct simple *s, int parent)
{
    if (is_indicated(*s->p))
        return read_indicated(s, parent);
    if (++s->depth > YAML_SIMPLE_DEPTH_MAX)
        return false;
    bool ok = is_dash(s->p) ? read_list(s, s->column) : read_words(s, parent);
    s->depth--;
    return ok;
}

/* ---- documents ------------------------------------------------------------------------------------ */

static bool read_root(struct simple *s)
{
    if (s->column == YAML_SIMPLE_ENDED)
        gather(&s->items, value_null());
    else if (s->column < 0 || !read_block(s, YAML_SIMPLE_ENDED))
        return false;
    return s->column == YAML_SIMPLE_ENDED;
}

/* One document: its marker if it has one, then nothing or one value. */
static bool read_document(struct simple *s, bool first)
{
    find_content(s);
    if (*s->p != '\0' && s->column == YAML_SIMPLE_ENDED) {
        s->p += 3;
        if (!end_line(s))
            return false;
    } else if (!first) {
        return false;
    }
    return read_root(s);
}

static bool read_documents(struct simple *s, bool all)
{
    size_t before = s->items.n;
    bool first = true;

    do {
        if (!read_document(s, first))
            return false;
        first = false;
        if (all && s->items.v[s->items.n - 1].kind == VALUE_NULL)
            s->items.n--;
    } while (all && s->p < s->end);
    if (all)
        gather(&s->items, gather_list(&s->items, before));
    return true;
}

bool yaml_read_simple(struct arena *a, struct str text, bool all, struct value *out)
{
    struct arena_mark mark = arena_mark(a);
    struct simple s; /* large, and its items set themselves up */
    struct str copy;

    arena_expect(a, text.n * TREE_PER_TEXT);
    bool ok = yaml_simple_prepare(a, text, &copy);
    if (ok) {
        gather_init(&s.items, a);
        s.p = s.line = (char *)(uintptr_t)copy.p; /* a copy of our own */
        s.end = s.p + copy.n;
        s.depth = 0;
        s.nodes = 0;
        ok = read_documents(&s, all);
        if (ok)
            *out = s.items.v[0];
        gather_done(&s.items);
    }
    if (!ok)
        arena_rewind(a, mark);
    return ok;
}
