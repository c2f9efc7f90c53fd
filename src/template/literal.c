/* Go's literals: numbers as text/template reads them, strings as strconv quotes and unquotes them. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "base/hex.h"
#include "template/internal.h"

/* ---- unquoting ---------------------------------------------------------------------------- */

static bool read_hex(struct str *s, int digits, uint32_t *out)
{
    *out = 0;
    if (s->n < (size_t)digits)
        return false;
    for (int i = 0; i < digits; i++) {
        int d = hex_digit(s->p[i]);
        if (d < 0)
            return false;
        *out = *out << 4 | (uint32_t)d;
    }
    str_cut(s, (size_t)digits);
    return true;
}

static bool read_octal(struct str *s, char first, uint32_t *out)
{
    if (s->n < 2 || s->p[0] < '0' || s->p[0] > '7' || s->p[1] < '0' || s->p[1] > '7')
        return false;
    *out = (uint32_t)(first - '0') << 6 | (uint32_t)(s->p[0] - '0') << 3 | (uint32_t)(s->p[1] - '0');
    str_cut(s, 2);
    return *out <= 255;
}

static bool read_rune_escape(struct str *s, int digits, uint32_t *out)
{
    return read_hex(s, digits, out) && *out <= 0x10ffff && (*out < 0xd800 || *out > 0xdfff);
}

/* After the backslash. `byte` tells \x and octal, which give one byte, from runes. */
static bool read_escape(struct str *s, char quote, uint32_t *out, bool *byte)
{
    static const char names[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
    if (s->n == 0)
        return false;
    char c = str_cut(s, 1).p[0];
    const char *named = c != '\0' ? strchr(names, c) : NULL;
    *byte = c == 'x' || (c >= '0' && c <= '7');
    if (named != NULL)
        *out = (uint8_t)values[named - names];
    else if (c == quote)
        *out = (uint8_t)c;
    else if (c == 'x')
        return read_hex(s, 2, out);
    else if (c == 'u' || c == 'U')
        return read_rune_escape(s, c == 'u' ? 4 : 8, out);
    else
        return *byte && read_octal(s, c, out);
    return true;
}

static bool unquote_raw(struct arena *a, struct str in, struct str *out)
{
    struct buf b = { .a = a };
    if (memchr(in.p, '\r', in.n) == NULL) {
        *out = in;
        return true;
    }
    for (size_t i = 0; i < in.n; i++)
        if (in.p[i] != '\r')
            buf_byte(&b, in.p[i]);
    *out = buf_str(&b);
    return true;
}

static bool unquote_escapes(struct arena *a, struct str in, char quote, struct str *out)
{
    struct buf b = { .a = a };
    while (in.n > 0) {
        uint32_t r;
        bool byte;
        char c = str_cut(&in, 1).p[0];
        if (c == quote || c == '\n')
            return false;
        if (c != '\\') {
            buf_byte(&b, c);
            continue;
        }
        if (!read_escape(&in, quote, &r, &byte))
            return false;
        if (byte)
            buf_byte(&b, (char)r);
        else
            buf_rune(&b, r);
    }
    *out = buf_str(&b);
    return true;
}

bool go_unquote(struct arena *a, struct str quoted, struct str *out)
{
    if (quoted.n < 2 || quoted.p[0] != quoted.p[quoted.n - 1])
        return false;
    char quote = quoted.p[0];
    struct str in = str_slice(quoted, 1, quoted.n - 1);
    if (quote == '`')
        return unquote_raw(a, in, out);
    if (quote != '"' && quote != '\'')
        return false;
    if (memchr(in.p, '\\', in.n) == NULL && memchr(in.p, quote, in.n) == NULL && memchr(in.p, '\n', in.n) == NULL) {
        *out = in;
        return true;
    }
    return unquote_escapes(a, in, quote, out);
}

/* ---- quoting ------------------------------------------------------------------------------ */

static void quote_rune(struct buf *out, uint32_t r, struct str bytes, char q, int flags)
{
    static const char names[] = "abtnvfr";
    if (r == (uint8_t)q || r == '\\')
        buf_fmt(out, "\\%c", (char)r);
    else if (r < 0x80 ? rune_is_print(r) : rune_is_print(r) && !(flags & GO_QUOTE_ASCII))
        buf_add(out, bytes);
    else if (r >= 7 && r <= 13)
        buf_fmt(out, "\\%c", names[r - 7]);
    else if (r < 0x20 || r == 0x7f)
        buf_fmt(out, "\\x%02x", r);
    else
        buf_fmt(out, r < 0x10000 ? "\\u%04x" : "\\U%08x", r);
}

void quote_into(struct buf *out, struct str s, char q, int flags)
{
    buf_byte(out, q);
    while (s.n > 0) {
        uint32_t r;
        size_t n = utf8_decode(s, &r);
        if (n == 1 && r == 0xfffd)
            buf_fmt(out, "\\x%02x", (uint8_t)s.p[0]);
        else
            quote_rune(out, r, (struct str){ s.p, n }, q, flags);
        str_cut(&s, n);
    }
    buf_byte(out, q);
}

/* ---- numbers ------------------------------------------------------------------------------ */

/* Underscores may stand only between digits or after a base prefix (strconv's underscoreOK). */
static bool underscores_ok(struct str s)
{
    char last = '^'; /* ^ start, 0 digit or prefix, _ underscore, ! other */
    size_t i = 0;
    if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
        i++;
    bool hex = false;
    if (s.n >= i + 2 && s.p[i] == '0' && strchr("xXbBoO", s.p[i + 1]) != NULL) {
        hex = (s.p[i + 1] | 0x20) == 'x';
        last = '0';
        i += 2;
    }
    for (; i < s.n; i++) {
        char c = s.p[i];
        if (isdigit((uint8_t)c) || (hex && hex_digit(c) >= 0)) {
            last = '0';
        } else if (c == '_') {
            if (last != '0')
                return false;
            last = '_';
        } else {
            if (last == '_')
                return false;
            last = '!';
        }
    }
    return last != '_';
}

static const char *without_underscores(struct arena *a, struct str s)
{
    char *p = arena_alloc_raw(a, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '_')
            p[n++] = s.p[i];
    p[n] = '\0';
    return p;
}

bool go_parse_uint(struct arena *a, struct str s, uint64_t *out)
{
    const char *p = without_underscores(a, s);
    int base = 10;
    if (s.n == 0 || !underscores_ok(s))
        return false;
    if (p[0] == '0' && p[1] != '\0') {
        char kind = (char)(p[1] | 0x20);
        base = kind == 'x' ? 16 : kind == 'b' ? 2 : 8;
        p += kind == 'x' || kind == 'b' || kind == 'o' ? 2 : 1;
    } else if (memchr(s.p, '_', s.n) != NULL && base == 10 && !isdigit((uint8_t)p[0])) {
        return false;
    }
    if (!isxdigit((uint8_t)*p))
        return false;
    char *end;
    errno = 0;
    unsigned long long u = strtoull(p, &end, base);
    *out = u;
    return *end == '\0' && errno == 0;
}

bool go_parse_int(struct arena *a, struct str s, int64_t *out)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
        str_cut(&s, 1);
    uint64_t u;
    if (!go_parse_uint(a, s, &u) || u > (uint64_t)INT64_MAX + negative)
        return false;
    *out = negative ? (int64_t)(0 - u) : (int64_t)u;
    return true;
}

static bool is_infinity_or_nan(const char *p)
{
    p += *p == '+' || *p == '-';
    return strcasecmp(p, "inf") == 0 || strcasecmp(p, "infinity") == 0 || strcasecmp(p, "nan") == 0;
}

bool go_parse_float(struct arena *a, struct str s, double *out)
{
    const char *p = without_underscores(a, s);
    const char *digits = p + (*p == '+' || *p == '-');
    bool hex = digits[0] == '0' && (digits[1] | 0x20) == 'x';
    bool signed_nan = digits != p && (*digits | 0x20) == 'n';
    if (is_infinity_or_nan(p)) {
        *out = strtod(p, NULL);
        return !signed_nan;
    }
    if (memchr(s.p, '_', s.n) != NULL && !underscores_ok(s))
        return false;
    if (!isdigit((uint8_t)*digits) && *digits != '.')
        return false;
    if (hex && strpbrk(p, "pP") == NULL)
        return false;
    char *end;
    errno = 0;
    *out = strtod(p, &end);
    return *end == '\0' && end != digits && (errno == 0 || (*out > -1 && *out < 1));
}

static bool parse_char(struct arena *a, struct token t, struct number *n, struct err *e)
{
    struct str text;
    uint32_t r;
    struct str in = str_slice(t.text, 1, t.text.n - 1);
    if (in.n == 0 || !go_unquote(a, t.text, &text))
        return err_set(e, ERR_INVALID, "invalid syntax");
    size_t width = text.n > 0 ? utf8_decode(text, &r) : 0;
    if (width == 0 || width != text.n)
        return err_set(e, ERR_INVALID, "malformed character constant: %.*s", STR(t.text));
    if (r == 0xfffd && width == 1)
        r = (uint8_t)text.p[0]; /* '\xff' is the number of the byte */
    *n = (struct number){ true, true, true, false, r, r, r, 0, t.text };
    return true;
}

/* A complex constant whose parts are real is also a float, an int... */
static void simplify_complex(struct number *n)
{
    n->is_float = n->imaginary == 0;
    if (n->is_float) {
        n->is_int = n->f >= -9.2e18 && n->f <= 9.2e18 && (double)(int64_t)n->f == n->f;
        n->i = n->is_int ? (int64_t)n->f : 0;
    }
}

static bool parse_complex(struct arena *a, struct token t, struct number *n)
{
    struct str s = str_slice(t.text, 0, t.text.n - 1);
    size_t split = 0;
    for (size_t i = 1; i < s.n; i++)
        if ((s.p[i] == '+' || s.p[i] == '-') && strchr("eEpP", s.p[i - 1]) == NULL)
            split = i;
    *n = (struct number){ .is_complex = true, .text = t.text };
    if (split > 0 && !go_parse_float(a, str_slice(s, 0, split), &n->f))
        return false;
    if (!go_parse_float(a, str_slice(s, split, s.n), &n->imaginary))
        return false;
    simplify_complex(n);
    return true;
}

static bool has_any(struct str s, const char *set)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '\0' && strchr(set, s.p[i]) != NULL)
            return true;
    return false;
}

static void float_as_ints(struct number *n)
{
    if (!n->is_int && n->f >= -9223372036854775808.0 && n->f < 9223372036854775808.0 && (double)(int64_t)n->f == n->f) {
        n->is_int = true;
        n->i = (int64_t)n->f;
    }
    if (!n->is_uint && n->f >= 0 && n->f < 18446744073709551616.0 && (double)(uint64_t)n->f == n->f) {
        n->is_uint = true;
        n->u = (uint64_t)n->f;
    }
}

static bool bad_number(struct arena *a, const char *what, struct str text, struct err *e)
{
    struct buf b = { .a = a };
    quote_into(&b, text, '"', 0);
    return err_set(e, ERR_INVALID, "%s: %s", what, b.p);
}

bool number_parse(struct arena *a, struct token t, struct number *out, struct err *e)
{
    struct number n = { .text = t.text };
    if (t.kind == TOKEN_CHAR_CONSTANT)
        return parse_char(a, t, out, e);
    if (t.kind == TOKEN_COMPLEX || (t.text.n > 0 && t.text.p[t.text.n - 1] == 'i'))
        return parse_complex(a, t, out) || err_set(e, ERR_INVALID, "syntax error scanning complex number");
    n.is_uint = go_parse_uint(a, t.text, &n.u);
    n.is_int = go_parse_int(a, t.text, &n.i);
    if (n.is_int && n.i == 0)
        n.is_uint = true; /* -0 */
    if (n.is_int || n.is_uint) {
        n.is_float = true;
        n.f = n.is_int ? (double)n.i : (double)n.u;
    } else if (go_parse_float(a, t.text, &n.f)) {
        if (!has_any(t.text, ".eEpP"))
            return bad_number(a, "integer overflow", t.text, e);
        n.is_float = true;
        float_as_ints(&n);
    }
    if (!n.is_int && !n.is_uint && !n.is_float)
        return bad_number(a, "illegal number syntax", t.text, e);
    *out = n;
    return true;
}
