/* Exact decimals as arrays of digits: numbers are short here, so schoolbook arithmetic is all it takes. */
#include <stdlib.h>

#include "data/gofmt.h"
#include "template/decimal.h"

enum { PLACES = 16 };

static struct decimal trimmed(struct decimal d)
{
    while (d.n > 0 && d.digits[0] == 0) {
        d.digits++;
        d.n--;
    }
    while (d.n > 0 && d.digits[d.n - 1] == 0) {
        d.n--;
        d.exponent++;
    }
    if (d.n == 0)
        d.exponent = 0;
    return d;
}

struct decimal decimal_from(struct arena *a, double f)
{
    char room[GO_FLOAT_MAX];
    struct decimal d = { 0 };
    go_float_digits(room, f, 64);
    d.digits = arena_alloc_raw(a, GO_FLOAT_MAX);
    const char *e = strchr(room, 'e'), *point = strchr(room, '.');
    for (const char *p = room; p < e; p++)
        if (*p >= '0' && *p <= '9')
            d.digits[d.n++] = (uint8_t)(*p - '0');
    d.negative = room[0] == '-';
    d.exponent = (int)strtol(e + 1, NULL, 10) - (point != NULL ? (int)(e - point) - 1 : 0);
    return trimmed(d);
}

double decimal_to(struct arena *a, const struct decimal *d)
{
    struct buf b = { .a = a };
    buf_byte(&b, d->negative ? '-' : '+');
    for (size_t i = 0; i < d->n; i++)
        buf_byte(&b, (char)('0' + d->digits[i]));
    if (d->n == 0)
        return 0;
    buf_fmt(&b, "e%d", d->exponent);
    return strtod(b.p, NULL);
}

/* The digit that stands at 10^place. */
static int digit_at(const struct decimal *d, int place)
{
    int i = (int)d->n - 1 - (place - d->exponent);
    return i >= 0 && i < (int)d->n ? d->digits[i] : 0;
}

static int top(const struct decimal *d) /* one above the highest place */
{
    return d->exponent + (int)d->n;
}

static int compare_size(const struct decimal *x, const struct decimal *y)
{
    int high = top(x) > top(y) ? top(x) : top(y), low = x->exponent < y->exponent ? x->exponent : y->exponent;
    for (int place = high - 1; place >= low; place--) {
        int difference = digit_at(x, place) - digit_at(y, place);
        if (difference != 0)
            return difference;
    }
    return 0;
}

/* |x| + |y|, or |x| - |y| when `minus` and |x| is not smaller. */
static struct decimal combine(struct arena *a, const struct decimal *x, const struct decimal *y, bool minus)
{
    int low = x->exponent < y->exponent ? x->exponent : y->exponent;
    int high = (top(x) > top(y) ? top(x) : top(y)) + 1, carry = 0;
    struct decimal sum = { .n = (size_t)(high - low), .exponent = low };
    sum.digits = arena_alloc_raw(a, sum.n + 1);
    for (int place = low; place < high; place++) {
        int v = digit_at(x, place) + (minus ? -digit_at(y, place) : digit_at(y, place)) + carry;
        carry = v < 0 ? -1 : v / 10;
        sum.digits[high - 1 - place] = (uint8_t)(v < 0 ? v + 10 : v % 10);
    }
    return trimmed(sum);
}

struct decimal decimal_add(struct arena *a, const struct decimal *x, const struct decimal *y)
{
    bool minus = x->negative != y->negative, swap = minus && compare_size(x, y) < 0;
    struct decimal sum = swap ? combine(a, y, x, true) : combine(a, x, y, minus);
    sum.negative = sum.n > 0 && (swap ? y->negative : x->negative);
    return sum;
}

struct decimal decimal_mul(struct arena *a, const struct decimal *x, const struct decimal *y)
{
    struct decimal product = { .n = x->n + y->n, .exponent = x->exponent + y->exponent };
    uint32_t *sums = arena_new(a, uint32_t, product.n + 1);
    for (size_t i = 0; i < x->n; i++)
        for (size_t k = 0; k < y->n; k++)
            sums[i + k + 1] += (uint32_t)x->digits[i] * y->digits[k];
    product.digits = arena_alloc_raw(a, product.n + 1);
    uint32_t carry = 0;
    for (size_t i = product.n; i-- > 0;) {
        carry += sums[i];
        product.digits[i] = (uint8_t)(carry % 10);
        carry /= 10;
    }
    product = trimmed(product);
    product.negative = product.n > 0 && x->negative != y->negative;
    return product;
}

/* Long division, one digit of the quotient after the other; the last one is only there to round by. */
struct decimal decimal_div(struct arena *a, const struct decimal *x, const struct decimal *y)
{
    int high = top(x) - y->exponent, low = -PLACES - 1;
    if (high <= low)
        return (struct decimal){ 0 };
    struct decimal q = { .n = (size_t)(high - low), .exponent = low };
    struct decimal divisor = { .digits = y->digits, .n = y->n }, rest = { 0 };
    q.digits = arena_new(a, uint8_t, q.n + 1);
    for (int place = high - 1; place >= low; place--) {
        struct arena scratch = { 0 };
        uint8_t next = (uint8_t)digit_at(x, place + y->exponent);
        struct decimal digit = { .digits = &next, .n = next > 0 };
        rest.exponent += rest.n > 0;
        rest = combine(&scratch, &rest, &digit, false);
        while (rest.n > 0 && compare_size(&rest, &divisor) >= 0) {
            rest = combine(&scratch, &rest, &divisor, true);
            q.digits[high - 1 - place]++;
        }
        struct decimal kept = rest;
        kept.digits = arena_alloc_raw(a, rest.n + 1);
        memcpy(kept.digits, rest.digits, rest.n);
        rest = kept;
        arena_close(&scratch);
    }
    bool up = q.digits[q.n - 1] >= 5;
    q.digits[--q.n] = 0;
    q.exponent++;
    uint8_t one = 1;
    struct decimal unit = { .digits = &one, .n = up, .exponent = -PLACES };
    q = trimmed(q);
    q = combine(a, &q, &unit, false);
    q.negative = q.n > 0 && x->negative != y->negative;
    return q;
}
