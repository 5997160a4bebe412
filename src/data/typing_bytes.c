/* A statistic as bytes and back, for the engine's native aggregate. Everything is little-endian
 * int64 but the texts and the registers; texts are in order, so equal statistics have equal bytes.
 * What is read is checked: lengths, limits, negative counts. Not a storage format: both ends are
 * one build. */
#include <endian.h>
#include <stddef.h>
#include <string.h>

#include "base/hash.h"
#include "data/typing_priv.h"

#define BYTES_MAGIC INT64_C(0x325459544d) /* "MTYT2" */
enum { FLAG_SUMMARISED = 1, FLAG_STRAYS_FULL = 2 };

static void put(struct buf *out, int64_t value)
{
    uint64_t little = htole64((uint64_t)value);
    buf_add(out, (const char *)&little, sizeof little);
}

static bool put_set(const struct typing_set *set, struct buf *out)
{
    AUTO(mem_free) uint32_t *order = typing_set_sorted(set);
    if (order == NULL)
        return false;
    put(out, set->count);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct typing_entry *entry = &set->entries[order[i]];
        put(out, entry->count);
        put(out, entry->length);
        buf_add_str(out, typing_entry_text(set, entry));
    }
    return true;
}

/* The summary is an array of int64 and nothing else. */
#define SUMMARY_FIELDS (sizeof(struct typing_summary) / sizeof(int64_t))
#define SHORTEST_FIELD (offsetof(struct typing_summary, shortest) / sizeof(int64_t))
#define COUNT_LIMIT                                                                                \
    (INT64_C(1) << 53) /* no table has more rows; sums of such counts can't overflow */
_Static_assert(sizeof(struct typing_summary) ==
                   sizeof(int64_t) * (CLASS_COUNT + 2 * TYPING_MARKERS + TYPING_SUMMARY_SINGLES),
               "a field of struct typing_summary is no int64");

bool typing_stats_write(const struct typing_stats *stats, struct buf *out)
{
    if (stats->failed)
        return false;
    put(out, BYTES_MAGIC);
    put(out,
        (stats->summarised ? FLAG_SUMMARISED : 0) | (stats->strays_full ? FLAG_STRAYS_FULL : 0));
    put(out, stats->nulls);
    if (!put_set(&stats->set, out))
        return false;
    if (stats->summarised) {
        int64_t fields[SUMMARY_FIELDS];
        memcpy(fields, stats->summary, sizeof fields);
        for (size_t i = 0; i < SUMMARY_FIELDS; i++)
            put(out, fields[i]);
        buf_add(out, (const char *)stats->registers, TYPING_REGISTERS);
    }
    return !out->failed;
}

static bool get(struct str *bytes, int64_t *ret)
{
    uint64_t little = 0;
    if (bytes->len < sizeof little)
        return false;
    memcpy(&little, bytes->ptr, sizeof little);
    *bytes = (struct str){bytes->ptr + sizeof little, bytes->len - sizeof little};
    *ret = (int64_t)le64toh(little);
    return true;
}

static bool get_set(struct str *bytes, struct typing_set_limits limits, struct typing_set *set)
{
    int64_t entries = 0;
    if (!get(bytes, &entries) || entries < 0 || entries > limits.count)
        return false;
    for (int64_t i = 0; i < entries; i++) {
        int64_t count = 0, length = 0;
        if (!get(bytes, &count) || !get(bytes, &length) || count < 0 || count > COUNT_LIMIT ||
            length < 0 || (uint64_t)length > bytes->len)
            return false;
        struct str text = {bytes->ptr, (size_t)length};
        if (typing_set_add(set, limits, text, hash_xxh3_64(text.ptr, text.len, 0), count) != SET_OK)
            return false;
        *bytes = (struct str){bytes->ptr + length, bytes->len - (size_t)length};
    }
    return set->count == (uint32_t)entries;
}

static bool get_summary(struct str *bytes, struct typing_stats *stats)
{
    int64_t fields[SUMMARY_FIELDS];
    for (size_t i = 0; i < SUMMARY_FIELDS; i++)
        if (!get(bytes, &fields[i]) || fields[i] < 0 ||
            (fields[i] > COUNT_LIMIT && i != SHORTEST_FIELD))
            return false;
    if (bytes->len < TYPING_REGISTERS)
        return false;
    stats->summary = mem_zalloc(1, sizeof *stats->summary + TYPING_REGISTERS);
    if (stats->summary == NULL)
        return false;
    stats->registers = (uint8_t *)(stats->summary + 1);
    memcpy(stats->summary, fields, sizeof fields);
    memcpy(stats->registers, bytes->ptr, TYPING_REGISTERS);
    *bytes = (struct str){bytes->ptr + TYPING_REGISTERS, bytes->len - TYPING_REGISTERS};
    return stats->summary->date_mask <= (int64_t)TYPING_DATE_MASK &&
           stats->summary->notations <= (int64_t)TYPING_NOTATION_MASK;
}

static bool read_all(struct typing_stats *stats, struct str bytes)
{
    int64_t magic = 0, flags = 0;
    if (!get(&bytes, &magic) || magic != BYTES_MAGIC || !get(&bytes, &flags) || flags < 0 ||
        flags > 3 || !get(&bytes, &stats->nulls) || stats->nulls < 0 || stats->nulls > COUNT_LIMIT)
        return false;
    stats->summarised = (flags & FLAG_SUMMARISED) != 0;
    stats->strays_full = (flags & FLAG_STRAYS_FULL) != 0;
    if (!get_set(&bytes, stats->summarised ? TYPING_STRAY_LIMITS : TYPING_EXACT_LIMITS,
                 &stats->set))
        return false;
    if (stats->summarised && !get_summary(&bytes, stats))
        return false;
    return bytes.len == 0;
}

bool typing_stats_read(struct typing_stats *stats, struct str bytes)
{
    typing_stats_init(stats);
    if (read_all(stats, bytes))
        return true;
    typing_stats_done(stats);
    return false;
}
