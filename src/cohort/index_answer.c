/* Counting by bitmaps. A criterion is a set of ordinals, perhaps the complement of one; steps are
 * intersected in turn, the last one only counted. What the index can't say exactly is in one table
 * below, and goes to the plan.
 *
 *     born up to 1976-11-29  =  (born up to the end of 1975)  ∪  {p born in 1976 : born_last[p] <=
 * 1976-11-29} */
#include "cohort/index_priv.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

struct set {
    const roaring_bitmap_t *bitmap;
    roaring_bitmap_t *owned; /* NULL: it is the index's */
    roaring_bitmap_t *few;   /* some more, none of them in bitmap; NULL: none. Kept apart: joining
                                them would copy the many */
    bool inverted;           /* all others are meant */
};
struct counter {
    struct cohort_index *index;
    const struct cohort_question *question;
    struct err *err;
};

static void set_done(struct set *set)
{
    bitmap_free(set->owned);
    bitmap_free(set->few);
    *set = (struct set){.bitmap = NULL};
}

static enum err_code own(struct counter *counter, struct set *set, roaring_bitmap_t *bitmap,
                         bool inverted)
{
    set_done(set);
    if (bitmap == NULL)
        return err_set(counter->err, ERR_MEMORY, "no memory for a bitmap");
    *set = (struct set){.bitmap = bitmap, .owned = bitmap, .inverted = inverted};
    return ERR_OK;
}

/* One bitmap of the two parts. */
static enum err_code joined_parts(struct counter *counter, struct set *set)
{
    if (set->few == NULL)
        return ERR_OK;
    return own(counter, set, libroaring.or_(set->bitmap, set->few), set->inverted);
}

/* a ← a ∩ b where b has two parts and neither is inverted: a ∩ (many ∪ few) = (a ∩ many) ∪ (a ∩
 * few). */
static enum err_code intersect_parts(struct counter *counter, struct set *a, struct set *b)
{
    roaring_bitmap_t *made = libroaring.and_(a->bitmap, b->bitmap),
                     *more = libroaring.and_(a->bitmap, b->few);
    if (made != NULL && more != NULL)
        libroaring.or_inplace_(made, more);
    bool ok = more != NULL;
    bitmap_free(more);
    set_done(b);
    TRY(own(counter, a, made, false));
    return ok ? ERR_OK : err_set(counter->err, ERR_MEMORY, "no memory for a bitmap");
}

/* a ← a ∩ b; done with b. */
static enum err_code intersect(struct counter *counter, struct set *a, struct set *b)
{
    enum err_code code = joined_parts(counter, a);
    if (code == ERR_OK && b->few != NULL && !a->inverted && !b->inverted)
        return intersect_parts(counter, a, b);
    if (code == ERR_OK)
        code = joined_parts(counter, b);
    if (code != ERR_OK) {
        set_done(b);
        return code;
    }
    const roaring_bitmap_t *x = a->bitmap, *y = b->bitmap;
    roaring_bitmap_t *made = a->inverted && b->inverted ? libroaring.or_(x, y)
                             : a->inverted              ? libroaring.andnot_(y, x)
                             : b->inverted              ? libroaring.andnot_(x, y)
                                                        : libroaring.and_(x, y);
    bool inverted = a->inverted && b->inverted;
    set_done(b);
    return own(counter, a, made, inverted);
}

static int64_t count_set(const struct counter *counter, const struct set *set)
{
    int64_t count = (int64_t)libroaring.get_cardinality_(set->bitmap);
    count += set->few != NULL ? (int64_t)libroaring.get_cardinality_(set->few) : 0;
    return set->inverted ? counter->index->header.patients - count : count;
}

/* Of sets of one part. */
static int64_t count_intersection(const struct counter *counter, const struct set *a,
                                  const struct set *b)
{
    const roaring_bitmap_t *x = a->bitmap, *y = b->bitmap;
    if (a->inverted && b->inverted)
        return counter->index->header.patients - (int64_t)libroaring.or_cardinality_(x, y);
    return (int64_t)(a->inverted   ? libroaring.andnot_cardinality_(y, x)
                     : b->inverted ? libroaring.andnot_cardinality_(x, y)
                                   : libroaring.and_cardinality_(x, y));
}

/* ---- leaves -------------------------------------------------------------------------------------
 */

/* Bitmaps of which the union is meant: the first few without allocation. */
struct gathered {
    const roaring_bitmap_t *few[64];
    const roaring_bitmap_t **many;
    size_t count, cap;
};

static enum err_code gather(struct counter *counter, struct gathered *all, size_t entry)
{
    const roaring_bitmap_t *bitmap = NULL;
    TRY(cohort_index_bitmap(counter->index, entry, &bitmap, counter->err));
    if (all->many == NULL)
        all->cap = 64;
    if (all->count == all->cap) {
        const roaring_bitmap_t **grown = all->many == NULL
                                             ? mem_zalloc(2 * all->cap, sizeof *grown)
                                             : mem_resize(all->many, 2 * all->cap, sizeof *grown);
        if (grown == NULL)
            return err_set(counter->err, ERR_MEMORY, "no memory for a union");
        if (all->many == NULL)
            memcpy(grown, all->few, sizeof all->few);
        all->many = grown;
        all->cap *= 2;
    }
    (all->many != NULL ? all->many : all->few)[all->count++] = bitmap;
    return ERR_OK;
}

static enum err_code gather_value(struct counter *counter, struct gathered *all, unsigned view,
                                  unsigned slot, const char *value)
{
    size_t at = cohort_index_find(counter->index, view, slot, str_of(value));
    return cohort_index_is(counter->index, at, view, slot, str_of(value), true)
               ? gather(counter, all, at)
               : ERR_OK;
}

static enum err_code gather_prefix(struct counter *counter, struct gathered *all, unsigned view,
                                   unsigned slot, const char *prefix)
{
    struct str value = str_of(prefix);
    for (size_t at = cohort_index_find(counter->index, view, slot, value);
         cohort_index_is(counter->index, at, view, slot, value, false); at++)
        TRY(gather(counter, all, at));
    return ERR_OK;
}

static enum err_code union_of(struct counter *counter, struct gathered *all, struct set *ret)
{
    const roaring_bitmap_t **bitmaps = all->many != NULL ? all->many : all->few;
    enum err_code code = ERR_OK;
    if (all->count == 0)
        *ret = (struct set){.bitmap = counter->index->none};
    else if (all->count == 1)
        *ret = (struct set){.bitmap = bitmaps[0]};
    else if (all->count == 2)
        code = own(counter, ret, libroaring.or_(bitmaps[0], bitmaps[1]), false);
    else
        code = own(counter, ret, libroaring.or_many_(all->count, bitmaps), false);
    return code;
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
                                  struct gathered *all)
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

static enum err_code event_set(struct counter *counter, const struct cohort_resolved *resolved,
                               struct set *ret)
{
    struct gathered all;
    all.many = NULL;
    all.count = 0;
    enum err_code code = gather_event(counter, resolved, &all);
    if (code == ERR_OK)
        code = union_of(counter, &all, ret);
    mem_free(all.many);
    return code;
}

static enum err_code gender_set(struct counter *counter, const char *gender, struct set *ret)
{
    struct gathered all;
    size_t count = 0;
    const char *const *spellings = cohort_gender_spellings(gender, &count);
    all.many = NULL;
    all.count = 0;
    enum err_code code = ERR_OK;
    if (spellings == NULL)
        code = gather_value(counter, &all, 0, SLOT_GENDER, gender);
    for (size_t i = 0; spellings != NULL && code == ERR_OK && i < count; i++)
        code = gather_value(counter, &all, 0, SLOT_GENDER, spellings[i]);
    if (code == ERR_OK)
        code = union_of(counter, &all, ret);
    mem_free(all.many);
    return code;
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
                          int64_t year, int64_t day, roaring_bitmap_t **ret)
{
    struct cohort_index *index = counter->index;
    const roaring_bitmap_t *bitmap = NULL;
    char text[16];
    *ret = NULL;
    (void)snprintf(text, sizeof text, "%04d", (int)year);
    size_t entry = cohort_index_find(index, 0, slot, str_of(text)), kept = 0;
    if (!cohort_index_is(index, entry, 0, slot, str_of(text), true))
        return ERR_OK;
    TRY(cohort_index_bitmap(index, entry, &bitmap, counter->err));
    size_t count = index->entries[entry].cardinality;
    days += index->ranks[entry];
    libroaring.to_uint32_array_(bitmap, index->scratch);
    for (size_t i = 0; i < count; i++) {
        index->scratch[kept] = index->scratch[i];
        kept += days[i] <= day ? 1 : 0;
    }
    *ret = libroaring.of_ptr_(kept, index->scratch);
    return *ret == NULL ? err_set(counter->err, ERR_MEMORY, "no memory for a bitmap") : ERR_OK;
}

/* Those born up to the day, by their first (last: last) possible day of birth. */
static enum err_code born_upto(struct counter *counter, bool last, int64_t day, struct set *ret)
{
    bool apart = last && (counter->index->header.flags & INDEX_EXACT_BIRTHS) == 0;
    unsigned upto = apart ? SLOT_LAST_UPTO : SLOT_FIRST_UPTO;
    int64_t year;
    unsigned month, date;
    size_t entry;
    roaring_bitmap_t *edge_bitmap = NULL;
    clock_civil_from_days(day > 3000000   ? 3000000
                          : day < -800000 ? -800000
                                          : day,
                          &year, &month, &date);
    bool whole = month == 12 && date == 31;
    *ret = (struct set){.bitmap = counter->index->none};
    if (year_entry(counter, upto, whole ? year : year - 1, &entry))
        TRY(cohort_index_bitmap(counter->index, entry, &ret->bitmap, counter->err));
    if (whole || year < 0 || year > 9999)
        return ERR_OK;
    TRY(edge(counter, upto + 1, apart ? counter->index->born_last : counter->index->born_first,
             year, day - clock_days_from_civil(year, 1, 1), &edge_bitmap));
    if (edge_bitmap == NULL)
        return ERR_OK;
    ret->few = edge_bitmap;
    return ERR_OK;
}

static enum err_code born_set(struct counter *counter, int64_t low, int64_t high, struct set *ret)
{
    struct set before = {0};
    TRY(born_upto(counter, true, high == COHORT_OPEN_HIGH ? 3000000 : high, ret));
    if (low == COHORT_OPEN_LOW)
        return ERR_OK;
    TRY(born_upto(counter, false, low - 1, &before));
    before.inverted = true;
    return intersect(counter, ret, &before);
}

/* ---- the tree -----------------------------------------------------------------------------------
 */

static enum err_code node_set(struct counter *counter, const struct cohort_node *node,
                              struct set *ret);

/* ALL: a ∩ b ∩ …; ANY: the complement of the complements' intersection. */
static enum err_code joined_set(struct counter *counter, const struct cohort_node *node,
                                struct set *ret)
{
    bool any = node->kind == COHORT_ANY;
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < node->child_count; i++) {
        struct set one = {0};
        code = node_set(counter, node->children[i], &one);
        if (code != ERR_OK)
            break;
        one.inverted ^= any;
        if (i == 0)
            *ret = one;
        else
            code = intersect(counter, ret, &one);
    }
    if (code != ERR_OK)
        set_done(ret);
    ret->inverted ^= any;
    return code;
}

static enum err_code node_set(struct counter *counter, const struct cohort_node *node,
                              struct set *ret)
{
    int64_t low, high;
    struct gathered all;
    enum err_code code;
    *ret = (struct set){0};
    switch (node->kind) {
    case COHORT_ALL:
    case COHORT_ANY:
        return joined_set(counter, node, ret);
    case COHORT_NOT:
        TRY(node_set(counter, node->children[0], ret));
        ret->inverted = !ret->inverted;
        return ERR_OK;
    case COHORT_GENDER:
        return gender_set(counter, node->gender, ret);
    case COHORT_AGE:
        cohort_birth_days(counter->question->as_of_day, &node->span, &low, &high);
        return born_set(counter, low, high, ret);
    case COHORT_BORN:
        return born_set(counter, node->span.low, node->span.high, ret);
    case COHORT_DECEASED:
        all.many = NULL;
        all.count = 0;
        code = gather_value(counter, &all, 0, SLOT_DECEASED, "");
        return code != ERR_OK ? code : union_of(counter, &all, ret);
    case COHORT_EVENT:
        return event_set(counter, &counter->question->events[node->event->ordinal], ret);
    }
    return ERR_OK;
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
    struct counter counter = {index, question, err};
    struct set left = {.bitmap = index->all};
    size_t steps = cohort_step_count(question->criteria);
    enum err_code code = ERR_OK;
    ret[0] = index->header.patients;
    for (size_t i = 0; code == ERR_OK && i < steps; i++) {
        struct set one = {0};
        code = node_set(&counter, root->kind == COHORT_ALL ? root->children[i] : root, &one);
        if (code == ERR_OK && i + 1 == steps)
            ret[i + 1] =
                i == 0 ? count_set(&counter, &one) : count_intersection(&counter, &left, &one);
        if (code != ERR_OK || i + 1 == steps) {
            set_done(&one);
            break;
        }
        if (i == 0)
            left = one; /* of all patients */
        else
            code = intersect(&counter, &left, &one);
        if (code == ERR_OK)
            ret[i + 1] = count_set(&counter, &left);
    }
    set_done(&left);
    return code;
}
