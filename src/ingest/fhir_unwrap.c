/* Unwrapping: resources out of Bundles, arrays and files of several types, into each type's staged
 * file.
 *
 *     Bundle ── entry ── resource ───────────────────────▶ a row
 *                    ├── request.method DELETE, url ─────▶ a row that says: gone
 *                    └── a response, a patch … ──────────▶ nothing
 *
 * The one idea: a Bundle is walked where it lies (json_read_object gives views), so one of any size
 * needs no memory of its own. A history lists the newest first: its entries are taken from the end.
 */
#include <stdio.h>
#include <string.h>

#include "ingest/fhir_priv.h"

#define CHECK_RESOURCES 1024

struct unwrapping {
    struct ingest_set *set;
    struct fhir_in_gathering *gathering;
    const struct ingest_file *file;
    struct file_mapping *mapping;
    struct str text;
    const char *counted; /* lines are counted up to here */
    int64_t line;        /* of counted */
    const char *highest; /* read up to here */
    bool lines;
    int64_t seen;
};
struct bundle { /* members of a Bundle that matter; views */
    struct str type, entries, link;
};
struct entry {
    struct str full_url, resource, method, url, modified;
    bool outcome; /* a searchset's message */
};

/* Entries of a history are met from the end: the count then begins anew. */
static int64_t line_of(struct unwrapping *work, const char *at)
{
    if (at < work->counted) {
        work->counted = work->text.ptr;
        work->line = 1;
    }
    for (const char *feed;
         (feed = memchr(work->counted, '\n', (size_t)(at - work->counted))) != NULL; work->line++)
        work->counted = feed + 1;
    return work->line;
}

static enum err_code malformed(struct unwrapping *work, const char *at, const char *fault,
                               struct err *err)
{
    int64_t line = line_of(work, at);
    (void)err_set(err, ERR_INPUT, "%s: %s", work->file->base_name, fault);
    (void)err_hint(err, "write it again; as ndjson, one resource a line, a bad line is set aside "
                        "and the others are read");
    return err_at(err, work->file->origin, line, at - work->counted + 1);
}

static enum err_code pause_to_look(struct unwrapping *work, const char *at, struct err *err)
{
    if (++work->seen % CHECK_RESOURCES != 0)
        return ERR_OK;
    file_let_go(work->mapping, at);
    const struct progress *progress = work->set->options.progress;
    progress_report(progress, &(struct progress_event){.phase = "recognise",
                                                       .subject = work->file->base_name,
                                                       .done = at - work->text.ptr,
                                                       .total = (int64_t)work->text.len,
                                                       .unit = "bytes"});
    return progress_check(progress, err);
}

static void skip_blanks(const char **at, const char *end)
{
    while (*at < end && (**at == ' ' || **at == '\n' || **at == '\r' || **at == '\t'))
        (*at)++;
}

/* What stands between a text's quotes; anything else: empty. Escapes stay: no name, code or id
 * that is looked for here has any, and a URL with one matches nothing. */
static struct str plain(struct str raw)
{
    return raw.len >= 2 && raw.ptr[0] == '"' ? (struct str){raw.ptr + 1, raw.len - 2}
                                             : (struct str){0};
}

static struct str member(const struct json_view *view, const char *name)
{
    for (size_t i = 0; i < view->count; i++)
        if (str_equal(view->members[i].name, str_of(name)))
            return view->members[i].value;
    return (struct str){0};
}

/* A member of an object that is itself a member. */
static struct str inner(struct str object, const char *name, bool *ok)
{
    struct json_view view = {0};
    struct str ret = {0};
    if (object.len > 1 && object.ptr[0] == '{') {
        if (json_read_object(object.ptr, object.ptr + object.len, &view))
            ret = plain(member(&view, name));
        *ok = *ok && !view.failed;
    }
    json_view_done(&view);
    return ret;
}

/* ---- rows ---------------------------------------------------------------------------------------
 */

static enum err_code reject(struct unwrapping *work, struct str type_name, struct str text,
                            const char *reason, struct err *err)
{
    AUTO(buf_done) struct buf whole = BUF_INIT;
    struct fhir_in_type *type = &work->gathering->unplaced;
    if (fhir_in_type_name_fits(type_name) && !str_equal(type_name, STR("Bundle")))
        type = fhir_in_type_of(work->set, type_name);
    if (type == NULL)
        return ingest_memory(err);
    buf_printf(&whole, "%s, in %s", reason, work->file->base_name);
    TRY(buf_check(&whole, err));
    text.len = text.len > (1u << 20) ? 1u << 20 : text.len;
    struct fhir_in_row row = {.kind = FHIR_ROW_REJECT,
                              .line = line_of(work, text.ptr),
                              .text = text,
                              .reason = buf_view(&whole)};
    return fhir_in_stage_row(work->set, type, &row, err);
}

static bool is_padded(const struct unwrapping *work, struct str text)
{
    return (size_t)(work->text.ptr + work->text.len - (text.ptr + text.len)) >= JSON_BULK_PADDING;
}

static struct str id_of_url(struct str full_url)
{
    struct str type, id;
    if (str_has_prefix(full_url, "urn:uuid:"))
        return (struct str){full_url.ptr + 9, full_url.len - 9};
    return ingest_reference_parts(full_url, &type, &id) ? id : (struct str){0};
}

/* A resource that has no id gets that of its fullUrl, as its first member: views, references and
 * whoever takes the resource out again find it there, as a server would have written it. */
static enum err_code give_id(struct buf *ret, struct str text, struct str id, struct err *err)
{
    buf_puts(ret, "{\"id\":\"");
    buf_add_str(ret, id);
    buf_puts(ret, "\",");
    buf_add_str(ret, (struct str){text.ptr + 1, text.len - 1});
    return buf_check(ret, err);
}

/* facts->reason is cleared where the fullUrl says the id. */
static bool borrow_id(struct fhir_in_facts *facts, struct str full_url)
{
    struct str id = id_of_url(full_url);
    bool borrowed = facts->reason != NULL && strcmp(facts->reason, "no id") == 0 &&
                    facts->id.ptr == NULL && id.len > 0;
    if (!borrowed)
        return false;
    facts->id = id;
    facts->reason = NULL;
    if (str_equal(facts->type, STR("Patient")))
        facts->patient = id;
    return true;
}

static enum err_code add_resource(struct unwrapping *work, struct str text, struct str full_url,
                                  struct err *err)
{
    struct fhir_in_facts facts;
    AUTO(buf_done) struct buf given = BUF_INIT, resolved = BUF_INIT;
    int64_t references = 0;
    if ((int64_t)text.len > INGEST_LIMIT_CELL_BYTES)
        return reject(work, (struct str){0}, text, "a resource longer than 64 MiB", err);
    TRY(fhir_in_read(work->gathering->reader, text, is_padded(work, text), &facts, err));
    bool borrowed = borrow_id(&facts, full_url);
    if (facts.reason != NULL)
        return reject(work, facts.type, text, facts.reason, err);
    struct fhir_in_type *type = fhir_in_type_of(work->set, facts.type);
    if (type == NULL)
        return err_set(err, ERR_LIMIT, "more than %d types of resources", FHIR_LIMIT_TYPES);
    TRY(fhir_in_type_count_file(work->set, type, (int64_t)text.len, err));
    type->borrowed_ids += borrowed;
    type->bad_dates += facts.bad_date;
    TRY(fhir_in_resolve(work->gathering->reader, text, &resolved, &references, err));
    type->resolved += references;
    text = references > 0 ? buf_view(&resolved) : text;
    if (borrowed)
        TRY(give_id(&given, text, facts.id, err));
    struct fhir_in_row row = {.kind = FHIR_ROW_RESOURCE,
                              .dated = facts.dated,
                              .updated_us = facts.updated_us,
                              .line = 0,
                              .id = facts.id,
                              .version = facts.version,
                              .patient = facts.patient,
                              .text = borrowed ? buf_view(&given) : text};
    return fhir_in_stage_row(work->set, type, &row, err);
}

enum passed_kind { PASSED_DELETION, PASSED_PATCH, PASSED_MESSAGE };

/* Counted by the type that the URL is of: "Patient?identifier=7", "Patient/1". */
static enum err_code pass_over(struct unwrapping *work, enum passed_kind kind, struct str url,
                               struct err *err)
{
    struct fhir_in_gathering *gathering = work->gathering;
    struct str type = {url.ptr, 0};
    while (type.len < url.len && url.ptr[type.len] != '?' && url.ptr[type.len] != '/')
        type.len++;
    type = fhir_in_type_name_fits(type) ? type : (struct str){0};
    for (size_t i = 0; i < gathering->passed_count; i++)
        if (str_equal(str_of(gathering->passed[i].type), type)) {
            gathering->passed[i].counts[kind]++;
            return ERR_OK;
        }
    struct fhir_in_passed *passed = ingest_grow((void **)&gathering->passed, &gathering->passed_count,
                                                &gathering->passed_capacity, sizeof *passed);
    if (passed == NULL)
        return ingest_memory(err);
    *passed = (struct fhir_in_passed){.type = ""};
    passed->counts[kind] = 1;
    if (type.len > 0)
        memcpy(passed->type, type.ptr, type.len);
    return ERR_OK;
}

/* "Patient/7" has been deleted. */
static enum err_code add_gone(struct unwrapping *work, const struct entry *entry, struct err *err)
{
    struct str type_name, id;
    if (!ingest_reference_parts(entry->url, &type_name, &id))
        return pass_over(work, PASSED_DELETION, entry->url, err);
    struct fhir_in_type *type = fhir_in_type_of(work->set, type_name);
    if (type == NULL)
        return err_set(err, ERR_LIMIT, "more than %d types of resources", FHIR_LIMIT_TYPES);
    struct fhir_in_row row = {.kind = FHIR_ROW_GONE, .id = id};
    row.dated = fhir_in_instant(entry->modified, &row.updated_us);
    return fhir_in_stage_row(work->set, type, &row, err);
}

/* ---- Bundles ------------------------------------------------------------------------------------
 */

static enum err_code unwrap_document(struct unwrapping *work, struct str text, struct str full_url,
                                     int depth, struct err *err);

/* The object at at, as views; *ret_end after it. */
static enum err_code read_entry(struct unwrapping *work, const char *at, const char *end,
                                struct entry *ret, const char **ret_end, struct err *err)
{
    struct json_view view = {0};
    bool ok = true;
    *ret = (struct entry){0};
    bool good = at < end && *at == '{' && json_read_object(at, end, &view);
    if (good) {
        ret->full_url = plain(member(&view, "fullUrl"));
        ret->resource = member(&view, "resource");
        struct str request = member(&view, "request");
        ret->method = inner(request, "method", &ok);
        ret->url = inner(request, "url", &ok);
        ret->modified = inner(member(&view, "response"), "lastModified", &ok);
        ret->outcome = str_equal(inner(member(&view, "search"), "mode", &ok), STR("outcome"));
    }
    ok = ok && !view.failed;
    const char *fault = at < end && *at != '{' ? "an entry that is no object" : view.fault;
    *ret_end = view.end;
    json_view_done(&view);
    if (!ok)
        return ingest_memory(err);
    return good ? ERR_OK : malformed(work, *ret_end == NULL ? at : *ret_end, fault, err);
}

static enum err_code take_entry(struct unwrapping *work, const struct entry *entry, int depth,
                                struct err *err)
{
    bool resource = entry->resource.len > 1 && entry->resource.ptr[0] == '{';
    if (str_equal(entry->method, STR("DELETE")))
        return add_gone(work, entry, err);
    if (str_equal(entry->method, STR("PATCH")))
        return pass_over(work, PASSED_PATCH, entry->url, err);
    if (entry->outcome)
        return pass_over(work, PASSED_MESSAGE, (struct str){0}, err);
    if (!resource)
        return ERR_OK;
    return unwrap_document(work, entry->resource, entry->full_url, depth + 1, err);
}

/* What stands in the Bundle, so that references by urn:uuid lead to it. */
static enum err_code note_entry(struct unwrapping *work, const struct entry *entry,
                                  struct err *err)
{
    struct json_view view = {0};
    enum err_code code = ERR_OK;
    if (!str_has_prefix(entry->full_url, "urn:") || entry->resource.len < 2 ||
        entry->resource.ptr[0] != '{')
        return ERR_OK;
    const char *end = entry->resource.ptr + entry->resource.len;
    if (json_read_object(entry->resource.ptr, end, &view)) {
        struct str own = id_of_url(entry->full_url), id = plain(member(&view, "id"));
        bool renamed = id.len > 0 && !str_equal(id, own);
        code = fhir_in_reader_entry(work->gathering->reader, entry->full_url,
                                    plain(member(&view, "resourceType")), id.len > 0 ? id : own,
                                    renamed, err);
    }
    if (view.failed)
        code = ingest_memory(err);
    json_view_done(&view);
    return code;
}

struct positions { /* where entries begin */
    const char **at;
    size_t count, capacity;
};

static enum err_code find_entries(struct unwrapping *work, struct str entries, bool noted,
                                  struct positions *ret, struct err *err)
{
    const char *at = entries.ptr + 1, *end = entries.ptr + entries.len;
    for (skip_blanks(&at, end); at < end && *at != ']'; skip_blanks(&at, end)) {
        struct entry entry;
        const char *start = at;
        TRY(read_entry(work, at, end, &entry, &at, err));
        const char **slot =
            ingest_grow((void **)&ret->at, &ret->count, &ret->capacity, sizeof *ret->at);
        if (slot == NULL)
            return ingest_memory(err);
        *slot = start;
        if (noted)
            TRY(note_entry(work, &entry, err));
        skip_blanks(&at, end);
        at += at < end && *at == ',';
    }
    return ERR_OK;
}

static enum err_code take_entries(struct unwrapping *work, const struct bundle *bundle,
                                  const struct positions *found, int depth, struct err *err)
{
    bool backwards = str_equal(bundle->type, STR("history"));
    const char *end = bundle->entries.ptr + bundle->entries.len;
    for (size_t i = 0; i < found->count; i++) {
        struct entry entry;
        const char *ignored, *at = found->at[backwards ? found->count - 1 - i : i];
        TRY(read_entry(work, at, end, &entry, &ignored, err));
        TRY(pause_to_look(work, at, err));
        TRY(take_entry(work, &entry, depth, err));
    }
    return ERR_OK;
}

static bool holds(struct str text, const char *what)
{
    size_t length = strlen(what);
    const char *at = text.ptr, *end = text.ptr + text.len;
    while ((size_t)(end - at) >= length &&
           (at = memchr(at, what[0], (size_t)(end - at) - length + 1)) != NULL) {
        if (memcmp(at, what, length) == 0)
            return true;
        at++;
    }
    return false;
}

static enum err_code unwrap_bundle(struct unwrapping *work, const struct bundle *bundle, int depth,
                                   struct err *err)
{
    struct positions found = {0};
    if (bundle->link.len > 0 && holds(bundle->link, "\"next\""))
        work->gathering->pages++;
    if (bundle->entries.len < 2 || bundle->entries.ptr[0] != '[')
        return ERR_OK;
    if (depth > FHIR_LIMIT_BUNDLES)
        return malformed(work, bundle->entries.ptr, "Bundles nested more than 8 deep", err);
    bool noted = depth == 0 && holds(bundle->entries, "\"urn:");
    enum err_code code = find_entries(work, bundle->entries, noted, &found, err);
    if (code == ERR_OK)
        code = take_entries(work, bundle, &found, depth, err);
    if (depth == 0)
        fhir_in_reader_forget(work->gathering->reader);
    mem_free(found.at);
    return code;
}

/* A whole document: a Bundle, or a resource. */
static enum err_code unwrap_document(struct unwrapping *work, struct str text, struct str full_url,
                                     int depth, struct err *err)
{
    struct json_view view = {0};
    struct str type = {0};
    TRY(fhir_in_read_type(work->gathering->reader, text, is_padded(work, text), &type, err));
    if (!str_equal(type, STR("Bundle")))
        return add_resource(work, text, full_url, err);
    bool good = json_read_object(text.ptr, text.ptr + text.len, &view);
    struct bundle bundle = {plain(member(&view, "type")), member(&view, "entry"),
                            member(&view, "link")};
    const char *fault = view.fault;
    bool failed = view.failed;
    json_view_done(&view);
    if (failed)
        return ingest_memory(err);
    if (good)
        return unwrap_bundle(work, &bundle, depth, err);
    return work->lines ? reject(work, type, text, fault, err)
                       : malformed(work, text.ptr, fault, err);
}

/* ---- files --------------------------------------------------------------------------------------
 */

static enum err_code unwrap_lines(struct unwrapping *work, struct err *err)
{
    const char *end = work->text.ptr + work->text.len;
    for (const char *at = work->text.ptr; at < end;) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        struct str line = str_trim((struct str){at, (size_t)((feed == NULL ? end : feed) - at)});
        at = feed == NULL ? end : feed + 1;
        if (line.len == 0)
            continue;
        TRY(pause_to_look(work, line.ptr, err));
        TRY(unwrap_document(work, line, (struct str){0}, 0, err));
    }
    return ERR_OK;
}

/* The object at *at, which moves past it. */
static enum err_code next_document(struct unwrapping *work, const char **at, struct err *err)
{
    struct json_view view = {0};
    const char *start = *at, *end = work->text.ptr + work->text.len;
    bool good = *start == '{' && json_read_object(start, end, &view);
    const char *fault = *start == '{' ? view.fault : "a resource was expected";
    const char *stop = *start == '{' && view.end != NULL ? view.end : start;
    bool failed = view.failed;
    json_view_done(&view);
    if (failed)
        return ingest_memory(err);
    if (!good)
        return malformed(work, stop, fault, err);
    *at = stop;
    TRY(pause_to_look(work, start, err));
    return unwrap_document(work, (struct str){start, (size_t)(stop - start)}, (struct str){0}, 0,
                           err);
}

static enum err_code unwrap_array(struct unwrapping *work, const char **at, struct err *err)
{
    const char *end = work->text.ptr + work->text.len;
    ++*at;
    skip_blanks(at, end);
    while (*at < end && **at != ']') {
        TRY(next_document(work, at, err));
        skip_blanks(at, end);
        if (*at < end && **at == ',')
            ++*at;
        else if (*at < end && **at != ']')
            return malformed(work, *at, "a comma or ] was expected", err);
        skip_blanks(at, end);
    }
    if (*at >= end)
        return malformed(work, end, "the text ends inside the array", err);
    ++*at;
    return ERR_OK;
}

static enum err_code unwrap_documents(struct unwrapping *work, struct err *err)
{
    const char *at = work->text.ptr, *end = work->text.ptr + work->text.len;
    for (skip_blanks(&at, end); at < end; skip_blanks(&at, end)) {
        if (*at == '[')
            TRY(unwrap_array(work, &at, err));
        else
            TRY(next_document(work, &at, err));
    }
    return ERR_OK;
}

enum err_code fhir_in_unwrap(struct ingest_set *set, const struct ingest_file *file,
                             struct file_mapping *mapping, bool lines, struct err *err)
{
    struct unwrapping work = {.set = set,
                              .gathering = set->fhir,
                              .file = file,
                              .mapping = mapping,
                              .text = {mapping->ptr, mapping->length},
                              .line = 1,
                              .lines = lines};
    if (str_has_prefix(work.text, "\xef\xbb\xbf"))
        work.text = (struct str){work.text.ptr + 3, work.text.len - 3};
    work.counted = work.text.ptr;
    return lines ? unwrap_lines(&work, err) : unwrap_documents(&work, err);
}
