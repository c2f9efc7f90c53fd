/*
 * The evaluator walks the tree. Every node costs a step, and what grows by the data's size costs more, so that no
 * trigger can hold up the controller.
 */
#include <stdio.h>

#include "base/sys.h"
#include "expr/internal.h"

/* ---- limits and errors ---------------------------------------------------------------------------- */

bool run_fail(struct run *r, const char *fmt, ...)
{
    char words[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(words, sizeof words, fmt, args);
    va_end(args);
    return expr_fail(r->e, ERR_INVALID, r->x->text, r->at, "%s", words);
}

bool run_spend(struct run *r, size_t steps)
{
    if (steps > EXPR_STEPS_MAX - r->steps)
        return err_set(r->e, ERR_LIMIT, "expression needs more than %d steps", EXPR_STEPS_MAX);
    r->steps += steps;
    if (r->a->total - r->memory_start > EXPR_MEMORY_MAX)
        return err_set(r->e, ERR_LIMIT, "expression needs more than %zu MiB of memory", EXPR_MEMORY_MAX >> 20);
    return true;
}

/* ---- regular expressions -------------------------------------------------------------------------- */

static bool prepare_regex(struct run *r, struct str pattern)
{
    struct err why = { 0 };

    if (r->regex != NULL && str_eq(r->pattern, pattern))
        return true;
    regex_free(&r->regex);
    r->pattern = pattern;
    return regex_compile(pattern, &r->regex, &why) || run_fail(r, "%s", why.text);
}

bool run_match(struct run *r, struct str pattern, struct str subject, bool *found)
{
    int64_t start = clock_mono_ms();

    if (!run_spend(r, 1 + pattern.n / 8 + subject.n / 64) || !prepare_regex(r, pattern))
        return false;
    struct regex_span *spans = arena_new(r->a, struct regex_span, 1 + regex_groups(r->regex));
    if (!regex_match(r->regex, subject, 0, spans, found, r->e))
        return false;
    r->regex_ms += clock_mono_ms() - start;
    if (r->regex_ms > EXPR_REGEX_MS)
        return err_set(r->e, ERR_LIMIT, "expression needs more than %d ms for regular expressions", EXPR_REGEX_MS);
    return true;
}

/* ---- names ---------------------------------------------------------------------------------------- */

static void eval_name(const struct run *r, const struct node *n, struct value *out)
{
    const struct value *found = NULL;

    for (const struct variable *v = r->variables; v != NULL; v = v->outer) {
        if (!str_eq(v->name, n->text))
            continue;
        *out = v->value;
        return;
    }
    if (str_is(n->text, "$env")) {
        *out = *r->env;
        return;
    }
    if (r->env->kind == VALUE_MAP)
        found = map_get(r->env->map, n->text);
    *out = found != NULL ? *found : value_null();
}

static void eval_pointer(const struct run *r, const struct node *n, struct value *out)
{
    if (n->text.n == 0)
        *out = r->scope->element;
    else
        *out = str_is(n->text, "acc") ? r->scope->accumulator : value_int(r->scope->index);
}

/* ---- members and slices --------------------------------------------------------------------------- */

static bool fetch_item(struct run *r, const struct value *list, const struct value *key, struct value *out)
{
    int64_t i = 0;

    if (!want_int(r, key, "a list index", &i))
        return false;
    int64_t n = (int64_t)list->list->n, at = i < 0 ? i + n : i;
    if (at < 0 || at >= n)
        return run_fail(r, "index out of range: %lld (array length is %lld)", (long long)i, (long long)n);
    *out = list->list->v[at];
    return true;
}

bool fetch_member(struct run *r, const struct value *container, const struct value *key, struct value *out)
{
    struct str name = value_as_str(key);

    if (container->kind == VALUE_LIST)
        return fetch_item(r, container, key, out);
    if (container->kind == VALUE_MAP) {
        const struct value *found = NULL;
        if (key->kind == VALUE_STRING)
            found = map_get(container->map, name);
        else if (key->kind == VALUE_INT)
            found = map_get(container->map, expr_print(r->a, key));
        else
            return run_fail(r, "cannot use %s as a key of a map", type_name(key));
        *out = found != NULL ? *found : value_null();
        return true;
    }
    if (container->kind == VALUE_OPAQUE && key->kind == VALUE_STRING) {
        const struct expr_class *class = *(const struct expr_class *const *)container->opaque;
        struct err why = { 0 };
        return class->member(r->a, container->opaque, name, out, &why) || run_fail(r, "%s", why.text);
    }
    return run_fail(r, "cannot fetch %.*s from %s", STR(expr_print(r->a, key)), type_name(container));
}

/* A chain ends with nil at the first optional member of nil; *ended tells the chain. */
static bool eval_member(struct run *r, const struct node *n, struct value *out, bool *ended);

/* The operand of a member, call or slice, which may be such a part of a chain itself. */
static bool eval_link(struct run *r, const struct node *n, struct value *out, bool *ended)
{
    if (n->kind == NODE_MEMBER || n->kind == NODE_CALL || n->kind == NODE_SLICE)
        return eval_member(r, n, out, ended);
    return eval(r, n, out);
}

static bool slice_end(struct run *r, const struct node *n, int64_t length, int64_t otherwise, int64_t *out)
{
    struct value v;

    *out = otherwise;
    if (n == NULL)
        return true;
    if (!eval(r, n, &v) || !want_int(r, &v, "a slice's end", out))
        return false;
    if (*out < 0)
        *out += length;
    *out = *out < 0 ? 0 : *out > length ? length : *out;
    return true;
}

static bool eval_slice(struct run *r, const struct node *n, const struct value *of, struct value *out)
{
    int64_t length = of->kind == VALUE_STRING ? of->n : (int64_t)value_len(of), from = 0, to = 0;

    if (of->kind != VALUE_STRING && of->kind != VALUE_LIST)
        return run_fail(r, "cannot slice %s", type_name(of));
    if (!slice_end(r, n->right, length, 0, &from) || !slice_end(r, n->args[0], length, length, &to))
        return false;
    from = from > to ? to : from;
    if (of->kind == VALUE_STRING) {
        *out = value_str(str_slice(value_as_str(of), (size_t)from, (size_t)to));
        return true;
    }
    if (!run_spend(r, (size_t)(to - from)))
        return false;
    *out = value_list(r->a);
    for (int64_t i = from; i < to; i++)
        list_push(r->a, out->list, of->list->v[i]);
    return true;
}

static bool eval_args(struct run *r, const struct node *n, struct value **out)
{
    *out = arena_new(r->a, struct value, n->n);
    for (size_t i = 0; i < n->n; i++)
        if (!eval(r, n->args[i], &(*out)[i]))
            return false;
    return true;
}

static bool call_function(struct run *r, const struct node *n, const struct value *callee, struct value *out)
{
    const struct expr_function *f = object_of(callee, &expr_function_class);
    struct value *args = NULL;
    struct err why = { 0 };

    if (!eval_args(r, n, &args))
        return false;
    r->at = n->at;
    if (f == NULL)
        return run_fail(r, "%s is not a function", type_name(callee));
    if (f->call(r->a, f, args, n->n, out, &why))
        return true;
    if (why.kind == ERR_INVALID)
        return run_fail(r, "%s", why.text);
    *r->e = why;
    return false;
}

static bool eval_member(struct run *r, const struct node *n, struct value *out, bool *ended)
{
    struct value of, key;

    if (!run_spend(r, 1) || !eval_link(r, n->left, &of, ended))
        return false;
    *out = value_null();
    if (*ended)
        return true;
    r->at = n->at;
    if (n->kind == NODE_CALL)
        return call_function(r, n, &of, out);
    if (n->kind == NODE_SLICE)
        return eval_slice(r, n, &of, out);
    if (n->optional && of.kind == VALUE_NULL) {
        *ended = true;
        return true;
    }
    if (!eval(r, n->right, &key))
        return false;
    r->at = n->at;
    return fetch_member(r, &of, &key, out);
}

/* ---- operators ------------------------------------------------------------------------------------ */

static bool want_bool(struct run *r, const struct node *n, bool *out)
{
    struct value v;

    if (!eval(r, n, &v))
        return false;
    r->at = n->at;
    if (v.kind != VALUE_BOOL)
        return run_fail(r, "expected a bool, not %s", type_name(&v));
    *out = v.b;
    return true;
}

/* and, or, ??: the right side is evaluated only when it decides. */
static bool eval_binary(struct run *r, const struct node *n, struct value *out)
{
    struct value a, b;
    bool truth = false;

    if (n->op == OP_AND || n->op == OP_OR) {
        if (!want_bool(r, n->left, &truth))
            return false;
        if (truth == (n->op == OP_AND) && !want_bool(r, n->right, &truth))
            return false;
        *out = value_bool(truth);
        return true;
    }
    if (!eval(r, n->left, &a))
        return false;
    if (n->op == OP_COALESCE) {
        *out = a;
        return a.kind != VALUE_NULL || eval(r, n->right, out);
    }
    if (!eval(r, n->right, &b))
        return false;
    r->at = n->at;
    return apply_binary(r, n->op, &a, &b, out);
}

static bool eval_unary(struct run *r, const struct node *n, struct value *out)
{
    struct value a;

    if (!eval(r, n->left, &a))
        return false;
    r->at = n->at;
    return apply_unary(r, n->op, &a, out);
}

static bool eval_conditional(struct run *r, const struct node *n, struct value *out)
{
    bool truth = false;

    return want_bool(r, n->left, &truth) && eval(r, n->args[truth ? 0 : 1], out);
}

/* ---- the rest ------------------------------------------------------------------------------------- */

static bool eval_list(struct run *r, const struct node *n, struct value *out)
{
    struct value item;

    *out = value_list(r->a);
    for (size_t i = 0; i < n->n; i++) {
        if (!eval(r, n->args[i], &item))
            return false;
        list_push(r->a, out->list, item);
    }
    return true;
}

static bool eval_map(struct run *r, const struct node *n, struct value *out)
{
    struct value key, member;

    *out = value_map(r->a);
    for (size_t i = 0; i + 1 < n->n; i += 2) {
        if (!eval(r, n->args[i], &key) || !eval(r, n->args[i + 1], &member))
            return false;
        map_put(r->a, out->map, expr_print(r->a, &key), member);
    }
    return true;
}

static bool eval_let(struct run *r, const struct node *n, struct value *out)
{
    struct variable v = { .name = n->text, .outer = r->variables };

    if (!eval(r, n->left, &v.value))
        return false;
    r->variables = &v;
    bool ok = eval(r, n->right, out);
    r->variables = v.outer;
    return ok;
}

static bool eval_builtin(struct run *r, const struct node *n, struct value *out)
{
    struct value *args = NULL;

    if (!eval_args(r, n, &args))
        return false;
    r->at = n->at;
    return n->builtin->call(r, args, n->n, out);
}

static bool eval_predicate(struct run *r, const struct node *n, struct value *out)
{
    struct value list;

    if (!eval(r, n->args[0], &list))
        return false;
    r->at = n->at;
    return want_list(r, &list, n->predicate->name) && n->predicate->call(r, n, &list, out);
}

static bool eval_kind(struct run *r, const struct node *n, struct value *out)
{
    bool ended = false;

    switch (n->kind) {
    case NODE_LITERAL: *out = n->value; return true;
    case NODE_NAME: eval_name(r, n, out); return true;
    case NODE_POINTER: eval_pointer(r, n, out); return true;
    case NODE_UNARY: return eval_unary(r, n, out);
    case NODE_BINARY: return eval_binary(r, n, out);
    case NODE_CONDITIONAL: return eval_conditional(r, n, out);
    case NODE_MEMBER:
    case NODE_SLICE:
    case NODE_CALL: return eval_member(r, n, out, &ended);
    case NODE_CHAIN: return eval_link(r, n->left, out, &ended);
    case NODE_BUILTIN: return eval_builtin(r, n, out);
    case NODE_PREDICATE: return eval_predicate(r, n, out);
    case NODE_LIST: return eval_list(r, n, out);
    case NODE_MAP: return eval_map(r, n, out);
    case NODE_LET: return eval_let(r, n, out);
    case NODE_SEQUENCE: return eval(r, n->left, out) && eval(r, n->right, out);
    }
    return false;
}

bool eval(struct run *r, const struct node *n, struct value *out)
{
    if (r->depth >= EXPR_EVAL_DEPTH_MAX)
        return err_set(r->e, ERR_LIMIT, "expression is more than %d operands deep", EXPR_EVAL_DEPTH_MAX);
    if (!run_spend(r, 1))
        return false;
    r->depth++;
    bool ok = eval_kind(r, n, out);
    r->depth--;
    return ok;
}

bool expr_run(struct arena *a, const struct expr *x, const struct value *env, struct value *out, struct err *e)
{
    struct run r = { .a = a, .x = x, .env = env, .e = e, .memory_start = a->total };
    struct value v = value_null();
    bool ok = eval(&r, x->root, &v);

    regex_free(&r.regex);
    if (ok)
        *out = v;
    return ok;
}
