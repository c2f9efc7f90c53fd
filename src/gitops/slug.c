/*
 * Names from free text: branch_slug, slugify and normalize.
 * Source: the rules of github.com/gosimple/slug (language "en") as Argo CD calls it; transliteration covers Latin,
 * Greek and Cyrillic, every other letter becomes a dash.
 */
#include "gitops/appset.h"

enum { BRANCH_SLUG_MAX = 50, DNS_NAME_MAX = 253 };

/* Transliterations of consecutive code points, separated by blanks; "." stands for nothing. */
static const struct script {
    uint32_t first;
    const char *words;
} scripts[] = {
    { 0xc0,
      "A A A A A A AE C E E E E I I I I D N O O O O O x O U U U U Y Th ss a a a a a a ae c e e e e i i i i d n o o o o "
      "o / o u u u u y th y" },
    { 0x100,
      "A a A a A a C c C c C c C c D d D d E e E e E e E e E e G g G g G g G g H h H h I i I i I i I i I i IJ ij J j K "
      "k k L l L l L l L l L l N n N n N n 'n NG ng O o O o O o OE oe R r R r R r S s S s S s S s T t T t T t U u U u "
      "U "
      "u U u U u U u W w Y y Y Z z Z z Z z s" },
    { 0x391,
      "A B G D E Z E Th I K L M N X O P R . S T U Ph Ch Ps O I U a e e i u a b g d e z e th i k l m n x o p r s s t u "
      "ph ch ps o" },
    { 0x410,
      "A B V G D E Zh Z I I K L M N O P R S T U F Kh Ts Ch Sh Shch . Y . E Iu Ia a b v g d e zh z i i k l m n o p r s "
      "t u f kh ts ch sh shch . y . e iu ia" },
};

static bool nth_word(const char *words, uint32_t n, struct str *out)
{
    struct str rest = str_c(words);
    do {
        if (!str_split(&rest, S(" "), out) && n > 0)
            return false;
    } while (n-- > 0);
    if (str_is(*out, "."))
        out->n = 0;
    return true;
}

static void transliterate(struct buf *out, uint32_t rune)
{
    struct str word = { 0 };
    if (rune < 0x80) {
        buf_byte(out, (char)rune);
        return;
    }
    for (size_t i = COUNT(scripts); i-- > 0;)
        if (rune >= scripts[i].first && nth_word(scripts[i].words, rune - scripts[i].first, &word)) {
            buf_add(out, word);
            return;
        }
    buf_byte(out, '-');
}

/* Substitutions of the library's English table come before transliteration. */
static void substitute(struct buf *out, uint32_t rune)
{
    switch (rune) {
    case '_': buf_byte(out, '-'); break;
    case '&': buf_c(out, "and"); break;
    case '@': buf_c(out, "at"); break;
    case '"':
    case '\'':
    case 0x2019: break;
    case 0x2012:
    case 0x2013:
    case 0x2014:
    case 0x2015: buf_byte(out, '-'); break;
    default: transliterate(out, rune);
    }
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_slug_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Everything else becomes a dash, runs of dashes one, and the ends are clean. */
static struct str dashes(struct arena *a, struct str text)
{
    struct buf out = { .a = a };
    for (size_t i = 0; i < text.n; i++) {
        char c = is_slug_char(text.p[i]) ? text.p[i] : '-';
        if (c != '-' || out.n == 0 || out.p[out.n - 1] != '-')
            buf_byte(&out, c);
    }
    return str_trim_set(buf_str(&out), "-_");
}

static struct str cut_at_dash(struct str slug, size_t max)
{
    if (slug.n <= max)
        return slug;
    for (size_t i = max + 1; i-- > 0;)
        if (slug.p[i] == '-')
            return str_slice(slug, 0, i);
    return str_slice(slug, 0, max);
}

static struct str make_slug(struct arena *a, struct str text, size_t max, bool smart)
{
    struct buf ascii = { .a = a };
    struct str rest = str_trim(text);
    while (rest.n > 0) {
        uint32_t rune;
        str_cut(&rest, utf8_decode(rest, &rune));
        substitute(&ascii, rune);
    }
    for (size_t i = 0; i < ascii.n; i++)
        ascii.p[i] = lower(ascii.p[i]);
    struct str slug = buf_str(&ascii);
    if (!smart)
        return dashes(a, str_slice(slug, 0, max));
    return cut_at_dash(dashes(a, slug), max);
}

struct str slug_branch(struct arena *a, struct str branch)
{
    return make_slug(a, branch, BRANCH_SLUG_MAX, true);
}

struct str slug_normalize(struct arena *a, struct str text)
{
    struct buf out = { .a = a };
    while (text.n > 0) {
        uint32_t rune;
        str_cut(&text, utf8_decode(text, &rune));
        char c = rune < 0x80 ? lower((char)rune) : '-';
        buf_byte(&out, (is_slug_char(c) && c != '_') || c == '.' ? c : '-');
    }
    return str_trim_set(str_slice(buf_str(&out), 0, DNS_NAME_MAX), "-.");
}

struct str slug_slugify(struct arena *a, int64_t max, bool smart, struct str text)
{
    return make_slug(a, slug_normalize(a, text), max > 0 ? (size_t)max : BRANCH_SLUG_MAX, smart);
}
