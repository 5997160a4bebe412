/* A place as SQL and as a document.
 *
 * The one idea: the document says how the files are read (parts, dialect, columns) and how cells
 * become values (the plans that typing decided), never SQL; so a newer Marrow reads it in its own
 * way. */
#include <string.h>

#include "store/place_priv.h"

static const char *const policies[] = {"exact", "add", "any"};

const char *store_policy_text(enum store_policy policy)
{
    return policies[policy];
}

bool store_policy_of(const char *text, enum store_policy *ret)
{
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++)
        if (text != NULL && strcmp(text, policies[i]) == 0) {
            *ret = (enum store_policy)i;
            return true;
        }
    return false;
}

void store_place_done(struct store_place *place)
{
    for (size_t i = 0; i < place->part_count; i++)
        data_schema_done(&place->parts[i].columns);
    place->part_count = 0;
    data_schema_done(&place->rows);
    data_schema_done(&place->keys);
}

/* ---- SQL ---------------------------------------------------------------------------------------
 */

/* A column of the rows as a part gives it: of its own type, cast, missing; or its folder's value,
 * which the scan gives (the null partition as null) and a filter can only be seen through if
 * nothing is done to it. */
static void add_column(const struct store_place_part *part, const struct data_column *column,
                       bool key, struct buf *out)
{
    int at = key ? -1 : data_schema_find(&part->columns, str_of(column->name));
    const struct data_column *own = at < 0 ? NULL : &part->columns.columns[at];
    bool cast = !key && (own == NULL || !data_type_equal(own->type, column->type));
    buf_puts(out, cast ? "CAST(" : "");
    if (own == NULL && !key)
        buf_puts(out, "NULL");
    else
        store_sql_name(out, own == NULL ? column->name : own->name);
    if (cast) {
        buf_puts(out, " AS ");
        engine_type_sql(column->type, out);
        buf_putc(out, ')');
    }
    buf_puts(out, " AS ");
    store_sql_name(out, column->name);
}

/* A Parquet scan casts to the types it is given and leaves out what it is not: the keys are named.
 */
static enum err_code add_scan(const struct store_place *place, const struct store_place_part *part,
                              struct buf *out, struct err *err)
{
    struct data_scan scan = part->scan;
    scan.keys = &place->keys;
    if (scan.kind == DATA_SCAN_CSV)
        return engine_scan_expression(&scan, &part->columns, NULL, out, err);
    struct data_schema scanned = {0};
    enum err_code code = data_schema_copy(&part->columns, &scanned, err);
    for (size_t i = 0; i < place->keys.count && code == ERR_OK; i++)
        code = data_schema_add(&scanned, str_of(place->keys.columns[i].name),
                               place->keys.columns[i].type, err);
    if (code == ERR_OK)
        code = engine_scan_expression(&scan, &scanned, NULL, out, err);
    data_schema_done(&scanned);
    return code;
}

enum err_code store_place_relation(const struct store_place *place, struct buf *out,
                                   struct err *err)
{
    size_t own = place->rows.count - place->keys.count;
    buf_puts(out, "(");
    for (size_t i = 0; i < place->part_count; i++) {
        buf_puts(out, i == 0 ? "SELECT " : " UNION ALL SELECT ");
        for (size_t c = 0; c < place->rows.count; c++) {
            buf_puts(out, c == 0 ? "" : ", ");
            add_column(&place->parts[i], &place->rows.columns[c], c >= own, out);
        }
        buf_puts(out, " FROM ");
        TRY(add_scan(place, &place->parts[i], out, err));
    }
    buf_puts(out, ")");
    return buf_check(out, err);
}

enum err_code store_place_select(const struct store_place *place,
                                 const struct store_column_plan *plans, size_t count,
                                 struct buf *out, struct err *err)
{
    buf_puts(out, "SELECT ");
    for (size_t i = 0; i < count; i++) {
        buf_puts(out, i == 0 ? "" : ", ");
        store_sql_column_value(&plans[i], out);
        buf_puts(out, " AS ");
        store_sql_name(out, plans[i].name);
    }
    buf_puts(out, " FROM ");
    return store_place_relation(place, out, err);
}

/* ---- the document ------------------------------------------------------------------------------
 */

static json_t *text_list(const char *const *texts, size_t count, bool *ok)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_push_text(list, texts[i], ok);
    return list;
}

static json_t *file_list_json(const struct store_place *place, bool *ok)
{
    json_t *files = json_array();
    for (size_t i = 0; i < place->file_count; i++) {
        const struct data_place_file *file = &place->files[i];
        json_t *one = json_object();
        json_put_text(one, "name", file->name, ok);
        json_put_int(one, "bytes", file->bytes, ok);
        json_put_text(one, "sha256", file->sha256, ok);
        json_put_int(one, "modified_us", file->modified_us, ok);
        json_put_int(one, "changed_us", file->changed_us, ok);
        json_push(files, one, ok);
    }
    return files;
}

static json_t *part_json(const struct store_place_part *part, bool *ok)
{
    json_t *one = json_object(), *files = json_array();
    if (part->scan.kind == DATA_SCAN_CSV) {
        char quote[2] = {part->scan.quote, '\0'}, escape[2] = {part->scan.escape, '\0'};
        json_put_text(one, "delimiter", part->scan.delimiter, ok);
        json_put_text(one, "quote", quote, ok);
        json_put_text(one, "escape", escape, ok);
        json_put_int(one, "skip_lines", part->scan.skip_lines, ok);
        json_put_flag(one, "header", part->scan.header, ok);
        json_put_int(one, "maximum_line_bytes", part->scan.maximum_line_bytes, ok);
    }
    json_put(one, "columns", data_schema_to_json(&part->columns), ok);
    for (size_t i = 0; i < part->scan.path_count; i++)
        json_push(files, json_integer((json_int_t)part->files[i]), ok);
    json_put(one, "files", files, ok);
    return one;
}

static json_t *plan_json(const struct store_column_plan *plan, bool *ok)
{
    char type[32];
    json_t *one = json_object();
    json_put_text(one, "name", plan->name, ok);
    json_put_text(one, "source", plan->source, ok);
    json_put_text(one, "type", data_type_text(plan->type, type), ok);
    json_put_flag(one, "from_text", plan->from_text, ok);
    json_put_flag(one, "empty_is_null", plan->empty_is_null, ok);
    json_put_flag(one, "forced", plan->forced, ok);
    json_put_flag(one, "padded", plan->padded, ok);
    json_put_flag(one, "markers_given", plan->markers_given, ok);
    json_put_flag(one, "by_function", plan->by_function, ok);
    json_put_flag(one, "typed", plan->typed, ok);
    if (plan->format != NULL)
        json_put_text(one, "format", plan->format, ok);
    json_put(one, "null_markers", text_list(plan->null_markers, plan->null_marker_count, ok), ok);
    return one;
}

enum err_code store_place_write(const struct store_place *place,
                                const struct store_column_plan *plans, size_t count, json_t **ret,
                                struct err *err)
{
    bool ok = true;
    json_t *parts = json_array(), *read = json_array(), *keys = json_array(), *json = json_object();
    json_put_text(json, "root", place->root, &ok);
    json_put_text(json, "format", place->format, &ok);
    json_put_text(json, "needs", store_policy_text(place->needs), &ok);
    json_put_text(json, "schema_policy", store_policy_text(place->given), &ok);
    for (size_t i = 0; i < place->keys.count; i++)
        json_push_text(keys, place->keys.columns[i].name, &ok);
    json_put(json, "partition_columns", keys, &ok);
    json_put(json, "keys", data_schema_to_json(&place->keys), &ok);
    json_put(json, "rows", data_schema_to_json(&place->rows), &ok);
    for (size_t i = 0; i < place->part_count; i++)
        json_push(parts, part_json(&place->parts[i], &ok), &ok);
    json_put(json, "parts", parts, &ok);
    for (size_t i = 0; i < count; i++)
        json_push(read, plan_json(&plans[i], &ok), &ok);
    json_put(json, "read", read, &ok);
    json_put(json, "files", file_list_json(place, &ok), &ok);
    *ret = json;
    return json_built(ok, err);
}

/* ---- and back ----------------------------------------------------------------------------------
 */

struct reading {
    struct arena *arena;
    struct store_place *place;
};

static enum err_code unreadable(const char *what, struct err *err)
{
    (void)err_set(err, ERR_INTEGRITY, "object.json does not say how the table's files are read: %s",
                  what);
    return err_hint(err, "register the folder again");
}

static const char **text_array(struct arena *arena, const json_t *list, size_t *ret_count)
{
    size_t count = json_array_size(list);
    const char **texts = arena_array(arena, count + 1, sizeof *texts);
    for (size_t i = 0; i < count && texts != NULL; i++)
        texts[i] = arena_strdup(arena, json_string_value(json_array_get(list, i)) == NULL
                                           ? ""
                                           : json_string_value(json_array_get(list, i)));
    *ret_count = count;
    return texts;
}

static enum err_code read_files(struct reading *reading, const json_t *list, struct err *err)
{
    struct store_place *place = reading->place;
    place->file_count = json_array_size(list);
    place->files = arena_array(reading->arena, place->file_count + 1, sizeof *place->files);
    if (place->files == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a table's files");
    for (size_t i = 0; i < place->file_count; i++) {
        const json_t *one = json_array_get(list, i);
        const char *sha256 = json_text(one, "sha256", ""), *name = json_text(one, "name", "");
        struct data_place_file *file = &place->files[i];
        *file = (struct data_place_file){.name = arena_strdup(reading->arena, name),
                                         .bytes = json_int(one, "bytes", -1),
                                         .modified_us = json_int(one, "modified_us", -1),
                                         .changed_us = json_int(one, "changed_us", -1)};
        if (!store_is_hex(sha256, 64) || strlen(sha256) != 64 || name[0] == '\0' ||
            name[0] == '/' || strstr(name, "../") != NULL)
            return unreadable("a file's facts", err);
        memcpy(file->sha256, sha256, sizeof file->sha256);
    }
    return arena_failed(reading->arena) ? err_set(err, ERR_MEMORY, "no memory for a table's files")
                                        : ERR_OK;
}

static enum err_code read_scan(struct reading *reading, const json_t *one,
                               struct store_place_part *part, struct err *err)
{
    const struct store_place *place = reading->place;
    const json_t *files = json_object_get(one, "files");
    size_t count = json_array_size(files);
    bool csv = strcmp(place->format, "csv") == 0;
    const char *delimiter = json_text(one, "delimiter", "");
    if (count == 0 || strlen(delimiter) >= sizeof part->scan.delimiter)
        return unreadable("a part", err);
    part->scan = (struct data_scan){.kind = csv ? DATA_SCAN_CSV : DATA_SCAN_PARQUET,
                                    .path_count = count,
                                    .quote = json_text(one, "quote", "")[0],
                                    .escape = json_text(one, "escape", "")[0],
                                    .skip_lines = json_int(one, "skip_lines", 0),
                                    .header = json_flag(one, "header", true),
                                    .maximum_line_bytes = json_int(one, "maximum_line_bytes", 0),
                                    .skip_rejects = csv,
                                    .same_columns = true,
                                    .partitioned = place->keys.count > 0};
    memcpy(part->scan.delimiter, delimiter, strlen(delimiter) + 1);
    part->scan.paths = arena_array(reading->arena, count, sizeof *part->scan.paths);
    part->files = arena_array(reading->arena, count, sizeof *part->files);
    if (part->scan.paths == NULL || part->files == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a table's files");
    for (size_t i = 0; i < count; i++) {
        json_int_t idx = json_integer_value(json_array_get(files, i));
        if (idx < 0 || (size_t)idx >= place->file_count)
            return unreadable("a part's files", err);
        part->files[i] = (size_t)idx;
        part->scan.paths[i] =
            arena_printf(reading->arena, "%s/%s", place->root, place->files[idx].name);
    }
    return arena_failed(reading->arena) ? err_set(err, ERR_MEMORY, "no memory for a table's files")
                                        : ERR_OK;
}

static enum err_code read_parts(struct reading *reading, const json_t *list, struct err *err)
{
    struct store_place *place = reading->place;
    size_t count = json_array_size(list);
    place->parts = arena_array(reading->arena, count + 1, sizeof *place->parts);
    if (place->parts == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a table's files");
    for (size_t i = 0; i < count; i++) {
        struct store_place_part *part = &place->parts[i];
        TRY(read_scan(reading, json_array_get(list, i), part, err));
        place->part_count++;
        TRY(data_schema_from_json(json_object_get(json_array_get(list, i), "columns"),
                                  "object.json", &part->columns, err));
    }
    return count == 0 ? unreadable("it has no part", err) : ERR_OK;
}

static enum err_code read_plan(struct reading *reading, const json_t *one,
                               struct store_column_plan *plan, struct err *err)
{
    const char *format = json_text(one, "format", NULL);
    *plan = (struct store_column_plan){
        .name = arena_strdup(reading->arena, json_text(one, "name", "")),
        .source = arena_strdup(reading->arena, json_text(one, "source", "")),
        .from_text = json_flag(one, "from_text", false),
        .empty_is_null = json_flag(one, "empty_is_null", false),
        .forced = json_flag(one, "forced", false),
        .padded = json_flag(one, "padded", false),
        .markers_given = json_flag(one, "markers_given", false),
        .by_function = json_flag(one, "by_function", false),
        .typed = json_flag(one, "typed", false),
        .format = format == NULL ? NULL : arena_strdup(reading->arena, format)};
    plan->null_markers =
        text_array(reading->arena, json_object_get(one, "null_markers"), &plan->null_marker_count);
    return data_type_parse(str_of(json_text(one, "type", "")), &plan->type, err);
}

enum err_code store_place_read(const json_t *json, struct arena *arena, struct store_place *ret,
                               struct store_column_plan **ret_plans, size_t *ret_count,
                               struct err *err)
{
    struct reading reading = {arena, ret};
    const json_t *read = json_object_get(json, "read");
    *ret = (struct store_place){.root = arena_strdup(arena, json_text(json, "root", "")),
                                .format = arena_strdup(arena, json_text(json, "format", ""))};
    if (arena_failed(arena))
        return err_set(err, ERR_MEMORY, "no memory for a table's files");
    TRY(data_schema_from_json(json_object_get(json, "keys"), "object.json", &ret->keys, err));
    bool csv = strcmp(ret->format, "csv") == 0;
    if ((!csv && strcmp(ret->format, "parquet") != 0) || ret->root[0] != '/' ||
        !store_policy_of(json_text(json, "needs", "exact"), &ret->needs) ||
        !store_policy_of(json_text(json, "schema_policy", "exact"), &ret->given))
        return unreadable("its root, format or schema policy", err);
    TRY(read_files(&reading, json_object_get(json, "files"), err));
    TRY(read_parts(&reading, json_object_get(json, "parts"), err));
    TRY(data_schema_from_json(json_object_get(json, "rows"), "object.json", &ret->rows, err));
    if (ret->rows.count < ret->keys.count || json_array_size(read) != ret->rows.count)
        return unreadable("its columns", err);
    *ret_count = json_array_size(read);
    *ret_plans = arena_array(arena, *ret_count + 1, sizeof **ret_plans);
    if (*ret_plans == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a table's files");
    for (size_t i = 0; i < *ret_count; i++)
        TRY(read_plan(&reading, json_array_get(read, i), &(*ret_plans)[i], err));
    return arena_failed(arena) ? err_set(err, ERR_MEMORY, "no memory for a table's files") : ERR_OK;
}
