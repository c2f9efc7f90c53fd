/*
 * Primes, RSA keys and certificates, judged by OpenSSL's own checks. Built twice: as the processor is, and (NO_LANES)
 * as on one without the instructions that test eight candidates at once.
 */
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "../cases.h"
#include "template/crypto.h"
#include "template/prime.h"
#include "template/prime_lanes.h"
#include "template/rsa.h"
#include "template/template.h"

#ifdef NO_LANES
bool lanes_supported(void)
{
    return false;
}

unsigned lanes_fermat(const struct lanes *in, int bits)
{
    fail_msg("not on this processor");
    return 0;
}
#endif

static struct bignum_functions bignum(void)
{
    struct bignum_functions o;
    struct err e;
#define LOAD(name) assert_non_null(o.name##_ = (__typeof__(name) *)crypto_function(#name, &e));
    BIGNUM_FUNCTIONS(LOAD)
#undef LOAD
    return o;
}

static void primes_are_prime(void **state)
{
    static const int bits[] = { 1024, 1024, 1024, 1024, 1536, 2048 };
    struct bignum_functions o = bignum();
    for (size_t i = 0; i < COUNT(bits); i++) {
        BIGNUM *p = BN_new();
        assert_true(prime_generate(&o, bits[i], p));
        assert_int_equal(BN_check_prime(p, NULL, NULL), 1);
        assert_int_equal(BN_num_bits(p), bits[i]);
        assert_true(BN_is_bit_set(p, bits[i] - 2));
        assert_int_equal(BN_mod_word(p, 8), 7);
        assert_int_not_equal(BN_mod_word(p, RSA_EXPONENT), 1);
        BN_free(p);
    }
}

/* ---- eight at once -------------------------------------------------------------------------------- */

static void put_limbs(const BIGNUM *number, uint64_t limbs[][LANES], int lane, size_t n)
{
    BIGNUM *rest = BN_dup(number), *low = BN_new();
    for (size_t i = 0; i < n; i++) {
        uint8_t bytes[8] = { 0 };
        BN_copy(low, rest);
        if (BN_num_bits(low) > LIMB_BITS)
            BN_mask_bits(low, LIMB_BITS);
        BN_bn2lebinpad(low, bytes, sizeof bytes);
        limbs[i][lane] = 0;
        for (int k = 7; k >= 0; k--)
            limbs[i][lane] = limbs[i][lane] << 8 | bytes[k];
        BN_rshift(rest, rest, LIMB_BITS);
    }
    BN_free(rest);
    BN_free(low);
}

/* Number j of a row: a prime where bit j of `primes` is set, else an odd multiple of 3; the last one is all ones. */
static void pick(BIGNUM *m, int bits, unsigned primes, int j)
{
    if ((primes >> j & 1) != 0)
        BN_generate_prime_ex(m, bits, 0, NULL, NULL, NULL);
    else if (j == LANES - 1)
        BN_zero(m), BN_set_bit(m, bits), BN_sub_word(m, 1);
    else if (BN_rand(m, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD) == 1)
        BN_add_word(m, 2 * BN_mod_word(m, 3));
}

static void lanes_agree_with_openssl(void **state)
{
    static const struct {
        int bits;
        unsigned primes;
    } rows[] = { { 1024, 0x00 }, { 1024, 0x25 }, { 1024, 0x7f }, { 1000, 0x12 }, { 1536, 0x40 }, { 2048, 0x01 } };
    if (!lanes_supported())
        skip();
    BN_CTX *context = BN_CTX_new();
    BIGNUM *m = BN_new(), *one = BN_new();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct lanes in = { 0 };
        size_t n = lanes_limbs(rows[i].bits);
        for (int j = 0; j < LANES; j++) {
            pick(m, rows[i].bits, rows[i].primes, j);
            BN_zero(one);
            BN_set_bit(one, LIMB_BITS * (int)n);
            BN_mod(one, one, m, context);
            put_limbs(m, in.m, j, n);
            put_limbs(one, in.one, j, n);
        }
        assert_int_equal(lanes_fermat(&in, rows[i].bits), rows[i].primes);
    }
    BN_free(m);
    BN_free(one);
    BN_CTX_free(context);
}

/* ---- keys and certificates ------------------------------------------------------------------------ */

static void keys_pass_every_check(void **state)
{
    static const int bits[] = { 2048, 3072, 4096 };
    for (size_t i = 0; i < COUNT(bits); i++) {
        struct err e;
        EVP_PKEY *key = rsa_make_key(bits[i], &e);
        assert_non_null(key);
        EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
        assert_int_equal(EVP_PKEY_get_bits(key), bits[i]);
        assert_int_equal(EVP_PKEY_pairwise_check(c), 1);
        if (bits[i] == 2048) /* proves the primes anew, which takes its time */
            assert_int_equal(EVP_PKEY_check(c), 1);
        EVP_PKEY_CTX_free(c);
        EVP_PKEY_free(key);
    }
}

static X509 *next_certificate(BIO *b)
{
    X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);
    assert_non_null(x);
    return x;
}

static int verify(X509 *root, X509 *leaf)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *c = X509_STORE_CTX_new();
    assert_int_equal(X509_STORE_add_cert(store, root), 1);
    assert_int_equal(X509_STORE_CTX_init(c, store, leaf, NULL), 1);
    assert_int_equal(X509_STORE_CTX_set_purpose(c, X509_PURPOSE_SSL_SERVER), 1);
    X509_verify_cert(c);
    int verdict = X509_STORE_CTX_get_error(c);
    X509_STORE_CTX_free(c);
    X509_STORE_free(store);
    return verdict;
}

static void certificates_verify(void **state)
{
    static const char text[] =
        "{{ $ca := genCA \"root\" 365 }}{{ $leaf := genSignedCert \"leaf\" (list \"10.0.0.1\") (list \"a.b\") 30 $ca }}"
        "{{ $self := genSelfSignedCert \"self\" nil nil 30 }}"
        "{{ $ca.Cert }}{{ $leaf.Cert }}{{ $self.Cert }}{{ $ca.Key }}{{ $leaf.Key }}{{ $self.Key }}";
    const struct template_func *tables[] = { template_funcs_sprig };
    struct arena a = { 0 };
    struct template_set *set;
    struct buf out = { .a = &a };
    struct value dot = value_null();
    struct err e;
    assert_true(template_set_new(&a, tables, 1, &set, &e));
    assert_true(template_parse(set, S("main"), str_c(text), &e));
    assert_true(template_execute(set, &a, S("main"), &dot, NULL, &out, &e));
    BIO *b = BIO_new_mem_buf(buf_str(&out).p, (int)out.n);
    X509 *certs[3];
    for (size_t i = 0; i < COUNT(certs); i++)
        certs[i] = next_certificate(b);
    for (size_t i = 0; i < COUNT(certs); i++) {
        EVP_PKEY *key = PEM_read_bio_PrivateKey(b, NULL, NULL, NULL);
        assert_int_equal(X509_check_private_key(certs[i], key), 1);
        EVP_PKEY_free(key);
    }
    assert_int_equal(verify(certs[0], certs[1]), X509_V_OK);
    assert_int_equal(verify(certs[2], certs[2]), X509_V_OK);
    assert_int_not_equal(verify(certs[2], certs[1]), X509_V_OK);
    for (size_t i = 0; i < COUNT(certs); i++)
        X509_free(certs[i]);
    BIO_free(b);
    arena_close(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(primes_are_prime),
        cmocka_unit_test(lanes_agree_with_openssl),
        cmocka_unit_test(keys_pass_every_check),
        cmocka_unit_test(certificates_verify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
