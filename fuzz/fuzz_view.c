/* layer: fhir — ViewDefinitions: read; what is accepted has columns with names and types, and a
 * schema of as many. */
#include <stdlib.h>

#include "fhir/fhir.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void use(const struct fhir_view *view)
{
    struct err err = {0};
    struct data_schema schema;
    size_t count = fhir_view_column_count(view);
    if (count == 0 || count > FHIR_LIMIT_COLUMNS || fhir_view_resource(view)[0] == '\0')
        abort();
    if (fhir_view_schema(view, &schema, &err) != ERR_OK || schema.count != count)
        abort();
    for (size_t i = 0; i < count; i++)
        if (data_schema_find(&schema, str_of(fhir_view_column(view, i)->name)) != (int)i)
            abort();
    data_schema_done(&schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct err err = {0};
    JSON_AUTO definition = NULL;
    AUTO(fhir_view_free) struct fhir_view *view = NULL;
    struct str text = {(const char *)bytes, count};
    if (json_parse(text, "fuzz", &definition, &err) != ERR_OK)
        return 0;
    enum err_code code = fhir_view_read(definition, "fuzz", &view, &err);
    if (code == ERR_OK)
        use(view);
    else if ((code != ERR_INPUT && code != ERR_LIMIT) || err.message[0] == '\0')
        abort();
    return 0;
}
