/* Values as Go's fmt prints them with %v; their Go types; deep equality. */
#include <math.h>

#include "data/gofmt.h"
#include "template/internal.h"

/* ---- floats ------------------------------------------------------------------------------- */

/* Small whole numbers are nearly all there is: they need no search for digits. */
static bool print_small_whole(struct buf *out, double f)
{
    if (f != floor(f) || f <= -1e6 || f >= 1e6 || (f == 0 && signbit(f)))
        return false;
    buf_fmt(out, "%d", (int)f);
    return true;
}

void print_float(struct buf *out, double f)
{
    if (print_small_whole(out, f))
        return;
    char room[GO_FLOAT_MAX];
    buf_add(out, go_float(room, f, 64));
}

/* ---- objects ------------------------------------------------------------------------------ */

const struct template_object *as_object(const struct value *v)
{
    return v->kind == VALUE_OPAQUE ? v->opaque : NULL;
}

struct value as_number(const struct value *v)
{
    const struct template_object *o = as_object(v);
    return o != NULL && o->class->number != NULL ? o->class->number(o) : *v;
}

const struct map *map_in(struct arena *a, const struct value *v)
{
    const struct template_object *o = as_object(v);
    if (v->kind == VALUE_MAP)
        return v->map;
    return o != NULL && o->class->as_map != NULL ? o->class->as_map(a, o) : NULL;
}

/* []uint8 as a list of its elements. */
static const struct list *list_of_bytes(struct arena *a, struct str s)
{
    struct list *l = arena_new(a, struct list, 1);
    list_reserve(a, l, s.n);
    for (size_t i = 0; i < s.n; i++)
        list_push(a, l, tagged(value_int((uint8_t)s.p[i]), TEMPLATE_UINT8));
    return l;
}

const struct list *list_in(struct arena *a, const struct value *v)
{
    const struct template_object *o = as_object(v);
    if (v->kind == VALUE_LIST)
        return v->list;
    if (v->kind == VALUE_STRING && type_tag(v) == TEMPLATE_BYTES)
        return list_of_bytes(a, value_as_str(v));
    return o != NULL && o->class->as_list != NULL ? o->class->as_list(a, o) : NULL;
}

struct complex_number {
    struct template_object object;
    double real, imaginary;
};

static bool complex_member(struct template_call *call, const struct template_object *self, struct str name,
                           const struct value *args, size_t n, struct value *out, struct err *e)
{
    return err_set(e, ERR_NOT_FOUND, "a number has no fields");
}

static struct str complex_print(struct arena *a, const struct template_object *self)
{
    const struct complex_number *z = (const void *)self;
    struct buf b = { .a = a };
    buf_byte(&b, '(');
    print_float(&b, z->real);
    if (!signbit(z->imaginary) && !isinf(z->imaginary))
        buf_byte(&b, '+');
    print_float(&b, z->imaginary);
    buf_c(&b, "i)");
    return buf_str(&b);
}

bool as_complex(const struct value *v, double *real, double *imaginary)
{
    const struct complex_number *z = v->kind == VALUE_OPAQUE ? v->opaque : NULL;
    if (z == NULL || z->object.class->print != complex_print)
        return false;
    *real = z->real;
    *imaginary = z->imaginary;
    return true;
}

static const struct template_class complex_class = { .go_type = "complex128",
                                                     .member = complex_member,
                                                     .print = complex_print };

struct value complex_value(struct arena *a, double real, double imaginary)
{
    struct complex_number *z = arena_new(a, struct complex_number, 1);
    *z = (struct complex_number){ { &complex_class }, real, imaginary };
    return (struct value){ .kind = VALUE_OPAQUE, .opaque = z };
}

/* ---- types -------------------------------------------------------------------------------- */

static struct str list_type(enum template_type type)
{
    switch ((int)type) {
    case TEMPLATE_STRINGS:
    case TEMPLATE_NIL_STRINGS: return S("[]string");
    case TEMPLATE_INTS: return S("[]int");
    case TEMPLATE_LISTS: return S("[][]interface {}");
    default: return S("[]interface {}");
    }
}

struct str template_type_name(const struct value *v)
{
    enum template_type type = type_tag(v);
    switch ((enum value_kind)v->kind) {
    case VALUE_NULL: return S("<nil>");
    case VALUE_BOOL: return S("bool");
    case VALUE_INT:
        return type == TEMPLATE_INT64    ? S("int64")
               : type == TEMPLATE_UINT64 ? S("uint64")
               : type == TEMPLATE_UINT8  ? S("uint8")
                                         : S("int");
    case VALUE_FLOAT: return S("float64");
    case VALUE_STRING: return type == TEMPLATE_BYTES ? S("[]uint8") : S("string");
    case VALUE_LIST: return list_type(type);
    case VALUE_MAP:
        return is_string_map(v)          ? S("map[string]string")
               : type == TEMPLATE_VALUES ? S("common.Values")
                                         : S("map[string]interface {}");
    case VALUE_OPAQUE: return str_c(as_object(v)->class->go_type);
    }
    return S("");
}

const char *go_kind(const struct value *v)
{
    switch ((enum value_kind)v->kind) {
    case VALUE_NULL: return "invalid";
    case VALUE_LIST: return "slice";
    case VALUE_MAP: return "map";
    case VALUE_STRING: return type_tag(v) == TEMPLATE_BYTES ? "slice" : "string";
    case VALUE_OPAQUE: break;
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_FLOAT: return template_type_name(v).p;
    }
    const struct template_class *class = as_object(v)->class;
    if (class == &complex_class)
        return class->go_type;
    if (class->number != NULL)
        return template_type_name(&(struct value){ .kind = VALUE_INT, .tag = class->number(as_object(v)).tag }).p;
    if (class->go_type[0] == '*')
        return "ptr";
    return class->as_map != NULL ? "map" : class->as_list != NULL ? "slice" : "struct";
}

bool template_truth(const struct value *v)
{
    switch ((enum value_kind)v->kind) {
    case VALUE_NULL: return false;
    case VALUE_BOOL: return v->b;
    case VALUE_INT: return v->i != 0;
    case VALUE_FLOAT: return v->f != 0;
    case VALUE_STRING: return v->n > 0;
    case VALUE_LIST: return v->list->n > 0;
    case VALUE_MAP: return v->map->n > 0;
    case VALUE_OPAQUE: break;
    }
    const struct template_object *o = as_object(v);
    const struct complex_number *z = (const void *)o;
    if (o->class == &complex_class)
        return z->real != 0 || z->imaginary != 0;
    struct arena scratch = { 0 };
    const struct map *m = map_in(&scratch, v);
    const struct list *l = list_in(&scratch, v);
    bool any = m != NULL ? m->n > 0 : l == NULL || l->n > 0; /* structs are always true */
    arena_close(&scratch);
    return any;
}

/* ---- %v ----------------------------------------------------------------------------------- */

static char *put_byte(char *p, uint8_t byte)
{
    if (byte >= 100)
        *p++ = (char)('0' + byte / 100);
    if (byte >= 10)
        *p++ = (char)('0' + byte / 10 % 10);
    *p++ = (char)('0' + byte % 10);
    return p;
}

/* Charts print megabytes this way without wanting to: `dict "a" 1 $` makes a key of all there is, .Files too. */
static void print_bytes(struct buf *out, struct str s)
{
    buf_reserve(out, 2 + s.n * 4);
    char *p = out->p + out->n;
    *p++ = '[';
    for (size_t i = 0; i < s.n; i++) {
        if (i > 0)
            *p++ = ' ';
        p = put_byte(p, (uint8_t)s.p[i]);
    }
    *p++ = ']';
    out->n = (size_t)(p - out->p);
    *p = '\0';
}

/* A map may hold itself (set $m "x" $m): past these bounds nothing more is printed, and the size of the output tells.
 */
enum { DEPTH_MAX = 500, NESTED_MAX = 64 << 20 };

static void print_nested(struct buf *out, const struct value *v, int depth);

static void print_map(struct buf *out, const struct map *m, int depth)
{
    const struct map_entry **sorted = map_sorted(out->a, m);
    buf_c(out, "map[");
    for (size_t i = 0; i < m->n; i++) {
        buf_c(out, i > 0 ? " " : "");
        buf_add(out, sorted[i]->key);
        buf_byte(out, ':');
        print_nested(out, &sorted[i]->value, depth);
    }
    buf_byte(out, ']');
}

static void print_list(struct buf *out, const struct list *l, int depth)
{
    buf_byte(out, '[');
    for (size_t i = 0; i < l->n; i++) {
        buf_c(out, i > 0 ? " " : "");
        print_nested(out, &l->v[i], depth);
    }
    buf_byte(out, ']');
}

static void print_fields(struct buf *out, const struct map *fields, int depth)
{
    buf_byte(out, '{');
    for (size_t i = 0; i < fields->n; i++) {
        buf_c(out, i > 0 ? " " : "");
        print_nested(out, &fields->v[i].value, depth);
    }
    buf_byte(out, '}');
}

static void print_object(struct buf *out, const struct template_object *o, int depth)
{
    if (o->class->print != NULL)
        buf_add(out, o->class->print(out->a, o));
    else if (o->class->fields != NULL)
        print_fields(out, o->class->fields(out->a, o), depth);
    else if (o->class->as_map != NULL)
        print_map(out, o->class->as_map(out->a, o), depth);
    else if (o->class->as_list != NULL)
        print_list(out, o->class->as_list(out->a, o), depth);
    else
        buf_c(out, o->class->go_type);
}

static void print_nested(struct buf *out, const struct value *v, int depth)
{
    if (depth == DEPTH_MAX || (depth > 0 && out->n > NESTED_MAX))
        return;
    switch ((enum value_kind)v->kind) {
    case VALUE_NULL: buf_c(out, "<nil>"); break;
    case VALUE_BOOL: buf_c(out, v->b ? "true" : "false"); break;
    case VALUE_INT: buf_fmt(out, type_tag(v) == TEMPLATE_UINT64 ? "%llu" : "%lld", (long long)v->i); break;
    case VALUE_FLOAT: print_float(out, v->f); break;
    case VALUE_STRING:
        if (type_tag(v) == TEMPLATE_BYTES)
            print_bytes(out, value_as_str(v));
        else
            buf_add(out, value_as_str(v));
        break;
    case VALUE_LIST: print_list(out, v->list, depth + 1); break;
    case VALUE_MAP: print_map(out, v->map, depth + 1); break;
    case VALUE_OPAQUE: print_object(out, as_object(v), depth + 1); break;
    }
}

void print_value(struct buf *out, const struct value *v)
{
    print_nested(out, v, 0);
}

void template_print(struct buf *out, const struct value *v)
{
    print_value(out, v);
}

enum { ITEM_ROOM = 16 }; /* what is around and between, a number */

/* About how long the text of v gets, so that it need not grow: texts and bytes are nearly all of a long one. */
static size_t room_for(struct arena *a, const struct value *v, int depth)
{
    const struct map *m;
    const struct list *l;
    size_t n = 0;

    if (v->kind == VALUE_STRING)
        n = type_tag(v) == TEMPLATE_BYTES ? 2 + 4 * (size_t)v->n : v->n;
    else if (depth == DEPTH_MAX)
        return 0;
    else if ((m = map_in(a, v)) != NULL)
        for (size_t i = 0; i < m->n && n < NESTED_MAX; i++)
            n += ITEM_ROOM + m->v[i].key.n + room_for(a, &m->v[i].value, depth + 1);
    else if ((l = list_in(a, v)) != NULL)
        for (size_t i = 0; i < l->n && n < NESTED_MAX; i++)
            n += ITEM_ROOM + room_for(a, &l->v[i], depth + 1);
    return n < NESTED_MAX ? n : NESTED_MAX;
}

struct str text_of(struct arena *a, const struct value *v)
{
    struct buf b = { .a = a };

    if (v->kind == VALUE_STRING)
        return value_as_str(v); /* of bytes too: strval in sprig */
    if (v->kind == VALUE_LIST || v->kind == VALUE_MAP || v->kind == VALUE_OPAQUE)
        buf_reserve(&b, room_for(a, v, 0));
    print_value(&b, v);
    return buf_done(&b);
}

/* ---- trees -------------------------------------------------------------------------------- */

struct value template_floats(struct arena *a, const struct value *v)
{
    struct value made = *v;
    if (v->kind == VALUE_INT)
        return value_float((double)v->i);
    if (v->kind == VALUE_LIST) {
        made = value_list(a);
        for (size_t i = 0; i < v->list->n; i++)
            list_push(a, made.list, template_floats(a, &v->list->v[i]));
    } else if (v->kind == VALUE_MAP) {
        made = value_map(a);
        for (size_t i = 0; i < v->map->n; i++)
            map_put(a, made.map, v->map->v[i].key, template_floats(a, &v->map->v[i].value));
    }
    made.tag = v->tag;
    return made;
}

static bool equal_at(const struct value *a, const struct value *b, int depth, int64_t *steps);

static bool lists_equal(const struct list *a, const struct list *b, int depth, int64_t *steps)
{
    for (size_t i = 0; i < a->n && i < b->n; i++)
        if (!equal_at(&a->v[i], &b->v[i], depth, steps))
            return false;
    return a->n == b->n;
}

static bool maps_equal(const struct map *a, const struct map *b, int depth, int64_t *steps)
{
    for (size_t i = 0; i < a->n; i++) {
        const struct value *there = map_get(b, a->v[i].key);
        if (there == NULL || !equal_at(&a->v[i].value, there, depth, steps))
            return false;
    }
    return a->n == b->n;
}

/* By what they hold, since Go follows pointers. */
static bool objects_equal(const struct value *a, const struct value *b)
{
    const struct template_class *class = as_object(a)->class;
    struct arena scratch = { 0 };
    struct buf x = { .a = &scratch }, y = { .a = &scratch };
    bool same = a->opaque == b->opaque;
    if (!same && class == as_object(b)->class && (class->print != NULL || class->fields != NULL)) {
        print_value(&x, a);
        print_value(&y, b);
        same = str_eq(buf_str(&x), buf_str(&y));
    }
    arena_close(&scratch);
    return same;
}

static bool equal_at(const struct value *a, const struct value *b, int depth, int64_t *steps)
{
    if (a->kind == VALUE_OPAQUE && b->kind == VALUE_OPAQUE)
        return objects_equal(a, b);
    if (a->kind != b->kind || type_tag(a) != type_tag(b) || depth == DEPTH_MAX || *steps < 0)
        return false;
    *steps -= a->kind == VALUE_STRING && a->n == b->n ? 1 + a->n / 256 : 1;
    switch ((enum value_kind)a->kind) {
    case VALUE_NULL: return true;
    case VALUE_BOOL: return a->b == b->b;
    case VALUE_INT: return a->i == b->i;
    case VALUE_FLOAT: return a->f == b->f;
    case VALUE_STRING: return str_eq(value_as_str(a), value_as_str(b));
    case VALUE_LIST: return lists_equal(a->list, b->list, depth + 1, steps);
    case VALUE_MAP: return a->map == b->map || maps_equal(a->map, b->map, depth + 1, steps);
    case VALUE_OPAQUE: break;
    }
    return false;
}

bool go_deep_equal(const struct value *a, const struct value *b, int64_t *steps)
{
    return equal_at(a, b, 0, steps);
}
