/* Parts of the container by name, streamed through libarchive, which reads the ZIP's central
 * directory and seeks. A part that unpacks beyond INGEST_LIMIT_RATIO times the file (past
 * INGEST_RATIO_FREE_BYTES) is a bomb. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "ingest/archive_library.h"
#include "ingest/xlsx_priv.h"

#define BLOCK_BYTES 262144

static enum err_code archive_problem(struct archive *archive, const char *what,
                                     const struct xlsx_place *place, struct err *err)
{
    const char *words = archive_error_string(archive);
    (void)err_set(err, ERR_INPUT, "the workbook %s", what);
    if (words != NULL)
        (void)err_detail(err, "%s", words);
    (void)err_hint(
        err, "open it in a spreadsheet program and save it again as .xlsx, without a password");
    return err_at(err, place->origin, 0, 0);
}

static enum err_code open_container(const struct xlsx_place *place, struct archive **ret,
                                    int64_t *ret_bytes, struct err *err)
{
    TRY(libarchive_load(err));
    struct archive *archive = archive_read_new();
    if (archive == NULL)
        return err_set(err, ERR_MEMORY, "no memory to read %s", place->origin);
    archive_read_support_format_zip_seekable(archive);
    int status;
    if (place->path != NULL) {
        struct stat info;
        if (stat(place->path, &info) != 0) {
            int problem = errno;
            archive_read_free(archive);
            return err_set_errno(err, problem, "cannot open %s", place->origin);
        }
        *ret_bytes = info.st_size;
        status = archive_read_open_filename(archive, place->path, BLOCK_BYTES);
    } else {
        *ret_bytes = (int64_t)place->memory.len;
        status = archive_read_open_memory(archive, place->memory.ptr, place->memory.len);
    }
    if (status != ARCHIVE_OK) {
        enum err_code code = archive_problem(archive, "is no readable ZIP container", place, err);
        archive_read_free(archive);
        return code;
    }
    *ret = archive;
    return ERR_OK;
}

static bool is_part(const char *found, const char *wanted)
{
    if (found == NULL)
        return false;
    while (*found == '/' || *found == '\\')
        found++;
    for (; *found != '\0' && *wanted != '\0'; found++, wanted++) {
        char a = *found == '\\' ? '/' : *found, b = *wanted;
        a = a >= 'A' && a <= 'Z' ? (char)(a + 32) : a;
        b = b >= 'A' && b <= 'Z' ? (char)(b + 32) : b;
        if (a != b)
            return false;
    }
    return *found == *wanted;
}

static enum err_code stream_entry(struct archive *archive, const struct xlsx_place *place,
                                  const char *name, int64_t packed_bytes,
                                  enum err_code (*block)(void *, const char *, size_t, bool,
                                                         struct err *),
                                  void *user, struct err *err)
{
    AUTO(mem_free) char *buffer = mem_alloc(BLOCK_BYTES);
    if (buffer == NULL)
        return err_set(err, ERR_MEMORY, "no memory to read %s", place->origin);
    int64_t total = 0;
    for (;;) {
        TRY(progress_check(place->progress, err));
        ssize_t got = archive_read_data(archive, buffer, BLOCK_BYTES);
        if (got < 0)
            return archive_problem(archive,
                                   archive_read_has_encrypted_entries(archive) > 0
                                       ? "is encrypted"
                                       : "is damaged or cut off",
                                   place, err);
        total += got;
        if (total > INGEST_RATIO_FREE_BYTES && total / INGEST_LIMIT_RATIO > packed_bytes) {
            (void)err_set(err, ERR_LIMIT, "part %s unpacks to more than %d times the file's size",
                          name, INGEST_LIMIT_RATIO);
            return err_at(err, place->origin, 0, 0);
        }
        progress_report(place->progress,
                        &(struct progress_event){"unpack", place->origin, total, 0, "bytes"});
        TRY(block(user, buffer, (size_t)got, got == 0, err));
        if (got == 0)
            return ERR_OK;
    }
}

enum err_code xlsx_part_read(const struct xlsx_place *place, const char *name,
                             enum err_code (*block)(void *user, const char *bytes, size_t count,
                                                    bool last, struct err *err),
                             void *user, bool *ret_found, struct err *err)
{
    struct archive *archive = NULL;
    int64_t bytes = 0;
    *ret_found = false;
    TRY(open_container(place, &archive, &bytes, err));
    enum err_code code = ERR_OK;
    for (int64_t entries = 0;; entries++) {
        struct archive_entry *entry = NULL;
        int status = archive_read_next_header(archive, &entry);
        if (status == ARCHIVE_EOF)
            break;
        if (status != ARCHIVE_OK && status != ARCHIVE_WARN) {
            code = archive_problem(archive, "is damaged or cut off", place, err);
            break;
        }
        if (entries > INGEST_LIMIT_ENTRIES) {
            code = err_set(err, ERR_LIMIT, "%s: more than %d parts", place->origin,
                           INGEST_LIMIT_ENTRIES);
            break;
        }
        if (!is_part(archive_entry_pathname(entry), name))
            continue;
        *ret_found = true;
        code = stream_entry(archive, place, name, bytes, block, user, err);
        break;
    }
    archive_read_free(archive);
    return code;
}
