/* Which change of a resource stands. A total order over changes makes the outcome the same in
 * whatever order they come; a table by (type, id) keeps the winner of each, its text in memory of
 * its own. */
#include "live/live_priv.h"

#include <stdlib.h>
#include <string.h>

struct kept {
    struct live_change change; /* its texts lie in text */
    char *text;
};
struct live_fold {
    struct kept *kept;
    size_t count, capacity;
    size_t *slots; /* index + 1 into kept; 0 = free */
    size_t slot_count;
    bool sorted;
};

/* ---- order --------------------------------------------------------------------------------------
 */

static bool is_number(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return text.len > 0;
}

static struct str without_zeros(struct str text)
{
    while (text.len > 1 && text.ptr[0] == '0')
        text = (struct str){text.ptr + 1, text.len - 1};
    return text;
}

/* Whole numbers by their value, whatever their length; else texts. */
static int compare_versions(struct str a, struct str b)
{
    if (is_number(a) && is_number(b)) {
        a = without_zeros(a);
        b = without_zeros(b);
        if (a.len != b.len)
            return a.len < b.len ? -1 : 1;
    }
    return str_compare(a, b);
}

int live_compare(const struct live_change *a, const struct live_change *b)
{
    if (a->instant_us != b->instant_us)
        return a->instant_us < b->instant_us ? -1 : 1;
    int versions = compare_versions(a->version_id, b->version_id);
    if (versions != 0)
        return versions;
    if (a->deleted != b->deleted)
        return a->deleted ? 1 : -1;
    return a->content_hash == b->content_hash ? 0 : a->content_hash < b->content_hash ? -1 : 1;
}

/* ---- the table ----------------------------------------------------------------------------------
 */

struct live_fold *live_fold_new(void)
{
    return mem_zalloc(1, sizeof(struct live_fold));
}

void live_fold_free(struct live_fold *fold)
{
    if (fold == NULL)
        return;
    for (size_t i = 0; i < fold->count; i++)
        mem_free(fold->kept[i].text);
    mem_free(fold->kept);
    mem_free(fold->slots);
    mem_free(fold);
}

static uint64_t hash_of(const struct live_change *change)
{
    uint64_t type = hash_xxh3_64(change->type.ptr, change->type.len, 0);
    return hash_xxh3_64(change->id.ptr, change->id.len, type);
}

static size_t find_slot(const struct live_fold *fold, const struct live_change *change)
{
    size_t at = (size_t)hash_of(change) & (fold->slot_count - 1);
    while (fold->slots[at] != 0) {
        const struct live_change *other = &fold->kept[fold->slots[at] - 1].change;
        if (str_equal(other->type, change->type) && str_equal(other->id, change->id))
            break;
        at = (at + 1) & (fold->slot_count - 1);
    }
    return at;
}

static enum err_code fill_slots(struct live_fold *fold, size_t slot_count, struct err *err)
{
    size_t *slots = mem_zalloc(slot_count, sizeof *slots);
    if (slots == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the recent changes");
    mem_free(fold->slots);
    fold->slots = slots;
    fold->slot_count = slot_count;
    for (size_t i = 0; i < fold->count; i++)
        fold->slots[find_slot(fold, &fold->kept[i].change)] = i + 1;
    return ERR_OK;
}

static enum err_code grow(struct live_fold *fold, struct err *err)
{
    if (fold->count == fold->capacity) {
        size_t capacity = fold->capacity == 0 ? 64 : fold->capacity * 2;
        struct kept *kept = mem_resize(fold->kept, capacity, sizeof *kept);
        if (kept == NULL)
            return err_set(err, ERR_MEMORY, "no memory for the recent changes");
        fold->kept = kept;
        fold->capacity = capacity;
    }
    size_t wanted = 128;
    while (wanted < (fold->count + 1) * 2)
        wanted *= 2;
    if (fold->sorted || wanted > fold->slot_count)
        TRY(fill_slots(fold, wanted, err));
    fold->sorted = false;
    return ERR_OK;
}

static struct str put(char **at, struct str text)
{
    struct str copy = {*at, text.len};
    if (text.len > 0)
        memcpy(*at, text.ptr, text.len);
    *at += text.len;
    return copy;
}

static enum err_code keep(struct kept *kept, const struct live_change *change, struct err *err)
{
    char *text = mem_alloc(change->type.len + change->id.len + change->version_id.len +
                           change->patient_id.len + change->resource.len + 1),
         *at = text;
    if (text == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the recent changes");
    struct live_change copy = *change;
    copy.type = put(&at, change->type);
    copy.id = put(&at, change->id);
    copy.version_id = put(&at, change->version_id);
    copy.patient_id = put(&at, change->patient_id);
    copy.resource = put(&at, change->resource);
    mem_free(kept->text);
    *kept = (struct kept){copy, text};
    return ERR_OK;
}

enum err_code live_fold_add(struct live_fold *fold, const struct live_change *change, bool *ret_won,
                            struct err *err)
{
    TRY(grow(fold, err));
    size_t slot = find_slot(fold, change);
    bool there = fold->slots[slot] != 0;
    *ret_won = !there || live_compare(&fold->kept[fold->slots[slot] - 1].change, change) < 0;
    if (!*ret_won)
        return ERR_OK;
    if (there)
        return keep(&fold->kept[fold->slots[slot] - 1], change, err);
    fold->kept[fold->count] = (struct kept){.text = NULL};
    TRY(keep(&fold->kept[fold->count], change, err));
    fold->slots[slot] = ++fold->count;
    return ERR_OK;
}

size_t live_fold_count(const struct live_fold *fold)
{
    return fold->count;
}

static int by_name(const void *a, const void *b)
{
    const struct live_change *x = &((const struct kept *)a)->change,
                             *y = &((const struct kept *)b)->change;
    int types = str_compare(x->type, y->type);
    return types != 0 ? types : str_compare(x->id, y->id);
}

const struct live_change *live_fold_at(struct live_fold *fold, size_t idx)
{
    if (!fold->sorted && fold->count > 0)
        qsort(fold->kept, fold->count, sizeof *fold->kept, by_name);
    fold->sorted = true; /* slots are made anew by the next live_fold_add */
    return &fold->kept[idx].change;
}
