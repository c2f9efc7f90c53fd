/*
 * template/crypto.h - the little of libcrypto that templates use. The library is loaded when the first function needs
 * it: most templates do not, and loading it costs more than they do. Inside src/template only.
 */
#pragma once
#include "base/base.h"

enum digest { DIGEST_SHA1, DIGEST_SHA512 }; /* SHA-256 is in sha256.h */
enum { DIGEST_MAX = 64 };

/* errors: ERR_UNAVAILABLE when libcrypto.so.3 cannot be loaded. */
MUST_CHECK bool crypto_digest(enum digest kind, struct str data, uint8_t out[static DIGEST_MAX], size_t *size,
                              struct err *e);
MUST_CHECK bool crypto_hmac_sha256(struct str key, struct str data, uint8_t out[static 32], struct err *e);
MUST_CHECK bool crypto_scrypt(struct str password, struct str salt, uint64_t n, uint64_t r, uint64_t p, uint8_t *out,
                              size_t size, struct err *e);
/* AES-256-CBC over whole blocks, without padding; `out` has room for data.n bytes. */
MUST_CHECK bool crypto_aes_cbc(bool encrypt, const uint8_t key[static 32], const uint8_t iv[static 16], struct str data,
                               uint8_t *out, struct err *e);

typedef void any_function(void);
/* A function of a loaded library; NULL when it (or the library) is not there. */
any_function *library_function(void *from, const char *name);
/* A function of libcrypto. errors: ERR_UNAVAILABLE (and NULL) when it cannot be loaded. */
any_function *crypto_function(const char *name, struct err *e);

/* funcs_encode.c */
struct str base64_encode(struct arena *a, struct str s);
MUST_CHECK bool base64_decode(struct arena *a, struct str s, struct str *out, struct err *e);
