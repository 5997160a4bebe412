/* The catalogue: what can be spoken of, from the profile alone.
 *
 *     tables ── n:1 relations ──▶ entities (patient, admission, ICU stay: chosen as a mart chooses
 * its anchor) │ columns: words, roles, dictionaries of codes          ▲ route: the way from each
 * table's rows to an entity's key └ sources: the columns in which values of a question are looked
 * for
 *
 * Tables whose cells are FHIR resources are hidden: their content is asked through views. */
#include "ask/ask_priv.h"
#include "mart/mart.h"

#include <inttypes.h>
#include <string.h>

#define SURE_ENOUGH 0.5        /* confidence of a proposed relation that is followed, as in marts */
#define VALUE_LABELS 200       /* of a column; with more it is a dictionary of its own */
#define SOURCE_DISTINCT 100000 /* a text with more distinct values is no vocabulary */

/* ---- tables, columns, edges --------------------------------------------------------------------
 */

static const struct {
    const char *name, *words;
    enum { ANY, MEASURE, FLAG } kind;
} abbreviations[] = {
#define ASK_ABBREVIATION(name, words, kind) {name, words, kind},
#include "ask/abbreviations.def"
#undef ASK_ABBREVIATION
};

/* The words with what one of them is short for in its place. */
static void put_long(const struct ask_words *words, size_t at, const char *text,
                     struct ask_words *ret)
{
    struct ask_words instead;
    ask_name_words(text, &instead);
    *ret = (struct ask_words){.count = 0};
    for (size_t i = 0; i < words->count; i++)
        for (size_t k = 0; k < (i == at ? instead.count : 1) && ret->count < ASK_WORDS; k++)
            memcpy(ret->text[ret->count++], i == at ? instead.text[k] : words->text[i],
                   ASK_STEM_BYTES);
}

/* What the name, or one of its words, is short for, where the column's values allow it. */
static void add_other_words(struct ask_column *column)
{
    AUTO(buf_done) struct buf whole = BUF_INIT;
    size_t count = 0;
    bool measure = data_type_is_numeric(column->type) && column->distinct > 2;
    for (const char *p = column->name; *p != '\0'; p++)
        if (*p != '_' && *p != '.' && *p != ' ')
            buf_putc(&whole, *p);
    for (size_t i = 0; i < sizeof abbreviations / sizeof *abbreviations && count < 2; i++) {
        if ((abbreviations[i].kind == MEASURE && !measure) ||
            (abbreviations[i].kind == FLAG && column->distinct > 2))
            continue;
        if (str_equal_nocase(str_of(abbreviations[i].name), buf_view(&whole))) {
            ask_name_words(abbreviations[i].words, &column->other_words[count++]);
            continue;
        }
        for (size_t w = 0; w < column->words.count && count < 2; w++)
            if (strcmp(column->words.text[w], abbreviations[i].name) == 0) {
                put_long(&column->words, w, abbreviations[i].words, &column->other_words[count++]);
                break;
            }
    }
}

/* What a study's codebook says: the variable's label is another name; labels of codes stand for the
 * codes, where they cover what occurs. */
static void add_labels_of(const struct data_column *stored, const struct profile_column *profile,
                          struct ask_column *ret)
{
    AUTO(buf_done) struct buf name = BUF_INIT;
    if (stored->label != NULL) { /* "Serum bilirubin (mg/dl)": up to the unit */
        buf_add_str(&name, (struct str){stored->label, strcspn(stored->label, "([")});
        ask_name_words(buf_text(&name), &ret->label_words);
    }
    if (stored->value_label_count < 2 || stored->value_label_count > VALUE_LABELS ||
        profile->distinct > (int64_t)stored->value_label_count)
        return;
    ret->labelled = stored;
    ret->type = DATA_TYPE(TEXT);
    ret->role = PROFILE_CATEGORY;
}

static void add_tables(struct ask_catalogue *c)
{
    const struct profile *profile = c->profile;
    c->tables = arena_array(c->arena, profile->table_count + 1, sizeof *c->tables);
    c->table_count = c->tables != NULL ? profile->table_count : 0;
    for (size_t t = 0; t < c->table_count; t++) {
        const struct profile_table *from = &profile->tables[t];
        struct ask_table *to = &c->tables[t];
        *to = (struct ask_table){.name = from->table->name,
                                 .stored = from->table,
                                 .rows = from->table->rows,
                                 .reference = from->role == PROFILE_REFERENCE,
                                 .time = from->time_column,
                                 .column_count = from->table->schema.count};
        ask_name_words(to->name, &to->words);
        to->columns = arena_array(c->arena, to->column_count + 1, sizeof *to->columns);
        if (to->columns == NULL)
            return;
        for (size_t i = 0; i < to->column_count; i++) {
            const struct profile_column *column = &from->columns[i];
            to->columns[i] = (struct ask_column){.name = column->name,
                                                 .type = column->type,
                                                 .role = column->role,
                                                 .distinct = column->distinct,
                                                 .nulls = column->nulls,
                                                 .label_step = ASK_NONE};
            ask_column_words(to->name, column->name, &to->columns[i].words);
            add_labels_of(&from->table->schema.columns[i], column, &to->columns[i]);
            add_other_words(&to->columns[i]);
            to->hidden = to->hidden || column->type.kind == DATA_JSON;
        }
    }
}

static bool usable(const struct profile *profile, const struct profile_relation *relation)
{
    if (relation->column_count != 1 || relation->child == relation->parent ||
        relation->status == PROFILE_REJECTED ||
        (relation->status == PROFILE_PROPOSED && relation->confidence < SURE_ENOUGH))
        return false;
    return profile->tables[relation->parent].columns[relation->parent_columns[0]].unique;
}

static void add_edges(struct ask_catalogue *c)
{
    c->edges = arena_array(c->arena, c->profile->relation_count + 1, sizeof *c->edges);
    for (size_t r = 0; c->edges != NULL && r < c->profile->relation_count; r++) {
        const struct profile_relation *relation = &c->profile->relations[r];
        if (usable(c->profile, relation))
            c->edges[c->edge_count++] =
                (struct ask_step){relation->child, relation->child_columns[0], relation->parent,
                                  relation->parent_columns[0]};
    }
}

/* What labels are called, the fullest first. */
static const char *const label_names[] = {
    "long title",  "label",       "title",   "display", "name", "concept name",
    "short title", "description", "meaning", "text",    NULL};

static bool is_text(const struct ask_column *column)
{
    return column->type.kind == DATA_TEXT;
}

static void add_labels(struct ask_catalogue *c)
{
    for (size_t e = 0; e < c->edge_count; e++) {
        struct ask_column *code = &c->tables[c->edges[e].child].columns[c->edges[e].child_column];
        int label = ask_column_named(&c->tables[c->edges[e].parent], label_names, is_text);
        if (label >= 0 && code->label_step == ASK_NONE) {
            code->label_step = e;
            code->label_column = (size_t)label;
        }
    }
}

/* ---- entities and ways to them ------------------------------------------------------------------
 */

/* The shortest way, at equal length along the surest relations (edges come so); column ≥ 0: ends
 * there, not at another key of the table. */
static bool path_to(const struct ask_catalogue *c, size_t from, size_t to, int column,
                    struct ask_path *ret)
{
    struct ask_path queue[64];
    size_t head = 0, tail = 1;
    queue[0] = (struct ask_path){.count = 0};
    if (from == to) {
        *ret = queue[0];
        return true;
    }
    while (head < tail) {
        struct ask_path path = queue[head++];
        size_t at = path.count > 0 ? path.steps[path.count - 1].parent : from;
        for (size_t e = 0; e < c->edge_count && path.count < ASK_STEPS; e++) {
            if (c->edges[e].child != at)
                continue;
            struct ask_path next = path;
            next.steps[next.count++] = c->edges[e];
            if (c->edges[e].parent == to &&
                (column < 0 || (int)c->edges[e].parent_column == column)) {
                *ret = next;
                return true;
            }
            if (c->edges[e].parent != to && tail < sizeof queue / sizeof *queue)
                queue[tail++] = next;
        }
    }
    return false;
}

bool ask_path_find(const struct ask_catalogue *c, size_t from, size_t to, struct ask_path *ret)
{
    return path_to(c, from, to, -1, ret);
}

/* Of a table's keys the one that other tables refer to, the primary key before others: a FHIR
 * patient has an id, a patient_id and a patient_ref, and all are unique. The chosen key stays where
 * nothing refers to the table. */
static int referred_key(const struct ask_catalogue *c, size_t table, int chosen)
{
    const struct profile_key *primary = &c->profile->tables[table].primary_key;
    size_t most = 0;
    int best = chosen;
    for (size_t i = 0; i < c->tables[table].column_count; i++) {
        size_t count = 0;
        for (size_t e = 0; e < c->edge_count; e++)
            count += c->edges[e].parent == table && c->edges[e].parent_column == i ? 2 : 0;
        bool first = primary->count == 1 ? primary->columns[0] == i : (int)i == chosen;
        count += count > 0 && first ? c->edge_count : 0;
        if (count > most) {
            most = count;
            best = (int)i;
        }
    }
    return best;
}

static void set_entity(struct ask_catalogue *c, enum ask_entity_kind kind, size_t table, int key,
                       bool unique, enum ask_concept concept)
{
    if (unique && key >= 0)
        key = referred_key(c, table, key);
    c->entities[kind] =
        (struct ask_entity){.known = true, .table = table, .key = key, .unique = unique};
    c->tables[table].concept = concept;
    c->tables[table].reference = false;
}

/* Without an identifier the mart takes rows; a column that numbers them does as well. */
static int numbering(const struct profile_table *table)
{
    if (table->primary_key.count == 1)
        return (int)table->primary_key.columns[0];
    for (size_t i = 0; i < table->table->schema.count; i++)
        if (table->columns[i].unique)
            return (int)i;
    return -1;
}

/* A key that only numbers the rows, beside an identifier that comes back: the identifier is the
 * patient, who then has several rows. */
static void prefer_identifier(const struct ask_catalogue *c, size_t table, int *key, bool *unique)
{
    static const char *const numbers[] = {"rownames", "rowname", "row", "rowid", "index", NULL};
    static const char *const patients[] = {"id", "patient id", "patient", "subject id", "subject",
                                           "pid", "ptid", "person id", NULL};
    const struct ask_table *t = &c->tables[table];
    bool numbered = false;
    for (size_t i = 0; *key >= 0 && numbers[i] != NULL; i++)
        numbered = numbered || strcmp(t->columns[*key].words.text[0], numbers[i]) == 0;
    for (size_t i = 0; numbered && patients[i] != NULL; i++)
        for (size_t k = 0; k < t->column_count; k++) {
            struct ask_words words;
            ask_name_words(patients[i], &words);
            const struct ask_column *column = &t->columns[k];
            bool same = words.count == column->words.count;
            for (size_t w = 0; same && w < words.count; w++)
                same = ask_words_have(&column->words, words.text[w]);
            bool counts = column->role == PROFILE_IDENTIFIER ||
                          column->type.kind == DATA_BIGINT || column->type.kind == DATA_TEXT;
            if (!same || !counts || column->nulls > 0 || column->distinct >= t->rows ||
                column->distinct < 3)
                continue;
            *key = (int)k;
            *unique = false;
            return;
        }
}

static void find_entities(struct ask_catalogue *c)
{
    size_t table = 0;
    int key = -1;
    bool unique = false;
    struct err ignored;
    if (mart_anchor_find(c->profile, MART_PATIENT, &table, &key, &unique, &ignored) == ERR_OK) {
        if (key < 0)
            key = numbering(&c->profile->tables[table]);
        prefer_identifier(c, table, &key, &unique);
        set_entity(c, ASK_PATIENT, table, key, unique || key < 0, ASK_CONCEPT_PATIENT);
        c->tables[table].time = unique ? -1 : c->tables[table].time;
    }
    if (mart_anchor_find(c->profile, MART_ADMISSION, &table, &key, &unique, &ignored) == ERR_OK &&
        key >= 0)
        set_entity(c, ASK_ADMISSION, table, key, unique, ASK_CONCEPT_ADMISSION);
    for (size_t t = 0; t < c->table_count; t++) {
        const struct profile_key *primary = &c->profile->tables[t].primary_key;
        if (c->tables[t].concept == ASK_CONCEPT_STAY && primary->count == 1 &&
            !c->entities[ASK_STAY].known && c->tables[t].rows > 0)
            set_entity(c, ASK_STAY, t, (int)primary->columns[0], true, ASK_CONCEPT_STAY);
    }
}

static void find_routes(struct ask_catalogue *c)
{
    for (size_t t = 0; t < c->table_count; t++)
        for (size_t e = 0; e < ASK_ENTITIES; e++) {
            const struct ask_entity *entity = &c->entities[e];
            struct ask_table *table = &c->tables[t];
            if (entity->known && (entity->key >= 0 || entity->table == t))
                table->reaches[e] = path_to(c, t, entity->table, entity->key, &table->route[e]);
        }
}

/* ---- sources of values
 * --------------------------------------------------------------------------- */

static void add_source(struct ask_catalogue *c, size_t cap, struct ask_source source)
{
    if (c->source_count < cap)
        c->sources[c->source_count++] = source;
}

/* Texts that are no vocabulary: numbers as text, notes, names of people. */
static const char *const no_vocabulary[] = {
    "value", "dose", "val",       "mrn",   "note",    "comment",  "postcode", "zip",     "strength",
    "gsn",   "ndc",  "formulary", "phone", "address", "language", "dbsource", "linksto", NULL};

static bool any_of(const struct ask_words *words, const char *const *stems)
{
    for (; *stems != NULL; stems++)
        if (ask_words_have(words, *stems))
            return true;
    return false;
}

/* Names of people, and where they live or are reached: no question is about them, and no index is to hold them. */
static bool is_personal(const struct ask_column *column)
{
    static const char *const always[] = {"email",    "mail",  "surname", "forename", "telephone",
                                         "phone",    "fax",   "mobile",  "maiden",   "firstname",
                                         "lastname", "fullname", "ssn", "passport", "street", NULL};
    static const char *const whose[] = {"first",   "last",     "family",    "given",    "middle",
                                        "patient", "person",   "full",      "mother",   "father",
                                        "doctor",  "physician", "attending", "guardian", "nurse",
                                        "contact", "relative", "subject",   NULL};
    static const char *const alone[] = {"first", "last", "middle", "name", NULL};
    const struct ask_words *words = &column->words;
    return any_of(words, always) || (ask_words_have(words, "name") && any_of(words, whose)) ||
           (words->count == 1 && any_of(words, alone) && column->distinct > 100);
}

static bool is_vocabulary(const struct ask_table *table, const struct ask_column *column)
{
    if (is_personal(column) && !table->reference)
        return false;
    bool source = ask_words_have(&column->words, "source"); /* OMOP: gender_source_value */
    for (size_t i = source ? 1 : 0; no_vocabulary[i] != NULL; i++)
        if (ask_words_have(&column->words, no_vocabulary[i]))
            return false;
    return is_text(column) && column->role != PROFILE_IDENTIFIER && column->distinct > 0 &&
           column->distinct <= SOURCE_DISTINCT && table->rows > 0 && !table->hidden;
}

static void add_label_sources(struct ask_catalogue *c, size_t cap, size_t t, size_t column)
{
    for (size_t e = 0; e < c->edge_count; e++) {
        if (c->edges[e].child != t || c->edges[e].child_column != column ||
            !c->tables[c->edges[e].parent].reference)
            continue;
        const struct ask_table *parent = &c->tables[c->edges[e].parent];
        for (size_t i = 0; i < parent->column_count; i++)
            for (size_t n = 0; label_names[n] != NULL; n++)
                if (ask_column_named(parent, (const char *const[]){label_names[n], NULL},
                                     is_text) == (int)i &&
                    is_vocabulary(parent, &parent->columns[i])) {
                    add_source(c, cap, (struct ask_source){t, column, e, i, false});
                    break;
                }
    }
}

static void find_sources(struct ask_catalogue *c)
{
    size_t cap = 0;
    for (size_t t = 0; t < c->table_count; t++)
        cap += c->tables[t].column_count * 4;
    c->sources = arena_array(c->arena, cap + 1, sizeof *c->sources);
    for (size_t t = 0; c->sources != NULL && t < c->table_count; t++) {
        const struct ask_table *table = &c->tables[t];
        for (size_t i = 0; i < table->column_count && !table->hidden; i++) {
            const struct ask_column *column = &table->columns[i];
            if (column->label_step != ASK_NONE && table->rows > 0)
                add_label_sources(c, cap, t, i);
            if ((column->type.kind == DATA_BIGINT || column->type.kind == DATA_DOUBLE) && column->distinct > 0 && column->distinct <= 2 &&
                table->rows > 0) /* 0 and 1? Only the values say so */
                add_source(c, cap, (struct ask_source){t, i, ASK_NONE, 0, true});
            if (is_vocabulary(table, column))
                add_source(c, cap,
                           (struct ask_source){t, i, ASK_NONE, 0, column->role == PROFILE_CODE});
        }
    }
}

/* ---- the door
 * ------------------------------------------------------------------------------------ */

enum err_code ask_catalogue_new(const struct profile *profile, const json_t *aliases,
                                struct ask_catalogue **ret, struct err *err)
{
    struct arena *arena = arena_new(0);
    struct ask_catalogue *c = arena != NULL ? arena_alloc(arena, sizeof *c) : NULL;
    if (c == NULL) {
        arena_free(arena);
        return err_set(err, ERR_MEMORY, "no memory for a catalogue");
    }
    *c = (struct ask_catalogue){.arena = arena, .profile = profile};
    add_tables(c);
    add_edges(c);
    if (!arena_failed(arena)) {
        add_labels(c);
        for (size_t t = 0; t < c->table_count; t++)
            ask_table_roles(c, t);
        find_entities(c);
        find_routes(c);
        find_sources(c);
        ask_aliases_add(c, aliases);
    }
    if (arena_failed(arena)) {
        arena_free(arena);
        return err_set(err, ERR_MEMORY, "no memory for a catalogue");
    }
    *ret = c;
    return ERR_OK;
}

void ask_catalogue_free(struct ask_catalogue *catalogue)
{
    if (catalogue != NULL)
        arena_free(catalogue->arena);
}

size_t ask_source_count(const struct ask_catalogue *catalogue)
{
    return catalogue->source_count;
}

static void print_part(const struct ask_table *table, const char *what, int column, struct buf *ret)
{
    if (column >= 0)
        buf_printf(ret, ", %s %s", what, table->columns[column].name);
}

void ask_catalogue_print(const struct ask_catalogue *c, struct buf *ret)
{
    for (size_t e = 0; e < ASK_ENTITIES; e++)
        if (c->entities[e].known)
            buf_printf(ret, "%s: %s by %s%s\n", ask_entity_one((enum ask_entity_kind)e),
                       c->tables[c->entities[e].table].name,
                       c->entities[e].key >= 0
                           ? c->tables[c->entities[e].table].columns[c->entities[e].key].name
                           : "row",
                       c->entities[e].unique ? "" : ", distinct values");
    for (size_t t = 0; t < c->table_count; t++) {
        const struct ask_table *table = &c->tables[t];
        if (table->hidden)
            continue;
        buf_printf(ret, "%s: %s", table->name,
                   table->reference ? "dictionary" : ask_concept_text(table->concept));
        print_part(table, "time", table->time, ret);
        print_part(table, "until", table->end_time, ret);
        print_part(table, "of", table->name_column, ret);
        print_part(table, "value", table->value, ret);
        print_part(table, "unit", table->unit, ret);
        print_part(table, "birth", table->birth, ret);
        print_part(table, "death", table->death, ret);
        print_part(table, "dead", table->death_flag, ret);
        for (size_t e = 0; e < ASK_ENTITIES; e++)
            if (table->reaches[e])
                buf_printf(ret, ", %s in %zu", ask_entity_one((enum ask_entity_kind)e),
                           table->route[e].count);
        for (size_t i = 0; i < table->column_count; i++)
            if (is_text(&table->columns[i]) && is_personal(&table->columns[i]) && !table->reference)
                buf_printf(ret, ", left out %s", table->columns[i].name);
        buf_putc(ret, '\n');
    }
}

void ask_catalogue_hash(const struct ask_catalogue *c, char ret[HASH_HEX_BYTES])
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    buf_printf(&text, "marrow-ask %d\n", ASK_FORMAT_VERSION);
    ask_catalogue_print(c, &text);
    for (size_t s = 0; s < c->source_count; s++)
        buf_printf(&text, "%zu %zu %zu %zu\n", c->sources[s].table, c->sources[s].column,
                   c->sources[s].edge, c->sources[s].label_column);
    hash_sha256_of(buf_text(&text), text.len, ret);
}

/* ---- attributes
 * ----------------------------------------------------------------------------------- */

size_t ask_attr_table(const struct ask_attr *attr)
{
    return attr->path.count > 0 ? attr->path.steps[attr->path.count - 1].parent : attr->table;
}

const struct ask_column *ask_attr_column(const struct ask_catalogue *c, const struct ask_attr *attr)
{
    return &c->tables[ask_attr_table(attr)].columns[attr->column];
}

bool ask_attr_of(const struct ask_catalogue *c, size_t from, size_t table, size_t column,
                 struct ask_attr *ret)
{
    *ret = (struct ask_attr){.table = from, .column = column};
    return ask_path_find(c, from, table, &ret->path);
}

bool ask_time_of(const struct ask_catalogue *c, size_t t, struct ask_attr *ret, bool *ret_by_visit)
{
    const struct ask_table *table = &c->tables[t];
    const struct ask_entity *visit = &c->entities[ASK_ADMISSION];
    *ret_by_visit = false;
    if (table->time >= 0) {
        *ret = (struct ask_attr){.table = t, .column = (size_t)table->time};
        return true;
    }
    if (!visit->known || visit->table == t || c->tables[visit->table].time < 0)
        return false;
    *ret_by_visit = true;
    return ask_attr_of(c, t, visit->table, (size_t)c->tables[visit->table].time, ret);
}

bool ask_name_of(const struct ask_catalogue *c, size_t t, struct ask_attr *ret)
{
    const struct ask_table *table = &c->tables[t];
    if (table->name_column < 0)
        return false;
    const struct ask_column *column = &table->columns[table->name_column];
    *ret = (struct ask_attr){.table = t, .column = (size_t)table->name_column};
    if (column->label_step != ASK_NONE) {
        ret->path.steps[ret->path.count++] = c->edges[column->label_step];
        ret->column = column->label_column;
    }
    return true;
}
