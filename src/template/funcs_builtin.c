/* The functions of the language itself. They take reflect.Values: whether nil is wrapped can be seen in their messages.
 */
#include "template/funcs.h"

static bool is_invalid(const struct value *v)
{
    return v->kind == VALUE_NULL && !(v->tag & TAG_WRAPPED);
}

/* ---- truth -------------------------------------------------------------------------------- */

/* and, or are evaluated argument by argument in eval.c; these serve calls from C. */
bool builtin_and(struct template_call *call, const struct value *args, size_t n, struct value *out, struct err *e)
{
    size_t i = 0;
    while (i + 1 < n && template_truth(&args[i]))
        i++;
    *out = args[i];
    return true;
}

bool builtin_or(struct template_call *call, const struct value *args, size_t n, struct value *out, struct err *e)
{
    size_t i = 0;
    while (i + 1 < n && !template_truth(&args[i]))
        i++;
    *out = args[i];
    return true;
}

static bool builtin_not(struct template_call *call, const struct value *args, size_t n, struct value *out,
                        struct err *e)
{
    *out = value_bool(!template_truth(&args[0]));
    return true;
}

/* ---- comparison --------------------------------------------------------------------------- */

enum basic { BASIC_NONE, BASIC_BOOL, BASIC_COMPLEX, BASIC_INT, BASIC_FLOAT, BASIC_STRING, BASIC_UINT };

static enum basic basic_kind(const struct value *v)
{
    switch ((enum value_kind)v->kind) {
    case VALUE_BOOL: return BASIC_BOOL;
    case VALUE_INT: return type_tag(v) == TEMPLATE_UINT64 || type_tag(v) == TEMPLATE_UINT8 ? BASIC_UINT : BASIC_INT;
    case VALUE_FLOAT: return BASIC_FLOAT;
    case VALUE_STRING: return type_tag(v) == TEMPLATE_BYTES ? BASIC_NONE : BASIC_STRING;
    case VALUE_OPAQUE: return strcmp(go_kind(v), "complex128") == 0 ? BASIC_COMPLEX : BASIC_NONE;
    case VALUE_NULL:
    case VALUE_LIST:
    case VALUE_MAP: break;
    }
    return BASIC_NONE;
}

/* Signed with unsigned: -1 0 1. */
static int compare_signs(const struct value *a, const struct value *b, bool a_signed)
{
    if (a_signed ? a->i < 0 : b->i < 0)
        return a_signed ? -1 : 1;
    return (uint64_t)a->i < (uint64_t)b->i ? -1 : (uint64_t)a->i > (uint64_t)b->i;
}

static bool incompatible(const struct value *a, const struct value *b, struct err *e)
{
    return err_set(e, ERR_INVALID, "incompatible types for comparison: %.*s and %.*s", STR(template_type_name(a)),
                   STR(template_type_name(b)));
}

static bool is_go_nil(const struct value *v)
{
    return v->kind == VALUE_NULL || (v->kind == VALUE_LIST && is_nil_list(v));
}

static struct str shown_as(struct template_call *call, const char *verb, const struct value *v)
{
    struct buf b = { .a = call->a };
    go_printf(call, &b, str_c(verb), v, 1);
    return buf_str(&b);
}

static bool equal_others(struct template_call *call, const struct value *a, const struct value *b, bool *out,
                         struct err *e)
{
    *out = is_go_nil(a) && is_go_nil(b);
    if (is_go_nil(a) || is_go_nil(b))
        return true;
    if (a->kind == VALUE_OPAQUE && b->kind == VALUE_OPAQUE) {
        struct arena *arena = template_call_arena(call);
        *out = a->opaque == b->opaque
               || (str_is(template_type_name(a), "time.Time") && str_eq(text_of(arena, a), text_of(arena, b)));
        return true;
    }
    if (strcmp(go_kind(a), go_kind(b)) != 0)
        return err_set(e, ERR_INVALID, "non-comparable types %.*s: %.*s, %.*s: %.*s", STR(shown_as(call, "%s", a)),
                       STR(template_type_name(a)), STR(template_type_name(b)), STR(shown_as(call, "%v", b)));
    return err_set(e, ERR_INVALID, "non-comparable type %.*s: %.*s", STR(shown_as(call, "%s", b)),
                   STR(template_type_name(b)));
}

static bool equal(struct template_call *call, const struct value *a, const struct value *b, bool *out, struct err *e)
{
    struct value plain[] = { as_number(a), as_number(b) };
    enum basic x = basic_kind(&plain[0]), y = basic_kind(&plain[1]);
    *out = false;
    if ((x == BASIC_INT && y == BASIC_UINT) || (x == BASIC_UINT && y == BASIC_INT)) {
        *out = compare_signs(&plain[0], &plain[1], x == BASIC_INT) == 0;
        return true;
    }
    if (x != y)
        return a->kind == VALUE_NULL || b->kind == VALUE_NULL || incompatible(a, b, e);
    a = &plain[0];
    b = &plain[1];
    switch (x) {
    case BASIC_BOOL: *out = a->b == b->b; break;
    case BASIC_INT:
    case BASIC_UINT: *out = a->i == b->i; break;
    case BASIC_FLOAT: *out = a->f == b->f; break;
    case BASIC_STRING: *out = str_eq(value_as_str(a), value_as_str(b)); break;
    case BASIC_COMPLEX:
        *out = str_eq(text_of(template_call_arena(call), a), text_of(template_call_arena(call), b));
        break;
    case BASIC_NONE: return equal_others(call, a, b, out, e);
    }
    return true;
}

static bool builtin_eq(struct template_call *call, const struct value *args, size_t n, struct value *out, struct err *e)
{
    bool same = false;
    if (n == 1)
        return err_set(e, ERR_INVALID, "missing argument for comparison");
    for (size_t i = 1; i < n && !same; i++)
        if (!equal(call, &args[0], &args[i], &same, e))
            return false;
    *out = value_bool(same);
    return true;
}

static bool builtin_ne(struct template_call *call, const struct value *args, size_t n, struct value *out, struct err *e)
{
    bool same;
    if (!equal(call, &args[0], &args[1], &same, e))
        return false;
    *out = value_bool(!same);
    return true;
}

static bool less(const struct value *a, const struct value *b, bool *out, struct err *e)
{
    struct value plain[] = { as_number(a), as_number(b) };
    enum basic x = basic_kind(&plain[0]), y = basic_kind(&plain[1]);
    if (x == BASIC_NONE || y == BASIC_NONE)
        return err_set(e, ERR_INVALID, "invalid type for comparison");
    if ((x == BASIC_INT && y == BASIC_UINT) || (x == BASIC_UINT && y == BASIC_INT)) {
        *out = compare_signs(&plain[0], &plain[1], x == BASIC_INT) < 0;
        return true;
    }
    if (x != y)
        return incompatible(a, b, e);
    a = &plain[0];
    b = &plain[1];
    if (x == BASIC_BOOL || x == BASIC_COMPLEX)
        return err_set(e, ERR_INVALID, "invalid type for comparison");
    *out = x == BASIC_STRING  ? str_cmp(value_as_str(a), value_as_str(b)) < 0
           : x == BASIC_FLOAT ? a->f < b->f
           : x == BASIC_UINT  ? (uint64_t)a->i < (uint64_t)b->i
                              : a->i < b->i;
    return true;
}

static bool less_or_equal(struct template_call *call, const struct value *a, const struct value *b, bool *out,
                          struct err *e)
{
    return less(a, b, out, e) && (*out || equal(call, a, b, out, e));
}

static bool builtin_lt(struct template_call *call, const struct value *args, size_t n, struct value *out, struct err *e)
{
    bool yes;
    if (!less(&args[0], &args[1], &yes, e))
        return false;
    *out = value_bool(yes);
    return true;
}

static bool builtin_ge(struct template_call *call, const struct value *args, size_t n, struct value *out, struct err *e)
{
    bool yes;
    if (!less(&args[0], &args[1], &yes, e))
        return false;
    *out = value_bool(!yes);
    return true;
}

static bool builtin_le(struct template_call *call, const struct value *args, size_t n, struct value *out, struct err *e)
{
    bool yes;
    if (!less_or_equal(call, &args[0], &args[1], &yes, e))
        return false;
    *out = value_bool(yes);
    return true;
}

static bool builtin_gt(struct template_call *call, const struct value *args, size_t n, struct value *out, struct err *e)
{
    bool yes;
    if (!less_or_equal(call, &args[0], &args[1], &yes, e))
        return false;
    *out = value_bool(!yes);
    return true;
}

/* ---- containers --------------------------------------------------------------------------- */

static bool builtin_len(struct template_call *call, const struct value *args, size_t n, struct value *out,
                        struct err *e)
{
    const struct value *v = &args[0];
    const struct map *m = map_in(template_call_arena(call), v);
    const struct list *l = v->kind == VALUE_STRING ? NULL : list_in(template_call_arena(call), v);
    if (is_invalid(v))
        return err_set(e, ERR_INVALID, "reflect: call of reflect.Value.Type on zero Value");
    if (v->kind == VALUE_NULL)
        return err_set(e, ERR_INVALID, "len of nil pointer");
    struct str type = template_type_name(v);
    if (type.n > 0 && type.p[0] == '*') /* Go looks behind the pointer */
        str_cut(&type, 1);
    if (v->kind != VALUE_STRING && m == NULL && l == NULL)
        return err_set(e, ERR_INVALID, "len of type %.*s", STR(type));
    *out = value_int((int64_t)(m != NULL ? m->n : l != NULL ? l->n : v->n));
    return true;
}

/* The position that `index` names in something of `n` elements; n itself passes here and fails later, as in Go. */
static bool index_number(const struct value *index, size_t n, size_t *out, struct err *e)
{
    struct value number = as_number(index);
    if (index->kind == VALUE_NULL)
        return err_set(e, ERR_INVALID, "cannot index slice/array with nil");
    if (number.kind != VALUE_INT)
        return err_set(e, ERR_INVALID, "cannot index slice/array with type %.*s", STR(template_type_name(index)));
    index = &number;
    if (index->i < 0 || (uint64_t)index->i > n)
        return err_set(e, ERR_INVALID, "index out of range: %lld", (long long)index->i);
    *out = (size_t)index->i;
    return true;
}

static bool index_list(const struct list *l, const struct value *index, struct value *out, struct err *e)
{
    size_t i;
    if (!index_number(index, l->n, &i, e))
        return false;
    if (i == l->n)
        return err_set(e, ERR_INVALID, "reflect: slice index out of range");
    *out = l->v[i];
    return true;
}

static bool index_string(const struct value *v, const struct value *index, struct value *out, struct err *e)
{
    size_t i;
    if (!index_number(index, v->n, &i, e))
        return false;
    if (i == v->n)
        return err_set(e, ERR_INVALID, "reflect: string index out of range");
    *out = tagged(value_int((uint8_t)v->s[i]), TEMPLATE_UINT8);
    return true;
}

static bool index_map(const struct value *v, const struct map *m, const struct value *key, struct value *out,
                      struct err *e)
{
    bool strings = is_string_map(v);
    if (key->kind == VALUE_NULL)
        return err_set(e, ERR_INVALID, "value is nil; should be of type string");
    if (key->kind != VALUE_STRING || type_tag(key) == TEMPLATE_BYTES)
        return err_set(e, ERR_INVALID, "value has type %.*s; should be string", STR(template_type_name(key)));
    const struct value *there = map_get(m, value_as_str(key));
    *out = there != NULL ? *there : strings ? value_str(S("")) : value_null();
    return true;
}

static bool index_one(struct template_call *call, const struct value *v, const struct value *index, struct value *out,
                      struct err *e)
{
    const struct map *m = map_in(template_call_arena(call), v);
    const struct list *l = v->kind == VALUE_STRING ? NULL : list_in(template_call_arena(call), v);
    if (v->kind == VALUE_NULL)
        return err_set(e, ERR_INVALID, "index of nil pointer");
    if (m != NULL)
        return index_map(v, m, index, out, e);
    if (l != NULL)
        return index_list(l, index, out, e);
    if (v->kind == VALUE_STRING)
        return index_string(v, index, out, e);
    return err_set(e, ERR_INVALID, "can't index item of type %.*s", STR(template_type_name(v)));
}

static bool builtin_index(struct template_call *call, const struct value *args, size_t n, struct value *out,
                          struct err *e)
{
    struct value v = unwrapped(args[0]);
    if (v.kind == VALUE_NULL)
        return err_set(e, ERR_INVALID, "index of untyped nil");
    for (size_t i = 1; i < n; i++)
        if (!index_one(call, &v, &args[i], &v, e))
            return false;
    *out = v;
    return true;
}

/* slice x i j: strings and lists. */
static bool builtin_slice(struct template_call *call, const struct value *args, size_t n, struct value *out,
                          struct err *e)
{
    struct value v = unwrapped(args[0]);
    size_t size = v.kind == VALUE_LIST ? v.list->n : v.n, bounds[3] = { 0, size, size };
    if (v.kind == VALUE_NULL)
        return err_set(e, ERR_INVALID, "slice of untyped nil");
    if (n > 4)
        return err_set(e, ERR_INVALID, "too many slice indexes: %zu", n - 1);
    if (v.kind != VALUE_LIST && v.kind != VALUE_STRING)
        return err_set(e, ERR_INVALID, "can't slice item of type %.*s", STR(template_type_name(&v)));
    if (v.kind == VALUE_STRING && n == 4)
        return err_set(e, ERR_INVALID, "cannot 3-index slice a string");
    for (size_t i = 1; i < n; i++)
        if (!index_number(&args[i], size, &bounds[i - 1], e))
            return false;
    if (bounds[0] > bounds[1])
        return err_set(e, ERR_INVALID, "invalid slice index: %zu > %zu", bounds[0], bounds[1]);
    if (v.kind == VALUE_STRING) {
        *out = value_str(str_slice(value_as_str(&v), bounds[0], bounds[1]));
        return true;
    }
    *out = tagged(value_list(template_call_arena(call)), type_tag(&v));
    *out->list = (struct list){ v.list->v + bounds[0], bounds[1] - bounds[0], bounds[1] - bounds[0] };
    return true;
}

/* Functions do not exist among plain data, but objects may be callable: a member without a name. */
/* How Go names a value that was piped to `call`. */
static struct str piped_callee(struct arena *a, const struct value *v)
{
    if (v->kind == VALUE_NULL)
        return S("nil");
    return v->kind == VALUE_STRING ? value_as_str(v) : arena_fmt(a, "<%.*s Value>", STR(template_type_name(v)));
}

static bool builtin_call(struct template_call *call, const struct value *args, size_t n, struct value *out,
                         struct err *e)
{
    const struct template_object *o = as_object(&args[0]);
    struct str callee = call->callee != NULL ? node_str(call->a, call->callee) : piped_callee(call->a, &args[0]);
    if (args[0].kind == VALUE_NULL)
        return err_set(e, ERR_INVALID, "call of nil");
    if (o == NULL)
        return err_set(e, ERR_INVALID, "non-function %.*s of type %.*s", STR(callee),
                       STR(template_type_name(&args[0])));
    if (o->class->member(call, o, S(""), args + 1, n - 1, out, e))
        return true;
    if (e->kind == ERR_NOT_FOUND)
        return err_set(e, ERR_INVALID, "non-function %.*s of type %s", STR(callee), o->class->go_type);
    return false;
}

/* ---- text --------------------------------------------------------------------------------- */

/* fmt.Sprint: a blank between two operands only when neither is a string. */
static void sprint(struct buf *b, const struct value *args, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool text = args[i].kind == VALUE_STRING && type_tag(&args[i]) != TEMPLATE_BYTES;
        bool before = i > 0 && args[i - 1].kind == VALUE_STRING && type_tag(&args[i - 1]) != TEMPLATE_BYTES;
        if (i > 0 && !text && !before)
            buf_byte(b, ' ');
        print_value(b, &args[i]);
    }
}

static bool builtin_print(struct template_call *call, const struct value *args, size_t n, struct value *out,
                          struct err *e)
{
    struct buf b = { .a = template_call_arena(call) };
    if (!can_print(call, args, n, e))
        return false;
    sprint(&b, args, n);
    return give_bounded(out, &b, e);
}

static bool builtin_println(struct template_call *call, const struct value *args, size_t n, struct value *out,
                            struct err *e)
{
    struct buf b = { .a = template_call_arena(call) };
    if (!can_print(call, args, n, e))
        return false;
    for (size_t i = 0; i < n; i++) {
        buf_c(&b, i > 0 ? " " : "");
        print_value(&b, &args[i]);
    }
    buf_byte(&b, '\n');
    return give_bounded(out, &b, e);
}

static bool builtin_printf(struct template_call *call, const struct value *args, size_t n, struct value *out,
                           struct err *e)
{
    struct buf b = { .a = template_call_arena(call) };
    if (!can_print(call, args, n, e))
        return false;
    go_printf(call, &b, value_as_str(&args[0]), args + 1, n - 1);
    return give_bounded(out, &b, e);
}

/* What html, js and urlquery escape: the printed arguments, where nil is "<no value>". */
static bool text_to_escape(struct template_call *call, const struct value *args, size_t n, struct str *out,
                           struct err *e)
{
    struct arena *a = template_call_arena(call);
    struct buf b = { .a = a };
    struct value *shown = arena_new(a, struct value, n + 1);
    for (size_t i = 0; i < n; i++)
        shown[i] = args[i].kind == VALUE_NULL ? value_str(S("<no value>")) : args[i];
    if (!can_print(call, args, n, e))
        return false;
    sprint(&b, shown, n);
    *out = buf_str(&b);
    return true;
}

static bool builtin_html(struct template_call *call, const struct value *args, size_t n, struct value *out,
                         struct err *e)
{
    struct buf b = { .a = template_call_arena(call) };
    struct str s;
    if (!text_to_escape(call, args, n, &s, e))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        switch (s.p[i]) {
        case '"': buf_c(&b, "&#34;"); break;
        case '\'': buf_c(&b, "&#39;"); break;
        case '&': buf_c(&b, "&amp;"); break;
        case '<': buf_c(&b, "&lt;"); break;
        case '>': buf_c(&b, "&gt;"); break;
        case '\0': buf_rune(&b, 0xfffd); break;
        default: buf_byte(&b, s.p[i]);
        }
    }
    return give_bounded(out, &b, e);
}

static void escape_js(struct buf *b, uint32_t r, struct str bytes)
{
    if (r == '\\' || r == '\'' || r == '"')
        buf_fmt(b, "\\%c", (char)r);
    else if (r == '<' || r == '>' || r == '&' || r == '=' || r < 0x20)
        buf_fmt(b, "\\u%04X", r);
    else if (r < 0x80 || rune_is_print(r))
        buf_add(b, bytes);
    else
        buf_fmt(b, "\\u%04X", r);
}

static bool builtin_js(struct template_call *call, const struct value *args, size_t n, struct value *out, struct err *e)
{
    struct buf b = { .a = template_call_arena(call) };
    struct str s;
    if (!text_to_escape(call, args, n, &s, e))
        return false;
    while (s.n > 0) {
        uint32_t r;
        size_t width = utf8_decode(s, &r);
        escape_js(&b, r, str_cut(&s, width));
    }
    return give_bounded(out, &b, e);
}

static bool builtin_urlquery(struct template_call *call, const struct value *args, size_t n, struct value *out,
                             struct err *e)
{
    struct buf b = { .a = template_call_arena(call) };
    struct str s;
    if (!text_to_escape(call, args, n, &s, e))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = (uint8_t)s.p[i];
        if (c == ' ')
            buf_byte(&b, '+');
        else if (c < 0x80 && (rune_is_letter(c) || rune_is_digit(c) || strchr("-_.~", c) != NULL) && c != 0)
            buf_byte(&b, (char)c);
        else
            buf_fmt(&b, "%%%02X", c);
    }
    return give_bounded(out, &b, e);
}

/* Sorted by name. */
const struct template_func template_builtins[] = {
    { "and", builtin_and, 1, -1, "rr+" },
    { "call", builtin_call, 1, -1, "rr+" },
    { "eq", builtin_eq, 1, -1, "rr+" },
    { "ge", builtin_ge, 2, 2, "rr" },
    { "gt", builtin_gt, 2, 2, "rr" },
    { "html", builtin_html, 0, -1, "v+" },
    { "index", builtin_index, 1, -1, "rr+" },
    { "js", builtin_js, 0, -1, "v+" },
    { "le", builtin_le, 2, 2, "rr" },
    { "len", builtin_len, 1, 1, "r" },
    { "lt", builtin_lt, 2, 2, "rr" },
    { "ne", builtin_ne, 2, 2, "rr" },
    { "not", builtin_not, 1, 1, "r" },
    { "or", builtin_or, 1, -1, "rr+" },
    { "print", builtin_print, 0, -1, "v+" },
    { "printf", builtin_printf, 1, -1, "sv+" },
    { "println", builtin_println, 0, -1, "v+" },
    { "slice", builtin_slice, 1, -1, "rr+" },
    { "urlquery", builtin_urlquery, 0, -1, "v+" },
    { NULL, NULL, 0, 0, NULL },
};
