/* Tokens of template text: Go's text/template/parse lexer, on demand and without a goroutine. */
#include <ctype.h>

#include "template/internal.h"

static const struct keyword {
    struct str word;
    enum token_kind kind;
} keywords[] = {
    { { "if", 2 }, TOKEN_IF },
    { { "end", 3 }, TOKEN_END },
    { { "nil", 3 }, TOKEN_NIL },
    { { "else", 4 }, TOKEN_ELSE },
    { { "with", 4 }, TOKEN_WITH },
    { { "true", 4 }, TOKEN_BOOL },
    { { "false", 5 }, TOKEN_BOOL },
    { { "range", 5 }, TOKEN_RANGE },
    { { "block", 5 }, TOKEN_BLOCK },
    { { "break", 5 }, TOKEN_BREAK },
    { { "define", 6 }, TOKEN_DEFINE },
    { { "template", 8 }, TOKEN_TEMPLATE },
    { { "continue", 8 }, TOKEN_CONTINUE },
};

/* What a word is, when it is no function's name. */
static enum token_kind keyword_kind(struct str word)
{
    for (size_t i = 0; i < COUNT(keywords) && keywords[i].word.n <= word.n; i++) /* shortest first */
        if (keywords[i].word.n == word.n && memcmp(keywords[i].word.p, word.p, word.n) == 0)
            return keywords[i].kind;
    return TOKEN_IDENTIFIER;
}

static bool is_space(int c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void lex_open(struct lexer *l, struct arena *a, struct str text)
{
    *l = (struct lexer){ .a = a, .in = text };
}

uint32_t lex_line(const struct lexer *l, uint32_t pos)
{
    uint32_t line = 1;
    for (uint32_t i = 0; i < pos; i++)
        line += l->in.p[i] == '\n';
    return line;
}

static struct str rest(const struct lexer *l)
{
    return (struct str){ l->in.p + l->pos, l->in.n - l->pos };
}

static int peek_byte(const struct lexer *l)
{
    return l->pos < l->in.n ? (uint8_t)l->in.p[l->pos] : -1;
}

static uint32_t peek_rune(const struct lexer *l, size_t *width)
{
    uint32_t r = 0;
    *width = l->pos < l->in.n ? utf8_decode(rest(l), &r) : 0;
    return r;
}

/* The token from start to pos. */
static struct token emit(struct lexer *l, enum token_kind kind)
{
    struct token t = { kind, l->start, { l->in.p + l->start, l->pos - l->start } };
    l->start = l->pos;
    return t;
}

static void skip(struct lexer *l)
{
    l->start = l->pos;
}

static PRINTF(2, 3) struct token fail(struct lexer *l, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct token t = { TOKEN_ERROR, l->start, arena_vfmt(l->a, fmt, args) };
    va_end(args);
    l->failed = true;
    return t;
}

static struct token fail_quoted(struct lexer *l, const char *what)
{
    struct buf b = { .a = l->a };
    quote_into(&b, (struct str){ l->in.p + l->start, l->pos - l->start }, '"', 0);
    return fail(l, "%s: %s", what, b.p);
}

/* ---- text and delimiters ------------------------------------------------------------------ */

static bool is_right_delim(const struct lexer *l, bool *trims)
{
    struct str s = rest(l);
    *trims = s.n >= 4 && is_space(s.p[0]) && memcmp(s.p + 1, "-}}", 3) == 0;
    return *trims || str_starts(s, S("}}"));
}

static void skip_spaces(struct lexer *l)
{
    while (is_space(peek_byte(l)))
        l->pos++;
    skip(l);
}

static struct token right_delim(struct lexer *l)
{
    bool trims;
    (void)is_right_delim(l, &trims);
    if (trims) {
        l->pos += 2;
        skip(l);
    }
    l->pos += 2;
    struct token t = emit(l, TOKEN_RIGHT_DELIM);
    l->inside = false;
    if (trims)
        skip_spaces(l);
    return t;
}

/* At a comment's slash; leaves the text after its closing delimiter. False with a token that says why. */
static bool skip_comment(struct lexer *l, struct token *bad)
{
    l->pos += 2;
    ptrdiff_t end = str_find(rest(l), S("*/"));
    if (end < 0) {
        *bad = fail(l, "unclosed comment");
        return false;
    }
    l->pos += (uint32_t)end + 2;
    bool trims;
    if (!is_right_delim(l, &trims)) {
        *bad = fail(l, "comment ends before closing delimiter");
        return false;
    }
    l->pos += trims ? 4 : 2;
    skip(l);
    if (trims)
        skip_spaces(l);
    return true;
}

static bool is_left_trim(struct str s)
{
    return s.n >= 2 && s.p[0] == '-' && is_space(s.p[1]);
}

/* At "{{". Sets *more when there was only a comment, so that text goes on. */
static struct token left_delim(struct lexer *l, bool *more)
{
    struct str after = str_slice(rest(l), 2, SIZE_MAX);
    uint32_t marker = is_left_trim(after) ? 2 : 0;
    struct token bad;
    *more = false;
    if (str_starts(str_slice(after, marker, SIZE_MAX), S("/*"))) {
        l->pos += 2 + marker;
        skip(l);
        *more = skip_comment(l, &bad);
        return bad;
    }
    l->pos += 2;
    struct token t = emit(l, TOKEN_LEFT_DELIM);
    l->inside = true;
    l->pos += marker;
    skip(l);
    l->parens = 0;
    return t;
}

/* Text up to the next delimiter; the white space that its trim marker eats is skipped. False when there is none. */
static bool lex_text(struct lexer *l, struct token *out)
{
    struct str s = rest(l);
    ptrdiff_t delim = str_find(s, S("{{"));
    uint32_t end = (uint32_t)(delim < 0 ? (ptrdiff_t)s.n : delim), keep = end;
    if (delim >= 0 && is_left_trim(str_slice(s, end + 2, SIZE_MAX)))
        while (keep > 0 && is_space(s.p[keep - 1]))
            keep--;
    l->pos += keep;
    *out = emit(l, TOKEN_TEXT);
    l->pos += end - keep;
    skip(l);
    return keep > 0;
}

/* ---- inside an action --------------------------------------------------------------------- */

static bool is_letter(uint32_t r)
{
    return r == '_' || rune_is_letter(r) || rune_is_digit(r);
}

static bool is_word_next(const struct lexer *l, size_t *width)
{
    uint32_t r = peek_rune(l, width);
    return *width > 0 && is_letter(r);
}

static void skip_word(struct lexer *l)
{
    size_t width;
    while (l->pos < l->in.n && (isalnum((uint8_t)l->in.p[l->pos]) || l->in.p[l->pos] == '_'))
        l->pos++; /* nearly all words are ASCII and end here */
    while (is_word_next(l, &width))
        l->pos += (uint32_t)width;
}

static bool at_terminator(const struct lexer *l)
{
    int c = peek_byte(l);
    return c < 0 || is_space(c) || (c > 0 && strchr(".,|:)(", c) != NULL) || str_starts(rest(l), S("}}"));
}

static const char *rune_name(struct lexer *l, uint32_t r)
{
    struct buf b = { .a = l->a };
    buf_fmt(&b, "U+%04X", r);
    if (rune_is_print(r)) {
        buf_c(&b, " '");
        buf_rune(&b, r);
        buf_byte(&b, '\'');
    }
    return b.p;
}

static struct token bad_character(struct lexer *l)
{
    size_t width;
    uint32_t r = peek_rune(l, &width);
    l->pos += (uint32_t)width;
    return fail(l, "bad character %s", rune_name(l, r));
}

static struct token lex_identifier(struct lexer *l)
{
    skip_word(l);
    if (!at_terminator(l))
        return bad_character(l);
    return emit(l, keyword_kind((struct str){ l->in.p + l->start, l->pos - l->start }));
}

/* After the dot or dollar. */
static struct token lex_field_or_variable(struct lexer *l, enum token_kind kind)
{
    if (at_terminator(l))
        return emit(l, kind == TOKEN_FIELD ? TOKEN_DOT : kind);
    skip_word(l);
    return at_terminator(l) ? emit(l, kind) : bad_character(l);
}

/* After the opening quote. */
static struct token lex_quoted(struct lexer *l, char quote, enum token_kind kind, const char *unclosed)
{
    for (;; l->pos++) {
        int c = peek_byte(l);
        if (c == '\\' && l->pos + 1 < l->in.n && l->in.p[l->pos + 1] != '\n') {
            l->pos++;
            continue;
        }
        if (c < 0 || c == '\n' || c == '\\')
            return fail(l, "%s", unclosed);
        if (c == quote)
            break;
    }
    l->pos++;
    return emit(l, kind);
}

static struct token lex_raw(struct lexer *l)
{
    ptrdiff_t end = str_find(rest(l), S("`"));
    if (end < 0)
        return fail(l, "unterminated raw quoted string");
    l->pos += (uint32_t)end + 1;
    return emit(l, TOKEN_RAW_STRING);
}

static bool accept(struct lexer *l, const char *set)
{
    int c = peek_byte(l);
    if (c <= 0 || strchr(set, c) == NULL)
        return false;
    l->pos++;
    return true;
}

static bool scan_number(struct lexer *l)
{
    static const char decimal[] = "0123456789_", hex[] = "0123456789abcdefABCDEF_";
    const char *digits = decimal;
    accept(l, "+-");
    if (accept(l, "0"))
        digits = accept(l, "xX") ? hex : accept(l, "oO") ? "01234567_" : accept(l, "bB") ? "01_" : decimal;
    while (accept(l, digits)) {
    }
    if (accept(l, "."))
        while (accept(l, digits)) {
        }
    if ((digits == decimal && accept(l, "eE")) || (digits == hex && accept(l, "pP"))) {
        accept(l, "+-");
        while (accept(l, decimal)) {
        }
    }
    accept(l, "i");
    size_t width;
    if (!is_word_next(l, &width))
        return true;
    l->pos += (uint32_t)width;
    return false;
}

static struct token lex_number(struct lexer *l)
{
    if (!scan_number(l))
        return fail_quoted(l, "bad number syntax");
    int c = peek_byte(l);
    if (c != '+' && c != '-')
        return emit(l, TOKEN_NUMBER);
    if (!scan_number(l) || l->in.p[l->pos - 1] != 'i')
        return fail_quoted(l, "bad number syntax");
    return emit(l, TOKEN_COMPLEX);
}

/* White space; a trim marked closing delimiter begins with its last blank. */
static struct token lex_space(struct lexer *l)
{
    uint32_t first = l->pos;
    while (is_space(peek_byte(l)))
        l->pos++;
    l->pos--;
    bool trims;
    if (is_right_delim(l, &trims) && trims)
        return l->pos == first ? right_delim(l) : emit(l, TOKEN_SPACE);
    l->pos++;
    return emit(l, TOKEN_SPACE);
}

static struct token lex_other(struct lexer *l)
{
    size_t width;
    uint32_t r = peek_rune(l, &width);
    if (is_letter(r))
        return lex_identifier(l);
    l->pos += (uint32_t)width;
    if (r < 0x7f && r >= 0x20)
        return emit(l, TOKEN_CHAR);
    return fail(l, "unrecognized character in action: %s", rune_name(l, r));
}

static struct token lex_paren(struct lexer *l, char c)
{
    l->parens += c == '(' ? 1 : -1;
    if (l->parens < 0)
        return fail(l, "unexpected right paren");
    return emit(l, c == '(' ? TOKEN_LEFT_PAREN : TOKEN_RIGHT_PAREN);
}

static struct token lex_inside(struct lexer *l)
{
    bool trims;
    if (is_right_delim(l, &trims))
        return l->parens == 0 ? right_delim(l) : fail(l, "unclosed left paren");
    int c = peek_byte(l);
    if (c < 0)
        return fail(l, "unclosed action");
    if (is_space(c))
        return lex_space(l);
    int next = l->pos + 1 < l->in.n ? l->in.p[l->pos + 1] : -1;
    if (isdigit(c) || c == '+' || c == '-' || (c == '.' && isdigit(next)))
        return lex_number(l);
    if (c == 0 || strchr("=:|\"`$'.()", c) == NULL)
        return lex_other(l);
    l->pos++;
    switch (c) {
    case '=': return emit(l, TOKEN_ASSIGN);
    case ':':
        if (next != '=')
            return fail(l, "expected :=");
        l->pos++;
        return emit(l, TOKEN_DECLARE);
    case '|': return emit(l, TOKEN_PIPE);
    case '"': return lex_quoted(l, '"', TOKEN_STRING, "unterminated quoted string");
    case '\'': return lex_quoted(l, '\'', TOKEN_CHAR_CONSTANT, "unterminated character constant");
    case '`': return lex_raw(l);
    case '$': return lex_field_or_variable(l, TOKEN_VARIABLE);
    case '.': return lex_field_or_variable(l, TOKEN_FIELD);
    default: return lex_paren(l, (char)c);
    }
}

struct token lex_next(struct lexer *l)
{
    struct token t;
    bool more;
    if (l->failed)
        return (struct token){ TOKEN_EOF, l->start, { "EOF", 3 } };
    if (l->inside)
        return lex_inside(l);
    do {
        if (lex_text(l, &t))
            return t;
        if (l->pos == l->in.n)
            return emit(l, TOKEN_EOF);
        t = left_delim(l, &more);
    } while (more);
    return t;
}
