/* Statements: walks a template's tree and writes straight into the output. */
#include <assert.h>
#include <pthread.h>

#include "template/funcs.h"

#define OUTPUT_MAX ((size_t)256 << 20)

enum { DEPTH_MAX = 1000, TEMPLATE_DEPTH_MAX = 100000, STACK_RESERVE = 128 << 10 };

enum walk { WALK_FAIL, WALK_ON, WALK_BREAK, WALK_CONTINUE };

static enum walk walk_list(struct template_call *c, struct value dot, const struct node *list);

/* Bytes of this thread's stack; templates may call each other as deeply as it allows. */
static size_t stack_bytes(char **lowest)
{
    static __thread size_t size;
    static __thread char *base;
    if (size == 0) {
        pthread_attr_t attr;
        void *p = NULL;
        size_t n = 0;
        if (pthread_getattr_np(pthread_self(), &attr) == 0) {
            pthread_attr_getstack(&attr, &p, &n);
            pthread_attr_destroy(&attr);
        }
        base = p;
        size = n;
    }
    *lowest = base;
    return size;
}

/* Asked only now and then: reading the bounds costs a system call. */
static bool stack_is_low(int depth)
{
    char *lowest, here;
    if (depth % 16 != 15)
        return false;
    return stack_bytes(&lowest) > 0 && (size_t)(&here - lowest) < STACK_RESERVE;
}

/* The limit that c->e names, with the place where it was passed. Always false. */
static bool fail_limit(struct template_call *c)
{
    exec_fail(c, "%s", c->e->text);
    c->e->kind = ERR_LIMIT;
    return false;
}

static void print_shown(struct buf *out, const struct value *v)
{
    const struct template_object *o = as_object(v);
    if (o != NULL && o->class->shown != NULL && type_tag(v) != TEMPLATE_COPY)
        buf_add(out, o->class->shown(out->a, o));
    else
        print_value(out, v);
}

static bool check_output(struct template_call *c)
{
    size_t max = c->options->output_max > 0 ? c->options->output_max : OUTPUT_MAX;
    if (c->out->n <= max)
        return true;
    exec_fail(c, "the output is larger than %zu bytes", max);
    c->e->kind = ERR_LIMIT;
    return false;
}

static bool print_result(struct template_call *c, const struct value *v)
{
    if (v->kind == VALUE_NULL)
        buf_add(c->out, S("<no value>"));
    else if (v->kind == VALUE_STRING && type_tag(v) != TEMPLATE_BYTES)
        buf_add(c->out, value_as_str(v));
    else if (can_print(c, v, 1, c->e))
        print_shown(c->out, v);
    else
        return fail_limit(c);
    return check_output(c);
}

static enum walk walk_action(struct template_call *c, struct value dot, const struct node *n)
{
    struct value v;
    if (!eval_pipeline(c, dot, n->control.pipe, &v))
        return WALK_FAIL;
    if (n->control.pipe->n_declared > 0)
        return WALK_ON;
    c->at = n;
    return print_result(c, &v) ? WALK_ON : WALK_FAIL;
}

static enum walk walk_condition(struct template_call *c, struct value dot, const struct node *n)
{
    struct value v;
    if (!eval_pipeline(c, dot, n->control.pipe, &v))
        return WALK_FAIL;
    if (!template_truth(&v))
        return walk_list(c, dot, n->control.otherwise);
    return walk_list(c, n->kind == NODE_WITH ? v : dot, n->control.body);
}

/* ---- range -------------------------------------------------------------------------------- */

static bool set_variable(struct template_call *c, const struct declaration *d, struct value v)
{
    if (d->slot == SLOT_UNDEFINED)
        return exec_fail(c, "undefined variable: %.*s", STR(d->name));
    c->vars[d->slot] = v;
    return true;
}

/* With one variable it gets the element, with two the first gets the index. */
static bool set_loop_variables(struct template_call *c, const struct node *pipe, struct value index,
                               struct value element)
{
    const struct declaration *d = pipe->pipe.declared;
    if (pipe->n_declared == 0)
        return true;
    if (pipe->n_declared == 1)
        return set_variable(c, &d[0], element);
    return set_variable(c, &d[0], index) && set_variable(c, &d[1], element);
}

static enum walk one_iteration(struct template_call *c, const struct node *n, struct value index, struct value element)
{
    if (!set_loop_variables(c, n->control.pipe, index, element))
        return WALK_FAIL;
    return walk_list(c, element, n->control.body);
}

static enum walk range_list(struct template_call *c, const struct node *n, const struct list *list,
                            enum template_type type)
{
    const struct list l = *list; /* appending to it in the body goes unseen */
    bool in_interface = type == TEMPLATE_PLAIN || type == TEMPLATE_NIL;
    for (size_t i = 0; i < l.n; i++) {
        enum walk w = one_iteration(c, n, value_int((int64_t)i), in_interface ? wrapped(l.v[i]) : l.v[i]);
        if (w == WALK_FAIL || w == WALK_BREAK)
            return w == WALK_FAIL ? w : WALK_ON;
    }
    return WALK_ON;
}

static enum walk range_map(struct template_call *c, const struct node *n, const struct map *m, enum template_type type)
{
    size_t count = m->n;
    const struct map_entry **sorted = map_sorted(c->a, m);
    struct map_entry *entries = arena_alloc_raw(c->a, (count + 1) * sizeof *entries);
    for (size_t i = 0; i < count; i++) /* a copy: the body may change the map */
        entries[i] = *sorted[i];
    for (size_t i = 0; i < count; i++) {
        struct value v =
            type == TEMPLATE_STRING_MAP /* a nil one has no entries */ ? entries[i].value : wrapped(entries[i].value);
        enum walk w = one_iteration(c, n, value_str(entries[i].key), v);
        if (w == WALK_FAIL || w == WALK_BREAK)
            return w == WALK_FAIL ? w : WALK_ON;
    }
    return WALK_ON;
}

static enum walk range_int(struct template_call *c, const struct node *n, const struct value *v)
{
    if (n->control.pipe->n_declared > 1) {
        exec_fail(c, "can't use %.*s to iterate over more than one variable", STR(text_of(c->a, v)));
        return WALK_FAIL;
    }
    for (int64_t i = 0; i < v->i; i++) {
        enum walk w = one_iteration(c, n, value_null(), tagged(value_int(i), type_tag(v)));
        if (w == WALK_FAIL || w == WALK_BREAK)
            return w == WALK_FAIL ? w : WALK_ON;
    }
    return WALK_ON;
}

static enum walk walk_range(struct template_call *c, struct value dot, const struct node *n)
{
    struct value v;
    if (!eval_pipeline(c, dot, n->control.pipe, &v))
        return WALK_FAIL;
    const struct map *m = map_in(c->a, &v);
    const struct list *l = list_in(c->a, &v);
    if (l != NULL && l->n > 0)
        return range_list(c, n, l, type_tag(&v));
    if (m != NULL && m->n > 0)
        return range_map(c, n, m, type_tag(&v));
    if (v.kind == VALUE_INT && (v.i > 0 || n->control.pipe->n_declared > 1))
        return range_int(c, n, &v);
    if (l != NULL || m != NULL || v.kind == VALUE_INT || v.kind == VALUE_NULL)
        return walk_list(c, dot, n->control.otherwise);
    exec_fail(c, "range can't iterate over %.*s", STR(text_of(c->a, &v)));
    return WALK_FAIL;
}

/* ---- nested templates --------------------------------------------------------------------- */

bool execute_tree(struct template_call *c, const struct tree *t, const struct value *dot)
{
    struct template_call outer = *c;
    c->tree = t;
    c->depth++;
    c->vars = arena_new(c->a, struct value, t->slots);
    c->vars[0] = *dot;
    bool ok = walk_list(c, *dot, t->root) != WALK_FAIL;
    c->tree = outer.tree;
    c->vars = outer.vars;
    c->depth = outer.depth;
    c->at = outer.at;
    return ok;
}

static enum walk walk_template(struct template_call *c, struct value dot, const struct node *n)
{
    const struct tree *t = set_find(c->set, n->invoke.name);
    struct value v = value_null();
    if (t == NULL) {
        struct buf name = { .a = c->a };
        quote_into(&name, n->invoke.name, '"', 0);
        exec_fail(c, "template %s not defined", name.p);
        return WALK_FAIL;
    }
    if (c->depth == TEMPLATE_DEPTH_MAX || stack_is_low(c->depth)) {
        exec_fail(c, "exceeded maximum template depth (%d)", TEMPLATE_DEPTH_MAX);
        return WALK_FAIL;
    }
    if (n->invoke.pipe != NULL && !eval_pipeline(c, dot, n->invoke.pipe, &v))
        return WALK_FAIL;
    return execute_tree(c, t, &v) ? WALK_ON : WALK_FAIL;
}

/* ---- lists -------------------------------------------------------------------------------- */

static enum walk walk(struct template_call *c, struct value dot, const struct node *n)
{
    c->at = n;
    if (c->options->trace != NULL)
        trace_add(c, n);
    switch ((int)n->kind) {
    case NODE_ACTION: return walk_action(c, dot, n);
    case NODE_IF:
    case NODE_WITH: return walk_condition(c, dot, n);
    case NODE_RANGE: return walk_range(c, dot, n);
    case NODE_TEMPLATE: return walk_template(c, dot, n);
    case NODE_BREAK: return WALK_BREAK;
    case NODE_CONTINUE: return WALK_CONTINUE;
    default: buf_add(c->out, n->text); return check_output(c) ? WALK_ON : WALK_FAIL;
    }
}

static enum walk walk_list(struct template_call *c, struct value dot, const struct node *list)
{
    for (const struct node *n = list; n != NULL; n = n->next) {
        enum walk w = walk(c, dot, n);
        if (w != WALK_ON)
            return w;
    }
    return call_spend(c, 1, c->e) || fail_limit(c) ? WALK_ON : WALK_FAIL;
}

/* ---- entry -------------------------------------------------------------------------------- */

bool template_execute(const struct template_set *set, struct arena *a, struct str name, const struct value *dot,
                      const struct template_options *o, struct buf *out, struct err *e)
{
    static const struct template_options none = { 0 };
    struct failing failing = { 0 };
    const struct tree *t = set_find(set, name);
    if (t == NULL)
        return err_set(e, ERR_NOT_FOUND, "template: no template \"%.*s\" associated with template \"gotpl\"",
                       STR(name));
    struct template_call c = {
        .set = set, .options = o != NULL ? o : &none, .a = a, .out = out, .e = e, .failing = &failing
    };
    struct template_budget own = { 0 };
    if (c.options->budget == NULL)
        own = template_budget(a, c.options->memory_max, c.options->steps_max);
    c.budget = c.options->budget != NULL ? c.options->budget : &own;
    bool ok = execute_tree(&c, t, dot);
    if (!ok && c.options->failure != NULL)
        *c.options->failure = failing.report;
    if (c.options->trace != NULL)
        c.options->trace->output = buf_str(out);
    return ok;
}

bool template_call_execute(struct template_call *call, const struct template_set *set, struct str name,
                           const struct value *dot, struct buf *out, struct err *e)
{
    int max = call->options->depth_max > 0 ? call->options->depth_max : DEPTH_MAX;
    const struct tree *t = set_find(set, name);
    if (t == NULL)
        return err_set(e, ERR_NOT_FOUND, "template: no template \"%.*s\" associated with template \"gotpl\"",
                       STR(name));
    if (call->nested == max || stack_is_low(call->nested))
        return err_set(e, ERR_LIMIT, "templates are nested more than %d deep", call->nested);
    struct template_call outer = *call;
    call->set = set;
    call->out = out;
    call->e = e;
    call->depth = 0;
    call->nested++;
    bool ok = execute_tree(call, t, dot);
    call->set = outer.set;
    call->out = outer.out;
    call->e = outer.e;
    call->depth = outer.depth;
    call->nested--;
    return ok;
}

struct arena *template_call_arena(struct template_call *call)
{
    return call->a;
}

void *template_call_user(struct template_call *call)
{
    return call->options->user;
}

const struct template_set *template_call_set(struct template_call *call)
{
    return call->set;
}
