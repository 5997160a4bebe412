/* Rows of one type of resource: {id, last_updated, patient_id, version_id, content_hash, resource}.
 *
 * The one idea: texts are handed on where they lie in the mapped file; only the few bytes beside
 * them are copied. A line that can't be used is set aside with its place. A resource that has been
 * deleted is a row without a resource: whoever stores the rows leaves out what it is newer than. */
#include <stdio.h>
#include <string.h>

#include "ingest/fhir_priv.h"

#define CHECK_LINES 1024
#define BATCH_TEXT_BYTES (8u << 20)

enum err_code fhir_in_schema(struct data_schema *ret, struct err *err)
{
    TRY(data_schema_add(ret, STR("id"), DATA_TYPE(TEXT), err));
    TRY(data_schema_add(ret, STR("last_updated"), DATA_TYPE(TIMESTAMPTZ), err));
    TRY(data_schema_add(ret, STR("patient_id"), DATA_TYPE(TEXT), err));
    TRY(data_schema_add(ret, STR("version_id"), DATA_TYPE(TEXT), err));
    TRY(data_schema_add(ret, STR("content_hash"), DATA_TYPE(BIGINT), err));
    return data_schema_add(ret, STR("resource"), DATA_TYPE(JSON), err);
}

struct pusher {
    const struct fhir_in_reading *reading;
    const struct data_sink *sink;
    const struct progress *progress;
    struct fhir_in_reader *reader;
    struct data_schema schema;
    struct arena *arena; /* of the batch being filled */
    struct data_batch *batch;
    size_t text_bytes;
    int64_t done, total; /* bytes */
    int64_t seen, bad_dates;
};

static enum err_code flush(struct pusher *work, struct err *err)
{
    if (work->batch != NULL && work->batch->rows > 0)
        TRY(work->sink->batch(work->sink->user, work->batch, err));
    arena_reset(work->arena);
    work->text_bytes = 0;
    work->batch = data_batch_new(work->arena, &work->schema, DATA_BATCH_ROWS);
    if (work->batch == NULL)
        return ingest_memory(err);
    work->batch->rows = 0;
    return ERR_OK;
}

static void put_text(struct pusher *work, size_t column, struct str text, bool copied)
{
    struct data_vector *vector = &work->batch->vectors[column];
    int64_t row = work->batch->rows;
    data_vector_set_valid(vector, row, text.ptr != NULL);
    if (text.ptr == NULL)
        return;
    if (copied)
        text.ptr = arena_strndup(work->arena, text.ptr, text.len);
    vector->text[row] = text;
}

static enum err_code add_row(struct pusher *work, const struct fhir_in_row *row, bool lasting,
                             struct err *err)
{
    if (work->batch->rows == DATA_BATCH_ROWS || work->text_bytes > BATCH_TEXT_BYTES)
        TRY(flush(work, err));
    put_text(work, FHIR_COLUMN_ID, row->id, !lasting);
    put_text(work, FHIR_COLUMN_PATIENT, row->patient, !lasting);
    put_text(work, FHIR_COLUMN_VERSION, row->version, !lasting);
    put_text(work, FHIR_COLUMN_RESOURCE, row->text, false);
    struct data_vector *updated = &work->batch->vectors[FHIR_COLUMN_UPDATED];
    data_vector_set_valid(updated, work->batch->rows, row->dated);
    updated->i64[work->batch->rows] = row->updated_us;
    struct data_vector *hash = &work->batch->vectors[FHIR_COLUMN_HASH];
    data_vector_set_valid(hash, work->batch->rows, row->text.ptr != NULL);
    hash->i64[work->batch->rows] =
        row->text.ptr == NULL ? 0 : (int64_t)hash_xxh3_64(row->text.ptr, row->text.len, 0);
    work->text_bytes += row->text.len;
    work->batch->rows++;
    return arena_failed(work->arena) ? ingest_memory(err) : ERR_OK;
}

static enum err_code pause_to_look(struct pusher *work, struct file_mapping *mapping, const char *at,
                                   const char *start, struct err *err)
{
    if (++work->seen % CHECK_LINES != 0)
        return ERR_OK;
    progress_report(work->progress, &(struct progress_event){.phase = "read",
                                                             .subject = work->reading->type,
                                                             .done = work->done + (at - start),
                                                             .total = work->total,
                                                             .unit = "bytes"});
    /* what the batch points at must stay: it can be read again, which is all that letting go asks
     */
    file_let_go(mapping, at);
    return progress_check(work->progress, err);
}

/* ---- a file read in place -----------------------------------------------------------------------
 */

static enum err_code reject(struct pusher *work, const struct fhir_in_part *part, int64_t line,
                            const char *reason, struct str raw, struct err *err)
{
    AUTO(buf_done) struct buf whole = BUF_INIT;
    buf_puts(&whole, reason);
    if (work->reading->part_count > 1)
        buf_printf(&whole, ", in %s", part->base_name);
    TRY(buf_check(&whole, err));
    return work->sink->reject(work->sink->user, line, NULL, buf_text(&whole), raw, err);
}

static enum err_code take_line(struct pusher *work, const struct fhir_in_part *part, int64_t line,
                               struct str text, bool padded, struct err *err)
{
    struct fhir_in_facts facts;
    if ((int64_t)text.len > INGEST_LIMIT_CELL_BYTES)
        return reject(work, part, line, "a resource longer than 64 MiB", text, err);
    TRY(fhir_in_read(work->reader, text, padded, &facts, err));
    if (facts.reason == NULL && !str_equal(facts.type, str_of(work->reading->type)))
        facts.reason = "more than one resourceType";
    if (facts.reason != NULL)
        return reject(work, part, line, facts.reason, text, err);
    work->bad_dates += facts.bad_date;
    struct fhir_in_row row = {.dated = facts.dated,
                              .updated_us = facts.updated_us,
                              .id = facts.id,
                              .version = facts.version,
                              .patient = facts.patient,
                              .text = text};
    return add_row(work, &row, false, err);
}

static enum err_code push_lines(struct pusher *work, const struct fhir_in_part *part,
                                struct file_mapping *mapping, struct err *err)
{
    const char *start = mapping->ptr, *end = mapping->ptr + mapping->length, *at = start;
    if (str_has_prefix((struct str){at, mapping->length}, "\xef\xbb\xbf"))
        at += 3;
    for (int64_t line = 1; at < end; line++) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        struct str text = str_trim((struct str){at, (size_t)((feed == NULL ? end : feed) - at)});
        at = feed == NULL ? end : feed + 1;
        bool padded = (size_t)(end - (text.ptr + text.len)) >= JSON_BULK_PADDING;
        if (text.len > 0)
            TRY(take_line(work, part, line, text, padded, err));
        TRY(pause_to_look(work, mapping, at, start, err));
    }
    return flush(work, err); /* the mapping ends */
}

/* ---- a staged file ------------------------------------------------------------------------------
 */

static enum err_code push_staged(struct pusher *work, const struct fhir_in_part *part,
                                 struct file_mapping *mapping, struct err *err)
{
    const char *at = mapping->ptr + part->from, *start = at, *end = mapping->ptr + part->to;
    struct fhir_in_row row;
    if ((int64_t)mapping->length < part->to)
        return err_set(err, ERR_IO, "a staged file is shorter than it was written");
    while (at < end) {
        if (!fhir_in_staged_row(&at, end, &row))
            return err_set(err, ERR_IO, "a staged file is not what was written to it");
        if (row.kind == FHIR_ROW_REJECT) {
            AUTO(buf_done) struct buf reason = BUF_INIT;
            buf_add_str(&reason, row.reason);
            TRY(buf_check(&reason, err));
            TRY(work->sink->reject(work->sink->user, row.line, NULL, buf_text(&reason), row.text,
                                   err));
        } else {
            TRY(add_row(work, &row, true, err));
        }
        TRY(pause_to_look(work, mapping, at, start, err));
    }
    return flush(work, err);
}

/* ---- the whole ----------------------------------------------------------------------------------
 */

static enum err_code push_part(struct pusher *work, const struct fhir_in_part *part,
                               struct err *err)
{
    struct file_mapping mapping = {0};
    TRY(file_map(part->path, part->origin != NULL ? &part->info : NULL, &mapping, err));
    enum err_code code = ERR_OK;
    if (mapping.ptr != NULL)
        code = part->origin != NULL ? push_lines(work, part, &mapping, err)
                                    : push_staged(work, part, &mapping, err);
    work->done += part->origin != NULL ? (int64_t)mapping.length : part->to - part->from;
    code = file_unmap(&mapping, code, err);
    if (code != ERR_OK && err != NULL && err->source[0] == '\0' && part->origin != NULL)
        (void)err_at(err, part->origin, err->line, err->column);
    return code;
}

static enum err_code push_parts(struct pusher *work, struct err *err)
{
    TRY(fhir_in_schema(&work->schema, err));
    TRY(work->sink->schema(work->sink->user, &work->schema, err));
    TRY(flush(work, err));
    for (size_t i = 0; i < work->reading->part_count; i++) {
        const struct fhir_in_part *part = &work->reading->parts[i];
        work->total += part->origin != NULL ? part->info.bytes : part->to - part->from;
    }
    work->bad_dates = work->reading->bad_dates;
    for (size_t i = 0; i < work->reading->part_count; i++)
        TRY(push_part(work, &work->reading->parts[i], err));
    if (work->bad_dates > 0) {
        json_t *notes = work->reading->notes;
        ingest_note(&notes, "bad_last_updated",
                    "%lld values of meta.lastUpdated are no instants; last_updated is null there",
                    (long long)work->bad_dates);
    }
    return ERR_OK;
}

enum err_code fhir_in_push(void *user, const struct data_sink *sink,
                           const struct progress *progress, struct err *err)
{
    AUTO(fhir_in_reader_free) struct fhir_in_reader *reader = NULL;
    AUTO(arena_free) struct arena *arena = arena_new(0);
    if (arena == NULL)
        return ingest_memory(err);
    TRY(fhir_in_reader_new(&reader, err));
    struct pusher work = {
        .reading = user, .sink = sink, .progress = progress, .reader = reader, .arena = arena};
    enum err_code code = push_parts(&work, err);
    data_schema_done(&work.schema);
    return code;
}

void fhir_in_reading_free(void *user)
{
    struct fhir_in_reading *reading = user;
    if (reading == NULL)
        return;
    json_decref(reading->notes);
    mem_free(reading);
}
