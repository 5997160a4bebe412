/* Sealed JSON documents and the hashes that are identities.
 *
 * The one idea: every document of the store carries "checksum", the sha256 of its own canonical
 * JSON without that member, so that an edited or damaged one is known from itself alone. A table's
 * hash and a version's id are sha256 over canonical JSON too:
 *
 *     table    {"columns":[{"label","name","null_markers","type","value_labels"} by lowered
 * name],"format":1,"row_hash":hex,"rows":n} version  {"format":1,"tables":[[name, table hash] by
 * name]} */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/store_priv.h"

static enum err_code hash_canonical(const json_t *json, char ret[HASH_HEX_BYTES], struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    TRY(json_canonical(json, &text, err));
    TRY(buf_check(&text, err));
    hash_sha256_of(text.ptr, text.len, ret);
    return ret[0] == '\0' ? err_set(err, ERR_FAILED, "a SHA-256 could not be computed") : ERR_OK;
}

static enum err_code checksum_of(const json_t *document, char ret[HASH_HEX_BYTES], struct err *err)
{
    bool ok = true;
    const char *key;
    json_t *value;
    JSON_AUTO copy = json_object();
    json_t *walked;
    memcpy(&walked, &document, sizeof walked); /* jansson iterates over non-const objects only */
    json_object_foreach(walked, key, value)
    {
        if (strcmp(key, "checksum") != 0)
            json_put(copy, key, json_incref(value), &ok);
    }
    TRY(json_built(ok && copy != NULL, err));
    return hash_canonical(copy, ret, err);
}

enum err_code store_document_seal(json_t *document, struct err *err)
{
    char checksum[HASH_HEX_BYTES];
    bool ok = true;
    TRY(checksum_of(document, checksum, err));
    json_put_text(document, "checksum", checksum, &ok);
    return json_built(ok, err);
}

enum err_code store_document_write(const char *path, json_t *document, bool replace,
                                   struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    TRY(store_document_seal(document, err));
    TRY(json_pretty(document, &text, err));
    TRY(buf_check(&text, err));
    return replace ? file_replace(path, buf_view(&text), err)
                   : file_write_new(path, buf_view(&text), err);
}

static enum err_code check_document(const json_t *document, const char *path, struct err *err)
{
    char checksum[HASH_HEX_BYTES];
    int64_t format = json_int(document, "format", 0);
    if (!json_is_object(document) || format < 1) {
        (void)err_set(err, ERR_INTEGRITY, "%s is damaged: no format number", file_base_name(path));
        return err_at(err, path, 0, 0);
    }
    if (format > STORE_FORMAT_VERSION) {
        (void)err_set(err, ERR_UNSUPPORTED, "%s has format %lld, this Marrow reads up to %d",
                      file_base_name(path), (long long)format, STORE_FORMAT_VERSION);
        (void)err_at(err, path, 0, 0);
        return err_hint(err, "it was made by a newer Marrow: update this one");
    }
    TRY(checksum_of(document, checksum, err));
    if (strcmp(checksum, json_text(document, "checksum", "")) != 0) {
        (void)err_set(err, ERR_INTEGRITY, "%s is damaged: its checksum does not agree",
                      file_base_name(path));
        return err_at(err, path, 0, 0);
    }
    return ERR_OK;
}

enum err_code store_document_read(const char *path, json_t **ret, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    JSON_AUTO document = NULL;
    *ret = NULL;
    TRY(file_read(path, 0, &text, err));
    enum err_code code = json_parse(buf_view(&text), path, &document, err);
    if (code == ERR_INPUT || code == ERR_LIMIT) {
        (void)err_set(err, ERR_INTEGRITY, "%s is damaged: not valid JSON", file_base_name(path));
        (void)err_at(err, path, 0, 0);
        return ERR_INTEGRITY;
    }
    TRY(code);
    TRY(check_document(document, path, err));
    *ret = json_incref(document);
    return ERR_OK;
}

/* ---- table hash --------------------------------------------------------------------------------
 */

static int compare_lowered(const char *a, const char *b)
{
    for (;; a++, b++) {
        unsigned char x = (unsigned char)*a, y = (unsigned char)*b;
        x = x >= 'A' && x <= 'Z' ? (unsigned char)(x + 32) : x;
        y = y >= 'A' && y <= 'Z' ? (unsigned char)(y + 32) : y;
        if (x != y || x == '\0')
            return x < y ? -1 : x > y ? 1 : 0;
    }
}

static int compare_columns(const void *a, const void *b)
{
    const json_t *const *left = a;
    const json_t *const *right = b;
    return compare_lowered(json_text(*left, "name", ""), json_text(*right, "name", ""));
}

/* Order of texts, and of [value, label] pairs by value. */
static int compare_items(const void *a, const void *b)
{
    const json_t *const *left = a;
    const json_t *const *right = b;
    const json_t *x = json_is_array(*left) ? json_array_get(*left, 0) : *left;
    const json_t *y = json_is_array(*right) ? json_array_get(*right, 0) : *right;
    const char *x_text = json_string_value(x), *y_text = json_string_value(y);
    return strcmp(x_text == NULL ? "" : x_text, y_text == NULL ? "" : y_text);
}

/* A sorted copy of an array (its items shared). NULL when memory is out. */
static json_t *sorted_copy(const json_t *array, int (*compare)(const void *, const void *))
{
    size_t count = json_array_size(array);
    bool ok = true;
    JSON_AUTO copy = json_array();
    AUTO(mem_free) json_t **items = mem_zalloc(count + 1, sizeof *items);
    if (items == NULL || copy == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        items[i] = json_array_get(array, i);
    qsort(items, count, sizeof *items, compare);
    for (size_t i = 0; i < count; i++)
        json_push(copy, json_incref(items[i]), &ok);
    return ok ? json_incref(copy) : NULL;
}

static json_t *canonical_column(const json_t *column)
{
    bool ok = true;
    JSON_AUTO ret = json_object();
    json_put_text(ret, "name", json_text(column, "name", ""), &ok);
    json_put_text(ret, "type", json_text(column, "type", ""), &ok);
    json_put_text(ret, "label", json_text(column, "label", ""), &ok);
    json_put(ret, "null_markers",
             sorted_copy(json_object_get(column, "null_markers"), compare_items), &ok);
    json_put(ret, "value_labels",
             sorted_copy(json_object_get(column, "value_labels"), compare_items), &ok);
    return ok ? json_incref(ret) : NULL;
}

enum err_code store_table_hash(const json_t *object, char ret[HASH_HEX_BYTES], struct err *err)
{
    bool ok = true;
    size_t idx;
    json_t *column;
    JSON_AUTO sorted = sorted_copy(json_object_get(object, "columns"), compare_columns);
    JSON_AUTO columns = json_array();
    JSON_AUTO content = json_object();
    TRY(json_built(sorted != NULL && columns != NULL && content != NULL, err));
    json_array_foreach(sorted, idx, column)
    {
        json_push(columns, canonical_column(column), &ok);
    }
    json_put_int(content, "format", STORE_FORMAT_VERSION, &ok);
    json_put(content, "columns", json_incref(columns), &ok);
    json_put_int(content, "rows", json_int(object, "rows", -1), &ok);
    json_put_text(content, "row_hash", json_text(object, "row_hash", ""), &ok);
    if (json_int(object, "rejected_rows", 0) > 0) { /* quarantined rows are content too */
        json_put_int(content, "rejected_rows", json_int(object, "rejected_rows", 0), &ok);
        json_put_text(content, "rejected_hash", json_text(object, "rejected_hash", ""), &ok);
    }
    TRY(json_built(ok, err));
    return hash_canonical(content, ret, err);
}

static int compare_pairs(const void *a, const void *b)
{
    const json_t *const *left = a;
    const json_t *const *right = b;
    return strcmp(json_text(*left, "name", ""), json_text(*right, "name", ""));
}

enum err_code store_version_hash(const json_t *tables, char ret[HASH_HEX_BYTES], struct err *err)
{
    bool ok = true;
    size_t idx;
    json_t *table;
    JSON_AUTO sorted = sorted_copy(tables, compare_pairs);
    JSON_AUTO pairs = json_array();
    JSON_AUTO content = json_object();
    TRY(json_built(sorted != NULL && pairs != NULL && content != NULL, err));
    json_array_foreach(sorted, idx, table)
    {
        json_t *pair = json_array();
        json_push_text(pair, json_text(table, "name", ""), &ok);
        json_push_text(pair, json_text(table, "object", ""), &ok);
        json_push(pairs, pair, &ok);
    }
    json_put_int(content, "format", STORE_FORMAT_VERSION, &ok);
    json_put(content, "tables", json_incref(pairs), &ok);
    TRY(json_built(ok, err));
    return hash_canonical(content, ret, err);
}

/* ---- documents of the store --------------------------------------------------------------------
 */

enum err_code store_file_facts(const char *directory, const char *name, json_t **ret,
                               struct err *err)
{
    char path[FILE_PATH_BYTES], sha256[HASH_HEX_BYTES];
    struct file_info info;
    int64_t bytes = 0;
    bool ok = true;
    *ret = NULL;
    TRY(file_path_join(directory, name, path, err));
    (void)chmod(path,
                0600); /* the engine makes its files with the umask's mode; contents are clinical */
    TRY(file_sha256(path, sha256, &bytes, err));
    TRY(file_stat(path, &info, err));
    JSON_AUTO facts = json_object();
    json_put_text(facts, "name", name, &ok);
    json_put_int(facts, "bytes", bytes, &ok);
    json_put_text(facts, "sha256", sha256, &ok);
    json_put_int(facts, "modified_us", info.modified_us, &ok);
    TRY(json_built(ok, err));
    *ret = json_incref(facts);
    return ERR_OK;
}

enum err_code store_manifest_read(const struct store *store, const char *dataset,
                                  const char *version, json_t **ret, struct err *err)
{
    char path[FILE_PATH_BYTES], id[HASH_HEX_BYTES];
    JSON_AUTO manifest = NULL;
    *ret = NULL;
    TRY(store_dataset_path(store, dataset, path, err, "versions/%s/manifest.json", version));
    TRY(store_document_read(path, &manifest, err));
    TRY(store_version_hash(json_object_get(manifest, "tables"), id, err));
    if (strcmp(id, version) != 0) {
        (void)err_set(err, ERR_INTEGRITY,
                      "the manifest of version %.12s does not describe that version", version);
        return err_at(err, path, 0, 0);
    }
    *ret = json_incref(manifest);
    return ERR_OK;
}

enum err_code store_object_read(const struct store *store, const char *dataset, const char *hash,
                                json_t **ret, struct err *err)
{
    char path[FILE_PATH_BYTES], id[HASH_HEX_BYTES];
    JSON_AUTO object = NULL;
    *ret = NULL;
    TRY(store_dataset_path(store, dataset, path, err, "objects/%s/object.json", hash));
    enum err_code code = store_document_read(path, &object, err);
    if (code == ERR_NOT_FOUND) {
        (void)err_set(err, ERR_INTEGRITY, "object.json is missing");
        code = err_at(err, path, 0, 0);
    }
    if (code == ERR_INTEGRITY)
        (void)err_hint(err, "marrow repair %s", dataset);
    TRY(code);
    TRY(store_table_hash(object, id, err));
    if (strcmp(id, hash) != 0) {
        (void)err_set(err, ERR_INTEGRITY, "object.json does not describe the object it lies in");
        (void)err_at(err, path, 0, 0);
        return err_hint(err, "marrow repair %s", dataset);
    }
    *ret = json_incref(object);
    return ERR_OK;
}
