/* A column's items as a cell of its type. FHIR's types keep their lexical form; a cast that the view asks for (ansi/type) takes
 * place here. What does not fit is no value: whoever asked decides what follows. */
#include <string.h>

#include "fhir/evaluate_priv.h"

static const char WRONG_TYPE[] = "a value that is not of the column's type";
static const char NO_CAST[] = "a value that cannot be cast to the column's type";

static bool has_value(const struct fhir_item *item)
{
    return item->node == NULL || item->node->kind != JSON_NODE_NULL;
}

/* Is the item of the FHIR type that the column declares? A type that is none of FHIR's primitives says nothing. */
static bool fits(const struct fhir_block_column *column, const struct fhir_item *item)
{
    enum fhir_type type = column->declared;
    enum fhir_system found = fhir_item_system(item);
    switch (fhir_type_system(type)) {
    case FHIR_SYSTEM_NONE:
        return true;
    case FHIR_SYSTEM_BOOLEAN:
        return found == FHIR_SYSTEM_BOOLEAN;
    case FHIR_SYSTEM_INTEGER:
        return found == FHIR_SYSTEM_INTEGER || (type == FHIR_TYPE_INTEGER64 && found == FHIR_SYSTEM_STRING); /* R5 writes it as a string */
    case FHIR_SYSTEM_DECIMAL:
        return found == FHIR_SYSTEM_INTEGER || found == FHIR_SYSTEM_DECIMAL;
    case FHIR_SYSTEM_STRING:
    case FHIR_SYSTEM_DATE:
    case FHIR_SYSTEM_DATETIME:
    case FHIR_SYSTEM_TIME:
        return found == FHIR_SYSTEM_STRING || found == FHIR_SYSTEM_DATE || found == FHIR_SYSTEM_DATETIME || found == FHIR_SYSTEM_TIME;
    }
    return true;
}

/* ---- JSON -------------------------------------------------------------------------------------- */

static void add_json(const struct fhir_item *item, struct buf *out)
{
    enum fhir_system system = fhir_item_system(item);
    if (!has_value(item))
        buf_puts(out, "null");
    else if (system == FHIR_SYSTEM_NONE)
        buf_add_str(out, item->node != NULL ? item->node->text : STR("null"));
    else if (system == FHIR_SYSTEM_BOOLEAN || system == FHIR_SYSTEM_INTEGER || system == FHIR_SYSTEM_DECIMAL)
        buf_add_str(out, item->text);
    else
        data_json_escape(item->text, out);
}

static bool keep_text(struct fhir_eval *eval, const struct buf *text, struct fhir_cell *ret)
{
    char *copy = text->failed ? NULL : arena_strndup(eval->arena, buf_text(text), text->len);
    if (copy == NULL)
        return fhir_eval_fail(eval, ERR_MEMORY, "no memory for a cell");
    ret->text = (struct str){copy, text->len};
    ret->valid = true;
    return true;
}

static const char *collection_cell(struct fhir_eval *eval, const struct fhir_block_column *column, const struct fhir_items *items, struct fhir_cell *ret)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    buf_putc(&text, '[');
    for (size_t idx = 0; idx < items->count; idx++) {
        if (has_value(&items->list[idx]) && !fits(column, &items->list[idx]))
            return WRONG_TYPE;
        if (idx > 0)
            buf_putc(&text, ',');
        add_json(&items->list[idx], &text);
    }
    buf_putc(&text, ']');
    keep_text(eval, &text, ret);
    return NULL;
}

static const char *json_cell(struct fhir_eval *eval, const struct fhir_item *item, struct fhir_cell *ret)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    if (item->node != NULL && item->node->text.len > 0 && (item->node->kind == JSON_NODE_OBJECT || item->node->kind == JSON_NODE_ARRAY)) {
        ret->text = item->node->text;
        ret->valid = true;
        return NULL;
    }
    add_json(item, &text);
    keep_text(eval, &text, ret);
    return NULL;
}

/* ---- casts ------------------------------------------------------------------------------------- */

static const char *moment_cell(enum data_kind kind, struct str text, struct fhir_cell *ret)
{
    struct fhir_moment moment;
    if (!fhir_moment_read(text, &moment) || moment.is_time != (kind == DATA_TIME) || (moment.is_time ? moment.parts < 5 : moment.parts < 3))
        return NO_CAST;
    ret->i64 = kind == DATA_DATE ? fhir_moment_days(&moment) : fhir_moment_us(&moment);
    return NULL;
}

/* A number written as a string may be cast, if the view asks for it. */
static const char *number_cell(struct data_type type, struct str text, struct fhir_cell *ret)
{
    bool done;
    if (type.kind == DATA_BIGINT)
        done = str_to_int64(text, &ret->i64);
    else if (type.kind == DATA_DOUBLE)
        done = str_to_double(text, &ret->f64);
    else
        done = fhir_number_scaled(text, type.precision, type.scale, &ret->i128);
    return done ? NULL : NO_CAST;
}

static bool is_number_text(const struct fhir_item *item)
{
    double value;
    enum fhir_system system = fhir_item_system(item);
    return system == FHIR_SYSTEM_INTEGER || system == FHIR_SYSTEM_DECIMAL || (system == FHIR_SYSTEM_STRING && str_to_double(item->text, &value));
}

static const char *boolean_cell(const struct fhir_item *item, struct fhir_cell *ret)
{
    ret->boolean = item->text.len > 0 && item->text.ptr[0] == 't';
    return ret->boolean || str_equal(item->text, STR("false")) ? NULL : NO_CAST;
}

static const char *scalar_cell(struct fhir_eval *eval, const struct fhir_block_column *column, const struct fhir_item *item, struct fhir_cell *ret)
{
    if (column->about->type.kind == DATA_JSON)
        return json_cell(eval, item, ret);
    if (fhir_item_system(item) == FHIR_SYSTEM_NONE)
        return WRONG_TYPE;
    ret->valid = true;
    switch (column->about->type.kind) {
    case DATA_TEXT:
        ret->text = item->text;
        return NULL;
    case DATA_BOOLEAN:
        return boolean_cell(item, ret);
    case DATA_BIGINT:
    case DATA_DOUBLE:
    case DATA_DECIMAL:
        return is_number_text(item) ? number_cell(column->about->type, item->text, ret) : NO_CAST;
    case DATA_DATE:
    case DATA_TIME:
    case DATA_TIMESTAMP:
    case DATA_TIMESTAMPTZ:
        return moment_cell(column->about->type.kind, item->text, ret);
    case DATA_NULL:
    case DATA_UHUGEINT:
    case DATA_BLOB:
    case DATA_INTERVAL:
    case DATA_LIST:
    case DATA_STRUCT:
    case DATA_JSON:
        break;
    }
    return NO_CAST;
}

const char *fhir_cell_of(struct fhir_eval *eval, const struct fhir_block_column *column, const struct fhir_items *items, struct fhir_cell *ret)
{
    ret->valid = false;
    if (column->collection)
        return collection_cell(eval, column, items, ret);
    if (items->count == 0)
        return NULL;
    if (items->count > 1)
        return "several values where one is expected";
    if (!has_value(&items->list[0]))
        return NULL;
    if (!fits(column, &items->list[0]))
        return WRONG_TYPE;
    const char *wrong = scalar_cell(eval, column, &items->list[0], ret);
    ret->valid = ret->valid && wrong == NULL;
    return wrong;
}
