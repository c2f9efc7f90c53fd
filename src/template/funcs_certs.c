/*
 * sprig's keys and certificates (genPrivateKey, genCA, genSignedCert, ...), made by libcrypto. Its functions are looked
 * up once per call: making a key takes far longer.
 */
#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/sys.h"
#include "template/crypto.h"
#include "template/funcs.h"
#include "template/rsa.h"

/* Every function of libcrypto used here; the table and the struct come from this one list. */
/* clang-format off */
#define LIBCRYPTO(F) \
    F(ASN1_INTEGER_free) F(ASN1_TIME_free) F(ASN1_TIME_set) F(BIO_ctrl) F(BIO_free) F(BIO_new) \
    F(BIO_new_mem_buf) F(BIO_s_mem) F(BN_bin2bn) F(BN_free) F(BN_to_ASN1_INTEGER) F(EVP_PKEY_CTX_free) \
    F(EVP_PKEY_CTX_new_from_name) F(EVP_PKEY_CTX_new_from_pkey) F(EVP_PKEY_CTX_set_group_name) \
    F(EVP_PKEY_CTX_set_dsa_paramgen_bits) F(EVP_PKEY_CTX_set_dsa_paramgen_q_bits) \
    F(EVP_PKEY_free) F(EVP_PKEY_generate) F(EVP_PKEY_get_base_id) \
    F(EVP_PKEY_keygen_init) F(EVP_PKEY_paramgen) F(EVP_PKEY_paramgen_init) F(EVP_sha256) \
    F(PEM_read_bio_PrivateKey) F(PEM_read_bio_X509) F(PEM_write_bio_PKCS8PrivateKey) \
    F(PEM_write_bio_PrivateKey_traditional) F(PEM_write_bio_X509) F(X509V3_EXT_conf_nid) F(X509V3_set_ctx) \
    F(X509_EXTENSION_free) F(X509_NAME_add_entry_by_txt) F(X509_add_ext) F(X509_free) F(X509_get_subject_name) \
    F(X509_new) F(X509_set1_notAfter) F(X509_set1_notBefore) F(X509_set_issuer_name) F(X509_set_pubkey) \
    F(X509_set_serialNumber) F(X509_set_version) F(X509_sign)
/* clang-format on */

struct openssl {
#define MEMBER(name) __typeof__(name) *name##_;
    LIBCRYPTO(MEMBER)
#undef MEMBER
};

/* Every function here makes keys or signs, which is slow: it pays for that first. */
static bool load(struct template_call *c, struct openssl *o, struct err *e)
{
    bool ok = call_spend(c, KEY_STEPS, e);
#define LOAD(name) ok = ok && (o->name##_ = (__typeof__(name) *)crypto_function(#name, e)) != NULL;
    LIBCRYPTO(LOAD)
#undef LOAD
    return ok;
}

/* ---- sprig.certificate -------------------------------------------------------------------- */

struct certificate {
    struct template_object object;
    struct str cert, key; /* PEM */
};

static bool certificate_member(struct template_call *c, const struct template_object *self, struct str name,
                               const struct value *args, size_t n, struct value *out, struct err *e)
{
    const struct certificate *pair = (const void *)self;
    if (n == 0 && str_is(name, "Cert"))
        return give_str(out, pair->cert);
    if (n == 0 && str_is(name, "Key"))
        return give_str(out, pair->key);
    return err_set(e, ERR_NOT_FOUND, "no such field");
}

static struct str certificate_print(struct arena *a, const struct template_object *self)
{
    const struct certificate *pair = (const void *)self;
    return arena_fmt(a, "{%.*s %.*s}", STR(pair->cert), STR(pair->key));
}

static const struct template_class certificate_class = { .go_type = "sprig.certificate",
                                                         .member = certificate_member,
                                                         .print = certificate_print };

static bool give_certificate(struct template_call *c, struct str cert, struct str key, struct value *out)
{
    struct certificate *pair = arena_new(c->a, struct certificate, 1);
    *pair = (struct certificate){ { &certificate_class }, cert, key };
    return give(out, (struct value){ .kind = VALUE_OPAQUE, .opaque = pair });
}

/* ---- keys --------------------------------------------------------------------------------- */

static EVP_PKEY *make_dsa_key(const struct openssl *o)
{
    EVP_PKEY *params = NULL, *key = NULL;
    EVP_PKEY_CTX *c = o->EVP_PKEY_CTX_new_from_name_(NULL, "DSA", NULL), *k = NULL;
    bool ok = c != NULL && o->EVP_PKEY_paramgen_init_(c) == 1 && o->EVP_PKEY_CTX_set_dsa_paramgen_bits_(c, 2048) == 1
              && o->EVP_PKEY_CTX_set_dsa_paramgen_q_bits_(c, 256) == 1 && o->EVP_PKEY_paramgen_(c, &params) == 1;
    if (ok)
        k = o->EVP_PKEY_CTX_new_from_pkey_(NULL, params, NULL);
    if (k != NULL && o->EVP_PKEY_keygen_init_(k) == 1)
        o->EVP_PKEY_generate_(k, &key);
    o->EVP_PKEY_CTX_free_(k);
    o->EVP_PKEY_free_(params);
    o->EVP_PKEY_CTX_free_(c);
    return key;
}

/* type: "EC" (P-256) or "ED25519". */
static EVP_PKEY *make_curve_key(const struct openssl *o, const char *type)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *c = o->EVP_PKEY_CTX_new_from_name_(NULL, type, NULL);
    bool ok = c != NULL && o->EVP_PKEY_keygen_init_(c) == 1;
    if (ok && strcmp(type, "EC") == 0)
        ok = o->EVP_PKEY_CTX_set_group_name_(c, "P-256") == 1;
    if (ok)
        o->EVP_PKEY_generate_(c, &key);
    o->EVP_PKEY_CTX_free_(c);
    return key;
}

static EVP_PKEY *make_key(const struct openssl *o, const char *type, struct err *e)
{
    if (strcmp(type, "RSA") == 0)
        return rsa_make_key(4096, e);
    EVP_PKEY *key = strcmp(type, "DSA") == 0 ? make_dsa_key(o) : make_curve_key(o, type);
    if (key == NULL)
        err_set_(e, ERR_UNAVAILABLE, "libcrypto cannot make a %s key", type);
    return key;
}

static struct str bio_text(const struct openssl *o, struct arena *a, BIO *b)
{
    char *p = NULL;
    long n = o->BIO_ctrl_(b, BIO_CTRL_INFO, 0, &p);
    return n > 0 ? arena_str(a, (struct str){ p, (size_t)n }) : S("");
}

/* Go writes the old forms ("RSA PRIVATE KEY") for all but Ed25519. */
static struct str key_text(const struct openssl *o, struct arena *a, EVP_PKEY *key)
{
    BIO *b = o->BIO_new_(o->BIO_s_mem_());
    if (o->EVP_PKEY_get_base_id_(key) == EVP_PKEY_ED25519)
        o->PEM_write_bio_PKCS8PrivateKey_(b, key, NULL, NULL, 0, NULL, NULL);
    else
        o->PEM_write_bio_PrivateKey_traditional_(b, key, NULL, NULL, 0, NULL, NULL);
    struct str text = bio_text(o, a, b);
    o->BIO_free_(b);
    return text;
}

static bool parse_key(const struct openssl *o, struct str pem, EVP_PKEY **out, struct err *e)
{
    if (str_find(pem, S("-----BEGIN ")) < 0)
        return err_set(e, ERR_INVALID, "no PEM data in input");
    BIO *b = o->BIO_new_mem_buf_(pem.p, (int)pem.n);
    *out = o->PEM_read_bio_PrivateKey_(b, NULL, NULL, NULL);
    o->BIO_free_(b);
    return *out != NULL || err_set(e, ERR_INVALID, "the key cannot be read");
}

FUNC(fn_gen_private_key)
{
    static const struct {
        const char *name, *type;
    } types[] = { { "", "RSA" }, { "rsa", "RSA" }, { "dsa", "DSA" }, { "ecdsa", "EC" }, { "ed25519", "ED25519" } };
    struct openssl o;
    const char *type = NULL;
    for (size_t i = 0; i < COUNT(types); i++)
        if (str_is(str_at(args, 0), types[i].name))
            type = types[i].type;
    if (type == NULL)
        return give(out, value_fmt(c->a, "Unknown type %.*s", STR(str_at(args, 0))));
    if (!load(c, &o, e))
        return false;
    EVP_PKEY *key = make_key(&o, type, e);
    if (key == NULL)
        return false;
    struct str text = key_text(&o, c->a, key);
    o.EVP_PKEY_free_(key);
    return give_str(out, text);
}

/* ---- certificates ------------------------------------------------------------------------- */

/* What a certificate is to say. The issuer is the certificate itself when `issuer` is NULL. */
struct request {
    struct str name;
    int64_t days;
    struct str alternatives; /* "IP:10.0.0.1,DNS:a.b" */
    bool is_ca;
    X509 *issuer;
    EVP_PKEY *issuer_key, *key;
};

static bool is_safe_in_list(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == ',' || (uint8_t)s.p[i] <= ' ' || s.p[i] == 0x7f)
            return false;
    return s.n > 0;
}

static bool add_ips(struct template_call *c, struct buf *b, const struct value *ips, struct err *e)
{
    uint8_t address[16];
    for (size_t i = 0; i < value_len(ips); i++) {
        const struct value *ip = value_item(ips, i);
        struct str text = text_of(c->a, ip);
        if (ip->kind != VALUE_STRING)
            return err_set(e, ERR_INVALID, "error parsing ip: %.*s is not a string", STR(text));
        const char *z = arena_c(c->a, text);
        if (inet_pton(AF_INET, z, address) != 1 && inet_pton(AF_INET6, z, address) != 1)
            return err_set(e, ERR_INVALID, "error parsing ip: %.*s", STR(text));
        buf_fmt(b, "%sIP:%s", b->n > 0 ? "," : "", z);
    }
    return true;
}

static bool add_names(struct template_call *c, struct buf *b, const struct value *names, struct err *e)
{
    for (size_t i = 0; i < value_len(names); i++) {
        const struct value *name = value_item(names, i);
        struct str text = text_of(c->a, name);
        if (name->kind != VALUE_STRING)
            return err_set(e, ERR_INVALID, "error processing alternate dns name: %.*s is not a string", STR(text));
        if (!is_safe_in_list(text))
            return err_set(e, ERR_INVALID, "error processing alternate dns name: \"%.*s\" is no DNS name", STR(text));
        buf_fmt(b, "%sDNS:%.*s", b->n > 0 ? "," : "", STR(text));
    }
    return true;
}

static bool add_extension(const struct openssl *o, X509 *cert, X509 *issuer, int nid, const char *text)
{
    X509V3_CTX c = { 0 };
    o->X509V3_set_ctx_(&c, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *x = o->X509V3_EXT_conf_nid_(NULL, &c, nid, text);
    bool ok = x != NULL && o->X509_add_ext_(cert, x, -1) == 1;
    o->X509_EXTENSION_free_(x);
    return ok;
}

static bool set_serial(const struct openssl *o, X509 *cert)
{
    uint8_t bytes[16];
    random_bytes(bytes, sizeof bytes);
    BIGNUM *number = o->BN_bin2bn_(bytes, sizeof bytes, NULL);
    ASN1_INTEGER *serial = number != NULL ? o->BN_to_ASN1_INTEGER_(number, NULL) : NULL;
    bool ok = serial != NULL && o->X509_set_serialNumber_(cert, serial) == 1;
    o->ASN1_INTEGER_free_(serial);
    o->BN_free_(number);
    return ok;
}

static bool set_validity(const struct openssl *o, X509 *cert, int64_t days)
{
    int64_t now = clock_wall_ms() / 1000;
    ASN1_TIME *from = o->ASN1_TIME_set_(NULL, now), *to = o->ASN1_TIME_set_(NULL, now + days * 86400);
    bool ok =
        from != NULL && to != NULL && o->X509_set1_notBefore_(cert, from) == 1 && o->X509_set1_notAfter_(cert, to) == 1;
    o->ASN1_TIME_free_(from);
    o->ASN1_TIME_free_(to);
    return ok;
}

static bool set_names(const struct openssl *o, X509 *cert, const struct request *r)
{
    X509_NAME *subject = o->X509_get_subject_name_(cert);
    X509 *issuer = r->issuer != NULL ? r->issuer : cert;
    bool named = r->name.n == 0 /* Go leaves it out */
                 || o->X509_NAME_add_entry_by_txt_(subject, "CN", MBSTRING_UTF8, (const uint8_t *)r->name.p,
                                                   (int)r->name.n, -1, 0)
                        == 1;
    return named && o->X509_set_issuer_name_(cert, o->X509_get_subject_name_(issuer)) == 1;
}

static bool set_extensions(const struct openssl *o, X509 *cert, const struct request *r)
{
    X509 *issuer = r->issuer != NULL ? r->issuer : cert;
    return add_extension(o, cert, issuer, NID_key_usage,
                         r->is_ca ? "critical,digitalSignature,keyEncipherment,keyCertSign"
                                  : "critical,digitalSignature,keyEncipherment")
           && add_extension(o, cert, issuer, NID_ext_key_usage, "serverAuth,clientAuth")
           && add_extension(o, cert, issuer, NID_basic_constraints, r->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE")
           && (!r->is_ca || add_extension(o, cert, issuer, NID_subject_key_identifier, "hash"))
           && (r->issuer == NULL || add_extension(o, cert, issuer, NID_authority_key_identifier, "keyid"))
           && (r->alternatives.n == 0 || add_extension(o, cert, issuer, NID_subject_alt_name, r->alternatives.p));
}

/* The signed certificate as PEM; empty when libcrypto refuses a part of it. */
static struct str sign(const struct openssl *o, struct arena *a, const struct request *r)
{
    X509 *cert = o->X509_new_();
    EVP_PKEY *signer = r->issuer_key != NULL ? r->issuer_key : r->key;
    const EVP_MD *digest = o->EVP_PKEY_get_base_id_(signer) == EVP_PKEY_ED25519 ? NULL : o->EVP_sha256_();
    struct str text = S("");
    bool ok = cert != NULL && o->X509_set_version_(cert, X509_VERSION_3) == 1 && set_serial(o, cert)
              && set_validity(o, cert, r->days) && set_names(o, cert, r) && o->X509_set_pubkey_(cert, r->key) == 1
              && set_extensions(o, cert, r) && o->X509_sign_(cert, signer, digest) > 0;
    if (ok) {
        BIO *b = o->BIO_new_(o->BIO_s_mem_());
        o->PEM_write_bio_X509_(b, cert);
        text = bio_text(o, a, b);
        o->BIO_free_(b);
    }
    o->X509_free_(cert);
    return text;
}

/* Makes or reads the key, signs, and gives both. key_pem is NULL for a new RSA key. */
static bool issue(struct template_call *c, const struct openssl *o, struct request *r, const struct value *key_pem,
                  struct value *out, struct err *e)
{
    if (key_pem != NULL && !parse_key(o, value_as_str(key_pem), &r->key, e))
        return err_wrap(e, "parsing private key");
    if (key_pem == NULL && (r->key = rsa_make_key(2048, e)) == NULL)
        return err_wrap(e, "error generating rsa key");
    struct str cert = sign(o, c->a, r), key = key_pem != NULL ? value_as_str(key_pem) : key_text(o, c->a, r->key);
    o->EVP_PKEY_free_(r->key);
    if (cert.n == 0)
        return err_set(e, ERR_INVALID, "error creating certificate: libcrypto refuses the name or the key");
    return give_certificate(c, cert, key, out);
}

static bool gen_ca(struct template_call *c, const struct value *args, const struct value *key, struct value *out,
                   struct err *e)
{
    struct openssl o;
    struct request r = { .name = str_at(args, 0), .days = args[1].i, .is_ca = true };
    return load(c, &o, e) && issue(c, &o, &r, key, out, e);
}

FUNC(fn_gen_ca)
{
    return gen_ca(c, args, NULL, out, e);
}

FUNC(fn_gen_ca_with_key)
{
    return gen_ca(c, args, &args[2], out, e);
}

/* The arguments that self-signed and signed certificates share: name, addresses, DNS names, days. */
static bool start_request(struct template_call *c, const struct value *args, struct request *r, struct err *e)
{
    struct buf alternatives = { .a = c->a };
    *r = (struct request){ .name = str_at(args, 0), .days = args[3].i };
    if (!add_ips(c, &alternatives, &args[1], e) || !add_names(c, &alternatives, &args[2], e))
        return false;
    r->alternatives = buf_str(&alternatives);
    return true;
}

static bool gen_self_signed(struct template_call *c, const struct value *args, const struct value *key,
                            struct value *out, struct err *e)
{
    struct openssl o;
    struct request r;
    return start_request(c, args, &r, e) && load(c, &o, e) && issue(c, &o, &r, key, out, e);
}

FUNC(fn_gen_self_signed_cert)
{
    return gen_self_signed(c, args, NULL, out, e);
}

FUNC(fn_gen_self_signed_cert_with_key)
{
    return gen_self_signed(c, args, &args[4], out, e);
}

static bool parse_cert(const struct openssl *o, struct str pem, const char *what, X509 **out, struct err *e)
{
    if (str_find(pem, S("-----BEGIN ")) < 0)
        return err_set(e, ERR_INVALID, "unable to decode certificate");
    BIO *b = o->BIO_new_mem_buf_(pem.p, (int)pem.n);
    *out = o->PEM_read_bio_X509_(b, NULL, NULL, NULL);
    o->BIO_free_(b);
    return *out != NULL || err_set(e, ERR_INVALID, "error parsing certificate: %s: x509: malformed certificate", what);
}

static bool gen_signed(struct template_call *c, const struct value *args, const struct value *key, struct value *out,
                       struct err *e)
{
    struct openssl o;
    struct request r;
    const struct certificate *ca = (const void *)as_object(&args[4]);
    if (!start_request(c, args, &r, e) || !load(c, &o, e)
        || !parse_cert(&o, ca->cert, "decodedSignerCert.Bytes", &r.issuer, e))
        return false;
    bool ok = parse_key(&o, ca->key, &r.issuer_key, e) ? issue(c, &o, &r, key, out, e)
                                                       : err_wrap(e, "error parsing private key");
    o.EVP_PKEY_free_(r.issuer_key);
    o.X509_free_(r.issuer);
    return ok;
}

FUNC(fn_gen_signed_cert)
{
    return gen_signed(c, args, NULL, out, e);
}

FUNC(fn_gen_signed_cert_with_key)
{
    return gen_signed(c, args, &args[5], out, e);
}

FUNC(fn_build_custom_cert)
{
    struct openssl o;
    struct str cert, key;
    X509 *parsed;
    EVP_PKEY *parsed_key;
    if (!base64_decode(c->a, str_at(args, 0), &cert, e))
        return err_set(e, ERR_INVALID, "unable to decode base64 certificate");
    if (!base64_decode(c->a, str_at(args, 1), &key, e))
        return err_set(e, ERR_INVALID, "unable to decode base64 private key");
    if (!load(c, &o, e) || !parse_cert(&o, cert, "decodedCert.Bytes", &parsed, e))
        return false;
    o.X509_free_(parsed);
    if (!parse_key(&o, key, &parsed_key, e))
        return err_wrap(e, "error parsing private key");
    o.EVP_PKEY_free_(parsed_key);
    return give_certificate(c, cert, key, out);
}
