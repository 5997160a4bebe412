/* Groups that are some values of a column, said with the column's name: "stage 3 and 4", "arm A
 * versus arm C". The name then is no noun of its own, and one letter is a value. */
#include "ask/grammar_priv.h"

#include <string.h>

/* Is the entry the text? A letter in its case: "a" is an article. */
static bool is_text(const struct ask_reading *reading, uint32_t entry, struct str text)
{
    struct str value = str_trim(ask_entry_text(reading->index, entry));
    return value.len == 1 ? str_equal(value, text) : str_equal_nocase(value, text);
}

bool ask_parse_value_called(struct ask_reading *reading, size_t table, size_t column,
                            struct str text, struct ask_item *ret)
{
    char stem[ASK_STEM_BYTES];
    size_t count = 0, length = 0;
    const struct ask_index *index = reading->index;
    while (length < text.len && text.ptr[length] != ' ')
        length++;
    ask_stem((struct str){text.ptr, length}, stem);
    const uint32_t *list = ask_index_word(index, stem, &count);
    ret->match_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct ask_entry *entry = &index->entries[list[i]];
        const struct ask_source *source = &reading->catalogue->sources[entry->source];
        if (source->table != table || (column != ASK_NONE && source->column != column) ||
            source->edge != ASK_NONE || !is_text(reading, list[i], text) ||
            (ret->match_count > 0 && entry->rows <= (uint32_t)ret->matches[0].rows))
            continue;
        uint32_t *entries = arena_array(reading->arena, 1, sizeof *entries);
        if (entries == NULL)
            return false;
        entries[0] = list[i];
        ret->class = ASK_VALUE;
        ret->match_count = 1;
        ret->chosen = 0;
        ret->quality = 1;
        ret->matches[0] = (struct ask_match){.source = entry->source,
                                             .entries = entries,
                                             .count = 1,
                                             .rows = entry->rows,
                                             .patients = entry->patients,
                                             .exact = true,
                                             .together = true,
                                             .quality = 1};
    }
    return ret->match_count > 0;
}

static bool is_of(const struct ask_parse *p, const struct ask_item *value,
                  const struct ask_item *column)
{
    for (size_t i = 0; i < value->match_count; i++) {
        const struct ask_source *source = &p->catalogue->sources[value->matches[i].source];
        if (source->table == column->columns[0].table &&
            source->column == column->columns[0].column)
            return true;
    }
    return false;
}

/* Does a mark stand before the item? Then it is of something else. */
static bool is_parted(const struct ask_reading *reading, const struct ask_item *item)
{
    const struct ask_token *token = &reading->tokens[item->from];
    if (item->from == 0)
        return false;
    const char *gap = token[-1].text.ptr + token[-1].text.len;
    for (; gap < token->text.ptr; gap++)
        if (*gap == ',' || *gap == ':' || *gap == ';')
            return true;
    return false;
}

static bool is_join(const struct ask_item *item)
{
    return item->class == ASK_AND || item->class == ASK_OR ||
           (item->class == ASK_ROLE && item->code == ASK_ROLE_VERSUS);
}

/* Makes the item at a value of the column, where its word is one. */
static bool take_value(struct ask_parse *p, size_t at, const struct ask_item *column)
{
    struct ask_reading *reading = p->reading;
    struct ask_item *item = &reading->items[at], value = *item;
    if (at >= reading->item_count || is_parted(reading, item))
        return false;
    if (item->class == ASK_VALUE)
        return is_of(p, item, column);
    bool word = item->class == ASK_NOISE || item->class == ASK_UNKNOWN;
    if (!word || item->to - item->from != 1 ||
        !ask_parse_value_called(reading, column->columns[0].table, column->columns[0].column,
                                reading->tokens[item->from].text, &value))
        return false;
    *item = value;
    return true;
}

/* The column's name becomes part of the value's item. */
static void merge(struct ask_reading *reading, size_t column)
{
    struct ask_item *items = reading->items;
    items[column + 1].from = items[column].from;
    memmove(&items[column], &items[column + 1], (reading->item_count - column - 1) * sizeof *items);
    reading->item_count--;
}

void ask_parse_named_values(struct ask_parse *p)
{
    struct ask_reading *reading = p->reading;
    for (size_t i = 0; i + 1 < reading->item_count; i++) {
        struct ask_item column = reading->items[i];
        if (column.class != ASK_COLUMN || !take_value(p, i + 1, &column))
            continue;
        merge(reading, i);
        for (size_t k = i + 1; k + 1 < reading->item_count && is_join(&reading->items[k]); k += 2) {
            struct ask_item *next = &reading->items[k + 1];
            bool again = next->class == ASK_COLUMN &&
                         next->columns[0].table == column.columns[0].table &&
                         next->columns[0].column == column.columns[0].column;
            if (!take_value(p, k + (again ? 2 : 1), &column))
                break;
            if (again)
                merge(reading, k + 1);
        }
    }
}

bool ask_parse_number_pair(struct ask_parse *p, size_t i, size_t *ret_second)
{
    struct ask_item *items = p->reading->items;
    size_t count = p->reading->item_count, second = i + 3;
    const struct ask_item *column = &items[i];
    if (column->class != ASK_COLUMN || i + 3 >= count || items[i + 1].class != ASK_NUMBER ||
        items[i + 1].code != 0 || !is_join(&items[i + 2]))
        return false;
    bool again = items[second].class == ASK_COLUMN &&
                 items[second].columns[0].table == column->columns[0].table &&
                 items[second].columns[0].column == column->columns[0].column;
    second += again ? 1 : 0;
    *ret_second = second;
    const struct ask_column *of =
        &p->catalogue->tables[column->columns[0].table].columns[column->columns[0].column];
    return second < count && items[second].class == ASK_NUMBER && items[second].code == 0 &&
           data_type_is_numeric(of->type) && of->distinct <= ASK_GROUP_LEVELS;
}
