/* layer: ingest — the guess of encodings must not depend on block sizes, and decoding a head must
 * not fail on any bytes. */
#include <stdlib.h>
#include <string.h>

#include "ingest/parts_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void guess(struct str text, size_t block, struct encoding_guess *ret)
{
    struct encoding_stats stats = {0};
    for (size_t i = 0; i < text.len; i += block)
        encoding_scan(&stats, text.ptr + i, text.len - i < block ? text.len - i : block);
    encoding_scan_end(&stats);
    encoding_guess(&stats, text, ret);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct str text = {(const char *)bytes, count};
    struct encoding_guess whole, parts;
    guess(text, count + 1, &whole);
    guess(text, 3, &parts);
    if (strcmp(whole.name, parts.name) != 0 || whole.invalid != parts.invalid)
        abort();
    if (!whole.invalid && strcmp(whole.name, "UTF-8") == 0 && whole.bom_bytes <= count &&
        str_utf8_valid_prefix((struct str){text.ptr + whole.bom_bytes, count - whole.bom_bytes}) !=
            count - whole.bom_bytes)
        abort();
    struct buf out = BUF_INIT;
    struct err err = {0};
    (void)encoding_is_binary(text);
    if (encoding_head_text(text, &out, &err) != ERR_OK)
        abort();
    buf_done(&out);
    return 0;
}
