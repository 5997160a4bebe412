/* Columns of numbers with limits among them, parted in two as the user asked ("read":
 * "comparator").
 *
 *     crp          crp    crp_comparator
 *     "3.1"    →   3.1    null
 *     "< 0.5"      0.5    "<"
 *     "≥100"       100    ">="
 *
 * The one idea: the rows are read through a view that has both columns, so that everything behind
 * it (types, misfits, casts, hash) sees two ordinary columns. FHIR's Quantity.comparator is the
 * model. A text that is no number behind a comparator stays whole in the first column. */
#include <string.h>

#include "store/load_priv.h"

#define COMPARATORS "(<=|>=|<|>|≤|≥)"
#define TRIMMED "trim(%s, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13))"
#define COMPARED "regexp_full_match(" TRIMMED ", '" COMPARATORS "\\s*-?[0-9][0-9.,]*')"

enum err_code store_load_add_split(struct load *load, size_t idx, struct err *err)
{
    AUTO(buf_done) struct buf name = BUF_INIT;
    const struct data_column *column = &load->schema.columns[idx];
    if (!load->text && column->type.kind != DATA_TEXT)
        return err_set(err, ERR_INPUT, "column %s holds no texts that could be parted",
                       column->name);
    buf_printf(&name, "%s_comparator", column->name);
    TRY(buf_check(&name, err));
    if (data_schema_find(&load->schema, buf_view(&name)) >= 0)
        return err_set(err, ERR_INPUT, "column %s can't be parted: the table has a column %s",
                       column->name, buf_text(&name));
    TRY(data_schema_add(&load->schema, buf_view(&name), DATA_TYPE(TEXT), err));
    load->splits[load->split_count++] = idx;
    return ERR_OK;
}

/* One column's name, and the view's expression in which each %s is that name. */
static void add_expression(struct buf *out, const char *expression, const char *name)
{
    for (const char *at = expression; *at != '\0'; at++) {
        bool place = at[0] == '%' && at[1] == 's';
        if (place)
            store_sql_name(out, name);
        else
            buf_putc(out, *at);
        at += place;
    }
}

enum err_code store_load_split(const struct load *load, struct buf *relation, struct err *err)
{
    AUTO(buf_done) struct buf view = BUF_INIT;
    if (load->split_count == 0)
        return ERR_OK;
    size_t first = load->schema.count - load->split_count;
    buf_puts(&view, "(SELECT * REPLACE (");
    for (size_t i = 0; i < load->split_count; i++) {
        buf_puts(&view, i == 0 ? "" : ", ");
        add_expression(&view,
                       "CASE WHEN " COMPARED " THEN regexp_replace(" TRIMMED ", '^" COMPARATORS
                       "\\s*', '') ELSE %s END AS %s",
                       load->schema.columns[load->splits[i]].name);
    }
    buf_puts(&view, ")");
    for (size_t i = 0; i < load->split_count; i++) {
        add_expression(&view,
                       ", CASE WHEN " COMPARED " THEN replace(replace(regexp_extract(" TRIMMED
                       ", '^" COMPARATORS "'), '≤', '<='), '≥', '>=') END AS ",
                       load->schema.columns[load->splits[i]].name);
        store_sql_name(&view, load->schema.columns[first + i].name);
    }
    buf_puts(&view, " FROM ");
    buf_add_str(&view, buf_view(relation));
    buf_puts(&view, ")");
    buf_clear(relation);
    buf_add_str(relation, buf_view(&view));
    TRY(buf_check(&view, err));
    return buf_check(relation, err);
}
