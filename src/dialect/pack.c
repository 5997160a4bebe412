/* Packing: a wide relation that is joined carries its columns as one list for each type; what reads
 * the join takes the elements out.
 *
 *     labs_totals(id, n, n_2, … 40 bigints)        WITH labs_totals AS (
 *                                                      SELECT id, [count(a), count(b), …] AS
 * bigints →        …) patients LEFT JOIN labs_totals               SELECT labs_totals.bigints[2] AS
 * n_2
 *
 * In a chain of joins DuckDB sets up a vector for each column after each join, so that thirty joins
 * of wide rows cost more in being set up than in being done. An element of a list that a left join
 * did not find is null, as the column would be. Only aggregates that this join alone reads. */
#include "dialect/emit_priv.h"

#define PACKED_LEAST 16 /* columns of a relation; fewer: as they are */

struct list { /* one type's columns */
    struct list *next;
    struct data_type type;
    size_t members, column; /* column: of the CTE */
};
struct place {         /* what became of a column */
    struct list *list; /* NULL: stays, at the CTE's column idx */
    size_t idx;        /* in the list from 1 */
};

static bool is_plain_kind(enum data_kind kind)
{
    return kind == DATA_TEXT || kind == DATA_BIGINT || kind == DATA_DOUBLE || kind == DATA_DATE ||
           kind == DATA_TIMESTAMP;
}

static bool is_key(const struct plan_rel *join, size_t column)
{
    for (size_t i = 0; i < join->key_count; i++)
        if (join->right_keys[i]->idx == column)
            return true;
    return false;
}

bool emit_packs(const struct emit *emit, const struct plan_rel *join)
{
    const struct plan_rel *rel = join->inputs[1];
    if (!emit->dialect->fuses || (join->join != PLAN_JOIN_LEFT && join->join != PLAN_JOIN_INNER) ||
        join->predicate != NULL || rel->kind != PLAN_AGGREGATE || rel->group_count == 0 ||
        emit->uses[rel->id] > 1 || rel->column_count < PACKED_LEAST)
        return false;
    for (size_t i = 0; i < join->key_count; i++)
        if (join->right_keys[i]->kind != PLAN_COLUMN)
            return false;
    return true;
}

/* Each column that may be packed, in its type's list. */
static struct list *lists_of(struct emit *emit, const struct plan_rel *join, struct place *places)
{
    const struct plan_rel *rel = join->inputs[1];
    struct list *first = NULL, **last = &first;
    for (size_t i = 0; i < rel->column_count; i++) {
        struct data_type type = rel->columns[i].type;
        struct list *list = first;
        if (!is_plain_kind(type.kind) || is_key(join, i))
            continue;
        while (list != NULL && !data_type_equal(list->type, type))
            list = list->next;
        if (list == NULL) {
            list = arena_alloc(emit->arena, sizeof *list);
            if (list == NULL) {
                emit->failed = true;
                return NULL;
            }
            *list = (struct list){.type = type};
            *last = list;
            last = &list->next;
        }
        places[i] = (struct place){list, ++list->members};
    }
    return first;
}

static struct piece list_piece(struct emit *emit, const struct list *list,
                               const struct place *places, const struct block *block)
{
    struct buf *out = &emit->scratch;
    for (size_t i = 0; i < block->column_count; i++) {
        if (places[i].list != list)
            continue;
        buf_puts(out, places[i].idx == 1 ? "[" : ", ");
        buf_add_str(out, block->columns[i].text);
    }
    buf_putc(out, ']');
    return (struct piece){.text = emit_copy(emit, out), .precedence = PRECEDENCE_ATOM};
}

static const char *list_name(enum data_kind kind)
{
    return kind == DATA_TEXT     ? "texts"
           : kind == DATA_BIGINT ? "bigints"
           : kind == DATA_DOUBLE ? "doubles"
           : kind == DATA_DATE   ? "dates"
                                 : "timestamps";
}

/* The CTE: the columns that stay, then the lists. */
static bool pack(struct emit *emit, struct block *block, struct plan_rel *rel, struct list *lists,
                 struct place *places)
{
    struct plan_column *names = arena_array(emit->arena, rel->column_count, sizeof *names);
    struct piece *columns = arena_array(emit->arena, rel->column_count, sizeof *columns);
    struct aliases *taken = NULL;
    size_t count = 0;
    if (names == NULL || columns == NULL)
        return false;
    for (size_t i = 0; i < rel->column_count; i++) {
        if (places[i].list != NULL)
            continue;
        names[count].name = emit_unique(emit, &taken, rel->columns[i].name);
        columns[count] = block->columns[i];
        places[i].idx = count++;
    }
    for (struct list *list = lists; list != NULL; list = list->next) {
        names[count].name = emit_unique(emit, &taken, list_name(list->type.kind));
        columns[count] = list_piece(emit, list, places, block);
        list->column = count++;
    }
    block->columns = columns;
    block->column_count = count;
    rel->columns = names;
    rel->column_count = count;
    return true;
}

struct block *emit_packed(struct emit *emit, const struct plan_rel *join, struct aliases **aliases)
{
    const struct plan_rel *rel = join->inputs[1];
    struct block *block = emit_body(emit, rel, NULL);
    struct place *places = arena_array(emit->arena, rel->column_count, sizeof *places);
    struct piece *columns = arena_array(emit->arena, rel->column_count, sizeof *columns);
    struct plan_rel lower = *rel;
    if (block == NULL || places == NULL || columns == NULL)
        return NULL;
    struct list *lists = lists_of(emit, join, places);
    if (!pack(emit, block, &lower, lists, places))
        return NULL;
    block = emit_fold(emit, block, &lower, aliases);
    if (block == NULL)
        return NULL;
    for (size_t i = 0; i < rel->column_count; i++) {
        const struct place *place = &places[i];
        if (place->list == NULL) {
            columns[i] = block->columns[place->idx];
            continue;
        }
        buf_printf(&emit->scratch, "%s[%zu]", block->columns[place->list->column].text.ptr,
                   place->idx);
        columns[i] =
            (struct piece){.text = emit_copy(emit, &emit->scratch), .precedence = PRECEDENCE_ATOM};
    }
    block->columns = columns;
    block->column_count = rel->column_count;
    return block;
}
