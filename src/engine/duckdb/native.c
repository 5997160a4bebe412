/* The native hook: functions given as callbacks over batches become DuckDB functions. DuckDB hands
 * over flat vectors; they are viewed as a data_batch (columns.c), the callback works on whole
 * batches, results go straight into DuckDB's vector where the layout is the same. Working memory
 * (string views, pointers, the arena) comes from a pool of scratches that each function keeps: one
 * a thread at the most, reused from call to call.
 *
 * Aggregate states: DuckDB keeps [ struct native * | the callback's state ] for each group, 8-byte
 * aligned, and may move it bytewise (spill), so a state must not point into itself. The pointer in
 * front is what lets destroy find done().
 *
 * An error raised in an aggregate's callback makes DuckDB forget states without destroying them
 * (measured on 1.5.6: test_hostile.c). So it is only kept: the states stay whole, the results are
 * null, and the statement fails when its rows are asked for (native_failed, in statement.c and
 * result.c). What such a statement wrote is wrong, which is harmless: callers write to staging and
 * drop it on an error. */
#include <string.h>

#include "engine/duckdb/duckdb_priv.h"

struct scratch {
    struct scratch *next;
    struct arena *arena;
    struct column *columns;
    struct data_vector *vectors;
    size_t column_count;
    void **states[2];
    size_t state_count;
    struct column *results; /* staging for results that DuckDB lays out otherwise */
    struct data_vector *written;
};
struct native {
    struct native *next;
    struct embedded *engine;
    pthread_mutex_t lock; /* guards pool */
    struct scratch *pool;
    struct engine_scalar scalar;
    struct engine_aggregate aggregate;
    uint64_t typed;         /* bit idx: an aggregate's parameter idx has a declared type */
    struct column *results; /* a STRUCT's fields, else the one result */
    size_t result_count;
    bool is_struct;
};

/* ---- scratch ------------------------------------------------------------------------------------
 */

static void scratch_free(struct native *native, struct scratch *scratch)
{
    if (scratch == NULL)
        return;
    arena_free(scratch->arena);
    for (size_t idx = 0; idx < scratch->column_count; idx++)
        column_done(&scratch->columns[idx]);
    mem_free(scratch->columns);
    mem_free(scratch->vectors);
    mem_free(scratch->states[0]);
    mem_free(scratch->states[1]);
    for (size_t idx = 0; scratch->results != NULL && idx < native->result_count; idx++)
        column_done(&scratch->results[idx]);
    mem_free(scratch->results);
    mem_free(scratch->written);
    mem_free(scratch);
}

static struct scratch *scratch_take(struct native *native)
{
    pthread_mutex_lock(&native->lock);
    struct scratch *scratch = native->pool;
    if (scratch != NULL)
        native->pool = scratch->next;
    pthread_mutex_unlock(&native->lock);
    if (scratch != NULL)
        return scratch;
    scratch = mem_zalloc(1, sizeof *scratch);
    if (scratch == NULL)
        return NULL;
    scratch->arena = arena_new(0);
    scratch->results = mem_zalloc(native->result_count, sizeof *scratch->results);
    scratch->written = mem_zalloc(native->result_count, sizeof *scratch->written);
    if (scratch->arena != NULL && scratch->results != NULL && scratch->written != NULL)
        return scratch;
    scratch_free(native, scratch);
    return NULL;
}

static void scratch_give(struct native *native, struct scratch *scratch)
{
    if (scratch == NULL)
        return;
    arena_reset(scratch->arena);
    pthread_mutex_lock(&native->lock);
    scratch->next = native->pool;
    native->pool = scratch;
    pthread_mutex_unlock(&native->lock);
}

static enum err_code scratch_out_of_memory(struct err *err)
{
    return err_set(err, ERR_MEMORY, "no memory for a native function");
}

static enum err_code scratch_columns(struct scratch *scratch, size_t count, struct err *err)
{
    if (scratch->column_count >= count)
        return ERR_OK;
    struct column *columns = mem_resize(scratch->columns, count, sizeof *columns);
    if (columns == NULL)
        return scratch_out_of_memory(err);
    scratch->columns = columns;
    struct data_vector *vectors = mem_resize(scratch->vectors, count, sizeof *vectors);
    if (vectors == NULL)
        return scratch_out_of_memory(err);
    scratch->vectors = vectors;
    memset(columns + scratch->column_count, 0, (count - scratch->column_count) * sizeof *columns);
    scratch->column_count = count;
    return ERR_OK;
}

/* How the chunk's column idx is seen. Asking for its type costs an allocation, so a declared one is
 * asked for once. */
static enum err_code scratch_column(struct scratch *scratch, bool typed, duckdb_vector vector,
                                    idx_t idx, struct err *err)
{
    struct column column, *kept = &scratch->columns[idx];
    if (typed && kept->id != DUCKDB_TYPE_INVALID)
        return ERR_OK;
    duckdb_logical_type logical = duckdb_vector_get_column_type(vector);
    bool direct = column_of(logical, &column);
    duckdb_destroy_logical_type(&logical);
    if (!direct)
        return err_set(err, ERR_UNSUPPORTED,
                       "argument %llu of a native function is nested: cast it to text",
                       (unsigned long long)idx + 1);
    column.buffer = kept->buffer;
    column.buffer_bytes = kept->buffer_bytes;
    *kept = column;
    return ERR_OK;
}

/* The chunk as a batch; of columns from constants on, only the first row is read. */
static enum err_code scratch_batch(const struct native *native, struct scratch *scratch,
                                   duckdb_data_chunk chunk, size_t constants,
                                   struct data_batch *ret, struct err *err)
{
    idx_t count = duckdb_data_chunk_get_column_count(chunk);
    idx_t rows = duckdb_data_chunk_get_size(chunk);
    TRY(scratch_columns(scratch, count, err));
    for (idx_t idx = 0; idx < count; idx++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, idx);
        bool typed = idx < 64 && (native->typed >> idx & 1u) != 0;
        TRY(scratch_column(scratch, typed, vector, idx, err));
        idx_t read = idx >= constants && rows > 1 ? 1 : rows;
        TRY(column_read(&scratch->columns[idx], vector, read, &scratch->vectors[idx], err));
    }
    *ret = (struct data_batch){scratch->vectors, count, (int64_t)rows};
    return ERR_OK;
}

/* Past the header of each state. */
static void *const *scratch_states(struct scratch *scratch, int which,
                                   duckdb_aggregate_state *states, idx_t count, struct err *err)
{
    if (scratch->state_count < count) {
        for (int idx = 0; idx < 2; idx++) {
            void **larger = mem_resize(scratch->states[idx], count, sizeof *larger);
            if (larger == NULL) {
                scratch_out_of_memory(err);
                return NULL;
            }
            scratch->states[idx] = larger;
        }
        scratch->state_count = count;
    }
    for (idx_t idx = 0; idx < count; idx++)
        scratch->states[which][idx] = (char *)states[idx] + sizeof(struct native *);
    return scratch->states[which];
}

/* ---- results ------------------------------------------------------------------------------------
 */

/* Where DuckDB keeps the idx-th result. */
static duckdb_vector result_vector(const struct native *native, duckdb_vector output, size_t idx)
{
    return native->is_struct ? duckdb_struct_vector_get_child(output, idx) : output;
}

static enum err_code result_prepare(const struct column *column, struct column *staging,
                                    duckdb_vector vector, idx_t rows, struct data_vector *ret,
                                    struct err *err)
{
    duckdb_vector_ensure_validity_writable(vector);
    ret->type = column->type;
    ret->validity = duckdb_vector_get_validity(vector);
    ret->any = duckdb_vector_get_data(vector);
    if (column_is_direct(column))
        return ERR_OK;
    size_t bytes = rows * sizeof(struct data_int128);
    if (staging->buffer_bytes < bytes) {
        column_done(staging);
        staging->buffer = mem_alloc(bytes);
        staging->buffer_bytes = staging->buffer != NULL ? bytes : 0;
        if (staging->buffer == NULL)
            return scratch_out_of_memory(err);
    }
    memset(staging->buffer, 0, bytes);
    ret->any = staging->buffer;
    return ERR_OK;
}

/* scratch->written: a vector for each result, with room for rows values. */
static enum err_code results_prepare(struct native *native, struct scratch *scratch,
                                     duckdb_vector output, idx_t rows, struct err *err)
{
    for (size_t idx = 0; idx < native->result_count; idx++)
        TRY(result_prepare(&native->results[idx], &scratch->results[idx],
                           result_vector(native, output, idx), rows, &scratch->written[idx], err));
    return ERR_OK;
}

static enum err_code results_commit(struct native *native, const struct scratch *scratch,
                                    duckdb_vector output, idx_t from, idx_t rows, struct err *err)
{
    for (size_t idx = 0; idx < native->result_count; idx++)
        if (!column_is_direct(&native->results[idx]))
            TRY(column_write(&native->results[idx], &scratch->written[idx], (int64_t)from,
                             result_vector(native, output, idx), from, rows, err));
    return ERR_OK;
}

static void results_set_null(const struct native *native, duckdb_vector output, idx_t from,
                             idx_t rows)
{
    for (size_t idx = 0; idx < native->result_count; idx++) {
        duckdb_vector vector = result_vector(native, output, idx);
        duckdb_vector_ensure_validity_writable(vector);
        for (idx_t row = from; row < from + rows; row++)
            duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vector), row);
    }
}

/* Keep the first callback's error whole for engine_fail; DuckDB itself gets only the message. */
static const char *native_fail(struct native *native, const struct err *err)
{
    struct embedded *engine = native->engine;
    pthread_mutex_lock(&engine->native_lock);
    if (engine->native_err.code == ERR_OK)
        engine->native_err = *err;
    pthread_mutex_unlock(&engine->native_lock);
    return err->message;
}

/* ---- scalar -------------------------------------------------------------------------------------
 */

/* null_in_null_out: rows with a null argument are null whatever the callback wrote. */
static void propagate_nulls(const struct data_batch *in, struct data_vector *result)
{
    for (size_t idx = 0; idx < in->columns; idx++) {
        const uint64_t *validity = in->vectors[idx].validity;
        for (int64_t word = 0; validity != NULL && word < (in->rows + 63) / 64; word++)
            result->validity[word] &= validity[word];
    }
}

static enum err_code scalar_call(struct native *native, struct scratch *scratch,
                                 duckdb_data_chunk chunk, duckdb_vector output, struct err *err)
{
    struct data_batch in;
    if (scratch == NULL)
        return scratch_out_of_memory(err);
    struct data_vector *result = scratch->written;
    TRY(scratch_batch(native, scratch, chunk, SIZE_MAX, &in, err));
    TRY(results_prepare(native, scratch, output, (idx_t)in.rows, err));
    if (native->scalar.null_in_null_out)
        propagate_nulls(&in, result);
    TRY(native->scalar.evaluate(native->scalar.extra, &in, scratch->arena, result, err));
    if (arena_failed(scratch->arena))
        return scratch_out_of_memory(err);
    if (native->scalar.null_in_null_out)
        propagate_nulls(&in, result);
    return results_commit(native, scratch, output, 0, (idx_t)in.rows, err);
}

static void scalar_main(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector output)
{
    struct native *native = duckdb_scalar_function_get_extra_info(info);
    struct scratch *scratch = scratch_take(native);
    struct err err = {0};
    if (scalar_call(native, scratch, chunk, output, &err) != ERR_OK)
        duckdb_scalar_function_set_error(info, native_fail(native, &err));
    scratch_give(native, scratch);
}

/* ---- aggregate ----------------------------------------------------------------------------------
 */

static idx_t aggregate_state_bytes(duckdb_function_info info)
{
    const struct native *native = duckdb_aggregate_function_get_extra_info(info);
    return sizeof(struct native *) + (native->aggregate.state_bytes + 7) / 8 * 8;
}

static void aggregate_init(duckdb_function_info info, duckdb_aggregate_state state)
{
    struct native *native = duckdb_aggregate_function_get_extra_info(info);
    memcpy(state, &native, sizeof native);
    native->aggregate.init((char *)state + sizeof native);
}

static void aggregate_destroy(duckdb_aggregate_state *states, idx_t count)
{
    for (idx_t idx = 0; idx < count; idx++) {
        struct native *native;
        memcpy(&native, states[idx], sizeof native);
        native->aggregate.done((char *)states[idx] + sizeof native);
    }
}

static void aggregate_update(duckdb_function_info info, duckdb_data_chunk chunk,
                             duckdb_aggregate_state *states)
{
    struct native *native = duckdb_aggregate_function_get_extra_info(info);
    struct scratch *scratch = scratch_take(native);
    struct err err = {0};
    struct data_batch in = {0};
    size_t constants = native->aggregate.parameter_count - native->aggregate.constants;
    enum err_code code = scratch != NULL
                             ? scratch_batch(native, scratch, chunk, constants, &in, &err)
                             : scratch_out_of_memory(&err);
    void *const *own =
        code == ERR_OK ? scratch_states(scratch, 0, states, (idx_t)in.rows, &err) : NULL;
    if (own != NULL)
        native->aggregate.update(&in, own, &err);
    if (err.code != ERR_OK)
        native_fail(native, &err);
    scratch_give(native, scratch);
}

static void aggregate_combine(duckdb_function_info info, duckdb_aggregate_state *sources,
                              duckdb_aggregate_state *targets, idx_t count)
{
    struct native *native = duckdb_aggregate_function_get_extra_info(info);
    struct scratch *scratch = scratch_take(native);
    struct err err = {0};
    if (scratch == NULL)
        scratch_out_of_memory(&err);
    void *const *from = scratch != NULL ? scratch_states(scratch, 0, sources, count, &err) : NULL;
    void *const *into = from != NULL ? scratch_states(scratch, 1, targets, count, &err) : NULL;
    if (into != NULL)
        native->aggregate.combine(from, into, (int64_t)count, &err);
    if (err.code != ERR_OK)
        native_fail(native, &err);
    scratch_give(native, scratch);
}

static enum err_code finalize_call(struct native *native, struct scratch *scratch,
                                   duckdb_aggregate_state *states, duckdb_vector output,
                                   idx_t count, idx_t offset, struct err *err)
{
    if (scratch == NULL)
        return scratch_out_of_memory(err);
    void *const *own = scratch_states(scratch, 0, states, count, err);
    if (own == NULL)
        return ERR_MEMORY;
    TRY(results_prepare(native, scratch, output, offset + count, err));
    TRY(native->aggregate.finalize(own, (int64_t)count, scratch->arena, scratch->written,
                                   (int64_t)offset, err));
    if (arena_failed(scratch->arena))
        return scratch_out_of_memory(err);
    return results_commit(native, scratch, output, offset, count, err);
}

static void aggregate_finalize(duckdb_function_info info, duckdb_aggregate_state *states,
                               duckdb_vector output, idx_t count, idx_t offset)
{
    struct native *native = duckdb_aggregate_function_get_extra_info(info);
    struct scratch *scratch = scratch_take(native);
    struct err err = {0};
    if (finalize_call(native, scratch, states, output, count, offset, &err) != ERR_OK) {
        native_fail(native, &err);
        results_set_null(native, output, offset, count);
    }
    scratch_give(native, scratch);
}

/* ---- registering --------------------------------------------------------------------------------
 */

static bool native_results(struct native *native, struct data_type result)
{
    native->is_struct = result.kind == DATA_STRUCT;
    native->result_count = native->is_struct ? result.field_count : 1;
    native->results = mem_zalloc(native->result_count, sizeof *native->results);
    for (size_t idx = 0; native->results != NULL && idx < native->result_count; idx++) {
        struct data_type type = native->is_struct ? result.fields[idx].type : result;
        duckdb_logical_type logical = column_logical_type(type);
        column_of(logical, &native->results[idx]);
        native->results[idx].type = type; /* JSON is VARCHAR to DuckDB here */
        duckdb_destroy_logical_type(&logical);
    }
    return native->results != NULL;
}

static struct native *native_new(struct embedded *engine, struct data_type result)
{
    struct native *native = mem_zalloc(1, sizeof *native);
    if (native == NULL)
        return NULL;
    if (!native_results(native, result)) {
        mem_free(native);
        return NULL;
    }
    native->engine = engine;
    pthread_mutex_init(&native->lock, NULL);
    native->next = engine->natives;
    engine->natives = native; /* stays until the engine closes, registered or not */
    return native;
}

#define FIELDS_MOST 16

/* The engine's type of a result; NULL: too many fields. Destroy it. */
static duckdb_logical_type result_type(struct data_type result)
{
    duckdb_logical_type members[FIELDS_MOST];
    const char *names[FIELDS_MOST];
    if (result.kind != DATA_STRUCT)
        return column_logical_type(result);
    if (result.field_count > FIELDS_MOST)
        return NULL;
    for (size_t idx = 0; idx < result.field_count; idx++) {
        members[idx] = column_logical_type(result.fields[idx].type);
        names[idx] = result.fields[idx].name;
    }
    duckdb_logical_type type = duckdb_create_struct_type(members, names, result.field_count);
    for (size_t idx = 0; idx < result.field_count; idx++)
        duckdb_destroy_logical_type(&members[idx]);
    return type;
}

void natives_free(struct embedded *engine)
{
    while (engine->natives != NULL) {
        struct native *native = engine->natives;
        engine->natives = native->next;
        while (native->pool != NULL) {
            struct scratch *scratch = native->pool;
            native->pool = scratch->next;
            scratch_free(native, scratch);
        }
        pthread_mutex_destroy(&native->lock);
        mem_free(native->results);
        mem_free(native);
    }
}

enum err_code engine_register_scalar(struct engine *base, const struct engine_scalar *function,
                                     struct err *err)
{
    struct embedded *engine = NULL;
    TRY(embedded_of(base, "registering a function", &engine, err));
    struct native *native = native_new(engine, function->result);
    duckdb_scalar_function raw = native != NULL ? duckdb_create_scalar_function() : NULL;
    if (raw == NULL)
        return scratch_out_of_memory(err);
    native->scalar = *function;
    duckdb_scalar_function_set_name(raw, function->name);
    if (function->varargs) {
        duckdb_logical_type any = duckdb_create_logical_type(DUCKDB_TYPE_ANY);
        duckdb_scalar_function_set_varargs(raw, any);
        duckdb_destroy_logical_type(&any);
    }
    for (size_t idx = 0; !function->varargs && idx < function->parameter_count; idx++) {
        duckdb_logical_type type = column_logical_type(function->parameters[idx]);
        duckdb_scalar_function_add_parameter(raw, type);
        duckdb_destroy_logical_type(&type);
    }
    duckdb_logical_type result = column_logical_type(function->result);
    duckdb_scalar_function_set_return_type(raw, result);
    duckdb_destroy_logical_type(&result);
    duckdb_scalar_function_set_special_handling(
        raw); /* nulls reach us; propagate_nulls does the rest */
    duckdb_scalar_function_set_extra_info(raw, native, NULL);
    duckdb_scalar_function_set_function(raw, scalar_main);
    duckdb_state state = duckdb_register_scalar_function(engine->connection, raw);
    duckdb_destroy_scalar_function(&raw);
    return state == DuckDBSuccess
               ? ERR_OK
               : err_set(err, ERR_ENGINE, "function %s could not be registered", function->name);
}

static duckdb_aggregate_function aggregate_new(struct embedded *engine,
                                               const struct engine_aggregate *function)
{
    struct native *native = native_new(engine, function->result);
    duckdb_aggregate_function raw = native != NULL ? duckdb_create_aggregate_function() : NULL;
    if (raw == NULL)
        return NULL;
    native->aggregate = *function;
    native->aggregate.parameters = NULL; /* the caller's */
    duckdb_aggregate_function_set_name(raw, function->name);
    for (size_t idx = 0; idx < function->parameter_count; idx++) {
        struct data_type parameter = function->parameters[idx];
        if (parameter.kind != DATA_NULL && idx < 64)
            native->typed |= 1ULL << idx;
        duckdb_logical_type type = parameter.kind == DATA_NULL
                                       ? duckdb_create_logical_type(DUCKDB_TYPE_ANY)
                                       : column_logical_type(parameter);
        duckdb_aggregate_function_add_parameter(raw, type);
        duckdb_destroy_logical_type(&type);
    }
    duckdb_logical_type result = result_type(function->result);
    duckdb_aggregate_function_set_return_type(raw, result);
    duckdb_destroy_logical_type(&result);
    duckdb_aggregate_function_set_functions(raw, aggregate_state_bytes, aggregate_init,
                                            aggregate_update, aggregate_combine,
                                            aggregate_finalize);
    if (function->done != NULL)
        duckdb_aggregate_function_set_destructor(raw, aggregate_destroy);
    duckdb_aggregate_function_set_special_handling(raw);
    duckdb_aggregate_function_set_extra_info(raw, native, NULL);
    return raw;
}

enum err_code engine_register_aggregate(struct engine *base,
                                        const struct engine_aggregate *overloads, size_t count,
                                        struct err *err)
{
    struct embedded *engine = NULL;
    TRY(embedded_of(base, "registering a function", &engine, err));
    duckdb_aggregate_function_set set = duckdb_create_aggregate_function_set(overloads[0].name);
    if (set == NULL)
        return scratch_out_of_memory(err);
    duckdb_state state = DuckDBSuccess;
    for (size_t idx = 0; idx < count && state == DuckDBSuccess; idx++) {
        duckdb_aggregate_function raw = aggregate_new(engine, &overloads[idx]);
        state = raw != NULL ? duckdb_add_aggregate_function_to_set(set, raw)
                            : (duckdb_state)DuckDBError;
        if (raw != NULL)
            duckdb_destroy_aggregate_function(&raw);
    }
    if (state == DuckDBSuccess)
        state = duckdb_register_aggregate_function_set(engine->connection, set);
    duckdb_destroy_aggregate_function_set(&set);
    return state == DuckDBSuccess
               ? ERR_OK
               : err_set(err, ERR_ENGINE, "function %s could not be registered", overloads[0].name);
}
