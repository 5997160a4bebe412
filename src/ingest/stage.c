/* Files in the staging directory: written through a buffer with base/file.h (so faults can be
 * injected), read block by block (so memory stays flat and Ctrl-C works). They are temporary: never
 * synced, removed with the directory by its owner. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ingest/parts_priv.h"

enum err_code stage_open(struct ingest_set *set, const char *suffix, struct stage_writer *ret,
                         struct err *err)
{
    *ret = (struct stage_writer){.fd = -1};
    if (set->options.staging_directory == NULL)
        return err_set(err, ERR_USAGE, "no staging directory was given");
    ret->path = ingest_stage_path(set, suffix);
    ret->buffer = mem_alloc(STAGE_BLOCK_BYTES);
    if (ret->path == NULL || ret->buffer == NULL) {
        stage_abandon(ret);
        return ingest_memory(err);
    }
    ret->fd = open(ret->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (ret->fd < 0) {
        int number = errno;
        stage_abandon(ret);
        return err_set_errno(err, number, "cannot make a staged file in %s",
                             set->options.staging_directory);
    }
    return ERR_OK;
}

static enum err_code flush(struct stage_writer *writer, struct err *err)
{
    if (writer->used > 0)
        TRY(file_write_fd(writer->fd, writer->buffer, writer->used, writer->path, err));
    writer->used = 0;
    return ERR_OK;
}

enum err_code stage_write(struct stage_writer *writer, const char *bytes, size_t count,
                          struct err *err)
{
    writer->bytes += (int64_t)count;
    while (count > 0) {
        size_t room = STAGE_BLOCK_BYTES - writer->used;
        size_t part = count < room ? count : room;
        memcpy(writer->buffer + writer->used, bytes, part);
        writer->used += part;
        bytes += part;
        count -= part;
        if (writer->used == STAGE_BLOCK_BYTES)
            TRY(flush(writer, err));
    }
    return ERR_OK;
}

enum err_code stage_finish(struct stage_writer *writer, struct err *err)
{
    enum err_code code = flush(writer, err);
    if (close(writer->fd) != 0 && code == ERR_OK)
        code = err_set_errno(err, errno, "cannot close %s", writer->path);
    writer->fd = -1;
    mem_free(writer->buffer);
    writer->buffer = NULL;
    return code;
}

void stage_abandon(struct stage_writer *writer)
{
    if (writer->fd >= 0)
        (void)close(writer->fd);
    writer->fd = -1;
    mem_free(writer->buffer);
    writer->buffer = NULL;
}

static enum err_code read_blocks(int fd, const char *origin, const char *phase,
                                 const struct progress *progress, char *buffer,
                                 enum err_code (*block)(void *user, const char *bytes, size_t count,
                                                        struct err *err),
                                 void *user, struct err *err)
{
    off_t size = lseek(fd, 0, SEEK_END);
    (void)lseek(fd, 0, SEEK_SET);
    int64_t done = 0;
    for (;;) {
        TRY(progress_check(progress, err));
        ssize_t got = read(fd, buffer, STAGE_BLOCK_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set_errno(err, errno, "cannot read %s", origin);
        if (got == 0)
            return ERR_OK;
        TRY(block(user, buffer, (size_t)got, err));
        done += got;
        progress_report(progress, &(struct progress_event){.phase = phase,
                                                           .subject = file_base_name(origin),
                                                           .done = done,
                                                           .total = size < 0 ? 0 : (int64_t)size,
                                                           .unit = "bytes"});
    }
}

enum err_code
stage_read(const char *path, const char *origin, const char *phase, const struct progress *progress,
           enum err_code (*block)(void *user, const char *bytes, size_t count, struct err *err),
           void *user, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, errno, "cannot open %s", origin);
    char *buffer = mem_alloc(STAGE_BLOCK_BYTES);
    enum err_code code = buffer == NULL
                             ? ingest_memory(err)
                             : read_blocks(fd, origin, phase, progress, buffer, block, user, err);
    mem_free(buffer);
    (void)close(fd);
    return code;
}
