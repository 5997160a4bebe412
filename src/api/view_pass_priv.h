/* Between view_pass.c (threads, where rows go) and view_blocks.c (where resources come from). */
#ifndef MARROW_API_VIEW_PASS_PRIV_H
#define MARROW_API_VIEW_PASS_PRIV_H

#include "api/view_pass.h"
#include "base/mapping.h"

/* A worker's block; its buffers are used again. Start with zeros. */
struct view_file;
struct view_block {
    int64_t sequence; /* 0, 1, 2 … in the order of the input */
    struct str text;  /* lines, with padding behind */
    struct str *docs; /* or single resources in text */
    size_t doc_count, doc_cap;
    char *buffer;
    size_t cap;
    struct view_file *file; /* NULL: of a query */
    int64_t offset;         /* of the nominal cut, in the file */
};
struct view_blocks {
    const struct view_pass_source *source;
    int64_t sequence, total; /* total: bytes of all files; 0: not known */
    size_t path_idx;
    int64_t offset;          /* in the current file; -1: it is not open yet */
    struct view_file *files; /* that are mapped, the current one first */
    struct engine_result *result;
};
enum err_code view_blocks_open(const struct view_pass_source *source, struct view_blocks *ret, struct err *err) WARN_UNUSED;
/* Gives code, what came of the pass; where a file changed meanwhile, ERR_INPUT instead. */
enum err_code view_blocks_close(struct view_blocks *blocks, enum err_code code, struct err *err) WARN_UNUSED;
/* Take the next block: one worker at a time. *ret_taken false: there is no more. */
enum err_code view_blocks_next(struct view_blocks *blocks, struct view_block *block, bool *ret_taken, struct err *err) WARN_UNUSED;
/* Look at what was taken, for text: all workers at once. */
void view_block_read(struct view_block *block);
/* The block is evaluated: one worker at a time. ERR_INPUT: the file was cut. */
enum err_code view_block_end(struct view_blocks *blocks, struct view_block *block, struct err *err) WARN_UNUSED;
/* File and line of an error in the block. */
void view_block_blame(struct view_block *block, struct err *err);
void view_block_done(struct view_block *block);

#endif
