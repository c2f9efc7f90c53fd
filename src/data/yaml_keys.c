/*
 * The order of keys in written YAML: go-yaml's natural order, in which a9 comes before a10.
 */
#include <assert.h>
#include <pthread.h>

#include "data/regex.h"
#include "data/yaml_scalar.h"

static pthread_once_t letters_once = PTHREAD_ONCE_INIT;
static struct regex *letters; /* read only once it is made */

static void compile_letters(void)
{
    struct err e;
    bool ok = regex_compile(S("^\\pL"), &letters, &e);

    assert(ok);
    (void)ok;
}

/* Unicode's letters; the table is PCRE2's, and only keys beyond ASCII need it. */
static bool is_letter(struct str at, uint32_t c)
{
    struct regex_span span[1];
    struct err e;
    bool found = false;

    if (c < 0x80)
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    pthread_once(&letters_once, compile_letters);
    return regex_match(letters, at, 0, span, &found, &e) && found;
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
int yaml_key_compare(struct str a, struct str b, bool v3)
{
    size_t i = 0, a_end = 0, b_end = 0;
    uint32_t ca = 0, cb = 0;

    while (i < a.n && i < b.n && a.p[i] == b.p[i])
        i++;
    while (i > 0 && ((i < a.n && (a.p[i] & 0xc0) == 0x80) || (i < b.n && (b.p[i] & 0xc0) == 0x80)))
        i--; /* back to the start of the rune that differs */
    if (i >= a.n || i >= b.n)
        return (a.n > b.n) - (a.n < b.n);
    struct str rest_a = str_slice(a, i, a.n), rest_b = str_slice(b, i, b.n);
    rest_a.n = utf8_decode(rest_a, &ca);
    rest_b.n = utf8_decode(rest_b, &cb);
    bool a_letter = is_letter(rest_a, ca), b_letter = is_letter(rest_b, cb);
    if (a_letter != b_letter)
        return a_letter != (v3 && i > 0 && is_digit_at(a, i - 1)) ? 1 : -1;
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
