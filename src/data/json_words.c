/*
 * The words of encoding/json for texts that are no JSON. The text is read once more, as Go's scanner reads it: only the
 * place where it stops matters, so this runs after json_parse has failed and is never on the way of a good text.
 */
#include <ctype.h>
#include <math.h>

#include "data/gofmt.h"
#include "data/json.h"

enum { DEPTH_MAX = JSON_DEPTH_MAX + 1 }; /* Go takes 10000, but no more are read here, and threads' stacks are small */

struct reader {
    struct arena *a;
    struct str s;
    size_t i;
    int depth;
    struct str too_large; /* the first number that no float64 holds */
    struct err *e;
};

static bool ended(struct reader *r)
{
    return err_set(r->e, ERR_INVALID, "unexpected end of JSON input");
}

static const char *quoted_byte(struct reader *r, uint8_t ch)
{
    struct buf rune = { .a = r->a };
    if (ch == '\'')
        return "'\\''";
    if (ch == '"')
        return "'\"'";
    buf_rune(&rune, ch);
    struct str quoted = go_quote(r->a, buf_str(&rune));
    return arena_fmt(r->a, "'%.*s'", STR(str_slice(quoted, 1, quoted.n - 1))).p;
}

/* Inside a number or a word Go feeds its scanner a blank at the end; elsewhere blanks are fine, and the end is told. */
static bool stray_inside(struct reader *r, const char *where)
{
    uint8_t ch = r->i == r->s.n ? ' ' : (uint8_t)r->s.p[r->i];
    return err_set(r->e, ERR_INVALID, "invalid character %s %s", quoted_byte(r, ch), where);
}

static bool stray(struct reader *r, const char *where)
{
    if (r->i == r->s.n)
        return ended(r);
    return err_set(r->e, ERR_INVALID, "invalid character %s %s", quoted_byte(r, (uint8_t)r->s.p[r->i]), where);
}

static int peek(struct reader *r)
{
    return r->i < r->s.n ? (uint8_t)r->s.p[r->i] : -1;
}

static int peek_token(struct reader *r)
{
    while (r->i < r->s.n && strchr(" \t\r\n", r->s.p[r->i]) != NULL && r->s.p[r->i] != '\0')
        r->i++;
    return peek(r);
}

static bool read_value(struct reader *r);

static bool read_hex(struct reader *r)
{
    for (int k = 0; k < 4; k++, r->i++)
        if (peek(r) < 0 || !isxdigit(peek(r)))
            return stray_inside(r, "in \\u hexadecimal character escape");
    return true;
}

/* After the opening quote. */
static bool read_string(struct reader *r)
{
    for (;;) {
        int ch = peek(r);
        if (ch < 0)
            return ended(r);
        if (ch < 0x20)
            return stray(r, "in string literal");
        r->i++;
        if (ch == '"')
            return true;
        if (ch != '\\')
            continue;
        ch = peek(r);
        if (ch < 0 || strchr("bfnrt\\/\"u", ch) == NULL || ch == 0)
            return stray_inside(r, "in string escape code");
        r->i++;
        if (ch == 'u' && !read_hex(r))
            return false;
    }
}

static bool read_word(struct reader *r, const char *word)
{
    for (const char *p = word; *p != '\0'; p++, r->i++)
        if (peek(r) != (uint8_t)*p)
            return stray_inside(r, arena_fmt(r->a, "in literal %s (expecting '%c')", word, *p).p);
    return true;
}

static bool read_digits(struct reader *r, const char *where)
{
    if (peek(r) < 0 || !isdigit(peek(r)))
        return stray_inside(r, where);
    while (peek(r) >= 0 && isdigit(peek(r)))
        r->i++;
    return true;
}

static bool read_digits_of_number(struct reader *r)
{
    if (peek(r) == '-')
        r->i++;
    if (peek(r) == '0')
        r->i++;
    else if (!read_digits(r, "in numeric literal"))
        return false;
    if (peek(r) == '.') {
        r->i++;
        if (!read_digits(r, "after decimal point in numeric literal"))
            return false;
    }
    if (peek(r) != 'e' && peek(r) != 'E')
        return true;
    r->i++;
    if (peek(r) == '+' || peek(r) == '-')
        r->i++;
    return read_digits(r, "in exponent of numeric literal");
}

static bool read_number(struct reader *r)
{
    size_t start = r->i;
    double d = 0;

    if (!read_digits_of_number(r))
        return false;
    struct str text = str_slice(r->s, start, r->i);
    if (r->too_large.n == 0 && (!str_to_double(text, &d) || !isfinite(d)))
        r->too_large = text;
    return true;
}

static bool read_member(struct reader *r)
{
    if (peek_token(r) != '"')
        return stray(r, "looking for beginning of object key string");
    r->i++;
    if (!read_string(r))
        return false;
    if (peek_token(r) != ':')
        return stray(r, "after object key");
    r->i++;
    return read_value(r);
}

static bool read_container(struct reader *r, bool object)
{
    int close = object ? '}' : ']';
    r->i++;
    if (++r->depth > DEPTH_MAX)
        return err_set(r->e, ERR_INVALID, "exceeded max depth");
    if (peek_token(r) == close) {
        r->i++;
        r->depth--;
        return true;
    }
    for (;;) {
        if (!(object ? read_member(r) : read_value(r)))
            return false;
        int ch = peek_token(r);
        if (ch != ',' && ch != close)
            return stray(r, object ? "after object key:value pair" : "after array element");
        r->i++;
        if (ch == close) {
            r->depth--;
            return true;
        }
    }
}

static bool read_value(struct reader *r)
{
    int ch = peek_token(r);
    switch (ch) {
    case '{':
    case '[': return read_container(r, ch == '{');
    case '"': r->i++; return read_string(r);
    case 't': return read_word(r, "true");
    case 'f': return read_word(r, "false");
    case 'n': return read_word(r, "null");
    default: break;
    }
    if (ch == '-' || (ch >= 0 && isdigit(ch)))
        return read_number(r);
    return stray(r, "looking for beginning of value");
}

bool json_go_error_at(struct arena *a, struct str text, size_t *offset, struct err *e)
{
    struct err why = *e; /* kept when Go finds nothing wrong: then it was a limit */
    struct reader r = { .a = a, .s = text, .e = e };
    bool whole = read_value(&r);

    if (whole && peek_token(&r) >= 0)
        stray(&r, "after top-level value");
    else if (whole && r.too_large.n > 0)
        err_set_(e, ERR_INVALID, "json: cannot unmarshal number %.*s into Go value of type float64", STR(r.too_large));
    else if (whole)
        *e = why;
    *offset = r.i;
    return false;
}

bool json_go_error(struct arena *a, struct str text, struct err *e)
{
    size_t offset;

    return json_go_error_at(a, text, &offset, e);
}
