/* A ZIP of stored members, streamed. Own writer and no deflate: the bytes must not depend on which
 * zlib or libarchive is installed (zlib-ng compresses to other bytes than zlib). APPNOTE.TXT 6.3.9.
 */
#ifndef MARROW_DEMO_ZIP_H
#define MARROW_DEMO_ZIP_H

#include "demo/out.h"

#define ZIP_MEMBERS_LIMIT 16

struct zip_member {
    char name[64];
    int64_t offset, bytes;
    uint32_t crc;
};
struct zip {
    struct out out; /* write the member's bytes here */
    struct zip_member members[ZIP_MEMBERS_LIMIT];
    int count;
    int64_t position; /* of the file, up to the open member's data */
};

enum err_code zip_open(struct zip *zip, const char *path, struct err *err) WARN_UNUSED;
enum err_code zip_member_begin(struct zip *zip, const char *name) WARN_UNUSED;
enum err_code
zip_member_end(struct zip *zip) WARN_UNUSED; /* patches sizes and CRC into the local header */
enum err_code zip_close(struct zip *zip,
                        int64_t *ret_bytes) WARN_UNUSED; /* central directory, fsync */

#endif
