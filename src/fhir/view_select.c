/* The selects of a ViewDefinition: their iterations, columns with types, nested selects and unions,
 * and the flat list of outputs. Order of the outputs: own columns, then nested selects, then the
 * columns of unionAll; so those of a select lie side by side. */
#include "fhir/model_priv.h"
#include "fhir/view_read_priv.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* On what the paths of a select are evaluated. */
struct scope {
    struct fhir_static focus;
    const char *resource; /* NULL below an iteration */
    int depth;
};

static enum err_code read_select(struct fhir_reader *reader, const json_t *json, const char *place,
                                 struct scope scope, const struct fhir_select **ret) WARN_UNUSED;

static bool is_primitive(enum fhir_type type)
{
    return type != FHIR_TYPE_UNKNOWN && type != FHIR_TYPE_COMPLEX;
}

/* ---- columns: types -----------------------------------------------------------------------------
 */

/* A JSON value is a number, a boolean or a string; a column of one never holds the others. */
static int json_shape(enum fhir_type type)
{
    switch (fhir_type_system(type)) {
    case FHIR_SYSTEM_BOOLEAN:
        return 1;
    case FHIR_SYSTEM_INTEGER:
    case FHIR_SYSTEM_DECIMAL:
        return type == FHIR_TYPE_INTEGER64 ? 3 : 2;
    case FHIR_SYSTEM_STRING:
    case FHIR_SYSTEM_DATE:
    case FHIR_SYSTEM_DATETIME:
    case FHIR_SYSTEM_TIME:
        return 4;
    case FHIR_SYSTEM_NONE:
        return 0;
    }
    return 0;
}

/* The declared type against what is known of the path. */
static enum err_code check_type(struct fhir_reader *reader, const char *declared, const char *place,
                                const struct fhir_static *known)
{
    struct str local = fhir_type_local_name(str_of(declared));
    enum fhir_type type = fhir_type_find(local);
    int shape = json_shape(type), found = json_shape(known->type);
    const char *structure = fhir_model_structure(local);
    if (type == FHIR_TYPE_UNKNOWN && structure == NULL)
        return fhir_view_note(reader, place, "unknown_type", "FHIR R4 has no type \"%.80s\"",
                              declared);
    if (is_primitive(type) && known->type == FHIR_TYPE_COMPLEX) {
        fhir_view_fail(reader, place, "column of type %s, but its path gives a %s",
                       fhir_type_name(type),
                       known->structure != NULL ? known->structure : "structure");
        return err_hint(reader->err, "let the path go on to one of its elements");
    }
    if ((structure != NULL && is_primitive(known->type)) ||
        (shape != found && shape != 0 && found != 0 && shape != 3 && found != 3))
        return fhir_view_fail(reader, place, "column of type %.*s, but its path gives a %s",
                              (int)local.len, local.ptr, fhir_type_name(known->type));
    return ERR_OK;
}

/* "CHARACTER VARYING(20)", "TIMESTAMP WITH TIME ZONE": SQL's spellings, as data_type_parse knows
 * them. */
static enum err_code parse_ansi(const char *text, struct data_type *ret, struct err *err)
{
    static const struct {
        const char *ansi, *name;
    } SPELLINGS[] = {
        {"character varying", "text"},
        {"national character varying", "text"},
        {"character large object", "text"},
        {"clob", "text"},
        {"character", "text"},
        {"char", "text"},
        {"varchar", "text"},
        {"int", "bigint"},
        {"integer", "bigint"},
        {"smallint", "bigint"},
        {"tinyint", "bigint"},
        {"bigint", "bigint"},
        {"timestamp with time zone", "timestamptz"},
        {"timestamp without time zone", "timestamp"},
        {"timestamp", "timestamp"},
        {"time without time zone", "time"},
        {"double precision", "double"},
        {"real", "double"},
        {"float", "double"},
        {"dec", "decimal"},
        {"numeric", "decimal"},
    };
    char word[64];
    size_t length = strcspn(text, "(");
    while (length > 0 && text[length - 1] == ' ')
        length--;
    snprintf(word, sizeof word, "%.*s", (int)(length < 60 ? length : 60), text);
    const char *arguments = text + strcspn(text, "("), *rest = strchr(arguments, ')');
    bool suffix = rest != NULL && rest[1] != '\0'; /* TIMESTAMP(3) WITH TIME ZONE */
    if (suffix)
        snprintf(word + strlen(word), sizeof word - strlen(word), "%.40s", rest + 1);
    for (size_t i = 0; i < sizeof SPELLINGS / sizeof SPELLINGS[0]; i++)
        if (strcasecmp(word, SPELLINGS[i].ansi) == 0) {
            bool decimal = strcmp(SPELLINGS[i].name, "decimal") == 0;
            snprintf(word, sizeof word, "%s%.40s", SPELLINGS[i].name, decimal ? arguments : "");
            return data_type_parse(str_of(word), ret, err);
        }
    return data_type_parse(str_of(text), ret, err);
}

static bool holds(enum data_kind kind)
{
    return kind == DATA_BOOLEAN || kind == DATA_BIGINT || kind == DATA_DECIMAL ||
           kind == DATA_DOUBLE || kind == DATA_TEXT || kind == DATA_JSON || kind == DATA_DATE ||
           kind == DATA_TIME || kind == DATA_TIMESTAMP || kind == DATA_TIMESTAMPTZ;
}

/* The tag ansi/type: the SQL type that the column shall have. */
static enum err_code read_ansi(struct fhir_reader *reader, const json_t *json, const char *place,
                               struct fhir_view_column *column)
{
    const json_t *tags;
    struct err ignored;
    TRY(fhir_view_array(reader, json, place, "tag", &tags));
    for (size_t i = 0; i < json_array_size(tags); i++) {
        const json_t *tag = json_array_get(tags, i);
        const char *value = json_text(tag, "value", NULL);
        if (strcmp(json_text(tag, "name", ""), "ansi/type") != 0)
            continue;
        const char *at = fhir_view_place_at(reader, place, "tag", i);
        if (at == NULL)
            return fhir_view_no_memory(reader);
        if (value == NULL || parse_ansi(value, &column->type, &ignored) != ERR_OK ||
            !holds(column->type.kind)) {
            fhir_view_fail(reader, at, "\"%.80s\" is no SQL type that a view's column can have",
                           value != NULL ? value : "");
            return err_hint(reader->err, "there are BOOLEAN, INTEGER, BIGINT, DECIMAL(p,s), DOUBLE "
                                         "PRECISION, CHARACTER VARYING, DATE, TIME, TIMESTAMP, "
                                         "TIMESTAMP WITH TIME ZONE");
        }
        column->ansi_type = arena_strdup(reader->view->arena, value);
        if (column->ansi_type == NULL)
            return fhir_view_no_memory(reader);
    }
    return ERR_OK;
}

static enum err_code decide_type(struct fhir_reader *reader, const json_t *json, const char *place,
                                 const struct fhir_static *known, struct fhir_view_column *column)
{
    const char *declared, *at = fhir_view_place(reader, place, "type");
    TRY(fhir_view_text(reader, json, place, "type", &declared));
    if (at == NULL)
        return fhir_view_no_memory(reader);
    struct str name = STR("");
    if (declared != NULL) {
        TRY(check_type(reader, declared, at, known));
        name = fhir_type_local_name(str_of(declared));
    } else if (known->type == FHIR_TYPE_COMPLEX) {
        name = str_of(known->structure);
    } else {
        name = str_of(fhir_type_name(known->type));
    }
    column->fhir_type = arena_strndup(reader->view->arena, name.ptr, name.len);
    column->type = (struct data_type){.kind = fhir_type_kind(fhir_type_find(name))};
    TRY(read_ansi(reader, json, place, column));
    if (column->collection && column->ansi_type != NULL)
        TRY(fhir_view_note(reader, place, "ansi_type",
                           "a collection is JSON, whatever its tag ansi/type says"));
    if (column->collection)
        column->type = DATA_TYPE(JSON);
    return column->fhir_type == NULL ? fhir_view_no_memory(reader) : ERR_OK;
}

/* ---- columns: outputs ---------------------------------------------------------------------------
 */

static enum err_code check_duplicate(struct fhir_reader *reader, const char *name,
                                     const char *place)
{
    for (size_t i = 0; i < reader->column_count; i++) {
        const char *other = reader->columns[i].name;
        if (strcmp(other, name) == 0)
            return fhir_view_fail(reader, place, "a second column \"%s\"", name);
        if (strcasecmp(other, name) == 0)
            return fhir_view_fail(
                reader, place, "column \"%s\" differs from \"%s\" by its case alone", name, other);
    }
    return ERR_OK;
}

/* A new output. */
static enum err_code add_output(struct fhir_reader *reader, const struct fhir_view_column *column,
                                const char *place, size_t *ret)
{
    TRY(check_duplicate(reader, column->name, place));
    if (reader->column_count == FHIR_LIMIT_COLUMNS) {
        fhir_view_fail(reader, place, "a view of more than %d columns", FHIR_LIMIT_COLUMNS);
        return reader->err->code = ERR_LIMIT;
    }
    if (reader->column_count == reader->column_cap) {
        size_t cap = reader->column_cap == 0 ? 16 : reader->column_cap * 2;
        struct fhir_view_column *grown = mem_resize(reader->columns, cap, sizeof *grown);
        if (grown == NULL)
            return fhir_view_no_memory(reader);
        reader->columns = grown;
        reader->column_cap = cap;
    }
    *ret = reader->column_count;
    reader->columns[reader->column_count++] = *column;
    return ERR_OK;
}

/* The output of the first branch that stands where this branch's column stands. */
static enum err_code match_output(struct fhir_reader *reader, const struct fhir_view_column *column,
                                  const char *place, size_t *ret)
{
    struct fhir_branch *branch = &reader->branch;
    if (branch->next == branch->end)
        return fhir_view_fail(reader, place, "column \"%s\" is one more than %s has", column->name,
                              branch->first);
    struct fhir_view_column *output = &reader->columns[branch->next];
    if (strcmp(output->name, column->name) != 0) {
        fhir_view_fail(reader, place, "expected column \"%s\", as in %s, found \"%s\"",
                       output->name, branch->first, column->name);
        return err_hint(reader->err,
                        "all branches of a unionAll have the same columns in the same order");
    }
    if (output->fhir_type[0] == '\0' && output->ansi_type == NULL && !output->collection) {
        output->fhir_type = column->fhir_type; /* the first branch did not know it */
        output->type = column->type;
    } else if (output->collection != column->collection ||
               (!data_type_equal(output->type, column->type) && column->fhir_type[0] != '\0')) {
        return fhir_view_fail(reader, place, "column \"%s\" is of type %s%s, but in %s of %s%s",
                              column->name, column->fhir_type,
                              column->collection ? ", a collection" : "", branch->first,
                              output->fhir_type, output->collection ? ", a collection" : "");
    }
    *ret = branch->next++;
    return ERR_OK;
}

static enum err_code read_flag(struct fhir_reader *reader, const json_t *json, const char *place,
                               bool *ret)
{
    const json_t *value = json_object_get(json, "collection");
    *ret = json_is_true(value);
    return value == NULL || json_is_boolean(value)
               ? ERR_OK
               : fhir_view_fail(reader, place, "collection: expected true or false");
}

static enum err_code read_column(struct fhir_reader *reader, const json_t *json, const char *place,
                                 const struct scope *scope, struct fhir_select_column *ret)
{
    static const char *const MEMBERS[] = {"path", "name", "description", "collection",
                                          "type", "tag",  NULL};
    const char *name, *path, *description;
    struct fhir_view_column column = {0};
    const char *at_name = fhir_view_place(reader, place, "name");
    const char *at_path = fhir_view_place(reader, place, "path");
    if (at_name == NULL || at_path == NULL)
        return fhir_view_no_memory(reader);
    if (!json_is_object(json))
        return fhir_view_fail(reader, place, "expected a column: an object");
    TRY(fhir_view_note_unknown(reader, json, place, MEMBERS));
    TRY(fhir_view_text(reader, json, place, "name", &name));
    TRY(fhir_view_text(reader, json, place, "path", &path));
    TRY(fhir_view_text(reader, json, place, "description", &description));
    TRY(read_flag(reader, json, place, &column.collection));
    if (name == NULL)
        return fhir_view_fail(reader, place, "column without its name");
    if (path == NULL)
        return fhir_view_fail(reader, place, "column without its path");
    if (!fhir_view_is_sql_name(name))
        return fhir_view_fail(reader, at_name,
                              "expected letters, digits and _, beginning with a letter");
    TRY(fhir_view_path(reader, path, at_path, scope->focus, scope->resource, true, &ret->path));
    column.name = arena_strdup(reader->view->arena, name);
    column.description = arena_strdup(reader->view->arena, description != NULL ? description : "");
    if (column.name == NULL || column.description == NULL)
        return fhir_view_no_memory(reader);
    if (description == NULL)
        column.description = NULL;
    TRY(decide_type(reader, json, place, &ret->path->known, &column));
    ret->collection = column.collection;
    return reader->branch.replaying ? match_output(reader, &column, at_name, &ret->output)
                                    : add_output(reader, &column, at_name, &ret->output);
}

static enum err_code read_columns(struct fhir_reader *reader, const json_t *json, const char *place,
                                  const struct scope *scope, struct fhir_select *select)
{
    const json_t *array;
    TRY(fhir_view_array(reader, json, place, "column", &array));
    size_t count = json_array_size(array);
    struct fhir_select_column *columns =
        arena_array(reader->view->arena, count + 1, sizeof *columns);
    if (columns == NULL)
        return fhir_view_no_memory(reader);
    for (size_t i = 0; i < count; i++) {
        const char *at = fhir_view_place_at(reader, place, "column", i);
        if (at == NULL)
            return fhir_view_no_memory(reader);
        TRY(read_column(reader, json_array_get(array, i), at, scope, &columns[i]));
    }
    select->columns = columns;
    select->column_count = count;
    return ERR_OK;
}

/* ---- iterations ---------------------------------------------------------------------------------
 */

static struct fhir_static item_of(const struct fhir_path *path)
{
    struct fhir_static focus = path->known;
    focus.many = false;
    focus.always = true;
    return focus;
}

static bool same_structure(const struct fhir_static *a, const struct fhir_static *b)
{
    return a->type == b->type && a->structure == b->structure;
}

/* A repeat's paths are followed from the focus and from what they lead to. Where the model knows
 * that all of them lead to one structure, each is parsed as of that structure (a path that only it
 * has is none of the focus's); else they are dynamic. */
static enum err_code read_repeat_paths(struct fhir_reader *reader, const json_t *array,
                                       const char *place, struct scope *scope,
                                       const struct fhir_path **paths)
{
    struct fhir_static reached = {0}, dynamic = {0};
    bool one = true;
    size_t count = json_array_size(array);
    for (size_t i = 0; i < count; i++) {
        const char *at = fhir_view_place_at(reader, place, "repeat", i);
        const char *text = json_string_value(json_array_get(array, i));
        if (at == NULL)
            return fhir_view_no_memory(reader);
        if (text == NULL)
            return fhir_view_fail(reader, at, "expected a path: a string");
        TRY(fhir_view_path(reader, text, at, scope->focus, scope->resource, false, &paths[i]));
        struct fhir_static item = item_of(paths[i]);
        if (reached.type == FHIR_TYPE_UNKNOWN)
            reached = item;
        one = one && (item.type == FHIR_TYPE_UNKNOWN || same_structure(&reached, &item));
    }
    for (size_t i = 0; i < count; i++) {
        const char *at = fhir_view_place_at(reader, place, "repeat", i);
        const char *text = json_string_value(json_array_get(array, i));
        const struct fhir_path *below;
        if (at == NULL)
            return fhir_view_no_memory(reader);
        TRY(fhir_view_path(reader, text, at, one ? reached : dynamic, NULL, false, &below));
        struct fhir_static item = item_of(below);
        one = one && (item.type == FHIR_TYPE_UNKNOWN || same_structure(&reached, &item));
        if (item.type != FHIR_TYPE_UNKNOWN)
            paths[i] = below;
        else if (paths[i]->known.type == FHIR_TYPE_UNKNOWN)
            TRY(fhir_view_path(reader, text, at, scope->focus, scope->resource, true, &paths[i]));
    }
    for (size_t i = 0; !one && i < count; i++) {
        const char *text = json_string_value(json_array_get(array, i));
        const char *at = fhir_view_place_at(reader, place, "repeat", i);
        if (at == NULL)
            return fhir_view_no_memory(reader);
        TRY(fhir_view_path(reader, text, at, dynamic, scope->resource, false, &paths[i]));
    }
    scope->focus = one ? reached : dynamic;
    return ERR_OK;
}

static enum err_code read_repeat(struct fhir_reader *reader, const json_t *json, const char *place,
                                 struct scope *scope, struct fhir_select *select)
{
    const json_t *array;
    TRY(fhir_view_array(reader, json, place, "repeat", &array));
    size_t count = json_array_size(array);
    const struct fhir_path **paths =
        arena_array(reader->view->arena, count + 1, sizeof(struct fhir_path *));
    if (paths == NULL)
        return fhir_view_no_memory(reader);
    if (count == 0)
        return fhir_view_fail(reader, place, "repeat without a path");
    TRY(read_repeat_paths(reader, array, place, scope, paths));
    select->iteration = FHIR_REPEAT;
    select->iterates = paths;
    select->iterate_count = count;
    scope->resource = NULL;
    return ERR_OK;
}

static enum err_code read_for_each(struct fhir_reader *reader, const json_t *json,
                                   const char *place, const char *member, struct scope *scope,
                                   struct fhir_select *select)
{
    const char *text, *at = fhir_view_place(reader, place, member);
    const struct fhir_path **paths =
        arena_array(reader->view->arena, 1, sizeof(struct fhir_path *));
    if (at == NULL || paths == NULL)
        return fhir_view_no_memory(reader);
    TRY(fhir_view_text(reader, json, place, member, &text));
    TRY(fhir_view_path(reader, text, at, scope->focus, scope->resource, true, &paths[0]));
    select->iteration = strcmp(member, "forEach") == 0 ? FHIR_FOR_EACH : FHIR_FOR_EACH_OR_NULL;
    select->iterates = paths;
    select->iterate_count = 1;
    scope->focus = item_of(paths[0]);
    scope->resource = NULL;
    return ERR_OK;
}

/* forEach, forEachOrNull or repeat; the scope becomes that of its items. */
static enum err_code read_iteration(struct fhir_reader *reader, const json_t *json,
                                    const char *place, struct scope *scope,
                                    struct fhir_select *select)
{
    static const char *const MEMBERS[] = {"forEach", "forEachOrNull", "repeat"};
    const char *found = NULL;
    for (size_t i = 0; i < sizeof MEMBERS / sizeof MEMBERS[0]; i++) {
        if (json_object_get(json, MEMBERS[i]) == NULL)
            continue;
        if (found != NULL)
            return fhir_view_fail(reader, place, "%s and %s in one select: it may have one of them",
                                  found, MEMBERS[i]);
        found = MEMBERS[i];
    }
    if (found == NULL)
        return ERR_OK;
    return strcmp(found, "repeat") == 0 ? read_repeat(reader, json, place, scope, select)
                                        : read_for_each(reader, json, place, found, scope, select);
}

/* ---- selects ------------------------------------------------------------------------------------
 */

/* The array's selects, side by side. */
static enum err_code read_nested(struct fhir_reader *reader, const json_t *array, const char *place,
                                 struct scope scope, struct fhir_select *select)
{
    size_t count = json_array_size(array);
    const struct fhir_select **nested =
        arena_array(reader->view->arena, count + 1, sizeof(struct fhir_select *));
    if (nested == NULL)
        return fhir_view_no_memory(reader);
    scope.depth++;
    for (size_t i = 0; i < count; i++) {
        const char *at = fhir_view_place_at(reader, place, "select", i);
        if (at == NULL)
            return fhir_view_no_memory(reader);
        TRY(read_select(reader, json_array_get(array, i), at, scope, &nested[i]));
    }
    select->selects = nested;
    select->select_count = count;
    return ERR_OK;
}

/* A branch of a unionAll after the first: it fills outputs begin to end again. */
static enum err_code read_branch(struct fhir_reader *reader, const json_t *json, const char *place,
                                 struct scope scope, struct fhir_branch replay,
                                 const struct fhir_select **ret)
{
    struct fhir_branch outer = reader->branch;
    reader->branch = replay;
    TRY(read_select(reader, json, place, scope, ret));
    size_t next = reader->branch.next;
    reader->branch = outer;
    if (next < replay.end) {
        fhir_view_fail(reader, place, "expected column \"%s\", as in %s",
                       reader->columns[next].name, replay.first);
        return err_hint(reader->err,
                        "all branches of a unionAll have the same columns in the same order");
    }
    return ERR_OK;
}

static enum err_code read_unions(struct fhir_reader *reader, const json_t *json, const char *place,
                                 struct scope scope, struct fhir_select *select)
{
    const json_t *array;
    struct fhir_branch replay = {.replaying = true};
    TRY(fhir_view_array(reader, json, place, "unionAll", &array));
    size_t count = json_array_size(array);
    const struct fhir_select **unions =
        arena_array(reader->view->arena, count + 1, sizeof(struct fhir_select *));
    if (unions == NULL)
        return fhir_view_no_memory(reader);
    scope.depth++;
    for (size_t i = 0; i < count; i++) {
        const char *at = fhir_view_place_at(reader, place, "unionAll", i);
        const json_t *branch = json_array_get(array, i);
        if (at == NULL)
            return fhir_view_no_memory(reader);
        if (i > 0) {
            TRY(read_branch(reader, branch, at, scope, replay, &unions[i]));
            continue;
        }
        bool replaying = reader->branch.replaying;
        replay.next = replaying ? reader->branch.next : reader->column_count;
        TRY(read_select(reader, branch, at, scope, &unions[i]));
        replay.end = replaying ? reader->branch.next : reader->column_count;
        replay.first = at;
    }
    select->unions = unions;
    select->union_count = count;
    return ERR_OK;
}

/* The select's outputs: begin up to end. */
static enum err_code list_outputs(struct fhir_reader *reader, size_t begin, size_t end,
                                  struct fhir_select *select)
{
    size_t *outputs = arena_array(reader->view->arena, end - begin + 1, sizeof *outputs);
    if (outputs == NULL)
        return fhir_view_no_memory(reader);
    for (size_t i = begin; i < end; i++)
        outputs[i - begin] = i;
    select->outputs = outputs;
    select->output_count = end - begin;
    return ERR_OK;
}

static size_t next_output(const struct fhir_reader *reader)
{
    return reader->branch.replaying ? reader->branch.next : reader->column_count;
}

static enum err_code read_select(struct fhir_reader *reader, const json_t *json, const char *place,
                                 struct scope scope, const struct fhir_select **ret)
{
    static const char *const MEMBERS[] = {"column", "select",   "forEach", "forEachOrNull",
                                          "repeat", "unionAll", NULL};
    struct fhir_select *select = arena_alloc(reader->view->arena, sizeof *select);
    const json_t *nested;
    size_t begin = next_output(reader);
    if (select == NULL)
        return fhir_view_no_memory(reader);
    if (!json_is_object(json))
        return fhir_view_fail(reader, place, "expected a select: an object");
    if (scope.depth > FHIR_LIMIT_SELECT_DEPTH) {
        fhir_view_fail(reader, place, "selects nested deeper than %d levels",
                       FHIR_LIMIT_SELECT_DEPTH);
        return reader->err->code = ERR_LIMIT;
    }
    select->where_in_view = place;
    TRY(fhir_view_note_unknown(reader, json, place, MEMBERS));
    TRY(read_iteration(reader, json, place, &scope, select));
    TRY(read_columns(reader, json, place, &scope, select));
    TRY(fhir_view_array(reader, json, place, "select", &nested));
    TRY(read_nested(reader, nested, place, scope, select));
    TRY(read_unions(reader, json, place, scope, select));
    *ret = select;
    return list_outputs(reader, begin, next_output(reader), select);
}

enum err_code fhir_view_read_selects(struct fhir_reader *reader, const json_t *definition,
                                     const struct fhir_select **ret)
{
    struct fhir_view *view = reader->view;
    struct scope scope = {.resource = view->resource};
    const json_t *array;
    struct fhir_select *root = arena_alloc(view->arena, sizeof *root);
    if (root == NULL)
        return fhir_view_no_memory(reader);
    scope.focus = (struct fhir_static){.structure = fhir_model_structure(str_of(view->resource)),
                                       .always = true};
    if (scope.focus.structure != NULL)
        scope.focus.type = FHIR_TYPE_COMPLEX;
    TRY(fhir_view_array(reader, definition, "", "select", &array));
    if (json_array_size(array) == 0)
        return fhir_view_fail(reader, "select", "a view must have a select");
    root->where_in_view = "";
    TRY(read_nested(reader, array, "", scope, root));
    if (reader->column_count == 0)
        return fhir_view_fail(reader, "select", "a view must have a column");
    *ret = root;
    return list_outputs(reader, 0, reader->column_count, root);
}
