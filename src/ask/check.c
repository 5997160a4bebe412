/* Is the reading good enough to answer? Every word must have been used: one that is no word of the
 * grammar, no name and no value makes the question refused, naming it. What was read with doubt
 * lowers the confidence; below ASK_THRESHOLD the question is asked back. */
#include "ask/ask_priv.h"

#include <string.h>

static void check_words(struct ask_reading *reading)
{
    bool ok = true;
    for (size_t i = 0; i < reading->item_count; i++) {
        const struct ask_item *item = &reading->items[i];
        if (item->class != ASK_UNKNOWN)
            continue;
        AUTO(buf_done) struct buf text = BUF_INIT;
        buf_printf(&text, "'%s': no column, no value of the data and no word that is understood",
                   ask_phrase(reading, item->from, item->to));
        json_push_str(reading->missing, buf_view(&text), &ok);
    }
    reading->failed = reading->failed || !ok;
}

static void check_items(struct ask_reading *reading)
{
    for (size_t i = 0; i < reading->item_count; i++) {
        const struct ask_item *item = &reading->items[i];
        bool counts =
            item->class == ASK_VALUE || item->class == ASK_COLUMN || item->corrected != NULL;
        if (!counts)
            continue;
        reading->confidence *= item->quality > 0 && item->quality < 1 ? item->quality : 1;
        if (item->corrected != NULL)
            ask_note(reading, reading->warnings, "'%s' was read as '%s'",
                     ask_phrase(reading, item->from, item->to), item->corrected);
    }
}

/* The question again, with the doubtful phrase led by what each of its tables is about. */
static void offer_choices(struct ask_reading *reading)
{
    bool ok = true;
    for (size_t i = 0; i < reading->item_count; i++) {
        const struct ask_item *item = &reading->items[i];
        if (item->class != ASK_VALUE || item->quality >= ASK_THRESHOLD)
            continue;
        for (size_t m = 0; m < item->match_count && json_array_size(reading->choices) < 3; m++) {
            const struct ask_table *table =
                &reading->catalogue
                     ->tables[reading->catalogue->sources[item->matches[m].source].table];
            if (table->reference || table->concept == ASK_CONCEPT_NONE)
                continue;
            AUTO(buf_done) struct buf text = BUF_INIT;
            buf_printf(&text, "%s%s%s %s %s", ask_phrase(reading, 0, item->from),
                       item->from > 0 ? " " : "", ask_concept_text(table->concept),
                       ask_phrase(reading, item->from, item->to),
                       ask_phrase(reading, item->to, reading->token_count));
            json_push_str(reading->choices, str_trim(buf_view(&text)), &ok);
        }
    }
    if (json_array_size(reading->choices) == 0 && reading->question.has_target) {
        const char *whole = ask_phrase(reading, 0, reading->token_count);
        static const char *const leads[] = {"how many", "list", "describe"};
        for (size_t i = 0; i < 3; i++) {
            AUTO(buf_done) struct buf text = BUF_INIT;
            buf_printf(&text, "%s %s", leads[i], whole);
            json_push_str(reading->choices, buf_view(&text), &ok);
        }
    }
    reading->failed = reading->failed || !ok;
}

/* A dataset of FHIR resources alone has no table to ask. */
static void check_tables(struct ask_reading *reading)
{
    const struct ask_catalogue *c = reading->catalogue;
    size_t hidden = 0;
    bool ok = true;
    for (size_t t = 0; t < c->table_count; t++)
        hidden += c->tables[t].hidden ? 1 : 0;
    if (hidden > 0 && hidden == c->table_count)
        json_push_text(reading->missing,
                       "flat tables: FHIR resources are asked through their views; 'marrow import "
                       "--from-views NAME' makes a dataset of them",
                       &ok);
    reading->failed = reading->failed || !ok;
}

void ask_check(struct ask_reading *reading)
{
    struct ask_question *q = &reading->question;
    check_tables(reading);
    check_words(reading);
    reading->confidence = 1;
    check_items(reading);
    if (q->intent == ASK_NO_INTENT) {
        reading->confidence *= .5;
        ask_note(reading, reading->why,
                 "it does not say what is to be done: count, list, describe");
    }
    if (q->statistics.ask_back)
        reading->confidence *= .5;
    if (q->top > 0 && q->intent != ASK_FREQUENT)
        reading->confidence *= .5;
    if (json_array_size(reading->missing) > 0) {
        reading->status = ASK_REFUSED;
        reading->confidence = 0;
    } else if (reading->confidence < ASK_THRESHOLD) {
        reading->status = ASK_ASKED_BACK;
        offer_choices(reading);
    } else {
        reading->status = ASK_ANSWERED;
    }
}
