/* layer: cohort — criteria as text or JSON: what is read is printed, and read again it is the same,
 * in both forms. */
#include <stdlib.h>

#include "cohort/cohort.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static json_t *json_of(const struct cohort_criteria *criteria)
{
    json_t *json = NULL;
    if (cohort_criteria_to_json(criteria, &json, ERR_IGNORED) != ERR_OK)
        abort();
    return json;
}

static void use(const struct cohort_criteria *criteria)
{
    struct cohort_criteria *from_text = NULL, *from_json = NULL;
    struct buf reading = BUF_INIT, again = BUF_INIT;
    json_t *first = json_of(criteria);
    if (cohort_criteria_print(criteria, &reading, ERR_IGNORED) != ERR_OK)
        abort();
    if (reading.len <= COHORT_LIMIT_TEXT_BYTES) {
        if (cohort_criteria_read(buf_view(&reading), "reading", &from_text, ERR_IGNORED) != ERR_OK)
            abort();
        json_t *second = json_of(from_text);
        if (!json_equal(first, second))
            abort();
        json_decref(second);
    }
    if (cohort_criteria_from_json(first, "json", &from_json, ERR_IGNORED) != ERR_OK ||
        cohort_criteria_print(from_json, &again, ERR_IGNORED) != ERR_OK ||
        !str_equal(buf_view(&reading), buf_view(&again)))
        abort();
    cohort_criteria_free(from_text);
    cohort_criteria_free(from_json);
    buf_done(&reading);
    buf_done(&again);
    json_decref(first);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct err err = {0};
    struct cohort_criteria *criteria = NULL;
    if (cohort_criteria_read((struct str){(const char *)bytes, count}, "fuzz", &criteria, &err) ==
        ERR_OK)
        use(criteria);
    cohort_criteria_free(criteria);
    return 0;
}
