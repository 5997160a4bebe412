/* layer: ingest — telling the shape of JSON from any bytes. */
#include "ingest/parts_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct json_sniffed sniffed;
    json_sniff((struct str){(const char *)bytes, count}, false, &sniffed);
    json_sniff((struct str){(const char *)bytes, count}, true, &sniffed);
    return 0;
}
