/* layer: live — bytes as a log of changes: records are found whole, torn or damaged, never read
 * past their end; what is whole is written again to the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "live/live_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct err err = {0};
    struct str rest = {(const char *)bytes, count};
    AUTO(live_fold_free) struct live_fold *fold = live_fold_new();
    for (;;) {
        struct live_change change;
        size_t length = 0;
        AUTO(buf_done) struct buf again = BUF_INIT;
        bool won = false;
        if (live_record_read(rest, &change, &length) != LIVE_RECORD_WHOLE)
            break;
        if (length > rest.len || length < LIVE_HEAD_BYTES)
            abort();
        if (live_record_write(&change, &again, &err) == ERR_OK &&
            (again.len != length || memcmp(again.ptr, rest.ptr, length) != 0))
            abort();
        if (fold != NULL && live_fold_add(fold, &change, &won, &err) == ERR_OK && won &&
            live_fold_add(fold, &change, &won, &err) == ERR_OK && won)
            abort(); /* the same change does not win twice */
        rest = (struct str){rest.ptr + length, rest.len - length};
    }
    return 0;
}
