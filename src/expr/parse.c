/*
 * Operator precedence parsing. A closure is the argument of a collection builtin, with or without braces; inside it
 * `#` is the element and `.name` a member of it.
 */
#include "expr/internal.h"

struct parser {
    struct lexer lexer;
    struct token now;
    size_t nodes;
    unsigned depth, closures;
};

struct operator_row {
    const char *text;
    enum op op;
    int precedence;
    bool right;      /* groups from the right */
    bool negatable;  /* "not in" */
    bool comparison; /* a < b < c is a < b and b < c */
};

static const struct operator_row binary_operators[] = {
    { .text = "|", .op = OP_PIPE, .precedence = 0 },
    { .text = "or", .op = OP_OR, .precedence = 10 },
    { .text = "||", .op = OP_OR, .precedence = 10 },
    { .text = "and", .op = OP_AND, .precedence = 15 },
    { .text = "&&", .op = OP_AND, .precedence = 15 },
    { .text = "==", .op = OP_EQUAL, .precedence = 20 },
    { .text = "!=", .op = OP_NOT_EQUAL, .precedence = 20 },
    { .text = "<", .op = OP_LESS, .precedence = 20, .comparison = true },
    { .text = ">", .op = OP_GREATER, .precedence = 20, .comparison = true },
    { .text = ">=", .op = OP_GREATER_EQUAL, .precedence = 20, .comparison = true },
    { .text = "<=", .op = OP_LESS_EQUAL, .precedence = 20, .comparison = true },
    { .text = "in", .op = OP_IN, .precedence = 20, .negatable = true },
    { .text = "matches", .op = OP_MATCHES, .precedence = 20, .negatable = true },
    { .text = "contains", .op = OP_CONTAINS, .precedence = 20, .negatable = true },
    { .text = "startsWith", .op = OP_STARTS_WITH, .precedence = 20, .negatable = true },
    { .text = "endsWith", .op = OP_ENDS_WITH, .precedence = 20, .negatable = true },
    { .text = "..", .op = OP_RANGE, .precedence = 25 },
    { .text = "+", .op = OP_PLUS, .precedence = 30 },
    { .text = "-", .op = OP_MINUS, .precedence = 30 },
    { .text = "*", .op = OP_MULTIPLY, .precedence = 60 },
    { .text = "/", .op = OP_DIVIDE, .precedence = 60 },
    { .text = "%", .op = OP_MODULO, .precedence = 60 },
    { .text = "**", .op = OP_POWER, .precedence = 100, .right = true },
    { .text = "^", .op = OP_POWER, .precedence = 100, .right = true },
    { .text = "??", .op = OP_COALESCE, .precedence = 500 },
};

static const struct operator_row unary_operators[] = {
    { .text = "not", .op = OP_NOT, .precedence = 50 },
    { .text = "!", .op = OP_NOT, .precedence = 50 },
    { .text = "-", .op = OP_MINUS, .precedence = 90 },
    { .text = "+", .op = OP_PLUS, .precedence = 90 },
};

static bool parse_expression(struct parser *p, int precedence, struct node **out);
static bool parse_sequence(struct parser *p, struct node **out);

/* ---- tokens and nodes ----------------------------------------------------------------------------- */

static bool fail_at(struct parser *p, uint32_t at, const char *what)
{
    return expr_fail(p->lexer.e, ERR_INVALID, p->lexer.text, at, "%s", what);
}

static bool unexpected(struct parser *p)
{
    if (p->now.kind == TOKEN_END)
        return fail_at(p, p->now.at, "unexpected end of the expression");
    return expr_fail(p->lexer.e, ERR_INVALID, p->lexer.text, p->now.at, "unexpected %s\"%.*s\"",
                     p->now.kind == TOKEN_STRING ? "string " : "", STR(p->now.text));
}

static bool next(struct parser *p)
{
    return expr_lex_next(&p->lexer, &p->now);
}

static bool is(const struct parser *p, const char *text)
{
    return (p->now.kind == TOKEN_OPERATOR || p->now.kind == TOKEN_BRACKET) && str_is(p->now.text, text);
}

static bool expect(struct parser *p, const char *text)
{
    return is(p, text) ? next(p) : unexpected(p);
}

/* Go on when `text` is next; *taken tells. */
static bool accept(struct parser *p, const char *text, bool *taken)
{
    *taken = is(p, text);
    return !*taken || next(p);
}

static struct node *make(struct parser *p, enum node_kind kind, uint32_t at)
{
    struct node *n = arena_new(p->lexer.a, struct node, 1);

    n->kind = kind;
    n->at = at;
    p->nodes++;
    return n;
}

static struct node *make_literal(struct parser *p, struct value v, uint32_t at)
{
    struct node *n = make(p, NODE_LITERAL, at);

    n->value = v;
    return n;
}

static struct node *make_binary(struct parser *p, enum op op, struct node *left, struct node *right, uint32_t at)
{
    struct node *n = make(p, NODE_BINARY, at);

    n->op = op;
    n->left = left;
    n->right = right;
    return n;
}

static struct node *make_not(struct parser *p, struct node *of)
{
    struct node *n = make(p, NODE_UNARY, of->at);

    n->op = OP_NOT;
    n->left = of;
    return n;
}

static void add_arg(struct parser *p, struct node *to, struct node *arg)
{
    to->args = arena_grow(p->lexer.a, to->args, to->n * sizeof(struct node *), (to->n + 1) * sizeof(struct node *));
    to->args[to->n++] = arg;
}

/* Bounds of recursion and size; every recursive rule enters through here. */
static bool enter(struct parser *p)
{
    if (++p->depth > EXPR_DEPTH_MAX)
        return expr_fail(p->lexer.e, ERR_LIMIT, p->lexer.text, p->now.at, "nested more than %d deep", EXPR_DEPTH_MAX);
    if (p->nodes > EXPR_NODES_MAX)
        return expr_fail(p->lexer.e, ERR_LIMIT, p->lexer.text, p->now.at, "more than %d parts", EXPR_NODES_MAX);
    return true;
}

static const struct operator_row *find_row(const struct token *t, const struct operator_row *rows, size_t n)
{
    for (size_t i = 0; t->kind == TOKEN_OPERATOR && i < n; i++)
        if (str_is(t->text, rows[i].text))
            return &rows[i];
    return NULL;
}

static const struct operator_row *find_binary(const struct token *t)
{
    return find_row(t, binary_operators, COUNT(binary_operators));
}

/* ---- calls ---------------------------------------------------------------------------------------- */

/* "(" has been read: arguments up to and with ")". */
static bool parse_arguments(struct parser *p, struct node *call)
{
    bool taken = false;

    while (!is(p, ")")) {
        struct node *arg = NULL;
        if (!parse_expression(p, 0, &arg))
            return false;
        add_arg(p, call, arg);
        if (!accept(p, ",", &taken))
            return false;
        if (!taken)
            break;
    }
    return expect(p, ")");
}

static bool parse_closure(struct parser *p, struct node **out)
{
    bool braces = false;

    if (!accept(p, "{", &braces))
        return false;
    p->closures++;
    bool ok = braces ? parse_sequence(p, out) : parse_expression(p, 0, out);
    p->closures--;
    return ok && (!braces || expect(p, "}"));
}

static bool check_count(struct parser *p, const struct node *call, struct str name, int min, int max)
{
    if (call->n < (size_t)min)
        return expr_fail(p->lexer.e, ERR_INVALID, p->lexer.text, call->at, "not enough arguments to call %.*s",
                         STR(name));
    if (max >= 0 && call->n > (size_t)max)
        return expr_fail(p->lexer.e, ERR_INVALID, p->lexer.text, call->at, "too many arguments to call %.*s",
                         STR(name));
    return true;
}

/* The second argument is the closure; reduce's third is its start, sortBy's third the direction. */
static bool parse_predicate(struct parser *p, struct node *call)
{
    bool taken = true;

    while (taken && !is(p, ")")) {
        struct node *arg = NULL;
        if (!(call->n == 1 ? parse_closure(p, &arg) : parse_expression(p, 0, &arg)))
            return false;
        add_arg(p, call, arg);
        if (!accept(p, ",", &taken))
            return false;
    }
    return expect(p, ")")
           && check_count(p, call, str_c(call->predicate->name), call->predicate->min, call->predicate->max);
}

/* A name with "(" behind it; `piped`: the value before "|", or NULL. */
static bool parse_call(struct parser *p, struct token name, struct node *piped, struct node **out)
{
    const struct predicate *predicate = predicate_find(name.text);
    const struct builtin *builtin = builtin_find(name.text);
    struct node *call = make(p, predicate ? NODE_PREDICATE : builtin ? NODE_BUILTIN : NODE_CALL, name.at);

    call->predicate = predicate;
    call->builtin = builtin;
    if (piped != NULL)
        add_arg(p, call, piped);
    *out = call;
    if (!expect(p, "("))
        return false;
    if (predicate != NULL)
        return parse_predicate(p, call);
    if (builtin == NULL) {
        call->left = make(p, NODE_NAME, name.at);
        call->left->text = name.text;
    }
    if (!parse_arguments(p, call))
        return false;
    return builtin == NULL || check_count(p, call, name.text, builtin->min, builtin->max);
}

/* ---- what stands behind an operand ----------------------------------------------------------------- */

static bool is_word(struct str s)
{
    return s.n > 0 && ((s.p[0] >= 'a' && s.p[0] <= 'z') || (s.p[0] >= 'A' && s.p[0] <= 'Z'));
}

/* A member ends the chain's part that is already there; the whole stays one chain. */
static struct node *wrap_chain(struct parser *p, struct node *n, bool chained)
{
    if (!chained)
        return n;
    struct node *chain = make(p, NODE_CHAIN, n->at);
    chain->left = n;
    return chain;
}

static struct node *make_member(struct parser *p, struct node *of, struct node *key, bool optional, uint32_t at)
{
    struct node *n = make(p, NODE_MEMBER, at);

    n->left = of;
    n->right = key;
    n->optional = optional;
    return n;
}

/* Behind "." or "?.": a name, and perhaps a call of it. */
static bool parse_dot(struct parser *p, struct node **operand, bool optional)
{
    struct token name = p->now;
    bool chained = optional || (*operand)->kind == NODE_CHAIN, called = false;
    struct node *of = (*operand)->kind == NODE_CHAIN ? (*operand)->left : *operand;

    if (name.kind != TOKEN_NAME && (name.kind != TOKEN_OPERATOR || !is_word(name.text)))
        return fail_at(p, name.at, "expected name");
    struct node *key = make_literal(p, value_str(name.text), name.at);
    struct node *member = make_member(p, of, key, optional, name.at);
    if (!next(p) || !accept(p, "(", &called))
        return false;
    if (called) {
        struct node *call = make(p, NODE_CALL, name.at);
        call->left = member;
        member = call;
        if (!parse_arguments(p, call))
            return false;
    }
    *operand = wrap_chain(p, member, chained);
    return true;
}

/* Behind "[": an index, or a slice with either end left out. */
static bool parse_brackets(struct parser *p, struct node **operand, bool optional, uint32_t at)
{
    bool chained = optional || (*operand)->kind == NODE_CHAIN, slice = false;
    struct node *of = (*operand)->kind == NODE_CHAIN ? (*operand)->left : *operand;
    struct node *from = NULL, *to = NULL;

    if (!is(p, ":") && !parse_expression(p, 0, &from))
        return false;
    if (!accept(p, ":", &slice))
        return false;
    if (slice && !is(p, "]") && !parse_expression(p, 0, &to))
        return false;
    if (!expect(p, "]"))
        return false;
    struct node *n = slice ? make(p, NODE_SLICE, at) : make_member(p, of, from, optional, at);
    if (slice) {
        n->left = of;
        n->right = from;
        add_arg(p, n, to);
    }
    *operand = wrap_chain(p, n, chained);
    return true;
}

static bool parse_postfix(struct parser *p, struct node **operand)
{
    for (;;) {
        uint32_t at = p->now.at;
        bool optional = is(p, "?."), dot = optional || is(p, "."), bracket = false;
        if (!dot && !is(p, "["))
            return true;
        if (p->nodes > EXPR_NODES_MAX)
            return expr_fail(p->lexer.e, ERR_LIMIT, p->lexer.text, at, "more than %d parts", EXPR_NODES_MAX);
        if (dot && !next(p))
            return false;
        if ((!dot || optional) && !accept(p, "[", &bracket))
            return false;
        if (!(bracket ? parse_brackets(p, operand, optional, at) : parse_dot(p, operand, optional)))
            return false;
    }
}

/* ---- operands ------------------------------------------------------------------------------------- */

static bool parse_list(struct parser *p, struct node **out)
{
    bool taken = true;

    *out = make(p, NODE_LIST, p->now.at);
    if (!next(p))
        return false;
    while (taken && !is(p, "]")) {
        struct node *item = NULL;
        if (!parse_expression(p, 0, &item))
            return false;
        add_arg(p, *out, item);
        if (!accept(p, ",", &taken))
            return false;
    }
    return expect(p, "]");
}

/* A name, a string, a number, or an expression in parentheses. */
static bool parse_key(struct parser *p, struct node **out)
{
    struct token t = p->now;

    if (is(p, "("))
        return parse_expression(p, 0, out);
    if (t.kind != TOKEN_NAME && t.kind != TOKEN_STRING && t.kind != TOKEN_NUMBER
        && !(t.kind == TOKEN_OPERATOR && is_word(t.text)))
        return fail_at(p, t.at, "a map key must be a quoted string, a number, a name, or in parentheses");
    *out = make_literal(p, value_str(t.text), t.at);
    return next(p);
}

static bool parse_map(struct parser *p, struct node **out)
{
    bool taken = true;

    *out = make(p, NODE_MAP, p->now.at);
    if (!next(p))
        return false;
    while (taken && !is(p, "}")) {
        struct node *key = NULL, *member = NULL;
        if (!parse_key(p, &key) || !expect(p, ":") || !parse_expression(p, 0, &member))
            return false;
        add_arg(p, *out, key);
        add_arg(p, *out, member);
        if (!accept(p, ",", &taken))
            return false;
    }
    return expect(p, "}");
}

static bool parse_name(struct parser *p, struct node **out)
{
    struct token t = p->now;

    if (!next(p))
        return false;
    if (is(p, "("))
        return parse_call(p, t, NULL, out);
    if (str_is(t.text, "true") || str_is(t.text, "false")) {
        *out = make_literal(p, value_bool(str_is(t.text, "true")), t.at);
    } else if (str_is(t.text, "nil")) {
        *out = make_literal(p, value_null(), t.at);
    } else {
        *out = make(p, NODE_NAME, t.at);
        (*out)->text = t.text;
    }
    return true;
}

/* "#", "#acc", "#index", or the bare "." of ".name", which stays for the postfix. */
static bool parse_pointer(struct parser *p, struct node **out)
{
    size_t end = p->lexer.at;

    *out = make(p, NODE_POINTER, p->now.at);
    if (is(p, "."))
        return true;
    if (!next(p))
        return false;
    if (p->now.kind != TOKEN_NAME || p->now.at != end)
        return true;
    if (!str_is(p->now.text, "acc") && !str_is(p->now.text, "index"))
        return unexpected(p);
    (*out)->text = p->now.text;
    return next(p);
}

static bool parse_operand(struct parser *p, struct node **out)
{
    struct token t = p->now;

    if (t.kind == TOKEN_NUMBER || t.kind == TOKEN_STRING) {
        *out = make_literal(p, t.kind == TOKEN_NUMBER ? t.number : value_str(t.text), t.at);
        return next(p);
    }
    if (t.kind == TOKEN_NAME)
        return parse_name(p, out);
    if (is(p, "("))
        return next(p) && parse_sequence(p, out) && expect(p, ")");
    if (is(p, "["))
        return parse_list(p, out);
    if (is(p, "{"))
        return parse_map(p, out);
    if (p->closures > 0 && (is(p, "#") || is(p, ".")))
        return parse_pointer(p, out);
    if (is(p, "::"))
        return next(p) && (p->now.kind == TOKEN_NAME ? parse_name(p, out) : unexpected(p));
    return unexpected(p);
}

static bool parse_primary(struct parser *p, struct node **out)
{
    const struct operator_row *row = find_row(&p->now, unary_operators, COUNT(unary_operators));

    if (row == NULL)
        return parse_operand(p, out) && parse_postfix(p, out);
    struct node *n = make(p, NODE_UNARY, p->now.at);
    n->op = row->op;
    *out = n;
    return next(p) && parse_expression(p, row->precedence, &n->left);
}

/* ---- operators ------------------------------------------------------------------------------------ */

/* 1 < x <= 5: each operand is compared with the next one. */
static bool parse_comparison(struct parser *p, const struct operator_row *row, struct node **left)
{
    struct node *before = *left, *all = NULL;

    while (row != NULL && row->comparison) {
        uint32_t at = p->now.at;
        struct node *right = NULL;
        if (!next(p) || !parse_expression(p, row->precedence + 1, &right))
            return false;
        struct node *one = make_binary(p, row->op, before, right, at);
        all = all == NULL ? one : make_binary(p, OP_AND, all, one, at);
        before = right;
        row = find_binary(&p->now);
    }
    *left = all;
    return true;
}

static bool parse_pipe(struct parser *p, struct node **left)
{
    struct token name = p->now;

    if (name.kind != TOKEN_NAME)
        return unexpected(p);
    return next(p) && parse_call(p, name, *left, left) && parse_postfix(p, left);
}

/* One operator and its right side; the operator is next. */
static bool parse_right(struct parser *p, const struct operator_row *row, struct node **left)
{
    uint32_t at = p->now.at;
    struct node *right = NULL;

    if (row->comparison)
        return parse_comparison(p, row, left);
    if (!next(p))
        return false;
    if (row->op == OP_PIPE)
        return parse_pipe(p, left);
    if (!parse_expression(p, row->right ? row->precedence : row->precedence + 1, &right))
        return false;
    *left = make_binary(p, row->op, *left, right, at);
    return true;
}

/* The operator that comes next, when it binds at least as tightly; "not" is consumed if it belongs to one. */
static bool next_operator(struct parser *p, int precedence, const struct operator_row **row, bool *negated)
{
    *negated = is(p, "not");
    if (*negated && !next(p))
        return false;
    *row = find_binary(&p->now);
    if (*negated && (*row == NULL || !(*row)->negatable))
        return unexpected(p);
    if (*row != NULL && (*row)->precedence < precedence)
        *row = NULL;
    return true;
}

static bool parse_operators(struct parser *p, int precedence, struct node **left)
{
    const struct operator_row *row = NULL, *before = NULL;
    bool negated = false;

    for (;;) {
        if (is(p, "not") && precedence > 20) /* "not in" binds like "in": not here */
            return true;
        if (!next_operator(p, precedence, &row, &negated))
            return false;
        if (row == NULL)
            return true;
        if (before != NULL && before->op == OP_COALESCE && row->op != OP_COALESCE)
            return fail_at(p, p->now.at, "an operator and ?? cannot be mixed: put one of them in parentheses");
        if (!parse_right(p, row, left))
            return false;
        if (negated)
            *left = make_not(p, *left);
        before = row;
    }
}

/* condition ? a : b, and a ?: b. */
static bool parse_conditional(struct parser *p, struct node **condition)
{
    while (is(p, "?")) {
        struct node *n = make(p, NODE_CONDITIONAL, p->now.at), *yes = *condition, *no = NULL;
        n->left = *condition;
        if (!next(p) || (!is(p, ":") && !parse_expression(p, 0, &yes)) || !expect(p, ":")
            || !parse_expression(p, 0, &no))
            return false;
        add_arg(p, n, yes);
        add_arg(p, n, no);
        *condition = n;
    }
    return true;
}

/* let name = value; rest */
static bool parse_let(struct parser *p, struct node **out)
{
    struct node *n = make(p, NODE_LET, p->now.at);

    *out = n;
    if (!next(p))
        return false;
    if (p->now.kind != TOKEN_NAME)
        return unexpected(p);
    n->text = p->now.text;
    return next(p) && expect(p, "=") && parse_expression(p, 0, &n->left) && expect(p, ";")
           && parse_sequence(p, &n->right);
}

/* "{ ... }" of if and else. */
static bool parse_block(struct parser *p, struct node *into)
{
    struct node *block = NULL;

    if (!expect(p, "{") || !parse_sequence(p, &block) || !expect(p, "}"))
        return false;
    add_arg(p, into, block);
    return true;
}

/* if condition { a } else { b }, else if */
static bool parse_if(struct parser *p, struct node **out)
{
    struct node *n = make(p, NODE_CONDITIONAL, p->now.at), *otherwise = NULL;

    *out = n;
    if (!next(p) || !parse_expression(p, 0, &n->left) || !parse_block(p, n) || !expect(p, "else"))
        return false;
    if (!is(p, "if"))
        return parse_block(p, n);
    if (!enter(p) || !parse_if(p, &otherwise))
        return false;
    p->depth--;
    add_arg(p, n, otherwise);
    return true;
}

static bool parse_expression(struct parser *p, int precedence, struct node **out)
{
    if (!enter(p))
        return false;
    bool ok = false;
    if (precedence == 0 && is(p, "let"))
        ok = parse_let(p, out);
    else if (precedence == 0 && is(p, "if"))
        ok = parse_if(p, out);
    else
        ok = parse_primary(p, out) && parse_operators(p, precedence, out)
             && (precedence > 0 || parse_conditional(p, out));
    p->depth--;
    return ok;
}

/* expression; expression: the last one's value counts. */
static bool parse_sequence(struct parser *p, struct node **out)
{
    bool taken = false;

    if (!enter(p) || !parse_expression(p, 0, out))
        return false;
    while (is(p, ";")) {
        struct node *n = make(p, NODE_SEQUENCE, p->now.at);
        n->left = *out;
        if (!accept(p, ";", &taken))
            return false;
        if (p->now.kind == TOKEN_END)
            break;
        if (!parse_expression(p, 0, &n->right))
            return false;
        *out = n;
    }
    p->depth--;
    return true;
}

bool expr_compile(struct arena *a, struct str text, struct expr **out, struct err *e)
{
    struct expr *x = arena_new(a, struct expr, 1);
    struct parser p = { 0 };

    if (text.n > EXPR_TEXT_MAX)
        return err_set(e, ERR_LIMIT, "an expression of %zu bytes; at most %zu are read", text.n, EXPR_TEXT_MAX);
    x->text = arena_str(a, text);
    p.lexer = (struct lexer){ .a = a, .text = x->text, .e = e };
    if (!next(&p) || !parse_sequence(&p, &x->root))
        return false;
    if (p.now.kind != TOKEN_END)
        return unexpected(&p);
    *out = x;
    return true;
}
