/*
 * What messages about a template ask for after something went wrong: which piece of it made which output, where its
 * parser stumbled, what names there are. Nothing of it runs while all goes well.
 */
#include "template/internal.h"

/* Where the piece stands in the file; false for statements that print nothing of their own. */
static bool place_of(const struct tree *t, const struct node *n, size_t *at)
{
    if (n->kind == NODE_TEXT)
        *at = (size_t)(n->text.p - t->text.p);
    else if (n->kind == NODE_ACTION)
        *at = n->control.pipe->pos;
    else if (n->kind == NODE_LITERAL)
        *at = n->pos;
    else
        return false;
    return *at <= t->text.n;
}

void trace_add(struct template_call *c, const struct node *n)
{
    size_t at;
    if (c->nested > 0 || !place_of(c->tree, n, &at)) /* the texts of include are printed by an action */
        return;
    *vec_push(c->a, c->options->trace) = (struct template_mark){
        .out = c->out->n, .file = c->tree->file, .text = c->tree->text, .at = at, .literal = n->kind == NODE_TEXT
    };
}

size_t template_stumbled_at(const struct template_set *set, size_t *n)
{
    *n = set->stumbled_n;
    return set->stumbled_at;
}

bool template_text(const struct template_set *set, struct str name, struct str *out)
{
    const struct tree *t = set_find(set, name);
    if (t != NULL)
        *out = t->text;
    return t != NULL;
}

void template_names(const struct template_set *set, struct arena *a, struct str **out, size_t *n)
{
    VEC(struct str) names = { 0 };
    for (; set != NULL; set = set->below)
        for (size_t i = 0; i < set->trees.n; i++)
            *vec_push(a, &names) = set->trees.v[i].key;
    *out = names.v;
    *n = names.n;
}

void template_func_names(const struct template_set *set, struct arena *a, struct str **out, size_t *n)
{
    VEC(struct str) names = { 0 };
    for (size_t i = 0; i < set->n_tables; i++)
        for (size_t k = 0; k < set->tables[i].n; k++)
            *vec_push(a, &names) = str_c(set->tables[i].rows[k].name);
    *out = names.v;
    *n = names.n;
}

static bool opens_block(enum token_kind kind)
{
    return kind == TOKEN_IF || kind == TOKEN_RANGE || kind == TOKEN_WITH || kind == TOKEN_DEFINE || kind == TOKEN_BLOCK;
}

bool template_unclosed(struct arena *a, struct str text, size_t *at)
{
    struct lexer l;
    VEC(size_t) open = { 0 };
    size_t delimiter = 0;
    bool first = false; /* the next word is the first of its action */
    lex_open(&l, a, text);
    for (struct token t = lex_next(&l); t.kind != TOKEN_EOF && t.kind != TOKEN_ERROR; t = lex_next(&l)) {
        if (t.kind == TOKEN_LEFT_DELIM) {
            delimiter = t.pos;
            first = true;
            continue;
        }
        if (first && opens_block(t.kind))
            *vec_push(a, &open) = delimiter;
        else if (first && t.kind == TOKEN_END && open.n > 0)
            open.n--;
        first = first && t.kind == TOKEN_SPACE;
    }
    if (open.n == 0)
        return false;
    *at = open.v[open.n - 1];
    return true;
}
