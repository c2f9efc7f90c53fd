/*
 * Unicode classes and case mapping. ASCII is answered here; the rest is asked from libc's C.UTF-8 tables, which are
 * loaded when the first other rune is seen: most templates never pay for them.
 */
#include <locale.h>
#include <pthread.h>
#include <wchar.h>
#include <wctype.h>

#include "template/internal.h"

static locale_t utf8_locale;
static pthread_once_t utf8_once = PTHREAD_ONCE_INIT;

static void open_locale(void)
{
    utf8_locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

/* 0 when the system has none: then runes beyond ASCII have no class and no case. */
static locale_t tables(void)
{
    pthread_once(&utf8_once, open_locale);
    return utf8_locale;
}

static bool in_range(uint32_t r, uint32_t from, uint32_t to)
{
    return r - from <= to - from;
}

bool rune_is_print(uint32_t r)
{
    if (r < 0x80)
        return in_range(r, 0x20, 0x7e);
    if (r == 0xad || rune_is_space(r) || in_range(r, 0xe000, 0xf8ff) || in_range(r, 0xfff9, 0xfffb) || r == 0xfeff
        || in_range(r, 0x200b, 0x200f) || in_range(r, 0x202a, 0x202e) || in_range(r, 0x2060, 0x206f)
        || in_range(r, 0xe0001, 0xe007f) || in_range(r, 0xf0000, 0x10ffff) || r == 0x061c || r == 0x180e)
        return false; /* formats, private use and white space, which iswprint takes for printable */
    locale_t l = tables();
    return l != (locale_t)0 && iswprint_l((wint_t)r, l) != 0;
}

bool rune_is_letter(uint32_t r)
{
    if (r < 0x80)
        return in_range(r | 0x20, 'a', 'z');
    locale_t l = tables();
    return l != (locale_t)0 && iswalpha_l((wint_t)r, l) != 0;
}

bool rune_is_digit(uint32_t r)
{
    return in_range(r, '0', '9') || in_range(r, 0x660, 0x669) || in_range(r, 0x6f0, 0x6f9) || in_range(r, 0x966, 0x96f)
           || in_range(r, 0xff10, 0xff19);
}

bool rune_is_space(uint32_t r)
{
    return r == ' ' || in_range(r, '\t', '\r') || r == 0x85 || r == 0xa0 || r == 0x1680 || in_range(r, 0x2000, 0x200a)
           || r == 0x2028 || r == 0x2029 || r == 0x202f || r == 0x205f || r == 0x3000;
}

bool rune_is_upper(uint32_t r)
{
    return r < 0x80 ? in_range(r, 'A', 'Z') : rune_to_lower(r) != r && !rune_is_title(r);
}

bool rune_is_lower(uint32_t r)
{
    if (r < 0x80)
        return in_range(r, 'a', 'z');
    if (rune_is_title(r))
        return false;
    locale_t l = tables();
    return l != (locale_t)0 && (iswlower_l((wint_t)r, l) != 0 || rune_to_upper(r) != r);
}

bool rune_is_title(uint32_t r)
{
    return r == 0x1c5 || r == 0x1c8 || r == 0x1cb || r == 0x1f2 || in_range(r, 0x1f88, 0x1f8f)
           || in_range(r, 0x1f98, 0x1f9f) || in_range(r, 0x1fa8, 0x1faf) || r == 0x1fbc || r == 0x1fcc || r == 0x1ffc;
}

uint32_t rune_to_upper(uint32_t r)
{
    if (r < 0x80)
        return in_range(r, 'a', 'z') ? r - 0x20 : r;
    locale_t l = tables();
    return l != (locale_t)0 ? (uint32_t)towupper_l((wint_t)r, l) : r;
}

uint32_t rune_to_lower(uint32_t r)
{
    if (r == 0x130)
        return 'i';
    if (r < 0x80)
        return in_range(r, 'A', 'Z') ? r + 0x20 : r;
    locale_t l = tables();
    return l != (locale_t)0 ? (uint32_t)towlower_l((wint_t)r, l) : r;
}

uint32_t rune_to_title(uint32_t r)
{
    if (in_range(r, 0x1c4, 0x1cc))
        return r <= 0x1c6 ? 0x1c5 : r <= 0x1c9 ? 0x1c8 : 0x1cb;
    if (in_range(r, 0x1f1, 0x1f3))
        return 0x1f2;
    return rune_to_upper(r);
}
