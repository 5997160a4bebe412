/* Assembles the mart's plan:
 *
 *   anchor ⟕ dimensions of the anchor ⟕ labs_per_patient ⟕ prescriptions_per_patient ⟕ …  → project
 * → columns of the mart
 *
 * Every join is n:1 or 1:1, so the mart has exactly the anchor's rows. Each table of the version
 * appears in the description: used, or not and why. Pure: a profile and a spec in, a plan out. */
#include "mart/mart_priv.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum err_code mart_grain_parse(const char *text, enum mart_grain *ret, struct err *err)
{
    static const struct {
        const char *text;
        enum mart_grain grain;
    } names[] = {{"patient", MART_PATIENT},
                 {"admission", MART_ADMISSION},
                 {"encounter", MART_ADMISSION},
                 {"event", MART_EVENT}};
    for (size_t i = 0; text != NULL && i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i].text, text) == 0) {
            *ret = names[i].grain;
            return ERR_OK;
        }
    }
    err_set(err, ERR_USAGE, "unknown grain '%s'", text != NULL ? text : "");
    return err_hint(err, "grains: patient, admission, event");
}

const char *mart_grain_text(enum mart_grain grain)
{
    switch (grain) {
    case MART_PATIENT:
        return "patient";
    case MART_ADMISSION:
        return "admission";
    case MART_EVENT:
        return "event";
    }
    return "";
}

const char *mart_lower(struct mart_work *work, const char *text)
{
    char *lower = arena_strdup(plan_arena(work->plan), text);
    for (char *p = lower; p != NULL && *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    return lower;
}

bool mart_output_taken(const struct mart_work *work, const char *name)
{
    for (size_t i = 0; i < work->output_count; i++)
        if (str_equal_nocase(str_of(work->outputs[i].name), str_of(name)))
            return true;
    return false;
}

const char *mart_output_add(struct mart_work *work, const char *name, const struct plan_expr *expr)
{
    const char *unique = name;
    for (int serial = 2; unique != NULL && mart_output_taken(work, unique); serial++)
        unique = arena_printf(plan_arena(work->plan), "%s_%d", name, serial);
    if (work->output_count == work->output_cap) {
        size_t cap = work->output_cap == 0 ? 256 : work->output_cap * 2;
        struct plan_named *grown = cap <= MART_LIMIT_COLUMNS * 2
                                       ? arena_array(plan_arena(work->plan), cap, sizeof *grown)
                                       : NULL;
        work->failed = work->failed || grown == NULL;
        if (grown == NULL)
            return NULL;
        if (work->output_count > 0)
            memcpy(grown, work->outputs, work->output_count * sizeof *grown);
        work->outputs = grown;
        work->output_cap = cap;
    }
    work->outputs[work->output_count++] = (struct plan_named){unique, expr};
    return unique;
}

static json_t *described(const struct mart_work *work, const char *name)
{
    size_t idx;
    json_t *entry;
    json_array_foreach(work->tables, idx, entry)
    {
        if (strcmp(json_text(entry, "name", ""), name) == 0)
            return entry;
    }
    return NULL;
}

static json_t *path_json(const struct mart_work *work, const struct mart_path *path, bool *ok)
{
    json_t *steps = json_array();
    for (size_t s = 0; path != NULL && s < path->count; s++) {
        const struct profile_relation *step = path->steps[s];
        const struct profile_table *child = &work->profile->tables[step->child],
                                   *parent = &work->profile->tables[step->parent];
        char text[512];
        (void)snprintf(text, sizeof text, "%s.%s = %s.%s", child->table->name,
                       child->columns[step->child_columns[0]].name, parent->table->name,
                       parent->columns[step->parent_columns[0]].name);
        json_push_text(steps, text, ok);
    }
    return steps;
}

void mart_describe(struct mart_work *work, size_t table, bool used, const char *reason,
                   const struct mart_path *path, int64_t columns)
{
    const struct profile_table *t = &work->profile->tables[table];
    json_t *entry = described(work, t->table->name);
    bool ok = true;
    if (entry != NULL) { /* used in a second way: both reasons count */
        char both[1024];
        (void)snprintf(both, sizeof both, "%s; %s", json_text(entry, "reason", ""), reason);
        json_put_text(entry, "reason", both, &ok);
        json_put_flag(entry, "used", used || json_flag(entry, "used", false), &ok);
        work->failed = work->failed || !ok;
        return;
    }
    entry = json_object();
    json_put_text(entry, "name", t->table->name, &ok);
    json_put_text(entry, "role", profile_table_role_text(t->role), &ok);
    json_put_int(entry, "rows", t->table->rows, &ok);
    json_put_flag(entry, "used", used, &ok);
    json_put_text(entry, "reason", reason, &ok);
    json_put(entry, "path", path_json(work, path, &ok), &ok);
    if (path != NULL && path->count == 1) { /* who is left out, and why */
        json_put_int(entry, "rows_without_key", path->steps[0]->null_rows, &ok);
        json_put_int(entry, "orphan_rows", path->steps[0]->orphan_rows, &ok);
    }
    json_put_int(entry, "columns", columns, &ok);
    json_push(work->tables, entry, &ok);
    work->failed = work->failed || !ok;
}

void mart_describe_level(struct mart_work *work, const char *output, const char *level)
{
    bool ok = true;
    json_put_text(work->levels, output, level, &ok);
    work->failed = work->failed || !ok;
}

void mart_describe_note(struct mart_work *work, size_t table, const char *note)
{
    bool ok = true;
    json_t *entry = described(work, work->profile->tables[table].table->name);
    json_put_text(entry, "note", note, &ok);
    work->failed = work->failed || !ok;
}

void mart_invariant_add(struct mart_work *work, const char *what, const char *raw, const char *from,
                        const char *mart)
{
    bool ok = true;
    json_t *entry = json_object();
    json_put_text(entry, "what", what, &ok);
    json_put_text(entry, "raw", raw, &ok);
    json_put_text(entry, "from", from, &ok);
    json_put_text(entry, "mart", mart, &ok);
    json_push(work->invariants, entry, &ok);
    work->failed = work->failed || !ok;
}

static void key_list(const struct mart_work *work, const char *alias, struct buf *out)
{
    const struct profile_table *t = &work->profile->tables[work->anchor.table];
    for (size_t k = 0; k < work->anchor.key_count; k++) {
        buf_puts(out, k == 0 ? "" : ", ");
        buf_puts(out, alias);
        engine_quote_identifier(out, str_of(t->columns[work->anchor.key[k]].name));
    }
}

/* FROM of the fact's rows whose key is an anchor's: written by hand, apart from the plan, so that
 * it is an independent check. */
void mart_raw_from(const struct mart_work *work, const struct mart_path *path, struct buf *out)
{
    const struct profile *profile = work->profile;
    buf_puts(out, "FROM ");
    engine_quote_identifier(out, str_of(profile->tables[path->tables[0]].table->name));
    buf_puts(out, " AS t0");
    for (size_t s = 0; s < path->count; s++) {
        const struct profile_relation *step = path->steps[s];
        const struct profile_table *child = &profile->tables[step->child],
                                   *parent = &profile->tables[step->parent];
        buf_puts(out, " JOIN ");
        engine_quote_identifier(out, str_of(parent->table->name));
        buf_printf(out, " AS t%zu ON ", s + 1);
        for (size_t k = 0; k < step->column_count; k++) {
            buf_printf(out, "%st%zu.", k == 0 ? "" : " AND ", s);
            engine_quote_identifier(out, str_of(child->columns[step->child_columns[k]].name));
            buf_printf(out, " = t%zu.", s + 1);
            engine_quote_identifier(out, str_of(parent->columns[step->parent_columns[k]].name));
        }
    }
    for (size_t k = 0; k < work->anchor.key_count; k++) {
        const char *name = profile->tables[work->anchor.table].columns[work->anchor.key[k]].name;
        buf_printf(out, "%st%zu.", k == 0 ? " WHERE " : " AND ", path->count);
        engine_quote_identifier(out, str_of(name));
        buf_puts(out, " IS NOT NULL");
    }
    if (work->spec->inner) {
        buf_puts(out, " AND EXISTS (SELECT 1 FROM marrow_result AS m WHERE ");
        for (size_t k = 0; k < work->anchor.key_count; k++) {
            buf_printf(out, "%sm.", k == 0 ? "" : " AND ");
            engine_quote_identifier(out, str_of(work->outputs[k].name));
            buf_printf(out, " = t%zu.", path->count);
            engine_quote_identifier(
                out, str_of(profile->tables[work->anchor.table].columns[work->anchor.key[k]].name));
        }
        buf_puts(out, ")");
    }
}

/* Columns in ascending order of their names, ASCII case ignored: the canonical order, whatever the
 * file's was. */
const struct plan_expr *mart_row_hash(struct mart_work *work, const struct plan_rel *rel,
                                      size_t table)
{
    const struct data_schema *schema = &work->profile->tables[table].table->schema;
    struct arena *arena = plan_arena(work->plan);
    const struct plan_expr **args = arena_array(arena, schema->count, sizeof *args);
    const char **names = arena_array(arena, schema->count, sizeof *names);
    if (args == NULL || names == NULL)
        return NULL;
    for (size_t i = 0; i < schema->count; i++) {
        size_t at = i;
        for (; at > 0 && strcasecmp(names[at - 1], schema->columns[i].name) > 0; at--)
            names[at] = names[at - 1];
        names[at] = schema->columns[i].name;
    }
    for (size_t i = 0; i < schema->count; i++)
        args[i] = plan_column(work->plan, rel, names[i]);
    return plan_call(work->plan, "row_hash", schema->count, args);
}

/* An anchor without any key: the row's hash and the ordinal of the duplicate. */
static const struct plan_rel *keyless(struct mart_work *work, const struct plan_rel *scan,
                                      size_t table, const char **ret_names)
{
    struct plan *plan = work->plan;
    struct arena *arena = plan_arena(plan);
    const struct data_schema *schema = &work->profile->tables[table].table->schema;
    struct plan_named *outputs = arena_array(arena, schema->count + 1, sizeof *outputs);
    if (outputs == NULL)
        return NULL;
    for (size_t c = 0; c < schema->count; c++)
        outputs[c + 1] = (struct plan_named){schema->columns[c].name,
                                             plan_column(plan, scan, schema->columns[c].name)};
    outputs[0] =
        (struct plan_named){"marrow_row_hash", plan_cast(plan, mart_row_hash(work, scan, table),
                                                         DATA_TYPE(TEXT), false)};
    const struct plan_rel *hashed = plan_project(plan, scan, outputs, schema->count + 1);
    const struct plan_expr *partition = plan_column(plan, hashed, "marrow_row_hash");
    struct plan_order order = {.expr = partition};
    struct plan_named ordinal = {
        "marrow_row_ordinal",
        plan_window_call(plan, "row_number", 0, NULL, &partition, 1, &order, 1, NULL)};
    ret_names[0] = "marrow_row_hash";
    ret_names[1] = "marrow_row_ordinal";
    return plan_window(plan, hashed, &ordinal, 1);
}

/* The anchor's distinct keys, where its key repeats. */
static const struct plan_rel *distinct_keys(struct mart_work *work, const struct plan_rel *scan)
{
    struct plan *plan = work->plan;
    const struct profile_table *t = &work->profile->tables[work->anchor.table];
    struct plan_named *outputs =
        arena_array(plan_arena(plan), work->anchor.key_count, sizeof *outputs);
    const struct plan_rel *known = scan;
    for (size_t k = 0; outputs != NULL && k < work->anchor.key_count; k++) {
        const char *name = t->columns[work->anchor.key[k]].name;
        const struct plan_expr *key = plan_column(plan, scan, name);
        known = plan_filter(plan, known, plan_call(plan, "is_not_null", 1, &key));
        outputs[k] = (struct plan_named){name, key};
    }
    return plan_distinct(plan, plan_project(plan, known, outputs, work->anchor.key_count));
}

/* Join keys marrow_anchor_0… beside the relation's own columns. */
static const struct plan_rel *with_anchor_keys(struct mart_work *work, const struct plan_rel *rel)
{
    struct plan *plan = work->plan;
    const struct profile_table *t = &work->profile->tables[work->anchor.table];
    size_t count = rel == NULL ? 0 : rel->column_count;
    struct plan_named *outputs =
        arena_array(plan_arena(plan), count + work->anchor.key_count + 1, sizeof *outputs);
    for (size_t c = 0; outputs != NULL && c < count; c++)
        outputs[c] =
            (struct plan_named){rel->columns[c].name, plan_column(plan, rel, rel->columns[c].name)};
    for (size_t k = 0; outputs != NULL && k < work->anchor.key_count; k++)
        outputs[count + k] =
            (struct plan_named){arena_printf(plan_arena(plan), "marrow_anchor_%zu", k),
                                plan_column(plan, rel, t->columns[work->anchor.key[k]].name)};
    return plan_project(plan, rel, outputs, count + work->anchor.key_count);
}

static void add_own_columns(struct mart_work *work, const char *const *key_names, size_t key_count)
{
    const struct profile_table *t = &work->profile->tables[work->anchor.table];
    for (size_t k = 0; k < key_count; k++)
        (void)mart_output_add(work, mart_lower(work, key_names[k]),
                              plan_column(work->plan, work->joined, key_names[k]));
    for (size_t c = 0; work->anchor.unique && c < t->table->schema.count; c++) {
        bool is_key = false;
        for (size_t k = 0; k < work->anchor.key_count; k++)
            is_key = is_key || work->anchor.key[k] == c;
        if (!is_key)
            (void)mart_output_add(work, mart_lower(work, t->columns[c].name),
                                  plan_column(work->plan, work->joined, t->columns[c].name));
    }
}

static void add_dimensions(struct mart_work *work, const struct mart_dimensions *dimensions)
{
    for (size_t d = 0; d < dimensions->count; d++) {
        const struct mart_dimension_column *column = &dimensions->columns[d];
        const char *name =
            arena_printf(plan_arena(work->plan), "%s__%s", column->via,
                         work->profile->tables[column->table].columns[column->column].name);
        const char *output =
            name != NULL ? mart_output_add(work, mart_lower(work, name),
                                           plan_column(work->plan, work->joined, column->source))
                         : NULL;
        if (work->person.key_count > 0 && work->person_output == NULL &&
            column->table == work->person.table && column->column == work->person.key[0])
            work->person_output = output;
    }
    for (size_t i = 0; i < work->profile->table_count; i++)
        if (dimensions->used[i])
            mart_describe(work, i, true, "its columns are joined to each row", NULL, 0);
}

/* Start: the anchor's rows with their own columns and dimensions. */
static enum err_code start(struct mart_work *work, struct mart_plan *plan,
                           struct mart_dimensions *ret_dimensions, struct err *err)
{
    const struct profile_table *t = &work->profile->tables[work->anchor.table];
    const char *key_names[MART_LIMIT_KEY_COLUMNS + 1];
    const struct plan_rel *rel = mart_scan(work, work->anchor.table);
    size_t key_count = work->anchor.key_count;
    for (size_t k = 0; k < key_count; k++)
        key_names[k] = t->columns[work->anchor.key[k]].name;
    if (key_count == 0) {
        rel = keyless(work, rel, work->anchor.table, key_names);
        key_count = 2;
    } else if (!work->anchor.unique) {
        rel = distinct_keys(work, rel);
    }
    rel = with_anchor_keys(work, rel);
    bool *skip = arena_array(plan_arena(work->plan), work->profile->table_count, sizeof *skip);
    if (skip == NULL)
        return err_set(err, ERR_MEMORY, "no memory to plan the mart");
    skip[work->anchor.table] = true;
    work->joined = rel;
    if (work->anchor.unique)
        work->joined = mart_join_dimensions(work, rel, work->anchor.table, skip, ret_dimensions);
    add_own_columns(work, key_names, key_count);
    for (size_t k = 0; k < key_count && k < work->output_count; k++)
        plan->grain_key[k] = work->outputs[k].name;
    plan->grain_key_count = key_count;
    mart_describe(work, work->anchor.table, true,
                  work->anchor.unique ? "the anchor: one row each"
                                      : "the anchor: its distinct keys",
                  NULL, (int64_t)work->output_count);
    if (ret_dimensions->used != NULL)
        add_dimensions(work, ret_dimensions);
    return ERR_OK;
}

/* Why a table is not in the mart. */
static const char *absence(const struct mart_work *work, size_t table)
{
    const struct profile *profile = work->profile;
    struct arena *arena = plan_arena(work->plan);
    struct mart_path path;
    if (profile->tables[table].table->rows == 0)
        return "it has no rows, so no relation leads from it to the anchor";
    for (size_t i = 0; i < profile->relation_count; i++) {
        const struct profile_relation *relation = &profile->relations[i];
        const char *problem = mart_relation_problem(profile, relation);
        bool decided = relation->status == PROFILE_CONFIRMED || relation->status == PROFILE_ADDED;
        if (relation->child == table && relation->parent != table && decided && problem != NULL)
            return arena_printf(arena, "its relation to %s is not used: %s",
                                profile->tables[relation->parent].table->name, problem);
    }
    for (size_t i = 0; i < profile->table_count; i++)
        if (work->spec->grain == MART_ADMISSION &&
            mart_path_find(profile, work->anchor.table, i, &path) &&
            mart_path_find(profile, table, i, &path))
            return arena_printf(arena, "it leads to %s but not to %s: see the patient grain",
                                profile->tables[i].table->name,
                                profile->tables[work->anchor.table].table->name);
    for (size_t i = 0; i < profile->relation_count; i++)
        if (profile->relations[i].parent == table &&
            mart_relation_usable(profile, &profile->relations[i]))
            return "it is referred to only by tables that do not reach the anchor";
    return "no relation leads from it to the anchor; add one with 'marrow relations NAME add "
           "CHILD.COLUMN PARENT.COLUMN'";
}

/* Once for each way in which the table refers to the anchor: transplants have a donor and a
 * recipient. */
static enum err_code add_fact(struct mart_work *work, size_t table, const struct mart_path *path,
                              struct err *err)
{
    const struct profile_table *t = &work->profile->tables[table];
    const struct profile_relation *roles[MART_LIMIT_ROLES];
    size_t count =
        path->count == 1 ? mart_roles(work->profile, table, work->anchor.table, roles) : 0;
    if (count < 2)
        return mart_add_fact(work, table, t->table->name, path, err);
    for (size_t r = 0; r < count; r++) {
        struct mart_path *way = arena_array(plan_arena(work->plan), 1, sizeof *way);
        const char *name = arena_printf(plan_arena(work->plan), "%s_by_%s", t->table->name,
                                        t->columns[roles[r]->child_columns[0]].name);
        if (way == NULL || name == NULL)
            return err_set(err, ERR_MEMORY, "no memory to plan table '%s'", t->table->name);
        *way = *path;
        way->steps[0] = roles[r];
        TRY(mart_add_fact(work, table, name, way, err));
    }
    return ERR_OK;
}

/* Facts at patient and admission grain: every table with an n:1 path to the anchor that is not
 * already a dimension of it. */
static enum err_code add_facts(struct mart_work *work, const struct mart_dimensions *dimensions,
                               struct err *err)
{
    struct mart_path own = {.tables = {work->anchor.table}};
    if (!work->anchor.unique)
        TRY(mart_add_fact(work, work->anchor.table,
                          work->profile->tables[work->anchor.table].table->name, &own, err));
    for (size_t i = 0; i < work->profile->table_count; i++) {
        struct mart_path path;
        bool joined = dimensions->used != NULL &&
                      dimensions->used[i]; /* n:1 from the anchor: nothing to aggregate */
        if (i != work->anchor.table && !joined &&
            mart_path_find(work->profile, i, work->anchor.table, &path))
            TRY(add_fact(work, i, &path, err));
    }
    return ERR_OK;
}

static void check_anchor_rows(struct mart_work *work)
{
    const struct profile_table *t = &work->profile->tables[work->anchor.table];
    AUTO(buf_done) struct buf from = BUF_INIT, distinct = BUF_INIT;
    buf_puts(&from, "FROM ");
    if (!work->anchor.unique) {
        buf_puts(&from, "(SELECT DISTINCT ");
        key_list(work, "", &from);
        buf_puts(&from, " FROM ");
    }
    engine_quote_identifier(&from, str_of(t->table->name));
    for (size_t k = 0; !work->anchor.unique && k < work->anchor.key_count; k++) {
        buf_puts(&from, k == 0 ? " WHERE " : " AND ");
        engine_quote_identifier(&from, str_of(t->columns[work->anchor.key[k]].name));
        buf_puts(&from, " IS NOT NULL");
    }
    buf_puts(&from, work->anchor.unique ? " AS t0" : ") AS t0");
    if (!work->spec->inner)
        mart_invariant_add(work, "rows of the mart = rows of the anchor", "count(*)",
                           buf_text(&from), "count(*)");
    buf_puts(&distinct, "FROM (SELECT DISTINCT ");
    for (size_t k = 0; k < (work->anchor.key_count == 0 ? 2 : work->anchor.key_count); k++) {
        buf_puts(&distinct, k == 0 ? "" : ", ");
        engine_quote_identifier(&distinct, str_of(work->outputs[k].name));
    }
    buf_puts(&distinct, " FROM marrow_result) AS t0");
    mart_invariant_add(work, "the grain key is unique", "count(*)", buf_text(&distinct),
                       "count(*)");
}

/* Whose rows these are; key_count 0: nobody is known. */
static void find_person(struct mart_work *work)
{
    struct mart_spec patient = {.grain = MART_PATIENT};
    if (work->spec->grain == MART_PATIENT ||
        mart_anchor_choose(work->profile, &patient, &work->person, NULL) != ERR_OK)
        work->person.key_count = 0;
    json_decref(work->person.reasons);
    work->person.reasons = NULL;
}

/* Does the table hold events of patients: rows that lead to a patient, or rows beside which the
 * patient's key repeats? */
static bool is_events(const struct mart_work *work, size_t table)
{
    struct mart_path path;
    if (work->person.key_count == 0)
        return false;
    return table == work->person.table
               ? !work->person.unique
               : mart_path_find(work->profile, table, work->person.table, &path);
}

/* With a time before without, then the most rows. */
static bool better_event(const struct profile_table *a, const struct profile_table *b)
{
    bool a_timed = a->time_column >= 0, b_timed = b->time_column >= 0;
    return a_timed != b_timed ? a_timed : a->table->rows > b->table->rows;
}

/* Event grain: the fact to take, given or chosen among those that reach a patient. */
static enum err_code choose_event(struct mart_work *work, struct err *err)
{
    const struct profile *profile = work->profile;
    size_t best = profile->table_count;
    if (work->spec->event != NULL)
        TRY(mart_table_find(profile, work->spec->event, &best, err));
    for (size_t i = 0; work->spec->event == NULL && i < profile->table_count; i++)
        if (is_events(work, i) && profile->tables[i].table->rows > 0 &&
            (best == profile->table_count ||
             better_event(&profile->tables[i], &profile->tables[best])))
            best = i;
    if (best == profile->table_count) {
        err_set(err, ERR_INPUT, "no table of events was found: none leads to a patient");
        return err_hint(err, "name it: marrow mart build NAME --grain event --event TABLE");
    }
    const struct profile_table *t = &profile->tables[best];
    work->anchor = (struct mart_anchor){.table = best, .unique = true, .reasons = json_array()};
    work->anchor.key_count = t->primary_key.count;
    memcpy(work->anchor.key, t->primary_key.columns, sizeof t->primary_key.columns);
    bool ok = work->anchor.reasons != NULL;
    const char *chosen =
        t->time_column >= 0
            ? "of the tables with a time and a way to the patient, the one with the most rows"
            : "no table with a way to the patient has a time: the one with the most rows";
    json_push_text(work->anchor.reasons, work->spec->event != NULL ? "given with --event" : chosen,
                   &ok);
    json_push_text(
        work->anchor.reasons,
        t->primary_key.count > 0
            ? "its primary key names the event"
            : "it has no key: the row's hash and the ordinal of the duplicate name the event",
        &ok);
    return json_built(ok, err);
}

/* The column whose hash buckets an event mart: the patient's key, held by the event itself or
 * joined to it; else the event's own first key. */
static const char *bucket_column(const struct mart_work *work, const struct mart_plan *plan)
{
    const struct profile *profile = work->profile;
    const struct profile_table *t = &profile->tables[work->anchor.table];
    struct mart_path path;
    const char *own = NULL;
    if (work->person.key_count > 0 && work->person.table == work->anchor.table)
        own = t->columns[work->person.key[0]].name;
    else if (work->person.key_count > 0 &&
             mart_path_find(profile, work->anchor.table, work->person.table, &path) &&
             path.count == 1)
        own = t->columns[path.steps[0]->child_columns[0]].name;
    for (size_t i = 0; own != NULL && i < work->output_count; i++)
        if (str_equal_nocase(str_of(work->outputs[i].name), str_of(own)))
            return work->outputs[i].name;
    return work->person_output != NULL ? work->person_output : plan->grain_key[0];
}

static void describe_rest(struct mart_work *work)
{
    for (size_t i = 0; i < work->profile->table_count; i++) {
        if (described(work, work->profile->tables[i].table->name) != NULL)
            continue;
        bool event = work->spec->grain == MART_EVENT;
        mart_describe(
            work, i, false,
            event
                ? "not a dimension of the event: it would multiply its rows (see the patient grain)"
                : absence(work, i),
            NULL, 0);
    }
}

static enum err_code finish(struct mart_work *work, struct mart_plan *ret, struct err *err)
{
    bool ok = !work->failed;
    const struct profile_table *t = &work->profile->tables[work->anchor.table];
    ret->root = plan_project(work->plan, work->joined, work->outputs, work->output_count);
    if (work->output_count > MART_LIMIT_COLUMNS)
        return err_set(err, ERR_LIMIT,
                       "the mart would have %zu columns, more than %d; narrow it with --policy",
                       work->output_count, MART_LIMIT_COLUMNS);
    TRY(plan_finish(work->plan, ret->root, err));
    json_t *description = json_object(), *key = json_array();
    for (size_t k = 0; k < ret->grain_key_count; k++)
        json_push_text(key, ret->grain_key[k], &ok);
    json_put_text(description, "grain", mart_grain_text(work->spec->grain), &ok);
    json_put(description, "grain_key", key, &ok);
    json_put_text(description, "anchor_table", t->table->name, &ok);
    json_put(description, "anchor_reasons", json_incref(work->anchor.reasons), &ok);
    json_put_text(description, "join", work->spec->inner ? "inner" : "left", &ok);
    json_put(description, "tables", json_incref(work->tables), &ok);
    json_put(description, "levels", json_incref(work->levels), &ok);
    json_put(description, "kinds", json_incref(work->kinds), &ok);
    json_put(description, "policy", mart_policy_json(work->spec->policy, &ok), &ok);
    ret->description = description;
    ret->invariants = json_incref(work->invariants);
    return json_built(ok, err);
}

static enum err_code make(struct mart_work *work, struct mart_plan *ret, struct err *err)
{
    bool event = work->spec->grain == MART_EVENT;
    TRY(mart_policy_check(work->spec->policy, work->profile, err));
    find_person(work);
    if (event)
        TRY(choose_event(work, err));
    else
        TRY(mart_anchor_choose(work->profile, work->spec, &work->anchor, err));
    struct mart_dimensions dimensions = {0};
    TRY(start(work, ret, &dimensions, err));
    if (!event && work->anchor.key_count > 0)
        TRY(add_facts(work, &dimensions, err));
    check_anchor_rows(work);
    describe_rest(work);
    const char *table = mart_lower(work, work->profile->tables[work->anchor.table].table->name);
    (void)snprintf(ret->name, sizeof ret->name, "mart_%s%s%s", mart_grain_text(work->spec->grain),
                   event ? "_" : "", event && table != NULL ? table : "");
    if (event) {
        ret->bucket_column = bucket_column(work, ret);
        ret->buckets = work->spec->buckets > 0 ? work->spec->buckets : 64;
    }
    return finish(work, ret, err);
}

enum err_code mart_plan_make(const struct profile *profile, const struct mart_spec *spec,
                             struct mart_plan **ret, struct err *err)
{
    struct mart_plan *made = mem_zalloc(1, sizeof *made);
    struct mart_work work = {.profile = profile,
                             .spec = spec,
                             .tables = json_array(),
                             .levels = json_object(),
                             .kinds = json_array(),
                             .invariants = json_array()};
    if (made != NULL)
        made->plan = work.plan = plan_new();
    enum err_code code = made == NULL || work.plan == NULL || work.tables == NULL ||
                                 work.levels == NULL || work.kinds == NULL ||
                                 work.invariants == NULL
                             ? err_set(err, ERR_MEMORY, "no memory to plan the mart")
                             : make(&work, made, err);
    json_decref(work.tables);
    json_decref(work.levels);
    json_decref(work.kinds);
    json_decref(work.invariants);
    json_decref(work.anchor.reasons);
    if (code != ERR_OK)
        mart_plan_free(made);
    else
        *ret = made;
    return code;
}

enum err_code mart_plan_open(struct store *store, struct store_version *version,
                             const struct profile *profile, const struct mart_spec *spec,
                             struct mart_plan **ret, struct err *err)
{
    JSON_AUTO kinds = NULL;
    struct mart_spec with_kinds = *spec;
    TRY(mart_policy_check(spec->policy, profile, err));
    if (spec->grain != MART_EVENT) /* each event keeps its value as it is */
        TRY(mart_kinds_read(store, version, profile, spec->policy, &kinds, err));
    with_kinds.kinds = kinds;
    return mart_plan_make(profile, &with_kinds, ret, err);
}

void mart_plan_free(struct mart_plan *plan)
{
    if (plan == NULL)
        return;
    json_decref(plan->description);
    json_decref(plan->invariants);
    plan_free(plan->plan);
    mem_free(plan);
}

const struct plan_rel *mart_plan_root(const struct mart_plan *plan)
{
    return plan->root;
}

const json_t *mart_plan_description(const struct mart_plan *plan)
{
    return plan->description;
}
