/*
 * Versions: [v]MAJOR[.MINOR[.PATCH]][-PRE][+META], and their precedence.
 */
#include "data/semver.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_ident(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

static bool all_digits(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_digit(s.p[i]))
            return false;
    return s.n > 0;
}

static bool fail_invalid(struct err *e)
{
    return err_set(e, ERR_INVALID, "invalid semantic version");
}

/* A whole number; `s` has digits only. */
static bool parse_number(struct str s, uint64_t *out, struct err *e)
{
    uint64_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        if (__builtin_mul_overflow(n, (uint64_t)10, &n) || __builtin_add_overflow(n, (uint64_t)(s.p[i] - '0'), &n))
            return err_set(e, ERR_INVALID,
                           "error parsing version segment: strconv.ParseUint: parsing \"%.*s\": value out of range",
                           STR(s));
    *out = n;
    return true;
}

static struct str take_digits(struct str *s)
{
    size_t n = 0;

    while (n < s->n && is_digit(s->p[n]))
        n++;
    return str_cut(s, n);
}

/* Dot-separated identifiers up to a byte that belongs to none; false when one is empty. */
static bool take_idents(struct str *s, struct str *out)
{
    size_t n = 0;

    while (n < s->n && (is_ident(s->p[n]) || s->p[n] == '.'))
        n++;
    *out = str_cut(s, n);
    struct str rest = *out, part;
    for (bool more = true; more;) {
        more = str_split(&rest, S("."), &part);
        if (part.n == 0)
            return false;
    }
    return true;
}

/* "-PRE" and "+META" up to the end of the text. */
static bool parse_tail(struct str rest, struct semver *v, struct err *e)
{
    struct str part, pre;

    if (rest.n > 0 && rest.p[0] == '-') {
        str_cut(&rest, 1);
        if (!take_idents(&rest, &v->pre))
            return fail_invalid(e);
    }
    if (rest.n > 0 && rest.p[0] == '+') {
        str_cut(&rest, 1);
        if (!take_idents(&rest, &v->meta))
            return fail_invalid(e);
    }
    if (rest.n > 0)
        return fail_invalid(e);
    pre = v->pre;
    for (bool more = pre.n > 0; more;) {
        more = str_split(&pre, S("."), &part);
        if (part.n > 1 && part.p[0] == '0' && all_digits(part))
            return err_set(e, ERR_INVALID, "version segment starts with 0");
    }
    return true;
}

bool semver_parse(struct str text, struct semver *out, struct err *e)
{
    struct semver v = { .original = text };
    uint64_t *numbers[] = { &v.major, &v.minor, &v.patch };
    struct str rest = text, digits;

    if (rest.n > 0 && rest.p[0] == 'v')
        str_cut(&rest, 1);
    for (int i = 0; i < 3; i++) {
        if (i > 0 && (rest.n < 2 || rest.p[0] != '.' || !is_digit(rest.p[1])))
            break;
        if (i > 0)
            str_cut(&rest, 1);
        digits = take_digits(&rest);
        if (digits.n == 0)
            return fail_invalid(e);
        if (!parse_number(digits, numbers[i], e))
            return false;
    }
    if (!parse_tail(rest, &v, e))
        return false;
    *out = v;
    return true;
}

bool semver_parse_strict(struct str text, struct semver *out, struct err *e)
{
    struct semver v = { .original = text };
    uint64_t *numbers[] = { &v.major, &v.minor, &v.patch };
    struct str rest = text, digits;

    if (text.n == 0)
        return err_set(e, ERR_INVALID, "version string empty");
    for (int i = 0; i < 3; i++) {
        if (i > 0 && (rest.n == 0 || *str_cut(&rest, 1).p != '.'))
            return fail_invalid(e);
        digits = take_digits(&rest);
        if (digits.n == 0)
            return err_set(e, ERR_INVALID, "invalid characters in version");
        if (digits.n > 1 && digits.p[0] == '0')
            return err_set(e, ERR_INVALID, "version segment starts with 0");
        if (!parse_number(digits, numbers[i], e))
            return false;
    }
    if (!parse_tail(rest, &v, e))
        return false;
    *out = v;
    return true;
}

/* ---- precedence ----------------------------------------------------------------------------------- */

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Numbers of any length, without leading zeros. */
static int compare_digits(struct str a, struct str b)
{
    return a.n != b.n ? compare_numbers(a.n, b.n) : str_cmp(a, b);
}

/* Numbers before texts; -1, 0 or 1. */
static int compare_ident(struct str a, struct str b)
{
    bool a_number = all_digits(a), b_number = all_digits(b);

    if (a_number != b_number)
        return a_number ? -1 : 1;
    int order = a_number ? compare_digits(a, b) : str_cmp(a, b);
    return (order > 0) - (order < 0);
}

static int compare_pre(struct str a, struct str b)
{
    struct str x, y;

    if (a.n == 0 || b.n == 0)
        return (a.n == 0) - (b.n == 0); /* a release comes after its pre-releases */
    for (;;) {
        bool more_a = str_split(&a, S("."), &x), more_b = str_split(&b, S("."), &y);
        int order = compare_ident(x, y);
        if (order != 0)
            return order;
        if (!more_a || !more_b)
            return more_a - more_b;
    }
}

int semver_compare(const struct semver *a, const struct semver *b)
{
    int order = compare_numbers(a->major, b->major);

    if (order == 0)
        order = compare_numbers(a->minor, b->minor);
    if (order == 0)
        order = compare_numbers(a->patch, b->patch);
    return order != 0 ? order : compare_pre(a->pre, b->pre);
}

struct str semver_str(struct arena *a, const struct semver *v)
{
    return arena_fmt(a, "%llu.%llu.%llu%s%.*s%s%.*s", (unsigned long long)v->major, (unsigned long long)v->minor,
                     (unsigned long long)v->patch, v->pre.n > 0 ? "-" : "", STR(v->pre), v->meta.n > 0 ? "+" : "",
                     STR(v->meta));
}
