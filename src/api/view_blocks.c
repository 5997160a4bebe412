/* The input of a pass, as blocks that workers take one after another: parts of NDJSON files cut at line ends, or chunks of a
 * query's result. A block lies in its worker's buffer with the padding that the JSON reader wants.
 *
 *     file   ……………}\n{………}\n{…│…………}\n{……}\n{………………│……}\n        nominal cuts │ every BLOCK_BYTES
 *     block 1 ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓                          up to the line end behind its cut
 *     block 2                          ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   from there on */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/view_pass_priv.h"
#include "json/bulk.h"

#define BLOCK_BYTES ((int64_t)2 << 20)
#define MORE_BYTES ((size_t)64 << 10) /* read at once when looking for a block's last line end */

static bool reserve(struct view_block *block, size_t bytes)
{
    size_t wanted = bytes + JSON_BULK_PADDING;
    if (wanted <= block->cap)
        return true;
    char *larger = mem_resize(block->buffer, wanted + wanted / 4, 1);
    if (larger == NULL)
        return false;
    block->buffer = larger;
    block->cap = wanted + wanted / 4;
    return true;
}

static enum err_code no_memory(struct err *err)
{
    return err_set(err, ERR_MEMORY, "no memory to read resources");
}

/* ---- files ------------------------------------------------------------------------------------- */

static enum err_code open_file(struct view_block *block, const char *path, struct err *err)
{
    if (block->path == path)
        return ERR_OK;
    if (block->fd >= 0)
        close(block->fd);
    block->path = NULL;
    block->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (block->fd < 0)
        return err_set_errno(err, errno, "cannot read %s", path);
    block->path = path;
    return ERR_OK;
}

/* Up to count more bytes of the file; *ret_count less only at its end. */
static enum err_code read_at(struct view_block *block, int64_t offset, size_t filled, size_t count, size_t *ret_count, struct err *err)
{
    *ret_count = 0;
    if (!reserve(block, filled + count))
        return no_memory(err);
    while (*ret_count < count) {
        ssize_t got = pread(block->fd, block->buffer + filled + *ret_count, count - *ret_count, offset + (int64_t)*ret_count);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set_errno(err, errno, "cannot read %s", block->path);
        if (got == 0)
            return ERR_OK;
        *ret_count += (size_t)got;
    }
    return ERR_OK;
}

/* On from filled bytes to the next line end, or the file's. */
static enum err_code read_to_line_end(struct view_block *block, int64_t from, size_t *filled, struct err *err)
{
    for (;;) {
        size_t got;
        TRY(read_at(block, from + (int64_t)*filled, *filled, MORE_BYTES, &got, err));
        const char *end = memchr(block->buffer + *filled, '\n', got);
        *filled = end != NULL ? (size_t)(end - block->buffer) + 1 : *filled + got;
        if (end != NULL || got < MORE_BYTES)
            return ERR_OK;
        if (*filled > (size_t)JSON_BULK_LIMIT_BYTES + (size_t)BLOCK_BYTES)
            return err_set(err, ERR_LIMIT, "a line of more than %lld bytes", (long long)JSON_BULK_LIMIT_BYTES);
    }
}

static enum err_code read_block(struct view_block *block, struct err *err)
{
    int64_t from = block->offset > 0 ? block->offset - 1 : 0; /* is the byte before it a line end? */
    size_t filled, wanted = (size_t)(block->offset - from + BLOCK_BYTES), start = 0;
    block->text = (struct str){NULL, 0};
    TRY(read_at(block, from, 0, wanted, &filled, err));
    if (block->offset > 0) {
        const char *end = memchr(block->buffer, '\n', filled);
        if (end == NULL)
            return ERR_OK; /* amid a line that the block before it has */
        start = (size_t)(end - block->buffer) + 1;
    }
    if (start == wanted)
        return ERR_OK;
    if (filled == wanted && block->buffer[filled - 1] != '\n')
        TRY(read_to_line_end(block, from, &filled, err));
    block->text = (struct str){block->buffer + start, filled - start};
    block->begin = from + (int64_t)start;
    return reserve(block, filled) ? ERR_OK : no_memory(err);
}

/* Lines of the file before the block, so that an error can tell its line in the file. */
static int64_t lines_before(struct view_block *block)
{
    char bytes[16384];
    int64_t lines = 0;
    for (int64_t at = 0; at < block->begin;) {
        size_t most = block->begin - at < (int64_t)sizeof bytes ? (size_t)(block->begin - at) : sizeof bytes;
        ssize_t got = pread(block->fd, bytes, most, at);
        if (got <= 0)
            return 0;
        for (ssize_t idx = 0; idx < got; idx++)
            lines += bytes[idx] == '\n';
        at += got;
    }
    return lines;
}

void view_block_blame(struct view_block *block, struct err *err)
{
    if (block->path != NULL && err->code == ERR_INPUT)
        err_at(err, block->path, err->line > 0 ? lines_before(block) + err->line : 0, 0);
}

/* The next part of a file that is not taken yet; under the lock. */
static enum err_code next_part(struct view_blocks *blocks, const char **ret_path, int64_t *ret_offset, struct err *err)
{
    *ret_path = NULL;
    while (blocks->path_idx < blocks->source->path_count) {
        const char *path = blocks->source->paths[blocks->path_idx];
        struct stat about;
        if (blocks->offset == 0 && stat(path, &about) != 0)
            return err_set_errno(err, errno, "cannot read %s", path);
        if (blocks->offset == 0)
            blocks->size = about.st_size;
        if (blocks->offset < blocks->size) {
            *ret_path = path;
            *ret_offset = blocks->offset;
            blocks->offset += BLOCK_BYTES;
            return ERR_OK;
        }
        blocks->path_idx++;
        blocks->offset = 0;
    }
    return ERR_OK;
}

/* ---- queries ----------------------------------------------------------------------------------- */

/* A chunk's texts copied into the worker's buffer, one after another: what follows a text is its padding. */
static enum err_code copy_texts(struct view_block *block, const struct data_vector *vector, int64_t rows, struct err *err)
{
    size_t bytes = 0;
    block->doc_count = 0;
    for (int64_t row = 0; row < rows; row++)
        bytes += data_vector_is_valid(vector, row) ? vector->text[row].len + 1 : 0;
    if (!reserve(block, bytes))
        return no_memory(err);
    if (block->doc_cap < (size_t)rows) {
        struct str *larger = mem_resize(block->docs, (size_t)rows, sizeof *larger);
        if (larger == NULL)
            return no_memory(err);
        block->docs = larger;
        block->doc_cap = (size_t)rows;
    }
    char *at = block->buffer;
    for (int64_t row = 0; row < rows; row++) {
        struct str text = vector->text[row];
        if (!data_vector_is_valid(vector, row))
            continue;
        if (text.len > 0)
            memcpy(at, text.ptr, text.len);
        block->docs[block->doc_count++] = (struct str){at, text.len};
        at[text.len] = '\n';
        at += text.len + 1;
    }
    memset(at, ' ', JSON_BULK_PADDING);
    block->text = (struct str){block->buffer, bytes};
    return ERR_OK;
}

static enum err_code next_chunk(struct view_blocks *blocks, struct view_block *block, bool *ret_taken, struct err *err)
{
    const struct data_batch *batch;
    TRY(engine_result_next(blocks->result, &batch, err));
    *ret_taken = batch != NULL;
    return batch != NULL ? copy_texts(block, &batch->vectors[0], batch->rows, err) : ERR_OK;
}

/* ---- the door ---------------------------------------------------------------------------------- */

enum err_code view_blocks_open(const struct view_pass_source *source, struct view_blocks *ret, struct err *err)
{
    *ret = (struct view_blocks){.source = source};
    for (size_t idx = 0; idx < source->path_count; idx++) {
        struct stat about;
        if (stat(source->paths[idx], &about) != 0)
            return err_set_errno(err, errno, "cannot read %s", source->paths[idx]);
        ret->total += about.st_size;
    }
    if (source->engine == NULL)
        return ERR_OK;
    TRY(engine_query(source->engine, source->sql, NULL, 0, &ret->result, err));
    const struct data_schema *schema = engine_result_schema(ret->result);
    enum data_kind kind = schema->count == 1 ? schema->columns[0].type.kind : DATA_NULL;
    if (kind == DATA_TEXT || kind == DATA_JSON)
        return ERR_OK;
    return err_set(err, ERR_USAGE, "expected a query of one column of texts, the resources");
}

void view_blocks_close(struct view_blocks *blocks)
{
    engine_result_close(blocks->result);
    blocks->result = NULL;
}

enum err_code view_blocks_next(struct view_blocks *blocks, struct view_block *block, bool *ret_taken, struct err *err)
{
    *ret_taken = false;
    block->doc_count = 0;
    block->part = NULL;
    if (blocks->result != NULL)
        TRY(next_chunk(blocks, block, ret_taken, err));
    else
        TRY(next_part(blocks, &block->part, &block->offset, err));
    *ret_taken = *ret_taken || block->part != NULL;
    if (*ret_taken)
        block->sequence = blocks->sequence++;
    return ERR_OK;
}

enum err_code view_block_read(struct view_block *block, struct err *err)
{
    if (block->part == NULL)
        return ERR_OK;
    TRY(open_file(block, block->part, err));
    return read_block(block, err);
}

void view_block_done(struct view_block *block)
{
    if (block->fd >= 0)
        close(block->fd);
    mem_free(block->buffer);
    mem_free(block->docs);
}
