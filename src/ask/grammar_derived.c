/* The grammar's derived nouns: age, length of stay, death. */
#include "ask/grammar_priv.h"

#include <string.h>

static bool find_column(const struct ask_catalogue *c, const char *stem, struct ask_attr *ret)
{
    for (size_t t = 0; t < c->table_count; t++)
        for (size_t i = 0; i < c->tables[t].column_count && !c->tables[t].hidden; i++) {
            const struct ask_column *column = &c->tables[t].columns[i];
            if (column->words.count == 1 && strcmp(column->words.text[0], stem) == 0 &&
                c->tables[t].reaches[ASK_PATIENT]) {
                *ret = (struct ask_attr){.table = t, .column = i};
                return true;
            }
        }
    return false;
}

/* The patients' only column that is an age by its label, or by a word of its name (preOp_age). */
static bool find_age(const struct ask_parse *p, struct ask_attr *ret)
{
    const struct ask_catalogue *c = p->catalogue;
    const struct ask_entity *patient = &c->entities[ASK_PATIENT];
    size_t found = 0;
    for (size_t i = 0; patient->known && i < c->tables[patient->table].column_count; i++) {
        const struct ask_column *column = &c->tables[patient->table].columns[i];
        if (!data_type_is_numeric(column->type) || column->distinct <= 2 ||
            (!ask_words_have(&column->words, "age") && !ask_words_have(&column->label_words, "age")))
            continue;
        *ret = (struct ask_attr){.table = patient->table, .column = i};
        found++;
    }
    return found == 1;
}

bool ask_parse_age(const struct ask_parse *p, struct ask_attr *ret)
{
    const struct ask_catalogue *c = p->catalogue;
    const struct ask_entity *patient = &c->entities[ASK_PATIENT],
                            *visit = &c->entities[ASK_ADMISSION];
    if (find_column(c, "age", ret))
        return true;
    if ((!patient->known || c->tables[patient->table].birth < 0) && find_age(p, ret))
        return true;
    if (!patient->known || c->tables[patient->table].birth < 0)
        return false;
    /* of hospital patients at their admission; of people whose visits begin at birth, today */
    if (visit->known && c->tables[visit->table].time >= 0 &&
        c->tables[visit->table].reaches[ASK_PATIENT] &&
        (ask_words_have(&c->tables[visit->table].words, "admission") ||
         ask_words_have(&c->tables[visit->table].words, "hospitalization")))
        *ret = (struct ask_attr){.table = visit->table,
                                 .column = (size_t)c->tables[visit->table].time,
                                 .derived = ASK_AGE};
    else if (p->reading->now_day != INT64_MIN)
        *ret = (struct ask_attr){.table = patient->table,
                                 .column = (size_t)c->tables[patient->table].birth,
                                 .derived = ASK_AGE,
                                 .day = p->reading->now_day};
    else
        return false;
    return true;
}

static bool stay_attr(const struct ask_parse *p, enum ask_entity_kind kind, struct ask_attr *ret)
{
    const struct ask_entity *entity = &p->catalogue->entities[kind];
    const struct ask_table *table = entity->known ? &p->catalogue->tables[entity->table] : NULL;
    if (table == NULL || table->time < 0 || table->end_time < 0)
        return false;
    *ret = (struct ask_attr){
        .table = entity->table, .column = (size_t)table->time, .derived = ASK_LENGTH_OF_STAY};
    return true;
}

/* A table of deaths (OMOP), a row each: its date. */
static bool death_table(const struct ask_catalogue *c, struct ask_attr *ret)
{
    for (size_t t = 0; t < c->table_count; t++) {
        const struct ask_table *table = &c->tables[t];
        if (table->words.count != 1 || strcmp(table->words.text[0], "death") != 0 ||
            table->rows == 0 || !table->reaches[ASK_PATIENT] || table->death < 0)
            continue;
        *ret = (struct ask_attr){.table = t, .column = (size_t)table->death, .derived = ASK_DEATH};
        return true;
    }
    return false;
}

static bool death_attr(const struct ask_parse *p, bool in_hospital, struct ask_attr *ret,
                       bool *ret_flag)
{
    const struct ask_entity *entity =
        &p->catalogue->entities[in_hospital ? ASK_ADMISSION : ASK_PATIENT];
    if (!entity->known)
        return false;
    const struct ask_table *table = &p->catalogue->tables[entity->table];
    int column = in_hospital ? (table->death_flag >= 0 ? table->death_flag : table->death)
                             : (table->death >= 0 ? table->death : table->death_flag);
    if (column < 0)
        return !in_hospital && death_table(p->catalogue, ret);
    *ret_flag = column == table->death_flag && column != table->death;
    *ret = (struct ask_attr){.table = entity->table,
                             .column = (size_t)column,
                             .derived = in_hospital ? ASK_HOSPITAL_DEATH : ASK_DEATH};
    return true;
}

bool ask_parse_derived_attr(const struct ask_parse *p, enum ask_derived derived,
                            struct ask_attr *ret, bool *ret_flag)
{
    *ret_flag = false;
    if (derived == ASK_DEATH || derived == ASK_HOSPITAL_DEATH)
        return death_attr(p, derived == ASK_HOSPITAL_DEATH, ret, ret_flag);
    return derived == ASK_AGE
               ? ask_parse_age(p, ret)
               : stay_attr(p, derived == ASK_ICU_LENGTH ? ASK_STAY : ASK_ADMISSION, ret);
}

/* The status, 0 or 1, that ends a time of follow-up. */
static bool death_status(struct ask_parse *p, struct ask_attr *ret, bool *ret_flag)
{
    struct ask_attr time;
    const struct ask_entity *patient = &p->catalogue->entities[ASK_PATIENT];
    if (!patient->known || !ask_parse_follow_up(p, &time, ret) || ret->table != patient->table ||
        ret->path.count > 0 || !ask_is_flag(p->reading, ret->table, ret->column))
        return false;
    *ret_flag = true;
    ask_note(p->reading, p->reading->warnings, "%s = 1 is taken as death",
             ask_attr_column(p->catalogue, ret)->name);
    return true;
}

static void read_death(struct ask_parse *p, struct ask_item *item)
{
    struct ask_attr attr;
    bool flag = false;
    if (!death_attr(p, item->code == ASK_HOSPITAL_DEATH, &attr, &flag) &&
        !(item->code == ASK_DEATH && death_status(p, &attr, &flag))) {
        ask_parse_lacks(p, "a date or flag of death");
        return;
    }
    if (p->q->intent == ASK_WHEN && !p->q->has_target && !flag) {
        ask_parse_target(p, attr.table);
        p->q->outputs[p->q->output_count++] = attr;
        return;
    }
    if (p->group) {
        ask_parse_group(p, &attr);
        return;
    }
    size_t at = ask_parse_event(p, attr.table);
    if (at == ASK_NONE)
        return;
    struct ask_predicate *predicate = ask_parse_predicate(p, at, &attr);
    predicate->is_number = flag;
    predicate->op = ASK_EQ;
    predicate->low = 1;
    const char **text = arena_array(p->reading->arena, 1, sizeof *text);
    if (flag && text != NULL && ask_attr_column(p->catalogue, &attr)->type.kind == DATA_TEXT) {
        if (!ask_yes_no(p->reading, attr.table, attr.column, true, text) || *text == NULL)
            ask_parse_lacks(p, "yes and no in %s", ask_attr_column(p->catalogue, &attr)->name);
        predicate->is_number = false;
        predicate->values = text;
        predicate->value_count = *text != NULL ? 1 : 0;
        predicate->said = ask_phrase(p->reading, item->from, item->to);
    }
    predicate->null = !flag;
    predicate->negated = !flag;
    p->q->events[at].has_time = !flag;
    p->q->events[at].time = attr;
    p->negate = false;
}

/* "age at surgery": a column says so, dates of birth do not. */
static bool says_moment(const struct ask_parse *p, const struct ask_item *item)
{
    const char *last = p->reading->tokens[item->to - 1].stem;
    return item->to - item->from > 2 && strcmp(last, "admission") != 0 && strcmp(last, "age") != 0 &&
           strcmp(p->reading->tokens[item->from + 1].stem, "at") == 0;
}

void ask_parse_derived(struct ask_parse *p, struct ask_item *item)
{
    struct ask_attr attr;
    if (item->code == ASK_DEATH || item->code == ASK_HOSPITAL_DEATH) {
        read_death(p, item);
        return;
    }
    bool found = item->code == ASK_AGE
                     ? ask_parse_age(p, &attr)
                     : stay_attr(p, item->code == ASK_ICU_LENGTH ? ASK_STAY : ASK_ADMISSION, &attr);
    if (!found) {
        ask_parse_lacks(p, item->code == ASK_AGE ? "an age, or dates of birth and of admission"
                                                 : "times of admission and discharge");
        return;
    }
    if (item->code == ASK_AGE && attr.derived == ASK_AGE && says_moment(p, item)) {
        ask_parse_lacks(p, "an age then: a column age, or ask for the age at admission");
        return;
    }
    bool numeric = attr.derived != ASK_PLAIN ||
                   data_type_is_numeric(ask_attr_column(p->catalogue, &attr)->type);
    if (!numeric && !p->group) {
        ask_parse_lacks(p, "ages as numbers: the column %s holds bands",
                        ask_attr_column(p->catalogue, &attr)->name);
        return;
    }
    attr.parts = item->parts;
    ask_parse_attr(p, item, &attr, numeric);
}
