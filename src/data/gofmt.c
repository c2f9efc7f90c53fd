#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/decimal.h"
#include "data/gofmt.h"

/* Powers of ten that %v writes without an exponent. */
#define LEAST_POSITIONAL (-4)
#define LEAST_SCIENTIFIC 6

/* Does the text read back as the same number in the given width? */
static bool reads_back(const char *text, double f, int bits)
{
    return bits == 32 ? strtof(text, NULL) == (float)f : strtod(text, NULL) == f;
}

/*
 * The neighbour below a power of two is nearer than the one above: when the nearest decimal lies too far below, the
 * next one above may still read back. Adds one to the last digit of "d.ddde-xx".
 */
static bool step_up(char *room, double f)
{
    int power;
    char *p = strchr(room, 'e') - 1;

    if (fabs(frexp(f, &power)) != 0.5)
        return false;
    for (; p > room && (*p == '9' || *p == '.'); p--)
        if (*p == '9')
            *p = '0';
    ++*p;
    return *p <= '9' && *p > '0';
}

/* The long way, for what decimal_shortest leaves. */
static void print_digits(char room[static GO_FLOAT_MAX], double f, int bits)
{
    int most = bits == 32 ? 9 : 17, sure = bits == 32 ? 6 : 15; /* digits that any float can have; that all keep */
    bool subnormal = fabs(f) < (bits == 32 ? 1.2e-38 : 2.3e-308);

    for (int digits = subnormal ? 1 : sure; digits <= most; digits++) {
        snprintf(room, GO_FLOAT_MAX, "%.*e", digits - 1, f);
        if (reads_back(room, f, bits) || (step_up(room, f) && reads_back(room, f, bits)))
            break;
    }
}

size_t go_float_parts(char room[static GO_FLOAT_MAX], double f, int bits, int *exponent)
{
    uint64_t digits = 0;
    size_t n = 1;

    *exponent = 0;
    if (bits == 64 && f != 0 && decimal_shortest(f, &digits, exponent)) {
        n = (size_t)(decimal_write(room, digits) - room);
        *exponent += (int)n - 1;
        return n;
    }
    print_digits(room, f, bits);
    char *mark = strchr(room, 'e');
    *exponent = (int)strtol(mark + 1, NULL, 10);
    for (char *p = room + 2; p < mark; p++)
        room[n++] = *p; /* the point goes */
    while (n > 1 && room[n - 1] == '0')
        n--;
    return n;
}

int go_float_digits(char room[static GO_FLOAT_MAX], double f, int bits)
{
    char digits[GO_FLOAT_MAX], *to = room;
    int exponent = 0;
    size_t n = go_float_parts(digits, fabs(f), bits, &exponent);

    if (signbit(f))
        *to++ = '-';
    *decimal_put_scientific(to, digits, n, exponent, 2) = '\0';
    return (int)n;
}

struct str go_float(char room[static GO_FLOAT_MAX], double f, int bits)
{
    char digits[GO_FLOAT_MAX], *to = room;
    int exponent = 0;

    if (bits == 32)
        f = (float)f;
    if (isnan(f))
        return S("NaN");
    if (isinf(f))
        return f > 0 ? S("+Inf") : S("-Inf");
    size_t n = go_float_parts(digits, fabs(f), bits, &exponent);
    if (signbit(f))
        *to++ = '-';
    to = exponent >= LEAST_POSITIONAL && exponent < LEAST_SCIENTIFIC
             ? decimal_put_positional(to, digits, n, exponent)
             : decimal_put_scientific(to, digits, n, exponent, 2);
    *to = '\0';
    return (struct str){ room, (size_t)(to - room) };
}

struct str go_float_str(struct arena *a, double f, int bits)
{
    char room[GO_FLOAT_MAX];

    return arena_str(a, go_float(room, f, bits));
}

/* The letter of a one-character escape, or 0. */
static char short_escape(uint32_t c)
{
    static const char from[] = "\a\b\f\n\r\t\v\"\\", to[] = "abfnrtv\"\\";
    const char *at = c == 0 || c > 0x7f ? NULL : strchr(from, (int)c);

    return at == NULL ? 0 : to[at - from];
}

static void quote_rune(struct buf *b, struct str bytes, uint32_t c)
{
    char letter = short_escape(c);

    if (letter != 0)
        buf_fmt(b, "\\%c", letter);
    else if (c == 0xfffd && bytes.n == 1) /* not UTF-8 */
        buf_fmt(b, "\\x%02x", (unsigned char)bytes.p[0]);
    else if (c < ' ' || c == 0x7f)
        buf_fmt(b, "\\x%02x", (unsigned)c);
    else if ((c >= 0x80 && c <= 0xa0) || c == 0xad || (c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f)
             || (c >= 0xe000 && c <= 0xf8ff) || c == 0xfeff)
        buf_fmt(b, "\\u%04x", (unsigned)c);
    else
        buf_add(b, bytes);
}

struct str go_quote(struct arena *a, struct str s)
{
    struct buf b = { .a = a };
    uint32_t c = 0;

    buf_byte(&b, '"');
    for (size_t i = 0, width = 0; i < s.n; i += width) {
        width = utf8_decode((struct str){ s.p + i, s.n - i }, &c);
        quote_rune(&b, (struct str){ s.p + i, width }, c);
    }
    buf_byte(&b, '"');
    return buf_str(&b);
}
