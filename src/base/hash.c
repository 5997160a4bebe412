/* Hashes: SHA-256 for identities that must resist forgery and outlive library versions, XXH3 for
 * rows and buckets. The only file that knows libcrypto and xxhash. A failed SHA-256 context (out of
 * memory) sticks and yields "", which equals no digest. */
#include "base/hash.h"

#include <openssl/evp.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/mem.h"

struct hash_sha256 {
    EVP_MD_CTX *context;
    int failed;
};

struct hash_sha256 *hash_sha256_new(void)
{
    struct hash_sha256 *hash = mem_zalloc(1, sizeof *hash);
    if (hash == NULL)
        return NULL;
    hash->context = EVP_MD_CTX_new();
    if (hash->context == NULL || EVP_DigestInit_ex(hash->context, EVP_sha256(), NULL) != 1) {
        hash_sha256_free(hash);
        return NULL;
    }
    return hash;
}

void hash_sha256_add(struct hash_sha256 *hash, const void *bytes, size_t count)
{
    if (hash != NULL && count > 0 && EVP_DigestUpdate(hash->context, bytes, count) != 1)
        hash->failed = 1;
}

static void write_hex(const unsigned char digest[32], char ret_hex[HASH_HEX_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < 32; i++) {
        ret_hex[2 * i] = digits[digest[i] >> 4];
        ret_hex[2 * i + 1] = digits[digest[i] & 15];
    }
    ret_hex[64] = '\0';
}

void hash_sha256_finish(struct hash_sha256 *hash, char ret_hex[HASH_HEX_BYTES])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    ret_hex[0] = '\0';
    if (hash != NULL && !hash->failed && EVP_DigestFinal_ex(hash->context, digest, NULL) == 1)
        write_hex(digest, ret_hex);
}

void hash_sha256_free(struct hash_sha256 *hash)
{
    if (hash == NULL)
        return;
    EVP_MD_CTX_free(hash->context);
    mem_free(hash);
}

void hash_sha256_of(const void *bytes, size_t count, char ret_hex[HASH_HEX_BYTES])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    ret_hex[0] = '\0';
    if (EVP_Digest(count == 0 ? "" : bytes, count, digest, NULL, EVP_sha256(), NULL) == 1)
        write_hex(digest, ret_hex);
}

uint64_t hash_xxh3_64(const void *bytes, size_t count, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, count, seed);
}

struct hash128 hash_xxh3_128(const void *bytes, size_t count, uint64_t seed)
{
    XXH128_hash_t hash = XXH3_128bits_withSeed(bytes, count, seed);
    return (struct hash128){hash.low64, hash.high64};
}
