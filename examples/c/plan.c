/* TPC-H's third query built as a plan: its SQL, its signature, and whether a JSON file holds the
 * same plan.
 *
 *     cc plan.c $(pkg-config --cflags --libs marrow) -o plan && ./plan tests/tpch/plans/q03.json */
#include <marrow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define ARGS(...) ((const struct marrow_expr *[]){__VA_ARGS__})

/* column FUNCTION value */
static const struct marrow_expr *compare(struct marrow_plan *p, const char *function,
                                         const struct marrow_rel *rel, const char *column,
                                         const struct marrow_expr *value)
{
    return marrow_plan_call(p, function, 2, ARGS(marrow_plan_column(p, rel, column), value));
}

static const struct marrow_rel *orders_of_segment(struct marrow_plan *p)
{
    static const struct marrow_column customer_columns[] = {{"c_custkey", "bigint"},
                                                            {"c_mktsegment", "text"}};
    static const struct marrow_column order_columns[] = {{"o_orderkey", "bigint"},
                                                         {"o_custkey", "bigint"},
                                                         {"o_orderdate", "date"},
                                                         {"o_shippriority", "bigint"}};
    const struct marrow_rel *customer =
        marrow_plan_scan(p, "customer", customer_columns, COUNT(customer_columns));
    const struct marrow_rel *orders =
        marrow_plan_scan(p, "orders", order_columns, COUNT(order_columns));
    customer = marrow_plan_filter(
        p, customer, compare(p, "eq", customer, "c_mktsegment", marrow_plan_text(p, "BUILDING")));
    orders = marrow_plan_filter(
        p, orders,
        compare(p, "lt", orders, "o_orderdate", marrow_plan_literal(p, "date", "1995-03-15")));
    return marrow_plan_join(p, MARROW_JOIN_INNER, customer, orders,
                            ARGS(marrow_plan_column(p, customer, "c_custkey")),
                            ARGS(marrow_plan_column_right(p, orders, "o_custkey")), 1, NULL);
}

static const struct marrow_rel *third_query(struct marrow_plan *p)
{
    static const struct marrow_column item_columns[] = {{"l_orderkey", "bigint"},
                                                        {"l_extendedprice", "decimal(15,2)"},
                                                        {"l_discount", "decimal(15,2)"},
                                                        {"l_shipdate", "date"}};
    const struct marrow_rel *orders = orders_of_segment(p);
    const struct marrow_rel *items =
        marrow_plan_scan(p, "lineitem", item_columns, COUNT(item_columns));
    items = marrow_plan_filter(
        p, items,
        compare(p, "gt", items, "l_shipdate", marrow_plan_literal(p, "date", "1995-03-15")));
    const struct marrow_rel *all = marrow_plan_join(
        p, MARROW_JOIN_INNER, orders, items, ARGS(marrow_plan_column(p, orders, "o_orderkey")),
        ARGS(marrow_plan_column_right(p, items, "l_orderkey")), 1, NULL);
    const struct marrow_expr *left = marrow_plan_call(
        p, "sub", 2, ARGS(marrow_plan_int(p, 1), marrow_plan_column(p, all, "l_discount")));
    const struct marrow_expr *price =
        marrow_plan_call(p, "mul", 2, ARGS(marrow_plan_column(p, all, "l_extendedprice"), left));
    const struct marrow_named groups[] = {
        {"l_orderkey", marrow_plan_column(p, all, "l_orderkey")},
        {"o_orderdate", marrow_plan_column(p, all, "o_orderdate")},
        {"o_shippriority", marrow_plan_column(p, all, "o_shippriority")}};
    const struct marrow_named sums[] = {
        {"revenue", marrow_plan_aggregate_call(p, "sum", 1, ARGS(price), 0, NULL)}};
    const struct marrow_rel *totals =
        marrow_plan_aggregate(p, all, groups, COUNT(groups), sums, COUNT(sums));
    const struct marrow_named outputs[] = {
        {"l_orderkey", marrow_plan_column(p, totals, "l_orderkey")},
        {"revenue", marrow_plan_column(p, totals, "revenue")},
        {"o_orderdate", marrow_plan_column(p, totals, "o_orderdate")},
        {"o_shippriority", marrow_plan_column(p, totals, "o_shippriority")}};
    totals = marrow_plan_project(p, totals, outputs, COUNT(outputs));
    const struct marrow_order order[] = {{marrow_plan_column(p, totals, "revenue"), 1, 0},
                                         {marrow_plan_column(p, totals, "o_orderdate"), 0, 0}};
    return marrow_plan_limit(p, marrow_plan_sort(p, totals, order, COUNT(order)), 10, 0);
}

static void must(enum marrow_code code, const struct marrow_error *error)
{
    if (code == MARROW_OK)
        return;
    fprintf(stderr, "%s\n", error->message);
    exit(1);
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = malloc(1 << 20);
    size_t length = file == NULL || text == NULL ? 0 : fread(text, 1, (1 << 20) - 1, file);
    if (text != NULL)
        text[length] = '\0';
    if (file != NULL)
        fclose(file);
    return text;
}

int main(int argc, char **argv)
{
    struct marrow_error error;
    struct marrow_plan *plan = marrow_plan_new(), *read = NULL;
    char signature[65], other[65], *sql = NULL;
    must(marrow_plan_finish(plan, third_query(plan), &error), &error);
    must(marrow_plan_sql(plan, NULL, &sql, &error), &error);
    must(marrow_plan_signature(plan, signature, &error), &error);
    printf("%s\nsignature %s\n", sql, signature);
    if (argc > 1) {
        char *json = read_file(argv[1]);
        must(marrow_plan_from_json(json, &read, &error), &error);
        must(marrow_plan_signature(read, other, &error), &error);
        printf("%s\n", strcmp(signature, other) == 0 ? "the same plan" : "another plan");
        free(json);
    }
    marrow_free(sql);
    marrow_plan_free(read);
    marrow_plan_free(plan);
    return 0;
}
