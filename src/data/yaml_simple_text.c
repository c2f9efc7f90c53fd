/* Scalars: plain, quoted, literal and folded texts. */
#include <math.h>

#include "base/hex.h"
#include "data/gofmt.h"
#include "data/yaml_reader.h"
#include "data/yaml_scalar.h"
#include "data/yaml_simple_parts.h"

/* ---- characters ----------------------------------------------------------------------------------- */

/* Only characters that mean nothing special to any YAML reader; the rare ones are the scanner's business. */
static bool check_characters(struct str text, bool *has_returns)
{
    const char *end = text.p + text.n, *p = scan_printable(text.p, end);
    uint32_t c = 0;

    *has_returns = false;
    for (; p < end; p = scan_printable(p, end)) {
        size_t width = utf8_decode((struct str){ p, (size_t)(end - p) }, &c);
        if (c == '\r' && end - p > 1 && p[1] == '\n')
            *has_returns = true;
        else if ((c < 0xa0 && c != '\t') || c == 0x2028 || c == 0x2029 || c == 0xfeff || c == 0xfffd || c == 0xfffe
                 || c == 0xffff)
            return false;
        p += width;
    }
    return true;
}

static size_t drop_returns(char *p, size_t n)
{
    char *to = p;

    for (size_t i = 0; i < n; i++)
        if (p[i] != '\r')
            *to++ = p[i];
    return (size_t)(to - p);
}

bool yaml_simple_prepare(struct arena *a, struct str text, struct str *out)
{
    bool has_returns = false;

    if (text.n == 0)
        text = S("");
    if (!check_characters(text, &has_returns))
        return false;
    char *p = arena_alloc_raw(a, text.n + 1);
    memcpy(p, text.p, text.n);
    size_t n = has_returns ? drop_returns(p, text.n) : text.n;
    p[n] = '\0';
    *out = (struct str){ p, n };
    return true;
}

/* Move `n` bytes down to *to, which then stands behind them. */
static void move(char **to, const char *from, size_t n)
{
    if (*to != from)
        memmove(*to, from, n);
    *to += n;
}

static void put_breaks(char **to, size_t n)
{
    memset(*to, '\n', n);
    *to += n;
}

/* A text goes on behind `n` line breaks: one is a blank, of several the first vanishes. */
static void fold(char **to, size_t n)
{
    if (n == 1)
        *(*to)++ = ' ';
    else
        put_breaks(to, n - 1);
}

/* ---- plain ---------------------------------------------------------------------------------------- */

enum { PLAIN_STOP = 1, FLOW_STOP = 2, NO_START = 4 };

/* What a byte may do to a plain text. */
static const uint8_t classes[256] = {
    ['\0'] = PLAIN_STOP | FLOW_STOP | NO_START,
    ['\n'] = PLAIN_STOP | FLOW_STOP | NO_START,
    [':'] = PLAIN_STOP | FLOW_STOP | NO_START,
    ['#'] = PLAIN_STOP | FLOW_STOP | NO_START,
    [','] = FLOW_STOP | NO_START,
    ['['] = FLOW_STOP | NO_START,
    [']'] = FLOW_STOP | NO_START,
    ['{'] = FLOW_STOP | NO_START,
    ['}'] = FLOW_STOP | NO_START,
    ['?'] = FLOW_STOP | NO_START,
    ['&'] = NO_START,
    ['*'] = NO_START,
    ['!'] = NO_START,
    ['|'] = NO_START,
    ['>'] = NO_START,
    ['\''] = NO_START,
    ['"'] = NO_START,
    ['%'] = NO_START,
    ['@'] = NO_START,
    ['`'] = NO_START,
    [' '] = NO_START,
    ['\t'] = NO_START,
};

static bool starts_plain(const char *p, bool flow)
{
    if (*p == '-' || (!flow && (*p == ':' || *p == '?')))
        return !yaml_simple_blank(p[1]) && !yaml_simple_end(p[1]);
    return (classes[(uint8_t)*p] & NO_START) == 0;
}

/* The end of the plain text at `p` on its line: a colon with a blank behind it, a comment, the line's end. */
static char *plain_stop(char *p, unsigned stops)
{
    for (char *q = p;; q++) {
        while ((classes[(uint8_t)*q] & stops) == 0)
            q++;
        if (*q == ':' && !yaml_simple_blank(q[1]) && !yaml_simple_end(q[1]))
            continue;
        if (*q == '#' && (q == p || !yaml_simple_blank(q[-1])))
            continue;
        return q;
    }
}

static struct str trimmed(const char *p, const char *stop)
{
    while (stop > p && yaml_simple_blank(stop[-1]))
        stop--;
    return (struct str){ p, (size_t)(stop - p) };
}

/* The blanks in front of a comment are what makes it one. */
static void leave_comment(struct simple *s, char *start, size_t n)
{
    if (*s->p == '#')
        s->p = start + n;
}

static bool plain_word(struct simple *s, bool flow, struct simple_word *out)
{
    char *start = s->p;

    if (!starts_plain(start, flow))
        return false;
    s->p = plain_stop(start, flow ? FLOW_STOP : PLAIN_STOP);
    *out = (struct simple_word){ trimmed(start, s->p), .plain = true, .key = *s->p == ':' };
    if (out->key)
        return s->p++ - start <= YAML_SIMPLE_KEY_MAX;
    bool ok = *s->p != '?'; /* flow collections only */
    leave_comment(s, start, out->text.n);
    return ok;
}

/* The next line with content behind the line that ends at `p`; how many breaks lie before it. */
static char *next_line(char *p, size_t *breaks, int *column)
{
    *breaks = 0;
    for (;;) {
        char *line = ++p;
        ++*breaks;
        while (*p == ' ')
            p++;
        *column = (int)(p - line);
        if (*p != '\n')
            return p;
    }
}

bool yaml_simple_continue(struct simple *s, int parent, struct simple_word *word)
{
    char *to = s->p - (s->p - (word->text.p + word->text.n));
    size_t breaks = 0;
    int column = 0;

    while (*s->p == '\n') {
        char *p = next_line(s->p, &breaks, &column);
        if (*p == '\t')
            return false;
        if (*p == '\0' || *p == '#' || column <= parent || (column == 0 && yaml_simple_any_marker(p)))
            break;
        s->p = plain_stop(p, PLAIN_STOP);
        if (*s->p == ':')
            return false;
        size_t n = trimmed(p, s->p).n;
        leave_comment(s, p, n);
        fold(&to, breaks);
        move(&to, p, n);
    }
    word->text.n = (size_t)(to - word->text.p);
    return true;
}

/* ---- quoted --------------------------------------------------------------------------------------- */

/* The byte that a backslash and `c` stand for, or 0 when it takes more than this to know. */
static char simple_escape(char c)
{
    static const char from[] = "\"\\ntrabvfe '", to[] = "\"\\\n\t\r\a\b\v\f\x1b '";
    const char *at = c == '\0' ? NULL : strchr(from, c);

    return at == NULL ? '\0' : to[at - from];
}

/* Digits of a code point behind the letter x, u or U: more of them than the UTF-8 has bytes. */
static bool take_code(struct simple *s, char **to)
{
    char c = *s->p++;
    unsigned digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    char room[8];
    struct buf b = { .a = s->items.a, .p = room, .cap = sizeof room };
    uint32_t code = 0;

    for (unsigned i = 0; i < digits; i++) {
        int d = hex_digit(*s->p++);
        if (d < 0)
            return false;
        code = code << 4 | (uint32_t)d;
    }
    if (digits == 0 || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff)
        return false;
    buf_rune(&b, code);
    move(to, b.p, b.n);
    return true;
}

/* At a line break in a quoted text: blanks around it go. An escaped break stands for nothing itself. */
static bool take_break(struct simple *s, char **to, bool escaped)
{
    size_t breaks = 0;

    for (; *s->p == '\n' || yaml_simple_blank(*s->p); s->p++) {
        if (*s->p != '\n')
            continue;
        breaks++;
        s->line = s->p + 1;
        if (yaml_simple_any_marker(s->line))
            return false;
    }
    if (escaped)
        put_breaks(to, breaks - 1);
    else
        fold(to, breaks);
    return true;
}

/* `p` is at a backslash. */
static bool take_escape(struct simple *s, char **to)
{
    char c = *++s->p, plain = simple_escape(c);

    if (c == '\n')
        return take_break(s, to, true);
    if (plain == '\0')
        return take_code(s, to);
    *(*to)++ = plain;
    s->p++;
    return true;
}

static char *quoted_stop(char *p, const char *end, char quote)
{
    if (quote == '"')
        return p + (scan_json_string(p, end) - p);
    while (*p != quote && !yaml_simple_end(*p))
        p++;
    return p;
}

/* The text behind the opening quote, joined in place; `p` ends behind the closing one. */
static bool quoted_text(struct simple *s, char quote, struct str *out, bool *broken)
{
    char *start = s->p, *to = s->p, *solid = s->p; /* blanks before `solid` were escaped and stay */

    for (;;) {
        char *run = s->p;
        s->p = quoted_stop(run, s->end, quote);
        move(&to, run, (size_t)(s->p - run));
        if (*s->p == '\t') {
            s->p++;
            *to++ = '\t';
        } else if (*s->p == '\n') {
            *broken = true;
            to = solid + trimmed(solid, to).n;
            if (!take_break(s, &to, false))
                return false;
            solid = to;
        } else if (*s->p == '\\') {
            *broken = *broken || s->p[1] == '\n';
            if (!take_escape(s, &to))
                return false;
            solid = to;
        } else if (quote == '\'' && *s->p == quote && s->p[1] == quote) {
            *to++ = quote;
            s->p += 2;
        } else {
            break;
        }
    }
    *out = (struct str){ start, (size_t)(to - start) };
    return *s->p++ == quote;
}

static bool quoted_word(struct simple *s, bool flow, struct simple_word *out)
{
    const char *start = s->p;
    bool broken = false;

    *out = (struct simple_word){ .plain = false };
    if (!quoted_text(s, *s->p++, &out->text, &broken))
        return false;
    char *after = s->p;
    while (yaml_simple_blank(*after))
        after++;
    if (*after != ':')
        return true;
    out->key = true;
    s->p = after + 1;
    return !broken && after - start <= YAML_SIMPLE_KEY_MAX
           && (flow || yaml_simple_blank(after[1]) || yaml_simple_end(after[1]));
}

bool yaml_simple_word(struct simple *s, bool flow, struct simple_word *out)
{
    return *s->p == '"' || *s->p == '\'' ? quoted_word(s, flow, out) : plain_word(s, flow, out);
}

/* ---- values --------------------------------------------------------------------------------------- */

bool yaml_simple_put(struct simple *s, const struct simple_word *word)
{
    struct value v = value_str(word->text);

    if (word->plain)
        yaml_resolve(word->text, &v);
    gather(&s->items, v);
    return v.kind != VALUE_FLOAT || isfinite(v.f);
}

bool yaml_simple_put_key(struct simple *s, const struct simple_word *word)
{
    struct value v = value_str(word->text);
    struct str text;

    if (word->plain)
        yaml_resolve(word->text, &v);
    if (!yaml_key_text(s->items.a, &v, &text))
        return false;
    gather(&s->items, value_str(text));
    return !word->plain || !str_is(word->text, "<<");
}

/* ---- literal and folded blocks -------------------------------------------------------------------- */

struct block {
    bool folded;
    char chomp;    /* '-', '+' or 0 */
    int increment; /* of the indentation as written, or 0 */
    int indent;    /* of the lines */
};

/* The indicators, and what else stands on the first line. */
static bool take_head(struct simple *s, struct block *b)
{
    *b = (struct block){ .folded = *s->p++ == '>' };
    for (int i = 0; i < 2; i++) {
        if (b->chomp == '\0' && (*s->p == '-' || *s->p == '+'))
            b->chomp = *s->p++;
        else if (b->increment == 0 && *s->p >= '1' && *s->p <= '9')
            b->increment = *s->p++ - '0';
    }
    const char *before = s->p;
    while (yaml_simple_blank(*s->p))
        s->p++;
    if (*s->p != '\n' && (*s->p != '#' || s->p == before))
        return false;
    yaml_simple_skip_line(s);
    return true;
}

/*
 * The block's indentation: that of its first line with content, which is 0 when no line is deep enough. Blank lines
 * before it must not be longer.
 */
static bool find_indent(const struct simple *s, int parent, int *out)
{
    const char *p = s->p, *q = p;
    int longest = 0;

    for (;; p = q + 1) {
        q = scan_blanks(p, s->end);
        *out = (int)(q - p);
        if (*q != '\n')
            break;
        longest = *out > longest ? *out : longest;
    }
    if (*q == '\0' || *out <= parent)
        *out = 0;
    return *q != '\t' && (longest <= *out || *out == 0);
}

/* Up to `most` blanks. */
static char *skip_indent(char *p, int most)
{
    for (int i = 0; i < most && *p == ' '; i++)
        p++;
    return p;
}

/* The line breaks between two lines of the block; both of them start with a word when `even`. */
static void join_lines(const struct block *b, char **to, size_t breaks, bool even)
{
    if (b->folded && even && breaks > 0)
        fold(to, breaks);
    else
        put_breaks(to, breaks);
}

/* A block without lines: only the empty ones count. */
static void skip_empty_lines(struct simple *s, size_t *breaks)
{
    for (;;) {
        const char *q = scan_blanks(s->p, s->end);
        if (*q != '\n')
            return;
        s->p += q + 1 - s->p;
        ++*breaks;
    }
}

/* The lines of the block, joined; *breaks are left behind the last one. */
static bool take_lines(struct simple *s, const struct block *b, char **to, size_t *breaks)
{
    bool uneven = true; /* there is nothing before the first line to fold it with */

    for (*breaks = 0;;) {
        char *p = skip_indent(s->p, b->indent);
        if (*p == '\n') {
            ++*breaks;
            s->p = p + 1;
            continue;
        }
        if (*p == '\0')
            s->p = p;
        if (*p == '\0' || p - s->p < b->indent)
            return *p != '\t';
        bool starts_blank = yaml_simple_blank(*p);
        join_lines(b, to, *breaks, !uneven && !starts_blank);
        uneven = starts_blank;
        s->p = p;
        yaml_simple_skip_line(s);
        bool ended = s->p[-1] == '\n';
        move(to, p, (size_t)(s->p - p) - ended);
        *breaks = ended;
    }
}

bool yaml_simple_block(struct simple *s, int parent)
{
    struct block b;
    size_t breaks = 0;

    if (!take_head(s, &b))
        return false;
    b.indent = (parent > 0 ? parent : 0) + b.increment;
    if (b.increment == 0 && !find_indent(s, parent, &b.indent))
        return false;
    char *start = s->p, *to = start;
    if (b.indent == 0)
        skip_empty_lines(s, &breaks);
    else if (!take_lines(s, &b, &to, &breaks))
        return false;
    if (b.chomp == '+')
        put_breaks(&to, breaks);
    else if (b.chomp == '\0' && breaks > 0 && to > start)
        put_breaks(&to, 1);
    gather(&s->items, value_str((struct str){ start, (size_t)(to - start) }));
    return true;
}
