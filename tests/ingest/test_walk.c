/* The walk: folders, links, what is skipped and why, what is refused, names of tables, packed
 * files, JSON and Parquet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "ingest/golden.h"
#include "ingest/parts_priv.h"

struct place {
    char directory[FILE_PATH_BYTES], staging[FILE_PATH_BYTES], input[FILE_PATH_BYTES];
    struct ingest_set *set;
    struct err err;
};

static int set_up(void **state)
{
    struct err err = {0};
    struct place *place = mem_zalloc(1, sizeof *place);
    if (place == NULL ||
        file_make_staging("/tmp", "marrow-walk", place->directory, &err) != ERR_OK ||
        file_path_join(place->directory, "staging", place->staging, &err) != ERR_OK ||
        file_path_join(place->directory, "input", place->input, &err) != ERR_OK ||
        file_make_directory(place->staging, &err) != ERR_OK ||
        file_make_directory(place->input, &err) != ERR_OK)
        return -1;
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct err err = {0};
    struct place *place = *state;
    ingest_close(place->set);
    int code = file_remove_tree(place->directory, &err) == ERR_OK ? 0 : -1;
    mem_free(place);
    return code;
}

static void put_bytes(struct place *place, const char *name, const char *bytes, size_t count)
{
    char path[FILE_PATH_BYTES], folder[FILE_PATH_BYTES];
    assert_int_equal(file_path_join(place->input, name, path, &place->err), ERR_OK);
    (void)snprintf(folder, sizeof folder, "%.*s", (int)(file_base_name(path) - path - 1), path);
    assert_int_equal(file_make_directory(folder, &place->err), ERR_OK);
    assert_int_equal(file_write_new(path, (struct str){bytes, count}, &place->err), ERR_OK);
}

static void put(struct place *place, const char *name, const char *text)
{
    put_bytes(place, name, text, strlen(text));
}

static enum err_code open_input(struct place *place, const char *name)
{
    char path[FILE_PATH_BYTES];
    assert_int_equal(file_path_join(place->input, name, path, &place->err), ERR_OK);
    struct ingest_options options = {.staging_directory = place->staging, .header = -1};
    const char *paths[] = {path};
    ingest_close(place->set); /* of an input before */
    place->set = NULL;
    return ingest_open(paths, 1, &options, &place->set, &place->err);
}

static const struct data_source *source_named(const struct place *place, const char *name)
{
    for (size_t i = 0; i < ingest_source_count(place->set); i++)
        if (strcmp(ingest_source(place->set, i)->name, name) == 0)
            return ingest_source(place->set, i);
    fail_msg("no table %s", name);
    return NULL;
}

static bool has_note(const struct data_source *source, const char *code)
{
    size_t i;
    json_t *note;
    json_array_foreach(source->notes, i,
                       note) if (strcmp(json_text(note, "code", ""), code) == 0) return true;
    return false;
}

static const char table[] = "id,name\n1,Ann\n2,Bob\n";
static const char prose[] = "This is a text about the data, and how it was made.\nIt has lines, "
                            "with words, and commas, too.\n\n"
                            "It is not a table.\n";

static void a_folder_gives_its_tables_and_lists_the_rest(void **state)
{
    struct place *place = *state;
    put(place, "labs.csv", table);
    put(place, "sub/visits.tsv", "id\tday\n1\t2020-01-01\n");
    put(place, "LICENSE", prose);
    put(place, "notes.txt", prose);
    put(place, ".hidden.csv", table);
    put(place, "define.xml", "<xml/>");
    put(place, "log.ndjson", "{\"a\":1}\n");
    put(place, "formats.sas7bcat", "xx");
    put_bytes(place, "blob", "\0\1\2\3\4\5\6\7", 8);
    assert_int_equal(open_input(place, ""), ERR_OK);
    assert_int_equal(ingest_source_count(place->set), 2);
    assert_string_equal(source_named(place, "visits")->scan->delimiter, "\t");
    assert_int_equal(ingest_skipped_count(place->set), 7);
    for (size_t i = 0; i < ingest_skipped_count(place->set); i++)
        assert_true(ingest_skipped(place->set, i)->reason[0] != '\0');
    JSON_AUTO inputs = ingest_inputs(place->set);
    assert_int_equal(json_array_size(inputs), 1);
    assert_int_equal(strlen(json_text(json_array_get(inputs, 0), "sha256", "")), 64);
}

static void a_named_file_that_is_no_data_is_an_error(void **state)
{
    struct place *place = *state;
    put(place, "notes.txt", prose);
    put(place, "LICENSE.txt", prose);
    assert_int_equal(open_input(place, "notes.txt"), ERR_INPUT);
    assert_int_equal(open_input(place, "LICENSE.txt"), ERR_INPUT);
    assert_non_null(strstr(place->err.source, "LICENSE.txt"));
    assert_int_equal(open_input(place, "missing.csv"), ERR_NOT_FOUND);
}

static void a_folder_of_prose_only_has_no_source(void **state)
{
    struct place *place = *state;
    put(place, "notes.txt", prose);
    assert_int_equal(open_input(place, ""), ERR_INPUT);
    assert_non_null(strstr(place->err.detail, "notes.txt"));
}

static void an_empty_data_file_fails_the_whole_folder(void **state)
{
    struct place *place = *state;
    put(place, "labs.csv", table);
    put(place, "empty.csv", "");
    assert_int_equal(open_input(place, ""), ERR_INPUT);
    assert_non_null(strstr(place->err.message, "empty.csv is empty"));
}

static void a_binary_named_csv_is_refused(void **state)
{
    struct place *place = *state;
    put_bytes(place, "x.csv", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);
    assert_int_equal(open_input(place, "x.csv"), ERR_INPUT);
    assert_non_null(strstr(place->err.message, "binary"));
}

static void links_out_of_the_folder_are_not_followed(void **state)
{
    struct place *place = *state;
    char link[FILE_PATH_BYTES], outside[FILE_PATH_BYTES];
    put(place, "labs.csv", table);
    assert_int_equal(file_path_join(place->directory, "outside.csv", outside, &place->err), ERR_OK);
    assert_int_equal(file_write_new(outside, STR("a,b\n1,2\n"), &place->err), ERR_OK);
    assert_int_equal(file_path_join(place->input, "link.csv", link, &place->err), ERR_OK);
    assert_int_equal(symlink(outside, link), 0);
    assert_int_equal(file_path_join(place->input, "loop", link, &place->err), ERR_OK);
    assert_int_equal(symlink(place->input, link), 0);
    assert_int_equal(open_input(place, ""), ERR_OK);
    assert_int_equal(ingest_source_count(place->set), 1);
    assert_int_equal(ingest_skipped_count(place->set), 2);
}

static void folders_deeper_than_the_limit_are_refused(void **state)
{
    struct place *place = *state;
    AUTO_BUF name = BUF_INIT;
    for (int i = 0; i <= INGEST_LIMIT_DEPTH; i++)
        buf_puts(&name, "d/");
    buf_puts(&name, "x.csv");
    put(place, buf_text(&name), table);
    assert_int_equal(open_input(place, ""), ERR_LIMIT);
}

static void tables_of_one_name_get_the_folder_or_the_format(void **state)
{
    struct place *place = *state;
    put(place, "los/dyn.csv", table);
    put(place, "mortality/dyn.csv", table);
    put(place, "x/events.csv", table);
    put(place, "x/events.ndjson", "{\"a\":1}\n{\"a\":2}\n");
    put(place, "x/EVENTS.tsv", "a\tb\n1\t2\n");
    put(place, "Lab values (new).csv", table);
    assert_int_equal(open_input(place, ""), ERR_OK);
    assert_non_null(source_named(place, "los_dyn"));
    assert_non_null(source_named(place, "mortality_dyn"));
    assert_non_null(source_named(place, "events_json"));
    assert_non_null(source_named(place, "Lab_values_new"));
    for (size_t i = 0; i < ingest_source_count(place->set); i++)
        for (size_t j = 0; j < i; j++)
            assert_false(str_equal_nocase(str_of(ingest_source(place->set, i)->name),
                                          str_of(ingest_source(place->set, j)->name)));
}

static void plain_utf8_is_used_in_place(void **state)
{
    struct place *place = *state;
    put(place, "labs.csv", table);
    assert_int_equal(open_input(place, "labs.csv"), ERR_OK);
    const struct data_source *source = ingest_source(place->set, 0);
    assert_int_equal(strncmp(source->scan->paths[0], place->input, strlen(place->input)), 0);
    assert_null(source->notes);
    assert_true(source->text_columns);
    assert_int_equal(source->bytes, sizeof table - 1);
}

static void read_staged(const struct data_source *source, struct buf *ret)
{
    struct err err = {0};
    assert_int_equal(file_read(source->scan->paths[0], 0, ret, &err), ERR_OK);
}

static void windows_1252_is_converted_and_noted(void **state)
{
    struct place *place = *state;
    AUTO_BUF text = BUF_INIT;
    put(place, "labs.csv",
        "id,note\n1,patient\x92s wish\n2,Ren\xe9"
        "e\n");
    assert_int_equal(open_input(place, "labs.csv"), ERR_OK);
    read_staged(ingest_source(place->set, 0), &text);
    assert_string_equal(buf_text(&text), "id,note\n1,patient’s wish\n2,Renée\n");
    assert_true(has_note(ingest_source(place->set, 0), "encoding_converted"));
}

static void old_macintosh_line_ends_are_converted(void **state)
{
    struct place *place = *state;
    AUTO_BUF text = BUF_INIT;
    put(place, "labs.csv", "id,name\r1,Ann\r2,Bob\r");
    assert_int_equal(open_input(place, "labs.csv"), ERR_OK);
    read_staged(ingest_source(place->set, 0), &text);
    assert_string_equal(buf_text(&text), table);
    assert_true(has_note(ingest_source(place->set, 0), "line_ends"));
}

static void mixed_line_ends_between_rows_become_one_kind(void **state)
{
    struct place *place = *state;
    AUTO_BUF text = BUF_INIT;
    put(place, "labs.csv", "id,note\n1,\"a\r\nb\"\r\n2,c\n");
    assert_int_equal(open_input(place, "labs.csv"), ERR_OK);
    read_staged(ingest_source(place->set, 0), &text);
    assert_string_equal(buf_text(&text), "id,note\n1,\"a\r\nb\"\n2,c\n");
    assert_true(has_note(ingest_source(place->set, 0), "line_ends"));
}

static void line_feeds_inside_quotes_of_a_crlf_file_need_no_copy(void **state)
{
    struct place *place = *state;
    put(place, "labs.csv", "id,note\r\n1,\"a\nb\"\r\n2,c\r\n");
    assert_int_equal(open_input(place, "labs.csv"), ERR_OK);
    assert_null(ingest_source(place->set, 0)->notes);
    assert_int_equal(
        strncmp(ingest_source(place->set, 0)->scan->paths[0], place->input, strlen(place->input)),
        0);
}

static void stacked_tables_become_several_tables(void **state)
{
    struct place *place = *state;
    AUTO_BUF text = BUF_INIT;
    put(place, "ids.csv", "a_id,what\n1,x\n2,y\n,\nb_id,what\n1,z\n2,w\n");
    assert_int_equal(open_input(place, "ids.csv"), ERR_OK);
    assert_int_equal(ingest_source_count(place->set), 2);
    read_staged(source_named(place, "ids_2"), &text);
    assert_string_equal(buf_text(&text), "b_id,what\n1,z\n2,w\n");
    assert_string_equal(source_named(place, "ids_2")->schema.columns[0].name, "b_id");
    assert_true(has_note(source_named(place, "ids_1"), "stacked_tables"));
}

static void comment_lines_between_rows_are_left_out_and_noted(void **state)
{
    struct place *place = *state;
    AUTO_BUF text = BUF_INIT;
    put(place, "labs.csv", "id,name\n1,a#b\n# checked\n2,Bob\n");
    assert_int_equal(open_input(place, "labs.csv"), ERR_OK);
    read_staged(ingest_source(place->set, 0), &text);
    assert_string_equal(buf_text(&text), "id,name\n1,a#b\n2,Bob\n");
    assert_true(has_note(ingest_source(place->set, 0), "comment_lines"));
}

static void repeated_and_empty_names_are_renamed_and_noted(void **state)
{
    struct place *place = *state;
    put(place, "labs.csv", "id,x,X,\n1,2,3,4\n");
    assert_int_equal(open_input(place, "labs.csv"), ERR_OK);
    const struct data_source *source = ingest_source(place->set, 0);
    assert_int_equal(source->schema.count, 4);
    assert_string_equal(source->schema.columns[3].name, "column_4");
    assert_true(has_note(source, "duplicate_names"));
    assert_true(has_note(source, "empty_names"));
}

static void json_shapes_are_told_apart(void **state)
{
    struct place *place = *state;
    put(place, "a.ndjson", "{\"a\":1}\n{\"a\":2}\n");
    put(place, "b.json", "\xef\xbb\xbf[{\"a\":1},{\"a\":2}]");
    put(place, "c.json", "{\"a\":{\"b\":[1,2]}}");
    assert_int_equal(open_input(place, ""), ERR_OK);
    for (const char *name = "a\0b\0c\0"; *name != '\0'; name += 2) {
        assert_non_null(source_named(place, name)->push);
        assert_string_equal(source_named(place, name)->schema.columns[0].name, "a");
    }
}

static void fhir_is_told_by_its_content(void **state)
{
    struct place *place = *state;
    put(place, "people.txt",
        "{\"id\":\"1\",\"resourceType\":\"Patient\"}\n{\"resourceType\":\"Patient\"}\n");
    put(place, "ok.ndjson", "{\"x\":{\"resourceType\":\"Patient\"}}\n{\"x\":1}\n");
    assert_int_equal(open_input(place, "people.txt"), ERR_OK);
    assert_string_equal(ingest_source(place->set, 0)->name, "Patient");
    assert_non_null(ingest_source(place->set, 0)->newest);
    assert_int_equal(open_input(place, "ok.ndjson"), ERR_OK);
    assert_string_equal(ingest_source(place->set, 0)->name, "ok");
}

static const char parquet[] = "PAR1....\4\0\0\0PAR1";

static void a_truncated_parquet_file_is_refused(void **state)
{
    struct place *place = *state;
    put_bytes(place, "x.parquet", parquet, sizeof parquet - 3);
    assert_int_equal(open_input(place, "x.parquet"), ERR_INPUT);
    assert_non_null(strstr(place->err.message, "truncated"));
}

static void parts_of_one_parquet_table_stay_together(void **state)
{
    struct place *place = *state;
    put_bytes(place, "mart/bucket=00/a.parquet", parquet, sizeof parquet - 1);
    put_bytes(place, "mart/bucket=01/a.parquet", parquet, sizeof parquet - 1);
    put_bytes(place, "labs.parquet/part-00000.parquet", parquet, sizeof parquet - 1);
    put_bytes(place, "labs.parquet/part-00001.parquet", parquet, sizeof parquet - 1);
    put(place, "labs.parquet/_SUCCESS", "");
    put_bytes(place, "visits_2019.parquet", parquet, sizeof parquet - 1);
    put_bytes(place, "visits_2020.parquet", parquet, sizeof parquet - 1);
    put(place, "sites.csv", table);
    assert_int_equal(open_input(place, ""), ERR_OK);
    assert_int_equal(source_named(place, "mart")->scan->path_count, 2);
    assert_true(source_named(place, "mart")->scan->partitioned);
    assert_false(source_named(place, "labs")->scan->partitioned);
    assert_int_equal(source_named(place, "labs")->scan->path_count, 2);
    assert_int_equal(source_named(place, "visits_2019")->scan->path_count, 1);
    assert_int_equal(ingest_source_count(place->set), 5);
}

static void reasons_are_given_by_name(void **state)
{
    (void)state;
    assert_null(walk_skip_reason("data/labs.csv"));
    assert_null(walk_skip_reason("notice.csv"));
    assert_null(walk_skip_reason("readmission.txt"));
    assert_null(walk_skip_reason("./labs.csv"));
    assert_null(walk_skip_reason("login.csv"));
    assert_non_null(walk_skip_reason("x/__MACOSX/labs.csv"));
    assert_non_null(walk_skip_reason("README"));
    assert_non_null(walk_skip_reason("license-2.txt"));
    assert_non_null(walk_skip_reason(".git/x.csv"));
    assert_non_null(walk_skip_reason("a/scan.PNG"));
    assert_non_null(walk_unreadable_reason("old.XLS"));
}

/* The archives of real data, read as they are: a ZIP in a tar.zst, beside licences and notes. */
static void real_sets_give_the_tables_they_hold(void **state)
{
    static const struct {
        const char *set;
        size_t tables;
        const char *table; /* one of them … */
        size_t columns;    /* … and its columns; 0: the engine tells */
    } expected[] = {
        {"mimic3_demo", 24, "LABEVENTS", 9},
        {"mimic3_demo", 24, "NOTEEVENTS", 11},
        {"csv_spectrum", 24, "csvs_json", 2},
        {"diabetes130", 4, "IDs_mapping_2", 2},
        {"encodings", 4, "patients_latin1", 25},
        {"duckdb_encodings", 9, "shift_jis", 2},
        {"heart_uci", 5, "processed_va", 14},
        {"icu_parquet", 6, "los_dyn", 0},
        {"nafld_multi", 4, "nafld1_csv", 10},
        {"single", 5, "indo_rct", 34},
        {"terminology", 4, "icd_cm_9_to_10_mapping", 3},
        {"synthea_csv_dbt28", 18, "patients", 25},
        {"synthea_csv_unmc", 15, "patients", 27},
    };
    struct place *place = *state;
    const char *shared = getenv("MARROW_SHARED");
    size_t seen = 0;
    for (size_t i = 0; shared != NULL && i < sizeof expected / sizeof *expected; i++) {
        char path[FILE_PATH_BYTES];
        (void)snprintf(path, sizeof path, "%s/data/%s.tar.zst", shared, expected[i].set);
        if (!file_exists(path))
            continue;
        seen++;
        assert_int_equal(file_remove_tree(place->staging, &place->err), ERR_OK);
        assert_int_equal(file_make_directory(place->staging, &place->err), ERR_OK);
        struct ingest_options options = {.staging_directory = place->staging, .header = -1};
        const char *paths[] = {path};
        if (ingest_open(paths, 1, &options, &place->set, &place->err) != ERR_OK)
            fail_msg("%s: %s", expected[i].set, place->err.message);
        assert_int_equal(ingest_source_count(place->set), expected[i].tables);
        assert_int_equal(source_named(place, expected[i].table)->schema.count, expected[i].columns);
        ingest_close(place->set);
        place->set = NULL;
    }
    if (seen == 0) {
        (void)printf("SKIPPED: MARROW_SHARED does not lead to the data sets\n");
        skip();
    }
}

static void key_folders_of_a_partitioned_table_survive_an_archive(void **state)
{
    struct place *place = *state;
    char path[FILE_PATH_BYTES];
    assert_int_equal(file_path_join(place->input, "mart.tar", path, &place->err), ERR_OK);
    struct archive *archive = archive_write_new();
    archive_write_set_format_pax_restricted(archive);
    assert_int_equal(archive_write_open_filename(archive, path), ARCHIVE_OK);
    static const char *const names[] = {"mart/year=2019/a.parquet", "mart/year=2020/a.parquet"};
    for (size_t i = 0; i < 2; i++) {
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, names[i]);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_size(entry, sizeof parquet - 1);
        assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
        assert_int_equal(archive_write_data(archive, parquet, sizeof parquet - 1),
                         sizeof parquet - 1);
        archive_entry_free(entry);
    }
    assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
    archive_write_free(archive);
    assert_int_equal(open_input(place, "mart.tar"), ERR_OK);
    const struct data_source *source = source_named(place, "mart");
    assert_int_equal(source->scan->path_count, 2);
    assert_true(source->scan->partitioned);
    assert_non_null(strstr(source->scan->paths[0], "/year=2019/"));
    assert_non_null(strstr(source->scan->paths[1], "/year=2020/"));
}

/* Every allocation and write of an import with conversion and unpacking fails once; nothing leaks,
 * a code is set each time. */
static void every_failing_allocation_and_write_is_survived(void **state)
{
    struct place *place = *state;
    put(place, "a.csv",
        "id,note\n1,Ren\xe9"
        "e\n2,M\xfcller\n");
    put(place, "ids.csv", "a_id,what\n1,x\n2,y\n,\nb_id,what\n1,z\n2,w\n");
    put(place, "c.ndjson", "{\"a\":1}\n");
    static const enum fault_kind kinds[] = {FAULT_ALLOC, FAULT_WRITE};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        bool passed = false;
        for (int64_t nth = 1; !passed && nth < 5000; nth++) {
            struct err err = {0};
            assert_int_equal(file_remove_tree(place->staging, &err), ERR_OK);
            assert_int_equal(file_make_directory(place->staging, &err), ERR_OK);
            struct ingest_options options = {.staging_directory = place->staging, .header = -1};
            const char *paths[] = {place->input};
            struct ingest_set *set = NULL;
            fault_arm(kinds[k], nth);
            enum err_code code = ingest_open(paths, 1, &options, &set, &err);
            passed = !fault_fired();
            fault_disarm();
            if (passed)
                assert_int_equal(code, ERR_OK);
            if (code == ERR_OK)
                assert_int_equal(ingest_source_count(set), 4);
            else
                assert_int_equal(err.code, code);
            ingest_close(set);
        }
        assert_true(passed);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_folder_gives_its_tables_and_lists_the_rest),
        TEST(a_named_file_that_is_no_data_is_an_error),
        TEST(a_folder_of_prose_only_has_no_source),
        TEST(an_empty_data_file_fails_the_whole_folder),
        TEST(a_binary_named_csv_is_refused),
        TEST(links_out_of_the_folder_are_not_followed),
        TEST(folders_deeper_than_the_limit_are_refused),
        TEST(tables_of_one_name_get_the_folder_or_the_format),
        TEST(plain_utf8_is_used_in_place),
        TEST(windows_1252_is_converted_and_noted),
        TEST(old_macintosh_line_ends_are_converted),
        TEST(mixed_line_ends_between_rows_become_one_kind),
        TEST(line_feeds_inside_quotes_of_a_crlf_file_need_no_copy),
        TEST(stacked_tables_become_several_tables),
        TEST(comment_lines_between_rows_are_left_out_and_noted),
        TEST(repeated_and_empty_names_are_renamed_and_noted),
        TEST(json_shapes_are_told_apart),
        TEST(fhir_is_told_by_its_content),
        TEST(a_truncated_parquet_file_is_refused),
        TEST(parts_of_one_parquet_table_stay_together),
        TEST(reasons_are_given_by_name),
        TEST(key_folders_of_a_partitioned_table_survive_an_archive),
        TEST(every_failing_allocation_and_write_is_survived),
        TEST(real_sets_give_the_tables_they_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
