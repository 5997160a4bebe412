/* Values in 16 bytes, and counts of values. A group with one value keeps it in place; up to eight
 * lie in an array that is searched from end to end; beyond that, open addressing with linear
 * probing, at most three quarters full. Short texts (12 bytes) are in the slot itself, longer ones
 * end to end in one block that slots point into by offset, so that a state has two blocks at the
 * most. What comes out depends on the counts only, not on the order. */
#include "engine/values_priv.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"

#define SHORT_TEXT 12
#define MOST_SHIFT 30
#define FIRST_SHIFT 2    /* 4 slots */
#define SEARCHED_SHIFT 3 /* up to 8 slots an array, above a hash table */

struct value_bytes {
    size_t len, capacity;
    char text[];
};

/* ---- one value ----------------------------------------------------------------------------------
 */

struct value value_of_text(struct str text)
{
    struct value value = {0, 0};
    uint32_t length = (uint32_t)text.len, head = 0; /* an engine's text is below 4 GB */
    memcpy(&head, text.ptr, text.len < 4 ? text.len : 4);
    if (text.len > SHORT_TEXT)
        value.high = (uint64_t)(uintptr_t)text.ptr;
    else if (text.len > 4)
        memcpy(&value.high, text.ptr + 4, text.len - 4);
    value.low = (uint64_t)head << 32 | length;
    return value;
}

struct value value_at(const struct data_vector *vector, int64_t row)
{
    if (vector->type.kind == DATA_TEXT)
        return value_of_text(vector->text[row]);
    uint64_t bits = (uint64_t)vector->i64[row];
    if (vector->type.kind == DATA_DOUBLE) {
        double number = isnan(vector->f64[row]) ? (double)NAN : vector->f64[row] + 0.0; /* no -0 */
        memcpy(&bits, &number, sizeof bits);
    }
    return (struct value){bits, 0};
}

static inline size_t text_length(struct value value)
{
    return (uint32_t)value.low;
}

static inline bool is_long(enum data_kind kind, struct value value)
{
    return kind == DATA_TEXT && text_length(value) > SHORT_TEXT;
}

/* The bytes of a text; short ones are put together in scratch (≥ 12 bytes). */
static struct str text_of(struct value value, char *scratch)
{
    if (text_length(value) > SHORT_TEXT)
        return (struct str){(const char *)(uintptr_t)value.high, text_length(value)};
    uint32_t head = (uint32_t)(value.low >> 32);
    memcpy(scratch, &head, sizeof head);
    memcpy(scratch + sizeof head, &value.high, sizeof value.high);
    return (struct str){scratch, text_length(value)};
}

bool value_equal(enum data_kind kind, struct value a, struct value b)
{
    if (a.low != b.low)
        return false;
    if (!is_long(kind, a))
        return a.high == b.high;
    return memcmp((const char *)(uintptr_t)a.high, (const char *)(uintptr_t)b.high,
                  text_length(a)) == 0;
}

static int compare_doubles(struct value a, struct value b)
{
    double left, right;
    memcpy(&left, &a.low, sizeof left);
    memcpy(&right, &b.low, sizeof right);
    if (isnan(left) || isnan(right))
        return (isnan(left) ? 1 : 0) - (isnan(right) ? 1 : 0);
    return (left > right) - (left < right);
}

int value_compare(enum data_kind kind, struct value a, struct value b)
{
    if (kind == DATA_TEXT) {
        char left[SHORT_TEXT], right[SHORT_TEXT];
        return str_compare(text_of(a, left), text_of(b, right));
    }
    if (kind == DATA_DOUBLE)
        return compare_doubles(a, b);
    return ((int64_t)a.low > (int64_t)b.low) - ((int64_t)a.low < (int64_t)b.low);
}

bool value_put(struct value value, struct arena *arena, struct data_vector *ret, int64_t row)
{
    if (ret->type.kind != DATA_TEXT) {
        ret->i64[row] = (int64_t)value.low;
        return true;
    }
    char *kept = NULL;
    if (text_length(value) <= SHORT_TEXT && (kept = arena_alloc(arena, SHORT_TEXT)) == NULL)
        return false;
    ret->text[row] = text_of(value, kept);
    return true;
}

bool value_copy(enum data_kind kind, struct value from, struct value *into)
{
    if (is_long(kind, from)) {
        char *copy = mem_alloc(text_length(from));
        if (copy == NULL)
            return false;
        memcpy(copy, (const char *)(uintptr_t)from.high, text_length(from));
        from.high = (uint64_t)(uintptr_t)copy;
    }
    *into = from;
    return true;
}

void value_done(enum data_kind kind, struct value *value)
{
    if (is_long(kind, *value))
        mem_free((void *)(uintptr_t)value->high);
    *value = (struct value){0, 0};
}

/* ---- counts -------------------------------------------------------------------------------------
 */

static inline uint32_t capacity_of(const struct value_counts *counts)
{
    return counts->shift == 0 ? 1 : 1u << counts->shift;
}

static inline const struct value_slot *slots_of(const struct value_counts *counts)
{
    return counts->shift == 0 ? &counts->only : counts->slots;
}

static inline bool is_hashed(const struct value_counts *counts)
{
    return counts->shift > SEARCHED_SHIFT;
}

/* The slot's value with its text as a pointer. */
static inline struct value outside(const struct value_counts *counts, struct value inside)
{
    if (is_long(counts->kind, inside))
        inside.high = (uint64_t)(uintptr_t)(counts->bytes->text + inside.high);
    return inside;
}

static inline uint64_t hash_of(enum data_kind kind, struct value value)
{
    if (is_long(kind, value))
        return hash_xxh3_64((const char *)(uintptr_t)value.high, text_length(value), 0);
    uint64_t mixed = (value.low ^ (value.high * 0x9e3779b97f4a7c15ULL)) * 0xbf58476d1ce4e5b9ULL;
    return (mixed ^ mixed >> 32) * 0x94d049bb133111ebULL >> 16;
}

static struct value_slot *slot_free(struct value_slot *slots, uint32_t capacity, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & (capacity - 1);
    while (slots[at].count != 0)
        at = (at + 1) & (capacity - 1);
    return &slots[at];
}

/* The value's slot, or NULL. */
static struct value_slot *slot_find(struct value_counts *counts, struct value value)
{
    if (!is_hashed(counts)) {
        struct value_slot *slots = counts->shift == 0 ? &counts->only : counts->slots;
        for (uint32_t idx = 0; idx < counts->used; idx++)
            if (value_equal(counts->kind, outside(counts, slots[idx].value), value))
                return &slots[idx];
        return NULL;
    }
    uint32_t mask = capacity_of(counts) - 1;
    for (uint32_t at = (uint32_t)hash_of(counts->kind, value) & mask; counts->slots[at].count != 0;
         at = (at + 1) & mask)
        if (value_equal(counts->kind, outside(counts, counts->slots[at].value), value))
            return &counts->slots[at];
    return NULL;
}

/* Slots to look at: free ones among them in a hash table. */
static uint32_t slots_end(const struct value_counts *counts)
{
    return is_hashed(counts) ? capacity_of(counts) : counts->used;
}

static bool counts_grow(struct value_counts *counts)
{
    if (counts->shift == MOST_SHIFT)
        return false;
    uint8_t shift = counts->shift == 0 ? FIRST_SHIFT : (uint8_t)(counts->shift + 1);
    uint32_t capacity = 1u << shift;
    struct value_slot *slots = mem_zalloc(capacity, sizeof *slots);
    if (slots == NULL)
        return false;
    const struct value_slot *old = slots_of(counts);
    for (uint32_t idx = 0; idx < slots_end(counts); idx++) {
        if (old[idx].count == 0)
            continue;
        struct value_slot *at = &slots[idx];
        if (shift > SEARCHED_SHIFT)
            at = slot_free(slots, capacity, hash_of(counts->kind, outside(counts, old[idx].value)));
        *at = old[idx];
    }
    if (counts->shift > 0)
        mem_free(counts->slots);
    counts->slots = slots;
    counts->shift = shift;
    return true;
}

static bool bytes_keep(struct value_counts *counts, struct value *value)
{
    struct value_bytes *bytes = counts->bytes;
    size_t length = text_length(*value), used = bytes != NULL ? bytes->len : 0;
    if (bytes == NULL || bytes->capacity - used < length) {
        size_t capacity = used + length + (bytes != NULL ? used : 0);
        bytes = mem_resize(bytes, sizeof *bytes + capacity, 1);
        if (bytes == NULL)
            return false;
        bytes->capacity = capacity;
        counts->bytes = bytes;
    }
    memcpy(bytes->text + used, (const char *)(uintptr_t)value->high, length);
    bytes->len = used + length;
    value->high = used;
    return true;
}

static bool is_full(const struct value_counts *counts)
{
    uint32_t capacity = capacity_of(counts);
    return counts->used >= (is_hashed(counts) ? capacity / 4 * 3 : capacity);
}

bool value_counts_add(struct value_counts *counts, enum data_kind kind, struct value value,
                      int64_t occurrences)
{
    counts->kind = (uint8_t)kind;
    struct value_slot *slot = slot_find(counts, value);
    if (slot != NULL) {
        slot->count += occurrences;
        return true;
    }
    if (is_full(counts) && !counts_grow(counts))
        return false;
    uint64_t hash = is_hashed(counts) ? hash_of(kind, value) : 0;
    if (is_long(kind, value) && !bytes_keep(counts, &value))
        return false;
    slot = counts->shift == 0   ? &counts->only
           : !is_hashed(counts) ? &counts->slots[counts->used]
                                : slot_free(counts->slots, capacity_of(counts), hash);
    *slot = (struct value_slot){value, occurrences};
    counts->used++;
    return true;
}

bool value_counts_merge(struct value_counts *into, const struct value_counts *from)
{
    const struct value_slot *slots = slots_of(from);
    for (uint32_t idx = 0; idx < slots_end(from); idx++)
        if (slots[idx].count != 0 &&
            !value_counts_add(into, from->kind, outside(from, slots[idx].value), slots[idx].count))
            return false;
    return true;
}

int64_t value_counts_total(const struct value_counts *counts)
{
    const struct value_slot *slots = slots_of(counts);
    int64_t total = 0;
    for (uint32_t idx = 0; idx < slots_end(counts); idx++)
        total += slots[idx].count;
    return total;
}

bool value_counts_best(const struct value_counts *counts, struct value *ret)
{
    const struct value_slot *slots = slots_of(counts), *best = NULL;
    for (uint32_t idx = 0; idx < slots_end(counts); idx++) {
        const struct value_slot *slot = &slots[idx];
        if (slot->count == 0)
            continue;
        if (best == NULL || slot->count > best->count ||
            (slot->count == best->count && value_compare(counts->kind, outside(counts, slot->value),
                                                         outside(counts, best->value)) < 0))
            best = slot;
    }
    if (best != NULL)
        *ret = outside(counts, best->value);
    return best != NULL;
}

void value_counts_done(struct value_counts *counts)
{
    if (counts->shift > 0)
        mem_free(counts->slots);
    mem_free(counts->bytes);
    memset(counts, 0, sizeof *counts);
}
