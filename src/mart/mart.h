/* The mart's door: one unified table per grain (patient, admission, event). Each fact is aggregated to the grain *before* it is joined, so
 * every join is one-to-one and nothing is counted twice. Planning is pure (profile + policy → plan); building goes through run. */
#ifndef MARROW_MART_MART_H
#define MARROW_MART_MART_H

#include "profile/profile.h"
#include "run/run.h"

enum mart_grain { MART_PATIENT, MART_ADMISSION, MART_EVENT };
enum err_code mart_grain_parse(const char *text, enum mart_grain *ret, struct err *err) WARN_UNUSED;
const char *mart_grain_text(enum mart_grain grain);

struct mart_spec {
    enum mart_grain grain;
    const char *anchor;   /* table; NULL = chosen with reasons */
    const char *event;    /* MART_EVENT: fact table; NULL = chosen */
    bool inner;           /* keep only grain rows with at least one row in every fact used (docs/MART.md); default left */
    const json_t *policy; /* overrides {TABLE: {COLUMN: [aggregate…] | [] | {by, kinds, cap, aggregates, whole}}}, "*" = any, the closest entry
                           * counts; NULL = built-in table only */
    const json_t *kinds;  /* what mart_kinds_read gave for this policy; NULL: nothing is taken by kind */
    int64_t buckets;      /* event: 0 = 64 */
    const char *engine_url; /* where it is built and kept; NULL = the embedded engine, files of the store */
};
/* Which table and column are one row of a grain, as a mart would choose: *ret_column -1: no single column (the row itself, or several). ERR_INPUT or
 * ERR_NOT_FOUND: no table is. Pure. */
enum err_code mart_anchor_find(const struct profile *profile, enum mart_grain grain, size_t *ret_table, int *ret_column, bool *ret_unique, struct err *err) WARN_UNUSED;
struct mart_plan; /* plan, and why */
/* Which kinds long tables hold (labs.value_num by item_id), with labels and how often each has a value: read once per version and
 * kept. New reference. */
enum err_code mart_kinds_read(struct store *store, struct store_version *version, const struct profile *profile, const json_t *policy, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code mart_plan_make(const struct profile *profile, const struct mart_spec *spec, struct mart_plan **ret, struct err *err) WARN_UNUSED;
/* The same with the kinds of the version read (spec->kinds is set aside). */
enum err_code mart_plan_open(struct store *store, struct store_version *version, const struct profile *profile, const struct mart_spec *spec, struct mart_plan **ret, struct err *err) WARN_UNUSED;
void mart_plan_free(struct mart_plan *plan);
AUTO_DEFINE(struct mart_plan, mart_plan_free)
const struct plan_rel *mart_plan_root(const struct mart_plan *plan);
/* {grain, grain_key:[…], anchor_table, anchor_reasons:[…], join, tables:[{name, role, rows, used, reason, path:[joins…],
 * rows_without_key?, orphan_rows?, columns, note?}], levels:{column: level counted},
 * kinds:[{table, column, by, why, kind_count, values, aggregates, shown:[{columns, code, label, values, unit}], not_shown:{kinds, values, share}}], policy} */
const json_t *mart_plan_description(const struct mart_plan *plan);
/* Build or reuse: the JSON of "mart build" {run_id, grain, grain_key, anchor_table, row_count, path, schema:{col:type}, tables, reused, duration_ms, bytes,
 * materialised_at, signature, invariants}. */
enum err_code mart_build(struct store *store, struct store_version *version, const struct profile *profile, const struct mart_spec *spec, bool force, json_t **ret, struct err *err) WARN_UNUSED;
/* The SQL that builds it, over the raw tables; runs nothing. */
enum err_code mart_plan_sql(const struct mart_plan *plan, struct buf *ret, struct err *err) WARN_UNUSED;
/* Lazy query over the materialised mart {sql, signature, dialect}; ERR_NOT_FOUND with a hint where none is built. Executes nothing. grain text as in
 * "patient", "admission", "event" or "mart_event_labs". */
enum err_code mart_query(struct store *store, struct store_version *version, const char *mart, json_t **ret, struct err *err) WARN_UNUSED;
/* The mart of that name over this version, of several the one built or asked for last; or by ≥ 8 digits of its run id. ERR_NOT_FOUND with a hint. New
 * reference: the run's manifest. */
enum err_code mart_find(struct store *store, struct store_version *version, const char *mart, json_t **ret, struct err *err) WARN_UNUSED;
/* Where several marts of one name stand on a version, dataset.json says which the name means: its run id, borrowed; NULL = there is no saying, the newest. */
const char *mart_served(const json_t *dataset_json, const char *name, const char *version);
enum err_code mart_list(struct store *store, const char *dataset, json_t **ret, struct err *err) WARN_UNUSED;
/* Re-check the stored invariants from the raw tables by independent SQL: {ok, checks:[{what, expected, found, ok}]}. */
enum err_code mart_verify(struct store *store, struct store_version *version, const json_t *run_manifest, json_t **ret, struct err *err) WARN_UNUSED;

#endif
