/* Reading the index: the file is mapped, its hash and its shape are checked when it is opened, a
 * view's events and each bitmap when they are first used. Nothing that the bytes say is believed
 * before: a file that was made to deceive gives an error, not a wrong address. */
#include "cohort/index_priv.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the portable Roaring format ----------------------------------------------------------------
 */

#define COOKIE_RUNS 12347u /* low 16 bits; some containers are runs */
#define COOKIE_NO_RUNS 12346u
#define NO_OFFSETS_BELOW 4 /* containers: with runs, so few have no offsets */
#define ARRAY_MOST 4096
#define BITSET_BYTES 8192

struct bytes {
    const unsigned char *at;
    size_t left;
};

static bool take(struct bytes *bytes, size_t count, const unsigned char **ret)
{
    if (bytes->left < count)
        return false;
    *ret = bytes->at;
    bytes->at += count;
    bytes->left -= count;
    return true;
}

static uint32_t u16(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static uint32_t u32(const unsigned char *at)
{
    return u16(at) | u16(at + 2) << 16;
}

static bool valid_array(const unsigned char *values, uint32_t count, uint32_t *ret_last)
{
    for (uint32_t i = 1; i < count; i++)
        if (u16(values + 2 * (size_t)i) <= u16(values + 2 * (size_t)i - 2))
            return false;
    *ret_last = u16(values + 2 * (size_t)count - 2);
    return true;
}

/* The last that is set; 0: none is. */
static uint32_t last_bit(const unsigned char *words, size_t count)
{
    for (uint64_t word; count > 0; count--) {
        memcpy(&word, words + 8 * count - 8, 8);
        if (word != 0)
            return (uint32_t)(64 * count) - 1u - (uint32_t)__builtin_clzll(word);
    }
    return 0;
}

static bool valid_bitset(const unsigned char *words, uint32_t count, uint32_t *ret_last)
{
    *ret_last = last_bit(words, BITSET_BYTES / 8);
    return cohort_words_by(false)->count(words, BITSET_BYTES / 8) == count;
}

static bool valid_runs(struct bytes *bytes, uint32_t count, uint32_t *ret_last)
{
    const unsigned char *head, *runs;
    uint32_t found = 0, after = 0; /* the first number that the next run may begin with */
    if (!take(bytes, 2, &head) || u16(head) == 0 || !take(bytes, 4 * (size_t)u16(head), &runs))
        return false;
    for (uint32_t i = 0; i < u16(head); i++) {
        uint32_t start = u16(runs + 4 * (size_t)i), more = u16(runs + 4 * (size_t)i + 2);
        if ((i > 0 && start < after) || start + more > 65535)
            return false;
        found += more + 1;
        after = start + more + 2; /* touching runs would be one */
        *ret_last = start + more;
    }
    return found == count;
}

bool cohort_bitmap_valid(const unsigned char *at, size_t count, uint32_t cardinality,
                         uint32_t limit)
{
    struct bytes bytes = {at, count};
    const unsigned char *head, *flags = NULL, *keys, *skipped, *values;
    uint32_t containers, last = 0, found = 0;
    if (!take(&bytes, 4, &head))
        return false;
    if ((u32(head) & 0xFFFF) == COOKIE_RUNS) {
        containers = (u32(head) >> 16) + 1;
        if (!take(&bytes, (containers + 7) / 8, &flags))
            return false;
    } else {
        if (u32(head) != COOKIE_NO_RUNS || !take(&bytes, 4, &head) || u32(head) > 65536)
            return false;
        containers = u32(head);
    }
    if (!take(&bytes, 4 * (size_t)containers, &keys))
        return false;
    if ((flags == NULL || containers >= NO_OFFSETS_BELOW) &&
        !take(&bytes, 4 * (size_t)containers, &skipped))
        return false;
    for (uint32_t i = 0; i < containers; i++) {
        uint32_t size = u16(keys + 4 * (size_t)i + 2) + 1;
        bool is_run = flags != NULL && (flags[i / 8] >> (i % 8) & 1) != 0, good;
        if (i > 0 && u16(keys + 4 * (size_t)i) <= u16(keys + 4 * (size_t)i - 4))
            return false;
        if (is_run)
            good = valid_runs(&bytes, size, &last);
        else if (size <= ARRAY_MOST)
            good = take(&bytes, 2 * (size_t)size, &values) && valid_array(values, size, &last);
        else
            good = take(&bytes, BITSET_BYTES, &values) && valid_bitset(values, size, &last);
        if (!good)
            return false;
        found += size;
        last += u16(keys + 4 * (size_t)i) << 16;
    }
    return bytes.left == 0 && found == cardinality && (containers == 0 || last < limit);
}

bool cohort_flat_valid(const unsigned char *bytes, size_t count, uint32_t cardinality,
                       uint32_t limit)
{
    size_t words = index_words(limit);
    return count == 8 * words && cohort_words_by(false)->count(bytes, words) == cardinality &&
           (cardinality == 0 || last_bit(bytes, words) < limit);
}

/* ---- the file -----------------------------------------------------------------------------------
 */

static enum err_code damaged(struct err *err, const char *path, const char *what)
{
    err_set(err, ERR_INTEGRITY, "the cohort index is damaged: %s", what);
    if (path != NULL)
        (void)err_at(err, path, 0, 0);
    return err_hint(err, "run 'marrow repair': it removes the damaged index, which can then be "
                         "built again");
}

static enum err_code map_file(const char *path, struct cohort_index *index, struct err *err)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, errno, "cannot open the cohort index");
    void *map = MAP_FAILED;
    if (fstat(fd, &info) == 0 && info.st_size >= (off_t)sizeof(struct index_header))
        map = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    (void)close(fd);
    if (map == MAP_FAILED)
        return damaged(err, path, "it is too short");
    index->map = map;
    index->bytes = (size_t)info.st_size;
    return ERR_OK;
}

/* count items of size bytes at `at` lie within the file, aligned. */
static bool inside(const struct cohort_index *index, uint64_t at, uint64_t count, uint64_t size)
{
    return at % 8 == 0 && at >= sizeof(struct index_header) && at <= index->bytes &&
           count <= (index->bytes - at) / size;
}

static const char *wrong_shape(const struct cohort_index *index)
{
    const struct index_header *header = &index->header;
    if (header->bytes != index->bytes)
        return "it is not as long as it was";
    if (!inside(index, header->entries_at, header->entries, sizeof(struct index_entry)) ||
        !inside(index, header->keys_at, header->keys_bytes, 1) ||
        !inside(index, header->views_at, header->views, sizeof(struct index_view_place)) ||
        !inside(index, header->born_first_at, header->births[0].count > 0 ? header->patients : 0,
                4) ||
        !inside(index, header->born_last_at, header->births[0].count > 0 ? header->patients : 0,
                4) ||
        !inside(index, header->bitmaps_at, 0, 1))
        return "a part of it lies outside";
    return NULL;
}

static const char *wrong_entries(const struct cohort_index *index)
{
    const struct index_header *header = &index->header;
    uint64_t room = index->bytes - header->bitmaps_at;
    for (uint32_t i = 0; i < header->entries; i++) {
        const struct index_entry *entry = &index->entries[i];
        if (entry->key_at > header->keys_bytes ||
            entry->key_bytes > header->keys_bytes - entry->key_at || entry->key_bytes < 2 ||
            entry->bitmap_at > room || entry->bitmap_bytes > room - entry->bitmap_at)
            return "an entry lies outside";
        unsigned view = (unsigned char)cohort_index_key(index, i).ptr[0];
        if (view > header->views)
            return "an entry is of no view";
        if (i > 0 && str_compare(cohort_index_key(index, i - 1), cohort_index_key(index, i)) >= 0)
            return "its entries are not in order";
    }
    return NULL;
}

/* The sections of births lie within, and name patients that there are. */
static const char *wrong_births(struct cohort_index *index, unsigned which)
{
    const struct index_births_place *place = &index->header.births[which];
    size_t words = index_words(index->header.patients);
    struct index_births *births = &index->births[which];
    bool same = which == 1 && (index->header.flags & INDEX_EXACT_BIRTHS) != 0;
    if (same) {
        *births = index->births[0];
        return NULL;
    }
    if (place->bands > INDEX_MOST_BANDS || place->count > index->header.patients ||
        (place->count > 0 && place->bands == 0) ||
        !inside(index, place->ordinals_at, place->count, 4) ||
        !inside(index, place->days_at, place->count, 4) ||
        !inside(index, place->bands_at, place->bands > 0 ? place->bands - 1 : 0, 8 * words))
        return "births lie outside";
    *births = (struct index_births){
        .ordinals = (const uint32_t *)(const void *)(index->map + place->ordinals_at),
        .days = (const int32_t *)(const void *)(index->map + place->days_at),
        .bands = (const uint64_t *)(const void *)(index->map + place->bands_at),
        .count = place->count,
        .band_count = place->bands};
    for (uint32_t i = 0; i < births->count; i++)
        if (births->ordinals[i] >= index->header.patients ||
            (i > 0 && births->days[i] < births->days[i - 1]))
            return "births are not in order";
    return NULL;
}

static const char *wrong_places(struct cohort_index *index)
{
    const struct index_header *header = &index->header;
    for (uint32_t i = 0; i < header->views; i++) {
        const struct index_view_place *place = &index->places[i];
        if (!inside(index, place->begin_at, 0, 1) || !inside(index, place->end_at, 0, 1) ||
            place->begin_at > place->end_at || place->begin_at < header->hashed_bytes)
            return "a view's events lie outside";
    }
    return NULL;
}

static const char *wrong_parts(struct cohort_index *index)
{
    struct index_header *header = &index->header;
    const char *wrong = wrong_shape(index);
    if (wrong != NULL)
        return wrong;
    index->places = (const void *)(index->map + header->views_at);
    index->entries = (const void *)(index->map + header->entries_at);
    index->born_first = (const void *)(index->map + header->born_first_at);
    index->born_last = (const void *)(index->map + header->born_last_at);
    wrong = wrong_places(index);
    wrong = wrong != NULL ? wrong : wrong_entries(index);
    for (unsigned which = 0; which < 2 && wrong == NULL; which++)
        wrong = wrong_births(index, which);
    return wrong;
}

static enum err_code check_file(struct cohort_index *index, const char *path, struct err *err)
{
    struct index_header *header = &index->header;
    bool ok = true;
    memcpy(header, index->map, sizeof *header);
    if (memcmp(header->magic, INDEX_MAGIC, sizeof header->magic) != 0)
        return damaged(err, path, "it does not begin as one");
    if (header->format != COHORT_INDEX_FORMAT || header->byte_order != INDEX_ORDER)
        return err_set(err, ERR_UNSUPPORTED,
                       "the cohort index has format %" PRIu32 ", this Marrow reads format %d",
                       header->format, COHORT_INDEX_FORMAT);
    if (header->hashed_bytes < sizeof *header || header->hashed_bytes > index->bytes)
        return damaged(err, path, "it is not as long as it was");
    struct hash128 hash =
        hash_xxh3_128(index->map + INDEX_HASHED_FROM, header->hashed_bytes - INDEX_HASHED_FROM, 0);
    if (hash.low != header->hash_low || hash.high != header->hash_high)
        return damaged(err, path, "its hash is not that of its bytes");
    struct hash128 views = cohort_views_hash(index->views, &ok);
    if (!ok || views.low != header->views_low || views.high != header->views_high ||
        header->views != index->views->count)
        return err_set(err, ERR_NOT_FOUND, "the cohort index was built of other views");
    const char *wrong = wrong_parts(index);
    return wrong != NULL ? damaged(err, path, wrong) : ERR_OK;
}

enum err_code cohort_index_open(const char *path, const struct cohort_views *views,
                                struct cohort_index **ret, struct err *err)
{
    AUTO(cohort_index_close) struct cohort_index *index = mem_zalloc(1, sizeof *index);
    if (index == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the cohort index");
    index->views = views;
    TRY(map_file(path, index, err));
    TRY(check_file(index, path, err));
    index->checked = mem_zalloc((size_t)index->header.entries + 1, sizeof *index->checked);
    index->events = mem_zalloc((size_t)index->header.views + 1, sizeof *index->events);
    if (index->checked == NULL || index->events == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the cohort index");
    *ret = index;
    index = NULL;
    return ERR_OK;
}

void cohort_index_close(struct cohort_index *index)
{
    if (index == NULL)
        return;
    mem_free(index->checked);
    mem_free(index->events);
    for (size_t i = 0; i < INDEX_SCRATCH; i++)
        mem_free(index->scratch[i]);
    if (index->map != NULL)
        (void)munmap((void *)(uintptr_t)index->map, index->bytes);
    mem_free(index);
}

int64_t cohort_index_patients(const struct cohort_index *index)
{
    return index->header.patients;
}

/* ---- entries ------------------------------------------------------------------------------------
 */

struct str cohort_index_key(const struct cohort_index *index, size_t entry)
{
    return (struct str){index->map + index->header.keys_at + index->entries[entry].key_at,
                        index->entries[entry].key_bytes};
}

/* -1, 0, 1: the entry's key against another's parts. */
static int compare_key(const struct cohort_index *index, size_t entry, unsigned view, unsigned slot,
                       struct str value)
{
    struct str key = cohort_index_key(index, entry);
    unsigned own_view = (unsigned char)key.ptr[0], own_slot = (unsigned char)key.ptr[1];
    if (own_view != view)
        return own_view < view ? -1 : 1;
    if (own_slot != slot)
        return own_slot < slot ? -1 : 1;
    return str_compare((struct str){key.ptr + 2, key.len - 2}, value);
}

size_t cohort_index_find(const struct cohort_index *index, unsigned view, unsigned slot,
                         struct str value)
{
    size_t low = 0, high = index->header.entries;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_key(index, middle, view, slot, value) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool cohort_index_is(const struct cohort_index *index, size_t entry, unsigned view, unsigned slot,
                     struct str value, bool exact)
{
    if (entry >= index->header.entries)
        return false;
    struct str key = cohort_index_key(index, entry);
    return (unsigned char)key.ptr[0] == view && (unsigned char)key.ptr[1] == slot &&
           (exact ? key.len == value.len + 2 : key.len >= value.len + 2) &&
           (value.len == 0 || memcmp(key.ptr + 2, value.ptr, value.len) == 0);
}

/* ---- a view's events: their hash and order are checked when they are first used -----------------
 */

/* In order of patient, then first day, each with a last day that is not before it. */
static bool in_order(const struct index_events *events, uint32_t patients)
{
    for (uint32_t i = 0; i < events->rows; i++) {
        bool known = events->first[i] != INDEX_UNKNOWN_DAY;
        if (events->ordinals[i] >= patients || events->last[i] < events->first[i] ||
            known != (events->last[i] != INDEX_UNKNOWN_DAY))
            return false;
        if (i > 0 && (events->ordinals[i] < events->ordinals[i - 1] ||
                      (events->ordinals[i] == events->ordinals[i - 1] &&
                       events->first[i] < events->first[i - 1])))
            return false;
    }
    return true;
}

static const char *wrong_events(const struct cohort_index *index, size_t view)
{
    const struct index_view_place *place = &index->places[view];
    struct index_events *events = &index->events[view];
    struct hash128 hash =
        hash_xxh3_128(index->map + place->begin_at, place->end_at - place->begin_at, 0);
    if (hash.low != place->hash_low || hash.high != place->hash_high)
        return "the hash of a view's events is not that of their bytes";
    if (!inside(index, place->ordinals_at, place->rows, 4) ||
        !inside(index, place->first_at, place->rows, 4) ||
        !inside(index, place->last_at, place->rows, 4) || !inside(index, place->bitmaps_at, 0, 1))
        return "a view's events lie outside";
    *events = (struct index_events){.ordinals = (const void *)(index->map + place->ordinals_at),
                                    .first = (const void *)(index->map + place->first_at),
                                    .last = (const void *)(index->map + place->last_at),
                                    .rows = place->rows};
    if (!in_order(events, index->header.patients))
        return "a view's events are not in order";
    events->checked = true;
    return NULL;
}

enum err_code cohort_index_events(struct cohort_index *index, size_t view,
                                  const struct index_events **ret, struct err *err)
{
    *ret = &index->events[view];
    const char *wrong = index->events[view].checked ? NULL : wrong_events(index, view);
    return wrong != NULL ? damaged(err, NULL, wrong) : ERR_OK;
}

static enum err_code rows_bitmap(struct cohort_index *index, size_t at, const unsigned char **ret,
                                 struct err *err)
{
    const struct index_entry *entry = &index->entries[at];
    size_t view = (unsigned char)cohort_index_key(index, at).ptr[0];
    const struct index_events *events = NULL;
    if (view == 0)
        return damaged(err, NULL, "patients have no events");
    TRY(cohort_index_events(index, view - 1, &events, err));
    const struct index_view_place *place = &index->places[view - 1];
    uint64_t room = index->bytes - place->bitmaps_at;
    if (entry->rows_at > room || entry->rows_bytes > room - entry->rows_at)
        return damaged(err, NULL, "an entry lies outside");
    *ret = (const unsigned char *)index->map + place->bitmaps_at + entry->rows_at;
    if ((index->checked[at] & INDEX_CHECKED_ROWS) == 0 &&
        !cohort_bitmap_valid(*ret, entry->rows_bytes, entry->rows, events->rows))
        return damaged(err, NULL, "a bitmap is none");
    index->checked[at] |= INDEX_CHECKED_ROWS;
    return ERR_OK;
}

enum err_code cohort_index_bitmap(struct cohort_index *index, size_t at, bool rows,
                                  const unsigned char **ret, struct err *err)
{
    const struct index_entry *entry = &index->entries[at];
    if (rows)
        return rows_bitmap(index, at, ret, err);
    *ret = (const unsigned char *)index->map + index->header.bitmaps_at + entry->bitmap_at;
    bool known = (index->checked[at] & INDEX_CHECKED_PATIENTS) != 0;
    if (!known && !(entry->flat != 0 ? cohort_flat_valid : cohort_bitmap_valid)(
                      *ret, entry->bitmap_bytes, entry->cardinality, index->header.patients))
        return damaged(err, NULL, "a bitmap is none");
    index->checked[at] |= INDEX_CHECKED_PATIENTS;
    return ERR_OK;
}

int cohort_index_slot(const struct cohort_view *view, const char *column)
{
    const char *const names[] = {view->category.name, view->status.name, view->text.name};
    for (int i = 2; i >= 0; i--)
        if (names[i] != NULL && strcmp(names[i], column) == 0)
            return SLOT_CATEGORY + i;
    for (size_t i = 0; i < view->code_count; i++)
        if (strcmp(view->codes[i].name, column) == 0)
            return SLOT_CODES + (int)i;
    return -1;
}

static enum err_code list_index(void *user, const char *table, const char *column,
                                void (*each)(void *to, struct str value), void *to, struct err *err)
{
    const struct cohort_index *index = user;
    (void)err;
    for (size_t v = 0; v < index->views->count; v++) {
        const struct cohort_view *view = &index->views->views[v];
        int slot =
            view->bound && strcmp(view->table, table) == 0 ? cohort_index_slot(view, column) : -1;
        if (slot < 0)
            continue;
        for (size_t at = cohort_index_find(index, (unsigned)v + 1, (unsigned)slot, STR(""));
             cohort_index_is(index, at, (unsigned)v + 1, (unsigned)slot, STR(""), false); at++) {
            struct str found = cohort_index_key(index, at);
            each(to, (struct str){found.ptr + 2, found.len - 2});
        }
        return ERR_OK;
    }
    return ERR_OK;
}

struct cohort_lister cohort_index_lister(struct cohort_index *index)
{
    return (struct cohort_lister){list_index, index};
}
