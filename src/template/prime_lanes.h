/*
 * template/prime_lanes.h - eight numbers tested for primality at once, on processors with 52-bit multiply-add
 * (AVX-512 IFMA). Inside src/template only.
 *
 * It only picks the candidates worth a real test: a composite it lets through is caught by the rounds of prime.c.
 */
#pragma once
#include <stdalign.h>

#include "base/base.h"

enum { LANES = 8, LIMB_BITS = 52, LIMBS_MAX = 40 }; /* 40 limbs hold 2048 bits and the spare bits of lanes_limbs */

/* Eight odd numbers, little-endian in limbs: number j is m[0][j], m[1][j], ... */
struct lanes {
    alignas(64) uint64_t m[LIMBS_MAX][LANES];
    alignas(64) uint64_t one[LIMBS_MAX][LANES]; /* 2 to the (52 x limbs), mod m: Montgomery's 1 */
};

bool lanes_supported(void); /* by this processor */

/* Limbs for numbers of so many bits: at least four bits stay free at the top, which lanes_fermat needs. */
static inline size_t lanes_limbs(int bits)
{
    return (size_t)(bits + 4 + LIMB_BITS - 1) / LIMB_BITS;
}

/*
 * Which of the eight satisfy 2^(m-1) = 1 (mod m), as all odd primes do: bit j for number j.
 * bits: the length of all eight, at most 2048. Only where lanes_supported().
 */
unsigned lanes_fermat(const struct lanes *in, int bits);
