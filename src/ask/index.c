/* The value index: built from what the sources' plans gave, kept as one file, read in place.
 *
 *     header | entries (24 bytes each, by source, then value) | words (offset, first posting,
 * postings; by stem) | postings | texts
 *
 * A word's postings are the entries that have it, ascending. Everything is little-endian and
 * checked on opening, so that a damaged file is refused, not read out of bounds. */
#include "ask/ask_priv.h"

#include <stdlib.h>
#include <ctype.h>
#include <string.h>

#define MAGIC "MRWASK01"

struct header {
    char magic[8];
    uint64_t checksum; /* XXH3 of all that follows */
    int64_t latest_day;
    uint32_t entries, words, postings, texts;
};

struct word {
    uint64_t begins; /* the stem's first 8 bytes, as they sort */
    uint32_t stem;   /* offset in texts */
    uint32_t entry;
};
struct ask_index_builder {
    struct buf values, words, texts; /* arrays of struct ask_entry and struct word; bytes */
    bool failed;
};

enum err_code ask_index_builder_new(struct ask_index_builder **ret, struct err *err)
{
    *ret = mem_zalloc(1, sizeof **ret);
    return *ret != NULL ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for a value index");
}

void ask_index_builder_free(struct ask_index_builder *builder)
{
    if (builder == NULL)
        return;
    buf_done(&builder->values);
    buf_done(&builder->words);
    buf_done(&builder->texts);
    mem_free(builder);
}

struct adding {
    struct ask_index_builder *builder;
    uint32_t entry, count;
};

static uint64_t beginning_of(const char *stem)
{
    uint64_t begins = 0;
    for (size_t i = 0; i < 8; i++) {
        begins = begins << 8 | (unsigned char)*stem;
        stem += *stem != '\0';
    }
    return begins;
}

static void add_word(void *user, struct str text)
{
    struct adding *adding = user;
    char stem[ASK_STEM_BYTES];
    ask_stem(text, stem);
    if (stem[0] == '\0' || adding->count == 64)
        return;
    struct word word = {beginning_of(stem), (uint32_t)adding->builder->texts.len, adding->entry};
    buf_add(&adding->builder->texts, stem, strlen(stem) + 1);
    buf_add(&adding->builder->words, (const char *)&word, sizeof word);
    adding->count++;
}

static uint32_t clipped(int64_t number)
{
    return number < 0 ? 0 : number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

/* A category written with its code, 1_female or 2: male: what follows the code. */
struct str ask_value_words(struct str text)
{
    size_t digits = 0;
    while (digits < text.len && digits < 3 && isdigit((unsigned char)text.ptr[digits]))
        digits++;
    if (digits == 0 || digits + 1 >= text.len || strchr("_:=)", text.ptr[digits]) == NULL)
        return text;
    struct str rest = str_trim((struct str){text.ptr + digits + 1, text.len - digits - 1});
    return rest.len > 0 && !isdigit((unsigned char)rest.ptr[0]) ? rest : text;
}

/* An e-mail address or a telephone number, whatever its column is called: never in the index. */
static bool is_reach(struct str text)
{
    size_t digits = 0, marks = 0, at = SIZE_MAX;
    bool dot = false, other = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        digits += isdigit((unsigned char)c) ? 1 : 0;
        marks += strchr("+-() ", c) != NULL ? 1 : 0;
        other = other || (!isdigit((unsigned char)c) && strchr("+-() .", c) == NULL);
        if (c == '@')
            at = i;
        dot = dot || (c == '.' && at != SIZE_MAX && i > at + 1);
    }
    bool blank = memchr(text.ptr, ' ', text.len) != NULL;
    return (at != SIZE_MAX && at > 0 && dot && !blank) || (!other && digits >= 9 && marks >= 2);
}

static enum err_code too_long(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the values' texts take more than %d MiB",
                   ASK_LIMIT_INDEX_BYTES >> 20);
}

enum err_code ask_index_add(struct ask_index_builder *builder, size_t source, struct str text,
                            int64_t rows, int64_t patients, struct err *err)
{
    struct adding adding = {builder, (uint32_t)(builder->values.len / sizeof(struct ask_entry)), 0};
    struct ask_entry value = {.source = (uint32_t)source,
                              .text = (uint32_t)builder->texts.len,
                              .length = (uint32_t)text.len,
                              .rows = clipped(rows),
                              .patients = clipped(patients)};
    if (is_reach(text))
        return ERR_OK;
    if (builder->texts.len + text.len > ASK_LIMIT_INDEX_BYTES)
        return too_long(err);
    buf_add_str(&builder->texts, text);
    buf_putc(&builder->texts, '\0');
    ask_text_words(ask_value_words(text), add_word, &adding);
    value.words = adding.count;
    buf_add(&builder->values, (const char *)&value, sizeof value);
    return buf_check(&builder->values, err);
}

enum err_code ask_index_take(struct ask_index_builder *builder, size_t source,
                             const struct ask_index *from, size_t its_source, struct err *err)
{
    for (size_t i = 0; i < from->entry_count; i++)
        if (from->entries[i].source == its_source)
            TRY(ask_index_add(builder, source, ask_entry_text(from, (uint32_t)i),
                              from->entries[i].rows, from->entries[i].patients, err));
    return ERR_OK;
}

enum err_code ask_index_join(struct ask_index_builder *builder, const struct ask_index_builder *part, struct err *err)
{
    size_t texts = builder->texts.len, entries = builder->values.len / sizeof(struct ask_entry);
    const struct ask_entry *values = (const void *)part->values.ptr;
    const struct word *words = (const void *)part->words.ptr;
    for (size_t i = 0; i < part->values.len / sizeof *values; i++) {
        struct ask_entry value = values[i];
        if (texts + value.text + value.length > ASK_LIMIT_INDEX_BYTES)
            return too_long(err);
        value.text += (uint32_t)texts;
        buf_add(&builder->values, (const char *)&value, sizeof value);
    }
    for (size_t i = 0; i < part->words.len / sizeof *words; i++) {
        struct word word = words[i];
        word.stem += (uint32_t)texts;
        word.entry += (uint32_t)entries;
        buf_add(&builder->words, (const char *)&word, sizeof word);
    }
    buf_add_str(&builder->texts, buf_view(&part->texts));
    return buf_check(&builder->texts, err);
}

static int by_stem(const void *a, const void *b, void *texts)
{
    const struct word *x = a, *y = b;
    if (x->begins != y->begins)
        return x->begins < y->begins ? -1 : 1;
    bool whole = (x->begins & 0xFF) == 0; /* shorter than 8 bytes: the same stem */
    int order = whole ? 0 : strcmp((const char *)texts + x->stem, (const char *)texts + y->stem);
    if (order == 0)
        order = (x->entry > y->entry) - (x->entry < y->entry);
    return order != 0 ? order : (x->stem > y->stem) - (x->stem < y->stem);
}

/* Sorted words → (offset, first, count) a stem, and postings. */
static void group_words(const struct ask_index_builder *builder, struct buf *table,
                        struct buf *postings)
{
    const struct word *words = (const void *)builder->words.ptr;
    size_t count = builder->words.len / sizeof *words;
    for (size_t i = 0; i < count;) {
        uint32_t line[3] = {words[i].stem, (uint32_t)(postings->len / sizeof(uint32_t)), 0};
        const char *stem = builder->texts.ptr + words[i].stem;
        for (size_t first = i; i < count && strcmp(builder->texts.ptr + words[i].stem, stem) == 0;
             i++) {
            if (i > first && words[i].entry == words[i - 1].entry)
                continue; /* twice in one value */
            buf_add(postings, (const char *)&words[i].entry, sizeof words[i].entry);
            line[2]++;
        }
        buf_add(table, (const char *)line, sizeof line);
    }
}

enum err_code ask_index_finish(struct ask_index_builder *builder, int64_t latest_day,
                               struct buf *ret, struct err *err)
{
    AUTO(buf_done) struct buf table = BUF_INIT, postings = BUF_INIT;
    struct header header = {.latest_day = latest_day};
    TRY(buf_check(&builder->words, err));
    TRY(buf_check(&builder->texts, err));
    if (builder->words.len > 0)
        qsort_r(builder->words.ptr, builder->words.len / sizeof(struct word), sizeof(struct word),
                by_stem, builder->texts.ptr);
    group_words(builder, &table, &postings);
    memcpy(header.magic, MAGIC, sizeof header.magic);
    header.entries = (uint32_t)(builder->values.len / sizeof(struct ask_entry));
    header.words = (uint32_t)(table.len / (3 * sizeof(uint32_t)));
    header.postings = (uint32_t)(postings.len / sizeof(uint32_t));
    header.texts = (uint32_t)builder->texts.len;
    size_t start = ret->len;
    buf_add(ret, (const char *)&header, sizeof header);
    buf_add_str(ret, buf_view(&builder->values));
    buf_add_str(ret, buf_view(&table));
    buf_add_str(ret, buf_view(&postings));
    buf_add_str(ret, buf_view(&builder->texts));
    TRY(buf_check(ret, err));
    header.checksum = hash_xxh3_64(ret->ptr + start + 16, ret->len - start - 16, 0);
    memcpy(ret->ptr + start, &header, sizeof header);
    return ERR_OK;
}

/* ---- reading
 * ---------------------------------------------------------------------------------------- */

static bool sound(const struct ask_index *index)
{
    for (size_t i = 0; i < index->entry_count; i++)
        if ((uint64_t)index->entries[i].text + index->entries[i].length >= index->text_bytes)
            return false;
    for (size_t i = 0; i < index->word_count; i++)
        if (index->word_at[3 * i] >= index->text_bytes ||
            (uint64_t)index->word_at[3 * i + 1] + index->word_at[3 * i + 2] > index->posting_count)
            return false;
    for (size_t i = 0; i < index->posting_count; i++)
        if (index->postings[i] >= index->entry_count)
            return false;
    return index->text_bytes == 0 || index->texts[index->text_bytes - 1] == '\0';
}

enum err_code ask_index_open(struct str bytes, struct ask_index **ret, struct err *err)
{
    struct header header;
    if (bytes.len < sizeof header || memcmp(bytes.ptr, MAGIC, 8) != 0)
        return err_set(err, ERR_INTEGRITY, "this is no value index");
    memcpy(&header, bytes.ptr, sizeof header);
    uint64_t whole = sizeof header + (uint64_t)header.entries * sizeof(struct ask_entry) +
                     (uint64_t)header.words * 12 + (uint64_t)header.postings * 4 + header.texts;
    if (whole != bytes.len || header.checksum != hash_xxh3_64(bytes.ptr + 16, bytes.len - 16, 0))
        return err_set(err, ERR_INTEGRITY, "the value index is damaged");
    struct ask_index *index = mem_zalloc(1, sizeof *index);
    if (index == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a value index");
    const char *at = bytes.ptr + sizeof header;
    index->entries = (const void *)at;
    at += (size_t)header.entries * sizeof(struct ask_entry);
    index->word_at = (const void *)at;
    at += (size_t)header.words * 12;
    index->postings = (const void *)at;
    index->texts = at + (size_t)header.postings * 4;
    index->entry_count = header.entries;
    index->word_count = header.words;
    index->posting_count = header.postings;
    index->text_bytes = header.texts;
    index->latest_day = header.latest_day;
    if (!sound(index)) {
        mem_free(index);
        return err_set(err, ERR_INTEGRITY, "the value index is damaged");
    }
    *ret = index;
    return ERR_OK;
}

void ask_index_free(struct ask_index *index)
{
    mem_free(index);
}

struct str ask_entry_text(const struct ask_index *index, uint32_t entry)
{
    return (struct str){index->texts + index->entries[entry].text, index->entries[entry].length};
}

const uint32_t *ask_index_word(const struct ask_index *index, const char *stem, size_t *ret_count)
{
    size_t low = 0, high = index->word_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(index->texts + index->word_at[3 * middle], stem);
        if (order == 0) {
            *ret_count = index->word_at[3 * middle + 2];
            return index->postings + index->word_at[3 * middle + 1];
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_count = 0;
    return NULL;
}

const char *ask_index_nearest(const struct ask_index *index, const char *stem, size_t limit,
                              size_t *ret_distance)
{
    const char *best = NULL;
    size_t nearest = limit + 1, most = 0;
    for (size_t i = 0; i < index->word_count; i++) {
        const char *word = index->texts + index->word_at[3 * i];
        size_t distance = ask_distance(stem, word, nearest > limit ? limit : nearest);
        if (distance < nearest ||
            (distance == nearest && distance <= limit && index->word_at[3 * i + 2] > most)) {
            nearest = distance;
            best = word;
            most = index->word_at[3 * i + 2];
        }
    }
    *ret_distance = nearest;
    return nearest <= limit ? best : NULL;
}
