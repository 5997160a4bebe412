/* Counts of rows for each entity, described: those without any count as 0.
 *
 *     entities that meet the filters ⟕ (target's rows grouped by entity: n) → mean of coalesce(n, 0) */
#include "ask/lower_priv.h"

typedef const struct plan_expr *E;
typedef const struct plan_rel *R;

/* (entity, n) of the target's rows. */
static R counted(const struct ask_question *q, struct ask_rows *rows)
{
    struct plan *plan = rows->plan;
    E key = ask_rows_key(rows, q->per);
    struct plan_named group = {"marrow_entity", key};
    struct plan_named count = {"marrow_n",
                               plan_aggregate_call(plan, "count_rows", 0, NULL, false, NULL)};
    struct ask_attr name;
    if (q->different && ask_name_of(rows->catalogue, rows->table, &name)) {
        E value = ask_rows_value(rows, &name);
        group.expr = ask_rows_key(rows, q->per);
        count.expr = plan_aggregate_call(plan, "count_distinct", 1, &value, false, NULL);
    }
    return plan_aggregate(plan, rows->rel, &group, 1, &count, 1);
}

const struct plan_expr *ask_counts_value(struct plan *plan, const struct plan_rel *rel)
{
    E n = plan_call(plan, "coalesce", 2,
                    (E[]){plan_column(plan, rel, "marrow_n"), plan_literal_int(plan, 0)});
    return plan_cast(plan, n, DATA_TYPE(DOUBLE), false);
}

const struct plan_expr *ask_rows_counts(const struct ask_reading *reading, struct ask_rows *rows,
                                        struct ask_rows *entities)
{
    const struct ask_question *q = &reading->question;
    struct plan *plan = rows->plan;
    R counts = counted(q, rows);
    ask_rows_entities(reading, q->per, entities);
    E left = ask_rows_key(entities, q->per);
    E right = plan_column_right(plan, counts, "marrow_entity");
    entities->rel =
        plan_join(plan, PLAN_JOIN_LEFT, entities->rel, counts, &left, &right, 1, NULL);
    return ask_counts_value(plan, entities->rel);
}
