/* layer: store — hostile files in a store: store.json, CURRENT, a version's manifest, history,
 * dataset.json, an object's document. First byte: which file, and whether a JSON object is sealed
 * with its right checksum first, so that what lies behind is reached too. */
#include "fuzz/store_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* The document with its checksum put right; text as it is when it is no object. */
static void seal(struct str text, struct buf *out)
{
    struct err err = {0};
    JSON_AUTO json = NULL;
    AUTO(buf_done) struct buf canonical = BUF_INIT;
    char checksum[HASH_HEX_BYTES];
    bool ok = true;
    if (json_parse(text, "fuzz", &json, &err) != ERR_OK || !json_is_object(json)) {
        buf_add_str(out, text);
        return;
    }
    (void)json_object_del(json, "checksum");
    if (json_canonical(json, &canonical, &err) != ERR_OK)
        abort();
    hash_sha256_of(canonical.ptr, canonical.len, checksum);
    json_put_text(json, "checksum", checksum, &ok);
    if (!ok || json_pretty(json, out, &err) != ERR_OK)
        abort();
}

static void ask_version(struct store *store)
{
    struct err err = {0};
    json_t *json = NULL;
    struct store_version *version = NULL;
    if (store_version_open(store, "d", NULL, &version, &err) == ERR_OK) {
        for (size_t i = 0; i < store_version_table_count(version); i++)
            if (store_version_table(version, i)->name == NULL)
                abort();
        (void)store_version_table_find(version, "labs");
    } else if (err.message[0] == '\0') {
        abort();
    }
    store_version_close(version);
    if (store_version_list(store, "d", &json, &err) == ERR_OK)
        json_decref(json);
    if (store_dataset_read(store, "d", &json, &err) == ERR_OK)
        json_decref(json);
    if (store_run_list(store, "d", NULL, &json, &err) == ERR_OK)
        json_decref(json);
}

static void ask_history(struct store *store)
{
    struct err err = {0};
    json_t *json = NULL;
    if (store_history_read(store, "d", 5, &json, &err) == ERR_OK)
        json_decref(json);
    if (store_history_verify(store, "d", &json, &err) == ERR_OK)
        json_decref(json);
    JSON_AUTO entry = json_pack("{s:s}", "kind", "fuzz");
    if (entry != NULL && store_history_append(store, "d", entry, &err) != ERR_OK &&
        err.message[0] == '\0')
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct err err = {0};
    json_t *json = NULL;
    char manifest[160];
    kit_start();
    (void)snprintf(manifest, sizeof manifest, "store/datasets/d/versions/%s/manifest.json",
                   kit_version);
    const char *files[] = {"store/store.json",
                           "store/datasets/d/CURRENT",
                           manifest,
                           "store/datasets/d/history.jsonl",
                           "store/datasets/d/dataset.json",
                           "store/datasets/d/history.head"};
    if (count == 0)
        return 0;
    const char *file = files[bytes[0] % 6];
    char saved[FILE_PATH_BYTES + 256];
    AUTO(buf_done) struct buf before = BUF_INIT;
    AUTO(buf_done) struct buf text = BUF_INIT;
    (void)snprintf(saved, sizeof saved, "%s/%s", kit_directory, file);
    bool was = file_exists(saved);
    if (was && file_read(saved, 0, &before, &err) != ERR_OK)
        abort();
    if (bytes[0] >= 128)
        seal((struct str){(const char *)bytes + 1, count - 1}, &text);
    else
        buf_add(&text, (const char *)bytes + 1, count - 1);
    kit_write(file, buf_view(&text));
    struct store *store = kit_open(&err);
    if (store != NULL) {
        if (store_dataset_list(store, &json, &err) == ERR_OK)
            json_decref(json);
        ask_version(store);
        if (bytes[0] % 6 == 3 || bytes[0] % 6 == 5)
            ask_history(store);
    }
    store_close(store);
    if (was)
        kit_write(file, buf_view(&before));
    else if (unlink(saved) != 0)
        abort();
    return 0;
}
