/* Local header with room for ZIP64 sizes, data, … , central directory, end records. The room is a
 * ZIP64 field when the member passes 4 GiB and a private padding field when it does not, since
 * strict readers refuse a ZIP64 field that is not announced. Time stamps are fixed: 2020-01-01
 * 00:00. */
#include "demo/zip.h"

#include <stdio.h>

enum {
    ZIP_DOS_DATE = 0x5021,
    ZIP_VERSION = 45,
    ZIP_LOCAL_BYTES = 30,
    ZIP_EXTRA_BYTES = 20,
    ZIP_EXTRA_PAD = 0x4D72, /* private id, ignored by readers */
    ZIP_EXTRA_64 = 0x0001,
};
#define ZIP_MAX32 INT64_C(0xFFFFFFFF)

struct record {
    unsigned char bytes[160];
    size_t len;
};

static void put(struct record *record, int64_t value, int count)
{
    for (int i = 0; i < count; i++)
        record->bytes[record->len++] = (unsigned char)(((uint64_t)value >> (8 * i)) & 0xFF);
}

static void local_header(struct record *record, const struct zip_member *member)
{
    bool large = member->bytes >= ZIP_MAX32;
    int64_t short_bytes = large ? ZIP_MAX32 : member->bytes;
    put(record, 0x04034b50, 4);
    put(record, ZIP_VERSION, 2);
    put(record, 0, 2); /* flags */
    put(record, 0, 2); /* stored */
    put(record, 0, 2); /* time */
    put(record, ZIP_DOS_DATE, 2);
    put(record, member->crc, 4);
    put(record, short_bytes, 4);
    put(record, short_bytes, 4);
    put(record, (int64_t)strlen(member->name), 2);
    put(record, ZIP_EXTRA_BYTES, 2);
}

static void local_extra(struct record *record, const struct zip_member *member)
{
    bool large = member->bytes >= ZIP_MAX32;
    put(record, large ? ZIP_EXTRA_64 : ZIP_EXTRA_PAD, 2);
    put(record, ZIP_EXTRA_BYTES - 4, 2);
    put(record, large ? member->bytes : 0, 8);
    put(record, large ? member->bytes : 0, 8);
}

static void add(struct zip *zip, const struct record *record)
{
    out_bytes(&zip->out, (const char *)record->bytes, record->len);
    zip->position += (int64_t)record->len;
}

enum err_code zip_open(struct zip *zip, const char *path, struct err *err)
{
    *zip = (struct zip){0};
    return out_open(&zip->out, path, true, err);
}

enum err_code zip_member_begin(struct zip *zip, const char *name)
{
    if (zip->count == ZIP_MEMBERS_LIMIT)
        return err_set(zip->out.err, ERR_LIMIT, "more than %d members in an archive",
                       ZIP_MEMBERS_LIMIT);
    struct zip_member *member = &zip->members[zip->count++];
    *member = (struct zip_member){.offset = zip->position};
    snprintf(member->name, sizeof member->name, "%s", name);
    struct record head = {.len = 0}, extra = {.len = 0};
    local_header(&head, member);
    local_extra(&extra, member);
    out_row(&zip->out);
    add(zip, &head);
    out_text(&zip->out, member->name);
    zip->position += (int64_t)strlen(member->name);
    add(zip, &extra);
    out_mark(&zip->out);
    return out_check(&zip->out);
}

enum err_code zip_member_end(struct zip *zip)
{
    struct zip_member *member = &zip->members[zip->count - 1];
    out_flush(&zip->out);
    member->bytes = zip->out.bytes;
    member->crc = zip->out.crc;
    zip->position += member->bytes;
    struct record head = {.len = 0}, extra = {.len = 0};
    local_header(&head, member);
    local_extra(&extra, member);
    out_patch(&zip->out, member->offset, head.bytes, head.len);
    out_patch(&zip->out, member->offset + ZIP_LOCAL_BYTES + (int64_t)strlen(member->name),
              extra.bytes, extra.len);
    return out_check(&zip->out);
}

static void central_entry(struct zip *zip, const struct zip_member *member)
{
    bool large = member->bytes >= ZIP_MAX32;
    bool far = member->offset >= ZIP_MAX32;
    int64_t extra_bytes = (large ? 16 : 0) + (far ? 8 : 0);
    struct record record = {.len = 0};
    put(&record, 0x02014b50, 4);
    put(&record, (3 << 8) | ZIP_VERSION, 2); /* made by Unix */
    put(&record, ZIP_VERSION, 2);
    put(&record, 0, 2);
    put(&record, 0, 2);
    put(&record, 0, 2);
    put(&record, ZIP_DOS_DATE, 2);
    put(&record, member->crc, 4);
    put(&record, large ? ZIP_MAX32 : member->bytes, 4);
    put(&record, large ? ZIP_MAX32 : member->bytes, 4);
    put(&record, (int64_t)strlen(member->name), 2);
    put(&record, extra_bytes > 0 ? extra_bytes + 4 : 0, 2);
    put(&record, 0, 2); /* comment */
    put(&record, 0, 2); /* disk */
    put(&record, 0, 2); /* internal attributes */
    put(&record, INT64_C(0100644) << 16, 4);
    put(&record, far ? ZIP_MAX32 : member->offset, 4);
    add(zip, &record);
    out_text(&zip->out, member->name);
    zip->position += (int64_t)strlen(member->name);
    if (extra_bytes == 0)
        return;
    struct record extra = {.len = 0};
    put(&extra, ZIP_EXTRA_64, 2);
    put(&extra, extra_bytes, 2);
    for (int i = 0; large && i < 2; i++)
        put(&extra, member->bytes, 8);
    if (far)
        put(&extra, member->offset, 8);
    add(zip, &extra);
}

static void end_records(struct zip *zip, int64_t start)
{
    int64_t at = zip->position;
    int64_t size = at - start;
    bool far = start >= ZIP_MAX32;
    struct record record = {.len = 0};
    if (far) {
        put(&record, 0x06064b50, 4);
        put(&record, 44, 8);
        put(&record, (3 << 8) | ZIP_VERSION, 2);
        put(&record, ZIP_VERSION, 2);
        put(&record, 0, 4);
        put(&record, 0, 4);
        put(&record, zip->count, 8);
        put(&record, zip->count, 8);
        put(&record, size, 8);
        put(&record, start, 8);
        put(&record, 0x07064b50, 4);
        put(&record, 0, 4);
        put(&record, at, 8);
        put(&record, 1, 4);
    }
    put(&record, 0x06054b50, 4);
    put(&record, 0, 2);
    put(&record, 0, 2);
    put(&record, zip->count, 2);
    put(&record, zip->count, 2);
    put(&record, size, 4);
    put(&record, far ? ZIP_MAX32 : start, 4);
    put(&record, 0, 2);
    add(zip, &record);
}

enum err_code zip_close(struct zip *zip, int64_t *ret_bytes)
{
    int64_t start = zip->position;
    out_row(&zip->out);
    for (int i = 0; i < zip->count; i++)
        central_entry(zip, &zip->members[i]);
    end_records(zip, start);
    *ret_bytes = zip->position;
    return out_close(&zip->out);
}
