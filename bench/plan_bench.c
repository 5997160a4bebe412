/* Plan → SQL, timed: build + check + sign + emit at the size of TPC-H's Q3 and for a mart of 200
 * columns over 20 facts. Marks: ≤ 100 µs and ≤ 2 ms (docs/BENCH). Prints one line each: the best
 * and the median of many rounds, in µs. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "dialect/dialect.h"

#define E const struct plan_expr *[]
#define ROUNDS 400

static void schema_add(struct data_schema *schema, const char *name, struct data_type type)
{
    struct err err;
    if (data_schema_add(schema, str_of(name), type, &err) != ERR_OK)
        abort();
}

static const struct plan_rel *q3(struct plan *p, const struct data_schema *s)
{
    const struct plan_rel *customer = plan_scan(p, "customer", &s[0]);
    const struct plan_rel *orders = plan_scan(p, "orders", &s[1]);
    const struct plan_rel *items = plan_scan(p, "lineitem", &s[2]);
    customer = plan_filter(
        p, customer,
        plan_call(p, "eq", 2,
                  (E){plan_column(p, customer, "c_mktsegment"), plan_literal_text(p, "BUILDING")}));
    orders = plan_filter(p, orders,
                         plan_call(p, "lt", 2,
                                   (E){plan_column(p, orders, "o_orderdate"),
                                       plan_literal(p, DATA_TYPE(DATE), "1995-03-15")}));
    items = plan_filter(p, items,
                        plan_call(p, "gt", 2,
                                  (E){plan_column(p, items, "l_shipdate"),
                                      plan_literal(p, DATA_TYPE(DATE), "1995-03-15")}));
    const struct plan_rel *j =
        plan_join(p, PLAN_JOIN_INNER, customer, orders, (E){plan_column(p, customer, "c_custkey")},
                  (E){plan_column_right(p, orders, "o_custkey")}, 1, NULL);
    j = plan_join(p, PLAN_JOIN_INNER, j, items, (E){plan_column(p, j, "o_orderkey")},
                  (E){plan_column_right(p, items, "l_orderkey")}, 1, NULL);
    const struct plan_expr *one = plan_literal_int(p, 1);
    const struct plan_expr *revenue =
        plan_call(p, "mul", 2,
                  (E){plan_column(p, j, "l_extendedprice"),
                      plan_call(p, "sub", 2, (E){one, plan_column(p, j, "l_discount")})});
    struct plan_named groups[] = {{"l_orderkey", plan_column(p, j, "l_orderkey")},
                                  {"o_orderdate", plan_column(p, j, "o_orderdate")},
                                  {"o_shippriority", plan_column(p, j, "o_shippriority")}};
    struct plan_named sums[] = {
        {"revenue", plan_aggregate_call(p, "sum", 1, &revenue, false, NULL)}};
    const struct plan_rel *a = plan_aggregate(p, j, groups, 3, sums, 1);
    struct plan_order order[] = {{plan_column(p, a, "revenue"), true, false},
                                 {plan_column(p, a, "o_orderdate"), false, false}};
    return plan_limit(p, plan_sort(p, a, order, 2), 10, 0);
}

#define FACTS 20
#define MEASURES 2

/* Patients left-joined with 20 facts, each aggregated to the patient first: 2 measures × 5
 * aggregates each. */
static const struct plan_rel *mart(struct plan *p, const struct data_schema *patients,
                                   const struct data_schema *fact)
{
    static const char *const AGGREGATES[] = {"count", "mean", "min", "max", "sum"};
    const struct plan_rel *result = plan_scan(p, "patients", patients);
    for (int f = 0; f < FACTS; f++) {
        const struct plan_rel *scan = plan_scan(p, arena_printf(plan_arena(p), "fact_%d", f), fact);
        struct plan_named *outputs = plan_named_array(p, MEASURES * 5);
        struct plan_named key = {"patient_id", plan_column(p, scan, "patient_id")};
        for (int m = 0; m < MEASURES && outputs != NULL; m++)
            for (int a = 0; a < 5; a++) {
                const struct plan_expr *value = plan_column(p, scan, m == 0 ? "value" : "dose");
                outputs[m * 5 + a].name = arena_printf(plan_arena(p), "fact_%d__%s__%s", f,
                                                       m == 0 ? "value" : "dose", AGGREGATES[a]);
                outputs[m * 5 + a].expr =
                    plan_aggregate_call(p, AGGREGATES[a], 1, &value, false, NULL);
            }
        key.name = arena_printf(plan_arena(p), "fact_%d__patient_id", f);
        const struct plan_rel *totals = plan_aggregate(p, scan, &key, 1, outputs, MEASURES * 5);
        totals = plan_label(p, totals, arena_printf(plan_arena(p), "fact_%d_by_patient", f));
        result =
            plan_join(p, PLAN_JOIN_LEFT, result, totals, (E){plan_column(p, result, "patient_id")},
                      (E){plan_column_right(p, totals, key.name)}, 1, NULL);
    }
    return result;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void run(const char *name, const struct data_schema *schemas, bool is_mart)
{
    static int64_t times[ROUNDS];
    size_t bytes = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct err err;
        struct buf sql = BUF_INIT;
        char signature[65];
        int64_t start = clock_monotonic_us();
        struct plan *p = plan_new();
        const struct plan_rel *root = is_mart ? mart(p, &schemas[0], &schemas[1]) : q3(p, schemas);
        if (plan_finish(p, root, &err) != ERR_OK ||
            plan_signature(root, signature, &err) != ERR_OK ||
            dialect_sql(dialect_find("duckdb"), root, NULL, &sql, NULL, NULL, &err) != ERR_OK) {
            (void)fprintf(stderr, "%s: %s\n", name, err.message);
            exit(1);
        }
        times[i] = clock_monotonic_us() - start;
        bytes = sql.len;
        if (i == 0 && getenv("PLAN_BENCH_SQL") != NULL)
            (void)printf("%s\n", buf_text(&sql));
        buf_done(&sql);
        plan_free(p);
    }
    qsort(times, ROUNDS, sizeof times[0], compare);
    (void)printf("%-14s best %lld us, median %lld us, %zu bytes of SQL\n", name,
                 (long long)times[0], (long long)times[ROUNDS / 2], bytes);
}

int main(void)
{
    struct data_schema tpch[3] = {{0}};
    schema_add(&tpch[0], "c_custkey", DATA_TYPE(BIGINT));
    schema_add(&tpch[0], "c_mktsegment", DATA_TYPE(TEXT));
    schema_add(&tpch[1], "o_orderkey", DATA_TYPE(BIGINT));
    schema_add(&tpch[1], "o_custkey", DATA_TYPE(BIGINT));
    schema_add(&tpch[1], "o_orderdate", DATA_TYPE(DATE));
    schema_add(&tpch[1], "o_shippriority", DATA_TYPE(BIGINT));
    schema_add(&tpch[2], "l_orderkey", DATA_TYPE(BIGINT));
    schema_add(&tpch[2], "l_extendedprice", data_type_decimal(15, 2));
    schema_add(&tpch[2], "l_discount", data_type_decimal(15, 2));
    schema_add(&tpch[2], "l_shipdate", DATA_TYPE(DATE));
    struct data_schema clinical[2] = {{0}};
    schema_add(&clinical[0], "patient_id", DATA_TYPE(BIGINT));
    schema_add(&clinical[0], "sex", DATA_TYPE(TEXT));
    schema_add(&clinical[1], "patient_id", DATA_TYPE(BIGINT));
    schema_add(&clinical[1], "value", data_type_decimal(18, 4));
    schema_add(&clinical[1], "dose", DATA_TYPE(DOUBLE));
    run("tpch q3", tpch, false);
    run("mart 200", clinical, true);
    for (int i = 0; i < 3; i++)
        data_schema_done(&tpch[i]);
    for (int i = 0; i < 2; i++)
        data_schema_done(&clinical[i]);
    return 0;
}
