/* Trino's failures → struct err. errorName decides code, our value-free line and how much of the
 * server's words may be shown: names of tables and columns plainly, other quoted text masked, in
 * classes that quote cells numbers too. */
#include <string.h>

#include "engine/trino/trino_priv.h"

enum words { NAMES_ONLY, QUOTES, CELLS };
struct failure_class {
    const char *name; /* of the error, or a prefix of it */
    enum err_code code;
    const char *message, *hint;
    enum words words;
};
#define MISSING "the statement names something that does not exist or exists already"
#define MISFIT "the statement does not fit the tables or types it names"
static const struct failure_class failure_classes[] = {
    {"SYNTAX_ERROR", ERR_ENGINE, "the statement does not parse", NULL, QUOTES},
    {"TABLE_NOT_FOUND", ERR_ENGINE, MISSING, NULL, NAMES_ONLY},
    {"COLUMN_NOT_FOUND", ERR_ENGINE, MISFIT, NULL, NAMES_ONLY},
    {"SCHEMA_NOT_FOUND", ERR_ENGINE, MISSING, NULL, NAMES_ONLY},
    {"CATALOG_NOT_FOUND", ERR_ENGINE, MISSING, NULL, NAMES_ONLY},
    {"MISSING_SCHEMA_NAME", ERR_ENGINE, "the statement names a table without its schema",
     "give catalog and schema in the URL: trino://user@host:8080/CATALOG/SCHEMA", NAMES_ONLY},
    {"MISSING_CATALOG_NAME", ERR_ENGINE, "the statement names a table without its catalog",
     "give catalog and schema in the URL: trino://user@host:8080/CATALOG/SCHEMA", NAMES_ONLY},
    {"TABLE_ALREADY_EXISTS", ERR_ENGINE, MISSING, NULL, NAMES_ONLY},
    {"FUNCTION_NOT_FOUND", ERR_ENGINE, MISFIT, NULL, QUOTES},
    {"TYPE_MISMATCH", ERR_ENGINE, MISFIT, NULL, QUOTES},
    {"USER_CANCELED", ERR_INTERRUPTED, "the statement was interrupted", NULL, QUOTES},
    {"ADMINISTRATIVELY_KILLED", ERR_INTERRUPTED, "the statement was cancelled on the server", NULL,
     QUOTES},
    {"ABANDONED_QUERY", ERR_TIMEOUT, "the server heard nothing of us and gave the statement up",
     "raise query.client.timeout on the server", QUOTES},
    {"EXCEEDED_TIME_LIMIT", ERR_TIMEOUT, "the statement ran past a time limit of the server", NULL,
     QUOTES},
    {"EXCEEDED_LOCAL_MEMORY_LIMIT", ERR_MEMORY,
     "the statement needs more memory than the server allows",
     "raise query.max-memory-per-node on the server, or ask for less", QUOTES},
    {"EXCEEDED_GLOBAL_MEMORY_LIMIT", ERR_MEMORY,
     "the statement needs more memory than the server allows",
     "raise query.max-memory on the server, or ask for less", QUOTES},
    {"CLUSTER_OUT_OF_MEMORY", ERR_MEMORY, "the server ran out of memory",
     "try again, or ask for less", QUOTES},
    {"QUERY_QUEUE_FULL", ERR_LIMIT, "the server takes no more statements", "try again later",
     QUOTES},
    {"QUERY_TEXT_TOO_LARGE", ERR_LIMIT, "the statement's text is longer than the server allows",
     "raise query.max-length on the server", QUOTES},
    {"SERVER_SHUTTING_DOWN", ERR_ENGINE, "the server is shutting down", "try again when it runs",
     QUOTES},
    {"PERMISSION_DENIED", ERR_ENGINE, "the engine does not permit this", NULL, NAMES_ONLY},
    {"NOT_SUPPORTED", ERR_ENGINE, "the engine does not offer this", NULL, QUOTES},
    {"DIVISION_BY_ZERO", ERR_ENGINE, "a number was divided by zero", NULL, CELLS},
    {"NUMERIC_VALUE_OUT_OF_RANGE", ERR_ENGINE, "a value is out of range", NULL, CELLS},
    {"INVALID_CAST_ARGUMENT", ERR_ENGINE, "a value could not be converted", NULL, CELLS},
    {"INVALID_PARAMETER_USAGE", ERR_ENGINE, "the statement and its parameters do not fit", NULL,
     QUOTES},
    {"CONSTRAINT_VIOLATION", ERR_ENGINE, "a constraint was violated", NULL, CELLS},
    {"", ERR_ENGINE, "the engine refused the statement", NULL, CELLS},
};

static const struct failure_class *class_of(const char *name)
{
    const struct failure_class *class = failure_classes;
    while (strncmp(name, class->name, strlen(class->name)) != 0)
        class ++;
    return class;
}

/* Behind "line 1:8: ", which is given apart. */
static const char *without_place(const char *message)
{
    const char *colon = strncmp(message, "line ", 5) == 0 ? strstr(message, ": ") : NULL;
    return colon != NULL ? colon + 2 : message;
}

enum err_code trino_failure(const json_t *failure, struct err *err)
{
    const char *name = json_text(failure, "errorName", "");
    const struct failure_class *class = class_of(name);
    const char *message = without_place(json_text(failure, "message", ""));
    const json_t *place = json_object_get(failure, "errorLocation");
    __attribute__((cleanup(auto_buf_done))) struct buf words = BUF_INIT;
    if (engine_raised(message, err))
        return err->code;
    if (class->words == NAMES_ONLY)
        buf_puts(&words, message);
    else
        engine_mask(str_of(message), class->words == CELLS, &words);
    err_set(err, class->code, "%s", class->message);
    if (class->code != ERR_INTERRUPTED)
        err_detail(err, "%s%s%s", name, name[0] != '\0' && words.len > 0 ? ": " : "",
                   buf_text(&words));
    if (class->hint != NULL)
        err_hint(err, "%s", class->hint);
    if (json_is_object(place))
        err_at(err, "statement", json_int(place, "lineNumber", 0),
               json_int(place, "columnNumber", 0));
    return class->code;
}
