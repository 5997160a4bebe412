/* Parquet: the engine reads it well, so this only checks that the file is whole (magic at both
 * ends, a footer that fits) and gathers the files of a partitioned table. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ingest/parts_priv.h"

#define TAIL_BYTES 8 /* footer length (little endian), "PAR1" */

static int parquet_recognise(const struct ingest_file *file)
{
    if (str_has_prefix(file->head, "PAR1") || str_has_prefix(file->head, "PARE"))
        return 2;
    bool named = str_has_suffix_nocase(str_of(file->base_name), ".parquet") ||
                 str_has_suffix_nocase(str_of(file->base_name), ".pq");
    return named ? 1 : 0;
}

static enum err_code refuse(const char *origin, struct err *err, const char *what, const char *hint)
{
    (void)err_set(err, ERR_INPUT, "%s: %s", file_base_name(origin), what);
    (void)err_hint(err, "%s", hint);
    return err_at(err, origin, 0, 0);
}

static enum err_code check_file(const char *path, const char *origin, int64_t bytes,
                                struct err *err)
{
    unsigned char head[4] = {0}, tail[TAIL_BYTES] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, errno, "cannot open %s", origin);
    bool read_all = bytes >= 12 && pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head &&
                    pread(fd, tail, sizeof tail, (off_t)(bytes - TAIL_BYTES)) == TAIL_BYTES;
    (void)close(fd);
    if (memcmp(head, "PARE", 4) == 0 || memcmp(tail + 4, "PARE", 4) == 0)
        return refuse(origin, err, "an encrypted Parquet file",
                      "write it again without encryption");
    if (!read_all || memcmp(head, "PAR1", 4) != 0)
        return refuse(origin, err, "no Parquet file: its magic number PAR1 is missing",
                      "check that the file is what its name says");
    if (memcmp(tail + 4, "PAR1", 4) != 0)
        return refuse(origin, err, "truncated: a Parquet file ends with PAR1, this one does not",
                      "copy or download the file again");
    int64_t footer =
        (int64_t)tail[0] | (int64_t)tail[1] << 8 | (int64_t)tail[2] << 16 | (int64_t)tail[3] << 24;
    if (footer > bytes - 12)
        return refuse(origin, err, "damaged: the footer is longer than the file",
                      "copy or download the file again");
    return ERR_OK;
}

static enum err_code add(struct ingest_set *set, const char *name, const char *origin,
                         const char **paths, size_t count, bool partitioned, int64_t bytes,
                         json_t *notes, struct err *err)
{
    struct data_scan *scan = arena_alloc(ingest_set_arena(set), sizeof *scan);
    if (scan == NULL) {
        json_decref(notes);
        return ingest_memory(err);
    }
    *scan = (struct data_scan){
        .kind = DATA_SCAN_PARQUET, .paths = paths, .path_count = count, .partitioned = partitioned};
    struct data_source source = {
        .name = name, .origin = origin, .scan = scan, .bytes = bytes, .notes = notes};
    return ingest_add_source(set, &source, NULL, err);
}

static enum err_code parquet_open(struct ingest_set *set, const struct ingest_file *file,
                                  struct err *err)
{
    TRY(check_file(file->path, file->origin, file->bytes, err));
    const char **paths = arena_array(ingest_set_arena(set), 1, sizeof *paths);
    if (paths == NULL)
        return ingest_memory(err);
    paths[0] = file->path;
    return add(set, ingest_stem(ingest_set_arena(set), file->base_name), file->origin, paths, 1,
               false, file->bytes, NULL, err);
}

enum err_code parquet_open_group(struct ingest_set *set, const struct ingest_entry *const *entries,
                                 size_t count, struct err *err)
{
    const char **paths = arena_array(ingest_set_arena(set), count, sizeof *paths);
    if (paths == NULL)
        return ingest_memory(err);
    int64_t bytes = 0;
    bool partitioned = false;
    for (size_t i = 0; i < count; i++) {
        TRY(check_file(entries[i]->path, entries[i]->origin, entries[i]->bytes, err));
        paths[i] = entries[i]->path;
        bytes += entries[i]->bytes;
        const char *inside = entries[i]->origin + strlen(entries[i]->group);
        const char *slash = strrchr(inside, '/'), *equal = strchr(inside, '=');
        partitioned = partitioned || (slash != NULL && equal != NULL && equal < slash);
    }
    json_t *notes = NULL;
    if (count > 1)
        ingest_note(&notes, "partitioned", "one table of %zu Parquet files", count);
    return add(set, entries[0]->group_name, entries[0]->group, paths, count, partitioned, bytes,
               notes, err);
}

const struct ingest_format ingest_format_parquet = {
    .name = "parquet",
    .suffixes = ".parquet .pq",
    .recognise = parquet_recognise,
    .open = parquet_open,
};
