/* One resource: is it whole, and what stands in the columns beside it?
 *
 *     {"resourceType":"Condition","id":"c1","meta":{…},"subject":{"reference":"Patient/p7"},…}
 *      ──▶ Condition, c1, lastUpdated, versionId, p7
 *
 * The one idea: the text is checked to its last byte and read once for a handful of fields, by a
 * field tree that belongs to its type (fhir_patient.def says where the patient stands). It is never
 * rewritten: digits, blanks and the order of members stay as they came. */
#include <string.h>

#include "base/clock.h"
#include "ingest/fhir_priv.h"

enum slot { SLOT_NONE, SLOT_TYPE, SLOT_ID, SLOT_UPDATED, SLOT_VERSION, SLOT_PATIENT };

static const struct patient_path {
    const char *type, *element;
    bool only;
} patient_paths[] = {
#define FHIR_PATIENT(type, element, only) {type, element, only},
#include "ingest/fhir_patient.def"
#undef FHIR_PATIENT
};
#define PATIENT_PATHS (sizeof patient_paths / sizeof *patient_paths)

/* Of types that the table does not have. */
static const struct patient_path other_paths[] = {{NULL, "subject", false},
                                                  {NULL, "patient", true}};
#define FHIR_PATHS_MOST 4 /* of one type */

struct tree { /* what is looked at in resources of one type */
    struct str type;
    struct json_fields root;
    const struct patient_path *paths[FHIR_PATHS_MOST];
    size_t path_count;
    struct tree *next;
};
struct known_entry {
    uint64_t hash; /* of the fullUrl; 0 = free */
    struct str type, id;
    bool renamed; /* the id is not the fullUrl's */
};
struct fhir_in_reader {
    struct json_bulk *bulk;
    struct arena *trees;  /* the reader's life */
    struct arena *nodes;  /* one resource */
    struct arena *bundle; /* one Bundle: its resources' types and ids */
    struct tree *first, *last_used;
    struct json_fields type_only, type_leaf;
    struct known_entry *entries; /* of the Bundle, by fullUrl */
    size_t entry_count, entry_slots;
    bool renamed; /* one has an id other than its fullUrl says */
    char reason[160];
};

enum err_code fhir_in_reader_new(struct fhir_in_reader **ret, struct err *err)
{
    *ret = NULL;
    AUTO(fhir_in_reader_free) struct fhir_in_reader *reader = mem_zalloc(1, sizeof *reader);
    if (reader == NULL || (reader->trees = arena_new(0)) == NULL ||
        (reader->nodes = arena_new(0)) == NULL || (reader->bundle = arena_new(0)) == NULL)
        return ingest_memory(err);
    TRY(json_bulk_new(&reader->bulk, err));
    reader->type_leaf = (struct json_fields){.name = STR("resourceType"), .slot = SLOT_TYPE};
    reader->type_only = (struct json_fields){.children = &reader->type_leaf, .child_count = 1};
    json_fields_seal(&reader->type_only);
    *ret = reader;
    reader = NULL;
    return ERR_OK;
}

void fhir_in_reader_free(struct fhir_in_reader *reader)
{
    if (reader == NULL)
        return;
    json_bulk_free(reader->bulk);
    arena_free(reader->trees);
    arena_free(reader->nodes);
    arena_free(reader->bundle);
    mem_free(reader->entries);
    mem_free(reader);
}

bool fhir_in_type_name_fits(struct str name)
{
    if (name.len == 0 || name.len > FHIR_LIMIT_TYPE_BYTES || name.ptr[0] < 'A' || name.ptr[0] > 'Z')
        return false;
    for (size_t i = 1; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
            return false;
    }
    return true;
}

/* ---- field trees --------------------------------------------------------------------------------
 */

#define CHILDREN_MOST 8 /* of one field */

static struct json_fields *add_field(struct arena *arena, struct json_fields *parent,
                                     struct str name, size_t slot)
{
    for (size_t i = 0; i < parent->child_count; i++)
        if (str_equal(parent->children[i].name, name))
            return &parent->children[i];
    if (parent->children == NULL)
        parent->children = arena_array(arena, CHILDREN_MOST, sizeof *parent->children);
    if (parent->children == NULL || parent->child_count == CHILDREN_MOST)
        return NULL;
    struct json_fields *field = &parent->children[parent->child_count++];
    *field = (struct json_fields){.name = name, .slot = slot};
    return field;
}

/* "participant.actor" → {participant:{actor:{reference, type}}}, its slot the path's number. */
static bool add_path(struct arena *arena, struct json_fields *root, const char *element,
                     size_t slot)
{
    struct json_fields *field = root;
    while (field != NULL && *element != '\0') {
        size_t length = strcspn(element, ".");
        bool last = element[length] == '\0';
        field = add_field(arena, field, (struct str){element, length}, last ? slot : SLOT_NONE);
        element += length + !last;
    }
    return field != NULL && add_field(arena, field, STR("reference"), SLOT_NONE) != NULL &&
           add_field(arena, field, STR("type"), SLOT_NONE) != NULL;
}

static void find_paths(struct tree *tree)
{
    if (str_equal(tree->type, STR("Patient")))
        return;
    for (size_t i = 0; i < PATIENT_PATHS && tree->path_count < FHIR_PATHS_MOST; i++)
        if (str_equal(tree->type, str_of(patient_paths[i].type)))
            tree->paths[tree->path_count++] = &patient_paths[i];
    if (tree->path_count > 0)
        return;
    for (size_t i = 0; i < sizeof other_paths / sizeof *other_paths; i++)
        tree->paths[tree->path_count++] = &other_paths[i];
}

static struct tree *make_tree(struct fhir_in_reader *reader, struct str type)
{
    struct arena *arena = reader->trees;
    struct tree *tree = arena_alloc(arena, sizeof *tree);
    const char *name = arena_strndup(arena, type.ptr, type.len);
    if (tree == NULL || name == NULL)
        return NULL;
    tree->type = (struct str){name, type.len};
    struct json_fields *root = &tree->root;
    bool ok = add_field(arena, root, STR("resourceType"), SLOT_TYPE) != NULL &&
              add_field(arena, root, STR("id"), SLOT_ID) != NULL;
    struct json_fields *meta = ok ? add_field(arena, root, STR("meta"), SLOT_NONE) : NULL;
    ok = meta != NULL && add_field(arena, meta, STR("lastUpdated"), SLOT_UPDATED) != NULL &&
         add_field(arena, meta, STR("versionId"), SLOT_VERSION) != NULL;
    find_paths(tree);
    for (size_t i = 0; ok && i < tree->path_count; i++)
        ok = add_path(arena, root, tree->paths[i]->element, SLOT_PATIENT + i);
    if (!ok)
        return NULL;
    json_fields_seal(root);
    tree->next = reader->first;
    reader->first = tree;
    return tree;
}

static struct tree *tree_of(struct fhir_in_reader *reader, struct str type)
{
    if (reader->last_used != NULL && str_equal(reader->last_used->type, type))
        return reader->last_used;
    struct tree *tree = reader->first;
    while (tree != NULL && !str_equal(tree->type, type))
        tree = tree->next;
    if (tree == NULL)
        tree = make_tree(reader, type);
    if (tree != NULL)
        reader->last_used = tree;
    return tree;
}

/* ---- references ---------------------------------------------------------------------------------
 */

/* The segment before end, back to a '/'; *end moves before that. */
static struct str last_segment(struct str text, size_t *end)
{
    size_t start = *end;
    while (start > 0 && text.ptr[start - 1] != '/')
        start--;
    struct str ret = {text.ptr + start, *end - start};
    *end = start > 0 ? start - 1 : 0;
    return ret;
}

bool ingest_reference_parts(struct str reference, struct str *ret_type, struct str *ret_id)
{
    if (reference.len == 0 || memchr(reference.ptr, '?', reference.len) != NULL)
        return false;
    const char *hash = memchr(reference.ptr, '#', reference.len);
    size_t end = hash == NULL ? reference.len : (size_t)(hash - reference.ptr);
    *ret_id = last_segment(reference, &end);
    struct str before = last_segment(reference, &end);
    if (str_equal(before, STR("_history"))) {
        *ret_id = last_segment(reference, &end);
        before = last_segment(reference, &end);
    }
    *ret_type = before;
    return ret_id->len > 0 && fhir_in_type_name_fits(before);
}

static size_t slot_of(const struct fhir_in_reader *reader, uint64_t hash)
{
    size_t at = (size_t)hash & (reader->entry_slots - 1);
    while (reader->entries[at].hash != 0 && reader->entries[at].hash != hash)
        at = (at + 1) & (reader->entry_slots - 1);
    return at;
}

static uint64_t url_hash(struct str url)
{
    uint64_t hash = hash_xxh3_64(url.ptr, url.len, 0);
    return hash == 0 ? 1 : hash;
}

static bool grow_entries(struct fhir_in_reader *reader)
{
    size_t before = reader->entry_slots, wanted = before == 0 ? 64 : before * 2;
    struct known_entry *old = reader->entries, *grown = mem_zalloc(wanted, sizeof *grown);
    if (grown == NULL)
        return false;
    reader->entries = grown;
    reader->entry_slots = wanted;
    for (size_t i = 0; i < before; i++)
        if (old[i].hash != 0)
            grown[slot_of(reader, old[i].hash)] = old[i];
    mem_free(old);
    return true;
}

enum err_code fhir_in_reader_entry(struct fhir_in_reader *reader, struct str full_url,
                                   struct str type, struct str id, bool renamed, struct err *err)
{
    if (reader->entry_count * 2 >= reader->entry_slots && !grow_entries(reader))
        return ingest_memory(err);
    struct str types = {arena_strndup(reader->bundle, type.ptr, type.len), type.len};
    struct str ids = {arena_strndup(reader->bundle, id.ptr, id.len), id.len};
    if (types.ptr == NULL || ids.ptr == NULL)
        return ingest_memory(err);
    struct known_entry *slot = &reader->entries[slot_of(reader, url_hash(full_url))];
    reader->entry_count += slot->hash == 0;
    reader->renamed = reader->renamed || renamed;
    *slot = (struct known_entry){url_hash(full_url), types, ids, renamed};
    return ERR_OK;
}

void fhir_in_reader_forget(struct fhir_in_reader *reader)
{
    if (reader->entry_count > 0)
        memset(reader->entries, 0, reader->entry_slots * sizeof *reader->entries);
    reader->entry_count = 0;
    reader->renamed = false;
    arena_reset(reader->bundle);
}

static const struct known_entry *entry_of(const struct fhir_in_reader *reader, struct str reference)
{
    const struct known_entry *known =
        reader->entry_count == 0 ? NULL : &reader->entries[slot_of(reader, url_hash(reference))];
    return known != NULL && known->hash != 0 ? known : NULL;
}

/* Where the next "urn:… begins that is the value of a member named reference; NULL: there is none. A quote within a text has a
 * backslash before it, so that no text looks like one. */
static const char *next_reference(const char *at, const char *end)
{
    static const char name[] = "\"reference\"", urn[] = "\"urn:";
    for (; (at = memmem(at, (size_t)(end - at), name, sizeof name - 1)) != NULL;) {
        at += sizeof name - 1;
        while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r' || *at == ':'))
            at++;
        if ((size_t)(end - at) > sizeof urn && memcmp(at, urn, sizeof urn - 1) == 0)
            return at + 1;
    }
    return NULL;
}

enum err_code fhir_in_resolve(const struct fhir_in_reader *reader, struct str text, struct buf *ret,
                              int64_t *ret_count, struct err *err)
{
    const char *from = text.ptr, *end = text.ptr + text.len;
    *ret_count = 0;
    for (const char *at = from; reader->renamed && (at = next_reference(at, end)) != NULL;) {
        const char *quote = memchr(at, '"', (size_t)(end - at));
        struct str urn = {at, quote != NULL ? (size_t)(quote - at) : 0}, type, id;
        const struct known_entry *known = entry_of(reader, urn);
        if (known == NULL || !known->renamed)
            continue;
        AUTO(buf_done) struct buf as = BUF_INIT;
        buf_add_str(&as, known->type);
        buf_putc(&as, '/');
        buf_add_str(&as, known->id);
        TRY(buf_check(&as, err));
        if (!ingest_reference_parts(buf_view(&as), &type, &id) || !str_equal(id, known->id))
            continue; /* no id that a reference could say */
        buf_add_str(ret, (struct str){from, (size_t)(at - from)});
        buf_add_str(ret, buf_view(&as));
        from = at = quote;
        ++*ret_count;
    }
    if (*ret_count > 0)
        buf_add_str(ret, (struct str){from, (size_t)(end - from)});
    return buf_check(ret, err);
}

/* Key of the Patient that a reference leads to; ptr NULL: none. */
static struct str patient_key(const struct fhir_in_reader *reader, struct str reference,
                              struct str type, bool only)
{
    struct str of = {0}, id = {0};
    bool typed = type.len > 0, patient = str_equal(type, STR("Patient"));
    if (str_has_prefix(reference, "urn:")) {
        const struct known_entry *known = entry_of(reader, reference);
        if (known != NULL && str_equal(known->type, STR("Patient")))
            return known->id;
        if (known != NULL)
            return (struct str){0};
        if (str_has_prefix(reference, "urn:uuid:") && (patient || (only && !typed)))
            return (struct str){reference.ptr + 9, reference.len - 9};
        return (struct str){0};
    }
    if (!ingest_reference_parts(reference, &of, &id) || !str_equal(of, STR("Patient")))
        return (struct str){0};
    return id;
}

/* ---- reading ------------------------------------------------------------------------------------
 */

struct reading {
    struct fhir_in_reader *reader;
    const struct tree *tree;
    struct fhir_in_facts *facts;
    size_t best; /* number of the path that facts->patient comes from */
    bool odd_type, odd_id;
};

static void take_reference(struct reading *work, const struct json_node *node, size_t path)
{
    struct str reference = {0}, type = {0};
    for (const struct json_node *member = node->first; member != NULL; member = member->next) {
        if (member->kind != JSON_NODE_STRING)
            continue;
        if (str_equal(member->name, STR("reference")))
            reference = member->text;
        else if (str_equal(member->name, STR("type")))
            type = member->text;
    }
    if (reference.len == 0 || path >= work->best)
        return;
    struct str key = patient_key(work->reader, reference, type, work->tree->paths[path]->only);
    if (key.ptr == NULL || key.len == 0)
        return;
    work->facts->patient = key;
    work->best = path;
}

static void take_leaf(struct reading *work, const struct json_node *node)
{
    struct fhir_in_facts *facts = work->facts;
    bool text = node->kind == JSON_NODE_STRING;
    size_t slot = node->field->slot;
    if (slot == SLOT_TYPE && text) {
        facts->type = node->text;
    } else if (slot == SLOT_ID) {
        facts->id = text ? node->text : facts->id;
        work->odd_id = !text;
    } else if (slot == SLOT_VERSION && (text || node->kind == JSON_NODE_NUMBER)) {
        facts->version = node->text;
    } else if (slot == SLOT_UPDATED) {
        facts->dated = text && fhir_in_instant(node->text, &facts->updated_us);
        facts->bad_date = !facts->dated;
    }
}

/* Depth is the field tree's, not the document's: arrays within arrays are no FHIR. */
static void take_node(struct reading *work, const struct json_node *node, int depth)
{
    if (node->field == NULL || depth > FHIR_LIMIT_BUNDLES)
        return;
    if (node->field->slot >= SLOT_PATIENT && node->kind == JSON_NODE_OBJECT) {
        take_reference(work, node, node->field->slot - SLOT_PATIENT);
        return;
    }
    if (node->field->slot != SLOT_NONE && node->field->slot < SLOT_PATIENT) {
        take_leaf(work, node);
        return;
    }
    for (const struct json_node *child = node->first; child != NULL; child = child->next)
        take_node(work, child, depth + 1);
}

/* Of the members that are read here one stands twice (no FHIR): which of them holds, no two readers
 * of JSON agree on. */
static bool has_twice(const struct json_node *root)
{
    for (const struct json_node *one = root->first; one != NULL; one = one->next)
        for (const struct json_node *other = one->next; one->field != NULL && other != NULL;
             other = other->next)
            if (other->field == one->field)
                return true;
    return false;
}

static void give_reason(struct fhir_in_reader *reader, struct fhir_in_facts *ret,
                        const char *reason)
{
    size_t length = strlen(reason);
    length = length < sizeof reader->reason ? length : sizeof reader->reason - 1;
    memcpy(reader->reason, reason, length);
    reader->reason[length] = '\0';
    ret->reason = reader->reason;
}

static enum err_code read_by(struct fhir_in_reader *reader, const struct tree *tree,
                             struct str text, bool padded, struct fhir_in_facts *ret,
                             struct err *err)
{
    const struct json_node *root = NULL;
    *ret = (struct fhir_in_facts){0};
    struct reading work = {reader, tree, ret, FHIR_PATHS_MOST, false, false};
    arena_reset(reader->nodes);
    TRY(json_bulk_read(reader->bulk, text, padded, &tree->root, reader->nodes, &root, err));
    if (root->kind != JSON_NODE_OBJECT) {
        ret->reason = "not an object";
        return ERR_OK;
    }
    for (const struct json_node *child = root->first; child != NULL; child = child->next)
        take_node(&work, child, 0);
    if (has_twice(root))
        ret->reason = "a member that tells what the resource is stands twice";
    else if (ret->type.ptr == NULL)
        ret->reason = "no resourceType";
    else if (!fhir_in_type_name_fits(ret->type))
        ret->reason = "the resourceType is no name of a type of resources";
    else if (work.odd_id)
        ret->reason = "the id is no text";
    else if (ret->id.len == 0)
        ret->reason = "no id";
    if (str_equal(ret->type, STR("Patient")))
        ret->patient = ret->id;
    return ERR_OK;
}

/* A reader's complaint about the text is a reason; anything else is an error. */
static enum err_code complaint(struct fhir_in_reader *reader, enum err_code code,
                               const struct err *own, struct fhir_in_facts *ret, struct err *err)
{
    if (code == ERR_INPUT || code == ERR_LIMIT) {
        give_reason(reader, ret, own->message);
        return ERR_OK;
    }
    if (err != NULL)
        *err = *own;
    return code;
}

enum err_code fhir_in_read(struct fhir_in_reader *reader, struct str text, bool padded,
                           struct fhir_in_facts *ret, struct err *err)
{
    struct err own = {0};
    *ret = (struct fhir_in_facts){0};
    enum err_code code = json_bulk_check(reader->bulk, text, padded, &own);
    if (code != ERR_OK) {
        TRY(complaint(reader, code, &own, ret, err));
        struct str type = {0};
        TRY(fhir_in_read_type(reader, text, padded, &type, err));
        ret->type = type;
        return ERR_OK;
    }
    const struct tree *tree = reader->last_used;
    if (tree == NULL && (tree = tree_of(reader, STR("Patient"))) == NULL)
        return ingest_memory(err);
    code = read_by(reader, tree, text, padded, ret, &own);
    if (code == ERR_OK && ret->type.ptr != NULL && fhir_in_type_name_fits(ret->type) &&
        !str_equal(ret->type, tree->type)) { /* the tree was another type's */
        tree = tree_of(reader, ret->type);
        if (tree == NULL)
            return ingest_memory(err);
        code = read_by(reader, tree, text, padded, ret, &own);
    }
    return code == ERR_OK ? ERR_OK : complaint(reader, code, &own, ret, err);
}

/* Of a text that is no resource by its length (a Bundle may be): walked where it lies, without a
 * copy. */
static enum err_code type_of_long(struct str text, struct str *ret, struct err *err)
{
    struct json_view view = {0};
    bool failed = false;
    if (text.ptr[0] == '{' && json_read_object(text.ptr, text.ptr + text.len, &view))
        for (size_t i = 0; i < view.count; i++) {
            struct str value = view.members[i].value;
            if (!str_equal(view.members[i].name, STR("resourceType")) || value.len < 2)
                continue;
            value = (struct str){value.ptr + 1, value.len - 2};
            *ret = fhir_in_type_name_fits(value) ? value : *ret;
        }
    failed = view.failed;
    json_view_done(&view);
    return failed ? ingest_memory(err) : ERR_OK;
}

enum err_code fhir_in_read_type(struct fhir_in_reader *reader, struct str text, bool padded,
                                struct str *ret, struct err *err)
{
    const struct json_node *root = NULL;
    static const char usual[] = "{\"resourceType\":\"";
    *ret = (struct str){0};
    if (str_has_prefix(text, usual)) {
        struct str name = {text.ptr + sizeof usual - 1, 0};
        while (name.len < FHIR_LIMIT_TYPE_BYTES && name.ptr + name.len < text.ptr + text.len &&
               name.ptr[name.len] != '"')
            name.len++;
        if (fhir_in_type_name_fits(name) && name.ptr + name.len < text.ptr + text.len &&
            name.ptr[name.len] == '"') {
            *ret = name;
            return ERR_OK;
        }
    }
    if ((int64_t)text.len > INGEST_LIMIT_CELL_BYTES)
        return type_of_long(text, ret, err);
    struct err own = {0};
    arena_reset(reader->nodes);
    enum err_code code =
        json_bulk_read(reader->bulk, text, padded, &reader->type_only, reader->nodes, &root, &own);
    if (code != ERR_OK && code != ERR_INPUT && code != ERR_LIMIT) {
        if (err != NULL)
            *err = own;
        return code;
    }
    const struct json_node *node =
        code == ERR_OK && root->kind == JSON_NODE_OBJECT ? root->first : NULL;
    for (; node != NULL; node = node->next)
        if (node->kind == JSON_NODE_STRING && fhir_in_type_name_fits(node->text))
            *ret = node->text;
    return ERR_OK;
}

/* ---- instants -----------------------------------------------------------------------------------
 */

static bool take_number(struct str *text, size_t digits, int64_t *ret)
{
    *ret = 0;
    if (text->len < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (text->ptr[i] < '0' || text->ptr[i] > '9')
            return false;
        *ret = *ret * 10 + (text->ptr[i] - '0');
    }
    *text = (struct str){text->ptr + digits, text->len - digits};
    return true;
}

static bool take_char(struct str *text, char c)
{
    bool there = text->len > 0 && text->ptr[0] == c;
    *text = (struct str){text->ptr + there, text->len - there};
    return there;
}

/* ".123456789" → µs; what is finer is cut. */
static bool take_fraction(struct str *text, int64_t *ret_us)
{
    int64_t scale = 100000;
    *ret_us = 0;
    if (!take_char(text, '.'))
        return true;
    size_t digits = 0;
    for (; text->len > 0 && text->ptr[0] >= '0' && text->ptr[0] <= '9'; digits++, scale /= 10) {
        *ret_us += (text->ptr[0] - '0') * scale;
        *text = (struct str){text->ptr + 1, text->len - 1};
    }
    return digits > 0;
}

static bool take_zone(struct str *text, int64_t *ret_minutes)
{
    int64_t hours = 0, minutes = 0;
    *ret_minutes = 0;
    if (take_char(text, 'Z'))
        return true;
    int64_t sign = text->len > 0 && text->ptr[0] == '-' ? -1 : 1;
    if ((!take_char(text, '-') && !take_char(text, '+')) || !take_number(text, 2, &hours) ||
        !take_char(text, ':') || !take_number(text, 2, &minutes))
        return false;
    *ret_minutes = sign * (hours * 60 + minutes);
    return hours <= 14 && minutes < 60;
}

bool fhir_in_instant(struct str text, int64_t *ret_us)
{
    int64_t year, month, day, hour, minute, second = 0, fraction = 0, zone = 0;
    if (!take_number(&text, 4, &year) || !take_char(&text, '-') || !take_number(&text, 2, &month) ||
        !take_char(&text, '-') || !take_number(&text, 2, &day) || !take_char(&text, 'T') ||
        !take_number(&text, 2, &hour) || !take_char(&text, ':') || !take_number(&text, 2, &minute))
        return false;
    if (take_char(&text, ':') &&
        (!take_number(&text, 2, &second) || !take_fraction(&text, &fraction)))
        return false;
    if (!take_zone(&text, &zone) || text.len > 0 || hour > 23 || minute > 59 || second > 60 ||
        !clock_civil_valid(year, (unsigned)month, (unsigned)day))
        return false;
    int64_t days = clock_days_from_civil(year, (unsigned)month, (unsigned)day);
    *ret_us = (((days * 24 + hour) * 60 + minute - zone) * 60 + second) * 1000000 + fraction;
    return true;
}
