/* Criteria: both forms read, written, read again; errors with their places; core terms; numbers,
 * dates and ages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "cohort/views_priv.h"
#include "golden.h"

static void write_error(const struct err *err, struct buf *ret)
{
    buf_printf(ret, "error %s", err_code_name(err->code));
    if (err->line > 0)
        buf_printf(ret, " at %d:%d", (int)err->line, (int)err->column);
    buf_printf(ret, ": %s\n", err->message);
    if (err->hint[0] != '\0')
        buf_printf(ret, "hint: %s\n", err->hint);
}

static json_t *json_of(const struct cohort_criteria *criteria)
{
    json_t *json = NULL;
    assert_int_equal(cohort_criteria_to_json(criteria, &json, ERR_IGNORED), ERR_OK);
    return json;
}

/* Text → text and JSON → JSON are the same criteria. */
static void check_round_trip(const struct cohort_criteria *criteria, struct str reading)
{
    struct err err = {0};
    AUTO(cohort_criteria_free) struct cohort_criteria *from_text = NULL, *from_json = NULL;
    JSON_AUTO first = json_of(criteria);
    assert_int_equal(cohort_criteria_read(reading, "reading", &from_text, &err), ERR_OK);
    assert_int_equal(cohort_criteria_from_json(first, "json", &from_json, &err), ERR_OK);
    JSON_AUTO second = json_of(from_text);
    JSON_AUTO third = json_of(from_json);
    assert_true(json_equal(first, second));
    assert_true(json_equal(first, third));
    AUTO(buf_done) struct buf again = BUF_INIT;
    assert_int_equal(cohort_criteria_print(from_json, &again, &err), ERR_OK);
    assert_true(str_equal(buf_view(&again), reading));
}

static void read_criteria(const struct golden_case *test, struct buf *ret)
{
    struct err err = {0};
    AUTO(cohort_criteria_free) struct cohort_criteria *criteria = NULL;
    if (cohort_criteria_read(str_trim(golden_section(test, "input")), "criteria", &criteria,
                             &err) != ERR_OK) {
        write_error(&err, ret);
        return;
    }
    AUTO(buf_done) struct buf reading = BUF_INIT;
    assert_int_equal(cohort_criteria_print(criteria, &reading, &err), ERR_OK);
    JSON_AUTO json = json_of(criteria);
    check_round_trip(criteria, buf_view(&reading));
    buf_printf(ret, "%s\n", buf_text(&reading));
    assert_int_equal(json_compact(json, ret, &err), ERR_OK);
    buf_putc(ret, '\n');
}

static const char *const diagnoses[] = {"Diabetes",
                                        "Diabetes mellitus type 2 (disorder)",
                                        "Prediabetes",
                                        "Type 2 diabetes mellitus without complication (disorder)",
                                        "Type I diabetes",
                                        "Heart attack",
                                        "Acute attack of the heart",
                                        "Arthritis of knee",
                                        "Bipolar disorder"};

static void find_words(const struct golden_case *test, struct buf *ret)
{
    AUTO(buf_done) struct buf core = BUF_INIT, words = BUF_INIT;
    cohort_words(str_trim(golden_section(test, "input")), &core);
    buf_printf(ret, "[%s]\n", buf_text(&core));
    for (size_t i = 0; i < sizeof diagnoses / sizeof *diagnoses; i++) {
        buf_clear(&words);
        cohort_words(str_of(diagnoses[i]), &words);
        if (cohort_words_match(buf_view(&core), buf_view(&words)))
            buf_printf(ret, "%s\n", diagnoses[i]);
    }
}

static int check(const char *name, golden_function function)
{
    AUTO(buf_done) struct buf path = BUF_INIT;
    buf_printf(&path, "%s/golden/cohort/%s", TEST_SOURCE_DIRECTORY, name);
    return golden_check(buf_text(&path), function);
}

static void criteria_are_read_back_as_they_were_meant(void **state)
{
    (void)state;
    assert_int_equal(check("criteria.txt", read_criteria), 0);
}

static void core_terms_find_texts(void **state)
{
    (void)state;
    assert_int_equal(check("words.txt", find_words), 0);
}

static void nesting_beyond_the_limit_is_an_error(void **state)
{
    (void)state;
    AUTO(buf_done) struct buf text = BUF_INIT, json = BUF_INIT;
    AUTO(cohort_criteria_free) struct cohort_criteria *criteria = NULL;
    for (int i = 0; i < 10000; i++)
        buf_puts(&text, "not ");
    buf_puts(&text, "male");
    assert_int_equal(cohort_criteria_read(buf_view(&text), "criteria", &criteria, ERR_IGNORED),
                     ERR_LIMIT);
    for (int i = 0; i < 100; i++)
        buf_puts(&json, "{\"not\":");
    buf_puts(&json, "{\"gender\":\"male\"}");
    for (int i = 0; i < 100; i++)
        buf_putc(&json, '}');
    assert_int_equal(cohort_criteria_read(buf_view(&json), "criteria", &criteria, ERR_IGNORED),
                     ERR_LIMIT);
    buf_clear(&text);
    for (int i = 0; i <= COHORT_LIMIT_NODES; i++)
        buf_puts(&text, i == 0 ? "male" : " and male");
    assert_int_equal(cohort_criteria_read(buf_view(&text), "criteria", &criteria, ERR_IGNORED),
                     ERR_LIMIT);
}

/* Completed years counted up, birthday by birthday, must agree with the day that bounds them. */
static int64_t completed_years(int64_t born, int64_t day)
{
    int64_t year, age = -1;
    unsigned month, date;
    clock_civil_from_days(born, &year, &month, &date);
    for (int64_t y = year; y <= year + 210; y++) {
        int64_t birthday = clock_civil_valid(y, month, date) ? clock_days_from_civil(y, month, date)
                                                             : clock_days_from_civil(y, 3, 1);
        if (birthday > day)
            break;
        age++;
    }
    return age;
}

static void birth_days_bound_ages_exactly(void **state)
{
    (void)state;
    int64_t from = clock_days_from_civil(2023, 2, 20), to = clock_days_from_civil(2024, 3, 5);
    for (int64_t as_of = from; as_of <= to; as_of++)
        for (int64_t age = 0; age < 30; age++) {
            int64_t last = cohort_birth_day(as_of, age);
            assert_true(completed_years(last, as_of) >= age);
            assert_true(completed_years(last + 1, as_of) < age);
        }
}

static void numbers_are_ordered_as_numbers(void **state)
{
    (void)state;
    static const char *const ascending[] = {"-10",  "-9.5", "-9.25", "0",   "0.5",
                                            "0.55", "9",    "10",    "140", "140.5"};
    AUTO(arena_free) struct arena *arena = arena_new(0);
    for (size_t i = 0; i < 10; i++)
        for (size_t k = 0; k < 10; k++)
            assert_int_equal(cohort_number_compare(ascending[i], ascending[k]), i < k   ? -1
                                                                                : i > k ? 1
                                                                                        : 0);
    assert_string_equal(cohort_number_read(arena, STR("007.50")), "7.5");
    assert_string_equal(cohort_number_read(arena, STR("-0.0")), "0");
    assert_null(cohort_number_read(arena, STR("1e3")));
    assert_null(cohort_number_read(arena, STR(".5")));
    assert_null(cohort_number_read(arena, STR("-")));
}

static void units_are_one_under_their_spellings_only(void **state)
{
    (void)state;
    AUTO(arena_free) struct arena *arena = arena_new(0);
    size_t count = 0;
    const char *const *spellings = cohort_unit_spellings(arena, "mmHg", &count);
    bool ucum = false;
    for (size_t i = 0; i < count; i++)
        ucum = ucum || strcmp(spellings[i], "mm[Hg]") == 0;
    assert_true(ucum);
    (void)cohort_unit_spellings(arena, "g/dL", &count);
    assert_int_equal(count, 1);
}

/* The codes that a value set's file gives, "system|code " each; or the error's message. */
static void check_value_set(const char *bytes, const char *expected)
{
    struct err err = {0};
    char folder[FILE_PATH_BYTES], path[FILE_PATH_BYTES];
    struct cohort_list codes = {0};
    AUTO(arena_free) struct arena *arena = arena_new(0);
    AUTO(buf_done) struct buf found = BUF_INIT;
    assert_int_equal(file_make_staging("/tmp", "cohort", folder, &err), ERR_OK);
    assert_int_equal(file_path_join(folder, "set", path, &err), ERR_OK);
    assert_int_equal(file_write_new(path, str_of(bytes), &err), ERR_OK);
    if (cohort_value_set_read(arena, path, &codes, &err) != ERR_OK)
        buf_puts(&found, err.message);
    else
        for (size_t i = 0; i < codes.count; i++) {
            const struct cohort_code *code = &((const struct cohort_code *)codes.items)[i];
            buf_printf(&found, "%s|%s%s ", code->system != NULL ? code->system : "", code->code,
                       code->prefix ? "*" : "");
        }
    assert_string_equal(buf_text(&found), expected);
    assert_int_equal(file_remove_tree(folder, &err), ERR_OK);
}

static void value_sets_are_read_from_fhir_and_from_lists(void **state)
{
    (void)state;
    check_value_set("{\"resourceType\":\"ValueSet\",\"expansion\":{\"contains\":[{\"system\":"
                    "\"http://snomed.info/sct\",\"code\":\"1\",\"contains\":[{\"system\":\"http://"
                    "loinc.org\",\"code\":\"2-2\"}]},{\"code\":\"3\",\"abstract\":true}]}}",
                    "http://snomed.info/sct|1 http://loinc.org|2-2 ");
    check_value_set(
        "{\"resourceType\":\"ValueSet\",\"compose\":{\"include\":[{\"system\":\"s\","
        "\"concept\":[{\"code\":\"1\"},{\"code\":\"2\"}]}],\"exclude\":[{\"system\":\"s\","
        "\"concept\":[{\"code\":\"2\"}]}]}}",
        "s|1 ");
    check_value_set("{\"resourceType\":\"ValueSet\",\"compose\":{\"include\":[{\"system\":\"s\","
                    "\"filter\":[]}]}}",
                    "the value set includes more than listed concepts");
    check_value_set("{\"resourceType\":\"Patient\"}",
                    "the value set is JSON, but no FHIR ValueSet");
    check_value_set("# diabetes\nE11*\n\nsnomed|44054006\r\n",
                    "|E11* http://snomed.info/sct|44054006 ");
    check_value_set("display;code;system\n\"a; b\";E10;icd10\nx;\"0389\";icd9\n",
                    "http://hl7.org/fhir/sid/icd-10-cm|E10 http://hl7.org/fhir/sid/icd-9-cm|0389 ");
    check_value_set("code\n", "the value set holds no code");
}

int main(int argc, char **argv)
{
    golden_arguments(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(criteria_are_read_back_as_they_were_meant),
        cmocka_unit_test(core_terms_find_texts),
        cmocka_unit_test(nesting_beyond_the_limit_is_an_error),
        cmocka_unit_test(birth_days_bound_ages_exactly),
        cmocka_unit_test(numbers_are_ordered_as_numbers),
        cmocka_unit_test(value_sets_are_read_from_fhir_and_from_lists),
        cmocka_unit_test(units_are_one_under_their_spellings_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
