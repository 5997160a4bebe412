/* Facts of every column, by one query a table (in blocks of 64 columns): non-null rows, least and
 * greatest value or length. Distinct counts are those measured at import (exact to 1,024, else
 * HyperLogLog with 1.6 % error; the engine's own approx_count_distinct is off by 13 % and more)
 * until a second query counts exactly those columns that may be unique.
 *
 * A column's class says how its values may be compared as keys: whole numbers (whatever their
 * storage), short texts, or not at all. Dates, fractions, booleans and long texts are never keys.
 */
#include "profile/profile_priv.h"

#include <string.h>

#define BLOCK_COLUMNS 64
#define DISTINCT_COLUMNS                                                                           \
    16 /* counted exactly in one statement, each with a hash table of its own */
#define SMALL_TABLE_ROWS 10000 /* values of a column fit a list */
#define BLOCKS 8 /* of a wide table at most: a statement over 10,000 columns takes long to bind */
#define WIDE_COLUMNS 512
#define WIDE_CELLS (4 << 20)
#define COLUMN_FIGURES 7 /* count, then six by type */

static void add_column(struct buf *sql, const struct data_column *column)
{
    struct buf name = BUF_INIT;
    engine_quote_identifier(&name, str_of(column->name));
    const char *c = buf_text(&name);
    buf_printf(sql, "count(%s), ", c);
    switch (column->type.kind) {
    case DATA_BIGINT:
        buf_printf(sql, "min(%s), max(%s), 0, NULL, NULL, NULL", c, c);
        break;
    case DATA_DOUBLE:
        buf_printf(sql,
                   "TRY_CAST(min(%s) AS BIGINT), TRY_CAST(max(%s) AS BIGINT), count(*) FILTER (NOT "
                   "isfinite(%s) OR %s <> trunc(%s) OR abs(%s) > 9e15), NULL, NULL, NULL",
                   c, c, c, c, c, c);
        break;
    case DATA_TEXT:
        buf_printf(sql,
                   "min(strlen(%s)), max(strlen(%s)), avg(strlen(%s)), left(min(%s), 9), "
                   "left(max(%s), 9), avg(CAST(contains(%s, ' ') AS DOUBLE))",
                   c, c, c, c, c, c);
        break;
    case DATA_NULL:
    case DATA_BOOLEAN:
    case DATA_UHUGEINT:
    case DATA_DECIMAL:
    case DATA_DATE:
    case DATA_TIME:
    case DATA_TIMESTAMP:
    case DATA_TIMESTAMPTZ:
    case DATA_INTERVAL:
    case DATA_BLOB:
    case DATA_LIST:
    case DATA_STRUCT:
    case DATA_JSON:
        buf_puts(sql, "NULL, NULL, NULL, NULL, NULL, NULL");
        break;
    }
    if (name.failed)
        sql->failed = true;
    buf_done(&name);
}

static int64_t figure(const json_t *row, size_t idx)
{
    const json_t *value = json_array_get(row, idx);
    return json_is_real(value) ? (int64_t)json_real_value(value)
                               : (int64_t)json_integer_value(value);
}

static void take_text(char to[40], const json_t *value)
{
    const char *text = json_string_value(value);
    if (text == NULL)
        return;
    size_t length = strlen(text) < 39 ? strlen(text) : 39;
    memcpy(to, text, length);
    to[length] = '\0';
}

static void classify(struct fact_column *column, const json_t *row, size_t at)
{
    const json_t *third = json_array_get(row, at + 3);
    bool some = column->nulls < column->rows;
    switch (column->schema->type.kind) {
    case DATA_BIGINT:
    case DATA_DOUBLE:
        column->min = figure(row, at + 1);
        column->max = figure(row, at + 2);
        if (some && json_integer_value(third) == 0 && !json_is_null(json_array_get(row, at + 2)))
            column->class = FACT_INTEGER;
        break;
    case DATA_TEXT:
        column->shortest = figure(row, at + 1);
        column->longest = figure(row, at + 2);
        column->mean_bytes = json_number_value(third);
        take_text(column->low, json_array_get(row, at + 4));
        take_text(column->high, json_array_get(row, at + 5));
        column->blanks = json_number_value(json_array_get(row, at + 6));
        if (some && column->longest <= PROFILE_KEY_TEXT_BYTES)
            column->class = FACT_TEXT;
        break;
    case DATA_DECIMAL:
        if (some && column->schema->type.scale == 0)
            column->class = FACT_TEXT; /* whole numbers past 64 bits: compared by their digits */
        break;
    case DATA_NULL:
    case DATA_BOOLEAN:
    case DATA_UHUGEINT:
    case DATA_DATE:
    case DATA_TIME:
    case DATA_TIMESTAMP:
    case DATA_TIMESTAMPTZ:
    case DATA_INTERVAL:
    case DATA_BLOB:
    case DATA_LIST:
    case DATA_STRUCT:
    case DATA_JSON:
        break;
    }
}

static enum err_code read_block(struct engine *engine, struct fact_table *table, size_t from,
                                size_t to, struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    buf_puts(&sql, "SELECT ");
    for (size_t i = from; i < to; i++) {
        if (i > from)
            buf_puts(&sql, ", ");
        add_column(&sql, table->columns[i].schema);
    }
    buf_puts(&sql, " FROM ");
    engine_quote_identifier(&sql, str_of(table->table->name));
    TRY(buf_check(&sql, err));
    JSON_AUTO rows = NULL;
    TRY(engine_query_json(engine, buf_text(&sql), 1, &rows, err));
    const json_t *row = json_array_get(rows, 0);
    for (size_t i = from; i < to; i++) {
        struct fact_column *column = &table->columns[i];
        size_t at = (i - from) * COLUMN_FIGURES;
        column->nulls = column->rows - figure(row, at);
        classify(column, row, at);
    }
    return ERR_OK;
}

/* May the column be unique? Six standard errors of the estimate below all rows. */
static bool may_be_unique(const struct fact_column *column)
{
    if (column->class == FACT_NONE || column->nulls != 0 || column->rows == 0)
        return false;
    if (column->class == FACT_INTEGER &&
        (double)column->max - (double)column->min + 1 < (double)column->rows)
        return false;
    return (double)column->distinct >= .9 * (double)column->rows;
}

static size_t block_columns(const struct fact_table *table)
{
    return table->count / BLOCKS > BLOCK_COLUMNS ? table->count / BLOCKS : BLOCK_COLUMNS;
}

/* Exact counts for some columns from *from on, which is moved behind them: few at a time, since
 * each count(DISTINCT) takes 2 MB; many where lists will do. */
static enum err_code count_some(struct engine *engine, struct fact_table *table, size_t *from,
                                struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    bool small = table->table->rows <= SMALL_TABLE_ROWS;
    size_t wanted = 0, at = 0, first = *from,
           limit = small ? block_columns(table) : DISTINCT_COLUMNS;
    for (; *from < table->count && wanted < limit; ++*from) {
        struct fact_column *column = &table->columns[*from];
        if (!may_be_unique(column))
            continue;
        buf_puts(&sql, wanted++ == 0 ? "SELECT " : ", ");
        buf_puts(&sql, small ? "len(list_distinct(list(" : "count(DISTINCT ");
        engine_quote_identifier(&sql, str_of(column->column_name));
        buf_puts(&sql, small ? ")))" : ")");
    }
    if (wanted == 0)
        return ERR_OK;
    buf_puts(&sql, " FROM ");
    engine_quote_identifier(&sql, str_of(table->table->name));
    TRY(buf_check(&sql, err));
    JSON_AUTO rows = NULL;
    TRY(engine_query_json(engine, buf_text(&sql), 1, &rows, err));
    for (size_t i = first; i < *from; i++) {
        struct fact_column *column = &table->columns[i];
        if (!may_be_unique(column))
            continue;
        column->distinct = figure(json_array_get(rows, 0), at++);
        column->distinct_exact = true;
        column->unique = column->distinct == column->rows;
    }
    return ERR_OK;
}

static enum err_code count_exactly(struct engine *engine, struct fact_table *table, struct err *err)
{
    for (size_t from = 0; from < table->count;)
        TRY(count_some(engine, table, &from, err));
    return ERR_OK;
}

/* Distinct values as measured at import; all rows where that is not known. */
static int64_t imported_distinct(const struct store_table *table, size_t idx)
{
    const json_t *measured = json_array_get(table->columns_profile, idx);
    const char *name = json_text(measured, "name", "");
    if (!str_equal_nocase(str_of(name), str_of(table->schema.columns[idx].name)))
        return table->rows;
    return json_int(measured, "distinct", table->rows);
}

static enum err_code table_new(const struct store_table *from, size_t idx, struct fact_table *ret,
                               struct err *err)
{
    ret->table = from;
    ret->count = from->schema.count;
    name_table_core(from->name, &ret->core);
    ret->columns = mem_zalloc(ret->count + 1, sizeof *ret->columns);
    if (ret->columns == NULL)
        return err_set(err, ERR_MEMORY, "out of memory for the profile of %zu columns", ret->count);
    for (size_t i = 0; i < ret->count; i++) {
        struct fact_column *column = &ret->columns[i];
        column->table = idx;
        column->column = i;
        column->table_name = from->name;
        column->schema = &from->schema.columns[i];
        column->column_name = column->schema->name;
        column->rows = from->rows;
        column->distinct = imported_distinct(from, i);
        name_facts_of(column->column_name, &column->name);
    }
    return ERR_OK;
}

/* A view of thousands of columns takes .3 s to bind in every statement: a small table of that kind
 * is copied into memory once, under its own name, which shadows the view. */
static enum err_code copy_if_wide(struct engine *engine, const struct fact_table *table,
                                  struct err *err)
{
    if (table->count < WIDE_COLUMNS || table->table->rows > WIDE_CELLS / (int64_t)table->count)
        return ERR_OK;
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    buf_puts(&sql, "CREATE OR REPLACE TEMP TABLE ");
    engine_quote_identifier(&sql, str_of(table->table->name));
    buf_puts(&sql, " AS FROM main.");
    engine_quote_identifier(&sql, str_of(table->table->name));
    TRY(buf_check(&sql, err));
    return engine_execute(engine, buf_text(&sql), NULL, 0, err);
}

enum err_code facts_read(struct store_version *version, struct engine *engine,
                         const struct progress *progress, struct facts **ret, struct err *err)
{
    AUTO(facts_free) struct facts *facts = mem_zalloc(1, sizeof *facts);
    size_t count = store_version_table_count(version);
    if (facts == NULL || (facts->tables = mem_zalloc(count + 1, sizeof *facts->tables)) == NULL)
        return err_set(err, ERR_MEMORY, "out of memory for the profile of %zu tables", count);
    for (size_t t = 0; t < count; t++) {
        struct fact_table *table = &facts->tables[t];
        facts->count = t + 1;
        TRY(table_new(store_version_table(version, t), t, table, err));
        for (size_t i = 0; i < table->count; i++)
            table->columns[i].values_held = &facts->values_held;
        TRY(progress_check(progress, err));
        struct progress_event event = {"profile", table->table->name, (int64_t)t, (int64_t)count,
                                       "tables"};
        progress_report(progress, &event);
        if (table->table->rows == 0)
            continue;
        TRY(copy_if_wide(engine, table, err));
        size_t block = block_columns(table);
        for (size_t from = 0; from < table->count; from += block)
            TRY(read_block(engine, table, from,
                           from + block < table->count ? from + block : table->count, err));
        TRY(count_exactly(engine, table, err));
    }
    *ret = facts;
    facts = NULL;
    return ERR_OK;
}

void facts_free(struct facts *facts)
{
    if (facts == NULL)
        return;
    for (size_t t = 0; facts->tables != NULL && t < facts->count; t++) {
        for (size_t i = 0; facts->tables[t].columns != NULL && i < facts->tables[t].count; i++)
            value_set_free(facts->tables[t].columns[i].set);
        mem_free(facts->tables[t].columns);
    }
    mem_free(facts->tables);
    mem_free(facts);
}

bool fact_is_child(const struct fact_column *column)
{
    return column->class != FACT_NONE && !column->name.counts && column->blanks <= .2;
}

/* A parent is unique and looks like a key: an id or code word, or its table's name, or texts as
 * long as a UUID. */
bool fact_is_parent(const struct fact_table *table, const struct fact_column *column)
{
    if (column->class == FACT_NONE || !column->unique || column->blanks > .2)
        return false;
    bool uuid = column->class == FACT_TEXT && column->shortest == 36 && column->longest == 36;
    return column->name.id_like || uuid || name_words_equal(&column->name.core, &table->core);
}
