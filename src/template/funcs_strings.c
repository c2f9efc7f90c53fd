/* sprig's functions on strings. Most count bytes, as sprig does. */
#include <stdlib.h>

#include "template/funcs.h"

FUNC(fn_hello)
{
    return give(out, value_c("Hello!"));
}

/* ---- trimming and searching --------------------------------------------------------------- */

/* Runes at both ends that `is` accepts, or that are in `set`, are cut off. */
static struct str trim_runes(struct str s, struct str set, bool (*is)(uint32_t, struct str))
{
    uint32_t r;
    while (s.n > 0) {
        size_t width = utf8_decode(s, &r);
        if (!is(r, set))
            break;
        str_cut(&s, width);
    }
    while (s.n > 0) {
        size_t width = 1;
        while (width < 4 && width < s.n && ((uint8_t)s.p[s.n - width] & 0xc0) == 0x80)
            width++;
        if (utf8_decode((struct str){ s.p + s.n - width, width }, &r) != width) {
            width = 1;
            r = 0xfffd;
        }
        if (!is(r, set))
            break;
        s.n -= width;
    }
    return s;
}

static bool is_space_rune(uint32_t r, struct str set)
{
    return rune_is_space(r);
}

static bool is_in_set(uint32_t r, struct str set)
{
    while (set.n > 0) {
        uint32_t other;
        str_cut(&set, utf8_decode(set, &other));
        if (other == r)
            return true;
    }
    return false;
}

FUNC(fn_trim)
{
    return give_str(out, trim_runes(str_at(args, 0), S(""), is_space_rune));
}

FUNC(fn_trim_all)
{
    if (!call_spend(c, (int64_t)(args[0].n / 16) * (args[1].n / 16), e))
        return false;
    return give_str(out, trim_runes(str_at(args, 1), str_at(args, 0), is_in_set));
}

FUNC(fn_trim_prefix)
{
    struct str s = str_at(args, 1), prefix = str_at(args, 0);
    return give_str(out, str_starts(s, prefix) ? str_slice(s, prefix.n, s.n) : s);
}

FUNC(fn_trim_suffix)
{
    struct str s = str_at(args, 1), suffix = str_at(args, 0);
    return give_str(out, str_ends(s, suffix) ? str_slice(s, 0, s.n - suffix.n) : s);
}

FUNC(fn_contains)
{
    return give(out, value_bool(str_find(str_at(args, 1), str_at(args, 0)) >= 0));
}

FUNC(fn_has_prefix)
{
    return give(out, value_bool(str_starts(str_at(args, 1), str_at(args, 0))));
}

FUNC(fn_has_suffix)
{
    return give(out, value_bool(str_ends(str_at(args, 1), str_at(args, 0))));
}

/* ---- pieces ------------------------------------------------------------------------------- */

FUNC(fn_repeat)
{
    struct buf b = { .a = c->a };
    struct str s = str_at(args, 1);
    if (args[0].i < 0)
        return err_set(e, ERR_INVALID, "strings: negative Repeat count");
    if (s.n > 0 && (uint64_t)args[0].i > TEXT_MAX / s.n)
        return text_fits(TEXT_MAX + 1, e);
    for (int64_t i = 0; s.n > 0 && i < args[0].i; i++)
        buf_add(&b, s);
    return give_buf(out, &b);
}

/* s[from:to] of Go, which panics when the bounds are wrong. */
static bool go_slice(struct str s, int64_t from, int64_t to, struct value *out, struct err *e)
{
    static const char what[] = "runtime error: slice bounds out of range";
    int64_t size = (int64_t)s.n;
    if (to < 0)
        return err_set(e, ERR_INVALID, "%s [:%lld]", what, (long long)to);
    if (to > size)
        return err_set(e, ERR_INVALID, "%s [:%lld] with length %lld", what, (long long)to, (long long)size);
    if (from < 0)
        return err_set(e, ERR_INVALID, "%s [%lld:]", what, (long long)from);
    if (from > to)
        return err_set(e, ERR_INVALID, "%s [%lld:%lld]", what, (long long)from, (long long)to);
    return give_str(out, str_slice(s, (size_t)from, (size_t)to));
}

FUNC(fn_substr)
{
    struct str s = str_at(args, 2);
    int64_t from = args[0].i, to = args[1].i;
    if (from < 0)
        return go_slice(s, 0, to, out, e);
    if (to < 0 || to > (int64_t)s.n)
        return go_slice(s, from, (int64_t)s.n, out, e);
    return go_slice(s, from, to, out, e);
}

FUNC(fn_trunc)
{
    struct str s = str_at(args, 1);
    int64_t most = args[0].i, size = (int64_t)s.n;
    if (most < 0 && most > -size)
        return give_str(out, str_slice(s, (size_t)(size + most), s.n));
    if (most >= 0 && size > most)
        s.n = (size_t)most;
    return give_str(out, s);
}

static void add_abbreviated(struct buf *b, struct str s, int64_t offset, int64_t width)
{
    int64_t size = (int64_t)s.n;
    if (size <= width) {
        buf_add(b, s);
        return;
    }
    if (offset > size)
        offset = size;
    if (size - offset < width - 3)
        offset = size - (width - 3);
    if (offset <= 4) {
        buf_add(b, str_slice(s, 0, (size_t)width - 3));
        buf_c(b, "...");
        return;
    }
    buf_c(b, "...");
    if (offset + width - 3 >= size)
        buf_add(b, str_slice(s, (size_t)(size - (width - 3)), s.n));
    else if (width - 3 >= 4)
        add_abbreviated(b, str_slice(s, (size_t)offset, s.n), 0, width - 3);
}

FUNC(fn_abbrev)
{
    struct buf b = { .a = c->a };
    if (args[0].i < 4)
        return give_str(out, str_at(args, 1));
    add_abbreviated(&b, str_at(args, 1), 0, args[0].i);
    return give_buf(out, &b);
}

FUNC(fn_abbrevboth)
{
    struct buf b = { .a = c->a };
    int64_t left = args[0].i, right = args[1].i;
    if (right < 4 || (left > 0 && right < 7))
        return give_str(out, str_at(args, 2));
    add_abbreviated(&b, str_at(args, 2), left, right);
    return give_buf(out, &b);
}

/* Bytes are taken for runes here, as goutils does: text beyond ASCII comes out garbled. */
FUNC(fn_initials)
{
    struct buf b = { .a = c->a };
    struct str s = str_at(args, 0);
    bool gap = true;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t r = (uint8_t)s.p[i];
        if (!rune_is_space(r) && gap)
            buf_rune(&b, r);
        gap = rune_is_space(r);
    }
    return give_buf(out, &b);
}

FUNC(fn_nospace)
{
    struct buf b = { .a = c->a };
    struct str s = str_at(args, 0);
    size_t kept = 0;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t r = (uint8_t)s.p[i];
        if (rune_is_space(r))
            continue;
        buf_rune(&b, r);
        kept++;
    }
    return kept == s.n ? give_str(out, s) : give_buf(out, &b);
}

FUNC(fn_plural)
{
    return give_str(out, args[2].i == 1 ? str_at(args, 0) : str_at(args, 1));
}

FUNC(fn_replace)
{
    struct buf b = { .a = c->a };
    struct str old = str_at(args, 0), with = str_at(args, 1), s = str_at(args, 2);
    if (str_find(s, old) < 0)
        return give_str(out, s);
    if (old.n == 0)
        buf_add(&b, with);
    while (s.n > 0) {
        uint32_t r;
        ptrdiff_t at = old.n > 0 ? str_find(s, old) : (ptrdiff_t)utf8_decode(s, &r);
        if (at < 0)
            break;
        buf_add(&b, str_cut(&s, (size_t)at));
        buf_add(&b, with);
        str_cut(&s, old.n);
        if (!text_fits(b.n, e))
            return false;
    }
    buf_add(&b, s);
    return give_buf(out, &b);
}

/* ---- lines -------------------------------------------------------------------------------- */

static bool add_indented(struct buf *b, int64_t spaces, struct str s, struct err *e)
{
    if (spaces < 0)
        return err_set(e, ERR_INVALID, "strings: negative Repeat count");
    if (!text_fits((size_t)spaces, e))
        return false;
    for (;;) {
        const char *newline = memchr(s.p, '\n', s.n);
        size_t line = newline != NULL ? (size_t)(newline - s.p) + 1 : s.n;
        buf_fill(b, ' ', (size_t)spaces);
        buf_add(b, str_cut(&s, line));
        if (newline == NULL || !text_fits(b->n, e))
            return newline == NULL;
    }
}

FUNC(fn_indent)
{
    struct buf b = { .a = c->a };
    return add_indented(&b, args[0].i, str_at(args, 1), e) && give_buf(out, &b);
}

FUNC(fn_nindent)
{
    struct buf b = { .a = c->a };
    buf_byte(&b, '\n');
    return add_indented(&b, args[0].i, str_at(args, 1), e) && give_buf(out, &b);
}

/* A word that is longer than the width: cut there, or left whole up to its blank. */
static size_t add_long_word(struct buf *b, struct str s, size_t width, struct str newline, bool cut)
{
    if (cut) {
        buf_add(b, str_slice(s, 0, width));
        buf_add(b, newline);
        return width;
    }
    ptrdiff_t blank = str_find(str_slice(s, width, s.n), S(" "));
    if (blank < 0) {
        buf_add(b, s);
        return s.n;
    }
    buf_add(b, str_slice(s, 0, width + (size_t)blank));
    buf_add(b, newline);
    return width + (size_t)blank + 1;
}

static bool wrap(struct template_call *c, struct str s, int64_t wanted, struct str newline, bool cut, struct value *out,
                 struct err *e)
{
    struct buf b = { .a = c->a };
    size_t width = wanted < 1 ? 1 : (size_t)wanted;
    while (s.n > width && b.n <= TEXT_MAX) {
        if (s.p[0] == ' ') {
            str_cut(&s, 1);
            continue;
        }
        ptrdiff_t blank = str_rfind(str_slice(s, 0, width + 1), S(" "));
        if (blank < 0) {
            str_cut(&s, add_long_word(&b, s, width, newline, cut));
            continue;
        }
        buf_add(&b, str_slice(s, 0, (size_t)blank));
        buf_add(&b, newline);
        str_cut(&s, (size_t)blank + 1);
    }
    buf_add(&b, s);
    return give_bounded(out, &b, e);
}

FUNC(fn_wrap)
{
    return wrap(c, str_at(args, 1), args[0].i, S("\n"), false, out, e);
}

FUNC(fn_wrap_with)
{
    struct str newline = str_at(args, 1);
    return wrap(c, str_at(args, 2), args[0].i, newline.n > 0 ? newline : S("\n"), true, out, e);
}

/* ---- quotes and joins --------------------------------------------------------------------- */

/* The arguments with blanks between them; nil ones are left out. */
static bool join_given(struct template_call *c, const struct value *args, size_t n,
                       void (*put)(struct buf *b, const struct value *v), struct value *out, struct err *e)
{
    struct buf b = { .a = c->a };
    bool any = false;
    if (!can_print(c, args, n, e))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (args[i].kind == VALUE_NULL)
            continue;
        if (any)
            buf_byte(&b, ' ');
        put(&b, &args[i]);
        any = true;
    }
    return give_bounded(out, &b, e);
}

static void put_quoted(struct buf *b, const struct value *v)
{
    quote_into(b, text_of(b->a, v), '"', 0);
}

static void put_single_quoted(struct buf *b, const struct value *v)
{
    buf_byte(b, '\'');
    print_value(b, v);
    buf_byte(b, '\'');
}

FUNC(fn_quote)
{
    return join_given(c, args, n, put_quoted, out, e);
}

FUNC(fn_squote)
{
    return join_given(c, args, n, put_single_quoted, out, e);
}

/* sprig prints "%v %v ..." and trims the blank at the end of the format only */
FUNC(fn_cat)
{
    return join_given(c, args, n, print_value, out, e);
}

FUNC(fn_to_string)
{
    return can_print(c, args, n, e) && give_str(out, text_of(c->a, &args[0]));
}

bool string_list(struct template_call *c, const struct value *v, struct value *out, struct err *e)
{
    const struct list *l = list_in(c->a, v);
    if (!can_print(c, v, 1, e))
        return false;
    *out = tagged(value_list(c->a), TEMPLATE_STRINGS);
    if (l == NULL && v->kind != VALUE_NULL)
        list_push(c->a, out->list, value_str(text_of(c->a, v)));
    for (size_t i = 0; l != NULL && i < l->n; i++)
        if (l->v[i].kind != VALUE_NULL)
            list_push(c->a, out->list, value_str(text_of(c->a, &l->v[i])));
    return true;
}

FUNC(fn_to_strings)
{
    return string_list(c, &args[0], out, e);
}

FUNC(fn_join)
{
    struct buf b = { .a = c->a };
    struct value texts;
    if (!string_list(c, &args[1], &texts, e))
        return false;
    for (size_t i = 0; i < texts.list->n && b.n <= TEXT_MAX; i++) {
        if (i > 0)
            buf_add(&b, str_at(args, 0));
        buf_add(&b, value_as_str(&texts.list->v[i]));
    }
    return give_bounded(out, &b, e);
}

static int by_bytes(const void *x, const void *y)
{
    return str_cmp(value_as_str(x), value_as_str(y));
}

/* A []string is sorted where it stands: the variable it came from changes too. */
FUNC(fn_sort_alpha)
{
    struct value texts = args[0];
    if (texts.kind == VALUE_NULL) {
        texts = tagged(value_list(c->a), TEMPLATE_STRINGS);
        list_push(c->a, texts.list, value_c("<nil>"));
    } else if (texts.kind != VALUE_LIST || type_tag(&texts) != TEMPLATE_STRINGS) {
        if (!string_list(c, &args[0], &texts, e))
            return false;
    }
    if (!can_print(c, &texts, 1, e) || !call_spend(c, (int64_t)texts.list->n, e))
        return false;
    if (texts.list->n > 1)
        qsort(texts.list->v, texts.list->n, sizeof *texts.list->v, by_bytes);
    return give(out, texts);
}

/* ---- splitting ---------------------------------------------------------------------------- */

/* strings.SplitN: at most `most` pieces, the last one with the rest; negative: all. An empty separator gives runes. */
static bool split(struct arena *a, struct str sep, struct str s, int64_t most, struct value *out, struct err *e)
{
    struct value pieces = *out = tagged(value_list(a), TEMPLATE_STRINGS);
    if (most == 0)
        return true;
    for (int64_t i = 1; (most < 0 || i < most) && i <= ELEMENTS_MAX; i++) {
        uint32_t r;
        ptrdiff_t at = sep.n > 0 ? str_find(s, sep) : s.n > 0 ? (ptrdiff_t)utf8_decode(s, &r) : -1;
        if (at < 0 || (sep.n == 0 && (size_t)at == s.n))
            break;
        list_push(a, pieces.list, value_str(str_cut(&s, (size_t)at)));
        str_cut(&s, sep.n);
    }
    if (sep.n > 0 || s.n > 0)
        list_push(a, pieces.list, value_str(s));
    return list_fits(pieces.list->n, e);
}

static struct value numbered(struct arena *a, const struct list *pieces)
{
    struct value m = tagged(value_map(a), TEMPLATE_STRING_MAP);
    for (size_t i = 0; i < pieces->n; i++)
        map_put(a, m.map, arena_fmt(a, "_%zu", i), pieces->v[i]);
    return m;
}

FUNC(fn_split)
{
    struct value pieces;
    return split(c->a, str_at(args, 0), str_at(args, 1), -1, &pieces, e) && give(out, numbered(c->a, pieces.list));
}

FUNC(fn_splitn)
{
    struct value pieces;
    return split(c->a, str_at(args, 0), str_at(args, 2), args[1].i, &pieces, e)
           && give(out, numbered(c->a, pieces.list));
}

FUNC(fn_split_list)
{
    return split(c->a, str_at(args, 0), str_at(args, 1), -1, out, e);
}
