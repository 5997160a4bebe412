/* What a person decided about relations and roles, kept in dataset.json and laid over every
 * version's profile:
 *
 *   {"relations": {"confirmed": [{"child": "labs.item_id", "parent": "lab_items.item_id"}],
 * "rejected": […], "added": [{"child", "parent", "coverage", "child_rows", "orphan_rows",
 * "null_rows", "version"}]}, "roles": {"labs": "event"}}
 *
 * A decision names columns, not positions, so it holds over versions; one whose columns are gone is
 * skipped there, and kept. */
#include "profile/profile_priv.h"

#include <stdlib.h>
#include <string.h>

struct ends { /* a relation as named by a person */
    size_t child, parent;
    size_t child_columns[4], parent_columns[4];
    size_t count;
};

static bool take_column(const struct profile_table *table, struct str name, size_t columns[4],
                        size_t *count)
{
    int at = data_schema_find(&table->table->schema, name);
    if (at < 0 || *count == 4)
        return false;
    columns[(*count)++] = (size_t)at;
    return true;
}

/* The columns after "table."; "a+b" is one column of that name if there is one, else two. */
static bool take_columns(const struct profile_table *table, struct str text, size_t columns[4],
                         size_t *count)
{
    *count = 0;
    if (take_column(table, text, columns, count))
        return true;
    size_t from = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.ptr[i] != '+')
            continue;
        if (!take_column(table, (struct str){text.ptr + from, i - from}, columns, count))
            return false;
        from = i + 1;
    }
    return *count > 0;
}

static enum err_code parse_end(const struct profile *profile, const char *text, size_t *ret_table,
                               size_t columns[4], size_t *ret_count, struct err *err)
{
    struct str all = str_of(text);
    bool table_found = false;
    for (size_t t = 0; t < profile->table_count; t++) {
        struct str name = str_of(profile->tables[t].table->name);
        if (all.len <= name.len + 1 || all.ptr[name.len] != '.' ||
            !str_equal_nocase((struct str){all.ptr, name.len}, name))
            continue;
        table_found = true;
        *ret_table = t;
        if (take_columns(&profile->tables[t],
                         (struct str){all.ptr + name.len + 1, all.len - name.len - 1}, columns,
                         ret_count))
            return ERR_OK;
    }
    (void)err_set(err, ERR_NOT_FOUND,
                  table_found ? "\"%s\" names no column of that table"
                              : "\"%s\" names no table of this dataset",
                  text);
    return err_hint(err, "write it as TABLE.COLUMN, or TABLE.A+B for a key of two columns");
}

static enum err_code parse_ends(const struct profile *profile, const char *child,
                                const char *parent, struct ends *ret, struct err *err)
{
    size_t parents = 0;
    TRY(parse_end(profile, child, &ret->child, ret->child_columns, &ret->count, err));
    TRY(parse_end(profile, parent, &ret->parent, ret->parent_columns, &parents, err));
    if (parents != ret->count)
        return err_set(err, ERR_USAGE, "a relation pairs columns one to one; found %zu and %zu",
                       ret->count, parents);
    for (size_t i = 0; ret->child == ret->parent && i < ret->count; i++)
        if (ret->child_columns[i] == ret->parent_columns[i])
            return err_set(err, ERR_USAGE, "a column can't refer to itself");
    return ERR_OK;
}

static struct profile_relation *find_relation(struct profile *profile, const struct ends *ends)
{
    for (size_t i = 0; i < profile->relation_count; i++) {
        struct profile_relation *relation = &profile->relations[i];
        bool same = relation->child == ends->child && relation->parent == ends->parent &&
                    relation->column_count == ends->count;
        for (size_t k = 0; same && k < ends->count; k++)
            same = relation->child_columns[k] == ends->child_columns[k] &&
                   relation->parent_columns[k] == ends->parent_columns[k];
        if (same)
            return relation;
    }
    return NULL;
}

/* ---- laying decisions over a profile ---- */

static enum err_code apply_one(struct profile *profile, const json_t *item,
                               enum profile_relation_status status, struct err *err)
{
    struct ends ends = {0};
    struct err missing = {0};
    if (parse_ends(profile, json_text(item, "child", ""), json_text(item, "parent", ""), &ends,
                   &missing) != ERR_OK)
        return ERR_OK; /* not in this version */
    struct profile_relation *relation = find_relation(profile, &ends);
    if (relation != NULL) {
        relation->status = status == PROFILE_ADDED ? PROFILE_CONFIRMED : status;
        return ERR_OK;
    }
    struct profile_relation added = {.child = ends.child,
                                     .parent = ends.parent,
                                     .column_count = ends.count,
                                     .status = status,
                                     .confidence = status == PROFILE_REJECTED ? 0 : 1};
    memcpy(added.child_columns, ends.child_columns, sizeof added.child_columns);
    memcpy(added.parent_columns, ends.parent_columns, sizeof added.parent_columns);
    for (size_t i = 0; status != PROFILE_REJECTED && i < ends.count; i++) {
        struct profile_column *child = &profile->tables[ends.child].columns[ends.child_columns[i]];
        if (child->role == PROFILE_MEASURE || child->role == PROFILE_CATEGORY ||
            child->role == PROFILE_TEXT) {
            child->role = PROFILE_IDENTIFIER;
            TRY(profile_column_reason(profile, child, "part of a relation that a person added",
                                      err));
        }
    }
    added.coverage = json_number(item, "coverage", 0);
    added.child_rows = json_int(item, "child_rows", 0);
    added.orphan_rows = json_int(item, "orphan_rows", 0);
    added.null_rows = json_int(item, "null_rows", 0);
    added.evidence =
        json_pack("{s:f, s:s, s:s}", "coverage", added.coverage, "reason", "a person's decision",
                  "measured_in_version", json_text(item, "version", ""));
    if (added.evidence == NULL)
        return err_set(err, ERR_MEMORY, "out of memory for a relation's evidence");
    return profile_relation_add(profile, &added, err);
}

static enum err_code apply_list(struct profile *profile, const json_t *relations, const char *key,
                                enum profile_relation_status status, struct err *err)
{
    const json_t *list = json_object_get(relations, key);
    for (size_t i = 0; i < json_array_size(list); i++)
        TRY(apply_one(profile, json_array_get(list, i), status, err));
    return ERR_OK;
}

enum err_code decisions_apply(struct store *store, struct profile *profile, const char *dataset,
                              struct err *err)
{
    JSON_AUTO decided = NULL;
    TRY(store_dataset_read(store, dataset, &decided, err));
    const json_t *relations = json_object_get(decided, "relations");
    TRY(apply_list(profile, relations, "confirmed", PROFILE_CONFIRMED, err));
    TRY(apply_list(profile, relations, "rejected", PROFILE_REJECTED, err));
    TRY(apply_list(profile, relations, "added", PROFILE_ADDED, err));
    TRY(table_roles(profile, err));
    const json_t *roles = json_object_get(decided, "roles");
    for (size_t t = 0; t < profile->table_count; t++) {
        struct profile_table *table = &profile->tables[t];
        const char *role = json_text(roles, table->table->name, NULL);
        struct err bad = {0};
        if (role == NULL || profile_role_parse(role, &table->role, &bad) != ERR_OK)
            continue;
        mem_free(table->role_reason);
        table->role_reason = mem_strdup("set by a person");
        if (table->role_reason == NULL)
            return err_set(err, ERR_MEMORY, "out of memory for a table's role");
    }
    return ERR_OK;
}

/* ---- taking decisions ---- */

struct decision {
    const char *list;           /* to put it in, or NULL: only take it out */
    const char *child, *parent; /* as the schema spells them */
    json_t *item;               /* borrowed */
};

static bool same_relation(const json_t *item, const struct decision *decision)
{
    return str_equal_nocase(str_of(json_text(item, "child", "")), str_of(decision->child)) &&
           str_equal_nocase(str_of(json_text(item, "parent", "")), str_of(decision->parent));
}

static json_t *member(json_t *object, const char *key, json_t *(*make)(void))
{
    json_t *value = json_object_get(object, key);
    if (value != NULL)
        return value;
    value = make();
    return value != NULL && json_object_set_new(object, key, value) == 0 ? value : NULL;
}

static enum err_code edit_relations(void *user, json_t *dataset, struct err *err)
{
    const struct decision *decision = user;
    static const char *const lists[] = {"confirmed", "rejected", "added"};
    json_t *relations = member(dataset, "relations", json_object);
    if (relations == NULL)
        return err_set(err, ERR_MEMORY, "out of memory for a decision");
    for (size_t l = 0; l < 3; l++) {
        json_t *list = json_object_get(relations, lists[l]);
        for (size_t i = json_array_size(list); i > 0; i--)
            if (same_relation(json_array_get(list, i - 1), decision) &&
                json_array_remove(list, i - 1) != 0)
                return err_set(err, ERR_MEMORY, "out of memory for a decision");
    }
    if (decision->list == NULL)
        return ERR_OK;
    json_t *list = member(relations, decision->list, json_array);
    if (list == NULL || json_array_append(list, decision->item) != 0)
        return err_set(err, ERR_MEMORY, "out of memory for a decision");
    return ERR_OK;
}

static void spell(const struct profile_table *table, const size_t *columns, size_t count,
                  struct buf *out)
{
    buf_printf(out, "%s.", table->table->name);
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s%s", i > 0 ? "+" : "", table->columns[columns[i]].name);
}

static enum err_code check_types(const struct profile *profile, const struct ends *ends,
                                 struct err *err)
{
    for (size_t i = 0; i < ends->count; i++) {
        struct data_type a = profile->tables[ends->child].columns[ends->child_columns[i]].type,
                         b = profile->tables[ends->parent].columns[ends->parent_columns[i]].type;
        char a_text[32], b_text[32];
        bool numbers = data_type_is_numeric(a) && data_type_is_numeric(b),
             mixed = (a.kind == DATA_TEXT && b.kind == DATA_BIGINT) ||
                     (a.kind == DATA_BIGINT && b.kind == DATA_TEXT);
        if (a.kind != b.kind && !numbers && !mixed) {
            (void)err_set(err, ERR_INPUT, "a column of type %s can't refer to one of type %s",
                          data_type_text(a, a_text), data_type_text(b, b_text));
            return err_hint(err, "override a column's type at import, so that both are read alike");
        }
    }
    return ERR_OK;
}

/* Rows of the child with a full key, those found in the parent, and those with a null part: by the
 * engine, any types. */
static enum err_code measure_ends(struct store *store, struct store_version *version,
                                  const struct profile *profile, const struct ends *ends,
                                  json_t *item, struct err *err)
{
    const struct profile_table *child = &profile->tables[ends->child],
                               *parent = &profile->tables[ends->parent];
    const char *names[] = {child->table->name, parent->table->name};
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    buf_puts(&sql, "SELECT count(*) FILTER (full_key), count(*) FILTER (found), count(*) FILTER "
                   "(NOT full_key) FROM (SELECT ");
    for (size_t i = 0; i < ends->count; i++) {
        buf_puts(&sql, i > 0 ? " AND c." : "c.");
        engine_quote_identifier(&sql, str_of(child->columns[ends->child_columns[i]].name));
        buf_puts(&sql, " IS NOT NULL");
    }
    buf_puts(&sql, " AS full_key, EXISTS (SELECT 1 FROM ");
    engine_quote_identifier(&sql, str_of(parent->table->name));
    buf_puts(&sql, " AS p WHERE ");
    for (size_t i = 0; i < ends->count; i++) {
        struct data_type a = child->columns[ends->child_columns[i]].type,
                         b = parent->columns[ends->parent_columns[i]].type;
        bool texts = a.kind != b.kind && (a.kind == DATA_TEXT || b.kind == DATA_TEXT);
        buf_puts(&sql, i > 0 ? " AND " : "");
        buf_puts(&sql, texts ? "CAST(p." : "p.");
        engine_quote_identifier(&sql, str_of(parent->columns[ends->parent_columns[i]].name));
        buf_puts(&sql, texts ? " AS VARCHAR) = CAST(c." : " = c.");
        engine_quote_identifier(&sql, str_of(child->columns[ends->child_columns[i]].name));
        buf_puts(&sql, texts ? " AS VARCHAR)" : "");
    }
    buf_puts(&sql, ") AS found FROM ");
    engine_quote_identifier(&sql, str_of(child->table->name));
    buf_puts(&sql, " AS c)");
    TRY(buf_check(&sql, err));
    AUTO(engine_close) struct engine *engine = NULL;
    TRY(profile_engine_open(store, &engine, err));
    TRY(store_version_attach(version, engine, names, ends->child == ends->parent ? 1 : 2, err));
    JSON_AUTO rows = NULL;
    TRY(engine_query_json(engine, buf_text(&sql), 1, &rows, err));
    const json_t *row = json_array_get(rows, 0);
    int64_t full = json_integer_value(json_array_get(row, 0)),
            found = json_integer_value(json_array_get(row, 1)),
            nulls = json_integer_value(json_array_get(row, 2));
    JSON_AUTO figures = json_pack(
        "{s:f, s:I, s:I, s:I, s:s}", "coverage", full > 0 ? (double)found / (double)full : 0.0,
        "child_rows", (json_int_t)full, "orphan_rows", (json_int_t)(full - found), "null_rows",
        (json_int_t)nulls, "version", store_version_id(version));
    return figures != NULL && json_object_update(item, figures) == 0
               ? ERR_OK
               : err_set(err, ERR_MEMORY, "out of memory for a decision");
}

static enum err_code record(struct store *store, const char *dataset,
                            const struct decision *decision, const char *word, struct err *err)
{
    JSON_AUTO entry = json_pack("{s:s, s:s, s:s, s:s}", "kind", "relation", "decision", word,
                                "child", decision->child, "parent", decision->parent);
    if (entry == NULL)
        return err_set(err, ERR_MEMORY, "out of memory for a history entry");
    return store_dataset_decide(store, dataset, edit_relations, (void *)(uintptr_t)decision, entry,
                                err);
}

enum err_code profile_relation_decide(struct store *store, struct store_version *version,
                                      const char *decision, const char *child, const char *parent,
                                      struct err *err)
{
    static const char *const words[] = {"confirm", "reject", "add", "reset"};
    static const char *const lists[] = {"confirmed", "rejected", "added", NULL};
    size_t which = 0;
    while (which < 4 && strcmp(words[which], decision) != 0)
        which++;
    if (which == 4)
        return err_set(err, ERR_USAGE, "expected confirm, reject, add or reset; found \"%s\"",
                       decision);
    AUTO(profile_free) struct profile *profile = NULL;
    TRY(profile_open(store, version, &profile, err));
    struct ends ends = {0};
    TRY(parse_ends(profile, child, parent, &ends, err));
    const struct profile_relation *relation = find_relation(profile, &ends);
    if (which < 2 && relation == NULL) {
        (void)err_set(err, ERR_NOT_FOUND, "no relation %s → %s is proposed", child, parent);
        return err_hint(err, "add it with 'marrow relations DATASET add %s %s'", child, parent);
    }
    __attribute__((cleanup(auto_buf_done))) struct buf child_text = BUF_INIT,
                                                       parent_text = BUF_INIT;
    spell(&profile->tables[ends.child], ends.child_columns, ends.count, &child_text);
    spell(&profile->tables[ends.parent], ends.parent_columns, ends.count, &parent_text);
    TRY(buf_check(&child_text, err));
    TRY(buf_check(&parent_text, err));
    JSON_AUTO item =
        json_pack("{s:s, s:s}", "child", buf_text(&child_text), "parent", buf_text(&parent_text));
    if (item == NULL)
        return err_set(err, ERR_MEMORY, "out of memory for a decision");
    if (which == 2)
        TRY(check_types(profile, &ends, err));
    if (which != 3)
        TRY(measure_ends(store, version, profile, &ends, item, err));
    struct decision made = {lists[which], buf_text(&child_text), buf_text(&parent_text), item};
    return record(store, store_version_dataset(version), &made, words[which], err);
}

enum err_code profile_role_parse(const char *text, enum profile_table_role *ret, struct err *err)
{
    static const enum profile_table_role roles[] = {PROFILE_DIMENSION, PROFILE_FACT, PROFILE_EVENT,
                                                    PROFILE_BRIDGE, PROFILE_REFERENCE};
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (strcmp(text, profile_table_role_text(roles[i])) == 0) {
            *ret = roles[i];
            return ERR_OK;
        }
    return err_set(err, ERR_USAGE,
                   "expected dimension, fact, event, bridge or reference; found \"%s\"", text);
}

struct role_edit {
    const char *table, *role; /* role NULL: back to what is found */
};

static enum err_code edit_role(void *user, json_t *dataset, struct err *err)
{
    const struct role_edit *edit = user;
    json_t *roles = member(dataset, "roles", json_object);
    if (roles == NULL)
        return err_set(err, ERR_MEMORY, "out of memory for a role");
    if (edit->role == NULL) {
        (void)json_object_del(roles, edit->table);
        return ERR_OK;
    }
    return json_object_set_new(roles, edit->table, json_string(edit->role)) == 0
               ? ERR_OK
               : err_set(err, ERR_MEMORY, "out of memory for a role");
}

enum err_code profile_table_role_set(struct store *store, struct store_version *version,
                                     const char *table, const char *role, struct err *err)
{
    const struct store_table *found = store_version_table_find(version, table);
    if (found == NULL)
        return err_set(err, ERR_NOT_FOUND, "dataset %s has no table \"%s\"",
                       store_version_dataset(version), table);
    enum profile_table_role parsed;
    bool reset = strcmp(role, "auto") == 0;
    if (!reset)
        TRY(profile_role_parse(role, &parsed, err));
    struct role_edit edit = {found->name, reset ? NULL : role};
    JSON_AUTO entry =
        json_pack("{s:s, s:s, s:s}", "kind", "role", "table", found->name, "role", role);
    if (entry == NULL)
        return err_set(err, ERR_MEMORY, "out of memory for a history entry");
    return store_dataset_decide(store, store_version_dataset(version), edit_role, &edit, entry,
                                err);
}
