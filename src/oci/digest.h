/*
 * oci/digest.h - digests: "sha256:" and 64 hex digits, "sha512:" and 128. Bytes are hashed while they pass.
 */
#pragma once
#include <openssl/evp.h>

#include "base/base.h"

/* Whether the text is a digest that we can check: a known algorithm and lower-case hex of its length. */
bool oci_digest_valid(struct str digest);
struct str oci_digest_algorithm(struct str digest); /* "sha256" */
struct str oci_digest_hex(struct str digest);

/* A running digest. CLEANUP(oci_hash_close) struct oci_hash h = { 0 }; */
struct oci_hash {
    EVP_MD_CTX *context;
    bool sha512;
};
void oci_hash_open(struct oci_hash *h, struct str algorithm); /* "sha512", or anything else for sha256 */
void oci_hash_add(struct oci_hash *h, struct str bytes);
struct str oci_hash_end(struct arena *a, struct oci_hash *h); /* "sha256:..." */
void oci_hash_close(struct oci_hash *h);

/* Digest of bytes, with the algorithm of the digest `like` (empty: sha256). */
struct str oci_digest_of(struct arena *a, struct str bytes, struct str like);
/* Digest of `size` bytes of a file from `offset` on; the file position does not move. */
MUST_CHECK bool oci_digest_of_fd(struct arena *a, int fd, int64_t offset, int64_t size, struct str like,
                                 struct str *out, struct err *e);
