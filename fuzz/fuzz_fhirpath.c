/* layer: fhir — FHIRPath read by the elements of a Patient, of an Observation, of nothing known; a
 * tree is printed, read again, and must print the same. */
#include <stdlib.h>
#include <string.h>

#include "fhir/fhir.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void check(const char *resource, struct str text)
{
    struct err err = {0};
    struct buf tree = BUF_INIT, again = BUF_INIT;
    enum err_code code = fhir_path_explain(resource, text, &tree, &err);
    if (code == ERR_OK) {
        struct str first = {tree.ptr, strcspn(tree.ptr, "\n")}, second;
        code = fhir_path_explain(resource, first, &again, &err);
        second = (struct str){buf_text(&again), strcspn(buf_text(&again), "\n")};
        if (code != ERR_LIMIT && (code != ERR_OK || !str_equal(first, second)))
            abort();
    } else if (code != ERR_INPUT && code != ERR_LIMIT) {
        abort();
    } else if (err.message[0] == '\0' || err.source[0] == '\0') {
        abort();
    }
    buf_done(&tree);
    buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct str text = {(const char *)bytes, count};
    check("Patient", text);
    check("Observation", text);
    check(NULL, text);
    return 0;
}
