/* Loading a stack: the rows of its parts, one part after the other, in one scratch table.
 *
 *     scan (CSV, Parquet) ──────────────────────▶ INSERT … SELECT cast(columns), source_file
 *     stream ──▶ STORE_SCRATCH_TABLE (one part) ──▶          ▲ into STORE_STACK_TABLE
 *
 * The one idea: columns are matched by name, and get the narrowest type that holds all parts
 * without loss; text stays text, whose type is then decided over all rows. Everything after
 * (typing, casting, hashing) is as for one file. */
#include <string.h>

#include "store/load_priv.h"

struct stacking { /* a stack on its way */
    struct load *load;
    const struct store_stack *stack;
    struct data_schema *schemas; /* of the parts; owned */
};

/* ---- columns ------------------------------------------------------------------------------------
 */

static enum err_code read_schema(struct load *load, const struct data_source *source,
                                 struct data_schema *ret, struct err *err)
{
    int64_t changed = 0;
    if (source->schema.count > 0)
        TRY(data_schema_copy(&source->schema, ret, err));
    else if (source->scan != NULL)
        TRY(engine_scan_schema(load->engine, source->scan, ret, err));
    return data_schema_name_columns(ret, &changed, err);
}

static enum err_code refuse_columns(const struct stacking *work, size_t part, const char *column,
                                    bool missing, struct err *err)
{
    const char *first = work->stack->parts[0].label, *other = work->stack->parts[part].label;
    (void)err_set(err, ERR_INPUT, "%s and %s can't be stacked: only %s has a column %.200s", first,
                  other, missing ? first : other, column);
    return err_hint(err,
                    "tables are stacked where their columns have the same names; leave that one "
                    "out of --stack, or import them apart");
}

/* Labels of both; a value with two labels can't have both. */
static enum err_code merge_labels(const struct stacking *work, size_t part,
                                  struct data_column *column, const struct data_column *other,
                                  struct err *err)
{
    for (size_t i = 0; i < other->value_label_count; i++) {
        const struct data_value_label *label = &other->value_labels[i];
        size_t k = 0;
        while (k < column->value_label_count &&
               strcmp(column->value_labels[k].value, label->value) != 0)
            k++;
        if (k == column->value_label_count) {
            TRY(data_schema_add_value_label(column, str_of(label->value), str_of(label->label),
                                            err));
            continue;
        }
        if (strcmp(column->value_labels[k].label, label->label) == 0)
            continue;
        (void)err_set(err, ERR_INPUT,
                      "%s can't be stacked with the parts before it: a value of column %s has "
                      "another label there",
                      work->stack->parts[part].label, column->name);
        return err_hint(err, "the same code with two meanings: import them apart");
    }
    return ERR_OK;
}

static enum err_code take_part_columns(const struct stacking *work, size_t part, struct err *err)
{
    struct data_schema *schema = &work->load->schema;
    const struct data_schema *other = &work->schemas[part];
    for (size_t i = 0; i < other->count; i++)
        if (data_schema_find(schema, str_of(other->columns[i].name)) < 0)
            return refuse_columns(work, part, other->columns[i].name, false, err);
    for (size_t i = 0; i < schema->count; i++) {
        struct data_column *column = &schema->columns[i];
        int at = data_schema_find(other, str_of(column->name));
        if (at < 0)
            return refuse_columns(work, part, column->name, true, err);
        column->type = store_type_wider(column->type, other->columns[at].type);
        TRY(merge_labels(work, part, column, &other->columns[at], err));
    }
    return ERR_OK;
}

static enum err_code settle_schema(const struct stacking *work, struct err *err)
{
    struct load *load = work->load;
    int64_t changed = 0;
    for (size_t i = 0; i < work->stack->count; i++) {
        enum err_code code =
            read_schema(load, work->stack->parts[i].source, &work->schemas[i], err);
        if (code == ERR_OK && i == 0)
            code = data_schema_copy(&work->schemas[0], &load->schema, err);
        if (code == ERR_OK && i > 0)
            code = take_part_columns(work, i, err);
        if (code != ERR_OK)
            return err_at(err, work->stack->parts[i].source->origin, 0, 0);
    }
    TRY(data_schema_add(&load->schema, STR(STORE_STACK_COLUMN), DATA_TYPE(TEXT), err));
    return data_schema_name_columns(&load->schema, &changed, err);
}

static enum err_code make_table(const struct load *load, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "CREATE OR REPLACE TEMP TABLE " STORE_STACK_TABLE " (");
    for (size_t i = 0; i < load->schema.count; i++) {
        struct data_type type = load->schema.columns[i].type;
        buf_puts(&sql, i == 0 ? "" : ", ");
        store_sql_name(&sql, load->schema.columns[i].name);
        buf_putc(&sql, ' ');
        engine_type_sql(type.kind == DATA_NULL ? DATA_TYPE(TEXT) : type, &sql);
    }
    buf_puts(&sql, ")");
    TRY(buf_check(&sql, err));
    return engine_execute(load->engine, buf_text(&sql), NULL, 0, err);
}

/* ---- rows ---------------------------------------------------------------------------------------
 */

/* Numbers that become doubles must come back from them as they were. */
static enum err_code check_doubles(const struct stacking *work, size_t part, const char *relation,
                                   struct err *err)
{
    const struct data_schema *schema = &work->load->schema, *own = &work->schemas[part];
    for (size_t i = 0; i < own->count; i++) {
        AUTO(buf_done) struct buf sql = BUF_INIT;
        const struct data_column *column = &own->columns[i];
        int64_t lost = 0;
        int at = data_schema_find(schema, str_of(column->name));
        if (at < 0 || schema->columns[at].type.kind != DATA_DOUBLE ||
            (column->type.kind != DATA_BIGINT && column->type.kind != DATA_DECIMAL))
            continue;
        store_sql_lost_as_double(column, relation, &sql);
        TRY(buf_check(&sql, err));
        TRY(engine_query_int(work->load->engine, buf_text(&sql), 0, &lost, err));
        if (lost == 0)
            continue;
        (void)err_set(err, ERR_INPUT,
                      "column %s holds %lld numbers that can't be kept exactly beside the floating "
                      "point numbers of other parts",
                      column->name, (long long)lost);
        return err_hint(err, "import them apart, or give the column one type in all files");
    }
    return ERR_OK;
}

static enum err_code insert_rows(const struct stacking *work, size_t part, const char *relation,
                                 struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    const struct data_schema *schema = &work->load->schema;
    buf_puts(&sql, "INSERT INTO " STORE_STACK_TABLE " SELECT ");
    for (size_t i = 0; i + 1 < schema->count; i++) {
        const struct data_column *column = &schema->columns[i];
        int at = data_schema_find(&work->schemas[part], str_of(column->name));
        buf_puts(&sql, "CAST(");
        store_sql_name(&sql, at < 0 ? column->name : work->schemas[part].columns[at].name);
        buf_puts(&sql, " AS ");
        engine_type_sql(column->type.kind == DATA_NULL ? DATA_TYPE(TEXT) : column->type, &sql);
        buf_puts(&sql, "), ");
    }
    engine_quote_literal(&sql, str_of(work->stack->parts[part].label));
    buf_printf(&sql, " FROM %s", relation);
    TRY(buf_check(&sql, err));
    return engine_execute(work->load->engine, buf_text(&sql), NULL, 0, err);
}

static enum err_code count_rows(const struct load *load, int64_t *ret, struct err *err)
{
    return engine_query_int(load->engine, "SELECT count(*) FROM " STORE_STACK_TABLE, 0, ret, err);
}

static enum err_code stream_part(const struct stacking *work, size_t part, struct err *err)
{
    int64_t rows = 0;
    struct load *load = work->load;
    data_schema_done(&work->schemas[part]);
    work->schemas[part] = (struct data_schema){0};
    TRY(store_stream_fill(load->engine, work->stack->parts[part].source, load->progress,
                          &load->rejects, &work->schemas[part], &rows, err));
    TRY(check_doubles(work, part, STORE_SCRATCH_TABLE, err));
    return insert_rows(work, part, STORE_SCRATCH_TABLE, err);
}

/* By the engine's scan; for CSV ERR_ENGINE too where it lost records. */
static enum err_code scan_part(const struct stacking *work, size_t part, int64_t before,
                               struct err *err)
{
    struct load *load = work->load;
    const struct data_source *source = work->stack->parts[part].source;
    bool csv = source->scan->kind == DATA_SCAN_CSV;
    AUTO(buf_done) struct buf relation = BUF_INIT;
    int64_t rows = 0, rejected = 0;
    load->scanned = load->scanned || csv;
    TRY(engine_scan_expression(source->scan, &work->schemas[part], csv ? STORE_REJECTS_READ : NULL,
                               &relation, err));
    TRY(buf_check(&relation, err));
    if (!csv)
        TRY(check_doubles(work, part, buf_text(&relation), err));
    TRY(insert_rows(work, part, buf_text(&relation), err));
    if (!csv)
        return ERR_OK;
    TRY(count_rows(load, &rows, err));
    TRY(engine_scan_rejects(load->engine, STORE_REJECTS_READ, NULL, &rejected, err));
    if (source->push != NULL && rows - before + rejected != source->scan->records)
        return err_set(
            err, ERR_ENGINE, "the engine read %lld rows and rejected %lld, of %lld records",
            (long long)(rows - before), (long long)rejected, (long long)source->scan->records);
    struct data_sink sink = {.reject = store_rejects_add, .user = &load->rejects};
    return engine_scan_rejects(load->engine, STORE_REJECTS_READ, &sink, &rejected, err);
}

/* What a scan of the part that was given up left. */
static enum err_code undo_part(const struct stacking *work, size_t part, struct err *err)
{
    const struct data_schema *schema = &work->load->schema;
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "DELETE FROM " STORE_STACK_TABLE " WHERE ");
    store_sql_name(&sql, schema->columns[schema->count - 1].name);
    buf_puts(&sql, " = ");
    engine_quote_literal(&sql, str_of(work->stack->parts[part].label));
    TRY(buf_check(&sql, err));
    return engine_execute(work->load->engine, buf_text(&sql), NULL, 0, err);
}

static enum err_code take_part(const struct stacking *work, size_t part, struct err *err)
{
    struct load *load = work->load;
    const struct data_source *source = work->stack->parts[part].source;
    struct err own = {0};
    int64_t before = 0, after = 0, rejected = load->rejects.rows;
    load->rejects.origin = source->origin;
    load->rejects.part = work->stack->parts[part].label;
    TRY(count_rows(load, &before, err));
    enum err_code code = ERR_ENGINE;
    if (store_load_scan_of(source) != NULL) {
        code = store_load_watch(load, source, err);
        if (code == ERR_OK)
            code = scan_part(work, part, before, &own);
        if (code == ERR_OK)
            code = store_load_check_unchanged(load, source, &own);
        store_load_drop_rejects(load);
    }
    if (code == ERR_ENGINE && source->push != NULL) {
        TRY(undo_part(work, part, err));
        code = stream_part(work, part, &own);
    }
    if (code == ERR_OK)
        code = count_rows(load, &after, &own);
    if (code != ERR_OK) {
        if (err != NULL && own.code != ERR_OK)
            *err = own;
        return err_at(err, source->origin, own.line, own.column);
    }
    load->pushed_rows = after;
    bool ok = true;
    json_t *entry = json_object();
    json_put_text(entry, "table", source->name, &ok);
    json_put_text(entry, STORE_STACK_COLUMN, work->stack->parts[part].label, &ok);
    json_put_text(entry, "source", source->origin, &ok);
    json_put_text(entry, "source_sha256", source->source_sha256, &ok);
    json_put_int(entry, "source_bytes", source->bytes, &ok);
    json_put_int(entry, "rows", after - before, &ok);
    json_put_int(entry, "rejected_rows", load->rejects.rows - rejected, &ok);
    json_push(load->parts, entry, &ok);
    return json_built(ok, err);
}

static enum err_code take_parts(const struct stacking *work, struct err *err)
{
    TRY(settle_schema(work, err));
    TRY(make_table(work->load, err));
    for (size_t i = 0; i < work->stack->count; i++)
        TRY(take_part(work, i, err));
    return ERR_OK;
}

enum err_code store_stack_fill(struct load *load, struct err *err)
{
    const struct store_stack *stack = load->stack;
    struct stacking work = {.load = load,
                            .stack = stack,
                            .schemas =
                                arena_array(load->arena, stack->count, sizeof *work.schemas)};
    if (work.schemas == NULL)
        return err_set(err, ERR_MEMORY, "no memory to load a table");
    load->spooled = true;
    enum err_code code = take_parts(&work, err);
    for (size_t i = 0; i < stack->count; i++)
        data_schema_done(&work.schemas[i]);
    load->rejects.part = NULL;
    return code;
}
