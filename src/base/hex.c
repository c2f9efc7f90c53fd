#include "base/hex.h"

int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

struct str hex_text(struct arena *a, struct str bytes)
{
    static const char digits[] = "0123456789abcdef";
    struct buf b = { .a = a };

    buf_reserve(&b, 2 * bytes.n);
    for (size_t i = 0; i < bytes.n; i++) {
        buf_byte(&b, digits[(uint8_t)bytes.p[i] >> 4]);
        buf_byte(&b, digits[bytes.p[i] & 15]);
    }
    return buf_str(&b);
}
