/* layer: store — object.json's `place` in any shape: what is read is written again as the same, and is
 * SQL that holds each path as a quoted literal; what is not is an error with a hint. */
#include <stdlib.h>
#include <string.h>

#include "store/place_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct err err = {0};
    JSON_AUTO json = NULL;
    JSON_AUTO once = NULL;
    JSON_AUTO twice = NULL;
    AUTO(buf_done) struct buf sql = BUF_INIT;
    AUTO(arena_free) struct arena *arena = arena_new(64 << 20);
    struct store_place place = {0}, again = {0};
    struct store_column_plan *plans = NULL;
    size_t plan_count = 0;
    if (arena == NULL ||
        json_parse((struct str){(const char *)bytes, count}, "fuzz", &json, &err) != ERR_OK)
        return 0;
    if (store_place_read(json, arena, &place, &plans, &plan_count, &err) != ERR_OK) {
        if (err.message[0] == '\0')
            abort();
        store_place_done(&place);
        return 0;
    }
    if (store_place_select(&place, plans, plan_count, &sql, &err) != ERR_OK &&
        err.message[0] == '\0')
        abort();
    if (store_place_write(&place, plans, plan_count, &once, &err) != ERR_OK ||
        store_place_read(once, arena, &again, &plans, &plan_count, &err) != ERR_OK ||
        store_place_write(&again, plans, plan_count, &twice, &err) != ERR_OK ||
        !json_equal(once, twice))
        abort();
    store_place_done(&place);
    store_place_done(&again);
    return 0;
}
