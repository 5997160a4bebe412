/* What the server or libpq says → struct err. The SQLSTATE decides code, our value-free line and
 * what is to be done; the server's primary message goes to the detail, masked. DETAIL and CONTEXT
 * hold cells ("Key (id)=(7) already exists") and are dropped. */
#include <string.h>

#include "base/clock.h"
#include "engine/postgres/postgres_priv.h"

struct state {
    const char *prefix; /* of the SQLSTATE */
    enum err_code code;
    const char *message, *hint;
    bool holds_data; /* double-quoted text and numbers may be cells */
    bool lost;       /* the connection is gone with it */
};
static const struct state states[] = {
    {"08P01", ERR_ENGINE, "the server and libpq do not understand each other", NULL, true, false},
    {"08", ERR_ENGINE, "the connection to the server was lost",
     "see that the server runs, then start again", false, true},
    {"57014", ERR_INTERRUPTED, "the statement was interrupted", NULL, false, false},
    {"57P", ERR_ENGINE, "the server ended the connection",
     "it was shut down, restarted, or an administrator ended the session: start again when it runs",
     false, true},
    {"53100", ERR_LIMIT, "the server's disk is full", "free space on the server, and try again",
     false, false},
    {"53200", ERR_MEMORY, "the server ran out of memory",
     "lower its work_mem or the number of parallel statements, or ask for less", false, false},
    {"53300", ERR_LIMIT, "the server takes no more connections",
     "try again later, or raise its max_connections", false, false},
    {"53", ERR_LIMIT, "the server ran out of a resource", "see the server's log", false, false},
    {"54", ERR_LIMIT, "a limit of the server was passed", NULL, true, false},
    {"58", ERR_IO, "the server could not read or write a file", "see the server's log", true,
     false},
    {"XX001", ERR_INTEGRITY, "the server found its stored data damaged", "see the server's log",
     true, false},
    {"XX002", ERR_INTEGRITY, "the server found an index damaged", "see the server's log", true,
     false},
    {"42601", ERR_ENGINE, "the statement does not parse", NULL, false, false},
    {"42501", ERR_ENGINE, "the engine does not permit this", "ask for the right to do it: GRANT …",
     false, false},
    {"42P01", ERR_ENGINE, "the statement names something that does not exist or exists already",
     NULL, false, false},
    {"42704", ERR_ENGINE, "the statement names something that does not exist or exists already",
     NULL, false, false},
    {"42P07", ERR_ENGINE, "the statement names something that does not exist or exists already",
     NULL, false, false},
    {"3F000", ERR_ENGINE, "the statement names something that does not exist or exists already",
     NULL, false, false},
    {"42", ERR_ENGINE, "the statement does not fit the tables or types it names", NULL, false,
     false},
    {"22003", ERR_ENGINE, "a value is out of range", NULL, true, false},
    {"22008", ERR_ENGINE, "a value is out of range", NULL, true, false},
    {"22P", ERR_ENGINE, "a value could not be converted", NULL, true, false},
    {"22", ERR_ENGINE, "the engine was given a value that it refuses", NULL, true, false},
    {"23", ERR_ENGINE, "a constraint was violated", NULL, false, false},
    {"25006", ERR_ENGINE, "the engine was opened read-only", NULL, false, false},
    {"25", ERR_ENGINE, "the transaction was aborted", NULL, false, false},
    {"40", ERR_ENGINE, "the server gave the transaction up for another's sake", "try again", false,
     false},
    {"55P03", ERR_LOCKED, "another session holds a lock that the statement needs", "try again",
     false, false},
    {"0A", ERR_ENGINE, "the engine does not offer this", NULL, false, false},
    {"28", ERR_ENGINE, "the server refused the user or the password",
     "give them in the URL, in PGPASSWORD or in ~/.pgpass", false, false},
    {"3D000", ERR_NOT_FOUND, "the server has no database of that name", NULL, false, false},
    {"", ERR_ENGINE, "the engine refused the statement", NULL, true, false},
};

static const struct state *state_of(const char *sqlstate)
{
    const struct state *state = states;
    while (strncmp(sqlstate, state->prefix, strlen(state->prefix)) != 0)
        state++;
    return state;
}

static void add_detail(struct err *err, const char *text, bool holds_data)
{
    __attribute__((cleanup(auto_buf_done))) struct buf masked = BUF_INIT;
    engine_mask(str_trim(str_of(text)), holds_data, &masked);
    if (masked.len > 0)
        err_detail(err, "%s", buf_text(&masked));
}

static enum err_code fail_stopped(const struct postgres *postgres, enum err_code code,
                                  struct err *err)
{
    if (code == ERR_INTERRUPTED)
        return err_set(err, code, "the statement was interrupted");
    err_set(err, ERR_TIMEOUT, "the statement ran past its limit of %lld ms",
            (long long)postgres->base.time_limit_ms);
    return err_hint(err, "raise the time limit, or ask for less");
}

/* libpq itself, or a server that went without a word. */
static enum err_code fail_without_state(struct postgres *postgres, const char *message,
                                        struct err *err)
{
    if (PQstatus(postgres->connection) != CONNECTION_BAD) {
        bool memory = strstr(message, "out of memory") != NULL;
        err_set(err, memory ? ERR_MEMORY : ERR_ENGINE,
                memory ? "no memory for what the server sent" : "the engine refused the statement");
        add_detail(err, message, true);
        return err->code;
    }
    postgres->lost = true;
    err_set(err, ERR_ENGINE, "the connection to the server was lost");
    add_detail(err, message, false);
    return err_hint(err,
                    "see that the server runs, then start again; what was not committed is gone");
}

enum err_code postgres_fail(struct postgres *postgres, const PGresult *result, struct err *err)
{
    const char *sqlstate = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (postgres->stopped != ERR_OK && (sqlstate == NULL || strcmp(sqlstate, "57014") == 0)) {
        postgres->lost = postgres->lost || PQstatus(postgres->connection) == CONNECTION_BAD;
        return fail_stopped(postgres, postgres->stopped, err);
    }
    if (sqlstate == NULL)
        return fail_without_state(postgres,
                                  result != NULL ? PQresultErrorMessage(result)
                                                 : PQerrorMessage(postgres->connection),
                                  err);
    const struct state *state = state_of(sqlstate);
    bool late = postgres->deadline_us != 0 && clock_monotonic_us() >= postgres->deadline_us;
    if (state->code == ERR_INTERRUPTED && late) /* its statement_timeout, which is our limit */
        return fail_stopped(postgres, ERR_TIMEOUT, err);
    if (strcmp(sqlstate, "22P02") == 0 &&
        engine_raised(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY), err))
        return err->code;
    err_set(err, state->code, "%s", state->message);
    add_detail(err, PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY), state->holds_data);
    const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
    if (state->hint != NULL)
        err_hint(err, "%s", state->hint);
    else if (hint != NULL && strncmp(sqlstate, "42", 2) == 0) /* of names and types only */
        err_hint(err, "%s", hint);
    postgres->lost = postgres->lost || state->lost;
    return err->code;
}
