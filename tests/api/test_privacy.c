/* No patient's identifiers in what is kept about the work: canaries go through every use case,
 * failing ones too, and are then looked for in everything but the data itself. */
#include "run/kit.h"

#include <unistd.h>

#include "api/api.h"

/* Cells of identifier columns, and words of a person's statements. */
static const char *const canaries[] = {"CANARY7731", "Quetzalcoatlus", "555-0199-777",
                                       "zebrafinch@example.org", "48151623"};
#define CANARIES (sizeof canaries / sizeof *canaries)

static char directory[FILE_PATH_BYTES], store[FILE_PATH_BYTES];
static struct buf said; /* every error and warning that a terminal or a log would have shown */

static void heard(struct api *api, enum err_code code, const struct err *err)
{
    if (code != ERR_OK)
        buf_printf(&said, "%s | %s | %s | %s\n", err->message, err->detail, err->hint, err->source);
    for (size_t i = 0; api != NULL && i < json_array_size(api_warnings(api)); i++)
        buf_printf(&said, "%s\n", json_string_value(json_array_get(api_warnings(api), i)));
}

#define HEAR(call)                                                                                 \
    do {                                                                                           \
        struct err err = {0};                                                                      \
        json_t *answer = NULL;                                                                     \
        enum err_code hear_code_ = (call);                                                         \
        heard(api, hear_code_, &err);                                                              \
        json_decref(answer);                                                                       \
    } while (0)

static void statement(struct api *api, const char *sql)
{
    struct err err = {0};
    struct api_rows *rows = NULL;
    const struct data_batch *batch = NULL;
    struct api_query_options options = {.dataset = "study", .sql = sql};
    enum err_code code = api_query(api, &options, &rows, &err);
    if (code == ERR_OK) {
        do
            code = api_rows_next(rows, &batch, &err);
        while (code == ERR_OK && batch != NULL);
        api_rows_close(rows);
    }
    heard(api, code, &err);
}

static void write_study(void)
{
    AUTO(buf_done) struct buf patients = BUF_INIT, notes = BUF_INIT;
    buf_puts(&patients, "patient_id,mrn,name,phone,email,age\n");
    buf_puts(&notes, "note_id,patient_id,written_at,severity,words\n");
    for (int i = 0; i < 60; i++) {
        if (i == 30)
            buf_printf(
                &patients,
                "48151623,CANARY7731,Quetzalcoatlus,555-0199-777,zebrafinch@example.org,61\n");
        else
            buf_printf(&patients, "%d,MR%05d,Name%d Sur%d,555-01%02d-%03d,p%d@example.net,%d\n",
                       48150000 + i * 13, i * 31, i, i * 3 % 59, i, i * 7, i, 20 + i);
        buf_printf(&notes, "%d,%d,2020-01-%02d,%d,seen on the ward %d\n", i,
                   i == 30 ? 48151623 : 48150000 + i * 13, i % 28 + 1, i % 3, i);
    }
    buf_puts(&patients,
             "48151623,\"CANARY7731,broken,row,with,too,many,cells\n");     /* an open quote */
    buf_puts(&notes, "61,48151623,2020-02-31,Quetzalcoatlus,CANARY7731\n"); /* no date, no number */
    kit_write(directory, "patients.csv", buf_text(&patients));
    kit_write(directory, "notes.csv", buf_text(&notes));
    kit_write(directory, "bad.csv", "a,b\nCANARY7731,\xff\xfe\nQuetzalcoatlus\n");
}

static void import(struct api *api, const char *name, bool strict)
{
    const char *paths[] = {kit_path(directory, "patients.csv"), kit_path(directory, "notes.csv"),
                           kit_path(directory, "bad.csv")};
    JSON_AUTO overrides = json_loads(
        "{\"notes\": {\"severity\": {\"type\": \"bigint\"}, \"written_at\": {\"type\": \"date\"}}}",
        0, NULL);
    struct api_import_options options = {.paths = paths,
                                         .path_count = 3,
                                         .name = name,
                                         .header = -1,
                                         .strict = strict,
                                         .overrides = overrides};
    HEAR(api_import(api, &options, &answer, &err));
}

static void ask_everything(struct api *api)
{
    static const char *const statements[] = {
        "SELECT * FROM patients WHERE mrn = 'CANARY7731'",
        "SELECT * FROM patients WHERE name LIKE $$Quetzalcoatlus$$ -- zebrafinch@example.org",
        "SELECT count(*) AS \"Quetzalcoatlus\" FROM patients WHERE patient_id = 48151623",
        "SELECT CAST(mrn AS INTEGER) FROM patients WHERE name = 'Quetzalcoatlus'",
        "SELECT CAST(name AS DATE) FROM patients WHERE name = 'Quetzalcoatlus'",
        "SELECT nothing FROM patients WHERE phone = '555-0199-777'",
        "SELECT * FROM patients WHERE mrn = 'CANARY7731' AND",
        "SELECT strptime(email, '%Y') FROM patients WHERE name = 'Quetzalcoatlus'",
        "SELECT 1; SELECT 'CANARY7731'",
        "DELETE FROM patients WHERE mrn = 'CANARY7731'",
    };
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        statement(api, statements[i]);
    struct api_query_options parquet = {
        .dataset = "study",
        .sql = "SELECT CAST(mrn AS DATE) FROM patients WHERE name = 'Quetzalcoatlus'"};
    HEAR(api_query_parquet(api, &parquet, kit_path(directory, "out.parquet"), &answer, &err));
}

static void build_everything(struct api *api)
{
    static const char *const grains[] = {"patient", "admission", "event"};
    for (size_t i = 0; i < 3; i++) {
        struct api_mart_options mart = {.dataset = "study", .grain = grains[i]};
        HEAR(api_mart_build(api, &mart, &answer, &err));
        HEAR(api_mart_verify(api, "study", NULL, grains[i], &answer, &err));
        HEAR(api_mart_show(api, "study", NULL, grains[i], &answer, &err));
    }
}

static void go_through_everything(struct api *api)
{
    import(api, "study", true);
    import(api, "study", false);
    HEAR(api_profile(api, "study", NULL, NULL, &answer, &err));
    HEAR(api_relations(api, "study", NULL, &answer, &err));
    HEAR(api_relation_decide(api, "study", "add", "notes.words", "patients.name", &answer, &err));
    HEAR(api_relation_decide(api, "study", "confirm", "notes.patient_id", "patients.patient_id",
                             &answer, &err));
    build_everything(api);
    ask_everything(api);
    struct api_export_options export = {
        .dataset = "study", .format = "csv", .path = kit_path(directory, "export")};
    HEAR(api_export(api, &export, &answer, &err));
    HEAR(api_history(api, "study", 0, &answer, &err));
    for (int64_t seq = 0; seq < 30; seq++)
        HEAR(api_history_replay(api, "study", seq, &answer, &err));
    HEAR(api_verify(api, NULL, &answer, &err));
    HEAR(api_doctor(api, &answer, &err));
    HEAR(api_prune(api, "study", 1, false, &answer, &err));
}

/* Files that are data, or lie beside it as data does: table copies, quarantined rows, runs'
 * Parquet, statements kept for replay, the values that questions are linked to. */
static bool is_data(const char *path)
{
    static const char *const suffixes[] = {".duckdb", ".parquet", "rejects.csv", ".sql",
                                           "values.index"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (str_has_suffix_nocase(str_of(path), suffixes[i]))
            return true;
    return false;
}

static bool is_history(const char *path)
{
    return strstr(path, "history") != NULL;
}

/* object.json holds statistics of columns (least, greatest, most frequent values) and lies beside
 * the table it describes; so does the manifest of a profile. */
static bool is_about_work(const char *path)
{
    return !is_data(path) && strstr(path, "/objects/") == NULL && !is_history(path);
}

static size_t look(const char *path, bool (*wanted)(const char *path))
{
    struct err err = {0};
    struct file_list list = {0};
    size_t found = 0;
    MUST(file_list_directory(path, &list, &err));
    for (size_t i = 0; i < list.count; i++) {
        char below[FILE_PATH_BYTES];
        AUTO(buf_done) struct buf text = BUF_INIT;
        MUST(file_path_join(path, list.entries[i].name, below, &err));
        if (list.entries[i].kind == FILE_DIRECTORY) {
            found += look(below, wanted);
        } else if (wanted(below)) {
            MUST(file_read(below, 0, &text, &err));
            if (wanted == is_about_work && text.len > 0 &&
                memmem(text.ptr, text.len, "\"profile\"", 9) != NULL)
                continue; /* a profile's statistics, as in object.json */
            for (size_t c = 0; c < CANARIES; c++)
                if (text.len > 0 &&
                    memmem(text.ptr, text.len, canaries[c], strlen(canaries[c])) != NULL) {
                    fprintf(stderr, "%s holds %s\n", below, canaries[c]);
                    found++;
                }
        }
    }
    file_list_done(&list);
    return found;
}

static void canaries_stay_in_the_data(void **state)
{
    (void)state;
    struct err err = {0};
    struct api *api = NULL;
    struct api_options options = {.store = store, .create = true, .threads = 2};
    MUST(api_open(&options, &api, &err));
    write_study();
    go_through_everything(api);
    api_close(api);
    for (size_t c = 0; c < CANARIES; c++)
        if (strstr(buf_text(&said), canaries[c]) != NULL)
            fail_msg("a message holds %s: …%.300s", canaries[c],
                     strstr(buf_text(&said), canaries[c]) -
                         (strstr(buf_text(&said), canaries[c]) - buf_text(&said) > 200 ? 200 : 0));
    assert_true(said.len > 0); /* something did fail */
    assert_int_equal(look(store, is_history), 0);
    assert_int_equal(look(store, is_about_work), 0);
    assert_true(look(store, is_data) > 0); /* the look finds what is there */
}

static int setup(void **state)
{
    (void)state;
    struct err err = {0};
    kit_directory("marrow-privacy-test", directory);
    MUST(file_path_join(directory, "store", store, &err));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    struct err err = {0};
    buf_done(&said);
    MUST(file_remove_tree(directory, &err));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(canaries_stay_in_the_data, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
