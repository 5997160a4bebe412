/* What a language model may see of a question: its text with every literal that might be somebody's
 * replaced by …1, …2 (slots), and names and types of tables and columns. With values: the text
 * whole, and the most frequent values of categories. */
#include "ask/ask_priv.h"

#define MOST_VALUES 20 /* of a column */
#define MOST_COLUMNS 2000

static void put_question(const struct ask_reading *reading, bool values, json_t *object, bool *ok)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    size_t slots = 0;
    for (size_t i = 0; i < reading->item_count; i++) {
        const struct ask_item *item = &reading->items[i];
        bool stays = ask_item_stays(item);
        if (text.len > 0)
            buf_putc(&text, ' ');
        for (size_t t = item->from; (stays || values) && t < item->to; t++) {
            buf_puts(&text, t > item->from ? " " : "");
            buf_add_str(&text, reading->tokens[t].text);
        }
        if (!stays)
            buf_printf(&text, "%s…%zu", values ? " " : "", ++slots);
    }
    json_put_str(object, "question", buf_view(&text), ok);
}

static json_t *values_of(const struct ask_reading *reading, size_t table, size_t column, bool *ok)
{
    const struct ask_index *index = reading->index;
    json_t *list = json_array();
    for (uint32_t e = 0; e < index->entry_count && json_array_size(list) < MOST_VALUES; e++) {
        if (index->entries[e].source >= reading->catalogue->source_count)
            continue;
        const struct ask_source *source = &reading->catalogue->sources[index->entries[e].source];
        if (source->table == table && source->column == column && source->edge == ASK_NONE)
            json_push_str(list, ask_entry_text(index, e), ok);
    }
    return list;
}

static json_t *columns_of(const struct ask_reading *reading, size_t t, bool values, bool *ok)
{
    const struct ask_table *table = &reading->catalogue->tables[t];
    json_t *list = json_array();
    for (size_t i = 0; i < table->column_count && i < MOST_COLUMNS; i++) {
        char type[32];
        json_t *one = json_object();
        json_put_text(one, "name", table->columns[i].name, ok);
        json_put_text(one, "type", data_type_text(table->columns[i].type, type), ok);
        json_put_text(one, "role", profile_column_role_text(table->columns[i].role), ok);
        if (values && table->columns[i].role == PROFILE_CATEGORY)
            json_put(one, "values", values_of(reading, t, i, ok), ok);
        json_push(list, one, ok);
    }
    return list;
}

static void put_relations(const struct ask_catalogue *c, json_t *object, bool *ok)
{
    json_t *list = json_array();
    for (size_t e = 0; e < c->edge_count; e++) {
        AUTO(buf_done) struct buf text = BUF_INIT;
        const struct ask_step *edge = &c->edges[e];
        if (c->tables[edge->child].hidden || c->tables[edge->parent].hidden)
            continue;
        buf_printf(&text, "%s.%s -> %s.%s", c->tables[edge->child].name,
                   c->tables[edge->child].columns[edge->child_column].name,
                   c->tables[edge->parent].name,
                   c->tables[edge->parent].columns[edge->parent_column].name);
        json_push_str(list, buf_view(&text), ok);
    }
    json_put(object, "relations", list, ok);
}

enum err_code ask_brief(const struct ask_reading *reading, bool values, json_t **ret,
                        struct err *err)
{
    const struct ask_catalogue *c = reading->catalogue;
    json_t *object = json_object(), *tables = json_array();
    bool ok = true;
    put_question(reading, values, object, &ok);
    for (size_t t = 0; t < c->table_count; t++) {
        if (c->tables[t].hidden)
            continue;
        json_t *one = json_object();
        json_put_text(one, "name", c->tables[t].name, &ok);
        json_put_text(one, "about", ask_concept_text(c->tables[t].concept), &ok);
        json_put(one, "columns", columns_of(reading, t, values, &ok), &ok);
        json_push(tables, one, &ok);
    }
    json_put(object, "tables", tables, &ok);
    put_relations(c, object, &ok);
    *ret = object;
    return json_built(ok, err);
}
