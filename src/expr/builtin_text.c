/*
 * Builtins on strings. Positions count bytes, lengths count runes, as in expr-lang.
 */
#include "data/json.h"
#include "expr/internal.h"

static bool want_strings(struct run *r, const struct value *args, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (args[i].kind != VALUE_STRING)
            return run_fail(r, "expected a string, not %s", type_name(&args[i]));
    return true;
}

static bool give(struct buf *b, struct value *out)
{
    *out = value_str(b->n == 0 ? S("") : buf_str(b));
    return true;
}

static bool call_trim(struct run *r, const struct value *args, size_t n, struct value *out)
{
    if (!want_strings(r, args, n))
        return false;
    if (n == 1)
        *out = value_str(str_trim(value_as_str(&args[0])));
    else
        *out = value_str(str_trim_set(value_as_str(&args[0]), arena_c(r->a, value_as_str(&args[1]))));
    return true;
}

/* The second argument is a blank unless given. */
static struct str affix(const struct value *args, size_t n)
{
    return n > 1 ? value_as_str(&args[1]) : S(" ");
}

static bool call_trim_prefix(struct run *r, const struct value *args, size_t n, struct value *out)
{
    struct str s = value_as_str(&args[0]), prefix = affix(args, n);

    *out = value_str(str_starts(s, prefix) ? str_slice(s, prefix.n, s.n) : s);
    return want_strings(r, args, n);
}

static bool call_trim_suffix(struct run *r, const struct value *args, size_t n, struct value *out)
{
    struct str s = value_as_str(&args[0]), suffix = affix(args, n);

    *out = value_str(str_ends(s, suffix) ? str_slice(s, 0, s.n - suffix.n) : s);
    return want_strings(r, args, n);
}

static bool call_has_prefix(struct run *r, const struct value *args, size_t n, struct value *out)
{
    *out = value_bool(str_starts(value_as_str(&args[0]), value_as_str(&args[1])));
    return want_strings(r, args, n);
}

static bool call_has_suffix(struct run *r, const struct value *args, size_t n, struct value *out)
{
    *out = value_bool(str_ends(value_as_str(&args[0]), value_as_str(&args[1])));
    return want_strings(r, args, n);
}

/* ASCII letters; others stay. */
static bool change_case(struct run *r, const struct value *arg, char from, char to, struct value *out)
{
    struct str s = value_as_str(arg);
    struct buf b = { .a = r->a };

    if (!want_strings(r, arg, 1) || !run_spend(r, s.n / 64))
        return false;
    for (size_t i = 0; i < s.n; i++)
        buf_byte(&b, s.p[i] >= from && s.p[i] <= to ? (char)(s.p[i] ^ 0x20) : s.p[i]);
    return give(&b, out);
}

static bool call_upper(struct run *r, const struct value *args, size_t n, struct value *out)
{
    return change_case(r, args, 'a', 'z', out);
}

static bool call_lower(struct run *r, const struct value *args, size_t n, struct value *out)
{
    return change_case(r, args, 'A', 'Z', out);
}

/* Cut the next piece of `*s`: up to the separator, or one rune when it is empty. */
static bool take_piece(struct str *s, struct str separator, bool keep, struct str *piece)
{
    uint32_t c = 0;

    if (separator.n == 0) {
        *piece = str_cut(s, utf8_decode(*s, &c));
        return s->n > 0;
    }
    struct str whole = *s;
    bool more = str_split(s, separator, piece);
    if (more && keep)
        *piece = str_slice(whole, 0, piece->n + separator.n);
    return more;
}

static bool split(struct run *r, const struct value *args, size_t n, bool keep, struct value *out)
{
    struct str s = value_as_str(&args[0]), separator = value_as_str(&args[1]), piece;
    int64_t limit = -1;

    if (!want_strings(r, args, 2) || (n > 2 && !want_int(r, &args[2], "the number of parts", &limit))
        || !run_spend(r, s.n / 8))
        return false;
    *out = value_list(r->a);
    if (limit == 0 || (separator.n == 0 && s.n == 0))
        return true;
    for (bool more = true; more;) {
        if (limit > 0 && (int64_t)out->list->n == limit - 1) {
            list_push(r->a, out->list, value_str(s));
            return true;
        }
        more = take_piece(&s, separator, keep, &piece);
        list_push(r->a, out->list, value_str(piece));
    }
    return true;
}

static bool call_split(struct run *r, const struct value *args, size_t n, struct value *out)
{
    return split(r, args, n, false, out);
}

static bool call_split_after(struct run *r, const struct value *args, size_t n, struct value *out)
{
    return split(r, args, n, true, out);
}

static bool call_replace(struct run *r, const struct value *args, size_t n, struct value *out)
{
    struct str s = value_as_str(&args[0]), from = value_as_str(&args[1]), to = value_as_str(&args[2]), piece;
    struct buf b = { .a = r->a };
    int64_t left = -1;

    if (!want_strings(r, args, 3) || (n > 3 && !want_int(r, &args[3], "the number of replacements", &left)))
        return false;
    if (from.n == 0 && left != 0)
        return run_fail(r, "replace needs a text to look for");
    while (left != 0 && str_find(s, from) >= 0) {
        str_split(&s, from, &piece);
        buf_add(&b, piece);
        buf_add(&b, to);
        left--;
        if (!run_spend(r, 1 + to.n / 64))
            return false;
    }
    buf_add(&b, s);
    return give(&b, out);
}

static bool call_repeat(struct run *r, const struct value *args, size_t n, struct value *out)
{
    struct str s = value_as_str(&args[0]);
    struct buf b = { .a = r->a };
    int64_t times = 0;

    if (!want_strings(r, args, 1) || !want_int(r, &args[1], "the number of repetitions", &times))
        return false;
    if (times < 0)
        return run_fail(r, "the number of repetitions must not be negative");
    if (s.n > 0 && (uint64_t)times > EXPR_MEMORY_MAX / s.n)
        return err_set(r->e, ERR_LIMIT, "expression needs more than %zu MiB of memory", EXPR_MEMORY_MAX >> 20);
    for (int64_t i = 0; s.n > 0 && i < times; i++)
        buf_add(&b, s);
    return give(&b, out) && run_spend(r, b.n / 64);
}

static bool call_join(struct run *r, const struct value *args, size_t n, struct value *out)
{
    struct str glue = n > 1 ? value_as_str(&args[1]) : S("");
    struct buf b = { .a = r->a };

    if (!want_list(r, &args[0], "join") || !want_strings(r, args + 1, n - 1))
        return false;
    for (size_t i = 0; i < args[0].list->n; i++) {
        const struct value *item = &args[0].list->v[i];
        if (!want_strings(r, item, 1) || !run_spend(r, 1 + item->n / 64))
            return false;
        buf_add(&b, i > 0 ? glue : S(""));
        buf_add(&b, value_as_str(item));
    }
    return give(&b, out);
}

static bool call_index_of(struct run *r, const struct value *args, size_t n, struct value *out)
{
    *out = value_int(str_find(value_as_str(&args[0]), value_as_str(&args[1])));
    return want_strings(r, args, n);
}

static bool call_last_index_of(struct run *r, const struct value *args, size_t n, struct value *out)
{
    *out = value_int(str_rfind(value_as_str(&args[0]), value_as_str(&args[1])));
    return want_strings(r, args, n);
}

/* ---- JSON and base64 ------------------------------------------------------------------------------ */

static bool call_to_json(struct run *r, const struct value *args, size_t n, struct value *out)
{
    *out = value_str(json_str(r->a, &args[0], JSON_SORT_KEYS | JSON_INDENT | JSON_ESCAPE_HTML));
    return run_spend(r, out->n / 64);
}

static bool call_from_json(struct run *r, const struct value *args, size_t n, struct value *out)
{
    struct err why = { 0 };

    if (!want_strings(r, args, 1) || !run_spend(r, args[0].n / 8))
        return false;
    return json_parse(r->a, value_as_str(&args[0]), out, &why) || run_fail(r, "%s", why.text);
}

static bool call_to_base64(struct run *r, const struct value *args, size_t n, struct value *out)
{
    if (!want_strings(r, args, 1) || !run_spend(r, args[0].n / 64))
        return false;
    *out = value_str(str_base64(r->a, value_as_str(&args[0])));
    return true;
}

static bool call_from_base64(struct run *r, const struct value *args, size_t n, struct value *out)
{
    struct str bytes;

    if (!want_strings(r, args, 1) || !run_spend(r, args[0].n / 64))
        return false;
    if (!str_unbase64(r->a, value_as_str(&args[0]), &bytes))
        return run_fail(r, "invalid base64 text");
    *out = value_str(bytes);
    return true;
}

const struct builtin builtins_text[] = {
    { "trim", 1, 2, call_trim },
    { "trimPrefix", 1, 2, call_trim_prefix },
    { "trimSuffix", 1, 2, call_trim_suffix },
    { "hasPrefix", 2, 2, call_has_prefix },
    { "hasSuffix", 2, 2, call_has_suffix },
    { "upper", 1, 1, call_upper },
    { "lower", 1, 1, call_lower },
    { "split", 2, 3, call_split },
    { "splitAfter", 2, 3, call_split_after },
    { "replace", 3, 4, call_replace },
    { "repeat", 2, 2, call_repeat },
    { "join", 1, 2, call_join },
    { "indexOf", 2, 2, call_index_of },
    { "lastIndexOf", 2, 2, call_last_index_of },
    { "toJSON", 1, 1, call_to_json },
    { "fromJSON", 1, 1, call_from_json },
    { "toBase64", 1, 1, call_to_base64 },
    { "fromBase64", 1, 1, call_from_base64 },
    { 0 },
};
