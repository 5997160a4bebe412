/* A folder of Parquet files as a table: how tables get to Trino, whose INSERT … VALUES is no way to
 * load one. Types are those of the Hive connector. */
#include "engine/trino/trino_priv.h"

/* The Hive connector's name for a type; NULL: it cannot store it. */
static const char *storable(struct data_type type)
{
    switch (type.kind) {
    case DATA_BOOLEAN:
        return "boolean";
    case DATA_BIGINT:
        return "bigint";
    case DATA_DECIMAL:
        return "decimal";
    case DATA_DOUBLE:
        return "double";
    case DATA_TEXT:
    case DATA_JSON:
        return "varchar";
    case DATA_BLOB:
        return "varbinary";
    case DATA_DATE:
        return "date";
    case DATA_TIMESTAMP:
        return "timestamp(6)";
    case DATA_NULL:
    case DATA_UHUGEINT:
    case DATA_TIME:
    case DATA_TIMESTAMPTZ:
    case DATA_INTERVAL:
    case DATA_LIST:
    case DATA_STRUCT:
        return NULL;
    }
    return NULL;
}

static enum err_code add_columns(const struct data_schema *schema, struct buf *sql, struct err *err)
{
    char type[32];
    for (size_t idx = 0; idx < schema->count; idx++) {
        const struct data_column *column = &schema->columns[idx];
        const char *name = storable(column->type);
        if (name == NULL)
            return err_set(err, ERR_UNSUPPORTED,
                           "column %s: Trino's Hive connector cannot store the type %s",
                           column->name, data_type_text(column->type, type));
        buf_puts(sql, idx > 0 ? ", " : "");
        engine_quote_identifier(sql, str_of(column->name));
        buf_printf(sql, " %s", name);
        if (column->type.kind == DATA_DECIMAL)
            buf_printf(sql, "(%u,%u)", (unsigned)column->type.precision,
                       (unsigned)column->type.scale);
    }
    return ERR_OK;
}

/* The keys, which are the last columns, as the connector wants them: ARRAY['year', 'month'] */
static void add_keys(const struct engine_external *external, struct buf *sql)
{
    const struct data_schema *columns = external->columns;
    buf_puts(sql, ", partitioned_by = ARRAY[");
    for (size_t idx = columns->count - external->key_count; idx < columns->count; idx++) {
        buf_puts(sql, idx > columns->count - external->key_count ? ", " : "");
        engine_quote_literal(sql, str_of(columns->columns[idx].name));
    }
    buf_putc(sql, ']');
}

/* The metastore knows no partition of a new table: it is told of the folders that are there. */
static enum err_code sync_partitions(struct engine *engine, const char *schema_name,
                                     const char *table, struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    const char *schema = schema_name != NULL ? schema_name : ((struct trino *)engine)->schema;
    buf_puts(&sql, "CALL system.sync_partition_metadata(schema_name => ");
    engine_quote_literal(&sql, str_of(schema == NULL ? "" : schema));
    buf_puts(&sql, ", table_name => ");
    engine_quote_literal(&sql, str_of(table));
    buf_puts(&sql, ", mode => 'ADD', case_sensitive => false)");
    TRY(buf_check(&sql, err));
    return engine_execute(engine, buf_text(&sql), NULL, 0, err);
}

enum err_code trino_create_external(struct engine *engine, const char *schema_name,
                                    const char *table, const struct engine_external *external,
                                    struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf sql = BUF_INIT;
    buf_puts(&sql, "CREATE TABLE ");
    if (schema_name != NULL) {
        engine_quote_identifier(&sql, str_of(schema_name));
        buf_putc(&sql, '.');
    }
    engine_quote_identifier(&sql, str_of(table));
    buf_puts(&sql, " (");
    TRY(add_columns(external->columns, &sql, err));
    buf_putc(&sql, ')');
    if (external->comment != NULL) {
        buf_puts(&sql, " COMMENT ");
        engine_quote_literal(&sql, str_of(external->comment));
    }
    buf_puts(&sql, " WITH (format = 'PARQUET', external_location = ");
    engine_quote_literal(&sql, str_of(external->location));
    if (external->key_count > 0)
        add_keys(external, &sql);
    buf_putc(&sql, ')');
    TRY(buf_check(&sql, err));
    TRY(engine_execute(engine, buf_text(&sql), NULL, 0, err));
    return external->key_count == 0 ? ERR_OK : sync_partitions(engine, schema_name, table, err);
}
