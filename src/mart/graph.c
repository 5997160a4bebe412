/* The graph of relations: tables are nodes, usable relations are n:1 edges child → parent.
 * Following edges never multiplies rows, which is why a mart is built along them and nothing else.
 */
#include "mart/mart_priv.h"

#include <string.h>

static bool is_primary_key(const struct profile_table *table, const size_t *columns, size_t count)
{
    size_t hits = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < table->primary_key.count; k++)
            hits += columns[i] == table->primary_key.columns[k] ? 1 : 0;
    return count > 0 && hits == table->primary_key.count && hits == count;
}

const char *mart_relation_problem(const struct profile *profile,
                                  const struct profile_relation *relation)
{
    if (relation->status == PROFILE_REJECTED)
        return "it was rejected";
    if (relation->child == relation->parent)
        return "it leads from the table to itself";
    if (relation->status == PROFILE_PROPOSED && relation->confidence < MART_CONFIDENCE_FLOOR)
        return "its confidence is too low: confirm it";
    const struct profile_table *parent = &profile->tables[relation->parent];
    if (relation->column_count == 1 && parent->columns[relation->parent_columns[0]].unique)
        return NULL;
    return is_primary_key(parent, relation->parent_columns, relation->column_count)
               ? NULL
               : "the parent's column is not unique, so rows would be counted more than once";
}

bool mart_relation_usable(const struct profile *profile, const struct profile_relation *relation)
{
    return mart_relation_problem(profile, relation) == NULL;
}

bool mart_relations_share(const struct profile_relation *a, const struct profile_relation *b)
{
    for (size_t i = 0; i < a->column_count; i++)
        for (size_t k = 0; k < b->column_count; k++)
            if (a->child_columns[i] == b->child_columns[k])
                return true;
    return false;
}

size_t mart_roles(const struct profile *profile, size_t child, size_t parent,
                  const struct profile_relation *ret[MART_LIMIT_ROLES])
{
    size_t count = 0;
    for (size_t i = 0; i < profile->relation_count && count < MART_LIMIT_ROLES; i++) {
        const struct profile_relation *relation = &profile->relations[i];
        bool known = relation->child != child || relation->parent != parent ||
                     !mart_relation_usable(profile, relation);
        for (size_t r = 0; r < count && !known; r++)
            known = mart_relations_share(relation, ret[r]);
        if (!known)
            ret[count++] = relation;
    }
    return count;
}

/* Breadth first; edges of one table in the profile's order (confirmed first, then by confidence),
 * so ties are decided. */
bool mart_path_find(const struct profile *profile, size_t from, size_t to, struct mart_path *ret)
{
    struct mart_path *queue = mem_zalloc(profile->table_count + 1, sizeof *queue);
    bool *seen = mem_zalloc(profile->table_count + 1, sizeof *seen);
    size_t head = 0, tail = 0;
    bool found = false;
    if (queue != NULL && seen != NULL) {
        queue[tail].tables[0] = from;
        queue[tail++].count = 0;
        seen[from] = true;
    }
    while (head < tail && !found) {
        struct mart_path path = queue[head++];
        if (path.tables[path.count] == to) {
            *ret = path;
            found = true;
        }
        for (size_t i = 0; !found && path.count < MART_LIMIT_HOPS && i < profile->relation_count;
             i++) {
            const struct profile_relation *relation = &profile->relations[i];
            if (relation->child != path.tables[path.count] || seen[relation->parent] ||
                !mart_relation_usable(profile, relation))
                continue;
            struct mart_path next = path;
            next.steps[next.count++] = relation;
            next.tables[next.count] = relation->parent;
            seen[relation->parent] = true;
            queue[tail++] = next;
        }
    }
    mem_free(queue);
    mem_free(seen);
    return found;
}

bool mart_column_is_key(const struct profile *profile, size_t table, size_t column)
{
    const struct profile_key *key = &profile->tables[table].primary_key;
    for (size_t i = 0; i < key->count; i++)
        if (key->columns[i] == column)
            return true;
    for (size_t i = 0; i < profile->relation_count; i++) {
        const struct profile_relation *relation = &profile->relations[i];
        bool self = relation->child == relation->parent && relation->status != PROFILE_REJECTED;
        if (relation->child != table || !(self || mart_relation_usable(profile, relation)))
            continue;
        for (size_t k = 0; k < relation->column_count; k++)
            if (relation->child_columns[k] == column)
                return true;
    }
    return false;
}

enum err_code mart_table_find(const struct profile *profile, const char *name, size_t *ret,
                              struct err *err)
{
    AUTO(buf_done) struct buf known = BUF_INIT;
    for (size_t i = 0; i < profile->table_count; i++) {
        if (str_equal_nocase(str_of(profile->tables[i].table->name), str_of(name))) {
            *ret = i;
            return ERR_OK;
        }
        buf_printf(&known, "%s%s", i == 0 ? "" : ", ", profile->tables[i].table->name);
    }
    err_set(err, ERR_NOT_FOUND, "no table '%s' in this version", name);
    return err_hint(err, "tables: %.800s", buf_text(&known));
}
