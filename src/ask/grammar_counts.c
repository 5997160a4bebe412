/* The grammar's counts of rows for each entity: "admissions per patient", "the patient with most
 * prescriptions", and a noun that comes after those whom it is asked of ("for patients on statins,
 * what are the most frequent diagnoses"). */
#include "ask/grammar_priv.h"

static bool counts_rows(const struct ask_parse *p)
{
    return p->q->has_target && !p->q->has_measure && p->q->events[0].table != ASK_NONE;
}

/* "per patient": the rows of the target are counted for each. False: they cannot be. */
bool ask_parse_per(struct ask_parse *p, enum ask_entity_kind kind)
{
    struct ask_question *q = p->q;
    const struct ask_entity *entity = &p->catalogue->entities[kind];
    bool intent = q->intent == ASK_COUNT || q->intent == ASK_NO_INTENT || q->intent == ASK_DESCRIBE;
    bool itself = q->events[0].table == entity->table && (!q->by_entity || q->entity == kind);
    if (!intent || !counts_rows(p) || entity->key < 0 || itself ||
        !p->catalogue->tables[q->events[0].table].reaches[kind])
        return false;
    q->per_count = true;
    q->per = kind;
    return true;
}

/* "which patient had most": the noun's rows are counted for each patient, and the first are told. */
static void rank_entities(struct ask_parse *p, size_t table)
{
    struct ask_question *q = p->q;
    q->by_key = true;
    q->per = q->entity;
    q->by_entity = false;
    q->intent = ASK_FREQUENT;
    q->top = q->top > 0 ? q->top : 1;
    q->events[0].table = table;
    p->most = p->group = false;
    p->open_table = ASK_NONE;
}

bool ask_parse_ranked(struct ask_parse *p, size_t table, bool other)
{
    struct ask_question *q = p->q;
    bool asked = p->most || (p->group && q->intent == ASK_FREQUENT);
    const struct ask_entity *entity = &p->catalogue->entities[q->entity];
    if (!asked || !q->by_entity || table == ASK_NONE || entity->key < 0 ||
        (table == entity->table && !other) || !p->catalogue->tables[table].reaches[q->entity])
        return false;
    rank_entities(p, table);
    return true;
}

/* What is asked for comes after those whom it is asked of. */
bool ask_parse_later_target(struct ask_parse *p, size_t table)
{
    struct ask_question *q = p->q;
    bool later = q->intent == ASK_FREQUENT && q->by_entity && !p->group && !q->by_key &&
                 p->relation == ASK_REL_NONE && q->group_count == 0;
    if (!later || table == ASK_NONE || table == q->events[0].table ||
        !p->catalogue->tables[table].reaches[q->entity])
        return false;
    q->by_entity = false;
    q->events[0].table = table;
    p->open_table = ASK_NONE;
    return true;
}

/* A mean of counts without "per": of each patient. */
void ask_parse_settle_counts(struct ask_parse *p)
{
    struct ask_question *q = p->q;
    bool pending = p->aggregate != ASK_NO_AGGREGATE && q->intent == ASK_COUNT &&
                   p->aggregate != ASK_SUM;
    if ((p->count_mean || pending) && !q->per_count && !ask_parse_per(p, ASK_PATIENT))
        return;
    if (!q->per_count)
        return;
    if (pending) {
        q->aggregate = p->aggregate;
        p->aggregate = ASK_NO_AGGREGATE;
    }
    p->count_mean = false;
    q->by_entity = true; /* filters hold for whom it is counted */
    q->entity = q->per;
    q->intent = ASK_DESCRIBE;
}
