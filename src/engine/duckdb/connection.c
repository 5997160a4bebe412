/* Opening and closing the embedded DuckDB. One database, one connection an engine. No extension is
 * fetched or loaded, the time zone is UTC, insertion order is kept (an ORDER-less scan is the same
 * every time), nothing spills unless a spill directory was given. Cheap on purpose: configuration
 * goes in before the start, functions are registered once. */
#include <stdio.h>

#include "engine/duckdb/duckdb_priv.h"

static enum err_code config_set(duckdb_config config, const char *name, const char *value,
                                struct err *err)
{
    if (duckdb_set_config(config, name, value) == DuckDBSuccess)
        return ERR_OK;
    return err_set(err, ERR_USAGE, "the engine refuses %s = %s", name, value);
}

static enum err_code config_set_number(duckdb_config config, const char *name, int64_t number,
                                       const char *unit, struct err *err)
{
    char text[40];
    snprintf(text, sizeof text, "%lld%s", (long long)number, unit);
    return config_set(config, name, text, err);
}

static enum err_code config_fill(duckdb_config config, const struct engine_options *options,
                                 struct err *err)
{
    TRY(config_set(config, "autoinstall_known_extensions", "false", err));
    TRY(config_set(config, "autoload_known_extensions", "false", err));
    TRY(config_set(config, "allow_community_extensions", "false", err));
    TRY(config_set(config, "temp_directory",
                   options->spill_directory != NULL ? options->spill_directory : "", err));
    if (options->database != NULL && options->read_only)
        TRY(config_set(config, "access_mode", "READ_ONLY", err));
    if (options->memory_bytes > 0)
        TRY(config_set_number(config, "memory_limit", options->memory_bytes, "B", err));
    if (options->threads > 0)
        TRY(config_set_number(config, "threads", options->threads, "", err));
    if (options->spill_directory != NULL && options->spill_bytes > 0)
        TRY(config_set_number(config, "max_temp_directory_size", options->spill_bytes, "B", err));
    return ERR_OK;
}

static enum err_code database_open(struct embedded *engine, const struct engine_options *options,
                                   struct err *err)
{
    duckdb_config config = NULL;
    if (duckdb_create_config(&config) == DuckDBError)
        return err_set(err, ERR_MEMORY, "no memory for the engine's configuration");
    enum err_code code = config_fill(config, options, err);
    char *message = NULL;
    if (code == ERR_OK &&
        duckdb_open_ext(options->database, &engine->database, config, &message) == DuckDBError) {
        engine->database = NULL;
        code = engine_fail(engine, message, err);
        if (options->database != NULL)
            err_at(err, options->database, 0, 0);
    }
    duckdb_free(message);
    duckdb_destroy_config(&config);
    return code;
}

static enum err_code embedded_open(const struct engine_options *options, struct engine **ret,
                                   struct err *err)
{
    TRY(duckdb_load(err));
    AUTO(embedded_free) struct embedded *engine = mem_zalloc(1, sizeof *engine);
    if (engine == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the engine");
    pthread_mutex_init(&engine->native_lock, NULL);
    TRY(database_open(engine, options, err));
    if (duckdb_connect(engine->database, &engine->connection) == DuckDBError) {
        engine->connection = NULL;
        return err_set(err, ERR_ENGINE, "the engine gave no connection");
    }
    TRY(watch_init(&engine->watch, engine->connection, err));
    TRY(embedded_execute(&engine->base, "SET TimeZone = 'UTC'", NULL, 0, err));
    engine->base.driver = &engine_driver_duckdb;
    TRY(engine_functions_register(&engine->base, err));
    *ret = &engine->base;
    engine = NULL;
    return ERR_OK;
}

enum err_code embedded_sibling(struct embedded *owner, struct embedded **ret, struct err *err)
{
    AUTO(embedded_free) struct embedded *engine = mem_zalloc(1, sizeof *engine);
    if (engine == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a connection");
    pthread_mutex_init(&engine->native_lock, NULL);
    engine->is_sibling = true;
    engine->database = owner->database;
    if (duckdb_connect(engine->database, &engine->connection) == DuckDBError) {
        engine->connection = NULL;
        return err_set(err, ERR_ENGINE, "the engine gave no connection");
    }
    TRY(watch_init(&engine->watch, engine->connection, err));
    TRY(embedded_execute(&engine->base, "SET TimeZone = 'UTC'", NULL, 0, err));
    engine->base.driver = &engine_driver_duckdb;
    *ret = engine;
    engine = NULL;
    return ERR_OK;
}

void embedded_free(struct embedded *engine)
{
    if (engine == NULL)
        return;
    if (engine->watch.connection != NULL)
        watch_done(&engine->watch);
    if (engine->connection != NULL)
        duckdb_disconnect(&engine->connection);
    if (engine->database != NULL && !engine->is_sibling)
        duckdb_close(&engine->database);
    natives_free(engine); /* the catalogue that pointed to them is gone */
    pthread_mutex_destroy(&engine->native_lock);
    mem_free(engine);
}

static void embedded_close(struct engine *base)
{
    embedded_free((struct embedded *)base);
}

static const char *embedded_version(const struct engine *base)
{
    (void)base;
    return duckdb_library_version();
}

static void embedded_interrupt(struct engine *base)
{
    duckdb_interrupt(((struct embedded *)base)->connection);
}

enum err_code embedded_of(struct engine *engine, const char *what, struct embedded **ret,
                          struct err *err)
{
    *ret = (struct embedded *)engine;
    if (engine->driver == &engine_driver_duckdb)
        return ERR_OK;
    return err_set(err, ERR_UNSUPPORTED, "%s is of the embedded engine only, not of %s", what,
                   engine->driver->name);
}

const struct engine_driver engine_driver_duckdb = {
    .name = "duckdb",
    .schemes = "duckdb",
    .dialect = "duckdb",
    .abilities = ENGINE_CAN_APPEND | ENGINE_CAN_BIND | ENGINE_HAS_NATIVES |
                 ENGINE_HAS_TRANSACTIONS | ENGINE_HAS_TIMESTAMPTZ | ENGINE_HAS_QUANTILE |
                 ENGINE_READS_FILES,
    .what = "DuckDB, embedded: the default",
    .example = "duckdb:",
    .load = duckdb_load,
    .open = embedded_open,
    .close = embedded_close,
    .version = embedded_version,
    .interrupt = embedded_interrupt,
    .execute = embedded_execute,
    .query = embedded_query,
    .result_next = embedded_result_next,
    .result_close = embedded_result_close,
    .append_open = embedded_append_open,
    .append_batch = embedded_append_batch,
    .append_close = embedded_append_close,
    .append_abort = embedded_append_abort,
    .fill = embedded_fill,
};
