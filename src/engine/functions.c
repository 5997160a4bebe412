/* Marrow's own SQL functions over the generic hook: stable row hash and its sum, buckets, exact
 * sums, mode, and column typing. One table per kind at the end of the file; add a function by one
 * entry there. */
#include <string.h>

#include "data/typing.h"
#include "engine/exact_priv.h"
#include "engine/functions_priv.h"
#include "engine/mode_priv.h"

static enum err_code no_memory(struct err *err)
{
    return err_set(err, ERR_MEMORY, "no memory for a group's state");
}

static void set_null(struct data_vector *vector, int64_t row)
{
    vector->validity[row >> 6] &= ~(1ULL << (row & 63));
}

/* ---- marrow_null_if ----------------------------------------------------------------------------
 */

static bool is_marker(const struct data_batch *in, int64_t row)
{
    for (size_t idx = 1; idx < in->columns; idx++)
        if (data_vector_is_valid(&in->vectors[idx], row) &&
            str_equal(in->vectors[idx].text[row], in->vectors[0].text[row]))
            return true;
    return false;
}

static enum err_code null_if(void *extra, const struct data_batch *in, struct arena *arena,
                             struct data_vector *ret, struct err *err)
{
    (void)extra;
    (void)arena;
    for (size_t idx = 0; idx < in->columns; idx++)
        if (in->vectors[idx].type.kind != DATA_TEXT && in->vectors[idx].type.kind != DATA_NULL)
            return err_set(err, ERR_USAGE, "marrow_null_if takes texts");
    for (int64_t row = 0; row < in->rows; row++) {
        bool keep =
            in->columns > 0 && data_vector_is_valid(&in->vectors[0], row) && !is_marker(in, row);
        if (keep)
            ret->text[row] = in->vectors[0].text[row];
        else
            data_vector_set_valid(ret, row, false);
    }
    return ERR_OK;
}

/* ---- marrow_row_hash, marrow_hash_sum, marrow_bucket
 * ---------------------------------------------- */

static enum err_code row_hash(void *extra, const struct data_batch *in, struct arena *arena,
                              struct data_vector *ret, struct err *err)
{
    (void)extra;
    _Static_assert(sizeof(struct hash128) == sizeof(struct data_int128),
                   "a hash lies like a 128-bit integer");
    size_t *order = arena_array(arena, in->columns > 0 ? in->columns : 1, sizeof *order);
    if (order == NULL)
        return err_set(err, ERR_MEMORY, "no memory to hash rows");
    for (size_t idx = 0; idx < in->columns; idx++)
        order[idx] = idx;
    struct buf scratch = BUF_INIT;
    struct hash128 *hashes = arena_array(arena, (size_t)in->rows, sizeof *hashes);
    if (hashes != NULL)
        data_row_hash(in, order, &scratch, hashes);
    bool failed = hashes == NULL || scratch.failed;
    buf_done(&scratch);
    if (failed)
        return err_set(err, ERR_MEMORY, "no memory to hash rows");
    for (int64_t row = 0; row < in->rows; row++)
        ret->i128[row] = (struct data_int128){hashes[row].low, (int64_t)hashes[row].high};
    return ERR_OK;
}

struct hash_sum {
    uint64_t low, high, rows;
};

static void hash_sum_add(struct hash_sum *sum, uint64_t low, uint64_t high)
{
    sum->high += high + __builtin_add_overflow(sum->low, low, &sum->low);
}

static void hash_sum_init(void *state)
{
    memset(state, 0, sizeof(struct hash_sum));
}

static enum err_code hash_sum_update(const struct data_batch *in, void *const *states,
                                     struct err *err)
{
    (void)err;
    const struct data_vector *vector = &in->vectors[0];
    for (int64_t row = 0; row < in->rows; row++) {
        if (!data_vector_is_valid(vector, row))
            continue;
        struct hash_sum *sum = states[row];
        hash_sum_add(sum, vector->i128[row].low, (uint64_t)vector->i128[row].high);
        sum->rows++;
    }
    return ERR_OK;
}

static enum err_code hash_sum_combine(void *const *sources, void *const *targets, int64_t count,
                                      struct err *err)
{
    (void)err;
    for (int64_t idx = 0; idx < count; idx++) {
        const struct hash_sum *from = sources[idx];
        struct hash_sum *into = targets[idx];
        hash_sum_add(into, from->low, from->high);
        into->rows += from->rows;
    }
    return ERR_OK;
}

/* Sum over no rows: 0, so that an empty table has a hash. */
static enum err_code hash_sum_finalize(void *const *states, int64_t count, struct arena *arena,
                                       struct data_vector *ret, int64_t offset, struct err *err)
{
    (void)arena, (void)err;
    for (int64_t idx = 0; idx < count; idx++) {
        const struct hash_sum *sum = states[idx];
        ret->i128[offset + idx] = (struct data_int128){sum->low, (int64_t)sum->high};
    }
    return ERR_OK;
}

static enum err_code bucket(void *extra, const struct data_batch *in, struct arena *arena,
                            struct data_vector *ret, struct err *err)
{
    (void)extra, (void)arena;
    const struct data_vector *text = &in->vectors[0], *buckets = &in->vectors[1];
    for (int64_t row = 0; row < in->rows; row++) {
        ret->i64[row] = 0;
        if (!data_vector_is_valid(text, row) || !data_vector_is_valid(buckets, row))
            continue;
        if (buckets->i64[row] < 1)
            return err_set(err, ERR_USAGE, "marrow_bucket needs at least one bucket");
        uint64_t hash = hash_xxh3_64(text->text[row].ptr, text->text[row].len, 0);
        ret->i64[row] = (int64_t)(hash % (uint64_t)buckets->i64[row]);
    }
    return ERR_OK;
}

/* ---- marrow_sum, marrow_mean, marrow_sd
 * ----------------------------------------------------------- */

static void sum_init(void *state)
{
    memset(state, 0, sizeof(struct exact_sum));
}

static enum err_code sum_update(const struct data_batch *in, void *const *states, struct err *err)
{
    const struct data_vector *vector = &in->vectors[0];
    for (int64_t row = 0; row < in->rows; row++)
        if (data_vector_is_valid(vector, row) && !exact_sum_add(states[row], vector->f64[row]))
            return no_memory(err);
    return ERR_OK;
}

static enum err_code sum_combine(void *const *sources, void *const *targets, int64_t count,
                                 struct err *err)
{
    for (int64_t idx = 0; idx < count; idx++)
        if (!exact_sum_merge(targets[idx], sources[idx]))
            return no_memory(err);
    return ERR_OK;
}

static void sum_done(void *state)
{
    exact_sum_done(state);
}

static enum err_code sum_finalize(void *const *states, int64_t count, struct arena *arena,
                                  struct data_vector *ret, int64_t offset, struct err *err)
{
    (void)arena, (void)err;
    for (int64_t idx = 0; idx < count; idx++) {
        const struct exact_sum *sum = states[idx];
        if (sum->count == 0)
            set_null(ret, offset + idx);
        else
            ret->f64[offset + idx] = exact_sum_value(sum);
    }
    return ERR_OK;
}

static enum err_code mean_finalize(void *const *states, int64_t count, struct arena *arena,
                                   struct data_vector *ret, int64_t offset, struct err *err)
{
    (void)arena, (void)err;
    for (int64_t idx = 0; idx < count; idx++) {
        const struct exact_sum *sum = states[idx];
        if (sum->count == 0)
            set_null(ret, offset + idx);
        else
            ret->f64[offset + idx] = exact_mean_value(sum);
    }
    return ERR_OK;
}

static void sd_init(void *state)
{
    memset(state, 0, sizeof(struct exact_moments));
}

static enum err_code sd_update(const struct data_batch *in, void *const *states, struct err *err)
{
    const struct data_vector *vector = &in->vectors[0];
    for (int64_t row = 0; row < in->rows; row++)
        if (data_vector_is_valid(vector, row) && !exact_moments_add(states[row], vector->f64[row]))
            return no_memory(err);
    return ERR_OK;
}

static enum err_code sd_combine(void *const *sources, void *const *targets, int64_t count,
                                struct err *err)
{
    for (int64_t idx = 0; idx < count; idx++)
        if (!exact_moments_merge(targets[idx], sources[idx]))
            return no_memory(err);
    return ERR_OK;
}

static void sd_done(void *state)
{
    exact_moments_done(state);
}

static enum err_code sd_finalize(void *const *states, int64_t count, struct arena *arena,
                                 struct data_vector *ret, int64_t offset, struct err *err)
{
    (void)arena, (void)err;
    for (int64_t idx = 0; idx < count; idx++) {
        const struct exact_moments *moments = states[idx];
        if (moments->sum.count < 2)
            set_null(ret, offset + idx);
        else
            ret->f64[offset + idx] = exact_sd_value(moments);
    }
    return ERR_OK;
}

/* ---- marrow_mode
 * ---------------------------------------------------------------------------------- */

static void mode_init(void *state)
{
    memset(state, 0, sizeof(struct mode_table *));
}

static enum err_code mode_update(const struct data_batch *in, void *const *states, struct err *err)
{
    const struct data_vector *vector = &in->vectors[0];
    for (int64_t row = 0; row < in->rows; row++)
        if (data_vector_is_valid(vector, row) && !mode_table_add(states[row], vector->text[row], 1))
            return no_memory(err);
    return ERR_OK;
}

static enum err_code mode_combine(void *const *sources, void *const *targets, int64_t count,
                                  struct err *err)
{
    for (int64_t idx = 0; idx < count; idx++)
        if (!mode_table_merge(targets[idx], *(struct mode_table *const *)sources[idx]))
            return no_memory(err);
    return ERR_OK;
}

static enum err_code mode_finalize(void *const *states, int64_t count, struct arena *arena,
                                   struct data_vector *ret, int64_t offset, struct err *err)
{
    (void)arena, (void)err;
    for (int64_t idx = 0; idx < count; idx++)
        if (!mode_table_best(*(struct mode_table *const *)states[idx], &ret->text[offset + idx]))
            set_null(ret, offset + idx);
    return ERR_OK;
}

static void mode_done(void *state)
{
    mode_table_free(*(struct mode_table **)state);
}

/* ---- marrow_typing
 * -------------------------------------------------------------------------------- */

static void typing_init(void *state)
{
    typing_stats_init(state);
}

static enum err_code typing_update(const struct data_batch *in, void *const *states,
                                   struct err *err)
{
    (void)err;
    const struct data_vector *vector = &in->vectors[0];
    for (int64_t row = 0; row < in->rows; row++) {
        if (data_vector_is_valid(vector, row))
            typing_stats_add(states[row], vector->text[row]);
        else
            typing_stats_add_null(states[row]);
    }
    return ERR_OK;
}

static enum err_code typing_combine(void *const *sources, void *const *targets, int64_t count,
                                    struct err *err)
{
    (void)err;
    for (int64_t idx = 0; idx < count; idx++)
        typing_stats_merge(targets[idx], sources[idx]);
    return ERR_OK;
}

static enum err_code typing_finalize(void *const *states, int64_t count, struct arena *arena,
                                     struct data_vector *ret, int64_t offset, struct err *err)
{
    for (int64_t idx = 0; idx < count; idx++) {
        struct buf bytes = BUF_INIT;
        bool written = typing_stats_write(states[idx], &bytes) && !bytes.failed;
        char *kept = written ? arena_alloc(arena, bytes.len > 0 ? bytes.len : 1) : NULL;
        if (kept != NULL && bytes.len > 0)
            memcpy(kept, bytes.ptr, bytes.len);
        ret->text[offset + idx] = (struct str){kept, bytes.len};
        buf_done(&bytes);
        if (kept == NULL)
            return no_memory(err);
    }
    return ERR_OK;
}

static void typing_done(void *state)
{
    typing_stats_done(state);
}

/* ---- the tables
 * ----------------------------------------------------------------------------------- */

#define ONE(kind) (const struct data_type[]){DATA_TYPE(kind)}, 1

enum err_code engine_functions_register(struct engine *engine, struct err *err)
{
    const struct engine_scalar scalars[] = {
        {.name = "marrow_row_hash",
         .varargs = true,
         .result = DATA_TYPE(UHUGEINT),
         .evaluate = row_hash},
        {.name = "marrow_null_if", .varargs = true, .result = DATA_TYPE(TEXT), .evaluate = null_if},
        {.name = "marrow_bucket",
         .parameters = (const struct data_type[]){DATA_TYPE(TEXT), DATA_TYPE(BIGINT)},
         .parameter_count = 2,
         .result = DATA_TYPE(BIGINT),
         .null_in_null_out = true,
         .evaluate = bucket},
    };
    const struct engine_aggregate aggregates[] = {
        {"marrow_hash_sum", ONE(UHUGEINT), DATA_TYPE(UHUGEINT), sizeof(struct hash_sum),
         hash_sum_init, hash_sum_update, hash_sum_combine, hash_sum_finalize, NULL},
        {"marrow_sum", ONE(DOUBLE), DATA_TYPE(DOUBLE), sizeof(struct exact_sum), sum_init,
         sum_update, sum_combine, sum_finalize, sum_done},
        {"marrow_mean", ONE(DOUBLE), DATA_TYPE(DOUBLE), sizeof(struct exact_sum), sum_init,
         sum_update, sum_combine, mean_finalize, sum_done},
        {"marrow_sd", ONE(DOUBLE), DATA_TYPE(DOUBLE), sizeof(struct exact_moments), sd_init,
         sd_update, sd_combine, sd_finalize, sd_done},
        {"marrow_mode", ONE(TEXT), DATA_TYPE(TEXT), sizeof(struct mode_table *), mode_init,
         mode_update, mode_combine, mode_finalize, mode_done},
        {"marrow_typing", ONE(TEXT), DATA_TYPE(BLOB), typing_stats_bytes(), typing_init,
         typing_update, typing_combine, typing_finalize, typing_done},
    };
    for (size_t idx = 0; idx < sizeof scalars / sizeof *scalars; idx++)
        TRY(engine_register_scalar(engine, &scalars[idx], err));
    for (size_t idx = 0; idx < sizeof aggregates / sizeof *aggregates; idx++)
        TRY(engine_register_aggregate(engine, &aggregates[idx], err));
    return ERR_OK;
}
