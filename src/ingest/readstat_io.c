/* ReadStat's bytes come through our own handlers: a file (buffered pread) or memory, whole or as a
 * window, so that readers can be fuzzed without files and a transport library's members read one by
 * one. Errors of ReadStat become ours here. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/readstat_priv.h"

#define BUFFER_BYTES 262144

struct statfile_stream {
    struct statfile_place place;
    readstat_parser_t *parser;
    const struct progress *progress;
    const char *subject;
    int fd;
    int64_t size;     /* of the window */
    int64_t position; /* in the window */
    int64_t buffered_at, buffered;
    bool io_failed;
    bool interrupted;
    char buffer[BUFFER_BYTES];
};

static int64_t physical_offset(const struct statfile_stream *stream, int64_t position)
{
    return position < stream->place.prefix ? position
                                           : stream->place.begin + position - stream->place.prefix;
}

/* Bytes from one place of the window that lie together in the file. */
static int64_t contiguous_bytes(const struct statfile_stream *stream, int64_t position)
{
    return (position < stream->place.prefix ? stream->place.prefix : stream->size) - position;
}

static int handle_open(const char *path, void *user)
{
    (void)path;
    (void)user;
    return 0;
}

static int handle_close(void *user)
{
    (void)user;
    return 0;
}

static readstat_off_t handle_seek(readstat_off_t offset, readstat_io_flags_t whence, void *user)
{
    struct statfile_stream *stream = user;
    int64_t base = whence == READSTAT_SEEK_SET   ? 0
                   : whence == READSTAT_SEEK_CUR ? stream->position
                                                 : stream->size;
    int64_t target;
    if (__builtin_add_overflow(base, (int64_t)offset, &target) || target < 0 ||
        target > stream->size)
        return -1;
    stream->position = target;
    return target;
}

static bool fill_buffer(struct statfile_stream *stream)
{
    int64_t wanted = contiguous_bytes(stream, stream->position);
    if (wanted > BUFFER_BYTES)
        wanted = BUFFER_BYTES;
    ssize_t got;
    do
        got = pread(stream->fd, stream->buffer, (size_t)wanted,
                    physical_offset(stream, stream->position));
    while (got < 0 && errno == EINTR);
    if (got <= 0) {
        stream->io_failed = got < 0;
        return false;
    }
    stream->buffered_at = stream->position;
    stream->buffered = got;
    return true;
}

static ssize_t handle_read(void *target, size_t wanted, void *user)
{
    struct statfile_stream *stream = user;
    char *out = target;
    size_t done = 0;
    while (done < wanted && stream->position < stream->size) {
        const char *from;
        int64_t available;
        if (stream->place.path == NULL) {
            from = stream->place.memory.ptr + physical_offset(stream, stream->position);
            available = contiguous_bytes(stream, stream->position);
        } else {
            if (stream->position < stream->buffered_at ||
                stream->position >= stream->buffered_at + stream->buffered)
                if (!fill_buffer(stream))
                    return stream->io_failed ? -1 : (ssize_t)done;
            from = stream->buffer + (stream->position - stream->buffered_at);
            available = stream->buffered_at + stream->buffered - stream->position;
        }
        size_t part = wanted - done < (size_t)available ? wanted - done : (size_t)available;
        memcpy(out + done, from, part);
        done += part;
        stream->position += (int64_t)part;
    }
    return (ssize_t)done;
}

static readstat_error_t handle_update(long file_size, readstat_progress_handler handler,
                                      void *user_context, void *user)
{
    (void)file_size;
    (void)handler;
    (void)user_context;
    struct statfile_stream *stream = user;
    if (stream->progress == NULL)
        return READSTAT_OK;
    progress_report(
        stream->progress,
        &(struct progress_event){"read", stream->subject, stream->position, stream->size, "bytes"});
    if (stream->progress->cancelled != NULL &&
        stream->progress->cancelled(stream->progress->user)) {
        stream->interrupted = true;
        return READSTAT_ERROR_USER_ABORT;
    }
    return READSTAT_OK;
}

static void handle_error(const char *message, void *user)
{
    struct statfile_visit *visit = user;
    size_t length = strnlen(message, sizeof visit->message - 1);
    while (length > 0 && (unsigned char)message[length - 1] <= ' ')
        length--;
    memcpy(visit->message, message, length);
    visit->message[length] = '\0';
}

static enum err_code open_file(struct statfile_stream *stream, struct err *err)
{
    stream->fd = open(stream->place.path, O_RDONLY | O_CLOEXEC);
    if (stream->fd < 0)
        return err_set_errno(err, errno, "cannot open %s", stream->subject);
    struct stat status;
    if (fstat(stream->fd, &status) != 0)
        return err_set_errno(err, errno, "cannot stat %s", stream->subject);
    stream->size = status.st_size;
    return ERR_OK;
}

enum err_code statfile_stream_open(const struct statfile_place *place, const char *encoding,
                                   const struct progress *progress, const char *subject,
                                   struct statfile_stream **ret, struct err *err)
{
    AUTO(statfile_stream_close) struct statfile_stream *stream = mem_alloc(sizeof *stream);
    if (stream == NULL)
        return err_set(err, ERR_MEMORY, "no memory to read %s", subject);
    memset(stream, 0, offsetof(struct statfile_stream, buffer));
    stream->place = *place;
    stream->progress = progress;
    stream->subject = subject;
    stream->fd = -1;
    stream->size = (int64_t)place->memory.len;
    if (place->path != NULL)
        TRY(open_file(stream, err));
    if (place->end >= 0)
        stream->size = place->prefix + place->end - place->begin;
    TRY(libreadstat_load(err));
    stream->parser = readstat_parser_init();
    if (stream->parser == NULL)
        return err_set(err, ERR_MEMORY, "no memory to read %s", subject);
    readstat_parser_t *parser = stream->parser;
    readstat_set_open_handler(parser, handle_open);
    readstat_set_close_handler(parser, handle_close);
    readstat_set_seek_handler(parser, handle_seek);
    readstat_set_read_handler(parser, handle_read);
    readstat_set_update_handler(parser, handle_update);
    readstat_set_error_handler(parser, handle_error);
    readstat_set_io_ctx(parser, stream);
    if (encoding != NULL)
        readstat_set_file_character_encoding(parser, encoding);
    *ret = stream;
    stream = NULL;
    return ERR_OK;
}

void statfile_stream_close(struct statfile_stream *stream)
{
    if (stream == NULL)
        return;
    if (stream->fd >= 0)
        close(stream->fd);
    if (stream->parser != NULL)
        readstat_parser_free(stream->parser);
    mem_free(stream);
}

readstat_parser_t *statfile_stream_parser(struct statfile_stream *stream)
{
    return stream->parser;
}

static readstat_error_t parse_format(readstat_parser_t *parser, enum statfile_format format,
                                     bool catalog, void *user)
{
    if (catalog)
        return readstat_parse_sas7bcat(parser, "", user);
    switch (format) {
    case STATFILE_SAV:
        return readstat_parse_sav(parser, "", user);
    case STATFILE_POR:
        return readstat_parse_por(parser, "", user);
    case STATFILE_DTA:
        return readstat_parse_dta(parser, "", user);
    case STATFILE_SAS:
        return readstat_parse_sas7bdat(parser, "", user);
    case STATFILE_XPORT:
        return readstat_parse_xport(parser, "", user);
    }
    return READSTAT_ERROR_PARSE;
}

/* ReadStat's enum as ours. Its messages name sizes and offsets, never cells. */
static enum err_code translate_error(readstat_error_t code, const char *message, const char *origin,
                                     struct err *err)
{
    const char *words = readstat_error_message(code);
    if (code == READSTAT_ERROR_MALLOC)
        return err_set(err, ERR_MEMORY,
                       "no memory to read the file, or it states sizes that make no sense");
    bool encoding = code == READSTAT_ERROR_UNSUPPORTED_CHARSET ||
                    code == READSTAT_ERROR_CONVERT_BAD_STRING || code == READSTAT_ERROR_CONVERT;
    (void)err_set(err, ERR_INPUT,
                  encoding ? "the file's texts cannot be decoded: %s"
                           : "the file is damaged or cut off: %s",
                  words != NULL ? words : "unknown error");
    if (message[0] != '\0')
        (void)err_detail(err, "%s", message);
    (void)err_hint(err, encoding
                            ? "name the text encoding with --encoding, e.g. --encoding windows-1252"
                            : "export the file again, or copy it again from where it came");
    (void)err_at(err, origin, 0, 0);
    return ERR_INPUT;
}

enum err_code statfile_stream_parse(struct statfile_stream *stream, enum statfile_format format,
                                    bool catalog, struct statfile_visit *visit, const char *origin)
{
    readstat_error_t code = parse_format(stream->parser, format, catalog, visit);
    if (code == READSTAT_OK)
        return ERR_OK;
    if (stream->interrupted)
        return err_set(visit->err, ERR_INTERRUPTED, "interrupted while reading %s", origin);
    if (visit->code != ERR_OK)
        return visit->code;
    if (stream->io_failed)
        return err_set_errno(visit->err, EIO, "cannot read %s", origin);
    return translate_error(code, visit->message, origin, visit->err);
}

bool statfile_text(const char *text, struct str *ret, bool *ret_cut)
{
    struct str view = str_of(text);
    while (view.len > 0 && view.ptr[view.len - 1] == ' ')
        view.len--;
    size_t valid = str_utf8_valid_prefix(view);
    *ret_cut = false;
    if (valid < view.len && view.len - valid <= 3) {
        /* A lead byte followed by fewer continuation bytes than it asks for, at the very end. */
        unsigned char lead = (unsigned char)view.ptr[valid];
        size_t needed = lead >= 0xF0 && lead <= 0xF4 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
        bool cut = needed > view.len - valid && lead <= 0xF4;
        for (size_t idx = valid + 1; idx < view.len; idx++)
            cut = cut && ((unsigned char)view.ptr[idx] & 0xC0) == 0x80;
        if (cut) {
            view.len = valid;
            *ret_cut = true;
        }
    }
    *ret = view;
    return valid == view.len;
}
