/* Files that stay where they are: which of them are one table, and by which keys they are parted.
 *
 *     labs/year=2019/site=a/x.parquet   one table labs, keys year and site      key=value folders
 *     labs/part-0.csv, part-1.csv       one table labs                          part files
 *     los/dyn.parquet                   a table of its own
 *     --table 'labs=labs/20*.parquet'   one table labs                          told by the user
 *
 * Only what engines read as it stands is taken: Parquet, and text that is plain UTF-8 CSV. Nothing
 * is unpacked, decoded or rewritten; a file that would need it is an error that says so. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/parts_priv.h"

struct member { /* a file of a table being gathered */
    const struct ingest_entry *entry;
    size_t part;
};
struct table {
    struct ingest_set *set;
    struct data_place *place;
    struct member *members; /* arena */
    size_t count;
    json_t *notes;
    int64_t bytes;
    bool decimal_comma;
    const char *name;
    char sha256[HASH_HEX_BYTES]; /* of all files */
};

/* ---- which table -------------------------------------------------------------------------------
 */

/* The pattern that takes the file: its table's name in *ret_length bytes of it, or NULL. */
static const char *pattern_of(const struct ingest_set *set, const struct ingest_entry *entry,
                              size_t *ret_length)
{
    const struct ingest_place_options *place = set->options.place;
    for (size_t i = 0; i < place->table_count; i++) {
        const char *equals = strchr(place->tables[i], '=');
        if (equals == NULL || fnmatch(equals + 1, entry->relative, FNM_CASEFOLD) != 0)
            continue;
        *ret_length = (size_t)(equals - place->tables[i]);
        return place->tables[i];
    }
    return NULL;
}

/* Do a and b belong to one table? Each has the key of its group, made unique by root and format. */
static bool together(const struct ingest_entry *a, const struct ingest_entry *b)
{
    return b->group != NULL && strcmp(a->group, b->group) == 0 && a->format == b->format &&
           strcmp(a->root, b->root) == 0;
}

static enum err_code check_patterns(const struct ingest_set *set, struct err *err)
{
    const struct ingest_place_options *place = set->options.place;
    for (size_t i = 0; i < place->table_count; i++) {
        const char *equals = strchr(place->tables[i], '=');
        bool used = false;
        if (equals == NULL || equals == place->tables[i] || equals[1] == '\0') {
            (void)err_set(err, ERR_USAGE, "--table: expected NAME=PATTERN, found '%.200s'",
                          place->tables[i]);
            return err_hint(err, "for example --table 'labs=labs/*.parquet'");
        }
        for (size_t k = 0; k < set->entry_count && !used; k++) {
            size_t length = 0;
            used = pattern_of(set, &set->entries[k], &length) == place->tables[i];
        }
        if (used)
            continue;
        (void)err_set(err, ERR_INPUT, "--table '%.200s' matches no file that no other one takes",
                      place->tables[i]);
        return err_hint(err, "a pattern is of paths below the folder given; * stands for anything");
    }
    return ERR_OK;
}

static enum err_code apply_patterns(struct ingest_set *set, struct err *err)
{
    TRY(check_patterns(set, err));
    for (size_t i = 0; i < set->entry_count; i++) {
        size_t length = 0;
        struct ingest_entry *entry = &set->entries[i];
        const char *pattern = pattern_of(set, entry, &length);
        if (pattern == NULL)
            continue;
        entry->group = arena_printf(set->arena, "%s/%s", entry->root, pattern + length + 1);
        entry->group_name = arena_strndup(set->arena, pattern, length);
        if (entry->group == NULL || entry->group_name == NULL)
            return ingest_memory(err);
    }
    return ERR_OK;
}

/* ---- keys --------------------------------------------------------------------------------------
 */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* "a%20b" → "a b", as writers of such folders escape. In arena; NULL: no memory. */
static const char *unescape(struct arena *arena, const char *text, size_t length)
{
    char *ret = arena_alloc(arena, length + 1);
    size_t count = 0;
    if (ret == NULL)
        return NULL;
    for (size_t i = 0; i < length; i++) {
        int high = text[i] == '%' && i + 2 < length ? hex_digit(text[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        ret[count++] = low >= 0 ? (char)(high * 16 + low) : text[i];
        i += low >= 0 ? 2 : 0;
    }
    ret[count] = '\0';
    return ret;
}

enum err_code place_keys(struct arena *arena, const char *relative, const char **keys,
                         const char **values, size_t *ret_count, struct err *err)
{
    *ret_count = 0;
    for (const char *at = relative, *slash; (slash = strchr(at, '/')) != NULL; at = slash + 1) {
        const char *equals = memchr(at, '=', (size_t)(slash - at));
        if (equals == NULL || equals == at)
            continue;
        if (*ret_count == PLACE_LIMIT_KEYS)
            return err_set(err, ERR_LIMIT, "more than %d key=value folders within each other",
                           PLACE_LIMIT_KEYS);
        const char *key = arena_strndup(arena, at, (size_t)(equals - at));
        const char *value = unescape(arena, equals + 1, (size_t)(slash - equals) - 1);
        if (key == NULL || value == NULL)
            return ingest_memory(err);
        if (str_utf8_valid_prefix(str_of(key)) != strlen(key) ||
            str_utf8_valid_prefix(str_of(value)) != strlen(value) || strlen(key) > 255)
            return err_set(err, ERR_INPUT, "a key=value folder is not named in UTF-8");
        /* the engine takes both for null, whoever wrote them */
        bool null =
            strcmp(value, DATA_NULL_PARTITION) == 0 || str_equal_nocase(str_of(value), STR("null"));
        keys[*ret_count] = key;
        values[(*ret_count)++] = null ? NULL : value;
    }
    return ERR_OK;
}

static enum err_code other_keys(const struct table *table, const struct ingest_entry *entry,
                                struct err *err)
{
    (void)err_set(err, ERR_INPUT, "table %s: its files lie in folders of different keys",
                  table->name);
    (void)err_hint(err, "every file of a table needs the same key=value folders above it, in the "
                        "same order; --table NAME=PATTERN parts them");
    return err_at(err, entry->origin, 0, 0);
}

/* Folders above the root that would be taken for a key of the table by the engine. */
static enum err_code check_root(const struct table *table, const struct ingest_entry *entry,
                                struct err *err)
{
    for (size_t k = 0; k < table->place->key_count; k++) {
        const char *key = table->place->keys[k];
        size_t length = strlen(key);
        for (const char *at = table->place->root; (at = strchr(at, '/')) != NULL;) {
            at++;
            if (strncmp(at, key, length) != 0 || at[length] != '=')
                continue;
            (void)err_set(err, ERR_INPUT, "the folder given lies below another folder %.100s=…",
                          key);
            (void)err_hint(err, "register the folder above it, which holds them all");
            return err_at(err, entry->origin, 0, 0);
        }
    }
    return ERR_OK;
}

static enum err_code read_keys(struct table *table, struct err *err)
{
    struct data_place *place = table->place;
    struct arena *arena = table->set->arena;
    for (size_t i = 0; i < table->count; i++) {
        const char *keys[PLACE_LIMIT_KEYS], *values[PLACE_LIMIT_KEYS];
        const struct ingest_entry *entry = table->members[i].entry;
        size_t count = 0;
        enum err_code code = place_keys(arena, entry->relative, keys, values, &count, err);
        if (code != ERR_OK)
            return err_at(err, entry->origin, 0, 0);
        if (i == 0) {
            place->key_count = count;
            place->keys = arena_array(arena, count + 1, sizeof *place->keys);
            place->values = arena_array(arena, table->count * count + 1, sizeof *place->values);
            if (place->keys == NULL || place->values == NULL)
                return ingest_memory(err);
            memcpy(place->keys, keys, count * sizeof *keys);
        }
        if (count != place->key_count)
            return other_keys(table, entry, err);
        for (size_t k = 0; k < count; k++) {
            if (strcmp(keys[k], place->keys[k]) != 0)
                return other_keys(table, entry, err);
            place->values[i * count + k] = values[k];
        }
    }
    return check_root(table, table->members[0].entry, err);
}

/* ---- what is read alike ------------------------------------------------------------------------
 */

static enum err_code not_in_place(const struct ingest_entry *entry, const char *why,
                                  struct err *err)
{
    (void)err_set(err, ERR_INPUT, "%s can't be read where it stands: %s", entry->base_name, why);
    (void)err_hint(err, "import it (marrow import), which takes any text; or leave it out of the "
                        "folder");
    return err_at(err, entry->origin, 0, 0);
}

static bool same_names(const struct data_schema *a, const struct data_schema *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->columns[i].name, b->columns[i].name) != 0)
            return false;
    return true;
}

static bool same_dialect(const struct data_scan *a, const struct data_scan *b)
{
    return strcmp(a->delimiter, b->delimiter) == 0 && a->quote == b->quote &&
           a->escape == b->escape && a->skip_lines == b->skip_lines && a->header == b->header;
}

static struct data_place_part *part_for(struct table *table, const struct data_scan *scan,
                                        const struct data_schema *schema, size_t *ret,
                                        struct err *err)
{
    struct data_place *place = table->place;
    for (size_t i = 0; i < place->part_count; i++) {
        struct data_place_part *part = &place->parts[i];
        if (schema != NULL &&
            (!same_dialect(&part->scan, scan) || !same_names(&part->schema, schema)))
            continue;
        *ret = i;
        return part;
    }
    *ret = place->part_count;
    struct data_place_part *part = &place->parts[place->part_count];
    part->scan = *scan;
    part->scan.paths = arena_array(table->set->arena, table->count, sizeof(char *));
    part->scan.path_count = 0;
    part->scan.records = 0;
    if (part->scan.paths == NULL ||
        (schema != NULL && data_schema_copy(schema, &part->schema, err) != ERR_OK)) {
        data_schema_done(&part->schema);
        (void)ingest_memory(err);
        return NULL;
    }
    place->part_count++;
    return part;
}

/* The one source that opening the file gave, as the scan of a file that stands there. */
static enum err_code check_source(const struct ingest_entry *entry, const struct ingest_set *set,
                                  size_t before, struct err *err)
{
    if (set->slot_count != before + 1)
        return not_in_place(entry, "it holds several tables", err);
    const struct data_source *source = &set->slots[before].source;
    if (source->scan == NULL)
        return not_in_place(
            entry, "its quotes, line ends or lines below the table need Marrow's own reader", err);
    if (strcmp(source->scan->paths[0], entry->path) != 0)
        return not_in_place(entry, "it would have to be decoded or rewritten first", err);
    return ERR_OK;
}

static enum err_code take_notes(struct table *table, const json_t *notes, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; i < json_array_size(notes); i++) {
        bool known = false;
        for (size_t k = 0; k < json_array_size(table->notes); k++)
            known = known || json_equal(json_array_get(notes, i), json_array_get(table->notes, k));
        if (!known)
            json_push(table->notes, json_incref(json_array_get(notes, i)), &ok);
    }
    return json_built(ok, err);
}

/* Opens the file by its format, and takes what came of it into the table. */
static enum err_code take_member(struct table *table, size_t idx, struct err *err)
{
    struct ingest_set *set = table->set;
    struct member *member = &table->members[idx];
    size_t before = set->slot_count;
    enum err_code code = ingest_open_entry(set, member->entry, err);
    if (code == ERR_OK)
        code = check_source(member->entry, set, before, err);
    if (code == ERR_OK) {
        const struct data_source *source = &set->slots[before].source;
        const struct data_schema *schema = source->schema.count > 0 ? &source->schema : NULL;
        struct data_place_part *part = part_for(table, source->scan, schema, &member->part, err);
        code = part == NULL ? ERR_MEMORY : take_notes(table, source->notes, err);
        if (code == ERR_OK) {
            part->scan.paths[part->scan.path_count++] = member->entry->path;
            part->scan.records += source->scan->records;
            table->decimal_comma = table->decimal_comma || source->decimal_comma;
        }
    }
    while (set->slot_count > before)
        ingest_slot_done(&set->slots[--set->slot_count]);
    return code;
}

/* ---- tables ------------------------------------------------------------------------------------
 */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->entry->relative,
                  ((const struct member *)b)->entry->relative);
}

static void place_free(void *user)
{
    struct data_place *place = user;
    for (size_t i = 0; i < place->part_count; i++)
        data_schema_done(&place->parts[i].schema); /* the rest is the arena's */
}

/* One hash of all: of each file's hash and name, by name. */
static enum err_code hash_names(struct table *table, struct err *err)
{
    AUTO(buf_done) struct buf list = BUF_INIT;
    for (size_t i = 0; i < table->count; i++)
        buf_printf(&list, "%s  %s\n", table->place->files[i].sha256, table->place->files[i].name);
    TRY(buf_check(&list, err));
    hash_sha256_of(list.ptr, list.len, table->sha256);
    return ERR_OK;
}

static enum err_code list_files(struct table *table, struct err *err)
{
    struct data_place_file *files = arena_array(table->set->arena, table->count, sizeof *files);
    if (files == NULL)
        return ingest_memory(err);
    for (size_t i = 0; i < table->count; i++) {
        const struct ingest_entry *entry = table->members[i].entry;
        files[i] = (struct data_place_file){.name = entry->relative,
                                            .bytes = entry->info.bytes,
                                            .modified_us = entry->info.modified_us,
                                            .changed_us = entry->info.changed_us};
        memcpy(files[i].sha256, entry->sha256, sizeof files[i].sha256);
        table->bytes += entry->info.bytes;
    }
    table->place->files = files;
    table->place->file_count = table->count;
    return hash_names(table, err);
}

static enum err_code fill_table(struct table *table, struct err *err)
{
    const struct ingest_entry *first = table->members[0].entry;
    struct data_place *place = table->place;
    qsort(table->members, table->count, sizeof *table->members, by_name);
    place->root = first->root;
    place->format = first->format->name;
    place->parts = arena_array(table->set->arena, table->count, sizeof *place->parts);
    if (place->parts == NULL)
        return ingest_memory(err);
    TRY(list_files(table, err));
    TRY(read_keys(table, err));
    for (size_t i = 0; i < table->count; i++)
        TRY(take_member(table, i, err));
    for (size_t i = 0; i < place->part_count; i++) {
        place->parts[i].scan.partitioned = place->key_count > 0;
        place->parts[i].scan.same_columns = true;
    }
    return ERR_OK;
}

static enum err_code add_table(struct table *table, struct err *err)
{
    struct ingest_set *set = table->set;
    const struct ingest_entry *first = table->members[0].entry;
    table->place = arena_alloc(set->arena, sizeof *table->place);
    table->notes = json_array();
    if (table->place == NULL || table->notes == NULL)
        return ingest_memory(err);
    *table->place = (struct data_place){.root = NULL};
    table->name =
        first->group_name != NULL ? first->group_name : ingest_stem(set->arena, first->base_name);
    enum err_code code = table->name == NULL ? ingest_memory(err) : fill_table(table, err);
    if (code != ERR_OK) {
        place_free(table->place);
        json_decref(table->notes);
        return code;
    }
    struct data_source source = {.name = table->name,
                                 .origin = first->group != NULL ? first->group : first->origin,
                                 .text_columns = first->format == &ingest_format_csv,
                                 .decimal_comma = table->decimal_comma,
                                 .place = table->place,
                                 .user = table->place,
                                 .bytes = table->bytes,
                                 .notes = table->notes};
    memcpy(source.source_sha256, table->count > 1 ? table->sha256 : first->sha256,
           sizeof source.source_sha256);
    set->current = first;
    code = ingest_add_source(set, &source, place_free, err);
    set->current = NULL;
    return code;
}

static enum err_code refuse_entry(struct ingest_set *set, const struct ingest_entry *entry,
                                  struct err *err)
{
    const char *format = set->options.place->format;
    bool known = entry->format == &ingest_format_csv || entry->format == &ingest_format_parquet;
    if (known && (format == NULL || strcmp(format, entry->format->name) == 0))
        return ERR_OK;
    if (entry->given && !known)
        return not_in_place(entry, "only Parquet and CSV files can be", err);
    return ingest_skip(set, entry->origin, err,
                       known ? "not asked for: of another format"
                             : "not read where it stands: neither Parquet nor CSV");
}

/* The members of the table that entry `first` begins. */
static enum err_code gather(struct table *table, size_t first, bool *done, struct err *err)
{
    struct ingest_set *set = table->set;
    const struct ingest_entry *entry = &set->entries[first];
    size_t end = entry->group == NULL ? first + 1 : set->entry_count, count = 0;
    for (size_t k = first; k < end; k++)
        count += k == first || (!done[k] && together(entry, &set->entries[k]));
    table->members = arena_array(set->arena, count, sizeof *table->members);
    if (table->members == NULL)
        return ingest_memory(err);
    for (size_t k = first; k < end; k++)
        if (k == first || (!done[k] && together(entry, &set->entries[k]))) {
            done[k] = true;
            table->members[table->count++] = (struct member){.entry = &set->entries[k]};
        }
    return ERR_OK;
}

enum err_code place_open(struct ingest_set *set, struct err *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < set->entry_count; i++) {
        size_t skipped = set->skipped_count;
        TRY(refuse_entry(set, &set->entries[i], err));
        if (set->skipped_count == skipped)
            set->entries[kept++] = set->entries[i];
    }
    set->entry_count = kept;
    TRY(apply_patterns(set, err));
    AUTO(mem_free) bool *done = mem_zalloc(kept + 1, sizeof *done);
    if (done == NULL)
        return ingest_memory(err);
    for (size_t i = 0; i < kept; i++) {
        struct table table = {.set = set};
        if (done[i])
            continue;
        TRY(gather(&table, i, done, err));
        TRY(add_table(&table, err));
    }
    return ERR_OK;
}
