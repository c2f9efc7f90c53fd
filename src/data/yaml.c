/*
 * The reader of all YAML: tokens in, one tree out, by recursive descent over YAML 1.1's grammar; the quick reader of
 * simple texts (yaml_simple.c) comes first and leaves the rest. The bugs of the grammar that go-yaml has are kept.
 */
#include "data/yaml_reader.h"
#include "data/yaml_simple.h"

static bool read_node(struct yaml_reader *r, bool block, bool indentless, struct value *out);

/* ---- errors --------------------------------------------------------------------------------------- */

static void set_at(struct err *e, const struct yaml_reader *r, enum err_kind kind, struct yaml_mark mark,
                   struct str text)
{
    if (r->name == NULL)
        err_set_(e, kind, "yaml: %.*s", STR(text));
    else
        err_set_(e, kind, "%s:%u:%u: %.*s", r->name, mark.line + 1, mark.column + 1, STR(text));
}

bool yaml_fail_at(struct yaml_reader *r, enum err_kind kind, struct yaml_mark mark, struct str text)
{
    set_at(r->e, r, kind, mark, text);
    return false;
}

void yaml_note(struct yaml_reader *r, enum yaml_step step, struct yaml_mark mark, struct str text)
{
    if (r->noted_step != YAML_STEP_NONE && r->noted_step <= step)
        return;
    r->noted_step = step;
    if (r->name == NULL && step != YAML_STEP_DECODE)
        err_set_(&r->noted, ERR_INVALID, "%.*s", STR(text));
    else
        set_at(&r->noted, r, ERR_INVALID, mark, text);
}

/* go-yaml names lines from 0 for the grammar and from 1 for tokens, and none for the first. */
static bool fail_syntax(struct yaml_reader *r)
{
    const struct yaml_scan *s = &r->scan;
    unsigned line = s->problem_at.line;

    if (r->name != NULL && s->fault == YAML_BAD_TEXT)
        return err_set(r->e, ERR_INVALID, "%s: %s at byte %zu", r->name, s->problem, s->text_fault.offset);
    if (r->name != NULL || line == 0 || s->fault == YAML_BAD_TEXT)
        return yaml_fail_at(r, ERR_INVALID, s->problem_at, str_c(s->problem));
    line += s->fault == YAML_BAD_TOKEN;
    return err_set(r->e, ERR_INVALID, "yaml: line %u: %s", line, s->problem);
}

static bool fail_grammar(struct yaml_reader *r, const char *problem, struct yaml_mark at)
{
    yaml_scan_fail(&r->scan, YAML_BAD_GRAMMAR, problem, at);
    return fail_syntax(r);
}

/* ---- tokens --------------------------------------------------------------------------------------- */

static bool peek(struct yaml_reader *r, const struct yaml_token **out)
{
    *out = yaml_scan_peek(&r->scan);
    return *out != NULL || fail_syntax(r);
}

/* Drop the token that is there and look at the next one. */
static bool advance(struct yaml_reader *r, const struct yaml_token **out)
{
    yaml_scan_skip(&r->scan);
    return peek(r, out);
}

#define ONE_OF(kind, ...) one_of(kind, (const enum yaml_token_kind[]){ __VA_ARGS__, YAML_STREAM_END_TOKEN })

/* Is it in the list, which STREAM_END closes? */
static bool one_of(enum yaml_token_kind kind, const enum yaml_token_kind *list)
{
    for (; *list != YAML_STREAM_END_TOKEN; list++)
        if (*list == kind)
            return true;
    return false;
}

/* ---- pairs ---------------------------------------------------------------------------------------- */

static struct value empty_node(struct yaml_reader *r)
{
    r->merge_key = false;
    r->decoded++;
    return value_null();
}

/* A node, or nothing when the token is one of `ends`. */
static bool read_optional(struct yaml_reader *r, bool block, const enum yaml_token_kind *ends, struct value *out)
{
    const struct yaml_token *t;

    if (!peek(r, &t))
        return false;
    if (!one_of(t->kind, ends))
        return read_node(r, block, block, out);
    *out = empty_node(r);
    return true;
}

/* After a key: VALUE and a node, either of which may be absent. */
static bool read_member(struct yaml_reader *r, bool block, const enum yaml_token_kind *ends, struct value *out)
{
    const struct yaml_token *t;

    if (!peek(r, &t))
        return false;
    if (t->kind == YAML_VALUE_TOKEN) {
        yaml_scan_skip(&r->scan);
        return read_optional(r, block, ends, out);
    }
    *out = empty_node(r);
    return true;
}

static const enum yaml_token_kind block_ends[] = { YAML_KEY_TOKEN, YAML_VALUE_TOKEN, YAML_BLOCK_END_TOKEN,
                                                   YAML_STREAM_END_TOKEN };
static const enum yaml_token_kind flow_key_ends[] = { YAML_VALUE_TOKEN, YAML_FLOW_ENTRY_TOKEN, YAML_FLOW_MAP_END_TOKEN,
                                                      YAML_STREAM_END_TOKEN };
static const enum yaml_token_kind flow_map_ends[] = { YAML_FLOW_ENTRY_TOKEN, YAML_FLOW_MAP_END_TOKEN,
                                                      YAML_STREAM_END_TOKEN };
static const enum yaml_token_kind flow_list_ends[] = { YAML_FLOW_ENTRY_TOKEN, YAML_FLOW_LIST_END_TOKEN,
                                                       YAML_STREAM_END_TOKEN };

/* ---- block collections ---------------------------------------------------------------------------- */

static bool read_block_pair(struct yaml_reader *r, struct map *into)
{
    const struct yaml_token *t;
    struct value key, member;

    if (!advance(r, &t))
        return false;
    struct yaml_mark mark = t->start;
    if (!read_optional(r, true, block_ends, &key))
        return false;
    bool merge = r->merge_key;
    if (!read_member(r, true, block_ends, &member))
        return false;
    yaml_build_pair(r, into, &key, mark, merge, &member);
    return true;
}

static bool read_block_map(struct yaml_reader *r, struct value *out)
{
    const struct yaml_token *t;

    *out = value_map(r->a);
    for (yaml_scan_skip(&r->scan);;) {
        if (!peek(r, &t))
            return false;
        if (t->kind == YAML_BLOCK_END_TOKEN) {
            yaml_scan_skip(&r->scan);
            return true;
        }
        if (t->kind != YAML_KEY_TOKEN)
            return fail_grammar(r, "did not find expected key", t->start);
        if (!read_block_pair(r, out->map))
            return false;
    }
}

/* The entries of a list up to a token that starts none. */
static bool read_entries(struct yaml_reader *r, const enum yaml_token_kind *ends, struct value *out)
{
    const struct yaml_token *t;
    struct value item;

    *out = value_list(r->a);
    for (;;) {
        if (!peek(r, &t))
            return false;
        if (t->kind != YAML_BLOCK_ENTRY_TOKEN)
            return true;
        if (!advance(r, &t))
            return false;
        if (one_of(t->kind, ends))
            item = empty_node(r);
        else if (!read_node(r, true, false, &item))
            return false;
        list_push(r->a, out->list, item);
    }
}

static bool read_block_list(struct yaml_reader *r, struct value *out)
{
    static const enum yaml_token_kind ends[] = { YAML_BLOCK_ENTRY_TOKEN, YAML_BLOCK_END_TOKEN, YAML_STREAM_END_TOKEN };
    const struct yaml_token *t;

    yaml_scan_skip(&r->scan);
    if (!read_entries(r, ends, out) || !peek(r, &t))
        return false;
    if (t->kind != YAML_BLOCK_END_TOKEN)
        return fail_grammar(r, "did not find expected '-' indicator", t->start);
    yaml_scan_skip(&r->scan);
    return true;
}

/* A list as deep as the key of its mapping has no token that ends it. */
static bool read_indentless_list(struct yaml_reader *r, struct value *out)
{
    static const enum yaml_token_kind ends[] = { YAML_BLOCK_ENTRY_TOKEN, YAML_KEY_TOKEN, YAML_VALUE_TOKEN,
                                                 YAML_BLOCK_END_TOKEN, YAML_STREAM_END_TOKEN };

    return read_entries(r, ends, out);
}

/* ---- flow collections ----------------------------------------------------------------------------- */

/* The comma before every entry but the first; *t is the token behind it. */
static bool read_comma(struct yaml_reader *r, bool first, const char *problem, const struct yaml_token **t)
{
    if (first)
        return true;
    if ((*t)->kind != YAML_FLOW_ENTRY_TOKEN)
        return fail_grammar(r, problem, (*t)->start);
    return advance(r, t);
}

static bool read_flow_pair(struct yaml_reader *r, const struct yaml_token *t, struct map *into)
{
    struct yaml_mark mark = t->start;
    struct value key, member;
    bool keyed = t->kind == YAML_KEY_TOKEN;

    if (keyed)
        yaml_scan_skip(&r->scan);
    if (!read_optional(r, false, flow_key_ends, &key))
        return false;
    bool merge = r->merge_key;
    if (!keyed)
        member = empty_node(r); /* {a, b} */
    else if (!read_member(r, false, flow_map_ends, &member))
        return false;
    yaml_build_pair(r, into, &key, mark, merge, &member);
    return true;
}

static bool read_flow_map(struct yaml_reader *r, struct value *out)
{
    const struct yaml_token *t;

    *out = value_map(r->a);
    yaml_scan_skip(&r->scan);
    for (bool first = true;; first = false) {
        if (!peek(r, &t))
            return false;
        if (t->kind == YAML_FLOW_MAP_END_TOKEN)
            break;
        if (!read_comma(r, first, "did not find expected ',' or '}'", &t))
            return false;
        if (t->kind == YAML_FLOW_MAP_END_TOKEN)
            break;
        if (t->kind != YAML_KEY_TOKEN && ONE_OF(t->kind, YAML_VALUE_TOKEN, YAML_FLOW_ENTRY_TOKEN))
            return fail_grammar(r, "did not find expected node content", t->start);
        if (!read_flow_pair(r, t, out->map))
            return false;
    }
    yaml_scan_skip(&r->scan);
    return true;
}

/* A pair in a list is a map of one. An absent key takes the token behind it along, as in go-yaml. */
static bool read_single_pair(struct yaml_reader *r, struct value *out)
{
    const struct yaml_token *t;
    struct value key, member;

    *out = value_map(r->a);
    if (!advance(r, &t))
        return false;
    struct yaml_mark mark = t->start;
    if (!ONE_OF(t->kind, YAML_VALUE_TOKEN, YAML_FLOW_ENTRY_TOKEN, YAML_FLOW_LIST_END_TOKEN)) {
        if (!read_node(r, false, false, &key))
            return false;
    } else {
        yaml_scan_skip(&r->scan);
        key = empty_node(r);
    }
    bool merge = r->merge_key;
    if (!read_member(r, false, flow_list_ends, &member))
        return false;
    yaml_build_pair(r, out->map, &key, mark, merge, &member);
    return true;
}

static bool read_flow_list(struct yaml_reader *r, struct value *out)
{
    const struct yaml_token *t;
    struct value item;

    *out = value_list(r->a);
    yaml_scan_skip(&r->scan);
    for (bool first = true;; first = false) {
        if (!peek(r, &t))
            return false;
        if (t->kind == YAML_FLOW_LIST_END_TOKEN)
            break;
        if (!read_comma(r, first, "did not find expected ',' or ']'", &t))
            return false;
        if (t->kind == YAML_FLOW_LIST_END_TOKEN)
            break;
        if (t->kind == YAML_KEY_TOKEN ? !read_single_pair(r, &item) : !read_node(r, false, false, &item))
            return false;
        list_push(r->a, out->list, item);
    }
    yaml_scan_skip(&r->scan);
    return true;
}

/* ---- nodes ---------------------------------------------------------------------------------------- */

static bool full_tag(struct yaml_reader *r, const struct yaml_token *t, struct str *out)
{
    if (t->value.n == 0) {
        *out = t->suffix;
        return true;
    }
    for (size_t i = 0; i < r->n_tags; i++) {
        if (!str_eq(r->tags[i].handle, t->value))
            continue;
        *out = arena_fmt(r->a, "%.*s%.*s", STR(r->tags[i].prefix), STR(t->suffix));
        return true;
    }
    return fail_grammar(r, "found undefined tag handle", t->start);
}

/* An anchor and a tag, in either order; *t is the token behind them. */
static bool read_properties(struct yaml_reader *r, struct yaml_node *node, const struct yaml_token **t)
{
    bool tagged = false;
    struct yaml_token tag = { 0 };

    for (;;) {
        if ((*t)->kind == YAML_ANCHOR_TOKEN && node->anchor.n == 0) {
            node->anchor = (*t)->value;
        } else if ((*t)->kind == YAML_TAG_TOKEN && !tagged) {
            tagged = true;
            tag = **t;
        } else {
            break;
        }
        if (!advance(r, t))
            return false;
    }
    return !tagged || full_tag(r, &tag, &node->tag);
}

static bool is_merge(const struct yaml_node *node, struct str text, bool plain)
{
    if (!str_is(text, "<<"))
        return false;
    if (node->tag.n == 0)
        return plain;
    return str_is(node->tag, "!") || str_is(node->tag, "tag:yaml.org,2002:merge");
}

static struct value read_scalar(struct yaml_reader *r, const struct yaml_node *node, struct str text, bool plain)
{
    r->merge_key = is_merge(node, text, plain);
    return yaml_build_scalar(r, node, text, plain);
}

static bool read_content(struct yaml_reader *r, const struct yaml_node *node, const struct yaml_token *t, bool block,
                         bool indentless, struct value *out)
{
    if (t->kind == YAML_SCALAR_TOKEN) {
        *out = read_scalar(r, node, t->value, t->plain);
        yaml_scan_skip(&r->scan);
        return true;
    }
    if (t->kind == YAML_FLOW_LIST_TOKEN)
        return read_flow_list(r, out);
    if (t->kind == YAML_FLOW_MAP_TOKEN)
        return read_flow_map(r, out);
    if (t->kind == YAML_BLOCK_ENTRY_TOKEN && indentless)
        return read_indentless_list(r, out);
    if (t->kind == YAML_BLOCK_LIST_TOKEN && block)
        return read_block_list(r, out);
    if (t->kind == YAML_BLOCK_MAP_TOKEN && block)
        return read_block_map(r, out);
    if (node->anchor.n == 0 && node->tag.n == 0)
        return fail_grammar(r, "did not find expected node content", t->start);
    *out = read_scalar(r, node, S(""), true);
    return true;
}

static bool read_anchored(struct yaml_reader *r, const struct yaml_node *node, const struct yaml_token *t, bool block,
                          bool indentless, struct value *out)
{
    if (node->anchor.n > 0)
        map_put(r->a, r->anchors, node->anchor, (struct value){ .kind = VALUE_OPAQUE });
    if (!read_content(r, node, t, block, indentless, out))
        return false;
    if (node->anchor.n > 0)
        map_put(r->a, r->anchors, node->anchor, *out);
    return true;
}

static bool read_alias(struct yaml_reader *r, const struct yaml_token *t, struct value *out)
{
    if (!yaml_build_alias(r, t->start, t->value, out))
        return false;
    yaml_scan_skip(&r->scan);
    r->merge_key = false;
    return true;
}

static bool read_node(struct yaml_reader *r, bool block, bool indentless, struct value *out)
{
    const struct yaml_token *t;

    if (!peek(r, &t))
        return false;
    r->decoded++;
    if (++r->nodes > YAML_NODES_MAX)
        return err_set(r->e, ERR_LIMIT, "yaml: more than %zu values", YAML_NODES_MAX);
    if (t->kind == YAML_ALIAS_TOKEN)
        return read_alias(r, t, out);
    struct yaml_node node = { .mark = t->start };
    if (!read_properties(r, &node, &t))
        return false;
    if (++r->depth > YAML_DEPTH_MAX)
        return err_set(r->e, ERR_LIMIT, "yaml: exceeded max depth of %d", YAML_DEPTH_MAX);
    bool ok = read_anchored(r, &node, t, block, indentless, out);
    r->depth--;
    if (t->kind != YAML_SCALAR_TOKEN && node.tag.n == 0 && node.anchor.n == 0)
        r->merge_key = false;
    return ok;
}

/* ---- documents ------------------------------------------------------------------------------------ */

static bool add_tag(struct yaml_reader *r, const struct yaml_token *t)
{
    for (size_t i = 0; i < r->n_tags; i++)
        if (str_eq(r->tags[i].handle, t->value))
            return fail_grammar(r, "found duplicate %TAG directive", t->start);
    if (r->n_tags == COUNT(r->tags) - 2)
        return err_set(r->e, ERR_LIMIT, "yaml: more than %zu %%TAG directives", COUNT(r->tags) - 2);
    r->tags[r->n_tags].handle = t->value;
    r->tags[r->n_tags++].prefix = t->suffix;
    return true;
}

static void add_default_tag(struct yaml_reader *r, struct str handle, struct str prefix)
{
    for (size_t i = 0; i < r->n_tags; i++)
        if (str_eq(r->tags[i].handle, handle))
            return;
    r->tags[r->n_tags].handle = handle;
    r->tags[r->n_tags++].prefix = prefix;
}

/* *t is the first token behind the directives. */
static bool read_directives(struct yaml_reader *r, const struct yaml_token **t)
{
    bool versioned = false;

    r->n_tags = 0;
    while (ONE_OF((*t)->kind, YAML_VERSION_TOKEN, YAML_TAG_DIRECTIVE_TOKEN)) {
        if ((*t)->kind == YAML_TAG_DIRECTIVE_TOKEN) {
            if (!add_tag(r, *t))
                return false;
        } else if (versioned) {
            return fail_grammar(r, "found duplicate %YAML directive", (*t)->start);
        } else if (!str_is((*t)->value, "1.1")) {
            return fail_grammar(r, "found incompatible YAML document", (*t)->start);
        } else {
            versioned = true;
        }
        if (!advance(r, t))
            return false;
    }
    add_default_tag(r, S("!"), S("!"));
    add_default_tag(r, S("!!"), S("tag:yaml.org,2002:"));
    return true;
}

/*
 * Up to the content: only the first document needs no "---", and is then *bare. False in *more at the end of the
 * stream.
 */
static bool read_document_start(struct yaml_reader *r, bool first, bool *bare, bool *more)
{
    const struct yaml_token *t;

    if (!peek(r, &t))
        return false;
    while (!first && t->kind == YAML_DOCUMENT_END_TOKEN)
        if (!advance(r, &t))
            return false;
    *more = t->kind != YAML_STREAM_END_TOKEN;
    if (!*more)
        return true;
    *bare = first && !ONE_OF(t->kind, YAML_VERSION_TOKEN, YAML_TAG_DIRECTIVE_TOKEN, YAML_DOCUMENT_START_TOKEN);
    if (!read_directives(r, &t))
        return false;
    if (*bare)
        return true;
    if (t->kind != YAML_DOCUMENT_START_TOKEN)
        return fail_grammar(r, "did not find expected <document start>", t->start);
    yaml_scan_skip(&r->scan);
    return true;
}

static bool read_document_content(struct yaml_reader *r, bool bare, struct value *out)
{
    const struct yaml_token *t;

    if (!peek(r, &t))
        return false;
    *out = value_null();
    bool empty = !bare
                 && (t->kind == YAML_STREAM_END_TOKEN
                     || ONE_OF(t->kind, YAML_VERSION_TOKEN, YAML_TAG_DIRECTIVE_TOKEN, YAML_DOCUMENT_START_TOKEN,
                               YAML_DOCUMENT_END_TOKEN));
    if ((!empty && !read_node(r, true, false, out)) || !peek(r, &t))
        return false;
    if (t->kind == YAML_DOCUMENT_END_TOKEN)
        yaml_scan_skip(&r->scan);
    return true;
}

/* The next document; false in *more at the end of the stream. */
static bool read_document(struct yaml_reader *r, bool first, struct value *out, bool *more)
{
    r->anchors = value_map(r->a).map;
    r->noted_step = YAML_STEP_NONE;
    r->infinite = false;
    bool bare = false;
    if (!read_document_start(r, first, &bare, more))
        return false;
    if (!*more)
        return true;
    if (!read_document_content(r, bare, out))
        return false;
    if (r->infinite)
        yaml_build_check(r, out);
    if (r->noted_step == YAML_STEP_NONE)
        return true;
    *r->e = r->noted;
    return false;
}

static bool read_first(struct yaml_reader *r, struct value *out)
{
    struct value v = value_null();
    bool more = false;

    if (!read_document(r, true, &v, &more))
        return false;
    *out = v;
    return true;
}

static bool read_all(struct yaml_reader *r, struct value *out)
{
    struct value all = value_list(r->a);
    bool more = true;

    for (bool first = true; more; first = false) {
        struct value v = value_null();
        if (!read_document(r, first, &v, &more))
            return false;
        if (v.kind != VALUE_NULL)
            list_push(r->a, all.list, v);
    }
    *out = all;
    return true;
}

static bool read_text(struct yaml_reader *r, struct str text, bool all, struct value *out)
{
    if (text.n > YAML_TEXT_MAX)
        return err_set(r->e, ERR_LIMIT, "yaml: text of %zu bytes; at most %zu are read", text.n, YAML_TEXT_MAX);
    if (yaml_read_simple(r->a, text, all, out))
        return true;
    yaml_scan_open(&r->scan, r->a, text);
    return all ? read_all(r, out) : read_first(r, out);
}

bool yaml_parse(struct arena *a, struct str text, const char *name, struct value *out, struct err *e)
{
    struct yaml_reader r = { .a = a, .name = name, .e = e };

    return read_text(&r, text, false, out);
}

bool yaml_parse_all(struct arena *a, struct str text, const char *name, struct value *out, struct err *e)
{
    struct yaml_reader r = { .a = a, .name = name, .e = e };

    return read_text(&r, text, true, out);
}
