/*
 * Tokens: names, numbers (1_000, 0x1f, 0b1, 0o7, 1.5e3), strings ('a' "a" `raw`), operators and brackets; comments
 * after // and between slash-star marks.
 */
#include <stdio.h>

#include "base/hex.h"
#include "expr/internal.h"

static void position(struct str text, uint32_t at, size_t *line, size_t *column)
{
    *line = 1;
    *column = 0;
    for (size_t i = 0; i < at && i < text.n; i++) {
        bool is_break = text.p[i] == '\n';
        *line += is_break;
        *column = is_break ? 0 : *column + ((text.p[i] & 0xc0) != 0x80);
    }
}

bool expr_fail(struct err *e, enum err_kind kind, struct str text, uint32_t at, const char *fmt, ...)
{
    char words[512];
    size_t line = 0, column = 0;
    va_list args;

    va_start(args, fmt);
    vsnprintf(words, sizeof words, fmt, args);
    va_end(args);
    position(text, at, &line, &column);
    return err_set(e, kind, "%s (%zu:%zu)", words, line, column + 1);
}

static bool fail(struct lexer *l, size_t at, const char *what)
{
    return expr_fail(l->e, ERR_INVALID, l->text, (uint32_t)at, "%s", what);
}

static char peek(const struct lexer *l, size_t ahead)
{
    return l->at + ahead < l->text.n ? l->text.p[l->at + ahead] : '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* Blanks and comments. */
static bool skip_blanks(struct lexer *l)
{
    for (;;) {
        char c = peek(l, 0);
        struct str rest = str_slice(l->text, l->at, l->text.n);
        if (rest.n == 0)
            return true;
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            l->at++;
        } else if (c == '/' && peek(l, 1) == '/') {
            ptrdiff_t end = str_find(rest, S("\n"));
            l->at += end < 0 ? rest.n : (size_t)end;
        } else if (c == '/' && peek(l, 1) == '*') {
            ptrdiff_t end = str_find(rest, S("*/"));
            if (end < 0)
                return fail(l, l->at, "unclosed comment");
            l->at += (size_t)end + 2;
        } else {
            return true;
        }
    }
}

/* ---- numbers -------------------------------------------------------------------------------------- */

static bool is_number_byte(const struct lexer *l, bool based)
{
    char c = peek(l, 0), before = l->at > 0 ? l->text.p[l->at - 1] : '\0';

    if (is_digit(c) || c == '_' || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
        return based || is_digit(c) || c == '_' || c == 'e' || c == 'E';
    if (based)
        return false;
    if (c == '.') /* "1..3" is a range */
        return peek(l, 1) != '.';
    return (c == '+' || c == '-') && (before == 'e' || before == 'E');
}

static bool parse_based(struct str digits, unsigned base, struct value *out)
{
    uint64_t n = 0;

    for (size_t i = 0; i < digits.n; i++) {
        char c = digits.p[i];
        unsigned d = is_digit(c) ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
        if (d >= base || __builtin_mul_overflow(n, base, &n) || __builtin_add_overflow(n, d, &n))
            return false;
    }
    *out = value_int((int64_t)n);
    return digits.n > 0 && n <= INT64_MAX;
}

static bool parse_number(struct str text, unsigned base, struct value *out)
{
    int64_t i = 0;
    double f = 0;

    if (base != 10)
        return parse_based(text, base, out);
    if (memchr(text.p, '.', text.n) == NULL && memchr(text.p, 'e', text.n) == NULL
        && memchr(text.p, 'E', text.n) == NULL) {
        *out = value_int(0);
        if (!str_to_int(text, &i))
            return false;
        *out = value_int(i);
        return true;
    }
    if (!str_to_double(text, &f))
        return false;
    *out = value_float(f);
    return true;
}

static bool lex_number(struct lexer *l, struct token *out)
{
    size_t start = l->at;
    char mark = (char)(peek(l, 1) | 0x20);
    unsigned base = peek(l, 0) != '0' ? 10 : mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
    struct buf digits = { .a = l->a };

    l->at += base != 10 ? 2 : 0;
    for (; l->at < l->text.n && is_number_byte(l, base != 10); l->at++)
        if (peek(l, 0) != '_')
            buf_byte(&digits, peek(l, 0));
    out->text = str_slice(l->text, start, l->at);
    if (is_name_start(peek(l, 0)) || digits.n == 0 || !parse_number(buf_str(&digits), base, &out->number))
        return fail(l, start, "bad number syntax");
    return true;
}

/* ---- strings -------------------------------------------------------------------------------------- */

/* \xHH \uHHHH \UHHHHHHHH, and \u{H...}. */
static bool take_code(struct lexer *l, int digits, uint32_t *out)
{
    bool braced = digits == 4 && peek(l, 0) == '{';
    int n = 0;

    *out = 0;
    l->at += braced;
    for (; n < (braced ? 6 : digits) && hex_digit(peek(l, 0)) >= 0; n++, l->at++)
        *out = *out * 16 + (uint32_t)hex_digit(peek(l, 0));
    if (!braced)
        return n == digits;
    bool closed = peek(l, 0) == '}';
    l->at += closed;
    return n > 0 && closed;
}

/* Three octal digits; the first is at hand. */
static bool take_octal(struct lexer *l, char first, uint32_t *out)
{
    *out = (uint32_t)(first - '0');
    for (int i = 0; i < 2; i++, l->at++) {
        if (peek(l, 0) < '0' || peek(l, 0) > '7')
            return false;
        *out = *out * 8 + (uint32_t)(peek(l, 0) - '0');
    }
    return *out <= 0xff;
}

/* Behind a backslash. */
static bool take_escape(struct lexer *l, struct buf *b)
{
    static const char letters[] = "abfnrtv\\'\"`", values[] = "\a\b\f\n\r\t\v\\'\"`";
    char c = peek(l, 0);
    const char *at = c == '\0' ? NULL : strchr(letters, c);
    uint32_t code = 0;

    l->at++;
    if (at != NULL) {
        buf_byte(b, values[at - letters]);
        return true;
    }
    if (c == 'x' || (c >= '0' && c <= '7')) {
        if (!(c == 'x' ? take_code(l, 2, &code) : take_octal(l, c, &code)))
            return false;
        buf_byte(b, (char)code);
        return true;
    }
    if ((c != 'u' && c != 'U') || !take_code(l, c == 'u' ? 4 : 8, &code) || code > 0x10ffff)
        return false;
    buf_rune(b, code);
    return true;
}

static bool lex_string(struct lexer *l, struct token *out)
{
    struct buf b = { .a = l->a };
    size_t start = l->at++;
    char quote = l->text.p[start];

    for (;;) {
        if (l->at >= l->text.n || (peek(l, 0) == '\n' && quote != '`'))
            return fail(l, start, "literal not terminated");
        char c = peek(l, 0);
        l->at++;
        if (c == quote && quote == '`' && peek(l, 0) == '`')
            l->at++; /* a doubled backquote stands for one */
        else if (c == quote)
            break;
        if (c != '\\' || quote == '`')
            buf_byte(&b, c);
        else if (!take_escape(l, &b))
            return fail(l, start, "invalid escape in string");
    }
    out->text = b.n == 0 ? S("") : buf_str(&b);
    return true;
}

/* ---- names and operators -------------------------------------------------------------------------- */

static void lex_name(struct lexer *l, struct token *out)
{
    static const char *const words[] = { "not",        "in",       "or",  "and", "matches", "contains",
                                         "startsWith", "endsWith", "let", "if",  "else" };
    size_t start = l->at;

    while (is_name_start(peek(l, 0)) || is_digit(peek(l, 0)))
        l->at++;
    out->text = str_slice(l->text, start, l->at);
    for (size_t i = 0; i < COUNT(words); i++)
        if (str_is(out->text, words[i]))
            out->kind = TOKEN_OPERATOR;
}

static bool lex_operator(struct lexer *l, struct token *out)
{
    /* longer spellings stand before their prefixes */
    static const char *const operators[] = { "&&", "||", "==", "!=", "<=", ">=", "**", "..", "?.", "??",
                                             "::", "+",  "-",  "*",  "/",  "%",  "^",  "<",  ">",  "!",
                                             "?",  ":",  ".",  ",",  ";",  "|",  "=",  "#" };
    struct str rest = str_slice(l->text, l->at, l->text.n);

    for (size_t i = 0; i < COUNT(operators); i++) {
        struct str text = str_c(operators[i]);
        if (!str_starts(rest, text))
            continue;
        out->text = str_slice(rest, 0, text.n);
        l->at += text.n;
        return true;
    }
    return expr_fail(l->e, ERR_INVALID, l->text, (uint32_t)l->at, "unrecognized character: U+%04X",
                     (unsigned)(unsigned char)rest.p[0]);
}

bool expr_lex_next(struct lexer *l, struct token *out)
{
    if (!skip_blanks(l))
        return false;
    *out = (struct token){ .at = (uint32_t)l->at };
    if (l->at >= l->text.n)
        return true;
    char c = peek(l, 0);
    if (is_digit(c) || (c == '.' && is_digit(peek(l, 1)))) {
        out->kind = TOKEN_NUMBER;
        return lex_number(l, out);
    }
    if (c == '\'' || c == '"' || c == '`') {
        out->kind = TOKEN_STRING;
        return lex_string(l, out);
    }
    if (is_name_start(c)) {
        out->kind = TOKEN_NAME;
        lex_name(l, out);
        return true;
    }
    if (c != '\0' && strchr("()[]{}", c) != NULL) {
        out->kind = TOKEN_BRACKET;
        out->text = str_slice(l->text, l->at, l->at + 1);
        l->at++;
        return true;
    }
    out->kind = TOKEN_OPERATOR;
    return lex_operator(l, out);
}
