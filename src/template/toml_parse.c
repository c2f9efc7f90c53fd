/*
 * TOML 1.0, read with the words of github.com/BurntSushi/toml for what is wrong. Tables that were written out are told
 * from those that a dotted name made on the way, since only the latter may be opened later.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "base/hex.h"
#include "data/gofmt.h"
#include "data/gotime.h"
#include "template/formats.h"
#include "template/funcs.h"

enum { DEPTH_MAX = 200 };

struct parser {
    struct arena *a;
    struct str s;
    size_t i;
    size_t invalid; /* where the text stops to be UTF-8 */
    unsigned line;
    int depth;
    struct str table;    /* name of the open one */
    struct str last_key; /* for messages; empty: none */
    struct err *e;
    struct map defined; /* path -> bool: true for tables that were written out and for values */
};

/* Names of one key, "a.b.c". */
struct names {
    VEC(struct str) parts;
};

/* ---- errors ------------------------------------------------------------------------------- */

static PRINTF(2, 3) bool fail(struct parser *p, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str text = arena_vfmt(p->a, fmt, args);
    va_end(args);
    if (p->last_key.n == 0)
        return err_set(p->e, ERR_INVALID, "toml: line %u: %.*s", p->line, STR(text));
    return err_set(p->e, ERR_INVALID, "toml: line %u (last key \"%.*s\"): %.*s", p->line, STR(p->last_key), STR(text));
}

static int peek(const struct parser *p)
{
    return p->i < p->s.n ? (uint8_t)p->s.p[p->i] : -1;
}

static bool at(const struct parser *p, const char *text)
{
    return str_starts(str_slice(p->s, p->i, p->s.n), str_c(text));
}

static const char *shown(struct parser *p)
{
    struct buf b = { .a = p->a };
    uint32_t r;
    size_t n = utf8_decode(str_slice(p->s, p->i, p->s.n), &r);
    quote_into(&b, (struct str){ p->s.p + p->i, n }, '\'', 0);
    return b.p;
}

/* The next character may stand in a text: of control characters only a tab and the ends of lines. */
static bool is_fine(const struct parser *p)
{
    int ch = peek(p);
    return p->i != p->invalid && (ch < 0 || ch == '\t' || ch == '\n' || (ch >= ' ' && ch != 0x7f) || at(p, "\r\n"));
}

static bool check_fine(struct parser *p)
{
    if (is_fine(p))
        return true;
    if (p->i == p->invalid)
        return fail(p, "invalid UTF-8 byte: 0x%02x", (unsigned)peek(p));
    if (peek(p) == 0)
        return fail(p, "files cannot contain NULL bytes; probably using UTF-16; TOML files must be UTF-8");
    return fail(p, "TOML files cannot contain control characters: '0x%02x'", (unsigned)peek(p));
}

/* ---- space -------------------------------------------------------------------------------- */

static void skip_blanks(struct parser *p)
{
    while (peek(p) == ' ' || peek(p) == '\t')
        p->i++;
}

static void skip_comment(struct parser *p)
{
    if (peek(p) == '#')
        while (peek(p) >= 0 && peek(p) != '\n' && is_fine(p))
            p->i++;
}

static bool take_newline(struct parser *p)
{
    size_t n = at(p, "\r\n") ? 2 : peek(p) == '\n' ? 1 : 0;
    p->i += n;
    p->line += n > 0;
    return n > 0;
}

static void skip_lines(struct parser *p)
{
    do {
        skip_blanks(p);
        skip_comment(p);
    } while (take_newline(p));
}

static bool end_of_line(struct parser *p)
{
    skip_blanks(p);
    skip_comment(p);
    if (peek(p) < 0 || take_newline(p))
        return true;
    return check_fine(p)
           && fail(p, "expected a top-level item to end with a newline, comment, or EOF, but got %s instead", shown(p));
}

/* ---- strings ------------------------------------------------------------------------------ */

/* Behind \\x, \\u or \\U. */
static bool read_unicode(struct parser *p, int digits, struct buf *b)
{
    static const char *const counts[] = { [2] = "two", [4] = "four", [8] = "eight" };
    uint32_t r = 0;
    size_t start = p->i - 2;
    for (int k = 0; k < digits; k++, p->i++) {
        int ch = peek(p);
        if (ch < 0 || !isxdigit(ch))
            return fail(p, "expected %s hexadecimal digits after '\\%c', but got %.*s instead", counts[digits],
                        p->s.p[start + 1], STR(go_quote(p->a, str_slice(p->s, start, p->i + (ch >= 0)))));
        r = r << 4 | (uint32_t)hex_digit((char)ch);
    }
    if (r > 0x10ffff || (r >= 0xd800 && r <= 0xdfff))
        return fail(p, "Escaped character '\\u%.*s' is not valid UTF-8.", digits, p->s.p + p->i - digits);
    buf_rune(b, r);
    return true;
}

/* After the backslash. */
static bool read_escape(struct parser *p, bool multiline, struct buf *b)
{
    static const char names[] = "btnfre\"\\", values[] = "\b\t\n\f\r\x1b\"\\";
    int ch = peek(p);
    const char *named = ch > 0 ? strchr(names, ch) : NULL;
    if (multiline && (ch == '\n' || ch == '\r' || ch == ' ' || ch == '\t')) {
        while (peek(p) == ' ' || peek(p) == '\t' || take_newline(p))
            p->i += peek(p) == ' ' || peek(p) == '\t';
        return true;
    }
    if (named == NULL && ch != 'x' && ch != 'u' && ch != 'U')
        return fail(p,
                    "invalid escape character %s; only the following escape characters are allowed: \\b, \\t, \\n, "
                    "\\f, \\r, \\\", \\\\, \\uXXXX, and \\UXXXXXXXX",
                    ch < 0 ? "EOF" : shown(p));
    p->i++;
    if (named == NULL)
        return read_unicode(p, ch == 'x' ? 2 : ch == 'u' ? 4 : 8, b);
    buf_byte(b, values[named - names]);
    return true;
}

/* At the opening quotes. */
static bool read_string(struct parser *p, struct str *out)
{
    struct buf b = { .a = p->a };
    char quote = p->s.p[p->i];
    const char *triple = quote == '"' ? "\"\"\"" : "'''";
    bool multiline = at(p, triple);
    p->i += multiline ? 3 : 1;
    if (multiline)
        take_newline(p);
    for (;;) {
        int ch = peek(p);
        if (ch < 0)
            return fail(p, multiline ? "unexpected EOF; expected '%s'" : "unexpected EOF; expected '%.1s'", triple);
        if (!check_fine(p))
            return false;
        if (!multiline && ch == '\n')
            return fail(p, "strings cannot contain newlines");
        if (multiline ? at(p, triple) : ch == quote)
            break;
        if (multiline && take_newline(p)) {
            buf_byte(&b, '\n');
            continue;
        }
        p->i++;
        if (ch != '\\' || quote == '\'')
            buf_byte(&b, (char)ch);
        else if (!read_escape(p, multiline, &b))
            return false;
    }
    p->i += multiline ? 3 : 1;
    while (multiline && peek(p) == quote) { /* up to two quotes belong to the text before the last three */
        buf_byte(&b, quote);
        p->i++;
    }
    *out = buf_str(&b);
    return true;
}

/* ---- keys --------------------------------------------------------------------------------- */

static bool is_bare(int ch)
{
    return ch >= 0 && ch < 0x80 && (isalnum(ch) || ch == '_' || ch == '-');
}

static bool read_name(struct parser *p, struct str *out)
{
    size_t start = p->i;
    if (peek(p) == '"' || peek(p) == '\'')
        return read_string(p, out);
    while (is_bare(peek(p)))
        p->i++;
    *out = str_slice(p->s, start, p->i);
    if (out->n > 0 || (peek(p) >= 0 && strchr("=.]\n", peek(p)) == NULL))
        return true; /* of an empty one the caller says what should follow it */
    if (peek(p) < 0)
        return fail(p, "unexpected EOF");
    return fail(p, "unexpected %s: key name appears blank", shown(p));
}

static bool read_key(struct parser *p, struct names *out)
{
    *out = (struct names){ 0 };
    for (;;) {
        skip_blanks(p);
        if (!read_name(p, vec_push(p->a, &out->parts)))
            return false;
        skip_blanks(p);
        if (peek(p) != '.')
            return true;
        p->i++;
    }
}

static struct str joined(struct arena *a, const struct names *k, size_t n)
{
    struct buf b = { .a = a };
    for (size_t i = 0; i < n; i++) {
        buf_c(&b, i > 0 ? "." : "");
        buf_add(&b, k->parts.v[i]);
    }
    return buf_str(&b);
}

/* ---- scalars ------------------------------------------------------------------------------ */

static bool is_value_char(int ch)
{
    return ch >= 0 && (isalnum(ch) || ch == '_' || ch == '+' || ch == '-' || ch == '.' || ch == ':');
}

static bool read_time(struct parser *p, struct str text, struct value *out)
{
    static const char *const layouts[] = { "2006-01-02T15:04:05.999999999Z07:00",
                                           "2006-01-02T15:04:05.999999999",
                                           "2006-01-02T15:04Z07:00",
                                           "2006-01-02T15:04",
                                           "2006-01-02",
                                           "15:04:05.999999999",
                                           "15:04" };
    struct gotime t;
    struct err ignored;
    char *copy = arena_alloc_raw(p->a, text.n + 1);
    for (size_t i = 0; i < text.n; i++)
        copy[i] = i == 10 && (text.p[i] == ' ' || text.p[i] == 't') ? 'T' : text.p[i] == 'z' ? 'Z' : text.p[i];
    for (size_t i = 0; i < COUNT(layouts); i++)
        if (gotime_parse_time(str_c(layouts[i]), (struct str){ copy, text.n }, &t, &ignored)) {
            *out = time_value(p->a, &t);
            return true;
        }
    return fail(p, "invalid datetime: \"%.*s\"", STR(text));
}

static bool looks_like_time(struct str s)
{
    return s.n >= 5 && isdigit((uint8_t)s.p[0]) && (s.p[2] == ':' || (s.n >= 10 && s.p[4] == '-' && s.p[7] == '-'));
}

static struct str without_underscores(struct arena *a, struct str s)
{
    struct buf b = { .a = a };
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '_')
            buf_byte(&b, s.p[i]);
    return buf_str(&b);
}

static bool bad_underscores(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '_'
            && (i == 0 || i + 1 == s.n || !isxdigit((uint8_t)s.p[i - 1]) || !isxdigit((uint8_t)s.p[i + 1])))
            return true;
    return false;
}

static bool has_leading_zero(struct str digits)
{
    return digits.n > 1 && digits.p[0] == '0' && isdigit((uint8_t)digits.p[1]);
}

static bool read_float(struct parser *p, struct str text, struct str plain, struct value *out)
{
    double f;
    struct str digits = str_slice(plain, plain.p[0] == '-' || plain.p[0] == '+', plain.n);
    ptrdiff_t point = str_find(plain, S("."));
    bool bare_point = point >= 0
                      && (point == 0 || (size_t)point + 1 == plain.n || !isdigit((uint8_t)plain.p[point - 1])
                          || !isdigit((uint8_t)plain.p[point + 1]));
    if (has_leading_zero(digits))
        return fail(p, "Invalid float \"%.*s\": cannot have leading zeroes", STR(text));
    if (bare_point)
        return fail(p, "Invalid float \"%.*s\": '.' must be followed by one or more digits", STR(text));
    if (!go_parse_float(p->a, plain, &f) && str_to_double(plain, &f))
        return fail(p, "%.*s is out of range for float64", STR(text));
    if (!go_parse_float(p->a, plain, &f))
        return fail(p, "Invalid float value: \"%.*s\"", STR(text));
    *out = value_float(f);
    return true;
}

static bool read_integer(struct parser *p, struct str text, struct str plain, struct value *out)
{
    int64_t i;
    struct str digits = str_slice(plain, plain.p[0] == '-' || plain.p[0] == '+', plain.n);
    if (has_leading_zero(digits))
        return fail(p, "Invalid integer \"%.*s\": cannot have leading zeroes", STR(text));
    if (!go_parse_int(p->a, plain, &i))
        return fail(p, "%.*s is out of range for int64", STR(text));
    *out = tagged(value_int(i), TEMPLATE_INT64);
    return true;
}

static bool is_word(struct str s, const char *word)
{
    return str_is(str_slice(s, s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'), s.n), word);
}

static bool read_number(struct parser *p, struct str text, struct value *out)
{
    struct str plain = without_underscores(p->a, text);
    bool prefixed = plain.n > 2 && plain.p[0] == '0' && strchr("xob", plain.p[1]) != NULL;
    bool is_float = !prefixed
                    && (memchr(plain.p, '.', plain.n) != NULL || memchr(plain.p, 'e', plain.n) != NULL
                        || memchr(plain.p, 'E', plain.n) != NULL);
    if (is_word(text, "inf") || is_word(text, "nan"))
        return go_parse_float(p->a, is_word(text, "nan") ? S("nan") : text, &out->f)
               && (*out = value_float(out->f), true);
    if (bad_underscores(text))
        return fail(p, "Invalid %s \"%.*s\": underscores must be surrounded by digits", is_float ? "float" : "integer",
                    STR(text));
    return is_float ? read_float(p, text, plain, out) : read_integer(p, text, plain, out);
}

static bool read_bare_value(struct parser *p, struct value *out)
{
    size_t start = p->i;
    while (is_value_char(peek(p)))
        p->i++;
    struct str text = str_slice(p->s, start, p->i);
    if (looks_like_time(text) && text.n == 10 && peek(p) == ' ' && p->i + 1 < p->s.n
        && isdigit((uint8_t)p->s.p[p->i + 1])) {
        p->i++;
        while (is_value_char(peek(p)))
            p->i++;
        text = str_slice(p->s, start, p->i);
    }
    if (text.n == 0 && peek(p) == ',')
        return fail(p, "unexpected comma");
    if (text.n == 0)
        return check_fine(p) && fail(p, "expected value but found %s instead", shown(p));
    *out = value_bool(str_is(text, "true"));
    if (str_is(text, "true") || str_is(text, "false"))
        return true;
    if (looks_like_time(text))
        return read_time(p, text, out);
    bool numeric = isdigit((uint8_t)text.p[0]) || is_word(text, "inf") || is_word(text, "nan")
                   || (text.n > 1 && (text.p[0] == '-' || text.p[0] == '+') && isdigit((uint8_t)text.p[1]));
    if (!numeric && (text.p[0] == '.' || (text.n > 1 && strchr("+-", text.p[0]) != NULL && text.p[1] == '.')))
        return fail(p, "floats must start with a digit, not '.'");
    if (!numeric)
        return fail(p, "expected value but found \"%.*s\" instead", STR(text));
    return read_number(p, text, out);
}

/* ---- containers --------------------------------------------------------------------------- */

static bool read_value(struct parser *p, struct value *out);
static bool read_pair(struct parser *p, struct map *table, const struct names *prefix);

static bool read_array(struct parser *p, struct value *out)
{
    *out = value_list(p->a);
    p->i++;
    for (;;) {
        struct value v;
        skip_lines(p);
        if (peek(p) == ']')
            break;
        if (!read_value(p, &v))
            return false;
        list_push(p->a, out->list, v);
        skip_lines(p);
        if (peek(p) == ']')
            break;
        if (peek(p) != ',')
            return fail(p, "expected a comma (',') or array terminator (']'), but got %s",
                        peek(p) < 0 ? "end of file" : shown(p));
        p->i++;
    }
    p->i++;
    return true;
}

/* Its keys are its own: nothing outside can add to it. */
static bool read_inline_table(struct parser *p, struct value *out)
{
    struct map outside = p->defined;
    p->defined = (struct map){ 0 };
    *out = value_map(p->a);
    p->i++;
    skip_lines(p);
    while (peek(p) != '}') {
        if (peek(p) == ',')
            return fail(p, "unexpected comma");
        if (!read_pair(p, out->map, NULL))
            return false;
        skip_lines(p);
        if (peek(p) == '}')
            break;
        if (peek(p) != ',')
            return fail(p, "expected a comma or an inline table terminator '}', but got %s instead",
                        peek(p) < 0 ? "end of file" : shown(p));
        p->i++;
        skip_lines(p);
    }
    p->i++;
    p->defined = outside;
    return true;
}

static bool read_value(struct parser *p, struct value *out)
{
    struct str text;
    skip_blanks(p);
    int ch = peek(p);
    if (ch < 0)
        return fail(p, "unexpected EOF; expected value");
    if (p->depth == DEPTH_MAX)
        return fail(p, "more than %d levels", DEPTH_MAX);
    p->depth++;
    bool ok = true;
    if (ch == '"' || ch == '\'') {
        ok = read_string(p, &text);
        *out = ok ? value_str(text) : value_null();
    } else if (ch == '[') {
        ok = read_array(p, out);
    } else if (ch == '{') {
        ok = read_inline_table(p, out);
    } else {
        ok = read_bare_value(p, out);
    }
    p->depth--;
    return ok;
}

/* ---- tables ------------------------------------------------------------------------------- */

static bool already_defined(struct parser *p, struct str path)
{
    return fail(p, "Key '%.*s' has already been defined.", STR(path));
}

static struct str full_path(struct parser *p, const struct names *prefix, const struct names *k, size_t n)
{
    struct str inner = joined(p->a, k, n);
    if (prefix == NULL || prefix->parts.n == 0)
        return inner;
    struct str outer = joined(p->a, prefix, prefix->parts.n);
    return inner.n > 0 ? arena_fmt(p->a, "%.*s.%.*s", STR(outer), STR(inner)) : outer;
}

/* The table `name` of `table`, made when absent; of a list of tables the last one. */
static struct map *enter(struct parser *p, struct map *table, struct str name)
{
    struct value *there = map_get(table, name);
    if (there == NULL) {
        struct value made = value_map(p->a);
        map_put(p->a, table, name, made);
        return made.map;
    }
    if (there->kind == VALUE_LIST && there->list->n > 0)
        there = &there->list->v[there->list->n - 1];
    return there->kind == VALUE_MAP ? there->map : NULL;
}

static bool read_pair(struct parser *p, struct map *table, const struct names *prefix)
{
    struct names k;
    struct value v;
    if (!read_key(p, &k))
        return false;
    if (peek(p) != '=')
        return peek(p) < 0 ? fail(p, "unexpected EOF; expected key separator '='")
                           : fail(p, "expected '.' or '=', but got %s instead", shown(p));
    p->i++;
    p->last_key = full_path(p, prefix, &k, k.parts.n);
    for (size_t i = 0; i + 1 < k.parts.n; i++) {
        table = enter(p, table, k.parts.v[i]);
        if (table == NULL)
            return already_defined(p, full_path(p, prefix, &k, i + 1));
    }
    if (!read_value(p, &v))
        return false;
    struct str name = k.parts.v[k.parts.n - 1];
    if (map_get(table, name) != NULL)
        return already_defined(p, p->last_key);
    map_put(p->a, table, name, v);
    map_put(p->a, &p->defined, p->last_key, value_bool(true));
    p->last_key = p->table;
    return true;
}

/* Opens the table whose header was read; a list of tables gets one more. */
static struct map *open_table(struct parser *p, struct map *root, const struct names *k, bool list)
{
    struct str path = joined(p->a, k, k->parts.n), name = k->parts.v[k->parts.n - 1];
    struct map *table = root;
    for (size_t i = 0; table != NULL && i + 1 < k->parts.n; i++)
        table = enter(p, table, k->parts.v[i]);
    struct value *there = table != NULL ? map_get(table, name) : NULL;
    bool defined = map_get(&p->defined, path) != NULL;
    bool clash = table == NULL || (list ? there != NULL && there->kind != VALUE_LIST : defined) || (list && defined)
                 || (!list && there != NULL && there->kind != VALUE_MAP);
    if (clash) {
        already_defined(p, path);
        return NULL;
    }
    if (!list) {
        map_put(p->a, &p->defined, path, value_bool(true));
        return enter(p, table, name);
    }
    if (there == NULL)
        map_put(p->a, table, name, value_list(p->a));
    struct value made = value_map(p->a);
    list_push(p->a, map_get(table, name)->list, made);
    return made.map;
}

/* A new element of a list of tables starts afresh: what stood below the last one may be defined again. */
static void forget_below(struct parser *p, struct str path)
{
    struct map kept = { 0 };
    struct str inside = arena_fmt(p->a, "%.*s.", STR(path));
    for (size_t i = 0; i < p->defined.n; i++)
        if (!str_starts(p->defined.v[i].key, inside))
            map_put(p->a, &kept, p->defined.v[i].key, p->defined.v[i].value);
    p->defined = kept;
}

static bool read_table_name(struct parser *p, struct names *out)
{
    if (read_key(p, out))
        return true;
    return peek(p) == ']' ? fail(p, "unexpected end of table name (table names cannot be empty)") : false;
}

static bool read_header(struct parser *p, struct map *root, struct names *current, struct map **table)
{
    bool list = at(p, "[[");
    p->i += list ? 2 : 1;
    if (!read_table_name(p, current))
        return false;
    if (peek(p) != ']')
        return fail(p, "expected '.' or ']' to end table name, but got %s instead", peek(p) < 0 ? "'\\x00'" : shown(p));
    if (list && !at(p, "]]")) {
        p->i++;
        return fail(p, "expected end of table array name delimiter ']', but got %s instead",
                    peek(p) < 0 ? "'\\x00'" : shown(p));
    }
    p->i += list ? 2 : 1;
    if (list)
        forget_below(p, joined(p->a, current, current->parts.n));
    p->last_key = S("");
    *table = open_table(p, root, current, list);
    p->table = p->last_key = joined(p->a, current, current->parts.n);
    return *table != NULL && end_of_line(p);
}

/* Where a text stops to be UTF-8; past its end when it never does. */
static size_t first_invalid(struct str text)
{
    uint32_t r;
    size_t width;
    if (utf8_valid(text))
        return SIZE_MAX;
    for (size_t i = 0; i < text.n; i += width) {
        width = utf8_decode(str_slice(text, i, text.n), &r);
        if (r == 0xfffd && width == 1)
            return i;
    }
    return SIZE_MAX;
}

bool toml_parse(struct arena *a, struct str text, struct value *out, struct err *e)
{
    struct parser p = { .a = a, .s = text, .line = 1, .e = e };
    struct value root = value_map(a);
    struct map *table = root.map;
    struct names current = { 0 };
    if (str_starts(text, S("\xef\xbb\xbf")))
        p.i = 3;
    p.invalid = first_invalid(text);
    for (skip_lines(&p); peek(&p) >= 0; skip_lines(&p)) {
        if (!check_fine(&p))
            return false;
        bool ok = peek(&p) == '[' ? read_header(&p, root.map, &current, &table)
                                  : read_pair(&p, table, &current) && end_of_line(&p);
        if (!ok)
            return false;
    }
    *out = root;
    return true;
}
