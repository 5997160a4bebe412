/* Staged rows: what was unwrapped from Bundles and from files of several types, one staged file a
 * type, each row with what was read of it, so that no resource is parsed twice. A row is a header
 * and its texts, in this machine's own layout: the file never outlives the import. */
#include <string.h>

#include "ingest/fhir_priv.h"

struct header {
    int64_t updated_us, line;
    uint64_t text;
    uint32_t id, version, patient, reason;
    uint8_t kind, dated, versioned, has_patient;
    uint8_t unused[4];
};

static enum err_code add_part(struct ingest_set *set, struct fhir_in_type *type, int64_t from,
                              struct err *err)
{
    struct fhir_in_part *last = type->part_count == 0 ? NULL : &type->parts[type->part_count - 1];
    if (last == NULL || last->origin != NULL) {
        last = ingest_grow((void **)&type->parts, &type->part_count, &type->part_capacity,
                           sizeof *type->parts);
        if (last == NULL)
            return ingest_memory(err);
        *last = (struct fhir_in_part){.path = type->staged.path, .from = from};
    }
    last->to = type->staged.bytes;
    (void)set;
    return ERR_OK;
}

static enum err_code put(struct fhir_in_type *type, struct str text, struct err *err)
{
    return text.len == 0 ? ERR_OK : stage_write(&type->staged, text.ptr, text.len, err);
}

enum err_code fhir_in_stage_row(struct ingest_set *set, struct fhir_in_type *type,
                                const struct fhir_in_row *row, struct err *err)
{
    if (type->staged.path == NULL)
        TRY(stage_open(set, "-fhir", &type->staged, err));
    int64_t from = type->staged.bytes;
    struct header header = {.updated_us = row->updated_us,
                            .line = row->line,
                            .text = row->text.len,
                            .id = (uint32_t)row->id.len,
                            .version = (uint32_t)row->version.len,
                            .patient = (uint32_t)row->patient.len,
                            .reason = (uint32_t)row->reason.len,
                            .kind = (uint8_t)row->kind,
                            .dated = row->dated,
                            .versioned = row->version.ptr != NULL,
                            .has_patient = row->patient.ptr != NULL};
    TRY(stage_write(&type->staged, (const char *)&header, sizeof header, err));
    TRY(put(type, row->id, err));
    TRY(put(type, row->version, err));
    TRY(put(type, row->patient, err));
    TRY(put(type, row->reason, err));
    TRY(put(type, row->text, err));
    type->rows += row->kind == FHIR_ROW_RESOURCE;
    type->rejects += row->kind == FHIR_ROW_REJECT;
    return add_part(set, type, from, err);
}

static struct str take(const char **at, size_t length, bool there)
{
    struct str ret = {there ? *at : NULL, length};
    *at += length;
    return ret;
}

bool fhir_in_staged_row(const char **at, const char *end, struct fhir_in_row *ret)
{
    struct header header;
    if ((size_t)(end - *at) < sizeof header)
        return false;
    memcpy(&header, *at, sizeof header);
    *at += sizeof header;
    size_t left = (size_t)(end - *at);
    size_t beside = (size_t)header.id + header.version + header.patient + header.reason;
    if (beside > left || header.text > left - beside || header.kind > FHIR_ROW_REJECT)
        return false;
    *ret = (struct fhir_in_row){.kind = (enum fhir_in_row_kind)header.kind,
                                .dated = header.dated != 0,
                                .updated_us = header.updated_us,
                                .line = header.line};
    ret->id = take(at, header.id, true);
    ret->version = take(at, header.version, header.versioned != 0);
    ret->patient = take(at, header.patient, header.has_patient != 0);
    ret->reason = take(at, header.reason, true);
    ret->text = take(at, header.text, header.kind != FHIR_ROW_GONE);
    return true;
}
