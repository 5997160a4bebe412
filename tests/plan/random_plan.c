/* Random tables, and random relations over them. A relation carries a bound of its rows, so that
 * joins do not explode. "Tidy" means: every column has an order and is exact, so that all columns
 * together are a total order up to equal rows. */
#include "random_plan_priv.h"

#include <string.h>

#define MAX_ROWS 1500
#define POOL 12

struct sized {
    const struct plan_rel *rel;
    size_t rows; /* at most */
};
struct builder {
    struct random_gen gen;
    struct sized pool[POOL]; /* relations to use again */
    size_t pooled;
};

bool random_is_approximate(const char *column)
{
    return strncmp(column, "approx", 6) == 0;
}

static struct sized build(struct builder *b, int depth);

/* ---- tables ------------------------------------------------------------------------------------
 */

struct layout {
    const char *table;
    struct {
        const char *name;
        char class;
        uint8_t precision, scale;
    } columns[11];
};
static const struct layout LAYOUTS[RANDOM_TABLES] = {
    {"labs",
     {{"id", 'i', 0, 0},
      {"patient", 'i', 0, 0},
      {"item", 't', 0, 0},
      {"value", 'd', 9, 2},
      {"dose", 'f', 0, 0},
      {"taken", 'T', 0, 0},
      {"day", 'D', 0, 0},
      {"final", 'b', 0, 0},
      {"note", 'j', 0, 0}}},
    {"stays",
     {{"stay", 'i', 0, 0},
      {"patient_ref", 'i', 0, 0},
      {"began", 'T', 0, 0},
      {"ended", 'T', 0, 0},
      {"Ward Größe", 't', 0, 0},
      {"cost", 'd', 18, 4},
      {"at", 'Z', 0, 0},
      {"clock", 'm', 0, 0}}},
    {"patients",
     {{"person", 'i', 0, 0},
      {"born", 'D', 0, 0},
      {"died", 'D', 0, 0},
      {"name", 't', 0, 0},
      {"weight", 'd', 5, 0},
      {"select", 'b', 0, 0}}},
    {"nothing",
     {{"key", 'i', 0, 0}, {"words", 't', 0, 0}, {"level", 'd', 12, 3}, {"since", 'D', 0, 0}}}};

static enum data_kind kind_of(char class)
{
    static const char LETTERS[] = "bidftDTZmj";
    static const enum data_kind KINDS[] = {
        DATA_BOOLEAN, DATA_BIGINT,    DATA_DECIMAL,     DATA_DOUBLE, DATA_TEXT,
        DATA_DATE,    DATA_TIMESTAMP, DATA_TIMESTAMPTZ, DATA_TIME,   DATA_JSON};
    return KINDS[strchr(LETTERS, class) - LETTERS];
}

static enum err_code make_table(struct builder *b, const struct layout *layout,
                                struct random_table *ret, struct err *err)
{
    struct random_gen *gen = &b->gen;
    ret->name = layout->table;
    for (size_t i = 0; layout->columns[i].name != NULL; i++) {
        struct data_type type = {.kind = kind_of(layout->columns[i].class)};
        if (!random_has_class(gen, layout->columns[i].class))
            continue;
        if (type.kind == DATA_DECIMAL)
            type = data_type_decimal(layout->columns[i].precision, layout->columns[i].scale);
        TRY(data_schema_add(&ret->schema, str_of(layout->columns[i].name), type, err));
    }
    ret->row_count = layout == &LAYOUTS[RANDOM_TABLES - 1] || random_chance(gen, 4)
                         ? 0
                         : 2 + random_pick(gen, 11);
    size_t count = ret->schema.count;
    ret->cells = arena_array(plan_arena(gen->plan), ret->row_count * count + 1, sizeof *ret->cells);
    for (size_t row = 0; ret->cells != NULL && row < ret->row_count; row++) {
        if (row > 0 && random_chance(gen, 12)) { /* a duplicate */
            memcpy(&ret->cells[row * count], &ret->cells[(row - 1) * count],
                   count * sizeof *ret->cells);
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            bool null = random_chance(gen, i == 0 ? 3 : 15);
            ret->cells[row * count + i] =
                null ? NULL : random_text(gen->plan, &gen->state, ret->schema.columns[i].type);
        }
    }
    return ret->cells != NULL ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for a random table");
}

/* ---- columns -----------------------------------------------------------------------------------
 */

static const char *fresh(struct builder *b, const char *wish)
{
    return arena_printf(plan_arena(b->gen.plan), "%s%d", wish, ++b->gen.names);
}
static bool is_tidy(const struct plan_column *column)
{
    char class = random_class(column->type);
    return class != 0 && class != 'j' && class != 'l' && !random_is_approximate(column->name);
}

/* A subset of the columns under other names; approximate ones keep theirs (made fresh). tidy: only
 * such. */
static struct sized renamed(struct builder *b, struct sized in, bool tidy, uint32_t keep_percent)
{
    struct plan *plan = b->gen.plan;
    if (in.rel == NULL)
        return in;
    struct plan_named *outputs = plan_named_array(plan, in.rel->column_count + 1);
    size_t count = 0;
    for (size_t i = 0; outputs != NULL && i < in.rel->column_count; i++) {
        const struct plan_column *column = &in.rel->columns[i];
        bool wanted = random_chance(&b->gen, keep_percent) && count < 8;
        if (!wanted || (tidy && !is_tidy(column)))
            continue;
        const char *wish = random_is_approximate(column->name) ? "approx"
                           : random_chance(&b->gen, 10)        ? "Odd Näme "
                                                               : "c";
        outputs[count++] =
            (struct plan_named){fresh(b, wish), plan_column(plan, in.rel, column->name)};
    }
    if (outputs != NULL && count == 0)
        outputs[count++] = (struct plan_named){fresh(b, "c"), plan_literal_int(plan, 7)};
    return (struct sized){plan_project(plan, in.rel, outputs, count), in.rows};
}
static struct sized tidied(struct builder *b, struct sized in)
{
    for (size_t i = 0; in.rel != NULL && i < in.rel->column_count; i++)
        if (!is_tidy(&in.rel->columns[i]))
            return renamed(b, in, true, 100);
    return in;
}
static struct random_scope over(const struct plan_rel *rel)
{
    return (struct random_scope){{rel, NULL}, 1};
}
static const char ANY[] = "bidftDTZmiitD";

/* ---- nodes: each NULL where it cannot be made; the caller tries another -------------------------
 */

static struct sized make_scan(struct builder *b)
{
    const struct random_table *table = &b->gen.out->tables[random_pick(&b->gen, RANDOM_TABLES)];
    if (table->row_count == 0 && random_chance(&b->gen, 60))
        table = &b->gen.out->tables[0];
    return (struct sized){plan_scan(b->gen.plan, table->name, &table->schema), table->row_count};
}

static struct sized make_values(struct builder *b)
{
    struct plan_column columns[4];
    const struct plan_expr *cells[16];
    size_t count = 1 + random_pick(&b->gen, 4), rows = random_pick(&b->gen, 5);
    struct random_scope none = {.count = 0};
    for (size_t i = 0; i < count; i++) {
        const struct plan_expr *sample =
            random_expr(&b->gen, &none, random_letter(&b->gen, ANY), 0);
        if (sample == NULL)
            return (struct sized){0};
        columns[i] = (struct plan_column){fresh(b, "v"), sample->type};
    }
    for (size_t i = 0; i < rows * count; i++)
        cells[i] = random_literal(b->gen.plan, &b->gen.state, columns[i % count].type, true);
    return (struct sized){plan_values(b->gen.plan, columns, count, cells, rows), rows};
}

static struct sized make_filter(struct builder *b, struct sized in)
{
    struct random_scope scope = over(in.rel);
    const struct plan_expr *parts[3];
    size_t count = random_chance(&b->gen, 40) ? 2 + random_pick(&b->gen, 2) : 1;
    for (size_t i = 0; i < count; i++)
        parts[i] = random_expr(&b->gen, &scope, 'b', count == 1 ? 3 : 1);
    const struct plan_expr *all =
        count == 1 ? parts[0] : plan_call(b->gen.plan, "and", count, parts);
    return (struct sized){plan_filter(b->gen.plan, in.rel, all), in.rows};
}

static struct sized make_project(struct builder *b, struct sized in)
{
    struct plan *plan = b->gen.plan;
    struct random_scope scope = over(in.rel);
    size_t kept = in.rel->column_count, made = 1 + random_pick(&b->gen, 3), count = 0;
    struct plan_named *outputs = plan_named_array(plan, kept + made);
    for (size_t i = 0; outputs != NULL && i < kept && count < 6; i++)
        if (random_chance(&b->gen, 50))
            outputs[count++] = (struct plan_named){
                in.rel->columns[i].name, plan_column(plan, in.rel, in.rel->columns[i].name)};
    for (size_t i = 0; outputs != NULL && i < made; i++) {
        bool approximate = random_chance(&b->gen, 10);
        const struct plan_expr *expr =
            approximate ? random_approximate(&b->gen, &scope)
                        : random_expr(&b->gen, &scope, random_letter(&b->gen, "bidftDTZmijlh"), 3);
        if (expr != NULL)
            outputs[count++] = (struct plan_named){fresh(b, approximate ? "approx" : "c"), expr};
    }
    return count == 0 ? (struct sized){0}
                      : (struct sized){plan_project(plan, in.rel, outputs, count), in.rows};
}

/* 0 … 2 pairs of keys of one class; -1: there is no pair */
static int make_keys(struct builder *b, struct sized left, struct sized right,
                     const struct plan_expr **left_keys, const struct plan_expr **right_keys)
{
    struct random_scope scope_left = over(left.rel), scope_right = over(right.rel);
    int count = random_chance(&b->gen, 10) ? 0 : random_chance(&b->gen, 75) ? 1 : 2, made = 0;
    for (int tries = 0; made < count && tries < 12; tries++) {
        char class = random_letter(&b->gen, "iiiidtDTb");
        const struct plan_expr *key = random_column(&b->gen, &scope_left, class),
                               *other = random_column(&b->gen, &scope_right, class);
        if (key == NULL || other == NULL)
            continue;
        left_keys[made] = key; /* read from input 1: bound by name */
        right_keys[made++] = plan_column_right(b->gen.plan, right.rel, other->name);
    }
    return made < count ? -1 : made;
}

/* [left or right.start, end) from two times of that side; false: it has none */
static bool make_time(struct builder *b, struct sized in, size_t side, char class,
                      const struct plan_expr **ret)
{
    struct random_scope scope = over(in.rel);
    const struct plan_expr *column = random_column(&b->gen, &scope, class);
    if (column == NULL)
        return false;
    *ret = side == 0 ? column : plan_column_right(b->gen.plan, in.rel, column->name);
    return true;
}

static struct sized make_timed_join(struct builder *b, struct sized left, struct sized right,
                                    bool interval)
{
    struct plan *plan = b->gen.plan;
    const struct plan_expr *left_keys[2], *right_keys[2];
    struct plan_span span = {.closed = random_chance(&b->gen, 50),
                             .forward = !interval && random_chance(&b->gen, 30)};
    char class = random_letter(&b->gen, "TTDi");
    right = tidied(b, right);
    int keys = make_keys(b, left, right, left_keys, right_keys);
    bool timed = keys >= 0 && make_time(b, left, 0, class, &span.left_start) &&
                 make_time(b, right, 1, class, &span.right_start);
    if (!timed)
        return (struct sized){0};
    if (interval) {
        if (!make_time(b, left, 0, class, &span.left_end) ||
            !make_time(b, right, 1, class, &span.right_end))
            return (struct sized){0};
        enum plan_join_kind kind = random_chance(&b->gen, 50) ? PLAN_JOIN_LEFT : PLAN_JOIN_INNER;
        return (struct sized){plan_interval_join(plan, kind, left.rel, right.rel, left_keys,
                                                 right_keys, (size_t)keys, &span),
                              left.rows * (right.rows + 1)};
    }
    struct plan_order *ties = random_total_order(&b->gen, right.rel);
    for (size_t i = 0; ties != NULL && i < right.rel->column_count; i++)
        ties[i].expr = plan_column_right(plan, right.rel, ties[i].expr->name);
    return (struct sized){plan_join_asof(plan, left.rel, right.rel, left_keys, right_keys,
                                         (size_t)keys, &span, ties, right.rel->column_count),
                          left.rows};
}

static struct sized make_join(struct builder *b, struct sized left, int depth, bool interval)
{
    struct plan *plan = b->gen.plan;
    const struct plan_expr *left_keys[2], *right_keys[2], *residual = NULL;
    enum plan_join_kind kind = (enum plan_join_kind)random_pick(&b->gen, 5);
    struct sized right = renamed(b, build(b, depth), false, 70);
    left = renamed(b, left, false, 70);
    if ((b->gen.options->without_joins & 1u << kind) != 0 || left.rel == NULL || right.rel == NULL)
        return (struct sized){0};
    if (left.rows * (right.rows + 1) > MAX_ROWS)
        return (struct sized){0};
    if (interval || kind == PLAN_JOIN_ASOF)
        return make_timed_join(b, left, right, interval);
    int keys = make_keys(b, left, right, left_keys, right_keys);
    if (keys < 0)
        return (struct sized){0};
    struct random_scope both = {{left.rel, right.rel}, 2};
    if (random_chance(&b->gen, keys == 0 ? 80 : 30) &&
        (residual = random_expr(&b->gen, &both, 'b', 2)) == NULL)
        return (struct sized){0};
    bool one_side = kind == PLAN_JOIN_SEMI || kind == PLAN_JOIN_ANTI;
    return (struct sized){
        plan_join(plan, kind, left.rel, right.rel, left_keys, right_keys, (size_t)keys, residual),
        one_side ? left.rows : left.rows * (right.rows + 1)};
}

static struct sized make_aggregate(struct builder *b, struct sized in)
{
    struct plan *plan = b->gen.plan;
    struct plan_named groups[3], outputs[4];
    size_t group_count = random_pick(&b->gen, 3), made = 0, wanted = 1 + random_pick(&b->gen, 4);
    in = tidied(b, in);
    struct random_scope scope = over(in.rel);
    if (in.rel == NULL)
        return in;
    for (size_t i = 0; i < group_count; i++) {
        groups[i] = (struct plan_named){
            fresh(b, "g"), random_expr(&b->gen, &scope, random_letter(&b->gen, "biitDTd"), 1)};
        if (groups[i].expr == NULL)
            return (struct sized){0};
    }
    for (int tries = 0; made < wanted && tries < 12; tries++) {
        bool approximate = false;
        const struct plan_expr *call = random_aggregate(&b->gen, &scope, &approximate);
        if (call == NULL)
            continue;
        if (call->type.kind == DATA_BIGINT && random_chance(&b->gen, 20) &&
            random_can(&b->gen, PLAN_FUNCTION_ADD))
            call = plan_call(plan, "add", 2,
                             (const struct plan_expr *[]){call, plan_literal_int(plan, 1)});
        outputs[made++] = (struct plan_named){fresh(b, approximate ? "approx" : "a"), call};
    }
    if (made + group_count == 0)
        return (struct sized){0};
    return (struct sized){plan_aggregate(plan, in.rel, groups, group_count, outputs, made),
                          in.rows + 1};
}

/* The columns of `rel` made those of `like`: of the same type where there are, else literals. */
static const struct plan_rel *alike(struct builder *b, const struct plan_rel *rel,
                                    const struct plan_rel *like)
{
    struct plan *plan = b->gen.plan;
    struct plan_named *outputs = plan_named_array(plan, like->column_count);
    for (size_t i = 0; outputs != NULL && i < like->column_count; i++) {
        const struct plan_column *column = &like->columns[i];
        outputs[i].name = random_is_approximate(column->name) ? fresh(b, "approx") : fresh(b, "u");
        size_t start = random_pick(&b->gen, (uint32_t)rel->column_count);
        for (size_t k = 0; k < rel->column_count && outputs[i].expr == NULL; k++) {
            const struct plan_column *other = &rel->columns[(start + k) % rel->column_count];
            if (data_type_equal(other->type, column->type) &&
                random_is_approximate(other->name) == random_is_approximate(column->name))
                outputs[i].expr = plan_column(plan, rel, other->name);
        }
        if (outputs[i].expr == NULL)
            outputs[i].expr =
                plan_literal(plan, column->type, random_text(plan, &b->gen.state, column->type));
    }
    return plan_project(plan, rel, outputs, like->column_count);
}
static struct sized make_union(struct builder *b, struct sized in, int depth)
{
    const struct plan_rel *inputs[3] = {in.rel};
    size_t count = 2 + random_pick(&b->gen, 2), rows = in.rows;
    for (size_t i = 1; i < count; i++) {
        struct sized other = random_chance(&b->gen, 50) ? in : build(b, depth);
        if (other.rel == NULL)
            return other;
        inputs[i] = other.rel == in.rel && random_chance(&b->gen, 50) ? in.rel
                                                                      : alike(b, other.rel, in.rel);
        rows += other.rows;
    }
    if (rows > MAX_ROWS)
        return (struct sized){0};
    return (struct sized){plan_union_all(b->gen.plan, inputs, count), rows};
}

static struct sized make_limit(struct builder *b, struct sized in)
{
    in = tidied(b, in);
    if (in.rel == NULL)
        return in;
    const struct plan_rel *sorted =
        plan_sort(b->gen.plan, in.rel, random_total_order(&b->gen, in.rel), in.rel->column_count);
    int64_t limit = random_chance(&b->gen, 10) ? -1 : (int64_t)random_pick(&b->gen, 8);
    return (struct sized){
        plan_limit(b->gen.plan, sorted, limit,
                   random_chance(&b->gen, 30) ? (int64_t)random_pick(&b->gen, 4) : 0),
        in.rows};
}

static struct sized make_window(struct builder *b, struct sized in)
{
    struct plan_named outputs[3];
    size_t made = 0, wanted = 1 + random_pick(&b->gen, 3);
    in = tidied(b, in);
    if (in.rel == NULL)
        return in;
    struct random_scope scope = over(in.rel);
    for (int tries = 0; made < wanted && tries < 10; tries++) {
        bool approximate = false;
        const struct plan_expr *call = random_window(&b->gen, &scope, &approximate);
        if (call != NULL)
            outputs[made++] = (struct plan_named){fresh(b, approximate ? "approx" : "w"), call};
    }
    return made == 0 ? (struct sized){0}
                     : (struct sized){plan_window(b->gen.plan, in.rel, outputs, made), in.rows};
}

static struct sized make_explode(struct builder *b, struct sized in)
{
    struct random_scope scope = over(in.rel);
    const struct plan_expr *list = random_expr(&b->gen, &scope, random_letter(&b->gen, "lj"), 2);
    if (list == NULL || in.rows * 6 > MAX_ROWS)
        return (struct sized){0};
    return (struct sized){plan_explode(b->gen.plan, in.rel, list, fresh(b, "e"),
                                       random_chance(&b->gen, 50) ? fresh(b, "n") : NULL,
                                       random_chance(&b->gen, 40)),
                          in.rows * 6};
}

static struct sized make_dedupe(struct builder *b, struct sized in)
{
    const struct plan_expr *keys[2];
    in = tidied(b, in);
    if (in.rel == NULL)
        return in;
    struct random_scope scope = over(in.rel);
    size_t count = random_pick(&b->gen, 3);
    for (size_t i = 0; i < count; i++)
        if ((keys[i] = random_expr(&b->gen, &scope, random_letter(&b->gen, "bitDd"), 1)) == NULL)
            return (struct sized){0};
    return (struct sized){plan_dedupe(b->gen.plan, in.rel, keys, count,
                                      random_total_order(&b->gen, in.rel), in.rel->column_count),
                          in.rows};
}

static struct sized make_merge(struct builder *b, struct sized in)
{
    struct random_scope scope = over(in.rel);
    struct plan_named group = {fresh(b, "g"),
                               random_column(&b->gen, &scope, random_letter(&b->gen, "itD"))};
    struct plan_span span = {.start_name = fresh(b, "s"),
                             .end_name = fresh(b, "e"),
                             .count_name = random_chance(&b->gen, 50) ? fresh(b, "n") : NULL};
    char class = random_letter(&b->gen, "TTDi");
    if (!make_time(b, in, 0, class, &span.left_start) ||
        !make_time(b, in, 0, class, &span.left_end))
        return (struct sized){0};
    span.closed = random_chance(&b->gen, 50);
    span.gap = random_chance(&b->gen, 50) ? 0 : class == 'T' ? 3600000000 : 2;
    return (struct sized){
        plan_interval_merge(b->gen.plan, in.rel, &group,
                            group.expr != NULL && random_chance(&b->gen, 70) ? 1 : 0, &span),
        in.rows};
}

static struct sized make_node(struct builder *b, enum plan_rel_kind kind, struct sized in,
                              int depth)
{
    switch (kind) {
    case PLAN_SCAN:
        return make_scan(b);
    case PLAN_VALUES:
        return make_values(b);
    case PLAN_FILTER:
        return make_filter(b, in);
    case PLAN_PROJECT:
        return make_project(b, in);
    case PLAN_JOIN:
        return make_join(b, in, depth, false);
    case PLAN_INTERVAL_JOIN:
        return make_join(b, in, depth, true);
    case PLAN_AGGREGATE:
        return make_aggregate(b, in);
    case PLAN_UNION:
        return make_union(b, in, depth);
    case PLAN_SORT:
        in = tidied(b, in);
        return in.rel == NULL ? in
                              : (struct sized){plan_sort(b->gen.plan, in.rel,
                                                         random_total_order(&b->gen, in.rel), 1),
                                               in.rows};
    case PLAN_LIMIT:
        return make_limit(b, in);
    case PLAN_DISTINCT:
        in = tidied(b, in);
        return (struct sized){plan_distinct(b->gen.plan, in.rel), in.rows};
    case PLAN_WINDOW:
        return make_window(b, in);
    case PLAN_EXPLODE:
        return make_explode(b, in);
    case PLAN_DEDUPE:
        return make_dedupe(b, in);
    case PLAN_INTERVAL_MERGE:
        return make_merge(b, in);
    }
    return (struct sized){0};
}

static struct sized build(struct builder *b, int depth)
{
    static const enum plan_rel_kind KINDS[] = {
        PLAN_FILTER,        PLAN_FILTER, PLAN_FILTER,  PLAN_PROJECT, PLAN_PROJECT,
        PLAN_PROJECT,       PLAN_JOIN,   PLAN_JOIN,    PLAN_JOIN,    PLAN_AGGREGATE,
        PLAN_AGGREGATE,     PLAN_UNION,  PLAN_LIMIT,   PLAN_SORT,    PLAN_DISTINCT,
        PLAN_WINDOW,        PLAN_WINDOW, PLAN_EXPLODE, PLAN_DEDUPE,  PLAN_INTERVAL_JOIN,
        PLAN_INTERVAL_MERGE};
    struct random_gen *gen = &b->gen;
    if (b->pooled > 0 && random_chance(gen, 12))
        return b->pool[random_pick(gen, (uint32_t)b->pooled)];
    if (depth <= 1 || plan_failed(gen->plan)) {
        struct sized made =
            random_chance(gen, 8) && (gen->options->without_nodes & 1u << PLAN_VALUES) == 0
                ? make_values(b)
                : (struct sized){0};
        return made.rel != NULL ? made : make_scan(b);
    }
    struct sized in = build(b, depth - 1 - (int)random_pick(gen, 2)), made = in;
    for (int tries = 0; tries < 8 && made.rel == in.rel && in.rel != NULL; tries++) {
        enum plan_rel_kind kind = KINDS[random_pick(gen, sizeof KINDS / sizeof KINDS[0])];
        if ((gen->options->without_nodes & 1u << kind) != 0)
            continue;
        made = make_node(b, kind, in, depth - 1 - (int)random_pick(gen, 3));
        made = made.rel == NULL ? in : made;
    }
    if (made.rel != NULL && made.rel != in.rel && random_chance(gen, 8))
        made.rel = plan_label(gen->plan, made.rel, fresh(b, "part_"));
    if (b->pooled < POOL && made.rel != NULL)
        b->pool[b->pooled++] = made;
    return made;
}

/* The result: columns that have an order, approximate ones too; now and then sorted. */
static const struct plan_rel *finish(struct builder *b, struct sized in)
{
    struct plan *plan = b->gen.plan;
    struct plan_named *outputs =
        in.rel == NULL ? NULL : plan_named_array(plan, in.rel->column_count + 1);
    size_t count = 0;
    for (size_t i = 0; outputs != NULL && i < in.rel->column_count; i++)
        if (is_tidy(&in.rel->columns[i]) || random_is_approximate(in.rel->columns[i].name))
            outputs[count++] = (struct plan_named){
                in.rel->columns[i].name, plan_column(plan, in.rel, in.rel->columns[i].name)};
    if (outputs != NULL && count == 0)
        outputs[count++] = (struct plan_named){"nothing", plan_literal_int(plan, 1)};
    bool all = in.rel != NULL && count == in.rel->column_count;
    const struct plan_rel *root = all ? in.rel : plan_project(plan, in.rel, outputs, count);
    if (root == NULL || !random_chance(&b->gen, 20))
        return root;
    struct plan_order order = {plan_column(plan, root, root->columns[0].name),
                               random_chance(&b->gen, 50), random_chance(&b->gen, 50)};
    return random_is_approximate(root->columns[0].name) ? root : plan_sort(plan, root, &order, 1);
}

enum err_code random_case_init(struct random_case *ret, uint64_t seed,
                               const struct random_options *options, struct err *err)
{
    static const struct random_options EVERYTHING;
    *ret = (struct random_case){.seed = seed, .plan = plan_new()};
    struct builder b = {.gen = {.state = seed * 0x9E3779B97F4A7C15u + 1,
                                .options = options != NULL ? options : &EVERYTHING,
                                .out = ret,
                                .plan = ret->plan}};
    if (ret->plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a random case");
    uint64_t state = b.gen.state;
    if (b.gen.options->tables_seed != 0)
        b.gen.state = b.gen.options->tables_seed;
    for (; ret->table_count < RANDOM_TABLES; ret->table_count++)
        TRY(make_table(&b, &LAYOUTS[ret->table_count], &ret->tables[ret->table_count], err));
    b.gen.state = state;
    int depth = b.gen.options->depth > 0 ? b.gen.options->depth : 1 + (int)random_pick(&b.gen, 7);
    ret->root = finish(&b, build(&b, depth));
    enum err_code code = plan_finish(ret->plan, ret->root, err);
    if (code != ERR_OK && err != NULL)
        err_detail(err, "random case %llu", (unsigned long long)seed);
    return code;
}

void random_case_done(struct random_case *random)
{
    for (size_t i = 0; i < RANDOM_TABLES; i++)
        data_schema_done(&random->tables[i].schema);
    plan_free(random->plan);
    *random = (struct random_case){0};
}
