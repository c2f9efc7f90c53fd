/*
 * The queue of tokens: which token comes next, where keys and indentations start. The texts of scalars are cut in
 * yaml_scan_text.c, tags and directives in yaml_scan_tag.c.
 */
#include <assert.h>

#include "data/yaml_scan.h"

struct yaml_simple_key {
    bool possible;
    bool required; /* a line of a block mapping that starts here is nothing but a key */
    bool awaited;  /* its token waits in the queue until this is settled */
    size_t token;  /* its number */
    struct yaml_mark mark;
};

bool yaml_scan_fail(struct yaml_scan *s, enum yaml_fault fault, const char *problem, struct yaml_mark at)
{
    s->fault = fault;
    s->problem = problem;
    s->problem_at = at;
    s->problem_from = at;
    return false;
}

bool yaml_scan_fail_here(struct yaml_scan *s, const char *problem)
{
    return yaml_scan_fail(s, YAML_BAD_TOKEN, problem, s->at);
}

static bool fail_key(struct yaml_scan *s, const struct yaml_simple_key *key)
{
    yaml_scan_fail_here(s, "could not find expected ':'");
    s->problem_from = key->mark;
    return false;
}

/* ---- steps ---------------------------------------------------------------------------------------- */

struct str yaml_step_line(struct yaml_scan *s)
{
    unsigned n = yaml_break(s->p);
    struct str out = n < 3 ? S("\n") : (struct str){ s->p, n };

    if (s->p[0] == '\r' && s->p[1] == '\n') {
        s->at.index++;
        n = 2;
    }
    s->p += n;
    s->at.index++;
    s->at.line++;
    s->at.column = 0;
    return out;
}

void yaml_step_blanks(struct yaml_scan *s)
{
    while (yaml_blank(*s->p))
        yaml_step_byte(s);
}

static void step_comment(struct yaml_scan *s)
{
    const char *p = s->p;

    if (*p != '#')
        return;
    while (!yaml_break_or_end(p))
        p++;
    yaml_step(s, p);
}

bool yaml_scan_line_end(struct yaml_scan *s)
{
    yaml_step_blanks(s);
    step_comment(s);
    if (!yaml_break_or_end(s->p))
        return yaml_scan_fail_here(s, "did not find expected comment or line break");
    if (*s->p != '\0')
        yaml_step_line(s);
    return true;
}

/* White space, comments and line breaks; tabs only where no key can start. */
static void step_to_token(struct yaml_scan *s)
{
    for (;;) {
        while (*s->p == ' ' || (*s->p == '\t' && (s->flow_level > 0 || !s->key_allowed)))
            yaml_step_byte(s);
        step_comment(s);
        if (yaml_break(s->p) == 0)
            return;
        yaml_step_line(s);
        if (s->flow_level == 0)
            s->key_allowed = true;
    }
}

/* ---- the queue ------------------------------------------------------------------------------------ */

static void make_room(struct yaml_scan *s)
{
    if (s->n < s->cap)
        return;
    if (s->head > 0) {
        memmove(s->tokens, s->tokens + s->head, (s->n - s->head) * sizeof *s->tokens);
        s->n -= s->head;
        s->head = 0;
    }
    if (s->n < s->cap / 2)
        return;
    size_t cap = s->cap != 0 ? s->cap * 2 : 32;
    s->tokens = arena_grow(s->a, s->tokens, s->cap * sizeof *s->tokens, cap * sizeof *s->tokens);
    s->cap = cap;
}

static void put_token(struct yaml_scan *s, struct yaml_token t)
{
    make_room(s);
    s->tokens[s->n++] = t;
}

/* Before the token of that number; at the end when that one is gone already. */
static void insert_token(struct yaml_scan *s, size_t number, struct yaml_token t)
{
    if (number < s->taken) {
        put_token(s, t);
        return;
    }
    make_room(s);
    size_t i = s->head + (number - s->taken);
    memmove(s->tokens + i + 1, s->tokens + i, (s->n - i) * sizeof *s->tokens);
    s->tokens[i] = t;
    s->n++;
}

static size_t next_number(const struct yaml_scan *s)
{
    return s->taken + (s->n - s->head);
}

/* A token of `bytes` indicator characters. */
static void put_indicator(struct yaml_scan *s, enum yaml_token_kind kind, size_t bytes)
{
    struct yaml_token t = { .kind = kind, .start = s->at };

    yaml_step(s, s->p + bytes);
    put_token(s, t);
}

/* ---- simple keys ---------------------------------------------------------------------------------- */

static struct yaml_simple_key *innermost(struct yaml_scan *s)
{
    return &s->keys[s->n_keys - 1];
}

/* A key ends on its line. False in *valid when it no longer can be one; failure when it had to be one. */
static bool check_key(struct yaml_scan *s, struct yaml_simple_key *key, bool *valid)
{
    *valid = key->possible && key->mark.line >= s->at.line && key->mark.index + YAML_KEY_MAX >= s->at.index;
    if (*valid || !key->possible)
        return true;
    if (key->required)
        return fail_key(s, key);
    key->possible = false;
    return true;
}

static bool drop_key(struct yaml_scan *s)
{
    struct yaml_simple_key *key = innermost(s);

    if (key->possible && key->required)
        return fail_key(s, key);
    key->possible = false;
    return true;
}

/* The token that follows may turn out to be a key. */
static bool save_key(struct yaml_scan *s)
{
    if (!s->key_allowed)
        return true;
    if (!drop_key(s))
        return false;
    *innermost(s) = (struct yaml_simple_key){
        .possible = true,
        .awaited = true,
        .required = s->flow_level == 0 && s->indent == (int)s->at.column,
        .token = next_number(s),
        .mark = s->at,
    };
    return true;
}

static void push_key(struct yaml_scan *s)
{
    if (s->n_keys == s->cap_keys) {
        size_t cap = s->cap_keys != 0 ? s->cap_keys * 2 : 16;
        s->keys = arena_grow(s->a, s->keys, s->cap_keys * sizeof *s->keys, cap * sizeof *s->keys);
        s->cap_keys = cap;
    }
    s->keys[s->n_keys++] = (struct yaml_simple_key){ .token = next_number(s) };
}

/* go-yaml forgets here that an empty collection could be a key: its token waits no longer, but a colon still finds it.
 */
static void pop_key(struct yaml_scan *s)
{
    size_t token = innermost(s)->token;

    s->n_keys--;
    for (size_t i = 0; i < s->n_keys; i++)
        if (s->keys[i].token == token)
            s->keys[i].awaited = false;
}

/* ---- indentation ---------------------------------------------------------------------------------- */

/* A deeper column opens a block collection, whose token goes before token `number`. */
static bool roll_indent(struct yaml_scan *s, struct yaml_mark mark, size_t number, enum yaml_token_kind kind)
{
    int column = (int)mark.column;

    if (s->flow_level > 0 || s->indent >= column)
        return true;
    if (s->n_indents == YAML_SCAN_DEPTH_MAX)
        return yaml_scan_fail_here(s, "exceeded max depth of 10000");
    if (s->n_indents == s->cap_indents) {
        size_t cap = s->cap_indents != 0 ? s->cap_indents * 2 : 16;
        s->indents = arena_grow(s->a, s->indents, s->cap_indents * sizeof *s->indents, cap * sizeof *s->indents);
        s->cap_indents = cap;
    }
    s->indents[s->n_indents++] = s->indent;
    s->indent = column;
    insert_token(s, number, (struct yaml_token){ .kind = kind, .start = mark });
    return true;
}

static void unroll_indent(struct yaml_scan *s, int column)
{
    if (s->flow_level > 0)
        return;
    while (s->indent > column) {
        put_token(s, (struct yaml_token){ .kind = YAML_BLOCK_END_TOKEN, .start = s->at });
        s->indent = s->indents[--s->n_indents];
    }
}

/* ---- tokens --------------------------------------------------------------------------------------- */

/* What the text so far left open ends here, and no key can follow. */
static bool end_content(struct yaml_scan *s)
{
    unroll_indent(s, -1);
    if (!drop_key(s))
        return false;
    s->key_allowed = false;
    return true;
}

static bool fetch_end(struct yaml_scan *s)
{
    if (s->at.column != 0) {
        s->at.column = 0;
        s->at.line++;
    }
    if (!end_content(s))
        return false;
    put_token(s, (struct yaml_token){ .kind = YAML_STREAM_END_TOKEN, .start = s->at });
    return true;
}

static bool fetch_directive(struct yaml_scan *s)
{
    struct yaml_token t = { .start = s->at };

    if (!end_content(s) || !yaml_scan_directive(s, &t))
        return false;
    put_token(s, t);
    return true;
}

static bool fetch_document_mark(struct yaml_scan *s)
{
    if (!end_content(s))
        return false;
    put_indicator(s, *s->p == '-' ? YAML_DOCUMENT_START_TOKEN : YAML_DOCUMENT_END_TOKEN, 3);
    return true;
}

static bool fetch_flow_start(struct yaml_scan *s, enum yaml_token_kind kind)
{
    if (!save_key(s))
        return false;
    if (s->flow_level == YAML_SCAN_DEPTH_MAX)
        return yaml_scan_fail_here(s, "exceeded max depth of 10000");
    push_key(s);
    s->flow_level++;
    s->key_allowed = true;
    put_indicator(s, kind, 1);
    return true;
}

static bool fetch_flow_end(struct yaml_scan *s, enum yaml_token_kind kind)
{
    if (!drop_key(s))
        return false;
    if (s->flow_level > 0) {
        s->flow_level--;
        pop_key(s);
    }
    s->key_allowed = false;
    put_indicator(s, kind, 1);
    return true;
}

static bool fetch_flow_entry(struct yaml_scan *s)
{
    if (!drop_key(s))
        return false;
    s->key_allowed = true;
    put_indicator(s, YAML_FLOW_ENTRY_TOKEN, 1);
    return true;
}

static bool fetch_block_entry(struct yaml_scan *s)
{
    if (s->flow_level == 0 && !s->key_allowed)
        return yaml_scan_fail_here(s, "block sequence entries are not allowed in this context");
    if (!roll_indent(s, s->at, next_number(s), YAML_BLOCK_LIST_TOKEN) || !drop_key(s))
        return false;
    s->key_allowed = true;
    put_indicator(s, YAML_BLOCK_ENTRY_TOKEN, 1);
    return true;
}

/* "? " */
static bool fetch_key(struct yaml_scan *s)
{
    if (s->flow_level == 0 && !s->key_allowed)
        return yaml_scan_fail_here(s, "mapping keys are not allowed in this context");
    if (!roll_indent(s, s->at, next_number(s), YAML_BLOCK_MAP_TOKEN) || !drop_key(s))
        return false;
    s->key_allowed = s->flow_level == 0;
    put_indicator(s, YAML_KEY_TOKEN, 1);
    return true;
}

/* The colon of a simple key: KEY goes in front of the key's own token. */
static bool found_key(struct yaml_scan *s, struct yaml_simple_key *key)
{
    insert_token(s, key->token, (struct yaml_token){ .kind = YAML_KEY_TOKEN, .start = key->mark });
    if (!roll_indent(s, key->mark, key->token, YAML_BLOCK_MAP_TOKEN))
        return false;
    key->possible = false;
    s->key_allowed = false;
    return true;
}

static bool fetch_value(struct yaml_scan *s)
{
    struct yaml_simple_key *key = innermost(s);
    bool valid = false;

    if (!check_key(s, key, &valid))
        return false;
    if (valid) {
        if (!found_key(s, key))
            return false;
    } else {
        if (s->flow_level == 0 && !s->key_allowed)
            return yaml_scan_fail_here(s, "mapping values are not allowed in this context");
        if (!roll_indent(s, s->at, next_number(s), YAML_BLOCK_MAP_TOKEN))
            return false;
        s->key_allowed = s->flow_level == 0;
    }
    put_indicator(s, YAML_VALUE_TOKEN, 1);
    return true;
}

/* What can be a key: an anchor, an alias, a tag, a text. */
static bool fetch_word(struct yaml_scan *s)
{
    struct yaml_token t = { .start = s->at };
    bool ok = false;

    if (!save_key(s))
        return false;
    s->key_allowed = false;
    switch (*s->p) {
    case '*':
    case '&': ok = yaml_scan_anchor(s, &t); break;
    case '!': ok = yaml_scan_tag(s, &t); break;
    case '\'':
    case '"': ok = yaml_scan_quoted(s, *s->p, &t); break;
    default: ok = yaml_scan_plain(s, &t); break;
    }
    if (ok)
        put_token(s, t);
    return ok;
}

static bool fetch_block_scalar(struct yaml_scan *s)
{
    struct yaml_token t = { .start = s->at };

    if (!drop_key(s))
        return false;
    s->key_allowed = true;
    if (!yaml_scan_block(s, *s->p == '|', &t))
        return false;
    put_token(s, t);
    return true;
}

/* A character with a meaning only in some places is a text in the others. */
static bool starts_plain(const struct yaml_scan *s)
{
    char c = *s->p;

    if (c == '-')
        return !yaml_blank(s->p[1]);
    if (c == '?' || c == ':')
        return s->flow_level == 0;
    return !yaml_blank(c) && c != '|' && c != '>' && c != '%' && c != '@' && c != '`';
}

static bool fetch_indicated(struct yaml_scan *s)
{
    bool alone = yaml_blank_or_end(s->p + 1);

    switch (*s->p) {
    case '[': return fetch_flow_start(s, YAML_FLOW_LIST_TOKEN);
    case '{': return fetch_flow_start(s, YAML_FLOW_MAP_TOKEN);
    case ']': return fetch_flow_end(s, YAML_FLOW_LIST_END_TOKEN);
    case '}': return fetch_flow_end(s, YAML_FLOW_MAP_END_TOKEN);
    case ',': return fetch_flow_entry(s);
    case '-':
        if (alone)
            return fetch_block_entry(s);
        break;
    case '?':
        if (alone || s->flow_level > 0)
            return fetch_key(s);
        break;
    case ':':
        if (alone || s->flow_level > 0)
            return fetch_value(s);
        break;
    case '|':
    case '>':
        if (s->flow_level == 0)
            return fetch_block_scalar(s);
        break;
    default: break;
    }
    return starts_plain(s) ? fetch_word(s) : yaml_scan_fail_here(s, "found character that cannot start any token");
}

static bool fetch(struct yaml_scan *s)
{
    step_to_token(s);
    unroll_indent(s, (int)s->at.column);
    if (s->text_fault.problem != NULL && s->end - s->p < 4)
        return yaml_scan_fail(s, YAML_BAD_TEXT, s->text_fault.problem, s->at);
    if (*s->p == '\0')
        return fetch_end(s);
    if (*s->p == '%' && s->at.column == 0)
        return fetch_directive(s);
    return yaml_document_mark(s) ? fetch_document_mark(s) : fetch_indicated(s);
}

/* Could the head of the queue still become a key? Then tokens may go in front of it. */
static bool head_is_open(struct yaml_scan *s, bool *open)
{
    for (size_t i = 0; i < s->n_keys; i++)
        if (s->keys[i].possible && s->keys[i].awaited && s->keys[i].token == s->taken)
            return check_key(s, &s->keys[i], open);
    *open = false;
    return true;
}

const struct yaml_token *yaml_scan_peek(struct yaml_scan *s)
{
    bool open = false;

    if (s->fault != YAML_FINE)
        return NULL;
    while (!s->ready) {
        if (s->head < s->n && !head_is_open(s, &open))
            return NULL;
        if (s->head < s->n && !open)
            s->ready = true;
        else if (!fetch(s))
            return NULL;
    }
    return &s->tokens[s->head];
}

void yaml_scan_skip(struct yaml_scan *s)
{
    assert(s->ready);
    if (s->tokens[s->head].kind == YAML_STREAM_END_TOKEN)
        return;
    s->ready = false;
    s->taken++;
    s->head++;
}

void yaml_scan_open(struct yaml_scan *s, struct arena *a, struct str text)
{
    *s = (struct yaml_scan){ .a = a, .key_allowed = true, .indent = -1 };
    struct str readable = yaml_text_prepare(a, text, &s->text_fault);
    s->p = readable.p;
    s->end = readable.p + readable.n;
    push_key(s);
}
