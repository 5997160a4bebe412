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
    struct column result; /* staging for results that DuckDB lays out otherwise */
};
struct native {
    struct native *next;
    struct embedded *engine;
    pthread_mutex_t lock; /* guards pool */
    struct scratch *pool;
    struct engine_scalar scalar;
    struct engine_aggregate aggregate;
    struct column result;
};

/* ---- scratch ------------------------------------------------------------------------------------
 */

static void scratch_free(struct scratch *scratch)
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
    column_done(&scratch->result);
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
    if (scratch == NULL || (scratch->arena = arena_new(0)) == NULL) {
        scratch_free(scratch);
        return NULL;
    }
    return scratch;
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

/* The chunk as a batch. */
static enum err_code scratch_batch(struct scratch *scratch, duckdb_data_chunk chunk,
                                   struct data_batch *ret, struct err *err)
{
    idx_t count = duckdb_data_chunk_get_column_count(chunk);
    idx_t rows = duckdb_data_chunk_get_size(chunk);
    TRY(scratch_columns(scratch, count, err));
    for (idx_t idx = 0; idx < count; idx++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, idx);
        duckdb_logical_type logical = duckdb_vector_get_column_type(vector);
        struct column column, *kept = &scratch->columns[idx];
        bool direct = column_of(logical, &column);
        duckdb_destroy_logical_type(&logical);
        if (!direct)
            return err_set(err, ERR_UNSUPPORTED,
                           "argument %llu of a native function is nested: cast it to text",
                           (unsigned long long)idx + 1);
        column.buffer = kept->buffer;
        column.buffer_bytes = kept->buffer_bytes;
        *kept = column;
        TRY(column_read(kept, vector, rows, &scratch->vectors[idx], err));
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

static enum err_code result_prepare(struct native *native, struct scratch *scratch,
                                    duckdb_vector vector, idx_t rows, struct data_vector *ret,
                                    struct err *err)
{
    duckdb_vector_ensure_validity_writable(vector);
    ret->type = native->result.type;
    ret->validity = duckdb_vector_get_validity(vector);
    ret->any = duckdb_vector_get_data(vector);
    if (column_is_direct(&native->result))
        return ERR_OK;
    size_t bytes = rows * sizeof(struct data_int128);
    if (scratch->result.buffer_bytes < bytes) {
        column_done(&scratch->result);
        scratch->result.buffer = mem_alloc(bytes);
        scratch->result.buffer_bytes = scratch->result.buffer != NULL ? bytes : 0;
        if (scratch->result.buffer == NULL)
            return scratch_out_of_memory(err);
    }
    memset(scratch->result.buffer, 0, bytes);
    ret->any = scratch->result.buffer;
    return ERR_OK;
}

static enum err_code result_commit(struct native *native, const struct data_vector *result,
                                   duckdb_vector vector, idx_t from, idx_t rows, struct err *err)
{
    if (column_is_direct(&native->result))
        return ERR_OK;
    return column_write(&native->result, result, (int64_t)from, vector, from, rows, err);
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
    struct data_vector result;
    if (scratch == NULL)
        return scratch_out_of_memory(err);
    TRY(scratch_batch(scratch, chunk, &in, err));
    TRY(result_prepare(native, scratch, output, (idx_t)in.rows, &result, err));
    if (native->scalar.null_in_null_out)
        propagate_nulls(&in, &result);
    TRY(native->scalar.evaluate(native->scalar.extra, &in, scratch->arena, &result, err));
    if (arena_failed(scratch->arena))
        return scratch_out_of_memory(err);
    if (native->scalar.null_in_null_out)
        propagate_nulls(&in, &result);
    return result_commit(native, &result, output, 0, (idx_t)in.rows, err);
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
    enum err_code code =
        scratch != NULL ? scratch_batch(scratch, chunk, &in, &err) : scratch_out_of_memory(&err);
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
    struct data_vector result;
    if (scratch == NULL)
        return scratch_out_of_memory(err);
    void *const *own = scratch_states(scratch, 0, states, count, err);
    if (own == NULL)
        return ERR_MEMORY;
    TRY(result_prepare(native, scratch, output, offset + count, &result, err));
    TRY(native->aggregate.finalize(own, (int64_t)count, scratch->arena, &result, (int64_t)offset,
                                   err));
    if (arena_failed(scratch->arena))
        return scratch_out_of_memory(err);
    return result_commit(native, &result, output, offset, count, err);
}

static void aggregate_finalize(duckdb_function_info info, duckdb_aggregate_state *states,
                               duckdb_vector output, idx_t count, idx_t offset)
{
    struct native *native = duckdb_aggregate_function_get_extra_info(info);
    struct scratch *scratch = scratch_take(native);
    struct err err = {0};
    if (finalize_call(native, scratch, states, output, count, offset, &err) != ERR_OK) {
        native_fail(native, &err);
        duckdb_vector_ensure_validity_writable(output);
        for (idx_t row = offset; row < offset + count; row++)
            duckdb_validity_set_row_invalid(duckdb_vector_get_validity(output), row);
    }
    scratch_give(native, scratch);
}

/* ---- registering --------------------------------------------------------------------------------
 */

static struct native *native_new(struct embedded *engine, struct data_type result)
{
    struct native *native = mem_zalloc(1, sizeof *native);
    if (native == NULL)
        return NULL;
    native->engine = engine;
    pthread_mutex_init(&native->lock, NULL);
    duckdb_logical_type logical = column_logical_type(result);
    column_of(logical, &native->result);
    native->result.type = result; /* JSON is VARCHAR to DuckDB here */
    duckdb_destroy_logical_type(&logical);
    native->next = engine->natives;
    engine->natives = native; /* stays until the engine closes, registered or not */
    return native;
}

void natives_free(struct embedded *engine)
{
    while (engine->natives != NULL) {
        struct native *native = engine->natives;
        engine->natives = native->next;
        while (native->pool != NULL) {
            struct scratch *scratch = native->pool;
            native->pool = scratch->next;
            scratch_free(scratch);
        }
        pthread_mutex_destroy(&native->lock);
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

enum err_code engine_register_aggregate(struct engine *base,
                                        const struct engine_aggregate *function, struct err *err)
{
    struct embedded *engine = NULL;
    TRY(embedded_of(base, "registering a function", &engine, err));
    struct native *native = native_new(engine, function->result);
    duckdb_aggregate_function raw = native != NULL ? duckdb_create_aggregate_function() : NULL;
    if (raw == NULL)
        return scratch_out_of_memory(err);
    native->aggregate = *function;
    duckdb_aggregate_function_set_name(raw, function->name);
    for (size_t idx = 0; idx < function->parameter_count; idx++) {
        duckdb_logical_type type = column_logical_type(function->parameters[idx]);
        duckdb_aggregate_function_add_parameter(raw, type);
        duckdb_destroy_logical_type(&type);
    }
    duckdb_logical_type result = column_logical_type(function->result);
    duckdb_aggregate_function_set_return_type(raw, result);
    duckdb_destroy_logical_type(&result);
    duckdb_aggregate_function_set_functions(raw, aggregate_state_bytes, aggregate_init,
                                            aggregate_update, aggregate_combine,
                                            aggregate_finalize);
    if (function->done != NULL)
        duckdb_aggregate_function_set_destructor(raw, aggregate_destroy);
    duckdb_aggregate_function_set_special_handling(raw);
    duckdb_aggregate_function_set_extra_info(raw, native, NULL);
    duckdb_state state = duckdb_register_aggregate_function(engine->connection, raw);
    duckdb_destroy_aggregate_function(&raw);
    return state == DuckDBSuccess
               ? ERR_OK
               : err_set(err, ERR_ENGINE, "function %s could not be registered", function->name);
}
