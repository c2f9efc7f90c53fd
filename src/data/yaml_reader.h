/*
 * data/yaml_reader.h - what the parts of the reader share: yaml.c knows documents, yaml_node.c the grammar of nodes,
 * yaml_build.c what nodes become, yaml_locate.c where they stand. Inside src/data only.
 *
 * go-yaml first reads a whole document into nodes, then decodes them, then Kubernetes makes JSON of the result. Here
 * all is one pass, so a mistake of a later step is noted and told only if no earlier step finds one further down.
 */
#pragma once
#include "data/yaml.h"
#include "data/yaml_scan.h"

enum yaml_step { YAML_STEP_NONE, YAML_STEP_DECODE, YAML_STEP_CONVERT, YAML_STEP_JSON };

struct yaml_search; /* for a place in the text */

struct yaml_reader {
    struct arena *a;
    struct yaml_scan scan;
    const char *name;    /* for messages; NULL asks for go-yaml's exact words */
    struct map *anchors; /* name -> tree; VALUE_OPAQUE while the anchored node is still being read */
    size_t nodes, copies;
    size_t decoded, decoded_again; /* as go-yaml counts them: nodes, and those below aliases */
    unsigned depth;
    bool merge_key; /* the node that was just read is "<<" */
    bool infinite;  /* a number that JSON has not was read, the first at infinite_at */
    struct yaml_mark infinite_at;
    struct { /* %TAG of this document */
        struct str handle, prefix;
    } tags[16];
    size_t n_tags;
    enum yaml_step noted_step;
    struct yaml_mark noted_at;
    struct err noted;
    struct yaml_search *search; /* told the names of all that is read, in the text's order; may be NULL */
    struct buf *twice;          /* takes a line for each key that its mapping has already; may be NULL */
    struct yaml_mark failed_at; /* after a failure: where what is wrong begins */
    struct err *e;
};

/* A node before its content: where it starts, its anchor and its full tag. */
struct yaml_node {
    struct yaml_mark mark;
    struct str anchor, tag;
};

/* A key and what belongs to it. */
struct yaml_pair {
    struct value key, member;
    struct yaml_mark key_at, member_at;
    bool merge; /* the key is "<<" */
};

/* ---- tokens --------------------------------------------------------------------------------------- */

/* Set the error for what the scanner has noted; false. */
bool yaml_fail_syntax(struct yaml_reader *r);
/* A token that the grammar has no place for; false. */
bool yaml_fail_grammar(struct yaml_reader *r, const char *problem, struct yaml_mark at);

/* The next token. */
static inline bool yaml_peek(struct yaml_reader *r, const struct yaml_token **out)
{
    *out = yaml_scan_peek(&r->scan);
    return *out != NULL || yaml_fail_syntax(r);
}
/* Drop the token that is there and look at the next one. */
static inline bool yaml_advance(struct yaml_reader *r, const struct yaml_token **out)
{
    yaml_scan_skip(&r->scan);
    return yaml_peek(r, out);
}

#define YAML_ONE_OF(kind, ...) yaml_one_of(kind, (const enum yaml_token_kind[]){ __VA_ARGS__, YAML_STREAM_END_TOKEN })

/* Is it in the list, which STREAM_END closes? */
static inline bool yaml_one_of(enum yaml_token_kind kind, const enum yaml_token_kind *list)
{
    for (; *list != YAML_STREAM_END_TOKEN; list++)
        if (*list == kind)
            return true;
    return false;
}

/* ---- nodes ---------------------------------------------------------------------------------------- */

/*
 * The documents of `text` by the grammar alone, without the quick reader: the first, or all as a list. This is what
 * fills search and twice.
 */
MUST_CHECK bool yaml_read_text(struct yaml_reader *r, struct str text, bool all, struct value *out);
/* One node. A list without indentation of its own is a node only as the member of a block mapping. */
MUST_CHECK bool yaml_read_node(struct yaml_reader *r, bool block, bool indentless, struct value *out);

/* What stands at `at`, inside `depth` open collections, has the name `name`: a key, or its index in a list. */
void yaml_search_step(struct yaml_search *s, size_t depth, const struct value *name, struct yaml_mark at);

/* A pair ends: the key of the next one, which may be a collection too, is on no path. */
void yaml_search_leave(struct yaml_search *s, size_t depth);

/* ---- what they become ----------------------------------------------------------------------------- */

/* Set the error; false. */
bool yaml_fail_at(struct yaml_reader *r, enum err_kind kind, struct yaml_mark mark, struct str text);
/* Note a mistake that does not hinder the reading of the rest. */
void yaml_note(struct yaml_reader *r, enum yaml_step step, struct yaml_mark mark, struct str text);

/* The value of a scalar; `plain` when it was neither quoted nor a block. */
struct value yaml_build_scalar(struct yaml_reader *r, const struct yaml_node *node, struct str text, bool plain);
/* The tree that the alias `name` stands for. */
MUST_CHECK bool yaml_build_alias(struct yaml_reader *r, struct yaml_mark mark, struct str name, struct value *out);
/* Note the first infinity of a finished document, in JSON's order: a later key may have replaced the ones read. */
void yaml_build_check(struct yaml_reader *r, const struct value *v);
/* JSON has string keys only. False for what has no text: null, lists and maps. */
bool yaml_key_text(struct arena *a, const struct value *key, struct str *out);
/* Put a pair into a map, its key made to a string. */
void yaml_build_pair(struct yaml_reader *r, struct map *into, const struct yaml_pair *pair);
