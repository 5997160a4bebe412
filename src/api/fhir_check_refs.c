/* References and profiles of one resource after the other.
 *
 *     {"subject":{"reference":"Patient/7"},"participant":[{"individual":{"reference":"#d"}}]}
 *      ──▶ (subject, Patient, found)  (participant.individual, , not contained)
 *
 * Paths are the elements' names without positions, so that there are few of them. */
#include "api/fhir_check_priv.h"
#include "ingest/ingest.h"

#include <stdlib.h>
#include <string.h>

#define EXAMPLES_MOST 5
#define COUNTS_MOST 100000 /* different paths, targets and profiles */

static const struct {
    const char *name; /* in the answer */
    bool dangles;     /* leads nowhere */
} links[FHIR_LINKS] = {
    [FHIR_LINK_FOUND] = {"found", false},
    [FHIR_LINK_MISSING] = {"missing", true},
    [FHIR_LINK_NO_TYPE] = {"type_absent", true},
    [FHIR_LINK_CONTAINED] = {"not_contained", true},
    [FHIR_LINK_URN] = {"urn", true},
    [FHIR_LINK_CONDITIONAL] = {"conditional", false},
    [FHIR_LINK_UNCLEAR] = {"unclear", true},
};

static enum err_code no_memory(struct err *err)
{
    return err_set(err, ERR_MEMORY, "no memory to check resources");
}

enum err_code fhir_check_begin(struct fhir_check *check, struct err *err)
{
    check->arena = arena_new(0);
    check->nodes = arena_new(0);
    check->count_slots = 256;
    check->counts = mem_zalloc(check->count_slots, sizeof *check->counts);
    check->id_slots = 1024;
    check->ids = mem_zalloc(check->id_slots, sizeof *check->ids);
    if (check->arena == NULL || check->nodes == NULL || check->counts == NULL || check->ids == NULL)
        return no_memory(err);
    return json_bulk_new(&check->bulk, err);
}

void fhir_check_done(struct fhir_check *check)
{
    for (size_t i = 0; check->counts != NULL && i < check->count_slots; i++)
        json_decref(check->counts[i].examples);
    mem_free(check->counts);
    mem_free(check->ids);
    mem_free(check->types);
    json_bulk_free(check->bulk);
    arena_free(check->arena);
    arena_free(check->nodes);
    buf_done(&check->path);
}

/* ---- ids ----------------------------------------------------------------------------------------
 */

enum err_code fhir_check_add_type(struct fhir_check *check, const char *type, struct err *err)
{
    if (check->type_count == check->type_capacity) {
        size_t wanted = check->type_capacity == 0 ? 64 : check->type_capacity * 2;
        const char **grown = mem_resize(check->types, wanted, sizeof *grown);
        if (grown == NULL)
            return no_memory(err);
        check->types = grown;
        check->type_capacity = wanted;
    }
    check->types[check->type_count] = arena_strdup(check->arena, type);
    return check->types[check->type_count++] == NULL ? no_memory(err) : ERR_OK;
}

static uint64_t id_hash(struct str type, struct str id)
{
    uint64_t seed = hash_xxh3_64(type.ptr, type.len, 0);
    uint64_t hash = hash_xxh3_64(id.ptr, id.len, seed);
    return hash == 0 ? 1 : hash;
}

static size_t id_slot(const struct fhir_check *check, uint64_t hash)
{
    size_t at = (size_t)hash & (check->id_slots - 1);
    while (check->ids[at] != 0 && check->ids[at] != hash)
        at = (at + 1) & (check->id_slots - 1);
    return at;
}

static bool grow_ids(struct fhir_check *check)
{
    uint64_t *before = check->ids;
    size_t slots = check->id_slots;
    uint64_t *grown = mem_zalloc(slots * 2, sizeof *grown);
    if (grown == NULL)
        return false;
    check->ids = grown;
    check->id_slots = slots * 2;
    for (size_t i = 0; i < slots; i++)
        if (before[i] != 0)
            grown[id_slot(check, before[i])] = before[i];
    mem_free(before);
    return true;
}

enum err_code fhir_check_add_id(struct fhir_check *check, struct str type, struct str id,
                                struct err *err)
{
    if (check->id_count * 2 >= check->id_slots && !grow_ids(check))
        return no_memory(err);
    size_t at = id_slot(check, id_hash(type, id));
    check->id_count += check->ids[at] == 0;
    check->ids[at] = id_hash(type, id);
    return ERR_OK;
}

static bool has_id(const struct fhir_check *check, struct str type, struct str id)
{
    return check->ids[id_slot(check, id_hash(type, id))] != 0;
}

static bool has_type(const struct fhir_check *check, struct str type)
{
    for (size_t i = 0; i < check->type_count; i++)
        if (str_equal(str_of(check->types[i]), type))
            return true;
    return false;
}

/* ---- counting -----------------------------------------------------------------------------------
 */

static size_t count_slot(const struct fhir_check *check, uint64_t key)
{
    size_t at = (size_t)key & (check->count_slots - 1);
    while (check->counts[at].key != 0 && check->counts[at].key != key)
        at = (at + 1) & (check->count_slots - 1);
    return at;
}

static bool grow_counts(struct fhir_check *check)
{
    struct fhir_count *before = check->counts;
    size_t slots = check->count_slots;
    struct fhir_count *grown = mem_zalloc(slots * 2, sizeof *grown);
    if (grown == NULL)
        return false;
    check->counts = grown;
    check->count_slots = slots * 2;
    for (size_t i = 0; i < slots; i++)
        if (before[i].key != 0)
            grown[count_slot(check, before[i].key)] = before[i];
    mem_free(before);
    return true;
}

/* path.ptr NULL: a profile. */
static enum err_code count(struct fhir_check *check, const char *type, struct str path,
                           struct str target, enum fhir_link link, struct fhir_count **ret,
                           struct err *err)
{
    uint64_t key = hash_xxh3_64(type, strlen(type), (uint64_t)link + 1);
    key = hash_xxh3_64(path.ptr == NULL ? "" : path.ptr, path.len, key + (path.ptr == NULL));
    key = hash_xxh3_64(target.ptr == NULL ? "" : target.ptr, target.len, key) | 1;
    if (check->count_count * 2 >= check->count_slots && !grow_counts(check))
        return no_memory(err);
    struct fhir_count *entry = &check->counts[count_slot(check, key)];
    if (entry->key == 0) {
        if (check->count_count >= COUNTS_MOST)
            return err_set(err, ERR_LIMIT, "more than %d different elements and profiles",
                           COUNTS_MOST);
        *entry = (struct fhir_count){
            .key = key,
            .type = arena_strdup(check->arena, type),
            .path = path.ptr == NULL ? NULL : arena_strndup(check->arena, path.ptr, path.len),
            .target = arena_strndup(check->arena, target.len == 0 ? "" : target.ptr, target.len),
            .link = link};
        check->count_count++;
        if (arena_failed(check->arena))
            return no_memory(err);
    }
    entry->count++;
    *ret = entry;
    return ERR_OK;
}

/* ---- references ---------------------------------------------------------------------------------
 */

struct looking { /* at one resource */
    struct fhir_check *check;
    const char *type;
    struct str id;
    const struct json_node *contained; /* or NULL */
};

static struct str member_text(const struct json_node *object, const char *name)
{
    for (const struct json_node *member = object->first; member != NULL; member = member->next)
        if (member->kind == JSON_NODE_STRING && str_equal(member->name, str_of(name)))
            return member->text;
    return (struct str){0};
}

static bool is_contained(const struct looking *look, struct str id)
{
    const struct json_node *one = look->contained == NULL ? NULL : look->contained->first;
    for (; one != NULL; one = one->next)
        if (str_equal(member_text(one, "id"), id))
            return true;
    return id.len == 0; /* "#": the resource itself */
}

static bool has_urn(const struct fhir_check *check, struct str reference, struct str type)
{
    const char *colon = memchr(reference.ptr + 4, ':', reference.len - 4);
    if (colon == NULL)
        return false;
    struct str id = {colon + 1, reference.len - (size_t)(colon + 1 - reference.ptr)};
    for (size_t i = 0; i < check->type_count; i++)
        if ((type.len == 0 || str_equal(type, str_of(check->types[i]))) &&
            has_id(check, str_of(check->types[i]), id))
            return true;
    return false;
}

static enum fhir_link follow(const struct looking *look, struct str reference, struct str type,
                             struct str *ret_target)
{
    struct str id;
    *ret_target = type;
    if (reference.len > 0 && reference.ptr[0] == '#')
        return is_contained(look, (struct str){reference.ptr + 1, reference.len - 1})
                   ? FHIR_LINK_FOUND
                   : FHIR_LINK_CONTAINED;
    const char *query = reference.len == 0 ? NULL : memchr(reference.ptr, '?', reference.len);
    if (query != NULL) {
        *ret_target = (struct str){reference.ptr, (size_t)(query - reference.ptr)};
        return FHIR_LINK_CONDITIONAL;
    }
    if (str_has_prefix(reference, "urn:"))
        return has_urn(look->check, reference, type) ? FHIR_LINK_FOUND : FHIR_LINK_URN;
    if (!ingest_reference_parts(reference, ret_target, &id))
        return FHIR_LINK_UNCLEAR;
    if (has_id(look->check, *ret_target, id))
        return FHIR_LINK_FOUND;
    return has_type(look->check, *ret_target) ? FHIR_LINK_MISSING : FHIR_LINK_NO_TYPE;
}

static enum err_code add_example(const struct looking *look, struct fhir_count *entry,
                                 struct str reference, struct err *err)
{
    bool ok = true;
    if (entry->examples == NULL)
        entry->examples = json_array();
    if (json_array_size(entry->examples) >= EXAMPLES_MOST)
        return ERR_OK;
    json_t *example = json_object();
    json_put_str(example, "id", look->id, &ok);
    json_put_str(example, "reference", reference, &ok);
    json_push(entry->examples, example, &ok);
    return json_built(ok && entry->examples != NULL, err);
}

static enum err_code take_reference(const struct looking *look, const struct json_node *object,
                                    struct str reference, struct err *err)
{
    struct fhir_count *entry = NULL;
    struct str target;
    enum fhir_link link = follow(look, reference, member_text(object, "type"), &target);
    look->check->links[link]++;
    TRY(count(look->check, look->type, buf_view(&look->check->path), target, link, &entry, err));
    return look->check->show_values && links[link].dangles
               ? add_example(look, entry, reference, err)
               : ERR_OK;
}

/* Depth is what json_bulk_read allows. */
static enum err_code walk(const struct looking *look, const struct json_node *node, struct err *err)
{
    struct buf *path = &look->check->path;
    if (node->kind == JSON_NODE_OBJECT && path->len > 0) {
        struct str reference = member_text(node, "reference");
        if (reference.ptr != NULL)
            TRY(take_reference(look, node, reference, err));
    }
    for (const struct json_node *child = node->first; child != NULL; child = child->next) {
        size_t before = path->len;
        if (child->kind != JSON_NODE_OBJECT && child->kind != JSON_NODE_ARRAY)
            continue;
        if (child->name.len > 0) {
            buf_puts(path, before == 0 ? "" : ".");
            buf_add_str(path, child->name);
            TRY(buf_check(path, err));
        }
        TRY(walk(look, child, err));
        path->len = before;
    }
    return ERR_OK;
}

static enum err_code take_profiles(const struct looking *look, const struct json_node *meta,
                                   bool *ret, struct err *err)
{
    struct fhir_count *entry = NULL;
    for (const struct json_node *member = meta->first; member != NULL; member = member->next) {
        if (!str_equal(member->name, STR("profile")))
            continue;
        for (const struct json_node *one = member->first; one != NULL; one = one->next) {
            if (one->kind != JSON_NODE_STRING)
                continue;
            TRY(count(look->check, look->type, (struct str){0}, one->text, FHIR_LINK_FOUND, &entry,
                      err));
            *ret = true;
        }
    }
    return ERR_OK;
}

enum err_code fhir_check_resource(struct fhir_check *check, const char *type, struct str id,
                                  struct str text, bool *ret_profiled, struct err *err)
{
    static const struct json_fields everything = {.whole = true};
    const struct json_node *root = NULL;
    struct looking look = {.check = check, .type = type, .id = id};
    arena_reset(check->nodes);
    buf_clear(&check->path);
    TRY(json_bulk_read(check->bulk, text, false, &everything, check->nodes, &root, err));
    for (const struct json_node *member = root->first; member != NULL; member = member->next) {
        if (str_equal(member->name, STR("contained")))
            look.contained = member;
        else if (str_equal(member->name, STR("meta")))
            TRY(take_profiles(&look, member, ret_profiled, err));
    }
    return walk(&look, root, err);
}

/* ---- the answer ---------------------------------------------------------------------------------
 */

/* By type, path, target; then by outcome. */
static int compare(const void *a, const void *b)
{
    const struct fhir_count *x = *(const struct fhir_count *const *)a,
                            *y = *(const struct fhir_count *const *)b;
    int order = strcmp(x->type, y->type);
    if (order == 0)
        order = strcmp(x->path == NULL ? "" : x->path, y->path == NULL ? "" : y->path);
    if (order == 0)
        order = strcmp(x->target, y->target);
    return order != 0 ? order : (x->link > y->link) - (x->link < y->link);
}

static void put_reference(const struct fhir_count *one, json_t *dangling, bool *ok)
{
    json_t *entry = json_object();
    json_put_text(entry, "type", one->type, ok);
    json_put_text(entry, "path", one->path, ok);
    json_put_text(entry, "target", one->target[0] == '\0' ? NULL : one->target, ok);
    json_put_text(entry, "reason", links[one->link].name, ok);
    json_put_int(entry, "count", one->count, ok);
    if (one->examples != NULL)
        json_put(entry, "examples", json_incref(one->examples), ok);
    json_push(dangling, entry, ok);
}

static void put_profile(const struct fhir_count *one, json_t *profiles, bool *ok)
{
    json_t *entry = json_object();
    json_put_text(entry, "type", one->type, ok);
    json_put_text(entry, "profile", one->target, ok);
    json_put_int(entry, "count", one->count, ok);
    json_push(profiles, entry, ok);
}

void fhir_check_put(const struct fhir_check *check, json_t *answer, bool *ok)
{
    json_t *references = json_object(), *dangling = json_array(), *profiles = json_array();
    int64_t nowhere = 0, all = 0;
    size_t found = 0;
    AUTO(mem_free)
    const struct fhir_count **sorted = mem_zalloc(check->count_count + 1, sizeof *sorted);
    *ok = *ok && sorted != NULL;
    for (size_t i = 0; sorted != NULL && i < check->count_slots; i++)
        if (check->counts[i].key != 0)
            sorted[found++] = &check->counts[i];
    if (found > 0)
        qsort(sorted, found, sizeof *sorted, compare);
    for (size_t i = 0; i < found; i++) {
        if (sorted[i]->path == NULL)
            put_profile(sorted[i], profiles, ok);
        else if (links[sorted[i]->link].dangles)
            put_reference(sorted[i], dangling, ok);
    }
    for (size_t i = 0; i < FHIR_LINKS; i++) {
        all += check->links[i];
        nowhere += links[i].dangles ? check->links[i] : 0;
        json_put_int(references, links[i].name, check->links[i], ok);
    }
    json_put_int(references, "all", all, ok);
    json_put(answer, "references", references, ok);
    json_put(answer, "dangling", dangling, ok);
    json_put(answer, "profiles", profiles, ok);
    json_put_flag(answer, "ok", nowhere == 0, ok);
}
