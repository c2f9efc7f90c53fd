/*
 * template/prime.h - random primes for RSA keys, by OpenSSL's arithmetic. Inside src/template only.
 *
 * Why not BN_generate_prime_ex: OpenSSL 3 runs 64 rounds of Miller-Rabin (128 above 2048 bits) where FIPS 186-5,
 * table B.1, asks for 5 and 4 at error 2^-112 or less for random numbers of such size, and looks for candidates one by
 * one. A chart with two certificates spent twice Helm's time there.
 */
#pragma once
#include <openssl/bn.h>

#include "base/base.h"

/* The functions of libcrypto that primes and RSA keys need (see crypto.h: it is loaded on first use). */
/* clang-format off */
#define BIGNUM_FUNCTIONS(F) \
    F(BN_CTX_free) F(BN_CTX_new) F(BN_MONT_CTX_free) F(BN_MONT_CTX_new) F(BN_MONT_CTX_set) F(BN_add_word) F(BN_bn2lebinpad) \
    F(BN_clear_free) F(BN_cmp) F(BN_copy) F(BN_div) F(BN_gcd) F(BN_is_one) F(BN_mod_exp_mont_consttime_x2) \
    F(BN_mod_exp_mont_word) F(BN_mod_inverse) F(BN_mod_word) F(BN_mul) F(BN_new) F(BN_num_bits) F(BN_priv_rand) \
    F(BN_priv_rand_range) F(BN_rshift1) F(BN_set_bit) F(BN_set_flags) F(BN_set_word) F(BN_sub) F(BN_sub_word)
/* clang-format on */

struct bignum_functions {
#define MEMBER(name) __typeof__(name) *name##_;
    BIGNUM_FUNCTIONS(MEMBER)
#undef MEMBER
};

enum { RSA_EXPONENT = 65537, PRIME_BITS_MIN = 1024, PRIME_BITS_MAX = 2048 };

/*
 * A random prime p of exactly `bits` bits (PRIME_BITS_MIN to PRIME_BITS_MAX) with the two top bits set, p = 7 (mod 8),
 * and p - 1 not divisible by RSA_EXPONENT: FIPS 186-5, appendix A.1.3, with a = b = 7.
 * false: libcrypto has no memory or no randomness left.
 */
MUST_CHECK bool prime_generate(const struct bignum_functions *o, int bits, BIGNUM *p);
