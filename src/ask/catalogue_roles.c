/* What a table is about and which of its columns play which part, from names and roles alone. Each
 * part is a list of names in order of preference (every stem of the name must be in the column's),
 * so a new habit of naming is one more line. */
#include "ask/ask_priv.h"

#include <string.h>

/* ---- concepts ---------------------------------------------------------------------------------
 */

static const struct {
    const char *one, *many, *names;
} concepts[] = {
#define ASK_CONCEPT(id, one, many, names) {one, many, names},
#include "ask/concepts.def"
#undef ASK_CONCEPT
};

const char *ask_concept_text(enum ask_concept concept)
{
    return concepts[concept].one;
}

static bool stem_fits(const char *stem, const char *name, size_t length)
{
    if (length > 0 && name[length - 1] == '*')
        return strncmp(stem, name, length - 1) == 0;
    return strlen(stem) == length && strncmp(stem, name, length) == 0;
}

static bool names_have(const char *names, const char *stem)
{
    for (const char *p = names; *p != '\0';) {
        size_t length = strcspn(p, " ");
        if (stem_fits(stem, p, length))
            return true;
        p += length;
        p += *p == ' ';
    }
    return false;
}

static enum ask_concept concept_of(const struct ask_table *table)
{
    for (size_t w = 0; w < table->words.count; w++)
        for (size_t c = 1; c < ASK_CONCEPT_END; c++)
            if (names_have(concepts[c].names, table->words.text[w]))
                return (enum ask_concept)c;
    return ASK_CONCEPT_NONE;
}

size_t ask_concept_table(const struct ask_catalogue *catalogue, enum ask_concept concept)
{
    size_t best = ASK_NONE;
    for (size_t t = 0; t < catalogue->table_count; t++) {
        const struct ask_table *table = &catalogue->tables[t];
        if (table->concept == concept && !table->reference && !table->hidden && table->rows > 0 &&
            (best == ASK_NONE || table->rows > catalogue->tables[best].rows))
            best = t;
    }
    return best;
}

/* ---- parts of columns -------------------------------------------------------------------------
 */

static bool is_time(const struct ask_column *column)
{
    return data_type_is_temporal(column->type);
}

static bool is_measure(const struct ask_column *column)
{
    return data_type_is_numeric(column->type) && column->role == PROFILE_MEASURE;
}

static bool is_flag(const struct ask_column *column)
{
    return column->type.kind == DATA_BOOLEAN ||
           ((column->type.kind == DATA_BIGINT || column->type.kind == DATA_TEXT) &&
            column->distinct <= 2);
}

static bool is_text(const struct ask_column *column)
{
    return column->type.kind == DATA_TEXT;
}

static bool is_name(const struct ask_column *column)
{
    return is_text(column) && column->role != PROFILE_IDENTIFIER && column->distinct > 0;
}

static bool is_unit(const struct ask_column *column)
{
    return is_text(column) && !ask_words_have(&column->words, "care"); /* a care unit is a ward */
}

static bool words_have_all(const struct ask_words *words, const char *names)
{
    char stem[ASK_STEM_BYTES];
    for (const char *p = names; *p != '\0';) {
        size_t length = strcspn(p, " ");
        ask_stem((struct str){p, length}, stem);
        if (!ask_words_have(words, stem))
            return false;
        p += length;
        p += *p == ' ';
    }
    return true;
}

int ask_column_named(const struct ask_table *table, const char *const *names,
                     bool (*fits)(const struct ask_column *column))
{
    for (; *names != NULL; names++) {
        int best = -1;
        for (size_t c = 0; c < table->column_count; c++) {
            const struct ask_column *column = &table->columns[c];
            if (fits(column) && words_have_all(&column->words, *names) &&
                (best < 0 || column->words.count < table->columns[best].words.count))
                best = (int)c;
        }
        if (best >= 0)
            return best;
    }
    return -1;
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Names of the column that says what a row is of, where no code with a dictionary does. */
static int name_column(const struct ask_catalogue *catalogue, const struct ask_table *table)
{
    static const char *const own[] = {
        "drug", "medication", "test",    "event", "specimen type", "organism",    "label",   "title", "decod",
        "term", "code text",  "display", "name",  "description", "service", NULL};
    for (size_t c = 0; c < table->column_count; c++) {
        const struct ask_column *column = &table->columns[c];
        if (column->label_step == ASK_NONE)
            continue;
        const struct ask_step *step = &catalogue->edges[column->label_step];
        const struct ask_table *parent = &catalogue->tables[step->parent];
        if (parent->concept != ASK_CONCEPT_CAREGIVER && parent->reference)
            return (int)c;
    }
    int named = ask_column_named(table, own, is_name);
    for (size_t c = 0; named < 0 && c < table->column_count; c++)
        if (table->columns[c].role == PROFILE_CODE)
            named = (int)c;
    return named;
}

void ask_table_roles(struct ask_catalogue *catalogue, size_t t)
{
    struct ask_table *table = &catalogue->tables[t];
    table->concept = concept_of(table);
    table->end_time =
        ask_column_named(table,
                         NAMES("discharge time", "discharge date", "out time", "end time",
                               "stop date", "end date", "stop", "end", "discharge"),
                         is_time);
    table->value = ask_column_named(
        table, NAMES("value number", "value", "result", "amount", "rate"), is_measure);
    table->unit = ask_column_named(table, NAMES("value unit", "amountuom", "unit", "uom"), is_unit);
    table->birth = ask_column_named(table, NAMES("birth date", "birth", "birthday"), is_time);
    table->death =
        ask_column_named(table, NAMES("death date", "death time", "deceased", "death"), is_time);
    table->death_flag =
        ask_column_named(table, NAMES("expire flag", "deceased", "died", "dead", "death"), is_flag);
    table->name_column = name_column(catalogue, table);
    for (size_t c = 1;
         table->concept == ASK_CONCEPT_NONE && table->name_column >= 0 && c < ASK_CONCEPT_END; c++)
        if (names_have(concepts[c].names, table->columns[table->name_column].words.text[0]))
    table->concept = (enum ask_concept)c; /* a table of tests, whatever it is called */
}
