/* The profile's door: what the tables are. Column statistics and roles, primary keys, foreign keys (relations), table roles. Everything
 * is found from values and names, carries its evidence, and can be overruled by what a person decided (dataset.json). */
#ifndef MARROW_PROFILE_PROFILE_H
#define MARROW_PROFILE_PROFILE_H

#include "store/store.h"

enum profile_column_role { PROFILE_IDENTIFIER, PROFILE_CODE, PROFILE_CATEGORY, PROFILE_MEASURE, PROFILE_DATE, PROFILE_TEXT, PROFILE_CONSTANT };
enum profile_table_role { PROFILE_DIMENSION, PROFILE_FACT, PROFILE_EVENT, PROFILE_BRIDGE, PROFILE_REFERENCE };
const char *profile_column_role_text(enum profile_column_role role);
const char *profile_table_role_text(enum profile_table_role role);

struct profile_column {
    const char *name; /* borrowed from the version's schema */
    struct data_type type;
    enum profile_column_role role;
    const char *role_reason; /* a few words: which rule decided; lives as long as the profile */
    int64_t nulls;
    int64_t distinct; /* exact for key candidates, else an estimate */
    bool unique;      /* not null and all distinct: a single-column key */
};
struct profile_key { /* column indices of a primary key */
    size_t columns[4];
    size_t count; /* 0 = none found */
};
struct profile_table {
    const struct store_table *table;
    struct profile_column *columns; /* in schema order */
    struct profile_key primary_key;
    enum profile_table_role role;
    char *role_reason; /* one sentence */
    int time_column;   /* index of the column that orders its events, or -1 */
};
enum profile_relation_status { PROFILE_PROPOSED, PROFILE_CONFIRMED, PROFILE_REJECTED, PROFILE_ADDED };
struct profile_relation {
    size_t child, parent; /* table indices */
    size_t child_columns[4], parent_columns[4];
    size_t column_count;
    double confidence; /* 0…1 */
    double coverage;   /* share of non-null child rows whose key is in the parent */
    int64_t child_rows, orphan_rows, null_rows;
    enum profile_relation_status status;
    json_t *evidence;  /* {coverage, name_affinity, parent_unique, range_fill, distinct_child, distinct_parent, reason} */
};
struct profile {
    struct profile_table *tables; /* as in the version */
    size_t table_count;
    struct arena *reasons; /* holds the columns' role_reason */
    struct profile_relation *relations; /* confirmed, added, proposed (confidence desc); rejected ones last */
    size_t relation_count;
};
/* Everything about a version. Cached as a run of kind "profile" (content: version + format + dataset decisions apply on top), so that the second call reads JSON
 * only. engine NULL: opened when needed with the store's options. */
enum err_code profile_open(struct store *store, struct store_version *version, struct profile **ret, struct err *err) WARN_UNUSED;
/* The same without what the columns hold (store_table.columns_profile, a document a table): keys, roles and relations, for less. */
enum err_code profile_open_roles(struct store *store, struct store_version *version, struct profile **ret, struct err *err) WARN_UNUSED;
/* As profile_open where it has been computed before, else *ret NULL: computes nothing. */
enum err_code profile_open_stored(struct store *store, struct store_version *version, struct profile **ret, struct err *err) WARN_UNUSED;
void profile_free(struct profile *profile);
AUTO_DEFINE(struct profile, profile_free)
/* The stable JSON forms. {relations:[{child:{table,columns}, parent:{table,columns}, confidence, coverage, status, evidence}]} */
enum err_code profile_relations_json(const struct profile *profile, json_t **ret, struct err *err) WARN_UNUSED;
/* Per table: rows, role, reason, primary_key, columns [{name,type,role,role_reason,nulls,distinct,min,max,mean,sd,quantiles,top_values,value_labels}]; table NULL = all.
 * Quantiles and exact figures are computed on the first call and kept with the run. */
enum err_code profile_tables_json(struct store *store, struct store_version *version, const struct profile *profile, const char *table, json_t **ret, struct err *err) WARN_UNUSED;
/* Record a person's decision ("confirm", "reject", "add", "reset") on child.column → parent.column ("labs.item_id", "lab_items.item_id"; composite: a.x+y).
 * Confirm and reject need a proposal of that shape; add checks types and stores the measured coverage. */
enum err_code profile_relation_decide(struct store *store, struct store_version *version, const char *decision, const char *child, const char *parent, struct err *err) WARN_UNUSED;
enum err_code profile_table_role_set(struct store *store, struct store_version *version, const char *table, const char *role, struct err *err) WARN_UNUSED;

#endif
