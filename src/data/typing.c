/* The statistic of a column's texts, from which its type is decided.
 *
 * The one idea: it has two states, and which one it is in depends only on the set of texts seen,
 * never on their order:
 *
 *     exact       every distinct text with its count (≤ 1,024 texts, ≤ 128 KiB)
 *        │ one text too many: every entry is classified and counted into …
 *        ▼
 *     summarised  cells by class, maxima, date formats, marker counts, HyperLogLog, and the few
 * texts that are neither number nor date ("strays", ≤ 32), so that a marker given later can still
 * be counted out
 *
 * So adding a cell of a low-cardinality column is one hash and one probe, merging is associative
 * and commutative, and typing_stats_write gives the same bytes whatever the threads did. */
#include <endian.h>
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "data/typing_priv.h"

size_t typing_stats_bytes(void)
{
    return sizeof(struct typing_stats);
}

void typing_stats_init(struct typing_stats *stats)
{
    *stats = (struct typing_stats){0};
}

void typing_stats_done(struct typing_stats *stats)
{
    if (stats == NULL)
        return;
    typing_set_done(&stats->set);
    mem_free(stats->summary);
    typing_stats_init(stats);
}

void typing_summary_init(struct typing_summary *summary)
{
    *summary = (struct typing_summary){
        .shortest = INT64_MAX, .date_mask = TYPING_DATE_MASK, .notations = TYPING_NOTATION_MASK};
}

static inline int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void add_comma_number(struct typing_summary *summary, const struct typing_cell *cell,
                             int64_t count)
{
    summary->notations &= cell->notations;
    summary->dot_groups += cell->dot_groups ? count : 0;
    for (int i = 0; i < TYPING_NUMBER_FORMATS; i++) {
        summary->wholes[i] = larger(summary->wholes[i], cell->extents[i].whole);
        summary->scales[i] = larger(summary->scales[i], cell->extents[i].scale);
    }
}

void typing_summary_add(struct typing_summary *summary, const struct typing_cell *cell,
                        size_t length, int64_t count)
{
    if (cell->class == CLASS_MARKER) {
        int64_t *counts = cell->padded && cell->marker != TYPING_MARKER_BLANK
                              ? summary->padded_markers
                              : summary->markers;
        counts[cell->marker] += count;
        return;
    }
    summary->classes[cell->class] += count;
    summary->shortest = smaller(summary->shortest, (int64_t)length);
    summary->longest = larger(summary->longest, (int64_t)length);
    if (cell->padded)
        summary->padded += count;
    if (cell->class == CLASS_OTHER_DATE)
        summary->date_mask &= cell->date_mask;
    if (cell->class == CLASS_COMMA_NUMBER)
        add_comma_number(summary, cell, count);
    else if (cell->class == CLASS_DECIMAL && !typing_point_could_group(cell))
        summary->decimal_points += count;
    summary->whole = larger(summary->whole, cell->whole);
    summary->scale = larger(summary->scale, cell->scale);
    summary->significant = larger(summary->significant, cell->significant);
}

static inline void registers_add(uint8_t *registers, uint64_t hash)
{
    uint64_t rest = hash << 12 | UINT64_C(0x800);
    uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1);
    uint8_t *place = &registers[hash >> 52];
    if (rank > *place)
        *place = rank;
}

static void add_stray(struct typing_stats *stats, struct str text, uint64_t hash, int64_t count)
{
    switch (typing_set_add(&stats->set, TYPING_STRAY_LIMITS, text, hash, count)) {
    case SET_OK:
        return;
    case SET_FULL:
        stats->strays_full = true;
        typing_set_done(&stats->set);
        return;
    case SET_NO_MEMORY:
        stats->failed = true;
        return;
    }
}

static void add_summarised(struct typing_stats *stats, struct str text, int64_t count)
{
    struct typing_cell cell;
    typing_classify(text, &cell);
    typing_summary_add(stats->summary, &cell, text.len, count);
    if (cell.class == CLASS_MARKER)
        return;
    uint64_t hash = hash_xxh3_64(text.ptr, text.len, 0);
    registers_add(stats->registers, hash);
    if (typing_class_is_text(cell.class) && !stats->strays_full)
        add_stray(stats, text, hash, count);
}

/* exact → summarised */
static bool summarise(struct typing_stats *stats)
{
    struct typing_summary *summary = mem_zalloc(1, sizeof *summary + TYPING_REGISTERS);
    if (summary == NULL) {
        stats->failed = true;
        return false;
    }
    typing_summary_init(summary);
    struct typing_set exact = stats->set;
    stats->set = (struct typing_set){0};
    stats->summary = summary;
    stats->registers = (uint8_t *)(summary + 1);
    stats->summarised = true;
    for (uint32_t i = 0; i < exact.count; i++)
        add_summarised(stats, typing_entry_text(&exact, &exact.entries[i]), exact.entries[i].count);
    typing_set_done(&exact);
    return true;
}

static void add_counted(struct typing_stats *stats, struct str text, int64_t count)
{
    if (!stats->summarised) {
        uint64_t hash = hash_xxh3_64(text.ptr, text.len, 0);
        enum typing_set_result result =
            typing_set_add(&stats->set, TYPING_EXACT_LIMITS, text, hash, count);
        if (result == SET_NO_MEMORY)
            stats->failed = true;
        if (result != SET_FULL || !summarise(stats))
            return;
    }
    add_summarised(stats, text, count);
}

void typing_stats_add(struct typing_stats *stats, struct str text)
{
    add_counted(stats, text, 1);
}

void typing_stats_add_null(struct typing_stats *stats)
{
    stats->nulls++;
}

static void merge_summaries(struct typing_summary *into, const struct typing_summary *from)
{
    for (int i = 0; i < CLASS_COUNT; i++)
        into->classes[i] += from->classes[i];
    for (int i = 0; i < TYPING_MARKERS; i++) {
        into->markers[i] += from->markers[i];
        into->padded_markers[i] += from->padded_markers[i];
    }
    into->padded += from->padded;
    into->shortest = smaller(into->shortest, from->shortest);
    into->longest = larger(into->longest, from->longest);
    into->whole = larger(into->whole, from->whole);
    into->scale = larger(into->scale, from->scale);
    into->significant = larger(into->significant, from->significant);
    into->date_mask &= from->date_mask;
    into->notations &= from->notations;
    into->dot_groups += from->dot_groups;
    into->decimal_points += from->decimal_points;
    for (int i = 0; i < TYPING_NUMBER_FORMATS; i++) {
        into->wholes[i] = larger(into->wholes[i], from->wholes[i]);
        into->scales[i] = larger(into->scales[i], from->scales[i]);
    }
}

void typing_stats_merge(struct typing_stats *into, const struct typing_stats *from)
{
    into->nulls += from->nulls;
    into->failed = into->failed || from->failed;
    if (from->summarised && !into->summarised && !summarise(into))
        return;
    if (!from->summarised) {
        for (uint32_t i = 0; i < from->set.count; i++)
            add_counted(into, typing_entry_text(&from->set, &from->set.entries[i]),
                        from->set.entries[i].count);
        return;
    }
    merge_summaries(into->summary, from->summary);
    for (int i = 0; i < TYPING_REGISTERS; i++)
        if (from->registers[i] > into->registers[i])
            into->registers[i] = from->registers[i];
    if (from->strays_full && !into->strays_full) {
        into->strays_full = true;
        typing_set_done(&into->set);
    }
    for (uint32_t i = 0; i < from->set.count && !into->strays_full; i++)
        add_stray(into, typing_entry_text(&from->set, &from->set.entries[i]),
                  from->set.entries[i].hash, from->set.entries[i].count);
}

/* O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), algorithm 6: no
 * bias to correct. */
static double sigma(double x)
{
    double y = 1, z = x, last = -1;
    if (x == 1)
        return INFINITY;
    while (z != last) {
        last = z;
        x *= x;
        z += x * y;
        y += y;
    }
    return z;
}

static double tau(double x)
{
    double y = 1, z = 1 - x, last = -1;
    if (x == 0 || x == 1)
        return 0;
    while (z != last) {
        last = z;
        x = sqrt(x);
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    }
    return z / 3;
}

double typing_registers_estimate(const uint8_t registers[TYPING_REGISTERS])
{
    enum { RANKS = 52 }; /* 64 - 12 */
    int counts[RANKS + 2] = {0};
    for (int i = 0; i < TYPING_REGISTERS; i++)
        counts[registers[i] <= RANKS ? registers[i] : RANKS + 1]++;
    const double size = TYPING_REGISTERS;
    double z = size * tau(1 - counts[RANKS + 1] / size);
    for (int rank = RANKS; rank >= 1; rank--)
        z = 0.5 * (z + counts[rank]);
    z += size * sigma(counts[0] / size);
    return size / (2 * log(2)) * size / z;
}

json_t *typing_top_values(const struct typing_stats *stats, size_t limit)
{
    if (stats->summarised || stats->failed)
        return NULL;
    const struct typing_set *set = &stats->set;
    bool ok = true;
    json_t *array = json_array();
    AUTO(mem_free) uint32_t *order = typing_set_sorted(set);
    AUTO(mem_free) uint8_t *taken = mem_zalloc(set->count, 1);
    if (order == NULL || taken == NULL)
        ok = false;
    for (size_t k = 0; ok && k < limit; k++) { /* limits are small: selection is enough */
        uint32_t best = set->count;
        for (uint32_t i = 0; i < set->count; i++) {
            const struct typing_entry *entry = &set->entries[order[i]];
            if (!taken[i] && entry->length > 0 &&
                (best == set->count || entry->count > set->entries[order[best]].count))
                best = i;
        }
        if (best == set->count)
            break;
        taken[best] = 1;
        struct str text = typing_entry_text(set, &set->entries[order[best]]);
        json_t *pair = json_array();
        json_push_str(pair, text, &ok);
        json_push(pair, json_integer(set->entries[order[best]].count), &ok);
        json_push(array, pair, &ok);
    }
    if (ok)
        return array;
    json_decref(array);
    return NULL;
}
