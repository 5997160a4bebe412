/* What a table is, from its relations, its key and its columns. Pure; runs again after every
 * decision a person takes.
 *
 *   dimension  one row for each key, and others point to it (or it extends the patients one to one,
 * or it stands alone) reference  as a dimension, but a dictionary: no way to a patient, keyed by
 * codes or holding little but labels event      many rows a patient, with a time column;  fact: the
 * same without one bridge     nothing but relations
 *
 * There are no thresholds of size, and every table gets a role. */
#include "profile/profile_priv.h"

#include <string.h>

static const char *const patient_words[] = {"patient", "subject",     "person",
                                            "usubj",   "participant", NULL};
static const char *const dictionary_words[] = {
    "concept", "vocabulary", "dictionary", "dict",        "lookup",    "lkp", "code", "item",
    "labitem", "type",       "icd",        "terminology", "reference", "ref", NULL};

/* People and places are dimensions even where they are but a name and a label. */
static const char *const dimension_words[] = {
    "provider", "caregiver", "doctor",       "physician",    "practitioner",
    "staff",    "nurse",     "department",   "dept",         "ward",
    "unit",     "site",      "organization", "organisation", "hospital",
    "facility", "location",  "payer",        "insurer",      NULL};

static const char *const best_times[] = {
    "chart",     "charttime",   "event",       "taken",    "collected", "collect", "effective",
    "performed", "observation", "measurement", "recorded", "sample",    "drawn",   NULL};
static const char *const start_times[] = {"start", "started",   "startdate", "starttime", "begin",
                                          "admit", "admittime", "admission", "in",        "intime",
                                          "onset", "from",      "order",     "given",     NULL};
static const char *const late_times[] = {
    "end",       "ended",           "enddate",     "endtime", "stop",      "out",    "outtime",
    "disch",     "dischtime",       "discharge",   "store",   "storetime", "update", "updated",
    "create",    "created",         "valid",       "expire",  "expiry",    "to",     "edregtime",
    "edouttime", "acknowledgetime", "outcometime", "load",    "modified",  NULL};
static const char *const never_times[] = {"birth", "dob",       "birthdate", "death",
                                          "dod",   "deathtime", "deathdate", NULL};

static bool live(const struct profile_relation *relation)
{
    return relation->status != PROFILE_REJECTED && relation->child != relation->parent;
}

int64_t profile_reference_count(const struct profile *profile, size_t table)
{
    int64_t count = 0;
    for (size_t i = 0; i < profile->relation_count; i++)
        if (live(&profile->relations[i]) && profile->relations[i].parent == table)
            count++;
    return count;
}

static double time_score(const struct profile_table *table, size_t idx)
{
    const struct profile_column *column = &table->columns[idx];
    struct name_facts name;
    name_facts_of(column->name, &name);
    double rows = (double)table->table->rows,
           complete = rows > 0 ? 1 - (double)column->nulls / rows : 1;
    double score = 3 * complete;
    if (name_has_any(&name.words, late_times))
        score -= 2;
    else if (name_has_any(&name.words, best_times))
        score += 2;
    else if (name_has_any(&name.words, start_times))
        score += 1.6;
    else
        score += 1.2;
    if (column->type.kind != DATA_DATE)
        score += .25;
    return score - .001 * (double)idx;
}

int table_time_column(const struct profile_table *table)
{
    int best = -1;
    double best_score = 0;
    for (size_t i = 0; i < table->table->schema.count; i++) {
        const struct profile_column *column = &table->columns[i];
        if (!data_type_is_temporal(column->type) ||
            (table->table->rows > 0 && column->nulls >= table->table->rows))
            continue;
        struct name_facts name;
        name_facts_of(column->name, &name);
        if (name_has_any(&name.words, never_times))
            continue;
        double score = time_score(table, i);
        if (best < 0 || score > best_score) {
            best = (int)i;
            best_score = score;
        }
    }
    return best;
}

/* The table of patients: one that is named so, or whose referenced key is, most referenced first.
 * -1: none. */
static int patient_table(const struct profile *profile)
{
    int best = -1;
    int64_t best_score = 0;
    for (size_t t = 0; t < profile->table_count; t++) {
        const struct profile_table *table = &profile->tables[t];
        struct name_words core;
        name_table_core(table->table->name, &core);
        bool named = core.count == 1 && name_has_any(&core, patient_words), keyed = false;
        if (table->primary_key.count == 1) {
            struct name_facts key;
            name_facts_of(table->columns[table->primary_key.columns[0]].name, &key);
            keyed = name_has_any(&key.words, patient_words);
        }
        int64_t references = profile_reference_count(profile, t);
        int64_t score = references + (named ? 1000 : 0) + (keyed && references > 0 ? 500 : 0);
        if (score > best_score && (named || keyed)) {
            best = (int)t;
            best_score = score;
        }
    }
    return best;
}

/* reach[t]: t is the patients' table or leads to it, child to parent. */
static void mark_reach(const struct profile *profile, int patients, bool *reach)
{
    if (patients < 0)
        return;
    reach[patients] = true;
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < profile->relation_count; i++) {
            const struct profile_relation *relation = &profile->relations[i];
            if (live(relation) && reach[relation->parent] && !reach[relation->child]) {
                reach[relation->child] = true;
                changed = true;
            }
        }
    }
}

struct shape {       /* of one table */
    size_t outgoing; /* relations to others */
    size_t foreign_columns,
        other_columns; /* columns in relations; columns in neither key nor relation */
    size_t measures, texts;
    bool one_to_one; /* a unique column points to the patients, and that is no accident of a single
                        row */
    const char *one_to_one_parent;
};

static struct shape shape_of(const struct profile *profile, size_t t, int patients)
{
    struct shape shape = {0};
    const struct profile_table *table = &profile->tables[t];
    for (size_t c = 0; c < table->table->schema.count; c++) {
        bool foreign = false, key = false;
        for (size_t i = 0; i < profile->relation_count; i++) {
            const struct profile_relation *relation = &profile->relations[i];
            if (!live(relation) || relation->child != t)
                continue;
            for (size_t k = 0; k < relation->column_count; k++)
                foreign = foreign || relation->child_columns[k] == c;
            bool single = relation->column_count == 1 && relation->child_columns[0] == c &&
                          (int)relation->parent == patients;
            if (single && table->columns[c].unique &&
                (table->table->rows > 1 ||
                 (table->primary_key.count == 1 && table->primary_key.columns[0] == c))) {
                shape.one_to_one = true;
                shape.one_to_one_parent = profile->tables[relation->parent].table->name;
            }
        }
        for (size_t k = 0; k < table->primary_key.count; k++)
            key = key || table->primary_key.columns[k] == c;
        shape.foreign_columns += foreign;
        shape.other_columns += !foreign && !key;
        shape.measures += table->columns[c].role == PROFILE_MEASURE && !key;
        shape.texts += table->columns[c].role == PROFILE_TEXT;
    }
    for (size_t i = 0; i < profile->relation_count; i++)
        shape.outgoing += live(&profile->relations[i]) && profile->relations[i].child == t;
    return shape;
}

static bool is_dictionary(const struct profile_table *table, const struct shape *shape)
{
    struct name_words core;
    name_table_core(table->table->name, &core);
    const char *name = table->table->name;
    if ((name[0] == 'd' || name[0] == 'D') && name[1] == '_')
        return true;
    if (name_has_any(&core, dictionary_words))
        return true;
    if (name_has_any(&core, dimension_words))
        return false;
    if (table->primary_key.count == 1 &&
        table->columns[table->primary_key.columns[0]].role == PROFILE_CODE)
        return true;
    return shape->outgoing == 0 && shape->measures == 0 && shape->other_columns <= 3 &&
           table->time_column < 0;
}

static enum profile_table_role decide(const struct profile *profile, size_t t, int patients,
                                      const bool *reach, struct buf *reason)
{
    const struct profile_table *table = &profile->tables[t];
    struct shape shape = shape_of(profile, t, patients);
    int64_t references = profile_reference_count(profile, t);
    bool keyed = table->primary_key.count == 1;
    const char *key = keyed ? table->columns[table->primary_key.columns[0]].name : "";
    const char *time = table->time_column >= 0 ? table->columns[table->time_column].name : NULL;
    if (table->table->rows == 0) {
        buf_printf(reason, "has no rows%s%s", time != NULL ? "; its columns hold times: " : "",
                   time != NULL ? time : "");
        return time != NULL ? PROFILE_EVENT : PROFILE_FACT;
    }
    if ((int)t == patients) {
        buf_printf(reason, "one row for each patient%s%s; %lld relations point to it",
                   keyed ? ", keyed by " : "", key, (long long)references);
        return PROFILE_DIMENSION;
    }
    if (shape.one_to_one && references == 0) {
        buf_printf(reason, "at most one row for each row of %s", shape.one_to_one_parent);
        return PROFILE_DIMENSION;
    }
    if (references > 0 && !reach[t] && is_dictionary(table, &shape)) {
        buf_printf(reason, "a dictionary: leads to no patient, and %lld relations look up %s in it",
                   (long long)references, keyed ? key : "its key");
        return PROFILE_REFERENCE;
    }
    if (references > 0) {
        buf_puts(reason, "one row for each ");
        for (size_t k = 0; k < table->primary_key.count; k++)
            buf_printf(reason, "%s%s", k > 0 ? " + " : "",
                       table->columns[table->primary_key.columns[k]].name);
        buf_printf(reason, "%s; %lld relations point to it",
                   table->primary_key.count == 0 ? "key" : "", (long long)references);
        return PROFILE_DIMENSION;
    }
    if (shape.outgoing >= 2 &&
        (shape.other_columns == 0 || (!reach[t] && shape.measures == 0 && shape.texts == 0))) {
        buf_printf(reason, "links %zu tables' keys and holds nothing to measure", shape.outgoing);
        return PROFILE_BRIDGE;
    }
    if (reach[t] || shape.outgoing > 0) {
        if (!reach[t] && keyed && shape.measures == 0) {
            buf_printf(reason, "one row for each %s, leads to no patient", key);
            return PROFILE_DIMENSION;
        }
        buf_printf(reason, "many rows %s; %s%s", reach[t] ? "for a patient" : "for a key",
                   time != NULL ? "ordered by " : "no time column", time != NULL ? time : "");
        return time != NULL ? PROFILE_EVENT : PROFILE_FACT;
    }
    if (profile->table_count > 1 &&
        (is_dictionary(table, &shape) || (shape.measures == 0 && time == NULL))) {
        buf_puts(reason, "a dictionary: no relation to any table, neither measures nor times");
        return PROFILE_REFERENCE;
    }
    if (keyed || profile->table_count == 1) {
        buf_printf(reason, "stands alone%s%s", keyed ? ", one row for each " : "", key);
        return keyed ? PROFILE_DIMENSION : time != NULL ? PROFILE_EVENT : PROFILE_FACT;
    }
    buf_printf(reason, "no relation to any table and no single-column key%s%s",
               time != NULL ? "; ordered by " : "", time != NULL ? time : "");
    return time != NULL ? PROFILE_EVENT : PROFILE_FACT;
}

enum err_code table_roles(struct profile *profile, struct err *err)
{
    AUTO(mem_free) bool *reach = mem_zalloc(profile->table_count + 1, sizeof *reach);
    if (reach == NULL)
        return err_set(err, ERR_MEMORY, "out of memory for the roles of %zu tables",
                       profile->table_count);
    for (size_t t = 0; t < profile->table_count; t++)
        profile->tables[t].time_column = table_time_column(&profile->tables[t]);
    int patients = patient_table(profile);
    mark_reach(profile, patients, reach);
    for (size_t t = 0; t < profile->table_count; t++) {
        struct buf reason = BUF_INIT;
        struct profile_table *table = &profile->tables[t];
        table->role = decide(profile, t, patients, reach, &reason);
        mem_free(table->role_reason);
        table->role_reason = buf_take(&reason);
        buf_done(&reason);
        if (table->role_reason == NULL)
            return err_set(err, ERR_MEMORY, "out of memory for a table's role");
    }
    return ERR_OK;
}
