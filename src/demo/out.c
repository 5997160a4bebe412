/* The block writer. All writes go through file_write_fd, so faults can be injected; numbers are
 * formatted by hand because labs alone are tens of millions of rows. */
#include "demo/out.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

static uint32_t crc_tables[8][256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void crc_prepare(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = (c & 1) != 0 ? UINT32_C(0xEDB88320) ^ (c >> 1) : c >> 1;
        crc_tables[0][i] = c;
    }
    for (size_t i = 0; i < 256; i++)
        for (size_t t = 1; t < 8; t++)
            crc_tables[t][i] =
                (crc_tables[t - 1][i] >> 8) ^ crc_tables[0][crc_tables[t - 1][i] & 0xFF];
}

/* Slicing by eight (Kounavis and Berry 2005); bytes are taken one by one, so any byte order will
 * do. */
static uint32_t crc_add(uint32_t crc, const char *text, size_t count)
{
    const unsigned char *p = (const unsigned char *)text;
    crc = ~crc;
    for (; count >= 8; count -= 8, p += 8) {
        uint32_t low = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
                              (uint32_t)p[3] << 24);
        crc = crc_tables[7][low & 0xFF] ^ crc_tables[6][(low >> 8) & 0xFF] ^
              crc_tables[5][(low >> 16) & 0xFF] ^ crc_tables[4][low >> 24] ^ crc_tables[3][p[4]] ^
              crc_tables[2][p[5]] ^ crc_tables[1][p[6]] ^ crc_tables[0][p[7]];
    }
    for (; count > 0; count--, p++)
        crc = crc_tables[0][(crc ^ *p) & 0xFF] ^ (crc >> 8);
    return ~crc;
}

enum err_code out_open(struct out *out, const char *path, bool want_crc, struct err *err)
{
    *out = (struct out){.fd = -1, .path = path, .want_crc = want_crc, .err = err};
    pthread_once(&crc_once, crc_prepare);
    out->block = mem_alloc(OUT_BLOCK_BYTES);
    if (out->block == NULL)
        return out->code =
                   err_set(err, ERR_MEMORY, "no memory for a block of %d bytes", OUT_BLOCK_BYTES);
    out->cap = OUT_BLOCK_BYTES;
    out->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out->fd < 0)
        out->code = err_set_errno(err, errno, "cannot create %s", path);
    return out->code;
}

void out_mark(struct out *out)
{
    out_flush(out);
    out->bytes = 0;
    out->crc = 0;
}

void out_flush(struct out *out)
{
    if (out->code == ERR_OK && out->len > 0) {
        if (out->want_crc)
            out->crc = crc_add(out->crc, out->block, out->len);
        out->code = file_write_fd(out->fd, out->block, out->len, out->path, out->err);
        out->bytes += (int64_t)out->len;
    }
    out->len = 0;
}

void out_patch(struct out *out, int64_t offset, const void *bytes, size_t count)
{
    out_flush(out);
    if (out->code != ERR_OK)
        return;
    if (lseek(out->fd, (off_t)offset, SEEK_SET) < 0)
        out->code = err_set_errno(out->err, errno, "cannot seek in %s", out->path);
    else
        out->code = file_write_fd(out->fd, bytes, count, out->path, out->err);
    if (out->code == ERR_OK && lseek(out->fd, 0, SEEK_END) < 0)
        out->code = err_set_errno(out->err, errno, "cannot seek in %s", out->path);
}

enum err_code out_check(const struct out *out)
{
    return out->code;
}

enum err_code out_close(struct out *out)
{
    out_flush(out);
    if (out->code == ERR_OK)
        out->code = file_fsync_fd(out->fd, out->path, out->err);
    if (out->fd >= 0 && close(out->fd) != 0 && out->code == ERR_OK)
        out->code = err_set_errno(out->err, errno, "cannot close %s", out->path);
    out->fd = -1;
    out_abandon(out);
    return out->code;
}

void out_abandon(struct out *out)
{
    if (out->fd >= 0)
        close(out->fd);
    out->fd = -1;
    mem_free(out->block);
    out->block = NULL;
    out->len = out->cap = 0;
}

void out_too_long(struct out *out)
{
    if (out->code == ERR_OK)
        out->code =
            err_set(out->err, ERR_LIMIT, "a generated row is longer than %d bytes", OUT_ROW_BYTES);
}

static void put_two(char *at, unsigned value)
{
    at[0] = (char)('0' + value / 10);
    at[1] = (char)('0' + value % 10);
}

void out_date(struct out *out, int64_t days)
{
    int64_t year;
    unsigned month, day;
    char text[10];
    clock_civil_from_days(days, &year, &month, &day);
    put_two(text, (unsigned)(year / 100));
    put_two(text + 2, (unsigned)(year % 100));
    text[4] = text[7] = '-';
    put_two(text + 5, month);
    put_two(text + 8, day);
    out_bytes(out, text, sizeof text);
}

void out_time(struct out *out, int64_t minutes, char separator)
{
    int64_t days = minutes / 1440;
    int64_t rest = minutes - days * 1440;
    if (rest < 0) {
        days--;
        rest += 1440;
    }
    out_date(out, days);
    char text[9] = {separator, 0, 0, ':', 0, 0, ':', '0', '0'};
    put_two(text + 1, (unsigned)(rest / 60));
    put_two(text + 4, (unsigned)(rest % 60));
    out_bytes(out, text, sizeof text);
}

void out_int(struct out *out, int64_t value)
{
    char text[24];
    size_t at = sizeof text;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        text[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0)
        text[--at] = '-';
    out_bytes(out, text + at, sizeof text - at);
}

void out_padded(struct out *out, int64_t value, int width)
{
    int64_t bound = 1;
    for (int i = 1; i < width; i++)
        bound *= 10;
    for (; bound > 1 && value < bound; bound /= 10)
        out_char(out, '0');
    out_int(out, value);
}

void out_decimal(struct out *out, int64_t scaled, int decimals)
{
    static const int64_t powers[] = {1, 10, 100, 1000, 10000};
    if (scaled < 0) {
        out_char(out, '-');
        scaled = -scaled;
    }
    out_int(out, scaled / powers[decimals]);
    if (decimals > 0) {
        out_char(out, '.');
        out_padded(out, scaled % powers[decimals], decimals);
    }
}

void out_csv(struct out *out, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        out_text(out, text);
        return;
    }
    out_char(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"')
            out_char(out, '"');
        out_char(out, *text);
    }
    out_char(out, '"');
}

void out_json(struct out *out, const char *text)
{
    out_char(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            out_char(out, '\\');
        out_char(out, *text);
    }
    out_char(out, '"');
}
