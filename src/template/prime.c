/*
 * A random start, the numbers after it sieved by all primes under 2^16, the survivors tested to base 2 (eight at a time
 * where the processor can), and what passes put to Miller-Rabin with random bases. Candidates are 7 (mod 8): then
 * (p-1)/2 is odd and one power decides each round.
 */
#include "template/prime.h"

#include <assert.h>
#include <endian.h>

#include "template/prime_lanes.h"

enum {
    STEP = 8,           /* between candidates */
    SLOTS = 4096,       /* candidates in one sieve; one in 355 (1024 bits) to 710 (2048 bits) is prime */
    SIEVE_LIMIT = 65536 /* the larger the limit, the fewer tests, the longer the sieve: 2^15 to 2^17 cost the same */
};

struct search {
    const struct bignum_functions *o;
    int bits;
    BIGNUM *start, *candidate, *half, *base[2], *power[2]; /* start + STEP * slot; (candidate - 1) / 2 */
    BN_MONT_CTX *montgomery;
    BN_CTX *context;
    uint16_t primes[6541]; /* the odd ones under SIEVE_LIMIT */
    bool composite[SLOTS];
    struct lanes lanes;
};

/* ---- the sieve ---------------------------------------------------------------------------- */

static void list_primes(struct search *s)
{
    bool composite[SIEVE_LIMIT / 2] = { 0 }; /* of 2i + 1 */
    size_t n = 0;
    for (uint32_t i = 1; i < COUNT(composite); i++) {
        if (composite[i])
            continue;
        uint32_t prime = 2 * i + 1;
        s->primes[n++] = (uint16_t)prime;
        for (uint32_t k = i * (prime + 1); prime < 256 && k < COUNT(composite); k += prime)
            composite[k] = true;
    }
    assert(n == COUNT(s->primes));
}

/* Strikes out the slots that `prime` divides; remainder: of the start. */
static void strike(struct search *s, uint32_t prime, uint32_t remainder)
{
    uint32_t slot = (prime - remainder) % prime; /* the distance, then divided by STEP (mod prime) */
    for (int halving = STEP; halving > 1; halving /= 2)
        slot = slot % 2 == 0 ? slot / 2 : (slot + prime) / 2;
    for (; slot < SLOTS; slot += prime)
        s->composite[slot] = true;
}

/* Two primes share one pass over the start's digits, as their product has 32 bits. */
static bool sieve(struct search *s)
{
    uint32_t digits[PRIME_BITS_MAX / 32];
    size_t n = (size_t)s->bits / 32;
    if (s->o->BN_bn2lebinpad_(s->start, (uint8_t *)digits, s->bits / 8) < 0)
        return false;
    memset(s->composite, 0, sizeof s->composite);
    for (size_t i = 0; i < COUNT(s->primes); i += 2) {
        uint32_t first = s->primes[i], second = i + 1 < COUNT(s->primes) ? s->primes[i + 1] : 1;
        uint64_t product = (uint64_t)first * second, remainder = 0;
        for (size_t k = n; k-- > 0;)
            remainder = (remainder << 32 | le32toh(digits[k])) % product;
        strike(s, first, (uint32_t)(remainder % first));
        if (second > 1)
            strike(s, second, (uint32_t)(remainder % second));
    }
    explicit_bzero(digits, sizeof digits);
    return true;
}

/* ---- the tests ---------------------------------------------------------------------------- */

/* Sets candidate, half and montgomery. */
static bool set_candidate(struct search *s, size_t slot)
{
    const struct bignum_functions *o = s->o;
    return o->BN_copy_(s->candidate, s->start) != NULL && o->BN_add_word_(s->candidate, STEP * slot) == 1
           && o->BN_rshift1_(s->half, s->candidate) == 1
           && o->BN_MONT_CTX_set_(s->montgomery, s->candidate, s->context) == 1;
}

/* 1 or -1 (mod candidate), which is what a power of half of a prime's p - 1 is. */
static bool is_unit(struct search *s, const BIGNUM *power)
{
    const struct bignum_functions *o = s->o;
    if (o->BN_is_one_(power))
        return true;
    return o->BN_copy_(s->base[0], power) != NULL && o->BN_add_word_(s->base[0], 1) == 1
           && o->BN_cmp_(s->base[0], s->candidate) == 0;
}

/* Two rounds of Miller-Rabin with random bases (a processor may do both in the time of one). */
static bool two_rounds(struct search *s, bool *passed)
{
    const struct bignum_functions *o = s->o;
    for (int i = 0; i < 2; i++)
        do
            if (o->BN_priv_rand_range_(s->base[i], s->candidate) != 1)
                return false;
        while (o->BN_num_bits_(s->base[i]) < 2); /* 0 and 1 prove nothing */
    if (o->BN_mod_exp_mont_consttime_x2_(s->power[0], s->base[0], s->half, s->candidate, s->montgomery, s->power[1],
                                         s->base[1], s->half, s->candidate, s->montgomery, s->context)
        != 1)
        return false;
    *passed = is_unit(s, s->power[0]) && is_unit(s, s->power[1]);
    return true;
}

/* Rounds after FIPS 186-5, table B.1: 5 for 1024 bits, 4 from 1536 bits on; we do them in pairs. */
static bool accept(struct search *s, size_t slot, bool *passed)
{
    const struct bignum_functions *o = s->o;
    int rounds = s->bits < 1536 ? 6 : 4;
    if (!set_candidate(s, slot))
        return false;
    *passed = o->BN_num_bits_(s->candidate) == s->bits && o->BN_mod_word_(s->candidate, RSA_EXPONENT) != 1;
    for (int i = 0; i < rounds && *passed; i += 2)
        if (!two_rounds(s, passed))
            return false;
    return true;
}

/* Does the candidate pass to base 2? Where it is prime, 2 is a square of it: p = 7 (mod 8). */
static bool test_one(struct search *s, size_t slot, unsigned *passed)
{
    const struct bignum_functions *o = s->o;
    if (!set_candidate(s, slot)
        || o->BN_mod_exp_mont_word_(s->power[0], 2, s->half, s->candidate, s->context, s->montgomery) != 1)
        return false;
    *passed = o->BN_is_one_(s->power[0]) ? 1 : 0;
    return true;
}

static bool unpack(const struct search *s, const BIGNUM *number, uint64_t limbs[][LANES], int lane)
{
    uint8_t bytes[PRIME_BITS_MAX / 8 + 16]; /* a limb is read by eight bytes */
    if (s->o->BN_bn2lebinpad_(number, bytes, sizeof bytes) < 0)
        return false;
    for (size_t i = 0; i < lanes_limbs(s->bits); i++) {
        uint64_t word;
        memcpy(&word, bytes + i * LIMB_BITS / 8, sizeof word);
        limbs[i][lane] = le64toh(word) >> (i * LIMB_BITS % 8) & ((UINT64_C(1) << LIMB_BITS) - 1);
    }
    explicit_bzero(bytes, sizeof bytes);
    return true;
}

/* The same for eight of them at once; bit j of passed: slots[j] may be prime. */
static bool test_lanes(struct search *s, const size_t slots[static LANES], unsigned *passed)
{
    const struct bignum_functions *o = s->o;
    BIGNUM *power = s->power[0], *one = s->power[1];
    bool ok = o->BN_set_word_(power, 0) == 1 && o->BN_set_bit_(power, LIMB_BITS * (int)lanes_limbs(s->bits)) == 1;
    for (int j = 0; j < LANES && ok; j++)
        ok = o->BN_copy_(s->candidate, s->start) != NULL && o->BN_add_word_(s->candidate, STEP * slots[j]) == 1
             && o->BN_div_(NULL, one, power, s->candidate, s->context) == 1 && unpack(s, s->candidate, s->lanes.m, j)
             && unpack(s, one, s->lanes.one, j);
    *passed = ok ? lanes_fermat(&s->lanes, s->bits) : 0;
    return ok;
}

/* ---- the search --------------------------------------------------------------------------- */

/* The next n slots that the sieve left, the last one repeated when there are no more; false when there is none. */
static bool next_slots(const struct search *s, size_t *at, size_t *slots, size_t n)
{
    size_t found = 0;
    for (; *at < SLOTS && found < n; ++*at)
        if (!s->composite[*at])
            slots[found++] = *at;
    for (size_t i = found; i < n && found > 0; i++)
        slots[i] = slots[found - 1];
    return found > 0;
}

/* Leaves the first prime from the start on in `candidate`; found is false when the sieve's range has none. */
static bool search_range(struct search *s, bool *found)
{
    bool by_lanes = lanes_supported();
    size_t slots[LANES], width = by_lanes ? LANES : 1, at = 0;
    unsigned passed = 0;
    while (next_slots(s, &at, slots, width)) {
        if (!(by_lanes ? test_lanes(s, slots, &passed) : test_one(s, slots[0], &passed)))
            return false;
        for (size_t j = 0; j < width && !*found; j++)
            if ((passed >> j & 1) != 0 && !accept(s, slots[j], found))
                return false;
        if (*found)
            return true;
    }
    return true;
}

static bool open_search(struct search *s)
{
    const struct bignum_functions *o = s->o;
    BIGNUM **numbers[] = { &s->start, &s->candidate, &s->half, &s->base[0], &s->base[1], &s->power[0], &s->power[1] };
    bool ok = (s->context = o->BN_CTX_new_()) != NULL && (s->montgomery = o->BN_MONT_CTX_new_()) != NULL;
    for (size_t i = 0; i < COUNT(numbers); i++)
        ok = (*numbers[i] = o->BN_new_()) != NULL && ok;
    return ok;
}

static void close_search(struct search *s)
{
    const struct bignum_functions *o = s->o;
    BIGNUM *numbers[] = { s->start, s->candidate, s->half, s->base[0], s->base[1], s->power[0], s->power[1] };
    for (size_t i = 0; i < COUNT(numbers); i++)
        o->BN_clear_free_(numbers[i]);
    o->BN_MONT_CTX_free_(s->montgomery);
    o->BN_CTX_free_(s->context);
    explicit_bzero(s, sizeof *s);
}

bool prime_generate(const struct bignum_functions *o, int bits, BIGNUM *p)
{
    struct search s = { .o = o, .bits = bits };
    bool found = false, ok = open_search(&s);
    assert(bits >= PRIME_BITS_MIN && bits <= PRIME_BITS_MAX && bits % 32 == 0);
    list_primes(&s);
    while (ok && !found)
        ok = o->BN_priv_rand_(s.start, bits, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD) == 1
             && o->BN_set_bit_(s.start, 1) == 1 && o->BN_set_bit_(s.start, 2) == 1 && sieve(&s)
             && search_range(&s, &found);
    ok = ok && o->BN_copy_(p, s.candidate) != NULL;
    close_search(&s);
    return ok;
}
