/* A SAS transport library may hold several members (tables); ReadStat reads the first. Member
 * headers stand at multiples of 80 bytes, so the library is cut there, and each member is shown to
 * ReadStat behind the library's own three header records: LIBRARY, 2 × 80 │ MEMBER … rows │ MEMBER
 * … rows      (TS-140 and TS-140 extended for version 8) */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "ingest/readstat_priv.h"

#define RECORD_BYTES 80
#define LIBRARY_BYTES (3 * RECORD_BYTES)
#define CHUNK_RECORDS 4096
#define LIMIT_MEMBERS 10000

static bool is_member_header(const char *record)
{
    static const char version5[] = "HEADER RECORD*******MEMBER  HEADER RECORD!!!!!!!";
    static const char version8[] = "HEADER RECORD*******MEMBV8  HEADER RECORD!!!!!!!";
    return record[0] == 'H' && (memcmp(record, version5, sizeof version5 - 1) == 0 ||
                                memcmp(record, version8, sizeof version8 - 1) == 0);
}

struct member_list {
    int64_t *begins;
    size_t count, capacity;
    const char *origin;
};

static enum err_code find_in(struct member_list *list, const char *bytes, size_t count, int64_t at,
                             struct err *err)
{
    for (size_t offset = 0; offset + RECORD_BYTES <= count; offset += RECORD_BYTES) {
        if (!is_member_header(bytes + offset))
            continue;
        if (list->count == LIMIT_MEMBERS)
            return err_set(err, ERR_LIMIT, "%s: more than %d tables in one transport file",
                           list->origin, LIMIT_MEMBERS);
        if (list->count == list->capacity) {
            size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
            int64_t *bigger = mem_resize(list->begins, capacity, sizeof *bigger);
            if (bigger == NULL)
                return err_set(err, ERR_MEMORY, "no memory to read %s", list->origin);
            list->begins = bigger;
            list->capacity = capacity;
        }
        list->begins[list->count++] = at + (int64_t)offset;
    }
    return ERR_OK;
}

static enum err_code find_in_file(struct member_list *list, const char *path, int64_t *ret_bytes,
                                  struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, errno, "cannot open %s", list->origin);
    AUTO(mem_free) char *chunk = mem_alloc(CHUNK_RECORDS * RECORD_BYTES);
    enum err_code code =
        chunk != NULL ? ERR_OK : err_set(err, ERR_MEMORY, "no memory to read %s", list->origin);
    int64_t at = 0;
    while (code == ERR_OK) {
        size_t filled = 0;
        ssize_t got = 0;
        while (filled < CHUNK_RECORDS * RECORD_BYTES) {
            got = pread(fd, chunk + filled, CHUNK_RECORDS * RECORD_BYTES - filled,
                        at + (int64_t)filled);
            if (got < 0 && errno == EINTR)
                continue;
            if (got <= 0)
                break;
            filled += (size_t)got;
        }
        if (got < 0)
            code = err_set_errno(err, errno, "cannot read %s", list->origin);
        else
            code = find_in(list, chunk, filled, at, err);
        at += (int64_t)filled;
        if (got <= 0)
            break;
    }
    close(fd);
    *ret_bytes = at;
    return code;
}

enum err_code statfile_members(const struct statfile_place *whole, struct arena *arena,
                               const char *origin, struct statfile_place **ret, size_t *ret_count,
                               struct err *err)
{
    struct member_list list = {.origin = origin};
    int64_t bytes = (int64_t)whole->memory.len;
    enum err_code code = whole->path != NULL
                             ? find_in_file(&list, whole->path, &bytes, err)
                             : find_in(&list, whole->memory.ptr, whole->memory.len, 0, err);
    size_t count = list.count < 2 ? 1 : list.count;
    struct statfile_place *places =
        code == ERR_OK ? arena_array(arena, count, sizeof *places) : NULL;
    for (size_t idx = 0; places != NULL && idx < count; idx++) {
        places[idx] = *whole;
        if (list.count < 2)
            continue;
        places[idx].prefix = LIBRARY_BYTES;
        places[idx].begin = list.begins[idx];
        places[idx].end = idx + 1 < count ? list.begins[idx + 1] : bytes;
    }
    mem_free(list.begins);
    if (code == ERR_OK && places == NULL)
        return err_set(err, ERR_MEMORY, "no memory to read %s", origin);
    *ret = places;
    *ret_count = count;
    return code;
}
