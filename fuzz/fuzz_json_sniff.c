/* layer: ingest — telling the shape of JSON from any bytes, and reading its objects. */
#include <stdlib.h>

#include "ingest/parts_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct json_sniffed sniffed;
    json_sniff((struct str){(const char *)bytes, count}, false, &sniffed);
    json_sniff((struct str){(const char *)bytes, count}, true, &sniffed);
    struct json_view view = {0};
    struct buf text = BUF_INIT;
    const char *at = (const char *)bytes, *end = at + count;
    if (count > 0 && *at == '{' && json_read_object(at, end, &view)) {
        if (view.end > end || view.end[-1] != '}')
            abort();
        for (size_t i = 0; i < view.count; i++) {
            if (view.members[i].value.len == 0)
                abort();
            (void)json_unescape(view.members[i].name, &text);
        }
    }
    json_view_done(&view);
    buf_done(&text);
    return 0;
}
