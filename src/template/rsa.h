/* template/rsa.h - new RSA keys (see prime.h for why we make them ourselves). Inside src/template only. */
#pragma once
#include <openssl/evp.h>

#include "base/base.h"

/*
 * A new key of two primes of bits / 2 each and the exponent 65537: FIPS 186-5, appendix A.1.1 and A.1.3.
 * bits: 2048, 3072 or 4096. The caller frees it with EVP_PKEY_free.
 * errors: NULL and ERR_UNAVAILABLE when libcrypto cannot be loaded or refuses.
 */
EVP_PKEY *rsa_make_key(int bits, struct err *e);
