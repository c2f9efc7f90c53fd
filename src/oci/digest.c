/* oci/digest.c - digests over libcrypto. */
#include "oci/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hex.h"

enum { PIECE = 1 << 18 };

static bool is_hex(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
            return false;
    return true;
}

struct str oci_digest_algorithm(struct str digest)
{
    struct str rest = digest, algorithm = { 0 };
    str_split(&rest, S(":"), &algorithm);
    return algorithm;
}

struct str oci_digest_hex(struct str digest)
{
    struct str rest = digest, algorithm = { 0 };
    str_split(&rest, S(":"), &algorithm);
    return rest;
}

bool oci_digest_valid(struct str digest)
{
    struct str algorithm = oci_digest_algorithm(digest), hex = oci_digest_hex(digest);
    size_t length = str_is(algorithm, "sha256") ? 64 : str_is(algorithm, "sha512") ? 128 : 0;
    return length > 0 && hex.n == length && is_hex(hex);
}

void oci_hash_open(struct oci_hash *h, struct str algorithm)
{
    h->sha512 = str_is(algorithm, "sha512");
    h->context = EVP_MD_CTX_new();
    if (h->context == NULL || EVP_DigestInit_ex(h->context, h->sha512 ? EVP_sha512() : EVP_sha256(), NULL) != 1) {
        fputs("vitrine: libcrypto has no memory for a digest\n", stderr);
        abort(); /* as arena_alloc does when memory is gone */
    }
}

void oci_hash_add(struct oci_hash *h, struct str bytes)
{
    EVP_DigestUpdate(h->context, bytes.p, bytes.n);
}

struct str oci_hash_end(struct arena *a, struct oci_hash *h)
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_DigestFinal_ex(h->context, raw, &n);
    struct str hex = hex_text(a, (struct str){ (const char *)raw, n });
    return arena_fmt(a, "%s:%.*s", h->sha512 ? "sha512" : "sha256", STR(hex));
}

void oci_hash_close(struct oci_hash *h)
{
    EVP_MD_CTX_free(h->context);
    h->context = NULL;
}

struct str oci_digest_of(struct arena *a, struct str bytes, struct str like)
{
    CLEANUP(oci_hash_close) struct oci_hash h = { 0 };
    oci_hash_open(&h, oci_digest_algorithm(like));
    oci_hash_add(&h, bytes);
    return oci_hash_end(a, &h);
}

bool oci_digest_of_fd(struct arena *a, int fd, int64_t offset, int64_t size, struct str like, struct str *out,
                      struct err *e)
{
    CLEANUP(oci_hash_close) struct oci_hash h = { 0 };
    struct arena_mark m = arena_mark(a);
    char *piece = arena_alloc_raw(a, PIECE);
    oci_hash_open(&h, oci_digest_algorithm(like));
    for (int64_t done = 0; done < size;) {
        int64_t left = size - done;
        ssize_t n = pread(fd, piece, left < PIECE ? (size_t)left : PIECE, offset + done);
        if (n < 0)
            return err_sys(e, "read a blob");
        if (n == 0)
            return err_set(e, ERR_IO, "blob ends after %lld of %lld bytes", (long long)done, (long long)size);
        oci_hash_add(&h, (struct str){ piece, (size_t)n });
        done += n;
    }
    arena_rewind(a, m);
    *out = oci_hash_end(a, &h);
    return true;
}
