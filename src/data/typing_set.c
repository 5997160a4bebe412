/* The set of distinct texts of a column with their counts: open addressing over 16-bit slots,
 * entries in arrival order, texts end to end in one block. It starts with nothing and doubles, so
 * 10,000 narrow columns stay cheap. */
#include <stdlib.h>
#include <string.h>

#include "data/typing_priv.h"

void typing_set_done(struct typing_set *set)
{
    mem_free(set->entries);
    mem_free(set->slots);
    mem_free(set->texts);
    *set = (struct typing_set){0};
}

/* Room for one more entry; slots stay at most half full. */
static bool grow_entries(struct typing_set *set)
{
    uint32_t cap = set->cap == 0 ? 16 : set->cap * 2;
    uint32_t slot_count = cap * 2;
    uint16_t *slots = mem_zalloc(slot_count, sizeof *slots);
    struct typing_entry *entries = mem_resize(set->entries, cap, sizeof *entries);
    if (entries != NULL)
        set->entries = entries;
    if (slots == NULL || entries == NULL) {
        mem_free(slots);
        return false;
    }
    for (uint32_t i = 0; i < set->count; i++) {
        uint32_t at = (uint32_t)entries[i].hash & (slot_count - 1);
        while (slots[at] != 0)
            at = (at + 1) & (slot_count - 1);
        slots[at] = (uint16_t)(i + 1);
    }
    mem_free(set->slots);
    set->slots = slots;
    set->slot_mask = slot_count - 1;
    set->cap = cap;
    return true;
}

static bool grow_texts(struct typing_set *set, uint32_t wanted)
{
    uint32_t cap = set->text_cap == 0 ? 128 : set->text_cap;
    while (cap < wanted)
        cap *= 2;
    char *texts = mem_resize(set->texts, cap, 1);
    if (texts == NULL)
        return false;
    set->texts = texts;
    set->text_cap = cap;
    return true;
}

static enum typing_set_result add_new(struct typing_set *set, struct typing_set_limits limits,
                                      struct str text, uint64_t hash, int64_t count)
{
    if (set->count >= limits.count || text.len > limits.text_bytes - set->text_bytes)
        return SET_FULL;
    uint32_t end = set->text_bytes + (uint32_t)text.len;
    if ((set->count == set->cap && !grow_entries(set)) ||
        ((set->texts == NULL || end > set->text_cap) && !grow_texts(set, end)))
        return SET_NO_MEMORY;
    uint32_t at = (uint32_t)hash & set->slot_mask;
    while (set->slots[at] != 0)
        at = (at + 1) & set->slot_mask;
    if (text.len > 0)
        memcpy(set->texts + set->text_bytes, text.ptr, text.len);
    set->entries[set->count] =
        (struct typing_entry){hash, count, set->text_bytes, (uint32_t)text.len};
    set->slots[at] = (uint16_t)++set->count;
    set->text_bytes = end;
    return SET_OK;
}

enum typing_set_result typing_set_add(struct typing_set *set, struct typing_set_limits limits,
                                      struct str text, uint64_t hash, int64_t count)
{
    if (set->slots != NULL) {
        uint32_t at = (uint32_t)hash & set->slot_mask;
        for (uint16_t slot = set->slots[at]; slot != 0; slot = set->slots[at]) {
            struct typing_entry *entry = &set->entries[slot - 1];
            if (entry->hash == hash && entry->length == text.len &&
                (text.len == 0 || memcmp(set->texts + entry->offset, text.ptr, text.len) == 0)) {
                entry->count += count;
                return SET_OK;
            }
            at = (at + 1) & set->slot_mask;
        }
    }
    return add_new(set, limits, text, hash, count);
}

static int compare_entries(const void *a, const void *b, void *user)
{
    const struct typing_set *set = user;
    return str_compare(typing_entry_text(set, &set->entries[*(const uint32_t *)a]),
                       typing_entry_text(set, &set->entries[*(const uint32_t *)b]));
}

uint32_t *typing_set_sorted(const struct typing_set *set)
{
    uint32_t *order = mem_zalloc(set->count, sizeof *order);
    if (order == NULL)
        return NULL;
    for (uint32_t i = 0; i < set->count; i++)
        order[i] = i;
    qsort_r(order, set->count, sizeof *order, compare_entries, (void *)(uintptr_t)set);
    return order;
}
