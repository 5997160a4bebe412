/* Exact figures of every column for people: least, greatest, mean, deviation, quantiles, most
 * frequent values. Computed by the engine on the first call and kept as part "statistics" of the
 * cached profile; the second call reads JSON only.
 *
 * Columns of one type are laid end to end, as many as BATCH_CELLS allow, and grouped by the column
 * they come from:
 *
 *     a │ b           i │ v                     i │ min … quantiles        (figures)
 *     5 │ 7    ──▶    0 │ 5    GROUP BY i  ──▶  0 │ …
 *     5 │ 8           1 │ 7    GROUP BY i, v    i │ distinct, commonest    (values)
 *                     0 │ 5 …
 *
 * so a table of 10,000 columns costs some 50 statements, and a long one two for each column. Means
 * and deviations go through marrow_mean and marrow_sd (order-independent, correctly rounded),
 * quantiles are interpolated for numbers and a value that occurs for dates. Top values are not
 * given for identifiers and unique columns. */
#include "profile/profile_priv.h"

#include <string.h>

#define TOP_VALUES 10
#define BATCH_CELLS (1 << 20)
#define BATCH_COLUMNS 400

struct batch { /* columns of one type */
    const struct profile_table *table;
    size_t columns[BATCH_COLUMNS];
    size_t count;
};

/* (SELECT which column AS i, its value AS v FROM table) */
static void add_source(struct buf *sql, const struct batch *batch)
{
    bool one = batch->count == 1;
    if (one)
        buf_puts(sql, "(SELECT 0 AS i, ");
    else
        buf_printf(sql, "(SELECT unnest(range(%zu)) AS i, unnest([", batch->count);
    for (size_t k = 0; k < batch->count; k++) {
        buf_puts(sql, k > 0 ? ", " : "");
        engine_quote_identifier(sql, str_of(batch->table->columns[batch->columns[k]].name));
    }
    buf_puts(sql, one ? " AS v FROM " : "]) AS v FROM ");
    store_table_source(batch->table->table, sql);
    buf_putc(sql, ')');
}

#define QUANTILES "[0.05, 0.25, 0.5, 0.75, 0.95]"

/* Aggregates of a type; NULL: it has none. */
static const char *figures_sql(struct data_type type)
{
    if (data_type_is_numeric(type))
        return "min(v) AS a, max(v) AS b, marrow_mean(CAST(v AS DOUBLE)) AS m, "
               "marrow_sd(CAST(v AS DOUBLE)) AS s, quantile_cont(CAST(v AS DOUBLE), " QUANTILES
               ") AS q";
    if (data_type_is_temporal(type) || type.kind == DATA_TIME)
        return "CAST(min(v) AS VARCHAR) AS a, CAST(max(v) AS VARCHAR) AS b, NULL AS m, NULL AS s, "
               "CAST(quantile_disc(v, " QUANTILES ") AS VARCHAR[]) AS q";
    if (type.kind == DATA_TEXT)
        return "left(min(v), 80) AS a, left(max(v), 80) AS b, NULL AS m, NULL AS s, "
               "CAST(NULL AS VARCHAR[]) AS q";
    return NULL;
}

static bool set(json_t *object, const char *key, json_t *value)
{
    return json_object_set(object, key, value) == 0;
}

static bool put_figures(json_t *column, const json_t *row)
{
    static const char *const names[] = {"p05", "p25", "p50", "p75", "p95"};
    bool ok =
        set(column, "min", json_array_get(row, 1)) && set(column, "max", json_array_get(row, 2));
    if (ok && !json_is_null(json_array_get(row, 3)))
        ok = set(column, "mean", json_array_get(row, 3)) &&
             set(column, "sd", json_array_get(row, 4));
    if (ok && !json_is_null(json_array_get(row, 5))) {
        json_t *quantiles = json_object();
        ok = quantiles != NULL && json_object_set_new(column, "quantiles", quantiles) == 0;
        for (size_t q = 0; ok && q < 5; q++)
            ok = set(quantiles, names[q], json_array_get(row, 5 + q));
    }
    return ok;
}

static enum err_code no_memory(struct err *err)
{
    return err_set(err, ERR_MEMORY, "out of memory for a table's statistics");
}

/* The figures object of the column that a result's row speaks of. */
static json_t *column_of(const struct batch *batch, json_t *columns, const json_t *row)
{
    size_t k = (size_t)json_integer_value(json_array_get(row, 0));
    return k < batch->count ? json_array_get(columns, batch->columns[k]) : NULL;
}

static enum err_code read_figures(struct engine *engine, const struct batch *batch,
                                  struct data_type type, json_t *columns, struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    const char *figures = figures_sql(type);
    if (figures == NULL)
        return ERR_OK;
    buf_printf(&sql, "SELECT i, a, b, m, s, q[1], q[2], q[3], q[4], q[5] FROM (SELECT i, %s FROM ",
               figures);
    add_source(&sql, batch);
    buf_puts(&sql, " GROUP BY i)");
    TRY(buf_check(&sql, err));
    JSON_AUTO rows = NULL;
    TRY(engine_query_json(engine, buf_text(&sql), (int64_t)batch->count, &rows, err));
    for (size_t r = 0; r < json_array_size(rows); r++) {
        const json_t *row = json_array_get(rows, r);
        json_t *column = column_of(batch, columns, row);
        if (column == NULL || !put_figures(column, row))
            return no_memory(err);
    }
    return ERR_OK;
}

static bool wants_top(const struct profile_table *table, size_t c)
{
    const struct profile_column *column = &table->columns[c];
    bool kind = column->type.kind == DATA_TEXT || column->type.kind == DATA_BIGINT ||
                column->type.kind == DATA_BOOLEAN || column->type.kind == DATA_DOUBLE ||
                column->type.kind == DATA_DECIMAL;
    return kind && !column->unique && column->role != PROFILE_IDENTIFIER &&
           column->role != PROFILE_TEXT && table->table->rows > 0 &&
           column->nulls < table->table->rows;
}

static bool any_wants_top(const struct batch *batch)
{
    for (size_t k = 0; k < batch->count; k++)
        if (wants_top(batch->table, batch->columns[k]))
            return true;
    return false;
}

/* row: which column, its distinct values, one of its commonest, how often; commonest first. */
static bool put_value(const struct batch *batch, const json_t *row, json_t *columns)
{
    json_t *column = column_of(batch, columns, row);
    if (column == NULL || !set(column, "distinct", json_array_get(row, 1)))
        return false;
    json_t *top = json_object_get(column, "top_values");
    return top == NULL || json_array_append_new(top, json_pack("[O, O]", json_array_get(row, 2),
                                                               json_array_get(row, 3))) == 0;
}

static enum err_code read_values(struct engine *engine, const struct batch *batch,
                                 struct data_type type, json_t *columns, struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    bool top = any_wants_top(batch);
    if (top)
        buf_printf(&sql,
                   "SELECT i, d, %s, -t.n FROM (SELECT i, d, unnest(top) AS t FROM (SELECT i, "
                   "count(*) AS d, min({'n': -n, 'v': v}, %d) AS top",
                   type.kind == DATA_TEXT ? "left(t.v, 80)" : "t.v", TOP_VALUES);
    else
        buf_puts(&sql, "SELECT i, count(*)");
    buf_puts(&sql, " FROM (SELECT i, v, count(*) AS n FROM ");
    add_source(&sql, batch);
    buf_puts(&sql, " WHERE v IS NOT NULL GROUP BY i, v) GROUP BY i");
    buf_puts(&sql, top ? ")) ORDER BY i, t" : "");
    TRY(buf_check(&sql, err));
    for (size_t k = 0; k < batch->count; k++)
        if (wants_top(batch->table, batch->columns[k]) &&
            json_object_set_new(json_array_get(columns, batch->columns[k]), "top_values",
                                json_array()) != 0)
            return no_memory(err);
    JSON_AUTO rows = NULL;
    TRY(engine_query_json(engine, buf_text(&sql), (int64_t)batch->count * TOP_VALUES, &rows, err));
    for (size_t r = 0; r < json_array_size(rows); r++)
        if (!put_value(batch, json_array_get(rows, r), columns))
            return no_memory(err);
    return ERR_OK;
}

/* The columns from the first on that have its type and are not in a batch yet. */
static void take_batch(struct batch *batch, size_t first, bool *taken)
{
    const struct profile_table *table = batch->table;
    size_t limit = (size_t)(BATCH_CELLS / table->table->rows);
    limit = limit < 1 ? 1 : limit > BATCH_COLUMNS ? BATCH_COLUMNS : limit;
    batch->count = 0;
    for (size_t c = first; c < table->table->schema.count && batch->count < limit; c++) {
        if (taken[c] || !data_type_equal(table->columns[c].type, table->columns[first].type))
            continue;
        taken[c] = true;
        batch->columns[batch->count++] = c;
    }
}

static enum err_code read_table(struct engine *engine, const struct profile_table *table,
                                json_t **ret, struct err *err)
{
    JSON_AUTO columns = json_array();
    size_t count = table->table->rows > 0 ? table->table->schema.count : 0;
    AUTO(mem_free) bool *taken = mem_zalloc(count + 1, sizeof *taken);
    if (columns == NULL || taken == NULL)
        return no_memory(err);
    for (size_t c = 0; c < count; c++)
        if (json_array_append_new(columns,
                                  json_pack("{s:i, s:n, s:n}", "distinct", 0, "min", "max")) != 0)
            return no_memory(err);
    struct batch batch = {.table = table};
    for (size_t c = 0; c < count; c++) {
        if (taken[c])
            continue;
        take_batch(&batch, c, taken);
        TRY(read_figures(engine, &batch, table->columns[c].type, columns, err));
        TRY(read_values(engine, &batch, table->columns[c].type, columns, err));
    }
    *ret = json_incref(columns);
    return ERR_OK;
}

/* {TABLE: [figures of each column]} of the whole version. */
static enum err_code compute(struct store *store, struct store_version *version,
                             const struct profile *profile, json_t **ret, struct err *err)
{
    AUTO(engine_close) struct engine *engine = NULL;
    JSON_AUTO all = json_object();
    const struct progress *progress = store_get_options(store)->progress;
    TRY(profile_engine_open(store, &engine, err));
    for (size_t t = 0; all != NULL && t < profile->table_count; t++) {
        const struct profile_table *table = &profile->tables[t];
        json_t *columns = NULL;
        TRY(progress_check(progress, err));
        struct progress_event event = {"statistics", table->table->name, (int64_t)t,
                                       (int64_t)profile->table_count, "tables"};
        progress_report(progress, &event);
        if (table->table->rows > 0)
            TRY(store_version_attach(version, engine, &table->table->name, 1, err));
        TRY(read_table(engine, table, &columns, err));
        if (json_object_set_new(all, table->table->name, columns) != 0)
            return err_set(err, ERR_MEMORY, "out of memory for the statistics");
    }
    if (all == NULL)
        return err_set(err, ERR_MEMORY, "out of memory for the statistics");
    *ret = json_incref(all);
    return ERR_OK;
}

static json_t *labels_json(const struct data_column *column)
{
    json_t *labels = json_array();
    for (size_t i = 0; labels != NULL && i < column->value_label_count; i++)
        if (json_array_append_new(labels, json_pack("[s, s]", column->value_labels[i].value,
                                                    column->value_labels[i].label)) != 0) {
            json_decref(labels);
            return NULL;
        }
    return labels;
}

static json_t *column_json(const struct profile_table *table, size_t c, json_t *figures)
{
    const struct profile_column *column = &table->columns[c];
    const struct data_column *schema = &table->table->schema.columns[c];
    char type[32];
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:b}", "name", column->name, "type",
                               data_type_text(column->type, type), "role",
                               profile_column_role_text(column->role), "role_reason",
                               column->role_reason, "nulls", (json_int_t)column->nulls, "distinct",
                               (json_int_t)column->distinct, "unique", column->unique);
    bool ok =
        object != NULL && (!json_is_object(figures) || json_object_update(object, figures) == 0);
    if (ok && schema->label != NULL)
        ok = json_object_set_new(object, "label", json_string(schema->label)) == 0;
    if (ok && schema->value_label_count > 0)
        ok = json_object_set_new(object, "value_labels", labels_json(schema)) == 0;
    if (!ok)
        json_decref(object);
    return ok ? object : NULL;
}

static json_t *table_json(const struct profile_table *table, const json_t *figures)
{
    json_t *columns = json_array(), *key = json_array();
    bool ok = columns != NULL && key != NULL;
    for (size_t c = 0; ok && c < table->table->schema.count; c++)
        ok = json_array_append_new(columns, column_json(table, c, json_array_get(figures, c))) == 0;
    for (size_t k = 0; ok && k < table->primary_key.count; k++)
        ok = json_array_append_new(
                 key, json_string(table->columns[table->primary_key.columns[k]].name)) == 0;
    if (!ok) {
        json_decref(columns);
        json_decref(key);
        return NULL;
    }
    return json_pack("{s:s, s:I, s:I, s:s, s:s, s:o, s:s?, s:o}", "name", table->table->name,
                     "rows", (json_int_t)table->table->rows, "rejected_rows",
                     (json_int_t)table->table->rejected_rows, "role",
                     profile_table_role_text(table->role), "reason", table->role_reason,
                     "primary_key", key, "time_column",
                     table->time_column >= 0 ? table->columns[table->time_column].name : NULL,
                     "columns", columns);
}

enum err_code profile_tables_json(struct store *store, struct store_version *version,
                                  const struct profile *profile, const char *table, json_t **ret,
                                  struct err *err)
{
    const struct store_table *wanted =
        table != NULL ? store_version_table_find(version, table) : NULL;
    if (table != NULL && wanted == NULL)
        return err_set(err, ERR_NOT_FOUND, "dataset %s has no table \"%s\"",
                       store_version_dataset(version), table);
    JSON_AUTO figures = NULL;
    TRY(profile_cache_read(store, version, "statistics", &figures, err));
    if (figures == NULL) {
        TRY(compute(store, version, profile, &figures, err));
        TRY(profile_cache_write(store, version, "statistics", figures, err));
    }
    JSON_AUTO list = json_array();
    for (size_t t = 0; list != NULL && t < profile->table_count; t++) {
        const struct profile_table *one = &profile->tables[t];
        if (wanted != NULL && one->table != wanted)
            continue;
        if (json_array_append_new(list,
                                  table_json(one, json_object_get(figures, one->table->name))) != 0)
            return err_set(err, ERR_MEMORY, "out of memory for the profile's JSON");
    }
    *ret = list != NULL ? json_pack("{s:O}", "tables", list) : NULL;
    return *ret != NULL ? ERR_OK : err_set(err, ERR_MEMORY, "out of memory for the profile's JSON");
}
