/* layer: json — documents: parsed, written canonically, read back equal, and canonical text is its
 * own canonical text. */
#include <stdlib.h>

#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct err err = {0};
    JSON_AUTO json = NULL;
    JSON_AUTO again = NULL;
    JSON_AUTO pretty_again = NULL;
    AUTO(buf_done) struct buf first = BUF_INIT;
    AUTO(buf_done) struct buf second = BUF_INIT;
    AUTO(buf_done) struct buf pretty = BUF_INIT;
    if (json_parse((struct str){(const char *)bytes, count}, "fuzz", &json, &err) != ERR_OK) {
        if (json != NULL || err.message[0] == '\0')
            abort();
        return 0;
    }
    if (json_canonical(json, &first, &err) != ERR_OK || json_pretty(json, &pretty, &err) != ERR_OK)
        abort();
    if (json_parse(buf_view(&first), "again", &again, &err) != ERR_OK || !json_equal(json, again))
        abort();
    if (json_parse(buf_view(&pretty), "pretty", &pretty_again, &err) != ERR_OK ||
        !json_equal(json, pretty_again))
        abort();
    if (json_canonical(again, &second, &err) != ERR_OK ||
        !str_equal(buf_view(&first), buf_view(&second)))
        abort();
    return 0;
}
