/* The plan as Substrait (substrait.io): protobuf bytes that an engine takes in place of SQL text.
 *
 *     filter value > 5          Plan { root { filter { input { read labs },
 *       scan labs          →        condition { gt, $2, 5 } } }, extensions { 1 = gt:any_any } }
 *
 * Relations become one another's inputs as they are; aggregates and windows become a relation of
 * their functions and, where an output is more than one of them, a project above. What cannot be
 * said is found on the way and told, as dialect_missing tells it; what DataFusion's SQL lacks is
 * among it, since its functions are the same. */
#include <string.h>

#include "dialect/emit_priv.h"
#include "dialect/substrait_priv.h"
#include "plan/rewrite.h"

enum rel_field { /* of message Rel */
                 REL_READ = 1,
                 REL_FILTER = 2,
                 REL_FETCH = 3,
                 REL_AGGREGATE = 4,
                 REL_SORT = 5,
                 REL_JOIN = 6,
                 REL_PROJECT = 7,
                 REL_SET = 8,
                 REL_CROSS = 12,
};

#define TOO_LONG "a plan of more than 16 MiB"

static void relation(struct substrait *sub, const struct plan_rel *rel, struct wire *out);

void substrait_lacks(struct substrait *sub, const char *word)
{
    if (sub->first == NULL)
        sub->first = sub->at;
    for (size_t i = 0; i < sub->word_count; i++)
        if (strcmp(sub->words[i], word) == 0)
            return;
    if (sub->word_count == sub->word_cap) {
        size_t cap = sub->word_cap * 2 + 8;
        const char **grown = mem_resize(sub->words, cap, sizeof *grown);
        sub->failed = sub->failed || grown == NULL;
        if (grown == NULL)
            return;
        sub->words = grown;
        sub->word_cap = cap;
    }
    sub->words[sub->word_count++] = word;
}

/* ---- parts --------------------------------------------------------------------------------------
 */

/* A message of type Rel in field. */
static void input(struct substrait *sub, const struct plan_rel *rel, unsigned field,
                  struct wire *out)
{
    const struct plan_rel *at = sub->at;
    size_t opened = wire_open(out, field);
    relation(sub, rel, out);
    wire_close(out, opened);
    sub->at = at;
}

/* A message of type Expression in field. */
static void expression(struct substrait *sub, const struct substrait_env *env,
                       const struct plan_expr *expr, unsigned field, struct wire *out)
{
    size_t opened = wire_open(out, field);
    (void)substrait_expr(sub, env, expr, out);
    wire_close(out, opened);
}

static void field_expression(size_t column, unsigned field, struct wire *out)
{
    size_t opened = wire_open(out, field);
    substrait_field(out, column);
    wire_close(out, opened);
}

/* RelCommon: a project gives its count own columns only, which are behind those of its input. */
static void emit_own(struct substrait *sub, size_t before, size_t count, struct wire *out)
{
    uint32_t *columns = arena_array(sub->arena, count + 1, sizeof *columns);
    if (columns == NULL) {
        sub->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++)
        columns[i] = (uint32_t)(before + i);
    size_t common = wire_open(out, 1), emit = wire_open(out, 2);
    wire_numbers(out, 1, columns, count);
    wire_close(out, emit);
    wire_close(out, common);
}

/* NamedStruct in field 2. */
static void base_schema(struct substrait *sub, const struct plan_rel *rel, struct wire *out)
{
    size_t schema = wire_open(out, 2);
    for (size_t i = 0; i < rel->column_count; i++)
        wire_text(out, 1, str_of(rel->columns[i].name));
    size_t record = wire_open(out, 2);
    for (size_t i = 0; i < rel->column_count; i++)
        substrait_type(sub, out, 1, rel->columns[i].type);
    wire_number(out, 3, 2); /* a row is there */
    wire_close(out, record);
    wire_close(out, schema);
}

/* ---- relations ----------------------------------------------------------------------------------
 */

static void scan(struct substrait *sub, const struct plan_rel *rel, struct wire *out)
{
    size_t read = wire_open(out, REL_READ);
    base_schema(sub, rel, out);
    size_t table = wire_open(out, 7);
    if (sub->schema != NULL)
        wire_text(out, 1, str_of(sub->schema));
    wire_text(out, 1, str_of(rel->table));
    wire_close(out, table);
    wire_close(out, read);
}

static void values(struct substrait *sub, const struct plan_rel *rel, struct wire *out)
{
    struct substrait_env env = {.left = 0};
    size_t read = wire_open(out, REL_READ);
    base_schema(sub, rel, out);
    size_t table = wire_open(out, 5);
    for (size_t row = 0; row < rel->row_count; row++) {
        size_t record = wire_open(out, 2);
        for (size_t i = 0; i < rel->column_count; i++)
            expression(sub, &env, rel->cells[row * rel->column_count + i], 1, out);
        wire_close(out, record);
    }
    wire_close(out, table);
    wire_close(out, read);
}

static void filter(struct substrait *sub, const struct plan_rel *rel, struct wire *out)
{
    struct substrait_env env = {.left = 0};
    size_t opened = wire_open(out, REL_FILTER);
    input(sub, rel->inputs[0], 2, out);
    expression(sub, &env, rel->predicate, 3, out);
    wire_close(out, opened);
}

static void project(struct substrait *sub, const struct plan_rel *rel, struct wire *out)
{
    struct substrait_env env = {.left = 0};
    size_t opened = wire_open(out, REL_PROJECT);
    emit_own(sub, rel->inputs[0]->column_count, rel->output_count, out);
    input(sub, rel->inputs[0], 2, out);
    for (size_t i = 0; i < rel->output_count; i++)
        expression(sub, &env, rel->outputs[i].expr, 3, out);
    wire_close(out, opened);
}

/* Keys and residual as one condition. */
static void condition(struct substrait *sub, const struct plan_rel *rel, struct wire *out)
{
    struct substrait_env env = {.left = rel->inputs[0]->column_count};
    size_t parts = rel->key_count + (rel->predicate != NULL ? 1 : 0);
    struct wire both = {0};
    char ignored;
    for (size_t i = 0; i < parts; i++) {
        size_t argument = parts > 1 ? wire_open(&both, 4) : 0;
        size_t value = parts > 1 ? wire_open(&both, 3) : 0;
        if (i < rel->key_count) {
            const struct plan_expr *args[] = {rel->left_keys[i], rel->right_keys[i]};
            struct plan_expr key = {
                .kind = PLAN_CALL, .type = DATA_TYPE(BOOLEAN), .args = args, .arg_count = 2};
            (void)substrait_template(sub, &env, &key, "equal(%*)", &both);
        } else {
            (void)substrait_expr(sub, &env, rel->predicate, &both);
        }
        if (parts > 1) {
            wire_close(&both, value);
            wire_close(&both, argument);
        }
    }
    if (parts == 0)
        substrait_literal(sub, &both, DATA_TYPE(BOOLEAN), "true");
    if (parts > 1) {
        size_t function = wire_open(out, 3);
        wire_number(out, 1, substrait_function(sub, STR("and"), &DATA_TYPE(BOOLEAN), 1, &ignored));
        substrait_type(sub, out, 3, DATA_TYPE(BOOLEAN));
        wire_add(out, &both);
        wire_close(out, function);
    } else {
        wire_add(out, &both);
    }
    buf_done(&both.bytes);
}

static void join(struct substrait *sub, const struct plan_rel *rel, struct wire *out)
{
    static const unsigned char types[] = {[PLAN_JOIN_INNER] = 1,
                                          [PLAN_JOIN_LEFT] = 3,
                                          [PLAN_JOIN_SEMI] = 5,
                                          [PLAN_JOIN_ANTI] = 6,
                                          [PLAN_JOIN_ASOF] = 0 /* expanded */};
    bool cross = rel->join == PLAN_JOIN_INNER && rel->key_count == 0 && rel->predicate == NULL;
    size_t opened = wire_open(out, cross ? REL_CROSS : REL_JOIN);
    input(sub, rel->inputs[0], 2, out);
    input(sub, rel->inputs[1], 3, out);
    if (!cross) {
        size_t on = wire_open(out, 4);
        condition(sub, rel, out);
        wire_close(out, on);
        wire_number(out, 6, types[rel->join]);
    }
    wire_close(out, opened);
}

static void distinct(struct substrait *sub, const struct plan_rel *rel, struct wire *out)
{
    uint32_t *columns = arena_array(sub->arena, rel->column_count + 1, sizeof *columns);
    size_t opened = wire_open(out, REL_AGGREGATE);
    input(sub, rel->inputs[0], 2, out);
    sub->failed = sub->failed || columns == NULL;
    for (size_t i = 0; columns != NULL && i < rel->column_count; i++)
        columns[i] = (uint32_t)i;
    size_t grouping = wire_open(out, 3);
    if (columns != NULL)
        wire_numbers(out, 2, columns, rel->column_count);
    wire_close(out, grouping);
    for (size_t i = 0; i < rel->column_count; i++)
        field_expression(i, 5, out);
    wire_close(out, opened);
}

static void union_all(struct substrait *sub, const struct plan_rel *rel, struct wire *out)
{
    if (rel->input_count == 1) {
        relation(sub, rel->inputs[0], out);
        return;
    }
    size_t opened = wire_open(out, REL_SET);
    for (size_t i = 0; i < rel->input_count; i++)
        input(sub, rel->inputs[i], 2, out);
    wire_number(out, 3, 6);
    wire_close(out, opened);
}

static void sort(struct substrait *sub, const struct plan_rel *rel, struct wire *out)
{
    struct substrait_env env = {.left = 0};
    size_t opened = wire_open(out, REL_SORT);
    input(sub, rel->inputs[0], 2, out);
    substrait_sort(sub, &env, rel->order, rel->order_count, 3, out);
    wire_close(out, opened);
}

static void count_of_rows(struct substrait *sub, int64_t rows, unsigned field, struct wire *out)
{
    const char *text = arena_printf(sub->arena, "%lld", (long long)rows);
    size_t opened = wire_open(out, field);
    sub->failed = sub->failed || text == NULL;
    substrait_literal(sub, out, DATA_TYPE(BIGINT), text != NULL ? text : "0");
    wire_close(out, opened);
}

static void limit(struct substrait *sub, const struct plan_rel *rel, struct wire *out)
{
    size_t opened = wire_open(out, REL_FETCH);
    input(sub, rel->inputs[0], 2, out);
    if (rel->offset > 0)
        count_of_rows(sub, rel->offset, 5, out);
    if (rel->limit >= 0)
        count_of_rows(sub, rel->limit, 6, out);
    wire_close(out, opened);
}

/* ---- aggregates and windows ---------------------------------------------------------------------
 */

/* The outputs as expressions over the functions that they collect; plain: output i is function i.
 */
static struct wire *outputs(struct substrait *sub, const struct plan_rel *rel,
                            struct collected *collected, bool *ret_plain)
{
    struct substrait_env env = {.left = 0, .collected = collected};
    struct wire *exprs = arena_array(sub->arena, rel->output_count + 1, sizeof *exprs);
    *ret_plain = true;
    sub->failed = sub->failed || exprs == NULL;
    for (size_t i = 0; exprs != NULL && i < rel->output_count; i++) {
        struct wire expected = {0};
        (void)substrait_expr(sub, &env, rel->outputs[i].expr, &exprs[i]);
        substrait_field(&expected, collected->before + i);
        *ret_plain = *ret_plain && collected->count == i + 1 &&
                     str_equal(buf_view(&expected.bytes), buf_view(&exprs[i].bytes));
        buf_done(&expected.bytes);
    }
    return exprs;
}

static void measures(struct substrait *sub, const struct plan_rel *rel,
                     const struct collected *collected, struct wire *out)
{
    struct substrait_env env = {.left = 0};
    uint32_t *keys = arena_array(sub->arena, rel->group_count + 1, sizeof *keys);
    sub->failed = sub->failed || keys == NULL;
    size_t opened = wire_open(out, REL_AGGREGATE);
    input(sub, rel->inputs[0], 2, out);
    for (size_t i = 0; keys != NULL && i < rel->group_count; i++)
        keys[i] = (uint32_t)i;
    if (keys != NULL && rel->group_count > 0) {
        size_t grouping = wire_open(out, 3);
        wire_numbers(out, 2, keys, rel->group_count);
        wire_close(out, grouping);
    }
    for (size_t i = 0; i < collected->count; i++) {
        size_t measure = wire_open(out, 4);
        wire_add(out, &collected->calls[i]);
        wire_close(out, measure);
    }
    for (size_t i = 0; i < rel->group_count; i++)
        expression(sub, &env, rel->groups[i].expr, 5, out);
    wire_close(out, opened);
}

static void window_functions(struct substrait *sub, const struct plan_rel *rel,
                             const struct collected *collected, struct wire *out)
{
    size_t opened = wire_open(out, REL_PROJECT);
    input(sub, rel->inputs[0], 2, out);
    for (size_t i = 0; i < collected->count; i++) {
        size_t part = wire_open(out, 3);
        wire_add(out, &collected->calls[i]);
        wire_close(out, part);
    }
    wire_close(out, opened);
}

/* AGGREGATE: keys, then functions; WINDOW: the input's columns, then functions. A project above
 * makes the outputs of them, unless they are the outputs. */
static void over_functions(struct substrait *sub, const struct plan_rel *rel, struct wire *out)
{
    bool plain, aggregates = rel->kind == PLAN_AGGREGATE;
    size_t before = aggregates ? rel->group_count : rel->inputs[0]->column_count;
    struct collected collected = {.before = before};
    struct wire *exprs = outputs(sub, rel, &collected, &plain);
    if (aggregates && rel->group_count == 0 && collected.count == 0)
        substrait_lacks(sub, "an aggregate without a function");
    size_t opened = plain ? 0 : wire_open(out, REL_PROJECT);
    if (!plain)
        emit_own(sub, before + collected.count, before + rel->output_count, out);
    size_t below = plain ? 0 : wire_open(out, 2);
    if (aggregates)
        measures(sub, rel, &collected, out);
    else
        window_functions(sub, rel, &collected, out);
    if (!plain) {
        wire_close(out, below);
        for (size_t i = 0; i < before; i++)
            field_expression(i, 3, out);
        for (size_t i = 0; exprs != NULL && i < rel->output_count; i++) {
            size_t part = wire_open(out, 3);
            wire_add(out, &exprs[i]);
            wire_close(out, part);
        }
        wire_close(out, opened);
    }
    for (size_t i = 0; exprs != NULL && i < rel->output_count; i++)
        buf_done(&exprs[i].bytes);
    for (size_t i = 0; i < collected.count; i++)
        buf_done(&collected.calls[i].bytes);
    mem_free(collected.calls);
}

/* ---- the plan -----------------------------------------------------------------------------------
 */

static void relation_itself(struct substrait *sub, const struct plan_rel *rel, struct wire *out)
{
    const char *lacks = dialect_datafusion.lacks_rel(rel);
    sub->at = rel;
    if (lacks != NULL)
        substrait_lacks(sub, lacks);
    switch (rel->kind) {
    case PLAN_SCAN:
        scan(sub, rel, out);
        return;
    case PLAN_VALUES:
        values(sub, rel, out);
        return;
    case PLAN_FILTER:
        filter(sub, rel, out);
        return;
    case PLAN_PROJECT:
        project(sub, rel, out);
        return;
    case PLAN_JOIN:
        join(sub, rel, out);
        return;
    case PLAN_AGGREGATE:
    case PLAN_WINDOW:
        over_functions(sub, rel, out);
        return;
    case PLAN_UNION:
        union_all(sub, rel, out);
        return;
    case PLAN_SORT:
        sort(sub, rel, out);
        return;
    case PLAN_LIMIT:
        limit(sub, rel, out);
        return;
    case PLAN_DISTINCT:
        distinct(sub, rel, out);
        return;
    case PLAN_EXPLODE: /* Substrait has no relation for it */
        substrait_lacks(sub, "explode");
        for (size_t i = 0; i < rel->input_count; i++)
            relation(sub, rel->inputs[i], out);
        return;
    case PLAN_DEDUPE: /* expanded before */
    case PLAN_INTERVAL_JOIN:
    case PLAN_INTERVAL_MERGE:
        substrait_lacks(sub, plan_rel_kind_text(rel->kind));
        return;
    }
}

/* Rel's content: written once and copied where the relation has several readers. */
static void relation(struct substrait *sub, const struct plan_rel *rel, struct wire *out)
{
    struct wire *memo = &sub->memo[rel->id];
    if (sub->failed)
        return;
    if (sub->uses[rel->id] <= 1) {
        relation_itself(sub, rel, out);
        return;
    }
    if (memo->bytes.len == 0)
        relation_itself(sub, rel, memo);
    if (out->bytes.len + memo->bytes.len > SUBSTRAIT_LIMIT_BYTES)
        substrait_lacks(sub, TOO_LONG);
    else
        wire_add(out, memo);
}

static void survey(struct substrait *sub, const struct plan_rel *rel)
{
    if (sub->uses[rel->id]++ > 0)
        return;
    for (size_t i = 0; i < rel->input_count; i++)
        survey(sub, rel->inputs[i]);
}

/* The root's columns as every engine gives them: of the plan's types, lists as JSON text. */
static bool settles(struct data_type type)
{
    return type.kind == DATA_DECIMAL || type.kind == DATA_TIMESTAMP || type.kind == DATA_LIST;
}
static void settled(struct substrait *sub, const struct plan_rel *root, struct wire *out)
{
    struct substrait_env env = {.left = 0};
    bool any = false;
    for (size_t i = 0; i < root->column_count; i++) {
        any = any || settles(root->columns[i].type);
    }
    if (!any) {
        relation(sub, root, out);
        return;
    }
    size_t project = wire_open(out, REL_PROJECT);
    emit_own(sub, root->column_count, root->column_count, out);
    input(sub, root, 2, out);
    for (size_t i = 0; i < root->column_count; i++) {
        struct plan_expr column = {.kind = PLAN_COLUMN, .type = root->columns[i].type, .idx = i};
        const struct plan_expr *args[] = {&column};
        struct plan_expr cast = {
            .kind = PLAN_CAST, .type = column.type, .args = args, .arg_count = 1};
        size_t part = wire_open(out, 3);
        if (!settles(column.type))
            substrait_field(out, i);
        else
            (void)substrait_template(sub, &env, &cast,
                                     column.type.kind == DATA_LIST
                                         ? "str_concat('[', array_to_string(%1, ',', 'null'), ']')"
                                         : "cast(T, %1)",
                                     out);
        wire_close(out, part);
    }
    wire_close(out, project);
}

/* Extensions come first in the fields' order, but are known last: fields of a message may stand in
 * any order. */
static void extensions(const struct substrait *sub, struct wire *out)
{
    for (unsigned urn = 1; substrait_urn(urn) != NULL; urn++) {
        bool used = false;
        for (size_t i = 0; i < sub->name_count; i++)
            used = used || sub->names[i].urn == urn;
        if (!used)
            continue;
        size_t extension = wire_open(out, 8);
        wire_number(out, 1, urn);
        wire_text(out, 2, str_of(substrait_urn(urn)));
        wire_close(out, extension);
    }
    for (size_t i = 0; i < sub->name_count; i++) {
        size_t declaration = wire_open(out, 2), function = wire_open(out, 3);
        wire_number(out, 2, (int64_t)i + 1);
        wire_text(out, 3, str_of(sub->names[i].name));
        wire_number(out, 4, sub->names[i].urn);
        wire_close(out, function);
        wire_close(out, declaration);
    }
}

static void whole_plan(struct substrait *sub, const struct plan_rel *root, struct wire *out)
{
    survey(sub, root);
    size_t plan_rel = wire_open(out, 3), rel_root = wire_open(out, 2), rel = wire_open(out, 1);
    settled(sub, root, out);
    wire_close(out, rel);
    for (size_t i = 0; i < root->column_count; i++)
        wire_text(out, 2, str_of(root->columns[i].name));
    wire_close(out, rel_root);
    wire_close(out, plan_rel);
    size_t version = wire_open(out, 6);
    wire_number(out, 2, SUBSTRAIT_VERSION_MINOR);
    wire_text(out, 5, STR("marrow"));
    wire_close(out, version);
    struct wire names = {0};
    extensions(sub, &names);
    wire_add(out, &names);
    buf_done(&names.bytes);
    if (out->deepest >= SUBSTRAIT_LIMIT_DEPTH)
        substrait_lacks(sub, "a plan of more than 100 nested messages");
    if (out->bytes.len > SUBSTRAIT_LIMIT_BYTES)
        substrait_lacks(sub, TOO_LONG);
}

static enum err_code encode(struct substrait *sub, const struct plan_rel *root, struct wire *out,
                            struct err *err)
{
    sub->uses = arena_array(sub->arena, (size_t)root->id + 1, sizeof *sub->uses);
    sub->memo = arena_array(sub->arena, (size_t)root->id + 1, sizeof *sub->memo);
    sub->failed = sub->uses == NULL || sub->memo == NULL;
    if (!sub->failed)
        whole_plan(sub, root, out);
    for (size_t i = 0; sub->memo != NULL && i <= root->id; i++)
        buf_done(&sub->memo[i].bytes);
    mem_free(sub->names);
    if (sub->failed || arena_failed(sub->arena) || out->bytes.failed)
        return err_set(err, ERR_MEMORY, "no memory for the plan as Substrait");
    return ERR_OK;
}

static enum err_code refuse(const struct substrait *sub, struct err *err)
{
    const struct plan_rel *at = sub->first;
    const char *label = at == NULL ? NULL : at->label != NULL ? at->label : at->table;
    return err_set(err, ERR_UNSUPPORTED, "%s%s%s%s: %s cannot be said in Substrait",
                   at == NULL ? "plan" : plan_rel_kind_text(at->kind), label != NULL ? " \"" : "",
                   label != NULL ? label : "", label != NULL ? "\"" : "", sub->words[0]);
}

enum err_code dialect_substrait(const struct plan_rel *root, const char *schema, struct buf *ret,
                                struct err *err)
{
    if (root == NULL)
        return err_set(err, ERR_INPUT, "the plan has no root relation");
    AUTO(plan_free) struct plan *over = plan_new_over(root);
    AUTO(arena_free) struct arena *arena = arena_new(0);
    struct substrait sub = {.arena = arena, .schema = schema};
    struct wire out = {0};
    const struct plan_rel *plain = NULL;
    if (arena == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the plan as Substrait");
    TRY(plan_expand(over, root, &plain, err));
    enum err_code code = encode(&sub, plain, &out, err);
    if (code == ERR_OK && sub.word_count > 0)
        code = refuse(&sub, err);
    if (code == ERR_OK)
        buf_add_str(ret, buf_view(&out.bytes));
    buf_done(&out.bytes);
    mem_free(sub.words);
    return code == ERR_OK ? buf_check(ret, err) : code;
}

enum err_code dialect_substrait_missing(const struct plan_rel *root, const char ***ret,
                                        size_t *ret_count, struct err *err)
{
    *ret = NULL;
    *ret_count = 0;
    if (root == NULL)
        return err_set(err, ERR_INPUT, "the plan has no root relation");
    AUTO(plan_free) struct plan *over = plan_new_over(root);
    AUTO(arena_free) struct arena *arena = arena_new(0);
    struct substrait sub = {.arena = arena};
    struct wire out = {0};
    const struct plan_rel *plain = NULL;
    if (arena == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the plan as Substrait");
    TRY(plan_expand(over, root, &plain, err));
    enum err_code code = encode(&sub, plain, &out, err);
    buf_done(&out.bytes);
    if (code != ERR_OK) {
        mem_free(sub.words);
        return code;
    }
    *ret = sub.words;
    *ret_count = sub.word_count;
    return ERR_OK;
}
