/* RSA keys of primes of our own finding; the arithmetic and the key are OpenSSL's. */
#include "template/rsa.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "template/crypto.h"
#include "template/prime.h"

/* clang-format off */
#define KEY_FUNCTIONS(F) \
    F(EVP_PKEY_CTX_free) F(EVP_PKEY_CTX_new_from_name) F(EVP_PKEY_fromdata) F(EVP_PKEY_fromdata_init) \
    F(OSSL_PARAM_BLD_free) F(OSSL_PARAM_BLD_new) F(OSSL_PARAM_BLD_push_BN) F(OSSL_PARAM_BLD_to_param) F(OSSL_PARAM_free)
/* clang-format on */

/* The parts of a key, in the words of PKCS #1: exponents and coefficient serve the Chinese remainder theorem. */
enum part { N, E, D, P, Q, EXPONENT_P, EXPONENT_Q, COEFFICIENT, LESS_P, LESS_Q, SCRATCH, PARTS };

static const char *const part_names[] = {
    [N] = OSSL_PKEY_PARAM_RSA_N,
    [E] = OSSL_PKEY_PARAM_RSA_E,
    [D] = OSSL_PKEY_PARAM_RSA_D,
    [P] = OSSL_PKEY_PARAM_RSA_FACTOR1,
    [Q] = OSSL_PKEY_PARAM_RSA_FACTOR2,
    [EXPONENT_P] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
    [EXPONENT_Q] = OSSL_PKEY_PARAM_RSA_EXPONENT2,
    [COEFFICIENT] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};

struct maker {
    struct bignum_functions o;
#define MEMBER(name) __typeof__(name) *name##_;
    KEY_FUNCTIONS(MEMBER)
#undef MEMBER
    BN_CTX *context;
    BIGNUM *part[PARTS];
};

static bool open_maker(struct maker *m, struct err *e)
{
    bool ok = true;
#define LOAD_NUMBER(name) ok = ok && (m->o.name##_ = (__typeof__(name) *)crypto_function(#name, e)) != NULL;
    BIGNUM_FUNCTIONS(LOAD_NUMBER)
#undef LOAD_NUMBER
#define LOAD_KEY(name) ok = ok && (m->name##_ = (__typeof__(name) *)crypto_function(#name, e)) != NULL;
    KEY_FUNCTIONS(LOAD_KEY)
#undef LOAD_KEY
    if (!ok)
        return false;
    ok = (m->context = m->o.BN_CTX_new_()) != NULL;
    for (int i = 0; i < PARTS; i++)
        ok = (m->part[i] = m->o.BN_new_()) != NULL && ok;
    return ok || err_set(e, ERR_UNAVAILABLE, "libcrypto has no memory");
}

static void close_maker(struct maker *m)
{
    for (int i = 0; i < PARTS && m->part[i] != NULL; i++)
        m->o.BN_clear_free_(m->part[i]);
    if (m->context != NULL)
        m->o.BN_CTX_free_(m->context);
}

/* Two primes further apart than 2^(bits/2 - 100), the larger one first as the coefficient wants it. */
static bool find_primes(struct maker *m, int bits)
{
    BIGNUM **p = m->part;
    do
        if (!prime_generate(&m->o, bits / 2, p[P]) || !prime_generate(&m->o, bits / 2, p[Q])
            || m->o.BN_sub_(p[SCRATCH], p[P], p[Q]) != 1)
            return false;
    while (m->o.BN_num_bits_(p[SCRATCH]) <= bits / 2 - 100);
    if (m->o.BN_cmp_(p[P], p[Q]) < 0) {
        BIGNUM *larger = p[Q];
        p[Q] = p[P];
        p[P] = larger;
    }
    return true;
}

/* d = 1/e (mod the least common multiple of p - 1 and q - 1), by functions that take the same time for all secrets. */
static bool find_private_exponent(struct maker *m)
{
    const struct bignum_functions *o = &m->o;
    BIGNUM **p = m->part, *common = p[EXPONENT_P], *multiple = p[EXPONENT_Q]; /* until these get their own values */
    o->BN_set_flags_(p[LESS_P], BN_FLG_CONSTTIME);
    o->BN_set_flags_(p[LESS_Q], BN_FLG_CONSTTIME);
    o->BN_set_flags_(common, BN_FLG_CONSTTIME);
    o->BN_set_flags_(multiple, BN_FLG_CONSTTIME);
    return o->BN_copy_(p[LESS_P], p[P]) != NULL && o->BN_sub_word_(p[LESS_P], 1) == 1
           && o->BN_copy_(p[LESS_Q], p[Q]) != NULL && o->BN_sub_word_(p[LESS_Q], 1) == 1
           && o->BN_gcd_(common, p[LESS_P], p[LESS_Q], m->context) == 1
           && o->BN_mul_(p[SCRATCH], p[LESS_P], p[LESS_Q], m->context) == 1
           && o->BN_div_(multiple, NULL, p[SCRATCH], common, m->context) == 1
           && o->BN_mod_inverse_(p[D], p[E], multiple, m->context) != NULL;
}

static bool find_parts(struct maker *m, int bits)
{
    const struct bignum_functions *o = &m->o;
    BIGNUM **p = m->part;
    do
        if (o->BN_set_word_(p[E], RSA_EXPONENT) != 1 || !find_primes(m, bits) || !find_private_exponent(m))
            return false;
    while (o->BN_num_bits_(p[D]) <= bits / 2); /* FIPS 186-5, A.1.1: as good as never */
    o->BN_set_flags_(p[D], BN_FLG_CONSTTIME);
    o->BN_set_flags_(p[P], BN_FLG_CONSTTIME);
    return o->BN_mul_(p[N], p[P], p[Q], m->context) == 1
           && o->BN_div_(NULL, p[EXPONENT_P], p[D], p[LESS_P], m->context) == 1
           && o->BN_div_(NULL, p[EXPONENT_Q], p[D], p[LESS_Q], m->context) == 1
           && o->BN_mod_inverse_(p[COEFFICIENT], p[Q], p[P], m->context) != NULL;
}

static EVP_PKEY *assemble(struct maker *m)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *c = m->EVP_PKEY_CTX_new_from_name_(NULL, "RSA", NULL);
    OSSL_PARAM_BLD *builder = m->OSSL_PARAM_BLD_new_();
    OSSL_PARAM *parameters = NULL;
    bool ok = c != NULL && builder != NULL;
    for (size_t i = 0; i < COUNT(part_names) && ok; i++)
        ok = m->OSSL_PARAM_BLD_push_BN_(builder, part_names[i], m->part[i]) == 1;
    if (ok && (parameters = m->OSSL_PARAM_BLD_to_param_(builder)) != NULL && m->EVP_PKEY_fromdata_init_(c) == 1
        && m->EVP_PKEY_fromdata_(c, &key, EVP_PKEY_KEYPAIR, parameters) != 1)
        key = NULL;
    m->OSSL_PARAM_free_(parameters);
    m->OSSL_PARAM_BLD_free_(builder);
    m->EVP_PKEY_CTX_free_(c);
    return key;
}

EVP_PKEY *rsa_make_key(int bits, struct err *e)
{
    struct maker m = { 0 };
    EVP_PKEY *key = NULL;
    if (open_maker(&m, e) && (!find_parts(&m, bits) || (key = assemble(&m)) == NULL))
        err_set_(e, ERR_UNAVAILABLE, "libcrypto cannot make an RSA key");
    close_maker(&m);
    return key;
}
