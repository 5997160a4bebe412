/* What stands around a table: units below the header, notes and totals below the rows, several rows
 * of names; in CSV files and as pure functions over rows. Workbooks: test_xlsx.c. */
#include "reader_kit.h"

#include <stdio.h>

#include "ingest/shape_priv.h"

static struct ingest_set *open_csv(const char *text, int header)
{
    static char path[FILE_PATH_BYTES];
    struct ingest_set *set = NULL;
    struct err err = {0};
    kit_must(file_path_join(kit_directory(), "table.csv", path, &err), &err);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    kit_must(kit_open(&ingest_format_csv, path, NULL, header, &set, &err), &err);
    return set;
}

static void expect_csv(const char *text, int header, const char *schema, const char *rows,
                       const char *rejects)
{
    struct ingest_set *set = open_csv(text, header);
    struct err err = {0};
    struct kit_rows found = {0};
    kit_expect_schema(&ingest_source(set, 0)->schema, schema);
    kit_must(kit_push(ingest_source(set, 0), &found, &err), &err);
    assert_string_equal(buf_text(&found.text), rows);
    assert_string_equal(buf_text(&found.rejects), rejects);
    kit_rows_done(&found);
    ingest_close(set);
}

static void units_are_told_from_other_words(void **state)
{
    (void)state;
    static const char *const units[] = {"years",   "mg/dl",         "(kg)",    "[mmol/L]", "kg/m²",
                                        "%",       "10^9/l",        "x10^9/L", "×10³/µl",  "/min",
                                        "in mmHg", "ml/min/1.73m2", "(U/l)",   "10*6/ul",       "10e3/ul", "10**9/l",  "×10⁻⁶"};
    static const char *const words[] = {"",          "male", "yes", "Smith",   "mg per day of it",
                                        "12",        "1/2",  "F/M", "mg/dose", "10",
                                        "(unknown)", "a/b",  "/",   "()",      "P1",
                                        "12 years",  "100",  "1001", "10.0",    "10.25",
                                        "10e3",      "1e5",  "10,5", "10/10",   "100/10",
                                        "10 9/l",    "10µg", "10-3", "10^",     "e"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (shape_unit(str_of(units[i])).len == 0)
            fail_msg("no unit: %s", units[i]);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (shape_unit(str_of(words[i])).len > 0)
            fail_msg("a unit: %s", words[i]);
    assert_true(str_equal(shape_unit(STR(" (kg) ")), STR("kg")));
}

static void a_first_row_of_numbers_is_data(void **state)
{
    (void)state;
    expect_csv("id,value\n1000,10.0\n1001,10.25\n1002,10.5\n", -1, "id:text;value:text",
               "1000|10.0\n1001|10.25\n1002|10.5\n", "");
}

static void a_row_of_units_labels_the_columns(void **state)
{
    (void)state;
    expect_csv("id,age,crp,sex\n,years,(mg/l),-\n1,40,1.5,F\n2,50,2.5,M\n", -1,
               "id:text;age:text=unit: years;crp:text=unit: mg/l;sex:text",
               "1|40|1.5|F\n2|50|2.5|M\n", "");
    expect_csv("id,age\n,years\n1,40\n2,50\n", 1, "id:text;age:text", "~|years\n1|40\n2|50\n", "");
}

static void a_row_that_could_be_data_is_no_row_of_units(void **state)
{
    (void)state;
    expect_csv("drug,unit\naspirin,mg\ninsulin,u\n", 1, "drug:text;unit:text",
               "aspirin|mg\ninsulin|u\n", "");
    expect_csv("drug,unit\nm,mg\ng,u\n", -1, "drug:text;unit:text", "m|mg\ng|u\n", "");
    expect_csv("id,dose,unit\n1,5,mg\n2,6,g\n", -1, "id:text;dose:text;unit:text",
               "1|5|mg\n2|6|g\n", "");
    expect_csv("id,age,name\n,years,Smith\n1,40,Jones\n2,41,Brown\n", -1,
               "id:text;age:text;name:text", "~|years|Smith\n1|40|Jones\n2|41|Brown\n", "");
}

#define FOUR "id,age,crp\n1,40,1.5\n2,50,2.5\n3,60,3.5\n4,61,4.5\n"
#define FOUR_ROWS "1|40|1.5\n2|50|2.5\n3|60|3.5\n4|61|4.5\n"
#define FOUR_SCHEMA "id:text;age:text;crp:text"

static void notes_and_totals_below_the_rows_are_rejected_with_their_lines(void **state)
{
    (void)state;
    expect_csv(FOUR ",,\nSource: registry,,\n* p<0.05,,\n", -1, FOUR_SCHEMA, FOUR_ROWS,
               "7 (null) Source: registry,,\n8 (null) * p<0.05,,\n");
    expect_csv(FOUR "\nTotal,211,12\n", -1, FOUR_SCHEMA, FOUR_ROWS, "7 (null) Total,211,12\n");
    expect_csv(FOUR "Values at the first visit only,,", -1, FOUR_SCHEMA, FOUR_ROWS,
               "6 (null) Values at the first visit only,,\n");
    struct ingest_set *set = open_csv(FOUR "Total,211,12\r\n", -1);
    assert_non_null(kit_note(ingest_source(set, 0), "rows_below_table", 0));
    ingest_close(set);
    expect_csv(FOUR "Total,211,12\n", 1, FOUR_SCHEMA, FOUR_ROWS "Total|211|12\n", "");
}

static void a_last_row_that_could_be_data_stays(void **state)
{
    (void)state;
    static const char *const lasts[] = {"P5,,",       "P5 (late),,", "5,,",       ",,2.5",
                                        "P5,total,7", "Note,1,2",    "NA,,",      "*,,",
                                        "P5,70,5.5",  "Mean P,1,2",  "Total,x,y", "source,,"};
    for (size_t i = 0; i < sizeof lasts / sizeof *lasts; i++) {
        struct buf text = BUF_INIT;
        buf_printf(&text,
                   "id,age,crp\nP1,40,1.5\nP2,50,2.5\nP3 (moved away),60,3.5\nP4,61,4.5\n%s\n",
                   lasts[i]);
        struct ingest_set *set = open_csv(buf_text(&text), -1);
        struct err err = {0};
        struct kit_rows found = {0};
        kit_must(kit_push(ingest_source(set, 0), &found, &err), &err);
        if (found.rows != 5)
            fail_msg("taken for no data: %s", lasts[i]);
        kit_rows_done(&found);
        ingest_close(set);
        buf_done(&text);
    }
}

static void rows_of_names_are_joined_as_many_as_given(void **state)
{
    (void)state;
    expect_csv("id,base,\n,weight,crp\n1,2,3\n", 2, "id:text;base / weight:text;crp:text",
               "1|2|3\n", "");
}

static void a_first_name_that_is_empty_is_row_name(void **state)
{
    (void)state;
    expect_csv("\"\",\"mpg\",\"cyl\"\n\"Mazda\",21,6\n\"Datsun\",22.8,4\n", -1,
               "row_name:text;mpg:text;cyl:text", "Mazda|21|6\nDatsun|22.8|4\n", "");
    struct ingest_set *set = open_csv("a,,c\n1,2,3\n4,5,6\n", 1);
    assert_string_equal(kit_note(ingest_source(set, 0), "empty_names", 0),
                        "1 column has no name and got column_N");
    ingest_close(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_are_told_from_other_words),
        cmocka_unit_test(a_first_row_of_numbers_is_data),
        cmocka_unit_test(a_row_of_units_labels_the_columns),
        cmocka_unit_test(a_row_that_could_be_data_is_no_row_of_units),
        cmocka_unit_test(notes_and_totals_below_the_rows_are_rejected_with_their_lines),
        cmocka_unit_test(a_last_row_that_could_be_data_stays),
        cmocka_unit_test(rows_of_names_are_joined_as_many_as_given),
        cmocka_unit_test(a_first_name_that_is_empty_is_row_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
