/*
 * Plain scalars of YAML 1.1 as go-yaml v2 reads them: words by table, then integers with Go's base prefixes,
 * then floats. Most scalars of a manifest start with a letter that begins none of these and leave at once.
 */
#include <math.h>

#include "base/hex.h"
#include "data/decimal.h"
#include "data/yaml_scalar.h"

#define NUMBER_MAX 400 /* longer digit strings stay strings */
#define NATURAL_DIGITS 18

static const struct {
    const char *text;
    enum yaml_scalar kind;
    double number; /* of bools and floats */
} words[] = {
    /* by length */
    { "~", YAML_IS_NULL, 0 },
    { "y", YAML_IS_BOOL, 1 },
    { "Y", YAML_IS_BOOL, 1 },
    { "n", YAML_IS_BOOL, 0 },
    { "N", YAML_IS_BOOL, 0 },
    { "on", YAML_IS_BOOL, 1 },
    { "On", YAML_IS_BOOL, 1 },
    { "ON", YAML_IS_BOOL, 1 },
    { "no", YAML_IS_BOOL, 0 },
    { "No", YAML_IS_BOOL, 0 },
    { "NO", YAML_IS_BOOL, 0 },
    { "yes", YAML_IS_BOOL, 1 },
    { "Yes", YAML_IS_BOOL, 1 },
    { "YES", YAML_IS_BOOL, 1 },
    { "off", YAML_IS_BOOL, 0 },
    { "Off", YAML_IS_BOOL, 0 },
    { "OFF", YAML_IS_BOOL, 0 },
    { "true", YAML_IS_BOOL, 1 },
    { "True", YAML_IS_BOOL, 1 },
    { "TRUE", YAML_IS_BOOL, 1 },
    { "null", YAML_IS_NULL, 0 },
    { "Null", YAML_IS_NULL, 0 },
    { "NULL", YAML_IS_NULL, 0 },
    { ".nan", YAML_IS_FLOAT, NAN },
    { ".NaN", YAML_IS_FLOAT, NAN },
    { ".NAN", YAML_IS_FLOAT, NAN },
    { ".inf", YAML_IS_FLOAT, INFINITY },
    { ".Inf", YAML_IS_FLOAT, INFINITY },
    { ".INF", YAML_IS_FLOAT, INFINITY },
    { "false", YAML_IS_BOOL, 0 },
    { "False", YAML_IS_BOOL, 0 },
    { "FALSE", YAML_IS_BOOL, 0 },
    { "+.inf", YAML_IS_FLOAT, INFINITY },
    { "+.Inf", YAML_IS_FLOAT, INFINITY },
    { "+.INF", YAML_IS_FLOAT, INFINITY },
    { "-.inf", YAML_IS_FLOAT, -INFINITY },
    { "-.Inf", YAML_IS_FLOAT, -INFINITY },
    { "-.INF", YAML_IS_FLOAT, -INFINITY },
};
#define WORD_MAX 5
static const uint8_t first_of_length[WORD_MAX + 2] = { 0, 0, 5, 11, 17, 29, 38 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Could a scalar that starts with `c` be anything but a string? */
static bool starts_other(char c)
{
    switch (c) {
    case 'y':
    case 'Y':
    case 'n':
    case 'N':
    case 't':
    case 'T':
    case 'f':
    case 'F':
    case 'o':
    case 'O':
    case '~':
    case '.':
    case '+':
    case '-': return true;
    default: return is_digit(c);
    }
}

static bool resolve_word(struct str s, enum yaml_scalar *kind, struct value *out)
{
    if (s.n > WORD_MAX)
        return false;
    for (size_t i = first_of_length[s.n]; i < first_of_length[s.n + 1]; i++) {
        if (words[i].text[0] != s.p[0] || memcmp(words[i].text, s.p, s.n) != 0)
            continue;
        *kind = words[i].kind;
        *out = *kind == YAML_IS_NULL   ? value_null()
               : *kind == YAML_IS_BOOL ? value_bool(words[i].number != 0)
                                       : value_float(words[i].number);
        return true;
    }
    return false;
}

/* ---- timestamps: YYYY-M-D, optionally [Tt]h:m:s[.frac](Z|+hh:mm) or " h:m:s[.frac]" ------------------ */

/* One or two digits off the front of *s. */
static bool take_two(struct str *s, int *out)
{
    if (s->n == 0 || !is_digit(s->p[0]))
        return false;
    *out = str_cut(s, 1).p[0] - '0';
    if (s->n > 0 && is_digit(s->p[0]))
        *out = *out * 10 + (str_cut(s, 1).p[0] - '0');
    return true;
}

static bool take_char(struct str *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    str_cut(s, 1);
    return true;
}

static int days_in(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

static void take_fraction(struct str *s)
{
    if (s->n < 2 || (s->p[0] != '.' && s->p[0] != ',') || !is_digit(s->p[1]))
        return;
    str_cut(s, 1);
    while (s->n > 0 && is_digit(s->p[0]))
        str_cut(s, 1);
}

static bool take_clock(struct str *s)
{
    int h = 0, m = 0, sec = 0;

    if (!take_two(s, &h) || !take_char(s, ':') || !take_two(s, &m) || !take_char(s, ':') || !take_two(s, &sec))
        return false;
    take_fraction(s);
    return h < 24 && m < 60 && sec < 60;
}

static bool take_zone(struct str *s)
{
    if (take_char(s, 'Z'))
        return true;
    if (s->n != 6 || (s->p[0] != '+' && s->p[0] != '-') || s->p[3] != ':')
        return false;
    if (!is_digit(s->p[1]) || !is_digit(s->p[2]) || !is_digit(s->p[4]) || !is_digit(s->p[5]))
        return false;
    int h = (s->p[1] - '0') * 10 + s->p[2] - '0', m = (s->p[4] - '0') * 10 + s->p[5] - '0';
    str_cut(s, 6);
    return h <= 24 && m <= 60;
}

static bool is_timestamp(struct str s)
{
    int year = 0, month = 0, day = 0;

    if (s.n < 8 || s.p[4] != '-')
        return false;
    for (int i = 0; i < 4; i++) {
        if (!is_digit(s.p[i]))
            return false;
        year = year * 10 + (s.p[i] - '0');
    }
    str_cut(&s, 5);
    if (!take_two(&s, &month) || !take_char(&s, '-') || !take_two(&s, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_in(year, month))
        return false;
    if (s.n == 0)
        return true;
    char separator = *str_cut(&s, 1).p;
    if (separator == ' ')
        return take_clock(&s) && s.n == 0;
    return (separator == 'T' || separator == 't') && take_clock(&s) && take_zone(&s) && s.n == 0;
}

/* ---- numbers -------------------------------------------------------------------------------------- */

/* Cut 0x, 0o, 0b or the 0 of an octal number. */
static unsigned take_base(struct str *s)
{
    if (s->n < 2 || s->p[0] != '0')
        return 10;
    char c = (char)(s->p[1] | 0x20);
    unsigned base = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 0;
    if (base == 0) {
        str_cut(s, 1);
        return 8;
    }
    str_cut(s, 2);
    return base;
}

/* Go's ParseInt(s, 0, 64), then ParseUint; the latter's large values become floats. */
static bool resolve_int(struct str s, struct value *out)
{
    bool negative = s.p[0] == '-';
    bool has_sign = negative || s.p[0] == '+';
    uint64_t n = 0;

    if (has_sign)
        str_cut(&s, 1);
    unsigned base = take_base(&s);
    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned d = (unsigned)hex_digit(s.p[i]);
        if (d >= base || __builtin_mul_overflow(n, base, &n) || __builtin_add_overflow(n, d, &n))
            return false;
    }
    if (n > (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
        if (has_sign)
            return false;
        *out = value_float((double)n);
        return true;
    }
    *out = value_int(negative ? (int64_t)(0 - n) : (int64_t)n);
    return true;
}

static void skip_digits(struct str *s, size_t *count)
{
    while (s->n > 0 && is_digit(s->p[0])) {
        str_cut(s, 1);
        ++*count;
    }
}

/* [-+]? (digits [. digits*] | . digits) ([eE] [-+]? digits)? */
static bool has_float_form(struct str s)
{
    size_t whole = 0, part = 0, exponent = 0;

    if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
        str_cut(&s, 1);
    skip_digits(&s, &whole);
    if (take_char(&s, '.'))
        skip_digits(&s, &part);
    if (whole + part == 0)
        return false;
    if (s.n == 0)
        return true;
    if (!take_char(&s, 'e') && !take_char(&s, 'E'))
        return false;
    if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
        str_cut(&s, 1);
    skip_digits(&s, &exponent);
    return exponent > 0 && s.n == 0;
}

static bool resolve_float(struct str s, struct value *out)
{
    double f = 0;

    if (!has_float_form(s) || !decimal_parse(s, &f) || isinf(f))
        return false;
    *out = value_float(f);
    return true;
}

/* `s` without underscores, in `room`. */
static struct str without_underscores(struct str s, char room[static NUMBER_MAX])
{
    size_t n = 0;

    if (memchr(s.p, '_', s.n) == NULL)
        return s;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '_')
            room[n++] = s.p[i];
    return (struct str){ room, n };
}

static enum yaml_scalar resolve_number(struct str text, struct value *out)
{
    char room[NUMBER_MAX];

    if (text.n > NUMBER_MAX)
        return YAML_IS_STRING;
    if (text.p[0] == '.')
        return resolve_float(text, out) ? YAML_IS_FLOAT : YAML_IS_STRING;
    if (is_timestamp(text))
        return YAML_IS_TIMESTAMP;
    struct str plain = without_underscores(text, room);
    if (resolve_int(plain, out))
        return out->kind == VALUE_INT ? YAML_IS_INT : YAML_IS_FLOAT;
    return resolve_float(plain, out) ? YAML_IS_FLOAT : YAML_IS_STRING;
}

/* Most numbers: decimal, without a leading zero or a sign, far from the limit. */
static bool resolve_natural(struct str s, struct value *out)
{
    int64_t n = 0;

    if (s.n > NATURAL_DIGITS || (s.p[0] == '0' && s.n > 1))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!is_digit(s.p[i]))
            return false;
        n = n * 10 + (s.p[i] - '0');
    }
    *out = value_int(n);
    return true;
}

enum yaml_scalar yaml_resolve(struct str text, struct value *out)
{
    enum yaml_scalar kind = YAML_IS_STRING;

    if (text.n == 0) {
        *out = value_null();
        return YAML_IS_NULL;
    }
    if (resolve_natural(text, out))
        return YAML_IS_INT;
    *out = value_str(text);
    if (!starts_other(text.p[0]))
        return YAML_IS_STRING;
    if (resolve_word(text, &kind, out))
        return kind;
    char c = text.p[0];
    if (is_digit(c) || c == '.' || c == '+' || c == '-')
        return resolve_number(text, out);
    return YAML_IS_STRING;
}

/* [-+]? [0-9] [0-9_]* (: [0-5]? [0-9])+ (. [0-9_]*)? */
static bool is_base60(struct str s)
{
    size_t parts = 0;

    if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
        str_cut(&s, 1);
    if (s.n == 0 || !is_digit(s.p[0]))
        return false;
    while (s.n > 0 && (is_digit(s.p[0]) || s.p[0] == '_'))
        str_cut(&s, 1);
    for (int piece = 0; take_char(&s, ':'); parts++)
        if (!take_two(&s, &piece) || piece > 59)
            return false;
    if (parts == 0)
        return false;
    if (take_char(&s, '.'))
        while (s.n > 0 && (is_digit(s.p[0]) || s.p[0] == '_'))
            str_cut(&s, 1);
    return s.n == 0;
}

bool yaml_is_ambiguous(struct str text)
{
    struct value v;

    return yaml_resolve(text, &v) != YAML_IS_STRING || is_base60(text);
}
