/* What kind of variable a column is, for a statistical question: a category or a number, a scale of
 * few steps, two answers; and where what was asked makes a category of a number. */
#include "ask/grammar_priv.h"

#include <string.h>

#define SCALE_STEPS 12 /* of a score that is ranked, as 0 to 10 */

static bool is_ordinal(const struct ask_column *column)
{
    static const char *const names[] = {"stage",  "grade",  "score",    "class",   "severity",
                                        "differ", "extent", "category", "ecog",    "nyha",
                                        "level",  "rank",   "karno",    "quality", NULL};
    for (size_t i = 0; names[i] != NULL; i++)
        if (ask_words_have(&column->words, names[i]))
            return data_type_is_numeric(column->type);
    return false;
}

/* Category or number, as the column's type and role say. */
void ask_settle_kind(const struct ask_parse *p, struct ask_variable *v)
{
    if (v->grouped) { /* two of its values */
        v->category = v->two_levels = true;
        return;
    }
    if (v->from != ASK_FROM_COLUMN) {
        v->category = v->two_levels = v->from == ASK_FROM_HAS;
        return;
    }
    if (v->attr.derived != ASK_PLAIN) {
        v->category = v->two_levels =
            v->attr.derived == ASK_DEATH || v->attr.derived == ASK_HOSPITAL_DEATH;
        return;
    }
    const struct ask_column *column = ask_attr_column(p->catalogue, &v->attr);
    bool whole = column->type.kind == DATA_BIGINT;
    if (v->level != NULL) {
        v->category = v->two_levels = true;
        return;
    }
    v->two_levels = column->distinct <= 2 || column->type.kind == DATA_BOOLEAN;
    v->category = !data_type_is_numeric(column->type) || v->two_levels ||
                  (whole && column->role == PROFILE_CATEGORY) ||
                  (whole && column->role == PROFILE_CODE);
    v->ordinal = v->category && !v->two_levels && is_ordinal(column);
    if (column->label_step != ASK_NONE && v->attr.path.count == 0 && v->category) {
        v->attr.path.steps[v->attr.path.count++] = p->catalogue->edges[column->label_step];
        v->attr.column = column->label_column; /* what the code means, not the code */
    }
}

/* A number of more than two values: its differences are numbers too. */
static bool is_number_of_steps(const struct ask_parse *p, const struct ask_variable *v)
{
    const struct ask_column *column = ask_attr_column(p->catalogue, &v->attr);
    return v->attr.derived == ASK_PLAIN && data_type_is_numeric(column->type) &&
           column->distinct > 2 && column->labelled == NULL && column->label_step == ASK_NONE;
}

/* A number of few values will do as a group. */
void ask_allow_group(const struct ask_parse *p, struct ask_variable *v)
{
    if (v == NULL || v->category || v->from != ASK_FROM_COLUMN || v->attr.derived != ASK_PLAIN)
        return;
    if (ask_attr_column(p->catalogue, &v->attr)->distinct <= 6)
        v->category = true;
}

/* Strata are levels, also of a number of few values. */
void ask_allow_stratum(const struct ask_parse *p, struct ask_variable *v)
{
    if (v == NULL || v->from != ASK_FROM_COLUMN || v->attr.derived != ASK_PLAIN)
        return;
    v->category = ask_attr_column(p->catalogue, &v->attr)->distinct <= ASK_GROUP_LEVELS;
}

/* Columns of one measure are of one kind. */
void ask_settle_moments(struct ask_parse *p)
{
    struct ask_statistics *s = &p->q->statistics;
    bool category = false, ordinal = false;
    for (size_t i = 0; i < s->count; i++) {
        const struct ask_column *column = ask_attr_column(p->catalogue, &s->variables[i].attr);
        if (s->variables[i].from == ASK_FROM_COLUMN)
            ask_settle_kind(p, &s->variables[i]);
        ordinal = ordinal || s->variables[i].ordinal ||
                  (is_ordinal(column) && column->distinct <= SCALE_STEPS);
        category =
            category ||
            (s->variables[i].category && !s->variables[i].ordinal &&
             !(s->variables[i].from == ASK_FROM_COLUMN && is_number_of_steps(p, &s->variables[i])));
    }
    for (size_t i = 0; i < s->count; i++) {
        s->variables[i].category = category && !ordinal;
        s->variables[i].ordinal = ordinal;
    }
}
