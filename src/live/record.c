/* A change as bytes. Little-endian:
 *
 *   0  "MLV1"  4 length of the body (u32 … as u64 at 8)     16 XXH3-128 of the body (low, high) 32
 * seq body: instant_us i64, content_hash i64, flags u8 (1 dated, 2 deleted), lengths u32 of type,
 * id, version_id, u64 of resource, then the five texts
 *
 * The head tells the length before anything else is read, the hash whether the body is what was
 * written. */
#include "live/live_priv.h"

#include <string.h>

#define BODY_FIXED (8 + 8 + 1 + 4 + 4 + 4 + 4 + 8)
#define BODY_LIMIT (LIVE_LIMIT_RESOURCE_BYTES + 4096)

static const char magic[8] = {'M', 'L', 'V', '1', 0, 0, 0, 0};

static void put_u64(struct buf *out, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        buf_putc(out, (char)(unsigned char)(value >> (8 * i)));
}

static uint64_t get_u64(const char *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)(unsigned char)at[i] << (8 * i);
    return value;
}

static enum err_code check_limits(const struct live_change *change, struct err *err)
{
    if (change->type.len == 0 || change->type.len > LIVE_LIMIT_TYPE_BYTES || change->id.len == 0 ||
        change->id.len > LIVE_LIMIT_ID_BYTES || change->version_id.len > LIVE_LIMIT_ID_BYTES ||
        change->patient_id.len > LIVE_LIMIT_ID_BYTES)
        return err_set(err, ERR_INPUT, "a change's type, id or versionId is empty or too long");
    if (change->resource.len > (size_t)LIVE_LIMIT_RESOURCE_BYTES)
        return err_set(err, ERR_LIMIT, "a resource has %zu bytes, at most %lld are taken",
                       change->resource.len, (long long)LIVE_LIMIT_RESOURCE_BYTES);
    return ERR_OK;
}

enum err_code live_record_write(const struct live_change *change, struct buf *out, struct err *err)
{
    AUTO(buf_done) struct buf body = BUF_INIT;
    TRY(check_limits(change, err));
    put_u64(&body, (uint64_t)change->instant_us, 8);
    put_u64(&body, (uint64_t)change->content_hash, 8);
    put_u64(&body, (change->dated ? 1u : 0u) | (change->deleted ? 2u : 0u), 1);
    put_u64(&body, change->type.len, 4);
    put_u64(&body, change->id.len, 4);
    put_u64(&body, change->version_id.len, 4);
    put_u64(&body, change->patient_id.len, 4);
    put_u64(&body, change->resource.len, 8);
    buf_add_str(&body, change->type);
    buf_add_str(&body, change->id);
    buf_add_str(&body, change->version_id);
    buf_add_str(&body, change->patient_id);
    buf_add_str(&body, change->resource);
    TRY(buf_check(&body, err));
    struct hash128 hash = hash_xxh3_128(body.ptr, body.len, (uint64_t)change->seq);
    buf_add(out, magic, sizeof magic);
    put_u64(out, body.len, 8);
    put_u64(out, hash.low, 8);
    put_u64(out, hash.high, 8);
    put_u64(out, (uint64_t)change->seq, 8);
    buf_add_str(out, buf_view(&body));
    return buf_check(out, err);
}

size_t live_record_bytes(const char head[LIVE_HEAD_BYTES])
{
    uint64_t length = get_u64(head + 8, 8);
    if (memcmp(head, magic, sizeof magic) != 0 || length < BODY_FIXED ||
        length > (uint64_t)BODY_LIMIT)
        return 0;
    return LIVE_HEAD_BYTES + (size_t)length;
}

static bool split_body(struct str body, struct live_change *ret)
{
    uint64_t flags = get_u64(body.ptr + 16, 1);
    struct str *texts[] = {&ret->type, &ret->id, &ret->version_id, &ret->patient_id,
                           &ret->resource};
    uint64_t lengths[] = {get_u64(body.ptr + 17, 4), get_u64(body.ptr + 21, 4),
                          get_u64(body.ptr + 25, 4), get_u64(body.ptr + 29, 4),
                          get_u64(body.ptr + 33, 8)};
    size_t at = BODY_FIXED;
    ret->instant_us = (int64_t)get_u64(body.ptr, 8);
    ret->content_hash = (int64_t)get_u64(body.ptr + 8, 8);
    ret->dated = (flags & 1) != 0;
    ret->deleted = (flags & 2) != 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (lengths[i] > body.len - at)
            return false;
        *texts[i] = (struct str){body.ptr + at, (size_t)lengths[i]};
        at += (size_t)lengths[i];
    }
    return at == body.len && flags <= 3;
}

enum live_record_state live_record_read(struct str bytes, struct live_change *ret,
                                        size_t *ret_bytes)
{
    *ret = (struct live_change){.seq = 0};
    *ret_bytes = 0;
    if (bytes.len < LIVE_HEAD_BYTES)
        return LIVE_RECORD_TORN;
    size_t length = live_record_bytes(bytes.ptr);
    if (length == 0)
        return LIVE_RECORD_DAMAGED;
    if (length > bytes.len)
        return LIVE_RECORD_TORN;
    struct str body = {bytes.ptr + LIVE_HEAD_BYTES, length - LIVE_HEAD_BYTES};
    ret->seq = (int64_t)get_u64(bytes.ptr + 32, 8);
    struct hash128 hash = hash_xxh3_128(body.ptr, body.len, (uint64_t)ret->seq);
    if (hash.low != get_u64(bytes.ptr + 16, 8) || hash.high != get_u64(bytes.ptr + 24, 8) ||
        !split_body(body, ret))
        return LIVE_RECORD_DAMAGED;
    *ret_bytes = length;
    return LIVE_RECORD_WHOLE;
}
