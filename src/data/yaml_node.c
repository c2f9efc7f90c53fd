/*
 * The grammar of nodes: YAML 1.1's productions by recursive descent, with the bugs of the grammar that go-yaml has.
 */
#include "data/yaml_reader.h"

/* ---- pairs ---------------------------------------------------------------------------------------- */

static struct value empty_node(struct yaml_reader *r)
{
    r->merge_key = false;
    r->decoded++;
    return value_null();
}

/* A node, or nothing when the token is one of `ends`; *at is where the node starts, and stays when there is none. */
static bool read_optional(struct yaml_reader *r, bool block, const enum yaml_token_kind *ends, struct yaml_mark *at,
                          struct value *out)
{
    const struct yaml_token *t;

    if (!yaml_peek(r, &t))
        return false;
    if (yaml_one_of(t->kind, ends)) {
        *out = empty_node(r);
        return true;
    }
    *at = t->start;
    return yaml_read_node(r, block, block, out);
}

/* Tell a search that what comes next, at `at`, has that name. */
static void tell_name(const struct yaml_reader *r, const struct value *name, struct yaml_mark at)
{
    if (r->search != NULL)
        yaml_search_step(r->search, r->depth, name, at);
}

static void tell_index(const struct yaml_reader *r, const struct list *list, struct yaml_mark at)
{
    struct value index = value_int((int64_t)list->n);

    tell_name(r, &index, at);
}

/* After a key, which was just read: VALUE and a node, either of which may be absent. */
static bool read_member(struct yaml_reader *r, bool block, const enum yaml_token_kind *ends, struct yaml_pair *pair)
{
    const struct yaml_token *t;

    pair->merge = r->merge_key;
    tell_name(r, &pair->key, pair->key_at);
    if (!yaml_peek(r, &t))
        return false;
    pair->member_at = t->start;
    if (t->kind == YAML_VALUE_TOKEN) {
        yaml_scan_skip(&r->scan);
        return read_optional(r, block, ends, &pair->member_at, &pair->member);
    }
    pair->member = empty_node(r);
    return true;
}

static void end_pair(struct yaml_reader *r, struct map *into, const struct yaml_pair *pair)
{
    yaml_build_pair(r, into, pair);
    if (r->search != NULL)
        yaml_search_leave(r->search, r->depth);
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
    struct yaml_pair pair;

    if (!yaml_advance(r, &t))
        return false;
    pair.key_at = t->start;
    if (!read_optional(r, true, block_ends, &pair.key_at, &pair.key) || !read_member(r, true, block_ends, &pair))
        return false;
    end_pair(r, into, &pair);
    return true;
}

static bool read_block_map(struct yaml_reader *r, struct value *out)
{
    const struct yaml_token *t;

    *out = value_map(r->a);
    for (yaml_scan_skip(&r->scan);;) {
        if (!yaml_peek(r, &t))
            return false;
        if (t->kind == YAML_BLOCK_END_TOKEN) {
            yaml_scan_skip(&r->scan);
            return true;
        }
        if (t->kind != YAML_KEY_TOKEN)
            return yaml_fail_grammar(r, "did not find expected key", t->start);
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
        if (!yaml_peek(r, &t))
            return false;
        if (t->kind != YAML_BLOCK_ENTRY_TOKEN)
            return true;
        struct yaml_mark mark = t->start;
        if (!yaml_advance(r, &t))
            return false;
        bool empty = yaml_one_of(t->kind, ends);
        tell_index(r, out->list, empty ? mark : t->start);
        if (empty)
            item = empty_node(r);
        else if (!yaml_read_node(r, true, false, &item))
            return false;
        list_push(r->a, out->list, item);
    }
}

static bool read_block_list(struct yaml_reader *r, struct value *out)
{
    static const enum yaml_token_kind ends[] = { YAML_BLOCK_ENTRY_TOKEN, YAML_BLOCK_END_TOKEN, YAML_STREAM_END_TOKEN };
    const struct yaml_token *t;

    yaml_scan_skip(&r->scan);
    if (!read_entries(r, ends, out) || !yaml_peek(r, &t))
        return false;
    if (t->kind != YAML_BLOCK_END_TOKEN)
        return yaml_fail_grammar(r, "did not find expected '-' indicator", t->start);
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

/*
 * The next entry of a collection that `end` closes, behind its comma (the first has none): its first token, or NULL
 * behind the end.
 */
static bool next_entry(struct yaml_reader *r, bool first, enum yaml_token_kind end, const char *problem,
                       const struct yaml_token **t)
{
    if (!yaml_peek(r, t))
        return false;
    if (!first && (*t)->kind != end) {
        if ((*t)->kind != YAML_FLOW_ENTRY_TOKEN)
            return yaml_fail_grammar(r, problem, (*t)->start);
        if (!yaml_advance(r, t))
            return false;
    }
    if ((*t)->kind != end)
        return true;
    yaml_scan_skip(&r->scan);
    *t = NULL;
    return true;
}

/* The key of {a, b}: nothing belongs to it, not even a colon behind it. */
static bool read_lone_key(struct yaml_reader *r, struct yaml_pair *pair)
{
    const struct yaml_token *t;

    pair->merge = r->merge_key;
    tell_name(r, &pair->key, pair->key_at);
    if (!yaml_peek(r, &t))
        return false;
    pair->member_at = t->start;
    pair->member = empty_node(r);
    return true;
}

static bool read_flow_pair(struct yaml_reader *r, const struct yaml_token *t, struct map *into)
{
    struct yaml_pair pair = { .key_at = t->start };
    bool keyed = t->kind == YAML_KEY_TOKEN;

    if (keyed)
        yaml_scan_skip(&r->scan);
    if (!read_optional(r, false, flow_key_ends, &pair.key_at, &pair.key))
        return false;
    if (!(keyed ? read_member(r, false, flow_map_ends, &pair) : read_lone_key(r, &pair)))
        return false;
    end_pair(r, into, &pair);
    return true;
}

static bool read_flow_map(struct yaml_reader *r, struct value *out)
{
    const struct yaml_token *t;

    *out = value_map(r->a);
    yaml_scan_skip(&r->scan);
    for (bool first = true;; first = false) {
        if (!next_entry(r, first, YAML_FLOW_MAP_END_TOKEN, "did not find expected ',' or '}'", &t))
            return false;
        if (t == NULL)
            return true;
        if (t->kind != YAML_KEY_TOKEN && YAML_ONE_OF(t->kind, YAML_VALUE_TOKEN, YAML_FLOW_ENTRY_TOKEN))
            return yaml_fail_grammar(r, "did not find expected node content", t->start);
        if (!read_flow_pair(r, t, out->map))
            return false;
    }
}

/* A pair in a list is a map of one. An absent key takes the token behind it along, as in go-yaml. */
static bool read_single_pair(struct yaml_reader *r, struct value *out)
{
    const struct yaml_token *t;
    struct yaml_pair pair;

    *out = value_map(r->a);
    if (!yaml_advance(r, &t))
        return false;
    pair.key_at = t->start;
    if (!YAML_ONE_OF(t->kind, YAML_VALUE_TOKEN, YAML_FLOW_ENTRY_TOKEN, YAML_FLOW_LIST_END_TOKEN)) {
        if (!yaml_read_node(r, false, false, &pair.key))
            return false;
    } else {
        yaml_scan_skip(&r->scan);
        pair.key = empty_node(r);
    }
    r->depth++; /* the map */
    bool ok = read_member(r, false, flow_list_ends, &pair);
    r->depth--;
    if (ok)
        end_pair(r, out->map, &pair);
    return ok;
}

static bool read_flow_list(struct yaml_reader *r, struct value *out)
{
    const struct yaml_token *t;
    struct value item;

    *out = value_list(r->a);
    yaml_scan_skip(&r->scan);
    for (bool first = true;; first = false) {
        if (!next_entry(r, first, YAML_FLOW_LIST_END_TOKEN, "did not find expected ',' or ']'", &t))
            return false;
        if (t == NULL)
            return true;
        tell_index(r, out->list, t->start);
        if (t->kind == YAML_KEY_TOKEN ? !read_single_pair(r, &item) : !yaml_read_node(r, false, false, &item))
            return false;
        list_push(r->a, out->list, item);
    }
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
    return yaml_fail_grammar(r, "found undefined tag handle", t->start);
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
        if (!yaml_advance(r, t))
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
        return yaml_fail_grammar(r, "did not find expected node content", t->start);
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

bool yaml_read_node(struct yaml_reader *r, bool block, bool indentless, struct value *out)
{
    const struct yaml_token *t;

    if (!yaml_peek(r, &t))
        return false;
    r->decoded++;
    if (++r->nodes > YAML_NODES_MAX)
        return yaml_fail_at(r, ERR_LIMIT, t->start, arena_fmt(r->a, "more than %zu values", YAML_NODES_MAX));
    if (t->kind == YAML_ALIAS_TOKEN)
        return read_alias(r, t, out);
    struct yaml_node node = { .mark = t->start };
    if (!read_properties(r, &node, &t))
        return false;
    if (++r->depth > YAML_DEPTH_MAX)
        return yaml_fail_at(r, ERR_LIMIT, node.mark, arena_fmt(r->a, "exceeded max depth of %d", YAML_DEPTH_MAX));
    bool ok = read_anchored(r, &node, t, block, indentless, out);
    r->depth--;
    if (ok && (out->kind == VALUE_LIST || out->kind == VALUE_MAP))
        r->merge_key = false; /* it was left by what stands inside */
    return ok;
}
