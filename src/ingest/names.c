/* Table names: fit for SQL without quoting where that is possible, and unique (ASCII case ignored).
 *
 *   los/dyn.parquet, mortality24/dyn.parquet  → los_dyn, mortality24_dyn      the folder tells them
 * apart nafld1.csv, nafld1.parquet                → nafld1_csv, nafld1_parquet    the format does
 *   still alike                               → …_2, _3 in order of the walk */
#include <string.h>

#include "ingest/parts_priv.h"

#define NAME_BYTES 200

static const char *const packed_suffixes[] = {".gz",  ".zst", ".xz",   ".bz2", ".lz4",
                                              ".tgz", ".txz", ".tzst", ".tar", ".zip"};

static size_t cut_suffix(struct str name, const char *suffix)
{
    size_t length = strlen(suffix);
    return name.len > length && str_has_suffix_nocase(name, suffix) ? name.len - length : name.len;
}

static size_t cut_format_suffix(struct str name)
{
    for (size_t i = 0; ingest_formats[i] != NULL; i++) {
        const char *next = ingest_formats[i]->suffixes;
        while (*next != '\0') {
            size_t length = strcspn(next, " ");
            char suffix[32];
            if (length > 0 && length < sizeof suffix) {
                memcpy(suffix, next, length);
                suffix[length] = '\0';
                size_t cut = cut_suffix(name, suffix);
                if (cut < name.len)
                    return cut;
            }
            next += length + (next[length] == ' ');
        }
    }
    return name.len;
}

const char *ingest_stem(struct arena *arena, const char *base_name)
{
    struct str name = str_of(base_name);
    bool again = true;
    for (int i = 0; again && i < 3; i++) {
        again = false;
        for (size_t k = 0; k < sizeof packed_suffixes / sizeof *packed_suffixes; k++) {
            size_t cut = cut_suffix(name, packed_suffixes[k]);
            again = again || cut < name.len;
            name.len = cut;
        }
    }
    name.len = cut_format_suffix(name);
    return arena_strndup(arena, name.ptr, name.len);
}

static bool is_word(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
}

/* "data (1).v2" → "data_1_v2" */
static const char *tidy(struct arena *arena, const char *name)
{
    size_t length = strlen(name), used = 0;
    char *text = arena_alloc(arena, length + 8);
    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < length; i++) {
        if (is_word((unsigned char)name[i]) || (name[i] == '_'))
            text[used++] = name[i];
        else if (used > 0 && text[used - 1] != '_')
            text[used++] = '_';
    }
    while (used > 0 && text[used - 1] == '_' && name[length - 1] != '_')
        used--;
    if (used > NAME_BYTES) {
        used = NAME_BYTES;
        while (used > 0 && ((unsigned char)text[used] & 0xc0u) == 0x80u)
            used--;
    }
    text[used] = '\0';
    used = str_utf8_valid_prefix((struct str){text, used}) == used ? used : 0;
    return used == 0 ? "table" : text;
}

static bool same(const char *a, const char *b)
{
    return str_equal_nocase(str_of(a), str_of(b));
}

/* Do all members of the name's group differ in folder (or format)? */
static bool tells_apart(const struct ingest_set *set, const size_t *members, size_t count,
                        bool by_folder)
{
    for (size_t i = 0; i < count; i++) {
        const struct ingest_slot *a = &set->slots[members[i]];
        if (by_folder && a->folder[0] == '\0')
            return false;
        for (size_t j = 0; j < i; j++) {
            const struct ingest_slot *b = &set->slots[members[j]];
            if (by_folder ? same(a->folder, b->folder) : same(a->format, b->format))
                return false;
        }
    }
    return true;
}

static bool all_alike(const struct ingest_set *set, const size_t *members, size_t count,
                      bool by_folder)
{
    const struct ingest_slot *first = &set->slots[members[0]];
    for (size_t i = 1; i < count; i++) {
        const struct ingest_slot *slot = &set->slots[members[i]];
        if (by_folder ? !same(first->folder, slot->folder) : !same(first->format, slot->format))
            return false;
    }
    return true;
}

static void rename_group(struct ingest_set *set, const size_t *members, size_t count)
{
    bool folder = tells_apart(set, members, count, true);
    bool format = !folder && tells_apart(set, members, count, false);
    if (!folder && !format) { /* each helps as far as it goes; numbers do the rest */
        folder = !all_alike(set, members, count, true);
        format = !all_alike(set, members, count, false);
    }
    for (size_t i = 0; i < count; i++) {
        struct ingest_slot *slot = &set->slots[members[i]];
        const char *name = slot->source.name;
        if (slot->fixed)
            continue;
        if (folder && slot->folder[0] != '\0')
            name = arena_printf(set->arena, "%s_%s", slot->folder, name);
        if (format && name != NULL)
            name = arena_printf(set->arena, "%s_%s", name, slot->format);
        slot->source.name = name == NULL ? slot->source.name : tidy(set->arena, name);
    }
}

static bool taken(const struct ingest_set *set, size_t below, const char *name)
{
    for (size_t i = 0; i < set->slot_count; i++)
        if ((i < below || set->slots[i].fixed) && same(set->slots[i].source.name, name))
            return true;
    return false;
}

static void number(struct ingest_set *set)
{
    for (size_t i = 0; i < set->slot_count; i++) {
        if (set->slots[i].fixed)
            continue;
        const char *name = set->slots[i].source.name;
        for (int k = 2; name != NULL && taken(set, i, name); k++)
            name = arena_printf(set->arena, "%s_%d", set->slots[i].source.name, k);
        if (name != NULL)
            set->slots[i].source.name = name;
    }
}

enum err_code names_settle(struct ingest_set *set, struct err *err)
{
    for (size_t i = 0; i < set->slot_count; i++) {
        set->slots[i].source.name = tidy(set->arena, set->slots[i].source.name);
        if (set->slots[i].source.name == NULL)
            return ingest_memory(err);
    }
    AUTO(mem_free) size_t *members = mem_zalloc(set->slot_count + 1, sizeof *members);
    AUTO(mem_free) bool *seen = mem_zalloc(set->slot_count + 1, sizeof *seen);
    if (members == NULL || seen == NULL)
        return ingest_memory(err);
    for (size_t i = 0; i < set->slot_count; i++) {
        size_t count = 0;
        const char *name = set->slots[i].source.name;
        for (size_t j = i; !seen[i] && j < set->slot_count; j++) {
            if (!seen[j] && same(set->slots[j].source.name, name))
                members[count++] = j;
        }
        for (size_t j = 0; count > 1 && j < count; j++)
            seen[members[j]] = true;
        if (count > 1)
            rename_group(set, members, count);
    }
    number(set);
    return arena_failed(set->arena) ? ingest_memory(err) : ERR_OK;
}
