/*
 * Expressions: pipelines, commands, field chains. Go evaluates them with reflect.Values; what of that can be seen - nil
 * inside an interface or not - travels in the tag (TAG_WRAPPED).
 */
#include <assert.h>

#include "template/internal.h"

/* ---- constants ---------------------------------------------------------------------------- */

static bool spelled_as_float(struct str s)
{
    bool hex = s.n > 2 && s.p[0] == '0' && (s.p[1] | 0x20) == 'x' && memchr(s.p, 'p', s.n) == NULL
               && memchr(s.p, 'P', s.n) == NULL;
    if (hex || s.p[0] == '\'')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (strchr(".eEpP", s.p[i]) != NULL)
            return true;
    return false;
}

/* The value of a number literal where no type is wanted. */
static bool ideal_number(struct template_call *c, const struct node *n, struct value *out)
{
    const struct number *number = n->constant.number;
    if (number->is_complex)
        *out = complex_value(c->a, number->f, number->imaginary);
    else if (number->is_float && spelled_as_float(number->text))
        *out = value_float(number->f);
    else if (number->is_int)
        *out = value_int(number->i);
    else
        return exec_fail(c, "%.*s overflows int", STR(number->text));
    return true;
}

static bool eval_constant(struct template_call *c, const struct node *n, struct value *out)
{
    if (n->kind == NODE_NUMBER)
        return ideal_number(c, n, out);
    *out = n->constant.value;
    return true;
}

/* ---- fields ------------------------------------------------------------------------------- */

static const char *type_in_message(struct template_call *c, const struct value *v)
{
    return v->tag & TAG_WRAPPED ? "interface {}" : arena_c(c->a, template_type_name(v));
}

/* A key of a map, where a missing one gives what the options say. */
static bool map_field(struct template_call *c, const struct value *v, const struct map *m, struct str name,
                      struct value *out)
{
    const struct value *there = map_get(m, name);
    bool strings = is_string_map(v);
    if (there != NULL) {
        *out = strings ? *there : wrapped(*there);
        return true;
    }
    switch (c->options->missing) {
    case TEMPLATE_MISSING_ZERO: *out = strings ? value_str(S("")) : wrapped(value_null()); return true;
    case TEMPLATE_MISSING_ERROR: return exec_fail(c, "map has no entry for key \"%.*s\"", STR(name));
    case TEMPLATE_MISSING_DEFAULT: *out = value_null(); return true;
    }
    return false;
}

static bool eval_args(struct template_call *c, struct value dot, const char *params, const struct node *args,
                      const struct value *final, struct value *out);

static size_t count_args(const struct node *args, const struct value *final)
{
    size_t n = final != NULL;
    for (; args != NULL; args = args->next)
        n++;
    return n;
}

/* What a chain of names is evaluated with. */
struct chain {
    struct value dot;
    const struct node *path;
    const struct node *args; /* of the last name */
    const struct value *final;
};

static bool check_count(struct template_call *c, const struct template_func *f, size_t explicit_args, bool piped);

/* The arguments of a method, checked against what its class says of it. */
static bool method_args(struct template_call *c, const struct chain *k, const struct template_object *o,
                        struct str name, struct value *values, size_t n)
{
    const char *params = o->class->params != NULL ? o->class->params(o, name) : NULL;
    struct template_func f = { .name = arena_c(c->a, name), .params = params };
    if (params == NULL && o->class->params != NULL && n > 0)
        return exec_fail(c, "%s is not a method but has arguments", f.name);
    if (params != NULL && !check_count(c, &f, n - (k->final != NULL), k->final != NULL))
        return false;
    return eval_args(c, k->dot, params, k->args, k->final, values);
}

/* A method or field of an object. *found is false when it has none of that name. */
static bool object_member(struct template_call *c, const struct chain *k, const struct template_object *o,
                          struct str name, struct value *out, bool *found)
{
    size_t n = count_args(k->args, k->final);
    struct value *values = arena_alloc_raw(c->a, (n + 1) * sizeof *values);
    const struct node *at = c->at;
    *found = true;
    if (!method_args(c, k, o, name, values, n))
        return false;
    if (o->class->member(c, o, name, values, n, out, c->e)) {
        *out = unwrapped(*out);
        return true;
    }
    *found = c->e->kind != ERR_NOT_FOUND;
    c->at = c->e->kind == ERR_DENIED || !*found ? at : k->path;
    if (!*found)
        return true;
    return c->e->kind == ERR_DENIED ? exec_fail(c, "%s", c->e->text) : exec_fail_call(c, name);
}

static bool field_of_nil(struct template_call *c, const struct value *receiver, struct str name, struct value *out)
{
    *out = value_null();
    if (receiver->tag & TAG_WRAPPED)
        return exec_fail(c, "nil pointer evaluating interface {}.%.*s", STR(name));
    if (c->options->missing == TEMPLATE_MISSING_ERROR)
        return exec_fail(c, "nil data; no entry for key \"%.*s\"", STR(name));
    return true;
}

static bool eval_field(struct template_call *c, const struct chain *k, struct value receiver, struct str name,
                       struct value *out)
{
    if (receiver.kind == VALUE_NULL)
        return field_of_nil(c, &receiver, name, out);
    const struct template_object *o = as_object(&receiver);
    if (o == NULL)
        o = common_values_method(c->a, &receiver, name);
    if (o != NULL) {
        bool found, ok = object_member(c, k, o, name, out, &found);
        if (!ok || found)
            return ok;
    }
    const struct map *m = map_in(c->a, &receiver);
    if (m == NULL)
        return exec_fail(c, "can't evaluate field %.*s in type %s", STR(name), type_in_message(c, &receiver));
    if (k->args != NULL || k->final != NULL)
        return exec_fail(c, "%.*s is not a method but has arguments", STR(name));
    return map_field(c, &receiver, m, name, out);
}

static bool eval_names(struct template_call *c, struct value dot, struct value v, const struct node *path,
                       const struct node *args, const struct value *final, struct value *out)
{
    struct chain inner = { dot, path, NULL, NULL }, last = { dot, path, args, final };
    for (uint32_t i = 0; i + 1 < path->path.n; i++)
        if (!eval_field(c, &inner, v, path->path.names[i], &v))
            return false;
    return eval_field(c, &last, v, path->path.names[path->path.n - 1], out);
}

static bool not_a_function(struct template_call *c, const struct node *first, const struct node *args,
                           const struct value *final)
{
    if (args == NULL && final == NULL)
        return true;
    struct str text = node_str(c->a, first);
    return exec_fail(c, "can't give argument to non-function %.*s", STR(text));
}

static bool eval_variable(struct template_call *c, struct value dot, const struct node *n, const struct node *args,
                          const struct value *final, struct value *out)
{
    c->at = n;
    if (n->path.slot == SLOT_UNDEFINED)
        return exec_fail(c, "undefined variable: %.*s", STR(n->path.name));
    struct value v = c->vars[n->path.slot];
    if (n->path.n > 0)
        return eval_names(c, dot, v, n, args, final, out);
    *out = v;
    return not_a_function(c, n, args, final);
}

static bool eval_chain(struct template_call *c, struct value dot, const struct node *n, const struct node *args,
                       const struct value *final, struct value *out)
{
    struct value base;
    c->at = n;
    return eval_arg(c, dot, 0, n->path.base, &base) && eval_names(c, dot, base, n, args, final, out);
}

/* ---- arguments ---------------------------------------------------------------------------- */

static const char *type_of_letter(char letter)
{
    switch (letter) {
    case 's': return "string";
    case 'i': return "int";
    case 'I': return "int64";
    case 'u': return "uint32";
    case 'f': return "float64";
    case 'b': return "bool";
    case 'm': return "map[string]interface {}";
    case 'n': return "map[string]string";
    case 'l': return "[]interface {}";
    case 't': return "time.Time";
    case 'd': return "time.Duration";
    case 'c': return "sprig.certificate";
    case 'r': return "reflect.Value";
    default: return "interface {}";
    }
}

static bool is_assignable(const struct value *v, char letter)
{
    enum template_type type = type_tag(v);
    switch (letter) {
    case 's': return v->kind == VALUE_STRING && type == TEMPLATE_PLAIN;
    case 'i': return v->kind == VALUE_INT && type == TEMPLATE_PLAIN;
    case 'I': return v->kind == VALUE_INT && type == TEMPLATE_INT64;
    case 'u': return false;
    case 'f': return v->kind == VALUE_FLOAT;
    case 'b': return v->kind == VALUE_BOOL;
    case 'm': return v->kind == VALUE_MAP && !is_string_map(v);
    case 'n': return is_string_map(v);
    case 'l': return v->kind == VALUE_LIST && (type == TEMPLATE_PLAIN || type == TEMPLATE_NIL);
    case 't':
    case 'd':
    case 'c': return v->kind == VALUE_OPAQUE && strcmp(template_type_name(v).p, type_of_letter(letter)) == 0;
    default: return true;
    }
}

bool validate(struct template_call *c, struct value v, char letter, struct value *out)
{
    bool takes_nil = strchr("vrmnl", letter) != NULL; /* also for letter 0 */
    *out = letter == 'r' || letter == 0 ? v : unwrapped(v);
    if (v.kind == VALUE_NULL && !(v.tag & TAG_WRAPPED))
        return takes_nil || exec_fail(c, "invalid value; expected %s", type_of_letter(letter));
    if (letter == 'v' || letter == 'r' || letter == 0 || (v.kind != VALUE_NULL && is_assignable(&v, letter)))
        return true;
    const char *got = v.kind == VALUE_NULL ? "interface {}" : arena_c(c->a, template_type_name(&v));
    return exec_fail(c, "wrong type for value; expected %s; got %s", type_of_letter(letter), got);
}

/* A literal for a parameter of fixed type. */
static bool eval_typed_constant(struct template_call *c, char letter, const struct node *n, struct value *out)
{
    const struct number *number = n->kind == NODE_NUMBER ? n->constant.number : NULL;
    const char *want = "bool";
    switch (letter) {
    case 's':
        want = "string";
        if (n->kind == NODE_STRING) {
            *out = n->constant.value;
            return true;
        }
        break;
    case 'i':
    case 'I':
    case 'd':
        want = "integer";
        if (number != NULL && number->is_int) {
            *out = tagged(value_int(number->i), letter == 'i' ? TEMPLATE_PLAIN : TEMPLATE_INT64);
            return true;
        }
        break;
    case 'u':
        want = "unsigned integer";
        if (number != NULL && number->is_uint) {
            *out = value_int((int64_t)(uint32_t)number->u);
            return true;
        }
        break;
    case 'f':
        want = "float";
        if (number != NULL && number->is_float) {
            *out = value_float(number->f);
            return true;
        }
        break;
    case 'b':
        if (n->kind == NODE_BOOL) {
            *out = n->constant.value;
            return true;
        }
        break;
    default: {
        struct str text = node_str(c->a, n);
        return exec_fail(c, "can't handle %.*s for arg of type %s", STR(text), type_of_letter(letter));
    }
    }
    struct str text = node_str(c->a, n);
    return exec_fail(c, "expected %s; found %.*s", want, STR(text));
}

bool eval_arg(struct template_call *c, struct value dot, char letter, const struct node *n, struct value *out)
{
    struct value v = value_null();
    bool ok = true;
    c->at = n;
    switch ((int)n->kind) {
    case NODE_DOT: v = dot; break;
    case NODE_NIL:
        *out = value_null();
        if (letter == 0 || strchr("vrmnl", letter) != NULL)
            return true;
        return exec_fail(c, "cannot assign nil to %s", type_of_letter(letter));
    case NODE_FIELD: ok = eval_names(c, dot, dot, n, NULL, NULL, &v); break;
    case NODE_VARIABLE: ok = eval_variable(c, dot, n, NULL, NULL, &v); break;
    case NODE_PIPE: ok = eval_pipeline(c, dot, n, &v); break;
    case NODE_IDENTIFIER: ok = eval_function(c, dot, n, n, NULL, NULL, &v); break;
    case NODE_CHAIN: ok = eval_chain(c, dot, n, NULL, NULL, &v); break;
    default:
        if (letter != 'v' && letter != 'r' && letter != 0)
            return eval_typed_constant(c, letter, n, out);
        return eval_constant(c, n, out);
    }
    return ok && validate(c, v, letter, out);
}

/* ---- calls -------------------------------------------------------------------------------- */

/* The letter of parameter i; the last one repeats. NULL: any. */
static char letter_at(const char *params, size_t i)
{
    if (params == NULL)
        return 'v';
    size_t n = strcspn(params, "+");
    return params[i < n ? i : n - 1];
}

static bool eval_args(struct template_call *c, struct value dot, const char *params, const struct node *args,
                      const struct value *final, struct value *out)
{
    size_t n = 0;
    for (; args != NULL; args = args->next, n++)
        if (!eval_arg(c, dot, letter_at(params, n), args, &out[n]))
            return false;
    return final == NULL || validate(c, *final, letter_at(params, n), &out[n]);
}

static bool check_count(struct template_call *c, const struct template_func *f, size_t explicit_args, bool piped)
{
    size_t n = explicit_args + piped;
    size_t least = f->params != NULL ? strcspn(f->params, "+") : (size_t)f->least;
    bool variadic = f->params != NULL ? f->params[least] == '+' : f->most < 0;
    least -= f->params != NULL && variadic;
    if (variadic && n < least)
        return exec_fail(c, "wrong number of args for %s: want at least %zu got %zu", f->name, least, explicit_args);
    if (!variadic && f->params == NULL && f->most != f->least && n >= least && n <= (size_t)f->most)
        return true;
    if (!variadic && n != least)
        return exec_fail(c, "wrong number of args for %s: want %zu got %zu", f->name, least, n);
    return true;
}

/* and, or: nothing is evaluated after the argument that decides. */
static bool eval_junction(struct template_call *c, struct value dot, bool is_or, const struct node *args,
                          const struct value *final, struct value *out)
{
    for (; args != NULL; args = args->next) {
        if (!eval_arg(c, dot, 'r', args, out))
            return false;
        if (template_truth(out) == is_or)
            return true;
    }
    if (final != NULL)
        *out = *final;
    return true;
}

/* The steps of a call: most functions look once at all of what they are given. */
static int64_t cost_of(const struct value *args, size_t n)
{
    int64_t cost = 1;
    for (size_t i = 0; i < n; i++) {
        if (args[i].kind == VALUE_STRING)
            cost += args[i].n / 256;
        else if (args[i].kind == VALUE_LIST)
            cost += (int64_t)(args[i].list->n / 64);
    }
    return cost;
}

static bool call_function(struct template_call *c, const struct node *identifier, const struct node *call,
                          const struct value *values, size_t n, struct value *out)
{
    const struct template_func *f = identifier->identifier.func;
    c->callee = call->kind == NODE_COMMAND ? call->command.args->next : NULL;
    /* no err of its own here: includes nest deeply and threads' stacks are small */
    if (call_spend(c, cost_of(values, n), c->e) && f->fn(c, values, n, out, c->e)) {
        *out = out->kind == VALUE_OPAQUE ? tagged(*out, TEMPLATE_COPY) : unwrapped(*out);
        return true;
    }
    c->at = call;
    return exec_fail_call(c, str_c(f->name));
}

bool eval_function(struct template_call *c, struct value dot, const struct node *identifier, const struct node *call,
                   const struct node *args, const struct value *final, struct value *out)
{
    enum { FEW = 6 };
    struct value few[FEW];
    const struct template_func *f = identifier->identifier.func;
    size_t n = count_args(args, final);
    c->at = identifier;
    if (!check_count(c, f, n - (final != NULL), final != NULL))
        return false;
    if (identifier->identifier.builtin && (f->fn == builtin_and || f->fn == builtin_or))
        return eval_junction(c, dot, f->fn == builtin_or, args, final, out);
    struct value *values = n <= FEW ? few : arena_alloc_raw(c->a, n * sizeof *values);
    return eval_args(c, dot, f->params, args, final, values) && call_function(c, identifier, call, values, n, out);
}

/* ---- commands and pipelines --------------------------------------------------------------- */

bool eval_command(struct template_call *c, struct value dot, const struct node *command, const struct value *final,
                  struct value *out)
{
    const struct node *first = command->command.args, *args = first->next;
    switch ((int)first->kind) {
    case NODE_FIELD: c->at = first; return eval_names(c, dot, dot, first, args, final, out);
    case NODE_CHAIN: return eval_chain(c, dot, first, args, final, out);
    case NODE_IDENTIFIER: return eval_function(c, dot, first, command, args, final, out);
    case NODE_VARIABLE: return eval_variable(c, dot, first, args, final, out);
    case NODE_PIPE: return not_a_function(c, first, args, final) && eval_pipeline(c, dot, first, out);
    default: break;
    }
    c->at = first;
    if (!not_a_function(c, first, args, final))
        return false;
    *out = dot;
    if (first->kind == NODE_NIL)
        return exec_fail(c, "nil is not a command");
    return first->kind == NODE_DOT || eval_constant(c, first, out);
}

bool eval_pipeline(struct template_call *c, struct value dot, const struct node *pipe, struct value *out)
{
    struct value v = value_null();
    const struct value *final = NULL;
    c->at = pipe;
    for (const struct node *command = pipe->pipe.commands; command != NULL; command = command->next) {
        struct value made;
        if (!eval_command(c, dot, command, final, &made))
            return false;
        v = unwrapped(made); /* Go digs down one level here, so nil becomes "no value" */
        final = &v;
    }
    for (size_t i = 0; i < pipe->n_declared; i++) {
        const struct declaration *d = &pipe->pipe.declared[i];
        if (d->slot == SLOT_UNDEFINED)
            return exec_fail(c, "undefined variable: %.*s", STR(d->name));
        c->vars[d->slot] = v;
    }
    *out = v;
    return true;
}
