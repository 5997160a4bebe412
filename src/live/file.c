/* The log as a file of the store, live/DATASET/log: records one behind the other, appended by
 * whoever holds live/DATASET/lock.
 *
 *   append   lock ▶ find the end of the last whole record, cut what is behind it ▶ write ▶ fsync ▶
 * acknowledged read     from the front; a record that is not whole at the very end was never
 * acknowledged and is passed over; anywhere else it is damage trim     lock ▶ the records that stay
 * into log.new ▶ fsync ▶ rename over log ▶ fsync of the folder
 *
 * A torn record can look damaged only where the file ends within it or the blocks behind a size
 * that was grown were never written: so a bad record with a whole one behind it is damage, with
 * none behind it a torn end. */
#include "live/live_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOCK_WAIT_MS 30000

struct log_file {
    struct live base;
    char folder[FILE_PATH_BYTES], path[FILE_PATH_BYTES], lock[FILE_PATH_BYTES];
};

#define LOG_LIMIT_BYTES ((size_t)4 << 30)

/* The file's bytes; empty where there is none. Read, not mapped: an append may cut a torn end off
 * meanwhile. */
static enum err_code load(const struct log_file *log, struct buf *ret, struct err *err)
{
    struct err local = {.code = ERR_OK};
    ret->limit = LOG_LIMIT_BYTES;
    if (!file_exists(log->path))
        return ERR_OK;
    enum err_code code = file_read(log->path, LOG_LIMIT_BYTES, ret, &local);
    if (code != ERR_OK)
        *err = local;
    if (code == ERR_LIMIT)
        return err_hint(err, "fold the recent changes into a version: marrow fhir compact");
    return code;
}

/* ---- records in their order
 * ---------------------------------------------------------------------- */

static struct str rest(struct str bytes, size_t from)
{
    return (struct str){bytes.ptr + from, bytes.len - from};
}

/* Does a whole record begin anywhere behind from? Then what is at from is damage, not a torn end.
 */
static bool whole_behind(struct str bytes, size_t from)
{
    struct live_change change;
    size_t length;
    for (size_t at = from + 1; at + LIVE_HEAD_BYTES <= bytes.len; at++)
        if (bytes.ptr[at] == 'M' &&
            live_record_read(rest(bytes, at), &change, &length) == LIVE_RECORD_WHOLE)
            return true;
    return false;
}

/* Calls visit (may be NULL) for each; *ret_end: behind the last whole record; *ret_seq: its number.
 */
static enum err_code walk(struct str bytes, int64_t after,
                          enum err_code (*visit)(void *user, const struct live_change *change,
                                                 struct err *err),
                          void *user, size_t *ret_end, int64_t *ret_seq, struct err *err)
{
    size_t at = 0;
    *ret_seq = 0;
    while (at < bytes.len) {
        struct live_change change;
        size_t length = 0;
        if (live_record_read(rest(bytes, at), &change, &length) != LIVE_RECORD_WHOLE) {
            if (!whole_behind(bytes, at))
                break;
            err_set(err, ERR_INTEGRITY, "the log of recent changes is damaged at byte %zu", at);
            return err_hint(err, "changes before it are whole; 'marrow fhir compact' can't go on: "
                                 "put the log aside and send the changes again");
        }
        at += length;
        *ret_seq = change.seq;
        if (visit != NULL && change.seq > after)
            TRY(visit(user, &change, err));
    }
    *ret_end = at;
    return ERR_OK;
}

/* ---- the home
 * ------------------------------------------------------------------------------------ */

static enum err_code paths_of(const struct live_options *options, struct log_file *log,
                              struct err *err)
{
    char name[FILE_PATH_BYTES];
    TRY(store_dataset_name_check(options->dataset, err));
    TRY(file_path_join(store_directory(options->store), "live", name, err));
    TRY(file_path_join(name, options->dataset, log->folder, err));
    TRY(file_path_join(log->folder, "log", log->path, err));
    return file_path_join(log->folder, "lock", log->lock, err);
}

static enum err_code file_home_open(const struct live_options *options, struct live **ret,
                                    struct err *err)
{
    struct log_file *log = mem_zalloc(1, sizeof *log);
    if (log == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the log of recent changes");
    log->base.home = &live_file_home;
    enum err_code code = paths_of(options, log, err);
    if (code != ERR_OK)
        mem_free(log);
    else
        *ret = &log->base;
    return code;
}

static void file_home_close(struct live *live)
{
    mem_free(live);
}

/* Open for appending, cut to `end`, and lasting as a file of its folder. */
static enum err_code open_log(const struct log_file *log, size_t end, size_t size, int *ret_fd,
                              struct err *err)
{
    bool fresh = !file_exists(log->path);
    *ret_fd = open(log->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (*ret_fd < 0)
        return err_set_errno(err, errno, "the log of recent changes can't be written");
    if (fresh)
        TRY(file_fsync(log->folder, err));
    if (end < size && ftruncate(*ret_fd, (off_t)end) != 0)
        return err_set_errno(err, errno, "the torn end of the log can't be cut off");
    return lseek(*ret_fd, (off_t)end, SEEK_SET) < 0
               ? err_set_errno(err, errno, "the log of recent changes can't be written")
               : ERR_OK;
}

/* On failure the file is cut to what it was: nothing half written stays to be taken for
 * acknowledged. */
static enum err_code write_end(const struct log_file *log, size_t end, size_t size,
                               const struct buf *records, struct err *err)
{
    int fd = -1;
    enum err_code code = open_log(log, end, size, &fd, err);
    if (code == ERR_OK)
        code = file_write_fd(fd, records->ptr, records->len, log->path, err);
    if (code == ERR_OK)
        code = file_fsync_fd(fd, log->path, err);
    if (code != ERR_OK && fd >= 0 && ftruncate(fd, (off_t)end) != 0)
        err_detail(err, "the log's end could not be cut off; the next change does it");
    if (fd >= 0)
        (void)close(fd);
    return code;
}

static enum err_code append_locked(struct log_file *log, struct live_change *changes, size_t count,
                                   struct err *err)
{
    AUTO(buf_done) struct buf there = BUF_INIT, records = BUF_INIT;
    size_t end = 0;
    int64_t seq = 0, now = clock_now_us();
    TRY(load(log, &there, err));
    TRY(walk(buf_view(&there), 0, NULL, NULL, &end, &seq, err));
    for (size_t i = 0; i < count; i++) {
        changes[i].seq = ++seq;
        if (!changes[i].dated)
            changes[i].instant_us = now;
        TRY(live_record_write(&changes[i], &records, err));
    }
    return count == 0 ? ERR_OK : write_end(log, end, there.len, &records, err);
}

static enum err_code file_home_append(struct live *live, struct live_change *changes, size_t count,
                                      struct err *err)
{
    struct log_file *log = (struct log_file *)live;
    struct file_lock lock = FILE_LOCK_INIT;
    TRY(file_make_directory(log->folder, err));
    TRY(file_lock_take(log->lock, true, LOCK_WAIT_MS, "fhir apply", &lock, err));
    enum err_code code = append_locked(log, changes, count, err);
    file_lock_release(&lock);
    return code;
}

/* No lock: what an append has not finished yet is a torn end, and trim replaces the file whole. */
static enum err_code file_home_read(struct live *live, int64_t after,
                                    enum err_code (*visit)(void *user,
                                                           const struct live_change *change,
                                                           struct err *err),
                                    void *user, struct err *err)
{
    struct log_file *log = (struct log_file *)live;
    AUTO(buf_done) struct buf there = BUF_INIT;
    size_t end = 0;
    int64_t seq = 0;
    TRY(load(log, &there, err));
    return walk(buf_view(&there), after, visit, user, &end, &seq, err);
}

static enum err_code keep_record(void *user, const struct live_change *change, struct err *err)
{
    return live_record_write(change, user, err);
}

static enum err_code trim_locked(struct log_file *log, int64_t seq, struct err *err)
{
    AUTO(buf_done) struct buf there = BUF_INIT, records = BUF_INIT;
    size_t end = 0;
    int64_t last = 0;
    records.limit = LOG_LIMIT_BYTES;
    TRY(load(log, &there, err));
    TRY(walk(buf_view(&there), seq, keep_record, &records, &end, &last, err));
    return file_replace(log->path, buf_view(&records), err);
}

static enum err_code file_home_trim(struct live *live, int64_t seq, struct err *err)
{
    struct log_file *log = (struct log_file *)live;
    struct file_lock lock = FILE_LOCK_INIT;
    if (!file_exists(log->path))
        return ERR_OK;
    TRY(file_lock_take(log->lock, true, LOCK_WAIT_MS, "fhir compact", &lock, err));
    enum err_code code = trim_locked(log, seq, err);
    file_lock_release(&lock);
    return code;
}

const struct live_home live_file_home = {.scheme = "",
                                         .open = file_home_open,
                                         .close = file_home_close,
                                         .append = file_home_append,
                                         .read = file_home_read,
                                         .trim = file_home_trim};
