/* What mart's files share: the graph of relations, how a table reaches the grain, and the policy of aggregates. */
#ifndef MARROW_MART_PRIV_H
#define MARROW_MART_PRIV_H

#include "mart/mart.h"

#define MART_LIMIT_HOPS 5          /* relations followed from a table to the anchor or to a dimension */
#define MART_LIMIT_KEY_COLUMNS 4
#define MART_LEVEL_CAP 12          /* categories with more levels get distinct and mode instead of a count per level */
#define MART_KIND_CAP 24           /* kinds of a long table that become columns, the most often measured first */
#define MART_LIMIT_KINDS 10000     /* kinds of one column; more: it names no kinds */
#define MART_LIMIT_KIND_ROWS 50000 /* read of one column; its distinct values were an estimate */
#define MART_CONFIDENCE_FLOOR 0.5  /* proposed relations below it are not used */
#define MART_LIMIT_DIMENSIONS 256  /* joins of dimensions to one table; more are left out */
#define MART_LIMIT_ROLES 16        /* references from one table to another */
#define MART_LIMIT_COLUMNS 20000   /* columns of one mart */

/* n:1 steps child → parent. tables[0] is where it starts, tables[count] where it ends. */
struct mart_path {
    size_t tables[MART_LIMIT_HOPS + 1];
    const struct profile_relation *steps[MART_LIMIT_HOPS];
    size_t count;
};

/* The table and columns that define one row of the mart. */
struct mart_anchor {
    size_t table;
    size_t key[MART_LIMIT_KEY_COLUMNS]; /* column indices; their values are the grain key */
    size_t key_count;                   /* 0: no identifier at all; the key is the row's hash and its ordinal */
    bool unique;                        /* the key is unique in the table; false: the anchor is its distinct values */
    json_t *reasons;                    /* array of texts */
};

enum mart_aggregate_kind {
    MART_AGGREGATE_COUNT,
    MART_AGGREGATE_DISTINCT,
    MART_AGGREGATE_MEAN,
    MART_AGGREGATE_SD,
    MART_AGGREGATE_MIN,
    MART_AGGREGATE_MAX,
    MART_AGGREGATE_SUM,
    MART_AGGREGATE_FIRST,
    MART_AGGREGATE_LAST,
    MART_AGGREGATE_MODE,
    MART_AGGREGATE_LEVELS,
    MART_AGGREGATE_DAYS_SINCE,
    MART_AGGREGATE_END
};
const char *mart_aggregate_text(enum mart_aggregate_kind kind);
/* Bit set of 1 << mart_aggregate_kind for a column: policy override (the closest of table.column, table.*, *.column, *.*), else the table of roles.
 * *ret_by_policy: the person asked for it. */
enum err_code mart_policy_for(const json_t *policy, const struct profile_table *table, const struct profile_column *column, unsigned *ret, bool *ret_by_policy, struct err *err) WARN_UNUSED;
/* How a measure is taken by kind; no entry: the built-in cap and aggregates. */
struct mart_kind_policy {
    bool off;             /* not by kind: a list was given, or "by": null */
    bool by_name;         /* the entry names table and column */
    const char *by;       /* column; NULL = found by the rule */
    const json_t *kinds;  /* labels or codes; NULL = the most often measured */
    int64_t cap;
    unsigned aggregates, whole; /* bits: of each kind, and over all of them */
};
enum err_code mart_policy_kinds(const json_t *policy, const struct profile_table *table, const struct profile_column *column, struct mart_kind_policy *ret, struct err *err) WARN_UNUSED;
/* Names in the policy that no table or column has → ERR_INPUT. */
enum err_code mart_policy_check(const json_t *policy, const struct profile *profile, struct err *err) WARN_UNUSED;
/* The policy in force as JSON: {level_cap, roles:{role:[aggregates]}, overrides}. New reference. */
json_t *mart_policy_json(const json_t *overrides, bool *ok);

/* ---- kinds of a long table ---- */
struct mart_kind_rule {
    bool on;
    size_t by;                                 /* column that says what a row's value is a value of */
    bool text;                                 /* the values are numbers kept as text */
    bool has_label;
    const struct profile_relation *dictionary; /* label is a column of its parent; NULL: of the table itself */
    size_t label;
    int unit;                                  /* column of units, or -1 */
    char why[400];
};
/* Is the column to be taken by kind, and by which? Off without an error where there is no evidence; ERR_INPUT for a policy that cannot be. */
enum err_code mart_kind_rule_for(const struct profile *profile, const json_t *policy, size_t table, size_t column, struct mart_kind_rule *ret, struct mart_kind_policy *ret_policy, struct err *err) WARN_UNUSED;
/* What a rule asks to be read: names of tables and columns, nothing of the data. New reference. */
json_t *mart_kinds_request(const struct profile *profile, size_t table, size_t column, const struct mart_kind_rule *rule, bool *ok);
/* What was read for the rule {request, kinds:[[code, label, values, unit, units differ]…] by values desc, kind_count, values, least}, or NULL. */
const json_t *mart_kinds_find(const json_t *kinds, const struct profile *profile, size_t table, size_t column, const struct mart_kind_rule *rule);
/* Tokens of a name: split at non-letters and at lower → upper; lower case, plural s dropped. */
bool mart_next_token(const char **cursor, char ret[64]);

/* ---- graph ---- */
/* Why a relation cannot carry a mart (rejected, to itself, too unsure, or its parent's columns are not unique, which would multiply rows); NULL: it can. */
const char *mart_relation_problem(const struct profile *profile, const struct profile_relation *relation);
/* Do two relations start from a common column? Then they are one reference, not two roles. */
bool mart_relations_share(const struct profile_relation *a, const struct profile_relation *b);
/* The different references from child to parent, the surest first; returns how many. */
size_t mart_roles(const struct profile *profile, size_t child, size_t parent, const struct profile_relation *ret[MART_LIMIT_ROLES]);
bool mart_relation_usable(const struct profile *profile, const struct profile_relation *relation);
/* Shortest n:1 path from a table to another (ties: higher confidence first). false: none. */
bool mart_path_find(const struct profile *profile, size_t from, size_t to, struct mart_path *ret);
/* Is the column part of a usable relation's child side, or of the table's primary key? */
bool mart_column_is_key(const struct profile *profile, size_t table, size_t column);

/* ---- anchor ---- */
enum err_code mart_anchor_choose(const struct profile *profile, const struct mart_spec *spec, struct mart_anchor *ret, struct err *err) WARN_UNUSED;
/* Index of the table of that name; ERR_NOT_FOUND with the names there are. */
enum err_code mart_table_find(const struct profile *profile, const char *name, size_t *ret, struct err *err) WARN_UNUSED;
/* How well a table fits a grain by name, key and references; reasons appended to when not NULL. < 0: impossible. */
double mart_anchor_score(const struct profile *profile, size_t table, enum mart_grain grain, json_t *reasons);

/* ---- planning ---- */
struct mart_work {
    const struct profile *profile;
    const struct mart_spec *spec;
    struct plan *plan;
    struct mart_anchor anchor;
    struct mart_anchor person;      /* admission and event grain: whose it is; key_count 0 = nobody is known */
    const char *person_output;      /* event grain: output column that holds the patient's key, or NULL */
    const struct plan_rel *joined;  /* anchor so far joined with every fact and dimension */
    struct plan_named *outputs;     /* of the final projection */
    size_t output_count, output_cap;
    json_t *tables;                 /* description, one entry per table */
    json_t *levels;                 /* {output: level} of the counts per level */
    json_t *kinds;                  /* [{table, column, by, shown, not_shown …}] */
    json_t *invariants;             /* [{what, raw, from, mart}] */
    size_t joins;                   /* serial for internal names */
    bool failed;                    /* out of memory for outputs */
};
const char *mart_lower(struct mart_work *work, const char *text);
/* Append an output column under a unique name; the name used is returned (arena). */
const char *mart_output_add(struct mart_work *work, const char *name, const struct plan_expr *expr);
bool mart_output_taken(const struct mart_work *work, const char *name);
/* Canonical hash of a table's rows, whose columns rel still has under their own names. */
const struct plan_expr *mart_row_hash(struct mart_work *work, const struct plan_rel *rel, size_t table);
const struct plan_rel *mart_scan(struct mart_work *work, size_t table);
/* Join to base (whose columns of table start_table are reachable under name prefix `prefix`, "" = plain) every dimension that start_table reaches
 * by n:1 relations; skip[] marks tables not to join. on_column is told each joined column. */
struct mart_dimension_column {
    const char *source;    /* column in the joined relation */
    size_t table, column;  /* of the profile */
    const char *via;       /* "providers" or, for a second role, "providers_by_attending_id" */
};
struct mart_dimensions {
    struct mart_dimension_column *columns;
    size_t count, cap;
    bool *used;            /* per table of the profile: joined; arena */
};
const struct plan_rel *mart_join_dimensions(struct mart_work *work, const struct plan_rel *base, size_t start_table, const bool *skip, struct mart_dimensions *ret);
/* Aggregate table to the anchor's key along path and join it to work->joined. name begins its columns: the table's, or "transplants_by_donor_id". */
enum err_code mart_add_fact(struct mart_work *work, size_t table, const char *name, const struct mart_path *path, struct err *err) WARN_UNUSED;
/* The fact's rows with the anchor's key in reach: joins *base along the path, fills ret_keys[]. */
void mart_join_path(struct mart_work *work, const struct mart_path *path, const struct plan_rel **base, const struct plan_expr *ret_keys[MART_LIMIT_KEY_COLUMNS]);
/* Orders the table's rows in time, ties by content; NULL: it has no time. */
const struct plan_expr *mart_order_key(struct mart_work *work, const struct plan_rel *base, size_t table);
/* Join what was aggregated by keys[] one-to-one to work->joined. */
void mart_join_grouped(struct mart_work *work, enum plan_join_kind kind, const struct plan_rel *grouped, const struct plan_named *keys);
/* "Metastatic Solid Tumor" → metastatic_solid_tumor */
const char *mart_slug(struct mart_work *work, const char *text);
/* Decided for one measure of a fact: which kinds become columns. */
struct mart_pivot {
    size_t column;
    struct mart_kind_rule rule;
    struct mart_kind_policy policy;
    const json_t *found;         /* of mart_kinds_find */
    const json_t *const *kinds;  /* chosen entries of found.kinds */
    const char **names;          /* in names of outputs */
    size_t count;
    int64_t columns;             /* of the mart, once added */
};
/* *ret_pivot NULL: the column is not taken by kind. */
enum err_code mart_pivot_choose(struct mart_work *work, size_t table, size_t column, struct mart_pivot **ret_pivot, struct err *err) WARN_UNUSED;
/* Aggregate by (key, kind), spread the kinds over columns, join; name begins the columns. Adds its invariants and description. */
enum err_code mart_add_pivot(struct mart_work *work, size_t table, const char *name, const struct mart_path *path, struct mart_pivot *pivot, struct err *err) WARN_UNUSED;
/* "value_num by item_id: 24 kinds, not shown: 14 kinds, 19 % of values" */
const char *mart_pivot_text(struct mart_work *work, size_t table, const struct mart_pivot *pivot);
/* `SELECT raw from` over the raw tables must equal `SELECT mart FROM marrow_result`. */
void mart_invariant_add(struct mart_work *work, const char *what, const char *raw, const char *from, const char *mart);
/* SQL of one table's rows that reach the anchor: "FROM t …"; for invariants. */
void mart_raw_from(const struct mart_work *work, const struct mart_path *path, struct buf *out);
void mart_describe(struct mart_work *work, size_t table, bool used, const char *reason, const struct mart_path *path, int64_t columns);
/* Which level of its column an output counts: "mL" and "ml" give …__ml__count and …__ml_2__count. */
void mart_describe_level(struct mart_work *work, const char *output, const char *level);
void mart_describe_note(struct mart_work *work, size_t table, const char *note);

struct mart_plan {
    struct plan *plan;
    const struct plan_rel *root;
    json_t *description;
    json_t *invariants;
    char name[300]; /* "mart_patient", "mart_event_labs" */
    const char *grain_key[MART_LIMIT_KEY_COLUMNS + 1]; /* output columns */
    size_t grain_key_count;
    const char *bucket_column; /* or NULL */
    int64_t buckets;
};
/* Run every invariant: fills {what, expected, found, ok} per check; *ret_ok false when one fails. */
enum err_code mart_invariants_run(struct engine *engine, const json_t *invariants, json_t **ret_checks, bool *ret_ok, struct err *err) WARN_UNUSED;

#endif
