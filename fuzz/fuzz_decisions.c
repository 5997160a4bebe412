/* layer: mart — what people write: dataset.json (decisions laid over a profile) and a mart's
 * policy. First byte: 0 dataset.json, 1 patient policy, 2 admission policy, 3 event policy. */
#include "fuzz/store_kit.h"
#include "mart/mart.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static struct store *store;
static struct store_version *version;

static void finish(void)
{
    store_version_close(version);
    store_close(store);
}

static void start(void)
{
    struct err err = {0};
    if (store != NULL)
        return;
    kit_start();
    store = kit_open(&err);
    kit_must(store == NULL ? err.code : store_version_open(store, "d", NULL, &version, &err), &err);
    if (atexit(finish) != 0)
        abort();
}

static void decisions(struct str text)
{
    struct err err = {0};
    json_t *json = NULL;
    struct profile *profile = NULL;
    kit_write("store/datasets/d/dataset.json", text);
    if (profile_open(store, version, &profile, &err) == ERR_OK) {
        struct mart_spec spec = {.grain = MART_PATIENT};
        struct mart_plan *plan = NULL;
        if (profile_relations_json(profile, &json, &err) == ERR_OK)
            json_decref(json);
        if (mart_plan_make(profile, &spec, &plan, &err) == ERR_OK && mart_plan_root(plan) == NULL)
            abort();
        mart_plan_free(plan);
    } else if (err.message[0] == '\0') {
        abort();
    }
    profile_free(profile);
    char path[FILE_PATH_BYTES + 256];
    (void)snprintf(path, sizeof path, "%s/store/datasets/d/dataset.json", kit_directory);
    (void)unlink(path);
}

static void policy(enum mart_grain grain, struct str text)
{
    struct err err = {0};
    JSON_AUTO json = NULL;
    AUTO(profile_free) struct profile *profile = NULL;
    struct mart_plan *plan = NULL;
    if (json_parse(text, "policy", &json, &err) != ERR_OK)
        return;
    kit_must(profile_open(store, version, &profile, &err), &err);
    struct mart_spec spec = {.grain = grain, .policy = json};
    if (mart_plan_make(profile, &spec, &plan, &err) == ERR_OK) {
        AUTO(buf_done) struct buf sql = BUF_INIT;
        if (mart_plan_sql(plan, &sql, &err) == ERR_OK && sql.len == 0)
            abort();
    }
    mart_plan_free(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    if (count == 0)
        return 0;
    start();
    struct str text = {(const char *)bytes + 1, count - 1};
    if (bytes[0] % 4 == 0)
        decisions(text);
    else
        policy((enum mart_grain)(bytes[0] % 4 - 1), text);
    return 0;
}
