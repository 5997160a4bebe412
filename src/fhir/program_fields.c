/* Which members of a resource the views look at: found out while their paths are compiled, then laid out as the bulk reader's
 * field tree. Names become slots: numbers that an expression and a node share. */
#include <string.h>

#include "fhir/evaluate_priv.h"

size_t fhir_slot(struct fhir_program *program, struct str name, bool choice)
{
    for (size_t idx = 1; idx < program->slot_count; idx++)
        if (program->slots[idx].choice == choice && str_equal(program->slots[idx].name, name))
            return idx;
    if (program->slot_count == program->slot_cap) {
        size_t cap = program->slot_cap == 0 ? 32 : program->slot_cap * 2;
        struct fhir_slot *larger = arena_array(program->arena, cap, sizeof *larger);
        if (larger == NULL)
            return 0;
        if (program->slot_count > 0)
            memcpy(larger, program->slots, program->slot_count * sizeof *larger);
        program->slots = larger;
        program->slot_cap = cap;
    }
    if (program->slot_count == 0)
        program->slot_count = 1;
    program->slots[program->slot_count] = (struct fhir_slot){.name = name, .choice = choice};
    return program->slot_count++;
}

struct fhir_need *fhir_need_child(struct fhir_program *program, struct fhir_need *parent, struct str name, bool choice)
{
    struct fhir_need **link = &parent->first;
    for (; *link != NULL; link = &(*link)->next)
        if ((*link)->choice == choice && str_equal((*link)->name, name))
            return *link;
    struct fhir_need *child = arena_alloc(program->arena, sizeof *child);
    size_t slot = fhir_slot(program, name, choice);
    if (child == NULL || slot == 0)
        return NULL;
    *child = (struct fhir_need){.name = name, .choice = choice, .slot = slot, .parent = parent};
    *link = child;
    parent->child_count++;
    return child;
}

/* Everything that is wanted of from is wanted of into too. */
static bool merge(struct fhir_program *program, struct fhir_need *into, const struct fhir_need *from)
{
    into->whole = into->whole || from->whole;
    for (const struct fhir_need *child = from->first; child != NULL; child = child->next) {
        struct fhir_need *same = fhir_need_child(program, into, child->name, child->choice);
        if (same == NULL || !merge(program, same, child))
            return false;
    }
    return true;
}

static bool is_typed(const struct fhir_need *choice, const struct fhir_need *exact)
{
    size_t length = choice->name.len;
    return !exact->choice && exact->name.len > length && memcmp(exact->name.ptr, choice->name.ptr, length) == 0 && exact->name.ptr[length] >= 'A' &&
           exact->name.ptr[length] <= 'Z';
}

/* A member matches one field. Where value[x] and valueQuantity are both wanted, the second has what both want, and comes first. */
static bool spread_choices(struct fhir_program *program, struct fhir_need *need)
{
    for (struct fhir_need *choice = need->first; choice != NULL; choice = choice->next)
        for (struct fhir_need *exact = need->first; choice->choice && exact != NULL; exact = exact->next)
            if (is_typed(choice, exact) && !merge(program, exact, choice))
                return false;
    for (struct fhir_need *child = need->first; child != NULL; child = child->next)
        if (!spread_choices(program, child))
            return false;
    return true;
}

/* whole: something above is, so that members which no field names are there too: FHIR_POSITION_SEARCHED. */
static bool lay_out(struct fhir_program *program, const struct fhir_need *need, bool whole, struct json_fields *ret)
{
    whole = whole || need->whole;
    *ret = (struct json_fields){.name = need->name, .whole = need->whole, .choice = need->choice, .slot = need->slot};
    ret->children = arena_array(program->arena, need->child_count, sizeof *ret->children);
    uint16_t *positions = arena_array(program->arena, program->slot_count + 1, sizeof *positions);
    if (ret->children == NULL || positions == NULL || need->child_count >= UINT16_MAX)
        return false;
    ret->positions = positions;
    for (size_t slot = 0; whole && slot <= program->slot_count; slot++)
        positions[slot] = FHIR_POSITION_SEARCHED;
    for (int choices = 0; choices < 2; choices++)
        for (const struct fhir_need *child = need->first; child != NULL; child = child->next) {
            if (child->choice != (choices != 0))
                continue;
            if (!lay_out(program, child, whole, &ret->children[ret->child_count++]))
                return false;
            positions[child->slot] = (uint16_t)ret->child_count;
        }
    return true;
}

enum err_code fhir_needs_fields(struct fhir_program *program, struct fhir_need *root, struct err *err)
{
    program->fields = arena_alloc(program->arena, sizeof *program->fields);
    if (program->fields == NULL || !spread_choices(program, root) || !lay_out(program, root, false, program->fields))
        return err_set(err, ERR_MEMORY, "no memory to compile views");
    json_fields_seal(program->fields);
    return ERR_OK;
}
