/* Passwords and ciphers: derivePassword, encryptAES, decryptAES, bcrypt, htpasswd. */
#include <crypt.h>
#include <dlfcn.h>
#include <stdlib.h>

#include "base/sys.h"
#include "template/crypto.h"
#include "template/funcs.h"

/* ---- derivePassword: the Master Password algorithm ------------------------------------------ */

static const struct kind {
    const char *name;
    const char *templates[21];
} kinds[] = {
    { "maximum", { "anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno" } },
    { "long",
      { "CvcvnoCvcvCvcv", "CvcvCvcvnoCvcv", "CvcvCvcvCvcvno", "CvccnoCvcvCvcv", "CvccCvcvnoCvcv", "CvccCvcvCvcvno",
        "CvcvnoCvccCvcv", "CvcvCvccnoCvcv", "CvcvCvccCvcvno", "CvcvnoCvcvCvcc", "CvcvCvcvnoCvcc", "CvcvCvcvCvccno",
        "CvccnoCvccCvcv", "CvccCvccnoCvcv", "CvccCvccCvcvno", "CvcvnoCvccCvcc", "CvcvCvccnoCvcc", "CvcvCvccCvccno",
        "CvccnoCvcvCvcc", "CvccCvcvnoCvcc", "CvccCvcvCvccno" } },
    { "medium", { "CvcnoCvc", "CvcCvcno" } },
    { "short", { "Cvcn" } },
    { "basic", { "aaanaaan", "aannaaan", "aaannaaa" } },
    { "pin", { "nnnn" } },
};

#define CLASS_A "AEIOUBCDFGHJKLMNPQRSTVWXYZ"
#define CLASS_a "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"

static const char *class_of(char letter)
{
    switch (letter) {
    case 'V': return "AEIOU";
    case 'C': return "BCDFGHJKLMNPQRSTVWXYZ";
    case 'v': return "aeiou";
    case 'c': return "bcdfghjklmnpqrstvwxyz";
    case 'A': return CLASS_A;
    case 'a': return CLASS_a;
    case 'n': return "0123456789";
    case 'o': return "@&%?,=[]_:-+*$#!'^~;()/.";
    default: return CLASS_a "0123456789!@#$%^&*()";
    }
}

static void add_be32(struct buf *b, uint32_t u)
{
    buf_add(b, (struct str){ (char[]){ (char)(u >> 24), (char)(u >> 16), (char)(u >> 8), (char)u }, 4 });
}

static bool derive_seed(struct template_call *c, const struct value *args, uint8_t seed[static 32], struct err *e)
{
    static const char scope[] = "com.lyndir.masterpassword";
    struct buf salt = { .a = c->a }, text = { .a = c->a };
    struct str user = str_at(args, 3), site = str_at(args, 4);
    uint8_t key[64];
    if (!call_spend(c, KEY_STEPS, e))
        return false;
    buf_c(&salt, scope);
    add_be32(&salt, (uint32_t)user.n);
    buf_add(&salt, user);
    if (!crypto_scrypt(str_at(args, 2), buf_str(&salt), 32768, 8, 2, key, sizeof key, e))
        return false;
    buf_c(&text, scope);
    add_be32(&text, (uint32_t)site.n);
    buf_add(&text, site);
    add_be32(&text, (uint32_t)args[0].i);
    return crypto_hmac_sha256((struct str){ (const char *)key, sizeof key }, buf_str(&text), seed, e);
}

FUNC(fn_derive_password)
{
    const struct kind *kind = NULL;
    struct buf b = { .a = c->a };
    uint8_t seed[32];
    size_t count = 0;
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (str_is(str_at(args, 1), kinds[i].name))
            kind = &kinds[i];
    if (kind == NULL)
        return give(out, value_fmt(c->a, "cannot find password template %.*s", STR(str_at(args, 1))));
    if (!derive_seed(c, args, seed, e))
        return false;
    while (count < COUNT(kind->templates) && kind->templates[count] != NULL)
        count++;
    const char *template = kind->templates[seed[0] % count];
    for (size_t i = 0; template[i] != '\0'; i++) {
        const char *class = class_of(template[i]);
        buf_byte(&b, class[seed[i + 1] % strlen(class)]);
    }
    return give_buf(out, &b);
}

/* ---- AES ---------------------------------------------------------------------------------- */

enum { BLOCK = 16, KEY = 32 };

/* The password's bytes, cut or filled with zeros. */
static void aes_key(struct str password, uint8_t key[static KEY])
{
    memset(key, 0, KEY);
    if (password.n > 0)
        memcpy(key, password.p, password.n < KEY ? password.n : KEY);
}

FUNC(fn_encrypt_aes)
{
    struct str text = str_at(args, 1);
    struct buf padded = { .a = c->a };
    uint8_t key[KEY];
    if (text.n == 0)
        return give_str(out, text);
    size_t fill = BLOCK - text.n % BLOCK;
    buf_add(&padded, text);
    buf_fill(&padded, (char)fill, fill);
    uint8_t *made = arena_alloc_raw(c->a, BLOCK + padded.n);
    random_bytes(made, BLOCK); /* the initial vector goes in front */
    aes_key(str_at(args, 0), key);
    if (!crypto_aes_cbc(true, key, made, buf_str(&padded), made + BLOCK, e))
        return false;
    return give_str(out, base64_encode(c->a, (struct str){ (const char *)made, BLOCK + padded.n }));
}

FUNC(fn_decrypt_aes)
{
    struct str bytes;
    uint8_t key[KEY];
    if (args[1].n == 0)
        return give_str(out, S(""));
    if (!base64_decode(c->a, str_at(args, 1), &bytes, e))
        return false;
    if (bytes.n < BLOCK)
        return err_set(e, ERR_INVALID, "runtime error: slice bounds out of range [:%d] with capacity %zu", BLOCK,
                       str_at(args, 1).n / 4 * 3);
    struct str data = str_slice(bytes, BLOCK, bytes.n);
    if (data.n % BLOCK != 0)
        return err_set(e, ERR_INVALID, "crypto/cipher: input not full blocks");
    if (data.n == 0)
        return err_set(e, ERR_INVALID, "runtime error: index out of range [-1]");
    uint8_t *made = arena_alloc_raw(c->a, data.n);
    aes_key(str_at(args, 0), key);
    if (!crypto_aes_cbc(false, key, (const uint8_t *)bytes.p, data, made, e))
        return false;
    if (made[data.n - 1] > data.n)
        return err_set(e, ERR_INVALID, "runtime error: slice bounds out of range [:%d]",
                       (int)data.n - made[data.n - 1]);
    return give_str(out, (struct str){ (const char *)made, data.n - made[data.n - 1] });
}

/* ---- bcrypt ------------------------------------------------------------------------------- */

/* 16 random bytes in bcrypt's own base 64. */
static void bcrypt_setting(char setting[static 30])
{
    static const char alphabet[] = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    uint8_t bytes[22];
    random_bytes(bytes, sizeof bytes);
    memcpy(setting, "$2a$10$", 7);
    for (int i = 0; i < 22; i++)
        setting[7 + i] = alphabet[i < 21 ? bytes[i] & 63 : bytes[i] & 48]; /* the last digit carries two bits */
    setting[29] = '\0';
}

/* libcrypt is loaded when a template asks for it, for the same reason as libcrypto. */
static bool bcrypt_hash(struct template_call *c, struct str password, struct str *out, struct err *e)
{
    char setting[30];
    void *library = dlopen("libcrypt.so.1", RTLD_LAZY | RTLD_LOCAL);
    __typeof__(crypt_r) *hash = (__typeof__(crypt_r) *)library_function(library, "crypt_r");
    if (hash == NULL)
        return err_set(e, ERR_UNAVAILABLE, "bcrypt needs libcrypt.so.1, which cannot be loaded: install libcrypt1");
    if (password.n > 72)
        return err_set(e, ERR_INVALID, "bcrypt: password length exceeds 72 bytes");
    struct crypt_data *data = arena_new(c->a, struct crypt_data, 1);
    bcrypt_setting(setting);
    const char *made = hash(arena_c(c->a, password), setting, data);
    if (made == NULL || made[0] == '*')
        return err_set(e, ERR_UNAVAILABLE, "bcrypt is not offered by this system's libcrypt");
    *out = str_c(made);
    return true;
}

/* An error is returned as the text. */
FUNC(fn_bcrypt)
{
    struct str hash;
    if (!call_spend(c, KEY_STEPS, e))
        return false;
    if (!bcrypt_hash(c, str_at(args, 0), &hash, e))
        return give(out, value_fmt(c->a, "failed to encrypt string with bcrypt: %s", e->text));
    return give_str(out, hash);
}

FUNC(fn_htpasswd)
{
    struct str user = str_at(args, 0), hash;
    if (str_find(user, S(":")) >= 0)
        return give(out, value_fmt(c->a, "invalid username: %.*s", STR(user)));
    if (!call_spend(c, KEY_STEPS, e))
        return false;
    if (!bcrypt_hash(c, str_at(args, 1), &hash, e))
        return give(out, value_fmt(c->a, "%.*s:failed to encrypt string with bcrypt: %s", STR(user), e->text));
    return give(out, value_fmt(c->a, "%.*s:%.*s", STR(user), STR(hash)));
}
