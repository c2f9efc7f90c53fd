/*
 * The writer: the bytes of go-yaml v2's emitter for a tree that came out of JSON. It keeps that emitter's four
 * notions - column, indent, "the last thing was white space", "only indentation on this line so far" - because
 * they decide where a dash, a folded line or a nested mapping begins.
 */
#include <math.h>
#include <stdlib.h>

#include "data/gofmt.h"
#include "data/json.h"
#include "data/scan.h"
#include "data/yaml.h"
#include "data/yaml_scalar.h"

#define FOLD_AFTER 80      /* columns: strings break at the next single space */
#define SIMPLE_KEY_MAX 128 /* bytes: longer keys are written with "? " */
#define INDENT 2

struct writer {
    struct buf *out;
    struct arena aside; /* orders of keys */
    int column, indent; /* indent is -1 outside of everything */
    bool whitespace;    /* the last byte separates words */
    bool indention;     /* this line has nothing but indentation and indicators */
    bool pretty;        /* yaml_write_pretty */
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

static bool beyond_fold(const struct writer *w)
{
    return w->column > FOLD_AFTER && !w->pretty;
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

/* From byte `i` on: past the characters that allow every style. */
static size_t skip_harmless(struct str s, size_t i)
{
    while (i < s.n && (uint8_t)s.p[i] > ' ' && (uint8_t)s.p[i] < 0x7f && s.p[i] != ':' && s.p[i] != '#')
        i++;
    return i;
}

static struct traits traits_of(const struct writer *w, struct str s)
{
    bool indicators = bad_start(s), breaks = false, special = false, tabs = false;
    bool space_break = false, break_space = false, before_space = false, before_break = false;
    uint32_t c = 0;

    for (size_t i = 0, from = 0; i < s.n;) {
        i = skip_harmless(s, from = i);
        if (i > from)
            before_space = before_break = false;
        if (i == s.n)
            break;
        size_t at = i;
        i += rune_at(s, at, &c);
        indicators = indicators || ends_plain(s, at);
        tabs = tabs || c == '\t';
        special = special || (!is_printable(c) && !(w->pretty && c == '\t'));
        bool is_brk = is_break(c), is_spc = c == ' ';
        breaks = breaks || is_brk;
        break_space = break_space || (is_spc && before_break);
        space_break = space_break || (is_brk && before_space);
        before_space = is_spc;
        before_break = is_brk;
    }
    bool edges = s.p[0] == ' ' || s.p[s.n - 1] == ' ' || breaks;
    return (struct traits){
        .plain = !edges && !indicators && !break_space && !space_break && !special && !tabs,
        .single = !break_space && !space_break && !special && !tabs,
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

/* Several runes on one line. */
static void write_run(struct writer *w, struct str run)
{
    buf_add(w->out, run);
    w->column += (int)utf8_count(run);
}

/* Does a text of so many bytes end before the column where lines are folded? */
static bool fits(const struct writer *w, struct str s)
{
    return s.n < FOLD_AFTER && w->column + (int)s.n <= FOLD_AFTER;
}

/* The word that starts at byte `i`, or the first of several blanks. */
static struct str word_at(struct str s, size_t i)
{
    const char *blank = memchr(s.p + i, ' ', s.n - i);
    size_t end = blank == NULL ? s.n : (size_t)(blank - s.p);

    return str_slice(s, i, end > i ? end : i + 1);
}

static void write_plain(struct writer *w, struct str s, bool fold)
{
    bool spaces = false;

    if (!w->whitespace)
        put(w, ' ');
    for (size_t i = 0; i < s.n;) {
        struct str word = !fold || fits(w, s) ? str_slice(s, i, s.n) : word_at(s, i);
        bool space = word.p[0] == ' ';
        if (space && word.n == 1 && fold && !spaces && beyond_fold(w) && !is_space_at(s, i + 1))
            write_indent(w);
        else
            write_run(w, word);
        spaces = space;
        i += word.n;
        w->indention = false;
    }
    w->whitespace = false;
    w->indention = false;
}

static bool is_ascii_without(struct str s, char c)
{
    return memchr(s.p, c, s.n) == NULL && scan_printable(s.p, s.p + s.n) == s.p + s.n;
}

/* Only U+2028 and U+2029 come here as line breaks; the emitter copies them and starts a line. */
static void write_single(struct writer *w, struct str s, bool fold)
{
    bool spaces = false, breaks = false;
    uint32_t c = 0;

    write_indicator(w, "'", true, false, false);
    if ((!fold || fits(w, s)) && is_ascii_without(s, '\'')) {
        write_run(w, s);
        s.n = 0;
    }
    for (size_t i = 0, width = 0; i < s.n; i += width) {
        width = rune_at(s, i, &c);
        if (c == ' ') {
            if (fold && !spaces && beyond_fold(w) && i > 0 && i < s.n - 1 && !is_space_at(s, i + 1))
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

/* Bytes that go as they are in double quotes, from the rune of `width` bytes at `i` on; blanks come one at a time. */
static size_t unescaped_run(struct str s, size_t i, size_t width)
{
    size_t end = i + width;

    if (width > 1 || s.p[i] == ' ')
        return width;
    while (end < s.n && (uint8_t)s.p[end] > ' ' && (uint8_t)s.p[end] < 0x7f && s.p[end] != '"' && s.p[end] != '\\')
        end++;
    return end - i;
}

static void write_double(struct writer *w, struct str s, bool fold)
{
    bool marked = str_starts(s, S("\xef\xbb\xbf")); /* go-yaml takes all that follows for the mark */
    bool spaces = false;
    uint32_t c = 0;

    write_indicator(w, "\"", true, false, false);
    for (size_t i = 0, width = 0; i < s.n; i += width) {
        width = rune_at(s, i, &c);
        if (marked || !is_printable(c) || is_break(c) || c == '"' || c == '\\') {
            write_escape(w, c);
        } else if (c == ' ' && fold && !spaces && beyond_fold(w) && i > 0 && i < s.n - 1) {
            write_indent(w);
            if (is_space_at(s, i + 1))
                put(w, '\\');
        } else {
            width = unescaped_run(s, i, width);
            write_run(w, str_slice(s, i, i + width));
        }
        spaces = c == ' ' && !marked;
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

/* The ASCII that goes on the line, from the rune of `width` bytes at `i` on. */
static size_t line_run(struct str s, size_t i, size_t width)
{
    size_t end = i + width;

    while (width == 1 && end < s.n && (uint8_t)s.p[end] >= ' ' && (uint8_t)s.p[end] < 0x7f)
        end++;
    return end - i;
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
        width = line_run(s, i, width);
        write_run(w, str_slice(s, i, i + width));
        w->indention = breaks = false;
    }
}

static struct traits traits_or_empty(const struct writer *w, struct str s)
{
    return s.n == 0 ? (struct traits){ .plain = true, .single = true } : traits_of(w, s);
}

static void write_string(struct writer *w, struct str s, struct traits t, bool key)
{
    bool newline = t.multiline && memchr(s.p, '\n', s.n) != NULL, ambiguous = !newline && yaml_is_ambiguous(s);

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
    char room[GO_FLOAT_MAX];

    if (!isfinite(f)) {
        buf_c(w->out, isnan(f) ? ".nan" : f > 0 ? ".inf" : "-.inf");
        return;
    }
    if (!w->pretty && f == floor(f) && f < 18446744073709551616.0
        && f > -9223372036854775808.0) /* JSON's digits of the least int64 lie below it */
        json_write_float(w->out, f == 0 ? 0 : f);
    else
        buf_add(w->out, go_float(room, f, 64));
}

static void write_number(struct writer *w, const struct value *v)
{
    size_t before = w->out->n;

    if (v->kind == VALUE_INT)
        json_write(w->out, v, 0);
    else
        write_float(w, v->f);
    w->column += (int)(w->out->n - before);
}

/* ---- containers ----------------------------------------------------------------------------------- */

static int compare_v2(const void *a, const void *b)
{
    const struct map_entry *const *x = a, *const *y = b;

    return yaml_key_compare((*x)->key, (*y)->key, false);
}

static int compare_v3(const void *a, const void *b)
{
    const struct map_entry *const *x = a, *const *y = b;

    return yaml_key_compare((*x)->key, (*y)->key, true);
}

static void write_key(struct writer *w, struct str key)
{
    struct traits t = traits_or_empty(w, key);

    if (key.n <= SIMPLE_KEY_MAX && !t.multiline) {
        write_string(w, key, t, true);
        write_indicator(w, ":", false, false, false);
        return;
    }
    write_indicator(w, "?", true, false, true);
    int before = deepen(w, true, false);
    write_string(w, key, t, false);
    w->indent = before;
    write_indent(w);
    write_indicator(w, ":", true, false, true);
}

static void write_map(struct writer *w, const struct map *m)
{
    struct arena_mark mark = arena_mark(&w->aside);
    const struct map_entry **sorted = arena_alloc_raw(&w->aside, m->n * sizeof *sorted);
    int before = deepen(w, false, false);

    for (size_t i = 0; i < m->n; i++)
        sorted[i] = &m->v[i];
    map_order(&w->aside, sorted, m->n, w->pretty ? compare_v3 : compare_v2);
    for (size_t i = 0; i < m->n; i++) {
        write_indent(w);
        write_key(w, sorted[i]->key);
        w->in_mapping = true;
        write_node(w, &sorted[i]->value);
    }
    w->indent = before;
    arena_rewind(&w->aside, mark);
}

static void write_list(struct writer *w, const struct list *l)
{
    int before = deepen(w, false, w->in_mapping && !w->indention && !w->pretty);

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
        write_string(w, value_as_str(v), traits_or_empty(w, value_as_str(v)), false);
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

static void write_document(struct buf *out, const struct value *v, bool pretty)
{
    struct writer w = { .out = out, .indent = -1, .whitespace = true, .indention = true, .pretty = pretty };

    write_node(&w, v);
    write_indent(&w);
    arena_close(&w.aside);
}

void yaml_write(struct buf *out, const struct value *v)
{
    write_document(out, v, false);
}

void yaml_write_pretty(struct buf *out, const struct value *v)
{
    write_document(out, v, true);
}

struct str yaml_str(struct arena *a, const struct value *v)
{
    struct buf b = { .a = a };

    yaml_write(&b, v);
    return buf_str(&b);
}

/* ---- what JSON and YAML refuse -------------------------------------------------------------------- */

/* Would a string change or fail on its way through JSON text and a YAML reader? */
static bool is_exotic(struct str s)
{
    uint32_t c = 0;

    for (size_t i = 0, width = 0;; i += width) {
        i = (size_t)(scan_printable(s.p + i, s.p + s.n) - s.p);
        if (i >= s.n)
            return false;
        width = rune_at(s, i, &c);
        if ((c >= 0x7f && c < 0xa0) || c == 0xfeff || (c >= 0xfffd && c <= 0xffff))
            return true;
    }
}

/* Look through the tree: *exotic when some string needs the way through JSON; false for a number without JSON form. */
static bool inspect(const struct value *v, bool *exotic, struct err *e)
{
    if (v->kind == VALUE_FLOAT && !isfinite(v->f))
        return err_set(e, ERR_INVALID, "json: unsupported value: %s", isnan(v->f) ? "NaN" : v->f > 0 ? "+Inf" : "-Inf");
    if (v->kind == VALUE_STRING)
        *exotic = *exotic || is_exotic(value_as_str(v));
    for (size_t i = 0; v->kind == VALUE_LIST && i < v->list->n; i++)
        if (!inspect(&v->list->v[i], exotic, e))
            return false;
    for (size_t i = 0; v->kind == VALUE_MAP && i < v->map->n; i++) {
        *exotic = *exotic || is_exotic(v->map->v[i].key);
        if (!inspect(&v->map->v[i].value, exotic, e))
            return false;
    }
    return true;
}

bool yaml_marshal(struct buf *out, const struct value *v, struct err *e)
{
    struct value back = *v;
    bool exotic = false;

    if (!inspect(v, &exotic, e))
        return false;
    if (exotic && !yaml_parse(out->a, json_str(out->a, v, JSON_SORT_KEYS | JSON_ESCAPE_HTML), NULL, &back, e))
        return false;
    yaml_write(out, &back);
    return true;
}
