/* Which tables serve which criteria: view.def's rows, or a declaration of the user's own, bound to
 * the columns that are there. */
#include "cohort/views_priv.h"

#include "base/nearest.h"

#include <string.h>

struct view_row {
    enum cohort_domain domain;
    const char *table, *patient, *codes, *text, *dates, *category, *status, *value, *unit,
        *comparator;
};
#define COHORT_PATIENTS(table, patient, gender, birth_date, deceased)
#define COHORT_LOOKUP(table, key, other, other_key, columns)
static const struct view_row rows[] = {
#define COHORT_VIEW(domain, table, patient, codes, text, dates, category, status, value, unit,     \
                    comparator)                                                                    \
    {COHORT_IN_##domain, table,  patient, codes, text,      dates,                                 \
     category,           status, value,   unit,  comparator},
#include "cohort/view.def"
#undef COHORT_VIEW
};
#undef COHORT_PATIENTS
#undef COHORT_LOOKUP
#define COHORT_VIEW(domain, table, patient, codes, text, dates, category, status, value, unit,     \
                    comparator)
#define COHORT_LOOKUP(table, key, other, other_key, columns)
static const char *const patients_row[] = {
#define COHORT_PATIENTS(table, patient, gender, birth_date, deceased)                              \
    table, patient, gender, birth_date, deceased
#include "cohort/view.def"
#undef COHORT_PATIENTS
};
#undef COHORT_LOOKUP
struct lookup_row {
    const char *table, *key, *other, *other_key, *columns;
};
#define COHORT_PATIENTS(table, patient, gender, birth_date, deceased)
static const struct lookup_row lookups[] = {
#define COHORT_LOOKUP(table, key, other, other_key, columns)                                       \
    {table, key, other, other_key, columns},
#include "cohort/view.def"
#undef COHORT_LOOKUP
};
#undef COHORT_PATIENTS
#undef COHORT_VIEW

void cohort_views_free(struct cohort_views *views)
{
    if (views == NULL)
        return;
    data_schema_done(&views->patients.schema);
    for (size_t i = 0; i < views->count; i++) {
        data_schema_done(&views->views[i].schema);
        data_schema_done(&views->views[i].lookup.schema);
    }
    arena_free(views->arena);
    mem_free(views);
}

/* The next of words parted by blanks; empty at the end. */
static struct str next_word(const char **words)
{
    *words += strspn(*words, " ");
    struct str word = {*words, strcspn(*words, " ")};
    *words += word.len;
    return word;
}

/* ---- built in -----------------------------------------------------------------------------------
 */

static void add_codes(struct arena *arena, struct cohort_view *view, const char *codes)
{
    struct cohort_list list = {0};
    for (struct str word = next_word(&codes); word.len > 0; word = next_word(&codes)) {
        struct cohort_code_column *item = cohort_list_add(arena, &list, sizeof *item);
        const char *colon = memchr(word.ptr, ':', word.len);
        if (item == NULL || colon == NULL)
            return;
        struct str system = {colon + 1, word.len - (size_t)(colon - word.ptr) - 1};
        item->name = arena_strndup(arena, word.ptr, (size_t)(colon - word.ptr));
        item->system = cohort_system_uri(arena, system);
    }
    view->codes = list.items;
    view->code_count = list.count;
}

static void built_in_view(struct cohort_views *views, const struct view_row *row,
                          struct cohort_view *view)
{
    *view = (struct cohort_view){.domain = row->domain,
                                 .table = row->table,
                                 .names = {row->patient, row->text, row->dates, row->category,
                                           row->status, row->value, row->unit, row->comparator}};
    add_codes(views->arena, view, row->codes);
}

static void built_in_patients(struct cohort_views *views)
{
    views->patients.table = patients_row[0];
    for (size_t i = 0; i < 4; i++)
        views->patients.names[i] = patients_row[i + 1];
}

/* ---- declared -----------------------------------------------------------------------------------
 */

static enum err_code declared_text(struct cohort_views *views, const json_t *object,
                                   const char *key, bool needed, const char *source,
                                   const char **ret, struct err *err)
{
    const json_t *value = json_object_get(object, key);
    *ret = "";
    if (value == NULL && !needed)
        return ERR_OK;
    if (!json_is_string(value) || json_string_length(value) == 0 ||
        strchr(json_string_value(value), ' ') != NULL) {
        err_set(err, ERR_INPUT, "the declaration of a view needs \"%s\": a name without blanks",
                key);
        return err_at(err, source, 0, 0);
    }
    *ret = arena_strdup(views->arena, json_string_value(value));
    return *ret == NULL ? err_set(err, ERR_MEMORY, "no memory for views") : ERR_OK;
}

static enum err_code declared_codes(struct cohort_views *views, const json_t *codes,
                                    const char *source, struct cohort_view *view, struct err *err)
{
    struct cohort_list list = {0};
    for (size_t i = 0; i < json_array_size(codes); i++) {
        const json_t *one = json_array_get(codes, i);
        const char *column, *system = json_text(one, "system", NULL);
        TRY(declared_text(views, one, "column", true, source, &column, err));
        struct cohort_code_column *item = cohort_list_add(views->arena, &list, sizeof *item);
        if (item == NULL)
            return err_set(err, ERR_MEMORY, "no memory for views");
        item->name = column;
        item->system = system != NULL ? cohort_system_uri(views->arena, str_of(system)) : NULL;
    }
    view->codes = list.items;
    view->code_count = list.count;
    return ERR_OK;
}

static enum err_code declared_view(struct cohort_views *views, const json_t *json,
                                   const char *source, struct cohort_view *view, struct err *err)
{
    static const char *const keys[] = {"patient", "text",  "date", "category",
                                       "status",  "value", "unit", "comparator"};
    const char *domain = json_text(json, "kind", "");
    *view = (struct cohort_view){.declared = true};
    if (!cohort_domain_find(str_of(domain), &view->domain)) {
        err_set(err, ERR_INPUT, "the declaration of a view needs its \"kind\"");
        (void)err_at(err, source, 0, 0);
        return err_hint(err, "condition, observation, medication, procedure, encounter or event");
    }
    TRY(declared_text(views, json, "table", true, source, &view->table, err));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        TRY(declared_text(views, json, keys[i], i == 0, source, &view->names[i], err));
    return declared_codes(views, json_object_get(json, "codes"), source, view, err);
}

static enum err_code declared_patients(struct cohort_views *views, const json_t *json,
                                       const char *source, struct err *err)
{
    static const char *const keys[] = {"patient", "gender", "birth_date", "deceased"};
    if (json == NULL) {
        built_in_patients(views);
        return ERR_OK;
    }
    views->patients.declared = true;
    TRY(declared_text(views, json, "table", true, source, &views->patients.table, err));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        TRY(declared_text(views, json, keys[i], i == 0, source, &views->patients.names[i], err));
    return ERR_OK;
}

/* The declared views first; built-in ones of domains that none of them serves behind them. */
static enum err_code fill(struct cohort_views *views, const json_t *declared, const char *source,
                          struct err *err)
{
    const json_t *list = json_object_get(declared, "views");
    size_t most = json_array_size(list) + sizeof rows / sizeof *rows;
    views->views = arena_array(views->arena, most, sizeof *views->views);
    if (views->views == NULL)
        return err_set(err, ERR_MEMORY, "no memory for views");
    TRY(declared_patients(views, json_object_get(declared, "patients"), source, err));
    for (size_t i = 0; i < json_array_size(list); i++)
        TRY(declared_view(views, json_array_get(list, i), source, &views->views[views->count++],
                          err));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool served = false;
        for (size_t k = 0; k < json_array_size(list); k++)
            served = served || views->views[k].domain == rows[i].domain;
        if (!served)
            built_in_view(views, &rows[i], &views->views[views->count++]);
    }
    return arena_failed(views->arena) ? err_set(err, ERR_MEMORY, "no memory for views") : ERR_OK;
}

enum err_code cohort_views_new(const json_t *declared, const char *source,
                               struct cohort_views **ret, struct err *err)
{
    AUTO(cohort_views_free) struct cohort_views *views = mem_zalloc(1, sizeof *views);
    if (views != NULL)
        views->arena = arena_new(0);
    if (views == NULL || views->arena == NULL)
        return err_set(err, ERR_MEMORY, "no memory for views");
    TRY(fill(views, declared, source, err));
    *ret = views;
    views = NULL;
    return ERR_OK;
}

/* ---- bound to tables ----------------------------------------------------------------------------
 */

/* Keeps the column in the schema of what is used, once. */
static enum err_code keep_column(struct data_schema *schema, const struct data_column *column,
                                 struct err *err)
{
    if (data_schema_find(schema, str_of(column->name)) >= 0)
        return ERR_OK;
    return data_schema_add(schema, str_of(column->name), column->type, err);
}

/* The first of the names that the table has. */
static enum err_code bind_column(struct arena *arena, const struct data_schema *table,
                                 const char *names, struct data_schema *used,
                                 struct cohort_column *ret, struct err *err)
{
    for (struct str word = next_word(&names); word.len > 0; word = next_word(&names)) {
        int at = data_schema_find(table, word);
        if (at < 0)
            continue;
        ret->name = arena_strdup(arena, table->columns[at].name);
        ret->type = table->columns[at].type;
        return keep_column(used, &table->columns[at], err);
    }
    return ERR_OK;
}

static enum err_code missing(const char *table, const char *column, const char *source_hint,
                             struct err *err)
{
    if (column == NULL)
        err_set(err, ERR_NOT_FOUND, "no table or view '%.100s'", table);
    else
        err_set(err, ERR_NOT_FOUND, "'%.100s' has no column '%.100s'", table, column);
    return err_hint(err, "%s", source_hint);
}

static const char views_hint[] = "FHIR data: 'marrow view create NAME' makes the views; other "
                                 "tables: --views FILE says which hold what (docs/COHORT.md)";

static enum err_code bind_codes(struct cohort_views *views, const struct data_schema *table,
                                struct cohort_view *view, struct err *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < view->code_count; i++) {
        int at = data_schema_find(table, str_of(view->codes[i].name));
        if (view->codes[i].name[0] == '=' && view->value.name != NULL) {
            view->codes[kept++] = view->codes[i];
            continue;
        }
        if (at < 0 && view->declared)
            return missing(view->table, view->codes[i].name, views_hint, err);
        if (at < 0)
            continue;
        view->codes[kept] = view->codes[i];
        view->codes[kept++].name = arena_strdup(views->arena, table->columns[at].name);
        TRY(keep_column(&view->schema, &table->columns[at], err));
    }
    view->code_count = kept;
    return ERR_OK;
}

static enum err_code bind_dates(struct cohort_views *views, const struct data_schema *table,
                                struct cohort_view *view, struct err *err)
{
    struct cohort_list list = {0};
    const char *names = view->names[NAME_DATES];
    for (struct str word = next_word(&names); word.len > 0; word = next_word(&names)) {
        char name[128];
        if (word.len >= sizeof name || data_schema_find(table, word) < 0)
            continue;
        memcpy(name, word.ptr, word.len);
        name[word.len] = '\0';
        struct cohort_column *item = cohort_list_add(views->arena, &list, sizeof *item);
        if (item == NULL)
            return err_set(err, ERR_MEMORY, "no memory for views");
        TRY(bind_column(views->arena, table, name, &view->schema, item, err));
    }
    view->dates = list.items;
    view->date_count = list.count;
    return ERR_OK;
}

/* A declared name must be there. */
static enum err_code check_declared(const struct data_schema *table, const char *table_name,
                                    const char *const *names, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (names[i][0] != '\0' && data_schema_find(table, str_of(names[i])) < 0)
            return missing(table_name, names[i], views_hint, err);
    return ERR_OK;
}

/* Which columns of the other table a view's rows can have; of other types than theirs none. */
static enum err_code lookup_columns(const struct cohort_view *view, const char *columns,
                                    const struct data_schema *other, struct data_schema *ret,
                                    struct err *err)
{
    for (struct str word = next_word(&columns); word.len > 0; word = next_word(&columns)) {
        int here = data_schema_find(&view->schema, word), there = data_schema_find(other, word);
        if (here >= 0 && there >= 0 &&
            view->schema.columns[here].type.kind == other->columns[there].type.kind)
            TRY(keep_column(ret, &other->columns[there], err));
    }
    return ERR_OK;
}

/* table: of the view, bound to its columns already. */
static enum err_code bind_lookup(struct cohort_views *views, const struct cohort_binding *binding,
                                 struct cohort_view *view, const char *name,
                                 const struct data_schema *table, struct err *err)
{
    const struct lookup_row *row = NULL;
    struct cohort_lookup lookup = {.table = NULL};
    struct cohort_table other = {0};
    for (size_t i = 0; i < sizeof lookups / sizeof *lookups && !view->declared; i++)
        row = strcmp(lookups[i].table, name) == 0 ? &lookups[i] : row;
    int key = row != NULL ? data_schema_find(table, str_of(row->key)) : -1;
    view->by_reference = key >= 0;
    if (key < 0)
        return ERR_OK;
    struct data_type type = table->columns[key].type; /* table goes with the next */
    TRY(binding->table(binding->user, row->other, row->other_key, &other, err));
    int other_key = other.schema != NULL ? data_schema_find(other.schema, str_of(row->other_key)) : -1;
    if (other_key < 0 || !other.one_row_each || type.kind != other.schema->columns[other_key].type.kind)
        return ERR_OK;
    enum err_code code = keep_column(&lookup.schema, &other.schema->columns[other_key], err);
    if (code == ERR_OK)
        code = lookup_columns(view, row->columns, other.schema, &lookup.schema, err);
    if (code == ERR_OK && data_schema_find(&view->schema, str_of(row->key)) < 0)
        code = data_schema_add(&view->schema, str_of(row->key), type, err);
    lookup.key = row->key;
    lookup.other_key = row->other_key;
    lookup.table = arena_strdup(views->arena, other.name != NULL ? other.name : row->other);
    lookup.identity = other.identity != NULL ? arena_strdup(views->arena, other.identity) : NULL;
    view->lookup = lookup;
    return code;
}

static enum err_code bind_view(struct cohort_views *views, const struct cohort_binding *binding,
                               struct cohort_view *view, struct err *err)
{
    struct cohort_table table = {0};
    struct cohort_column patient = {0};
    TRY(binding->table(binding->user, view->table, NULL, &table, err));
    if (table.schema == NULL)
        return view->declared ? missing(view->table, NULL, views_hint, err) : ERR_OK;
    if (view->declared)
        TRY(check_declared(table.schema, view->table, view->names, 8, err));
    TRY(bind_column(views->arena, table.schema, view->names[NAME_PATIENT], &view->schema, &patient,
                    err));
    if (patient.name == NULL)
        return missing(view->table, view->names[NAME_PATIENT], views_hint, err);
    view->patient = patient.name;
    const char *asked = view->table;
    if (table.name != NULL)
        view->table = arena_strdup(views->arena, table.name);
    view->identity = table.identity != NULL ? arena_strdup(views->arena, table.identity) : NULL;
    struct cohort_column *const columns[] = {&view->text,  &view->category, &view->status,
                                             &view->value, &view->unit,     &view->comparator};
    static const enum cohort_view_name names[] = {NAME_TEXT,  NAME_CATEGORY, NAME_STATUS,
                                                  NAME_VALUE, NAME_UNIT,     NAME_COMPARATOR};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        TRY(bind_column(views->arena, table.schema, view->names[names[i]], &view->schema,
                        columns[i], err));
    TRY(bind_codes(views, table.schema, view, err));
    TRY(bind_dates(views, table.schema, view, err));
    TRY(bind_lookup(views, binding, view, asked, table.schema, err));
    view->bound = true;
    return ERR_OK;
}

static enum err_code bind_patients(struct cohort_views *views, const struct cohort_binding *binding,
                                   struct err *err)
{
    struct cohort_patients *patients = &views->patients;
    struct cohort_table table = {0};
    struct cohort_column patient = {0};
    TRY(binding->table(binding->user, patients->table, NULL, &table, err));
    if (table.schema == NULL)
        return missing(patients->table, NULL, views_hint, err);
    if (patients->declared)
        TRY(check_declared(table.schema, patients->table, patients->names, 4, err));
    struct cohort_column *const columns[] = {&patient, &patients->gender, &patients->birth_date,
                                             &patients->deceased};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        TRY(bind_column(views->arena, table.schema, patients->names[i], &patients->schema,
                        columns[i], err));
    if (patient.name == NULL)
        return missing(patients->table, patients->names[0], views_hint, err);
    patients->patient = patient.name;
    patients->identity = table.identity != NULL ? arena_strdup(views->arena, table.identity) : NULL;
    TRY(binding->table(binding->user, patients->table, patients->patient, &table, err));
    patients->one_row_each = table.one_row_each;
    if (table.name != NULL)
        patients->table = arena_strdup(views->arena, table.name);
    return ERR_OK;
}

enum err_code cohort_views_bind(struct cohort_views *views, const struct cohort_binding *binding,
                                struct err *err)
{
    TRY(bind_patients(views, binding, err));
    for (size_t i = 0; i < views->count; i++)
        TRY(bind_view(views, binding, &views->views[i], err));
    return arena_failed(views->arena) ? err_set(err, ERR_MEMORY, "no memory for views") : ERR_OK;
}

const char *cohort_views_table(const struct cohort_views *views, size_t idx,
                               const char **ret_identity)
{
    *ret_identity = idx == 0 ? views->patients.identity : NULL;
    if (idx == 0)
        return views->patients.table;
    for (size_t i = 0; i < views->count; i++) {
        const struct cohort_view *view = &views->views[i];
        if (!view->bound)
            continue;
        if (--idx == 0) {
            *ret_identity = view->identity;
            return view->table;
        }
        if (view->lookup.table != NULL && --idx == 0) {
            *ret_identity = view->lookup.identity;
            return view->lookup.table;
        }
    }
    return NULL;
}
