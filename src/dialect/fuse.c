/* Fusing: the aggregates of one node that look at the same column become one native aggregate that
 * returns a struct, written in a CTE; the block above takes its fields out.
 *
 *     n: count_distinct(drug)         WITH labs_totals AS (
 *     m: mode(drug)                       SELECT id, marrow_values(drug) AS drug_values FROM …
 *                               →         GROUP BY id)
 *                                     SELECT id, drug_values.distinct AS n, drug_values.mode AS m
 *
 *     count, count_distinct, mode      marrow_values   where one of the latter two is asked for
 *     first_by, last_by of one key     marrow_ends
 *     count_rows where x = literal     marrow_levels   from two on, twelve in one
 *
 * Only below GROUP BY: over a whole table DuckDB's own count(DISTINCT) can spill. Calls are the
 * same when their text is. The result is that of the single calls, so the plan knows nothing of it.
 */
#include "dialect/emit_priv.h"

#include <string.h>

#define LEVELS_MOST 12

enum fused_kind { FUSED_VALUES, FUSED_ENDS, FUSED_LEVELS };
struct fused { /* one native call */
    struct fused *next;
    enum fused_kind kind;
    struct str argument, key, filter; /* texts; key of ENDS, filter with " FILTER (…)" or empty */
    const struct plan_expr *levels[LEVELS_MOST];
    size_t members;
    bool worth;
    const char *wish; /* column's name, for its own */
    size_t column;    /* of the CTE */
};
struct part {            /* what became of an output */
    struct fused *fused; /* NULL: written as it is */
    const char *field;
    size_t column; /* of the CTE */
};
struct fusing {
    struct emit *emit;
    const struct env *env;
    const struct plan_rel *rel;
    struct fused *first, **last;
    struct part *parts;
    bool worth;
};

static bool is_held(enum data_kind kind)
{
    return kind == DATA_TEXT || kind == DATA_BIGINT || kind == DATA_DOUBLE || kind == DATA_DATE ||
           kind == DATA_TIMESTAMP;
}

static bool is_key(enum data_kind kind)
{
    return kind == DATA_BIGINT || kind == DATA_DECIMAL || kind == DATA_DATE ||
           kind == DATA_TIMESTAMP;
}

static struct str filter_text(const struct fusing *fusing, const struct plan_expr *where)
{
    if (where == NULL)
        return (struct str){NULL, 0};
    struct piece piece = emit_piece(fusing->emit, fusing->env, where, true);
    const char *text = arena_printf(fusing->emit->arena, " FILTER (WHERE %s)", piece.text.ptr);
    return text != NULL ? str_of(text) : (struct str){NULL, 0};
}

/* Where the level is in the call; members: it is not. */
static size_t level_at(const struct fused *fused, const struct plan_expr *level)
{
    size_t at = 0;
    while (at < fused->members && strcmp(fused->levels[at]->literal, level->literal) != 0)
        at++;
    return at;
}

/* The native call that looks at the same, or a new one. */
static struct fused *fused_for(struct fusing *fusing, const struct fused *wanted)
{
    for (struct fused *fused = fusing->first; fused != NULL; fused = fused->next)
        if (fused->kind == wanted->kind && str_equal(fused->argument, wanted->argument) &&
            str_equal(fused->key, wanted->key) && str_equal(fused->filter, wanted->filter) &&
            (fused->kind != FUSED_LEVELS || level_at(fused, wanted->levels[0]) < LEVELS_MOST))
            return fused;
    struct fused *fused = arena_alloc(fusing->emit->arena, sizeof *fused);
    if (fused == NULL) {
        fusing->emit->failed = true;
        return NULL;
    }
    *fused = *wanted; /* members 0: a level is entered by fuse_level */
    *fusing->last = fused;
    fusing->last = &fused->next;
    return fused;
}

static struct fused *fuse_into(struct fusing *fusing, size_t output, struct fused wanted,
                               const struct plan_expr *argument, const char *field)
{
    struct piece piece = emit_piece(fusing->emit, fusing->env, argument, true);
    wanted.argument = piece.text;
    wanted.wish = piece.column != NULL ? piece.column : "value";
    struct fused *fused = fused_for(fusing, &wanted);
    fusing->parts[output].fused = fused;
    fusing->parts[output].field = field;
    return fused;
}

/* count_rows where x = literal */
static void fuse_level(struct fusing *fusing, size_t output, const struct plan_expr *where)
{
    static const char *const FIELDS[LEVELS_MOST] = {"n1", "n2", "n3", "n4",  "n5",  "n6",
                                                    "n7", "n8", "n9", "n10", "n11", "n12"};
    if (where == NULL || where->kind != PLAN_CALL || where->function->id != PLAN_FUNCTION_EQ)
        return;
    bool swapped = where->args[0]->kind == PLAN_LITERAL;
    const struct plan_expr *value = where->args[swapped ? 1 : 0];
    const struct plan_expr *level = where->args[swapped ? 0 : 1];
    enum data_kind kind = value->type.kind;
    if (level->kind != PLAN_LITERAL || level->literal == NULL || level->type.kind != kind ||
        value->kind == PLAN_LITERAL || (kind != DATA_TEXT && kind != DATA_BIGINT))
        return;
    struct fused *fused = fuse_into(
        fusing, output, (struct fused){.kind = FUSED_LEVELS, .levels = {level}}, value, NULL);
    if (fused == NULL)
        return;
    size_t at = level_at(fused, level);
    if (at == fused->members)
        fused->levels[fused->members++] = level;
    fused->worth = fused->members > 1;
    fusing->parts[output].field = FIELDS[at];
}

static void fuse_output(struct fusing *fusing, size_t output)
{
    const struct plan_expr *call = fusing->rel->outputs[output].expr;
    if (call->kind != PLAN_AGGREGATE_CALL || call->distinct)
        return;
    enum plan_function_id id = call->function->id;
    if (id == PLAN_FUNCTION_COUNT_ROWS)
        fuse_level(fusing, output, call->where);
    if (call->arg_count == 0 || !is_held(call->args[0]->type.kind))
        return;
    bool ends = (id == PLAN_FUNCTION_FIRST_BY || id == PLAN_FUNCTION_LAST_BY) &&
                call->arg_count == 2 && is_key(call->args[1]->type.kind);
    const char *field = id == PLAN_FUNCTION_COUNT            ? "count"
                        : id == PLAN_FUNCTION_COUNT_DISTINCT ? "distinct"
                        : id == PLAN_FUNCTION_MODE           ? "mode"
                        : !ends                              ? NULL
                        : id == PLAN_FUNCTION_FIRST_BY       ? "first"
                                                             : "last";
    if (field == NULL)
        return;
    struct fused wanted = {.kind = ends ? FUSED_ENDS : FUSED_VALUES,
                           .filter = filter_text(fusing, call->where)};
    if (ends)
        wanted.key = emit_piece(fusing->emit, fusing->env, call->args[1], true).text;
    struct fused *fused = fuse_into(fusing, output, wanted, call->args[0], field);
    if (fused != NULL)
        fused->worth = fused->worth || id != PLAN_FUNCTION_COUNT;
}

/* ["a", "b"] as a quoted text. */
static struct str levels_text(struct emit *emit, const struct fused *fused)
{
    struct buf json = BUF_INIT;
    buf_putc(&json, '[');
    for (size_t i = 0; i < fused->members; i++) {
        const struct plan_expr *level = fused->levels[i];
        buf_puts(&json, i > 0 ? ", " : "");
        if (level->type.kind == DATA_TEXT)
            data_json_escape(str_of(level->literal), &json);
        else
            buf_puts(&json, level->literal);
    }
    buf_putc(&json, ']');
    emit_quoted(&emit->scratch, buf_view(&json));
    emit->failed = emit->failed || json.failed;
    buf_done(&json);
    return emit_copy(emit, &emit->scratch);
}

static struct piece fused_piece(struct emit *emit, const struct fused *fused)
{
    static const char *const NAMES[] = {"marrow_values", "marrow_ends", "marrow_levels"};
    struct buf *out = &emit->scratch;
    struct str more = fused->kind == FUSED_LEVELS ? levels_text(emit, fused) : fused->key;
    buf_printf(out, "%s(%s", NAMES[fused->kind], fused->argument.ptr);
    if (more.len > 0)
        buf_printf(out, ", %s", more.ptr);
    buf_putc(out, ')');
    buf_add_str(out, fused->filter);
    return (struct piece){.text = emit_copy(emit, out), .precedence = PRECEDENCE_ATOM};
}

/* The CTE's columns: the groups, the outputs that stay, the native calls. */
static struct plan_rel *lower_rel(const struct fusing *fusing, struct block *block,
                                  const struct piece *columns)
{
    static const char *const SUFFIXES[] = {"values", "ends", "levels"};
    struct emit *emit = fusing->emit;
    const struct plan_rel *rel = fusing->rel;
    struct plan_rel *lower = arena_alloc(emit->arena, sizeof *lower);
    struct plan_column *names = arena_array(emit->arena, 2 * rel->column_count, sizeof *names);
    block->columns = arena_array(emit->arena, 2 * rel->column_count, sizeof *block->columns);
    if (lower == NULL || names == NULL || block->columns == NULL)
        return NULL;
    struct aliases *taken = NULL;
    size_t count = 0;
    for (size_t i = 0; i < rel->column_count; i++) {
        struct part *part = i < rel->group_count ? NULL : &fusing->parts[i - rel->group_count];
        if (part != NULL && part->fused != NULL)
            continue;
        names[count].name = emit_unique(emit, &taken, rel->columns[i].name);
        block->columns[count] = columns[i];
        if (part != NULL)
            part->column = count;
        count++;
    }
    for (struct fused *fused = fusing->first; fused != NULL; fused = fused->next) {
        if (!fused->worth)
            continue;
        const char *wish = arena_printf(emit->arena, "%s_%s", fused->wish, SUFFIXES[fused->kind]);
        names[count].name = emit_unique(emit, &taken, wish != NULL ? wish : "");
        block->columns[count] = fused_piece(emit, fused);
        fused->column = count++;
    }
    block->column_count = count;
    *lower = (struct plan_rel){.kind = PLAN_AGGREGATE, .columns = names, .column_count = count};
    return lower;
}

/* The node's columns over the CTE's. */
static struct piece *upper_columns(const struct fusing *fusing, const struct piece *lower)
{
    const struct plan_rel *rel = fusing->rel;
    struct piece *columns = arena_array(fusing->emit->arena, rel->column_count, sizeof *columns);
    for (size_t i = 0; columns != NULL && i < rel->column_count; i++) {
        const struct part *part =
            i < rel->group_count ? NULL : &fusing->parts[i - rel->group_count];
        if (part == NULL || part->fused == NULL) {
            columns[i] = lower[part != NULL ? part->column : i];
            continue;
        }
        buf_printf(&fusing->emit->scratch, "%s.%s", lower[part->fused->column].text.ptr,
                   part->field);
        columns[i] = (struct piece){.text = emit_copy(fusing->emit, &fusing->emit->scratch),
                                    .precedence = PRECEDENCE_ATOM};
    }
    return columns;
}

static bool fuse_outputs(struct fusing *fusing)
{
    const struct plan_rel *rel = fusing->rel;
    bool worth = false;
    for (size_t i = 0; i < rel->output_count; i++)
        fuse_output(fusing, i);
    for (size_t i = 0; i < rel->output_count; i++) {
        struct part *part = &fusing->parts[i];
        if (part->fused != NULL && !part->fused->worth)
            part->fused = NULL;
        worth = worth || part->fused != NULL;
    }
    return worth;
}

struct block *emit_fused(struct emit *emit, const struct plan_rel *rel, const struct env *env,
                         struct block *block, struct aliases **aliases)
{
    struct fusing fusing = {.emit = emit, .env = env, .rel = rel};
    fusing.last = &fusing.first;
    fusing.parts = arena_array(emit->arena, rel->output_count + 1, sizeof *fusing.parts);
    if (fusing.parts == NULL || !fuse_outputs(&fusing))
        return block;
    const struct plan_rel *lower = lower_rel(&fusing, block, block->columns);
    struct block *upper = lower != NULL ? emit_fold(emit, block, lower, aliases) : NULL;
    struct piece *columns = upper != NULL ? upper_columns(&fusing, upper->columns) : NULL;
    if (columns == NULL) {
        emit->failed = true;
        return NULL;
    }
    upper->columns = columns;
    upper->column_count = rel->column_count;
    return upper;
}
