/* Is the reading good enough to answer? Every word must have been used: one that is no word of the
 * grammar, no name and no value makes the question refused, naming it. What was read with doubt
 * lowers the confidence; below ASK_THRESHOLD the question is asked back. */
#include "ask/ask_priv.h"

#include <string.h>

#define CHOICES 3

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

/* Would it be answered? Only then is it a choice. */
static bool is_answered(const struct ask_reading *reading, const char *text)
{
    struct ask_options options = reading->options;
    AUTO(ask_reading_free) struct ask_reading *again = NULL;
    struct err ignored = {0};
    options.trial = true;
    return ask_read(reading->catalogue, reading->index, text, &options, &again, &ignored) == ERR_OK &&
           ask_reading_status(again) == ASK_ANSWERED;
}

static void offer(struct ask_reading *reading, struct buf *text)
{
    bool ok = true;
    struct str question = str_trim(buf_view(text));
    const char *copy = arena_strndup(reading->arena, question.ptr, question.len);
    if (copy == NULL || text->failed) {
        reading->failed = true;
        return;
    }
    for (size_t i = 0; i < json_array_size(reading->choices); i++)
        if (strcmp(json_string_value(json_array_get(reading->choices, i)), copy) == 0)
            return;
    if (json_array_size(reading->choices) < CHOICES && is_answered(reading, copy))
        json_push_text(reading->choices, copy, &ok);
    reading->failed = reading->failed || !ok;
}

/* The question with other words in place of the item's. */
static void offer_instead(struct ask_reading *reading, const struct ask_item *item,
                          const char *lead, struct str words)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    buf_printf(&text, "%s%s%s%s", ask_phrase(reading, 0, item->from), item->from > 0 ? " " : "", lead,
               lead[0] != '\0' ? " " : "");
    buf_add_str(&text, words);
    buf_printf(&text, " %s", ask_phrase(reading, item->to, reading->token_count));
    offer(reading, &text);
}

/* A doubtful phrase: led by what each of its tables is about, then values that hold it, then any. */
static void offer_for(struct ask_reading *reading, const struct ask_item *item)
{
    struct str said = str_of(ask_phrase(reading, item->from, item->to));
    for (size_t m = 0; m < item->match_count; m++) {
        const struct ask_table *table =
            &reading->catalogue->tables[reading->catalogue->sources[item->matches[m].source].table];
        if (!table->reference && table->concept != ASK_CONCEPT_NONE)
            offer_instead(reading, item, ask_concept_text(table->concept), said);
    }
    for (size_t m = 0; m < item->match_count; m++)
        for (size_t k = 0; k < item->matches[m].count && k < CHOICES; k++)
            offer_instead(reading, item, "",
                          ask_entry_text(reading->index, item->matches[m].entries[k]));
    offer_instead(reading, item, "any", said);
}

/* A phrase that may be several columns: each by its name. */
static void offer_columns(struct ask_reading *reading, const struct ask_item *item)
{
    for (size_t i = 0; i < item->column_count; i++)
        offer_instead(reading, item, "",
                      str_of(reading->catalogue->tables[item->columns[i].table]
                                 .columns[item->columns[i].column]
                                 .name));
}

/* A share that can be read both ways. */
static void offer_shares(struct ask_reading *reading, const struct ask_split *split)
{
    AUTO(buf_done) struct buf one = BUF_INIT;
    AUTO(buf_done) struct buf other = BUF_INIT;
    const char *head = ask_phrase(reading, split->head, split->rest),
               *rest = ask_phrase(reading, split->rest, split->end);
    buf_printf(&one, "what percentage of %s are %s", head, rest);
    buf_printf(&other, "among those %s, what percentage are %s", rest, head);
    offer(reading, &one);
    offer(reading, &other);
}

/* What was given for a diagnosis is not known; what such patients got most often is. */
static void offer_frequent(struct ask_reading *reading, const struct ask_item *item)
{
    const struct ask_question *q = &reading->question;
    const struct ask_catalogue *c = reading->catalogue;
    AUTO(buf_done) struct buf text = BUF_INIT;
    if (q->intent != ASK_LIST || q->by_entity || q->single || !q->has_target ||
        item->match_count == 0 ||
        c->tables[c->sources[item->matches[item->chosen].source].table].concept !=
            ASK_CONCEPT_DIAGNOSIS)
        return;
    buf_printf(&text, "the most common %ss of patients with %s",
               ask_concept_text(c->tables[q->events[0].table].concept),
               ask_phrase(reading, item->from, item->to));
    offer(reading, &text);
}

/* Two or three whole questions, each of which would be answered. */
static void offer_choices(struct ask_reading *reading)
{
    static const char *const leads[] = {"how many", "list", "describe"};
    if (reading->options.trial)
        return;
    for (size_t i = 0; i < reading->item_count; i++)
        if (reading->items[i].class == ASK_VALUE)
            offer_frequent(reading, &reading->items[i]);
    for (size_t i = 0; i < reading->item_count; i++)
        if (reading->items[i].class == ASK_VALUE && reading->items[i].quality < ASK_THRESHOLD)
            offer_for(reading, &reading->items[i]);
    for (size_t i = 0; i < reading->item_count; i++)
        if (reading->items[i].class == ASK_COLUMN && reading->items[i].quality < ASK_THRESHOLD)
            offer_columns(reading, &reading->items[i]);
    if (reading->question.split.on)
        offer_shares(reading, &reading->question.split);
    bool open = reading->question.intent == ASK_NO_INTENT; /* else it says what is to be done */
    for (size_t i = 0; open && json_array_size(reading->choices) == 0 && i < CHOICES; i++) {
        AUTO(buf_done) struct buf text = BUF_INIT;
        buf_printf(&text, "%s %s", leads[i], ask_phrase(reading, 0, reading->token_count));
        offer(reading, &text);
    }
    for (size_t i = 1; open && json_array_size(reading->choices) == 1 && i < CHOICES; i++) {
        AUTO(buf_done) struct buf text = BUF_INIT;
        buf_printf(&text, "%s %s", leads[i], ask_phrase(reading, 0, reading->token_count));
        offer(reading, &text);
    }
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
    reading->confidence *= ask_audit(reading);
    if (q->intent == ASK_NO_INTENT) {
        reading->confidence *= .5;
        ask_note(reading, reading->why,
                 "it does not say what is to be done: count, list, describe");
    }
    if (q->statistics.ask_back || q->doubt)
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
