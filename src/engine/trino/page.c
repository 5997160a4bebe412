/* An answer's bytes → a page → batches. Pure: no connection, no clock; whatever the bytes are, the
 * outcome is a page or an error (fuzz/fuzz_trino.c). */
#include <string.h>

#include "engine/trino/trino_priv.h"

static enum err_code no_answer(const char *what, struct err *err)
{
    err_set(err, ERR_ENGINE, "the server's answer is none of Trino's: %s", what);
    return err_hint(err, "see that the URL's host and port are those of a Trino coordinator");
}

/* The path and query of a URL, which we ask of the host we know: proxies may have written another.
 */
static const char *path_of(const char *uri)
{
    const char *mark = strstr(uri, "://");
    const char *path = mark != NULL ? strchr(mark + 3, '/') : NULL;
    for (const char *c = path; c != NULL && *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == '#' || (unsigned char)*c >= 127)
            return NULL;
    return path;
}

enum err_code trino_page_read(struct str bytes, struct trino_page *ret, struct err *err)
{
    struct err reason = {0};
    *ret = (struct trino_page){0};
    enum err_code code = json_parse(bytes, "the server's answer", &ret->json, &reason);
    if (code == ERR_MEMORY)
        return err_set(err, ERR_MEMORY, "no memory for an answer of the server");
    if (code != ERR_OK)
        return no_answer("it is not valid JSON", err);
    const json_t *json = ret->json;
    ret->id = json_text(json, "id", NULL);
    if (ret->id == NULL)
        return no_answer("it has no query id", err);
    const char *uri = json_text(json, "nextUri", NULL);
    ret->next = uri != NULL ? path_of(uri) : NULL;
    if (uri != NULL && ret->next == NULL)
        return no_answer("its nextUri is no URL", err);
    const json_t *columns = json_object_get(json, "columns"), *rows = json_object_get(json, "data");
    const json_t *failure = json_object_get(json, "error");
    const json_t *stats = json_object_get(json, "stats");
    ret->columns = json_is_array(columns) ? columns : NULL;
    ret->rows = json_is_array(rows) ? rows : NULL;
    ret->failure = json_is_object(failure) ? failure : NULL;
    ret->splits = json_int(stats, "totalSplits", 0);
    ret->splits_done = json_int(stats, "completedSplits", 0);
    if (ret->rows != NULL && ret->columns == NULL)
        return no_answer("it has rows without columns", err);
    return ERR_OK;
}

void trino_page_done(struct trino_page *page)
{
    json_decref(page->json);
    *page = (struct trino_page){0};
}

enum err_code trino_page_schema(const struct trino_page *page, struct arena *arena,
                                struct data_schema *schema, struct trino_column **ret,
                                struct err *err)
{
    size_t count = json_array_size(page->columns);
    if (count > TRINO_LIMIT_COLUMNS)
        return err_set(err, ERR_LIMIT, "the result has more than %d columns", TRINO_LIMIT_COLUMNS);
    *ret = arena_array(arena, count + 1, sizeof **ret);
    if (*ret == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a result");
    for (size_t idx = 0; idx < count; idx++) {
        const json_t *column = json_array_get(page->columns, idx);
        const json_t *name = json_object_get(column, "name");
        const char *type = json_text(column, "type", NULL);
        if (!json_is_string(name) || type == NULL)
            return no_answer("a column has no name or no type", err);
        (*ret)[idx] = trino_column_of(str_of(type));
        TRY(data_schema_add(schema, (struct str){json_string_value(name), json_string_length(name)},
                            (*ret)[idx].type, err));
    }
    return ERR_OK;
}

static enum err_code read_row(const json_t *row, const struct data_schema *schema,
                              const struct trino_column *columns, struct arena *arena,
                              struct buf *scratch, struct data_batch *batch, int64_t at,
                              struct err *err)
{
    char type[32];
    if (!json_is_array(row) || json_array_size(row) != schema->count)
        return no_answer("a row has not as many values as there are columns", err);
    for (size_t idx = 0; idx < schema->count; idx++) {
        const json_t *value = json_array_get(row, idx);
        if (json_is_null(value))
            continue;
        if (!trino_value_read(&columns[idx], value, arena, scratch, &batch->vectors[idx], at)) {
            /* any JSON can be written, if there is memory */
            if (arena_failed(arena) || columns[idx].form == TRINO_NESTED)
                return err_set(err, ERR_MEMORY, "no memory for a page of rows");
            err_set(err, ERR_ENGINE, "the server sent a value that cannot be read as %s",
                    data_type_text(columns[idx].type, type));
            if (columns[idx].form == TRINO_TIMESTAMPTZ)
                err_hint(err, "a time with a named zone: write AT TIME ZONE 'UTC' behind it");
            return err_detail(err, "column %s", schema->columns[idx].name);
        }
        if (columns[idx].form != TRINO_NOTHING)
            data_vector_set_valid(&batch->vectors[idx], at, true);
    }
    return ERR_OK;
}

enum err_code trino_page_batch(const struct trino_page *page, const struct data_schema *schema,
                               const struct trino_column *columns, int64_t from, int64_t rows,
                               struct arena *arena, const struct data_batch **ret, struct err *err)
{
    __attribute__((cleanup(auto_buf_done))) struct buf scratch = BUF_INIT;
    struct data_batch *batch = data_batch_new(arena, schema, rows);
    if (batch == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a page of rows");
    batch->rows = rows;
    for (int64_t at = 0; at < rows; at++)
        TRY(read_row(json_array_get(page->rows, (size_t)(from + at)), schema, columns, arena,
                     &scratch, batch, at, err));
    *ret = batch;
    return ERR_OK;
}
