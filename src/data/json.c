/* RFC 8259. One pass over the bytes; strings without escapes are slices of the input. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "data/gofmt.h"
#include "data/json.h"

struct scan {
    struct arena *a;
    const char *begin, *p, *end;
    int depth;
    struct err *e;
};

static bool fail(struct scan *s, const char *why)
{
    int line = 1;
    const char *start = s->begin;
    for (const char *p = s->begin; p < s->p; p++) {
        if (*p == '\n') {
            line++;
            start = p + 1;
        }
    }
    return err_set(s->e, ERR_INVALID, "JSON line %d column %td: %s", line, s->p - start + 1, why);
}

static void skip_space(struct scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
        s->p++;
}

static bool take_hex4(struct scan *s, uint32_t *out)
{
    uint32_t sum = 0;
    if (s->end - s->p < 4)
        return fail(s, "incomplete \\u escape");
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(*s->p++);
        if (digit < 0)
            return fail(s, "bad \\u escape");
        sum = sum << 4 | (uint32_t)digit;
    }
    *out = sum;
    return true;
}

static bool take_unicode(struct scan *s, struct buf *b)
{
    uint32_t high, low;
    if (!take_hex4(s, &high))
        return false;
    if (high >= 0xd800 && high < 0xdc00 && s->end - s->p >= 6 && s->p[0] == '\\' && s->p[1] == 'u') {
        const char *back = s->p;
        s->p += 2;
        if (!take_hex4(s, &low))
            return false;
        if (low >= 0xdc00 && low < 0xe000)
            high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        else
            s->p = back; /* a lone surrogate becomes U+FFFD, the next escape stands for itself */
    }
    buf_rune(b, high);
    return true;
}

static bool take_escape(struct scan *s, struct buf *b)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (s->p == s->end)
        return fail(s, "string is not closed");
    char c = *s->p++;
    if (c == 'u')
        return take_unicode(s, b);
    const char *at = c != '\0' ? strchr(from, c) : NULL;
    if (at == NULL)
        return fail(s, "unknown escape");
    buf_byte(b, to[at - from]);
    return true;
}

/* The part of a string that needs no work. */
static const char *plain_end(const char *p, const char *end)
{
    while (p < end && *p != '"' && *p != '\\' && (uint8_t)*p >= 0x20)
        p++;
    return p;
}

static bool take_string(struct scan *s, struct str *out)
{
    const char *start = ++s->p;
    s->p = plain_end(s->p, s->end);
    if (s->p < s->end && *s->p == '"') {
        *out = (struct str){ start, (size_t)(s->p++ - start) };
        return true;
    }
    struct buf b = { .a = s->a };
    buf_add(&b, (struct str){ start, (size_t)(s->p - start) });
    while (s->p < s->end && *s->p != '"') {
        if ((uint8_t)*s->p < 0x20)
            return fail(s, "control character in a string");
        s->p++;
        if (!take_escape(s, &b))
            return false;
        start = s->p;
        s->p = plain_end(s->p, s->end);
        buf_add(&b, (struct str){ start, (size_t)(s->p - start) });
    }
    if (s->p == s->end)
        return fail(s, "string is not closed");
    s->p++;
    *out = buf_str(&b);
    return true;
}

static bool take_digits(struct scan *s)
{
    const char *start = s->p;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
        s->p++;
    return s->p > start;
}

/* number = [ "-" ] int [ frac ] [ exp ] */
static bool take_number(struct scan *s, struct value *out)
{
    const char *start = s->p;
    bool whole = true;
    if (*s->p == '-')
        s->p++;
    const char *first = s->p;
    if (!take_digits(s) || (*first == '0' && s->p > first + 1))
        return fail(s, "bad number");
    if (s->p < s->end && *s->p == '.') {
        whole = false;
        s->p++;
        if (!take_digits(s))
            return fail(s, "bad number");
    }
    if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
        whole = false;
        s->p++;
        if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
            s->p++;
        if (!take_digits(s))
            return fail(s, "bad number");
    }
    struct str text = { start, (size_t)(s->p - start) };
    int64_t i;
    double d;
    if (whole && str_to_int(text, &i))
        *out = value_int(i);
    else if (str_to_double(text, &d) && isfinite(d))
        *out = value_float(d);
    else
        return fail(s, "number out of range");
    return true;
}

static bool take_word(struct scan *s, const char *word, struct value v, struct value *out)
{
    size_t n = strlen(word);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
        return fail(s, "a value was expected");
    s->p += n;
    *out = v;
    return true;
}

static bool take_value(struct scan *s, struct value *out);

static bool take_list(struct scan *s, struct value *out)
{
    struct value made = value_list(s->a);
    s->p++;
    skip_space(s);
    if (s->p < s->end && *s->p == ']') {
        s->p++;
        *out = made;
        return true;
    }
    for (;;) {
        struct value item;
        if (!take_value(s, &item))
            return false;
        list_push(s->a, made.list, item);
        skip_space(s);
        if (s->p < s->end && *s->p == ']')
            break;
        if (s->p == s->end || *s->p != ',')
            return fail(s, "\",\" or \"]\" was expected");
        s->p++;
    }
    s->p++;
    *out = made;
    return true;
}

static bool take_member(struct scan *s, struct map *m)
{
    struct str key;
    struct value v;
    skip_space(s);
    if (s->p == s->end || *s->p != '"')
        return fail(s, "a key in quotes was expected");
    if (!take_string(s, &key))
        return false;
    skip_space(s);
    if (s->p == s->end || *s->p != ':')
        return fail(s, "\":\" was expected");
    s->p++;
    if (!take_value(s, &v))
        return false;
    map_put(s->a, m, key, v);
    return true;
}

static bool take_map(struct scan *s, struct value *out)
{
    struct value made = value_map(s->a);
    s->p++;
    skip_space(s);
    if (s->p < s->end && *s->p == '}') {
        s->p++;
        *out = made;
        return true;
    }
    for (;;) {
        if (!take_member(s, made.map))
            return false;
        skip_space(s);
        if (s->p < s->end && *s->p == '}')
            break;
        if (s->p == s->end || *s->p != ',')
            return fail(s, "\",\" or \"}\" was expected");
        s->p++;
    }
    s->p++;
    *out = made;
    return true;
}

static bool take_nested(struct scan *s, struct value *out)
{
    if (++s->depth > JSON_DEPTH_MAX) {
        fail(s, "nested too deep");
        s->e->kind = ERR_LIMIT;
        return false;
    }
    bool ok = *s->p == '{' ? take_map(s, out) : take_list(s, out);
    s->depth--;
    return ok;
}

static bool take_value(struct scan *s, struct value *out)
{
    struct str text;
    skip_space(s);
    if (s->p == s->end)
        return fail(s, "unexpected end");
    switch (*s->p) {
    case '{':
    case '[': return take_nested(s, out);
    case '"':
        if (!take_string(s, &text))
            return false;
        *out = value_str(text);
        return true;
    case 't': return take_word(s, "true", value_bool(true), out);
    case 'f': return take_word(s, "false", value_bool(false), out);
    case 'n': return take_word(s, "null", value_null(), out);
    default:
        if (*s->p == '-' || (*s->p >= '0' && *s->p <= '9'))
            return take_number(s, out);
        return fail(s, "a value was expected");
    }
}

bool json_parse(struct arena *a, struct str text, struct value *out, struct err *e)
{
    struct scan s = { .a = a, .begin = text.p, .p = text.p, .end = text.p + text.n, .e = e };
    struct value made;
    if (text.n > JSON_TEXT_MAX)
        return err_set(e, ERR_LIMIT, "JSON text is larger than %zu bytes", JSON_TEXT_MAX);
    if (text.n == 0)
        return err_set(e, ERR_INVALID, "JSON text is empty");
    if (!take_value(&s, &made))
        return false;
    skip_space(&s);
    if (s.p < s.end)
        return fail(&s, "something follows the value");
    *out = made;
    return true;
}

/* ---- writing ------------------------------------------------------------------------------ */

void json_write_string(struct buf *out, struct str s, int flags)
{
    static const char hex[] = "0123456789abcdef";
    buf_reserve(out, s.n + 2);
    buf_byte(out, '"');
    size_t from = 0;
    for (size_t i = 0; i < s.n;) {
        uint8_t c = (uint8_t)s.p[i];
        size_t width = 1;
        uint32_t rune = c;
        if (c >= 0x80)
            width = utf8_decode(str_slice(s, i, s.n), &rune);
        bool html = flags & JSON_ESCAPE_HTML && (c == '<' || c == '>' || c == '&');
        bool separator = rune == 0x2028 || rune == 0x2029;
        bool broken = rune == 0xfffd && width == 1;
        if (c >= 0x20 && c != '"' && c != '\\' && !html && !(separator && flags & JSON_ESCAPE_HTML) && !broken) {
            i += width;
            continue;
        }
        buf_add(out, str_slice(s, from, i));
        if (broken)
            buf_c(out, "\\ufffd");
        else if (separator)
            buf_fmt(out, "\\u%04x", rune);
        else if (c == '"' || c == '\\')
            buf_add(out, (struct str){ (char[]){ '\\', (char)c }, 2 });
        else if (c == '\n' || c == '\r' || c == '\t' || c == '\b' || c == '\f')
            buf_add(out, (struct str){ (char[]){ '\\', c == '\n'   ? 'n'
                                                       : c == '\r' ? 'r'
                                                       : c == '\t' ? 't'
                                                       : c == '\b' ? 'b'
                                                                   : 'f' },
                                       2 });
        else
            buf_add(out, (struct str){ (char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6 });
        i += width;
        from = i;
    }
    buf_add(out, str_slice(s, from, s.n));
    buf_byte(out, '"');
}

/* Go: strconv 'f' with the fewest digits, 'e' outside 1e-6 <= |f| < 1e21, exponents without a leading zero. */
void json_write_float(struct buf *out, double f)
{
    char text[GO_FLOAT_MAX];

    if (!isfinite(f)) {
        buf_c(out, "null");
        return;
    }
    int digits = go_float_digits(text, f, 64);
    char *e = strchr(text, 'e');
    int exponent = (int)strtol(e + 1, NULL, 10), decimals = digits - 1 - exponent;
    double size = fabs(f);
    *e = '\0';
    if (size != 0 && (size < 1e-6 || size >= 1e21)) {
        buf_fmt(out, "%se%c%d", text, exponent < 0 ? '-' : '+', abs(exponent));
    } else if (decimals > 0) {
        buf_fmt(out, "%.*f", decimals, f);
    } else { /* Go fills up with zeros behind the shortest digits, where C would print exact ones */
        for (const char *p = text; *p != '\0'; p++)
            if (*p != '.')
                buf_byte(out, *p);
        buf_fill(out, '0', (size_t)-decimals);
    }
}

static void newline(struct buf *out, int flags, int depth)
{
    if (flags & JSON_INDENT) {
        buf_byte(out, '\n');
        buf_fill(out, ' ', (size_t)depth * 2);
    }
}

static void write_any(struct buf *out, const struct value *v, int flags, int depth);

static void write_list(struct buf *out, const struct list *l, int flags, int depth)
{
    buf_byte(out, '[');
    for (size_t i = 0; i < l->n; i++) {
        if (i > 0)
            buf_byte(out, ',');
        newline(out, flags, depth + 1);
        write_any(out, &l->v[i], flags, depth + 1);
    }
    if (l->n > 0)
        newline(out, flags, depth);
    buf_byte(out, ']');
}

static void write_map(struct buf *out, const struct map *m, int flags, int depth)
{
    struct arena aside = { 0 };
    const struct map_entry **sorted = flags & JSON_SORT_KEYS ? map_sorted(&aside, m) : NULL;
    buf_byte(out, '{');
    for (size_t i = 0; i < m->n; i++) {
        const struct map_entry *entry = sorted != NULL ? sorted[i] : &m->v[i];
        if (i > 0)
            buf_byte(out, ',');
        newline(out, flags, depth + 1);
        json_write_string(out, entry->key, flags);
        buf_c(out, flags & JSON_INDENT ? ": " : ":");
        write_any(out, &entry->value, flags, depth + 1);
    }
    if (m->n > 0)
        newline(out, flags, depth);
    buf_byte(out, '}');
    arena_close(&aside);
}

static void write_int(struct buf *out, int64_t i)
{
    char text[24], *p = text + sizeof text;
    uint64_t size = i < 0 ? -(uint64_t)i : (uint64_t)i;
    do
        *--p = (char)('0' + size % 10);
    while ((size /= 10) > 0);
    if (i < 0)
        *--p = '-';
    buf_add(out, (struct str){ p, (size_t)(text + sizeof text - p) });
}

static void write_any(struct buf *out, const struct value *v, int flags, int depth)
{
    switch ((enum value_kind)v->kind) {
    case VALUE_NULL:
    case VALUE_OPAQUE: buf_c(out, "null"); break;
    case VALUE_BOOL: buf_c(out, v->b ? "true" : "false"); break;
    case VALUE_INT: write_int(out, v->i); break;
    case VALUE_FLOAT: json_write_float(out, v->f); break;
    case VALUE_STRING: json_write_string(out, value_as_str(v), flags); break;
    case VALUE_LIST: write_list(out, v->list, flags, depth); break;
    case VALUE_MAP: write_map(out, v->map, flags, depth); break;
    }
}

void json_write(struct buf *out, const struct value *v, int flags)
{
    write_any(out, v, flags, 0);
}

struct str json_str(struct arena *a, const struct value *v, int flags)
{
    struct buf b = { .a = a };
    json_write(&b, v, flags);
    return buf_str(&b);
}
