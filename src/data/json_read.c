/* The reader of JSON, RFC 8259. One pass over the bytes; strings without escapes are slices of the input. */
#include <math.h>

#include "base/hex.h"
#include "data/decimal.h"
#include "data/gather.h"
#include "data/json.h"
#include "data/scan.h"

#define INTEGER_DIGITS 18 /* so many digits always fit 64 bits with a sign */

#define TREE_PER_TEXT 8 /* bytes of tree that a byte of text may need: short numbers do */

struct scan {
    struct gather items;
    const char *begin, *p, *end;
    struct buf unescaped; /* of the string being read */
    int depth;
    struct err *e;
};

/* Puts the value on the stack of items, as all functions below do that take a value. */
static bool take_value(struct scan *s);

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

static void skip_white(struct scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r')) {
        s->p++;
        s->p = scan_blanks(s->p, s->end); /* indentation */
    }
}

/* Most tokens follow each other directly. */
static inline void skip_space(struct scan *s)
{
    if (s->p < s->end && (uint8_t)*s->p <= ' ')
        skip_white(s);
}

static bool next_is(const struct scan *s, char c)
{
    return s->p < s->end && *s->p == c;
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
    uint32_t high = 0, low = 0;
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

/* A string that has an escape, from its first one on; `start` is behind the quote. */
static bool take_escaped(struct scan *s, const char *start, struct str *out)
{
    struct buf *b = &s->unescaped;

    b->n = 0;
    buf_add(b, (struct str){ start, (size_t)(s->p - start) });
    while (s->p < s->end && *s->p != '"') {
        if ((uint8_t)*s->p < 0x20)
            return fail(s, "control character in a string");
        s->p++;
        if (!take_escape(s, b))
            return false;
        start = s->p;
        s->p = scan_json_string(s->p, s->end);
        buf_add(b, (struct str){ start, (size_t)(s->p - start) });
    }
    if (s->p == s->end)
        return fail(s, "string is not closed");
    s->p++;
    *out = arena_str(s->items.a, buf_str(b));
    return true;
}

static bool take_string(struct scan *s, struct str *out)
{
    const char *start = ++s->p;

    s->p = scan_json_string(s->p, s->end);
    if (!next_is(s, '"'))
        return take_escaped(s, start, out);
    *out = (struct str){ start, (size_t)(s->p++ - start) };
    return true;
}

struct number {
    uint64_t digits; /* without point and sign; right as long as `count` is small */
    int count;
    int exponent;
};

static bool take_digits(struct scan *s, struct number *n)
{
    const char *start = s->p;

    for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++)
        n->digits = n->digits * 10 + (uint64_t)(*s->p - '0');
    n->count += (int)(s->p - start);
    return s->p > start;
}

/* [ "." digits ] */
static bool take_fraction(struct scan *s, struct number *n)
{
    int before = n->count;

    if (!next_is(s, '.'))
        return true;
    s->p++;
    if (!take_digits(s, n))
        return false;
    n->exponent = before - n->count;
    return true;
}

/* [ ( "e" / "E" ) [ "-" / "+" ] digits ] */
static bool take_exponent(struct scan *s, struct number *n)
{
    struct number e = { 0 };

    if (!next_is(s, 'e') && !next_is(s, 'E'))
        return true;
    s->p++;
    bool minus = next_is(s, '-');
    if (minus || next_is(s, '+'))
        s->p++;
    if (!take_digits(s, &e))
        return false;
    if (e.count > 4)
        n->count = DECIMAL_EXACT_DIGITS + 1; /* too large to be exact */
    else
        n->exponent += minus ? -(int)e.digits : (int)e.digits;
    return true;
}

/* What is not a whole number of moderate size. */
static bool take_unusual(struct scan *s, const struct number *n, struct str text, bool whole)
{
    double d = 0;
    int64_t i = 0;

    if (whole && str_to_int(text, &i)) {
        gather(&s->items, value_int(i));
        return true;
    }
    if (n->count <= DECIMAL_EXACT_DIGITS && decimal_to_double(n->digits, n->exponent, &d))
        gather(&s->items, value_float(*text.p == '-' ? -d : d));
    else if (str_to_double(text, &d) && isfinite(d))
        gather(&s->items, value_float(d));
    else
        return fail(s, "number out of range");
    return true;
}

/* number = [ "-" ] int [ frac ] [ exp ] */
static bool take_number(struct scan *s)
{
    const char *start = s->p;
    struct number n = { 0 };

    if (*s->p == '-')
        s->p++;
    const char *first = s->p;
    if (!take_digits(s, &n) || (*first == '0' && s->p > first + 1))
        return fail(s, "bad number");
    const char *whole_end = s->p;
    if (!take_fraction(s, &n) || !take_exponent(s, &n))
        return fail(s, "bad number");
    bool whole = s->p == whole_end;
    if (!whole || n.count > INTEGER_DIGITS)
        return take_unusual(s, &n, (struct str){ start, (size_t)(s->p - start) }, whole);
    if (*start == '-' && n.digits == 0)
        gather(&s->items, value_float(-0.0)); /* no int has a sign on its zero */
    else
        gather(&s->items, value_int(*start == '-' ? -(int64_t)n.digits : (int64_t)n.digits));
    return true;
}

static bool take_word(struct scan *s, const char *word, struct value v)
{
    size_t n = strlen(word);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
        return fail(s, "a value was expected");
    s->p += n;
    gather(&s->items, v);
    return true;
}

/* Behind a member: a comma, or the closing bracket (then *more is false). */
static bool take_separator(struct scan *s, char close, const char *otherwise, bool *more)
{
    skip_space(s);
    *more = next_is(s, ',');
    if (!*more && !next_is(s, close))
        return fail(s, otherwise);
    s->p++;
    return true;
}

/* Just behind the opening bracket: is it an empty container? */
static bool take_close(struct scan *s, char close)
{
    skip_space(s);
    if (!next_is(s, close))
        return false;
    s->p++;
    return true;
}

static bool take_list(struct scan *s)
{
    size_t from = s->items.n;

    s->p++;
    for (bool more = !take_close(s, ']'); more;)
        if (!take_value(s) || !take_separator(s, ']', "\",\" or \"]\" was expected", &more))
            return false;
    gather(&s->items, gather_list(&s->items, from));
    return true;
}

static bool take_member(struct scan *s)
{
    struct str key;

    skip_space(s);
    if (!next_is(s, '"'))
        return fail(s, "a key in quotes was expected");
    if (!take_string(s, &key))
        return false;
    skip_space(s);
    if (!next_is(s, ':'))
        return fail(s, "\":\" was expected");
    s->p++;
    gather(&s->items, value_str(key));
    return take_value(s);
}

static bool take_map(struct scan *s)
{
    size_t from = s->items.n;

    s->p++;
    for (bool more = !take_close(s, '}'); more;)
        if (!take_member(s) || !take_separator(s, '}', "\",\" or \"}\" was expected", &more))
            return false;
    gather(&s->items, gather_map(&s->items, from));
    return true;
}

static bool take_nested(struct scan *s)
{
    if (++s->depth > JSON_DEPTH_MAX) {
        fail(s, "nested too deep");
        s->e->kind = ERR_LIMIT;
        return false;
    }
    bool ok = *s->p == '{' ? take_map(s) : take_list(s);
    s->depth--;
    return ok;
}

static bool take_value(struct scan *s)
{
    struct str text;
    skip_space(s);
    if (s->p == s->end)
        return fail(s, "unexpected end");
    switch (*s->p) {
    case '{':
    case '[': return take_nested(s);
    case '"':
        if (!take_string(s, &text))
            return false;
        gather(&s->items, value_str(text));
        return true;
    case 't': return take_word(s, "true", value_bool(true));
    case 'f': return take_word(s, "false", value_bool(false));
    case 'n': return take_word(s, "null", value_null());
    default:
        if (*s->p == '-' || (*s->p >= '0' && *s->p <= '9'))
            return take_number(s);
        return fail(s, "a value was expected");
    }
}

static bool take_text(struct scan *s, struct value *out)
{
    if (!take_value(s))
        return false;
    skip_space(s);
    if (s->p < s->end)
        return fail(s, "something follows the value");
    *out = s->items.v[0];
    return true;
}

bool json_parse(struct arena *a, struct str text, struct value *out, struct err *e)
{
    struct scan s; /* large, and its items set themselves up */

    if (text.n > JSON_TEXT_MAX)
        return err_set(e, ERR_LIMIT, "JSON text is larger than %zu bytes", JSON_TEXT_MAX);
    if (text.n == 0)
        return err_set(e, ERR_INVALID, "JSON text is empty");
    arena_expect(a, text.n * TREE_PER_TEXT);
    gather_init(&s.items, a);
    s.begin = s.p = text.p;
    s.end = text.p + text.n;
    s.unescaped = (struct buf){ .a = &s.items.aside };
    s.depth = 0;
    s.e = e;
    bool ok = take_text(&s, out);
    gather_done(&s.items);
    return ok;
}
