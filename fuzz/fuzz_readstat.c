/* layer: ingest
 * A statistics file from memory. The first byte chooses: 0 sav, 1 por, 2 dta, 3 sas7bdat, 4
 * transport, 5 SAS catalog. */
#include "ingest/readstat_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);
const char *__lsan_default_suppressions(void);

/* ReadStat 1.1.8 forgets some blocks of files that it refuses; ours are still looked for. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libreadstat\n";
}

static enum err_code take_schema(void *user, const struct data_schema *schema, struct err *err)
{
    (void)user;
    (void)err;
    if (schema->count == 0)
        __builtin_trap();
    return ERR_OK;
}

static enum err_code take_batch(void *user, const struct data_batch *batch, struct err *err)
{
    struct buf *text = user;
    (void)err;
    for (int64_t row = 0; row < batch->rows; row++)
        for (size_t column = 0; column < batch->columns; column++) {
            buf_clear(text);
            (void)data_value_text(&batch->vectors[column], row, text);
            if (str_utf8_valid_prefix(buf_view(text)) != text->len)
                __builtin_trap(); /* every text is UTF-8 */
        }
    return ERR_OK;
}

static enum err_code take_reject(void *user, int64_t line, const char *column, const char *reason,
                                 struct str raw, struct err *err)
{
    (void)user;
    (void)raw;
    (void)err;
    if (line < 1 || column == NULL || reason == NULL)
        __builtin_trap();
    return ERR_OK;
}

static void read_table(enum statfile_format format, const struct statfile_place *place,
                       bool catalog)
{
    struct err err = {0};
    struct buf text = BUF_INIT;
    struct data_schema schema = {0};
    json_t *notes = NULL;
    struct statfile *file = statfile_new(format, place, "fuzz", NULL);
    if (file == NULL)
        return;
    enum err_code code =
        catalog ? statfile_read_catalog(file, place, &err) : statfile_scan(file, NULL, &err);
    if (code != ERR_OK && err.message[0] == '\0')
        __builtin_trap();
    if (code == ERR_OK && !catalog && statfile_schema(file, &schema, &err) == ERR_OK) {
        const struct data_sink sink = {take_schema, take_batch, take_reject, &text};
        statfile_notes(file, &notes);
        if (statfile_push(file, &schema, &sink, NULL, &err) != ERR_OK && err.message[0] == '\0')
            __builtin_trap();
    }
    json_decref(notes);
    data_schema_done(&schema);
    buf_done(&text);
    statfile_free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static const enum statfile_format formats[] = {STATFILE_SAV, STATFILE_POR,   STATFILE_DTA,
                                                   STATFILE_SAS, STATFILE_XPORT, STATFILE_SAS};
    if (count < 2 || bytes[0] >= sizeof formats / sizeof *formats)
        return 0;
    const struct statfile_place whole = {.memory = {(const char *)bytes + 1, count - 1}, .end = -1};
    struct statfile_place *members = NULL;
    size_t member_count = 0;
    struct err err = {0};
    struct arena *arena = arena_new(0);
    if (formats[bytes[0]] != STATFILE_XPORT)
        read_table(formats[bytes[0]], &whole, bytes[0] == 5);
    else if (arena != NULL &&
             statfile_members(&whole, arena, "fuzz", &members, &member_count, &err) == ERR_OK)
        for (size_t idx = 0; idx < member_count && idx < 4; idx++)
            read_table(STATFILE_XPORT, &members[idx], false);
    arena_free(arena);
    return 0;
}
