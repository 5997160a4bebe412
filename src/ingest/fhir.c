/* FHIR resources: NDJSON, Bundles, arrays, single resources, whatever the files are called. A file
 * is FHIR by its content (resourceType). All files together give one source for each resource type.
 *
 * The one idea: what servers export, a file of one type with a resource on each line, is read in
 * place and once; everything else is unwrapped into the staging directory first. */
#include <string.h>

#include "ingest/fhir_priv.h"

/* ---- is it FHIR? --------------------------------------------------------------------------------
 */

/* Past a text's closing quote; NULL: the text ends before. */
static const char *past_string(const char *at, const char *end)
{
    for (at++; at < end; at++) {
        if (*at == '\\')
            at++;
        else if (*at == '"')
            return at + 1;
    }
    return NULL;
}

struct glimpse { /* of one object's beginning: names of its own members */
    bool resource, entry, below, exported, event, output;
};

static void note_name(struct str name, int64_t depth, struct glimpse *ret)
{
    if (str_equal(name, STR("resourceType"))) {
        ret->resource = ret->resource || depth == 1;
        ret->below = ret->below || depth > 1;
    }
    if (depth != 1)
        return;
    ret->entry = ret->entry || str_equal(name, STR("entry"));
    ret->exported = ret->exported || str_equal(name, STR("exportId")) ||
                    str_equal(name, STR("transactionTime"));
    ret->event = ret->event || str_equal(name, STR("eventId"));
    ret->output = ret->output || str_equal(name, STR("output"));
}

/* What an object begins with, as far as the head goes. *ret_end: after it, or NULL. */
static void look_into(const char *at, const char *end, struct glimpse *ret, const char **ret_end)
{
    int64_t depth = 0;
    *ret_end = NULL;
    while (at != NULL && at < end) {
        if (*at == '"') {
            const char *after = past_string(at, end), *colon = after;
            if (after == NULL)
                return;
            while (colon < end &&
                   (*colon == ' ' || *colon == '\t' || *colon == '\n' || *colon == '\r'))
                colon++;
            if (colon < end && *colon == ':')
                note_name((struct str){at + 1, (size_t)(after - at) - 2}, depth, ret);
            at = after;
            continue;
        }
        depth += *at == '{';
        depth -= *at == '}';
        at++;
        if (depth == 0) {
            *ret_end = at;
            return;
        }
    }
}

static bool is_fhir(const struct glimpse *seen)
{
    return seen->resource || (seen->entry && seen->below);
}

/* The first object, or, where that one is broken, the first of the lines after it that tells. */
static bool head_is_fhir(struct str head)
{
    const char *at = head.ptr, *end = head.ptr + head.len;
    if (str_has_prefix(head, "\xef\xbb\xbf"))
        at += 3;
    while (at < end && strchr(" \t\r\n[", *at) != NULL && *at != '\0')
        at++;
    while (at < end && *at == '{') {
        struct glimpse seen = {0};
        const char *after = NULL, *feed = memchr(at, '\n', (size_t)(end - at));
        look_into(at, end, &seen, &after);
        if (is_fhir(&seen))
            return true;
        if (feed == NULL)
            return false;
        if (after != NULL && after < feed && memchr(at, '\n', (size_t)(after - at)) == NULL)
            return false; /* a whole object that is none: so are the others */
        at = feed + 1;
    }
    return false;
}

const char *fhir_in_skip_reason(struct str head)
{
    struct glimpse seen = {0};
    const char *at = head.ptr, *end = head.ptr + head.len, *after;
    while (at < end && strchr(" \t\r\n", *at) != NULL && *at != '\0')
        at++;
    if (at >= end || *at != '{')
        return NULL;
    look_into(at, end, &seen, &after);
    if (seen.resource)
        return NULL;
    if (seen.exported && seen.event)
        return "no data: the log of a FHIR export";
    if (seen.exported && seen.output)
        return "no data: the manifest of a FHIR export";
    return NULL;
}

int fhir_in_recognise(const struct ingest_file *file)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    struct err ignored;
    if (encoding_is_binary(file->head))
        return 0;
    enum err_code code = encoding_head_text(file->head, &text, &ignored);
    if (code == ERR_MEMORY)
        return -1;
    return code == ERR_OK && head_is_fhir(buf_view(&text));
}

/* ---- types --------------------------------------------------------------------------------------
 */

void fhir_in_gathering_free(struct fhir_in_gathering *gathering)
{
    if (gathering == NULL)
        return;
    for (size_t i = 0; i < gathering->type_count; i++) {
        struct fhir_in_type *type = gathering->types[i];
        stage_abandon(&type->staged);
        hash_sha256_free(type->hash);
        mem_free(type->parts);
        mem_free(type);
    }
    stage_abandon(&gathering->unplaced.staged);
    mem_free(gathering->unplaced.parts);
    mem_free(gathering->types);
    mem_free(gathering->passed);
    fhir_in_reader_free(gathering->reader);
    mem_free(gathering);
}

static enum err_code begin_gathering(struct ingest_set *set, struct err *err)
{
    if (set->fhir != NULL)
        return ERR_OK;
    set->fhir = mem_zalloc(1, sizeof *set->fhir);
    if (set->fhir == NULL)
        return ingest_memory(err);
    set->fhir->unplaced.staged = (struct stage_writer)STAGE_WRITER_INIT;
    return fhir_in_reader_new(&set->fhir->reader, err);
}

static struct fhir_in_type *make_type(struct ingest_set *set, struct str name)
{
    struct fhir_in_gathering *gathering = set->fhir;
    if (gathering->type_count >= FHIR_LIMIT_TYPES)
        return NULL;
    struct fhir_in_type *type = mem_zalloc(1, sizeof *type);
    struct fhir_in_type **slot = NULL;
    if (type != NULL) {
        type->staged = (struct stage_writer)STAGE_WRITER_INIT;
        type->name = arena_strndup(set->arena, name.ptr, name.len);
        type->hash = hash_sha256_new();
        if (type->name != NULL && type->hash != NULL)
            slot = ingest_grow((void **)&gathering->types, &gathering->type_count,
                               &gathering->type_capacity, sizeof(struct fhir_in_type *));
    }
    if (slot == NULL) {
        if (type != NULL)
            hash_sha256_free(type->hash);
        mem_free(type);
        return NULL;
    }
    *slot = type;
    return type;
}

struct fhir_in_type *fhir_in_type_of(struct ingest_set *set, struct str name)
{
    struct fhir_in_gathering *gathering = set->fhir;
    if (gathering->last < gathering->type_count &&
        str_equal(str_of(gathering->types[gathering->last]->name), name))
        return gathering->types[gathering->last];
    for (size_t i = 0; i < gathering->type_count; i++)
        if (str_equal(str_of(gathering->types[i]->name), name)) {
            gathering->last = i;
            return gathering->types[i];
        }
    return make_type(set, name);
}

/* "Patient.000.ndjson" is named for Patient: a type's name, and then no letter. */
static bool is_named_for(const char *base_name, const char *type)
{
    struct str name = str_of(base_name);
    size_t length = strlen(type);
    return name.len >= length && str_equal_nocase((struct str){name.ptr, length}, str_of(type)) &&
           strchr("._- ", base_name[length]) != NULL;
}

static bool is_named_for_another(const struct ingest_set *set, const char *base_name,
                                 const char *type)
{
    if (is_named_for(base_name, type))
        return false;
    for (size_t i = 0; i < set->fhir->type_count; i++)
        if (is_named_for(base_name, set->fhir->types[i]->name))
            return true;
    return false;
}

enum err_code fhir_in_type_count_file(struct ingest_set *set, struct fhir_in_type *type,
                                      int64_t bytes, struct err *err)
{
    const struct ingest_entry *entry = set->current;
    type->bytes += bytes;
    if (entry == NULL)
        return ERR_OK;
    if (is_named_for_another(set, entry->base_name, type->name)) {
        type->misplaced++;
        type->misplaced_in = entry->base_name;
    }
    if (type->last_origin == entry->origin)
        return ERR_OK;
    if (type->first_origin == NULL)
        type->first_origin = entry->origin;
    type->last_origin = entry->origin;
    type->sha256 = entry->sha256;
    type->files++;
    if (entry->sha256 != NULL)
        hash_sha256_add(type->hash, entry->sha256, strlen(entry->sha256));
    (void)err;
    return ERR_OK;
}

/* ---- files --------------------------------------------------------------------------------------
 */

struct survey { /* of a file with a document on each line */
    bool one_type;
    char type[FHIR_LIMIT_TYPE_BYTES + 1]; /* of its first line that tells */
};

static struct str next_line(const char **at, const char *end)
{
    struct str line = {0};
    while (line.len == 0 && *at < end) {
        const char *feed = memchr(*at, '\n', (size_t)(end - *at));
        line = str_trim((struct str){*at, (size_t)((feed == NULL ? end : feed) - *at)});
        *at = feed == NULL ? end : feed + 1;
    }
    return line;
}

static struct str text_of(const struct file_mapping *mapping)
{
    struct str text = {mapping->ptr, mapping->length};
    if (str_has_prefix(text, "\xef\xbb\xbf"))
        text = (struct str){text.ptr + 3, text.len - 3};
    return text;
}

static bool is_padded(struct str line, const char *end)
{
    return (size_t)(end - (line.ptr + line.len)) >= JSON_BULK_PADDING;
}

/* An object that begins on the first line and ends on a later one (a pretty-printed Bundle whose
 * first line has its type, for one), or behind which another begins on the same line. */
static enum err_code spans_lines(struct str first, const char *end, bool *ret, struct err *err)
{
    struct json_view view = {0};
    *ret = first.ptr[0] == '{' && json_read_object(first.ptr, end, &view);
    if (*ret && view.end <= first.ptr + first.len) {
        struct str rest = {view.end, (size_t)(first.ptr + first.len - view.end)};
        rest = str_trim(rest);
        *ret = rest.len > 0 && rest.ptr[0] == '{';
    }
    bool failed = view.failed;
    json_view_done(&view);
    return failed ? ingest_memory(err) : ERR_OK;
}

/* One document a line? The first line is whole, or what follows it begins another document, or the
 * name says so. */
static enum err_code find_lines(struct fhir_in_reader *reader, const struct ingest_file *file,
                                struct str text, bool *ret, struct err *err)
{
    const char *at = text.ptr, *end = text.ptr + text.len;
    struct str first = next_line(&at, end), second = next_line(&at, end);
    struct fhir_in_facts facts;
    *ret = false;
    if (first.len == 0 || first.ptr[0] == '[')
        return ERR_OK;
    bool spans = false, lengthy = (int64_t)first.len > INGEST_LIMIT_CELL_BYTES;
    if (!lengthy)
        TRY(fhir_in_read(reader, first, is_padded(first, end), &facts, err));
    if (lengthy || facts.reason != NULL)
        TRY(spans_lines(first, end, &spans, err));
    *ret = lengthy && !spans;
    if (lengthy || spans)
        return ERR_OK;
    struct str name = str_of(file->base_name);
    *ret = facts.reason == NULL || facts.id.ptr != NULL || str_equal(facts.type, STR("Bundle")) ||
           (second.len > 0 && second.ptr[0] == '{');
    if (facts.reason != NULL && second.len == 0) /* one line, and broken: lines only if named so */
        *ret = str_has_suffix_nocase(name, ".ndjson") || str_has_suffix_nocase(name, ".jsonl") ||
               strncmp(facts.reason, "no ", 3) == 0;
    return ERR_OK;
}

static enum err_code survey_lines(struct ingest_set *set, const struct ingest_file *file,
                                  struct file_mapping *mapping, struct survey *ret, struct err *err)
{
    struct str text = text_of(mapping);
    const char *at = text.ptr, *end = text.ptr + text.len;
    int64_t seen = 0;
    *ret = (struct survey){.one_type = true};
    for (struct str line = next_line(&at, end); line.len > 0; line = next_line(&at, end)) {
        struct str type = {0};
        if (++seen % 4096 == 0) {
            file_let_go(mapping, at);
            TRY(progress_check(set->options.progress, err));
        }
        TRY(fhir_in_read_type(set->fhir->reader, line, is_padded(line, end), &type, err));
        if (type.len == 0 || str_equal(type, str_of(ret->type)))
            continue;
        ret->one_type = ret->type[0] == '\0' && !str_equal(type, STR("Bundle"));
        memcpy(ret->type, type.ptr, type.len);
        ret->type[type.len] = '\0';
        if (!ret->one_type)
            break;
    }
    file_let_go(mapping, mapping->ptr);
    (void)file;
    return ERR_OK;
}

static enum err_code add_in_place(struct ingest_set *set, const struct ingest_file *file,
                                  const struct file_mapping *mapping, const char *type_name,
                                  struct err *err)
{
    struct fhir_in_type *type = fhir_in_type_of(set, str_of(type_name));
    if (type == NULL)
        return err_set(err, ERR_LIMIT, "more than %d types of resources", FHIR_LIMIT_TYPES);
    struct fhir_in_part *part = ingest_grow((void **)&type->parts, &type->part_count,
                                            &type->part_capacity, sizeof *type->parts);
    if (part == NULL)
        return ingest_memory(err);
    *part = (struct fhir_in_part){.path = arena_strdup(set->arena, file->path),
                                  .origin = arena_strdup(set->arena, file->origin),
                                  .base_name = arena_strdup(set->arena, file->base_name),
                                  .info = mapping->info};
    if (arena_failed(set->arena))
        return ingest_memory(err);
    return fhir_in_type_count_file(set, type, (int64_t)mapping->length, err);
}

static enum err_code open_mapped(struct ingest_set *set, const struct ingest_file *file,
                                 struct file_mapping *mapping, struct err *err)
{
    bool lines = false;
    struct survey survey = {0};
    TRY(find_lines(set->fhir->reader, file, text_of(mapping), &lines, err));
    if (!lines)
        return fhir_in_unwrap(set, file, mapping, false, err);
    TRY(survey_lines(set, file, mapping, &survey, err));
    bool messages = survey.one_type && strcmp(survey.type, "OperationOutcome") == 0;
    if (messages && (set->current == NULL || !set->current->given))
        return ingest_skip(set, file->origin, err,
                           "no data: messages of a FHIR server (OperationOutcome)");
    if (survey.one_type && survey.type[0] != '\0')
        return add_in_place(set, file, mapping, survey.type, err);
    return fhir_in_unwrap(set, file, mapping, true, err);
}

enum err_code fhir_in_open(struct ingest_set *set, const struct ingest_file *file, struct err *err)
{
    struct file_mapping mapping = {0};
    struct ingest_file own = *file;
    AUTO(buf_done) struct buf text = BUF_INIT;
    TRY(begin_gathering(set, err));
    /* FHIR is UTF-8; what is UTF-16 nevertheless is made that. Ill-formed lines are set aside. */
    if (file->head.len > 1 && (file->head.ptr[0] == '\0' || file->head.ptr[1] == '\0' ||
                               (unsigned char)file->head.ptr[0] >= 0xfe)) {
        struct text_file made;
        JSON_AUTO notes = NULL;
        TRY(encoding_prepare(set, file, true, &notes, &made, err));
        own.path = made.path;
        own.bytes = made.bytes;
    }
    TRY(file_map(own.path, NULL, &mapping, err));
    if (mapping.ptr == NULL)
        return ERR_OK;
    return file_unmap(&mapping, open_mapped(set, &own, &mapping, err), err);
}

/* ---- sources ------------------------------------------------------------------------------------
 */

static void note_type(const struct fhir_in_type *type, json_t **notes)
{
    if (type->misplaced > 0)
        ingest_note(notes, "other_type",
                    "resources of this type stand in files named for another (%s)",
                    type->misplaced_in);
    if (type->borrowed_ids > 0)
        ingest_note(notes, "id_from_url",
                    "%lld resources have no id: theirs is that of the Bundle's fullUrl",
                    (long long)type->borrowed_ids);
    if (type->resolved > 0)
        ingest_note(notes, "reference_from_url",
                    "%lld references to resources of their Bundle by its fullUrl: they have its id "
                    "now (Type/id), as a server writes it",
                    (long long)type->resolved);
}

static void note_passed(struct fhir_in_passed *passed, json_t **notes)
{
    static const char *const what[FHIR_PASSED_KINDS] = {
        "conditional deletions, which name no resource", "patches, which are no resources",
        "messages of a search (OperationOutcome)"};
    for (size_t i = 0; i < FHIR_PASSED_KINDS; i++)
        if (passed->counts[i] > 0)
            ingest_note(notes, "passed_over", "%lld entries of Bundles were passed over: %s%s%s",
                        (long long)passed->counts[i], what[i], passed->type[0] != '\0' ? ", of " : "",
                        passed->type);
    passed->told = true;
}

static void note_passed_of(const struct fhir_in_gathering *gathering, const char *type,
                           json_t **notes)
{
    for (size_t i = 0; i < gathering->passed_count; i++)
        if (strcmp(gathering->passed[i].type, type) == 0)
            note_passed(&gathering->passed[i], notes);
}

static void note_pages(const struct fhir_in_gathering *gathering, json_t **notes)
{
    if (gathering->pages > 0)
        ingest_note(notes, "one_page",
                    "%lld Bundles are one page of a search: their link \"next\" leads to more "
                    "resources, which are not here unless other files hold them",
                    (long long)gathering->pages);
}

static const char *origin_of(struct ingest_set *set, const struct fhir_in_type *type)
{
    const char *origin = type->first_origin == NULL ? type->name : type->first_origin;
    return type->files <= 1
               ? origin
               : arena_printf(set->arena, "%s (and %zu more)", origin, type->files - 1);
}

static enum err_code add_source(struct ingest_set *set, struct fhir_in_type *type, bool first,
                                struct err *err)
{
    struct fhir_in_reading *reading = mem_zalloc(1, sizeof *reading);
    struct fhir_in_part *parts = arena_array(set->arena, type->part_count + 1, sizeof *parts);
    JSON_AUTO notes = json_array();
    static const struct data_newest newest = {FHIR_COLUMN_ID, FHIR_COLUMN_UPDATED,
                                              FHIR_COLUMN_RESOURCE};
    struct data_source source = {.name = type->name,
                                 .origin = origin_of(set, type),
                                 .push = fhir_in_push,
                                 .newest = &newest,
                                 .bytes = type->bytes};
    if (reading == NULL || parts == NULL || notes == NULL || source.origin == NULL) {
        mem_free(reading);
        return ingest_memory(err);
    }
    memcpy(parts, type->parts, type->part_count * sizeof *parts);
    note_type(type, &notes);
    note_passed_of(set->fhir, type->name, &notes);
    if (first)
        note_pages(set->fhir, &notes);
    *reading = (struct fhir_in_reading){type->name, parts, type->part_count, json_incref(notes),
                                        type->bad_dates};
    source.user = reading;
    source.notes = json_incref(notes);
    if (type->files > 1)
        hash_sha256_finish(type->hash, source.source_sha256);
    else if (type->sha256 != NULL)
        memcpy(source.source_sha256, type->sha256, sizeof source.source_sha256);
    enum err_code code = fhir_in_schema(&source.schema, err);
    if (code != ERR_OK) {
        fhir_in_reading_free(reading);
        json_decref(source.notes);
        data_schema_done(&source.schema);
        return code;
    }
    TRY(ingest_add_source(set, &source, fhir_in_reading_free, err));
    set->slots[set->slot_count - 1].fixed = true;
    set->slots[set->slot_count - 1].format = "fhir";
    return ERR_OK;
}

/* Only deletions, of what is not here. */
static bool is_gone(const struct fhir_in_type *type)
{
    return type->files == 0 && type->rejects == 0;
}

/* Lines of which no type could be told go with the first type's. */
static enum err_code place_unplaced(struct fhir_in_gathering *gathering, struct err *err)
{
    struct fhir_in_type *unplaced = &gathering->unplaced, *type = NULL;
    for (size_t i = gathering->type_count; i > 0; i--)
        type = is_gone(gathering->types[i - 1]) ? type : gathering->types[i - 1];
    for (size_t i = 0; type != NULL && i < unplaced->part_count; i++) {
        struct fhir_in_part *part = ingest_grow((void **)&type->parts, &type->part_count,
                                                &type->part_capacity, sizeof *type->parts);
        if (part == NULL)
            return ingest_memory(err);
        *part = unplaced->parts[i];
    }
    return ERR_OK;
}

static enum err_code no_resource(const struct fhir_in_gathering *gathering, struct err *err)
{
    if (gathering->unplaced.rejects == 0)
        return ERR_OK;
    (void)err_set(
        err, ERR_INPUT,
        "no FHIR resource found: none of %lld documents has a resourceType that could be read",
        (long long)gathering->unplaced.rejects);
    return err_hint(err, "each line, or each entry of a Bundle, is to be a resource: "
                         "{\"resourceType\":\"Patient\",\"id\":…}");
}

/* What was passed over of types that have no resource here goes with the first type's. */
static void note_untold(struct ingest_set *set)
{
    struct fhir_in_gathering *gathering = set->fhir;
    struct ingest_slot *first = NULL;
    for (size_t i = set->slot_count; i > 0; i--)
        first = set->slots[i - 1].source.push == fhir_in_push ? &set->slots[i - 1] : first;
    for (size_t i = 0; first != NULL && i < gathering->passed_count; i++)
        if (!gathering->passed[i].told)
            note_passed(&gathering->passed[i], &first->source.notes);
}

enum err_code fhir_in_add_sources(struct ingest_set *set, struct err *err)
{
    struct fhir_in_gathering *gathering = set->fhir;
    if (gathering == NULL)
        return ERR_OK;
    if (gathering->unplaced.staged.fd >= 0)
        TRY(stage_finish(&gathering->unplaced.staged, err));
    for (size_t i = 0; i < gathering->type_count; i++)
        if (gathering->types[i]->staged.fd >= 0)
            TRY(stage_finish(&gathering->types[i]->staged, err));
    if (gathering->type_count == 0)
        return no_resource(gathering, err);
    TRY(place_unplaced(gathering, err));
    bool first = true;
    for (size_t i = 0; i < gathering->type_count; i++) {
        struct fhir_in_type *type = gathering->types[i];
        if (is_gone(type) && !set->options.deletions)
            continue;
        TRY(add_source(set, type, first, err));
        first = false;
    }
    note_untold(set);
    return ERR_OK;
}
