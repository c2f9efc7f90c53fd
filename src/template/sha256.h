/*
 * template/sha256.h - SHA-256 (FIPS 180-4) of a text in memory. Nearly every chart puts `sha256sum` of a config map
 * into an annotation; loading libcrypto for that takes longer than rendering the chart. Inside src/template only.
 */
#pragma once
#include "base/base.h"

enum { SHA256_SIZE = 32 };
/* The digest of the bytes. */
void sha256(struct str text, uint8_t out[static SHA256_SIZE]);
