/* The input of a pass, as blocks that workers take one after another: parts of mapped NDJSON files cut at line ends, or chunks of a
 * query's result, copied into the worker's buffer with the padding that the JSON reader wants.
 *
 *     file   ……………}\n{………}\n{…│…………}\n{……}\n{………………│……}\n        nominal cuts │ every BLOCK_BYTES
 *     block 1 ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓                          up to the line end behind its cut
 *     block 2                          ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓   from there on */
#include <string.h>

#include "api/view_pass_priv.h"
#include "json/bulk.h"

#define BLOCK_BYTES ((int64_t)1 << 20)

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

/* A file that blocks are taken of, mapped as long as they are read. */
struct view_file {
    struct view_file *next;
    struct file_mapping mapping;
    size_t blocks; /* that are not done */
    bool ended;
    bool *open; /* by block: begun and not done */
};

static const char *line_end(const char *at, const char *end)
{
    const char *found = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    return found != NULL ? found + 1 : end;
}

/* The lines that begin within the nominal block. */
static struct str block_text(const struct view_block *block)
{
    const struct file_mapping *mapping = &block->file->mapping;
    const char *end = mapping->ptr + mapping->length, *from = mapping->ptr + block->offset;
    const char *cut = (size_t)(end - from) > BLOCK_BYTES ? from + BLOCK_BYTES : end;
    if (block->offset > 0)
        from = line_end(from - 1, cut);
    return (struct str){from, from < cut ? (size_t)(line_end(cut - 1, end) - from) : 0};
}

/* Lines of the file before the block, so that an error can tell its line in the file. */
static int64_t lines_before(const struct view_block *block)
{
    const char *at = block->file->mapping.ptr;
    int64_t lines = 0;
    while (at < block->text.ptr && (at = memchr(at, '\n', (size_t)(block->text.ptr - at))) != NULL) {
        lines++;
        at++;
    }
    return lines;
}

void view_block_blame(struct view_block *block, struct err *err)
{
    if (block->file != NULL && (err->code == ERR_INPUT || err->line > 0))
        err_at(err, block->file->mapping.path, err->line > 0 ? lines_before(block) + err->line : 0, 0);
}

static enum err_code open_file(struct view_blocks *blocks, const char *path, struct err *err)
{
    struct view_file *file = mem_zalloc(1, sizeof *file);
    if (file == NULL)
        return no_memory(err);
    enum err_code code = file_map(path, NULL, &file->mapping, err);
    if (code == ERR_OK)
        file->open = mem_zalloc(file->mapping.length / BLOCK_BYTES + 1, sizeof *file->open);
    if (code == ERR_OK && file->open == NULL)
        code = file_unmap(&file->mapping, no_memory(err), err);
    if (code != ERR_OK) {
        mem_free(file);
        return code;
    }
    file->next = blocks->files;
    blocks->files = file;
    blocks->offset = 0;
    return ERR_OK;
}

static enum err_code close_file(struct view_blocks *blocks, struct view_file *file, enum err_code code, struct err *err)
{
    struct view_file **link = &blocks->files;
    while (*link != file)
        link = &(*link)->next;
    *link = file->next;
    code = file_unmap(&file->mapping, code, err);
    mem_free(file->open);
    mem_free(file);
    return code;
}

static enum err_code file_ended(struct view_blocks *blocks, struct view_file *file, struct err *err)
{
    return file->ended && file->blocks == 0 ? close_file(blocks, file, ERR_OK, err) : ERR_OK;
}

/* The next part of a file that is not taken yet; under the lock. */
static enum err_code next_part(struct view_blocks *blocks, struct view_block *block, struct err *err)
{
    while (blocks->path_idx < blocks->source->path_count) {
        if (blocks->offset < 0)
            TRY(open_file(blocks, blocks->source->paths[blocks->path_idx], err));
        struct view_file *file = blocks->files;
        if ((size_t)blocks->offset < file->mapping.length) {
            block->file = file;
            block->offset = blocks->offset;
            file->open[blocks->offset / BLOCK_BYTES] = true;
            file->blocks++;
            blocks->offset += BLOCK_BYTES;
            return ERR_OK;
        }
        file->ended = true;
        blocks->path_idx++;
        blocks->offset = -1;
        TRY(file_ended(blocks, file, err));
    }
    return ERR_OK;
}

/* What lies before the first open block. */
static void let_go(struct view_file *file, int64_t taken)
{
    int64_t done = 0;
    while (done < taken && !file->open[done / BLOCK_BYTES])
        done += BLOCK_BYTES;
    file_let_go(&file->mapping, file->mapping.ptr + done);
}

enum err_code view_block_end(struct view_blocks *blocks, struct view_block *block, struct err *err)
{
    struct view_file *file = block->file;
    if (file == NULL)
        return ERR_OK;
    block->file = NULL;
    enum err_code code = file_mapping_check(&file->mapping, err);
    file->open[block->offset / BLOCK_BYTES] = false;
    file->blocks--;
    if (file == blocks->files && !file->ended)
        let_go(file, blocks->offset);
    return code == ERR_OK ? file_ended(blocks, file, err) : code;
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
    *ret = (struct view_blocks){.source = source, .offset = -1};
    for (size_t idx = 0; idx < source->path_count; idx++) {
        struct file_info info;
        TRY(file_stat(source->paths[idx], &info, err));
        if (info.kind == FILE_MISSING)
            return err_set(err, ERR_NOT_FOUND, "no file '%s'", source->paths[idx]);
        ret->total += info.bytes;
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

enum err_code view_blocks_close(struct view_blocks *blocks, enum err_code code, struct err *err)
{
    engine_result_close(blocks->result);
    blocks->result = NULL;
    while (blocks->files != NULL)
        code = close_file(blocks, blocks->files, code, err);
    return code;
}

enum err_code view_blocks_next(struct view_blocks *blocks, struct view_block *block, bool *ret_taken, struct err *err)
{
    *ret_taken = false;
    block->doc_count = 0;
    block->file = NULL;
    if (blocks->result != NULL)
        TRY(next_chunk(blocks, block, ret_taken, err));
    else
        TRY(next_part(blocks, block, err));
    *ret_taken = *ret_taken || block->file != NULL;
    if (*ret_taken)
        block->sequence = blocks->sequence++;
    return ERR_OK;
}

void view_block_read(struct view_block *block)
{
    if (block->file != NULL)
        block->text = block_text(block);
}

void view_block_done(struct view_block *block)
{
    mem_free(block->buffer);
    mem_free(block->docs);
}
