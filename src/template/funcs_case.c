/*
 * Case: upper and lower, and the word rules of xstrings (camelcase, snakecase, kebabcase), which tell letters, upper
 * case runs, digits, punctuation and connectors apart.
 */
#include "template/funcs.h"

static uint32_t next_rune(struct str *s)
{
    uint32_t r;
    str_cut(s, utf8_decode(*s, &r));
    return r;
}

static struct str map_runes(struct arena *a, struct str s, uint32_t (*to)(uint32_t))
{
    struct buf b = { .a = a };
    buf_reserve(&b, s.n);
    while (s.n > 0)
        buf_rune(&b, to(next_rune(&s)));
    return buf_str(&b);
}

FUNC(fn_upper)
{
    return give_str(out, map_runes(c->a, str_at(args, 0), rune_to_upper));
}

FUNC(fn_lower)
{
    return give_str(out, map_runes(c->a, str_at(args, 0), rune_to_lower));
}

static bool is_separator(uint32_t r)
{
    if (rune_is_letter(r) || rune_is_digit(r) || r == '_')
        return false;
    return r < 0x80 || rune_is_space(r);
}

FUNC(fn_title)
{
    struct buf b = { .a = c->a };
    struct str s = str_at(args, 0);
    for (uint32_t before = ' ', r; s.n > 0; before = r) {
        r = next_rune(&s);
        buf_rune(&b, is_separator(before) ? rune_to_title(r) : r);
    }
    return give_buf(out, &b);
}

FUNC(fn_untitle)
{
    struct buf b = { .a = c->a };
    struct str s = str_at(args, 0);
    for (bool first = true; s.n > 0;) {
        uint32_t r = next_rune(&s);
        buf_rune(&b, first ? rune_to_lower(r) : r);
        first = rune_is_space(r);
    }
    return give_buf(out, &b);
}

static uint32_t swap_case(uint32_t r, bool *word_start)
{
    bool first = *word_start;
    *word_start = false;
    if (rune_is_title(r) || rune_is_upper(r))
        return rune_to_lower(r);
    if (rune_is_lower(r))
        return first ? rune_to_title(r) : rune_to_upper(r);
    *word_start = rune_is_space(r);
    return r;
}

FUNC(fn_swapcase)
{
    struct buf b = { .a = c->a };
    struct str s = str_at(args, 0);
    for (bool word_start = true; s.n > 0;)
        buf_rune(&b, swap_case(next_rune(&s), &word_start));
    return give_buf(out, &b);
}

/* ---- camelcase ---------------------------------------------------------------------------- */

static bool is_connector(uint32_t r)
{
    return r == '-' || r == '_' || rune_is_space(r);
}

/* The first rune that is no connector, in upper case; those before it are kept. Of connectors alone the last one is
 * written once more by the caller, as xstrings does. */
static uint32_t pascal_start(struct buf *b, struct str *s, bool *upper)
{
    uint32_t r = 0;
    while (s->n > 0) {
        r = next_rune(s);
        if (!is_connector(r)) {
            *upper = rune_is_upper(r);
            return rune_to_upper(r);
        }
        buf_rune(b, r);
    }
    return r;
}

FUNC(fn_camelcase)
{
    struct buf b = { .a = c->a };
    struct str s = str_at(args, 0);
    bool upper = false; /* inside a run of capitals that began the word */
    if (s.n == 0)
        return give_str(out, s);
    uint32_t r = pascal_start(&b, &s, &upper), before;
    while (s.n > 0) {
        before = r;
        r = next_rune(&s);
        if (is_connector(r) && is_connector(before)) {
            buf_rune(&b, before);
            continue;
        }
        if (is_connector(before)) {
            upper = rune_is_upper(r);
            r = rune_to_upper(r);
            continue;
        }
        if (upper && rune_is_upper(r))
            r = rune_to_lower(r);
        else
            upper = false;
        buf_rune(&b, before);
    }
    buf_rune(&b, r);
    return give_buf(out, &b);
}

/* ---- snakecase, kebabcase ----------------------------------------------------------------- */

enum word { WORD_NONE, WORD_NUMBER, WORD_UPPER, WORD_LETTERS, WORD_CONNECTOR, WORD_PUNCTUATION, WORD_OTHER };

static bool is_alphabet(uint32_t r)
{
    if (!rune_is_letter(r))
        return false;
    bool kana = r >= 0x3034 && r < 0x30ff, hangul = r >= 0xac00 && r <= 0xd7a3, han = r >= 0x4e00 && r <= 0x9fff;
    return !kana && !hangul && !han; /* scripts without case */
}

static bool is_punctuation(uint32_t r)
{
    if (r < 0x80)
        return r != 0 && strchr("!\"#%&'()*,-./:;?@[\\]_{}", (int)r) != NULL;
    return r == 0xa1 || r == 0xa7 || r == 0xab || r == 0xb6 || r == 0xb7 || r == 0xbb || r == 0xbf
           || (r >= 0x2010 && r <= 0x2027) || (r >= 0x2030 && r <= 0x205e) || (r >= 0x3001 && r <= 0x3003);
}

static bool is_lower_letter(uint32_t r)
{
    return is_alphabet(r) && !rune_is_upper(r);
}

static bool is_other(uint32_t r)
{
    return !is_connector(r) && !is_alphabet(r) && !rune_is_digit(r) && !is_punctuation(r);
}

static size_t span(struct str s, bool (*is)(uint32_t))
{
    size_t before = s.n;
    uint32_t r;
    while (s.n > 0) {
        size_t width = utf8_decode(s, &r);
        if (!is(r))
            break;
        str_cut(&s, width);
    }
    return before - s.n;
}

/* A run of capitals without the one that begins the next word, or a capital and its small letters. */
static size_t span_upper(struct str s)
{
    uint32_t r;
    size_t first = utf8_decode(s, &r), n = span(s, rune_is_upper);
    if (n == first)
        return first + span(str_slice(s, first, s.n), is_lower_letter);
    if (n < s.n) {
        utf8_decode(str_slice(s, n, s.n), &r);
        size_t last = n - 1;
        while (((uint8_t)s.p[last] & 0xc0) == 0x80)
            last--;
        if (is_alphabet(r))
            return last;
    }
    return n;
}

static enum word next_word(struct str *s, struct str *word)
{
    uint32_t r;
    *word = S("");
    if (s->n == 0)
        return WORD_NONE;
    utf8_decode(*s, &r);
    enum word kind = is_connector(r)     ? WORD_CONNECTOR
                     : is_punctuation(r) ? WORD_PUNCTUATION
                     : rune_is_upper(r)  ? WORD_UPPER
                     : is_alphabet(r)    ? WORD_LETTERS
                     : rune_is_digit(r)  ? WORD_NUMBER
                                         : WORD_OTHER;
    size_t n = kind == WORD_CONNECTOR     ? span(*s, is_connector)
               : kind == WORD_PUNCTUATION ? span(*s, is_punctuation)
               : kind == WORD_UPPER       ? span_upper(*s)
               : kind == WORD_LETTERS     ? span(*s, is_lower_letter)
               : kind == WORD_NUMBER      ? span(*s, rune_is_digit)
                                          : span(*s, is_other);
    *word = str_cut(s, n);
    return kind;
}

static void add_lower(struct buf *b, enum word kind, struct str word, char connector)
{
    if (kind != WORD_UPPER && kind != WORD_CONNECTOR) {
        buf_add(b, word);
        return;
    }
    while (word.n > 0) {
        uint32_t r = next_rune(&word);
        if (is_connector(r))
            buf_byte(b, connector);
        else
            buf_rune(b, rune_to_lower(r));
    }
}

struct words {
    struct buf b;
    char connector;
    enum word kind;
    struct str word, rest;
};

static void advance(struct words *w)
{
    w->kind = next_word(&w->rest, &w->word);
}

static bool joins(enum word kind)
{
    return kind != WORD_CONNECTOR && kind != WORD_PUNCTUATION;
}

/* Letters and digits that follow a number belong to its word. */
static void add_tail_of_number(struct words *w)
{
    while (w->kind == WORD_LETTERS || w->kind == WORD_NUMBER) {
        add_lower(&w->b, w->kind, w->word, w->connector);
        advance(w);
    }
    if (w->kind != WORD_NONE && joins(w->kind))
        buf_byte(&w->b, w->connector);
}

/* After letters: a number belongs to them ("Bld4Floor") unless small letters follow it ("HTTP2xx"). */
static void after_letters(struct words *w)
{
    if (w->kind != WORD_NUMBER) {
        if (joins(w->kind))
            buf_byte(&w->b, w->connector);
        return;
    }
    if (w->rest.n == 0)
        return;
    struct str number = w->word;
    advance(w);
    if (w->kind != WORD_LETTERS) {
        buf_add(&w->b, number);
        if (joins(w->kind))
            buf_byte(&w->b, w->connector);
        return;
    }
    buf_byte(&w->b, w->connector);
    buf_add(&w->b, number);
    add_tail_of_number(w);
}

static struct str lower_words(struct arena *a, struct str s, char connector)
{
    struct words w = { .b = { .a = a }, .connector = connector, .rest = s };
    advance(&w);
    while (w.rest.n > 0) {
        enum word before = w.kind;
        struct str last = w.word;
        if (before != WORD_CONNECTOR)
            add_lower(&w.b, before, last, connector);
        advance(&w);
        if (before == WORD_NUMBER)
            add_tail_of_number(&w);
        else if (before == WORD_CONNECTOR)
            add_lower(&w.b, before, last, connector);
        else if (before != WORD_PUNCTUATION)
            after_letters(&w);
    }
    add_lower(&w.b, w.kind, w.word, connector);
    return buf_str(&w.b);
}

FUNC(fn_snakecase)
{
    return give_str(out, lower_words(c->a, str_at(args, 0), '_'));
}

FUNC(fn_kebabcase)
{
    return give_str(out, lower_words(c->a, str_at(args, 0), '-'));
}
