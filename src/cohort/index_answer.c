/* Counting by bitmaps. Criteria become a tree of sets of patients over the file's bitmaps, which
 * index_blocks.c counts; an event that asks for days, numbers or two things of one row is a set
 * that index_events.c makes of its rows. What the index can't say exactly is in one table below,
 * and goes to the plan.
 *
 *     born up to 1976-11-29  =  born before the nearest band  △  those between the band's begin and
 * that day */
#include "cohort/index_priv.h"

#include <string.h>

static struct index_set *new_set(struct index_counter *counter)
{
    return arena_array(counter->arena, 1, sizeof(struct index_set));
}

static enum err_code no_memory(struct index_counter *counter)
{
    return err_set(counter->err, ERR_MEMORY, "no memory for sets of patients");
}

/* ---- leaves -------------------------------------------------------------------------------------
 */

/* One more bitmap of the union that a set is. */
static enum err_code gather(struct index_counter *counter, struct cohort_list *parts, size_t entry,
                            bool rows)
{
    const unsigned char *bytes = NULL;
    TRY(cohort_index_bitmap(counter->index, entry, rows, &bytes, counter->err));
    struct index_part *part = cohort_list_add(counter->arena, parts, sizeof *part);
    if (part == NULL)
        return no_memory(counter);
    if (!rows && counter->index->entries[entry].flat != 0)
        *part = (struct index_part){.flat = bytes,
                                    .cardinality = counter->index->entries[entry].cardinality,
                                    .words = index_words(counter->index->header.patients)};
    else
        cohort_part_begin(part, bytes);
    return ERR_OK;
}

enum err_code cohort_gather_value(struct index_counter *counter, struct cohort_list *parts,
                                  unsigned view, unsigned slot, const char *value, bool rows)
{
    size_t at = cohort_index_find(counter->index, view, slot, str_of(value));
    return cohort_index_is(counter->index, at, view, slot, str_of(value), true)
               ? gather(counter, parts, at, rows)
               : ERR_OK;
}

static enum err_code gather_prefix(struct index_counter *counter, struct cohort_list *parts,
                                   unsigned view, unsigned slot, const char *prefix, bool rows)
{
    struct str value = str_of(prefix);
    for (size_t at = cohort_index_find(counter->index, view, slot, value);
         cohort_index_is(counter->index, at, view, slot, value, false); at++)
        TRY(gather(counter, parts, at, rows));
    return ERR_OK;
}

enum err_code cohort_set_of(struct index_counter *counter, const struct cohort_list *parts,
                            struct index_set **ret)
{
    *ret = new_set(counter);
    if (*ret == NULL)
        return no_memory(counter);
    (*ret)->parts = parts->items;
    (*ret)->part_count = parts->count;
    return ERR_OK;
}

enum err_code cohort_bits_set(struct index_counter *counter, bool filled, uint64_t **ret_bits,
                              struct index_set **ret)
{
    struct cohort_index *index = counter->index;
    size_t words = index_words(index->header.patients);
    uint64_t *bits = NULL;
    if (index->scratch_used < INDEX_SCRATCH) {
        uint64_t **kept = &index->scratch[index->scratch_used++];
        if (*kept == NULL)
            *kept = mem_zalloc(words + 1, sizeof *bits);
        else if (!filled)
            memset(*kept, 0, words * sizeof *bits);
        bits = *kept;
    } else {
        bits = arena_array(counter->arena, words + 1, sizeof *bits);
    }
    *ret = new_set(counter);
    if (bits == NULL || *ret == NULL)
        return no_memory(counter);
    (*ret)->bits = *ret_bits = bits;
    (*ret)->bit_words = words;
    return ERR_OK;
}

void cohort_lower_ascii(const char *text, char ret[INDEX_WORD_BYTES])
{
    size_t at = 0;
    for (; text[at] != '\0' && at < INDEX_WORD_BYTES - 1; at++)
        ret[at] = text[at] >= 'A' && text[at] <= 'Z' ? (char)(text[at] + 32) : text[at];
    ret[at] = '\0';
}

enum err_code cohort_gather_matches(struct index_counter *counter, struct cohort_list *parts,
                                    const struct cohort_resolved *resolved, size_t view, bool rows)
{
    for (size_t i = 0; i < resolved->match_count; i++) {
        const struct cohort_match *match = &resolved->matches[i];
        if (match->view != view)
            continue;
        int slot = cohort_index_slot(&counter->question->views->views[view], match->column);
        for (size_t k = 0; k < match->value_count; k++)
            TRY(cohort_gather_value(counter, parts, (unsigned)view + 1, (unsigned)slot,
                                    match->values[k], rows));
        for (size_t k = 0; k < match->prefix_count; k++)
            TRY(gather_prefix(counter, parts, (unsigned)view + 1, (unsigned)slot,
                              match->prefixes[k], rows));
    }
    return ERR_OK;
}

/* Patients with a row of one value at least: of any match, else of the category, else of the
 * status, else any. */
static enum err_code gather_event(struct index_counter *counter,
                                  const struct cohort_resolved *resolved, struct cohort_list *parts)
{
    const struct cohort_event *event = resolved->event;
    const char *only = event->category != NULL ? event->category : event->status;
    unsigned slot = event->category != NULL ? SLOT_CATEGORY
                    : event->status != NULL ? SLOT_STATUS
                                            : SLOT_ANY;
    char word[INDEX_WORD_BYTES];
    cohort_lower_ascii(only != NULL ? only : "", word);
    for (size_t i = 0; i < counter->question->views->count; i++) {
        if (!resolved->views[i])
            continue;
        TRY(cohort_gather_matches(counter, parts, resolved, i, false));
        if (resolved->all_rows)
            TRY(cohort_gather_value(counter, parts, (unsigned)i + 1, slot, word, false));
    }
    return ERR_OK;
}

static enum err_code gather_gender(struct index_counter *counter, const char *gender,
                                   struct cohort_list *parts)
{
    size_t count = 0;
    const char *const *spellings = cohort_gender_spellings(gender, &count);
    if (spellings == NULL)
        return cohort_gather_value(counter, parts, 0, SLOT_GENDER, gender, false);
    for (size_t i = 0; i < count; i++)
        TRY(cohort_gather_value(counter, parts, 0, SLOT_GENDER, spellings[i], false));
    return ERR_OK;
}

/* ---- births -------------------------------------------------------------------------------------
 */

/* How many births are up to the day. */
static uint32_t births_upto(const struct index_births *births, int64_t day)
{
    uint32_t low = 0, high = births->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (births->days[middle] <= day)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Those born up to the day, by their first (last: last) possible day of birth. */
static enum err_code born_upto(struct index_counter *counter, bool last, int64_t day,
                               uint64_t **ret_bits, struct index_set **ret)
{
    const struct index_births *births = &counter->index->births[last ? 1 : 0];
    size_t words = index_words(counter->index->header.patients);
    uint32_t wanted = births_upto(births, day), band = 0, start = 0;
    if (births->band_count > 0) { /* the nearest band; nobody is born before the first */
        uint64_t size = births->count / births->band_count + 1;
        band = (uint32_t)((wanted + size / 2) / size);
        band = band < births->band_count ? band : births->band_count - 1;
    }
    TRY(cohort_bits_set(counter, band > 0, ret_bits, ret));
    uint64_t *bits = *ret_bits;
    if (band > 0) {
        start = index_band_start(births->count, births->band_count, band);
        memcpy(bits, births->bands + (band - 1) * words, words * sizeof *bits);
    }
    uint32_t from = start < wanted ? start : wanted, to = start < wanted ? wanted : start;
    for (uint32_t i = from; i < to; i++)
        bits[births->ordinals[i] / 64] ^= UINT64_C(1) << (births->ordinals[i] % 64);
    return ERR_OK;
}

/* Born in those days: each day that the birth can have been on is. */
static enum err_code born_set(struct index_counter *counter, int64_t low, int64_t high,
                              struct index_set **ret)
{
    struct index_set *before = NULL;
    uint64_t *bits = NULL, *out = NULL;
    TRY(born_upto(counter, true, high, &bits, ret));
    if (low == COHORT_OPEN_LOW)
        return ERR_OK;
    TRY(born_upto(counter, false, low - 1, &out, &before));
    for (size_t i = 0; i < before->bit_words; i++)
        bits[i] &= ~out[i];
    return ERR_OK;
}

/* ---- the tree -----------------------------------------------------------------------------------
 */

static enum err_code node_set(struct index_counter *counter, const struct cohort_node *node,
                              struct index_set **ret);

static enum err_code joined_set(struct index_counter *counter, const struct cohort_node *node,
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

/* Do the patients' bitmaps tell who has the event? Else its rows must be looked at. */
static bool is_simple(const struct cohort_event *event)
{
    int asked = (event->code_count + event->text_count + event->value_set_count > 0 ? 1 : 0) +
                (event->category != NULL ? 1 : 0) + (event->status != NULL ? 1 : 0);
    return asked <= 1 && !event->dates.given && !event->age.given && event->at_least <= 1 &&
           event->relation_count == 0;
}

static enum err_code node_set(struct index_counter *counter, const struct cohort_node *node,
                              struct index_set **ret)
{
    const struct cohort_resolved *events = counter->question->events;
    struct cohort_list parts = {0};
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
        TRY(gather_gender(counter, node->gender, &parts));
        break;
    case COHORT_DECEASED:
        TRY(cohort_gather_value(counter, &parts, 0, SLOT_DECEASED, "", false));
        break;
    case COHORT_EVENT:
        if (!is_simple(node->event))
            return cohort_events_set(counter, &events[node->event->ordinal], ret);
        TRY(gather_event(counter, &events[node->event->ordinal], &parts));
        break;
    }
    return cohort_set_of(counter, &parts, ret);
}

/* ---- the door -----------------------------------------------------------------------------------
 */

static bool asks_values(const struct cohort_event *event)
{
    return event->value.given;
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
/* What neither bitmaps nor lists of events hold. */
static const struct {
    bool (*asks)(const struct cohort_event *event);
    const char *why;
} not_indexed[] = {
    {asks_values, "the bitmap index holds no values"},
    {asks_beyond_ascii, "the bitmap index folds case within ASCII only"},
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
    struct index_counter counter = {index, question, arena, err};
    struct index_set **sets = arena == NULL ? NULL : arena_array(arena, steps + 1, sizeof *sets);
    if (sets == NULL)
        return no_memory(&counter);
    index->scratch_used = 0;
    for (size_t i = 0; i < steps; i++)
        TRY(node_set(&counter, root->kind == COHORT_ALL ? root->children[i] : root, &sets[i]));
    ret[0] = index->header.patients;
    return cohort_blocks_count(sets, steps, index->header.patients, ret + 1, err);
}
