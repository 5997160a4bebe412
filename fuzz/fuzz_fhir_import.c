/* layer: ingest — FHIR in: any bytes as a file of resources, recognised, unwrapped and pushed.
 * Every row has an id and a resource that is well-formed JSON, or is a deletion; everything that
 * was set aside has a reason. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ingest/fhir_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

struct seen {
    struct json_bulk *bulk;
    bool schema;
    int64_t rows, rejects;
};

static enum err_code take_schema(void *user, const struct data_schema *schema, struct err *err)
{
    struct seen *seen = user;
    (void)err;
    if (seen->schema || schema->count != FHIR_COLUMN_RESOURCE + 1)
        abort();
    seen->schema = true;
    return ERR_OK;
}

static enum err_code take_batch(void *user, const struct data_batch *batch, struct err *err)
{
    struct seen *seen = user;
    const struct data_vector *id = &batch->vectors[FHIR_COLUMN_ID],
                             *text = &batch->vectors[FHIR_COLUMN_RESOURCE];
    for (int64_t row = 0; row < batch->rows; row++) {
        if (!data_vector_is_valid(id, row) || id->text[row].len == 0)
            abort();
        if (data_vector_is_valid(text, row) &&
            json_bulk_check(seen->bulk, text->text[row], false, err) != ERR_OK)
            abort();
    }
    seen->rows += batch->rows;
    return ERR_OK;
}

static enum err_code take_reject(void *user, int64_t line, const char *column, const char *reason,
                                 struct str raw, struct err *err)
{
    struct seen *seen = user;
    (void)column;
    (void)raw;
    (void)err;
    if (line < 1 || reason[0] == '\0')
        abort();
    seen->rejects++;
    return ERR_OK;
}

static void push(const struct data_source *source)
{
    struct err err = {0};
    struct seen seen = {0};
    struct data_sink sink = {take_schema, take_batch, take_reject, &seen};
    if (json_bulk_new(&seen.bulk, &err) != ERR_OK)
        abort();
    if (source->newest != NULL && source->push(source->user, &sink, NULL, &err) != ERR_OK)
        abort();
    if (source->newest != NULL && !seen.schema)
        abort();
    json_bulk_free(seen.bulk);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    char directory[] = "/tmp/marrow-fuzz-fhir-XXXXXX", path[64], staging[64];
    struct err err = {0};
    if (count == 0 || mkdtemp(directory) == NULL)
        return 0;
    (void)snprintf(path, sizeof path, "%s/x.ndjson", directory);
    (void)snprintf(staging, sizeof staging, "%s/s", directory);
    if (file_write_new(path, (struct str){(const char *)bytes, count}, &err) != ERR_OK ||
        file_make_directory(staging, &err) != ERR_OK)
        abort();
    const char *const paths[] = {path};
    struct ingest_options options = {.staging_directory = staging, .header = -1};
    struct ingest_set *set = NULL;
    if (ingest_open(paths, 1, &options, &set, &err) == ERR_OK) {
        for (size_t i = 0; i < ingest_source_count(set); i++)
            push(ingest_source(set, i));
        ingest_close(set);
    } else if (err.message[0] == '\0') {
        abort();
    }
    if (file_remove_tree(directory, &err) != ERR_OK)
        abort();
    return 0;
}
