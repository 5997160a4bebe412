/* Marrow's own SQL functions over the generic hook: stable row hash and its sum, buckets, exact
 * sums, mode, and column typing. One table per kind at the end of the file; add a function by one
 * entry there. */
#include <string.h>

#include "data/typing.h"
#include "engine/exact_priv.h"
#include "engine/functions_priv.h"

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

/* In place of the engine's own cast of a uhugeint to text, which takes 130 µs a value. */
static enum err_code digits(void *extra, const struct data_batch *in, struct arena *arena,
                            struct data_vector *ret, struct err *err)
{
    (void)extra;
    AUTO(buf_done) struct buf text = BUF_INIT;
    for (int64_t row = 0; row < in->rows; row++) {
        buf_clear(&text);
        if (!data_value_text(&in->vectors[0], row, &text))
            continue;
        const char *copy = arena_strndup(arena, buf_text(&text), text.len);
        if (copy == NULL || text.failed)
            return err_set(err, ERR_MEMORY, "no memory for the digits of a number");
        ret->text[row] = (struct str){copy, text.len};
    }
    return ERR_OK;
}

/* ---- marrow_json_exact -------------------------------------------------------------------------
 */

/* What begins the string that a number becomes, so that it is told from a string: U+FDD0, which no
 * text for interchange holds. */
#define EXACT_MARK "\"\xEF\xB7\x90"

/* One past the string whose opening quote is at *at. */
static const char *string_end(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        at += *at == '\\' && at + 1 < end;
    return at < end ? at + 1 : end;
}

static void put_exact(struct str json, struct buf *out)
{
    const char *end = json.ptr + json.len, *from = json.ptr;
    for (const char *at = from; at < end;) {
        if (*at == '"') {
            at = string_end(at, end);
            continue;
        }
        if (*at != '-' && (*at < '0' || *at > '9')) {
            at++;
            continue;
        }
        const char *number = at;
        while (at < end && (strchr("+-.eE", *at) != NULL || (*at >= '0' && *at <= '9')) &&
               *at != '\0')
            at++;
        buf_add(out, from, (size_t)(number - from));
        buf_puts(out, EXACT_MARK);
        buf_add(out, number, (size_t)(at - number));
        buf_putc(out, '"');
        from = at;
    }
    buf_add(out, from, (size_t)(end - from));
}

/* JSON in which each number is a string of its digits: the engine's own reader shortens them. */
static enum err_code json_exact(void *extra, const struct data_batch *in, struct arena *arena,
                                struct data_vector *ret, struct err *err)
{
    (void)extra;
    AUTO(buf_done) struct buf text = BUF_INIT;
    for (int64_t row = 0; row < in->rows; row++) {
        if (!data_vector_is_valid(&in->vectors[0], row))
            continue;
        buf_clear(&text);
        put_exact(in->vectors[0].text[row], &text);
        const char *copy = arena_strndup(arena, buf_text(&text), text.len);
        if (copy == NULL || text.failed)
            return err_set(err, ERR_MEMORY, "no memory for the exact form of a JSON text");
        ret->text[row] = (struct str){copy, text.len};
    }
    return ERR_OK;
}

/* ---- marrow_number_product, marrow_number_quotient ----------------------------------------------
 */

#define EXACT_ONE 1000000000000000ULL /* 1 as decimal(38,15) */
__extension__ typedef unsigned __int128 wide;

static wide size_of(struct data_int128 value, bool *ret_negative)
{
    wide bits = ((wide)(uint64_t)value.high << 64) | value.low;
    *ret_negative = value.high < 0;
    return value.high < 0 ? -bits : bits;
}

/* (high, low) / by, rounded half up; false: it has more than 38 digits. */
static bool divided(wide high, wide low, wide by, wide *ret)
{
    wide rest = 0, quotient = 0;
    const wide most = (wide)10000000000000000000ULL * 10000000000000000000ULL; /* 10^38 */
    for (int bit = 255; bit >= 0; bit--) {
        bool carry = (rest >> 127) != 0;
        rest = (rest << 1) | ((bit >= 128 ? high >> (bit - 128) : low >> bit) & 1);
        if (quotient >= most)
            return false;
        quotient <<= 1;
        if (carry || rest >= by) {
            rest -= by;
            quotient |= 1;
        }
    }
    quotient += rest >= by - rest;
    *ret = quotient;
    return quotient < most;
}

/* a × b as high and low */
static void multiplied(wide a, wide b, wide *ret_high, wide *ret_low)
{
    wide a1 = a >> 64, a0 = (uint64_t)a, b1 = b >> 64, b0 = (uint64_t)b;
    wide low = a0 * b0, middle = a1 * b0 + (low >> 64), other = a0 * b1 + (uint64_t)middle;
    *ret_low = (other << 64) | (uint64_t)low;
    *ret_high = a1 * b1 + (middle >> 64) + (other >> 64);
}

static enum err_code exact_numbers(const struct data_batch *in, struct data_vector *ret,
                                   bool quotient, struct err *err)
{
    for (int64_t row = 0; row < in->rows; row++) {
        bool minus, other;
        if (!data_vector_is_valid(&in->vectors[0], row) ||
            !data_vector_is_valid(&in->vectors[1], row))
            continue;
        wide a = size_of(in->vectors[0].i128[row], &minus), high, low, made;
        wide b = size_of(in->vectors[1].i128[row], &other);
        if (quotient && b == 0) {
            set_null(ret, row);
            continue;
        }
        multiplied(a, quotient ? EXACT_ONE : b, &high, &low);
        if (!divided(high, low, quotient ? b : EXACT_ONE, &made))
            return err_set(err, ERR_INPUT,
                           "a product or quotient of more than 23 digits before the point");
        made = minus != other ? -made : made;
        ret->i128[row] = (struct data_int128){(uint64_t)made, (int64_t)(uint64_t)(made >> 64)};
    }
    return ERR_OK;
}
static enum err_code number_product(void *extra, const struct data_batch *in, struct arena *arena,
                                    struct data_vector *ret, struct err *err)
{
    (void)extra;
    (void)arena;
    return exact_numbers(in, ret, false, err);
}
static enum err_code number_quotient(void *extra, const struct data_batch *in, struct arena *arena,
                                     struct data_vector *ret, struct err *err)
{
    (void)extra;
    (void)arena;
    return exact_numbers(in, ret, true, err);
}

/* ---- marrow_sum, marrow_mean, marrow_sd
 * ----------------------------------------------------------- */

/* A double's state is a struct exact_sum (sum, mean) or a struct exact_moments (sd), which begins
 * with one. */
#define EXACT_STATE(name)                                                                          \
    static void name##_init(void *state)                                                           \
    {                                                                                              \
        memset(state, 0, sizeof(struct exact_##name));                                             \
    }                                                                                              \
    static enum err_code name##_update(const struct data_batch *in, void *const *states,           \
                                       struct err *err)                                            \
    {                                                                                              \
        const struct data_vector *vector = &in->vectors[0];                                        \
        for (int64_t row = 0; row < in->rows; row++)                                               \
            if (data_vector_is_valid(vector, row) &&                                               \
                !exact_##name##_add(states[row], vector->f64[row]))                                \
                return no_memory(err);                                                             \
        return ERR_OK;                                                                             \
    }                                                                                              \
    static enum err_code name##_combine(void *const *sources, void *const *targets, int64_t count, \
                                        struct err *err)                                           \
    {                                                                                              \
        for (int64_t idx = 0; idx < count; idx++)                                                  \
            if (!exact_##name##_merge(targets[idx], sources[idx]))                                 \
                return no_memory(err);                                                             \
        return ERR_OK;                                                                             \
    }                                                                                              \
    static void name##_done(void *state)                                                           \
    {                                                                                              \
        exact_##name##_done(state);                                                                \
    }
EXACT_STATE(sum)
EXACT_STATE(moments)

/* Null below least values. */
#define EXACT_FINALIZE(name, least, value)                                                         \
    static enum err_code name##_finalize(void *const *states, int64_t count, struct arena *arena,  \
                                         struct data_vector *ret, int64_t offset, struct err *err) \
    {                                                                                              \
        (void)arena, (void)err;                                                                    \
        for (int64_t idx = 0; idx < count; idx++) {                                                \
            if (((const struct exact_sum *)states[idx])->count < (least))                          \
                set_null(ret, offset + idx);                                                       \
            else                                                                                   \
                ret->f64[offset + idx] = value(states[idx]);                                       \
        }                                                                                          \
        return ERR_OK;                                                                             \
    }
EXACT_FINALIZE(sum, 1, exact_sum_value)
EXACT_FINALIZE(mean, 1, exact_mean_value)
EXACT_FINALIZE(sd, 2, exact_sd_value)
EXACT_FINALIZE(var, 2, exact_var_value)

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

#define ONE(kind) (const struct data_type[]){DATA_TYPE(kind)}, .parameter_count = 1

enum err_code engine_functions_register(struct engine *engine, struct err *err)
{
    const struct data_type exact[] = {data_type_decimal(38, 15), data_type_decimal(38, 15)};
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
        {.name = "marrow_digits",
         .parameters = ONE(UHUGEINT),
         .result = DATA_TYPE(TEXT),
         .null_in_null_out = true,
         .evaluate = digits},
        {.name = "marrow_json_exact",
         .parameters = ONE(TEXT),
         .result = DATA_TYPE(TEXT),
         .null_in_null_out = true,
         .evaluate = json_exact},
        {.name = "marrow_number_product",
         .parameters = exact,
         .parameter_count = 2,
         .result = exact[0],
         .null_in_null_out = true,
         .evaluate = number_product},
        {.name = "marrow_number_quotient",
         .parameters = exact,
         .parameter_count = 2,
         .result = exact[0],
         .null_in_null_out = true,
         .evaluate = number_quotient},
    };
    const struct engine_aggregate aggregates[] = {
        {.name = "marrow_hash_sum",
         .parameters = ONE(UHUGEINT),
         .result = DATA_TYPE(UHUGEINT),
         .state_bytes = sizeof(struct hash_sum),
         .init = hash_sum_init,
         .update = hash_sum_update,
         .combine = hash_sum_combine,
         .finalize = hash_sum_finalize,
         .done = NULL},
        {.name = "marrow_sum",
         .parameters = ONE(DOUBLE),
         .result = DATA_TYPE(DOUBLE),
         .state_bytes = sizeof(struct exact_sum),
         .init = sum_init,
         .update = sum_update,
         .combine = sum_combine,
         .finalize = sum_finalize,
         .done = sum_done},
        {.name = "marrow_mean",
         .parameters = ONE(DOUBLE),
         .result = DATA_TYPE(DOUBLE),
         .state_bytes = sizeof(struct exact_sum),
         .init = sum_init,
         .update = sum_update,
         .combine = sum_combine,
         .finalize = mean_finalize,
         .done = sum_done},
        {.name = "marrow_sd",
         .parameters = ONE(DOUBLE),
         .result = DATA_TYPE(DOUBLE),
         .state_bytes = sizeof(struct exact_moments),
         .init = moments_init,
         .update = moments_update,
         .combine = moments_combine,
         .finalize = sd_finalize,
         .done = moments_done},
        {.name = "marrow_var",
         .parameters = ONE(DOUBLE),
         .result = DATA_TYPE(DOUBLE),
         .state_bytes = sizeof(struct exact_moments),
         .init = moments_init,
         .update = moments_update,
         .combine = moments_combine,
         .finalize = var_finalize,
         .done = moments_done},
        {.name = "marrow_typing",
         .parameters = ONE(TEXT),
         .result = DATA_TYPE(BLOB),
         .state_bytes = typing_stats_bytes(),
         .init = typing_init,
         .update = typing_update,
         .combine = typing_combine,
         .finalize = typing_finalize,
         .done = typing_done},
    };
    for (size_t idx = 0; idx < sizeof scalars / sizeof *scalars; idx++)
        TRY(engine_register_scalar(engine, &scalars[idx], err));
    for (size_t idx = 0; idx < sizeof aggregates / sizeof *aggregates; idx++)
        TRY(engine_register_aggregate(engine, &aggregates[idx], 1, err));
    return engine_summaries_register(engine, err);
}
