#include <float.h>
#include <math.h>

#include "data/decimal.h"

__extension__ typedef unsigned __int128 wide;

#define EXACT_TENS 22  /* 10^22 is the last power of ten that is a double */
#define EXACT_FIVES 27 /* 5^27 is the last power of five below 2^63 */
#define MANTISSA_BITS 53
#define SHORT_LIMIT 1e15 /* any two decimals of 15 digits are different doubles */

static const double tens[EXACT_TENS + 1] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                             1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

static const uint64_t fives[EXACT_FIVES + 1] = {
    1,
    5,
    25,
    125,
    625,
    3125,
    15625,
    78125,
    390625,
    1953125,
    9765625,
    48828125,
    244140625,
    1220703125,
    6103515625,
    30517578125,
    152587890625,
    762939453125,
    3814697265625,
    19073486328125,
    95367431640625,
    476837158203125,
    2384185791015625,
    11920928955078125,
    59604644775390625,
    298023223876953125,
    1490116119384765625,
    7450580596923828125,
};

/* ---- reading -------------------------------------------------------------------------------------- */

static int width_of(wide n)
{
    uint64_t high = (uint64_t)(n >> 64), low = (uint64_t)n;

    return high != 0 ? 128 - __builtin_clzll(high) : 64 - __builtin_clzll(low);
}

/* n x 2^exponent, and a little more when `more`, rounded half to even. The result is far from both ends of the range.
 */
static double round_wide(wide n, bool more, int exponent)
{
    int drop = width_of(n) - MANTISSA_BITS;

    if (drop <= 0)
        return ldexp((double)(uint64_t)n, exponent);
    wide half = (wide)1 << (drop - 1), rest = n & (half * 2 - 1);
    uint64_t mantissa = (uint64_t)(n >> drop);
    if (rest > half || (rest == half && (more || (mantissa & 1) != 0)))
        mantissa++;
    return ldexp((double)mantissa, exponent + drop);
}

bool decimal_to_double(uint64_t digits, int exponent, double *out)
{
    if (digits == 0) {
        *out = 0;
        return true;
    }
    if (FLT_EVAL_METHOD == 0 && digits <= (uint64_t)1 << MANTISSA_BITS && exponent >= -EXACT_TENS
        && exponent <= EXACT_TENS) {
        *out = exponent < 0 ? (double)digits / tens[-exponent] : (double)digits * tens[exponent];
        return true;
    }
    if (exponent < -EXACT_FIVES || exponent > EXACT_FIVES)
        return false;
    if (exponent >= 0) {
        *out = round_wide((wide)digits * fives[exponent], false, exponent);
        return true;
    }
    int shift = __builtin_clzll(digits) + 64; /* then the quotient has more than 64 bits */
    wide scaled = (wide)digits << shift, quotient = scaled / fives[-exponent];
    *out = round_wide(quotient, quotient * fives[-exponent] != scaled, exponent - shift);
    return true;
}

/* Up to 19 digits at the front of *s, added to *digits; true while none had to be left out. */
static bool take_digits(struct str *s, uint64_t *digits, int *count)
{
    size_t i = 0;

    for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++)
        *digits = *digits * 10 + (uint64_t)(s->p[i] - '0');
    *count += (int)(i < 1000 ? i : 1000);
    str_cut(s, i);
    return *count <= DECIMAL_EXACT_DIGITS;
}

static bool take_exponent(struct str *s, int *exponent)
{
    uint64_t n = 0;
    int count = 0;

    if (s->n == 0)
        return true;
    str_cut(s, 1); /* the letter */
    bool minus = s->n > 0 && s->p[0] == '-';
    if (s->n > 0 && (s->p[0] == '-' || s->p[0] == '+'))
        str_cut(s, 1);
    if (!take_digits(s, &n, &count) || n > 1000)
        return false;
    *exponent += minus ? -(int)n : (int)n;
    return true;
}

bool decimal_parse(struct str text, double *out)
{
    struct str s = text;
    uint64_t digits = 0;
    int count = 0, before = 0;
    bool minus = s.n > 0 && s.p[0] == '-';

    if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
        str_cut(&s, 1);
    bool exact = take_digits(&s, &digits, &count);
    before = count;
    if (s.n > 0 && s.p[0] == '.') {
        str_cut(&s, 1);
        exact = take_digits(&s, &digits, &count);
    }
    int exponent = before - count;
    if (!exact || !take_exponent(&s, &exponent) || !decimal_to_double(digits, exponent, out))
        return str_to_double(text, out);
    *out = minus ? -*out : *out;
    return true;
}

/* ---- the fewest digits ---------------------------------------------------------------------------- */

static void drop_zeros(uint64_t *digits, int *exponent)
{
    while (*digits % 10 == 0) {
        *digits /= 10;
        ++*exponent;
    }
}

/* Fractions of up to 15 digits, which is what people write: the first scale at which a whole number gives `f` again. */
static bool shortest_fraction(double f, uint64_t *digits, int *exponent)
{
    for (int scale = 1; scale <= EXACT_TENS; scale++) {
        double scaled = f * tens[scale];
        if (scaled >= SHORT_LIMIT)
            return false;
        uint64_t n = (uint64_t)(scaled + 0.5);
        if ((double)n / tens[scale] == f) {
            *digits = n;
            *exponent = -scale;
            return true;
        }
    }
    return false;
}

struct range { /* what reads back as one double, as whole numbers of some power of ten */
    uint64_t low, high;
};

/* (n x 2^-shift) as the least whole number not below, or the largest not above; strictly when not `inclusive`. */
static uint64_t above(wide n, int shift, bool inclusive)
{
    wide floor = n >> shift;

    return (uint64_t)floor + (floor << shift != n || !inclusive);
}

static uint64_t below(wide n, int shift, bool inclusive)
{
    wide floor = n >> shift;

    return (uint64_t)floor - (floor << shift == n && !inclusive);
}

/* n x 2^-shift / unit, rounded half to even and moved into the range. */
static uint64_t nearest(wide n, int shift, uint64_t unit, struct range r)
{
    uint64_t whole = (uint64_t)(n >> shift), quotient = whole / unit;
    wide rest = n - ((wide)(quotient * unit) << shift), half = ((wide)unit << shift) / 2;

    if (rest > half || (rest == half && (quotient & 1) != 0))
        quotient++;
    return quotient < r.low ? r.low : quotient > r.high ? r.high : quotient;
}

/*
 * Everything between the middles to the neighbouring doubles reads back as `f`. Scaled by a power of ten to 17 or 18
 * digits, that range is computed exactly; then digits go as long as a whole number stays inside.
 */
static bool shortest_exact(double f, uint64_t *digits, int *exponent)
{
    int power = 0;
    uint64_t mantissa = (uint64_t)ldexp(frexp(f, &power), MANTISSA_BITS);
    int scale = 16 - (int)floor((power - 1) * 0.30102999566398119521);
    int shift = 2 - (power - MANTISSA_BITS) - scale;
    bool even = (mantissa & 1) == 0, edge = mantissa == (uint64_t)1 << (MANTISSA_BITS - 1);

    if (scale < 1 || scale > EXACT_FIVES || shift < 1)
        return false;
    wide five = fives[scale], middle = (wide)(4 * mantissa) * five;
    struct range r = { above(middle - (edge ? 1 : 2) * five, shift, even), below(middle + 2 * five, shift, even) };
    uint64_t unit = 1;
    for (; (r.low + 9) / 10 <= r.high / 10; unit *= 10, scale--)
        r = (struct range){ (r.low + 9) / 10, r.high / 10 };
    *digits = nearest(middle, shift, unit, r);
    *exponent = -scale;
    return true;
}

bool decimal_shortest(double f, uint64_t *digits, int *exponent)
{
    if (f < 0x1p53 && f == floor(f)) {
        *digits = (uint64_t)f;
        *exponent = 0;
    } else if (f >= 0x1p53 || f < 0x1p-1000
               || (!shortest_fraction(f, digits, exponent) && !shortest_exact(f, digits, exponent))) {
        return false;
    }
    drop_zeros(digits, exponent);
    return true;
}

/* ---- writing -------------------------------------------------------------------------------------- */

static const char pairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051"
    "525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

char *decimal_write(char *to, uint64_t n)
{
    char room[20], *p = room + sizeof room;

    if (n < 10) {
        *to = (char)('0' + n);
        return to + 1;
    }
    for (; n >= 100; n /= 100)
        memcpy(p -= 2, pairs + n % 100 * 2, 2);
    if (n >= 10)
        memcpy(p -= 2, pairs + n * 2, 2);
    else
        *--p = (char)('0' + n);
    size_t size = (size_t)(room + sizeof room - p);
    memcpy(to, p, size);
    return to + size;
}

char *decimal_put_scientific(char *to, const char *digits, size_t n, int exponent, int least)
{
    *to++ = digits[0];
    if (n > 1) {
        *to++ = '.';
        memcpy(to, digits + 1, n - 1);
        to += n - 1;
    }
    *to++ = 'e';
    *to++ = exponent < 0 ? '-' : '+';
    if (least > 1 && exponent > -10 && exponent < 10)
        *to++ = '0';
    return decimal_write(to, (uint64_t)(exponent < 0 ? -exponent : exponent));
}

char *decimal_put_positional(char *to, const char *digits, size_t n, int exponent)
{
    size_t whole = exponent >= 0 ? (size_t)exponent + 1 : 0, zeros = exponent < 0 ? (size_t)(-1 - exponent) : 0;

    if (whole >= n) { /* Go fills up with zeros behind the shortest digits, where C would print exact ones */
        memcpy(to, digits, n);
        memset(to + n, '0', whole - n);
        return to + whole;
    }
    if (whole == 0)
        *to++ = '0';
    memcpy(to, digits, whole);
    to += whole;
    *to++ = '.';
    memset(to, '0', zeros);
    memcpy(to + zeros, digits + whole, n - whole);
    return to + zeros + n - whole;
}
