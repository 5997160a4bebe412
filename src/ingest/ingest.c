/* The set: what ingest_open gathers, and its lifetime. Opening runs in two steps: the walk lists
 * the files that hold data (unpacking archives to staging), then each file's format adds its
 * sources; names are settled last, when all are known. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ingest/fhir_priv.h"

#define SET_ARENA_BYTES (4ull << 30)

enum err_code ingest_memory(struct err *err)
{
    return err_set(err, ERR_MEMORY, "out of memory while reading the input");
}

void *ingest_grow(void **array, size_t *count, size_t *capacity, size_t bytes)
{
    if (*count == *capacity) {
        size_t wanted = *capacity == 0 ? 16 : *capacity * 2;
        void *grown = mem_resize(*array, wanted, bytes);
        if (grown == NULL)
            return NULL;
        *array = grown;
        *capacity = wanted;
    }
    char *element = (char *)*array + *count * bytes;
    memset(element, 0, bytes);
    (*count)++;
    return element;
}

struct ingest_set *ingest_set_new(const struct ingest_options *options, struct err *err)
{
    AUTO(ingest_close) struct ingest_set *set = mem_zalloc(1, sizeof *set);
    if (set == NULL || (set->arena = arena_new(SET_ARENA_BYTES)) == NULL ||
        (set->inputs = json_array()) == NULL) {
        (void)ingest_memory(err);
        return NULL;
    }
    if (options != NULL)
        set->options = *options;
    else
        set->options.header = -1;
    if (set->options.staging_directory != NULL)
        set->options.staging_directory = arena_strdup(set->arena, set->options.staging_directory);
    if (set->options.shown_as != NULL)
        set->options.shown_as = arena_strdup(set->arena, set->options.shown_as);
    if (set->options.encoding != NULL)
        set->options.encoding = arena_strdup(set->arena, set->options.encoding);
    if (set->options.delimiter != NULL)
        set->options.delimiter = arena_strdup(set->arena, set->options.delimiter);
    if (set->options.total_bytes <= 0)
        set->options.total_bytes = INGEST_LIMIT_TOTAL_BYTES;
    if (arena_failed(set->arena)) {
        (void)ingest_memory(err);
        return NULL;
    }
    struct ingest_set *ret = set;
    set = NULL;
    return ret;
}

void ingest_slot_done(struct ingest_slot *slot)
{
    if (slot->source.user != NULL && slot->user_free != NULL)
        slot->user_free(slot->source.user);
    data_schema_done(&slot->source.schema);
    json_decref(slot->source.notes);
}

void ingest_close(struct ingest_set *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; i < set->slot_count; i++)
        ingest_slot_done(&set->slots[i]);
    mem_free(set->slots);
    mem_free(set->entries);
    mem_free(set->companions);
    mem_free(set->skipped);
    json_decref(set->inputs);
    fhir_in_gathering_free(set->fhir);
    arena_free(set->arena);
    mem_free(set);
}

const struct ingest_options *ingest_set_options(const struct ingest_set *set)
{
    return &set->options;
}

struct arena *ingest_set_arena(struct ingest_set *set)
{
    return set->arena;
}

enum err_code ingest_add_source(struct ingest_set *set, const struct data_source *source,
                                void (*user_free)(void *user), struct err *err)
{
    struct ingest_slot *slot = NULL;
    if (!arena_failed(set->arena))
        slot = ingest_grow((void **)&set->slots, &set->slot_count, &set->slot_capacity,
                           sizeof *set->slots);
    if (slot == NULL) {
        struct ingest_slot lost = {.source = *source, .user_free = user_free};
        ingest_slot_done(&lost);
        return ingest_memory(err);
    }
    slot->source = *source;
    slot->user_free = user_free;
    const struct ingest_entry *entry = set->current;
    slot->folder = entry != NULL ? entry->folder : "";
    slot->format = entry != NULL ? entry->format->name : "";
    if (entry != NULL) {
        if (slot->source.origin == NULL)
            slot->source.origin = entry->origin;
        if (slot->source.bytes == 0)
            slot->source.bytes = entry->bytes;
        if (entry->sha256 != NULL && slot->source.source_sha256[0] == '\0')
            memcpy(slot->source.source_sha256, entry->sha256, sizeof slot->source.source_sha256);
    }
    if (slot->source.name == NULL)
        slot->source.name = entry != NULL ? ingest_stem(set->arena, entry->base_name) : "table";
    return slot->source.name == NULL ? ingest_memory(err) : ERR_OK;
}

const char *ingest_stage_path(struct ingest_set *set, const char *suffix)
{
    if (set->options.staging_directory == NULL)
        return NULL;
    return arena_printf(set->arena, "%s/%04lld%s", set->options.staging_directory,
                        (long long)++set->staged_files, suffix);
}

void ingest_note(json_t **notes, const char *code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char line[ERR_TEXT_BYTES];
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    if (*notes == NULL)
        *notes = json_array();
    bool ok = *notes != NULL;
    json_t *note = json_object();
    json_put_text(note, "code", code, &ok);
    json_put_str(note, "message", str_of(line), &ok);
    if (*notes != NULL)
        json_push(*notes, note, &ok);
    else
        json_decref(note);
}

enum err_code ingest_skip(struct ingest_set *set, const char *origin, struct err *err,
                          const char *reason)
{
    struct ingest_skipped *skipped = ingest_grow((void **)&set->skipped, &set->skipped_count,
                                                 &set->skipped_capacity, sizeof *set->skipped);
    if (skipped == NULL)
        return ingest_memory(err);
    skipped->path = arena_strdup(set->arena, origin);
    skipped->reason = arena_strdup(set->arena, reason);
    return skipped->path == NULL || skipped->reason == NULL ? ingest_memory(err) : ERR_OK;
}

enum err_code ingest_read_head(const char *path, size_t capacity, struct buf *ret, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, errno, "cannot open %s", path);
    if (!buf_reserve(ret, capacity)) {
        (void)close(fd);
        return ingest_memory(err);
    }
    while (ret->len < capacity) {
        ssize_t got = read(fd, ret->ptr + ret->len, capacity - ret->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            int number = errno;
            (void)close(fd);
            return err_set_errno(err, number, "cannot read %s", path);
        }
        if (got == 0)
            break;
        ret->len += (size_t)got;
    }
    (void)close(fd);
    return ERR_OK;
}

/* How well a catalogue goes with the file: 4 same folder and stem, 3 same folder and SAS's own name
 * for it, 2 named by the user, 1 in the same folder, 0 not at all. */
static int companion_rank(const struct ingest_entry *companion, const struct ingest_file *file)
{
    size_t file_folder = strlen(file->origin) - strlen(file->base_name);
    size_t folder = strlen(companion->origin) - strlen(companion->base_name);
    bool beside = folder == file_folder && strncmp(companion->origin, file->origin, folder) == 0;
    struct str stem = {companion->base_name, strcspn(companion->base_name, ".")};
    if (beside &&
        str_equal_nocase(stem, (struct str){file->base_name, strcspn(file->base_name, ".")}))
        return 4;
    if (beside && str_equal_nocase(stem, STR("formats")))
        return 3;
    return companion->given ? 2 : beside;
}

const char *ingest_companion_path(const struct ingest_set *set, const struct ingest_file *file,
                                  const char *suffix)
{
    const char *best = NULL;
    int best_rank = 0;
    size_t rivals = 0; /* of the best rank */
    for (size_t i = 0; i < set->companion_count; i++) {
        const struct ingest_entry *companion = &set->companions[i];
        int rank = str_has_suffix_nocase(str_of(companion->base_name), suffix)
                       ? companion_rank(companion, file)
                       : 0;
        if (rank == 0 || rank < best_rank)
            continue;
        rivals = rank == best_rank ? rivals + 1 : 1;
        best_rank = rank;
        best = companion->path;
    }
    return rivals == 1 ? best : NULL;
}

/* ---- opening ------------------------------------------------------------------------------------
 */

enum err_code ingest_open_entry(struct ingest_set *set, const struct ingest_entry *entry,
                                struct err *err)
{
    AUTO(buf_done) struct buf head = BUF_INIT;
    TRY(progress_check(set->options.progress, err));
    TRY(ingest_read_head(entry->path, INGEST_HEAD_BYTES, &head, err));
    struct ingest_file file = {.path = entry->path,
                               .origin = entry->origin,
                               .base_name = entry->base_name,
                               .head = buf_view(&head),
                               .bytes = entry->bytes};
    set->current = entry;
    enum err_code code = entry->format->open(set, &file, err);
    set->current = NULL;
    if (code != ERR_OK && err != NULL && err->source[0] == '\0')
        (void)err_at(err, entry->origin, err->line, err->column);
    return code;
}

/* The partitioned table that entry `first` begins: all later entries of its group join it. */
static enum err_code open_group(struct ingest_set *set, size_t first, bool *done, struct err *err)
{
    const struct ingest_entry **members = mem_zalloc(set->entry_count - first, sizeof *members);
    if (members == NULL)
        return ingest_memory(err);
    size_t count = 0;
    for (size_t i = first; i < set->entry_count; i++) {
        const struct ingest_entry *entry = &set->entries[i];
        if (!done[i] && entry->group != NULL &&
            strcmp(entry->group, set->entries[first].group) == 0) {
            members[count++] = entry;
            done[i] = true;
        }
    }
    set->current = members[0];
    enum err_code code = parquet_open_group(set, members, count, err);
    set->current = NULL;
    mem_free(members);
    return code;
}

/* What the formats report of one file, as part of one total over all files. */
struct recognising {
    const struct progress *progress; /* the caller's */
    struct progress own;
    const struct ingest_entry *entry;
    int64_t before, most, total; /* bytes: of the files before; most reported so far; of all */
};

static void report_part(void *user, const struct progress_event *event)
{
    struct recognising *work = user;
    bool bytes = event->unit != NULL && strcmp(event->unit, "bytes") == 0;
    int64_t part = bytes ? event->done : 0; /* some read a file more than once */
    int64_t done = work->before + (part < work->entry->bytes ? part : work->entry->bytes);
    work->most = done > work->most ? done : work->most;
    progress_report(work->progress, &(struct progress_event){.phase = "recognise",
                                                             .subject = work->entry->base_name,
                                                             .done = work->most,
                                                             .total = work->total,
                                                             .unit = "bytes"});
}

static bool part_cancelled(void *user)
{
    const struct recognising *work = user;
    return work->progress->cancelled(work->progress->user);
}

static enum err_code open_each(struct ingest_set *set, struct recognising *work, bool *done,
                               struct err *err)
{
    for (size_t i = 0; i < set->entry_count; i++) {
        if (done[i])
            continue;
        work->entry = &set->entries[i];
        report_part(work, &(struct progress_event){.unit = ""});
        if (set->entries[i].group != NULL)
            TRY(open_group(set, i, done, err));
        else
            TRY(ingest_open_entry(set, &set->entries[i], err));
        work->before += set->entries[i].bytes;
    }
    return ERR_OK;
}

static enum err_code open_entries(struct ingest_set *set, struct err *err)
{
    if (set->entry_count == 0)
        return ERR_OK;
    AUTO(mem_free) bool *done = mem_zalloc(set->entry_count, sizeof *done);
    if (done == NULL)
        return ingest_memory(err);
    struct recognising work = {.progress = set->options.progress};
    work.own = (struct progress){.report = report_part, .user = &work};
    if (work.progress != NULL && work.progress->cancelled != NULL)
        work.own.cancelled = part_cancelled;
    for (size_t i = 0; i < set->entry_count; i++)
        work.total += set->entries[i].bytes;
    set->options.progress = &work.own;
    enum err_code code = open_each(set, &work, done, err);
    set->options.progress = work.progress;
    return code;
}

static enum err_code no_source(const struct ingest_set *set, struct err *err)
{
    size_t told = 0; /* what could be data tells more than a readme does */
    (void)err_set(err, ERR_INPUT, "no data found in what was given");
    while (told < set->skipped_count && strncmp(set->skipped[told].reason, "no data", 7) == 0)
        told++;
    told = told < set->skipped_count ? told : 0;
    if (set->skipped_count > 0)
        (void)err_detail(err, "%zu files skipped, such as %s (%s)", set->skipped_count,
                         set->skipped[told].path, set->skipped[told].reason);
    if (set->options.place != NULL)
        return err_hint(err, PLACE_HINT);
    return err_hint(err, "give csv, tsv, json, FHIR, parquet, xlsx, SPSS, Stata or SAS files, or a "
                         "folder or archive that holds some");
}

enum err_code ingest_open(const char *const *paths, size_t path_count,
                          const struct ingest_options *options, struct ingest_set **ret,
                          struct err *err)
{
    *ret = NULL;
    AUTO(ingest_close) struct ingest_set *set = ingest_set_new(options, err);
    if (set == NULL)
        return ERR_MEMORY;
    if (path_count == 0)
        return err_set(err, ERR_USAGE, "no file or folder to import was named");
    for (size_t i = 0; i < path_count; i++)
        TRY(walk_path(set, paths[i], err));
    TRY(set->options.place != NULL ? place_open(set, err) : open_entries(set, err));
    TRY(fhir_in_add_sources(set, err));
    if (set->slot_count == 0)
        return no_source(set, err);
    TRY(names_settle(set, err));
    if (arena_failed(set->arena))
        return ingest_memory(err);
    *ret = set;
    set = NULL;
    return ERR_OK;
}

size_t ingest_source_count(const struct ingest_set *set)
{
    return set->slot_count;
}

const struct data_source *ingest_source(const struct ingest_set *set, size_t idx)
{
    return idx < set->slot_count ? &set->slots[idx].source : NULL;
}

size_t ingest_skipped_count(const struct ingest_set *set)
{
    return set->skipped_count;
}

const struct ingest_skipped *ingest_skipped(const struct ingest_set *set, size_t idx)
{
    return idx < set->skipped_count ? &set->skipped[idx] : NULL;
}

json_t *ingest_inputs(const struct ingest_set *set)
{
    return json_incref(set->inputs);
}
