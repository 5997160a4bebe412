/* What is a table of FHIR resources. */
#include "api/api_priv.h"

#include <string.h>

bool api_holds_resources(const struct data_schema *schema)
{
    static const struct {
        const char *name;
        enum data_kind kind;
    } columns[] = {{"id", DATA_TEXT},
                   {"patient_id", DATA_TEXT},
                   {"content_hash", DATA_BIGINT},
                   {"resource", DATA_JSON}};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        int at = data_schema_find(schema, str_of(columns[i].name));
        if (at < 0 || schema->columns[at].type.kind != columns[i].kind)
            return false;
    }
    return true;
}
