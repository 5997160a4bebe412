/* Helpers shared by the engine's tests. */
#ifndef TESTS_ENGINE_TEST_H
#define TESTS_ENGINE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/engine.h"

static inline void check_ok(enum err_code code, const struct err *err)
{
    if (code != ERR_OK)
        fail_msg("%s: %s / %s / %s", err_code_name(code), err->message, err->detail, err->hint);
}
#define OK(call) check_ok((call), &err)

static inline struct engine *open_engine(int64_t threads)
{
    struct err err = {0};
    struct engine *engine = NULL;
    OK(engine_open(&(struct engine_options){.threads = threads}, &engine, &err));
    return engine;
}

/* The single value of a query as text; "NULL" for null. In a static ring of buffers. */
static inline const char *ask(struct engine *engine, const char *sql)
{
    static struct buf ring[8];
    static int next;
    struct buf *text = &ring[next++ % 8];
    struct err err = {0};
    struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    buf_clear(text);
    OK(engine_query(engine, sql, NULL, 0, &result, &err));
    OK(engine_result_next(result, &batch, &err));
    assert_non_null(batch);
    if (!data_value_text(&batch->vectors[0], 0, text))
        buf_puts(text, "NULL");
    engine_result_close(result);
    return buf_text(text);
}

#endif
