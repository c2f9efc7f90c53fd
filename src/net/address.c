/* Inner addresses: what a stranger's URL, or a stranger's redirect, has no business sending us to. */
#include <arpa/inet.h>

#include "net/address.h"

static bool is_inner_v4(const unsigned char v4[4])
{
    return v4[0] == 0 || v4[0] == 10 || v4[0] == 127 || v4[0] >= 224 || (v4[0] == 100 && (v4[1] & 0xc0) == 64)
           || (v4[0] == 169 && v4[1] == 254) || (v4[0] == 172 && (v4[1] & 0xf0) == 16) || (v4[0] == 192 && v4[1] == 168)
           || (v4[0] == 198 && (v4[1] & 0xfe) == 18);
}

/* ::/8 holds loopback and the forms that wrap an IPv4 address; 64:ff9b::/96 is its translation. */
static bool is_inner_v6(const unsigned char v6[16])
{
    static const unsigned char translated[12] = { 0x00, 0x64, 0xff, 0x9b };
    static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
    if (memcmp(v6, mapped, sizeof mapped) == 0 || memcmp(v6, translated, sizeof translated) == 0)
        return is_inner_v4(v6 + 12);
    return v6[0] == 0 || (v6[0] & 0xfe) == 0xfc || v6[0] == 0xff || (v6[0] == 0xfe && (v6[1] & 0x80) == 0x80);
}

bool address_is_inner(struct str text)
{
    unsigned char v4[4], v6[16];
    char copy[INET6_ADDRSTRLEN + 1] = "";
    if (text.n >= sizeof copy)
        return false;
    memcpy(copy, text.p, text.n);
    if (inet_pton(AF_INET, copy, v4) == 1)
        return is_inner_v4(v4);
    return inet_pton(AF_INET6, copy, v6) == 1 && is_inner_v6(v6);
}
