/* layer: json — TOML: read, written as JSON, read back equal; or refused with a place inside the
 * text.
 */
#include <stdlib.h>

#include "json/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct err err = {0};
    JSON_AUTO json = NULL;
    JSON_AUTO again = NULL;
    AUTO(buf_done) struct buf text = BUF_INIT;
    if (json_parse_toml((struct str){(const char *)bytes, count}, "fuzz", &json, &err) != ERR_OK) {
        if (json != NULL || err.message[0] == '\0' || err.line < 1 || err.column < 1 ||
            err.line > (int64_t)count + 1)
            abort();
        return 0;
    }
    if (json_canonical(json, &text, &err) != ERR_OK ||
        json_parse(buf_view(&text), "again", &again, &err) != ERR_OK || !json_equal(json, again))
        abort();
    return 0;
}
