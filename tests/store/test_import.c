/* Importing: versions are content, types are lossless, bad rows are counted, nothing depends on
 * order. */
#include "store_test.h"

static const char labs_csv[] = "row_id,code,value,unit,taken\n1,0389,1.50,mg,2020-01-01\n2,0390,2."
                               "25,mg,2020-01-02\n3,0389,,?,2020-01-03\n";
static const char labs_shuffled[] = "unit,row_id,taken,code,value\n?,3,2020-01-03,0389,\nmg,1,2020-"
                                    "01-01,0389,1.50\nmg,2,2020-01-02,0390,2.25\n";
static const char labs_last_changed[] = "row_id,code,value,unit,taken\n1,0389,1.50,mg,2020-01-"
                                        "01\n2,0390,2.25,mg,2020-01-02\n3,0389,,?,2020-01-04\n";
static const char patients_csv[] = "subject_id,sex\n1,F\n2,M\n";

static void imported_table_is_read_back_with_lossless_types(void **state)
{
    (void)state;
    struct store *store = open_store();
    const char *tables[] = {"labs", labs_csv, "patients", patients_csv};
    char id[65];
    bool reused = true;
    import_ok(store, "d", tables, 2, id, &reused);
    assert_false(reused);
    struct store_version *version = NULL;
    assert_ok(store_version_open(store, "d", NULL, &version, &test_err));
    assert_string_equal(store_version_id(version), id);
    assert_int_equal(store_version_table_count(version), 2);
    const struct store_table *table = store_version_table_find(version, "LABS");
    assert_non_null(table);
    assert_int_equal(table->rows, 3);
    char type[32];
    assert_string_equal(data_type_text(table->schema.columns[0].type, type), "bigint");
    assert_string_equal(data_type_text(table->schema.columns[1].type, type), "text");
    assert_string_equal(data_type_text(table->schema.columns[2].type, type), "decimal(18,2)");
    assert_string_equal(data_type_text(table->schema.columns[4].type, type), "date");
    assert_ok(store_version_read_profiles(version, &test_err));
    const json_t *profile = json_array_get(table->columns_profile, 2);
    assert_int_equal(json_int(profile, "nulls", -1), 1);
    assert_string_equal(json_text(profile, "min", ""), "1.50");
    assert_string_equal(json_text(profile, "max", ""), "2.25");
    assert_int_equal(json_int(json_array_get(table->columns_profile, 3), "nulls", -1), 1); /* ? */
    struct engine *engine = NULL;
    assert_ok(engine_open(NULL, &engine, &test_err));
    const char *names[] = {"labs"};
    assert_ok(store_version_attach(version, engine, names, 1, &test_err));
    assert_ok(store_version_attach(version, engine, names, 1, &test_err));
    assert_int_equal(query_int(engine, "SELECT count(*) FROM labs WHERE code = '0389'"), 2);
    assert_int_equal(query_int(engine, "SELECT row_id FROM labs LIMIT 1"), 1);
    assert_ok(store_version_attach(version, engine, NULL, 0, &test_err));
    assert_int_equal(query_int(engine, "SELECT count(*) FROM patients"), 2);
    engine_close(engine);
    store_version_close(version);
    assert_true(verify_ok(store));
    store_close(store);
}

static void same_content_again_is_reused(void **state)
{
    (void)state;
    struct store *store = open_store();
    const char *tables[] = {"labs", labs_csv}, *shuffled[] = {"labs", labs_shuffled};
    char first[65], second[65];
    bool reused = false;
    import_ok(store, "d", tables, 1, first, NULL);
    import_ok(store, "d", tables, 1, second, &reused);
    assert_string_equal(first, second);
    assert_true(reused);
    import_ok(store, "d", shuffled, 1, second, &reused);
    assert_string_equal(first, second);
    assert_true(reused);
    json_t *versions = NULL;
    assert_ok(store_version_list(store, "d", &versions, &test_err));
    assert_int_equal(json_array_size(versions), 1);
    json_decref(versions);
    store_close(store);
}

static void change_in_last_row_makes_new_version_that_shares_other_tables(void **state)
{
    (void)state;
    struct store *store = open_store();
    const char *before[] = {"labs", labs_csv, "patients", patients_csv},
               *after[] = {"labs", labs_last_changed, "patients", patients_csv};
    char first[65], second[65], third[65], path[FILE_PATH_BYTES];
    bool reused = true;
    import_ok(store, "d", before, 2, first, NULL);
    import_ok(store, "d", after, 2, second, &reused);
    assert_false(reused);
    assert_string_not_equal(first, second);
    in_directory("store/datasets/d/objects", path);
    struct file_list list;
    assert_ok(file_list_directory(path, &list, &test_err));
    assert_int_equal(list.count, 3); /* two of labs, one of patients */
    file_list_done(&list);
    json_t *diff = NULL;
    assert_ok(store_version_diff(store, "d", first, second, &diff, &test_err));
    const json_t *changes = json_object_get(diff, "tables");
    assert_int_equal(json_array_size(changes), 2);
    assert_string_equal(json_text(json_array_get(changes, 0), "change", ""), "changed");
    assert_int_equal(json_int(json_array_get(changes, 0), "rows_added", -1), 1);
    assert_int_equal(json_int(json_array_get(changes, 0), "rows_removed", -1), 1);
    assert_string_equal(json_text(json_array_get(changes, 1), "change", ""), "same");
    json_decref(diff);
    import_ok(store, "d", before, 2, third, &reused); /* the older one becomes current again */
    assert_string_equal(first, third);
    assert_true(reused);
    char current[65];
    assert_ok(store_current_read(store, "d", current, &test_err));
    assert_string_equal(current, first);
    assert_true(verify_ok(store));
    store_close(store);
}

static void version_of(struct store *store, const char *name, const char *text, char ret[65])
{
    const char *tables[] = {"t", text};
    import_ok(store, name, tables, 1, ret, NULL);
}

static void duplicate_rows_column_names_and_nulls_count(void **state)
{
    (void)state;
    struct store *store = open_store();
    char a[65], b[65];
    version_of(store, "a", "x,y\n1,p\n1,p\n2,q\n", a);
    version_of(store, "b", "x,y\n1,p\n2,q\n2,q\n", b);
    assert_string_not_equal(a, b);
    version_of(store, "c", "x,y\n1,p\n2,q\n", b);
    assert_string_not_equal(a, b);
    version_of(store, "e", "x,y\n1,p\n2,q\n1,p\n", b);
    assert_string_equal(a, b);
    version_of(store, "f", "x,z\n1,p\n2,q\n1,p\n", b);
    assert_string_not_equal(a, b);
    version_of(store, "g", "x,y\n1,p\n2,q\n1,\n", b);
    assert_string_not_equal(a, b);
    store_close(store);
}

static void header_without_rows_is_a_table_of_no_rows(void **state)
{
    (void)state;
    struct store *store = open_store();
    const char *tables[] = {"notes", "row_id,text\n"};
    char id[65];
    import_ok(store, "d", tables, 1, id, NULL);
    struct store_version *version = NULL;
    assert_ok(store_version_open(store, "d", id, &version, &test_err));
    assert_int_equal(store_version_table(version, 0)->rows, 0);
    struct engine *engine = NULL;
    assert_ok(engine_open(NULL, &engine, &test_err));
    assert_ok(store_version_attach(version, engine, NULL, 0, &test_err));
    assert_int_equal(query_int(engine, "SELECT count(*) FROM notes"), 0);
    engine_close(engine);
    store_version_close(version);
    assert_true(verify_ok(store));
    store_close(store);
}

static void bad_rows_are_set_aside_and_counted_or_refused_when_strict(void **state)
{
    (void)state;
    struct store *store = open_store();
    const char *tables[] = {"t", "a,b\n1,x\n2\n3,y\n4,z,extra\n"};
    struct store_commit commit;
    assert_ok(import_tables(store, "d", NULL, tables, 1, &commit, &test_err));
    assert_int_equal(json_int(commit.manifest, "rows", -1), 2);
    assert_int_equal(json_int(commit.manifest, "rejected_rows", -1), 2);
    char path[FILE_PATH_BYTES], name[200];
    snprintf(
        name, sizeof name, "store/datasets/d/objects/%s/rejects.csv",
        json_text(json_array_get(json_object_get(commit.manifest, "tables"), 0), "object", ""));
    in_directory(name, path);
    struct buf text = BUF_INIT;
    assert_ok(file_read(path, 0, &text, &test_err));
    assert_non_null(strstr(buf_text(&text), "line,column,reason,raw\n3,"));
    assert_non_null(strstr(buf_text(&text), "\n5,"));
    buf_done(&text);
    json_decref(commit.manifest);
    struct store_import_options strict = {.strict = true};
    struct err err = {0};
    enum err_code code = import_tables(store, "s", &strict, tables, 1, &commit, &err);
    if (code != ERR_INPUT)
        print_message("%s: %s\n", err.message, err.detail);
    assert_int_equal(code, ERR_INPUT);
    assert_int_equal(err.line, 3);
    assert_true(err.message[0] != '\0');
    assert_true(verify_ok(store));
    store_close(store);
}

static void overrides_retype_columns_and_quarantine_what_does_not_fit(void **state)
{
    (void)state;
    struct store *store = open_store();
    const char *tables[] = {"t", "id,code\n1,10\n2,2.5\n3,x\n4,-9\n"};
    json_t *overrides = json_pack("{s:{s:{s:s, s:[s]}, s:{s:s}}}", "T", "CODE", "type", "bigint",
                                  "null_markers", "-9", "id", "type", "text");
    struct store_import_options options = {.overrides = overrides};
    struct store_commit commit;
    assert_ok(import_tables(store, "d", &options, tables, 1, &commit, &test_err));
    const json_t *table = json_array_get(json_object_get(commit.manifest, "tables"), 0);
    assert_int_equal(json_int(table, "rows", -1), 2);
    assert_int_equal(json_int(table, "rejected_rows", -1), 2);
    assert_true(
        json_flag(json_array_get(json_object_get(table, "decisions"), 1), "overridden", false));
    json_decref(commit.manifest);
    struct store_version *version = NULL;
    assert_ok(store_version_open(store, "d", NULL, &version, &test_err));
    assert_ok(store_version_read_profiles(version, &test_err));
    const struct store_table *stored = store_version_table(version, 0);
    assert_int_equal(stored->schema.columns[0].type.kind, DATA_TEXT);
    assert_int_equal(stored->schema.columns[1].type.kind, DATA_BIGINT);
    assert_int_equal(json_int(json_array_get(stored->columns_profile, 1), "nulls", -1), 1);
    store_version_close(version);
    json_decref(overrides);
    overrides = json_pack("{s:{s:{s:s}}}", "t", "nothere", "type", "text");
    options.overrides = overrides;
    struct err err = {0};
    assert_int_equal(import_tables(store, "e", &options, tables, 1, &commit, &err), ERR_INPUT);
    json_decref(overrides);
    overrides = json_pack("{s:{s:{s:s}}}", "other", "id", "type", "text");
    options.overrides = overrides;
    assert_int_equal(import_tables(store, "e", &options, tables, 1, &commit, &err), ERR_INPUT);
    json_decref(overrides);
    assert_true(verify_ok(store));
    store_close(store);
}

static const char *profile_text(const struct store_table *table, size_t column, const char *key)
{
    return json_text(json_array_get(table->columns_profile, column), key, "");
}

static void numbers_with_commas_are_stored_exactly_and_as_told(void **state)
{
    (void)state;
    struct store *store = open_store();
    const char *tables[] = {
        "t", "a,b,c,d\n\"83,20\",\"1,234\",1,\"1.234,5\"\n\"-0,5\",\"7,001\",2,\"2,25\"\n"};
    json_t *overrides = json_pack("{s:{s:{s:s, s:s}, s:{s:s}}}", "t", "b", "read", "1,234.5",
                                  "type", "double", "c", "type", "text");
    struct store_import_options options = {.overrides = overrides};
    struct store_commit commit;
    struct store_version *version = NULL;
    assert_ok(import_tables(store, "d", &options, tables, 1, &commit, &test_err));
    json_decref(commit.manifest);
    json_decref(overrides);
    assert_ok(store_version_open(store, "d", NULL, &version, &test_err));
    assert_ok(store_version_read_profiles(version, &test_err));
    const struct store_table *table = store_version_table(version, 0);
    assert_int_equal(table->schema.columns[0].type.kind, DATA_DECIMAL);
    assert_string_equal(profile_text(table, 0, "min"), "-0.50");
    assert_string_equal(profile_text(table, 0, "max"), "83.20");
    assert_int_equal(table->schema.columns[1].type.kind, DATA_DOUBLE);
    assert_string_equal(profile_text(table, 1, "max"), "7001");
    assert_string_equal(profile_text(table, 3, "max"), "1234.50");
    store_version_close(version);
    /* a number that does not keep to the given notation is quarantined, never read as another */
    const char *odd[] = {"t", "a\n\"83,2\"\n1.5\n\"12,34,5\"\n\"1.234,5\"\n"};
    options.overrides = overrides =
        json_pack("{s:{s:{s:s, s:s}}}", "t", "a", "read", "1.234,5", "type", "decimal(18,2)");
    assert_ok(import_tables(store, "e", &options, odd, 1, &commit, &test_err));
    const json_t *entry = json_array_get(json_object_get(commit.manifest, "tables"), 0);
    assert_int_equal(json_int(entry, "rows", -1), 2);
    assert_int_equal(json_int(entry, "rejected_rows", -1), 2);
    json_decref(commit.manifest);
    json_decref(overrides);
    struct err err = {0};
    options.overrides = overrides = json_pack("{s:{s:{s:s}}}", "t", "a", "read", "%Q");
    assert_int_equal(import_tables(store, "e", &options, odd, 1, &commit, &err), ERR_INPUT);
    json_decref(overrides);
    store_close(store);
}

static void limits_are_parted_from_their_numbers_when_told(void **state)
{
    (void)state;
    struct store *store = open_store();
    const char *tables[] = {"t", "id,crp\n1,<0.5\n2,1.25\n3,≥ 100\n4,\n5,<=-3\n"};
    json_t *overrides = json_pack("{s:{s:{s:s}}}", "T", "CRP", "read", "comparator");
    struct store_import_options options = {.overrides = overrides};
    struct store_commit commit;
    struct store_version *version = NULL;
    assert_ok(import_tables(store, "d", &options, tables, 1, &commit, &test_err));
    json_decref(commit.manifest);
    assert_ok(store_version_open(store, "d", NULL, &version, &test_err));
    assert_ok(store_version_read_profiles(version, &test_err));
    const struct store_table *table = store_version_table(version, 0);
    assert_int_equal(table->schema.count, 3);
    assert_int_equal(table->schema.columns[1].type.kind, DATA_DECIMAL);
    assert_string_equal(profile_text(table, 1, "min"), "-3.00");
    assert_string_equal(profile_text(table, 1, "max"), "100.00");
    assert_string_equal(table->schema.columns[2].name, "crp_comparator");
    assert_string_equal(profile_text(table, 2, "min"), "<");
    assert_string_equal(profile_text(table, 2, "max"), ">=");
    assert_int_equal(json_int(json_array_get(table->columns_profile, 2), "nulls", -1), 2);
    store_version_close(version);
    const char *taken[] = {"t", "crp,crp_comparator\n<0.5,x\n"};
    struct err err = {0};
    assert_int_equal(import_tables(store, "e", &options, taken, 1, &commit, &err), ERR_INPUT);
    json_decref(overrides);
    assert_true(verify_ok(store));
    store_close(store);
}

/* ---- streams -----------------------------------------------------------------------------------
 */

struct pushed {
    bool labels, empty_instead_of_null, reversed;
};

static enum err_code push_rows(void *user, const struct data_sink *sink,
                               const struct progress *progress, struct err *err)
{
    const struct pushed *pushed = user;
    (void)progress;
    struct data_schema schema = {0};
    AUTO(arena_free) struct arena *arena = arena_new(0);
    TRY(data_schema_add(&schema, STR("sex"), DATA_TYPE(BIGINT), err));
    TRY(data_schema_add(&schema, STR("note"), DATA_TYPE(TEXT), err));
    if (pushed->labels)
        TRY(data_schema_add_value_label(&schema.columns[0], STR("1"), STR("male"), err));
    TRY(sink->schema(sink->user, &schema, err));
    struct data_batch *batch = data_batch_new(arena, &schema, 2);
    batch->rows = 2;
    for (int64_t row = 0; row < 2; row++) {
        int64_t at = pushed->reversed ? 1 - row : row;
        batch->vectors[0].i64[at] = row + 1;
        data_vector_set_valid(&batch->vectors[0], at, true);
        batch->vectors[1].text[at] = row == 0 ? STR("hello") : STR("");
        data_vector_set_valid(&batch->vectors[1], at, row == 0 || pushed->empty_instead_of_null);
    }
    enum err_code code = sink->batch(sink->user, batch, err);
    if (code == ERR_OK)
        code = sink->reject(sink->user, 7, "sex", "no number", STR("x;y"), err);
    data_schema_done(&schema);
    return code;
}

static void import_stream(struct store *store, const char *dataset, struct pushed pushed,
                          char ret[65])
{
    struct data_source source = {
        .name = "people", .origin = "people.sav", .push = push_rows, .user = &pushed};
    struct store_import *import = NULL;
    struct store_commit commit;
    assert_ok(store_import_begin(store, dataset, NULL, &import, &test_err));
    assert_ok(store_import_table(import, &source, &test_err));
    assert_ok(store_import_commit(import, NULL, NULL, &commit, &test_err));
    store_import_close(import);
    assert_int_equal(json_int(commit.manifest, "rows", -1), 2);
    assert_int_equal(json_int(commit.manifest, "rejected_rows", -1), 1);
    memcpy(ret, commit.version, 65);
    json_decref(commit.manifest);
}

static void value_labels_and_empty_texts_of_typed_streams_are_content(void **state)
{
    (void)state;
    struct store *store = open_store();
    char plain[65], other[65];
    import_stream(store, "plain", (struct pushed){0}, plain);
    import_stream(store, "reversed", (struct pushed){.reversed = true}, other);
    assert_string_equal(plain, other);
    import_stream(store, "labels", (struct pushed){.labels = true}, other);
    assert_string_not_equal(plain, other);
    import_stream(store, "empty", (struct pushed){.empty_instead_of_null = true}, other);
    assert_string_not_equal(plain, other);
    struct store_version *version = NULL;
    assert_ok(store_version_open(store, "labels", NULL, &version, &test_err));
    const struct data_column *column = &store_version_table(version, 0)->schema.columns[0];
    assert_int_equal(column->value_label_count, 1);
    assert_string_equal(column->value_labels[0].label, "male");
    store_version_close(version);
    assert_true(verify_ok(store));
    store_close(store);
}

static enum err_code push_dates(void *user, const struct data_sink *sink,
                                const struct progress *progress, struct err *err)
{
    static const char *const cells[2][3] = {{"2013-07-01", "2013-07", "2013-07-01T10:05"},
                                            {"2014-02-28", "2013-07-02", "2013-07-01T10:06:07"}};
    struct data_schema schema = {0};
    AUTO(arena_free) struct arena *arena = arena_new(0);
    (void)progress;
    TRY(data_schema_add(&schema, STR("AESTDTC"), DATA_TYPE(TEXT), err));
    TRY(data_schema_add(&schema, STR("AEENDTC"), DATA_TYPE(TEXT), err));
    TRY(data_schema_add(&schema, STR("AEDTC"), DATA_TYPE(TEXT), err));
    schema.columns[0].label = mem_strdup("Start of the event");
    TRY(sink->schema(sink->user, &schema, err));
    struct data_batch *batch = data_batch_new(arena, &schema, 3);
    batch->rows = 3; /* the last is all null */
    for (int64_t row = 0; row < 2; row++)
        for (size_t column = 0; column < 3; column++) {
            batch->vectors[column].text[row] = str_of(cells[row][column]);
            data_vector_set_valid(&batch->vectors[column], row, true);
        }
    enum err_code code = sink->batch(sink->user, batch, err);
    data_schema_done(&schema);
    return *(bool *)user ? code : ERR_FAILED;
}

static void iso_dates_held_as_text_by_typed_streams_become_dates(void **state)
{
    (void)state;
    struct store *store = open_store();
    bool push = true;
    struct data_source source = {
        .name = "ae", .origin = "ae.xpt", .push = push_dates, .user = &push};
    json_t *overrides = json_pack("{s:{s:{s:s}}}", "ae", "AEDTC", "type", "text");
    for (int told = 0; told < 2; told++) {
        struct store_import_options options = {.overrides = told ? overrides : NULL};
        struct store_import *import = NULL;
        struct store_commit commit;
        struct store_version *version = NULL;
        assert_ok(store_import_begin(store, "d", &options, &import, &test_err));
        assert_ok(store_import_table(import, &source, &test_err));
        assert_ok(store_import_commit(import, NULL, NULL, &commit, &test_err));
        store_import_close(import);
        const json_t *entry = json_array_get(json_object_get(commit.manifest, "tables"), 0);
        const json_t *decisions = json_object_get(entry, "decisions");
        assert_string_equal(json_text(json_array_get(decisions, 0), "from", ""), "inferred");
        assert_string_equal(json_text(json_array_get(decisions, 1), "from", ""), "file");
        assert_string_equal(
            json_text(json_array_get(json_object_get(entry, "warnings"), 0), "code", ""),
            "partial_dates");
        json_decref(commit.manifest);
        assert_ok(store_version_open(store, "d", NULL, &version, &test_err));
        const struct data_schema *schema = &store_version_table(version, 0)->schema;
        assert_int_equal(schema->columns[0].type.kind, DATA_DATE);
        assert_string_equal(schema->columns[0].label, "Start of the event");
        assert_int_equal(schema->columns[1].type.kind, DATA_TEXT);
        assert_int_equal(schema->columns[2].type.kind, told ? DATA_TEXT : DATA_TIMESTAMP);
        store_version_close(version);
    }
    json_decref(overrides);
    assert_true(verify_ok(store));
    store_close(store);
}

static void wide_tables_are_stored(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct buf text = BUF_INIT;
    for (int row = 0; row < 4; row++)
        for (int column = 0; column < 1201; column++) {
            if (row == 0)
                buf_printf(&text, "c%d", column);
            else
                buf_printf(&text, "%d", row * column);
            buf_putc(&text, column == 1200 ? '\n' : ',');
        }
    buf_puts(&text, "1,2\n");
    const char *tables[] = {"wide", buf_text(&text)};
    struct store_commit commit;
    assert_ok(import_tables(store, "d", NULL, tables, 1, &commit, &test_err));
    assert_int_equal(json_int(commit.manifest, "rows", -1), 3);
    assert_int_equal(json_int(commit.manifest, "rejected_rows", -1), 1);
    json_decref(commit.manifest);
    buf_done(&text);
    assert_true(verify_ok(store));
    store_close(store);
}

static void equal_tables_of_one_version_share_an_object(void **state)
{
    (void)state;
    struct store *store = open_store();
    const char *tables[] = {"a", patients_csv, "b", patients_csv};
    char id[65], path[FILE_PATH_BYTES];
    import_ok(store, "d", tables, 2, id, NULL);
    in_directory("store/datasets/d/objects", path);
    struct file_list list;
    assert_ok(file_list_directory(path, &list, &test_err));
    assert_int_equal(list.count, 1);
    file_list_done(&list);
    assert_true(verify_ok(store));
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, drop_directory)
        TEST(imported_table_is_read_back_with_lossless_types),
        TEST(same_content_again_is_reused),
        TEST(change_in_last_row_makes_new_version_that_shares_other_tables),
        TEST(duplicate_rows_column_names_and_nulls_count),
        TEST(header_without_rows_is_a_table_of_no_rows),
        TEST(bad_rows_are_set_aside_and_counted_or_refused_when_strict),
        TEST(overrides_retype_columns_and_quarantine_what_does_not_fit),
        TEST(numbers_with_commas_are_stored_exactly_and_as_told),
        TEST(limits_are_parted_from_their_numbers_when_told),
        TEST(iso_dates_held_as_text_by_typed_streams_become_dates),
        TEST(value_labels_and_empty_texts_of_typed_streams_are_content),
        TEST(wide_tables_are_stored),
        TEST(equal_tables_of_one_version_share_an_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
