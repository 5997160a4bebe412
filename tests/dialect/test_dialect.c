/* The dialect's door: quoting, table expressions, shared relations, and what happens when memory
 * runs out at any point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fault.h"
#include "dialect/dialect.h"

#define E const struct plan_expr *[]

static void add(struct data_schema *schema, const char *name, struct data_type type)
{
    struct err err;
    assert_int_equal(data_schema_add(schema, str_of(name), type, &err), ERR_OK);
}

static void identifiers_are_quoted_only_where_needed(void **state)
{
    static const char *const CASES[][2] = {{"abc_1", "abc_1"},
                                           {"Abc", "\"Abc\""},
                                           {"1a", "\"1a\""},
                                           {"", "\"\""},
                                           {"select", "\"select\""},
                                           {"all", "\"all\""},
                                           {"xmltable", "\"xmltable\""},
                                           {"a\"b", "\"a\"\"b\""},
                                           {"\xc3\xa9", "\"\xc3\xa9\""}};
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct buf out = BUF_INIT;
        dialect_quote_identifier(dialect_find("duckdb"), str_of(CASES[i][0]), &out);
        assert_string_equal(buf_text(&out), CASES[i][1]);
        buf_done(&out);
    }
    assert_null(dialect_find("no such"));
}

static void parquet_of(void *user, const char *table, struct buf *out)
{
    buf_printf(out, "read_parquet('%s/%s.parquet')", (const char *)user, table);
}
static void a_table_can_be_any_expression(void **state)
{
    struct err err = {0};
    struct data_schema schema = {0};
    char directory[] = "runs";
    struct dialect_options options = {.table = parquet_of, .user = directory};
    struct buf sql = BUF_INIT;
    (void)state;
    add(&schema, "id", DATA_TYPE(BIGINT));
    AUTO(plan_free) struct plan *p = plan_new();
    const struct plan_rel *scan = plan_scan(p, "mart_patient", &schema);
    const struct plan_rel *rel =
        plan_join(p, PLAN_JOIN_SEMI, scan, scan, (E){plan_column(p, scan, "id")},
                  (E){plan_column_right(p, scan, "id")}, 1, NULL);
    assert_int_equal(dialect_sql(dialect_find("duckdb"), rel, &options, &sql, NULL, NULL, &err),
                     ERR_OK);
    assert_string_equal(
        buf_text(&sql),
        "SELECT\n    mart_patient.id\nFROM read_parquet('runs/mart_patient.parquet') AS "
        "mart_patient\n"
        "WHERE EXISTS (SELECT 1 FROM read_parquet('runs/mart_patient.parquet') AS mart_patient_2 "
        "WHERE mart_patient_2.id = mart_patient.id)\n");
    buf_done(&sql);
    data_schema_done(&schema);
}

static void a_relation_shared_sixty_times_over_is_a_chain_of_ctes(void **state)
{
    struct err err = {0};
    struct data_schema schema = {0};
    struct buf sql = BUF_INIT;
    (void)state;
    add(&schema, "id", DATA_TYPE(BIGINT));
    AUTO(plan_free) struct plan *p = plan_new();
    const struct plan_rel *rel = plan_scan(p, "labs", &schema);
    for (int i = 0; i < 60; i++)
        rel = plan_join(p, PLAN_JOIN_ANTI, rel, rel, (E){plan_column(p, rel, "id")},
                        (E){plan_column_right(p, rel, "id")}, 1, NULL);
    assert_int_equal(dialect_sql(dialect_find("duckdb"), rel, NULL, &sql, NULL, NULL, &err),
                     ERR_OK);
    assert_true(sql.len < 60000);
    buf_done(&sql);
    data_schema_done(&schema);
}

static void a_parameter_without_a_place_for_its_name_is_an_error(void **state)
{
    struct err err = {0};
    struct data_schema schema = {0};
    struct buf sql = BUF_INIT;
    (void)state;
    add(&schema, "id", DATA_TYPE(BIGINT));
    AUTO(plan_free) struct plan *p = plan_new();
    const struct plan_rel *scan = plan_scan(p, "labs", &schema);
    const struct plan_rel *rel = plan_filter(
        p, scan,
        plan_call(p, "eq", 2,
                  (E){plan_column(p, scan, "id"), plan_param(p, "who", DATA_TYPE(BIGINT))}));
    assert_int_equal(dialect_sql(dialect_find("duckdb"), rel, NULL, &sql, NULL, NULL, &err),
                     ERR_INPUT);
    buf_done(&sql);
    data_schema_done(&schema);
}

/* Build, sign, print, write and compile; every code is a fair answer as long as nothing leaks or
 * crashes. */
static enum err_code whole_way(const struct data_schema *schema, struct err *err)
{
    char signature[65];
    struct buf sql = BUF_INIT;
    const char **params = NULL;
    size_t count = 0;
    AUTO(plan_free) struct plan *p = plan_new();
    const struct plan_rel *scan = p == NULL ? NULL : plan_scan(p, "labs", schema);
    if (p != NULL) {
        const struct plan_expr *value = plan_column(p, scan, "value");
        const struct plan_rel *rel = plan_filter(
            p, scan, plan_call(p, "gt", 2, (E){value, plan_param(p, "least", DATA_TYPE(DOUBLE))}));
        struct plan_named group = {"id", plan_column(p, rel, "id")};
        struct plan_named sum = {"total", plan_aggregate_call(p, "sum", 1, &value, false, NULL)};
        const struct plan_rel *totals =
            plan_label(p, plan_aggregate(p, rel, &group, 1, &sum, 1), "totals");
        scan = plan_join(p, PLAN_JOIN_SEMI, scan, totals, (E){plan_column(p, scan, "id")},
                         (E){plan_column_right(p, totals, "id")}, 1, NULL);
    }
    enum err_code code = plan_finish(p, scan, err);
    if (code == ERR_OK)
        code = plan_signature(scan, signature, err);
    if (code == ERR_OK)
        code = dialect_sql(dialect_find("duckdb"), scan, NULL, &sql, &params, &count, err);
    if (code == ERR_OK)
        code = plan_print(scan, &sql, err);
    mem_free(params);
    buf_done(&sql);
    return code;
}
static void every_failed_allocation_is_an_error_and_no_crash(void **state)
{
    struct data_schema schema = {0};
    struct err err;
    int64_t failures = 0;
    (void)state;
    add(&schema, "id", DATA_TYPE(BIGINT));
    add(&schema, "value", DATA_TYPE(DOUBLE));
    for (int64_t n = 1; n < 10000; n++) {
        fault_arm(FAULT_ALLOC, n);
        err.code = ERR_OK;
        enum err_code code = whole_way(&schema, &err);
        bool fired = fault_fired();
        fault_disarm();
        if (!fired) {
            assert_int_equal(code, ERR_OK);
            break;
        }
        assert_true(code == ERR_MEMORY || code == ERR_LIMIT);
        failures++;
    }
    assert_true(failures > 3);
    data_schema_done(&schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identifiers_are_quoted_only_where_needed),
        cmocka_unit_test(a_table_can_be_any_expression),
        cmocka_unit_test(a_relation_shared_sixty_times_over_is_a_chain_of_ctes),
        cmocka_unit_test(a_parameter_without_a_place_for_its_name_is_an_error),
        cmocka_unit_test(every_failed_allocation_is_an_error_and_no_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
