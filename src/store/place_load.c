/* Registering a table where it stands: which of its files are read alike, what columns its rows
 * have, and what its keys are.
 *
 *     year=2019/a.parquet (id, x int32)  ─┐ part 1                  exact: refused, b.parquet lacks
 * x year=2020/a.parquet (id, x int32)  ─┘        ▶ rows: id, x, year year=2020/b.parquet (id) ──
 * part 2                  add: x is null there
 *
 * The one idea: columns are settled once, when the folder is registered, over every file; whoever
 * reads it later is told names and types and infers none. */
#include <string.h>

#include "store/place_priv.h"

#define PLACE_LIMIT_PARTS 256 /* each is a scan of its own in every statement */

static enum err_code no_memory(struct err *err)
{
    return err_set(err, ERR_MEMORY, "no memory to register a table");
}

/* ---- parts -------------------------------------------------------------------------------------
 */

struct filling {
    struct load *load;
    struct store_place *place;
    const struct data_place *given;
};

static bool is_key(const struct store_place *place, const char *name)
{
    return data_schema_find(&place->keys, str_of(name)) >= 0;
}

static enum err_code too_many_parts(const struct filling *filling, struct err *err)
{
    (void)err_set(err, ERR_LIMIT,
                  "the files of table %s differ in their columns in more than %d ways",
                  filling->load->source->name, PLACE_LIMIT_PARTS);
    return err_hint(err, "import the folder, or part it into tables with --table NAME=PATTERN");
}

static size_t file_index(const struct filling *filling, const char *path)
{
    const struct store_place *place = filling->place;
    size_t root = strlen(place->root) + 1, low = 0, high = place->file_count;
    while (low + 1 < high) { /* files are by name */
        size_t middle = low + (high - low) / 2;
        if (strcmp(place->files[middle].name, path + root) <= 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static struct store_place_part *add_part(struct filling *filling, const struct data_scan *scan,
                                         size_t capacity)
{
    struct store_place *place = filling->place;
    struct store_place_part *part = &place->parts[place->part_count++];
    part->scan = *scan;
    part->scan.path_count = 0;
    part->scan.skip_rejects = scan->kind == DATA_SCAN_CSV;
    part->scan.paths = arena_array(filling->load->arena, capacity, sizeof *part->scan.paths);
    part->files = arena_array(filling->load->arena, capacity, sizeof *part->files);
    return part->scan.paths == NULL || part->files == NULL ? NULL : part;
}

static enum err_code add_path(struct filling *filling, struct store_place_part *part,
                              const char *path, struct err *err)
{
    part->files[part->scan.path_count] = file_index(filling, path);
    part->scan.paths[part->scan.path_count] = arena_strdup(filling->load->arena, path);
    return part->scan.paths[part->scan.path_count++] == NULL ? no_memory(err) : ERR_OK;
}

/* Parquet: files of equal shape are one part. */
static enum err_code split_by_shape(struct filling *filling, const struct data_scan *scan,
                                    struct err *err)
{
    AUTO(mem_free) struct hash128 *shapes = mem_zalloc(scan->path_count, sizeof *shapes);
    AUTO(mem_free) struct hash128 *known = mem_zalloc(PLACE_LIMIT_PARTS, sizeof *known);
    struct store_place *place = filling->place;
    if (shapes == NULL || known == NULL)
        return no_memory(err);
    TRY(engine_scan_shapes(filling->load->engine, scan, shapes, err));
    for (size_t i = 0; i < scan->path_count; i++) {
        size_t at = 0;
        while (at < place->part_count &&
               (known[at].low != shapes[i].low || known[at].high != shapes[i].high))
            at++;
        if (at == PLACE_LIMIT_PARTS)
            return too_many_parts(filling, err);
        known[at] = shapes[i];
        struct store_place_part *part =
            at < place->part_count ? &place->parts[at] : add_part(filling, scan, scan->path_count);
        if (part == NULL)
            return no_memory(err);
        TRY(add_path(filling, part, scan->paths[i], err));
    }
    return ERR_OK;
}

/* The columns in a part's files. Of Parquet a column that is a key too is left out: the folder's
 * value counts; of CSV it stays, for fields are told by their places. */
static enum err_code read_columns(struct filling *filling, struct store_place_part *part,
                                  struct err *err)
{
    struct data_scan plain = part->scan;
    struct data_schema all = {0};
    int64_t changed = 0;
    plain.partitioned = false;
    enum err_code code = engine_scan_schema(filling->load->engine, &plain, &all, err);
    if (code == ERR_OK)
        code = data_schema_name_columns(&all, &changed, err);
    for (size_t i = 0; i < all.count && code == ERR_OK; i++) {
        if (is_key(filling->place, all.columns[i].name))
            continue;
        code =
            data_schema_add(&part->columns, str_of(all.columns[i].name), all.columns[i].type, err);
        struct data_column *added = &part->columns.columns[part->columns.count - 1];
        if (code == ERR_OK && all.columns[i].source_name != NULL &&
            (added->source_name = mem_strdup(all.columns[i].source_name)) == NULL)
            code = no_memory(err);
    }
    data_schema_done(&all);
    return code;
}

static enum err_code make_parts(struct filling *filling, struct err *err)
{
    struct store_place *place = filling->place;
    const struct data_place *given = filling->given;
    bool csv = filling->load->text;
    if (csv && given->part_count > PLACE_LIMIT_PARTS)
        return too_many_parts(filling, err);
    place->parts = arena_array(filling->load->arena, PLACE_LIMIT_PARTS, sizeof *place->parts);
    if (place->parts == NULL)
        return no_memory(err);
    if (!csv) {
        TRY(split_by_shape(filling, &given->parts[0].scan, err));
        for (size_t i = 0; i < place->part_count; i++)
            TRY(read_columns(filling, &place->parts[i], err));
        return ERR_OK;
    }
    for (size_t i = 0; i < given->part_count; i++) {
        const struct data_scan *scan = &given->parts[i].scan;
        struct store_place_part *part = add_part(filling, scan, scan->path_count);
        if (part == NULL)
            return no_memory(err);
        for (size_t f = 0; f < scan->path_count; f++)
            TRY(add_path(filling, part, scan->paths[f], err));
        TRY(data_schema_copy(&given->parts[i].schema, &part->columns, err));
    }
    return ERR_OK;
}

/* ---- columns of the rows, by the policy
 * ----------------------------------------------------------
 */

static const char *first_file(const struct store_place *place, size_t part)
{
    return place->files[place->parts[part].files[0]].name;
}

/* Files differ: by what the policy would have to be to take them. */
static enum err_code differ(struct filling *filling, enum store_policy needed, size_t part,
                            const char *column, const char *how, struct err *err)
{
    struct store_place *place = filling->place;
    if (needed > place->needs)
        place->needs = needed;
    if (place->given >= needed)
        return ERR_OK;
    (void)err_set(err, ERR_INPUT, "%.300s differs from %.300s: column %.100s %s",
                  first_file(place, part), first_file(place, part == 0 ? 1 : 0), column, how);
    (void)err_at(err, filling->load->source->origin, 0, 0);
    return needed == STORE_POLICY_ADD
               ? err_hint(err, "--schema-policy add reads a column as null where a file lacks it; "
                               "--table NAME=PATTERN parts files that are different tables")
               : err_hint(err, "--schema-policy any gives the column the narrowest type that holds "
                               "all; --table NAME=PATTERN parts files that are different tables");
}

static enum err_code take_column(struct filling *filling, size_t part,
                                 const struct data_column *column, struct err *err)
{
    char here[32], there[32], how[96];
    struct data_schema *rows = &filling->place->rows;
    int at = data_schema_find(rows, str_of(column->name));
    if (is_key(filling->place, column->name))
        return ERR_OK;
    if (at < 0) {
        if (part > 0)
            TRY(differ(filling, STORE_POLICY_ADD, part, column->name, "is only there", err));
        TRY(data_schema_add(rows, str_of(column->name), column->type, err));
        struct data_column *added = &rows->columns[rows->count - 1];
        if (column->source_name != NULL &&
            (added->source_name = mem_strdup(column->source_name)) == NULL)
            return no_memory(err);
        if (column->label != NULL && (added->label = mem_strdup(column->label)) == NULL)
            return no_memory(err);
        return ERR_OK;
    }
    struct data_column *known = &rows->columns[at];
    if (data_type_equal(known->type, column->type))
        return ERR_OK;
    (void)snprintf(how, sizeof how, "is %s, there %s", data_type_text(column->type, here),
                   data_type_text(known->type, there));
    TRY(differ(filling, STORE_POLICY_ANY, part, column->name, how, err));
    known->type = store_type_wider(known->type, column->type);
    return ERR_OK;
}

static enum err_code settle_rows(struct filling *filling, struct err *err)
{
    struct store_place *place = filling->place;
    for (size_t p = 0; p < place->part_count; p++)
        for (size_t c = 0; c < place->parts[p].columns.count; c++)
            TRY(take_column(filling, p, &place->parts[p].columns.columns[c], err));
    for (size_t p = 0; p < place->part_count; p++)
        for (size_t c = 0; c < place->rows.count; c++) {
            const char *name = place->rows.columns[c].name;
            if (data_schema_find(&place->parts[p].columns, str_of(name)) < 0)
                TRY(differ(filling, STORE_POLICY_ADD, p, name, "is missing", err));
        }
    for (size_t k = 0; k < place->keys.count; k++)
        TRY(data_schema_add(&place->rows, str_of(place->keys.columns[k].name), DATA_TYPE(TEXT),
                            err));
    return ERR_OK;
}

/* Whole numbers and decimals that are to be read as doubles beside doubles must come back as they
 * were. */
static enum err_code check_doubles(struct filling *filling, const struct store_place_part *part,
                                   struct err *err)
{
    for (size_t i = 0; i < part->columns.count; i++) {
        const struct data_column *column = &part->columns.columns[i];
        int at = data_schema_find(&filling->place->rows, str_of(column->name));
        AUTO(buf_done) struct buf relation = BUF_INIT, sql = BUF_INIT;
        int64_t lost = 0;
        if (at < 0 || filling->place->rows.columns[at].type.kind != DATA_DOUBLE ||
            (column->type.kind != DATA_BIGINT && column->type.kind != DATA_DECIMAL))
            continue;
        TRY(engine_scan_expression(&part->scan, &part->columns, NULL, &relation, err));
        store_sql_lost_as_double(column, buf_text(&relation), &sql);
        TRY(buf_check(&sql, err));
        TRY(engine_query_int(filling->load->engine, buf_text(&sql), 0, &lost, err));
        if (lost == 0)
            continue;
        (void)err_set(err, ERR_INPUT,
                      "column %s holds %lld numbers that can't be kept exactly beside the floating "
                      "point numbers of other files",
                      column->name, (long long)lost);
        return err_hint(err, "give the column one type in all files, or part them with --table");
    }
    return ERR_OK;
}

/* ---- what the user said about keys
 * ---------------------------------------------------------------
 */

static enum err_code check_keys(const struct filling *filling, struct err *err)
{
    const struct store_place_options *options = filling->load->import->options.place;
    const struct store_place *place = filling->place;
    size_t count = options == NULL ? 0 : json_array_size(options->partition_columns);
    bool differs = count != place->keys.count;
    if (count == 0 || place->keys.count == 0)
        return ERR_OK; /* a table that is not parted stands beside one that is */
    for (size_t k = 0; k < count && !differs; k++) {
        const json_t *wanted = json_array_get(options->partition_columns, k);
        differs = !str_equal_nocase(str_of(json_text(wanted, "name", "")),
                                    str_of(place->keys.columns[k].name));
    }
    if (!differs)
        return ERR_OK;
    AUTO(buf_done) struct buf found = BUF_INIT;
    for (size_t k = 0; k < place->keys.count; k++)
        buf_printf(&found, "%s%.100s", k == 0 ? "" : ",", place->keys.columns[k].name);
    (void)err_set(err, ERR_INPUT,
                  "its files are parted by the folders %.400s, not as --partition says",
                  buf_text(&found));
    return err_hint(err,
                    "--partition names the key=value folders from the outermost inwards, and may "
                    "give types: %.300s",
                    buf_text(&found));
}

static struct data_type asked_type(const struct load *load, const char *key)
{
    const struct store_place_options *options = load->import->options.place;
    const json_t *list = options == NULL ? NULL : options->partition_columns;
    struct data_type type = DATA_TYPE(NULL);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (str_equal_nocase(str_of(json_text(one, "name", "")), str_of(key)) &&
            data_type_parse(str_of(json_text(one, "type", "")), &type, ERR_IGNORED) != ERR_OK)
            type = DATA_TYPE(NULL);
    }
    return type;
}

struct data_type store_place_key_type(const struct load *load, size_t column)
{
    const struct store_place *place = load->place;
    if (place == NULL || column + place->keys.count < place->rows.count)
        return DATA_TYPE(NULL);
    return asked_type(load, place->rows.columns[column].name);
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

static enum err_code copy_facts(struct filling *filling, struct err *err)
{
    struct arena *arena = filling->load->arena;
    const struct data_place *given = filling->given;
    struct store_place *place = filling->place;
    const struct store_place_options *options = filling->load->import->options.place;
    *place = (struct store_place){.root = arena_strdup(arena, given->root),
                                  .format = given->format,
                                  .file_count = given->file_count};
    for (size_t k = 0; k < given->key_count; k++)
        TRY(data_schema_add(&place->keys, str_of(given->keys[k]), DATA_TYPE(TEXT), err));
    if (options != NULL && options->schema_policy != NULL &&
        !store_policy_of(options->schema_policy, &place->given))
        return err_set(err, ERR_USAGE, "no schema policy is called %.60s", options->schema_policy);
    place->files = arena_array(arena, given->file_count + 1, sizeof *place->files);
    if (place->files == NULL || place->root == NULL)
        return no_memory(err);
    memcpy(place->files, given->files, given->file_count * sizeof *place->files);
    if (str_utf8_valid_prefix(str_of(place->root)) != strlen(place->root))
        return err_set(err, ERR_INPUT, "the folder's path is not UTF-8");
    for (size_t i = 0; i < place->file_count; i++)
        if (str_utf8_valid_prefix(str_of(place->files[i].name)) != strlen(place->files[i].name))
            return err_set(err, ERR_INPUT, "the name of a file in %.300s is not UTF-8",
                           place->root);
    return ERR_OK;
}

enum err_code store_place_fill(struct load *load, struct err *err)
{
    load->place = arena_alloc(load->arena, sizeof *load->place);
    if (load->place == NULL)
        return no_memory(err);
    struct filling filling = {load, load->place, load->source->place};
    TRY(copy_facts(&filling, err));
    TRY(check_keys(&filling, err));
    TRY(make_parts(&filling, err));
    TRY(settle_rows(&filling, err));
    for (size_t p = 0; p < load->place->part_count && !load->text; p++)
        TRY(check_doubles(&filling, &load->place->parts[p], err));
    return data_schema_copy(&load->place->rows, &load->schema, err);
}

static enum err_code reject_part(struct load *load, struct store_place_part *part,
                                 int64_t *ret_rows, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    struct data_scan scan = part->scan;
    int64_t rows = 0, rejected = 0;
    scan.skip_rejects = false;
    load->scanned = true;
    buf_puts(&sql, "SELECT count(*) FROM ");
    TRY(engine_scan_expression(&scan, &part->columns, STORE_REJECTS_READ, &sql, err));
    TRY(buf_check(&sql, err));
    TRY(engine_query_int(load->engine, buf_text(&sql), 0, &rows, err));
    struct data_sink sink = {.reject = store_rejects_add, .user = &load->rejects};
    TRY(engine_scan_rejects(load->engine, STORE_REJECTS_READ, &sink, &rejected, err));
    store_load_drop_rejects(load);
    *ret_rows += rows + rejected;
    return ERR_OK;
}

enum err_code store_place_rejects(struct load *load, struct err *err)
{
    struct store_place *place = load->place;
    int64_t records = 0, seen = 0;
    for (size_t i = 0; i < place->part_count; i++)
        records += place->parts[i].scan.records;
    if (load->read_rows == records)
        return ERR_OK;
    for (size_t i = 0; i < place->part_count; i++)
        TRY(reject_part(load, &place->parts[i], &seen, err));
    if (seen == records && load->read_rows + load->rejects.rows == records)
        return ERR_OK;
    (void)err_set(err, ERR_INPUT, "the engine reads %lld of the %lld records of table %s",
                  (long long)load->read_rows, (long long)records, load->source->name);
    return err_hint(err, "its text needs Marrow's own reader: import it");
}

/* A key's texts are in the files' paths: each is seen once for every file. */
enum err_code store_place_decide_keys(struct load *load, const struct data_type *forced,
                                      struct err *err)
{
    static const char *no_markers[1] = {NULL};
    const struct data_place *given = load->source->place;
    struct store_place *place = load->place;
    size_t first = place->rows.count - place->keys.count;
    for (size_t k = 0; k < place->keys.count; k++) {
        AUTO(mem_free) struct typing_stats *stats = mem_alloc(typing_stats_bytes());
        struct store_column_plan *plan = &load->plans[first + k];
        struct typing_decision decision;
        if (stats == NULL)
            return no_memory(err);
        typing_stats_init(stats);
        for (size_t i = 0; i < given->file_count; i++) {
            const char *value = given->values[i * given->key_count + k];
            if (value == NULL)
                typing_stats_add_null(stats);
            else
                typing_stats_add(stats, str_of(value));
        }
        struct typing_options options = {.null_markers = no_markers,
                                         .null_marker_count = 0,
                                         .forced = &forced[first + k],
                                         .formats = &plan->format_given};
        enum err_code code =
            typing_decide(&stats, &plan->name, 1, &options, load->arena, &decision, err);
        typing_stats_done(stats);
        TRY(code);
        json_decref(decision.warnings);
        plan->type = decision.type.kind == DATA_NULL ? DATA_TYPE(TEXT) : decision.type;
        plan->format = decision.format;
        plan->from_text = true;
        plan->empty_is_null = decision.empties;
        plan->padded = decision.padded;
    }
    return ERR_OK;
}

void store_place_settle_keys(struct load *load)
{
    struct store_place *place = load->place;
    size_t first = place->rows.count - place->keys.count;
    for (size_t k = 0; k < place->keys.count; k++) {
        struct store_column_plan *plan = &load->plans[first + k];
        bool plain = !plan->padded && !plan->empty_is_null && plan->null_marker_count == 0 &&
                     plan->format == NULL;
        bool castable = plan->type.kind == DATA_BIGINT || plan->type.kind == DATA_DATE ||
                        plan->type.kind == DATA_DECIMAL || plan->type.kind == DATA_TEXT;
        if (!plain || !castable)
            continue;
        plan->typed = true;
        place->keys.columns[k].type = place->rows.columns[first + k].type = plan->type;
    }
}

enum err_code store_place_check_order(struct load *load, struct err *err)
{
    const struct store_place_options *options = load->import->options.place;
    const json_t *orders = options == NULL ? NULL : options->sort_orders;
    const char *text = json_text(orders, load->source->name, json_text(orders, "*", NULL));
    JSON_AUTO columns = NULL;
    if (text == NULL)
        return ERR_OK;
    TRY(store_registry_parse("sort_order", text, &load->schema, &columns, err));
    return store_registry_check_order(load->engine, LOAD_STAGE_TABLE, columns, err);
}

enum err_code store_place_check_unchanged(const struct load *load, struct err *err)
{
    const struct store_place *place = load->place;
    char path[FILE_PATH_BYTES];
    for (size_t i = 0; i < place->file_count; i++) {
        const struct data_place_file *file = &place->files[i];
        struct file_info now;
        TRY(file_path_join(place->root, file->name, path, err));
        TRY(file_stat(path, &now, err));
        if (now.kind == FILE_REGULAR && now.bytes == file->bytes &&
            now.modified_us == file->modified_us && now.changed_us == file->changed_us)
            continue;
        (void)err_set(err, ERR_INPUT, "the file changed while it was read");
        (void)err_at(err, path, 0, 0);
        return err_hint(err, "register it again when nothing writes to it any more");
    }
    return ERR_OK;
}
