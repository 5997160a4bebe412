/* The driver: a library is loaded, its table filled (1.1.0, else 1.0.0) and looked through; then a
 * database with the URL's options and one connection. What the table lacks, the engine lacks. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/library.h"
#include "engine/adbc/adbc_priv.h"

typedef uint8_t adbc_init(int version, void *driver, struct AdbcError *error);

/* ADBC's own engine asks for no library before a URL names one. */
static enum err_code adbc_load(struct err *err)
{
    (void)err;
    return ERR_OK;
}

static void adbc_close(struct engine *engine)
{
    struct adbc *adbc = (struct adbc *)engine;
    struct AdbcError error = adbc_error_new();
    if (adbc == NULL)
        return;
    adbc_result_end(adbc);
    adbc_watch_close(adbc);
    if (adbc->connection.private_data != NULL)
        (void)adbc->table.ConnectionRelease(&adbc->connection, &error);
    if (adbc->database.private_data != NULL)
        (void)adbc->table.DatabaseRelease(&adbc->database, &error);
    if (adbc->table.release != NULL)
        (void)adbc->table.release(&adbc->table, &error);
    if (error.release != NULL)
        error.release(&error);
    arena_free(adbc->arena);
    mem_free(adbc);
}

/* ---- the table ----------------------------------------------------------------------------------
 */

static enum err_code find_init(struct adbc *adbc, adbc_init **ret, struct err *err)
{
    const char *path = adbc->url.path, *names[2] = {adbc->url.entry_point, NULL};
    if (path[0] == '/' && access(path, R_OK) != 0) {
        err_set(err, ERR_NOT_FOUND, "the ADBC driver %s cannot be read", path);
        return err_hint(err, "give the path of the driver's shared library");
    }
    if (names[0] == NULL) {
        names[0] = adbc_url_entry_point(path, adbc->arena);
        names[1] = "AdbcDriverInit";
    }
    if (arena_failed(adbc->arena))
        return err_set(err, ERR_MEMORY, "no memory for an engine");
    enum err_code code = ERR_OK;
    for (size_t idx = 0; idx < 2 && names[idx] != NULL; idx++) {
        struct library_function function = {names[idx], 0, false};
        struct library library = {
            .file = path,
            .remedy = "the URL's entrypoint=NAME names the driver's init function, where it is not "
                      "AdbcDriverInit; the library must be an ADBC driver",
            .functions = &function,
            .function_count = 1,
            .table = ret,
        };
        code = library_load(&library, err);
        if (code == ERR_OK)
            return code;
    }
    return code;
}

static const char *missing_slot(const struct AdbcDriver *table)
{
    if (table->DatabaseNew == NULL || table->DatabaseInit == NULL || table->DatabaseRelease == NULL)
        return "databases";
    if (table->ConnectionNew == NULL || table->ConnectionInit == NULL ||
        table->ConnectionRelease == NULL)
        return "connections";
    if (table->StatementNew == NULL || table->StatementRelease == NULL ||
        table->StatementSetSqlQuery == NULL || table->StatementExecuteQuery == NULL)
        return "statements of SQL";
    return NULL;
}

static enum err_code fill_table(struct adbc *adbc, struct err *err)
{
    static const int versions[] = {ADBC_VERSION_1_1_0, ADBC_VERSION_1_0_0};
    adbc_init *init = NULL;
    TRY(find_init(adbc, &init, err));
    struct AdbcError error = adbc_error_new();
    uint8_t status = ADBC_STATUS_UNKNOWN;
    for (size_t idx = 0; idx < 2 && status != ADBC_STATUS_OK; idx++) {
        if (error.release != NULL)
            error.release(&error);
        error = adbc_error_new();
        adbc->table = (struct AdbcDriver){0};
        status = init(versions[idx], &adbc->table, &error);
        if (versions[idx] < ADBC_VERSION_1_1_0) /* what it left in the newer slots is nothing */
            memset((char *)&adbc->table + offsetof(struct AdbcDriver, ErrorGetDetailCount), 0,
                   sizeof adbc->table - offsetof(struct AdbcDriver, ErrorGetDetailCount));
    }
    if (status != ADBC_STATUS_OK) {
        adbc->table = (struct AdbcDriver){0};
        adbc_fail(adbc, status, &error, err);
        return err_context(err, "the ADBC driver did not start");
    }
    const char *missing = missing_slot(&adbc->table);
    return missing == NULL ? ERR_OK : adbc_lacks(missing, err);
}

/* What this library's table and dialect give. */
static void declare(struct adbc *adbc)
{
    static const struct {
        const char *dialect;
        uint32_t abilities;
    } dialects[] = {
        {"duckdb", ENGINE_HAS_TRANSACTIONS | ENGINE_HAS_TIMESTAMPTZ | ENGINE_HAS_QUANTILE |
                       ENGINE_READS_FILES},
        {"postgresql", ENGINE_HAS_TRANSACTIONS | ENGINE_HAS_TIMESTAMPTZ | ENGINE_HAS_QUANTILE},
        {"datafusion", ENGINE_HAS_TIMESTAMPTZ | ENGINE_IS_LOCAL},
        {"trino", 0},
    };
    adbc->self = engine_driver_adbc;
    adbc->self.dialect = adbc->url.dialect;
    adbc->self.abilities = 0;
    for (size_t idx = 0; idx < sizeof dialects / sizeof *dialects; idx++)
        if (strcmp(dialects[idx].dialect, adbc->url.dialect) == 0)
            adbc->self.abilities = dialects[idx].abilities;
    if (adbc->table.StatementBind != NULL || adbc->table.StatementBindStream != NULL)
        adbc->self.abilities |= ENGINE_CAN_BIND;
    if (adbc->table.StatementBindStream != NULL && adbc->table.StatementSetOption != NULL)
        adbc->self.abilities |= ENGINE_CAN_APPEND;
    if (adbc->table.StatementSetSubstraitPlan != NULL && adbc->url.takes_substrait)
        adbc->self.abilities |= ENGINE_TAKES_SUBSTRAIT;
    adbc->zero_bytes_refused = strcmp(adbc->url.dialect, "postgresql") == 0;
    adbc->base.driver = &adbc->self;
}

/* ---- connecting ---------------------------------------------------------------------------------
 */

static enum err_code make_database(struct adbc *adbc, struct err *err)
{
    struct AdbcError error = adbc_error_new();
    uint8_t status = adbc->table.DatabaseNew(&adbc->database, &error);
    if (adbc->url.option_count > 0 && adbc->table.DatabaseSetOption == NULL)
        return adbc_lacks("options of a database", err);
    for (size_t idx = 0; status == ADBC_STATUS_OK && idx < adbc->url.option_count; idx++) {
        const struct adbc_option *option = &adbc->url.options[idx];
        status =
            adbc->table.DatabaseSetOption(&adbc->database, option->name, option->value, &error);
        if (status != ADBC_STATUS_OK) {
            adbc_fail(adbc, status, &error, err);
            return err_context(err, "the option %s", option->name);
        }
    }
    if (status == ADBC_STATUS_OK)
        status = adbc->table.DatabaseInit(&adbc->database, &error);
    return status == ADBC_STATUS_OK ? ERR_OK : adbc_fail(adbc, status, &error, err);
}

/* Read-only by the driver's option, or by the dialect; refused where neither is there. */
static enum err_code make_read_only(struct adbc *adbc, struct err *err)
{
    struct AdbcError error = adbc_error_new();
    if (strcmp(adbc->url.dialect, "postgresql") == 0)
        return adbc_execute(&adbc->base, "SET default_transaction_read_only = on", NULL, 0, err);
    if (engine_can(&adbc->base, ENGINE_IS_LOCAL)) /* what it changes is gone with it */
        return ERR_OK;
    uint8_t status = ADBC_STATUS_NOT_IMPLEMENTED;
    if (adbc->table.ConnectionSetOption != NULL)
        status = adbc->table.ConnectionSetOption(&adbc->connection,
                                                 ADBC_CONNECTION_OPTION_READ_ONLY, "true", &error);
    if (error.release != NULL)
        error.release(&error);
    return status == ADBC_STATUS_OK ? ERR_OK : adbc_lacks("a read-only connection", err);
}

static enum err_code make_connection(struct adbc *adbc, struct err *err)
{
    struct AdbcError error = adbc_error_new();
    uint8_t status = adbc->table.ConnectionNew(&adbc->connection, &error);
    if (status == ADBC_STATUS_OK)
        status = adbc->table.ConnectionInit(&adbc->connection, &adbc->database, &error);
    return status == ADBC_STATUS_OK ? ERR_OK : adbc_fail(adbc, status, &error, err);
}

static void learn_version(struct adbc *adbc)
{
    __attribute__((cleanup(auto_buf_done))) struct buf text = BUF_INIT;
    if (engine_query_text(&adbc->base, "SELECT version()", &text, ERR_IGNORED) != ERR_OK)
        buf_clear(&text);
    const char *shown = buf_text(&text), *more = strstr(shown, " (");
    int length = (int)(more != NULL && more - shown < 60 ? more - shown : 60);
    snprintf(adbc->version, sizeof adbc->version, "%.*s", length, shown);
    if (adbc->version[0] == '\0')
        snprintf(adbc->version, sizeof adbc->version, "unknown");
}

/* DataFusion: files as tables. */
static enum err_code adbc_create_external(struct engine *engine, const char *schema_name,
                                          const char *table, const struct engine_external *external,
                                          struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    if (!engine_can(engine, ENGINE_IS_LOCAL))
        return err_set(err, ERR_UNSUPPORTED, "files cannot be made a table through this driver");
    buf_puts(&sql, "CREATE EXTERNAL TABLE ");
    if (schema_name != NULL) {
        engine_quote_identifier(&sql, str_of(schema_name));
        buf_putc(&sql, '.');
    }
    engine_quote_identifier(&sql, str_of(table));
    buf_puts(&sql, " STORED AS PARQUET LOCATION ");
    engine_quote_literal(&sql, str_of(external->location));
    TRY(buf_check(&sql, err));
    return adbc_execute(engine, buf_text(&sql), NULL, 0, err);
}

/* Times in UTC; types that Arrow lacks with their names; strings and blobs as plain ones, of which
 * plans in Substrait speak. */
static enum err_code prepare_session(struct adbc *adbc, struct err *err)
{
    if (strcmp(adbc->url.dialect, "postgresql") == 0)
        return adbc_execute(&adbc->base, "SET TIME ZONE 'UTC'", NULL, 0, err);
    if (strcmp(adbc->url.dialect, "duckdb") == 0)
        return adbc_execute(&adbc->base,
                            "SET TimeZone = 'UTC'; SET arrow_lossless_conversion = true", NULL, 0,
                            err);
    if (strcmp(adbc->url.dialect, "datafusion") == 0)
        return adbc_execute(
            &adbc->base,
            "SET datafusion.execution.time_zone = '+00:00'; "
            "SET datafusion.execution.parquet.schema_force_view_types = false",
            NULL, 0, err);
    return ERR_OK;
}

static enum err_code connect(struct adbc *adbc, const struct engine_options *options,
                             struct err *err)
{
    TRY(adbc_watch_open(adbc, err));
    TRY(adbc_url_parse(options->url, adbc->arena, &adbc->url, err));
    TRY(fill_table(adbc, err));
    declare(adbc);
    TRY(make_database(adbc, err));
    TRY(make_connection(adbc, err));
    TRY(prepare_session(adbc, err));
    learn_version(adbc);
    return options->read_only ? make_read_only(adbc, err) : ERR_OK;
}

static enum err_code adbc_open(const struct engine_options *options, struct engine **ret,
                               struct err *err)
{
    struct adbc *adbc = mem_zalloc(1, sizeof *adbc);
    if (adbc == NULL)
        return err_set(err, ERR_MEMORY, "no memory for an engine");
    adbc->base.progress = options->progress;
    adbc->arena = arena_new(0);
    enum err_code code = adbc->arena != NULL ? connect(adbc, options, err)
                                             : err_set(err, ERR_MEMORY, "no memory for an engine");
    if (code != ERR_OK) {
        adbc_close(&adbc->base);
        return code;
    }
    *ret = &adbc->base;
    return ERR_OK;
}

static const char *adbc_version(const struct engine *engine)
{
    return ((const struct adbc *)engine)->version;
}

static void adbc_interrupt(struct engine *engine)
{
    adbc_watch_interrupt((struct adbc *)engine);
}

const struct engine_driver engine_driver_adbc = {
    .name = "adbc",
    .schemes = "adbc",
    .dialect = "duckdb",
    .abilities = ENGINE_CAN_APPEND | ENGINE_CAN_BIND,
    .what = "any ADBC driver, a shared library (its URL says the dialect)",
    .example = "adbc:/opt/libadbc_driver_x.so?dialect=postgresql&uri=…",
    .load = adbc_load,
    .open = adbc_open,
    .close = adbc_close,
    .version = adbc_version,
    .interrupt = adbc_interrupt,
    .execute = adbc_execute,
    .query = adbc_query,
    .query_substrait = adbc_query_substrait,
    .result_next = adbc_result_next,
    .result_close = adbc_result_close,
    .append_open = adbc_append_open,
    .append_batch = adbc_append_batch,
    .append_close = adbc_append_close,
    .append_abort = adbc_append_abort,
    .create_external = adbc_create_external,
};
