/* The door: open a version's profile, and its JSON forms.
 *
 *   profile_open ── cached? ──yes──▶ JSON ─┐
 *                     │no                  ├─▶ decisions (dataset.json) ──▶ table roles ──▶ struct
 * profile └──▶ compute ──▶ cache ┘
 *
 * What is cached depends on the version alone; what a person decided is laid over it at each open.
 */
#include "profile/profile_priv.h"

#include <stdlib.h>
#include <string.h>

const char *profile_column_role_text(enum profile_column_role role)
{
    switch (role) {
    case PROFILE_IDENTIFIER:
        return "identifier";
    case PROFILE_CODE:
        return "code";
    case PROFILE_CATEGORY:
        return "category";
    case PROFILE_MEASURE:
        return "measure";
    case PROFILE_DATE:
        return "date";
    case PROFILE_TEXT:
        return "text";
    case PROFILE_CONSTANT:
        return "constant";
    }
    return "";
}

const char *profile_table_role_text(enum profile_table_role role)
{
    switch (role) {
    case PROFILE_DIMENSION:
        return "dimension";
    case PROFILE_FACT:
        return "fact";
    case PROFILE_EVENT:
        return "event";
    case PROFILE_BRIDGE:
        return "bridge";
    case PROFILE_REFERENCE:
        return "reference";
    }
    return "";
}

static const char *status_text(enum profile_relation_status status)
{
    switch (status) {
    case PROFILE_PROPOSED:
        return "proposed";
    case PROFILE_CONFIRMED:
        return "confirmed";
    case PROFILE_REJECTED:
        return "rejected";
    case PROFILE_ADDED:
        return "added";
    }
    return "";
}

enum err_code profile_new(struct store_version *version, struct profile **ret, struct err *err)
{
    size_t count = store_version_table_count(version);
    AUTO(profile_free) struct profile *profile = mem_zalloc(1, sizeof *profile);
    if (profile == NULL || (profile->reasons = arena_new(0)) == NULL ||
        (profile->tables = mem_zalloc(count + 1, sizeof *profile->tables)) == NULL)
        return err_set(err, ERR_MEMORY, "out of memory for the profile of %zu tables", count);
    for (size_t t = 0; t < count; t++) {
        struct profile_table *table = &profile->tables[t];
        profile->table_count = t + 1;
        table->table = store_version_table(version, t);
        table->time_column = -1;
        size_t columns = table->table->schema.count;
        table->columns = mem_zalloc(columns + 1, sizeof *table->columns);
        if (table->columns == NULL)
            return err_set(err, ERR_MEMORY, "out of memory for the profile of %zu columns",
                           columns);
        for (size_t c = 0; c < columns; c++) {
            table->columns[c].name = table->table->schema.columns[c].name;
            table->columns[c].type = table->table->schema.columns[c].type;
        }
    }
    *ret = profile;
    profile = NULL;
    return ERR_OK;
}

enum err_code profile_column_reason(struct profile *profile, struct profile_column *column,
                                    const char *reason, struct err *err)
{
    column->role_reason = arena_strdup(profile->reasons, reason);
    return column->role_reason != NULL
               ? ERR_OK
               : err_set(err, ERR_MEMORY, "out of memory for a column's role");
}

void profile_free(struct profile *profile)
{
    if (profile == NULL)
        return;
    for (size_t t = 0; profile->tables != NULL && t < profile->table_count; t++) {
        mem_free(profile->tables[t].columns);
        mem_free(profile->tables[t].role_reason);
    }
    for (size_t i = 0; i < profile->relation_count; i++)
        json_decref(profile->relations[i].evidence);
    arena_free(profile->reasons);
    mem_free(profile->tables);
    mem_free(profile->relations);
    mem_free(profile);
}

enum err_code profile_relation_add(struct profile *profile, const struct profile_relation *relation,
                                   struct err *err)
{
    struct profile_relation *grown =
        mem_resize(profile->relations, profile->relation_count + 1, sizeof *grown);
    if (grown == NULL) {
        json_decref(relation->evidence);
        return err_set(err, ERR_MEMORY, "out of memory for %zu relations",
                       profile->relation_count + 1);
    }
    profile->relations = grown;
    profile->relations[profile->relation_count++] = *relation;
    return ERR_OK;
}

static int status_order(enum profile_relation_status status)
{
    switch (status) {
    case PROFILE_CONFIRMED:
        return 0;
    case PROFILE_ADDED:
        return 1;
    case PROFILE_PROPOSED:
        return 2;
    case PROFILE_REJECTED:
        return 3;
    }
    return 4;
}

static int compare_relations(const void *a, const void *b)
{
    const struct profile_relation *x = a, *y = b;
    int order = status_order(x->status) - status_order(y->status);
    if (order != 0)
        return order;
    if (x->confidence > y->confidence || x->confidence < y->confidence)
        return x->confidence > y->confidence ? -1 : 1;
    if (x->child != y->child)
        return x->child < y->child ? -1 : 1;
    return x->child_columns[0] < y->child_columns[0] ? -1
                                                     : x->child_columns[0] > y->child_columns[0];
}

enum err_code profile_engine_open(struct store *store, struct engine **ret, struct err *err)
{
    const struct store_options *from = store_get_options(store);
    struct engine_options options = from->engine;
    options.database = NULL;
    options.read_only = false;
    options.progress = from->progress;
    return engine_open(&options, ret, err);
}

static enum err_code open_profile(struct store *store, struct store_version *version, bool compute,
                                  bool values, struct profile **ret, struct err *err)
{
    AUTO(profile_free) struct profile *profile = NULL;
    JSON_AUTO cached = NULL;
    *ret = NULL;
    if (values)
        TRY(store_version_read_profiles(version, err));
    TRY(profile_cache_read(store, version, "profile", &cached, err));
    if (cached != NULL && profile_from_json(version, cached, &profile, err) == ERR_MEMORY)
        return ERR_MEMORY;
    if (profile == NULL && !compute)
        return ERR_OK;
    if (profile == NULL) { /* not there, or of another shape */
        JSON_AUTO content = NULL;
        TRY(profile_compute(store, version, &profile, err));
        TRY(profile_to_json(profile, &content, err));
        TRY(profile_cache_write(store, version, "profile", content, err));
    }
    TRY(table_roles(profile, err));
    TRY(decisions_apply(store, profile, store_version_dataset(version), err));
    if (profile->relation_count > 0)
        qsort(profile->relations, profile->relation_count, sizeof *profile->relations,
              compare_relations);
    *ret = profile;
    profile = NULL;
    return ERR_OK;
}

enum err_code profile_open(struct store *store, struct store_version *version, struct profile **ret,
                           struct err *err)
{
    return open_profile(store, version, true, true, ret, err);
}

enum err_code profile_open_roles(struct store *store, struct store_version *version,
                                 struct profile **ret, struct err *err)
{
    return open_profile(store, version, true, false, ret, err);
}

enum err_code profile_open_stored(struct store *store, struct store_version *version,
                                  struct profile **ret, struct err *err)
{
    return open_profile(store, version, false, true, ret, err);
}

static json_t *end_json(const struct profile_table *table, const size_t *columns, size_t count)
{
    json_t *names = json_array();
    for (size_t i = 0; names != NULL && i < count; i++)
        if (json_array_append_new(names, json_string(table->columns[columns[i]].name)) != 0) {
            json_decref(names);
            names = NULL;
        }
    return json_pack("{s:s, s:o}", "table", table->table->name, "columns", names);
}

json_t *profile_relation_ends(const struct profile *profile,
                              const struct profile_relation *relation)
{
    json_t *child = end_json(&profile->tables[relation->child], relation->child_columns,
                             relation->column_count);
    json_t *parent = end_json(&profile->tables[relation->parent], relation->parent_columns,
                              relation->column_count);
    return json_pack("{s:o, s:o}", "child", child, "parent", parent);
}

enum err_code profile_relations_json(const struct profile *profile, json_t **ret, struct err *err)
{
    JSON_AUTO list = json_array();
    for (size_t i = 0; list != NULL && i < profile->relation_count; i++) {
        const struct profile_relation *relation = &profile->relations[i];
        JSON_AUTO item = profile_relation_ends(profile, relation);
        JSON_AUTO rest = json_pack(
            "{s:f, s:f, s:s, s:I, s:I, s:I, s:O?}", "confidence", relation->confidence, "coverage",
            relation->coverage, "status", status_text(relation->status), "child_rows",
            (json_int_t)relation->child_rows, "orphan_rows", (json_int_t)relation->orphan_rows,
            "null_rows", (json_int_t)relation->null_rows, "evidence", relation->evidence);
        if (item == NULL || rest == NULL || json_object_update(item, rest) != 0 ||
            json_array_append(list, item) != 0)
            return err_set(err, ERR_MEMORY, "out of memory for the relations' JSON");
    }
    *ret = json_pack("{s:O?}", "relations", list);
    return *ret != NULL && list != NULL
               ? ERR_OK
               : err_set(err, ERR_MEMORY, "out of memory for the relations' JSON");
}
