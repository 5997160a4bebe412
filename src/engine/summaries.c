/* Aggregates that say several things about one column in one pass; the DuckDB dialect writes them
 * in place of single ones:
 *
 *     marrow_values(x)                 {count, distinct, mode}        a table of counts (values.c)
 *     marrow_ends(x, key)              {first, last}                  by key, which is total
 *     marrow_levels(x, '["a", "b"]')   {n1, n2, … n12}                rows that equal each level
 *
 * Nulls of x count for nothing. What comes out does not depend on the order of rows. */
#include <string.h>

#include "engine/functions_priv.h"
#include "engine/values_priv.h"

#define LEVELS_MOST 12

static enum err_code no_memory(struct err *err)
{
    return err_set(err, ERR_MEMORY, "no memory for a group's state");
}

/* ---- marrow_values, marrow_mode -----------------------------------------------------------------
 */

static void values_init(void *state)
{
    memset(state, 0, sizeof(struct value_counts));
}

static enum err_code values_update(const struct data_batch *in, void *const *states,
                                   struct err *err)
{
    const struct data_vector *vector = &in->vectors[0];
    enum data_kind kind = vector->type.kind;
    for (int64_t row = 0; row < in->rows; row++)
        if (data_vector_is_valid(vector, row) &&
            !value_counts_add(states[row], kind, value_at(vector, row), 1))
            return no_memory(err);
    return ERR_OK;
}

static enum err_code values_combine(void *const *sources, void *const *targets, int64_t count,
                                    struct err *err)
{
    for (int64_t idx = 0; idx < count; idx++)
        if (!value_counts_merge(targets[idx], sources[idx]))
            return no_memory(err);
    return ERR_OK;
}

static void values_done(void *state)
{
    value_counts_done(state);
}

static enum err_code mode_finalize(void *const *states, int64_t count, struct arena *arena,
                                   struct data_vector *ret, int64_t offset, struct err *err)
{
    for (int64_t idx = 0; idx < count; idx++) {
        struct value best;
        if (!value_counts_best(states[idx], &best))
            data_vector_set_valid(ret, offset + idx, false);
        else if (!value_put(best, arena, ret, offset + idx))
            return no_memory(err);
    }
    return ERR_OK;
}

static enum err_code values_finalize(void *const *states, int64_t count, struct arena *arena,
                                     struct data_vector *ret, int64_t offset, struct err *err)
{
    for (int64_t idx = 0; idx < count; idx++) {
        const struct value_counts *counts = states[idx];
        ret[0].i64[offset + idx] = value_counts_total(counts);
        ret[1].i64[offset + idx] = counts->used;
    }
    return mode_finalize(states, count, arena, &ret[2], offset, err);
}

/* ---- marrow_ends --------------------------------------------------------------------------------
 */

struct end {
    struct data_int128 key;
    struct value value;
    bool keyed; /* else its key was null: such a row wins only over its like */
};
struct ends {
    struct end ends[2]; /* first, last */
    bool filled;
    uint8_t kind;
};

static void ends_init(void *state)
{
    memset(state, 0, sizeof(struct ends));
}

static int compare_keys(struct data_int128 a, struct data_int128 b)
{
    if (a.high != b.high)
        return a.high < b.high ? -1 : 1;
    return (a.low > b.low) - (a.low < b.low);
}

/* Does candidate come before the first (which = 0) or after the last (1)? Equal keys: by value. */
static bool end_wins(enum data_kind kind, int which, const struct end *candidate,
                     const struct end *held)
{
    if (candidate->keyed != held->keyed)
        return candidate->keyed;
    int order = candidate->keyed ? compare_keys(candidate->key, held->key) : 0;
    if (order == 0)
        order = value_compare(kind, candidate->value, held->value);
    return which == 0 ? order < 0 : order > 0;
}

static bool ends_add(struct ends *ends, enum data_kind kind, const struct end *candidates)
{
    ends->kind = (uint8_t)kind;
    for (int which = 0; which < 2; which++) {
        struct end *held = &ends->ends[which], copy = candidates[which];
        if (ends->filled && !end_wins(kind, which, &copy, held))
            continue;
        if (!value_copy(kind, copy.value, &copy.value))
            return false;
        value_done(kind, &held->value);
        *held = copy;
    }
    ends->filled = true;
    return true;
}

static struct data_int128 key_at(const struct data_vector *vector, int64_t row)
{
    if (vector->type.kind == DATA_DECIMAL)
        return vector->i128[row];
    return (struct data_int128){(uint64_t)vector->i64[row], vector->i64[row] < 0 ? -1 : 0};
}

static enum err_code ends_update(const struct data_batch *in, void *const *states, struct err *err)
{
    const struct data_vector *vector = &in->vectors[0], *keys = &in->vectors[1];
    enum data_kind by = keys->type.kind;
    if (by != DATA_BIGINT && by != DATA_DECIMAL && by != DATA_DATE && by != DATA_TIMESTAMP)
        return err_set(err, ERR_USAGE,
                       "marrow_ends orders by a whole number, a decimal, a date or a timestamp");
    for (int64_t row = 0; row < in->rows; row++) {
        if (!data_vector_is_valid(vector, row))
            continue;
        struct end end = {.value = value_at(vector, row), .keyed = data_vector_is_valid(keys, row)};
        if (end.keyed)
            end.key = key_at(keys, row);
        if (!ends_add(states[row], vector->type.kind, (const struct end[]){end, end}))
            return no_memory(err);
    }
    return ERR_OK;
}

static enum err_code ends_combine(void *const *sources, void *const *targets, int64_t count,
                                  struct err *err)
{
    for (int64_t idx = 0; idx < count; idx++) {
        const struct ends *from = sources[idx];
        if (from->filled && !ends_add(targets[idx], from->kind, from->ends))
            return no_memory(err);
    }
    return ERR_OK;
}

static enum err_code ends_finalize(void *const *states, int64_t count, struct arena *arena,
                                   struct data_vector *ret, int64_t offset, struct err *err)
{
    for (int which = 0; which < 2; which++)
        for (int64_t idx = 0; idx < count; idx++) {
            const struct ends *ends = states[idx];
            if (!ends->filled)
                data_vector_set_valid(&ret[which], offset + idx, false);
            else if (!value_put(ends->ends[which].value, arena, &ret[which], offset + idx))
                return no_memory(err);
        }
    return ERR_OK;
}

static void ends_done(void *state)
{
    struct ends *ends = state;
    value_done(ends->kind, &ends->ends[0].value);
    value_done(ends->kind, &ends->ends[1].value);
}

/* ---- marrow_levels ------------------------------------------------------------------------------
 */

static void levels_init(void *state)
{
    memset(state, 0, LEVELS_MOST * sizeof(int64_t));
}

/* The levels listed; texts point into list. */
static enum err_code levels_read(const json_t *list, enum data_kind kind, struct value *ret,
                                 size_t *ret_count, struct err *err)
{
    size_t idx;
    json_t *item;
    if (!json_is_array(list) || json_array_size(list) > LEVELS_MOST)
        return err_set(err, ERR_USAGE, "marrow_levels takes a JSON array of up to %d levels",
                       LEVELS_MOST);
    json_array_foreach(list, idx, item)
    {
        if (kind == DATA_TEXT ? !json_is_string(item) : !json_is_integer(item))
            return err_set(err, ERR_USAGE, "a level of marrow_levels is not of the value's type");
        ret[idx] =
            kind == DATA_TEXT
                ? value_of_text((struct str){json_string_value(item), json_string_length(item)})
                : (struct value){(uint64_t)json_integer_value(item), 0};
    }
    *ret_count = json_array_size(list);
    for (size_t one = 0; one < *ret_count; one++)
        for (size_t other = 0; other < one; other++)
            if (value_equal(kind, ret[one], ret[other]))
                return err_set(err, ERR_USAGE, "marrow_levels takes each level once");
    return ERR_OK;
}

static enum err_code levels_update(const struct data_batch *in, void *const *states,
                                   struct err *err)
{
    const struct data_vector *vector = &in->vectors[0], *given = &in->vectors[1];
    enum data_kind kind = vector->type.kind;
    struct value levels[LEVELS_MOST] = {{0, 0}};
    size_t level_count = 0;
    if (in->rows == 0 || !data_vector_is_valid(given, 0))
        return ERR_OK;
    JSON_AUTO list = json_loadb(given->text[0].ptr, given->text[0].len, JSON_ALLOW_NUL, NULL);
    TRY(levels_read(list, kind, levels, &level_count, err));
    for (int64_t row = 0; row < in->rows; row++) {
        if (!data_vector_is_valid(vector, row))
            continue;
        struct value value = value_at(vector, row);
        int64_t *counts = states[row];
        for (size_t idx = 0; idx < level_count; idx++)
            if (value_equal(kind, levels[idx], value)) {
                counts[idx]++;
                break;
            }
    }
    return ERR_OK;
}

static enum err_code levels_combine(void *const *sources, void *const *targets, int64_t count,
                                    struct err *err)
{
    (void)err;
    for (int64_t idx = 0; idx < count; idx++)
        for (size_t level = 0; level < LEVELS_MOST; level++)
            ((int64_t *)targets[idx])[level] += ((const int64_t *)sources[idx])[level];
    return ERR_OK;
}

static enum err_code levels_finalize(void *const *states, int64_t count, struct arena *arena,
                                     struct data_vector *ret, int64_t offset, struct err *err)
{
    (void)arena, (void)err;
    for (size_t level = 0; level < LEVELS_MOST; level++)
        for (int64_t idx = 0; idx < count; idx++)
            ret[level].i64[offset + idx] = ((const int64_t *)states[idx])[level];
    return ERR_OK;
}

/* ---- registering --------------------------------------------------------------------------------
 */

static const enum data_kind KINDS[] = {DATA_TEXT, DATA_BIGINT, DATA_DOUBLE, DATA_DATE,
                                       DATA_TIMESTAMP};
#define KIND_COUNT (sizeof KINDS / sizeof *KINDS)
#define LEVEL_KINDS 2 /* the first so many of KINDS */
#define LEVEL(name)                                                                                \
    {                                                                                              \
        name,                                                                                      \
        {                                                                                          \
            .kind = DATA_BIGINT                                                                    \
        }                                                                                          \
    }

static enum err_code register_values(struct engine *engine, struct err *err)
{
    struct data_type of[KIND_COUNT];
    struct data_field fields[KIND_COUNT][3];
    struct engine_aggregate overloads[KIND_COUNT];
    for (size_t idx = 0; idx < KIND_COUNT; idx++) {
        of[idx] = (struct data_type){.kind = KINDS[idx]};
        fields[idx][0] = (struct data_field){"count", DATA_TYPE(BIGINT)};
        fields[idx][1] = (struct data_field){"distinct", DATA_TYPE(BIGINT)};
        fields[idx][2] = (struct data_field){"mode", of[idx]};
        overloads[idx] = (struct engine_aggregate){
            .name = "marrow_values",
            .parameters = &of[idx],
            .parameter_count = 1,
            .result = {.kind = DATA_STRUCT, .fields = fields[idx], .field_count = 3},
            .state_bytes = sizeof(struct value_counts),
            .init = values_init,
            .update = values_update,
            .combine = values_combine,
            .finalize = values_finalize,
            .done = values_done};
    }
    TRY(engine_register_aggregate(engine, overloads, KIND_COUNT, err));
    overloads[0].name = "marrow_mode";
    overloads[0].result = DATA_TYPE(TEXT);
    overloads[0].finalize = mode_finalize;
    return engine_register_aggregate(engine, overloads, 1, err);
}

static enum err_code register_ends(struct engine *engine, struct err *err)
{
    struct data_type of[KIND_COUNT][2];
    struct data_field fields[KIND_COUNT][2];
    struct engine_aggregate overloads[KIND_COUNT];
    for (size_t idx = 0; idx < KIND_COUNT; idx++) {
        of[idx][0] = (struct data_type){.kind = KINDS[idx]};
        of[idx][1] = DATA_TYPE(NULL);
        fields[idx][0] = (struct data_field){"first", of[idx][0]};
        fields[idx][1] = (struct data_field){"last", of[idx][0]};
        overloads[idx] = (struct engine_aggregate){
            .name = "marrow_ends",
            .parameters = of[idx],
            .parameter_count = 2,
            .result = {.kind = DATA_STRUCT, .fields = fields[idx], .field_count = 2},
            .state_bytes = sizeof(struct ends),
            .init = ends_init,
            .update = ends_update,
            .combine = ends_combine,
            .finalize = ends_finalize,
            .done = ends_done};
    }
    return engine_register_aggregate(engine, overloads, KIND_COUNT, err);
}

static enum err_code register_levels(struct engine *engine, struct err *err)
{
    static const struct data_field LEVELS[LEVELS_MOST] = {
        LEVEL("n1"), LEVEL("n2"), LEVEL("n3"), LEVEL("n4"),  LEVEL("n5"),  LEVEL("n6"),
        LEVEL("n7"), LEVEL("n8"), LEVEL("n9"), LEVEL("n10"), LEVEL("n11"), LEVEL("n12")};
    struct data_type of[LEVEL_KINDS][2];
    struct engine_aggregate overloads[LEVEL_KINDS];
    for (size_t idx = 0; idx < LEVEL_KINDS; idx++) {
        of[idx][0] = (struct data_type){.kind = KINDS[idx]};
        of[idx][1] = DATA_TYPE(TEXT);
        overloads[idx] = (struct engine_aggregate){
            .name = "marrow_levels",
            .parameters = of[idx],
            .parameter_count = 2,
            .constants = 1,
            .result = {.kind = DATA_STRUCT, .fields = LEVELS, .field_count = LEVELS_MOST},
            .state_bytes = LEVELS_MOST * sizeof(int64_t),
            .init = levels_init,
            .update = levels_update,
            .combine = levels_combine,
            .finalize = levels_finalize};
    }
    return engine_register_aggregate(engine, overloads, LEVEL_KINDS, err);
}

enum err_code engine_summaries_register(struct engine *engine, struct err *err)
{
    TRY(register_values(engine, err));
    TRY(register_ends(engine, err));
    return register_levels(engine, err);
}
