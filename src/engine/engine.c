/* The door: which engine a URL means, and each call handed to its driver. */
#include "engine/driver.h"

#include <stdio.h>
#include <string.h>

/* ---- the table of engines -----------------------------------------------------------------------
 */

extern const struct engine_driver engine_driver_duckdb;
extern const struct engine_driver engine_driver_postgres;
extern const struct engine_driver engine_driver_trino;
extern const struct engine_driver engine_driver_adbc;
const struct engine_driver *const ENGINES[] = {
    &engine_driver_duckdb,
    &engine_driver_postgres,
    &engine_driver_trino,
    &engine_driver_adbc,
    NULL,
};

/* Is scheme one of the blank-separated words? */
static bool has_word(const char *words, struct str scheme)
{
    while (*words != '\0') {
        size_t length = strcspn(words, " ");
        if (str_equal_nocase((struct str){words, length}, scheme))
            return true;
        words += length + (words[length] == ' ');
    }
    return false;
}

static enum err_code driver_of(const char *url, const struct engine_driver **ret, struct err *err)
{
    *ret = ENGINES[0];
    if (url == NULL || url[0] == '\0')
        return ERR_OK;
    struct str scheme = {url, strcspn(url, ":")};
    for (size_t idx = 0; ENGINES[idx] != NULL; idx++)
        if (has_word(ENGINES[idx]->schemes, scheme)) {
            *ret = ENGINES[idx];
            return ERR_OK;
        }
    /* no more of the URL than its scheme: a password may be in it */
    err_set(err, ERR_USAGE, "no engine is called %.*s", (int)(scheme.len < 40 ? scheme.len : 40),
            scheme.ptr);
    return err_hint(err, "'marrow engines' lists the engines and how their URLs look");
}

bool engine_about(size_t idx, struct engine_about *ret)
{
    for (size_t i = 0; i <= idx; i++)
        if (ENGINES[i] == NULL)
            return false;
    const struct engine_driver *driver = ENGINES[idx];
    *ret = (struct engine_about){driver->name, driver->schemes, driver->dialect,
                                 driver->what, driver->example, driver->abilities};
    return true;
}

enum err_code engine_load(size_t idx, struct err *err)
{
    struct engine_about about;
    if (!engine_about(idx, &about))
        return err_set(err, ERR_NOT_FOUND, "there is no engine %zu", idx);
    return ENGINES[idx]->load(err);
}

/* ---- engines ------------------------------------------------------------------------------------
 */

enum err_code engine_open(const struct engine_options *options, struct engine **ret,
                          struct err *err)
{
    static const struct engine_options none;
    const struct engine_options *given = options != NULL ? options : &none;
    const struct engine_driver *driver = NULL;
    *ret = NULL;
    TRY(driver_of(given->url, &driver, err));
    TRY(driver->open(given, ret, err));
    if ((*ret)->driver == NULL) /* one that learns what it can do has set its own */
        (*ret)->driver = driver;
    engine_set_progress(*ret, given->progress, NULL, NULL);
    return ERR_OK;
}

void engine_close(struct engine *engine)
{
    if (engine != NULL)
        engine->driver->close(engine);
}

bool engine_can(const struct engine *engine, enum engine_ability ability)
{
    return (engine->driver->abilities & (uint32_t)ability) != 0;
}
const char *engine_name(const struct engine *engine)
{
    return engine->driver->name;
}
const char *engine_version(const struct engine *engine)
{
    return engine->driver->version(engine);
}
const char *engine_dialect(const struct engine *engine)
{
    return engine->driver->dialect;
}
void engine_interrupt(struct engine *engine)
{
    engine->driver->interrupt(engine);
}

void engine_set_progress(struct engine *engine, const struct progress *progress, const char *phase,
                         const char *subject)
{
    engine->progress = progress;
    engine->phase = phase;
    engine->subject = subject;
}
void engine_set_time_limit(struct engine *engine, int64_t limit_ms)
{
    engine->time_limit_ms = limit_ms > 0 ? limit_ms : 0;
}

/* ---- statements and results ---------------------------------------------------------------------
 */

enum err_code engine_execute(struct engine *engine, const char *sql,
                             const struct engine_value *values, size_t value_count, struct err *err)
{
    return engine->driver->execute(engine, sql, values, value_count, err);
}

enum err_code engine_executef(struct engine *engine, struct err *err, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *sql = length < 0 ? NULL : mem_alloc((size_t)length + 1);
    if (sql != NULL)
        vsnprintf(sql, (size_t)length + 1, format, again);
    va_end(again);
    if (sql == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a statement");
    enum err_code code = engine_execute(engine, sql, NULL, 0, err);
    mem_free(sql);
    return code;
}

enum err_code engine_query(struct engine *engine, const char *sql,
                           const struct engine_value *values, size_t value_count,
                           struct engine_result **ret, struct err *err)
{
    *ret = NULL;
    TRY(engine->driver->query(engine, sql, values, value_count, ret, err));
    (*ret)->engine = engine;
    return ERR_OK;
}

enum err_code engine_query_substrait(struct engine *engine, struct str plan,
                                     struct engine_result **ret, struct err *err)
{
    *ret = NULL;
    if (!engine_can(engine, ENGINE_TAKES_SUBSTRAIT) || engine->driver->query_substrait == NULL)
        return err_set(err, ERR_UNSUPPORTED, "%s takes no plan in Substrait", engine_name(engine));
    TRY(engine->driver->query_substrait(engine, plan, ret, err));
    (*ret)->engine = engine;
    return ERR_OK;
}

const struct data_schema *engine_result_schema(const struct engine_result *result)
{
    return &result->schema;
}

enum err_code engine_result_next(struct engine_result *result, const struct data_batch **ret,
                                 struct err *err)
{
    *ret = NULL;
    return result->engine->driver->result_next(result, ret, err);
}

void engine_result_close(struct engine_result *result)
{
    if (result == NULL)
        return;
    data_schema_done(&result->schema);
    result->engine->driver->result_close(result);
}

/* ---- appending ----------------------------------------------------------------------------------
 */

enum err_code engine_append_open(struct engine *engine, const char *schema_name, const char *table,
                                 struct engine_appender **ret, struct err *err)
{
    *ret = NULL;
    if (!engine_can(engine, ENGINE_CAN_APPEND))
        return err_set(err, ERR_UNSUPPORTED, "rows cannot be appended through %s",
                       engine_name(engine));
    TRY(engine->driver->append_open(engine, schema_name, table, ret, err));
    (*ret)->engine = engine;
    return ERR_OK;
}
enum err_code engine_append_batch(struct engine_appender *appender, const struct data_batch *batch,
                                  struct err *err)
{
    return appender->engine->driver->append_batch(appender, batch, err);
}
enum err_code engine_append_close(struct engine_appender *appender, struct err *err)
{
    return appender->engine->driver->append_close(appender, err);
}
void engine_append_abort(struct engine_appender *appender)
{
    if (appender != NULL)
        appender->engine->driver->append_abort(appender);
}

enum err_code engine_fill(struct engine *engine, const struct engine_fill_table *tables,
                          size_t count, const struct engine_fill_work *work, struct err *err)
{
    if (engine->driver->fill == NULL)
        return err_set(err, ERR_UNSUPPORTED, "tables are not filled in one pass through %s",
                       engine_name(engine));
    return engine->driver->fill(engine, tables, count, work, err);
}

/* ---- tables of files ----------------------------------------------------------------------------
 */

bool engine_shared_folder(const struct engine *engine, const char **ret_path,
                          const char **ret_location)
{
    *ret_path = *ret_location = NULL;
    return engine->driver->shared_folder != NULL &&
           engine->driver->shared_folder(engine, ret_path, ret_location);
}

enum err_code engine_create_external(struct engine *engine, const char *schema_name,
                                     const char *table, const struct engine_external *external,
                                     struct err *err)
{
    if (engine->driver->create_external == NULL)
        return err_set(err, ERR_UNSUPPORTED, "files cannot be made a table of %s",
                       engine_name(engine));
    return engine->driver->create_external(engine, schema_name, table, external, err);
}
