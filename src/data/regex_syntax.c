/*
 * RE2's grammar, read once from left to right, with PCRE2's spelling of each element written as it goes. What both
 * engines mean differently is spelled out:
 *
 *     ^ $ without (?m)   \A \z            PCRE2's $ would match before a final newline
 *     ^ $ with (?m)      look-arounds     PCRE2's ^ would not match behind a final newline
 *     \s                 [\t\n\f\r ]      PCRE2's has the vertical tab too
 *     (?U)               a mark behind each repetition
 *     names of groups    kept here        PCRE2 allows fewer
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "data/regex_syntax.h"

enum flags { FLAG_FOLD = 1, FLAG_MULTILINE = 2, FLAG_DOT_NEWLINE = 4, FLAG_LAZY = 8 };

struct frame {       /* an open group */
    unsigned flags;  /* to go back to behind it */
    unsigned weight; /* the largest product of counted repetitions inside so far */
};

struct syntax {
    struct arena *a;
    struct buf out;
    struct str whole, rest;
    unsigned flags;
    bool has_atom;         /* something to repeat stands before */
    bool has_repetition;   /* ... and it is a repetition itself: */
    struct str repetition; /* from there to the end of the pattern */
    unsigned atom_weight, weight;
    VEC(struct frame) frames;
    struct regex_translation *result;
    struct err *e;
};

/* ---- errors and small readers --------------------------------------------------------------------- */

static bool fail(struct syntax *x, const char *what, struct str text)
{
    return err_set(x->e, ERR_INVALID, "error parsing regexp: %s: `%.*s`", what, STR(text));
}

/* The text from `from` up to what is left. */
static struct str since(const struct syntax *x, const char *from)
{
    return (struct str){ from, (size_t)(x->rest.p - from) };
}

static bool peek(const struct syntax *x, size_t i, char c)
{
    return i < x->rest.n && x->rest.p[i] == c;
}

static uint32_t take_rune(struct syntax *x)
{
    uint32_t c = 0;

    str_cut(&x->rest, utf8_decode(x->rest, &c));
    return c;
}

static bool is_alnum(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_octal(const struct syntax *x)
{
    return x->rest.n > 0 && x->rest.p[0] >= '0' && x->rest.p[0] <= '7';
}

static int hex_value(uint32_t c)
{
    if (c >= '0' && c <= '9')
        return (int)(c - '0');
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        return (int)((c | 0x20) - 'a') + 10;
    return -1;
}

/* ---- emitting ------------------------------------------------------------------------------------- */

static void emit_rune(struct syntax *x, uint32_t c)
{
    if (is_alnum(c) || c == '_')
        buf_byte(&x->out, (char)c);
    else if (c > ' ' && c < 0x7f)
        buf_fmt(&x->out, "\\%c", (char)c);
    else if (c >= 0xd800 && c <= 0xdfff)
        buf_c(&x->out, "\\x{fffd}"); /* no text has surrogates */
    else
        buf_fmt(&x->out, "\\x{%x}", (unsigned)c);
}

/* One thing that can be repeated has been written. */
static void end_atom(struct syntax *x, unsigned weight)
{
    if (x->atom_weight > x->weight)
        x->weight = x->atom_weight;
    x->has_atom = true;
    x->has_repetition = false;
    x->atom_weight = weight;
}

static void emit_literal(struct syntax *x, uint32_t c)
{
    emit_rune(x, c);
    end_atom(x, 1);
}

/* Position tests are grouped, so that a repetition may follow. */
static void emit_test(struct syntax *x, const char *text)
{
    buf_fmt(&x->out, "(?:%s)", text);
    end_atom(x, 1);
}

/* ---- escapes -------------------------------------------------------------------------------------- */

/* \x{10FFFF} behind the brace. */
static bool take_braced_hex(struct syntax *x, uint32_t *out)
{
    size_t digits = 0;

    for (*out = 0; x->rest.n > 0; digits++) {
        uint32_t c = take_rune(x);
        if (c == '}')
            return digits > 0;
        int v = hex_value(c);
        if (v < 0)
            return false;
        *out = *out * 16 + (uint32_t)v;
        if (*out > 0x10ffff)
            return false;
    }
    return false;
}

static bool take_hex(struct syntax *x, uint32_t *out)
{
    if (x->rest.n == 0)
        return false;
    uint32_t c = take_rune(x);
    if (c == '{')
        return take_braced_hex(x, out);
    int high = hex_value(c), low = x->rest.n > 0 ? hex_value(take_rune(x)) : -1;
    *out = (uint32_t)(high * 16 + low);
    return high >= 0 && low >= 0;
}

static bool take_octal(struct syntax *x, uint32_t first, uint32_t *out)
{
    *out = first - '0';
    for (int i = 1; i < 3 && is_octal(x); i++)
        *out = *out * 8 + (take_rune(x) - '0');
    return true;
}

static bool escaped_value(struct syntax *x, uint32_t c, uint32_t *out)
{
    static const char letters[] = "afnrtv", values[] = "\a\f\n\r\t\v";
    const char *at = c > 0 && c < 0x80 ? strchr(letters, (int)c) : NULL;

    if (at != NULL) {
        *out = (uint32_t)values[at - letters];
        return true;
    }
    if (c == 'x')
        return take_hex(x, out);
    if (c == '0' || (c >= '1' && c <= '7' && is_octal(x)))
        return take_octal(x, c, out);
    *out = c;
    return c < 0x80 && !is_alnum(c);
}

/* A single escaped character; the backslash is next. */
static bool take_escape(struct syntax *x, uint32_t *out)
{
    const char *start = x->rest.p;

    str_cut(&x->rest, 1);
    if (x->rest.n == 0)
        return fail(x, "trailing backslash at end of expression", S(""));
    return escaped_value(x, take_rune(x), out) || fail(x, "invalid escape sequence", since(x, start));
}

/* ---- classes -------------------------------------------------------------------------------------- */

static bool pcre2_knows(struct str property)
{
    int code = 0;
    PCRE2_SIZE at = 0;
    pcre2_code *c = pcre2_compile((PCRE2_SPTR)property.p, property.n, PCRE2_UTF, &code, &at, NULL);
    bool known = c != NULL;

    pcre2_code_free(c);
    return known;
}

/* Names of properties are compared without regard to case, blanks, '-' and '_'. */
static struct str plain_name(struct arena *a, struct str name)
{
    struct buf b = { .a = a };

    for (size_t i = 0; i < name.n; i++)
        if (strchr(" -_", name.p[i]) == NULL)
            buf_byte(&b, (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] | 0x20 : name.p[i]));
    return buf_str(&b);
}

/* The general category that a name means, or what PCRE2 has for Go's other names; NULL: perhaps a script. */
static const char *category_of(struct str name)
{
    static const char *const rows[][4] = {
        { "C", "c", "other" },
        { "Cc", "cc", "control", "cntrl" },
        { "Cf", "cf", "format" },
        { "Cn", "cn", "unassigned" },
        { "Co", "co", "privateuse" },
        { "Cs", "cs", "surrogate" },
        { "L", "l", "letter" },
        { "L&", "lc", "casedletter" },
        { "Ll", "ll", "lowercaseletter" },
        { "Lm", "lm", "modifierletter" },
        { "Lo", "lo", "otherletter" },
        { "Lt", "lt", "titlecaseletter" },
        { "Lu", "lu", "uppercaseletter" },
        { "M", "m", "mark", "combiningmark" },
        { "Mc", "mc", "spacingmark" },
        { "Me", "me", "enclosingmark" },
        { "Mn", "mn", "nonspacingmark" },
        { "N", "n", "number" },
        { "Nd", "nd", "decimalnumber", "digit" },
        { "Nl", "nl", "letternumber" },
        { "No", "no", "othernumber" },
        { "P", "p", "punctuation", "punct" },
        { "Pc", "pc", "connectorpunctuation" },
        { "Pd", "pd", "dashpunctuation" },
        { "Pe", "pe", "closepunctuation" },
        { "Pf", "pf", "finalpunctuation" },
        { "Pi", "pi", "initialpunctuation" },
        { "Po", "po", "otherpunctuation" },
        { "Ps", "ps", "openpunctuation" },
        { "S", "s", "symbol" },
        { "Sc", "sc", "currencysymbol" },
        { "Sk", "sk", "modifiersymbol" },
        { "Sm", "sm", "mathsymbol" },
        { "So", "so", "othersymbol" },
        { "Z", "z", "separator" },
        { "Zl", "zl", "lineseparator" },
        { "Zp", "zp", "paragraphseparator" },
        { "Zs", "zs", "spaceseparator" },
        { "Any", "any" },
        { "ASCII", "ascii" },
        { "^Cn", "assigned" },
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t k = 1; k < COUNT(rows[i]) && rows[i][k] != NULL; k++)
            if (str_is(name, rows[i][k]))
                return rows[i][0];
    return NULL;
}

/* Go finds no script whose name has two words, or a capital inside: it looks for a name without them. */
static bool is_script(struct arena *a, struct str name)
{
    static const char scripts[] =
        " adlam ahom arabic armenian avestan balinese bamum batak bengali bhaiksuki bopomofo "
        "brahmi braille buginese buhid carian chakma cham cherokee chorasmian common coptic "
        "cuneiform cypriot cyrillic deseret devanagari dogra duployan elbasan elymaic ethiopic "
        "georgian glagolitic gothic grantha greek gujarati gurmukhi han hangul hanunoo hatran "
        "hebrew hiragana inherited javanese kaithi kannada katakana kawi kharoshthi khmer khojki "
        "khudawadi lao latin lepcha limbu lisu lycian lydian mahajani makasar malayalam mandaic "
        "manichaean marchen medefaidrin miao modi mongolian mro multani myanmar nabataean "
        "nandinagari newa nko nushu ogham oriya osage osmanya palmyrene phoenician rejang runic "
        "samaritan saurashtra sharada shavian siddham sinhala sogdian soyombo sundanese syriac "
        "tagalog tagbanwa takri tamil tangsa tangut telugu thaana thai tibetan tifinagh tirhuta "
        "toto ugaritic vai vithkuqi wancho yezidi yi ";

    return str_find(str_c(scripts), arena_fmt(a, " %.*s ", STR(name))) >= 0;
}

/* PCRE2's spelling; false when Go knows no such property. A property of one case stands for all cases where case does
 * not count, as it nearly does in Go: there it stands for the letters that have another case. */
static bool spell_property(struct syntax *x, struct str name, bool negative, struct str *out)
{
    struct str plain = plain_name(x->a, name);
    const char *category = category_of(plain);
    bool one_case = category != NULL && (strcmp(category, "Lu") == 0 || strcmp(category, "Ll") == 0);

    if (category != NULL && category[0] == '^') {
        negative = !negative;
        category++;
    }
    if (one_case && x->flags & FLAG_FOLD)
        category = "L&";
    *out = category != NULL ? arena_fmt(x->a, "\\%c{%s}", negative ? 'P' : 'p', category)
                            : arena_fmt(x->a, "\\%c{sc:%.*s}", negative ? 'P' : 'p', STR(plain));
    return category != NULL || (is_script(x->a, plain) && pcre2_knows(*out));
}

/* \pL, \p{Greek}, \P{^Lu}: false in *found when something else is next. */
static bool take_property(struct syntax *x, bool *found)
{
    struct str s = x->rest, name;
    bool negative = peek(x, 1, 'P');

    *found = peek(x, 0, '\\') && (peek(x, 1, 'p') || negative);
    if (!*found)
        return true;
    str_cut(&x->rest, 2);
    if (peek(x, 0, '{')) {
        ptrdiff_t end = str_find(x->rest, S("}"));
        if (end < 0)
            return fail(x, "invalid character class range", s);
        name = str_slice(x->rest, 1, (size_t)end);
        str_cut(&x->rest, (size_t)end + 1);
    } else {
        name = x->rest;
        name.n = 0;
        if (x->rest.n > 0)
            take_rune(x);
        name.n = (size_t)(x->rest.p - name.p);
    }
    if (name.n > 0 && name.p[0] == '^') {
        negative = !negative;
        str_cut(&name, 1);
    }
    bool valid = name.n > 0;
    struct str spelled;
    for (size_t i = 0; i < name.n; i++)
        valid = valid && (is_alnum((unsigned char)name.p[i]) || strchr(" -_", name.p[i]) != NULL);
    if (!valid || !spell_property(x, name, negative, &spelled))
        return fail(x, "invalid character class range", since(x, s.p));
    buf_add(&x->out, spelled);
    return true;
}

/* \d \D \w \W \s \S, inside of brackets. */
static bool take_perl_class(struct syntax *x)
{
    static const struct {
        char letter;
        const char *text;
    } classes[] = {
        { 'd', "0-9" }, { 'D', "\\D" },           { 'w', "\\w" },
        { 'W', "\\W" }, { 's', "\\t\\n\\f\\r " }, { 'S', "\\x00-\\x08\\x0b\\x0e-\\x1f\\x21-\\x{10ffff}" },
    };

    for (size_t i = 0; peek(x, 0, '\\') && i < COUNT(classes); i++) {
        if (!peek(x, 1, classes[i].letter))
            continue;
        buf_c(&x->out, classes[i].text);
        str_cut(&x->rest, 2);
        return true;
    }
    return false;
}

/* [:alpha:] and [:^alpha:]; "[:" without its end is plain text. */
static bool take_posix_class(struct syntax *x, bool *found)
{
    static const char *const names[] = { "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph",
                                         "lower", "print", "punct", "space", "upper", "word",  "xdigit" };
    ptrdiff_t end = -1;

    *found = false;
    if (x->rest.n > 2 && peek(x, 0, '[') && peek(x, 1, ':'))
        end = str_find(str_slice(x->rest, 2, x->rest.n), S(":]"));
    if (end < 0)
        return true;
    *found = true;
    struct str text = str_cut(&x->rest, (size_t)end + 4), name = str_slice(text, 2, text.n - 2);
    if (name.n > 0 && name.p[0] == '^')
        str_cut(&name, 1);
    for (size_t i = 0; i < COUNT(names); i++) {
        if (!str_is(name, names[i]))
            continue;
        buf_add(&x->out, text);
        return true;
    }
    return fail(x, "invalid character class range", text);
}

static bool take_class_rune(struct syntax *x, struct str class, uint32_t *out)
{
    if (x->rest.n == 0)
        return fail(x, "missing closing ]", class);
    if (x->rest.p[0] == '\\')
        return take_escape(x, out);
    *out = take_rune(x);
    return true;
}

static bool take_class_range(struct syntax *x, struct str class)
{
    const char *start = x->rest.p;
    uint32_t low = 0, high = 0;

    if (!take_class_rune(x, class, &low))
        return false;
    high = low;
    if (x->rest.n >= 2 && x->rest.p[0] == '-' && x->rest.p[1] != ']') {
        str_cut(&x->rest, 1);
        if (!take_class_rune(x, class, &high))
            return false;
        if (high < low)
            return fail(x, "invalid character class range", since(x, start));
    }
    emit_rune(x, low);
    if (high != low) {
        buf_byte(&x->out, '-');
        emit_rune(x, high);
    }
    return true;
}

static bool take_class(struct syntax *x)
{
    struct str class = x->rest;
    bool found = false;

    str_cut(&x->rest, 1);
    buf_byte(&x->out, '[');
    if (peek(x, 0, '^')) {
        str_cut(&x->rest, 1);
        buf_byte(&x->out, '^');
    }
    for (bool first = true; first || !peek(x, 0, ']'); first = false) {
        if (!take_posix_class(x, &found) || (!found && !take_property(x, &found)))
            return false;
        if (!found && !take_perl_class(x) && !take_class_range(x, class))
            return false;
    }
    str_cut(&x->rest, 1);
    buf_byte(&x->out, ']');
    end_atom(x, 1);
    return true;
}

/* ---- groups --------------------------------------------------------------------------------------- */

static bool open_group(struct syntax *x, const char *text)
{
    if (x->frames.n == REGEX_DEPTH_MAX)
        return err_set(x->e, ERR_LIMIT, "error parsing regexp: expression nests too deeply: `%.*s`", STR(x->whole));
    end_atom(x, 1);
    *vec_push(x->a, &x->frames) = (struct frame){ x->flags, x->weight };
    buf_c(&x->out, text);
    x->has_atom = false;
    x->weight = x->atom_weight = 1;
    return true;
}

static bool close_group(struct syntax *x)
{
    if (x->frames.n == 0)
        return fail(x, "unexpected )", x->whole);
    struct frame f = x->frames.v[--x->frames.n];
    unsigned inner = x->atom_weight > x->weight ? x->atom_weight : x->weight;
    str_cut(&x->rest, 1);
    buf_byte(&x->out, ')');
    x->flags = f.flags;
    x->weight = f.weight;
    x->atom_weight = 1;
    end_atom(x, inner);
    return true;
}

static bool open_named(struct syntax *x, size_t prefix)
{
    struct str s = x->rest;
    ptrdiff_t end = str_find(s, S(">"));

    if (end < 0)
        return fail(x, "invalid named capture", s);
    struct str name = str_slice(s, prefix, (size_t)end);
    bool valid = name.n > 0;
    for (size_t i = 0; i < name.n; i++)
        valid = valid && (is_alnum((unsigned char)name.p[i]) || name.p[i] == '_');
    if (!valid)
        return fail(x, "invalid named capture", str_slice(s, 0, (size_t)end + 1));
    str_cut(&x->rest, (size_t)end + 1);
    *vec_push(x->a, &x->result->names) = name;
    return open_group(x, "(");
}

static unsigned flag_of(uint32_t c)
{
    return c == 'i' ? FLAG_FOLD : c == 'm' ? FLAG_MULTILINE : c == 's' ? FLAG_DOT_NEWLINE : c == 'U' ? FLAG_LAZY : 0;
}

/* Behind "(?": letters, then ':' or ')'. Only case folding is PCRE2's business. */
static bool take_flags(struct syntax *x)
{
    const char *start = x->rest.p;
    unsigned flags = x->flags;
    bool clear = false, some = false;

    str_cut(&x->rest, 2);
    while (x->rest.n > 0) {
        uint32_t c = take_rune(x);
        unsigned flag = flag_of(c);
        if (flag != 0) {
            flags = clear ? flags & ~flag : flags | flag;
            some = true;
        } else if (c == '-' && !clear) {
            clear = true;
            some = false;
        } else if ((c == ':' || c == ')') && (!clear || some)) {
            if (c == ':' && !open_group(x, "(?:"))
                return false;
            if ((flags ^ x->flags) & FLAG_FOLD)
                buf_c(&x->out, flags & FLAG_FOLD ? "(?i)" : "(?-i)");
            x->flags = flags;
            x->has_atom = false; /* "a(?i)*" has no meaning that both engines share */
            return true;
        } else {
            break;
        }
    }
    return fail(x, "invalid or unsupported Perl syntax", since(x, start));
}

static bool take_open(struct syntax *x)
{
    if (peek(x, 1, '?')) {
        if (x->rest.n > 4 && peek(x, 2, 'P') && peek(x, 3, '<'))
            return open_named(x, 4);
        if (x->rest.n > 3 && peek(x, 2, '<'))
            return open_named(x, 3);
        return take_flags(x);
    }
    str_cut(&x->rest, 1);
    *vec_push(x->a, &x->result->names) = (struct str){ "", 0 };
    return open_group(x, "(");
}

/* ---- repetitions ---------------------------------------------------------------------------------- */

/* Behind the operator: an optional '?', checks, and the mark of laziness. `start`: where the operator began. */
static bool end_repetition(struct syntax *x, struct str start)
{
    bool lazy = (x->flags & FLAG_LAZY) != 0;
    struct str spelled = since(x, start.p);

    if (peek(x, 0, '?')) {
        str_cut(&x->rest, 1);
        lazy = !lazy;
    }
    if (x->has_repetition)
        return fail(x, "invalid nested repetition operator", since(x, x->repetition.p));
    if (!x->has_atom)
        return fail(x, "missing argument to repetition operator", since(x, start.p));
    buf_add(&x->out, spelled);
    if (lazy)
        buf_byte(&x->out, '?');
    x->has_repetition = true;
    x->repetition = start;
    return true;
}

static bool take_count(struct str *s, int *out)
{
    size_t n = 0;

    *out = 0;
    while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9') {
        *out = *out > REGEX_REPEAT_MAX ? *out : *out * 10 + (s->p[n] - '0');
        n++;
    }
    bool zero_led = n > 1 && s->p[0] == '0';
    str_cut(s, n);
    return n > 0 && !zero_led;
}

/* {n}, {n,}, {n,m}; anything else leaves the brace a literal. max: -1 for none. */
static bool take_braces(struct str *s, int *min, int *max)
{
    struct str rest = *s;

    str_cut(&rest, 1);
    if (!take_count(&rest, min))
        return false;
    *max = *min;
    if (rest.n > 0 && rest.p[0] == ',') {
        str_cut(&rest, 1);
        *max = -1;
        if (rest.n > 0 && rest.p[0] != '}' && !take_count(&rest, max))
            return false;
    }
    if (rest.n == 0 || rest.p[0] != '}')
        return false;
    str_cut(&rest, 1);
    *s = rest;
    return true;
}

static bool take_counted(struct syntax *x)
{
    struct str start = x->rest;
    int min = 0, max = 0;

    if (!take_braces(&x->rest, &min, &max)) {
        str_cut(&x->rest, 1);
        emit_literal(x, '{');
        return true;
    }
    if (min > REGEX_REPEAT_MAX || max > REGEX_REPEAT_MAX || (max >= 0 && min > max))
        return fail(x, "invalid repeat count", since(x, start.p));
    if (!end_repetition(x, start))
        return false;
    unsigned times = (unsigned)(max < 0 ? min : max);
    if (times >= 2 && x->atom_weight > REGEX_REPEAT_MAX / times)
        return fail(x, "invalid repeat count", since(x, start.p));
    x->atom_weight *= times > 1 ? times : 1;
    return true;
}

/* ---- the whole ------------------------------------------------------------------------------------ */

static void take_quoted(struct syntax *x)
{
    struct str quoted;

    str_cut(&x->rest, 2);
    str_split(&x->rest, S("\\E"), &quoted);
    while (quoted.n > 0) {
        uint32_t c = 0;
        str_cut(&quoted, utf8_decode(quoted, &c));
        emit_literal(x, c);
    }
}

/* \A \b \B \z; false when something else is escaped. */
static bool take_position(struct syntax *x)
{
    static const char *const tests[] = { "\\A", "\\b", "\\B", "\\z" };

    for (size_t i = 0; i < COUNT(tests); i++) {
        if (!peek(x, 1, tests[i][1]))
            continue;
        str_cut(&x->rest, 2);
        emit_test(x, tests[i]);
        return true;
    }
    return false;
}

static bool take_backslash(struct syntax *x)
{
    uint32_t c = 0;
    bool found = false;

    if (peek(x, 1, 'Q')) {
        take_quoted(x);
        return true;
    }
    if (take_position(x))
        return true;
    if (!take_property(x, &found))
        return false;
    if (found) {
        end_atom(x, 1);
        return true;
    }
    size_t before = x->out.n;
    buf_byte(&x->out, '[');
    if (take_perl_class(x)) {
        buf_byte(&x->out, ']');
        end_atom(x, 1);
        return true;
    }
    x->out.n = before;
    if (!take_escape(x, &c))
        return false;
    emit_literal(x, c);
    return true;
}

static bool take_simple_repetition(struct syntax *x)
{
    struct str start = x->rest;

    str_cut(&x->rest, 1);
    return end_repetition(x, start);
}

static bool take_bar(struct syntax *x)
{
    str_cut(&x->rest, 1);
    buf_byte(&x->out, '|');
    end_atom(x, 1);
    x->has_atom = false;
    return true;
}

static bool take_test(struct syntax *x, const char *text, const char *multiline)
{
    str_cut(&x->rest, 1);
    emit_test(x, x->flags & FLAG_MULTILINE ? multiline : text);
    return true;
}

static bool take_dot(struct syntax *x)
{
    str_cut(&x->rest, 1);
    buf_c(&x->out, x->flags & FLAG_DOT_NEWLINE ? "(?s:.)" : "[^\\n]");
    end_atom(x, 1);
    return true;
}

static bool take_element(struct syntax *x)
{
    switch (x->rest.p[0]) {
    case '(': return take_open(x);
    case ')': return close_group(x);
    case '|': return take_bar(x);
    case '^': return take_test(x, "\\A", "\\A|(?<=\\n)");
    case '$': return take_test(x, "\\z", "\\z|(?=\\n)");
    case '.': return take_dot(x);
    case '[': return take_class(x);
    case '*':
    case '+':
    case '?': return take_simple_repetition(x);
    case '{': return take_counted(x);
    case '\\': return take_backslash(x);
    default: emit_literal(x, take_rune(x)); return true;
    }
}

bool regex_translate(struct arena *a, struct str pattern, struct regex_translation *out, struct err *e)
{
    struct syntax x = { .a = a, .out = { .a = a }, .whole = pattern, .rest = pattern, .result = out, .e = e };

    if (pattern.n > REGEX_TEXT_MAX)
        return err_set(e, ERR_LIMIT, "error parsing regexp: expression too large");
    if (!utf8_valid(pattern))
        return fail(&x, "invalid UTF-8", pattern);
    while (x.rest.n > 0)
        if (!take_element(&x))
            return false;
    if (x.frames.n > 0)
        return fail(&x, "missing closing )", pattern);
    out->pattern = x.out.n == 0 ? S("") : buf_str(&x.out);
    return true;
}
