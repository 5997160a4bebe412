/* layer: ingest. FHIR in, below the command line: instants, references, where a type names its
 * patient, and rows in the order of files whatever their packing. */
#include "reader_kit.h"

#include "ingest/fhir_priv.h"

static void assert_instant(const char *text, bool good, int64_t expected)
{
    int64_t found = 0;
    assert_int_equal(fhir_in_instant(str_of(text), &found), good);
    if (good)
        assert_int_equal(found, expected);
}

static void instants_count_in_utc(void **state)
{
    (void)state;
    assert_instant("1970-01-01T00:00:00Z", true, 0);
    assert_instant("1970-01-01T00:00:00.000001Z", true, 1);
    assert_instant("1970-01-01T00:00:00.1234567Z", true, 123456);
    assert_instant("1970-01-01T02:00:00+02:00", true, 0);
    assert_instant("1969-12-31T19:00:00-05:00", true, 0);
    assert_instant("2024-02-29T12:00Z", true, INT64_C(1709208000000000));
    assert_instant("2016-12-31T23:59:60Z", true, INT64_C(1483228800000000));
    const char *const bad[] = {"",
                               "2024",
                               "2024-02-30T00:00:00Z",
                               "2024-02-01",
                               "2024-02-01T00:00:00",
                               "2024-02-01T24:00:00Z",
                               "2024-02-01T00:00:00.Z",
                               "2024-02-01T00:00:00+15:00",
                               "2024-02-01T00:00:00Zx",
                               "2024-02-01 00:00:00Z"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_instant(bad[i], false, 0);
}

static void assert_reference(const char *text, const char *type, const char *id)
{
    struct str found_type, found_id;
    bool good = ingest_reference_parts(str_of(text), &found_type, &found_id);
    assert_int_equal(good, type != NULL);
    if (!good)
        return;
    assert_true(str_equal(found_type, str_of(type)));
    assert_true(str_equal(found_id, str_of(id)));
}

static void references_come_apart(void **state)
{
    (void)state;
    assert_reference("Patient/1", "Patient", "1");
    assert_reference("https://host:1/a/b/Patient/1-a.B", "Patient", "1-a.B");
    assert_reference("Patient/1/_history/22", "Patient", "1");
    assert_reference("http://h/Observation/x/_history/1#part", "Observation", "x");
    assert_reference("Patient/", NULL, NULL);
    assert_reference("/1", NULL, NULL);
    assert_reference("patient/1", NULL, NULL);
    assert_reference("1", NULL, NULL);
    assert_reference("#x", NULL, NULL);
    assert_reference("Patient?identifier=a|1", NULL, NULL);
    assert_reference("", NULL, NULL);
}

/* expected NULL: nothing in it leads to what the Bundle names otherwise. */
static void resolves(const struct fhir_in_reader *reader, const char *text, const char *expected)
{
    AUTO(buf_done) struct buf found = BUF_INIT;
    struct err err = {0};
    int64_t count = 0;
    assert_int_equal(fhir_in_resolve(reader, str_of(text), &found, &count, &err), ERR_OK);
    assert_int_equal(count > 0, expected != NULL);
    if (expected != NULL)
        assert_string_equal(buf_text(&found), expected);
}

static void assert_patient(struct fhir_in_reader *reader, const char *text, const char *expected)
{
    struct err err = {0};
    struct fhir_in_facts facts;
    assert_int_equal(fhir_in_read(reader, str_of(text), false, &facts, &err), ERR_OK);
    assert_null(facts.reason);
    if (expected == NULL)
        assert_null(facts.patient.ptr);
    else
        assert_true(str_equal(facts.patient, str_of(expected)));
}

static void a_type_names_its_patient(void **state)
{
    (void)state;
    struct err err = {0};
    struct fhir_in_reader *reader = NULL;
    assert_int_equal(fhir_in_reader_new(&reader, &err), ERR_OK);
    assert_patient(reader, "{\"resourceType\":\"Patient\",\"id\":\"p\"}", "p");
    assert_patient(reader,
                   "{\"id\":\"1\",\"subject\":{\"reference\":\"Patient/7\"},"
                   "\"resourceType\":\"Condition\"}",
                   "7");
    /* the table's order of elements, not the document's */
    assert_patient(reader,
                   "{\"resourceType\":\"Claim\",\"id\":\"1\",\"subject\":{\"reference\":\"Patient/"
                   "2\"},\"patient\":{\"reference\":\"Patient/1\"}}",
                   "1");
    /* of another role: a payor's, a performer's */
    assert_patient(reader,
                   "{\"resourceType\":\"Observation\",\"id\":\"1\",\"performer\":[{\"reference\":"
                   "\"Patient/1\"}]}",
                   NULL);
    assert_patient(
        reader,
        "{\"resourceType\":\"Account\",\"id\":\"1\",\"subject\":[{\"reference\":\"Device/"
        "1\"},{\"reference\":\"Patient/2\"}]}",
        "2");
    /* within a Bundle, and no longer behind it */
    const char *text = "{\"resourceType\":\"Condition\",\"id\":\"1\",\"subject\":{\"reference\":"
                       "\"urn:uuid:u\"}}";
    assert_int_equal(fhir_in_reader_entry(reader, STR("urn:uuid:u"), STR("Patient"), STR("real"), true, &err), ERR_OK);
    assert_patient(reader, text, "real");
    resolves(reader, text, "{\"resourceType\":\"Condition\",\"id\":\"1\",\"subject\":{\"reference\":\"Patient/real\"}}");
    resolves(reader, "{\"reference\" : \n\"urn:uuid:u\",\"x\":{\"reference\":\"urn:uuid:u\"},\"note\":\"\\\"reference\\\":\\\"urn:uuid:u\\\"\"}",
             "{\"reference\" : \n\"Patient/real\",\"x\":{\"reference\":\"Patient/real\"},\"note\":\"\\\"reference\\\":\\\"urn:uuid:u\\\"\"}");
    resolves(reader, "{\"reference\":\"urn:uuid:other\",\"fullUrl\":\"urn:uuid:u\"}", NULL);
    resolves(reader, "{\"reference\":\"urn:uuid:u", NULL);
    fhir_in_reader_forget(reader);
    assert_patient(reader, text, NULL);
    fhir_in_reader_free(reader);
}

static void reasons_name_no_content(void **state)
{
    (void)state;
    struct err err = {0};
    struct fhir_in_reader *reader = NULL;
    const char *const texts[] = {"{\"resourceType\":\"Patient\",\"id\":\"SECRET\"",
                                 "{\"resourceType\":\"SECRET thing\",\"id\":\"1\"}",
                                 "[\"SECRET\"]",
                                 "\"SECRET\"",
                                 "{\"resourceType\":\"Patient\",\"SECRET\":\"\xff\"}",
                                 "{\"resourceType\":\"Patient\",\"SECRET\":1}",
                                 "{\"SECRET\":1}"};
    assert_int_equal(fhir_in_reader_new(&reader, &err), ERR_OK);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct fhir_in_facts facts;
        assert_int_equal(fhir_in_read(reader, str_of(texts[i]), false, &facts, &err), ERR_OK);
        assert_non_null(facts.reason);
        assert_null(strstr(facts.reason, "SECRET"));
    }
    fhir_in_reader_free(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instants_count_in_utc),
        cmocka_unit_test(references_come_apart),
        cmocka_unit_test(a_type_names_its_patient),
        cmocka_unit_test(reasons_name_no_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
