/* The driver: engine.h's calls in terms of pages. A result holds one page; a batch is a slice of
 * it. Statements of a list run one after another, each to its end. */
#include <string.h>

#include "base/clock.h"
#include "engine/trino/trino_priv.h"

struct trino_result {
    struct engine_result base;
    struct trino_page page;
    struct arena *columns_arena, *rows_arena;
    struct trino_column *columns; /* NULL: not known yet */
    int64_t row;                  /* next of the page */
    int64_t deadline_us;
    bool ended; /* by another statement */
};

static void trino_close(struct engine *engine)
{
    struct trino *trino = (struct trino *)engine;
    if (trino == NULL)
        return;
    net_client_close(trino->client);
    buf_done(&trino->session);
    mem_free(trino->catalog);
    mem_free(trino->schema);
    arena_free(trino->arena);
    mem_free(trino);
}

static enum err_code trino_open(const struct engine_options *options, struct engine **ret,
                                struct err *err)
{
    struct trino *trino = mem_zalloc(1, sizeof *trino);
    if (trino == NULL)
        return err_set(err, ERR_MEMORY, "no memory for an engine");
    trino->base.progress = options->progress;
    enum err_code code = trino_connect(trino, options->url, err);
    if (code != ERR_OK) {
        trino_close(&trino->base);
        return code;
    }
    *ret = &trino->base;
    return ERR_OK;
}

static const char *trino_version(const struct engine *engine)
{
    return ((const struct trino *)engine)->version;
}

static void trino_interrupt(struct engine *engine)
{
    atomic_store(&((struct trino *)engine)->interrupted, true);
}

static bool trino_shared_folder(const struct engine *engine, const char **ret_path,
                                const char **ret_location)
{
    const struct trino *trino = (const struct trino *)engine;
    *ret_path = trino->files;
    *ret_location = trino->location;
    return trino->files != NULL;
}

/* ---- statements ---------------------------------------------------------------------------------
 */

static enum err_code begin(struct trino *trino, struct str sql, const struct engine_value *values,
                           size_t count, struct trino_page *ret, struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf text = BUF_INIT;
    TRY(trino_bind(sql, values, count, &text, err));
    return trino_start(trino, buf_view(&text), ret, err);
}

/* Before a statement: the open result ends, the clock starts. */
static void prepare(struct trino *trino)
{
    if (trino->open != NULL) {
        trino->open->ended = true;
        trino_cancel(trino, &trino->open->page);
        trino_page_done(&trino->open->page);
        trino->open = NULL;
    }
    int64_t limit_ms = trino->base.time_limit_ms;
    atomic_store(&trino->interrupted, false);
    trino->timed_out = false;
    trino->deadline_us = limit_ms > 0 ? clock_monotonic_us() + limit_ms * 1000 : 0;
}

static enum err_code run_one(struct trino *trino, struct str sql, const struct engine_value *values,
                             size_t count, struct err *err)
{
    struct trino_page page = {0};
    enum err_code code = begin(trino, sql, values, count, &page, err);
    while (code == ERR_OK && page.next != NULL)
        code = trino_next(trino, &page, err);
    trino_page_done(&page);
    return code;
}

static enum err_code trino_execute(struct engine *engine, const char *sql,
                                   const struct engine_value *values, size_t count, struct err *err)
{
    struct trino *trino = (struct trino *)engine;
    struct str rest = str_of(sql), one, other;
    prepare(trino);
    while (trino_next_statement(&rest, &one)) {
        struct str after = rest;
        if (count > 0 && trino_next_statement(&after, &other))
            return err_set(err, ERR_USAGE, "parameters are given to more than one statement");
        TRY(run_one(trino, one, values, count, err));
    }
    return ERR_OK;
}

/* ---- results ------------------------------------------------------------------------------------
 */

static void trino_result_close(struct engine_result *base)
{
    struct trino_result *result = (struct trino_result *)base;
    struct trino *trino = (struct trino *)base->engine;
    trino_cancel(trino, &result->page);
    if (trino->open == result)
        trino->open = NULL;
    trino_page_done(&result->page);
    arena_free(result->columns_arena);
    arena_free(result->rows_arena);
    mem_free(result);
}

/* The page that follows; the end or a failure leaves a page without next. */
static enum err_code turn_page(struct trino_result *result, struct err *err)
{
    struct trino *trino = (struct trino *)result->base.engine;
    trino->deadline_us = result->deadline_us;
    result->row = 0;
    enum err_code code = trino_next(trino, &result->page, err);
    if (code != ERR_OK)
        trino_page_done(&result->page);
    return code;
}

static enum err_code find_columns(struct trino_result *result, struct err *err)
{
    while (result->page.columns == NULL && result->page.next != NULL)
        TRY(turn_page(result, err));
    if (result->page.columns == NULL)
        return ERR_OK; /* a statement without a result */
    return trino_page_schema(&result->page, result->columns_arena, &result->base.schema,
                             &result->columns, err);
}

static enum err_code trino_query(struct engine *engine, const char *sql,
                                 const struct engine_value *values, size_t count,
                                 struct engine_result **ret, struct err *err)
{
    struct trino *trino = (struct trino *)engine;
    struct str rest = str_of(sql), one = {0}, other;
    if (!trino_next_statement(&rest, &one))
        return err_set(err, ERR_ENGINE, "the statement is empty");
    if (trino_next_statement(&rest, &other))
        return err_set(err, ERR_USAGE, "one statement is expected, not several");
    struct trino_result *result = mem_zalloc(1, sizeof *result);
    if (result == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a result");
    prepare(trino);
    result->base.engine = engine;
    result->deadline_us = trino->deadline_us;
    result->columns_arena = arena_new(0);
    result->rows_arena = arena_new(0);
    enum err_code code = ERR_OK;
    if (result->columns_arena == NULL || result->rows_arena == NULL)
        code = err_set(err, ERR_MEMORY, "no memory for a result");
    if (code == ERR_OK)
        code = begin(trino, one, values, count, &result->page, err);
    if (code == ERR_OK)
        code = find_columns(result, err);
    if (code != ERR_OK) {
        data_schema_done(&result->base.schema);
        trino_result_close(&result->base);
        return code;
    }
    trino->open = result;
    *ret = &result->base;
    return ERR_OK;
}

static enum err_code trino_result_next(struct engine_result *base, const struct data_batch **ret,
                                       struct err *err)
{
    struct trino_result *result = (struct trino_result *)base;
    *ret = NULL;
    if (result->ended)
        return err_set(err, ERR_USAGE,
                       "another statement ran on the engine while this result was open");
    arena_reset(result->rows_arena);
    while (result->row >= (int64_t)json_array_size(result->page.rows)) {
        if (result->page.next == NULL)
            return ERR_OK;
        TRY(turn_page(result, err));
    }
    int64_t rows = (int64_t)json_array_size(result->page.rows) - result->row;
    rows = rows < DATA_BATCH_ROWS ? rows : DATA_BATCH_ROWS;
    if (result->columns == NULL)
        return err_set(err, ERR_ENGINE, "the server sent rows without columns");
    TRY(trino_page_batch(&result->page, &base->schema, result->columns, result->row, rows,
                         result->rows_arena, ret, err));
    result->row += rows;
    return ERR_OK;
}

extern const struct engine_driver engine_driver_trino;
const struct engine_driver engine_driver_trino = {
    .name = "trino",
    .schemes = "trino",
    .dialect = "trino",
    .abilities = 0,
    .what = "Trino 418 and later, over its REST protocol",
    .example = "trino://user@localhost:8080/hive/default",
    .load = net_load,
    .open = trino_open,
    .close = trino_close,
    .version = trino_version,
    .interrupt = trino_interrupt,
    .execute = trino_execute,
    .query = trino_query,
    .result_next = trino_result_next,
    .result_close = trino_result_close,
    .shared_folder = trino_shared_folder,
    .create_external = trino_create_external,
};
