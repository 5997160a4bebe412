/* rejects.csv: rows that could not be used, with line, column, reason and the text as it was read.
 *
 * The one idea: every source, scan or stream, ends here, so all formats quarantine alike. The sum
 * of the raw texts' hashes enters the table's hash (what was left out is part of what was taken
 * in). With strict the first one refuses the import instead. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/store_priv.h"

#define FLUSH_BYTES ((size_t)1 << 16)

enum err_code store_rejects_init(struct store_rejects *rejects, const char *directory,
                                 const char *origin, const struct store_import_options *options,
                                 struct err *err)
{
    *rejects = (struct store_rejects){
        .fd = -1, .strict = options->strict, .show_values = options->show_values, .origin = origin};
    return file_path_join(directory, "rejects.csv", rejects->path, err);
}

static void add_field(struct buf *out, struct str text)
{
    buf_putc(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            buf_putc(out, '"');
        buf_putc(out, text.ptr[i]);
    }
    buf_putc(out, '"');
}

static enum err_code flush(struct store_rejects *rejects, struct err *err)
{
    if (rejects->pending.len == 0)
        return ERR_OK;
    TRY(buf_check(&rejects->pending, err));
    TRY(file_write_fd(rejects->fd, rejects->pending.ptr, rejects->pending.len, rejects->path, err));
    buf_clear(&rejects->pending);
    return ERR_OK;
}

static enum err_code refuse(const struct store_rejects *rejects, int64_t line, const char *column,
                            const char *reason, struct str raw, struct err *err)
{
    char pattern[128];
    (void)err_set(err, ERR_INPUT, "%s%s%s", column == NULL ? "" : column,
                  column == NULL ? "" : ": ", reason);
    (void)err_at(err, rejects->origin, line, 0);
    if (rejects->show_values)
        (void)err_detail(err, "the row: %.*s", (int)(raw.len > 200 ? 200 : raw.len),
                         raw.ptr == NULL ? "" : raw.ptr);
    else
        (void)err_detail(
            err, "the row looks like %s",
            err_pattern(raw.ptr == NULL ? "" : raw.ptr, raw.len, pattern, sizeof pattern));
    return err_hint(
        err, "mend the row, or import without --strict: such rows are then set aside and counted");
}

enum err_code store_rejects_add(void *user, int64_t line, const char *column, const char *reason,
                                struct str raw, struct err *err)
{
    struct store_rejects *rejects = user;
    if (column != NULL && column[0] == '\0')
        column = NULL;
    if (rejects->strict)
        return refuse(rejects, line, column, reason, raw, err);
    if (rejects->fd < 0) {
        rejects->fd = open(rejects->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (rejects->fd < 0)
            return err_set_errno(err, errno, "cannot create %s", rejects->path);
        buf_puts(&rejects->pending, "line,column,reason,raw\n");
    }
    if (raw.len > STORE_LIMIT_REJECT_BYTES)
        raw.len = STORE_LIMIT_REJECT_BYTES;
    struct hash128 hash = hash_xxh3_128(raw.ptr == NULL ? "" : raw.ptr, raw.len, 0);
    uint64_t low = rejects->sum.low + hash.low;
    uint64_t carry = low < hash.low;
    rejects->sum.high = (int64_t)((uint64_t)rejects->sum.high + hash.high + carry);
    rejects->sum.low = low;
    rejects->rows++;
    buf_printf(&rejects->pending, "%lld,", (long long)line);
    add_field(&rejects->pending, str_of(column));
    buf_putc(&rejects->pending, ',');
    AUTO(buf_done) struct buf whole = BUF_INIT;
    buf_puts(&whole, reason);
    if (rejects->part != NULL)
        buf_printf(&whole, ", in %s", rejects->part);
    add_field(&rejects->pending, buf_view(&whole));
    TRY(buf_check(&whole, err));
    buf_putc(&rejects->pending, ',');
    add_field(&rejects->pending, raw);
    buf_putc(&rejects->pending, '\n');
    TRY(buf_check(&rejects->pending, err));
    return rejects->pending.len >= FLUSH_BYTES ? flush(rejects, err) : ERR_OK;
}

enum err_code store_rejects_finish(struct store_rejects *rejects, struct err *err)
{
    enum err_code code = flush(rejects, err);
    if (rejects->fd >= 0 && close(rejects->fd) != 0 && code == ERR_OK)
        code = err_set_errno(err, errno, "cannot close %s", rejects->path);
    rejects->fd = -1;
    return code;
}

void store_rejects_done(struct store_rejects *rejects)
{
    if (rejects->fd >= 0)
        close(rejects->fd);
    rejects->fd = -1;
    buf_done(&rejects->pending);
}
