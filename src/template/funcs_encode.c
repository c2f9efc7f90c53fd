/* base64, base32, checksums, and random text. Decoding errors are returned as the text, as sprig does. */
#include "base/hex.h"
#include "base/sys.h"
#include "template/crypto.h"
#include "template/funcs.h"
#include "template/sha256.h"

static const char alphabet64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* ---- encoding ----------------------------------------------------------------------------- */

/* `bits` per digit; groups of `group` digits are filled up with '='. */
static struct str encode(struct arena *a, struct str s, const char *alphabet, unsigned bits, size_t group)
{
    struct buf b = { .a = a };
    uint32_t pending = 0;
    unsigned have = 0;
    buf_reserve(&b, s.n * 8 / bits + group);
    for (size_t i = 0; i < s.n; i++) {
        pending = pending << 8 | (uint8_t)s.p[i];
        for (have += 8; have >= bits; have -= bits)
            buf_byte(&b, alphabet[pending >> (have - bits) & ((1U << bits) - 1)]);
    }
    if (have > 0)
        buf_byte(&b, alphabet[pending << (bits - have) & ((1U << bits) - 1)]);
    while (b.n % group != 0)
        buf_byte(&b, '=');
    return buf_str(&b);
}

struct str base64_encode(struct arena *a, struct str s)
{
    return encode(a, s, alphabet64, 6, 4);
}

FUNC(fn_b64enc)
{
    return give_str(out, base64_encode(c->a, str_at(args, 0)));
}

FUNC(fn_b32enc)
{
    return give_str(out, encode(c->a, str_at(args, 0), alphabet32, 5, 8));
}

/* ---- decoding ----------------------------------------------------------------------------- */

static int digit64(char ch)
{
    const char *at = ch != '\0' ? strchr(alphabet64, ch) : NULL;
    return at != NULL ? (int)(at - alphabet64) : -1;
}

static size_t skip_newlines(struct str s, size_t i)
{
    while (i < s.n && (s.p[i] == '\n' || s.p[i] == '\r'))
        i++;
    return i;
}

static void add_quantum64(struct buf *b, const int *digits, int n)
{
    uint32_t bits =
        (uint32_t)digits[0] << 18 | (uint32_t)digits[1] << 12 | (uint32_t)digits[2] << 6 | (uint32_t)digits[3];
    for (int i = 0; i + 1 < n; i++)
        buf_byte(b, (char)(bits >> (16 - 8 * i)));
}

/* At the '=' that follows j digits, which has been read. False with the place of what is wrong in *i. */
static bool end_of_base64(struct str s, size_t *i, int j)
{
    if (j < 2) {
        --*i;
        return false;
    }
    if (j == 2) {
        *i = skip_newlines(s, *i);
        if (*i == s.n)
            return false;
        if (s.p[*i] != '=') {
            --*i;
            return false;
        }
        ++*i;
    }
    *i = skip_newlines(s, *i);
    return *i == s.n;
}

bool base64_decode(struct arena *a, struct str s, struct str *out, struct err *e)
{
    struct buf b = { .a = a };
    int digits[4] = { 0 }, j = 0;
    size_t i = 0;
    bool ok = true, ended = false;
    while (ok && !ended && i < s.n) {
        char ch = s.p[i++];
        int digit = digit64(ch);
        if (digit >= 0) {
            digits[j++] = digit;
            if (j < 4)
                continue;
            add_quantum64(&b, digits, 4);
            memset(digits, 0, sizeof digits);
            j = 0;
        } else if (ch == '=') {
            ok = end_of_base64(s, &i, j);
            ended = true;
        } else if (ch != '\n' && ch != '\r') {
            i--;
            ok = false;
        }
    }
    if (ok && !ended && j > 0) {
        ok = false;
        i -= (size_t)j;
    }
    if (!ok)
        return err_set(e, ERR_INVALID, "illegal base64 data at input byte %zu", i);
    add_quantum64(&b, digits, j);
    *out = buf_str(&b);
    return true;
}

FUNC(fn_b64dec)
{
    struct str text;
    if (!base64_decode(c->a, str_at(args, 0), &text, e))
        return give_str(out, arena_str(c->a, str_c(e->text)));
    return give_str(out, text);
}

/* The padding from s[i] on, after j digits of a group of 8; false with the place of what is wrong. */
static bool end_of_base32(struct str s, size_t i, int j, size_t *bad)
{
    size_t left = s.n - i - 1;
    *bad = s.n;
    if (left + (size_t)j < 7)
        return false;
    for (size_t k = 0; k < 7 - (size_t)j; k++)
        if (k < left && s.p[i + 1 + k] != '=') {
            *bad = i + k;
            return false;
        }
    *bad = i;
    return j != 1 && j != 3 && j != 6;
}

static bool base32_decode(struct str s, struct buf *b, size_t *bad)
{
    uint64_t pending = 0;
    int j = 0;
    for (size_t i = 0; i < s.n; i++) {
        const char *at = s.p[i] != '\0' ? strchr(alphabet32, s.p[i]) : NULL;
        bool padding = s.p[i] == '=' && j >= 2 && s.n - i - 1 < 8;
        *bad = i;
        if (padding && !end_of_base32(s, i, j, bad))
            return false;
        if (!padding && at == NULL)
            return false;
        if (!padding)
            pending = pending << 5 | (uint64_t)(at - alphabet32);
        j += !padding;
        if (padding || j == 8)
            for (int bit = 5 * j - 8; bit >= 0; bit -= 8)
                buf_byte(b, (char)(pending >> bit));
        if (padding)
            return true;
        if (j == 8)
            j = 0;
    }
    *bad = s.n - (size_t)j;
    return j == 0;
}

FUNC(fn_b32dec)
{
    struct buf b = { .a = c->a }, text = { .a = c->a };
    struct str s = str_at(args, 0);
    size_t bad;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '\n' && s.p[i] != '\r')
            buf_byte(&text, s.p[i]);
    if (!base32_decode(buf_str(&text), &b, &bad))
        return give(out, value_fmt(c->a, "illegal base32 data at input byte %zu", bad));
    return give_buf(out, &b);
}

/* ---- checksums ---------------------------------------------------------------------------- */

static bool give_hex(struct template_call *c, const uint8_t *bytes, size_t n, struct value *out)
{
    return give_str(out, hex_text(c->a, (struct str){ (const char *)bytes, n }));
}

static bool give_digest(struct template_call *c, enum digest kind, const struct value *args, struct value *out,
                        struct err *e)
{
    uint8_t bytes[DIGEST_MAX];
    size_t size;
    return crypto_digest(kind, str_at(args, 0), bytes, &size, e) && give_hex(c, bytes, size, out);
}

FUNC(fn_sha1sum)
{
    return give_digest(c, DIGEST_SHA1, args, out, e);
}

FUNC(fn_sha256sum)
{
    uint8_t bytes[SHA256_SIZE];
    sha256(str_at(args, 0), bytes);
    return give_hex(c, bytes, sizeof bytes, out);
}

FUNC(fn_sha512sum)
{
    return give_digest(c, DIGEST_SHA512, args, out, e);
}

FUNC(fn_adler32sum)
{
    struct str s = str_at(args, 0);
    uint32_t low = 1, high = 0;
    for (size_t i = 0; i < s.n; i++) {
        low = (low + (uint8_t)s.p[i]) % 65521;
        high = (high + low) % 65521;
    }
    return give(out, value_fmt(c->a, "%u", high << 16 | low));
}

/* ---- randomness --------------------------------------------------------------------------- */

/* Below `range`, without bias. */
static uint32_t random_below(uint32_t range)
{
    uint32_t r, limit = UINT32_MAX - UINT32_MAX % range;
    do {
        random_bytes(&r, sizeof r);
    } while (r >= limit);
    return r % range;
}

static bool random_text(struct template_call *c, const char *alphabet, const struct value *args, struct value *out,
                        struct err *e)
{
    struct buf b = { .a = c->a };
    uint32_t range = (uint32_t)strlen(alphabet);
    if (args[0].i > 0 && (!text_fits((size_t)args[0].i, e) || !call_spend(c, args[0].i / 4, e)))
        return false;
    for (int64_t i = 0; i < args[0].i; i++)
        buf_byte(&b, alphabet[random_below(range)]);
    return give_buf(out, &b);
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

FUNC(fn_rand_alpha_num)
{
    return random_text(c, LETTERS DIGITS, args, out, e);
}

FUNC(fn_rand_alpha)
{
    return random_text(c, LETTERS, args, out, e);
}

FUNC(fn_rand_numeric)
{
    return random_text(c, DIGITS, args, out, e);
}

FUNC(fn_rand_ascii)
{
    return random_text(c, LETTERS DIGITS " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", args, out, e);
}

FUNC(fn_rand_bytes)
{
    if (args[0].i < 0)
        return err_set(e, ERR_INVALID, "runtime error: makeslice: len out of range");
    if (!text_fits((size_t)args[0].i, e) || !call_spend(c, args[0].i / 256, e))
        return false;
    size_t size = (size_t)args[0].i;
    char *bytes = arena_alloc_raw(c->a, size + 1);
    random_bytes(bytes, size);
    return give_str(out, base64_encode(c->a, (struct str){ bytes, size }));
}

FUNC(fn_shuffle)
{
    struct str s = str_at(args, 0);
    char *p = arena_alloc_raw(c->a, s.n + 1);
    memcpy(p, s.p, s.n);
    for (size_t i = s.n; i > 1; i--) {
        size_t k = random_below((uint32_t)i);
        char swapped = p[i - 1];
        p[i - 1] = p[k];
        p[k] = swapped;
    }
    return give_str(out, (struct str){ p, s.n });
}

FUNC(fn_uuidv4)
{
    return give_str(out, random_uuid(c->a));
}
