/*
 * data/yaml_reader.h - what the two halves of the reader share: yaml.c knows the grammar, yaml_build.c what its nodes
 * become. Inside src/data only.
 *
 * go-yaml first reads a whole document into nodes, then decodes them, then Kubernetes makes JSON of the result. Here
 * all is one pass, so a mistake of a later step is noted and told only if no earlier step finds one further down.
 */
#pragma once
#include "data/yaml.h"
#include "data/yaml_scan.h"

enum yaml_step { YAML_STEP_NONE, YAML_STEP_DECODE, YAML_STEP_CONVERT, YAML_STEP_JSON };

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
    struct err noted;
    struct err *e;
};

/* A node before its content: where it starts, its anchor and its full tag. */
struct yaml_node {
    struct yaml_mark mark;
    struct str anchor, tag;
};

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
/* Put a pair into a map, keys made to strings; `merge` when the key is "<<". */
void yaml_build_pair(struct yaml_reader *r, struct map *into, const struct value *key, struct yaml_mark mark,
                     bool merge, const struct value *member);
