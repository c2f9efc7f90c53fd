/* Base64 with the standard alphabet and padding, RFC 4648 section 4. */
#include "base/base.h"

struct str str_base64(struct arena *a, struct str bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct buf out = { .a = a };
    for (size_t i = 0; i < bytes.n; i += 3) {
        size_t n = bytes.n - i < 3 ? bytes.n - i : 3;
        uint32_t word = 0;
        for (size_t k = 0; k < 3; k++)
            word = word << 8 | (k < n ? (uint8_t)bytes.p[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            buf_byte(&out, k <= n ? digits[word >> (18 - 6 * k) & 63] : '=');
    }
    return buf_str(&out);
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool str_unbase64(struct arena *a, struct str text, struct str *out)
{
    struct buf bytes = { .a = a };
    uint32_t word = 0;
    size_t digits = 0, padding = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '\n' || c == '\r')
            continue;
        padding += c == '=';
        int digit = c == '=' ? 0 : value_of(c);
        if (digit < 0 || padding > 2 || (padding > 0 && c != '='))
            return false;
        word = word << 6 | (uint32_t)digit;
        if (++digits % 4 != 0)
            continue;
        for (size_t k = 0; k + padding < 3; k++)
            buf_byte(&bytes, (char)(word >> (16 - 8 * k) & 255));
        word = 0;
    }
    *out = buf_str(&bytes);
    return digits % 4 == 0;
}
