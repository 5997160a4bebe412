/* Scans: how DuckDB reads a file. Nothing is guessed by it: the dialect comes from the scan, and
 *
 *   CSV      every column VARCHAR; an empty field is NULL, a quoted empty one ("") is '', no other
 * text is read as null; strict (a stray quote or a missing field is an error, not a repair), errors
 * go to the reject tables Parquet  schema given: nested columns → JSON text, odd integers widened;
 * schema empty: as the file has them; key=value folders are text columns where the scan says
 * partitioned (month=01 stays '01')
 *
 * Known of DuckDB 1.5.6: newlines must be of one kind in strict mode; a line longer than the buffer
 * (twice the line limit) vanishes without a reject; an open quote swallows the file. ingest counts
 * the records, keeps such files from here, and the store compares. skip counts no comment lines
 * where a comment mark is set. */
#include <stdio.h>
#include <string.h>

#include "engine/duckdb/duckdb_priv.h"

#define SCAN_LINE_BYTES (16LL << 20)
#define SCAN_BUFFER_LINES 2
#define SCAN_BUFFER_BYTES                                                                          \
    (8LL << 20) /* at least; each thread holds some, within the memory limit */

/* A path is a pattern to DuckDB: "a[1].csv" → "a[[]1].csv". */
void engine_scan_pattern(const char *path, struct buf *out)
{
    for (; *path != '\0'; path++) {
        if (strchr("*?[", *path) != NULL)
            buf_printf(out, "[%c]", *path);
        else
            buf_putc(out, *path);
    }
}

static void put_path(struct buf *out, const char *path)
{
    struct buf escaped = BUF_INIT;
    engine_scan_pattern(path, &escaped);
    engine_quote_literal(out, buf_view(&escaped));
    out->failed = out->failed || escaped.failed;
    buf_done(&escaped);
}

static void put_paths(struct buf *out, const struct data_scan *scan)
{
    buf_putc(out, '[');
    for (size_t idx = 0; idx < scan->path_count; idx++) {
        if (idx > 0)
            buf_putc(out, ',');
        put_path(out, scan->paths[idx]);
    }
    buf_putc(out, ']');
}

/* No type of a key is inferred: "01" stays what it is. A cast above the scan would not do for the others:
 * the engine looks through it for a filter only sometimes. */
static void put_partitioning(struct buf *out, const struct data_scan *scan)
{
    size_t typed = 0;
    if (!scan->partitioned) {
        buf_puts(out, ", hive_partitioning=false");
        return;
    }
    buf_puts(out, ", hive_partitioning=true, hive_types_autocast=false");
    for (size_t idx = 0; scan->keys != NULL && idx < scan->keys->count; idx++) {
        const struct data_column *key = &scan->keys->columns[idx];
        if (key->type.kind == DATA_TEXT)
            continue;
        buf_puts(out, typed++ == 0 ? ", hive_types={" : ",");
        engine_quote_literal(out, str_of(key->name));
        buf_puts(out, ":'");
        engine_type_sql(key->type, out);
        buf_putc(out, '\'');
    }
    buf_puts(out, typed > 0 ? "}" : "");
}

static void put_char_option(struct buf *out, const char *name, char c)
{
    buf_printf(out, ", %s=", name);
    engine_quote_literal(out, (struct str){&c, c != 0 ? 1 : 0});
}

static void put_csv_columns(struct buf *out, const struct data_schema *schema)
{
    buf_puts(out, ", columns={");
    for (size_t idx = 0; idx < schema->count; idx++) {
        if (idx > 0)
            buf_putc(out, ',');
        engine_quote_literal(out, str_of(schema->columns[idx].name));
        buf_puts(out, ":'VARCHAR'");
    }
    buf_putc(out, '}');
}

static void put_reject_table(struct buf *out, const char *tag, const char *suffix,
                             bool quoted_as_name)
{
    struct buf name = BUF_INIT;
    buf_printf(&name, "%s%s", tag, suffix);
    if (quoted_as_name)
        engine_quote_identifier(out, buf_view(&name));
    else
        engine_quote_literal(out, buf_view(&name));
    buf_done(&name);
}

/* DuckDB takes only plain names for reject tables. */
static bool tag_is_plain(const char *tag)
{
    static const char *const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    return *tag != '\0' && strchr(letters, *tag) != NULL &&
           tag[strspn(tag, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")] ==
               '\0';
}

static enum err_code csv_expression(const struct data_scan *scan, const struct data_schema *schema,
                                    const char *rejects_tag, struct buf *out, struct err *err)
{
    if (schema == NULL || schema->count == 0)
        return err_set(err, ERR_USAGE, "a CSV scan needs the names of its columns");
    if (rejects_tag != NULL && !tag_is_plain(rejects_tag))
        return err_set(err, ERR_USAGE,
                       "a reject table's tag may hold only ASCII letters, digits and _");
    int64_t line_bytes = scan->maximum_line_bytes > 0 ? scan->maximum_line_bytes : SCAN_LINE_BYTES;
    buf_puts(out, "read_csv(");
    put_paths(out, scan);
    buf_puts(out, ", auto_detect=false, delim=");
    engine_quote_literal(out, scan->delimiter[0] != '\0' ? str_of(scan->delimiter) : STR(","));
    put_char_option(out, "quote", scan->quote);
    put_char_option(out, "escape", scan->escape);
    put_char_option(out, "comment", scan->comment);
    buf_printf(out, ", header=%s, skip=%lld", scan->header ? "true" : "false",
               (long long)scan->skip_lines);
    int64_t buffer_bytes = line_bytes * SCAN_BUFFER_LINES;
    buf_printf(out, ", max_line_size=%lld, buffer_size=%lld", (long long)line_bytes,
               (long long)(buffer_bytes > SCAN_BUFFER_BYTES ? buffer_bytes : SCAN_BUFFER_BYTES));
    buf_puts(out, ", nullstr='', allow_quoted_nulls=false, strict_mode=true, null_padding=false");
    put_partitioning(out, scan);
    if (scan->skip_rejects)
        buf_puts(out, ", ignore_errors=true");
    if (rejects_tag != NULL) {
        buf_puts(out, ", store_rejects=true, rejects_limit=0, rejects_scan=");
        put_reject_table(out, rejects_tag, "_scans", false);
        buf_puts(out, ", rejects_table=");
        put_reject_table(out, rejects_tag, "_errors", false);
    }
    put_csv_columns(out, schema);
    buf_putc(out, ')');
    return ERR_OK;
}

/* (SELECT to_json("a") AS "a", CAST("b" AS BIGINT) AS "b" FROM …) */
static void put_cast_columns(struct buf *out, const struct data_schema *schema)
{
    for (size_t idx = 0; idx < schema->count; idx++) {
        const struct data_column *column = &schema->columns[idx];
        struct str name = str_of(column->source_name != NULL ? column->source_name : column->name);
        buf_puts(out, idx > 0 ? ", " : "");
        buf_puts(out, column->type.kind == DATA_JSON ? "to_json(" : "CAST(");
        engine_quote_identifier(out, name);
        if (column->type.kind != DATA_JSON) {
            buf_puts(out, " AS ");
            engine_type_sql(column->type, out);
        }
        buf_puts(out, ") AS ");
        engine_quote_identifier(out, str_of(column->name));
    }
}

static void parquet_expression(const struct data_scan *scan, const struct data_schema *schema,
                               struct buf *out)
{
    bool typed = schema != NULL && schema->count > 0;
    if (typed) {
        buf_puts(out, "(SELECT ");
        put_cast_columns(out, schema);
        buf_puts(out, " FROM ");
    }
    buf_puts(out, "read_parquet(");
    put_paths(out, scan);
    put_partitioning(out, scan);
    buf_printf(out, ", union_by_name=%s)",
               scan->path_count > 1 && !scan->same_columns ? "true" : "false");
    if (typed)
        buf_putc(out, ')');
}

enum err_code engine_scan_expression(const struct data_scan *scan, const struct data_schema *schema,
                                     const char *rejects_tag, struct buf *out, struct err *err)
{
    if (scan->path_count == 0)
        return err_set(err, ERR_USAGE, "a scan needs at least one file");
    switch (scan->kind) {
    case DATA_SCAN_CSV:
        TRY(csv_expression(scan, schema, rejects_tag, out, err));
        break;
    case DATA_SCAN_PARQUET:
        parquet_expression(scan, schema, out);
        break;
    }
    return buf_check(out, err);
}

/* ---- what columns a scan has --------------------------------------------------------------------
 */

static bool is_nested(duckdb_type id)
{
    return id == DUCKDB_TYPE_LIST || id == DUCKDB_TYPE_STRUCT || id == DUCKDB_TYPE_MAP ||
           id == DUCKDB_TYPE_ARRAY || id == DUCKDB_TYPE_UNION;
}

/* Nanoseconds that a timestamp's microseconds can't hold: then the column is taken as text. */
static enum err_code has_nanoseconds(struct engine *engine, const char *relation, const char *name,
                                     bool *ret, struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    int64_t found = 0;
    buf_puts(&sql, "SELECT count(*) FROM (SELECT 1 FROM ");
    buf_puts(&sql, relation);
    buf_puts(&sql, " WHERE isfinite(");
    engine_quote_identifier(&sql, str_of(name));
    buf_puts(&sql, ") AND epoch_ns(");
    engine_quote_identifier(&sql, str_of(name));
    buf_puts(&sql, ") % 1000 <> 0 LIMIT 1)");
    TRY(buf_check(&sql, err));
    TRY(engine_query_int(engine, buf_text(&sql), 0, &found, err));
    *ret = found > 0;
    return ERR_OK;
}

/* Columns noted in nanoseconds (one byte a column, from first) that are not whole microseconds
 * become text. */
static enum err_code settle_nanoseconds(struct engine *engine, const char *relation,
                                        const struct buf *nanoseconds, size_t first,
                                        struct data_schema *schema, struct err *err)
{
    for (size_t idx = first; idx < schema->count; idx++) {
        bool found = false;
        if (nanoseconds->ptr[idx - first] == 0)
            continue;
        TRY(has_nanoseconds(engine, relation, schema->columns[idx].name, &found, err));
        if (found)
            schema->columns[idx].type = DATA_TYPE(TEXT);
    }
    return ERR_OK;
}

enum err_code engine_scan_schema(struct engine *engine, const struct data_scan *scan,
                                 struct data_schema *ret, struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf relation = BUF_INIT;
    __attribute__((cleanup(auto_buf_done))) struct buf nanoseconds = BUF_INIT;
    size_t first = ret->count;
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    struct embedded *embedded = NULL;
    TRY(embedded_of(engine, "a file's schema", &embedded, err));
    TRY(engine_scan_expression(scan, NULL, NULL, &relation, err));
    buf_puts(&sql, "SELECT * FROM ");
    buf_puts(&sql, buf_text(&relation));
    TRY(buf_check(&sql, err));
    duckdb_prepared_statement statement = NULL;
    enum err_code code = statement_prepare(embedded, buf_text(&sql), NULL, 0, &statement, err);
    watch_end(&embedded->watch);
    idx_t count = code == ERR_OK ? duckdb_prepared_statement_column_count(statement) : 0;
    for (idx_t idx = 0; code == ERR_OK && idx < count; idx++) {
        struct column column;
        duckdb_logical_type logical = duckdb_prepared_statement_column_logical_type(statement, idx);
        buf_putc(&nanoseconds, duckdb_get_type_id(logical) == DUCKDB_TYPE_TIMESTAMP_NS);
        if (!column_of(logical, &column))
            column.type =
                is_nested(duckdb_get_type_id(logical)) ? DATA_TYPE(JSON) : DATA_TYPE(TEXT);
        if (column.type.kind == DATA_NULL)
            column.type = DATA_TYPE(TEXT);
        duckdb_destroy_logical_type(&logical);
        const char *name = duckdb_prepared_statement_column_name(statement, idx);
        code = data_schema_add(ret, str_of(name), column.type, err);
        duckdb_free((void *)(uintptr_t)name);
    }
    duckdb_destroy_prepare(&statement);
    TRY(code);
    TRY(buf_check(&nanoseconds, err));
    return settle_nanoseconds(engine, buf_text(&relation), &nanoseconds, first, ret, err);
}

static struct str text_at(const struct data_vector *vector, int64_t row)
{
    return data_vector_is_valid(vector, row) ? vector->text[row] : (struct str){"", 0};
}

/* Every column of a Parquet file as one text, in the file's order; files of equal ones are read
 * alike. */
static enum err_code shapes_sql(const struct data_scan *scan, struct buf *sql, struct err *err)
{
    buf_puts(sql, "SELECT file_name, name, concat_ws('|', type, type_length, num_children, "
                  "converted_type, scale, precision, logical_type) FROM parquet_schema(");
    put_paths(sql, scan);
    buf_puts(sql, ")");
    return buf_check(sql, err);
}

struct shaping {
    const struct data_scan *scan;
    size_t at; /* path whose columns come now */
    struct buf name, columns;
    struct hash128 *shapes;
};

/* The paths' columns come in the paths' order; a path that is skipped would be none of Parquet. */
static enum err_code end_shape(struct shaping *shaping, struct err *err)
{
    TRY(buf_check(&shaping->columns, err));
    shaping->shapes[shaping->at] =
        hash_xxh3_128(shaping->columns.ptr, shaping->columns.len, 0);
    buf_clear(&shaping->columns);
    return ERR_OK;
}

static enum err_code add_shapes(const struct data_batch *batch, struct shaping *shaping,
                                struct err *err)
{
    for (int64_t row = 0; row < batch->rows; row++) {
        struct str file = text_at(&batch->vectors[0], row);
        if (shaping->name.len > 0 && !str_equal(file, buf_view(&shaping->name))) {
            TRY(end_shape(shaping, err));
            shaping->at++;
        }
        buf_clear(&shaping->name);
        buf_add_str(&shaping->name, file);
        if (shaping->at >= shaping->scan->path_count ||
            !str_equal(file, str_of(shaping->scan->paths[shaping->at])))
            return err_set(err, ERR_ENGINE, "the engine gave the files' columns in another order");
        buf_printf(&shaping->columns, "%zu:", text_at(&batch->vectors[1], row).len);
        buf_add_str(&shaping->columns, text_at(&batch->vectors[1], row));
        buf_printf(&shaping->columns, "%zu:", text_at(&batch->vectors[2], row).len);
        buf_add_str(&shaping->columns, text_at(&batch->vectors[2], row));
    }
    return ERR_OK;
}

enum err_code engine_scan_shapes(struct engine *engine, const struct data_scan *scan,
                                 struct hash128 *ret, struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    AUTO(engine_result_close) struct engine_result *result = NULL;
    struct shaping shaping = {.scan = scan, .shapes = ret};
    TRY(shapes_sql(scan, &sql, err));
    TRY(engine_query(engine, buf_text(&sql), NULL, 0, &result, err));
    enum err_code code = ERR_OK;
    for (const struct data_batch *batch = NULL; code == ERR_OK;) {
        code = engine_result_next(result, &batch, err);
        if (batch == NULL)
            break;
        code = add_shapes(batch, &shaping, err);
    }
    if (code == ERR_OK)
        code = end_shape(&shaping, err);
    if (code == ERR_OK && shaping.at + 1 != scan->path_count)
        code = err_set(err, ERR_ENGINE, "the engine gave columns of %zu of %zu files",
                       shaping.at + 1, scan->path_count);
    buf_done(&shaping.name);
    buf_done(&shaping.columns);
    return code;
}

/* ---- rejects ------------------------------------------------------------------------------------
 */

static const char *reject_reason(struct str type)
{
    static const char *const reasons[][2] = {
        {"MISSING COLUMNS", "fewer fields than the header"},
        {"TOO MANY COLUMNS", "more fields than the header"},
        {"UNQUOTED VALUE", "a quote is not closed, or text follows the closing quote"},
        {"LINE SIZE OVER MAXIMUM", "the line is longer than the limit"},
        {"INVALID ENCODING", "not valid UTF-8"},
        {"INVALID STATE", "quotes, delimiters and line ends do not fit together"},
        {"CAST", "a value does not fit the column's type"},
        {NULL, "the line cannot be read"},
    };
    size_t idx = 0;
    while (reasons[idx][0] != NULL && !str_equal(type, str_of(reasons[idx][0])))
        idx++;
    return reasons[idx][1];
}

/* DuckDB counts records; people count lines. Both differ after a quoted line break, so the lines
 * before each rejected record are counted in the file itself, in one pass: records come in file
 * order. */
struct line_counter {
    char *path;
    FILE *file;
    int64_t at, lines; /* bytes read, line ends seen */
    int previous;
};

static void line_counter_done(struct line_counter *counter)
{
    if (counter->file != NULL)
        fclose(counter->file);
    mem_free(counter->path);
    *counter = (struct line_counter){0};
}

/* Ordinal of the line that holds byte offset; 0 = the file can't be read any more. */
static int64_t line_at(struct line_counter *counter, struct str path, int64_t offset)
{
    if (counter->path == NULL || !str_equal(str_of(counter->path), path)) {
        line_counter_done(counter);
        counter->path = mem_strndup(path.ptr, path.len);
        counter->file = counter->path != NULL ? fopen(counter->path, "rb") : NULL;
    }
    if (counter->file == NULL || offset < counter->at)
        return 0;
    for (int c; counter->at < offset && (c = getc_unlocked(counter->file)) != EOF; counter->at++) {
        counter->lines += c == '\r' || (c == '\n' && counter->previous != '\r');
        counter->previous = c;
    }
    return counter->at == offset ? counter->lines + 1 : 0;
}

/* One row per record, its first error. */
static void rejects_sql(const char *tag, struct buf *out)
{
    buf_puts(out, "SELECT line, column_name, CAST(error_type AS VARCHAR), csv_line, file_path, "
                  "line_byte_position FROM ");
    put_reject_table(out, tag, "_errors", true);
    buf_puts(out, " JOIN ");
    put_reject_table(out, tag, "_scans", true);
    buf_puts(out, " USING (scan_id, file_id)"
                  " QUALIFY row_number() OVER (PARTITION BY scan_id, file_id, line ORDER BY "
                  "byte_position, column_idx, error_type) = 1"
                  " ORDER BY scan_id, file_id, line");
}

static int64_t integer_at(const struct data_vector *vector, int64_t row)
{
    struct buf text = BUF_INIT;
    int64_t number = 0;
    data_value_text(vector, row, &text); /* DuckDB's counters are of several widths */
    (void)str_to_int64(buf_view(&text), &number);
    buf_done(&text);
    return number;
}

/* DuckDB begins a record at the line end's second byte (CRLF), or at empty lines before it. */
static struct str without_line_ends(struct str raw, const struct line_counter *counter,
                                    int64_t *line)
{
    bool carriage = counter->previous == '\r';
    for (; raw.len > 0 && (*raw.ptr == '\n' || *raw.ptr == '\r'); raw.ptr++, raw.len--) {
        *line += *raw.ptr == '\n' && !carriage;
        carriage = false;
    }
    return raw;
}

static enum err_code give_rejects(const struct data_batch *batch, const struct data_sink *sink,
                                  struct line_counter *counter, int64_t *rows, struct err *err)
{
    for (int64_t row = 0; row < batch->rows; row++, ++*rows) {
        if (sink == NULL || sink->reject == NULL)
            continue;
        const struct data_vector *vectors = batch->vectors;
        int64_t line =
            line_at(counter, text_at(&vectors[4], row), integer_at(&vectors[5], row) - 1);
        if (line == 0)
            line = integer_at(&vectors[0], row);
        struct str raw = without_line_ends(text_at(&vectors[3], row), counter, &line);
        struct buf column = BUF_INIT;
        buf_add_str(&column, text_at(&vectors[1], row));
        enum err_code code =
            sink->reject(sink->user, line, column.len > 0 ? buf_text(&column) : NULL,
                         reject_reason(text_at(&vectors[2], row)), raw, err);
        buf_done(&column);
        TRY(code);
    }
    return ERR_OK;
}

enum err_code engine_scan_rejects(struct engine *engine, const char *rejects_tag,
                                  const struct data_sink *sink, int64_t *ret_rows, struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    __attribute__((cleanup(line_counter_done))) struct line_counter counter = {0};
    AUTO(engine_result_close) struct engine_result *result = NULL;
    *ret_rows = 0;
    rejects_sql(rejects_tag, &sql);
    TRY(buf_check(&sql, err));
    TRY(engine_query(engine, buf_text(&sql), NULL, 0, &result, err));
    for (;;) {
        const struct data_batch *batch = NULL;
        TRY(engine_result_next(result, &batch, err));
        if (batch == NULL)
            return ERR_OK;
        TRY(give_rejects(batch, sink, &counter, ret_rows, err));
    }
}
