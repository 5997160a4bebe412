/* layer: dialect — plans as JSON: read, signed, written again (the same), printed, compiled to
 * every dialect. */
#include <stdlib.h>

#include "dialect/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void use(const struct plan_rel *root)
{
    struct err err = {0};
    char signature[65], again[65];
    json_t *json = NULL;
    const struct plan_rel *copy = NULL;
    struct buf text = BUF_INIT;
    AUTO(plan_free) struct plan *plan = plan_new();
    if (plan_signature(root, signature, &err) != ERR_OK ||
        plan_to_json(root, &json, &err) != ERR_OK)
        abort();
    if (plan_from_json(plan, json, "again", &copy, &err) != ERR_OK ||
        plan_signature(copy, again, &err) != ERR_OK)
        abort();
    if (!str_equal(str_of(signature), str_of(again)) || plan_print(root, &text, &err) != ERR_OK)
        abort();
    for (size_t i = 0; i < dialect_count(); i++) {
        const char **params = NULL;
        size_t param_count = 0;
        buf_clear(&text);
        enum err_code code =
            dialect_sql(dialect_at(i), root, NULL, &text, &params, &param_count, &err);
        if (code != ERR_OK && code != ERR_LIMIT && code != ERR_UNSUPPORTED)
            abort();
        mem_free(params);
    }
    buf_done(&text);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct err err = {0};
    json_t *json = NULL;
    const struct plan_rel *root = NULL;
    AUTO(plan_free) struct plan *plan = plan_new();
    if (plan != NULL &&
        json_parse((struct str){(const char *)bytes, count}, "fuzz", &json, &err) == ERR_OK &&
        plan_from_json(plan, json, "fuzz", &root, &err) == ERR_OK)
        use(root);
    json_decref(json);
    return 0;
}
