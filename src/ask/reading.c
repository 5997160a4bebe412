/* A reading: made from text, told in one sentence, given as JSON, and masked for the history. The
 * sentence says everything that decides the number: what is counted, which rows, which values were
 * meant (and how many), when, for whom. */
#include "ask/reading_priv.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const intent_texts[ASK_INTENT_END] = {[ASK_NO_INTENT] = "none",
                                                         [ASK_COUNT] = "count",
                                                         [ASK_LIST] = "list",
                                                         [ASK_VALUE_OF] = "value",
                                                         [ASK_EXISTS] = "exists",
                                                         [ASK_WHEN] = "when",
                                                         [ASK_FREQUENT] = "frequencies",
                                                         [ASK_DESCRIBE] = "describe",
                                                         [ASK_TREND] = "trend",
                                                         [ASK_MISSING] = "missingness",
                                                         [ASK_SHARE] = "share",
                                                         [ASK_COMPARE_GROUPS] = "compare",
                                                         [ASK_CORRELATE] = "correlate",
                                                         [ASK_PREDICTORS] = "predictors",
                                                         [ASK_SURVIVAL] = "survival",
                                                         [ASK_TABLE_ONE] = "table_one",
                                                         [ASK_NORMALITY] = "normality",
                                                         [ASK_TIMES] = "count",
                                                         [ASK_WHAT] = "what"};
static const char *const entity_ones[] = {"patient", "admission", "ICU stay"};
static const char *const entity_manys[] = {"patients", "admissions", "ICU stays"};
static const char *const pick_texts[] = {"", "first", "last", "second", "third", "second to last",
                                         "current"};
static const char *const unit_texts[] = {"day", "week", "month", "year", "hour"};
static const char *const aggregate_texts[] = {
    "", "mean", "median", "maximum", "minimum", "sum", "standard deviation"};

const char *ask_intent_text(enum ask_intent intent)
{
    return intent_texts[intent];
}
const char *ask_entity_one(enum ask_entity_kind kind)
{
    return entity_ones[kind];
}
const char *ask_entity_many(enum ask_entity_kind kind)
{
    return entity_manys[kind];
}
const char *ask_unit_text(enum ask_unit unit)
{
    return unit_texts[unit];
}
const char *ask_pick_text(enum ask_pick pick)
{
    return pick_texts[pick];
}
const char *ask_status_text(enum ask_status status)
{
    static const char *const texts[] = {"answered", "asked_back", "refused"};
    return texts[status];
}

const char *ask_phrase(struct ask_reading *reading, size_t from, size_t to)
{
    if (from >= to || to > reading->token_count)
        return "";
    const char *start = reading->tokens[from].text.ptr,
               *end = reading->tokens[to - 1].text.ptr + reading->tokens[to - 1].text.len;
    const char *text = arena_strndup(reading->arena, start, (size_t)(end - start));
    return text != NULL ? text : "";
}

void ask_note(struct ask_reading *reading, json_t *list, const char *format, ...)
{
    char text[400];
    va_list args;
    bool ok = true;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), text) == 0)
            return;
    json_push_str(list, str_of(text), &ok);
    reading->failed = reading->failed || !ok;
}

/* ---- the sentence
 * ----------------------------------------------------------------------------------- */

void ask_say_day(int64_t day, struct buf *out)
{
    int64_t year;
    unsigned month, date;
    clock_civil_from_days(day, &year, &month, &date);
    buf_printf(out, "%04" PRId64 "-%02u-%02u", year, month, date);
}

void ask_say_attr(const struct ask_reading *reading, const struct ask_attr *attr,
                     struct buf *out)
{
    static const char *const derived[] = {[ASK_AGE] = "age in years at admission",
                                          [ASK_LENGTH_OF_STAY] = "length of stay in days",
                                          [ASK_DEATH] = "death",
                                          [ASK_HOSPITAL_DEATH] = "death in hospital",
                                          [ASK_ICU_LENGTH] = "length of ICU stay in days",
                                          [ASK_FOLLOW_UP] = "in days from admission"};
    if (attr->derived == ASK_AGE || attr->derived == ASK_LENGTH_OF_STAY ||
        attr->derived == ASK_ICU_LENGTH || attr->derived == ASK_FOLLOW_UP) {
        const struct ask_entity *stay = &reading->catalogue->entities[ASK_STAY];
        bool icu = attr->derived == ASK_LENGTH_OF_STAY && stay->known &&
                   ask_attr_table(attr) == stay->table;
        bool on_day = attr->derived == ASK_AGE && attr->day != 0;
        buf_puts(out, on_day ? "age in years on " : derived[icu ? ASK_ICU_LENGTH : attr->derived]);
        if (on_day)
            ask_say_day(attr->day, out);
        if (on_day &&
            reading->catalogue->tables[reading->catalogue->entities[ASK_PATIENT].table].death >= 0)
            buf_puts(out, " or at death before");
        return;
    }
    buf_printf(out, "%s.%s", reading->catalogue->tables[ask_attr_table(attr)].name,
               ask_attr_column(reading->catalogue, attr)->name);
}

void ask_say_moment(const struct ask_reading *reading, char ret[40])
{
    bool said = reading->options.now_second > 0;
    int64_t year, second = said ? reading->options.now_second - 1 : 0;
    unsigned month, date;
    clock_civil_from_days(reading->now_day + (said ? 0 : 1), &year, &month, &date);
    (void)snprintf(ret, 40, "%04" PRId64 "-%02u-%02u %02d:%02d:%02d", year, month, date,
                   (int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60));
}

static void say_number(double number, struct buf *out)
{
    char text[32];
    buf_puts(out, str_from_double(number, text));
}

static void say_predicate(const struct ask_reading *reading, const struct ask_predicate *predicate,
                          struct buf *out)
{
    static const char *const ops[] = {"<", "≤", ">", "≥", "=", "≠", "between"};
    ask_say_attr(reading, &predicate->attr, out);
    if (predicate->null) {
        buf_puts(out, predicate->negated ? " recorded" : " missing");
    } else if (predicate->is_number) {
        buf_printf(out, " %s ", ops[predicate->op]);
        say_number(predicate->low, out);
        if (predicate->op == ASK_BETWEEN || predicate->either) {
            buf_puts(out, predicate->either ? " or " : " and ");
            say_number(predicate->high, out);
        }
    } else if (predicate->value_count == 1) {
        buf_printf(out, " '%s'", predicate->values[0]);
    } else if (predicate->value_count > 0) {
        buf_printf(out, " one of %zu values for '%s'", predicate->value_count, predicate->said);
        for (size_t i = 0; i < predicate->value_count && i < 3; i++)
            buf_printf(out, "%s'%s'", i == 0 ? " (" : ", ", predicate->values[i]);
        buf_puts(out, predicate->value_count > 3 ? " …)" : ")");
    }
}

static void say_window(const struct ask_window *window, struct buf *out)
{
    if (!window->on)
        return;
    if (window->from != INT64_MIN) {
        buf_puts(out, " from ");
        ask_say_day(window->from, out);
    }
    if (window->to != INT64_MAX) {
        buf_puts(out, " before ");
        ask_say_day(window->to, out);
    }
}

void ask_say_rows(const struct ask_reading *reading, const struct ask_event *event,
                     struct buf *out)
{
    static const char *const relations[] = {
        "",      "after",
        "before", "within",
        "since", "until",
        "at the same time as", "on the same day as",
        "in the same month as", "in the same year as"};
    for (size_t i = 0; i < event->predicate_count; i++) {
        buf_puts(out, i == 0 ? " with " : " and ");
        say_predicate(reading, &event->predicates[i], out);
    }
    say_window(&event->window, out);
    if (event->scope != ASK_ALL)
        buf_printf(out, " during each patient's %s %s",
                   pick_texts[event->scope], entity_ones[event->scope_entity]);
    if (event->linked != ASK_NONE) {
        if (event->bounded)
            buf_printf(out, ", within %" PRId64 " %ss", event->amount, unit_texts[event->unit]);
        buf_printf(out, "%s%s ",
                   event->bounded && event->relation == ASK_WITHIN ? " of"
                   : event->bounded                                ? " "
                                                                   : ", ",
                   event->relation == ASK_WITHIN ? "" : relations[event->relation]);
        ask_say_event(reading, event->linked, out);
        if (event->same != ASK_REL_NONE && event->same != event->relation)
            buf_printf(out, ", %s", event->same == ASK_SAME_DAY ? "on the same day" : event->same == ASK_SAME_MONTH ? "in the same month" : "in the same year");
        if (event->same_visit)
            buf_puts(out, " in the same admission");
    }
}

void ask_say_event(const struct ask_reading *reading, size_t at, struct buf *out)
{
    const struct ask_event *event = &reading->question.events[at];
    static const char *const counts[] = {"fewer than", "at most", "more than", "at least",
                                         "exactly",    "not",     "between"};
    if (event->counted)
        buf_printf(out, "%s %" PRId64 " rows of ", counts[event->count_op], event->count);
    if (event->pick != ASK_ALL)
        buf_printf(out, "the %s row of ", pick_texts[event->pick]);
    if (event->first_ever)
        buf_puts(out, "each patient's first ever row of ");
    buf_puts(out, reading->catalogue->tables[event->table].name);
    ask_say_rows(reading, event, out);
}

/* The rows with the conditions that are of a share's numerator, or with the others. */
static void say_rows_of(const struct ask_reading *reading, const struct ask_event *event, bool part,
                        struct buf *out)
{
    struct ask_event some = *event;
    some.predicate_count = 0;
    for (size_t i = 0; i < event->predicate_count; i++)
        if (event->predicates[i].part == part)
            some.predicates[some.predicate_count++] = event->predicates[i];
    ask_say_rows(reading, &some, out);
}

static bool is_linked(const struct ask_question *q, size_t at)
{
    for (size_t i = 0; i < q->event_count; i++)
        if (q->events[i].linked == at)
            return true;
    return false;
}

static void say_what(const struct ask_reading *reading, struct buf *out)
{
    const struct ask_question *q = &reading->question;
    const char *table = reading->catalogue->tables[q->events[0].table].name;
    static const char *const leads[ASK_INTENT_END] = {
        [ASK_COUNT] = "The number of ", [ASK_EXISTS] = "Whether there are ",
        [ASK_SHARE] = "The share of ",  [ASK_LIST] = "The list of ",
        [ASK_WHEN] = "When: ",          [ASK_FREQUENT] = "The most frequent ",
        [ASK_TREND] = "Over time: ",    [ASK_MISSING] = "Missing values of "};
    if (q->by_key) {
        buf_printf(out, "The %s with most rows of %s", entity_manys[q->per], table);
        ask_say_rows(reading, &q->events[0], out);
        return;
    }
    if (q->at_extreme && q->by_entity) {
        buf_printf(out, "The %s whose ", entity_manys[q->entity]);
        ask_say_attr(reading, &q->measure, out);
        buf_printf(out, " is the %s of all", q->aggregate == ASK_MAX ? "greatest" : "least");
        ask_say_rows(reading, &q->events[0], out);
        return;
    }
    const char *lead = q->since ? "Time since: " : leads[q->intent];
    buf_puts(out, lead != NULL ? lead : "");
    if (q->has_measure) {
        buf_printf(out, "%s%s",
                   q->aggregate != ASK_NO_AGGREGATE ? aggregate_texts[q->aggregate]
                   : q->intent == ASK_VALUE_OF      ? "the value"
                                                    : "summary",
                   " of ");
        if (q->per_entity)
            buf_puts(out, "each patient's mean ");
        ask_say_attr(reading, &q->measure, out);
        buf_puts(out, " over ");
    }
    for (size_t i = 0; i < q->output_count; i++) {
        ask_say_attr(reading, &q->outputs[i], out);
        buf_puts(out, i + 1 < q->output_count ? ", " : " in ");
    }
    struct ask_attr name;
    bool named = q->output_count == 0 && !q->by_entity && !q->has_measure &&
                 (q->intent == ASK_LIST || q->intent == ASK_FREQUENT || q->different) &&
                 ask_name_of(reading->catalogue, q->events[0].table, &name);
    if (named && q->group_count == 0) {
        ask_say_attr(reading, &name, out);
        buf_puts(out, " in ");
    }
    if (q->per_count) {
        buf_printf(out, "%s of how many rows of %s each %s has (none counts as 0)", q->aggregate != ASK_NO_AGGREGATE ? aggregate_texts[q->aggregate] : "summary", table, entity_ones[q->per]);
        ask_say_rows(reading, &q->events[0], out);
        return;
    }
    if (q->by_entity)
        buf_printf(out, "%s (%s)", entity_manys[q->entity], table);
    else if (q->events[0].pick != ASK_ALL)
        buf_printf(out, "the %s of each patient's rows of %s", pick_texts[q->events[0].pick], table);
    else
        buf_printf(out, "rows of %s", table);
    if (q->intent == ASK_SHARE)
        say_rows_of(reading, &q->events[0], false, out);
    else
        ask_say_rows(reading, &q->events[0], out);
}

static void say_filter(const struct ask_reading *reading, size_t at, struct buf *out)
{
    const struct ask_event *event = &reading->question.events[at];
    enum ask_entity_kind level = event->level < ASK_ENTITIES ? event->level : ASK_PATIENT;
    bool own = reading->catalogue->entities[level].table == event->table &&
               event->pick == ASK_ALL && !event->counted;
    buf_printf(out, "%s%s", entity_manys[level],
               own && event->negated ? " but not those"
               : own                 ? ""
               : event->negated      ? " that have no "
                                     : " that have ");
    if (own)
        ask_say_rows(reading, event, out);
    else
        ask_say_event(reading, at, out);
    if (event->negated && event->linked != ASK_NONE)
        buf_puts(out, ", counted among those that had it");
}

void ask_say_filters(const struct ask_reading *reading, struct buf *out)
{
    const struct ask_question *q = &reading->question;
    bool first = true;
    for (size_t i = 1; i < q->event_count; i++) {
        const struct ask_event *event = &q->events[i];
        if (event->variable || is_linked(q, i) || (q->intent == ASK_SHARE && event->part))
            continue;
        buf_printf(out, "%s", event->or_with != ASK_NONE ? ", or " : first ? "; only " : ", and ");
        say_filter(reading, i, out);
        first = false;
    }
}

/* What of them is counted. */
static void say_numerator(const struct ask_reading *reading, struct buf *out)
{
    const struct ask_question *q = &reading->question;
    bool first = true;
    for (size_t i = 0; i < q->events[0].predicate_count && first; i++)
        if (q->events[0].predicates[i].part) {
            buf_puts(out, "; numerator: those");
            struct ask_event bare = {.linked = ASK_NONE};
            memcpy(bare.predicates, q->events[0].predicates, sizeof bare.predicates);
            bare.predicate_count = q->events[0].predicate_count;
            say_rows_of(reading, &bare, true, out);
            first = false;
        }
    for (size_t i = 1; i < q->event_count; i++) {
        if (!q->events[i].part || is_linked(q, i))
            continue;
        buf_printf(out, "%s",
                   q->events[i].or_with != ASK_NONE ? ", or "
                   : first                          ? "; numerator: "
                                                    : ", and ");
        say_filter(reading, i, out);
        first = false;
    }
}

void ask_say(struct ask_reading *reading)
{
    const struct ask_question *q = &reading->question;
    struct buf *out = &reading->sentence;
    if (!q->has_target || q->events[0].table == ASK_NONE)
        return;
    if (q->statistics.on) {
        ask_say_statistics(reading);
        return;
    }
    say_what(reading, out);
    ask_say_filters(reading, out);
    if (q->intent == ASK_SHARE)
        say_numerator(reading, out);
    if (q->at_extreme && !q->by_entity)
        buf_puts(out, "; the rows with that value");
    if (q->often)
        buf_printf(out, "; those that occur %s%" PRId64 " times", q->times_op == ASK_GE ? "at least " : q->times_op == ASK_LE ? "at most " : "exactly ", q->times);
    for (size_t g = 0; g < q->group_count; g++) {
        buf_puts(out, g == 0 ? "; for each " : " and ");
        if (q->groups[g].band > 0)
            buf_printf(out, "band of %.0f of ", q->groups[g].band);
        if (q->groups[g].parts > 0)
            buf_printf(out, "of %d parts of equal size of ", q->groups[g].parts);
        if (q->groups[g].parts == ASK_BMI_CLASSES)
            buf_puts(out, "class (WHO) of ");
        ask_say_attr(reading, &q->groups[g], out);
    }
    if (q->by_time)
        buf_printf(out, "; for each %s", unit_texts[q->time_unit]);
    if (q->top > 0)
        buf_printf(out, "; the first %" PRId64 "%s", q->top,
                   q->group_count > 0 ? ", what is not recorded left out" : "");
    if (q->tally != ASK_TALLY_ROWS)
        buf_puts(out, q->tally == ASK_TALLY_PATIENTS ? "; ranked by patients"
                                                     : "; ranked by each time that one came after the other");
    buf_putc(out, '.');
}

/* ---- the door
 * ------------------------------------------------------------------------------------------ */

static void said_now(struct ask_reading *reading)
{
    bool relative = false;
    static const char *const words[] = {"ago",       "this", "current",  "today",
                                        "yesterday", "last", "previous", "past"};
    for (size_t i = 0; i < reading->item_count; i++)
        for (size_t t = reading->items[i].from;
             reading->items[i].class == ASK_WINDOW && t < reading->items[i].to; t++)
            for (size_t w = 0; w < sizeof words / sizeof *words; w++)
                relative = relative || strcmp(words[w], reading->tokens[t].lower) == 0;
    if (reading->question.since) {
        char moment[40];
        ask_say_moment(reading, moment);
        ask_note(reading, reading->warnings, "now is taken as %s%s", moment,
                 reading->options.now_second != 0 ? "" : ", the end of the day (--now says otherwise)");
        return;
    }
    if (!relative)
        return;
    AUTO(buf_done) struct buf day = BUF_INIT;
    ask_say_day(reading->now_day, &day);
    ask_note(reading, reading->warnings, "now is taken as %s%s", buf_text(&day),
             reading->options.now_day == INT64_MIN
                 ? ", the latest day of the data (--now says otherwise)"
                 : "");
}

static void said_exact(struct ask_reading *reading)
{
    const struct ask_question *q = &reading->question;
    for (size_t e = 0; e < q->event_count; e++)
        for (size_t i = 0; i < q->events[e].predicate_count; i++) {
            const struct ask_predicate *predicate = &q->events[e].predicates[i];
            if (predicate->value_count > 1 && predicate->said != NULL)
                ask_note(reading, reading->why, "'%s' stands for %zu values of %s.%s",
                         predicate->said, predicate->value_count,
                         reading->catalogue->tables[ask_attr_table(&predicate->attr)].name,
                         ask_attr_column(reading->catalogue, &predicate->attr)->name);
        }
}

/* A value that is one of several which hold the phrase: the others are said. */
static void said_others(struct ask_reading *reading)
{
    for (size_t i = 0; i < reading->item_count; i++) {
        const struct ask_item *item = &reading->items[i];
        if (item->class != ASK_VALUE || item->match_count == 0 ||
            !item->matches[item->chosen].exact || item->to - item->from > 1)
            continue;
        size_t count = 0, others = 0;
        const uint32_t *postings =
            ask_index_word(reading->index, reading->tokens[item->from].stem, &count);
        for (size_t k = 0; k < count; k++)
            others +=
                reading->index->entries[postings[k]].source == item->matches[item->chosen].source
                    ? 1
                    : 0;
        if (others > item->matches[item->chosen].count)
            ask_note(reading, reading->warnings,
                     "%zu other values hold '%s' and are left out; 'any %s' takes them all",
                     others - item->matches[item->chosen].count,
                     ask_phrase(reading, item->from, item->to),
                     ask_phrase(reading, item->from, item->to));
    }
}

/* What is called clear must have a plan: else it is refused, with what the plan lacks. */
static void try_plan(struct ask_reading *reading)
{
    AUTO(plan_free) struct plan *plan = plan_new();
    const struct plan_rel *root = NULL;
    struct err err = {0};
    if (reading->status != ASK_ANSWERED || plan == NULL ||
        ask_lower(reading, plan, &root, &err) == ERR_OK)
        return;
    reading->status = ASK_REFUSED;
    reading->confidence = 0;
    ask_note(reading, reading->missing, "a plan for it: %s", err.message);
}

enum err_code ask_reading_new(const struct ask_catalogue *catalogue, const struct ask_index *index,
                              struct str text, const struct ask_options *options,
                              struct ask_reading **ret, struct err *err)
{
    struct ask_reading *reading = mem_zalloc(1, sizeof *reading);
    struct arena *arena = arena_new(256u << 20);
    if (reading == NULL || arena == NULL) {
        mem_free(reading);
        arena_free(arena);
        return err_set(err, ERR_MEMORY, "no memory for a question");
    }
    reading->arena = arena;
    reading->catalogue = catalogue;
    reading->index = index;
    reading->options = *options;
    reading->now_day = options->now_day != INT64_MIN    ? options->now_day
                       : index->latest_day != INT64_MIN ? index->latest_day
                                                        : 0;
    reading->text = text;
    reading->why = json_array();
    reading->warnings = json_array();
    reading->missing = json_array();
    reading->choices = json_array();
    *ret = reading;
    return ERR_OK;
}

enum err_code ask_conclude(struct ask_reading *reading, double confidence, struct err *err)
{
    ask_check(reading);
    reading->confidence *= confidence;
    if (reading->status == ASK_ANSWERED && reading->confidence < ASK_THRESHOLD)
        reading->status = ASK_ASKED_BACK;
    try_plan(reading);
    ask_readings_find(reading);
    if (reading->options.trial && reading->other_count > 0)
        reading->status = ASK_ASKED_BACK; /* no choice leaves something open */
    if (reading->status != ASK_REFUSED)
        ask_say(reading);
    if (reading->status != ASK_REFUSED && reading->question.statistics.on)
        ask_warn_statistics(reading);
    said_now(reading);
    said_exact(reading);
    said_others(reading);
    return reading->failed || arena_failed(reading->arena) || reading->sentence.failed
               ? err_set(err, ERR_MEMORY, "no memory for a question")
               : ERR_OK;
}

enum err_code ask_read(const struct ask_catalogue *catalogue, const struct ask_index *index,
                       const char *text, const struct ask_options *options,
                       struct ask_reading **ret, struct err *err)
{
    struct ask_reading *reading = NULL;
    if (strlen(text) > ASK_LIMIT_QUESTION_BYTES)
        return err_set(err, ERR_LIMIT, "the question has more than %d bytes",
                       ASK_LIMIT_QUESTION_BYTES);
    TRY(ask_reading_new(catalogue, index,
                        (struct str){text, str_utf8_valid_prefix(str_of(text))}, options, &reading,
                        err));
    enum err_code code = ask_tokenise(reading, err);
    if (code == ERR_OK) {
        ask_link(reading);
        ask_grammar(reading);
        ask_readings_settle(reading);
        code = ask_conclude(reading, 1, err);
    }
    if (code != ERR_OK) {
        ask_reading_free(reading);
        return code;
    }
    *ret = reading;
    return ERR_OK;
}

void ask_reading_free(struct ask_reading *reading)
{
    if (reading == NULL)
        return;
    json_decref(reading->why);
    json_decref(reading->warnings);
    json_decref(reading->missing);
    json_decref(reading->choices);
    buf_done(&reading->sentence);
    arena_free(reading->arena);
    mem_free(reading);
}

enum ask_status ask_reading_status(const struct ask_reading *reading)
{
    return reading->status;
}

/* ---- masked
 * ------------------------------------------------------------------------------------------ */

/* Words of the grammar and names stay; a value that enough patients share stays; all else is
 * masked. */
bool ask_item_stays(const struct ask_item *item)
{
    switch (item->class) {
    case ASK_VALUE:
        return item->match_count > 0 && item->matches[item->chosen].patients >= ASK_FEW &&
               item->corrected == NULL;
    case ASK_NUMBER:
    case ASK_DURATION:
    case ASK_WINDOW:
    case ASK_IDENTIFIED:
    case ASK_OFTEN:
    case ASK_UNKNOWN:
        return false;
    case ASK_MOMENTS:
        return item->code != 0; /* no number, and no other word */
    case ASK_SERIES:
    case ASK_NOISE:
    case ASK_INTENT:
    case ASK_AGGREGATE:
    case ASK_PICK:
    case ASK_COMPARE:
    case ASK_NEGATION:
    case ASK_OR:
    case ASK_AND:
    case ASK_BY:
    case ASK_ENTITY:
    case ASK_ABOUT:
    case ASK_VERB:
    case ASK_DERIVED:
    case ASK_RELATION:
    case ASK_UNIT:
    case ASK_ORDINAL:
    case ASK_SCOPE:
    case ASK_ROLE:
    case ASK_SETTLES:
    case ASK_CLASS_END:
    case ASK_COLUMN:
    case ASK_TOP:
    case ASK_FLAG:
        return item->corrected == NULL;
    }
    return false;
}

void ask_reading_masked(const struct ask_reading *reading, struct buf *ret)
{
    for (size_t i = 0; i < reading->item_count; i++) {
        const struct ask_item *item = &reading->items[i];
        if (i > 0)
            buf_putc(ret, ' ');
        if (item->class == ASK_IDENTIFIED)
            buf_printf(ret, "%s ", entity_ones[item->code]);
        if (!ask_item_stays(item)) {
            buf_puts(ret, "…");
            continue;
        }
        for (size_t t = item->from; t < item->to; t++) {
            if (t > item->from)
                buf_putc(ret, ' ');
            buf_add_str(ret, reading->tokens[t].text);
        }
    }
}
