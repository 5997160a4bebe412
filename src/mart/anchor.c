/* Choosing the anchor: the table (and key) that defines one row of the mart. Evidence, not rules:
 * names of the table and of its key, how many tables refer to it, whether it is itself a child. The
 * reasons are kept and shown; --anchor overrides. */
#include "mart/mart_priv.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct word {
    const char *text;
    double weight;
};
static const struct word patient_words[] = {
    {"patient", 1.0},     {"person", 1.0},   {"subject", 1.0}, {"participant", 1.0},
    {"demographic", 0.9}, {"dm", 0.9},       {"usubjid", 1.0}, {"mrn", 0.9},
    {"pat", 0.7},         {"pid", 0.8},      {"member", 0.6},  {"case", 0.4},
    {"pt", 0.4},          {"enrollee", 0.7},
};
static const struct word admission_words[] = {
    {"admission", 1.0},
    {"hadm", 1.0},
    {"encounter", 1.0},
    {"visit", 0.9},
    {"hospitalization", 0.9},
    {"hospitalisation", 0.9},
    {"adm", 0.8},
    {"episode", 0.7},
    {"stay", 0.6},
    {"inpatient", 0.6},
    {"sv", 0.9},
};
/* Words that say the table is about something narrower. */
static const struct word narrowing_words[] = {{"detail", 0.5},  {"transfer", 0.5}, {"icu", 0.3},
                                              {"history", 0.4}, {"item", 0.4},     {"period", 0.5},
                                              {"death", 0.5}};
/* Words that make a grain's name into something else: admission_type_id names no admission. */
static const struct word kind_words[] = {
    {"type", 1},  {"status", 1}, {"source", 1},  {"location", 1}, {"category", 1},
    {"class", 1}, {"reason", 1}, {"concept", 1}, {"time", 1},     {"date", 1}};
/* Words that make a number into a name: patient_nbr. */
static const struct word naming_words[] = {{"id", 1},  {"nbr", 1}, {"no", 1},
                                           {"num", 1}, {"nr", 1},  {"number", 1},
                                           {"key", 1}, {"mrn", 1}, {"identifier", 1}};

bool mart_next_token(const char **cursor, char ret[64])
{
    const char *p = *cursor;
    size_t length = 0;
    while (*p != '\0' && !isalpha((unsigned char)*p))
        p++;
    while (isalpha((unsigned char)*p) && length < 63) {
        if (length > 0 && isupper((unsigned char)*p) && islower((unsigned char)p[-1]))
            break;
        ret[length++] = (char)tolower((unsigned char)*p++);
    }
    *cursor = p;
    if (length > 3 && ret[length - 1] == 's')
        length--;
    ret[length] = '\0';
    return length > 0;
}

static double name_weight(const char *name, const struct word *words, size_t count)
{
    char token[64];
    double best = 0;
    while (mart_next_token(&name, token)) {
        for (size_t i = 0; i < count; i++) {
            size_t length = strlen(words[i].text);
            bool whole = strcmp(token, words[i].text) == 0;
            bool prefix =
                length >= 5 && strncmp(token, words[i].text, length) == 0; /* "patientunitstay" */
            double weight = whole ? words[i].weight : prefix ? words[i].weight * 0.8 : 0;
            best = weight > best ? weight : best;
        }
    }
    return best;
}
#define NAME_WEIGHT(name, words) name_weight((name), (words), sizeof(words) / sizeof *(words))

static double grain_weight(const char *name, enum mart_grain grain)
{
    return grain == MART_PATIENT ? NAME_WEIGHT(name, patient_words)
                                 : NAME_WEIGHT(name, admission_words);
}

static size_t references_to(const struct profile *profile, size_t table)
{
    size_t count = 0;
    for (size_t i = 0; i < profile->relation_count; i++)
        count += profile->relations[i].parent == table &&
                         mart_relation_usable(profile, &profile->relations[i])
                     ? 1
                     : 0;
    return count;
}

static size_t references_from(const struct profile *profile, size_t table)
{
    size_t count = 0;
    for (size_t i = 0; i < profile->relation_count; i++)
        count += profile->relations[i].child == table &&
                         mart_relation_usable(profile, &profile->relations[i])
                     ? 1
                     : 0;
    return count;
}

static void reason(json_t *reasons, const char *format, ...) PRINTF_LIKE(2, 3);
static void reason(json_t *reasons, const char *format, ...)
{
    char text[512];
    va_list args;
    if (reasons == NULL)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    bool ok = true;
    json_push_text(reasons, text, &ok);
}

/* How well a column's name says that it names one of the grain. */
static double key_weight(const char *name, enum mart_grain grain)
{
    return NAME_WEIGHT(name, kind_words) > 0 ? 0 : grain_weight(name, grain);
}

static bool identifies(const struct profile_column *column)
{
    bool whole = column->type.kind == DATA_BIGINT || column->type.kind == DATA_TEXT;
    return column->role == PROFILE_IDENTIFIER || column->unique ||
           (whole && NAME_WEIGHT(column->name, naming_words) > 0);
}

static void set_key(struct mart_anchor *ret, const size_t *columns, size_t count)
{
    ret->key_count = count;
    for (size_t k = 0; k < count; k++)
        ret->key[k] = columns[k];
}

static bool same_parent(const struct profile_relation *a, const struct profile_relation *b)
{
    if (a->parent != b->parent || a->column_count != b->column_count)
        return false;
    for (size_t k = 0; k < a->column_count; k++)
        if (a->parent_columns[k] != b->parent_columns[k])
            return false;
    return true;
}

/* The key that most relations refer to; of equals the first, which is the surest in the profile's
 * order. */
static void referenced_key(const struct profile *profile, size_t table, struct mart_anchor *ret)
{
    size_t most = 0;
    for (size_t i = 0; i < profile->relation_count; i++) {
        const struct profile_relation *relation = &profile->relations[i];
        size_t count = 0;
        if (relation->parent != table || !mart_relation_usable(profile, relation))
            continue;
        for (size_t k = 0; k < profile->relation_count; k++)
            count += same_parent(relation, &profile->relations[k]) &&
                             mart_relation_usable(profile, &profile->relations[k])
                         ? 1
                         : 0;
        if (count > most) {
            most = count;
            set_key(ret, relation->parent_columns, relation->column_count);
        }
    }
}

/* The key a table would give: the referenced one, else an identifier named for the grain, else the
 * primary key. Where an identifier named for the grain repeats and the referenced key is named for
 * something else (admissions of patients, referred to by admission), it is the identifier. */
static void choose_key(const struct profile *profile, size_t table, enum mart_grain grain,
                       struct mart_anchor *ret)
{
    const struct profile_table *t = &profile->tables[table];
    size_t named = t->table->schema.count;
    double best = 0;
    ret->table = table;
    ret->key_count = 0;
    ret->unique = true;
    for (size_t c = 0; c < t->table->schema.count; c++) {
        double weight = key_weight(t->columns[c].name, grain);
        if (identifies(&t->columns[c]) && weight > best) {
            best = weight;
            named = c;
        }
    }
    referenced_key(profile, table, ret);
    bool repeats = named < t->table->schema.count && best >= 0.7 && !t->columns[named].unique;
    if (ret->key_count > 0 && !(repeats && grain_weight(t->table->name, grain) == 0 &&
                                key_weight(t->columns[ret->key[0]].name, grain) == 0))
        return;
    if (t->primary_key.count > 0)
        set_key(ret, t->primary_key.columns, t->primary_key.count);
    bool part = false; /* (patient, visit) is the key of a visit; visit alone is not */
    for (size_t k = 0; k < t->primary_key.count; k++)
        part = part || (grain == MART_ADMISSION && t->primary_key.count > 1 &&
                        t->primary_key.columns[k] == named);
    if (named < t->table->schema.count && !part) {
        set_key(ret, &named, 1);
        ret->unique = t->columns[named].unique;
    }
}

/* The best name among the key's columns. */
static double anchor_key_weight(const struct profile_table *table, const struct mart_anchor *anchor,
                                enum mart_grain grain, const char **ret_name)
{
    double best = 0;
    *ret_name = table->columns[anchor->key[0]].name;
    for (size_t k = 0; k < anchor->key_count; k++) {
        double weight = key_weight(table->columns[anchor->key[k]].name, grain);
        if (weight > best) {
            best = weight;
            *ret_name = table->columns[anchor->key[k]].name;
        }
    }
    return best;
}

double mart_anchor_score(const struct profile *profile, size_t table, enum mart_grain grain,
                         json_t *reasons)
{
    const struct profile_table *t = &profile->tables[table];
    struct mart_anchor anchor = {0};
    choose_key(profile, table, grain, &anchor);
    if (anchor.key_count == 0)
        return -1;
    const char *key_name = "";
    double by_name = grain_weight(t->table->name, grain),
           by_key = anchor_key_weight(t, &anchor, grain, &key_name);
    double narrowing = NAME_WEIGHT(t->table->name, narrowing_words);
    size_t to = references_to(profile, table), from = references_from(profile, table);
    double share = profile->table_count > 1 ? (double)to / (double)(profile->table_count - 1) : 0;
    if (by_name > 0)
        reason(reasons, "its name says %s", mart_grain_text(grain));
    if (by_key > 0)
        reason(reasons, "its key '%s' names the %s", key_name, mart_grain_text(grain));
    if (to > 0)
        reason(reasons, "%zu relation%s lead%s to it", to, to == 1 ? "" : "s", to == 1 ? "s" : "");
    reason(reasons,
           anchor.unique ? "its key is unique (%lld rows)"
                         : "its key repeats over %lld rows: the anchor is its distinct values",
           (long long)t->table->rows);
    double score = 4 * by_name + 2 * by_key + 3 * share - 3 * narrowing + (anchor.unique ? 1 : 0);
    if (grain == MART_PATIENT) {
        score -= from > 0 ? 0.5 : 0;
        if (by_name + by_key == 0 && (to == 0 || from > 0 || t->role == PROFILE_REFERENCE))
            return -1;
    } else if (by_name + by_key == 0) {
        return -1;
    }
    return t->table->rows == 0 ? score - 10 : score;
}

/* Same column names, in any order. */
static bool same_shape(const struct profile_table *a, const struct profile_table *b)
{
    if (a->table->schema.count != b->table->schema.count)
        return false;
    for (size_t c = 0; c < a->table->schema.count; c++)
        if (data_schema_find(&b->table->schema, str_of(a->columns[c].name)) < 0)
            return false;
    return true;
}

/* The largest set of tables of one shape without a key: sites or years of one table, kept apart.
 * Its first table; *ret_count of them, named in names. */
static const struct profile_table *find_parts(const struct profile *profile, struct buf *names,
                                              size_t *ret_count)
{
    const struct profile_table *found = NULL;
    *ret_count = 1;
    for (size_t i = 0; i < profile->table_count; i++) {
        size_t count = 0;
        for (size_t k = 0; k < profile->table_count; k++)
            count += same_shape(&profile->tables[i], &profile->tables[k]) ? 1 : 0;
        if (profile->tables[i].primary_key.count == 0 && count > *ret_count) {
            found = &profile->tables[i];
            *ret_count = count;
        }
    }
    for (size_t k = 0, listed = 0; found != NULL && k < profile->table_count; k++)
        if (same_shape(found, &profile->tables[k]) && names->len < 300)
            buf_printf(names, "%s%s", listed++ == 0 ? "" : ", ", profile->tables[k].table->name);
    return found;
}

static enum err_code none_found(const struct profile *profile, const struct mart_spec *spec,
                                struct err *err)
{
    AUTO(buf_done) struct buf names = BUF_INIT;
    size_t count = 0;
    const struct profile_table *part =
        spec->grain == MART_PATIENT ? find_parts(profile, &names, &count) : NULL;
    if (part != NULL) {
        err_set(err, ERR_INPUT,
                "no table identifies patients; %zu tables have the same %zu columns and look like "
                "parts of one: %s",
                count, part->table->schema.count, buf_text(&names));
        return err_hint(
            err,
            "take one with --anchor %.100s (each row is then a patient), or stack them: "
            "marrow sql NAME \"SELECT '%.100s' AS part, * FROM %.100s UNION ALL BY NAME "
            "SELECT …\" --out all.parquet, then import that; leave out a part that "
            "repeats another's rows",
            part->table->name, part->table->name, part->table->name);
    }
    err_set(err, ERR_INPUT, "no table was recognised as one row per %s",
            mart_grain_text(spec->grain));
    return err_hint(err, "name it with --anchor TABLE, or confirm its key with 'marrow relations "
                         "NAME add CHILD.COLUMN PARENT.COLUMN'");
}

static enum err_code anchor_given(const struct profile *profile, const struct mart_spec *spec,
                                  struct mart_anchor *ret, struct err *err)
{
    size_t table = 0;
    TRY(mart_table_find(profile, spec->anchor, &table, err));
    choose_key(profile, table, spec->grain, ret);
    reason(ret->reasons, "given with --anchor");
    if (ret->key_count == 0)
        reason(ret->reasons, "it has no key: each row is one %s", mart_grain_text(spec->grain));
    return ERR_OK;
}

/* The table of patients, or table_count when there is none. */
static size_t person_table(const struct profile *profile)
{
    struct mart_spec spec = {.grain = MART_PATIENT};
    struct mart_anchor person = {0};
    bool known = mart_anchor_choose(profile, &spec, &person, NULL) == ERR_OK;
    json_decref(person.reasons);
    return known ? person.table : profile->table_count;
}

enum err_code mart_anchor_choose(const struct profile *profile, const struct mart_spec *spec,
                                 struct mart_anchor *ret, struct err *err)
{
    memset(ret, 0, sizeof *ret);
    ret->reasons = json_array();
    if (ret->reasons == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the anchor's reasons");
    if (spec->anchor != NULL)
        return anchor_given(profile, spec, ret, err);
    double best = 0;
    size_t table = profile->table_count;
    /* An admission is somebody's: where patients are known, a table that does not lead to them (a
     * plan of visits) holds no admissions. */
    size_t person = spec->grain == MART_ADMISSION ? person_table(profile) : profile->table_count;
    struct mart_path path;
    for (size_t i = 0; i < profile->table_count; i++) {
        if (person < profile->table_count && person != i &&
            !mart_path_find(profile, i, person, &path))
            continue;
        double score = mart_anchor_score(profile, i, spec->grain, NULL);
        if (score > best) {
            best = score;
            table = i;
        }
    }
    if (table < profile->table_count) {
        choose_key(profile, table, spec->grain, ret);
        (void)mart_anchor_score(profile, table, spec->grain, ret->reasons);
        return ERR_OK;
    }
    if (spec->grain == MART_PATIENT && profile->table_count == 1) {
        ret->table = 0;
        ret->unique = true;
        reason(
            ret->reasons,
            "the only table, and no column identifies a patient: each row is taken as one patient");
        return ERR_OK;
    }
    return none_found(profile, spec, err);
}

enum err_code mart_anchor_find(const struct profile *profile, enum mart_grain grain,
                               size_t *ret_table, int *ret_column, bool *ret_unique,
                               struct err *err)
{
    struct mart_spec spec = {.grain = grain};
    struct mart_anchor anchor = {.reasons = NULL};
    enum err_code code = mart_anchor_choose(profile, &spec, &anchor, err);
    if (code == ERR_OK) {
        *ret_table = anchor.table;
        *ret_column = anchor.key_count == 1 ? (int)anchor.key[0] : -1;
        *ret_unique = anchor.unique;
    }
    json_decref(anchor.reasons);
    return code;
}
