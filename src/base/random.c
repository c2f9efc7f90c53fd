/* Randomness from the kernel, or a reproducible stream in tests. */
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/sys.h"

static _Atomic uint64_t seed; /* 0: the kernel's */

void random_seed_for_tests(uint64_t s)
{
    seed = s;
}

/* splitmix64: any seed gives a usable stream */
static uint64_t next_word(void)
{
    uint64_t z = atomic_fetch_add(&seed, 0x9e3779b97f4a7c15u) + 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void random_bytes(void *out, size_t n)
{
    uint8_t *p = out;
    if (seed != 0) {
        for (size_t i = 0; i < n; i++)
            p[i] = (uint8_t)next_word();
        return;
    }
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0)
            continue; /* only EINTR is possible with these arguments */
        p += got;
        n -= (size_t)got;
    }
}

struct str random_uuid(struct arena *a)
{
    uint8_t b[16];
    random_bytes(b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    return arena_fmt(a, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3],
                     b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

struct str random_suffix(struct arena *a, size_t n)
{
    /* no vowels and no look-alikes: Kubernetes' alphabet for generated names */
    static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
    char *p = arena_alloc_raw(a, n + 1);
    random_bytes(p, n);
    for (size_t i = 0; i < n; i++)
        p[i] = alphabet[(uint8_t)p[i] % (sizeof alphabet - 1)];
    p[n] = '\0';
    return (struct str){ p, n };
}
