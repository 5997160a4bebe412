/* A block writer for one file, with the small formatters that CSV and NDJSON need. Rows are put
 * straight into a 1 MiB block; out_row makes room for OUT_ROW_BYTES. Sticky-failing: test
 * out_check. */
#ifndef MARROW_DEMO_OUT_H
#define MARROW_DEMO_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

#define OUT_ROW_BYTES 16384 /* no row is longer; longer is ERR_LIMIT, never an overrun */
#define OUT_BLOCK_BYTES (1024 * 1024)

struct out {
    char *block;
    size_t len, cap;
    int fd;
    const char *path; /* borrowed */
    int64_t bytes;    /* flushed since out_mark */
    uint32_t crc;     /* of those bytes, CRC-32 (IEEE), only with want_crc */
    bool want_crc;
    enum err_code code;
    struct err *err; /* the caller's; filled once */
};

/* Create path (must not exist). */
enum err_code out_open(struct out *out, const char *path, bool want_crc,
                       struct err *err) WARN_UNUSED;
/* Start counting bytes and crc anew (a member of the archive); the block must be flushed. */
void out_mark(struct out *out);
void out_flush(struct out *out);
/* Overwrite bytes written before; the position ends where it was. */
void out_patch(struct out *out, int64_t offset, const void *bytes, size_t count);
enum err_code out_check(const struct out *out);
/* Flush, fsync, close; the first failure of all. */
enum err_code out_close(struct out *out) WARN_UNUSED;
void out_abandon(struct out *out); /* close without a word; safe after out_close */

void out_date(struct out *out, int64_t days);                    /* 2014-03-05 */
void out_time(struct out *out, int64_t minutes, char separator); /* 2014-03-05 13:45:00 */
void out_int(struct out *out, int64_t value);
void out_padded(struct out *out, int64_t value, int width);      /* zero-padded, value ≥ 0 */
void out_decimal(struct out *out, int64_t scaled, int decimals); /* 1234, 2 → 12.34 */
void out_csv(struct out *out, const char *text);                 /* quoted where needed */
void out_json(struct out *out, const char *text);                /* with its quotes */
void out_too_long(struct out *out);

static inline void out_bytes(struct out *out, const char *bytes, size_t count)
{
    if (count > out->cap - out->len) {
        out_too_long(out);
        return;
    }
    memcpy(out->block + out->len, bytes, count);
    out->len += count;
}
static inline void out_char(struct out *out, char c)
{
    out_bytes(out, &c, 1);
}
static inline void out_text(struct out *out, const char *text)
{
    out_bytes(out, text, strlen(text));
}
static inline void out_row(struct out *out)
{
    if (out->len + OUT_ROW_BYTES > out->cap)
        out_flush(out);
}

#endif
