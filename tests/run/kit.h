/* Helpers of the tests of run, mart and api: a directory of their own, CSV files in it, and SQL over Parquet files by a plain engine. Header-only. */
#ifndef TESTS_RUN_KIT_H
#define TESTS_RUN_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "engine/engine.h"

#ifndef MUST /* tests/profile/support.h has it too */
#define MUST(call)                                                                                                \
    do {                                                                                                          \
        struct err *must_err_ = &err;                                                                             \
        if ((call) != ERR_OK)                                                                                     \
            fail_msg("%s:%d: %s (%s) %s", __FILE__, __LINE__, must_err_->message, must_err_->detail, must_err_->source); \
    } while (0)
#endif
#define REFUSED(expected, call)                                                                       \
    do {                                                                                              \
        enum err_code code_ = (call);                                                                 \
        if (code_ != (expected))                                                                      \
            fail_msg("%s:%d: %s: %s", __FILE__, __LINE__, err_code_name(code_), err.message); \
    } while (0)

static inline void kit_directory(const char *name, char ret[FILE_PATH_BYTES])
{
    struct err err = {0};
    const char *parent = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";
    MUST(file_make_staging(parent, name, ret, &err));
}

static inline const char *kit_path(const char *directory, const char *leaf)
{
    static char paths[8][FILE_PATH_BYTES];
    static int next;
    struct err err = {0};
    next = (next + 1) % 8;
    MUST(file_path_join(directory, leaf, paths[next], &err));
    return paths[next];
}

static inline void kit_write(const char *directory, const char *leaf, const char *text)
{
    struct err err = {0};
    const char *path = kit_path(directory, leaf);
    MUST(file_remove(path, &err));
    MUST(file_write_new(path, str_of(text), &err));
}

/* One value of a plain engine, as text. */
static inline const char *kit_sql(const char *sql)
{
    static char answers[8][400];
    static int next;
    struct err err = {0};
    AUTO(engine_close) struct engine *engine = NULL;
    AUTO(buf_done) struct buf text = BUF_INIT;
    struct engine_options options = {.threads = 2};
    next = (next + 1) % 8;
    MUST(engine_open(&options, &engine, &err));
    MUST(engine_query_text(engine, sql, &text, &err));
    snprintf(answers[next], sizeof answers[next], "%s", buf_text(&text));
    return answers[next];
}

static inline bool kit_contains(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

#endif
