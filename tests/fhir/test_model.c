/* FHIR R4's elements: look-ups, inheritance, choices, nearest names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fhir/model_priv.h"

static void test_elements(void **state)
{
    static const struct {
        const char *structure, *name, *types;
        bool many, required, choice;
    } ELEMENTS[] = {
        {"Patient", "birthDate", "date", false, false, false},
        {"Patient", "name", "HumanName", true, false, false},
        {"Patient", "deceased", "boolean|dateTime", false, false, true},
        {"Patient", "contact", "Patient.contact", true, false, false},
        {"Patient", "id", "id", false, false, false},
        {"Patient", "meta", "Meta", false, false, false},
        {"Patient", "extension", "Extension", true, false, false},
        {"Patient", "contained", "Resource", true, false, false},
        {"Patient", "resourceType", "code", false, true, false},
        {"Patient.contact", "id", "string", false, false, false},
        {"Patient.contact", "modifierExtension", "Extension", true, false, false},
        {"Observation", "status", "code", false, true, false},
        {"Observation.component", "referenceRange", "Observation.referenceRange", true, false,
         false},
        {"Questionnaire.item", "item", "Questionnaire.item", true, false, false},
        {"Timing.repeat", "bounds", "Duration|Range|Period", false, false, true},
        {"Age", "value", "decimal", false, false, false},
        {"Bundle.entry", "resource", "Resource", false, false, false},
        {"ZZ", "value", NULL, false, false, false},
        {"Patient", "valu", NULL, false, false, false},
        {"Patient", "deceasedBoolean", NULL, false, false, false},
        {"Patient.contact", "resourceType", NULL, false, false, false},
        {"HumanName", "resourceType", NULL, false, false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof ELEMENTS / sizeof ELEMENTS[0]; i++) {
        struct fhir_element found;
        bool there = fhir_model_find(ELEMENTS[i].structure, str_of(ELEMENTS[i].name), &found);
        if (there != (ELEMENTS[i].types != NULL))
            print_error("%s.%s\n", ELEMENTS[i].structure, ELEMENTS[i].name);
        assert_int_equal(there, ELEMENTS[i].types != NULL);
        if (!there)
            continue;
        assert_true(str_equal(found.types, str_of(ELEMENTS[i].types)));
        assert_int_equal(found.many, ELEMENTS[i].many);
        assert_int_equal(found.required, ELEMENTS[i].required);
        assert_int_equal(found.choice, ELEMENTS[i].choice);
    }
}

static void test_structures(void **state)
{
    (void)state;
    assert_string_equal(fhir_model_structure(STR("Patient.contact")), "Patient.contact");
    assert_null(fhir_model_structure(STR("Resource")));
    assert_null(fhir_model_structure(STR("BackboneElement")));
    assert_null(fhir_model_structure(STR("string")));
    assert_null(fhir_model_structure(STR("")));
    assert_true(fhir_model_is_resource(STR("Account")));
    assert_true(fhir_model_is_resource(STR("VisionPrescription")));
    assert_false(fhir_model_is_resource(STR("HumanName")));
    assert_false(fhir_model_is_resource(STR("Patient.contact")));
    assert_false(fhir_model_is_resource(STR("")));
    assert_true(fhir_model_is_a(STR("code"), STR("string")));
    assert_false(fhir_model_is_a(STR("string"), STR("code")));
    assert_true(fhir_model_is_a(STR("Age"), STR("Quantity")));
    assert_true(fhir_model_is_a(STR("Patient"), STR("Patient")));
    assert_false(fhir_model_is_a(STR("Patient"), STR("Observation")));
}

static void test_choices(void **state)
{
    static const struct {
        const char *element, *member, *type;
    } CHOICES[] = {
        {"value", "valueQuantity", "Quantity"},
        {"value", "valueBoolean", "boolean"},
        {"value", "valueDateTime", "dateTime"},
        {"value", "valueBase64Binary", "base64Binary"},
        {"value", "valueInteger64", "integer64"},
        {"value", "valueCodeableReference", "CodeableReference"},
        {"value", "valueSet", NULL},
        {"value", "value", NULL},
        {"value", "valued", NULL},
        {"value", "valuePatient", NULL},
        {"value", "val", NULL},
        {"value", "valueFromAVeryLongNameThatIsNoTypeOfAnyKind", NULL},
        {"onset", "onsetAge", "Age"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CHOICES / sizeof CHOICES[0]; i++) {
        const char *type =
            fhir_model_choice_type(str_of(CHOICES[i].element), str_of(CHOICES[i].member));
        if (CHOICES[i].type == NULL)
            assert_null(type);
        else
            assert_string_equal(type, CHOICES[i].type);
    }
    assert_true(fhir_model_is_choice(STR("value")));
    assert_true(fhir_model_is_choice(STR("abatement")));
    assert_false(fhir_model_is_choice(STR("valueSet")));
    assert_false(fhir_model_is_choice(STR("")));
    assert_true(fhir_model_has_type(STR("boolean|dateTime"), STR("dateTime")));
    assert_false(fhir_model_has_type(STR("boolean|dateTime"), STR("date")));
}

static void test_nearest(void **state)
{
    char near[64];
    (void)state;
    assert_string_equal(fhir_model_nearest("Patient", STR("brithDate"), near), "birthDate");
    assert_string_equal(fhir_model_nearest("Patient.contact", STR("extention"), near), "extension");
    assert_null(fhir_model_nearest("Patient", STR("zzzzz"), near));
    assert_null(fhir_model_nearest("Nothing", STR("name"), near));
    assert_string_equal(fhir_model_nearest_structure(STR("Observatoin")), "Observation");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elements),
        cmocka_unit_test(test_structures),
        cmocka_unit_test(test_choices),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
