/*
 * The writer: the bytes of go-yaml v2's emitter for a tree that came out of JSON. It keeps that emitter's four
 * notions - column, indent, "the last thing was white space", "only indentation on this line so far" - because
 * they decide where a dash, a folded line or a nested mapping begins.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/json.h"
#include "data/yaml.h"
#include "data/yaml_scalar.h"

#define FOLD_AFTER 80      /* columns: strings break at the next single space */
#define SIMPLE_KEY_MAX 128 /* bytes: longer keys are written with "? " */
#define INDENT 2

struct writer {
    struct buf *out;
    int column, indent; /* indent is -1 outside of everything */
    bool whitespace;    /* the last byte separates words */
    bool indention;     /* this line has nothing but indentation and indicators */
    bool in_mapping;    /* the node being written is the value of a mapping */
};

struct traits { /* what a string's bytes allow */
    bool plain, single, block, multiline;
};

static void write_node(struct writer *w, const struct value *v);

/* ---- bytes ---------------------------------------------------------------------------------------- */

static void put(struct writer *w, char c)
{
    buf_byte(w->out, c);
    w->column++;
}

static void put_break(struct writer *w)
{
    buf_byte(w->out, '\n');
    w->column = 0;
}

static void write_indent(struct writer *w)
{
    int indent = w->indent < 0 ? 0 : w->indent;

    if (!w->indention || w->column > indent || (w->column == indent && !w->whitespace))
        put_break(w);
    if (w->column < indent) {
        buf_fill(w->out, ' ', (size_t)(indent - w->column));
        w->column = indent;
    }
    w->whitespace = true;
    w->indention = true;
}

static void write_indicator(struct writer *w, const char *text, bool need_space, bool is_space, bool is_indention)
{
    if (need_space && !w->whitespace)
        put(w, ' ');
    buf_c(w->out, text);
    w->column += (int)strlen(text);
    w->whitespace = is_space;
    w->indention = w->indention && is_indention;
}

static int deepen(struct writer *w, bool flow, bool indentless)
{
    int before = w->indent;

    if (w->indent < 0)
        w->indent = flow ? INDENT : 0;
    else if (!indentless)
        w->indent += INDENT;
    return before;
}

/* ---- characters ----------------------------------------------------------------------------------- */

static bool is_break(uint32_t c)
{
    return c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029;
}

static bool is_blank(struct str s, size_t i)
{
    return i >= s.n || s.p[i] == ' ' || s.p[i] == '\t';
}

static bool is_space_at(struct str s, size_t i)
{
    return i < s.n && s.p[i] == ' ';
}

/* go-yaml escapes all that is outside of the basic plane, emoji too. */
static bool is_printable(uint32_t c)
{
    return c == '\n' || (c >= 0x20 && c <= 0x7e) || (c >= 0xa0 && c < 0xd800) || (c >= 0xe000 && c < 0xfeff)
           || (c > 0xfeff && c < 0xfffe);
}

/* The rune at byte `i` and its width. */
static size_t rune_at(struct str s, size_t i, uint32_t *c)
{
    if ((unsigned char)s.p[i] < 0x80) {
        *c = (unsigned char)s.p[i];
        return 1;
    }
    return utf8_decode((struct str){ s.p + i, s.n - i }, c);
}

/* ---- choosing a style ----------------------------------------------------------------------------- */

static bool bad_start(struct str s)
{
    if (str_starts(s, S("---")) || str_starts(s, S("...")))
        return true;
    if (memchr("#,[]{}&*!|>'\"%@`", s.p[0], 16) != NULL)
        return true;
    return (s.p[0] == '-' || s.p[0] == '?' || s.p[0] == ':') && is_blank(s, 1);
}

/* ": " and " #" end a plain scalar. */
static bool ends_plain(struct str s, size_t i)
{
    if (s.p[i] == ':')
        return is_blank(s, i + 1) || s.p[i + 1] == '\n' || s.p[i + 1] == '\r';
    return s.p[i] == '#' && i > 0 && (is_blank(s, i - 1) || s.p[i - 1] == '\n' || s.p[i - 1] == '\r');
}

static struct traits traits_of(struct str s)
{
    bool indicators = bad_start(s), breaks = false, special = false;
    bool space_break = false, break_space = false, before_space = false, before_break = false;
    uint32_t c = 0;

    for (size_t i = 0, width = 0; i < s.n; i += width) {
        width = rune_at(s, i, &c);
        if (c > ' ' && c < 0x7f && c != ':' && c != '#') {
            before_space = before_break = false;
            continue;
        }
        indicators = indicators || ends_plain(s, i);
        special = special || !is_printable(c);
        bool is_brk = is_break(c), is_spc = c == ' ';
        breaks = breaks || is_brk;
        break_space = break_space || (is_spc && before_break);
        space_break = space_break || (is_brk && before_space);
        before_space = is_spc;
        before_break = is_brk;
    }
    bool edges = s.p[0] == ' ' || s.p[s.n - 1] == ' ' || breaks;
    return (struct traits){
        .plain = !edges && !indicators && !break_space && !space_break && !special,
        .single = !break_space && !space_break && !special,
        .block = !before_space && !space_break && !special,
        .multiline = breaks,
    };
}

/* ---- strings -------------------------------------------------------------------------------------- */

static void write_rune(struct writer *w, struct str s, size_t i, size_t width)
{
    buf_add(w->out, (struct str){ s.p + i, width });
    w->column++;
}

static void write_plain(struct writer *w, struct str s, bool fold)
{
    bool spaces = false;
    uint32_t c = 0;

    if (!w->whitespace)
        put(w, ' ');
    for (size_t i = 0, width = 0; i < s.n; i += width) {
        width = rune_at(s, i, &c);
        if (c == ' ' && fold && !spaces && w->column > FOLD_AFTER && !is_space_at(s, i + 1))
            write_indent(w);
        else
            write_rune(w, s, i, width);
        spaces = c == ' ';
        w->indention = false;
    }
    w->whitespace = false;
    w->indention = false;
}

/* Only U+2028 and U+2029 come here as line breaks; the emitter copies them and starts a line. */
static void write_single(struct writer *w, struct str s, bool fold)
{
    bool spaces = false, breaks = false;
    uint32_t c = 0;

    write_indicator(w, "'", true, false, false);
    for (size_t i = 0, width = 0; i < s.n; i += width) {
        width = rune_at(s, i, &c);
        if (c == ' ') {
            if (fold && !spaces && w->column > FOLD_AFTER && i > 0 && i < s.n - 1 && !is_space_at(s, i + 1))
                write_indent(w);
            else
                write_rune(w, s, i, width);
            spaces = true;
        } else if (is_break(c)) {
            if (!breaks && c == '\n')
                put_break(w);
            write_rune(w, s, i, width);
            w->column = 0;
            w->indention = true;
            breaks = true;
        } else {
            if (breaks)
                write_indent(w);
            if (c == '\'')
                put(w, '\'');
            write_rune(w, s, i, width);
            w->indention = false;
            spaces = breaks = false;
        }
    }
    write_indicator(w, "'", false, false, false);
}

static char escape_letter(uint32_t c)
{
    static const struct {
        uint32_t c;
        char letter;
    } named[] = {
        { 0, '0' },     { 7, 'a' },    { 8, 'b' },    { '\t', 't' },   { '\n', 'n' },
        { 0xb, 'v' },   { 0xc, 'f' },  { '\r', 'r' }, { 0x1b, 'e' },   { '"', '"' },
        { '\\', '\\' }, { 0x85, 'N' }, { 0xa0, '_' }, { 0x2028, 'L' }, { 0x2029, 'P' },
    };

    for (size_t i = 0; i < COUNT(named); i++)
        if (named[i].c == c)
            return named[i].letter;
    return 0;
}

static void write_escape(struct writer *w, uint32_t c)
{
    size_t before = w->out->n;
    char letter = escape_letter(c);

    if (letter != 0)
        buf_fmt(w->out, "\\%c", letter);
    else
        buf_fmt(w->out, c <= 0xff ? "\\x%02X" : c <= 0xffff ? "\\u%04X" : "\\U%08X", (unsigned)c);
    w->column += (int)(w->out->n - before);
}

static void write_double(struct writer *w, struct str s, bool fold)
{
    bool spaces = false;
    uint32_t c = 0;

    write_indicator(w, "\"", true, false, false);
    for (size_t i = 0, width = 0; i < s.n; i += width) {
        width = rune_at(s, i, &c);
        if (!is_printable(c) || is_break(c) || c == '"' || c == '\\') {
            write_escape(w, c);
        } else if (c == ' ' && fold && !spaces && w->column > FOLD_AFTER && i > 0 && i < s.n - 1) {
            write_indent(w);
            if (is_space_at(s, i + 1))
                put(w, '\\');
        } else {
            write_rune(w, s, i, width);
        }
        spaces = c == ' ';
    }
    write_indicator(w, "\"", false, false, false);
}

static bool ends_with_break(struct str s)
{
    return s.n > 0 && (s.p[s.n - 1] == '\n' || str_ends(s, S("\u2028")) || str_ends(s, S("\u2029")));
}

static void write_block_hints(struct writer *w, struct str s)
{
    struct str shorter = { s.p, s.n - (s.n > 0 && s.p[s.n - 1] == '\n' ? 1 : 3) };

    if (s.p[0] == ' ' || s.p[0] == '\n' || str_starts(s, S("\u2028")) || str_starts(s, S("\u2029")))
        write_indicator(w, "2", false, false, false);
    if (!ends_with_break(s))
        write_indicator(w, "-", false, false, false);
    else if (shorter.n == 0 || ends_with_break(shorter))
        write_indicator(w, "+", false, false, false);
}

static void write_block(struct writer *w, struct str s)
{
    bool breaks = true;
    uint32_t c = 0;

    write_indicator(w, "|", true, false, false);
    write_block_hints(w, s);
    put_break(w);
    w->indention = w->whitespace = true;
    for (size_t i = 0, width = 0; i < s.n; i += width) {
        width = rune_at(s, i, &c);
        if (is_break(c)) {
            write_rune(w, s, i, width);
            w->column = 0;
            w->indention = breaks = true;
            continue;
        }
        if (breaks)
            write_indent(w);
        write_rune(w, s, i, width);
        w->indention = breaks = false;
    }
}

static void write_string(struct writer *w, struct str s, bool key)
{
    struct traits t = s.n == 0 ? (struct traits){ .plain = true, .single = true } : traits_of(s);
    bool newline = memchr(s.p, '\n', s.n) != NULL, ambiguous = !newline && yaml_is_ambiguous(s);

    if (newline && t.block && !key)
        write_block(w, s);
    else if (newline || ambiguous || (key && t.multiline))
        write_double(w, s, !key);
    else if (t.plain)
        write_plain(w, s, !key);
    else if (t.single)
        write_single(w, s, !key);
    else
        write_double(w, s, !key);
}

/* ---- numbers -------------------------------------------------------------------------------------- */

/* The float goes through JSON: whole ones that fit 64 bits come back as integers, the rest prints as %v. */
static void write_float(struct writer *w, double f)
{
    char text[40];
    int digits = 1;
    double back = 0;

    if (isnan(f) || isinf(f)) {
        buf_c(w->out, isnan(f) ? ".nan" : f > 0 ? ".inf" : "-.inf");
        return;
    }
    if (f == floor(f) && fabs(f) < 18446744073709551616.0 && f >= -9223372036854775808.0) {
        struct buf json = { .a = w->out->a };
        json_write_float(&json, f == 0 ? 0 : f);
        buf_add(w->out, buf_str(&json));
        return;
    }
    for (; digits < 17; digits++) {
        snprintf(text, sizeof text, "%.*e", digits - 1, f);
        if (str_to_double(str_c(text), &back) && back == f)
            break;
    }
    snprintf(text, sizeof text, "%.*e", digits - 1, f);
    int exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    if (exponent < -4 || exponent >= (digits > 6 ? digits : 6) || (exponent >= 21))
        buf_c(w->out, text);
    else
        buf_fmt(w->out, "%.*f", digits - 1 > exponent ? digits - 1 - exponent : 0, f);
}

static void write_number(struct writer *w, const struct value *v)
{
    size_t before = w->out->n;

    if (v->kind == VALUE_INT)
        buf_fmt(w->out, "%lld", (long long)v->i);
    else
        write_float(w, v->f);
    w->column += (int)(w->out->n - before);
}

/* ---- containers ----------------------------------------------------------------------------------- */

static bool is_letter(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0xc0 || c == 0xaa || c == 0xb5 || c == 0xba;
}

static bool is_digit_at(struct str s, size_t i)
{
    return i < s.n && s.p[i] >= '0' && s.p[i] <= '9';
}

/* The number that starts at `i`, after `n` as its leading digit; the end goes to *end. */
static int64_t number_at(struct str s, size_t i, int64_t n, size_t *end)
{
    for (; is_digit_at(s, i); i++)
        n = (int64_t)((uint64_t)n * 10 + (uint64_t)(s.p[i] - '0'));
    *end = i;
    return n;
}

/* Do the digits right before `i` hold one that is not zero? Then a 0 at `i` is no leading zero. */
static bool follows_number(struct str s, size_t i)
{
    while (i-- > 0 && is_digit_at(s, i))
        if (s.p[i] != '0')
            return true;
    return false;
}

/* go-yaml's natural order: letters by code point and after all else, digit runs as numbers. */
static int key_compare(struct str a, struct str b)
{
    size_t i = 0, a_end = 0, b_end = 0;
    uint32_t ca = 0, cb = 0;

    while (i < a.n && i < b.n && a.p[i] == b.p[i])
        i++;
    while (i > 0 && ((i < a.n && (a.p[i] & 0xc0) == 0x80) || (i < b.n && (b.p[i] & 0xc0) == 0x80)))
        i--; /* back to the start of the rune that differs */
    if (i >= a.n || i >= b.n)
        return (a.n > b.n) - (a.n < b.n);
    rune_at(a, i, &ca);
    rune_at(b, i, &cb);
    bool a_letter = is_letter(ca), b_letter = is_letter(cb);
    if (a_letter != b_letter)
        return a_letter ? 1 : -1;
    if (!a_letter) {
        int64_t lead = (ca == '0' || cb == '0') && follows_number(a, i);
        int64_t na = number_at(a, i, lead, &a_end), nb = number_at(b, i, lead, &b_end);
        if (na != nb)
            return na < nb ? -1 : 1;
        if (a_end != b_end)
            return a_end < b_end ? -1 : 1;
    }
    return (ca > cb) - (ca < cb);
}

static int entry_compare(const void *a, const void *b)
{
    const struct map_entry *const *x = a, *const *y = b;

    return key_compare((*x)->key, (*y)->key);
}

static bool is_simple_key(struct str key)
{
    return key.n <= SIMPLE_KEY_MAX && memchr(key.p, '\n', key.n) == NULL && !traits_of(key).multiline;
}

static void write_key(struct writer *w, struct str key)
{
    if (key.n == 0 || is_simple_key(key)) {
        write_string(w, key, true);
        write_indicator(w, ":", false, false, false);
        return;
    }
    write_indicator(w, "?", true, false, true);
    int before = deepen(w, true, false);
    write_string(w, key, false);
    w->indent = before;
    write_indent(w);
    write_indicator(w, ":", true, false, true);
}

static void write_map(struct writer *w, const struct map *m)
{
    struct arena *a = w->out->a;
    const struct map_entry **sorted = arena_new(a, const struct map_entry *, m->n);
    int before = deepen(w, false, false);

    for (size_t i = 0; i < m->n; i++)
        sorted[i] = &m->v[i];
    qsort(sorted, m->n, sizeof *sorted, entry_compare);
    for (size_t i = 0; i < m->n; i++) {
        write_indent(w);
        write_key(w, sorted[i]->key);
        w->in_mapping = true;
        write_node(w, &sorted[i]->value);
    }
    w->indent = before;
}

static void write_list(struct writer *w, const struct list *l)
{
    int before = deepen(w, false, w->in_mapping && !w->indention);

    for (size_t i = 0; i < l->n; i++) {
        write_indent(w);
        write_indicator(w, "-", true, false, true);
        w->in_mapping = false;
        write_node(w, &l->v[i]);
    }
    w->indent = before;
}

static void write_scalar(struct writer *w, const struct value *v)
{
    int before = deepen(w, true, false);

    if (v->kind == VALUE_STRING) {
        write_string(w, value_as_str(v), false);
    } else if (v->kind == VALUE_INT || v->kind == VALUE_FLOAT) {
        write_indicator(w, "", true, false, false);
        write_number(w, v);
    } else {
        const char *word = v->kind != VALUE_BOOL ? "null" : v->b ? "true" : "false";
        write_indicator(w, word, true, false, false);
    }
    w->indent = before;
}

static void write_node(struct writer *w, const struct value *v)
{
    if (v->kind == VALUE_MAP && v->map->n > 0)
        write_map(w, v->map);
    else if (v->kind == VALUE_LIST && v->list->n > 0)
        write_list(w, v->list);
    else if (v->kind == VALUE_MAP || v->kind == VALUE_LIST)
        write_indicator(w, v->kind == VALUE_MAP ? "{}" : "[]", true, false, false);
    else
        write_scalar(w, v);
}

void yaml_write(struct buf *out, const struct value *v)
{
    struct writer w = { .out = out, .indent = -1, .whitespace = true, .indention = true };

    write_node(&w, v);
    write_indent(&w);
}

struct str yaml_str(struct arena *a, const struct value *v)
{
    struct buf b = { .a = a };

    yaml_write(&b, v);
    return buf_str(&b);
}
