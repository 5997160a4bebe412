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

static enum err_code database_open(struct engine *engine, const struct engine_options *options,
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

enum err_code engine_open(const struct engine_options *options, struct engine **ret,
                          struct err *err)
{
    static const struct engine_options none;
    *ret = NULL;
    AUTO(engine_close) struct engine *engine = mem_zalloc(1, sizeof *engine);
    if (engine == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the engine");
    pthread_mutex_init(&engine->native_lock, NULL);
    TRY(database_open(engine, options != NULL ? options : &none, err));
    if (duckdb_connect(engine->database, &engine->connection) == DuckDBError) {
        engine->connection = NULL;
        return err_set(err, ERR_ENGINE, "the engine gave no connection");
    }
    TRY(watch_init(&engine->watch, engine->connection, err));
    TRY(engine_execute(engine, "SET TimeZone = 'UTC'", NULL, 0, err));
    TRY(engine_functions_register(engine, err));
    if (options != NULL)
        engine_set_progress(engine, options->progress, NULL, NULL);
    *ret = engine;
    engine = NULL;
    return ERR_OK;
}

void engine_close(struct engine *engine)
{
    if (engine == NULL)
        return;
    if (engine->watch.connection != NULL)
        watch_done(&engine->watch);
    if (engine->connection != NULL)
        duckdb_disconnect(&engine->connection);
    if (engine->database != NULL)
        duckdb_close(&engine->database);
    natives_free(engine); /* the catalogue that pointed to them is gone */
    pthread_mutex_destroy(&engine->native_lock);
    mem_free(engine);
}

const char *engine_name(const struct engine *engine)
{
    (void)engine;
    return "duckdb";
}

const char *engine_version(const struct engine *engine)
{
    (void)engine;
    return duckdb_library_version();
}

const char *engine_dialect(const struct engine *engine)
{
    (void)engine;
    return "duckdb";
}

void engine_interrupt(struct engine *engine)
{
    duckdb_interrupt(engine->connection);
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
