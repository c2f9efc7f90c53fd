#include <math.h>

#include "data/yaml.h"
#include "data/yaml_scalar.h"
#include "data/yaml_simple.h"

#define DEPTH_MAX 100
#define KEY_MAX 1000 /* libyaml's limit is 1024 characters */
#define ENDED (-1)   /* column at the end of a document */
#define REFUSED (-2) /* column at "...": libyaml knows what may follow */

struct simple {
    struct arena *a;
    const char *p, *end; /* a zero byte stands at `end` */
    const char *line;    /* where the line of `p` starts */
    int column;          /* of the content at `p`, or ENDED */
    unsigned depth;
    size_t nodes;
};

static bool read_block(struct simple *s, struct value *out);
static bool read_flow(struct simple *s, struct value *out);

/* ---- bytes and lines ------------------------------------------------------------------------------ */

/* Only characters that mean nothing special to any YAML reader; the rare ones are libyaml's business. */
static bool has_simple_bytes(struct str text)
{
    uint32_t c = 0;

    for (size_t i = 0, width = 1; i < text.n; i += width, width = 1) {
        unsigned char b = (unsigned char)text.p[i];
        if ((b >= ' ' && b < 0x7f) || b == '\n')
            continue;
        if (b < 0x80)
            return false;
        width = utf8_decode((struct str){ text.p + i, text.n - i }, &c);
        if (c < 0xa0 || c == 0x2028 || c == 0x2029 || c == 0xfeff || c == 0xfffd || c == 0xfffe || c == 0xffff)
            return false;
    }
    return true;
}

static bool is_end(char c)
{
    return c == '\n' || c == '\0';
}

static bool is_blank_or_end(char c)
{
    return c == ' ' || is_end(c);
}

static void skip_blanks(struct simple *s)
{
    while (*s->p == ' ')
        s->p++;
}

/* "---" or "..." at `p`. */
static bool is_marker(const char *p, char c)
{
    return p[0] == c && p[1] == c && p[2] == c && is_blank_or_end(p[3]);
}

static void skip_line(struct simple *s)
{
    const char *newline = memchr(s->p, '\n', (size_t)(s->end - s->p));

    s->p = newline != NULL ? newline + 1 : s->end;
}

/* From the start of a line to the next content. */
static void find_content(struct simple *s)
{
    for (;;) {
        s->line = s->p;
        skip_blanks(s);
        if (*s->p != '\n' && *s->p != '#')
            break;
        skip_line(s);
    }
    s->column = (int)(s->p - s->line);
    if (*s->p == '\0' || (s->column == 0 && is_marker(s->p, '-')))
        s->column = ENDED;
    else if (s->column == 0 && is_marker(s->p, '.'))
        s->column = REFUSED;
}

/* Behind a value: nothing but a comment may follow on its line. */
static bool end_line(struct simple *s)
{
    const char *before = s->p;

    skip_blanks(s);
    if (!is_end(*s->p) && (*s->p != '#' || s->p == before))
        return false;
    skip_line(s);
    find_content(s);
    return true;
}

static bool is_dash(const char *p)
{
    return p[0] == '-' && is_blank_or_end(p[1]);
}

/* ---- scalars of one line --------------------------------------------------------------------------- */

static bool is_plain_start(const char *p)
{
    if (*p == '-')
        return !is_blank_or_end(p[1]);
    return *p != '\0' && memchr(",[]{}#&*!|>'\"%@`?:\n ", *p, 21) == NULL;
}

/* The plain text at `p`; *stop is where it ends: a colon with a blank behind it, a comment, or the line's end. */
static struct str plain_text(const char *p, const char **stop)
{
    const char *q = p;

    for (; !is_end(*q); q++) {
        if (*q == ':' && is_blank_or_end(q[1]))
            break;
        if (*q == '#' && q > p && q[-1] == ' ')
            break;
    }
    *stop = q;
    while (q > p && q[-1] == ' ')
        q--;
    return (struct str){ p, (size_t)(q - p) };
}

/* Quoted text whose only escapes are '' or \" \\ \n \t; `p` is at the opening quote. */
static bool quoted_text(struct simple *s, struct str *out)
{
    char quote = *s->p++;
    const char *start = s->p;
    struct buf b = { .a = s->a };

    for (; !is_end(*s->p); s->p++) {
        char c = *s->p;
        bool doubled = quote == '\'' && c == quote && s->p[1] == quote;
        if (c == quote && !doubled) {
            buf_add(&b, b.n > 0 || start != s->p ? (struct str){ start, (size_t)(s->p - start) } : S(""));
            *out = b.n > 0 ? buf_str(&b) : S("");
            s->p++;
            return true;
        }
        if (!doubled && (quote != '"' || c != '\\'))
            continue;
        buf_add(&b, (struct str){ start, (size_t)(s->p - start) });
        char escaped = *++s->p;
        if (!doubled && (escaped == '\0' || strchr("\"\\nt", escaped) == NULL))
            return false;
        buf_byte(&b, doubled ? '\'' : escaped == 'n' ? '\n' : escaped == 't' ? '\t' : escaped);
        start = s->p + 1;
    }
    return false;
}

static bool plain_value(struct str text, struct value *out)
{
    yaml_resolve(text, out);
    return out->kind != VALUE_FLOAT || isfinite(out->f);
}

/* ---- literal blocks ------------------------------------------------------------------------------- */

/* The spaces at `p`, and whether only they stand on the line. */
static int indentation(const char *p, bool *empty)
{
    const char *q = p;

    while (*q == ' ')
        q++;
    *empty = is_end(*q);
    return (int)(q - p);
}

/* The block's indentation: that of its first line with content. Blank lines before it must not be longer. */
static bool block_indentation(const struct simple *s, int parent, int *out)
{
    const char *p = s->p;
    bool empty = true;
    int longest = 0;

    while (p < s->end) {
        *out = indentation(p, &empty);
        if (!empty)
            break;
        longest = *out > longest ? *out : longest;
        const char *newline = memchr(p, '\n', (size_t)(s->end - p));
        if (newline == NULL)
            break;
        p = newline + 1;
    }
    return !empty && *out > parent && longest <= *out && !(*out == 0 && is_marker(p, '-'));
}

/* Lines of the block, joined; `p` is at the first. */
static void block_lines(struct simple *s, int indent, struct buf *b)
{
    while (s->p < s->end) {
        bool empty = false;
        int here = indentation(s->p, &empty);
        if (here < indent && !empty)
            return;
        const char *start = s->p + (here < indent ? here : indent);
        skip_line(s);
        buf_add(b, (struct str){ start, (size_t)(s->p - start) });
    }
}

/* "|", "|-" or "|+"; `parent` is the column of the collection around it. */
static bool read_literal(struct simple *s, int parent, struct value *out)
{
    struct buf b = { .a = s->a };
    char chomp = s->p[1] == '-' || s->p[1] == '+' ? s->p[1] : '\0';
    int indent = 0;

    s->p += chomp != '\0' ? 2 : 1;
    const char *before = s->p;
    skip_blanks(s);
    if (*s->p != '\n' && (*s->p != '#' || s->p == before))
        return false;
    skip_line(s);
    if (!block_indentation(s, parent, &indent))
        return false;
    block_lines(s, indent, &b);
    struct str text = buf_str(&b);
    while (chomp != '+' && text.n > 0 && text.p[text.n - 1] == '\n')
        text.n--;
    if (chomp == '\0' && text.n < b.n)
        text.n++;
    *out = value_str(text);
    find_content(s);
    return true;
}

/* ---- flow collections on one line ----------------------------------------------------------------- */

static bool is_flow_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.'
           || c == '/' || c == '-' || c == '+';
}

/* Words without blanks, quoted text, or a nested collection. */
static bool read_flow_item(struct simple *s, struct value *out)
{
    struct str text;

    if (++s->nodes > YAML_NODES_MAX)
        return false;
    if (*s->p == '[' || *s->p == '{')
        return read_flow(s, out);
    if (*s->p == '"' || *s->p == '\'') {
        if (!quoted_text(s, &text))
            return false;
        *out = value_str(text);
        return true;
    }
    const char *start = s->p;
    while (is_flow_plain(*s->p))
        s->p++;
    text = (struct str){ start, (size_t)(s->p - start) };
    return text.n > 0 && *start != '-' && plain_value(text, out);
}

static bool read_flow_key(struct simple *s, struct str *key)
{
    struct value v;

    if (*s->p == '[' || *s->p == '{')
        return false;
    if (!read_flow_item(s, &v) || v.kind != VALUE_STRING || s->p[0] != ':' || s->p[1] != ' ')
        return false;
    *key = value_as_str(&v);
    s->p++;
    skip_blanks(s);
    return key->n <= KEY_MAX;
}

/* Behind an item: a comma and another item, or the closing bracket (then *more is false). */
static bool next_flow_item(struct simple *s, char close, bool *more)
{
    skip_blanks(s);
    *more = *s->p == ',';
    if (*s->p != ',' && *s->p != close)
        return false;
    s->p++;
    if (*more)
        skip_blanks(s);
    return true;
}

static bool read_flow_items(struct simple *s, char close, struct value *out)
{
    struct value item;
    struct str key;

    skip_blanks(s);
    if (*s->p == close) {
        s->p++;
        return true;
    }
    for (bool more = true; more;) {
        if (close == '}' && !read_flow_key(s, &key))
            return false;
        if (!read_flow_item(s, &item) || !next_flow_item(s, close, &more))
            return false;
        if (close == '}')
            map_put(s->a, out->map, key, item);
        else
            list_push(s->a, out->list, item);
    }
    return true;
}

static bool read_flow(struct simple *s, struct value *out)
{
    bool is_map = *s->p++ == '{';

    if (++s->depth > DEPTH_MAX)
        return false;
    *out = is_map ? value_map(s->a) : value_list(s->a);
    bool ok = read_flow_items(s, is_map ? '}' : ']', out);
    s->depth--;
    return ok;
}

/* ---- block collections ---------------------------------------------------------------------------- */

/* A value that starts on this line; `parent` is the column of the collection around it. */
static bool read_inline(struct simple *s, int parent, struct value *out)
{
    const char *stop = NULL;
    struct str text;

    s->nodes++;
    if (*s->p == '|') {
        return read_literal(s, parent, out);
    } else if (*s->p == '[' || *s->p == '{') {
        if (!read_flow(s, out))
            return false;
    } else if (*s->p == '"' || *s->p == '\'') {
        if (!quoted_text(s, &text))
            return false;
        *out = value_str(text);
    } else {
        if (!is_plain_start(s->p))
            return false;
        text = plain_text(s->p, &stop);
        if (*stop == ':' || !plain_value(text, out))
            return false;
        s->p = stop;
        if (*stop == '#')
            s->p--; /* its blank belongs to the comment */
    }
    return end_line(s) && s->column <= parent; /* deeper lines would go on with the text */
}

/* A key with its colon; *found is false, and nothing is consumed, when the line does not start with one. */
static bool read_key(struct simple *s, struct str *key, bool *found)
{
    const char *start = s->p, *stop = NULL;
    struct value v;

    *found = false;
    if (*s->p == '"' || *s->p == '\'') {
        if (!quoted_text(s, key))
            return false;
        skip_blanks(s);
        stop = s->p;
        s->p = start;
        if (*stop != ':')
            return true;
        if (!is_blank_or_end(stop[1]))
            return false;
    } else {
        if (!is_plain_start(s->p))
            return *s->p == '[' || *s->p == '{' || *s->p == '|';
        *key = plain_text(s->p, &stop);
        if (*stop != ':')
            return true;
        if (yaml_resolve(*key, &v) != YAML_IS_STRING || str_is(*key, "<<"))
            return false;
    }
    *found = true;
    s->p = stop + 1;
    return s->p - start <= KEY_MAX;
}

/* The value behind "key:" or "-" when the rest of the line is empty: a deeper block, or nothing. */
static bool read_below(struct simple *s, int column, bool in_map, struct value *out)
{
    *out = value_null();
    if (!end_line(s))
        return false;
    bool indentless = in_map && s->column == column && is_dash(s->p);
    return (s->column <= column && !indentless) || read_block(s, out);
}

static bool rest_is_empty(const struct simple *s)
{
    const char *p = s->p;

    while (*p == ' ')
        p++;
    return is_end(*p) || (*p == '#' && p > s->p);
}

static bool read_member(struct simple *s, int column, struct value *out)
{
    if (rest_is_empty(s))
        return read_below(s, column, true, out);
    skip_blanks(s);
    return read_inline(s, column, out);
}

static bool read_map(struct simple *s, int column, struct value *out)
{
    struct value member;
    struct str key;
    bool found = false;

    *out = value_map(s->a);
    do {
        if (++s->nodes > YAML_NODES_MAX || !read_key(s, &key, &found) || !found || !read_member(s, column, &member))
            return false;
        map_put(s->a, out->map, key, member);
    } while (s->column == column);
    return s->column < column;
}

/* What stands behind a dash on its line: a nested list, a mapping that begins there, or a value. */
static bool read_item(struct simple *s, int column, struct value *out)
{
    struct str key;
    bool found = false;

    s->p++;
    if (rest_is_empty(s))
        return read_below(s, column, false, out);
    skip_blanks(s);
    s->column = (int)(s->p - s->line);
    if (is_dash(s->p))
        return read_block(s, out);
    const char *start = s->p;
    if (!read_key(s, &key, &found))
        return false;
    s->p = start;
    return found ? read_block(s, out) : read_inline(s, column, out);
}

/* A list may stand at its mapping's own column: then another key ends it, which the mapping looks at. */
static bool read_list(struct simple *s, int column, struct value *out)
{
    struct value item;

    *out = value_list(s->a);
    do {
        if (++s->nodes > YAML_NODES_MAX || !read_item(s, column, &item))
            return false;
        list_push(s->a, out->list, item);
    } while (s->column == column && is_dash(s->p));
    return s->column <= column;
}

/* The mapping or list that starts at `p`. */
static bool read_block(struct simple *s, struct value *out)
{
    int column = s->column;

    if (++s->depth > DEPTH_MAX)
        return false;
    bool ok = is_dash(s->p) ? read_list(s, column, out) : read_map(s, column, out);
    s->depth--;
    return ok;
}

/* ---- documents ------------------------------------------------------------------------------------ */

/* One document: its marker if it has one, then nothing or a block. */
static bool read_document(struct simple *s, bool first, struct value *out)
{
    *out = value_null();
    find_content(s);
    if (*s->p != '\0' && s->column == ENDED) {
        s->p += 3;
        if (!end_line(s))
            return false;
    } else if (!first) {
        return false;
    }
    return s->column == ENDED || (s->column >= 0 && read_block(s, out) && s->column == ENDED);
}

bool yaml_read_simple(struct arena *a, struct str text, bool all, struct value *out)
{
    struct arena_mark mark = arena_mark(a);
    struct value documents = value_list(a), v = value_null();
    bool ok = has_simple_bytes(text);

    if (!ok)
        return false;
    struct str copy = arena_str(a, text);
    struct simple s = { .a = a, .p = copy.p, .end = copy.p + copy.n };
    ok = read_document(&s, true, &v);
    while (ok && all) {
        if (v.kind != VALUE_NULL)
            list_push(a, documents.list, v);
        if (s.p == s.end)
            break;
        ok = read_document(&s, false, &v);
    }
    if (!ok) {
        arena_rewind(a, mark);
        return false;
    }
    *out = all ? documents : v;
    return true;
}
