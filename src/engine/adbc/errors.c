/* What a driver says → struct err. A few known words decide, else the SQLSTATE, else the status;
 * the message's first line goes to the detail, masked. Later lines (DETAIL, the query, the place)
 * quote cells and are dropped. */
#include <string.h>

#include "engine/adbc/adbc_priv.h"

struct sign {
    const char *prefix; /* of the SQLSTATE, or words within the message */
    enum err_code code;
    const char *message;
    bool holds_data;
};
static const struct sign states[] = {
    {"08", ERR_ENGINE, "the connection to the server was lost", false},
    {"57014", ERR_INTERRUPTED, "the statement was interrupted", false},
    {"57P", ERR_ENGINE, "the server ended the connection", false},
    {"53200", ERR_MEMORY, "the server ran out of memory", false},
    {"53", ERR_LIMIT, "the server ran out of a resource", false},
    {"54", ERR_LIMIT, "a limit of the server was passed", true},
    {"42601", ERR_ENGINE, "the statement does not parse", false},
    {"42501", ERR_ENGINE, "the engine does not permit this", false},
    {"42P01", ERR_ENGINE, "the statement names something that does not exist or exists already",
     false},
    {"42P02", ERR_USAGE, "the statement has more parameters than values were given", false},
    {"42P07", ERR_ENGINE, "the statement names something that does not exist or exists already",
     false},
    {"42704", ERR_ENGINE, "the statement names something that does not exist or exists already",
     false},
    {"3F000", ERR_ENGINE, "the statement names something that does not exist or exists already",
     false},
    {"42", ERR_ENGINE, "the statement does not fit the tables or types it names", false},
    {"22", ERR_ENGINE, "the engine was given a value that it refuses", true},
    {"23", ERR_ENGINE, "a constraint was violated", true},
    {"25006", ERR_ENGINE, "the engine was opened read-only", false},
    {"28", ERR_ENGINE, "the server refused the user or the password", false},
    {"3D000", ERR_NOT_FOUND, "the server has no database of that name", false},
};
static const struct sign words[] = {
    {"Parser Error", ERR_ENGINE, "the statement does not parse", false},
    {"Catalog Error", ERR_ENGINE,
     "the statement names something that does not exist or exists already", false},
    {"Binder Error", ERR_ENGINE, "the statement does not fit the tables or types it names", false},
    {"alues were not provided for the following prepared statement parameters", ERR_USAGE,
     "the statement has more parameters than values were given", false},
    {"bind message supplies", ERR_USAGE,
     "the statement has another number of parameters than values were given", true},
    /* DataFusion's */
    {"ParserError(", ERR_ENGINE, "the statement does not parse", true},
    {"TokenizerError(", ERR_ENGINE, "the statement does not parse", true},
    {"Error during planning: table '", ERR_ENGINE,
     "the statement names something that does not exist or exists already", false},
    {"No table named '", ERR_ENGINE,
     "the statement names something that does not exist or exists already", false},
    {"No field named ", ERR_ENGINE, "the statement does not fit the tables or types it names",
     false},
    {"No value found for placeholder", ERR_USAGE,
     "the statement has more parameters than values were given", false},
    {"was not provided a value for execution", ERR_USAGE,
     "the statement has more parameters than values were given", false},
    {"Placeholder type could not be resolved", ERR_USAGE,
     "the statement has more parameters than values were given", false},
    {"INTERRUPT Error", ERR_INTERRUPTED, "the statement was interrupted", false},
    {"Out of Memory Error", ERR_MEMORY, "the engine ran out of memory", false},
};

struct AdbcError adbc_error_new(void)
{
    return (struct AdbcError){.vendor_code = INT32_MIN}; /* members of 1.1.0 are there */
}

enum err_code adbc_lacks(const char *what, struct err *err)
{
    err_set(err, ERR_UNSUPPORTED, "the ADBC driver does not offer %s", what);
    return err_hint(err, "see that the driver is one of ADBC 1.0.0 or later, and a newer one");
}

enum err_code adbc_fail_stopped(const struct adbc *adbc, enum err_code reason, struct err *err)
{
    if (reason != ERR_TIMEOUT)
        return err_set(err, reason, "the statement was interrupted");
    err_set(err, ERR_TIMEOUT, "the statement ran past its limit of %lld ms",
            (long long)adbc->limit_ms);
    return err_hint(err, "raise the time limit, or ask for less");
}

static struct sign sign_of(uint8_t status, const char *state, const char *message)
{
    for (size_t idx = 0; idx < sizeof words / sizeof *words; idx++)
        if (strstr(message, words[idx].prefix) != NULL)
            return words[idx];
    for (size_t idx = 0; state[0] != '\0' && idx < sizeof states / sizeof *states; idx++)
        if (strncmp(state, states[idx].prefix, strlen(states[idx].prefix)) == 0)
            return states[idx];
    if (status == ADBC_STATUS_NOT_IMPLEMENTED)
        return (struct sign){"", ERR_UNSUPPORTED, "the ADBC driver does not offer this", true};
    if (status == ADBC_STATUS_CANCELLED)
        return (struct sign){"", ERR_INTERRUPTED, "the statement was interrupted", true};
    if (status == ADBC_STATUS_TIMEOUT)
        return (struct sign){"", ERR_TIMEOUT, "the engine's own time limit was passed", true};
    if (status == ADBC_STATUS_UNAUTHENTICATED || status == ADBC_STATUS_UNAUTHORIZED)
        return (struct sign){"", ERR_ENGINE, "the engine does not permit this", true};
    return (struct sign){"", ERR_ENGINE, "the engine refused the statement", true};
}

static enum err_code fail(struct adbc *adbc, uint8_t status, const char *sqlstate,
                          const char *message, struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf masked = BUF_INIT;
    char state[6] = {0};
    pthread_mutex_lock(&adbc->watch.lock);
    enum err_code reason = adbc->watch.stopped;
    pthread_mutex_unlock(&adbc->watch.lock);
    if (reason != ERR_OK)
        return adbc_fail_stopped(adbc, reason, err);
    for (size_t idx = 0; sqlstate != NULL && idx < 5; idx++)
        state[idx] = sqlstate[idx];
    message = message != NULL ? message : "";
    struct sign sign = sign_of(status, state, message);
    err_set(err, sign.code, "%s", sign.message);
    if (adbc_url_is_told(&adbc->url, message))
        return err_detail(err, "what the driver says tells an option of the URL: not shown");
    if (state[0] != '\0')
        buf_printf(&masked, "SQLSTATE %s: ", state);
    /* PostgreSQL's driver quotes the whole statement before the server's words */
    for (const char *next; (next = strstr(message, "ERROR: ")) != NULL;)
        message = next + strlen("ERROR: ");
    if (strstr(message, "ailed to execute query") != NULL)
        message = "";
    engine_mask((struct str){message, strcspn(message, "\r\n")}, sign.holds_data, &masked);
    if (masked.len > 0 && !masked.failed)
        err_detail(err, "%s", buf_text(&masked));
    return err->code;
}

enum err_code adbc_fail(struct adbc *adbc, uint8_t status, struct AdbcError *error, struct err *err)
{
    enum err_code code = fail(adbc, status, error->sqlstate, error->message, err);
    if (error->release != NULL)
        error->release(error);
    *error = adbc_error_new();
    return code;
}

enum err_code adbc_fail_stream(struct adbc *adbc, struct ArrowArrayStream *stream, struct err *err)
{
    uint8_t status = ADBC_STATUS_UNKNOWN;
    const struct AdbcError *error = NULL;
    if (adbc->table.ErrorFromArrayStream != NULL)
        error = adbc->table.ErrorFromArrayStream(stream, &status); /* the stream's own */
    if (error != NULL && error->message != NULL)
        return fail(adbc, status, error->sqlstate, error->message, err);
    const char *text = stream->get_last_error != NULL ? stream->get_last_error(stream) : NULL;
    return fail(adbc, status, NULL, text, err);
}
