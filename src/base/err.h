/* Errors: a code returned, a caller-owned struct err filled. Never thread-local, never logged here.
 * A message is one lower-case factual line (expected, found); the hint says what to do; the place is
 * source + line + column or a byte span. No cell value belongs in a message: show a pattern
 * (err_pattern) instead, unless the user asked for values. */
#ifndef MARROW_BASE_ERR_H
#define MARROW_BASE_ERR_H

#include <stddef.h>
#include <stdint.h>

enum err_code {
#define ERR(name, text, exit_status, http_status, meaning) ERR_##name,
#include "base/err.def"
#undef ERR
};

#define ERR_TEXT_BYTES 1024

struct err {
    enum err_code code;
    char message[ERR_TEXT_BYTES]; /* lower-case, one line */
    char detail[ERR_TEXT_BYTES];  /* more, e.g. the engine's own words; may be empty */
    char hint[ERR_TEXT_BYTES];    /* what to do; may be empty */
    char source[ERR_TEXT_BYTES];  /* file, table or document name; may be empty */
    int64_t line;                 /* 1-based; 0 = none */
    int64_t column;               /* 1-based; 0 = none */
};

/* A sink for a caller that wants the code alone. err is never NULL at a door: `return err_hint(err, …)`
 * takes its code from err. (err_set would manage without; the adders return ERR_FAILED for NULL: a net
 * below, not a promise.) */
#define ERR_IGNORED (&(struct err){.code = ERR_OK})

#define WARN_UNUSED __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* Return a failing code to the caller. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum err_code try_code_ = (call);                                                          \
        if (try_code_ != ERR_OK)                                                                   \
            return try_code_;                                                                      \
    } while (0)

/* Fill err and return code, so that `return err_set(...)` is the idiom.
 * Clears detail, hint and place. */
enum err_code err_set(struct err *err, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);
/* As err_set with ERR_IO and strerror(errno_value) appended; ENOSPC, EACCES, ENOENT get their own hints
 * (ENOENT gives ERR_NOT_FOUND). */
enum err_code err_set_errno(struct err *err, int errno_value, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* Add to an error already set; each returns err->code. */
enum err_code err_hint(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);
enum err_code err_detail(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);
/* The detail as two lines: what was read, and ^^^ under the place. marks is of blanks and ^. */
enum err_code err_excerpt(struct err *err, const char *line, const char *marks);
enum err_code err_at(struct err *err, const char *source, int64_t line, int64_t column);
/* Prefix the message: "context: message". */
enum err_code err_context(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

const char *err_code_name(enum err_code code);   /* "not_found" */
int err_code_exit(enum err_code code);           /* CLI exit status */
int err_code_http(enum err_code code);
/* The shape of a cell: letters a/A, digits 9, other bytes kept, non-ASCII '~', at most 24 characters
 * and then "…". Writes a NUL-terminated pattern into ret (cap bytes); returns ret. */
const char *err_pattern(const char *value, size_t length, char *ret, size_t cap);

#endif
