/* Is a gzip file what was packed? libarchive unpacks gzip without comparing the checksums at the
 * members' ends, so a flipped bit would pass as data. This unpacks once more (through libarchive,
 * keeping nothing) and compares CRC-32 and length with each trailer.
 *
 *   [header | deflate | crc32, length] [header | deflate | crc32, length] … zeros or other bytes
 * after the last, which gzip ignores
 *
 * Where members end is not told, so: first the whole is taken for one member (it mostly is); else
 * each place that looks like a member's header is tried as the end of the one before. */
#include <string.h>

#include "ingest/archive_library.h"
#include "ingest/parts_priv.h"

#define GZIP_BLOCK_BYTES (256u << 10)
#define GZIP_TRAILER_BYTES 8
#define GZIP_SHORTEST_BYTES 18 /* header and trailer */

void gzip_sum_init(struct gzip_sum *sum)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++)
            value = (value >> 1) ^ ((value & 1) != 0 ? 0xedb88320u : 0);
        sum->table[0][i] = value;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int k = 1; k < 8; k++)
            sum->table[k][i] =
                (sum->table[k - 1][i] >> 8) ^ sum->table[0][sum->table[k - 1][i] & 0xff];
    sum->crc = 0xffffffffu;
    sum->bytes = 0;
}

/* CRC-32 of RFC 1952, eight bytes a step (Kounavis and Berry 2005). */
void gzip_sum_add(struct gzip_sum *sum, const void *bytes, size_t count)
{
    const unsigned char *at = bytes, *end = at + count;
    uint32_t crc = sum->crc;
    for (; end - at >= 8; at += 8) {
        uint32_t low = crc ^ ((uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
                              (uint32_t)at[3] << 24);
        crc = sum->table[7][low & 0xff] ^ sum->table[6][low >> 8 & 0xff] ^
              sum->table[5][low >> 16 & 0xff] ^ sum->table[4][low >> 24] ^ sum->table[3][at[4]] ^
              sum->table[2][at[5]] ^ sum->table[1][at[6]] ^ sum->table[0][at[7]];
    }
    for (; at < end; at++)
        crc = (crc >> 8) ^ sum->table[0][(crc ^ *at) & 0xff];
    sum->crc = crc;
    sum->bytes += (uint32_t)count;
}

static bool looks_like_member(const char *at, const char *end)
{
    return end - at >= GZIP_SHORTEST_BYTES && memcmp(at, "\x1f\x8b\x08", 3) == 0 &&
           ((unsigned char)at[3] & 0xe0) == 0;
}

static void trailer_of(const struct gzip_sum *sum, unsigned char ret[GZIP_TRAILER_BYTES])
{
    uint32_t crc = sum->crc ^ 0xffffffffu;
    for (int i = 0; i < 4; i++) {
        ret[i] = (unsigned char)(crc >> (8 * i));
        ret[i + 4] = (unsigned char)(sum->bytes >> (8 * i));
    }
}

/* The trailer stands at the end, or before bytes that are no further member. */
static bool trailer_fits(const struct gzip_sum *sum, const char *start, const char *end, bool last)
{
    unsigned char trailer[GZIP_TRAILER_BYTES];
    trailer_of(sum, trailer);
    if (end - start < GZIP_SHORTEST_BYTES)
        return false;
    if (memcmp(end - GZIP_TRAILER_BYTES, trailer, GZIP_TRAILER_BYTES) == 0)
        return true;
    const char *found =
        last ? memmem(start, (size_t)(end - start), trailer, GZIP_TRAILER_BYTES) : NULL;
    return found != NULL && !looks_like_member(found + GZIP_TRAILER_BYTES, end);
}

bool gzip_sum_fits(const struct gzip_sum *sum, struct str file)
{
    return trailer_fits(sum, file.ptr, file.ptr + file.len, true);
}

/* Unpack the bytes from start to end, to sum. false: not even that. */
static enum err_code unpack_sum(const char *start, const char *end, const struct progress *progress,
                                struct gzip_sum *sum, bool *ret, struct err *err)
{
    TRY(libarchive_load(err));
    struct archive *archive = archive_read_new();
    struct archive_entry *entry = NULL;
    char *block = mem_alloc(GZIP_BLOCK_BYTES);
    enum err_code code = archive == NULL || block == NULL ? ingest_memory(err) : ERR_OK;
    *ret = false;
    gzip_sum_init(sum);
    if (code == ERR_OK) {
        archive_read_support_filter_gzip(archive);
        archive_read_support_format_raw(archive);
        *ret = archive_read_open_memory(archive, start, (size_t)(end - start)) == ARCHIVE_OK &&
               archive_read_next_header(archive, &entry) == ARCHIVE_OK;
    }
    while (code == ERR_OK && *ret) {
        la_ssize_t got = archive_read_data(archive, block, GZIP_BLOCK_BYTES);
        *ret = got >= 0;
        if (got <= 0)
            break;
        gzip_sum_add(sum, block, (size_t)got);
        code = progress_check(progress, err);
    }
    (void)archive_read_free(archive);
    mem_free(block);
    return code;
}

/* The member at start ends before the next place that looks like a member's header, if what is
 * between fits its trailer; *ret_next: there, or the end of the file for the last one; NULL:
 * damaged. */
static enum err_code member_end(const char *start, const char *end, const struct progress *progress,
                                const char **ret_next, struct err *err)
{
    struct gzip_sum sum;
    bool unpacked = false;
    *ret_next = NULL;
    for (const char *at = start + GZIP_SHORTEST_BYTES; at < end; at++) {
        at = memmem(at, (size_t)(end - at), "\x1f\x8b\x08", 3);
        if (at == NULL)
            break;
        if (!looks_like_member(at, end))
            continue;
        TRY(unpack_sum(start, at, progress, &sum, &unpacked, err));
        if (unpacked && trailer_fits(&sum, start, at, false)) {
            *ret_next = at;
            return ERR_OK;
        }
    }
    TRY(unpack_sum(start, end, progress, &sum, &unpacked, err));
    if (unpacked && trailer_fits(&sum, start, end, true))
        *ret_next = end;
    return ERR_OK;
}

enum err_code gzip_check(struct str file, const struct progress *progress, bool *ret,
                         struct err *err)
{
    const char *at = file.ptr, *end = file.ptr + file.len;
    struct gzip_sum sum;
    TRY(unpack_sum(at, end, progress, &sum, ret, err));
    *ret = *ret && trailer_fits(&sum, at, end, true);
    while (!*ret && at != NULL && looks_like_member(at, end)) {
        TRY(member_end(at, end, progress, &at, err));
        *ret = at == end;
    }
    return ERR_OK;
}
