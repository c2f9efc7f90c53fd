/* Go's fmt.Sprintf over values: every verb, flag, width, precision and argument index, and what it prints for mistakes.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/gofmt.h"
#include "template/internal.h"

enum { WIDTH_MAX = 1000000, DEPTH_MAX = 500, NESTED_MAX = 64 << 20 /* bytes, for maps that hold themselves */ };

struct format {
    struct buf *out;
    bool plus, minus, sharp, space, zero;
    bool plus_v, sharp_v; /* %+v, %#v */
    bool erroring;        /* inside %!d(...): no String method is asked */
    bool has_width, has_precision;
    int width, precision;
    int depth;
};

static void print_arg(struct format *f, const struct value *v, uint32_t verb);

/* ---- padding ------------------------------------------------------------------------------ */

static void pad(struct format *f, struct str s)
{
    size_t n = utf8_count(s);
    size_t fill = f->has_width && (size_t)f->width > n ? (size_t)f->width - n : 0;
    if (!f->minus)
        buf_fill(f->out, f->zero ? '0' : ' ', fill);
    buf_add(f->out, s);
    if (f->minus)
        buf_fill(f->out, ' ', fill);
}

/* The precision cuts text to so many runes. */
static struct str cut_runes(const struct format *f, struct str s)
{
    size_t n = 0;
    if (!f->has_precision)
        return s;
    for (int i = 0; i < f->precision && n < s.n; i++) {
        uint32_t r;
        n += utf8_decode(str_slice(s, n, s.n), &r);
    }
    return str_slice(s, 0, n);
}

static void pad_without_zeros(struct format *f, struct str s)
{
    bool zero = f->zero;
    f->zero = false;
    pad(f, s);
    f->zero = zero;
}

static void bad_verb(struct format *f, const struct value *v, uint32_t verb)
{
    buf_c(f->out, "%!");
    buf_rune(f->out, verb);
    buf_byte(f->out, '(');
    if (v->kind == VALUE_NULL) {
        buf_c(f->out, "<nil>");
    } else {
        bool erroring = f->erroring;
        buf_add(f->out, template_type_name(v));
        buf_byte(f->out, '=');
        f->erroring = true;
        print_arg(f, v, 'v');
        f->erroring = erroring;
    }
    buf_byte(f->out, ')');
}

/* ---- integers ----------------------------------------------------------------------------- */

static size_t digits_of(uint64_t u, unsigned base, bool upper, char *end)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    size_t n = 0;
    do {
        *--end = digits[u % base];
        u /= base;
        n++;
    } while (u > 0);
    return n;
}

/* Digits wanted at least: the precision, or what zero padding to the width makes of it. */
static size_t least_digits(const struct format *f, bool sign)
{
    if (f->has_precision)
        return (size_t)f->precision;
    if (!f->zero || f->minus || !f->has_width)
        return 0;
    size_t n = (size_t)f->width;
    return n > 0 && sign ? n - 1 : n;
}

static void write_prefix(const struct format *f, struct buf *b, unsigned base, uint32_t verb, bool leading_zero)
{
    if (verb == 'O')
        buf_c(b, f->sharp && !leading_zero ? "0o0" : "0o");
    else if (f->sharp && base == 2)
        buf_c(b, "0b");
    else if (f->sharp && base == 16)
        buf_c(b, verb == 'X' ? "0X" : "0x");
    else if (f->sharp && base == 8 && !leading_zero)
        buf_byte(b, '0');
}

static void print_integer(struct format *f, uint64_t u, bool negative, unsigned base, uint32_t verb)
{
    char digits[64];
    struct buf b = { .a = f->out->a };
    bool sign = negative || f->plus || f->space;
    if (f->has_precision && f->precision == 0 && u == 0) {
        pad_without_zeros(f, S(""));
        return;
    }
    size_t n = digits_of(u, base, verb == 'X', digits + sizeof digits), least = least_digits(f, sign);
    bool leading_zero = least > n || u == 0;
    if (sign)
        buf_byte(&b, negative ? '-' : f->plus ? '+' : ' ');
    write_prefix(f, &b, base, verb, leading_zero);
    if (least > n)
        buf_fill(&b, '0', least - n);
    buf_add(&b, (struct str){ digits + sizeof digits - n, n });
    pad_without_zeros(f, buf_str(&b));
}

static void print_rune(struct format *f, uint64_t u, uint32_t verb)
{
    struct buf b = { .a = f->out->a }, rune = { .a = f->out->a };
    uint32_t r = u > 0x10ffff ? 0xfffd : (uint32_t)u;
    buf_rune(&rune, r);
    if (verb == 'c') {
        pad(f, buf_str(&rune));
    } else if (verb == 'q') {
        quote_into(&b, buf_str(&rune), '\'', f->plus ? GO_QUOTE_ASCII : 0);
        pad(f, buf_str(&b));
    } else {
        int digits = f->has_precision && f->precision > 4 ? f->precision : 4;
        buf_fmt(&b, "U+%0*llX", digits, (unsigned long long)u);
        if (f->sharp && u <= 0x10ffff && rune_is_print(r))
            buf_fmt(&b, " '%s'", rune.p);
        pad_without_zeros(f, buf_str(&b));
    }
}

/* Go syntax of an unsigned number. */
static void print_go_hex(struct format *f, uint64_t u)
{
    bool sharp = f->sharp;
    f->sharp = true;
    print_integer(f, u, false, 16, 'v');
    f->sharp = sharp;
}

/* `named` is the value whose type a message names: a time.Month is an int of its own kind. */
static void print_int_arg(struct format *f, const struct value *named, const struct value *v, uint32_t verb)
{
    bool is_signed = type_tag(v) != TEMPLATE_UINT64 && type_tag(v) != TEMPLATE_UINT8;
    bool negative = is_signed && v->i < 0;
    uint64_t u = negative ? 0 - (uint64_t)v->i : (uint64_t)v->i;
    switch (verb) {
    case 'v':
        if (f->sharp_v && !is_signed)
            print_go_hex(f, u);
        else
            print_integer(f, u, negative, 10, verb);
        break;
    case 'd': print_integer(f, u, negative, 10, verb); break;
    case 'b': print_integer(f, u, negative, 2, verb); break;
    case 'o':
    case 'O': print_integer(f, u, negative, 8, verb); break;
    case 'x':
    case 'X': print_integer(f, u, negative, 16, verb); break;
    case 'c':
    case 'q':
    case 'U': print_rune(f, (uint64_t)v->i, verb); break;
    default: bad_verb(f, named, verb);
    }
}

/* ---- floats ------------------------------------------------------------------------------- */

/* C's %a with Go's two-digit exponent. */
static void write_hex_float(struct buf *b, double x, uint32_t verb, int precision)
{
    char text[64];
    if (precision < 0)
        snprintf(text, sizeof text, verb == 'X' ? "%A" : "%a", x);
    else
        snprintf(text, sizeof text, verb == 'X' ? "%.*A" : "%.*a", precision > 30 ? 30 : precision, x);
    char *p = strpbrk(text, "pP");
    int exponent = (int)strtol(p + 1, NULL, 10);
    if (text[2] == '2') { /* rounded up to the next power of two */
        text[2] = '1';
        exponent++;
    }
    buf_add(b, (struct str){ text, (size_t)(p + 1 - text) });
    buf_fmt(b, "%+03d", exponent);
}

static void write_binary_float(struct buf *b, double x)
{
    int exponent;
    double fraction = frexp(x, &exponent);
    buf_fmt(b, "%lldp%+d", (long long)ldexp(fraction, 53), x == 0 ? -1074 : exponent - 53);
}

/* Shortest digits in %e or %f form. */
static void write_shortest(struct buf *b, double x, uint32_t verb)
{
    char room[GO_FLOAT_MAX];
    int n = go_float_digits(room, x, 64), point = (int)strtol(strchr(room, 'e') + 1, NULL, 10) + 1;
    int precision = verb == 'e' || verb == 'E' ? n - 1 : n > point ? n - point : 0;
    buf_fmt(b, verb == 'e' ? "%.*e" : verb == 'E' ? "%.*E" : "%.*f", precision, x);
}

static void write_float(struct buf *b, double x, uint32_t verb, int precision)
{
    if (verb == 'b')
        write_binary_float(b, x);
    else if (verb == 'x' || verb == 'X')
        write_hex_float(b, x, verb, precision);
    else if (precision < 0 && verb == 'g')
        print_float(b, x);
    else if (precision < 0 && verb != 'G')
        write_shortest(b, x, verb);
    else if (precision < 0) {
        print_float(b, x);
        for (size_t i = 0; i < b->n; i++)
            if (b->p[i] == 'e')
                b->p[i] = 'E';
    } else
        buf_fmt(b,
                verb == 'g'   ? "%.*g"
                : verb == 'G' ? "%.*G"
                : verb == 'e' ? "%.*e"
                : verb == 'E' ? "%.*E"
                              : "%.*f",
                precision, x);
}

/* The # flag keeps the decimal point and, for %g, the trailing zeros. */
static struct str keep_point(struct format *f, struct str s, uint32_t verb, int precision)
{
    struct buf b = { .a = f->out->a };
    size_t tail = 0, digits = 0;
    bool point = false, nonzero = false;
    const char *exponents = verb == 'x' || verb == 'X' ? "pP" : "eE";
    while (tail < s.n && strchr(exponents, s.p[tail]) == NULL)
        tail++;
    for (size_t i = 0; i < tail; i++) {
        point = point || s.p[i] == '.';
        nonzero = nonzero || (s.p[i] != '0' && s.p[i] != '.');
        digits += nonzero && s.p[i] != '.';
    }
    buf_add(&b, (struct str){ s.p, tail });
    if (!point)
        buf_byte(&b, '.');
    if (verb == 'g' || verb == 'G' || verb == 'x') {
        size_t want = precision < 0 ? 6 : (size_t)precision;
        digits = nonzero ? digits : 1;
        buf_fill(&b, '0', want > digits ? want - digits : 0);
    }
    buf_add(&b, str_slice(s, tail, s.n));
    return buf_str(&b);
}

static void print_float_digits(struct format *f, double x, uint32_t verb, int precision)
{
    struct buf b = { .a = f->out->a };
    char sign = signbit(x) && !isnan(x) ? '-' : f->plus || (isinf(x) && !f->space) ? '+' : f->space ? ' ' : '\0';
    if (isnan(x) || isinf(x)) {
        if (sign != '\0')
            buf_byte(&b, sign);
        buf_c(&b, isnan(x) ? "NaN" : "Inf");
        pad_without_zeros(f, buf_str(&b));
        return;
    }
    write_float(&b, fabs(x), verb, precision);
    struct str digits = f->sharp && verb != 'b' ? keep_point(f, buf_str(&b), verb, precision) : buf_str(&b);
    struct buf whole = { .a = f->out->a };
    if (sign != '\0')
        buf_byte(&whole, sign);
    if (sign != '\0' && f->zero && !f->minus && f->has_width && (size_t)f->width > digits.n + 1)
        buf_fill(&whole, '0', (size_t)f->width - digits.n - 1);
    buf_add(&whole, digits);
    pad(f, buf_str(&whole));
}

static void print_float_arg(struct format *f, const struct value *v, uint32_t verb)
{
    int precision = f->has_precision ? f->precision : -1;
    switch (verb) {
    case 'v': print_float_digits(f, v->f, 'g', precision); break;
    case 'b':
    case 'g':
    case 'G':
    case 'x':
    case 'X': print_float_digits(f, v->f, verb, precision); break;
    case 'f':
    case 'e':
    case 'E':
    case 'F': print_float_digits(f, v->f, verb == 'F' ? 'f' : verb, precision < 0 ? 6 : precision); break;
    default: bad_verb(f, v, verb);
    }
}

/* (1+2i): two floats, the second one always with its sign. */
static void print_complex_arg(struct format *f, const struct value *v, double real, double imaginary, uint32_t verb)
{
    bool plus = f->plus;
    if (verb >= 0x80 || strchr("vbgGxXfFeE", (int)verb) == NULL) {
        bad_verb(f, v, verb);
        return;
    }
    buf_byte(f->out, '(');
    print_float_arg(f, &(struct value){ .kind = VALUE_FLOAT, .f = real }, verb);
    f->plus = true;
    print_float_arg(f, &(struct value){ .kind = VALUE_FLOAT, .f = imaginary }, verb);
    f->plus = plus;
    buf_c(f->out, "i)");
}

/* ---- strings and bytes -------------------------------------------------------------------- */

static void print_hex(struct format *f, struct str s, uint32_t verb)
{
    struct buf b = { .a = f->out->a };
    const char *prefix = !f->sharp ? "" : verb == 'x' ? "0x" : "0X";
    if (f->has_precision && (size_t)f->precision < s.n)
        s.n = (size_t)f->precision;
    if (s.n > 0 && !f->space)
        buf_c(&b, prefix);
    for (size_t i = 0; i < s.n; i++) {
        if (f->space)
            buf_fmt(&b, "%s%s", i > 0 ? " " : "", prefix);
        buf_fmt(&b, verb == 'x' ? "%02x" : "%02X", (uint8_t)s.p[i]);
    }
    pad(f, buf_str(&b));
}

static bool can_backquote(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (((uint8_t)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == '`' || s.p[i] == 0x7f)
            return false;
    return utf8_valid(s) && str_find(s, S("\xef\xbb\xbf")) < 0;
}

static void print_quoted(struct format *f, struct str s)
{
    struct buf b = { .a = f->out->a };
    s = cut_runes(f, s);
    if (f->sharp && can_backquote(s))
        buf_fmt(&b, "`%.*s`", STR(s));
    else
        quote_into(&b, s, '"', f->plus ? GO_QUOTE_ASCII : 0);
    pad(f, buf_str(&b));
}

static void print_string(struct format *f, const struct value *v, struct str s, uint32_t verb)
{
    switch (verb) {
    case 'v':
        if (f->sharp_v)
            print_quoted(f, s);
        else
            pad(f, cut_runes(f, s));
        break;
    case 's': pad(f, cut_runes(f, s)); break;
    case 'x':
    case 'X': print_hex(f, s, verb); break;
    case 'q': print_quoted(f, s); break;
    default: bad_verb(f, v, verb);
    }
}

static bool is_text_verb(uint32_t verb)
{
    return verb == 's' || verb == 'x' || verb == 'X' || verb == 'q';
}

static void print_byte_list(struct format *f, struct str s, uint32_t verb)
{
    buf_c(f->out, f->sharp_v ? "[]byte{" : "[");
    for (size_t i = 0; i < s.n; i++) {
        buf_c(f->out, i == 0 ? "" : f->sharp_v ? ", " : " ");
        struct value byte = tagged(value_int((uint8_t)s.p[i]), TEMPLATE_UINT8);
        print_int_arg(f, &byte, &byte, verb);
    }
    buf_c(f->out, f->sharp_v ? "}" : "]");
}

/* ---- containers and objects --------------------------------------------------------------- */

static void print_element(struct format *f, const struct value *v, uint32_t verb)
{
    if (f->depth == DEPTH_MAX || f->out->n > NESTED_MAX)
        return;
    f->depth++;
    if (v->kind == VALUE_NULL)
        buf_c(f->out, f->sharp_v ? "interface {}(nil)" : "<nil>");
    else
        print_arg(f, v, verb);
    f->depth--;
}

static void print_list_arg(struct format *f, const struct value *v, const struct list *l, uint32_t verb)
{
    if (f->sharp_v)
        buf_add(f->out, template_type_name(v));
    if (f->sharp_v && is_nil_list(v)) {
        buf_c(f->out, "(nil)");
        return;
    }
    buf_byte(f->out, f->sharp_v ? '{' : '[');
    for (size_t i = 0; i < l->n; i++) {
        buf_c(f->out, i == 0 ? "" : f->sharp_v ? ", " : " ");
        print_element(f, &l->v[i], verb);
    }
    buf_byte(f->out, f->sharp_v ? '}' : ']');
}

static void print_map_arg(struct format *f, const struct value *v, const struct map *m, uint32_t verb)
{
    const struct map_entry **sorted = map_sorted(f->out->a, m);
    if (f->sharp_v)
        buf_add(f->out, template_type_name(v));
    buf_c(f->out, f->sharp_v ? "{" : "map[");
    for (size_t i = 0; i < m->n; i++) {
        struct value key = value_str(sorted[i]->key);
        buf_c(f->out, i == 0 ? "" : f->sharp_v ? ", " : " ");
        print_arg(f, &key, verb);
        buf_byte(f->out, ':');
        print_element(f, &sorted[i]->value, verb);
    }
    buf_byte(f->out, f->sharp_v ? '}' : ']');
}

/* {a b}, {A:a B:b}, &pkg.T{A:"a", B:"b"}: at the top a pointer shows what it points to. */
static void print_struct(struct format *f, const struct template_object *o, uint32_t verb)
{
    const struct map *fields = o->class->fields(f->out->a, o);
    const char *type = o->class->go_type;
    if (*type == '*') {
        buf_byte(f->out, '&');
        type++;
    }
    buf_c(f->out, f->sharp_v ? type : "");
    buf_byte(f->out, '{');
    for (size_t i = 0; i < fields->n; i++) {
        buf_c(f->out, i == 0 ? "" : f->sharp_v ? ", " : " ");
        if (f->sharp_v || f->plus_v)
            buf_fmt(f->out, "%.*s:", STR(fields->v[i].key));
        print_element(f, &fields->v[i].value, verb);
    }
    buf_byte(f->out, '}');
}

/* Whether Go asks the String method: not for %#v, nor for verbs that print no text. */
static bool is_stringer(const struct format *f, const struct template_object *o, uint32_t verb)
{
    return o->class->print != NULL && !f->erroring && !f->sharp_v && (verb == 'v' || is_text_verb(verb));
}

static void print_object_arg(struct format *f, const struct value *v, uint32_t verb)
{
    const struct template_object *o = as_object(v);
    double real, imaginary;
    if (as_complex(v, &real, &imaginary))
        print_complex_arg(f, v, real, imaginary, verb);
    else if (o->class->as_map != NULL)
        print_map_arg(f, v, o->class->as_map(f->out->a, o), verb);
    else if (o->class->as_list != NULL)
        print_list_arg(f, v, o->class->as_list(f->out->a, o), verb);
    else if (o->class->number != NULL && !is_stringer(f, o, verb))
        print_int_arg(f, v, &(struct value){ .kind = VALUE_INT, .i = as_number(v).i }, verb);
    else if (o->class->fields != NULL && !is_stringer(f, o, verb))
        print_struct(f, o, verb);
    else if (o->class->print != NULL)
        print_string(f, v, o->class->print(f->out->a, o), verb);
    else
        buf_c(f->out, o->class->go_type);
}

static void print_arg(struct format *f, const struct value *v, uint32_t verb)
{
    if (verb == 'T') {
        pad(f, v->kind == VALUE_NULL ? S("<nil>") : cut_runes(f, template_type_name(v)));
        return;
    }
    switch ((enum value_kind)v->kind) {
    case VALUE_NULL:
        if (verb == 'v')
            pad(f, S("<nil>"));
        else
            bad_verb(f, v, verb);
        break;
    case VALUE_BOOL:
        if (verb == 't' || verb == 'v')
            pad(f, v->b ? S("true") : S("false"));
        else
            bad_verb(f, v, verb);
        break;
    case VALUE_INT: print_int_arg(f, v, v, verb); break;
    case VALUE_FLOAT: print_float_arg(f, v, verb); break;
    case VALUE_STRING:
        if (type_tag(v) == TEMPLATE_BYTES && !is_text_verb(verb))
            print_byte_list(f, value_as_str(v), verb);
        else
            print_string(f, v, value_as_str(v), verb);
        break;
    case VALUE_LIST: print_list_arg(f, v, v->list, verb); break;
    case VALUE_MAP: print_map_arg(f, v, v->map, verb); break;
    case VALUE_OPAQUE: print_object_arg(f, v, verb); break;
    }
}

/* ---- the format string -------------------------------------------------------------------- */

struct scan {
    struct format f;
    struct str s; /* what is left */
    const struct value *args;
    size_t n, arg;
    bool good_index, reordered, after_index;
};

static bool read_number(struct str *s, int *out)
{
    size_t i = 0;
    *out = 0;
    for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++) {
        if (*out > WIDTH_MAX)
            return false;
        *out = *out * 10 + (s->p[i] - '0');
    }
    str_cut(s, i);
    return i > 0;
}

/* "[n]": the next argument is the n-th. */
static void read_index(struct scan *c)
{
    int index;
    if (c->s.n == 0 || c->s.p[0] != '[')
        return;
    c->reordered = true;
    ptrdiff_t close = str_find(c->s, S("]"));
    if (close < 0) {
        c->good_index = false;
        str_cut(&c->s, 1);
        return;
    }
    struct str inside = str_slice(c->s, 1, (size_t)close);
    str_cut(&c->s, (size_t)close + 1);
    if (!read_number(&inside, &index) || inside.n > 0 || index < 1 || (size_t)index > c->n) {
        c->good_index = false;
        return;
    }
    c->arg = (size_t)index - 1;
    c->after_index = true;
}

static bool take_int(struct scan *c, int *out)
{
    if (c->arg >= c->n)
        return false;
    const struct value *v = &c->args[c->arg++];
    if (v->kind != VALUE_INT || v->i > WIDTH_MAX || v->i < -WIDTH_MAX)
        return false;
    *out = (int)v->i;
    return true;
}

static void read_flags(struct scan *c)
{
    struct format *f = &c->f;
    for (; c->s.n > 0; str_cut(&c->s, 1)) {
        switch (c->s.p[0]) {
        case '#': f->sharp = true; break;
        case '0': f->zero = true; break;
        case '+': f->plus = true; break;
        case '-': f->minus = true; break;
        case ' ': f->space = true; break;
        default: return;
        }
    }
}

static void read_width(struct scan *c)
{
    struct format *f = &c->f;
    if (c->s.n == 0 || c->s.p[0] != '*') {
        f->has_width = read_number(&c->s, &f->width);
        if (c->after_index && f->has_width)
            c->good_index = false; /* "%[3]2d" */
        return;
    }
    str_cut(&c->s, 1);
    f->has_width = take_int(c, &f->width);
    if (!f->has_width)
        buf_c(f->out, "%!(BADWIDTH)");
    if (f->width < 0) {
        f->width = -f->width;
        f->minus = true;
    }
    c->after_index = false;
}

static void read_precision(struct scan *c)
{
    struct format *f = &c->f;
    if (c->s.n == 0 || c->s.p[0] != '.')
        return;
    str_cut(&c->s, 1);
    if (c->after_index)
        c->good_index = false; /* "%[3].2d" */
    read_index(c);
    if (c->s.n > 0 && c->s.p[0] == '*') {
        str_cut(&c->s, 1);
        f->has_precision = take_int(c, &f->precision) && f->precision >= 0;
        if (!f->has_precision)
            buf_c(f->out, "%!(BADPREC)");
        c->after_index = false;
        return;
    }
    f->has_precision = true;
    if (!read_number(&c->s, &f->precision))
        f->precision = 0;
}

static void complain(struct buf *out, uint32_t verb, const char *what)
{
    buf_c(out, "%!");
    buf_rune(out, verb);
    buf_c(out, what);
}

static void format_verb(struct scan *c, uint32_t verb)
{
    struct format *f = &c->f;
    if (verb == '%') {
        buf_byte(f->out, '%');
        return;
    }
    if (!c->good_index) {
        complain(f->out, verb, "(BADINDEX)");
        return;
    }
    if (c->arg >= c->n) {
        complain(f->out, verb, "(MISSING)");
        return;
    }
    const struct value *v = &c->args[c->arg++];
    if (verb == 'v' || verb == 'w') {
        f->sharp_v = f->sharp;
        f->plus_v = f->plus;
        f->sharp = f->sharp && !f->sharp_v;
        f->plus = f->plus && !f->plus_v;
    }
    if (verb == 'w') /* only for errors, which templates have none of */
        bad_verb(f, v, verb);
    else
        print_arg(f, v, verb);
}

/* One "%..." whose sign has been read. */
static void format_one(struct scan *c)
{
    c->f = (struct format){ .out = c->f.out };
    c->after_index = false;
    c->good_index = true;
    read_flags(c);
    read_index(c);
    read_width(c);
    read_precision(c);
    if (!c->after_index)
        read_index(c);
    if (c->s.n == 0) {
        buf_c(c->f.out, "%!(NOVERB)");
        return;
    }
    uint32_t verb;
    str_cut(&c->s, utf8_decode(c->s, &verb));
    format_verb(c, verb);
}

static void print_extra(struct scan *c)
{
    struct format plain = { .out = c->f.out };
    buf_c(plain.out, "%!(EXTRA ");
    for (size_t i = c->arg; i < c->n; i++) {
        buf_c(plain.out, i > c->arg ? ", " : "");
        if (c->args[i].kind == VALUE_NULL) {
            buf_c(plain.out, "<nil>");
            continue;
        }
        buf_add(plain.out, template_type_name(&c->args[i]));
        buf_byte(plain.out, '=');
        print_arg(&plain, &c->args[i], 'v');
    }
    buf_byte(plain.out, ')');
}

void go_printf(struct template_call *call, struct buf *out, struct str format, const struct value *args, size_t n)
{
    struct scan c = { .f = { .out = out }, .s = format, .args = args, .n = n };
    while (c.s.n > 0 && out->n <= NESTED_MAX) { /* the caller refuses what is larger */
        ptrdiff_t percent = str_find(c.s, S("%"));
        buf_add(out, str_cut(&c.s, percent < 0 ? c.s.n : (size_t)percent));
        if (c.s.n == 0)
            break;
        str_cut(&c.s, 1);
        format_one(&c);
    }
    if (!c.reordered && c.arg < n)
        print_extra(&c);
}
