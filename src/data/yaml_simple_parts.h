/*
 * data/yaml_simple_parts.h - what the files of the quick YAML reader share: yaml_simple.c has blocks and documents,
 * yaml_simple_flow.c flow collections, yaml_simple_text.c scalars. Only for them.
 *
 * The reader works on a copy of the text of its own and joins texts of several lines in place there: a line break and
 * the indentation behind it always make room for the blank or the line feed that stands for them.
 */
#pragma once
#include "data/gather.h"
#include "data/scan.h"

#define YAML_SIMPLE_DEPTH_MAX 400 /* each may hold one more mapping: well below YAML_DEPTH_MAX */
#define YAML_SIMPLE_KEY_MAX 1000  /* bytes from a key's start to its colon; the scanner's limit is 1024 characters */

struct simple {
    struct gather items;
    char *p, *end; /* a zero byte stands at `end`, and none before */
    char *line;    /* where the line of `p` starts */
    int column;    /* of the content at `p`, or one of the two below */
    unsigned depth;
    size_t nodes;
};

enum {
    YAML_SIMPLE_ENDED = -1,   /* the document has ended */
    YAML_SIMPLE_REFUSED = -2, /* at "...": the scanner knows what may follow */
};

/* A text as it stands in a line: a whole quoted text, or the first line of a plain one. */
struct simple_word {
    struct str text;
    bool plain;
    bool key; /* the colon of a key came behind it */
};

/* The text with a zero byte behind it, lines ending in "\n". False when it has characters that need the scanner. */
MUST_CHECK bool yaml_simple_prepare(struct arena *a, struct str text, struct str *out);

/* The word at `p`. Behind a key, `p` stands behind the colon. `flow`: brackets and commas end it too. */
MUST_CHECK bool yaml_simple_word(struct simple *s, bool flow, struct simple_word *out);
/* The further lines of a plain text, which are those deeper than column `parent`. */
MUST_CHECK bool yaml_simple_continue(struct simple *s, int parent, struct simple_word *word);
/* Put the word's value on the stack, or its text as a key; false for numbers and keys that JSON has not. */
MUST_CHECK bool yaml_simple_put(struct simple *s, const struct simple_word *word);
MUST_CHECK bool yaml_simple_put_key(struct simple *s, const struct simple_word *word);
/* "|" or ">" at `p`, which then stands at the start of a line. */
MUST_CHECK bool yaml_simple_block(struct simple *s, int parent);
/* "[" or "{" at `p`; the collection goes on the stack. */
MUST_CHECK bool yaml_simple_flow(struct simple *s);

static inline bool yaml_simple_end(char c)
{
    return c == '\n' || c == '\0';
}
static inline bool yaml_simple_blank(char c)
{
    return c == ' ' || c == '\t';
}
/* "---" or "..." at `p`, the start of a line. */
static inline bool yaml_simple_marker(const char *p, char c)
{
    return p[0] == c && p[1] == c && p[2] == c && (yaml_simple_blank(p[3]) || yaml_simple_end(p[3]));
}
static inline bool yaml_simple_any_marker(const char *p)
{
    return yaml_simple_marker(p, '-') || yaml_simple_marker(p, '.');
}
static inline void yaml_simple_skip_line(struct simple *s)
{
    char *newline = memchr(s->p, '\n', (size_t)(s->end - s->p));

    s->p = newline != NULL ? newline + 1 : s->end;
}
