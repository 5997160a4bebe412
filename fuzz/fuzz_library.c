/* layer: fhir — SQL of a Library: its parameters found. What is accepted ends in no text or
 * comment, and holds a $1 for each parameter that is said to be used. */
#include <stdlib.h>
#include <string.h>

#include "fhir/library_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static const struct fhir_library_parameter parameters[] = {{.name = "a"}, {.name = "b_1"}};
    struct err err = {0};
    AUTO(buf_done) struct buf sql = BUF_INIT, again = BUF_INIT;
    bool used[2] = {false, false}, unused[2] = {false, false};
    struct str text = {(const char *)bytes, count};
    enum err_code code = fhir_library_sql_bind(text, parameters, 2, used, &sql, &err);
    if (code != ERR_OK && (code != ERR_INPUT || err.message[0] == '\0'))
        abort();
    if (code != ERR_OK)
        return 0;
    if ((used[0] && strstr(buf_text(&sql), "$1") == NULL) ||
        (used[1] && strstr(buf_text(&sql), "$2") == NULL))
        abort();
    if (!used[0] && !used[1]) { /* nothing to bind: it stays as it is, but for its end */
        if (fhir_library_sql_bind(buf_view(&sql), parameters, 2, unused, &again, &err) != ERR_OK ||
            !str_equal(buf_view(&sql), buf_view(&again)) || unused[0] || unused[1])
            abort();
    }
    return 0;
}
