/* Readmissions: an admission after a discharge of the same patient.
 *
 *     "readmitted"                                  two conditions: B, a discharge; A, an admission
 * after B "readmitted within 30 days (of discharge)"    … A within 30 days after B
 *
 * Where a diagnosis or a drug came before ("diagnosed with sepsis and not readmitted within 2
 * months"), the time is counted from that, as of everything that is chained. */
#include "ask/grammar_priv.h"

#include <string.h>

bool ask_parse_again(struct ask_parse *p, const struct ask_item *item)
{
    const struct ask_entity *visit = &p->catalogue->entities[ASK_ADMISSION];
    const struct ask_table *table = &p->catalogue->tables[visit->table];
    bool negate = false;
    if (strncmp(p->reading->tokens[item->from].stem, "readmi", 6) != 0)
        return false;
    ask_parse_flush(p);
    negate = p->negate;
    if (!visit->known || table->time < 0 || table->end_time < 0 ||
        visit->table == p->catalogue->entities[ASK_PATIENT].table) {
        ask_parse_lacks(p, "times of admission and of discharge");
        return true;
    }
    if (p->q->has_target && p->q->by_entity && p->q->entity == ASK_ADMISSION)
        ask_parse_lacks(
            p, "admissions that were followed by another: ask for patients who were readmitted");
    p->negate = false;
    size_t discharge = ask_parse_event(p, visit->table);
    p->negate = negate;
    size_t again = ask_parse_event(p, visit->table);
    if (discharge == ASK_NONE || again == ASK_NONE)
        return true;
    struct ask_event *before = &p->q->events[discharge], *after = &p->q->events[again];
    before->level = after->level = ASK_PATIENT;
    before->has_time = true;
    before->time = (struct ask_attr){.table = visit->table, .column = (size_t)table->end_time};
    after->linked = discharge;
    after->relation = ASK_AFTER;
    p->again = again;
    p->negate = false;
    return true;
}

/* The condition with a time of its own that was said before the readmission, or ASK_NONE. */
static size_t earlier_event(const struct ask_parse *p)
{
    for (size_t i = p->again - 1; i-- > 1;)
        if (p->q->events[i].table != p->catalogue->entities[ASK_PATIENT].table &&
            !p->q->events[i].negated && p->q->events[i].linked == ASK_NONE)
            return i;
    return ASK_NONE;
}

bool ask_parse_of_discharge(struct ask_parse *p, const struct ask_item *item)
{
    p->said_discharge =
        p->said_discharge || (p->again != ASK_NONE && item->to - item->from == 1 &&
                              strncmp(p->reading->tokens[item->from].stem, "discharg", 8) == 0);
    return p->said_discharge;
}

void ask_parse_again_within(struct ask_parse *p)
{
    if (p->again == ASK_NONE || p->relation != ASK_WITHIN || !p->bounded)
        return;
    size_t earlier = p->said_discharge ? ASK_NONE : earlier_event(p);
    if (earlier != ASK_NONE) {
        p->q->events[p->again].linked = earlier;
        ask_parse_remove_event(p->q, --p->again);
    }
    struct ask_event *after = &p->q->events[p->again];
    after->bounded = true;
    after->amount = p->amount;
    after->unit = p->unit;
    p->relation = ASK_REL_NONE;
    p->bounded = false;
}

bool ask_parse_discharged(struct ask_parse *p, const struct ask_item *item)
{
    const struct ask_entity *visit = &p->catalogue->entities[ASK_ADMISSION];
    bool said = false;
    for (size_t t = item->from; t < item->to; t++)
        said = said || strncmp(p->reading->tokens[t].stem, "discharg", 8) == 0;
    if (!said)
        return false;
    ask_parse_flush(p);
    if (!visit->known || p->catalogue->tables[visit->table].end_time < 0) {
        ask_parse_lacks(p, "times of discharge");
        return true;
    }
    struct ask_attr end = {.table = visit->table,
                           .column = (size_t)p->catalogue->tables[visit->table].end_time};
    if (p->q->intent == ASK_WHEN && !p->q->has_target) {
        ask_parse_target(p, visit->table);
        p->q->outputs[p->q->output_count++] = end;
        return true;
    }
    size_t at = ask_parse_event(p, visit->table);
    if (at == ASK_NONE)
        return true;
    struct ask_predicate *predicate = ask_parse_predicate(p, at, &end);
    predicate->null = predicate->negated = true;
    p->q->events[at].has_time = true;
    p->q->events[at].time = end;
    p->negate = false;
    return true;
}
