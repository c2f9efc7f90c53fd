/*
 * The texts of a YAML document: plain, quoted, literal and folded. A text that stands in one piece in the document is
 * a slice of it; only what is folded, escaped or indented is copied together.
 */
#include "base/hex.h"
#include "data/yaml_scan.h"

/* ---- pieces --------------------------------------------------------------------------------------- */

/* A text that grows by pieces; as long as they lie behind each other nothing is copied. */
struct joined {
    struct arena *a;
    struct str one;
    struct buf many;
    bool copied;
};

static void join(struct joined *j, struct str piece)
{
    if (piece.n == 0)
        return;
    if (!j->copied && j->one.n == 0) {
        j->one = piece;
        return;
    }
    if (!j->copied && j->one.p + j->one.n == piece.p) {
        j->one.n += piece.n;
        return;
    }
    if (!j->copied) {
        j->many = (struct buf){ .a = j->a };
        buf_reserve(&j->many, j->one.n + piece.n + 64);
        buf_add(&j->many, j->one);
        j->copied = true;
    }
    buf_add(&j->many, piece);
}

static struct str joined_str(const struct joined *j)
{
    return j->copied ? buf_str(&j->many) : j->one.n > 0 ? j->one : S("");
}

static void join_clear(struct joined *j)
{
    *j = (struct joined){ .a = j->a };
}

/* White space between two words of a text: blanks of one line, or line breaks. */
struct gap {
    bool broken;
    struct str blanks;
    struct str first; /* the first line break */
    struct joined more;
};

/* Step over white space. A tab left of column `indent` is an error of a plain text in a block. */
static bool take_gap(struct yaml_scan *s, struct gap *g, uint32_t indent)
{
    for (; yaml_blank(*s->p) || yaml_break(s->p) != 0;) {
        if (yaml_blank(*s->p)) {
            if (g->broken && *s->p == '\t' && s->at.column < indent)
                return yaml_scan_fail_here(s, "found a tab character that violates indentation");
            if (!g->broken)
                g->blanks = (struct str){ g->blanks.n > 0 ? g->blanks.p : s->p, g->blanks.n + 1 };
            yaml_step_byte(s);
        } else if (!g->broken) {
            g->broken = true;
            g->first = yaml_step_line(s);
        } else {
            join(&g->more, yaml_step_line(s));
        }
    }
    return true;
}

/* A single line break folds to a space, of several the first vanishes; blanks stay. */
static void join_gap(struct joined *text, struct gap *g)
{
    if (!g->broken) {
        join(text, g->blanks);
    } else if (str_is(g->first, "\n")) {
        join(text, joined_str(&g->more).n == 0 ? S(" ") : joined_str(&g->more));
    } else {
        join(text, g->first);
        join(text, joined_str(&g->more));
    }
    *g = (struct gap){ .more = { .a = text->a } };
}

/* ---- plain ---------------------------------------------------------------------------------------- */

static bool ends_plain(const struct yaml_scan *s, const char *p)
{
    switch (*p) {
    case ':': return yaml_blank_or_end(p + 1);
    case ',':
    case '?':
    case '[':
    case ']':
    case '{':
    case '}': return s->flow_level > 0;
    default: return yaml_blank_or_end(p);
    }
}

bool yaml_scan_plain(struct yaml_scan *s, struct yaml_token *out)
{
    struct joined text = { .a = s->a };
    struct gap gap = { .more = { .a = s->a } };
    uint32_t indent = (uint32_t)(s->indent + 1);

    while (!yaml_document_mark(s) && *s->p != '#') {
        const char *p = s->p;
        while (!ends_plain(s, p))
            p++;
        if (p > s->p) {
            join_gap(&text, &gap);
            join(&text, (struct str){ s->p, (size_t)(p - s->p) });
            yaml_step(s, p);
        }
        if (!yaml_blank(*s->p) && yaml_break(s->p) == 0)
            break;
        if (!take_gap(s, &gap, indent))
            return false;
        if (s->flow_level == 0 && s->at.column < indent)
            break;
    }
    out->kind = YAML_SCALAR_TOKEN;
    out->plain = true;
    out->value = joined_str(&text);
    if (gap.broken)
        s->key_allowed = true;
    return true;
}

/* ---- quoted --------------------------------------------------------------------------------------- */

/* What a backslash and `c` stand for; empty for the ones with digits and the unknown ones. */
static struct str simple_escape(char c)
{
    switch (c) {
    case '0': return (struct str){ "\0", 1 };
    case 'a': return S("\a");
    case 'b': return S("\b");
    case 't':
    case '\t': return S("\t");
    case 'n': return S("\n");
    case 'v': return S("\v");
    case 'f': return S("\f");
    case 'r': return S("\r");
    case 'e': return S("\x1b");
    case ' ': return S(" ");
    case '"': return S("\"");
    case '\'': return S("'");
    case '\\': return S("\\");
    case 'N': return S("\xc2\x85");
    case '_': return S("\xc2\xa0");
    case 'L': return S("\xe2\x80\xa8");
    case 'P': return S("\xe2\x80\xa9");
    default: return S("");
    }
}

/* Digits of a code point; *s stands behind the backslash and its letter. */
static bool take_code(struct yaml_scan *s, unsigned digits, struct joined *text)
{
    struct buf b = { .a = s->a };
    uint32_t code = 0;

    for (unsigned i = 0; i < digits; i++) {
        int d = hex_digit(s->p[i]);
        if (d < 0)
            return yaml_scan_fail_here(s, "did not find expected hexdecimal number");
        code = code << 4 | (uint32_t)d;
    }
    if ((code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff)
        return yaml_scan_fail_here(s, "found invalid Unicode character escape code");
    buf_rune(&b, code);
    join(text, buf_str(&b));
    yaml_step(s, s->p + digits);
    return true;
}

static bool take_escape(struct yaml_scan *s, struct joined *text)
{
    char c = s->p[1];
    struct str plain = simple_escape(c);
    unsigned digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;

    if (plain.n == 0 && digits == 0)
        return yaml_scan_fail_here(s, "found unknown escape character");
    yaml_step(s, s->p + 2);
    if (digits > 0)
        return take_code(s, digits, text);
    join(text, plain);
    return true;
}

/* Words, quotes and escapes up to white space, the end or the closing quote. An escaped line break opens the gap. */
static bool take_quoted_words(struct yaml_scan *s, char quote, struct joined *text, struct gap *gap)
{
    while (!yaml_blank_or_end(s->p)) {
        const char *p = s->p;
        while (*p != quote && *p != '\\' && !yaml_blank_or_end(p))
            p++;
        if (*p == '\\' && quote == '\'')
            p++; /* nothing special in single quotes */
        join(text, (struct str){ s->p, (size_t)(p - s->p) });
        yaml_step(s, p);
        if (p[0] == quote && (quote == '"' || p[1] != quote))
            return true;
        if (p[0] == quote) {
            join(text, S("'"));
            yaml_step(s, p + 2);
        } else if (p[0] == '\\' && quote == '"' && yaml_break(p + 1) != 0) {
            yaml_step_byte(s);
            yaml_step_line(s);
            gap->broken = true;
            return true;
        } else if (p[0] == '\\' && quote == '"' && !take_escape(s, text)) {
            return false;
        }
    }
    return true;
}

bool yaml_scan_quoted(struct yaml_scan *s, char quote, struct yaml_token *out)
{
    struct joined text = { .a = s->a };

    for (yaml_step_byte(s);;) {
        struct gap gap = { .more = { .a = s->a } };
        if (yaml_document_mark(s))
            return yaml_scan_fail_here(s, "found unexpected document indicator");
        if (*s->p == '\0')
            return s->text_fault.problem != NULL ? yaml_scan_fail(s, YAML_BAD_TEXT, s->text_fault.problem, s->at)
                                                 : yaml_scan_fail_here(s, "found unexpected end of stream");
        if (!take_quoted_words(s, quote, &text, &gap))
            return false;
        if (*s->p == quote)
            break;
        if (!take_gap(s, &gap, 0))
            return false;
        join_gap(&text, &gap);
    }
    yaml_step_byte(s);
    out->kind = YAML_SCALAR_TOKEN;
    out->value = joined_str(&text);
    return true;
}

/* ---- blocks --------------------------------------------------------------------------------------- */

enum chomp { CLIP, STRIP, KEEP };

static void take_chomp(struct yaml_scan *s, enum chomp *out)
{
    if (*s->p != '+' && *s->p != '-')
        return;
    *out = *s->p == '+' ? KEEP : STRIP;
    yaml_step_byte(s);
}

static bool take_increment(struct yaml_scan *s, unsigned *out)
{
    if (*s->p < '0' || *s->p > '9')
        return true;
    if (*s->p == '0')
        return yaml_scan_fail_here(s, "found an indentation indicator equal to 0");
    *out = (unsigned)(*s->p - '0');
    yaml_step_byte(s);
    return true;
}

/* Behind "|" or ">": the indicators in either order, a comment, the end of the line. */
static bool take_block_head(struct yaml_scan *s, enum chomp *chomp, unsigned *increment)
{
    bool chomp_first = *s->p == '+' || *s->p == '-';

    take_chomp(s, chomp);
    if (!take_increment(s, increment))
        return false;
    if (!chomp_first && *increment > 0)
        take_chomp(s, chomp);
    return yaml_scan_line_end(s);
}

/* Indentation and empty lines. *indent is 0 until a line with text sets it. */
static bool take_block_breaks(struct yaml_scan *s, uint32_t *indent, struct joined *breaks)
{
    uint32_t deepest = 0;

    for (;;) {
        while (*s->p == ' ' && (*indent == 0 || s->at.column < *indent))
            yaml_step_byte(s);
        deepest = s->at.column > deepest ? s->at.column : deepest;
        if (*s->p == '\t' && (*indent == 0 || s->at.column < *indent))
            return yaml_scan_fail_here(s, "found a tab character where an indentation space is expected");
        if (yaml_break(s->p) == 0)
            break;
        join(breaks, yaml_step_line(s));
    }
    if (*indent == 0) {
        uint32_t least = s->indent + 1 > 1 ? (uint32_t)(s->indent + 1) : 1;
        *indent = deepest > least ? deepest : least;
    }
    return true;
}

/* The lines of a block; what is left in *last and *breaks is for the chomping. */
static bool take_block_lines(struct yaml_scan *s, bool literal, uint32_t *indent, struct joined *text, struct str *last,
                             struct joined *breaks)
{
    bool was_blank = false;

    while (s->at.column == *indent && *s->p != '\0') {
        bool blank = yaml_blank(*s->p);
        if (!literal && !was_blank && !blank && str_is(*last, "\n"))
            join(text, joined_str(breaks).n == 0 ? S(" ") : S(""));
        else
            join(text, *last);
        join(text, joined_str(breaks));
        join_clear(breaks);
        was_blank = blank;
        const char *p = s->p;
        while (!yaml_break_or_end(p))
            p++;
        join(text, (struct str){ s->p, (size_t)(p - s->p) });
        yaml_step(s, p);
        *last = *s->p != '\0' ? yaml_step_line(s) : S("");
        if (!take_block_breaks(s, indent, breaks))
            return false;
    }
    return true;
}

bool yaml_scan_block(struct yaml_scan *s, bool literal, struct yaml_token *out)
{
    struct joined text = { .a = s->a }, breaks = { .a = s->a };
    struct str last = S("");
    enum chomp chomp = CLIP;
    unsigned increment = 0;

    yaml_step_byte(s);
    if (!take_block_head(s, &chomp, &increment))
        return false;
    uint32_t indent = increment == 0 ? 0 : (uint32_t)(s->indent > 0 ? s->indent : 0) + increment;
    if (!take_block_breaks(s, &indent, &breaks) || !take_block_lines(s, literal, &indent, &text, &last, &breaks))
        return false;
    if (chomp != STRIP)
        join(&text, last);
    if (chomp == KEEP)
        join(&text, joined_str(&breaks));
    out->kind = YAML_SCALAR_TOKEN;
    out->value = joined_str(&text);
    return true;
}
