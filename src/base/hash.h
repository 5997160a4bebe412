/* SHA-256 (libcrypto) for identities, XXH3 (xxhash, stable since 0.8) for rows and buckets. */
#ifndef MARROW_BASE_HASH_H
#define MARROW_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define HASH_HEX_BYTES 65 /* 64 lower-case digits and NUL */

struct hash_sha256; /* streaming context */
struct hash_sha256 *hash_sha256_new(void);
void hash_sha256_add(struct hash_sha256 *hash, const void *bytes, size_t count);
void hash_sha256_finish(struct hash_sha256 *hash, char ret_hex[HASH_HEX_BYTES]);
void hash_sha256_free(struct hash_sha256 *hash);
void hash_sha256_of(const void *bytes, size_t count, char ret_hex[HASH_HEX_BYTES]);

struct hash128 {
    uint64_t low, high;
};
uint64_t hash_xxh3_64(const void *bytes, size_t count, uint64_t seed);
struct hash128 hash_xxh3_128(const void *bytes, size_t count, uint64_t seed);

#endif
