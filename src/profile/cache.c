/* A computed profile as JSON, kept as a run of kind "profile" so that the next open reads one small
 * file and no data. Run id = sha256("marrow-profile" NUL format NUL part NUL version NUL); parts:
 * "profile", "statistics". A store that can't be written, or a cached document of another shape,
 * only costs the time to compute again. */
#include "base/clock.h"
#include "profile/profile_priv.h"

#include <string.h>

static enum err_code run_id_of(const struct store_version *version, const char *part,
                               char ret[HASH_HEX_BYTES], struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf text = BUF_INIT;
    const char *fields[] = {"marrow-profile", NULL, part, store_version_id(version)};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (fields[i] != NULL)
            buf_puts(&text, fields[i]);
        else
            buf_printf(&text, "%d", PROFILE_FORMAT_VERSION);
        buf_putc(&text, '\0');
    }
    TRY(buf_check(&text, err));
    hash_sha256_of(text.ptr, text.len, ret);
    return ERR_OK;
}

enum err_code profile_cache_read(struct store *store, struct store_version *version,
                                 const char *part, json_t **ret, struct err *err)
{
    char run_id[HASH_HEX_BYTES];
    TRY(run_id_of(version, part, run_id, err));
    JSON_AUTO manifest = NULL;
    *ret = NULL;
    enum err_code code =
        store_run_read(store, store_version_dataset(version), run_id, &manifest, err);
    if (code == ERR_NOT_FOUND || code == ERR_INTEGRITY)
        return ERR_OK; /* computed again */
    if (code != ERR_OK)
        return code;
    json_t *content = json_object_get(manifest, "content");
    if (json_is_object(content))
        *ret = json_incref(content);
    return ERR_OK;
}

enum err_code profile_cache_write(struct store *store, struct store_version *version,
                                  const char *part, json_t *content, struct err *err)
{
    TRY(store_version_still(version, err)); /* what was computed is of files that did not change meanwhile */
    if (!store_is_writable(store))
        return ERR_OK;
    char run_id[HASH_HEX_BYTES], staged[FILE_PATH_BYTES], now[32];
    TRY(run_id_of(version, part, run_id, err));
    JSON_AUTO manifest =
        json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:O}", "kind", "profile", "name", part,
                  "profile_format", PROFILE_FORMAT_VERSION, "version", store_version_id(version),
                  "dataset", store_version_dataset(version), "materialised_at",
                  clock_format(clock_now_us(), now), "content", content);
    if (manifest == NULL)
        return err_set(err, ERR_MEMORY, "out of memory for the profile's manifest");
    bool existed = false;
    TRY(store_run_stage(store, staged, err));
    return store_run_publish(store, store_version_dataset(version), run_id, staged, manifest,
                             &existed, err);
}

static bool put(json_t *object, const char *key, json_t *value_taken)
{
    return json_object_set_new(object, key, value_taken) == 0;
}

static json_t *indices_json(const size_t *columns, size_t count)
{
    json_t *indices = json_array();
    for (size_t k = 0; indices != NULL && k < count; k++)
        if (json_array_append_new(indices, json_integer((json_int_t)columns[k])) != 0) {
            json_decref(indices);
            return NULL;
        }
    return indices;
}

static json_t *table_json(const struct profile_table *table)
{
    json_t *columns = json_array();
    for (size_t c = 0; columns != NULL && c < table->table->schema.count; c++) {
        const struct profile_column *column = &table->columns[c];
        if (json_array_append_new(
                columns, json_pack("{s:s, s:i, s:s, s:I, s:I, s:b}", "name", column->name, "role",
                                   (int)column->role, "role_reason", column->role_reason, "nulls",
                                   (json_int_t)column->nulls, "distinct",
                                   (json_int_t)column->distinct, "unique", column->unique)) != 0) {
            json_decref(columns);
            return NULL;
        }
    }
    return json_pack("{s:s, s:o, s:o}", "name", table->table->name, "primary_key",
                     indices_json(table->primary_key.columns, table->primary_key.count), "columns",
                     columns);
}

static json_t *relation_json(const struct profile_relation *relation)
{
    json_t *object = json_object();
    bool ok = object != NULL && put(object, "child", json_integer((json_int_t)relation->child)) &&
              put(object, "parent", json_integer((json_int_t)relation->parent)) &&
              put(object, "child_columns",
                  indices_json(relation->child_columns, relation->column_count)) &&
              put(object, "parent_columns",
                  indices_json(relation->parent_columns, relation->column_count)) &&
              put(object, "confidence", json_real(relation->confidence)) &&
              put(object, "coverage", json_real(relation->coverage)) &&
              put(object, "child_rows", json_integer(relation->child_rows)) &&
              put(object, "orphan_rows", json_integer(relation->orphan_rows)) &&
              put(object, "null_rows", json_integer(relation->null_rows)) &&
              json_object_set(object, "evidence", relation->evidence) == 0;
    if (!ok)
        json_decref(object);
    return ok ? object : NULL;
}

enum err_code profile_to_json(const struct profile *profile, json_t **ret, struct err *err)
{
    JSON_AUTO tables = json_array();
    JSON_AUTO relations = json_array();
    bool ok = tables != NULL && relations != NULL;
    for (size_t t = 0; ok && t < profile->table_count; t++)
        ok = json_array_append_new(tables, table_json(&profile->tables[t])) == 0;
    for (size_t i = 0; ok && i < profile->relation_count; i++)
        ok = json_array_append_new(relations, relation_json(&profile->relations[i])) == 0;
    *ret = ok ? json_pack("{s:O, s:O}", "tables", tables, "relations", relations) : NULL;
    return *ret != NULL ? ERR_OK : err_set(err, ERR_MEMORY, "out of memory for the profile's JSON");
}

static enum err_code damaged(struct err *err)
{
    (void)err_set(err, ERR_INTEGRITY, "the cached profile does not fit its version");
    (void)err_hint(
        err, "run 'marrow repair', which removes damaged runs; the profile is then computed again");
    return ERR_INTEGRITY;
}

/* Up to four column indices, each below limit. */
static enum err_code read_indices(const json_t *json, size_t limit, size_t columns[4],
                                  size_t *ret_count, struct err *err)
{
    *ret_count = json_array_size(json);
    if (*ret_count > 4)
        return damaged(err);
    for (size_t k = 0; k < *ret_count; k++) {
        columns[k] = (size_t)json_integer_value(json_array_get(json, k));
        if (columns[k] >= limit)
            return damaged(err);
    }
    return ERR_OK;
}

static enum err_code read_table(const json_t *json, struct profile *profile,
                                struct profile_table *table, struct err *err)
{
    const json_t *columns = json_object_get(json, "columns"),
                 *key = json_object_get(json, "primary_key");
    size_t count = table->table->schema.count;
    if (json_array_size(columns) != count)
        return damaged(err);
    for (size_t c = 0; c < count; c++) {
        const json_t *from = json_array_get(columns, c);
        struct profile_column *to = &table->columns[c];
        int64_t role = json_int(from, "role", -1);
        if (strcmp(json_text(from, "name", ""), to->name) != 0 || role < PROFILE_IDENTIFIER ||
            role > PROFILE_CONSTANT)
            return damaged(err);
        to->role = (enum profile_column_role)role;
        TRY(profile_column_reason(profile, to, json_text(from, "role_reason", ""), err));
        to->nulls = json_int(from, "nulls", 0);
        to->distinct = json_int(from, "distinct", 0);
        to->unique = json_flag(from, "unique", false);
    }
    return read_indices(key, count, table->primary_key.columns, &table->primary_key.count, err);
}

static enum err_code read_relation(const json_t *json, struct profile *profile, struct err *err)
{
    struct profile_relation relation = {.status = PROFILE_PROPOSED};
    relation.child = (size_t)json_int(json, "child", INT64_MAX);
    relation.parent = (size_t)json_int(json, "parent", INT64_MAX);
    if (relation.child >= profile->table_count || relation.parent >= profile->table_count)
        return damaged(err);
    size_t parents = 0;
    TRY(read_indices(json_object_get(json, "child_columns"),
                     profile->tables[relation.child].table->schema.count, relation.child_columns,
                     &relation.column_count, err));
    TRY(read_indices(json_object_get(json, "parent_columns"),
                     profile->tables[relation.parent].table->schema.count, relation.parent_columns,
                     &parents, err));
    if (relation.column_count == 0 || parents != relation.column_count)
        return damaged(err);
    relation.confidence = json_number(json, "confidence", 0);
    relation.coverage = json_number(json, "coverage", 0);
    relation.child_rows = json_int(json, "child_rows", 0);
    relation.orphan_rows = json_int(json, "orphan_rows", 0);
    relation.null_rows = json_int(json, "null_rows", 0);
    relation.evidence = json_incref(json_object_get(json, "evidence"));
    return profile_relation_add(profile, &relation, err);
}

enum err_code profile_from_json(struct store_version *version, const json_t *json,
                                struct profile **ret, struct err *err)
{
    AUTO(profile_free) struct profile *profile = NULL;
    TRY(profile_new(version, &profile, err));
    const json_t *tables = json_object_get(json, "tables"),
                 *relations = json_object_get(json, "relations");
    if (json_array_size(tables) != profile->table_count)
        return damaged(err);
    for (size_t t = 0; t < profile->table_count; t++)
        TRY(read_table(json_array_get(tables, t), profile, &profile->tables[t], err));
    for (size_t i = 0; i < json_array_size(relations); i++)
        TRY(read_relation(json_array_get(relations, i), profile, err));
    *ret = profile;
    profile = NULL;
    return ERR_OK;
}
