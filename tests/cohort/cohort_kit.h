/* What the tests of views, plans and index share: views bound to an engine's tables, counts by plan
 * and by index. */
#ifndef MARROW_TESTS_COHORT_KIT_H
#define MARROW_TESTS_COHORT_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "cohort/views_priv.h"
#include "dialect/dialect.h"
#include "plan/rewrite.h"

struct kit {
    struct engine *engine;
    struct data_schema schema; /* of the table asked for last */
    bool one_row_each;
};

static inline void kit_ok(enum err_code code, const struct err *err)
{
    if (code != ERR_OK)
        fail_msg("%s; %s; %s", err->message, err->detail, err->hint);
}

static inline void kit_sql(struct kit *kit, const char *sql)
{
    struct err err = {0};
    kit_ok(engine_execute(kit->engine, sql, NULL, 0, &err), &err);
}

static inline int64_t kit_int(struct kit *kit, const char *sql)
{
    struct err err = {0};
    int64_t number = 0;
    enum err_code code = engine_query_int(kit->engine, sql, 0, &number, &err);
    if (code != ERR_OK)
        fail_msg("%s; %s: %s", err.message, err.detail, sql);
    return number;
}

static inline enum err_code kit_table(void *user, const char *name, const char *patient,
                                      struct cohort_table *ret, struct err *err)
{
    struct kit *kit = user;
    char sql[300];
    AUTO(engine_result_close) struct engine_result *result = NULL;
    (void)patient;
    (void)snprintf(sql, sizeof sql, "SELECT * FROM %s LIMIT 0", name);
    data_schema_done(&kit->schema);
    *ret = (struct cohort_table){.schema = NULL};
    if (engine_query(kit->engine, sql, NULL, 0, &result, ERR_IGNORED) != ERR_OK)
        return ERR_OK;
    TRY(data_schema_copy(engine_result_schema(result), &kit->schema, err));
    *ret = (struct cohort_table){.schema = &kit->schema, .one_row_each = kit->one_row_each};
    return ERR_OK;
}

static inline enum err_code kit_list(void *user, const char *table, const char *column,
                                     void (*each)(void *to, struct str value), void *to,
                                     struct err *err)
{
    struct kit *kit = user;
    char sql[300];
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    (void)snprintf(sql, sizeof sql,
                   "SELECT DISTINCT CAST(%s AS VARCHAR) FROM %s WHERE %s IS NOT NULL", column,
                   table, column);
    TRY(engine_query(kit->engine, sql, NULL, 0, &result, err));
    for (;;) {
        TRY(engine_result_next(result, &batch, err));
        if (batch == NULL)
            return ERR_OK;
        for (int64_t row = 0; row < batch->rows; row++)
            each(to, batch->vectors[0].text[row]);
    }
}

static inline struct cohort_views *kit_views(struct kit *kit, const json_t *declared)
{
    struct err err = {0};
    struct cohort_views *views = NULL;
    struct cohort_binding binding = {kit_table, kit};
    kit_ok(cohort_views_new(declared, "views", &views, &err), &err);
    kit_ok(cohort_views_bind(views, &binding, &err), &err);
    return views;
}

static inline void kit_plan_sql(const struct plan_rel *root, const char *dialect, struct buf *sql)
{
    struct err err = {0};
    const char **params = NULL;
    size_t count = 0;
    const struct plan_rel *quick = NULL;
    AUTO(plan_free) struct plan *over = plan_new_over(root);
    kit_ok(plan_optimise(over, root, &quick, &err), &err);
    kit_ok(dialect_sql(dialect_find(dialect), quick, NULL, sql, &params, &count, &err), &err);
    mem_free(params);
}

/* Counts after each step by the plan; returns how many. */
static inline size_t kit_plan_counts(struct kit *kit, const struct cohort_question *question,
                                     int64_t *ret, size_t cap)
{
    struct err err = {0};
    const struct plan_rel *root = NULL;
    size_t count = 0;
    AUTO(plan_free) struct plan *plan = plan_new();
    AUTO(buf_done) struct buf sql = BUF_INIT;
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    kit_ok(cohort_plan_attrition(plan, question, &root, &err), &err);
    kit_plan_sql(root, "duckdb", &sql);
    enum err_code code = engine_query(kit->engine, buf_text(&sql), NULL, 0, &result, &err);
    if (code != ERR_OK)
        fail_msg("%s %s\n%s", err.message, err.detail, buf_text(&sql));
    for (;;) {
        kit_ok(engine_result_next(result, &batch, &err), &err);
        if (batch == NULL)
            return count;
        for (int64_t row = 0; row < batch->rows && count < cap; row++)
            ret[count++] = batch->vectors[1].i64[row];
    }
}

#endif
