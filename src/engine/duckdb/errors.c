/* DuckDB's messages → struct err. A message opens with its class ("Conversion Error: …"); the class
 * decides our code and our value-free line; DuckDB's own words go to the detail with every quoted
 * value, and in classes that quote data every number, replaced by its pattern. Names of tables and
 * columns stay readable. */
#include <string.h>

#include "engine/duckdb/duckdb_priv.h"

struct error_class {
    const char *prefix;
    enum err_code code;
    const char *message;
    bool holds_data; /* double-quoted text and numbers may be cells */
};
static const struct error_class error_classes[] = {
    {"INTERRUPT Error", ERR_INTERRUPTED, "the statement was interrupted", false},
    {"Out of Memory Error", ERR_MEMORY, "the engine needs more memory than its limit", false},
    {"IO Error", ERR_IO, "the engine could not read or write a file", false},
    {"Parser Error", ERR_ENGINE, "the statement does not parse", false},
    {"Syntax Error", ERR_ENGINE, "the statement does not parse", false},
    {"Binder Error", ERR_ENGINE, "the statement does not fit the tables or types it names", false},
    {"Catalog Error", ERR_ENGINE,
     "the statement names something that does not exist or exists already", false},
    {"Conversion Error", ERR_ENGINE, "a value could not be converted", true},
    {"Out of Range Error", ERR_ENGINE, "a value is out of range", true},
    {"Constraint Error", ERR_ENGINE, "a constraint was violated", true},
    {"Invalid Input Error", ERR_ENGINE, "the engine was given a value that it refuses", true},
    {"Invalid Error", ERR_ENGINE, "the engine was given a value that it refuses", true},
    {"Mismatch Type Error", ERR_ENGINE, "two types do not fit", true},
    {"Serialization Error", ERR_INTEGRITY, "the file is damaged or no file of the engine", false},
    {"TransactionContext Error", ERR_ENGINE, "the transaction was aborted", false},
    {"Not implemented Error", ERR_ENGINE, "the engine does not offer this", false},
    {"Permission Error", ERR_ENGINE, "the engine does not permit this", false},
    {"", ERR_ENGINE, "the engine refused the statement", true},
};

static const struct error_class *error_class_of(const char *message)
{
    const struct error_class *class = error_classes;
    while (strncmp(message, class->prefix, strlen(class->prefix)) != 0)
        class ++;
    return class;
}

void engine_mask_message(const char *message, struct buf *out)
{
    bool holds_data = error_class_of(message)->holds_data;
    const char *end = strstr(message, "\n\nLINE "); /* the statement again, with its literals */
    if (end == NULL)
        end = message + strlen(message);
    const char *line_end = strchr(message, '\n');
    if (holds_data && line_end != NULL && line_end < end)
        end = line_end; /* what follows is the cell once more, with a mark below it */
    engine_mask((struct str){message, (size_t)(end - message)}, holds_data, out);
}

enum err_code native_failed(struct embedded *engine, struct err *err)
{
    enum err_code code = ERR_OK;
    pthread_mutex_lock(&engine->native_lock);
    if (engine->native_err.code != ERR_OK) {
        code = engine->native_err.code;
        if (err != NULL)
            *err = engine->native_err;
        engine->native_err.code = ERR_OK;
    }
    pthread_mutex_unlock(&engine->native_lock);
    return code;
}

static void hint_for(enum err_code code, const char *message, struct err *err)
{
    if (code == ERR_MEMORY && strstr(message, "max_temp_directory_size") != NULL)
        err_hint(err, "the spill directory is full: allow more spill, or raise --memory");
    else if (code == ERR_MEMORY)
        err_hint(err, "raise --memory, or give --spill DIR so that the engine may use the disk");
    else if (code == ERR_IO && strstr(message, "No space left") != NULL)
        err_hint(err, "the disk is full: free some space and try again");
    else if (code == ERR_TIMEOUT)
        err_hint(err, "raise the time limit, or ask for less");
}

enum err_code engine_fail(struct embedded *engine, const char *message, struct err *err)
{
    if (message == NULL)
        message = "";
    const struct error_class *class = error_class_of(message);
    enum err_code code = class->code;
    if (code == ERR_INTERRUPTED && engine->watch.timed_out) {
        err_set(err, ERR_TIMEOUT, "the statement ran past its limit of %lld ms",
                (long long)engine->base.time_limit_ms);
        code = ERR_TIMEOUT;
    } else {
        enum err_code own = code != ERR_INTERRUPTED ? native_failed(engine, err) : ERR_OK;
        if (own != ERR_OK)
            return own;
        if (err != NULL && code != ERR_INTERRUPTED && engine_raised(message, err))
            return err->code;
        err_set(err, code, "%s", class->message);
        __attribute__((cleanup(auto_buf_done))) struct buf masked = BUF_INIT;
        engine_mask_message(message, &masked);
        if (masked.len > 0 && code != ERR_INTERRUPTED)
            err_detail(err, "%s", buf_text(&masked));
    }
    if (err != NULL)
        hint_for(code, message, err);
    return code;
}
