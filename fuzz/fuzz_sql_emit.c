/* layer: run — hostile names and texts through a plan into SQL, prepared and run by the engine:
 * they mean themselves, or the plan is refused before. The input is cut at zero bytes: table,
 * column, label, literal, output name. */
#include <stdlib.h>
#include <string.h>

#include "dialect/dialect.h"
#include "engine/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { TABLE, COLUMN, LABEL, LITERAL, OUTPUT, PARTS };
#define E const struct plan_expr *[]

static struct engine *engine; /* one for all inputs */

static void cut(const uint8_t *bytes, size_t count, char parts[PARTS][256])
{
    for (size_t part = 0, at = 0; part < PARTS; part++) {
        size_t length = 0;
        for (; at < count && bytes[at] != 0; at++)
            if (length < 255)
                parts[part][length++] = (char)bytes[at];
        parts[part][length] = '\0';
        at++;
    }
}

/* rows of the table that equal the literal, as the output's name */
static const struct plan_rel *build(struct plan *plan, char parts[PARTS][256],
                                    const struct data_schema *schema)
{
    const struct plan_rel *scan = plan_scan(plan, parts[TABLE], schema);
    scan = plan_label(plan, scan, parts[LABEL]);
    const struct plan_expr *text = plan_literal_text(plan, parts[LITERAL]);
    const struct plan_rel *kept = plan_filter(
        plan, scan, plan_call(plan, "eq", 2, (E){plan_column(plan, scan, parts[COLUMN]), text}));
    struct plan_named outputs[] = {{parts[OUTPUT], plan_column(plan, kept, parts[COLUMN])}};
    return plan_project(plan, kept, outputs, 1);
}

/* The table with the literal as its one row. False: the engine takes no such names (too long, an
 * empty one …). */
static bool fill(char parts[PARTS][256])
{
    struct err err = {0};
    struct engine_value value = {.type = DATA_TYPE(TEXT), .text = str_of(parts[LITERAL])};
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "CREATE TABLE ");
    engine_quote_identifier(&sql, str_of(parts[TABLE]));
    buf_puts(&sql, " AS SELECT CAST($1 AS VARCHAR) AS ");
    engine_quote_identifier(&sql, str_of(parts[COLUMN]));
    return buf_check(&sql, &err) == ERR_OK &&
           engine_execute(engine, buf_text(&sql), &value, 1, &err) == ERR_OK;
}

static void drop(char parts[PARTS][256])
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    struct err err = {0};
    buf_puts(&sql, "DROP TABLE ");
    engine_quote_identifier(&sql, str_of(parts[TABLE]));
    if (engine_execute(engine, buf_text(&sql), NULL, 0, &err) != ERR_OK)
        abort();
}

static void run(const struct plan_rel *root, char parts[PARTS][256])
{
    struct err err = {0};
    const struct data_batch *batch = NULL;
    AUTO(buf_done) struct buf sql = BUF_INIT;
    AUTO(engine_result_close) struct engine_result *result = NULL;
    if (dialect_sql(dialect_find("duckdb"), root, NULL, &sql, NULL, NULL, &err) != ERR_OK)
        return; /* refused by us */
    if (engine_query(engine, buf_text(&sql), NULL, 0, &result, &err) != ERR_OK ||
        engine_result_next(result, &batch, &err) != ERR_OK)
        abort();
    if (batch == NULL || batch->rows != 1 || batch->columns != 1 ||
        !str_equal(batch->vectors[0].text[0], str_of(parts[LITERAL])))
        abort(); /* the literal is not what it was */
    if (strcmp(engine_result_schema(result)->columns[0].name, parts[OUTPUT]) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    char parts[PARTS][256];
    struct err err = {0};
    struct engine_options options = {.threads = 1};
    struct data_schema schema = {NULL, 0};
    json_install();
    if (engine == NULL && engine_open(&options, &engine, &err) != ERR_OK)
        abort();
    cut(bytes, count, parts);
    AUTO(plan_free) struct plan *plan = plan_new();
    if (plan != NULL &&
        data_schema_add(&schema, str_of(parts[COLUMN]), DATA_TYPE(TEXT), &err) == ERR_OK &&
        strcmp(schema.columns[0].name, parts[COLUMN]) == 0) {
        const struct plan_rel *root = build(plan, parts, &schema);
        if (plan_finish(plan, root, &err) == ERR_OK && fill(parts)) {
            run(root, parts);
            drop(parts);
        }
    }
    data_schema_done(&schema);
    return 0;
}
