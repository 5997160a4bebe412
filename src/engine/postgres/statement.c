/* Statements. One with parameters, or whose rows are wanted, goes parse → describe → bind and
 * execute (the unnamed prepared statement): what it needs and gives is known before it runs. A list
 * without parameters goes as one simple query, which the server runs as one transaction.
 *
 * Parameters are bound in binary form under their own types; a decimal as its digits, after they
 * were checked here (the server's reader also takes 'NaN' and '1e9'). */
#include <limits.h>
#include <string.h>

#include "engine/postgres/postgres_priv.h"

#define PARAMETERS_MOST 65535 /* the protocol's 16 bits */

/* ---- parameters ---------------------------------------------------------------------------------
 */

struct parameters {
    const char **texts; /* NULL = null */
    int *lengths, *formats;
    size_t *offsets; /* into bytes, of the value */
    struct arena *arena;
    struct buf bytes;
};
static void parameters_done(struct parameters *parameters)
{
    arena_free(parameters->arena);
    buf_done(&parameters->bytes);
}

static enum err_code cannot_bind(const struct engine_value *value, struct err *err)
{
    char type[32];
    return err_set(err, ERR_USAGE, "a value of type %s cannot be bound",
                   data_type_text(value->type, type));
}

/* Adds one value, which is not null. */
static enum err_code add_value(const struct postgres *postgres, const struct engine_value *value,
                               struct parameters *parameters, size_t idx, struct err *err)
{
    struct buf *bytes = &parameters->bytes;
    parameters->offsets[idx] = bytes->len;
    parameters->formats[idx] = 1;
    if (value->type.kind == DATA_DECIMAL) {
        if (!engine_decimal_fits(value->text, value->type))
            return cannot_bind(value, err);
        buf_add_str(bytes, value->text);
        buf_putc(bytes, '\0');
        parameters->formats[idx] = 0;
        return ERR_OK;
    }
    Oid oid = postgres_parameter_oid(value->type.kind);
    if (oid == 0)
        return cannot_bind(value, err);
    struct postgres_column column = postgres_column_of(postgres, oid, -1);
    struct data_vector vector = {.type = value->type};
    struct engine_value copy = *value;
    uint8_t truth = value->i64 != 0;
    if (value->type.kind == DATA_BOOLEAN)
        vector.u8 = &truth;
    else if (value->type.kind == DATA_DOUBLE)
        vector.f64 = &copy.f64;
    else if (data_kind_bytes(value->type.kind) == sizeof(struct str))
        vector.text = &copy.text;
    else
        vector.i64 = &copy.i64;
    TRY(postgres_write(&column, &vector, 0, bytes, err));
    parameters->offsets[idx] += 4; /* behind its length */
    parameters->lengths[idx] = (int)(bytes->len - parameters->offsets[idx]);
    return ERR_OK;
}

static enum err_code parameters_fill(const struct postgres *postgres,
                                     const struct engine_value *values, size_t count,
                                     struct parameters *parameters, struct err *err)
{
    parameters->arena = arena_new(0);
    parameters->bytes.limit = INT_MAX;
    parameters->texts = arena_array(parameters->arena, count + 1, sizeof *parameters->texts);
    parameters->lengths = arena_array(parameters->arena, count + 1, sizeof *parameters->lengths);
    parameters->formats = arena_array(parameters->arena, count + 1, sizeof *parameters->formats);
    parameters->offsets = arena_array(parameters->arena, count + 1, sizeof *parameters->offsets);
    if (arena_failed(parameters->arena))
        return err_set(err, ERR_MEMORY, "no memory for %zu parameters", count);
    for (size_t idx = 0; idx < count; idx++)
        if (values[idx].type.kind != DATA_NULL &&
            add_value(postgres, &values[idx], parameters, idx, err) != ERR_OK)
            return err_context(err, "parameter %zu", idx + 1);
    TRY(buf_check(&parameters->bytes, err));
    for (size_t idx = 0; idx < count; idx++)
        if (values[idx].type.kind != DATA_NULL)
            parameters->texts[idx] = parameters->bytes.ptr + parameters->offsets[idx];
    return ERR_OK;
}

/* ---- parse, describe, run -----------------------------------------------------------------------
 */

static enum err_code parse(struct postgres *postgres, const char *sql,
                           const struct engine_value *values, size_t count, struct err *err)
{
    Oid *types = mem_zalloc(count + 1, sizeof *types);
    if (types == NULL)
        return err_set(err, ERR_MEMORY, "no memory for %zu parameters", count);
    for (size_t idx = 0; idx < count; idx++) /* 0: the server infers a null's */
        types[idx] = postgres_parameter_oid(values[idx].type.kind);
    int sent = PQsendPrepare(postgres->connection, "", sql, (int)count, types);
    mem_free(types);
    if (sent == 0)
        return postgres_fail(postgres, NULL, err);
    AUTO(PQclear) PGresult *result = NULL;
    return postgres_only(postgres, &result, err);
}

enum err_code postgres_prepare(struct postgres *postgres, const char *sql,
                               const struct engine_value *values, size_t count, PGresult **ret,
                               struct err *err)
{
    *ret = NULL;
    if (count > PARAMETERS_MOST)
        return err_set(err, ERR_LIMIT, "a statement takes at most %d parameters", PARAMETERS_MOST);
    TRY(parse(postgres, sql, values, count, err));
    AUTO(PQclear) PGresult *description = NULL;
    if (PQsendDescribePrepared(postgres->connection, "") == 0)
        return postgres_fail(postgres, NULL, err);
    TRY(postgres_only(postgres, &description, err));
    if ((size_t)PQnparams(description) != count)
        return err_set(err, ERR_USAGE, "the statement has %d parameters, %zu values were given",
                       PQnparams(description), count);
    *ret = description;
    description = NULL;
    return ERR_OK;
}

enum err_code postgres_start(struct postgres *postgres, const struct engine_value *values,
                             size_t count, struct err *err)
{
    __attribute__((cleanup(parameters_done))) struct parameters parameters = {0};
    TRY(parameters_fill(postgres, values, count, &parameters, err));
    if (PQsendQueryPrepared(postgres->connection, "", (int)count, parameters.texts,
                            parameters.lengths, parameters.formats, 1) == 0)
        return postgres_fail(postgres, NULL, err);
    (void)PQsetSingleRowMode(postgres->connection);
    return postgres_flush(postgres, err);
}

enum err_code postgres_refuse_copy(struct postgres *postgres, const PGresult *result,
                                   struct err *err)
{
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COPY_IN && status != PGRES_COPY_OUT && status != PGRES_COPY_BOTH)
        return ERR_OK;
    if (status != PGRES_COPY_OUT)
        (void)PQputCopyEnd(postgres->connection, "not asked for");
    postgres_drain(postgres, false);
    return err_set(err, ERR_UNSUPPORTED, "COPY from or to the client is not run here");
}

/* Reads off all results; the first error is the outcome. */
static enum err_code run_out(struct postgres *postgres, struct err *err)
{
    for (;;) {
        AUTO(PQclear) PGresult *result = NULL;
        TRY(postgres_next(postgres, &result, err));
        if (result == NULL)
            return ERR_OK;
        TRY(postgres_refuse_copy(postgres, result, err));
        if (PQresultStatus(result) == PGRES_FATAL_ERROR) {
            enum err_code code = postgres_fail(postgres, result, err);
            postgres_drain(postgres, false);
            return code;
        }
    }
}

enum err_code postgres_execute(struct engine *engine, const char *sql,
                               const struct engine_value *values, size_t count, struct err *err)
{
    struct postgres *postgres = (struct postgres *)engine;
    TRY(postgres_begin(postgres, engine->time_limit_ms, err));
    if (count == 0) {
        if (PQsendQuery(postgres->connection, sql) == 0)
            return postgres_fail(postgres, NULL, err);
        (void)PQsetSingleRowMode(postgres->connection);
        TRY(postgres_flush(postgres, err));
        return run_out(postgres, err);
    }
    AUTO(PQclear) PGresult *description = NULL;
    TRY(postgres_prepare(postgres, sql, values, count, &description, err));
    TRY(postgres_start(postgres, values, count, err));
    return run_out(postgres, err);
}
