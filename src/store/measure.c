/* Measuring a stored table: its rows and content hash, what its columns hold, and its Parquet copy.
 *
 * The one idea: everything is measured from what was stored, not from what was read, so the hash
 * vouches for the file. One query for up to 500 columns: marrow_hash_sum(marrow_row_hash(…)),
 * count, min, max, mean; where no statistic came from reading (typed sources, repair),
 * marrow_typing over the stored texts gives distinct counts, lengths and top values. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "store/store_priv.h"

#define ROW_GROUP_ROWS 122880
#define ROW_GROUP_CELLS (ROW_GROUP_ROWS * 64) /* wide tables get smaller row groups */

/* ---- typing statistics -------------------------------------------------------------------------
 */

void store_stats_done(struct store_stats *stats)
{
    if (stats == NULL)
        return;
    for (size_t i = 0; i < stats->count; i++) {
        if (stats->columns[i] != NULL)
            typing_stats_done(stats->columns[i]);
        mem_free(stats->columns[i]);
    }
    mem_free(stats->columns);
    *stats = (struct store_stats){0};
}

static enum err_code read_stats(const struct data_batch *batch, struct store_stats *stats,
                                size_t first, struct err *err)
{
    for (size_t i = 0; i + 1 < batch->columns; i++) {
        struct typing_stats *column = mem_alloc(typing_stats_bytes());
        if (column == NULL)
            return err_set(err, ERR_MEMORY, "no memory for column statistics");
        typing_stats_init(column);
        stats->columns[first + i] = column;
        const struct data_vector *vector = &batch->vectors[i + 1];
        if (!data_vector_is_valid(vector, 0)) /* no rows */
            continue;
        typing_stats_done(column);
        if (!typing_stats_read(column, vector->text[0])) {
            typing_stats_init(column);
            return err_set(err, ERR_MEMORY, "no memory for column statistics");
        }
    }
    return ERR_OK;
}

enum err_code store_measure_typing(struct engine *engine, const char *table,
                                   const char *const *expressions, size_t count,
                                   struct store_stats *ret, int64_t *ret_rows, struct err *err)
{
    *ret = (struct store_stats){.columns = mem_zalloc(count + 1, sizeof(struct typing_stats *)),
                                .count = count};
    if (ret->columns == NULL) {
        ret->count = 0;
        return err_set(err, ERR_MEMORY, "no memory for column statistics");
    }
    for (size_t first = 0; first < count; first += STORE_COLUMNS_PER_QUERY) {
        size_t end =
            first + STORE_COLUMNS_PER_QUERY < count ? first + STORE_COLUMNS_PER_QUERY : count;
        AUTO(buf_done) struct buf sql = BUF_INIT;
        buf_puts(&sql, "SELECT count(*)");
        for (size_t i = first; i < end; i++)
            buf_printf(&sql, ", marrow_typing(%s)", expressions[i]);
        buf_printf(&sql, " FROM %s", table);
        TRY(buf_check(&sql, err));
        AUTO(engine_result_close) struct engine_result *result = NULL;
        const struct data_batch *batch = NULL;
        TRY(engine_query(engine, buf_text(&sql), NULL, 0, &result, err));
        TRY(engine_result_next(result, &batch, err));
        if (batch == NULL || batch->rows != 1 || batch->columns != end - first + 1)
            return err_set(err, ERR_ENGINE, "the engine gave no column statistics");
        *ret_rows = batch->vectors[0].i64[0];
        TRY(read_stats(batch, ret, first, err));
        TRY(engine_result_next(result, &batch,
                               err)); /* to the end: only then are the scan's rejects on record */
    }
    return ERR_OK;
}

/* ---- measuring ---------------------------------------------------------------------------------
 */

static bool has_order(struct data_type type)
{
    switch (type.kind) {
    case DATA_BIGINT:
    case DATA_DECIMAL:
    case DATA_DOUBLE:
    case DATA_BOOLEAN:
    case DATA_DATE:
    case DATA_TIME:
    case DATA_TIMESTAMP:
    case DATA_TIMESTAMPTZ:
    case DATA_TEXT:
        return true;
    case DATA_NULL:
    case DATA_UHUGEINT:
    case DATA_INTERVAL:
    case DATA_BLOB:
    case DATA_LIST:
    case DATA_STRUCT:
    case DATA_JSON:
        return false;
    }
    return false;
}

static void add_column_measures(const struct data_column *column, struct buf *sql)
{
    AUTO(buf_done) struct buf name = BUF_INIT;
    store_sql_name(&name, column->name);
    const char *quoted = buf_text(&name);
    buf_printf(sql, ", count(%s)", quoted);
    if (column->type.kind == DATA_JSON) { /* documents: of no use as values, and costly to type */
        buf_printf(sql, ", min(strlen(%s)), max(strlen(%s)), approx_count_distinct(%s)", quoted,
                   quoted, quoted);
        return;
    }
    if (!has_order(column->type))
        buf_puts(sql, ", NULL, NULL");
    else if (column->type.kind == DATA_TEXT)
        buf_printf(sql, ", left(min(%s), %d), left(max(%s), %d)", quoted, STORE_PROFILE_TEXT_BYTES,
                   quoted, STORE_PROFILE_TEXT_BYTES);
    else
        buf_printf(sql, ", min(%s), max(%s)", quoted, quoted);
    if (column->type.kind == DATA_DOUBLE)
        buf_printf(sql, ", marrow_mean(%s)", quoted);
    else if (column->type.kind == DATA_BIGINT || column->type.kind == DATA_DECIMAL)
        buf_printf(sql, ", avg(%s)", quoted); /* over an exact sum */
    else
        buf_puts(sql, ", NULL");
    if (name.failed)
        sql->failed = true;
}

static void put_value(json_t *entry, const char *key, const struct data_vector *vector, bool *ok)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    if (!data_value_text(vector, 0, &text))
        json_put_text(entry, key, NULL, ok);
    else
        json_put_str(entry, key, buf_view(&text), ok);
    if (text.failed)
        *ok = false;
}

static int64_t whole(const struct data_vector *vector)
{
    return vector->type.kind == DATA_BIGINT && data_vector_is_valid(vector, 0) ? vector->i64[0] : 0;
}

static void put_document_measures(json_t *entry, const struct data_vector *measures, bool *ok)
{
    json_put_text(entry, "min", NULL, ok);
    json_put_text(entry, "max", NULL, ok);
    json_put_int(entry, "distinct", whole(&measures[2]), ok);
    json_put_flag(entry, "distinct_exact", false, ok);
    json_put_int(entry, "shortest", whole(&measures[0]), ok);
    json_put_int(entry, "longest", whole(&measures[1]), ok);
    json_put(entry, "warnings", json_array(), ok);
}

/* The four measures of one column start at vectors[first]. */
static json_t *read_column(const struct data_batch *batch, size_t first,
                           const struct data_column *column, int64_t rows, bool *ok)
{
    char type[32];
    json_t *entry = json_object();
    json_put_text(entry, "name", column->name, ok);
    json_put_text(entry, "type", data_type_text(column->type, type), ok);
    json_put_int(entry, "nulls", rows - batch->vectors[first].i64[0], ok);
    if (column->type.kind == DATA_JSON) {
        put_document_measures(entry, &batch->vectors[first + 1], ok);
        return entry;
    }
    put_value(entry, "min", &batch->vectors[first + 1], ok);
    put_value(entry, "max", &batch->vectors[first + 2], ok);
    const struct data_vector *mean = &batch->vectors[first + 3];
    if (mean->type.kind == DATA_DOUBLE && data_vector_is_valid(mean, 0))
        json_put_real(entry, "mean", mean->f64[0], ok);
    return entry;
}

static enum err_code first_row(struct engine *engine, const char *sql,
                               struct engine_result **ret_result, const struct data_batch **ret,
                               struct err *err)
{
    TRY(engine_query(engine, sql, NULL, 0, ret_result, err));
    TRY(engine_result_next(*ret_result, ret, err));
    if (*ret == NULL || (*ret)->rows != 1 || (*ret)->vectors[0].type.kind != DATA_BIGINT)
        return err_set(err, ERR_ENGINE, "the engine gave no measures of a table");
    return ERR_OK;
}

static void put_hash(const struct data_vector *vector, char ret[33])
{
    struct data_int128 sum = {0, 0}; /* of no rows */
    if (data_vector_is_valid(vector, 0))
        sum = vector->i128[0];
    (void)store_hex128(sum, ret);
}

static enum err_code measure_columns(struct engine *engine, const struct store_measure *measure,
                                     size_t first, size_t end, json_t *object, json_t *profile,
                                     struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    bool ok = true;
    size_t at = 1;
    buf_puts(&sql, "SELECT count(*)");
    if (first == 0) {
        buf_puts(&sql, ", ");
        TRY(store_sql_table_hash(measure->schema, &sql, err));
        at = 2;
    }
    for (size_t i = first; i < end; i++)
        add_column_measures(&measure->schema->columns[i], &sql);
    buf_printf(&sql, " FROM %s", measure->table);
    TRY(buf_check(&sql, err));
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    TRY(first_row(engine, buf_text(&sql), &result, &batch, err));
    int64_t rows = batch->vectors[0].i64[0];
    if (first == 0) {
        char hash[33];
        put_hash(&batch->vectors[1], hash);
        json_put_int(object, "rows", rows, &ok);
        json_put_text(object, "row_hash", hash, &ok);
    }
    for (size_t i = first; i < end; i++, at += 4)
        json_push(profile, read_column(batch, at, &measure->schema->columns[i], rows, &ok), &ok);
    return json_built(ok, err);
}

/* What reading found about a column, into its profile entry. */
static void put_decision(json_t *entry, const struct typing_decision *decision,
                         const struct typing_stats *stats, bool *ok)
{
    int64_t distinct = decision->distinct_exact ? (int64_t)decision->distinct_estimate
                                                : llround(decision->distinct_estimate);
    json_t *top = stats == NULL ? NULL : store_top_values(stats, decision, &distinct, ok);
    json_put_int(entry, "distinct", distinct, ok);
    json_put_flag(entry, "distinct_exact", decision->distinct_exact, ok);
    json_put_int(entry, "shortest", decision->shortest, ok);
    json_put_int(entry, "longest", decision->longest, ok);
    if (top != NULL)
        json_put(entry, "top_values", top, ok);
    json_put(entry, "warnings",
             decision->warnings == NULL ? json_array() : json_incref(decision->warnings), ok);
}

enum err_code store_measure_decide(const struct data_schema *schema,
                                   const struct store_stats *stats,
                                   const struct typing_options *options, struct arena *arena,
                                   struct typing_decision **ret, struct err *err)
{
    const char **names = arena_array(arena, schema->count + 1, sizeof *names);
    *ret = arena_array(arena, schema->count + 1, sizeof **ret);
    if (names == NULL || *ret == NULL)
        return err_set(err, ERR_MEMORY, "no memory for column statistics");
    for (size_t i = 0; i < schema->count; i++)
        names[i] = schema->columns[i].name;
    return typing_decide(stats->columns, names, schema->count, options, arena, *ret, err);
}

void store_decisions_done(struct typing_decision *decisions, size_t count)
{
    for (size_t i = 0; decisions != NULL && i < count; i++) {
        json_decref(decisions[i].warnings);
        decisions[i].warnings = NULL;
    }
}

/* Statistics over the stored values' texts; types are forced to what they are and no marker counts
 * as null. */
static enum err_code measure_stored(struct engine *engine, const struct store_measure *measure,
                                    struct arena *arena, struct store_stats *ret_stats,
                                    struct typing_decision **ret, struct err *err)
{
    size_t count = measure->schema->count;
    static const char *no_markers[1] = {NULL};
    const char **expressions = arena_array(arena, count + 1, sizeof *expressions);
    struct data_type *types = arena_array(arena, count + 1, sizeof *types);
    if (expressions == NULL || types == NULL)
        return err_set(err, ERR_MEMORY, "no memory for column statistics");
    for (size_t i = 0; i < count; i++) {
        AUTO(buf_done) struct buf text = BUF_INIT;
        const struct data_column *column = &measure->schema->columns[i];
        buf_puts(&text, column->type.kind == DATA_BLOB ? "hex(" : "CAST(");
        if (column->type.kind == DATA_JSON) /* see add_column_measures */
            buf_puts(&text, "NULL");
        else
            store_sql_name(&text, column->name);
        buf_puts(&text, column->type.kind == DATA_BLOB ? ")" : " AS VARCHAR)");
        TRY(buf_check(&text, err));
        expressions[i] = arena_strdup(arena, buf_text(&text));
        types[i] = measure->schema->columns[i].type;
    }
    if (arena_failed(arena))
        return err_set(err, ERR_MEMORY, "no memory for column statistics");
    int64_t rows = 0;
    TRY(store_measure_typing(engine, measure->table, expressions, count, ret_stats, &rows, err));
    struct typing_options options = {
        .null_markers = no_markers, .null_marker_count = 0, .forced = types};
    return store_measure_decide(measure->schema, ret_stats, &options, arena, ret, err);
}

enum err_code store_measure_table(struct engine *engine, const struct store_measure *measure,
                                  json_t *object, struct err *err)
{
    bool ok = true;
    size_t count = measure->schema->count;
    JSON_AUTO profile = json_array();
    TRY(json_built(profile != NULL, err));
    for (size_t first = 0; first == 0 || first < count; first += STORE_COLUMNS_PER_QUERY) {
        size_t end =
            first + STORE_COLUMNS_PER_QUERY < count ? first + STORE_COLUMNS_PER_QUERY : count;
        TRY(measure_columns(engine, measure, first, end, object, profile, err));
    }
    AUTO(arena_free) struct arena *arena = arena_new(0);
    struct store_stats stats = {0};
    struct typing_decision *decisions = NULL;
    enum err_code code = ERR_OK;
    if (arena == NULL)
        return err_set(err, ERR_MEMORY, "no memory for column statistics");
    if (measure->decisions == NULL)
        code = measure_stored(engine, measure, arena, &stats, &decisions, err);
    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        if (measure->schema->columns[i].type.kind == DATA_JSON)
            continue;
        if (measure->decisions != NULL)
            put_decision(json_array_get(profile, i), &measure->decisions[i],
                         measure->stats->columns[i], &ok);
        else
            put_decision(json_array_get(profile, i), &decisions[i], stats.columns[i], &ok);
    }
    if (code == ERR_OK) {
        json_put(object, "profile", json_incref(profile), &ok);
        code = json_built(ok, err);
    }
    store_decisions_done(decisions, count);
    store_stats_done(&stats);
    return code;
}

enum err_code store_measure_hash(struct engine *engine, const char *table,
                                 const struct data_schema *schema, int64_t *ret_rows,
                                 char ret_hash[33], struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    buf_puts(&sql, "SELECT count(*), ");
    TRY(store_sql_table_hash(schema, &sql, err));
    buf_printf(&sql, " FROM %s", table);
    TRY(buf_check(&sql, err));
    TRY(first_row(engine, buf_text(&sql), &result, &batch, err));
    *ret_rows = batch->vectors[0].i64[0];
    put_hash(&batch->vectors[1], ret_hash);
    return ERR_OK;
}

/* ---- Parquet -----------------------------------------------------------------------------------
 */

enum err_code store_write_parquet(struct engine *engine, const char *table,
                                  const struct data_schema *schema, const char *directory,
                                  struct err *err)
{
    char path[FILE_PATH_BYTES];
    AUTO(buf_done) struct buf sql = BUF_INIT;
    int64_t rows = ROW_GROUP_ROWS;
    bool documents = false;
    while (rows > 2048 && rows * (int64_t)schema->count > ROW_GROUP_CELLS)
        rows /= 2;
    for (size_t i = 0; i < schema->count; i++) /* a group is held in memory: documents are long */
        documents = documents || schema->columns[i].type.kind == DATA_JSON;
    if (documents && rows > STORE_DOCUMENT_ROWS)
        rows = STORE_DOCUMENT_ROWS;
    TRY(file_path_join(directory, "table.parquet", path, err));
    buf_printf(&sql, "COPY %s TO ", table);
    engine_quote_literal(&sql, str_of(path));
    /* repetition is most of what documents have: the lowest level finds it, in half the time */
    buf_printf(&sql, " (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE %lld%s)", (long long)rows,
               documents ? ", COMPRESSION_LEVEL 1" : "");
    TRY(buf_check(&sql, err));
    return engine_execute(engine, buf_text(&sql), NULL, 0, err);
}
