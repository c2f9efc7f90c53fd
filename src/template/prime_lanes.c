/* Eight Fermat tests to base 2 at once, one in each 64-bit lane of AVX-512 registers. */
#include "template/prime_lanes.h"

#if defined(__x86_64__) && __has_include(<sys/platform/x86.h>)
#include <immintrin.h>
#include <sys/platform/x86.h>

#define IFMA __attribute__((target("avx512f,avx512ifma")))
#define LIMB_MASK ((UINT64_C(1) << LIMB_BITS) - 1)

typedef __m512i vec;

/* The low and high halves of products, added up column by column; 160 of 52 bits fit in 64. */
struct column {
    vec low, high;
};

/* libc knows already: the compiler's own way would ask the processor at every start of the program. */
bool lanes_supported(void)
{
    return CPU_FEATURE_ACTIVE(AVX512F) && CPU_FEATURE_ACTIVE(AVX512_IFMA);
}

IFMA static inline void add_product(struct column *c, vec a, vec b)
{
    __asm__("" : "+v"(b)); /* in a register: GCC would load it for each of the two, and loads are the bottleneck */
    c->low = _mm512_madd52lo_epu64(c->low, a, b);
    c->high = _mm512_madd52hi_epu64(c->high, a, b);
}

/* Sum of a[i] * b[k - i] for from <= i < to. Two sums side by side hide the latency of the multiplier. */
IFMA static inline struct column convolve(const vec *a, const vec *b, size_t k, size_t from, size_t to)
{
    vec zero = _mm512_setzero_si512();
    struct column even = { zero, zero }, odd = { zero, zero };
    size_t i = from;
    for (; i + 1 < to; i += 2) {
        add_product(&even, a[i], b[k - i]);
        add_product(&odd, a[i + 1], b[k - i - 1]);
    }
    if (i < to)
        add_product(&even, a[i], b[k - i]);
    return (struct column){ _mm512_add_epi64(even.low, odd.low), _mm512_add_epi64(even.high, odd.high) };
}

/* Column k of x squared: what lies off the diagonal counts twice. */
IFMA static inline struct column square_column(const vec *x, size_t k, size_t from)
{
    struct column c = convolve(x, x, k, from, (k + 1) / 2);
    c.low = _mm512_slli_epi64(c.low, 1);
    c.high = _mm512_slli_epi64(c.high, 1);
    if (k % 2 == 0)
        add_product(&c, x[k / 2], x[k / 2]);
    return c;
}

/*
 * x = x * x / R * 2^shift (mod m), R = 2^(52 n): Montgomery's multiplication by columns, without its last subtraction.
 * With x < 4m and R > 16m the result, before the shift, stays under 2m; so one doubling needs no reduction either.
 * inverse: -1/m mod 2^52.
 */
IFMA static void square(vec *x, const vec *m, vec inverse, size_t n, vec shift)
{
    vec quotient[LIMBS_MAX], result[LIMBS_MAX], mask = _mm512_set1_epi64(LIMB_MASK), zero = _mm512_setzero_si512();
    vec carry = zero;
    for (size_t k = 0; k < 2 * n; k++) {
        size_t from = k < n ? 0 : k - n + 1;
        struct column s = square_column(x, k, from), r = convolve(quotient, m, k, from, k < n ? k : n);
        s.low = _mm512_add_epi64(_mm512_add_epi64(s.low, r.low), carry);
        s.high = _mm512_add_epi64(s.high, r.high);
        if (k < n) {
            quotient[k] = _mm512_madd52lo_epu64(zero, s.low, inverse);
            add_product(&s, quotient[k], m[0]);
            carry = _mm512_add_epi64(s.high, _mm512_srli_epi64(s.low, LIMB_BITS));
        } else {
            result[k - n] = s.low;
            carry = s.high;
        }
    }
    carry = zero;
    for (size_t i = 0; i < n; i++) {
        carry = _mm512_add_epi64(carry, _mm512_sllv_epi64(result[i], shift));
        x[i] = _mm512_and_si512(carry, mask);
        carry = _mm512_srli_epi64(carry, LIMB_BITS);
    }
}

/* -1/m mod 2^52. Newton's step doubles the right bits: an odd m is its own inverse mod 8, so 3, 6, 12, 24, 48, 96. */
IFMA static vec negative_inverse(const uint64_t m[static LANES])
{
    alignas(64) uint64_t inverse[LANES];
    for (int j = 0; j < LANES; j++) {
        uint64_t v = m[j];
        for (int step = 0; step < 5; step++)
            v *= 2 - m[j] * v;
        inverse[j] = -v & LIMB_MASK;
    }
    return _mm512_load_si512(inverse);
}

/* Lanes where x, which is under 2m, equals 1 (mod m): it is `one` or one + m. */
IFMA static unsigned equal_one(const vec *x, const vec *one, const vec *m, size_t n)
{
    vec mask = _mm512_set1_epi64(LIMB_MASK), carry = _mm512_setzero_si512();
    unsigned plain = 0xff, above = 0xff;
    for (size_t i = 0; i < n; i++) {
        carry = _mm512_add_epi64(carry, _mm512_add_epi64(one[i], m[i]));
        plain &= _mm512_cmpeq_epi64_mask(x[i], one[i]);
        above &= _mm512_cmpeq_epi64_mask(x[i], _mm512_and_si512(carry, mask));
        carry = _mm512_srli_epi64(carry, LIMB_BITS);
    }
    return plain | above;
}

/* From the top bit of the exponent m - 1 down: square, and double where the bit is set. */
IFMA unsigned lanes_fermat(const struct lanes *in, int bits)
{
    const vec *m = (const vec *)in->m, *one = (const vec *)in->one;
    vec x[LIMBS_MAX], inverse = negative_inverse(in->m[0]), bit = _mm512_set1_epi64(1);
    size_t n = lanes_limbs(bits);
    memcpy(x, one, n * sizeof *x);
    for (int i = bits - 1; i > 0; i--) {
        vec shifted = _mm512_srl_epi64(m[i / LIMB_BITS], _mm_cvtsi32_si128(i % LIMB_BITS));
        square(x, m, inverse, n, _mm512_and_si512(shifted, bit));
    }
    square(x, m, inverse, n, _mm512_setzero_si512()); /* m - 1 is even */
    unsigned passed = equal_one(x, one, m, n);
    explicit_bzero(x, sizeof x);
    return passed;
}

#else

bool lanes_supported(void)
{
    return false;
}

unsigned lanes_fermat(const struct lanes *in, int bits)
{
    (void)in, (void)bits;
    return 0xff; /* never asked; it would leave all to the real test */
}

#endif
