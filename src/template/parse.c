/*
 * The parser: Go's text/template/parse, with its look-ahead of three tokens and its words for every error.
 *
 * Variables are resolved here. `vars` is the list of names in scope, as Go keeps it for its check; each visible one has
 * the slot it occupies when the template runs. A name gets its slot only after its pipeline, so `$x := f $x` reads the
 * older $x; an assignment to a name that was never declared stays without slot and fails when it is executed.
 */
#include <assert.h>

#include "template/internal.h"

enum { NESTING_MAX = 500 }; /* of blocks and parentheses: the parser is recursive */

struct variable {
    struct str name;
    uint32_t slot;
};

/* Per template; the lexer and the trees are the file's. */
struct parser {
    struct arena *a;
    const struct template_set *set;
    struct lexer *lexer;
    struct parsed *parsed;
    struct map *names; /* of what this text defines -> its position in `parsed` */
    struct tree *tree;
    struct err *e;
    struct token token[3];
    int peeked;
    VEC(struct variable) vars;
    const struct token *action; /* its opening delimiter, while it is read */
    int range_depth, nesting;
};

/* ---- tokens ------------------------------------------------------------------------------- */

static struct token next(struct parser *p)
{
    if (p->peeked > 0)
        p->peeked--;
    else
        p->token[0] = lex_next(p->lexer);
    return p->token[p->peeked];
}

static void backup(struct parser *p)
{
    p->peeked++;
}

static void backup2(struct parser *p, struct token t1)
{
    p->token[1] = t1;
    p->peeked = 2;
}

static void backup3(struct parser *p, struct token t2, struct token t1)
{
    p->token[1] = t1;
    p->token[2] = t2;
    p->peeked = 3;
}

static struct token peek(struct parser *p)
{
    if (p->peeked > 0)
        return p->token[p->peeked - 1];
    p->peeked = 1;
    p->token[0] = lex_next(p->lexer);
    return p->token[0];
}

static struct token next_non_space(struct parser *p)
{
    struct token t;
    do {
        t = next(p);
    } while (t.kind == TOKEN_SPACE);
    return t;
}

static struct token peek_non_space(struct parser *p)
{
    struct token t = next_non_space(p);
    backup(p);
    return t;
}

/* ---- errors ------------------------------------------------------------------------------- */

static PRINTF(2, 3) bool fail(struct parser *p, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str text = arena_vfmt(p->a, fmt, args);
    va_end(args);
    const struct token *last = &p->token[p->peeked < 3 ? p->peeked : 2]; /* the one that was read last */
    p->parsed->stumbled_at = last->pos;
    p->parsed->stumbled_n = last->kind == TOKEN_ERROR ? 0 : last->text.n;
    return err_set(p->e, ERR_INVALID, "template: %.*s:%u: %.*s", STR(p->tree->file),
                   lex_line(p->lexer, p->token[0].pos), STR(text));
}

static const char *quoted(struct parser *p, struct str s)
{
    struct buf b = { .a = p->a };
    quote_into(&b, s, '"', 0);
    return b.p;
}

static const char *token_name(struct parser *p, struct token t)
{
    if (t.kind == TOKEN_EOF)
        return "EOF";
    if (t.kind == TOKEN_ERROR)
        return arena_c(p->a, t.text);
    if (t.kind > TOKEN_KEYWORD)
        return arena_fmt(p->a, "<%.*s>", STR(t.text)).p;
    struct str shown = utf8_prefix(t.text, 10);
    return t.text.n > 10 ? arena_fmt(p->a, "%s...", quoted(p, shown)).p : quoted(p, t.text);
}

static bool unexpected(struct parser *p, struct token t, const char *context)
{
    const char *extra = "";
    if (t.kind != TOKEN_ERROR)
        return fail(p, "unexpected %s in %s", token_name(p, t), context);
    uint32_t action_line = p->action != NULL ? lex_line(p->lexer, p->action->pos) : 0;
    if (action_line != 0 && action_line != lex_line(p->lexer, t.pos)) {
        extra = arena_fmt(p->a, " in action started at %.*s:%u", STR(p->tree->file), action_line).p;
        if (str_ends(t.text, S(" action")))
            extra += strlen(" in action");
    }
    return fail(p, "%.*s%s", STR(t.text), extra);
}

static bool expect(struct parser *p, enum token_kind kind, const char *context)
{
    struct token t = next_non_space(p);
    return t.kind == kind || unexpected(p, t, context);
}

/* ---- variables ---------------------------------------------------------------------------- */

static uint32_t find_slot(const struct parser *p, struct str name)
{
    for (size_t i = p->vars.n; i-- > 0;)
        if (p->vars.v[i].slot != SLOT_UNDEFINED && str_eq(p->vars.v[i].name, name))
            return p->vars.v[i].slot;
    return SLOT_UNDEFINED;
}

static bool is_in_scope(const struct parser *p, struct str name)
{
    for (size_t i = p->vars.n; i-- > 0;)
        if (str_eq(p->vars.v[i].name, name))
            return true;
    return false;
}

/* ---- expressions -------------------------------------------------------------------------- */

static size_t node_size(enum node_kind kind)
{
#define UP_TO(member) (offsetof(struct node, member) + sizeof(((struct node *)0)->member))
    switch ((int)kind) {
    case NODE_TEXT:
    case NODE_LITERAL: return UP_TO(text);
    case NODE_ACTION: return UP_TO(control.pipe);
    case NODE_TEMPLATE: return UP_TO(invoke);
    case NODE_PIPE: return UP_TO(pipe);
    case NODE_COMMAND: return UP_TO(command);
    case NODE_FIELD: return UP_TO(path.slot);
    case NODE_IDENTIFIER: return UP_TO(identifier);
    case NODE_BREAK:
    case NODE_CONTINUE:
    case NODE_DOT:
    case NODE_NIL: return UP_TO(next);
    default: return sizeof(struct node);
    }
#undef UP_TO
}

static struct node *make(struct parser *p, enum node_kind kind, uint32_t pos)
{
    struct node *n = arena_alloc(p->a, node_size(kind));
    n->kind = (uint8_t)kind;
    n->pos = pos;
    return n;
}

static struct node *parse_pipeline(struct parser *p, const char *context, enum token_kind end);

static struct node *make_constant(struct parser *p, enum node_kind kind, struct token t, struct value v)
{
    struct node *n = make(p, kind, t.pos);
    n->constant.value = v;
    n->constant.spelling = t.text;
    return n;
}

static struct node *parse_number(struct parser *p, struct token t)
{
    struct number *number = arena_new(p->a, struct number, 1);
    struct err why;
    if (!number_parse(p->a, t, number, &why)) {
        fail(p, "%s", why.text);
        return NULL;
    }
    struct node *n = make(p, NODE_NUMBER, t.pos);
    n->constant.spelling = t.text;
    n->constant.number = number;
    return n;
}

static struct node *parse_string(struct parser *p, struct token t)
{
    struct str text;
    if (!go_unquote(p->a, t.text, &text)) {
        fail(p, "invalid syntax");
        return NULL;
    }
    return make_constant(p, NODE_STRING, t, value_str(text));
}

static struct node *parse_variable(struct parser *p, struct token t)
{
    if (!is_in_scope(p, t.text)) {
        fail(p, "undefined variable %s", quoted(p, t.text));
        return NULL;
    }
    struct node *n = make(p, NODE_VARIABLE, t.pos);
    n->path.name = t.text;
    n->path.slot = find_slot(p, t.text);
    return n;
}

static struct node *parse_identifier(struct parser *p, struct token t)
{
    bool builtin;
    const struct template_func *f = set_func(p->set, t.text, &builtin);
    if (f == NULL) {
        fail(p, "function %s not defined", quoted(p, t.text));
        return NULL;
    }
    struct node *n = make(p, NODE_IDENTIFIER, t.pos);
    n->identifier.func = f;
    n->identifier.builtin = builtin;
    return n;
}

/* `names` of a field token and of those that follow at once. */
static void add_names(struct parser *p, struct node *n)
{
    VEC(struct str) names = { n->path.names, n->path.n, n->path.n };
    while (peek(p).kind == TOKEN_FIELD)
        *vec_push(p->a, &names) = str_slice(next(p).text, 1, SIZE_MAX);
    n->path.names = names.v;
    n->path.n = (uint32_t)names.n;
}

static struct node *make_field(struct parser *p, struct token t)
{
    struct node *n = make(p, NODE_FIELD, t.pos);
    n->path.names = arena_new(p->a, struct str, 1);
    n->path.names[0] = str_slice(t.text, 1, SIZE_MAX);
    n->path.n = 1;
    return n;
}

/* NULL with *absent: the next token begins no term (it is left); NULL without: an error. */
static struct node *parse_term(struct parser *p, bool *absent)
{
    struct token t = next_non_space(p);
    *absent = false;
    switch ((int)t.kind) {
    case TOKEN_IDENTIFIER: return parse_identifier(p, t);
    case TOKEN_DOT: return make(p, NODE_DOT, t.pos);
    case TOKEN_NIL: return make(p, NODE_NIL, t.pos);
    case TOKEN_VARIABLE: return parse_variable(p, t);
    case TOKEN_FIELD: return make_field(p, t);
    case TOKEN_BOOL: return make_constant(p, NODE_BOOL, t, value_bool(str_is(t.text, "true")));
    case TOKEN_CHAR_CONSTANT:
    case TOKEN_COMPLEX:
    case TOKEN_NUMBER: return parse_number(p, t);
    case TOKEN_LEFT_PAREN: return parse_pipeline(p, "parenthesized pipeline", TOKEN_RIGHT_PAREN);
    case TOKEN_STRING:
    case TOKEN_RAW_STRING: return parse_string(p, t);
    default:
        backup(p);
        *absent = true;
        return NULL;
    }
}

static struct node *parse_operand(struct parser *p, bool *absent)
{
    struct node *n = parse_term(p, absent);
    if (n == NULL || peek(p).kind != TOKEN_FIELD)
        return n;
    uint32_t pos = peek(p).pos;
    if (n->kind == NODE_FIELD || n->kind == NODE_VARIABLE) {
        n->pos = pos; /* Go makes a new node, which stands at the first field that was added */
        add_names(p, n);
        return n;
    }
    if (n->kind == NODE_PIPE || n->kind == NODE_IDENTIFIER) {
        struct node *chain = make(p, NODE_CHAIN, pos);
        chain->path.base = n;
        add_names(p, chain);
        return chain;
    }
    while (peek(p).kind == TOKEN_FIELD)
        next(p);
    fail(p, "unexpected . after term %s", quoted(p, node_str(p->a, n)));
    return NULL;
}

/* Up to a pipe sign, which is eaten, or the end of the pipeline, which is not. */
static struct node *parse_command(struct parser *p)
{
    struct node *command = make(p, NODE_COMMAND, peek_non_space(p).pos);
    struct node **last = &command->command.args;
    for (;;) {
        bool absent;
        struct node *operand = parse_operand(p, &absent);
        if (operand == NULL && !absent)
            return NULL;
        if (operand != NULL) {
            *last = operand;
            last = &operand->next;
            command->command.n++;
        }
        struct token t = next(p);
        if (t.kind == TOKEN_SPACE)
            continue;
        if (t.kind == TOKEN_RIGHT_DELIM || t.kind == TOKEN_RIGHT_PAREN) {
            backup(p);
        } else if (t.kind != TOKEN_PIPE) {
            unexpected(p, t, "operand");
            return NULL;
        }
        if (command->command.n > 0)
            return command;
        fail(p, "empty command");
        return NULL;
    }
}

static bool declare(struct parser *p, struct node *pipe, struct token name)
{
    if (pipe->pipe.declared == NULL)
        pipe->pipe.declared = arena_new(p->a, struct declaration, 2);
    pipe->pipe.declared[pipe->n_declared++] = (struct declaration){ name.text, SLOT_UNDEFINED };
    *vec_push(p->a, &p->vars) = (struct variable){ name.text, SLOT_UNDEFINED };
    return true;
}

/* "$x :=", "$x =", "$i, $x :=" at the start of a pipeline. */
static bool parse_declarations(struct parser *p, struct node *pipe, const char *context)
{
    while (peek_non_space(p).kind == TOKEN_VARIABLE) {
        struct token name = next(p), after = peek(p), then = peek_non_space(p);
        if (then.kind == TOKEN_ASSIGN || then.kind == TOKEN_DECLARE) {
            pipe->assign = then.kind == TOKEN_ASSIGN;
            next_non_space(p);
            return declare(p, pipe, name);
        }
        if (then.kind != TOKEN_CHAR || !str_is(then.text, ",")) {
            if (after.kind == TOKEN_SPACE)
                backup3(p, name, after);
            else
                backup2(p, name);
            return true;
        }
        next_non_space(p);
        declare(p, pipe, name);
        if (strcmp(context, "range") != 0 || pipe->n_declared == 2)
            return fail(p, "too many declarations in %s", context);
        enum token_kind kind = peek_non_space(p).kind;
        if (kind != TOKEN_VARIABLE && kind != TOKEN_RIGHT_DELIM && kind != TOKEN_RIGHT_PAREN)
            return fail(p, "range can only initialize variables");
    }
    return true;
}

/* Give the declared names their slots, now that their pipeline has been read. `mark`: where they stand in vars. */
static void bind_declarations(struct parser *p, struct node *pipe, size_t mark)
{
    for (size_t i = 0; i < pipe->n_declared; i++) {
        struct declaration *d = &pipe->pipe.declared[i];
        if (pipe->assign) {
            d->slot = find_slot(p, d->name);
            continue;
        }
        d->slot = p->tree->slots++;
        p->vars.v[mark + i].slot = d->slot;
    }
}

static bool check_pipeline(struct parser *p, const struct node *pipe, const char *context)
{
    if (pipe->pipe.commands == NULL)
        return fail(p, "missing value for %s", context);
    int stage = 2;
    for (const struct node *c = pipe->pipe.commands->next; c != NULL; c = c->next, stage++) {
        enum node_kind k = c->command.args->kind;
        if (k == NODE_BOOL || k == NODE_DOT || k == NODE_NIL || k == NODE_NUMBER || k == NODE_STRING)
            return fail(p, "non executable command in pipeline stage %d", stage);
    }
    return true;
}

static bool is_operand_start(enum token_kind k)
{
    return k == TOKEN_BOOL || k == TOKEN_CHAR_CONSTANT || k == TOKEN_COMPLEX || k == TOKEN_DOT || k == TOKEN_FIELD
           || k == TOKEN_IDENTIFIER || k == TOKEN_NUMBER || k == TOKEN_NIL || k == TOKEN_RAW_STRING || k == TOKEN_STRING
           || k == TOKEN_VARIABLE || k == TOKEN_LEFT_PAREN;
}

static bool parse_commands(struct parser *p, struct node *pipe, const char *context, enum token_kind end)
{
    struct node **last = &pipe->pipe.commands;
    for (;;) {
        struct token t = next_non_space(p);
        if (t.kind == end)
            return check_pipeline(p, pipe, context);
        if (!is_operand_start(t.kind))
            return unexpected(p, t, context);
        backup(p);
        struct node *command = parse_command(p);
        if (command == NULL)
            return false;
        *last = command;
        last = &command->next;
    }
}

static struct node *parse_pipeline(struct parser *p, const char *context, enum token_kind end)
{
    struct node *pipe = make(p, NODE_PIPE, peek_non_space(p).pos);
    size_t mark = p->vars.n;
    if (p->nesting++ == NESTING_MAX) {
        fail(p, "nested too deeply");
        return NULL;
    }
    if (!parse_declarations(p, pipe, context) || !parse_commands(p, pipe, context, end))
        return NULL;
    p->nesting--;
    bind_declarations(p, pipe, mark);
    return pipe;
}

/* ---- statements --------------------------------------------------------------------------- */

static struct node *parse_statement(struct parser *p);

/* Statements up to {{end}} or {{else}}, whose kind goes to *end. */
static bool parse_list(struct parser *p, struct node **out, enum node_kind *end)
{
    *out = NULL;
    while (peek_non_space(p).kind != TOKEN_EOF) {
        struct node *n = parse_statement(p);
        if (n == NULL)
            return false;
        if (n->kind == NODE_END || n->kind == NODE_ELSE) {
            *end = n->kind;
            return true;
        }
        *out = n;
        out = &n->next;
    }
    return fail(p, "unexpected EOF");
}

static struct node *parse_control(struct parser *p, enum node_kind kind);

/* After {{else}}: a chained if or with stands in the else part alone and shares the {{end}}. */
static bool parse_else(struct parser *p, struct node *n)
{
    enum token_kind chained = n->kind == NODE_IF ? TOKEN_IF : n->kind == NODE_WITH ? TOKEN_WITH : TOKEN_ERROR;
    if (chained != TOKEN_ERROR && peek(p).kind == chained) {
        next(p);
        n->control.otherwise = parse_control(p, n->kind);
        return n->control.otherwise != NULL;
    }
    enum node_kind end;
    if (!parse_list(p, &n->control.otherwise, &end))
        return false;
    return end == NODE_END || fail(p, "expected end; found {{else}}");
}

static struct node *parse_control(struct parser *p, enum node_kind kind)
{
    const char *context = kind == NODE_IF ? "if" : kind == NODE_WITH ? "with" : "range";
    size_t scope = p->vars.n;
    struct node *n = make(p, kind, 0);
    n->control.pipe = parse_pipeline(p, context, TOKEN_RIGHT_DELIM);
    if (n->control.pipe == NULL)
        return NULL;
    n->pos = n->control.pipe->pos;
    if (p->nesting++ == NESTING_MAX) {
        fail(p, "nested too deeply");
        return NULL;
    }
    enum node_kind end;
    p->range_depth += kind == NODE_RANGE;
    if (!parse_list(p, &n->control.body, &end))
        return NULL;
    p->range_depth -= kind == NODE_RANGE;
    if (end == NODE_ELSE && !parse_else(p, n))
        return NULL;
    p->nesting--;
    p->vars.n = scope;
    return n;
}

static struct node *parse_end(struct parser *p)
{
    static struct node mark = { .kind = NODE_END };
    return expect(p, TOKEN_RIGHT_DELIM, "end") ? &mark : NULL;
}

static struct node *parse_else_mark(struct parser *p)
{
    static struct node mark = { .kind = NODE_ELSE };
    struct token t = peek_non_space(p);
    if (t.kind != TOKEN_IF && t.kind != TOKEN_WITH && !expect(p, TOKEN_RIGHT_DELIM, "else"))
        return NULL;
    return &mark;
}

static struct node *parse_jump(struct parser *p, struct token word, enum node_kind kind)
{
    const char *name = kind == NODE_BREAK ? "{{break}}" : "{{continue}}";
    struct token t = next_non_space(p);
    if (t.kind != TOKEN_RIGHT_DELIM) {
        unexpected(p, t, name);
        return NULL;
    }
    if (p->range_depth == 0) {
        fail(p, "%s outside {{range}}", name);
        return NULL;
    }
    return make(p, kind, word.pos);
}

static bool parse_template_name(struct parser *p, struct token t, const char *context, struct str *out)
{
    if (t.kind != TOKEN_STRING && t.kind != TOKEN_RAW_STRING)
        return unexpected(p, t, context);
    return go_unquote(p->a, t.text, out) || fail(p, "invalid syntax");
}

static struct node *parse_invocation(struct parser *p)
{
    struct token t = next_non_space(p);
    struct node *n = make(p, NODE_TEMPLATE, t.pos);
    if (!parse_template_name(p, t, "template clause", &n->invoke.name))
        return NULL;
    if (next_non_space(p).kind == TOKEN_RIGHT_DELIM)
        return n;
    backup(p);
    n->invoke.pipe = parse_pipeline(p, "template clause", TOKEN_RIGHT_DELIM);
    return n->invoke.pipe == NULL ? NULL : n;
}

/* ---- templates ---------------------------------------------------------------------------- */

bool node_list_is_empty(const struct node *list)
{
    for (const struct node *n = list; n != NULL; n = n->next) {
        if (n->kind != NODE_TEXT)
            return false;
        for (size_t i = 0; i < n->text.n; i++)
            if (!rune_is_space((uint8_t)n->text.p[i]) || (uint8_t)n->text.p[i] >= 0x80)
                return false;
    }
    return true;
}

/* Within one text a template may be defined twice only when one of the two is empty. */
static bool add_tree(struct parser *p)
{
    const struct value *at = map_get(p->names, p->tree->name);
    if (at == NULL) {
        map_put(p->a, p->names, p->tree->name, value_int((int64_t)p->parsed->trees.n));
        *vec_push(p->a, &p->parsed->trees) = p->tree;
        return true;
    }
    struct tree **there = &p->parsed->trees.v[at->i];
    if (node_list_is_empty((*there)->root))
        *there = p->tree;
    else if (!node_list_is_empty(p->tree->root))
        return fail(p, "template: multiple definition of template %s", quoted(p, p->tree->name));
    return true;
}

/* A parser for a template inside the text of `outer`. */
static struct parser inner_parser(struct parser *outer)
{
    struct parser p = { .a = outer->a,
                        .set = outer->set,
                        .lexer = outer->lexer,
                        .parsed = outer->parsed,
                        .names = outer->names,
                        .e = outer->e,
                        .nesting = outer->nesting + 1 };
    p.tree = arena_new(p.a, struct tree, 1);
    *p.tree =
        (struct tree){ .name = S("definition"), .file = outer->tree->file, .text = outer->tree->text, .slots = 1 };
    *vec_push(p.a, &p.vars) = (struct variable){ S("$"), 0 };
    return p;
}

static bool parse_body(struct parser *p, const char *context)
{
    enum node_kind end;
    if (p->nesting >= NESTING_MAX)
        return fail(p, "nested too deeply");
    if (!parse_list(p, &p->tree->root, &end))
        return false;
    if (end != NODE_END)
        return fail(p, "unexpected {{else}} in %s", context);
    return add_tree(p);
}

static bool parse_define(struct parser *outer)
{
    static const char context[] = "define clause";
    struct parser p = inner_parser(outer);
    return parse_template_name(&p, next_non_space(&p), context, &p.tree->name) && expect(&p, TOKEN_RIGHT_DELIM, context)
           && parse_body(&p, context);
}

/* {{block "name" pipeline}} is a define and a template in one. */
static struct node *parse_block(struct parser *p)
{
    static const char context[] = "block clause";
    struct token t = next_non_space(p);
    struct node *n = make(p, NODE_TEMPLATE, t.pos);
    if (!parse_template_name(p, t, context, &n->invoke.name))
        return NULL;
    n->invoke.pipe = parse_pipeline(p, context, TOKEN_RIGHT_DELIM);
    if (n->invoke.pipe == NULL)
        return NULL;
    struct parser inner = inner_parser(p);
    inner.tree->name = n->invoke.name;
    return parse_body(&inner, context) ? n : NULL;
}

/* The string that a pipeline is, when it is nothing else; NULL otherwise. */
static const struct node *only_string(const struct node *pipe)
{
    const struct node *command = pipe->pipe.commands;
    bool only = pipe->n_declared == 0 && command->next == NULL && command->command.n == 1
                && command->command.args->kind == NODE_STRING;
    return only ? command->command.args : NULL;
}

/* An action that prints. Dashboards have ten thousand of {{ `{{` }}, so a bare string keeps one node. */
static struct node *parse_printing(struct parser *p)
{
    struct node *n = make(p, NODE_LITERAL, peek(p).pos);
    struct arena_mark mark = arena_mark(p->a);
    struct node *pipe = parse_pipeline(p, "command", TOKEN_RIGHT_DELIM);
    if (pipe == NULL)
        return NULL;
    const struct node *string = only_string(pipe);
    if (string == NULL) {
        n->kind = NODE_ACTION;
        n->control.pipe = pipe;
        return n;
    }
    struct str text = value_as_str(&string->constant.value);
    if (text.p == string->constant.spelling.p + 1) /* no copy was made to unquote it */
        arena_rewind(p->a, mark);
    n->text = text;
    return n;
}

static struct node *parse_action(struct parser *p)
{
    struct token t = next_non_space(p);
    switch ((int)t.kind) {
    case TOKEN_BLOCK: return parse_block(p);
    case TOKEN_BREAK: return parse_jump(p, t, NODE_BREAK);
    case TOKEN_CONTINUE: return parse_jump(p, t, NODE_CONTINUE);
    case TOKEN_ELSE: return parse_else_mark(p);
    case TOKEN_END: return parse_end(p);
    case TOKEN_IF: return parse_control(p, NODE_IF);
    case TOKEN_RANGE: return parse_control(p, NODE_RANGE);
    case TOKEN_TEMPLATE: return parse_invocation(p);
    case TOKEN_WITH: return parse_control(p, NODE_WITH);
    default: break;
    }
    backup(p);
    return parse_printing(p);
}

static struct node *parse_statement(struct parser *p)
{
    struct token t = next_non_space(p);
    if (t.kind == TOKEN_TEXT) {
        struct node *n = make(p, NODE_TEXT, t.pos);
        n->text = t.text;
        return n;
    }
    if (t.kind != TOKEN_LEFT_DELIM) {
        unexpected(p, t, "input");
        return NULL;
    }
    p->action = &t;
    struct node *n = parse_action(p);
    p->action = NULL;
    return n;
}

/* At the top level of a text, where {{define}} may stand. */
static bool parse_top(struct parser *p)
{
    struct node **last = &p->tree->root;
    for (struct token t = peek(p); t.kind != TOKEN_EOF; t = peek(p)) {
        if (t.kind == TOKEN_LEFT_DELIM) {
            next(p);
            if (next_non_space(p).kind == TOKEN_DEFINE) {
                if (!parse_define(p))
                    return false;
                continue;
            }
            backup2(p, t);
        }
        struct node *n = parse_statement(p);
        if (n == NULL)
            return false;
        if (n->kind == NODE_END || n->kind == NODE_ELSE)
            return fail(p, "unexpected {{%s}}", n->kind == NODE_END ? "end" : "else");
        *last = n;
        last = &n->next;
    }
    return true;
}

bool parse_text(const struct template_set *set, struct str name, struct str text, struct parsed *out, struct err *e)
{
    struct lexer lexer;
    struct tree file = { .file = name, .text = text };
    lex_open(&lexer, set->a, text);
    struct map names = { 0 };
    struct parser outside = {
        .a = set->a, .set = set, .lexer = &lexer, .parsed = out, .names = &names, .tree = &file, .e = e
    };
    struct parser p = inner_parser(&outside);
    p.tree->name = name;
    return parse_top(&p) && add_tree(&p);
}
