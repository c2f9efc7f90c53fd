/* libcrypto on first use: dlopen, then one symbol after the other. */
#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>

#include "template/crypto.h"

static void *library;
static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void load_library(void)
{
    library = dlopen("libcrypto.so.3", RTLD_LAZY | RTLD_LOCAL);
}

any_function *library_function(void *from, const char *name)
{
    any_function *function = NULL;
    void *symbol = from != NULL ? dlsym(from, name) : NULL;
    memcpy(&function, &symbol, sizeof symbol); /* POSIX: the two have one representation */
    return function;
}

any_function *crypto_function(const char *name, struct err *e)
{
    pthread_once(&library_once, load_library);
    any_function *function = library_function(library, name);
    if (function == NULL)
        err_set_(e, ERR_UNAVAILABLE,
                 "this function needs libcrypto.so.3 (OpenSSL 3), which cannot be loaded: install libssl3");
    return function;
}

/* A function of libcrypto as a pointer of its own type. */
#define SYMBOL(name) ((__typeof__(name) *)crypto_function(#name, e))

bool crypto_digest(enum digest kind, struct str data, uint8_t out[static DIGEST_MAX], size_t *size, struct err *e)
{
    unsigned written = 0;
    __typeof__(EVP_Digest) *digest = SYMBOL(EVP_Digest);
    const char *name = kind == DIGEST_SHA1 ? "EVP_sha1" : "EVP_sha512";
    __typeof__(EVP_sha1) *type = (__typeof__(EVP_sha1) *)crypto_function(name, e);
    if (digest == NULL || type == NULL)
        return false;
    if (digest(data.p, data.n, out, &written, type(), NULL) != 1)
        return err_set(e, ERR_UNAVAILABLE, "libcrypto refuses %s", name + 4);
    *size = written;
    return true;
}

bool crypto_hmac_sha256(struct str key, struct str data, uint8_t out[static 32], struct err *e)
{
    unsigned written = 0;
    __typeof__(HMAC) *hmac = SYMBOL(HMAC);
    __typeof__(EVP_sha256) *sha256 = SYMBOL(EVP_sha256);
    if (hmac == NULL || sha256 == NULL)
        return false;
    if (hmac(sha256(), key.p, (int)key.n, (const uint8_t *)data.p, data.n, out, &written) == NULL)
        return err_set(e, ERR_UNAVAILABLE, "libcrypto refuses HMAC");
    return true;
}

bool crypto_scrypt(struct str password, struct str salt, uint64_t n, uint64_t r, uint64_t p, uint8_t *out, size_t size,
                   struct err *e)
{
    __typeof__(EVP_PBE_scrypt) *scrypt = SYMBOL(EVP_PBE_scrypt);
    if (scrypt == NULL)
        return false;
    if (scrypt(password.p, password.n, (const uint8_t *)salt.p, salt.n, n, r, p, UINT64_C(256) << 20, out, size) != 1)
        return err_set(e, ERR_UNAVAILABLE, "libcrypto refuses scrypt");
    return true;
}

bool crypto_aes_cbc(bool encrypt, const uint8_t key[static 32], const uint8_t iv[static 16], struct str data,
                    uint8_t *out, struct err *e)
{
    __typeof__(EVP_CIPHER_CTX_new) *make = SYMBOL(EVP_CIPHER_CTX_new);
    __typeof__(EVP_CIPHER_CTX_free) *drop = SYMBOL(EVP_CIPHER_CTX_free);
    __typeof__(EVP_CipherInit_ex) *start = SYMBOL(EVP_CipherInit_ex);
    __typeof__(EVP_CIPHER_CTX_set_padding) *set_padding = SYMBOL(EVP_CIPHER_CTX_set_padding);
    __typeof__(EVP_CipherUpdate) *update = SYMBOL(EVP_CipherUpdate);
    __typeof__(EVP_aes_256_cbc) *cipher = SYMBOL(EVP_aes_256_cbc);
    if (make == NULL || drop == NULL || start == NULL || set_padding == NULL || update == NULL || cipher == NULL)
        return false;
    EVP_CIPHER_CTX *context = make();
    int written = 0;
    bool ok = context != NULL && start(context, cipher(), NULL, key, iv, encrypt) == 1 && set_padding(context, 0) == 1
              && update(context, out, &written, (const uint8_t *)data.p, (int)data.n) == 1;
    drop(context);
    return ok || err_set(e, ERR_UNAVAILABLE, "libcrypto refuses AES-256-CBC");
}
