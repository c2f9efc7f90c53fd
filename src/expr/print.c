/*
 * Go's %v, and function values.
 */
#include "data/gofmt.h"
#include "expr/internal.h"

static void print(struct buf *b, const struct value *v);

static void print_map(struct buf *b, const struct map *m)
{
    const struct map_entry **sorted = map_sorted(b->a, m);

    buf_c(b, "map[");
    for (size_t i = 0; i < m->n; i++) {
        buf_c(b, i > 0 ? " " : "");
        buf_add(b, sorted[i]->key);
        buf_byte(b, ':');
        print(b, &sorted[i]->value);
    }
    buf_byte(b, ']');
}

static void print_list(struct buf *b, const struct list *l)
{
    buf_byte(b, '[');
    for (size_t i = 0; i < l->n; i++) {
        buf_c(b, i > 0 ? " " : "");
        print(b, &l->v[i]);
    }
    buf_byte(b, ']');
}

static void print(struct buf *b, const struct value *v)
{
    char room[GO_FLOAT_MAX];

    switch ((enum value_kind)v->kind) {
    case VALUE_NULL: buf_c(b, "<nil>"); break;
    case VALUE_BOOL: buf_c(b, v->b ? "true" : "false"); break;
    case VALUE_INT: buf_fmt(b, "%lld", (long long)v->i); break;
    case VALUE_FLOAT: buf_add(b, go_float(room, v->f, 64)); break;
    case VALUE_STRING: buf_add(b, value_as_str(v)); break;
    case VALUE_LIST: print_list(b, v->list); break;
    case VALUE_MAP: print_map(b, v->map); break;
    case VALUE_OPAQUE: buf_add(b, (*(const struct expr_class *const *)v->opaque)->print(b->a, v->opaque)); break;
    }
}

struct str expr_print(struct arena *a, const struct value *v)
{
    struct buf b = { .a = a };

    if (v->kind == VALUE_STRING)
        return value_as_str(v);
    print(&b, v);
    return buf_str(&b);
}

static bool function_member(struct arena *a, const void *self, struct str name, struct value *out, struct err *e)
{
    return err_set(e, ERR_INVALID, "cannot fetch %.*s from a function", STR(name));
}

static struct str function_print(struct arena *a, const void *self)
{
    return S("func");
}

const struct expr_class expr_function_class = { "func", function_member, function_print };

struct value expr_function_value(struct arena *a,
                                 bool (*call)(struct arena *a, const struct expr_function *self,
                                              const struct value *args, size_t n, struct value *out, struct err *e),
                                 void *user)
{
    struct expr_function *f = arena_new(a, struct expr_function, 1);

    *f = (struct expr_function){ &expr_function_class, call, user };
    return (struct value){ .kind = VALUE_OPAQUE, .opaque = f };
}
