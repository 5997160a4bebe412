/* Running a plan on an engine, and comparing what two engines gave. */
#include "differential.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dialect/dialect.h"

/* ---- tables -------------------------------------------------------------------------------------
 */

static void type_of(const char *dialect, struct data_type type, struct buf *out)
{
    static const struct {
        enum data_kind kind;
        const char *postgresql, *trino, *datafusion;
    } NAMES[] = {
        {DATA_BOOLEAN, "boolean", "boolean", "boolean"},
        {DATA_BIGINT, "bigint", "bigint", "bigint"},
        {DATA_UHUGEINT, "numeric(39, 0)", "decimal(38, 0)", "decimal(38, 0)"},
        {DATA_DOUBLE, "double precision", "double", "double"},
        {DATA_TEXT, "text", "varchar", "varchar"},
        {DATA_JSON, "json", "varchar", "varchar"},
        {DATA_BLOB, "bytea", "varbinary", "bytea"},
        {DATA_DATE, "date", "date", "date"},
        {DATA_TIME, "time", "time(6)", "time"},
        {DATA_TIMESTAMP, "timestamp", "timestamp(6)", "timestamp(6)"},
        {DATA_TIMESTAMPTZ, "timestamptz", "timestamp(6) with time zone",
         "timestamp(6) with time zone"},
        {DATA_INTERVAL, "interval", "varchar", "interval"},
    };
    bool trino = strcmp(dialect, "trino") == 0, datafusion = strcmp(dialect, "datafusion") == 0;
    if (strcmp(dialect, "duckdb") == 0) {
        engine_type_sql(type, out);
        return;
    }
    if (type.kind == DATA_DECIMAL)
        buf_printf(out, "decimal(%d, %d)", type.precision, type.scale);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (NAMES[i].kind == type.kind)
            buf_puts(out, trino        ? NAMES[i].trino
                          : datafusion ? NAMES[i].datafusion
                                       : NAMES[i].postgresql);
}

static void put_cell(const char *dialect, struct data_type type, const char *cell, struct buf *sql)
{
    bool cast =
        (strcmp(dialect, "trino") == 0 || strcmp(dialect, "datafusion") == 0) && cell != NULL;
    buf_puts(sql, cast ? "CAST(" : "");
    if (cell == NULL)
        buf_puts(sql, "NULL");
    else
        engine_quote_literal(sql, str_of(cell));
    if (!cast)
        return;
    buf_puts(sql, " AS ");
    type_of(dialect, type, sql);
    buf_putc(sql, ')');
}

static void columns_by_type(const char *dialect, const struct data_schema *schema, struct buf *sql)
{
    for (size_t i = 0; i < schema->count; i++) {
        buf_puts(sql, i == 0 ? " (" : ", ");
        engine_quote_identifier(sql, str_of(schema->columns[i].name));
        buf_putc(sql, ' ');
        type_of(dialect, schema->columns[i].type, sql);
    }
    buf_putc(sql, ')');
}

/* DataFusion's TIME has nanoseconds, our Parquet files and Substrait have microseconds, and it has
 * no common type of the two: in SQL the table has the one, in Substrait the other. */
static void columns_by_select(const struct data_schema *schema, struct buf *sql)
{
    for (size_t i = 0; i < schema->count; i++) {
        bool time = schema->columns[i].type.kind == DATA_TIME;
        buf_printf(sql, "%s%s", i == 0 ? " AS SELECT " : ", ",
                   time ? "arrow_cast(NULL, 'Time64(Microsecond)')" : "CAST(NULL AS ");
        if (!time) {
            type_of("datafusion", schema->columns[i].type, sql);
            buf_putc(sql, ')');
        }
        buf_puts(sql, " AS ");
        engine_quote_identifier(sql, str_of(schema->columns[i].name));
    }
    buf_puts(sql, " WHERE 1 = 0");
}

static enum err_code load_table(struct party *party, const struct random_table *table,
                                struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT, name = BUF_INIT;
    const char *dialect = engine_dialect(party->engine);
    const struct data_schema *schema = &table->schema;
    engine_quote_identifier(&name, str_of(table->name));
    TRY(engine_executef(party->engine, err, "DROP TABLE IF EXISTS %s", buf_text(&name)));
    buf_printf(&sql, "CREATE TABLE %s", buf_text(&name));
    if (party->substrait)
        columns_by_select(schema, &sql);
    else
        columns_by_type(dialect, schema, &sql);
    TRY(engine_execute(party->engine, buf_text(&sql), NULL, 0, err));
    buf_clear(&sql);
    for (size_t at = 0; at < table->row_count * schema->count; at++) {
        if (at == 0)
            buf_printf(&sql, "INSERT INTO %s VALUES (", buf_text(&name));
        else
            buf_puts(&sql, at % schema->count == 0 ? "), (" : ", ");
        put_cell(dialect, schema->columns[at % schema->count].type, table->cells[at], &sql);
    }
    if (table->row_count == 0)
        return ERR_OK;
    buf_putc(&sql, ')');
    return engine_execute(party->engine, buf_text(&sql), NULL, 0, err);
}

enum err_code party_load(struct party *party, const struct random_table *tables, size_t count,
                         struct err *err)
{
    for (size_t i = 0; i < count; i++)
        TRY(load_table(party, &tables[i], err));
    return ERR_OK;
}

/* ---- running ------------------------------------------------------------------------------------
 */

/* The type that the result's column should be of. */
static bool is_settled(struct data_type wanted, struct data_type found)
{
    if (wanted.kind == DATA_LIST || wanted.kind == DATA_STRUCT)
        return found.kind == DATA_TEXT;
    return data_type_equal(wanted, found);
}

static enum err_code collect(struct answer *answer, struct engine_result *result,
                             const struct plan_rel *root, struct err *err)
{
    const struct data_schema *schema = engine_result_schema(result);
    const struct data_batch *batch = NULL;
    size_t cap = 0;
    const char ***rows = NULL;
    answer->column_count = root->column_count;
    do {
        TRY(engine_result_next(result, &batch, err));
        for (int64_t row = 0; batch != NULL && row < batch->rows; row++) {
            if (answer->row_count == cap) {
                cap = cap == 0 ? 64 : cap * 2;
                const char ***grown = arena_array(answer->arena, cap, sizeof *grown);
                if (answer->row_count > 0)
                    memcpy(grown, rows, answer->row_count * sizeof *grown);
                rows = grown;
            }
            const char **cells = arena_array(answer->arena, batch->columns, sizeof *cells);
            for (size_t i = 0; i < batch->columns; i++) {
                struct buf text = BUF_INIT;
                if (data_value_text(&batch->vectors[i], row, &text))
                    cells[i] = arena_strndup(answer->arena, buf_text(&text), text.len);
                buf_done(&text);
            }
            rows[answer->row_count++] = cells;
        }
    } while (batch != NULL);
    for (size_t i = 0; i < root->column_count; i++)
        if (answer->wrong_type == NULL &&
            (i >= schema->count || !is_settled(root->columns[i].type, schema->columns[i].type))) {
            char found[32] = "none";
            if (i < schema->count)
                (void)data_type_text(schema->columns[i].type, found);
            answer->wrong_type =
                arena_printf(answer->arena, "column %s is %s", root->columns[i].name, found);
        }
    answer->rows = rows;
    return ERR_OK;
}

/* Parameters of the plan's JSON become literals. */
static void close_params(json_t *json, const struct random_param *params, size_t count)
{
    const char *key;
    json_t *child;
    size_t idx;
    void *next;
    const char *name = json_is_object(json) ? json_text(json, "param", NULL) : NULL;
    for (size_t p = 0; name != NULL && p < count; p++)
        if (strcmp(params[p].name, name) == 0) {
            (void)json_object_set_new(json, "literal",
                                      params[p].text == NULL ? json_null()
                                                             : json_string(params[p].text));
            (void)json_object_del(json, "param");
            return;
        }
    json_object_foreach_safe(json, next, key, child) close_params(child, params, count);
    json_array_foreach(json, idx, child) close_params(child, params, count);
}

static enum err_code run_substrait(struct answer *answer, struct party *party,
                                   const struct plan_rel *root, const struct random_param *params,
                                   size_t param_count, struct err *err)
{
    AUTO(buf_done) struct buf bytes = BUF_INIT;
    AUTO(engine_result_close) struct engine_result *result = NULL;
    AUTO(plan_free) struct plan *plan = plan_new();
    JSON_AUTO json = NULL;
    const struct plan_rel *closed = NULL;
    TRY(plan_to_json(root, &json, err));
    close_params(json, params, param_count);
    if (plan_from_json(plan, json, "closed", &closed, err) != ERR_OK) /* a list's parameter */
        return err->code = ERR_UNSUPPORTED;
    TRY(dialect_substrait(closed, NULL, &bytes, err));
    TRY(engine_query_substrait(party->engine, buf_view(&bytes), &result, err));
    return collect(answer, result, root, err);
}

static enum err_code run(struct answer *answer, struct party *party, const struct plan_rel *root,
                         const struct random_param *params, size_t param_count, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const char **names = NULL;
    size_t count = 0;
    TRY(dialect_sql(party->dialect, root, NULL, &sql, &names, &count, err));
    struct engine_value *values = arena_array(answer->arena, count + 1, sizeof *values);
    for (size_t i = 0; i < count; i++)
        for (size_t p = 0; p < param_count; p++)
            if (strcmp(params[p].name, names[i]) == 0 && params[p].text != NULL)
                values[i] =
                    (struct engine_value){.type = DATA_TYPE(TEXT), .text = str_of(params[p].text)};
    mem_free(names);
    TRY(engine_query(party->engine, buf_text(&sql), values, count, &result, err));
    return collect(answer, result, root, err);
}

void answer_init(struct answer *ret, struct party *party, const struct plan_rel *root,
                 const struct random_param *params, size_t param_count)
{
    *ret = (struct answer){.arena = arena_new(0)};
    ret->code = party->substrait ? run_substrait(ret, party, root, params, param_count, &ret->err)
                                 : run(ret, party, root, params, param_count, &ret->err);
    if (ret->code == ERR_ENGINE && strcmp(engine_dialect(party->engine), "datafusion") == 0 &&
        strstr(ret->err.detail, "Internal error") != NULL)
        ret->code = ERR_UNSUPPORTED; /* what DataFusion itself calls a bug of its own */
    party->run++;
    party->slow += ret->code == ERR_TIMEOUT;
    if (ret->code == ERR_TIMEOUT) /* some plans do not end on Trino, for its own reasons */
        ret->code = ERR_UNSUPPORTED;
    party->skipped += ret->code == ERR_UNSUPPORTED;
}

void answer_done(struct answer *answer)
{
    arena_free(answer->arena);
    answer->arena = NULL;
}

/* ---- comparing ----------------------------------------------------------------------------------
 */

static const struct plan_rel *sorting; /* qsort's compare has no other way */

static int compare_texts(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return (a != NULL) - (b != NULL);
    return strcmp(a, b);
}
static int compare_rows(const void *a, const void *b)
{
    const char *const *left = *(const char *const *const *)a;
    const char *const *right = *(const char *const *const *)b;
    for (int doubles = 0; doubles < 2; doubles++)
        for (size_t i = 0; i < sorting->column_count; i++) {
            if ((sorting->columns[i].type.kind == DATA_DOUBLE) != (doubles == 1))
                continue;
            double x = 0, y = 0;
            int order = compare_texts(left[i], right[i]);
            if (order != 0 && doubles == 1 && left[i] != NULL && right[i] != NULL &&
                str_to_double(str_of(left[i]), &x) && str_to_double(str_of(right[i]), &y) && x != y)
                order = x < y ? -1 : 1;
            if (order != 0)
                return order;
        }
    return 0;
}

static bool same_cell(struct data_type type, const char *a, const char *b)
{
    double x = 0, y = 0;
    if (a == NULL || b == NULL)
        return a == b;
    if (strcmp(a, b) == 0)
        return true;
    if (type.kind != DATA_DOUBLE || !str_to_double(str_of(a), &x) || !str_to_double(str_of(b), &y))
        return false;
    return fabs(x - y) <= 1e-12 * fmax(fmax(fabs(x), fabs(y)), 1);
}

static const char *rows_differ(const struct plan_rel *root, const struct answer *a,
                               const struct answer *b, const size_t *columns, size_t column_count)
{
    for (size_t row = 0; row < a->row_count; row++)
        for (size_t k = 0; k < column_count; k++) {
            size_t i = columns[k];
            const char *x = a->rows[row][i], *y = b->rows[row][i];
            if (!same_cell(root->columns[i].type, x, y))
                return arena_printf(a->arena, "row %zu, column %s: %s against %s", row + 1,
                                    root->columns[i].name, x != NULL ? x : "NULL",
                                    y != NULL ? y : "NULL");
        }
    return NULL;
}

/* The sort's keys come in the same sequence. */
static const char *order_differs(const struct plan_rel *root, const struct answer *a,
                                 const struct answer *b)
{
    const struct plan_rel *sort = root->kind == PLAN_LIMIT ? root->inputs[0] : root;
    if (sort->kind != PLAN_SORT)
        return NULL;
    size_t *columns = arena_array(a->arena, sort->order_count + 1, sizeof *columns), count = 0;
    for (size_t i = 0; i < sort->order_count; i++)
        if (sort->order[i].expr->kind == PLAN_COLUMN)
            columns[count++] = sort->order[i].expr->idx;
    return rows_differ(root, a, b, columns, count);
}

void answer_sort(const struct answer *answer, const struct plan_rel *root)
{
    sorting = root;
    if (answer->row_count > 0)
        qsort(answer->rows, answer->row_count, sizeof *answer->rows, compare_rows);
}

/* The answer itself stays as its rows came: it is compared with other engines' too. */
static struct answer sorted_copy(const struct answer *answer, const struct plan_rel *root)
{
    struct answer copy = *answer;
    copy.rows = arena_array(answer->arena, answer->row_count, sizeof *copy.rows);
    memcpy(copy.rows, answer->rows, answer->row_count * sizeof *copy.rows);
    answer_sort(&copy, root);
    return copy;
}

const char *answers_differ(const struct plan_rel *root, const struct answer *a,
                           const struct answer *b)
{
    if (a->code == ERR_UNSUPPORTED || b->code == ERR_UNSUPPORTED)
        return NULL;
    if (a->code != ERR_OK && b->code != ERR_OK)
        return NULL;
    if (a->code != ERR_OK || b->code != ERR_OK) {
        const struct err *err = a->code != ERR_OK ? &a->err : &b->err;
        return arena_printf(a->arena, "only the %s fails: %s / %s",
                            a->code != ERR_OK ? "first" : "second", err->message, err->detail);
    }
    if (a->wrong_type != NULL || b->wrong_type != NULL)
        return arena_printf(a->arena, "%s: %s", a->wrong_type != NULL ? "first" : "second",
                            a->wrong_type != NULL ? a->wrong_type : b->wrong_type);
    if (a->row_count != b->row_count)
        return arena_printf(a->arena, "%zu rows against %zu", a->row_count, b->row_count);
    if (a->row_count == 0)
        return NULL;
    const char *order = order_differs(root, a, b);
    if (order != NULL)
        return order;
    struct answer left = sorted_copy(a, root), right = sorted_copy(b, root);
    size_t *columns = arena_array(a->arena, root->column_count, sizeof *columns);
    for (size_t i = 0; i < root->column_count; i++)
        columns[i] = i;
    return rows_differ(root, &left, &right, columns, root->column_count);
}

void answer_write(const struct answer *answer, struct buf *out)
{
    if (answer->code != ERR_OK)
        buf_printf(out, "error %s\n", err_code_name(answer->code));
    for (size_t row = 0; answer->code == ERR_OK && row < answer->row_count; row++)
        for (size_t i = 0; i < answer->column_count; i++) {
            const char *cell = answer->rows[row][i];
            buf_printf(out, "%s%s", cell != NULL ? cell : "NULL",
                       i + 1 < answer->column_count ? " | " : "\n");
        }
}
