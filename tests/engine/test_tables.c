/* Appender, scans and rejects, statement inspection, quoting, Arrow stream. */
#include "engine_test.h"

#include <marrow_arrow.h>

/* ---- appender
 * -------------------------------------------------------------------------------------- */

static void fill_row(struct data_batch *batch, int64_t row)
{
    for (size_t column = 0; column < batch->columns; column++) {
        struct data_vector *vector = &batch->vectors[column];
        bool valid = (row + (int64_t)column) % 5 != 0;
        data_vector_set_valid(vector, row, valid);
        if (!valid)
            continue;
        int64_t value = row % 2 == 0 ? row : -row;
        switch (vector->type.kind) {
        case DATA_BOOLEAN:
            vector->u8[row] = (uint8_t)(row & 1);
            break;
        case DATA_BIGINT:
        case DATA_DATE:
        case DATA_TIMESTAMP:
        case DATA_TIMESTAMPTZ:
            vector->i64[row] = value;
            break;
        case DATA_TIME:
            vector->i64[row] = row;
            break;
        case DATA_DECIMAL:
        case DATA_UHUGEINT:
            vector->i128[row] = (struct data_int128){(uint64_t)value, value < 0 ? -1 : 0};
            break;
        case DATA_DOUBLE:
            vector->f64[row] = (double)value / 3;
            break;
        case DATA_TEXT:
            vector->text[row] = row % 3 == 0   ? STR("é")
                                : row % 3 == 1 ? STR("")
                                               : STR("a text of more than twelve bytes");
            break;
        case DATA_LIST:
        case DATA_STRUCT:
        case DATA_JSON:
            vector->text[row] = STR("{\"a\":[1,2]}");
            break;
        case DATA_BLOB:
            vector->text[row] = STR("\0\xff\x01 and more than twelve bytes");
            break;
        case DATA_INTERVAL:
            vector->interval[row] = (struct data_interval){1, (int32_t)row % 7, row};
            break;
        case DATA_NULL:
            break;
        }
    }
}

static void appended_batches_of_every_kind_read_back_equal(void **state)
{
    (void)state;
    enum { ROWS = 5000 };
    struct engine *engine = open_engine(2);
    struct err err = {0};
    struct data_schema schema = {0};
    const struct data_type types[] = {
        DATA_TYPE(BOOLEAN),       DATA_TYPE(BIGINT),       DATA_TYPE(UHUGEINT),
        data_type_decimal(4, 1),  data_type_decimal(9, 2), data_type_decimal(18, 4),
        data_type_decimal(38, 6), DATA_TYPE(DOUBLE),       DATA_TYPE(TEXT),
        DATA_TYPE(DATE),          DATA_TYPE(TIME),         DATA_TYPE(TIMESTAMP),
        DATA_TYPE(TIMESTAMPTZ),   DATA_TYPE(INTERVAL),     DATA_TYPE(BLOB),
        DATA_TYPE(JSON)};
    struct buf sql = BUF_INIT;
    buf_puts(&sql, "ATTACH ':memory:' AS other; CREATE TABLE other.main.t(");
    for (size_t idx = 0; idx < sizeof types / sizeof *types; idx++) {
        char name[16];
        snprintf(name, sizeof name, "c%zu", idx);
        OK(data_schema_add(&schema, str_of(name), types[idx], &err));
        buf_printf(&sql, "%s%s ", idx > 0 ? ", " : "", name);
        engine_type_sql(types[idx], &sql);
    }
    buf_puts(&sql, ")");
    OK(engine_execute(engine, buf_text(&sql), NULL, 0, &err));
    struct arena *arena = arena_new(0);
    struct data_batch *batch = data_batch_new(arena, &schema, ROWS);
    assert_non_null(batch);
    batch->rows = ROWS;
    for (int64_t row = 0; row < ROWS; row++)
        fill_row(batch, row);
    struct engine_appender *appender = NULL;
    OK(engine_append_open(engine, "other.main", "t", &appender, &err));
    OK(engine_append_batch(appender, batch, &err));
    OK(engine_append_close(appender, &err));
    struct engine_result *result = NULL;
    OK(engine_query(engine, "FROM other.t", NULL, 0, &result, &err));
    int64_t at = 0;
    for (;;) {
        const struct data_batch *found = NULL;
        OK(engine_result_next(result, &found, &err));
        if (found == NULL)
            break;
        for (int64_t row = 0; row < found->rows; row++, at++)
            for (size_t column = 0; column < found->columns; column++) {
                struct buf left = BUF_INIT, right = BUF_INIT;
                assert_true(data_type_equal(found->vectors[column].type, types[column]));
                assert_int_equal(data_value_text(&found->vectors[column], row, &left),
                                 data_value_text(&batch->vectors[column], at, &right));
                assert_int_equal(left.len, right.len);
                assert_string_equal(buf_text(&left), buf_text(&right));
                buf_done(&left);
                buf_done(&right);
            }
    }
    assert_int_equal(at, ROWS);
    engine_result_close(result);
    arena_free(arena);
    data_schema_done(&schema);
    buf_done(&sql);
    engine_close(engine);
}

static void appender_refuses_what_does_not_fit(void **state)
{
    (void)state;
    struct engine *engine = open_engine(1);
    struct err err = {0};
    OK(engine_execute(engine, "CREATE TABLE t(a TINYINT, b VARCHAR)", NULL, 0, &err));
    struct engine_appender *appender = NULL;
    OK(engine_append_open(engine, NULL, "t", &appender, &err));
    int64_t number = 1000;
    struct str text = STR("\xff");
    struct data_vector vectors[] = {{.type = DATA_TYPE(BIGINT), .i64 = &number},
                                    {.type = DATA_TYPE(TEXT), .text = &text}};
    assert_int_equal(engine_append_batch(appender, &(struct data_batch){vectors, 2, 1}, &err),
                     ERR_INPUT);
    number = 1;
    assert_int_equal(engine_append_batch(appender, &(struct data_batch){vectors, 2, 1}, &err),
                     ERR_INPUT);
    assert_int_equal(engine_append_batch(appender, &(struct data_batch){vectors, 1, 1}, &err),
                     ERR_USAGE);
    vectors[1] = vectors[0];
    assert_int_equal(engine_append_batch(appender, &(struct data_batch){vectors, 2, 1}, &err),
                     ERR_USAGE);
    engine_append_abort(appender);
    assert_string_equal(ask(engine, "SELECT count(*) FROM t"), "0");
    assert_int_not_equal(engine_append_open(engine, NULL, "nowhere", &appender, &err), ERR_OK);
    engine_close(engine);
}

/* ---- scans
 * ------------------------------------------------------------------------------------------ */

static char folder[] = "/tmp/engine-scan-XXXXXX";
static const char *put_file(const char *name, const char *bytes, size_t count)
{
    static char paths[8][128];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    fclose(file);
    return path;
}
static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}
static int remove_folder(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static struct buf rejected;
static enum err_code note_reject(void *user, int64_t line, const char *column, const char *reason,
                                 struct str raw, struct err *err)
{
    (void)user, (void)err;
    buf_printf(&rejected, "%lld|%s|%s|%.*s;", (long long)line, column != NULL ? column : "-",
               reason, (int)raw.len, raw.ptr);
    return ERR_OK;
}

static struct data_schema text_schema(const char *const *names, size_t count)
{
    struct data_schema schema = {0};
    struct err err = {0};
    for (size_t idx = 0; idx < count; idx++)
        OK(data_schema_add(&schema, str_of(names[idx]), DATA_TYPE(TEXT), &err));
    return schema;
}

/* ---- filling in one pass
 * -------------------------------------------------------------------------------------- */

struct filling {
    struct data_schema schema;
    _Atomic int begun;
    int pieces, fails_at; /* 0: none fails */
};

/* 5,000 rows for table 0, each tenth piece one for table 1; texts that lie here go when the piece ends. */
static enum err_code fill_piece(void *user, struct engine_fill_piece *piece,
                                bool *ret_more, struct err *err)
{
    struct filling *filling = user;
    int number = ++filling->begun;
    if (number > filling->pieces) {
        *ret_more = false;
        return ERR_OK;
    }
    if (number == filling->fails_at)
        return err_set(err, ERR_INPUT, "piece fails");
    char text[64];
    struct arena *arena = arena_new(0);
    struct data_batch *batch = data_batch_new(arena, &filling->schema, 5000);
    assert_non_null(batch);
    snprintf(text, sizeof text, "a text of piece %d, longer than twelve bytes", number);
    batch->rows = 5000;
    for (int64_t row = 0; row < batch->rows; row++) {
        data_vector_set_valid(&batch->vectors[0], row, true);
        batch->vectors[0].i64[row] = number;
        data_vector_set_valid(&batch->vectors[1], row, row % 2 == 0);
        batch->vectors[1].text[row] = str_of(text);
    }
    enum err_code code = engine_fill_batch(piece, 0, batch, err);
    batch->rows = 1;
    if (code == ERR_OK && number % 10 == 0)
        code = engine_fill_batch(piece, 1, batch, err);
    memset(text, 'x', sizeof text);
    arena_free(arena);
    return code;
}

static void one_pass_fills_tables_all_or_nothing(void **state)
{
    (void)state;
    struct err err = {0};
    for (int round = 0; round < 6; round++) { /* by 1, 2, 4 threads; each table by one of them, or not */
        int64_t threads = 1 << round / 2;
        struct engine *engine = open_engine(threads);
        struct filling filling = {.pieces = 100};
        struct engine_fill_work work = {fill_piece, &filling, (size_t)threads, round % 2 != 0};
        OK(data_schema_add(&filling.schema, STR("piece"), DATA_TYPE(BIGINT), &err));
        OK(data_schema_add(&filling.schema, STR("text"), DATA_TYPE(TEXT), &err));
        const struct engine_fill_table tables[] = {{"made \"here\"", "many", &filling.schema},
                                                   {"made \"here\"", "few", &filling.schema}};
        OK(engine_fill(engine, tables, 2, &work, &err));
        assert_string_equal(
            ask(engine, "SELECT count(*) || ' ' || sum(piece) || ' ' || count(text) || ' ' || "
                        "count(*) FILTER (text <> 'a text of piece ' || piece || "
                        "', longer than twelve bytes') FROM \"made \"\"here\"\"\".many"),
            "500000 25250000 250000 0");
        assert_string_equal(ask(engine, "SELECT count(*) FROM \"made \"\"here\"\"\".few"), "10");
        /* a table that is there stays, the other is not made */
        const struct engine_fill_table again[] = {{NULL, "other", &filling.schema},
                                                  {"made \"here\"", "few", &filling.schema}};
        filling.begun = 0;
        assert_int_not_equal(engine_fill(engine, again, 2, &work, &err), ERR_OK);
        assert_string_equal(ask(engine, "SELECT count(*) FROM \"made \"\"here\"\"\".few"), "10");
        assert_string_equal(
            ask(engine, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'other'"), "0");
        /* a piece that fails: its error, no table */
        filling = (struct filling){.schema = filling.schema, .pieces = 100, .fails_at = 50};
        const struct engine_fill_table third[] = {{NULL, "third", &filling.schema},
                                                  {NULL, "fourth", &filling.schema}};
        assert_int_equal(engine_fill(engine, third, 2, &work, &err), ERR_INPUT);
        assert_string_equal(err.message, "piece fails");
        assert_string_equal(
            ask(engine, "SELECT count(*) FROM duckdb_tables() WHERE table_name IN ('third', "
                        "'fourth')"),
            "0");
        /* and nothing for anyone else */
        assert_int_not_equal(engine_execute(engine, "FROM marrow_fill(0)", NULL, 0, &err), ERR_OK);
        data_schema_done(&filling.schema);
        engine_close(engine);
    }
}

static void csv_scan_keeps_texts_and_quarantines_bad_rows(void **state)
{
    (void)state;
    const char text[] =
        "a,\"it's\"\n0389,\"x \"\"y\"\" z\"\n2,5\" tube\n3,\"He said \"hi\" "
        "there\"\n4,\n,\"\"\n5,6,7\n8\n\"multi\nline\",NULL\n9,\xff\n10,x\0y\n11,last";
    const char *path = put_file("odd [1]*.csv", text, sizeof text - 1);
    (void)put_file("odd 1.csv", "a,b\nwrong,file\n", 15);
    struct data_scan scan = {.kind = DATA_SCAN_CSV,
                             .paths = &path,
                             .path_count = 1,
                             .delimiter = ",",
                             .quote = '"',
                             .escape = '"',
                             .header = true};
    struct data_schema schema = text_schema((const char *const[]){"a", "it's"}, 2);
    struct engine *engine = open_engine(2);
    struct err err = {0};
    struct buf sql = BUF_INIT;
    buf_puts(&sql, "CREATE TABLE t AS SELECT * FROM ");
    OK(engine_scan_expression(&scan, &schema, "bad_rows", &sql, &err));
    OK(engine_execute(engine, buf_text(&sql), NULL, 0, &err));
    assert_string_equal(
        ask(engine, "SELECT string_agg(coalesce(a, '-') || '=' || coalesce(replace(\"it's\", "
                    "chr(0), '0'), '-'), ';' ORDER BY rowid) FROM t"),
        "0389=x \"y\" z;2=5\" tube;4=-;-=;multi\nline=NULL;10=x0y;11=last");
    int64_t rows = 0;
    struct data_sink sink = {.reject = note_reject};
    buf_clear(&rejected);
    OK(engine_scan_rejects(engine, "bad_rows", &sink, &rows, &err));
    assert_int_equal(rows, 4);
    assert_string_equal(buf_text(&rejected),
                        "4|it's|a quote is not closed, or text follows the closing quote|3,\"He "
                        "said \"hi\" there\";"
                        "7|-|more fields than the header|5,6,7;8|it's|fewer fields than the "
                        "header|8;11|it's|not valid UTF-8|9,?;");
    buf_done(&rejected);
    rejected = (struct buf)BUF_INIT;
    buf_done(&sql);
    data_schema_done(&schema);
    engine_close(engine);
}

static void csv_scan_of_several_files_and_other_dialects(void **state)
{
    (void)state;
    const char one[] = "# made by hand\nskipped\nx;y\n1;'a;b'\n",
               two[] = "# two\nskipped\nx;y\n2;'it\\'s'\n# a remark\n";
    const char *paths[] = {put_file("one.csv", one, sizeof one - 1),
                           put_file("two.csv", two, sizeof two - 1)};
    struct data_scan scan = {.kind = DATA_SCAN_CSV,
                             .paths = paths,
                             .path_count = 2,
                             .delimiter = ";",
                             .quote = '\'',
                             .escape = '\\',
                             .comment = '#',
                             .skip_lines = 1,
                             .header = true};
    struct data_schema schema = text_schema((const char *const[]){"x", "y"}, 2);
    struct engine *engine = open_engine(2);
    struct err err = {0};
    struct buf sql = BUF_INIT;
    buf_puts(&sql, "CREATE TABLE t AS SELECT * FROM ");
    OK(engine_scan_expression(&scan, &schema, NULL, &sql, &err));
    OK(engine_execute(engine, buf_text(&sql), NULL, 0, &err));
    assert_string_equal(ask(engine, "SELECT string_agg(x || y, '|' ORDER BY x) FROM t"),
                        "1a;b|2it's");
    buf_done(&sql);
    data_schema_done(&schema);
    engine_close(engine);
}

static void ten_thousand_columns_load(void **state)
{
    (void)state;
    enum { COLUMNS = 10000 };
    struct buf text = BUF_INIT, sql = BUF_INIT;
    struct data_schema schema = {0};
    struct err err = {0};
    for (int line = 0; line < 3; line++)
        for (int idx = 0; idx < COLUMNS; idx++) {
            char cell[16];
            snprintf(cell, sizeof cell, line == 0 ? "c%d" : "%d", idx);
            buf_printf(&text, "%s%c", cell, idx + 1 < COLUMNS ? ',' : '\n');
            if (line == 0)
                OK(data_schema_add(&schema, str_of(cell), DATA_TYPE(TEXT), &err));
        }
    const char *path = put_file("wide.csv", text.ptr, text.len);
    struct data_scan scan = {.kind = DATA_SCAN_CSV,
                             .paths = &path,
                             .path_count = 1,
                             .delimiter = ",",
                             .quote = '"',
                             .escape = '"',
                             .header = true};
    struct engine *engine = open_engine(2);
    struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    buf_puts(&sql, "SELECT * FROM ");
    OK(engine_scan_expression(&scan, &schema, "wide", &sql, &err));
    OK(engine_query(engine, buf_text(&sql), NULL, 0, &result, &err));
    OK(engine_result_next(result, &batch, &err));
    assert_int_equal(batch->columns, COLUMNS);
    assert_int_equal(batch->rows, 2);
    assert_memory_equal(batch->vectors[9999].text[1].ptr, "9999", 4);
    engine_result_close(result);
    buf_done(&text);
    buf_done(&sql);
    data_schema_done(&schema);
    engine_close(engine);
}

/* Rows of a scan, cells joined. */
static const char *scan_text(struct engine *engine, const struct data_scan *scan, bool typed)
{
    struct err err = {0};
    struct data_schema schema = {0};
    static struct buf out;
    struct buf sql = BUF_INIT;
    struct engine_result *result = NULL;
    if (typed)
        OK(engine_scan_schema(engine, scan, &schema, &err));
    buf_puts(&sql, "SELECT * FROM ");
    OK(engine_scan_expression(scan, &schema, NULL, &sql, &err));
    buf_clear(&out);
    OK(engine_query(engine, buf_text(&sql), NULL, 0, &result, &err));
    const struct data_schema *found = engine_result_schema(result);
    for (size_t idx = 0; idx < found->count; idx++)
        buf_printf(&out, "%s:%d ", found->columns[idx].name, (int)found->columns[idx].type.kind);
    for (;;) {
        const struct data_batch *batch = NULL;
        OK(engine_result_next(result, &batch, &err));
        if (batch == NULL)
            break;
        for (int64_t row = 0; row < batch->rows; row++) {
            buf_putc(&out, '|');
            for (size_t column = 0; column < batch->columns; column++) {
                if (!data_value_text(&batch->vectors[column], row, &out))
                    buf_puts(&out, "-");
                buf_putc(&out, ',');
            }
        }
    }
    engine_result_close(result);
    data_schema_done(&schema);
    buf_done(&sql);
    return buf_text(&out);
}

static void parquet_scan_widens_and_flattens(void **state)
{
    (void)state;
    struct engine *engine = open_engine(2);
    struct err err = {0};
    char path[128];
    snprintf(path, sizeof path, "%s/p.parquet", folder);
    const char *paths[] = {path};
    OK(engine_executef(engine, &err,
                       "COPY (SELECT 7::UTINYINT AS u, [1,2] AS l, {'k': 'v'} AS s, 1.5::FLOAT AS "
                       "f, 18446744073709551615::UBIGINT AS b, 'x'::ENUM('x') AS e, NULL::INT AS "
                       "n) TO '%s' (FORMAT parquet)",
                       path));
    struct data_scan scan = {.kind = DATA_SCAN_PARQUET, .paths = paths, .path_count = 1};
    char expected[160];
    snprintf(
        expected, sizeof expected,
        "u:%d l:%d s:%d f:%d b:%d e:%d n:%d |7,[1,2],{\"k\":\"v\"},1.5,18446744073709551615,x,-,",
        DATA_BIGINT, DATA_JSON, DATA_JSON, DATA_DOUBLE, DATA_DECIMAL, DATA_TEXT, DATA_BIGINT);
    assert_string_equal(scan_text(engine, &scan, true), expected);
    engine_close(engine);
}

/* ---- inspection and quoting
 * ------------------------------------------------------------------------- */

static void inspection_names_tables_and_functions_without_binding(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *tables, *functions;
        int count;
        bool is_select;
    } cases[] = {
        {"SELECT * FROM labs l JOIN a.b.\"c d\" USING (id) WHERE x IN (SELECT y FROM other)",
         "labs,a.b.c d,other,", "", 1, true},
        {"WITH labs AS (SELECT * FROM labs), r AS (SELECT * FROM labs) SELECT * FROM r, labs",
         "labs,", "", 1, true},
        {"WITH RECURSIVE t AS (SELECT 1 i UNION ALL SELECT i + 1 FROM t WHERE i < 3) SELECT * FROM "
         "t, u",
         "u,", "", 1, true},
        {"SELECT (WITH x AS (SELECT 1) SELECT * FROM x), y FROM x", "x,", "", 1, true},
        {"SELECT * FROM read_csv('/etc/passwd'), 'file.csv'", "file.csv,", "read_csv,", 1, true},
        {"SELECT $1 FROM t WHERE a = ?", "t,", "", 1, true},
        {"SELECT 1; DROP TABLE x", "", "", 2, false},
        {"SELECT 1; SELECT 2 FROM z", "z,", "", 2, true},
        {"COPY (SELECT 1) TO 'x.csv'", "", "", 1, false},
        {"INSERT INTO t SELECT 1", "", "", 1, false},
        {"EXPLAIN ANALYZE SELECT 1", "", "", 1, false},
        {"ATTACH 'x.db'", "", "", 1, false},
        {"SET threads = 1", "", "", 1, false},
        {"", "", "", 0, false},
    };
    struct engine *engine = open_engine(1);
    struct err err = {0};
    for (size_t idx = 0; idx < sizeof cases / sizeof *cases; idx++) {
        struct engine_statement statement;
        struct buf tables = BUF_INIT, functions = BUF_INIT;
        OK(engine_statement_inspect(engine, cases[idx].sql, &statement, &err));
        for (size_t at = 0; at < statement.table_count; at++)
            buf_printf(&tables, "%s,", statement.tables[at]);
        for (size_t at = 0; at < statement.table_function_count; at++)
            buf_printf(&functions, "%s,", statement.table_functions[at]);
        assert_int_equal(statement.count, cases[idx].count);
        assert_int_equal(statement.is_select, cases[idx].is_select);
        assert_string_equal(buf_text(&tables), cases[idx].tables);
        assert_string_equal(buf_text(&functions), cases[idx].functions);
        buf_done(&tables);
        buf_done(&functions);
        engine_statement_done(&statement);
    }
    struct engine_statement statement;
    assert_int_equal(engine_statement_inspect(engine, "SELECT 1,\n  FORM x y z", &statement, &err),
                     ERR_INPUT);
    assert_int_equal(err.line, 2);
    assert_true(err.column > 0);
    engine_close(engine);
}

static void nasty_names_and_texts_round_trip(void **state)
{
    (void)state;
    static const char *const names[] = {"a",    "",       "select", "a\"b",          "\"\"",
                                        "it's", "a;b--c", "/*",     "é\xe2\x82\xac", "a\nb",
                                        "$$",   "\\",     "%s",     "CASE",          " "};
    struct engine *engine = open_engine(1);
    struct err err = {0};
    for (size_t idx = 0; idx < sizeof names / sizeof *names; idx++) {
        struct buf sql = BUF_INIT;
        struct engine_result *result = NULL;
        const struct data_batch *batch = NULL;
        struct str name = str_of(names[idx]);
        buf_puts(&sql, "SELECT ");
        engine_quote_literal(&sql, name);
        buf_puts(&sql, " AS ");
        engine_quote_identifier(&sql, name.len > 0 ? name : STR("empty"));
        OK(engine_query(engine, buf_text(&sql), NULL, 0, &result, &err));
        OK(engine_result_next(result, &batch, &err));
        assert_true(str_equal(batch->vectors[0].text[0], name));
        assert_string_equal(engine_result_schema(result)->columns[0].name,
                            name.len > 0 ? names[idx] : "empty");
        engine_result_close(result);
        buf_done(&sql);
    }
    struct buf refused = BUF_INIT;
    engine_quote_literal(&refused, STR("a\0b"));
    assert_true(refused.failed);
    buf_done(&refused);
    engine_close(engine);
}

/* ---- Arrow
 * ------------------------------------------------------------------------------------------ */

static void arrow_stream_walks_to_the_end(void **state)
{
    (void)state;
    struct engine *engine = open_engine(2);
    struct err err = {0};
    struct engine_result *result = NULL;
    struct ArrowArrayStream stream;
    struct ArrowSchema schema = {0};
    OK(engine_query(engine,
                    "SELECT i, if(i % 3 = 0, NULL, 'text ' || i) AS t, i / 2.0 AS d, [i] AS l FROM "
                    "range(10000) r(i)",
                    NULL, 0, &result, &err));
    OK(engine_result_to_arrow(result, &stream, &err));
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    assert_int_equal(schema.n_children, 4);
    assert_string_equal(schema.format, "+s");
    assert_string_equal(schema.children[0]->format, "l");
    assert_string_equal(schema.children[0]->name, "i");
    assert_string_equal(schema.children[2]->format, "g");
    assert_string_equal(schema.children[3]->format,
                        schema.children[1]->format); /* nested came as text */
    bool large = schema.children[1]->format[0] == 'U';
    schema.release(&schema);
    int64_t at = 0;
    struct ArrowArray kept = {0};
    for (;;) {
        struct ArrowArray array;
        assert_int_equal(stream.get_next(&stream, &array), 0);
        if (array.release == NULL)
            break;
        assert_int_equal(array.n_children, 4);
        const int64_t *numbers = array.children[0]->buffers[1];
        const uint8_t *valid = array.children[1]->buffers[0];
        const char *bytes = array.children[1]->buffers[2];
        for (int64_t row = 0; row < array.length; row++, at++) {
            char expected[32];
            assert_int_equal(numbers[row], at);
            assert_int_equal(valid[row / 8] >> (row % 8) & 1, at % 3 != 0);
            int64_t from = large ? ((const int64_t *)array.children[1]->buffers[1])[row]
                                 : ((const int32_t *)array.children[1]->buffers[1])[row];
            snprintf(expected, sizeof expected, "text %lld", (long long)at);
            if (at % 3 != 0)
                assert_memory_equal(bytes + from, expected, strlen(expected));
        }
        if (kept.release == NULL)
            kept = array; /* outlives the stream */
        else
            array.release(&array);
    }
    assert_int_equal(at, 10000);
    stream.release(&stream);
    assert_null(stream.release);
    engine_close(engine);
    assert_int_equal(((const int64_t *)kept.children[0]->buffers[1])[1], 1);
    kept.release(&kept);
}

static void arrow_stream_reports_errors(void **state)
{
    (void)state;
    struct engine *engine = open_engine(1);
    struct err err = {0};
    struct engine_result *result = NULL;
    struct ArrowArrayStream stream;
    OK(engine_query(engine, "SELECT if(i = 300000, error('no'), i) FROM range(1000000) r(i)", NULL,
                    0, &result, &err));
    OK(engine_result_to_arrow(result, &stream, &err));
    assert_null(stream.get_last_error(&stream));
    int code = 0;
    for (int chunk = 0; chunk < 1000 && code == 0; chunk++) {
        struct ArrowArray array;
        code = stream.get_next(&stream, &array);
        if (code == 0 && array.release != NULL)
            array.release(&array);
    }
    assert_int_not_equal(code, 0);
    assert_non_null(stream.get_last_error(&stream));
    stream.release(&stream);
    engine_close(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appended_batches_of_every_kind_read_back_equal),
        cmocka_unit_test(appender_refuses_what_does_not_fit),
        cmocka_unit_test(one_pass_fills_tables_all_or_nothing),
        cmocka_unit_test(csv_scan_keeps_texts_and_quarantines_bad_rows),
        cmocka_unit_test(csv_scan_of_several_files_and_other_dialects),
        cmocka_unit_test(ten_thousand_columns_load),
        cmocka_unit_test(parquet_scan_widens_and_flattens),
        cmocka_unit_test(inspection_names_tables_and_functions_without_binding),
        cmocka_unit_test(nasty_names_and_texts_round_trip),
        cmocka_unit_test(arrow_stream_walks_to_the_end),
        cmocka_unit_test(arrow_stream_reports_errors),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
