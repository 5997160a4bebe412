/* Batches: arrays of values by column, in an arena. A new batch is all null: its masks are zeroed.
 */
#include "data/data.h"

size_t data_kind_bytes(enum data_kind kind)
{
    switch (kind) {
    case DATA_NULL:
    case DATA_BOOLEAN:
        return sizeof(uint8_t);
    case DATA_BIGINT:
    case DATA_DATE:
    case DATA_TIME:
    case DATA_TIMESTAMP:
    case DATA_TIMESTAMPTZ:
        return sizeof(int64_t);
    case DATA_DOUBLE:
        return sizeof(double);
    case DATA_UHUGEINT:
    case DATA_DECIMAL:
        return sizeof(struct data_int128);
    case DATA_TEXT:
    case DATA_BLOB:
    case DATA_LIST:
    case DATA_STRUCT:
    case DATA_JSON:
        return sizeof(struct str);
    case DATA_INTERVAL:
        return sizeof(struct data_interval);
    }
    return 0;
}

struct data_batch *data_batch_new(struct arena *arena, const struct data_schema *schema,
                                  int64_t capacity)
{
    if (capacity < 0)
        return NULL;
    size_t rows = (size_t)capacity;
    struct data_batch *batch = arena_alloc(arena, sizeof *batch);
    struct data_vector *vectors = arena_array(arena, schema->count, sizeof *vectors);
    for (size_t i = 0; i < schema->count && !arena_failed(arena); i++) {
        vectors[i].type = schema->columns[i].type;
        vectors[i].validity = arena_array(arena, (rows + 63) / 64, sizeof *vectors[i].validity);
        vectors[i].any = arena_array(arena, rows, data_kind_bytes(vectors[i].type.kind));
    }
    if (arena_failed(arena))
        return NULL;
    batch->vectors = vectors;
    batch->columns = schema->count;
    return batch;
}

void data_vector_set_valid(struct data_vector *vector, int64_t row, bool valid)
{
    uint64_t bit = UINT64_C(1) << (row & 63);
    if (valid)
        vector->validity[row >> 6] |= bit;
    else
        vector->validity[row >> 6] &= ~bit;
}
