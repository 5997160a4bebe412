/* Exact figures of every column for people: least, greatest, mean, deviation, quantiles, most
 * frequent values. Computed by the engine on the first call and kept as part "statistics" of the
 * cached profile; the second call reads JSON only.
 *
 * Means and deviations go through marrow_mean and marrow_sd (order-independent, correctly rounded),
 * quantiles are interpolated for numbers and a value that occurs for dates. Top values are not
 * given for identifiers and unique columns. */
#include "profile/profile_priv.h"

#include <string.h>

#define TOP_VALUES 10
#define BLOCK_COLUMNS 32
#define FIGURES 10 /* distinct, min, max, mean, sd, five quantiles */

static bool is_number(const struct profile_column *column)
{
    return data_type_is_numeric(column->type);
}

static bool is_time(const struct profile_column *column)
{
    return data_type_is_temporal(column->type) || column->type.kind == DATA_TIME;
}

static void add_inner(struct buf *sql, const struct profile_column *column, size_t i)
{
    struct buf name = BUF_INIT;
    engine_quote_identifier(&name, str_of(column->name));
    const char *c = buf_text(&name);
    buf_printf(sql, "%scount(DISTINCT %s) AS d%zu, ", i > 0 ? ", " : "", c, i);
    if (is_number(column))
        buf_printf(sql,
                   "min(%s) AS a%zu, max(%s) AS b%zu, marrow_mean(CAST(%s AS DOUBLE)) AS m%zu, "
                   "marrow_sd(CAST(%s AS DOUBLE)) AS s%zu, "
                   "quantile_cont(CAST(%s AS DOUBLE), [0.05, 0.25, 0.5, 0.75, 0.95]) AS q%zu",
                   c, i, c, i, c, i, c, i, c, i);
    else if (is_time(column))
        buf_printf(sql,
                   "CAST(min(%s) AS VARCHAR) AS a%zu, CAST(max(%s) AS VARCHAR) AS b%zu, NULL AS "
                   "m%zu, NULL AS s%zu, quantile_disc(%s, [0.05, 0.25, 0.5, 0.75, 0.95]) AS q%zu",
                   c, i, c, i, i, i, c, i);
    else if (column->type.kind == DATA_TEXT)
        buf_printf(sql,
                   "left(min(%s), 80) AS a%zu, left(max(%s), 80) AS b%zu, NULL AS m%zu, NULL AS "
                   "s%zu, NULL AS q%zu",
                   c, i, c, i, i, i, i);
    else
        buf_printf(sql, "NULL AS a%zu, NULL AS b%zu, NULL AS m%zu, NULL AS s%zu, NULL AS q%zu", i,
                   i, i, i, i);
    sql->failed = sql->failed || name.failed;
    buf_done(&name);
}

static void add_outer(struct buf *sql, const struct profile_column *column, size_t i)
{
    buf_printf(sql, "%sd%zu, a%zu, b%zu, m%zu, s%zu", i > 0 ? ", " : "", i, i, i, i, i);
    for (int q = 1; q <= 5; q++) {
        if (is_number(column))
            buf_printf(sql, ", q%zu[%d]", i, q);
        else if (is_time(column))
            buf_printf(sql, ", CAST(q%zu[%d] AS VARCHAR)", i, q);
        else
            buf_puts(sql, ", NULL");
    }
}

static bool set(json_t *object, const char *key, json_t *value)
{
    return json_object_set(object, key, value) == 0;
}

static json_t *figures_json(const json_t *row, size_t at)
{
    static const char *const names[] = {"p05", "p25", "p50", "p75", "p95"};
    json_t *object = json_object();
    bool ok = object != NULL && set(object, "distinct", json_array_get(row, at));
    ok = ok && set(object, "min", json_array_get(row, at + 1)) &&
         set(object, "max", json_array_get(row, at + 2));
    if (ok && !json_is_null(json_array_get(row, at + 3)))
        ok = set(object, "mean", json_array_get(row, at + 3)) &&
             set(object, "sd", json_array_get(row, at + 4));
    if (ok && !json_is_null(json_array_get(row, at + 5))) {
        json_t *quantiles = json_object();
        ok = quantiles != NULL && json_object_set_new(object, "quantiles", quantiles) == 0;
        for (size_t q = 0; ok && q < 5; q++)
            ok = set(quantiles, names[q], json_array_get(row, at + 5 + q));
    }
    if (!ok)
        json_decref(object);
    return ok ? object : NULL;
}

static enum err_code read_block(struct engine *engine, const struct profile_table *table,
                                size_t from, size_t to, json_t *columns, struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    buf_puts(&sql, "SELECT ");
    for (size_t i = from; i < to; i++)
        add_outer(&sql, &table->columns[i], i - from);
    buf_puts(&sql, " FROM (SELECT ");
    for (size_t i = from; i < to; i++)
        add_inner(&sql, &table->columns[i], i - from);
    buf_puts(&sql, " FROM ");
    engine_quote_identifier(&sql, str_of(table->table->name));
    buf_putc(&sql, ')');
    TRY(buf_check(&sql, err));
    JSON_AUTO rows = NULL;
    TRY(engine_query_json(engine, buf_text(&sql), 1, &rows, err));
    for (size_t i = from; i < to; i++)
        if (json_array_append_new(columns,
                                  figures_json(json_array_get(rows, 0), (i - from) * FIGURES)) != 0)
            return err_set(err, ERR_MEMORY, "out of memory for a column's statistics");
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

static enum err_code read_top(struct engine *engine, const struct profile_table *table, size_t c,
                              json_t *column, struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    buf_puts(&sql, "SELECT ");
    if (table->columns[c].type.kind == DATA_TEXT)
        buf_puts(&sql, "left(v, 80)");
    else
        buf_puts(&sql, "v");
    buf_puts(&sql, ", n FROM (SELECT ");
    engine_quote_identifier(&sql, str_of(table->columns[c].name));
    buf_puts(&sql, " AS v, count(*) AS n FROM ");
    engine_quote_identifier(&sql, str_of(table->table->name));
    buf_printf(&sql, " GROUP BY 1) WHERE v IS NOT NULL ORDER BY n DESC, v LIMIT %d", TOP_VALUES);
    TRY(buf_check(&sql, err));
    JSON_AUTO rows = NULL;
    TRY(engine_query_json(engine, buf_text(&sql), TOP_VALUES, &rows, err));
    return json_object_set(column, "top_values", rows) == 0
               ? ERR_OK
               : err_set(err, ERR_MEMORY, "out of memory for a column's top values");
}

static enum err_code read_table(struct engine *engine, const struct profile_table *table,
                                json_t **ret, struct err *err)
{
    JSON_AUTO columns = json_array();
    size_t count = table->table->schema.count;
    if (columns == NULL)
        return err_set(err, ERR_MEMORY, "out of memory for a table's statistics");
    for (size_t from = 0; table->table->rows > 0 && from < count; from += BLOCK_COLUMNS)
        TRY(read_block(engine, table, from,
                       from + BLOCK_COLUMNS < count ? from + BLOCK_COLUMNS : count, columns, err));
    for (size_t c = 0; table->table->rows > 0 && c < count; c++)
        if (wants_top(table, c))
            TRY(read_top(engine, table, c, json_array_get(columns, c), err));
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
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:b}", "name", column->name, "type",
                  data_type_text(column->type, type), "role",
                  profile_column_role_text(column->role), "nulls", (json_int_t)column->nulls,
                  "distinct", (json_int_t)column->distinct, "unique", column->unique);
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
