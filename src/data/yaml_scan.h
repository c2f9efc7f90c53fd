/*
 * data/yaml_scan.h - YAML text into tokens, as go-yaml v2 cuts it. Inside src/data only.
 *
 * The tokens are those of the YAML 1.1 specification's own scanner: indentation becomes BLOCK tokens, and whether a
 * scalar was a key is known only at its colon, so tokens wait in a queue until it is. How far the scanner reads ahead
 * decides which of two mistakes is named first, hence it is kept as go-yaml has it: a key that can no longer be one is
 * noticed late, a line break inside a quoted text belongs to the text, and so on.
 */
#pragma once
#include "data/value.h"

#define YAML_SCAN_DEPTH_MAX 10000 /* open flow collections, or indentations */
#define YAML_KEY_MAX 1024         /* characters between the start of a simple key and its colon */

struct yaml_mark {
    uint32_t index, line, column; /* in characters, from 0 */
};

enum yaml_token_kind {
    YAML_STREAM_END_TOKEN,
    YAML_VERSION_TOKEN, /* %YAML; the two numbers are in value: 1.1 alone is legal */
    YAML_TAG_DIRECTIVE_TOKEN,
    YAML_DOCUMENT_START_TOKEN,
    YAML_DOCUMENT_END_TOKEN,
    YAML_BLOCK_LIST_TOKEN,
    YAML_BLOCK_MAP_TOKEN,
    YAML_BLOCK_END_TOKEN,
    YAML_FLOW_LIST_TOKEN,
    YAML_FLOW_LIST_END_TOKEN,
    YAML_FLOW_MAP_TOKEN,
    YAML_FLOW_MAP_END_TOKEN,
    YAML_BLOCK_ENTRY_TOKEN,
    YAML_FLOW_ENTRY_TOKEN,
    YAML_KEY_TOKEN,
    YAML_VALUE_TOKEN,
    YAML_ALIAS_TOKEN,
    YAML_ANCHOR_TOKEN,
    YAML_TAG_TOKEN,
    YAML_SCALAR_TOKEN,
};

struct yaml_token {
    enum yaml_token_kind kind;
    bool plain; /* of a scalar: neither quoted nor a block */
    struct yaml_mark start;
    struct str value;  /* text of a scalar, name of an anchor, handle of a tag */
    struct str suffix; /* of a tag; prefix of a directive */
};

/* Why a text cannot be read whole: NULL when it can, and the byte that is wrong. */
struct yaml_text_fault {
    const char *problem;
    size_t offset;
};

enum yaml_fault { YAML_FINE, YAML_BAD_TEXT, YAML_BAD_TOKEN, YAML_BAD_GRAMMAR };

struct yaml_simple_key; /* a place where a key may have started */

struct yaml_scan {
    struct arena *a;
    const char *p, *end;               /* what is left; NUL bytes follow the end */
    struct yaml_mark at;               /* where p stands */
    struct yaml_text_fault text_fault; /* behind `end` */
    struct yaml_token *tokens;
    size_t head, n, cap;
    size_t taken; /* tokens given away, which numbers the ones in the queue */
    bool ready;   /* the head of the queue is complete */
    bool key_allowed;
    int flow_level, indent;
    int *indents;
    size_t n_indents, cap_indents;
    struct yaml_simple_key *keys; /* one for the block context, one more for each open flow collection */
    size_t n_keys, cap_keys;
    /* After a failure: */
    enum yaml_fault fault;
    const char *problem;
    struct yaml_mark problem_at;   /* as go-yaml names it */
    struct yaml_mark problem_from; /* the same, except for a key without its colon: where the key begins */
};

/*
 * Start on `text` (UTF-8, or UTF-16 with a byte order mark). Values of tokens are slices of a copy of it or of `a`.
 */
void yaml_scan_open(struct yaml_scan *s, struct arena *a, struct str text);
/* The next token, which stays in the queue; NULL after a fault. It moves when another one is asked for. */
const struct yaml_token *yaml_scan_peek(struct yaml_scan *s);
/* Drop the token that yaml_scan_peek gave. */
void yaml_scan_skip(struct yaml_scan *s);
/* Note what is wrong, and give false. */
bool yaml_scan_fail(struct yaml_scan *s, enum yaml_fault fault, const char *problem, struct yaml_mark at);
/* The same for a token that goes wrong where the scanner stands. */
bool yaml_scan_fail_here(struct yaml_scan *s, const char *problem);

/* ---- between the files of the scanner ----------------------------------------------------------- */

/* The readable part of `text` as UTF-8 with eight NUL bytes behind. */
struct str yaml_text_prepare(struct arena *a, struct str text, struct yaml_text_fault *fault);

/* One token each, from p on. */
bool yaml_scan_directive(struct yaml_scan *s, struct yaml_token *out);
bool yaml_scan_anchor(struct yaml_scan *s, struct yaml_token *out);
bool yaml_scan_tag(struct yaml_scan *s, struct yaml_token *out);
bool yaml_scan_block(struct yaml_scan *s, bool literal, struct yaml_token *out);
bool yaml_scan_quoted(struct yaml_scan *s, char quote, struct yaml_token *out);
bool yaml_scan_plain(struct yaml_scan *s, struct yaml_token *out);

/* Bytes of the line break at `p`, 0 for none: LF, CR, NEL, LS, PS. CR LF is two. */
static inline unsigned yaml_break(const char *p)
{
    unsigned char c = (unsigned char)*p;

    if (c == '\n' || c == '\r')
        return 1;
    if (c < 0x80)
        return 0;
    if (c == 0xc2)
        return (unsigned char)p[1] == 0x85 ? 2 : 0;
    return c == 0xe2 && (unsigned char)p[1] == 0x80 && ((unsigned char)p[2] | 1) == 0xa9 ? 3 : 0;
}
static inline bool yaml_blank(char c)
{
    return c == ' ' || c == '\t';
}
static inline bool yaml_break_or_end(const char *p)
{
    return *p == '\0' || yaml_break(p) != 0;
}
static inline bool yaml_blank_or_end(const char *p)
{
    return yaml_blank(*p) || yaml_break_or_end(p);
}
/* A document starts or ends at the start of a line. */
static inline bool yaml_document_mark(const struct yaml_scan *s)
{
    const char *p = s->p;

    return s->at.column == 0 && (*p == '-' || *p == '.') && p[1] == *p && p[2] == *p && yaml_blank_or_end(p + 3);
}
/* Step over what ends at `to`, on one line. */
static inline void yaml_step(struct yaml_scan *s, const char *to)
{
    uint32_t characters = 0;

    for (; s->p < to; s->p++)
        characters += ((unsigned char)*s->p & 0xc0) != 0x80;
    s->at.index += characters;
    s->at.column += characters;
}
static inline void yaml_step_byte(struct yaml_scan *s)
{
    s->p++;
    s->at.index++;
    s->at.column++;
}
/* Step over a line break; what it counts as in a text: "\n", or the separator itself. */
struct str yaml_step_line(struct yaml_scan *s);
void yaml_step_blanks(struct yaml_scan *s);
/* Blanks and a comment, then the line must end. */
bool yaml_scan_line_end(struct yaml_scan *s);
