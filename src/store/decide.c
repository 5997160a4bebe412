/* From statistics and overrides to column plans, and from a loaded table to its documents.
 *
 * The one idea: a decision is data. What was decided for a column (type, format, null markers, by
 * whom) stands in object.json and in the version's manifest, and the part that changes the meaning
 * of cells (type, markers, labels) enters the table's hash. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "store/place_priv.h"

/* ---- overrides ---------------------------------------------------------------------------------
 */

/* Member of object by name, ASCII case ignored. Borrowed. */
static json_t *find_nocase(const json_t *object, const char *name, const char **ret_key)
{
    json_t *walked, *value;
    const char *key;
    memcpy(&walked, &object, sizeof walked);
    json_object_foreach(walked, key, value)
    {
        if (!str_equal_nocase(str_of(key), str_of(name)))
            continue;
        if (ret_key != NULL)
            *ret_key = key;
        return value;
    }
    return NULL;
}

static enum err_code check_override_columns(const struct load *load, const json_t *table,
                                            struct err *err)
{
    json_t *walked, *value;
    const char *key;
    memcpy(&walked, &table, sizeof walked);
    json_object_foreach(walked, key, value)
    {
        if (!json_is_object(value)) {
            (void)err_set(err, ERR_INPUT, "the override of column %.200s is no object", key);
            return err_hint(err,
                            "overrides are {TABLE: {COLUMN: {\"type\": …, \"null_markers\": […], "
                            "\"read\": …}}}");
        }
        if (data_schema_find(&load->schema, str_of(key)) >= 0)
            continue;
        (void)err_set(err, ERR_INPUT,
                      "an override names column %.200s, which the table does not have", key);
        struct nearest nearest = {.asked = key};
        for (size_t i = 0; i < load->schema.count; i++)
            nearest_offer(&nearest, load->schema.columns[i].name);
        if (nearest_text(&nearest) != NULL)
            return err_hint(err, "did you mean %.200s?", nearest_text(&nearest));
        return err_hint(
            err, "names are compared without case; 'marrow profile' lists a version's columns");
    }
    return ERR_OK;
}

static enum err_code table_override(struct load *load, const json_t **ret, struct err *err)
{
    const char *key = NULL;
    bool ok = true;
    *ret = NULL;
    if (load->import->options.overrides == NULL)
        return ERR_OK;
    const json_t *table = find_nocase(load->import->options.overrides, load->source->name, &key);
    if (table == NULL)
        return ERR_OK;
    (void)pthread_mutex_lock(&load->import->mutex);
    json_put_flag(load->import->used_overrides, key, true, &ok);
    (void)pthread_mutex_unlock(&load->import->mutex);
    TRY(json_built(ok, err));
    *ret = table;
    return check_override_columns(load, table, err);
}

static bool is_comparator(const char *read)
{
    return read != NULL && strcmp(read, "comparator") == 0;
}

enum err_code store_load_find_splits(struct load *load, struct err *err)
{
    const json_t *table = NULL;
    const char *key = NULL;
    size_t count = load->schema.count;
    if (load->import->options.overrides != NULL)
        table = find_nocase(load->import->options.overrides, load->source->name, &key);
    load->splits = arena_array(load->arena, count + 1, sizeof *load->splits);
    if (load->splits == NULL)
        return err_set(err, ERR_MEMORY, "no memory to load a table");
    for (size_t i = 0; table != NULL && i < count; i++) {
        const json_t *override = find_nocase(table, load->schema.columns[i].name, NULL);
        if (is_comparator(json_text(override, "read", NULL)))
            TRY(store_load_add_split(load, i, err));
    }
    return ERR_OK;
}

/* ---- plans -------------------------------------------------------------------------------------
 */

static enum err_code read_markers(struct load *load, const json_t *override,
                                  struct store_column_plan *plan, struct err *err)
{
    const json_t *markers = json_object_get(override, "null_markers");
    size_t count = json_array_size(markers);
    if (markers == NULL)
        return ERR_OK;
    plan->null_markers = arena_array(load->arena, count + 1, sizeof *plan->null_markers);
    if (plan->null_markers == NULL)
        return err_set(err, ERR_MEMORY, "no memory to load a table");
    plan->markers_given = true;
    plan->null_marker_count = 0;
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(markers, i));
        if (text == NULL)
            return err_set(err, ERR_INPUT, "the null markers given for column %s are not all texts",
                           plan->name);
        plan->null_markers[plan->null_marker_count] = arena_strdup(load->arena, text);
        if (plan->null_markers[plan->null_marker_count++] == NULL)
            return err_set(err, ERR_MEMORY, "no memory to load a table");
    }
    return ERR_OK;
}

static enum err_code read_format(const json_t *override, struct store_column_plan *plan,
                                 struct err *err)
{
    const char *read = json_text(override, "read", NULL);
    if (read == NULL || is_comparator(read))
        return ERR_OK;
    plan->format_given = typing_format_find(str_of(read));
    if (plan->format_given != NULL)
        return ERR_OK;
    (void)err_set(err, ERR_INPUT, "column %s can't be read as %.100s", plan->name, read);
    return err_hint(err, "known are 1.234,5 and 1,234.5 for numbers, %%d/%%m/%%Y and other dates, "
                         "comparator for limits such as <0.5");
}

static enum err_code read_override(struct load *load, const json_t *table, size_t idx,
                                   struct data_type *forced, struct err *err)
{
    struct store_column_plan *plan = &load->plans[idx];
    const json_t *override = table == NULL ? NULL : find_nocase(table, plan->name, NULL);
    if (override == NULL)
        return ERR_OK;
    const char *type = json_text(override, "type", NULL);
    if (type != NULL) {
        enum err_code code = data_type_parse(str_of(type), forced, err);
        if (code != ERR_OK)
            return err_context(err, "the type given for column %s", plan->name);
        plan->forced = forced->kind != DATA_NULL;
    }
    TRY(read_format(override, plan, err));
    return read_markers(load, override, plan, err);
}

static enum err_code make_plans(struct load *load, struct data_type *forced, struct err *err)
{
    const json_t *table = NULL;
    TRY(table_override(load, &table, err));
    for (size_t i = 0; i < load->schema.count; i++) {
        struct store_column_plan *plan = &load->plans[i];
        struct data_column *column = &load->schema.columns[i];
        plan->name = plan->source = column->name;
        plan->from_text = load->text;
        plan->by_function = load->schema.count > STORE_COLUMNS_PER_QUERY;
        plan->type = column->type.kind == DATA_NULL || column->type.kind == DATA_UHUGEINT
                         ? DATA_TYPE(TEXT)
                         : column->type;
        forced[i] = store_place_key_type(load, i);
        plan->forced = forced[i].kind != DATA_NULL;
        TRY(read_override(load, table, i, &forced[i], err));
        if (plan->forced)
            plan->type = forced[i];
    }
    return ERR_OK;
}

/* A column with markers of its own is decided alone, by the same statistic. */
static enum err_code decide_alone(struct load *load, size_t idx, const struct data_type *forced,
                                  struct err *err)
{
    struct store_column_plan *plan = &load->plans[idx];
    const char *name = plan->name;
    struct typing_options options = {.null_markers = plan->null_markers,
                                     .null_marker_count = plan->null_marker_count,
                                     .forced = &forced[idx],
                                     .formats = &plan->format_given,
                                     .decimal_comma = load->source->decimal_comma};
    json_decref(load->decisions[idx].warnings);
    load->decisions[idx].warnings = NULL;
    return typing_decide(&load->stats.columns[idx], &name, 1, &options, load->arena,
                         &load->decisions[idx], err);
}

static enum err_code decide_text(struct load *load, const struct data_type *forced, struct err *err)
{
    const struct store_import_options *given = &load->import->options;
    const char **formats = arena_array(load->arena, load->schema.count + 1, sizeof *formats);
    if (formats == NULL)
        return err_set(err, ERR_MEMORY, "no memory to load a table");
    for (size_t i = 0; i < load->schema.count; i++)
        formats[i] = load->plans[i].format_given;
    struct typing_options options = {.null_markers = given->null_markers,
                                     .null_marker_count = given->null_marker_count,
                                     .forced = forced,
                                     .formats = formats,
                                     .decimal_comma = load->source->decimal_comma};
    TRY(store_measure_decide(&load->schema, &load->stats, &options, load->arena, &load->decisions,
                             err));
    for (size_t i = 0; i < load->schema.count; i++) {
        struct store_column_plan *plan = &load->plans[i];
        if (plan->markers_given)
            TRY(decide_alone(load, i, forced, err));
        const struct typing_decision *decision = &load->decisions[i];
        plan->type = decision->type.kind == DATA_NULL ? DATA_TYPE(TEXT) : decision->type;
        plan->format = decision->format;
        plan->empty_is_null =
            decision->empties; /* testing every cell for it costs a quarter of a load */
        plan->padded = decision->padded || (plan->forced && plan->type.kind != DATA_TEXT);
        plan->null_markers = decision->null_markers;
        plan->null_marker_count = decision->null_marker_count;
    }
    return ERR_OK;
}

/* A text column of a file that has types of its own: is it a date, or a number parted from its
 * limits? */
static bool takes_type(const struct load *load, size_t idx, const struct typing_decision *decision)
{
    bool date = data_type_is_temporal(decision->type) && decision->format == NULL;
    for (size_t i = 0; i < load->split_count; i++)
        if (load->splits[i] == idx && data_type_is_numeric(decision->type))
            return true;
    return date || (load->plans[idx].format_given != NULL && decision->format != NULL);
}

static enum err_code decide_stored_text(struct load *load, size_t idx, struct typing_stats *stats,
                                        struct err *err)
{
    static const char *no_markers[1] = {NULL};
    struct store_column_plan *plan = &load->plans[idx];
    struct typing_options options = {.null_markers =
                                         plan->markers_given ? plan->null_markers : no_markers,
                                     .null_marker_count = plan->null_marker_count,
                                     .formats = &plan->format_given};
    struct typing_decision decision;
    TRY(typing_decide(&stats, &plan->name, 1, &options, load->arena, &decision, err));
    json_decref(decision.warnings);
    if (!takes_type(load, idx, &decision))
        return ERR_OK;
    plan->type = decision.type;
    plan->format = decision.format;
    plan->from_text = true;
    plan->empty_is_null = decision.empties;
    plan->padded = decision.padded;
    return ERR_OK;
}

/* SPSS, Stata and SAS have files whose dates are texts (SDTM's --DTC): those of which every value
 * is a whole ISO date or timestamp get that type. Nothing else of their texts is guessed at. */
static enum err_code decide_dates(struct load *load, struct err *err)
{
    size_t count = 0;
    const char **expressions =
        arena_array(load->arena, load->schema.count + 1, sizeof *expressions);
    size_t *columns = arena_array(load->arena, load->schema.count + 1, sizeof *columns);
    struct store_stats stats = {0};
    if (expressions == NULL || columns == NULL)
        return err_set(err, ERR_MEMORY, "no memory to load a table");
    for (size_t i = 0; i < load->schema.count; i++) {
        AUTO(buf_done) struct buf name = BUF_INIT;
        if (load->plans[i].type.kind != DATA_TEXT || load->plans[i].forced ||
            load->schema.columns[i].value_label_count > 0)
            continue;
        store_sql_name(&name, load->plans[i].source);
        columns[count] = i;
        expressions[count++] = arena_strdup(load->arena, buf_text(&name));
        TRY(buf_check(&name, err));
    }
    if (arena_failed(load->arena))
        return err_set(err, ERR_MEMORY, "no memory to load a table");
    if (count == 0)
        return ERR_OK;
    int64_t rows = 0;
    enum err_code code = store_measure_typing(load->engine, buf_text(&load->relation), expressions,
                                              count, &stats, &rows, err);
    for (size_t i = 0; i < count && code == ERR_OK; i++)
        code = decide_stored_text(load, columns[i], stats.columns[i], err);
    store_stats_done(&stats);
    return code;
}

enum err_code store_load_decide(struct load *load, struct err *err)
{
    struct data_type *forced = arena_array(load->arena, load->schema.count + 1, sizeof *forced);
    load->plans = arena_array(load->arena, load->schema.count + 1, sizeof *load->plans);
    if (forced == NULL || load->plans == NULL)
        return err_set(err, ERR_MEMORY, "no memory to load a table");
    TRY(make_plans(load, forced, err));
    if (load->text)
        TRY(decide_text(load, forced, err));
    else if (load->place != NULL)
        TRY(store_place_decide_keys(load, forced, err));
    else if (load->scan == NULL && load->source->push != NULL && load->source->newest == NULL)
        TRY(decide_dates(load, err));
    for (size_t i = 0; i < load->schema.count; i++)
        load->schema.columns[i].type = load->plans[i].type;
    return ERR_OK;
}

/* ---- documents ---------------------------------------------------------------------------------
 */

static json_t *markers_of(const struct store_column_plan *plan, bool *ok)
{
    json_t *array = json_array();
    for (size_t i = 0; i < plan->null_marker_count; i++)
        json_push_text(array, plan->null_markers[i], ok);
    return array;
}

/* The schema's JSON, each column with its null markers and format. */
static json_t *columns_json(const struct load *load, bool *ok)
{
    json_t *columns = data_schema_to_json(&load->schema);
    if (columns == NULL)
        *ok = false;
    for (size_t i = 0; i < load->schema.count; i++) {
        json_t *column = json_array_get(columns, i);
        json_put(column, "null_markers", markers_of(&load->plans[i], ok), ok);
        if (load->plans[i].format != NULL)
            json_put_text(column, "format", load->plans[i].format, ok);
    }
    return columns;
}

static json_t *decisions_json(const struct load *load, bool *ok)
{
    json_t *decisions = json_array();
    for (size_t i = 0; i < load->schema.count; i++) {
        const struct store_column_plan *plan = &load->plans[i];
        char type[32];
        json_t *decision = json_object();
        json_put_text(decision, "column", plan->name, ok);
        json_put_text(decision, "type", data_type_text(plan->type, type), ok);
        json_put_text(decision, "from",
                      plan->forced      ? "override"
                      : plan->from_text ? "inferred"
                                        : "file",
                      ok);
        json_put_flag(decision, "overridden",
                      plan->forced || plan->markers_given || plan->format_given != NULL, ok);
        json_put(decision, "null_markers", markers_of(plan, ok), ok);
        if (plan->format != NULL)
            json_put_text(decision, "format", plan->format, ok);
        if (plan->padded)
            json_put_flag(decision, "padded", true, ok);
        json_push(decisions, decision, ok);
    }
    return decisions;
}

/* Remedies are written for any column; here it is known which. */
static void name_column(json_t *warning, const char *table, const char *column, bool *ok)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    const char *message = json_text(warning, "message", "");
    const char *at = strstr(message, "\": "); /* after the column's name */
    at = at == NULL ? message : at;
    buf_add_str(&text, (struct str){message, (size_t)(at - message)});
    while (*at != '\0') {
        struct str rest = str_of(at);
        if (str_has_prefix(rest, "TABLE.COLUMN")) {
            buf_printf(&text, "%s.%s", table, column);
            at += strlen("TABLE.COLUMN");
        } else if (str_has_prefix(rest, "COLUMN_")) {
            buf_printf(&text, "%s_", column);
            at += strlen("COLUMN_");
        } else {
            buf_putc(&text, *at++);
        }
    }
    *ok = *ok && !text.failed;
    json_put_text(warning, "message", buf_text(&text), ok);
}

/* The notes of the reader, that there are no rows, then the columns' warnings. */
static json_t *warnings_json(const struct load *load, bool *ok)
{
    json_t *warnings = json_array();
    const json_t *profile = json_object_get(load->object, "profile");
    for (size_t i = 0; i < json_array_size(load->source->notes); i++)
        json_push(warnings, json_incref(json_array_get(load->source->notes, i)), ok);
    if (load->left_out > 0) {
        char message[160];
        json_t *repeated = json_object();
        (void)snprintf(message, sizeof message,
                       "%lld rows were left out: their key has a newer row, or was deleted",
                       (long long)load->left_out);
        json_put_text(repeated, "code", "left_out", ok);
        json_put_text(repeated, "message", message, ok);
        json_put_int(repeated, "count", load->left_out, ok);
        json_push(warnings, repeated, ok);
    }
    if (json_int(load->object, "rows", 0) == 0 && load->rejects.rows == 0) {
        json_t *empty = json_object();
        json_put_text(empty, "code", "no_rows", ok);
        json_put_text(empty, "message", "the table has columns but no rows", ok);
        json_push(warnings, empty, ok);
    }
    /* a given schema's columns may be empty: most servers' exports have no meta.lastUpdated */
    size_t judged = load->source->newest != NULL ? 0 : json_array_size(profile);
    for (size_t i = 0; i < judged; i++) {
        const json_t *own = json_object_get(json_array_get(profile, i), "warnings");
        for (size_t k = 0; k < json_array_size(own); k++) {
            json_t *warning = json_copy(json_array_get(own, k));
            const char *column = json_text(json_array_get(profile, i), "name", "");
            json_put_text(warning, "column", column, ok);
            name_column(warning, load->source->name, column, ok);
            json_push(warnings, warning, ok);
        }
    }
    return warnings;
}

static enum err_code describe_files(struct load *load, struct err *err)
{
    static const char *const names[] = {"table.duckdb", "table.parquet", "rejects.csv"};
    bool ok = true;
    int64_t bytes = 0;
    char path[FILE_PATH_BYTES];
    size_t count = load->rejects.rows > 0 ? 3 : 2;
    JSON_AUTO files = json_array();
    for (size_t i = load->place != NULL ? 2 : 0; i < count; i++) {
        json_t *facts = NULL;
        TRY(file_path_join(load->directory, names[i], path, err));
        TRY(file_fsync(path, err));
        TRY(store_file_facts(load->directory, names[i], &facts, err));
        bytes += json_int(facts, "bytes", 0);
        json_push(files, facts, &ok);
    }
    json_put(load->object, "files", json_incref(files), &ok);
    json_put_int(load->object, "bytes", bytes, &ok);
    json_put_int(load->entry, "bytes", bytes, &ok);
    return json_built(ok && files != NULL, err);
}

/* The files that stay where they are: all about them in object.json, what people ask in the
 * manifest's entry. */
static enum err_code describe_place(struct load *load, struct err *err)
{
    bool ok = true;
    int64_t bytes = 0;
    json_t *place = NULL, *told = json_object();
    enum err_code code =
        store_place_write(load->place, load->plans, load->schema.count, &place, err);
    json_put(load->object, "place", place, &ok);
    for (size_t i = 0; i < load->place->file_count; i++)
        bytes += load->place->files[i].bytes;
    json_put_text(told, "root", load->place->root, &ok);
    json_put_text(told, "format", load->place->format, &ok);
    json_put_int(told, "files", (int64_t)load->place->file_count, &ok);
    json_put_int(told, "bytes", bytes, &ok);
    json_put(told, "partition_columns", json_deep_copy(json_object_get(place, "partition_columns")),
             &ok);
    json_put_text(told, "schema_policy", store_policy_text(load->place->given), &ok);
    json_put(load->entry, "place", told, &ok);
    return code != ERR_OK ? code : json_built(ok, err);
}

enum err_code store_load_describe(struct load *load, struct err *err)
{
    char path[FILE_PATH_BYTES], hash[HASH_HEX_BYTES], rejected[33];
    bool ok = true;
    json_t *object = load->object, *entry = load->entry;
    json_put_int(object, "format", STORE_FORMAT_VERSION, &ok);
    json_put(object, "columns", columns_json(load, &ok), &ok);
    json_put_int(object, "rejected_rows", load->rejects.rows, &ok);
    if (load->rejects.rows > 0)
        json_put_text(object, "rejected_hash", store_hex128(load->rejects.sum, rejected), &ok);
    TRY(json_built(ok, err));
    TRY(store_table_hash(object, hash, err));
    json_put_text(object, "table_hash", hash, &ok);
    json_put_text(entry, "name", load->source->name, &ok);
    json_put_text(entry, "object", hash, &ok);
    json_put_int(entry, "rows", json_int(object, "rows", 0), &ok);
    json_put_int(entry, "rejected_rows", load->rejects.rows, &ok);
    if (load->rejects.rows > 0)
        json_put_text(entry, "rejected_hash", rejected, &ok);
    json_put_text(entry, "source", load->source->origin, &ok);
    json_put_text(entry, "source_sha256", load->source->source_sha256, &ok);
    json_put_int(entry, "source_bytes", load->source->bytes, &ok);
    if (load->stack != NULL) {
        json_put_text(entry, "stack", load->stack->pattern, &ok);
        json_put(entry, "parts", json_incref(load->parts), &ok);
    }
    json_put(entry, "columns", json_incref(json_object_get(object, "columns")), &ok);
    json_put(entry, "decisions", decisions_json(load, &ok), &ok);
    json_put(entry, "warnings", warnings_json(load, &ok), &ok);
    TRY(json_built(ok, err));
    if (load->place != NULL)
        TRY(describe_place(load, err));
    TRY(describe_files(load, err));
    TRY(file_path_join(load->directory, "object.json", path, err));
    TRY(store_document_write(path, object, false, err));
    return file_fsync(load->directory, err);
}
