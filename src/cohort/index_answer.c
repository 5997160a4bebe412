/* Counting by bitmaps. Criteria become a tree of sets over the file's bitmaps, which index_blocks.c
 * counts. What the index can't say exactly is in one table below, and goes to the plan.
 *
 *     born up to 1976-11-29  =  (born up to the end of 1975)  ∪  {p born in 1976 : born_last[p] <=
 * 1976-11-29} */
#include "cohort/index_priv.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

struct counter {
    struct cohort_index *index;
    const struct cohort_question *question;
    struct arena *arena;
    struct err *err;
};

static struct index_set *new_set(struct counter *counter)
{
    return arena_array(counter->arena, 1, sizeof(struct index_set));
}

static enum err_code no_memory(struct counter *counter)
{
    return err_set(counter->err, ERR_MEMORY, "no memory for sets of patients");
}

/* ---- leaves -------------------------------------------------------------------------------------
 */

/* One more bitmap of the union that a set is; days: only those with a day up to this. */
static enum err_code add_part(struct counter *counter, struct cohort_list *all, size_t entry,
                              const uint16_t *days, int64_t day)
{
    const unsigned char *bytes = NULL;
    TRY(cohort_index_bitmap(counter->index, entry, &bytes, counter->err));
    struct index_part *part = cohort_list_add(counter->arena, all, sizeof *part);
    if (part == NULL)
        return no_memory(counter);
    *part = (struct index_part){.days = days, .day = day};
    cohort_part_begin(part, bytes);
    return ERR_OK;
}

static enum err_code gather(struct counter *counter, struct cohort_list *all, size_t entry)
{
    return add_part(counter, all, entry, NULL, 0);
}

static enum err_code gather_value(struct counter *counter, struct cohort_list *all, unsigned view,
                                  unsigned slot, const char *value)
{
    size_t at = cohort_index_find(counter->index, view, slot, str_of(value));
    return cohort_index_is(counter->index, at, view, slot, str_of(value), true)
               ? gather(counter, all, at)
               : ERR_OK;
}

static enum err_code gather_prefix(struct counter *counter, struct cohort_list *all, unsigned view,
                                   unsigned slot, const char *prefix)
{
    struct str value = str_of(prefix);
    for (size_t at = cohort_index_find(counter->index, view, slot, value);
         cohort_index_is(counter->index, at, view, slot, value, false); at++)
        TRY(gather(counter, all, at));
    return ERR_OK;
}

static enum err_code union_of(struct counter *counter, const struct cohort_list *all,
                              struct index_set **ret)
{
    *ret = new_set(counter);
    if (*ret == NULL)
        return no_memory(counter);
    (*ret)->parts = all->items;
    (*ret)->part_count = all->count;
    return ERR_OK;
}

#define WORD_BYTES 1024 /* longer than criteria's texts can be */
static void lower(const char *text, char ret[WORD_BYTES])
{
    size_t at = 0;
    for (; text[at] != '\0' && at < WORD_BYTES - 1; at++)
        ret[at] = text[at] >= 'A' && text[at] <= 'Z' ? (char)(text[at] + 32) : text[at];
    ret[at] = '\0';
}

static enum err_code gather_event(struct counter *counter, const struct cohort_resolved *resolved,
                                  struct cohort_list *all)
{
    const struct cohort_event *event = resolved->event;
    const struct cohort_views *views = counter->question->views;
    for (size_t i = 0; i < resolved->match_count; i++) {
        const struct cohort_match *match = &resolved->matches[i];
        int slot = cohort_index_slot(&views->views[match->view], match->column);
        unsigned view = (unsigned)match->view + 1;
        for (size_t k = 0; k < match->value_count; k++)
            TRY(gather_value(counter, all, view, (unsigned)slot, match->values[k]));
        for (size_t k = 0; k < match->prefix_count; k++)
            TRY(gather_prefix(counter, all, view, (unsigned)slot, match->prefixes[k]));
    }
    for (size_t i = 0; resolved->all_rows && i < views->count; i++) {
        char word[WORD_BYTES];
        const char *only = event->category != NULL ? event->category : event->status;
        if (!resolved->views[i])
            continue;
        lower(only != NULL ? only : "", word);
        TRY(gather_value(counter, all, (unsigned)i + 1,
                         event->category != NULL ? SLOT_CATEGORY
                         : event->status != NULL ? SLOT_STATUS
                                                 : SLOT_ANY,
                         word));
    }
    return ERR_OK;
}

static enum err_code gather_gender(struct counter *counter, const char *gender,
                                   struct cohort_list *all)
{
    size_t count = 0;
    const char *const *spellings = cohort_gender_spellings(gender, &count);
    if (spellings == NULL)
        return gather_value(counter, all, 0, SLOT_GENDER, gender);
    for (size_t i = 0; i < count; i++)
        TRY(gather_value(counter, all, 0, SLOT_GENDER, spellings[i]));
    return ERR_OK;
}

/* ---- births -------------------------------------------------------------------------------------
 */

/* The entry of the last year up to this one that the slot has; false: there is none. */
static bool year_entry(const struct counter *counter, unsigned slot, int64_t year, size_t *ret)
{
    char text[16];
    if (year < 0)
        return false;
    (void)snprintf(text, sizeof text, "%04d", (int)(year > 9999 ? 9999 : year));
    *ret = cohort_index_find(counter->index, 0, slot, str_of(text));
    if (cohort_index_is(counter->index, *ret, 0, slot, str_of(text), true))
        return true;
    return *ret > 0 && cohort_index_is(counter->index, --*ret, 0, slot, STR(""), false);
}

/* Those born in the year, up to its day (from 0), by the days kept beside the year's bitmap. */
static enum err_code edge(struct counter *counter, unsigned slot, const uint16_t *days,
                          int64_t year, int64_t day, struct cohort_list *all)
{
    struct cohort_index *index = counter->index;
    char text[16];
    (void)snprintf(text, sizeof text, "%04d", (int)year);
    size_t entry = cohort_index_find(index, 0, slot, str_of(text));
    return cohort_index_is(index, entry, 0, slot, str_of(text), true)
               ? add_part(counter, all, entry, days + index->ranks[entry], day)
               : ERR_OK;
}

/* Those born up to the day, by their first (last: last) possible day of birth. */
static enum err_code born_upto(struct counter *counter, bool last, int64_t day,
                               struct index_set **ret)
{
    bool apart = last && (counter->index->header.flags & INDEX_EXACT_BIRTHS) == 0;
    unsigned upto = apart ? SLOT_LAST_UPTO : SLOT_FIRST_UPTO;
    struct cohort_list all = {0};
    int64_t year;
    unsigned month, date;
    size_t entry;
    clock_civil_from_days(day > 3000000   ? 3000000
                          : day < -800000 ? -800000
                                          : day,
                          &year, &month, &date);
    bool whole = month == 12 && date == 31;
    if (year_entry(counter, upto, whole ? year : year - 1, &entry))
        TRY(gather(counter, &all, entry));
    if (!whole && year >= 0 && year <= 9999)
        TRY(edge(counter, upto + 1, apart ? counter->index->born_last : counter->index->born_first,
                 year, day - clock_days_from_civil(year, 1, 1), &all));
    return union_of(counter, &all, ret);
}

static enum err_code born_set(struct counter *counter, int64_t low, int64_t high,
                              struct index_set **ret)
{
    struct index_set *both = new_set(counter), *before = NULL, *upto = NULL;
    TRY(born_upto(counter, true, high == COHORT_OPEN_HIGH ? 3000000 : high, &upto));
    *ret = upto;
    if (low == COHORT_OPEN_LOW)
        return ERR_OK;
    TRY(born_upto(counter, false, low - 1, &before));
    before->inverted = true;
    if (both == NULL || (both->children = arena_array(counter->arena, 2, sizeof before)) == NULL)
        return no_memory(counter);
    both->children[0] = upto;
    both->children[1] = before;
    both->child_count = 2;
    *ret = both;
    return ERR_OK;
}

/* ---- the tree -----------------------------------------------------------------------------------
 */

static enum err_code node_set(struct counter *counter, const struct cohort_node *node,
                              struct index_set **ret);

static enum err_code joined_set(struct counter *counter, const struct cohort_node *node,
                                struct index_set **ret)
{
    struct index_set *set = new_set(counter);
    if (set == NULL || (set->children = arena_array(counter->arena, node->child_count + 1,
                                                    sizeof *set->children)) == NULL)
        return no_memory(counter);
    set->any = node->kind == COHORT_ANY;
    for (; set->child_count < node->child_count; set->child_count++)
        TRY(node_set(counter, node->children[set->child_count], &set->children[set->child_count]));
    *ret = set;
    return ERR_OK;
}

static enum err_code node_set(struct counter *counter, const struct cohort_node *node,
                              struct index_set **ret)
{
    struct cohort_list all = {0};
    int64_t low, high;
    switch (node->kind) {
    case COHORT_ALL:
    case COHORT_ANY:
        return joined_set(counter, node, ret);
    case COHORT_NOT:
        TRY(node_set(counter, node->children[0], ret));
        (*ret)->inverted = !(*ret)->inverted;
        return ERR_OK;
    case COHORT_AGE:
        cohort_birth_days(counter->question->as_of_day, &node->span, &low, &high);
        return born_set(counter, low, high, ret);
    case COHORT_BORN:
        return born_set(counter, node->span.low, node->span.high, ret);
    case COHORT_GENDER:
        TRY(gather_gender(counter, node->gender, &all));
        break;
    case COHORT_DECEASED:
        TRY(gather_value(counter, &all, 0, SLOT_DECEASED, ""));
        break;
    case COHORT_EVENT:
        TRY(gather_event(counter, &counter->question->events[node->event->ordinal], &all));
        break;
    }
    return union_of(counter, &all, ret);
}

/* ---- the door -----------------------------------------------------------------------------------
 */

static bool asks_values(const struct cohort_event *event)
{
    return event->value.given;
}
static bool asks_dates(const struct cohort_event *event)
{
    return event->dates.given;
}
static bool asks_age(const struct cohort_event *event)
{
    return event->age.given;
}
static bool asks_several(const struct cohort_event *event)
{
    return event->at_least > 1;
}
static bool asks_order(const struct cohort_event *event)
{
    return event->relation_count > 0;
}
/* Upper and lower case beyond ASCII are the engine's matter. */
static bool asks_beyond_ascii(const struct cohort_event *event)
{
    for (const char *c = event->category; c != NULL && *c != '\0'; c++)
        if ((unsigned char)*c >= 0x80)
            return true;
    for (const char *c = event->status; c != NULL && *c != '\0'; c++)
        if ((unsigned char)*c >= 0x80)
            return true;
    return false;
}
static bool asks_two_columns(const struct cohort_event *event)
{
    int asked = (event->code_count + event->text_count + event->value_set_count > 0 ? 1 : 0) +
                (event->category != NULL ? 1 : 0) + (event->status != NULL ? 1 : 0);
    return asked > 1;
}

/* What the bitmaps do not hold: which rows of a patient go together, and when they were. */
static const struct {
    bool (*asks)(const struct cohort_event *event);
    const char *why;
} not_indexed[] = {
    {asks_values, "the bitmap index holds no values"},
    {asks_dates, "the bitmap index holds no dates of events"},
    {asks_age, "the bitmap index holds no ages at events"},
    {asks_several, "the bitmap index does not count events"},
    {asks_beyond_ascii, "the bitmap index folds case within ASCII only"},
    {asks_order, "the bitmap index does not know the order of events"},
    {asks_two_columns,
     "the bitmap index does not know which code, category and status are of one event"},
};

const char *cohort_index_why_not(const struct cohort_question *question)
{
    for (size_t e = 0; e < question->criteria->event_count; e++)
        for (size_t i = 0; i < sizeof not_indexed / sizeof *not_indexed; i++)
            if (not_indexed[i].asks(question->events[e].event))
                return not_indexed[i].why;
    return NULL;
}

enum err_code cohort_index_count(struct cohort_index *index, const struct cohort_question *question,
                                 int64_t *ret, struct err *err)
{
    const struct cohort_node *root = question->criteria->root;
    size_t steps = cohort_step_count(question->criteria);
    AUTO(arena_free) struct arena *arena = arena_new(0);
    struct counter counter = {index, question, arena, err};
    struct index_set **sets = arena == NULL ? NULL : arena_array(arena, steps + 1, sizeof *sets);
    if (sets == NULL)
        return no_memory(&counter);
    for (size_t i = 0; i < steps; i++)
        TRY(node_set(&counter, root->kind == COHORT_ALL ? root->children[i] : root, &sets[i]));
    ret[0] = index->header.patients;
    return cohort_blocks_count(sets, steps, index->header.patients, ret + 1, err);
}
