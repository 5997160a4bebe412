/* The plan: arena, sticky error, node ids, column names. Messages name the node, the column and
 * what was expected. Not here: the nodes themselves (build_rel.c, build_expr.c). */
#include "plan/plan_priv.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define FEW_COLUMNS 8
#define NEAREST_BYTES 64 /* longer names get no suggestion */

struct plan *plan_new(void)
{
    struct plan *plan = mem_zalloc(1, sizeof *plan);
    if (plan == NULL)
        return NULL;
    plan->arena = arena_new(0);
    if (plan->arena == NULL) {
        mem_free(plan);
        return NULL;
    }
    plan->next_id = 1;
    plan->id_limit = PLAN_LIMIT_NODES;
    return plan;
}

struct plan *plan_new_over(const struct plan_rel *root)
{
    struct plan *plan = plan_new();
    if (plan != NULL && root != NULL) {
        plan->next_id = root->id + 1;
        plan->id_limit = root->id + PLAN_LIMIT_NODES;
    }
    return plan;
}

void plan_free(struct plan *plan)
{
    if (plan == NULL)
        return;
    arena_free(plan->arena);
    mem_free(plan);
}

struct arena *plan_arena(struct plan *plan)
{
    return plan->arena;
}

bool plan_failed(const struct plan *plan)
{
    return plan == NULL || plan->err.code != ERR_OK;
}

void plan_fail(struct plan *plan, enum err_code code, const char *format, ...)
{
    if (plan_failed(plan))
        return;
    char text[ERR_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    err_set(&plan->err, code, "%s", text);
}

uint32_t plan_next_id(struct plan *plan)
{
    if (plan_failed(plan))
        return 0;
    if (plan->next_id > plan->id_limit) {
        plan_fail(plan, ERR_LIMIT, "the plan has more than %d nodes", PLAN_LIMIT_NODES);
        return 0;
    }
    return plan->next_id++;
}

void *plan_alloc(struct plan *plan, size_t count, size_t bytes)
{
    if (plan_failed(plan))
        return NULL;
    void *memory = arena_array(plan->arena, count == 0 ? 1 : count, bytes);
    if (memory == NULL)
        plan_fail(plan, ERR_MEMORY, "no memory for the plan");
    return memory;
}

const char *plan_strdup(struct plan *plan, const char *text)
{
    if (plan_failed(plan) || text == NULL)
        return NULL;
    const char *copy = arena_strdup(plan->arena, text);
    if (copy == NULL)
        plan_fail(plan, ERR_MEMORY, "no memory for the plan");
    return copy;
}

const char *plan_rel_kind_text(enum plan_rel_kind kind)
{
    switch (kind) {
#define PLAN_REL(name, text)                                                                       \
    case PLAN_##name:                                                                              \
        return text;
#include "plan/rel.def"
#undef PLAN_REL
    }
    return "?";
}

const char *plan_join_kind_text(enum plan_join_kind kind)
{
    switch (kind) {
    case PLAN_JOIN_INNER:
        return "inner";
    case PLAN_JOIN_LEFT:
        return "left";
    case PLAN_JOIN_SEMI:
        return "semi";
    case PLAN_JOIN_ANTI:
        return "anti";
    case PLAN_JOIN_ASOF:
        return "asof";
    }
    return "?";
}

const char *plan_describe(struct plan *plan, const struct plan_rel *rel)
{
    const char *name = rel->label != NULL ? rel->label : rel->table;
    const char *kind = plan_rel_kind_text(rel->kind);
    if (name == NULL)
        return kind;
    const char *text = arena_printf(plan->arena, "%s \"%s\"", kind, name);
    return text != NULL ? text : kind;
}

/* ---- names -------------------------------------------------------------------------------------
 */

static unsigned char lowered(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static uint32_t name_hash(const char *name) /* FNV-1a of the ASCII-lowered name */
{
    uint32_t hash = 2166136261u;
    for (; *name != '\0'; name++)
        hash = (hash ^ lowered(*name)) * 16777619u;
    return hash ^ (hash >> 15);
}

static bool name_equal(const char *a, const char *b)
{
    while (*a != '\0' && lowered(*a) == lowered(*b)) {
        a++;
        b++;
    }
    return lowered(*a) == lowered(*b);
}

static bool few_unique(struct plan *plan, const struct plan_rel *rel)
{
    for (size_t i = 1; i < rel->column_count; i++)
        for (size_t j = 0; j < i; j++)
            if (name_equal(rel->columns[i].name, rel->columns[j].name)) {
                plan_fail(plan, ERR_INPUT,
                          "%s: two columns are named \"%s\"; expected names unique without regard "
                          "to case",
                          plan_describe(plan, rel), rel->columns[i].name);
                return false;
            }
    return true;
}

bool plan_names_build(struct plan *plan, struct plan_rel *rel)
{
    rel->names = NULL;
    if (rel->column_count > PLAN_LIMIT_COLUMNS) {
        plan_fail(plan, ERR_LIMIT, "%s: more than %d columns", plan_describe(plan, rel),
                  PLAN_LIMIT_COLUMNS);
        return false;
    }
    if (rel->column_count <= FEW_COLUMNS)
        return few_unique(plan, rel);
    uint32_t slots = 16;
    while (slots < rel->column_count * 2)
        slots *= 2;
    struct plan_names *names = plan_alloc(plan, 1, sizeof *names + slots * sizeof names->slots[0]);
    if (names == NULL)
        return false;
    names->mask = slots - 1;
    for (size_t i = 0; i < rel->column_count; i++) {
        uint32_t at = name_hash(rel->columns[i].name) & names->mask;
        while (names->slots[at] != 0) {
            if (name_equal(rel->columns[names->slots[at] - 1].name, rel->columns[i].name)) {
                plan_fail(plan, ERR_INPUT,
                          "%s: two columns are named \"%s\"; expected names unique without regard "
                          "to case",
                          plan_describe(plan, rel), rel->columns[i].name);
                return false;
            }
            at = (at + 1) & names->mask;
        }
        names->slots[at] = (uint32_t)i + 1;
    }
    rel->names = names;
    return true;
}

int64_t plan_column_find(const struct plan_rel *rel, const char *name)
{
    if (rel == NULL || name == NULL)
        return -1;
    if (rel->names == NULL) {
        for (size_t i = 0; i < rel->column_count; i++)
            if (name_equal(rel->columns[i].name, name))
                return (int64_t)i;
        return -1;
    }
    uint32_t at = name_hash(name) & rel->names->mask;
    for (; rel->names->slots[at] != 0; at = (at + 1) & rel->names->mask)
        if (name_equal(rel->columns[rel->names->slots[at] - 1].name, name))
            return (int64_t)rel->names->slots[at] - 1;
    return -1;
}

/* Levenshtein distance without regard to ASCII case (Wagner & Fischer 1974), one row kept. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t length = strlen(b);
    size_t row[NEAREST_BYTES + 1];
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t best = diagonal + (lowered(a[i - 1]) != lowered(b[j - 1]));
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[length];
}

void plan_fail_column(struct plan *plan, const struct plan_rel *rel, const char *name)
{
    if (plan_failed(plan))
        return;
    plan_fail(plan, ERR_INPUT, "%s: no column \"%s\" among its %zu", plan_describe(plan, rel), name,
              rel->column_count);
    size_t length = strlen(name);
    size_t best = length / 3 + 2;
    const char *nearest = NULL;
    for (size_t i = 0; i < rel->column_count && length <= NEAREST_BYTES; i++) {
        if (strlen(rel->columns[i].name) > NEAREST_BYTES)
            continue;
        size_t distance = edit_distance(name, rel->columns[i].name);
        if (distance < best) {
            best = distance;
            nearest = rel->columns[i].name;
        }
    }
    if (nearest != NULL) {
        err_hint(&plan->err, "did you mean \"%s\"?", nearest);
    } else if (rel->column_count > 0 && rel->column_count <= 12) {
        struct buf list = BUF_INIT;
        for (size_t i = 0; i < rel->column_count; i++)
            buf_printf(&list, "%s%s", i == 0 ? "" : ", ", rel->columns[i].name);
        err_hint(&plan->err, "its columns: %s", buf_text(&list));
        buf_done(&list);
    }
}

enum err_code plan_finish(struct plan *plan, const struct plan_rel *root, struct err *err)
{
    if (plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the plan");
    if (plan->err.code != ERR_OK) {
        if (err != NULL)
            *err = plan->err;
        return plan->err.code;
    }
    if (root == NULL)
        return err_set(err, ERR_INPUT, "the plan has no root relation");
    return ERR_OK;
}
