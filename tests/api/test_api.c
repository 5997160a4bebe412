/* Every use case once from end to end, through the door that the command line and the library use.
 */
#include "run/kit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "api/api.h"
#include "marrow_arrow.h"

#define PATIENTS 40
struct kit {
    char directory[FILE_PATH_BYTES], store[FILE_PATH_BYTES];
    struct api *api;
};

static struct api *open_api(const struct kit *kit)
{
    struct err err = {0};
    struct api *api = NULL;
    struct api_options options = {.store = kit->store, .create = true, .threads = 2};
    MUST(api_open(&options, &api, &err));
    return api;
}

static void write_study(const char *directory)
{
    AUTO(buf_done) struct buf patients = BUF_INIT, visits = BUF_INIT, labs = BUF_INIT;
    buf_puts(&patients, "patient_id,mrn,sex,birth_date\n");
    buf_puts(&visits, "visit_id,patient_id,admit_time,ward\n");
    buf_puts(&labs, "lab_id,patient_id,visit_id,taken_at,value\n");
    for (int i = 1; i <= PATIENTS; i++) {
        buf_printf(&patients, "%d,MR%06d,%s,19%02d-0%d-1%d\n", i * 7, i * 7919, i % 3 ? "F" : "M",
                   20 + i, i % 9 + 1, i % 9);
        for (int v = 0; v < 2; v++) {
            int visit = 5000 + i * 2 + v;
            buf_printf(&visits, "%d,%d,2020-0%d-%02d 09:00:00,%s\n", visit, i * 7, v + 1,
                       i % 28 + 1, i % 2 ? "north" : "south");
            for (int k = 0; k < 3; k++)
                buf_printf(&labs, "%d,%d,%d,2020-0%d-%02d 1%d:00:00,%d.%d\n",
                           90000 + i * 6 + v * 3 + k, i * 7, visit, v + 1, i % 28 + 1, k, i * 3 + k,
                           k);
        }
    }
    kit_write(directory, "patients.csv", buf_text(&patients));
    kit_write(directory, "visits.csv", buf_text(&visits));
    kit_write(directory, "labs.csv", buf_text(&labs));
}

static json_t *import(struct kit *kit, const char *name)
{
    struct err err = {0};
    json_t *ret = NULL;
    const char *paths[] = {kit_path(kit->directory, "patients.csv"),
                           kit_path(kit->directory, "visits.csv"),
                           kit_path(kit->directory, "labs.csv")};
    struct api_import_options options = {
        .paths = paths, .path_count = 3, .name = name, .header = -1};
    MUST(api_import(kit->api, &options, &ret, &err));
    return ret;
}

static int setup(void **state)
{
    struct kit *kit = mem_zalloc(1, sizeof *kit);
    struct err err = {0};
    assert_non_null(kit);
    kit_directory("marrow-api-test", kit->directory);
    MUST(file_path_join(kit->directory, "store", kit->store, &err));
    write_study(kit->directory);
    kit->api = open_api(kit);
    json_decref(import(kit, "study"));
    *state = kit;
    return 0;
}

static int teardown(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    api_close(kit->api);
    MUST(file_remove_tree(kit->directory, &err));
    mem_free(kit);
    return 0;
}

static json_t *build(struct kit *kit, const char *grain)
{
    struct err err = {0};
    json_t *ret = NULL;
    struct api_mart_options options = {.dataset = "study", .grain = grain};
    MUST(api_mart_build(kit->api, &options, &ret, &err));
    return ret;
}

/* Runs to the end; *ret_first gets the first value. */
static enum err_code run_sql(struct kit *kit, const struct api_query_options *options,
                             char ret_first[200], int64_t *ret_rows, struct err *err)
{
    struct api_rows *rows = NULL;
    const struct data_batch *batch = NULL;
    AUTO(buf_done) struct buf text = BUF_INIT;
    *ret_rows = 0;
    TRY(api_query(kit->api, options, &rows, err));
    enum err_code code = api_rows_next(rows, &batch, err);
    for (; code == ERR_OK && batch != NULL; code = api_rows_next(rows, &batch, err)) {
        if (*ret_rows == 0)
            data_value_text(&batch->vectors[0], 0, &text);
        *ret_rows += batch->rows;
    }
    snprintf(ret_first, 200, "%s", buf_text(&text));
    api_rows_close(rows);
    return code;
}

static const char *sql(struct kit *kit, const char *text)
{
    static char answers[8][200];
    static int next;
    struct err err = {0};
    int64_t rows = 0;
    struct api_query_options options = {.dataset = "study", .sql = text};
    next = (next + 1) % 8;
    MUST(run_sql(kit, &options, answers[next], &rows, &err));
    return answers[next];
}

static json_t *last_entry(struct kit *kit)
{
    struct err err = {0};
    JSON_AUTO history = NULL;
    MUST(api_history(kit->api, "study", 1, &history, &err));
    return json_incref(json_array_get(json_object_get(history, "entries"), 0));
}

static void import_tells_tables_roles_and_reuse(void **state)
{
    struct kit *kit = *state;
    JSON_AUTO again = import(kit, "study");
    assert_true(json_flag(again, "reused", false));
    assert_int_equal(json_array_size(json_object_get(again, "tables")), 3);
    const json_t *table = json_array_get(json_object_get(again, "tables"), 0);
    assert_int_equal(json_int(json_array_get(json_object_get(again, "tables"), 1), "rows", 0) +
                         json_int(table, "rows", 0) +
                         json_int(json_array_get(json_object_get(again, "tables"), 2), "rows", 0),
                     PATIENTS * 9);
    assert_non_null(json_text(json_array_get(json_object_get(table, "columns"), 0), "role", NULL));
}

static void looking_around_answers_without_failing(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    json_t *found = NULL;
    MUST(api_datasets(kit->api, &found, &err));
    assert_string_equal(
        json_text(json_array_get(json_object_get(found, "datasets"), 0), "dataset", ""), "study");
    json_decref(found);
    MUST(api_show(kit->api, "study", NULL, &found, &err));
    assert_int_equal(json_array_size(json_object_get(found, "tables")), 3);
    json_decref(found);
    MUST(api_versions(kit->api, "study", &found, &err));
    assert_int_equal(json_array_size(json_object_get(found, "versions")), 1);
    json_decref(found);
    MUST(api_profile(kit->api, "study", NULL, "labs", &found, &err));
    assert_int_equal(json_array_size(json_object_get(found, "tables")), 1);
    json_decref(found);
    MUST(api_relations(kit->api, "study", NULL, &found, &err));
    assert_true(json_array_size(json_object_get(found, "relations")) >= 3);
    json_decref(found);
    MUST(api_doctor(kit->api, &found, &err));
    assert_true(json_array_size(json_object_get(found, "checks")) >= 6);
    json_decref(found);
    REFUSED(ERR_NOT_FOUND, api_profile(kit->api, "study", NULL, "lab", &found, &err));
    REFUSED(ERR_NOT_FOUND, api_show(kit->api, "nothing", NULL, &found, &err));
}

static void decisions_on_relations_persist(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    json_t *found = NULL;
    MUST(api_relation_decide(kit->api, "study", "reject", "labs.visit_id", "visits.visit_id",
                             &found, &err));
    json_decref(found);
    api_close(kit->api);
    kit->api = open_api(kit);
    MUST(api_relations(kit->api, "study", NULL, &found, &err));
    size_t idx, rejected = 0;
    json_t *one;
    json_array_foreach(json_object_get(found, "relations"), idx, one) rejected +=
        strcmp(json_text(one, "status", ""), "rejected") == 0;
    assert_int_equal(rejected, 1);
    json_decref(found);
    MUST(api_table_role(kit->api, "study", "labs", "event", &found, &err));
    json_decref(found);
}

static void marts_are_built_reused_listed_shown_planned_and_verified(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    json_t *found = NULL;
    REFUSED(ERR_NOT_FOUND, api_mart_query(kit->api, "study", NULL, "patient", &found, &err));
    assert_true(kit_contains(err.hint, "marrow mart build"));
    JSON_AUTO patient = build(kit, "patient");
    JSON_AUTO again = build(kit, "patient");
    JSON_AUTO admission = build(kit, "admission");
    JSON_AUTO event = build(kit, "event");
    assert_int_equal(json_int(patient, "row_count", 0), PATIENTS);
    assert_int_equal(json_int(admission, "row_count", 0), PATIENTS * 2);
    assert_int_equal(json_int(event, "row_count", 0), PATIENTS * 6);
    assert_true(json_int(patient, "bytes", 0) > 0);
    assert_false(json_flag(patient, "reused", true));
    assert_true(json_flag(again, "reused", false));
    assert_string_equal(json_text(patient, "run_id", "a"), json_text(again, "run_id", "b"));
    MUST(api_mart_list(kit->api, "study", &found, &err));
    assert_int_equal(json_array_size(json_object_get(found, "marts")), 3);
    json_decref(found);
    MUST(api_mart_show(kit->api, "study", NULL, "patient", &found, &err));
    assert_true(kit_contains(json_text(found, "sql", ""), "labs_per_patient"));
    json_decref(found);
    MUST(api_mart_query(kit->api, "study", NULL, "patient", &found, &err));
    assert_true(kit_contains(json_text(found, "sql", ""), "read_parquet("));
    assert_string_equal(json_text(found, "dialect", ""), "duckdb");
    json_decref(found);
    MUST(api_mart_verify(kit->api, "study", NULL, "event", &found, &err));
    assert_true(json_flag(found, "ok", false));
    json_decref(found);
    assert_string_equal(sql(kit, "SELECT sum(labs__rows__count)::BIGINT FROM mart_patient"), "240");
    assert_string_equal(
        sql(kit, "SELECT count(*) FROM Mart_Event_Labs JOIN mart_admission USING (visit_id)"),
        "240");
}

static void dry_run_shows_sql_and_makes_nothing(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    JSON_AUTO dry = NULL;
    JSON_AUTO marts = NULL;
    struct api_mart_options options = {.dataset = "study", .grain = "patient"};
    MUST(api_mart_dry_run(kit->api, &options, &dry, &err));
    assert_true(kit_contains(json_text(dry, "sql", ""), "GROUP BY"));
    MUST(api_mart_list(kit->api, "study", &marts, &err));
    assert_int_equal(json_array_size(json_object_get(marts, "marts")), 0);
    options.grain = "ward";
    JSON_AUTO refused = NULL;
    REFUSED(ERR_USAGE, api_mart_dry_run(kit->api, &options, &refused, &err));
}

static void statements_that_may_not_run_are_refused(void **state)
{
    static const char *const statements[] = {
        "SELECT 1; SELECT 2",
        "INSERT INTO labs SELECT * FROM labs",
        "COPY labs TO '/tmp/marrow-leak.csv'",
        "ATTACH '/tmp/marrow-leak.db'",
        "PRAGMA database_list",
        "SET threads = 1",
        "CALL pragma_version()",
        "EXPLAIN SELECT 1",
        "CREATE TABLE x (a INT)",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_blob('/etc/passwd')",
        "SELECT * FROM parquet_metadata('/etc/passwd')",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM 'file.csv'",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM 'https://example.org/x.parquet'",
        "SELECT * FROM read_parquet('s3://bucket/x')",
        "SELECT getenv('HOME')",
        "SELECT * FROM duckdb_settings()",
        "SELECT path FROM duckdb_databases()",
        "SELECT * FROM duckdb_secrets()",
        "SELECT * FROM which_secret('a', 'b')",
        "SELECT * FROM query('SELECT 1')",
        "SELECT * FROM query_table('labs')",
        "SELECT * FROM pragma_table_info('labs')",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM sqlite_master",
        "SELECT * FROM duckdb_databases",
        "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
        "SELECT * FROM labs, LATERAL (SELECT * FROM read_csv('/etc/passwd'))",
        "SELECT (SELECT content FROM read_text('/etc/passwd'))",
        "WITH a AS (SELECT * FROM read_csv('/etc/passwd')) SELECT * FROM a",
        "SELECT * FROM (DESCRIBE '/etc/passwd')",
        "SELECT * FROM (SUMMARIZE '/etc/passwd')",
        "SELECT nothing FROM labs",
        "SELEC 1",
        "",
        "SELECT * FROM mart_patient",
    };
    struct kit *kit = *state;
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        struct err err = {0};
        char first[200];
        int64_t rows = 0;
        struct api_query_options options = {.dataset = "study", .sql = statements[i]};
        enum err_code code = run_sql(kit, &options, first, &rows, &err);
        if (code != ERR_INPUT && code != ERR_NOT_FOUND)
            fail_msg("%s: %s: %s", statements[i], err_code_name(code), err.message);
    }
    assert_false(file_exists("/tmp/marrow-leak.csv"));
    assert_false(file_exists("/tmp/marrow-leak.db"));
}

static void harmless_statements_run(void **state)
{
    struct kit *kit = *state;
    assert_string_equal(sql(kit, "SELECT count(*) FROM labs;"), "240");
    assert_string_equal(sql(kit, "FROM labs SELECT count(*)"), "240");
    assert_string_equal(
        sql(kit, "WITH a AS (SELECT * FROM range(3)) SELECT sum(range)::BIGINT FROM a"), "3");
    assert_string_equal(sql(kit, "SELECT count(*) FROM unnest([1, 2]), generate_series(1, 3)"),
                        "6");
    assert_string_equal(sql(kit, "DESCRIBE patients"), "patient_id");
    assert_string_equal(sql(kit, "SUMMARIZE patients"), "patient_id");
    assert_string_equal(sql(kit, "SELECT 'read_csv(''/etc/passwd'')'"), "read_csv('/etc/passwd')");
}

static void row_cap_cuts_and_says_so(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    char first[200];
    int64_t rows = 0;
    struct api_query_options options = {
        .dataset = "study", .sql = "SELECT * FROM range(100000)", .row_limit = 2500};
    MUST(run_sql(kit, &options, first, &rows, &err));
    assert_int_equal(rows, 2500);
    JSON_AUTO entry = last_entry(kit);
    assert_true(json_flag(entry, "truncated", false));
    assert_int_equal(json_int(entry, "rows", 0), 2500);
    options.row_limit = 100000;
    MUST(run_sql(kit, &options, first, &rows, &err));
    JSON_AUTO whole = last_entry(kit);
    assert_false(json_flag(whole, "truncated", true));
}

static void time_limit_stops_a_statement(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    char first[200];
    int64_t rows = 0;
    struct api_query_options options = {.dataset = "study",
                                        .sql = "SELECT count(*) FROM range(10000000) a, "
                                               "range(10000000) b WHERE a.range * b.range % 7 = 3",
                                        .time_limit_ms = 200};
    REFUSED(ERR_TIMEOUT, run_sql(kit, &options, first, &rows, &err));
    JSON_AUTO entry = last_entry(kit);
    assert_false(json_flag(entry, "ok", true));
}

static void arrow_stream_carries_all_rows_and_is_recorded(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    struct api_rows *rows = NULL;
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowArray array;
    int64_t count = 0;
    struct api_query_options options = {.dataset = "study",
                                        .sql = "SELECT patient_id, value FROM labs"};
    MUST(api_query(kit->api, &options, &rows, &err));
    MUST(api_rows_to_arrow(rows, &stream, &err));
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    assert_int_equal(schema.n_children, 2);
    schema.release(&schema);
    for (;;) {
        assert_int_equal(stream.get_next(&stream, &array), 0);
        if (array.release == NULL)
            break;
        count += array.length;
        array.release(&array);
    }
    stream.release(&stream);
    assert_int_equal(count, PATIENTS * 6);
    JSON_AUTO entry = last_entry(kit);
    JSON_AUTO replayed = NULL;
    assert_true(json_flag(entry, "streamed", false));
    assert_int_equal(json_int(entry, "rows", 0), count);
    REFUSED(ERR_INPUT,
            api_history_replay(kit->api, "study", json_int(entry, "seq", 0), &replayed, &err));
}

static json_t *export(struct kit *kit, const char *what, const char *format, const char *path,
                      bool overwrite)
{
    struct err err = {0};
    json_t *ret = NULL;
    struct api_export_options options = {
        .dataset = "study", .what = what, .format = format, .path = path, .overwrite = overwrite};
    MUST(api_export(kit->api, &options, &ret, &err));
    return ret;
}

static void every_export_format_reads_back(void **state)
{
    static const struct {
        const char *format, *file, *reader;
    } formats[] = {
        {"csv", "o.csv", "read_csv('%s')"},
        {"xlsx-csv", "x.csv", "read_csv('%s')"},
        {"parquet", "o.parquet", "read_parquet('%s')"},
        {"ndjson", "o.ndjson", "read_json('%s')"},
        {"json", "o.json", "read_json('%s', format='array')"},
    };
    struct kit *kit = *state;
    json_decref(build(kit, "patient"));
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        char reader[FILE_PATH_BYTES + 100], query[FILE_PATH_BYTES + 200];
        const char *path = kit_path(kit->directory, formats[i].file);
        JSON_AUTO answer = export(kit, "labs", formats[i].format, path, false);
        assert_int_equal(json_int(json_array_get(json_object_get(answer, "files"), 0), "rows", 0),
                         PATIENTS * 6);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(reader, sizeof reader, formats[i].reader, path);
#pragma GCC diagnostic pop
        snprintf(query, sizeof query, "SELECT count(*) || ' ' || count(DISTINCT lab_id) FROM %s",
                 reader);
        assert_string_equal(kit_sql(query), "240 240");
    }
    json_decref(export(kit, "mart_patient", "csv", kit_path(kit->directory, "m.csv"), false));
    AUTO(buf_done) struct buf bytes = BUF_INIT;
    struct err err = {0};
    MUST(file_read(kit_path(kit->directory, "x.csv"), 0, &bytes, &err));
    assert_memory_equal(bytes.ptr, "\xef\xbb\xbf", 3);
}

static void whole_version_is_exported_as_a_folder_and_as_one_database(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    json_decref(build(kit, "patient"));
    JSON_AUTO folder = export(kit, NULL, "parquet", kit_path(kit->directory, "out"), false);
    assert_int_equal(json_array_size(json_object_get(folder, "files")), 4);
    const char *path = kit_path(kit->directory, "all.duckdb");
    JSON_AUTO database = export(kit, NULL, "duckdb", path, false);
    AUTO(engine_close) struct engine *engine = NULL;
    struct engine_options options = {.database = path, .read_only = true};
    int64_t rows = 0;
    MUST(engine_open(&options, &engine, &err));
    MUST(engine_query_int(engine, "SELECT count(*) FROM mart_patient JOIN labs USING (patient_id)",
                          0, &rows, &err));
    assert_int_equal(rows, PATIENTS * 6);
    JSON_AUTO refused = NULL;
    struct api_export_options again = {
        .dataset = "study", .what = "labs", .format = "csv", .path = path};
    REFUSED(ERR_INPUT, api_export(kit->api, &again, &refused, &err));
    JSON_AUTO entry = last_entry(kit);
    assert_string_equal(json_text(entry, "kind", ""), "export");
    assert_false(json_flag(entry, "ok", true));
}

static void query_is_written_to_parquet_and_recorded(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    char query[FILE_PATH_BYTES + 100];
    const char *path = kit_path(kit->directory, "q.parquet");
    JSON_AUTO answer = NULL;
    struct api_query_options options = {.dataset = "study",
                                        .sql = "SELECT * FROM labs WHERE value > 30 -- enough\n;"};
    MUST(api_query_parquet(kit->api, &options, path, &answer, &err));
    snprintf(query, sizeof query, "SELECT count(*) FROM read_parquet('%s')", path);
    assert_int_equal(json_int(answer, "rows", -1), atol(kit_sql(query)));
    JSON_AUTO entry = last_entry(kit);
    assert_string_equal(json_text(entry, "kind", ""), "sql");
    assert_false(kit_contains(json_text(entry, "sql", ""), "30") ||
                 kit_contains(json_text(entry, "sql", ""), "enough"));
}

static void replay_is_identical_also_after_an_import_elsewhere(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    JSON_AUTO replayed = NULL;
    JSON_AUTO mart = NULL;
    json_decref(build(kit, "patient"));
    JSON_AUTO built = last_entry(kit);
    (void)sql(kit, "SELECT sex, labs__value__mean FROM mart_patient JOIN patients USING "
                   "(patient_id, sex) WHERE patients.mrn > 'MR05'");
    JSON_AUTO asked = last_entry(kit);
    /* Another mart takes the name; the entry still means the one it read. */
    JSON_AUTO policy = json_loads("{\"labs\": {\"value\": [\"mean\"], \"*\": []}}", 0, NULL);
    JSON_AUTO other = NULL;
    struct api_mart_options options = {.dataset = "study", .grain = "patient", .policy = policy};
    MUST(api_mart_build(kit->api, &options, &other, &err));
    MUST(api_history_replay(kit->api, "study", json_int(asked, "seq", 0), &replayed, &err));
    assert_true(json_flag(replayed, "identical", false));
    MUST(api_history_replay(kit->api, "study", json_int(built, "seq", 0), &mart, &err));
    assert_true(json_flag(mart, "identical", false));
    /* The same files in another store give the same version, the same run and the same rows. */
    struct kit second = *kit;
    snprintf(second.store, sizeof second.store, "%s", kit_path(kit->directory, "elsewhere"));
    second.api = open_api(&second);
    json_decref(import(&second, "study"));
    JSON_AUTO twin = build(&second, "patient");
    assert_string_equal(json_text(twin, "run_id", "a"), json_text(built, "run_id", "b"));
    (void)sql(&second, "SELECT sex, labs__value__mean FROM mart_patient JOIN patients USING "
                       "(patient_id, sex) WHERE patients.mrn > 'MR05'");
    JSON_AUTO there = last_entry(&second);
    assert_string_equal(json_text(there, "result_hash", "a"), json_text(asked, "result_hash", "b"));
    api_close(second.api);
}

static void history_is_verified_and_cleared(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    json_t *found = NULL;
    (void)sql(kit, "SELECT 1");
    MUST(api_history_verify(kit->api, "study", &found, &err));
    assert_true(json_flag(found, "ok", false));
    json_decref(found);
    MUST(api_history_clear(kit->api, "study", &found, &err));
    json_decref(found);
    JSON_AUTO history = NULL;
    MUST(api_history(kit->api, "study", 0, &history, &err));
    assert_int_equal(json_array_size(json_object_get(history, "entries")), 1);
    REFUSED(ERR_NOT_FOUND, api_history_replay(kit->api, "study", 999, &found, &err));
}

static void literals_are_masked_in_the_history(void **state)
{
    static const struct {
        const char *sql, *masked;
    } cases[] = {
        {"SELECT 1", "SELECT ?"},
        {"SELECT value FROM labs WHERE value > 4.5e-3 AND lab_id IN (1_000, .5)",
         "SELECT value FROM labs WHERE value > ? AND lab_id IN (?, ?)"},
        {"SELECT sex FROM patients WHERE mrn = 'it''s me'",
         "SELECT sex FROM patients WHERE mrn = '?'"},
        {"SELECT $$Jane$$ || $x$Doe$x$", "SELECT '?' || '?'"},
        {"SELECT 1 AS \"Jane Doe\", \"mrn\" FROM patients -- Jane\n LIMIT /* Jane /* Doe */ */ 3",
         "SELECT ? AS \"?\", \"mrn\" FROM patients  \n LIMIT   ?"},
        {"SELECT E'Jane\\n', date '2001-02-03', x1 FROM (SELECT 7 AS x1)",
         "SELECT E'?', date '?', x1 FROM (SELECT ? AS x1)"},
    };
    struct kit *kit = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        (void)sql(kit, cases[i].sql);
        JSON_AUTO entry = last_entry(kit);
        assert_string_equal(json_text(entry, "sql", ""), cases[i].masked);
    }
}

static void store_without_write_permission_answers_and_warns(void **state)
{
    struct kit *kit = *state;
    char command[FILE_PATH_BYTES + 50];
    json_decref(build(kit, "patient"));
    api_close(kit->api);
    bool root = geteuid() == 0; /* who may write everywhere, so be somebody else */
    snprintf(command, sizeof command, "chmod -R a-w,a+rX '%s'", kit->directory);
    assert_int_equal(system(command), 0);
    if (root)
        assert_int_equal(seteuid(65534), 0);
    kit->api = open_api(kit);
    const char *answer = sql(kit, "SELECT count(*) FROM mart_patient");
    JSON_AUTO reused = build(kit, "patient");
    size_t warnings = json_array_size(api_warnings(kit->api));
    if (root)
        assert_int_equal(seteuid(0), 0);
    snprintf(command, sizeof command, "chmod -R u+w '%s'", kit->directory);
    assert_int_equal(system(command), 0);
    assert_string_equal(answer, "40");
    assert_true(json_flag(reused, "reused", false));
    assert_true(warnings > 0);
}

static void versions_differ_are_pruned_verified_and_repaired(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    json_t *found = NULL;
    kit_write(kit->directory, "visits.csv",
              "visit_id,patient_id,admit_time,ward\n5002,7,2020-01-02 "
              "09:00:00,north\n5003,7,2020-02-02 09:00:00,north\n");
    json_decref(import(kit, "study"));
    JSON_AUTO versions = NULL;
    MUST(api_versions(kit->api, "study", &versions, &err));
    const json_t *list = json_object_get(versions, "versions");
    assert_int_equal(json_array_size(list), 2);
    MUST(api_diff(kit->api, "study", json_text(json_array_get(list, 1), "version", ""),
                  json_text(json_array_get(list, 0), "version", ""), &found, &err));
    size_t idx;
    json_t *table;
    json_array_foreach(json_object_get(found, "tables"), idx, table) assert_string_equal(
        json_text(table, "change", ""),
        strcmp(json_text(table, "name", ""), "visits") == 0 ? "changed" : "same");
    json_decref(found);
    MUST(api_prune(kit->api, "study", 1, true, &found, &err));
    assert_int_equal(json_int(found, "versions_removed", -1), 1);
    json_decref(found);
    REFUSED(ERR_USAGE, api_prune(kit->api, "study", 0, false, &found, &err));
    MUST(api_prune(kit->api, "study", 1, false, &found, &err));
    json_decref(found);
    MUST(api_verify(kit->api, NULL, &found, &err));
    assert_true(json_flag(found, "ok", false));
    json_decref(found);
    MUST(api_repair(kit->api, "study", &found, &err));
    json_decref(found);
}

static void demo_data_is_a_dataset_with_marts(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    JSON_AUTO made = NULL;
    JSON_AUTO imported = NULL;
    JSON_AUTO built = NULL;
    struct api_demo_options options = {
        .directory = kit_path(kit->directory, "demo"), .patients = 60, .seed = 3, .no_fhir = true};
    MUST(api_demo_data(&options, NULL, &made, &err));
    const char *paths[] = {kit_path(kit->directory, "demo/hospital.zip")};
    struct api_import_options import_options = {
        .paths = paths, .path_count = 1, .name = "demo", .header = -1};
    MUST(api_import(kit->api, &import_options, &imported, &err));
    struct api_mart_options mart = {.dataset = "demo", .grain = "patient"};
    MUST(api_mart_build(kit->api, &mart, &built, &err));
    assert_int_equal(json_int(built, "row_count", 0), 60);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(import_tells_tables_roles_and_reuse),
        TEST(looking_around_answers_without_failing),
        TEST(decisions_on_relations_persist),
        TEST(marts_are_built_reused_listed_shown_planned_and_verified),
        TEST(dry_run_shows_sql_and_makes_nothing),
        TEST(statements_that_may_not_run_are_refused),
        TEST(harmless_statements_run),
        TEST(row_cap_cuts_and_says_so),
        TEST(time_limit_stops_a_statement),
        TEST(arrow_stream_carries_all_rows_and_is_recorded),
        TEST(every_export_format_reads_back),
        TEST(whole_version_is_exported_as_a_folder_and_as_one_database),
        TEST(query_is_written_to_parquet_and_recorded),
        TEST(replay_is_identical_also_after_an_import_elsewhere),
        TEST(history_is_verified_and_cleared),
        TEST(literals_are_masked_in_the_history),
        TEST(store_without_write_permission_answers_and_warns),
        TEST(versions_differ_are_pruned_verified_and_repaired),
        TEST(demo_data_is_a_dataset_with_marts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
