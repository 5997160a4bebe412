/* Facts of every column: nulls, least and greatest value or length. What the import measured is
 * taken from there (nulls, whole numbers' ends, distinct counts: exact to 1,024, else HyperLogLog
 * with 1.6 % error; the engine's own approx_count_distinct is off by 13 % and more). Only texts and
 * doubles are read, in blocks of columns, for what the import does not tell; then those columns
 * that may be unique are counted exactly.
 *
 * A column's class says how its values may be compared as keys: whole numbers (whatever their
 * storage), short texts, or not at all. Dates, fractions, booleans and long texts are never keys.
 */
#include "profile/profile_priv.h"

#include <string.h>

#define BLOCK_COLUMNS 256
#define DISTINCT_COLUMNS                                                                           \
    16 /* counted exactly in one statement, each with a hash table of its own */
#define SMALL_TABLE_ROWS 10000 /* values of a column fit a list */
#define FIGURES 6              /* of a column read, see add_column */

/* Texts: lengths, least and greatest cut, share with blanks. Doubles: ends, values that are no
 * whole numbers. */
static void add_column(struct buf *sql, const struct data_column *column)
{
    struct buf name = BUF_INIT;
    engine_quote_identifier(&name, str_of(column->name));
    const char *c = buf_text(&name);
    if (column->type.kind == DATA_TEXT)
        buf_printf(sql,
                   "min(strlen(%s)), max(strlen(%s)), avg(strlen(%s)), left(min(%s), 9), "
                   "left(max(%s), 9), avg(CAST(contains(%s, ' ') AS DOUBLE))",
                   c, c, c, c, c, c);
    else
        buf_printf(sql,
                   "TRY_CAST(min(%s) AS BIGINT), TRY_CAST(max(%s) AS BIGINT), count(*) FILTER (NOT "
                   "isfinite(%s) OR %s <> trunc(%s) OR abs(%s) > 9e15), NULL, NULL, NULL",
                   c, c, c, c, c, c);
    sql->failed = sql->failed || name.failed;
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

static void take_figures(struct fact_column *column, const json_t *row, size_t at)
{
    const json_t *third = json_array_get(row, at + 2);
    if (column->schema->type.kind == DATA_TEXT) {
        column->shortest = figure(row, at);
        column->longest = figure(row, at + 1);
        column->mean_bytes = json_number_value(third);
        take_text(column->low, json_array_get(row, at + 3));
        take_text(column->high, json_array_get(row, at + 4));
        column->blanks = json_number_value(json_array_get(row, at + 5));
        if (column->longest <= PROFILE_KEY_TEXT_BYTES)
            column->class = FACT_TEXT;
        return;
    }
    column->min = figure(row, at);
    column->max = figure(row, at + 1);
    if (json_integer_value(third) == 0 && !json_is_null(json_array_get(row, at + 1)))
        column->class = FACT_INTEGER;
}

static bool to_read(const struct fact_column *column)
{
    enum data_kind kind = column->schema->type.kind;
    return column->nulls < column->rows && (kind == DATA_TEXT || kind == DATA_DOUBLE);
}

/* The next columns to read, from *from on, which is moved behind them. */
static enum err_code read_block(struct engine *engine, struct fact_table *table, size_t *from,
                                struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    struct fact_column *wanted[BLOCK_COLUMNS];
    size_t count = 0;
    for (; *from < table->count && count < BLOCK_COLUMNS; ++*from) {
        if (!to_read(&table->columns[*from]))
            continue;
        wanted[count] = &table->columns[*from];
        buf_puts(&sql, count == 0 ? "SELECT " : ", ");
        add_column(&sql, wanted[count++]->schema);
    }
    if (count == 0)
        return ERR_OK;
    buf_puts(&sql, " FROM ");
    store_table_source(table->table, &sql);
    TRY(buf_check(&sql, err));
    JSON_AUTO rows = NULL;
    TRY(engine_query_json(engine, buf_text(&sql), 1, &rows, err));
    for (size_t i = 0; i < count; i++)
        take_figures(wanted[i], json_array_get(rows, 0), i * FIGURES);
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

/* Exact counts for some columns from *from on, which is moved behind them: few at a time, since
 * each count(DISTINCT) takes 2 MB; many where lists will do. */
static enum err_code count_some(struct engine *engine, struct fact_table *table, size_t *from,
                                struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    struct fact_column *wanted[BLOCK_COLUMNS];
    bool small = table->table->rows <= SMALL_TABLE_ROWS;
    size_t count = 0, limit = small ? BLOCK_COLUMNS : DISTINCT_COLUMNS;
    for (; *from < table->count && count < limit; ++*from) {
        struct fact_column *column = &table->columns[*from];
        if (!may_be_unique(column))
            continue;
        wanted[count] = column;
        buf_puts(&sql, count++ == 0 ? "SELECT " : ", ");
        buf_puts(&sql, small ? "len(list_distinct(list(" : "count(DISTINCT ");
        engine_quote_identifier(&sql, str_of(column->column_name));
        buf_puts(&sql, small ? ")))" : ")");
    }
    if (count == 0)
        return ERR_OK;
    buf_puts(&sql, " FROM ");
    store_table_source(table->table, &sql);
    TRY(buf_check(&sql, err));
    JSON_AUTO rows = NULL;
    TRY(engine_query_json(engine, buf_text(&sql), 1, &rows, err));
    for (size_t i = 0; i < count; i++) {
        wanted[i]->distinct = figure(json_array_get(rows, 0), i);
        wanted[i]->distinct_exact = true;
        wanted[i]->unique = wanted[i]->distinct == wanted[i]->rows;
    }
    return ERR_OK;
}

static int64_t measured_integer(const json_t *measured, const char *key)
{
    int64_t value = 0;
    return str_to_int64(str_of(json_text(measured, key, "")), &value) ? value : 0;
}

/* What the import measured. */
static enum err_code take_measured(struct fact_column *column, const json_t *measured,
                                   struct err *err)
{
    column->nulls = json_int(measured, "nulls", -1);
    column->distinct = json_int(measured, "distinct", -1);
    if (column->nulls < 0 || column->distinct < 0)
        return err_set(err, ERR_INTEGRITY, "the store holds no measures of %.100s.%.100s",
                       column->table_name, column->column_name);
    bool some = column->nulls < column->rows;
    struct data_type type = column->schema->type;
    if (some && type.kind == DATA_BIGINT) {
        column->class = FACT_INTEGER;
        column->min = measured_integer(measured, "min");
        column->max = measured_integer(measured, "max");
    } else if (some && type.kind == DATA_DECIMAL && type.scale == 0) {
        column->class = FACT_TEXT; /* whole numbers past 64 bits: compared by their digits */
    }
    return ERR_OK;
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
        column->stored = from;
        column->table_name = from->name;
        column->schema = &from->schema.columns[i];
        column->column_name = column->schema->name;
        column->rows = from->rows;
        name_facts_of(column->column_name, &column->name);
        TRY(take_measured(column, json_array_get(from->columns_profile, i), err));
    }
    return ERR_OK;
}

static enum err_code table_read(struct engine *engine, struct fact_table *table, struct err *err)
{
    for (size_t from = 0; from < table->count;)
        TRY(read_block(engine, table, &from, err));
    for (size_t from = 0; from < table->count;)
        TRY(count_some(engine, table, &from, err));
    return ERR_OK;
}

bool fact_same_values(const struct fact_column *a, const struct fact_column *b)
{
    return a->unique && b->unique && a->class == FACT_TEXT && b->class == FACT_TEXT && a->rows == b->rows &&
           a->nulls == b->nulls && a->shortest == b->shortest && a->longest == b->longest &&
           strcmp(a->low, b->low) == 0 &&
           strcmp(a->high, b->high) == 0;
}

/* A key's copy is no key: a Patient's patient_id repeats its id. */
static bool is_copy(const struct fact_table *table, const struct fact_column *column)
{
    for (const struct fact_column *other = table->columns; other < column; other++)
        if (other->name.strict_id && fact_same_values(other, column))
            return true;
    return false;
}

/* Once for each column: fact_is_parent is asked for each pair of columns. */
static void mark_copies(struct fact_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        table->columns[i].copy = table->columns[i].unique && table->columns[i].class == FACT_TEXT &&
                                 is_copy(table, &table->columns[i]);
}

enum err_code facts_read(struct store_version *version, struct engine *engine,
                         const struct progress *progress, struct facts **ret, struct err *err)
{
    AUTO(facts_free) struct facts *facts = mem_zalloc(1, sizeof *facts);
    size_t count = store_version_table_count(version);
    if (facts == NULL || (facts->tables = mem_zalloc(count + 1, sizeof *facts->tables)) == NULL)
        return err_set(err, ERR_MEMORY, "out of memory for the profile of %zu tables", count);
    TRY(store_version_read_profiles(version, err));
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
        if (table->table->rows > 0)
            TRY(table_read(engine, table, err));
        mark_copies(table);
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
    if (column->class == FACT_NONE || !column->unique || column->copy || column->blanks > .2)
        return false;
    bool uuid = column->class == FACT_TEXT && column->shortest == 36 && column->longest == 36;
    return column->name.id_like || uuid || name_words_equal(&column->name.core, &table->core);
}
