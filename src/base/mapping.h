/* A file as memory, never read whole. Another process may cut it meanwhile: what is gone then reads as zeros, and file_unmap says
 * that the file changed. */
#ifndef MARROW_BASE_MAPPING_H
#define MARROW_BASE_MAPPING_H

#include "base/file.h"

#define FILE_MAPPINGS_MOST 64 /* at a time, in a process */
#define FILE_MAPPING_PADDING 64 /* bytes behind the file's that may be read too */
struct file_mapping {
    char *ptr; /* NULL: empty */
    size_t length;
    size_t passed; /* bytes let go of */
    const char *path; /* borrowed; NULL: not mapped */
    struct file_info info; /* when it was mapped */
    int guard;
};
/* before: what the file was when an earlier pass read it; NULL or of kind FILE_MISSING: not known. ERR_INPUT where it has changed since;
 * ERR_LIMIT: FILE_MAPPINGS_MOST are mapped. */
enum err_code file_map(const char *path, const struct file_info *before, struct file_mapping *ret, struct err *err) WARN_UNUSED;
/* Ends the mapping. Gives code, what came of the work; where the file changed meanwhile, ERR_INPUT instead. */
enum err_code file_unmap(struct file_mapping *mapping, enum err_code code, struct err *err) WARN_UNUSED;
/* Has something been read that is gone? ERR_INPUT. Any thread. */
enum err_code file_mapping_check(const struct file_mapping *mapping, struct err *err) WARN_UNUSED;
#define FILE_LET_GO_BYTES ((size_t)16 << 20)
/* Reading has come to at: the pages before it need not stay in memory. They can still be read. NULL is accepted. One thread at a time. */
void file_let_go(struct file_mapping *mapping, const char *at);

#endif
