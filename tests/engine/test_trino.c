/* Trino without Trino: decoding of canned answers (golden), statements and literals, and the talk
 * with a coordinator that misbehaves on purpose. A real one runs the conformance suite. */
#include "engine_test.h"

#include "base/clock.h"
#include "engine/trino/trino_priv.h"
#include "golden.h"
#include "net/http_server.h"

/* ---- pages --------------------------------------------------------------------------------------
 */

static void write_error(const struct err *err, struct buf *ret)
{
    buf_printf(ret, "%s: %s\n", err_code_name(err->code), err->message);
    if (err->detail[0] != '\0')
        buf_printf(ret, "  %s\n", err->detail);
    if (err->hint[0] != '\0')
        buf_printf(ret, "  hint: %s\n", err->hint);
    if (err->line > 0)
        buf_printf(ret, "  at %lld:%lld\n", (long long)err->line, (long long)err->column);
}

static void write_batch(const struct data_batch *batch, const struct data_schema *schema,
                        struct buf *ret)
{
    char type[32];
    for (size_t column = 0; column < schema->count; column++) {
        buf_printf(ret, "%s %s:", schema->columns[column].name,
                   data_type_text(schema->columns[column].type, type));
        for (int64_t row = 0; row < batch->rows; row++) {
            const struct data_vector *vector = &batch->vectors[column];
            buf_puts(ret, " | ");
            if (!data_vector_is_valid(vector, row))
                buf_puts(ret, "NULL");
            else
                data_value_text(vector, row, ret);
        }
        buf_putc(ret, '\n');
    }
}

static enum err_code decode(struct str bytes, struct buf *ret, struct err *err)
{
    struct trino_page page = {0};
    struct data_schema schema = {0};
    struct trino_column *columns = NULL;
    const struct data_batch *batch = NULL;
    struct arena *arena = arena_new(0);
    enum err_code code = trino_page_read(bytes, &page, err);
    if (code == ERR_OK && page.next != NULL)
        buf_printf(ret, "next: %s\n", page.next);
    if (code == ERR_OK && page.splits > 0)
        buf_printf(ret, "splits: %lld of %lld\n", (long long)page.splits_done,
                   (long long)page.splits);
    if (code == ERR_OK && page.failure != NULL)
        code = trino_failure(page.failure, err);
    if (code == ERR_OK)
        code = trino_page_schema(&page, arena, &schema, &columns, err);
    if (code == ERR_OK)
        code = trino_page_batch(&page, &schema, columns, 0, (int64_t)json_array_size(page.rows),
                                arena, &batch, err);
    if (code == ERR_OK)
        write_batch(batch, &schema, ret);
    data_schema_done(&schema);
    trino_page_done(&page);
    arena_free(arena);
    return code;
}

static void decode_case(const struct golden_case *test, struct buf *ret)
{
    struct err err = {0};
    enum err_code code = decode(golden_section(test, "input"), ret, &err);
    assert_int_equal(err.code, code);
    if (code != ERR_OK)
        write_error(&err, ret);
    assert_null(strstr(buf_text(ret), "secret-person"));
}

static void answers_decode_as_in_the_golden_file(void **state)
{
    (void)state;
    assert_int_equal(
        golden_check(TEST_SOURCE_DIRECTORY "/golden/engine/trino_pages.txt", decode_case), 0);
}

/* ---- statements and literals --------------------------------------------------------------------
 */

static void lists_are_parted_at_their_semicolons(void **state)
{
    (void)state;
    struct str rest = STR("SELECT ';' ; ;-- a;b\n /* ; */;\nSELECT \";\" -- end;\n;SELECT '''"),
               one;
    static const char *const expected[] = {"SELECT ';' ", "\nSELECT \";\" -- end;\n", "SELECT '''"};
    for (size_t idx = 0; idx < 3; idx++) {
        assert_true(trino_next_statement(&rest, &one));
        assert_true(str_equal(one, str_of(expected[idx])));
    }
    assert_false(trino_next_statement(&rest, &one));
}

static const char *bound(const char *sql, const struct engine_value *values, size_t count)
{
    static struct buf text;
    struct err err = {0};
    buf_clear(&text);
    OK(trino_bind(str_of(sql), values, count, &text, &err));
    return buf_text(&text);
}

static void parameters_become_literals_of_their_type(void **state)
{
    (void)state;
    const struct engine_value values[] = {
        {.type = DATA_TYPE(TEXT), .text = STR("O'Hara $1 ?")},
        {.type = DATA_TYPE(BIGINT), .i64 = INT64_MIN},
        {.type = data_type_decimal(5, 2), .text = STR("-1.5")},
        {.type = DATA_TYPE(DOUBLE), .f64 = -1.0 / 0.0},
        {.type = DATA_TYPE(BOOLEAN), .i64 = 1},
        {.type = DATA_TYPE(DATE), .i64 = -1},
        {.type = DATA_TYPE(TIMESTAMP), .i64 = -1},
        {.type = DATA_TYPE(TIMESTAMPTZ), .i64 = 0},
        {.type = DATA_TYPE(TIME), .i64 = 1},
        {.type = DATA_TYPE(BLOB), .text = STR("\x01'\xFF")},
        {.type = DATA_TYPE(NULL)},
    };
    assert_string_equal(
        bound("SELECT $1, '$1 ?', $2 -- $3 ?\n, $1", values, 2),
        "EXECUTE IMMEDIATE 'SELECT ?, ''$1 ?'', ? -- $3 ?\n, ?' USING CAST('O''Hara $1 ?' AS "
        "varchar), BIGINT '-9223372036854775808', CAST('O''Hara $1 ?' AS varchar)");
    assert_string_equal(
        bound("SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?", values + 2, 9),
        "EXECUTE IMMEDIATE 'SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?' USING CAST('-1.5' AS decimal(5,2)), "
        "-infinity(), TRUE, DATE '1969-12-31', TIMESTAMP '1969-12-31 23:59:59.999999', TIMESTAMP "
        "'1970-01-01 00:00:00.000000 UTC', TIME '00:00:00.000001', X'0127FF', NULL");
    assert_string_equal(bound("SELECT a$1, '?'", values, 0), "SELECT a$1, '?'");
    const struct engine_value zero = {.type = DATA_TYPE(TEXT), .text = STR("a\0\\'b")};
    assert_string_equal(bound("SELECT $1", &zero, 1),
                        "EXECUTE IMMEDIATE 'SELECT ?' USING CAST(U&'a\\0000\\\\''b' AS varchar)");
}

static void what_cannot_be_a_literal_is_refused(void **state)
{
    (void)state;
    const struct engine_value values[] = {
        {.type = DATA_TYPE(TEXT), .text = STR("\xFF")},
        {.type = data_type_decimal(5, 2), .text = STR("1) OR (1=1")},
        {.type = DATA_TYPE(TIME), .i64 = -1},
        {.type = DATA_TYPE(INTERVAL)},
    };
    struct buf text = BUF_INIT;
    for (size_t idx = 0; idx < sizeof values / sizeof *values; idx++) {
        struct err err = {0};
        assert_int_equal(trino_bind(STR("SELECT $1"), &values[idx], 1, &text, &err), ERR_USAGE);
        assert_null(strstr(err.message, "OR"));
    }
    struct err err = {0};
    const struct engine_value one = {.type = DATA_TYPE(BIGINT)};
    assert_int_equal(trino_bind(STR("SELECT $2"), &one, 1, &text, &err), ERR_USAGE);
    assert_int_equal(trino_bind(STR("SELECT ?, ?"), &one, 1, &text, &err), ERR_USAGE);
    assert_int_equal(trino_bind(STR("SELECT 1"), &one, 1, &text, &err), ERR_USAGE);
    assert_int_equal(trino_bind(STR("SELECT $1"), NULL, 0, &text, &err), ERR_USAGE);
    buf_done(&text);
}

/* ---- a coordinator that misbehaves --------------------------------------------------------------
 */

#define HEAD(status) "HTTP/1.1 " status "\r\nConnection: close\r\n"
#define PAGE(json) HEAD("200 OK") "\r\n" json
#define INFO PAGE("{\"nodeVersion\":{\"version\":\"435\"},\"coordinator\":true,\"starting\":false}")
#define QUEUED PAGE("{\"id\":\"q\",\"nextUri\":\"http://elsewhere/v1/statement/q/1\"}")
#define ROWS(next)                                                                                 \
    PAGE("{\"id\":\"q\"," next                                                                     \
         "\"columns\":[{\"name\":\"a\",\"type\":\"bigint\"}],\"data\":[[1],[2]]}")
#define NEXT "\"nextUri\":\"http://elsewhere/v1/statement/q/2\","
#define LAST PAGE("{\"id\":\"q\",\"columns\":[{\"name\":\"a\",\"type\":\"bigint\"}]}")

static struct engine *open_at(const struct http_server *server, const char *rest, struct err *err)
{
    char url[256];
    struct engine *engine = NULL;
    snprintf(url, sizeof url, "trino://ann@127.0.0.1:%d%s", server->port, rest);
    (void)!engine_open(&(struct engine_options){.url = url}, &engine, err);
    return engine;
}

static enum err_code read_rows(struct engine *engine, int64_t *ret_rows, struct err *err)
{
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    *ret_rows = 0;
    TRY(engine_query(engine, "SELECT a FROM t", NULL, 0, &result, err));
    for (;;) {
        TRY(engine_result_next(result, &batch, err));
        if (batch == NULL)
            return ERR_OK;
        *ret_rows += batch->rows;
    }
}

static void pages_are_followed_on_our_host_and_retried(void **state)
{
    (void)state;
    const struct http_step steps[] = {
        {.answer = INFO},
        {.answer = QUEUED},
        {.answer = HEAD("503 Busy") "\r\n"},
        {.answer = ROWS(NEXT)},
        {.answer = NULL},
        {.answer = HEAD("502 Bad") "\r\n"},
        {.answer = HEAD("200 OK") "Content-Length: 900\r\n\r\n{\"id\":"},
        {.answer = LAST},
    };
    struct http_server *server = http_start(steps, sizeof steps / sizeof *steps);
    struct err err = {0};
    int64_t rows;
    struct engine *engine = open_at(server, "/hive/mart?session=a.b=x%20y", &err);
    assert_non_null(engine);
    assert_string_equal(engine_version(engine), "435");
    OK(read_rows(engine, &rows, &err));
    assert_int_equal(rows, 2);
    assert_non_null(strstr(server->asked[1], "POST /v1/statement "));
    assert_non_null(strstr(server->asked[1], "\r\nX-Trino-User: ann\r\n"));
    assert_non_null(strstr(server->asked[1], "\r\nX-Trino-Catalog: hive\r\n"));
    assert_non_null(strstr(server->asked[1], "\r\nX-Trino-Schema: mart\r\n"));
    assert_non_null(strstr(server->asked[1], "\r\nX-Trino-Session: a.b=x%20y\r\n"));
    assert_non_null(strstr(server->asked[3], "GET /v1/statement/q/1 "));
    assert_non_null(strstr(server->asked[7], "GET /v1/statement/q/2 "));
    engine_close(engine);
    http_stop(server);
}

static void use_and_set_session_change_what_is_sent(void **state)
{
    (void)state;
    const struct http_step steps[] = {
        {.answer = INFO},
        {.answer = HEAD("200 OK") "X-Trino-Set-Catalog: memory\r\nX-Trino-Set-Schema: "
                                  "other\r\nX-Trino-Set-Session: k=v%2Cw\r\n\r\n{\"id\":\"q\"}"},
        {.answer = HEAD("200 OK") "X-Trino-Clear-Session: a\r\n\r\n{\"id\":\"q\"}"},
        {.answer = LAST},
    };
    struct http_server *server = http_start(steps, sizeof steps / sizeof *steps);
    struct err err = {0};
    struct engine *engine = open_at(server, "/hive/mart?session=a=1", &err);
    assert_non_null(engine);
    OK(engine_execute(engine, "USE memory.other; RESET SESSION a; SELECT 1", NULL, 0, &err));
    assert_non_null(strstr(server->asked[2], "\r\nX-Trino-Catalog: memory\r\n"));
    assert_non_null(strstr(server->asked[2], "\r\nX-Trino-Schema: other\r\n"));
    assert_non_null(strstr(server->asked[2], "\r\nX-Trino-Session: a=1,k=v%2Cw\r\n"));
    assert_non_null(strstr(server->asked[3], "\r\nX-Trino-Session: k=v%2Cw\r\n"));
    engine_close(engine);
    http_stop(server);
}

/* The third answer (the page behind the first) and what must come of it. */
static void check_trouble(const struct http_step *trouble, size_t count, const char *message)
{
    struct http_step steps[16] = {{.answer = INFO}, {.answer = ROWS(NEXT)}};
    memcpy(steps + 2, trouble, count * sizeof *trouble);
    struct http_server *server = http_start(steps, 2 + count);
    struct err err = {0};
    int64_t rows;
    struct engine *engine = open_at(server, "/hive/mart", &err);
    assert_non_null(engine);
    assert_int_equal(read_rows(engine, &rows, &err), ERR_ENGINE);
    assert_int_equal(rows, 2);
    if (strstr(err.message, message) == NULL)
        fail_msg("%s", err.message);
    engine_close(engine);
    http_stop(server);
}

static void trouble_in_mid_query_is_a_clear_error(void **state)
{
    (void)state;
    const struct http_step cut = {.answer = NULL}, gone = {.answer = HEAD("404 Not Found") "\r\n"},
                           html = {.answer = PAGE("<html>proxy</html>")},
                           half = {.answer = PAGE("{\"id\":\"q\",\"data\":[[1")},
                           broken = {.answer = HEAD("500 Oops") "\r\n"},
                           locked = {.answer = HEAD("401 Who") "\r\n"};
    const struct http_step dead[] = {cut, cut, cut, cut, cut};
    check_trouble(dead, 5, "the connection to the server was lost: the exchange with 127.0.0.1");
    check_trouble(&gone, 1, "does not know the statement any more");
    check_trouble(&html, 1, "none of Trino's: it is not valid JSON");
    check_trouble(&half, 1, "none of Trino's: it is not valid JSON");
    check_trouble(&broken, 1, "HTTP status 500");
    check_trouble(&locked, 1, "refused the user or the password");
}

static void statement_that_may_have_arrived_is_not_sent_twice(void **state)
{
    (void)state;
    const struct http_step steps[] = {{.answer = INFO}, {.answer = NULL}, {.answer = LAST}};
    struct http_server *server = http_start(steps, 3);
    struct err err = {0};
    struct engine *engine = open_at(server, "/hive/mart", &err);
    assert_non_null(engine);
    assert_int_equal(engine_execute(engine, "INSERT INTO t VALUES (1)", NULL, 0, &err), ERR_ENGINE);
    assert_int_equal(atomic_load(&server->served), 2);
    engine_close(engine);
    http_stop(server);
}

static void silent_coordinator_is_cancelled_in_time_and_told(void **state)
{
    (void)state;
    const struct http_step steps[] = {{.answer = INFO},
                                      {.answer = QUEUED},
                                      {.answer = NULL, .wait_ms = 300},
                                      {.answer = HEAD("204 No Content") "\r\n"}};
    struct http_server *server = http_start(steps, 4);
    struct err err = {0};
    int64_t rows;
    struct engine *engine = open_at(server, "/hive/mart", &err);
    assert_non_null(engine);
    engine_set_time_limit(engine, 100);
    int64_t from_us = clock_monotonic_us();
    assert_int_equal(read_rows(engine, &rows, &err), ERR_TIMEOUT);
    assert_in_range(clock_monotonic_us() - from_us, 100000, 1500000);
    assert_non_null(strstr(err.message, "100 ms"));
    assert_non_null(strstr(server->asked[3], "DELETE /v1/statement/q/1 "));
    engine_close(engine);
    http_stop(server);
}

static void wrong_urls_and_servers_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"trino://",
                                        "trino://u:secret@h:1/c/s",
                                        "trino://h:1/a/b/c",
                                        "trino://h:1/?color=blue",
                                        "trino://h:1/?https=maybe",
                                        "trino://h:1/?files=relative",
                                        "trino://h:1/?session=x"};
    for (size_t idx = 0; idx < sizeof wrong / sizeof *wrong; idx++) {
        struct err err = {0};
        struct engine *engine = NULL;
        assert_int_equal(engine_open(&(struct engine_options){.url = wrong[idx]}, &engine, &err),
                         ERR_USAGE);
        assert_null(strstr(err.message, "secret"));
    }
    const struct http_step steps[] = {
        {.answer = PAGE("{}")},
        {.answer = PAGE("{\"nodeVersion\":{\"version\":\"435\"},\"starting\":true}")},
        {.answer = HEAD("404 No") "\r\n"}};
    struct http_server *server = http_start(steps, 3);
    for (size_t idx = 0; idx < 3; idx++) {
        struct err err = {0};
        assert_null(open_at(server, "/hive/mart", &err));
        assert_int_equal(err.code, ERR_ENGINE);
    }
    http_stop(server);
}

static void shared_folder_is_what_the_url_says(void **state)
{
    (void)state;
    const struct http_step steps[] = {
        {.answer = INFO}, {.answer = INFO}, {.answer = INFO},
        {.answer = LAST}, {.answer = LAST}, {.answer = LAST}};
    struct http_server *server = http_start(steps, 6);
    struct err err = {0};
    const char *path, *location;
    struct engine *engine = open_at(server, "/c/s", &err);
    assert_false(engine_shared_folder(engine, &path, &location));
    engine_close(engine);
    engine = open_at(server, "/c/s?files=/mnt/a%20b", &err);
    assert_true(engine_shared_folder(engine, &path, &location));
    assert_string_equal(path, "/mnt/a b");
    assert_string_equal(location, "file:///mnt/a b");
    engine_close(engine);
    engine = open_at(server, "/c/s?files=/mnt/x&location=s3://bucket/x", &err);
    assert_true(engine_shared_folder(engine, &path, &location));
    assert_string_equal(location, "s3://bucket/x");
    struct data_schema schema = {0};
    OK(data_schema_add(&schema, STR("a\"b"), data_type_decimal(9, 2), &err));
    OK(data_schema_add(&schema, STR("t"), DATA_TYPE(TIMESTAMP), &err));
    struct engine_external folder = {.columns = &schema, .location = "s3://bucket/x/it's"};
    OK(engine_create_external(engine, "s", "t'1", &folder, &err));
    assert_non_null(
        strstr(server->asked[3],
               "CREATE TABLE \"s\".\"t'1\" (\"a\"\"b\" decimal(9,2), \"t\" timestamp(6)) WITH "
               "(format = 'PARQUET', external_location = 's3://bucket/x/it''s')"));
    folder.key_count = 1;
    folder.comment = "it's";
    OK(engine_create_external(engine, NULL, "p", &folder, &err));
    assert_non_null(strstr(
        server->asked[4],
        "CREATE TABLE \"p\" (\"a\"\"b\" decimal(9,2), \"t\" timestamp(6)) COMMENT 'it''s' WITH "
        "(format = 'PARQUET', external_location = 's3://bucket/x/it''s', partitioned_by = "
        "ARRAY['t'])"));
    assert_non_null(strstr(server->asked[5],
                           "CALL system.sync_partition_metadata(schema_name => 's', table_name => "
                           "'p', mode => 'ADD', case_sensitive => false)"));
    OK(data_schema_add(&schema, STR("clock"), DATA_TYPE(TIME), &err));
    assert_int_equal(engine_create_external(engine, "s", "t", &folder, &err), ERR_UNSUPPORTED);
    data_schema_done(&schema);
    engine_close(engine);
    http_stop(server);
}

int main(int argc, char **argv)
{
    golden_arguments(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_decode_as_in_the_golden_file),
        cmocka_unit_test(lists_are_parted_at_their_semicolons),
        cmocka_unit_test(parameters_become_literals_of_their_type),
        cmocka_unit_test(what_cannot_be_a_literal_is_refused),
        cmocka_unit_test(pages_are_followed_on_our_host_and_retried),
        cmocka_unit_test(use_and_set_session_change_what_is_sent),
        cmocka_unit_test(trouble_in_mid_query_is_a_clear_error),
        cmocka_unit_test(statement_that_may_have_arrived_is_not_sent_twice),
        cmocka_unit_test(silent_coordinator_is_cancelled_in_time_and_told),
        cmocka_unit_test(wrong_urls_and_servers_are_refused),
        cmocka_unit_test(shared_folder_is_what_the_url_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
